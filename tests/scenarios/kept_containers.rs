//! Steps in containers that do not run again, where their task says that they depend on their image and their mounts alone.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::boxes;
use crate::shelf::{self, Backend};
use crate::stage::{Stage, Told};

/// A folder with a cache of its own, and what it is run with.
struct World {
    stage: Stage,
    settings: String,
    flag: &'static str,
}

impl World {
    fn on(backend: &Backend) -> Self {
        let mut stage = backend.stage();
        let cache = stage.path("cache").display().to_string();
        stage.set("STEPWELL_CACHE", &cache);
        let settings = shelf::lay_out(&stage);
        Self {
            stage,
            settings,
            flag: backend.flag(),
        }
    }

    /// A workspace with the same in it each time.
    fn tree(&self, name: &str) {
        let tree = self.stage.folder(name);
        for (path, text) in [("in.txt", "input"), ("goes", "x"), ("stays", "y")] {
            fs::write(tree.join(path), text).unwrap();
        }
    }

    fn run(&self, document: &str, tree: &str, flags: &[&str]) -> Told {
        let file = self.stage.path("document.yaml");
        fs::write(&file, document).unwrap();
        let workspace = format!("w={tree}");
        let own = ["-w", &workspace, &self.settings, "--offline", self.flag];
        let words = [&["run", "-o", "json", "document.yaml"], &own[..], flags].concat();
        let output = self.stage.stepwell(&words);
        Told::new(output)
    }

    fn ask(&self, args: &[&str]) -> String {
        let output = self.stage.stepwell(args);
        let text = String::from_utf8(output.stdout).unwrap();
        text + &String::from_utf8(output.stderr).unwrap()
    }
}

fn task(annotation: &str, script: &str) -> String {
    let script = script.replace('\n', "\n      ");
    format!(
        "apiVersion: tekton.dev/v1
kind: Task
metadata:
  name: task
  annotations: {{{annotation}}}
spec:
  workspaces: [{{name: w}}]
  results: [{{name: answer}}]
  steps:
  - name: build
    image: registry.example/box
    workingDir: $(workspaces.w.path)
    script: |
      #!/bin/sh
      set -e
      {script}
"
    )
}

const ON: &str = "stepwell.dev/cache: \"on\"";

/// What the cache had to do with the step, and why it is not kept, where it is not.
fn used(told: &Told) -> (&str, &str) {
    let used: Vec<&Value> = told.of_type("step-cache").collect();
    assert_eq!(used.len(), 1, "{told:?}");
    let text = |field: &str| used[0][field].as_str().unwrap_or_default();
    (text("state"), text("reason"))
}

/// All that can be told of a folder but times and inodes.
fn look(path: &Path) -> String {
    let script =
        "find . -printf '%y %m %U:%G %P -> %l\\n' | sort; find . -type f | sort | xargs cat";
    let output = Command::new("sh")
        .args(["-c", script])
        .current_dir(path)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

const WORK: &str = "tr a-z A-Z < in.txt > out.txt
printf private > private
chmod 600 private
mkdir -p empty closed/deep
printf 1 > closed/deep/file
chmod 444 closed/deep/file
chmod 511 closed
ln -s /etc/shadow link
rm goes
printf '#!/bin/sh' > tool
chmod 755 tool
echo said
echo wrong >&2
printf 'answer %s' \"$(cat out.txt)\" > $(results.answer.path)";

#[test]
fn a_container_is_done_again_and_nobody_can_tell_but_by_the_flag() {
    if !boxes::are_possible() {
        return;
    }
    for backend in Backend::all() {
        let world = World::on(&backend);
        let document = task(ON, WORK);
        for name in ["first", "second", "third"] {
            world.tree(name);
        }
        let first = world.run(&document, "first", &[]).succeeded();
        assert_eq!(used(&first), ("kept", ""), "{first:?}");
        let again = world.run(&document, "second", &[]).succeeded();
        assert_eq!(used(&again), ("hit", ""), "{again:?}");
        let left = look(&world.stage.path("first"));
        assert!(left.contains("l 777 0:0 link -> /etc/shadow"), "{left}");
        assert!(left.contains("d 511 0:0 closed -> "), "{left}");
        assert_eq!(look(&world.stage.path("second")), left);
        for told in [&first, &again] {
            assert_eq!(told.result("answer"), "answer INPUT");
            assert_eq!(told.stdout("build"), ["said"]);
            assert_eq!(told.stderr("build"), ["wrong"]);
        }
        assert_eq!(first.end("build")["cached"], Value::Null);
        assert_eq!(again.end("build")["cached"], true);
        // What it could have looked at is something else now.
        fs::write(world.stage.path("third/stays"), "other").unwrap();
        let other = world.run(&document, "third", &[]).succeeded();
        assert_eq!(used(&other), ("kept", ""), "{other:?}");
        let changed = &other.of_type("step-cache").next().unwrap()["changed"];
        assert_eq!(changed["path"], "/workspace/w/stays", "{other:?}");
        assert_eq!(changed["question"], "whole");
        let run = other.events[0]["run"].as_str().unwrap();
        let why = world.ask(&["why", run]);
        let because = "it ran because the whole of `/workspace/w/stays` changed";
        assert!(why.contains(because), "{why}");
        assert!(why.contains("stays  (whole)"), "{why}");
        println!("a container is kept on {}", backend.name);
    }
}

#[test]
fn attack_whatever_a_container_can_tell_apart_makes_it_run_again() {
    if !boxes::are_possible() {
        return;
    }
    let world = World::on(&Backend::all()[0]);
    let document = task(ON, "cat in.txt");
    world.tree("tree");
    let tree = world.stage.path("tree");
    let ran = |document: &str| {
        let told = world.run(document, "tree", &[]).succeeded();
        used(&told).0.to_owned()
    };
    assert_eq!(ran(&document), "kept");
    assert_eq!(ran(&document), "hit");
    fs::set_permissions(tree.join("stays"), Permissions::from_mode(0o600)).unwrap();
    assert_eq!(ran(&document), "kept", "another mode");
    std::os::unix::fs::chown(tree.join("stays"), Some(1001), None).unwrap();
    assert_eq!(ran(&document), "kept", "another owner");
    fs::write(tree.join("new"), "").unwrap();
    assert_eq!(ran(&document), "kept", "another file");
    std::os::unix::fs::symlink("nowhere", tree.join("link")).unwrap();
    assert_eq!(ran(&document), "kept", "another link");
    assert_eq!(
        ran(&document.replace("/box", "/command")),
        "kept",
        "another image"
    );
    assert_eq!(ran(&task(ON, "cat in.txt; true")), "kept", "another script");
    let user = "script: |\n      #!/bin/sh";
    let limited = document.replace(
        user,
        &format!("computeResources: {{limits: {{memory: 64Mi}}}}\n    {user}"),
    );
    assert_eq!(ran(&limited), "kept", "another bound");
    assert_eq!(ran(&document), "hit");
}

#[test]
fn attack_what_a_container_leaves_that_cannot_be_put_back_is_not_kept() {
    if !boxes::are_possible() {
        return;
    }
    for backend in Backend::all() {
        let world = World::on(&backend);
        for (number, (script, reason)) in [
            ("printf 1 > left", ""),
            ("ln -s ../../../../etc/shadow left", ""),
            (
                "mkfifo left",
                "it left `/workspace/w/left`, which is a FIFO",
            ),
            (
                "cp /bin/busybox left && chmod 4755 left",
                "it left `/workspace/w/left`, which is of mode 4755",
            ),
            (
                "ln stays left",
                "it left `/workspace/w/left`, which is a file with other names",
            ),
            (
                "touch left && chown 1001 left",
                "it left `/workspace/w/left`, which is another user's or group's",
            ),
        ]
        .into_iter()
        .enumerate()
        {
            let tree = format!("tree-{number}");
            world.tree(&tree);
            let told = world.run(&task(ON, script), &tree, &[]).succeeded();
            let state = if reason.is_empty() {
                "kept"
            } else {
                "not-kept"
            };
            assert_eq!(used(&told), (state, reason), "{script}: {told:?}");
        }
    }
}

#[test]
fn attack_a_container_that_depends_on_more_than_its_mounts_is_not_kept() {
    if !boxes::are_possible() {
        return;
    }
    let world = World::on(&Backend::all()[0]);
    world.tree("tree");
    let reason = |document: &str, flags: &[&str]| {
        let told = world.run(document, "tree", flags).succeeded();
        used(&told).1.to_owned()
    };
    let unsaid = reason(&task("", "true"), &[]);
    assert!(
        unsaid.starts_with("it is a container, and what a container reads"),
        "{unsaid}"
    );
    let network = reason(&task(ON, "true"), &["--grant", "network=any"]);
    assert!(
        network.starts_with("it is a container that can reach the network"),
        "{network}"
    );
    let with =
        |field: &str| task(ON, "true").replace("    script:", &format!("    {field}\n    script:"));
    let added = "securityContext: {capabilities: {add: [NET_ADMIN]}}";
    assert_eq!(
        reason(&with(added), &[]),
        "it is a container with capabilities that others do not have"
    );
    let all = reason(
        &with("securityContext: {privileged: true}"),
        &["--privileged"],
    );
    assert_eq!(all, "it is a container with all powers over the machine");
    let folder = world.stage.folder("machine").display().to_string();
    let volumes = format!("  volumes: [{{name: v, hostPath: {{path: {folder}}}}}]\n  steps:");
    let mounted = with("volumeMounts: [{name: v, mountPath: /machine}]");
    let host_path = reason(
        &mounted.replace("  steps:", &volumes),
        &["--host-path", &folder],
    );
    assert_eq!(
        host_path,
        "its task has a `hostPath`, a folder that others may change"
    );
    let serves = "{name: beside, image: registry.example/box, script: \"sleep 1000\"}";
    let sidecars = format!("  sidecars: [{serves}]\n  steps:");
    assert_eq!(
        reason(&task(ON, "true").replace("  steps:", &sidecars), &[]),
        "its task has sidecars, which may change what it sees"
    );
    assert_eq!(reason(&task(ON, "true"), &[]), "");
}

#[test]
fn attack_somebody_in_a_shell_changes_what_a_container_leaves() {
    if !boxes::are_possible() {
        return;
    }
    for backend in Backend::all() {
        let world = World::on(&backend);
        let document = task(ON, "until [ -e go ]; do sleep 0.1; done");
        let opened = |tree: &str, go: &(dyn Fn() + Sync)| {
            world.tree(tree);
            std::thread::scope(|scope| {
                scope.spawn(go);
                let told = world.run(&document, tree, &[]).succeeded();
                used(&told).1.to_owned()
            })
        };
        let go = world.stage.path("entered/go");
        let reason = opened("entered", &|| {
            // There is nothing to enter until the container runs; and when it ends, so does the shell, whatever it did.
            while !go.exists() {
                let enter = ["shell", "--", "touch", "/workspace/w/go"];
                world.stage.stepwell(&enter);
            }
        });
        assert_eq!(reason, "somebody opened a shell in its task");
        let go = world.stage.path("alone/go");
        let reason = opened("alone", &|| fs::write(&go, "").unwrap());
        assert_ne!(reason, "somebody opened a shell in its task");
    }
}

#[test]
fn attack_a_file_with_extended_attributes_is_left_behind() {
    if !boxes::are_possible() {
        return;
    }
    let world = World::on(&Backend::all()[0]);
    for (tree, attribute, reason) in [
        (
            "marked",
            Some("user.mark"),
            "it left `/workspace/w/left`, which is a file with extended attributes",
        ),
        ("plain", None, ""),
    ] {
        world.tree(tree);
        if let Some(name) = attribute {
            let file = world.stage.path(tree).join("in.txt");
            let flags = rustix::fs::XattrFlags::empty();
            rustix::fs::setxattr(&file, name, b"x", flags).unwrap();
        }
        let told = world
            .run(&task(ON, "mv in.txt left"), tree, &[])
            .succeeded();
        assert_eq!(used(&told).1, reason, "{told:?}");
    }
}

/// Two tasks over one workspace, the second of which follows the first or meets it.
fn two(script: &str, order: &str) -> String {
    let task = |name: &str, other: &str, order: &str| {
        let script = script.replace("OWN", name).replace("OTHER", other);
        format!(
            "  - name: {name}{order}
    workspaces: [{{name: w}}]
    taskSpec:
      metadata: {{annotations: {{{ON}}}}}
      workspaces: [{{name: w}}]
      steps:
      - name: build
        image: registry.example/box
        workingDir: $(workspaces.w.path)
        script: {script}
"
        )
    };
    format!(
        "apiVersion: tekton.dev/v1
kind: Pipeline
metadata:
  name: pipeline
  annotations: {{{ON}}}
spec:
  workspaces: [{{name: w}}]
  tasks:
{}{}",
        task("one", "two", ""),
        task("two", "one", order)
    )
}

#[test]
fn attack_two_tasks_that_write_to_one_folder_at_once_are_not_kept() {
    if !boxes::are_possible() {
        return;
    }
    let world = World::on(&Backend::all()[0]);
    let states = |script: &str, order: &str, tree: &str| -> Vec<String> {
        world.tree(tree);
        let told = world.run(&two(script, order), tree, &[]).succeeded();
        let used = told.of_type("step-cache");
        let used = used.map(|used| used["reason"].as_str().unwrap_or_default().to_owned());
        used.collect()
    };
    // Each waits for the other, so that they are there at once.
    let meet = "touch OWN; until [ -e OTHER ]; do :; done";
    let beside = "another task that may write to its folders ran at the same time";
    assert_eq!(states(meet, "", "meet"), [beside, beside]);
    let after = "\n    runAfter: [one]";
    assert_eq!(states("touch OWN", after, "follow"), ["", ""]);
}

#[test]
fn a_container_is_not_verified_and_it_is_said_why() {
    if !boxes::are_possible() {
        return;
    }
    let world = World::on(&Backend::all()[0]);
    world.tree("tree");
    fs::write(world.stage.path("document.yaml"), task(ON, "true")).unwrap();
    let words = [
        "verify",
        "-o",
        "json",
        "document.yaml",
        "-w",
        "w=tree",
        "--offline",
        world.flag,
    ];
    let said = world.ask(&[&words[..], &[&world.settings]].concat());
    assert!(said.contains("\"verdict\":\"unverified\""), "{said}");
    assert!(said.contains("it runs in a container"), "{said}");
}
