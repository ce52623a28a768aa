//! What a reference meant when it was looked up: one small file for each reference and platform.
//!
//! It does not know whether that is still so. A file that is torn, or of another time, is none.

use std::{
    fs, io,
    io::Write as _,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde::{Deserialize, Serialize};

use super::{ImageStore, StoreError, io_error};
use crate::sha256::Sha256;

/// The form of the files. Another number is another time.
const FORMAT: u32 = 1;

/// What is read of a file. None of ours comes near.
const MOST: u64 = 64 << 10;

/// One lookup, as it stands in its file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Record {
    format: u32,
    pub(crate) reference: String,
    /// For which platform it was looked up.
    pub(crate) platform: String,
    /// What the reference named: an index or a manifest.
    pub(crate) top: Sha256,
    /// The manifest that was chosen.
    pub(crate) manifest: Sha256,
    pub(crate) kind: HeldKind,
    /// Of everything that was got for it.
    pub(crate) size: u64,
    /// Seconds since 1970.
    pub(crate) looked_up: u64,
}

/// What kind of image it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum HeldKind {
    /// A component.
    Component,
    /// A container.
    Container,
}

impl HeldKind {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Component => "component",
            Self::Container => "container",
        }
    }
}

/// An image that the store has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// What it was pulled by, in full.
    pub reference: String,
    /// For which platform.
    pub platform: String,
    /// What the reference named.
    pub digest: Sha256,
    /// What kind it is.
    pub kind: HeldKind,
    /// How many bytes are kept for it, some perhaps for other images too.
    pub size: u64,
    /// When it was looked up.
    pub looked_up: SystemTime,
}

impl Record {
    pub(crate) fn new(
        (reference, platform): (&str, &str),
        (top, manifest): (Sha256, Sha256),
        kind: HeldKind,
        size: u64,
    ) -> Self {
        Self {
            format: FORMAT,
            reference: reference.to_owned(),
            platform: platform.to_owned(),
            top,
            manifest,
            kind,
            size,
            looked_up: seconds(),
        }
    }

    fn name(reference: &str, platform: &str) -> String {
        let digest = Sha256::of(format!("{platform}\n{reference}").as_bytes());
        format!("{}.json", digest.to_hex())
    }

    fn into_held(self) -> Held {
        let since = Duration::from_secs(self.looked_up);
        Held {
            reference: self.reference,
            platform: self.platform,
            digest: self.top,
            kind: self.kind,
            size: self.size,
            looked_up: UNIX_EPOCH.checked_add(since).unwrap_or(UNIX_EPOCH),
        }
    }
}

impl ImageStore {
    /// All images, by their references.
    ///
    /// # Errors
    ///
    /// When the folder cannot be read.
    pub fn list(&self) -> Result<Vec<Held>, StoreError> {
        let mut held: Vec<Held> = self.records()?.into_iter().map(Record::into_held).collect();
        held.sort_by(|a, b| (&a.reference, &a.platform).cmp(&(&b.reference, &b.platform)));
        Ok(held)
    }

    /// What a reference meant for a platform when it was last looked up, by the name that [`ImageStore::list`] has it under.
    pub fn known(&self, reference: &str, platform: &str) -> Option<Held> {
        self.recorded(reference, platform).map(Record::into_held)
    }

    /// What a reference meant when it was last looked up.
    pub(crate) fn recorded(&self, reference: &str, platform: &str) -> Option<Record> {
        let record = self.record(&Record::name(reference, platform))?;
        let is_it = (record.reference.as_str(), record.platform.as_str()) == (reference, platform);
        is_it.then_some(record)
    }

    /// Writes down what a reference meant, in place of what it meant before.
    pub(crate) fn write_down(&self, record: &Record) -> Result<(), StoreError> {
        let folder = self.root.join("references");
        let path = folder.join(Record::name(&record.reference, &record.platform));
        let write = || -> io::Result<()> {
            let mut file = tempfile::NamedTempFile::new_in(&folder)?;
            file.write_all(serde_json::to_string(record)?.as_bytes())?;
            file.persist(&path).map_err(|error| error.error)?;
            Ok(())
        };
        write().map_err(io_error("write", &path))
    }

    /// Forgets what a reference meant, for every platform; how often it was known.
    pub(super) fn forget(&self, reference: &str) -> Result<usize, StoreError> {
        let mut forgotten = 0;
        for record in self.records()? {
            if record.reference != reference {
                continue;
            }
            let path = self.path("references", Record::name(reference, &record.platform));
            match fs::remove_file(&path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                removed => {
                    removed.map_err(io_error("remove", &path))?;
                    forgotten += 1;
                }
            }
        }
        Ok(forgotten)
    }

    pub(super) fn records(&self) -> Result<Vec<Record>, StoreError> {
        let folder = self.root.join("references");
        let entries = fs::read_dir(&folder).map_err(io_error("read", &folder))?;
        let names = entries.flatten().map(|entry| entry.file_name());
        Ok(names
            .filter_map(|name| self.record(name.to_str()?))
            .collect())
    }

    fn record(&self, name: &str) -> Option<Record> {
        let path = self.path("references", name);
        let bytes = crate::files::read(&path, MOST).ok()?;
        let record: Record = serde_json::from_slice(&bytes).ok()?;
        (record.format == FORMAT).then_some(record)
    }
}

/// Seconds since 1970.
fn seconds() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.unwrap_or_default().as_secs()
}
