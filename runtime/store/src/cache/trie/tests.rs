use std::collections::HashMap;

use stepwell_contract::Kind;

use super::*;

type World = HashMap<&'static str, u8>;

/// What is `at` in `world`, as an answer.
fn answer(world: &World, at: &str) -> Answer {
    Answer::Content(Digest::of(&[world.get(at).copied().unwrap_or(0)]))
}

fn observation(at: &'static str, world: &World) -> Observation {
    Observation {
        spot: Spot::new("w", at),
        question: Question::Content,
        answer: answer(world, at),
    }
}

fn leaf(number: u8) -> Leaf {
    Leaf {
        outcome: Digest::of(&[number, 1]),
        at_ms: u64::from(number),
        took_ms: 7,
    }
}

/// A program that reads `a`, then `b` or `c`, then, perhaps, `d`.
fn run(world: &World) -> (Vec<Observation>, Leaf) {
    let at = |name| world.get(name).copied().unwrap_or(0);
    let mut trace = vec![observation("a", world)];
    let second = if at("a") == 0 { "b" } else { "c" };
    trace.push(observation(second, world));
    let mut number = at("a") * 10 + at(second);
    if at(second) == 2 {
        trace.push(observation("d", world));
        number += 100 * at("d").min(1);
    }
    (trace, leaf(number))
}

fn worlds() -> impl Iterator<Item = World> {
    (0..81_u8).map(|number| {
        HashMap::from([
            ("a", number % 3),
            ("b", number / 3 % 3),
            ("c", number / 9 % 3),
            ("d", number / 27),
        ])
    })
}

fn look_up(trie: &Trie, world: &World) -> Walk {
    trie.walk(&mut |spot, _| Ok(answer(world, &spot.path)))
}

#[test]
fn a_hit_is_what_the_program_would_do_and_asks_what_it_would_ask() {
    let mut trie = Trie::default();
    for world in worlds() {
        let (trace, leaf) = run(&world);
        if let Walk::Hit(found, asked) = look_up(&trie, &world) {
            assert_eq!((found, asked), (leaf, trace.len()));
        }
        assert_eq!(trie.insert(&trace, leaf), None);
        assert_eq!(look_up(&trie, &world), Walk::Hit(leaf, trace.len()));
        assert_eq!(Trie::decode(&trie.encode().unwrap()).unwrap(), trie);
    }
    for world in worlds() {
        let (trace, leaf) = run(&world);
        assert_eq!(look_up(&trie, &world), Walk::Hit(leaf, trace.len()));
    }
    let traces = trie.traces();
    assert_eq!(traces.len(), trie.leaves().count());
    let mut again = Trie::default();
    for (trace, leaf) in &traces {
        again.insert(trace, *leaf);
    }
    assert_eq!(again.traces(), traces);
}

#[test]
fn a_miss_names_the_first_answer_that_is_new_and_the_last_that_was_known() {
    let mut trie = Trie::default();
    let world = |a, b| HashMap::from([("a", a), ("b", b)]);
    assert_eq!(
        look_up(&trie, &world(0, 0)),
        Walk::Miss(Missed {
            agreed: 0,
            stuck: None
        })
    );
    for b in [2, 0, 1, 0] {
        let (trace, leaf) = run(&world(0, b));
        trie.insert(&trace, leaf);
    }
    let Walk::Miss(missed) = look_up(&trie, &world(0, 7)) else {
        panic!("a hit");
    };
    assert_eq!(missed.agreed, 1);
    let stuck = missed.stuck.unwrap();
    assert_eq!(&*stuck.spot.path, "b");
    assert_eq!(stuck.was, Some(answer(&world(0, 0), "b")));
    assert_eq!(stuck.is, Ok(answer(&world(0, 7), "b")));
    let refused = trie.walk(&mut |_, _| Err(io::Error::other("broken")));
    assert!(matches!(
        refused,
        Walk::Miss(Missed { agreed: 0, stuck: Some(Stuck { is: Err(cause), .. }) }) if cause == "broken"
    ));
}

#[test]
fn another_question_after_the_same_answers_is_told_and_the_newer_trace_stays() {
    let world = World::new();
    let trace = |names: &[&'static str]| -> Vec<Observation> {
        names.iter().map(|name| observation(name, &world)).collect()
    };
    let question = |at: &str| Some((Spot::new("w", at), Question::Content));
    for (older, newer, after, was, is) in [
        (
            &["a", "b"][..],
            &["a", "c"][..],
            1,
            question("b"),
            question("c"),
        ),
        (&["a"], &["b"], 0, question("a"), question("b")),
        (&["a"], &["a", "b"], 1, None, question("b")),
        (&["a", "b"], &["a"], 1, question("b"), None),
        (&[], &["a"], 0, None, question("a")),
        (&["a"], &[], 0, question("a"), None),
    ] {
        let mut trie = Trie::default();
        assert_eq!(trie.insert(&trace(older), leaf(1)), None);
        let conflict = trie.insert(&trace(newer), leaf(2));
        assert_eq!(conflict, Some(Conflict::Questions { after, was, is }));
        assert_eq!(trie.traces(), [(trace(newer), leaf(2))]);
        assert!(Trie::decode(&trie.encode().unwrap()).is_some());
    }
}

#[test]
fn another_outcome_after_the_same_answers_is_told_and_the_same_one_is_not() {
    let world = World::new();
    let trace = [observation("a", &world)];
    let mut trie = Trie::default();
    trie.insert(&trace, leaf(1));
    let later = Leaf {
        at_ms: 9,
        ..leaf(1)
    };
    assert_eq!(trie.insert(&trace, later), None);
    let (was, is) = (leaf(1).outcome, leaf(2).outcome);
    let told = Some(Conflict::Outcomes { was, is });
    assert_eq!(trie.insert(&trace, leaf(2)), told);
    assert_eq!(look_up(&trie, &world), Walk::Hit(leaf(2), 1));
}

#[test]
fn the_oldest_outcomes_go_first() {
    let mut trie = Trie::default();
    let world = |a| HashMap::from([("a", a)]);
    let most = u8::try_from(shape::MOST_LEAVES).unwrap();
    for number in 0..=most {
        trie.insert(&[observation("a", &world(number))], leaf(number));
    }
    assert_eq!(trie.leaves().count(), shape::MOST_LEAVES);
    assert!(matches!(look_up(&trie, &world(0)), Walk::Miss(_)));
    assert!(matches!(look_up(&trie, &world(1)), Walk::Hit(..)));
    trie.retain(|leaf| leaf.at_ms == 5);
    assert_eq!(trie.leaves().collect::<Vec<_>>(), [leaf(5)]);
    trie.retain(|_| false);
    assert_eq!(trie, Trie::default());
}

#[test]
fn attack_a_trie_from_elsewhere_that_loops_or_leaves_its_volume_is_none_and_a_plain_one_is() {
    let node = |path: &str, next| Node {
        spot: Spot::new("w", path),
        question: Question::Kind,
        edges: Edges::from_buf([(Answer::Kind(Kind::Absent), next)]),
    };
    let end = Next::Leaf(leaf(1));
    let trie = |nodes: Vec<Node>, first| Trie { nodes, first };
    let first = Some(Next::Node(0));
    let decoded = |trie: Trie| Trie::decode(&trie.encode().unwrap());
    let plain = trie(vec![node("a", Next::Node(1)), node("b", end)], first);
    assert!(decoded(plain.clone()).is_some());
    for hostile in [
        trie(vec![node("a", Next::Node(0))], first),
        trie(
            vec![node("a", Next::Node(1)), node("b", Next::Node(0))],
            first,
        ),
        trie(vec![node("a", Next::Node(7))], first),
        trie(vec![node("../a", end)], first),
        trie(vec![node("/a", end)], first),
        trie(vec![node("a", end), node("b", end)], first),
        trie(vec![node("a", end)], None),
        trie(Vec::new(), Some(Next::Node(0))),
    ] {
        assert_eq!(decoded(hostile.clone()), None, "{hostile:?}");
    }
    let mut longer = plain.encode().unwrap();
    longer.push(0);
    assert_eq!(Trie::decode(&longer), None);
    // A length that no file has does not fill the memory.
    assert_eq!(Trie::decode(&[0xff; 10]), None);
}
