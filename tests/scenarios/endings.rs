//! A step that never ends, and what is left of its task.

use crate::stage::Stage;

#[test]
fn a_step_that_takes_too_long_ends_the_run_with_6() {
    let told = Stage::new().run("timeout.yaml", &[]);
    assert_eq!(told.code, Some(6), "{told:?}");
    assert_eq!(told.end("quick")["terminationReason"], "Completed");
    let end = told.end("endless");
    assert_eq!(end["terminationReason"], "TimeoutExceeded");
    assert_eq!(
        end["ending"],
        serde_json::json!({"how": "timed-out", "afterMs": 500})
    );
    assert_eq!(told.end("after")["terminationReason"], "Skipped");
    // What was done before stays.
    assert_eq!(told.result("before"), "kept");
    assert_eq!(told.last()["succeeded"], false);
}

#[test]
fn fuel_ends_the_same_step_at_the_same_place_each_time() {
    let stage = Stage::new();
    let run = || stage.run("timeout.yaml", &["--limit", "fuel=1000000"]);
    let (first, second) = (run(), run());
    assert_eq!(first.code, Some(5), "{first:?}");
    let ending = &first.end("endless")["ending"];
    assert_eq!(ending["how"], "limit-reached");
    assert_eq!(ending["limit"], "fuel");
    assert_eq!(ending["value"], 1_000_000);
    assert_eq!(first.lasting(), second.lasting());
}
