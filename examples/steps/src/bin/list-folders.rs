//! `list-folders FOLDER RESULT`: writes the names of the folders in a folder, as a result that is an array.

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use example_steps::{json, step, tree};

fn main() -> ExitCode {
    step(|args| {
        let [folder, result] = args else {
            return Err("list-folders FOLDER RESULT".into());
        };
        let names = tree::folders(Path::new(folder))?;
        println!("{} folders: {}", names.len(), names.join(", "));
        fs::write(result, json::array(names.iter().map(String::as_str)))?;
        Ok(ExitCode::SUCCESS)
    })
}
