//! A container without a program of its own, for after the step has ended: the same root with all that the step wrote, the
//! same volumes, and nothing that the step left running. Shells run in one; in another kind nothing ever runs, and its root
//! is looked at from outside (`look`).

use std::io;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::thread::JoinHandle;

use stepwell_contract::{
    Cancel, CancelReason, EmitError, LogStream, ParamValue, Resources, SandboxError, StepIo,
    StepSink,
};

use crate::embedded::process::{self, Live};
use crate::embedded::request::{Purpose, Reply, Request};
use crate::embedded::site::Site;

/// A container that waits until nobody is in it any more. Dropped, it is gone.
pub(crate) struct Held {
    live: Live,
    stop: Cancel,
    keeper: Option<JoinHandle<()>>,
}

impl Held {
    /// Makes one for the step of `site`, which has none now.
    ///
    /// # Errors
    ///
    /// What the kernel refused, or what the step left of its root does not let happen.
    pub(crate) fn start(site: &Arc<Site>, purpose: Purpose) -> Result<Self, SandboxError> {
        let stop = Cancel::new();
        let io = StepIo {
            sink: Arc::new(Silence),
            cancel: stop.clone(),
        };
        let (say, heard) = channel();
        let keeper = std::thread::Builder::new()
            .name("container".to_owned())
            .spawn({
                let site = Arc::clone(site);
                move || {
                    let started = say.clone();
                    let ended = run(&site, purpose, &io, &|live| {
                        // Whoever waits for it does so until one of the two comes.
                        let _ = started.send(Ok(live));
                    });
                    if let Err(error) = ended {
                        let _ = say.send(Err(error));
                    }
                }
            })
            .map_err(|error| site.failed("keep what is left of", error))?;
        match heard.recv() {
            Ok(Ok(live)) => Ok(Self {
                live,
                stop,
                keeper: Some(keeper),
            }),
            Ok(Err(error)) => Err(error),
            Err(error) => Err(site.failed("look at", error)),
        }
    }

    pub(crate) fn live(&self) -> &Live {
        &self.live
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.stop.cancel(CancelReason::Asked);
        if let Some(keeper) = self.keeper.take() {
            // It has said what there was to say.
            let _ = keeper.join();
        }
    }
}

fn run(
    site: &Site,
    purpose: Purpose,
    io: &StepIo,
    started: &dyn Fn(Live),
) -> Result<(), SandboxError> {
    let failed = |error: io::Error| site.failed("look at what is left of", error);
    // Whoever looks is not the step, and is not bounded as it was.
    let resources = match purpose {
        Purpose::Look => Resources::default(),
        _ => site.resources,
    };
    let group = site.groups.make(resources).map_err(failed)?;
    let request = Request {
        purpose,
        ..site.request.clone()
    };
    let ended = process::run(site, &request, &group, io, started);
    let removed = group.remove();
    let reply = ended.map_err(failed)?.reply;
    removed.map_err(failed)?;
    match reply {
        Some(Reply::Failed(failure)) => Err(site.refused(failure)),
        _ => Ok(()),
    }
}

/// Nothing of the step's runs that could say anything.
struct Silence;

impl StepSink for Silence {
    fn log(&self, _: LogStream, _: &[u8]) {}

    fn emit(&self, name: &str, _: ParamValue) -> Result<(), EmitError> {
        Err(EmitError::Undeclared(name.to_owned()))
    }

    fn progress(&self, _: u64, _: Option<u64>, _: &str) {}
}
