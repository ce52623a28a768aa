//! Looking into steps of components: what failed is held, files come out, breakpoints stop, and nobody who connects hurts
//! the run. Shells are those of containers.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::process::{Child, ChildStderr, ChildStdout, Stdio};

use crate::stage::{Stage, wait};

/// A run that is under way.
pub(crate) struct Live {
    pub(crate) child: Child,
    pub(crate) stdout: BufReader<ChildStdout>,
    pub(crate) stderr: BufReader<ChildStderr>,
}

impl Live {
    pub(crate) fn start(stage: &Stage, args: &[&str]) -> Self {
        let mut command = stage.command(args);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        Self {
            stdout: BufReader::new(child.stdout.take().unwrap()),
            stderr: BufReader::new(child.stderr.take().unwrap()),
            child,
        }
    }

    /// Waits for its exit code.
    pub(crate) fn end(mut self) -> (Option<i32>, String) {
        let mut rest = String::new();
        self.stdout.read_to_string(&mut rest).unwrap();
        (wait(&mut self.child), rest)
    }
}

/// All lines up to the one with `text`.
pub(crate) fn until(lines: &mut impl BufRead, text: &str) -> String {
    let mut all = String::new();
    loop {
        let before = all.len();
        assert!(lines.read_line(&mut all).unwrap() > 0, "no {text:?}: {all}");
        if all[before..].contains(text) {
            return all;
        }
    }
}

fn socket(stage: &Stage, run: &str) -> std::path::PathBuf {
    stage.path("state/runs").join(run).join("look.sock")
}

/// A TaskRun with breakpoints.
fn debugged(breakpoints: &str, guest: &str) -> String {
    format!(
        "\
apiVersion: tekton.dev/v1
kind: TaskRun
metadata: {{name: run}}
spec:
  debug: {{breakpoints: {breakpoints}}}
  timeout: 60s
  taskSpec:
    steps:
    - {{name: first, image: ./{guest}}}
    - {{name: second, image: ./hello.wat}}
"
    )
}

#[test]
fn what_failed_is_held_until_somebody_has_looked() {
    let stage = Stage::with(&["exit.wat", "hello.wat"]);
    stage.file(
        "run.yaml",
        "\
apiVersion: tekton.dev/v1
kind: TaskRun
metadata: {name: run}
spec:
  workspaces: [{name: source, emptyDir: {}}]
  taskSpec:
    workspaces: [{name: source}]
    volumes: [{name: conf, configMap: {name: conf}}]
    steps:
    - name: fails
      image: ./exit.wat
      volumeMounts: [{name: conf, mountPath: /conf}]
---
apiVersion: v1
kind: ConfigMap
metadata: {name: conf}
data: {a.txt: one, b.txt: two}
",
    );
    let mut live = Live::start(&stage, &["run", "run.yaml", "--keep"]);
    let said = until(&mut live.stderr, "press Ctrl-C");
    assert!(
        said.contains("stepwell cp run/run/fails:PATH DEST"),
        "{said}"
    );
    assert!(said.contains("workspace source is in /"), "{said}");
    let list = stage.stepwell(&["runs", "list"]);
    assert!(list.stdout.contains("StepFailed (kept)"), "{list:?}");

    // The newest run, its only step that failed.
    let shell = stage.stepwell(&["shell"]);
    assert_eq!(shell.code, Some(3), "{shell:?}");
    assert!(shell.stderr.contains("the wasm backend has no shell"));
    assert!(
        shell.stderr.contains("workspace source is in "),
        "{shell:?}"
    );

    let file = stage.stepwell(&["cp", "run/fails:/conf/a.txt", "-"]);
    assert_eq!((file.code, &*file.stdout), (Some(0), "one"), "{file:?}");
    let folder = stage.stepwell(&["cp", "run:/conf", "conf"]);
    assert_eq!(folder.stdout, "copied 2 files\n", "{folder:?}");
    assert_eq!(fs::read(stage.path("conf/b.txt")).unwrap(), b"two");
    let all = stage.stepwell(&["cp", "--archive", "run", "all.tar"]);
    assert_eq!(all.stdout, "copied 1 file\n", "{all:?}");
    let mut archive = tar::Archive::new(fs::File::open(stage.path("all.tar")).unwrap());
    let names: Vec<_> = archive
        .entries()
        .unwrap()
        .map(|entry| entry.unwrap().path().unwrap().into_owned())
        .collect();
    assert!(names.contains(&"conf/a.txt".into()), "{names:?}");
    for (from, why) in [
        ("run:/conf/none", "No such file"),
        ("run:conf", "begins with `/`"),
        ("run/other:/conf", "there is run/fails"),
        ("none:/conf", "no run is called `none`"),
    ] {
        let refused = stage.stepwell(&["cp", from, "x"]);
        assert_eq!(refused.code, Some(2), "{refused:?}");
        assert!(refused.stderr.contains(why), "{refused:?}");
    }
    assert!(!stage.path("x").exists());

    assert_eq!(stage.left_behind().len(), 1);
    assert_eq!(stage.stepwell(&["runs", "cancel", "run"]).code, Some(0));
    assert_eq!(live.end().0, Some(5));
    assert_eq!(stage.left_behind(), [""; 0]);
    assert!(!socket(&stage, "run").exists());
    let over = stage.stepwell(&["shell", "run"]);
    assert!(over.stderr.contains("the run `run` is over"), "{over:?}");
}

#[test]
fn nothing_is_held_of_what_went_well() {
    let stage = Stage::with(&["hello.wat"]);
    stage.task("task.yaml", &["hello.wat"]);
    let ended = stage.stepwell(&["run", "task.yaml", "--keep"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let contradiction = stage.stepwell(&["run", "task.yaml", "--keep", "--no-record"]);
    assert_eq!(contradiction.code, Some(2), "{contradiction:?}");
    let none = stage.stepwell(&["shell"]);
    assert!(none.stderr.contains("no run is under way"), "{none:?}");
}

#[test]
fn a_step_stops_before_it_runs_until_somebody_lets_it_go_on() {
    for (flag, code) in [(None, 0), (Some("--fail"), 5)] {
        let stage = Stage::with(&["hello.wat"]);
        stage.file(
            "run.yaml",
            &debugged("{beforeSteps: [second]}", "hello.wat"),
        );
        let mut live = Live::start(&stage, &["run", "run.yaml", "-o", "json"]);
        let said = until(&mut live.stdout, "waits before it runs");
        assert!(said.contains("`stepwell shell run/run/second`"), "{said}");
        let mut args = vec!["runs", "continue", "run/run/second"];
        args.extend(flag);
        let went = stage.stepwell(&args);
        assert_eq!(went.code, Some(0), "{went:?}");
        assert!(went.stdout.starts_with("run/second goes on"), "{went:?}");
        let (ended, rest) = live.end();
        assert_eq!(ended, Some(code), "{rest}");
    }
}

#[test]
fn a_step_that_failed_stops_and_counts_as_whoever_looked_says() {
    for (flag, code) in [(None, 0), (Some("--fail"), 5)] {
        let stage = Stage::with(&["exit.wat", "hello.wat"]);
        stage.file("run.yaml", &debugged("{onFailure: enabled}", "exit.wat"));
        let mut live = Live::start(&stage, &["run", "run.yaml"]);
        until(&mut live.stdout, "has failed and waits");
        let mut args = vec!["runs", "continue"];
        args.extend(flag);
        assert_eq!(stage.stepwell(&args).code, Some(0));
        let (ended, rest) = live.end();
        assert_eq!(ended, Some(code), "{rest}");
        assert_eq!(rest.contains("[second] hello"), code == 0, "{rest}");
    }
}

#[test]
fn the_time_of_the_task_ends_a_step_that_stops() {
    let stage = Stage::with(&["hello.wat"]);
    let run = debugged("{beforeSteps: [first]}", "hello.wat").replace("60s", "200ms");
    stage.file("run.yaml", &run);
    let ended = stage.stepwell(&["run", "run.yaml", "-o", "json"]);
    assert_eq!(ended.code, Some(6), "{ended:?}");
}

#[test]
fn without_a_record_nothing_stops_and_that_is_said() {
    let stage = Stage::with(&["hello.wat"]);
    stage.file("run.yaml", &debugged("{beforeSteps: [first]}", "hello.wat"));
    let ended = stage.stepwell(&["run", "run.yaml", "--no-record"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let said = "`debug.breakpoints` makes no difference with --no-record";
    assert_eq!(ended.text().matches(said).count(), 1, "{ended:?}");
}

#[test]
fn attack_those_who_connect_do_not_hurt_the_run() {
    let stage = Stage::with(&["hello.wat"]);
    stage.file("run.yaml", &debugged("{beforeSteps: [first]}", "hello.wat"));
    let mut live = Live::start(&stage, &["run", "run.yaml"]);
    until(&mut live.stdout, "waits before it runs");
    let socket = socket(&stage, "run");
    for nonsense in [
        &b"GET / HTTP/1.1\r\n\r\n"[..],
        &[1, 255, 255, 255, 255],
        &[1, 0, 0, 0, 4, b'{'],
        b"\x01\x00\x00\x00\x02{}",
        b"\x16\x00\x00\x00\x00",
    ] {
        let mut stream = UnixStream::connect(&socket).unwrap();
        stream.write_all(nonsense).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let mut answer = Vec::new();
        // What is no frame at all has no answer but the end.
        let _ = stream.read_to_end(&mut answer);
    }
    // Those who say nothing take the places that there are, and the next is told so.
    let silent: Vec<_> = (0..64)
        .map(|_| UnixStream::connect(&socket).unwrap())
        .collect();
    let refused = stage.stepwell(&["runs", "continue"]);
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(
        refused.stderr.contains("64 look into this run"),
        "{refused:?}"
    );
    // They hold up nobody when the run ends, either.
    assert_eq!(stage.stepwell(&["runs", "cancel", "run"]).code, Some(0));
    assert_eq!(live.end().0, Some(130));
    drop(silent);
    assert!(!socket.exists());
}
