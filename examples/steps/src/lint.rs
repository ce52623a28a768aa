//! What is wrong with a text.

/// The longest line that passes.
const LONGEST: usize = 120;

/// One thing that is wrong, with its line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub what: &'static str,
}

/// Everything that is wrong with a text, in the order of its lines.
pub fn findings(text: &str) -> Vec<Finding> {
    let mut found = Vec::new();
    for (at, line) in text.lines().enumerate() {
        let mut add = |what| found.push(Finding { line: at + 1, what });
        if line.ends_with([' ', '\t']) {
            add("blanks at the end");
        }
        if line.contains('\t') {
            add("a tab");
        }
        if line.chars().count() > LONGEST {
            add("more than 120 characters");
        }
    }
    if !text.is_empty() && !text.ends_with('\n') {
        let line = text.lines().count();
        let what = "no newline at the end";
        found.push(Finding { line, what });
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_mistake_is_found_on_its_line() {
        let found = |text: &str| -> Vec<(usize, &str)> {
            findings(text)
                .iter()
                .map(|one| (one.line, one.what))
                .collect()
        };
        assert_eq!(found("fine\n"), []);
        assert_eq!(found(""), []);
        assert_eq!(
            found("a \nb\tc\n"),
            [(1, "blanks at the end"), (2, "a tab")]
        );
        assert_eq!(found("a\nb"), [(2, "no newline at the end")]);
        assert_eq!(found(&format!("{}\n", "x".repeat(120))), []);
        assert_eq!(
            found(&format!("{}\n", "x".repeat(121))),
            [(1, "more than 120 characters")]
        );
    }
}
