//! `limit_streams PATH COUNT`: opens that many streams on one file, and drops none of them.

use stepwell_test_guests::{args, number};
use stepwell_test_wasi::wasi::filesystem::preopens::get_directories;
use stepwell_test_wasi::wasi::filesystem::types::{DescriptorFlags, OpenFlags, PathFlags};

fn main() {
    let [path, count] = args();
    let directories = get_directories();
    let (dir, rest) = directories
        .iter()
        .find_map(|(dir, name)| {
            let rest = path.strip_prefix(name.as_str())?;
            Some((dir, rest.trim_start_matches('/')))
        })
        .expect("a workspace with this path");
    let file = dir
        .open_at(
            PathFlags::empty(),
            rest,
            OpenFlags::empty(),
            DescriptorFlags::READ,
        )
        .expect("a file to read");
    let mut streams = Vec::new();
    for _ in 0..number(&count) {
        match file.read_via_stream(0) {
            Ok(stream) => streams.push(stream),
            Err(error) => {
                println!("err {} after {}", error.name(), streams.len());
                return;
            }
        }
    }
    println!("ok {}", streams.len());
}
