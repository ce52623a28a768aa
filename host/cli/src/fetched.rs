//! `stepwell fetched`: what the cache holds of documents from elsewhere.
//!
//! Asks nobody, and knows no resolver: the fetcher says what it holds.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Context as _;
use serde_json::json;
use stepwell_contract::Timestamp;
use stepwell_fetch::{Fetcher, Held};
use stepwell_report::clean::clean;
use stepwell_report::time::with_seconds;

use crate::args::{FetchedArgs, FetchedCommand, ListOutput};
use crate::environment::Environment;
use crate::exit::ExitCode;
use crate::fetcher::options;
use crate::text::{columns, print};

/// Does what was asked for.
///
/// # Errors
///
/// There is no cache folder, or others could write to it.
pub(crate) fn fetched(args: &FetchedArgs, env: &Environment) -> anyhow::Result<ExitCode> {
    let fetcher = Fetcher::new(options(env)?);
    let text = match args.command {
        FetchedCommand::List { format } => match format.output {
            ListOutput::Pretty => pretty(&fetcher.list()?),
            ListOutput::Json => lines(&fetcher.list()?)?,
        },
        FetchedCommand::Clear => {
            let cleared = fetcher.clear()?;
            format!(
                "removed {} and {}\n",
                count(cleared.documents, "document", "documents"),
                count(cleared.repositories, "repository", "repositories"),
            )
        }
    };
    print(&text)?;
    Ok(ExitCode::Success)
}

fn pretty(held: &[Held]) -> String {
    if held.is_empty() {
        return "the cache holds no documents\n".to_owned();
    }
    let mut rows =
        vec![["RESOLVER", "FETCHED", "PINNED", "DOCUMENT", "ASKED FOR"].map(str::to_owned)];
    rows.extend(held.iter().map(|one| {
        [
            clean(&one.resolver).into_owned(),
            with_seconds(Timestamp(millis(one.fetched))),
            if one.pinned { "yes" } else { "no" }.to_owned(),
            clean(&one.name).into_owned(),
            clean(&asked(one)).into_owned(),
        ]
    }));
    columns(&rows)
}

/// What the name of a document does not say: a branch, a tag.
fn asked(held: &Held) -> String {
    let values = held.asked.iter().map(|(_, value)| value.as_str());
    let unsaid = values.filter(|value| !held.name.contains(value));
    unsaid.collect::<Vec<_>>().join(" ")
}

fn lines(held: &[Held]) -> anyhow::Result<String> {
    let lines = held.iter().map(|one| {
        let asked = one
            .asked
            .iter()
            .map(|(name, value)| (name.clone(), json!(value)));
        let line = json!({
            "resolver": one.resolver,
            "asked": asked.collect::<serde_json::Map<_, _>>(),
            "name": one.name,
            "provenance": one.provenance,
            "fetched": with_seconds(Timestamp(millis(one.fetched))),
            "pinned": one.pinned,
            "bytes": one.bytes,
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

fn count(count: usize, one: &str, several: &str) -> String {
    match count {
        1 => format!("1 {one}"),
        count => format!("{count} {several}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_branch_is_shown_and_what_the_name_says_is_not() {
        let held = Held {
            resolver: "git".to_owned(),
            asked: [
                ("url", "https://e.org/t.git"),
                ("revision", "main"),
                ("pathInRepo", "t.yaml"),
            ]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .to_vec(),
            name: "https://e.org/t.git@0b6f:t.yaml".to_owned(),
            provenance: json!({}),
            fetched: UNIX_EPOCH,
            pinned: false,
            bytes: 5,
        };
        assert_eq!(
            pretty(&[held]),
            "RESOLVER  FETCHED               PINNED  DOCUMENT                         ASKED FOR\n\
             git       1970-01-01T00:00:00Z  no      https://e.org/t.git@0b6f:t.yaml  main\n"
        );
    }

    #[test]
    fn attack_a_name_from_a_server_does_not_steer_the_terminal() {
        let held = |name: &str| Held {
            resolver: "http".to_owned(),
            asked: Vec::new(),
            name: name.to_owned(),
            provenance: json!({}),
            fetched: UNIX_EPOCH,
            pinned: true,
            bytes: 0,
        };
        let shown = pretty(&[held("https://e.org/\x1b[2J")]);
        assert!(!shown.contains('\x1b'), "{shown:?}");
        assert!(pretty(&[held("https://e.org/a")]).contains("https://e.org/a"));
    }
}
