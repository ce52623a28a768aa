//! A shell in an empty folder, for tests: what a script printed, and how it ended.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use crate::program;
use crate::state::Shell;
use crate::streams::{Input, Output, Streams};

/// What became of a script.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) out: String,
    pub(crate) err: String,
    pub(crate) status: u8,
}

/// A folder in which scripts run.
pub(crate) struct Place(TempDir);

impl Place {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub(crate) fn read(&self, path: &str) -> String {
        fs::read_to_string(self.path().join(path)).unwrap()
    }

    /// Calls the program with these arguments and this input.
    pub(crate) fn call(&self, args: &[&str], input: &str) -> Told {
        let (out, err) = (Output::buffer(), Output::buffer());
        let streams = Streams::new(Input::bytes(input.into()), out.clone(), err.clone());
        let environment = [("HOME", "/home/me"), ("GREETING", "hello")];
        let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let shell = Shell::new("sh", self.path().to_owned(), environment, streams);
        let args: Vec<String> = args.iter().map(|arg| (*arg).to_owned()).collect();
        let status = program::run(shell, &args);
        Told {
            out: String::from_utf8(out.taken()).unwrap(),
            err: String::from_utf8(err.taken()).unwrap(),
            status,
        }
    }

    /// Runs a script.
    pub(crate) fn run(&self, script: &str) -> Told {
        self.call(&["sh", "-c", script], "")
    }
}

/// What a script prints, once it is certain that it ended well.
#[track_caller]
pub(crate) fn printed(script: &str) -> String {
    let told = Place::new().run(script);
    assert_eq!(
        (told.status, told.err.as_str()),
        (0, ""),
        "{script}: {told:?}"
    );
    told.out
}

/// Compares what scripts print with what they should.
#[track_caller]
pub(crate) fn all_print(rows: &[(&str, &str)]) {
    for (script, expected) in rows {
        assert_eq!(printed(script), *expected, "{script}");
    }
}
