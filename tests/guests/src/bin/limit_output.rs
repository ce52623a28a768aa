//! `limit_output stdout|stderr BYTES`: prints lines of 64 bytes, that many bytes in all.

use std::io::{self, Write};

use stepwell_test_guests::{args, number};

const LINE: &[u8; 64] = b"the quick brown fox jumps over the lazy dog, and then once more\n";

fn main() -> io::Result<()> {
    let [stream, bytes] = args();
    let mut out: Box<dyn Write> = match stream.as_str() {
        "stderr" => Box::new(io::stderr()),
        _ => Box::new(io::stdout()),
    };
    let chunk = LINE.repeat(1024);
    let mut left = number(&bytes);
    while left > 0 {
        let part = left.min(chunk.len() as u64);
        out.write_all(&chunk[..part as usize])?;
        left -= part;
    }
    Ok(())
}
