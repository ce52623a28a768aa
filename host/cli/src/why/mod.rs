//! `stepwell why`: what decides whether a step has to run again.
//!
//! A run's record says which key each step had and what the cache did; the cache has the observations, as long as it keeps
//! them. Knows nothing of documents and engines.

mod tree;

use std::fmt::Write as _;

use serde::Deserialize;
use stepwell_contract::Observation;
use stepwell_contract::event::{CacheState, CacheUse};
use stepwell_report::clean::clean;
use stepwell_report::time::for_people;
use stepwell_store::Store;
use stepwell_store::cache::{Cache, CacheOptions};
use stepwell_store::runs::{Next, RunFile, Runs};

use crate::args::WhyArgs;
use crate::environment::Environment;
use crate::exit::{Coded, ExitCode};
use crate::runs::{self, find};
use crate::text::print;

/// A step of a run that is kept, and what the cache had to do with it.
pub(crate) struct Step {
    task: String,
    step: String,
    attempt: u32,
    pub(crate) used: CacheUse,
}

/// An event, as far as it is needed here.
#[derive(Deserialize)]
struct Line {
    task: Option<String>,
    step: Option<String>,
    attempt: Option<u32>,
    #[serde(flatten)]
    used: CacheUse,
}

/// Tells why.
///
/// # Errors
///
/// There is no such step in a run that is kept.
pub(crate) fn why(args: &WhyArgs, env: &Environment) -> anyhow::Result<ExitCode> {
    let steps = steps(&runs::open(env)?, &args.part)?;
    let store = Store::open(&env.store_root()?)?;
    let cache = Cache::open(&store.steps(), &CacheOptions::default())?;
    let mut text = String::new();
    for (number, step) in steps.iter().enumerate() {
        if number > 0 {
            text.push('\n');
        }
        tell(
            &mut text,
            step,
            &observations(&cache, &step.used)?,
            args.all,
        );
    }
    print(&text)?;
    Ok(ExitCode::Success)
}

/// The steps that `part` names, `RUN`, `RUN/TASK` or `RUN/TASK/STEP`, as far as the cache had to do with them.
///
/// # Errors
///
/// There are none.
pub(crate) fn steps(kept: &Runs, part: &str) -> anyhow::Result<Vec<Step>> {
    let (run, rest) = find::split(part);
    let run = find::run(kept, run)?;
    let mut lines = run.lines(RunFile::Events)?;
    let mut steps = Vec::new();
    let mut named = Vec::new();
    while let Next::Line(text) = lines.next_line()? {
        // Most lines are none of these, and are not worth being understood.
        if !text.contains("\"type\":\"step-cache\"") {
            continue;
        }
        let Ok(Line {
            task: Some(task),
            step: Some(step),
            attempt,
            used,
        }) = serde_json::from_str(&text)
        else {
            continue;
        };
        let whole = format!("{task}/{step}");
        let wanted = rest.is_none_or(|rest| {
            let inside = whole.strip_prefix(rest);
            inside.is_some_and(|inside| inside.is_empty() || inside.starts_with(['/', '.']))
                || step == rest
        });
        match wanted {
            true => steps.push(Step {
                task,
                step,
                attempt: attempt.unwrap_or(0),
                used,
            }),
            false => named.push(whole),
        }
    }
    if steps.is_empty() {
        let id = &run.record().id;
        let has = match named.is_empty() {
            true => "none of its steps went through the cache".to_owned(),
            false => format!("it has {}", named.join(", ")),
        };
        let what = rest.map_or_else(String::new, |rest| format!(" called `{rest}`"));
        let message = format!("`{id}` has no step{what} to tell of; {has}");
        return Err(Coded::usage(message).into());
    }
    Ok(steps)
}

/// What the step observed, where the cache still has it.
fn observations(cache: &Cache, used: &CacheUse) -> anyhow::Result<Option<Vec<Observation>>> {
    let Some(outcome) = used.outcome else {
        return Ok(None);
    };
    for trie in cache.tries(used.key)? {
        let mut traces = trie.traces().into_iter();
        let found = traces.find(|(_, leaf)| leaf.outcome == outcome);
        if let Some((observations, _)) = found {
            return Ok(Some(observations));
        }
    }
    Ok(None)
}

fn tell(text: &mut String, step: &Step, observed: &Option<Vec<Observation>>, all: bool) {
    let Step {
        task,
        step,
        attempt,
        used,
    } = step;
    let again = match attempt {
        0 => String::new(),
        attempt => format!(", try {}", attempt + 1),
    };
    // Writing to a string does not fail.
    let _ = writeln!(text, "{}/{}{again}", clean(task), clean(step));
    let state = match (used.state, used.took_ms) {
        (CacheState::Hit, Some(took)) => format!(
            "came from the cache: everything that it saw when it ran, which took {}, is as it was",
            for_people(took)
        ),
        (CacheState::Hit, None) => "came from the cache".to_owned(),
        (CacheState::Kept, _) => "ran, and is in the cache now".to_owned(),
        (CacheState::NotKept, _) => {
            let reason = used.reason.as_deref().unwrap_or("nobody knows why");
            format!("ran, and is not kept: {}", clean(reason))
        }
    };
    let _ = writeln!(text, "  {state}");
    match (&used.changed, used.state) {
        (Some(changed), _) => {
            let (path, question) = (clean(&changed.path), clean(&changed.question));
            let _ = writeln!(text, "  it ran because the {question} of `{path}` changed");
            if let Some(was) = &changed.was {
                let _ = writeln!(text, "    was: {}", clean(was));
            }
            let _ = writeln!(text, "    is:  {}", clean(&changed.is));
        }
        (None, CacheState::Kept) => {
            let _ = writeln!(
                text,
                "  it ran because nothing was known of it, or it was asked to"
            );
        }
        (None, _) => {}
    }
    match observed {
        Some(observed) => tree::show(text, observed, all),
        None if used.observations > 0 => {
            let _ = writeln!(
                text,
                "  it made {} observations, which the cache does not have",
                used.observations
            );
        }
        None => {}
    }
}
