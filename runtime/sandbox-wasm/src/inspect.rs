//! What can be said of an image without compiling or running it.

use stepwell_contract::{Digest, Image, SandboxError, SandboxErrorKind};
use wasmparser::{KnownCustom, Parser, Payload};

use crate::admit::{self, Need};
use crate::backend::WasmBackend;
use crate::{BACKEND, wrap};

/// Which of the two worlds that can be a step a component is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum World {
    /// It exports `wasi:cli/run`: an ordinary program.
    Command,
    /// It exports `stepwell:task/task`: a plugin.
    Task,
    /// It exports neither, and cannot be a step.
    Neither,
}

impl World {
    /// The world of a component with these exports. A plugin that is also a program is run as a plugin.
    pub(crate) fn of_exports<'a>(exports: impl Iterator<Item = &'a str>) -> Self {
        let mut world = Self::Neither;
        for name in exports {
            if name.starts_with("stepwell:task/task@0.1.") {
                return Self::Task;
            }
            if name.starts_with("wasi:cli/run@0.2.") {
                world = Self::Command;
            }
        }
        world
    }
}

/// Something that an image imports.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Import {
    /// Its name: `wasi:io/streams@0.2.0`, or `module::name` in a core module.
    pub name: String,
    /// The setting that grants it; `None` where it needs none.
    pub grant: Option<String>,
    /// Why no grant makes it available; `None` where it is.
    pub missing: Option<String>,
}

/// What an image is.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Inspection {
    /// The digest of its bytes.
    pub digest: Digest,
    /// Its size as it was read, in bytes.
    pub size: u64,
    /// Whether it is a core module that is wrapped before it runs.
    pub core_module: bool,
    /// Which world it is of.
    pub world: World,
    /// What it imports, in its own order.
    pub imports: Vec<Import>,
    /// What it exports, in its own order.
    pub exports: Vec<String>,
    /// The settings that a step needs to run it.
    pub grants: Vec<String>,
    /// The languages it says it was written in.
    pub language: Option<String>,
    /// The tools that say they made it: field, name, version.
    pub producers: Vec<(String, String, String)>,
}

impl WasmBackend {
    /// The component that runs where `image` is asked for: text is parsed, and a core module is wrapped. For images that the
    /// caller has just made: elsewhere wrapping is left to the compiler's process, which is bounded.
    ///
    /// # Errors
    ///
    /// [`SandboxErrorKind::BadGuest`] where it is no component and cannot become one.
    pub fn component(&self, image: &Image) -> Result<Vec<u8>, SandboxError> {
        let bad = |cause: String| {
            let doing = format!("make a component of `{}`", image.reference);
            SandboxError::new(BACKEND, doing, SandboxErrorKind::BadGuest).because(cause)
        };
        let bytes = image.as_component();
        let bytes = bytes.ok_or_else(|| bad("it is a container image".to_owned()))?;
        let component = wrap::component(bytes).map_err(|error| bad(error.to_string()))?;
        Ok(component.into_owned())
    }

    /// Looks at an image. Nothing of it is compiled or run.
    ///
    /// # Errors
    ///
    /// [`SandboxErrorKind::BadGuest`] where it is not WebAssembly.
    pub fn inspect(&self, image: &Image) -> Result<Inspection, SandboxError> {
        inspect(image).map_err(|cause| {
            let doing = format!("inspect `{}`", image.reference);
            SandboxError::new(BACKEND, doing, SandboxErrorKind::BadGuest).because(cause)
        })
    }
}

fn inspect(image: &Image) -> Result<Inspection, String> {
    let bytes = image.as_component().ok_or("it is a container image")?;
    let binary = wrap::binary(bytes).map_err(|error| error.to_string())?;
    let core_module = Parser::is_core_wasm(&binary);
    let Surface {
        imports,
        exports,
        producers,
    } = surface(&binary).map_err(|error| error.to_string())?;
    let world = match core_module {
        true if exports.iter().any(|name| name == "_start") => World::Command,
        true if exports
            .iter()
            .any(|name| name.starts_with("stepwell:task/task@0.1.")) =>
        {
            World::Task
        }
        _ => World::of_exports(exports.iter().map(String::as_str)),
    };
    let imports: Vec<Import> = imports
        .into_iter()
        .map(|name| import(name, core_module))
        .collect();
    let mut grants: Vec<String> = imports
        .iter()
        .filter_map(|import| import.grant.clone())
        .collect();
    grants.sort();
    grants.dedup();
    let languages: Vec<_> = producers
        .iter()
        .filter(|(field, ..)| field == "language")
        .map(|(_, name, version)| format!("{name} {version}").trim().to_owned())
        .collect();
    let language = (!languages.is_empty()).then(|| languages.join(", "));
    Ok(Inspection {
        digest: image.digest,
        size: bytes.len() as u64,
        core_module,
        world,
        imports,
        exports,
        grants,
        language,
        producers,
    })
}

fn import(name: String, core_module: bool) -> Import {
    // What a core module imports becomes WASI 0.2 by wrapping; its WIT imports are named like a component's.
    let name_for_need = name.split("::").next().unwrap_or(&name).to_owned();
    if core_module && name_for_need == "wasi_snapshot_preview1" {
        return Import {
            name,
            grant: None,
            missing: None,
        };
    }
    let missing = match admit::need(&name_for_need) {
        Need::Missing(why) => Some(why.to_owned()),
        Need::Nothing | Need::Network | Need::Tools => None,
    };
    Import {
        grant: admit::grant_for(&name_for_need).map(str::to_owned),
        name,
        missing,
    }
}

/// What can be read off a binary.
#[derive(Default)]
struct Surface {
    /// What the image itself imports and exports; what is nested in it does not count.
    imports: Vec<String>,
    exports: Vec<String>,
    /// Who made it or a part of it.
    producers: Vec<(String, String, String)>,
}

fn surface(binary: &[u8]) -> wasmparser::Result<Surface> {
    let Surface {
        mut imports,
        mut exports,
        mut producers,
    } = Surface::default();
    let mut depth = 0usize;
    for payload in Parser::new(0).parse_all(binary) {
        match payload? {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::CustomSection(section) => {
                // A broken section of this kind is no reason to refuse the rest.
                if let KnownCustom::Producers(fields) = section.as_known() {
                    let _ = read_producers(fields, &mut producers);
                }
            }
            _ if depth > 0 => {}
            Payload::ComponentImportSection(section) => {
                for import in section {
                    imports.push(import?.name.name.to_owned());
                }
            }
            Payload::ComponentExportSection(section) => {
                for export in section {
                    exports.push(export?.name.name.to_owned());
                }
            }
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    let import = import?;
                    imports.push(format!("{}::{}", import.module, import.name));
                }
            }
            Payload::ExportSection(section) => {
                for export in section {
                    exports.push(export?.name.to_owned());
                }
            }
            _ => {}
        }
    }
    Ok(Surface {
        imports,
        exports,
        producers,
    })
}

fn read_producers(
    fields: wasmparser::ProducersSectionReader<'_>,
    producers: &mut Vec<(String, String, String)>,
) -> wasmparser::Result<()> {
    for field in fields {
        let field = field?;
        for value in field.values {
            let value = value?;
            let entry = (
                field.name.to_owned(),
                value.name.to_owned(),
                value.version.to_owned(),
            );
            if !producers.contains(&entry) {
                producers.push(entry);
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(text: &str) -> Inspection {
        inspect(&Image::component("./x.wat", text.as_bytes())).unwrap()
    }

    #[test]
    fn a_module_shows_what_it_imports() {
        let module = look(
            r#"(module
                (import "wasi_snapshot_preview1" "proc_exit" (func (param i32)))
                (memory (export "memory") 1)
                (func (export "_start")))"#,
        );
        assert_eq!((module.core_module, module.world), (true, World::Command));
        assert_eq!(module.imports[0].name, "wasi_snapshot_preview1::proc_exit");
        assert_eq!(module.exports, ["memory", "_start"]);
    }

    #[test]
    fn a_component_shows_the_grants_it_needs() {
        let component = look(
            r#"(component
                (import "wasi:sockets/instance-network@0.2.0" (instance))
                (import "acme:gpu/draw@1.0.0" (instance))
                (component (import "inner" (func))))"#,
        );
        assert_eq!(
            (component.core_module, component.world),
            (false, World::Neither)
        );
        assert_eq!(component.grants, ["network=any"]);
        assert_eq!(
            component.imports.len(),
            2,
            "nested imports are not the component's own"
        );
        assert!(component.imports[1].missing.is_some());
    }
}
