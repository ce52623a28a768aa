use stepwell_contract::{Access, Cancel, SandboxError};

use super::*;

/// Containers that run nothing.
#[derive(Debug)]
struct Nowhere;

impl Loopback for Nowhere {
    fn connect(&self, _: u16) -> Result<std::net::TcpStream, SandboxError> {
        unreachable!("nobody connects")
    }
}

fn toolbox(working_dir: &str) -> ToolBox {
    ToolBox {
        image: "gcc:14".into(),
        containers: Arc::new(Nowhere),
        step: StepName::new("build"),
        calls: 0,
        mounts: vec![Mount {
            volume: "source".into(),
            path: "/workspace/source".into(),
            access: Access::ReadWrite,
        }],
        working_dir: working_dir.into(),
        limits: Limits::default(),
        resources: Resources::default(),
        security: Security::default(),
        network: Network::Off,
    }
}

fn command(argv: &[&str]) -> tools::Command {
    tools::Command {
        argv: argv.iter().map(|word| (*word).to_owned()).collect(),
        env: Vec::new(),
        working_dir: None,
        stdout: Destination::Log,
        stderr: Destination::Captured,
    }
}

#[test]
fn a_call_sees_the_workspaces_and_starts_in_one_or_at_the_root() {
    let mut toolbox = toolbox("/workspace/source/deep");
    let call = toolbox.call(command(&["cc", "a.c"])).unwrap();
    assert_eq!(
        (&*call.name.to_string(), &*call.image),
        ("build-tool-1", "gcc:14")
    );
    assert_eq!(&*call.working_dir, "/workspace/source/deep");
    assert_eq!(call.mounts, toolbox.mounts);
    let call = self::toolbox("/tekton/home")
        .call(command(&["cc"]))
        .unwrap();
    assert_eq!(&*call.working_dir, "/");
}

#[test]
fn attack_a_folder_outside_of_the_workspaces() {
    let mut toolbox = toolbox("/");
    let mut start = |path: &str| {
        let working_dir = Some(path.to_owned());
        toolbox.call(tools::Command {
            working_dir,
            ..command(&["cc"])
        })
    };
    for path in [
        "",
        "/",
        "/etc",
        "workspace/source",
        "/workspace",
        "/workspace/sources",
        "/workspace/source/../../etc",
        "/workspace/source/./a",
        "/workspace/source//a",
        "/workspace/source/",
    ] {
        assert!(start(path).is_err(), "{path:?}");
    }
    for path in ["/workspace/source", "/workspace/source/a/b"] {
        assert!(start(path).is_ok(), "{path}");
    }
}

#[test]
fn attack_a_command_that_cannot_be_meant() {
    let env = |pairs: &[(&str, &str)]| tools::Command {
        env: pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
        ..command(&["cc"])
    };
    let long = "x".repeat(COMMAND_BYTES);
    for refused in [
        command(&[]),
        command(&[""]),
        command(&["cc", "a\0b"]),
        command(&["cc", &long]),
        env(&[("", "x")]),
        env(&[("A=B", "x")]),
        env(&[("A", "x"), ("A", "y")]),
        env(&[("A", "\0")]),
    ] {
        assert!(toolbox("/").call(refused).is_err());
    }
    assert!(toolbox("/").call(env(&[("A", "x"), ("B", "")])).is_ok());
}

/// Counts what goes to the log.
#[derive(Default)]
struct Log(Mutex<Vec<(LogStream, usize)>>);

impl StepSink for Log {
    fn log(&self, stream: LogStream, bytes: &[u8]) {
        self.0.lock().unwrap().push((stream, bytes.len()));
    }

    fn emit(&self, _: &str, _: ParamValue) -> Result<(), EmitError> {
        unreachable!("nothing emits")
    }

    fn progress(&self, _: u64, _: Option<u64>, _: &str) {}
}

#[test]
fn attack_a_program_that_prints_without_end_is_captured_up_to_a_bound() {
    let log = Arc::new(Log::default());
    let split = Split {
        to: Arc::clone(&log) as Arc<dyn StepSink>,
        stdout: Caught::new(Destination::Log),
        stderr: Caught::new(Destination::Captured),
    };
    let block = vec![b'x'; 64 << 10];
    for _ in 0..20 {
        split.log(LogStream::Stderr, &block);
    }
    split.log(LogStream::Stdout, b"hello");
    let caught = split.stderr.take();
    assert_eq!(
        (caught.bytes.len(), caught.dropped),
        (1 << 20, 4 * 64 * 1024)
    );
    assert_eq!(*log.0.lock().unwrap(), [(LogStream::Stdout, 5)]);
    assert!(split.emit("x", ParamValue::String(String::new())).is_err());
}

#[test]
fn a_task_without_containers_for_it_says_so() {
    let io = StepIo {
        sink: Arc::new(Log::default()),
        cancel: Cancel::new(),
    };
    let call = toolbox("/").call(command(&["cc"])).unwrap();
    let error = Nowhere.run_tool(call, io).unwrap_err();
    assert!(error.to_string().contains("`gcc:14`"), "{error}");
}
