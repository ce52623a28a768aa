//! Every path that `ARCHITECTURE.md` mentions exists, so that the map cannot drift from the land.

use std::{fs, path::Path};

use anyhow::{Context, Result, bail};

use crate::repo;

/// Checks every path in backticks.
///
/// # Errors
///
/// When the file is missing, or mentions a path that is not there.
pub(crate) fn check() -> Result<()> {
    let text = fs::read_to_string(repo::root().join("ARCHITECTURE.md"))
        .context("failed to read `ARCHITECTURE.md`")?;
    let missing: Vec<String> = paths(&text)
        .into_iter()
        .filter(|path| !repo::root().join(path).exists())
        .collect();
    if !missing.is_empty() {
        bail!("these paths do not exist: {}", missing.join(", "));
    }
    Ok(())
}

/// The paths that a page mentions in backticks. A span is a path if it starts with a folder of the root and has a slash;
/// `target/` holds what is built and is left out.
fn paths(text: &str) -> Vec<String> {
    let mut paths = Vec::new();
    for span in text.split('`').skip(1).step_by(2) {
        let Some((first, _)) = span.split_once('/') else {
            continue;
        };
        let is_pattern = span.contains(|character: char| "<>*$… ".contains(character));
        if first == "target" || is_pattern || !is_folder_name(first) {
            continue;
        }
        paths.extend(expand(span));
    }
    paths
}

/// Whether a name can be that of a folder in the root: `dyn`, `stepwell:task` and an empty name are none.
fn is_folder_name(name: &str) -> bool {
    !name.is_empty() && (Path::new(repo::root()).join(name).is_dir() || !name.contains([':', '.']))
}

/// `a/{b,c}/d` is `a/b/d` and `a/c/d`.
fn expand(span: &str) -> Vec<String> {
    let Some((before, rest)) = span.split_once('{') else {
        return vec![span.to_owned()];
    };
    let Some((names, after)) = rest.split_once('}') else {
        return vec![span.to_owned()];
    };
    names
        .split(',')
        .map(|name| format!("{before}{}{after}", name.trim()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_paths_and_nothing_else() {
        let text = "See `runtime/{spec,store}/src` and `xtask/`, not `dyn Backend`, `target/x`, `a/<b>` or `stepwell:task/run`.";
        assert_eq!(
            paths(text),
            ["runtime/spec/src", "runtime/store/src", "xtask/"]
        );
    }
}
