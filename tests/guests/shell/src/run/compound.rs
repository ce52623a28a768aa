//! Conditions, loops and choices.

use std::rc::Rc;

use super::Ran;
use crate::expand::pattern::Pattern;
use crate::state::{Shell, Stop, Value};
use crate::syntax::ast::{Arm, Command, Kind, List, Word};

impl Shell {
    /// Runs one command with its redirections.
    pub(super) fn command(&mut self, command: &Command) -> Ran {
        if let Kind::Simple(simple) = &command.kind {
            return self.simple(simple, &command.redirects);
        }
        let before = self.streams.clone();
        let ran = match self.redirected(&command.redirects) {
            Ok(true) => self.compound(&command.kind),
            Ok(false) => Ok(1),
            Err(stop) => Err(stop),
        };
        self.streams = before;
        ran
    }

    fn compound(&mut self, kind: &Kind) -> Ran {
        match kind {
            Kind::Simple(simple) => self.simple(simple, &[]),
            Kind::Group(list) => self.list(list),
            Kind::Subshell(list) => Ok(self.subshell()?.ended(|shell| shell.list(list))),
            Kind::If(branches, otherwise) => {
                for (condition, body) in branches {
                    if self.condition(condition)? == 0 {
                        return self.list(body);
                    }
                }
                self.list(otherwise)
            }
            Kind::Loop {
                until,
                condition,
                body,
            } => self.repeat(
                |shell| Ok((shell.condition(condition)? == 0) != *until),
                body,
            ),
            Kind::For(name, words, body) => self.for_each(name, words.as_deref(), body),
            Kind::Count([first, condition, last], body) => {
                self.arithmetic(first)?;
                let mut is_first = true;
                self.repeat(
                    |shell| {
                        if !std::mem::take(&mut is_first) {
                            shell.arithmetic(last)?;
                        }
                        Ok(condition.is_empty() || shell.arithmetic(condition)? != 0)
                    },
                    body,
                )
            }
            Kind::Case(word, arms) => self.choose(word, arms),
            Kind::Function(name, body) => {
                self.functions.insert(name.clone(), Rc::clone(body));
                Ok(0)
            }
            Kind::Arithmetic(expression) => Ok(u8::from(self.arithmetic(expression)? == 0)),
            Kind::Test(test) => self.test(test),
        }
    }

    /// Runs a list whose failure is an answer.
    fn condition(&mut self, list: &List) -> Ran {
        self.forgiving += 1;
        let ran = self.list(list);
        self.forgiving -= 1;
        ran
    }

    fn repeat(
        &mut self,
        mut goes_on: impl FnMut(&mut Self) -> Result<bool, Stop>,
        body: &List,
    ) -> Ran {
        let mut status = 0;
        loop {
            let round = match goes_on(self) {
                Ok(true) => self.list(body),
                Ok(false) => return Ok(status),
                Err(stop) => Err(stop),
            };
            match round {
                Ok(ended) => status = ended,
                Err(Stop::Break(1)) => return Ok(0),
                Err(Stop::Break(loops)) => return Err(Stop::Break(loops - 1)),
                Err(Stop::Continue(1)) => status = 0,
                Err(Stop::Continue(loops)) => return Err(Stop::Continue(loops - 1)),
                Err(stop) => return Err(stop),
            }
        }
    }

    fn for_each(&mut self, name: &str, words: Option<&[Word]>, body: &List) -> Ran {
        let values = match words {
            Some(words) => self.fields(words)?,
            None => self.args.clone(),
        };
        let mut values = values.into_iter();
        self.repeat(
            |shell| {
                let next = values.next();
                let is_there = next.is_some();
                if let Some(value) = next {
                    shell.assign(name, Value::Text(value))?;
                }
                Ok(is_there)
            },
            body,
        )
    }

    fn choose(&mut self, word: &Word, arms: &[Arm]) -> Ran {
        let text = self.text(word)?;
        for arm in arms {
            for pattern in &arm.patterns {
                if Pattern::new(&self.pattern(pattern)?).matches(&text) {
                    return self.list(&arm.body);
                }
            }
        }
        Ok(0)
    }
}
