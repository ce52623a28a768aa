//! Pipelines from their YAML to their verdict, on a backend whose steps do what their arguments say. The rules about what
//! runs when have their tests beside the scheduler; here is that they hold from end to end.

mod world;

use std::time::Duration;

use stepwell_engine::Why;
use stepwell_spec::RequestedStatus;
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
    let skips: Vec<_> = played
        .events
        .iter()
        .filter_map(|event| match &event.kind {
            stepwell_contract::EventKind::TaskSkip {
                when_expressions, ..
            } => Some(when_expressions.clone()),
            _ => None,
        })
        .collect();
    assert_eq!(
        serde_json::to_value(skips).expect("JSON"),
        serde_json::json!([[{"input": "x", "operator": "in", "values": ["other"]}]])
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

const NESTED: &str = "
tasks:
- name: outer
  pipelineSpec:
    tasks:
    - name: inner
      taskSpec: {steps: [{name: s, image: ./step.wasm, args: [DOES]}]}
    finally:
    - name: tidy
      taskSpec: {steps: [{name: s, image: ./step.wasm, args: [say tidy]}]}
- name: after
  runAfter: [outer]
  taskSpec: {steps: [{name: s, image: ./step.wasm, args: [say after]}]}
finally:
- name: last
  taskSpec: {steps: [{name: s, image: ./step.wasm, args: [say last]}]}
";

#[tokio::test]
async fn a_nested_pipeline_is_a_task_of_its_parent() {
    let played = World::pipeline(&NESTED.replace("DOES", "say in"))
        .play()
        .await;
    assert_eq!(
        played.verdict(),
        (
            "Succeeded",
            "Tasks Completed: 3 (Failed: 0, Cancelled 0), Skipped: 0"
        )
    );
    assert_eq!(
        played.story()[1..],
        [
            "run pipeline run",
            "outer pipeline run-outer",
            "outer/inner start run-outer-inner",
            "outer/inner Succeeded",
            "outer finally",
            "outer/tidy start run-outer-tidy",
            "outer/tidy Succeeded",
            "outer pipeline Succeeded",
            "after start run-after",
            "after Succeeded",
            "run finally",
            "last start run-last",
            "last Succeeded",
            "run pipeline Succeeded",
            "run ends: Succeeded",
        ]
    );
    played.is_clean();
}

#[tokio::test]
async fn cancelling_reaches_everything_and_nothing_runs_after_it() {
    let world = World::pipeline(&NESTED.replace("DOES", "wait"));
    let played = world.play_while(async |waits, control| {
        waits.one().await;
        control.ask(RequestedStatus::Cancelled);
    });
    let played = played.await;
    assert_eq!(
        played.verdict(),
        ("Cancelled", r#"PipelineRun "run" was cancelled"#)
    );
    assert!(played.said.is_empty());
    assert_eq!(
        played.story()[3..],
        [
            "outer/inner start run-outer-inner",
            "outer/inner TaskRunCancelled",
            "outer pipeline Cancelled",
            "run pipeline Cancelled",
            "run ends: Cancelled",
        ]
    );
    assert_eq!(
        played.message("outer/inner"),
        r#"TaskRun "run-outer-inner" was cancelled. TaskRun cancelled as the PipelineRun it belongs to has been cancelled."#
    );
    played.is_clean();
}

#[tokio::test]
async fn cancelling_gracefully_stops_the_nested_pipeline_and_runs_finally() {
    let world = World::pipeline(&NESTED.replace("DOES", "wait"));
    let played = world.play_while(async |waits, control| {
        waits.one().await;
        control.ask(RequestedStatus::CancelledRunFinally);
    });
    let played = played.await;
    assert_eq!(played.verdict().0, "Cancelled");
    assert_eq!(played.said, ["last: last"]);
    let skipped = "after skip PipelineRun was gracefully cancelled".to_owned();
    assert!(played.story().contains(&skipped));
    played.is_clean();
}

#[tokio::test]
async fn a_second_request_goes_over_the_first() {
    let spec = [
        tasks(&[task("a", "['wait']", "")]),
        finally(&[task("f", "['wait']", "")]),
    ];
    let world = World::pipeline(&spec.concat());
    let played = world.play_while(async |waits, control| {
        waits.one().await;
        control.ask(RequestedStatus::CancelledRunFinally);
        waits.one().await;
        control.ask(RequestedStatus::Cancelled);
    });
    let played = played.await;
    assert_eq!(played.verdict().0, "Cancelled");
    let cancelled = |line: &&String| line.ends_with("TaskRunCancelled");
    assert_eq!(played.story().iter().filter(cancelled).count(), 2);
    played.is_clean();
}

#[tokio::test(start_paused = true)]
async fn when_the_time_of_the_tasks_is_up_they_stop_and_finally_runs() {
    let spec = [
        tasks(&[
            task("a", "['wait']", ""),
            task("b", "['say never']", "runAfter: [a]"),
        ]),
        finally(&[task("f", "['say last']", "")]),
    ];
    let world = World::with("timeouts: {tasks: 90s, pipeline: 10m}", &spec.concat());
    let played = world.play_while(async |waits, _| {
        waits.one().await;
        tokio::time::advance(Duration::from_secs(90)).await;
    });
    let played = played.await;
    assert_eq!(
        played.verdict(),
        (
            "PipelineRunTimeout",
            r#"PipelineRun "run" failed due to tasks failed to finish within "1m30s""#
        )
    );
    assert_eq!(played.said, ["f: last"]);
    assert_eq!(
        played.message("a"),
        r#"TaskRun "run-a" was cancelled. TaskRun cancelled as the PipelineRun it belongs to has timed out."#
    );
    played.is_clean();
}

#[tokio::test(start_paused = true)]
async fn when_the_time_of_the_run_is_up_finally_stops_too() {
    let spec = [
        tasks(&[task("a", "['say done']", "")]),
        finally(&[task("f", "['wait']", "")]),
    ];
    let world = World::with("timeouts: {pipeline: 2m}", &spec.concat());
    let played = world.play_while(async |waits, _| {
        waits.one().await;
        tokio::time::advance(Duration::from_secs(120)).await;
    });
    let played = played.await;
    assert_eq!(
        played.verdict(),
        (
            "PipelineRunTimeout",
            r#"PipelineRun "run" failed to finish within "2m0s""#
        )
    );
    played.is_clean();
}

#[tokio::test]
async fn a_pending_run_does_not_begin() {
    let spec = tasks(&[task("a", "['say never']", "")]);
    let played = World::with("status: PipelineRunPending", &spec)
        .play()
        .await;
    assert_eq!(
        played.verdict(),
        ("PipelineRunPending", r#"PipelineRun "run" is pending"#)
    );
    assert!(played.said.is_empty());
    played.is_clean();
}

#[tokio::test]
async fn what_the_backend_cannot_do_in_one_task_stops_all_others() {
    for defect in ["break", "panic"] {
        let spec = [
            tasks(&[
                task("a", "['meet 2', 'wait']", ""),
                task("b", &format!("['meet 2', '{defect}']"), ""),
                task("c", "['say never']", "runAfter: [b]"),
            ]),
            finally(&[task("f", "['say never']", "")]),
        ];
        let played = World::pipeline(&spec.concat()).play().await;
        assert!(played.ended.is_err());
        assert!(played.said.is_empty());
        let story = played.story();
        assert!(
            story.contains(&"a TaskRunCancelled".to_owned()),
            "{story:?}"
        );
        let errors = played
            .events
            .iter()
            .filter(|event| matches!(event.kind, stepwell_contract::EventKind::Error { .. }));
        assert_eq!(errors.count(), 1);
        played.is_clean();
    }
}

#[tokio::test]
async fn a_document_that_depends_on_a_result_is_fetched_when_it_is_known() {
    let spec = tasks(&[
        wide_task("pick", "['result name greet']", "results: [{name: name}]", ""),
        "- name: late\n  taskRef:\n    resolver: shelf\n    params: [{name: name, value: $(tasks.pick.results.name)}]\n".to_owned(),
    ]);
    let greet = "
apiVersion: tekton.dev/v1
kind: Task
metadata: {name: greet}
spec: {steps: [{name: s, image: ./step.wasm, args: [say fetched]}]}
";
    let played = World::pipeline(&spec).shelve("greet", greet).play().await;
    assert_eq!(played.verdict().0, "Succeeded", "{:?}", played.story());
    assert_eq!(played.said, ["late: fetched"]);
    let played = World::pipeline(&spec).play().await;
    assert_eq!(played.verdict().0, "CouldntGetTask");
    assert!(played.verdict().1.contains("no `greet` on the shelf"));
    played.is_clean();
}

/// A Task that takes as many StepActions as `steps` says, each of which is fetched.
fn many_parts(steps: usize) -> String {
    let steps = (0..steps).map(|step| {
        format!(
            "  - name: s{step}\n    ref: {{resolver: shelf, params: [{{name: name, value: part-{step}}}]}}\n"
        )
    });
    format!(
        "apiVersion: tekton.dev/v1\nkind: Task\nmetadata: {{name: parts}}\nspec:\n  steps:\n{}",
        steps.collect::<String>()
    )
}

async fn fetch_parts(steps: usize) -> world::Played {
    let spec = tasks(&[
        wide_task("pick", "['result name parts']", "results: [{name: name}]", ""),
        "- name: late\n  taskRef:\n    resolver: shelf\n    params: [{name: name, value: $(tasks.pick.results.name)}]\n".to_owned(),
    ]);
    let mut world = World::pipeline(&spec).shelve("parts", &many_parts(steps));
    for step in 0..steps {
        let part = format!(
            "apiVersion: tekton.dev/v1beta1\nkind: StepAction\nmetadata: {{name: part}}\nspec: {{image: ./step.wasm, args: [say part {step}]}}\n"
        );
        world = world.shelve(&format!("part-{step}"), &part);
    }
    world.play().await
}

#[tokio::test]
async fn parts_of_a_late_document_are_fetched_as_well() {
    let played = fetch_parts(3).await;
    assert_eq!(played.verdict().0, "Succeeded", "{:?}", played.verdict());
    assert_eq!(
        played.said,
        ["late: part 0", "late: part 1", "late: part 2"]
    );
}

#[tokio::test]
async fn attack_documents_that_refer_on_and_on_are_not_fetched_for_ever() {
    let played = fetch_parts(120).await;
    assert_eq!(played.verdict().0, "CouldntGetTask");
    assert!(
        played.verdict().1.contains("refers on and on"),
        "{:?}",
        played.verdict()
    );
    played.is_clean();
}

#[test]
fn what_is_refused_is_told_with_its_task_and_its_step() {
    let spec = tasks(&[
        task("a", "['say a']", ""),
        task("b", "['say b']", "").replace("step.wasm", "refused.wasm"),
    ]);
    let (admitted, _) = World::pipeline(&spec).admit();
    let refused = admitted.expect_err("refused").refused;
    assert_eq!(refused.len(), 1);
    assert_eq!(refused[0].task.as_str(), "b");
    assert_eq!(refused[0].step.as_ref().expect("a step").as_str(), "s");
    assert!(matches!(refused[0].why, Why::Sandbox(_)));
}

#[test]
fn what_is_the_same_is_asked_once() {
    let wide: Vec<_> = (0..50)
        .map(|number| task(&format!("t{number}"), "['say here']", ""))
        .collect();
    let (admitted, asked) = World::pipeline(&tasks(&wide)).admit();
    assert!(admitted.is_ok());
    assert_eq!(asked, 1);
}

#[tokio::test]
async fn a_run_that_nobody_waits_for_any_more_stops() {
    let spec = tasks(&[
        task("a", "['meet 2', 'wait']", ""),
        task("b", "['meet 2', 'wait']", ""),
    ]);
    let world = World::pipeline(&spec);
    let stopped = world.stopped();
    let waits = world.waits();
    tokio::select! {
        _ = world.play() => panic!("it waits"),
        () = async {
            waits.one().await;
            waits.one().await;
        } => {}
    }
    // The run was dropped while both waited: nothing but that tells them to stop.
    tokio::task::spawn_blocking(stopped).await.expect("stopped");
}

/// ```text
/// cargo test --release -p stepwell-engine --test pipelines -- --ignored --nocapture
/// ```
#[tokio::test]
#[ignore = "measures; the numbers mean something in a release build"]
async fn ten_thousand_tasks() {
    type Shape = fn(usize) -> String;
    let wide: Shape = |_| String::new();
    let deep: Shape = |number| match number {
        0 => String::new(),
        number => format!("runAfter: [t{}]", number - 1),
    };
    for (name, shape) in [("wide", wide), ("deep", deep)] {
        for count in [1_000, 10_000] {
            let all: Vec<_> = (0..count)
                .map(|number| task(&format!("t{number}"), "[]", &shape(number)))
                .collect();
            let read = std::time::Instant::now();
            let mut world = World::with("timeouts: {pipeline: '0'}", &tasks(&all));
            let read = read.elapsed();
            world.places = 2;
            let began = std::time::Instant::now();
            let played = world.play().await;
            assert_eq!(played.verdict().0, "Succeeded");
            let each = |took: Duration| took.as_micros() as f64 / count as f64;
            println!(
                "{name:5} {count:6} tasks: {:.1} µs a task to read, {:.1} to admit and run",
                each(read),
                each(began.elapsed())
            );
        }
    }
}
