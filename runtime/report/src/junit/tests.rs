use stepwell_contract::{Ending, LogStream};

use super::*;
use crate::samples::pipelines::{bad, of, of_step, release, run_start, task_end, task_start};
use crate::samples::{failure, log, show, step_end};

fn xml(events: &[Event]) -> String {
    let mut out = Vec::new();
    show(&mut Junit::new(&mut out), events);
    String::from_utf8(out).unwrap()
}

#[test]
fn a_run_is_a_suite_and_so_is_a_nested_pipeline() {
    insta::assert_snapshot!(xml(&release()), @r#"
    <?xml version="1.0" encoding="UTF-8"?>
    <testsuites name="stepwell" tests="11" skipped="3" failures="1" errors="0" timestamp="2026-11-22T09:30:00.001+00:00" time="0.711">
        <testsuite name="release" tests="9" skipped="2" errors="0" failures="1" timestamp="2026-11-22T09:30:00.001+00:00" time="0.710">
            <testcase name="flaky" classname="release" timestamp="2026-11-22T09:30:00.012+00:00" time="0.010">
                <flakyFailure timestamp="2026-11-22T09:30:00.002+00:00" time="0.008" message="&quot;step-main&quot; exited with code 7: Error" type="Failed">step main exited with code 7
    no luck</flakyFailure>
            </testcase>
            <testcase name="build" classname="release" timestamp="2026-11-22T09:30:00.002+00:00" time="0.600"/>
            <testcase name="docs" classname="release" timestamp="2026-11-22T09:30:00.603+00:00">
                <skipped message="When Expressions evaluated to false"/>
            </testcase>
            <testcase name="test.1" classname="release" timestamp="2026-11-22T09:30:00.610+00:00" time="0.010"/>
            <testcase name="test.0" classname="release" timestamp="2026-11-22T09:30:00.620+00:00" time="0.010"/>
            <testcase name="lint" classname="release" timestamp="2026-11-22T09:30:00.660+00:00" time="0.010">
                <system-out>the failure is ignored: &quot;step-main&quot; exited with code 3: Error
    step main exited with code 3
    this is lint</system-out>
            </testcase>
            <testcase name="publish" classname="release" timestamp="2026-11-22T09:30:00.680+00:00" time="0.010">
                <failure message="&quot;step-main&quot; exited with code 1: Error" type="Failed">step main exited with code 1
    this is publish</failure>
            </testcase>
            <testcase name="announce" classname="release" timestamp="2026-11-22T09:30:00.691+00:00">
                <skipped message="PipelineRun was stopping"/>
            </testcase>
            <testcase name="tidy" classname="release" timestamp="2026-11-22T09:30:00.693+00:00" time="0.010"/>
        </testsuite>
        <testsuite name="release-sign" tests="2" skipped="1" errors="0" failures="0" timestamp="2026-11-22T09:30:00.640+00:00" time="0.014">
            <testcase name="key" classname="release-sign" timestamp="2026-11-22T09:30:00.641+00:00" time="0.010"/>
            <testcase name="seal" classname="release-sign" timestamp="2026-11-22T09:30:00.652+00:00">
                <skipped message="When Expressions evaluated to false"/>
            </testcase>
        </testsuite>
    </testsuites>
    "#);
}

#[test]
fn a_task_run_by_itself_is_a_suite_with_one_case() {
    insta::assert_snapshot!(xml(&failure()), @r#"
    <?xml version="1.0" encoding="UTF-8"?>
    <testsuites name="stepwell" tests="1" skipped="0" failures="1" errors="0" timestamp="2026-11-22T09:30:00.001+00:00" time="0.050">
        <testsuite name="site-abcde" tests="1" skipped="0" errors="0" failures="1" timestamp="2026-11-22T09:30:00.001+00:00" time="0.050">
            <testcase name="site" classname="site-abcde" timestamp="2026-11-22T09:30:00.001+00:00" time="0.049">
                <failure message="&quot;step-render&quot; exited with code 134: Error" type="Failed">step render trapped: wasm `unreachable` instruction executed
      panicked at src/main.rs:3:5: boom
        at site::main (src/main.rs:3)
    [render] page 1
    [render] panicked at src/main.rs:3:5: boom</failure>
            </testcase>
        </testsuite>
    </testsuites>
    "#);
}

#[test]
fn a_task_that_did_not_end_is_an_error() {
    let mut events = release();
    events.truncate(6);
    let xml = xml(&events);
    assert!(xml.contains(r#"tests="2""#), "{xml}");
    assert_eq!(xml.matches("the task did not end").count(), 2, "{xml}");
}

/// A task that prints `line` and fails with it.
fn failing(line: &str) -> Vec<Event> {
    let mut verdict = bad("main", 1);
    verdict.message = line.to_owned();
    vec![
        of(0, None, run_start(1)),
        of(1, Some("x"), task_start("release-x", "x", &["main"])),
        of_step(2, "x", "main", log(LogStream::Stdout, line, false)),
        of_step(
            3,
            "x",
            "main",
            step_end(
                TerminationReason::Error,
                Some(Ending::Exited { code: 1 }),
                1,
            ),
        ),
        of(4, Some("x"), task_end(verdict, false, 3)),
    ]
}

/// What a strict reader asks of every XML document: only characters that XML has, and no `]]>` in text.
fn check(xml: &str) {
    for c in xml.chars() {
        let allowed = matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..);
        assert!(allowed, "{c:?} in {xml}");
    }
    assert!(!xml.contains("]]>"), "{xml}");
    let report = Report::deserialize_from_str(xml).unwrap();
    assert_eq!((report.tests, report.failures), (1, 1));
    assert_eq!(xml.matches("<testcase").count(), 1, "{xml}");
}

#[test]
fn attack_output_that_is_no_xml() {
    for line in [
        "\0\u{1}\u{8}\u{b}\u{1f}\u{7f}\u{fffe}\u{ffff}",
        "]]></failure><testcase name=\"forged\"/>",
        "<!DOCTYPE x [<!ENTITY a \"b\">]>&a;&#0;&#x1b;",
        "\"'><script>",
        "\u{1b}[31mred\u{1b}[0m",
        &String::from_utf8_lossy(b"\xff\xfe\xc3\x28"),
    ] {
        check(&xml(&failing(line)));
    }
    let kept = xml(&failing("ordinary text, <b> & all"));
    assert!(
        kept.contains("ordinary text, &lt;b&gt; &amp; all"),
        "{kept}"
    );
}

#[test]
fn attack_megabytes_of_output() {
    let mut events = failing(&"x".repeat(1 << 20));
    let flood: Vec<_> = (0..100).map(|_| events[2].clone()).collect();
    events.splice(2..3, flood);
    let xml = xml(&events);
    check(&xml);
    assert!(xml.len() < 40_000, "{}", xml.len());
}

#[test]
fn attack_a_million_tries_are_not_all_listed() {
    let mut events = failing("no");
    let end = events.pop().unwrap();
    for _ in 0..1000 {
        events.push(of(4, Some("x"), task_end(bad("main", 1), true, 3)));
        events.push(of(5, Some("x"), task_start("release-x", "x", &["main"])));
    }
    events.push(end);
    assert_eq!(
        xml(&events).matches("<rerunError").count() + xml(&events).matches("<rerunFailure").count(),
        RERUNS
    );
}

#[test]
fn attack_ten_thousand_failures_print_a_lot() {
    let mut junit = Junit::new(io::sink());
    for task in 0..500 {
        let name = format!("t{task}");
        for event in failing(&"y".repeat(600)) {
            let mut event = event;
            if event.task.is_some() {
                event.task = Some(stepwell_contract::TaskName::new(name.as_str()));
            }
            for _ in 0..if event.step.is_some() { 20 } else { 1 } {
                junit.event(&event).unwrap();
            }
        }
    }
    let kept: usize = junit.suites[""]
        .cases
        .iter()
        .map(|case| match &case.came_to {
            CameTo::Other(told) => match &told.status {
                TestCaseStatus::NonSuccess { description, .. } => {
                    description.as_ref().map_or(0, |text| text.as_str().len())
                }
                _ => 0,
            },
            _ => 0,
        })
        .sum();
    assert!(kept > OUTPUT / 2 && kept < OUTPUT + 200_000, "{kept}");
}
