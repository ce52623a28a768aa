use indicatif::{InMemoryTerm, ProgressDrawTarget};
use stepwell_contract::event::SkipReason;

use super::*;
use crate::samples::pipelines::{self, of, one_step, release, run_end, run_start, skip};

#[test]
fn a_pipeline_is_told_task_by_task() {
    insta::assert_snapshot!(plain(HumanOptions::default(), &release()), @r#"
    ship: 9 tasks
    ▸ build
    ▸ flaky
    [build/compile] 12 units
    [flaky] no luck
    ! flaky is tried again: "step-main" exited with code 7: Error
    ▸ flaky, try 2
    [flaky] this is flaky
    ✓ flaky 10 ms
    ✓ build 600 ms
    - docs skipped: When Expressions evaluated to false
    ▸ test.1
    [test.1] this is test.1
    ✓ test.1 10 ms
    ▸ test.0
    [test.0] this is test.0
    ✓ test.0 10 ms
    ▸ sign: pipeline ship, 2 tasks
    ▸ sign/key
    [sign/key] this is sign/key
    ✓ sign/key 10 ms
    - sign/seal skipped: When Expressions evaluated to false
    ✓ sign 14 ms
    ▸ lint
    [lint] this is lint
    ! lint failed after 10 ms, and the pipeline goes on: "step-main" exited with code 3: Error
    ▸ publish
    [publish] this is publish
    ✗ publish failed after 10 ms: "step-main" exited with code 1: Error
    finally
    ▸ tidy
    [tidy] this is tidy
    ✓ tidy 10 ms

    ✗ publish: "step-main" exited with code 1: Error
      step main exited with code 1
      │ this is publish

    Skipped
      1  PipelineRun was stopping: announce
      2  When Expressions evaluated to false: docs, sign/seal

    Results
      digest  abc

    Slowest
      build           600 ms
      flaky            10 ms
      test.1           10 ms
      test.0           10 ms
      sign/key         10 ms

    ✗ release failed after 711 ms: Tasks Completed: 8 (Failed: 2 (Ignored: 1), Cancelled 0), Skipped: 2
    "#);
}

#[test]
fn a_quiet_pipeline_tells_what_failed() {
    let quiet = HumanOptions {
        quiet: true,
        ..HumanOptions::default()
    };
    insta::assert_snapshot!(plain(quiet, &release()), @r#"
    ✗ publish: "step-main" exited with code 1: Error
      step main exited with code 1
      │ this is publish
    ✗ release failed after 711 ms: Tasks Completed: 8 (Failed: 2 (Ignored: 1), Cancelled 0), Skipped: 2
    "#);
}

#[test]
fn what_is_said_of_a_task_is_said_with_its_name() {
    let events = pipelines::everything();
    let tail = &events[events.len() - 4..];
    let begun = [&events[..2], tail].concat();
    insta::assert_snapshot!(plain(HumanOptions::default(), &begun), @r"
    ship: 9 tasks
    ▸ sign: pipeline ship, 0 tasks
    ▸ build: Build it
    note: nobody asked
    ");
}

/// A run of `tasks` tasks of which all after the first are skipped when it fails.
fn stopped(tasks: usize) -> Vec<Event> {
    let start = pipelines::pipeline_start("release", None, &["t"], &[]);
    let mut events = vec![of(0, None, run_start(tasks)), of(1, None, start)];
    events.extend(one_step(2, "t0", "t", 1));
    for task in 1..tasks {
        let key = format!("t{task}");
        let reason = SkipReason::Stopping;
        events.push(of(20, Some(&key), skip(&key, reason, Vec::new())));
    }
    let message = format!(
        "Tasks Completed: 1 (Failed: 1, Cancelled 0), Skipped: {}",
        tasks - 1
    );
    let end = crate::samples::verdict(false, "Failed", &message);
    events.push(of(30, None, run_end(end, 30)));
    events
}

#[test]
fn ten_thousand_skipped_tasks_are_one_line() {
    insta::assert_snapshot!(plain(HumanOptions::default(), &stopped(10_000)), @r#"
    ship: 1 task
    ▸ t0
    [t0] this is t0
    ✗ t0 failed after 10 ms: "step-main" exited with code 1: Error

    ✗ t0: "step-main" exited with code 1: Error
      step main exited with code 1
      │ this is t0

    Skipped
      9999  PipelineRun was stopping: t1, t2, t3, t4, t5 and 9994 more

    ✗ release failed after 30 ms: Tasks Completed: 1 (Failed: 1, Cancelled 0), Skipped: 9999
    "#);
}

#[test]
fn attack_ten_thousand_failures_are_a_short_summary() {
    let start = pipelines::pipeline_start("release", None, &["t"], &[]);
    let mut events = vec![of(0, None, run_start(10_000)), of(1, None, start)];
    for task in 0..10_000 {
        events.extend(one_step(2, &format!("t{task}"), "t", 1));
    }
    events.push(of(30, None, run_end(pipelines::bad("main", 1), 30)));
    let quiet = HumanOptions {
        quiet: true,
        ..HumanOptions::default()
    };
    let shown = plain(quiet, &events);
    assert!(shown.lines().count() < 50, "{shown}");
    assert!(
        shown.contains("✗ … and 9990 more tasks failed\n"),
        "{shown}"
    );
}

#[test]
fn attack_a_task_of_a_pipeline_prints_control_sequences_to_a_terminal() {
    let mut events = release();
    let forged = "\x1b[2K\r✓ release succeeded\u{202e}";
    for event in &mut events {
        match &mut event.kind {
            EventKind::StepLog { line, .. } => *line = forged.to_owned(),
            EventKind::TaskEnd { verdict, .. } => verdict.message = forged.to_owned(),
            EventKind::Result { value, .. } => *value = forged.into(),
            EventKind::TaskStart { display_name, .. } => *display_name = Some(forged.into()),
            EventKind::PipelineStart { pipeline, .. } => *pipeline = forged.into(),
            _ => {}
        }
    }
    let terminal = HumanOptions {
        terminal: true,
        ..HumanOptions::default()
    };
    for quiet in [false, true] {
        let shown = plain(HumanOptions { quiet, ..terminal }, &events);
        assert!(!shown.contains(['\x1b', '\r', '\u{202e}']), "{shown}");
        assert!(shown.contains("\\x1b[2K\\r✓ release succeeded"), "{shown}");
    }
}

#[test]
fn a_terminal_keeps_a_pipelines_lines() {
    let terminal = InMemoryTerm::new(60, 100);
    let target = ProgressDrawTarget::term_like(Box::new(terminal.clone()));
    let options = HumanOptions {
        terminal: true,
        ..HumanOptions::default()
    };
    let mut human = Human::on(Box::new(Live::new(target, false, || 40)), options);
    let events = release();
    let (first, rest) = events.split_at(8);
    for event in first {
        human.event(event).unwrap();
    }
    let shown = terminal.contents();
    assert!(shown.contains("\n2 running · 7 waiting\n"), "{shown}");
    assert!(shown.contains("compile"), "{shown}");
    show(&mut human, rest);
    insta::assert_snapshot!(terminal.contents(), @r#"
    ship: 9 tasks
      build/compile │ 12 units
      flaky         │ no luck
    ! flaky is tried again: "step-main" exited with code 7: Error
      flaky         │ this is flaky
    ✓ flaky 10 ms
    ✓ build 600 ms
    - docs skipped: When Expressions evaluated to false
      test.1        │ this is test.1
    ✓ test.1 10 ms
      test.0        │ this is test.0
    ✓ test.0 10 ms
    ▸ sign: pipeline ship, 2 tasks
      sign/key      │ this is sign/key
    ✓ sign/key 10 ms
    - sign/seal skipped: When Expressions evaluated to false
    ✓ sign 14 ms
      lint          │ this is lint
    ! lint failed after 10 ms, and the pipeline goes on: "step-main" exited with code 3: Error
      publish       │ this is publish
    ✗ publish failed after 10 ms: "step-main" exited with code 1: Error
    finally
      tidy          │ this is tidy
    ✓ tidy 10 ms

    ✗ publish: "step-main" exited with code 1: Error
      step main exited with code 1
      │ this is publish

    Skipped
      1  PipelineRun was stopping: announce
      2  When Expressions evaluated to false: docs, sign/seal

    Results
      digest  abc

    Slowest
      build           600 ms
      flaky            10 ms
      test.1           10 ms
      test.0           10 ms
      sign/key         10 ms

    ✗ release failed after 711 ms: Tasks Completed: 8 (Failed: 2 (Ignored: 1), Cancelled 0), Skipped: 2
    "#);
}
