//! A plan for a machine.

use anyhow::Context as _;

use super::model::Plan;

/// The plan as one JSON object.
///
/// # Errors
///
/// It cannot be written, which is a defect.
pub(super) fn json(plan: &Plan) -> anyhow::Result<String> {
    let text = serde_json::to_string_pretty(plan).context("failed to write JSON")?;
    Ok(text + "\n")
}
