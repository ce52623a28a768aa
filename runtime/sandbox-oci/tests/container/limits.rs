//! What a container may use of the machine.

use stepwell_contract::{Ending, Limit, Resources};

use crate::world::world;

#[test]
fn attack_a_fork_bomb_stops_at_its_limit_and_a_few_processes_do_not() {
    let world = world!();
    let bounded = |script: &str| {
        world.shell(script).with(|step| {
            step.resources = Resources {
                pids: Some(20),
                ..Resources::default()
            };
        })
    };
    let ran = bounded("i=0; while [ $i -lt 50 ]; do sleep 100 & i=$((i+1)); done; echo all").run();
    assert!(!ran.stdout.contains("all"), "{ran:?}");
    assert!(ran.stderr.contains("fork"), "{ran:?}");
    let ran = bounded("i=0; while [ $i -lt 10 ]; do sleep 100 & i=$((i+1)); done; echo all").run();
    assert_eq!(ran.said(), "all\n");
}

#[test]
fn attack_output_without_end_costs_bounded_memory_and_all_of_it_is_taken() {
    let world = world!();
    let before = peak();
    let ran = world.shell("head -c 1000000000 /dev/zero").run();
    assert_eq!(ran.ending, Ending::SUCCESS);
    assert!(peak() - before < 64 << 10, "{before} to {} KiB", peak());
}

/// The most memory that this process has ever had, in KiB.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .unwrap();
    line.trim().strip_suffix(" kB").unwrap().parse().unwrap()
}

#[test]
fn what_a_program_leaves_running_ends_with_it() {
    let world = world!();
    let folder = world.folder("ws");
    let step = world
        .shell("(sleep 1000; echo late > /ws/late) & (setsid sleep 1000 &) ; echo done")
        .mount(&folder, "/ws", stepwell_contract::Access::ReadWrite);
    assert_eq!(step.run().said(), "done\n");
}

#[test]
fn orphans_are_reaped() {
    let world = world!();
    let script =
        "i=0; while [ $i -lt 200 ]; do (true &); i=$((i+1)); done; ls -d /proc/[0-9]* | wc -l";
    let step = world.shell(script).with(|step| {
        step.resources = Resources {
            pids: Some(100),
            ..Resources::default()
        };
    });
    let said = step.run().said();
    assert!(said.trim().parse::<u32>().unwrap() < 100, "{said}");
}

#[test]
fn attack_what_is_left_of_a_disk_is_not_taken_and_a_little_may_be() {
    let mut world = world!();
    // Less than this is left of any disk.
    world.options().disk_floor = Some(u64::MAX);
    let ran = world.shell("cat /dev/zero > /fill").run();
    let expected = Ending::LimitReached {
        limit: Limit::FileBytes,
        value: u64::MAX,
        backtrace: Vec::new(),
    };
    assert_eq!(ran.ending, expected, "{ran:?}");
    assert!(ran.stderr.contains("the disk that it writes to"), "{ran:?}");

    world.options().disk_floor = None;
    let ran = world
        .shell("head -c 1000000 /dev/zero > /fill; wc -c < /fill")
        .run();
    assert_eq!(ran.said(), "1000000\n");
}
