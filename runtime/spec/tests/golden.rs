//! Every document of `tests/golden` against the run it becomes (`.plan`), or against the report of what is wrong with it
//! (`.err`).
//!
//! A file may start with comment lines that say what the command line gives: `# args: -p name=value -w src=./src`. One
//! with `# image: …` stands for what is found out later, when the image is opened, and one with `# here: …` for what the
//! machine does not have or does not allow. Where a `.task` lies beside, that is what every reference with a resolver
//! leads to.
//!
//! `STEPWELL_BLESS=1 cargo test -p stepwell-spec` writes the `.plan` and `.err` files anew; read the difference.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot read its own files has failed"
)]

mod show;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use miette::{GraphicalReportHandler, GraphicalTheme};
use stepwell_contract::Refusal;
use stepwell_spec::{
    Identity, Remote, Request, Resolved, Run, Sources, SpecErrors, SpecProblem, Step, TaskRun,
    VolumeSource, read,
};

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden")
}

fn documents(folder: &str) -> Vec<PathBuf> {
    let mut paths: Vec<_> = fs::read_dir(golden().join(folder))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "yaml")
        })
        .collect();
    paths.sort();
    assert!(!paths.is_empty());
    paths
}

/// What a comment line at the top of the file says after `# key:`.
fn header<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    let mut lines = text.lines().take_while(|line| line.starts_with('#'));
    lines.find_map(|line| line.strip_prefix(&format!("# {key}: ")))
}

fn request(text: &str) -> Request {
    let mut request = Request {
        identity: Identity {
            suffix: "x7k2p".to_owned(),
            uid: "3f0c9a52-7d41-4b6e-9a0e-5a1f6f0d2c11".to_owned(),
        },
        ..Request::default()
    };
    let mut words = header(text, "args").unwrap_or("").split_whitespace();
    while let Some(flag) = words.next() {
        let word = words.next().unwrap();
        let pair = || word.split_once('=').unwrap();
        match flag {
            "-p" => request
                .params
                .push((pair().0.to_owned(), pair().1.to_owned())),
            "-w" => request
                .workspaces
                .push((pair().0.to_owned(), pair().1.into())),
            "--task" => request.task = Some(word.to_owned()),
            "--limit" => request.limits.push(word.to_owned()),
            "--grant" => request.grants.push(word.to_owned()),
            _ => panic!("unknown flag {flag}"),
        }
    }
    request
}

fn read_file(path: &Path) -> Result<Run, SpecErrors> {
    let text = fs::read_to_string(path).unwrap();
    let mut sources = Sources::new();
    let name = path.file_name().unwrap().to_str().unwrap();
    sources.add(name, text.as_str());
    let mut request = request(&text);
    let mut resolved = read(&sources, &request)?;
    let fetched = fs::read_to_string(path.with_extension("task"));
    if let (Resolved::Needs(references), Ok(task)) = (&resolved, fetched) {
        let source = sources.add("fetched.yaml", task);
        let remotes = references.iter().map(|reference| Remote {
            reference: reference.clone(),
            source,
            provenance: Arc::default(),
        });
        request.remotes = remotes.collect();
        resolved = read(&sources, &request)?;
    }
    let run = match resolved {
        Resolved::Run(run) => run,
        Resolved::Needs(references) => {
            let why = "the server does not answer";
            let help = "look at the address, or run with `--offline` once it is kept";
            let problem = SpecProblem::not_fetched(&references[0], why, help);
            return Err(SpecErrors::single(sources, problem));
        }
    };
    let found_later = match &run {
        Run::Task(run) => header(&text, "image")
            .map(|problem| image_problem(problem, &run.steps[0]))
            .or_else(|| header(&text, "here").map(|problem| here_problem(problem, run))),
        Run::Pipeline(_) => None,
    };
    match found_later {
        Some(problem) => Err(SpecErrors::single(sources, problem)),
        None => Ok(run),
    }
}

/// What whoever runs things would say about what `run` asks of the machine.
fn here_problem(problem: &str, run: &TaskRun) -> SpecProblem {
    let volume = run.volumes.first().map(|volume| &volume.source);
    match (problem, volume) {
        ("host_path", Some(VolumeSource::HostPath { path, span, .. })) => {
            SpecProblem::host_path(*span, path)
        }
        ("host_file", Some(VolumeSource::HostPath { path, kind, span })) => {
            SpecProblem::host_file(*span, path, kind)
        }
        ("cluster", Some(VolumeSource::Cluster { what, span })) => {
            SpecProblem::only_in_a_cluster(*span, what)
        }
        _ => panic!("unknown problem {problem} with {volume:?}"),
    }
}

/// What whoever opens images would say about the image of `step`.
fn image_problem(problem: &str, step: &Step) -> SpecProblem {
    let (span, image) = (step.image_span, &*step.image);
    match problem {
        "not_found" => SpecProblem::image_not_found(
            span,
            image,
            Path::new("steps/build.wasm"),
            "no such file or directory",
        ),
        "container" => SpecProblem::image_is_container(span, image, "no Linux"),
        "pulled" => SpecProblem::image_not_pulled(
            span,
            image,
            "there is no `docker.io/library/alpine:3`",
            "look at the name of the image",
        ),
        "native" => SpecProblem::image_is_native(span, image, "an ELF program"),
        "not_wasm" => {
            SpecProblem::image_not_wasm(span, image, "it does not start as WebAssembly does")
        }
        "grant" => SpecProblem::grant_missing(
            span,
            step.name.as_str(),
            &Refusal {
                import: "wasi:sockets/tcp@0.2.6".to_owned(),
                capability: "the network".to_owned(),
                grant: Some("network=any".to_owned()),
            },
        ),
        _ => panic!("unknown image problem {problem}"),
    }
}

fn report(errors: &SpecErrors) -> String {
    let mut report = String::new();
    GraphicalReportHandler::new_themed(GraphicalTheme::unicode_nocolor())
        .with_width(100)
        .render_report(&mut report, errors)
        .unwrap();
    let lines: Vec<_> = report.lines().map(str::trim_end).collect();
    let report = format!("{}\n", lines.join("\n").trim_start_matches('\n'));
    shorten(&report)
}

/// The first problems and the last ones of very many.
fn shorten(report: &str) -> String {
    const KEPT: usize = 2;
    let parts: Vec<_> = report.split("\nError: ").collect();
    if parts.len() < 100 {
        return report.to_owned();
    }
    let (first, last) = (&parts[..KEPT], &parts[parts.len() - KEPT..]);
    let left_out = format!("({} more)\n", parts.len() - 2 * KEPT);
    [first, &[&left_out], last].concat().join("\nError: ")
}

#[expect(
    clippy::disallowed_methods,
    reason = "the switch that writes golden files anew can only come from whoever starts the test"
)]
fn bless() -> bool {
    std::env::var_os("STEPWELL_BLESS").is_some()
}

/// Compares `text` with the file beside `document`, or writes it there.
fn compare(document: &Path, extension: &str, text: &str, differing: &mut Vec<String>) {
    let path = document.with_extension(extension);
    let expected = fs::read_to_string(&path).unwrap_or_default();
    if bless() && expected != text {
        fs::write(&path, text).unwrap();
        return;
    }
    if expected != text {
        differing.push(format!("{}\n{text}", path.display()));
    }
}

#[test]
fn valid_documents_become_these_runs() {
    let mut differing = Vec::new();
    for path in documents("valid") {
        match read_file(&path) {
            Ok(Run::Task(run)) => compare(&path, "plan", &show::run(&run), &mut differing),
            Ok(Run::Pipeline(run)) => {
                compare(&path, "plan", &show::pipeline(&run), &mut differing);
            }
            Err(errors) => differing.push(format!("{}\n{}", path.display(), report(&errors))),
        }
    }
    assert!(differing.is_empty(), "{}", differing.join("\n"));
}

#[test]
fn invalid_documents_get_these_reports() {
    let mut differing = Vec::new();
    for path in documents("invalid") {
        match read_file(&path) {
            Ok(_) => differing.push(format!("{} is valid", path.display())),
            Err(errors) => compare(&path, "err", &report(&errors), &mut differing),
        }
    }
    assert!(differing.is_empty(), "{}", differing.join("\n"));
}

/// The codes of every problem there is, read from where they are declared.
fn codes() -> BTreeSet<String> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/problem");
    let mut codes = BTreeSet::new();
    for entry in fs::read_dir(source).unwrap() {
        let text = fs::read_to_string(entry.unwrap().path()).unwrap();
        let found = text
            .match_indices("code(spec::")
            .map(|(at, _)| &text[at + 5..]);
        codes.extend(found.map(|rest| rest.split(')').next().unwrap().to_owned()));
    }
    assert!(codes.len() > 60, "{codes:?}");
    codes
}

#[test]
fn the_page_of_diagnostics_has_these_codes_and_no_others() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/diagnostics.md");
    let page = fs::read_to_string(page).unwrap();
    let rows = page
        .lines()
        .filter_map(|line| line.strip_prefix("| `spec::")?.split('`').next())
        .map(|code| format!("spec::{code}"));
    let listed: BTreeSet<_> = rows.collect();
    assert_eq!(listed, codes());
}

#[test]
fn every_problem_has_a_report() {
    let codes = codes();
    let reports: Vec<_> = documents("invalid")
        .iter()
        .map(|path| fs::read_to_string(path.with_extension("err")).unwrap_or_default())
        .collect();
    let words: BTreeSet<&str> = reports
        .iter()
        .flat_map(|report| report.split_whitespace())
        .collect();
    let missing: Vec<_> = codes
        .iter()
        .filter(|code| !words.contains(code.as_str()))
        .collect();
    assert!(
        missing.is_empty(),
        "no document in tests/golden/invalid shows {missing:?}"
    );
}
