//! `flaky ATTEMPT FAILURES`: fails as often as it is told to, and works from then on.

use std::process::ExitCode;

use example_steps::step;

fn main() -> ExitCode {
    step(|args| {
        let [attempt, failures] = args else {
            return Err("flaky ATTEMPT FAILURES".into());
        };
        let (attempt, failures): (u64, u64) = (attempt.parse()?, failures.parse()?);
        if attempt < failures {
            eprintln!("attempt {attempt}: the service did not answer");
            return Ok(ExitCode::FAILURE);
        }
        println!("attempt {attempt}: the service answered");
        Ok(ExitCode::SUCCESS)
    })
}
