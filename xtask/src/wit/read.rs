//! Reads a file of WIT as a list of items with what was written about each.
//!
//! It reads the one shape in which `wit/task.wit` is written, a line for each member and function, and refuses what it does not
//! know. That is less than a parser of WIT, on purpose: the crates that parse all of it are those of the engine, whose
//! features decide how it is built. Whether the file is valid WIT is found out by whatever generates bindings from it.

use anyhow::{Context, Result, bail};

/// A package: its name and its parts.
#[derive(Debug)]
pub(super) struct Package {
    pub(super) docs: String,
    /// With its version.
    pub(super) name: String,
    pub(super) parts: Vec<Part>,
}

/// An interface or a world.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) docs: String,
    /// `interface` or `world`.
    pub(super) keyword: String,
    pub(super) name: String,
    /// What it takes from others, as written: `use types.{failure};`, `import results;`.
    pub(super) links: Vec<String>,
    pub(super) items: Vec<Item>,
}

/// A type or a function.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Item {
    pub(super) docs: String,
    /// `record`, `variant`, `enum` or `func`.
    pub(super) keyword: String,
    pub(super) name: String,
    /// Of a function, as written, without the `;`.
    pub(super) signature: Option<String>,
    pub(super) members: Vec<Member>,
}

/// A field of a record, a case of a variant or of an enum.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Member {
    pub(super) docs: String,
    pub(super) name: String,
    /// What it holds, where it holds something.
    pub(super) holds: Option<String>,
}

/// Reads a whole file.
pub(super) fn package(text: &str) -> Result<Package> {
    let mut reader = Reader {
        lines: text.lines().enumerate().collect(),
        at: 0,
    };
    let (docs, line) = reader.item()?.context("it is empty")?;
    let name = line
        .strip_prefix("package ")
        .and_then(|rest| rest.strip_suffix(';'))
        .with_context(|| reader.here("a `package` comes first"))?;
    let mut package = Package {
        docs: reader.told(docs, name)?,
        name: name.to_owned(),
        parts: Vec::new(),
    };
    while let Some((docs, line)) = reader.item()? {
        let (keyword, name) = opened(line, &["interface", "world"])
            .with_context(|| reader.here("neither an interface nor a world"))?;
        let docs = reader.told(docs, name)?;
        let part = reader.part(docs, keyword, name)?;
        package.parts.push(part);
    }
    Ok(package)
}

struct Reader<'a> {
    lines: Vec<(usize, &'a str)>,
    at: usize,
}

impl<'a> Reader<'a> {
    /// The next line that says something, and the documentation above it.
    fn item(&mut self) -> Result<Option<(String, &'a str)>> {
        let mut docs = Vec::new();
        while let Some((_, line)) = self.lines.get(self.at) {
            self.at += 1;
            let line = line.trim();
            match line.strip_prefix("///") {
                Some(text) => docs.push(text.strip_prefix(' ').unwrap_or(text)),
                None if line.is_empty() => {}
                None if line.starts_with("//") => bail!(self.here("a comment that is no `///`")),
                None => return Ok(Some((docs.join("\n"), line))),
            }
        }
        Ok(None)
    }

    fn inside(&mut self) -> Result<(String, &'a str)> {
        self.item()?.context("it ends in the middle")
    }

    fn part(&mut self, docs: String, keyword: &str, name: &str) -> Result<Part> {
        let mut part = Part {
            docs,
            keyword: keyword.to_owned(),
            name: plain(name),
            links: Vec::new(),
            items: Vec::new(),
        };
        loop {
            let (docs, line) = self.inside()?;
            let is_link = ["use ", "import ", "export ", "include "];
            if line == "}" {
                return Ok(part);
            } else if is_link.iter().any(|word| line.starts_with(word)) {
                part.links.push(line.to_owned());
            } else if let Some((keyword, name)) = opened(line, &["record", "variant", "enum"]) {
                let docs = self.told(docs, name)?;
                let members = self.members()?;
                part.items.push(Item {
                    docs,
                    keyword: keyword.to_owned(),
                    name: plain(name),
                    signature: None,
                    members,
                });
            } else if let Some((name, rest)) = line.split_once(": func(") {
                let docs = self.told(docs, name)?;
                let rest = rest
                    .strip_suffix(';')
                    .with_context(|| self.here("a function takes one line"))?;
                part.items.push(Item {
                    docs,
                    keyword: "func".to_owned(),
                    name: plain(name),
                    signature: Some(format!("{name}: func({rest}")),
                    members: Vec::new(),
                });
            } else {
                bail!(self.here("neither a type nor a function"));
            }
        }
    }

    fn members(&mut self) -> Result<Vec<Member>> {
        let mut members = Vec::new();
        loop {
            let (docs, line) = self.inside()?;
            if line == "}" {
                return Ok(members);
            }
            let member = line
                .strip_suffix(',')
                .with_context(|| self.here("a member takes one line and ends with `,`"))?;
            let (name, holds) = match member.split_once(": ") {
                Some((name, holds)) => (name, Some(holds)),
                None => match member
                    .strip_suffix(')')
                    .and_then(|rest| rest.split_once('('))
                {
                    Some((name, holds)) => (name, Some(holds)),
                    None => (member, None),
                },
            };
            members.push(Member {
                docs: self.told(docs, name)?,
                name: plain(name),
                holds: holds.map(str::to_owned),
            });
        }
    }

    /// The documentation, which has to be there.
    fn told(&self, docs: String, name: &str) -> Result<String> {
        if docs.trim().is_empty() {
            bail!(self.here(&format!("`{name}` has no documentation")));
        }
        Ok(docs)
    }

    fn here(&self, what: &str) -> String {
        format!("line {}: {what}", self.at)
    }
}

/// `record failure {` is a record that is called `failure`.
fn opened<'a>(line: &'a str, keywords: &[&str]) -> Option<(&'a str, &'a str)> {
    let (keyword, name) = line.strip_suffix(" {")?.split_once(' ')?;
    keywords.contains(&keyword).then_some((keyword, name))
}

/// A name without the `%` by which WIT tells it from a word of its own.
fn plain(name: &str) -> String {
    name.trim_start_matches('%').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_item_is_read_with_what_was_written_about_it() {
        let package = package(
            "/// P.\npackage a:b@0.1.0;\n/// I.\ninterface i {\n    use types.{x};\n    /// V.\n    variant v {\n        \
             /// One.\n        %string(list<u8>),\n        /// Two.\n        two,\n    }\n    /// F,\n    /// twice.\n    \
             f: func(a: u8) -> result<_, v>;\n}\n",
        )
        .unwrap();
        assert_eq!(
            (package.name.as_str(), package.docs.as_str()),
            ("a:b@0.1.0", "P.")
        );
        let [part] = package.parts.as_slice() else {
            panic!("one interface: {package:?}");
        };
        assert_eq!(part.links, ["use types.{x};"]);
        let member = |docs: &str, name: &str, holds: Option<&str>| Member {
            docs: docs.to_owned(),
            name: name.to_owned(),
            holds: holds.map(str::to_owned),
        };
        assert_eq!(
            part.items[0].members,
            [
                member("One.", "string", Some("list<u8>")),
                member("Two.", "two", None)
            ]
        );
        let function = &part.items[1];
        assert_eq!(function.docs, "F,\ntwice.");
        assert_eq!(
            function.signature.as_deref(),
            Some("f: func(a: u8) -> result<_, v>")
        );
    }

    #[test]
    fn what_nobody_explained_or_nobody_knows_is_refused() {
        for (text, why) in [
            ("package a:b;\n", "no documentation"),
            (
                "/// P.\npackage a:b;\ninterface i {\n}\n",
                "no documentation",
            ),
            (
                "/// P.\npackage a:b;\n/// I.\ninterface i {\n    enum e {\n    }\n}\n",
                "no documentation",
            ),
            (
                "/// P.\npackage a:b;\n/// I.\ninterface i {\n    /// E.\n    enum e {\n        a,\n    }\n}\n",
                "`a` has no",
            ),
            (
                "/// P.\npackage a:b;\n/// I.\ninterface i {\n    /// F.\n    flags f {\n}\n",
                "neither a type",
            ),
            ("/// P.\npackage a:b;\n// I.\n", "no `///`"),
            (
                "/// P.\npackage a:b;\n/// I.\ninterface i {\n",
                "in the middle",
            ),
        ] {
            let error = package(text).unwrap_err().to_string();
            assert!(error.contains(why), "{text}: {error}");
        }
    }
}
