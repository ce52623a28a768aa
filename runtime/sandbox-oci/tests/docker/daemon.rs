//! A daemon of Docker's for one test process, with folders of its own, stopped when it is dropped.

#![allow(
    dead_code,
    reason = "each test program that has this file uses a part of it"
)]

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use stepwell_sandbox_oci::docker::Endpoint;

const BUSYBOX: &str = "/bin/busybox";

/// Programs of which tests need one or all, each with what has to be installed for it.
pub(crate) const DOCKER: &[(&str, &str)] = &[("/usr/sbin/dockerd", "Debian's `docker.io`")];
pub(crate) const OPENSSL: &[(&str, &str)] = &[("/usr/bin/openssl", "Debian's `openssl`")];
pub(crate) const SSH: &[(&str, &str)] = &[
    ("/usr/bin/ssh", "Debian's `openssh-client`"),
    ("/usr/sbin/sshd", "Debian's `openssh-server`"),
];
pub(crate) const PODMAN: &[(&str, &str)] = &[
    ("/usr/bin/podman", "Debian's `podman`"),
    ("/usr/sbin/runc", "Debian's `runc`"),
];

/// What is missing for tests with a daemon of Docker's.
pub(crate) fn missing() -> Option<&'static str> {
    missing_of(DOCKER)
}

/// What is missing for tests with these programs. Where `STEPWELL_REQUIRE_CONTAINERS` is set, nothing may be.
pub(crate) fn missing_of(programs: &[(&str, &'static str)]) -> Option<&'static str> {
    let root = rustix::process::geteuid().is_root();
    let missing = [(BUSYBOX, "Debian's `busybox-static`")];
    let mut missing = missing.iter().chain(programs);
    let missing = match root {
        false => Some("root"),
        true => missing
            .find(|(program, _)| !Path::new(program).exists())
            .map(|(_, package)| *package),
    };
    if let Some(missing) = missing {
        let required = std::env::vars_os().any(|(name, _)| name == "STEPWELL_REQUIRE_CONTAINERS");
        assert!(!required, "tests of Docker need {missing}");
        #[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
        {
            eprintln!("skipped: tests of Docker need {missing}");
        }
    }
    missing
}

/// A daemon that runs.
pub(crate) struct Daemon {
    process: Child,
    folder: tempfile::TempDir,
    /// Its port on loopback, where it listens there too.
    pub(crate) port: Option<u16>,
}

impl Daemon {
    /// Starts one, with further arguments.
    pub(crate) fn start(arguments: &[&str]) -> Self {
        // A socket's path is short.
        let folder = tempfile::Builder::new().prefix("docker").tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        // What it mounts is its own affair: other tests look whether theirs is gone.
        let mut process = Command::new("unshare")
            .args(["--mount", "--propagation", "private", "/usr/sbin/dockerd"])
            .args([
                "--storage-driver=overlay2",
                "--iptables=false",
                "--bridge=none",
            ])
            .arg("--data-root")
            .arg(at("data"))
            .arg("--exec-root")
            .arg(at("exec"))
            .arg("--pidfile")
            .arg(at("pid"))
            .arg(format!("--host=unix://{}", at("socket").display()))
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let wanted = 1 + arguments
            .iter()
            .filter(|argument| argument.starts_with("--host="))
            .count();
        let mut said = BufReader::new(process.stderr.take().unwrap()).lines();
        let mut listening = 0;
        let mut heard = String::new();
        let mut port = None;
        while listening < wanted {
            let line = said.next();
            let line = line
                .unwrap_or_else(|| panic!("the daemon ended: {heard}"))
                .unwrap();
            if let Some((_, address)) = line.split_once("API listen on ") {
                listening += 1;
                let digits = address.trim_end_matches('"').rsplit_once(':');
                port = digits.and_then(|(_, port)| port.parse().ok()).or(port);
            }
            heard.push_str(&line);
            heard.push('\n');
        }
        // It would wait for somebody to read what it says.
        std::thread::spawn(move || said.for_each(drop));
        Self {
            process,
            folder,
            port,
        }
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.folder.path().join("socket")
    }

    pub(crate) fn endpoint(&self) -> Endpoint {
        Endpoint::Unix(self.socket())
    }

    /// Starts Podman's service, with runc: Debian 12's crun takes no hybrid hierarchy of control groups.
    pub(crate) fn podman() -> Self {
        let folder = tempfile::Builder::new().prefix("podman").tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        // Locks in shared memory would be those of every other Podman of this machine, and without limits it takes some that
        // this user may not be able to set.
        let settings = "[containers]\ndefault_ulimits = [\"nofile=4096:4096\", \"nproc=4096:4096\"]\n\
                        [engine]\nlock_type = \"file\"\n";
        std::fs::write(at("containers.conf"), settings).unwrap();
        let process = Command::new("unshare")
            .args(["--mount", "--propagation", "private", "/usr/bin/podman"])
            .args(["--runtime", "runc", "--cgroup-manager", "cgroupfs"])
            .args(["--storage-driver", "overlay", "--events-backend", "none"])
            .arg("--root")
            .arg(at("data"))
            .arg("--runroot")
            .arg(at("exec"))
            .arg("--tmpdir")
            .arg(at("tmp"))
            .args(["system", "service", "--time", "0"])
            .arg(format!("unix://{}", at("socket").display()))
            .env("CONTAINERS_CONF", at("containers.conf"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(at("said")).unwrap())
            .spawn()
            .unwrap();
        let mut daemon = Self {
            process,
            folder,
            port: None,
        };
        // It says nothing once it listens.
        while std::os::unix::net::UnixStream::connect(daemon.socket()).is_err() {
            if let Some(status) = daemon.process.try_wait().unwrap() {
                let said = std::fs::read_to_string(daemon.folder.path().join("said")).unwrap();
                panic!("Podman ended with {status}: {said}");
            }
            std::thread::yield_now();
        }
        daemon
    }

    /// What the client `docker` would ask: one GET of the API, as JSON.
    pub(crate) fn get(&self, path: &str) -> serde_json::Value {
        use std::io::{Read as _, Write as _};
        let mut socket = std::os::unix::net::UnixStream::connect(self.socket()).unwrap();
        write!(socket, "GET {path} HTTP/1.0\r\nHost: docker\r\n\r\n").unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).unwrap();
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        serde_json::from_str(body).unwrap()
    }

    /// Names of all that a run must not leave in it.
    pub(crate) fn remains(&self) -> Vec<String> {
        let containers = self.get("/containers/json?all=1");
        let containers = containers.as_array().unwrap().iter();
        let volumes = self.get("/volumes");
        let volumes = volumes["Volumes"].as_array().cloned().unwrap_or_default();
        let networks = self.get("/networks");
        let networks = networks.as_array().unwrap().iter();
        let images = self.get("/images/json?all=1");
        let images = images.as_array().unwrap().iter();
        let named = |kind: &str, value: &serde_json::Value| format!("{kind} {value}");
        containers
            .map(|one| named("container", &one["Id"]))
            .chain(volumes.iter().map(|one| named("volume", &one["Name"])))
            .chain(networks.map(|one| named("network", &one["Name"])))
            .chain(images.map(|one| named("image", &one["Id"])))
            .collect()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if let Some(pid) = rustix::process::Pid::from_raw(self.process.id() as i32) {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        }
        let _ = self.process.wait();
    }
}
