//! The command line itself, and the machine it runs on.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;

use crate::stage::{Stage, wait};

#[test]
fn the_version_is_the_packages() {
    let ended = Stage::new().stepwell(&["--version"]);
    assert_eq!(
        ended.stdout,
        format!("stepwell {}\n", env!("CARGO_PKG_VERSION"))
    );
    assert_eq!(ended.code, Some(0));
}

#[test]
fn what_makes_no_sense_is_exit_code_2() {
    let stage = Stage::with(&["hello.wat"]);
    stage.task("task.yaml", &["hello.wat"]);
    for args in [
        &[][..],
        &["fly"],
        &["run"],
        &["run", "task.yaml", "-p", "novalue"],
        &["run", "task.yaml", "-o", "xml"],
        &["run", "missing.yaml"],
        &["exec"],
        &["exec", "hello.wat", "-w", "src"],
        &["exec", "hello.wat", "--timeout", "10"],
        &["exec", "hello.wat", "--limit", "memroy=1Gi"],
        &["exec", "hello.wat", "--grant", "clock"],
    ] {
        let ended = stage.stepwell(args);
        assert_eq!(ended.code, Some(2), "{args:?}: {ended:?}");
        assert_eq!(ended.stdout, "", "{args:?}");
        assert!(!ended.stderr.is_empty(), "{args:?}");
    }
}

#[test]
fn the_long_help_has_examples() {
    for command in ["run", "exec", "inspect", "fetched"] {
        let ended = Stage::new().stepwell(&[command, "--help"]);
        assert_eq!(ended.code, Some(0));
        assert!(
            ended.stdout.contains(&format!("\n  stepwell {command} ")),
            "{}",
            ended.stdout
        );
    }
    let ended = Stage::new().stepwell(&["--help"]);
    assert!(!ended.stdout.contains("compile-worker"), "{}", ended.stdout);
}

#[test]
fn a_cache_that_others_can_write_to_is_the_environments_trouble() {
    let stage = Stage::with(&["hello.wat"]);
    stage.task("task.yaml", &["hello.wat"]);
    fs::create_dir(stage.path("cache")).unwrap();
    fs::set_permissions(stage.path("cache"), Permissions::from_mode(0o777)).unwrap();
    insta::assert_snapshot!(stage.stepwell(&["run", "task.yaml"]).text(), @r"
    --- stderr
    stepwell: `[TEMP]/cache` is not private: its mode 777 lets other users write to it; mend it with `chmod 700 [TEMP]/cache`
    --- exit 3
    ");
}

#[test]
fn a_reader_that_goes_away_is_no_panic() {
    let stage = Stage::with(&["hello.wat"]);
    for args in [&["--help"][..], &["inspect", "hello.wat"]] {
        let mut child = stage
            .command(args)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        assert_eq!(wait(&mut child), Some(0), "{args:?}");
        let mut stderr = String::new();
        std::io::Read::read_to_string(&mut child.stderr.take().unwrap(), &mut stderr).unwrap();
        assert_eq!(stderr, "", "{args:?}");
    }
}
