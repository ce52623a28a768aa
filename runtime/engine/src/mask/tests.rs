use proptest::prelude::*;

use super::*;

/// What is left of `text`, which comes in pieces that end at `cuts`.
fn masked(secrets: &[&str], text: &str, cuts: &[usize]) -> String {
    let secrets: Vec<Arc<str>> = secrets.iter().map(|secret| (*secret).into()).collect();
    let mask = Mask::new(&secrets).unwrap();
    let Some(mut stream) = mask.stream() else {
        return text.to_owned();
    };
    let mut ends: Vec<_> = cuts.iter().map(|cut| cut % (text.len() + 1)).collect();
    ends.extend([0, text.len()]);
    ends.sort_unstable();
    let mut out = Vec::new();
    for pair in ends.windows(2) {
        let piece = &text.as_bytes()[pair[0]..pair[1]];
        stream.push(piece, &mut |bytes| out.extend_from_slice(bytes));
    }
    stream.finish(false, &mut |bytes| out.extend_from_slice(bytes));
    String::from_utf8(out).unwrap()
}

fn whole(secrets: &[&str], text: &str) -> String {
    masked(secrets, text, &[])
}

/// The same, as simply as it can be said: every byte of every occurrence is hidden, and what touches is one.
fn model(secrets: &[&str], text: &str) -> String {
    let patterns = secret::spellings(secrets);
    let bytes = text.as_bytes();
    let mut hidden = vec![false; bytes.len()];
    for pattern in patterns.iter().map(String::as_bytes) {
        for start in 0..bytes.len() {
            if bytes[start..].starts_with(pattern) {
                hidden[start..start + pattern.len()].fill(true);
            }
        }
    }
    let mut out = Vec::new();
    for (index, byte) in bytes.iter().enumerate() {
        match hidden[index] {
            false => out.push(*byte),
            true if index == 0 || !hidden[index - 1] => out.extend_from_slice(MASK.as_bytes()),
            true => {}
        }
    }
    String::from_utf8(out).unwrap()
}

#[test]
fn a_value_its_lines_and_its_base64_are_hidden() {
    let key = "-----BEGIN-----\nabc\nMIIEpAIB\r\n-----END-----\n";
    assert_eq!(whole(&["hunter2"], "pw=hunter2!"), "pw=***!");
    assert_eq!(whole(&[key], "x MIIEpAIB y abc"), "x *** y abc");
    assert_eq!(whole(&["hunter2\n"], "hunter2"), "***");
    // `echo -n hunter2 | base64`, and with the line end.
    assert_eq!(whole(&["hunter2"], "aHVudGVyMg=="), "***==");
    assert_eq!(whole(&["hunter2\n"], "aHVudGVyMgo="), "***=");
    assert_eq!(whole(&["??>>??>>"], "Pz8-Pj8_Pj4 Pz8+Pj8/Pj4="), "*** ***=");
    assert_eq!(whole(&["é€"], "aé€b"), "a***b");
    assert_eq!(whole(&["ab"], "xabx YWI"), "x***x YWI");
}

#[test]
fn without_secrets_nothing_is_done() {
    assert!(Mask::new(&[]).unwrap().is_empty());
    assert!(
        Mask::new(&["".into(), "\n".into()])
            .unwrap()
            .stream()
            .is_none()
    );
    assert!(!Mask::new(&["x".into()]).unwrap().is_empty());
    assert_eq!(Mask::new(&["secret".into()]).unwrap().text("plain"), None);
}

#[test]
fn attack_a_secret_that_is_split_over_writes_is_hidden() {
    let text = "before hunter2 after";
    for first in 0..=text.len() {
        for second in first..=text.len() {
            let left = masked(&["hunter2"], text, &[first, second]);
            assert_eq!(left, "before *** after", "{first} {second}");
        }
    }
    let every: Vec<_> = (0..text.len()).collect();
    assert_eq!(masked(&["hunter2"], text, &every), "before *** after");
    assert_eq!(masked(&["hunter2"], "hunter3", &[3]), "hunter3");
}

#[test]
fn attack_a_secret_in_a_secret_and_secrets_that_overlap_are_hidden_whole() {
    assert_eq!(whole(&["abcdef", "cd"], "xabcdefx cd"), "x***x ***");
    assert_eq!(whole(&["abcd", "cdef"], "xabcdefx"), "x***x");
    assert_eq!(whole(&["aba"], "ababababx"), "***bx");
    assert_eq!(whole(&["abcdefgh", "bcx"], "abcdefg abcx"), "abcdefg a***");
}

#[test]
fn attack_what_may_be_a_secret_and_is_cut_off_is_hidden() {
    let mask = Mask::new(&["hunter2".into()]).unwrap();
    for (cut, left) in [(true, "pw=***"), (false, "pw=hunter")] {
        let mut stream = mask.stream().unwrap();
        let mut out = Vec::new();
        stream.push(b"pw=hunter", &mut |bytes| out.extend_from_slice(bytes));
        assert_eq!(out, b"pw=", "the rest is held back");
        stream.finish(cut, &mut |bytes| out.extend_from_slice(bytes));
        assert_eq!(String::from_utf8(out).unwrap(), left);
    }
}

#[test]
fn attack_a_megabyte_and_ten_thousand_secrets_are_masked() {
    // Not to be compressed into one state: every byte depends on where it is.
    let large: String = (0..1 << 20)
        .map(|index: u32| char::from(b'a' + (index.wrapping_mul(2_654_435_761) >> 27) as u8 % 26))
        .collect();
    let text = format!("a{large}b{}", &large[..1 << 19]);
    let left = whole(&[&large], &text);
    assert_eq!(left.len(), 1 + MASK.len() + 1 + (1 << 19));
    let many: Vec<_> = (0..10_000)
        .map(|number| format!("secret-{number:05}"))
        .collect();
    let many: Vec<_> = many.iter().map(String::as_str).collect();
    let text = many.join(" ");
    assert_eq!(whole(&many, &text), vec![MASK; many.len()].join(" "));
}

#[test]
fn attack_text_that_begins_a_long_secret_again_and_again_is_not_kept() {
    let secret = "ab".repeat(5_000) + "!";
    let mask = Mask::new(&[secret.as_str().into()]).unwrap();
    let mut stream = mask.stream().unwrap();
    let mut gone = 0;
    for _ in 0..1_000 {
        stream.push(&b"ab".repeat(500), &mut |bytes| gone += bytes.len());
        assert!(
            stream.held.len() <= secret.len() * 2,
            "base64 is the longest"
        );
    }
    stream.finish(false, &mut |bytes| gone += bytes.len());
    assert_eq!(gone, 1_000_000);
}

proptest! {
    #[test]
    fn it_is_the_simple_model_however_it_is_cut(
        secrets in proptest::collection::vec("[ab\n]{0,6}|[abc]{4,9}", 0..6),
        text in "[abc\nY=Q]{0,60}",
        cuts in proptest::collection::vec(0..60_usize, 0..8),
    ) {
        let secrets: Vec<_> = secrets.iter().map(String::as_str).collect();
        prop_assert_eq!(masked(&secrets, &text, &cuts), model(&secrets, &text));
    }

    #[test]
    fn a_whole_text_is_masked_as_a_stream_is(
        secrets in proptest::collection::vec("[aé]{1,4}", 1..4),
        text in "[aéb]{0,30}",
    ) {
        let secrets: Vec<_> = secrets.iter().map(String::as_str).collect();
        let shared: Vec<Arc<str>> = secrets.iter().map(|secret| (*secret).into()).collect();
        let left = Mask::new(&shared).unwrap().text(&text);
        prop_assert_eq!(left.unwrap_or_else(|| text.clone()), model(&secrets, &text));
    }
}

#[test]
fn attack_secrets_that_are_too_large_to_hide_are_an_error_and_not_shown() {
    // The value, and what it is in base64.
    let spelled = "secret".len() + "c2VjcmV0".len();
    let secrets = ["secret".into()];
    for limit in [0, "secret".len(), spelled - 1] {
        let refused = Mask::of_at_most(limit, &secrets).unwrap_err();
        assert!(
            matches!(refused, EngineError::TooManySecrets { limit: told, .. } if told == limit),
            "{refused:?}"
        );
    }
    let mask = Mask::of_at_most(spelled, &secrets).unwrap();
    assert_eq!(mask.text("a secret").as_deref(), Some("a ***"));
}
