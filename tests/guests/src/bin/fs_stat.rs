//! `fs_stat DIR PATH`: prints everything that the host says about a file, without following a link at its end.

use std::fs::File;

use stepwell_test_guests::{args, raw, tell};

fn main() {
    let [dir, path] = args();
    let outcome = File::open(dir).and_then(|dir| raw::stat_at(&dir, &path));
    tell(outcome.map(|stat| {
        format!(
            "type={} size={} dev={} ino={} nlink={} atim={} mtim={} ctim={}",
            stat.filetype.name(),
            stat.size,
            stat.dev,
            stat.ino,
            stat.nlink,
            stat.atim,
            stat.mtim,
            stat.ctim
        )
    }));
}
