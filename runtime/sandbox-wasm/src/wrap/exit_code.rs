//! Exit codes pass through wrapping.
//!
//! The published adapter turns WASI 0.1's `proc_exit(code)` into `wasi:cli/exit.exit(ok or err)`, and every failure
//! becomes a 1. So the module's import is bent, before the adapter sees it, to `exit-with-code`, which takes the code.
//! Only the import section changes, byte for byte: debug information counts from the start of the code section.

use wasi_preview1_component_adapter_provider::WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME;
use wasmparser::{BinaryReader, Import, ImportSectionReader, TypeRef};
use wit_component::{StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

use super::WrapError;
use super::sections::{self, Sections, push_name};

const PROC_EXIT: &str = "proc_exit";

/// The interface that takes an exit code, as a core module names it; a test compares its version with the adapter's.
const EXIT: &str = "wasi:cli/exit@0.2.12";
const EXIT_WITH_CODE: &str = "exit-with-code";

/// What a module that imports [`EXIT`] says about it.
const WORLD: &str = "
    package wasi:cli@0.2.12;
    interface exit {
        exit: func(status: result);
        exit-with-code: func(status-code: u8);
    }
    world exits-with-code {
        import exit;
    }
";

/// Whether `import` is WASI 0.1's way to exit.
pub(super) fn is_proc_exit(import: &Import<'_>) -> bool {
    import.module == WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME
        && import.name == PROC_EXIT
        && matches!(import.ty, TypeRef::Func(_))
}

/// Bends the import of `proc_exit` in `module`.
///
/// # Errors
///
/// The module is broken.
pub(super) fn pass_through(module: &[u8]) -> Result<Vec<u8>, WrapError> {
    let broken = |error: wasmparser::BinaryReaderError| WrapError::NotWasm(error.to_string());
    let mut sections = Sections::of(module)?;
    let Some(content) = sections.content(sections::IMPORTS) else {
        return Ok(module.to_vec());
    };
    let imports = ImportSectionReader::new(BinaryReader::new(content, 0)).map_err(broken)?;
    let mut bent = content.to_vec();
    let found: Vec<_> = imports
        .into_imports()
        .filter_map(|import| import.ok().filter(is_proc_exit))
        .collect();
    // From the last to the first, so that places that are still to come do not move.
    for import in found.iter().rev() {
        let place = |text: &str| text.as_ptr() as usize - content.as_ptr() as usize;
        // Both names stand behind their lengths, which are one byte each.
        let names = place(import.module) - 1..place(import.name) + import.name.len();
        let mut instead = Vec::new();
        push_name(&mut instead, EXIT);
        push_name(&mut instead, EXIT_WITH_CODE);
        bent.splice(names, instead);
    }
    sections.replace(sections::IMPORTS, bent);
    let mut module = sections.assemble();
    embed(&mut module).map_err(|error| WrapError::Exit(format!("{error:#}")))?;
    Ok(module)
}

fn embed(module: &mut Vec<u8>) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let mut resolve = Resolve::default();
    let package = resolve.push_str("exit-code.wit", WORLD)?;
    let world = resolve.select_world(&[package], Some("exits-with-code"))?;
    embed_component_metadata(module, &resolve, world, StringEncoding::UTF8)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use wasmparser::{Parser, Payload};

    use super::*;

    fn imports(module: &[u8]) -> Vec<String> {
        Parser::new(0)
            .parse_all(module)
            .filter_map(|payload| match payload.unwrap() {
                Payload::ImportSection(imports) => Some(imports),
                _ => None,
            })
            .flat_map(|imports| imports.into_imports())
            .map(|import| {
                import
                    .map(|import| format!("{} {}", import.module, import.name))
                    .unwrap()
            })
            .collect()
    }

    #[test]
    fn only_proc_exit_is_bent() {
        let module = wat::parse_str(
            r#"(module
                (import "wasi_snapshot_preview1" "sched_yield" (func (result i32)))
                (import "wasi_snapshot_preview1" "proc_exit" (func (param i32)))
                (import "wasi_snapshot_preview1" "fd_close" (func (param i32) (result i32)))
                (func (export "_start") (call 1 (i32.const 7))))"#,
        );
        let bent = pass_through(&module.unwrap()).unwrap();
        assert_eq!(
            imports(&bent),
            [
                "wasi_snapshot_preview1 sched_yield",
                "wasi:cli/exit@0.2.12 exit-with-code",
                "wasi_snapshot_preview1 fd_close",
            ]
        );
        wasmparser::validate(&bent).unwrap();
    }

    #[test]
    fn a_bent_module_becomes_a_component() {
        let module = br#"(module
            (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
            (memory (export "memory") 1)
            (func (export "_start") (call $exit (i32.const 7))))"#;
        assert!(Parser::is_component(
            &super::super::component(module).unwrap()
        ));
    }

    #[test]
    fn the_version_is_the_adapters() {
        let adapter =
            wasi_preview1_component_adapter_provider::WASI_SNAPSHOT_PREVIEW1_COMMAND_ADAPTER;
        assert!(
            imports(adapter)
                .iter()
                .any(|import| import.starts_with(EXIT))
        );
    }
}
