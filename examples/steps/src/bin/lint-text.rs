//! `lint-text FOLDER RESULT [MOST]`: prints what is wrong with the texts in a folder, writes how much that is, and fails if
//! it is more than MOST.

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use example_steps::{lint, step, tree};

fn main() -> ExitCode {
    step(|args| {
        let (folder, result, most) = match args {
            [folder, result] => (folder, result, usize::MAX),
            [folder, result, most] => (folder, result, most.parse()?),
            _ => return Err("lint-text FOLDER RESULT [MOST]".into()),
        };
        let root = Path::new(folder);
        let mut count = 0;
        for path in tree::files(root)? {
            let Ok(text) = fs::read_to_string(root.join(&path)) else {
                continue; // No text.
            };
            for finding in lint::findings(&text) {
                println!("{path}:{}: {}", finding.line, finding.what);
                count += 1;
            }
        }
        println!("{count} findings");
        fs::write(result, count.to_string())?;
        Ok(ExitCode::from(u8::from(count > most)))
    })
}
