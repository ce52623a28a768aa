//! Options and operands, told apart as `getopt` does.

use super::{Call, Trouble};

/// The arguments of a call.
pub(super) struct Arguments {
    flags: String,
    values: Vec<(char, String)>,
    /// What is no option.
    pub(super) operands: Vec<String>,
}

impl Arguments {
    /// Whether a flag was given.
    pub(super) fn has(&self, flag: char) -> bool {
        self.flags.contains(flag)
    }

    /// The last value that an option was given.
    pub(super) fn value(&self, option: char) -> Option<&str> {
        let found = self.values.iter().rev().find(|(name, _)| *name == option);
        found.map(|(_, value)| value.as_str())
    }

    /// All values that an option was given.
    pub(super) fn values(&self, option: char) -> impl Iterator<Item = &str> {
        let given = self.values.iter().filter(move |(name, _)| *name == option);
        given.map(|(_, value)| value.as_str())
    }

    /// The value of an option that is a number.
    pub(super) fn number(&self, option: char) -> Result<Option<i64>, Trouble> {
        let parse = |text: &str| {
            let parsed = text.parse::<i64>();
            parsed.map_err(|_| Trouble::from(format!("invalid number `{text}`")))
        };
        self.value(option).map(parse).transpose()
    }
}

impl Call<'_> {
    /// Reads the arguments: letters of `flags` stand alone, letters of `valued` have a value, and `long` says which letter
    /// a long option is.
    pub(super) fn arguments(
        &self,
        flags: &str,
        valued: &str,
        long: &[(&str, char)],
    ) -> Result<Arguments, Trouble> {
        let mut arguments = Arguments {
            flags: String::new(),
            values: Vec::new(),
            operands: Vec::new(),
        };
        let mut args = self.args.iter();
        while let Some(arg) = args.next() {
            if arg == "--" {
                arguments.operands.extend(args.cloned());
                break;
            }
            if let Some(name) = arg.strip_prefix("--") {
                let (name, value) = match name.split_once('=') {
                    Some((name, value)) => (name, Some(value.to_owned())),
                    None => (name, None),
                };
                let found = long.iter().find(|(known, _)| *known == name);
                let Some((_, letter)) = found else {
                    return Err(format!("unrecognized option `{arg}`").into());
                };
                if !valued.contains(*letter) {
                    arguments.flags.push(*letter);
                    continue;
                }
                let value = value.or_else(|| args.next().cloned());
                let value = value.ok_or_else(|| format!("option `{arg}` needs a value"))?;
                arguments.values.push((*letter, value));
                continue;
            }
            if arg.len() < 2 || !arg.starts_with('-') {
                arguments.operands.push(arg.clone());
                continue;
            }
            let mut letters = arg[1..].chars();
            while let Some(letter) = letters.next() {
                if valued.contains(letter) {
                    let attached = letters.as_str();
                    let value = if attached.is_empty() {
                        args.next().cloned()
                    } else {
                        Some(attached.to_owned())
                    };
                    let value = value.ok_or_else(|| format!("option `-{letter}` needs a value"))?;
                    arguments.values.push((letter, value));
                    break;
                }
                if !flags.contains(letter) {
                    return Err(format!("invalid option `-{letter}`").into());
                }
                arguments.flags.push(letter);
            }
        }
        Ok(arguments)
    }
}
