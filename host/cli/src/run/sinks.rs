//! Everything that is told of events as they come: what is shown, the record, the files that were asked for.

use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, Stdout};
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use stepwell_contract::{Event, EventKind, TerminationReason};
use stepwell_report::{Human, HumanOptions, Json, Junit, Mask, Reporter, Trace, Yaml};
use tokio::sync::mpsc::Receiver;

use crate::args::{Output, RunArgs};
use crate::environment::Environment;
use crate::exit::Coded;
use crate::trouble::use_color;

/// How many events are shown before the next ones are fetched.
const MOST_AT_ONCE: usize = 256;

/// A run with more events than this is not waited for event by event: to be woken for each costs the run more than all
/// else that an event costs.
const FEW: usize = 64;

/// How long events then gather: too short to be seen, and long enough for some steps.
const PAUSE: Duration = Duration::from_millis(1);

/// With so many at once, somebody prints faster than that, and would be held back by a pause.
const MANY: usize = MOST_AT_ONCE / 2;

/// Something that is told of events.
pub(crate) struct Sink {
    what: String,
    reporter: Box<dyn Reporter + Send>,
    /// Whether it still takes events.
    open: bool,
}

impl Sink {
    /// `what` is said where it cannot be written.
    pub(crate) fn new(what: impl Into<String>, reporter: impl Reporter + Send + 'static) -> Self {
        Self {
            what: what.into(),
            reporter: Box::new(reporter),
            open: true,
        }
    }

    fn written(&mut self, result: io::Result<()>, shown: &mut Shown) {
        let Err(error) = result else {
            return;
        };
        self.open = false;
        if error.kind() != io::ErrorKind::BrokenPipe {
            let error = anyhow::Error::from(error);
            shown
                .unwritten
                .push(error.context(format!("failed to write {}", self.what)));
        }
    }
}

/// What is known when everything was shown.
#[derive(Debug, Default)]
pub(crate) struct Shown {
    /// What Stepwell itself could not do, each with its causes.
    pub(crate) errors: Vec<Vec<String>>,
    /// Whether a step of what was tried last took longer than it may.
    pub(crate) step_timed_out: bool,
    /// What could not be written, and why. A reader that went away is no reason.
    pub(crate) unwritten: Vec<anyhow::Error>,
}

/// The sinks that the command line asks for.
///
/// # Errors
///
/// A file cannot be made.
pub(crate) fn sinks(args: &RunArgs, env: &Environment, mask: &Mask) -> anyhow::Result<Vec<Sink>> {
    let mut sinks = vec![shower(args, env, mask)];
    if let Some(path) = &args.junit {
        sinks.push(Sink::new(shown(path), Junit::new(create(path)?)));
    }
    if let Some(path) = &args.trace {
        sinks.push(Sink::new(shown(path), Trace::new(create(path)?)));
    }
    Ok(sinks)
}

/// What failed, on standard error: for a command whose output is something else.
pub(crate) fn failures(args: &RunArgs, env: &Environment) -> Sink {
    let terminal = io::stderr().is_terminal();
    let options = HumanOptions {
        colour: use_color(args.color, env, terminal),
        terminal,
        quiet: true,
    };
    let out = BufWriter::new(io::stderr());
    Sink::new("to standard error", Human::plain(out, options))
}

fn shown(path: &Path) -> String {
    format!("to `{}`", path.display())
}

fn create(path: &Path) -> anyhow::Result<BufWriter<File>> {
    let file = File::create(path);
    let file =
        file.with_context(|| Coded::usage(format!("failed to create `{}`", path.display())))?;
    Ok(BufWriter::new(file))
}

/// What goes to standard output.
fn shower(args: &RunArgs, env: &Environment, mask: &Mask) -> Sink {
    const WHAT: &str = "to standard output";
    let out: fn() -> BufWriter<Stdout> = || BufWriter::new(io::stdout());
    match args.output {
        Output::Json => Sink::new(WHAT, Json::new(out())),
        Output::Yaml => Sink::new(WHAT, Yaml::new(out()).masked(mask.clone())),
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
                true => Sink::new(WHAT, Human::live(options)),
                false => Sink::new(WHAT, Human::plain(out(), options)),
            }
        }
    }
}

/// Tells `sinks` of events until there are no more; after the first, of `notices`.
///
/// A reader that goes away (`| head`) does not stop the run: what it does to the workspaces is worth as much as what it
/// says.
pub(crate) fn show(
    mut events: Receiver<Event>,
    mut sinks: Vec<Sink>,
    mut notices: Vec<String>,
) -> Shown {
    let mut shown = Shown::default();
    let mut batch = Vec::new();
    let mut seen = 0;
    while events.blocking_recv_many(&mut batch, MOST_AT_ONCE) > 0 {
        let came = batch.len();
        seen += came;
        for event in batch.drain(..) {
            note(&event, &mut shown);
            tell(&event, &mut sinks, &mut shown);
            for message in std::mem::take(&mut notices) {
                let notice = Event {
                    kind: EventKind::Notice { message },
                    ..event.clone()
                };
                tell(&notice, &mut sinks, &mut shown);
            }
        }
        flush(&mut sinks, &mut shown);
        if seen > FEW && came < MANY {
            std::thread::sleep(PAUSE);
        }
    }
    for sink in &mut sinks {
        if sink.open {
            let finished = sink.reporter.finish();
            sink.written(finished, &mut shown);
        }
    }
    shown
}

fn note(event: &Event, shown: &mut Shown) {
    match &event.kind {
        EventKind::Error { causes } => shown.errors.push(causes.clone()),
        EventKind::TaskStart { .. } => shown.step_timed_out = false,
        EventKind::StepEnd {
            termination_reason, ..
        } => {
            shown.step_timed_out |= *termination_reason == TerminationReason::TimeoutExceeded;
        }
        _ => {}
    }
}

fn tell(event: &Event, sinks: &mut [Sink], shown: &mut Shown) {
    for sink in sinks {
        if sink.open {
            let told = sink.reporter.event(event);
            sink.written(told, shown);
        }
    }
}

fn flush(sinks: &mut [Sink], shown: &mut Shown) {
    for sink in sinks {
        if sink.open {
            let flushed = sink.reporter.flush();
            sink.written(flushed, shown);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    struct Failing(io::ErrorKind, u32);

    impl Reporter for Failing {
        fn event(&mut self, _: &Event) -> io::Result<()> {
            self.1 += 1;
            assert_eq!(self.1, 1, "nothing is written after a failure");
            Err(self.0.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            unreachable!("nothing is written after a failure")
        }

        fn finish(&mut self) -> io::Result<()> {
            unreachable!("nothing is written after a failure")
        }
    }

    /// Remembers what it was told.
    #[derive(Clone, Default)]
    struct Told(Arc<Mutex<Vec<String>>>);

    impl Reporter for Told {
        fn event(&mut self, event: &Event) -> io::Result<()> {
            let what = match &event.kind {
                EventKind::Notice { message } => message.clone(),
                _ => "error".to_owned(),
            };
            self.0.lock().unwrap().push(what);
            Ok(())
        }

        fn flush(&mut self) -> io::Result<()> {
            self.0.lock().unwrap().push("flushed".to_owned());
            Ok(())
        }

        fn finish(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn shown(kind: io::ErrorKind) -> (Shown, Vec<String>) {
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
        let told = Told::default();
        let sinks = vec![
            Sink::new("to x", Failing(kind, 0)),
            Sink::new("to y", told.clone()),
        ];
        let shown = show(events, sinks, vec!["a notice".to_owned()]);
        let told = told.0.lock().unwrap().clone();
        (shown, told)
    }

    #[test]
    fn a_reader_that_went_away_is_no_trouble() {
        let (shown, told) = shown(io::ErrorKind::BrokenPipe);
        assert!(shown.unwritten.is_empty());
        assert_eq!(shown.errors.len(), 3, "events are still read");
        // What comes together is handed over together.
        assert_eq!(told, ["error", "a notice", "error", "error", "flushed"]);
    }

    #[test]
    fn a_full_disk_is_trouble_of_one_sink_alone() {
        let (shown, told) = shown(io::ErrorKind::StorageFull);
        let texts: Vec<_> = shown.unwritten.iter().map(ToString::to_string).collect();
        assert_eq!(texts, ["failed to write to x"]);
        assert_eq!(told.len(), 5);
    }
}
