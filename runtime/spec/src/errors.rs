//! All problems of one run together, each with the text it is in.

use std::collections::HashMap;
use std::error::Error;
use std::fmt;
use std::sync::Arc;

use miette::{Diagnostic, LabeledSpan, NamedSource, SourceCode};

use crate::problem::SpecProblem;
use crate::run::Refused;
use crate::source::Sources;

/// Everything that is wrong, in the order of the files and the lines; what the command line got wrong comes last.
pub struct SpecErrors {
    sources: Sources,
    located: Vec<Located>,
    refused: Option<Box<Refused>>,
}

/// A problem beside its text.
struct Located {
    problem: SpecProblem,
    source: Option<NamedSource<Arc<str>>>,
}

impl SpecErrors {
    /// These problems, which are in these texts.
    pub fn new(sources: Sources, mut problems: Vec<SpecProblem>) -> Self {
        problems.sort_by_key(|problem| (problem.span().is_none(), problem.span()));
        // A node behind an alias is read wherever the alias stands, and says the same thing each time.
        problems.dedup();
        let mut shown = HashMap::new();
        let mut show = |source| {
            let named = shown.entry(source).or_insert_with(|| sources.shown(source));
            named.clone()
        };
        let located = problems
            .into_iter()
            .map(|problem| Located {
                source: problem.span().and_then(|span| show(span.source)),
                problem,
            })
            .collect();
        Self {
            sources,
            located,
            refused: None,
        }
    }

    /// One problem.
    pub fn single(sources: Sources, problem: SpecProblem) -> Self {
        Self::new(sources, vec![problem])
    }

    /// The same, for a run that a controller would have taken and failed at once.
    pub(crate) fn with_refused(mut self, refused: Option<Refused>) -> Self {
        self.refused = refused.map(Box::new);
        self
    }

    /// What a cluster would show, where it would have taken the run and failed it at once.
    pub fn refused(&self) -> Option<&Refused> {
        self.refused.as_deref()
    }

    /// The problems, in order.
    pub fn problems(&self) -> impl Iterator<Item = &SpecProblem> {
        self.located.iter().map(|located| &located.problem)
    }

    /// The texts that the problems are in.
    pub fn sources(&self) -> &Sources {
        &self.sources
    }
}

impl fmt::Debug for SpecErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.problems()).finish()
    }
}

impl fmt::Display for SpecErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.located.len() {
            1 => f.write_str("the run has a problem"),
            count => write!(f, "the run has {count} problems"),
        }
    }
}

impl Error for SpecErrors {}

impl Diagnostic for SpecErrors {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new("spec::invalid"))
    }

    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn Diagnostic> + 'a>> {
        Some(Box::new(
            self.located
                .iter()
                .map(|located| located as &dyn Diagnostic),
        ))
    }
}

impl fmt::Debug for Located {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.problem, f)
    }
}

impl fmt::Display for Located {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.problem, f)
    }
}

impl Error for Located {}

impl Diagnostic for Located {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.problem.code()
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.problem.help()
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        self.problem.labels()
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.source.as_ref().map(|source| source as _)
    }
}
