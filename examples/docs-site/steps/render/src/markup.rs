//! One page of Markdown as HTML.

use docs_site_pages::{SYNTAX, headings, rewrite};
use pulldown_cmark::{CowStr, Event, Parser, Tag, TagEnd, html};

/// The content of a page: links lead to the names that pages have in the site, and each heading has an anchor.
pub(crate) fn body(page: &str) -> String {
    let mut anchors = headings(page).into_iter().map(|heading| heading.anchor);
    let mut anchor = String::new();
    let mut events = Vec::new();
    for event in Parser::new_ext(page, SYNTAX) {
        match event {
            Event::Start(Tag::Heading {
                level,
                classes,
                attrs,
                ..
            }) => {
                anchor = anchors.next().unwrap_or_default();
                let id = Some(CowStr::from(anchor.clone()));
                events.push(Event::Start(Tag::Heading {
                    level,
                    id,
                    classes,
                    attrs,
                }));
            }
            Event::End(TagEnd::Heading(level)) => {
                let link = format!(
                    r##" <a class="anchor" href="#{}" aria-label="Link to this heading">#</a>"##,
                    escape(&anchor)
                );
                events.push(Event::InlineHtml(link.into()));
                events.push(Event::End(TagEnd::Heading(level)));
            }
            Event::Start(Tag::Link {
                link_type,
                dest_url,
                title,
                id,
            }) => events.push(Event::Start(Tag::Link {
                link_type,
                dest_url: rewrite(&dest_url).into(),
                title,
                id,
            })),
            other => events.push(other),
        }
    }
    let mut text = String::new();
    html::push_html(&mut text, events.into_iter());
    text
}

/// What a page is called: its first heading, or else its file.
pub(crate) fn title(page: &str, path: &str) -> String {
    match headings(page).into_iter().next() {
        Some(heading) => heading.text,
        None => path.to_owned(),
    }
}

/// Text as it has to stand in HTML, in an attribute too.
pub(crate) fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headings_can_be_linked_to() {
        assert_eq!(
            body("## A & b\n"),
            "<h2 id=\"a--b\">A &amp; b <a class=\"anchor\" href=\"#a--b\" aria-label=\"Link to this heading\">#</a></h2>\n"
        );
    }

    #[test]
    fn links_lead_to_pages_and_images_stay() {
        assert_eq!(
            body("[a](b.md#c) ![d](e.png)\n"),
            "<p><a href=\"b.html#c\">a</a> <img src=\"e.png\" alt=\"d\" /></p>\n"
        );
    }
}
