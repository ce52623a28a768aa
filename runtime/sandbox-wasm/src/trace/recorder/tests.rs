use super::*;

const FILE: Kind = Kind::File {
    executable: false,
    shared: false,
};

fn spot(path: &str) -> Spot {
    Spot::new("v", path)
}

fn version(size: u64) -> Version {
    Version {
        device: 1,
        inode: 1,
        size,
        modified: (0, 0),
        changed: (0, 0),
    }
}

fn recorder() -> Recorder {
    Recorder::new(100)
}

/// The questions in order.
fn questions(recorder: Recorder) -> Vec<(String, Question)> {
    let trace = recorder.finish();
    assert_eq!(trace.flaws, []);
    let observations = trace.observations.into_iter();
    observations
        .map(|seen| (seen.spot.path.as_ref().into(), seen.question))
        .collect()
}

fn entries(names: &[(&str, Kind)]) -> Vec<(Box<[u8]>, Kind)> {
    let entries = names.iter();
    entries
        .map(|(name, kind)| (name.as_bytes().into(), *kind))
        .collect()
}

#[test]
fn a_question_is_asked_once_and_in_the_order_of_the_first_time() {
    let mut recorder = recorder();
    let kind = || Answer::Kind(FILE);
    recorder.note(&spot("b"), Question::Kind, kind());
    recorder.note(&spot("a"), Question::Kind, kind());
    recorder.note(&spot("b"), Question::Kind, kind());
    let asked = [("b".into(), Question::Kind), ("a".into(), Question::Kind)];
    assert_eq!(questions(recorder), asked);
}

#[test]
fn a_size_says_the_sort_and_a_content_says_the_size() {
    let mut recorder = recorder();
    let stat = Answer::Stat {
        kind: FILE,
        size: 3,
    };
    recorder.note(&spot("a"), Question::Stat, stat.clone());
    recorder.note(&spot("a"), Question::Kind, Answer::Kind(FILE));
    let Content::Wanted(at) = recorder.read(&spot("b"), &version(3)) else {
        panic!("nobody has read it before");
    };
    recorder.answer(at, Digest::of(b"abc"));
    recorder.note(&spot("b"), Question::Stat, stat);
    let asked = [
        ("a".into(), Question::Stat),
        ("b".into(), Question::Content),
    ];
    assert_eq!(questions(recorder), asked);
}

#[test]
fn a_content_has_its_place_where_the_first_byte_was_read() {
    let mut recorder = recorder();
    let Content::Wanted(at) = recorder.read(&spot("a"), &version(3)) else {
        panic!("nobody has read it before");
    };
    recorder.note(&spot("b"), Question::Kind, Answer::Kind(FILE));
    recorder.answer(at, Digest::of(b"abc"));
    let asked = [
        ("a".into(), Question::Content),
        ("b".into(), Question::Kind),
    ];
    assert_eq!(questions(recorder), asked);
}

#[test]
fn what_is_the_steps_own_is_no_question() {
    let mut recorder = recorder();
    recorder.own(&spot("made"), Kind::Absent);
    recorder.note(&spot("made"), Question::Kind, Answer::Kind(FILE));
    recorder.note(&spot("made/below"), Question::Kind, Answer::Kind(FILE));
    let read = recorder.read(&spot("made/below"), &version(0));
    assert_eq!(read, Content::Free);
    assert_eq!(questions(recorder), []);
}

#[test]
fn a_second_answer_that_differs_gives_the_record_up() {
    let other = Answer::Kind(Kind::Absent);
    for first in [
        (Question::Kind, Answer::Kind(FILE)),
        (
            Question::Stat,
            Answer::Stat {
                kind: FILE,
                size: 1,
            },
        ),
    ] {
        let mut recorder = recorder();
        recorder.note(&spot("a"), first.0, first.1);
        recorder.note(&spot("a"), Question::Kind, other.clone());
        assert_eq!(recorder.finish().flaws, [Flaw::Changed(spot("a"))]);
    }
}

#[test]
fn a_file_that_is_read_again_in_another_state_is_compared() {
    let read = |second: &[u8]| {
        let mut recorder = recorder();
        for (size, bytes) in [(1, b"one".as_slice()), (2, second)] {
            match recorder.read(&spot("a"), &version(size)) {
                Content::Wanted(at) => recorder.answer(at, Digest::of(bytes)),
                other => panic!("{other:?}"),
            }
            assert_eq!(recorder.read(&spot("a"), &version(1)), Content::Same);
        }
        recorder.finish().flaws
    };
    assert_eq!(read(b"one"), []);
    assert_eq!(read(b"two"), [Flaw::Changed(spot("a"))]);
}

#[test]
fn a_content_that_is_still_digested_is_compared_with_what_is_asked_meanwhile() {
    for (later, agrees) in [(b"abc", true), (b"abd", false)] {
        let mut recorder = recorder();
        let Content::Wanted(at) = recorder.read(&spot("a"), &version(3)) else {
            panic!("nobody has read it before");
        };
        let asked = Answer::Content(Digest::of(b"abc"));
        recorder.note(&spot("a"), Question::Content, asked.clone());
        recorder.answer(at, Digest::of(later));
        let trace = recorder.finish();
        assert_eq!(trace.flaws.is_empty(), agrees);
        assert_eq!(trace.observations.len(), 1);
        assert_eq!(trace.observations[0].answer, asked);
    }
}

#[test]
fn a_listing_is_as_it_was_before_the_steps_own_changes() {
    let folder = spot("d");
    let before = entries(&[
        ("b", FILE),
        ("gone", Kind::Folder),
        ("kept", FILE),
        ("was-link", Kind::Link),
        ("z", FILE),
    ]);
    let expected = recorder().prior_listing(&folder, &before);
    let mut recorder = recorder();
    for (name, prior) in [
        ("a-new", Kind::Absent),
        ("gone", Kind::Folder),
        ("was-link", Kind::Link),
        ("z", FILE),
        ("zz-came-and-went", Kind::Absent),
    ] {
        recorder.own(&folder.below(name), prior);
    }
    let after = entries(&[
        ("a-new", FILE),
        ("b", FILE),
        ("kept", FILE),
        ("was-link", FILE),
    ]);
    assert_eq!(recorder.prior_listing(&folder, &after), expected);
    let others = entries(&[("b", FILE), ("somebody-elses", FILE), ("kept", FILE)]);
    assert_ne!(recorder.prior_listing(&folder, &others), expected);
    assert_ne!(recorder.prior_listing(&spot("e"), &after), expected);
}

#[test]
fn attack_more_observations_than_are_kept() {
    let mut recorder = Recorder::new(2);
    for path in ["a", "b", "c", "d"] {
        recorder.note(&spot(path), Question::Kind, Answer::Kind(FILE));
    }
    assert_eq!(recorder.read(&spot("e"), &version(0)), Content::Free);
    let trace = recorder.finish();
    assert_eq!(trace.observations.len(), 2);
    assert_eq!(trace.flaws, [Flaw::TooMany(2)]);
}

#[test]
fn attack_more_flaws_than_are_told() {
    let mut recorder = recorder();
    for number in 0..1000 {
        recorder.flaw(Flaw::Changed(spot(&number.to_string())));
    }
    assert_eq!(recorder.finish().flaws.len(), FLAWS_TOLD);
}
