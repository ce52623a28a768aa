//! `stepwell plugins`: which plugins there are, in a folder, a lock file or a registry, and what each says of itself.
//!
//! Knows where components are named; what one of them is, it says itself.

mod entry;
mod source;

use anyhow::Context as _;
use stepwell_report::clean::clean;

use crate::args::{
    ListOutput, PluginsArgs, PluginsCommand, PluginsHow, PluginsInfoArgs, PluginsListArgs,
};
use crate::config::{self, Config};
use crate::environment::Environment;
use crate::exit::{Coded, ExitCode};
use crate::images::Shelf;
use crate::inputs::Texts;
use crate::plugin;
use crate::text::{columns, print};
use crate::trouble::Trouble;

use entry::{Entry, Reader, Said};

/// Tells what was asked for.
///
/// # Errors
///
/// Where plugins are named cannot be read, or the one that is meant is none.
pub(crate) fn plugins(args: &PluginsArgs, env: &Environment) -> Result<ExitCode, Trouble> {
    match &args.command {
        PluginsCommand::List(args) => list(args, env),
        PluginsCommand::Info(args) => info(args, env),
    }
}

fn settings(how: &PluginsHow) -> Result<Config, Trouble> {
    config::load(how.config.as_deref(), &Texts::default(), &[])
}

fn list(args: &PluginsListArgs, env: &Environment) -> Result<ExitCode, Trouble> {
    let config = settings(&args.how)?;
    let shelf = Shelf::new(env, &config, args.how.offline)?;
    let places = source::places(args.source.as_deref(), &config, &shelf)?;
    let reader = Reader::new(shelf, env)?;
    let entries: Vec<Entry> = places
        .into_iter()
        .filter_map(|place| reader.read(place))
        .collect();
    match args.how.format.output {
        ListOutput::Pretty => print(&pretty(&entries))?,
        ListOutput::Json => {
            for entry in &entries {
                print(&(entry.json().to_string() + "\n"))?;
            }
        }
    }
    Ok(ExitCode::Success)
}

fn info(args: &PluginsInfoArgs, env: &Environment) -> Result<ExitCode, Trouble> {
    let config = settings(&args.how)?;
    let shelf = Shelf::new(env, &config, args.how.offline)?;
    let place = source::place(&args.plugin)?;
    let entry = Reader::new(shelf, env)?.read(place);
    let name = clean(&args.plugin);
    let none = |why: &str| Coded::new(ExitCode::DocumentInvalid, format!("`{name}` {why}"));
    let entry = entry.with_context(|| none("is a container image"))?;
    match &entry.said {
        Said::Plugin(description) => match args.how.format.output {
            ListOutput::Json => print(&(entry.json().to_string() + "\n"))?,
            ListOutput::Pretty => {
                let image = entry.image();
                let manual = plugin::manual(description, &image);
                let task = plugin::task(description, &image)?;
                print(&format!("{manual}\nTask\n\n{}", indented(&task)))?;
            }
        },
        Said::Program => {
            let why = "is an ordinary program, which does not say what it is";
            return Err(anyhow::Error::from(none(why)).into());
        }
        Said::Unknown(why) => {
            let error = anyhow::anyhow!(why.clone()).context(none("does not say what it is"));
            return Err(error.into());
        }
    }
    Ok(ExitCode::Success)
}

fn pretty(entries: &[Entry]) -> String {
    if entries.is_empty() {
        return "there are no plugins\n".to_owned();
    }
    let mut rows = vec![["NAME", "VERSION", "WHERE", "SUMMARY"].map(str::to_owned)];
    rows.extend(entries.iter().map(|entry| {
        let place = clean(&entry.image()).into_owned();
        match &entry.said {
            Said::Plugin(description) => {
                let summary = description.documentation.lines().next().unwrap_or_default();
                let summary = clean(summary).into_owned();
                let version = clean(&description.version).into_owned();
                [description.name.clone(), version, place, summary]
            }
            Said::Program => [
                "-".to_owned(),
                "-".to_owned(),
                place,
                "an ordinary program".to_owned(),
            ],
            Said::Unknown(why) => [
                "-".to_owned(),
                "-".to_owned(),
                place,
                format!("? {}", clean(why)),
            ],
        }
    }));
    columns(&rows)
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("    {line}\n")).collect()
}
