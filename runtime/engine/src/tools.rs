//! Native programs of components: which images tasks grant to their steps, and a container for each call.
//!
//! It does not know what a component is, nor how a container is made: a call becomes a step like any other, in the scope that
//! the task's containers share.

use std::sync::Arc;

use stepwell_contract::{
    Ambient, Ending, Grants, Image, ImageKind, Network, SandboxError, SandboxErrorKind, StepIo,
    StepSpec, TaskScope, ToolCall,
};
use stepwell_spec::{Step, TaskRun};

use crate::plan::code::merged;

/// The image that `step` may run native programs in, as its grant names it; a container has its own programs.
pub fn granted(step: &Step) -> Option<&Arc<str>> {
    step.grants.tools.as_ref()
}

/// All of them in a task, each once, with a step that has it.
pub(crate) fn of(run: &TaskRun) -> Vec<(Arc<str>, &Step)> {
    let mut found: Vec<(Arc<str>, &Step)> = Vec::new();
    for step in run.containers() {
        if let Some(image) = granted(step)
            && !found.iter().any(|(known, _)| known == image)
        {
            found.push((Arc::clone(image), step));
        }
    }
    found
}

/// Whether native programs can be run in what was found for `name`.
///
/// # Errors
///
/// It is a component.
pub(crate) fn check(name: &str, image: &Image) -> Result<(), SandboxError> {
    match image.kind() {
        ImageKind::Container => Ok(()),
        ImageKind::Component => Err(SandboxError::new(
            "container",
            format!("run native programs in `{name}`"),
            SandboxErrorKind::BadGuest,
        )
        .because(format!(
            "`{name}` is a component: the grant `tools` names a container image"
        ))),
    }
}

/// Runs a call to its end, in the image that was found for it.
pub(crate) fn run(
    scope: &dyn TaskScope,
    images: &[(Arc<str>, Image)],
    call: ToolCall,
    io: StepIo,
) -> Result<Ending, SandboxError> {
    let ToolCall {
        name,
        image,
        argv,
        env,
        working_dir,
        mounts,
        limits,
        resources,
        security,
        network,
    } = call;
    let found = images.iter().find(|(known, _)| *known == image);
    let Some((_, found)) = found else {
        let doing = format!("run `{}`", argv.first().map_or("", String::as_str));
        let error = SandboxError::new(scope.backend(), doing, SandboxErrorKind::NotFound);
        return Err(error.because(format!("the image `{image}` is not that of a grant")));
    };
    let of_image = found
        .as_container()
        .map(|container| container.env.as_slice());
    let step = StepSpec {
        name,
        image: found.clone(),
        argv,
        env: merged(of_image.unwrap_or_default(), &env),
        working_dir,
        mounts,
        params: Default::default(),
        workspaces: Default::default(),
        results: Vec::new(),
        attempt: 0,
        limits,
        resources,
        security,
        grants: Grants {
            network: match network {
                Network::Any => Network::Any,
                Network::Off | Network::None | Network::To(_) => Network::Off,
            },
            ..Grants::default()
        },
        ambient: Ambient {
            epoch_seconds: 0,
            seed: [0; 32],
        },
    };
    scope.prepare(step)?.run(io)
}

#[cfg(test)]
mod tests;
