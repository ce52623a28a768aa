//! The known name that a mistyped one was most likely meant to be.

use std::borrow::Cow;

/// Stops ten thousand slips from being compared with ten thousand names.
const MOST_COMPARED: usize = 200;
/// A name of more characters is compared with nothing, and not repeated in full: the work grows with the square.
const LONGEST: usize = 128;
/// More names than this help nobody.
const MOST_LISTED: usize = 20;

/// The name in `known` that takes the fewest edits from `name`, where that is few enough to be a slip.
pub(crate) fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let allowed = match name.chars().count() {
        0..=2 => 1,
        3..=5 => 2,
        _ => 3,
    };
    let len = name.chars().count();
    if len > LONGEST {
        return None;
    }
    known
        .into_iter()
        // Names that only a hostile document has cost no more than others.
        .take(MOST_COMPARED)
        .filter(|candidate| candidate.chars().count().abs_diff(len) <= allowed)
        .map(|candidate| {
            (
                edits(&name.to_lowercase(), &candidate.to_lowercase()),
                candidate,
            )
        })
        .filter(|(edits, candidate)| *edits <= allowed && *edits < candidate.chars().count())
        .min_by_key(|(edits, _)| *edits)
        .map(|(_, candidate)| candidate)
}

/// Insertions, deletions and replacements between two words (Levenshtein).
fn edits(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in to.iter().enumerate() {
            let replaced = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row.last().copied().unwrap_or(0)
}

/// `did you mean …?`, or all the known names, or that there are none.
pub(crate) fn suggest(name: &str, known: &[&str], what: &str) -> String {
    match nearest(name, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None if known.is_empty() => format!("there are no {what}"),
        None => {
            let listed = known.iter().take(MOST_LISTED).map(|name| cut(name));
            let listed = listed.collect::<Vec<_>>().join(", ");
            match known.len().checked_sub(MOST_LISTED) {
                None | Some(0) => format!("{what}: {listed}"),
                Some(more) => format!("{what}: {listed} and {more} more"),
            }
        }
    }
}

/// The beginning of a name that is too long to be one.
fn cut(name: &str) -> Cow<'_, str> {
    match name.char_indices().nth(LONGEST) {
        Some((at, _)) => format!("{}…", &name[..at]).into(),
        None => name.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_recognised() {
        let known = ["image", "args", "script", "workingDir"];
        assert_eq!(nearest("imgae", known), Some("image"));
        assert_eq!(nearest("workdir", known), Some("workingDir"));
        assert_eq!(nearest("arg", known), Some("args"));
        assert_eq!(nearest("podTemplate", known), None);
        assert_eq!(nearest("", known), None);
        assert_eq!(suggest("z", &[], "params"), "there are no params");
        assert_eq!(suggest("zzz", &["a", "b"], "params"), "params: a, b");
        let many = vec!["some"; 30];
        let help = suggest("other", &many, "params");
        assert!(help.ends_with("some and 10 more"), "{help}");
        let long = "é".repeat(1 << 20);
        assert_eq!(nearest(&long, [long.as_str()]), None);
        assert!(suggest("z", &[&long], "params").len() < 300);
    }
}
