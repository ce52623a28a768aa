//! Tools that tell about the system, or start something in it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::{Call, Done, Trouble};
use crate::builtins::started;

/// Another shell.
pub(super) fn sh(call: &mut Call<'_>) -> Done {
    let mut shell = match call.shell.other(call.name, &[]) {
        Ok(shell) => shell,
        Err(_) => return Ok(1),
    };
    let Some((rest, is_command)) = started(&mut shell, call.args) else {
        return Err(Trouble {
            message: format!("invalid option among `{}`", call.args.join(" ")),
            status: 2,
        });
    };
    let Some((first, rest)) = rest.split_first() else {
        if is_command {
            return Err(Trouble {
                message: "-c: a command is missing".to_owned(),
                status: 2,
            });
        }
        let script = call.read("-")?;
        return Ok(shell.interpret(&String::from_utf8_lossy(&script)));
    };
    if is_command {
        if let Some((name, args)) = rest.split_first() {
            shell.name = name.clone();
            shell.args = args.to_vec();
        }
        return Ok(shell.interpret(first));
    }
    shell.args = rest.to_vec();
    match shell.open(first) {
        Ok(file) => {
            let script = file.rest().map_err(|error| Trouble::at(first, &error))?;
            shell.name = first.clone();
            Ok(shell.interpret(&String::from_utf8_lossy(&script)))
        }
        Err(error) => Err(Trouble {
            status: 127,
            ..Trouble::at(first, &error)
        }),
    }
}

pub(super) fn env(call: &mut Call<'_>) -> Done {
    let mut args = call.args;
    let mut shell = match call.shell.subshell() {
        Ok(shell) => shell,
        Err(_) => return Ok(1),
    };
    while let Some((arg, rest)) = args.split_first() {
        if arg == "-i" {
            for variable in shell.variables.values_mut() {
                variable.exported = false;
            }
        } else if arg == "-u" {
            if let Some(name) = rest.first() {
                shell.variables.remove(name);
            }
            args = rest.get(1..).unwrap_or_default();
            continue;
        } else if let Some((name, value)) = arg.split_once('=') {
            shell.set(name, crate::state::Value::Text(value.to_owned()));
            if let Some(variable) = shell.variables.get_mut(name) {
                variable.exported = true;
            }
        } else if arg != "--" && arg != "-S" {
            break;
        }
        args = rest;
    }
    if args.is_empty() {
        for (name, value) in shell.environment() {
            call.out.extend(format!("{name}={value}\n").bytes());
        }
        return Ok(0);
    }
    Ok(shell.ended(|shell| shell.call(args)))
}

pub(super) fn printenv(call: &mut Call<'_>) -> Done {
    let mut status = 0;
    if call.args.is_empty() {
        for (name, value) in call.shell.environment() {
            call.out.extend(format!("{name}={value}\n").bytes());
        }
    }
    for wanted in call.args {
        let environment = call.shell.environment();
        match environment.iter().find(|(name, _)| name == wanted) {
            Some((_, value)) => call.out.extend(format!("{value}\n").bytes()),
            None => status = 1,
        }
    }
    Ok(status)
}

pub(super) fn id(call: &mut Call<'_>) -> Done {
    let arguments = call.arguments("ugnGr", "", &[])?;
    let text = match (arguments.has('u') || arguments.has('g'), arguments.has('n')) {
        (true, false) => "0\n",
        (true, true) => "root\n",
        _ => "uid=0(root) gid=0(root)\n",
    };
    call.print(text)
}

pub(super) fn sleep(call: &mut Call<'_>) -> Done {
    let mut seconds = 0.0;
    for arg in call.args {
        let (digits, unit) = match arg.trim_end_matches(['s', 'm', 'h', 'd']) {
            digits if digits.len() + 1 >= arg.len() => (digits, &arg[digits.len()..]),
            _ => return Err(format!("invalid time interval `{arg}`").into()),
        };
        let factor = match unit {
            "m" => 60.0,
            "h" => 3600.0,
            "d" => 86400.0,
            _ => 1.0,
        };
        let number: f64 = digits
            .parse()
            .map_err(|_| format!("invalid time interval `{arg}`"))?;
        seconds += number * factor;
    }
    let duration = Duration::try_from_secs_f64(seconds).map_err(|_| "invalid time interval")?;
    std::thread::sleep(duration);
    Ok(0)
}

pub(super) fn date(call: &mut Call<'_>) -> Done {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let seconds = now.map_or(0, |now| now.as_secs());
    let format = call.args.iter().find_map(|arg| arg.strip_prefix('+'));
    let format = format.unwrap_or("%Y-%m-%dT%H:%M:%SZ");
    let (year, month, day) = civil(i64::try_from(seconds / 86400).unwrap_or(0));
    let clock = seconds % 86400;
    let mut out = String::new();
    let mut characters = format.chars();
    while let Some(character) = characters.next() {
        if character != '%' {
            out.push(character);
            continue;
        }
        match characters.next() {
            Some('Y') => out.push_str(&format!("{year:04}")),
            Some('m') => out.push_str(&format!("{month:02}")),
            Some('d') => out.push_str(&format!("{day:02}")),
            Some('H') => out.push_str(&format!("{:02}", clock / 3600)),
            Some('M') => out.push_str(&format!("{:02}", clock / 60 % 60)),
            Some('S') => out.push_str(&format!("{:02}", clock % 60)),
            Some('F') => out.push_str(&format!("{year:04}-{month:02}-{day:02}")),
            Some('T') => {
                out.push_str(&format!(
                    "{:02}:{:02}:{:02}",
                    clock / 3600,
                    clock / 60 % 60,
                    clock % 60
                ));
            }
            Some('s') => out.push_str(&seconds.to_string()),
            Some('N') => out.push_str("000000000"),
            Some('Z') => out.push_str("UTC"),
            Some('%') => out.push('%'),
            Some(other) => return Err(format!("%{other}: not supported here").into()),
            None => out.push('%'),
        }
    }
    out.push('\n');
    call.print(&out)
}

/// The date that is so many days after 1970-01-01. Years are counted from March, so that the leap day is the last.
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 {
        shifted + 3
    } else {
        shifted - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

pub(super) fn expr(call: &mut Call<'_>) -> Done {
    let [left, operator, right] = call.args else {
        let [only] = call.args else {
            return Err("one operand, or two and an operator between them, are taken here".into());
        };
        let line = format!("{only}\n");
        call.print(&line)?;
        return Ok(u8::from(only.is_empty() || only == "0"));
    };
    let numbers = (left.parse::<i64>(), right.parse::<i64>());
    let value = match (operator.as_str(), numbers) {
        (":", _) => {
            let source = format!("^(?:{})", super::grep::extended(right));
            let expression =
                regex_lite::Regex::new(&source).map_err(|_| "invalid regular expression")?;
            match expression.captures(left) {
                Some(found) => match found.get(1) {
                    Some(group) => group.as_str().to_owned(),
                    None => found[0].chars().count().to_string(),
                },
                None => "0".to_owned(),
            }
        }
        ("/" | "%", (Ok(_), Ok(0))) => return Err("division by zero".into()),
        ("+", (Ok(left), Ok(right))) => left.wrapping_add(right).to_string(),
        ("-", (Ok(left), Ok(right))) => left.wrapping_sub(right).to_string(),
        ("*", (Ok(left), Ok(right))) => left.wrapping_mul(right).to_string(),
        ("/", (Ok(left), Ok(right))) => left.wrapping_div(right).to_string(),
        ("%", (Ok(left), Ok(right))) => left.wrapping_rem(right).to_string(),
        ("=" | "==", _) => u8::from(left == right).to_string(),
        ("!=", _) => u8::from(left != right).to_string(),
        ("<", (Ok(left), Ok(right))) => u8::from(left < right).to_string(),
        ("<=", (Ok(left), Ok(right))) => u8::from(left <= right).to_string(),
        (">", (Ok(left), Ok(right))) => u8::from(left > right).to_string(),
        (">=", (Ok(left), Ok(right))) => u8::from(left >= right).to_string(),
        ("+" | "-" | "*" | "/" | "%", _) => return Err("non-integer argument".into()),
        _ => return Err(format!("{operator}: not supported here").into()),
    };
    let line = format!("{value}\n");
    call.print(&line)?;
    Ok(u8::from(value.is_empty() || value == "0"))
}
