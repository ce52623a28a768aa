//! The expressions of `[[ … ]]`.

use super::ast::{Part, Test, Word};
use super::command::plain;
use super::reader::{Read, Reader};

impl Reader<'_> {
    pub(super) fn test(&mut self) -> Read<Test> {
        self.nested(|reader| {
            let mut left = reader.conjunction()?;
            loop {
                reader.lines();
                if !reader.take("||") {
                    return Ok(left);
                }
                left = Test::Or(Box::new(left), Box::new(reader.conjunction()?));
            }
        })
    }

    fn conjunction(&mut self) -> Read<Test> {
        let mut left = self.negation()?;
        loop {
            self.lines();
            if !self.take("&&") {
                return Ok(left);
            }
            left = Test::And(Box::new(left), Box::new(self.negation()?));
        }
    }

    fn negation(&mut self) -> Read<Test> {
        self.lines();
        if self.take_word("!") {
            let inner = self.nested(Self::negation)?;
            return Ok(Test::Not(Box::new(inner)));
        }
        if self.take("(") {
            let inner = self.test()?;
            self.lines();
            self.expect(")")?;
            return Ok(inner);
        }
        self.primary()
    }

    fn primary(&mut self) -> Read<Test> {
        let left = self.word()?;
        self.blanks();
        let is_last = self.looks_at_word("]]")
            || self.looks_at("&&")
            || self.looks_at("||")
            || self.looks_at(")");
        if let Some(operator) = plain(&left).filter(|text| is_unary(text))
            && !is_last
        {
            let operator = operator.to_owned();
            return Ok(Test::Unary(operator, self.word()?));
        }
        if is_last {
            return Ok(Test::Word(left));
        }
        let operator = if self.take("<") {
            "<".to_owned()
        } else if self.take(">") {
            ">".to_owned()
        } else {
            let word = self.word()?;
            plain(&word).ok_or_else(|| self.unexpected())?.to_owned()
        };
        self.blanks();
        let right = if operator == "=~" {
            self.expression()?
        } else {
            self.word()?
        };
        Ok(Test::Binary(left, operator, right))
    }

    /// Reads a regular expression: brackets and bars belong to it.
    fn expression(&mut self) -> Read<Word> {
        let mut word = Word::new();
        let mut open = 0_usize;
        loop {
            word.extend(self.word_until(&|c| c.is_whitespace() || c == '(' || c == ')')?);
            match self.peek() {
                Some('(') => open += 1,
                Some(')') if open > 0 => open -= 1,
                Some(' ') if open > 0 => {}
                _ => return Ok(word),
            }
            if let Some(character) = self.next() {
                word.push(Part::Plain(character.to_string()));
            }
        }
    }
}

/// Whether a word is an operator with one operand.
pub(crate) fn is_unary(word: &str) -> bool {
    let mut characters = word.chars();
    characters.next() == Some('-')
        && characters
            .next()
            .is_some_and(|letter| "abcdefghknoprstuvwxzGLNOS".contains(letter))
        && characters.next().is_none()
}
