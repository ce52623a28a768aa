use stepwell_contract::{Clock, Flaw, Image, ImageKind, Random, Spot};

use super::*;

fn caching(fresh: &[&str]) -> (tempfile::TempDir, Caching) {
    let temp = tempfile::tempdir().unwrap();
    let store = Cache::open(temp.path(), &Default::default()).unwrap();
    let caching = Caching {
        store: Arc::new(store),
        fresh: fresh.iter().map(|name| (*name).into()).collect(),
        failures: false,
    };
    (temp, caching)
}

#[test]
fn a_task_is_fresh_with_its_rows_and_what_is_nested_in_it() {
    let (_temp, caching) = caching(&["build"]);
    for (task, fresh) in [
        ("build", true),
        ("build.3", true),
        ("build/lint", true),
        ("build/lint.1", true),
        ("builder", false),
        ("release/build", false),
        ("", false),
    ] {
        assert_eq!(caching.is_fresh(task), fresh, "{task}");
    }
}

#[test]
fn a_real_source_is_a_reason_and_a_declaration_lifts_it() {
    type Grant = fn(&mut stepwell_contract::Grants);
    let grants: [(Grant, Option<&str>); 6] = [
        (|_| {}, None),
        (|grants| grants.clock = Clock::Real, Some("clock=real")),
        (|grants| grants.random = Random::Real, Some("random=real")),
        (
            |grants| grants.apply("network=any").unwrap(),
            Some("network=any"),
        ),
        (
            |grants| grants.apply("network=a:1").unwrap(),
            Some("network=a:1"),
        ),
        (
            |grants| grants.apply("sidecar=db:1").unwrap(),
            Some("sidecar=db:1"),
        ),
    ];
    for (grant, setting) in grants {
        let mut step = crate::key::tests::step();
        assert_eq!(step.image.kind(), ImageKind::Component);
        grant(&mut step.grants);
        let expected = setting.map(|setting| NotKept::Granted(setting.to_owned()));
        assert_eq!(not_kept::by_its_grants(&step, false), expected);
        assert_eq!(not_kept::by_its_grants(&step, true), None);
    }
    let mut step = crate::key::tests::step();
    step.grants.tools = Some("alpine:3".into());
    for declared in [false, true] {
        let tools = Some(NotKept::Tools);
        assert_eq!(not_kept::by_its_grants(&step, declared), tools);
    }
    // What is there and refuses everything gives no answers.
    let mut step = crate::key::tests::step();
    step.grants.apply("network=none").unwrap();
    assert_eq!(not_kept::by_its_grants(&step, false), None);
    step.image = Image::container("app:1", crate::key::tests::container());
    assert_eq!(
        not_kept::by_its_grants(&step, false),
        Some(NotKept::Container)
    );
    assert_eq!(not_kept::by_its_grants(&step, true), None);
}

#[test]
fn attack_a_container_that_reaches_beyond_its_mounts_is_not_kept_whatever_is_declared() {
    type Change = fn(&mut StepSpec);
    let changes: [(Change, Option<NotKept>); 7] = [
        (|_| {}, None),
        (
            |step| step.security.drop_capabilities = vec!["ALL".into()],
            None,
        ),
        (
            |step| step.grants.apply("network=any").unwrap(),
            Some(NotKept::Network),
        ),
        (
            |step| step.grants.apply("sidecar=db:1").unwrap(),
            Some(NotKept::Network),
        ),
        (
            |step| step.grants.tools = Some("alpine:3".into()),
            Some(NotKept::Tools),
        ),
        (
            |step| step.security.privileged = true,
            Some(NotKept::Powers("all powers over the machine")),
        ),
        (
            |step| step.security.add_capabilities = vec!["SYS_ADMIN".into()],
            Some(NotKept::Powers("capabilities that others do not have")),
        ),
    ];
    for (change, expected) in changes {
        let mut step = crate::key::tests::step();
        step.image = Image::container("app:1", crate::key::tests::container());
        change(&mut step);
        assert_eq!(not_kept::by_its_grants(&step, true), expected);
        assert_eq!(
            not_kept::by_its_grants(&step, false),
            Some(NotKept::Container)
        );
    }
}

#[test]
fn a_container_that_a_signal_ended_did_not_end_by_itself() {
    let ending = |code| Ending::Exited { code };
    let judged = |kind, code| not_kept::by_its_ending(kind, &ending(code), true);
    assert_eq!(judged(ImageKind::Container, 137), Err(NotKept::Ending));
    assert_eq!(judged(ImageKind::Container, 127), Ok(()));
    assert_eq!(judged(ImageKind::Component, 137), Ok(()));
}

#[test]
fn an_ending_from_outside_is_never_kept_and_a_failure_when_asked() {
    let failed = Ending::Exited { code: 1 };
    let timed_out = Ending::TimedOut {
        after: std::time::Duration::from_secs(1),
    };
    for failures in [false, true] {
        assert_eq!(
            not_kept::by_its_ending(ImageKind::Component, &Ending::SUCCESS, failures),
            Ok(())
        );
        for ending in [&timed_out, &Ending::Cancelled] {
            let never = Err(NotKept::Ending);
            assert_eq!(
                not_kept::by_its_ending(ImageKind::Component, ending, failures),
                never
            );
        }
    }
    assert_eq!(
        not_kept::by_its_ending(ImageKind::Component, &failed, false),
        Err(NotKept::Failed)
    );
    assert_eq!(
        not_kept::by_its_ending(ImageKind::Component, &failed, true),
        Ok(())
    );
}

#[test]
fn a_flaw_says_itself() {
    let flaw = Flaw::Changed(Spot::new("/workspace", "a"));
    assert_eq!(
        NotKept::Flaw(flaw).to_string(),
        "`/workspace:a` changed while the step ran"
    );
}
