//! Control groups, on folders that look like the kernel's: the machine's own has one of the two interfaces.

use super::*;

#[test]
fn controllers_are_found_where_they_are_mounted() {
    let mounts = "\
30 25 0:26 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct
31 25 0:27 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
32 25 0:28 /docker/x /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids
33 25 0:29 / /sys/fs/cgroup/systemd rw - cgroup systemd rw,name=systemd
34 25 0:30 / /proc rw - proc proc rw
";
    let groups = "4:memory:/a/b\n3:cpu,cpuacct:/\n8:pids:/docker/x/y\n1:name=systemd:/\n0::/\n";
    let found: Vec<_> = bases(mounts, groups)
        .into_iter()
        .map(|base| (base.controllers, base.path, base.unified))
        .collect();
    let path = PathBuf::from;
    assert_eq!(
        found,
        [
            (vec!["cpu"], path("/sys/fs/cgroup/cpu,cpuacct/"), false),
            (vec!["memory"], path("/sys/fs/cgroup/memory/a/b"), false),
            (vec!["pids"], path("/sys/fs/cgroup/pids/y"), false),
        ]
    );
}

#[test]
fn the_newer_interface_is_found_with_what_it_has_and_where_it_is_mounted() {
    let temp = tempfile::tempdir().unwrap();
    fs::write(
        temp.path().join("cgroup.controllers"),
        "cpuset cpu io memory pids\n",
    )
    .unwrap();
    let point = temp.path().display();
    let mounts =
        format!("42 32 0:27 /part {point} rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n");
    let found = bases(&mounts, "0::/part/user.slice/a.scope\n");
    let expected = Base {
        controllers: CONTROLLERS.to_vec(),
        top: temp.path().to_owned(),
        path: temp.path().join("user.slice/a.scope"),
        unified: true,
    };
    assert_eq!(found, [expected]);
    // A tree whose controllers the older interface has is of no use.
    fs::write(temp.path().join("cgroup.controllers"), "hugetlb\n").unwrap();
    assert_eq!(bases(&mounts, "0::/part\n"), []);
}

/// A folder that looks like a tree of the newer interface.
fn unified(temp: &tempfile::TempDir) -> Groups {
    Groups(vec![Base {
        controllers: CONTROLLERS.to_vec(),
        top: temp.path().to_owned(),
        path: temp.path().to_owned(),
        unified: true,
    }])
}

#[test]
fn bounds_are_written_as_the_newer_interface_has_them() {
    let temp = tempfile::tempdir().unwrap();
    let resources = Resources {
        memory: Some(32 << 20),
        cpu_millis: Some(1500),
        pids: Some(7),
    };
    let group = unified(&temp).make(resources).unwrap();
    let mut child = group.start(&mut Command::new("true")).unwrap();
    child.wait().unwrap();
    let folder = group.0[0].path.clone();
    for (file, value) in [
        ("memory.max", "33554432"),
        ("memory.swap.max", "0"),
        ("memory.oom.group", "1"),
        ("cpu.max", "150000 100000"),
        ("pids.max", "7"),
        ("cgroup.procs", &child.id().to_string()),
    ] {
        assert_eq!(
            fs::read_to_string(folder.join(file)).unwrap(),
            value,
            "{file}"
        );
        // The kernel's files go with their folder, and these do not.
        fs::remove_file(folder.join(file)).unwrap();
    }
    group.remove().unwrap();
    assert!(!folder.exists());
}

#[test]
fn what_is_not_bounded_is_not_written_but_for_processes() {
    let temp = tempfile::tempdir().unwrap();
    let group = unified(&temp).make(Resources::default()).unwrap();
    let folder = group.0[0].path.clone();
    let files: Vec<_> = fs::read_dir(&folder).unwrap().flatten().collect();
    assert_eq!(files.len(), 1);
    assert_eq!(fs::read_to_string(folder.join("pids.max")).unwrap(), "4096");
    fs::remove_file(folder.join("pids.max")).unwrap();
}

#[test]
fn want_of_memory_is_told_from_other_events() {
    let temp = tempfile::tempdir().unwrap();
    let group = unified(&temp).make(Resources::default()).unwrap();
    let events = group.0[0].path.join("memory.events");
    for (text, expected) in [
        (
            "low 0\nhigh 3\nmax 9\noom 2\noom_kill 0\noom_group_kill 0\n",
            false,
        ),
        (
            "low 0\nhigh 0\nmax 9\noom 1\noom_kill 1\noom_group_kill 1\n",
            true,
        ),
        ("", false),
    ] {
        fs::write(&events, text).unwrap();
        assert_eq!(group.ran_out_of_memory(), expected, "{text:?}");
    }
    fs::remove_file(events).unwrap();
    fs::remove_file(group.0[0].path.join("pids.max")).unwrap();
}

#[test]
fn attack_only_groups_of_the_dead_are_swept() {
    let temp = tempfile::tempdir().unwrap();
    let alive = format!("{PREFIX}{}-0", std::process::id());
    // No process has this number.
    let dead = format!("{PREFIX}4194305-0");
    for name in [alive.as_str(), &dead, "stepwell-x-0", "user.slice"] {
        fs::create_dir(temp.path().join(name)).unwrap();
    }
    unified(&temp).sweep();
    assert!(!temp.path().join(&dead).exists());
    for name in [alive.as_str(), "stepwell-x-0", "user.slice"] {
        assert!(temp.path().join(name).exists(), "{name}");
    }
}

#[test]
fn a_group_that_may_not_be_divided_is_left_for_the_one_above() {
    let temp = tempfile::tempdir().unwrap();
    let own = temp.path().join("slice/scope");
    fs::create_dir_all(&own).unwrap();
    // What cannot be written to: the kernel refuses it where a process is in the group.
    fs::create_dir(own.join("cgroup.subtree_control")).unwrap();
    let base = |top: &Path| Base {
        controllers: vec!["memory", "pids"],
        top: top.to_owned(),
        path: own.clone(),
        unified: true,
    };
    assert_eq!(usable(base(&own)), None);
    let slice = temp.path().join("slice");
    assert_eq!(usable(base(temp.path())).unwrap().path, slice);
    let written = fs::read_to_string(slice.join("cgroup.subtree_control")).unwrap();
    assert_eq!(written, "+memory +pids");
}

#[test]
fn a_bound_that_cannot_be_set_is_an_error_and_a_default_is_not() {
    let groups = Groups(Vec::new());
    groups.make(Resources::default()).unwrap();
    let asked = Resources {
        memory: Some(1 << 20),
        ..Resources::default()
    };
    let error = groups.make(asked).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::Unsupported);
}
