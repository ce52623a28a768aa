//! `test` and `[`.

use crate::run::{Ran, ordered};
use crate::state::Shell;
use crate::syntax::is_unary;

pub(super) fn bracket(shell: &mut Shell, args: &[String]) -> Ran {
    match args.split_last() {
        Some((last, args)) if last == "]" => test(shell, args),
        _ => {
            shell.complain("[: missing ]");
            Ok(2)
        }
    }
}

pub(super) fn test(shell: &mut Shell, args: &[String]) -> Ran {
    let mut expression = Expression { shell, args };
    let answer = if args.is_empty() {
        Ok(false)
    } else {
        expression.or()
    };
    let rest = expression.args;
    Ok(match answer {
        Ok(answer) if rest.is_empty() => u8::from(!answer),
        Ok(_) => {
            shell.complain(&format!("test: {}: unexpected operator", rest[0]));
            2
        }
        Err(message) => {
            shell.complain(&format!("test: {message}"));
            2
        }
    })
}

type Answer = Result<bool, String>;

struct Expression<'a> {
    shell: &'a Shell,
    args: &'a [String],
}

impl Expression<'_> {
    fn take(&mut self, word: &str) -> bool {
        let found = self.args.first().is_some_and(|arg| arg == word);
        if found {
            self.args = &self.args[1..];
        }
        found
    }

    fn or(&mut self) -> Answer {
        let mut answer = self.and()?;
        while self.take("-o") {
            answer |= self.and()?;
        }
        Ok(answer)
    }

    fn and(&mut self) -> Answer {
        let mut answer = self.not()?;
        while self.take("-a") {
            answer &= self.not()?;
        }
        Ok(answer)
    }

    fn not(&mut self) -> Answer {
        // `! = x` compares, and `!` alone is a text.
        let is_compared = self.args.get(1).is_some_and(|arg| is_binary(arg)) && self.args.len() > 2;
        if self.args.len() > 1 && !is_compared && self.take("!") {
            return Ok(!self.not()?);
        }
        self.primary()
    }

    fn primary(&mut self) -> Answer {
        match self.args {
            [left, operator, right, ..] if is_binary(operator) => {
                self.args = &self.args[3..];
                if let Some(answer) = self.shell.binary_test(left, operator, right) {
                    return Ok(answer);
                }
                let number = |text: &String| {
                    let parsed = text.trim().parse::<i64>();
                    parsed.map_err(|_| format!("{text}: integer expected"))
                };
                Ok(ordered(operator, number(left)?, number(right)?))
            }
            [open, ..] if open == "(" && self.args.len() > 2 => {
                self.args = &self.args[1..];
                let answer = self.or()?;
                if self.take(")") {
                    Ok(answer)
                } else {
                    Err("`)` is missing".to_owned())
                }
            }
            [operator, operand, ..] if is_unary(operator) => {
                self.args = &self.args[2..];
                Ok(self.shell.unary_test(operator, operand))
            }
            [text, ..] => {
                self.args = &self.args[1..];
                Ok(!text.is_empty())
            }
            [] => Err("an argument is missing".to_owned()),
        }
    }
}

fn is_binary(word: &str) -> bool {
    matches!(
        word,
        "=" | "=="
            | "!="
            | "<"
            | ">"
            | "-eq"
            | "-ne"
            | "-lt"
            | "-le"
            | "-gt"
            | "-ge"
            | "-nt"
            | "-ot"
            | "-ef"
    )
}
