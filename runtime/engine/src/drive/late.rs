//! Documents of a pipeline that are only known to be needed while it runs: they are fetched on a thread, and handed over.

use stepwell_spec::RemoteRef;

use super::driver::{Driver, News};
use super::words;
use crate::graph::{At, Made};
use crate::outside::Fetched;

/// How many documents may be fetched one after the other to make one task: a Task and its StepActions. A server that
/// always answers with one reference more is stopped here.
const MOST: usize = 100;

impl Driver {
    /// Fetches what `at` needs; the task goes on being made when it is there.
    pub(super) fn fetch(&mut self, at: At, reference: RemoteRef) {
        let Some(level) = self.level(at.pipeline) else {
            return;
        };
        let fetched = level.fetched.entry(at.task).or_default();
        // What was handed over is not asked for again, or it never ends.
        if fetched.contains(&reference) || fetched.len() >= MOST {
            let name = level.pipeline.pipeline.clone();
            let cause = format!(
                "what was fetched for `{}` refers on and on",
                reference.resolver
            );
            let verdict = words::not_fetched(&name, &reference, &cause);
            return self.made(at, Made::Broken(verdict));
        }
        fetched.push(reference.clone());
        let fetch = self.ground.tools().engine.fetch.clone();
        self.running.spawn_blocking(move || {
            let fetched = fetch.fetch(&reference);
            News::Fetched {
                at,
                reference,
                fetched,
            }
        });
    }

    /// What `at` needs has come, or not.
    pub(super) fn fetched(
        &mut self,
        at: At,
        reference: &RemoteRef,
        fetched: Result<Fetched, String>,
    ) {
        let Some(level) = self
            .levels
            .get_mut(at.pipeline.index())
            .and_then(Option::as_mut)
        else {
            return;
        };
        let pipeline = &mut level.pipeline;
        let supplied = match fetched {
            Ok(Fetched {
                name,
                text,
                provenance,
            }) => pipeline.supply(reference, &name, &text, provenance),
            Err(cause) => Err(words::not_fetched(&pipeline.pipeline, reference, &cause)),
        };
        match supplied {
            Ok(()) => self.make(at),
            Err(verdict) => self.made(at, Made::Broken(verdict)),
        }
    }
}
