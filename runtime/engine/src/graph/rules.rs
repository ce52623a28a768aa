//! What concerns many tasks of a pipeline at once: the first failure, a request for the end, a time that is up, and the
//! turn of `finally`.
//!
//! | when | what has not begun | what runs | `finally` |
//! |---|---|---|---|
//! | a task fails, and may not | is skipped | comes to its end | runs |
//! | `StoppedRunFinally` | is skipped | comes to its end | runs |
//! | `CancelledRunFinally` | is skipped | is stopped | runs |
//! | `Cancelled` | is dropped | is stopped | is dropped, or stopped |
//! | the time of the tasks is up | is skipped when its turn comes | is stopped | runs |
//! | the time of `finally` is up | is skipped | is stopped | |
//! | the time of all is up | is skipped when its turn comes | is stopped | is skipped, or stopped |
//!
//! A matrix of which an instance has started counts as running: of what is not stopped, the rest starts too.

use stepwell_contract::event::SkipReason;
use stepwell_spec::{RequestedStatus, Section};

use super::board::Board;
use super::command::{Command, Moment, Why};
use super::life::Life;
use super::pipeline::{Graph, Over, Phase};
use super::tally::Ending;
use crate::control::strength;

impl Graph {
    /// Skips every task that has not begun and is not of `finally`.
    pub(super) fn halt(&mut self, board: &mut Board, reason: SkipReason) {
        if std::mem::replace(&mut self.halted, true) {
            return;
        }
        for index in 0..self.tasks.len() {
            let task = &self.tasks[index];
            if task.section == Section::Tasks && task.life.is_ahead() {
                self.skip(board, index, reason);
            }
        }
    }

    /// Somebody asks for the end. A request that is not stronger than the one before changes nothing.
    pub(super) fn request(&mut self, board: &mut Board, status: RequestedStatus) {
        let stronger = strength(Some(status)) > strength(self.requested);
        if !stronger || self.phase == Phase::Finished {
            return;
        }
        self.requested = Some(status);
        match status {
            RequestedStatus::Pending => {}
            RequestedStatus::StoppedRunFinally => self.halt(board, SkipReason::GracefullyStopped),
            RequestedStatus::CancelledRunFinally => {
                self.halt(board, SkipReason::GracefullyCancelled);
                self.stop(board, Section::Tasks, Why::Cancelled);
            }
            RequestedStatus::Cancelled => {
                self.over.get_or_insert(Over::Cancelled);
                self.halted = true;
                for index in 0..self.tasks.len() {
                    if self.tasks[index].life.is_ahead() {
                        self.forget(board, index);
                    }
                }
                self.stop(board, Section::Tasks, Why::Cancelled);
                self.stop(board, Section::Finally, Why::Cancelled);
            }
        }
    }

    /// Tells what runs in `section` to stop. Instances that have not started are given up.
    fn stop(&mut self, board: &mut Board, section: Section, why: Why) {
        for index in 0..self.tasks.len() {
            let at = self.at(index);
            let task = &mut self.tasks[index];
            let Life::Running(rows) = &mut task.life else {
                continue;
            };
            if task.section != section || rows.stopped.is_some() {
                continue;
            }
            rows.stopped = Some(why);
            for row in rows.running.iter().copied() {
                if rows.nested {
                    board.nested_stops.push((at, row));
                } else {
                    board.say(Command::Stop { at, row, why });
                }
            }
            if rows.started == rows.count {
                continue;
            }
            rows.count = rows.started;
            rows.failed = true;
            rows.cancelled = true;
            let ended = rows.have_ended();
            board.leave_line(&self.rank(index));
            if ended {
                self.settle(board, index);
            }
        }
    }

    /// Why a task of `section` that could begin now does not: a time is up.
    pub(super) fn too_late(&self, section: Section) -> Option<SkipReason> {
        match section {
            _ if self.over == Some(Over::TimedOut) => Some(SkipReason::PipelineTimeout),
            Section::Tasks if self.tasks_timed_out => Some(SkipReason::TasksTimeout),
            Section::Finally if self.finally_timed_out => Some(SkipReason::FinallyTimeout),
            _ => None,
        }
    }

    /// Does what is due by `now`.
    pub(super) fn passed(&mut self, board: &mut Board, now: Moment) {
        let due = |deadline: &mut Option<Moment>| deadline.take_if(|at| *at <= now).is_some();
        let pipeline = due(&mut self.deadlines.pipeline);
        let tasks = due(&mut self.deadlines.tasks);
        let finally = due(&mut self.deadlines.finally);
        if self.over.is_some() || self.phase == Phase::Finished {
            return;
        }
        if pipeline {
            self.over = Some(Over::TimedOut);
            self.time_is_up(board, Section::Tasks);
            self.time_is_up(board, Section::Finally);
        } else if tasks && self.phase == Phase::Tasks {
            self.tasks_timed_out = true;
            self.time_is_up(board, Section::Tasks);
        } else if finally && self.phase == Phase::Finally {
            self.finally_timed_out = true;
            self.time_is_up(board, Section::Finally);
        }
    }

    /// Stops what runs and skips what stands in the line. What waits is looked at when its turn comes: by then, another
    /// reason may go before.
    fn time_is_up(&mut self, board: &mut Board, section: Section) {
        let Some(reason) = self.too_late(section) else {
            return;
        };
        self.stop(board, section, Why::TimedOut);
        for index in 0..self.tasks.len() {
            let task = &self.tasks[index];
            if task.section == section && matches!(task.life, Life::Queued | Life::Making) {
                self.skip(board, index, reason);
            }
        }
    }

    /// Goes on to `finally`, or to the end, where it is time for that.
    pub(super) fn go_on(&mut self, board: &mut Board, now: Moment) {
        if self.phase == Phase::Tasks && self.unsettled == 0 {
            self.phase = Phase::Finally;
            self.begin_finally(board, now);
        }
        if self.phase == Phase::Finally && self.all_unsettled == 0 {
            self.finish(board);
        }
    }

    fn begin_finally(&mut self, board: &mut Board, now: Moment) {
        if self.all_unsettled == 0 {
            return;
        }
        // Of a pipeline whose time is up, `finally` does not begin: its tasks are only asked why not.
        if self.over.is_none() {
            board.say(Command::BeginFinally(self.id));
            self.deadlines.finally = self.timeouts.finally.and_then(|after| now.after(after));
        }
        for index in 0..self.tasks.len() {
            self.ready(board, index);
        }
    }

    fn finish(&mut self, board: &mut Board) {
        self.phase = Phase::Finished;
        let ending = self.ending();
        self.say_finish(board, ending);
    }

    /// Does not begin at all.
    pub(super) fn stay_pending(&mut self, board: &mut Board) {
        self.phase = Phase::Finished;
        self.say_finish(board, Ending::Pending);
    }

    fn say_finish(&self, board: &mut Board, ending: Ending) {
        board.say(Command::Finish {
            pipeline: self.id,
            ending,
        });
    }
}
