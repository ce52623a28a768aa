//! Moments and durations as text.

use jiff::Timestamp as Moment;
use stepwell_contract::Timestamp;

fn moment(at: Timestamp) -> Moment {
    // The last moment that can be written is in the year 9999; a clock beyond it is broken.
    i64::try_from(at.0)
        .ok()
        .and_then(|millis| Moment::from_millisecond(millis).ok())
        .unwrap_or(Moment::MAX)
}

/// RFC 3339 in UTC with milliseconds: `2026-11-22T09:30:00.125Z`.
pub fn with_millis(at: Timestamp) -> String {
    format!("{:.3}", moment(at))
}

/// RFC 3339 in UTC with whole seconds, as Kubernetes writes moments.
pub fn with_seconds(at: Timestamp) -> String {
    format!("{:.0}", moment(at))
}

/// A duration for a person: `12 ms`, `1.2 s`, `3 min 05 s`, `2 h 01 min`.
pub fn for_people(millis: u64) -> String {
    let seconds = millis / 1000;
    match seconds {
        0 => format!("{millis} ms"),
        1..60 => format!("{seconds}.{} s", millis % 1000 / 100),
        60..3600 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        _ => format!("{} h {:02} min", seconds / 3600, seconds % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_rfc_3339_in_utc() {
        let at = Timestamp(1_795_339_800_045);
        assert_eq!(with_millis(at), "2026-11-22T09:30:00.045Z");
        assert_eq!(with_seconds(at), "2026-11-22T09:30:00Z");
        assert_eq!(with_millis(Timestamp(0)), "1970-01-01T00:00:00.000Z");
        assert!(with_millis(Timestamp(u64::MAX)).starts_with("9999-12-3"));
    }

    #[test]
    fn durations_keep_two_units_at_most() {
        for (millis, text) in [
            (0, "0 ms"),
            (999, "999 ms"),
            (1_000, "1.0 s"),
            (59_999, "59.9 s"),
            (185_000, "3 min 05 s"),
            (7_260_000, "2 h 01 min"),
        ] {
            assert_eq!(for_people(millis), text);
        }
    }
}
