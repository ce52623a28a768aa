//! From words to arguments: expansion, splitting into fields, paths.

mod arithmetic;
mod parameter;
mod paths;
pub(crate) mod pattern;

use crate::state::{Shell, Stop};
use crate::syntax::ast::{Kind, List, Part, Redirection, Word};

/// A piece of an expanded word.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    /// Text; quoted text is no pattern, and makes a field even when it is empty.
    Text { text: String, quoted: bool },
    /// One field ends here.
    Break,
}

impl Piece {
    fn quoted(text: String) -> Self {
        Self::Text { text, quoted: true }
    }

    fn plain(text: String) -> Self {
        Self::Text {
            text,
            quoted: false,
        }
    }
}

/// How a word is expanded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// Into any number of fields.
    Fields,
    /// Into one text: values of variables are not split.
    Text,
    /// Inside double quotes.
    Quoted,
}

impl Shell {
    /// The arguments that words become.
    pub(crate) fn fields(&mut self, words: &[Word]) -> Result<Vec<String>, Stop> {
        let mut fields = Vec::new();
        for word in words {
            for braced in braces(word) {
                let pieces = self.pieces(&braced, Mode::Fields)?;
                self.collect(pieces, &mut fields);
            }
        }
        Ok(fields)
    }

    /// The one text that a word becomes.
    pub(crate) fn text(&mut self, word: &Word) -> Result<String, Stop> {
        let mut whole = String::new();
        for piece in self.pieces(word, Mode::Text)? {
            match piece {
                Piece::Text { text, .. } => whole.push_str(&text),
                Piece::Break => whole.push(' '),
            }
        }
        Ok(whole)
    }

    /// The source of the pattern that a word becomes: what was quoted stands for itself.
    pub(crate) fn pattern(&mut self, word: &Word) -> Result<String, Stop> {
        let mut source = String::new();
        for piece in self.pieces(word, Mode::Text)? {
            match piece {
                Piece::Text { text, quoted: true } => pattern::hide(&text, &mut source),
                Piece::Text { text, .. } => source.push_str(&text),
                Piece::Break => source.push(' '),
            }
        }
        Ok(source)
    }

    /// The source of the regular expression that a word becomes: what was quoted stands for itself.
    pub(crate) fn expression(&mut self, word: &Word) -> Result<String, Stop> {
        let mut source = String::new();
        for piece in self.pieces(word, Mode::Text)? {
            match piece {
                Piece::Text { text, quoted: true } => source.push_str(&regex_lite::escape(&text)),
                Piece::Text { text, .. } => source.push_str(&text),
                Piece::Break => source.push(' '),
            }
        }
        Ok(source)
    }

    /// Makes fields of pieces, and paths of those that are patterns.
    fn collect(&self, pieces: Vec<Piece>, fields: &mut Vec<String>) {
        let mut field: Vec<(String, bool)> = Vec::new();
        let mut finish = |field: &mut Vec<(String, bool)>| {
            let parts = std::mem::take(field);
            if !parts
                .iter()
                .any(|(text, quoted)| *quoted || !text.is_empty())
            {
                return;
            }
            let is_pattern =
                |(text, quoted): &(String, bool)| !quoted && text.contains(['*', '?', '[']);
            if !self.options.noglob && parts.iter().any(is_pattern) {
                let mut source = String::new();
                for (text, quoted) in &parts {
                    if *quoted {
                        pattern::hide(text, &mut source);
                    } else {
                        source.push_str(text);
                    }
                }
                let paths = self.paths(&source);
                if !paths.is_empty() {
                    fields.extend(paths);
                    return;
                }
            }
            fields.push(parts.into_iter().map(|(text, _)| text).collect());
        };
        for piece in pieces {
            match piece {
                Piece::Text { text, quoted } => field.push((text, quoted)),
                Piece::Break => finish(&mut field),
            }
        }
        finish(&mut field);
    }

    fn pieces(&mut self, word: &Word, mode: Mode) -> Result<Vec<Piece>, Stop> {
        let mut pieces = Vec::new();
        for part in word {
            match part {
                Part::Plain(text) if mode == Mode::Quoted => {
                    pieces.push(Piece::quoted(text.clone()));
                }
                Part::Plain(text) => pieces.push(Piece::plain(text.clone())),
                Part::Quoted(text) => pieces.push(Piece::quoted(text.clone())),
                Part::Double(inner) => {
                    let before = pieces.len();
                    pieces.extend(self.pieces(inner, Mode::Quoted)?);
                    if pieces.len() == before && !is_all_arguments(inner) {
                        pieces.push(Piece::quoted(String::new()));
                    }
                }
                Part::Home => {
                    let home = self.get("HOME").unwrap_or("/").to_owned();
                    pieces.push(Piece::quoted(home));
                }
                Part::Parameter(parameter) => {
                    pieces.extend(self.parameter(parameter, mode)?);
                }
                Part::Command(list) => {
                    let text = self.substituted(list)?;
                    self.add_value(text, mode, &mut pieces);
                }
                Part::Arithmetic(expression) => {
                    let value = self.arithmetic(expression)?;
                    self.add_value(value.to_string(), mode, &mut pieces);
                }
                Part::Process(list) => {
                    let (bytes, _) = self.captured(list)?;
                    pieces.push(Piece::quoted(self.keep(bytes)));
                }
            }
        }
        Ok(pieces)
    }

    /// Adds a value, split at the characters of `IFS` where fields are wanted.
    fn add_value(&self, text: String, mode: Mode, pieces: &mut Vec<Piece>) {
        match mode {
            Mode::Quoted => pieces.push(Piece::quoted(text)),
            Mode::Text => pieces.push(Piece::plain(text)),
            Mode::Fields => self.split(&text, pieces),
        }
    }

    fn split(&self, text: &str, pieces: &mut Vec<Piece>) {
        let separators = self.get("IFS").unwrap_or(" \t\n");
        let mut field = String::new();
        let mut after_separator = true;
        for character in text.chars() {
            if !separators.contains(character) {
                field.push(character);
                continue;
            }
            if !field.is_empty() {
                pieces.push(Piece::plain(std::mem::take(&mut field)));
                after_separator = character != ' ' && character != '\t' && character != '\n';
            } else if !character.is_whitespace() {
                if after_separator {
                    pieces.push(Piece::quoted(String::new()));
                }
                after_separator = true;
            }
            pieces.push(Piece::Break);
        }
        if !field.is_empty() {
            pieces.push(Piece::plain(field));
        }
    }

    /// What a list prints, without the newlines at its end.
    fn substituted(&mut self, list: &List) -> Result<String, Stop> {
        let (bytes, status) = match read_only(list) {
            Some(word) => {
                let path = self.text(&word)?;
                let read = self.open(&path).and_then(|input| input.rest());
                match read {
                    Ok(bytes) => (bytes, 0),
                    Err(error) => {
                        self.complain(&format!("{path}: {}", crate::text::reason(&error)));
                        (Vec::new(), 1)
                    }
                }
            }
            None => self.captured(list)?,
        };
        self.substituted = Some(status);
        let text = String::from_utf8_lossy(&bytes);
        Ok(text.trim_end_matches('\n').to_owned())
    }
}

/// The file of `$(< file)`.
fn read_only(list: &List) -> Option<Word> {
    let [only] = list.as_slice() else { return None };
    let [command] = only.first.commands.as_slice() else {
        return None;
    };
    let [redirect] = command.redirects.as_slice() else {
        return None;
    };
    let Kind::Simple(simple) = &command.kind else {
        return None;
    };
    let is_alone = only.rest.is_empty() && simple.words.is_empty() && simple.assignments.is_empty();
    let is_read = redirect.operator == Redirection::Read;
    (is_alone && is_read).then(|| redirect.target.clone())
}

/// Whether quotes hold nothing but `$@` or all of an array: then they can become no field at all.
fn is_all_arguments(word: &Word) -> bool {
    use crate::syntax::ast::Index;
    matches!(word.as_slice(), [Part::Parameter(parameter)]
        if parameter.name == "@" || parameter.index == Some(Index::Each))
}

/// The words that the first `{a,b}` or `{1..3}` in a word makes of it, and so on.
fn braces(word: &Word) -> Vec<Word> {
    for (at, part) in word.iter().enumerate() {
        let Part::Plain(text) = part else { continue };
        let Some((start, end, choices)) = choices(text) else {
            continue;
        };
        return choices
            .into_iter()
            .flat_map(|choice| {
                let mut made = word.clone();
                made[at] = Part::Plain(format!("{}{choice}{}", &text[..start], &text[end..]));
                braces(&made)
            })
            .collect();
    }
    vec![word.clone()]
}

/// The most numbers that `{1..n}` makes.
const MAX_RANGE: i64 = 100_000;

/// The first brace expression in a text: where it starts and ends, and what it stands for.
fn choices(text: &str) -> Option<(usize, usize, Vec<String>)> {
    for (start, _) in text.match_indices('{') {
        let mut depth = 0_usize;
        let mut commas = vec![start];
        let mut end = None;
        for (at, character) in text[start..].char_indices() {
            match character {
                '{' => depth += 1,
                ',' if depth == 1 => commas.push(start + at),
                '}' => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                end = Some(start + at);
                break;
            }
        }
        let end = end?;
        if commas.len() > 1 {
            commas.push(end);
            let choices = commas
                .windows(2)
                .map(|pair| text[pair[0] + 1..pair[1]].to_owned());
            return Some((start, end + 1, choices.collect()));
        }
        let range = text[start + 1..end].split_once("..");
        let range = range.and_then(|(from, to)| Some((from.parse().ok()?, to.parse().ok()?)));
        if let Some((from, to)) = range {
            let (from, to): (i64, i64) = (from, to);
            if from.abs_diff(to) < MAX_RANGE.unsigned_abs() {
                let numbers: Vec<String> = if from <= to {
                    (from..=to).map(|number| number.to_string()).collect()
                } else {
                    (to..=from).rev().map(|number| number.to_string()).collect()
                };
                return Some((start, end + 1, numbers));
            }
        }
    }
    None
}

#[cfg(test)]
mod tests;
