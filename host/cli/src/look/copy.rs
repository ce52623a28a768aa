//! `stepwell cp`: files of a step, written here.

use std::io::{self, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;

use anyhow::Context as _;

use super::ask::{Begun, What};
use super::client;
use super::frames::Kind;
use super::landing::Landing;
use crate::args::CopyArgs;
use crate::environment::Environment;
use crate::exit::{Coded, ExitCode};
use crate::runs;
use crate::text::print;

/// Copies a file, a folder, or everything.
///
/// # Errors
///
/// There is no such step or file; what cannot be written.
pub(crate) fn copy(args: &CopyArgs, env: &Environment) -> anyhow::Result<ExitCode> {
    let (step, path) = match (args.archive, args.from.split_once(':')) {
        (true, None) => (&*args.from, None),
        (false, Some((step, path))) if path.starts_with('/') => (step, Some(path)),
        (true, Some(_)) => {
            return Err(Coded::usage("an archive is of all that a step sees: no path").into());
        }
        (false, _) => {
            let expected = "what is copied is RUN/TASK/STEP:PATH, with a path that begins with `/`";
            return Err(Coded::usage(expected).into());
        }
    };
    let what = match path {
        Some(path) => What::Copy {
            path: path.to_owned(),
        },
        None => What::Archive,
    };
    let runs = runs::open(env)?;
    let mut stream = client::ask(&runs, step, what)?;
    let frame = client::next(&mut stream)?;
    if frame.kind != Kind::Begun {
        return Err(client::odd(&frame));
    }
    let begun: Begun = frame.parse().context("failed to understand the run")?;
    if args.to == Path::new("-") && !begun.folder {
        return to_stdout(&mut stream);
    }
    let name = path.map_or("archive.tar", |path| {
        let last = path.trim_end_matches('/').rsplit('/').next();
        last.unwrap_or_default()
    });
    let mut landing = Landing::open(&args.to, name, begun.folder)?;
    loop {
        let frame = client::next(&mut stream)?;
        match frame.kind {
            Kind::File => landing.begin(&frame.content)?,
            Kind::Data => landing.write(&frame.content)?,
            Kind::Ended => break,
            _ => return Err(client::odd(&frame)),
        }
    }
    let files = landing.finish()?;
    print(&match files {
        1 => "copied 1 file\n".to_owned(),
        files => format!("copied {files} files\n"),
    })?;
    Ok(ExitCode::Success)
}

fn to_stdout(stream: &mut UnixStream) -> anyhow::Result<ExitCode> {
    let mut stdout = io::stdout().lock();
    loop {
        let frame = client::next(stream)?;
        match frame.kind {
            Kind::File => {}
            Kind::Data => match stdout.write_all(&frame.content) {
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => break,
                written => written.context("failed to write to standard output")?,
            },
            Kind::Ended => break,
            _ => return Err(client::odd(&frame)),
        }
    }
    stdout
        .flush()
        .context("failed to write to standard output")?;
    Ok(ExitCode::Success)
}
