//! `stepwell validate`: everything that can be known of documents without running them.
//!
//! Every document is read, and everything that can be run is resolved as if it were: a run with what it gives, a Task or
//! a Pipeline by itself with stand-ins for what it does not default ([`placeholder`]). Then the code of the steps is found
//! and asked what it needs.

mod code;
pub(crate) mod placeholder;
mod show;

use stepwell_spec::{
    self as spec, Outline, Request, Resolved, Run, SpecErrors, SpecProblem, outline,
};

use crate::args::{ListOutput, ValidateArgs};
use crate::config;
use crate::environment::Environment;
use crate::exit::ExitCode;
use crate::fetcher::Remotes;
use crate::identity::identity;
use crate::images::Finder;
use crate::inputs::{self, Texts};
use crate::resolve::fetch;
use crate::text::print;
use crate::trouble::Trouble;

/// How often the documents are read again where some of them cannot be read: each time shows what else is wrong with one
/// more of those that can be run.
const MOST_AGAIN: usize = 64;

/// How deep documents may refer to others that have to be fetched.
const MOST_ROUNDS: usize = 32;

/// Says all that is wrong.
///
/// # Errors
///
/// All that is wrong, for a person; what keeps Stepwell from looking.
pub(crate) fn validate(args: &ValidateArgs, env: &Environment) -> Result<ExitCode, Trouble> {
    let documents = &args.documents;
    let texts = inputs::read(&documents.files, env)?;
    let config = config::load_for(documents, &texts)?;
    let remotes = Remotes::new(env, &config, &texts, documents.offline)?;
    let outlines: Vec<_> = outline(&texts.sources)
        .into_iter()
        .filter(|one| one.known)
        .collect();
    let mut check = Check {
        texts,
        remotes,
        found: Vec::new(),
        runs: Vec::new(),
        only_environment: true,
    };
    check.documents(&outlines)?;
    let mut notes = Vec::new();
    if !args.no_images && !check.runs.is_empty() {
        let finder =
            Finder::new(&check.texts, config.substitutions).knowing(check.remotes.described());
        let mut looked = code::look(&check.runs, &finder, env)?;
        check.only_environment &= looked.problems.is_empty();
        check.found.append(&mut looked.problems);
        notes = looked.containers;
    }
    let Check {
        texts,
        found,
        only_environment,
        ..
    } = check;
    let errors = SpecErrors::new(texts.sources, found);
    if args.format.output == ListOutput::Json {
        print(&show::json(&errors)?)?;
    }
    let valid = errors.problems().next().is_none();
    match (valid, args.format.output) {
        (true, ListOutput::Json) => Ok(ExitCode::Success),
        (true, ListOutput::Pretty) => {
            print(&show::summary(&outlines, &notes))?;
            Ok(ExitCode::Success)
        }
        (false, output) => {
            let code = match only_environment {
                true => ExitCode::Environment,
                false => ExitCode::DocumentInvalid,
            };
            match output {
                ListOutput::Json => Ok(code),
                ListOutput::Pretty => Err(Trouble::Invalid(Box::new(errors), code)),
            }
        }
    }
}

struct Check {
    texts: Texts,
    remotes: Remotes,
    found: Vec<SpecProblem>,
    runs: Vec<Run>,
    /// Whether all that was found is that documents cannot be fetched here.
    only_environment: bool,
}

impl Check {
    fn documents(&mut self, outlines: &[Outline]) -> Result<(), Trouble> {
        let runnable = outlines.iter().filter(|one| one.is_runnable());
        let readable = match spec::parse(&self.texts.sources) {
            Ok(documents) => Some(documents),
            Err(errors) => {
                self.note(&errors, &Request::default());
                None
            }
        };
        let again = match readable {
            Some(_) => usize::MAX,
            None => MOST_AGAIN,
        };
        for one in runnable.take(again) {
            let mut request = Request {
                identity: identity()?,
                ..placeholder::request(one)
            };
            let resolve = |request: &Request| match &readable {
                Some(documents) => spec::resolve(documents, request),
                None => spec::read(&self.texts.sources, request),
            };
            let mut resolved = resolve(&request);
            if let Err(errors) = &resolved
                && placeholder::lengthen(errors, &mut request)
            {
                resolved = resolve(&request);
            }
            self.resolved(resolved, &mut request)?;
        }
        Ok(())
    }

    fn resolved(
        &mut self,
        mut resolved: Result<Resolved, SpecErrors>,
        request: &mut Request,
    ) -> Result<(), Trouble> {
        for _ in 0..MOST_ROUNDS {
            let references = match resolved {
                Ok(Resolved::Run(run)) => {
                    self.runs.push(run);
                    return Ok(());
                }
                Ok(Resolved::Needs(references)) => references,
                Err(errors) => {
                    self.note(&errors, request);
                    return Ok(());
                }
            };
            // What it refers to through a stand-in is nobody's to fetch.
            if references.iter().any(placeholder::is_in_reference) {
                return Ok(());
            }
            match fetch(&references, &mut self.texts, request, &self.remotes) {
                Ok(()) => {}
                Err(Trouble::Document(errors, code)) => {
                    self.only_environment &= code == ExitCode::Environment;
                    self.found.extend(errors.problems().cloned());
                    return Ok(());
                }
                Err(trouble) => return Err(trouble),
            }
            resolved = spec::read(&self.texts.sources, request);
        }
        Ok(())
    }

    fn note(&mut self, errors: &SpecErrors, request: &Request) {
        let problems = errors
            .problems()
            .filter(|problem| !placeholder::is_in(problem, request));
        for problem in problems {
            self.only_environment = false;
            self.found.push(problem.clone());
        }
    }
}
