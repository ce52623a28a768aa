//! Finds lines that hold a marker such as `FIXME`.

use std::fs;
use std::path::PathBuf;

use stepwell::{Error, ReadOnlyWorkspace, Results as _};

/// What to look for, and where.
#[derive(stepwell::Params)]
struct Input {
    /// The text to look for.
    #[param(default = "FIXME")]
    marker: String,
    /// The folder whose files are looked into.
    source: ReadOnlyWorkspace,
}

/// What was found.
#[derive(stepwell::Results)]
struct Found {
    /// How many lines have the marker.
    count: usize,
}

/// Finds lines that hold a marker.
///
/// It looks into the files of one folder, and fails where there is one.
#[stepwell::task(name = "{{name}}", results = Found)]
fn find_markers(input: Input) -> Result<(), Error> {
    let entries = fs::read_dir(&input.source)?;
    let mut paths = entries
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<Vec<PathBuf>, std::io::Error>>()?;
    paths.sort();
    let mut count = 0;
    for path in paths.iter().filter(|path| path.is_file()) {
        // What is no text has no lines.
        let Ok(text) = String::from_utf8(fs::read(path)?) else {
            continue;
        };
        let name = path.file_name().unwrap_or_default().display();
        for (index, line) in text.lines().enumerate() {
            if line.contains(&input.marker) {
                println!("{name}:{}: {}", index + 1, line.trim());
                count += 1;
            }
        }
    }
    Found { count }.emit()?;
    match count {
        0 => Ok(()),
        _ => Err(format!("lines with `{}`: {count}", input.marker).into()),
    }
}

#[cfg(test)]
mod tests {
    use stepwell::testing::Call;

    use super::*;

    #[test]
    fn a_marker_is_a_failure() {
        let source = std::env::temp_dir().join("{{name}}-test");
        fs::create_dir_all(&source).unwrap();
        fs::write(source.join("a.txt"), "fine\nFIXME later\n").unwrap();
        let told = Call::new()
            .workspace("source", &source)
            .run::<find_markers>();
        assert_eq!(told.results["count"], "1".into());
        assert_eq!(told.ending.unwrap_err().message, "lines with `FIXME`: 1");
        let call = Call::new()
            .workspace("source", &source)
            .param("marker", "TODO");
        assert!(call.run::<find_markers>().ending.is_ok());
    }
}
