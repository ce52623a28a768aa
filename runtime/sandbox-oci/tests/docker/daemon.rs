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

/// What is missing for tests with a daemon. Where `STEPWELL_REQUIRE_CONTAINERS` is set, nothing may be.
pub(crate) fn missing() -> Option<&'static str> {
    let missing = if !rustix::process::geteuid().is_root() {
        Some("root")
    } else if !Path::new(BUSYBOX).exists() {
        Some("Debian's `busybox-static`")
    } else if !Path::new("/usr/sbin/dockerd").exists() {
        Some("Debian's `docker.io`")
    } else {
        None
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
