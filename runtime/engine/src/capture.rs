//! Takes what a step says, on the step's own thread, and sends it on as events.
//!
//! Memory is bounded whatever the guest does: a line is held back up to
//! [`LONGEST_PIECE`](crate::lines::LONGEST_PIECE), output beyond the limit `output` is counted and dropped, and the
//! channel is bounded, so that a guest that is faster than whoever reads the events waits. It does not know how the step
//! ends.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use stepwell_contract::{
    EmitError, EventKind, Limit, Limits, LogStream, ParamValue, StepName, StepSink,
};

use crate::events::Outlet;
use crate::lines::LineSplitter;
use crate::mask::{self, Mask};
use crate::plan::layout::{RESULTS, own_volume};
use crate::results::{Reading, ResultsFolder};
use crate::tee::Tees;

/// How much of the message of a progress report is kept: it is one line on a screen, and a guest could send megabytes.
const LONGEST_PROGRESS: usize = 4 << 10;

/// What one progress report counts for towards the limit `output`, beside its message: stops a guest that reports
/// progress without end from filling a log.
const PROGRESS_COST: u64 = 64;

/// Whose output it is.
#[derive(Debug, Clone)]
pub(crate) enum Speaker {
    /// A step's.
    Step(StepName),
    /// A sidecar's.
    Sidecar(StepName),
}

/// The sink of one step or sidecar.
pub(crate) struct Capture {
    speaker: Speaker,
    outlet: Arc<Outlet>,
    kept: Kept,
    result_limit: u64,
    output_limit: u64,
    output: Mutex<Output>,
    dropped: AtomicU64,
}

/// Where results and copies of the output of a step go.
pub(crate) struct Kept {
    /// The task's results.
    pub(crate) task: Arc<ResultsFolder>,
    /// The step's own.
    pub(crate) own: Option<ResultsFolder>,
    pub(crate) tees: Tees,
}

/// What is under way on both streams.
struct Output {
    tees: Tees,
    /// What is left of the limit.
    left: u64,
    stdout: Stream,
    stderr: Stream,
}

#[derive(Default)]
struct Stream {
    mask: Option<mask::Stream>,
    lines: LineSplitter,
    dropped: u64,
}

impl Stream {
    fn new(mask: &Mask) -> Self {
        Self {
            mask: mask.stream(),
            ..Self::default()
        }
    }

    fn push(&mut self, bytes: &[u8], line: &mut impl FnMut(String, bool)) {
        let Self { mask, lines, .. } = self;
        match mask {
            Some(mask) => mask.push(bytes, &mut |bytes| lines.push(bytes, line)),
            None => lines.push(bytes, line),
        }
    }

    fn finish(&mut self, line: &mut impl FnMut(String, bool)) {
        let Self {
            mask,
            lines,
            dropped,
        } = self;
        if let Some(mask) = mask {
            mask.finish(*dropped > 0, &mut |bytes| lines.push(bytes, line));
        }
        lines.finish(line);
    }
}

impl Capture {
    /// Whose it is.
    pub(crate) fn step(&self) -> &StepName {
        match &self.speaker {
            Speaker::Step(name) | Speaker::Sidecar(name) => name,
        }
    }

    /// A sink for `speaker`.
    pub(crate) fn new(
        speaker: Speaker,
        limits: &Limits,
        outlet: Arc<Outlet>,
        mut kept: Kept,
    ) -> Self {
        let tees = std::mem::take(&mut kept.tees);
        let mask = outlet.mask().clone();
        let output_limit = limits.get(Limit::Output);
        Self {
            speaker,
            outlet,
            kept,
            result_limit: limits.get(Limit::Result),
            output_limit,
            output: Mutex::new(Output {
                tees,
                left: output_limit,
                stdout: Stream::new(&mask),
                stderr: Stream::new(&mask),
            }),
            dropped: AtomicU64::new(0),
        }
    }

    /// Sends what has no line end yet, and says what was dropped. Called on the step's thread, after the guest.
    pub(crate) fn finish(&self) {
        let mut output = self.output.lock().unwrap_or_else(PoisonError::into_inner);
        let Output { stdout, stderr, .. } = &mut *output;
        for (stream, state) in [(LogStream::Stdout, stdout), (LogStream::Stderr, stderr)] {
            state.finish(&mut |line, partial| self.send_line(stream, line, partial));
            if state.dropped > 0 {
                let limit = Limit::Output.show(self.output_limit);
                let mark = format!(
                    "[stepwell: output limit of {limit} reached; {} bytes dropped]",
                    state.dropped
                );
                self.send_line(stream, mark, false);
            }
        }
    }

    /// What the step has left of its own results.
    pub(crate) fn own_results(&self) -> Reading {
        let own = self.kept.own.as_ref();
        own.map_or_else(Reading::default, |own| own.read(self.result_limit))
    }

    /// Why a copy of the output is not whole, where it is not.
    pub(crate) fn tee_trouble(&self) -> Option<String> {
        let mut output = self.output.lock().unwrap_or_else(PoisonError::into_inner);
        output.tees.trouble.take()
    }

    /// How many bytes of output were dropped so far.
    pub(crate) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    fn send_line(&self, stream: LogStream, line: String, partial: bool) {
        match &self.speaker {
            Speaker::Step(step) => {
                let kind = EventKind::StepLog {
                    stream,
                    line,
                    partial,
                };
                self.outlet.step(step, kind);
            }
            Speaker::Sidecar(sidecar) => {
                self.outlet.task(EventKind::SidecarLog {
                    sidecar: sidecar.clone(),
                    stream,
                    line,
                    partial,
                });
            }
        }
    }

    /// Where the step keeps its own results, if one of this name is among them.
    fn own_folder(&self, name: &str) -> Option<&ResultsFolder> {
        let own = self.kept.own.as_ref();
        own.filter(|own| own.declares(name))
    }

    /// Takes `wanted` bytes from what is left of the limit: how many there were.
    fn take(&self, output: &mut Output, wanted: u64) -> u64 {
        let taken = wanted.min(output.left);
        if self.output_limit != u64::MAX {
            output.left -= taken;
        }
        self.dropped.fetch_add(wanted - taken, Ordering::Relaxed);
        taken
    }
}

impl StepSink for Capture {
    fn log(&self, stream: LogStream, bytes: &[u8]) {
        let mut output = self.output.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = self.take(&mut output, bytes.len() as u64);
        let Output {
            tees,
            stdout,
            stderr,
            ..
        } = &mut *output;
        let state = match stream {
            LogStream::Stdout => stdout,
            LogStream::Stderr => stderr,
        };
        state.dropped += bytes.len() as u64 - taken;
        // No more than the slice was asked for.
        let kept = bytes
            .get(..usize::try_from(taken).unwrap_or(usize::MAX))
            .unwrap_or(bytes);
        tees.write(stream, kept);
        state.push(kept, &mut |line, partial| {
            self.send_line(stream, line, partial);
        });
    }

    fn emit(&self, name: &str, value: ParamValue) -> Result<(), EmitError> {
        let results = self.own_folder(name).unwrap_or(&self.kept.task);
        results.emit(name, &value, self.result_limit)
    }

    fn keeps(&self, name: &str) -> Option<Arc<str>> {
        let Speaker::Step(step) = &self.speaker else {
            return None;
        };
        Some(match self.own_folder(name) {
            Some(_) => own_volume(step, "results").into(),
            None => RESULTS.into(),
        })
    }

    fn progress(&self, done: u64, total: Option<u64>, message: &str) {
        let message = &message[..message.floor_char_boundary(LONGEST_PROGRESS)];
        let cost = PROGRESS_COST + message.len() as u64;
        {
            let mut output = self.output.lock().unwrap_or_else(PoisonError::into_inner);
            if output.left < cost {
                return;
            }
            self.take(&mut output, cost);
        }
        // Nobody waits for a sidecar to get anywhere.
        if let Speaker::Step(step) = &self.speaker {
            let kind = EventKind::StepProgress {
                done,
                total,
                message: message.to_owned(),
            };
            self.outlet.step(step, kind);
        }
    }
}

#[cfg(test)]
#[path = "capture/tests.rs"]
mod tests;
