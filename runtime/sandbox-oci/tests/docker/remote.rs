//! A daemon over TCP: it is of another machine as far as we know, and volumes go there and back by archive.

use stepwell_contract::Access::{ReadOnly, ReadWrite};
use stepwell_contract::{Backend as _, Ending, Feature, SandboxErrorKind};
use stepwell_sandbox_oci::docker::{DockerBackend, Endpoint};

use crate::world::{World, run, said, try_run};

pub(crate) fn remote() -> Option<(World, DockerBackend)> {
    let world = World::new(&["--host=tcp://127.0.0.1:0"])?;
    let endpoint = Endpoint::Tcp {
        host: "127.0.0.1".to_owned(),
        port: world.daemon.port.unwrap(),
        tls: None,
    };
    let backend = DockerBackend::connect(world.options(endpoint)).unwrap();
    Some((world, backend))
}

#[test]
fn volumes_go_there_and_back() {
    let Some((world, backend)) = remote() else {
        return;
    };
    let ws = world.folder("ws");
    let ro = world.folder("ro");
    std::fs::write(ws.join("given"), "given").unwrap();
    std::fs::write(ws.join("removed"), "x").unwrap();
    std::fs::create_dir(ws.join("folder")).unwrap();
    std::os::unix::fs::symlink("given", ws.join("link")).unwrap();
    std::fs::write(ro.join("file"), "read only").unwrap();
    let task = world.task(&backend, &["ws", "ro"]);
    let folders = [("ws", ReadWrite), ("ro", ReadOnly)];
    let script = "cat /ws/link /ro/file; rm /ws/removed; rmdir /ws/folder; echo made > /ws/made; \
                  echo hidden > /ws/.wh.name; ln -s /etc/passwd /ws/out; touch /ro/new 2> /dev/null || echo refused";
    assert_eq!(
        said(&*task, world.step(script, &folders)),
        "givenread onlyrefused\n"
    );
    assert_eq!(world.read("ws/made").as_deref(), Some("made\n"));
    assert_eq!(world.read("ws/.wh.name").as_deref(), Some("hidden\n"));
    assert_eq!(world.read("ws/removed"), None);
    assert!(!ws.join("folder").exists());
    let link = std::fs::read_link(ws.join("link")).unwrap();
    assert_eq!(link.to_str(), Some("given"));
    assert_eq!(
        std::fs::read_link(ws.join("out")).unwrap().to_str(),
        Some("/etc/passwd")
    );
    assert_eq!(std::fs::read_dir(&ro).unwrap().count(), 1);
    // What happens here between two steps is seen by the next one, removals too.
    std::fs::remove_file(ws.join("made")).unwrap();
    std::fs::write(ws.join("given"), "changed").unwrap();
    let next = world.step(
        "cat /ws/given; ls /ws/made 2> /dev/null || echo gone",
        &folders,
    );
    assert_eq!(said(&*task, next), "changedgone\n");
    task.close().unwrap();
}

#[test]
fn what_a_failed_step_left_comes_back() {
    let Some((world, backend)) = remote() else {
        return;
    };
    let task = world.task(&backend, &["ws"]);
    let step = world.step("echo so far > /ws/file; exit 3", &[("ws", ReadWrite)]);
    assert_eq!(run(&*task, step).ending, Ending::Exited { code: 3 });
    assert_eq!(world.read("ws/file").as_deref(), Some("so far\n"));
    let refused = task.connect(80).unwrap_err();
    assert!(matches!(
        refused.kind,
        SandboxErrorKind::Unsupported(Feature::Connection)
    ));
    task.close().unwrap();
}

#[test]
fn attack_no_device_comes_back_from_a_volume() {
    let Some((world, backend)) = remote() else {
        return;
    };
    std::fs::write(world.folder("ws").join("kept"), "kept").unwrap();
    let task = world.task(&backend, &["ws"]);
    let step = world.step(
        "busybox mknod /ws/disk b 8 0; echo changed > /ws/kept",
        &[("ws", ReadWrite)],
    );
    let error = try_run(&*task, step).unwrap_err();
    assert!(
        matches!(error.kind, SandboxErrorKind::BadGuest),
        "{error:?}"
    );
    // All of it or nothing.
    assert_eq!(world.read("ws/kept").as_deref(), Some("kept"));
    assert_eq!(std::fs::read_dir(world.folder("ws")).unwrap().count(), 1);
    task.close().unwrap();
}

#[test]
fn a_daemon_that_is_not_there_is_said_to_be() {
    let Some((world, backend)) = remote() else {
        return;
    };
    assert_eq!(backend.name(), "docker");
    // Nobody listens on it: it was given to us, and is let go.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let host = "127.0.0.1".to_owned();
    let tls = None;
    let nobody = DockerBackend::connect(world.options(Endpoint::Tcp { host, port, tls }));
    let error = nobody.err().unwrap();
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert_eq!(
        cause,
        format!("failed to reach the daemon at `tcp://127.0.0.1:{port}`")
    );
}
