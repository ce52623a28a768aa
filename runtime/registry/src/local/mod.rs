//! Images in a folder or an archive of this machine, taken into the store.
//!
//! What is there was written by anybody: names in it are looked up and never opened, a digest is believed once the bytes have
//! it, and a folder is read through a handle that nothing leads out of.

mod docker;
mod files;
mod layout;

use stepwell_contract::{Cancel, Platform};

use files::{Archive, Files, Folder};
use layout::Layout;

use crate::{
    download::Sink,
    location::{Form, Local},
    pull::{Gathering, Observer, PullError, Pulled, Source, gather},
    sha256::Sha256,
    store::{ImageStore, Record},
};

impl ImageStore {
    /// Takes an image of this machine into the store, or what of it is not there yet. A relative path starts at the current
    /// folder. Where only components will do, a container is refused.
    ///
    /// # Errors
    ///
    /// When it is not there, is not what an image has to be, or cannot be read.
    pub fn import(
        &self,
        local: &Local,
        wanted: (&Platform, bool),
        observer: &dyn Observer,
        cancel: &Cancel,
    ) -> Result<Pulled, PullError> {
        self.import_as(local, None, wanted, observer, cancel)
    }

    /// As [`import`](Self::import), of an archive that somebody else made and that is known by another name than its path.
    ///
    /// # Errors
    ///
    /// As [`import`](Self::import).
    pub fn import_as(
        &self,
        local: &Local,
        name: Option<&str>,
        (platform, components_only): (&Platform, bool),
        observer: &dyn Observer,
        cancel: &Cancel,
    ) -> Result<Pulled, PullError> {
        let shown = name.map_or_else(|| local.path.display().to_string(), str::to_owned);
        let unreadable = |source| PullError::Read {
            path: shown.clone(),
            source,
        };
        let path = local.path.canonicalize().map_err(unreadable)?;
        let files: Box<dyn Files> = match local.form {
            Form::Layout => Box::new(Folder::open(&path).map_err(unreadable)?),
            Form::OciArchive | Form::DockerArchive => {
                Box::new(Archive::open(&path).map_err(unreadable)?)
            }
        };
        let place = Place {
            path: &shown,
            wanted: local.image.as_deref(),
            files: &*files,
        };
        let gathering = |source| Gathering {
            store: self,
            source,
            platform,
            components_only,
            observer,
            cancel,
        };
        let (top, gathered) = match local.form {
            Form::DockerArchive => {
                let top = docker::import(self, &place)?;
                (top, gather(&gathering(&place), top)?)
            }
            Form::Layout | Form::OciArchive => {
                let layout = Layout(&place);
                let top = layout.choose(platform)?;
                (top, gather(&gathering(&layout), top)?)
            }
        };
        let name = match (name, &local.image) {
            (Some(name), _) => name.to_owned(),
            (None, Some(image)) => format!("{}:{}:{image}", local.form.as_str(), path.display()),
            (None, None) => format!("{}:{}", local.form.as_str(), path.display()),
        };
        self.write_down(&Record::new(
            (&name, &platform.to_string()),
            (top, gathered.manifest),
            gathered.kind,
            gathered.size,
        ))?;
        Ok(Pulled {
            digest: top,
            manifest: gathered.manifest,
            code: gathered.code,
        })
    }
}

/// A folder or an archive, and which image of it is meant.
struct Place<'a> {
    /// As it was written.
    path: &'a str,
    wanted: Option<&'a str>,
    files: &'a dyn Files,
}

impl Place<'_> {
    /// A small file in it.
    fn small(&self, name: &str, most: u64) -> Result<Option<Vec<u8>>, PullError> {
        use std::io::Read as _;
        let unreadable = |source| PullError::Read {
            path: self.path.to_owned(),
            source,
        };
        let Some(file) = self.files.open(name).map_err(unreadable)? else {
            return Ok(None);
        };
        let mut bytes = Vec::new();
        file.take(most + 1)
            .read_to_end(&mut bytes)
            .map_err(unreadable)?;
        if bytes.len() as u64 > most {
            let text = format!("`{name}` has more than {most} bytes");
            return Err(unreadable(std::io::Error::other(text)));
        }
        Ok(Some(bytes))
    }

    fn no_image(&self, mut known: Vec<String>) -> PullError {
        known.sort();
        known.dedup();
        PullError::NoImage {
            path: self.path.to_owned(),
            wanted: crate::words::quoted(self.wanted.unwrap_or("without a tag")),
            known: match known.is_empty() {
                true => "none that has a name".to_owned(),
                false => crate::words::quoted(&known.join(", ")),
            },
        }
    }

    fn no_part(&self, part: impl std::fmt::Display) -> PullError {
        PullError::NoPart {
            path: self.path.to_owned(),
            part: crate::words::quoted(&part.to_string()),
        }
    }
}

/// An archive of Docker's has been taken in by the time that its parts are asked for.
impl Source for Place<'_> {
    fn image(&self) -> String {
        self.path.to_owned()
    }

    fn document(&self, digest: Sha256) -> Result<Vec<u8>, PullError> {
        Err(self.no_part(digest))
    }

    fn blob(
        &self,
        digest: Sha256,
        _: (u64, u64),
        _: &mut dyn Sink,
        _: &Cancel,
    ) -> Result<(), PullError> {
        Err(self.no_part(digest))
    }
}
