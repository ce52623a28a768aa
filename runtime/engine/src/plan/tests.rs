use stepwell_contract::{Access, Digest, ParamValue, RunName, TaskName};
use stepwell_spec::{Sources, Span, Workspace};

use super::*;

fn step(name: &str) -> Step {
    let span = Span {
        source: Sources::new().add("test", ""),
        start: 0,
        len: 0,
    };
    Step {
        args: vec!["-v".to_owned()],
        ..Step::new(StepName::new(name), "./bin/hello.wasm".into(), span)
    }
}

fn run(steps: Vec<Step>) -> TaskRun {
    TaskRun {
        params: [("p".to_owned(), ParamValue::from("v"))].into(),
        steps,
        ..TaskRun::new(RunName::new("run"), TaskName::new("task"))
    }
}

fn workspace(name: &str, mount_path: &str) -> Workspace {
    Workspace {
        name: name.into(),
        mount_path: mount_path.into(),
        access: Access::ReadOnly,
        isolated: false,
        source: stepwell_spec::VolumeSource::EmptyDir,
    }
}

fn planned(run: TaskRun) -> Result<Vec<StepSpec>, PlanError> {
    let layout = layout::Layout::of(&run)?;
    let frame = Frame {
        run: &run,
        attempt: 0,
        epoch_seconds: 7,
    };
    let fingerprint = Fingerprint(Digest::of(b"engine"));
    let image = Image::component("./bin/hello.wasm", b"code".as_slice());
    let steps = run.steps.iter().zip(&layout.steps).enumerate();
    steps
        .map(|(index, (step, seen))| {
            check(Part::Step(index), step, seen, &image)?;
            let planned = plan(
                frame,
                Part::Step(index),
                step.clone(),
                seen,
                image.clone(),
                fingerprint,
            );
            planned.map(|planned| planned.spec)
        })
        .collect()
}

fn argv_of(change: impl FnOnce(&mut Step)) -> Vec<String> {
    let mut step = step("a");
    change(&mut step);
    planned(run(vec![step])).unwrap()[0].argv.clone()
}

#[test]
fn arguments_are_those_of_a_container() {
    assert_eq!(argv_of(|_| {}), ["hello.wasm", "-v"]);
    assert_eq!(
        argv_of(|step| step.command = vec!["tool".into(), "sub".into()]),
        ["tool", "sub", "-v"]
    );
    assert_eq!(
        argv_of(|step| step.script = Some("1 + 1".into())),
        ["hello.wasm", "/tekton/scripts/script-0", "-v"]
    );
    assert_eq!(
        argv_of(|step| step.image = "file:hello.wasm".into()),
        ["hello.wasm", "-v"]
    );
}

#[test]
fn what_a_task_does_not_use_is_not_mounted() {
    let paths = |run| {
        let spec = planned(run).unwrap().into_iter().next().unwrap();
        let mounts = spec.mounts.into_iter();
        mounts
            .map(|mount| (mount.path.to_string(), mount.access))
            .collect::<Vec<_>>()
    };
    let writable = |path: &str| (path.to_owned(), Access::ReadWrite);
    let read_only = |path: &str| (path.to_owned(), Access::ReadOnly);
    assert_eq!(
        paths(run(vec![step("a")])),
        [
            writable("/tekton/home"),
            writable("/tekton/results"),
            writable("/workspace")
        ]
    );
    let mut full = run(vec![step("a"), step("b")]);
    full.steps[1].script = Some("text".into());
    full.reads_exit_codes = true;
    full.workspaces = vec![workspace("src", "/workspace/src"), workspace("x", "/x")];
    assert_eq!(
        paths(full),
        [
            writable("/tekton/home"),
            writable("/tekton/results"),
            read_only("/tekton/scripts"),
            read_only("/tekton/steps"),
            writable("/workspace"),
            read_only("/workspace/src"),
            read_only("/x"),
        ]
    );
}

#[test]
fn scripts_keep_the_number_of_their_step() {
    let mut run = run(vec![step("a"), step("b")]);
    run.steps[1].script = Some("text".into());
    let steps = planned(run).unwrap();
    assert_eq!(steps[1].argv[1], "/tekton/scripts/script-1");
}

#[test]
fn two_things_at_one_path_are_a_naming_conflict() {
    for (name, path, first) in [
        ("x", "/workspace/src", "workspace `src`"),
        (
            "x",
            "/tekton/results",
            "the task's own folder `/tekton/results`",
        ),
    ] {
        let mut run = run(vec![step("a")]);
        run.workspaces = vec![workspace("src", "/workspace/src"), workspace(name, path)];
        assert_eq!(
            planned(run).unwrap_err(),
            PlanError::MountConflict {
                path: path.into(),
                first: first.to_owned(),
                second: format!("workspace `{name}`"),
            }
        );
    }
}

#[test]
fn a_step_starts_somewhere_that_it_sees() {
    let start = |working_dir: Option<&str>| {
        let mut run = run(vec![step("a")]);
        run.workspaces = vec![workspace("x", "/x")];
        run.steps[0].working_dir = working_dir.map(str::to_owned);
        planned(run).map(|steps| steps[0].working_dir.to_string())
    };
    for (said, meant) in [
        (None, "/workspace"),
        (Some(""), "/workspace"),
        (Some("src/./deep//"), "/workspace/src/deep"),
        (Some("/x/"), "/x"),
        (Some("/x/y"), "/x/y"),
    ] {
        assert_eq!(start(said).unwrap(), meant, "{said:?}");
    }
    for lost in ["/", "/xy", "/tmp", "..", "/x/../etc"] {
        assert!(
            matches!(start(Some(lost)), Err(PlanError::WorkingDir { .. })),
            "{lost}"
        );
    }
}

#[test]
fn steps_that_see_the_same_draw_the_same_random_bytes() {
    let mut run = run(vec![step("a"), step("b"), step("c")]);
    run.steps[2].args.push("more".into());
    let steps = planned(run).unwrap();
    let seeds: Vec<_> = steps.iter().map(|step| step.ambient.seed).collect();
    assert_eq!(seeds[0], seeds[1]);
    assert_ne!(seeds[0], seeds[2]);
    assert_eq!(steps[0].ambient.epoch_seconds, 7);
}
