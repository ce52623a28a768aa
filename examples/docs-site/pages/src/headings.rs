//! The headings of a page and the anchors that links use for them.

use std::collections::HashMap;

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

/// The Markdown that the project's documents are written in.
pub const SYNTAX: Options = Options::ENABLE_TABLES
    .union(Options::ENABLE_FOOTNOTES)
    .union(Options::ENABLE_STRIKETHROUGH)
    .union(Options::ENABLE_TASKLISTS)
    .union(Options::ENABLE_HEADING_ATTRIBUTES);

/// One heading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heading {
    /// 1 for the title of a page, up to 6.
    pub level: u8,
    /// Its words, without formatting.
    pub text: String,
    /// What a link to it says after `#`. Unique in the page.
    pub anchor: String,
    /// Where it starts, in bytes from the start of the page.
    pub offset: usize,
}

/// The headings of a page, in order.
pub fn headings(page: &str) -> Vec<Heading> {
    let mut found: Vec<Heading> = Vec::new();
    let mut used: HashMap<String, usize> = HashMap::new();
    let mut open: Option<Heading> = None;
    for (event, range) in Parser::new_ext(page, SYNTAX).into_offset_iter() {
        match event {
            Event::Start(Tag::Heading { level, id, .. }) => {
                open = Some(Heading {
                    level: level as u8,
                    text: String::new(),
                    anchor: id.map_or_else(String::new, |id| id.into_string()),
                    offset: range.start,
                });
            }
            Event::Text(text) | Event::Code(text) => {
                if let Some(heading) = &mut open {
                    heading.text.push_str(&text);
                }
            }
            Event::End(TagEnd::Heading(_)) => {
                if let Some(mut heading) = open.take() {
                    if heading.anchor.is_empty() {
                        heading.anchor = unique(slug(&heading.text), &mut used);
                    }
                    found.push(heading);
                }
            }
            _ => {}
        }
    }
    found
}

/// Lower case, letters and digits of any script, `-` for a space; the rest is dropped.
fn slug(text: &str) -> String {
    text.trim()
        .chars()
        .filter_map(|c| match c {
            ' ' => Some('-'),
            '-' | '_' => Some(c),
            c if c.is_alphanumeric() => Some(c),
            _ => None,
        })
        .flat_map(char::to_lowercase)
        .collect()
}

/// The second heading with the same words gets `-1`, the third `-2`.
fn unique(slug: String, used: &mut HashMap<String, usize>) -> String {
    let times = used.entry(slug.clone()).or_default();
    let anchor = match *times {
        0 => slug,
        times => format!("{slug}-{times}"),
    };
    *times += 1;
    anchor
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn anchors_are_those_that_readers_know() {
        let page = "# What's `new` in 2.0?\n\n## Über uns\n\n## Usage\n\ntext\n\n## Usage\n\n### Own {#chosen}\n";
        let anchors: Vec<(u8, String)> = headings(page)
            .into_iter()
            .map(|heading| (heading.level, heading.anchor))
            .collect();
        let expected = [
            (1, "whats-new-in-20"),
            (2, "über-uns"),
            (2, "usage"),
            (2, "usage-1"),
            (3, "chosen"),
        ];
        assert_eq!(
            anchors,
            expected.map(|(level, anchor)| (level, anchor.to_owned()))
        );
    }

    #[test]
    fn a_line_of_code_is_no_heading() {
        assert_eq!(headings("```sh\n# a comment\n```\n"), []);
    }
}
