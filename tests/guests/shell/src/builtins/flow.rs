//! Where the shell goes on: other scripts, the ends of loops, functions and itself.

use std::io::Read;

use crate::run::Ran;
use crate::state::{Shell, Stop};
use crate::syntax::parse;

pub(super) fn eval(shell: &mut Shell, args: &[String]) -> Ran {
    within(shell, &args.join(" "))
}

pub(super) fn source(shell: &mut Shell, args: &[String]) -> Ran {
    let Some((path, args)) = args.split_first() else {
        return Err(shell.fail("source: a file is missing"));
    };
    let mut text = String::new();
    let read = shell
        .open(path)
        .and_then(|mut file| file.read_to_string(&mut text));
    if let Err(error) = read {
        return Err(shell.fail(&format!("{path}: {}", crate::text::reason(&error))));
    }
    let before = shell.args.clone();
    if !args.is_empty() {
        shell.args = args.to_vec();
    }
    shell.deepen()?;
    let ran = within(shell, &text);
    shell.depth -= 1;
    shell.args = before;
    match ran {
        Err(Stop::Return(status)) => Ok(status),
        ran => ran,
    }
}

/// Runs a text as if it stood here.
fn within(shell: &mut Shell, text: &str) -> Ran {
    match parse(text) {
        Ok(list) => shell.list(&list),
        Err(error) => {
            shell.complain(&error.to_string());
            Err(Stop::Exit(2))
        }
    }
}

/// Runs a command as the last one.
pub(super) fn exec(shell: &mut Shell, args: &[String]) -> Ran {
    if args.is_empty() {
        return Ok(0);
    }
    shell.at_exit = None;
    Err(Stop::Exit(shell.call(args)?))
}

pub(super) fn exit(shell: &mut Shell, args: &[String]) -> Ran {
    Err(Stop::Exit(status(shell, args)))
}

pub(super) fn give_back(shell: &mut Shell, args: &[String]) -> Ran {
    Err(Stop::Return(status(shell, args)))
}

/// The status that an argument asks for: its lowest eight bits.
fn status(shell: &Shell, args: &[String]) -> u8 {
    let Some(text) = args.first() else {
        return shell.status;
    };
    match text.parse::<i64>() {
        Ok(number) => number.rem_euclid(256).try_into().unwrap_or(2),
        Err(_) => {
            shell.complain(&format!("{text}: numeric argument required"));
            2
        }
    }
}

pub(super) fn leave_loops(_: &mut Shell, args: &[String]) -> Ran {
    Err(Stop::Break(loops(args)))
}

pub(super) fn next_round(_: &mut Shell, args: &[String]) -> Ran {
    Err(Stop::Continue(loops(args)))
}

fn loops(args: &[String]) -> usize {
    let count = args.first().and_then(|text| text.parse().ok());
    count.unwrap_or(1).max(1)
}

/// Keeps what is to be done at the end. Signals do not reach a sandbox, so that other conditions are taken and never met.
pub(super) fn trap(shell: &mut Shell, args: &[String]) -> Ran {
    let args = args.strip_prefix(&["--".to_owned()]).unwrap_or(args);
    let Some((action, conditions)) = args.split_first() else {
        return Ok(0);
    };
    if conditions
        .iter()
        .any(|condition| condition == "EXIT" || condition == "0")
    {
        shell.at_exit = (action != "-" && !action.is_empty()).then(|| action.clone());
    }
    Ok(0)
}
