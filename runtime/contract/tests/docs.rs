//! The pages about limits and grants say what the code says, and nothing else.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeSet;
use std::path::Path;

use stepwell_contract::grant::GrantError;
use stepwell_contract::{Grants, Limit};

fn page(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../docs/reference")
        .join(name);
    std::fs::read_to_string(path).unwrap()
}

/// The cells of the table whose header this is, one list for each row.
fn table<'a>(page: &'a str, header: &str) -> Vec<Vec<&'a str>> {
    let rows: Vec<&str> = page
        .lines()
        .skip_while(|line| *line != header)
        .skip(2)
        .take_while(|line| line.starts_with('|'))
        .collect();
    assert!(!rows.is_empty(), "there is no table `{header}`");
    rows.into_iter()
        .map(|row| row.trim_matches('|').split('|').map(str::trim).collect())
        .collect()
}

#[test]
fn the_table_of_limits_is_the_table_in_the_code() {
    let page = page("limits.md");
    let written = table(&page, "| limit | default | what it stops |");
    let coded: Vec<Vec<String>> = Limit::all()
        .map(|limit| {
            vec![
                format!("`{limit}`"),
                format!("`{}`", limit.show(limit.default_value())),
                limit.stops().to_owned(),
            ]
        })
        .collect();
    assert_eq!(written, coded);
}

#[test]
fn each_limit_is_explained_and_the_fixed_ones_are_named() {
    let page = page("limits.md");
    let explained = page
        .split("\n## ")
        .find(|section| section.starts_with("How each one counts"))
        .unwrap();
    for limit in Limit::all() {
        assert!(explained.contains(&format!("`{limit}`")), "{limit}");
        let says_fixed = explained.contains(&format!("`{limit}` cannot be set"));
        assert_eq!(says_fixed, !limit.is_settable(), "{limit}");
    }
}

/// Every setting that there is, as the errors of [`Grants::apply`] list them.
fn settings() -> Vec<String> {
    let unknown = Grants::default().apply("?=?").unwrap_err().to_string();
    let (_, names) = unknown.split_once("grants are ").unwrap();
    let mut settings = Vec::new();
    for name in names.split(", ") {
        let error = Grants::default().apply(&format!("{name}=?")).unwrap_err();
        let GrantError::BadValue { expected, .. } = error else {
            panic!("{error}");
        };
        let values = expected.replace(" or ", ", ");
        settings.extend(values.split(", ").map(|value| format!("{name}={value}")));
    }
    settings
}

/// What a setting grants; `HOST:PORT` stands for any, and so does `NAME:PORT`.
fn granted(setting: &str) -> Option<Grants> {
    let mut grants = Grants::default();
    let setting = setting
        .replace("HOST:PORT", "example.org:443")
        .replace("NAME:PORT", "db:5432");
    grants.apply(&setting).ok().map(|()| grants)
}

#[test]
fn each_grant_has_a_row_and_each_default_is_named() {
    let page = page("grants.md");
    let written: BTreeSet<&str> = table(&page, "| grant | gives | without it |")
        .into_iter()
        .map(|row| row[0].trim_matches('`'))
        .collect();
    let mut rows = BTreeSet::new();
    let settings = settings();
    for setting in &settings {
        assert!(page.contains(&format!("`{setting}`")), "{setting}");
        if granted(setting).unwrap() != Grants::default() {
            rows.insert(setting.as_str());
        }
    }
    assert_eq!(written, rows);
    assert_eq!(settings.len(), 12, "{settings:?}");
}

#[test]
fn the_page_names_no_grant_that_there_is_not() {
    let page = page("grants.md");
    let mut seen = 0;
    for word in page.split(|c: char| c.is_whitespace() || "`\",()|".contains(c)) {
        let is_grant = ["clock=", "random=", "network=", "sidecar=", "tools="]
            .iter()
            .any(|name| word.starts_with(name));
        if is_grant {
            assert!(granted(word.trim_end_matches('.')).is_some(), "{word}");
            seen += 1;
        }
    }
    assert!(seen > 8, "only {seen} settings were found");
}
