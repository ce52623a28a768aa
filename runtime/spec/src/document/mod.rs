//! Trees of nodes → documents: which kind each is, its metadata, and its spec.
//!
//! Every document of every text is read, so that all mistakes come out together. Which one will run is decided later,
//! and whether it can run here at all.
//!
//! Each kind has a file, and so has each part that several kinds share. What v1beta1 calls otherwise, or keeps in
//! another place, is read into what v1 has for it. A part that only a container could honour is checked against a table
//! (`shape`) and kept as it is written.

pub(crate) mod claim;
pub(crate) mod config_map;
pub(crate) mod container;
pub(crate) mod env;
pub(crate) mod files;
mod kind;
mod list;
pub(crate) mod matrix;
pub(crate) mod metadata;
pub(crate) mod overrides;
pub(crate) mod param;
pub(crate) mod pipeline;
pub(crate) mod pipeline_task;
pub(crate) mod pipelinerun;
pub(crate) mod pod;
pub(crate) mod probe;
pub(crate) mod reference;
pub(crate) mod resources;
pub(crate) mod secret;
pub(crate) mod security;
pub(crate) mod service_account;
pub(crate) mod settings;
mod shape;
pub(crate) mod sidecar;
pub(crate) mod step;
pub(crate) mod step_action;
pub(crate) mod task;
pub(crate) mod taskrun;
pub(crate) mod volume;
pub(crate) mod when;
pub(crate) mod workspace;

use std::sync::Arc;

pub(crate) use kind::Kind;
pub(crate) use list::List;
pub(crate) use metadata::Metadata;

use crate::check;
use crate::document::claim::Claim;
use crate::document::config_map::ConfigMap;
use crate::document::pipeline::PipelineSpec;
use crate::document::pipelinerun::PipelineRunSpec;
use crate::document::secret::Secret;
use crate::document::service_account::ServiceAccount;
use crate::document::step_action::StepActionSpec;
use crate::document::task::TaskSpec;
use crate::document::taskrun::TaskRunSpec;
use crate::errors::SpecErrors;
use crate::fields::Fields;
use crate::outline::is_foreign;
use crate::problem::Problems;
use crate::source::{SourceId, Sources};
use crate::yaml::{self, Node};

/// Every document of some texts.
#[derive(Debug, Default)]
pub struct Documents {
    pub(crate) sources: Sources,
    pub(crate) tasks: List<TaskSpec>,
    pub(crate) runs: List<TaskRunSpec>,
    pub(crate) pipelines: List<PipelineSpec>,
    pub(crate) pipeline_runs: List<PipelineRunSpec>,
    pub(crate) step_actions: List<StepActionSpec>,
    pub(crate) config_maps: List<ConfigMap>,
    pub(crate) secrets: List<Secret>,
    pub(crate) claims: List<Claim>,
    pub(crate) service_accounts: List<ServiceAccount>,
}

/// One document.
#[derive(Debug)]
pub(crate) struct Document<Spec> {
    pub(crate) node: Arc<Node>,
    pub(crate) api_version: String,
    pub(crate) metadata: Metadata,
    pub(crate) spec: Spec,
}

/// Reads every document of `sources`.
///
/// # Errors
///
/// Everything that is wrong with any of them. Use [`crate::read`] to hear at the same time what is wrong with the
/// request.
pub fn parse(sources: &Sources) -> Result<Documents, SpecErrors> {
    let problems = Problems::default();
    let documents = parse_into(sources, sources.ids(), &problems);
    if problems.is_empty() {
        return Ok(documents);
    }
    Err(SpecErrors::new(sources.clone(), problems.into_vec()))
}

/// Reads what can be read of some of `sources`, and notes the rest.
pub(crate) fn parse_into(
    sources: &Sources,
    which: impl IntoIterator<Item = SourceId>,
    problems: &Problems,
) -> Documents {
    let mut documents = Documents {
        sources: sources.clone(),
        ..Documents::default()
    };
    for source in which {
        for node in yaml::read(sources, source, problems) {
            if sources.is_found(source) && is_foreign(&node) {
                continue;
            }
            documents.read(&node, problems);
        }
    }
    documents
}

impl Documents {
    fn read(&mut self, node: &Arc<Node>, problems: &Problems) {
        let Some(fields) = Fields::open(node, "a document", problems) else {
            return;
        };
        let Some((kind, api_version)) = Kind::take(&fields, problems) else {
            return;
        };
        let of_kind = (kind.as_str(), kind.is_run());
        let metadata = Metadata::take(&fields, of_kind, node.span, &self.sources, problems);
        // What is wrong with the spec is said also where there is no name.
        let named = metadata.is_some();
        let document = Document {
            node: Arc::clone(node),
            api_version,
            metadata: metadata.unwrap_or_default(),
            spec: (),
        };
        self.read_kind(kind, document, fields, named, problems);
    }

    fn read_kind(
        &mut self,
        kind: Kind,
        document: Document<()>,
        fields: Fields<'_>,
        named: bool,
        problems: &Problems,
    ) {
        let sources = &self.sources;
        let spec = match kind {
            Kind::Task | Kind::TaskRun | Kind::Pipeline | Kind::PipelineRun | Kind::StepAction => {
                fields.ignore(&["status"]);
                fields.need("spec").map(|entry| &entry.value)
            }
            _ => None,
        };
        /// Puts what was read into its list.
        macro_rules! keep {
            ($list:ident, $spec:expr) => {
                if let Some(spec) = $spec
                    && named
                {
                    self.$list
                        .push(kind, document.with(spec), sources, problems);
                }
            };
        }
        match kind {
            Kind::Task => {
                let spec = spec.and_then(|spec| TaskSpec::read(spec, problems));
                if let Some(spec) = &spec {
                    check::check_task(spec, sources, problems);
                    check::check_references(spec, sources, problems);
                    check_settings(&document.metadata, &spec.step_names(), problems);
                }
                keep!(tasks, spec);
            }
            Kind::TaskRun => {
                let spec = spec.and_then(|spec| TaskRunSpec::read(spec, problems));
                if let Some(spec) = &spec {
                    check::check_task_run(spec, &document.metadata, sources, problems);
                }
                keep!(runs, spec);
            }
            Kind::Pipeline => {
                let spec = spec.and_then(|spec| PipelineSpec::read(spec, problems));
                if let Some(spec) = &spec {
                    check::check_pipeline(spec, false, sources, problems);
                }
                keep!(pipelines, spec);
            }
            Kind::PipelineRun => {
                let spec = spec.and_then(|spec| PipelineRunSpec::read(spec, problems));
                if let Some(spec) = &spec {
                    check::check_pipeline_run(spec, sources, problems);
                }
                keep!(pipeline_runs, spec);
            }
            Kind::StepAction => {
                let spec = spec.and_then(|spec| StepActionSpec::read(spec, problems));
                if let Some(spec) = &spec {
                    let name = document.metadata.title();
                    check::check_step_action(spec, name, sources, problems);
                }
                keep!(step_actions, spec);
            }
            Kind::ConfigMap => {
                let map = ConfigMap::take(&fields, problems);
                check::check_config_map(&map, problems);
                keep!(config_maps, Some(map));
            }
            Kind::Secret => {
                let name = document.metadata.name.as_ref();
                let place = name.map_or(document.node.span, |name| name.span);
                let secret = Secret::take(&fields, place, problems);
                check::check_secret(&secret, problems);
                keep!(secrets, Some(secret));
            }
            Kind::PersistentVolumeClaim => {
                fields.ignore(&["status"]);
                keep!(claims, Some(Claim::take(&fields, problems)));
            }
            Kind::ServiceAccount => {
                keep!(service_accounts, Some(ServiceAccount::take(&fields)));
            }
        }
        fields.finish();
    }
}

/// Notes settings for steps that are not there.
pub(crate) fn check_settings(metadata: &Metadata, steps: &[String], problems: &Problems) {
    let steps: Vec<&str> = steps.iter().map(String::as_str).collect();
    settings::check_steps(&metadata.settings, &steps, problems);
}

impl Document<()> {
    fn with<Spec>(self, spec: Spec) -> Document<Spec> {
        Document {
            node: self.node,
            api_version: self.api_version,
            metadata: self.metadata,
            spec,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_of_others_is_passed_over_where_it_was_found_and_refused_where_it_was_named() {
        let text = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n";
        let mut found = Sources::new();
        found.add_found("kustomization.yaml", text);
        assert!(parse(&found).is_ok());
        let mut named = Sources::new();
        named.add("kustomization.yaml", text);
        assert!(parse(&named).is_err());
    }
}
