//! A page of HTML around the content.

use docs_site_pages::site_name;

use crate::markup::escape;
use crate::navigation::{Entry, Navigation};

const TEMPLATE: &str = include_str!("template.html");

/// What a page of the site is made of.
pub(crate) struct Page<'a> {
    pub(crate) site_title: &'a str,
    pub(crate) title: &'a str,
    /// HTML.
    pub(crate) body: &'a str,
    pub(crate) navigation: &'a Navigation,
    /// The page's file among the documents.
    pub(crate) path: &'a str,
}

/// The whole page.
pub(crate) fn page(page: &Page<'_>) -> String {
    let home = page.navigation.pages().next().unwrap_or(page.path);
    fill(&[
        ("site", &escape(page.site_title)),
        ("title", &escape(page.title)),
        ("home", &href(page.path, home)),
        ("navigation", &sidebar(page)),
        ("body", page.body),
        ("neighbours", &neighbours(page)),
    ])
}

/// A page that leads to another one.
pub(crate) fn redirect(to: &str) -> String {
    let to = escape(to);
    format!(
        "<!doctype html>\n<meta charset=\"utf-8\">\n<meta http-equiv=\"refresh\" content=\"0; url={to}\">\n<a href=\"{to}\">{to}</a>\n"
    )
}

/// Puts the parts in, in one pass: what a part says is not looked at again.
fn fill(parts: &[(&str, &str)]) -> String {
    let mut text = String::new();
    let mut rest = TEMPLATE;
    while let Some((before, after)) = rest.split_once("{{") {
        text.push_str(before);
        let Some((name, after)) = after.split_once("}}") else {
            break;
        };
        let part = parts.iter().find(|(part, _)| *part == name);
        text.push_str(part.map_or("", |(_, value)| value));
        rest = after;
    }
    text + rest
}

/// The address of one page as seen from another.
fn href(from: &str, to: &str) -> String {
    escape(&format!(
        "{}{}",
        "../".repeat(from.matches('/').count()),
        site_name(to)
    ))
}

fn sidebar(page: &Page<'_>) -> String {
    let mut text = String::new();
    for entry in page.navigation.entries() {
        let item = match entry {
            Entry::Part(title) => format!("<li class=\"part\">{}</li>\n", escape(title)),
            Entry::Page { title, path, depth } => {
                let title = escape(title);
                let inner = match path {
                    None => format!("<span>{title}</span>"),
                    Some(path) => {
                        let current = if path == page.path {
                            " aria-current=\"page\""
                        } else {
                            ""
                        };
                        format!("<a href=\"{}\"{current}>{title}</a>", href(page.path, path))
                    }
                };
                format!("<li style=\"--depth: {depth}\">{inner}</li>\n")
            }
        };
        text.push_str(&item);
    }
    text
}

fn neighbours(page: &Page<'_>) -> String {
    let [before, after] = page.navigation.neighbours(page.path);
    let link = |rel: &str, label: &str, (title, path): (&str, &str)| {
        format!(
            "<a rel=\"{rel}\" href=\"{}\"><small>{label}</small>{}</a>\n",
            href(page.path, path),
            escape(title)
        )
    };
    [
        before.map(|before| link("prev", "Previous", before)),
        after.map(|after| link("next", "Next", after)),
    ]
    .into_iter()
    .flatten()
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_not_looked_at_again() {
        let navigation = Navigation::from_titles(Vec::new());
        let html = page(&Page {
            site_title: "Docs",
            title: "<Templates>",
            body: "write {{title}} there",
            navigation: &navigation,
            path: "a.md",
        });
        assert!(html.contains("write {{title}} there"));
        assert!(html.contains("<title>&lt;Templates&gt; · Docs</title>"));
        assert!(html.trim_end().ends_with("</html>"));
    }

    #[test]
    fn pages_in_folders_find_their_way_up() {
        assert_eq!(href("a/b/c.md", "README.md"), "../../index.html");
        assert_eq!(href("README.md", "a/b/c.md"), "a/b/c.html");
    }
}
