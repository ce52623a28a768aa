//! `stepwell list`: what the documents hold, with no judgement on it.

use anyhow::Context as _;
use serde::Serialize;
use stepwell_report::clean::clean;
use stepwell_spec::{Outline, OutlineParam, OutlineWorkspace, Sources, outline};

use crate::args::{ListArgs, ListOutput};
use crate::environment::Environment;
use crate::exit::ExitCode;
use crate::inputs;
use crate::text::{columns, print};

/// How much of a description and of a default is shown to a person.
const MOST_SHOWN: usize = 60;

/// Lists what the documents hold.
///
/// # Errors
///
/// The documents cannot be read.
pub(crate) fn list(args: &ListArgs, env: &Environment) -> anyhow::Result<ExitCode> {
    let texts = inputs::read(&args.files, env)?;
    let sources = &texts.sources;
    let outlines: Vec<_> = outline(sources)
        .into_iter()
        .filter(|one| one.known || !sources.is_found(one.span.source))
        .collect();
    let text = match args.format.output {
        ListOutput::Pretty => pretty(&outlines, sources),
        ListOutput::Json => json(&outlines, sources)?,
    };
    print(&text)?;
    Ok(ExitCode::Success)
}

fn pretty(outlines: &[Outline], sources: &Sources) -> String {
    if outlines.is_empty() {
        return "there are no documents\n".to_owned();
    }
    let mut rows = vec![["KIND", "NAME", "WHERE", "TAKES"].map(str::to_owned)];
    for one in outlines {
        rows.push([shown(&one.kind), name(one), place(one, sources), takes(one)]);
        if let Some(description) = &one.description {
            let line = description.lines().next().unwrap_or("");
            rows.push([
                String::new(),
                cut(&clean(line)),
                String::new(),
                String::new(),
            ]);
        }
    }
    columns(&rows)
}

fn shown(text: &str) -> String {
    match text {
        "" => "-".to_owned(),
        text => clean(text).into_owned(),
    }
}

fn name(one: &Outline) -> String {
    let rest = if one.generated { "…" } else { "" };
    shown(&one.name) + rest
}

fn place(one: &Outline, sources: &Sources) -> String {
    let (line, _) = sources.line_and_column(one.span);
    format!("{}:{line}", clean(sources.name(one.span.source)))
}

/// `-p level -p mode=fast -w src -w [cache]`
fn takes(one: &Outline) -> String {
    let params = one.params.iter().map(|param| match &param.value {
        None => format!("-p {}", clean(&param.name)),
        Some(value) => {
            let value = value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned);
            format!("-p {}={}", clean(&param.name), cut(&clean(&value)))
        }
    });
    let workspaces = one.workspaces.iter().map(|workspace| {
        let name = clean(&workspace.name);
        match workspace.optional {
            true => format!("[-w {name}]"),
            false => format!("-w {name}"),
        }
    });
    params.chain(workspaces).collect::<Vec<_>>().join(" ")
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(MOST_SHOWN) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

/// One document of the list, for a machine.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Row<'a> {
    kind: &'a str,
    api_version: &'a str,
    name: &'a str,
    generated: bool,
    file: &'a str,
    line: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    params: Vec<ParamRow<'a>>,
    workspaces: Vec<WorkspaceRow<'a>>,
    results: &'a [String],
}

#[derive(Serialize)]
struct ParamRow<'a> {
    name: &'a str,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    param_type: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<&'a serde_json::Value>,
}

#[derive(Serialize)]
struct WorkspaceRow<'a> {
    name: &'a str,
    optional: bool,
}

fn json(outlines: &[Outline], sources: &Sources) -> anyhow::Result<String> {
    let mut text = Vec::new();
    for one in outlines {
        let row = Row {
            kind: &one.kind,
            api_version: &one.api_version,
            name: &one.name,
            generated: one.generated,
            file: sources.name(one.span.source),
            line: sources.line_and_column(one.span).0,
            description: one.description.as_deref(),
            params: one.params.iter().map(param_row).collect(),
            workspaces: one.workspaces.iter().map(workspace_row).collect(),
            results: &one.results,
        };
        serde_json::to_writer(&mut text, &row).context("failed to write JSON")?;
        text.push(b'\n');
    }
    String::from_utf8(text).context("failed to write JSON")
}

fn param_row(param: &OutlineParam) -> ParamRow<'_> {
    ParamRow {
        name: &param.name,
        param_type: param.param_type.as_deref(),
        value: param.value.as_ref(),
    }
}

fn workspace_row(workspace: &OutlineWorkspace) -> WorkspaceRow<'_> {
    WorkspaceRow {
        name: &workspace.name,
        optional: workspace.optional,
    }
}
