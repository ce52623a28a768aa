//! What happens now at the bottom of a terminal, and what happened above it.
//!
//! What runs is one line each with a spinner and its elapsed time, for as many as there is room for, below one line that
//! says how far the whole is. Everything else scrolls by above as ordinary lines, so that it is there afterwards; at
//! least half of the terminal is left for that.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::time::{Duration, Instant};

use console::Term;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::human::Screen;

/// How often a spinner turns.
const TICK: Duration = Duration::from_millis(100);

/// How many of those that run have a line. Ten thousand may run at once; more than a few nobody reads.
const MOST: usize = 8;

/// The live lines.
pub(crate) struct Live {
    lines: MultiProgress,
    running: HashMap<String, Running>,
    /// Those that run and have no line, the oldest first; some may have ended since.
    waiting: VecDeque<String>,
    /// Lines that are not shown: each has a thread that turns its spinner, so they are used again.
    spare: Vec<ProgressBar>,
    shown: usize,
    state: Option<ProgressBar>,
    colour: bool,
    /// How many lines the terminal has now.
    rows: Box<dyn Fn() -> usize + Send>,
}

struct Running {
    since: Instant,
    text: String,
    line: Option<ProgressBar>,
}

impl Live {
    /// On the terminal that standard output is.
    pub(crate) fn on_stdout(colour: bool) -> Self {
        let terminal = Term::stdout();
        let rows = move || usize::from(terminal.size().0);
        Self::new(ProgressDrawTarget::stdout(), colour, rows)
    }

    pub(crate) fn new(
        target: ProgressDrawTarget,
        colour: bool,
        rows: impl Fn() -> usize + Send + 'static,
    ) -> Self {
        Self {
            lines: MultiProgress::with_draw_target(target),
            running: HashMap::new(),
            waiting: VecDeque::new(),
            spare: Vec::new(),
            shown: 0,
            state: None,
            colour,
            rows: Box::new(rows),
        }
    }

    fn style(&self) -> ProgressStyle {
        let template = if self.colour {
            "{spinner:.cyan} {prefix:.bold} {elapsed:.dim} {wide_msg}"
        } else {
            "{spinner} {prefix} {elapsed} {wide_msg}"
        };
        // All templates are checked by a test; the default is a spinner too.
        ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner())
    }

    /// Gives a line to what has waited longest, while there is room.
    fn fill(&mut self) {
        // One line is for the state of the whole.
        let room = ((self.rows)() / 2).saturating_sub(1).clamp(1, MOST);
        while self.shown < room {
            let Some(name) = self.waiting.pop_front() else {
                return;
            };
            let style = self.style();
            let Some(running) = self.running.get_mut(&name) else {
                continue;
            };
            if running.line.is_some() {
                continue;
            }
            let line = self.spare.pop().unwrap_or_else(|| {
                let line = ProgressBar::hidden();
                line.set_style(style);
                line.enable_steady_tick(TICK);
                line
            });
            line.set_prefix(name);
            line.reset_elapsed();
            let elapsed = running.since.elapsed();
            // A machine that was just started has no moment that long ago.
            if Instant::now().checked_sub(elapsed).is_some() {
                line.set_elapsed(elapsed);
            }
            let line = self.lines.add(line);
            // Drawn from now on, and not only with its next tick.
            line.set_message(running.text.clone());
            running.line = Some(line);
            self.shown += 1;
        }
    }
}

impl Screen for Live {
    fn line(&mut self, text: &str) -> io::Result<()> {
        self.lines.println(text)
    }

    fn log(&mut self, _label: &str, prefix: &str, text: &str, _partial: bool) -> io::Result<()> {
        self.lines.println(format!("{prefix}{text}"))
    }

    fn prefix(&self, label: &str, width: usize) -> String {
        format!("  {label:width$} │ ")
    }

    fn is_live(&self) -> bool {
        true
    }

    fn begin(&mut self, name: &str) {
        let running = Running {
            since: Instant::now(),
            text: String::new(),
            line: None,
        };
        self.running.insert(name.to_owned(), running);
        self.waiting.push_back(name.to_owned());
        self.fill();
    }

    fn progress(&mut self, name: &str, text: &str) {
        let Some(running) = self.running.get_mut(name) else {
            return;
        };
        running.text = text.to_owned();
        if let Some(line) = &running.line {
            line.set_message(running.text.clone());
        }
    }

    fn end(&mut self, name: &str) {
        let line = self.running.remove(name).and_then(|running| running.line);
        if let Some(line) = line {
            self.lines.remove(&line);
            self.spare.push(line);
            self.shown -= 1;
            self.fill();
        }
    }

    fn state(&mut self, text: &str) {
        let line = self.state.get_or_insert_with(|| {
            let line = self.lines.insert(0, ProgressBar::new_spinner());
            let template = if self.colour {
                "{wide_msg:.dim}"
            } else {
                "{wide_msg}"
            };
            if let Ok(style) = ProgressStyle::with_template(template) {
                line.set_style(style);
            }
            line
        });
        line.set_message(text.to_owned());
    }

    fn flush(&mut self) -> io::Result<()> {
        // A line is on the terminal when it is drawn.
        Ok(())
    }

    fn finish(&mut self) -> io::Result<()> {
        for line in self.running.drain().filter_map(|(_, running)| running.line) {
            line.finish_and_clear();
        }
        if let Some(state) = self.state.take() {
            state.finish_and_clear();
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
        let mut live = Live::new(target, true, || 10);
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

    /// The names with a line, on a terminal of `rows` lines where `running` run.
    fn shown(rows: u16, running: usize) -> (String, Vec<String>) {
        let terminal = InMemoryTerm::new(rows, 60);
        let target = ProgressDrawTarget::term_like(Box::new(terminal.clone()));
        let mut live = Live::new(target, false, move || usize::from(rows));
        for number in 0..running {
            live.begin(&format!("task-{number}"));
        }
        live.end("task-3");
        live.state(&format!("{} running", running - 1));
        // Whatever is printed draws all lines anew.
        live.line("✓ task-3").unwrap();
        let contents = terminal.contents();
        let names = contents
            .lines()
            .filter_map(|line| line.split(' ').find(|word| word.starts_with("task-")))
            .map(str::to_owned)
            .collect();
        live.finish().unwrap();
        assert_eq!(terminal.contents(), "✓ task-3");
        (contents, names)
    }

    #[test]
    fn attack_ten_thousand_at_once_have_a_few_lines() {
        let (contents, names) = shown(40, 10_000);
        assert_eq!(contents.lines().nth(1), Some("9999 running"));
        // What took the place of the one that ended may not be drawn yet.
        let first =
            ["3", "0", "1", "2", "4", "5", "6", "7", "8"].map(|number| format!("task-{number}"));
        assert!(
            names.len() >= MOST && first.starts_with(&names),
            "{contents}"
        );
    }

    #[test]
    fn half_of_a_terminal_of_few_lines_is_left() {
        let (contents, names) = shown(8, 100);
        assert!(contents.contains("99 running"), "{contents}");
        assert!(names.len() <= 4, "{contents}");
    }

    #[test]
    fn every_template_is_one() {
        for colour in [true, false] {
            let live = Live::new(ProgressDrawTarget::hidden(), colour, || 10);
            live.style();
        }
        for template in ["{wide_msg:.dim}", "{wide_msg}"] {
            ProgressStyle::with_template(template).unwrap();
        }
    }
}
