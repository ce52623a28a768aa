//! One plugin: where it is, and what it says of itself.

use serde_json::{Value, json};
use stepwell_contract::{Cancel, Description, Image, Platform};
use stepwell_registry::error::with_causes;
use stepwell_registry::{Location, PullError, PulledCode, Sha256};
use stepwell_sandbox_wasm::WasmBackend;

use super::source::Place;
use crate::environment::Environment;
use crate::images::{self, NotHad, Shelf, Wanted};
use crate::plugin;

/// A component, and what it says.
#[derive(Debug)]
pub(super) struct Entry {
    place: Place,
    /// Of its artifact, where it is one.
    digest: Option<Sha256>,
    pub(super) said: Said,
}

/// What a component says of itself.
#[derive(Debug)]
pub(super) enum Said {
    /// All of it.
    Plugin(Box<Description>),
    /// Nothing: it is a program like any other.
    Program,
    /// It cannot be asked, and why.
    Unknown(String),
}

/// Reads components.
pub(super) struct Reader {
    shelf: Shelf,
    backend: WasmBackend,
}

impl Reader {
    /// Nothing is read yet.
    ///
    /// # Errors
    ///
    /// The sandbox cannot be set up.
    pub(super) fn new(shelf: Shelf, env: &Environment) -> anyhow::Result<Self> {
        let backend = plugin::backend(env)?;
        Ok(Self { shelf, backend })
    }

    /// What is at `place`; nothing where that is a container image. What cannot be had or asked is an entry that says why.
    pub(super) fn read(&self, place: Place) -> Option<Entry> {
        let (digest, code) = match &place {
            Place::File(path) => (None, images::load(path).map_err(|unfit| unfit.to_string())),
            Place::Registry(reference) => {
                let location = Location::Registry(reference.clone());
                let platform = Platform::host();
                let wanted = Wanted {
                    location: &location,
                    platform: &platform,
                    policy: None,
                    asks: true,
                    components_only: true,
                };
                match self.shelf.get(&wanted, &Cancel::new()) {
                    Err(NotHad::Pull(PullError::Container(_))) => return None,
                    Err(error) => (None, Err(error.causes())),
                    Ok(pulled) => match pulled.code {
                        PulledCode::Component(bytes) => (Some(pulled.digest), Ok(bytes)),
                        PulledCode::Container(_) => return None,
                    },
                }
            }
        };
        let said = code.map_or_else(Said::Unknown, |code| self.ask(&place, code));
        Some(Entry {
            place,
            digest,
            said,
        })
    }

    fn ask(&self, place: &Place, code: Vec<u8>) -> Said {
        let image = Image::component(named(place), code);
        match plugin::ask(&self.backend, &image) {
            Ok(Ok(Some(description))) => Said::Plugin(Box::new(description)),
            Ok(Ok(None)) => Said::Program,
            Ok(Err(error)) => Said::Unknown(with_causes(&error)),
            Err(error) => Said::Unknown(format!("{error:#}")),
        }
    }
}

impl Entry {
    /// What `image:` of a document would say.
    pub(super) fn image(&self) -> String {
        named(&self.place)
    }

    /// The entry with all that is known of it, the Task that it is included.
    pub(super) fn json(&self) -> Value {
        let image = self.image();
        let mut entry = json!({ "image": image, "digest": self.digest });
        match &self.said {
            Said::Plugin(description) => {
                entry["kind"] = json!("plugin");
                entry["description"] = json!(description);
                entry["task"] = plugin::task_value(description, &image);
            }
            Said::Program => entry["kind"] = json!("program"),
            Said::Unknown(why) => {
                entry["kind"] = json!("unknown");
                entry["why"] = json!(why);
            }
        }
        entry
    }
}

/// What `image:` of a document would say, from the folder that we are in.
fn named(place: &Place) -> String {
    match place {
        Place::File(path) if path.is_absolute() || path.starts_with("..") => {
            path.display().to_string()
        }
        Place::File(path) => {
            let path = path.strip_prefix(".").unwrap_or(path);
            format!("./{}", path.display())
        }
        Place::Registry(reference) => reference.to_string(),
    }
}
