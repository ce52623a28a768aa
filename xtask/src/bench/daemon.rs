//! A Docker daemon of the benchmark's own, with its own socket and folders, that ends with it.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

use super::{boxes::IMAGE, tools};
use crate::command::{self, say};

/// How long it may take to begin.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running daemon.
pub(super) struct Docker {
    daemon: Child,
    socket: PathBuf,
}

impl Docker {
    /// Starts one, and loads an image into it.
    ///
    /// # Errors
    ///
    /// When it does not begin, or does not take the image; where its log is.
    pub(super) fn start(archive: &Path) -> Result<Self> {
        let folder = tools::folder().join("docker");
        fs::create_dir_all(&folder)?;
        let log = folder.join("log");
        let socket = folder.join("socket");
        // One that was killed has left it.
        let _ = fs::remove_file(folder.join("pid"));
        say("starting a Docker daemon of the benchmark's own");
        let out = File::create(&log).context("failed to create its log")?;
        let daemon = Command::new("dockerd")
            .arg("--host")
            .arg(format!("unix://{}", socket.display()))
            .arg("--data-root")
            .arg(folder.join("data"))
            .arg("--exec-root")
            .arg(folder.join("exec"))
            .arg("--pidfile")
            .arg(folder.join("pid"))
            .args(["--bridge", "none", "--iptables=false", "--ip6tables=false"])
            .stdin(Stdio::null())
            .stdout(out.try_clone()?)
            .stderr(out)
            .spawn()
            .context("failed to start `dockerd`")?;
        let mut docker = Self { daemon, socket };
        let begun = docker.await_answer().and_then(|()| {
            command::run(
                docker
                    .command()
                    .args(["load", "--quiet", "--input"])
                    .arg(archive),
            )
        });
        begun.with_context(|| format!("its log is `{}`", log.display()))?;
        Ok(docker)
    }

    fn await_answer(&mut self) -> Result<()> {
        let start = Instant::now();
        while command::capture(self.command().arg("version")).is_err() {
            if let Some(status) = self.daemon.try_wait()? {
                bail!("`dockerd` ended with {status}");
            }
            if start.elapsed() > PATIENCE {
                bail!("`dockerd` does not answer");
            }
            thread::sleep(Duration::from_millis(100));
        }
        Ok(())
    }

    /// `docker`, speaking to it.
    pub(super) fn command(&self) -> Command {
        let mut docker = Command::new("docker");
        docker
            .arg("--host")
            .arg(format!("unix://{}", self.socket.display()));
        docker
    }

    /// One container of the image, with no network.
    pub(super) fn run(&self) -> Command {
        let mut docker = self.command();
        docker.args(["run", "--rm", "--network", "none", IMAGE]);
        docker
    }
}

impl Drop for Docker {
    fn drop(&mut self) {
        // Asked, so that it takes its containers and mounts with it.
        let id = self.daemon.id().to_string();
        let asked = Command::new("kill").arg(&id).status();
        if !asked.is_ok_and(|status| status.success()) {
            let _ = self.daemon.kill();
        }
        let _ = self.daemon.wait();
    }
}
