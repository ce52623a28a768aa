//! A plan as a flowchart for Mermaid, as Markdown pages show it.

use super::model::{Plan, Task, What};

/// The plan as a flowchart from top to bottom. A solid arrow is order, a thick one is results.
pub(super) fn mermaid(plan: &Plan) -> String {
    let mut text = String::from("flowchart TD\n");
    body(plan, "t", "  ", &mut text);
    text
}

fn body(plan: &Plan, prefix: &str, indent: &str, text: &mut String) {
    let ids = super::dot::ids(plan, prefix);
    let (finally, tasks): (Vec<_>, Vec<_>) = plan
        .tasks
        .iter()
        .enumerate()
        .partition(|(_, task)| task.finally);
    for (index, task) in &tasks {
        node(task, &format!("{prefix}{index}"), indent, text);
    }
    if !finally.is_empty() {
        *text += &format!("{indent}subgraph {prefix}f [\"finally\"]\n");
        for (index, task) in &finally {
            node(
                task,
                &format!("{prefix}{index}"),
                &format!("{indent}  "),
                text,
            );
        }
        *text += &format!("{indent}end\n");
    }
    for (index, task) in tasks.iter().chain(&finally) {
        for (names, arrow) in [(&task.run_after, "-->"), (&task.results_of, "==>|results|")] {
            for from in names.iter().filter_map(|name| ids.get(name.as_str())) {
                *text += &format!("{indent}{from} {arrow} {prefix}{index}\n");
            }
        }
    }
}

fn node(task: &Task, id: &str, indent: &str, text: &mut String) {
    if let [row] = task.rows.as_slice()
        && let What::Pipeline(plan) = &row.what
    {
        *text += &format!("{indent}subgraph {id} [\"{}\"]\n", escaped(&task.name));
        body(plan, &format!("{id}_"), &format!("{indent}  "), text);
        *text += &format!("{indent}end\n");
        return;
    }
    let lines: Vec<_> = super::dot::label(task)
        .iter()
        .map(|line| escaped(line))
        .collect();
    let (open, close) = if task.when.is_empty() {
        ("[", "]")
    } else {
        ("{{", "}}")
    };
    *text += &format!("{indent}{id}{open}\"{}\"{close}\n", lines.join("<br/>"));
}

/// Text that means nothing to Mermaid nor to the HTML around it: whatever is not plainly a word becomes a number.
pub(super) fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for letter in text.chars() {
        match letter {
            letter if letter.is_control() => escaped.push(' '),
            letter if letter.is_alphanumeric() || " .,_-/:=".contains(letter) => {
                escaped.push(letter);
            }
            letter => escaped += &format!("#{};", u32::from(letter)),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::escaped;

    #[test]
    fn attack_a_name_that_writes_its_own_flowchart() {
        assert_eq!(
            escaped("a\"]\n  x --> y; <script>`"),
            "a#34;#93;   x --#62; y#59; #60;script#62;#96;"
        );
        assert_eq!(escaped("build-1.2 os=linux"), "build-1.2 os=linux");
    }
}
