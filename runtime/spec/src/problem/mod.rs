//! What an author can get wrong: one enum for each stage that finds it, one type over all of them.
//!
//! Every problem has a stable code `spec::…`, a place where it has one, and a help line that names the mend.

mod field;
mod here;
mod image;
mod pipeline;
mod request;
mod run;
mod syntax;
mod task;

use std::cell::RefCell;
use std::fmt;

use miette::{Diagnostic, LabeledSpan};
use stepwell_contract::event::Verdict;

pub(crate) use field::FieldProblem;
pub(crate) use here::HereProblem;
pub(crate) use image::ImageProblem;
pub(crate) use pipeline::PipelineProblem;
pub(crate) use request::RequestProblem;
pub(crate) use run::RunProblem;
pub(crate) use syntax::SyntaxProblem;
pub(crate) use task::TaskProblem;

use crate::source::Span;
use crate::substitute::is_pending;

/// Declares an enum of problems that all have a `span`.
macro_rules! problems {
    ($(#[$meta:meta])* $name:ident {
        $($(#[$variant_meta:meta])* $variant:ident { $($(#[$field_meta:meta])* $field:ident: $type:ty,)* })*
    }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, miette::Diagnostic)]
        pub(crate) enum $name {
            $($(#[$variant_meta])* $variant { $($(#[$field_meta])* $field: $type,)* },)*
        }

        impl $name {
            /// Where it is.
            pub(crate) fn span(&self) -> $crate::source::Span {
                match self {
                    $(Self::$variant { span, .. } => *span,)*
                }
            }
        }
    };
}
pub(crate) use problems;

/// One thing wrong with a document or with what was asked of it.
#[derive(Clone, PartialEq, Eq)]
pub struct SpecProblem(Kind);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Kind {
    Syntax(SyntaxProblem),
    Field(FieldProblem),
    Task(TaskProblem),
    Pipeline(PipelineProblem),
    Run(RunProblem),
    Request(RequestProblem),
    Image(ImageProblem),
    Here(HereProblem),
}

impl SpecProblem {
    fn inner(&self) -> &(dyn Diagnostic + 'static) {
        match &self.0 {
            Kind::Syntax(problem) => problem,
            Kind::Field(problem) => problem,
            Kind::Task(problem) => problem,
            Kind::Pipeline(problem) => problem,
            Kind::Run(problem) => problem,
            Kind::Request(problem) => problem,
            Kind::Image(problem) => problem,
            Kind::Here(problem) => problem,
        }
    }

    /// The text that is wrong, where it was made by filling in references.
    fn made(&self) -> Option<&str> {
        match &self.0 {
            Kind::Run(problem) => problem.made(),
            Kind::Task(TaskProblem::BadMountPath { path, .. }) => Some(path),
            _ => None,
        }
    }

    /// Where it is; `None` for what the command line got wrong.
    pub fn span(&self) -> Option<Span> {
        match &self.0 {
            Kind::Syntax(problem) => Some(problem.span()),
            Kind::Field(problem) => Some(problem.span()),
            Kind::Task(problem) => Some(problem.span()),
            Kind::Pipeline(problem) => Some(problem.span()),
            Kind::Run(problem) => Some(problem.span()),
            Kind::Request(_) => None,
            Kind::Image(problem) => Some(problem.span()),
            Kind::Here(problem) => Some(problem.span()),
        }
    }
}

macro_rules! from {
    ($($kind:ident($problem:ident)),*) => {
        $(impl From<$problem> for SpecProblem {
            fn from(problem: $problem) -> Self {
                Self(Kind::$kind(problem))
            }
        })*
    };
}
from!(
    Syntax(SyntaxProblem),
    Field(FieldProblem),
    Task(TaskProblem),
    Pipeline(PipelineProblem),
    Run(RunProblem),
    Request(RequestProblem),
    Image(ImageProblem),
    Here(HereProblem)
);

impl fmt::Debug for SpecProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl fmt::Display for SpecProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.inner(), f)
    }
}

impl std::error::Error for SpecProblem {}

impl Diagnostic for SpecProblem {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.inner().code()
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.inner().help()
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        self.inner().labels()
    }
}

/// Stops a file that is nothing but mistakes from costing more than it is worth: nobody reads them all.
const MOST_PROBLEMS: usize = 1000;

/// Where the stages put what they find, so that one mistake does not hide the next.
#[derive(Debug, Default)]
pub(crate) struct Problems {
    found: RefCell<Vec<SpecProblem>>,
    refused: RefCell<Option<Verdict>>,
}

impl Problems {
    pub(crate) fn push(&self, problem: impl Into<SpecProblem>) {
        let mut problems = self.found.borrow_mut();
        if problems.len() < MOST_PROBLEMS {
            problems.push(problem.into());
        } else if problems.len() == MOST_PROBLEMS
            && let Some(span) = problem.into().span()
        {
            problems.push(
                SyntaxProblem::TooMany {
                    limit: MOST_PROBLEMS,
                    span,
                }
                .into(),
            );
        }
    }

    /// Notes what a controller would say that had taken the run. What was said first stays.
    pub(crate) fn refuse(&self, verdict: Verdict) {
        self.refused.borrow_mut().get_or_insert(verdict);
    }

    /// What a controller would say, where it would have taken the run.
    pub(crate) fn refused(&self) -> Option<Verdict> {
        self.refused.borrow().clone()
    }

    /// Hands everything over to `others`, with what a controller would say in other words.
    pub(crate) fn pour(self, others: &Self, say: impl FnOnce(Verdict) -> Verdict) {
        if let Some(verdict) = self.refused.into_inner() {
            others.refuse(say(verdict));
        }
        self.found
            .into_inner()
            .into_iter()
            .for_each(|problem| others.push(problem));
    }

    /// Hands over to `others` what will stay wrong, whatever tasks write into their results.
    pub(crate) fn pour_settled(self, others: &Self) {
        if let Some(verdict) = self.refused.into_inner() {
            others.refuse(verdict);
        }
        let found = self.found.into_inner().into_iter();
        let settled = found.filter(|problem| !problem.made().is_some_and(is_pending));
        settled.for_each(|problem| others.push(problem));
    }

    /// The first problem in its own words.
    pub(crate) fn first_message(&self) -> String {
        let found = self.found.borrow();
        found.first().map_or_else(String::new, ToString::to_string)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.found.borrow().is_empty()
    }

    /// Whether no more of them are kept, so that finding words for another is in vain.
    pub(crate) fn is_full(&self) -> bool {
        self.found.borrow().len() > MOST_PROBLEMS
    }

    pub(crate) fn into_vec(self) -> Vec<SpecProblem> {
        self.found.into_inner()
    }
}
