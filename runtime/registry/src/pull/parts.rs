//! From an index or a manifest to an image: the right manifest is chosen, and every part of it that is missing is got.
//!
//! It does not know where they come from. Parts come several at a time; the first that fails stops the others, and what came
//! of them is kept for the next time.

use std::{
    collections::BTreeSet,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use stepwell_contract::{Cancel, Platform};

use super::{Observer, PullError, PulledCode, Source};
use crate::client::MANIFEST_BYTES;
use crate::image::{
    CONFIG_BYTES, Document, INDEXES, ImageManifest, ImageProblem, Made, choose, container, read,
};
use crate::manifest::Descriptor;
use crate::sha256::Sha256;
use crate::store::{Came, HeldKind, ImageStore, StoreError};

/// How many parts come at a time, as with Docker.
const AT_A_TIME: usize = 3;

/// An image whose parts are all here.
pub(crate) struct Gathered {
    pub(crate) manifest: Sha256,
    pub(crate) code: PulledCode,
    pub(crate) kind: HeldKind,
    /// Of all of its parts.
    pub(crate) size: u64,
}

/// What goes on during one pull.
pub(crate) struct Gathering<'a> {
    pub(crate) store: &'a ImageStore,
    pub(crate) source: &'a dyn Source,
    pub(crate) platform: &'a Platform,
    pub(crate) components_only: bool,
    pub(crate) observer: &'a dyn Observer,
    pub(crate) cancel: &'a Cancel,
}

/// Gets the image that an index or a manifest stands for.
pub(crate) fn gather(pull: &Gathering<'_>, top: Sha256) -> Result<Gathered, PullError> {
    let bad = |problem| PullError::Image {
        image: pull.source.image(),
        problem,
    };
    let (digest, manifest) = pull.manifest(top)?;
    let made = manifest.made().map_err(bad)?;
    if pull.components_only && matches!(made, Made::Container) {
        return Err(PullError::Container(pull.source.image()));
    }
    let parts: Vec<&Descriptor> = match made {
        Made::Component(component) => vec![component],
        Made::Container => std::iter::once(&manifest.config)
            .chain(&manifest.layers)
            .collect(),
    };
    let size = parts
        .iter()
        .map(|part| part.size)
        .fold(0, u64::saturating_add);
    pull.get(&parts)?;
    let whole = |part: &Descriptor, most| {
        let bytes = pull.store.read(part.digest, most)?;
        let missing = || StoreError::Missing(part.digest.to_string());
        Ok::<_, PullError>(bytes.ok_or_else(missing)?)
    };
    let (code, kind) = match made {
        Made::Component(component) => {
            let bytes = whole(component, component.size)?;
            (PulledCode::Component(bytes), HeldKind::Component)
        }
        Made::Container => {
            let config = whole(&manifest.config, CONFIG_BYTES)?;
            let image = container(digest, &manifest, &config, pull.platform).map_err(bad)?;
            (PulledCode::Container(image.into()), HeldKind::Container)
        }
    };
    Ok(Gathered {
        manifest: digest,
        code,
        kind,
        size,
    })
}

impl Gathering<'_> {
    /// The manifest that is meant, through indexes.
    fn manifest(&self, top: Sha256) -> Result<(Sha256, ImageManifest), PullError> {
        let bad = |problem| PullError::Image {
            image: self.source.image(),
            problem,
        };
        let mut digest = top;
        for _ in 0..=INDEXES {
            match read(&self.document(digest)?).map_err(bad)? {
                Document::Manifest(manifest) => return Ok((digest, manifest)),
                Document::Index(entries) => {
                    digest = choose(&entries, self.platform)
                        .map_err(bad)?
                        .descriptor
                        .digest;
                }
            }
        }
        Err(bad(ImageProblem::Indexes))
    }

    fn document(&self, digest: Sha256) -> Result<Vec<u8>, PullError> {
        if let Some(bytes) = self.store.read(digest, MANIFEST_BYTES)? {
            return Ok(bytes);
        }
        let bytes = self.source.document(digest)?;
        self.store.keep(&bytes)?;
        Ok(bytes)
    }

    /// Gets the parts that are missing.
    fn get(&self, parts: &[&Descriptor]) -> Result<(), PullError> {
        let mut seen = BTreeSet::new();
        let missing: Vec<(Sha256, u64)> = parts
            .iter()
            .map(|part| (part.digest, part.size))
            .filter(|&(digest, size)| seen.insert(digest) && !self.store.has(digest, size))
            .collect();
        if missing.is_empty() {
            return Ok(());
        }
        self.observer.begins(&missing);
        let (queue, failed) = (Mutex::new(missing.iter()), AtomicBool::new(false));
        let first: Mutex<Option<PullError>> = Mutex::new(None);
        let work = || {
            // Nothing panics with the queue in its hand.
            let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).next();
            while let Some(&part) = next() {
                if failed.load(Ordering::SeqCst) {
                    break;
                }
                if let Err(error) = self.get_one(part, &failed) {
                    let mut first = first.lock().unwrap_or_else(PoisonError::into_inner);
                    first.get_or_insert(error);
                    failed.store(true, Ordering::SeqCst);
                }
            }
        };
        thread::scope(|scope| {
            for _ in 1..AT_A_TIME.min(missing.len()) {
                scope.spawn(work);
            }
            work();
        });
        match first.into_inner().unwrap_or_else(PoisonError::into_inner) {
            _ if self.cancel.reason().is_some() => Err(PullError::Cancelled),
            Some(error) => Err(error),
            None => Ok(()),
        }
    }

    fn get_one(&self, (digest, size): (Sha256, u64), failed: &AtomicBool) -> Result<(), PullError> {
        let progress = |taken| self.observer.advanced(digest, taken);
        let goes_on = || !failed.load(Ordering::SeqCst);
        loop {
            let partial = self
                .store
                .partial((digest, size), &progress, &goes_on, self.cancel)?;
            let Some(mut partial) = partial else {
                break;
            };
            let from = partial.taken();
            if from < size {
                let got = self
                    .source
                    .blob(digest, (from, size), &mut partial, self.cancel);
                got?;
            }
            match partial.finish()? {
                Came::Whole => break,
                Came::Short(taken) => {
                    return Err(PullError::Short {
                        part: digest,
                        taken,
                        size,
                    });
                }
                // What somebody left there may have been damaged: once more, from the start.
                Came::Other(_) if from > 0 => {}
                Came::Other(found) => {
                    return Err(PullError::Other {
                        part: digest,
                        found,
                    });
                }
            }
        }
        self.observer.ends(digest);
        Ok(())
    }
}
