//! Words: quoting and the expansions in them.

use super::ast::{List, Parameter, Part, Word};
use super::reader::{Read, Reader, is_name, is_operator};

impl Reader<'_> {
    /// Reads a word, of which at least one character has to be there.
    pub(super) fn word(&mut self) -> Read<Word> {
        let word = self.word_or_nothing()?;
        if word.is_empty() {
            return Err(self.unexpected());
        }
        Ok(word)
    }

    /// Reads up to the first blank or operator.
    pub(super) fn word_or_nothing(&mut self) -> Read<Word> {
        self.word_until(&|character| character.is_whitespace() || is_operator(character))
    }

    /// Reads up to the first unquoted character that `ends` it.
    pub(super) fn word_until(&mut self, ends: &dyn Fn(char) -> bool) -> Read<Word> {
        let mut word = Word::new();
        if self.looks_at("~") {
            let next = self.rest()[1..].chars().next();
            if next.is_none_or(|next| next == '/' || next == ':' || ends(next)) {
                self.next();
                word.push(Part::Home);
            }
        }
        loop {
            if self.looks_at("<(") && word.is_empty() {
                self.take("<");
                word.push(Part::Process(self.parenthesized()?));
                continue;
            }
            let Some(next) = self.peek().filter(|next| !ends(*next)) else {
                return Ok(word);
            };
            match next {
                '\\' => {
                    self.next();
                    match self.next() {
                        Some('\n') => {}
                        Some(character) => word.push(Part::Quoted(character.to_string())),
                        None => push(&mut word, '\\'),
                    }
                }
                '\'' => {
                    self.next();
                    let text = self.take_while(|character| character != '\'');
                    self.expect("'")?;
                    word.push(Part::Quoted(text));
                }
                '"' => {
                    self.next();
                    let parts = self.text(&|reader| reader.looks_at("\""), true)?;
                    self.expect("\"")?;
                    word.push(Part::Double(parts));
                }
                '$' if self.looks_at("$'") => {
                    self.take("$'");
                    word.push(Part::Quoted(self.escaped()?));
                }
                '$' | '`' => match self.expansion(false)? {
                    Some(part) => word.push(part),
                    None => push(&mut word, '$'),
                },
                _ => {
                    self.next();
                    push(&mut word, next);
                }
            }
        }
    }

    /// Reads text in which only `$`, `` ` `` and `\` mean something, up to where `ends` says. With `escapes`, a `\` is
    /// kept before all but what it can hide here; without, quotes are read as in a word.
    pub(super) fn text(&mut self, ends: &dyn Fn(&Self) -> bool, escapes: bool) -> Read<Word> {
        let mut word = Word::new();
        while !ends(self) {
            let Some(next) = self.peek() else {
                return Err(self.error("something is opened and not closed"));
            };
            match next {
                '\\' if escapes => {
                    self.next();
                    match self.peek() {
                        Some('\n') => {
                            self.next();
                        }
                        Some(hidden @ ('$' | '`' | '"' | '\\')) => {
                            self.next();
                            word.push(Part::Quoted(hidden.to_string()));
                        }
                        _ => push(&mut word, '\\'),
                    }
                }
                '\\' => {
                    self.next();
                    if let Some(hidden) = self.next() {
                        word.push(Part::Quoted(hidden.to_string()));
                    }
                }
                '\'' if !escapes => {
                    self.next();
                    let text = self.take_while(|character| character != '\'');
                    self.expect("'")?;
                    word.push(Part::Quoted(text));
                }
                '"' if !escapes => {
                    self.next();
                    let parts = self.text(&|reader| reader.looks_at("\""), true)?;
                    self.expect("\"")?;
                    word.push(Part::Double(parts));
                }
                '$' | '`' => match self.expansion(escapes)? {
                    Some(part) => word.push(part),
                    None => push(&mut word, '$'),
                },
                _ => {
                    self.next();
                    push(&mut word, next);
                }
            }
        }
        Ok(word)
    }

    /// Reads an expression up to the `))` that closes it.
    pub(super) fn arithmetic_text(&mut self) -> Read<Word> {
        self.nested(|reader| {
            let mut word = Word::new();
            loop {
                let part = reader.text(
                    &|reader| reader.looks_at("(") || reader.looks_at(")"),
                    false,
                )?;
                word.extend(part);
                if reader.looks_at(")") {
                    return Ok(word);
                }
                reader.next();
                push(&mut word, '(');
                word.extend(reader.arithmetic_text()?);
                reader.expect(")")?;
                push(&mut word, ')');
            }
        })
    }

    /// Reads what `$` or a backquote starts; a `$` that starts nothing is taken and is none.
    fn expansion(&mut self, in_quotes: bool) -> Read<Option<Part>> {
        if self.take("`") {
            return self.backquoted(in_quotes).map(Some);
        }
        self.expect("$")?;
        if let Some(expression) = self.arithmetic()? {
            return Ok(Some(Part::Arithmetic(expression)));
        }
        if self.looks_at("(") {
            return self.parenthesized().map(|list| Some(Part::Command(list)));
        }
        if self.take("{") {
            let parameter = self.nested(|reader| reader.parameter(in_quotes))?;
            return Ok(Some(Part::Parameter(Box::new(parameter))));
        }
        let Some(next) = self.peek() else {
            return Ok(None);
        };
        let name = if "@*#?$!-".contains(next) || next.is_ascii_digit() {
            self.next();
            next.to_string()
        } else if is_name(next) {
            self.take_while(is_name)
        } else {
            return Ok(None);
        };
        Ok(Some(Part::Parameter(Box::new(Parameter::named(name)))))
    }

    fn parenthesized(&mut self) -> Read<List> {
        self.expect("(")?;
        let list = self.list()?;
        self.lines();
        self.expect(")")?;
        Ok(list)
    }

    /// Reads the rest of `` `…` ``, in which a `\` hides a backquote, a dollar and itself.
    fn backquoted(&mut self, in_quotes: bool) -> Read<Part> {
        let mut text = String::new();
        loop {
            match self.next() {
                None => return Err(self.error("a backquote is missing")),
                Some('`') => break,
                Some('\\') => match self.next() {
                    Some(hidden @ ('`' | '\\' | '$')) => text.push(hidden),
                    Some('"') if in_quotes => text.push('"'),
                    Some(other) => text.extend(['\\', other]),
                    None => text.push('\\'),
                },
                Some(character) => text.push(character),
            }
        }
        let list = self.nested(|_| super::parse(&text))?;
        Ok(Part::Command(list))
    }

    /// Reads the rest of `$'…'`.
    fn escaped(&mut self) -> Read<String> {
        let mut text = String::new();
        loop {
            match self.next() {
                None => return Err(self.error("a quote is missing")),
                Some('\'') => return Ok(crate::text::unescape(&text).0),
                Some('\\') => {
                    text.push('\\');
                    match self.next() {
                        Some('\'') => {
                            text.pop();
                            text.push('\'');
                        }
                        Some(character) => text.push(character),
                        None => {}
                    }
                }
                Some(character) => text.push(character),
            }
        }
    }
}

/// Adds a character that stands for itself.
fn push(word: &mut Word, character: char) {
    if let Some(Part::Plain(text)) = word.last_mut() {
        text.push(character);
    } else {
        word.push(Part::Plain(character.to_string()));
    }
}
