use std::collections::BTreeMap;

use super::*;
use crate::samples::pipelines::{of, one_step, release, run_start};
use crate::samples::{failure, show};

fn trace(events: &[Event]) -> Vec<Value> {
    let mut out = Vec::new();
    show(&mut Trace::new(&mut out), events);
    serde_json::from_slice(&out).unwrap()
}

fn number(event: &Value, key: &str) -> u64 {
    event[key]
        .as_u64()
        .unwrap_or_else(|| panic!("no {key} in {event}"))
}

/// What a reader of the format relies on: the fields of each phase, named lanes, and that events of one lane are beside
/// each other or one in the other, with the outer one first.
fn check(events: &[Value]) {
    let mut named = Vec::new();
    let mut lanes = BTreeMap::<u64, Vec<(u64, u64)>>::new();
    for event in events {
        assert!(event["name"].is_string() && event["pid"] == 1, "{event}");
        match event["ph"].as_str().unwrap() {
            "M" => {
                if event["name"] == "thread_name" {
                    named.push(number(event, "tid"));
                }
            }
            "X" => {
                let start = number(event, "ts");
                let span = (start, start + number(event, "dur"));
                lanes.entry(number(event, "tid")).or_default().push(span);
            }
            "i" => assert!(event["s"] == "t" && number(event, "tid") == 0, "{event}"),
            "C" => assert!(event["args"]["tasks"].is_u64(), "{event}"),
            other => panic!("{other}"),
        }
    }
    assert_eq!(named, lanes.keys().copied().collect::<Vec<_>>());
    for (lane, mut spans) in lanes {
        // As readers do it: stable, so that of two that begin together the first one written is the outer one.
        spans.sort_by_key(|(start, _)| *start);
        let mut outer: Vec<(u64, u64)> = Vec::new();
        for span in spans {
            while outer.last().is_some_and(|(_, end)| *end <= span.0) {
                outer.pop();
            }
            if let Some(around) = outer.last() {
                assert!(
                    span.1 <= around.1,
                    "{span:?} leaves {around:?} in lane {lane}"
                );
            }
            outer.push(span);
        }
    }
}

#[test]
fn what_ran_is_drawn_beside_and_in_each_other() {
    let events = trace(&release());
    check(&events);
    let drawn: Vec<_> = events
        .iter()
        .filter(|event| event["ph"] == "X")
        .map(|event| {
            format!(
                "lane {} {:>6} +{:<6} {} {}",
                event["tid"],
                event["ts"],
                event["dur"],
                event["cat"].as_str().unwrap(),
                event["name"].as_str().unwrap()
            )
        })
        .collect();
    insta::assert_snapshot!(drawn.join("\n"), @r"
    lane 2 2000 +8000 task flaky
    lane 2 3000 +6000 step main
    lane 2 12000 +10000 task flaky
    lane 2 13000 +8000 step main
    lane 1 2000 +600000 task build
    lane 1 3000 +497000 step compile
    lane 1 501000 +99000 step link
    lane 1 610000 +10000 task test.1
    lane 1 611000 +8000 step main
    lane 1 620000 +10000 task test.0
    lane 1 621000 +8000 step main
    lane 2 641000 +10000 task sign/key
    lane 2 642000 +8000 step main
    lane 1 640000 +14000 pipeline sign
    lane 1 660000 +10000 task lint
    lane 1 661000 +8000 step main
    lane 1 680000 +10000 task publish
    lane 1 681000 +8000 step main
    lane 1 693000 +10000 task tidy
    lane 1 694000 +8000 step main
    lane 0 0 +711000 run release
    ");
}

#[test]
fn each_event_says_what_came_of_it() {
    let events = trace(&failure());
    check(&events);
    let lines: Vec<_> = events.iter().map(Value::to_string).collect();
    insta::assert_snapshot!(lines.join("\n"), @r#"
    {"name":"process_name","ph":"M","pid":1,"args":{"name":"stepwell"}}
    {"name":"thread_name","ph":"M","pid":1,"tid":0,"args":{"name":"run"}}
    {"name":"thread_sort_index","ph":"M","pid":1,"tid":0,"args":{"sort_index":0}}
    {"name":"thread_name","ph":"M","pid":1,"tid":1,"args":{"name":"lane 1"}}
    {"name":"thread_sort_index","ph":"M","pid":1,"tid":1,"args":{"sort_index":1}}
    {"name":"running","ph":"C","ts":1000,"pid":1,"args":{"tasks":1}}
    {"name":"site","cat":"task","ph":"X","ts":1000,"dur":49000,"pid":1,"tid":1,"args":{"taskRun":"site-abcde","attempt":0,"succeeded":false,"reason":"Failed","message":"\"step-render\" exited with code 134: Error"}}
    {"name":"lint","cat":"step","ph":"X","ts":10000,"dur":10000,"pid":1,"tid":1,"args":{"terminationReason":"Continued","exitCode":3}}
    {"name":"render","cat":"step","ph":"X","ts":21000,"dur":19000,"pid":1,"tid":1,"args":{"terminationReason":"Error","exitCode":134}}
    {"name":"running","ph":"C","ts":50000,"pid":1,"args":{"tasks":0}}
    {"name":"site-abcde","cat":"run","ph":"X","ts":0,"dur":50000,"pid":1,"tid":0,"args":{"succeeded":false,"reason":"Failed","message":"\"step-render\" exited with code 134: Error"}}
    "#);
}

#[test]
fn a_run_that_broke_is_still_a_trace() {
    let whole = release();
    for length in 0..whole.len() {
        check(&trace(&whole[..length]));
    }
    // Killed: a reader takes an array whose end is missing.
    let mut out = Vec::new();
    let mut trace = Trace::new(&mut out);
    for event in &whole {
        trace.event(event).unwrap();
    }
    out.extend(b"]");
    check(&serde_json::from_slice::<Vec<Value>>(&out).unwrap());
}

#[test]
fn lanes_are_as_many_as_ran_at_once() {
    let mut events = vec![of(0, None, run_start(100))];
    // Ten at once, a hundred times.
    for turn in 0..100 {
        let batch: Vec<_> = (0..10)
            .map(|task| one_step(turn * 20 + task, &format!("t{turn}-{task}"), "t", 0))
            .collect();
        for place in 0..5 {
            events.extend(batch.iter().map(|task| task[place].clone()));
        }
    }
    events.sort_by_key(|event| event.at);
    let events = trace(&events);
    check(&events);
    let most = events
        .iter()
        .filter(|event| event["ph"] == "X")
        .map(|event| number(event, "tid"))
        .max();
    assert!(most <= Some(11), "{most:?}");
}

#[test]
fn attack_a_name_breaks_out_of_its_string() {
    let mut events = vec![of(0, None, run_start(1))];
    events.extend(one_step(1, "\"},{\"ph\":\"X\u{1b}[2J", "t", 0));
    let mut out = Vec::new();
    show(&mut Trace::new(&mut out), &events);
    assert!(!out.contains(&0x1b));
    check(&serde_json::from_slice::<Vec<Value>>(&out).unwrap());
}
