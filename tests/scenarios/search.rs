//! Searching a tree: `ripgrep` over a workspace that it may only read.

use crate::stage::{Stage, Told};
use crate::tree::{Files, copied, files};

/// What a search finds, as `ripgrep` prints it.
fn found(tree: &Files, text: &str) -> Vec<String> {
    // It sorts by path, part by part.
    let mut paths: Vec<&String> = tree.keys().collect();
    paths.sort_by_key(|path| path.split('/').collect::<Vec<_>>());
    let mut lines = Vec::new();
    for path in paths {
        let content = String::from_utf8_lossy(&tree[path]);
        for (index, line) in content.lines().enumerate() {
            if line.contains(text) {
                lines.push(format!("{path}:{}:{line}", index + 1));
            }
        }
    }
    lines
}

fn search(stage: &Stage, text: &str) -> Told {
    let text = format!("text={text}");
    stage
        .run("search.yaml", &["-w", "tree=runtime", "-p", &text])
        .succeeded()
}

#[test]
fn every_line_of_a_tree_is_found() {
    let stage = Stage::new();
    let tree = files(&copied(&stage, "runtime"));
    for text in ["pub trait ", "// SAFETY", "Ok(())"] {
        let expected = found(&tree, text);
        let told = search(&stage, text);
        assert_eq!(told.stdout("search"), expected, "{text}");
        let code = if expected.is_empty() { "1" } else { "0" };
        assert_eq!(told.stdout("exit-code"), [code], "{text}");
    }
    assert!(!found(&tree, "pub trait ").is_empty(), "nothing was tried");
    assert_eq!(files(&stage.path("runtime")), tree);
}

#[test]
fn a_search_that_finds_nothing_may_fail_and_the_next_step_knows() {
    let stage = Stage::new();
    copied(&stage, "runtime");
    // In no file, this one included, and different each time.
    let nowhere = format!("{:x}-{:x}", u64::MAX - 1, std::process::id());
    let told = search(&stage, &nowhere);
    assert_eq!(told.stdout("search"), [""; 0]);
    let end = told.end("search");
    assert_eq!(end["terminationReason"], "Continued");
    assert_eq!(end["exitCode"], 1);
    assert_eq!(told.stdout("exit-code"), ["1"]);
}
