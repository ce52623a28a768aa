//! What a pipeline makes of its tasks, before and while it runs.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot read its own text has failed"
)]

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
fn results_make_edges_and_reach_what_refers_to_them() {
    let pipeline = run_of("[]", PRODUCER);
    assert_eq!(pipeline.tasks[1].parents, [0]);
    assert_eq!(pipeline.tasks[2].result_parents, [0]);
    assert_eq!(pipeline.tasks[3].parents, [0_usize; 0]);
    assert_eq!(pipeline.tasks[3].result_parents, [2]);
    let made = ended(&[("text", "hello".into()), ("list", list())]);
    let facts = facts(vec![
        made,
        TaskFact::Pending,
        TaskFact::Pending,
        TaskFact::Pending,
    ]);
    let run = tasks(pipeline.instances(1, &facts)).remove(0);
    assert_eq!(run.steps[0].args, ["hello", "hello", "x", "y"]);
    assert_eq!(run.name.as_str(), "run-use");
    assert_eq!(
        run.document["spec"]["params"],
        json!([{"name": "given", "value": "hello"}])
    );
    assert_eq!(
        run.document["metadata"]["labels"]["tekton.dev/pipelineTask"],
        "use"
    );
    assert_eq!(
        run.document["metadata"]["ownerReferences"][0]["name"],
        "run"
    );
}

#[test]
fn before_anything_has_run_references_stay_as_they_are() {
    let pipeline = run_of("[]", PRODUCER);
    let previews: Vec<_> = (0..4).map(|task| pipeline.preview(task)).collect();
    assert!(previews.iter().all(|preview| preview.len() == 1));
    let Instance::Task(run) = &previews[1][0] else {
        panic!("not a task")
    };
    assert_eq!(run.steps[0].args[0], "$(tasks.make.results.text)");
}

#[test]
fn a_matrix_fans_out_over_a_result_and_its_results_come_back_in() {
    let pipeline = run_of("[]", PRODUCER);
    let made = ended(&[("text", "hello".into()), ("list", list())]);
    let so_far = facts(vec![
        made.clone(),
        ended(&[]),
        TaskFact::Pending,
        TaskFact::Pending,
    ]);
    let rows = tasks(pipeline.instances(2, &so_far));
    let named: Vec<_> = rows
        .iter()
        .map(|run| (run.name.as_str(), run.task.as_str()))
        .collect();
    assert_eq!(named, [("run-rows-0", "rows.0"), ("run-rows-1", "rows.1")]);
    assert_eq!(rows[1].steps[0].args, ["y"]);
    let row = |value: &str| BTreeMap::from([(Arc::from("out"), ParamValue::from(value))]);
    let rows = TaskFact::Ended {
        succeeded: true,
        cancelled: false,
        reason: "Succeeded".into(),
        results: [row("a"), row("b")].into(),
        artifacts: None,
    };
    let all = facts(vec![made, ended(&[]), rows, TaskFact::Pending]);
    let results = pipeline.results(&all).unwrap();
    let names: Vec<_> = results.iter().map(|(name, _)| &**name).collect();
    assert_eq!(names, ["first", "all"]);
    assert_eq!(
        results[1].1,
        ParamValue::Array(vec!["a".to_owned(), "b".to_owned()])
    );
    assert!(matches!(pipeline.when(3, &all), When::True(_)));
    let last = tasks(pipeline.instances(3, &all)).remove(0);
    assert_eq!(last.steps[0].args, ["Succeeded", "a", "b"]);
}

#[test]
fn artifacts_of_a_task_reach_what_refers_to_them() {
    let pipeline = run_of(
        "[]",
        "tasks:
  - name: make
    taskSpec:
      steps: [{image: ./a.wasm, args: [$(artifacts.path)]}]
  - name: use
    params: [{name: given, value: $(tasks.make.outputs.image)}]
    taskSpec:
      params: [{name: given}]
      steps: [{image: ./a.wasm, args: [$(params.given), $(tasks.make.outputs)]}]",
    );
    assert_eq!(pipeline.tasks[1].parents, [0]);
    let mut made = ended(&[]);
    if let TaskFact::Ended { artifacts, .. } = &mut made {
        let image =
            json!({"name": "image", "values": [{"uri": "pkg:a", "digest": {"sha256": "b"}}]});
        *artifacts = Some(Arc::new(json!({"inputs": [], "outputs": [image]})));
    }
    let so_far = facts(vec![made, TaskFact::Pending]);
    let run = tasks(pipeline.instances(1, &so_far)).remove(0);
    let values = json!([{"uri": "pkg:a", "digest": {"sha256": "b"}}]).to_string();
    assert_eq!(run.steps[0].args, [values.as_str(), values.as_str()]);
    let nothing = facts(vec![ended(&[]), TaskFact::Pending]);
    let Instances::Broken(verdict) = pipeline.instances(1, &nothing) else {
        panic!("not broken")
    };
    assert_eq!(verdict.reason, "InvalidTaskResultReference");
}

#[test]
fn an_empty_array_leaves_a_matrix_without_rows() {
    let pipeline = run_of("[]", PRODUCER);
    let made = ended(&[("list", ParamValue::Array(Vec::new()))]);
    let facts = facts(vec![
        made,
        TaskFact::Pending,
        TaskFact::Pending,
        TaskFact::Pending,
    ]);
    assert!(matches!(
        pipeline.instances(2, &facts),
        Instances::EmptyMatrix
    ));
}

#[test]
fn a_missing_result_fails_the_run_or_skips_whoever_may_do_without() {
    let pipeline = run_of("[]", PRODUCER);
    let facts_with = |make: TaskFact| {
        facts(vec![
            make,
            TaskFact::Pending,
            TaskFact::Skipped(SkipReason::When),
            TaskFact::Pending,
        ])
    };
    let Instances::Broken(verdict) = pipeline.instances(1, &facts_with(ended(&[]))) else {
        panic!("not broken")
    };
    assert_eq!(verdict.reason, "InvalidTaskResultReference");
    assert!(
        verdict.message.contains("name text for task make"),
        "{}",
        verdict.message
    );
    let skipped = facts_with(TaskFact::Skipped(SkipReason::When));
    assert!(matches!(
        pipeline.instances(1, &skipped),
        Instances::ResultsMissing
    ));
    let last = pipeline.instances(3, &facts_with(ended(&[])));
    assert!(matches!(last, Instances::ResultsMissing), "{last:?}");
}

#[test]
fn params_reach_inline_tasks_and_the_nearer_one_wins() {
    let pipeline = "params: [{name: a, default: pipeline}, {name: o, type: object, properties: {x: {}, y: {}}, default: {x: '1', y: '2'}}]
tasks:
  - name: inline
    params: [{name: o, value: {y: '3'}}]
    taskSpec:
      params: [{name: a, default: task}, {name: own, default: own}]
      steps: [{image: ./a.wasm, args: [$(params.a), $(params.b), $(params.own), $(params.o.x), $(params.o.y), $(context.pipelineRun.name)]}]
  - name: referenced
    taskRef: {name: other}";
    let other = "apiVersion: tekton.dev/v1\nkind: Task\nmetadata: {name: other}\nspec:\n  params: [{name: a, default: task}]\n  steps: [{image: ./a.wasm, args: [$(params.a), $(context.task.retry-count)], script: '$(params.b)'}]\n";
    let own = "apiVersion: tekton.dev/v1\nkind: Task\nmetadata: {name: other}\nspec:\n  params: [{name: a, default: task}]\n  steps: [{image: ./a.wasm, args: [$(params.a), $(context.task.retry-count)]}]\n";
    assert!(
        try_read(
            &[&document("[{name: b, value: run}]", pipeline), other],
            &request()
        )
        .is_err()
    );
    let pipeline = pipeline_of(&[&document("[{name: b, value: run}]", pipeline), own]);
    let facts = facts(vec![TaskFact::Pending; 2]);
    let inline = tasks(pipeline.instances(0, &facts)).remove(0);
    assert_eq!(
        inline.steps[0].args,
        ["pipeline", "run", "own", "1", "3", "run"]
    );
    let referenced = tasks(pipeline.instances(1, &facts)).remove(0);
    assert_eq!(
        referenced.steps[0].args,
        ["task", "$(context.task.retry-count)"]
    );
    assert!(!referenced.steps[0].is_late);
}

#[test]
fn an_array_that_is_handed_on_whole_keeps_its_elements() {
    let pipeline = run_of(
        "[{name: list, value: [a, b, c]}]",
        "params: [{name: list, type: array}]
tasks:
  - name: t
    params: [{name: second, value: '$(params.list[1])'}, {name: list, value: ['$(params.list[*])']}, {name: same, value: '$(params.list[*])'}]
    taskSpec:
      params: [{name: second}, {name: list, type: array}, {name: same, type: array}]
      steps: [{image: ./a.wasm, args: ['$(params.second)', '$(params.list[2])', '$(params.same[1])', '$(params.list[*])']}]",
    );
    let run = tasks(pipeline.instances(0, &facts(vec![TaskFact::Pending]))).remove(0);
    assert_eq!(run.steps[0].args, ["b", "c", "b", "a", "b", "c"]);
}

#[test]
fn attack_a_value_with_a_reference_in_it_is_not_looked_at_again() {
    let pipeline = run_of(
        "[{name: a, value: $(params.b)}, {name: b, value: secret}]",
        "tasks: [{name: t, params: [{name: c, value: $(params.a)}], taskSpec: {params: [{name: c}], steps: [{image: ./a.wasm, args: [$(params.c), $(params.a)]}]}}]",
    );
    let run = tasks(pipeline.instances(0, &facts(vec![TaskFact::Pending]))).remove(0);
    assert_eq!(run.steps[0].args, ["$(params.b)", "$(params.b)"]);
    let pipeline = run_of("[]", PRODUCER);
    let nasty = ended(&[
        (
            "text",
            "$(params.given) $(tasks.make.results.list[0])".into(),
        ),
        ("list", list()),
    ]);
    let facts = facts(vec![
        nasty,
        TaskFact::Pending,
        TaskFact::Pending,
        TaskFact::Pending,
    ]);
    let run = tasks(pipeline.instances(1, &facts)).remove(0);
    assert_eq!(
        run.steps[0].args[0],
        "$(params.given) $(tasks.make.results.list[0])"
    );
}

#[test]
fn attack_params_that_name_each_other_do_not_explode() {
    let mut params = "params:".to_owned();
    for level in 0..10 {
        let value = match level {
            0 => "x".repeat(100),
            _ => format!("$(params.p{})", level - 1).repeat(100),
        };
        params.push_str(&format!("\n  - {{name: p{level}, default: '{value}'}}"));
    }
    let text = document(
        "[]",
        &format!(
            "{params}\ntasks: [{{name: t, taskSpec: {{steps: [{{image: ./a.wasm, args: [$(params.p9)]}}]}}}}]"
        ),
    );
    let errors = try_read(&[&text], &request()).unwrap_err();
    assert!(
        format!("{errors:?}").contains("SubstitutionTooLarge"),
        "{errors:?}"
    );
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
fn workspaces_are_handed_on_with_their_sub_paths() {
    let text = document("[]", "workspaces: [{name: data}]
tasks:
  - name: named
    workspaces: [{name: src, workspace: data, subPath: inner}]
    taskSpec: {workspaces: [{name: src, readOnly: true}], steps: [{image: ./a.wasm}]}
  - name: reached
    taskSpec: {steps: [{image: ./a.wasm, args: [$(workspaces.data.path), $(workspaces.data.claim)]}]}
  - name: unconcerned
    taskSpec: {steps: [{image: ./a.wasm}]}")
        + "  workspaces: [{name: data, subPath: outer, persistentVolumeClaim: {claimName: disk}}]\n";
    let pipeline = pipeline_of(&[&text]);
    let facts = facts(vec![TaskFact::Pending; 3]);
    let named = tasks(pipeline.instances(0, &facts)).remove(0);
    let VolumeSource::Claim {
        name,
        sub_path,
        of_run,
        ..
    } = &named.workspaces[0].source
    else {
        panic!("no claim")
    };
    assert_eq!(
        (&**name, sub_path.as_deref(), *of_run),
        ("disk", Some("outer/inner"), false)
    );
    let reached = tasks(pipeline.instances(1, &facts)).remove(0);
    assert_eq!(reached.steps[0].args, ["/workspace/data", "disk"]);
    let unconcerned = tasks(pipeline.instances(2, &facts)).remove(0);
    assert!(unconcerned.workspaces.is_empty());
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

#[test]
fn a_pipeline_in_a_pipeline_is_given_params_and_workspaces() {
    let inner = "apiVersion: tekton.dev/v1\nkind: Pipeline\nmetadata: {name: inner}\nspec:\n  params: [{name: p}]\n  workspaces: [{name: w}]\n  tasks:\n    - name: leaf\n      taskSpec: {steps: [{image: ./a.wasm, args: [$(params.p), $(workspaces.w.path)]}]}\n";
    let text = document(
        "[]",
        "tasks: [{name: child, displayName: The child, pipelineRef: {name: inner}, params: [{name: p, value: v}], workspaces: [{name: w, workspace: data}]}]",
    ) + "  workspaces: [{name: data, emptyDir: {}}]\n";
    let pipeline = pipeline_of(&[&text, inner]);
    let Instances::Run(mut nested) = pipeline.instances(0, &facts(vec![TaskFact::Pending])) else {
        panic!("does not run")
    };
    let Instance::Pipeline(nested) = nested.remove(0) else {
        panic!("no pipeline")
    };
    assert_eq!(
        (nested.name.as_str(), &*nested.pipeline),
        ("run-child", "inner")
    );
    assert_eq!(nested.display_name.as_deref(), Some("The child"));
    let leaf = tasks(nested.instances(0, &facts(vec![TaskFact::Pending]))).remove(0);
    assert_eq!(leaf.task.as_str(), "child/leaf");
    assert_eq!(leaf.name.as_str(), "run-child-leaf");
    assert_eq!(leaf.steps[0].args, ["v", "/workspace/w"]);
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

/// A run whose workspace is bound to `binding`, which may name the result `r` of the task `a`.
fn bound_to(binding: &str) -> Pipeline {
    let workspaces = format!("[]\n  workspaces: [{{name: w, {binding}}}]");
    let pipeline = "tasks:
  - {name: a, taskSpec: {results: [{name: r}], steps: [{image: ./a.wasm}]}}
  - name: b
    runAfter: [a]
    workspaces: [{name: in, workspace: w}]
    taskSpec:
      workspaces: [{name: in}]
      steps: [{image: ./a.wasm, args: [$(workspaces.in.path)]}]
workspaces: [{name: w}]";
    let map = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: map}\ndata: {k: v}\n";
    pipeline_of(&[&document(&workspaces, pipeline), map])
}

fn b_after(pipeline: &Pipeline, result: &str) -> Instance {
    let facts = facts(vec![ended(&[("r", result.into())]), TaskFact::Pending]);
    match pipeline.instances(1, &facts) {
        Instances::Run(mut instances) => instances.remove(0),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_a_run_binds_may_depend_on_results() {
    let source = |binding: &str, result: &str| match b_after(&bound_to(binding), result) {
        Instance::Task(run) => (
            run.workspaces[0].source.clone(),
            run.document["spec"]["workspaces"].clone(),
        ),
        other => panic!("{other:?}"),
    };
    let claim = |name: &str, sub_path: Option<&str>| VolumeSource::Claim {
        name: name.into(),
        namespace: "default".into(),
        of_run: false,
        sub_path: sub_path.map(str::to_owned),
    };
    let r = "$(tasks.a.results.r)";
    let pipeline = bound_to(&format!("configMap: {{name: {r}}}"));
    assert!(pipeline.instances_ahead(1).is_none());
    let pending = facts(vec![TaskFact::Pending; 2]);
    let [first] = &tasks(pipeline.instances(0, &pending))[..] else {
        panic!("the task that leaves the result runs");
    };
    assert!(first.workspaces.is_empty());
    let (found, told) = source(
        &format!("persistentVolumeClaim: {{claimName: {r}}}, subPath: x/{r}"),
        "one",
    );
    assert_eq!(found, claim("one", Some("x/one")));
    assert_eq!(
        told,
        json!([{"name": "in", "persistentVolumeClaim": {"claimName": "one"}, "subPath": "x/one"}])
    );
    for binding in [
        format!("configMap: {{name: {r}}}"),
        format!("projected: {{sources: [{{configMap: {{name: {r}}}}}]}}"),
    ] {
        let (VolumeSource::Files(set), _) = source(&binding, "map") else {
            panic!("no files");
        };
        assert_eq!(
            (&*set.files[0].path, &*set.files[0].bytes),
            ("k", &b"v"[..])
        );
    }
}

#[test]
fn attack_a_result_leads_a_binding_nowhere_else() {
    let r = "$(tasks.a.results.r)";
    for (binding, result, expected) in [
        (
            format!("persistentVolumeClaim: {{claimName: {r}}}"),
            "../x",
            "`../x`, which is no value for `claimName`",
        ),
        (
            format!("persistentVolumeClaim: {{claimName: c}}, subPath: {r}"),
            "a/../..",
            "which is no value for `subPath`",
        ),
        (
            format!("configMap: {{name: {r}}}"),
            "none",
            "there is no ConfigMap `none`",
        ),
    ] {
        match b_after(&bound_to(&binding), result) {
            Instance::Broken(broken) => {
                let message = &broken.verdict.message;
                assert!(message.contains(expected), "{binding}: {message}");
            }
            other => panic!("{binding}: {other:?}"),
        }
    }
}

#[test]
fn a_volume_named_by_a_param_that_waits_is_looked_up_when_it_is_there() {
    let task = "apiVersion: tekton.dev/v1
kind: Task
metadata: {name: uses}
spec:
  params: [{name: map}]
  volumes: [{name: v, configMap: {name: $(params.map)}}]
  steps: [{image: ./a.wasm, volumeMounts: [{name: v, mountPath: /v}]}]
";
    let map = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: map}\ndata: {k: v}\n";
    let pipeline = "tasks:
  - {name: a, taskSpec: {results: [{name: r}], steps: [{image: ./a.wasm}]}}
  - {name: b, params: [{name: map, value: $(tasks.a.results.r)}], taskRef: {name: uses}}";
    let pipeline = pipeline_of(&[&document("[]", pipeline), task, map]);
    assert!(matches!(b_after(&pipeline, "map"), Instance::Task(_)));
    assert!(matches!(b_after(&pipeline, "other"), Instance::Broken(_)));
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

#[test]
fn a_result_that_its_task_does_not_declare_is_wrong_before_anything_runs() {
    let task = "apiVersion: tekton.dev/v1
kind: Task
metadata: {name: makes}
spec: {results: [{name: digest}], steps: [{image: ./a.wasm}]}
";
    let read = |source: &str, result: &str| {
        let pipeline = format!(
            "tasks:
  - {{name: a, {source}}}
  - name: b
    params: [{{name: p, value: $(tasks.a.results.{result})}}]
    taskSpec: {{params: [{{name: p}}], steps: [{{image: ./a.wasm}}]}}"
        );
        try_read(&[&document("[]", &pipeline), task], &request())
    };
    let inline = "taskSpec: {results: [{name: digest}], steps: [{image: ./a.wasm}]}";
    for source in ["taskRef: {name: makes}", inline] {
        assert!(read(source, "digest").is_ok());
        let errors = read(source, "digset").unwrap_err();
        let told: Vec<String> = errors.problems().map(ToString::to_string).collect();
        assert_eq!(
            told,
            ["`$(tasks.a.results.digset)` refers to a result that its task does not declare"]
        );
        let refused = errors.refused().unwrap();
        assert_eq!(refused.verdict.reason, "InvalidTaskResultReference");
    }
}

#[test]
fn a_workspace_that_nobody_binds_or_declares_is_wrong_in_a_pipeline_of_a_run_too() {
    let read = |run: &str, declared: &str| {
        let pipeline = format!(
            "{declared}
tasks:
  - name: a
    workspaces: [{{name: in, workspace: src}}]
    taskSpec: {{workspaces: [{{name: in, optional: true}}], steps: [{{image: ./a.wasm}}]}}"
        );
        try_read(&[&document(run, &pipeline)], &request())
    };
    let none = "description: none";
    assert!(read("[]\n  workspaces: [{name: src, emptyDir: {}}]", none).is_ok());
    assert!(read("[]", "workspaces: [{name: src, optional: true}]").is_ok());
    let errors = read("[]", none).unwrap_err();
    let told: Vec<String> = errors.problems().map(ToString::to_string).collect();
    assert_eq!(
        told,
        ["the task `a` uses the workspace `src`, which the Pipeline does not declare"]
    );
    let refused = errors.refused().unwrap();
    assert_eq!(refused.verdict.reason, "CreateRunFailed");
}
