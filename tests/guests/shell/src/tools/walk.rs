//! `find`, and `xargs`, which calls commands with what was found.

use std::fs;

use super::{Call, Done, Trouble};
use crate::expand::pattern::Pattern;
use crate::state::Shell;

/// What `find` asks of a path, and does with it.
enum Test<'a> {
    Kind(char),
    Name(Pattern),
    Path(Pattern),
    Empty,
    Not(Box<Test<'a>>),
    Print(char),
    Delete,
    Run {
        command: &'a [String],
        together: bool,
    },
}

pub(super) fn find(call: &mut Call<'_>) -> Done {
    let args = call.args;
    let is_test = |arg: &String| arg.starts_with('-') || arg == "!" || arg == "(";
    let start = args.iter().position(is_test).unwrap_or(args.len());
    let (roots, mut rest) = args.split_at(start);
    let (mut tests, mut deepest, mut shallowest) = (Vec::new(), usize::MAX, 0);
    while let Some(word) = rest.first() {
        if word == "-maxdepth" || word == "-mindepth" {
            let number = rest.get(1).and_then(|text| text.parse().ok());
            let number = number.ok_or_else(|| format!("{word}: a number is missing"))?;
            if word == "-maxdepth" {
                deepest = number;
            } else {
                shallowest = number;
            }
            rest = &rest[2..];
        } else {
            tests.push(test(&mut rest)?);
        }
    }
    let acts = |test: &Test<'_>| matches!(test, Test::Print(_) | Test::Delete | Test::Run { .. });
    if !tests.iter().any(acts) {
        tests.push(Test::Print('\n'));
    }
    let here = [".".to_owned()];
    let roots = if roots.is_empty() { &here } else { roots };
    let mut found = Vec::new();
    let mut status = 0;
    for root in roots {
        if call.shell.path(root).symlink_metadata().is_err() {
            call.complain(&format!("{root}: No such file or directory"));
            status = 1;
            continue;
        }
        below(call.shell, root, 0, deepest, &mut found);
    }
    if tests.iter().any(|test| matches!(test, Test::Delete)) {
        found.reverse();
    }
    let mut gathered = Vec::new();
    for (path, depth) in found {
        if depth < shallowest {
            continue;
        }
        let mut holds = true;
        for test in &tests {
            holds = holds && held(call, test, &path, &mut gathered)?;
        }
    }
    for test in &tests {
        if let Test::Run {
            command,
            together: true,
        } = test
            && !gathered.is_empty()
        {
            let args: Vec<String> = command.iter().cloned().chain(gathered.clone()).collect();
            status |= call.again(&[], &args);
        }
    }
    Ok(status)
}

fn test<'a>(rest: &mut &'a [String]) -> Result<Test<'a>, Trouble> {
    let (word, after) = rest.split_first().ok_or("a test is missing")?;
    *rest = after;
    let mut operand = || {
        let (first, after) = rest
            .split_first()
            .ok_or_else(|| format!("{word}: an operand is missing"))?;
        *rest = after;
        Ok::<&String, Trouble>(first)
    };
    Ok(match word.as_str() {
        "-type" => Test::Kind(operand()?.chars().next().unwrap_or('f')),
        "-name" => Test::Name(Pattern::new(operand()?)),
        "-path" => Test::Path(Pattern::new(operand()?)),
        "-empty" => Test::Empty,
        "-print" => Test::Print('\n'),
        "-print0" => Test::Print('\0'),
        "-delete" => Test::Delete,
        "!" | "-not" => Test::Not(Box::new(test(rest)?)),
        "-exec" => {
            let end = rest.iter().position(|word| word == ";" || word == "+");
            let end = end.ok_or("-exec: `;` is missing")?;
            let together = rest[end] == "+";
            let command = &rest[..end];
            *rest = &rest[end + 1..];
            let command = if together {
                command.strip_suffix(&["{}".to_owned()]).unwrap_or(command)
            } else {
                command
            };
            Test::Run { command, together }
        }
        other => return Err(format!("{other}: not supported here").into()),
    })
}

fn held(
    call: &mut Call<'_>,
    test: &Test<'_>,
    path: &str,
    gathered: &mut Vec<String>,
) -> Result<bool, Trouble> {
    let whole = call.shell.path(path);
    let metadata = whole
        .symlink_metadata()
        .map_err(|error| Trouble::at(path, &error))?;
    let name = path
        .trim_end_matches('/')
        .rsplit('/')
        .next()
        .unwrap_or(path);
    Ok(match test {
        Test::Kind('d') => metadata.is_dir(),
        Test::Kind('l') => metadata.is_symlink(),
        Test::Kind(_) => metadata.is_file(),
        Test::Name(pattern) => pattern.matches(name),
        Test::Path(pattern) => pattern.matches(path),
        Test::Empty if metadata.is_dir() => {
            fs::read_dir(whole).is_ok_and(|mut entries| entries.next().is_none())
        }
        Test::Empty => metadata.len() == 0,
        Test::Not(inner) => !held(call, inner, path, gathered)?,
        Test::Print(end) => {
            call.out.extend(format!("{path}{end}").bytes());
            true
        }
        Test::Delete => {
            let removed = if metadata.is_dir() {
                fs::remove_dir(whole)
            } else {
                fs::remove_file(whole)
            };
            removed.map_err(|error| Trouble::at(path, &error))?;
            true
        }
        Test::Run { together: true, .. } => {
            gathered.push(path.to_owned());
            true
        }
        Test::Run { command, .. } => {
            let args: Vec<String> = command
                .iter()
                .map(|word| word.replace("{}", path))
                .collect();
            call.again(&[], &args) == 0
        }
    })
}

/// A path and everything below it, sorted in each folder.
fn below(
    shell: &Shell,
    path: &str,
    depth: usize,
    deepest: usize,
    found: &mut Vec<(String, usize)>,
) {
    found.push((path.to_owned(), depth));
    let whole = shell.path(path);
    let is_folder = whole
        .symlink_metadata()
        .is_ok_and(|metadata| metadata.is_dir());
    if depth >= deepest || !is_folder {
        return;
    }
    let Ok(entries) = fs::read_dir(whole) else {
        return;
    };
    let mut names: Vec<String> = entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .collect();
    names.sort();
    let base = path.trim_end_matches('/');
    for name in names {
        below(shell, &format!("{base}/{name}"), depth + 1, deepest, found);
    }
}

impl Shell {
    /// The files at or below a path.
    pub(super) fn files_below(&self, path: &str) -> Vec<String> {
        let mut found = Vec::new();
        below(self, path, 0, usize::MAX, &mut found);
        let paths = found.into_iter().map(|(path, _)| path);
        paths.filter(|path| !self.path(path).is_dir()).collect()
    }
}

pub(super) fn xargs(call: &mut Call<'_>) -> Done {
    let mut args = call.args;
    let (mut most, mut placeholder, mut zero, mut unless_empty) = (usize::MAX, None, false, false);
    while let Some((arg, rest)) = args.split_first().filter(|(arg, _)| arg.starts_with('-')) {
        args = rest;
        let letter = arg.get(..2).unwrap_or("-");
        let mut value = || {
            if arg.len() > 2 {
                return Some(arg[2..].to_owned());
            }
            let (first, rest) = args.split_first()?;
            args = rest;
            Some(first.clone())
        };
        match letter {
            "-0" => zero = true,
            "-r" => unless_empty = true,
            "-n" | "-L" => {
                let number = value().and_then(|text| text.parse().ok());
                most = number
                    .filter(|number| *number > 0)
                    .ok_or("-n: a number is missing")?;
            }
            "-I" => placeholder = Some(value().ok_or("-I: a text is missing")?),
            "-P" => {
                value();
            }
            other => return Err(format!("{other}: not supported here").into()),
        }
    }
    let bytes = call.read("-")?;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let is_end = |c: char| match (zero, placeholder.is_some()) {
        (true, _) => c == '\0',
        (false, true) => c == '\n',
        (false, false) => c.is_whitespace(),
    };
    let items: Vec<String> = text
        .split(is_end)
        .filter(|item| !item.is_empty())
        .map(str::to_owned)
        .collect();
    let echo = ["echo".to_owned()];
    let command = if args.is_empty() { &echo } else { args };
    if items.is_empty() && (unless_empty || placeholder.is_some()) {
        return Ok(0);
    }
    let mut calls: Vec<Vec<String>> = match &placeholder {
        Some(text) => items
            .iter()
            .map(|item| {
                command
                    .iter()
                    .map(|word| word.replace(text.as_str(), item.trim()))
                    .collect()
            })
            .collect(),
        None => items
            .chunks(most.min(items.len().max(1)))
            .map(|chunk| [command, chunk].concat())
            .collect(),
    };
    if calls.is_empty() {
        calls.push(command.to_vec());
    }
    let mut failed = false;
    for words in calls {
        match call.again(&[], &words) {
            127 => return Ok(127),
            status => failed |= status != 0,
        }
    }
    // What `xargs` says when a call of it failed.
    Ok(if failed { 123 } else { 0 })
}
