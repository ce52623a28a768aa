//! `note FILE TEXT …`: adds a line to a file, and prints it.

use std::fs::OpenOptions;
use std::io::Write;
use std::process::ExitCode;

use example_steps::step;

fn main() -> ExitCode {
    step(|args| {
        let Some((file, words)) = args.split_first() else {
            return Err("note FILE TEXT …".into());
        };
        let line = words.join(" ");
        println!("{line}");
        let mut file = OpenOptions::new().create(true).append(true).open(file)?;
        writeln!(file, "{line}")?;
        Ok(ExitCode::SUCCESS)
    })
}
