//! Typed components: params in, results and failures out.

use std::collections::BTreeMap;
use std::path::Path;

use stepwell_contract::{
    Cancel, Description, Ending, FailureClass, Image, Limit, Limits, ParamType, ParamValue,
};
use stepwell_guest_artifacts as guests;

use crate::world::{BACKEND, Step, World, explain};

pub(crate) mod task_echo {
    use super::*;

    fn values() -> [(&'static str, ParamValue); 3] {
        let map = [("k", "v"), ("\u{e9}", "")].map(|(k, v)| (k.to_owned(), v.to_owned()));
        [
            ("list", ParamValue::Array(vec!["x".into(), String::new()])),
            ("map", ParamValue::Object(BTreeMap::from(map))),
            ("text", ParamValue::from("words\nand \"quotes\"")),
        ]
    }

    fn echo(world: &World) -> Step {
        values().into_iter().fold(
            world.step(guests::task_echo(), &[]),
            |step, (name, value)| step.param(name, value),
        )
    }

    #[test]
    fn params_come_back_as_results_of_their_types() {
        let world = World::new();
        let end = echo(&world)
            .result("text", ParamType::String)
            .result("list", ParamType::Array)
            .result("map", ParamType::Object)
            .workspace("source", "/ws")
            .attempt(2)
            .run();
        assert_eq!(
            end.told(),
            "attempt 2\nworkspace source /ws\nok list\nok map\nok text"
        );
        let expected = values().map(|(name, value)| (name.to_owned(), value));
        assert_eq!(end.results, BTreeMap::from(expected));
    }

    #[test]
    fn attack_results_that_are_not_declared_or_of_another_type() {
        let world = World::new();
        let end = echo(&world)
            .result("list", ParamType::String)
            .result("text", ParamType::String)
            .limit("result=4")
            .run();
        let told = end.told();
        assert!(!told.contains("ok "), "{told}");
        for name in ["list", "map", "text"] {
            assert!(told.contains(&format!("err {name}: ")), "{told}");
        }
        assert!(end.results.is_empty());
    }
}

pub(crate) mod task_fail {
    use super::*;

    fn end(class: &str) -> Ending {
        let world = World::new();
        let end = world
            .step(guests::task_fail(), &[])
            .param("class", class)
            .param("message", "alas")
            .result("stage", ParamType::String)
            .run();
        // What was emitted before the failure is kept.
        assert_eq!(end.results["stage"], ParamValue::from("about to end"));
        end.ending
    }

    #[test]
    fn a_failure_has_its_class() {
        for (word, class) in [
            ("failed", FailureClass::Failed),
            ("malformed-input", FailureClass::MalformedInput),
            ("transient", FailureClass::Transient),
        ] {
            let message = "alas".to_owned();
            assert_eq!(end(word), Ending::Failed { class, message });
        }
    }

    #[test]
    fn it_may_end_well() {
        assert_eq!(end("not at all"), Ending::SUCCESS);
    }

    #[test]
    fn a_panic_is_no_failure_but_a_trap() {
        let Ending::Trapped { message, .. } = end("panic") else {
            panic!("no trap");
        };
        assert!(message.unwrap().ends_with("alas"));
    }
}

pub(crate) mod task_progress {
    use super::*;

    #[test]
    fn progress_is_heard() {
        let world = World::new();
        let end = world
            .step(guests::task_progress(), &[])
            .param("count", "5")
            .param("bytes", "8")
            .run();
        end.told();
        assert_eq!(end.progress, 5);
    }

    #[test]
    fn attack_a_message_larger_than_a_call_may_carry() {
        let world = World::new();
        let end = world
            .step(guests::task_progress(), &[])
            .param("count", "1")
            .param("bytes", "33554432")
            .run();
        assert_eq!(end.limit(), (Limit::HostCall, 16 << 20));
    }
}

/// What a component says it would like is not what it gets.
#[test]
pub(crate) fn task_wants() {
    let world = World::new();
    let end = world
        .step(guests::task_wants(), &[])
        .param("level", "high")
        .run();
    assert_eq!(end.told(), "");
}

/// What `guest` says that it is.
fn described(guest: &Path, limits: &Limits) -> Result<Option<Description>, String> {
    let image = Image::component("guest", std::fs::read(guest).unwrap());
    BACKEND
        .describe(&image, limits, Cancel::new)
        .map_err(|error| explain(&error))
}

#[test]
fn a_plugin_says_what_it_is() {
    let told = described(guests::task_wants(), &Limits::default());
    let told = told.unwrap().unwrap();
    assert_eq!((&*told.name, &*told.version), ("task-wants", "1.2.3"));
    let owner = &told.params[2];
    assert_eq!(owner.param_type, ParamType::Object);
    assert_eq!(owner.properties, ["name", "mail"]);
    assert!(owner.default.is_some() && told.params[0].default.is_none());
    let cache = &told.workspaces[1];
    assert!(cache.optional && !cache.read_only && told.workspaces[0].read_only);
    assert_eq!(told.results[1].result_type, ParamType::Array);
    let grants: Vec<_> = told.capabilities.iter().map(|want| &*want.grant).collect();
    assert_eq!(
        grants,
        ["clock=real", "random=real", "network=rules.example.org:443"]
    );
}

#[test]
fn a_program_says_nothing_of_itself() {
    let told = described(guests::cli_hello(), &Limits::default());
    assert_eq!(told, Ok(None));
}

#[test]
pub(crate) fn task_lies() {
    let told = described(guests::task_lies(), &Limits::default()).unwrap_err();
    assert!(
        told.contains("the result is called `\u{1b}[2J`, and none can be"),
        "{told}"
    );
}

#[test]
pub(crate) fn task_mute() {
    let mut limits = Limits::default();
    limits.apply("fuel=1000000").unwrap();
    let told = described(guests::task_mute(), &limits).unwrap_err();
    assert!(told.contains("fuel"), "{told}");
}
