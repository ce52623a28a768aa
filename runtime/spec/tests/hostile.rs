//! What a hostile document costs, and what its allowed neighbour is worth: reading is bounded in time and in words.
//!
//! The texts are so large that the square of their length would take hours: the test runner ends what takes minutes.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot read its own text has failed"
)]

use std::fmt::Write;

use miette::Diagnostic;
use stepwell_spec::{Sources, parse};

/// The codes of what is wrong with a text.
fn codes(text: &str) -> Vec<String> {
    let mut sources = Sources::new();
    sources.add("any.yaml", text);
    match parse(&sources) {
        Ok(_) => Vec::new(),
        Err(errors) => errors
            .problems()
            .map(|problem| {
                assert!(problem.to_string().len() < text.len() + 1024);
                assert!(problem.help().unwrap().to_string().len() < 1 << 20);
                problem.code().unwrap().to_string()
            })
            .collect(),
    }
}

fn pipeline(tasks: &str) -> String {
    format!(
        "apiVersion: tekton.dev/v1\nkind: Pipeline\nmetadata: {{name: p}}\nspec:\n  tasks:\n{tasks}"
    )
}

/// As many tasks as one run has, each of which waits for what `after` says.
fn tasks(count: usize, after: impl Fn(usize) -> String) -> String {
    let mut text = String::new();
    for at in 0..count {
        let after = after(at);
        writeln!(
            text,
            "    - name: t{at}\n      taskRef: {{name: t}}\n      runAfter: [{after}]\n      \
             params: [{{name: a, value: $(context.pipelineRun.name)}}]"
        )
        .unwrap();
    }
    pipeline(&text)
}

#[test]
fn ten_thousand_tasks_in_a_chain_are_read() {
    let chain = |at: usize| match at {
        0 => String::new(),
        at => format!("t{}", at - 1),
    };
    assert_eq!(codes(&tasks(10_000, chain)), [""; 0]);
}

#[test]
fn attack_a_circle_of_ten_thousand_tasks_is_told_in_a_few_words() {
    let circle = |at: usize| format!("t{}", (at + 9_999) % 10_000);
    assert_eq!(codes(&tasks(10_000, circle)), ["spec::cycle"]);
}

#[test]
fn attack_ten_thousand_unknown_names_are_not_compared_with_ten_thousand() {
    let codes = codes(&tasks(10_000, |at| format!("u{at}")));
    assert_eq!(codes.len(), 1001);
    assert!(codes.contains(&"spec::too_many".to_owned()));
}

#[test]
fn attack_a_hundred_thousand_items_that_mean_nothing_end_after_a_thousand() {
    let list = pipeline(&format!("    [{}]", "x,".repeat(100_000)));
    assert_eq!(codes(&list).len(), 1001);
}

#[test]
fn attack_a_mapping_of_many_keys_costs_no_square() {
    let mut text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: m}\ndata:\n".to_owned();
    for key in 0..50_000 {
        writeln!(text, "  k{key}: v").unwrap();
    }
    assert_eq!(codes(&text), [""; 0]);
    text.push_str("  k7: again\n");
    assert_eq!(codes(&text), ["spec::duplicate_key"]);
}

#[test]
fn attack_a_huge_name_is_refused_once() {
    let name = "n".repeat(1 << 20);
    let text = pipeline(&format!(
        "    - {{name: {name}, taskRef: {{name: t}}, runAfter: [{name}x]}}\n"
    ));
    assert_eq!(
        codes(&text),
        ["spec::bad_name", "spec::unknown_pipeline_task"]
    );
}

#[test]
fn attack_pipelines_inside_pipelines_end_where_documents_do() {
    let nested = |depth: usize| {
        let inner = "{name: a, pipelineSpec: {tasks: [".repeat(depth);
        let end = "]}}".repeat(depth);
        pipeline(&format!(
            "    [{inner}{{name: a, taskRef: {{name: t}}}}{end}]\n"
        ))
    };
    assert_eq!(codes(&nested(10)), [""; 0]);
    assert_eq!(codes(&nested(100)).len(), 1);
}

#[test]
fn attack_a_matrix_of_countless_rows_is_counted_and_refused() {
    let params = (0..40).map(|at| format!("{{name: p{at}, value: [a, b, c]}}"));
    let params = params.collect::<Vec<_>>().join(", ");
    let text = pipeline(&format!(
        "    - {{name: a, taskRef: {{name: t}}, matrix: {{params: [{params}]}}}}\n"
    ));
    assert_eq!(codes(&text), ["spec::matrix_too_large"]);
    let small = "    - {name: a, taskRef: {name: t}, matrix: {params: [{name: p, value: [a]}]}}\n";
    assert_eq!(codes(&pipeline(small)), [""; 0]);
}

#[test]
fn attack_no_value_of_a_secret_is_shown() {
    let text = "apiVersion: v1\nkind: Secret\nmetadata:\n  name: s\n\ndata:\n  key: hush hush\n  \
                number: 12345678\n";
    let mut sources = Sources::new();
    sources.add("any.yaml", text);
    let errors = parse(&sources).unwrap_err();
    let mut shown = format!("{errors:?}");
    for problem in errors.problems() {
        shown.push_str(&problem.to_string());
        let span = problem.span().unwrap();
        // A report shows the lines around the place.
        let (line, _) = sources.line_and_column(span);
        let around = text.lines().skip(line.saturating_sub(2)).take(3);
        around.for_each(|line| shown.push_str(line));
    }
    assert!(
        shown.contains("`key`") && shown.contains("name: s"),
        "{shown}"
    );
    assert!(
        !shown.contains("hush") && !shown.contains("12345678"),
        "{shown}"
    );
}
