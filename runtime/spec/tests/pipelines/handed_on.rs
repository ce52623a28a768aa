//! Params and workspaces reach the tasks of a pipeline.

use super::*;

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
