//! Tekton's own examples resolve: `STEPWELL_TEKTON_EXAMPLES` names a folder of them.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot read its own text has failed"
)]

use std::fs;
use std::path::{Path, PathBuf};

use stepwell_spec::{
    Identity, Instance, Pipeline, Request, Resolved, Run, Sources, SpecErrors, read,
};

#[expect(
    clippy::disallowed_methods,
    reason = "where the documents are can only come from whoever starts the test"
)]
fn folder() -> Option<PathBuf> {
    std::env::var_os("STEPWELL_TEKTON_EXAMPLES").map(PathBuf::from)
}

fn documents(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            documents(&path, found);
        } else if path
            .extension()
            .is_some_and(|extension| extension == "yaml")
        {
            found.push(path);
        }
    }
}

/// The names of the PipelineRuns in `text`.
fn runs(text: &str) -> Vec<&str> {
    let documents = text.split("\n---");
    let runs = documents.filter(|document| document.contains("kind: PipelineRun\n"));
    runs.filter_map(|run| {
        let mut lines = run.lines().map(str::trim);
        lines.find_map(|line| {
            line.strip_prefix("name: ")
                .or(line.strip_prefix("generateName: "))
        })
    })
    .collect()
}

fn resolve(path: &Path, text: &str, name: Option<&str>) -> Result<Resolved, SpecErrors> {
    let mut sources = Sources::new();
    sources.add(path.display().to_string(), text);
    let request = Request {
        task: name.map(str::to_owned),
        identity: Identity {
            suffix: "abcde".to_owned(),
            uid: "00000000-0000-4000-8000-000000000000".to_owned(),
        },
        ..Request::default()
    };
    read(&sources, &request)
}

/// What is wrong with the children, as far as they can be seen.
fn broken(pipeline: &Pipeline) -> Vec<String> {
    let mut wrong = Vec::new();
    for (place, task) in pipeline.tasks.iter().enumerate() {
        let children = pipeline.preview(place);
        let never_runs = task.matrixed && task.name.contains("empty-array-skipped");
        if children.is_empty() != never_runs {
            wrong.push(format!("{} has {} children", task.name, children.len()));
        }
        for child in children {
            match child {
                Instance::Task(run) if run.steps.is_empty() => {
                    wrong.push(format!("{} has no steps", run.name));
                }
                Instance::Task(_) => {}
                Instance::Pipeline(nested) => wrong.extend(broken(&nested)),
                Instance::Broken(broken) => wrong.push(broken.verdict.message),
            }
        }
    }
    wrong
}

#[test]
fn every_example_resolves() {
    let Some(folder) = folder() else {
        return;
    };
    let mut paths = Vec::new();
    documents(&folder, &mut paths);
    paths.sort();
    assert!(!paths.is_empty(), "there are no documents");
    let mut wrong = Vec::new();
    for path in &paths {
        let text = fs::read_to_string(path).unwrap();
        let mut names: Vec<_> = runs(&text).into_iter().map(Some).collect();
        if names.len() < 2 {
            names = vec![None];
        }
        for name in names {
            let problems = match resolve(path, &text, name) {
                Ok(Resolved::Run(Run::Task(run))) if run.steps.is_empty() => {
                    vec!["it has no steps".to_owned()]
                }
                Ok(Resolved::Run(Run::Task(_))) => Vec::new(),
                Ok(Resolved::Run(Run::Pipeline(pipeline))) => broken(&pipeline),
                Ok(Resolved::Needs(needs)) => vec![format!("it needs {needs:?}")],
                Err(errors) => errors.problems().map(ToString::to_string).collect(),
            };
            if !problems.is_empty() {
                wrong.push(format!("{}: {problems:#?}", path.display()));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {}\n{}",
        wrong.len(),
        paths.len(),
        wrong.join("\n")
    );
}
