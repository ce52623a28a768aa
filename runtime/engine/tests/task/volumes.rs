//! What stands behind a workspace or a volume, and who sees it.

use std::sync::Arc;

use stepwell_contract::{Access, Ending};
use stepwell_spec::{
    File, FileSet, MountedVolume, Sources, Span, TaskVolume, VolumeSource, Workspace,
};

use crate::scripted::{Task, folder};

fn mounted(volume: &str, path: &str, sub_path: Option<&str>, access: Access) -> MountedVolume {
    MountedVolume {
        volume: volume.into(),
        mount_path: path.into(),
        sub_path: sub_path.map(str::to_owned),
        access,
    }
}

fn volume(name: &str, source: VolumeSource) -> TaskVolume {
    TaskVolume {
        name: name.into(),
        source,
    }
}

fn workspace(name: &str, source: VolumeSource, access: Access, isolated: bool) -> Workspace {
    Workspace {
        isolated,
        source,
        ..folder(name, ".".into(), None, access)
    }
}

fn claim(name: &str, of_run: bool, sub_path: Option<&str>) -> VolumeSource {
    VolumeSource::Claim {
        name: name.into(),
        namespace: "default".into(),
        of_run,
        sub_path: sub_path.map(str::to_owned),
    }
}

fn files(list: &[(&str, &str)]) -> VolumeSource {
    let files = list.iter().map(|(path, text)| File {
        path: (*path).to_owned(),
        bytes: text.as_bytes().into(),
        mode: 0o644,
    });
    VolumeSource::Files(Arc::new(FileSet {
        files: files.collect(),
    }))
}

fn span() -> Span {
    Span {
        source: Sources::new().add("test", ""),
        start: 0,
        len: 0,
    }
}

#[tokio::test]
async fn only_a_step_that_asks_sees_an_isolated_workspace() {
    let mut task = Task::new();
    let source = VolumeSource::EmptyDir;
    task.run.workspaces = vec![workspace("secret", source, Access::ReadWrite, true)];
    let step = task.step("a", |place, _| {
        place.dir("/elsewhere").write("x", "1").unwrap();
        assert_eq!(&*place.spec.workspaces["secret"], "/elsewhere");
        Ok(Ending::SUCCESS)
    });
    step.workspaces = vec![("secret".into(), "/elsewhere".into())];
    task.step("b", |place, _| {
        assert!(place.spec.workspaces.is_empty());
        let paths: Vec<_> = place.spec.mounts.iter().map(|mount| &*mount.path).collect();
        assert_eq!(paths, ["/tekton/home", "/tekton/results", "/workspace"]);
        Ok(Ending::SUCCESS)
    });
    let played = task.play().await;
    assert_eq!(played.verdict().0, "Succeeded");
}

#[tokio::test]
async fn a_volume_is_shown_in_parts_and_to_each_as_it_may() {
    let mut task = Task::new();
    task.run.volumes = vec![volume("data", VolumeSource::EmptyDir)];
    let step = task.step("a", |place, _| {
        place.dir("/part").write("x", "1").unwrap();
        Ok(Ending::SUCCESS)
    });
    step.mounts = vec![mounted("data", "/part", Some("a/b"), Access::ReadWrite)];
    let step = task.step("b", |place, _| {
        assert_eq!(place.dir("/all").read("a/b/x").unwrap(), b"1");
        let mounts = place.spec.mounts.iter();
        let all = mounts.into_iter().find(|mount| &*mount.path == "/all");
        assert_eq!(all.unwrap().access, Access::ReadOnly);
        Ok(Ending::SUCCESS)
    });
    step.mounts = vec![mounted("data", "/all", None, Access::ReadOnly)];
    assert_eq!(task.play().await.verdict().0, "Succeeded");
}

#[tokio::test]
async fn attack_a_part_of_a_volume_is_in_it_whatever_links_say() {
    let temp = tempfile::tempdir().unwrap();
    let inside = temp.path().join("inside");
    std::fs::create_dir(&inside).unwrap();
    std::os::unix::fs::symlink("..", inside.join("up")).unwrap();
    std::fs::create_dir(inside.join("real")).unwrap();
    std::os::unix::fs::symlink("real", inside.join("near")).unwrap();
    for (sub_path, works) in [
        ("up", false),
        ("../x", false),
        ("/etc", false),
        ("near", true),
    ] {
        let mut task = Task::new();
        let path = inside.clone();
        let source = VolumeSource::Folder {
            path,
            sub_path: None,
        };
        task.run.volumes = vec![volume("data", source)];
        task.ends("a", 0).mounts =
            vec![mounted("data", "/part", Some(sub_path), Access::ReadWrite)];
        let played = task.play().await;
        assert_eq!(played.ended.is_ok(), works, "{sub_path}");
    }
    assert_eq!(std::fs::read_dir(temp.path()).unwrap().count(), 1);
}

#[tokio::test]
async fn a_claim_is_kept_and_one_of_the_run_is_not() {
    for (of_run, kept) in [(false, true), (true, false)] {
        let mut task = Task::new();
        task.run.workspaces = vec![workspace(
            "w",
            claim("cache", of_run, Some("deep/er")),
            Access::ReadWrite,
            false,
        )];
        task.run.volumes = vec![volume("whole", claim("cache", of_run, None))];
        let step = task.step("a", |place, _| {
            place.dir("/workspace/w").write("x", "1").unwrap();
            assert_eq!(place.dir("/whole").read("deep/er/x").unwrap(), b"1");
            Ok(Ending::SUCCESS)
        });
        step.mounts = vec![mounted("whole", "/whole", None, Access::ReadOnly)];
        let played = task.play().await;
        assert_eq!((played.verdict().0, played.left), ("Succeeded", 0));
        let file = played.folder().join("state/claims/default/cache/deep/er/x");
        assert_eq!(file.exists(), kept);
    }
}

#[tokio::test]
async fn files_can_be_read_and_nothing_more() {
    let mut task = Task::new();
    let config = files(&[("key", "value"), ("deep/file", "more")]);
    task.run.volumes = vec![volume("config", config.clone())];
    task.run.workspaces = vec![workspace("settings", config, Access::ReadOnly, false)];
    let step = task.step("a", |place, _| {
        assert_eq!(place.dir("/config").read("deep/file").unwrap(), b"more");
        assert_eq!(
            place.dir("/workspace/settings").read("key").unwrap(),
            b"value"
        );
        // One file of it, as it is called where it is mounted.
        assert_eq!(place.dir("/etc/app").read("app.conf").unwrap(), b"value");
        assert_eq!(place.dir("/etc/app").entries().unwrap().count(), 1);
        let mounts = place.spec.mounts.iter();
        let theirs = mounts
            .filter(|mount| ["/config", "/workspace/settings", "/etc/app"].contains(&&*mount.path));
        let access: Vec<_> = theirs.map(|mount| mount.access).collect();
        assert_eq!(access, [Access::ReadOnly; 3]);
        Ok(Ending::SUCCESS)
    });
    step.mounts = vec![
        mounted("config", "/config", None, Access::ReadWrite),
        mounted(
            "config",
            "/etc/app/app.conf",
            Some("key"),
            Access::ReadWrite,
        ),
    ];
    assert_eq!(task.play().await.verdict().0, "Succeeded");
}

#[tokio::test]
async fn a_folder_of_the_hosts_needs_the_command_lines_leave() {
    let temp = tempfile::tempdir().unwrap();
    let wanted = temp.path().join("wanted");
    std::fs::create_dir(&wanted).unwrap();
    for (allowed, reason) in [
        (vec![temp.path().to_owned()], "Succeeded"),
        (vec![temp.path().join("other")], "PodCreationFailed"),
        (Vec::new(), "PodCreationFailed"),
    ] {
        let mut task = Task::new();
        task.host_paths = allowed;
        let source = VolumeSource::HostPath {
            path: wanted.clone(),
            kind: "Directory".to_owned(),
            span: span(),
        };
        task.run.volumes = vec![volume("host", source)];
        let step = task.step("a", |place, _| {
            place.dir("/host").write("x", "1").unwrap();
            Ok(Ending::SUCCESS)
        });
        step.mounts = vec![mounted("host", "/host", None, Access::ReadWrite)];
        let played = task.play().await;
        assert_eq!(played.verdict().0, reason);
        assert_eq!(
            played.calls().is_empty(),
            reason != "Succeeded",
            "nothing ran halfway"
        );
    }
}

#[tokio::test]
async fn what_needs_a_cluster_fails_before_the_first_step() {
    let mut task = Task::new();
    task.run.volumes = vec![volume(
        "v",
        VolumeSource::Cluster {
            what: "csi",
            span: span(),
        },
    )];
    task.ends("a", 0);
    let played = task.play().await;
    assert_eq!(
        played.verdict(),
        (
            "PodCreationFailed",
            r#"failed to create task run pod "run": `v` asks for `csi`, which only a cluster has"#
        )
    );
    assert!(played.calls().is_empty());
}
