//! Runs one prepared step and says how it ended.
//!
//! How the container ended is heard from its first process (`process`); why a signal ended it, from its control group.

use std::sync::Arc;

use stepwell_contract::{
    CancelReason, Ending, Limit, LogStream, Place, Sandbox, SandboxError, StepIo,
};

use crate::embedded::place::ContainerPlace;
use crate::embedded::process::{self, Ended};
use crate::embedded::request::Reply;
use crate::embedded::site::{Life, Site};

/// What Linux says of a program that SIGKILL ended: 128 and the signal.
const KILLED: i32 = 137;

/// One prepared step.
pub(crate) struct Container(pub(crate) Arc<Site>);

impl Sandbox for Container {
    fn place(&self) -> Arc<dyn Place> {
        Arc::new(ContainerPlace(Arc::clone(&self.0)))
    }

    fn run(self: Box<Self>, io: StepIo) -> Result<Ending, SandboxError> {
        let site = self.0;
        if let Some(reason) = io.cancel.reason() {
            return Ok(of_cancellation(reason));
        }
        site.becomes(Life::Starting);
        let ending = run(&site, &io);
        site.becomes(Life::Ended(Default::default()));
        let ending = ending?;
        // What it left stays for those who hold its place while the task lasts, and is removed when they let go.
        let is_held = Arc::strong_count(&site) > 1 && site.occupancy.ends.reason().is_none();
        if !is_held {
            site.vacate()
                .map_err(|error| site.failed("clean up after", error))?;
        }
        Ok(ending)
    }
}

fn run(site: &Site, io: &StepIo) -> Result<Ending, SandboxError> {
    let group = site
        .groups
        .make(site.resources)
        .map_err(|error| site.failed("bound", error))?;
    let ended = process::run(site, &site.request, &group, io, &|live| {
        site.becomes(Life::Running(Arc::new(live)));
    });
    let memory = group.ran_out_of_memory();
    let removed = group.remove();
    let ended = ended.map_err(|error| site.failed("run", error))?;
    removed.map_err(|error| site.failed("clean up after", error))?;
    if ended.disk_full {
        let left = Limit::FileBytes.show(site.disk.floor());
        let line =
            format!("stepwell: ended, for the disk that it writes to has less than {left} left\n");
        io.sink.log(LogStream::Stderr, line.as_bytes());
    }
    ending(site, ended, memory, io.cancel.reason())
}

fn ending(
    site: &Site,
    ended: Ended,
    out_of_memory: bool,
    reason: Option<CancelReason>,
) -> Result<Ending, SandboxError> {
    let Ended {
        reply,
        status,
        disk_full,
    } = ended;
    let killed = matches!(
        reply,
        None | Some(Reply::Signalled(9) | Reply::Exited(KILLED))
    );
    match (reply, reason) {
        (Some(Reply::Failed(failure)), None) => Err(site.refused(failure)),
        (_, Some(reason)) => Ok(of_cancellation(reason)),
        _ if killed && disk_full => Ok(Ending::LimitReached {
            limit: Limit::FileBytes,
            value: site.disk.floor(),
            backtrace: Vec::new(),
        }),
        _ if killed && out_of_memory => Ok(Ending::LimitReached {
            limit: Limit::Memory,
            value: site.resources.memory.unwrap_or(u64::MAX),
            backtrace: Vec::new(),
        }),
        (Some(Reply::Exited(code)), None) => Ok(Ending::Exited { code }),
        (Some(Reply::Signalled(signal)), None) => Ok(Ending::Exited { code: 128 + signal }),
        (None | Some(Reply::Started), None) => Err(site.failed(
            "run",
            format!("its first process ended by itself: {status}"),
        )),
    }
}

pub(crate) fn of_cancellation(reason: CancelReason) -> Ending {
    match reason {
        CancelReason::Asked => Ending::Cancelled,
        CancelReason::TimedOut(after) => Ending::TimedOut { after },
    }
}
