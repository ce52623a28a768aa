//! Who runs, and with which powers.

use stepwell_contract::{SandboxErrorKind, Security};

use crate::world::{Archive, world};

#[test]
fn the_image_chooses_its_user_and_the_step_another() {
    let world = world!();
    let id = |user: Option<&str>, security: Security| {
        let step = world.shell("echo $(id -u) $(id -g) $(id -G) $HOME");
        let step = step.image(|image| image.user = user.map(str::to_owned));
        step.with(|step| step.security = security).run().said()
    };
    assert_eq!(id(None, Security::default()), "0 0 0 /root\n");
    assert_eq!(
        id(Some("app"), Security::default()),
        "1000 1000 1000 1001 /home/app\n"
    );
    let asked = Security {
        run_as_user: Some(7),
        run_as_group: Some(8),
        groups: vec![9],
        ..Security::default()
    };
    assert_eq!(id(Some("app"), asked), "7 8 8 9 /\n");
}

#[test]
fn whoever_runs_can_open_the_outputs_by_their_names() {
    let world = world!();
    for user in [0, 1000] {
        let step = world.shell("echo out > /dev/stdout; echo err > /dev/stderr");
        let ran = step
            .with(|step| step.security.run_as_user = Some(user))
            .run();
        assert_eq!(
            (ran.stdout.as_str(), ran.stderr.as_str()),
            ("out\n", "err\n"),
            "{user}"
        );
    }
}

#[test]
fn attack_a_user_that_is_not_there_or_is_root_is_refused() {
    let world = world!();
    let ghost = world
        .shell("true")
        .image(|image| image.user = Some("ghost".into()));
    let non_root = |user: Option<u32>| {
        world.shell("true").with(|step| {
            step.security.run_as_non_root = true;
            step.security.run_as_user = user;
        })
    };
    for step in [ghost, non_root(None), non_root(Some(0))] {
        let error = step.try_run().unwrap_err();
        assert!(
            matches!(error.kind, SandboxErrorKind::BadGuest),
            "{error:?}"
        );
    }
    non_root(Some(1)).run().said();
}

#[test]
fn attack_a_list_of_users_that_never_ends_is_not_waited_for() {
    let world = world!();
    let step = world
        .shell("true")
        .layers(vec![Archive::new().link("etc/passwd", "/dev/zero")]);
    let error = step.try_run().unwrap_err();
    assert!(
        matches!(error.kind, SandboxErrorKind::BadGuest),
        "{error:?}"
    );
}

fn powers(security: Security, field: &str) -> Option<String> {
    let world = crate::world::World::new()?;
    let step = world.shell(&format!("grep {field} /proc/self/status"));
    let said = step.with(|step| step.security = security).run().said();
    Some(said.split_whitespace().last().unwrap().to_owned())
}

#[test]
fn capabilities_are_dockers_and_can_be_dropped() {
    let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let Some(default) = powers(Security::default(), "CapEff") else {
        return;
    };
    assert_eq!(default, "00000000a80425fb");
    let dropped = Security {
        drop_capabilities: owned(&["ALL"]),
        add_capabilities: owned(&["CHOWN"]),
        ..Security::default()
    };
    assert_eq!(
        powers(dropped.clone(), "CapEff").unwrap(),
        "0000000000000001"
    );
    assert_eq!(powers(dropped, "CapBnd").unwrap(), "0000000000000001");
    let user = Security {
        run_as_user: Some(1000),
        ..Security::default()
    };
    assert_eq!(powers(user.clone(), "CapEff").unwrap(), "0000000000000000");
    assert_eq!(powers(user, "CapPrm").unwrap(), "0000000000000000");
}

#[test]
fn attack_a_set_user_id_program_gains_nothing_until_it_is_allowed() {
    let world = world!();
    let busybox = std::fs::read("/bin/busybox").unwrap();
    let whoami = |allowed: Option<bool>| {
        let archive = Archive::new().file("suid/cat", 0o4755, &busybox);
        let step = world.step(&["/suid/cat", "/proc/self/status"]);
        let step = step.layers(vec![archive]).with(|step| {
            step.security.run_as_user = Some(1000);
            step.security.allow_privilege_escalation = allowed;
        });
        step.run().said()
    };
    let field = |status: &str, name: &str| {
        let line = status.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_whitespace().last().unwrap().to_owned()
    };
    let (kept, allowed) = (whoami(None), whoami(Some(true)));
    // busybox gives up the user that the bit gave it; the kernel's own word is whether the bit counted at all.
    assert_eq!(field(&kept, "NoNewPrivs"), "1");
    assert_eq!(field(&allowed, "NoNewPrivs"), "0");
    for status in [kept, allowed] {
        assert_eq!(field(&status, "Seccomp:"), "2");
    }
}

#[test]
fn attack_a_document_alone_makes_nothing_privileged() {
    let mut world = world!();
    let privileged = |step: &mut stepwell_contract::StepSpec| step.security.privileged = true;
    let error = world.shell("true").with(privileged).try_run().unwrap_err();
    assert!(
        matches!(error.kind, SandboxErrorKind::Refused(_)),
        "{error:?}"
    );
    world.options().privileged = true;
    let said =
        world.shell("grep CapEff /proc/self/status; mount -t tmpfs none /tmp && echo mounted");
    let said = said.with(privileged).run().said();
    assert!(said.ends_with("mounted\n"), "{said}");
}
