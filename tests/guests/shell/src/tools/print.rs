//! `echo`, `printf` and `seq`.

use super::{Call, Done, Trouble};
use crate::text::unescape;

pub(super) fn echo(call: &mut Call<'_>) -> Done {
    let (mut newline, mut escapes) = (true, false);
    let mut args = call.args;
    while let Some((first, rest)) = args.split_first() {
        let letters = first
            .strip_prefix('-')
            .filter(|letters| !letters.is_empty());
        let Some(letters) = letters.filter(|letters| letters.chars().all(|c| "neE".contains(c)))
        else {
            break;
        };
        newline &= !letters.contains('n');
        escapes = letters.contains('e');
        args = rest;
    }
    let text = args.join(" ");
    if escapes {
        let (text, is_cut) = unescape(&text);
        call.out.extend_from_slice(text.as_bytes());
        newline &= !is_cut;
    } else {
        call.out.extend_from_slice(text.as_bytes());
    }
    if newline {
        call.out.push(b'\n');
    }
    Ok(0)
}

pub(super) fn printf(call: &mut Call<'_>) -> Done {
    let args = call
        .args
        .strip_prefix(&["--".to_owned()])
        .unwrap_or(call.args);
    if let [option, name, rest @ ..] = args
        && option == "-v"
    {
        let (text, _) = formatted(rest)?;
        call.shell.set(name, crate::state::Value::Text(text));
        return Ok(0);
    }
    let (text, status) = formatted(args)?;
    call.out.extend_from_slice(text.as_bytes());
    Ok(status)
}

/// The format, used again until no argument is left, and 1 if one of them was no number.
fn formatted(args: &[String]) -> Result<(String, u8), Trouble> {
    let (format, mut args) = args.split_first().ok_or("a format is missing")?;
    let mut out = String::new();
    let mut status = 0;
    loop {
        let before = args.len();
        let mut rest = format.as_str();
        while let Some(at) = rest.find('%') {
            let (text, is_cut) = unescape(&rest[..at]);
            out.push_str(&text);
            if is_cut {
                return Ok((out, status));
            }
            rest = &rest[at + 1..];
            if let Some(after) = rest.strip_prefix('%') {
                out.push('%');
                rest = after;
                continue;
            }
            let mut next = || {
                let (first, after) = args.split_first()?;
                args = after;
                Some(first.as_str())
            };
            let (directive, after) = Directive::read(rest, &mut next)?;
            rest = after;
            let value = next().unwrap_or_default();
            status |= directive.write(value, &mut out)?;
        }
        let (text, is_cut) = unescape(rest);
        out.push_str(&text);
        if is_cut || args.is_empty() || args.len() == before {
            return Ok((out, status));
        }
    }
}

/// What stands after a `%`.
struct Directive {
    flags: String,
    width: usize,
    precision: Option<usize>,
    kind: char,
}

/// A script must not fill the memory with one number.
const MAX_WIDTH: usize = 1 << 20;

impl Directive {
    fn read<'a>(
        text: &'a str,
        next: &mut impl FnMut() -> Option<&'a str>,
    ) -> Result<(Self, &'a str), Trouble> {
        let end = text
            .find(|c: char| !"-+ 0#".contains(c))
            .unwrap_or(text.len());
        let mut flags = text[..end].to_owned();
        let mut rest = &text[end..];
        let mut number = |rest: &mut &'a str| -> Option<i64> {
            if let Some(after) = rest.strip_prefix('*') {
                *rest = after;
                return next()?.parse().ok();
            }
            let end = rest
                .find(|c: char| !c.is_ascii_digit())
                .unwrap_or(rest.len());
            let digits = &rest[..end];
            *rest = &rest[end..];
            digits.parse().ok()
        };
        let width = number(&mut rest).unwrap_or(0);
        if width < 0 {
            flags.push('-');
        }
        let precision = match rest.strip_prefix('.') {
            Some(after) => {
                rest = after;
                Some(number(&mut rest).unwrap_or(0).try_into().unwrap_or(0))
            }
            None => None,
        };
        let kind = rest.chars().next().ok_or("the format ends after a `%`")?;
        let width = usize::try_from(width.unsigned_abs())
            .unwrap_or(MAX_WIDTH)
            .min(MAX_WIDTH);
        let directive = Self {
            flags,
            width,
            precision: precision.map(|precision: usize| precision.min(MAX_WIDTH)),
            kind,
        };
        Ok((directive, &rest[kind.len_utf8()..]))
    }

    fn write(&self, value: &str, out: &mut String) -> Done {
        let mut status = 0;
        let text = match self.kind {
            's' => self.cut(value.to_owned()),
            'b' => self.cut(unescape(value).0),
            'c' => value.chars().take(1).collect(),
            'q' => format!("'{}'", value.replace('\'', "'\\''")),
            'd' | 'i' | 'u' | 'x' | 'X' | 'o' => {
                let number = integer(value).unwrap_or_else(|| {
                    status = 1;
                    0
                });
                let digits = match self.kind {
                    'x' => format!("{number:x}"),
                    'X' => format!("{number:X}"),
                    'o' => format!("{number:o}"),
                    _ => number.unsigned_abs().to_string(),
                };
                let is_negative = number < 0 && matches!(self.kind, 'd' | 'i' | 'u');
                let sign = match (
                    is_negative,
                    self.flags.contains('+'),
                    self.flags.contains(' '),
                ) {
                    (true, ..) => "-",
                    (_, true, _) => "+",
                    (.., true) => " ",
                    _ => "",
                };
                let pads = self.flags.contains('0') && !self.flags.contains('-');
                let width = self.precision.unwrap_or(if pads {
                    self.width.saturating_sub(sign.len())
                } else {
                    0
                });
                format!("{sign}{digits:0>width$}")
            }
            'f' | 'e' | 'g' => {
                let number: f64 = value.trim().parse().unwrap_or_else(|_| {
                    status = u8::from(!value.is_empty());
                    0.0
                });
                let pads = self.flags.contains('0') && !self.flags.contains('-');
                let width = if pads { self.width } else { 0 };
                format!("{number:0width$.*}", self.precision.unwrap_or(6))
            }
            other => return Err(format!("%{other}: invalid directive").into()),
        };
        let width = self.width;
        if self.flags.contains('-') {
            out.push_str(&format!("{text:<width$}"));
        } else {
            out.push_str(&format!("{text:>width$}"));
        }
        Ok(status)
    }

    fn cut(&self, text: String) -> String {
        match self.precision {
            Some(most) => text.chars().take(most).collect(),
            None => text,
        }
    }
}

/// A number as C writes it; nothing is 0, and a quote stands before a character.
fn integer(text: &str) -> Option<i64> {
    let text = text.trim();
    if let Some(character) = text.strip_prefix(['\'', '"']) {
        return character
            .chars()
            .next()
            .map(|character| i64::from(u32::from(character)));
    }
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let parsed = if digits.is_empty() && text.is_empty() {
        Ok(0)
    } else if let Some(digits) = digits.strip_prefix("0x") {
        i64::from_str_radix(digits, 16)
    } else if digits.len() > 1 && digits.starts_with('0') {
        i64::from_str_radix(digits, 8)
    } else {
        digits.parse::<i64>()
    };
    parsed.ok().map(|number| sign * number)
}

pub(super) fn seq(call: &mut Call<'_>) -> Done {
    /// A script must not fill the memory with one number.
    const MOST: i64 = 1_000_000;
    let arguments = call.args.iter().position(|arg| arg == "-s");
    let (separator, numbers): (&str, Vec<&String>) = match arguments {
        Some(at) => (
            call.args.get(at + 1).map_or("\n", String::as_str),
            call.args[..at]
                .iter()
                .chain(call.args.iter().skip(at + 2))
                .collect(),
        ),
        None => ("\n", call.args.iter().filter(|arg| *arg != "-w").collect()),
    };
    let number = |text: &&String| {
        let parsed = text.parse::<i64>();
        parsed.map_err(|_| Trouble::from(format!("invalid number `{text}`")))
    };
    let numbers: Vec<i64> = numbers.iter().map(number).collect::<Result<_, _>>()?;
    let (first, step, last) = match numbers.as_slice() {
        [last] => (1, 1, *last),
        [first, last] => (*first, 1, *last),
        [first, step, last] => (*first, *step, *last),
        _ => return Err("one to three numbers are needed".into()),
    };
    if step == 0 {
        return Err("the step must not be 0".into());
    }
    if (last - first) / step > MOST {
        return Err(format!("more than {MOST} numbers").into());
    }
    let mut lines = Vec::new();
    let mut at = first;
    while (step > 0 && at <= last) || (step < 0 && at >= last) {
        lines.push(at.to_string());
        at += step;
    }
    if lines.is_empty() {
        return Ok(0);
    }
    let text = lines.join(separator) + "\n";
    call.print(&text)
}
