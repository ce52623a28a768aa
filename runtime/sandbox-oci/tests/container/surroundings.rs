//! What a program finds around it.

use std::net::TcpListener;

use stepwell_contract::Network;

use crate::world::{Archive, world};

#[test]
fn the_environment_is_the_steps_and_nothing_of_ours() {
    let world = world!();
    let step = world.shell("env | sort").with(|step| {
        step.env = vec![("B".into(), "2\n3".into()), ("A".into(), "1".into())];
    });
    let said = step.run().said();
    assert_eq!(
        said.lines()
            .filter(|line| !line.starts_with("SHLVL"))
            .collect::<Vec<_>>(),
        [
            "3",
            "A=1",
            "B=2",
            "HOME=/root",
            "HOSTNAME=stepwell",
            "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "PWD=/",
        ]
    );
}

#[test]
fn the_working_directory_is_made_where_it_is_missing() {
    let world = world!();
    let step = world
        .shell("pwd")
        .with(|step| step.working_dir = "/a/b".into());
    assert_eq!(step.run().said(), "/a/b\n");
}

#[test]
fn standard_input_is_empty_and_temporary_files_can_be_written() {
    let world = world!();
    let said = world
        .shell("cat; echo x > /tmp/x && cat /tmp/x /etc/hostname")
        .run()
        .said();
    assert_eq!(said, "x\nstepwell\n");
}

#[test]
fn what_is_written_to_the_root_is_gone_with_the_step() {
    let world = world!();
    world.shell("echo x > /left; rm /etc/group").run().said();
    assert_eq!(
        world
            .shell("ls /left /etc/group 2>&1")
            .run()
            .stdout
            .matches("/left: No such")
            .count(),
        1
    );
    assert_eq!(world.shell("ls /etc/group").run().said(), "/etc/group\n");
}

#[test]
fn layers_hide_what_is_below_them() {
    let world = world!();
    let lower = Archive::new()
        .file("d/old", 0o644, b"1")
        .file("gone", 0o644, b"1")
        .file("e/old", 0o644, b"1");
    let upper = Archive::new()
        .file(".wh.gone", 0, b"")
        .file("d/.wh..wh..opq", 0, b"")
        .file("d/new", 0o644, b"2")
        .file("e/new", 0o644, b"2");
    let step = world
        .shell("ls -A /gone /d /e 2>&1")
        .layers(vec![lower, upper]);
    let said = step.run().stdout;
    assert_eq!(
        said,
        "ls: /gone: No such file or directory\n/d:\nnew\n\n/e:\nnew\nold\n"
    );
}

#[test]
fn a_read_only_root_is_read_only_and_its_volumes_are_not() {
    let world = world!();
    let folder = world.folder("ws");
    let step = world
        .shell("echo x > /ws/x; echo y > /y; echo z > /etc/passwd; ls /dev/null")
        .mount(&folder, "/ws", stepwell_contract::Access::ReadWrite)
        .with(|step| step.security.read_only_root = Some(true));
    let ran = step.run();
    assert_eq!(
        ran.stderr.matches("Read-only file system").count(),
        2,
        "{}",
        ran.stderr
    );
    assert_eq!(std::fs::read(folder.join("x")).unwrap(), b"x\n");
}

#[test]
fn attack_the_machines_network_is_not_there_until_it_is_granted() {
    let world = world!();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let connect = format!("nc -w 1 127.0.0.1 {port} < /dev/null && echo reached");
    let step = world.shell(&format!("ls /sys/class/net; {connect}; true"));
    assert_eq!(step.run().said(), "lo\n");
    let granted = world
        .shell(&connect)
        .with(|step| step.grants.network = Network::Any);
    let accepting = std::thread::spawn(move || drop(listener.accept().unwrap()));
    assert_eq!(granted.run().said(), "reached\n");
    accepting.join().unwrap();
}

#[test]
fn steps_of_one_task_share_loopback_and_other_tasks_do_not() {
    let world = world!();
    let backend = world.backend();
    // Its own input never ends: it says nothing more before it has heard all.
    let server = world.shell("mkfifo /input; echo listening; nc -l -p 80 <> /input");
    let scope = server.open(&backend).unwrap();
    let (ready, is_ready) = std::sync::mpsc::channel();
    let server = server.when_it_speaks(move || ready.send(()).unwrap());
    std::thread::scope(|threads| {
        let serving = threads.spawn(|| server.run_in(&*scope).unwrap());
        is_ready.recv().unwrap();
        let stranger = world.shell("nc -w 1 127.0.0.1 80 < /dev/null").run();
        assert_eq!(stranger.stdout, "");
        // Until the other one listens.
        let send = "until echo hello | nc 127.0.0.1 80; do :; done 2>/dev/null";
        world.shell(send).run_in(&*scope).unwrap().said();
        assert_eq!(serving.join().unwrap().said(), "listening\nhello\n");
    });
    scope.close().unwrap();
}
