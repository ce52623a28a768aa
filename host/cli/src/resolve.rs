//! Texts and a request → a run, with documents fetched that the texts refer to.

use stepwell_spec::{self as spec, Remote, RemoteRef, Request, Resolved, Run, SpecErrors};

use crate::exit::ExitCode;
use crate::fetcher::Remotes;
use crate::inputs::Texts;
use crate::trouble::Trouble;

/// Stops documents that refer to documents that refer to documents: nobody nests them as deep.
const MOST_ROUNDS: usize = 32;

/// Stops documents that refer to ever more others.
const MOST_REMOTES: usize = 1000;

/// The run that is asked for. What was fetched is among the texts then, and in the request.
///
/// # Errors
///
/// Everything that is wrong with the documents, with the request, and between the two; what cannot be fetched.
pub(crate) fn resolve(
    texts: &mut Texts,
    request: &mut Request,
    remotes: &Remotes,
) -> Result<Run, Trouble> {
    for _ in 0..MOST_ROUNDS {
        match spec::read(&texts.sources, request)? {
            Resolved::Run(run) => return Ok(run),
            Resolved::Needs(references) => fetch(&references, texts, request, remotes)?,
        }
    }
    Err(anyhow::anyhow!(crate::exit::Coded::new(
        ExitCode::DocumentInvalid,
        format!("documents refer to documents elsewhere more than {MOST_ROUNDS} deep"),
    ))
    .into())
}

/// Fetches what is referred to; all that cannot be had is said at once.
pub(crate) fn fetch(
    references: &[RemoteRef],
    texts: &mut Texts,
    request: &mut Request,
    remotes: &Remotes,
) -> Result<(), Trouble> {
    if request.remotes.len() + references.len() > MOST_REMOTES {
        return Err(anyhow::anyhow!(crate::exit::Coded::new(
            ExitCode::DocumentInvalid,
            format!("documents refer to more than {MOST_REMOTES} documents elsewhere"),
        ))
        .into());
    }
    let mut problems = Vec::new();
    let mut code = ExitCode::Environment;
    for reference in references {
        match remotes.get(reference) {
            Ok(fetched) => {
                let source = texts.add_remote(&fetched.name, &fetched.text);
                request.remotes.push(Remote {
                    reference: reference.clone(),
                    source,
                    provenance: fetched.provenance,
                });
            }
            Err(not_fetched) => {
                if not_fetched.code == ExitCode::DocumentInvalid {
                    code = ExitCode::DocumentInvalid;
                }
                problems.push(not_fetched.problem);
            }
        }
    }
    match problems.is_empty() {
        true => Ok(()),
        false => Err(Trouble::Document(
            Box::new(SpecErrors::new(texts.sources.clone(), problems)),
            code,
        )),
    }
}
