//! Compares what pages link to with what is there.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;
use std::io;
use std::path::Path;

use docs_site_pages::{Target, files, is_page, resolve};

use crate::page::{Link, Page};

/// What is wrong at one place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Wrong {
    /// A link to a file that is not there.
    NoFile(String),
    /// A link to a heading that the page does not have.
    NoHeading(String),
    /// A link out of the folder of documents.
    Outside(String),
    /// A reference that the page does not define.
    Undefined(String),
    /// A heading more than one level below the one before.
    LevelLeftOut { from: u8, to: u8 },
    /// A page without a heading of the first level, or with several.
    Titles(usize),
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    page: String,
    line: usize,
    wrong: Wrong,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: ", self.page, self.line)?;
        match &self.wrong {
            Wrong::NoFile(link) => write!(f, "broken link `{link}`: there is no such file"),
            Wrong::NoHeading(link) => {
                write!(f, "broken link `{link}`: the page has no such heading")
            }
            Wrong::Outside(link) => write!(f, "broken link `{link}`: it leads out of the site"),
            Wrong::Undefined(name) => write!(f, "broken link `[{name}]`: it is defined nowhere"),
            Wrong::LevelLeftOut { from, to } => {
                write!(f, "a heading of level {to} follows one of level {from}")
            }
            Wrong::Titles(0) => write!(f, "the page has no heading of level 1"),
            Wrong::Titles(count) => write!(f, "the page has {count} headings of level 1"),
        }
    }
}

/// What was found in a folder.
pub(crate) struct Report {
    pub(crate) pages: usize,
    pub(crate) words: usize,
    /// By page, then by line.
    pub(crate) problems: Vec<Problem>,
}

impl Report {
    /// How many problems are links.
    pub(crate) fn broken_links(&self) -> usize {
        self.problems
            .iter()
            .filter(|problem| {
                !matches!(problem.wrong, Wrong::LevelLeftOut { .. } | Wrong::Titles(_))
            })
            .count()
    }
}

/// Reads every page of a folder, then checks each against all.
pub(crate) fn check(folder: &Path) -> io::Result<Report> {
    let files: BTreeSet<String> = files(folder)?.into_iter().collect();
    let mut pages = BTreeMap::new();
    for path in files.iter().filter(|path| path.ends_with(".md")) {
        let text = fs::read_to_string(folder.join(path)).map_err(|error| {
            io::Error::new(error.kind(), format!("failed to read `{path}`: {error}"))
        })?;
        pages.insert(path.as_str(), Page::read(&text));
    }
    let mut problems = Vec::new();
    for (path, page) in &pages {
        let links = page.links.iter().filter_map(|link| {
            let wrong = wrong_with(link, path, &files, &pages)?;
            Some((link.line, wrong))
        });
        let mut found: Vec<(usize, Wrong)> = links.collect();
        if is_page(path) {
            found.extend(wrong_headings(page));
        }
        found.sort_by_key(|(line, _)| *line);
        problems.extend(found.into_iter().map(|(line, wrong)| Problem {
            page: (*path).to_owned(),
            line,
            wrong,
        }));
    }
    Ok(Report {
        pages: pages.keys().filter(|path| is_page(path)).count(),
        words: pages
            .iter()
            .filter(|(path, _)| is_page(path))
            .map(|(_, page)| page.words)
            .sum(),
        problems,
    })
}

fn wrong_with(
    link: &Link,
    path: &str,
    files: &BTreeSet<String>,
    pages: &BTreeMap<&str, Page>,
) -> Option<Wrong> {
    let text = link.target.clone();
    if link.undefined {
        return Some(Wrong::Undefined(text));
    }
    let (target, anchor) = match resolve(path, &link.target) {
        Target::Elsewhere => return None,
        Target::Outside => return Some(Wrong::Outside(text)),
        Target::Inside { path, anchor } => (path, anchor),
    };
    // A link to a folder is a link to its first page.
    let index = format!("{target}/README.md");
    let file = [target.as_str(), index.trim_start_matches('/')]
        .into_iter()
        .find(|file| files.contains(*file));
    let Some(file) = file else {
        return Some(Wrong::NoFile(text));
    };
    let anchor = anchor?;
    let has_it = pages.get(file).is_none_or(|page| {
        let mut headings = page.headings.iter();
        headings.any(|(heading, _)| heading.anchor == anchor)
    });
    (!has_it).then_some(Wrong::NoHeading(text))
}

fn wrong_headings(page: &Page) -> Vec<(usize, Wrong)> {
    let mut wrong = Vec::new();
    let titles = page
        .headings
        .iter()
        .filter(|(heading, _)| heading.level == 1);
    match titles.clone().count() {
        1 => {}
        count => {
            let line = titles.map(|(_, line)| *line).nth(1).unwrap_or(1);
            wrong.push((line, Wrong::Titles(count)));
        }
    }
    for pair in page.headings.windows(2) {
        let (from, to) = (pair[0].0.level, pair[1].0.level);
        if to > from + 1 {
            wrong.push((pair[1].1, Wrong::LevelLeftOut { from, to }));
        }
    }
    wrong
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_problem_is_found_where_it_is() {
        let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixture");
        let report = check(&fixture).unwrap();
        let lines: Vec<String> = report.problems.iter().map(Problem::to_string).collect();
        assert_eq!(
            lines,
            [
                "guide/start.md:13: a heading of level 4 follows one of level 2",
                "guide/start.md:15: broken link `missing.md`: there is no such file",
                "guide/start.md:15: broken link `#nobody-has-it`: the page has no such heading",
                "guide/start.md:15: broken link `../../README.md`: it leads out of the site",
                "guide/start.md:16: broken link `[undefined]`: it is defined nowhere",
            ]
        );
        assert_eq!(report.broken_links(), 4);
        assert_eq!(report.pages, 4);
    }

    #[test]
    fn a_page_has_one_title() {
        let wrong = |text| wrong_headings(&Page::read(text));
        assert_eq!(wrong("# One\n\n## Two\n"), []);
        assert_eq!(wrong("text\n"), [(1, Wrong::Titles(0))]);
        assert_eq!(wrong("# One\n\n# Two\n"), [(3, Wrong::Titles(2))]);
    }
}
