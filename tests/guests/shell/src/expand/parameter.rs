//! Parameters: where their values come from, and what `${…}` makes of them.

use super::pattern::Pattern;
use super::{Mode, Piece};
use crate::state::{Shell, Stop, Value};
use crate::syntax::ast::{Index, Operation, Parameter, Which, Word};

/// What a parameter holds.
enum Held {
    /// Nothing: it is unset.
    Nothing,
    /// One text.
    One(String),
    /// `$@`, `$*` or all of an array; `joined` for those with a star.
    Many { values: Vec<String>, joined: bool },
}

impl Shell {
    pub(super) fn parameter(
        &mut self,
        parameter: &Parameter,
        mode: Mode,
    ) -> Result<Vec<Piece>, Stop> {
        let mut held = self.held(parameter)?;
        let mut pieces = Vec::new();
        match &parameter.operation {
            Operation::Length => {
                let length = match held {
                    Held::Many { values, .. } => values.len(),
                    Held::One(text) => text.chars().count(),
                    Held::Nothing => self.unset(&parameter.name)?.chars().count(),
                };
                pieces.push(Piece::quoted(length.to_string()));
                return Ok(pieces);
            }
            Operation::Indirect => {
                held = match held {
                    Held::Many { values, joined } => Held::Many {
                        values: (0..values.len()).map(|at| at.to_string()).collect(),
                        joined,
                    },
                    Held::One(name) => self.held(&Parameter {
                        name,
                        index: None,
                        operation: Operation::Value,
                    })?,
                    Held::Nothing => Held::Nothing,
                };
            }
            Operation::Substitute {
                colon,
                operator,
                word,
            } => {
                let is_there = match &held {
                    Held::Nothing => false,
                    Held::One(text) => !(*colon && text.is_empty()),
                    Held::Many { values, .. } => {
                        values.iter().any(|value| !(*colon && value.is_empty()))
                    }
                };
                match (operator, is_there) {
                    ('+', true) | ('-', false) => return self.pieces(word, mode),
                    ('+', false) => return Ok(pieces),
                    ('=', false) => {
                        let value = self.text(word)?;
                        self.set(&parameter.name, Value::Text(value.clone()));
                        held = Held::One(value);
                    }
                    ('?', false) => {
                        let message = self.text(word)?;
                        let name = &parameter.name;
                        return Err(if message.is_empty() {
                            self.fail(&format!("{name}: parameter null or not set"))
                        } else {
                            self.fail(&format!("{name}: {message}"))
                        });
                    }
                    _ => {}
                }
            }
            Operation::Slice(offset, length) => {
                if let Held::Many { values, .. } = &mut held
                    && parameter.index.is_none()
                {
                    // `${@:1}` starts at `$1`, because `$0` is counted too.
                    values.insert(0, self.name.clone());
                }
                held = self.sliced(held, offset, length.as_ref())?;
            }
            _ => {}
        }
        let (values, joined) = match held {
            Held::Nothing => (vec![self.unset(&parameter.name)?], false),
            Held::One(text) => (vec![text], false),
            Held::Many { values, joined } => (values, joined),
        };
        let mut changed = Vec::with_capacity(values.len());
        for value in values {
            changed.push(self.changed(value, &parameter.operation)?);
        }
        if joined && mode != Mode::Fields {
            let ifs = self.get("IFS").unwrap_or(" ");
            let separator = ifs.chars().next().map(String::from).unwrap_or_default();
            let text = changed.join(&separator);
            self.add_value(text, mode, &mut pieces);
            return Ok(pieces);
        }
        for (at, value) in changed.into_iter().enumerate() {
            if at > 0 {
                pieces.push(Piece::Break);
            }
            self.add_value(value, mode, &mut pieces);
        }
        Ok(pieces)
    }

    fn held(&mut self, parameter: &Parameter) -> Result<Held, Stop> {
        let name = parameter.name.as_str();
        let one = |text: String| Ok(Held::One(text));
        match name {
            "@" | "*" => {
                return Ok(Held::Many {
                    values: self.args.clone(),
                    joined: name == "*",
                });
            }
            "#" => return one(self.args.len().to_string()),
            "?" => return one(self.status.to_string()),
            "$" => return one("1".to_owned()),
            "!" => return Ok(Held::Nothing),
            "0" => return one(self.name.clone()),
            "-" => return one(self.flags()),
            _ => {}
        }
        if let Ok(number) = name.parse::<usize>() {
            let value = self.args.get(number.wrapping_sub(1)).cloned();
            return Ok(value.map_or(Held::Nothing, Held::One));
        }
        let values = match self.variables.get(name).map(|variable| &variable.value) {
            None => {
                return Ok(match parameter.index {
                    Some(Index::Each | Index::Joined) => Held::Many {
                        values: Vec::new(),
                        joined: false,
                    },
                    _ => Held::Nothing,
                });
            }
            Some(Value::Text(text)) => vec![text.clone()],
            Some(Value::List(list)) => list.clone(),
        };
        let at = match &parameter.index {
            Some(Index::Each) => {
                return Ok(Held::Many {
                    values,
                    joined: false,
                });
            }
            Some(Index::Joined) => {
                return Ok(Held::Many {
                    values,
                    joined: true,
                });
            }
            Some(Index::At(expression)) => self.arithmetic(expression)?,
            None => 0,
        };
        let count = i64::try_from(values.len()).unwrap_or(i64::MAX);
        let at = if at < 0 { at + count } else { at };
        let found = usize::try_from(at)
            .ok()
            .and_then(|at| values.get(at).cloned());
        Ok(found.map_or(Held::Nothing, Held::One))
    }

    /// What stands for a parameter that is unset.
    fn unset(&self, name: &str) -> Result<String, Stop> {
        if self.options.nounset {
            return Err(self.fail(&format!("{name}: parameter not set")));
        }
        Ok(String::new())
    }

    fn sliced(&mut self, held: Held, offset: &Word, length: Option<&Word>) -> Result<Held, Stop> {
        let offset = self.arithmetic(offset)?;
        let length = length.map(|length| self.arithmetic(length)).transpose()?;
        let range = |count: usize| {
            let count = i64::try_from(count).unwrap_or(i64::MAX);
            let start = if offset < 0 {
                (count + offset).max(0)
            } else {
                offset.min(count)
            };
            let end = match length {
                None => count,
                Some(length) if length < 0 => (count + length).max(start),
                Some(length) => start.saturating_add(length).min(count),
            };
            usize::try_from(start).unwrap_or(0)..usize::try_from(end).unwrap_or(0)
        };
        Ok(match held {
            Held::Nothing => Held::Nothing,
            Held::One(text) => {
                let characters: Vec<char> = text.chars().collect();
                Held::One(characters[range(characters.len())].iter().collect())
            }
            Held::Many { values, joined } => {
                let values = values[range(values.len())].to_vec();
                Held::Many { values, joined }
            }
        })
    }

    /// What an operation makes of one value.
    fn changed(&mut self, value: String, operation: &Operation) -> Result<String, Stop> {
        Ok(match operation {
            Operation::Trim {
                suffix,
                longest,
                pattern,
            } => {
                let pattern = Pattern::new(&self.pattern(pattern)?);
                if *suffix {
                    let start = pattern.suffix(&value, *longest);
                    value[..start.unwrap_or(value.len())].to_owned()
                } else {
                    value[pattern.prefix(&value, *longest).unwrap_or(0)..].to_owned()
                }
            }
            Operation::Replace {
                which,
                pattern,
                with,
            } => {
                let pattern = Pattern::new(&self.pattern(pattern)?);
                let with = self.text(with)?;
                replaced(&value, &pattern, &with, *which)
            }
            Operation::Case { upper, all } => {
                let end = if *all { None } else { value.chars().next() };
                let end = end.map_or(value.len(), char::len_utf8).min(value.len());
                let (change, keep) = value.split_at(end);
                let change = if *upper {
                    change.to_uppercase()
                } else {
                    change.to_lowercase()
                };
                format!("{change}{keep}")
            }
            _ => value,
        })
    }

    fn flags(&self) -> String {
        let options = self.options;
        [
            ('e', options.errexit),
            ('f', options.noglob),
            ('u', options.nounset),
            ('x', options.xtrace),
        ]
        .into_iter()
        .filter_map(|(flag, set)| set.then_some(flag))
        .collect()
    }
}

fn replaced(value: &str, pattern: &Pattern, with: &str, which: Which) -> String {
    match which {
        Which::Prefix => match pattern.prefix(value, true) {
            Some(end) => format!("{with}{}", &value[end..]),
            None => value.to_owned(),
        },
        Which::Suffix => match pattern.suffix(value, true) {
            Some(start) => format!("{}{with}", &value[..start]),
            None => value.to_owned(),
        },
        Which::First | Which::All => {
            let mut out = String::new();
            let mut rest = value;
            while let Some(first) = rest.chars().next() {
                match pattern.prefix(rest, true).filter(|end| *end > 0) {
                    Some(end) => {
                        out.push_str(with);
                        rest = &rest[end..];
                        if which == Which::First {
                            break;
                        }
                    }
                    None => {
                        out.push(first);
                        rest = &rest[first.len_utf8()..];
                    }
                }
            }
            out + rest
        }
    }
}
