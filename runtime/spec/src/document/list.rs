//! The documents of one kind, in the order read, and found by name.

use std::collections::HashMap;
use std::sync::Arc;

use super::{Document, Kind};
use crate::problem::{FieldProblem, Problems};
use crate::source::Sources;

/// The documents of one kind.
#[derive(Debug)]
pub(crate) struct List<Spec> {
    documents: Vec<Arc<Document<Spec>>>,
    /// By title: the name, or the prefix of a name as it is written.
    by_title: HashMap<String, usize>,
}

impl<Spec> Default for List<Spec> {
    fn default() -> Self {
        Self {
            documents: Vec::new(),
            by_title: HashMap::new(),
        }
    }
}

impl<Spec> List<Spec> {
    /// The document with this name, or with this prefix of a name.
    pub(crate) fn find(&self, title: &str) -> Option<&Arc<Document<Spec>>> {
        self.documents.get(*self.by_title.get(title)?)
    }

    /// All of them.
    pub(crate) fn as_slice(&self) -> &[Arc<Document<Spec>>] {
        &self.documents
    }

    /// All of them, one by one.
    pub(crate) fn iter(&self) -> std::slice::Iter<'_, Arc<Document<Spec>>> {
        self.documents.iter()
    }

    /// What each is called.
    pub(crate) fn titles(&self) -> Vec<&str> {
        self.iter()
            .map(|document| document.metadata.title())
            .collect()
    }

    /// Adds a document. A name that is taken is noted; the first one keeps it.
    pub(super) fn push(
        &mut self,
        kind: Kind,
        document: Document<Spec>,
        sources: &Sources,
        problems: &Problems,
    ) {
        let title = document.metadata.title();
        let first = self.by_title.get(title).map(|at| &self.documents[*at]);
        let first = first.and_then(|first| first.metadata.name.as_ref());
        if let (Some(first), Some(second)) = (first, &document.metadata.name) {
            let same_file = first.span.source == second.span.source;
            let help = match same_file {
                true => "give one of them another name".to_owned(),
                false => {
                    let (line, column) = sources.line_and_column(first.span);
                    let file = sources.name(first.span.source);
                    format!(
                        "the first one is at {file}:{line}:{column}; give one of them another name"
                    )
                }
            };
            problems.push(FieldProblem::DuplicateName {
                what: kind.plural(),
                name: second.value.clone(),
                help,
                span: second.span,
                first: Some(first.span).filter(|_| same_file),
            });
        }
        if !title.is_empty() {
            let at = self.documents.len();
            self.by_title.entry(title.to_owned()).or_insert(at);
        }
        self.documents.push(Arc::new(document));
    }
}
