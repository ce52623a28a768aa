//! Tools that pass files on: whole, in part, counted, or to several places.

use std::io::Write;

use super::{Call, Done, Trouble};

pub(super) fn cat(call: &mut Call<'_>) -> Done {
    let arguments = call.arguments("nuvAetE", "", &[("number", 'n')])?;
    let standard = ["-".to_owned()];
    let paths = if arguments.operands.is_empty() {
        &standard
    } else {
        arguments.operands.as_slice()
    };
    let (mut number, mut status) = (0, 0);
    for path in paths {
        let bytes = match call.read(path) {
            Ok(bytes) => bytes,
            Err(trouble) => {
                call.complain(&trouble.message);
                status = 1;
                continue;
            }
        };
        if !arguments.has('n') {
            call.out.extend(bytes);
            continue;
        }
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            number += 1;
            call.out.extend(format!("{number:6}\t").bytes());
            call.out.extend(line);
        }
    }
    Ok(status)
}

pub(super) fn tac(call: &mut Call<'_>) -> Done {
    let (files, status) = call.read_all(call.args);
    for (_, bytes) in files {
        let lines: Vec<&[u8]> = bytes.split_inclusive(|byte| *byte == b'\n').collect();
        for line in lines.into_iter().rev() {
            call.out.extend(line);
        }
    }
    Ok(status)
}

pub(super) fn tee(call: &mut Call<'_>) -> Done {
    let arguments = call.arguments("ai", "", &[("append", 'a')])?;
    let bytes = call.read("-")?;
    let mut status = 0;
    for path in &arguments.operands {
        let written = call
            .shell
            .create(path, arguments.has('a'))
            .and_then(|mut file| file.write_all(&bytes));
        if let Err(error) = written {
            call.complain(&Trouble::at(path, &error).message);
            status = 1;
        }
    }
    call.out.extend(bytes);
    Ok(status)
}

/// How much `head` and `tail` show, and of what.
struct Part {
    count: usize,
    bytes: bool,
    /// `-n +3` of `tail`: from there on; `-n -3` of `head`: all but those.
    turned: bool,
    files: Vec<String>,
}

fn part(call: &Call<'_>, turning: char) -> Result<Part, Trouble> {
    // `head -3` is an old way to say `head -n 3`.
    let mut args = call.args.to_vec();
    if let Some(first) = args.first_mut()
        && let Some(digits) = first.strip_prefix('-')
        && digits.parse::<usize>().is_ok()
    {
        *first = format!("-n{digits}");
    }
    let inner = Call {
        name: call.name,
        args: &args,
        out: Vec::new(),
        shell: &mut call.shell.clone(),
    };
    let arguments = inner.arguments("qvf", "nc", &[("lines", 'n'), ("bytes", 'c')])?;
    let bytes = arguments.value('c').is_some();
    let text = arguments
        .value('c')
        .or(arguments.value('n'))
        .unwrap_or("10");
    let digits = text.trim_start_matches(['-', '+']);
    let count = digits
        .parse()
        .map_err(|_| format!("invalid number `{text}`"))?;
    Ok(Part {
        count,
        bytes,
        turned: text.starts_with(turning),
        files: arguments.operands,
    })
}

pub(super) fn head(call: &mut Call<'_>) -> Done {
    let part = part(call, '-')?;
    let (files, status) = call.read_all(&part.files);
    let many = files.len() > 1;
    for (path, bytes) in files {
        if many {
            call.out.extend(format!("==> {path} <==\n").bytes());
        }
        let units = units(&bytes, part.bytes);
        let end = if part.turned {
            units.len().saturating_sub(part.count)
        } else {
            part.count.min(units.len())
        };
        call.out.extend(units[..end].concat());
    }
    Ok(status)
}

pub(super) fn tail(call: &mut Call<'_>) -> Done {
    let part = part(call, '+')?;
    let (files, status) = call.read_all(&part.files);
    for (_, bytes) in files {
        let units = units(&bytes, part.bytes);
        let start = if part.turned {
            part.count.saturating_sub(1).min(units.len())
        } else {
            units.len().saturating_sub(part.count)
        };
        call.out.extend(units[start..].concat());
    }
    Ok(status)
}

/// The bytes or the lines of a file.
fn units(bytes: &[u8], single: bool) -> Vec<&[u8]> {
    if single {
        bytes.chunks(1).collect()
    } else {
        bytes.split_inclusive(|byte| *byte == b'\n').collect()
    }
}

pub(super) fn wc(call: &mut Call<'_>) -> Done {
    let arguments = call.arguments(
        "lwcm",
        "",
        &[("lines", 'l'), ("words", 'w'), ("bytes", 'c')],
    )?;
    let (files, status) = call.read_all(&arguments.operands);
    let wanted: Vec<char> = "lwcm".chars().filter(|flag| arguments.has(*flag)).collect();
    let wanted = if wanted.is_empty() {
        vec!['l', 'w', 'c']
    } else {
        wanted
    };
    let mut totals = vec![0; wanted.len()];
    let mut rows = Vec::new();
    for (path, bytes) in files {
        let text = String::from_utf8_lossy(&bytes);
        let counts: Vec<usize> = wanted
            .iter()
            .map(|flag| match flag {
                'l' => bytes.iter().filter(|byte| **byte == b'\n').count(),
                'w' => text.split_whitespace().count(),
                'm' => text.chars().count(),
                _ => bytes.len(),
            })
            .collect();
        for (total, count) in totals.iter_mut().zip(&counts) {
            *total += count;
        }
        rows.push((counts, path));
    }
    if rows.len() > 1 {
        rows.push((totals, "total".to_owned()));
    }
    for (counts, path) in rows {
        let counts: Vec<String> = counts.iter().map(usize::to_string).collect();
        let name = if path == "-" {
            String::new()
        } else {
            format!(" {path}")
        };
        call.out
            .extend(format!("{}{name}\n", counts.join(" ")).bytes());
    }
    Ok(status)
}
