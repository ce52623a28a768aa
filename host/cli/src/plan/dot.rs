//! A plan as a graph for Graphviz.

use std::collections::HashMap;

use super::model::{Plan, Task, What};

/// The plan as a directed graph. A solid arrow is order, a bold one is results.
pub(super) fn dot(plan: &Plan) -> String {
    let mut text = format!("digraph {} {{\n", quoted(std::slice::from_ref(&plan.of)));
    text += "  rankdir=TB;\n  compound=true;\n  node [shape=box];\n";
    body(plan, "t", "  ", &mut text);
    text + "}\n"
}

/// The ids of a plan's tasks, by their names.
pub(super) fn ids<'a>(plan: &'a Plan, prefix: &str) -> HashMap<&'a str, String> {
    let tasks = plan.tasks.iter().enumerate();
    tasks
        .map(|(index, task)| (task.name.as_str(), format!("{prefix}{index}")))
        .collect()
}

/// What is said of a task in its box.
pub(super) fn label(task: &Task) -> Vec<String> {
    let mut lines = vec![task.name.clone()];
    if task.matrix {
        lines.push(format!("matrix of {} rows", task.rows.len()));
    }
    lines.extend(task.when.iter().map(|when| format!("when {when}")));
    if let Some(What::Task { steps, .. }) = task.rows.first().map(|row| &row.what) {
        for step in steps {
            let code = step.runs.as_ref().map(|runs| format!(" → {runs}"));
            let code = code.unwrap_or_default();
            lines.push(format!("{}: {}{code}", step.name, step.image));
        }
    }
    lines
}

fn body(plan: &Plan, prefix: &str, indent: &str, text: &mut String) {
    let ids = ids(plan, prefix);
    let tasks = || plan.tasks.iter().enumerate();
    for (index, task) in tasks().filter(|(_, task)| !task.finally) {
        node(task, &format!("{prefix}{index}"), indent, text);
    }
    if plan.tasks.iter().any(|task| task.finally) {
        *text += &format!("{indent}subgraph cluster_{prefix}f {{\n{indent}  label=\"finally\";\n");
        for (index, task) in tasks().filter(|(_, task)| task.finally) {
            node(
                task,
                &format!("{prefix}{index}"),
                &format!("{indent}  "),
                text,
            );
        }
        *text += &format!("{indent}}}\n");
    }
    for (index, task) in tasks() {
        for (names, style) in [
            (&task.run_after, ""),
            (&task.results_of, " [style=bold, label=\"results\"]"),
        ] {
            for from in names.iter().filter_map(|name| ids.get(name.as_str())) {
                *text += &format!("{indent}{from} -> {prefix}{index}{style};\n");
            }
        }
    }
}

fn node(task: &Task, id: &str, indent: &str, text: &mut String) {
    *text += &format!("{indent}{id} [label={}];\n", quoted(&label(task)));
    if let [row] = task.rows.as_slice()
        && let What::Pipeline(plan) = &row.what
    {
        let name = quoted(std::slice::from_ref(&task.name));
        *text += &format!("{indent}subgraph cluster_{id} {{\n{indent}  label={name};\n");
        body(plan, &format!("{id}_"), &format!("{indent}  "), text);
        *text += &format!("{indent}}}\n");
    }
}

/// Lines as one string of Graphviz, each aligned to the left.
fn quoted(lines: &[String]) -> String {
    let escaped = lines.iter().map(|line| {
        let line: String = line
            .chars()
            .map(|letter| if letter.is_control() { ' ' } else { letter })
            .collect();
        line.replace('\\', "\\\\").replace('"', "\\\"")
    });
    let break_after = if lines.len() > 1 { "\\l" } else { "" };
    let text: String = escaped.map(|line| line + break_after).collect();
    format!("\"{text}\"")
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn attack_a_name_that_writes_its_own_graph() {
        let name = "a\"]; x -> y [label=\"\\".to_owned();
        assert_eq!(quoted(&[name]), r#""a\"]; x -> y [label=\"\\""#);
        let lines = ["a".to_owned(), "b\nc".to_owned()];
        assert_eq!(quoted(&lines), r#""a\lb c\l""#);
    }
}
