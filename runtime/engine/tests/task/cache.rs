//! Steps that go through the cache: what is done again, what runs, and why.

#![expect(clippy::unwrap_used, reason = "part of a test")]

use std::collections::BTreeSet;
use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::sync::{Arc, Mutex};

use stepwell_contract::event::{CacheState, CacheUse};
use stepwell_contract::{
    Access, Answer, Asker, Ending, EventKind, Flaw, LogStream, Observation, Question, SandboxError,
    Spot, StepIo, Trace,
};
use stepwell_engine::Caching;
use stepwell_spec::CacheSetting;
use stepwell_store::Cache;
use stepwell_store::cache::CacheOptions;

use crate::scripted::{self, Place, Played, Task};

/// A step that is recorded: it asks and it writes, in the workspace `src`.
struct Watched<'a> {
    place: &'a Place,
    io: &'a StepIo,
    trace: Mutex<Trace>,
}

const AT: &str = "/workspace/src";

impl Watched<'_> {
    fn spot(&self, path: &str) -> Spot {
        let mounts = &self.place.spec.mounts;
        let mount = mounts.iter().find(|mount| &*mount.path == AT).unwrap();
        let observer = self.io.sink.observer();
        let root = observer.map(|observer| observer.place(&mount.volume));
        root.unwrap_or_else(|| Spot::new(AT, "")).below(path)
    }

    fn ask(&self, path: &str, question: Question) -> Answer {
        let spot = self.spot(path);
        let dir = self.place.dir(AT);
        let answer = Asker::new(dir, &stepwell_contract::NoDigests).ask(path, question);
        let answer = answer.unwrap();
        self.trace.lock().unwrap().observations.push(Observation {
            spot,
            question,
            answer: answer.clone(),
        });
        answer
    }

    fn read(&self, path: &str) -> Option<String> {
        self.ask(path, Question::Content);
        self.place.dir(AT).read_to_string(path).ok()
    }

    fn owns(&self, path: &str) -> &cap_std::fs::Dir {
        self.trace.lock().unwrap().written.insert(self.spot(path));
        self.place.dir(AT)
    }

    fn say(&self, text: &str) {
        self.io.sink.log(LogStream::Stdout, text.as_bytes());
    }
}

type Script = Arc<dyn Fn(&Watched<'_>) -> Ending + Send + Sync>;

/// A workspace, a cache, and a step that can be run many times.
struct World {
    cache: tempfile::TempDir,
    workspace: tempfile::TempDir,
    script: Script,
}

impl World {
    fn new(script: impl Fn(&Watched<'_>) -> Ending + Send + Sync + 'static) -> Self {
        Self {
            cache: tempfile::tempdir().unwrap(),
            workspace: tempfile::tempdir().unwrap(),
            script: Arc::new(script),
        }
    }

    fn at(&self, path: &str) -> std::path::PathBuf {
        self.workspace.path().join(path)
    }

    fn write(&self, path: &str, text: &str) {
        fs::write(self.at(path), text).unwrap();
    }

    async fn play(&self) -> Played {
        self.play_as(|_, _| {}).await
    }

    async fn play_as(&self, change: impl FnOnce(&mut Task, &mut Caching)) -> Played {
        let mut task = Task::new();
        let source = self.workspace.path().to_owned();
        let workspace = scripted::folder("src", source, None, Access::ReadWrite);
        task.run.workspaces.push(workspace);
        let script = Arc::clone(&self.script);
        task.step("build", move |place, io| run(&script, &place, &io));
        let store = Cache::open(self.cache.path(), &CacheOptions::default()).unwrap();
        let mut caching = Caching {
            store: Arc::new(store),
            fresh: BTreeSet::new(),
            failures: false,
        };
        change(&mut task, &mut caching);
        task.caching = Some(caching);
        task.room = 64;
        task.play().await
    }
}

fn run(script: &Script, place: &Place, io: &StepIo) -> Result<Ending, SandboxError> {
    let watched = Watched {
        place,
        io,
        trace: Mutex::default(),
    };
    let ending = script(&watched);
    let trace = watched.trace.into_inner().unwrap();
    if let Some(observer) = io.sink.observer() {
        observer.observed(trace);
    }
    Ok(ending)
}

fn used(played: &Played) -> CacheUse {
    let mut events = played.events.iter();
    let used = events.find_map(|event| match &event.kind {
        EventKind::StepCache(used) => Some(used.clone()),
        _ => None,
    });
    used.unwrap()
}

fn state(played: &Played) -> CacheState {
    let used = used(played);
    let ran = played.log.iter().any(|call| call == "run build");
    assert_eq!(ran, used.state != CacheState::Hit, "{:?}", played.log);
    used.state
}

/// The events, without what is told of time and of the cache.
fn told(played: &Played) -> Vec<String> {
    let kinds = played.events.iter().map(|event| &event.kind);
    let kinds = kinds.filter(|kind| !matches!(kind, EventKind::StepCache(_)));
    kinds
        .map(|kind| {
            let mut json = serde_json::to_value(kind).unwrap();
            for field in ["durationMs", "cached"] {
                json.as_object_mut().unwrap().remove(field);
            }
            json.to_string()
        })
        .collect()
}

/// Every path below `root` with what is there.
fn tree(root: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut open = vec![root.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let metadata = fs::symlink_metadata(&path).unwrap();
            let what = if metadata.is_symlink() {
                format!("-> {}", fs::read_link(&path).unwrap().display())
            } else if metadata.is_dir() {
                open.push(path.clone());
                "folder".to_owned()
            } else {
                let text = fs::read_to_string(&path).unwrap();
                format!("{text:?} {}", metadata.mode() & 0o100 != 0)
            };
            found.push(format!(
                "{} {what}",
                path.strip_prefix(root).unwrap().display()
            ));
        }
    }
    found.sort();
    found
}

/// Reads `in`, and does one of everything.
fn everything(step: &Watched<'_>) -> Ending {
    let text = step.read("in").unwrap_or_default();
    step.say(&format!("read {text}\n"));
    step.io.sink.log(LogStream::Stderr, b"half a line");
    step.io.sink.progress(1, Some(2), "half");
    step.owns("out").create_dir_all("out/empty").unwrap();
    step.owns("out").write("out/file", &text).unwrap();
    step.owns("out").symlink("../in", "out/link").unwrap();
    step.owns("out").write("out/program", "run").unwrap();
    let mode = cap_std::fs::Permissions::from_std(Permissions::from_mode(0o755));
    step.owns("out")
        .set_permissions("out/program", mode)
        .unwrap();
    step.ask("old", Question::Kind);
    let _ = step.owns("old").remove_file("old");
    step.ask("kept", Question::Room);
    step.owns("kept").write("kept", "always").unwrap();
    Ending::SUCCESS
}

#[tokio::test]
async fn what_a_step_did_is_done_again_and_nobody_can_tell_but_by_the_flag() {
    let world = World::new(everything);
    let begin = |text: &str| {
        for path in ["out", "kept"] {
            let _ = fs::remove_dir_all(world.at(path));
        }
        world.write("in", text);
        world.write("old", "old");
    };
    begin("one");
    let first = world.play().await;
    assert_eq!(state(&first), CacheState::Kept);
    let (left, said) = (tree(world.workspace.path()), told(&first));
    assert_eq!(left.len(), 7, "{left:?}");
    begin("one");
    let second = world.play().await;
    assert_eq!(state(&second), CacheState::Hit);
    assert_eq!(tree(world.workspace.path()), left);
    assert_eq!(told(&second), said);
    let cached = |played: &Played| {
        let mut events = played.events.iter();
        events.any(|event| matches!(event.kind, EventKind::StepEnd { cached: true, .. }))
    };
    assert_eq!((cached(&first), cached(&second)), (false, true));
    assert_eq!(used(&second).outcome, used(&first).outcome);
    assert_eq!(used(&second).observations, 3);
    assert!(used(&second).took_ms.is_some());
}

#[tokio::test]
async fn a_change_of_what_it_saw_makes_it_run_and_a_change_of_anything_else_does_not() {
    let world = World::new(|step| {
        let text = step.read("in").unwrap_or_default();
        step.ask("out", Question::Room);
        step.owns("out").write("out", text.to_uppercase()).unwrap();
        Ending::SUCCESS
    });
    world.write("in", "one");
    assert_eq!(state(&world.play().await), CacheState::Kept);
    world.write("unseen", "new");
    assert_eq!(state(&world.play().await), CacheState::Hit);
    world.write("in", "two");
    let changed = world.play().await;
    assert_eq!(state(&changed), CacheState::Kept);
    let change = used(&changed).changed.unwrap();
    assert_eq!(
        (&*change.path, &*change.question),
        ("/workspace/src/in", "content")
    );
    let digest = |text: &str| {
        let digest = stepwell_contract::Digest::of(text.as_bytes());
        Some(format!("content {digest}"))
    };
    assert_eq!(
        (change.was, Some(change.is)),
        (digest("one"), digest("two"))
    );
    // Back to the first, while the output is that of the second.
    world.write("in", "one");
    assert_eq!(state(&world.play().await), CacheState::Hit);
    assert_eq!(fs::read_to_string(world.at("out")).unwrap(), "ONE");
}

#[tokio::test]
async fn what_is_there_and_right_is_not_written_again_and_what_is_wrong_is() {
    let world = World::new(|step| {
        for path in ["a", "b"] {
            step.ask(path, Question::Room);
            step.owns(path).write(path, path).unwrap();
        }
        Ending::SUCCESS
    });
    assert_eq!(state(&world.play().await), CacheState::Kept);
    world.write("b", "wrong");
    let written = |path| fs::metadata(world.at(path)).unwrap().modified().unwrap();
    let before = (written("a"), written("b"));
    assert_eq!(state(&world.play().await), CacheState::Hit);
    assert_eq!(written("a"), before.0);
    assert_ne!(written("b"), before.1);
    assert_eq!(fs::read_to_string(world.at("b")).unwrap(), "b");
}

#[tokio::test]
async fn a_result_and_an_exit_code_come_back() {
    let world = World::new(|step| {
        let value = stepwell_contract::ParamValue::from("v1");
        step.io.sink.emit("version", value).unwrap();
        Ending::Exited { code: 3 }
    });
    let play = || {
        world.play_as(|task, caching| {
            caching.failures = true;
            task.run.steps[0].on_error = stepwell_spec::OnError::Continue;
            task.run.results.push(stepwell_contract::ResultDecl {
                name: "version".into(),
                result_type: stepwell_contract::ParamType::String,
                properties: Vec::new(),
            });
        })
    };
    let first = play().await;
    let second = play().await;
    assert_eq!(
        (state(&first), state(&second)),
        (CacheState::Kept, CacheState::Hit)
    );
    assert_eq!(told(&first), told(&second));
    assert_eq!(second.results().len(), 1);
    assert_eq!(second.step_ends()[0].2, 3);
}

#[tokio::test]
async fn what_is_not_kept_says_why() {
    type Change = fn(&mut Task, &mut Caching);
    let cases: [(Change, &str); 6] = [
        (
            |task, _| task.run.cache = CacheSetting::Off,
            "`stepwell.dev/cache: \"off\"`",
        ),
        (
            |task, _| task.run.steps[0].grants.apply("clock=real").unwrap(),
            "granted `clock=real`",
        ),
        (
            |task, _| {
                let path = "out.log".into();
                task.run.steps[0].stdout = Some(stepwell_spec::Tee { path });
            },
            "copied to files",
        ),
        (
            |task, _| {
                task.sidecar("beside", |_, _| Ok(Ending::SUCCESS));
            },
            "has sidecars",
        ),
        (
            |task, _| {
                task.again("build", |_, _| Ok(Ending::SUCCESS));
                let mut steps = task.run.steps.iter_mut();
                steps.next().unwrap().image = "app:1".into();
                task.containers = true;
            },
            "is a container",
        ),
        (|_, _| {}, "it failed"),
    ];
    let world = World::new(|_| Ending::Exited { code: 1 });
    for (change, why) in cases {
        let played = world.play_as(change).await;
        let used = used(&played);
        assert_eq!(used.state, CacheState::NotKept, "{why}");
        let reason = used.reason.unwrap();
        assert!(reason.contains(why), "{reason} / {why}");
    }
}

#[tokio::test]
async fn a_trace_with_a_flaw_is_not_kept() {
    let world = World::new(|step| {
        let spot = step.spot("in");
        step.trace.lock().unwrap().flaws.push(Flaw::Changed(spot));
        Ending::SUCCESS
    });
    for _ in 0..2 {
        let played = world.play().await;
        assert_eq!(state(&played), CacheState::NotKept);
        assert!(
            used(&played)
                .reason
                .unwrap()
                .contains("changed while the step ran")
        );
    }
}

#[tokio::test]
async fn a_fresh_task_runs_and_is_kept_anew() {
    let world = World::new(everything);
    assert_eq!(state(&world.play().await), CacheState::Kept);
    let fresh = |task: &mut Task, caching: &mut Caching| {
        caching.fresh.insert(task.run.task.as_str().into());
    };
    // It makes folders that are there now, and would not find them gone.
    fs::remove_dir_all(world.at("out")).unwrap();
    assert_eq!(state(&world.play_as(fresh).await), CacheState::Kept);
    fs::remove_dir_all(world.at("out")).unwrap();
    assert_eq!(state(&world.play().await), CacheState::Hit);
}

#[tokio::test]
async fn a_step_that_is_not_deterministic_is_told() {
    let count = std::sync::atomic::AtomicU64::new(0);
    let world = World::new(move |step| {
        let number = count.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        step.say(&format!("{number}\n"));
        Ending::SUCCESS
    });
    let fresh = |task: &mut Task, caching: &mut Caching| {
        caching.fresh.insert(task.run.task.as_str().into());
    };
    world.play_as(fresh).await;
    let played = world.play_as(fresh).await;
    let notices = played.events.iter().filter_map(|event| match &event.kind {
        EventKind::Notice { message } => Some(message.as_str()),
        _ => None,
    });
    let notices: Vec<_> = notices.collect();
    assert!(
        notices
            .iter()
            .any(|told| told.contains("not deterministic")),
        "{notices:?}"
    );
}

#[tokio::test]
async fn attack_a_link_that_somebody_puts_in_the_way_is_not_written_through() {
    let world = World::new(|step| {
        step.ask("dir", Question::Kind);
        step.ask("dir/out", Question::Room);
        let written = step.owns("dir/out").write("dir/out", "mine");
        Ending::Exited {
            code: i32::from(written.is_err()),
        }
    });
    fs::create_dir(world.at("dir")).unwrap();
    assert_eq!(state(&world.play().await), CacheState::Kept);
    fs::write(world.at("dir/out"), "other").unwrap();
    assert_eq!(state(&world.play().await), CacheState::Hit);
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("out"), "theirs").unwrap();
    // A link in place of the file: it is not what the step saw.
    fs::remove_file(world.at("dir/out")).unwrap();
    symlink(outside.path().join("out"), world.at("dir/out")).unwrap();
    let mut task_ran = world.play().await;
    assert_ne!(used(&task_ran).state, CacheState::Hit);
    assert_eq!(
        fs::read_to_string(outside.path().join("out")).unwrap(),
        "theirs"
    );
    // A link in place of the folder.
    fs::remove_dir_all(world.at("dir")).unwrap();
    symlink(outside.path(), world.at("dir")).unwrap();
    task_ran = world.play().await;
    assert_ne!(used(&task_ran).state, CacheState::Hit);
    assert_eq!(
        fs::read_to_string(outside.path().join("out")).unwrap(),
        "theirs"
    );
}

#[tokio::test]
async fn what_was_damaged_in_the_cache_runs_and_is_right_again() {
    let world = World::new(everything);
    world.write("in", "one");
    assert_eq!(state(&world.play().await), CacheState::Kept);
    for shard in fs::read_dir(world.cache.path().join("blobs")).unwrap() {
        for blob in fs::read_dir(shard.unwrap().path()).unwrap() {
            fs::write(blob.unwrap().path(), "hostile").unwrap();
        }
    }
    fs::remove_dir_all(world.at("out")).unwrap();
    let played = world.play().await;
    assert_eq!(state(&played), CacheState::Kept);
    assert_eq!(fs::read_to_string(world.at("out/file")).unwrap(), "one");
    fs::remove_dir_all(world.at("out")).unwrap();
    assert_eq!(state(&world.play().await), CacheState::Hit);
    assert_eq!(fs::read_to_string(world.at("out/file")).unwrap(), "one");
}

#[tokio::test]
async fn a_cache_that_cannot_be_written_to_is_told_and_the_step_runs() {
    let world = World::new(everything);
    world.write("in", "one");
    let played = world
        .play_as(|_, _| {
            let blobs = world.cache.path().join("blobs");
            fs::remove_dir_all(&blobs).unwrap();
            fs::write(blobs, "in the way").unwrap();
        })
        .await;
    assert_eq!(state(&played), CacheState::NotKept);
    assert_eq!(played.verdict().0, "Succeeded");
    let reason = used(&played).reason.unwrap();
    assert!(reason.contains("failed to write to the cache"), "{reason}");
    assert_eq!(fs::read_to_string(world.at("out/file")).unwrap(), "one");
}
