//! Signals for a shell that a daemon has started beside a step's program. `shell` says which way is taken when.

use std::io;

use bollard::exec::StartExecOptions;
use bollard::models::ExecConfig;

use super::backend::Host;
use super::error::ApiError;
use super::leftovers::random;

/// Names a shell to what looks for it.
const VARIABLE: &str = "STEPWELL_SHELL";

/// Signals, its first argument, every process whose environment at its start had the second one in it.
const SCRIPT: &str = "for at in /proc/[0-9]*; do \
    if grep -q \"$2\" \"$at/environ\" 2> /dev/null; then kill -s \"$1\" \"${at#/proc/}\" 2> /dev/null; fi; done";

/// How a shell is found.
pub(super) enum Mark {
    /// By its number: the daemon is of this machine, and we are root.
    Number,
    /// By a variable in its environment.
    Variable(String),
}

impl Mark {
    /// The mark of one more shell.
    ///
    /// # Errors
    ///
    /// There is no name to be had.
    pub(super) fn new(host: &Host) -> io::Result<Self> {
        let is_here = host.options.endpoint.is_local() && rustix::process::geteuid().is_root();
        match is_here && cfg!(target_os = "linux") {
            true => Ok(Self::Number),
            false => Ok(Self::Variable(format!("{VARIABLE}={}", random()?))),
        }
    }

    /// What the shell's environment has besides the step's.
    pub(super) fn environment(&self) -> Option<Vec<String>> {
        match self {
            Self::Number => None,
            Self::Variable(variable) => Some(vec![variable.clone()]),
        }
    }
}

/// A shell that can be signalled.
pub(super) struct Stop<'a> {
    pub(super) host: &'a Host,
    pub(super) container: &'a str,
    pub(super) exec: &'a str,
    pub(super) mark: &'a Mark,
    pub(super) terminal: bool,
}

impl Stop<'_> {
    /// Asks it to end: by what a terminal says to whoever sits at it when it is taken away, or as everybody is asked.
    pub(super) fn politely(&self) -> Result<(), ApiError> {
        self.signal(match self.terminal {
            true => "HUP",
            false => "TERM",
        })
    }

    /// Ends it.
    pub(super) fn kill(&self) -> Result<(), ApiError> {
        self.signal("KILL")
    }

    /// Does nothing to one that has ended.
    fn signal(&self, signal: &'static str) -> Result<(), ApiError> {
        let sent = match self.mark {
            Mark::Number => self.by_number(signal),
            Mark::Variable(variable) => self.by_variable(signal, variable),
        };
        match sent {
            // Its container has ended.
            Err(error) if error.is_missing() || error.is_conflict() => Ok(()),
            sent => sent,
        }
    }

    #[cfg(target_os = "linux")]
    fn by_number(&self, signal: &'static str) -> Result<(), ApiError> {
        use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
        let exec = self.exec.to_owned();
        let daemon = &self.host.daemon;
        let found = daemon.ask(|docker| async move { docker.inspect_exec(&exec).await })?;
        let number = found.pid.and_then(|pid| i32::try_from(pid).ok());
        let (Some(number), Some(true)) = (number.filter(|pid| *pid > 1), found.running) else {
            return Ok(());
        };
        // Whatever fails from here on says that there is no such process any more.
        let Some(Ok(process)) =
            Pid::from_raw(number).map(|pid| pidfd_open(pid, PidfdFlags::empty()))
        else {
            return Ok(());
        };
        // By now the number may be another one's; what is held is not.
        let groups = std::fs::read_to_string(format!("/proc/{number}/cgroup"));
        if groups.is_ok_and(|groups| groups.contains(self.container)) {
            let signal = match signal {
                "HUP" => Signal::HUP,
                "TERM" => Signal::TERM,
                _ => Signal::KILL,
            };
            let _ = pidfd_send_signal(process, signal);
        }
        Ok(())
    }

    #[cfg(not(target_os = "linux"))]
    fn by_number(&self, _signal: &'static str) -> Result<(), ApiError> {
        Ok(())
    }

    fn by_variable(&self, signal: &'static str, variable: &str) -> Result<(), ApiError> {
        let command = ["sh", "-c", SCRIPT, "sh", signal, variable];
        let config = ExecConfig {
            cmd: Some(command.map(str::to_owned).to_vec()),
            ..ExecConfig::default()
        };
        let container = self.container.to_owned();
        self.host.daemon.ask(|docker| async move {
            let exec = docker.create_exec(&container, config).await?;
            let detached = StartExecOptions {
                detach: true,
                ..StartExecOptions::default()
            };
            docker.start_exec(&exec.id, Some(detached)).await.map(drop)
        })
    }
}
