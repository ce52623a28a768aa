//! Writes what was found: a Markdown table for people, JSON for programs.

use std::{fmt::Write, fs, process::Command};

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::{
    pairs::Spread,
    rows::{Finding, Row},
    tools::{self, Tools},
};
use crate::{
    command::{self, say},
    repo,
};

/// Writes `latest.md` and `latest.json` into `target/bench`, and shows the table.
///
/// # Errors
///
/// When a file cannot be written.
pub(super) fn write(tools: &Tools, pairs: u32, findings: &[(&Row, Finding)]) -> Result<()> {
    let setting = setting(tools, pairs);
    let table = table(&setting, findings)?;
    let rows: Vec<Value> = findings
        .iter()
        .map(|(row, finding)| as_json(row, finding))
        .collect();
    let mut document = setting;
    document["rows"] = Value::Array(rows);
    let document = serde_json::to_string_pretty(&document).context("failed to write JSON")?;
    for (name, text) in [("latest.md", &table), ("latest.json", &document)] {
        let path = tools::folder().join(name);
        fs::write(&path, text).with_context(|| format!("failed to write `{}`", path.display()))?;
    }
    say(&table);
    say(&format!(
        "written to {}",
        tools::folder().join("latest.{md,json}").display()
    ));
    Ok(())
}

/// What was measured, and where.
fn setting(tools: &Tools, pairs: u32) -> Value {
    let commit = Command::new("git")
        .args(["describe", "--always", "--dirty"])
        .current_dir(repo::root())
        .output()
        .map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
        .unwrap_or_default();
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let cpu = cpu
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "))
        .map_or("unknown", |(_, model)| model);
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let version =
        command::capture(Command::new(&tools.stepwell).arg("--version")).unwrap_or_default();
    json!({
        "commit": commit,
        "stepwell": version.trim(),
        "wasmtime": tools.wasmtime_version,
        "cpu": cpu,
        "cores": cores,
        "pairs": pairs,
    })
}

fn table(setting: &Value, findings: &[(&Row, Finding)]) -> Result<String> {
    let text = |name: &str| setting[name].as_str().unwrap_or_default().to_owned();
    let mut table = format!(
        "{} ({}) against wasmtime {}, on {} cores of {}; medians of {} pairs, 10th to 90th percentile in brackets.\n\n\
         | row | work | Stepwell | peer | ratio | at most | met |\n|---|---|---|---|---|---|---|\n",
        text("stepwell"),
        text("commit"),
        text("wasmtime"),
        setting["cores"],
        text("cpu"),
        setting["pairs"],
    );
    for (row, finding) in findings {
        let work = if row.against == "—" {
            row.work.to_owned()
        } else {
            format!("{} / {}", row.work, row.against)
        };
        let cells = match finding {
            Finding::Compared(found) => [
                times(found.ours),
                times(found.theirs),
                shares(found.ratio),
                format!("{} ×", row.at_most),
                met(found.ratio.median, row),
            ],
            Finding::Each(found) => [
                times(*found),
                "—".to_owned(),
                "—".to_owned(),
                format!("{:.0} µs", row.at_most / 1e3),
                met(found.median, row),
            ],
            Finding::Bytes(bytes) => [
                kibibytes(*bytes),
                "—".to_owned(),
                "—".to_owned(),
                kibibytes(row.at_most),
                met(*bytes, row),
            ],
            Finding::Missing(what) => [
                format!("missing: {}", what.replace('\n', " ")),
                "—".to_owned(),
                "—".to_owned(),
                "—".to_owned(),
                "not measured".to_owned(),
            ],
        };
        writeln!(table, "| {} | {work} | {} |", row.name, cells.join(" | "))?;
    }
    Ok(table)
}

fn as_json(row: &Row, finding: &Finding) -> Value {
    let spread =
        |spread: Spread| json!({ "median": spread.median, "p10": spread.p10, "p90": spread.p90 });
    let mut value = json!({ "row": row.name, "work": row.work, "against": row.against, "at_most": row.at_most });
    match finding {
        Finding::Compared(found) => {
            value["stepwell_ns"] = spread(found.ours);
            value["peer_ns"] = spread(found.theirs);
            value["ratio"] = spread(found.ratio);
            value["met"] = json!(found.ratio.median <= row.at_most);
        }
        Finding::Each(found) => {
            value["stepwell_ns"] = spread(*found);
            value["met"] = json!(found.median <= row.at_most);
        }
        Finding::Bytes(bytes) => {
            value["bytes"] = json!(bytes);
            value["met"] = json!(*bytes <= row.at_most);
        }
        Finding::Missing(what) => value["missing"] = json!(what),
    }
    value
}

fn met(found: f64, row: &Row) -> String {
    if found <= row.at_most {
        "yes"
    } else {
        "**no**"
    }
    .to_owned()
}

fn times(spread: Spread) -> String {
    let (unit, name) = if spread.median < 1e6 {
        (1e3, "µs")
    } else {
        (1e6, "ms")
    };
    format!(
        "{:.2} {name} ({:.2}–{:.2})",
        spread.median / unit,
        spread.p10 / unit,
        spread.p90 / unit
    )
}

fn kibibytes(bytes: f64) -> String {
    if bytes < 10.0 * 1024.0 {
        format!("{:.1} KiB", bytes / 1024.0)
    } else {
        format!("{:.0} KiB", bytes / 1024.0)
    }
}

fn shares(spread: Spread) -> String {
    format!(
        "{:.2} × ({:.2}–{:.2})",
        spread.median, spread.p10, spread.p90
    )
}
