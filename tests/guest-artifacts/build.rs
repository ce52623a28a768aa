//! Lists the guests of `tests/guests` and writes a function for each and a macro for each suite.
//!
//! A guest is a program (`src/bin/<suite>_<what>.rs`), a typed plugin (`plugins/<suite>-<what>/`) or a text
//! (`wat/<suite>_<what>.wat`). Programs and plugins are built by `cargo xtask guests`; texts are small enough to be
//! translated here.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{env, fs};

use anyhow::{Context, Result, bail, ensure};

/// What the first part of a guest's name may be.
const SUITES: [&str; 12] = [
    "ambient",
    "bench",
    "cli",
    "conformance",
    "end",
    "fs",
    "image",
    "limit",
    "net",
    "result",
    "task",
    "trace",
];

/// A guest that tests can ask for.
struct Guest {
    /// The first sentence of its source.
    doc: String,
    /// The file that a test runs.
    file: PathBuf,
}

#[expect(
    clippy::disallowed_methods,
    reason = "cargo talks to a build script through the environment"
)]
fn main() -> Result<()> {
    let root = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("../..");
    let root = root.canonicalize().context("failed to find the checkout")?;
    let out = PathBuf::from(env::var("OUT_DIR")?);
    let mut guests = BTreeMap::new();
    for source in listed(&root.join("tests/guests/src/bin"))? {
        let name = stem(&source)?;
        let file = root.join(format!("target/guests/{name}.wasm"));
        add(&mut guests, name, &source, "//!", file)?;
    }
    for folder in listed(&root.join("tests/guests/plugins"))? {
        let package = stem(&folder)?;
        let file = root.join(format!("target/guests/{package}.wasm"));
        let source = folder.join("src/lib.rs");
        add(&mut guests, package.replace('-', "_"), &source, "//!", file)?;
    }
    for source in listed(&root.join("tests/guests/wat"))? {
        let name = stem(&source)?;
        let file = out.join(format!("{name}.wasm"));
        fs::write(&file, wat::parse_file(&source)?)?;
        add(&mut guests, name, &source, ";;", file)?;
    }
    fs::write(out.join("guests.rs"), generate(&guests)?)?;
    Ok(())
}

/// The entries of a folder, which is watched from now on.
fn listed(folder: &Path) -> Result<Vec<PathBuf>> {
    println!("cargo::rerun-if-changed={}", folder.display());
    let doing = || format!("failed to list `{}`", folder.display());
    fs::read_dir(folder)
        .with_context(doing)?
        .map(|entry| Ok(entry.with_context(doing)?.path()))
        .collect()
}

fn stem(path: &Path) -> Result<String> {
    let stem = path.file_stem().and_then(|stem| stem.to_str());
    Ok(stem.context("a guest whose name is no text")?.to_owned())
}

/// Adds a guest whose source starts with lines of comment that say what it does.
fn add(
    guests: &mut BTreeMap<String, Guest>,
    name: String,
    source: &Path,
    comment: &str,
    file: PathBuf,
) -> Result<()> {
    let text = fs::read_to_string(source)
        .with_context(|| format!("failed to read `{}`", source.display()))?;
    let lines: Vec<&str> = text
        .lines()
        .map_while(|line| line.strip_prefix(comment))
        .map(str::trim)
        .take_while(|line| !line.is_empty())
        .collect();
    ensure!(
        !lines.is_empty(),
        "`{}` does not start by saying what it does",
        source.display()
    );
    let doc = lines.join(" ");
    if guests.insert(name.clone(), Guest { doc, file }).is_some() {
        bail!("two guests are called `{name}`");
    }
    Ok(())
}

fn generate(guests: &BTreeMap<String, Guest>) -> Result<String> {
    let mut text = String::new();
    let mut suites: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (name, guest) in guests {
        let suite = name.split('_').next().unwrap_or_default();
        ensure!(
            SUITES.contains(&suite),
            "the guest `{name}` belongs to no suite: there are {}",
            SUITES.join(", ")
        );
        suites.entry(suite).or_default().push(name);
        writeln!(text, "/// {}", guest.doc)?;
        writeln!(text, "pub fn {name}() -> &'static Path {{")?;
        writeln!(text, "    built(Path::new({:?}))", guest.file)?;
        writeln!(text, "}}")?;
    }
    for suite in SUITES {
        writeln!(
            text,
            "/// Calls a macro with the name of each guest of the suite `{suite}`."
        )?;
        writeln!(text, "#[macro_export]")?;
        writeln!(text, "macro_rules! foreach_{suite} {{")?;
        writeln!(text, "    ($each:ident) => {{")?;
        for name in suites.get(suite).into_iter().flatten() {
            writeln!(text, "        $each!({name});")?;
        }
        writeln!(text, "    }};")?;
        writeln!(text, "}}")?;
    }
    Ok(text)
}
