//! Writes a package of WIT as a page of the book.
//!
//! It does not know the package: all that is said comes from it, but for what may change of any published text.

use std::fmt::Write as _;

use super::read::{Item, Package, Part};

/// What stands before everything else.
const MARK: &str =
    "<!-- Made from wit/task.wit by `cargo xtask wit`; `cargo xtask lint` compares. -->\n";

/// What a published text promises. It is the same for every version.
const PROMISE: &str = "\
## What may change

A text that was published is never changed: components in registries were built against its words. A test holds the text of
each published version still.

| change | allowed in |
| --- | --- |
| comments | the published file, at any time |
| a new interface that the host offers, a new function in one | a new patch version (`0.1.1`), as a text of its own; the host goes on serving those before it |
| a new case, a new field, another type, another name, another meaning, anything taken away; a function that a plugin has to export | a new minor version (`0.2.0`); the host serves it beside `0.1` |

A component says by the version of what it imports and exports what it was built against. The host reads that and never
guesses: whatever begins with `0.1.` is served, a higher patch version than the host knows is refused by name where
the component imports something that is not there. A version stops being served no earlier than one year after a later
minor version was published, and the changelog says so a release before.

The WASI interfaces in `wit/deps` are not ours: they change with WASI 0.2, whose patch versions are compatible, and a script that
`cargo xtask lint` runs keeps them those that the host serves.
";

/// The whole page.
pub(super) fn page(package: &Package) -> String {
    let mut page = String::from(MARK);
    let _ = write!(page, "# `{}`\n\n{}\n\n", package.name, package.docs);
    page.push_str(
        "[The guest contract](guest-contract.md) says how these are used; this page is the text itself, item by item.\n\n",
    );
    for part in &package.parts {
        write_part(&mut page, part);
    }
    page.push_str(PROMISE);
    page
}

fn write_part(page: &mut String, part: &Part) {
    let _ = write!(
        page,
        "## {} `{}`\n\n{}\n\n",
        part.keyword, part.name, part.docs
    );
    if !part.links.is_empty() {
        let _ = write!(page, "```wit\n{}\n```\n\n", part.links.join("\n"));
    }
    for item in &part.items {
        write_item(page, item);
    }
}

fn write_item(page: &mut String, item: &Item) {
    let _ = write!(page, "### {} `{}`\n\n", item.keyword, item.name);
    if let Some(signature) = &item.signature {
        let _ = write!(page, "```wit\n{signature};\n```\n\n");
    }
    let _ = write!(page, "{}\n\n", item.docs);
    if item.members.is_empty() {
        return;
    }
    let typed = item.members.iter().any(|member| member.holds.is_some());
    let word = match item.keyword.as_str() {
        "record" => "field",
        _ => "case",
    };
    page.push_str(&match typed {
        true => format!("| {word} | holds | |\n| --- | --- | --- |\n"),
        false => format!("| {word} | |\n| --- | --- |\n"),
    });
    for member in &item.members {
        let docs = member.docs.replace('\n', " ").replace('|', "\\|");
        let _ = match (&member.holds, typed) {
            (Some(holds), _) => writeln!(page, "| `{}` | `{holds}` | {docs} |", member.name),
            (None, true) => writeln!(page, "| `{}` | | {docs} |", member.name),
            (None, false) => writeln!(page, "| `{}` | {docs} |", member.name),
        };
    }
    page.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wit::read;

    #[test]
    fn a_member_is_a_row_and_a_function_a_line_of_wit() {
        let package = read::package(
            "/// P.\npackage a:b@0.1.0;\n/// I.\ninterface i {\n    /// V.\n    variant v {\n        /// One | or\n        \
             /// the other.\n        one(u8),\n        /// Two.\n        two,\n    }\n    /// F.\n    f: func();\n}\n",
        );
        let page = page(&package.unwrap());
        for line in [
            "# `a:b@0.1.0`",
            "## interface `i`",
            "### variant `v`",
            "| `one` | `u8` | One \\| or the other. |",
            "| `two` | | Two. |",
            "f: func();",
        ] {
            assert!(page.lines().any(|found| found == line), "{line}\n{page}");
        }
    }
}
