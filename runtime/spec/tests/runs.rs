//! Rules that take several files, or several places that say something about one step.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot read its own text has failed"
)]

use std::time::Duration;

use miette::Diagnostic;
use stepwell_contract::{Limit, Security};
use stepwell_spec::{
    Identity, Request, RequestedEnd, Sources, SpecErrors, TaskRun, parse, read, resolve,
};

fn sources(texts: &[&str]) -> Sources {
    let mut sources = Sources::new();
    for (index, text) in texts.iter().enumerate() {
        sources.add(format!("{index}.yaml"), *text);
    }
    sources
}

fn request() -> Request {
    Request {
        identity: Identity {
            suffix: "abcde".to_owned(),
            uid: "uid".to_owned(),
        },
        ..Request::default()
    }
}

fn codes(errors: &SpecErrors) -> Vec<String> {
    let codes = errors.problems().filter_map(|problem| problem.code());
    codes.map(|code| code.to_string()).collect()
}

const TASK: &str = "
apiVersion: tekton.dev/v1
kind: Task
metadata:
  name: build
  annotations:
    stepwell.dev/limits: memory=1Mi, files=10
    stepwell.dev/limits.one: files=20
    stepwell.dev/grants: network=a:1, network=b:2
spec:
  steps:
    - {name: one, image: ./a.wasm}
    - {name: two, image: ./a.wasm, computeResources: {limits: {memory: 2Mi}}}
";

const RUN: &str = "
apiVersion: tekton.dev/v1
kind: TaskRun
metadata:
  name: run
  annotations:
    stepwell.dev/limits: files=30
    stepwell.dev/grants.two: network=off
spec:
  taskRef: {name: build}
  timeout: 90s
";

fn run_of(sources: &Sources, request: &Request) -> TaskRun {
    let resolved = read(sources, request).unwrap();
    resolved.into_task_run().unwrap()
}

fn limits(run: &TaskRun, step: usize) -> (u64, u64) {
    let limits = &run.steps[step].limits;
    (limits.get(Limit::Memory) >> 20, limits.get(Limit::Files))
}

#[test]
fn a_task_run_finds_its_task_in_another_file() {
    let run = run_of(&sources(&[RUN, TASK]), &request());
    assert_eq!((run.name.as_str(), run.task.as_str()), ("run", "build"));
    assert_eq!(run.timeout, Some(Duration::from_secs(90)));
    assert_eq!(run.document["spec"]["timeout"], "1m30s");
}

#[test]
fn what_is_closer_to_a_step_wins_and_the_command_line_wins_over_all() {
    let sources = sources(&[RUN, TASK]);
    let run = run_of(&sources, &request());
    assert_eq!((limits(&run, 0), limits(&run, 1)), ((1, 20), (2, 30)));
    assert_eq!(
        run.steps[0].grants.settings(),
        ["network=a:1", "network=b:2"]
    );
    assert_eq!(run.steps[1].grants.settings(), [""; 0]);
    let asked = Request {
        limits: vec!["memory=3Mi".to_owned()],
        grants: vec!["clock=real".to_owned()],
        ..request()
    };
    let run = run_of(&sources, &asked);
    assert_eq!((limits(&run, 0), limits(&run, 1)), ((3, 20), (3, 30)));
    assert_eq!(run.steps[1].grants.settings(), ["clock=real"]);
}

#[test]
fn a_task_that_is_named_runs_by_itself() {
    let asked = Request {
        task: Some("build".to_owned()),
        ..request()
    };
    let run = run_of(&sources(&[RUN, TASK]), &asked);
    assert_eq!(run.name.as_str(), "build-run-abcde");
    assert_eq!(limits(&run, 0), (1, 20));
}

#[test]
fn problems_come_in_the_order_of_the_files() {
    let broken = TASK.replace("image", "imgae");
    let texts = sources(&[&RUN.replace("build", "biuld"), "a: [", &broken]);
    let errors = read(&texts, &request()).unwrap_err();
    assert_eq!(
        codes(&errors),
        [
            "spec::task_not_found",
            "spec::not_yaml",
            "spec::no_image",
            "spec::unknown_field",
            "spec::no_image",
            "spec::unknown_field",
        ]
    );
}

#[test]
fn parse_and_resolve_are_the_halves_of_read() {
    let texts = sources(&[RUN, TASK]);
    let run = resolve(&parse(&texts).unwrap(), &request())
        .unwrap()
        .into_task_run()
        .unwrap();
    assert_eq!(run.document, run_of(&texts, &request()).document);
    assert_eq!(
        codes(&parse(&sources(&["a: ["])).unwrap_err()),
        ["spec::not_yaml"]
    );
}

#[test]
fn a_made_up_name_is_one_that_a_cluster_takes() {
    let long = "a".repeat(63);
    let run = run_of(
        &sources(&[&TASK.replace("name: build", &format!("name: {long}"))]),
        &request(),
    );
    assert_eq!(run.name.as_str().len(), 63);
    assert!(run.name.as_str().ends_with("abcde"));
}

#[test]
fn the_older_version_has_resources_under_another_name() {
    let older = TASK
        .replace("v1\n", "v1beta1\n")
        .replace("computeResources", "resources");
    assert_eq!(limits(&run_of(&sources(&[&older]), &request()), 1), (2, 10));
}

#[test]
fn two_of_one_name_in_two_files_are_a_problem_that_names_both() {
    let errors = parse(&sources(&[TASK, TASK])).unwrap_err();
    let problem = errors.problems().next().unwrap();
    assert_eq!(codes(&errors), ["spec::duplicate_name"]);
    let place = problem.span().unwrap();
    assert_eq!(errors.sources().name(place.source), "1.yaml");
    let help = problem.help().unwrap().to_string();
    assert!(help.contains("0.yaml:5:9"), "{help}");
    let run = TASK.replace("kind: Task", "kind: StepAction");
    assert!(!codes(&parse(&sources(&[TASK, &run])).unwrap_err()).contains(&codes(&errors)[0]));
}

#[test]
fn a_run_says_what_its_own_status_asks_for() {
    let status = |lines: &str| {
        let run = RUN.replace("  timeout: 90s\n", lines);
        run_of(&sources(&[&run, TASK]), &request()).status
    };
    assert_eq!(status(""), None);
    assert_eq!(
        status("  status: TaskRunCancelled\n  statusMessage: enough\n"),
        Some(RequestedEnd::Cancelled("enough".into()))
    );
    assert_eq!(
        status("  status: TaskRunPending\n"),
        Some(RequestedEnd::Pending)
    );
}

const SECURED: &str = "
apiVersion: tekton.dev/v1
kind: TaskRun
metadata: {name: run}
spec:
  podTemplate:
    securityContext: {runAsUser: 1000, runAsNonRoot: true, fsGroup: 7, supplementalGroups: [5]}
  taskSpec:
    stepTemplate:
      securityContext: {readOnlyRootFilesystem: true, capabilities: {drop: [ALL]}}
      computeResources: {limits: {cpu: 500m}}
    steps:
      - {name: plain, image: ./a.wasm}
      - name: own
        image: ./a.wasm
        securityContext:
          {runAsUser: 0, runAsNonRoot: false, privileged: true, capabilities: {add: [NET_ADMIN]}}
        computeResources: {limits: {cpu: 1.5, memory: 2Mi}}
";

#[test]
fn who_a_step_is_comes_from_the_step_the_template_and_the_pod() {
    let run = run_of(&sources(&[SECURED]), &request());
    let [plain, own] = &*run.steps else {
        panic!("two steps");
    };
    let of_pod = Security {
        run_as_user: Some(1000),
        groups: vec![5, 7],
        run_as_non_root: true,
        read_only_root: Some(true),
        drop_capabilities: vec!["ALL".to_owned()],
        ..Security::default()
    };
    assert_eq!(plain.security, of_pod);
    assert_eq!(
        own.security,
        Security {
            run_as_user: Some(0),
            run_as_non_root: false,
            privileged: true,
            add_capabilities: vec!["NET_ADMIN".to_owned()],
            ..of_pod
        }
    );
    assert_eq!(plain.resources.cpu_millis, Some(500));
    assert_eq!(
        (own.resources.cpu_millis, own.resources.memory),
        (Some(1500), Some(2 << 20))
    );
}

#[test]
fn who_cannot_be_and_what_cannot_be_counted_is_told() {
    let wrong = SECURED
        .replace("runAsUser: 0", "runAsUser: 4294967296")
        .replace("cpu: 500m", "cpu: half");
    let errors = read(&sources(&[&wrong]), &request()).unwrap_err();
    let told: Vec<_> = errors
        .problems()
        .map(|problem| problem.to_string())
        .collect();
    assert_eq!(
        told,
        [
            "`half` is no value for `cpu`",
            "`4294967296` is no value for `runAsUser`"
        ]
    );
}
