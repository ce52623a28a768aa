//! The site as a whole: which file becomes what, and where it goes.

use std::fs;
use std::io;
use std::path::Path;

use docs_site_pages::{files, is_page, site_name};

use crate::markup::{body, title};
use crate::navigation::Navigation;
use crate::template::{Page, page, redirect};

/// What was written.
pub(crate) struct Counts {
    /// Pages of Markdown.
    pub(crate) pages: usize,
    /// Files taken as they are.
    pub(crate) copied: usize,
}

/// Renders the folder `docs` into the folder `site`.
pub(crate) fn render(docs: &Path, site: &Path, site_title: &str) -> io::Result<Counts> {
    let files = files(docs)?;
    let navigation = navigation(docs, &files)?;
    let mut counts = Counts {
        pages: 0,
        copied: 0,
    };
    for path in &files {
        if is_page(path) {
            let text = read(docs, path)?;
            let html = page(&Page {
                site_title,
                title: &title(&text, path),
                body: &body(&text),
                navigation: &navigation,
                path,
            });
            write(site, &site_name(path), html.as_bytes())?;
            counts.pages += 1;
        } else if path != "SUMMARY.md" {
            write(site, path, &fs::read(docs.join(path))?)?;
            counts.copied += 1;
        }
    }
    // Whoever opens the site gets its first page, whatever that is called.
    if !files.iter().any(|path| site_name(path) == "index.html")
        && let Some(first) = navigation.pages().next()
    {
        write(site, "index.html", redirect(&site_name(first)).as_bytes())?;
    }
    Ok(counts)
}

fn navigation(docs: &Path, files: &[String]) -> io::Result<Navigation> {
    if files.iter().any(|path| path == "SUMMARY.md") {
        return Ok(Navigation::from_summary(&read(docs, "SUMMARY.md")?));
    }
    let mut titles = Vec::new();
    for path in files.iter().filter(|path| is_page(path)) {
        titles.push((title(&read(docs, path)?, path), path.clone()));
    }
    Ok(Navigation::from_titles(titles))
}

fn read(docs: &Path, path: &str) -> io::Result<String> {
    fs::read_to_string(docs.join(path))
        .map_err(|error| io::Error::new(error.kind(), format!("failed to read `{path}`: {error}")))
}

fn write(site: &Path, path: &str, bytes: &[u8]) -> io::Result<()> {
    let file = site.join(path);
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(file, bytes)
        .map_err(|error| io::Error::new(error.kind(), format!("failed to write `{path}`: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_becomes_a_site() {
        let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixture");
        let site = tempfile::tempdir().unwrap();
        let counts = render(&fixture, site.path(), "The well").unwrap();
        assert_eq!((counts.pages, counts.copied), (4, 1));
        assert_eq!(
            docs_site_pages::files(site.path()).unwrap(),
            [
                "guide/index.html",
                "guide/reference.html",
                "guide/start.html",
                "index.html",
                "well.svg",
            ]
        );
        let start = fs::read_to_string(site.path().join("guide/start.html")).unwrap();
        assert!(start.contains("<title>First steps · The well</title>"));
        assert!(
            start.contains(r#"<a href="../guide/start.html" aria-current="page">First steps</a>"#)
        );
        assert!(start.contains(r#"href="reference.html#words-of-the-trade""#));
        assert!(start.contains("[not a link](nowhere.md)"));
    }

    #[test]
    fn a_folder_without_a_first_page_gets_one() {
        let docs = tempfile::tempdir().unwrap();
        let site = tempfile::tempdir().unwrap();
        fs::write(docs.path().join("b.md"), "# Second").unwrap();
        fs::write(docs.path().join("a.md"), "# First").unwrap();
        render(docs.path(), site.path(), "Docs").unwrap();
        let index = fs::read_to_string(site.path().join("index.html")).unwrap();
        assert!(index.contains(r#"url=a.html"#));
    }
}
