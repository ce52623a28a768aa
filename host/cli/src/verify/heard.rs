//! What a step says, kept to be compared: in files, for a step may print more than fits into memory.

use std::fs::File;
use std::io::{self, Write as _};
use std::sync::{Arc, Mutex, PoisonError};

use stepwell_contract::{EmitError, LogStream, Observer, ParamValue, StepSink};

/// What one run of a step said.
#[derive(Debug)]
pub(super) struct Heard {
    pub(super) stdout: File,
    pub(super) stderr: File,
    /// Each result as it was given, and what became of it.
    pub(super) results: Vec<(String, ParamValue, Result<(), EmitError>)>,
    /// The first output that could not be kept.
    pub(super) unkept: Option<io::Error>,
}

/// Hears a step.
pub(super) struct Ear {
    heard: Mutex<Heard>,
    /// Whom the first run really talks to.
    sink: Option<Arc<dyn StepSink>>,
    /// What the first run was told of its results.
    answers: Vec<(String, ParamValue, Result<(), EmitError>)>,
}

impl Ear {
    fn new(sink: Option<Arc<dyn StepSink>>) -> io::Result<Self> {
        Ok(Self {
            heard: Mutex::new(Heard {
                stdout: tempfile::tempfile()?,
                stderr: tempfile::tempfile()?,
                results: Vec::new(),
                unkept: None,
            }),
            sink,
            answers: Vec::new(),
        })
    }

    /// Hears the first run, whose words go on to `sink`.
    ///
    /// # Errors
    ///
    /// There is no place to keep them.
    pub(super) fn first(sink: Arc<dyn StepSink>) -> io::Result<Self> {
        Self::new(Some(sink))
    }

    /// Hears the second run, which is told of its results what the first was.
    ///
    /// # Errors
    ///
    /// As for the first.
    pub(super) fn second(first: &Self) -> io::Result<Self> {
        let mut ear = Self::new(None)?;
        ear.answers = first.lock().results.clone();
        Ok(ear)
    }

    /// What was heard by now.
    pub(super) fn lock(&self) -> std::sync::MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
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
        if let Some(sink) = &self.sink {
            sink.log(stream, bytes);
        }
    }

    fn emit(&self, name: &str, value: ParamValue) -> Result<(), EmitError> {
        let number = self.lock().results.len();
        let answer = match &self.sink {
            Some(sink) => sink.emit(name, value.clone()),
            None => match self.answers.get(number) {
                Some((told, _, answer)) if told == name => answer.clone(),
                _ => Ok(()),
            },
        };
        let given = (name.to_owned(), value, answer.clone());
        self.lock().results.push(given);
        answer
    }

    fn started(&self) {
        if let Some(sink) = &self.sink {
            sink.started();
        }
    }

    fn progress(&self, done: u64, total: Option<u64>, message: &str) {
        if let Some(sink) = &self.sink {
            sink.progress(done, total, message);
        }
    }

    fn observer(&self) -> Option<Arc<dyn Observer>> {
        self.sink.as_ref().and_then(|sink| sink.observer())
    }
}
