//! Steps that do not run again, what is told of them, and what can be done with what is kept.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use serde_json::Value;

use crate::stage::Stage;

const TASK: &str = "apiVersion: tekton.dev/v1
kind: Task
metadata: {name: task}
spec:
  results: [{name: answer}]
  steps:
  - {name: hello, image: ./hello.wat}
  - {name: result, image: ./result.wat}
";

/// What the command said, word for word.
struct Said {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Said {
    fn text(&self) -> String {
        format!("{:?}\n{}\n{}", self.code, self.stdout, self.stderr)
    }
}

fn ask(stage: &Stage, args: &[&str]) -> Said {
    end(&mut stage.command(args))
}

fn end(command: &mut Command) -> Said {
    let output = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Said {
        code: output.status.code(),
        stdout: text(output.stdout),
        stderr: text(output.stderr),
    }
}

/// Who may do nothing, by its number.
const NOBODY: u32 = 65534;

/// Sets the modes of `path` and of all that is below it.
fn set_modes(path: &Path, folder: u32, file: u32) {
    let is_folder = path.is_dir();
    if is_folder {
        for entry in fs::read_dir(path).unwrap() {
            set_modes(&entry.unwrap().path(), folder, file);
        }
    }
    let mode = if is_folder { folder } else { file };
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// The files below `path`, each with when it was changed last.
fn state(path: &Path) -> Vec<(PathBuf, SystemTime)> {
    let mut files = Vec::new();
    let mut open = vec![path.to_owned()];
    while let Some(path) = open.pop() {
        if path.is_dir() {
            let entries = fs::read_dir(&path).unwrap();
            open.extend(entries.map(|entry| entry.unwrap().path()));
        }
        let modified = fs::metadata(&path).unwrap().modified().unwrap();
        files.push((path, modified));
    }
    files.sort();
    files
}

fn stage() -> Stage {
    let stage = Stage::with(&["hello.wat", "result.wat"]);
    stage.file("task.yaml", TASK);
    stage
}

/// What the cache had to do with each step of a run with these arguments, and the result.
fn run(stage: &Stage, args: &[&str]) -> (Vec<String>, Option<String>) {
    run_by(&mut stage.command(&[&["run", "task.yaml", "-o", "json"], args].concat()))
}

fn run_by(command: &mut Command) -> (Vec<String>, Option<String>) {
    let ended = end(command);
    assert_eq!(ended.code, Some(0), "{}", ended.text());
    let (mut states, mut answer) = (Vec::new(), None);
    for line in ended.stdout.lines() {
        let event: Value = serde_json::from_str(line).unwrap();
        match event["type"].as_str() {
            Some("step-cache") => states.push(event["state"].as_str().unwrap().to_owned()),
            Some("result") => answer = event["value"].as_str().map(str::to_owned),
            _ => {}
        }
    }
    (states, answer)
}

/// The id of the run that began last.
fn last(stage: &Stage) -> String {
    let listed = ask(stage, &["runs", "list", "-o", "json"]);
    let newest: Value = serde_json::from_str(listed.stdout.lines().next().unwrap()).unwrap();
    newest["id"].as_str().unwrap().to_owned()
}

#[test]
fn a_second_run_is_told_from_the_cache_and_says_the_same() {
    let stage = stage();
    let kept = vec!["kept".to_owned(); 2];
    let hit = vec!["hit".to_owned(); 2];
    let answer = Some("42".to_owned());
    assert_eq!(run(&stage, &[]), (kept.clone(), answer.clone()));
    assert_eq!(run(&stage, &[]), (hit, answer.clone()));
    let shown = ask(&stage, &["run", "task.yaml"]);
    for text in [
        "✓ hello from the cache",
        "all 2 steps came from the cache",
        "[hello] to stderr",
    ] {
        assert!(shown.stdout.contains(text), "{}", shown.text());
    }
    assert_eq!(run(&stage, &["--no-cache"]), (Vec::new(), answer.clone()));
    assert_eq!(run(&stage, &["--fresh", "task"]), (kept, answer));
}

#[test]
fn why_tells_where_each_step_came_from() {
    let stage = stage();
    run(&stage, &[]);
    let first = ask(&stage, &["why", &last(&stage)]);
    assert!(
        first.stdout.contains("ran, and is in the cache now"),
        "{}",
        first.text()
    );
    run(&stage, &[]);
    let second = ask(
        &stage,
        &["why", &format!("{}/task/result", last(&stage)), "--all"],
    );
    for text in [
        "task/result\n",
        "came from the cache",
        "/tekton/results/answer",
    ] {
        assert!(second.stdout.contains(text), "{}", second.text());
    }
    assert!(!second.stdout.contains("task/hello"), "{}", second.text());
    let missing = ask(&stage, &["why", &format!("{}/task/other", last(&stage))]);
    assert_eq!(missing.code, Some(2), "{}", missing.text());
    assert!(
        missing.stderr.contains("task/hello, task/result"),
        "{}",
        missing.text()
    );
}

#[test]
fn what_is_kept_is_counted_checked_carried_and_removed() {
    let stage = stage();
    run(&stage, &[]);
    let told = |args: &[&str]| {
        let ended = ask(&stage, &[&["cache"], args].concat());
        assert_eq!(ended.code, Some(0), "{}", ended.text());
        ended.stdout
    };
    let info: Value = serde_json::from_str(&told(&["info", "-o", "json"])).unwrap();
    assert_eq!(info["outcomes"]["files"], 2);
    assert_eq!(told(&["verify"]), "5 files are whole\n");
    let part = format!("{}/task/hello", last(&stage));
    assert_eq!(told(&["export", "carried", &part]), "exported 1 trace\n");
    assert_eq!(told(&["clear"]), "the cache is empty\n");
    assert_eq!(told(&["import", "carried"]), "imported 1 trace\n");
    assert_eq!(run(&stage, &[]).0, ["hit", "kept"]);
    let collected = told(&["gc", "--max-size", "0"]);
    assert!(
        collected.starts_with("removed 2 outcomes and 1 blob"),
        "{collected}"
    );
    assert_eq!(run(&stage, &[]).0, ["kept", "kept"]);
}

#[test]
fn attack_a_shared_cache_of_another_user_is_read_as_far_as_it_may_be_and_never_changed() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: only root can be another user");
        return;
    }
    let stage = stage();
    let (_, answer) = run(&stage, &[]);
    let shared = stage.path("shared");
    fs::rename(stage.path("cache/steps"), &shared).unwrap();
    let settings = format!("[cache]\nshared = [\"{}\"]\n", shared.display());
    stage.file("stepwell.toml", &settings);
    fs::set_permissions(stage.path(""), Permissions::from_mode(0o755)).unwrap();
    set_modes(&shared, 0o755, 0o644);
    let before = state(&shared);
    // Each time with a cache of its own that is empty.
    let as_nobody = |own: &str| {
        let own = stage.path(own);
        fs::create_dir(&own).unwrap();
        chown(&own, Some(NOBODY), Some(NOBODY)).unwrap();
        let mut command = stage.command(&["run", "task.yaml", "-o", "json"]);
        command
            .env("STEPWELL_CACHE", own.join("cache"))
            .env("STEPWELL_STATE", own.join("state"))
            .uid(NOBODY)
            .gid(NOBODY);
        let (states, said) = run_by(&mut command);
        assert_eq!(said, answer);
        states
    };
    assert_eq!(as_nobody("whole"), ["hit", "hit"]);
    set_modes(&shared.join("blobs"), 0o755, 0o600);
    assert_eq!(as_nobody("no-blobs"), ["hit", "kept"], "only one needs any");
    set_modes(&shared.join("traces"), 0o700, 0o644);
    assert_eq!(as_nobody("no-traces"), ["kept", "kept"]);
    fs::set_permissions(&shared, Permissions::from_mode(0o700)).unwrap();
    assert_eq!(as_nobody("nothing"), ["kept", "kept"]);
    assert_eq!(state(&shared), before);
}
