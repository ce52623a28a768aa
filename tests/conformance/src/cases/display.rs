//! Looking at what a step draws.

use std::io::Read;
use std::sync::Arc;

use stepwell_contract::power::DisplayStream;
use stepwell_contract::{Ending, Feature, Place, SandboxErrorKind};

use crate::stage::{Running, Stage, Task};
use crate::{Action, Case, act};

pub(crate) const CASES: &[Case] = &[
    Case::with(
        Feature::Display,
        "display_list",
        "displays have names that differ, and sizes that can be",
        list,
    ),
    Case::with(
        Feature::Display,
        "display_open",
        "each can be opened, and says that it speaks RFB",
        open,
    ),
    Case::with(
        Feature::Display,
        "display_invalid",
        "a display that is not there is not found",
        invalid,
    ),
    Case::with(
        Feature::Display,
        "display_kill",
        "a connection ends with the step",
        kill,
    ),
];

fn hanging(stage: &Stage<'_>, task: &Task) -> (Running, Arc<dyn Place>) {
    let sandbox = task.prepare(stage.work(&[act::print("ready"), Action::Hang]));
    let place = sandbox.place();
    let step = task.set_off(sandbox);
    step.wait_for("ready");
    (step, place)
}

/// Reads the first thing that a display says: the version of its protocol, always as long.
fn greeting(stream: &mut DisplayStream) -> String {
    let mut greeting = [0; 12];
    stream.input.read_exact(&mut greeting).unwrap();
    String::from_utf8(greeting.to_vec()).unwrap()
}

fn end(task: Task, step: Running, place: Arc<dyn Place>) {
    step.kill();
    assert_eq!(step.end().ending, Ending::Cancelled);
    drop(place);
    task.close();
}

fn list(stage: &Stage<'_>) {
    let task = stage.task(&["ws"]);
    let (step, place) = hanging(stage, &task);
    let displays = place.displays().unwrap();
    let mut names: Vec<_> = displays.iter().map(|display| &display.name).collect();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), displays.len(), "{displays:?}");
    assert!(!displays.is_empty());
    for display in &displays {
        assert!(!display.name.is_empty());
        assert!(
            display
                .size
                .is_none_or(|(width, height)| width > 0 && height > 0)
        );
    }
    end(task, step, place);
}

fn open(stage: &Stage<'_>) {
    let task = stage.task(&["ws"]);
    let (step, place) = hanging(stage, &task);
    for display in place.displays().unwrap() {
        let mut stream = place.open_display(&display.name).unwrap();
        assert!(greeting(&mut stream).starts_with("RFB 003."));
    }
    end(task, step, place);
}

fn invalid(stage: &Stage<'_>) {
    let task = stage.task(&["ws"]);
    let (step, place) = hanging(stage, &task);
    for name in ["", "no-such-display", "../screen"] {
        match place.open_display(name) {
            Ok(_) => panic!("opened `{name}`"),
            Err(error) => assert!(
                matches!(error.kind, SandboxErrorKind::NotFound),
                "{error:?}"
            ),
        }
    }
    end(task, step, place);
}

fn kill(stage: &Stage<'_>) {
    let task = stage.task(&["ws"]);
    let (step, place) = hanging(stage, &task);
    let name = place.displays().unwrap().remove(0).name;
    let mut stream = place.open_display(&name).unwrap();
    greeting(&mut stream);
    end(task, step, place);
    let mut rest = Vec::new();
    stream.input.read_to_end(&mut rest).unwrap();
}
