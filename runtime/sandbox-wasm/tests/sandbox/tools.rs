//! Native programs beside a plugin: what a call carries, what comes back, and that nothing is called without a grant. The
//! containers are played.

use std::sync::{Arc, Mutex};

use stepwell_contract::{
    Access, Ending, LogStream, Loopback, ParamType, ParamValue, SandboxError, SandboxErrorKind,
    StepIo, ToolCall,
};
use stepwell_guest_artifacts as guests;

use crate::world::{End, Step, World};

/// Containers that write what a test wants, and keep what they are asked.
#[derive(Debug)]
struct Played {
    asked: Mutex<Vec<ToolCall>>,
    code: i32,
    printed: usize,
}

impl Loopback for Played {
    fn connect(&self, _: u16) -> Result<std::net::TcpStream, SandboxError> {
        unreachable!("nobody connects")
    }

    fn run_tool(&self, call: ToolCall, io: StepIo) -> Result<Ending, SandboxError> {
        let missing = call.argv[0] == "missing";
        self.asked.lock().unwrap().push(call);
        if missing {
            let error = SandboxError::new("played", "start it", SandboxErrorKind::NotFound);
            return Err(error.because("there is none"));
        }
        io.sink.log(LogStream::Stdout, &vec![b'o'; self.printed]);
        io.sink.log(LogStream::Stderr, b"err\n");
        Ok(Ending::Exited { code: self.code })
    }
}

fn played(code: i32, printed: usize) -> Arc<Played> {
    Arc::new(Played {
        asked: Mutex::default(),
        code,
        printed,
    })
}

fn step(world: &World, played: &Arc<Played>, command: &[&str]) -> Step {
    let command = command.iter().map(|word| (*word).to_owned()).collect();
    world
        .step(guests::task_tools(), &[])
        .mount(
            &world.folder("source"),
            "/workspace/source",
            Access::ReadWrite,
        )
        .workspace("source", "/workspace/source")
        .param("command", ParamValue::Array(command))
        .result("code", ParamType::String)
        .result("out", ParamType::String)
        .result("err", ParamType::String)
        .result("dropped", ParamType::String)
        .result("files", ParamType::Array)
        .beside(Arc::clone(played) as Arc<dyn Loopback>)
}

fn result<'a>(end: &'a End, name: &str) -> &'a str {
    match &end.results[name] {
        ParamValue::String(text) => text,
        other => panic!("{name}: {other:?}"),
    }
}

pub(crate) mod task_tools {
    use super::*;

    #[test]
    fn a_call_carries_the_image_of_the_grant_and_the_workspaces_and_its_output_comes_back() {
        let (world, played) = (World::new(), played(3, 3));
        let end = step(&world, &played, &["cc", "a.c"])
            .grant("tools=gcc:14")
            .param("captured", "true")
            .param("variable", "set")
            .param("folder", "/workspace/source/deep")
            .run();
        assert_eq!(end.ending, Ending::SUCCESS, "{}", end.told());
        assert_eq!((result(&end, "code"), result(&end, "out")), ("3", "ooo"));
        assert_eq!(result(&end, "err"), "err\n");
        let asked = played.asked.lock().unwrap();
        let [call] = asked.as_slice() else {
            panic!("one call: {asked:?}");
        };
        assert_eq!(
            (&*call.image, call.argv.join(" ").as_str()),
            ("gcc:14", "cc a.c")
        );
        assert_eq!(&*call.working_dir, "/workspace/source/deep");
        let paths: Vec<_> = call.mounts.iter().map(|mount| &*mount.path).collect();
        assert_eq!(paths, ["/workspace/source"]);
        assert_eq!(call.env[0], ("VARIABLE".to_owned(), "set".to_owned()));
    }

    #[test]
    fn what_is_not_captured_is_the_steps_own_log() {
        let (world, played) = (World::new(), played(0, 3));
        let end = step(&world, &played, &["cc"]).grant("tools=gcc:14").run();
        assert_eq!(end.ending, Ending::SUCCESS, "{}", end.told());
        assert_eq!((result(&end, "out"), end.told()), ("", "ooo".to_owned()));
    }

    #[test]
    fn attack_a_program_prints_more_than_a_plugin_can_hold() {
        let (world, played) = (World::new(), played(0, (1 << 20) + 7));
        let end = step(&world, &played, &["cc"])
            .grant("tools=gcc:14")
            .param("captured", "true")
            .run();
        assert_eq!(end.ending, Ending::SUCCESS, "{}", end.told());
        assert_eq!(result(&end, "dropped"), "7");
    }

    #[test]
    fn what_cannot_be_run_is_the_plugins_to_judge() {
        let (world, played) = (World::new(), played(0, 0));
        for (command, folder, why) in [
            (&["missing"] as &[&str], "", "there is none"),
            (&["cc"], "/etc", "is in no workspace"),
            (&[""], "", "it names no program"),
        ] {
            let end = step(&world, &played, command)
                .grant("tools=gcc:14")
                .param("folder", folder)
                .run();
            let Ending::Failed { message, .. } = &end.ending else {
                panic!("{:?}", end.ending);
            };
            assert!(message.contains(why), "{message}");
        }
        assert_eq!(played.asked.lock().unwrap().len(), 1);
    }

    #[test]
    fn attack_a_plugin_without_the_grant() {
        let (world, played) = (World::new(), played(0, 0));
        let refusal = step(&world, &played, &["cc"])
            .grant("network=any")
            .refusal();
        assert!(refusal.contains("stepwell:task/tools"), "{refusal}");
        assert!(played.asked.lock().unwrap().is_empty());
    }
}
