//! Hides the values of Secrets in a text that is shown around a mistake.
//!
//! It goes by the lines and not by the tree, for a text with a mistake may have no tree. Where a document could be a
//! Secret, everything is hidden but what a Secret has that is no value: its kind, its name, its keys. What is hidden
//! becomes three stars and blanks, as long as it was, so that every place in the text stays where it is.

/// Fields of a Secret that hold no value.
const OPEN: [&str; 4] = ["apiVersion", "kind", "type", "immutable"];
/// The same, of its `metadata`.
const OPEN_IN_METADATA: [&str; 3] = ["name", "generateName", "namespace"];

/// The text without the values of Secrets; `None` where it holds none.
pub(crate) fn veil(text: &str) -> Option<String> {
    let mut veiled = String::new();
    let (mut done, mut found) = (0, false);
    while done < text.len() {
        let len = document_len(&text[done..]);
        let document = &text[done..done + len];
        match may_be_secret(document) {
            true => hide_values(document, &mut veiled),
            false => veiled.push_str(document),
        }
        found |= may_be_secret(document);
        done += len;
    }
    found.then_some(veiled)
}

/// How long the first document is, with the line that separates it from the one before.
fn document_len(text: &str) -> usize {
    let mut len = 0;
    for line in text.split_inclusive('\n') {
        if len > 0 && is_separator(line) {
            break;
        }
        len += line.len();
    }
    len
}

fn is_separator(line: &str) -> bool {
    let behind = line
        .strip_prefix("---")
        .or_else(|| line.strip_prefix("..."));
    behind.is_some_and(|behind| behind.is_empty() || behind.starts_with(char::is_whitespace))
}

/// Whether the document is a Secret or may hold one. What cannot be told counts as one.
fn may_be_secret(document: &str) -> bool {
    let names = |word: &str, text: &str| text.to_ascii_lowercase().contains(word);
    let base = base(document);
    let kind = document.lines().find_map(|line| {
        let (key, value) = key_of(line).filter(|_| indent(line) == base)?;
        key.eq_ignore_ascii_case("kind").then_some(value.trim())
    });
    match kind {
        Some(kind) if names("secret", kind) => true,
        Some(kind) => {
            let plain = kind.starts_with(|first: char| first.is_ascii_alphabetic());
            (!plain || names("list", kind)) && names("secret", document)
        }
        None => names("kind", document) && names("secret", document),
    }
}

fn hide_values(document: &str, veiled: &mut String) {
    let base = base(document);
    // The field at the top that the line is in, and how far what is directly in it is indented.
    let (mut field, mut inside) = ("", None);
    for line in document.split_inclusive('\n') {
        let indent = indent(line);
        let key = key_of(line);
        let open = match key {
            _ if is_separator(line) => 3,
            Some((key, value)) if indent == base => {
                (field, inside) = (key, None);
                match OPEN.contains(&key) && is_word(value) {
                    true => line.len(),
                    false => line.len() - value.len(),
                }
            }
            Some((key, value)) if *inside.get_or_insert(indent) == indent => match field {
                "metadata" if OPEN_IN_METADATA.contains(&key) && is_word(value) => line.len(),
                "metadata" | "data" | "stringData" => line.len() - value.len(),
                _ => 0,
            },
            _ => 0,
        };
        veiled.push_str(&line[..open]);
        hide(&line[open..], veiled);
    }
}

/// Puts stars and blanks in the place of `text`; what is blank stays.
fn hide(text: &str, veiled: &mut String) {
    let hidden = text.trim();
    let Some(start) = text.find(hidden).filter(|_| !hidden.is_empty()) else {
        return veiled.push_str(text);
    };
    veiled.push_str(&text[..start]);
    let stars = hidden.len().min(3);
    veiled.extend(std::iter::repeat_n('*', stars));
    veiled.extend(std::iter::repeat_n(' ', hidden.len() - stars));
    veiled.push_str(&text[start + hidden.len()..]);
}

/// How far the fields at the top are indented.
fn base(document: &str) -> usize {
    let mut lines = document.lines();
    let first =
        lines.find(|line| !matches!(line.trim().chars().next(), None | Some('#' | '-' | '.')));
    first.map_or(0, indent)
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start_matches(' ').len()
}

/// The key that the line begins with, and the rest of the line behind its colon.
fn key_of(line: &str) -> Option<(&str, &str)> {
    let (key, value) = line.trim_start_matches(' ').split_once(':')?;
    let bare = key.trim_matches(['"', '\'']);
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let usable = !bare.is_empty() && bare.chars().all(plain);
    (usable && (value.is_empty() || value.starts_with([' ', '\n', '\r']))).then_some((bare, value))
}

/// Whether the value is one plain word.
fn is_word(value: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/');
    value.trim().chars().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attack_no_value_of_a_secret_is_left_however_it_is_written() {
        for text in [
            "kind: Secret\ndata:\n  password: hunter2\n  password: hunter2\n",
            "kind: Secret\nstringData: {password: hunter2}\n",
            "kind: Secret\nstringData:\n  conf: |\n    hunter2: hunter2\n  other: 'a\n    hunter2: b'\n",
            "kind: Secret\ndatas:\n  password: hunter2\n",
            "kind: Secret\nmetadata:\n  annotations:\n    last-applied: hunter2\n  name: x\n",
            "KIND: secret\ndata:\n  name: hunter2\n  kind: hunter2\n",
            "{\"kind\": \"Secret\", \"data\": {\n  \"password\": \"hunter2\"}}",
            "\"kind\": \"Secret\"\ndata:\n  p: hunter2",
            "kind: &k Secret\ndata:\n  p: hunter2",
            "kind:\n  Secret\ndata:\n  p: hunter2",
            "? kind\n: Secret\ndata:\n  p: hunter2",
            "kind: List\nitems:\n- kind: Secret\n  data: {p: hunter2}\n",
            "kind: Secret\ndata:\n  p: |\n-----BEGIN-----\nhunter2\n",
            "kind: Task\n--- {kind: Secret, data: {p: hunter2}}\n",
            "kind: Task\n--- # next\n  kind: Secret\n  data:\n    p: hunter2\n",
            "kind: Secret\ntype: |\n  hunter2\ndata: \n   p: hunter2\n...\n",
            "kind: Secret\r\ndata:\r\n  p: hunter2\r\n",
            "kind: Secret\ndata:\n\tp: hunter2\nhunter2",
        ] {
            let veiled = veil(text).unwrap_or_else(|| panic!("{text}"));
            assert!(!veiled.contains("hunter2"), "{text}\n{veiled}");
            assert_eq!(veiled.len(), text.len(), "{text}");
            assert_eq!(veiled.lines().count(), text.lines().count(), "{text}");
        }
    }

    #[test]
    fn what_is_no_value_is_still_there() {
        let text = "kind: Task\nspec: {}\n---\napiVersion: v1\nkind: Secret\nmetadata:\n  name: login\ndata:\n  user: Ym9i\n---\nkind: Task\n";
        assert_eq!(
            veil(text).as_deref(),
            Some(
                "kind: Task\nspec: {}\n---\napiVersion: v1\nkind: Secret\nmetadata:\n  name: login\ndata:\n  user: *** \n---\nkind: Task\n"
            )
        );
    }

    #[test]
    fn a_task_that_writes_about_secrets_is_shown_as_it_is() {
        let text =
            "kind: Task\nspec:\n  steps:\n  - script: |\n      kind: Secret\n      data: hunter2\n";
        assert_eq!(veil(text), None);
    }
}
