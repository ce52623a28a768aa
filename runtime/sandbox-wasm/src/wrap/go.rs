//! A Go program and the adapter share one memory, and must not both think that they own its end.
//!
//! The adapter takes what it needs by growing the module's memory when it is first called. Go's runtime notes once how
//! large the memory is, grows it as if nobody else ever did, and so comes to write over what the adapter took. Here the
//! memory is divided beforehand: Go's heap gets a room of fixed size behind its data, the adapter a few pages behind
//! that room. The program's `memory.grow` becomes a call that hands out pages of the room, and the adapter asks an
//! added `cabi_realloc` instead of growing the memory.
//!
//! The price is that such a program declares its whole room at once (untouched pages cost nothing, but they count for
//! the limit `memory`), and that its heap ends with the room.

use wasm_encoder::{BlockType, ConstExpr, Encode, Function, GlobalType, ValType};
use wasmparser::{Operator, Parser, Payload, TypeRef};

use super::WrapError;
use super::sections::{self, Sections, push_name, push_number, with_item};

/// A custom section that Go's linker always writes.
const MARK: &str = "go:buildid";

/// Pages of 64 KiB for Go's heap: half of the default limit `memory`.
const ROOM_PAGES: i32 = 8 * 1024;

/// Pages for the adapter, which takes two.
const ADAPTER_PAGES: i32 = 8;

const PAGE_BYTES: i32 = 64 * 1024;

/// Whether this custom section is Go's.
pub(super) fn is_mark(name: &str) -> bool {
    name == MARK
}

/// What has to be known of a module.
#[derive(Default)]
struct Layout {
    types: u32,
    functions: u32,
    globals: u32,
    pages: i32,
    has_realloc: bool,
    /// The functions' bodies: each without its length, and where in it the memory is grown.
    bodies: Vec<(std::ops::Range<usize>, Vec<usize>)>,
}

/// Divides the memory of `module`; gives it back as it is where it brings an allocator of its own.
///
/// # Errors
///
/// The module is broken.
pub(super) fn divide_memory(module: &[u8]) -> Result<Vec<u8>, WrapError> {
    let layout = layout(module)?;
    if layout.has_realloc {
        return Ok(module.to_vec());
    }
    let added = Added::behind(&layout);
    let mut sections = Sections::of(module)?;
    let mut append = |number: u8, items: &[Vec<u8>]| {
        let mut content = sections.content(number).map(<[u8]>::to_vec);
        for item in items {
            content = content.and_then(|content| with_item(&content, item));
        }
        let content = content.ok_or_else(|| {
            WrapError::NotWasm(format!("the Go program has no usable section {number}"))
        })?;
        sections.replace(number, content);
        Ok(())
    };
    append(sections::TYPES, &added.types())?;
    append(sections::FUNCTIONS, &added.function_types())?;
    append(sections::GLOBALS, &added.global_items())?;
    append(sections::EXPORTS, &[added.export()])?;

    let mut code = Vec::new();
    push_number(&mut code, layout.bodies.len() + 3);
    for (range, grows) in &layout.bodies {
        push_bytes(
            &mut code,
            &with_calls(&module[range.clone()], range.start, grows, added.grow),
        );
    }
    for function in [
        added.reserve_body(),
        added.grow_body(&layout),
        added.realloc_body(),
    ] {
        function.encode(&mut code);
    }
    sections.replace(sections::CODE, code);
    Ok(sections.assemble())
}

fn layout(module: &[u8]) -> Result<Layout, WrapError> {
    let broken = |error: wasmparser::BinaryReaderError| WrapError::NotWasm(error.to_string());
    let mut layout = Layout::default();
    for payload in Parser::new(0).parse_all(module) {
        match payload.map_err(broken)? {
            Payload::TypeSection(types) => layout.types = types.count(),
            Payload::ImportSection(imports) => {
                for import in imports.into_imports() {
                    let is_function = matches!(import.map_err(broken)?.ty, TypeRef::Func(_));
                    layout.functions += u32::from(is_function);
                }
            }
            Payload::FunctionSection(functions) => layout.functions += functions.count(),
            Payload::MemorySection(memories) => {
                for memory in memories {
                    layout.pages =
                        i32::try_from(memory.map_err(broken)?.initial).unwrap_or(i32::MAX);
                }
            }
            Payload::GlobalSection(globals) => layout.globals = globals.count(),
            Payload::ExportSection(exports) => {
                for export in exports {
                    layout.has_realloc |= export.map_err(broken)?.name == "cabi_realloc";
                }
            }
            Payload::CodeSectionEntry(body) => {
                let mut grows = Vec::new();
                let operators = body.get_operators_reader().map_err(broken)?;
                for operator in operators.into_iter_with_offsets() {
                    if let (Operator::MemoryGrow { .. }, place) = operator.map_err(broken)? {
                        grows.push(place);
                    }
                }
                layout.bodies.push((body.range(), grows));
            }
            _ => {}
        }
    }
    Ok(layout)
}

/// A body that begins at `start` of the module, with each `memory.grow` made a call of `function`.
fn with_calls(body: &[u8], start: usize, grows: &[usize], function: u32) -> Vec<u8> {
    /// `memory.grow` and the number of the memory.
    const GROW_BYTES: usize = 2;
    const CALL: u8 = 0x10;
    let mut changed = body.to_vec();
    for place in grows.iter().rev() {
        let mut call = vec![CALL];
        push_number(&mut call, function as usize);
        changed.splice(place - start..place - start + GROW_BYTES, call);
    }
    changed
}

fn push_bytes(code: &mut Vec<u8>, body: &[u8]) {
    push_number(code, body.len());
    code.extend_from_slice(body);
}

/// The numbers of what is added.
struct Added {
    /// `(func)`, `(func (param i32) (result i32))`, `(func (param i32 i32 i32 i32) (result i32))`.
    first_type: u32,
    reserve: u32,
    grow: u32,
    realloc: u32,
    /// Pages of the room that Go has.
    used: u32,
    /// Where the adapter's next allocation goes; 0 until the room is there.
    next: u32,
}

impl Added {
    fn behind(layout: &Layout) -> Self {
        Self {
            first_type: layout.types,
            reserve: layout.functions,
            grow: layout.functions + 1,
            realloc: layout.functions + 2,
            used: layout.globals,
            next: layout.globals + 1,
        }
    }

    fn types(&self) -> [Vec<u8>; 3] {
        const FUNCTION: u8 = 0x60;
        const I32: u8 = 0x7f;
        let function = |params: usize, results: usize| {
            let mut item = vec![FUNCTION, params as u8];
            item.resize(item.len() + params, I32);
            item.push(results as u8);
            item.resize(item.len() + results, I32);
            item
        };
        [function(0, 0), function(1, 1), function(4, 1)]
    }

    fn function_types(&self) -> [Vec<u8>; 3] {
        [0, 1, 2].map(|offset| {
            let mut item = Vec::new();
            push_number(&mut item, (self.first_type + offset) as usize);
            item
        })
    }

    fn global_items(&self) -> [Vec<u8>; 2] {
        let mut item = Vec::new();
        GlobalType {
            val_type: ValType::I32,
            mutable: true,
            shared: false,
        }
        .encode(&mut item);
        ConstExpr::i32_const(0).encode(&mut item);
        [item.clone(), item]
    }

    fn export(&self) -> Vec<u8> {
        const FUNCTION: u8 = 0;
        let mut item = Vec::new();
        push_name(&mut item, "cabi_realloc");
        item.push(FUNCTION);
        push_number(&mut item, self.realloc as usize);
        item
    }

    /// Makes the room and what is behind it, once.
    fn reserve_body(&self) -> Function {
        let mut function = Function::new([(1, ValType::I32)]);
        let mut code = function.instructions();
        code.global_get(self.next)
            .if_(BlockType::Empty)
            .return_()
            .end();
        code.i32_const(ROOM_PAGES + ADAPTER_PAGES)
            .memory_grow(0)
            .local_tee(0);
        code.i32_const(0)
            .i32_lt_s()
            .if_(BlockType::Empty)
            .unreachable()
            .end();
        code.local_get(0)
            .i32_const(ROOM_PAGES)
            .i32_add()
            .i32_const(PAGE_BYTES)
            .i32_mul();
        code.global_set(self.next).end();
        function
    }

    /// What Go calls in place of `memory.grow`: pages of the room, or -1 when there are no more.
    fn grow_body(&self, layout: &Layout) -> Function {
        let mut function = Function::new([(1, ValType::I32)]);
        let mut code = function.instructions();
        code.call(self.reserve);
        code.global_get(self.used)
            .local_get(0)
            .i32_add()
            .local_tee(1);
        code.i32_const(ROOM_PAGES).i32_gt_u();
        code.if_(BlockType::Empty).i32_const(-1).return_().end();
        code.i32_const(layout.pages).global_get(self.used).i32_add();
        code.local_get(1).global_set(self.used).end();
        function
    }

    /// What the adapter calls: the next bytes behind the room, never given back.
    fn realloc_body(&self) -> Function {
        const ALIGN: u32 = 2;
        const SIZE: u32 = 3;
        const PLACE: u32 = 4;
        let mut function = Function::new([(1, ValType::I32)]);
        let mut code = function.instructions();
        code.call(self.reserve);
        code.global_get(self.next)
            .local_get(ALIGN)
            .i32_add()
            .i32_const(1)
            .i32_sub();
        code.i32_const(0)
            .local_get(ALIGN)
            .i32_sub()
            .i32_and()
            .local_tee(PLACE);
        code.local_get(SIZE).i32_add().global_set(self.next);
        code.global_get(self.next)
            .memory_size(0)
            .i32_const(PAGE_BYTES)
            .i32_mul()
            .i32_gt_u();
        code.if_(BlockType::Empty).unreachable().end();
        code.local_get(PLACE).end();
        function
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growing_becomes_a_call_and_the_module_stays_valid() {
        let module = wat::parse_str(
            r#"(module
                (import "wasi_snapshot_preview1" "sched_yield" (func (result i32)))
                (memory (export "memory") 3)
                (global (mut i32) (i32.const 0))
                (func $grow (result i32) (memory.grow (i32.const 2)))
                (func (export "_start") (drop (call $grow)) (drop (call 0))))"#,
        );
        let divided = divide_memory(&module.unwrap()).unwrap();
        wasmparser::validate(&divided).unwrap();
        let layout = layout(&divided).unwrap();
        assert!(layout.has_realloc);
        let grows: Vec<_> = layout.bodies.iter().map(|(_, grows)| grows.len()).collect();
        assert_eq!(
            grows,
            [0, 0, 1, 0, 0],
            "only the room itself grows the memory"
        );
    }

    #[test]
    fn a_module_with_an_allocator_is_left_alone() {
        let module = wat::parse_str(
            r#"(module (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) unreachable))"#,
        );
        let module = module.unwrap();
        assert_eq!(divide_memory(&module).unwrap(), module);
    }
}
