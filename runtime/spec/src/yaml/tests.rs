use serde_json::json;

use super::*;
use crate::errors::SpecErrors;

fn read_text(text: &str) -> (Sources, Vec<Arc<Node>>, Vec<String>) {
    let mut sources = Sources::new();
    let source = sources.add("t.yaml", text);
    let problems = Problems::default();
    let documents = read(&sources, source, &problems);
    let errors = SpecErrors::new(sources.clone(), problems.into_vec());
    let messages = errors.problems().map(ToString::to_string).collect();
    (sources, documents, messages)
}

fn json_of(text: &str) -> Json {
    let (_, documents, messages) = read_text(text);
    assert_eq!(messages, Vec::<String>::new());
    documents[0].to_json()
}

#[test]
fn documents_keep_their_places() {
    let (sources, documents, problems) =
        read_text("a: 1\n---\n\n---\nb:\n  - x\n  - |\n    two\n    lines\n\nc: d\n");
    assert!(problems.is_empty());
    assert_eq!(documents.len(), 2);
    let Value::Mapping(entries) = &documents[1].value else {
        panic!("not a mapping")
    };
    assert_eq!(sources.slice(documents[1].span), "b");
    assert_eq!(sources.slice(entries[0].key.span), "b");
    let Value::Sequence(items) = &entries[0].value.value else {
        panic!("not a list")
    };
    assert_eq!(sources.slice(items[0].span), "x");
    assert!(
        sources.slice(items[1].span).ends_with("two\n    lines"),
        "{:?}",
        sources.slice(items[1].span)
    );
    assert_eq!(sources.slice(entries[1].value.span), "d");
}

#[test]
fn words_become_what_kubernetes_takes_them_for() {
    assert_eq!(
        json_of("a: [1, '1', yes, ~, !!str 2, 1.50, plain words]\nb:\nc: {d: e}"),
        json!({"a": [1, "1", true, null, "2", 1.5, "plain words"], "c": {"d": "e"}})
    );
}

#[test]
fn aliases_and_merges_are_written_out() {
    assert_eq!(
        json_of(
            "base: &b {x: '1', y: '2'}\nuse: *b\nover:\n  <<: *b\n  y: '3'\nboth: {<<: [*b, {z: '4'}]}"
        ),
        json!({
            "base": {"x": "1", "y": "2"},
            "use": {"x": "1", "y": "2"},
            "over": {"y": "3", "x": "1"},
            "both": {"x": "1", "y": "2", "z": "4"},
        })
    );
}

#[test]
fn every_duplicate_key_is_found_and_reading_goes_on() {
    let (_, documents, problems) = read_text("a: 1\nb: 2\na: 3\n---\nc: {d: 1, d: 2}\n");
    assert_eq!(documents.len(), 2);
    assert_eq!(
        problems,
        ["the key `a` is given twice", "the key `d` is given twice"]
    );
}

#[test]
fn billion_laughs_end_early() {
    let mut text = "a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol, lol]\n".to_owned();
    for level in 1..12 {
        let below = vec![format!("*a{}", level - 1); 10].join(", ");
        text.push_str(&format!("a{level}: &a{level} [{below}]\n"));
    }
    let (_, _, problems) = read_text(&text);
    assert_eq!(
        problems,
        ["the document has more than 16777216 bytes of data"]
    );
}

#[test]
fn attack_a_long_key_counts_as_often_as_it_is_written_out() {
    let aliased = |key: usize, times: usize| {
        let key = "k".repeat(key);
        format!("a: &a {{? {key} : x}}\nb: [{}]\n", "*a,".repeat(times))
    };
    let (_, documents, problems) = read_text(&aliased(1 << 20, 4_000));
    assert_eq!(
        problems,
        ["the document has more than 16777216 bytes of data"]
    );
    assert_eq!(documents.len(), 0);
    assert_eq!(read_text(&aliased(1 << 10, 4_000)).2, [""; 0]);
}

#[test]
fn depth_is_bounded_with_and_without_aliases() {
    let deep = format!("{}{}", "[".repeat(5000), "]".repeat(5000));
    assert_eq!(read_text(&deep).2.len(), 1);
    let block: String = (0..300)
        .map(|level| format!("{}a:\n", " ".repeat(level)))
        .collect();
    assert_eq!(read_text(&block).2.len(), 1);
    let mut chain = "a0: &a0 [x]\n".to_owned();
    for level in 1..200 {
        chain.push_str(&format!("a{level}: &a{level} [*a{}]\n", level - 1));
    }
    assert_eq!(
        read_text(&chain).2,
        ["the document has more than 64 levels"]
    );
}

#[test]
fn a_text_that_is_too_long_is_not_read() {
    let (_, documents, problems) = read_text(&"# hello\n".repeat(600_000));
    assert!(documents.is_empty());
    assert_eq!(problems, ["the document has more than 4194304 bytes"]);
}

#[test]
fn what_has_no_meaning_is_said() {
    for (text, message) in [
        (
            "a: &a [*a]",
            "the alias stands inside the node that it repeats",
        ),
        ("? [a]\n: b", "a key is a list or a mapping"),
        ("{a: 1}: b", "a key is a list or a mapping"),
        ("k: &k [1]\n*k : b", "a key is a list or a mapping"),
        ("<<: 3", "`<<` merges something that is not a mapping"),
    ] {
        assert_eq!(read_text(text).2, [message], "{text}");
    }
    for text in [
        "a: [",
        "a: *b",
        "a: 'x",
        "a:\n\tb: c",
        "a: b: c",
        "\u{0}",
        "%YAML 9.9\n",
    ] {
        let (_, _, problems) = read_text(text);
        assert_eq!(problems.len(), 1, "{text:?}");
        assert!(
            problems[0].starts_with("the text is not YAML"),
            "{problems:?}"
        );
    }
}
