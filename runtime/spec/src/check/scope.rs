//! What a document declares, to be looked up for every reference in it.

use std::collections::{HashMap, HashSet};

use crate::document::param::ParamDecl;
use crate::fields::Text;
use crate::nearest::suggest;

/// What references in a document can refer to.
pub(super) struct Declared<'a> {
    /// `the Task`, for messages.
    pub(super) owner: &'static str,
    pub(super) params: HashMap<&'a str, &'a ParamDecl>,
    /// `None` where they are somebody else's to declare.
    workspaces: Option<HashSet<&'a str>>,
}

impl<'a> Declared<'a> {
    /// What `owner` declares.
    pub(super) fn new(
        owner: &'static str,
        params: &'a [ParamDecl],
        workspaces: Option<impl IntoIterator<Item = &'a Text>>,
    ) -> Self {
        let names = params.iter().map(|param| param.name.value.as_str());
        Self {
            owner,
            params: names.zip(params).collect(),
            workspaces: workspaces.map(|names| {
                let names = names.into_iter();
                names.map(|name| name.value.as_str()).collect()
            }),
        }
    }

    /// Whether a workspace called so is surely not there.
    pub(super) fn lacks_workspace(&self, name: &str) -> bool {
        let declared = self.workspaces.as_ref();
        declared.is_some_and(|declared| !declared.contains(name))
    }

    /// Which workspace may have been meant by `name`.
    pub(super) fn suggest_workspace(&self, name: &str) -> String {
        let known = sorted(self.workspaces.iter().flatten().copied());
        suggest(name, &known, "workspaces")
    }
}

/// Names in order, for a help line: a set has none of its own.
pub(super) fn sorted<'a>(names: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let mut names: Vec<&str> = names.into_iter().collect();
    names.sort_unstable();
    names
}
