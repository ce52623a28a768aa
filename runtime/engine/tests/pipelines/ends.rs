//! How a pipeline is ended from outside, from inside, by its time and by what we cannot do.

use std::time::Duration;

use stepwell_spec::RequestedStatus;

use super::world::World;
use super::{finally, task, tasks};

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

#[tokio::test(start_paused = true)]
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

#[tokio::test(start_paused = true)]
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

#[tokio::test(start_paused = true)]
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

#[tokio::test(start_paused = true)]
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

#[tokio::test(start_paused = true)]
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
