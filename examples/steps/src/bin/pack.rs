//! `pack FOLDER FILE RESULT`: puts the files of a folder into one file, each after a line with its length and its path, and
//! writes the BLAKE3 digest of it.

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use example_steps::{step, tree};

fn main() -> ExitCode {
    step(|args| {
        let [folder, file, result] = args else {
            return Err("pack FOLDER FILE RESULT".into());
        };
        let root = Path::new(folder);
        let mut packed = Vec::new();
        for path in tree::files(root)? {
            let bytes = fs::read(root.join(&path))?;
            packed.extend(format!("{} {path}\n", bytes.len()).bytes());
            packed.extend(bytes);
        }
        let digest = blake3::hash(&packed).to_hex();
        println!("{} bytes, blake3:{digest}", packed.len());
        fs::write(file, packed)?;
        fs::write(result, format!("blake3:{digest}"))?;
        Ok(ExitCode::SUCCESS)
    })
}
