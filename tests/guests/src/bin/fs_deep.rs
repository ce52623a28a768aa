//! `fs_deep DIR DEPTH`: creates folders one in the other, much deeper than a path can say.

use std::fs::File;

use stepwell_test_guests::{args, error_name, number, raw};

fn main() {
    let [dir, depth] = args();
    let depth = number(&depth);
    let mut dir = File::open(dir).expect("a folder");
    for made in 0..depth {
        let deeper = raw::create_dir_at(&dir, "d").and_then(|()| {
            raw::open_at(
                &dir,
                "d",
                wasip1::OFLAGS_DIRECTORY,
                wasip1::RIGHTS_FD_READDIR,
            )
        });
        match deeper {
            Ok(deeper) => dir = deeper,
            Err(error) => {
                println!("err {} after {made}", error_name(&error));
                return;
            }
        }
    }
    println!("ok {depth}");
}
