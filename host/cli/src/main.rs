//! The `stepwell` command.

mod args;
mod duration;

fn main() {}
