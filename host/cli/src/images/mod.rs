//! Finds the code of every step: the file that `image:` names, the one that stands for it here, or what a registry or an
//! archive has.
//!
//! `image:` is a path or it is not; its kind is decided from what is there and never tried in turn. Knows no backend:
//! whether the code can run and what it asks for is found out by `admit`.

mod command;
mod elsewhere;
mod load;
mod progress;
mod shelf;

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use stepwell_contract::Image;
use stepwell_engine::Images;
use stepwell_registry::Held;
use stepwell_spec::{SourceId, Span, SpecProblem};

use crate::config::Substitution;
use crate::inputs::Texts;

pub(crate) use command::images;
pub(crate) use shelf::{Shelf, root};

use elsewhere::Elsewhere;
pub(crate) use load::{Unfit, load};

/// Finds images, each once.
#[derive(Debug)]
pub(crate) struct Finder {
    folders: BTreeMap<SourceId, PathBuf>,
    substitutions: Vec<Substitution>,
    /// By the file that they are in.
    loaded: Mutex<HashMap<PathBuf, Result<Image, Unfit>>>,
    /// What is in no file; where there is none, nothing of that is looked for.
    elsewhere: Option<Elsewhere>,
}

/// Where the code of a step is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    /// The file.
    pub(crate) path: PathBuf,
    /// Who says that this file stands for the image: `stepwell.toml:3`, `--image`.
    pub(crate) substituted: Option<String>,
}

/// An image that names nothing that can be run.
pub(crate) struct Misnamed {
    /// What to tell the author.
    pub(crate) problem: Box<SpecProblem>,
    /// Whose trouble it is.
    pub(crate) missing: Missing,
}

/// What a run lacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Missing {
    /// The code is not there or cannot be run.
    Code,
    /// This Stepwell cannot run such images.
    Support,
}

impl Finder {
    /// Looks for paths from the folders of these texts, and for others where a substitution says.
    pub(crate) fn new(texts: &Texts, substitutions: Vec<Substitution>) -> Self {
        Self {
            folders: texts.folders.clone(),
            substitutions,
            loaded: Mutex::default(),
            elsewhere: None,
        }
    }

    /// Looks for images in registries and archives too.
    #[must_use]
    pub(crate) fn with(mut self, shelf: Shelf) -> Self {
        self.elsewhere = Some(Elsewhere::new(shelf));
        self
    }

    /// Where the code is that `reference` names, which stands at `span`.
    ///
    /// # Errors
    ///
    /// It is no path and nothing stands for it, or it is a path in a document from elsewhere.
    pub(crate) fn place(&self, reference: &str, span: Span) -> Result<Place, Misnamed> {
        let Some(path) = as_path(reference) else {
            let stands = |one: &&Substitution| one.pattern.matches(reference);
            return match self.substitutions.iter().find(stands) {
                Some(found) => Ok(Place {
                    path: found.path.clone(),
                    substituted: Some(found.place.clone()),
                }),
                None => Err(Misnamed {
                    problem: Box::new(SpecProblem::image_is_container(span, reference)),
                    missing: Missing::Support,
                }),
            };
        };
        match self.folders.get(&span.source) {
            Some(folder) => Ok(Place {
                path: folder.join(path),
                substituted: None,
            }),
            // Whoever wrote that document has no say in what is read here.
            None => Err(Misnamed {
                problem: Box::new(SpecProblem::image_not_found(
                    span,
                    reference,
                    &path,
                    "a document from elsewhere names no file of this machine",
                )),
                missing: Missing::Code,
            }),
        }
    }

    /// What an image of a registry was when it was last looked up; nobody is asked.
    pub(crate) fn known(&self, reference: &str) -> Option<Held> {
        let elsewhere = self.elsewhere.as_ref()?;
        let is_elsewhere = as_path(reference).is_none() && !self.is_substituted(reference);
        is_elsewhere.then(|| elsewhere.known(reference)).flatten()
    }

    /// The code that `reference` names, which stands at `span`.
    ///
    /// # Errors
    ///
    /// It names nothing that can be run.
    pub(crate) fn find(&self, reference: &Arc<str>, span: Span) -> Result<Image, Misnamed> {
        self.look_for(reference, span, true)
    }

    fn look_for(&self, reference: &Arc<str>, span: Span, asks: bool) -> Result<Image, Misnamed> {
        if let Some(elsewhere) = &self.elsewhere
            && as_path(reference).is_none()
            && !self.is_substituted(reference)
        {
            return elsewhere.find(reference, span, self.folders.get(&span.source), asks);
        }
        let place = self.place(reference, span)?;
        let found = self.load(&place.path, reference);
        found.map_err(|why| Misnamed {
            problem: Box::new(why.into_problem(reference, span, &place.path)),
            missing: Missing::Code,
        })
    }

    fn is_substituted(&self, reference: &str) -> bool {
        let mut all = self.substitutions.iter();
        all.any(|one| one.pattern.matches(reference))
    }

    fn load(&self, path: &Path, reference: &Arc<str>) -> Result<Image, Unfit> {
        // A thread that panicked while it read has left nothing half-made in the table.
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        if !loaded.contains_key(path) {
            let image = load(path).map(|bytes| Image::component(Arc::clone(reference), bytes));
            loaded.insert(path.to_owned(), image);
        }
        let image = loaded.get(path).cloned();
        let gone = || Err(Unfit::Unreadable("it was not kept".to_owned()));
        image.unwrap_or_else(gone).map(|image| Image {
            reference: Arc::clone(reference),
            ..image
        })
    }
}

impl Images for Finder {
    fn find(&self, reference: &Arc<str>, span: Span) -> Result<Image, String> {
        // What is asked for now was not known before the run, or was found then.
        self.look_for(reference, span, false)
            .map_err(|misnamed| misnamed.problem.to_string())
    }
}

impl Unfit {
    fn into_problem(self, image: &str, span: Span, path: &Path) -> SpecProblem {
        match self {
            Self::Unreadable(cause) => SpecProblem::image_not_found(span, image, path, &cause),
            Self::Native(what) => SpecProblem::image_is_native(span, image, what),
            Self::NotWasm(why) => SpecProblem::image_not_wasm(span, image, &why),
        }
    }
}

/// The path that an image names: `./x`, `../x`, `/x`, `file:x`, `file:///x`. `None` for a container image.
fn as_path(image: &str) -> Option<PathBuf> {
    if let Some(path) = image.strip_prefix("file:") {
        return Some(path.strip_prefix("//").unwrap_or(path).into());
    }
    let path = image.starts_with("./") || image.starts_with("../") || image.starts_with('/');
    path.then(|| image.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Pattern;

    /// A finder for one text, which is in `folder`, and a place in that text.
    fn finder(folder: Option<&Path>, substitutions: &[(&str, &Path)]) -> (Finder, Span) {
        let mut texts = Texts::default();
        let source = texts.sources.add("a.yaml", "image: x");
        if let Some(folder) = folder {
            texts.folders.insert(source, folder.to_owned());
        }
        let substitutions = substitutions.iter().map(|(pattern, path)| Substitution {
            pattern: Pattern::new(pattern),
            path: path.to_path_buf(),
            place: format!("for {pattern}"),
        });
        let (start, len) = (7, 1);
        let span = Span { source, start, len };
        (Finder::new(&texts, substitutions.collect()), span)
    }

    #[test]
    fn the_first_substitution_that_matches_stands_for_an_image_and_for_no_path() {
        let temp = tempfile::tempdir().unwrap();
        let file = temp.path().join("sh.wat");
        std::fs::write(&file, "(module)").unwrap();
        let missing = temp.path().join("missing");
        let (finder, span) = finder(
            Some(temp.path()),
            &[("bash*", &file), ("*", &missing), ("bash", &missing)],
        );
        let place = finder.place("bash:5", span).ok().unwrap();
        assert_eq!(place.substituted.as_deref(), Some("for bash*"));
        let image = finder.find(&"bash:5".into(), span).ok().unwrap();
        assert_eq!(&*image.reference, "bash:5");
        let other = finder.find(&"bash:4".into(), span).ok().unwrap();
        assert_eq!((&*other.reference, other.digest), ("bash:4", image.digest));
        assert_eq!(finder.place("alpine", span).ok().unwrap().path, missing);
        let path = finder.place("./x.wasm", span).ok().unwrap();
        assert_eq!(path.path, temp.path().join("./x.wasm"));
        assert_eq!(path.substituted, None);
    }

    #[test]
    fn a_container_image_that_nothing_stands_for_cannot_be_run() {
        let (finder, span) = finder(None, &[]);
        let misnamed = finder.find(&"alpine".into(), span).err().unwrap();
        assert_eq!(misnamed.missing, Missing::Support);
    }

    #[test]
    fn attack_a_document_from_elsewhere_names_a_file_of_this_machine() {
        let temp = tempfile::tempdir().unwrap();
        let file = temp.path().join("private.wat");
        std::fs::write(&file, "(module)").unwrap();
        let image: Arc<str> = file.display().to_string().into();
        let (remote, span) = finder(None, &[]);
        assert!(remote.find(&image, span).is_err());
        let (local, span) = finder(Some(Path::new("")), &[]);
        assert!(local.find(&image, span).is_ok());
    }

    #[test]
    fn an_image_is_a_path_only_where_it_looks_like_one() {
        for (image, path) in [
            ("./a.wasm", Some("./a.wasm")),
            ("../a.wasm", Some("../a.wasm")),
            ("/a.wasm", Some("/a.wasm")),
            ("file:a.wasm", Some("a.wasm")),
            ("file:///a.wasm", Some("/a.wasm")),
            ("a.wasm", None),
            ("alpine", None),
            ("ghcr.io/owner/name:1", None),
            ("oci:./folder", None),
            ("docker-archive:./x.tar", None),
        ] {
            assert_eq!(as_path(image), path.map(PathBuf::from), "{image}");
        }
    }
}
