//! What the scheduler costs with ten thousand tasks, and that it does not grow with their square.
//!
//! ```text
//! cargo test --release -p stepwell-engine --lib scale -- --ignored --nocapture
//! ```

use std::collections::VecDeque;
use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use stepwell_spec::{OnError, Section, Timeouts};

use crate::graph::{Answer, At, Command, Ended, Ending, Made, Moment, Node, Schedule};

/// The parents of each task.
type Shape = Vec<Vec<usize>>;

fn wide(tasks: usize) -> Shape {
    vec![Vec::new(); tasks]
}

fn deep(tasks: usize) -> Shape {
    (0..tasks)
        .map(|task| task.checked_sub(1).into_iter().collect())
        .collect()
}

/// One, then layers of a hundred each of which waits for four of the layer before, then one that waits for the last.
fn diamond(tasks: usize) -> Shape {
    let mut shape = vec![Vec::new()];
    while shape.len() + 1 < tasks {
        let task = shape.len();
        let parents = match task {
            1..=100 => vec![0],
            _ => {
                let layer = (task - 1) / 100 * 100 - 99;
                let mut parents: Vec<_> =
                    (0..4).map(|step| layer + (task + step * 7) % 100).collect();
                parents.sort_unstable();
                parents
            }
        };
        shape.push(parents);
    }
    shape.push((shape.len().saturating_sub(100)..shape.len()).collect());
    shape
}

/// Runs it to its end: how long that took, and how many tasks ran.
fn drive(shape: &Shape, places: usize) -> (Duration, usize) {
    let began = Instant::now();
    let mut schedule = Schedule::new(NonZeroUsize::new(places).expect("places"));
    let nodes = shape.iter().map(|parents| Node {
        parents,
        section: Section::Tasks,
        on_error: OnError::StopAndFail,
    });
    let hour = Some(Duration::from_secs(3600));
    let timeouts = Timeouts {
        pipeline: hour,
        ..Timeouts::default()
    };
    let now = Moment::default();
    schedule.begin(now, nodes, timeouts, None);
    let mut running: VecDeque<At> = VecDeque::new();
    let mut ran = 0;
    loop {
        while let Some(command) = schedule.next() {
            match command {
                Command::Ask(at) => schedule.answered(now, at, Answer::Run),
                Command::Make(at) => schedule.made(now, at, Made::Tasks(1)),
                Command::Start { at, .. } => {
                    running.push_back(at);
                    assert!(running.len() <= places);
                }
                Command::Settle { .. } => ran += 1,
                Command::Finish { ending, .. } => {
                    assert!(matches!(ending, Ending::Counted { .. }));
                    return (began.elapsed(), ran);
                }
                other => panic!("not foreseen: {other:?}"),
            }
        }
        let at = running.pop_front().expect("something runs");
        let ended = Ended {
            succeeded: true,
            cancelled: false,
        };
        schedule.ended(now, at, 0, ended);
    }
}

#[test]
#[ignore = "measures; the numbers mean something in a release build"]
fn ten_thousand_tasks_of_every_shape() {
    type Make = fn(usize) -> Shape;
    for (name, make) in [("wide", wide as Make), ("deep", deep), ("diamond", diamond)] {
        for tasks in [1_000, 10_000, 100_000] {
            let shape = make(tasks);
            let (took, ran) = drive(&shape, 4);
            assert_eq!(ran, tasks);
            let each = took.as_nanos() as f64 / 1_000.0 / tasks as f64;
            println!("{name:8} {tasks:7} tasks: {each:.3} µs a task");
        }
    }
}

#[test]
fn a_chain_and_a_fan_of_ten_thousand_come_to_their_end() {
    for shape in [wide(10_000), deep(10_000), diamond(10_000)] {
        assert_eq!(drive(&shape, 4).1, 10_000);
    }
}
