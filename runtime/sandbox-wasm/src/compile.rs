//! Turns an image into native code, where that can be bounded and killed.
//!
//! A module of a few hundred kilobytes can be built so that compiling it takes hours or gigabytes, and the engine's
//! authors do not count that as a defect. So it happens in a child process with limits of its own: the host's own
//! binary, started again with a hidden argument, reading the image on stdin and writing the artifact to stdout.

use std::ffi::OsString;
use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::{Child, Command, ExitCode, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, setrlimit};
use stepwell_contract::{Image, SandboxError, SandboxErrorKind};

use crate::BACKEND;
use crate::engine::{self, Flavour, Purpose};
use crate::wrap;

/// Address space of a compiling child: stops a module whose compilation takes more memory than the machine has.
const WORKER_BYTES: u64 = 8 << 30;

/// Processor time of a compiling child: stops a module whose compilation does not end.
const WORKER_SECONDS: u64 = 300;

/// Wall time of a compiling child: stops one that waits for something that never comes.
const WORKER_PATIENCE: Duration = Duration::from_secs(600);

/// What a child may say about why it failed.
const WORKER_MESSAGE_BYTES: u64 = 64 << 10;

/// Native code larger than this is not believed to be the answer to a component.
const WORKER_ARTIFACT_BYTES: u64 = 4 << 30;

/// Where images are compiled.
#[derive(Debug, Clone)]
pub enum Compile {
    /// In this process, with no bound: for components that are the caller's own.
    InProcess,
    /// In a child process that runs [`compile_worker`].
    Child {
        /// The program to start: the caller's own binary.
        program: PathBuf,
        /// What makes it call [`compile_worker`].
        args: Vec<OsString>,
    },
}

impl Compile {
    /// Compiles `image` and gives the artifact: native code, trusted because we made it.
    ///
    /// # Errors
    ///
    /// [`SandboxErrorKind::BadGuest`] where the image is not WebAssembly, or takes more than a compilation may;
    /// [`SandboxErrorKind::Host`] where the child cannot be started.
    pub(crate) fn run(&self, image: &Image, flavour: Flavour) -> Result<Vec<u8>, SandboxError> {
        let Some(bytes) = image.as_component() else {
            return Err(bad_guest(image).because("it is a container image"));
        };
        match self {
            Self::InProcess => {
                compile(bytes, flavour).map_err(|cause| bad_guest(image).because(cause))
            }
            Self::Child { program, args } => {
                let mut command = Command::new(program);
                command.args(args).arg(flavour.as_str()).env_clear();
                in_child(command, image, bytes)
            }
        }
    }
}

fn bad_guest(image: &Image) -> SandboxError {
    SandboxError::new(
        BACKEND,
        format!("compile `{}`", image.reference),
        SandboxErrorKind::BadGuest,
    )
}

/// Wraps and compiles.
fn compile(bytes: &[u8], flavour: Flavour) -> Result<Vec<u8>, String> {
    let component = wrap::component(bytes).map_err(|error| error.to_string())?;
    let engine = engine::engine(flavour, Purpose::Compile).map_err(|error| error.to_string())?;
    engine
        .precompile_component(&component)
        .map_err(|error| format!("{error:#}"))
}

fn in_child(mut command: Command, image: &Image, bytes: &[u8]) -> Result<Vec<u8>, SandboxError> {
    let host = |error: std::io::Error| {
        SandboxError::new(
            BACKEND,
            format!("start the compiler for `{}`", image.reference),
            SandboxErrorKind::Host,
        )
        .because(error)
    };
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(host)?;
    let (input, output, message) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let (artifact, message, status) = std::thread::scope(|scope| {
        scope.spawn(|| {
            // A child that dies early closes the pipe; its status says more than this error would.
            if let Some(mut input) = input {
                let _ = input.write_all(bytes);
            }
        });
        let artifact = scope.spawn(|| read_up_to(output, WORKER_ARTIFACT_BYTES));
        let message = scope.spawn(|| read_up_to(message, WORKER_MESSAGE_BYTES));
        let status = wait(&mut child, WORKER_PATIENCE);
        let join =
            |thread: std::thread::ScopedJoinHandle<'_, Vec<u8>>| thread.join().unwrap_or_default();
        (join(artifact), join(message), status)
    });
    match status.map_err(host)? {
        Some(status) if status.success() => Ok(artifact),
        status => Err(bad_guest(image).because(explain(status, &message))),
    }
}

fn read_up_to(pipe: Option<impl Read>, bytes: u64) -> Vec<u8> {
    let mut content = Vec::new();
    if let Some(mut pipe) = pipe {
        let _ = pipe.by_ref().take(bytes).read_to_end(&mut content);
        // Whatever exceeds the bound is read and dropped, or the child would wait for us for ever.
        let _ = std::io::copy(&mut pipe, &mut std::io::sink());
    }
    content
}

/// Waits for the child, and kills it when it takes longer than `patience`; `None` then.
fn wait(child: &mut Child, patience: Duration) -> std::io::Result<Option<ExitStatus>> {
    let end = Instant::now() + patience;
    let mut pause = Duration::from_micros(500);
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if Instant::now() >= end {
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(10));
    }
}

fn explain(status: Option<ExitStatus>, message: &[u8]) -> String {
    let message = String::from_utf8_lossy(message);
    match status {
        None => format!(
            "compiling it took more than {} s",
            WORKER_PATIENCE.as_secs()
        ),
        Some(status) if status.code().is_some() && !message.trim().is_empty() => {
            message.trim().to_owned()
        }
        Some(status) => format!(
            "compiling it took more than {WORKER_SECONDS} s or {} GiB of memory ({status})",
            WORKER_BYTES >> 30
        ),
    }
}

/// The body of the child process: reads an image on stdin, writes its artifact to stdout. `flavour` is the argument
/// that the parent added.
///
/// Bounds its own memory and time before it reads a byte. Exits with 1 and a message on stderr where the image is bad.
pub fn compile_worker(flavour: &str) -> ExitCode {
    match work(flavour) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            let _ = writeln!(std::io::stderr(), "{message}");
            ExitCode::FAILURE
        }
    }
}

fn work(flavour: &str) -> Result<(), String> {
    let flavour = match flavour {
        "plain" => Flavour::Plain,
        "metered" => Flavour::Metered,
        other => return Err(format!("there is no flavour `{other}` of code")),
    };
    let bound = |resource, value| {
        setrlimit(
            resource,
            Rlimit {
                current: Some(value),
                maximum: Some(value),
            },
        )
        .map_err(|error| format!("failed to bound the compiler: {error}"))
    };
    bound(Resource::As, WORKER_BYTES)?;
    bound(Resource::Cpu, WORKER_SECONDS)?;
    bound(Resource::Core, 0)?;
    let mut bytes = Vec::new();
    std::io::stdin()
        .read_to_end(&mut bytes)
        .map_err(|error| format!("failed to read the image: {error}"))?;
    let artifact = compile(&bytes, flavour)?;
    std::io::stdout()
        .write_all(&artifact)
        .map_err(|error| format!("failed to hand over the artifact: {error}"))
}

#[cfg(test)]
mod tests {
    use std::error::Error as _;

    use super::*;

    fn shell(script: &str) -> Result<Vec<u8>, String> {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]);
        let image = Image::component("./x.wasm", b"image".as_slice());
        in_child(command, &image, b"image")
            .map_err(|error| error.source().map(ToString::to_string).unwrap_or_default())
    }

    #[test]
    fn what_the_child_writes_is_the_artifact() {
        assert_eq!(shell("cat").as_deref(), Ok(b"image".as_slice()));
    }

    #[test]
    fn what_the_child_says_is_why() {
        assert_eq!(
            shell("echo 'it is no module' >&2; exit 1"),
            Err("it is no module".to_owned())
        );
    }

    #[test]
    fn a_compilation_beyond_its_memory_or_time_is_killed_and_named() {
        // The kernel's answer to RLIMIT_CPU, and the allocator's to RLIMIT_AS.
        for signal in ["XCPU", "ABRT"] {
            let why = shell(&format!("kill -{signal} $$")).unwrap_err();
            assert!(why.contains("more than 300 s or 8 GiB"), "{why}");
        }
    }

    #[test]
    fn a_child_that_never_answers_is_killed_and_reaped() {
        let mut child = Command::new("/bin/sleep").arg("3600").spawn().unwrap();
        assert!(
            wait(&mut child, Duration::from_millis(20))
                .unwrap()
                .is_none()
        );
        assert!(child.try_wait().unwrap().is_some());
    }

    #[test]
    fn a_child_that_talks_for_ever_costs_bounded_memory() {
        let why = shell("head -c 10000000 /dev/zero | tr '\\0' x >&2; exit 1").unwrap_err();
        assert_eq!(why.len() as u64, WORKER_MESSAGE_BYTES);
    }
}
