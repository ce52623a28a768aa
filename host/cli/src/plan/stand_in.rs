//! Stand-ins for params and workspaces that a plan is not given: it shows `<param url>` in the place of the value.
//!
//! Until the plan is drawn, a stand-in is a word that nobody writes: it fits where names have to fit, and where it does
//! not, what is missing is said as a run would say it.

use std::path::PathBuf;

use stepwell_spec::{Outline, Request, SpecErrors};

use crate::validate::placeholder;

/// What the words begin with.
const WORD: &str = "stepwell-plan-stand-in";

/// The stand-ins of one plan: the words, and what is shown for each.
#[derive(Debug, Default)]
pub(super) struct StandIns(Vec<(String, String)>);

impl StandIns {
    /// Adds to `request` what `errors` miss, as far as `outlines` declare it.
    pub(super) fn fill(errors: &SpecErrors, outlines: &[Outline], request: &mut Request) -> Self {
        let mut made = Self::default();
        let missing: Vec<String> = errors.problems().map(ToString::to_string).collect();
        let misses = |message: String| missing.contains(&message);
        let declaring = |one: &&Outline| {
            matches!(
                one.kind.as_str(),
                "Task" | "Pipeline" | "TaskRun" | "PipelineRun"
            )
        };
        for one in outlines.iter().filter(declaring) {
            for param in one.params.iter().filter(|param| param.value.is_none()) {
                let name = &param.name;
                let known = request.params.iter().any(|(given, _)| given == name);
                if !known && misses(format!("the param `{name}` has no value")) {
                    let word = made.word(format!("<param {name}>"));
                    let value = placeholder::value(param, &word);
                    request.params.push((name.clone(), value));
                }
            }
            for workspace in &one.workspaces {
                let name = &workspace.name;
                let known = request.workspaces.iter().any(|(bound, _)| bound == name);
                if !known && misses(format!("nothing is bound to the workspace `{name}`")) {
                    let word = made.word(format!("<workspace {name}>"));
                    request.workspaces.push((name.clone(), PathBuf::from(word)));
                }
            }
        }
        made
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A word that no other begins with.
    fn word(&mut self, shown: String) -> String {
        let word = format!("{WORD}-{}x", self.0.len());
        self.0.push((word.clone(), shown));
        word
    }

    /// The drawn plan with what is shown in the place of the words, each as `escape` writes it in that format.
    pub(super) fn show(&self, plan: String, escape: impl Fn(&str) -> String) -> String {
        let words = self.0.iter();
        words.fold(plan, |plan, (word, shown)| {
            plan.replace(word.as_str(), &escape(shown))
        })
    }
}
