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

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use stepwell_contract::{Image, ImagePullPolicy};
use stepwell_engine::Images;
use stepwell_registry::{Held, Location};
use stepwell_spec::{SourceId, Span, SpecProblem};

use crate::config::{Substitute, Substitution, as_path};
use crate::inputs::Texts;
use crate::lock::Lock;

pub(crate) use command::{failed as not_pulled, images};
pub(crate) use shelf::{NotHad, Shelf, Wanted, root};

use elsewhere::{Asked, Elsewhere};
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
    described: Arc<Described>,
}

/// Components that Tasks were made of, by what such a Task calls them. It runs the very bytes that described themselves.
///
/// A document from elsewhere that names one of them the same way gets what this run runs anyway, and no file is read for
/// it.
#[derive(Debug, Default)]
pub(crate) struct Described(Mutex<HashMap<Arc<str>, Component>>);

/// A component, and the file with its code where that is in one of its own.
type Component = (Image, Option<PathBuf>);

impl Described {
    /// Lets documents from elsewhere name `image`, whose code is in `file`.
    pub(crate) fn put(&self, image: Image, file: Option<PathBuf>) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(Arc::clone(&image.reference), (image, file));
    }

    fn get(&self, reference: &str) -> Option<Component> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(reference).cloned()
    }
}

/// What runs for an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    /// What stands for it here, and who says so: `stepwell.toml:3`, `--image`.
    pub(crate) substituted: Option<(Arc<str>, String)>,
    /// The file with its code, where that is in one of its own.
    pub(crate) file: Option<PathBuf>,
}

/// Which code is to be got: what was asked for, or what stands for it.
enum Chosen<'a> {
    /// In a file.
    File(PathBuf),
    /// Anywhere else.
    Elsewhere(Cow<'a, Location>),
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
            described: Arc::default(),
        }
    }

    /// Finds the components too that Tasks are made of.
    #[must_use]
    pub(crate) fn knowing(mut self, described: Arc<Described>) -> Self {
        self.described = described;
        self
    }

    /// The component that a Task from elsewhere was made of.
    fn described(&self, reference: &str, span: Span) -> Option<Component> {
        match self.folders.contains_key(&span.source) {
            true => None,
            false => self.described.get(reference),
        }
    }

    /// Looks for images in registries and archives too; what names mean there, `lock` says.
    #[must_use]
    pub(crate) fn with(mut self, shelf: Shelf, lock: Lock) -> Self {
        self.elsewhere = Some(Elsewhere::new(shelf, lock));
        self
    }

    /// What runs for `reference`, which stands at `span`, as far as that is known before anybody looks.
    pub(crate) fn place(&self, reference: &str, span: Span) -> Place {
        let found = self.substitution(reference);
        Place {
            substituted: found.map(|one| (one.substitute.to_string().into(), one.place.clone())),
            file: match self.described(reference, span) {
                Some((_, file)) => file,
                None => match self.choose(reference, found, span) {
                    Ok(Chosen::File(path)) => Some(path),
                    _ => None,
                },
            },
        }
    }

    /// What an image of a registry was when it was last looked up; nobody is asked.
    pub(crate) fn known(&self, reference: &str, span: Span) -> Option<Held> {
        let elsewhere = self.elsewhere.as_ref()?;
        let found = self.substitution(reference);
        match self.choose(reference, found, span) {
            Ok(Chosen::Elsewhere(location)) => elsewhere.known(&location),
            _ => None,
        }
    }

    /// The code that `reference` names, which stands at `span`, got when `policy` says.
    ///
    /// # Errors
    ///
    /// It names nothing that can be run.
    pub(crate) fn find(
        &self,
        reference: &Arc<str>,
        policy: Option<ImagePullPolicy>,
        span: Span,
    ) -> Result<Image, Misnamed> {
        self.look_for(reference, policy, span, true)
    }

    /// The code that `reference` names, as [`Finder::find`] finds it; where `asks` is not set, no registry is asked.
    ///
    /// # Errors
    ///
    /// It names nothing that can be run.
    pub(crate) fn look_for(
        &self,
        reference: &Arc<str>,
        policy: Option<ImagePullPolicy>,
        span: Span,
        asks: bool,
    ) -> Result<Image, Misnamed> {
        if let Some((image, _)) = self.described(reference, span) {
            return Ok(image);
        }
        let found = self.substitution(reference);
        let image = match self.choose(reference, found, span)? {
            Chosen::File(path) => self.load(&path, reference).map_err(|why| Misnamed {
                problem: Box::new(why.into_problem(reference, span, &path)),
                missing: Missing::Code,
            })?,
            Chosen::Elsewhere(location) => {
                let Some(elsewhere) = &self.elsewhere else {
                    return Err(Misnamed {
                        problem: Box::new(SpecProblem::image_is_container(
                            span,
                            reference,
                            "it takes a component",
                        )),
                        missing: Missing::Support,
                    });
                };
                let asked = Asked {
                    reference,
                    span,
                    substituted_by: found.map(|one| &*one.place),
                };
                elsewhere.find(&asked, &location, policy, asks)?
            }
        };
        Ok(Image {
            reference: Arc::clone(reference),
            substitute: found.map(|one| one.substitute.to_string().into()),
            ..image
        })
    }

    /// What stands for an image here. Nothing stands for a path.
    fn substitution(&self, reference: &str) -> Option<&Substitution> {
        let mut all = self.substitutions.iter();
        match as_path(reference) {
            Some(_) => None,
            None => all.find(|one| one.pattern.matches(reference)),
        }
    }

    fn choose<'a>(
        &'a self,
        reference: &str,
        found: Option<&'a Substitution>,
        span: Span,
    ) -> Result<Chosen<'a>, Misnamed> {
        // What the user says about files of this machine counts, whoever wrote the document.
        if let Some(one) = found {
            return Ok(match &one.substitute {
                Substitute::File(path) => Chosen::File(path.clone()),
                Substitute::Image(location) => Chosen::Elsewhere(Cow::Borrowed(location)),
            });
        }
        let folder = self.folders.get(&span.source);
        match (as_path(reference), folder) {
            (Some(path), Some(folder)) => Ok(Chosen::File(folder.join(path))),
            // Whoever wrote that document has no say in what is read here.
            (Some(path), None) => Err(Misnamed {
                problem: Box::new(SpecProblem::image_not_found(
                    span,
                    reference,
                    &path,
                    "a document from elsewhere names no file of this machine",
                )),
                missing: Missing::Code,
            }),
            (None, folder) => {
                let location = elsewhere::location(reference, folder, span)?;
                Ok(Chosen::Elsewhere(Cow::Owned(location)))
            }
        }
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
    fn find(
        &self,
        reference: &Arc<str>,
        policy: Option<ImagePullPolicy>,
        span: Span,
    ) -> Result<Image, String> {
        // What is asked for now was not known before the run, or was found then.
        self.look_for(reference, policy, span, false)
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
            substitute: Substitute::File(path.to_path_buf()),
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
        let found = |image: &str| finder.find(&image.into(), None, span).ok().unwrap();
        let (who, shown) = ("for bash*".to_owned(), file.display().to_string());
        let place = finder.place("bash:5", span);
        assert_eq!(place.substituted, Some((shown.as_str().into(), who)));
        let (image, other) = (found("bash:5"), found("bash:4"));
        assert_eq!(&*image.reference, "bash:5");
        assert_eq!(image.substitute.as_deref(), Some(&*shown));
        assert_eq!((&*other.reference, other.digest), ("bash:4", image.digest));
        assert_eq!(finder.place("alpine", span).file, Some(missing));
        let path = finder.place("./x.wasm", span);
        assert_eq!(path.file, Some(temp.path().join("./x.wasm")));
        assert_eq!(path.substituted, None);
    }

    #[test]
    fn a_container_image_that_nothing_stands_for_cannot_be_run() {
        let (finder, span) = finder(None, &[]);
        let misnamed = finder.find(&"alpine".into(), None, span).err().unwrap();
        assert_eq!(misnamed.missing, Missing::Support);
    }

    #[test]
    fn attack_a_document_from_elsewhere_names_a_file_of_this_machine() {
        let temp = tempfile::tempdir().unwrap();
        let file = temp.path().join("private.wat");
        std::fs::write(&file, "(module)").unwrap();
        let image: Arc<str> = file.display().to_string().into();
        let (remote, span) = finder(None, &[]);
        assert!(remote.find(&image, None, span).is_err());
        let (local, span) = finder(Some(Path::new("")), &[]);
        assert!(local.find(&image, None, span).is_ok());
    }
}
