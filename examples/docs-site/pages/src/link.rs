//! Where a link leads.

use crate::site_name;

/// Where a link leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// To another place altogether: a web address, a mail address.
    Elsewhere,
    /// Out of the folder of documents, which the site cannot follow.
    Outside,
    /// To a file of the folder, or to the folder's own pages.
    Inside {
        /// The file, relative to the folder; empty for the folder itself.
        path: String,
        /// What stands after `#`.
        anchor: Option<String>,
    },
}

/// Says where a link on `page` leads.
pub fn resolve(page: &str, link: &str) -> Target {
    if is_elsewhere(link) {
        return Target::Elsewhere;
    }
    let (path, anchor) = split(link);
    let anchor = anchor.map(decode);
    let path = decode(path.split('?').next().unwrap_or_default());
    if path.is_empty() {
        let path = page.to_owned();
        return Target::Inside { path, anchor };
    }
    let mut parts: Vec<&str> = match path.strip_prefix('/') {
        Some(_) => Vec::new(),
        None => page.split('/').collect(),
    };
    // The page itself is no folder.
    parts.pop();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                if parts.pop().is_none() {
                    return Target::Outside;
                }
            }
            part => parts.push(part),
        }
    }
    let path = parts.join("/");
    Target::Inside { path, anchor }
}

/// A link as it has to be in the site, where pages have other names.
pub fn rewrite(link: &str) -> String {
    if is_elsewhere(link) {
        return link.to_owned();
    }
    let (path, anchor) = split(link);
    let path = match path.rsplit('/').next() {
        Some("") if !path.is_empty() => format!("{path}index.html"),
        Some("." | "..") => format!("{path}/index.html"),
        _ => site_name(path),
    };
    match anchor {
        Some(anchor) => format!("{path}#{anchor}"),
        None => path,
    }
}

fn is_elsewhere(link: &str) -> bool {
    let scheme = link.split(['/', '?', '#']).next().unwrap_or_default();
    link.starts_with("//") || scheme.contains(':')
}

fn split(link: &str) -> (&str, Option<&str>) {
    match link.split_once('#') {
        Some((path, anchor)) => (path, Some(anchor)),
        None => (link, None),
    }
}

/// Undoes `%20` and its like. What is no such escape stays as it is.
fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let escaped = tail
            .get(..2)
            .filter(|_| first == b'%')
            .and_then(|digits| u8::from_str_radix(str::from_utf8(digits).ok()?, 16).ok());
        match escaped {
            Some(byte) => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            None => {
                bytes.push(first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inside(path: &str, anchor: Option<&str>) -> Target {
        Target::Inside {
            path: path.to_owned(),
            anchor: anchor.map(str::to_owned),
        }
    }

    #[test]
    fn links_are_seen_from_their_page() {
        for (link, target) in [
            ("start.md", inside("guide/start.md", None)),
            ("./start.md#first", inside("guide/start.md", Some("first"))),
            ("../README.md", inside("README.md", None)),
            ("#here", inside("guide/page.md", Some("here"))),
            ("/well.svg", inside("well.svg", None)),
            ("..", inside("", None)),
            ("a%20b.md?x=1", inside("guide/a b.md", None)),
            ("100%.md", inside("guide/100%.md", None)),
            ("../../README.md", Target::Outside),
            ("https://example.org/x.md", Target::Elsewhere),
            ("mailto:a@example.org", Target::Elsewhere),
            ("//example.org", Target::Elsewhere),
        ] {
            assert_eq!(resolve("guide/page.md", link), target, "{link}");
        }
    }

    #[test]
    fn pages_are_linked_under_their_names_in_the_site() {
        for (link, rewritten) in [
            ("start.md#first", "start.html#first"),
            ("../README.md", "../index.html"),
            ("guide/", "guide/index.html"),
            ("..", "../index.html"),
            ("well.svg", "well.svg"),
            ("#here", "#here"),
            ("https://example.org/x.md", "https://example.org/x.md"),
        ] {
            assert_eq!(rewrite(link), rewritten);
        }
    }
}
