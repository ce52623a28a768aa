//! The small programs that scripts call. Each reads its arguments, writes to [`Call::out`], and knows of the shell only
//! where it is and which streams are open.

mod arguments;
mod difference;
mod encode;
mod files;
mod filter;
mod grep;
mod lines;
mod lookup;
mod print;
mod sed;
mod system;
mod walk;

use std::io::{self, Write};

use crate::state::Shell;
use crate::text::reason;

/// One call of a tool.
pub(crate) struct Call<'a> {
    /// The tool's name, as it was called.
    pub(crate) name: &'a str,
    /// Its arguments.
    pub(crate) args: &'a [String],
    /// What it prints, which is written when it ends.
    pub(crate) out: Vec<u8>,
    /// The shell that calls it.
    pub(crate) shell: &'a mut Shell,
}

/// A tool.
pub(crate) type Tool = fn(&mut Call<'_>) -> Done;

/// How a tool ends: with a status, or with something to say about why it did not work.
pub(crate) type Done = Result<u8, Trouble>;

/// Why a tool did not work.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Trouble {
    /// What it says, without its name.
    pub(crate) message: String,
    /// Its exit status.
    pub(crate) status: u8,
}

impl From<String> for Trouble {
    fn from(message: String) -> Self {
        Self { message, status: 1 }
    }
}

impl From<&str> for Trouble {
    fn from(message: &str) -> Self {
        message.to_owned().into()
    }
}

impl Trouble {
    /// Something that was done to a file.
    fn at(path: &str, error: &io::Error) -> Self {
        format!("{path}: {}", reason(error)).into()
    }
}

/// The tool of a name, which may be the path of one.
pub(crate) fn find(name: &str) -> Option<Tool> {
    const FOLDERS: [&str; 6] = [
        "/bin/",
        "/sbin/",
        "/usr/bin/",
        "/usr/sbin/",
        "/usr/local/bin/",
        "/busybox/",
    ];
    let in_folder = FOLDERS.iter().find_map(|folder| name.strip_prefix(folder));
    Some(match in_folder.unwrap_or(name) {
        "base64" => encode::base64,
        "basename" => lookup::basename,
        "cat" => lines::cat,
        "chmod" | "chown" | "sync" => |_| Ok(0),
        "cmp" => difference::cmp,
        "cp" => files::cp,
        "cut" => filter::cut,
        "date" => system::date,
        "diff" => difference::diff,
        "dirname" => lookup::dirname,
        "echo" => print::echo,
        "env" => system::env,
        "expr" => system::expr,
        "false" => |_| Ok(1),
        "find" => walk::find,
        "grep" | "egrep" | "fgrep" => grep::grep,
        "head" => lines::head,
        "hostname" => |call| call.print("localhost\n"),
        "id" => system::id,
        "ls" => lookup::ls,
        "mkdir" => files::mkdir,
        "mktemp" => files::mktemp,
        "mv" => files::mv,
        "printenv" => system::printenv,
        "printf" => print::printf,
        "pwd" => |call| {
            let line = format!("{}\n", call.shell.folder.display());
            call.print(&line)
        },
        "readlink" | "realpath" => lookup::readlink,
        "rm" => files::rm,
        "rmdir" => files::rmdir,
        "sed" => sed::sed,
        "seq" => print::seq,
        "sh" | "ash" | "bash" | "dash" => system::sh,
        "sha256sum" => encode::sha256sum,
        "sleep" => system::sleep,
        "sort" => filter::sort,
        "stat" => lookup::stat,
        "tac" => lines::tac,
        "tail" => lines::tail,
        "tee" => lines::tee,
        "test" => |call| Ok(call.again(&["test"], call.args)),
        "[" => |call| Ok(call.again(&["["], call.args)),
        "touch" => files::touch,
        "tr" => filter::tr,
        "true" => |_| Ok(0),
        "uname" => |call| call.print("Linux\n"),
        "uniq" => filter::uniq,
        "wc" => lines::wc,
        "whoami" => |call| call.print("root\n"),
        "xargs" => walk::xargs,
        _ => return None,
    })
}

impl Call<'_> {
    /// Prints a text as the whole that this tool does.
    fn print(&mut self, text: &str) -> Done {
        self.out.extend_from_slice(text.as_bytes());
        Ok(0)
    }

    /// Says what does not work while the tool goes on.
    fn complain(&mut self, message: &str) {
        self.flush();
        let line = format!("{}: {message}\n", self.name);
        // There is nobody to tell that standard error is closed.
        let _ = self.shell.streams.output(2).write_all(line.as_bytes());
    }

    /// Writes what was printed so far.
    fn flush(&mut self) {
        let out = std::mem::take(&mut self.out);
        // A closed output is met again when the tool ends or the next command prints.
        let _ = self.shell.streams.output(1).write_all(&out);
    }

    /// All of a file; of standard input for `-`.
    fn read(&self, path: &str) -> Result<Vec<u8>, Trouble> {
        let input = if path == "-" {
            Ok(self.shell.streams.input(0))
        } else {
            self.shell.open(path)
        };
        let bytes = input.and_then(|input| input.rest());
        bytes.map_err(|error| Trouble::at(path, &error))
    }

    /// All of the files, or of standard input where none is named. A file that cannot be read is complained about.
    fn read_all(&mut self, paths: &[String]) -> (Vec<(String, Vec<u8>)>, u8) {
        let standard = ["-".to_owned()];
        let paths = if paths.is_empty() { &standard } else { paths };
        let mut status = 0;
        let mut read = Vec::with_capacity(paths.len());
        for path in paths {
            match self.read(path) {
                Ok(bytes) => read.push((path.clone(), bytes)),
                Err(trouble) => {
                    self.complain(&trouble.message);
                    status = 1;
                }
            }
        }
        (read, status)
    }

    /// Calls another command, after what was printed so far.
    fn again(&mut self, command: &[&str], args: &[String]) -> u8 {
        self.flush();
        let words = command.iter().map(|word| (*word).to_owned());
        let words: Vec<String> = words.chain(args.iter().cloned()).collect();
        match self.shell.subshell() {
            Ok(shell) => shell.ended(|shell| shell.call(&words)),
            Err(_) => 1,
        }
    }
}

#[cfg(test)]
mod tests;
