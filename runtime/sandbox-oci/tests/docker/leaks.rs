//! What a Stepwell that is killed leaves in a daemon is removed by the next one, and nobody else's is.

use std::io::BufRead as _;
use std::process::{Command, Stdio};
use std::sync::Arc;

use stepwell_contract::{
    Backend as _, Cancel, EmitError, LogStream, ParamValue, StepIo, StepSink, TaskName, TaskSpec,
};
use stepwell_sandbox_oci::docker::{DockerBackend, DockerOptions, Endpoint};

use crate::busybox::Busybox;
use crate::world::{World, step};

/// Names the test that is to be killed, and tells it where.
const VICTIM: &str = "leaks::runs_until_it_is_killed";
const PLACE: &str = "STEPWELL_TEST_PLACE";

#[test]
#[ignore = "it is run, and killed, by the test below"]
fn runs_until_it_is_killed() {
    let place = std::env::vars_os().find(|(name, _)| name == PLACE);
    let Some(socket) = place.map(|(_, place)| std::path::PathBuf::from(place)) else {
        return;
    };
    let folder = socket.parent().unwrap().to_owned();
    let options = DockerOptions::new(
        (Endpoint::Unix(socket), "victim".to_owned()),
        Arc::new(Busybox::new()),
        folder.join("owners"),
        folder,
    );
    let backend = DockerBackend::connect(options).unwrap();
    let task = TaskSpec {
        name: TaskName::new("task"),
        volumes: Vec::new(),
        loopback: None,
    };
    let task = backend.open_task(&task).unwrap();
    let sleeps = step(
        &Busybox::new().image(),
        "echo ready; exec sleep 100000",
        &[],
    );
    let io = StepIo {
        sink: Arc::new(Tells),
        cancel: Cancel::new(),
    };
    let _ = task.prepare(sleeps).unwrap().run(io);
}

/// Says that the container says something.
struct Tells;

impl StepSink for Tells {
    fn log(&self, _stream: LogStream, _bytes: &[u8]) {
        #[expect(clippy::print_stdout, reason = "the test that runs this one reads it")]
        {
            println!("the container runs");
        }
    }

    fn emit(&self, name: &str, _value: ParamValue) -> Result<(), EmitError> {
        Err(EmitError::Undeclared(name.to_owned()))
    }

    fn progress(&self, _done: u64, _total: Option<u64>, _message: &str) {}
}

#[test]
fn attack_what_a_killed_stepwell_left_is_removed_by_the_next_one() {
    let Some(world) = World::new(&[]) else { return };
    let folder = world.daemon.socket().parent().unwrap().to_owned();
    let mut victim = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", VICTIM, "--ignored", "--nocapture"])
        .env(PLACE, world.daemon.socket())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut output = std::io::BufReader::new(victim.stdout.take().unwrap());
    let mut line = String::new();
    while !line.contains("the container runs") {
        line.clear();
        assert_ne!(output.read_line(&mut line).unwrap(), 0);
    }
    let containers = || {
        world
            .daemon
            .get("/containers/json?all=1")
            .as_array()
            .unwrap()
            .len()
    };
    let connect = |owners: std::path::PathBuf| {
        let mut options = world.options(world.daemon.endpoint());
        options.owners = owners;
        drop(DockerBackend::connect(options).unwrap());
    };
    // It lives.
    connect(folder.join("owners"));
    assert_eq!(containers(), 1);
    victim.kill().unwrap();
    victim.wait().unwrap();
    // Another user's, as far as this one knows.
    connect(folder.join("others"));
    assert_eq!(containers(), 1);
    connect(folder.join("owners"));
    assert_eq!(containers(), 0);
}
