//! Runs whose cache lies on a full disk: a tiny file system of its own, that is gone with the command.

use std::fs;
use std::os::unix::fs::DirBuilderExt;
use std::process::Command;

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

/// Pages of the file system that the cache is on, of 4 KiB each.
const PAGES: u32 = 64;

/// Runs what follows the first two arguments twice: with so many pages filled as the second says, and with none.
const SCRIPT: &str = "set -e
mount -t tmpfs -o size=256k,mode=0700 tmpfs \"$1\"
filled=\"$1/filled\"
test \"$2\" = 0 || head -c \"$(($2 * 4096))\" /dev/zero > \"$filled\"
shift 2
\"$@\"
rm -f \"$filled\"
exec \"$@\"";

/// `stage`'s command with its cache on a file system of its own.
fn command(stage: &Stage, script: &str, args: &[&str]) -> Command {
    let own = stage.command(&[]);
    let mut command = Command::new("/usr/bin/unshare");
    let root = rustix::process::geteuid().is_root();
    let user = (!root).then_some("--map-root-user");
    command
        .args(user)
        .args(["--mount", "/bin/sh", "-c", script, "sh"])
        .args(args)
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .current_dir(stage.path(""));
    for (name, value) in own.get_envs() {
        if let Some(value) = value {
            command.env(name, value);
        }
    }
    command
}

/// A stage with a folder for the file system; nothing where none can be mounted, and then it is said.
#[expect(clippy::print_stderr, reason = "what is skipped is told")]
fn world() -> Option<(Stage, String)> {
    let stage = Stage::with(&["hello.wat", "result.wat"]);
    stage.file("task.yaml", TASK);
    let steps = stage.path("cache/steps");
    let mut private = fs::DirBuilder::new();
    private.recursive(true).mode(0o700).create(&steps).unwrap();
    let steps = steps.to_str().unwrap().to_owned();
    let probe = "mount -t tmpfs -o size=4k tmpfs \"$1\"";
    let mounted = command(&stage, probe, &[&steps]).output();
    if mounted.as_ref().is_ok_and(|output| output.status.success()) {
        return Some((stage, steps));
    }
    eprintln!("skipped: no file system can be mounted here: {mounted:?}");
    None
}

#[test]
fn a_full_disk_is_told_and_the_run_is_right_and_so_is_the_next() {
    let Some((stage, steps)) = world() else {
        return;
    };
    let binary = env!("CARGO_BIN_EXE_stepwell");
    let mut kept = Vec::new();
    // From an empty disk to a full one, and what is nearly full between.
    for filled in [
        0,
        PAGES - 6,
        PAGES - 4,
        PAGES - 3,
        PAGES - 2,
        PAGES - 1,
        PAGES,
    ] {
        let filled = filled.to_string();
        let args = [&steps, &filled, binary, "run", "task.yaml", "-o", "json"];
        let output = command(&stage, SCRIPT, &args).output().unwrap();
        let text = String::from_utf8(output.stdout.clone()).unwrap();
        assert!(output.status.success(), "{filled}: {output:?}");
        let events: Vec<Value> = text
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        let of = |name: &str| {
            let events = events.iter().filter(|event| event["type"] == name);
            events.cloned().collect::<Vec<_>>()
        };
        let answers = of("result");
        assert_eq!(answers.len(), 2, "{filled}: {text}");
        assert_eq!(answers[0]["value"], answers[1]["value"]);
        let uses = of("step-cache");
        assert_eq!(uses.len(), 4, "{filled}: {text}");
        let (full, free) = uses.split_at(2);
        for one in full.iter().filter(|one| one["state"] != "kept") {
            let reason = one["reason"].as_str().unwrap();
            let expected = "failed to write to the cache: ";
            assert!(reason.starts_with(expected), "{filled}: {reason}");
            assert!(
                reason.contains("No space left on device"),
                "{filled}: {reason}"
            );
            // It is told to people too.
            let mut notices = of("notice").into_iter();
            assert!(
                notices.any(|notice| notice["message"] == reason),
                "{filled}: {text}"
            );
        }
        // Whatever was written to the full disk is no harm to the next run: what was kept is found, and the rest is kept.
        for (before, after) in full.iter().zip(free) {
            let expected = match before["state"] == "kept" {
                true => "hit",
                false => "kept",
            };
            assert_eq!(after["state"], expected, "{filled}: {text}");
        }
        kept.push(full.iter().filter(|one| one["state"] == "kept").count());
    }
    assert_eq!(kept.first(), Some(&2), "an empty disk is no hindrance");
    assert_eq!(kept.last(), Some(&0), "a full disk holds nothing");
}
