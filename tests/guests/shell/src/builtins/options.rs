//! `set`: options, and the arguments of the shell.

use crate::run::Ran;
use crate::state::Shell;

pub(super) fn set(shell: &mut Shell, args: &[String]) -> Ran {
    let mut rest = args;
    while let Some((arg, after)) = rest.split_first() {
        let on = arg.starts_with('-');
        if arg == "--" {
            shell.args = after.to_vec();
            return Ok(0);
        }
        if arg.len() < 2 || !(on || arg.starts_with('+')) {
            shell.args = rest.to_vec();
            return Ok(0);
        }
        rest = after;
        for letter in arg[1..].chars() {
            let known = if letter == 'o' {
                let Some((name, after)) = rest.split_first() else {
                    return Ok(0);
                };
                rest = after;
                by_name(shell, name, on)
            } else {
                by_letter(shell, letter, on)
            };
            if !known {
                return Err(shell.fail(&format!("set: {arg}: invalid option")));
            }
        }
    }
    Ok(0)
}

/// Takes the options that a shell is started with, and gives back the other arguments and whether `-c` was among them.
pub(crate) fn started<'a>(shell: &mut Shell, args: &'a [String]) -> Option<(&'a [String], bool)> {
    let mut rest = args;
    let mut is_command = false;
    while let Some((arg, after)) = rest.split_first() {
        match arg.as_str() {
            "--" => return Some((after, is_command)),
            "--login" | "--norc" | "--noprofile" | "--posix" => rest = after,
            _ if arg.len() > 1 && (arg.starts_with('-') || arg.starts_with('+')) => {
                rest = after;
                for letter in arg[1..].chars() {
                    match letter {
                        'c' => is_command = true,
                        'o' => {
                            let (name, after) = rest.split_first()?;
                            rest = after;
                            if !by_name(shell, name, arg.starts_with('-')) {
                                return None;
                            }
                        }
                        'l' | 'i' | 's' => {}
                        _ if by_letter(shell, letter, arg.starts_with('-')) => {}
                        _ => return None,
                    }
                }
            }
            _ => break,
        }
    }
    Some((rest, is_command))
}

fn by_letter(shell: &mut Shell, letter: char, on: bool) -> bool {
    let options = &mut shell.options;
    match letter {
        'e' => options.errexit = on,
        'u' => options.nounset = on,
        'x' => options.xtrace = on,
        'f' => options.noglob = on,
        // Nothing here has traps to inherit, jobs, or braces to switch off.
        'E' | 'T' | 'h' | 'm' | 'b' | 'a' | 'B' => {}
        _ => return false,
    }
    true
}

fn by_name(shell: &mut Shell, name: &str, on: bool) -> bool {
    let letter = match name {
        "errexit" => 'e',
        "nounset" => 'u',
        "xtrace" => 'x',
        "noglob" => 'f',
        "pipefail" => {
            shell.options.pipefail = on;
            return true;
        }
        "posix" | "errtrace" => 'E',
        _ => return false,
    };
    by_letter(shell, letter, on)
}
