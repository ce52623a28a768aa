//! A plan for a person: tasks in the order in which they can begin, each with what it waits for and what it runs.

use stepwell_report::clean::clean;

use super::model::{Mounted, Plan, Row, StepPlan, Task, What};

/// How many rows of a matrix are shown one by one.
const MOST_ROWS: usize = 12;

/// The plan as a tree.
pub(super) fn tree(plan: &Plan) -> String {
    let mut text = String::new();
    node(&root(plan), "", "", &mut text);
    text
}

/// A line and what is below it.
struct Node {
    line: String,
    below: Vec<Node>,
}

impl Node {
    fn leaf(line: String) -> Self {
        Self {
            line,
            below: Vec::new(),
        }
    }
}

fn node(this: &Node, first: &str, rest: &str, text: &mut String) {
    // What documents say is hostile to a terminal.
    *text += &format!("{first}{}\n", clean(&this.line.replace('\n', " ")));
    for (index, child) in this.below.iter().enumerate() {
        let (corner, bar) = match index + 1 == this.below.len() {
            true => ("└─ ", "   "),
            false => ("├─ ", "│  "),
        };
        node(
            child,
            &format!("{rest}{corner}"),
            &format!("{rest}{bar}"),
            text,
        );
    }
}

fn root(plan: &Plan) -> Node {
    let of = match plan.kind {
        "TaskRun" => "the Task",
        _ => "the Pipeline",
    };
    let mut line = format!("{} {} of {of} {}", plan.kind, plan.name, plan.of);
    let parts = [
        ("", &plan.timeout),
        ("tasks ", &plan.tasks_timeout),
        ("finally ", &plan.finally_timeout),
    ];
    for (what, timeout) in parts {
        if let Some(timeout) = timeout {
            line += &format!(", {what}at most {timeout}");
        }
    }
    let mut tasks: Vec<&Task> = plan.tasks.iter().filter(|task| !task.finally).collect();
    // Stable: what can begin at the same time stays in the order of the document.
    tasks.sort_by_key(|task| task.depth);
    let mut below: Vec<Node> = tasks.into_iter().map(task).collect();
    let finally: Vec<Node> = plan
        .tasks
        .iter()
        .filter(|task| task.finally)
        .map(task)
        .collect();
    if !finally.is_empty() {
        below.push(Node {
            line: "finally".to_owned(),
            below: finally,
        });
    }
    Node { line, below }
}

fn task(task: &Task) -> Node {
    let mut line = task.name.clone();
    if !task.run_after.is_empty() {
        line += &format!("  after {}", task.run_after.join(", "));
    }
    if !task.results_of.is_empty() {
        line += &format!("  with results of {}", task.results_of.join(", "));
    }
    if task.retries > 0 {
        line += &format!("  tried again {}", times(task.retries));
    }
    if task.goes_on {
        line += "  goes on if it fails";
    }
    let mut below: Vec<Node> = task
        .when
        .iter()
        .map(|when| Node::leaf(format!("when {when}")))
        .collect();
    match task.rows.as_slice() {
        [row] if !task.matrix => below.extend(what(&row.what)),
        rows => below.extend(matrix(rows)),
    }
    Node { line, below }
}

fn times(count: u32) -> String {
    match count {
        1 => "once".to_owned(),
        2 => "twice".to_owned(),
        count => format!("{count} times"),
    }
}

/// The rows by what the matrix gives them, and once what all of them run.
fn matrix(rows: &[Row]) -> Vec<Node> {
    let shown = rows.iter().take(MOST_ROWS).enumerate();
    let mut lines: Vec<Node> = shown
        .map(|(index, row)| {
            let params = row.params.iter();
            let params: Vec<_> = params
                .map(|(name, value)| format!("{name}={value}"))
                .collect();
            Node::leaf(format!("row {index}: {}", params.join(" ")))
        })
        .collect();
    if rows.len() > MOST_ROWS {
        lines.push(Node::leaf(format!("… and {} more", rows.len() - MOST_ROWS)));
    }
    let mut nodes = vec![Node {
        line: format!("matrix of {} rows", rows.len()),
        below: lines,
    }];
    if let Some(row) = rows.first() {
        nodes.extend(what(&row.what));
    }
    nodes
}

fn what(what: &What) -> Vec<Node> {
    match what {
        What::Pipeline(plan) => vec![root(plan)],
        What::Broken(why) => vec![Node::leaf(format!("fails before it starts: {why}"))],
        What::Task {
            timeout,
            hermetic,
            workspaces,
            volumes,
            sidecars,
            steps,
            ..
        } => {
            let mut nodes = Vec::new();
            if let Some(timeout) = timeout {
                nodes.push(Node::leaf(format!("at most {timeout}")));
            }
            if *hermetic {
                nodes.push(Node::leaf("hermetic: no network".to_owned()));
            }
            nodes.extend(workspaces.iter().map(|one| mounted("workspace", one)));
            nodes.extend(volumes.iter().map(|one| mounted("volume", one)));
            nodes.extend(sidecars.iter().map(|one| step("sidecar", one)));
            nodes.extend(steps.iter().map(|one| step("step", one)));
            nodes
        }
    }
}

fn mounted(what: &str, one: &Mounted) -> Node {
    let read_only = if one.read_only { ", read-only" } else { "" };
    Node::leaf(format!("{what} {}: {}{read_only}", one.name, one.source))
}

fn step(what: &str, step: &StepPlan) -> Node {
    let mut line = format!("{what} {}  {}", step.name, step.image);
    if let (Some(runs), Some(place)) = (&step.runs, &step.substituted_by) {
        line += &format!("  → {runs} ({place})");
    }
    match &step.digest {
        Some(digest) => line += &format!("  → {digest}"),
        None if step.file.is_none() => line += "  (not looked up yet)",
        None => {}
    }
    if let Some(timeout) = &step.timeout {
        line += &format!("  at most {timeout}");
    }
    if step.conditional {
        line += "  conditional";
    }
    if step.goes_on {
        line += "  goes on if it fails";
    }
    let settings = step.grants.iter().map(|grant| ("grant", grant));
    let limits = step.limits.iter().map(|limit| ("limit", limit));
    Node {
        line,
        below: settings
            .chain(limits)
            .map(|(what, setting)| Node::leaf(format!("{what} {setting}")))
            .collect(),
    }
}
