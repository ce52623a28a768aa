//! A resolved run, and where the code of its steps is → the plan that every format shows.

use std::collections::HashMap;
use std::time::Duration;

use serde_json::Value;
use stepwell_contract::{Access, Limits, ParamValue};
use stepwell_spec::{Instance, OnError, Pipeline, Run, Section, Step, TaskRun, VolumeSource};

use super::edges::{self, Edges};
use super::model::{Mounted, Plan, Row, StepPlan, Task, What};
use super::shown;
use super::walk::{MOST_TASKS, too_many};
use crate::images::Finder;

/// What `run` would do, with the code of its steps where `finder` says.
///
/// # Errors
///
/// It is more than can be shown.
pub(super) fn plan(run: &Run, finder: &Finder) -> anyhow::Result<Plan> {
    let mut planner = Planner {
        finder,
        left: MOST_TASKS,
    };
    match run {
        Run::Task(run) => Ok(planner.task_run(run)),
        Run::Pipeline(run) => planner.pipeline(run),
    }
}

struct Planner<'a> {
    finder: &'a Finder,
    left: usize,
}

impl Planner<'_> {
    fn task_run(&self, run: &TaskRun) -> Plan {
        let task = Task {
            name: run.task.to_string(),
            key: run.task.to_string(),
            finally: false,
            depth: 0,
            run_after: Vec::new(),
            results_of: Vec::new(),
            when: Vec::new(),
            retries: run.retries,
            goes_on: false,
            matrix: false,
            rows: vec![Row {
                params: Vec::new(),
                what: self.what(run),
            }],
        };
        Plan {
            kind: "TaskRun",
            name: run.name.to_string(),
            of: run.task.to_string(),
            timeout: run.timeout.map(duration),
            tasks_timeout: None,
            finally_timeout: None,
            tasks: vec![task],
        }
    }

    fn pipeline(&mut self, run: &Pipeline) -> anyhow::Result<Plan> {
        let edges = edges::of(run);
        let documents = documents(run);
        let mut tasks = Vec::with_capacity(run.tasks.len());
        for index in 0..run.tasks.len() {
            let document = documents.get(&*run.tasks[index].name).copied();
            tasks.push(self.task(run, index, document, &edges)?);
        }
        Ok(Plan {
            kind: "PipelineRun",
            name: run.name.to_string(),
            of: run.pipeline.to_string(),
            timeout: run.timeouts.pipeline.map(duration),
            tasks_timeout: run.timeouts.tasks.map(duration),
            finally_timeout: run.timeouts.finally.map(duration),
            tasks,
        })
    }

    fn task(
        &mut self,
        run: &Pipeline,
        index: usize,
        document: Option<&Value>,
        edges: &Edges,
    ) -> anyhow::Result<Task> {
        let task = &run.tasks[index];
        let names = |places: &[usize]| {
            let names = places.iter().filter_map(|place| run.tasks.get(*place));
            names.map(|task| task.name.to_string()).collect()
        };
        let matrix = matrix_params(document);
        let mut rows = Vec::new();
        for instance in run.preview(index) {
            self.left = self.left.checked_sub(1).ok_or_else(too_many)?;
            let (params, what) = match instance {
                Instance::Task(run) => {
                    let given = matrix
                        .iter()
                        .filter_map(|name| Some((name.clone(), text(run.params.get(name)?))));
                    (given.collect(), self.what(&run))
                }
                Instance::Pipeline(run) => {
                    (Vec::new(), What::Pipeline(Box::new(self.pipeline(&run)?)))
                }
                Instance::Broken(broken) => (
                    Vec::new(),
                    What::Broken(format!(
                        "{}: {}",
                        broken.verdict.reason, broken.verdict.message
                    )),
                ),
            };
            rows.push(Row { params, what });
        }
        Ok(Task {
            name: task.name.to_string(),
            key: task.key.to_string(),
            finally: task.section == Section::Finally,
            depth: edges.depths[index],
            run_after: names(&edges.ordering[index]),
            results_of: names(&task.result_parents),
            when: conditions(document),
            retries: task.retries,
            goes_on: task.on_error == OnError::Continue,
            matrix: task.matrixed,
            rows,
        })
    }

    fn what(&self, run: &TaskRun) -> What {
        What::Task {
            name: run.name.to_string(),
            timeout: run.timeout.map(duration),
            hermetic: run.hermetic,
            workspaces: run
                .workspaces
                .iter()
                .map(|one| mounted(&one.name, &one.source, one.access == Access::ReadOnly))
                .collect(),
            volumes: run
                .volumes
                .iter()
                .map(|one| mounted(&one.name, &one.source, false))
                .collect(),
            sidecars: run
                .sidecars
                .iter()
                .map(|sidecar| self.step(&sidecar.step))
                .collect(),
            steps: run.steps.iter().map(|step| self.step(step)).collect(),
        }
    }

    fn step(&self, step: &Step) -> StepPlan {
        let place = self.finder.place(&step.image, step.image_span);
        let held = self.finder.known(&step.image, step.image_span);
        let (runs, substituted_by) = place.substituted.unzip();
        let defaults = Limits::default();
        let limits = step
            .limits
            .iter()
            .filter(|(limit, value)| limit.is_settable() && defaults.get(*limit) != *value);
        StepPlan {
            name: step.name.to_string(),
            image: step.image.to_string(),
            file: place.file.as_deref().map(shown),
            runs: runs.map(|runs| runs.to_string()),
            digest: held.as_ref().map(|held| held.digest.to_string()),
            kind: held.map(|held| held.kind.as_str()),
            substituted_by,
            grants: step.grants.settings(),
            limits: limits
                .map(|(limit, value)| format!("{limit}={}", limit.show(value)))
                .collect(),
            timeout: step.timeout.map(duration),
            goes_on: step.on_error == OnError::Continue,
            conditional: !step.when.is_empty(),
        }
    }
}

/// The tasks as the Pipeline's spec has them, which is Tekton's own form, by their names.
fn documents(run: &Pipeline) -> HashMap<&str, &Value> {
    let lists = ["tasks", "finally"].map(|list| run.spec.get(list).and_then(Value::as_array));
    let tasks = lists.into_iter().flatten().flatten();
    tasks
        .filter_map(|task| Some((task.get("name")?.as_str()?, task)))
        .collect()
}

/// The params that a matrix gives its rows.
fn matrix_params(task: Option<&Value>) -> Vec<String> {
    let Some(matrix) = task.and_then(|task| task.get("matrix")) else {
        return Vec::new();
    };
    let includes = matrix.get("include").and_then(Value::as_array);
    let lists = std::iter::once(matrix).chain(includes.into_iter().flatten());
    let params = lists
        .filter_map(|list| list.get("params")?.as_array())
        .flatten();
    let mut names = Vec::<String>::new();
    for name in params.filter_map(|param| param.get("name")?.as_str()) {
        if !names.iter().any(|known| known == name) {
            names.push(name.to_owned());
        }
    }
    names
}

/// A task's `when`, one condition a line.
fn conditions(task: Option<&Value>) -> Vec<String> {
    let when = task
        .and_then(|task| task.get("when"))
        .and_then(Value::as_array);
    let texts = when.into_iter().flatten().map(|one| {
        if let Some(cel) = one.get("cel").and_then(Value::as_str) {
            return cel.to_owned();
        }
        let word = |field| one.get(field).and_then(Value::as_str).unwrap_or("");
        let values = one.get("values").map_or("[]".to_owned(), Value::to_string);
        format!("\"{}\" {} {values}", word("input"), word("operator"))
    });
    texts.collect()
}

fn mounted(name: &str, source: &VolumeSource, read_only: bool) -> Mounted {
    let below = |sub_path: &Option<String>| match sub_path {
        Some(path) => format!(", of it `{path}`"),
        None => String::new(),
    };
    let (source, fixed) = match source {
        VolumeSource::Folder { path, sub_path } => (
            format!("the folder {}{}", shown(path), below(sub_path)),
            false,
        ),
        VolumeSource::EmptyDir => ("emptyDir".to_owned(), false),
        VolumeSource::Claim {
            name,
            of_run,
            sub_path,
            ..
        } => {
            let life = if *of_run { ", new for this run" } else { "" };
            (format!("the claim {name}{life}{}", below(sub_path)), false)
        }
        VolumeSource::Files(files) => {
            let text = match files.files.len() {
                1 => "a file of a ConfigMap or Secret".to_owned(),
                count => format!("{count} files of ConfigMaps or Secrets"),
            };
            (text, true)
        }
        VolumeSource::HostPath { path, .. } => (format!("hostPath {}", shown(path)), false),
        VolumeSource::Cluster { what, .. } => (format!("{what}, which only a cluster has"), false),
    };
    Mounted {
        name: name.to_owned(),
        source,
        read_only: read_only || fixed,
    }
}

fn text(value: &ParamValue) -> String {
    match value {
        ParamValue::String(text) => text.clone(),
        value => serde_json::to_string(value).unwrap_or_default(),
    }
}

/// A time as Tekton writes it: `1h0m0s`, `1m30s`, `500ms`.
fn duration(duration: Duration) -> String {
    let millis = duration.subsec_millis();
    let seconds = duration.as_secs();
    let (hours, minutes, rest) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let fraction = match millis {
        0 => String::new(),
        millis => format!(".{millis:03}").trim_end_matches('0').to_owned(),
    };
    match (hours, minutes, rest) {
        (0, 0, 0) if millis > 0 => format!("{millis}ms"),
        (0, 0, _) => format!("{rest}{fraction}s"),
        (0, ..) => format!("{minutes}m{rest}{fraction}s"),
        _ => format!("{hours}h{minutes}m{rest}{fraction}s"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn times_are_written_as_tekton_writes_them() {
        for (millis, text) in [
            (500, "500ms"),
            (1_500, "1.5s"),
            (90_000, "1m30s"),
            (3_600_000, "1h0m0s"),
            (0, "0s"),
        ] {
            assert_eq!(duration(Duration::from_millis(millis)), text);
        }
    }

    #[test]
    fn conditions_and_rows_are_read_from_the_stored_spec() {
        let task = json!({
            "when": [
                {"input": "a", "operator": "in", "values": ["a", "b"]},
                {"cel": "'a' == 'b'"},
            ],
            "matrix": {
                "params": [{"name": "os", "value": []}],
                "include": [{"params": [{"name": "os"}, {"name": "extra"}]}],
            },
        });
        assert_eq!(
            conditions(Some(&task)),
            ["\"a\" in [\"a\",\"b\"]", "'a' == 'b'"]
        );
        assert_eq!(matrix_params(Some(&task)), ["os", "extra"]);
        assert_eq!(matrix_params(None), [""; 0]);
    }
}
