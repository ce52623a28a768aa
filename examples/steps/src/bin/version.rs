//! `version FILE PARTS OBJECT LIST`: reads a version such as `2.1.0-rc.1` from a file, and writes it as a text, as an object
//! with its parts, and as a list of tags.

use std::fs;
use std::process::ExitCode;

use example_steps::{json, step};

fn main() -> ExitCode {
    step(|args| {
        let [file, text, object, list] = args else {
            return Err("version FILE TEXT OBJECT LIST".into());
        };
        let whole = fs::read_to_string(file)?;
        let whole = whole.trim();
        let (numbers, preview) = whole.split_once('-').unwrap_or((whole, ""));
        let parts: Vec<&str> = numbers.split('.').collect();
        let [major, minor, _] = parts.as_slice() else {
            return Err(format!("`{whole}` is no version").into());
        };
        println!("version {whole}");
        fs::write(text, whole)?;
        let fields = [("major", *major), ("minor", *minor), ("preview", preview)];
        fs::write(object, json::object(fields))?;
        let (wide, narrow) = (format!("v{major}"), format!("v{major}.{minor}"));
        fs::write(list, json::array([wide.as_str(), narrow.as_str(), whole]))?;
        Ok(ExitCode::SUCCESS)
    })
}
