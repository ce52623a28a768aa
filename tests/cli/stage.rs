//! A folder of its own for each test, with a cache of its own, and `stepwell` started in it.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::redact::redact;

/// Longer than any command here takes on a slow machine: what takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(120);

/// Where a test's files are.
pub(crate) struct Stage {
    temp: tempfile::TempDir,
}

/// What a command came to; the texts are redacted.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ended {
    /// All of it, for a snapshot.
    pub(crate) fn text(&self) -> String {
        let mut text = self.stdout.clone();
        if !self.stderr.is_empty() {
            text += &format!("--- stderr\n{}", self.stderr);
        }
        let code = self
            .code
            .map_or("by a signal".to_owned(), |code| code.to_string());
        text + &format!("--- exit {code}")
    }
}

impl Stage {
    /// An empty folder.
    pub(crate) fn new() -> Self {
        Self {
            temp: tempfile::tempdir().unwrap(),
        }
    }

    /// A folder with these guests of `guests/` in it.
    pub(crate) fn with(guests: &[&str]) -> Self {
        let stage = Self::new();
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/cli/guests");
        for guest in guests {
            fs::copy(from.join(guest), stage.path(guest)).unwrap();
        }
        stage
    }

    /// The path of a file in the folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.temp.path().join(name)
    }

    /// Writes a file.
    pub(crate) fn file(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    /// Writes a Task called `task` with one step for each guest, each named for its guest.
    pub(crate) fn task(&self, name: &str, guests: &[&str]) {
        let mut text = String::from(
            "apiVersion: tekton.dev/v1\nkind: Task\nmetadata:\n  name: task\nspec:\n  steps:\n",
        );
        for guest in guests {
            let step = guest.trim_end_matches(".wat");
            text += &format!("  - name: {step}\n    image: ./{guest}\n");
        }
        self.file(name, &text);
    }

    /// `stepwell` with nothing of this process's environment.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_stepwell"));
        command
            .args(args)
            .env_clear()
            .env("STEPWELL_CACHE", self.path("cache"))
            .env("STEPWELL_STATE", self.path("state"))
            .current_dir(self.temp.path())
            .stdin(Stdio::null());
        command
    }

    /// Runs `stepwell` to its end.
    pub(crate) fn stepwell(&self, args: &[&str]) -> Ended {
        self.end(&mut self.command(args), b"")
    }

    /// Runs a command to its end, with `input` on standard input.
    pub(crate) fn end(&self, command: &mut Command, input: &[u8]) -> Ended {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A command that does not read its input closes it.
        let _ = child.stdin.take().unwrap().write_all(input);
        let output = child.wait_with_output().unwrap();
        let text = |bytes: Vec<u8>| redact(&String::from_utf8(bytes).unwrap(), self.temp.path());
        Ended {
            code: output.status.code(),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }

    /// The names of the folders of runs that were not cleaned up.
    pub(crate) fn left_behind(&self) -> Vec<String> {
        let scratch = self.path("cache/scratch");
        let entries = fs::read_dir(scratch).unwrap();
        entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect()
    }
}

/// Waits for a child's exit code, and for no longer than a hang takes.
pub(crate) fn wait(child: &mut Child) -> Option<i32> {
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status.code();
        }
        if start.elapsed() > PATIENCE {
            child.kill().unwrap();
            panic!("the command hangs");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}
