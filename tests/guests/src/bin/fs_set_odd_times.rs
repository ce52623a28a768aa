//! `fs_set_odd_times DIR PATH SECONDS NANOSECONDS`: sets a file's times to an instant that may not exist: any 64-bit number
//! of seconds, any 32-bit number of nanoseconds (GHSA-j2g9-4prp-pf6h).

use stepwell_test_guests::{args, number};
use stepwell_test_wasi::Folder;
use stepwell_test_wasi::wasi::clocks::wall_clock::Datetime;
use stepwell_test_wasi::wasi::filesystem::types::{NewTimestamp, PathFlags};

fn main() {
    let [dir, path, seconds, nanoseconds] = args();
    let time = NewTimestamp::Timestamp(Datetime {
        seconds: number(&seconds),
        nanoseconds: number(&nanoseconds) as u32,
    });
    let folder = Folder::at(&dir).0;
    match folder.set_times_at(PathFlags::empty(), &path, time, time) {
        Ok(()) => println!("ok set"),
        Err(error) => println!("err {}", error.name()),
    }
}
