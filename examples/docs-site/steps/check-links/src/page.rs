//! What a page says: its links, its headings, how many words.

use docs_site_pages::{Heading, SYNTAX, headings};
use pulldown_cmark::{BrokenLink, Event, LinkType, Parser, Tag, TagEnd};

/// A link and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Link {
    /// As written; for a reference that is not defined, the reference.
    pub(crate) target: String,
    /// From 1.
    pub(crate) line: usize,
    /// Whether it refers to a definition (`[text][name]`) that the page does not have.
    pub(crate) undefined: bool,
}

/// A page, read.
pub(crate) struct Page {
    pub(crate) links: Vec<Link>,
    /// Each with its line.
    pub(crate) headings: Vec<(Heading, usize)>,
    /// Words of running text; blocks of code do not count.
    pub(crate) words: usize,
}

impl Page {
    pub(crate) fn read(text: &str) -> Self {
        let line = |offset: usize| 1 + text[..offset].matches('\n').count();
        let mut undefined = Vec::new();
        let mut note = |link: BrokenLink<'_>| {
            // `[text]` alone is more often brackets than a link.
            if matches!(link.link_type, LinkType::Reference | LinkType::Collapsed) {
                undefined.push(Link {
                    target: link.reference.to_string(),
                    line: line(link.span.start),
                    undefined: true,
                });
            }
            None
        };
        let mut links = Vec::new();
        let mut words = 0;
        let mut in_code = false;
        let parser = Parser::new_with_broken_link_callback(text, SYNTAX, Some(&mut note));
        for (event, range) in parser.into_offset_iter() {
            match event {
                Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                    links.push(Link {
                        target: dest_url.to_string(),
                        line: line(range.start),
                        undefined: false,
                    });
                }
                Event::Start(Tag::CodeBlock(_)) => in_code = true,
                Event::End(TagEnd::CodeBlock) => in_code = false,
                Event::Text(text) | Event::Code(text) if !in_code => {
                    words += text.split_whitespace().count();
                }
                _ => {}
            }
        }
        links.append(&mut undefined);
        links.sort_by_key(|link| link.line);
        Self {
            links,
            headings: headings(text)
                .into_iter()
                .map(|heading| {
                    let line = line(heading.offset);
                    (heading, line)
                })
                .collect(),
            words,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_have_the_lines_they_stand_on() {
        let page = Page::read("# One\n\ntwo [three](a.md)\n![four](b.svg) [five][six] [seven]\n");
        let links: Vec<(&str, usize, bool)> = page
            .links
            .iter()
            .map(|link| (link.target.as_str(), link.line, link.undefined))
            .collect();
        assert_eq!(
            links,
            [("a.md", 3, false), ("b.svg", 4, false), ("six", 4, true)]
        );
    }

    #[test]
    fn code_blocks_are_no_running_text() {
        let page = Page::read("one `two` three\n\n```\nfour five\n```\n");
        assert_eq!(page.words, 3);
    }
}
