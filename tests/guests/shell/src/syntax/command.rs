//! Lists, pipelines, simple commands, assignments and redirections.

use super::ast::{
    AndOr, Assigned, Assignment, Command, Join, Kind, List, Part, Pipeline, Redirect, Redirection,
    Simple, Word,
};
use super::reader::{Read, Reader, is_name, is_operator};

/// Words that end a list where a command could stand.
const CLOSING: [&str; 8] = ["then", "elif", "else", "fi", "do", "done", "esac", "}"];

/// Builtins whose arguments may be assignments.
const DECLARING: [&str; 5] = ["export", "local", "declare", "typeset", "readonly"];

impl Reader<'_> {
    /// Reads commands up to something that cannot start one.
    pub(super) fn list(&mut self) -> Read<List> {
        self.nested(|reader| {
            let mut list = List::new();
            loop {
                reader.lines();
                let closed = reader.is_at_end()
                    || reader.looks_at(")")
                    || reader.looks_at(";;")
                    || CLOSING.iter().any(|word| reader.looks_at_word(word));
                if closed {
                    return Ok(list);
                }
                list.push(reader.and_or()?);
                reader.blanks();
                if reader.looks_at("&") && !reader.looks_at("&&") {
                    return Err(reader.error("there are no background jobs here"));
                }
                if !reader.looks_at(";;") && !reader.take(";") && !reader.looks_at("\n") {
                    reader.blanks();
                    let closed =
                        reader.is_at_end() || reader.looks_at(")") || reader.looks_at(";;");
                    if !closed {
                        return Err(reader.unexpected());
                    }
                }
            }
        })
    }

    /// Reads a list in which at least one command has to be.
    pub(super) fn body(&mut self) -> Read<List> {
        let list = self.list()?;
        if list.is_empty() {
            return Err(self.unexpected());
        }
        Ok(list)
    }

    fn and_or(&mut self) -> Read<AndOr> {
        let first = self.pipeline()?;
        let mut rest = Vec::new();
        loop {
            self.blanks();
            let join = if self.take("&&") {
                Join::And
            } else if self.take("||") {
                Join::Or
            } else {
                return Ok(AndOr { first, rest });
            };
            self.lines();
            rest.push((join, self.pipeline()?));
        }
    }

    fn pipeline(&mut self) -> Read<Pipeline> {
        let mut negated = false;
        while self.take_word("!") {
            negated = !negated;
            self.blanks();
        }
        let mut commands = vec![self.command()?];
        loop {
            self.blanks();
            let both = self.looks_at("|&");
            if self.looks_at("||") || !self.take("|") {
                return Ok(Pipeline { negated, commands });
            }
            if both {
                self.take("&");
                if let Some(command) = commands.last_mut() {
                    command.redirects.push(Redirect {
                        fd: Some(2),
                        operator: Redirection::Duplicate,
                        target: vec![Part::Plain("1".to_owned())],
                    });
                }
            }
            self.lines();
            commands.push(self.command()?);
        }
    }

    fn command(&mut self) -> Read<Command> {
        if let Some(kind) = self.nested(Self::compound)? {
            let mut redirects = Vec::new();
            loop {
                self.blanks();
                match self.redirect()? {
                    Some(redirect) => redirects.push(redirect),
                    None => return Ok(Command { kind, redirects }),
                }
            }
        }
        self.simple()
    }

    fn simple(&mut self) -> Read<Command> {
        let mut simple = Simple::default();
        let mut redirects = Vec::new();
        loop {
            self.blanks();
            if let Some(redirect) = self.redirect()? {
                redirects.push(redirect);
                continue;
            }
            let next = self.peek();
            let process = self.looks_at("<(");
            if next.is_none_or(is_operator) && !process {
                break;
            }
            if simple.words.is_empty() {
                if let Some(assignment) = self.assignment()? {
                    simple.assignments.push(assignment);
                    continue;
                }
            } else if is_declaring(&simple.words[0])
                && let Some(assignment) = self.assignment()?
            {
                simple.declared.push(assignment);
                continue;
            }
            simple.words.push(self.word()?);
            let alone = simple.words.len() == 1 && simple.assignments.is_empty();
            if alone && self.looks_at_parentheses() {
                let name = plain(&simple.words[0]).map(str::to_owned);
                let name = name.ok_or_else(|| self.unexpected())?;
                return self.function(name);
            }
        }
        if simple == Simple::default() && redirects.is_empty() {
            return Err(self.unexpected());
        }
        let kind = Kind::Simple(simple);
        Ok(Command { kind, redirects })
    }

    /// Reads `NAME=…` or takes nothing.
    fn assignment(&mut self) -> Read<Option<Assignment>> {
        let start = self.at;
        let name = self.take_while(is_name);
        let starts_well = name.starts_with(|first: char| !first.is_ascii_digit());
        if !starts_well {
            self.at = start;
            return Ok(None);
        }
        let index = if self.looks_at("[") {
            self.next();
            let index = self.text(&|reader| reader.looks_at("]"), false);
            let Ok(index) = index else {
                self.at = start;
                return Ok(None);
            };
            self.take("]");
            Some(index)
        } else {
            None
        };
        let append = self.take("+=");
        if !append && !self.take("=") {
            self.at = start;
            return Ok(None);
        }
        let value = if self.take("(") {
            Assigned::Array(self.elements()?)
        } else {
            Assigned::Scalar(self.word_or_nothing()?)
        };
        Ok(Some(Assignment {
            name,
            index,
            append,
            value,
        }))
    }

    fn elements(&mut self) -> Read<Vec<Word>> {
        let mut elements = Vec::new();
        loop {
            self.lines();
            if self.take(")") {
                return Ok(elements);
            }
            if self.peek().is_none_or(is_operator) {
                return Err(self.unexpected());
            }
            elements.push(self.word()?);
        }
    }

    fn redirect(&mut self) -> Read<Option<Redirect>> {
        let start = self.at;
        let digits = self.take_while(|character| character.is_ascii_digit());
        if self.looks_at("<(") || self.looks_at(">(") {
            self.at = start;
            return Ok(None);
        }
        const OPERATORS: [(&str, Redirection); 11] = [
            ("&>>", Redirection::AppendBoth),
            ("&>", Redirection::WriteBoth),
            ("<<<", Redirection::Text),
            ("<<", Redirection::Document),
            ("<&", Redirection::Duplicate),
            ("<>", Redirection::Append),
            (">>", Redirection::Append),
            (">&", Redirection::Duplicate),
            (">|", Redirection::Write),
            ("<", Redirection::Read),
            (">", Redirection::Write),
        ];
        let found = OPERATORS.iter().find(|(text, _)| self.looks_at(text));
        let Some(&(text, mut operator)) = found else {
            self.at = start;
            return Ok(None);
        };
        self.take(text);
        let fd = match digits.parse() {
            Ok(fd) => Some(fd),
            Err(_) if digits.is_empty() => None,
            Err(_) => return Err(self.error("no such file descriptor")),
        };
        let fd = fd.or(text.starts_with('<').then_some(0));
        let target = if operator == Redirection::Document {
            self.document()?
        } else {
            self.blanks();
            if self.peek().is_none_or(is_operator) && !self.looks_at("<(") {
                return Err(self.unexpected());
            }
            self.word()?
        };
        let is_number =
            plain(&target).is_some_and(|text| text.parse::<u32>().is_ok() || text == "-");
        if text == ">&" && digits.is_empty() && !is_number {
            operator = Redirection::WriteBoth;
        }
        Ok(Some(Redirect {
            fd,
            operator,
            target,
        }))
    }

    /// Reads the text of a here-document, which starts on the next line.
    fn document(&mut self) -> Read<Word> {
        let without_tabs = self.take("-");
        self.blanks();
        let word = self.word()?;
        let quoted = word.iter().any(|part| !matches!(part, Part::Plain(_)));
        let end: String = word.iter().map(flat).collect();
        let start = match self.documents {
            Some((_, end)) => end,
            None => match self.rest().find('\n') {
                Some(newline) => self.at + newline + 1,
                None => return Err(self.error(format!("`{end}` is missing"))),
            },
        };
        let line_start = self.documents.map_or(start, |(start, _)| start);
        let mut body = String::new();
        let mut at = start;
        for line in self.text[start..].split_inclusive('\n') {
            at += line.len();
            let shown = if without_tabs {
                line.trim_start_matches('\t')
            } else {
                line
            };
            if shown.trim_end_matches('\n') == end {
                self.documents = Some((line_start, at));
                return if quoted {
                    Ok(vec![Part::Quoted(body)])
                } else {
                    let parts = super::parse_text(&body)?;
                    Ok(vec![Part::Double(parts)])
                };
            }
            body.push_str(shown);
        }
        Err(self.error(format!("`{end}` is missing")))
    }

    /// Whether `()` follows: then the word before it is a function's name.
    fn looks_at_parentheses(&self) -> bool {
        let rest = self.rest().trim_start_matches([' ', '\t']);
        rest.strip_prefix('(')
            .is_some_and(|rest| rest.trim_start_matches([' ', '\t']).starts_with(')'))
    }
}

fn is_declaring(word: &Word) -> bool {
    plain(word).is_some_and(|word| DECLARING.contains(&word))
}

/// The text of a word without quotes and expansions.
pub(super) fn plain(word: &Word) -> Option<&str> {
    match word.as_slice() {
        [Part::Plain(text)] => Some(text),
        _ => None,
    }
}

/// The text of a part as a here-document's delimiter takes it.
fn flat(part: &Part) -> String {
    match part {
        Part::Plain(text) | Part::Quoted(text) => text.clone(),
        Part::Double(parts) => parts.iter().map(flat).collect(),
        _ => String::new(),
    }
}
