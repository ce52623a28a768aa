//! Why a step failed, in a person's words: the guest's own, where it was, and what to change.

use stepwell_contract::{Ending, Frame, Limit, TerminationReason};

use crate::clean::{clean, shorten};

/// How many frames of a backtrace are shown. Deep recursion has a hundred thousand.
const FRAMES: usize = 24;

/// What is shown of a guest's message, in characters a line.
const WIDTH: usize = 500;

/// How many lines of a guest's message are shown.
const MESSAGE_LINES: usize = 20;

/// The lines that explain how `step` failed: the first one stands alone, the others are details.
pub(crate) fn explain(
    step: &str,
    reason: TerminationReason,
    ending: Option<&Ending>,
) -> Vec<String> {
    let Some(ending) = ending else {
        return vec![format!("step {step} never began")];
    };
    let mut lines = Vec::new();
    match ending {
        Ending::Exited { code } => lines.push(format!("step {step} exited with code {code}")),
        Ending::Failed { message, .. } => {
            let mut words = message.lines();
            let mut first = ending.clone();
            if let Ending::Failed { message, .. } = &mut first {
                *message = words.next().unwrap_or_default().to_owned();
            }
            lines.push(format!("step {step} {}", shorten(&first.summary(), WIDTH)));
            lines.extend(guests_words(words));
        }
        Ending::Trapped {
            reason,
            message,
            backtrace,
        } => {
            lines.push(format!("step {step} trapped: {}", shorten(reason, WIDTH)));
            lines.extend(guests_words(message.as_deref().unwrap_or_default().lines()));
            lines.extend(frames(backtrace));
        }
        Ending::LimitReached {
            limit,
            value,
            backtrace,
        } => {
            lines.push(format!("step {step} {}", ending.summary()));
            lines.push(format!("  {}", how_to_raise(step, *limit, *value)));
            lines.extend(frames(backtrace));
        }
        Ending::TimedOut { .. } => {
            lines.push(format!("step {step} {}", ending.summary()));
            let whose = match reason {
                TerminationReason::TimeoutExceeded => {
                    "the step's `timeout` sets how long it may take"
                }
                _ => "the TaskRun's `spec.timeout` sets how long all steps together may take",
            };
            lines.push(format!("  {whose}"));
        }
        Ending::Cancelled => lines.push(format!("step {step} was cancelled")),
        _ => lines.push(format!("step {step} {}", shorten(&ending.summary(), WIDTH))),
    }
    lines
}

/// The setting that raises a limit, with a value that is twice what it was.
fn how_to_raise(step: &str, limit: Limit, value: u64) -> String {
    if !limit.is_settable() {
        return format!("the limit `{limit}` is fixed");
    }
    let more = limit.show(value.saturating_mul(2));
    match limit {
        Limit::Memory => format!(
            "raise it with `--memory {more}`, or with `computeResources: {{limits: {{memory: {more}}}}}` on the step"
        ),
        _ => format!(
            "raise it with `--limit {limit}={more}`, or with the annotation `stepwell.dev/limits.{step}: \"{limit}={more}\"`"
        ),
    }
}

fn guests_words<'a>(lines: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut shown: Vec<_> = lines
        .take(MESSAGE_LINES + 1)
        .map(|line| format!("  {}", shorten(line, WIDTH)))
        .collect();
    if shown.len() > MESSAGE_LINES {
        shown.truncate(MESSAGE_LINES);
        shown.push("  …".to_owned());
    }
    shown
}

fn frames(backtrace: &[Frame]) -> Vec<String> {
    let mut lines: Vec<_> = backtrace
        .iter()
        .take(FRAMES)
        .map(|frame| {
            let function = shorten(&frame.function, WIDTH);
            match &frame.location {
                Some(location) => format!("    at {function} ({})", clean(location)),
                None => format!("    at {function}"),
            }
        })
        .collect();
    if backtrace.len() > FRAMES {
        lines.push(format!("    … and {} more", backtrace.len() - FRAMES));
    }
    lines
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use stepwell_contract::FailureClass;

    use super::*;

    fn frame(function: &str, location: Option<&str>) -> Frame {
        Frame {
            function: function.to_owned(),
            location: location.map(str::to_owned),
        }
    }

    fn explained(ending: Ending) -> String {
        explain("render", TerminationReason::Error, Some(&ending)).join("\n")
    }

    #[test]
    fn a_trap_shows_the_guests_message_and_where_it_was() {
        insta::assert_snapshot!(explained(Ending::Trapped {
            reason: "wasm `unreachable` instruction executed".to_owned(),
            message: Some("thread 'main' panicked at src/main.rs:3:5:\nno such \x1b[2Jpage".to_owned()),
            backtrace: vec![frame("render::main", Some("src/main.rs:3")), frame("_start", None)],
        }), @r"
        step render trapped: wasm `unreachable` instruction executed
          thread 'main' panicked at src/main.rs:3:5:
          no such \x1b[2Jpage
            at render::main (src/main.rs:3)
            at _start
        ");
    }

    #[test]
    fn a_limit_names_itself_its_value_and_what_raises_it() {
        let limit = |limit, value| Ending::LimitReached {
            limit,
            value,
            backtrace: Vec::new(),
        };
        insta::assert_snapshot!(explained(limit(Limit::Memory, 64 << 20)), @r"
        step render reached its limit `memory` of 64Mi
          raise it with `--memory 128Mi`, or with `computeResources: {limits: {memory: 128Mi}}` on the step
        ");
        insta::assert_snapshot!(explained(limit(Limit::Fuel, 1000)), @r#"
        step render reached its limit `fuel` of 1000
          raise it with `--limit fuel=2000`, or with the annotation `stepwell.dev/limits.render: "fuel=2000"`
        "#);
        insta::assert_snapshot!(explained(limit(Limit::Stack, 1 << 20)), @r"
        step render reached its limit `stack` of 1Mi
          the limit `stack` is fixed
        ");
    }

    #[test]
    fn a_typed_failure_is_in_the_guests_words() {
        insta::assert_snapshot!(explained(Ending::Failed {
            class: FailureClass::MalformedInput,
            message: "no title\nin index.md".to_owned(),
        }), @r"
        step render malformed input: no title
          in index.md
        ");
    }

    #[test]
    fn a_time_out_names_the_field_that_sets_it() {
        let ending = Ending::TimedOut {
            after: Duration::from_millis(1500),
        };
        let explained = |reason| explain("render", reason, Some(&ending)).join("\n");
        insta::assert_snapshot!(explained(TerminationReason::TimeoutExceeded), @r"
        step render timed out after 1.5s
          the step's `timeout` sets how long it may take
        ");
        insta::assert_snapshot!(explained(TerminationReason::Cancelled), @r"
        step render timed out after 1.5s
          the TaskRun's `spec.timeout` sets how long all steps together may take
        ");
    }

    #[test]
    fn a_deep_backtrace_is_cut() {
        let lines = explain(
            "s",
            TerminationReason::Error,
            Some(&Ending::LimitReached {
                limit: Limit::Stack,
                value: 1,
                backtrace: vec![frame("f", None); 100_000],
            }),
        );
        assert_eq!(lines.len(), 2 + FRAMES + 1);
        assert_eq!(
            lines.last().map(String::as_str),
            Some("    … and 99976 more")
        );
    }
}
