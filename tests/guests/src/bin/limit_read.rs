//! `limit_read DIR FILE BYTES`: asks for that many bytes of a file in one call, however long the file is.

use stepwell_test_guests::{args, number};
use stepwell_test_wasi::Folder;

fn main() {
    let [dir, file, bytes] = args();
    let read = Folder::at(&dir)
        .open(&file)
        .and_then(|file| file.read(number(&bytes), 0));
    match read {
        Ok((bytes, _)) => println!("ok {}", bytes.len()),
        Err(error) => println!("err {}", error.name()),
    }
}
