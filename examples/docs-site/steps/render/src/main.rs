//! Renders a folder of Markdown into a site.
//!
//! - **In**: `render DOCS SITE TITLE`. A `SUMMARY.md` gives the order of the pages and their place in the sidebar.
//! - **Out**: a page of HTML for each page of Markdown, each complete in itself; every other file is copied.
//! - **Must not know**: that it runs as a step. It is an ordinary program.
//! - **Held up by**: pulldown-cmark, and `docs-site-pages`, which says what a page is called in the site.
//! - **Read next**: `site`.

mod markup;
mod navigation;
mod site;
mod template;

use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [docs, site, title] = args.as_slice() else {
        eprintln!("usage: render DOCS SITE TITLE");
        return ExitCode::from(2);
    };
    match site::render(Path::new(docs), Path::new(site), title) {
        Ok(counts) => {
            println!("{} pages, {} other files", counts.pages, counts.copied);
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
