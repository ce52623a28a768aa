//! The order of the pages and their place in the sidebar.

use docs_site_pages::{SYNTAX, Target, is_page, resolve};
use pulldown_cmark::{Event, Parser, Tag, TagEnd};

/// A line of the sidebar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Entry {
    /// The name of a part.
    Part(String),
    /// A page.
    Page {
        /// What the sidebar calls it.
        title: String,
        /// Its file; `None` for one that is announced and not written.
        path: Option<String>,
        /// How far it is indented, from 0.
        depth: usize,
    },
}

/// The sidebar, from top to bottom.
pub(crate) struct Navigation(Vec<Entry>);

impl Navigation {
    /// Reads a table of contents as mdBook has it: lists of links, and headings for parts. Its own title is left out.
    pub(crate) fn from_summary(summary: &str) -> Self {
        let mut entries = Vec::new();
        let mut text = String::new();
        let mut target = None;
        let mut lists = 0_usize;
        let mut headings = 0;
        for event in Parser::new_ext(summary, SYNTAX) {
            match event {
                Event::Start(Tag::List(_)) => lists += 1,
                Event::End(TagEnd::List(_)) => lists -= 1,
                Event::Start(Tag::Heading { .. }) => text.clear(),
                Event::End(TagEnd::Heading(_)) => {
                    headings += 1;
                    if headings > 1 {
                        entries.push(Entry::Part(text.clone()));
                    }
                }
                Event::Start(Tag::Link { dest_url, .. }) => {
                    text.clear();
                    target = Some(dest_url);
                }
                Event::End(TagEnd::Link) => {
                    let path =
                        target
                            .take()
                            .and_then(|target| match resolve("SUMMARY.md", &target) {
                                Target::Inside { path, .. } if is_page(&path) => Some(path),
                                _ => None,
                            });
                    entries.push(Entry::Page {
                        title: text.clone(),
                        path,
                        depth: lists.saturating_sub(1),
                    });
                }
                Event::Text(part) | Event::Code(part) => text.push_str(&part),
                _ => {}
            }
        }
        Self(entries)
    }

    /// For a folder without a table of contents: every page under its own title.
    pub(crate) fn from_titles(pages: Vec<(String, String)>) -> Self {
        let entries = pages.into_iter().map(|(title, path)| Entry::Page {
            title,
            path: Some(path),
            depth: 0,
        });
        Self(entries.collect())
    }

    /// The lines, from top to bottom.
    pub(crate) fn entries(&self) -> &[Entry] {
        &self.0
    }

    /// The files of the pages, in order.
    pub(crate) fn pages(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|entry| match entry {
            Entry::Page { path, .. } => path.as_deref(),
            Entry::Part(_) => None,
        })
    }

    /// The entries before and after a page: title and file.
    pub(crate) fn neighbours(&self, page: &str) -> [Option<(&str, &str)>; 2] {
        let pages: Vec<(&str, &str)> = self
            .0
            .iter()
            .filter_map(|entry| match entry {
                Entry::Page {
                    title,
                    path: Some(path),
                    ..
                } => Some((title.as_str(), path.as_str())),
                _ => None,
            })
            .collect();
        let Some(place) = pages.iter().position(|(_, path)| *path == page) else {
            return [None, None];
        };
        let before = place.checked_sub(1).map(|before| pages[before]);
        [before, pages.get(place + 1).copied()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SUMMARY: &str = "# Summary\n\n[Start](README.md)\n\n# Guide\n\n- [One](guide/one.md)\n    - [Two](guide/two.md)\n- [Later]()\n";

    #[test]
    fn a_summary_is_read_with_parts_and_levels() {
        let page = |title: &str, path: &str, depth| Entry::Page {
            title: title.to_owned(),
            path: (!path.is_empty()).then(|| path.to_owned()),
            depth,
        };
        assert_eq!(
            Navigation::from_summary(SUMMARY).entries(),
            [
                page("Start", "README.md", 0),
                Entry::Part("Guide".to_owned()),
                page("One", "guide/one.md", 0),
                page("Two", "guide/two.md", 1),
                page("Later", "", 0),
            ]
        );
    }

    #[test]
    fn a_page_knows_the_ones_next_to_it() {
        let navigation = Navigation::from_summary(SUMMARY);
        assert_eq!(
            navigation.neighbours("guide/one.md"),
            [Some(("Start", "README.md")), Some(("Two", "guide/two.md"))]
        );
        assert_eq!(
            navigation.neighbours("guide/two.md"),
            [Some(("One", "guide/one.md")), None]
        );
        assert_eq!(navigation.neighbours("unlisted.md"), [None, None]);
    }
}
