//! One control group for each container: what it may use of the machine, and what became of it.
//!
//! Both versions of the kernel's interface are served, and machines that have both at once: each controller is looked up
//! where it is mounted, and the group is made below our own, so that whoever bounds us bounds what we start. The newer
//! interface allows that only where no process is in ours; there it is made below the nearest group above that allows it.
//! It does not know what a step is.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::atomic::{AtomicU64, Ordering};

use stepwell_contract::Resources;

/// Processes and threads where a step says nothing: stops a fork bomb before the machine is out of processes.
const PIDS: u64 = 4096;

/// In which the kernel counts a group's time, in microseconds.
const PERIOD: u64 = 100_000;

/// In front of the names of our groups; the process that made one follows.
const PREFIX: &str = "stepwell-";

/// The controllers that bound something.
const CONTROLLERS: [&str; 3] = ["memory", "pids", "cpu"];

static NEXT: AtomicU64 = AtomicU64::new(0);

/// A controller's folder that is our own, in which groups can be made.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Base {
    controllers: Vec<&'static str>,
    /// Where the tree is mounted.
    top: PathBuf,
    path: PathBuf,
    unified: bool,
}

/// Where groups can be made on this machine.
#[derive(Debug, Clone)]
pub(crate) struct Groups(Vec<Base>);

impl Groups {
    /// Looks where the controllers are, and removes groups whose maker is dead.
    pub(crate) fn find() -> Self {
        let read = |path| fs::read_to_string(path).unwrap_or_default();
        let bases = bases(&read("/proc/self/mountinfo"), &read("/proc/self/cgroup"));
        let groups = Self(bases.into_iter().filter_map(usable).collect());
        groups.sweep();
        groups
    }

    /// Removes the groups of processes that are no more, with what still runs in them.
    fn sweep(&self) {
        for base in &self.0 {
            for entry in fs::read_dir(&base.path).into_iter().flatten().flatten() {
                let name = entry.file_name();
                let maker = name.to_str().and_then(|name| {
                    name.strip_prefix(PREFIX)?
                        .split('-')
                        .next()?
                        .parse::<u32>()
                        .ok()
                });
                if maker.is_some_and(|pid| !Path::new("/proc").join(pid.to_string()).exists()) {
                    // A container dies with its maker: what cannot be removed is about to be empty.
                    let _ = fs::remove_dir(entry.path());
                }
            }
        }
    }

    /// Makes a group with `resources` as its bounds.
    ///
    /// # Errors
    ///
    /// What the kernel refused, and that a bound that was asked for cannot be set on this machine.
    pub(crate) fn make(&self, resources: Resources) -> io::Result<Group> {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("{PREFIX}{}-{number}", std::process::id());
        let mut group = Group(Vec::new());
        // Each older controller costs a folder and two writes: only those that bound something.
        let needed = |controller: &&str| match *controller {
            "memory" => resources.memory.is_some(),
            "cpu" => resources.cpu_millis.is_some(),
            _ => true,
        };
        for base in &self.0 {
            if !base.controllers.iter().any(needed) {
                continue;
            }
            let path = base.path.join(&name);
            fs::create_dir(&path)?;
            group.0.push(Base {
                path,
                ..base.clone()
            });
        }
        group.bound(resources)?;
        Ok(group)
    }
}

/// Where groups of this controller can be made, if anywhere: those of the older interface in ours, those of the unified one in
/// the nearest group that hands its controllers down.
fn usable(base: Base) -> Option<Base> {
    if !base.unified {
        // A folder that cannot be written to holds no groups of ours.
        let writable = rustix::fs::access(&base.path, rustix::fs::Access::WRITE_OK).is_ok();
        return writable.then_some(base);
    }
    let words: Vec<_> = base
        .controllers
        .iter()
        .map(|name| format!("+{name}"))
        .collect();
    let handed_down = base
        .path
        .ancestors()
        .take_while(|path| path.starts_with(&base.top))
        .find(|path| fs::write(path.join("cgroup.subtree_control"), words.join(" ")).is_ok());
    let path = handed_down?.to_owned();
    Some(Base { path, ..base })
}

/// The group of one container. Dropped, it is removed.
#[derive(Debug)]
pub(crate) struct Group(Vec<Base>);

impl Group {
    /// Starts a process in the group, with all that it starts.
    ///
    /// Under the older interface this thread goes in, starts it, and goes out again: the kernel moves a thread that asks for
    /// itself at once, and a process only after a grace period of some ten milliseconds.
    ///
    /// # Errors
    ///
    /// What the kernel refused; a process that was started is ended then.
    pub(crate) fn start(&self, command: &mut Command) -> io::Result<Child> {
        let (unified, older): (Vec<_>, Vec<_>) = self.0.iter().partition(|base| base.unified);
        let myself = |group: &Path| fs::write(group.join("tasks"), "0");
        let entered = older.iter().try_for_each(|base| myself(&base.path));
        let started = entered.and_then(|()| command.spawn());
        let left = older
            .iter()
            .filter_map(|base| base.path.parent())
            .try_for_each(myself);
        let mut child = started?;
        let process = child.id().to_string();
        let mut groups = unified.iter().map(|base| base.path.join("cgroup.procs"));
        let put = left.and_then(|()| groups.try_for_each(|file| fs::write(file, &process)));
        if let Err(error) = put {
            let _ = child.kill();
            child.wait()?;
            return Err(error);
        }
        Ok(child)
    }

    fn bound(&self, resources: Resources) -> io::Result<()> {
        let Resources {
            memory,
            cpu_millis,
            pids,
        } = resources;
        self.write(
            "pids",
            ["pids.max"; 2],
            pids.unwrap_or(PIDS),
            pids.is_some(),
        )?;
        if let Some(bytes) = memory {
            let files = ["memory.limit_in_bytes", "memory.max"];
            self.write("memory", files, bytes, true)?;
            // Without this a container would swap instead of ending; a machine without swap does not have it.
            let files = ["memory.memsw.limit_in_bytes", "memory.swap.max"];
            let swap = match self.base("memory") {
                Some(base) if base.unified => 0,
                _ => bytes,
            };
            let _ = self.write("memory", files, swap, true);
            // As in Kubernetes: all of a container ends with the one that wanted too much, and not just that one. Only the newer
            // interface can do so.
            if let Some(base) = self.base("memory").filter(|base| base.unified) {
                let _ = fs::write(base.path.join("memory.oom.group"), "1");
            }
        }
        if let Some(millis) = cpu_millis {
            let quota = (millis.saturating_mul(PERIOD) / 1000).max(1000);
            match self.base("cpu") {
                Some(base) if base.unified => {
                    fs::write(base.path.join("cpu.max"), format!("{quota} {PERIOD}"))?;
                }
                _ => self.write("cpu", ["cpu.cfs_quota_us"; 2], quota, true)?,
            }
        }
        Ok(())
    }

    fn base(&self, controller: &str) -> Option<&Base> {
        self.0
            .iter()
            .find(|base| base.controllers.contains(&controller))
    }

    /// Writes to the file of the older interface or to that of the newer one.
    fn write(&self, controller: &str, files: [&str; 2], value: u64, asked: bool) -> io::Result<()> {
        match self.base(controller) {
            Some(base) => {
                let file = files[usize::from(base.unified)];
                fs::write(base.path.join(file), value.to_string())
            }
            None if asked => Err(io::Error::new(
                io::ErrorKind::Unsupported,
                format!("this machine has no control group for `{controller}` that is ours to use"),
            )),
            None => Ok(()),
        }
    }

    /// Whether the kernel killed something in it for want of memory.
    pub(crate) fn ran_out_of_memory(&self) -> bool {
        let Some(base) = self.base("memory") else {
            return false;
        };
        let file = match base.unified {
            true => "memory.events",
            false => "memory.oom_control",
        };
        let text = fs::read_to_string(base.path.join(file)).unwrap_or_default();
        text.lines()
            .filter_map(|line| line.strip_prefix("oom_kill "))
            .any(|count| count.trim() != "0")
    }

    /// Removes the group, in which nothing runs any more.
    ///
    /// # Errors
    ///
    /// What the kernel refused.
    pub(crate) fn remove(mut self) -> io::Result<()> {
        self.end()
    }

    fn end(&mut self) -> io::Result<()> {
        let mut removed = Ok(());
        for base in self.0.drain(..) {
            match fs::remove_dir(&base.path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => removed = Err(error),
                _ => {}
            }
        }
        removed
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Err(error) = self.end() {
            tracing::warn!(?error, "a control group is left behind");
        }
    }
}

/// Our own groups, from what `/proc/self/mountinfo` and `/proc/self/cgroup` say.
fn bases(mounts: &str, groups: &str) -> Vec<Base> {
    let mut bases: Vec<Base> = Vec::new();
    for line in mounts.lines() {
        let Some((place, kind)) = line.split_once(" - ") else {
            continue;
        };
        let (mut place, mut kind) = (place.split(' ').skip(3), kind.split(' '));
        let (Some(root), Some(point), Some(kind), options) =
            (place.next(), place.next(), kind.next(), kind.next_back())
        else {
            continue;
        };
        let controllers: Vec<&str> = match kind {
            "cgroup" => CONTROLLERS
                .into_iter()
                .filter(|name| options.is_some_and(|all| all.split(',').any(|one| one == *name)))
                .collect(),
            "cgroup2" => {
                let available = Path::new(point).join("cgroup.controllers");
                let available = fs::read_to_string(available).unwrap_or_default();
                CONTROLLERS
                    .into_iter()
                    .filter(|name| available.split_whitespace().any(|one| one == *name))
                    .collect()
            }
            _ => continue,
        };
        if controllers.is_empty() {
            continue;
        }
        let Some(own) = own_group(groups, kind, controllers[0]) else {
            continue;
        };
        // What is mounted may itself be a part of the tree.
        let below = own.strip_prefix(root.trim_end_matches('/')).unwrap_or(own);
        bases.push(Base {
            controllers,
            top: PathBuf::from(point),
            path: Path::new(point).join(below.trim_start_matches('/')),
            unified: kind == "cgroup2",
        });
    }
    bases
}

/// Which group we are in, as far as a controller goes.
fn own_group<'a>(groups: &'a str, kind: &str, controller: &str) -> Option<&'a str> {
    groups.lines().find_map(|line| {
        let mut parts = line.splitn(3, ':');
        let (number, names, path) = (parts.next()?, parts.next()?, parts.next()?);
        let ours = match kind {
            "cgroup2" => number == "0" && names.is_empty(),
            _ => names.split(',').any(|name| name == controller),
        };
        ours.then_some(path)
    })
}

#[cfg(test)]
mod tests;
