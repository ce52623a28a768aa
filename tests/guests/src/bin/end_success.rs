//! `end_success`: does nothing, and ends well.

fn main() {}
