//! The place in a script up to which it has been read. The grammar is in the modules beside this one.
//!
//! There is no list of tokens: what a character means depends on where it stands, so each rule reads characters itself.

use std::fmt;

use super::ast::Word;

/// How deep commands may be nested: a script of brackets alone must not exhaust the stack.
const MAX_DEPTH: usize = 100;

/// How often `((` may turn out not to start arithmetic. Each such place is read twice, and those inside it again.
const MAX_RETRIES: usize = 200;

/// A text that is no script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyntaxError {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for SyntaxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: syntax error: {}", self.line, self.message)
    }
}

impl std::error::Error for SyntaxError {}

pub(super) type Read<T> = Result<T, SyntaxError>;

pub(super) struct Reader<'a> {
    pub(super) text: &'a str,
    pub(super) at: usize,
    /// Where the here-documents of this line start and end: its newline is followed by what is after them.
    pub(super) documents: Option<(usize, usize)>,
    depth: usize,
    retries: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self {
            text,
            at: 0,
            documents: None,
            depth: 0,
            retries: 0,
        }
    }

    pub(super) fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.at >= self.text.len()
    }

    pub(super) fn looks_at(&self, text: &str) -> bool {
        self.rest().starts_with(text)
    }

    /// Takes one character. After a line with here-documents, it goes on behind them.
    pub(super) fn next(&mut self) -> Option<char> {
        let character = self.peek()?;
        self.at += character.len_utf8();
        if let Some((start, end)) = self.documents
            && self.at >= start
        {
            self.at = end.max(self.at);
            self.documents = None;
        }
        Some(character)
    }

    /// Takes `text` if it is next.
    pub(super) fn take(&mut self, text: &str) -> bool {
        let found = self.looks_at(text);
        if found {
            for _ in text.chars() {
                self.next();
            }
        }
        found
    }

    pub(super) fn take_while(&mut self, wanted: impl Fn(char) -> bool) -> String {
        let mut taken = String::new();
        while let Some(character) = self.peek().filter(|character| wanted(*character)) {
            taken.push(character);
            self.next();
        }
        taken
    }

    /// Takes blanks, continued lines and a comment.
    pub(super) fn blanks(&mut self) {
        loop {
            if !self.take("\\\n") && self.take_while(|c| c == ' ' || c == '\t').is_empty() {
                break;
            }
        }
        if self.peek() == Some('#') {
            self.take_while(|character| character != '\n');
        }
    }

    /// Takes everything between two commands but `;`.
    pub(super) fn lines(&mut self) {
        self.blanks();
        while self.take("\n") {
            self.blanks();
        }
    }

    pub(super) fn expect(&mut self, text: &str) -> Read<()> {
        if self.take(text) {
            Ok(())
        } else if self.is_at_end() {
            Err(self.error(format!("`{text}` is missing")))
        } else {
            Err(self.unexpected())
        }
    }

    /// The error that what comes next must not come here.
    pub(super) fn unexpected(&self) -> SyntaxError {
        let next: String = match self.peek() {
            None => return self.error("the script ends too early"),
            Some('\n') => "newline".to_owned(),
            Some(first) if is_operator(first) => first.to_string(),
            Some(_) => self
                .rest()
                .chars()
                .take_while(|character| !is_operator(*character) && !character.is_whitespace())
                .take(40)
                .collect(),
        };
        self.error(format!("unexpected `{next}`"))
    }

    pub(super) fn error(&self, message: impl Into<String>) -> SyntaxError {
        let line = 1 + self.text[..self.at].matches('\n').count();
        let message = message.into();
        SyntaxError { line, message }
    }

    /// Reads the arithmetic that `((` starts. Where no `))` closes it, nothing is taken: these are two subshells.
    pub(super) fn arithmetic(&mut self) -> Read<Option<Word>> {
        if !self.looks_at("((") {
            return Ok(None);
        }
        if self.retries >= MAX_RETRIES {
            return Err(self.error("too many brackets"));
        }
        let (start, documents) = (self.at, self.documents);
        self.take("((");
        if let Ok(expression) = self.arithmetic_text()
            && self.take("))")
        {
            return Ok(Some(expression));
        }
        self.retries += 1;
        (self.at, self.documents) = (start, documents);
        Ok(None)
    }

    /// Reads something that may contain itself.
    pub(super) fn nested<T>(&mut self, read: impl FnOnce(&mut Self) -> Read<T>) -> Read<T> {
        if self.depth >= MAX_DEPTH {
            return Err(self.error("nested too deeply"));
        }
        self.depth += 1;
        let read = read(self);
        self.depth -= 1;
        read
    }
}

/// Whether a character ends a word wherever it stands.
pub(super) fn is_operator(character: char) -> bool {
    matches!(character, ';' | '&' | '|' | '(' | ')' | '<' | '>' | '\n')
}

/// Whether a character may be in the name of a variable.
pub(super) fn is_name(character: char) -> bool {
    character.is_ascii_alphanumeric() || character == '_'
}
