mod pipelines;

use indicatif::{InMemoryTerm, ProgressDrawTarget};

use super::*;
use crate::samples::{
    self, Page, cancelled, event, failure, log, run, show, step_end, step_start, success,
    task_start, verdict,
};
use crate::tail::{LINES, Tail};

fn plain(options: HumanOptions, events: &[Event]) -> String {
    let page = Page::default();
    show(&mut Human::plain(page.clone(), options), events);
    page.text()
}

#[test]
fn a_pipe_gets_lines_with_the_step_before_them() {
    // The guest's own bytes: a pipe obeys nothing.
    insta::assert_snapshot!(plain(HumanOptions::default(), &success()).replace('\x1b', "ESC").replace('\r', "CR"), @r#"
    site: 2 steps
    [links] checking ESC[31m12ESC[0m pages
    [links] a line in two parts
    ✓ links 120 ms
    [render] PASSEDCRFAILED
    ✓ render 869 ms

    Results
      pages   12
      broken  ["a.md", "no"]
      digest  012345678901234567890123456789012345678901234567890123456789… (80 bytes)
      size    html="12"

    Time
      links             120 ms   11 %
      render            869 ms   85 %
      (stepwell)         31 ms    3 %

    ✓ site-abcde succeeded in 1.0 s
    "#);
}

#[test]
fn the_same_failure_of_every_try_is_told_once() {
    let fails = |at, code| {
        let reason = stepwell_contract::TerminationReason::Error;
        let ending = Some(stepwell_contract::Ending::Exited { code });
        event(at, Some("test"), step_end(reason, ending, 1))
    };
    let again = |at| event(at, None, task_start(&["test"]));
    let told = |codes: [i32; 3]| {
        let middle = vec![
            fails(2, codes[0]),
            again(3),
            fails(4, codes[1]),
            again(5),
            fails(6, codes[2]),
        ];
        let end = verdict(false, "StepFailed", "no");
        let text = plain(HumanOptions::default(), &run(&["test"], middle, end, 7));
        let lines = text.lines().filter(|line| line.starts_with("step "));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(
        told([1, 1, 1]),
        ["step test exited with code 1, in each of 3 tries"]
    );
    assert_eq!(
        told([1, 2, 1]),
        [
            "step test exited with code 1, in 2 of 3 tries",
            "step test exited with code 2, in 1 of 3 tries",
        ]
    );
}

#[test]
fn a_failure_says_what_failed_and_why() {
    insta::assert_snapshot!(plain(HumanOptions::default(), &failure()), @r#"
    site: 3 steps
    ! lint exited with code 3, and the task goes on 10 ms
    [render] page 1
    [render] panicked at src/main.rs:3:5: boom
    ✗ render failed 19 ms
    - manifest skipped

    step render trapped: wasm `unreachable` instruction executed
      panicked at src/main.rs:3:5: boom
        at site::main (src/main.rs:3)

    Time
      lint               10 ms   20 %
      render             19 ms   38 %
      (stepwell)         21 ms   42 %

    ✗ site-abcde failed after 50 ms: "step-render" exited with code 134: Error
    "#);
}

#[test]
fn quiet_success_is_one_line() {
    let quiet = HumanOptions {
        quiet: true,
        ..HumanOptions::default()
    };
    insta::assert_snapshot!(plain(quiet, &success()), @"✓ site-abcde succeeded in 1.0 s");
}

#[test]
fn quiet_failure_shows_the_last_lines_of_the_step_that_failed() {
    let quiet = HumanOptions {
        quiet: true,
        ..HumanOptions::default()
    };
    insta::assert_snapshot!(plain(quiet, &failure()), @r#"
    [render] page 1
    [render] panicked at src/main.rs:3:5: boom
    step render trapped: wasm `unreachable` instruction executed
      panicked at src/main.rs:3:5: boom
        at site::main (src/main.rs:3)
    ✗ site-abcde failed after 50 ms: "step-render" exited with code 134: Error
    "#);
}

#[test]
fn quiet_keeps_a_bounded_tail_of_a_step_that_floods() {
    let quiet = HumanOptions {
        quiet: true,
        ..HumanOptions::default()
    };
    let mut human = Human::plain(Page::default(), quiet);
    human
        .event(&event(1, Some("flood"), step_start("flood")))
        .unwrap();
    for _ in 0..1000 {
        human
            .event(&event(
                1,
                Some("flood"),
                log(LogStream::Stdout, &"x".repeat(100_000), false),
            ))
            .unwrap();
    }
    let Kind::Lone(lone) = &human.run else {
        panic!("a pipeline");
    };
    let kept: usize = lone.tails.values().flat_map(Tail::iter).map(str::len).sum();
    assert!(kept < LINES * (WIDTH + 40), "{kept}");
}

#[test]
fn colour_is_used_only_when_asked_for() {
    assert!(!plain(HumanOptions::default(), &failure()).contains('\x1b'));
    let colour = HumanOptions {
        colour: true,
        terminal: true,
        quiet: false,
    };
    insta::assert_snapshot!(plain(colour, &cancelled()).replace('\x1b', "ESC"), @r#"
    ESC[1msiteESC[0mESC[2m: 2 stepsESC[0m
    ESC[31m✗ESC[0m links cancelledESC[2m 2.4 sESC[0m
    ESC[2m-ESC[0m render skipped

    ESC[31mstep links was cancelledESC[0m

    ESC[1mTimeESC[0m
      links              2.4 s  ESC[2m 95 %ESC[0m
      (stepwell)        110 ms  ESC[2m  4 %ESC[0m

    ESC[31m✗ESC[0m site-abcde failed after 2.6 s: TaskRun "site-abcde" was cancelled.
    "#);
}

#[test]
fn attack_a_guest_prints_control_sequences_to_a_terminal() {
    let terminal = HumanOptions {
        terminal: true,
        ..HumanOptions::default()
    };
    let shown = plain(terminal, &success());
    assert!(shown.contains("[links] checking 12 pages\n"), "{shown}");
    assert!(shown.contains("[render] PASSED\\rFAILED\n"), "{shown}");
    assert!(!shown.contains(['\x1b', '\r']), "{shown}");
}

#[test]
fn attack_a_guest_forges_the_summary_through_a_result() {
    let mut events = success();
    let forged = "1\n\x1b[2K✓ site-abcde succeeded";
    events.insert(
        12,
        event(1, None, crate::samples::result("evil", forged.into())),
    );
    let shown = plain(HumanOptions::default(), &events);
    assert!(
        shown.contains("evil    1\\n\\x1b[2K✓ site-abcde succeeded\n"),
        "{shown}"
    );
}

#[test]
fn a_terminal_keeps_what_scrolled_by() {
    let terminal = InMemoryTerm::new(40, 80);
    let target = ProgressDrawTarget::term_like(Box::new(terminal.clone()));
    let options = HumanOptions {
        terminal: true,
        ..HumanOptions::default()
    };
    let mut human = Human::on(Box::new(Live::new(target, false, || 40)), options);
    show(&mut human, &failure());
    insta::assert_snapshot!(terminal.contents(), @r#"
    site: 3 steps
    ! lint exited with code 3, and the task goes on 10 ms
      render   │ page 1
      render   │ panicked at src/main.rs:3:5: boom
    ✗ render failed 19 ms
    - manifest skipped

    step render trapped: wasm `unreachable` instruction executed
      panicked at src/main.rs:3:5: boom
        at site::main (src/main.rs:3)

    Time
      lint               10 ms   20 %
      render             19 ms   38 %
      (stepwell)         21 ms   42 %

    ✗ site-abcde failed after 50 ms: "step-render" exited with code 134: Error
    "#);
}

#[test]
fn what_a_sidecar_says_has_its_name_before_it() {
    insta::assert_snapshot!(plain(HumanOptions::default(), &samples::beside(None)), @r"
    site: 1 step
    [sidecar-db] listening on 5432
    ✓ test 100 ms

    Time
      test              100 ms   71 %
      (stepwell)         40 ms   28 %

    ✓ site-abcde succeeded in 140 ms
    ");
    insta::assert_snapshot!(plain(HumanOptions::default(), &samples::beside(Some(3))), @r#"
    site: 1 step
    [sidecar-db] listening on 5432
    ✓ test 100 ms
      7 bytes of output are not shown: sidecar-db reached its limit `output`
    ✗ sidecar-db ended with code 3

    Time
      test              100 ms   71 %
      (stepwell)         40 ms   28 %

    ✗ site-abcde failed after 140 ms: "sidecar-db" exited with code 3: Error
    "#);
}

#[test]
fn quiet_mode_shows_what_a_sidecar_that_failed_said() {
    let quiet = HumanOptions {
        quiet: true,
        ..HumanOptions::default()
    };
    insta::assert_snapshot!(plain(quiet, &samples::beside(Some(3))), @r#"
    [sidecar-db] listening on 5432
    ✗ site-abcde failed after 140 ms: "sidecar-db" exited with code 3: Error
    "#);
    assert!(!plain(quiet, &samples::beside(None)).contains("listening"));
}
