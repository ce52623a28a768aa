//! Arithmetic: evaluated while it is read, with the operators of C and their precedence.

use crate::state::{Shell, Stop, Value};
use crate::syntax::ast::Word;

/// How deep an expression may be nested, brackets and variables that hold expressions together.
const MAX_DEPTH: usize = 50;

/// The operators with two operands, those that bind least first.
const LEVELS: [&[&str]; 10] = [
    &["||"],
    &["&&"],
    &["|"],
    &["^"],
    &["&"],
    &["==", "!="],
    &["<=", ">=", "<", ">"],
    &["<<", ">>"],
    &["+", "-"],
    &["*", "/", "%"],
];

const ASSIGNMENTS: [&str; 11] = [
    "<<=", ">>=", "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "=",
];

impl Shell {
    /// The value of an expression.
    pub(crate) fn arithmetic(&mut self, expression: &Word) -> Result<i64, Stop> {
        let text = self.text(expression)?;
        self.evaluate(&text)
    }

    /// The value of an expression whose variables are named, not expanded.
    pub(crate) fn evaluate(&mut self, text: &str) -> Result<i64, Stop> {
        evaluate(self, text, 0).map_err(|message| self.fail(&format!("{text}: {message}")))
    }
}

type Evaluated = Result<i64, &'static str>;

fn evaluate(shell: &mut Shell, text: &str, depth: usize) -> Evaluated {
    let mut expression = Expression {
        shell,
        text,
        at: 0,
        depth,
        skipping: 0,
    };
    expression.blanks();
    if expression.rest().is_empty() {
        return Ok(0);
    }
    let value = expression.comma()?;
    if expression.rest().is_empty() {
        Ok(value)
    } else {
        Err("arithmetic syntax error")
    }
}

struct Expression<'a> {
    shell: &'a mut Shell,
    text: &'a str,
    at: usize,
    depth: usize,
    /// How many operators around this have decided that it does not count.
    skipping: usize,
}

impl<'a> Expression<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn blanks(&mut self) {
        self.at = self.text.len() - self.rest().trim_start().len();
    }

    fn take(&mut self, operator: &str) -> bool {
        let found = self.rest().starts_with(operator);
        if found {
            self.at += operator.len();
            self.blanks();
        }
        found
    }

    fn comma(&mut self) -> Evaluated {
        let mut value = self.assignment()?;
        while self.take(",") {
            value = self.assignment()?;
        }
        Ok(value)
    }

    fn assignment(&mut self) -> Evaluated {
        let start = self.at;
        if let Some(target) = self.target()? {
            for operator in ASSIGNMENTS {
                let is_comparison = operator == "=" && self.rest().starts_with("==");
                if !is_comparison && self.take(operator) {
                    let mut value = self.assignment()?;
                    if let Some(operator) = operator.strip_suffix('=').filter(|o| !o.is_empty()) {
                        let old = self.value(&target)?;
                        value = self.apply(operator, old, value)?;
                    }
                    self.assign(&target, value);
                    return Ok(value);
                }
            }
        }
        self.at = start;
        self.choice()
    }

    fn choice(&mut self) -> Evaluated {
        let condition = self.binary(0)?;
        if !self.take("?") {
            return Ok(condition);
        }
        let yes = self.unless(condition == 0, Self::assignment)?;
        if !self.take(":") {
            return Err("`:` is missing");
        }
        let no = self.unless(condition != 0, Self::assignment)?;
        Ok(if condition != 0 { yes } else { no })
    }

    /// Reads something, without effect if it does not count.
    fn unless(&mut self, skip: bool, read: impl FnOnce(&mut Self) -> Evaluated) -> Evaluated {
        self.skipping += usize::from(skip);
        let value = read(self);
        self.skipping -= usize::from(skip);
        value
    }

    fn binary(&mut self, level: usize) -> Evaluated {
        let Some(operators) = LEVELS.get(level) else {
            return self.power();
        };
        let mut left = self.binary(level + 1)?;
        'next: loop {
            for operator in *operators {
                if !self.rest().starts_with(operator) || self.is_longer(operator) {
                    continue;
                }
                self.take(operator);
                let skip = (*operator == "&&" && left == 0) || (*operator == "||" && left != 0);
                let right = self.unless(skip, |inner| inner.binary(level + 1))?;
                left = self.apply(operator, left, right)?;
                continue 'next;
            }
            return Ok(left);
        }
    }

    /// Whether what looks like this operator is the start of a longer one.
    fn is_longer(&self, operator: &str) -> bool {
        let next = self.rest()[operator.len()..].chars().next();
        match operator {
            "==" | "!=" | "<=" | ">=" | "&&" | "||" => false,
            "<" | ">" | "&" | "|" | "*" => next == Some('=') || operator.chars().next() == next,
            _ => next == Some('='),
        }
    }

    fn power(&mut self) -> Evaluated {
        let base = self.unary()?;
        if !self.take("**") {
            return Ok(base);
        }
        let exponent = u32::try_from(self.power()?).map_err(|_| "exponent out of range")?;
        Ok(base.wrapping_pow(exponent))
    }

    fn unary(&mut self) -> Evaluated {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err("nested too deeply");
        }
        let value = self.unary_inside();
        self.depth -= 1;
        value
    }

    fn unary_inside(&mut self) -> Evaluated {
        for (operator, step) in [("++", 1), ("--", -1)] {
            if self.take(operator) {
                let target = self.target()?.ok_or("a variable is missing")?;
                let value = self.value(&target)?.wrapping_add(step);
                self.assign(&target, value);
                return Ok(value);
            }
        }
        if self.take("-") {
            return Ok(self.unary()?.wrapping_neg());
        }
        if self.take("+") {
            return self.unary();
        }
        if self.take("!") {
            return Ok(i64::from(self.unary()? == 0));
        }
        if self.take("~") {
            return Ok(!self.unary()?);
        }
        if self.take("(") {
            let value = self.comma()?;
            return if self.take(")") {
                Ok(value)
            } else {
                Err("`)` is missing")
            };
        }
        if let Some(target) = self.target()? {
            let value = self.value(&target)?;
            for (operator, step) in [("++", 1), ("--", -1)] {
                if self.take(operator) {
                    self.assign(&target, value.wrapping_add(step));
                    return Ok(value);
                }
            }
            return Ok(value);
        }
        self.number()
    }

    fn number(&mut self) -> Evaluated {
        let rest = self.rest();
        let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '#'));
        let text = &rest[..end.unwrap_or(rest.len())];
        if text.is_empty() {
            return Err("an operand is missing");
        }
        self.at += text.len();
        self.blanks();
        let parsed = if let Some(digits) = text.strip_prefix("0x").or(text.strip_prefix("0X")) {
            i64::from_str_radix(digits, 16)
        } else if let Some((radix, digits)) = text.split_once('#') {
            let radix = radix.parse().ok().filter(|radix| (2..=36).contains(radix));
            i64::from_str_radix(digits, radix.ok_or("invalid base")?)
        } else if text.len() > 1 && text.starts_with('0') {
            i64::from_str_radix(text, 8)
        } else {
            text.parse()
        };
        parsed.map_err(|_| "invalid number")
    }

    /// Reads a variable's name and, for an element of an array, its index.
    fn target(&mut self) -> Result<Option<(String, Option<usize>)>, &'static str> {
        let rest = self.rest();
        if !rest.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
            return Ok(None);
        }
        let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
        let name = rest[..end.unwrap_or(rest.len())].to_owned();
        self.at += name.len();
        let index = if self.rest().starts_with('[') {
            self.take("[");
            let index = usize::try_from(self.comma()?).map_err(|_| "bad array subscript")?;
            if !self.take("]") {
                return Err("`]` is missing");
            }
            Some(index)
        } else {
            None
        };
        self.blanks();
        Ok(Some((name, index)))
    }

    /// A variable's value, which may be an expression itself.
    fn value(&mut self, (name, index): &(String, Option<usize>)) -> Evaluated {
        let text = match self
            .shell
            .variables
            .get(name)
            .map(|variable| &variable.value)
        {
            None => return Ok(0),
            Some(Value::Text(text)) if index.is_none_or(|index| index == 0) => text.clone(),
            Some(Value::Text(_)) => return Ok(0),
            Some(Value::List(list)) => list.get(index.unwrap_or(0)).cloned().unwrap_or_default(),
        };
        if let Ok(number) = text.parse() {
            return Ok(number);
        }
        if self.depth >= MAX_DEPTH {
            return Err("nested too deeply");
        }
        evaluate(self.shell, &text, self.depth + 1)
    }

    fn assign(&mut self, (name, index): &(String, Option<usize>), value: i64) {
        if self.skipping > 0 {
            return;
        }
        let text = value.to_string();
        match index {
            None => self.shell.set(name, Value::Text(text)),
            Some(index) => self.shell.set_element(name, *index, text),
        }
    }

    fn apply(&self, operator: &str, left: i64, right: i64) -> Evaluated {
        let shift = || u32::try_from(right & 63).unwrap_or(0);
        Ok(match operator {
            "||" => i64::from(left != 0 || right != 0),
            "&&" => i64::from(left != 0 && right != 0),
            "|" => left | right,
            "^" => left ^ right,
            "&" => left & right,
            "==" => i64::from(left == right),
            "!=" => i64::from(left != right),
            "<=" => i64::from(left <= right),
            ">=" => i64::from(left >= right),
            "<" => i64::from(left < right),
            ">" => i64::from(left > right),
            "<<" => left.wrapping_shl(shift()),
            ">>" => left.wrapping_shr(shift()),
            "+" => left.wrapping_add(right),
            "-" => left.wrapping_sub(right),
            "*" => left.wrapping_mul(right),
            _ if right == 0 && self.skipping > 0 => 0,
            _ if right == 0 => return Err("division by 0"),
            "/" => left.wrapping_div(right),
            _ => left.wrapping_rem(right),
        })
    }
}
