//! Several documents in one file: which one runs, and what a TaskRun brings along.

use serde_json::Value;

use crate::hash::sha256;
use crate::stage::{Stage, Told};
use crate::tree::copied;

fn steps(told: &Told) -> &Value {
    &told.of_type("task-start").next().unwrap()["steps"]
}

#[test]
fn the_task_that_is_named_runs() {
    let told = Stage::new()
        .run("several.yaml", &["--task", "greet"])
        .succeeded();
    assert_eq!(steps(&told), &serde_json::json!(["greet"]));
    assert_eq!(told.last()["task"], Value::Null);
    assert!(
        told.last()["run"]
            .as_str()
            .unwrap()
            .starts_with("greet-run-")
    );
}

#[test]
fn a_task_gets_its_defaults_and_what_the_command_line_says() {
    let stage = Stage::new();
    copied(&stage, "docs");
    let scratch = stage.folder("scratch");
    let args = [
        "--task",
        "page",
        "-w",
        "docs=docs",
        "-w",
        "scratch=scratch",
        "-p",
        "page=index.md",
        "-p",
        "names=html=index.html",
    ];
    let told = stage.run("several.yaml", &args).succeeded();
    let page = std::fs::read(scratch.join("index.html")).unwrap();
    assert_eq!(
        told.stdout("hash"),
        [format!("{}  index.html", sha256(&page))]
    );
    let title = std::fs::read_to_string(stage.path("docs/index.md")).unwrap();
    let title = title.lines().next().unwrap().strip_prefix("# ").unwrap();
    let page = String::from_utf8(page).unwrap();
    assert!(page.starts_with(&format!("<h1>{title}</h1>")), "{page}");
    let run = told.last()["run"].as_str().unwrap();
    assert_eq!(
        told.result("head"),
        format!("{run} page extra=false").as_str()
    );
}

#[test]
fn the_only_task_run_runs_with_its_params_and_workspaces() {
    let stage = Stage::new();
    copied(&stage, "docs");
    stage.folder("more");
    // The claim is bound to the folder above, in which the TaskRun names a `subPath`.
    let told = stage
        .run("several.yaml", &["-w", "docs=.", "-w", "extra=more"])
        .succeeded();
    assert_eq!(told.last()["run"], "page-of-the-day");
    assert_eq!(told.result("head"), "page-of-the-day page extra=true");
    let [line] = told.stdout("hash")[..] else {
        panic!("{told:?}");
    };
    assert!(line.ends_with("  page.html"), "{line}");

    // The same page with a prefix for its anchors is another page, rendered by the same component.
    let scratch = stage.folder("scratch");
    let plain = stage.run(
        "several.yaml",
        &[
            "--task",
            "page",
            "-w",
            "docs=docs",
            "-w",
            "scratch=scratch",
            "-p",
            "page=index.md",
        ],
    );
    let page = std::fs::read(scratch.join("page.html")).unwrap();
    assert_ne!(line, format!("{}  page.html", sha256(&page)), "{plain:?}");
}

#[test]
fn a_name_that_no_task_has_is_refused_with_those_there_are() {
    let told = Stage::new().run("several.yaml", &["--task", "nobody"]);
    assert_eq!(told.code, Some(4), "{told:?}");
    assert!(told.events.is_empty(), "{told:?}");
    assert!(
        told.stderr.contains("greet, page, page-of-the-day"),
        "{told:?}"
    );
}
