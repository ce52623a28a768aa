//! Steps and tasks beside each other: at once, and without a word of each other.

use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use stepwell_contract::Access::ReadWrite;

use crate::stage::{Running, Stage};
use crate::{Case, act};

pub(crate) const CASES: &[Case] = &[
    Case::new(
        "isolation_tasks",
        "a task sees no volume of another one",
        tasks,
    ),
    Case::new(
        "isolation_mounts",
        "a step sees no volume that it does not mount",
        mounts,
    ),
    Case::new(
        "isolation_environment",
        "a step sees no variable of another one",
        environment,
    ),
    Case::new(
        "isolation_output",
        "what steps say at once is not mixed up",
        output,
    ),
    Case::new(
        "parallel_steps",
        "the steps of a task can run at once",
        steps,
    ),
    Case::new("parallel_tasks", "tasks can run at once", parallel_tasks),
    Case::new(
        "parallel_many",
        "many steps one after the other leave nothing",
        many,
    ),
];

fn tasks(stage: &Stage<'_>) {
    let one = stage.task(&["one"]);
    let two = stage.task(&["two"]);
    let step = |folder| {
        stage
            .step(&[
                act::list("/ws"),
                act::write("/ws/file", folder),
                act::read("/ws/file"),
            ])
            .mount(folder, "/ws", ReadWrite)
    };
    one.run(step("one")).says(&["ok", "ok", "ok one"]);
    two.run(step("two")).says(&["ok", "ok", "ok two"]);
    assert_eq!(stage.read("one/file").as_deref(), Some("one"));
    assert!(
        one.try_prepare(step("two")).is_err(),
        "a volume of the other task"
    );
    one.close();
    two.run(step("two")).says(&["ok file", "ok", "ok two"]);
    two.close();
}

fn mounts(stage: &Stage<'_>) {
    stage.file("other/file", "theirs");
    let task = stage.task(&["ws", "other"]);
    let other = stage
        .work(&[act::read("/other/file")])
        .mount("other", "/other", ReadWrite);
    task.run(other).says(&["ok theirs"]);
    task.run(stage.work(&[act::read("/other/file"), act::list("/other")]))
        .says(&["refused", "refused"]);
    task.close();
}

fn environment(stage: &Stage<'_>) {
    let task = stage.task(&["ws"]);
    let asks = [act::env("MINE")];
    task.run(stage.work(&asks).env("MINE", "x")).says(&["ok x"]);
    task.run(stage.work(&asks)).says(&["refused"]);
    task.close();
}

fn output(stage: &Stage<'_>) {
    let task = stage.task(&["ws"]);
    let words = ["one", "two", "three"];
    let steps = words.map(|word| {
        let lines: Vec<_> = (0..50).map(|_| act::print(word)).collect();
        (word, task.start(stage.work(&lines)))
    });
    for (word, step) in steps {
        step.end().says(&[word; 50]);
    }
    task.close();
}

/// How many steps meet: more than a machine has processors.
const MANY: usize = 6;

/// Where steps wait for each other: what each prints is taken once all have printed.
#[derive(Default)]
struct Meeting {
    there: Mutex<usize>,
    came: Condvar,
}

impl Meeting {
    fn come(&self, bytes: &[u8], patience: Duration) {
        if !bytes.contains(&b'\n') {
            return;
        }
        let mut there = self.there.lock().unwrap();
        *there += 1;
        self.came.notify_all();
        // The step's own end says whether they met; here it is only let go.
        drop(
            self.came
                .wait_timeout_while(there, patience, |there| *there < MANY),
        );
    }
}

fn meet(stage: &Stage<'_>, start: impl Fn(Arc<Meeting>) -> Running) {
    let meeting = Arc::new(Meeting::default());
    let steps: Vec<Running> = (0..MANY).map(|_| start(Arc::clone(&meeting))).collect();
    let all = {
        let there = meeting.there.lock().unwrap();
        let patience = stage.harness.patience();
        let (there, _) = meeting
            .came
            .wait_timeout_while(there, patience, |there| *there < MANY)
            .unwrap();
        *there
    };
    for step in steps {
        step.end().says(&["here"]);
    }
    assert_eq!(all, MANY, "so many ran at once");
}

fn steps(stage: &Stage<'_>) {
    let patience = stage.harness.patience();
    let task = stage.task(&["ws"]);
    meet(stage, |meeting| {
        let step = stage.work(&[act::print("here")]);
        task.start_told(step, move |bytes| meeting.come(bytes, patience))
    });
    task.close();
}

fn parallel_tasks(stage: &Stage<'_>) {
    let patience = stage.harness.patience();
    let tasks: Vec<_> = (0..MANY).map(|_| stage.task(&["ws"])).collect();
    let next = std::cell::Cell::new(0);
    meet(stage, |meeting| {
        let task = &tasks[next.replace(next.get() + 1)];
        let step = stage.work(&[act::print("here")]);
        task.start_told(step, move |bytes| meeting.come(bytes, patience))
    });
    for task in tasks {
        task.close();
    }
}

fn many(stage: &Stage<'_>) {
    for number in 0..20 {
        let line = number.to_string();
        stage.play(&[act::print(&line)]).says(&[line.as_str()]);
    }
}
