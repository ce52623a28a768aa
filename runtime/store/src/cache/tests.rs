use std::fs::{self, File};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use stepwell_contract::{
    Answer, Digest, Ending, FailureClass, Frame, Kind, LogStream, Observation, ParamValue,
    Question, Spot,
};

use super::*;

fn open(root: &Path) -> Cache {
    Cache::open(root, &CacheOptions::default()).unwrap()
}

fn blob(cache: &Cache, bytes: &[u8]) -> Digest {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    file.rewind().unwrap();
    let (digest, size) = cache.keep_blob(&mut file).unwrap();
    assert_eq!((digest, size), (Digest::of(bytes), bytes.len() as u64));
    digest
}

fn outcome(digest: Digest) -> Outcome {
    let left = Left::File {
        digest,
        size: 1,
        executable: true,
    };
    Outcome {
        left: vec![(Spot::new("w", "out"), left)],
        permissions: Vec::new(),
        said: Vec::new(),
        ending: Ending::SUCCESS,
    }
}

fn seen(number: u8) -> Vec<Observation> {
    vec![Observation {
        spot: Spot::new("w", "in"),
        question: Question::Content,
        answer: Answer::Content(Digest::of(&[number])),
    }]
}

fn key(name: &str) -> Digest {
    Digest::of(name.as_bytes())
}

/// Keeps what the step `name` left after it read `number`, `bytes`.
fn keep(cache: &Cache, name: &str, number: u8, bytes: &[u8]) -> Digest {
    let outcome = outcome(blob(cache, bytes));
    let digest = cache.keep_outcome(&outcome).unwrap().unwrap();
    let leaf = Leaf {
        outcome: digest,
        at_ms: 1,
        took_ms: 1,
    };
    cache.keep_trace(key(name), &seen(number), leaf).unwrap();
    digest
}

fn look(cache: &Cache, name: &str, number: u8) -> Look {
    cache
        .look_up(key(name), &|| {
            Box::new(move |_, _| Ok(Answer::Content(Digest::of(&[number]))))
        })
        .unwrap()
}

/// Whether all that the step `name` left is there.
fn is_kept(cache: &Cache, name: &str, number: u8) -> bool {
    match look(cache, name, number) {
        Look::Miss(_) => false,
        Look::Hit(found) => found
            .outcome
            .blobs()
            .all(|digest| cache.blob(digest).unwrap().is_some()),
    }
}

/// Every file below `root` that is kept, oldest folder first.
fn files(root: &Path, folder: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for shard in fs::read_dir(root.join(folder)).unwrap() {
        for file in fs::read_dir(shard.unwrap().path()).unwrap() {
            found.push(file.unwrap().path());
        }
    }
    found.sort();
    found
}

/// Makes everything look as if it was last used `hours` ago.
fn age(root: &Path, hours: u64) {
    let then = SystemTime::now() - Duration::from_secs(hours * 3600);
    for folder in ["blobs", "outcomes", "traces"] {
        for file in files(root, folder) {
            let file = File::options().append(true).open(file).unwrap();
            file.set_modified(then).unwrap();
        }
    }
}

#[test]
fn what_a_step_left_comes_back_as_it_was() {
    let temp = tempfile::tempdir().unwrap();
    let cache = open(temp.path());
    let digest = blob(&cache, b"bytes");
    let frame = Frame {
        function: "f".to_owned(),
        location: Some("a.c:1".to_owned()),
    };
    let object = [("k".to_owned(), "v".to_owned())].into();
    let said = vec![
        Said::Log(LogStream::Stdout, (*b"out\xff").into()),
        Said::Log(LogStream::Stderr, (*b"err").into()),
        Said::Result("s".to_owned(), ParamValue::from("v")),
        Said::Result("a".to_owned(), ParamValue::Array(vec!["x".to_owned()])),
        Said::Result("o".to_owned(), ParamValue::Object(object)),
        Said::Progress {
            done: 1,
            total: Some(2),
            message: "half".to_owned(),
        },
    ];
    let link = Left::Link {
        target: (*b"../x").into(),
    };
    let left = vec![
        (Spot::new("w", "dir"), Left::Folder),
        (Spot::new("w", "dir/link"), link),
        (Spot::new("w", "gone"), Left::Nothing),
        outcome(digest).left.remove(0),
    ];
    let endings = [
        Ending::Exited { code: 3 },
        Ending::Failed {
            class: FailureClass::Transient,
            message: "no".to_owned(),
        },
        Ending::Trapped {
            reason: "unreachable".to_owned(),
            message: None,
            backtrace: vec![frame],
        },
    ];
    for ending in endings {
        let outcome = Outcome {
            left: left.clone(),
            permissions: Vec::new(),
            said: said.clone(),
            ending,
        };
        let kept = cache.keep_outcome(&outcome).unwrap().unwrap();
        assert_eq!(cache.outcome(kept).unwrap(), Some(outcome));
    }
    let mut bytes = Vec::new();
    let mut file = cache.blob(digest).unwrap().unwrap();
    file.read_to_end(&mut bytes).unwrap();
    assert_eq!(bytes, b"bytes");
}

#[test]
fn an_ending_from_outside_is_not_kept() {
    let temp = tempfile::tempdir().unwrap();
    let cache = open(temp.path());
    let after = Duration::from_secs(1);
    for ending in [Ending::Cancelled, Ending::TimedOut { after }] {
        let outcome = Outcome {
            left: Vec::new(),
            permissions: Vec::new(),
            said: Vec::new(),
            ending,
        };
        assert_eq!(cache.keep_outcome(&outcome).unwrap(), None);
    }
    assert_eq!(cache.usage().unwrap().outcomes, Amount::default());
}

#[test]
fn a_step_that_saw_the_same_is_found_and_one_that_saw_something_else_is_told_what() {
    let temp = tempfile::tempdir().unwrap();
    let cache = open(temp.path());
    keep(&cache, "a", 1, b"one");
    keep(&cache, "a", 2, b"two");
    assert!(is_kept(&cache, "a", 1) && is_kept(&cache, "a", 2));
    let Look::Miss(missed) = look(&cache, "a", 3) else {
        panic!("found");
    };
    let stuck = missed.stuck.unwrap();
    assert_eq!(stuck.spot, Spot::new("w", "in"));
    assert_eq!(stuck.was, Some(Answer::Content(Digest::of(&[2]))));
    assert!(!is_kept(&cache, "b", 1));
}

#[test]
fn attack_what_is_altered_cut_or_swapped_is_a_miss_and_gone_and_what_is_whole_is_found() {
    type Damage = fn(&Path, &Path);
    let damages: [Damage; 5] = [
        |file, _| fs::write(file, "").unwrap(),
        |file, _| {
            let bytes = fs::read(file).unwrap();
            fs::write(file, &bytes[..bytes.len() - 1]).unwrap();
        },
        |file, _| {
            let mut bytes = fs::read(file).unwrap();
            *bytes.last_mut().unwrap() ^= 1;
            fs::write(file, bytes).unwrap();
        },
        |file, other| {
            fs::copy(other, file).unwrap();
        },
        |file, _| {
            fs::remove_file(file).unwrap();
            symlink("/etc/passwd", file).unwrap();
        },
    ];
    for folder in ["blobs", "outcomes", "traces"] {
        for (number, damage) in damages.iter().enumerate() {
            let temp = tempfile::tempdir().unwrap();
            let cache = open(temp.path());
            keep(&cache, "a", 1, b"a");
            keep(&cache, "b", 1, b"b");
            assert!(is_kept(&cache, "a", 1) && is_kept(&cache, "b", 1));
            let [one, other] = <[_; 2]>::try_from(files(temp.path(), folder)).unwrap();
            damage(&one, &other);
            let again = open(temp.path());
            let kept = ["a", "b"].map(|name| is_kept(&again, name, 1));
            assert_eq!(
                kept.iter().filter(|kept| **kept).count(),
                1,
                "{folder} {number}"
            );
            assert!(!one.exists(), "{folder} {number}");
            assert!(other.exists(), "{folder} {number}");
            assert_eq!(again.verify().unwrap().damaged, Vec::<PathBuf>::new());
        }
    }
}

#[test]
fn a_check_finds_what_nobody_asked_for() {
    let temp = tempfile::tempdir().unwrap();
    let cache = open(temp.path());
    keep(&cache, "a", 1, b"a");
    keep(&cache, "b", 1, b"b");
    let whole = cache.verify().unwrap();
    assert_eq!((whole.whole, whole.damaged.len()), (6, 0));
    let [one, other] = <[_; 2]>::try_from(files(temp.path(), "blobs")).unwrap();
    fs::write(&one, "other bytes").unwrap();
    fs::remove_file(other).unwrap();
    let checked = cache.verify().unwrap();
    assert_eq!(checked.damaged, [one]);
    assert_eq!(checked.incomplete.len(), 2);
    assert!(!is_kept(&cache, "a", 1) && !is_kept(&cache, "b", 1));
}

#[test]
fn what_was_used_least_recently_goes_first_and_what_a_live_process_uses_stays() {
    let temp = tempfile::tempdir().unwrap();
    let big = vec![7; 100_000];
    let with = |number: u8| [&big[..], &[number]].concat();
    {
        let cache = open(temp.path());
        for number in 0..5 {
            keep(&cache, &format!("step-{number}"), 1, &with(number));
        }
        // What it made is as new as itself.
        let collected = cache.collect(0).unwrap().unwrap();
        assert_eq!((collected.outcomes, collected.blobs), (0, 0));
    }
    age(temp.path(), 2);
    {
        let cache = open(temp.path());
        assert!(is_kept(&cache, "step-0", 1));
    }
    age(temp.path(), 1);
    {
        let cache = open(temp.path());
        assert!(is_kept(&cache, "step-1", 1));
        drop(cache);
        let other = open(temp.path());
        assert!(is_kept(&other, "step-3", 1));
        let collector = open(temp.path());
        let collected = collector.collect(250_000).unwrap().unwrap();
        assert!(collected.after <= 250_000 && collected.before > 500_000);
        assert_eq!(
            (collected.outcomes, collected.blobs, collected.keys),
            (3, 3, 3)
        );
        let kept = [0, 1, 2, 3, 4].map(|number| is_kept(&other, &format!("step-{number}"), 1));
        assert_eq!(kept, [false, true, false, true, false]);
        // As little as it may: what lives is above any limit.
        collector.collect(0).unwrap().unwrap();
        assert!(is_kept(&other, "step-3", 1));
    }
    assert_eq!(open(temp.path()).verify().unwrap().damaged.len(), 0);
}

#[test]
fn a_blob_that_two_steps_left_stays_as_long_as_one_of_them_does() {
    let temp = tempfile::tempdir().unwrap();
    let size = {
        let cache = open(temp.path());
        keep(&cache, "a", 1, b"same");
        let before = cache.usage().unwrap().bytes();
        let mut other = outcome(Digest::of(b"same"));
        other
            .said
            .push(Said::Log(LogStream::Stdout, (*b"x").into()));
        let digest = cache.keep_outcome(&other).unwrap().unwrap();
        let leaf = Leaf {
            outcome: digest,
            at_ms: 1,
            took_ms: 1,
        };
        cache.keep_trace(key("b"), &seen(1), leaf).unwrap();
        cache.usage().unwrap().bytes() - before
    };
    age(temp.path(), 1);
    let cache = open(temp.path());
    let all = cache.usage().unwrap().bytes();
    let collected = cache.collect(all - 1).unwrap().unwrap();
    assert_eq!((collected.outcomes, collected.blobs), (1, 0));
    assert!(collected.after >= all - size);
    let kept = ["a", "b"].map(|name| is_kept(&cache, name, 1));
    assert_eq!(kept.iter().filter(|kept| **kept).count(), 1);
}

#[test]
fn a_cache_that_has_grown_beyond_its_size_is_trimmed_and_one_that_has_not_is_left() {
    let temp = tempfile::tempdir().unwrap();
    keep(&open(temp.path()), "a", 1, &[1; 10_000]);
    age(temp.path(), 1);
    let cache = open(temp.path());
    cache.settle(1).unwrap();
    assert!(is_kept(&cache, "a", 1), "nothing was added");
    age(temp.path(), 1);
    keep(&cache, "b", 1, b"b");
    cache.settle(1 << 20).unwrap();
    assert_eq!(cache.usage().unwrap().outcomes.files, 2);
    keep(&cache, "c", 1, b"c");
    cache.settle(5_000).unwrap();
    let kept = ["a", "b", "c"].map(|name| is_kept(&cache, name, 1));
    assert_eq!(kept, [false, true, true]);
}

#[test]
fn what_a_dead_process_was_writing_is_swept_and_what_a_live_one_writes_is_not() {
    let temp = tempfile::tempdir().unwrap();
    drop(open(temp.path()));
    let then = SystemTime::now() - Duration::from_secs(60);
    for name in ["temp/1-dead", "live/1-dead"] {
        let file = File::create(temp.path().join(name)).unwrap();
        file.set_modified(then).unwrap();
    }
    let cache = open(temp.path());
    fs::write(temp.path().join("temp/writing"), "").unwrap();
    cache.collect(u64::MAX).unwrap().unwrap();
    assert!(!temp.path().join("temp/1-dead").exists());
    assert!(!temp.path().join("live/1-dead").exists());
    assert!(temp.path().join("temp/writing").exists());
    drop(cache);
    assert_eq!(fs::read_dir(temp.path().join("live")).unwrap().count(), 0);
}

#[test]
fn a_shared_cache_is_looked_into_and_not_written_to() {
    let theirs = tempfile::tempdir().unwrap();
    keep(&open(theirs.path()), "a", 1, b"a");
    age(theirs.path(), 1);
    let ours = tempfile::tempdir().unwrap();
    let options = CacheOptions {
        shared: vec![theirs.path().to_owned(), theirs.path().join("missing")],
    };
    let blob = files(theirs.path(), "blobs").remove(0);
    let used = fs::metadata(&blob).unwrap().modified().unwrap();
    let cache = Cache::open(ours.path(), &options).unwrap();
    assert!(is_kept(&cache, "a", 1));
    assert_eq!(fs::metadata(&blob).unwrap().modified().unwrap(), used);
    fs::write(&blob, "b").unwrap();
    assert!(!is_kept(&cache, "a", 1));
    assert!(blob.exists());
    keep(&cache, "b", 1, b"b");
    assert!(!is_kept(&open(theirs.path()), "b", 1));
}

#[test]
fn what_is_added_can_be_read_by_whoever_the_cache_is_shared_with_and_by_nobody_else() {
    for (above, expected) in [(0o700, 0o700), (0o750, 0o750), (0o755, 0o755)] {
        let temp = tempfile::tempdir().unwrap();
        let cache = open(temp.path());
        for kind in ["blobs", "outcomes", "traces"] {
            let mode = fs::Permissions::from_mode(above);
            fs::set_permissions(temp.path().join(kind), mode).unwrap();
        }
        keep(&cache, "a", 1, b"a");
        for kind in ["blobs", "outcomes", "traces"] {
            let kept = files(temp.path(), kind).remove(0);
            let shard = fs::metadata(kept.parent().unwrap()).unwrap();
            assert_eq!(shard.permissions().mode() & 0o777, expected, "{kind}");
        }
    }
}

#[test]
fn chosen_entries_are_carried_and_what_is_damaged_is_not() {
    let from = tempfile::tempdir().unwrap();
    {
        let cache = open(from.path());
        for name in ["a", "b", "c"] {
            keep(&cache, name, 1, name.as_bytes());
        }
        keep(&cache, "a", 2, b"two");
    }
    let to = tempfile::tempdir().unwrap();
    let cache = open(to.path());
    let chosen = [key("a"), key("b"), key("missing")];
    let carried = cache.take_from(from.path(), Some(&chosen)).unwrap();
    assert_eq!((carried.traces, carried.incomplete), (3, 1));
    let kept = |name, number| is_kept(&cache, name, number);
    assert!(kept("a", 1) && kept("a", 2) && kept("b", 1) && !kept("c", 1));
    for blob in files(from.path(), "blobs") {
        fs::write(blob, "hostile").unwrap();
    }
    let carried = cache.take_from(from.path(), None).unwrap();
    // The blobs of `a` and `b` are here already, and whole.
    assert_eq!((carried.traces, carried.incomplete), (3, 1));
    assert!(!kept("c", 1));
    assert_eq!(cache.verify().unwrap().damaged.len(), 0);
}

#[test]
fn attack_an_outcome_that_leaves_its_volume_is_none_and_one_that_stays_is_taken() {
    let temp = tempfile::tempdir().unwrap();
    let cache = open(temp.path());
    for (path, taken) in [
        ("a/b", true),
        ("../a", false),
        ("/a", false),
        ("a//b", false),
    ] {
        let outcome = Outcome {
            left: vec![(Spot::new("w", path), Left::Folder)],
            permissions: Vec::new(),
            said: Vec::new(),
            ending: Ending::SUCCESS,
        };
        let digest = cache.keep_outcome(&outcome).unwrap().unwrap();
        assert_eq!(cache.outcome(digest).unwrap().is_some(), taken, "{path}");
    }
}

#[test]
fn an_emptied_cache_has_nothing() {
    let temp = tempfile::tempdir().unwrap();
    let cache = open(temp.path());
    keep(&cache, "a", 1, b"a");
    let usage = cache.usage().unwrap();
    let counted = [usage.blobs, usage.outcomes, usage.traces].map(|amount| amount.files);
    assert_eq!(counted, [1; 3]);
    assert_eq!(cache.keys().unwrap(), [key("a")]);
    cache.clear().unwrap();
    assert_eq!(cache.usage().unwrap(), Usage::default());
    assert!(!is_kept(&cache, "a", 1));
    keep(&cache, "a", 1, b"a");
    assert!(is_kept(&cache, "a", 1));
}

#[test]
fn kinds_of_answers_are_told_apart() {
    let temp = tempfile::tempdir().unwrap();
    let cache = open(temp.path());
    keep(&cache, "a", 1, b"a");
    let asked = cache.look_up(key("a"), &|| {
        Box::new(|spot, question| {
            assert_eq!((&*spot.path, question), ("in", Question::Content));
            Ok(Answer::Kind(Kind::Absent))
        })
    });
    assert!(matches!(asked, Ok(Look::Miss(missed)) if missed.agreed == 0));
}
