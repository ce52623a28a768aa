//! `sed`: `s`, `p`, `d` and `q`, with addresses that are numbers, `$` or expressions.

use std::io::Write;

use regex_lite::{Captures, Regex};

use super::grep::extended;
use super::{Call, Done, Trouble};

/// One command of a script.
struct Command {
    from: Option<Address>,
    to: Option<Address>,
    negated: bool,
    action: Action,
    /// Whether a range has begun and not ended.
    is_open: bool,
}

enum Address {
    Line(usize),
    Last,
    Match(Regex),
}

enum Action {
    Substitute {
        expression: Regex,
        with: String,
        all: bool,
        nth: usize,
        prints: bool,
    },
    Print,
    Delete,
    Quit,
}

pub(super) fn sed(call: &mut Call<'_>) -> Done {
    let arguments = call.arguments(
        "nErsi",
        "e",
        &[("expression", 'e'), ("quiet", 'n'), ("in-place", 'i')],
    )?;
    let mut operands = arguments.operands.clone();
    let mut scripts: Vec<String> = arguments.values('e').map(str::to_owned).collect();
    if scripts.is_empty() {
        if operands.is_empty() {
            return Err("a script is missing".into());
        }
        scripts.push(operands.remove(0));
    }
    let is_extended = arguments.has('E') || arguments.has('r');
    let mut commands = parse(&scripts.join("\n"), is_extended)?;
    let (files, status) = call.read_all(&operands);
    if arguments.has('i') {
        for (path, bytes) in files {
            let out = edited(&mut commands, &bytes, arguments.has('n'));
            call.shell
                .create(&path, false)
                .and_then(|mut file| file.write_all(&out))
                .map_err(|error| Trouble::at(&path, &error))?;
        }
        return Ok(status);
    }
    let bytes: Vec<u8> = files.into_iter().flat_map(|(_, bytes)| bytes).collect();
    call.out = edited(&mut commands, &bytes, arguments.has('n'));
    Ok(status)
}

fn edited(commands: &mut [Command], bytes: &[u8], quiet: bool) -> Vec<u8> {
    let text = String::from_utf8_lossy(bytes);
    let count = text.lines().count();
    let mut out = String::new();
    'lines: for (at, line) in text.lines().enumerate() {
        let mut line = line.to_owned();
        let mut quits = false;
        let mut printed = String::new();
        for command in &mut *commands {
            if !command.applies(at + 1, count, &line) {
                continue;
            }
            match &command.action {
                Action::Print => printed.push_str(&format!("{line}\n")),
                Action::Delete => {
                    out.push_str(&printed);
                    continue 'lines;
                }
                Action::Quit => {
                    quits = true;
                    break;
                }
                Action::Substitute {
                    expression,
                    with,
                    all,
                    nth,
                    prints,
                } => {
                    if let Some(changed) = substituted(expression, &line, with, *all, *nth) {
                        line = changed;
                        if *prints {
                            printed.push_str(&format!("{line}\n"));
                        }
                    }
                }
            }
        }
        out.push_str(&printed);
        if !quiet {
            out.push_str(&format!("{line}\n"));
        }
        if quits {
            break;
        }
    }
    if !bytes.ends_with(b"\n") {
        out.truncate(out.strip_suffix('\n').map_or(0, str::len));
    }
    out.into_bytes()
}

fn substituted(
    expression: &Regex,
    line: &str,
    with: &str,
    all: bool,
    nth: usize,
) -> Option<String> {
    let mut out = String::new();
    let mut end = 0;
    let mut is_changed = false;
    for (at, found) in expression.captures_iter(line).enumerate() {
        if at + 1 < nth || (is_changed && !all) {
            continue;
        }
        let whole = found.get(0)?;
        out.push_str(&line[end..whole.start()]);
        fill(with, &found, &mut out);
        end = whole.end();
        is_changed = true;
    }
    out.push_str(&line[end..]);
    is_changed.then_some(out)
}

/// Writes a replacement: `&` is the match, `\1` a group.
fn fill(with: &str, found: &Captures<'_>, out: &mut String) {
    let group = |at: usize| found.get(at).map_or("", |group| group.as_str());
    let mut characters = with.chars();
    while let Some(character) = characters.next() {
        match character {
            '&' => out.push_str(group(0)),
            '\\' => match characters.next() {
                Some('n') => out.push('\n'),
                Some('t') => out.push('\t'),
                Some(digit) if digit.is_ascii_digit() => {
                    out.push_str(group(digit as usize - '0' as usize));
                }
                Some(other) => out.push(other),
                None => {}
            },
            other => out.push(other),
        }
    }
}

impl Command {
    fn applies(&mut self, at: usize, count: usize, line: &str) -> bool {
        let is_at = |address: &Address| match address {
            Address::Line(number) => *number == at,
            Address::Last => at == count,
            Address::Match(expression) => expression.is_match(line),
        };
        let applies = match (&self.from, &self.to) {
            (None, _) => true,
            (Some(from), None) => is_at(from),
            (Some(from), Some(to)) => {
                if self.is_open {
                    self.is_open = !is_at(to);
                    true
                } else {
                    let starts = is_at(from);
                    self.is_open = starts && !matches!(to, Address::Line(number) if *number <= at);
                    starts
                }
            }
        };
        applies != self.negated
    }
}

fn parse(script: &str, is_extended: bool) -> Result<Vec<Command>, Trouble> {
    let mut rest = script.trim_start_matches([' ', ';', '\n']);
    let mut commands = Vec::new();
    while !rest.is_empty() {
        let from = address(&mut rest, is_extended)?;
        let to = if rest.starts_with(',') {
            rest = &rest[1..];
            address(&mut rest, is_extended)?
        } else {
            None
        };
        rest = rest.trim_start();
        let negated = rest.starts_with('!');
        rest = rest.trim_start_matches(['!', ' ']);
        let letter = rest.chars().next().ok_or("a command is missing")?;
        rest = &rest[letter.len_utf8()..];
        let action = match letter {
            'p' => Action::Print,
            'd' => Action::Delete,
            'q' => Action::Quit,
            's' => substitution(&mut rest, is_extended)?,
            other => return Err(format!("command `{other}` is not supported here").into()),
        };
        commands.push(Command {
            from,
            to,
            negated,
            action,
            is_open: false,
        });
        rest = rest.trim_start_matches(' ');
        if !rest.is_empty() && !rest.starts_with([';', '\n']) {
            return Err(format!("extra characters after command: `{rest}`").into());
        }
        rest = rest.trim_start_matches([' ', ';', '\n']);
    }
    Ok(commands)
}

fn address(rest: &mut &str, is_extended: bool) -> Result<Option<Address>, Trouble> {
    if let Some(after) = rest.strip_prefix('$') {
        *rest = after;
        return Ok(Some(Address::Last));
    }
    if rest.starts_with('/') {
        *rest = &rest[1..];
        let source = delimited(rest, '/')?;
        return Ok(Some(Address::Match(regex(&source, is_extended, false)?)));
    }
    let end = rest
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(rest.len());
    let number = rest[..end].parse().ok().map(Address::Line);
    *rest = &rest[end..];
    Ok(number)
}

fn substitution(rest: &mut &str, is_extended: bool) -> Result<Action, Trouble> {
    let delimiter = rest.chars().next().ok_or("unterminated `s`")?;
    *rest = &rest[delimiter.len_utf8()..];
    let source = delimited(rest, delimiter)?;
    let with = delimited(rest, delimiter)?;
    let end = rest
        .find(|c: char| !c.is_ascii_alphanumeric())
        .unwrap_or(rest.len());
    let flags = &rest[..end];
    *rest = &rest[end..];
    let digits: String = flags.chars().filter(char::is_ascii_digit).collect();
    Ok(Action::Substitute {
        expression: regex(&source, is_extended, flags.contains(['i', 'I']))?,
        with,
        all: flags.contains('g'),
        nth: digits.parse().unwrap_or(1),
        prints: flags.contains('p'),
    })
}

/// Takes up to the next delimiter that no `\` hides.
fn delimited(rest: &mut &str, delimiter: char) -> Result<String, Trouble> {
    let mut text = String::new();
    let mut characters = rest.char_indices();
    while let Some((at, character)) = characters.next() {
        if character == delimiter {
            *rest = &rest[at + delimiter.len_utf8()..];
            return Ok(text);
        }
        text.push(character);
        if character == '\\'
            && let Some((_, hidden)) = characters.next()
        {
            if hidden == delimiter {
                text.pop();
            }
            text.push(hidden);
        }
    }
    Err(format!("unterminated command: `{delimiter}` is missing").into())
}

fn regex(source: &str, is_extended: bool, ignores_case: bool) -> Result<Regex, Trouble> {
    let source = if is_extended {
        source.to_owned()
    } else {
        extended(source)
    };
    let source = if ignores_case {
        format!("(?i){source}")
    } else {
        source
    };
    Regex::new(&source).map_err(|_| Trouble::from("invalid regular expression"))
}
