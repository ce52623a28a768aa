//! A layout as the image specification of OCI has it (`image-layout.md`): `index.json`, and blobs by their digests.
//!
//! It does not know whether it is a folder or an archive.

use std::io::Read as _;

use serde::Deserialize;
use stepwell_contract::{Cancel, Platform};

use super::Place;
use crate::{
    client::MANIFEST_BYTES,
    download::Sink,
    image::{self, Document, Entry, ImageProblem},
    pull::{PullError, Source},
    sha256::Sha256,
};

/// Under which annotation an index has the tag.
const TAG: &str = "org.opencontainers.image.ref.name";

pub(super) struct Layout<'a>(pub(super) &'a Place<'a>);

#[derive(Deserialize)]
struct Marker {
    #[serde(rename = "imageLayoutVersion")]
    version: String,
}

impl Layout<'_> {
    /// The image that is meant.
    pub(super) fn choose(&self, platform: &Platform) -> Result<Sha256, PullError> {
        let place = self.0;
        let bad = |problem| PullError::Image {
            image: place.path.to_owned(),
            problem,
        };
        let not_that = || PullError::NotThat {
            path: place.path.to_owned(),
            what: "an OCI layout",
        };
        let marker = place.small("oci-layout", 64 << 10)?.ok_or_else(not_that)?;
        let marker: Marker = serde_json::from_slice(&marker).map_err(|_| not_that())?;
        if !marker.version.starts_with("1.") {
            return Err(not_that());
        }
        let index = place
            .small("index.json", MANIFEST_BYTES)?
            .ok_or_else(not_that)?;
        let Document::Index(entries) = image::read(&index).map_err(bad)? else {
            return Err(bad(ImageProblem::Neither));
        };
        let tag = |entry: &Entry| entry.descriptor.annotations.get(TAG).cloned();
        let mut tags: Vec<Option<String>> = entries.iter().map(tag).collect();
        tags.sort();
        tags.dedup();
        let known = || tags.iter().flatten().cloned().collect();
        let meant: Vec<Entry> = match place.wanted {
            Some(wanted) => {
                let is_it = |entry: &Entry| tag(entry).as_deref() == Some(wanted);
                entries.into_iter().filter(is_it).collect()
            }
            // Without a tag it has to be clear which one is meant.
            None if tags.len() == 1 => entries,
            None => Vec::new(),
        };
        match meant.as_slice() {
            [] => Err(place.no_image(known())),
            meant => Ok(image::choose(meant, platform)
                .map_err(bad)?
                .descriptor
                .digest),
        }
    }
}

impl Source for Layout<'_> {
    fn image(&self) -> String {
        self.0.path.to_owned()
    }

    fn document(&self, digest: Sha256) -> Result<Vec<u8>, PullError> {
        let bytes = self.0.small(&name(digest), MANIFEST_BYTES)?;
        let bytes = bytes.ok_or_else(|| self.0.no_part(digest))?;
        match Sha256::of(&bytes) {
            found if found == digest => Ok(bytes),
            found => Err(PullError::Other {
                part: digest,
                found,
            }),
        }
    }

    fn blob(
        &self,
        digest: Sha256,
        _: (u64, u64),
        sink: &mut dyn Sink,
        cancel: &Cancel,
    ) -> Result<(), PullError> {
        let unreadable = |source| PullError::Read {
            path: self.0.path.to_owned(),
            source,
        };
        let file = self.0.files.open(&name(digest)).map_err(unreadable)?;
        let mut file = file.ok_or_else(|| self.0.no_part(digest))?;
        // What somebody left of it is read again: that costs as much as digesting it.
        sink.begin(0).map_err(unreadable)?;
        let mut buffer = vec![0; 256 << 10];
        loop {
            if cancel.reason().is_some() {
                return Err(PullError::Cancelled);
            }
            match file.read(&mut buffer).map_err(unreadable)? {
                0 => return Ok(()),
                count => sink.take(&buffer[..count]).map_err(unreadable)?,
            }
        }
    }
}

fn name(digest: Sha256) -> String {
    format!("blobs/sha256/{}", digest.to_hex())
}
