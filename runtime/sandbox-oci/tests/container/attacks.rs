//! What a container must not reach, each beside what it may.

use stepwell_contract::Access;

use crate::world::{Archive, world};

#[test]
fn attack_other_processes_are_not_to_be_seen() {
    let world = world!();
    let said = world
        .shell("ps -o pid= | wc -l; ls -d /proc/[0-9]* | wc -l")
        .run()
        .said();
    let count: Vec<u32> = said
        .lines()
        .map(|line| line.trim().parse().unwrap())
        .collect();
    assert!(count.iter().all(|count| *count <= 5), "{said}");
}

#[test]
fn attack_the_first_process_cannot_be_looked_into() {
    let world = world!();
    let said = world
        .shell("ls /proc/1/exe /proc/1/fd /proc/1/root; cat /proc/1/environ; kill -9 1; readlink /proc/1/exe; echo alive")
        .run();
    assert_eq!(said.stdout.lines().last(), Some("alive"), "{said:?}");
    assert!(!said.stdout.contains("container-init"), "{said:?}");
}

#[test]
fn attack_the_kernels_settings_cannot_be_written_and_can_be_read() {
    let world = world!();
    let script = "\
        for file in /proc/sys/kernel/core_pattern /proc/sysrq-trigger /proc/sys/vm/panic_on_oom \
            /sys/kernel/uevent_helper /sys/power/state; do \
            { echo x > $file; } 2>/dev/null && echo wrote $file; \
        done; \
        cat /proc/kcore /proc/keys /proc/timer_list 2>/dev/null | wc -c; \
        grep -q Linux /proc/sys/kernel/ostype && echo read";
    assert_eq!(world.shell(script).run().said(), "0\nread\n");
}

#[test]
fn attack_the_machines_disks_cannot_be_opened_by_a_node_of_ones_own() {
    let world = world!();
    let folder = world.folder("ws");
    let script = "\
        for place in /x /tmp/x /dev/x /dev/shm/x /ws/x; do \
            mknod $place c 1 3 2>/dev/null; { echo > $place; } 2>/dev/null && test -c $place && echo opened $place; \
        done; \
        echo > /dev/null && echo null";
    let step = world
        .shell(script)
        .mount(&folder, "/ws", stepwell_contract::Access::ReadWrite);
    assert_eq!(step.run().said(), "null\n");
}

#[test]
fn attack_mounts_and_namespaces_are_refused() {
    let world = world!();
    let script = "\
        mount -t tmpfs none /tmp && echo mounted; umount /proc && echo unmounted; \
        unshare -U true && echo user; unshare -m true && echo mounts; \
        hostname other && echo named; chroot / true && echo chroot; true";
    assert_eq!(world.shell(script).run().said(), "chroot\n");
}

#[test]
fn attack_an_image_whose_folders_are_links_hides_nothing() {
    let world = world!();
    let image = || {
        vec![
            Archive::new()
                .link("proc", "/etc")
                .link("sys", "../../../../..")
                .link("dev", "/tmp")
                .link("etc/hosts", "/etc/passwd"),
        ]
    };
    let step = world.shell("cat /proc/sys/kernel/ostype; grep -c localhost /etc/hosts; head -n1 /etc/passwd; { echo x > /proc/sys/kernel/ostype; } 2>/dev/null || echo refused");
    let said = step.layers(image()).run().said();
    assert_eq!(said, "Linux\n2\nroot:x:0:0:root:/root:/bin/sh\nrefused\n");
}

#[test]
fn attack_an_image_whose_links_lead_to_open_handles_reaches_no_volume() {
    let world = world!();
    for handle in 0..32 {
        let (volume, inner) = (
            world.folder(&format!("v{handle}")),
            world.folder(&format!("i{handle}")),
        );
        std::fs::write(volume.join("hosts"), "mine").unwrap();
        let open = format!("/proc/self/fd/{handle}");
        let links = || vec![Archive::new().link("etc", &open).link("a", &open)];
        let step = world
            .step(&["/bin/busybox", "true"])
            .mount(&volume, "/v", Access::ReadOnly)
            .mount(&inner, "/a/made/here", Access::ReadWrite)
            .layers(links());
        // Whether such an image can be run at all is its own trouble.
        let _ = step
            .with(|step| step.working_dir = "/a/made/too".into())
            .try_run();
        let left: Vec<_> = std::fs::read_dir(&volume).unwrap().collect();
        assert_eq!(left.len(), 1, "{open}: {left:?}");
        assert_eq!(
            std::fs::read(volume.join("hosts")).unwrap(),
            b"mine",
            "{open}"
        );
    }
}

#[test]
fn attack_the_hosts_files_are_gone() {
    let world = world!();
    let here = world.folder("secret");
    std::fs::write(here.join("s"), "secret").unwrap();
    let script = format!(
        "cat {0}/s /../..{0}/s /proc/1/root{0}/s /proc/self/root{0}/s; ls -d /work /home /proc/self/cwd/..",
        here.display()
    );
    let ran = world.shell(&script).run();
    assert!(!ran.stdout.contains("secret"), "{ran:?}");
}
