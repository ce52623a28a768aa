//! Tools that make, copy and remove files.

use std::fs::{self, OpenOptions};
use std::io;
use std::path::Path;

use super::{Call, Done, Trouble};

/// Does something to each path, and complains about those where it does not work.
fn each(call: &mut Call<'_>, paths: &[String], act: impl Fn(&Path) -> io::Result<()>) -> Done {
    if paths.is_empty() {
        return Err("an operand is missing".into());
    }
    let mut status = 0;
    for path in paths {
        if let Err(error) = act(&call.shell.path(path)) {
            call.complain(&Trouble::at(path, &error).message);
            status = 1;
        }
    }
    Ok(status)
}

pub(super) fn touch(call: &mut Call<'_>) -> Done {
    let arguments = call.arguments("cafmh", "dtr", &[])?;
    let creates = !arguments.has('c');
    each(call, &arguments.operands, |path| {
        if path.exists() || !creates {
            return Ok(());
        }
        OpenOptions::new()
            .create(true)
            .append(true)
            .open(path)
            .map(drop)
    })
}

pub(super) fn mkdir(call: &mut Call<'_>) -> Done {
    let arguments = call.arguments("pv", "m", &[("parents", 'p'), ("mode", 'm')])?;
    each(call, &arguments.operands, |path| {
        if arguments.has('p') {
            make_all(path)
        } else {
            fs::create_dir(path)
        }
    })
}

/// Makes a folder and those above it. Those that a sandbox shows need not be asked for.
fn make_all(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    if let Some(parent) = path.parent() {
        make_all(parent)?;
    }
    fs::create_dir(path)
}

pub(super) fn rm(call: &mut Call<'_>) -> Done {
    let arguments = call.arguments("rRfvi", "", &[("recursive", 'r'), ("force", 'f')])?;
    if arguments.operands.is_empty() && arguments.has('f') {
        return Ok(0);
    }
    each(call, &arguments.operands, |path| {
        let removed = match path.symlink_metadata() {
            Ok(metadata) if metadata.is_dir() => {
                if arguments.has('r') || arguments.has('R') {
                    fs::remove_dir_all(path)
                } else {
                    Err(io::ErrorKind::IsADirectory.into())
                }
            }
            Ok(_) => fs::remove_file(path),
            Err(error) => Err(error),
        };
        match removed {
            Err(error) if error.kind() == io::ErrorKind::NotFound && arguments.has('f') => Ok(()),
            removed => removed,
        }
    })
}

pub(super) fn rmdir(call: &mut Call<'_>) -> Done {
    let arguments = call.arguments("p", "", &[])?;
    each(call, &arguments.operands, |path| fs::remove_dir(path))
}

pub(super) fn cp(call: &mut Call<'_>) -> Done {
    let arguments = call.arguments("rRapfvLd", "", &[("recursive", 'r')])?;
    let recursive = arguments.has('r') || arguments.has('R') || arguments.has('a');
    to_target(call, &arguments.operands, |from, to| {
        if from.is_dir() && !recursive {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        copy(from, to)
    })
}

pub(super) fn mv(call: &mut Call<'_>) -> Done {
    let arguments = call.arguments("fvn", "", &[])?;
    to_target(call, &arguments.operands, |from, to| {
        if fs::rename(from, to).is_ok() {
            return Ok(());
        }
        // From one volume to another.
        copy(from, to)?;
        if from.is_dir() {
            fs::remove_dir_all(from)
        } else {
            fs::remove_file(from)
        }
    })
}

/// Does something with each path but the last, which is the target or the folder that it is in.
fn to_target(
    call: &mut Call<'_>,
    operands: &[String],
    act: impl Fn(&Path, &Path) -> io::Result<()>,
) -> Done {
    let Some((target, sources)) = operands
        .split_last()
        .filter(|(_, sources)| !sources.is_empty())
    else {
        return Err("an operand is missing".into());
    };
    let to = call.shell.path(target);
    if sources.len() > 1 && !to.is_dir() {
        return Err(format!("{target}: Not a directory").into());
    }
    let into = to.is_dir();
    each(call, sources, |from| {
        from.symlink_metadata()?;
        match from.file_name().filter(|_| into) {
            Some(name) => act(from, &to.join(name)),
            None => act(from, &to),
        }
    })
}

/// Copies a file or a whole folder.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    if !from.is_dir() {
        // Not `fs::copy`, which also copies permissions, and WASI has none.
        return fs::write(to, fs::read(from)?);
    }
    if to.starts_with(from) {
        return Err(io::Error::other("cannot copy a directory into itself"));
    }
    make_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        copy(&entry.path(), &to.join(entry.file_name()))?;
    }
    Ok(())
}

pub(super) fn mktemp(call: &mut Call<'_>) -> Done {
    let arguments = call.arguments("dqu", "pt", &[])?;
    let folder = call.shell.get("TMPDIR").map(str::to_owned);
    let folder = folder.or_else(|| call.shell.path("/tmp").is_dir().then(|| "/tmp".to_owned()));
    let folder = folder.unwrap_or_else(|| call.shell.folder.to_string_lossy().into_owned());
    let template = arguments.operands.first().cloned();
    let template = template.unwrap_or_else(|| format!("{folder}/tmp.XXXXXX"));
    let start = template.trim_end_matches('X');
    let width = template.len() - start.len();
    // There is no randomness that a run could repeat, and nobody else in the folder: the first free number will do.
    for number in 0..10_000 {
        let path = format!("{start}{number:0>width$}");
        let whole = call.shell.path(&path);
        let made = if arguments.has('d') {
            fs::create_dir(&whole)
        } else {
            OpenOptions::new()
                .write(true)
                .create_new(true)
                .open(&whole)
                .map(drop)
        };
        match made {
            Ok(()) => return call.print(&format!("{path}\n")),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(Trouble::at(&path, &error)),
        }
    }
    Err(format!("{template}: no name is free").into())
}
