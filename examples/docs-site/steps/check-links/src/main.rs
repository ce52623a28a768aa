//! Checks the links and headings of a folder of Markdown.
//!
//! - **In**: `check-links DOCS --strict=true|false --pages=FILE --words=FILE --broken-links=FILE`.
//! - **Out**: one line for each problem, `page:line: what`, and the three numbers, each in its file. Exit code 1 where
//!   there are problems and the caller is strict.
//! - **Must not know**: that it runs as a step. It is an ordinary program.
//! - **Held up by**: `docs-site-pages`, which says what a heading and a link are.
//! - **Read next**: `check`.

mod check;
mod page;

use std::fs;
use std::io;
use std::path::Path;
use std::process::ExitCode;

use check::{Report, check};

fn main() -> ExitCode {
    match run() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}

fn run() -> io::Result<ExitCode> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let docs = args
        .iter()
        .find(|arg| !arg.starts_with("--"))
        .ok_or_else(|| io::Error::other("usage: check-links DOCS [--strict=true] [--pages=FILE] [--words=FILE] [--broken-links=FILE]"))?;
    let report = check(Path::new(docs))?;
    for problem in &report.problems {
        println!("{problem}");
    }
    println!("{}", summary(&report));
    for (flag, number) in [
        ("pages", report.pages),
        ("words", report.words),
        ("broken-links", report.broken_links()),
    ] {
        if let Some(file) = flag_value(&args, flag) {
            fs::write(file, number.to_string())?;
        }
    }
    let strict = flag_value(&args, "strict") == Some("true");
    let failed = strict && !report.problems.is_empty();
    Ok(ExitCode::from(u8::from(failed)))
}

fn flag_value<'a>(args: &'a [String], flag: &str) -> Option<&'a str> {
    args.iter().find_map(|arg| {
        arg.strip_prefix("--")?
            .strip_prefix(flag)?
            .strip_prefix('=')
    })
}

fn summary(report: &Report) -> String {
    format!(
        "{} pages, {} words, {} broken links, {} problems in all",
        report.pages,
        report.words,
        report.broken_links(),
        report.problems.len()
    )
}
