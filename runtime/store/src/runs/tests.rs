use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt, symlink};

use super::*;

const DAY: u64 = 24 * 60 * 60 * 1000;

fn runs() -> (tempfile::TempDir, Runs) {
    let temp = tempfile::tempdir().unwrap();
    let runs = Runs::open(&temp.path().join("runs")).unwrap();
    (temp, runs)
}

fn begin(runs: &Runs, name: &str, started_ms: u64) -> LiveRun {
    let files = ["site.yaml".to_owned()];
    runs.create(NewRun {
        name,
        kind: "PipelineRun",
        files: &files,
        started_ms,
        stepwell: "0.1.0",
    })
    .unwrap()
}

fn verdict() -> Option<RunVerdict> {
    Some(RunVerdict {
        succeeded: true,
        reason: "Succeeded".to_owned(),
        message: "Tasks Completed: 1".to_owned(),
    })
}

fn ids(runs: &Runs) -> Vec<String> {
    let runs = runs.list().unwrap();
    runs.iter().map(|run| run.record().id.clone()).collect()
}

#[test]
fn a_run_is_running_then_ended_and_private_all_the_time() {
    let (_temp, runs) = runs();
    let live = begin(&runs, "release", 5);
    let run = runs.run("release").unwrap();
    assert_eq!(run.state(), RunState::Running);
    assert_eq!(run.pid(), Some(std::process::id()));
    assert!(run.file(RunFile::Status).unwrap().is_none());

    let mut documents = live.documents();
    documents.write_all(b"kind: PipelineRun\n").unwrap();
    assert!(!live.path().join("documents.yaml").exists(), "half a file");
    documents.flush().unwrap();
    let mut status = live.status();
    status.write_all(b"status: {}\n").unwrap();
    status.flush().unwrap();
    let path = live.path().to_owned();
    live.end(9, verdict()).unwrap();

    let run = runs.run("release").unwrap();
    assert_eq!((run.state(), run.pid()), (RunState::Ended, None));
    assert_eq!(run.record().ended_ms, Some(9));
    assert_eq!(run.record().verdict, verdict());
    assert_eq!(run.record().files, ["site.yaml"]);
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o700);
    let mut names = Vec::new();
    for entry in fs::read_dir(&path).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(entry.metadata().unwrap().mode() & 0o777, 0o600);
        names.push(entry.file_name().into_string().unwrap());
    }
    names.sort();
    let all = [
        "documents.yaml",
        "events.ndjson",
        "objects.ndjson",
        "run.json",
        "status.yaml",
    ];
    assert_eq!(names, all);
}

#[test]
fn a_run_that_has_ended_is_kept_while_its_process_holds_what_failed() {
    let (_temp, runs) = runs();
    let mut live = begin(&runs, "release", 5);
    live.keep(9, verdict()).unwrap();
    let run = runs.run("release").unwrap();
    assert_eq!(run.state(), RunState::Kept);
    assert_eq!(run.pid(), Some(std::process::id()));
    assert_eq!(run.record().ended_ms, Some(9));
    let gone = Retention { most: 0, days: 0 };
    assert_eq!(runs.trim(gone, u64::MAX).unwrap(), [""; 0]);
    live.end(20, verdict()).unwrap();
    let run = runs.run("release").unwrap();
    assert_eq!((run.state(), run.pid()), (RunState::Ended, None));
    assert_eq!(run.record().ended_ms, Some(9), "it ended when it ended");

    let mut live = begin(&runs, "other", 5);
    live.keep(9, verdict()).unwrap();
    drop(live);
    assert_eq!(runs.run("other").unwrap().state(), RunState::Ended);
}

#[test]
fn runs_of_one_name_are_numbered_and_listed_with_the_newest_first() {
    let (_temp, runs) = runs();
    for started in [1, 2, 3] {
        begin(&runs, "release", started)
            .end(started, verdict())
            .unwrap();
    }
    let other = begin(&runs, "other", 2);
    assert_eq!(ids(&runs), ["release.3", "release.2", "other", "release"]);
    assert_eq!(runs.run("release.2").unwrap().record().name, "release");
    runs.remove("release.2").unwrap();
    assert_eq!(begin(&runs, "release", 4).id(), "release.2");
    assert_eq!(other.id(), "other");
}

#[test]
fn a_run_whose_owner_went_away_has_died_and_one_that_never_said_what_it_is_is_nothing() {
    let (temp, runs) = runs();
    drop(begin(&runs, "release", 1));
    fs::create_dir(temp.path().join("runs/unborn")).unwrap();
    fs::create_dir(temp.path().join("runs/powerless")).unwrap();
    fs::write(temp.path().join("runs/powerless/run.json"), "").unwrap();
    assert_eq!(runs.run("release").unwrap().state(), RunState::Died);
    assert_eq!(ids(&runs), ["release"]);
    assert!(matches!(runs.run("unborn"), Err(StoreError::NoRun { .. })));
    assert_eq!(runs.trim(Retention::default(), 1).unwrap(), [""; 0]);
    assert_eq!(fs::read_dir(temp.path().join("runs")).unwrap().count(), 1);
}

#[test]
fn what_is_too_much_or_too_old_is_trimmed_and_never_what_runs() {
    let (_temp, runs) = runs();
    let alive = begin(&runs, "alive", 0);
    for day in 1..=40 {
        begin(&runs, &format!("day-{day}"), day * DAY)
            .end(day * DAY, verdict())
            .unwrap();
    }
    let removed = runs
        .trim(
            Retention {
                most: 100,
                days: 30,
            },
            40 * DAY,
        )
        .unwrap();
    assert_eq!(removed.len(), 9, "{removed:?}");
    let removed = runs
        .trim(Retention { most: 5, days: 30 }, 40 * DAY)
        .unwrap();
    assert_eq!(removed.len(), 26, "{removed:?}");
    assert_eq!(
        ids(&runs),
        ["day-40", "day-39", "day-38", "day-37", "day-36", "alive"]
    );
    drop(alive);
    assert_eq!(
        runs.trim(Retention { most: 5, days: 30 }, 40 * DAY)
            .unwrap(),
        ["alive"]
    );
}

#[test]
fn runs_are_trimmed_when_there_are_a_quarter_too_many_and_once_a_day() {
    let (_temp, runs) = runs();
    let keep = Retention { most: 4, days: 30 };
    let trim = |now| runs.trim_in_time(keep, now).unwrap().len();
    assert_eq!(trim(1), 0);
    for run in 1..=5 {
        begin(&runs, "release", run).end(run, verdict()).unwrap();
    }
    assert_eq!(trim(DAY), 0, "one too many, and not a day");
    begin(&runs, "release", 6).end(6, verdict()).unwrap();
    assert_eq!(trim(DAY), 2);
    assert_eq!(trim(DAY), 0);
    begin(&runs, "release", 7).end(7, verdict()).unwrap();
    assert_eq!(trim(2 * DAY), 1, "one too many, a day later");
    // A clock that was put back.
    begin(&runs, "release", 8).end(8, verdict()).unwrap();
    assert_eq!(trim(1), 1);
    assert_eq!(runs.list().unwrap().len(), 4);
}

#[test]
fn one_that_runs_is_not_removed_and_says_who_runs_it() {
    let (_temp, runs) = runs();
    let live = begin(&runs, "release", 1);
    let error = runs.remove("release").unwrap_err();
    let pid = std::process::id();
    assert_eq!(
        error.to_string(),
        format!("the run `release` is running, as process {pid}")
    );
    live.end(2, None).unwrap();
    runs.remove("release").unwrap();
    assert!(matches!(
        runs.remove("release"),
        Err(StoreError::NoRun { .. })
    ));
}

#[test]
fn a_run_is_followed_to_its_end() {
    let (_temp, runs) = runs();
    let live = begin(&runs, "release", 1);
    let mut events = live.events().unwrap();
    let run = runs.run("release").unwrap();
    let mut lines = run.lines(RunFile::Events).unwrap();
    assert_eq!(lines.next_line().unwrap(), Next::Nothing);
    events.write_all(b"{\"a\":1}\n{\"b\"").unwrap();
    assert_eq!(
        lines.next_line().unwrap(),
        Next::Line("{\"a\":1}".to_owned())
    );
    assert_eq!(lines.next_line().unwrap(), Next::Nothing);
    events.write_all(b":2}\n{\"torn").unwrap();
    live.end(2, verdict()).unwrap();
    assert_eq!(
        lines.next_line().unwrap(),
        Next::Line("{\"b\":2}".to_owned())
    );
    assert_eq!(lines.next_line().unwrap(), Next::End);
    assert_eq!(lines.next_line().unwrap(), Next::End);
}

#[test]
fn attack_a_line_without_an_end_is_left_out_and_the_next_one_is_not() {
    let (_temp, runs) = runs();
    let live = begin(&runs, "release", 1);
    let mut events = live.events().unwrap();
    for _ in 0..65 {
        events.write_all(&vec![b'x'; 1 << 20]).unwrap();
    }
    events.write_all(b"\nnext\n").unwrap();
    let mut lines = runs.run("release").unwrap().lines(RunFile::Events).unwrap();
    assert_eq!(lines.next_line().unwrap(), Next::Line("next".to_owned()));
    assert_eq!(lines.next_line().unwrap(), Next::Nothing);
}

#[test]
fn attack_ids_that_lead_out_of_the_runs_are_no_runs() {
    let (temp, runs) = runs();
    fs::create_dir(temp.path().join("precious")).unwrap();
    fs::write(temp.path().join("precious/run.json"), "{}").unwrap();
    symlink(temp.path().join("precious"), temp.path().join("runs/link")).unwrap();
    for id in ["../precious", "..", ".", "", "link", "a/b", "a\0b", "/etc"] {
        assert!(
            matches!(runs.run(id), Err(StoreError::NoRun { .. })),
            "{id}"
        );
        assert!(
            matches!(runs.remove(id), Err(StoreError::NoRun { .. })),
            "{id}"
        );
    }
    runs.trim(Retention { most: 0, days: 0 }, u64::MAX).unwrap();
    assert!(temp.path().join("precious/run.json").exists());
}

#[test]
fn attack_names_that_are_no_file_names_become_some() {
    let (temp, runs) = runs();
    let long = "x".repeat(100_000);
    for (name, id) in [
        ("../../etc", "-.-..-etc"),
        ("", "run"),
        (".hidden", "-hidden"),
        ("a\nb\u{1b}[2Jé", "a-b--2J-"),
        (long.as_str(), &long[..LONGEST_NAME]),
        ("plain-name.1", "plain-name.1"),
    ] {
        let live = begin(&runs, name, 1);
        assert_eq!(live.id(), id);
        assert!(temp.path().join("runs").join(id).join("run.json").exists());
        assert_eq!(runs.run(id).unwrap().record().name, name);
    }
}

#[test]
fn a_record_of_another_version_is_neither_read_nor_removed() {
    let (_temp, runs) = runs();
    let live = begin(&runs, "release", 1);
    let path = live.path().join("run.json");
    live.end(2, verdict()).unwrap();
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("\"version\":1", "\"version\":2")).unwrap();
    let error = runs.run("release").unwrap_err();
    assert!(error.to_string().contains("has version 2"), "{error}");
    assert_eq!(ids(&runs), [""; 0]);
    runs.trim(Retention { most: 0, days: 0 }, u64::MAX).unwrap();
    assert!(path.exists());
    // A field that is not known is no new version.
    fs::write(
        &path,
        text.replace("\"version\":1", "\"version\":1,\"new\":true"),
    )
    .unwrap();
    assert_eq!(ids(&runs), ["release"]);
}

#[test]
fn makers_listers_and_trimmers_do_not_meet() {
    let (_temp, runs) = runs();
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                for turn in 0..100 {
                    let live = begin(&runs, "same", turn);
                    let id = live.id().to_owned();
                    assert_eq!(runs.run(&id).unwrap().state(), RunState::Running);
                    live.end(turn, verdict()).unwrap();
                    match runs.remove(&id) {
                        Ok(()) | Err(StoreError::NoRun { .. }) => {}
                        // Somebody else has begun one of the same name since.
                        Err(StoreError::RunAlive { .. }) => {}
                        Err(error) => panic!("{error}"),
                    }
                }
            });
            scope.spawn(|| {
                for _ in 0..50 {
                    let keep = Retention {
                        most: 3,
                        days: u64::MAX,
                    };
                    runs.trim(keep, 0).unwrap();
                    runs.list().unwrap();
                }
            });
        }
    });
    let left = runs.list().unwrap();
    assert!(left.iter().all(|run| run.state() == RunState::Ended));
}

const DOC: &str = include_str!("../../../../docs/reference/runs.md");

#[test]
fn the_page_about_runs_names_every_field_and_file() {
    let (_temp, runs) = runs();
    let live = begin(&runs, "release", 1);
    let path = live.path().join("run.json");
    live.end(2, verdict()).unwrap();
    let record: serde_json::Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    let mut written: Vec<_> = record.as_object().unwrap().keys().cloned().collect();
    // Left out of a run that holds nothing.
    let ended = written.iter().position(|field| field == "endedMs").unwrap();
    written.insert(ended + 1, "kept".to_owned());
    let rows = DOC
        .lines()
        .skip_while(|line| *line != "### `run.json`")
        .skip(1);
    let rows = rows.take_while(|line| !line.starts_with('#'));
    let documented: Vec<_> = rows
        .filter_map(|line| line.strip_prefix("| `")?.split('`').next())
        .collect();
    assert_eq!(documented, written);
    for file in [
        RunFile::Events,
        RunFile::Objects,
        RunFile::Documents,
        RunFile::Status,
    ] {
        assert!(DOC.contains(&format!("`{}`", file.name())), "{file:?}");
    }
}
