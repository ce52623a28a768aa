//! Containers of somebody who is not root: the tests that need no more, once again as nobody, and what takes root refused.

use std::error::Error as _;
use std::io::Read as _;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::Command;

use stepwell_contract::{Access, Ending, SandboxError, SandboxErrorKind};

use crate::world::{World, world};

/// Nobody, by number.
const NOBODY: u32 = 65534;

/// Set for tests that are run again: the folder that they may use.
const FOLDER: &str = "STEPWELL_TEST_AS_NOBODY";

/// What holds for everybody.
const EVERYBODYS: &[&str] = &[
    "attacks::",
    "endings::",
    "limits::attack_what_is_left_of_a_disk",
    "proxies::",
    "shells::",
    "stopping::",
    "surroundings::",
    "volumes::",
    "rootless::as_nobody::",
];

/// What of these takes root: another user, or a control group that is theirs.
const ROOTS: &[&str] = &[
    "attack_a_memory_bomb",
    "a_shell_is_no_more_than_the_step_is",
    "a_terminal_is_one_of_the_containers_own",
];

/// Where a test that is run again finds what it needs.
pub(crate) struct Again {
    pub(crate) layers: PathBuf,
    pub(crate) init: PathBuf,
}

impl Again {
    pub(crate) fn here() -> Option<Self> {
        let (_, folder) = std::env::vars_os().find(|(name, _)| name == FOLDER)?;
        let folder = PathBuf::from(folder);
        Some(Self {
            layers: folder.join("layers"),
            init: folder.join("container-init"),
        })
    }
}

/// Copies `program` to where nobody can start it.
fn copy(program: &Path, folder: &Path, name: &str) -> PathBuf {
    let copied = folder.join(name);
    std::fs::copy(program, &copied).unwrap();
    std::fs::set_permissions(&copied, std::fs::Permissions::from_mode(0o755)).unwrap();
    copied
}

#[test]
fn nobody_can_run_containers_where_the_machine_lets_users_make_namespaces() {
    let _world = world!();
    if let Some(missing) = missing() {
        let required = std::env::vars_os().any(|(name, _)| name == "STEPWELL_REQUIRE_CONTAINERS");
        assert!(!required, "{missing}");
        eprintln!("skipped: {missing}");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    chown(folder.path(), Some(NOBODY), Some(NOBODY)).unwrap();
    let tests = copy(&std::env::current_exe().unwrap(), folder.path(), "tests");
    copy(
        env!("CARGO_BIN_EXE_container-init").as_ref(),
        folder.path(),
        "container-init",
    );
    let mut again = Command::new(tests);
    again
        .args(EVERYBODYS)
        .args(ROOTS.iter().flat_map(|root| ["--skip", root]));
    let ran = as_nobody(&mut again, folder.path())
        .arg("--include-ignored")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&ran.stdout);
    assert!(
        ran.status.success(),
        "{said}{}",
        String::from_utf8_lossy(&ran.stderr)
    );
    // All of them, and not none because a name was changed.
    assert!(
        said.contains("rootless::as_nobody::root_is_us ... ok"),
        "{said}"
    );
    assert!(
        !String::from_utf8_lossy(&ran.stderr).contains("skipped"),
        "{said}"
    );
}

fn as_nobody<'a>(command: &'a mut Command, folder: &Path) -> &'a mut Command {
    use std::os::unix::process::CommandExt as _;
    command
        .uid(NOBODY)
        .gid(NOBODY)
        .env(FOLDER, folder)
        .env("TMPDIR", folder)
        .current_dir(folder)
}

/// Why nobody cannot make containers here, as the kernel says.
fn missing() -> Option<String> {
    let setting = |path: &str| std::fs::read_to_string(Path::new("/proc/sys").join(path)).ok();
    let forbidden = setting("user/max_user_namespaces").is_some_and(|max| max.trim() == "0")
        || setting("kernel/unprivileged_userns_clone").is_some_and(|is| is.trim() == "0")
        || setting("kernel/apparmor_restrict_unprivileged_userns")
            .is_some_and(|is| is.trim() == "1");
    forbidden.then(|| "this machine keeps user namespaces from nobody".to_owned())
}

/// Tests that the one above runs, as nobody. Run otherwise, they do nothing.
mod as_nobody {
    use super::*;

    fn nobodys() -> Option<World> {
        Again::here().and_then(|_| World::new())
    }

    fn refused(error: &SandboxError) -> Vec<String> {
        match &error.kind {
            SandboxErrorKind::Refused(refusals) => {
                refusals.iter().map(|one| one.import.clone()).collect()
            }
            kind => panic!("{kind:?}: {error} {:?}", error.source()),
        }
    }

    #[test]
    fn root_is_us() {
        let Some(world) = nobodys() else { return };
        let folder = world.folder("ws");
        let step = world
            .shell("id -u; id -g; cat /proc/self/uid_map | tr -s ' '; echo x > /ws/x")
            .mount(&folder, "/ws", Access::ReadWrite);
        assert_eq!(step.run().said(), format!("0\n0\n 0 {NOBODY} 1\n"));
        let written = std::fs::metadata(folder.join("x")).unwrap();
        assert_eq!(std::os::unix::fs::MetadataExt::uid(&written), NOBODY);
    }

    #[test]
    fn attack_a_user_beyond_the_map_is_refused_and_user_0_is_not() {
        let Some(world) = nobodys() else { return };
        let step = |user| {
            world
                .shell("id -u")
                .with(move |step| step.security.run_as_user = Some(user))
        };
        let error = step(1000).try_run().unwrap_err();
        assert_eq!(refused(&error), ["runAsUser: 1000"]);
        let words = error.source().unwrap().to_string();
        assert!(words.contains("run `stepwell` as root"), "{words}");
        assert_eq!(step(0).run().said(), "0\n");
        let named = world
            .shell("id -u")
            .image(|image| image.user = Some("app".to_owned()));
        let error = named.try_run().unwrap_err();
        assert!(
            matches!(error.kind, SandboxErrorKind::BadGuest),
            "{error:?}"
        );
        let words = error.source().unwrap().to_string();
        assert!(words.contains("user 1000"), "{words}");
    }

    #[test]
    fn attack_a_privileged_step_is_refused_even_where_the_command_line_allows_it() {
        let Some(mut world) = nobodys() else { return };
        world.options().privileged = true;
        let step = world
            .shell("true")
            .with(|step| step.security.privileged = true);
        assert_eq!(refused(&step.try_run().unwrap_err()), ["privileged"]);
    }

    #[test]
    fn attack_no_node_can_be_made_and_those_that_are_there_work() {
        let Some(world) = nobodys() else { return };
        let ran = world
            .shell(
                "mknod /tmp/sda b 8 0 || echo no; head -c 4 /dev/zero | wc -c; echo x > /dev/null",
            )
            .run();
        assert_eq!(ran.stdout, "no\n4\n", "{}", ran.stderr);
    }

    #[test]
    fn a_bound_that_cannot_be_kept_is_an_error() {
        let Some(world) = nobodys() else { return };
        let step = world
            .shell("true")
            .with(|step| step.resources.memory = Some(64 << 20));
        let error = step.try_run().unwrap_err();
        let words = error.source().unwrap().to_string();
        assert!(words.contains("control group for `memory`"), "{words}");
    }

    #[test]
    fn attack_processes_are_bounded_without_a_control_group() {
        let Some(world) = nobodys() else { return };
        let said = world.shell("grep processes /proc/self/limits").run().said();
        let hard = said.split_whitespace().nth(3).map(str::parse::<u64>);
        assert!(matches!(hard, Some(Ok(..=4096))), "{said}");
    }

    #[test]
    fn the_host_connects_to_what_listens_in_the_task_and_to_nothing_else() {
        let Some(world) = nobodys() else { return };
        let backend = world.backend();
        let listens = "until cat /proc/net/tcp* | grep -q ':0050 .* 0A '; do :; done";
        let step = world.shell(&format!(
            "echo hello | nc -l -p 80 & {listens}; echo ready; wait"
        ));
        let scope = step.open(&backend).unwrap();
        let cancel = step.cancel.clone();
        let (ready, is_ready) = std::sync::mpsc::channel();
        let step = step.when_it_speaks(move || ready.send(()).unwrap());
        let (nobody, said) = std::thread::scope(|threads| {
            let serving = threads.spawn(|| step.run_in(&*scope));
            is_ready.recv().unwrap();
            let nobody = scope.connect(81);
            let said = scope.connect(80).map(|mut connected| {
                let mut said = String::new();
                connected.read_to_string(&mut said).map(|_| said)
            });
            cancel.cancel(stepwell_contract::CancelReason::Asked);
            serving.join().unwrap().unwrap();
            (nobody, said)
        });
        assert_eq!(said.unwrap().unwrap(), "hello\n");
        let nobody = nobody.unwrap_err();
        assert!(
            matches!(nobody.kind, SandboxErrorKind::NotFound),
            "{nobody:?}"
        );
        scope.close().unwrap();
    }

    /// Nothing of it is left when it is killed, and it is killed whatever it does.
    #[test]
    fn attack_a_container_that_ignores_every_signal_ends() {
        let Some(world) = nobodys() else { return };
        let step =
            world.shell("trap '' TERM; sleep 100000 & echo ready; while :; do sleep 100000; done");
        let cancel = step.cancel.clone();
        let step =
            step.when_it_speaks(move || cancel.cancel(stepwell_contract::CancelReason::Asked));
        assert_eq!(step.run().ending, Ending::Cancelled);
    }
}
