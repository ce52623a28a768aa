//! What a task leaves reaches whoever refers to it.

use super::*;

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
