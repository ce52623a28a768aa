//! A PersistentVolumeClaim: a folder that outlives the run.

use crate::document::shape::CLAIM;
use crate::fields::Fields;
use crate::problem::Problems;

/// A claim. How large it may be and who may mount it is a cluster's business.
#[derive(Debug)]
pub(crate) struct Claim;

impl Claim {
    /// Checks what it asks for among the document's fields.
    pub(crate) fn take(fields: &Fields<'_>, problems: &Problems) -> Self {
        if let Some(entry) = fields.take("spec") {
            CLAIM.check(&entry.value, "spec", problems);
        }
        Self
    }
}
