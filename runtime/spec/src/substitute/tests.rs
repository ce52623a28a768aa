use super::*;
use crate::errors::SpecErrors;

fn params() -> BTreeMap<String, ParamValue> {
    [
        ("s", ParamValue::from("hello")),
        ("dotted.name", ParamValue::from("dots")),
        (
            "later",
            ParamValue::from("$(workspaces.src.path) $(params.s)"),
        ),
        (
            "list",
            ParamValue::Array(vec!["a".to_owned(), "$(context.task.name)".to_owned()]),
        ),
        ("none", ParamValue::Array(Vec::new())),
        (
            "obj",
            ParamValue::Object([("k".to_owned(), "v".to_owned())].into()),
        ),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}

fn with_scope<T>(
    read: impl FnOnce(&Scope<'_>, &Problems, &dyn Fn(&str) -> Text) -> T,
) -> (T, Vec<String>) {
    let mut sources = Sources::new();
    let span = Sources::span(sources.add("t.yaml", "text"), 0..4);
    let params = params();
    let (results, steps) = (["r".to_owned()].into(), ["build".to_owned()].into());
    let bound = WorkspaceFacts {
        path: "/workspace/src".to_owned(),
        claim: String::new(),
        bound: true,
    };
    let workspaces = [
        ("src".to_owned(), bound),
        ("off".to_owned(), WorkspaceFacts::default()),
    ];
    let around = Surroundings {
        context: Cow::Owned([("task.name", "T".to_owned())].into()),
        outer_context: None,
        workspaces: Cow::Owned(workspaces.into()),
        results: Some(&results),
        steps: Some(&steps),
    };
    let made = Cell::new(0);
    let scope = Scope::new(&sources, &params, &around, &made);
    let problems = Problems::default();
    let value = read(&scope, &problems, &|value| At {
        value: value.to_owned(),
        span,
    });
    let errors = SpecErrors::new(sources.clone(), problems.into_vec());
    (value, errors.problems().map(ToString::to_string).collect())
}

fn fill(text: &str) -> (String, Vec<String>) {
    with_scope(|scope, problems, at| scope.text(&at(text), problems))
}

fn items(texts: &[&str]) -> (Vec<String>, Vec<String>) {
    with_scope(|scope, problems, at| {
        let texts: Vec<_> = texts.iter().map(|text| at(text)).collect();
        scope.items(&texts, problems)
    })
}

#[test]
fn every_form_is_filled_in() {
    for (text, filled) in [
        (
            "$(params.s)-$(params['s'])-$(params[\"s\"])-$(inputs.params.s)",
            "hello-hello-hello-hello",
        ),
        (
            "$(params.dotted.name) $(params['dotted.name'])",
            "dots dots",
        ),
        ("$(params.list[0]) $(params['list'][0])", "a a"),
        ("$(params.obj.k) $(params['obj']['k'])", "v v"),
        ("$(context.task.name)", "T"),
        (
            "$(workspaces.src.path) $(workspaces.src.bound) [$(workspaces.src.claim)]",
            "/workspace/src true []",
        ),
        (
            "[$(workspaces.off.path)] $(workspaces.off.bound) [$(workspaces.off.volume)]",
            "[] false []",
        ),
        (
            "$(results.r.path) $(results['r'].path)",
            "/tekton/results/r /tekton/results/r",
        ),
        (
            "$(steps.step-build.exitCode.path)",
            "/tekton/steps/step-build/exitCode",
        ),
        ("$(credentials.path)", "/tekton/creds"),
    ] {
        assert_eq!(fill(text), (filled.to_owned(), vec![]), "{text}");
    }
}

#[test]
fn what_is_not_known_stays() {
    for text in [
        "$(ls -l) $(params.unknown) $(params.obj.z) $(workspaces.x.path) $(workspaces.src.size) $(results.z.path)",
        "$(context.pipeline.name) $(steps.build.exitCode.path) $(steps.step-x.exitCode.path) $$ $( $(",
    ] {
        assert_eq!(fill(text), (text.to_owned(), vec![]));
    }
}

#[test]
fn a_later_pass_sees_what_an_earlier_one_brought_and_no_pass_runs_twice() {
    assert_eq!(fill("$(params.later)").0, "/workspace/src $(params.s)");
    assert_eq!(fill("$(cat $(params.s))").0, "$(cat hello)");
}

#[test]
fn an_array_takes_the_place_of_its_item() {
    assert_eq!(
        items(&[
            "x",
            "$(params.list[*])",
            "$(params.list)",
            "$(params.none)",
            "$(params.list[0])y"
        ])
        .0,
        ["x", "a", "T", "a", "T", "ay"]
    );
}

#[test]
fn misuse_is_said() {
    for (text, message) in [
        (
            "$(params.list)",
            "`$(params.list)` is an array, and stands where a string must be",
        ),
        (
            "$(params.list[*])",
            "`$(params.list[*])` is an array, and stands where a string must be",
        ),
        (
            "$(params.obj)",
            "`$(params.obj)` is an object, and stands where a string must be",
        ),
        (
            "$(params.s[0])",
            "`$(params.s[0])` is an index into a string, and stands where a string must be",
        ),
        (
            "$(params.list[2])",
            "`$(params.list[2])` is beyond the end of the param `list`, which has 2 values",
        ),
    ] {
        assert_eq!(fill(text).1, [message], "{text}");
    }
    assert_eq!(items(&["a$(params.list[*])"]).1.len(), 1);
}

#[test]
fn json_is_filled_in_beside_declared_names() {
    let mut json = serde_json::json!({
        "name": "$(params.s)", "args": ["$(params.list)"], "env": [{"name": "$(params.s)", "value": "$(params.s)"}], "n": 1
    });
    with_scope(|scope, _, at| scope.json(&mut json, "steps", at("").span));
    assert_eq!(
        json,
        serde_json::json!({
            "name": "hello", "args": ["a", "T"], "env": [{"name": "$(params.s)", "value": "hello"}], "n": 1
        })
    );
}

#[test]
fn a_param_that_is_repeated_without_end_is_stopped() {
    let mut sources = Sources::new();
    let span = Sources::span(sources.add("t.yaml", ""), 0..0);
    let params = [("big".to_owned(), ParamValue::String("x".repeat(1 << 20)))].into();
    let (around, made) = (Surroundings::default(), Cell::new(0));
    let scope = Scope::new(&sources, &params, &around, &made);
    let problems = Problems::default();
    let text = At {
        value: "$(params.big)".repeat(20),
        span,
    };
    assert!(scope.text(&text, &problems).len() < 1024);
    scope.text(&text, &problems);
    assert_eq!(problems.into_vec().len(), 1);
}
