//! What a step prints: all of it, apart, in order, while it runs, in bounded memory.

use std::fs;

use stepwell_contract::{Cancel, CancelReason};

use crate::stage::Stage;
use crate::{Action, Case, act};

pub(crate) const CASES: &[Case] = &[
    Case::new("log_target", "what a step prints is heard", target),
    Case::new(
        "log_failing",
        "it is heard of a step that fails, with its exit code",
        failing,
    ),
    Case::new(
        "log_silent",
        "nothing is heard of a step that prints nothing",
        silent,
    ),
    Case::new(
        "log_apart",
        "standard output and standard error stay apart",
        apart,
    ),
    Case::new("log_order", "lines come whole and in order", order),
    Case::new(
        "log_odd_arguments",
        "arguments arrive as they are, whatever is in them",
        odd_arguments,
    ),
    Case::new(
        "log_unended",
        "what has no line end is heard before the ending",
        unended,
    ),
    Case::new(
        "log_started",
        "that the program runs is said once, and not of one that was stopped before",
        started,
    ),
    Case::new("log_live", "a line is heard while the step runs", live),
    Case::new(
        "log_flood",
        "gigabytes of output cost the host a bounded amount of memory",
        flood,
    ),
];

/// How much more memory the host may need for a step that prints without end.
const ROOM: u64 = 64 << 20;

fn target(stage: &Stage<'_>) {
    stage
        .play(&[act::print("the target")])
        .says(&["the target"]);
}

fn failing(stage: &Stage<'_>) {
    for code in [1, 3, 125] {
        let end = stage.play(&[
            act::print("the target"),
            Action::Exit(code),
            act::print("more"),
        ]);
        assert_eq!(end.stdout.trim_end(), "the target");
        assert_eq!(end.ending, stepwell_contract::Ending::Exited { code });
    }
}

fn silent(stage: &Stage<'_>) {
    let end = stage.play(&[]);
    assert!(end.ending.is_success(), "{end:#?}");
    assert_eq!((end.stdout.as_str(), end.stderr.as_str()), ("", ""));
}

fn apart(stage: &Stage<'_>) {
    let end = stage.play(&[
        act::print("one"),
        act::complain("two"),
        act::print("three"),
        act::complain("four"),
    ]);
    end.says(&["one", "three"]);
    assert_eq!(end.stderr, "two\nfour\n");
}

fn order(stage: &Stage<'_>) {
    let lines: Vec<String> = (0..200).map(|number| format!("line {number}")).collect();
    let actions: Vec<Action> = lines.iter().map(|line| act::print(line)).collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    stage.play(&actions).says(&lines);
}

fn odd_arguments(stage: &Stage<'_>) {
    let odd = [
        "",
        " a  b ",
        "-n",
        "--help",
        "a'b\"c`d",
        "$HOME $(exit 1) ${x}",
        "back\\slash \\n",
        "*",
        "Übergröße ✓",
    ];
    let actions: Vec<Action> = odd.iter().map(|line| act::print(line)).collect();
    let end = stage.play(&actions);
    assert_eq!(end.stdout, format!("{}\n", odd.join("\n")), "{end:#?}");
}

fn unended(stage: &Stage<'_>) {
    let end = stage.play(&[Action::Flood(3)]);
    assert_eq!((end.lines(), end.bytes), (vec!["xxx"], 3));
}

fn started(stage: &Stage<'_>) {
    for code in [0, 3] {
        let end = stage.play(&[act::print("the target"), Action::Exit(code)]);
        assert_eq!(end.started, 1, "{end:#?}");
    }
    let task = stage.task(&["ws"]);
    let cancel = Cancel::new();
    cancel.cancel(CancelReason::Asked);
    let step = task.prepare(stage.work(&[act::print("more")]));
    let end = task.set_off_with(step, cancel).end();
    assert_eq!(end.started, 0, "{end:#?}");
    task.close();
}

fn live(stage: &Stage<'_>) {
    let task = stage.task(&["ws"]);
    let step = task.start(stage.work(&[act::print("Pinging"), act::await_file("/ws/go")]));
    step.wait_for("Pinging");
    stage.file("ws/go", "");
    step.end().says(&["Pinging", "ok"]);
    task.close();
}

fn flood(stage: &Stage<'_>) {
    let bytes = stage.harness.flood();
    // A small one first: whatever is set up once for output is there then.
    stage.play(&[Action::Flood(1 << 20)]);
    let before = peak_memory();
    let end = stage.play(&[Action::Flood(bytes)]);
    let grown = peak_memory().saturating_sub(before);
    assert!(end.ending.is_success(), "{:?}", end.ending);
    assert_eq!(end.bytes, bytes);
    assert!(
        grown < ROOM,
        "{bytes} bytes of output took {grown} bytes of memory"
    );
}

/// The most memory that this process ever had, in bytes.
fn peak_memory() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = peak.unwrap().trim().trim_end_matches(" kB");
    kilobytes.parse::<u64>().unwrap() << 10
}
