//! What an unquoted word of YAML means, as Kubernetes reads it (YAML 1.1, by way of JSON).
//!
//! Kubernetes turns YAML into JSON before it looks at types, so `1.10` is the number `1.1` and `yes` is `true`. A param
//! that is given so has the JSON text as its value; a string field refuses it, as a cluster would.

/// What kind of word it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ScalarKind {
    /// `~`, `null`, nothing.
    Null,
    /// `true`, `no`, `on`.
    Bool,
    /// A number of either sort.
    Number,
    /// Everything else, and everything quoted.
    Text,
}

/// Decides what an unquoted word is, and gives its JSON text; for [`ScalarKind::Text`] the word itself.
pub(crate) fn read_plain(word: &str) -> (ScalarKind, String) {
    match word {
        "" | "~" | "null" | "Null" | "NULL" => return (ScalarKind::Null, "null".to_owned()),
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            return (ScalarKind::Bool, "true".to_owned());
        }
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            return (ScalarKind::Bool, "false".to_owned());
        }
        _ => {}
    }
    match integer(word).or_else(|| float(word)) {
        Some(json) => (ScalarKind::Number, json),
        None => (ScalarKind::Text, word.to_owned()),
    }
}

fn integer(word: &str) -> Option<String> {
    let plain = word.replace('_', "");
    let (sign, digits) = match plain.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", plain.strip_prefix('+').unwrap_or(&plain)),
    };
    if !word.starts_with(|c: char| c.is_ascii_digit() || c == '-' || c == '+') {
        return None;
    }
    let (radix, digits) = match digits.get(..2) {
        Some("0x" | "0X") => (16, &digits[2..]),
        Some("0b" | "0B") => (2, &digits[2..]),
        Some("0o" | "0O") => (8, &digits[2..]),
        Some(two) if two.starts_with('0') => (8, &digits[1..]),
        _ => (10, digits),
    };
    // A second sign is not a digit, though `from_str_radix` would take it.
    if !digits.chars().all(|c| c.is_digit(radix)) {
        return None;
    }
    let number = u64::from_str_radix(digits, radix).ok()?;
    let sign = if number == 0 { "" } else { sign };
    Some(format!("{sign}{number}"))
}

/// A decimal number with a point or an exponent: `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`.
fn float(word: &str) -> Option<String> {
    let unsigned = word.strip_prefix(['-', '+']).unwrap_or(word);
    let (mantissa, exponent) = match unsigned.find(['e', 'E']) {
        Some(at) => (&unsigned[..at], Some(&unsigned[at + 1..])),
        None => (unsigned, None),
    };
    let all_digits = |text: &str| text.chars().all(|c| c.is_ascii_digit());
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let exponent_ok = exponent.is_none_or(|exponent| {
        let digits = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
        !digits.is_empty() && all_digits(digits)
    });
    let usable = !(whole.is_empty() && fraction.is_empty())
        && all_digits(whole)
        && all_digits(fraction)
        && exponent_ok;
    let number: f64 = word.parse().ok().filter(|_| usable)?;
    number.is_finite().then(|| json_number(number))
}

/// Writes a number as Go's `encoding/json` does.
fn json_number(number: f64) -> String {
    let size = number.abs();
    if size != 0.0 && !(1e-6..1e21).contains(&size) {
        let text = format!("{number:e}");
        return if text.contains("e-") {
            text
        } else {
            text.replacen('e', "e+", 1)
        };
    }
    number.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_mean_what_kubernetes_takes_them_for() {
        use ScalarKind::{Bool, Null, Number, Text};
        for (word, kind, json) in [
            ("", Null, "null"),
            ("~", Null, "null"),
            ("yes", Bool, "true"),
            ("off", Bool, "false"),
            ("8080", Number, "8080"),
            ("-3", Number, "-3"),
            ("1.10", Number, "1.1"),
            ("1.0", Number, "1"),
            ("1e3", Number, "1000"),
            ("1e30", Number, "1e+30"),
            ("1e-7", Number, "1e-7"),
            ("0x1F", Number, "31"),
            ("010", Number, "8"),
            ("1_000", Number, "1000"),
            ("99999999999999999999", Number, "100000000000000000000"),
            ("0", Number, "0"),
            ("1.2.3", Text, "1.2.3"),
            ("--1", Text, "--1"),
            ("-+1", Text, "-+1"),
            ("1h", Text, "1h"),
            ("2020-01-01", Text, "2020-01-01"),
            (".", Text, "."),
            ("e5", Text, "e5"),
            ("_1", Text, "_1"),
            ("inf", Text, "inf"),
            ("0é", Text, "0é"),
        ] {
            assert_eq!(read_plain(word), (kind, json.to_owned()), "{word}");
        }
    }
}
