//! Commands that contain commands.

use std::rc::Rc;

use super::ast::{Arm, Command, Kind, Word};
use super::command::plain;
use super::reader::{Read, Reader, is_name, is_operator};

impl Reader<'_> {
    /// Reads a compound command, if one starts here.
    pub(super) fn compound(&mut self) -> Read<Option<Kind>> {
        if let Some(expression) = self.arithmetic()? {
            return Ok(Some(Kind::Arithmetic(expression)));
        }
        if self.take("(") {
            let list = self.body()?;
            self.expect(")")?;
            return Ok(Some(Kind::Subshell(list)));
        }
        let kind = if self.take_word("{") {
            let list = self.body()?;
            self.expect_word("}")?;
            Kind::Group(list)
        } else if self.take_word("if") {
            self.conditional()?
        } else if self.take_word("while") {
            self.repetition(false)?
        } else if self.take_word("until") {
            self.repetition(true)?
        } else if self.take_word("for") {
            self.iteration()?
        } else if self.take_word("case") {
            self.choice()?
        } else if self.take_word("[[") {
            let test = self.test()?;
            self.lines();
            self.expect_word("]]")?;
            Kind::Test(test)
        } else if self.take_word("function") {
            self.blanks();
            let word = self.word()?;
            let name = plain(&word).ok_or_else(|| self.unexpected())?.to_owned();
            return Ok(Some(self.function(name)?.kind));
        } else {
            return Ok(None);
        };
        Ok(Some(kind))
    }

    /// Reads `()` and the body of a function.
    pub(super) fn function(&mut self, name: String) -> Read<Command> {
        self.blanks();
        if self.take("(") {
            self.blanks();
            self.expect(")")?;
        }
        self.lines();
        let kind = self.nested(Self::compound)?;
        let kind = kind.ok_or_else(|| self.unexpected())?;
        let redirects = Vec::new();
        let body = Rc::new(Command { kind, redirects });
        Ok(Command {
            kind: Kind::Function(name, body),
            redirects: Vec::new(),
        })
    }

    fn conditional(&mut self) -> Read<Kind> {
        let mut branches = Vec::new();
        loop {
            let condition = self.body()?;
            self.expect_word("then")?;
            branches.push((condition, self.body()?));
            if !self.take_word("elif") {
                break;
            }
        }
        let otherwise = if self.take_word("else") {
            self.body()?
        } else {
            Vec::new()
        };
        self.expect_word("fi")?;
        Ok(Kind::If(branches, otherwise))
    }

    fn repetition(&mut self, until: bool) -> Read<Kind> {
        let condition = self.body()?;
        let body = self.round()?;
        Ok(Kind::Loop {
            until,
            condition,
            body,
        })
    }

    fn iteration(&mut self) -> Read<Kind> {
        self.blanks();
        if self.take("((") {
            let first = self.text(&|reader| reader.looks_at(";"), false)?;
            self.take(";");
            let condition = self.text(&|reader| reader.looks_at(";"), false)?;
            self.take(";");
            let last = self.arithmetic_text()?;
            self.expect("))")?;
            self.blanks();
            self.take(";");
            return Ok(Kind::Count([first, condition, last], self.round()?));
        }
        let name = self.take_while(is_name);
        if name.is_empty() {
            return Err(self.unexpected());
        }
        self.lines();
        let words = if self.take_word("in") {
            let mut words = Vec::new();
            loop {
                self.blanks();
                if self.peek().is_none_or(is_operator) {
                    break;
                }
                words.push(self.word()?);
            }
            Some(words)
        } else {
            None
        };
        self.blanks();
        self.take(";");
        Ok(Kind::For(name, words, self.round()?))
    }

    /// Reads `do … done`.
    fn round(&mut self) -> Read<Vec<super::ast::AndOr>> {
        self.lines();
        self.expect_word("do")?;
        let body = self.body()?;
        self.expect_word("done")?;
        Ok(body)
    }

    fn choice(&mut self) -> Read<Kind> {
        self.blanks();
        let word = self.word()?;
        self.lines();
        self.expect_word("in")?;
        let mut arms = Vec::new();
        loop {
            self.lines();
            if self.take_word("esac") {
                return Ok(Kind::Case(word, arms));
            }
            self.take("(");
            let mut patterns: Vec<Word> = Vec::new();
            loop {
                self.blanks();
                patterns.push(self.word()?);
                self.blanks();
                if !self.take("|") {
                    break;
                }
            }
            self.expect(")")?;
            let body = self.list()?;
            arms.push(Arm { patterns, body });
            if !self.take(";;") {
                self.lines();
                self.expect_word("esac")?;
                return Ok(Kind::Case(word, arms));
            }
        }
    }

    /// Whether the next word is exactly this one.
    pub(super) fn looks_at_word(&self, word: &str) -> bool {
        self.rest().strip_prefix(word).is_some_and(|rest| {
            let next = rest.chars().next();
            next.is_none_or(|next| next.is_whitespace() || is_operator(next))
        })
    }

    pub(super) fn take_word(&mut self, word: &str) -> bool {
        self.looks_at_word(word) && self.take(word)
    }

    fn expect_word(&mut self, word: &str) -> Read<()> {
        if self.take_word(word) {
            Ok(())
        } else if self.is_at_end() {
            Err(self.error(format!("`{word}` is missing")))
        } else {
            Err(self.unexpected())
        }
    }
}
