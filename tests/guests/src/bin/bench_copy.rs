//! `bench_copy FROM TO`: copies one file; what each step of row 4 of the benchmark would run, were it not known.

use std::{env, fs, io};

fn main() -> io::Result<()> {
    let mut arguments = env::args_os().skip(1);
    let (Some(from), Some(to)) = (arguments.next(), arguments.next()) else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    let bytes = fs::read(from)?;
    fs::write(to, bytes)
}
