//! What a step left, read from outside: what is the step's, and nothing else.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::sync::Arc;

use stepwell_contract::power::ShellSpec;
use stepwell_contract::{Access, Place, SandboxError, SandboxErrorKind};

use crate::world::{Archive, Prepared, Step, world};

/// Runs a step, and calls `look` with its place afterwards.
fn after(step: Step<'_>, world: &crate::world::World, look: impl FnOnce(&Arc<dyn Place>)) {
    let backend = world.backend();
    let scope = step.open(&backend).unwrap();
    let prepared = step.prepare_in(&*scope).unwrap();
    let place = prepared.sandbox.place();
    prepared.run().unwrap();
    look(&place);
    scope.close().unwrap();
}

fn text(place: &dyn Place, path: &str) -> Result<String, SandboxError> {
    let mut text = String::new();
    place.extract_file(path)?.read_to_string(&mut text).unwrap();
    Ok(text)
}

fn names(place: &dyn Place, path: &str) -> Result<Vec<String>, SandboxError> {
    let mut names = Vec::new();
    place.extract_folder(path, &mut |path, _| {
        names.push(path.to_owned());
        Ok(())
    })?;
    Ok(names)
}

fn is_missing<T>(answer: Result<T, SandboxError>) -> bool {
    matches!(answer, Err(error) if matches!(error.kind, SandboxErrorKind::NotFound))
}

#[test]
fn the_root_is_read_as_the_step_left_it() {
    let world = world!();
    let folder = world.folder("ws");
    let layer = Archive::new()
        .file("data/kept", 0o644, b"from the image")
        .file("data/changed", 0o644, b"old")
        .file("data/gone", 0o644, b"old");
    let step = world
        .shell("echo new > /data/changed; rm /data/gone; echo own > /data/own; ln -s /ws/out /data/far; echo out > /ws/out")
        .layers(vec![layer])
        .mount(&folder, "/ws", Access::ReadWrite);
    after(step, &world, |place| {
        assert_eq!(text(&**place, "/data/kept").unwrap(), "from the image");
        assert_eq!(text(&**place, "/data/changed").unwrap(), "new\n");
        assert_eq!(text(&**place, "/data/far").unwrap(), "out\n");
        assert!(is_missing(text(&**place, "/data/gone")));
        let found = names(&**place, "/data").unwrap();
        assert_eq!(found, ["changed", "far", "kept", "own"]);
    });
}

#[test]
fn what_only_root_may_read_is_read() {
    let world = world!();
    let script = "umask 777; echo secret > /tmp/file; mkdir /tmp/folder";
    let step = world
        .shell(script)
        .with(|step| step.security.run_as_user = Some(1000));
    after(step, &world, |place| {
        assert_eq!(text(&**place, "/tmp/file").unwrap(), "secret\n");
        assert!(names(&**place, "/tmp/folder").unwrap().is_empty());
    });
}

#[test]
fn attack_no_link_leads_to_the_hosts_files_or_to_what_the_kernel_shows() {
    let world = world!();
    let outside = world.folder("outside");
    std::fs::write(outside.join("secret"), "secret of the host").unwrap();
    let folder = world.folder("ws");
    let target = outside.display();
    let script = format!(
        "cd /ws; ln -s {target}/secret absolute; ln -s ../outside/secret relative; \
        ln -s /proc/self/exe exe; ln -s /proc/1/root{target}/secret root; ln -s /proc/self/fd/0 fd; \
        ln -s /proc/1/environ environ; ln -s /sys/kernel/uevent_seqnum sys; ln -s /dev/zero zero; \
        mkfifo fifo; mknod null c 1 3; nc -ll -l local:/ws/socket 2>/dev/null & \
        ln -s loop loop; echo fine > file; ln -s /ws/file inside"
    );
    let step = world
        .shell(&script)
        .mount(&folder, "/ws", Access::ReadWrite);
    after(step, &world, |place| {
        for name in [
            "absolute", "relative", "exe", "root", "fd", "environ", "sys", "zero", "fifo", "null",
            "loop",
        ] {
            assert!(is_missing(text(&**place, &format!("/ws/{name}"))), "{name}");
        }
        for path in [
            "/proc/self/exe",
            "/proc/cpuinfo",
            "/sys/kernel/ostype",
            "/dev/null",
        ] {
            assert!(is_missing(text(&**place, path)), "{path}");
        }
        assert!(is_missing(text(
            &**place,
            &format!("/../..{target}/secret")
        )));
        assert_eq!(text(&**place, "/ws/inside").unwrap(), "fine\n");
        assert_eq!(names(&**place, "/ws").unwrap(), ["file", "inside"]);
    });
}

#[test]
fn attack_a_folder_without_end_is_refused_and_a_deep_one_is_not() {
    let world = world!();
    let folder = world.folder("ws");
    let deep = |count: usize| {
        format!("i=0; while [ $i -lt {count} ]; do mkdir d; cd d; i=$((i+1)); done; echo x > file")
    };
    let script = format!(
        "mkdir /ws/fine /ws/bad; cd /ws/fine; {}; cd /ws/bad; {}",
        deep(300),
        deep(1100)
    );
    let step = world
        .shell(&script)
        .mount(&folder, "/ws", Access::ReadWrite);
    after(step, &world, |place| {
        let found = names(&**place, "/ws/fine").unwrap();
        assert_eq!(found, [format!("{}file", "d/".repeat(300))]);
        for error in [
            names(&**place, "/ws/bad").unwrap_err(),
            place.archive(&mut std::io::sink()).unwrap_err(),
        ] {
            assert!(matches!(error.kind, SandboxErrorKind::Host), "{error:?}");
        }
    });
}

#[test]
fn a_name_that_is_no_text_is_left_out_of_a_folder_and_not_of_an_archive() {
    let world = world!();
    let step = world.shell("mkdir /out; echo 1 > /out/a; echo 2 > $(printf '/out/\\377')");
    after(step, &world, |place| {
        assert_eq!(names(&**place, "/out").unwrap(), ["a"]);
        let mut archive = Vec::new();
        place.archive(&mut archive).unwrap();
        let count = tar::Archive::new(&archive[..])
            .entries()
            .unwrap()
            .filter(|entry| entry.as_ref().unwrap().path_bytes().starts_with(b"out/"))
            .count();
        assert_eq!(count, 3);
    });
}

#[test]
fn an_archive_has_the_root_with_its_owners_modes_and_links() {
    let world = world!();
    let step = world.shell(
        "echo x > /x; chmod 640 /x; chown 1000:1001 /x; ln -s /x /l; mkfifo /p; mkdir -m 700 /d",
    );
    after(step, &world, |place| {
        let archives = [(); 2].map(|()| {
            let mut archive = Vec::new();
            place.archive(&mut archive).unwrap();
            archive
        });
        assert_eq!(archives[0], archives[1]);
        let mut found = BTreeMap::new();
        for entry in tar::Archive::new(&archives[0][..]).entries().unwrap() {
            let entry = entry.unwrap();
            let header = entry.header();
            let link = entry
                .link_name()
                .unwrap()
                .map(|link| link.display().to_string());
            let told = (
                header.mode().unwrap(),
                header.uid().unwrap(),
                header.gid().unwrap(),
                link,
            );
            found.insert(entry.path().unwrap().display().to_string(), told);
        }
        assert_eq!(found["x"], (0o640, 1000, 1001, None));
        assert_eq!(found["d/"], (0o700, 0, 0, None));
        assert_eq!(found["l"].3.as_deref(), Some("/x"));
        assert_eq!(found["bin/sh"].3.as_deref(), Some("busybox"));
        assert!(found.contains_key("bin/busybox") && !found.contains_key("p"));
        assert!(
            !found
                .keys()
                .any(|path| path.starts_with("proc/") && path != "proc/")
        );
    });
}

#[test]
fn a_step_that_runs_is_not_looked_at_and_one_with_a_shell_in_it_is() {
    let world = world!();
    let backend = world.backend();
    let step = world.shell("echo 1 > /left");
    let scope = step.open(&backend).unwrap();
    let prepared = step.prepare_in(&*scope).unwrap();
    let place = prepared.sandbox.place();
    assert!(is_missing(text(&*place, "/bin/sh")));
    prepared.run().unwrap();
    let command = ["sh", "-c", "echo ready; exec sleep 100000"].map(str::to_owned);
    let shell = place.shell(ShellSpec {
        command: command.to_vec(),
        terminal: None,
    });
    let (ready, is_ready) = std::sync::mpsc::channel();
    let shell =
        Prepared::new(shell.unwrap().sandbox).when_it_speaks(move || ready.send(()).unwrap());
    std::thread::scope(|threads| {
        let running = threads.spawn(|| shell.run().unwrap());
        is_ready.recv().unwrap();
        assert_eq!(text(&*place, "/left").unwrap(), "1\n");
        // Waits for the shell, which it ends.
        scope.close().unwrap();
        running.join().unwrap();
    });
    assert!(is_missing(text(&*place, "/left")));
}
