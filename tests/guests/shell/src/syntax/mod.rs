//! Reads scripts: the grammar of a POSIX shell, and what of bash is common in build scripts.

pub mod ast;
mod command;
mod compound;
mod parameter;
mod reader;
mod test;
mod word;

use ast::List;
use reader::Reader;
pub use reader::SyntaxError;
pub(crate) use test::is_unary;

/// Reads a whole script.
///
/// # Errors
///
/// Where the text is no script; nothing of it has run then.
pub fn parse(text: &str) -> Result<List, SyntaxError> {
    let mut reader = Reader::new(text);
    let list = reader.list()?;
    if reader.is_at_end() {
        Ok(list)
    } else {
        Err(reader.unexpected())
    }
}

/// Reads a text in which `$` has its meaning and quotes have none, as in a here-document.
///
/// # Errors
///
/// Where an expansion in it is not closed.
pub fn parse_text(text: &str) -> Result<ast::Word, SyntaxError> {
    Reader::new(text).text(&|reader| reader.is_at_end(), true)
}

#[cfg(test)]
mod tests;
