//! A container's root: its layers, its devices, its volumes, and nothing else of the machine.
//!
//! The order is what keeps a hostile image in: everything of the machine that will be seen is opened first; then the layers
//! become the root and the machine's own is let go; only then are mounts put in their places, whose names go through
//! whatever links the image has, and end in the image.

use std::fs;
use std::io::{self, Write as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _, symlink};
use std::path::Path;

use rustix_namespaces::fs::{CWD, FileType, Mode, makedev, mknodat};
use rustix_namespaces::io::Errno;
use rustix_namespaces::mount::{
    MountFlags, MountPropagationFlags, MoveMountFlags, OpenTreeFlags, UnmountFlags, mount,
    mount_change, mount_remount, move_mount, open_tree, unmount,
};
use rustix_namespaces::process::pivot_root;
use rustix_namespaces::system::sethostname;
use rustix_namespaces::thread::{UnshareFlags, unshare};

use crate::request::{Failure, Request, VolumeMount};

/// Device nodes, by their numbers.
const DEVICES: [(&str, u32, u32); 6] = [
    ("null", 1, 3),
    ("zero", 1, 5),
    ("full", 1, 7),
    ("random", 1, 8),
    ("urandom", 1, 9),
    ("tty", 5, 0),
];

/// What of the kernel is hidden: it tells about the machine, or its keys.
const MASKED: [&str; 12] = [
    "/proc/acpi",
    "/proc/asound",
    "/proc/interrupts",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/sys/firmware",
    "/sys/devices/virtual/powercap",
];

/// What of the kernel can be read and not set.
const READ_ONLY: [&str; 5] = [
    "/proc/bus",
    "/proc/fs",
    "/proc/irq",
    "/proc/sys",
    "/proc/sysrq-trigger",
];

/// What a container calls its machine: the same everywhere, so that no output depends on it.
const HOST_NAME: &str = "stepwell";

const HOSTS: &str = "127.0.0.1\tlocalhost stepwell\n::1\tlocalhost ip6-localhost\n";

const QUIET: MountFlags = MountFlags::NOSUID
    .union(MountFlags::NODEV)
    .union(MountFlags::NOEXEC);

/// Makes the layers the root of this process, in namespaces of its own. Gives the volumes, which have no place yet.
pub(super) fn enter(request: &Request) -> Result<Vec<OwnedFd>, Failure> {
    let host = |doing: &'static str| move |error: io::Error| Failure::host(doing, error);
    // While this is the namespace that their handles are of.
    let volumes = open_volumes(&request.volumes)?;
    own_namespaces()?;
    sethostname(HOST_NAME.as_bytes()).map_err(|error| host("set a host name")(error.into()))?;
    std::env::set_current_dir(&request.folder).map_err(host("enter the step's folder"))?;
    mount_layers(request.layers).map_err(host("mount the layers"))?;
    let devices = make_devices().map_err(host("make devices"))?;
    change_root()?;

    place_kernel(request).map_err(|(path, error)| in_the_way(path, &error))?;
    place_devices(devices).map_err(|error| in_the_way("/dev", &error))?;
    // Before there is a volume that this could be written to.
    write_plain("/etc/hostname", &format!("{HOST_NAME}\n"))
        .and_then(|()| write_plain("/etc/hosts", HOSTS))
        .map_err(|error| Failure::guest("write `/etc/hosts`", error))?;
    if let Some(text) = &request.resolv_conf {
        write_plain("/etc/resolv.conf", text)
            .map_err(|error| Failure::guest("write `/etc/resolv.conf`", error))?;
    }
    Ok(volumes)
}

/// Makes what the step left the root of this process, with its volumes in their places, and all of it read-only. There is
/// nothing of the kernel in it: what is looked at are files.
pub(super) fn enter_to_look(request: &Request) -> Result<(), Failure> {
    let host = |doing: &'static str| move |error: io::Error| Failure::host(doing, error);
    let trees = open_volumes(&request.volumes)?;
    own_namespaces()?;
    std::env::set_current_dir(&request.folder).map_err(host("enter the step's folder"))?;
    // A shell may have what the step wrote mounted so that it can be written to, and nobody else may then.
    let layers = format!("upper:{}", lower(request.layers));
    mount_overlay(&format!("lowerdir={layers},index=off,userxattr"))
        .map_err(host("mount what the step left"))?;
    change_root()?;
    for (volume, tree) in request.volumes.iter().zip(&trees) {
        let target = volume.target.as_str();
        let flags = MountFlags::BIND | MountFlags::RDONLY | QUIET;
        match place(tree, target) {
            // The step removed, or covered, the folder it was seen in; what is in the volume is not seen there.
            Err(_) => {}
            Ok(()) => mount_remount(target, flags, "")
                .map_err(|error| host("make a volume read-only")(error.into()))?,
        }
    }
    let flags = MountFlags::BIND | MountFlags::RDONLY | QUIET;
    mount_remount("/", flags, "").map_err(|error| host("make the root read-only")(error.into()))
}

fn own_namespaces() -> Result<(), Failure> {
    let host = |doing: &'static str| move |error: Errno| Failure::host(doing, error);
    unshare(
        UnshareFlags::NEWNS | UnshareFlags::NEWIPC | UnshareFlags::NEWUTS | UnshareFlags::NEWCGROUP,
    )
    .map_err(host("make namespaces"))?;
    mount_change(
        "/",
        MountPropagationFlags::PRIVATE | MountPropagationFlags::REC,
    )
    .map_err(host("keep mounts to itself"))
}

/// From the step's folder into `root` there, which is the root from then on.
fn change_root() -> Result<(), Failure> {
    let host = |doing: &'static str| move |error: io::Error| Failure::host(doing, error);
    std::env::set_current_dir("root").map_err(host("enter the root"))?;
    pivot_root(".", ".").map_err(|error| host("change the root")(error.into()))?;
    unmount(".", UnmountFlags::DETACH)
        .map_err(|error| host("let go of the machine")(error.into()))?;
    std::env::set_current_dir("/").map_err(host("enter the root"))
}

fn in_the_way(path: &str, error: &io::Error) -> Failure {
    Failure::guest(format!("mount `{path}`"), error)
}

/// The layers under a layer that is thrown away. Names are kept short, for all of them have to fit into one page. Without an
/// index, for the same layer may be mounted again when the kernel has not quite let go of it.
fn mount_layers(count: usize) -> io::Result<()> {
    let layers = lower(count);
    mount_overlay(&format!(
        "lowerdir={layers},upperdir=upper,workdir=work,index=off,userxattr"
    ))
}

fn mount_overlay(options: &str) -> io::Result<()> {
    mount("overlay", "root", "overlay", MountFlags::NODEV, options)?;
    Ok(())
}

/// The layers, the highest first.
fn lower(count: usize) -> String {
    let names: Vec<_> = (0..count)
        .rev()
        .map(|number| format!("l/{number}"))
        .collect();
    names.join(":")
}

/// Nodes of our own, as mounts that are not in a place yet. Where they are placed, no other node can be opened.
fn make_devices() -> io::Result<Vec<OwnedFd>> {
    let folder = "work";
    mount(
        "tmpfs",
        folder,
        "tmpfs",
        MountFlags::NOSUID,
        "size=64k,mode=700",
    )?;
    let mut devices = Vec::with_capacity(DEVICES.len());
    for (name, major, minor) in DEVICES {
        let path = Path::new(folder).join(name);
        let mode = Mode::from_raw_mode(0o666);
        mknodat(
            CWD,
            &path,
            FileType::CharacterDevice,
            mode,
            makedev(major, minor),
        )?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o666))?;
        devices.push(detached(&path)?);
    }
    unmount(folder, UnmountFlags::DETACH)?;
    Ok(devices)
}

/// A mount of what is at `path`, and nowhere yet.
fn detached(path: &Path) -> io::Result<OwnedFd> {
    let flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC;
    Ok(open_tree(CWD, path, flags)?)
}

fn place(tree: &OwnedFd, target: &str) -> io::Result<()> {
    let flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH | MoveMountFlags::MOVE_MOUNT_T_SYMLINKS;
    move_mount(tree.as_fd(), "", CWD, target, flags)?;
    Ok(())
}

fn open_volumes(volumes: &[VolumeMount]) -> Result<Vec<OwnedFd>, Failure> {
    let opened = volumes.iter().map(|volume| {
        detached(&volume.source).map_err(|error| {
            Failure::host(format!("open the volume for `{}`", volume.target), error)
        })
    });
    opened.collect()
}

/// `/proc` and `/sys`, as far as a container sees them.
fn place_kernel(request: &Request) -> Result<(), (&'static str, io::Error)> {
    let at = |path: &'static str| move |error: io::Error| (path, error);
    for path in ["/proc", "/sys", "/dev"] {
        plain_folder(path).map_err(at(path))?;
    }
    mount("proc", "/proc", "proc", QUIET, "").map_err(|error| at("/proc")(error.into()))?;
    let read_only = match request.privileged {
        true => MountFlags::empty(),
        false => MountFlags::RDONLY,
    };
    mount("sysfs", "/sys", "sysfs", QUIET | read_only, "")
        .map_err(|error| at("/sys")(error.into()))?;
    if request.privileged {
        return Ok(());
    }
    for path in READ_ONLY {
        read_only_path(path).map_err(at(path))?;
    }
    Ok(())
}

/// Hides what has to be hidden. After `/dev` is there: a hidden file is shown as an empty device.
fn mask() -> Result<(), (&'static str, io::Error)> {
    for path in MASKED {
        let masked = match fs::symlink_metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
            Ok(found) if found.is_dir() => mount(
                "tmpfs",
                path,
                "tmpfs",
                QUIET | MountFlags::RDONLY,
                "size=0k",
            )
            .map_err(io::Error::from),
            Ok(_) => detached(Path::new("/dev/null")).and_then(|tree| place(&tree, path)),
        };
        masked.map_err(|error| (path, error))?;
    }
    Ok(())
}

fn read_only_path(path: &str) -> io::Result<()> {
    match detached(Path::new(path)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
        Ok(tree) => {
            place(&tree, path)?;
            let flags = MountFlags::BIND | MountFlags::RDONLY | QUIET;
            Ok(mount_remount(path, flags, "")?)
        }
    }
}

/// `/dev`, in which nothing but our own nodes can be opened.
fn place_devices(devices: Vec<OwnedFd>) -> io::Result<()> {
    let flags = QUIET.difference(MountFlags::NOEXEC);
    mount("tmpfs", "/dev", "tmpfs", flags, "size=64k,mode=755")?;
    for (tree, (name, ..)) in devices.iter().zip(DEVICES) {
        let path = format!("/dev/{name}");
        fs::File::create(&path)?;
        place(tree, &path)?;
    }
    for (name, target) in [
        ("fd", "/proc/self/fd"),
        ("stdin", "/proc/self/fd/0"),
        ("stdout", "/proc/self/fd/1"),
        ("stderr", "/proc/self/fd/2"),
        ("ptmx", "pts/ptmx"),
    ] {
        symlink(target, Path::new("/dev").join(name))?;
    }
    for (path, kind, options) in [
        ("/dev/shm", "tmpfs", "size=64m,mode=1777"),
        ("/dev/mqueue", "mqueue", ""),
        ("/dev/pts", "devpts", "newinstance,ptmxmode=0666,mode=0620"),
    ] {
        fs::create_dir(path)?;
        // Terminals are devices, and there are no others among them.
        let flags = match kind {
            "devpts" => QUIET.difference(MountFlags::NODEV),
            _ => QUIET,
        };
        match mount(kind, path, kind, flags, options) {
            // A kernel without message queues or terminals.
            Err(error) if error == Errno::NODEV => {}
            mounted => mounted?,
        }
    }
    Ok(())
}

/// Volumes, and only then which of them cannot be written to: what is nested needs a place.
fn place_volumes(volumes: &[VolumeMount], trees: Vec<OwnedFd>) -> Result<(), Failure> {
    for (volume, tree) in volumes.iter().zip(&trees) {
        let target = volume.target.as_str();
        fs::create_dir_all(target)
            .and_then(|()| place(tree, target))
            .map_err(|error| in_the_way(target, &error))?;
        let mut flags = MountFlags::BIND | MountFlags::NOSUID | MountFlags::NODEV;
        if volume.read_only {
            flags |= MountFlags::RDONLY;
        }
        mount_remount(target, flags, "").map_err(|error| in_the_way(target, &error.into()))?;
    }
    Ok(())
}

/// Puts the volumes in their places, and hides what is to be hidden.
pub(super) fn furnish(request: &Request, volumes: Vec<OwnedFd>) -> Result<(), Failure> {
    let host = |doing: &str, error: io::Error| Failure::host(doing, error);
    place_volumes(&request.volumes, volumes)?;
    if !request.privileged {
        mask().map_err(|(path, error)| host(&format!("hide `{path}`"), error))?;
    }
    fs::create_dir_all(&request.working_dir).map_err(|error| {
        Failure::guest(
            format!("make the working directory `{}`", request.working_dir),
            error,
        )
    })?;
    if request.read_only_root {
        let flags = MountFlags::BIND | MountFlags::RDONLY | MountFlags::NODEV;
        mount_remount("/", flags, "")
            .map_err(|error| host("make the root read-only", error.into()))?;
    }
    Ok(())
}

/// Writes a small file anew. What the image has in its place is replaced, be it a link or a FIFO that nobody reads.
fn write_plain(path: &str, text: &str) -> io::Result<()> {
    let folder = Path::new(path).parent().unwrap_or(Path::new("/"));
    fs::create_dir_all(folder)?;
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true).mode(0o644);
    options.open(path)?.write_all(text.as_bytes())
}

/// A folder of the root that is one: what is mounted on a link would be somewhere else than where it is hidden.
fn plain_folder(path: &str) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => return Ok(()),
        Ok(_) => fs::remove_file(path)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    fs::create_dir(path)
}
