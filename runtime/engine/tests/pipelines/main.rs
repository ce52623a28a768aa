//! Pipelines from their YAML to their verdict, on a backend whose steps do what their arguments say. The rules about what
//! runs when have their tests beside the scheduler; here is that they hold from end to end.

mod ends;
mod late;
mod world;

use world::World;

/// A task without results: its name, what its step does, and more fields of the pipeline task.
fn task(name: &str, does: &str, more: &str) -> String {
    wide_task(name, does, "", more)
}

/// The same with fields of its Task.
fn wide_task(name: &str, does: &str, spec: &str, more: &str) -> String {
    let more: String = more.lines().map(|line| format!("  {line}\n")).collect();
    let spec: String = spec.lines().map(|line| format!("    {line}\n")).collect();
    format!(
        "- name: {name}\n{more}  taskSpec:\n{spec}    steps:\n    - {{name: s, image: ./step.wasm, args: {does}}}\n"
    )
}

fn tasks(tasks: &[String]) -> String {
    format!("tasks:\n{}", tasks.concat())
}

fn finally(tasks: &[String]) -> String {
    format!("finally:\n{}", tasks.concat())
}

#[tokio::test]
async fn results_go_from_task_to_task_and_out_of_the_pipeline() {
    let spec = [
        "results: [{name: greeting, value: $(tasks.greet.results.text)}]\n".to_owned(),
        tasks(&[
            wide_task(
                "greet",
                "['result text hello $(params.name)']",
                "results: [{name: text}]",
                "params: [{name: name, value: $(tasks.who.results.name)}]",
            ),
            wide_task(
                "who",
                "['result name world']",
                "results: [{name: name}]",
                "",
            ),
        ]),
        finally(&[task(
            "report",
            "['say $(params.status) $(params.all) $(params.reason)']",
            "params: [{name: status, value: $(tasks.greet.status)}, {name: all, value: $(tasks.status)}, {name: reason, value: $(tasks.who.reason)}]",
        )]),
    ];
    let played = World::pipeline(&spec.concat()).play().await;
    assert_eq!(
        played.verdict(),
        (
            "Succeeded",
            "Tasks Completed: 3 (Failed: 0, Cancelled 0), Skipped: 0"
        )
    );
    assert_eq!(played.said, ["report: Succeeded Succeeded Succeeded"]);
    assert_eq!(
        played.story(),
        [
            "run starts: 3 3",
            "run pipeline run",
            "who start run-who",
            r#"who name="world""#,
            "who Succeeded",
            "greet start run-greet",
            r#"greet text="hello world""#,
            "greet Succeeded",
            "run finally",
            "report start run-report",
            "report Succeeded",
            r#"run greeting="hello world""#,
            "run pipeline Succeeded",
            "run ends: Succeeded",
        ]
    );
    played.is_clean();
}

#[tokio::test]
async fn the_rows_of_a_matrix_run_at_once_and_their_results_come_together() {
    let spec = tasks(&[
        wide_task(
            "build",
            "['meet 3', 'result id $(params.os)']",
            "params: [{name: os}]\nresults: [{name: id}]",
            "matrix: {params: [{name: os, value: [linux, mac, wasi]}]}",
        ),
        wide_task(
            "collect",
            "['say $(params.ids[0]) $(params.ids[1]) $(params.ids[2])']",
            "params: [{name: ids, type: array}]",
            "params: [{name: ids, value: '$(tasks.build.results.id[*])'}]",
        ),
    ]);
    let played = World::pipeline(&spec).play().await;
    assert_eq!(played.verdict().0, "Succeeded", "{:?}", played.story());
    assert_eq!(played.said, ["collect: linux mac wasi"]);
    assert_eq!(played.most, 3);
    played.is_clean();
}

#[tokio::test]
async fn no_more_run_at_once_than_there_are_places() {
    let wide: Vec<_> = (0..12)
        .map(|number| task(&format!("t{number}"), "['say here']", ""))
        .collect();
    let mut world = World::pipeline(&tasks(&wide));
    world.places = 2;
    let played = world.play().await;
    assert_eq!((played.said.len(), played.most <= 2), (12, true));
    played.is_clean();
}

#[tokio::test]
async fn a_task_is_tried_again_and_only_its_last_try_counts() {
    let spec = tasks(&[
        task("a", "['try 2']", "retries: 2"),
        task("b", "['say after']", "runAfter: [a]"),
    ]);
    let played = World::pipeline(&spec).play().await;
    assert_eq!(
        played.story()[2..7],
        [
            "a start run-a",
            "a again after StepFailed",
            "a start run-a",
            "a again after StepFailed",
            "a start run-a",
        ]
    );
    assert_eq!(played.verdict().0, "Succeeded");
    assert_eq!(played.said, ["b: after"]);
}

#[tokio::test]
async fn a_failure_skips_what_has_not_begun_and_finally_hears_of_it() {
    let spec = [
        tasks(&[
            task("a", "['exit 3']", ""),
            task("b", "['say never']", "runAfter: [a]"),
        ]),
        finally(&[task(
            "f",
            "['say $(params.a) $(params.b) $(params.all)']",
            "params: [{name: a, value: $(tasks.a.status)}, {name: b, value: $(tasks.b.status)}, {name: all, value: $(tasks.status)}]",
        )]),
    ];
    let played = World::pipeline(&spec.concat()).play().await;
    assert_eq!(
        played.verdict(),
        (
            "Failed",
            "Tasks Completed: 2 (Failed: 1, Cancelled 0), Skipped: 1"
        )
    );
    assert_eq!(played.said, ["f: Failed None Failed"]);
    let story = played.story();
    assert!(story.contains(&"b skip PipelineRun was stopping".to_owned()));
    played.is_clean();
}

#[tokio::test]
async fn a_failure_that_is_made_light_of_lets_the_run_succeed() {
    let spec = tasks(&[
        task("a", "['exit 3']", "onError: continue"),
        task("b", "['say on']", "runAfter: [a]"),
    ]);
    let played = World::pipeline(&spec).play().await;
    assert_eq!(
        played.verdict(),
        (
            "Succeeded",
            "Tasks Completed: 2 (Failed: 1 (Ignored: 1), Cancelled 0), Skipped: 0"
        )
    );
    assert_eq!(played.said, ["b: on"]);
}

#[tokio::test]
async fn a_task_whose_when_says_no_is_skipped_with_its_expressions() {
    let spec = tasks(&[
        task(
            "a",
            "['say never']",
            "when: [{input: x, operator: in, values: [other]}]",
        ),
        task("b", "['say on']", "runAfter: [a]"),
    ]);
    let played = World::pipeline(&spec).play().await;
    assert_eq!(played.verdict().0, "Completed");
    assert_eq!(played.said, ["b: on"]);
    assert_eq!(
        played.skipped(),
        [r#"a [{"input":"x","operator":"in","values":["other"]}]"#]
    );
}

#[tokio::test]
async fn a_task_that_is_skipped_unasked_still_tells_its_when() {
    let of_a =
        "when: [{input: $(params.p), operator: in, values: [$(tasks.a.results.r)]}]\nrunAfter: [a]";
    let missing = "params: [{name: r, value: $(tasks.a.results.r)}]\nwhen: [{input: x, operator: in, values: [x]}]";
    let spec = [
        tasks(&[
            wide_task("a", "['exit 3']", "results: [{name: r}]", ""),
            task("b", "['say never']", of_a),
        ]),
        finally(&[task("f", "['say never']", missing)]),
    ];
    let params = "params: [{name: p, value: given}]";
    let played = World::with(params, &spec.concat()).play().await;
    assert_eq!(played.verdict().0, "Failed");
    assert_eq!(
        played.skipped(),
        [
            r#"b [{"input":"given","operator":"in","values":["$(tasks.a.results.r)"]}]"#,
            // As Tekton has it: of `finally`, only what `when` itself forbade.
            "f []",
        ]
    );
}

#[tokio::test]
async fn a_result_that_nobody_wrote_fails_the_run_and_finally_still_runs() {
    let spec = [
        tasks(&[
            wide_task("a", "['say nothing']", "results: [{name: r}]", ""),
            task(
                "b",
                "['say $(params.r)']",
                "params: [{name: r, value: $(tasks.a.results.r)}]",
            ),
        ]),
        finally(&[task("f", "['say last']", "")]),
    ];
    let played = World::pipeline(&spec.concat()).play().await;
    assert_eq!(played.verdict().0, "InvalidTaskResultReference");
    assert_eq!(played.said, ["a: nothing", "f: last"]);
    played.is_clean();
}
