//! What is bound to the workspaces of a run: folders, claims, files.

use std::path::PathBuf;
use std::sync::Arc;

use serde_json::{Value as Json, json};

use crate::document::workspace::{Binding, BindingSource};
use crate::fields::Text;
use crate::name;
use crate::problem::RunProblem;
use crate::reference;
use crate::resolve::files::{Files, inside};
use crate::resolve::names;
use crate::resolve::workspaces::bad_substitution;
use crate::run::{File, FileSet, VolumeSource};
use crate::source::Span;
use crate::substitute::is_pending;
use crate::yaml::Node;

/// Something that is bound, under the name that it has for whoever is offered it.
#[derive(Debug, Clone)]
pub(crate) struct Offer {
    pub(crate) name: Arc<str>,
    /// Where a document binds it.
    pub(crate) span: Option<Span>,
    pub(crate) source: VolumeSource,
    /// The claim behind it; empty where there is none.
    pub(crate) claim: String,
    pub(crate) read_only: bool,
    /// Whether the binding refers to results of tasks, so that it has to be made again once they are there.
    pub(crate) waits: bool,
    /// The binding as a TaskRun has it, without a name.
    json: Json,
}

/// Who binds.
pub(crate) struct Binder<'a> {
    pub(crate) files: Files<'a>,
    pub(crate) namespace: &'a str,
    /// The identity of the run, from which the names of its own claims are made.
    pub(crate) uid: &'a str,
}

impl Offer {
    /// A folder of the user's: a cluster has no such folder, and a claim is what comes nearest.
    pub(crate) fn folder(name: &str, path: PathBuf) -> Self {
        Self {
            name: name.into(),
            span: None,
            source: VolumeSource::Folder {
                path,
                sub_path: None,
            },
            claim: String::new(),
            read_only: false,
            waits: false,
            json: json!({"persistentVolumeClaim": {"claimName": name}}),
        }
    }

    /// The same under another name.
    pub(crate) fn renamed(&self, name: &str) -> Self {
        Self {
            name: name.into(),
            ..self.clone()
        }
    }

    /// The folder `sub_path` of it.
    pub(crate) fn below(mut self, sub_path: &str) -> Self {
        if sub_path.is_empty() {
            return self;
        }
        match &mut self.source {
            VolumeSource::Folder { sub_path: own, .. }
            | VolumeSource::Claim { sub_path: own, .. } => {
                *own = Some(joined(own.as_deref(), sub_path));
            }
            VolumeSource::Files(files) => *files = part(files, sub_path),
            // A part of an empty folder is an empty folder.
            VolumeSource::EmptyDir
            | VolumeSource::HostPath { .. }
            | VolumeSource::Cluster { .. } => {}
        }
        let whole = joined(self.json["subPath"].as_str(), sub_path);
        self.json["subPath"] = whole.into();
        self
    }

    /// The binding as a TaskRun or PipelineRun has it.
    pub(crate) fn to_json(&self) -> Json {
        let mut json = self.json.clone();
        json["name"] = (*self.name).into();
        json
    }
}

fn joined(above: Option<&str>, below: &str) -> String {
    match above {
        Some(above) => format!("{above}/{below}"),
        None => below.to_owned(),
    }
}

/// The files below a folder of the set, or the one file of that name.
fn part(files: &FileSet, sub_path: &str) -> Arc<FileSet> {
    let kept = files.files.iter().filter_map(|file| {
        let rest = file.path.strip_prefix(sub_path)?;
        Some(File {
            path: rest.strip_prefix('/')?.to_owned(),
            ..file.clone()
        })
    });
    Arc::new(FileSet {
        files: kept.collect(),
    })
}

impl Binder<'_> {
    /// Everything that a run binds, and the command line beside it.
    pub(crate) fn bind_all(
        &self,
        bindings: &[Binding],
        folders: &[(String, PathBuf)],
    ) -> Vec<Offer> {
        let folder = |name: &str| folders.iter().find(|(flag, _)| flag == name);
        let of_run = bindings.iter().filter_map(|binding| {
            let folder = folder(&binding.name.value).map(|(_, path)| path);
            self.bind(binding, folder)
        });
        let mut offers: Vec<Offer> = of_run.collect();
        for (name, path) in folders {
            if !offers.iter().any(|offer| *offer.name == **name) {
                offers.push(Offer::folder(name, path.clone()));
            }
        }
        offers
    }

    /// What a run binds; `folder` comes from the command line and takes its place.
    pub(crate) fn bind(&self, binding: &Binding, folder: Option<&PathBuf>) -> Option<Offer> {
        let name = binding.name.value.as_str();
        let mut offer = match folder {
            Some(path) => Offer::folder(name, path.clone()),
            None => self.source(binding)?,
        };
        offer.span = Some(binding.span);
        offer.waits = binding.texts().any(|text| is_pending(&text.value));
        match &binding.sub_path {
            Some(text) => Some(offer.below(&self.sub_path(text)?)),
            None => Some(offer),
        }
    }

    fn source(&self, binding: &Binding) -> Option<Offer> {
        let problems = self.files.problems;
        let text = |text: &Text| self.files.scope.text(text, problems);
        let mut claim = String::new();
        let keyed_name = |name: &Option<Text>| name.as_ref().map_or(String::new(), text);
        let (source, json) = match &binding.source {
            BindingSource::EmptyDir => (VolumeSource::EmptyDir, json!({"emptyDir": {}})),
            BindingSource::Claim { name, .. } => {
                claim = text(name);
                if reference::is_in(&name.value) && !name::OBJECT.allows(&claim) {
                    problems.push(RunProblem::BadSubstitution {
                        text: name.value.clone(),
                        value: claim.clone(),
                        field: "claimName",
                        expected: "the name of a claim".to_owned(),
                        span: name.span,
                    });
                }
                (
                    self.claim(&claim, false),
                    json!({"persistentVolumeClaim": {"claimName": claim}}),
                )
            }
            BindingSource::ClaimTemplate(node) => {
                claim = self.made_claim(node, &binding.name.value);
                (
                    self.claim(&claim, true),
                    json!({"persistentVolumeClaim": {"claimName": claim}}),
                )
            }
            BindingSource::ConfigMap(files) => (
                VolumeSource::Files(self.files.config_map(files)),
                json!({"configMap": {"name": keyed_name(&files.name)}}),
            ),
            BindingSource::Secret(files) => (
                VolumeSource::Files(self.files.secret(files)),
                json!({"secret": {"secretName": keyed_name(&files.name)}}),
            ),
            BindingSource::Projected(projected) => (
                VolumeSource::Files(self.files.projected(projected)),
                json!({"projected": {}}),
            ),
            BindingSource::Cluster { field, span } => (
                VolumeSource::Cluster {
                    what: field,
                    span: *span,
                },
                json!({(*field): {}}),
            ),
        };
        Some(Offer {
            name: binding.name.value.as_str().into(),
            span: Some(binding.span),
            source,
            claim,
            read_only: binding.source.is_read_only(),
            waits: false,
            json,
        })
    }

    fn claim(&self, name: &str, of_run: bool) -> VolumeSource {
        VolumeSource::Claim {
            name: name.into(),
            namespace: self.namespace.into(),
            of_run,
            sub_path: None,
        }
    }

    /// The name of a claim that is made for the run alone.
    pub(crate) fn made_claim(&self, template: &Node, of: &str) -> String {
        let json = template.to_json();
        let prefix = json["metadata"]["name"].as_str().unwrap_or("pvc");
        let uid = names::uid(self.uid, of);
        format!("{prefix}-{}", uid.replace('-', "").get(..10).unwrap_or(""))
    }

    /// A relative path; `None`, and a problem, where it would leave the folder.
    pub(crate) fn sub_path(&self, text: &Text) -> Option<String> {
        let problems = self.files.problems;
        let path = self.files.scope.text(text, problems);
        if path.split('/').all(|part| matches!(part, "" | ".")) && !path.starts_with('/') {
            return Some(String::new());
        }
        let usable = inside(&path);
        if usable.is_none() {
            let expected = "a relative path without `..`";
            bad_substitution(text, &path, "subPath", expected, problems);
        }
        usable
    }
}
