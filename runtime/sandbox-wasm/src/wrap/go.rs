//! A Go program and the adapter share one memory, and must not both think that they own its end.
//!
//! The adapter takes what it needs by growing the memory of the module, when it is first called. Go's runtime notes once,
//! when it starts, how large the memory is, and later grows it as if nobody else ever had: it then writes over what the
//! adapter took. So a Go program gets a few instructions in front of its own start, which call the adapter while Go has
//! not looked yet.

use wasmparser::{Parser, Payload, TypeRef};

use super::WrapError;
use super::sections::{self, Sections, push_name, push_number, split_count, with_item};

/// A custom section that Go's linker always writes.
const MARK: &str = "go:buildid";

/// The call in front: it makes the adapter take its memory, and changes nothing that the program could see. Its two
/// answers go to places below the first page, which Go keeps unused to catch nil pointers.
const CALL: &str = "args_sizes_get";
const ANSWERS: [u8; 2] = [8, 16];

/// Whether this custom section is Go's.
pub(super) fn is_mark(name: &str) -> bool {
    name == MARK
}

/// What has to be known of a module.
#[derive(Default)]
struct Layout {
    imported: usize,
    call: Option<usize>,
    start: Option<usize>,
    types: Vec<usize>,
}

/// Puts the call in front of the start of `module`; gives it back as it is where it does not make that call at all.
///
/// # Errors
///
/// The module is broken.
pub(super) fn settle_memory(module: &[u8]) -> Result<Vec<u8>, WrapError> {
    let broken = || WrapError::NotWasm("a section of the module is cut off".to_owned());
    let layout = layout(module)?;
    let (Some(call), Some(start)) = (layout.call, layout.start) else {
        return Ok(module.to_vec());
    };
    let start_type = start
        .checked_sub(layout.imported)
        .and_then(|own| layout.types.get(own));
    let start_type = *start_type.ok_or_else(broken)?;
    let new_start = layout.imported + layout.types.len();

    let mut sections = Sections::of(module)?;
    let mut function_type = Vec::new();
    push_number(&mut function_type, start_type);
    let functions = sections.content(sections::FUNCTIONS).ok_or_else(broken)?;
    let functions = with_item(functions, &function_type).ok_or_else(broken)?;
    let exports = sections.content(sections::EXPORTS).ok_or_else(broken)?;
    let exports = with_start(exports, start, new_start).ok_or_else(broken)?;
    let code = sections.content(sections::CODE).ok_or_else(broken)?;
    let code = with_item(code, &body(call, start)).ok_or_else(broken)?;
    sections.replace(sections::FUNCTIONS, functions);
    sections.replace(sections::EXPORTS, exports);
    sections.replace(sections::CODE, code);
    Ok(sections.assemble())
}

fn layout(module: &[u8]) -> Result<Layout, WrapError> {
    let broken = |error: wasmparser::BinaryReaderError| WrapError::NotWasm(error.to_string());
    let mut layout = Layout::default();
    for payload in Parser::new(0).parse_all(module) {
        match payload.map_err(broken)? {
            Payload::ImportSection(imports) => {
                for import in imports.into_imports() {
                    let import = import.map_err(broken)?;
                    if matches!(import.ty, TypeRef::Func(_)) {
                        if import.name == CALL {
                            layout.call = Some(layout.imported);
                        }
                        layout.imported += 1;
                    }
                }
            }
            Payload::FunctionSection(functions) => {
                for index in functions {
                    layout.types.push(index.map_err(broken)? as usize);
                }
            }
            Payload::ExportSection(exports) => {
                for export in exports {
                    let export = export.map_err(broken)?;
                    if export.name == "_start" {
                        layout.start = Some(export.index as usize);
                    }
                }
            }
            _ => {}
        }
    }
    Ok(layout)
}

/// The exports, with `_start` leading to another function. It is the only export of a program beside its memory whose
/// item is replaced; the others stay as they are.
fn with_start(exports: &[u8], old: usize, new: usize) -> Option<Vec<u8>> {
    const FUNCTION: u8 = 0;
    let item = |index: usize| {
        let mut item = Vec::new();
        push_name(&mut item, "_start");
        item.push(FUNCTION);
        push_number(&mut item, index);
        item
    };
    let (count, items) = split_count(exports)?;
    let old = item(old);
    let at = items.windows(old.len()).position(|window| window == old)?;
    let mut changed = Vec::new();
    push_number(&mut changed, count);
    changed.extend_from_slice(&items[..at]);
    changed.extend(item(new));
    changed.extend_from_slice(&items[at + old.len()..]);
    Some(changed)
}

/// The function in front: the call, then the start as it was.
fn body(call: usize, start: usize) -> Vec<u8> {
    const CONST: u8 = 0x41;
    const CALL_FUNCTION: u8 = 0x10;
    const DROP: u8 = 0x1a;
    const END: u8 = 0x0b;
    let mut code = vec![0]; // No locals.
    for place in ANSWERS {
        code.extend([CONST, place]);
    }
    code.push(CALL_FUNCTION);
    push_number(&mut code, call);
    code.extend([DROP, CALL_FUNCTION]);
    push_number(&mut code, start);
    code.push(END);
    let mut body = Vec::new();
    push_number(&mut body, code.len());
    body.extend(code);
    body
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_call_comes_before_the_start() {
        let module = wat::parse_str(
            r#"(module
                (import "wasi_snapshot_preview1" "sched_yield" (func (result i32)))
                (import "wasi_snapshot_preview1" "args_sizes_get" (func (param i32 i32) (result i32)))
                (memory (export "memory") 1)
                (func $other (result i32) (call 0))
                (func $start (export "_start") (drop (call $other))))"#,
        );
        let settled = settle_memory(&module.unwrap()).unwrap();
        wasmparser::validate(&settled).unwrap();
        let layout = layout(&settled).unwrap();
        assert_eq!((layout.start, layout.types.len()), (Some(4), 3));
        assert_eq!(
            layout.types[2], layout.types[1],
            "the new start has the type of the old one"
        );
    }

    #[test]
    fn a_module_without_the_call_is_left_alone() {
        let module = wat::parse_str(r#"(module (func (export "_start")))"#).unwrap();
        assert_eq!(settle_memory(&module).unwrap(), module);
    }
}
