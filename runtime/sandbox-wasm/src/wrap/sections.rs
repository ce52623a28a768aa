//! A core module as a list of sections, to change one and leave the rest as it is, byte for byte.
//!
//! Re-encoding a whole module would be simpler and would move its code, which debug information points into.

use std::borrow::Cow;

use wasmparser::Parser;

use super::WrapError;

/// Magic and version.
const PREAMBLE_BYTES: usize = 8;

/// The numbers of the sections that are changed.
pub(super) const TYPES: u8 = 1;
pub(super) const IMPORTS: u8 = 2;
pub(super) const FUNCTIONS: u8 = 3;
pub(super) const GLOBALS: u8 = 6;
pub(super) const EXPORTS: u8 = 7;
pub(super) const CODE: u8 = 10;

/// The sections of a module, in order: number and content.
pub(super) struct Sections<'a> {
    preamble: &'a [u8],
    sections: Vec<(u8, Cow<'a, [u8]>)>,
}

impl<'a> Sections<'a> {
    /// Takes `module` apart.
    pub(super) fn of(module: &'a [u8]) -> Result<Self, WrapError> {
        let broken = |error: wasmparser::BinaryReaderError| WrapError::NotWasm(error.to_string());
        let mut sections = Vec::new();
        for payload in Parser::new(0).parse_all(module) {
            // The functions of the code section come one by one, after the section as a whole.
            if let Some((number, range)) = payload.map_err(broken)?.as_section() {
                sections.push((number, Cow::Borrowed(&module[range])));
            }
        }
        Ok(Self {
            preamble: &module[..PREAMBLE_BYTES],
            sections,
        })
    }

    /// The content of the section `number`.
    pub(super) fn content(&self, number: u8) -> Option<&[u8]> {
        self.sections
            .iter()
            .find(|(found, _)| *found == number)
            .map(|(_, content)| &**content)
    }

    /// Replaces the content of the section `number`.
    pub(super) fn replace(&mut self, number: u8, content: Vec<u8>) {
        for (found, old) in &mut self.sections {
            if *found == number {
                *old = Cow::Owned(content);
                return;
            }
        }
    }

    /// The module whole again.
    pub(super) fn assemble(&self) -> Vec<u8> {
        let mut module = self.preamble.to_vec();
        for (number, content) in &self.sections {
            module.push(*number);
            push_number(&mut module, content.len());
            module.extend_from_slice(content);
        }
        module
    }
}

/// Appends an unsigned number in LEB128.
pub(super) fn push_number(bytes: &mut Vec<u8>, mut number: usize) {
    loop {
        let low = (number & 0x7f) as u8;
        number >>= 7;
        if number == 0 {
            bytes.push(low);
            return;
        }
        bytes.push(low | 0x80);
    }
}

/// Appends a name behind its length.
pub(super) fn push_name(bytes: &mut Vec<u8>, name: &str) {
    push_number(bytes, name.len());
    bytes.extend_from_slice(name.as_bytes());
}

/// Splits what a section begins with, the number of its items, from the items.
pub(super) fn split_count(content: &[u8]) -> Option<(usize, &[u8])> {
    let mut count = 0;
    for (index, byte) in content.iter().enumerate().take(5) {
        count |= usize::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return Some((count, &content[index + 1..]));
        }
    }
    None
}

/// A section with one item more.
pub(super) fn with_item(content: &[u8], item: &[u8]) -> Option<Vec<u8>> {
    let (count, items) = split_count(content)?;
    let mut longer = Vec::with_capacity(content.len() + item.len() + 1);
    push_number(&mut longer, count + 1);
    longer.extend_from_slice(items);
    longer.extend_from_slice(item);
    Some(longer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_is_the_same_after_taking_it_apart() {
        let module = wat::parse_str(
            r#"(module $named
                (import "m" "f" (func $f))
                (memory 1)
                (func $main (export "main") (call $f))
                (data (i32.const 0) "data"))"#,
        );
        let module = module.unwrap();
        assert_eq!(Sections::of(&module).unwrap().assemble(), module);
    }

    #[test]
    fn numbers_are_written_as_wasm_reads_them() {
        let mut bytes = Vec::new();
        push_number(&mut bytes, 624_485);
        assert_eq!(bytes, [0xe5, 0x8e, 0x26]);
        assert_eq!(split_count(&bytes), Some((624_485, [].as_slice())));
    }
}
