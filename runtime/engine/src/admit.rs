//! Asks the backend whether it would run every step of a plan, before any of them runs.

use std::fmt;

use stepwell_contract::{Backend, SandboxError, StepName};
use stepwell_spec::Span;

use crate::plan::Plan;

/// A plan whose every step was admitted: the only thing that can be run.
#[derive(Debug, Clone)]
pub struct Admitted(Plan);

impl Admitted {
    /// The plan.
    pub fn plan(&self) -> &Plan {
        &self.0
    }

    pub(crate) fn into_plan(self) -> Plan {
        self.0
    }
}

/// One step that was not admitted.
#[derive(Debug)]
pub struct Refused {
    /// The step.
    pub step: StepName,
    /// Where the document names its code.
    pub image_span: Span,
    /// Why.
    pub error: SandboxError,
}

/// Not every step was admitted. Nothing has run.
#[derive(Debug)]
pub struct NotAdmitted {
    /// The steps that were not, in the order of the task; at least one.
    pub refused: Vec<Refused>,
}

impl fmt::Display for NotAdmitted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self
            .refused
            .iter()
            .map(|refused| format!("`{}`", refused.step))
            .collect();
        write!(f, "failed to admit {}", names.join(", "))
    }
}

impl std::error::Error for NotAdmitted {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.refused.first().map(|refused| &refused.error as _)
    }
}

/// Asks `backend` about every step of `plan`. Blocks: code that was never compiled is compiled here.
///
/// # Errors
///
/// Every step that was not admitted.
pub fn admit(backend: &dyn Backend, plan: Plan) -> Result<Admitted, NotAdmitted> {
    let refused: Vec<_> = plan
        .steps
        .iter()
        .filter_map(|step| {
            let spec = &step.spec;
            let error = backend
                .admit(&spec.image, &spec.grants, &spec.limits)
                .err()?;
            Some(Refused {
                step: spec.name.clone(),
                image_span: step.image_span,
                error,
            })
        })
        .collect();
    if refused.is_empty() {
        Ok(Admitted(plan))
    } else {
        Err(NotAdmitted { refused })
    }
}
