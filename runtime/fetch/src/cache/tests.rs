//! What is kept is found again; what is damaged is not.

use std::{os::unix::fs::PermissionsExt, thread};

use super::*;

fn asked(revision: &str) -> Asked {
    Asked::new("git", false, &[("url", "u"), ("revision", revision)])
}

fn fetched(text: &str) -> Fetched {
    Fetched {
        name: "n".to_owned(),
        text: text.to_owned(),
        provenance: serde_json::json!({"uri": "u"}),
    }
}

fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

#[test]
fn what_is_kept_is_found_with_its_age() {
    let temp = tempfile::tempdir().unwrap();
    let cache = Cache::new(temp.path().join("cache"), 10);
    assert_eq!(cache.find(&asked("a")).unwrap(), None);
    cache.keep(asked("a"), &fetched("old"), at(100)).unwrap();
    cache.keep(asked("a"), &fetched("new"), at(200)).unwrap();
    let answer = cache.find(&asked("a")).unwrap().unwrap();
    assert_eq!(answer.age(at(230)), Some(Duration::from_secs(30)));
    assert_eq!(answer.age(at(199)), None);
    assert_eq!(answer.into_fetched(), fetched("new"));
    assert_eq!(cache.find(&asked("b")).unwrap(), None);
}

#[test]
fn names_and_values_cannot_be_mixed_up() {
    let cache = Cache::new("/c".into(), 1);
    let path = |params: &[(&str, &str)]| cache.path(&Asked::new("git", false, params));
    assert_ne!(path(&[("a", "b\",\"c")]), path(&[("a", "b"), ("c", "")]));
    assert_ne!(path(&[("a", "b")]), path(&[("ab", "")]));
}

#[test]
fn the_newest_is_listed_first() {
    let temp = tempfile::tempdir().unwrap();
    let cache = Cache::new(temp.path().join("cache"), 10);
    assert!(cache.list().unwrap().is_empty());
    for (revision, second) in [("a", 2), ("b", 3), ("c", 1)] {
        cache
            .keep(asked(revision), &fetched("text"), at(second))
            .unwrap();
    }
    let held = cache.list().unwrap();
    let order: Vec<&str> = held.iter().map(|held| held.asked[1].1.as_str()).collect();
    assert_eq!(order, ["b", "a", "c"]);
    assert_eq!(
        (held[0].bytes, held[0].fetched, held[0].pinned),
        (4, at(3), false)
    );
}

#[test]
fn attack_an_answer_that_was_torn_or_altered_is_none() {
    let temp = tempfile::tempdir().unwrap();
    let cache = Cache::new(temp.path().join("cache"), 10);
    cache
        .keep(asked("a"), &fetched("steps: []"), at(1))
        .unwrap();
    let path = cache.path(&asked("a"));
    let whole = fs::read(&path).unwrap();
    let altered = String::from_utf8(whole.clone())
        .unwrap()
        .replace("steps", "stops");
    for damaged in [
        &whole[..whole.len() - 1],
        &whole[..10],
        b"",
        altered.as_bytes(),
        b"\n",
    ] {
        fs::write(&path, damaged).unwrap();
        assert_eq!(cache.find(&asked("a")).unwrap(), None);
        assert!(cache.list().unwrap().is_empty());
    }
    // One that was put in the place of another.
    fs::write(&path, &whole).unwrap();
    fs::copy(&path, cache.path(&asked("b"))).unwrap();
    assert_eq!(cache.find(&asked("b")).unwrap(), None);
    assert!(cache.find(&asked("a")).unwrap().is_some());
}

#[test]
fn attack_a_folder_that_others_may_write_to_is_refused() {
    let temp = tempfile::tempdir().unwrap();
    let root = temp.path().join("cache");
    let cache = Cache::new(root.clone(), 10);
    cache.keep(asked("a"), &fetched("x"), at(1)).unwrap();
    assert!(cache.find(&asked("a")).unwrap().is_some());
    fs::set_permissions(&root, fs::Permissions::from_mode(0o777)).unwrap();
    for error in [
        cache.find(&asked("a")).unwrap_err(),
        cache.list().unwrap_err(),
        cache.keep(asked("a"), &fetched("x"), at(1)).unwrap_err(),
    ] {
        assert!(matches!(error, CacheError::Exposed { .. }), "{error}");
    }
}

#[test]
fn the_oldest_goes_when_there_are_too_many() {
    let temp = tempfile::tempdir().unwrap();
    let cache = Cache::new(temp.path().join("cache"), 2);
    for (at_second, revision) in ["a", "b", "c"].into_iter().enumerate() {
        cache
            .keep(asked(revision), &fetched("x"), at(at_second as u64))
            .unwrap();
        // The file system's time decides, so say it instead of waiting for it to move.
        let file = fs::File::options()
            .append(true)
            .open(cache.path(&asked(revision)))
            .unwrap();
        file.set_modified(at(1000 + at_second as u64)).unwrap();
    }
    assert_eq!(cache.list().unwrap().len(), 2);
    assert_eq!(cache.find(&asked("a")).unwrap(), None);
}

#[test]
fn many_at_once_leave_a_whole_answer() {
    let temp = tempfile::tempdir().unwrap();
    let root = temp.path().join("cache");
    thread::scope(|scope| {
        for writer in 0..4 {
            let root = root.clone();
            scope.spawn(move || {
                let cache = Cache::new(root, 10);
                for round in 0..20 {
                    let text = format!("{writer} {round} {}", "x".repeat(20_000));
                    cache.keep(asked("a"), &fetched(&text), at(1)).unwrap();
                    assert!(cache.find(&asked("a")).unwrap().is_some());
                }
            });
        }
    });
    assert_eq!(fs::read_dir(root.join("answers")).unwrap().count(), 1);
}

#[test]
fn all_that_is_kept_is_cleared_but_what_is_being_written() {
    let temp = tempfile::tempdir().unwrap();
    let cache = Cache::new(temp.path().join("cache"), 10);
    assert_eq!(cache.clear().unwrap(), 0);
    for revision in ["a", "b"] {
        cache
            .keep(asked(revision), &fetched("text"), at(1))
            .unwrap();
    }
    let half = temp.path().join("cache/answers/.half");
    fs::write(&half, "").unwrap();
    assert_eq!(cache.clear().unwrap(), 2);
    assert!(cache.list().unwrap().is_empty());
    assert!(half.exists());
}
