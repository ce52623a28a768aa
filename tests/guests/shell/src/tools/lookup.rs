//! Tools that tell about files and paths.

use std::fs;
use std::path::Path;

use super::{Call, Done, Trouble};

pub(super) fn ls(call: &mut Call<'_>) -> Done {
    let arguments = call.arguments("1aAldRhtrFp", "", &[("all", 'a')])?;
    let mut operands = arguments.operands.clone();
    if operands.is_empty() {
        operands.push(".".to_owned());
    }
    let mut status = 0;
    let mut folders = Vec::new();
    for path in &operands {
        let whole = call.shell.path(path);
        match whole.symlink_metadata() {
            Err(error) => {
                call.complain(&Trouble::at(path, &error).message);
                status = 2;
            }
            Ok(_) if whole.is_dir() && !arguments.has('d') => folders.push((path.clone(), whole)),
            Ok(_) => {
                let line = row(path, &whole, arguments.has('l'));
                call.out.extend(line.bytes());
            }
        }
    }
    let are_named = operands.len() > 1 || arguments.has('R');
    let mut at = 0;
    while let Some((path, folder)) = folders.get(at).cloned() {
        at += 1;
        if are_named {
            call.out.extend(format!("{path}:\n").bytes());
        }
        let entries = fs::read_dir(&folder).map_err(|error| Trouble::at(&path, &error))?;
        let mut names: Vec<String> = entries
            .filter_map(|entry| Some(entry.ok()?.file_name().to_string_lossy().into_owned()))
            .collect();
        names.sort();
        if arguments.has('r') {
            names.reverse();
        }
        names.retain(|name| arguments.has('a') || arguments.has('A') || !name.starts_with('.'));
        let mut inner = Vec::new();
        for name in names {
            let whole = folder.join(&name);
            if arguments.has('R') && whole.is_dir() {
                inner.push((format!("{path}/{name}"), whole.clone()));
            }
            let line = row(&name, &whole, arguments.has('l'));
            call.out.extend(line.bytes());
        }
        folders.splice(at..at, inner);
    }
    Ok(status)
}

/// One line of a listing. WASI knows no owners and no permissions.
fn row(name: &str, path: &Path, long: bool) -> String {
    if !long {
        return format!("{name}\n");
    }
    let (kind, size) = match path.symlink_metadata() {
        Ok(metadata) if metadata.is_dir() => ('d', 0),
        Ok(metadata) if metadata.is_symlink() => ('l', metadata.len()),
        Ok(metadata) => ('-', metadata.len()),
        Err(_) => ('?', 0),
    };
    format!("{kind} {size:>8} {name}\n")
}

pub(super) fn stat(call: &mut Call<'_>) -> Done {
    let arguments = call.arguments("Lt", "c", &[("format", 'c')])?;
    let mut status = 0;
    for path in &arguments.operands {
        let metadata = match fs::metadata(call.shell.path(path)) {
            Ok(metadata) => metadata,
            Err(error) => {
                call.complain(&Trouble::at(path, &error).message);
                status = 1;
                continue;
            }
        };
        let kind = if metadata.is_dir() {
            "directory"
        } else {
            "regular file"
        };
        let format = arguments.value('c').unwrap_or("%n: %F, %s bytes");
        let line = format
            .replace("%n", path)
            .replace("%s", &metadata.len().to_string())
            .replace("%F", kind);
        call.out.extend(format!("{line}\n").bytes());
    }
    Ok(status)
}

pub(super) fn readlink(call: &mut Call<'_>) -> Done {
    let arguments = call.arguments("femnqs", "", &[])?;
    let follows =
        call.name == "realpath" || arguments.has('f') || arguments.has('e') || arguments.has('m');
    let mut status = 0;
    for path in &arguments.operands {
        let whole = call.shell.path(path);
        let found = if follows {
            Some(whole)
        } else {
            fs::read_link(whole).ok()
        };
        match found {
            Some(found) => call.out.extend(format!("{}\n", found.display()).bytes()),
            None => status = 1,
        }
    }
    Ok(status)
}

pub(super) fn basename(call: &mut Call<'_>) -> Done {
    let (path, suffix) = match call.args {
        [path] => (path, ""),
        [path, suffix] => (path, suffix.as_str()),
        _ => return Err("one path and one suffix are taken".into()),
    };
    let trimmed = path.trim_end_matches('/');
    let name = trimmed.rsplit('/').next().unwrap_or_default();
    let name = if name.is_empty() && path.starts_with('/') {
        "/"
    } else {
        name
    };
    let name = name
        .strip_suffix(suffix)
        .filter(|name| !name.is_empty())
        .unwrap_or(name);
    let line = format!("{name}\n");
    call.print(&line)
}

pub(super) fn dirname(call: &mut Call<'_>) -> Done {
    for path in call.args {
        let trimmed = path.trim_end_matches('/');
        let folder = match trimmed.rsplit_once('/') {
            Some(("", _)) => "/",
            Some((folder, _)) => folder,
            None if trimmed.is_empty() && path.starts_with('/') => "/",
            None => ".",
        };
        call.out.extend(format!("{folder}\n").bytes());
    }
    Ok(0)
}
