//! Commands that change the shell itself.

mod declare;
mod flow;
mod input;
mod options;
mod test;

use std::io::Write;

use crate::run::Ran;
use crate::state::{Shell, Value};
pub(crate) use declare::is_declaring;
pub(crate) use options::started;

/// A builtin, called without its name.
pub(crate) type Builtin = fn(&mut Shell, &[String]) -> Ran;

/// The builtin of a name.
pub(crate) fn find(name: &str) -> Option<Builtin> {
    Some(match name {
        ":" | "true" => |_, _| Ok(0),
        "false" => |_, _| Ok(1),
        "." | "source" => flow::source,
        "[" => test::bracket,
        "break" => flow::leave_loops,
        "cd" => cd,
        "command" | "builtin" => command,
        "continue" => flow::next_round,
        "eval" => flow::eval,
        "exec" => flow::exec,
        "exit" => flow::exit,
        "getopts" => input::getopts,
        "hash" | "ulimit" | "umask" | "wait" => |_, _| Ok(0),
        "let" => arithmetic,
        "mapfile" | "readarray" => input::mapfile,
        "pwd" => pwd,
        "read" => input::read,
        "return" => flow::give_back,
        "set" => options::set,
        "shift" => shift,
        "shopt" => |_, _| Ok(0),
        "test" => test::test,
        "trap" => flow::trap,
        "type" | "which" => kind_of,
        "unset" => declare::unset,
        _ => return None,
    })
}

fn cd(shell: &mut Shell, args: &[String]) -> Ran {
    let args = args.strip_prefix(&["--".to_owned()]).unwrap_or(args);
    let target = match args.first().map(String::as_str) {
        None => shell.get("HOME").unwrap_or("/").to_owned(),
        Some("-") => shell.get("OLDPWD").unwrap_or("/").to_owned(),
        Some(path) => path.to_owned(),
    };
    let folder = shell.path(&target);
    let reason = match folder.metadata() {
        Ok(metadata) if metadata.is_dir() => {
            let old = shell.folder.to_string_lossy().into_owned();
            shell.set("OLDPWD", Value::Text(old));
            shell.enter(folder);
            return Ok(0);
        }
        Ok(_) => "Not a directory".to_owned(),
        Err(error) => crate::text::reason(&error),
    };
    shell.complain(&format!("cd: {target}: {reason}"));
    Ok(1)
}

fn pwd(shell: &mut Shell, _: &[String]) -> Ran {
    let line = format!("{}\n", shell.folder.display());
    Ok(print(shell, &line))
}

fn command(shell: &mut Shell, args: &[String]) -> Ran {
    match args.first().map(String::as_str) {
        Some("-v" | "-V") => kind_of(shell, &args[1..]),
        _ => shell.call(args),
    }
}

/// Says what a name stands for; a tool is said to be in `/bin`.
fn kind_of(shell: &mut Shell, args: &[String]) -> Ran {
    let mut status = 0;
    for name in args.iter().filter(|name| !name.starts_with('-')) {
        let is_known =
            shell.functions.contains_key(name) || find(name).is_some() || is_declaring(name);
        if is_known {
            print(shell, &format!("{name}\n"));
        } else if crate::tools::find(name).is_some() {
            print(shell, &format!("/bin/{name}\n"));
        } else {
            status = 1;
        }
    }
    Ok(status)
}

fn shift(shell: &mut Shell, args: &[String]) -> Ran {
    let count = match args.first() {
        None => 1,
        Some(text) => text.parse().unwrap_or(usize::MAX),
    };
    if count > shell.args.len() {
        shell.complain("shift: can't shift that many");
        return Ok(1);
    }
    shell.args.drain(..count);
    Ok(0)
}

fn arithmetic(shell: &mut Shell, args: &[String]) -> Ran {
    let mut value = 0;
    for arg in args {
        value = shell.evaluate(arg)?;
    }
    Ok(u8::from(value == 0))
}

/// Prints to standard output.
fn print(shell: &Shell, text: &str) -> u8 {
    u8::from(shell.streams.output(1).write_all(text.as_bytes()).is_err())
}
