//! No text, however broken, makes reading panic; and what is read points into its text.

use proptest::prelude::*;
use stepwell_spec::{Request, Sources, parse, read};

/// Pieces that documents are made of, in no order at all.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "apiVersion: tekton.dev/v1\n",
        "kind: Task\n",
        "kind: TaskRun\n",
        "kind: Pipeline\n",
        "kind: PipelineRun\n",
        "kind: StepAction\n",
        "kind: ConfigMap\n",
        "kind: Secret\n",
        "kind: PersistentVolumeClaim\n",
        "kind: ServiceAccount\n",
        "apiVersion: v1\n",
        "apiVersion: tekton.dev/v1beta1\n",
        "metadata: {name: a}\n",
        "metadata:\n  generateName: ü-\n",
        "spec:\n",
        "  params:\n",
        "  taskRef: {name: a}\n",
        "  taskSpec:\n    steps: [{image: a, args: ['$(params.x[*])']}]\n",
        "  steps:\n",
        "    - name: a\n",
        "      image: &i $(params.a)\n",
        "      image: *i\n",
        "      script: |\n        $(results.a.path\n",
        "      timeout: 1h\n",
        "      env: [{name: A, value: $(workspaces['a'].path)}]\n",
        "  workspaces: [{name: w, mountPath: //a/../b}]\n",
        "  - <<: *i\n",
        "  pipelineRef: {name: a, bundle: b}\n",
        "  pipelineSpec:\n    tasks: [{name: a, taskRef: {name: b}, runAfter: [a]}]\n",
        "  tasks:\n",
        "  finally:\n",
        "    - {name: b, taskSpec: {steps: [{image: a}]}, when: [{cel: a}]}\n",
        "      matrix: {params: [{name: a, value: '$(tasks.a.results.b[*])'}], include: [{name: c}]}\n",
        "      ref: {resolver: git, params: [{name: url, value: [a]}]}\n",
        "  results: [{name: r, value: '$(tasks.a.results.r.k)'}]\n",
        "  timeouts: {pipeline: 1h, tasks: 0s}\n",
        "  taskRunSpecs: [{pipelineTaskName: a, podTemplate: {volumes: [{name: v}]}}]\n",
        "  volumes: [{name: v, projected: {sources: [{secret: {name: s}}]}}]\n",
        "  stepTemplate: {env: [{name: A, valueFrom: {secretKeyRef: {name: s, key: k}}}]}\n",
        "  sidecars: [{image: a, securityContext: {runAsUser: 0}}]\n",
        "data: {a: YQ==, b: '='}\n",
        "stringData: {a: b}\n",
        "---\n",
        "? [\n",
        "}\n",
        "\t",
        "é: 💧\n",
        "\u{feff}",
        "- ",
        "\"",
        "|\n",
    ]);
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

fn request() -> Request {
    Request {
        params: vec![("x".to_owned(), "{\"a\": [".to_owned())],
        workspaces: vec![("w".to_owned(), "somewhere".into())],
        ..Request::default()
    }
}

fn check(text: &str) {
    let mut sources = Sources::new();
    sources.add("any.yaml", text);
    let _ = parse(&sources);
    if let Err(errors) = read(&sources, &request()) {
        assert!(errors.problems().count() > 0);
        for span in errors.problems().filter_map(|problem| problem.span()) {
            assert!(
                text.get(span.start..span.start + span.len).is_some(),
                "{span:?} in {text:?}"
            );
        }
    }
}

/// A Task whose one step says `text` everywhere.
fn task_around(text: &str) -> String {
    let text = serde_json::to_string(text).unwrap_or_default();
    format!(
        "apiVersion: tekton.dev/v1\nkind: TaskRun\nmetadata: {{name: a}}\nspec:\n  params:\n    \
         - {{name: list, value: [a, b]}}\n    - {{name: text, value: {text}}}\n  taskSpec:\n    \
         results: [{{name: r}}]\n    workspaces: [{{name: w, mountPath: {text}}}]\n    steps:\n      \
         - {{image: {text}, args: [{text}, '$(params.text)'], script: {text}, workingDir: {text}}}\n"
    )
}

/// A Pipeline whose tasks say `text` everywhere.
fn pipeline_around(text: &str) -> String {
    let text = serde_json::to_string(text).unwrap_or_default();
    format!(
        "apiVersion: tekton.dev/v1\nkind: Pipeline\nmetadata: {{name: a}}\nspec:\n  params:\n    \
         - {{name: list, default: [{text}]}}\n    - {{name: text, default: {text}}}\n  tasks:\n    \
         - {{name: t, taskRef: {{name: {text}}}, displayName: {text}}}\n    - name: u\n      \
         taskRef: {{resolver: {text}, params: [{{name: p, value: {text}}}]}}\n      \
         params: [{{name: p, value: {text}}}, {{name: q, value: [{text}]}}, {{name: o, value: {{k: {text}}}}}]\n      \
         when: [{{input: {text}, operator: in, values: [{text}]}}, {{cel: {text}}}]\n      \
         matrix: {{params: [{{name: m, value: {text}}}]}}\n  finally:\n    \
         - {{name: f, taskRef: {{name: t}}, params: [{{name: p, value: {text}}}]}}\n  results:\n    \
         - {{name: r, value: {text}}}\n"
    )
}

proptest! {
    #[test]
    fn any_text_is_read_without_panic(text in any::<String>()) {
        check(&text);
    }

    #[test]
    fn any_pieces_are_read_without_panic(text in pieces()) {
        check(&text);
    }

    #[test]
    fn any_references_are_filled_in_without_panic(
        text in "(\\$\\(|params\\.|list|text|\\[\\*\\]|\\[1\\]|\\['|'\\]|\\)|workspaces\\.w\\.path|results\\.r\\.path|/|ü|\\.\\.){0,12}"
    ) {
        check(&task_around(&text));
    }

    #[test]
    fn any_references_of_a_pipeline_are_looked_up_without_panic(
        text in "(\\$\\(|params\\.|list|text|\\[\\*\\]|\\[1\\]|\\['|'\\]|\\)|tasks\\.|t|u|f|\\.results\\.r|\\.status|\\.matrix\\.length|context\\.pipelineRun\\.name|ü|\\.k){0,12}"
    ) {
        check(&pipeline_around(&text));
    }
}
