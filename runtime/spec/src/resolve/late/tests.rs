use std::collections::BTreeMap;

use stepwell_contract::StepName;

use super::*;
use crate::source::Sources;

fn outcome() -> StepOutcome {
    let results = [
        ("text", ParamValue::from("hello")),
        ("nested", ParamValue::from("$(steps.a.results.text)")),
        ("list", ParamValue::Array(vec!["x".into(), "y".into()])),
        (
            "object",
            ParamValue::Object(BTreeMap::from([("k".to_owned(), "v".to_owned())])),
        ),
    ];
    StepOutcome {
        name: StepName::new("a"),
        results: results
            .into_iter()
            .map(|(name, value)| (name.into(), value))
            .collect(),
        artifacts: Some(serde_json::json!({
            "outputs": [{"name": "image", "values": [{"uri": "pkg:x"}]}],
        })),
    }
}

fn step(args: &[&str]) -> Step {
    let mut sources = Sources::new();
    let span = Sources::span(sources.add("t.yaml", ""), 0..0);
    let mut step = Step::new(StepName::new("b"), "i".into(), span);
    step.args = args.iter().map(|arg| (*arg).to_owned()).collect();
    step.is_late = is_late(&step);
    step
}

fn filled(args: &[&str]) -> Result<Vec<String>, String> {
    let outcomes = [outcome()];
    let facts = StepFacts {
        retry_count: 2,
        steps: &outcomes,
    };
    fill(&step(args), &facts).map(|step| step.args)
}

#[test]
fn references_to_steps_are_filled_in() {
    assert_eq!(
        filled(&[
            "$(steps.a.results.text)!",
            "$(steps.a.results.list[1])",
            "$(steps.a.results.list[*])",
            "$(steps.a.results.object.k)",
            "$(steps.a.outputs.image)",
            "$(steps.a.outputs)",
            "$(context.task.retry-count)",
            "$(date)",
        ])
        .unwrap(),
        [
            "hello!",
            "y",
            "x",
            "y",
            "v",
            r#"[{"uri":"pkg:x"}]"#,
            r#"[{"uri":"pkg:x"}]"#,
            "2",
            "$(date)",
        ]
    );
}

#[test]
fn attack_a_result_is_not_looked_at_again() {
    assert_eq!(
        filled(&["$(steps.a.results.nested)"]).unwrap(),
        ["$(steps.a.results.text)"]
    );
}

#[test]
fn attack_results_do_not_grow_without_end() {
    let many = "$(steps.a.results.text)".repeat(1 << 20);
    assert!(filled(&[&many]).unwrap_err().contains("more than"));
    let few = "$(steps.a.results.text)".repeat(100);
    assert_eq!(filled(&[&few]).unwrap()[0].len(), 500);
}

#[test]
fn what_is_not_there_is_said() {
    for text in [
        "$(steps.a.results.none)",
        "$(steps.z.results.text)",
        "$(steps.a.results.list[2])",
        "$(steps.a.results.object.z)",
        "$(steps.a.inputs)",
    ] {
        assert!(filled(&[text]).unwrap_err().contains(text), "{text}");
    }
}

#[test]
fn a_script_sees_how_often_it_was_tried_and_no_results() {
    let mut step = step(&[]);
    step.script = Some("$(steps.a.results.text)".to_owned());
    assert!(!is_late(&step));
    step.script = Some("$(context.task.retry-count) $(steps.a.results.text)".to_owned());
    step.is_late = is_late(&step);
    let facts = StepFacts {
        retry_count: 1,
        steps: &[],
    };
    assert_eq!(
        fill(&step, &facts).unwrap().script.as_deref(),
        Some("1 $(steps.a.results.text)")
    );
}

#[test]
fn when_sees_results_of_steps() {
    let mut step = step(&[]);
    let outcomes = [outcome()];
    let facts = StepFacts {
        retry_count: 0,
        steps: &outcomes,
    };
    let input = "$(steps.a.results.text)";
    for (values, expected) in [
        (serde_json::json!(["hello"]), true),
        (serde_json::json!(["$(steps.a.results.list[*])"]), false),
    ] {
        step.when = vec![serde_json::json!({"input": input, "operator": "in", "values": values})];
        assert_eq!(allowed(&step, &facts), Ok(expected));
    }
    step.when = vec![serde_json::json!({"cel": "'$(steps.a.results.text)' == 'hello'"})];
    assert_eq!(allowed(&step, &facts), Ok(true));
}

#[test]
fn a_spec_tells_the_number_of_the_try() {
    let spec = Arc::new(serde_json::json!({"steps": [{
        "args": ["$(context.task.retry-count)$(steps.a.results.text)"],
        "script": "try $(context.task.retry-count)",
    }]}));
    assert_eq!(
        *task_spec(&spec, 2),
        serde_json::json!({"steps": [{
            "args": ["2$(steps.a.results.text)"],
            "script": "try 2",
        }]})
    );
    let plain = Arc::new(serde_json::json!({"steps": [{"script": "$(steps.a.results.text)"}]}));
    assert!(Arc::ptr_eq(&task_spec(&plain, 2), &plain));
}
