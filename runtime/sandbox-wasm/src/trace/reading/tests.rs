use std::fs;

use stepwell_contract::{Answer, Digests, Observer, Trace};
use tempfile::TempDir;

use super::*;

/// Keeps what it is handed.
#[derive(Default)]
struct Kept {
    trace: Mutex<Option<Trace>>,
    remembered: Mutex<Vec<Digest>>,
}

impl Digests for Kept {
    fn get(&self, _: &Version) -> Option<Digest> {
        None
    }

    fn put(&self, _: &Settled, digest: Digest) {
        self.remembered.lock().unwrap().push(digest);
    }
}

impl Observer for Kept {
    fn most(&self) -> usize {
        10_000
    }

    fn digests(&self) -> &dyn Digests {
        self
    }

    fn observed(&self, trace: Trace) {
        *self.trace.lock().unwrap() = Some(trace);
    }
}

const TEXT: &[u8] = b"one two three";

/// A file with [`TEXT`] in it, and who records what is read of it.
struct Stage {
    temp: TempDir,
    kept: Arc<Kept>,
    tracer: Arc<Tracer>,
}

impl Stage {
    fn new() -> Self {
        let temp = tempfile::tempdir().unwrap();
        fs::write(temp.path().join("file"), TEXT).unwrap();
        let kept = Arc::new(Kept::default());
        let tracer = Tracer::new(Arc::<Kept>::clone(&kept));
        Self { temp, kept, tracer }
    }

    fn open(&self) -> (File, Seen) {
        let file = File::open(self.temp.path().join("file")).unwrap();
        let stat = rustix::fs::fstat(&file).unwrap();
        let seen = Seen::to_read(&self.tracer, Spot::new("v", "file"), &stat);
        (file, seen)
    }

    /// Reads some parts of the file, each from one place to another, and closes it.
    fn read(&self, parts: &[(usize, usize)]) {
        let (file, seen) = self.open();
        for &(from, to) in parts {
            seen.read(&file, from as u64, TEXT.get(from..to).unwrap_or_default());
        }
        seen.close(&file);
    }

    /// Reads another file, which is `bytes`, at once.
    fn read_another(&self, name: &str, bytes: &[u8]) {
        let path = self.temp.path().join(name);
        fs::write(&path, bytes).unwrap();
        let file = File::open(path).unwrap();
        let stat = rustix::fs::fstat(&file).unwrap();
        let seen = Seen::to_read(&self.tracer, Spot::new("v", name), &stat);
        seen.read(&file, 0, bytes);
        seen.close(&file);
    }

    fn trace(self) -> Trace {
        self.tracer.finish();
        self.kept.trace.lock().unwrap().take().unwrap()
    }
}

fn answers(trace: &Trace) -> Vec<Answer> {
    assert_eq!(trace.flaws, []);
    let answers = trace.observations.iter();
    answers.map(|seen| seen.answer.clone()).collect()
}

fn whole() -> Vec<Answer> {
    vec![Answer::Content(Digest::of(TEXT))]
}

#[test]
fn whatever_is_read_of_a_file_its_whole_content_is_the_answer() {
    let end = TEXT.len();
    for parts in [
        &[(0, end)][..],
        &[(0, 4), (4, end)],
        &[(0, 4), (4, end), (end, end)],
        // Some of it again.
        &[(0, 4), (2, 6), (0, 2), (6, end)],
        // From somewhere, with gaps, backwards, beyond the end.
        &[(4, 8)],
        &[(0, 2), (8, 10)],
        &[(8, 10), (0, 2)],
        &[(100, 100)],
        // The end is never seen.
        &[(0, 4)],
    ] {
        let stage = Stage::new();
        stage.read(parts);
        assert_eq!(answers(&stage.trace()), whole(), "{parts:?}");
    }
}

#[test]
fn a_file_that_is_opened_and_not_read_has_no_content() {
    let stage = Stage::new();
    stage.read(&[]);
    assert_eq!(answers(&stage.trace()), []);
}

#[test]
fn an_empty_file_that_is_read_is_known_to_be_empty() {
    let stage = Stage::new();
    fs::write(stage.temp.path().join("file"), "").unwrap();
    stage.read(&[(0, 0)]);
    let empty = vec![Answer::Content(Digest::of(b""))];
    assert_eq!(answers(&stage.trace()), empty);
}

#[test]
fn what_the_guest_was_shown_is_digested_and_not_what_is_there() {
    let stage = Stage::new();
    let (file, seen) = stage.open();
    seen.read(&file, 0, b"one two trees");
    seen.close(&file);
    let shown = vec![Answer::Content(Digest::of(b"one two trees"))];
    assert_eq!(answers(&stage.trace()), shown);
}

#[test]
fn a_file_that_changes_while_it_is_read_is_told() {
    for parts in [&[(0, TEXT.len())][..], &[(0, 4)], &[(4, 8)]] {
        let stage = Stage::new();
        let (file, seen) = stage.open();
        for &(from, to) in parts {
            seen.read(&file, from as u64, &TEXT[from..to]);
        }
        fs::write(stage.temp.path().join("file"), "something else").unwrap();
        seen.close(&file);
        let changed = [Flaw::Changed(Spot::new("v", "file"))];
        assert_eq!(stage.trace().flaws, changed, "{parts:?}");
    }
}

#[test]
fn a_file_that_changed_between_two_readings_is_told() {
    let stage = Stage::new();
    stage.read(&[(0, TEXT.len())]);
    fs::write(stage.temp.path().join("file"), "one two trees").unwrap();
    let (file, seen) = stage.open();
    seen.read(&file, 0, b"one two trees");
    seen.close(&file);
    let changed = [Flaw::Changed(Spot::new("v", "file"))];
    assert_eq!(stage.trace().flaws, changed);
}

#[test]
fn what_is_open_is_recorded_before_the_step_changes_it_and_not_after() {
    for read_before in [&[][..], &[(0, 4)], &[(4, 8)], &[(0, TEXT.len())]] {
        let stage = Stage::new();
        let (file, seen) = stage.open();
        for &(from, to) in read_before {
            seen.read(&file, from as u64, &TEXT[from..to]);
        }
        seen.settle(&file);
        fs::write(stage.temp.path().join("file"), "the step's own").unwrap();
        seen.read(&file, 0, b"the step's own");
        seen.close(&file);
        assert_eq!(answers(&stage.trace()), whole(), "{read_before:?}");
    }
}

#[test]
fn the_end_of_a_file_is_known_once_all_is_read_until_it_is_the_steps_own() {
    let size = TEXT.len() as u64;
    let stage = Stage::new();
    let (file, seen) = stage.open();
    assert!(!seen.ends_at(size));
    seen.read(&file, 0, &TEXT[..4]);
    assert!(!seen.ends_at(size));
    seen.read(&file, 4, &TEXT[4..]);
    assert!(seen.ends_at(size) && seen.ends_at(size + 1) && !seen.ends_at(size - 1));
    seen.settle(&file);
    assert!(!seen.ends_at(size));
    fs::write(stage.temp.path().join("file"), "").unwrap();
    let (file, seen) = stage.open();
    seen.read(&file, 0, b"");
    assert!(!seen.ends_at(0));
}

#[test]
fn many_files_have_their_own_digests_in_the_order_in_which_they_were_read() {
    // More than one batch of many small ones, then of a few that are at the bound, and one beyond it.
    let text = |number: usize| match number {
        ..3000 => number.to_string().into_bytes(),
        3100 => vec![0; SMALL + 1],
        _ => vec![u8::try_from(number % 256).unwrap(); SMALL],
    };
    let stage = Stage::new();
    for number in 0..=3100 {
        stage.read_another(&number.to_string(), &text(number));
    }
    let expected: Vec<Answer> = (0..=3100)
        .map(|number| Answer::Content(Digest::of(&text(number))))
        .collect();
    assert!(answers(&stage.trace()) == expected);
}

#[test]
fn attack_a_file_that_is_changed_in_the_tick_of_its_reading_is_remembered_later() {
    for parts in [
        &[(0, TEXT.len())][..],
        &[(0, 4), (4, TEXT.len())],
        &[(4, 8)],
    ] {
        for (young, remembered) in [(true, 0), (false, 1)] {
            let stage = Stage::new();
            let (file, mut seen) = stage.open();
            if !young {
                // As if it had been opened long after its last change.
                let mut stat = rustix::fs::fstat(&file).unwrap();
                (stat.st_mtime, stat.st_ctime) = (0, 0);
                seen.settled = Version::of(&stat).settled();
            }
            for &(from, to) in parts {
                seen.read(&file, from as u64, &TEXT[from..to]);
            }
            seen.close(&file);
            stage.tracer.finish();
            let count = stage.kept.remembered.lock().unwrap().len();
            assert_eq!(count, remembered, "{parts:?}");
        }
    }
}

#[test]
fn a_step_that_is_given_up_leaves_no_thread_waiting() {
    let stage = Stage::new();
    for number in 0..600 {
        stage.read_another(&number.to_string(), b"x");
    }
    let kept = Arc::downgrade(&stage.kept);
    let Stage {
        kept: ours,
        tracer,
        temp,
    } = stage;
    drop((ours, tracer));
    // The thread holds the observer for as long as it lives.
    while kept.strong_count() > 0 {
        std::thread::yield_now();
    }
    drop(temp);
}
