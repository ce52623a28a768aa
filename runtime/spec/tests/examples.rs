//! Tekton's own examples: there is nothing to say about any of them.
//!
//! `STEPWELL_TEKTON_EXAMPLES` names a folder with a copy of `examples/v1` of tektoncd/pipeline.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot read its own files has failed"
)]

use std::fs;
use std::path::{Path, PathBuf};

use miette::Diagnostic;
use stepwell_spec::{Sources, parse};

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else if path
            .extension()
            .is_some_and(|extension| extension == "yaml")
        {
            files.push(path);
        }
    }
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "where the examples are is not known to the repository"
)]
fn nothing_is_wrong_with_any_example() {
    let Some(folder) = std::env::var_os("STEPWELL_TEKTON_EXAMPLES") else {
        println!("skipped: STEPWELL_TEKTON_EXAMPLES is not set");
        return;
    };
    let mut files = Vec::new();
    collect(Path::new(&folder), &mut files);
    assert!(!files.is_empty());
    let mut wrong = Vec::new();
    for path in &files {
        let mut sources = Sources::new();
        let name = path.display().to_string();
        sources.add(name.as_str(), fs::read_to_string(path).unwrap());
        let Err(errors) = parse(&sources) else {
            continue;
        };
        for problem in errors.problems() {
            let code = problem.code().unwrap();
            let place = problem
                .span()
                .map(|span| errors.sources().line_and_column(span));
            wrong.push(format!("{name}:{place:?}: {code}: {problem}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
