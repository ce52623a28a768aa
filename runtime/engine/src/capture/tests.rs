use std::time::Duration;

use stepwell_contract::{Event, ResultDecl, RunName, TaskName};
use tokio::sync::mpsc::{self, Receiver};

use super::*;
use crate::clock::SystemClock;
use crate::events::Events;

struct World {
    capture: Arc<Capture>,
    outlet: Arc<Outlet>,
    events: Events,
    receiver: Receiver<Event>,
}

fn world(room: usize, settings: &[&str]) -> World {
    masked_world(room, settings, Mask::default())
}

fn masked_world(room: usize, settings: &[&str], mask: Mask) -> World {
    let (sender, receiver) = mpsc::channel(room);
    let mut limits = Limits::default();
    for setting in settings {
        limits.apply(setting).unwrap();
    }
    let (run, task) = (RunName::new("run"), TaskName::new("task"));
    let events = Events::new(sender, Arc::new(SystemClock), run, Some(task), 0, mask);
    let none: Arc<[ResultDecl]> = [].into();
    let kept = Kept {
        task: Arc::new(ResultsFolder::new(None, none)),
        own: None,
        tees: Tees::default(),
    };
    let outlet = Arc::new(events.outlet());
    let capture = Capture::new(
        Speaker::Step(StepName::new("step")),
        &limits,
        Arc::clone(&outlet),
        kept,
    );
    World {
        capture: Arc::new(capture),
        outlet,
        events,
        receiver,
    }
}

impl World {
    /// What comes out while `say` runs on a thread of its own.
    async fn hear(mut self, say: impl FnOnce(&Capture) + Send + 'static) -> Vec<EventKind> {
        let capture = Arc::clone(&self.capture);
        let said = tokio::task::spawn_blocking(move || {
            say(&capture);
            capture.finish();
        });
        let said = tokio::spawn(async move {
            said.await.unwrap();
            drop(self.events);
        });
        let mut heard = Vec::new();
        while let Some(event) = self.receiver.recv().await {
            heard.push(event.kind);
        }
        said.await.unwrap();
        heard
    }
}

fn line(kind: &EventKind) -> (LogStream, &str) {
    match kind {
        EventKind::StepLog { stream, line, .. } => (*stream, line),
        other => panic!("not a line: {other:?}"),
    }
}

/// What comes out of a world with plenty of room.
fn hear(settings: &[&str], say: impl FnOnce(&Capture)) -> (Vec<EventKind>, u64) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let _entered = runtime.enter();
    let mut world = world(100_000, settings);
    say(&world.capture);
    world.capture.finish();
    let mut heard = Vec::new();
    while let Ok(event) = world.receiver.try_recv() {
        heard.push(event.kind);
    }
    (heard, world.capture.dropped())
}

#[test]
fn streams_are_cut_into_lines_apart_and_flushed() {
    use LogStream::{Stderr, Stdout};
    let (heard, dropped) = hear(&[], |capture| {
        capture.log(Stdout, b"a");
        capture.log(Stderr, b"x\ny");
        capture.log(Stdout, b"b\nc");
    });
    assert_eq!(
        heard.iter().map(line).collect::<Vec<_>>(),
        [(Stderr, "x"), (Stdout, "ab"), (Stdout, "c"), (Stderr, "y")]
    );
    assert_eq!(dropped, 0);
}

#[test]
fn output_beyond_the_limit_is_counted_and_marked_on_its_stream() {
    use LogStream::{Stderr, Stdout};
    let (heard, dropped) = hear(&["output=8"], |capture| {
        capture.log(Stdout, b"1234\n");
        capture.log(Stderr, b"12345");
        capture.log(Stderr, b"6\n");
        capture.log(Stderr, b"78");
    });
    assert_eq!(
        heard.iter().map(line).collect::<Vec<_>>(),
        [
            (Stdout, "1234"),
            (Stderr, "123"),
            (
                Stderr,
                "[stepwell: output limit of 8 reached; 6 bytes dropped]"
            ),
        ]
    );
    assert_eq!(dropped, 6);
    let (heard, dropped) = hear(&["output=8"], |capture| capture.log(Stdout, b"1234567\n"));
    assert_eq!((heard.len(), dropped), (1, 0));
}

#[test]
fn progress_counts_towards_the_output_and_is_cut() {
    let (heard, _) = hear(&["output=10k"], |capture| {
        for _ in 0..1_000 {
            capture.progress(1, Some(2), &"é".repeat(4_000));
        }
    });
    assert_eq!(heard.len(), 2);
    assert!(matches!(
        &heard[0],
        EventKind::StepProgress { done: 1, total: Some(2), message } if message.len() == 4_096
    ));
}

#[test]
fn a_gigabyte_without_a_line_end_comes_in_pieces_up_to_the_limit() {
    let (heard, dropped) = hear(&["output=1Mi"], |capture| {
        let chunk = vec![b'x'; 1 << 20];
        for _ in 0..1_024 {
            capture.log(LogStream::Stdout, &chunk);
        }
    });
    assert_eq!(dropped, 1_023 << 20);
    assert_eq!(heard.len(), 16 + 1);
    let partial = |kind: &EventKind| matches!(kind, EventKind::StepLog { partial: true, .. });
    assert_eq!(heard.iter().filter(|kind| partial(kind)).count(), 15);
    let bytes: usize = heard[..16].iter().map(|kind| line(kind).1.len()).sum();
    assert_eq!(bytes, 1 << 20);
}

#[tokio::test]
async fn a_gigabyte_of_lines_waits_for_its_reader_and_loses_nothing() {
    let said = 1_u64 << 30;
    let mut world = world(8, &["output=2Gi"]);
    let capture = Arc::clone(&world.capture);
    let thread = tokio::task::spawn_blocking(move || {
        let mut chunk = vec![b'x'; 64 << 10];
        chunk[(32 << 10) - 1] = b'\n';
        chunk[(64 << 10) - 1] = b'\n';
        for _ in 0..said / chunk.len() as u64 {
            capture.log(LogStream::Stdout, &chunk);
        }
        capture.finish();
    });
    let mut heard = 0;
    // What is held at any moment is what fits into the channel, and one piece.
    while let Some(event) = world.receiver.recv().await {
        heard += line(&event.kind).1.len() as u64 + 1;
        if heard == said {
            break;
        }
    }
    thread.await.unwrap();
    assert_eq!((heard, world.capture.dropped()), (said, 0));
}

#[tokio::test]
async fn a_reader_that_goes_away_lets_the_guest_go_on() {
    let mut world = world(1, &[]);
    let capture = Arc::clone(&world.capture);
    let thread = tokio::task::spawn_blocking(move || {
        for _ in 0..100 {
            capture.log(LogStream::Stdout, b"line\n");
        }
        capture.finish();
    });
    world.receiver.recv().await.unwrap();
    drop(world.receiver);
    thread.await.unwrap();
}

#[tokio::test]
async fn a_closed_outlet_ends_the_wait_and_lets_nothing_out() {
    let mut world = world(1, &[]);
    let capture = Arc::clone(&world.capture);
    let thread = tokio::task::spawn_blocking(move || {
        for number in 0..100 {
            capture.log(LogStream::Stdout, format!("{number}\n").as_bytes());
        }
        capture.finish();
    });
    // The first line fills the channel; the second waits for room that never comes.
    while world.receiver.is_empty() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    world.outlet.close();
    thread.await.unwrap();
    drop(world.events);
    let mut heard = Vec::new();
    while let Some(event) = world.receiver.recv().await {
        heard.push(line(&event.kind).1.to_owned());
    }
    assert_eq!(heard, ["0"]);
}

#[tokio::test]
async fn lines_arrive_in_order_through_a_narrow_channel() {
    let heard = world(1, &[]).hear(|capture| {
        for number in 0..1_000 {
            capture.log(LogStream::Stdout, format!("{number}\n").as_bytes());
        }
    });
    let heard = heard.await;
    let numbers: Vec<_> = heard
        .iter()
        .map(|kind| line(kind).1.parse::<u32>().unwrap())
        .collect();
    assert!(numbers.is_sorted() && numbers.len() == 1_000);
}
