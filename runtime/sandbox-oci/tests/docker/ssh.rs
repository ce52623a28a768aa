//! A daemon over SSH: OpenSSH's server on loopback, with keys and settings of the test's own, and Docker's command behind it.
//!
//! The backend starts the `ssh` that is found first, with the settings of whoever calls. So that this user's stay as they are,
//! what connects is this program once more, in a process whose `ssh` reads the test's.

use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use stepwell_contract::Access::ReadWrite;
use stepwell_sandbox_oci::docker::{DockerBackend, Endpoint};

use crate::busybox::Busybox;
use crate::daemon::{DOCKER, Daemon, SSH, missing_of};
use crate::world::{World, chain, options, said, step, task};

/// The test that connects, and what tells it where.
const GUEST: &str = "ssh::connects_with_the_settings_of_a_test";
const PLACE: &str = "STEPWELL_TEST_SSH";

/// A server that logs in whoever has the right key; each connection is a process of its own.
struct Server {
    folder: tempfile::TempDir,
    port: u16,
    stop: Arc<AtomicBool>,
    accepts: Option<JoinHandle<()>>,
}

impl Server {
    fn start(daemon: &Daemon) -> Self {
        let folder = tempfile::Builder::new().prefix("ssh").tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for key in ["host", "user", "stranger"] {
            make_key(&at(key));
        }
        std::fs::copy(at("user.pub"), at("authorized")).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let settings = format!(
            "HostKey {}\nAuthorizedKeysFile {}\nStrictModes no\nUsePAM no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n\
             PermitRootLogin prohibit-password\nPidFile none\nSetEnv DOCKER_HOST=unix://{}\n",
            at("host").display(),
            at("authorized").display(),
            daemon.socket().display()
        );
        std::fs::write(at("server"), settings).unwrap();
        let host = std::fs::read_to_string(at("host.pub")).unwrap();
        std::fs::write(at("known"), format!("[127.0.0.1]:{port} {host}")).unwrap();
        std::fs::write(at("nobody"), "").unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let (stopped, settings) = (Arc::clone(&stop), at("server"));
        let accepts = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if stopped.load(Ordering::Acquire) {
                    break;
                }
                serve(&settings, stream.unwrap().into());
            }
        });
        Self {
            folder,
            port,
            stop,
            accepts: Some(accepts),
        }
    }

    /// Runs the test that connects, as whoever has `key` and trusts the hosts in `known`.
    fn connect(&self, world: &World, key: &str, known: &str) -> Output {
        let at = |name: &str| self.folder.path().join(name);
        let settings = format!(
            "Host *\nIdentityFile {}\nIdentitiesOnly yes\nIdentityAgent none\nUserKnownHostsFile {}\n\
             GlobalKnownHostsFile none\nStrictHostKeyChecking yes\n",
            at(key).display(),
            at(known).display()
        );
        std::fs::write(at("client"), settings).unwrap();
        let program = at("bin/ssh");
        std::fs::create_dir_all(at("bin")).unwrap();
        let script = format!(
            "#!/bin/sh\nexec /usr/bin/ssh -F {} \"$@\"\n",
            at("client").display()
        );
        std::fs::write(&program, script).unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        let before = std::env::vars_os().find(|(name, _)| name == "PATH");
        let mut path = at("bin").into_os_string();
        path.push(":");
        path.push(before.unwrap().1);
        Command::new(std::env::current_exe().unwrap())
            .args([GUEST, "--exact", "--ignored", "--nocapture"])
            .env("PATH", path)
            .env(
                PLACE,
                format!("{} {}", self.port, world.temp.path().display()),
            )
            .output()
            .unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        // It hears of it with the next connection.
        let _ = std::net::TcpStream::connect(("127.0.0.1", self.port));
        if let Some(accepts) = self.accepts.take() {
            let _ = accepts.join();
        }
    }
}

fn make_key(path: &Path) {
    let made = Command::new("/usr/bin/ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-C", "test", "-f"])
        .arg(path)
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
}

/// Serves one connection. The folder that the server wants to have is its own.
fn serve(settings: &Path, connection: OwnedFd) {
    let script = "mount -t tmpfs -o mode=755 run /run && mkdir /run/sshd && exec /usr/sbin/sshd -i -e -f \"$0\"";
    let mut server = Command::new("unshare")
        .args(["--mount", "--propagation", "private", "sh", "-c", script])
        .arg(settings)
        .stdin(Stdio::from(connection.try_clone().unwrap()))
        .stdout(Stdio::from(connection))
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // It ends with its connection.
    std::thread::spawn(move || server.wait());
}

fn secure() -> Option<(World, Server)> {
    if missing_of(&[DOCKER, SSH].concat()).is_some() {
        return None;
    }
    let world = World::new(&[])?;
    let server = Server::start(&world.daemon);
    Some((world, server))
}

#[test]
#[ignore = "it is run, with settings of its own, by the tests below"]
fn connects_with_the_settings_of_a_test() {
    let place = std::env::vars().find(|(name, _)| name == PLACE);
    let Some((_, place)) = place else {
        return;
    };
    let (port, folder) = place.split_once(' ').unwrap();
    let endpoint = Endpoint::parse(&format!("ssh://root@127.0.0.1:{port}"), None).unwrap();
    let folder = Path::new(folder);
    let backend = DockerBackend::connect(options(folder, endpoint));
    let backend = backend.unwrap_or_else(|error| panic!("{}", chain(&error)));
    let task = task(folder, &backend, &["ws"]);
    let script = "cat /ws/given; echo made > /ws/made; rm /ws/given";
    let step = step(&Busybox::new().image(), script, &[("ws", ReadWrite)]);
    assert_eq!(said(&*task, step), "given");
    task.close().unwrap();
}

#[test]
fn a_step_runs_over_ssh() {
    let Some((world, server)) = secure() else {
        return;
    };
    std::fs::write(world.folder("ws").join("given"), "given").unwrap();
    let ran = server.connect(&world, "user", "known");
    assert!(ran.status.success(), "{ran:?}");
    // What came back by archive.
    assert_eq!(world.read("ws/made").as_deref(), Some("made\n"));
    assert_eq!(world.read("ws/given"), None);
}

#[test]
fn attack_no_server_that_is_not_known_is_talked_to() {
    let Some((world, server)) = secure() else {
        return;
    };
    let refused = |key, known| {
        let ran = server.connect(&world, key, known);
        assert!(!ran.status.success(), "{ran:?}");
        String::from_utf8_lossy(&ran.stderr).into_owned()
    };
    let impostor = refused("user", "nobody");
    assert!(impostor.contains("`ssh` says: "), "{impostor}");
    assert!(
        impostor.contains("Host key verification failed"),
        "{impostor}"
    );
    // Nor does it talk to whom it does not know.
    let stranger = refused("stranger", "known");
    assert!(stranger.contains("`ssh` says: "), "{stranger}");
    assert!(
        stranger.contains("Permission denied (publickey)"),
        "{stranger}"
    );
}
