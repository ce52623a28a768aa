//! `stepwell verify`: steps that do the same again in other surroundings, and one that does not.

use serde_json::{Value, json};

use crate::stage::{Stage, checkout};
use crate::tree::{files, write};

/// What `verify` says of each step, what it says of all, and its exit code.
fn verified(stage: &Stage, document: &str, args: &[&str]) -> (Vec<Value>, Value, Option<i32>) {
    let document = checkout().join("tests/scenarios").join(document);
    let words = [&["verify", "-o", "json", document.to_str().unwrap()], args].concat();
    let output = stage.stepwell(&words);
    let text = String::from_utf8(output.stdout).unwrap();
    let mut lines: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let all = lines.pop().unwrap_or_else(|| {
        panic!("{}", String::from_utf8_lossy(&output.stderr));
    });
    (lines, all, output.status.code())
}

#[test]
fn steps_in_rust_c_and_go_are_reproduced_and_nothing_of_the_users_is_changed() {
    let stage = Stage::new();
    let tree = stage.folder("tree");
    let before = [
        ("b.txt", "b"),
        ("a.txt", "a a"),
        ("deep/er/c.txt", "c\nc\n"),
    ];
    write(
        &tree,
        before.map(|(path, text)| (path.to_owned(), text.into())),
    );
    let found = files(&tree);
    let (steps, all, code) = verified(&stage, "verify.yaml", &["-w", "tree=tree"]);
    for step in &steps {
        assert_eq!(step["verdict"], "reproduced", "{steps:#?}");
    }
    let names: Vec<&Value> = steps.iter().map(|step| &step["step"]).collect();
    assert_eq!(names, ["write", "copy", "count", "keys", "seeded"]);
    assert_eq!(
        all,
        json!({"reproduced": 5, "differing": 0, "unverified": 0})
    );
    assert_eq!(code, Some(0));
    assert_eq!(files(&tree), found);
}

#[test]
fn plugins_in_python_and_javascript_are_reproduced() {
    let stage = Stage::new();
    for name in ["json-schema", "markdown-lint"] {
        let fixtures = checkout()
            .join("examples/plugins")
            .join(name)
            .join("fixtures");
        let case = if name == "json-schema" {
            "some-are-wrong"
        } else {
            "three-are-careless"
        };
        let source = fixtures.join(case).join("workspaces/source");
        let bound = format!("source={}", source.display());
        let guest = checkout().join(format!("target/guests/{name}.wasm"));
        let (steps, all, _) = verified(&stage, guest.to_str().unwrap(), &["-w", &bound]);
        assert_eq!(steps[0]["verdict"], "reproduced", "{steps:#?}");
        assert_eq!(all["reproduced"], 1, "{all}");
    }
}

#[test]
fn a_step_that_differs_each_time_is_told_with_what_it_was_granted() {
    let stage = Stage::new();
    let (steps, all, code) = verified(&stage, "chance.yaml", &["--grant", "random=real"]);
    assert_eq!(steps[0]["verdict"], "differs", "{steps:#?}");
    assert_eq!(steps[0]["in"], "stdout");
    assert_eq!(steps[0]["sources"], json!(["random=real"]));
    assert!(steps[0]["byte"].is_u64(), "{steps:#?}");
    assert_ne!(steps[0]["first"], steps[0]["second"]);
    assert_eq!(steps[1]["verdict"], "reproduced");
    assert_eq!(
        all,
        json!({"reproduced": 1, "differing": 1, "unverified": 0})
    );
    assert_eq!(code, Some(5));
}

#[test]
fn the_same_step_with_a_seed_is_reproduced() {
    let stage = Stage::new();
    let (steps, _, code) = verified(&stage, "chance.yaml", &[]);
    assert_eq!(steps[0]["verdict"], "reproduced", "{steps:#?}");
    assert_eq!(code, Some(0));
}

#[test]
fn results_that_a_typed_plugin_emits_are_where_they_were_when_it_runs_again() {
    let stage = Stage::new();
    let (steps, all, code) = verified(&stage, "typed.yaml", &[]);
    for step in &steps {
        assert_eq!(step["verdict"], "reproduced", "{steps:#?}");
    }
    // The file of each result, with its folder.
    assert!(steps[0]["entries"].as_u64() >= Some(3), "{steps:#?}");
    assert_eq!(all["reproduced"], 3);
    assert_eq!(code, Some(0));
}
