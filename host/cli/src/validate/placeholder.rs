//! Stand-ins for what a Task or a Pipeline is given by whoever runs it, so that it can be looked at by itself.
//!
//! A stand-in is a word that nobody writes. Where a problem is about that word, it is nobody's mistake.

use std::path::PathBuf;

use miette::Diagnostic as _;
use serde_json::{Map, Value, json};
use stepwell_contract::ParamValue;
use stepwell_spec::{Outline, OutlineParam, RemoteRef, Request, SpecErrors, SpecProblem};

/// Letters and dashes, so that it can stand in a name.
pub(super) const WORD: &str = "stepwell-validate-stand-in";

/// Nobody counts further into an array. One of this length is no stand-in from the start: a matrix would have too many
/// rows.
const LONG: usize = 64;

/// Asks for the document by itself, with all that it needs and does not have.
pub(super) fn request(one: &Outline) -> Request {
    let declares = matches!(one.kind.as_str(), "Task" | "Pipeline");
    let mut request = Request {
        task: Some(one.name.clone()),
        ..Request::default()
    };
    if declares {
        let needed = one.params.iter().filter(|param| param.value.is_none());
        request.params = needed
            .map(|param| (param.name.clone(), value(param, WORD)))
            .collect();
        let needed = one
            .workspaces
            .iter()
            .filter(|workspace| !workspace.optional);
        request.workspaces = needed
            .map(|workspace| (workspace.name.clone(), PathBuf::from(WORD)))
            .collect();
    }
    request
}

/// A value for the param, made of `word` unless only others are allowed.
pub(crate) fn value(param: &OutlineParam, word: &str) -> String {
    let is_object = !param.properties.is_empty();
    match param.param_type.as_deref() {
        Some("array") => json!([word]).to_string(),
        Some("object") => object(param, word),
        None if is_object => object(param, word),
        _ => param
            .choices
            .first()
            .map_or(word, String::as_str)
            .to_owned(),
    }
}

fn object(param: &OutlineParam, word: &str) -> String {
    let keys = param.properties.iter();
    let members: Map<String, Value> = keys.map(|key| (key.clone(), json!(word))).collect();
    Value::Object(members).to_string()
}

/// Whether a problem is about a stand-in of `request`: it names one, or says that an array of one is too short.
pub(super) fn is_in(problem: &SpecProblem, request: &Request) -> bool {
    let text = problem.to_string();
    if text.contains(WORD) {
        return true;
    }
    let code = problem.code().map(|code| code.to_string());
    let mut arrays = request
        .params
        .iter()
        .filter(|(_, value)| value.starts_with('[') && value.contains(WORD));
    code.as_deref() == Some("spec::index_out_of_bounds")
        && arrays.any(|(name, _)| text.contains(&format!("the param `{name}`")))
}

/// Makes the arrays among the stand-ins longer, where one was too short; says whether one was.
pub(super) fn lengthen(errors: &SpecErrors, request: &mut Request) -> bool {
    let short = errors.problems().any(|problem| is_in(problem, request));
    if short {
        let long = json!(vec![WORD; LONG]).to_string();
        for (_, value) in &mut request.params {
            if value.starts_with('[') && value.contains(WORD) {
                value.clone_from(&long);
            }
        }
    }
    short
}

/// Whether a reference goes through a stand-in.
pub(super) fn is_in_reference(reference: &RemoteRef) -> bool {
    let has =
        |value: &ParamValue| serde_json::to_string(value).is_ok_and(|text| text.contains(WORD));
    reference.resolver.contains(WORD) || reference.params.iter().any(|(_, value)| has(value))
}

#[cfg(test)]
mod tests {
    use stepwell_spec::{Sources, outline};

    use super::*;

    #[test]
    fn a_task_is_given_what_it_does_not_default_and_a_run_nothing() {
        let mut sources = Sources::new();
        let text = "kind: Task\nmetadata: {name: t}\nspec:\n  params:\n  - name: a\n  - {name: b, default: x}\n  \
                    - {name: c, type: array}\n  - {name: d, properties: {url: {}}}\n  - {name: e, enum: [v1, v2]}\n  \
                    workspaces: [{name: w}, {name: o, optional: true}]\n\
                    ---\nkind: TaskRun\nmetadata: {name: r}\nspec: {params: [{name: a}], workspaces: [{name: w}]}\n";
        sources.add("a.yaml", text);
        let outlines = outline(&sources);
        let request = super::request(&outlines[0]);
        let params: Vec<_> = request
            .params
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let expected = [
            format!("a={WORD}"),
            format!("c=[\"{WORD}\"]"),
            format!("d={{\"url\":\"{WORD}\"}}"),
            "e=v1".to_owned(),
        ];
        assert_eq!(params, expected);
        assert_eq!(request.workspaces, [("w".to_owned(), PathBuf::from(WORD))]);
        let request = super::request(&outlines[1]);
        assert!(request.params.is_empty() && request.workspaces.is_empty());
        assert_eq!(request.task.as_deref(), Some("r"));
    }
}
