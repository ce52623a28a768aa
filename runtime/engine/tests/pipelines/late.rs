//! What is asked before a run, what is fetched in it, and what all of it costs.

use std::time::Duration;

use stepwell_engine::Why;

use super::world::{Played, World};
use super::{task, tasks, wide_task};

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

async fn fetch_parts(steps: usize) -> Played {
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
