//! `stepwell update`: asks what names mean now, and locks that.

use std::time::{Duration, Instant};

use stepwell_registry::Reference;

use super::reference;
use crate::args::{ListOutput, UpdateArgs};
use crate::config;
use crate::environment::Environment;
use crate::exit::{Coded, ExitCode};
use crate::images::Shelf;
use crate::inputs::Texts;
use crate::lock::NAME;
use crate::text::print;
use crate::trouble::Trouble;

/// How long a registry may take to say what a name means.
const ANSWER: Duration = Duration::from_secs(60);

/// Locks anew what the command line names, else everything that is locked.
///
/// # Errors
///
/// A registry does not say what a name means, or the lock cannot be kept.
pub(crate) fn update(args: &UpdateArgs, env: &Environment) -> Result<ExitCode, Trouble> {
    let config = config::load(args.config.as_deref(), &Texts::default(), &[])?;
    let lock = config.lock.clone().or_at(NAME);
    let references: Vec<Reference> = match args.references.as_slice() {
        [] => {
            let names = lock.names().into_iter();
            names
                .map(|(name, _)| reference(&name))
                .collect::<anyhow::Result<_>>()?
        }
        named => named
            .iter()
            .map(|name| reference(name))
            .collect::<anyhow::Result<_>>()?,
    };
    if let Some(pinned) = references.iter().find(|one| one.digest().is_some()) {
        let message = format!("`{pinned}` can only ever mean one thing: there is nothing to lock");
        return Err(anyhow::Error::from(Coded::usage(message)).into());
    }
    let shelf = Shelf::new(env, &config, false)?;
    let registry = shelf.registry().map_err(anyhow::Error::from)?;
    for reference in &references {
        let found = registry.manifest(reference, Instant::now() + ANSWER);
        let found = found.map_err(|error| {
            let code = match error.is_not_found() {
                true => ExitCode::DocumentInvalid,
                false => ExitCode::Environment,
            };
            let message = format!("failed to ask what `{reference}` means");
            anyhow::Error::from(error).context(Coded::new(code, message))
        })?;
        let before = lock.update(reference, found.digest)?;
        let text = match args.format.output {
            ListOutput::Json => {
                let line = serde_json::json!({
                    "reference": reference.to_string(),
                    "digest": found.digest,
                    "before": before,
                });
                line.to_string() + "\n"
            }
            ListOutput::Pretty => match before {
                Some(before) if before == found.digest => {
                    format!("{reference}  {before}  unchanged\n")
                }
                Some(before) => format!("{reference}  {} (was {before})\n", found.digest),
                None => format!("{reference}  {}  new\n", found.digest),
            },
        };
        print(&text)?;
    }
    Ok(ExitCode::Success)
}
