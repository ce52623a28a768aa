//! `cli_stderr TEXT`: writes a line to standard error, and nothing to standard output.

use stepwell_test_guests::args;

fn main() {
    let [text] = args();
    eprintln!("{text}");
}
