//! What stands between `${` and `}`.

use super::ast::{Index, Operation, Parameter, Part, Which, Word};
use super::reader::{Read, Reader, is_name};

impl Parameter {
    /// The value of a parameter, as it is.
    pub(super) fn named(name: String) -> Self {
        Self {
            name,
            index: None,
            operation: Operation::Value,
        }
    }
}

impl Reader<'_> {
    /// Reads up to the closing brace, and takes it.
    pub(super) fn parameter(&mut self, in_quotes: bool) -> Read<Parameter> {
        let is_length = self.looks_at("#") && !self.looks_at("#}") && !self.looks_at("#:") && {
            self.next();
            true
        };
        let is_indirect = !is_length && self.take("!");
        let name = match self.peek() {
            Some(special @ ('@' | '*' | '#' | '?' | '$' | '!' | '-')) => {
                self.next();
                special.to_string()
            }
            Some(digit) if digit.is_ascii_digit() => self.take_while(|c| c.is_ascii_digit()),
            _ => self.take_while(is_name),
        };
        if name.is_empty() {
            return Err(self.error("bad substitution"));
        }
        let index = self.index()?;
        let operation = if is_length {
            Operation::Length
        } else if is_indirect {
            Operation::Indirect
        } else {
            self.operation(in_quotes)?
        };
        if self.take("}") {
            Ok(Parameter {
                name,
                index,
                operation,
            })
        } else {
            Err(self.error("bad substitution"))
        }
    }

    fn index(&mut self) -> Read<Option<Index>> {
        if !self.take("[") {
            return Ok(None);
        }
        let index = if self.take("@]") {
            Index::Each
        } else if self.take("*]") {
            Index::Joined
        } else {
            let expression = self.text(&|reader| reader.looks_at("]"), false)?;
            self.take("]");
            Index::At(expression)
        };
        Ok(Some(index))
    }

    fn operation(&mut self, in_quotes: bool) -> Read<Operation> {
        let colon = self.looks_at(":")
            && self.rest()[1..].starts_with(['-', '=', '?', '+'])
            && self.take(":");
        if let Some(operator @ ('-' | '=' | '?' | '+')) = self.peek() {
            self.next();
            let word = self.operand(in_quotes, "")?;
            return Ok(Operation::Substitute {
                colon,
                operator,
                word,
            });
        }
        if self.take(":") {
            let offset = self.operand(false, ":")?;
            let length = if self.take(":") {
                Some(self.operand(false, "")?)
            } else {
                None
            };
            return Ok(Operation::Slice(offset, length));
        }
        for (text, suffix, longest) in [
            ("##", false, true),
            ("#", false, false),
            ("%%", true, true),
            ("%", true, false),
        ] {
            if self.take(text) {
                let pattern = self.operand(false, "")?;
                return Ok(Operation::Trim {
                    suffix,
                    longest,
                    pattern,
                });
            }
        }
        for (text, which) in [
            ("//", Which::All),
            ("/#", Which::Prefix),
            ("/%", Which::Suffix),
            ("/", Which::First),
        ] {
            if self.take(text) {
                let pattern = self.operand(false, "/")?;
                let with = if self.take("/") {
                    self.operand(in_quotes, "")?
                } else {
                    Word::new()
                };
                return Ok(Operation::Replace {
                    which,
                    pattern,
                    with,
                });
            }
        }
        for (text, upper, all) in [
            ("^^", true, true),
            ("^", true, false),
            (",,", false, true),
            (",", false, false),
        ] {
            if self.take(text) {
                return Ok(Operation::Case { upper, all });
            }
        }
        Ok(Operation::Value)
    }

    /// Reads a word that ends at the brace, or at one of `ends`.
    fn operand(&mut self, in_quotes: bool, ends: &str) -> Read<Word> {
        if in_quotes {
            let is_end = |reader: &Self| {
                reader
                    .peek()
                    .is_some_and(|c| c == '}' || c == '"' || ends.contains(c))
            };
            let mut word = self.text(&is_end, true)?;
            while self.take("\"") {
                word.push(Part::Double(
                    self.text(&|reader| reader.looks_at("\""), true)?,
                ));
                self.expect("\"")?;
                word.extend(self.text(&is_end, true)?);
            }
            return Ok(word);
        }
        self.word_until(&|character| character == '}' || ends.contains(character))
    }
}
