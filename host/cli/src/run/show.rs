//! Shows events as they come, in the format that was asked for.

use std::io::{self, BufWriter, IsTerminal, Stdout};
use std::time::Duration;

use stepwell_contract::{Event, EventKind, TerminationReason};
use stepwell_report::{Human, HumanOptions, Json, Reporter, Yaml};
use tokio::sync::mpsc::Receiver;

use crate::args::{Output, RunArgs};
use crate::environment::Environment;
use crate::trouble::use_color;

/// How many events are shown before the next ones are fetched.
const MOST_AT_ONCE: usize = 256;

/// A run with more events than this is not waited for event by event: to be woken for each costs the run more than all
/// else that an event costs.
const FEW: usize = 64;

/// How long events then gather: too short to be seen, and long enough for some steps.
const PAUSE: Duration = Duration::from_micros(500);

/// What is known when everything was shown.
#[derive(Debug, Default)]
pub(crate) struct Shown {
    /// What Stepwell itself could not do, each with its causes.
    pub(crate) errors: Vec<Vec<String>>,
    /// Whether a step took longer than it may.
    pub(crate) step_timed_out: bool,
    /// Why not everything could be written. A reader that went away is no reason.
    pub(crate) unwritten: Option<io::Error>,
}

/// The reporter that was asked for.
pub(crate) fn reporter(args: &RunArgs, env: &Environment) -> Box<dyn Reporter + Send> {
    let out: fn() -> BufWriter<Stdout> = || BufWriter::new(io::stdout());
    match args.output {
        Output::Json => Box::new(Json::new(out())),
        Output::Yaml => Box::new(Yaml::new(out())),
        Output::Pretty => {
            let terminal = io::stdout().is_terminal();
            let colour = use_color(args.color, env, terminal);
            let options = HumanOptions {
                colour,
                // Colour that was asked for ends on a terminal sooner or later.
                terminal: terminal || colour,
                quiet: args.quiet,
            };
            match terminal {
                true => Box::new(Human::live(options)),
                false => Box::new(Human::plain(out(), options)),
            }
        }
    }
}

/// Shows events until there are no more.
///
/// A reader that goes away (`| head`) does not stop the run: what it does to the workspaces is worth as much as what it
/// says.
pub(crate) fn show(mut events: Receiver<Event>, mut reporter: Box<dyn Reporter + Send>) -> Shown {
    let mut shown = Shown::default();
    let mut open = true;
    let mut batch = Vec::new();
    let mut seen = 0;
    while events.blocking_recv_many(&mut batch, MOST_AT_ONCE) > 0 {
        seen += batch.len();
        for event in batch.drain(..) {
            match &event.kind {
                EventKind::Error { causes } => shown.errors.push(causes.clone()),
                EventKind::StepEnd {
                    termination_reason, ..
                } => {
                    shown.step_timed_out |=
                        *termination_reason == TerminationReason::TimeoutExceeded;
                }
                _ => {}
            }
            if open {
                open = written(reporter.event(&event), &mut shown);
            }
        }
        if seen > FEW {
            std::thread::sleep(PAUSE);
        }
    }
    if open {
        written(reporter.finish(), &mut shown);
    }
    shown
}

fn written(result: io::Result<()>, shown: &mut Shown) -> bool {
    match result {
        Ok(()) => return true,
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
        Err(error) => shown.unwritten = Some(error),
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Failing(io::ErrorKind, u32);

    impl Reporter for Failing {
        fn event(&mut self, _: &Event) -> io::Result<()> {
            self.1 += 1;
            assert_eq!(self.1, 1, "nothing is written after a failure");
            Err(self.0.into())
        }

        fn finish(&mut self) -> io::Result<()> {
            unreachable!("nothing is written after a failure")
        }
    }

    fn shown(kind: io::ErrorKind) -> Shown {
        let (sender, events) = tokio::sync::mpsc::channel(8);
        for _ in 0..3 {
            let causes = vec!["failed to x".to_owned()];
            let event = Event {
                at: Default::default(),
                run: stepwell_contract::RunName::new("r"),
                task: None,
                step: None,
                attempt: 0,
                kind: EventKind::Error { causes },
            };
            sender.blocking_send(event).unwrap();
        }
        drop(sender);
        show(events, Box::new(Failing(kind, 0)))
    }

    #[test]
    fn a_reader_that_went_away_is_no_trouble() {
        let shown = shown(io::ErrorKind::BrokenPipe);
        assert!(shown.unwritten.is_none());
        assert_eq!(shown.errors.len(), 3, "events are still read");
    }

    #[test]
    fn a_full_disk_is_trouble() {
        assert!(shown(io::ErrorKind::StorageFull).unwritten.is_some());
    }
}
