//! The order of a Pipeline's tasks: who waits for whom, and whether anybody waits for themselves.

use std::collections::{HashMap, HashSet};

use crate::document::pipeline_task::PipelineTask;
use crate::problem::{PipelineProblem, Problems};

/// More names than this say no more about a circle.
const MOST_SHOWN: usize = 12;

/// Notes circles among `tasks`. Every task waits for those at the places that `needs` has for it.
///
/// Walks no deeper than a loop does: a chain of ten thousand tasks is as good as a short one.
pub(super) fn check_cycles(tasks: &[PipelineTask], needs: &[Vec<usize>], problems: &Problems) {
    let stuck = stuck(needs);
    let mut seen = HashSet::new();
    for start in stuck.iter().copied().filter(|at| *at < tasks.len()) {
        // From a task that never gets its turn, some way back never ends; where it meets itself is the circle.
        let mut path = Vec::new();
        let mut places = HashMap::new();
        let mut at = start;
        let circle = loop {
            if let Some(first) = places.get(&at) {
                break Some(&path[*first..]);
            }
            if !seen.insert(at) {
                break None;
            }
            places.insert(at, path.len());
            path.push(at);
            match needs[at].iter().find(|need| stuck.contains(need)) {
                Some(next) => at = *next,
                None => break None,
            }
        };
        if let Some(circle) = circle {
            note(tasks, circle, problems);
        }
    }
}

/// The tasks that never get their turn.
fn stuck(needs: &[Vec<usize>]) -> std::collections::BTreeSet<usize> {
    let mut waiting: Vec<usize> = needs.iter().map(Vec::len).collect();
    let mut waiters = vec![Vec::new(); needs.len()];
    for (at, needs) in needs.iter().enumerate() {
        for need in needs {
            waiters[*need].push(at);
        }
    }
    let mut ready: Vec<usize> = (0..needs.len()).filter(|at| waiting[*at] == 0).collect();
    while let Some(done) = ready.pop() {
        for waiter in &waiters[done] {
            waiting[*waiter] -= 1;
            if waiting[*waiter] == 0 {
                ready.push(*waiter);
            }
        }
    }
    (0..needs.len()).filter(|at| waiting[*at] > 0).collect()
}

fn note(tasks: &[PipelineTask], circle: &[usize], problems: &Problems) {
    // It is told from the task that is written first.
    let first = circle.iter().enumerate().min_by_key(|(_, at)| **at);
    let Some((turn, &first)) = first else {
        return;
    };
    let name = |at: &usize| format!("`{}`", tasks[*at].name.value);
    let order = circle[turn..].iter().chain(&circle[..turn]);
    let mut names: Vec<String> = order.take(MOST_SHOWN).map(name).collect();
    if circle.len() > MOST_SHOWN {
        names.push(format!("{} more", circle.len() - MOST_SHOWN));
    }
    names.push(name(&first));
    problems.push(PipelineProblem::Cycle {
        cycle: names.join(" waits for "),
        span: tasks[first].name.span,
    });
}
