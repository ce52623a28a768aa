//! A Task's spec as it is written: declarations and steps, typed, every part with its place.
//!
//! Nothing is substituted and nothing is looked up here; [`crate::check`] says what does not fit together.

use std::sync::Arc;
use std::time::Duration;

use stepwell_contract::{ParamType, ParamValue};

use crate::document::settings::read_memory;
use crate::duration;
use crate::fields::{At, Fields, Text, entries};
use crate::problem::{FieldProblem, Problems};
use crate::source::Span;
use crate::value;
use crate::yaml::{Node, Value};

/// A Task's spec.
#[derive(Debug)]
pub(crate) struct TaskSpec {
    pub(crate) node: Arc<Node>,
    pub(crate) params: Vec<ParamDecl>,
    pub(crate) results: Vec<ResultDecl>,
    pub(crate) workspaces: Vec<WorkspaceDecl>,
    /// With `stepTemplate` merged in.
    pub(crate) steps: Vec<StepDecl>,
}

/// A declared param.
#[derive(Debug)]
pub(crate) struct ParamDecl {
    pub(crate) name: Text,
    pub(crate) param_type: ParamType,
    /// The keys of an object.
    pub(crate) properties: Vec<Text>,
    pub(crate) default: Option<At<ParamValue>>,
    /// The values that a string may have; empty for any.
    pub(crate) allowed: Vec<Text>,
}

/// A declared result.
#[derive(Debug)]
pub(crate) struct ResultDecl {
    pub(crate) name: Text,
    pub(crate) result_type: ParamType,
    pub(crate) properties: Vec<Text>,
}

/// A declared workspace.
#[derive(Debug)]
pub(crate) struct WorkspaceDecl {
    pub(crate) name: Text,
    pub(crate) mount_path: Option<Text>,
    pub(crate) read_only: bool,
    pub(crate) optional: bool,
}

/// A step.
#[derive(Debug, Clone, Default)]
pub(crate) struct StepDecl {
    /// Where it starts.
    pub(crate) span: Option<Span>,
    /// Whether it takes its code from elsewhere (`ref`), which is refused.
    pub(crate) by_reference: bool,
    pub(crate) name: Option<Text>,
    pub(crate) image: Option<Text>,
    pub(crate) command: Vec<Text>,
    pub(crate) args: Vec<Text>,
    pub(crate) script: Option<Text>,
    pub(crate) working_dir: Option<Text>,
    pub(crate) env: Vec<EnvDecl>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) on_error: Option<Text>,
    pub(crate) memory: Option<u64>,
}

/// An environment variable of a step.
#[derive(Debug, Clone)]
pub(crate) struct EnvDecl {
    pub(crate) name: Text,
    pub(crate) value: Text,
}

impl TaskSpec {
    /// Reads a spec. `None`, and a problem, where it is no mapping.
    pub(crate) fn read(node: &Arc<Node>, problems: &Problems) -> Option<Self> {
        let fields = Fields::open(node, "a Task's spec", problems)?;
        fields.ignore(&["displayName", "description"]);
        fields.refuse(
            &["sidecars", "volumes", "resources"],
            "a step sees its workspaces and the folders of Tekton, and nothing runs beside it; \
             use a workspace for files that steps share",
        );
        let template = fields
            .take("stepTemplate")
            .and_then(|entry| StepDecl::read_template(&entry.value, problems))
            .unwrap_or_default();
        let each = |name| fields.list(name).iter();
        let spec = Self {
            node: Arc::clone(node),
            params: each("params")
                .filter_map(|node| ParamDecl::read(node, problems))
                .collect(),
            results: each("results")
                .filter_map(|node| ResultDecl::read(node, problems))
                .collect(),
            workspaces: each("workspaces")
                .filter_map(|node| WorkspaceDecl::read(node, problems))
                .collect(),
            steps: each("steps")
                .filter_map(|node| StepDecl::read(node, problems))
                .map(|step| step.merged_into(&template))
                .collect(),
        };
        fields.finish();
        Some(spec)
    }

    /// The name of each step: its own, or `unnamed-N`.
    pub(crate) fn step_names(&self) -> Vec<String> {
        let name = |(index, step): (usize, &StepDecl)| match &step.name {
            Some(name) => name.value.clone(),
            None => format!("unnamed-{index}"),
        };
        self.steps.iter().enumerate().map(name).collect()
    }
}

/// Reads `type`, one of string, array and object.
fn read_type(fields: &Fields<'_>, problems: &Problems) -> Option<ParamType> {
    let text = fields.text("type")?;
    match text.value.as_str() {
        "" => None,
        "string" => Some(ParamType::String),
        "array" => Some(ParamType::Array),
        "object" => Some(ParamType::Object),
        _ => {
            problems.push(FieldProblem::BadValue {
                field: "type".to_owned(),
                value: text.value,
                expected: "string, array or object".to_owned(),
                span: text.span,
            });
            None
        }
    }
}

/// Reads the keys of an object; Tekton knows string properties only.
fn read_properties(fields: &Fields<'_>, problems: &Problems) -> Option<Vec<Text>> {
    let entry = fields.take("properties")?;
    let keys = entries(&entry.value, "properties", problems)
        .iter()
        .map(|property| {
            if !property.value.is_null()
                && let Some(fields) = Fields::open(&property.value, "a property", problems)
            {
                if let Some(text) = fields.text("type").filter(|text| text.value != "string") {
                    problems.push(FieldProblem::BadValue {
                        field: "type".to_owned(),
                        value: text.value,
                        expected: "string, the one type that a property can have".to_owned(),
                        span: text.span,
                    });
                }
                fields.finish();
            }
            At {
                value: property.key.text.clone(),
                span: property.key.span,
            }
        });
    Some(keys.collect())
}

impl ParamDecl {
    fn read(node: &Node, problems: &Problems) -> Option<Self> {
        let fields = Fields::open(node, "a param", problems)?;
        fields.ignore(&["description"]);
        let name = fields.need_text("name");
        let declared = read_type(&fields, problems);
        let properties = read_properties(&fields, problems);
        let default = fields.take("default").map(|entry| At {
            value: value::read(&entry.value),
            span: entry.value.span,
        });
        let inferred = || match (&properties, &default) {
            (Some(_), _) => ParamType::Object,
            (None, Some(default)) => default.value.param_type(),
            (None, None) => ParamType::String,
        };
        let param_type = declared.unwrap_or_else(inferred);
        let allowed = fields.texts("enum");
        fields.finish();
        Some(Self {
            name: name?,
            param_type,
            properties: properties.unwrap_or_default(),
            default,
            allowed,
        })
    }
}

impl ResultDecl {
    fn read(node: &Node, problems: &Problems) -> Option<Self> {
        let fields = Fields::open(node, "a result", problems)?;
        fields.ignore(&["description"]);
        fields.refuse(
            &["value"],
            "results of steps are not read; let the step write `$(results.NAME.path)`",
        );
        let name = fields.need_text("name");
        let declared = read_type(&fields, problems);
        let properties = read_properties(&fields, problems);
        let inferred = match properties {
            Some(_) => ParamType::Object,
            None => ParamType::String,
        };
        fields.finish();
        Some(Self {
            name: name?,
            result_type: declared.unwrap_or(inferred),
            properties: properties.unwrap_or_default(),
        })
    }
}

impl WorkspaceDecl {
    fn read(node: &Node, problems: &Problems) -> Option<Self> {
        let fields = Fields::open(node, "a workspace", problems)?;
        fields.ignore(&["description"]);
        let name = fields.need_text("name");
        let mount_path = fields
            .text("mountPath")
            .filter(|path| !path.value.is_empty());
        let (read_only, optional) = (fields.flag("readOnly"), fields.flag("optional"));
        fields.finish();
        Some(Self {
            name: name?,
            mount_path,
            read_only,
            optional,
        })
    }
}

impl StepDecl {
    fn read(node: &Node, problems: &Problems) -> Option<Self> {
        let fields = Fields::open(node, "a step", problems)?;
        let mut step = Self::read_shared(&fields, problems);
        step.name = fields.text("name").filter(|name| !name.value.is_empty());
        step.script = fields
            .text("script")
            .filter(|script| !script.value.is_empty());
        step.timeout = fields
            .text("timeout")
            .and_then(|text| read_duration("timeout", &text, problems))
            .filter(|timeout| !timeout.is_zero());
        step.on_error = fields.text("onError").filter(|text| !text.value.is_empty());
        fields.ignore(&["displayName"]);
        step.by_reference = fields.take("ref").is_some();
        fields.refuse(
            &["ref", "params", "results", "when", "workspaces", "stdoutConfig", "stderrConfig"],
            "the step would do something else without it; take it out, or write the step out in full",
        );
        fields.finish();
        Some(step)
    }

    fn read_template(node: &Node, problems: &Problems) -> Option<Self> {
        let fields = Fields::open(node, "a step template", problems)?;
        let step = Self::read_shared(&fields, problems);
        fields.finish();
        Some(step)
    }

    /// The fields that a step and a template have in common.
    fn read_shared(fields: &Fields<'_>, problems: &Problems) -> Self {
        fields.ignore(&["imagePullPolicy", "securityContext"]);
        fields.refuse(
            &["volumeMounts", "volumeDevices"],
            "a step sees its workspaces; declare a workspace with this `mountPath` instead",
        );
        fields.refuse(
            &["envFrom"],
            "list the variables under `env` with their values",
        );
        fields.refuse(
            &[
                "ports",
                "livenessProbe",
                "readinessProbe",
                "startupProbe",
                "lifecycle",
                "terminationMessagePath",
                "terminationMessagePolicy",
                "stdin",
                "stdinOnce",
                "tty",
            ],
            "this is about containers, and Tekton itself has given it up for steps",
        );
        // v1beta1 says `resources`; the two never meet in one document that a cluster takes.
        let resources = [fields.take("computeResources"), fields.take("resources")];
        let memory = resources
            .into_iter()
            .flatten()
            .find_map(|entry| read_resources(&entry.value, problems));
        Self {
            span: Some(fields.span()),
            image: fields.text("image").filter(|image| !image.value.is_empty()),
            command: fields.texts("command"),
            args: fields.texts("args"),
            working_dir: fields
                .text("workingDir")
                .filter(|path| !path.value.is_empty()),
            env: fields
                .list("env")
                .iter()
                .filter_map(|node| EnvDecl::read(node, problems))
                .collect(),
            memory,
            ..Self::default()
        }
    }

    /// The step with what it does not say itself taken from `template`.
    fn merged_into(mut self, template: &Self) -> Self {
        let or = |own: Option<Text>, other: &Option<Text>| own.or_else(|| other.clone());
        self.image = or(self.image, &template.image);
        self.working_dir = or(self.working_dir, &template.working_dir);
        self.memory = self.memory.or(template.memory);
        // A script is run by itself; the template's command is for steps that have none.
        if self.command.is_empty() && self.script.is_none() {
            self.command.clone_from(&template.command);
        }
        if self.args.is_empty() {
            self.args.clone_from(&template.args);
        }
        let own = std::mem::take(&mut self.env);
        let inherited = template
            .env
            .iter()
            .filter(|variable| !own.iter().any(|own| own.name.value == variable.name.value));
        self.env = inherited.cloned().chain(own.iter().cloned()).collect();
        self
    }
}

impl EnvDecl {
    fn read(node: &Node, problems: &Problems) -> Option<Self> {
        let fields = Fields::open(node, "an environment variable", problems)?;
        fields.refuse(
            &["valueFrom"],
            "there are no Secrets and ConfigMaps here; give `value`, or hand the file over in a workspace",
        );
        let name = fields.need_text("name");
        let value = fields.text("value").unwrap_or(At {
            value: String::new(),
            span: fields.span(),
        });
        fields.finish();
        Some(Self { name: name?, value })
    }
}

/// Reads a duration, or says that it is none.
pub(crate) fn read_duration(field: &str, text: &Text, problems: &Problems) -> Option<Duration> {
    let duration = duration::parse(&text.value);
    if duration.is_none() {
        problems.push(FieldProblem::BadValue {
            field: field.to_owned(),
            value: text.value.clone(),
            expected: "a duration such as `30s`, `5m` or `1h30m`".to_owned(),
            span: text.span,
        });
    }
    duration
}

/// Reads `computeResources`: the memory limit in bytes.
pub(crate) fn read_resources(node: &Node, problems: &Problems) -> Option<u64> {
    let fields = Fields::open(node, "the resources", problems)?;
    fields.ignore(&["requests", "claims"]);
    let limits = fields.take("limits");
    fields.finish();
    let memory = entries(&limits?.value, "limits", problems)
        .iter()
        .find(|entry| entry.key.text == "memory")?;
    match &memory.value.value {
        Value::Scalar { text, .. } => read_memory(text, memory.value.span, problems),
        _ => crate::fields::text(&memory.value, "memory", problems).and(None),
    }
}
