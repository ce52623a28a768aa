//! Containers of somebody who is not root: a user namespace in which they are.
//!
//! A user namespace is made by a process with one thread, so it is our own binary, started again, that makes it and with it
//! the task's network (`init/ground.rs`), and is gone once their handles are here. Each container's first process joins
//! them (`init/join.rs`). Nothing is left when the last handle is closed. One user is in it, user 0, who is us: whatever
//! a container writes is ours on this machine.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use stepwell_contract::{Refusal, Security};

use crate::embedded::backend::InitProgram;
use crate::embedded::handles;
use crate::embedded::request::{Joined, Order, Reply};

/// The first kernel on which a user namespace's root may mount layers.
const KERNEL: (u32, u32) = (5, 11);

/// Whether containers are made in a user namespace.
pub(crate) fn is_rootless() -> bool {
    !rustix::process::geteuid().is_root()
}

/// Why this machine lets nobody but root make containers, as far as it says so beforehand.
pub fn obstacle() -> Option<String> {
    if !is_rootless() {
        return None;
    }
    let release = rustix_namespaces::system::uname();
    let release = release.release().to_string_lossy();
    if version(&release).is_some_and(|version| version < KERNEL) {
        let (major, minor) = KERNEL;
        return Some(format!(
            "this is Linux {release}, and before {major}.{minor} only root can mount the layers of a container"
        ));
    }
    let setting = |path: &str| {
        let text = fs::read_to_string(format!("/proc/sys/{path}")).ok()?;
        text.trim().parse::<u64>().ok()
    };
    [
        ("user/max_user_namespaces", 0),
        ("kernel/unprivileged_userns_clone", 0),
        ("kernel/apparmor_restrict_unprivileged_userns", 1),
    ]
    .into_iter()
    .find(|(path, forbids)| setting(path) == Some(*forbids))
    .map(|(path, value)| {
        let name = path.replace('/', ".");
        format!("this machine keeps user namespaces from everybody but root: `{name}` is {value}")
    })
}

/// The first two numbers of a kernel's release.
fn version(release: &str) -> Option<(u32, u32)> {
    let mut numbers = release.split(['.', '-']);
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

/// What a container of ours cannot be where we are not root.
pub(crate) fn refusals(security: &Security) -> Vec<Refusal> {
    let refusal = |import: String, capability: &str| Refusal {
        import,
        capability: format!("{capability}, which takes root: run `stepwell` as root"),
        grant: None,
    };
    let ids = [
        ("runAsUser", security.run_as_user),
        ("runAsGroup", security.run_as_group),
    ];
    let ids = ids
        .into_iter()
        .filter_map(|(field, id)| Some((field, id.filter(|id| *id != 0)?)));
    let groups = security.groups.iter().filter(|id| **id != 0);
    let groups = groups.map(|id| ("supplementalGroups", *id));
    let mut refusals: Vec<_> = ids
        .chain(groups)
        .map(|(field, id)| {
            let capability = "another user or group than 0 in the container's user namespace";
            refusal(format!("{field}: {id}"), capability)
        })
        .collect();
    if security.privileged {
        let capability = "all powers over this machine";
        refusals.push(refusal("privileged".to_owned(), capability));
    }
    refusals
}

/// The namespaces that the containers of one task are made in.
#[derive(Debug)]
pub(crate) struct Ground {
    user: File,
    network: File,
}

impl Ground {
    /// Makes them.
    ///
    /// # Errors
    ///
    /// What the kernel refused.
    pub(crate) fn make(init: &InitProgram) -> io::Result<Self> {
        ask(init, &Order::Ground, |maker, _| {
            let open = |name: &str| File::open(format!("/proc/{maker}/ns/{name}"));
            Ok(Self {
                user: open("user")?,
                network: open("net")?,
            })
        })
    }

    /// Connects to `port` of the task's loopback.
    ///
    /// # Errors
    ///
    /// As a connection of our own has them.
    pub(crate) fn connect(&self, init: &InitProgram, port: u16) -> io::Result<TcpStream> {
        ask(
            init,
            &Order::Connect(self.joined(true), port),
            |_, mut sockets| {
                let socket = sockets.pop();
                Ok(socket.ok_or(io::ErrorKind::InvalidData)?.into())
            },
        )
    }

    /// Listens on a free port of the loopback in them.
    ///
    /// # Errors
    ///
    /// What the host could not do.
    pub(crate) fn listen(&self, init: &InitProgram) -> io::Result<TcpListener> {
        ask(init, &Order::Listen(self.joined(true)), |_, mut sockets| {
            let socket = sockets.pop();
            Ok(socket.ok_or(io::ErrorKind::InvalidData)?.into())
        })
    }

    /// What a container is told that joins them: with the task's network, or with the machine's.
    pub(crate) fn joined(&self, network: bool) -> Joined {
        let handle = |file: &File| {
            PathBuf::from(format!(
                "/proc/{}/fd/{}",
                std::process::id(),
                file.as_raw_fd()
            ))
        };
        Joined {
            user: handle(&self.user),
            network: network.then(|| handle(&self.network)),
        }
    }
}

/// Has our own binary, started again, do something; `take` gets its number and what it sent while it still waits.
fn ask<T>(
    init: &InitProgram,
    order: &Order,
    take: impl FnOnce(u32, Vec<OwnedFd>) -> io::Result<T>,
) -> io::Result<T> {
    let (ours, theirs) = UnixStream::pair()?;
    let mut asked = Command::new(&init.program)
        .args(&init.args)
        .env_clear()
        .current_dir("/")
        .stdin(Stdio::from(OwnedFd::from(theirs)))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    let done = answer(&ours, order).and_then(|handles| take(asked.id(), handles));
    // It waits for nothing else.
    drop(ours);
    asked.wait()?;
    done
}

/// The handles that come with the answer.
fn answer(mut socket: &UnixStream, order: &Order) -> io::Result<Vec<OwnedFd>> {
    let mut line = serde_json::to_vec(order)?;
    line.push(b'\n');
    socket.write_all(&line)?;
    let mut buffer = [0; 1024];
    let (mut answer, mut handles) = (Vec::new(), Vec::new());
    while answer.last() != Some(&b'\n') {
        let (length, more) = handles::receive(socket, &mut buffer)?;
        if length == 0 {
            break;
        }
        answer.extend_from_slice(&buffer[..length]);
        handles.extend(more);
    }
    match serde_json::from_slice(&answer)? {
        Reply::Started => Ok(handles),
        Reply::Failed(failure) => {
            let kind = match failure.guests {
                true => io::ErrorKind::ConnectionRefused,
                false => io::ErrorKind::PermissionDenied,
            };
            let said = format!("failed to {}: {}", failure.doing, failure.cause);
            Err(io::Error::new(kind, said))
        }
        Reply::Exited(_) | Reply::Signalled(_) => Err(io::ErrorKind::InvalidData.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kernel_is_old_by_its_numbers_and_not_by_its_letters() {
        for (release, expected) in [
            ("5.10.0-30-amd64", Some((5, 10))),
            ("5.11", Some((5, 11))),
            ("6.8.12", Some((6, 8))),
            ("new", None),
        ] {
            assert_eq!(version(release), expected, "{release}");
        }
        assert!(version("5.9.1").unwrap() < KERNEL);
        assert!(version("10.0").unwrap() > KERNEL);
    }

    #[test]
    fn attack_what_takes_root_is_refused_and_user_0_is_not() {
        let asked = |change: &dyn Fn(&mut Security)| {
            let mut security = Security::default();
            change(&mut security);
            refusals(&security)
                .into_iter()
                .map(|refusal| refusal.import)
                .collect::<Vec<_>>()
        };
        assert_eq!(asked(&|asked| asked.privileged = true), ["privileged"]);
        assert_eq!(
            asked(&|asked| asked.run_as_user = Some(1000)),
            ["runAsUser: 1000"]
        );
        let others = asked(&|asked| {
            asked.run_as_group = Some(7);
            asked.groups = vec![0, 8];
        });
        assert_eq!(others, ["runAsGroup: 7", "supplementalGroups: 8"]);
        let allowed = asked(&|asked| {
            asked.run_as_user = Some(0);
            asked.run_as_group = Some(0);
        });
        assert_eq!(allowed, [""; 0]);
    }
}
