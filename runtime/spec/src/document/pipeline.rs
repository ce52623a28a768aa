//! A Pipeline's spec as it is written.

use std::sync::Arc;

use crate::document::param::{self, ParamDecl, ResultDecl};
use crate::document::pipeline_task::PipelineTask;
use crate::document::workspace::PipelineWorkspaceDecl;
use crate::fields::Fields;
use crate::problem::Problems;
use crate::yaml::Node;

/// A Pipeline's spec.
#[derive(Debug)]
pub(crate) struct PipelineSpec {
    pub(crate) node: Arc<Node>,
    pub(crate) params: Vec<ParamDecl>,
    pub(crate) workspaces: Vec<PipelineWorkspaceDecl>,
    pub(crate) tasks: Vec<PipelineTask>,
    pub(crate) finally: Vec<PipelineTask>,
    /// Each with its `value`.
    pub(crate) results: Vec<ResultDecl>,
}

impl PipelineSpec {
    /// Reads a spec. `None`, and a problem, where it is no mapping.
    pub(crate) fn read(node: &Arc<Node>, problems: &Problems) -> Option<Self> {
        let fields = Fields::open(node, "a Pipeline's spec", problems)?;
        fields.text("displayName");
        fields.text("description");
        let spec = Self {
            node: Arc::clone(node),
            params: param::declared(&fields),
            workspaces: fields.each("workspaces", PipelineWorkspaceDecl::read),
            tasks: fields.each("tasks", PipelineTask::read),
            finally: fields.each("finally", PipelineTask::read),
            results: fields.each("results", ResultDecl::read),
        };
        fields.finish();
        Some(spec)
    }

    /// Every task: those of the graph, then those of `finally`.
    pub(crate) fn all_tasks(&self) -> impl Iterator<Item = &PipelineTask> {
        self.tasks.iter().chain(&self.finally)
    }
}
