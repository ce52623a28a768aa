//! What the command line asks for beyond the documents, checked as far as the machine is concerned.

use std::path::Path;

use anyhow::{Context as _, anyhow};
use stepwell_spec::Request;

use crate::args::ChoiceArgs;
use crate::exit::Coded;
use crate::identity::identity;

/// The request for `stepwell-spec`.
///
/// # Errors
///
/// A workspace that is no folder; no random bytes for a name.
pub(crate) fn request(args: &ChoiceArgs) -> anyhow::Result<Request> {
    let mut limits = args.limits.clone();
    limits.extend(args.memory.iter().map(|memory| format!("memory={memory}")));
    let mut grants = args.grants.clone();
    grants.extend(args.allow_net.iter().map(|host| format!("network={host}")));
    for (name, path) in &args.workspaces {
        is_folder(name, path)?;
    }
    Ok(Request {
        task: args.name.clone(),
        params: args.params.clone(),
        workspaces: args.workspaces.clone(),
        limits,
        grants,
        remotes: Vec::new(),
        identity: identity()?,
    })
}

fn is_folder(name: &str, path: &Path) -> anyhow::Result<()> {
    let failed = || {
        let path = path.display();
        Coded::usage(format!("failed to open `{path}` as workspace `{name}`"))
    };
    match std::fs::metadata(path).with_context(failed)?.is_dir() {
        true => Ok(()),
        false => Err(anyhow!("it is not a folder").context(failed())),
    }
}
