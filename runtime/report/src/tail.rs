//! The last lines that a task printed, for whoever tells why it failed.

use std::collections::VecDeque;

use crate::clean::shorten;

/// How many lines are kept.
pub(crate) const LINES: usize = 20;

/// How much of a line is kept, in characters: a step may print a line of a gigabyte.
pub(crate) const WIDTH: usize = 500;

/// The last lines, clean and shortened.
#[derive(Debug, Default)]
pub(crate) struct Tail {
    lines: VecDeque<String>,
    /// Whether the last line goes on.
    open: bool,
}

impl Tail {
    /// Takes a line, or a part of one; `label` is what is put before it.
    pub(crate) fn push(&mut self, label: &str, line: &str, partial: bool) {
        if self.open {
            // What is kept of a line is kept of its first part.
            self.open = partial;
            if let Some(last) = self.lines.back_mut()
                && last.chars().count() < WIDTH
            {
                last.push_str(&shorten(line, WIDTH - last.chars().count()));
            }
            return;
        }
        self.open = partial;
        if self.lines.len() == LINES {
            self.lines.pop_front();
        }
        self.lines
            .push_back(format!("{label}{}", shorten(line, WIDTH)));
    }

    /// The lines, the oldest first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &str> {
        self.lines.iter().map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_a_line_are_put_together_and_old_lines_go() {
        let mut tail = Tail::default();
        for number in 0..LINES {
            tail.push("[a] ", &number.to_string(), false);
        }
        tail.push("[a] ", "one ", true);
        tail.push("[a] ", "line", false);
        let lines: Vec<_> = tail.iter().collect();
        assert_eq!(lines.len(), LINES);
        assert_eq!((lines[0], lines[LINES - 1]), ("[a] 1", "[a] one line"));
    }

    #[test]
    fn attack_a_flood_is_bounded() {
        let mut tail = Tail::default();
        let text = "\u{7}".repeat(100_000);
        for turn in 0..1000 {
            tail.push("", &text, turn % 3 == 0);
        }
        let kept: usize = tail.iter().map(str::len).sum();
        assert!(kept < LINES * (2 * WIDTH + 60), "{kept}");
    }
}
