//! `fs_deep DIR DEPTH`: creates folders one in the other, much deeper than a path can say.

use std::fs::File;

use stepwell_test_guests::{args, error_name, number, raw};
use wasip1::{OFLAGS_DIRECTORY, RIGHTS_PATH_CREATE_DIRECTORY, RIGHTS_PATH_OPEN};

fn main() {
    let [dir, depth] = args();
    let depth = number(&depth);
    let rights = RIGHTS_PATH_OPEN | RIGHTS_PATH_CREATE_DIRECTORY;
    let mut dir = File::open(dir).expect("a folder");
    for made in 0..depth {
        let deeper = raw::create_dir_at(&dir, "d")
            .and_then(|()| raw::open_at(&dir, "d", OFLAGS_DIRECTORY, rights));
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
