//! Tools that change or order lines: `cut`, `sort`, `tr`, `uniq`.

use std::cmp::Ordering;

use super::{Call, Done, Trouble};
use crate::expand::pattern::is_in_class;

/// The lines of files, without their ends.
fn lines(files: &[(String, Vec<u8>)]) -> Vec<String> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    files
        .iter()
        .flat_map(|(_, bytes)| {
            let text = text(bytes);
            text.lines().map(str::to_owned).collect::<Vec<_>>()
        })
        .collect()
}

pub(super) fn cut(call: &mut Call<'_>) -> Done {
    let arguments = call.arguments(
        "s",
        "dfcb",
        &[("delimiter", 'd'), ("fields", 'f'), ("characters", 'c')],
    )?;
    let (files, status) = call.read_all(&arguments.operands);
    let delimiter = arguments.value('d').unwrap_or("\t");
    let by_character = arguments.value('c').or(arguments.value('b'));
    let list = by_character
        .or(arguments.value('f'))
        .ok_or("a list is missing")?;
    let ranges = ranges(list)?;
    let is_wanted = |at: usize| ranges.iter().any(|(from, to)| (*from..=*to).contains(&at));
    for line in lines(&files) {
        let text = if by_character.is_some() {
            let kept = line.chars().enumerate().filter(|(at, _)| is_wanted(at + 1));
            kept.map(|(_, character)| character).collect()
        } else if line.contains(delimiter) {
            let fields = line.split(delimiter).enumerate();
            let kept: Vec<&str> = fields
                .filter_map(|(at, field)| is_wanted(at + 1).then_some(field))
                .collect();
            kept.join(delimiter)
        } else if arguments.has('s') {
            continue;
        } else {
            line
        };
        call.out.extend(text.bytes());
        call.out.push(b'\n');
    }
    Ok(status)
}

/// Reads `1,3-5,7-`.
fn ranges(list: &str) -> Result<Vec<(usize, usize)>, Trouble> {
    let bad = || Trouble::from(format!("invalid list `{list}`"));
    let number = |text: &str, default: usize| match text {
        "" => Ok(default),
        text => text.parse().map_err(|_| bad()),
    };
    list.split(',')
        .map(|range| match range.split_once('-') {
            Some((from, to)) => Ok((number(from, 1)?, number(to, usize::MAX)?)),
            None => range.parse().map(|at| (at, at)).map_err(|_| bad()),
        })
        .collect()
}

pub(super) fn sort(call: &mut Call<'_>) -> Done {
    let arguments = call.arguments("rnuVfbs", "kto", &[("reverse", 'r'), ("unique", 'u')])?;
    let (files, status) = call.read_all(&arguments.operands);
    let mut lines = lines(&files);
    let key = arguments.value('k').map(|key| {
        let digits: String = key.chars().take_while(char::is_ascii_digit).collect();
        digits.parse::<usize>().unwrap_or(1).max(1)
    });
    let field = |line: &str| -> String {
        let Some(key) = key else {
            return line.to_owned();
        };
        match arguments.value('t') {
            Some(separator) => line
                .split(separator)
                .nth(key - 1)
                .unwrap_or_default()
                .to_owned(),
            None => {
                let fields: Vec<&str> = line.split_whitespace().skip(key - 1).collect();
                fields.join(" ")
            }
        }
    };
    let is_numeric =
        arguments.has('n') || arguments.value('k').is_some_and(|key| key.contains('n'));
    let compare = |left: &String, right: &String| {
        let (one, other) = (field(left), field(right));
        let order = if is_numeric {
            number(&one).total_cmp(&number(&other))
        } else if arguments.has('f') {
            one.to_lowercase().cmp(&other.to_lowercase())
        } else {
            one.cmp(&other)
        };
        let order = if arguments.has('u') {
            order
        } else {
            order.then_with(|| left.cmp(right))
        };
        if arguments.has('r') {
            order.reverse()
        } else {
            order
        }
    };
    lines.sort_by(compare);
    if arguments.has('u') {
        lines.dedup_by(|left, right| compare(left, right) == Ordering::Equal);
    }
    for line in lines {
        call.out.extend(line.bytes());
        call.out.push(b'\n');
    }
    Ok(status)
}

fn number(text: &str) -> f64 {
    let text = text.trim();
    let end = text.find(|c: char| !(c.is_ascii_digit() || c == '-' || c == '.'));
    text[..end.unwrap_or(text.len())].parse().unwrap_or(0.0)
}

pub(super) fn uniq(call: &mut Call<'_>) -> Done {
    let arguments = call.arguments("cdu", "", &[("count", 'c')])?;
    let (files, status) = call.read_all(&arguments.operands);
    let lines = lines(&files);
    for run in lines.chunk_by(|left, right| left == right) {
        let is_shown = match (arguments.has('d'), arguments.has('u')) {
            (true, _) => run.len() > 1,
            (_, true) => run.len() == 1,
            _ => true,
        };
        if is_shown {
            let count = if arguments.has('c') {
                format!("{:7} ", run.len())
            } else {
                String::new()
            };
            call.out.extend(format!("{count}{}\n", run[0]).bytes());
        }
    }
    Ok(status)
}

pub(super) fn tr(call: &mut Call<'_>) -> Done {
    let arguments = call.arguments("dscC", "", &[("delete", 'd'), ("complement", 'c')])?;
    let (from, to) = match arguments.operands.as_slice() {
        [from] => (from.as_str(), None),
        [from, to] => (from.as_str(), Some(to.as_str())),
        _ => return Err("one or two sets are needed".into()),
    };
    let first = characters(from);
    let second = to.map(characters).unwrap_or_default();
    let complement = arguments.has('c') || arguments.has('C');
    let text = call.read("-")?;
    let text = String::from_utf8_lossy(&text).into_owned();
    let mut last = None;
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        let at = first.iter().position(|known| *known == character);
        let is_in = at.is_some() != complement;
        if is_in && arguments.has('d') {
            continue;
        }
        let mut changed = character;
        if is_in && !arguments.has('d') && !second.is_empty() {
            let at = at.unwrap_or(usize::MAX).min(second.len() - 1);
            changed = second[at];
        }
        let squeezes = arguments.has('s')
            && if second.is_empty() {
                is_in
            } else {
                second.contains(&changed)
            };
        if squeezes && last == Some(changed) {
            continue;
        }
        last = Some(changed);
        out.push(changed);
    }
    call.print(&out)
}

/// The characters of a set: ranges, classes and escapes among them.
fn characters(set: &str) -> Vec<char> {
    let set = crate::text::unescape(set).0;
    let mut found = Vec::new();
    let mut rest = set.as_str();
    while let Some(character) = rest.chars().next() {
        if let Some(inside) = rest.strip_prefix("[:")
            && let Some((class, after)) = inside.split_once(":]")
        {
            found.extend(
                (0..128)
                    .map(char::from)
                    .filter(|c: &char| is_in_class(class, *c)),
            );
            rest = after;
            continue;
        }
        rest = &rest[character.len_utf8()..];
        let end = rest.strip_prefix('-').and_then(|rest| rest.chars().next());
        if let Some(end) = end.filter(|end| *end >= character) {
            found.extend(character..=end);
            rest = &rest[1 + end.len_utf8()..];
        } else {
            found.push(character);
        }
    }
    found
}
