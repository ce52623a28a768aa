//! Tekton's own examples: whatever they use, no field of theirs is unknown here.
//!
//! `STEPWELL_TEKTON_EXAMPLES` names a folder with a copy of `examples/v1` of tektoncd/pipeline.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot read its own files has failed"
)]

use std::fs;
use std::path::{Path, PathBuf};

use miette::Diagnostic;
use stepwell_spec::{Request, Sources, read};

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
fn no_field_of_an_example_is_unknown() {
    let Some(folder) = std::env::var_os("STEPWELL_TEKTON_EXAMPLES") else {
        println!("skipped: STEPWELL_TEKTON_EXAMPLES is not set");
        return;
    };
    let mut files = Vec::new();
    collect(Path::new(&folder), &mut files);
    assert!(!files.is_empty());
    let mut unknown = Vec::new();
    for path in &files {
        let mut sources = Sources::new();
        let name = path.display().to_string();
        sources.add(name.as_str(), fs::read_to_string(path).unwrap());
        let Err(errors) = read(&sources, &Request::default()) else {
            println!("{name}: can be run");
            continue;
        };
        for problem in errors.problems() {
            let code = problem
                .code()
                .map(|code| code.to_string())
                .unwrap_or_default();
            let place = problem
                .span()
                .map(|span| errors.sources().line_and_column(span));
            println!("{name}:{place:?}: {code}: {problem}");
            let understood = [
                "spec::kind_not_run_yet",
                "spec::not_supported",
                "spec::missing_param",
            ];
            let about_the_run = [
                "spec::workspace_source",
                "spec::nothing_to_run",
                "spec::several_to_run",
                "spec::working_dir",
            ];
            if !understood.contains(&&*code) && !about_the_run.contains(&&*code) {
                unknown.push(format!("{name}:{place:?}: {code}: {problem}"));
            }
        }
    }
    assert!(unknown.is_empty(), "{}", unknown.join("\n"));
}
