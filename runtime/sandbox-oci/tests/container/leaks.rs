//! What is left of a Stepwell that is killed while a container runs: nothing.

use std::process::{Command, Stdio};

use crate::world::{World, world};

/// Names the test that is to be killed.
const VICTIM: &str = "leaks::runs_until_it_is_killed";

#[test]
#[ignore = "it is run, and killed, by the test below"]
fn runs_until_it_is_killed() {
    let Some(world) = World::new() else { return };
    let step = world.shell("sleep 100000 & echo ready; exec sleep 100000");
    step.when_it_speaks(|| println!("the container runs")).run();
}

#[test]
fn attack_a_killed_stepwell_takes_its_containers_with_it() {
    let _world = world!();
    let mut victim = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", VICTIM, "--ignored", "--nocapture"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut output = std::io::BufReader::new(victim.stdout.take().unwrap());
    let mut line = String::new();
    while !line.contains("the container runs") {
        line.clear();
        assert_ne!(
            std::io::BufRead::read_line(&mut output, &mut line).unwrap(),
            0
        );
    }
    let groups = || {
        let found = walkdir::WalkDir::new("/sys/fs/cgroup")
            .into_iter()
            .flatten();
        let prefix = format!("stepwell-{}-", victim.id());
        found
            .filter(|entry| entry.file_name().to_string_lossy().starts_with(&prefix))
            .map(walkdir::DirEntry::into_path)
            .collect::<Vec<_>>()
    };
    assert!(!groups().is_empty());
    let mut processes: Vec<_> = groups()
        .iter()
        .flat_map(|group| {
            let text = std::fs::read_to_string(group.join("cgroup.procs")).unwrap();
            text.lines().map(str::to_owned).collect::<Vec<_>>()
        })
        .filter_map(|pid| {
            let pid = rustix::process::Pid::from_raw(pid.parse().unwrap())?;
            rustix::process::pidfd_open(pid, rustix::process::PidfdFlags::empty()).ok()
        })
        .collect();
    assert!(processes.len() >= 3, "{processes:?}");
    let groups = groups();
    victim.kill().unwrap();
    victim.wait().unwrap();
    // Waits for each to end, however long that takes.
    for process in processes.drain(..) {
        let mut fds = [rustix_namespaces::event::PollFd::new(
            &process,
            rustix_namespaces::event::PollFlags::IN,
        )];
        rustix_namespaces::event::poll(&mut fds, -1).unwrap();
    }
    // The next one removes what is left of the groups.
    drop(World::new().unwrap().backend());
    for group in groups {
        assert!(!group.exists(), "{}", group.display());
    }
}
