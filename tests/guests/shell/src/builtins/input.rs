//! Builtins that read into variables.

use crate::run::Ran;
use crate::state::{Shell, Value};

pub(super) fn read(shell: &mut Shell, args: &[String]) -> Ran {
    let mut raw = false;
    let mut as_array = false;
    let mut names = Vec::new();
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "-r" => raw = true,
            "-a" => as_array = true,
            "-ra" | "-ar" => (raw, as_array) = (true, true),
            "-p" | "-d" | "-n" | "-t" | "-u" => {
                args.next();
            }
            "-s" | "-e" => {}
            name => names.push(name.to_owned()),
        }
    }
    if names.is_empty() {
        names.push("REPLY".to_owned());
    }
    let input = shell.streams.input(0);
    let mut line = String::new();
    let is_whole = loop {
        let bytes = match input.line() {
            Ok(bytes) => bytes,
            Err(_) => break false,
        };
        let is_whole = bytes.ends_with(b"\n");
        line.push_str(String::from_utf8_lossy(&bytes).trim_end_matches('\n'));
        let goes_on = !raw && is_whole && ends_with_backslash(&line);
        if !goes_on {
            break is_whole;
        }
        line.pop();
    };
    if !raw {
        line = line
            .replace("\\\\", "\u{0}")
            .replace('\\', "")
            .replace('\u{0}', "\\");
    }
    let separators = shell.get("IFS").unwrap_or(" \t\n").to_owned();
    if as_array {
        let list = split(&line, &separators, usize::MAX);
        shell.assign(&names[0], Value::List(list))?;
    } else {
        let mut values = split(&line, &separators, names.len()).into_iter();
        for name in names {
            shell.assign(&name, Value::Text(values.next().unwrap_or_default()))?;
        }
    }
    Ok(u8::from(!is_whole))
}

fn ends_with_backslash(line: &str) -> bool {
    (line.len() - line.trim_end_matches('\\').len()) % 2 == 1
}

/// Splits a line into at most so many fields; the last one keeps what separates its parts.
fn split(line: &str, separators: &str, most: usize) -> Vec<String> {
    let is_separator = |c: char| separators.contains(c);
    let is_blank = |c: char| is_separator(c) && c.is_whitespace();
    let mut fields = Vec::new();
    let mut rest = line.trim_matches(is_blank);
    while !rest.is_empty() {
        if fields.len() + 1 == most {
            fields.push(rest.to_owned());
            break;
        }
        let end = rest.find(is_separator).unwrap_or(rest.len());
        fields.push(rest[..end].to_owned());
        rest = rest[end..].trim_start_matches(is_blank);
        let mut after = rest.chars();
        if after.next().is_some_and(is_separator) {
            rest = after.as_str().trim_start_matches(is_blank);
        }
    }
    fields
}

pub(super) fn mapfile(shell: &mut Shell, args: &[String]) -> Ran {
    let trims = args.iter().any(|arg| arg == "-t");
    let name = args.iter().find(|arg| !arg.starts_with('-'));
    let name = name.map_or("MAPFILE", String::as_str);
    let bytes = shell.streams.input(0).rest().unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let lines = text.split_inclusive('\n').map(|line| match trims {
        true => line.trim_end_matches('\n').to_owned(),
        false => line.to_owned(),
    });
    shell.assign(name, Value::List(lines.collect()))?;
    Ok(0)
}

pub(super) fn getopts(shell: &mut Shell, args: &[String]) -> Ran {
    let [letters, name, given @ ..] = args else {
        return Err(shell.fail("getopts: letters and a name are missing"));
    };
    let given = if given.is_empty() {
        shell.args.clone()
    } else {
        given.to_vec()
    };
    let at: usize = shell
        .get("OPTIND")
        .and_then(|text| text.parse().ok())
        .unwrap_or(1);
    let arg = given
        .get(at - 1)
        .filter(|arg| arg.len() > 1 && arg.starts_with('-'));
    let Some(arg) = arg.filter(|arg| *arg != "--") else {
        shell.set(name, Value::Text("?".to_owned()));
        return Ok(1);
    };
    // Letters are taken one argument each: `-a -b x`, not `-ab x`.
    let letter = &arg[1..2];
    let found = letters.find(letter).filter(|_| letter != ":");
    let wants_value = found.is_some_and(|at| letters[at + 1..].starts_with(':'));
    let mut next = at + 1;
    if wants_value {
        let attached = arg[2..].to_owned();
        let value = if attached.is_empty() {
            next += 1;
            given.get(at).cloned().unwrap_or_default()
        } else {
            attached
        };
        shell.set("OPTARG", Value::Text(value));
    }
    let letter = if found.is_some() { letter } else { "?" };
    shell.set(name, Value::Text(letter.to_owned()));
    shell.set("OPTIND", Value::Text(next.to_string()));
    Ok(0)
}
