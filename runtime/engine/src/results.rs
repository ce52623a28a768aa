//! Reads the results that a task's steps left as files, and writes those that a typed component emits.
//!
//! A guest can put anything into the results folder: a link to a secret, a FIFO that never answers, a terabyte. What is
//! read is a regular file, opened without following links and without waiting, up to the limit `result` and one byte.
//! Both ways, a result has one form: a string is its bytes, verbatim; an array or an object is JSON.

use std::io::{self, Read};
use std::sync::{Arc, Mutex, PoisonError};

use cap_fs_ext::{FollowSymlinks, OpenOptionsFollowExt};
use cap_std::fs::{Dir, OpenOptions, OpenOptionsExt};
use rustix::fs::OFlags;
use stepwell_contract::{EmitError, ParamType, ParamValue, ResultDecl};

/// The folder behind `/tekton/results`, where the task has one, and what the task declares to find there.
#[derive(Debug)]
pub(crate) struct ResultsFolder {
    dir: Mutex<Option<Arc<Dir>>>,
    declared: Arc<[ResultDecl]>,
}

/// Why a result was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Rejection {
    /// It is larger than the limit `result`.
    TooLarge,
    /// It has another type than the task declares; as Tekton sees it, what is no array or object is a string.
    WrongType {
        /// The type that the task declares.
        declared: ParamType,
        /// The type that it has.
        given: ParamType,
    },
    /// An object without keys that the task declares: which.
    MissingKeys(Vec<String>),
    /// It is no regular file: what it is.
    NotAFile(&'static str),
    /// It is not text.
    NotUtf8,
    /// It cannot be read.
    Unreadable(String),
}

/// The results of a task, as found.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Reading {
    pub(crate) results: Vec<(Arc<str>, ParamValue)>,
    pub(crate) rejected: Vec<(Arc<str>, Rejection)>,
}

impl ResultsFolder {
    pub(crate) fn new(dir: Option<Arc<Dir>>, declared: Arc<[ResultDecl]>) -> Self {
        Self {
            dir: Mutex::new(dir),
            declared,
        }
    }

    fn dir(&self) -> Option<Arc<Dir>> {
        // Put or taken as a whole.
        let dir = self.dir.lock().unwrap_or_else(PoisonError::into_inner);
        dir.clone()
    }

    /// Whether a result of this name is declared.
    pub(crate) fn declares(&self, name: &str) -> bool {
        self.declared.iter().any(|declared| &*declared.name == name)
    }

    /// Gives up the folder, which is about to go: nothing is read or kept any more.
    pub(crate) fn let_go(&self) {
        *self.dir.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Reads every result that the task declares and a step wrote.
    pub(crate) fn read(&self, limit: u64) -> Reading {
        let mut reading = Reading::default();
        let Some(dir) = self.dir() else {
            return reading;
        };
        for declared in &*self.declared {
            let name = Arc::clone(&declared.name);
            match read_file(&dir, &declared.name, limit).and_then(|text| parse(text, declared)) {
                Ok(Some(value)) => reading.results.push((name, value)),
                Ok(None) => {}
                Err(rejection) => reading.rejected.push((name, rejection)),
            }
        }
        reading
    }

    /// Keeps a result that a typed component emits, in the place of an earlier one.
    pub(crate) fn emit(&self, name: &str, value: &ParamValue, limit: u64) -> Result<(), EmitError> {
        let declared = self
            .declared
            .iter()
            .find(|declared| &*declared.name == name)
            .ok_or_else(|| EmitError::Undeclared(name.to_owned()))?;
        let given = value.param_type();
        if given != declared.result_type {
            return Err(EmitError::WrongType {
                name: name.to_owned(),
                declared: declared.result_type,
                given,
            });
        }
        let host = |cause: io::Error| EmitError::Host {
            name: name.to_owned(),
            cause: cause.to_string(),
        };
        let size = value.to_text().map_err(|error| host(error.into()))?.len() as u64;
        if size > limit {
            return Err(EmitError::TooLarge {
                name: name.to_owned(),
                size,
                limit,
            });
        }
        let dir = self
            .dir()
            .ok_or_else(|| host(io::ErrorKind::NotFound.into()))?;
        value.keep(&dir, name).map_err(host)
    }
}

/// The text of the file `name`; `None` where there is none.
pub(crate) fn read_file(dir: &Dir, name: &str, limit: u64) -> Result<Option<String>, Rejection> {
    let unreadable = |error: io::Error| Rejection::Unreadable(error.to_string());
    let mut options = OpenOptions::new();
    options
        .read(true)
        .follow(FollowSymlinks::No)
        .custom_flags(OFlags::NONBLOCK.bits().cast_signed());
    let file = match dir.open_with(name, &options) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => {
            let is_link = dir
                .symlink_metadata(name)
                .is_ok_and(|found| found.is_symlink());
            return Err(if is_link {
                Rejection::NotAFile("a symbolic link")
            } else {
                unreadable(error)
            });
        }
    };
    let found = file.metadata().map_err(unreadable)?;
    if !found.is_file() {
        return Err(Rejection::NotAFile(if found.is_dir() {
            "a directory"
        } else {
            "a special file"
        }));
    }
    // The size that was found may be out of date by now; what is read is bounded, not what was promised.
    let mut bytes = Vec::new();
    file.take(limit.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(unreadable)?;
    if bytes.len() as u64 > limit {
        return Err(Rejection::TooLarge);
    }
    String::from_utf8(bytes)
        .map(Some)
        .map_err(|_| Rejection::NotUtf8)
}

fn parse(text: Option<String>, declared: &ResultDecl) -> Result<Option<ParamValue>, Rejection> {
    let Some(text) = text else { return Ok(None) };
    let value = match declared.result_type {
        ParamType::String => ParamValue::String(text),
        ParamType::Array | ParamType::Object => match serde_json::from_str(&text) {
            Ok(value) => value,
            Err(_) => ParamValue::String(text),
        },
    };
    if value.param_type() != declared.result_type {
        return Err(Rejection::WrongType {
            declared: declared.result_type,
            given: value.param_type(),
        });
    }
    if let ParamValue::Object(members) = &value {
        let mut missing = declared.properties.clone();
        missing.retain(|key| !members.contains_key(key));
        if !missing.is_empty() {
            return Err(Rejection::MissingKeys(missing));
        }
    }
    Ok(Some(value))
}

#[cfg(test)]
#[path = "results/tests.rs"]
mod tests;
