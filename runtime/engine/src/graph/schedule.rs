//! All pipelines of a run, the places they share, and the next deadline of any of them.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;

use stepwell_spec::{RequestedStatus, Timeouts};

use super::board::Board;
use super::command::{Answer, At, Command, Ended, Made, Moment, PipelineId};
use super::pipeline::{Graph, Node, Phase};

/// The scheduler of one run. After each piece of news, [`Schedule::next`] gives the commands that follow from it.
///
/// Moments never go back; news of the same moment goes before what is due by then.
#[derive(Debug)]
pub(crate) struct Schedule {
    board: Board,
    /// By [`PipelineId`]; `None` for those that have finished.
    graphs: Vec<Option<Graph>>,
    /// What became of the instances that are nested pipelines, while they run.
    nested: BTreeMap<(At, usize), PipelineId>,
    deadlines: BTreeSet<(Moment, PipelineId)>,
    now: Moment,
}

impl Schedule {
    /// A run with room for `places` TaskRuns at once.
    pub(crate) fn new(places: NonZeroUsize) -> Self {
        Self {
            board: Board::new(places.get()),
            graphs: Vec::new(),
            nested: BTreeMap::new(),
            deadlines: BTreeSet::new(),
            now: Moment::default(),
        }
    }

    /// Begins the run's own pipeline; `requested` is what its document asks for.
    pub(crate) fn begin<'a>(
        &mut self,
        now: Moment,
        nodes: impl IntoIterator<Item = Node<'a>>,
        timeouts: Timeouts,
        requested: Option<RequestedStatus>,
    ) -> PipelineId {
        self.add(now, Vec::new(), nodes, timeouts, requested)
    }

    /// Begins the nested pipeline that instance `row` of `parent` is. Its end is not that of the instance:
    /// [`Schedule::ended`] has to say so.
    pub(crate) fn nest<'a>(
        &mut self,
        now: Moment,
        (parent, row): (At, usize),
        nodes: impl IntoIterator<Item = Node<'a>>,
        timeouts: Timeouts,
    ) -> PipelineId {
        let around = self.graph(parent.pipeline);
        let rank = around.map(|graph| graph.rank(parent.task));
        // It may have been told to stop before it was here.
        let stopped = around.is_none_or(|graph| graph.is_stopped(parent.task));
        let requested = stopped.then_some(RequestedStatus::Cancelled);
        let id = self.add(now, rank.unwrap_or_default(), nodes, timeouts, requested);
        self.nested.insert((parent, row), id);
        id
    }

    fn add<'a>(
        &mut self,
        now: Moment,
        rank: Vec<u32>,
        nodes: impl IntoIterator<Item = Node<'a>>,
        timeouts: Timeouts,
        requested: Option<RequestedStatus>,
    ) -> PipelineId {
        let id = PipelineId(u32::try_from(self.graphs.len()).unwrap_or(u32::MAX));
        self.graphs
            .push(Some(Graph::new(id, rank, nodes, timeouts)));
        self.tell(now, id, |graph, board, now| match requested {
            Some(RequestedStatus::Pending) => graph.stay_pending(board),
            Some(status) => {
                // The tasks are not begun before the request is known: none of them starts.
                graph.request(board, status);
                graph.begin(board, now);
            }
            None => graph.begin(board, now),
        });
        id
    }

    /// The next thing to do, if any. Places are given away when nothing else is to be done, so that the order of the
    /// documents decides among all that could start at a moment.
    pub(crate) fn next(&mut self) -> Option<Command> {
        while self.board.commands.is_empty() {
            let at = self.board.next()?;
            let graph = self.graphs.get_mut(at.pipeline.index())?.as_mut()?;
            graph.turn(&mut self.board, at.task);
        }
        self.board.commands.pop_front()
    }

    /// When to call [`Schedule::passed`] at the latest.
    pub(crate) fn deadline(&self) -> Option<Moment> {
        self.deadlines.first().map(|(at, _)| *at)
    }

    /// The task whose turn it is next when `at` has settled well, where that is plain.
    pub(crate) fn foreseen(&self, at: At) -> Option<At> {
        self.graph(at.pipeline)?.foreseen(at.task)
    }

    /// What came of the `when` of `at`.
    pub(crate) fn answered(&mut self, now: Moment, at: At, answer: Answer) {
        self.tell(now, at.pipeline, |graph, board, _| {
            graph.answered(board, at.task, answer);
        });
    }

    /// What `at` became.
    pub(crate) fn made(&mut self, now: Moment, at: At, made: Made) {
        self.tell(now, at.pipeline, |graph, board, _| {
            graph.made(board, at.task, made);
        });
    }

    /// Instance `row` of `at` has ended.
    pub(crate) fn ended(&mut self, now: Moment, at: At, row: usize, ended: Ended) {
        self.nested.remove(&(at, row));
        self.tell(now, at.pipeline, |graph, board, _| {
            graph.ended(board, at.task, row, ended);
        });
    }

    /// Somebody asks for the end of the run.
    pub(crate) fn request(&mut self, now: Moment, status: RequestedStatus) {
        self.tell(now, PipelineId(0), |graph, board, _| {
            graph.request(board, status);
        });
    }

    /// It is `now`.
    pub(crate) fn passed(&mut self, now: Moment) {
        while let Some((at, id)) = self.deadlines.first().copied() {
            if at > now {
                break;
            }
            self.deadlines.pop_first();
            self.tell(now, id, |graph, board, now| graph.passed(board, now));
        }
    }

    fn graph(&self, id: PipelineId) -> Option<&Graph> {
        self.graphs.get(id.index())?.as_ref()
    }

    /// Tells a pipeline the news, and does whatever follows for it and for those nested in it.
    fn tell(
        &mut self,
        now: Moment,
        id: PipelineId,
        news: impl FnOnce(&mut Graph, &mut Board, Moment),
    ) {
        self.now = self.now.max(now);
        self.tell_one(id, news);
        while let Some(instance) = self.board.nested_stops.pop() {
            if let Some(id) = self.nested.get(&instance).copied() {
                self.tell_one(id, |graph, board, _| {
                    graph.request(board, RequestedStatus::Cancelled);
                });
            }
        }
    }

    fn tell_one(&mut self, id: PipelineId, news: impl FnOnce(&mut Graph, &mut Board, Moment)) {
        let Some(slot) = self.graphs.get_mut(id.index()) else {
            return;
        };
        let Some(graph) = slot else {
            return;
        };
        let before = graph.deadlines;
        news(graph, &mut self.board, self.now);
        graph.go_on(&mut self.board, self.now);
        let finished = graph.phase == Phase::Finished;
        let after = (!finished).then_some(graph.deadlines);
        if finished {
            *slot = None;
        }
        for at in before.each() {
            self.deadlines.remove(&(at, id));
        }
        for at in after.iter().flat_map(|deadlines| deadlines.each()) {
            self.deadlines.insert((at, id));
        }
    }
}
