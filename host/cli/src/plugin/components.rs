//! The resolver `component`: a whole Task, made of what a component says about itself.
//!
//! What is made is the text of a Task, read from there on like one that was fetched. Which bytes a name stands for is the
//! [`Finder`]'s business; that the Task runs the bytes that were asked is seen to here.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use miette::Diagnostic as _;
use serde_json::json;
use stepwell_contract::{Description, Digest, Image, ImageKind, ParamValue};
use stepwell_engine::Fetched;
use stepwell_sandbox_wasm::WasmBackend;
use stepwell_spec::{COMPONENT_RESOLVER, RemoteKind, RemoteRef};

use super::{ask, backend, document};
use crate::config::as_path;
use crate::environment::Environment;
use crate::exit::ExitCode;
use crate::images::{Described, Finder, Missing};

/// The param that names the component.
pub(super) const REF: &str = "ref";

/// Makes Tasks of components.
pub(crate) struct Components {
    finder: Finder,
    env: Environment,
    /// Made when the first component is asked.
    backend: OnceLock<WasmBackend>,
    /// What was asked once is not asked again.
    known: Mutex<HashMap<Digest, Arc<Description>>>,
    described: Arc<Described>,
}

/// No Task can be made.
#[derive(Debug)]
pub(crate) struct Unmade {
    /// Why not, as the end of a sentence.
    pub(crate) why: String,
    /// The mend.
    pub(crate) help: String,
    /// Whose trouble it is.
    pub(crate) code: ExitCode,
}

impl Unmade {
    fn document(why: String, help: &str) -> Self {
        Self {
            why,
            help: help.to_owned(),
            code: ExitCode::DocumentInvalid,
        }
    }

    fn environment(error: &anyhow::Error) -> Self {
        Self {
            why: format!("{error:#}"),
            help: "look at the cache folder, and at whether you may write to it".to_owned(),
            code: ExitCode::Environment,
        }
    }
}

impl Components {
    /// Looks for components with `finder`. Touches nothing before a Task is wanted.
    pub(crate) fn new(finder: Finder, env: &Environment) -> Self {
        Self {
            finder,
            env: env.clone(),
            backend: OnceLock::new(),
            known: Mutex::default(),
            described: Arc::default(),
        }
    }

    /// The components that Tasks were made of.
    pub(crate) fn described(&self) -> Arc<Described> {
        Arc::clone(&self.described)
    }

    /// The Task that the component says it is which `reference` names. Where `asks` is not set, no registry is asked.
    ///
    /// # Errors
    ///
    /// There is no such component, or it does not say what it is.
    pub(crate) fn task(&self, reference: &RemoteRef, asks: bool) -> Result<Fetched, Unmade> {
        let name: Arc<str> = named(reference)?.into();
        let span = reference.span;
        let found = self.finder.look_for(&name, None, span, asks);
        let image = found.map_err(|misnamed| Unmade {
            why: misnamed.problem.to_string(),
            help: misnamed
                .problem
                .help()
                .map_or_else(String::new, |help| help.to_string()),
            code: match misnamed.missing {
                Missing::Code => ExitCode::DocumentInvalid,
                Missing::Support => ExitCode::Environment,
            },
        })?;
        if image.kind() != ImageKind::Component {
            return Err(Unmade::document(
                format!("`{name}` is a container image, which does not say what it is"),
                "write a Task with a step that has this `image`",
            ));
        }
        let description = self.description(&image)?;
        let file = self.finder.place(&name, span).file;
        // From here on it is not called by a path from one document's folder: others have folders of their own.
        let called: Arc<str> = match (as_path(&name), &file) {
            (Some(_), Some(file)) => from_here(file).into(),
            _ => name,
        };
        let text = document::task(&description, &called);
        let text = text.map_err(|error| Unmade::environment(&error))?;
        let digest = image.digest.to_string();
        let hex = digest.strip_prefix("blake3:").unwrap_or(&digest);
        let provenance = json!({
            "uri": &*called,
            "digest": {"blake3": hex},
        });
        let image = Image {
            reference: Arc::clone(&called),
            ..image
        };
        self.described.put(image, file);
        Ok(Fetched {
            name: called.to_string(),
            text,
            provenance: Arc::new(provenance),
        })
    }

    fn description(&self, image: &Image) -> Result<Arc<Description>, Unmade> {
        // A thread that panicked while it asked has left nothing half-known.
        let known = || self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(description) = known().get(&image.digest) {
            return Ok(Arc::clone(description));
        }
        let backend = self.backend();
        let asked = backend.and_then(|backend| ask(backend, image));
        let asked = asked.map_err(|error| Unmade::environment(&error))?;
        let name = &image.reference;
        let described = asked.map_err(|error| {
            let error = anyhow::Error::from(error);
            Unmade::document(
                format!("`{name}` does not say what it is: {error:#}"),
                "`stepwell inspect` shows what it is",
            )
        })?;
        let described = described.ok_or_else(|| {
            Unmade::document(
                format!("`{name}` is an ordinary program, which does not say what it is"),
                "write a Task with a step that has it as `image`",
            )
        })?;
        let described = Arc::new(described);
        known().insert(image.digest, Arc::clone(&described));
        Ok(described)
    }

    fn backend(&self) -> anyhow::Result<&WasmBackend> {
        if let Some(backend) = self.backend.get() {
            return Ok(backend);
        }
        let made = backend(&self.env)?;
        // Of two threads that come here at once, one throws away what it has made.
        Ok(self.backend.get_or_init(|| made))
    }
}

/// The component that `reference` names.
fn named(reference: &RemoteRef) -> Result<String, Unmade> {
    if reference.kind != RemoteKind::Task {
        let kind = reference.kind.as_str();
        return Err(Unmade::document(
            format!("a component makes a whole Task, and no {kind}"),
            "refer to it with `taskRef`",
        ));
    }
    let example = "write `params: [{name: ref, value: ./lint.wasm}]` beside `resolver: component`";
    let mut name = None;
    for (param, value) in &reference.params {
        match (param.as_str(), value) {
            (REF, ParamValue::String(value)) if !value.is_empty() => name = Some(value.clone()),
            (REF, _) => {
                let why = format!("the param `{REF}` has to be a string that names a component");
                return Err(Unmade::document(why, example));
            }
            (other, _) => {
                let why = format!(
                    "the resolver `{COMPONENT_RESOLVER}` takes the param `{REF}` alone, and no `{other}`"
                );
                let help = "what the component itself is given stands in the `params` beside `taskRef`, not in it";
                return Err(Unmade::document(why, help));
            }
        }
    }
    name.ok_or_else(|| Unmade::document(format!("the param `{REF}` is missing"), example))
}

/// A path that is absolute, or starts in the current folder and says so.
fn from_here(file: &Path) -> String {
    let mut path = PathBuf::new();
    if file.is_relative() {
        path.push(".");
    }
    // Drops every `.` on the way; what `..` means is up to the links on the way, and stays.
    path.extend(
        file.components()
            .filter(|part| !matches!(part, std::path::Component::CurDir)),
    );
    path.display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use stepwell_spec::{Sources, Span};

    fn reference(params: &[(&str, ParamValue)]) -> RemoteRef {
        let source = Sources::new().add("a.yaml", "x");
        let params = params.iter().cloned();
        RemoteRef {
            kind: RemoteKind::Task,
            resolver: COMPONENT_RESOLVER.to_owned(),
            params: params
                .map(|(name, value)| (name.to_owned(), value))
                .collect(),
            span: Span {
                source,
                start: 0,
                len: 1,
            },
        }
    }

    #[test]
    fn a_reference_names_one_component_and_nothing_else() {
        let path = || ParamValue::from("./lint.wasm");
        let name = named(&reference(&[("ref", path())])).unwrap();
        assert_eq!(name, "./lint.wasm");
        for (params, why) in [
            (&[][..], "is missing"),
            (&[("ref", "".into())], "has to be a string"),
            (
                &[("ref", ParamValue::Array(Vec::new()))],
                "has to be a string",
            ),
            (&[("ref", path()), ("level", "x".into())], "and no `level`"),
        ] {
            let unmade = named(&reference(params)).unwrap_err();
            assert!(unmade.why.contains(why), "{unmade:?}");
        }
        let pipeline = RemoteRef {
            kind: RemoteKind::Pipeline,
            ..reference(&[("ref", path())])
        };
        assert!(named(&pipeline).unwrap_err().why.contains("no Pipeline"));
    }

    #[test]
    fn a_file_is_called_by_a_path_that_reads_as_one() {
        for (file, called) in [
            ("lint.wasm", "./lint.wasm"),
            ("ci/./lint.wasm", "./ci/lint.wasm"),
            ("../lint.wasm", "./../lint.wasm"),
            ("/opt/./lint.wasm", "/opt/lint.wasm"),
        ] {
            assert_eq!(from_here(Path::new(file)), called);
            assert!(as_path(called).is_some(), "{called}");
        }
    }
}
