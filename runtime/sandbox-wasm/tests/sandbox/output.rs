//! What a step prints is handed on as it comes, and never gathered.

use std::process::Command;

use stepwell_guest_artifacts as guests;

use crate::world::World;

/// How much more memory this process may take for the output of a step.
const GROWTH_BYTES: u64 = 64 << 20;

/// The most memory that this process ever had.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line.unwrap().trim().trim_end_matches(" kB");
    number.parse::<u64>().unwrap() * 1024
}

/// Runs one of the tests below in a process where nothing else takes memory.
#[track_caller]
fn in_a_process_of_its_own(test: &str) {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--ignored", "--nocapture"])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && text.contains("1 passed"),
        "{text}{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// Prints that many bytes, and says by how much that raised the peak.
fn growth(guest: &std::path::Path, args: &[&str], bytes: u64) -> u64 {
    let world = World::new();
    let small = args.iter().map(|arg| {
        if *arg == bytes.to_string() {
            "1000"
        } else {
            arg
        }
    });
    let small: Vec<&str> = small.collect();
    world.step(guest, &small).run().told();
    let before = peak();
    let end = world.step(guest, args).run();
    assert!(end.ending.is_success(), "{:?}", end.ending);
    assert_eq!(end.bytes, bytes);
    peak() - before
}

pub(crate) mod limit_output {
    use super::*;

    #[test]
    #[ignore = "measures the process: run by the test of the same name"]
    fn gigabytes_here() {
        // Without optimisation, ten gigabytes take minutes; that none of it is kept shows before.
        const BYTES: u64 = if cfg!(debug_assertions) {
            2_000_000_000
        } else {
            10_000_000_000
        };
        for stream in ["stdout", "stderr"] {
            let bytes = BYTES / 2;
            let args = [stream, &bytes.to_string()];
            let growth = growth(guests::limit_output(), &args, bytes);
            assert!(growth < GROWTH_BYTES, "{growth}");
        }
    }

    #[test]
    fn attack_gigabytes_of_output() {
        in_a_process_of_its_own("output::limit_output::gigabytes_here");
    }

    #[test]
    fn a_little_output_is_whole() {
        let world = World::new();
        let end = world.step(guests::limit_output(), &["stderr", "640"]).run();
        assert_eq!(end.told(), "");
        assert_eq!(end.stderr.lines().count(), 10);
    }
}

pub(crate) mod limit_line {
    use super::*;

    #[test]
    #[ignore = "measures the process: run by the test of the same name"]
    fn gigabyte_here() {
        const BYTES: u64 = 1 << 30;
        let growth = growth(guests::limit_line(), &[&BYTES.to_string()], BYTES);
        assert!(growth < GROWTH_BYTES, "{growth}");
    }

    #[test]
    fn attack_a_gigabyte_of_one_line() {
        in_a_process_of_its_own("output::limit_line::gigabyte_here");
    }

    #[test]
    fn a_line_without_an_end_is_handed_on() {
        let world = World::new();
        let end = world.step(guests::limit_line(), &["100"]).run();
        assert_eq!(end.stdout, "x".repeat(100));
    }
}
