//! What the store does when its owner is killed, and when a guest took the permissions on its own folders away.
//!
//! Both need a process of their own: the test program starts itself again, with only the helper test, and tells it over
//! stdin where the store is.

#![expect(clippy::unwrap_used, reason = "the whole file is a test")]

use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use stepwell_store::Store;
use stepwell_store::runs::{NewRun, Next, RunFile, RunState, Runs};

const NOBODY: u32 = 65534;

fn helper(name: &str, root: &Path, user: Option<u32>) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--ignored", "--exact", "--nocapture", name])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    if let Some(user) = user {
        command.uid(user).gid(user);
    }
    let mut child = command.spawn().unwrap();
    let stdin = child.stdin.as_mut().unwrap();
    writeln!(stdin, "{}", root.display()).unwrap();
    child
}

/// What the helper says after the word `says`.
fn answer(child: &mut Child) -> String {
    let stdout = BufReader::new(child.stdout.as_mut().unwrap());
    stdout
        .lines()
        .map_while(Result::ok)
        .find_map(|line| line.split_once("says ").map(|(_, said)| said.to_owned()))
        .expect("the helper says something")
}

fn told_root() -> PathBuf {
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).unwrap();
    PathBuf::from(line.trim_end())
}

#[test]
#[ignore = "started by the tests below, in a process of its own"]
fn hold_a_scratch() {
    let store = Store::open(&told_root()).unwrap();
    let scratch = store.scratch().unwrap();
    scratch
        .folder("workspace")
        .unwrap()
        .0
        .write("file", "1")
        .unwrap();
    println!("says {}", scratch.path().display());
    // Until killed, or until stdin closes.
    told_root();
}

#[test]
fn the_folder_of_a_killed_run_is_swept_and_that_of_a_live_one_is_not() {
    let temp = tempfile::tempdir().unwrap();
    let mut child = helper("hold_a_scratch", temp.path(), None);
    let folder = PathBuf::from(answer(&mut child));
    Store::open(temp.path()).unwrap();
    assert!(folder.join("workspace/file").exists(), "swept alive");
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(folder.exists(), "nobody could have removed it");
    Store::open(temp.path()).unwrap();
    assert!(!folder.exists(), "left after a sweep");
}

#[test]
#[ignore = "started by the test below, as a user without privileges"]
fn remove_locked_folders() {
    let store = Store::open(&told_root()).unwrap();
    let scratch = store.scratch().unwrap();
    let (_, path) = scratch.folder("workspace").unwrap();
    let deep = path.join("a/b/c");
    fs::create_dir_all(&deep).unwrap();
    fs::write(deep.join("file"), "1").unwrap();
    for (folder, mode) in [("a/b/c", 0o000), ("a/b", 0o555), ("a", 0o111), ("", 0o000)] {
        fs::set_permissions(path.join(folder), Permissions::from_mode(mode)).unwrap();
    }
    let refused = fs::read_dir(&path).is_err();
    let folder = scratch.path().to_owned();
    let closed = scratch.close();
    println!("says {refused} {} {closed:?}", folder.exists());
}

#[test]
fn folders_that_a_guest_locked_are_removed() {
    let temp = tempfile::tempdir().unwrap();
    // Root is never refused; as root, become somebody who is.
    let user = chown(temp.path(), Some(NOBODY), Some(NOBODY))
        .is_ok()
        .then_some(NOBODY);
    let mut child = helper("remove_locked_folders", temp.path(), user);
    assert_eq!(answer(&mut child), "true false Ok(())");
    assert!(child.wait().unwrap().success());
}

#[test]
#[ignore = "started by the test below, in a process of its own"]
fn hold_a_run() {
    let runs = Runs::open(&told_root()).unwrap();
    let live = runs
        .create(NewRun {
            name: "release",
            kind: "TaskRun",
            files: &[],
            started_ms: 1,
            stepwell: "0.1.0",
        })
        .unwrap();
    live.events().unwrap().write_all(b"{}\n{\"torn").unwrap();
    println!("says {}", live.id());
    // Until killed, or until stdin closes.
    told_root();
}

#[test]
fn a_run_of_a_killed_process_has_died_and_its_torn_line_is_left_out() {
    let temp = tempfile::tempdir().unwrap();
    let runs = Runs::open(temp.path()).unwrap();
    let mut child = helper("hold_a_run", temp.path(), None);
    assert_eq!(answer(&mut child), "release");
    let run = runs.run("release").unwrap();
    assert_eq!(run.state(), RunState::Running);
    assert_eq!(run.pid(), Some(child.id()));
    let mut lines = run.lines(RunFile::Events).unwrap();
    assert_eq!(lines.next_line().unwrap(), Next::Line("{}".to_owned()));
    assert_eq!(lines.next_line().unwrap(), Next::Nothing);
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(lines.next_line().unwrap(), Next::End);
    assert_eq!(runs.run("release").unwrap().state(), RunState::Died);
    runs.remove("release").unwrap();
}
