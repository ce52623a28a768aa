//! Colour, or none.

/// What a piece of text is.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Ink {
    /// It went well.
    Good,
    /// It went wrong.
    Bad,
    /// It could be better.
    Warn,
    /// It matters.
    Strong,
    /// It is beside the point.
    Dim,
}

/// Paints text, or leaves it alone.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Style {
    /// Whether to paint.
    pub(crate) colour: bool,
}

impl Style {
    /// The text, painted. It must be clean already.
    pub(crate) fn paint(self, ink: Ink, text: impl std::fmt::Display) -> String {
        if !self.colour {
            return text.to_string();
        }
        let code = match ink {
            Ink::Good => "32",
            Ink::Bad => "31",
            Ink::Warn => "33",
            Ink::Strong => "1",
            Ink::Dim => "2",
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }
}
