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
        .map(|line| line.split_once('(').map_or(line, |(name, _)| name))
        .map(|line| kebab(line.trim_end_matches([' ', '{', '}', ','])))
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
    {"at":"2026-11-22T09:30:00.001Z","run":"site-abcde","task":"site","step":null,"attempt":0,"type":"task-start","name":"site-abcde","steps":["links","render"]}
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
    {"at":"2026-11-22T09:30:00.000Z","run":"site-abcde","task":null,"step":null,"attempt":null,"type":"run-start","tasks":1,"steps":1}
    {"at":"2026-11-22T09:30:00.001Z","run":"site-abcde","task":"site","step":null,"attempt":0,"type":"task-start","name":"site-abcde","steps":["test"]}
    {"at":"2026-11-22T09:30:00.002Z","run":"site-abcde","task":"site","step":null,"attempt":0,"type":"sidecar-start","sidecar":"db","image":"db:1","digest":"blake3:0f7fb55cee93ab9777829608e851fa31e68e12db9dfc0a8026ad298314cf3f92"}
    {"at":"2026-11-22T09:30:00.004Z","run":"site-abcde","task":"site","step":null,"attempt":0,"type":"sidecar-log","sidecar":"db","stream":"stderr","line":"listening on ","partial":true}
    {"at":"2026-11-22T09:30:00.005Z","run":"site-abcde","task":"site","step":null,"attempt":0,"type":"sidecar-log","sidecar":"db","stream":"stderr","line":"5432"}
    {"at":"2026-11-22T09:30:00.010Z","run":"site-abcde","task":"site","step":null,"attempt":0,"type":"sidecar-ready","sidecar":"db","durationMs":8}
    {"at":"2026-11-22T09:30:00.011Z","run":"site-abcde","task":"site","step":"test","attempt":0,"type":"step-start","image":"./test.wasm","digest":"blake3:4878ca0425c739fa427f7eda20fe845f6b2e46ba5fe2a14df5b1e32f50603215"}
    {"at":"2026-11-22T09:30:00.111Z","run":"site-abcde","task":"site","step":"test","attempt":0,"type":"step-end","terminationReason":"Completed","exitCode":0,"ending":{"how":"exited","code":0},"durationMs":100}
    {"at":"2026-11-22T09:30:00.132Z","run":"site-abcde","task":"site","step":null,"attempt":0,"type":"sidecar-end","sidecar":"db","exitCode":137,"ending":{"how":"cancelled"},"stopped":true,"durationMs":130}
    {"at":"2026-11-22T09:30:00.140Z","run":"site-abcde","task":"site","step":null,"attempt":0,"type":"task-end","succeeded":true,"reason":"Succeeded","message":"All Steps have completed executing","durationMs":139}
    {"at":"2026-11-22T09:30:00.140Z","run":"site-abcde","task":null,"step":null,"attempt":null,"type":"run-end","succeeded":true,"reason":"Succeeded","message":"All Steps have completed executing","durationMs":140}
    {"at":"2026-11-22T09:30:00.000Z","run":"site-abcde","task":null,"step":null,"attempt":null,"type":"run-start","tasks":1,"steps":1}
    {"at":"2026-11-22T09:30:00.001Z","run":"site-abcde","task":"site","step":null,"attempt":0,"type":"task-start","name":"site-abcde","steps":["test"]}
    {"at":"2026-11-22T09:30:00.002Z","run":"site-abcde","task":"site","step":null,"attempt":0,"type":"sidecar-start","sidecar":"db","image":"db:1","runs":"./db.wasm","digest":"blake3:0f7fb55cee93ab9777829608e851fa31e68e12db9dfc0a8026ad298314cf3f92"}
    {"at":"2026-11-22T09:30:00.004Z","run":"site-abcde","task":"site","step":null,"attempt":0,"type":"sidecar-log","sidecar":"db","stream":"stderr","line":"listening on ","partial":true}
    {"at":"2026-11-22T09:30:00.005Z","run":"site-abcde","task":"site","step":null,"attempt":0,"type":"sidecar-log","sidecar":"db","stream":"stderr","line":"5432"}
    {"at":"2026-11-22T09:30:00.010Z","run":"site-abcde","task":"site","step":null,"attempt":0,"type":"sidecar-ready","sidecar":"db","durationMs":8}
    {"at":"2026-11-22T09:30:00.011Z","run":"site-abcde","task":"site","step":"test","attempt":0,"type":"step-start","image":"./test.wasm","digest":"blake3:4878ca0425c739fa427f7eda20fe845f6b2e46ba5fe2a14df5b1e32f50603215"}
    {"at":"2026-11-22T09:30:00.111Z","run":"site-abcde","task":"site","step":"test","attempt":0,"type":"step-end","terminationReason":"Completed","exitCode":0,"ending":{"how":"exited","code":0},"durationMs":100}
    {"at":"2026-11-22T09:30:00.132Z","run":"site-abcde","task":"site","step":null,"attempt":0,"type":"sidecar-end","sidecar":"db","exitCode":3,"ending":{"how":"exited","code":3},"durationMs":130,"droppedBytes":7}
    {"at":"2026-11-22T09:30:00.140Z","run":"site-abcde","task":"site","step":null,"attempt":0,"type":"task-end","succeeded":false,"reason":"SidecarFailed","message":"\"sidecar-db\" exited with code 3: Error","durationMs":139}
    {"at":"2026-11-22T09:30:00.140Z","run":"site-abcde","task":null,"step":null,"attempt":null,"type":"run-end","succeeded":false,"reason":"SidecarFailed","message":"\"sidecar-db\" exited with code 3: Error","durationMs":140}
    {"at":"2026-11-22T09:30:00.001Z","run":"site-abcde","task":"site","step":"links","attempt":0,"type":"step-log","stream":"stderr","line":"x","partial":true}
    {"at":"2026-11-22T09:30:00.001Z","run":"site-abcde","task":"site","step":"links","attempt":0,"type":"step-progress","done":1,"message":""}
    {"at":"2026-11-22T09:30:00.001Z","run":"site-abcde","task":"site","step":"links","attempt":0,"type":"step-start","image":"bash:5","runs":"./sh.wasm","digest":"blake3:83c092532c37a47356e0d173908c07a589d7d441d86fbbd99e978a048956df16"}
    {"at":"2026-11-22T09:30:00.001Z","run":"site-abcde","task":"site","step":null,"attempt":0,"type":"error","causes":["failed to a","b"]}
    {"at":"2026-11-22T09:30:00.001Z","run":"site-abcde","task":"site","step":"links","attempt":0,"type":"step-end","terminationReason":"Error","exitCode":1,"ending":null,"durationMs":1,"droppedBytes":7,"cached":true}
    {"at":"2026-11-22T09:30:00.001Z","run":"site-abcde","task":"site","step":"links","attempt":0,"type":"step-cache","key":"blake3:ff8e2bab3b26e0c127002127905539b47eb421de85d554e15f55a446459b52b4","state":"hit","outcome":"blake3:7efa6510f28c93188c99c9dc2ada42c8d08842529e5055fd139fe83de7f3ad49","observations":3,"tookMs":900}
    {"at":"2026-11-22T09:30:00.001Z","run":"site-abcde","task":"site","step":"links","attempt":0,"type":"step-cache","key":"blake3:ff8e2bab3b26e0c127002127905539b47eb421de85d554e15f55a446459b52b4","state":"not-kept","observations":4,"reason":"it failed","changed":{"path":"/workspace/src/a.c","question":"kind","was":"nothing","is":"a file"}}
    {"at":"2026-11-22T09:30:00.001Z","run":"site-abcde","task":"site","step":"links","attempt":0,"type":"step-end","terminationReason":"Error","exitCode":3,"ending":{"how":"exited","code":3},"durationMs":1}
    {"at":"2026-11-22T09:30:00.001Z","run":"site-abcde","task":"site","step":"links","attempt":0,"type":"step-end","terminationReason":"Error","exitCode":1,"ending":{"how":"failed","class":"transient","message":"later"},"durationMs":1}
    {"at":"2026-11-22T09:30:00.001Z","run":"site-abcde","task":"site","step":"links","attempt":0,"type":"step-end","terminationReason":"Error","exitCode":134,"ending":{"how":"trapped","reason":"trap","message":"boom","backtrace":[{"function":"main","location":"a.rs:1"}]},"durationMs":1}
    {"at":"2026-11-22T09:30:00.001Z","run":"site-abcde","task":"site","step":"links","attempt":0,"type":"step-end","terminationReason":"Error","exitCode":134,"ending":{"how":"trapped","reason":"trap","backtrace":[{"function":"main"}]},"durationMs":1}
    {"at":"2026-11-22T09:30:00.001Z","run":"site-abcde","task":"site","step":"links","attempt":0,"type":"step-end","terminationReason":"Error","exitCode":137,"ending":{"how":"limit-reached","limit":"memory","value":67108864,"backtrace":[]},"durationMs":1}
    {"at":"2026-11-22T09:30:00.001Z","run":"site-abcde","task":"site","step":"links","attempt":0,"type":"step-end","terminationReason":"Error","exitCode":137,"ending":{"how":"timed-out","afterMs":1500},"durationMs":1}
    {"at":"2026-11-22T09:30:00.001Z","run":"site-abcde","task":"site","step":"links","attempt":0,"type":"step-end","terminationReason":"Error","exitCode":137,"ending":{"how":"cancelled"},"durationMs":1}
    {"at":"2026-11-22T09:30:00.000Z","run":"release","task":null,"step":null,"attempt":null,"type":"run-start","tasks":10,"steps":10}
    {"at":"2026-11-22T09:30:00.001Z","run":"release","task":null,"step":null,"attempt":null,"type":"pipeline-start","name":"release","pipeline":"ship"}
    {"at":"2026-11-22T09:30:00.002Z","run":"release","task":"build","step":null,"attempt":0,"type":"task-start","name":"release-build","pipelineTask":"build","steps":["compile","link"]}
    {"at":"2026-11-22T09:30:00.002Z","run":"release","task":"flaky","step":null,"attempt":0,"type":"task-start","name":"release-flaky","pipelineTask":"flaky","steps":["main"]}
    {"at":"2026-11-22T09:30:00.003Z","run":"release","task":"build","step":"compile","attempt":0,"type":"step-start","image":"./compile.wasm","digest":"blake3:a06f2f4c23527e071d93554b46849e2f4b70d58832fa3ef19bc4181c6f122dc0"}
    {"at":"2026-11-22T09:30:00.003Z","run":"release","task":"flaky","step":"main","attempt":0,"type":"step-start","image":"./main.wasm","digest":"blake3:e726318bbc3fd75ac8733a7e030cc35b6f44d7ee11a8a845413d4cbf0e06a729"}
    {"at":"2026-11-22T09:30:00.004Z","run":"release","task":"build","step":"compile","attempt":0,"type":"step-log","stream":"stdout","line":"12 units"}
    {"at":"2026-11-22T09:30:00.005Z","run":"release","task":"flaky","step":"main","attempt":0,"type":"step-log","stream":"stderr","line":"no luck"}
    {"at":"2026-11-22T09:30:00.009Z","run":"release","task":"flaky","step":"main","attempt":0,"type":"step-end","terminationReason":"Error","exitCode":7,"ending":{"how":"exited","code":7},"durationMs":6}
    {"at":"2026-11-22T09:30:00.010Z","run":"release","task":"flaky","step":null,"attempt":0,"type":"task-end","succeeded":false,"reason":"Failed","message":"\"step-main\" exited with code 7: Error","retried":true,"durationMs":8}
    {"at":"2026-11-22T09:30:00.012Z","run":"release","task":"flaky","step":null,"attempt":1,"type":"task-start","name":"release-flaky","pipelineTask":"flaky","steps":["main"]}
    {"at":"2026-11-22T09:30:00.013Z","run":"release","task":"flaky","step":"main","attempt":1,"type":"step-start","image":"./main.wasm","digest":"blake3:e726318bbc3fd75ac8733a7e030cc35b6f44d7ee11a8a845413d4cbf0e06a729"}
    {"at":"2026-11-22T09:30:00.014Z","run":"release","task":"flaky","step":"main","attempt":1,"type":"step-log","stream":"stdout","line":"this is flaky"}
    {"at":"2026-11-22T09:30:00.021Z","run":"release","task":"flaky","step":"main","attempt":1,"type":"step-end","terminationReason":"Completed","exitCode":0,"ending":{"how":"exited","code":0},"durationMs":8}
    {"at":"2026-11-22T09:30:00.022Z","run":"release","task":"flaky","step":null,"attempt":1,"type":"task-end","succeeded":true,"reason":"Succeeded","message":"All Steps have completed executing","durationMs":10}
    {"at":"2026-11-22T09:30:00.500Z","run":"release","task":"build","step":"compile","attempt":0,"type":"step-end","terminationReason":"Completed","exitCode":0,"ending":{"how":"exited","code":0},"durationMs":497}
    {"at":"2026-11-22T09:30:00.501Z","run":"release","task":"build","step":"link","attempt":0,"type":"step-start","image":"./link.wasm","digest":"blake3:9428ee7c8653702b731e5f6514f1b56891fea3500e0ac3c5ef30353048dad23b"}
    {"at":"2026-11-22T09:30:00.502Z","run":"release","task":"build","step":"link","attempt":0,"type":"result","name":"size","resultType":"string","value":"7"}
    {"at":"2026-11-22T09:30:00.600Z","run":"release","task":"build","step":"link","attempt":0,"type":"step-end","terminationReason":"Completed","exitCode":0,"ending":{"how":"exited","code":0},"durationMs":99}
    {"at":"2026-11-22T09:30:00.601Z","run":"release","task":"build","step":null,"attempt":0,"type":"result","name":"digest","resultType":"string","value":"abc"}
    {"at":"2026-11-22T09:30:00.602Z","run":"release","task":"build","step":null,"attempt":0,"type":"task-end","succeeded":true,"reason":"Succeeded","message":"All Steps have completed executing","durationMs":600}
    {"at":"2026-11-22T09:30:00.603Z","run":"release","task":"docs","step":null,"attempt":0,"type":"task-skip","pipelineTask":"docs","reason":"When Expressions evaluated to false","whenExpressions":[{"input":"quick","operator":"in","values":["full"]}]}
    {"at":"2026-11-22T09:30:00.610Z","run":"release","task":"test.1","step":null,"attempt":0,"type":"task-start","name":"release-test-1","pipelineTask":"test","steps":["main"]}
    {"at":"2026-11-22T09:30:00.611Z","run":"release","task":"test.1","step":"main","attempt":0,"type":"step-start","image":"./main.wasm","digest":"blake3:e726318bbc3fd75ac8733a7e030cc35b6f44d7ee11a8a845413d4cbf0e06a729"}
    {"at":"2026-11-22T09:30:00.612Z","run":"release","task":"test.1","step":"main","attempt":0,"type":"step-log","stream":"stdout","line":"this is test.1"}
    {"at":"2026-11-22T09:30:00.619Z","run":"release","task":"test.1","step":"main","attempt":0,"type":"step-end","terminationReason":"Completed","exitCode":0,"ending":{"how":"exited","code":0},"durationMs":8}
    {"at":"2026-11-22T09:30:00.620Z","run":"release","task":"test.1","step":null,"attempt":0,"type":"task-end","succeeded":true,"reason":"Succeeded","message":"All Steps have completed executing","durationMs":10}
    {"at":"2026-11-22T09:30:00.620Z","run":"release","task":"test.0","step":null,"attempt":0,"type":"task-start","name":"release-test-0","pipelineTask":"test","steps":["main"]}
    {"at":"2026-11-22T09:30:00.621Z","run":"release","task":"test.0","step":"main","attempt":0,"type":"step-start","image":"./main.wasm","digest":"blake3:e726318bbc3fd75ac8733a7e030cc35b6f44d7ee11a8a845413d4cbf0e06a729"}
    {"at":"2026-11-22T09:30:00.622Z","run":"release","task":"test.0","step":"main","attempt":0,"type":"step-log","stream":"stdout","line":"this is test.0"}
    {"at":"2026-11-22T09:30:00.629Z","run":"release","task":"test.0","step":"main","attempt":0,"type":"step-end","terminationReason":"Completed","exitCode":0,"ending":{"how":"exited","code":0},"durationMs":8}
    {"at":"2026-11-22T09:30:00.630Z","run":"release","task":"test.0","step":null,"attempt":0,"type":"task-end","succeeded":true,"reason":"Succeeded","message":"All Steps have completed executing","durationMs":10}
    {"at":"2026-11-22T09:30:00.640Z","run":"release","task":"sign","step":null,"attempt":0,"type":"pipeline-start","name":"release-sign","pipeline":"ship","pipelineTask":"sign"}
    {"at":"2026-11-22T09:30:00.641Z","run":"release","task":"sign/key","step":null,"attempt":0,"type":"task-start","name":"release-sign-key","pipelineTask":"key","steps":["main"]}
    {"at":"2026-11-22T09:30:00.642Z","run":"release","task":"sign/key","step":"main","attempt":0,"type":"step-start","image":"./main.wasm","digest":"blake3:e726318bbc3fd75ac8733a7e030cc35b6f44d7ee11a8a845413d4cbf0e06a729"}
    {"at":"2026-11-22T09:30:00.643Z","run":"release","task":"sign/key","step":"main","attempt":0,"type":"step-log","stream":"stdout","line":"this is sign/key"}
    {"at":"2026-11-22T09:30:00.650Z","run":"release","task":"sign/key","step":"main","attempt":0,"type":"step-end","terminationReason":"Completed","exitCode":0,"ending":{"how":"exited","code":0},"durationMs":8}
    {"at":"2026-11-22T09:30:00.651Z","run":"release","task":"sign/key","step":null,"attempt":0,"type":"task-end","succeeded":true,"reason":"Succeeded","message":"All Steps have completed executing","durationMs":10}
    {"at":"2026-11-22T09:30:00.652Z","run":"release","task":"sign/seal","step":null,"attempt":0,"type":"task-skip","pipelineTask":"seal","reason":"When Expressions evaluated to false","whenExpressions":[{"input":"no","operator":"in","values":["full"]}]}
    {"at":"2026-11-22T09:30:00.653Z","run":"release","task":"sign","step":null,"attempt":0,"type":"result","name":"seal","resultType":"string","value":"wax"}
    {"at":"2026-11-22T09:30:00.654Z","run":"release","task":"sign","step":null,"attempt":0,"type":"pipeline-end","succeeded":true,"reason":"Completed","message":"Tasks Completed: 1 (Failed: 0, Cancelled 0), Skipped: 1","durationMs":14}
    {"at":"2026-11-22T09:30:00.660Z","run":"release","task":"lint","step":null,"attempt":0,"type":"task-start","name":"release-lint","pipelineTask":"lint","steps":["main"]}
    {"at":"2026-11-22T09:30:00.661Z","run":"release","task":"lint","step":"main","attempt":0,"type":"step-start","image":"./main.wasm","digest":"blake3:e726318bbc3fd75ac8733a7e030cc35b6f44d7ee11a8a845413d4cbf0e06a729"}
    {"at":"2026-11-22T09:30:00.662Z","run":"release","task":"lint","step":"main","attempt":0,"type":"step-log","stream":"stdout","line":"this is lint"}
    {"at":"2026-11-22T09:30:00.669Z","run":"release","task":"lint","step":"main","attempt":0,"type":"step-end","terminationReason":"Error","exitCode":3,"ending":{"how":"exited","code":3},"durationMs":8}
    {"at":"2026-11-22T09:30:00.670Z","run":"release","task":"lint","step":null,"attempt":0,"type":"task-end","succeeded":false,"reason":"FailureIgnored","message":"\"step-main\" exited with code 3: Error","durationMs":10}
    {"at":"2026-11-22T09:30:00.680Z","run":"release","task":"publish","step":null,"attempt":0,"type":"task-start","name":"release-publish","pipelineTask":"publish","steps":["main"]}
    {"at":"2026-11-22T09:30:00.681Z","run":"release","task":"publish","step":"main","attempt":0,"type":"step-start","image":"./main.wasm","digest":"blake3:e726318bbc3fd75ac8733a7e030cc35b6f44d7ee11a8a845413d4cbf0e06a729"}
    {"at":"2026-11-22T09:30:00.682Z","run":"release","task":"publish","step":"main","attempt":0,"type":"step-log","stream":"stdout","line":"this is publish"}
    {"at":"2026-11-22T09:30:00.689Z","run":"release","task":"publish","step":"main","attempt":0,"type":"step-end","terminationReason":"Error","exitCode":1,"ending":{"how":"exited","code":1},"durationMs":8}
    {"at":"2026-11-22T09:30:00.690Z","run":"release","task":"publish","step":null,"attempt":0,"type":"task-end","succeeded":false,"reason":"Failed","message":"\"step-main\" exited with code 1: Error","durationMs":10}
    {"at":"2026-11-22T09:30:00.691Z","run":"release","task":"announce","step":null,"attempt":0,"type":"task-skip","pipelineTask":"announce","reason":"PipelineRun was stopping"}
    {"at":"2026-11-22T09:30:00.692Z","run":"release","task":null,"step":null,"attempt":null,"type":"finally-start"}
    {"at":"2026-11-22T09:30:00.693Z","run":"release","task":"tidy","step":null,"attempt":0,"type":"task-start","name":"release-tidy","pipelineTask":"tidy","steps":["main"]}
    {"at":"2026-11-22T09:30:00.694Z","run":"release","task":"tidy","step":"main","attempt":0,"type":"step-start","image":"./main.wasm","digest":"blake3:e726318bbc3fd75ac8733a7e030cc35b6f44d7ee11a8a845413d4cbf0e06a729"}
    {"at":"2026-11-22T09:30:00.695Z","run":"release","task":"tidy","step":"main","attempt":0,"type":"step-log","stream":"stdout","line":"this is tidy"}
    {"at":"2026-11-22T09:30:00.702Z","run":"release","task":"tidy","step":"main","attempt":0,"type":"step-end","terminationReason":"Completed","exitCode":0,"ending":{"how":"exited","code":0},"durationMs":8}
    {"at":"2026-11-22T09:30:00.703Z","run":"release","task":"tidy","step":null,"attempt":0,"type":"task-end","succeeded":true,"reason":"Succeeded","message":"All Steps have completed executing","durationMs":10}
    {"at":"2026-11-22T09:30:00.710Z","run":"release","task":null,"step":null,"attempt":null,"type":"result","name":"digest","resultType":"string","value":"abc"}
    {"at":"2026-11-22T09:30:00.711Z","run":"release","task":null,"step":null,"attempt":null,"type":"pipeline-end","succeeded":false,"reason":"Failed","message":"Tasks Completed: 8 (Failed: 2 (Ignored: 1), Cancelled 0), Skipped: 2","durationMs":710}
    {"at":"2026-11-22T09:30:00.711Z","run":"release","task":null,"step":null,"attempt":null,"type":"run-end","succeeded":false,"reason":"Failed","message":"Tasks Completed: 8 (Failed: 2 (Ignored: 1), Cancelled 0), Skipped: 2","durationMs":711}
    {"at":"2026-11-22T09:30:00.001Z","run":"release","task":"sign","step":null,"attempt":0,"type":"pipeline-start","name":"release-sign","pipeline":"ship","pipelineTask":"sign","displayName":"Sign it","whenExpressions":[{"input":"full","operator":"in","values":["full"]}],"provenance":{"uri":"git+https://example.com/a.git"}}
    {"at":"2026-11-22T09:30:00.001Z","run":"release","task":"build","step":null,"attempt":0,"type":"task-start","name":"release-build","pipelineTask":"build","displayName":"Build it","whenExpressions":[{"input":"full","operator":"in","values":["full"]}],"steps":["main"],"provenance":{"uri":"git+https://example.com/a.git"}}
    {"at":"2026-11-22T09:30:00.001Z","run":"release","task":"build","step":null,"attempt":0,"type":"artifacts","artifacts":{"outputs":[{"name":"image","values":[{"uri":"oci://a"}]}]}}
    {"at":"2026-11-22T09:30:00.001Z","run":"release","task":null,"step":null,"attempt":null,"type":"notice","message":"nobody asked"}
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
