//! Which step is meant, of those that can be looked into: by task and step, or by as much of it as is needed.

use stepwell_engine::places::{Seen, StepState};

use super::ask::Refused;

/// How many steps are named where several could be meant.
const MOST_NAMED: usize = 8;

/// `TASK/STEP`.
pub(super) fn name(seen: &Seen) -> String {
    format!("{}/{}", seen.task, seen.step)
}

/// Where the workspaces of its task are on this machine, a line each.
pub(super) fn workspaces(seen: &Seen) -> impl Iterator<Item = String> {
    seen.workspaces.iter().map(|(name, path)| {
        // Asked for in the run's own process: its paths start at its own folder.
        let path = std::path::absolute(path).unwrap_or_else(|_| path.clone());
        format!("workspace {name} is in {}", path.display())
    })
}

/// The one of `list` that `part` means. Where nothing else tells, it is the one that waits or runs, then the one that failed.
/// With `paused`, only those are meant that wait at a breakpoint.
pub(super) fn choose(list: Vec<Seen>, part: Option<&str>, paused: bool) -> Result<Seen, Refused> {
    let all: Vec<String> = list.iter().map(name).collect();
    let waits = |seen: &Seen| matches!(seen.state, StepState::Paused(_));
    let mut meant: Vec<Seen> = list
        .into_iter()
        .filter(|seen| part.is_none_or(|part| is_meant(seen, part)))
        .filter(|seen| !paused || waits(seen))
        .collect();
    let best = meant.iter().map(rank).min();
    meant.retain(|seen| Some(rank(seen)) == best);
    if meant.len() == 1
        && let Some(seen) = meant.pop()
    {
        return Ok(seen);
    }
    let several: Vec<String> = meant.iter().map(name).collect();
    let named = |names: &[String]| {
        let shown = names[..names.len().min(MOST_NAMED)].join(", ");
        match names.len().checked_sub(MOST_NAMED) {
            Some(more @ 1..) => format!("{shown} and {more} more"),
            _ => shown,
        }
    };
    Err(Refused::asker(match (several.is_empty(), part) {
        (false, _) => format!("several steps could be meant: {}", named(&several)),
        (true, _) if paused => "no such step waits at a breakpoint".to_owned(),
        (true, _) if all.is_empty() => "no step of this run can be looked into now".to_owned(),
        (true, part) => format!(
            "no step that can be looked into is called `{}`; there is {}",
            part.unwrap_or_default(),
            named(&all)
        ),
    }))
}

/// By its task, by its task and itself, or by itself.
fn is_meant(seen: &Seen, part: &str) -> bool {
    let (task, step) = (seen.task.as_str(), seen.step.as_str());
    let both = || {
        let rest = part.strip_prefix(task)?.strip_prefix('/')?;
        Some(rest == step)
    };
    part == task || part == step || both().unwrap_or(false)
}

fn rank(seen: &Seen) -> u8 {
    match seen.state {
        StepState::Paused(_) | StepState::Running => 0,
        StepState::Ended { failed: true } => 1,
        _ => 2,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use stepwell_contract::{Cancel, NoPowers, StepName, TaskName};
    use stepwell_engine::places::Breakpoint;

    use super::*;

    fn seen(task: &str, step: &str, state: StepState) -> Seen {
        Seen {
            task: TaskName::new(task),
            attempt: 0,
            step: StepName::new(step),
            state,
            held: false,
            place: Arc::new(NoPowers("test")),
            over: Cancel::new(),
            workspaces: Arc::from([]),
        }
    }

    fn chosen(list: &[(&str, &str, StepState)], part: Option<&str>, paused: bool) -> String {
        let list = list
            .iter()
            .map(|(task, step, state)| seen(task, step, *state));
        match choose(list.collect(), part, paused) {
            Ok(seen) => name(&seen),
            Err(refused) => refused.message,
        }
    }

    #[test]
    fn as_much_of_a_name_as_is_needed_is_enough() {
        const RUNNING: StepState = StepState::Running;
        const WELL: StepState = StepState::Ended { failed: false };
        const FAILED: StepState = StepState::Ended { failed: true };
        let list = [
            ("build", "fetch", WELL),
            ("build", "make", RUNNING),
            ("release/test", "run", WELL),
            ("release/test", "tell", FAILED),
        ];
        for (part, expected) in [
            (None, "build/make"),
            (Some("build"), "build/make"),
            (Some("fetch"), "build/fetch"),
            (Some("build/fetch"), "build/fetch"),
            (Some("release/test"), "release/test/tell"),
            (Some("release/test/run"), "release/test/run"),
            (
                Some("bild"),
                "no step that can be looked into is called `bild`; there is build/fetch, build/make, \
                 release/test/run, release/test/tell",
            ),
        ] {
            assert_eq!(chosen(&list, part, false), expected, "{part:?}");
        }
        let two = [("a", "s", RUNNING), ("b", "s", RUNNING)];
        assert_eq!(
            chosen(&two, Some("s"), false),
            "several steps could be meant: a/s, b/s"
        );
        assert_eq!(
            chosen(&[], None, false),
            "no step of this run can be looked into now"
        );
    }

    #[test]
    fn only_what_waits_can_go_on() {
        let list = [
            ("a", "s", StepState::Running),
            ("b", "s", StepState::Paused(Breakpoint::OnFailure)),
        ];
        assert_eq!(chosen(&list, None, true), "b/s");
        assert_eq!(
            chosen(&list, Some("a"), true),
            "no such step waits at a breakpoint"
        );
    }

    #[test]
    fn a_hundred_that_could_be_meant_are_not_all_named() {
        let names: Vec<String> = (0..100).map(|row| format!("t.{row}")).collect();
        let list: Vec<_> = names
            .iter()
            .map(|name| (name.as_str(), "s", StepState::Running))
            .collect();
        let said = chosen(&list, None, false);
        assert!(said.ends_with("t.7/s and 92 more"), "{said}");
    }
}
