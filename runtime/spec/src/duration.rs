//! Go's durations, as Kubernetes writes them: `1h30m5s`, `250ms`, `0`.

use std::time::Duration;

const UNITS: [(&str, u128); 8] = [
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("μs", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

/// Go keeps a duration in 63 bits of nanoseconds, about 292 years.
const MOST: u128 = i64::MAX as u128;

/// Reads a duration that is not negative. `None` where the text is not one.
pub fn parse(text: &str) -> Option<Duration> {
    let mut rest = text.strip_prefix('+').unwrap_or(text);
    if rest == "0" {
        return Some(Duration::ZERO);
    }
    if rest.is_empty() {
        return None;
    }
    let mut total: u128 = 0;
    while !rest.is_empty() {
        let (whole, after) = digits(rest);
        let (fraction, after) = match after.strip_prefix('.') {
            Some(after) => digits(after),
            None => ("", after),
        };
        if whole.is_empty() && fraction.is_empty() {
            return None;
        }
        let unit_end = after
            .find(|c: char| c == '.' || c.is_ascii_digit())
            .unwrap_or(after.len());
        let (unit, after) = after.split_at(unit_end);
        let (_, nanos) = UNITS.iter().find(|(name, _)| *name == unit)?;
        total = total.checked_add(scaled(whole, fraction, *nanos)?)?;
        if total > MOST {
            return None;
        }
        rest = after;
    }
    u64::try_from(total).ok().map(Duration::from_nanos)
}

fn digits(text: &str) -> (&str, &str) {
    text.split_at(
        text.find(|c: char| !c.is_ascii_digit())
            .unwrap_or(text.len()),
    )
}

/// `whole.fraction` times `nanos`; digits below a nanosecond are cut off, as Go does.
fn scaled(whole: &str, fraction: &str, nanos: u128) -> Option<u128> {
    let whole = match whole {
        "" => 0,
        digits => digits.parse::<u64>().ok()?,
    };
    let mut part: u128 = 0;
    let mut scale: u128 = 1;
    for digit in fraction.chars().take(18) {
        part = part * 10 + u128::from(digit.to_digit(10)?);
        scale *= 10;
    }
    u128::from(whole)
        .checked_mul(nanos)?
        .checked_add(nanos * part / scale)
}

/// Writes a duration as Go's `Duration.String` does: `1h0m0s`, `1m30s`, `250ms`, `0s`.
pub(crate) fn show(duration: Duration) -> String {
    let nanos = duration.as_nanos();
    if nanos == 0 {
        return "0s".to_owned();
    }
    if nanos < 1_000_000_000 {
        let (unit, size) = match nanos {
            0..1_000 => ("ns", 1),
            1_000..1_000_000 => ("µs", 1_000),
            _ => ("ms", 1_000_000),
        };
        return format!("{}{unit}", decimal(nanos, size));
    }
    let minutes = nanos / 60_000_000_000;
    let seconds = decimal(nanos % 60_000_000_000, 1_000_000_000);
    match (minutes / 60, minutes % 60) {
        (0, 0) => format!("{seconds}s"),
        (0, minutes) => format!("{minutes}m{seconds}s"),
        (hours, minutes) => format!("{hours}h{minutes}m{seconds}s"),
    }
}

/// `nanos / size` with as many decimals as it needs.
fn decimal(nanos: u128, size: u128) -> String {
    let width = size.to_string().len() - 1;
    let fraction = format!("{:0width$}", nanos % size);
    let fraction = fraction.trim_end_matches('0');
    if width == 0 || fraction.is_empty() {
        return (nanos / size).to_string();
    }
    format!("{}.{fraction}", nanos / size)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn go_durations_are_read_and_written() {
        for (text, millis, shown) in [
            ("1h30m5s", 5_405_000, "1h30m5s"),
            ("0", 0, "0s"),
            ("0s", 0, "0s"),
            ("90s", 90_000, "1m30s"),
            ("1h", 3_600_000, "1h0m0s"),
            ("1.5h", 5_400_000, "1h30m0s"),
            (".5s", 500, "500ms"),
            ("250ms", 250, "250ms"),
            ("1.25s", 1_250, "1.25s"),
            ("+2m", 120_000, "2m0s"),
            ("1500us", 1, "1.5ms"),
        ] {
            let duration = parse(text).unwrap();
            assert_eq!(duration.as_millis(), millis, "{text}");
            assert_eq!(show(duration), shown, "{text}");
        }
        assert_eq!(show(Duration::from_nanos(1)), "1ns");
    }

    #[test]
    fn what_go_refuses_is_refused() {
        for text in [
            "",
            "5",
            "1 h",
            "-1s",
            "1d",
            "h",
            "1h.",
            "s5",
            ".s",
            "1hh",
            "300000000h",
            "∞",
            "1.h2",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
