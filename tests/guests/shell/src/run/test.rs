//! `[[ … ]]`, and what it shares with `test`.

use std::fs::{self, Metadata};

use super::Ran;
use crate::expand::pattern::Pattern;
use crate::state::{Shell, Stop, Value};
use crate::syntax::ast::{Test, Word};

impl Shell {
    pub(super) fn test(&mut self, test: &Test) -> Ran {
        Ok(u8::from(!self.holds(test)?))
    }

    fn holds(&mut self, test: &Test) -> Result<bool, Stop> {
        Ok(match test {
            Test::Or(left, right) => self.holds(left)? || self.holds(right)?,
            Test::And(left, right) => self.holds(left)? && self.holds(right)?,
            Test::Not(inner) => !self.holds(inner)?,
            Test::Word(word) => !self.text(word)?.is_empty(),
            Test::Unary(operator, word) => {
                let operand = self.text(word)?;
                self.unary_test(operator, &operand)
            }
            Test::Binary(left, operator, right) => {
                let left = self.text(left)?;
                return self.compared(&left, operator, right);
            }
        })
    }

    fn compared(&mut self, left: &str, operator: &str, right: &Word) -> Result<bool, Stop> {
        match operator {
            "==" | "=" | "!=" => {
                let pattern = Pattern::new(&self.pattern(right)?);
                Ok(pattern.matches(left) == (operator != "!="))
            }
            "=~" => {
                let source = self.expression(right)?;
                let expression = regex_lite::Regex::new(&source)
                    .map_err(|_| self.fail(&format!("{source}: invalid regular expression")))?;
                let found = expression.captures(left);
                let groups = found.iter().flat_map(|captures| captures.iter());
                let groups =
                    groups.map(|group| group.map_or("", |group| group.as_str()).to_owned());
                self.set("BASH_REMATCH", Value::List(groups.collect()));
                Ok(found.is_some())
            }
            "-eq" | "-ne" | "-lt" | "-le" | "-gt" | "-ge" => {
                let right = self.text(right)?;
                let (left, right) = (self.evaluate(left)?, self.evaluate(&right)?);
                Ok(ordered(operator, left, right))
            }
            _ => {
                let right = self.text(right)?;
                match self.binary_test(left, operator, &right) {
                    Some(answer) => Ok(answer),
                    None => Err(self.fail(&format!("{operator}: not an operator here"))),
                }
            }
        }
    }

    /// The tests with one operand.
    pub(crate) fn unary_test(&self, operator: &str, operand: &str) -> bool {
        let path = || self.path(operand);
        let is = |what: fn(&Metadata) -> bool| {
            !operand.is_empty() && fs::metadata(path()).is_ok_and(|metadata| what(&metadata))
        };
        match operator {
            "-z" => operand.is_empty(),
            "-n" => !operand.is_empty(),
            "-e" | "-a" | "-r" => is(|_| true),
            "-w" => is(|metadata| !metadata.permissions().readonly()),
            // WASI has no permission to execute; every folder can be entered, and every file be interpreted.
            "-x" => is(|_| true) || crate::tools::find(operand).is_some(),
            "-f" => is(Metadata::is_file),
            "-d" => is(Metadata::is_dir),
            "-s" => is(|metadata| metadata.len() > 0),
            "-h" | "-L" => path().is_symlink(),
            "-v" => self.variables.contains_key(operand),
            // Nothing here is a terminal, a FIFO, a device or a socket.
            _ => false,
        }
    }

    /// The tests with two operands that compare texts or files.
    pub(crate) fn binary_test(&self, left: &str, operator: &str, right: &str) -> Option<bool> {
        let moment = |path: &str| fs::metadata(self.path(path)).and_then(|found| found.modified());
        Some(match operator {
            "=" | "==" => left == right,
            "!=" => left != right,
            "<" => left < right,
            ">" => left > right,
            "-nt" => match (moment(left), moment(right)) {
                (Ok(left), Ok(right)) => left > right,
                (left, right) => left.is_ok() && right.is_err(),
            },
            "-ot" => match (moment(left), moment(right)) {
                (Ok(left), Ok(right)) => left < right,
                (left, right) => left.is_err() && right.is_ok(),
            },
            "-ef" => self.path(left) == self.path(right),
            _ => return None,
        })
    }
}

/// The tests that compare numbers.
pub(crate) fn ordered(operator: &str, left: i64, right: i64) -> bool {
    match operator {
        "-eq" => left == right,
        "-ne" => left != right,
        "-lt" => left < right,
        "-le" => left <= right,
        "-gt" => left > right,
        _ => left >= right,
    }
}
