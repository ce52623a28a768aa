//! Plays a scripted pipeline on the scheduler: tasks take as long as the script says, and nobody waits.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::time::Duration;

use stepwell_contract::event::SkipReason;
use stepwell_spec::{RequestedStatus, Section};

use super::script::{Script, Task, verdict};
use crate::graph::{Answer, At, Command, Ended, Ending, Made, Moment, Node, PipelineId, Schedule};

/// What came of a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fate {
    Done,
    Failed {
        cancelled: bool,
    },
    Broken,
    Skipped(SkipReason),
    /// Nothing was said about it.
    Dropped,
}

/// What came of a pipeline.
#[derive(Debug, PartialEq)]
pub(super) struct Outcome {
    pub(super) fates: Vec<Fate>,
    /// Each instance: the task, the row, when it began and ended.
    pub(super) spans: Vec<(usize, usize, u64, u64)>,
    pub(super) ending: Ending,
    pub(super) finally_began: Option<u64>,
    pub(super) ended: u64,
}

enum News {
    Ended(At, usize, Ended),
    Made(At),
    Request(RequestedStatus),
}

/// One pipeline while it is played.
struct Level {
    script: Script,
    fates: Vec<Option<Fate>>,
    spans: Vec<(usize, usize, u64, u64)>,
    parent: Option<(At, usize)>,
    ending: Option<Ending>,
    finally_began: Option<u64>,
    ended: u64,
}

impl Level {
    fn new(script: Script, parent: Option<(At, usize)>) -> Self {
        Self {
            fates: vec![None; script.tasks.len()],
            script,
            spans: Vec::new(),
            parent,
            ending: None,
            finally_began: None,
            ended: 0,
        }
    }
}

pub(super) struct Simulator {
    schedule: Schedule,
    levels: Vec<Level>,
    now: u64,
    count: u64,
    /// By moment, then by the order in which they were foreseen.
    ahead: BTreeMap<(u64, u64), News>,
    /// When and where in `ahead` each running instance ends, and when it began.
    running: BTreeMap<(At, usize), ((u64, u64), u64)>,
    /// Line by line: what happened.
    pub(super) log: Vec<String>,
    pub(super) most_running: usize,
}

pub(super) fn play(script: &Script) -> Simulator {
    let places = NonZeroUsize::new(script.places).unwrap_or(NonZeroUsize::MAX);
    let mut simulator = Simulator {
        schedule: Schedule::new(places),
        levels: Vec::new(),
        now: 0,
        count: 0,
        ahead: BTreeMap::new(),
        running: BTreeMap::new(),
        log: Vec::new(),
        most_running: 0,
    };
    for (at, status) in &script.requests {
        simulator.foresee(*at, News::Request(*status));
    }
    let timeouts = script.timeouts;
    let status = script.status;
    simulator.levels.push(Level::new(script.clone(), None));
    let nodes = nodes(script);
    simulator
        .schedule
        .begin(Moment::default(), nodes, timeouts, status);
    simulator.run();
    simulator
}

fn nodes(script: &Script) -> impl Iterator<Item = Node<'_>> {
    script.tasks.iter().map(|task| Node {
        parents: &task.parents,
        section: if task.finally {
            Section::Finally
        } else {
            Section::Tasks
        },
        on_error: task.on_error,
    })
}

impl Simulator {
    /// What came of the run's own pipeline.
    pub(super) fn outcome(&self) -> Outcome {
        self.outcome_of(0)
    }

    pub(super) fn outcome_of(&self, pipeline: usize) -> Outcome {
        let level = &self.levels[pipeline];
        let fates = level.fates.iter().cloned();
        let mut spans = level.spans.clone();
        spans.sort_unstable();
        Outcome {
            fates: fates.map(|fate| fate.unwrap_or(Fate::Dropped)).collect(),
            spans,
            ending: level.ending.clone().expect("it has finished"),
            finally_began: level.finally_began,
            ended: level.ended,
        }
    }

    fn moment(&self) -> Moment {
        Moment(Duration::from_secs(self.now))
    }

    fn foresee(&mut self, at: u64, news: News) -> (u64, u64) {
        self.count += 1;
        self.ahead.insert((at, self.count), news);
        (at, self.count)
    }

    fn run(&mut self) {
        loop {
            while let Some(command) = self.schedule.next() {
                self.obey(command);
                self.most_running = self.most_running.max(self.running.len());
            }
            if self.levels[0].ending.is_some() {
                assert!(self.running.is_empty(), "{:?}", self.log);
                assert_eq!(self.schedule.deadline(), None);
                return;
            }
            let deadline = self.schedule.deadline().map(|at| at.0.as_secs());
            let next = self.ahead.first_key_value().map(|(key, _)| key.0);
            match (next, deadline) {
                (Some(next), deadline) if deadline.is_none_or(|deadline| next <= deadline) => {
                    let (_, news) = self.ahead.pop_first().expect("just seen");
                    self.now = next;
                    self.hear(news);
                }
                (_, Some(deadline)) => {
                    self.now = deadline;
                    self.schedule.passed(self.moment());
                }
                (_, None) => panic!("nothing will happen any more: {:?}", self.log),
            }
        }
    }

    fn hear(&mut self, news: News) {
        let now = self.moment();
        match news {
            News::Request(status) => self.schedule.request(now, status),
            News::Made(at) => self.make(at),
            News::Ended(at, row, ended) => {
                let began = self.running.remove(&(at, row)).expect("it ran").1;
                let level = &mut self.levels[at.pipeline.index()];
                level.spans.push((at.task, row, began, self.now));
                self.schedule.ended(now, at, row, ended);
            }
        }
    }

    fn task(&self, at: At) -> &Task {
        &self.levels[at.pipeline.index()].script.tasks[at.task]
    }

    fn note(&mut self, at: At, what: &str) {
        let line = format!("{} {} {what}", self.now, self.task(at).name);
        self.log.push(line);
    }

    fn settle(&mut self, at: At, fate: Fate) {
        let slot = &mut self.levels[at.pipeline.index()].fates[at.task];
        assert!(slot.is_none(), "settled twice: {:?}", self.log);
        *slot = Some(fate);
    }

    fn are_there(&self, pipeline: PipelineId, tasks: &[usize]) -> bool {
        let fates = &self.levels[pipeline.index()].fates;
        tasks.iter().all(|task| fates[*task] == Some(Fate::Done))
    }

    fn obey(&mut self, command: Command) {
        let now = self.moment();
        match command {
            Command::Ask(at) => {
                let task = self.task(at);
                let needed = task.finally && !self.are_there(at.pipeline, &task.needs);
                let answer = if needed || !self.are_there(at.pipeline, &task.asks) {
                    Answer::ResultsMissing
                } else if task.when_breaks {
                    Answer::Broken(verdict("CELEvaluationFailed"))
                } else if task.when {
                    Answer::Run
                } else {
                    Answer::No
                };
                self.schedule.answered(now, at, answer);
            }
            Command::Make(at) => match self.task(at).making {
                0 => self.make(at),
                making => {
                    self.foresee(self.now + making, News::Made(at));
                }
            },
            Command::Start { at, row } => self.start(at, row),
            Command::Stop { at, row, why } => {
                self.note(at, &format!("stop.{row} {why:?}"));
                let stopping = self.task(at).stopping;
                let (key, began) = self.running[&(at, row)];
                self.ahead.remove(&key);
                let ended = Ended {
                    succeeded: false,
                    cancelled: true,
                };
                let key = self.foresee(self.now + stopping, News::Ended(at, row, ended));
                self.running.insert((at, row), (key, began));
            }
            Command::Settle {
                at,
                succeeded,
                cancelled,
            } => {
                let fate = if succeeded {
                    Fate::Done
                } else {
                    Fate::Failed { cancelled }
                };
                self.note(at, if succeeded { "done" } else { "failed" });
                self.settle(at, fate);
            }
            Command::Skip { at, reason } => {
                self.note(at, &format!("skip {}", reason.as_str()));
                self.settle(at, Fate::Skipped(reason));
            }
            Command::BeginFinally(pipeline) => {
                let level = &mut self.levels[pipeline.index()];
                assert_eq!(level.finally_began.replace(self.now), None);
            }
            Command::Finish { pipeline, ending } => self.finish(pipeline, ending),
        }
    }

    fn make(&mut self, at: At) {
        let task = self.task(at);
        let made = if !self.are_there(at.pipeline, &task.needs) {
            Made::ResultsMissing
        } else if task.breaks {
            Made::Broken(verdict("InvalidTaskResultReference"))
        } else if task.nested.is_some() {
            Made::Pipeline
        } else if task.rows.is_empty() {
            Made::EmptyMatrix
        } else {
            Made::Tasks(task.rows.len())
        };
        let breaks = matches!(made, Made::Broken(_));
        self.schedule.made(self.moment(), at, made);
        if breaks {
            self.settle(at, Fate::Broken);
        }
    }

    fn start(&mut self, at: At, row: usize) {
        let task = self.task(at);
        if let Some(script) = task.nested.clone() {
            self.note(at, "nest");
            let level = Level::new((*script).clone(), Some((at, row)));
            let timeouts = script.timeouts;
            self.levels.push(level);
            let (now, nodes) = (self.moment(), nodes(&script));
            let id = self.schedule.nest(now, (at, row), nodes, timeouts);
            assert_eq!(id.index(), self.levels.len() - 1);
            return;
        }
        let (takes, succeeded) = task.rows[row];
        self.note(at, &format!("start.{row}"));
        let ended = Ended {
            succeeded,
            cancelled: false,
        };
        let key = self.foresee(self.now + takes, News::Ended(at, row, ended));
        self.running.insert((at, row), (key, self.now));
    }

    fn finish(&mut self, pipeline: PipelineId, ending: Ending) {
        let (succeeded, cancelled) = match &ending {
            Ending::Counted { tally, cancelled } => (
                tally.failed == 0 && tally.cancelled == 0 && tally.late == 0 && !cancelled,
                *cancelled || tally.cancelled > 0,
            ),
            ending => (false, *ending == Ending::Cancelled),
        };
        let level = &mut self.levels[pipeline.index()];
        assert_eq!(level.ending.replace(ending), None);
        level.ended = self.now;
        if let Some((at, row)) = level.parent {
            let ended = Ended {
                succeeded,
                cancelled,
            };
            self.schedule.ended(self.moment(), at, row, ended);
        }
    }
}
