//! A step runs only where what it would see is new: looks it up, does again what it once did, or keeps what it does now.
//!
//! ```text
//! key ─look up→ hit: put back, say again
//!        └────→ miss: run, recorded → what it left, what it said → kept
//! ```
//!
//! A hit equals a run because a deterministic step is a function of its key and of what it was told, and it is found only where
//! it would be told the same. Whatever may break that is a [`NotKept`], with a name. It does not know how a backend records,
//! nor what is on the cache's disk.

mod beside;
mod left;
mod not_kept;
mod places;
mod put_back;
mod recorder;
mod snapshot;

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use stepwell_contract::event::{CacheChange, CacheState, CacheUse};
use stepwell_contract::{Asker, Digest, Ending, ImageKind, StepSink, StepSpec, Volume};
use stepwell_store::cache::{Ask, Conflict, Found, Leaf, Look, Missed, Outcome};
use stepwell_store::{Cache, StoreError};

use crate::error::EngineError;
use crate::events::Outlet;
use crate::places::Entered;
pub(crate) use beside::{Beside, Neighbours, Watch};
use left::{Attributes, what_is_left};
pub(crate) use not_kept::NotKept;
use places::Places;
use recorder::Recorder;
use snapshot::{Most, Snapshot};

/// What a run does with a cache.
#[derive(Debug, Clone)]
pub struct Caching {
    /// The cache.
    pub store: Arc<Cache>,
    /// Tasks whose steps run whatever is known of them, by their names.
    pub fresh: BTreeSet<Arc<str>>,
    /// Whether a step that fails by itself is kept too.
    pub failures: bool,
}

impl Caching {
    /// Whether the steps of `task` run whatever is known of them: it is named, or it is a row or a part of one that is.
    pub(crate) fn is_fresh(&self, task: &str) -> bool {
        let mut fresh = self.fresh.iter();
        fresh.any(|name| {
            let rest = task.strip_prefix(&**name);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '/']))
        })
    }
}

/// The cache, for the steps of one try of a task.
pub(crate) struct TaskCache<'a> {
    pub(crate) caching: &'a Caching,
    pub(crate) volumes: Vec<Volume>,
    /// Whether they run whatever is known of them.
    pub(crate) fresh: bool,
    /// Why none of them is kept, where none is.
    pub(crate) refused: Option<NotKept>,
    /// Whether the document says that its steps depend on nothing else.
    pub(crate) declared: bool,
    /// Why none of its containers is kept, where none is.
    pub(crate) no_containers: Option<NotKept>,
    /// Whether another task could write to its folders.
    pub(crate) beside: Watch,
    /// Whether somebody opened a shell in it, where anybody can.
    pub(crate) entered: Option<Entered>,
}

/// Who observes a step that runs.
enum Witness {
    /// Its backend, question by question.
    Backend,
    /// We, for a container: everything that it may look at, before it began.
    Us(Snapshot),
}

/// How a step went through the cache.
pub(crate) struct Through {
    pub(crate) ended: Result<Ending, EngineError>,
    pub(crate) used: CacheUse,
    /// What a user should know.
    pub(crate) notices: Vec<String>,
}

impl TaskCache<'_> {
    /// Lets `step` go through the cache: `run` is called with the sink that it is to have, unless what it would do is known.
    /// `refused` is why it cannot be, where that is known already.
    pub(crate) fn through(
        &self,
        step: &StepSpec,
        static_key: Digest,
        refused: Option<NotKept>,
        sink: &Arc<dyn StepSink>,
        outlet: &Outlet,
        run: impl FnOnce(Arc<dyn StepSink>) -> Result<Ending, EngineError>,
    ) -> Through {
        let mut used = CacheUse {
            key: static_key,
            state: CacheState::NotKept,
            outcome: None,
            observations: 0,
            reason: None,
            changed: None,
            took_ms: None,
        };
        let refused = refused
            .or_else(|| self.refused.clone())
            .or_else(|| not_kept::by_its_grants(step, self.declared))
            .or_else(|| self.by_what_is_around(step.image.kind()));
        let places = match refused {
            Some(refused) => Err(refused),
            None => Places::of(&step.mounts, &self.volumes),
        };
        let places = match places {
            Ok(places) => Arc::new(places),
            Err(refused) => {
                used.reason = Some(refused.to_string());
                return Through {
                    ended: run(Arc::clone(sink)),
                    used,
                    notices: Vec::new(),
                };
            }
        };
        used.key = places.key(static_key);
        places.make_working_dir(step, &self.volumes);
        let mut notices = Vec::new();
        if !self.fresh {
            match self.look_up(used.key, &places) {
                Ok(Look::Hit(found)) => match self.again(step, &found, &places, &**sink) {
                    Ok(ended) => {
                        used.state = CacheState::Hit;
                        used.outcome = Some(found.leaf.outcome);
                        used.observations = found.asked as u64;
                        used.took_ms = Some(found.leaf.took_ms);
                        return Through {
                            ended,
                            used,
                            notices,
                        };
                    }
                    Err(cause) => notices.push(format!("not taken from the cache: {cause}")),
                },
                Ok(Look::Miss(missed)) => used.changed = changed(missed, &places),
                Err(error) => notices.push(trouble("read", &error)),
            }
        }
        let witness = match step.image.kind() {
            ImageKind::Component => Witness::Backend,
            ImageKind::Container => {
                self.beside.begin();
                match Snapshot::take(&places, self.caching.store.digests(), Most::default()) {
                    Ok(snapshot) => Witness::Us(snapshot),
                    Err(refused) => {
                        used.reason = Some(refused.to_string());
                        return Through {
                            ended: run(Arc::clone(sink)),
                            used,
                            notices,
                        };
                    }
                }
            }
        };
        let recorder = Recorder::new(
            Arc::clone(sink),
            Arc::clone(&self.caching.store),
            Arc::clone(&places),
            outlet.mask(),
        );
        let recorder = Arc::new(recorder);
        let began = outlet.now();
        let ended = run(Arc::clone(&recorder) as Arc<dyn StepSink>);
        let now = outlet.now();
        if let Ok(ending) = &ended {
            used.observations = match &witness {
                Witness::Backend => recorder.observations(),
                Witness::Us(snapshot) => snapshot.len() as u64,
            };
            let times = (now.0, now.since(began));
            let made = self.keep(&recorder, witness, ending, &places, used.key, times);
            match made {
                Ok((outcome, conflict)) => {
                    used.state = CacheState::Kept;
                    used.outcome = Some(outcome);
                    notices.extend(conflict.map(|conflict| differs(&conflict)));
                }
                Err(NotKept::Store(cause)) => {
                    notices.push(cause.clone());
                    used.reason = Some(cause);
                }
                Err(reason) => used.reason = Some(reason.to_string()),
            }
        }
        Through {
            ended,
            used,
            notices,
        }
    }

    fn look_up(&self, key: Digest, places: &Places) -> Result<Look, StoreError> {
        let store = &self.caching.store;
        let asking = || -> Ask<'_> {
            let mut askers = places.askers(store.digests());
            Box::new(move |spot, question| {
                let asker: Option<&mut Asker<'_>> = askers.get_mut(&*spot.volume);
                let asker = asker.ok_or(io::ErrorKind::NotFound)?;
                asker.ask(&spot.path, question)
            })
        };
        store.look_up(key, &asking)
    }

    /// Does what the step once did.
    ///
    /// # Errors
    ///
    /// Why nothing was done, in words: the step can still run.
    fn again(
        &self,
        step: &StepSpec,
        found: &Found,
        places: &Places,
        sink: &dyn StepSink,
    ) -> Result<Result<Ending, EngineError>, String> {
        let store = &self.caching.store;
        let work = put_back::plan(store, places, &found.outcome)?;
        let failed = |(path, source)| EngineError::PutBack {
            step: step.name.clone(),
            path,
            source,
        };
        let done = work.run(store, places).map_err(failed);
        Ok(done.and_then(|()| {
            let said = put_back::say(&found.outcome, sink);
            said.map_err(|source| EngineError::SayAgain {
                step: step.name.clone(),
                source,
            })?;
            Ok(found.outcome.ending.clone())
        }))
    }

    /// Why no step of this kind is kept now, for what is around it.
    fn by_what_is_around(&self, kind: ImageKind) -> Option<NotKept> {
        let entered = self.entered.as_ref();
        match kind {
            ImageKind::Component => None,
            ImageKind::Container => {
                let shell = entered.is_some_and(|entered| entered.load(Ordering::SeqCst));
                let refused = self.no_containers.clone();
                refused.or(shell.then_some(NotKept::Shell))
            }
        }
    }

    fn keep(
        &self,
        recorder: &Recorder,
        witness: Witness,
        ending: &Ending,
        places: &Places,
        key: Digest,
        (at_ms, took_ms): (u64, u64),
    ) -> Result<(Digest, Option<Conflict>), NotKept> {
        let store = &self.caching.store;
        let kind = match &witness {
            Witness::Backend => ImageKind::Component,
            Witness::Us(_) => ImageKind::Container,
        };
        not_kept::by_its_ending(kind, ending, self.caching.failures)?;
        let (trace, changes, attributes) = match witness {
            Witness::Backend => {
                let trace = recorder.take_trace().ok_or(NotKept::NoTrace)?;
                (trace, None, Attributes::Ignored)
            }
            Witness::Us(before) => {
                let (trace, changes) = before.changes(places, store.digests())?;
                (trace, Some(changes), Attributes::Refused)
            }
        };
        if let Some(flaw) = trace.flaws.into_iter().next() {
            return Err(NotKept::Flaw(flaw));
        }
        let said = recorder.said()?;
        let left = what_is_left(store, places, &trace.written, attributes)?;
        let permissions = match changes {
            None => Vec::new(),
            Some(changes) => {
                let permissions = changes.agreed(&left)?;
                if let Some(reason) = self.by_what_is_around(kind) {
                    return Err(reason);
                }
                if self.beside.met() {
                    return Err(NotKept::Beside);
                }
                permissions
            }
        };
        let outcome = Outcome {
            left,
            permissions,
            said,
            ending: ending.clone(),
        };
        let kept = |error: StoreError| NotKept::Store(trouble("write to", &error));
        let outcome = store.keep_outcome(&outcome).map_err(kept)?;
        let outcome = outcome.ok_or(NotKept::Ending)?;
        let leaf = Leaf {
            outcome,
            at_ms,
            took_ms,
        };
        let conflict = store.keep_trace(key, &trace.observations, leaf);
        Ok((outcome, conflict.map_err(kept)?))
    }
}

/// The first answer that is new, as the step sees it.
fn changed(missed: Missed, places: &Places) -> Option<CacheChange> {
    let stuck = missed.stuck?;
    Some(CacheChange {
        path: places.show(&stuck.spot),
        question: stuck.question.as_str().to_owned(),
        was: stuck.was.map(|answer| answer.to_string()),
        is: match stuck.is {
            Ok(answer) => answer.to_string(),
            Err(cause) => format!("no answer: {cause}"),
        },
    })
}

/// What a user is told where two runs of a step differ that should not.
fn differs(conflict: &Conflict) -> String {
    let what = match conflict {
        Conflict::Questions { after, .. } => {
            format!("after {after} equal observations it looked at something else")
        }
        Conflict::Outcomes { .. } => "it saw the same and left something else behind".to_owned(),
    };
    format!("it is not deterministic: {what} than when it ran before; the newer run is kept")
}

/// What a user is told where the cache does not do its work. The run goes on without it.
fn trouble(doing: &str, error: &StoreError) -> String {
    let causes = crate::error::causes(error);
    format!("failed to {doing} the cache: {}", causes.join(": "))
}

#[cfg(test)]
mod tests;
