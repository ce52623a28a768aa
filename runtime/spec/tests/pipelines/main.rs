//! What a pipeline makes of its tasks, before and while it runs.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot read its own text has failed"
)]

mod bound;
mod handed_on;
mod results;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;
use stepwell_contract::ParamValue;
use stepwell_contract::event::SkipReason;
use stepwell_spec::{
    Facts, Identity, Instance, Instances, Pipeline, Remote, RemoteKind, Request, Resolved, Sources,
    SpecErrors, TaskFact, TaskRun, VolumeSource, When, read,
};

fn request() -> Request {
    Request {
        identity: Identity {
            suffix: "abcde".to_owned(),
            uid: "uid".to_owned(),
        },
        ..Request::default()
    }
}

fn try_read(texts: &[&str], request: &Request) -> Result<Resolved, SpecErrors> {
    let mut sources = Sources::new();
    for (index, text) in texts.iter().enumerate() {
        sources.add(format!("{index}.yaml"), *text);
    }
    read(&sources, request)
}

fn pipeline_of(texts: &[&str]) -> Pipeline {
    let resolved = try_read(texts, &request()).unwrap();
    resolved.into_pipeline().unwrap()
}

/// A PipelineRun with an inline pipeline.
fn run_of(params: &str, pipeline: &str) -> Pipeline {
    pipeline_of(&[&document(params, pipeline)])
}

fn document(params: &str, pipeline: &str) -> String {
    let indented = pipeline.replace('\n', "\n    ");
    format!(
        "apiVersion: tekton.dev/v1\nkind: PipelineRun\nmetadata: {{name: run}}\nspec:\n  params: {params}\n  pipelineSpec:\n    {indented}\n"
    )
}

fn ended(results: &[(&str, ParamValue)]) -> TaskFact {
    let row: BTreeMap<Arc<str>, ParamValue> = results
        .iter()
        .map(|(name, value)| ((*name).into(), value.clone()))
        .collect();
    TaskFact::Ended {
        succeeded: true,
        cancelled: false,
        reason: "Succeeded".into(),
        results: [row].into(),
        artifacts: None,
    }
}

fn facts(tasks: Vec<TaskFact>) -> Facts {
    Facts::from(tasks)
}

fn tasks(instances: Instances) -> Vec<TaskRun> {
    let Instances::Run(instances) = instances else {
        panic!("{instances:?}")
    };
    instances
        .into_iter()
        .map(|instance| match instance {
            Instance::Task(run) => *run,
            other => panic!("{other:?}"),
        })
        .collect()
}

const PRODUCER: &str = "tasks:
  - name: make
    taskSpec:
      results: [{name: text}, {name: list, type: array}]
      steps: [{image: ./a.wasm}]
  - name: use
    params: [{name: given, value: $(tasks.make.results.text)}]
    taskSpec:
      params: [{name: given}]
      steps: [{image: ./a.wasm, args: [$(params.given), $(tasks.make.results.text), '$(tasks.make.results.list[*])']}]
  - name: rows
    matrix: {params: [{name: one, value: '$(tasks.make.results.list[*])'}]}
    taskSpec:
      params: [{name: one}]
      results: [{name: out}]
      steps: [{image: ./a.wasm, args: [$(params.one)]}]
finally:
  - name: last
    when: [{input: $(tasks.make.status), operator: in, values: [Succeeded]}]
    taskSpec:
      steps: [{image: ./a.wasm, args: [$(tasks.status), '$(tasks.rows.results.out)']}]
results:
  - {name: first, value: $(tasks.make.results.text)}
  - {name: all, value: '$(tasks.rows.results.out[*])'}
  - {name: none, value: $(tasks.make.results.other)}";

fn list() -> ParamValue {
    ParamValue::Array(vec!["x".to_owned(), "y".to_owned()])
}

#[test]
fn what_depends_on_nothing_that_other_tasks_leave_is_made_ahead() {
    let pipeline = run_of("[]", PRODUCER);
    let ahead: Vec<bool> = (0..5)
        .map(|task| pipeline.instances_ahead(task).is_some())
        .collect();
    // The first refers to nobody; a param, a matrix and a status wait for what the others leave; the fifth is none.
    assert_eq!(ahead, [true, false, false, false, false]);
    let pending = facts(vec![TaskFact::Pending; 4]);
    let at_its_turn = tasks(pipeline.instances(0, &pending)).remove(0);
    let ahead = pipeline.instances_ahead(0).map(Instances::Run);
    let ahead = tasks(ahead.unwrap()).remove(0);
    assert_eq!(format!("{ahead:?}"), format!("{at_its_turn:?}"));
}

#[test]
fn expressions_in_cel_decide_or_fail_the_run() {
    let pipeline = run_of(
        "[{name: p, value: main}]",
        "tasks:
  - {name: fine, when: [{cel: \"'$(params.p)'.startsWith('ma')\"}], taskSpec: {steps: [{image: ./a.wasm}]}}
  - {name: bad, when: [{cel: \"'$(params.p)'\"}], taskSpec: {steps: [{image: ./a.wasm}]}}
  - {name: list, when: [{input: b, operator: notin, values: [a, b]}], taskSpec: {steps: [{image: ./a.wasm}]}}",
    );
    let facts = facts(vec![TaskFact::Pending; 3]);
    let When::True(shown) = pipeline.when(0, &facts) else {
        panic!("not true")
    };
    assert_eq!(shown, [json!({"cel": "'main'.startsWith('ma')"})]);
    let When::Broken(verdict) = pipeline.when(1, &facts) else {
        panic!("not broken")
    };
    assert_eq!(verdict.reason, "CELEvaluationFailed");
    assert!(matches!(pipeline.when(2, &facts), When::False(_)));
}

#[test]
fn a_run_that_the_controller_would_fail_says_so() {
    for (params, pipeline, reason) in [
        (
            "[]",
            "params: [{name: p}]\ntasks: [{name: t, taskSpec: {steps: [{image: a}]}}]",
            "ParameterMissing",
        ),
        (
            "[{name: p, value: [a]}]",
            "params: [{name: p}]\ntasks: [{name: t, taskSpec: {steps: [{image: a}]}}]",
            "ParameterTypeMismatch",
        ),
        (
            "[]",
            "workspaces: [{name: w}]\ntasks: [{name: t, taskSpec: {steps: [{image: a}]}}]",
            "InvalidWorkspaceBindings",
        ),
        (
            "[]",
            "tasks: [{name: t, taskRef: {name: none}}]",
            "CouldntGetTask",
        ),
        (
            "[]",
            "tasks: [{name: t, pipelineRef: {name: none}}]",
            "CouldntGetPipeline",
        ),
    ] {
        let errors = try_read(&[&document(params, pipeline)], &request()).unwrap_err();
        let refused = errors.refused().unwrap();
        assert_eq!(
            refused.verdict.reason, reason,
            "{}",
            refused.verdict.message
        );
        assert_eq!(refused.object["kind"], "PipelineRun");
    }
}

#[test]
fn timeouts_follow_tektons_precedence() {
    let text = document(
        "[]",
        "tasks:
  - {name: plain, taskSpec: {steps: [{image: a}]}}
  - {name: own, timeout: 5m, taskSpec: {steps: [{image: a}]}}
  - {name: over, timeout: 5m, taskSpec: {steps: [{image: a}]}}",
    ) + "  timeouts: {pipeline: 3h, tasks: 2h}\n  taskRunSpecs: [{pipelineTaskName: over, timeout: 1m}]\n";
    let pipeline = pipeline_of(&[&text]);
    let facts = facts(vec![TaskFact::Pending; 3]);
    let minutes: Vec<u64> = (0..3)
        .map(|task| {
            tasks(pipeline.instances(task, &facts))[0]
                .timeout
                .unwrap()
                .as_secs()
                / 60
        })
        .collect();
    assert_eq!(minutes, [120, 5, 1]);
    assert_eq!(pipeline.timeouts.finally, Some(Duration::from_secs(3600)));
}

const REMOTE: &str = "tasks:
  - name: first
    taskRef: {resolver: git, params: [{name: url, value: $(params.url)}]}
  - name: second
    taskRef: {resolver: git, params: [{name: url, value: $(tasks.first.results.url)}]}";

#[test]
fn documents_from_elsewhere_are_asked_for_when_they_are_known() {
    let task = "apiVersion: tekton.dev/v1\nkind: Task\nmetadata: {name: far}\nspec: {results: [{name: url}], steps: [{image: ./a.wasm}]}\n";
    let text = document("[{name: url, value: here}]", REMOTE);
    let Resolved::Needs(needs) = try_read(&[&text], &request()).unwrap() else {
        panic!("needs nothing")
    };
    assert_eq!(needs.len(), 1);
    assert_eq!(needs[0].params, [("url".to_owned(), "here".into())]);
    let mut sources = Sources::new();
    sources.add("run.yaml", text.as_str());
    let mut request = request();
    request.remotes.push(Remote {
        reference: needs[0].clone(),
        source: sources.add("far.yaml", task),
        provenance: Arc::new(json!({"uri": "git+here"})),
    });
    let mut pipeline = read(&sources, &request).unwrap().into_pipeline().unwrap();
    let first = tasks(pipeline.instances(0, &facts(vec![TaskFact::Pending; 2]))).remove(0);
    assert_eq!(first.provenance.unwrap()["uri"], "git+here");
    let facts = facts(vec![ended(&[("url", "there".into())]), TaskFact::Pending]);
    let Instances::Needs(wanted) = pipeline.instances(1, &facts) else {
        panic!("needs nothing")
    };
    assert_eq!(
        (wanted.kind, wanted.params[0].1.clone()),
        (RemoteKind::Task, "there".into())
    );
    let wrong = pipeline
        .supply(&wanted, "far", "a: b", Arc::default())
        .unwrap_err();
    assert_eq!(wrong.reason, "CouldntGetTask");
    pipeline
        .supply(&wanted, "far", task, Arc::new(json!({"uri": "there"})))
        .unwrap();
    let second = tasks(pipeline.instances(1, &facts)).remove(0);
    assert_eq!(second.provenance.unwrap()["uri"], "there");
}

/// What ten thousand tasks cost. Run it with `--release -- --ignored --nocapture`.
#[test]
#[ignore = "it measures, and says nothing about right and wrong"]
fn ten_thousand_tasks_are_quickly_made() {
    let mut text = document("[]", "tasks:");
    for task in 0..10_000 {
        text.push_str(&format!(
            "      - name: t{task}\n        taskSpec:\n          steps:\n            - name: s\n              image: ./a.wasm\n              args: [\"{task}\"]\n"
        ));
    }
    let began = Instant::now();
    let pipeline = pipeline_of(&[&text]);
    let read = began.elapsed();
    let began = Instant::now();
    let previews: usize = (0..10_000).map(|task| pipeline.preview(task).len()).sum();
    let previewed = began.elapsed();
    let facts = Facts::new(10_000);
    let began = Instant::now();
    let runs: usize = (0..10_000)
        .map(|task| tasks(pipeline.instances(task, &facts)).len())
        .sum();
    let made = began.elapsed();
    assert_eq!((previews, runs), (10_000, 10_000));
    println!("read and resolved in {read:?}, previewed in {previewed:?}, made in {made:?}");
}

#[test]
fn an_item_of_include_counts_where_its_when_holds() {
    let rows = |when: &str| {
        let pipeline = format!(
            "tasks:
  - name: a
    matrix:
      params: [{{name: os, value: [linux]}}]
      include:
        - {{name: extra, params: [{{name: os, value: mac}}], when: [{when}]}}
    taskSpec: {{params: [{{name: os}}], steps: [{{image: ./a.wasm, args: [$(params.os)]}}]}}"
        );
        let pipeline = run_of("[{name: all, value: 'yes'}]", &pipeline);
        tasks(pipeline.instances(0, &facts(vec![TaskFact::Pending]))).len()
    };
    let compare =
        |operator: &str| format!("{{input: $(params.all), operator: {operator}, values: ['yes']}}");
    assert_eq!(rows(""), 2);
    assert_eq!(rows(&compare("in")), 2);
    assert_eq!(rows(&compare("notin")), 1);
    assert_eq!(rows("{cel: \"'$(params.all)' == 'no'\"}"), 1);
}
