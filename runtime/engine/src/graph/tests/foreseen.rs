//! Whose turn is foreseen while another task runs.

use std::num::NonZeroUsize;

use stepwell_spec::{OnError, Section, Timeouts};

use crate::graph::{Answer, At, Command, Ended, Made, Moment, Node, Schedule};

/// Plays tasks with these parents one at a time: each that starts, and which task is foreseen then.
fn play(parents: &[&[usize]]) -> Vec<(usize, Option<usize>)> {
    let mut schedule = Schedule::new(NonZeroUsize::MIN);
    let nodes = parents.iter().map(|parents| Node {
        parents,
        section: Section::Tasks,
        on_error: OnError::StopAndFail,
    });
    let now = Moment::default();
    schedule.begin(now, nodes, Timeouts::default(), None);
    let mut foreseen = Vec::new();
    let mut running: Option<At> = None;
    loop {
        while let Some(command) = schedule.next() {
            match command {
                Command::Ask(at) => schedule.answered(now, at, Answer::Run),
                Command::Make(at) => schedule.made(now, at, Made::Tasks(1)),
                Command::Start { at, .. } => {
                    let next = schedule.foreseen(at).map(|next| next.task);
                    foreseen.push((at.task, next));
                    running = Some(at);
                }
                Command::Settle { .. } => {}
                Command::Finish { .. } => return foreseen,
                other => panic!("not foreseen: {other:?}"),
            }
        }
        let at = running.take().expect("something runs");
        let ended = Ended {
            succeeded: true,
            cancelled: false,
        };
        schedule.ended(now, at, 0, ended);
    }
}

#[test]
fn in_a_chain_each_foresees_the_next() {
    let played = play(&[&[], &[0], &[1]]);
    assert_eq!(played, [(0, Some(1)), (1, Some(2)), (2, None)]);
}

#[test]
fn what_waits_for_several_is_foreseen_by_the_last_of_them() {
    let played = play(&[&[], &[0], &[0], &[1, 2]]);
    let foreseen = [(0, Some(1)), (1, None), (2, Some(3)), (3, None)];
    assert_eq!(played, foreseen);
}

#[test]
fn what_waits_for_nobody_is_not_foreseen() {
    assert_eq!(play(&[&[], &[]]), [(0, None), (1, None)]);
}
