//! What an artifact says about the component in it: its interfaces, and a plugin's own words.
//!
//! All of it follows from the bytes of the component, so that they alone decide the artifact.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context as _;
use stepwell_registry::{About, World as Interfaces};
use stepwell_sandbox_wasm::{Inspection, World};

use crate::environment::Environment;
use crate::exit::{Coded, ExitCode};
use crate::images;
use crate::{inspect, plugin};

/// How much of a documentation stands beside an artifact: its summary, and no book.
const SUMMARY: usize = 200;

/// The component in a file, and what is said about it.
///
/// # Errors
///
/// It is no WebAssembly in binary, no step, or a plugin that does not say what it is.
pub(super) fn read(path: &Path, env: &Environment) -> anyhow::Result<(Vec<u8>, About)> {
    let name = path.display().to_string();
    let invalid = |message: String| Coded::new(ExitCode::DocumentInvalid, message);
    let bytes = images::load(path).with_context(|| invalid(format!("failed to read `{name}`")))?;
    if !bytes.starts_with(b"\0asm") {
        let message = format!(
            "`{name}` is WebAssembly in text, which registries do not take: make it binary first, with `wasm-tools parse`"
        );
        return Err(invalid(message).into());
    }
    let inspection = inspect::look(path, env)?;
    let annotations = match inspection.world {
        World::Task => annotations(path, env)?,
        World::Command => BTreeMap::new(),
        World::Neither => {
            let message = format!(
                "`{name}` is no step: it exports neither `wasi:cli/run` nor `stepwell:task/task`"
            );
            return Err(invalid(message).into());
        }
    };
    let about = About {
        world: interfaces(&inspection),
        file_name: file_name(&inspection, annotations.get(TITLE)),
        annotations,
    };
    Ok((bytes, about))
}

/// The annotations are OCI's own.
const TITLE: &str = "org.opencontainers.image.title";

fn annotations(path: &Path, env: &Environment) -> anyhow::Result<BTreeMap<String, String>> {
    let description = plugin::describe(path, env)?;
    let summary = description.documentation.lines().next().unwrap_or_default();
    let summary: String = summary.chars().take(SUMMARY).collect();
    let annotations = [
        (TITLE, description.name),
        ("org.opencontainers.image.version", description.version),
        ("org.opencontainers.image.description", summary),
    ];
    let said = annotations.into_iter().filter(|(_, text)| !text.is_empty());
    Ok(said.map(|(name, text)| (name.to_owned(), text)).collect())
}

/// The interfaces of a component; a core module has none before it is wrapped.
fn interfaces(inspection: &Inspection) -> Option<Interfaces> {
    if inspection.core_module {
        return None;
    }
    let imports = inspection.imports.iter();
    Some(Interfaces {
        exports: inspection.exports.clone(),
        imports: imports.map(|import| import.name.clone()).collect(),
    })
}

/// A name that the bytes alone decide: not that of the file, which another machine may call otherwise.
fn file_name(inspection: &Inspection, title: Option<&String>) -> String {
    match (title, inspection.core_module) {
        (Some(title), _) => format!("{title}.wasm"),
        (None, true) => "module.wasm".to_owned(),
        (None, false) => "component.wasm".to_owned(),
    }
}
