//! Components on their way to registries and back: `stepwell push`, `stepwell pull` and
//! `stepwell update`.
//!
//! Knows what a component says of itself and what an artifact holds; how a registry is spoken to is not its business.

mod about;
mod pull;
mod push;
mod sign;
mod update;

pub(crate) use pull::pull;
pub(crate) use push::push;
pub(crate) use update::update;

use anyhow::Context as _;
use stepwell_registry::{Reference, Sha256};
use stepwell_report::clean::clean;

use crate::args::ListOutput;
use crate::exit::Coded;

/// The artifact that the command line names.
fn reference(text: &str) -> anyhow::Result<Reference> {
    let reference = text.parse::<Reference>();
    reference.with_context(|| Coded::usage(format!("`{}` names no artifact", clean(text))))
}

/// One line that says what went where.
fn line(output: ListOutput, reference: &Reference, digest: Sha256, more: (&str, String)) -> String {
    match output {
        ListOutput::Pretty => format!("{reference}  {digest}\n"),
        ListOutput::Json => {
            let (name, value) = more;
            let line = serde_json::json!({
                "reference": reference.to_string(),
                "digest": digest,
                name: value,
            });
            line.to_string() + "\n"
        }
    }
}
