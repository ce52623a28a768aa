//! Volumes: what a step sees of the host, and what it leaves there.

use std::fs;
use std::os::unix::fs::symlink;

use stepwell_contract::{Access, SandboxErrorKind};

use crate::world::world;

#[test]
fn a_volume_is_read_and_written_and_a_read_only_one_is_read() {
    let world = world!();
    let (rw, ro) = (world.folder("rw"), world.folder("ro"));
    fs::write(ro.join("in"), "x").unwrap();
    let step = world
        .shell("cat /ro/in > /rw/out; echo y > /ro/y; rm /ro/in; chmod 777 /ro/in; ls /ro")
        .mount(&rw, "/rw", Access::ReadWrite)
        .mount(&ro, "/ro", Access::ReadOnly);
    assert_eq!(step.run().said(), "in\n");
    assert_eq!(fs::read(rw.join("out")).unwrap(), b"x");
    assert_eq!(fs::read_dir(&ro).unwrap().count(), 1);
}

#[test]
fn volumes_nest_in_whatever_order_they_are_given() {
    let world = world!();
    let (outer, inner, third) = (
        world.folder("outer"),
        world.folder("inner"),
        world.folder("third"),
    );
    for nested_first in [true, false] {
        let mut step = world
            .shell("echo 1 > /a/1; echo 2 > /a/b/2; echo 3 > /a/b/c/d/3; find /a -type f | sort");
        let mut mounts = vec![(&outer, "/a"), (&inner, "/a/b"), (&third, "/a/b/c/d")];
        if nested_first {
            mounts.reverse();
        }
        for (folder, path) in mounts {
            step = step.mount(folder, path, Access::ReadWrite);
        }
        assert_eq!(step.run().said(), "/a/1\n/a/b/2\n/a/b/c/d/3\n");
    }
    assert!(inner.join("2").exists() && third.join("3").exists());
    assert!(!outer.join("b/2").exists());
}

#[test]
fn a_writable_volume_in_a_read_only_one_is_writable() {
    let world = world!();
    let (outer, inner) = (world.folder("outer"), world.folder("inner"));
    fs::create_dir(outer.join("b")).unwrap();
    let step = world
        .shell("echo 1 > /a/1; echo 2 > /a/b/2; true")
        .mount(&inner, "/a/b", Access::ReadWrite)
        .mount(&outer, "/a", Access::ReadOnly);
    step.run().said();
    assert!(inner.join("2").exists() && !outer.join("1").exists());
}

#[test]
fn attack_nothing_is_made_in_a_read_only_volume_for_what_is_nested() {
    let world = world!();
    let (outer, inner) = (world.folder("outer"), world.folder("inner"));
    let step = world
        .shell("true")
        .mount(&outer, "/a", Access::ReadOnly)
        .mount(&inner, "/a/b", Access::ReadWrite);
    let error = step.try_run().unwrap_err();
    assert!(
        matches!(error.kind, SandboxErrorKind::BadGuest),
        "{error:?}"
    );
    assert_eq!(fs::read_dir(&outer).unwrap().count(), 0);
}

#[test]
fn attack_a_link_in_a_volume_leads_to_the_container_and_not_to_the_host() {
    let world = world!();
    let (outer, inner) = (world.folder("outer"), world.folder("inner"));
    let secret = world.folder("secret");
    fs::write(secret.join("s"), "secret").unwrap();
    fs::write(inner.join("i"), "inner").unwrap();
    symlink(&secret, outer.join("b")).unwrap();
    let step = world
        .shell("cat /a/b/s /a/b/i")
        .mount(&outer, "/a", Access::ReadWrite)
        .mount(&inner, "/a/b", Access::ReadWrite);
    let ran = step.try_run();
    if let Ok(ran) = ran {
        assert_eq!(ran.stdout, "inner");
    }
    assert_eq!(fs::read_dir(&secret).unwrap().count(), 1);
}

#[test]
fn attack_no_volume_covers_what_bounds_the_kernel() {
    let world = world!();
    let folder = world.folder("x");
    for path in ["/proc/sys", "/sys", "/dev", "/"] {
        let step = world.shell("true").mount(&folder, path, Access::ReadOnly);
        let error = step.try_run().unwrap_err();
        assert!(!matches!(error.kind, SandboxErrorKind::Host), "{path}");
    }
}
