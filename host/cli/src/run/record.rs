//! The record that is kept of a run, from its beginning to its end.

use std::io;
use std::path::PathBuf;

use anyhow::Context as _;
use serde_json::{Value, json};
use stepwell_contract::event::Verdict;
use stepwell_engine::Places;
use stepwell_engine::places::Breakpoint;
use stepwell_report::Mask;
use stepwell_report::record::{Handles, Record, documents};
use stepwell_spec::Run;
use stepwell_store::StoreError;
use stepwell_store::runs::{LiveRun, NewRun, Retention, RunVerdict, Runs};

use super::sinks::Sink;
use crate::config::Config;
use crate::environment::Environment;
use crate::look::Server;
use crate::runs::{now_ms, open};
use crate::trouble::say;

/// A day, in the unit of a setting that may be finer than records are.
const DAY: u64 = 24 * 60 * 60;

/// The record of a run that is under way.
pub(crate) struct Recording {
    runs: Runs,
    live: LiveRun,
    keep: Retention,
}

impl Recording {
    /// Makes the record of a run that begins, and what is told of its events.
    ///
    /// # Errors
    ///
    /// The folder of records cannot be written, or others could write to it.
    pub(crate) fn begin(
        env: &Environment,
        config: &Config,
        run: &Run,
        files: &[PathBuf],
        mask: &Mask,
    ) -> anyhow::Result<(Self, Sink)> {
        let runs = open(env)?;
        let files: Vec<String> = files
            .iter()
            .map(|file| file.display().to_string())
            .collect();
        let live = runs.create(NewRun {
            name: run.name().as_str(),
            kind: match run {
                Run::Task(_) => "TaskRun",
                Run::Pipeline(_) => "PipelineRun",
            },
            files: &files,
            started_ms: now_ms(),
            stepwell: env!("CARGO_PKG_VERSION"),
        })?;
        documents(&mut live.documents(), resolved(run), mask)
            .context("failed to write the documents of the run")?;
        let handles = Handles {
            events: live.events()?,
            objects: live.objects()?,
            status: live.status(),
        };
        let what = format!("the record in `{}`", live.path().display());
        let sink = Sink::new(what, Record::new(handles, mask.clone()));
        let mut keep = Retention::default();
        keep.most = config.keep.unwrap_or(keep.most);
        keep.days = config
            .age
            .map_or(keep.days, |age| age.as_secs().div_ceil(DAY));
        Ok((Self { runs, live, keep }, sink))
    }

    /// What the run is called.
    pub(crate) fn id(&self) -> &str {
        self.live.id()
    }

    /// Lets the run's steps be looked into from now on; `keep` is whether what fails is held.
    ///
    /// # Errors
    ///
    /// The system does not let us listen.
    pub(crate) fn look(&self, keep: bool) -> anyhow::Result<(Places, Server)> {
        let id = self.live.id().to_owned();
        let places = Places::new(keep, move |task, step, at| {
            let (what, else_) = match at {
                Breakpoint::BeforeStep => ("waits before it runs", "runs it"),
                Breakpoint::OnFailure => (
                    "has failed and waits",
                    "lets it count as one that succeeded",
                ),
            };
            format!(
                "step {step} {what} (breakpoint): `stepwell shell {id}/{task}/{step}` looks into it, \
                 `stepwell runs continue {id}/{task}/{step}` {else_}, and with `--fail` it fails"
            )
        });
        let server = Server::start(self.live.folder(), self.live.path(), places.clone())?;
        Ok((places, server))
    }

    /// Says how the run ended, and that what failed of it is held.
    pub(crate) fn keep(&mut self, verdict: Option<&Verdict>) {
        if let Err(error) = self.live.keep(now_ms(), verdict.map(of_run)) {
            tell(&error);
        }
    }

    /// Says how the run ended, and removes what is too many or too old. What goes wrong with that is no trouble of the
    /// run's.
    pub(crate) fn end(self, verdict: Option<&Verdict>) {
        let ended = self.live.end(now_ms(), verdict.map(of_run)).map(drop);
        let trimmed = ended.and_then(|()| self.runs.trim_in_time(self.keep, now_ms()).map(drop));
        if let Err(error) = trimmed {
            tell(&error);
        }
    }
}

fn of_run(verdict: &Verdict) -> RunVerdict {
    RunVerdict {
        succeeded: verdict.succeeded,
        reason: verdict.reason.clone(),
        message: verdict.message.clone(),
    }
}

/// Says what goes wrong with a record, which is no trouble of the run's.
fn tell(error: &StoreError) {
    let cause = std::error::Error::source(error);
    let cause = cause.map(|cause| format!(": {cause}")).unwrap_or_default();
    say(&mut io::stderr(), &format!("{error}{cause}"));
}

/// What ran: the run's own object, and what it is a run of, as it was resolved.
fn resolved(run: &Run) -> Vec<Value> {
    let (kind, name, spec) = match run {
        Run::Task(run) => ("Task", run.task.as_str(), &run.task_spec),
        Run::Pipeline(run) => ("Pipeline", &*run.pipeline, &run.spec),
    };
    let of = json!({
        "apiVersion": "tekton.dev/v1",
        "kind": kind,
        "metadata": { "name": name },
        "spec": **spec,
    });
    vec![(**run.object()).clone(), of]
}
