//! What a run binds to the workspaces of its pipeline.

use super::*;

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
