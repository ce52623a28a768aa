//! What a shell remembers between commands. A subshell is a copy of it.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Component, Path, PathBuf};
use std::rc::Rc;

use crate::streams::{Input, Output, Stream, Streams};
use crate::syntax::ast::Command;

/// What a variable holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// A text.
    Text(String),
    /// The elements of an array.
    List(Vec<String>),
}

/// A variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variable {
    /// What it holds.
    pub value: Value,
    /// Whether programs see it.
    pub exported: bool,
    /// Whether it may not change.
    pub fixed: bool,
}

/// What `set` switches.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// `-e`
    pub errexit: bool,
    /// `-u`
    pub nounset: bool,
    /// `-x`
    pub xtrace: bool,
    /// `-f`
    pub noglob: bool,
    /// `-o pipefail`
    pub pipefail: bool,
}

/// Why commands are left before their end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// The shell ends.
    Exit(u8),
    /// The function ends.
    Return(u8),
    /// So many loops end.
    Break(usize),
    /// The next round of the loop that is so many further out.
    Continue(usize),
}

/// A shell's memory.
#[derive(Clone)]
pub struct Shell {
    /// `$0`
    pub name: String,
    /// `$1` and on.
    pub args: Vec<String>,
    /// By name.
    pub variables: BTreeMap<String, Variable>,
    /// By name.
    pub functions: BTreeMap<String, Rc<Command>>,
    /// What `set` switched.
    pub options: Options,
    /// Where relative paths start.
    pub folder: PathBuf,
    /// The open file descriptors.
    pub streams: Streams,
    /// `$?`
    pub status: u8,
    /// What `trap … EXIT` asked for.
    pub at_exit: Option<String>,
    /// What the variables of the functions that are running were before `local`.
    pub(crate) locals: Vec<Vec<(String, Option<Variable>)>>,
    /// How the last `$(…)` of the command that is running ended.
    pub(crate) substituted: Option<u8>,
    /// How many conditions are being looked at, in which `-e` does not count.
    pub(crate) forgiving: usize,
    /// How deep functions and subshells are nested.
    pub(crate) depth: usize,
    /// What `<(…)` wrote, by the order in which they were met.
    processes: Rc<RefCell<Vec<Rc<[u8]>>>>,
}

/// The first file descriptor that `<(…)` gets.
const FIRST_PROCESS: usize = 63;

impl Shell {
    /// A shell that starts in `folder` and sees `environment`.
    pub fn new(
        name: &str,
        folder: PathBuf,
        environment: impl IntoIterator<Item = (String, String)>,
        streams: Streams,
    ) -> Self {
        let variables = environment.into_iter().map(|(name, text)| {
            let variable = Variable {
                value: Value::Text(text),
                exported: true,
                fixed: false,
            };
            (name, variable)
        });
        let mut shell = Self {
            name: name.to_owned(),
            args: Vec::new(),
            variables: variables.collect(),
            functions: BTreeMap::new(),
            options: Options::default(),
            folder: PathBuf::new(),
            streams,
            status: 0,
            at_exit: None,
            locals: Vec::new(),
            substituted: None,
            forgiving: 0,
            depth: 0,
            processes: Rc::default(),
        };
        for (name, value) in [("IFS", " \t\n"), ("OPTIND", "1")] {
            shell.set(name, Value::Text(value.to_owned()));
        }
        let path = "/usr/local/bin:/usr/bin:/bin".to_owned();
        shell
            .variables
            .entry("PATH".to_owned())
            .or_insert(Variable {
                value: Value::Text(path),
                exported: true,
                fixed: false,
            });
        shell.enter(folder);
        shell
    }

    /// Changes the folder, and `PWD` with it.
    pub fn enter(&mut self, folder: PathBuf) {
        let text = folder.to_string_lossy().into_owned();
        self.folder = folder;
        self.set("PWD", Value::Text(text));
    }

    /// The text of a variable; of an array, its first element.
    pub fn get(&self, name: &str) -> Option<&str> {
        match &self.variables.get(name)?.value {
            Value::Text(text) => Some(text),
            Value::List(list) => list.first().map(String::as_str),
        }
    }

    /// Changes a variable. Whether programs see it stays as it was.
    pub fn set(&mut self, name: &str, value: Value) {
        if let Some(variable) = self.variables.get_mut(name) {
            variable.value = value;
        } else {
            let variable = Variable {
                value,
                exported: false,
                fixed: false,
            };
            self.variables.insert(name.to_owned(), variable);
        }
    }

    /// What programs see of the variables.
    pub fn environment(&self) -> Vec<(String, String)> {
        let exported = self.variables.iter().filter(|(_, v)| v.exported);
        exported
            .filter_map(|(name, variable)| match &variable.value {
                Value::Text(text) => Some((name.clone(), text.clone())),
                Value::List(_) => None,
            })
            .collect()
    }

    /// A path as the system is asked for it: absolute, and without `.` and `..`.
    pub fn path(&self, path: &str) -> PathBuf {
        let mut whole = PathBuf::new();
        for part in self.folder.join(path).components() {
            match part {
                Component::CurDir => {}
                Component::ParentDir => {
                    whole.pop();
                }
                other => whole.push(other),
            }
        }
        whole
    }

    /// Opens a file, or one of the names in `/dev` that stand for streams.
    ///
    /// # Errors
    ///
    /// When it cannot be opened.
    pub fn open(&self, path: &str) -> io::Result<Input> {
        if path.is_empty() {
            return Err(io::ErrorKind::NotFound.into());
        }
        if path == "/dev/null" {
            return Ok(Input::bytes(Vec::new()));
        }
        if let Some(fd) = descriptor(path) {
            let process = (fd as usize).checked_sub(FIRST_PROCESS);
            let found = process.and_then(|at| self.processes.borrow().get(at).cloned());
            return match (found, self.streams.get(fd)) {
                (Some(bytes), _) => Ok(Input::bytes(bytes.to_vec())),
                (None, Some(Stream::In(input))) => Ok(input.clone()),
                _ => Err(io::ErrorKind::NotFound.into()),
            };
        }
        let path = self.path(path);
        if path.is_dir() {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        File::open(path).map(Input::file)
    }

    /// Opens a file to write to it, or one of the names in `/dev` that stand for streams.
    ///
    /// # Errors
    ///
    /// When it cannot be opened.
    pub fn create(&self, path: &str, append: bool) -> io::Result<Output> {
        if path.is_empty() {
            return Err(io::ErrorKind::NotFound.into());
        }
        if path == "/dev/null" {
            return Ok(Output::nothing());
        }
        if let Some(fd) = descriptor(path) {
            return match self.streams.get(fd) {
                Some(Stream::Out(output)) => Ok(output.clone()),
                _ => Err(io::ErrorKind::NotFound.into()),
            };
        }
        let path = self.path(path);
        if path.is_dir() {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        let mut options = OpenOptions::new();
        options.create(true);
        if append {
            options.append(true);
        } else {
            options.write(true).truncate(true);
        }
        options.open(path).map(Output::file)
    }

    /// Keeps what a `<(…)` wrote, and gives the name under which it is read.
    pub(crate) fn keep(&self, bytes: Vec<u8>) -> String {
        let mut processes = self.processes.borrow_mut();
        processes.push(bytes.into());
        format!("/dev/fd/{}", FIRST_PROCESS + processes.len() - 1)
    }

    /// Says what went wrong, with the shell's name before it.
    pub fn complain(&self, message: &str) {
        let name = Path::new(&self.name).file_name();
        let name = name.map_or("sh".into(), |name| name.to_string_lossy());
        // There is nobody to tell that standard error is closed.
        let _ = writeln!(self.streams.output(2), "{name}: {message}");
    }

    /// Ends the shell with a complaint.
    pub(crate) fn fail(&self, message: &str) -> Stop {
        self.complain(message);
        Stop::Exit(1)
    }
}

/// The number behind a name in `/dev`.
fn descriptor(path: &str) -> Option<u32> {
    match path {
        "/dev/stdin" => Some(0),
        "/dev/stdout" => Some(1),
        "/dev/stderr" => Some(2),
        _ => path.strip_prefix("/dev/fd/")?.parse().ok(),
    }
}
