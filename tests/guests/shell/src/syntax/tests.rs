//! What is a script, and what is none.

use super::ast::{Kind, Part};
use super::parse;

fn error(text: &str) -> String {
    parse(text).unwrap_err().to_string()
}

#[test]
fn a_script_is_read_whole() {
    let text = "a=1 b 'c d' \"$e\" > f; if x; then y | z; fi && (w)\nfor i in 1 2; do :; done\n";
    let list = parse(text).unwrap();
    assert_eq!(list.len(), 3);
    let Kind::Simple(simple) = &list[0].first.commands[0].kind else {
        panic!("{list:?}");
    };
    assert_eq!(simple.assignments[0].name, "a");
    assert_eq!(simple.words.len(), 3);
    assert_eq!(simple.words[1], [Part::Quoted("c d".to_owned())]);
}

#[test]
fn mistakes_are_told_with_their_line() {
    assert_eq!(error("a\n)"), "line 2: syntax error: unexpected `)`");
    assert_eq!(
        error("if a; then b"),
        "line 1: syntax error: `fi` is missing"
    );
    assert_eq!(
        error("\n\"a"),
        "line 2: syntax error: something is opened and not closed"
    );
    assert_eq!(
        error("a ||"),
        "line 1: syntax error: the script ends too early"
    );
    assert_eq!(error("fi"), "line 1: syntax error: unexpected `fi`");
    assert_eq!(
        error("cat << E\nx\n"),
        "line 1: syntax error: `E` is missing"
    );
    assert_eq!(
        error("echo ${x!y}"),
        "line 1: syntax error: bad substitution"
    );
    assert_eq!(
        error("a & b"),
        "line 1: syntax error: there are no background jobs here"
    );
}

#[test]
fn attack_a_script_of_brackets_does_not_exhaust_the_stack() {
    for bracket in ["(", "{ ", "$(", "$((", "${x:-", "\"$(", "if ", "[[ ( ", "`"] {
        parse(&bracket.repeat(20_001)).unwrap_err();
    }
    parse(&format!("{}:{}", "(".repeat(20), ")".repeat(20))).unwrap();
}

#[test]
fn attack_no_text_makes_reading_panic() {
    let source = include_str!("../../../../scenarios/script.yaml");
    let odd = "a=(b \"$(c `d`)\" ${e[1]:-'f'} $((1+2))) << E\nx\nE\n[[ a =~ (b|c) ]] <(d) >&2 # é";
    for text in [source, odd] {
        for (at, _) in text.char_indices() {
            let _ = parse(&text[..at]);
            let _ = parse(&text[at..]);
        }
    }
}
