//! The page about the suite says what the suite says. `STEPWELL_BLESS=1` writes its tables anew; read the difference.

use std::fs;
use std::path::Path;

use stepwell_contract::Feature;

use crate::{CASES, Harness};

const CASES_HEADER: &str = "| case | what it demands | power |";

const BACKENDS_HEADER: &str = "| backend | has | refuses |";

/// Demands that `docs/reference/conformance.md` has a row for each case, and the right one for this backend.
///
/// # Panics
///
/// When it has not.
pub fn check_page(harness: &dyn Harness) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/conformance.md");
    let page = fs::read_to_string(&path).unwrap();
    let cases = CASES.iter().map(|case| {
        let power = case.needs.map_or("", Feature::as_str);
        row(&[&format!("`{}`", case.name), case.demands, power])
    });
    let cases: Vec<String> = cases.collect();
    let (has, refuses): (Vec<Feature>, Vec<Feature>) = Feature::ALL
        .iter()
        .partition(|feature| harness.features().contains(feature));
    let name = harness.backend().name().to_owned();
    let own = row(&[&name, &names(&has), &names(&refuses)]);
    if bless() {
        let page = replaced(&page, CASES_HEADER, &cases);
        let mut backends: Vec<String> = table(&page, BACKENDS_HEADER);
        backends.retain(|line| !line.starts_with(&format!("| {name} |")));
        backends.push(own);
        backends.sort();
        fs::write(&path, replaced(&page, BACKENDS_HEADER, &backends)).unwrap();
        return;
    }
    assert_eq!(table(&page, CASES_HEADER), cases);
    assert!(
        table(&page, BACKENDS_HEADER).contains(&own),
        "no row `{own}`"
    );
}

fn names(features: &[Feature]) -> String {
    let names: Vec<&str> = features.iter().map(|feature| feature.as_str()).collect();
    names.join(", ")
}

fn row(cells: &[&str]) -> String {
    format!("| {} |", cells.join(" | "))
}

/// The rows of the table under `header`.
fn table(page: &str, header: &str) -> Vec<String> {
    assert!(page.contains(header), "there is no table `{header}`");
    let rows = page.lines().skip_while(|line| *line != header).skip(2);
    rows.take_while(|line| line.starts_with('|'))
        .map(str::to_owned)
        .collect()
}

/// The page with other rows under `header`.
fn replaced(page: &str, header: &str, rows: &[String]) -> String {
    let old = table(page, header);
    let mut lines: Vec<&str> = page.lines().collect();
    let first = lines.iter().position(|line| *line == header).unwrap() + 2;
    lines.splice(first..first + old.len(), rows.iter().map(String::as_str));
    lines.join("\n") + "\n"
}

#[expect(
    clippy::disallowed_methods,
    reason = "the switch that writes the page anew can only come from whoever starts the test"
)]
fn bless() -> bool {
    std::env::var_os("STEPWELL_BLESS").is_some()
}
