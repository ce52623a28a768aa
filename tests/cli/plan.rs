//! `stepwell plan`: what a run would do, in every format.

use serde_json::Value;

use crate::pipelines::stage;

#[test]
fn a_tree_is_for_a_person() {
    insta::assert_snapshot!(stage().stepwell(&["plan", "pipeline.yaml"]).text(), @r#"
    PipelineRun release-run-[ID] of the Pipeline release, at most 1h0m0s
    ├─ make
    │  ├─ at most 1h0m0s
    │  └─ step write  ./result.wat
    ├─ never
    │  ├─ when "a" in ["b"]
    │  ├─ at most 1h0m0s
    │  └─ step hello  ./hello.wat
    ├─ use  with results of make
    │  ├─ at most 1h0m0s
    │  └─ step print  ./args.wat
    └─ finally
       └─ last
          ├─ at most 1h0m0s
          └─ step hello  ./hello.wat
    --- exit 0
    "#);
}

#[test]
fn pictures_tell_results_from_order() {
    let stage = stage();
    insta::assert_snapshot!(stage.stepwell(&["plan", "pipeline.yaml", "-o", "mermaid"]).stdout, @r#"
    flowchart TD
      t0["use<br/>print: ./args.wat"]
      t1["make<br/>write: ./result.wat"]
      t2{{"never<br/>when #34;a#34; in #91;#34;b#34;#93;<br/>hello: ./hello.wat"}}
      subgraph tf ["finally"]
        t3["last<br/>hello: ./hello.wat"]
      end
      t1 ==>|results| t0
    "#);
    insta::assert_snapshot!(stage.stepwell(&["plan", "pipeline.yaml", "-o", "dot"]).stdout, @r#"
    digraph "release" {
      rankdir=TB;
      compound=true;
      node [shape=box];
      t0 [label="use\lprint: ./args.wat\l"];
      t1 [label="make\lwrite: ./result.wat\l"];
      t2 [label="never\lwhen \"a\" in [\"b\"]\lhello: ./hello.wat\l"];
      subgraph cluster_tf {
        label="finally";
        t3 [label="last\lhello: ./hello.wat\l"];
      }
      t1 -> t0 [style=bold, label="results"];
    }
    "#);
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
        "bash=./hello.wat",
    ]);
    let plan: Value = serde_json::from_str(&ended.stdout).unwrap();
    let step = &plan["tasks"][0]["rows"][0]["task"]["steps"][0];
    assert_eq!(
        (&step["file"], &step["runs"], &step["substitutedBy"]),
        (
            &"./hello.wat".into(),
            &"./hello.wat".into(),
            &"--image".into()
        )
    );
}

#[test]
fn what_is_not_given_has_stand_ins_that_say_so() {
    let stage = stage();
    let task = "apiVersion: tekton.dev/v1
kind: Task
metadata: {name: t}
spec:
  params: [{name: url}, {name: files, type: array}, {name: to, properties: {host: {}}}, {name: level, default: low}]
  workspaces: [{name: src}]
  steps:
  - {name: a, image: ./hello.wat, args: [$(params.url), '$(params.files[*])', $(params.to.host), $(params.level)]}
";
    stage.file("task.yaml", task);
    let run = "apiVersion: tekton.dev/v1
kind: Pipeline
metadata: {name: p}
spec:
  params: [{name: url}]
  workspaces: [{name: src}]
  tasks:
  - name: one
    when: [{input: $(params.url), operator: in, values: [x]}]
    taskSpec: {steps: [{name: a, image: ./hello.wat}]}
";
    stage.file("pipeline-of-params.yaml", run);
    insta::assert_snapshot!(stage.stepwell(&["plan", "task.yaml"]).text(), @r#"
    TaskRun t-run-[ID] of the Task t, at most 1h0m0s
    └─ t
       ├─ at most 1h0m0s
       ├─ workspace src: the folder <workspace src>
       └─ step a  ./hello.wat
    --- exit 0
    "#);
    insta::assert_snapshot!(stage.stepwell(&["plan", "pipeline-of-params.yaml"]).text(), @r#"
    PipelineRun p-run-[ID] of the Pipeline p, at most 1h0m0s
    └─ one
       ├─ when "<param url>" in ["x"]
       ├─ at most 1h0m0s
       └─ step a  ./hello.wat
    --- exit 0
    "#);
    insta::assert_snapshot!(stage.stepwell(&["plan", "pipeline-of-params.yaml", "-o", "mermaid"]).text(), @r#"
    flowchart TD
      t0{{"one<br/>when #34;#60;param url#62;#34; in #91;#34;x#34;#93;<br/>a: ./hello.wat"}}
    --- exit 0
    "#);
    // One that is given counts; what is wrong is still said.
    let given = stage.stepwell(&["plan", "pipeline-of-params.yaml", "-p", "url=x"]);
    assert!(given.stdout.contains("when \"x\" in"), "{given:?}");
    let wrong = stage.stepwell(&["plan", "pipeline-of-params.yaml", "-p", "gone=x"]);
    assert_eq!(wrong.code, Some(4), "{wrong:?}");
    assert!(wrong.stderr.contains("`url` has no value"), "{wrong:?}");
}
