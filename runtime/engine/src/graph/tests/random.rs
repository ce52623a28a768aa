//! Random pipelines, against the model.

use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use stepwell_spec::{OnError, RequestedStatus, Timeouts};

use super::model;
use super::script::{Script, Task};
use super::simulator::play;

fn task(index: usize, finally: bool, tasks: usize) -> impl Strategy<Value = Task> {
    let others = if finally { tasks } else { index };
    let parents = vec(any::<prop::sample::Index>(), 0..=others.min(3));
    // What ends at the same moment and what takes no time at all are the cases that go wrong.
    let rows = prop_oneof![
        6 => vec((0..6_u64, prop::bool::weighted(0.8)), 1..=1),
        2 => vec((0..6_u64, prop::bool::weighted(0.8)), 0..=4),
    ];
    let flags = (
        prop::bool::weighted(0.85),
        prop::bool::weighted(0.2),
        prop::bool::weighted(0.04),
        0..4_u8,
    );
    (parents, rows, flags).prop_map(move |(parents, rows, flags)| {
        let (when, continues, breaks, uses) = flags;
        let mut parents: Vec<_> = parents
            .iter()
            .map(|place| place.index(others.max(1)))
            .collect();
        parents.sort_unstable();
        parents.dedup();
        let first: Vec<_> = parents.first().copied().into_iter().collect();
        let mut task = Task::new(&format!("t{index}"), &rows);
        task.when = when;
        task.breaks = breaks && !finally;
        task.finally = finally;
        match uses {
            1 => task.asks = first,
            2 => task.needs = first,
            _ => {}
        }
        if continues {
            task.on_error = OnError::Continue;
        }
        if !finally {
            task.parents = parents;
        }
        task
    })
}

fn seconds(range: std::ops::Range<u64>) -> impl Strategy<Value = Option<Duration>> {
    prop::option::weighted(0.3, range.prop_map(Duration::from_secs))
}

fn script() -> impl Strategy<Value = Script> {
    let status = prop_oneof![
        Just(RequestedStatus::Cancelled),
        Just(RequestedStatus::CancelledRunFinally),
        Just(RequestedStatus::StoppedRunFinally),
    ];
    let tasks = (1..14_usize, 0..4_usize).prop_flat_map(|(tasks, finally)| {
        let all: Vec<_> = (0..tasks + finally)
            .map(|index| task(index, index >= tasks, tasks))
            .collect();
        all
    });
    let timeouts = (seconds(1..30), seconds(1..20), seconds(1..8));
    let requests = vec((0..25_u64, status.clone()), 0..=2);
    let status = prop::option::weighted(0.03, status);
    (tasks, timeouts, status, requests, 0..5_usize).prop_map(
        |(tasks, (pipeline, of_tasks, finally), status, requests, places)| Script {
            tasks,
            timeouts: Timeouts {
                pipeline,
                tasks: of_tasks,
                finally,
            },
            status,
            requests,
            places,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn a_pipeline_goes_as_the_model_says(script in script()) {
        let played = play(&script);
        let expected = model::expect(&script);
        prop_assert_eq!(played.outcome(), expected, "{:#?}", played.log);
        if script.places != 0 {
            prop_assert!(played.most_running <= script.places);
        }
    }

    #[test]
    fn nothing_begins_before_what_it_waits_for(script in script()) {
        let outcome = play(&script).outcome();
        for (index, _, began, _) in &outcome.spans {
            let task = &script.tasks[*index];
            for (other, _, _, ended) in &outcome.spans {
                let before = task.parents.contains(other)
                    || task.finally && !script.tasks[*other].finally;
                prop_assert!(!before || ended <= began);
            }
        }
    }

    /// Pipelines in pipelines share the places, and everything comes to an end.
    #[test]
    fn nested_pipelines_settle(outer in script(), inner in script(), place in any::<prop::sample::Index>()) {
        let mut outer = outer;
        let place = place.index(outer.tasks.len());
        outer.tasks[place].rows = vec![(0, true)];
        outer.tasks[place].nested = Some(Box::new(inner));
        let played = play(&outer);
        prop_assert_eq!(played.outcome().fates.len(), outer.tasks.len());
        if outer.places != 0 {
            prop_assert!(played.most_running <= outer.places);
        }
    }
}
