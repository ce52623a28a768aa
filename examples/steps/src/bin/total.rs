//! `total RESULT NUMBER …`: writes the sum of numbers.

use std::fs;
use std::process::ExitCode;

use example_steps::step;

fn main() -> ExitCode {
    step(|args| {
        let Some((result, numbers)) = args.split_first() else {
            return Err("total RESULT NUMBER …".into());
        };
        let mut sum = 0_u64;
        for number in numbers {
            sum += number.trim().parse::<u64>()?;
        }
        println!("{} = {sum}", numbers.join(" + "));
        fs::write(result, sum.to_string())?;
        Ok(ExitCode::SUCCESS)
    })
}
