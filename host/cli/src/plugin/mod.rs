//! Plugins that are used by nothing but their own description: asked what they are, and shown or run as that.
//!
//! Knows no engine of WebAssembly and no rule of Tekton: a description becomes the text of a Task, and is from there on
//! treated like one that was written by hand.

mod components;
mod document;
mod manual;
mod schema;

use std::path::Path;
use std::sync::mpsc;
use std::time::Duration;

use anyhow::Context as _;
use serde_json::json;
use stepwell_contract::{Cancel, CancelReason, Description, Image, Limits, SandboxError};
use stepwell_registry::Reference;
use stepwell_sandbox_wasm::{WasmBackend, WasmOptions};
use stepwell_spec::COMPONENT_RESOLVER;
use stepwell_store::Store;

use crate::environment::{Environment, compiler};
use crate::exit::{Coded, ExitCode};
use crate::images;

pub(crate) use components::Components;
pub(crate) use document::{NO_POWER, task, task_value};
pub(crate) use manual::manual;
pub(crate) use schema::schema;

/// Stops a plugin that never says what it is.
const ANSWER: Duration = Duration::from_secs(10);

/// Whether a file that is named where documents are expected is meant as a plugin: by its first bytes, else by its name.
pub(crate) fn is_named(path: &Path) -> bool {
    use std::io::Read as _;
    let mut magic = [0; 4];
    let read = match std::fs::metadata(path) {
        // Looked at before it is opened: opening a pipe waits for somebody to write.
        Ok(metadata) if metadata.is_file() => {
            std::fs::File::open(path).and_then(|mut file| file.read_exact(&mut magic))
        }
        _ => return false,
    };
    let wat = path.extension().is_some_and(|kind| kind == "wat");
    wat || (read.is_ok() && &magic == b"\0asm")
}

/// The TaskRun that runs the plugin which `name` refers to in a registry; `None` where it is meant as a file.
///
/// Only what no misspelt file is called is a reference: it says which registry, and which of several versions.
pub(crate) fn run_by_reference(name: &Path) -> Option<String> {
    let text = name.to_str()?;
    let reference: Reference = text.parse().ok()?;
    let (registry, rest) = text.split_once('/')?;
    let is_host = registry == "localhost" || registry.contains(['.', ':']);
    if !is_host || !rest.contains([':', '@']) || name.exists() {
        return None;
    }
    let repository = reference.repository();
    let (_, last) = repository.rsplit_once('/').unwrap_or(("", repository));
    let called = last.replace(['.', '_'], "-");
    let run = json!({
        "apiVersion": "tekton.dev/v1",
        "kind": "TaskRun",
        "metadata": { "generateName": format!("{called}-") },
        "spec": {
            "taskRef": {
                "resolver": COMPONENT_RESOLVER,
                "params": [{ "name": components::REF, "value": text }],
            },
        },
    });
    // JSON is YAML too.
    Some(format!("{run:#}\n"))
}

/// What a document that lies beside the file `path` calls it.
pub(crate) fn image(path: &Path) -> String {
    let name = path.file_name().unwrap_or(path.as_os_str());
    format!("./{}", name.to_string_lossy())
}

/// What the plugin in the file `path` says about itself.
///
/// # Errors
///
/// The file is no component, or an ordinary program, which says nothing; it does not answer.
pub(crate) fn describe(path: &Path, env: &Environment) -> anyhow::Result<Description> {
    let name = path.display().to_string();
    let invalid = |message: String| Coded::new(ExitCode::DocumentInvalid, message);
    let bytes = images::load(path).with_context(|| invalid(format!("failed to read `{name}`")))?;
    let image = Image::component(name.as_str(), bytes);
    let described = ask(&backend(env)?, &image)?
        .with_context(|| invalid(format!("`{name}` does not say what it is")))?;
    described.ok_or_else(|| {
        let message = format!(
            "`{name}` is an ordinary program, which does not say what it is: run it with `stepwell exec {name}`, or as a \
             step of a Task"
        );
        invalid(message).into()
    })
}

/// What components are asked with.
///
/// # Errors
///
/// There is no cache folder, or the sandbox cannot be set up.
pub(crate) fn backend(env: &Environment) -> anyhow::Result<WasmBackend> {
    let store = Store::open(&env.store_root()?)?;
    let backend = WasmBackend::new(WasmOptions {
        artifacts: store.artifacts(),
        compile: compiler()?,
        pool: false,
    })?;
    Ok(backend)
}

/// What a component says about itself; `None` for an ordinary program. The inner error is the component's.
///
/// # Errors
///
/// A thread cannot be started.
pub(crate) fn ask(
    backend: &WasmBackend,
    image: &Image,
) -> anyhow::Result<Result<Option<Description>, SandboxError>> {
    let cancel = Cancel::new();
    let patience = cancel.clone();
    let (begins, begun) = mpsc::channel();
    std::thread::Builder::new()
        .name("patience".to_owned())
        .spawn(move || {
            // Where it never begins, there is nothing to wait for.
            if begun.recv().is_ok() && patience.sleep(ANSWER).is_none() {
                patience.cancel(CancelReason::TimedOut(ANSWER));
            }
        })
        .context("failed to start a thread")?;
    let described = backend.describe(image, &Limits::default(), || {
        // The thread waits for it.
        let _ = begins.send(());
        cancel.clone()
    });
    // Nobody has to be patient any more.
    cancel.cancel(CancelReason::Asked);
    Ok(described)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_says_which_registry_and_which_version() {
        for name in [
            "ghcr.io/owner/lint:1.2",
            "localhost:5000/lint:1",
            "localhost/team/my_lint@sha256:\
             0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
        ] {
            let run = run_by_reference(Path::new(name)).unwrap();
            let run: serde_json::Value = serde_json::from_str(&run).unwrap();
            let params = &run["spec"]["taskRef"]["params"];
            assert_eq!(*params, json!([{ "name": "ref", "value": name }]));
            let prefix = run["metadata"]["generateName"].as_str().unwrap();
            assert!(
                prefix.ends_with("lint-") && !prefix.contains('_'),
                "{prefix}"
            );
        }
    }

    #[test]
    fn a_misspelt_file_asks_no_registry() {
        for name in [
            "biuld.yaml",
            "ci.d/build.yaml",
            "./ghcr.io/owner/lint:1.2",
            "/srv/lint:1.2",
            "owner/lint:1.2",
            "lint:1.2",
            "ghcr.io/owner/lint",
            "-",
        ] {
            assert_eq!(run_by_reference(Path::new(name)), None, "{name}");
        }
    }

    #[test]
    fn a_file_that_is_there_is_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.b/c:1");
        std::fs::create_dir(folder.path().join("a.b")).unwrap();
        std::fs::write(&path, "kind: Task").unwrap();
        assert_eq!(run_by_reference(&path), None);
    }
}
