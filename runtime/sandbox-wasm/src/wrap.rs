//! Any form of WebAssembly in, a component out: text is parsed, a core module of WASI 0.1 is wrapped.
//!
//! There is one path inside, so that a module that some toolchain built for WASI 0.1 gets the same sandbox as a
//! component. Runs only where compilation runs: the input is hostile, and what it costs has to be bounded.

mod exit_code;
mod go;
mod sections;

use std::borrow::Cow;

use wasi_preview1_component_adapter_provider as adapters;
use wasmparser::{Parser, Payload};

/// Goes up whenever wrapping does something else, a new adapter included: code that was compiled from what it did before is
/// then compiled again.
pub(crate) const REVISION: u64 = 2;

/// Why bytes are not a component and cannot become one.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum WrapError {
    /// Text that is no WebAssembly text.
    #[error("the text is not WebAssembly: {0}")]
    Text(String),
    /// Bytes that are no WebAssembly.
    #[error("the bytes are not WebAssembly: {0}")]
    NotWasm(String),
    /// A module that asks for something other than WASI 0.1.
    #[error("the core module imports `{0}`, and only `wasi_snapshot_preview1` can be wrapped")]
    ForeignImport(String),
    /// A module whose call of `proc_exit` could not be turned into one that keeps the code.
    #[error("the exit code of the core module cannot be passed through: {0}")]
    Exit(String),
    /// A module that the wrapper does not take.
    #[error("the core module cannot be wrapped into a component: {0}")]
    Encode(String),
}

/// Reads `bytes`, binary or text, as a binary module or component.
///
/// # Errors
///
/// Says what the bytes are instead.
pub(crate) fn binary(bytes: &[u8]) -> Result<Cow<'_, [u8]>, WrapError> {
    let binary = wat::parse_bytes(bytes).map_err(|error| WrapError::Text(error.to_string()))?;
    if Parser::is_component(&binary) || Parser::is_core_wasm(&binary) {
        return Ok(binary);
    }
    let start = binary.get(..8.min(binary.len())).unwrap_or_default();
    Err(WrapError::NotWasm(format!("they begin with {start:02x?}")))
}

/// Turns `bytes` into a binary component.
///
/// # Errors
///
/// Says what the bytes are instead, or what of the module does not fit a component.
pub(crate) fn component(bytes: &[u8]) -> Result<Cow<'_, [u8]>, WrapError> {
    let binary = binary(bytes)?;
    if Parser::is_component(&binary) {
        return Ok(binary);
    }
    wrap(&binary).map(Cow::Owned)
}

/// What a core module looks like from outside.
#[derive(Default)]
struct Shape {
    has_start: bool,
    has_component_type: bool,
    exits: bool,
    is_go: bool,
}

fn wrap(module: &[u8]) -> Result<Vec<u8>, WrapError> {
    let shape = look_at(module)?;
    let mut module = Cow::Borrowed(module);
    if shape.is_go {
        module = Cow::Owned(go::divide_memory(&module)?);
    }
    if shape.exits {
        module = Cow::Owned(exit_code::pass_through(&module)?);
    }
    // A command is entered through `_start` and exits; everything else keeps its instance between calls.
    let adapter = if shape.has_start {
        adapters::WASI_SNAPSHOT_PREVIEW1_COMMAND_ADAPTER
    } else {
        adapters::WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER
    };
    wit_component::ComponentEncoder::default()
        .module(&module)
        .and_then(|encoder| {
            encoder
                .validate(true)
                .adapter(adapters::WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, adapter)
        })
        .and_then(|mut encoder| encoder.encode())
        .map_err(|error| WrapError::Encode(format!("{error:#}")))
}

fn look_at(module: &[u8]) -> Result<Shape, WrapError> {
    let broken = |error: wasmparser::BinaryReaderError| WrapError::NotWasm(error.to_string());
    let mut shape = Shape::default();
    let mut foreign = None;
    for payload in Parser::new(0).parse_all(module) {
        match payload.map_err(broken)? {
            Payload::ImportSection(imports) => {
                for import in imports.into_imports() {
                    let import = import.map_err(broken)?;
                    shape.exits |= exit_code::is_proc_exit(&import);
                    if import.module != adapters::WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME {
                        foreign
                            .get_or_insert_with(|| format!("{}::{}", import.module, import.name));
                    }
                }
            }
            Payload::ExportSection(exports) => {
                for export in exports {
                    shape.has_start |= export.map_err(broken)?.name == "_start";
                }
            }
            Payload::CustomSection(section) => {
                shape.has_component_type |= section.name().starts_with("component-type");
                shape.is_go |= go::is_mark(section.name());
            }
            _ => {}
        }
    }
    match foreign {
        // A module that carries a component type imports what that type says; the encoder checks it.
        Some(name) if !shape.has_component_type => Err(WrapError::ForeignImport(name)),
        _ => Ok(shape),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_component_passes_as_it_is() {
        assert!(Parser::is_component(&component(b"(component)").unwrap()));
    }

    #[test]
    fn a_command_module_becomes_a_component() {
        let wrapped =
            component(br#"(module (memory (export "memory") 1) (func (export "_start")))"#);
        assert!(Parser::is_component(&wrapped.unwrap()));
    }

    #[test]
    fn what_is_no_wasm_is_named() {
        let message = |bytes: &[u8]| component(bytes).unwrap_err().to_string();
        assert!(message(b"\x7fELF\x02\x01\x01\x00").contains("not WebAssembly"));
        assert!(message(b"#!/bin/sh\n").contains("not WebAssembly"));
        assert!(
            message(br#"(module (import "env" "f" (func)) (func (export "_start")))"#)
                .contains("imports `env::f`")
        );
    }
}
