//! References to documents: by name, or with a resolver.

use std::sync::Arc;

use stepwell_contract::ParamValue;

use crate::document::param::{self, GivenParam};
use crate::fields::{At, Fields, Text};
use crate::problem::{FieldProblem, Problems};
use crate::source::Span;
use crate::yaml::Node;

/// `taskRef`, `pipelineRef` or a step's `ref`. It has a name or a resolver, and a bundle is a resolver here.
#[derive(Debug, Clone)]
pub(crate) struct Ref {
    pub(crate) span: Span,
    pub(crate) name: Option<Text>,
    pub(crate) kind: Option<Text>,
    pub(crate) api_version: Option<Text>,
    pub(crate) resolver: Option<Text>,
    /// For the resolver.
    pub(crate) params: Vec<GivenParam>,
}

impl Ref {
    /// Reads `taskRef`.
    pub(crate) fn read_task(node: &Arc<Node>, problems: &Problems) -> Option<Self> {
        Self::read(node, "a reference to a Task", "task", problems)
    }

    /// Reads `pipelineRef`.
    pub(crate) fn read_pipeline(node: &Arc<Node>, problems: &Problems) -> Option<Self> {
        Self::read(node, "a reference to a Pipeline", "pipeline", problems)
    }

    /// Reads a step's `ref`.
    pub(crate) fn read_step_action(node: &Arc<Node>, problems: &Problems) -> Option<Self> {
        Self::read(node, "a reference to a StepAction", "stepaction", problems)
    }

    /// `bundled` is what a bundle calls such a document.
    fn read(
        node: &Arc<Node>,
        owner: &'static str,
        bundled: &'static str,
        problems: &Problems,
    ) -> Option<Self> {
        let fields = Fields::open(node, owner, problems)?;
        let mut reference = Self {
            span: fields.span(),
            name: fields.word("name"),
            kind: fields.word("kind"),
            api_version: fields.word("apiVersion"),
            resolver: fields.word("resolver"),
            params: param::given(&fields),
        };
        let bundle = fields.word("bundle");
        fields.finish();
        let exactly_one = |found: &str, span| {
            problems.push(FieldProblem::ExactlyOne {
                owner,
                found: found.to_owned(),
                choices: "`name` and `resolver`",
                help: "`name` is for a document of the given files, `resolver` and its `params` for one from elsewhere",
                span,
            });
        };
        match (&reference.name, &reference.resolver, bundle) {
            (_, Some(resolver), Some(_)) => {
                exactly_one("both `resolver` and `bundle`", resolver.span);
            }
            (Some(name), Some(_), None) => exactly_one("both `name` and `resolver`", name.span),
            (None, None, Some(bundle)) => exactly_one("`bundle` and no `name`", bundle.span),
            (None, None, None) if reference.is_custom() => {}
            (None, None, None) => {
                exactly_one("neither `name` nor `resolver`", reference.span);
                return None;
            }
            (Some(name), None, None) => {
                if let Some(param) = reference.params.first() {
                    exactly_one("`params` and no `resolver`", param.name.span);
                }
                let _ = name;
            }
            (None, Some(_), None) => {}
            (Some(_), None, Some(bundle)) => reference.resolve_bundle(bundle, bundled),
        }
        Some(reference)
    }

    /// Writes v1beta1's `bundle` as what v1 has for it: the resolver `bundles` and its params.
    fn resolve_bundle(&mut self, bundle: Text, kind: &str) {
        let Some(name) = self.name.take() else {
            return;
        };
        let at = |value: &str, span| At {
            value: value.to_owned(),
            span,
        };
        let param = |key: &str, value: Text| GivenParam {
            name: at(key, value.span),
            value: At {
                span: value.span,
                value: ParamValue::String(value.value),
            },
        };
        let span = bundle.span;
        self.resolver = Some(at("bundles", span));
        self.params = vec![
            param("bundle", bundle),
            param("name", name),
            param("kind", at(kind, span)),
        ];
    }

    /// Whether it is about something that is none of Tekton's own kinds, which a controller of its own runs.
    pub(crate) fn is_custom(&self) -> bool {
        let foreign =
            |version: &Text| !version.value.starts_with("tekton.dev/") && !version.value.is_empty();
        self.api_version.as_ref().is_some_and(foreign)
    }

    /// The texts in which references are filled in.
    pub(crate) fn texts(&self) -> impl Iterator<Item = &Text> {
        self.name.iter().chain(&self.resolver)
    }
}
