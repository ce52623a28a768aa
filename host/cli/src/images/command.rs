//! `stepwell images`: what the store of images holds, and getting and removing some.
//!
//! Knows no protocol and no disk layout: the store says what it holds.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Context as _;
use serde_json::json;
use stepwell_contract::{Cancel, ImagePullPolicy, Platform, Timestamp};
use stepwell_registry::{Held, ImageStore, Local, Location, PulledCode};
use stepwell_report::clean::clean;
use stepwell_report::time::with_seconds;

use super::shelf::{NotHad, Shelf, Wanted, root};
use crate::args::{ImagesArgs, ImagesCommand, ImagesPullArgs, ListOutput};
use crate::config;
use crate::environment::Environment;
use crate::exit::{Coded, ExitCode};
use crate::inputs::Texts;
use crate::text::{columns, print};
use crate::trouble::Trouble;

/// Does what was asked for.
///
/// # Errors
///
/// An image cannot be had or is not there, or the store cannot be used.
pub(crate) fn images(args: &ImagesArgs, env: &Environment) -> Result<ExitCode, Trouble> {
    let text = match &args.command {
        ImagesCommand::List { format } => {
            let held = ImageStore::open(root(env)?)
                .and_then(|store| store.list())
                .map_err(anyhow::Error::from)?;
            match format.output {
                ListOutput::Pretty => pretty(&held),
                ListOutput::Json => lines(&held)?,
            }
        }
        ImagesCommand::Pull(args) => return pull(args, env),
        ImagesCommand::Rm { images } => remove(images, env)?,
    };
    print(&text)?;
    Ok(ExitCode::Success)
}

fn pull(args: &ImagesPullArgs, env: &Environment) -> Result<ExitCode, Trouble> {
    let config = config::load(args.config.as_deref(), &Texts::default(), &[])?;
    let shelf = Shelf::new(env, &config, args.offline)?;
    let host = Platform::host();
    let platform = args.platform.as_ref().unwrap_or(&host);
    for image in &args.images {
        let location = read(image)?;
        let wanted = Wanted {
            location: &location,
            platform,
            // To ask for an image by name is to want what the name means now.
            policy: Some(ImagePullPolicy::Always),
            asks: true,
            components_only: false,
        };
        // Ctrl-C ends the process: what came until then is kept, and the next pull goes on there.
        let pulled = shelf.get(&wanted, &Cancel::new());
        let pulled = pulled.map_err(|error| failed(image, error))?;
        let (kind, platform) = match &pulled.code {
            PulledCode::Component(_) => ("component", None),
            PulledCode::Container(container) => ("container", Some(container.platform.to_string())),
        };
        let text = match args.format.output {
            ListOutput::Pretty => format!("{}  {}  {kind}\n", clean(image), pulled.digest),
            ListOutput::Json => {
                let line = json!({
                    "reference": image,
                    "digest": pulled.digest,
                    "manifest": pulled.manifest,
                    "kind": kind,
                    "platform": platform,
                });
                line.to_string() + "\n"
            }
        };
        print(&text)?;
    }
    Ok(ExitCode::Success)
}

fn remove(images: &[String], env: &Environment) -> anyhow::Result<String> {
    let store = ImageStore::open(root(env)?)?;
    let held = store.list()?;
    let mut references = Vec::new();
    for image in images {
        let reference = full(&read(image)?);
        if !held.iter().any(|held| held.reference == reference) {
            let message = format!("the store has no image `{}`", clean(&reference));
            return Err(Coded::usage(message).into());
        }
        references.push(reference);
    }
    let removed = store.remove(&references)?;
    let images = match removed.images {
        1 => "1 image".to_owned(),
        count => format!("{count} images"),
    };
    Ok(match removed.in_use {
        true => format!("removed {images}; their layers stay while others use the store\n"),
        false => format!("removed {images}, {} bytes\n", removed.bytes),
    })
}

fn read(image: &str) -> anyhow::Result<Location> {
    let location = image.parse::<Location>();
    location.with_context(|| Coded::usage(format!("`{}` names no image", clean(image))))
}

/// The name under which the store has it.
fn full(location: &Location) -> String {
    match location {
        Location::Local(local) => {
            let path = local.path.canonicalize();
            let path = path.unwrap_or_else(|_| local.path.clone());
            let local = Local {
                path,
                ..local.clone()
            };
            Location::Local(local).to_string()
        }
        other => other.to_string(),
    }
}

/// An image that cannot be had, with the exit code that says whose mistake that is.
pub(crate) fn failed(image: &str, error: NotHad) -> anyhow::Error {
    let code = match error.is_reference() {
        true => ExitCode::DocumentInvalid,
        false => ExitCode::Environment,
    };
    let message = format!("failed to pull `{}`", clean(image));
    anyhow::Error::from(error).context(Coded::new(code, message))
}

fn pretty(held: &[Held]) -> String {
    if held.is_empty() {
        return "the store holds no images\n".to_owned();
    }
    let mut rows =
        vec![["IMAGE", "DIGEST", "KIND", "PLATFORM", "BYTES", "PULLED"].map(str::to_owned)];
    rows.extend(held.iter().map(|one| {
        [
            clean(&one.reference).into_owned(),
            one.digest.to_string().chars().take(19).collect(),
            one.kind.as_str().to_owned(),
            clean(&one.platform).into_owned(),
            one.size.to_string(),
            with_seconds(Timestamp(millis(one.looked_up))),
        ]
    }));
    columns(&rows)
}

fn lines(held: &[Held]) -> anyhow::Result<String> {
    let lines = held.iter().map(|one| {
        let line = json!({
            "reference": one.reference,
            "digest": one.digest,
            "kind": one.kind.as_str(),
            "platform": one.platform,
            "bytes": one.size,
            "pulled": with_seconds(Timestamp(millis(one.looked_up))),
        });
        let line = serde_json::to_string(&line).context("failed to write JSON")?;
        Ok(line + "\n")
    });
    lines.collect()
}

fn millis(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
