//! `grep`, with the regular expressions of `regex-lite`.

use regex_lite::Regex;

use super::{Call, Done, Trouble};

/// Its status where something went wrong: 1 says that nothing was found.
const TROUBLE: u8 = 2;

pub(super) fn grep(call: &mut Call<'_>) -> Done {
    search(call).map_err(|trouble| Trouble {
        status: TROUBLE,
        ..trouble
    })
}

fn search(call: &mut Call<'_>) -> Done {
    let long = [
        ("quiet", 'q'),
        ("ignore-case", 'i'),
        ("invert-match", 'v'),
        ("count", 'c'),
        ("only-matching", 'o'),
        ("extended-regexp", 'E'),
        ("fixed-strings", 'F'),
        ("regexp", 'e'),
        ("recursive", 'r'),
    ];
    let arguments = call.arguments("qivcoEFPGlnwxshHrR", "em", &long)?;
    let mut operands = arguments.operands.clone();
    let mut patterns: Vec<String> = arguments.values('e').map(str::to_owned).collect();
    if patterns.is_empty() {
        if operands.is_empty() {
            return Err("a pattern is missing".into());
        }
        patterns.push(operands.remove(0));
    }
    let mut source = patterns
        .iter()
        .flat_map(|pattern| pattern.split('\n'))
        .map(|pattern| {
            if arguments.has('F') || call.name == "fgrep" {
                regex_lite::escape(pattern)
            } else if arguments.has('E') || arguments.has('P') || call.name == "egrep" {
                pattern.to_owned()
            } else {
                extended(pattern)
            }
        })
        .map(|pattern| format!("(?:{pattern})"))
        .collect::<Vec<_>>()
        .join("|");
    if arguments.has('w') {
        source = format!(r"\b(?:{source})\b");
    }
    if arguments.has('x') {
        source = format!("^(?:{source})$");
    }
    if arguments.has('i') {
        source = format!("(?i){source}");
    }
    let expression = Regex::new(&source).map_err(|_| "invalid regular expression")?;
    let most = arguments
        .number('m')?
        .and_then(|most| usize::try_from(most).ok());
    if (arguments.has('r') || arguments.has('R')) && operands.is_empty() {
        operands.push(".".to_owned());
    }
    if arguments.has('r') || arguments.has('R') {
        operands = operands
            .iter()
            .flat_map(|path| call.shell.files_below(path))
            .collect();
    }
    let is_named =
        (operands.len() > 1 || arguments.has('H') || arguments.has('r')) && !arguments.has('h');
    let (files, trouble) = call.read_all(&operands);
    let mut found_any = false;
    for (path, bytes) in files {
        let text = String::from_utf8_lossy(&bytes);
        let name = if is_named {
            format!("{path}:")
        } else {
            String::new()
        };
        let mut count = 0;
        for (at, line) in text.lines().enumerate() {
            if most.is_some_and(|most| count >= most)
                || expression.is_match(line) == arguments.has('v')
            {
                continue;
            }
            count += 1;
            if arguments.has('q') || arguments.has('c') || arguments.has('l') {
                continue;
            }
            let number = if arguments.has('n') {
                format!("{}:", at + 1)
            } else {
                String::new()
            };
            if arguments.has('o') {
                for found in expression.find_iter(line) {
                    call.out
                        .extend(format!("{name}{number}{}\n", found.as_str()).bytes());
                }
            } else {
                call.out.extend(format!("{name}{number}{line}\n").bytes());
            }
        }
        found_any |= count > 0;
        if arguments.has('c') && !arguments.has('q') {
            call.out.extend(format!("{name}{count}\n").bytes());
        } else if arguments.has('l') && count > 0 && !arguments.has('q') {
            call.out.extend(format!("{path}\n").bytes());
        }
    }
    Ok(match (found_any, trouble) {
        (true, 0) => 0,
        (true, _) if arguments.has('q') => 0,
        (false, 0) => 1,
        _ => TROUBLE,
    })
}

/// A basic regular expression as an extended one: what is an operator with a `\` in the one is one without it in the other.
pub(super) fn extended(basic: &str) -> String {
    let mut out = String::new();
    let mut characters = basic.chars().peekable();
    let mut is_first = true;
    while let Some(character) = characters.next() {
        match character {
            '\\' => match characters.next() {
                Some(operator @ ('(' | ')' | '{' | '}' | '|' | '+' | '?')) => out.push(operator),
                Some(other) => out.extend(['\\', other]),
                None => out.push_str("\\\\"),
            },
            '(' | ')' | '{' | '}' | '|' | '+' | '?' => out.extend(['\\', character]),
            '*' if is_first => out.push_str("\\*"),
            '[' => {
                out.push('[');
                let mut at = 0;
                for inside in characters.by_ref() {
                    // In a set of POSIX a `\` and a `[` stand for themselves, but in a class they do not.
                    if inside == '\\' {
                        out.push('\\');
                    }
                    out.push(inside);
                    let is_end = inside == ']' && at > 0 && !is_in_open_class(&out);
                    at += usize::from(inside != '^' || at > 0);
                    if is_end {
                        break;
                    }
                }
            }
            other => out.push(other),
        }
        is_first = false;
    }
    out
}

/// Whether a class such as `[:digit:]` has just been closed, so that its bracket is not the set's.
fn is_in_open_class(text: &str) -> bool {
    text.ends_with(":]")
        && text
            .rfind("[:")
            .is_some_and(|start| start + 2 < text.len() - 2)
}
