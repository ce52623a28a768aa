//! The loop: commands, news, deadlines.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Value;
use stepwell_contract::EventKind;
use stepwell_contract::event::{SkipReason, Verdict};
use stepwell_spec::{Instance, Instances, Pipeline, RemoteRef, RequestedStatus, Section, When};
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::Instant;

use super::level::{Level, Rows};
use crate::control::Control;
use crate::error::EngineError;
use crate::graph::{Answer, At, Command, Ended, Ending, Made, Moment, PipelineId, Schedule};
use crate::outside::Fetched;
use crate::task::{Halt, RunGround, TaskEnded};
use crate::verdict;

/// Runs `pipeline` to its end.
///
/// # Errors
///
/// What we could not do in one of its tasks. Everything else was stopped for it, and has ended.
pub(crate) async fn run(
    ground: &Arc<RunGround>,
    pipeline: Pipeline,
    control: &Control,
) -> Result<Verdict, EngineError> {
    let mut driver = Driver {
        schedule: Schedule::new(ground.tools().engine.options.max_parallel),
        ground: Arc::clone(ground),
        levels: Vec::new(),
        running: JoinSet::new(),
        tasks: HashMap::new(),
        halts: HashMap::new(),
        foreseen: Vec::new(),
        began: Instant::now(),
        trouble: None,
        verdict: None,
    };
    let verdict = driver.drive(pipeline, control).await;
    match driver.trouble {
        Some(error) => Err(error),
        None => Ok(verdict),
    }
}

pub(super) struct Driver {
    pub(super) ground: Arc<RunGround>,
    pub(super) schedule: Schedule,
    /// By [`PipelineId`]; `None` for those that have finished.
    pub(super) levels: Vec<Option<Level>>,
    /// The TaskRuns that run, and documents on their way.
    pub(super) running: JoinSet<News>,
    /// Which instance each future in `running` is.
    pub(super) tasks: HashMap<Id, (At, usize)>,
    /// How to stop what runs.
    pub(super) halts: HashMap<(At, usize), Halt>,
    /// Tasks that follow those which have just started.
    foreseen: Vec<At>,
    began: Instant,
    /// The first thing that we could not do.
    pub(super) trouble: Option<EngineError>,
    /// How the run's own pipeline ended.
    verdict: Option<Verdict>,
}

/// What a future brings back.
pub(super) enum News {
    Ended {
        at: At,
        row: usize,
        ended: TaskEnded,
    },
    Fetched {
        at: At,
        reference: RemoteRef,
        fetched: Result<Fetched, String>,
    },
}

impl Driver {
    /// How long the run has been going.
    pub(super) fn now(&self) -> Moment {
        Moment(self.began.elapsed())
    }

    pub(super) fn level(&mut self, id: PipelineId) -> Option<&mut Level> {
        self.levels.get_mut(id.index())?.as_mut()
    }

    async fn drive(&mut self, pipeline: Pipeline, control: &Control) -> Verdict {
        let mut requests = control.listen();
        let (timeouts, status) = (pipeline.timeouts, pipeline.status);
        let level = self.enter(pipeline, None, Vec::new()).await;
        let id = self
            .schedule
            .begin(Moment::default(), level.nodes(), timeouts, status);
        self.put(id, level);
        loop {
            while let Some(command) = self.schedule.next() {
                self.obey(command).await;
            }
            if let Some(verdict) = self.verdict.take() {
                return verdict;
            }
            self.look_ahead().await;
            let deadline = self.schedule.deadline();
            if deadline.is_some_and(|deadline| deadline < self.now()) {
                // However much news there is, a time that is up is up.
                self.schedule.passed(self.now());
                continue;
            }
            let deadline = deadline.and_then(|Moment(after)| self.began.checked_add(after));
            let due = async {
                match deadline {
                    Some(at) => tokio::time::sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                status = requests.next() => self.schedule.request(self.now(), status),
                Some(news) = self.running.join_next_with_id() => self.hear(news).await,
                () = due => self.schedule.passed(self.now()),
            }
        }
    }

    /// Notes what follows `at`, of which instance `row` starts.
    pub(super) fn foresee(&mut self, at: At, row: usize) {
        if row == 0 {
            self.foreseen.extend(self.schedule.foreseen(at));
        }
    }

    /// Makes what follows the tasks that have just started, while these run: in a chain of short tasks, each would wait
    /// for it.
    async fn look_ahead(&mut self) {
        if self.foreseen.is_empty() {
            return;
        }
        // They reach their threads first.
        tokio::task::yield_now().await;
        for at in std::mem::take(&mut self.foreseen) {
            if let Some(level) = self.level(at.pipeline) {
                level.make_ahead(at.task);
            }
        }
    }

    /// Says that a pipeline begins.
    pub(super) async fn enter(
        &self,
        pipeline: Pipeline,
        parent: Option<(At, usize)>,
        when_expressions: Vec<Value>,
    ) -> Level {
        let pipeline_task = parent.and_then(|(at, _)| {
            let around = self.levels.get(at.pipeline.index())?.as_ref()?;
            Some(Arc::clone(&around.pipeline.tasks[at.task].name))
        });
        let events = self.ground.events(pipeline.parent.clone(), 0);
        let level = Level::new(pipeline, events, parent);
        let start = EventKind::PipelineStart {
            name: level.pipeline.name.clone(),
            pipeline: Arc::clone(&level.pipeline.pipeline),
            pipeline_task,
            display_name: level.pipeline.display_name.clone(),
            when_expressions,
            pipeline_run: Arc::clone(&level.pipeline.object),
            pipeline_spec: Arc::clone(&level.pipeline.spec),
            provenance: level.pipeline.provenance.clone(),
        };
        level.events.task(start).await;
        level
    }

    pub(super) fn put(&mut self, id: PipelineId, level: Level) {
        if self.levels.len() <= id.index() {
            self.levels.resize_with(id.index() + 1, || None);
        }
        self.levels[id.index()] = Some(level);
    }

    async fn obey(&mut self, command: Command) {
        match command {
            Command::Ask(at) => self.ask(at),
            Command::Make(at) => self.make(at),
            Command::Start { at, row } => self.start(at, row).await,
            Command::Stop { at, row, why } => {
                if let Some(halt) = self.halts.get(&(at, row)) {
                    halt.ask(super::words::cause(why));
                }
            }
            Command::Settle {
                at,
                succeeded,
                cancelled,
            } => {
                if let Some(level) = self.level(at.pipeline) {
                    level.settle(at.task, succeeded, cancelled);
                }
            }
            Command::Skip { at, reason } => self.skip(at, reason).await,
            Command::BeginFinally(id) => {
                if let Some(level) = self.level(id) {
                    level.events.task(EventKind::FinallyStart {}).await;
                }
            }
            Command::Finish { pipeline, ending } => self.finish(pipeline, ending).await,
        }
    }

    fn ask(&mut self, at: At) {
        let now = self.now();
        let Some(level) = self.level(at.pipeline) else {
            return;
        };
        let (pipeline, facts) = (&level.pipeline, &level.facts);
        let answer = match pipeline.when(at.task, facts) {
            When::True(expressions) => {
                level.remember_when(at.task, expressions);
                Answer::Run
            }
            // In `finally`, results that are missing go before a `when`, wherever they are asked for.
            When::False(_)
                if pipeline.tasks[at.task].section == Section::Finally
                    && matches!(
                        pipeline.instances(at.task, facts),
                        Instances::ResultsMissing
                    ) =>
            {
                Answer::ResultsMissing
            }
            When::False(expressions) => {
                level.remember_when(at.task, expressions);
                Answer::No
            }
            When::ResultsMissing => Answer::ResultsMissing,
            When::Broken(verdict) => {
                level.broke(at.task, &verdict);
                Answer::Broken(verdict)
            }
        };
        self.schedule.answered(now, at, answer);
    }

    /// Makes the instances of `at`, or has fetched what is missing for that.
    pub(super) fn make(&mut self, at: At) {
        let Some(level) = self.level(at.pipeline) else {
            return;
        };
        let made = match level.instances(at.task) {
            Instances::Run(made) => {
                let nested = matches!(made.first(), Some(Instance::Pipeline(_)));
                let rows = Rows::new(made);
                let count = rows.made.len();
                level.rows.insert(at.task, rows);
                if nested {
                    Made::Pipeline
                } else {
                    Made::Tasks(count)
                }
            }
            Instances::ResultsMissing => Made::ResultsMissing,
            Instances::EmptyMatrix => Made::EmptyMatrix,
            Instances::Needs(reference) => return self.fetch(at, reference),
            Instances::Broken(verdict) => Made::Broken(verdict),
        };
        self.made(at, made);
    }

    pub(super) fn made(&mut self, at: At, made: Made) {
        let now = self.now();
        if let Some(level) = self.level(at.pipeline) {
            level.fetched.remove(&at.task);
            if let Made::Broken(verdict) = &made {
                level.broke(at.task, verdict);
            }
        }
        self.schedule.made(now, at, made);
    }

    async fn skip(&mut self, at: At, reason: SkipReason) {
        let Some(level) = self
            .levels
            .get_mut(at.pipeline.index())
            .and_then(Option::as_mut)
        else {
            return;
        };
        level.skipped(at.task, reason);
        let task = &level.pipeline.tasks[at.task];
        let asked = level.whens.remove(&at.task);
        // As Tekton tells it.
        let when_expressions = match task.section {
            Section::Finally if reason != SkipReason::When => Vec::new(),
            Section::Finally | Section::Tasks => {
                asked.unwrap_or_else(|| level.pipeline.unasked_when(at.task))
            }
        };
        let skip = EventKind::TaskSkip {
            pipeline_task: Arc::clone(&task.name),
            reason,
            when_expressions,
        };
        let events = self.ground.events(Some(task.key.clone()), 0);
        events.task(skip).await;
    }

    async fn hear(&mut self, news: Result<(Id, News), JoinError>) {
        match news {
            Ok((
                _,
                News::Fetched {
                    at,
                    reference,
                    fetched,
                },
            )) => self.fetched(at, &reference, fetched),
            Ok((id, News::Ended { at, row, ended })) => {
                self.tasks.remove(&id);
                self.task_ended(at, row, ended);
            }
            Err(error) => self.panicked(error).await,
        }
    }

    /// Something of ours panicked, or a place that we were handed.
    async fn panicked(&mut self, error: JoinError) {
        let Some((at, row)) = self.tasks.remove(&error.id()) else {
            let error = EngineError::Panicked {
                doing: "fetch a document".to_owned(),
                message: error.to_string(),
            };
            let causes = crate::error::causes(&error);
            let events = self.ground.events(None, 0);
            events.task(EventKind::Error { causes }).await;
            return self.give_up(error);
        };
        let Some(level) = self
            .levels
            .get(at.pipeline.index())
            .and_then(Option::as_ref)
        else {
            return;
        };
        let task = level.pipeline.tasks[at.task].key.clone();
        let error = EngineError::Panicked {
            doing: format!("run task `{task}`"),
            message: error.to_string(),
        };
        let events = self.ground.events(Some(task), 0);
        let causes = crate::error::causes(&error);
        events.task(EventKind::Error { causes }).await;
        let verdict = verdict::broken(&error);
        let ended = TaskEnded {
            succeeded: false,
            cancelled: false,
            reason: verdict.reason.into(),
            message: verdict.message,
            results: Default::default(),
            artifacts: None,
            trouble: Some(error),
        };
        self.task_ended(at, row, ended);
    }

    /// We cannot go on: everything is stopped, and the run ends when it has ended.
    pub(super) fn give_up(&mut self, error: EngineError) {
        self.trouble.get_or_insert(error);
        self.schedule
            .request(self.now(), RequestedStatus::Cancelled);
    }

    async fn finish(&mut self, id: PipelineId, ending: Ending) {
        let Some(level) = self.levels.get_mut(id.index()).and_then(Option::take) else {
            return;
        };
        let Level {
            pipeline,
            facts,
            events,
            began,
            parent,
            ..
        } = level;
        let whole = matches!(
            ending,
            Ending::Cancelled | Ending::TimedOut | Ending::Pending
        );
        let mut verdict = verdict::pipeline(&pipeline.name, pipeline.timeouts, ending);
        // As with Tekton's controller, which looks for results of a run that its tasks ended.
        let results = if whole {
            Ok(Vec::new())
        } else {
            pipeline.results(&facts)
        };
        match results {
            Ok(results) => {
                for (name, value) in results {
                    let result_type = value.param_type();
                    let result = EventKind::Result {
                        name,
                        result_type,
                        value,
                    };
                    events.task(result).await;
                }
            }
            Err(refused) => verdict = refused,
        }
        if let Some(error) = &self.trouble {
            verdict = verdict::broken(error);
        }
        let duration_ms = events.now().since(began);
        let end = EventKind::PipelineEnd {
            verdict: verdict.clone(),
            duration_ms,
        };
        events.task(end).await;
        match parent {
            None => self.verdict = Some(verdict),
            Some((at, row)) => {
                let ended = Ended {
                    succeeded: verdict.succeeded,
                    cancelled: verdict.reason == verdict::PIPELINE_CANCELLED,
                };
                self.nested_ended(at, row, verdict);
                self.schedule.ended(self.now(), at, row, ended);
            }
        }
    }
}
