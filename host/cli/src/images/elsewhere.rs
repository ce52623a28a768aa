//! Images that are in no file of their own: in a registry, a layout or an archive. Each is got once.
//!
//! Knows what an author has to be told; how an image is got is the shelf's business.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use stepwell_contract::{Cancel, Image, ImagePullPolicy, Platform};
use stepwell_registry::{Held, Local, Location, PullError, Pulled, PulledCode};
use stepwell_spec::{Span, SpecProblem};

use super::load::{Unfit, judge};
use super::shelf::{NotHad, Shelf, Wanted};
use super::{Misnamed, Missing};
use crate::containers;
use crate::lock::Lock;
use crate::trouble::say;

/// Where an image is, and when it is pulled.
type Name = (String, Option<ImagePullPolicy>);

/// An image as a document asks for it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked<'a> {
    /// What it says.
    pub(super) reference: &'a Arc<str>,
    /// Where.
    pub(super) span: Span,
    /// Who says that another one stands for it.
    pub(super) substituted_by: Option<&'a str>,
}

/// Gets images from elsewhere.
#[derive(Debug)]
pub(super) struct Elsewhere {
    shelf: Shelf,
    /// What names mean in this project.
    lock: Lock,
    platform: Platform,
    got: Mutex<HashMap<Name, Result<Image, Refused>>>,
}

/// Why an image is not to be had.
#[derive(Debug, Clone)]
enum Refused {
    /// It is a container, which cannot be run by this user.
    Container,
    /// What is in it is no step.
    Unfit(Unfit),
    /// It cannot be got.
    NotGot {
        cause: String,
        help: String,
        missing: Missing,
    },
}

impl Elsewhere {
    pub(super) fn new(shelf: Shelf, lock: Lock) -> Self {
        Self {
            shelf,
            lock,
            platform: Platform::host(),
            got: Mutex::default(),
        }
    }

    /// What the image was when it was last looked up; nobody is asked.
    pub(super) fn known(&self, location: &Location) -> Option<Held> {
        match location {
            Location::Registry(reference) => {
                let pinned = Location::Registry(self.lock.pin(reference).ok()?);
                self.shelf.known(&pinned, &self.platform)
            }
            _ => self.shelf.known(location, &self.platform),
        }
    }

    /// The image at `location`, for what was `asked`, got when `policy` says. Where `asks` is not set, only the store is
    /// looked at: a name that a step has made up while it ran would tell whoever it names what the step knows.
    ///
    /// # Errors
    ///
    /// It cannot be had, or cannot be run.
    pub(super) fn find(
        &self,
        asked: &Asked<'_>,
        location: &Location,
        policy: Option<ImagePullPolicy>,
        asks: bool,
    ) -> Result<Image, Misnamed> {
        let Asked {
            reference, span, ..
        } = *asked;
        let found = {
            let key = (location.to_string(), policy);
            // A thread that panicked while it waited has left nothing half-made in the table.
            let mut got = self.got.lock().unwrap_or_else(PoisonError::into_inner);
            got.entry(key)
                .or_insert_with(|| self.get(asked, location, policy, asks))
                .clone()
        };
        let said = |problem: SpecProblem, missing| Misnamed {
            problem: Box::new(problem),
            missing,
        };
        found.map_err(|refused| match refused {
            Refused::Container => said(
                SpecProblem::image_is_container(
                    span,
                    reference,
                    &containers::obstacle().unwrap_or_default(),
                ),
                Missing::Support,
            ),
            Refused::Unfit(unfit) => said(
                unfit.into_problem(reference, span, Path::new(&**reference)),
                Missing::Code,
            ),
            Refused::NotGot {
                cause,
                help,
                missing,
            } => said(
                SpecProblem::image_not_pulled(span, reference, &cause, &help),
                missing,
            ),
        })
    }

    fn get(
        &self,
        asked: &Asked<'_>,
        location: &Location,
        policy: Option<ImagePullPolicy>,
        asks: bool,
    ) -> Result<Image, Refused> {
        let reference = asked.reference;
        let pinned = match location {
            Location::Registry(name) => self.lock.pin(name).map(Location::Registry),
            other => Ok(other.clone()),
        };
        let pinned = pinned.map_err(|error| Refused::NotGot {
            cause: error.to_string(),
            help: format!("lock it with `stepwell update {location}`, and commit the file"),
            missing: Missing::Code,
        })?;
        let wanted = Wanted {
            location: &pinned,
            platform: &self.platform,
            policy,
            asks,
            // The layers of what cannot be run would be got for nothing.
            components_only: !self.shelf.runs_containers(),
        };
        let got = self.shelf.get(&wanted, &Cancel::new());
        if let (Ok(pulled), Location::Registry(name), true) = (&got, location, asks) {
            // What a run found does not go wrong for it; the next one finds it again.
            if let Err(error) = self.lock.learn(name, pulled.digest) {
                say(&mut std::io::stderr(), &format!("{error:#}"));
            }
        }
        match got {
            Ok(Pulled {
                code: PulledCode::Component(bytes),
                ..
            }) => match judge(&bytes) {
                Ok(()) => Ok(Image::component(Arc::clone(reference), bytes)),
                Err(unfit) => Err(Refused::Unfit(unfit)),
            },
            Ok(Pulled {
                code: PulledCode::Container(container),
                ..
            }) => Ok(Image::container(Arc::clone(reference), container)),
            Err(NotHad::Pull(PullError::Container(_))) => Err(Refused::Container),
            Err(error) => Err(self.refused(asked, location, &error, asks)),
        }
    }

    fn refused(
        &self,
        asked: &Asked<'_>,
        location: &Location,
        error: &NotHad,
        asks: bool,
    ) -> Refused {
        let reference = asked.reference;
        // What is pulled is what runs, as it was written where that is known.
        let (named, beside) = match asked.substituted_by {
            None => (reference.to_string(), String::new()),
            Some(who) => {
                let runs = location.to_string();
                let beside = format!("; `{runs}` stands for it, as `{who}` says");
                (runs, beside)
            }
        };
        let pull = format!("`stepwell images pull {named}` gets it");
        let stands =
            format!("let a component stand for it with `--image '{reference}=./step.wasm'`");
        let mut cause = error.causes();
        let (help, missing) = match error {
            NotHad::Pull(PullError::NeverPulled { .. }) => (
                format!("{pull}, or name another `imagePullPolicy`"),
                Missing::Support,
            ),
            NotHad::Pull(PullError::Absent { image }) => {
                if !self.shelf.is_offline() && !asks {
                    cause = format!(
                        "`{image}` is not here, and none is pulled while a run is under way"
                    );
                }
                (format!("{pull}; or {stands}"), Missing::Support)
            }
            NotHad::Unsigned { place, .. } => {
                let who = "ask whoever published it to sign it, as `stepwell push --sign` does";
                (
                    format!("{who}; or look at the keys in `{place}`"),
                    Missing::Code,
                )
            }
            error if error.is_reference() => {
                let look = "look at the name of the image, and at what is there";
                (format!("{look}; or {stands}"), Missing::Code)
            }
            _ => {
                let look = "look at the connection, and at whether you may read it";
                (format!("{look}; or {stands}"), Missing::Support)
            }
        };
        Refused::NotGot {
            cause: cause + &beside,
            help,
            missing,
        }
    }
}

/// Where an image is that a document of `folder` names at `span`; a document from elsewhere has no folder.
///
/// # Errors
///
/// It is nowhere.
pub(super) fn location(
    reference: &str,
    folder: Option<&PathBuf>,
    span: Span,
) -> Result<Location, Misnamed> {
    let bad = |cause: String, help: &str| Misnamed {
        problem: Box::new(SpecProblem::image_not_pulled(span, reference, &cause, help)),
        missing: Missing::Code,
    };
    match reference.parse::<Location>() {
        Err(error) => Err(bad(
            error.to_string(),
            "an image is a path as in `./step.wasm`, a reference as in `ghcr.io/owner/name:1`, or `oci:DIR`, \
             `oci-archive:FILE`, `docker-archive:FILE`",
        )),
        Ok(Location::Local(local)) => match folder {
            Some(folder) => Ok(Location::Local(Local {
                path: folder.join(&local.path),
                ..local
            })),
            // Whoever wrote that document has no say in what is read here.
            None => Err(bad(
                "a document from elsewhere names no file of this machine".to_owned(),
                "name an image in a registry",
            )),
        },
        Ok(location) => Ok(location),
    }
}

#[cfg(test)]
mod tests {
    use stepwell_spec::Sources;

    use super::*;

    fn span() -> Span {
        let source = Sources::new().add("a.yaml", "image: x");
        let (start, len) = (7, 1);
        Span { source, start, len }
    }

    #[test]
    fn attack_a_document_from_elsewhere_names_an_archive_of_this_machine() {
        let folder = PathBuf::from("/project");
        for image in [
            "oci:./a",
            "oci-archive:/etc/passwd",
            "docker-archive:a.tar:b",
        ] {
            assert!(location(image, None, span()).is_err(), "{image}");
            assert!(location(image, Some(&folder), span()).is_ok(), "{image}");
        }
        assert!(location("ghcr.io/a/b:1", None, span()).is_ok());
    }

    #[test]
    fn a_path_of_an_archive_starts_at_the_folder_of_its_document() {
        let found = location("oci:./a:1", Some(&"/project".into()), span());
        let Ok(Location::Local(local)) = found else {
            panic!("it is a layout");
        };
        assert_eq!(local.path, Path::new("/project/./a"));
        assert_eq!(local.image.as_deref(), Some("1"));
    }
}
