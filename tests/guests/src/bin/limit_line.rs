//! `limit_line BYTES`: prints one line of that length and never ends it.

use std::io::{self, Write};

use stepwell_test_guests::{args, number};

fn main() -> io::Result<()> {
    let [bytes] = args();
    let chunk = [b'x'; 64 << 10];
    let mut left = number(&bytes);
    while left > 0 {
        let part = left.min(chunk.len() as u64);
        io::stdout().write_all(&chunk[..part as usize])?;
        left -= part;
    }
    io::stdout().flush()
}
