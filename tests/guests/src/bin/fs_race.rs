//! `fs_race PATH TIMES`: reads a file again and again while somebody else exchanges what the path leads through; prints
//! each different outcome once.

use std::collections::BTreeSet;

use stepwell_test_guests::{args, error_name, number};

fn main() {
    let [path, times] = args();
    let outcomes: BTreeSet<String> = (0..number(&times))
        .map(|_| match std::fs::read_to_string(&path) {
            Ok(text) => format!("ok {}", text.trim_end()),
            Err(error) => format!("err {}", error_name(&error)),
        })
        .collect();
    for outcome in outcomes {
        println!("{outcome}");
    }
}
