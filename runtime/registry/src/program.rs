//! Runs another program of the user's, with a bound on its time and on what it says.
//!
//! It does not know which program that is: `git`, or one of Docker's credential helpers. The program gets the environment
//! it is given and nothing else, and a process group of its own, so that what it starts can be ended with it.

use std::{
    ffi::OsString,
    io::{self, Read, Write},
    os::unix::process::CommandExt,
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process_group};

/// How much is kept of what a program says went wrong.
const COMPLAINT_BYTES: u64 = 16 << 10;

/// How often it is looked whether a program has ended or takes too much.
const LOOK: Duration = Duration::from_millis(10);

/// A program, and what it may cost.
pub struct Program<'a> {
    /// Its name, looked up in the `PATH` of `environment`.
    pub name: &'a str,
    /// What it is told.
    pub arguments: &'a [OsString],
    /// All of its variables.
    pub environment: &'a [(OsString, OsString)],
    /// What it can read.
    pub input: &'a [u8],
    /// When it has to be done.
    pub deadline: Instant,
    /// The most bytes that it may print.
    pub output: u64,
    /// Looks at what it does meanwhile; `false` ends it.
    pub watch: &'a dyn Fn() -> bool,
}

/// What a program said, and how it ended.
#[derive(Debug)]
pub struct Said {
    /// How it ended.
    pub status: ExitStatus,
    /// What it printed.
    pub output: Vec<u8>,
    /// What it said went wrong: one line, fit to be shown.
    pub complaint: String,
}

/// A program did not come to its end.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProgramError {
    /// There is none of that name.
    #[error("there is no program `{0}`")]
    Missing(String),
    /// The system refused.
    #[error("failed to run `{name}`")]
    Io {
        /// Which program.
        name: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Its time was up.
    #[error("`{0}` took too long and was stopped")]
    TooSlow(String),
    /// It printed more than it may.
    #[error("`{name}` printed more than {most} bytes and was stopped")]
    TooMuch {
        /// Which program.
        name: String,
        /// The most it may print.
        most: u64,
    },
    /// Whoever watched it wanted it ended.
    #[error("`{0}` was stopped")]
    Stopped(String),
}

impl Program<'_> {
    /// Runs it to its end. Whatever comes, nothing of it is left running.
    ///
    /// # Errors
    ///
    /// When it cannot be started, or had to be stopped. A bad exit is no error here.
    pub fn run(&self) -> Result<Said, ProgramError> {
        let io_error = |source| ProgramError::Io {
            name: self.name.to_owned(),
            source,
        };
        let mut child = Command::new(self.name)
            .args(self.arguments)
            .env_clear()
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()
            .map_err(|error| match error.kind() {
                io::ErrorKind::NotFound => ProgramError::Missing(self.name.to_owned()),
                _ => io_error(error),
            })?;
        // Helper threads are not waited for: a process that left the group could hold a pipe open for ever.
        if let Some(mut pipe) = child.stdin.take() {
            let input = self.input.to_vec();
            thread::spawn(move || pipe.write_all(&input));
        }
        let output = child
            .stdout
            .take()
            .map(|pipe| collect(pipe, self.output + 1));
        let complaint = child
            .stderr
            .take()
            .map(|pipe| collect(pipe, COMPLAINT_BYTES));
        let ended = self.wait(&mut child, output);
        let (status, output) = match ended {
            Ok(ended) => ended,
            Err(error) => {
                stop(&mut child);
                return Err(error);
            }
        };
        let complaint = complaint
            .and_then(|receiver| receiver.recv_timeout(LOOK * 10).ok())
            .and_then(Result::ok)
            .unwrap_or_default();
        Ok(Said {
            status: status.map_err(io_error)?,
            output: output.map_err(io_error)?,
            complaint: shown(&String::from_utf8_lossy(&complaint)),
        })
    }

    fn wait(
        &self,
        child: &mut Child,
        output: Option<Collected>,
    ) -> Result<(io::Result<ExitStatus>, io::Result<Vec<u8>>), ProgramError> {
        let mut said = None;
        loop {
            if Instant::now() >= self.deadline {
                return Err(ProgramError::TooSlow(self.name.to_owned()));
            }
            if !(self.watch)() {
                return Err(ProgramError::Stopped(self.name.to_owned()));
            }
            let Some(receiver) = &output else {
                return Ok((child.wait(), Ok(Vec::new())));
            };
            if said.is_none() {
                said = match receiver.recv_timeout(LOOK) {
                    Err(mpsc::RecvTimeoutError::Timeout) => None,
                    Err(mpsc::RecvTimeoutError::Disconnected) => Some(Ok(Vec::new())),
                    Ok(said) => Some(said),
                };
                if let Some(Ok(bytes)) = &said
                    && bytes.len() as u64 > self.output
                {
                    return Err(ProgramError::TooMuch {
                        name: self.name.to_owned(),
                        most: self.output,
                    });
                }
            }
            if let Some(result) = said.take() {
                match child.try_wait() {
                    Ok(None) => {
                        said = Some(result);
                        thread::sleep(LOOK / 10);
                    }
                    Ok(Some(status)) => return Ok((Ok(status), result)),
                    Err(error) => return Ok((Err(error), result)),
                }
            }
        }
    }
}

type Collected = mpsc::Receiver<io::Result<Vec<u8>>>;

/// Reads a pipe to its end, but keeps no more than `most` bytes: what comes after is left to the pipe.
fn collect(pipe: impl Read + Send + 'static, most: u64) -> Collected {
    let (sender, receiver) = mpsc::sync_channel(1);
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let mut pipe = pipe.take(most);
        let read = pipe.read_to_end(&mut bytes).map(|_| bytes);
        // Nobody may be listening any more.
        let _ = sender.send(read);
        // A program that complains at length must not be held up by it.
        let _ = io::copy(&mut pipe.into_inner(), &mut io::sink());
    });
    receiver
}

/// Ends a program and everything in its group.
fn stop(child: &mut Child) {
    if let Ok(id) = i32::try_from(child.id())
        && let Some(group) = Pid::from_raw(id)
    {
        // It may have ended by itself.
        let _ = kill_process_group(group, Signal::KILL);
    }
    let _ = child.wait();
}

/// The line that says most: git's first one behind `fatal:`, or what somebody else said before git only knows that it could
/// not read on; with other programs the last one.
fn shown(complaint: &str) -> String {
    let lines: Vec<&str> = complaint
        .lines()
        .filter(|line| !line.trim().is_empty())
        .collect();
    let fatal = lines.iter().position(|line| line.starts_with("fatal:"));
    let line = match fatal {
        Some(at) if at > 0 && lines[at].contains("Could not read from remote") => lines[at - 1],
        Some(at) => lines[at],
        None => lines.last().copied().unwrap_or_default(),
    };
    crate::words::quoted(line.trim_start_matches("fatal:"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, time: Duration, output: u64) -> Result<Said, ProgramError> {
        Program {
            name: "sh",
            arguments: &["-c".into(), script.into()],
            environment: &[("PATH".into(), "/usr/bin:/bin".into())],
            input: b"in",
            deadline: Instant::now() + time,
            output,
            watch: &|| true,
        }
        .run()
    }

    /// Whether any program of this machine has `argument` as its last.
    fn is_running(argument: &str) -> bool {
        let end = format!("\0{argument}\0");
        let programs = std::fs::read_dir("/proc").unwrap().flatten();
        programs
            .filter_map(|program| std::fs::read(program.path().join("cmdline")).ok())
            .any(|line| line.ends_with(end.as_bytes()))
    }

    #[test]
    fn what_it_says_and_how_it_ends_is_handed_back() {
        let said = shell("cat; echo oops >&2; exit 3", Duration::from_secs(20), 2).unwrap();
        assert_eq!(said.output, b"in");
        assert_eq!(said.complaint, "oops");
        assert_eq!(said.status.code(), Some(3));
    }

    #[test]
    fn the_line_that_says_most_is_shown() {
        for (complaint, line) in [
            ("", ""),
            ("one\ntwo\n\n", "two"),
            (
                "remote: x\nfatal: no such thing\nfatal: Could not read from remote repository.\n\nPlease\n",
                "no such thing",
            ),
            (
                "Permission denied\nfatal: Could not read from remote repository.\n",
                "Permission denied",
            ),
            (
                "fatal: Could not read from remote repository.\n",
                "Could not read from remote repository.",
            ),
        ] {
            assert_eq!(shown(complaint), line);
        }
    }

    #[test]
    fn its_environment_is_what_it_is_given() {
        let said = shell("echo $HOME", Duration::from_secs(20), 100).unwrap();
        assert_eq!(said.output, b"\n");
    }

    #[test]
    fn attack_a_program_that_does_not_end_is_stopped_with_its_children() {
        // Two programs that no other test starts: how long they sleep is their name.
        let name = format!("60{}", std::process::id());
        let script = format!("sleep {name} & sleep {name}");
        let error = shell(&script, Duration::from_millis(200), 100).unwrap_err();
        assert!(matches!(error, ProgramError::TooSlow(_)), "{error}");
        // A signal takes a moment to arrive; a child that outlives the program keeps this from ending.
        while is_running(&name) {
            thread::yield_now();
        }
    }

    #[test]
    fn attack_a_program_that_prints_without_end_is_stopped() {
        let error = shell("yes", Duration::from_secs(20), 1000).unwrap_err();
        assert!(
            matches!(error, ProgramError::TooMuch { most: 1000, .. }),
            "{error}"
        );
        shell("echo yes", Duration::from_secs(20), 4).unwrap();
    }

    #[test]
    fn attack_a_program_that_complains_without_end_still_ends() {
        let said = shell(
            "head -c 3000000 /dev/zero | tr '\\0' x >&2; echo ok",
            Duration::from_secs(20),
            100,
        )
        .unwrap();
        assert_eq!(said.output, b"ok\n");
        assert!(said.complaint.len() < 1000);
    }

    #[test]
    fn the_watcher_can_end_it_and_a_program_that_is_not_there_is_told_apart() {
        let program = |name, watch| {
            Program {
                name,
                arguments: &["60".into()],
                environment: &[("PATH".into(), "/usr/bin:/bin".into())],
                input: b"",
                deadline: Instant::now() + Duration::from_secs(20),
                output: 0,
                watch,
            }
            .run()
            .unwrap_err()
        };
        assert!(matches!(
            program("sleep", &|| false),
            ProgramError::Stopped(_)
        ));
        assert!(matches!(
            program("no-such-program", &|| true),
            ProgramError::Missing(_)
        ));
    }
}
