//! What happens now at the bottom of a terminal, and what happened above it.
//!
//! A running step is one line with a spinner and its elapsed time. Everything else scrolls by above as ordinary
//! lines, so that it is there afterwards.

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::human::Screen;

/// How often a spinner turns.
const TICK: Duration = Duration::from_millis(100);

/// The live lines.
pub(crate) struct Live {
    lines: MultiProgress,
    running: BTreeMap<String, ProgressBar>,
    colour: bool,
}

impl Live {
    pub(crate) fn new(target: ProgressDrawTarget, colour: bool) -> Self {
        Self {
            lines: MultiProgress::with_draw_target(target),
            running: BTreeMap::new(),
            colour,
        }
    }

    fn style(&self) -> ProgressStyle {
        let template = if self.colour {
            "{spinner:.cyan} {prefix:.bold} {elapsed:.dim} {wide_msg}"
        } else {
            "{spinner} {prefix} {elapsed} {wide_msg}"
        };
        // Both templates are checked by a test; the default is a spinner too.
        ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner())
    }
}

impl Screen for Live {
    fn line(&mut self, text: &str) -> io::Result<()> {
        self.lines.println(text)
    }

    fn log(&mut self, _step: &str, prefix: &str, text: &str, _partial: bool) -> io::Result<()> {
        self.lines.println(format!("{prefix}{text}"))
    }

    fn prefix(&self, step: &str, width: usize) -> String {
        format!("  {step:width$} │ ")
    }

    fn begin(&mut self, step: &str) {
        let bar = self.lines.add(ProgressBar::new_spinner());
        bar.set_style(self.style());
        bar.set_prefix(step.to_owned());
        bar.enable_steady_tick(TICK);
        self.running.insert(step.to_owned(), bar);
    }

    fn progress(&mut self, step: &str, text: &str) {
        if let Some(bar) = self.running.get(step) {
            bar.set_message(text.to_owned());
        }
    }

    fn end(&mut self, step: &str) {
        if let Some(bar) = self.running.remove(step) {
            bar.finish_and_clear();
            self.lines.remove(&bar);
        }
    }

    fn finish(&mut self) -> io::Result<()> {
        for (_, bar) in std::mem::take(&mut self.running) {
            bar.finish_and_clear();
        }
        self.lines.clear()
    }
}

#[cfg(test)]
mod tests {
    use indicatif::InMemoryTerm;

    use super::*;

    #[test]
    fn logs_scroll_above_the_running_step() {
        let terminal = InMemoryTerm::new(10, 60);
        let target = ProgressDrawTarget::term_like(Box::new(terminal.clone()));
        let mut live = Live::new(target, true);
        live.begin("render");
        live.progress("render", "3 of 7 pages");
        let prefix = live.prefix("render", 8);
        live.log("render", &prefix, "hello", false).unwrap();
        let shown = terminal.contents();
        let lines: Vec<_> = shown.lines().collect();
        assert_eq!(lines[0], "  render   │ hello");
        assert!(
            lines[1].contains("render") && lines[1].ends_with("3 of 7 pages"),
            "{shown}"
        );

        live.end("render");
        live.line("✓ render 1 ms").unwrap();
        live.finish().unwrap();
        assert_eq!(terminal.contents(), "  render   │ hello\n✓ render 1 ms");
    }
}
