//! Every document that a run can refer to: those of the files, and those that were fetched.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Value as Json;

use crate::document::config_map::ConfigMap;
use crate::document::pipeline::PipelineSpec;
use crate::document::reference::Ref;
use crate::document::secret::Secret;
use crate::document::step_action::StepActionSpec;
use crate::document::task::TaskSpec;
use crate::document::{Document, Documents, List, parse_into};
use crate::fields::Text;
use crate::nearest::suggest;
use crate::problem::{Problems, RunProblem};
use crate::request::Request;
use crate::run::{COMPONENT_RESOLVER, RemoteKind, RemoteRef};
use crate::source::{SourceId, Sources};
use crate::substitute::Scope;
use crate::value;

/// The documents.
#[derive(Debug, Clone)]
pub(crate) struct Library {
    pub(crate) sources: Sources,
    tasks: ByName<TaskSpec>,
    pipelines: ByName<PipelineSpec>,
    step_actions: ByName<StepActionSpec>,
    config_maps: ByName<ConfigMap>,
    secrets: ByName<Secret>,
    fetched: HashMap<String, Fetched>,
    /// Every value of every Secret that is a text.
    pub(crate) secret_texts: Arc<[Arc<str>]>,
}

type ByName<Spec> = HashMap<String, Arc<Document<Spec>>>;

/// A document that was fetched.
#[derive(Debug, Clone)]
struct Fetched {
    document: Fetchable,
    provenance: Arc<Json>,
}

/// Documents of the kinds that can be fetched.
#[derive(Debug, Clone)]
pub(crate) enum Fetchable {
    Task(Arc<Document<TaskSpec>>),
    Pipeline(Arc<Document<PipelineSpec>>),
    StepAction(Arc<Document<StepActionSpec>>),
}

/// A document that a reference leads to, and where it came from if not from the files.
pub(crate) struct Looked<Spec> {
    pub(crate) document: Arc<Document<Spec>>,
    pub(crate) provenance: Option<Arc<Json>>,
    /// Whether it was made of a component, which has no use for a param that it does not declare.
    pub(crate) of_component: bool,
}

/// Why a reference leads nowhere.
pub(crate) enum Nowhere {
    /// The document has to be fetched.
    Needs(Box<RemoteRef>),
    /// There is none; a problem says so.
    Missing,
}

/// A kind of document that references lead to.
pub(crate) trait Referable: Sized {
    const KIND: RemoteKind;
    fn by_name(library: &Library) -> &ByName<Self>;
    fn fetched(fetched: &Fetchable) -> Option<&Arc<Document<Self>>>;
}

macro_rules! referable {
    ($spec:ident, $kind:ident, $list:ident) => {
        impl Referable for $spec {
            const KIND: RemoteKind = RemoteKind::$kind;

            fn by_name(library: &Library) -> &ByName<Self> {
                &library.$list
            }

            fn fetched(fetched: &Fetchable) -> Option<&Arc<Document<Self>>> {
                match fetched {
                    Fetchable::$kind(document) => Some(document),
                    _ => None,
                }
            }
        }
    };
}
referable!(TaskSpec, Task, tasks);
referable!(PipelineSpec, Pipeline, pipelines);
referable!(StepActionSpec, StepAction, step_actions);

fn by_name<Spec>(list: &List<Spec>) -> ByName<Spec> {
    let mut found = HashMap::new();
    for document in list.iter() {
        if let Some(name) = &document.metadata.name {
            found
                .entry(name.value.clone())
                .or_insert_with(|| Arc::clone(document));
        }
    }
    found
}

/// The values of Secrets that are texts, without those too short to mean anything.
fn secret_texts(secrets: &List<Secret>) -> Arc<[Arc<str>]> {
    let values = secrets
        .iter()
        .flat_map(|secret| secret.spec.values.values());
    let mut texts: Vec<Arc<str>> = values
        .filter_map(|bytes| std::str::from_utf8(bytes).ok())
        .filter(|text| !text.trim().is_empty())
        .map(Arc::from)
        .collect();
    texts.sort_unstable();
    texts.dedup();
    texts.into()
}

impl Library {
    /// What `documents` hold, with what was fetched for the request.
    pub(crate) fn new(documents: &Documents, request: &Request, problems: &Problems) -> Self {
        let mut library = Self {
            sources: documents.sources.clone(),
            tasks: by_name(&documents.tasks),
            pipelines: by_name(&documents.pipelines),
            step_actions: by_name(&documents.step_actions),
            config_maps: by_name(&documents.config_maps),
            secrets: by_name(&documents.secrets),
            fetched: HashMap::new(),
            secret_texts: secret_texts(&documents.secrets),
        };
        for remote in &request.remotes {
            let provenance = Arc::clone(&remote.provenance);
            library.take(&remote.reference, remote.source, provenance, problems);
        }
        library
    }

    /// Reads the text `source`, which was fetched for `reference`.
    pub(crate) fn take(
        &mut self,
        reference: &RemoteRef,
        source: SourceId,
        provenance: Arc<Json>,
        problems: &Problems,
    ) {
        let documents = parse_into(&self.sources, [source], problems);
        let document = match reference.kind {
            RemoteKind::Task => only(&documents.tasks).map(Fetchable::Task),
            RemoteKind::Pipeline => only(&documents.pipelines).map(Fetchable::Pipeline),
            RemoteKind::StepAction => only(&documents.step_actions).map(Fetchable::StepAction),
        };
        match document {
            Some(document) => {
                let fetched = Fetched {
                    document,
                    provenance,
                };
                self.fetched.insert(key(reference), fetched);
            }
            None => problems.push(RunProblem::DocumentNotFound {
                kind: reference.kind.as_str(),
                name: self.sources.name(source).to_owned(),
                help: "what is fetched must hold a single document of this kind".to_owned(),
                span: reference.span,
            }),
        }
    }

    /// What `reference` leads to. Its texts are filled in by `scope`.
    pub(crate) fn look_up<Spec: Referable>(
        &self,
        reference: &Ref,
        scope: &Scope<'_>,
        problems: &Problems,
    ) -> Result<Looked<Spec>, Nowhere> {
        let kind = Spec::KIND.as_str();
        let Some(resolver) = &reference.resolver else {
            let Some(text) = &reference.name else {
                return Err(Nowhere::Missing);
            };
            let name = scope.text(text, problems);
            return match Spec::by_name(self).get(&name) {
                Some(document) => Ok(Looked {
                    document: Arc::clone(document),
                    provenance: None,
                    of_component: false,
                }),
                None => {
                    problems.push(self.not_found::<Spec>(&name, text));
                    Err(Nowhere::Missing)
                }
            };
        };
        let params = reference.params.iter().map(|param| {
            let value = scope.value(&param.value, problems);
            (param.name.value.clone(), value)
        });
        let wanted = RemoteRef {
            kind: Spec::KIND,
            resolver: scope.text(resolver, problems),
            params: params.collect(),
            span: reference.span,
        };
        if let Some(found) = self.fetched.get(&key(&wanted))
            && let Some(document) = Spec::fetched(&found.document)
        {
            return Ok(Looked {
                document: Arc::clone(document),
                provenance: Some(Arc::clone(&found.provenance)),
                of_component: wanted.resolver == COMPONENT_RESOLVER,
            });
        }
        if matches!(wanted.resolver.as_str(), "hub" | "cluster") {
            problems.push(RunProblem::ResolverNotSupported {
                resolver: wanted.resolver,
                kind,
                span: resolver.span,
            });
            return Err(Nowhere::Missing);
        }
        Err(Nowhere::Needs(Box::new(wanted)))
    }

    fn not_found<Spec: Referable>(&self, name: &str, text: &Text) -> RunProblem {
        let mut known: Vec<&str> = Spec::by_name(self).keys().map(String::as_str).collect();
        known.sort_unstable();
        let name = name.to_owned();
        match Spec::KIND {
            RemoteKind::Task => RunProblem::TaskNotFound {
                help: suggest(&name, &known, "Tasks in these files"),
                name,
                span: text.span,
            },
            RemoteKind::Pipeline => RunProblem::DocumentNotFound {
                kind: "Pipeline",
                help: suggest(&name, &known, "Pipelines in these files"),
                name,
                span: text.span,
            },
            RemoteKind::StepAction => RunProblem::DocumentNotFound {
                kind: "StepAction",
                help: suggest(&name, &known, "StepActions in these files"),
                name,
                span: text.span,
            },
        }
    }

    /// The ConfigMap of this name.
    pub(crate) fn config_map(&self, name: &str) -> Option<&ConfigMap> {
        self.config_maps.get(name).map(|document| &document.spec)
    }

    /// The Secret of this name.
    pub(crate) fn secret(&self, name: &str) -> Option<&Secret> {
        self.secrets.get(name).map(|document| &document.spec)
    }

    /// What one could have meant by the name of a ConfigMap or a Secret.
    pub(crate) fn suggest_source(&self, secret: bool, name: &str) -> String {
        let mut known: Vec<&str> = match secret {
            true => self.secrets.keys().map(String::as_str).collect(),
            false => self.config_maps.keys().map(String::as_str).collect(),
        };
        known.sort_unstable();
        let what = match secret {
            true => "Secrets in these files",
            false => "ConfigMaps in these files",
        };
        suggest(name, &known, what)
    }
}

/// The only document of a list.
fn only<Spec>(list: &List<Spec>) -> Option<Arc<Document<Spec>>> {
    match list.as_slice() {
        [document] => Some(Arc::clone(document)),
        _ => None,
    }
}

/// References that are the same have the same key.
fn key(reference: &RemoteRef) -> String {
    let params: Json = reference
        .params
        .iter()
        .map(|(name, value)| serde_json::json!([name, value::to_json(value)]))
        .collect();
    let (kind, resolver) = (reference.kind.as_str(), &reference.resolver);
    match reference.starts_from() {
        Some(source) => format!("{kind} {resolver} {params} {source:?}"),
        None => format!("{kind} {resolver} {params}"),
    }
}
