//! A second scheduler, small and slow: after each thing that happens, it looks at every task and every rule again, as
//! Tekton's controller does. It knows no queues and no counters, only what has happened.

use stepwell_contract::event::SkipReason;
use stepwell_spec::{OnError, RequestedStatus};

use super::script::{Script, Task, verdict};
use super::simulator::{Fate, Outcome};
use crate::graph::{Ending, Tally};

#[derive(Clone, Copy)]
struct Row {
    began: u64,
    /// When it will end, or has ended; the second number orders what happens at the same moment.
    ends: (u64, u64),
    ended: bool,
    succeeded: bool,
    cancelled: bool,
}

#[derive(Clone, Default)]
struct State {
    rows: Vec<Row>,
    /// Told to stop: because a time was up, or because somebody asked.
    stopped: Option<Stopped>,
    fate: Option<Fate>,
}

#[derive(Clone, Copy, PartialEq)]
enum Stopped {
    TimedOut,
    Asked,
}

struct Model<'a> {
    script: &'a Script,
    states: Vec<State>,
    now: u64,
    count: u64,
    /// Requests that are still to come, with the number that orders them.
    requests: Vec<((u64, u64), RequestedStatus)>,
    requested: Option<RequestedStatus>,
    over: Option<Ending>,
    passed: [bool; 3],
    tasks_timed_out: bool,
    finally_timed_out: bool,
    finally_turn: bool,
    finally_began: Option<u64>,
}

/// What comes of `script`, which has no nested pipelines.
pub(super) fn expect(script: &Script) -> Outcome {
    let requests = script.requests.iter().zip(1..);
    let mut model = Model {
        script,
        states: vec![State::default(); script.tasks.len()],
        now: 0,
        count: script.requests.len() as u64,
        requests: requests
            .map(|((at, status), number)| ((*at, number), *status))
            .collect(),
        requested: None,
        over: None,
        passed: [false; 3],
        tasks_timed_out: false,
        finally_timed_out: false,
        finally_turn: false,
        finally_began: None,
    };
    if let Some(status) = script.status {
        model.request(status);
    }
    model.reconcile();
    while model.states.iter().any(|state| state.fate.is_none()) {
        model.step();
        model.reconcile();
    }
    model.outcome()
}

impl Model<'_> {
    fn task(&self, index: usize) -> &Task {
        &self.script.tasks[index]
    }

    fn indices(&self) -> std::ops::Range<usize> {
        0..self.states.len()
    }

    fn skipped(&self, index: usize) -> Option<SkipReason> {
        match self.states[index].fate {
            Some(Fate::Skipped(reason)) => Some(reason),
            _ => None,
        }
    }

    fn are_there(&self, tasks: &[usize]) -> bool {
        let done = |task: &usize| self.states[*task].fate == Some(Fate::Done);
        tasks.iter().all(done)
    }

    /// The next thing that happens: what ends or is asked for goes before a time that is up.
    fn step(&mut self) {
        let rows = self.states.iter().flat_map(|state| &state.rows);
        let ends = rows.filter(|row| !row.ended).map(|row| row.ends);
        let news = ends.chain(self.requests.iter().map(|(key, _)| *key)).min();
        let due = self.deadlines().into_iter().flatten().min();
        let (at, number) = match (news, due) {
            (Some((at, number)), due) if due.is_none_or(|due| at <= due) => (at, number),
            (_, due) => return self.time_is_up(due.expect("something happens")),
        };
        self.now = at;
        if let Some(place) = self.requests.iter().position(|(key, _)| key.1 == number) {
            let (_, status) = self.requests.remove(place);
            return self.request(status);
        }
        let rows = self.states.iter_mut().flat_map(|state| &mut state.rows);
        for row in rows.filter(|row| row.ends.1 == number) {
            row.ended = true;
        }
    }

    fn deadlines(&self) -> [Option<u64>; 3] {
        let timeouts = self.script.timeouts;
        let began = self.finally_began;
        let all = [
            timeouts.pipeline.map(|after| after.as_secs()),
            timeouts.tasks.map(|after| after.as_secs()),
            timeouts
                .finally
                .and_then(|after| Some(began? + after.as_secs())),
        ];
        [0, 1, 2].map(|index| all[index].filter(|_| !self.passed[index]))
    }

    fn time_is_up(&mut self, now: u64) {
        self.now = now;
        let due = self.deadlines().map(|due| due == Some(now));
        for (passed, due) in self.passed.iter_mut().zip(due) {
            *passed |= due;
        }
        if self.over.is_some() {
            return;
        }
        if due[0] {
            self.over = Some(Ending::TimedOut);
            self.stop(Stopped::TimedOut, |_| true);
        } else if due[1] && !self.finally_turn {
            self.tasks_timed_out = true;
            self.stop(Stopped::TimedOut, |task| !task.finally);
        } else if due[2] {
            self.finally_timed_out = true;
            self.stop(Stopped::TimedOut, |task| task.finally);
        }
    }

    fn request(&mut self, status: RequestedStatus) {
        let order = [
            None,
            Some(RequestedStatus::StoppedRunFinally),
            Some(RequestedStatus::CancelledRunFinally),
            Some(RequestedStatus::Cancelled),
        ];
        let place = |status| order.iter().position(|other| *other == status);
        if place(Some(status)) <= place(self.requested) {
            return;
        }
        self.requested = Some(status);
        match status {
            RequestedStatus::Cancelled => {
                self.over.get_or_insert(Ending::Cancelled);
                for state in &mut self.states {
                    if state.rows.is_empty() && state.fate.is_none() {
                        state.fate = Some(Fate::Dropped);
                    }
                }
                self.stop(Stopped::Asked, |_| true);
            }
            RequestedStatus::CancelledRunFinally => {
                // What is skipped for it is skipped before what runs is stopped, and fails.
                self.reconcile();
                self.stop(Stopped::Asked, |task| !task.finally);
            }
            _ => {}
        }
    }

    fn stop(&mut self, why: Stopped, which: impl Fn(&Task) -> bool) {
        let sections = [false, true];
        for finally in sections {
            for (task, state) in self.script.tasks.iter().zip(&mut self.states) {
                let runs = !state.rows.is_empty() && state.fate.is_none();
                if task.finally != finally || !runs || state.stopped.is_some() || !which(task) {
                    continue;
                }
                state.stopped = Some(why);
                for row in state.rows.iter_mut().filter(|row| !row.ended) {
                    self.count += 1;
                    row.ends = (self.now, self.count);
                    row.succeeded = false;
                    row.cancelled = true;
                }
            }
        }
    }

    /// Does whatever follows from how things are, until nothing does.
    fn reconcile(&mut self) {
        loop {
            let settled = self.settle();
            let skipped = self.skip();
            if settled || skipped || self.turn_to_finally() || self.start() {
                continue;
            }
            return;
        }
    }

    fn settle(&mut self) -> bool {
        let mut any = false;
        for (task, state) in self.script.tasks.iter().zip(&mut self.states) {
            let complete = state.rows.len() == task.rows.len() || state.stopped.is_some();
            let ended = state.rows.iter().all(|row| row.ended);
            if state.fate.is_some() || state.rows.is_empty() || !complete || !ended {
                continue;
            }
            // Rows that never started count as stopped.
            let missing = state.rows.len() < task.rows.len();
            let cancelled = missing || state.rows.iter().any(|row| row.cancelled);
            let succeeded = !missing && state.rows.iter().all(|row| row.succeeded);
            state.fate = Some(if succeeded {
                Fate::Done
            } else {
                Fate::Failed { cancelled }
            });
            any = true;
        }
        any
    }

    fn is_stopping(&self) -> bool {
        self.indices().any(|index| {
            let task = self.task(index);
            !task.finally
                && match self.states[index].fate {
                    Some(Fate::Failed { .. }) => task.on_error == OnError::StopAndFail,
                    Some(Fate::Broken) => true,
                    _ => false,
                }
        })
    }

    fn skip(&mut self) -> bool {
        let mut any = false;
        for index in self.indices() {
            let state = &self.states[index];
            if state.fate.is_some() || !state.rows.is_empty() {
                continue;
            }
            if let Some(reason) = self.why_skip(index) {
                self.states[index].fate = Some(Fate::Skipped(reason));
                any = true;
            }
        }
        any
    }

    /// The rules, in Tekton's order.
    fn why_skip(&self, index: usize) -> Option<SkipReason> {
        let task = self.task(index);
        let timed_out = self.over == Some(Ending::TimedOut);
        if task.finally {
            return match () {
                () if !self.finally_turn => None,
                () if !self.are_there(&task.needs) => Some(SkipReason::ResultsMissing),
                () if !self.are_there(&task.asks) => Some(SkipReason::ResultsMissing),
                () if !task.when => Some(SkipReason::When),
                () if timed_out => Some(SkipReason::PipelineTimeout),
                () if self.finally_timed_out => Some(SkipReason::FinallyTimeout),
                () => None,
            };
        }
        let mut parents = task.parents.iter();
        let parents_settled = parents.all(|parent| self.states[*parent].fate.is_some());
        let mut parents = task.parents.iter();
        let parent_skipped = parents.any(|parent| {
            self.skipped(*parent)
                .is_some_and(|why| why != SkipReason::When)
        });
        match self.requested {
            _ if self.is_stopping() => Some(SkipReason::Stopping),
            Some(RequestedStatus::CancelledRunFinally) => Some(SkipReason::GracefullyCancelled),
            Some(RequestedStatus::StoppedRunFinally) => Some(SkipReason::GracefullyStopped),
            _ if !parents_settled => None,
            _ if self.are_there(&task.asks) && !task.when => Some(SkipReason::When),
            _ if parent_skipped => Some(SkipReason::ParentSkipped),
            _ if !self.are_there(&task.asks) => Some(SkipReason::ResultsMissing),
            _ if timed_out => Some(SkipReason::PipelineTimeout),
            _ if self.tasks_timed_out => Some(SkipReason::TasksTimeout),
            _ => None,
        }
    }

    fn turn_to_finally(&mut self) -> bool {
        let settled = |index| self.task(index).finally || self.states[index].fate.is_some();
        let done = self.indices().all(settled);
        if self.finally_turn || !done || self.over == Some(Ending::Cancelled) {
            return false;
        }
        self.finally_turn = true;
        let any = self.script.tasks.iter().any(|task| task.finally);
        if any && self.over.is_none() {
            self.finally_began = Some(self.now);
        }
        true
    }

    /// Starts the first instance that may, where there is a place.
    fn start(&mut self) -> bool {
        let rows = self.states.iter().flat_map(|state| &state.rows);
        let running = rows.filter(|row| !row.ended).count();
        if self.script.places != 0 && running >= self.script.places {
            return false;
        }
        let first = self.indices().find(|index| self.may_start(*index));
        let Some(index) = first else {
            return false;
        };
        let task = &self.script.tasks[index];
        let there = self.are_there(&task.needs);
        let state = &mut self.states[index];
        if state.rows.is_empty() && !there {
            state.fate = Some(Fate::Skipped(SkipReason::ResultsMissing));
        } else if state.rows.is_empty() && task.breaks {
            state.fate = Some(Fate::Broken);
        } else if task.rows.is_empty() {
            state.fate = Some(Fate::Skipped(SkipReason::EmptyMatrix));
        } else {
            let (takes, succeeded) = task.rows[state.rows.len()];
            self.count += 1;
            state.rows.push(Row {
                began: self.now,
                ends: (self.now + takes, self.count),
                ended: false,
                succeeded,
                cancelled: false,
            });
        }
        true
    }

    fn may_start(&self, index: usize) -> bool {
        let (task, state) = (self.task(index), &self.states[index]);
        let more = state.rows.is_empty() || state.rows.len() < task.rows.len();
        let turn = if task.finally {
            self.finally_turn
        } else {
            let settled = |parent: &usize| self.states[*parent].fate.is_some();
            task.parents.iter().all(settled)
        };
        state.fate.is_none() && state.stopped.is_none() && more && turn
    }

    fn outcome(&self) -> Outcome {
        let mut spans = Vec::new();
        let mut tally = Tally::default();
        for (index, state) in self.states.iter().enumerate() {
            for (row, times) in state.rows.iter().enumerate() {
                spans.push((index, row, times.began, times.ends.0));
            }
            let count = match &state.fate {
                Some(Fate::Done) => &mut tally.succeeded,
                Some(Fate::Failed { cancelled: true }) if state.stopped == Some(Stopped::Asked) => {
                    &mut tally.cancelled
                }
                Some(Fate::Failed { cancelled: false })
                    if self.task(index).on_error == OnError::Continue =>
                {
                    &mut tally.ignored
                }
                Some(Fate::Failed { .. }) => &mut tally.failed,
                Some(Fate::Skipped(_)) => &mut tally.skipped,
                Some(Fate::Broken | Fate::Dropped) | None => continue,
            };
            *count += 1;
            let late = [
                SkipReason::PipelineTimeout,
                SkipReason::TasksTimeout,
                SkipReason::FinallyTimeout,
            ];
            if self.skipped(index).is_some_and(|why| late.contains(&why)) {
                tally.late += 1;
            }
        }
        let fates = self.states.iter().map(|state| state.fate.clone());
        let fates: Vec<_> = fates.flatten().collect();
        let ending = match &self.over {
            Some(over) => over.clone(),
            None if self.tasks_timed_out => Ending::TasksTimedOut,
            None if fates.contains(&Fate::Broken) => {
                Ending::Broken(verdict("InvalidTaskResultReference"))
            }
            None => Ending::Counted {
                tally,
                cancelled: self.requested.is_some(),
            },
        };
        Outcome {
            fates,
            spans,
            ending,
            finally_began: self.finally_began,
            ended: self.now,
        }
    }
}
