//! Replaces what differs between two runs: times, digests, names, the temporary folder.

use std::path::Path;

use regex_lite::Regex;

/// The text with nothing left in it that changes from run to run.
pub(crate) fn redact(text: &str, temp: &Path) -> String {
    let rules = [
        (r"blake3:[0-9a-f]{64}", "blake3:[DIGEST]"),
        (
            r"\b[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\b",
            "[UUID]",
        ),
        (r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "[TIME]"),
        (r#""(durationMs)":\d+"#, r#""$1":[MS]"#),
        // In a table of times, then elsewhere.
        (r" +\d+(\.\d)? (ms|s)  +\d+ %", " [TIME] [SHARE]"),
        (r"\b\d+(\.\d)? (ms|s)\b", "[TIME]"),
        // Kubernetes' alphabet for generated names.
        (r"-[bcdfghjklmnpqrstvwxz2456789]{5}\b", "-[ID]"),
    ];
    let mut text = text.replace(&temp.display().to_string(), "[TEMP]");
    for (pattern, name) in rules {
        text = Regex::new(pattern)
            .unwrap()
            .replace_all(&text, name)
            .into_owned();
    }
    text
}

#[test]
fn what_changes_is_replaced() {
    let digest = "a1".repeat(32);
    let uuid = "9f8b2c1d-0a1b-4c2d-8e3f-0123456789ab";
    for (text, redacted) in [
        (format!("x@blake3:{digest} y"), "x@blake3:[DIGEST] y"),
        (format!("uid: {uuid}"), "uid: [UUID]"),
        ("at 2026-11-22T09:30:00.125Z".to_owned(), "at [TIME]"),
        (
            r#"{"durationMs":12,"code":12}"#.to_owned(),
            r#"{"durationMs":[MS],"code":12}"#,
        ),
        (
            "  links             120 ms   11 %".to_owned(),
            "  links [TIME] [SHARE]",
        ),
        ("✓ links 1.2 s".to_owned(), "✓ links [TIME]"),
        ("task-run-x5zqk failed".to_owned(), "task-run-[ID] failed"),
        ("/tmp/.x/cache".to_owned(), "[TEMP]/cache"),
    ] {
        assert_eq!(redact(&text, Path::new("/tmp/.x")), redacted);
    }
}

#[test]
fn what_stays_the_same_is_kept() {
    for text in [
        "step-links exited with code 3",
        "64Mi",
        "blake3:short",
        "2026-11-22",
        "12 steps",
    ] {
        assert_eq!(redact(text, Path::new("/tmp/.x")), text);
    }
}
