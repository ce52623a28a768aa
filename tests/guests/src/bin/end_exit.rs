//! `end_exit CODE`: exits with that code.

use std::process::ExitCode;

use stepwell_test_guests::{args, number};

fn main() -> ExitCode {
    let [code] = args();
    ExitCode::from(number(&code) as u8)
}
