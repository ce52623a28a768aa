//! What one more waiting sandbox costs in memory: `waiting_sandboxes GUEST COUNT`.
//!
//! GUEST is a program that sleeps for as many seconds as its argument says. Starts some sandboxes so that
//! everything shared is there, then COUNT more, all asleep, and prints by how much the process has grown as JSON.

use std::collections::BTreeMap;
use std::error::Error;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use stepwell_contract::{
    Ambient, Backend as _, Cancel, CancelReason, Clock, EmitError, Grants, Image, Limits,
    LogStream, ParamValue, Resources, Security, StepIo, StepName, StepSink, StepSpec, TaskName,
    TaskSpec,
};
use stepwell_sandbox_wasm::{Compile, WasmBackend, WasmOptions};

/// Sandboxes that are there before the measurement begins.
const FIRST: usize = 8;

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let (Some(guest), Some(count)) = (args.next(), args.next()) else {
        return Err("expected GUEST COUNT".into());
    };
    let count: usize = count.parse()?;
    let image = Image::component(guest.as_str(), std::fs::read(&guest)?);
    let artifacts = tempfile::tempdir()?;
    std::fs::set_permissions(artifacts.path(), std::fs::Permissions::from_mode(0o700))?;
    let backend = WasmBackend::new(WasmOptions {
        artifacts: artifacts.path().to_owned(),
        compile: Compile::InProcess,
        pool: true,
    })?;
    let cancel = Cancel::new();
    let mut threads = Vec::new();
    start(&backend, &image, FIRST, &cancel, &mut threads)?;
    let before = resident_bytes()?;
    start(&backend, &image, count, &cancel, &mut threads)?;
    let after = resident_bytes()?;
    cancel.cancel(CancelReason::Asked);
    for thread in threads {
        thread.join().map_err(|_| "a sandbox panicked")?;
    }
    let each = after.saturating_sub(before) / count as u64;
    let mut stdout = std::io::stdout();
    std::io::Write::write_fmt(
        &mut stdout,
        format_args!("{{\"sandboxes\":{count},\"bytes_each\":{each}}}\n"),
    )?;
    Ok(())
}

/// Starts sandboxes and returns when all of them sleep.
fn start(
    backend: &WasmBackend,
    image: &Image,
    count: usize,
    cancel: &Cancel,
    threads: &mut Vec<JoinHandle<()>>,
) -> Result<(), Box<dyn Error>> {
    let scope = backend.open_task(&TaskSpec {
        name: TaskName::new("t"),
        volumes: Vec::new(),
        loopback: None,
    })?;
    for _ in 0..count {
        let sandbox = scope.prepare(step(image))?;
        let io = StepIo {
            sink: Arc::new(Nowhere),
            cancel: cancel.clone(),
        };
        threads.push(std::thread::spawn(move || drop(sandbox.run(io))));
    }
    // Nothing says from outside that a guest sleeps; a measurement may wait where a test may not.
    std::thread::sleep(Duration::from_secs(1));
    scope.close()?;
    Ok(())
}

fn step(image: &Image) -> StepSpec {
    StepSpec {
        name: StepName::new("sleep"),
        image: image.clone(),
        argv: vec!["limit_sleep".into(), "3600".into()],
        env: Vec::new(),
        working_dir: "/".into(),
        mounts: Vec::new(),
        params: BTreeMap::new(),
        workspaces: BTreeMap::new(),
        results: Vec::new(),
        attempt: 0,
        limits: Limits::default(),
        grants: Grants {
            clock: Clock::Real,
            ..Grants::default()
        },
        resources: Resources::default(),
        security: Security::default(),
        ambient: Ambient {
            epoch_seconds: 0,
            seed: [0; 32],
        },
    }
}

/// Drops what guests say.
struct Nowhere;

impl StepSink for Nowhere {
    fn log(&self, _stream: LogStream, _bytes: &[u8]) {}

    fn emit(&self, _name: &str, _value: ParamValue) -> Result<(), EmitError> {
        Ok(())
    }

    fn progress(&self, _done: u64, _total: Option<u64>, _message: &str) {}
}

fn resident_bytes() -> Result<u64, Box<dyn Error>> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kibibytes = line.and_then(|line| line.trim().strip_suffix(" kB"));
    Ok(kibibytes
        .ok_or("no VmRSS in /proc/self/status")?
        .trim()
        .parse::<u64>()?
        << 10)
}
