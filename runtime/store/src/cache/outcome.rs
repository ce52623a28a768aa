//! What a step left behind, in the form in which it is kept.

use serde::{Deserialize, Serialize};
use stepwell_contract::{Digest, Ending, FailureClass, Frame, LogStream, ParamValue, Spot};

use std::sync::atomic::Ordering;

use super::Cache;
use super::files::{name, unsealed};
use crate::error::StoreError;

/// The final state of a place that a step changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Left {
    /// Nothing is there any more.
    Nothing,
    /// A folder.
    Folder,
    /// A file.
    File {
        /// The blob with its bytes.
        digest: Digest,
        /// How many.
        size: u64,
        /// Whether its owner may run it.
        executable: bool,
    },
    /// A symlink.
    Link {
        /// Where it points to.
        target: Box<[u8]>,
    },
}

/// One thing that a step told its host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// It wrote.
    Log(LogStream, Box<[u8]>),
    /// It emitted a result, which was taken.
    Result(String, ParamValue),
    /// It told how far it was.
    Progress {
        /// Done.
        done: u64,
        /// Of how many.
        total: Option<u64>,
        /// In its words.
        message: String,
    },
}

/// What a step left behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// What it changed, in the order of the places: a folder before what is in it.
    pub left: Vec<(Spot, Left)>,
    /// Who may do what with the files and folders that it changed, in the order of the places: nine bits of a mode each. Empty
    /// for a step that cannot set them.
    pub permissions: Vec<(Spot, u32)>,
    /// What it told its host, in order.
    pub said: Vec<Said>,
    /// How it ended: by itself.
    pub ending: Ending,
}

/// The form on disk, which has no type that asks what comes next.
#[derive(Serialize, Deserialize)]
struct Kept {
    left: Vec<(Spot, Left)>,
    permissions: Vec<(Spot, u32)>,
    said: Vec<KeptSaid>,
    ending: KeptEnding,
}

/// Whatever a cache says, no file gets more than this: a set-user-ID bit is a power that no step's files have.
const PERMISSIONS: u32 = 0o777;

#[derive(Serialize, Deserialize)]
enum KeptSaid {
    Out(Box<[u8]>),
    Err(Box<[u8]>),
    Text(String, String),
    Array(String, Vec<String>),
    Object(String, Vec<(String, String)>),
    Progress(u64, Option<u64>, String),
}

#[derive(Serialize, Deserialize)]
enum KeptEnding {
    Exited(i32),
    Failed(u8, String),
    Trapped(String, Option<String>, Vec<(String, Option<String>)>),
}

impl Outcome {
    /// The bytes that are kept, sealed; `None` where it did not end by itself.
    fn encode(&self) -> Option<Vec<u8>> {
        let ending = match &self.ending {
            Ending::Exited { code } => KeptEnding::Exited(*code),
            Ending::Failed { class, message } => {
                let class = match class {
                    FailureClass::Failed => 0,
                    FailureClass::MalformedInput => 1,
                    FailureClass::Transient => 2,
                };
                KeptEnding::Failed(class, message.clone())
            }
            Ending::Trapped {
                reason,
                message,
                backtrace,
            } => {
                let frames = backtrace.iter();
                let frames = frames.map(|frame| (frame.function.clone(), frame.location.clone()));
                KeptEnding::Trapped(reason.clone(), message.clone(), frames.collect())
            }
            _ => return None,
        };
        let said = self.said.iter().cloned().map(|said| match said {
            Said::Log(LogStream::Stdout, bytes) => KeptSaid::Out(bytes),
            Said::Log(LogStream::Stderr, bytes) => KeptSaid::Err(bytes),
            Said::Result(name, ParamValue::String(text)) => KeptSaid::Text(name, text),
            Said::Result(name, ParamValue::Array(items)) => KeptSaid::Array(name, items),
            Said::Result(name, ParamValue::Object(members)) => {
                KeptSaid::Object(name, members.into_iter().collect())
            }
            Said::Progress {
                done,
                total,
                message,
            } => KeptSaid::Progress(done, total, message),
        });
        let kept = Kept {
            left: self.left.clone(),
            permissions: self.permissions.clone(),
            said: said.collect(),
            ending,
        };
        postcard::to_allocvec(&kept).ok()
    }

    /// What [`encode`](Self::encode) made; `None` where it is not that.
    fn decode(bytes: &[u8]) -> Option<Self> {
        let (kept, rest) = postcard::take_from_bytes::<Kept>(bytes).ok()?;
        let in_order = kept.left.is_sorted_by(|one, other| one.0 < other.0);
        let permissions = &kept.permissions;
        let permitted = permissions.is_sorted_by(|one, other| one.0 < other.0)
            && permissions
                .iter()
                .all(|(spot, bits)| spot.is_plain() && bits & !PERMISSIONS == 0);
        let plain = kept.left.iter().all(|(spot, _)| spot.is_plain());
        if !rest.is_empty() || !in_order || !plain || !permitted {
            return None;
        }
        let ending = match kept.ending {
            KeptEnding::Exited(code) => Ending::Exited { code },
            KeptEnding::Failed(class, message) => {
                let class = match class {
                    0 => FailureClass::Failed,
                    1 => FailureClass::MalformedInput,
                    2 => FailureClass::Transient,
                    _ => return None,
                };
                Ending::Failed { class, message }
            }
            KeptEnding::Trapped(reason, message, frames) => {
                let frames = frames.into_iter();
                let frames = frames.map(|(function, location)| Frame { function, location });
                Ending::Trapped {
                    reason,
                    message,
                    backtrace: frames.collect(),
                }
            }
        };
        let said = kept.said.into_iter().map(|said| match said {
            KeptSaid::Out(bytes) => Said::Log(LogStream::Stdout, bytes),
            KeptSaid::Err(bytes) => Said::Log(LogStream::Stderr, bytes),
            KeptSaid::Text(name, text) => Said::Result(name, ParamValue::String(text)),
            KeptSaid::Array(name, items) => Said::Result(name, ParamValue::Array(items)),
            KeptSaid::Object(name, members) => {
                Said::Result(name, ParamValue::Object(members.into_iter().collect()))
            }
            KeptSaid::Progress(done, total, message) => Said::Progress {
                done,
                total,
                message,
            },
        });
        Some(Self {
            left: kept.left,
            permissions: kept.permissions,
            said: said.collect(),
            ending,
        })
    }

    /// The blobs that it needs.
    pub fn blobs(&self) -> impl Iterator<Item = Digest> {
        self.left.iter().filter_map(|(_, left)| match left {
            Left::File { digest, .. } => Some(*digest),
            _ => None,
        })
    }
}

impl Cache {
    /// Keeps `outcome`, whose blobs are kept already: its digest, or `None` where it did not end by itself.
    ///
    /// # Errors
    ///
    /// What the file system refused, a full disk among it.
    pub fn keep_outcome(&self, outcome: &Outcome) -> Result<Option<Digest>, StoreError> {
        let Some(body) = outcome.encode() else {
            return Ok(None);
        };
        let digest = Digest::of(&body);
        self.own.write_sealed(&name("outcomes", digest), &body)?;
        self.grown.fetch_add(body.len() as u64, Ordering::Relaxed);
        Ok(Some(digest))
    }

    /// The outcome with `digest`; `None` where there is none, or it is damaged, and then it is removed.
    ///
    /// # Errors
    ///
    /// What the file system refused.
    pub fn outcome(&self, digest: Digest) -> Result<Option<Outcome>, StoreError> {
        let path = name("outcomes", digest);
        for files in self.all() {
            let Some(body) = files.read_sealed(&path, self.claim.since())? else {
                continue;
            };
            match decoded(digest, &body) {
                Some(outcome) => return Ok(Some(outcome)),
                None => files.drop_bad(&path),
            }
        }
        Ok(None)
    }
}

/// The outcome in `file`, which holds all of it and is named by `digest`.
pub(super) fn of_file(digest: Digest, file: &[u8]) -> Option<Outcome> {
    decoded(digest, unsealed(file)?)
}

fn decoded(digest: Digest, body: &[u8]) -> Option<Outcome> {
    (Digest::of(body) == digest)
        .then(|| Outcome::decode(body))
        .flatten()
}
