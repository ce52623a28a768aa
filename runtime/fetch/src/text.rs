//! Takes bytes for text, or says that they are none.

/// It is no UTF-8 text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("what is there is no UTF-8 text")]
pub struct NotText;

pub(crate) fn text(bytes: Vec<u8>) -> Result<String, NotText> {
    String::from_utf8(bytes).map_err(|_| NotText)
}
