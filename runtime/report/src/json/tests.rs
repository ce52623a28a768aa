use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use stepwell_contract::LogStream;

use super::*;
use crate::samples::{event, everything, log, show};

const DOC: &str = include_str!("../../../../docs/reference/events.md");
const CONTRACT: &str = include_str!("../../../contract/src/event.rs");
const ENDINGS: &str = include_str!("../../../contract/src/ending.rs");

fn lines(events: &[Event]) -> Vec<String> {
    let mut out = Vec::new();
    show(&mut Json::new(&mut out), events);
    let text = String::from_utf8(out).unwrap();
    text.lines().map(str::to_owned).collect()
}

/// Field name → whether it is always there.
type Fields = BTreeMap<String, bool>;

/// What the doc says: a heading of three marks and a word in backticks, then a table whose first column names a field
/// and whose third says `always` or when.
fn documented() -> BTreeMap<String, Fields> {
    let mut sections = BTreeMap::<String, Fields>::new();
    let mut section = None;
    for line in DOC.lines() {
        if let Some(heading) = line.strip_prefix('#') {
            section = heading
                .trim_start_matches('#')
                .trim()
                .strip_prefix('`')
                .and_then(|rest| rest.strip_suffix('`'));
            if let Some(name) = section {
                assert!(
                    sections.insert(name.to_owned(), Fields::new()).is_none(),
                    "{name} twice"
                );
            }
        } else if let (Some(name), Some(row)) = (section, line.strip_prefix("| `")) {
            let cells: Vec<_> = row.split(" | ").collect();
            let field = cells[0].trim_end_matches('`').to_owned();
            let fields = sections.entry(name.to_owned()).or_default();
            fields.insert(field, cells[2] == "always");
        }
    }
    sections
}

/// What is written: every section, with each field that any sample has.
fn written() -> BTreeMap<String, Fields> {
    let mut samples = BTreeMap::<String, Vec<BTreeSet<String>>>::new();
    let mut note = |section: &str, value: &Value, except: &[&str]| {
        let keys = value.as_object().unwrap().keys();
        let keys = keys
            .filter(|key| !except.contains(&key.as_str()))
            .cloned()
            .collect();
        samples.entry(section.to_owned()).or_default().push(keys);
    };
    for line in lines(&everything()) {
        let value: Value = serde_json::from_str(&line).unwrap();
        let envelope = ["at", "run", "task", "step", "attempt", "type"];
        for key in envelope {
            assert!(value.get(key).is_some(), "{key} in {line}");
        }
        note(value["type"].as_str().unwrap(), &value, &envelope);
        if let Some(ending) = value.get("ending").filter(|ending| ending.is_object()) {
            note(ending["how"].as_str().unwrap(), ending, &["how"]);
            for frame in ending["backtrace"].as_array().into_iter().flatten() {
                note("frame", frame, &[]);
            }
        }
    }
    let mut written: BTreeMap<String, Fields> = samples
        .into_iter()
        .map(|(section, samples)| {
            let all: BTreeSet<_> = samples.iter().flatten().cloned().collect();
            let always = |key: &String| samples.iter().all(|sample| sample.contains(key));
            (
                section,
                all.iter().map(|key| (key.clone(), always(key))).collect(),
            )
        })
        .collect();
    let envelope = ["at", "run", "task", "step", "attempt", "type"];
    written.insert(
        "event".to_owned(),
        envelope.map(|key| (key.to_owned(), true)).into(),
    );
    written
}

#[test]
fn the_doc_describes_every_event_and_field_and_no_other() {
    assert_eq!(documented(), written());
}

/// The variants of `pub enum NAME` in `source`, as serde writes them.
fn variants(source: &str, name: &str) -> BTreeSet<String> {
    let body = source.split_once(&format!("pub enum {name} {{")).unwrap().1;
    let body = body.split_once("\n}").unwrap().0;
    let kebab = |variant: &str| {
        let mut word = String::new();
        for c in variant.chars() {
            if c.is_uppercase() && !word.is_empty() {
                word.push('-');
            }
            word.extend(c.to_lowercase());
        }
        word
    };
    body.lines()
        .filter_map(|line| line.strip_prefix("    "))
        .filter(|line| line.starts_with(char::is_uppercase))
        .map(|line| kebab(line.trim_end_matches([' ', '{', ','])))
        .collect()
}

#[test]
fn no_event_and_no_ending_is_missing_from_the_samples() {
    let known: BTreeSet<_> = written().into_keys().collect();
    let mut declared = variants(CONTRACT, "EventKind");
    declared.extend(variants(ENDINGS, "Ending"));
    declared.extend(["event".to_owned(), "frame".to_owned()]);
    assert_eq!(known, declared);
}

#[test]
fn every_example_in_the_doc_is_an_event() {
    let sections = documented();
    let examples: Vec<_> = DOC.lines().filter(|line| line.starts_with('{')).collect();
    assert!(examples.len() > 8);
    for example in examples {
        let value: Value = serde_json::from_str(example).unwrap();
        let mut known: BTreeSet<_> = sections["event"].keys().collect();
        known.extend(sections[value["type"].as_str().unwrap()].keys());
        for key in value.as_object().unwrap().keys() {
            assert!(known.contains(key), "{key} in {example}");
        }
    }
}

#[test]
fn one_event_is_one_line() {
    insta::assert_snapshot!(lines(&everything()).join("\n"), @r#"
    {"at":"2026-11-22T09:30:00.000Z","run":"site-abcde","task":null,"step":null,"attempt":null,"type":"run-start","tasks":1,"steps":2}
    {"at":"2026-11-22T09:30:00.001Z","run":"site-abcde","task":"site","step":null,"attempt":0,"type":"task-start","steps":["links","render"]}
    {"at":"2026-11-22T09:30:00.010Z","run":"site-abcde","task":"site","step":"links","attempt":0,"type":"step-start","image":"./links.wasm","digest":"blake3:ed7553a17d1a12166623ac99f8de27e9cd8c135767f350e2ed067f0a9c7791ba"}
    {"at":"2026-11-22T09:30:00.012Z","run":"site-abcde","task":"site","step":"links","attempt":0,"type":"step-log","stream":"stdout","line":"checking \u001b[31m12\u001b[0m pages"}
    {"at":"2026-11-22T09:30:00.013Z","run":"site-abcde","task":"site","step":"links","attempt":0,"type":"step-log","stream":"stdout","line":"a line in ","partial":true}
    {"at":"2026-11-22T09:30:00.014Z","run":"site-abcde","task":"site","step":"links","attempt":0,"type":"step-log","stream":"stdout","line":"two parts"}
    {"at":"2026-11-22T09:30:00.015Z","run":"site-abcde","task":"site","step":"links","attempt":0,"type":"step-progress","done":3,"total":12,"message":"index.md"}
    {"at":"2026-11-22T09:30:00.130Z","run":"site-abcde","task":"site","step":"links","attempt":0,"type":"step-end","terminationReason":"Completed","exitCode":0,"ending":{"how":"exited","code":0},"durationMs":120}
    {"at":"2026-11-22T09:30:00.131Z","run":"site-abcde","task":"site","step":"render","attempt":0,"type":"step-start","image":"./render.wasm","digest":"blake3:0181c33ec6e979b5405ca27bd7c0c2a7108e9cc9aa15d162e28dd8390d72bf29"}
    {"at":"2026-11-22T09:30:00.132Z","run":"site-abcde","task":"site","step":"render","attempt":0,"type":"step-log","stream":"stderr","line":"PASSED\rFAILED"}
    {"at":"2026-11-22T09:30:01.000Z","run":"site-abcde","task":"site","step":"render","attempt":0,"type":"step-end","terminationReason":"Completed","exitCode":0,"ending":{"how":"exited","code":0},"durationMs":869}
    {"at":"2026-11-22T09:30:01.001Z","run":"site-abcde","task":"site","step":null,"attempt":0,"type":"result","name":"pages","resultType":"string","value":"12\n"}
    {"at":"2026-11-22T09:30:01.001Z","run":"site-abcde","task":"site","step":null,"attempt":0,"type":"result","name":"broken","resultType":"array","value":["a.md","no"]}
    {"at":"2026-11-22T09:30:01.001Z","run":"site-abcde","task":"site","step":null,"attempt":0,"type":"result","name":"digest","resultType":"string","value":"01234567890123456789012345678901234567890123456789012345678901234567890123456789"}
    {"at":"2026-11-22T09:30:01.001Z","run":"site-abcde","task":"site","step":null,"attempt":0,"type":"result","name":"size","resultType":"object","value":{"html":"12"}}
    {"at":"2026-11-22T09:30:01.020Z","run":"site-abcde","task":"site","step":null,"attempt":0,"type":"task-end","succeeded":true,"reason":"Succeeded","message":"All Steps have completed executing","durationMs":1019}
    {"at":"2026-11-22T09:30:01.020Z","run":"site-abcde","task":null,"step":null,"attempt":null,"type":"run-end","succeeded":true,"reason":"Succeeded","message":"All Steps have completed executing","durationMs":1020}
    {"at":"2026-11-22T09:30:00.001Z","run":"site-abcde","task":"site","step":"links","attempt":0,"type":"step-log","stream":"stderr","line":"x","partial":true}
    {"at":"2026-11-22T09:30:00.001Z","run":"site-abcde","task":"site","step":"links","attempt":0,"type":"step-progress","done":1,"message":""}
    {"at":"2026-11-22T09:30:00.001Z","run":"site-abcde","task":"site","step":null,"attempt":0,"type":"error","causes":["failed to a","b"]}
    {"at":"2026-11-22T09:30:00.001Z","run":"site-abcde","task":"site","step":"links","attempt":0,"type":"step-end","terminationReason":"Error","exitCode":1,"ending":null,"durationMs":1,"droppedBytes":7}
    {"at":"2026-11-22T09:30:00.001Z","run":"site-abcde","task":"site","step":"links","attempt":0,"type":"step-end","terminationReason":"Error","exitCode":3,"ending":{"how":"exited","code":3},"durationMs":1}
    {"at":"2026-11-22T09:30:00.001Z","run":"site-abcde","task":"site","step":"links","attempt":0,"type":"step-end","terminationReason":"Error","exitCode":1,"ending":{"how":"failed","class":"transient","message":"later"},"durationMs":1}
    {"at":"2026-11-22T09:30:00.001Z","run":"site-abcde","task":"site","step":"links","attempt":0,"type":"step-end","terminationReason":"Error","exitCode":134,"ending":{"how":"trapped","reason":"trap","message":"boom","backtrace":[{"function":"main","location":"a.rs:1"}]},"durationMs":1}
    {"at":"2026-11-22T09:30:00.001Z","run":"site-abcde","task":"site","step":"links","attempt":0,"type":"step-end","terminationReason":"Error","exitCode":134,"ending":{"how":"trapped","reason":"trap","backtrace":[{"function":"main"}]},"durationMs":1}
    {"at":"2026-11-22T09:30:00.001Z","run":"site-abcde","task":"site","step":"links","attempt":0,"type":"step-end","terminationReason":"Error","exitCode":137,"ending":{"how":"limit-reached","limit":"memory","value":67108864,"backtrace":[]},"durationMs":1}
    {"at":"2026-11-22T09:30:00.001Z","run":"site-abcde","task":"site","step":"links","attempt":0,"type":"step-end","terminationReason":"Error","exitCode":137,"ending":{"how":"timed-out","afterMs":1500},"durationMs":1}
    {"at":"2026-11-22T09:30:00.001Z","run":"site-abcde","task":"site","step":"links","attempt":0,"type":"step-end","terminationReason":"Error","exitCode":137,"ending":{"how":"cancelled"},"durationMs":1}
    "#);
}

#[test]
fn attack_control_characters_in_a_log_line_reach_a_terminal() {
    let text = "\u{9b}2J\u{202e}\x1b\x7f\u{2028}é\"\\";
    let line = &lines(&[event(1, Some("links"), log(LogStream::Stdout, text, false))])[0];
    assert!(
        line.contains(r#""line":"\u009b2J\u202e\u001b\u007f\u2028é\"\\""#),
        "{line}"
    );
    assert_eq!(serde_json::from_str::<Value>(line).unwrap()["line"], text);
}
