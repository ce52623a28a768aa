//! A container's root: its layers, its devices, its volumes, and nothing else of the machine.
//!
//! The order is what keeps a hostile image in: everything of the machine that will be seen is opened first; then the layers
//! become the root and the machine's own is let go; only then are files written and mounts put in their places, whose names
//! go through whatever links the image has, and end in the image. `/proc` comes last of all: its links lead to what this
//! process has open, and no longer are there volumes among it that have no place yet.

use std::fs;
use std::io::{self, Write as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _, symlink};
use std::path::Path;

use rustix_namespaces::fs::{CWD, FileType, Mode, StatVfsMountFlags, makedev, mknodat};
use rustix_namespaces::io::Errno;
use rustix_namespaces::mount::{
    MountFlags, MountPropagationFlags, MoveMountFlags, OpenTreeFlags, UnmountFlags, mount,
    mount_change, mount_remount, move_mount, open_tree, unmount,
};
use rustix_namespaces::process::pivot_root;
use rustix_namespaces::system::sethostname;
use rustix_namespaces::thread::{UnshareFlags, unshare};

use super::join::Found;
use crate::embedded::request::{Failure, Request, VolumeMount};

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

/// What will be seen in the root, and has no place in it yet.
pub(super) struct Unplaced {
    volumes: Vec<OwnedFd>,
    proc: OwnedFd,
    sys: OwnedFd,
}

/// Makes the layers the root of this process, in namespaces of its own. `found` are the volumes where we are not root.
pub(super) fn enter(request: &Request, found: Option<&[Found]>) -> Result<Unplaced, Failure> {
    let host = |doing: &'static str| move |error: io::Error| Failure::host(doing, error);
    let rootless = found.is_some();
    let volumes = own_namespaces(request, found)?;
    sethostname(HOST_NAME.as_bytes()).map_err(|error| host("set a host name")(error.into()))?;
    std::env::set_current_dir(&request.folder).map_err(host("enter the step's folder"))?;
    mount_layers(request.layers).map_err(|error| not_mounted(rootless, error))?;
    let devices = match rootless {
        true => borrow_devices().map_err(host("show devices"))?,
        false => make_devices().map_err(host("make devices"))?,
    };
    let (proc, sys) = mount_kernel(request).map_err(host("mount what the kernel shows"))?;
    change_root()?;

    place_devices(devices).map_err(|error| in_the_way("/dev", &error))?;
    // Before there is a volume, or a link of `/proc` to one, that this could be written to.
    write_plain("/etc/hostname", &format!("{HOST_NAME}\n"))
        .and_then(|()| write_plain("/etc/hosts", &hosts(&request.hosts)))
        .map_err(|error| Failure::guest("write `/etc/hosts`", error))?;
    if let Some(text) = &request.resolv_conf {
        write_plain("/etc/resolv.conf", text)
            .map_err(|error| Failure::guest("write `/etc/resolv.conf`", error))?;
    }
    Ok(Unplaced { volumes, proc, sys })
}

fn hosts(names: &[String]) -> String {
    let lines = names.iter().map(|name| format!("127.0.0.1\t{name}\n"));
    HOSTS.to_owned() + &lines.collect::<String>()
}

/// Makes what the step left the root of this process, with its volumes in their places, and all of it read-only. There is
/// nothing of the kernel in it: what is looked at are files.
pub(super) fn enter_to_look(request: &Request, found: Option<&[Found]>) -> Result<(), Failure> {
    let host = |doing: &'static str| move |error: io::Error| Failure::host(doing, error);
    let trees = own_namespaces(request, found)?;
    std::env::set_current_dir(&request.folder).map_err(host("enter the step's folder"))?;
    // A shell may have what the step wrote mounted so that it can be written to, and nobody else may then.
    let layers = format!("upper:{}", lower(request.layers));
    mount_overlay(&format!("lowerdir={layers},index=off,userxattr"))
        .map_err(host("mount what the step left"))?;
    change_root()?;
    for (volume, tree) in request.volumes.iter().zip(&trees) {
        let target = volume.target.as_str();
        let mut flags = MountFlags::BIND | MountFlags::RDONLY | QUIET;
        if found.is_some() {
            flags |= kept(tree).map_err(host("look at a volume"))?;
        }
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

/// Makes namespaces of its own, and gives the volumes: by their handles while this is the namespace that those are of, and
/// where we are not root, found again after.
fn own_namespaces(request: &Request, found: Option<&[Found]>) -> Result<Vec<OwnedFd>, Failure> {
    let opened = match found {
        None => Some(open_volumes(&request.volumes, |volume| {
            detached(&volume.source)
        })?),
        Some(_) => None,
    };
    own_mounts()?;
    let mut found = found.unwrap_or_default().iter();
    match opened {
        Some(volumes) => Ok(volumes),
        None => open_volumes(&request.volumes, |_| match found.next() {
            Some(found) => found.tree(),
            None => Err(io::ErrorKind::NotFound.into()),
        }),
    }
}

fn own_mounts() -> Result<(), Failure> {
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

/// The machine's own nodes: without root, none can be made.
fn borrow_devices() -> io::Result<Vec<OwnedFd>> {
    let devices = DEVICES.iter();
    devices
        .map(|(name, ..)| detached(&Path::new("/dev").join(name)))
        .collect()
}

fn open_volumes(
    volumes: &[VolumeMount],
    mut open: impl FnMut(&VolumeMount) -> io::Result<OwnedFd>,
) -> Result<Vec<OwnedFd>, Failure> {
    let opened = volumes.iter().map(|volume| {
        open(volume).map_err(|error| {
            Failure::host(format!("open the volume for `{}`", volume.target), error)
        })
    });
    opened.collect()
}

/// `/proc` and `/sys`, in no place yet. Without root they can be mounted only as long as the machine's own are in sight.
fn mount_kernel(request: &Request) -> io::Result<(OwnedFd, OwnedFd)> {
    let read_only = match request.privileged {
        true => MountFlags::empty(),
        false => MountFlags::RDONLY,
    };
    let proc = nowhere("proc", QUIET, "")?;
    let sys = match nowhere("sysfs", QUIET | read_only, "") {
        // It shows a network, and the machine's is not ours to show: there is none of it.
        Err(error)
            if request.joined.is_some() && error.kind() == io::ErrorKind::PermissionDenied =>
        {
            nowhere("tmpfs", QUIET | read_only, "size=0k")?
        }
        mounted => mounted?,
    };
    Ok((proc, sys))
}

/// A new mount that is in no place yet.
fn nowhere(kind: &str, flags: MountFlags, options: &str) -> io::Result<OwnedFd> {
    let folder = "work";
    mount(kind, folder, kind, flags, options)?;
    let tree = detached(Path::new(folder));
    unmount(folder, UnmountFlags::DETACH)?;
    tree
}

/// Shows `/proc` and `/sys` as far as a container sees them.
fn place_kernel(
    privileged: bool,
    proc: &OwnedFd,
    sys: &OwnedFd,
) -> Result<(), (&'static str, io::Error)> {
    let at = |path: &'static str| move |error: io::Error| (path, error);
    for (path, tree) in [("/sys", sys), ("/proc", proc)] {
        plain_folder(path)
            .and_then(|()| place(tree, path))
            .map_err(at(path))?;
    }
    if privileged {
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
    plain_folder("/dev")?;
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

/// Volumes, the outer ones first. What is nested in one that cannot be written to has its place there already, or none: no
/// folder is made in it.
fn place_volumes(
    volumes: &[VolumeMount],
    trees: Vec<OwnedFd>,
    rootless: bool,
) -> Result<(), Failure> {
    for (volume, tree) in volumes.iter().zip(&trees) {
        let target = volume.target.as_str();
        fs::create_dir_all(target)
            .and_then(|()| place(tree, target))
            .map_err(|error| in_the_way(target, &error))?;
        let mut flags = MountFlags::BIND | MountFlags::NOSUID | MountFlags::NODEV;
        if volume.read_only {
            flags |= MountFlags::RDONLY;
        }
        if rootless {
            flags |= kept(tree).map_err(|error| in_the_way(target, &error))?;
        }
        mount_remount(target, flags, "").map_err(|error| in_the_way(target, &error.into()))?;
    }
    Ok(())
}

/// What of a mount the kernel keeps as it is from whoever is not root.
fn kept(tree: &OwnedFd) -> io::Result<MountFlags> {
    let flags = rustix_namespaces::fs::fstatvfs(tree)?.f_flag;
    let pairs = [
        (StatVfsMountFlags::RDONLY, MountFlags::RDONLY),
        (StatVfsMountFlags::NOEXEC, MountFlags::NOEXEC),
    ];
    Ok(pairs
        .into_iter()
        .filter(|(is, _)| flags.contains(*is))
        .fold(MountFlags::empty(), |kept, (_, flag)| kept | flag))
}

/// Layers could not be mounted, and what may be the reason.
fn not_mounted(rootless: bool, error: io::Error) -> Failure {
    let doing = "mount the layers";
    match rootless {
        false => Failure::host(doing, error),
        true => Failure::host(
            doing,
            format!(
                "{error}: without root it takes Linux 5.11, and a file system below the cache that overlays can be mounted on"
            ),
        ),
    }
}

/// Puts the volumes in their places, and hides what is to be hidden.
pub(super) fn furnish(request: &Request, unplaced: Unplaced) -> Result<(), Failure> {
    let host = |doing: &str, error: io::Error| Failure::host(doing, error);
    let Unplaced { volumes, proc, sys } = unplaced;
    place_volumes(&request.volumes, volumes, request.joined.is_some())?;
    fs::create_dir_all(&request.working_dir).map_err(|error| {
        Failure::guest(
            format!("make the working directory `{}`", request.working_dir),
            error,
        )
    })?;
    place_kernel(request.privileged, &proc, &sys)
        .map_err(|(path, error)| in_the_way(path, &error))?;
    if !request.privileged {
        mask().map_err(|(path, error)| host(&format!("hide `{path}`"), error))?;
    }
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
