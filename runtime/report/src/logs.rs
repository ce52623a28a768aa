//! What the steps of a run printed, from the events that were kept of it.

use std::borrow::Cow;
use std::collections::HashMap;
use std::io::{self, Write};

use serde_json::Value;
use stepwell_contract::StepName;

use crate::clean::clean;
use crate::human::Screen as _;
use crate::label::{label, sidecar_label};
use crate::plain::Plain;

/// Shows the log lines among events, each with its task and step before it.
pub struct Logs {
    out: Plain,
    terminal: bool,
    /// Of each task that began, whether it is in a pipeline and has more than one step.
    tasks: HashMap<String, (bool, bool)>,
}

impl Logs {
    /// Writes to `out`. `terminal` is whether it ends on one, so that what a terminal would obey has to be made harmless.
    pub fn new(out: impl Write + Send + 'static, terminal: bool) -> Self {
        Self {
            out: Plain::new(Box::new(out)),
            terminal,
            tasks: HashMap::new(),
        }
    }

    /// Takes a line of `events.ndjson`. What is no event is passed over.
    ///
    /// # Errors
    ///
    /// What could not be written.
    pub fn line(&mut self, line: &str) -> io::Result<()> {
        let Ok(event) = serde_json::from_str::<Value>(line) else {
            return Ok(());
        };
        let text = |key: &str| event.get(key).and_then(Value::as_str);
        let Some(task) = text("task") else {
            return Ok(());
        };
        match text("type") {
            Some("task-start") => {
                let steps = event.get("steps").and_then(Value::as_array);
                let many = steps.is_some_and(|steps| steps.len() > 1);
                let in_pipeline = text("pipelineTask").is_some();
                self.tasks.insert(task.to_owned(), (in_pipeline, many));
            }
            Some("task-end") => {
                self.tasks.remove(task);
            }
            Some("step-log") => {
                let (Some(step), Some(said)) = (text("step"), text("line")) else {
                    return Ok(());
                };
                let (in_pipeline, many) = self.tasks.get(task).copied().unwrap_or((true, true));
                let label = label(in_pipeline, task, step, many);
                self.say(&event, &label, said)?;
            }
            Some("sidecar-log") => {
                let (Some(sidecar), Some(said)) = (text("sidecar"), text("line")) else {
                    return Ok(());
                };
                let (in_pipeline, _) = self.tasks.get(task).copied().unwrap_or((true, true));
                let around = if in_pipeline { task } else { "" };
                let label = sidecar_label(around, &StepName::new(sidecar));
                self.say(&event, &label, said)?;
            }
            _ => {}
        }
        Ok(())
    }

    fn say(&mut self, event: &Value, label: &str, said: &str) -> io::Result<()> {
        let prefix = format!("[{}] ", clean(label));
        let said = match self.terminal {
            true => clean(said),
            false => Cow::Borrowed(said),
        };
        let partial = event.get("partial").and_then(Value::as_bool);
        self.out
            .log(label, &prefix, &said, partial.unwrap_or(false))
    }

    /// Ends a line that is not finished, and flushes.
    ///
    /// # Errors
    ///
    /// What could not be written.
    pub fn finish(&mut self) -> io::Result<()> {
        self.out.finish()
    }
}

#[cfg(test)]
mod tests {
    use stepwell_contract::Event;

    use super::*;
    use crate::Json;
    use crate::samples::pipelines::release;
    use crate::samples::{Page, show, success};

    fn shown(events: &[Event], terminal: bool) -> String {
        let kept = Page::default();
        show(&mut Json::new(kept.clone()), events);
        let page = Page::default();
        let mut logs = Logs::new(page.clone(), terminal);
        for line in kept.text().lines().chain(["{\"torn", "null", "[]"]) {
            logs.line(line).unwrap();
        }
        logs.finish().unwrap();
        page.text()
    }

    #[test]
    fn lines_have_their_task_and_step_before_them() {
        insta::assert_snapshot!(shown(&release(), false), @r"
        [build/compile] 12 units
        [flaky] no luck
        [flaky] this is flaky
        [test.1] this is test.1
        [test.0] this is test.0
        [sign/key] this is sign/key
        [lint] this is lint
        [publish] this is publish
        [tidy] this is tidy
        ");
        insta::assert_snapshot!(shown(&success(), true), @r"
        [links] checking 12 pages
        [links] a line in two parts
        [render] PASSED\rFAILED
        ");
    }

    #[test]
    fn attack_kept_control_sequences_reach_a_terminal() {
        assert!(!shown(&success(), true).contains(['\x1b', '\r']));
        assert!(shown(&success(), false).contains('\x1b'));
    }
}
