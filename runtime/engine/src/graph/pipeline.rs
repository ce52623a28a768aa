//! One pipeline: its tasks, what each waits for, and what follows from the news about one of them.
//!
//! Who is skipped, stopped or begun for a reason that concerns many tasks is decided in [`rules`](super::rules).

use stepwell_contract::event::{SkipReason, Verdict};
use stepwell_spec::{OnError, RequestedStatus, Section, Timeouts};

use super::board::{Board, Rank};
use super::command::{Answer, At, Command, Ended, Made, Moment, PipelineId, Why};
use super::life::{Failure, Life, Rows};
use super::tally::{Ending, Tally};

/// What the scheduler has to know of a task.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Node<'a> {
    /// The tasks that have to settle before it.
    pub(crate) parents: &'a [usize],
    /// Which part of the pipeline it is in.
    pub(crate) section: Section,
    /// What its failure means.
    pub(crate) on_error: OnError,
}

/// A task and what it waits for.
#[derive(Debug)]
pub(super) struct Task {
    pub(super) life: Life,
    pub(super) section: Section,
    on_error: OnError,
    /// How many of its parents have not settled.
    waits_for: u32,
    /// Whether one of them was skipped, and not for its own `when`.
    parent_skipped: bool,
}

/// Which part of a pipeline it is the turn of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    Tasks,
    Finally,
    Finished,
}

/// What ended a pipeline as a whole; the first stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Over {
    Cancelled,
    TimedOut,
}

#[derive(Debug)]
pub(super) struct Graph {
    pub(super) id: PipelineId,
    /// Where it stands among the tasks of the pipelines around it.
    prefix: Rank,
    pub(super) tasks: Vec<Task>,
    /// The children of task `i` are `children[first_child[i]..first_child[i + 1]]`.
    first_child: Vec<usize>,
    children: Vec<usize>,
    /// How many tasks have not settled, without and with those of `finally`.
    pub(super) unsettled: usize,
    pub(super) all_unsettled: usize,
    pub(super) phase: Phase,
    /// Whether no task begins any more that is not of `finally`.
    pub(super) halted: bool,
    pub(super) requested: Option<RequestedStatus>,
    pub(super) over: Option<Over>,
    pub(super) tasks_timed_out: bool,
    pub(super) finally_timed_out: bool,
    broken: Option<Verdict>,
    pub(super) tally: Tally,
    pub(super) timeouts: Timeouts,
    pub(super) deadlines: Deadlines,
}

/// When the time of a pipeline and its parts is up.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Deadlines {
    pub(super) pipeline: Option<Moment>,
    pub(super) tasks: Option<Moment>,
    pub(super) finally: Option<Moment>,
}

impl Deadlines {
    pub(super) fn each(self) -> impl Iterator<Item = Moment> {
        [self.pipeline, self.tasks, self.finally]
            .into_iter()
            .flatten()
    }
}

impl Graph {
    pub(super) fn new<'a>(
        id: PipelineId,
        prefix: Rank,
        nodes: impl IntoIterator<Item = Node<'a>>,
        timeouts: Timeouts,
    ) -> Self {
        let mut tasks = Vec::new();
        let mut edges = Vec::new();
        for (child, node) in nodes.into_iter().enumerate() {
            tasks.push(Task {
                life: Life::Waiting,
                section: node.section,
                on_error: node.on_error,
                waits_for: u32::try_from(node.parents.len()).unwrap_or(u32::MAX),
                parent_skipped: false,
            });
            edges.extend(node.parents.iter().map(|parent| (*parent, child)));
        }
        let (first_child, children) = by_parent(tasks.len(), &edges);
        let of_tasks = tasks.iter().filter(|task| task.section == Section::Tasks);
        Self {
            id,
            prefix,
            unsettled: of_tasks.count(),
            all_unsettled: tasks.len(),
            tasks,
            first_child,
            children,
            phase: Phase::Tasks,
            halted: false,
            requested: None,
            over: None,
            tasks_timed_out: false,
            finally_timed_out: false,
            broken: None,
            tally: Tally::default(),
            timeouts,
            deadlines: Deadlines::default(),
        }
    }

    /// The first task that waits for nothing but `task`.
    pub(super) fn foreseen(&self, task: usize) -> Option<At> {
        let range = *self.first_child.get(task)?..*self.first_child.get(task + 1)?;
        let mut children = self.children.get(range)?.iter();
        let next = children.find(|child| {
            let child = &self.tasks[**child];
            child.life == Life::Waiting && child.waits_for == 1
        })?;
        Some(self.at(*next))
    }

    pub(super) fn at(&self, task: usize) -> At {
        At {
            pipeline: self.id,
            task,
        }
    }

    pub(super) fn rank(&self, task: usize) -> Rank {
        let mut rank = Rank::with_capacity(self.prefix.len() + 1);
        rank.extend_from_slice(&self.prefix);
        rank.push(u32::try_from(task).unwrap_or(u32::MAX));
        rank
    }

    /// Whether the instances of `index` have been told to stop.
    pub(super) fn is_stopped(&self, index: usize) -> bool {
        match &self.tasks[index].life {
            Life::Running(rows) => rows.stopped.is_some(),
            _ => true,
        }
    }

    /// Begins with the tasks that wait for nothing.
    pub(super) fn begin(&mut self, board: &mut Board, now: Moment) {
        self.deadlines.pipeline = self.timeouts.pipeline.and_then(|after| now.after(after));
        self.deadlines.tasks = self.timeouts.tasks.and_then(|after| now.after(after));
        for index in 0..self.tasks.len() {
            let task = &self.tasks[index];
            if task.section == Section::Tasks && task.waits_for == 0 {
                self.ready(board, index);
            }
        }
    }

    /// Everything that `index` waits for has settled.
    pub(super) fn ready(&mut self, board: &mut Board, index: usize) {
        if self.tasks[index].life == Life::Waiting {
            self.tasks[index].life = Life::Ready;
            board.say(Command::Ask(self.at(index)));
        }
    }

    /// What came of the `when` of `index`. Whoever was skipped meanwhile stays so.
    pub(super) fn answered(&mut self, board: &mut Board, index: usize, answer: Answer) {
        let task = &self.tasks[index];
        if task.life != Life::Ready {
            return;
        }
        // The order of these is Tekton's. A task of `finally` has no parents.
        let reason = match answer {
            Answer::No => Some(SkipReason::When),
            _ if task.parent_skipped => Some(SkipReason::ParentSkipped),
            Answer::ResultsMissing => Some(SkipReason::ResultsMissing),
            Answer::Broken(verdict) => return self.breaks(board, index, verdict),
            Answer::Run => self.too_late(task.section),
        };
        match reason {
            Some(reason) => self.skip(board, index, reason),
            None => {
                self.tasks[index].life = Life::Queued;
                board.stand_in_line(self.rank(index), self.at(index));
            }
        }
    }

    /// It is the turn of `index`, which stands first in the line: there is a place for it.
    pub(super) fn turn(&mut self, board: &mut Board, index: usize) {
        let (rank, at) = (self.rank(index), self.at(index));
        match &mut self.tasks[index].life {
            life @ Life::Queued => {
                *life = Life::Making;
                board.leave_line(&rank);
                board.take_place();
                board.say(Command::Make(at));
            }
            Life::Running(rows) if rows.started < rows.count => {
                board.take_place();
                start(board, at, rows);
                if rows.started == rows.count {
                    board.leave_line(&rank);
                }
            }
            _ => board.leave_line(&rank),
        }
    }

    /// What `index` became.
    pub(super) fn made(&mut self, board: &mut Board, index: usize, made: Made) {
        if self.tasks[index].life != Life::Making {
            return;
        }
        let (count, nested) = match made {
            Made::Tasks(0) | Made::EmptyMatrix => {
                return self.skip(board, index, SkipReason::EmptyMatrix);
            }
            Made::ResultsMissing => return self.skip(board, index, SkipReason::ResultsMissing),
            Made::Broken(verdict) => return self.breaks(board, index, verdict),
            Made::Tasks(count) => (count, false),
            Made::Pipeline => (1, true),
        };
        if nested {
            board.free_place();
        }
        let mut rows = Box::new(Rows::new(count, nested));
        let at = self.at(index);
        start(board, at, &mut rows);
        if rows.started < rows.count {
            board.stand_in_line(self.rank(index), at);
        }
        self.tasks[index].life = Life::Running(rows);
    }

    /// An instance of `index` has ended.
    pub(super) fn ended(&mut self, board: &mut Board, index: usize, row: usize, ended: Ended) {
        let Life::Running(rows) = &mut self.tasks[index].life else {
            return;
        };
        if !rows.running.remove(&row) {
            return;
        }
        if !rows.nested {
            board.free_place();
        }
        rows.failed |= !ended.succeeded;
        rows.cancelled |= ended.cancelled;
        if rows.have_ended() {
            self.settle(board, index);
        }
    }

    /// All instances of `index` have ended.
    pub(super) fn settle(&mut self, board: &mut Board, index: usize) {
        let at = self.at(index);
        let task = &mut self.tasks[index];
        let Life::Running(rows) = &task.life else {
            return;
        };
        let (succeeded, cancelled) = (!rows.failed, rows.cancelled);
        board.say(Command::Settle {
            at,
            succeeded,
            cancelled,
        });
        if succeeded {
            task.life = Life::Done;
            self.tally.succeeded += 1;
        } else {
            let failure = match (cancelled, rows.stopped) {
                (true, Some(Why::TimedOut)) => Failure::TimedOut,
                (true, _) => Failure::Cancelled,
                (false, _) if task.on_error == OnError::Continue => Failure::Ignored,
                (false, _) => Failure::Plain,
            };
            task.life = Life::Failed(failure);
            self.tally.failure(failure);
            if task.section == Section::Tasks && task.on_error == OnError::StopAndFail {
                self.halt(board, SkipReason::Stopping);
            }
        }
        self.has_settled(board, index, false);
    }

    /// `index` cannot be made: the pipeline fails for it, as for a task that failed.
    fn breaks(&mut self, board: &mut Board, index: usize, verdict: Verdict) {
        self.leave(board, index);
        let task = &mut self.tasks[index];
        task.life = Life::Failed(Failure::Broken);
        self.broken.get_or_insert(verdict);
        if task.section == Section::Tasks {
            self.halt(board, SkipReason::Stopping);
        }
        self.has_settled(board, index, false);
    }

    /// `index` will not run, and those that wait for it may be next.
    pub(super) fn skip(&mut self, board: &mut Board, index: usize, reason: SkipReason) {
        self.leave(board, index);
        self.tasks[index].life = Life::Skipped(reason);
        self.tally.skip(reason);
        let at = self.at(index);
        board.say(Command::Skip { at, reason });
        self.has_settled(board, index, reason != SkipReason::When);
    }

    /// `index` will not run, and nothing of its pipeline will any more.
    pub(super) fn forget(&mut self, board: &mut Board, index: usize) {
        self.leave(board, index);
        self.tasks[index].life = Life::Dropped;
        self.has_settled(board, index, false);
    }

    /// Takes `index` out of the line, or from its place.
    fn leave(&mut self, board: &mut Board, index: usize) {
        match self.tasks[index].life {
            Life::Queued => board.leave_line(&self.rank(index)),
            Life::Making => board.free_place(),
            _ => {}
        }
    }

    fn has_settled(&mut self, board: &mut Board, index: usize, skips_children: bool) {
        self.all_unsettled -= 1;
        if self.tasks[index].section == Section::Tasks {
            self.unsettled -= 1;
        }
        for place in self.first_child[index]..self.first_child[index + 1] {
            let child = self.children[place];
            let task = &mut self.tasks[child];
            task.parent_skipped |= skips_children;
            task.waits_for = task.waits_for.saturating_sub(1);
            if task.waits_for == 0 && !self.halted {
                self.ready(board, child);
            }
        }
    }

    /// How it went; asked when everything has settled.
    pub(super) fn ending(&mut self) -> Ending {
        match self.over {
            Some(Over::Cancelled) => return Ending::Cancelled,
            Some(Over::TimedOut) => return Ending::TimedOut,
            None => {}
        }
        match self.broken.take() {
            _ if self.tasks_timed_out => Ending::TasksTimedOut,
            Some(verdict) => Ending::Broken(verdict),
            None => Ending::Counted {
                tally: self.tally,
                cancelled: self.requested.is_some(),
            },
        }
    }
}

/// Starts the next instance.
fn start(board: &mut Board, at: At, rows: &mut Rows) {
    let row = rows.started;
    rows.started += 1;
    rows.running.insert(row);
    board.say(Command::Start { at, row });
}

/// Puts edges in the order of their parents: where the children of each begin, and the children.
fn by_parent(tasks: usize, edges: &[(usize, usize)]) -> (Vec<usize>, Vec<usize>) {
    let mut first_child = vec![0; tasks + 1];
    for (parent, _) in edges {
        first_child[parent + 1] += 1;
    }
    for index in 0..tasks {
        first_child[index + 1] += first_child[index];
    }
    let mut free = first_child.clone();
    let mut children = vec![0; edges.len()];
    for (parent, child) in edges {
        children[free[*parent]] = *child;
        free[*parent] += 1;
    }
    (first_child, children)
}
