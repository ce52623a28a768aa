//! Observations as a tree of folders, each with how many there are of each question below it; or one a line.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use stepwell_contract::{Observation, Question};
use stepwell_report::clean::clean;

/// How many lines a tree has at most: beyond that nobody reads it, and `--all` is there.
const MOST_LINES: usize = 60;

/// How many names of one folder are shown before the rest is only counted.
const MOST_NAMES: usize = 12;

#[derive(Default)]
struct Folder<'a> {
    inside: BTreeMap<&'a str, Folder<'a>>,
    /// Here and below, by question.
    counts: BTreeMap<Question, usize>,
}

/// Adds `observed` to `text`.
pub(super) fn show(text: &mut String, observed: &[Observation], all: bool) {
    let _ = writeln!(text, "  it made {} observations:", observed.len());
    if all {
        for one in observed {
            let (question, spot) = (one.question.as_str(), &one.spot);
            let path = format!("{}/{}", spot.volume.trim_end_matches('/'), spot.path);
            let path = clean(path.trim_end_matches('/')).into_owned();
            let answer = one.answer.to_string();
            let _ = writeln!(text, "    {question:<8}{path}: {}", clean(&answer));
        }
        return;
    }
    let mut roots = BTreeMap::<&str, Folder<'_>>::new();
    for one in observed {
        let mut at = roots.entry(&one.spot.volume).or_default();
        *at.counts.entry(one.question).or_default() += 1;
        for name in one.spot.path.split('/').filter(|name| !name.is_empty()) {
            at = at.inside.entry(name).or_default();
            *at.counts.entry(one.question).or_default() += 1;
        }
    }
    let mut lines = 0;
    for (name, root) in &roots {
        folder(text, name, root, 2, &mut lines);
    }
    if lines >= MOST_LINES {
        text.push_str("    … (all of them with --all)\n");
    }
}

fn folder(text: &mut String, name: &str, of: &Folder<'_>, depth: usize, lines: &mut usize) {
    if *lines >= MOST_LINES {
        return;
    }
    *lines += 1;
    let counts: Vec<_> = of
        .counts
        .iter()
        .map(|(question, count)| match count {
            1 => question.as_str().to_owned(),
            count => format!("{count} {}", question.as_str()),
        })
        .collect();
    let indent = "  ".repeat(depth);
    let slash = if of.inside.is_empty() { "" } else { "/" };
    let name = clean(name.trim_end_matches('/')).into_owned();
    let _ = writeln!(text, "{indent}{name}{slash}  ({})", counts.join(", "));
    for (name, inside) in of.inside.iter().take(MOST_NAMES) {
        folder(text, name, inside, depth + 1, lines);
    }
    let more = of.inside.len().saturating_sub(MOST_NAMES);
    if more > 0 && *lines < MOST_LINES {
        *lines += 1;
        let _ = writeln!(text, "{indent}  … and {more} more");
    }
}

#[cfg(test)]
mod tests {
    use stepwell_contract::{Answer, Digest, Kind, Spot};

    use super::*;

    fn observed() -> Vec<Observation> {
        let one = |path: &str, question, answer| Observation {
            spot: Spot::new("/workspace/src", path),
            question,
            answer,
        };
        vec![
            one("", Question::Listing, Answer::Listing(Digest::of(b"l"))),
            one(
                "a/b.c",
                Question::Content,
                Answer::Content(Digest::of(b"c")),
            ),
            one(
                "a/c.c",
                Question::Content,
                Answer::Content(Digest::of(b"d")),
            ),
            one("x\u{1b}[1m", Question::Kind, Answer::Kind(Kind::Absent)),
        ]
    }

    #[test]
    fn observations_are_counted_by_folder() {
        let mut text = String::new();
        show(&mut text, &observed(), false);
        insta::assert_snapshot!(text, @r"
          it made 4 observations:
            /workspace/src/  (kind, 2 content, listing)
              a/  (2 content)
                b.c  (content)
                c.c  (content)
              x  (kind)
        ");
    }

    #[test]
    fn attack_ten_thousand_names_are_a_page_and_a_terminal_is_not_told_what_to_do() {
        let many = (0..10_000).map(|number| Observation {
            spot: Spot::new("/w", format!("\u{7}{}/{number}", number % 100)),
            question: Question::Kind,
            answer: Answer::Kind(Kind::Absent),
        });
        let many: Vec<_> = many.collect();
        let mut text = String::new();
        show(&mut text, &many, false);
        assert!(text.lines().count() < 70, "{text}");
        assert!(!text.contains('\u{7}'));
        let mut text = String::new();
        show(&mut text, &many, true);
        assert_eq!(text.lines().count(), 10_001);
        assert!(!text.contains('\u{7}'));
    }
}
