//! What a pipeline's TaskRuns are made from.

use std::sync::Arc;

use serde_json::Value;
use stepwell_contract::ParamValue;
use stepwell_contract::event::Verdict;

use crate::run::{Facts, Instance, Instances, Pipeline, RemoteRef, When};

/// Everything that a pipeline needs of its documents while it runs.
#[derive(Debug, Clone, Default)]
pub(crate) struct Recipe {}

impl Recipe {
    pub(crate) fn when(&self, _: &Pipeline, _: usize, _: &Facts) -> When {
        When::True(Vec::new())
    }

    pub(crate) fn instances(&self, _: &Pipeline, _: usize, _: &Facts) -> Instances {
        Instances::Run(Vec::new())
    }

    pub(crate) fn preview(&self, _: &Pipeline, _: usize) -> Vec<Instance> {
        Vec::new()
    }

    pub(crate) fn results(
        &self,
        _: &Pipeline,
        _: &Facts,
    ) -> Result<Vec<(Arc<str>, ParamValue)>, Verdict> {
        Ok(Vec::new())
    }

    pub(crate) fn supply(
        &mut self,
        _: &RemoteRef,
        _: &str,
        _: &str,
        _: Arc<Value>,
    ) -> Result<(), Verdict> {
        Ok(())
    }
}
