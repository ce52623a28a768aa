//! `stepwell plan`: what a run would do, in every format.

use serde_json::Value;

use crate::pipelines::stage;

#[test]
fn a_tree_is_for_a_person() {
    insta::assert_snapshot!(stage().stepwell(&["plan", "pipeline.yaml"]).text(), @"");
}

#[test]
fn pictures_tell_results_from_order() {
    let stage = stage();
    insta::assert_snapshot!(stage.stepwell(&["plan", "pipeline.yaml", "-o", "mermaid"]).stdout, @"");
    insta::assert_snapshot!(stage.stepwell(&["plan", "pipeline.yaml", "-o", "dot"]).stdout, @"");
}

#[test]
fn json_is_for_a_machine_and_names_what_stands_for_an_image() {
    let stage = stage();
    stage.file(
        "task.yaml",
        "apiVersion: tekton.dev/v1\nkind: Task\nmetadata: {name: t}\nspec: {steps: [{name: a, image: bash}]}\n",
    );
    let ended = stage.stepwell(&[
        "plan",
        "task.yaml",
        "-o",
        "json",
        "--image",
        "bash=hello.wat",
    ]);
    let plan: Value = serde_json::from_str(&ended.stdout).unwrap();
    let step = &plan["tasks"][0]["rows"][0]["task"]["steps"][0];
    assert_eq!(
        (&step["file"], &step["substitutedBy"]),
        (&"hello.wat".into(), &"--image".into())
    );
}
