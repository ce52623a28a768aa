//! What a run says and nothing here can do: it runs, and who wrote it should know.

use crate::source::Span;

/// Something that a document asks for and that makes no difference here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// Which field, as in `debug.breakpoints`.
    pub field: &'static str,
    /// Why it makes no difference, and what happens instead.
    pub why: &'static str,
    /// Where it stands.
    pub span: Span,
}
