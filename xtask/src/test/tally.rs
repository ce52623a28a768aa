//! Reads how many tests passed and failed from the runners' own closing lines.

use std::fmt;

/// What the runners counted so far.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) passed: u64,
    pub(super) failed: u64,
    pub(super) skipped: u64,
    /// The closing lines, as the runners printed them.
    pub(super) closing: Vec<String>,
}

impl Tally {
    /// Looks at one line; counts it if it closes a run, be it of nextest or of cargo's own runner.
    pub(super) fn read(&mut self, line: &str) {
        let line = line.trim();
        let counts = if let Some(rest) = line.strip_prefix("test result: ") {
            rest.split_once(". ").map(|(_, counts)| counts)
        } else if let Some(rest) = line.strip_prefix("Summary [") {
            rest.split_once("run: ").map(|(_, counts)| counts)
        } else {
            None
        };
        let Some(counts) = counts else { return };
        for count in counts.split([',', ';']) {
            self.add(count.trim());
        }
        self.closing.push(line.to_owned());
    }

    /// Whether any runner came to its end.
    pub(super) fn ran(&self) -> bool {
        !self.closing.is_empty()
    }

    /// One count: `12 passed (1 slow)`, `3 failed`, `1 timed out`.
    fn add(&mut self, count: &str) {
        let Some((number, what)) = count.split_once(' ') else {
            return;
        };
        let Ok(number) = number.parse::<u64>() else {
            return;
        };
        match what.split(" (").next().unwrap_or(what) {
            "passed" => self.passed += number,
            "failed" | "timed out" | "exec failed" => self.failed += number,
            "skipped" | "ignored" => self.skipped += number,
            // `measured`, `filtered out` and whatever else a runner may tell is no test that ran.
            _ => {}
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failed)?;
        if self.skipped > 0 {
            write!(f, ", {} skipped", self.skipped)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adds_up_both_runners() {
        let mut tally = Tally::default();
        tally.read("     Summary [   1.234s] 13 tests run: 11 passed (1 slow), 1 failed, 1 timed out, 2 skipped");
        tally.read("test result: ok. 4 passed; 0 failed; 1 ignored; 0 measured; 7 filtered out; finished in 0.01s");
        tally.read("test engine::plan ... ok");
        assert_eq!(tally.to_string(), "15 passed, 2 failed, 3 skipped");
        assert_eq!(tally.closing.len(), 2);
    }

    #[test]
    fn a_runner_that_stopped_early_still_counts() {
        let mut tally = Tally::default();
        tally.read("Summary [   0.5s] 2/10 tests run: 1 passed, 1 failed, 8 skipped");
        assert_eq!((tally.passed, tally.failed), (1, 1));
    }
}
