//! `stepwell push`: a file becomes an artifact, and the artifact goes to a registry.

use stepwell_registry::{Artifact, RegistryError};

use super::{about, line, reference, sign};
use crate::args::PushArgs;
use crate::config;
use crate::environment::Environment;
use crate::exit::{Coded, ExitCode};
use crate::images::Shelf;
use crate::inputs::Texts;
use crate::text::print;
use crate::trouble::Trouble;

/// Pushes what the command line names.
///
/// # Errors
///
/// The file is no step, or the registry does not take it.
pub(crate) fn push(args: &PushArgs, env: &Environment) -> Result<ExitCode, Trouble> {
    let reference = reference(&args.reference)?;
    let config = config::load(args.config.as_deref(), &Texts::default(), &[])?;
    let key = match &args.sign {
        Some(path) => Some(sign::key(path, env)?),
        None => None,
    };
    let (code, about) = about::read(&args.component, env)?;
    let artifact = Artifact::new(code, &about);
    let shelf = Shelf::new(env, &config, false)?;
    let registry = shelf.registry().map_err(anyhow::Error::from)?;
    let failed = |error| refused(&args.reference, error);
    let digest = registry.push(&reference, &artifact).map_err(failed)?;
    if let Some(key) = key {
        let signature = key.sign(artifact.manifest(), &reference);
        let sent = registry.push_signature(&reference, artifact.manifest(), &signature);
        sent.map_err(failed)?;
    }
    let file = args.component.display().to_string();
    print(&line(
        args.format.output,
        &reference,
        digest,
        ("component", file),
    ))?;
    Ok(ExitCode::Success)
}

fn refused(reference: &str, error: RegistryError) -> anyhow::Error {
    let code = match error {
        RegistryError::NoTag(_) => ExitCode::Usage,
        _ => ExitCode::Environment,
    };
    let message = format!("failed to push to `{reference}`");
    anyhow::Error::from(error).context(Coded::new(code, message))
}
