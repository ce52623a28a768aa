//! What a step says, kept to be compared: in files, for a step may print more than fits into memory.

use std::fs::File;
use std::io::{self, Write as _};
use std::sync::{Arc, Mutex, PoisonError};

use stepwell_contract::{EmitError, LogStream, Observer, ParamValue, StepSink, Volume};

/// What one run of a step said.
#[derive(Debug)]
pub(super) struct Heard {
    pub(super) stdout: File,
    pub(super) stderr: File,
    /// Each result as it was given.
    pub(super) results: Vec<Given>,
    /// The first output or result that could not be kept.
    pub(super) unkept: Option<io::Error>,
}

/// A result that a step emitted.
#[derive(Debug, Clone)]
pub(super) struct Given {
    pub(super) name: String,
    pub(super) value: ParamValue,
    /// What it was told.
    answer: Result<(), EmitError>,
    /// The volume that holds it since.
    volume: Option<Arc<str>>,
}

impl PartialEq for Given {
    fn eq(&self, other: &Self) -> bool {
        (&self.name, &self.value, &self.answer) == (&other.name, &other.value, &other.answer)
    }
}

/// Hears a step.
pub(super) struct Ear {
    heard: Mutex<Heard>,
    whose: Whose,
}

/// Which run is heard.
enum Whose {
    /// The first, which really talks to this.
    First(Arc<dyn StepSink>),
    /// The second, in these volumes; the results of the first say what it is told of its own.
    Second(Vec<Volume>, Vec<Given>),
}

impl Ear {
    fn new(whose: Whose) -> io::Result<Self> {
        Ok(Self {
            heard: Mutex::new(Heard {
                stdout: tempfile::tempfile()?,
                stderr: tempfile::tempfile()?,
                results: Vec::new(),
                unkept: None,
            }),
            whose,
        })
    }

    /// Hears the first run, whose words go on to `sink`.
    ///
    /// # Errors
    ///
    /// There is no place to keep them.
    pub(super) fn first(sink: Arc<dyn StepSink>) -> io::Result<Self> {
        Self::new(Whose::First(sink))
    }

    /// Hears the second run, in its copies of the volumes. It is told of its results what the first was, and finds them
    /// where the first did.
    ///
    /// # Errors
    ///
    /// As for the first.
    pub(super) fn second(first: &Self, volumes: Vec<Volume>) -> io::Result<Self> {
        let given = first.lock().results.clone();
        Self::new(Whose::Second(volumes, given))
    }

    /// Whom the first run talks to.
    fn sink(&self) -> Option<&Arc<dyn StepSink>> {
        match &self.whose {
            Whose::First(sink) => Some(sink),
            Whose::Second(..) => None,
        }
    }

    /// What was heard by now.
    pub(super) fn lock(&self) -> std::sync::MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a result where the first run's like it is.
    fn keep(&self, volumes: &[Volume], first: &Given, value: &ParamValue) {
        let of_that_name = |volume: &&Volume| Some(&volume.name) == first.volume.as_ref();
        let Some(volume) = volumes.iter().find(of_that_name) else {
            return;
        };
        if let Err(error) = value.keep(&volume.dir, &first.name) {
            self.lock().unkept.get_or_insert(error);
        }
    }
}

impl StepSink for Ear {
    fn log(&self, stream: LogStream, bytes: &[u8]) {
        let mut heard = self.lock();
        let kept = match stream {
            LogStream::Stdout => heard.stdout.write_all(bytes),
            LogStream::Stderr => heard.stderr.write_all(bytes),
        };
        if let Err(error) = kept {
            heard.unkept.get_or_insert(error);
        }
        drop(heard);
        if let Some(sink) = self.sink() {
            sink.log(stream, bytes);
        }
    }

    fn emit(&self, name: &str, value: ParamValue) -> Result<(), EmitError> {
        let number = self.lock().results.len();
        let (answer, volume) = match &self.whose {
            Whose::First(sink) => (sink.emit(name, value.clone()), sink.keeps(name)),
            Whose::Second(volumes, first) => match first.get(number) {
                Some(first) if first.name == name => {
                    if first.answer.is_ok() {
                        self.keep(volumes, first, &value);
                    }
                    (first.answer.clone(), first.volume.clone())
                }
                // Another result than the first time: that it differs is known.
                _ => (Ok(()), None),
            },
        };
        self.lock().results.push(Given {
            name: name.to_owned(),
            value,
            answer: answer.clone(),
            volume,
        });
        answer
    }

    fn keeps(&self, name: &str) -> Option<Arc<str>> {
        self.sink().and_then(|sink| sink.keeps(name))
    }

    fn started(&self) {
        if let Some(sink) = self.sink() {
            sink.started();
        }
    }

    fn progress(&self, done: u64, total: Option<u64>, message: &str) {
        if let Some(sink) = self.sink() {
            sink.progress(done, total, message);
        }
    }

    fn observer(&self) -> Option<Arc<dyn Observer>> {
        self.sink().and_then(|sink| sink.observer())
    }
}
