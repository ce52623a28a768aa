//! `limit_read PATH BYTES`: asks for that many bytes of a file in one call, however long the file is.

use stepwell_test_guests::{args, number};
use stepwell_test_wasi::wasi::filesystem::preopens::get_directories;
use stepwell_test_wasi::wasi::filesystem::types::{DescriptorFlags, OpenFlags, PathFlags};

fn main() {
    let [path, bytes] = args();
    let directories = get_directories();
    let (dir, rest) = directories
        .iter()
        .find_map(|(dir, name)| {
            let rest = path.strip_prefix(name.as_str())?;
            Some((dir, rest.trim_start_matches('/')))
        })
        .expect("a workspace with this path");
    let read = dir
        .open_at(
            PathFlags::empty(),
            rest,
            OpenFlags::empty(),
            DescriptorFlags::READ,
        )
        .and_then(|file| file.read(number(&bytes), 0));
    match read {
        Ok((bytes, _)) => println!("ok {}", bytes.len()),
        Err(error) => println!("err {}", error.name()),
    }
}
