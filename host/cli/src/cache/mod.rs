//! `stepwell cache`: what is kept of steps. Also opens it for a run, as the settings say.
//!
//! Knows no format of the cache's: the store says what it holds.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use serde_json::json;
use stepwell_contract::Limit;
use stepwell_engine::Caching;
use stepwell_store::cache::{Amount, Cache, CacheOptions, Usage};
use stepwell_store::{Store, StoreError};

use crate::args::{CacheArgs, CacheCommand, ListOutput, RunArgs};
use crate::config::{self, CacheSettings};
use crate::environment::Environment;
use crate::exit::{Coded, ExitCode};
use crate::inputs::Texts;
use crate::text::{columns, print};
use crate::trouble::Trouble;
use crate::{runs, why};

/// How large the cache may become where nobody says otherwise.
const MAX_SIZE: u64 = 10 << 30;

/// Does what was asked for.
///
/// # Errors
///
/// The cache cannot be used; there is no such run.
pub(crate) fn cache(args: &CacheArgs, env: &Environment) -> Result<ExitCode, Trouble> {
    let config = config::load(args.config.as_deref(), &Texts::default(), &[])?;
    let settings = &config.cache;
    let store = Store::open(&env.store_root()?).map_err(anyhow::Error::from)?;
    let cache = open(&store, settings).map_err(anyhow::Error::from)?;
    Ok(run(&args.command, &cache, settings, env)?)
}

fn run(
    command: &CacheCommand,
    cache: &Cache,
    settings: &CacheSettings,
    env: &Environment,
) -> anyhow::Result<ExitCode> {
    let limit = settings.max_size.unwrap_or(MAX_SIZE);
    match command {
        CacheCommand::Info { format } => {
            let usage = cache.usage()?;
            print(&match format.output {
                ListOutput::Pretty => pretty(cache.path(), &usage, limit),
                ListOutput::Json => {
                    let info = json!({
                        "path": cache.path(),
                        "bytes": usage.bytes(),
                        "maxBytes": limit,
                        "blobs": usage.blobs,
                        "outcomes": usage.outcomes,
                        "traces": usage.traces,
                        "digests": usage.digests,
                    });
                    info.to_string() + "\n"
                }
            })?;
        }
        CacheCommand::Verify => {
            let checked = cache.verify()?;
            let mut text = String::new();
            for path in &checked.damaged {
                text += &format!("damaged, and removed: {}\n", path.display());
            }
            for path in &checked.incomplete {
                text += &format!("not whole, and removed: {}\n", path.display());
            }
            text += &format!("{} are whole\n", counted(checked.whole, "file"));
            print(&text)?;
            if !checked.damaged.is_empty() {
                return Ok(ExitCode::OurTrouble);
            }
        }
        CacheCommand::Gc { max_size } => {
            let text = match cache.collect(max_size.unwrap_or(limit))? {
                None => "another process is at it\n".to_owned(),
                Some(collected) => format!(
                    "removed {} and {}: {} before, {} now\n",
                    counted(collected.outcomes, "outcome"),
                    counted(collected.blobs, "blob"),
                    size(collected.before),
                    size(collected.after),
                ),
            };
            print(&text)?;
        }
        CacheCommand::Clear => {
            cache.clear()?;
            print("the cache is empty\n")?;
        }
        CacheCommand::Export { folder, parts } => {
            let keys = match parts.is_empty() {
                true => None,
                false => Some(keys(parts, env)?),
            };
            let there = Cache::open(folder, &CacheOptions::default())
                .with_context(|| format!("failed to export to `{}`", folder.display()))?;
            let carried = there.take_from(cache.path(), keys.as_deref())?;
            print(&format!("exported {}\n", counted(carried.traces, "trace")))?;
        }
        CacheCommand::Import { folder } => {
            let carried = cache.take_from(folder, None)?;
            let mut text = format!("imported {}\n", counted(carried.traces, "trace"));
            if carried.incomplete > 0 {
                let left_out = counted(carried.incomplete, "trace");
                text += &format!("left out {left_out}: damaged, or not whole\n");
            }
            print(&text)?;
        }
    }
    Ok(ExitCode::Success)
}

/// The keys of the steps that `parts` name.
fn keys(parts: &[String], env: &Environment) -> anyhow::Result<Vec<stepwell_contract::Digest>> {
    let kept = runs::open(env)?;
    let mut keys = BTreeSet::new();
    for part in parts {
        let steps = why::steps(&kept, part)?;
        keys.extend(steps.into_iter().map(|step| step.used.key));
    }
    Ok(keys.into_iter().collect())
}

fn open(store: &Store, settings: &CacheSettings) -> Result<Cache, StoreError> {
    let options = CacheOptions {
        shared: settings.shared.clone(),
    };
    Cache::open(&store.steps(), &options)
}

/// What a run does with the cache: `None` where it has none. What keeps it from having one is told, and keeps nothing from
/// running.
pub(crate) fn caching(
    args: &RunArgs,
    settings: &CacheSettings,
    store: &Store,
    notices: &mut Vec<String>,
) -> anyhow::Result<Option<Caching>> {
    if args.no_cache {
        return Ok(None);
    }
    match open(store, settings) {
        Ok(cache) => Ok(Some(Caching {
            store: Arc::new(cache),
            fresh: args.fresh.iter().map(|task| task.as_str().into()).collect(),
            failures: settings.failures,
        })),
        Err(error @ StoreError::Exposed { .. }) => {
            Err(anyhow::Error::from(error).context(Coded::new(
                ExitCode::Environment,
                "failed to open the cache of steps; `--no-cache` runs without it",
            )))
        }
        Err(error) => {
            let causes: Vec<_> = anyhow::Error::from(error)
                .chain()
                .map(ToString::to_string)
                .collect();
            notices.push(format!(
                "every step runs, for the cache is not there: {}",
                causes.join(": ")
            ));
            Ok(None)
        }
    }
}

/// Trims the cache where it has become too large. What keeps it from being trimmed keeps no run from succeeding.
pub(crate) fn trim(caching: &Caching, settings: &CacheSettings) {
    let limit = settings.max_size.unwrap_or(MAX_SIZE);
    if let Err(error) = caching.store.settle(limit) {
        tracing::warn!(?error, "the cache is not trimmed");
    }
}

fn pretty(path: &Path, usage: &Usage, limit: u64) -> String {
    let row = |what: &str, amount: Amount| {
        [
            what.to_owned(),
            amount.files.to_string(),
            size(amount.bytes),
        ]
    };
    let rows = [
        ["WHAT", "FILES", "SIZE"].map(str::to_owned),
        row("blobs", usage.blobs),
        row("outcomes", usage.outcomes),
        row("traces", usage.traces),
        row("digests", usage.digests),
    ];
    format!(
        "{}\n{} of at most {}\n\n{}",
        path.display(),
        size(usage.bytes()),
        size(limit),
        columns(&rows)
    )
}

/// A number of bytes as a limit is written, rounded.
fn size(bytes: u64) -> String {
    let units = [(30, "Gi"), (20, "Mi"), (10, "Ki")];
    let unit = units.into_iter().find(|(shift, _)| bytes >= 10 << shift);
    match unit {
        Some((shift, unit)) => format!("{}{unit}", bytes >> shift),
        None => Limit::Output.show(bytes),
    }
}

fn counted(number: usize, what: &str) -> String {
    match number {
        1 => format!("1 {what}"),
        number => format!("{number} {what}s"),
    }
}
