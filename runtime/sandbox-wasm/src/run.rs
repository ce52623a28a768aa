//! Runs one prepared step and watches its limits.
//!
//! Knows nothing of plans, caches or terminals. What the guest prints goes to the sink as it is printed; what it
//! learns and leaves behind went through the host functions; what is left to say is how it ended.

use std::sync::Arc;

use stepwell_contract::{Ending, Limit, Place, Sandbox, SandboxError, SandboxErrorKind, StepIo};
use wasmtime::component::ResourceTable;
use wasmtime::{Store, UpdateDeadline};

use crate::BACKEND;
use crate::backend::{Entry, Loaded};
use crate::bindings::exports::plugin::exports::stepwell::task::task::Invocation;
use crate::ending::{self, Stopped};
use crate::engine::Flavour;
use crate::guest::{Guest, Seed};
use crate::place::{Shown, WasmPlace};
use crate::typed;

/// One prepared step.
pub(crate) struct WasmSandbox {
    pub(crate) loaded: Arc<Loaded>,
    pub(crate) entry: Arc<Entry>,
    pub(crate) seed: Seed,
    pub(crate) invocation: Invocation,
    pub(crate) mounts: Arc<[Shown]>,
}

impl Sandbox for WasmSandbox {
    fn place(&self) -> Arc<dyn Place> {
        Arc::new(WasmPlace {
            mounts: Arc::clone(&self.mounts),
        })
    }

    fn run(self: Box<Self>, io: StepIo) -> Result<Ending, SandboxError> {
        let Self {
            loaded,
            entry,
            seed,
            invocation,
            mounts: _,
        } = *self;
        let cancel = io.cancel.clone();
        let observer = io.sink.observer();
        let mut store = store(&loaded, Guest::new(seed, io))?;
        // The deadline is set before the hook: a cancellation in between is noticed by one of the two.
        let engine = loaded.room.engine.clone();
        let _hook = cancel.on_cancel(move || engine.increment_epoch());
        if let Some(reason) = cancel.reason() {
            return Ok(ending::of_cancellation(reason));
        }
        store.data().io.sink.started();
        let tracer = observer.map(|observer| store.data_mut().files.observe(observer));
        let ending = match enter(&mut store, &entry, invocation) {
            Ok(ending) => Ok(ending),
            Err(error) => ending::of_error(&error, store.data()),
        };
        if let Some(tracer) = tracer {
            // What the guest left open is closed, which says what of it has been read.
            store.data_mut().table = ResourceTable::new();
            tracer.finish();
        }
        ending
    }
}

/// A store with every limit wired.
pub(crate) fn store(loaded: &Loaded, guest: Guest) -> Result<Store<Guest>, SandboxError> {
    let limits = guest.meter.limits().clone();
    let size = |limit| usize::try_from(limits.get(limit)).unwrap_or(usize::MAX);
    let cancel = guest.io.cancel.clone();
    let mut store = Store::new(&loaded.room.engine, guest);
    store.limiter(|guest| &mut guest.meter);
    store.set_hostcall_fuel(size(Limit::HostCall));
    store.set_max_component_handles(size(Limit::Handles));
    // Nothing ticks: the epoch moves when some step of this engine is told to stop, and each looks whether it is meant.
    store.set_epoch_deadline(1);
    store.epoch_deadline_callback(move |_| match cancel.reason() {
        Some(_) => Err(Stopped.into()),
        None => Ok(UpdateDeadline::Continue(1)),
    });
    if Flavour::for_limits(&limits) == Flavour::Metered {
        store.set_fuel(limits.get(Limit::Fuel)).map_err(|error| {
            SandboxError::new(BACKEND, "meter the step", SandboxErrorKind::Host).because(error)
        })?;
    }
    Ok(store)
}

fn enter(
    store: &mut Store<Guest>,
    entry: &Entry,
    invocation: Invocation,
) -> wasmtime::Result<Ending> {
    match entry {
        Entry::Program(program) => {
            let program = program.instantiate(&mut *store)?;
            let result = program.wasi_cli_run().call_run(store)?;
            Ok(Ending::Exited {
                code: i32::from(result.is_err()),
            })
        }
        Entry::Plugin(plugin) => {
            let plugin = plugin.instantiate(&mut *store)?;
            let answer = plugin.stepwell_task_task().call_run(store, &invocation)?;
            Ok(typed::ending(answer))
        }
    }
}
