//! The cache when its users are killed, and when several of them write and collect at once.
//!
//! The test program starts itself again, with only the helper test, and tells it over stdin where the cache is.

#![expect(clippy::unwrap_used, reason = "the whole file is a test")]

use std::io::{BufRead, BufReader, Seek, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use stepwell_contract::{Answer, Digest, Digests, Ending, Observation, Question, Spot, Version};
use stepwell_store::cache::{Ask, Cache, CacheOptions, Leaf, Left, Look, Outcome};

fn helper(name: &str, root: &Path) -> Child {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "--nocapture", name])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let stdin = child.stdin.as_mut().unwrap();
    writeln!(stdin, "{}", root.display()).unwrap();
    child
}

fn told_root() -> PathBuf {
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).unwrap();
    PathBuf::from(line.trim_end())
}

fn open(root: &Path) -> Cache {
    Cache::open(root, &CacheOptions::default()).unwrap()
}

fn content(number: u64) -> Answer {
    Answer::Content(Digest::of(&number.to_le_bytes()))
}

/// The bytes that the step with `number` leaves.
fn bytes(number: u64) -> Vec<u8> {
    number.to_le_bytes().repeat(1 + number as usize % 5_000)
}

/// Keeps what the step with `number` left.
fn keep(cache: &Cache, number: u64) {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(&bytes(number)).unwrap();
    file.rewind().unwrap();
    let (digest, size) = cache.keep_blob(&mut file).unwrap();
    let left = Left::File {
        digest,
        size,
        executable: false,
    };
    let outcome = Outcome {
        left: vec![(Spot::new("w", "out"), left)],
        permissions: Vec::new(),
        said: Vec::new(),
        ending: Ending::SUCCESS,
    };
    let outcome = cache.keep_outcome(&outcome).unwrap().unwrap();
    let observation = Observation {
        spot: Spot::new("w", "in"),
        question: Question::Content,
        answer: content(number),
    };
    let leaf = Leaf {
        outcome,
        at_ms: number,
        took_ms: 0,
    };
    // Neighbours share a key, so that tries are written again and again.
    let key = Digest::of(&(number / 8).to_le_bytes());
    cache.keep_trace(key, &[observation], leaf).unwrap();
    let version = Version {
        device: 1,
        inode: number,
        size,
        modified: (1, 0),
        changed: (1, 0),
    };
    cache.digests().put(&version.settled().unwrap(), digest);
}

/// Whether what the step with `number` left is there; that it is not what it left cannot be.
fn is_kept(cache: &Cache, number: u64) -> bool {
    let key = Digest::of(&(number / 8).to_le_bytes());
    let asking = || -> Ask<'_> { Box::new(move |_, _| Ok(content(number))) };
    let Look::Hit(found) = cache.look_up(key, &asking).unwrap() else {
        return false;
    };
    let wanted = Digest::of(&bytes(number));
    assert_eq!(found.outcome.blobs().collect::<Vec<_>>(), [wanted]);
    cache.blob(wanted).unwrap().is_some()
}

#[test]
#[ignore = "started by the tests below, in a process of its own, until it is killed"]
fn keep_without_end() {
    let cache = open(&told_root());
    println!("says begun");
    let seed = u64::from(std::process::id()) << 20;
    for number in 0_u64.. {
        keep(&cache, seed + number);
        println!("says {}", seed + number);
        if number % 16 == 15 {
            cache.digests().save().unwrap();
            cache.collect(200_000).unwrap();
        }
    }
}

/// A number that looks like chance and is the same in every run.
fn scattered(seed: u64) -> u64 {
    seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40
}

#[test]
fn whoever_is_killed_at_any_instant_leaves_whole_entries() {
    let temp = tempfile::tempdir().unwrap();
    drop(open(temp.path()));
    let mut kept = 0;
    for round in 0..300_u64 {
        let mut child = helper("keep_without_end", temp.path());
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let mut lines = stdout.lines().map_while(Result::ok);
        lines.find(|line| line.contains("says begun")).unwrap();
        // The instant: busy, for a sleep would end at the ends of ticks alone.
        let until = Instant::now() + Duration::from_micros(scattered(round) % 12_000);
        while Instant::now() < until {
            std::hint::spin_loop();
        }
        child.kill().unwrap();
        child.wait().unwrap();
        let last = lines.filter_map(|line| line.split_once("says ")?.1.parse::<u64>().ok());
        let last = last.last();
        let cache = open(temp.path());
        if let Some(last) = last {
            // What it said it had kept is there: it was alive, so nobody has collected it.
            assert!(is_kept(&cache, last), "round {round}");
            kept += 1;
        }
        let checked = cache.verify().unwrap();
        assert!(checked.damaged.is_empty(), "round {round}: {checked:?}");
        assert!(checked.incomplete.is_empty(), "round {round}: {checked:?}");
    }
    assert!(kept > 20, "killed too early to have kept anything: {kept}");
}

#[test]
#[ignore = "started by the test below, in a process of its own"]
fn keep_and_use_and_collect() {
    let cache = open(&told_root());
    let seed = u64::from(std::process::id()) << 20;
    for number in 0..120 {
        // Some are this process's own, some are everybody's.
        let number = match number % 3 {
            0 => number,
            _ => seed + number,
        };
        if !is_kept(&cache, number) {
            keep(&cache, number);
        }
        assert!(
            is_kept(&cache, number),
            "{number} was taken while it was made"
        );
        if number % 10 == 0 {
            // Far too little for all: everything that may go does.
            cache.collect(10_000).unwrap();
        }
    }
    // All that it has made or used in its life is there.
    for number in 0..120 {
        let number = match number % 3 {
            0 => number,
            _ => seed + number,
        };
        assert!(
            is_kept(&cache, number),
            "{number} was taken from a live process"
        );
    }
    println!("says done");
}

#[test]
fn several_processes_run_and_collect_at_once_and_take_nothing_from_each_other() {
    let temp = tempfile::tempdir().unwrap();
    drop(open(temp.path()));
    for round in 0..5 {
        let children: Vec<_> = (0..4)
            .map(|_| helper("keep_and_use_and_collect", temp.path()))
            .collect();
        for child in children {
            let output = child.wait_with_output().unwrap();
            let said = String::from_utf8_lossy(&output.stdout);
            assert!(said.contains("says done"), "round {round}: {said}");
        }
    }
    let cache = open(temp.path());
    let checked = cache.verify().unwrap();
    assert!(
        checked.damaged.is_empty() && checked.incomplete.is_empty(),
        "{checked:?}"
    );
}
