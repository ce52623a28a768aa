//! Transforming JSON: `jaq` reads the events of another run.

use std::collections::BTreeMap;
use std::fs;

use serde_json::{Map, Value};

use crate::stage::{Stage, Told};
use crate::tree::copied;

/// Real JSON: what a run over this project's interfaces said.
fn events(stage: &Stage) -> Vec<Value> {
    copied(stage, "wit");
    let told: Told = stage.run("c.yaml", &["-w", "tree=wit"]).succeeded();
    let lines: String = told
        .events
        .iter()
        .map(|event| format!("{event}\n"))
        .collect();
    fs::write(stage.folder("data").join("events.jsonl"), lines).unwrap();
    told.events
}

#[test]
fn json_is_filtered_grouped_and_turned_around() {
    let stage = Stage::new();
    let events = events(&stage);
    let told = stage.run("json.yaml", &["-w", "data=data"]).succeeded();

    let lines: Vec<&str> = events
        .iter()
        .filter(|event| event["type"] == "step-log")
        .map(|event| event["line"].as_str().unwrap())
        .collect();
    assert_eq!(told.stdout("lines"), lines);

    let mut kinds: BTreeMap<&str, u64> = BTreeMap::new();
    for event in &events {
        *kinds.entry(event["type"].as_str().unwrap()).or_default() += 1;
    }
    assert_eq!(
        told.stdout("kinds"),
        [serde_json::to_string(&kinds).unwrap()]
    );

    // Keys become values, so that an order or a type that changed on the way would show.
    let turned: Vec<Value> = events.iter().map(turned).collect();
    let said: Vec<Value> = told
        .stdout("turned")
        .into_iter()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(said, turned);
}

fn turned(event: &Value) -> Value {
    let fields = event.as_object().unwrap().iter().map(|(name, value)| {
        let text = value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned);
        (text, Value::from(name.as_str()))
    });
    Value::Object(fields.collect::<Map<_, _>>())
}
