//! The way in: components are loaded once, checked against grants, and handed to task scopes.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use stepwell_contract::{
    Backend, Capability, Digest, Fingerprint, Grants, Hasher, Image, Limits, SandboxError,
    SandboxErrorKind, TaskScope, TaskSpec,
};
use wasmtime::Engine;
use wasmtime::component::{Component, HasSelf, InstancePre, Linker};

use crate::BACKEND;
use crate::admit;
use crate::artifact::{self, Artifacts, Sealed};
use crate::bindings::exports::ProgramPre;
use crate::bindings::exports::plugin::PluginPre;
use crate::bindings::imports::Sandbox as Offer;
use crate::compile::Compile;
use crate::engine::{self, Allocation, Flavour, Purpose};
use crate::guest::Guest;
use crate::http;
use crate::inspect::World;
use crate::prepare::Scope;
use crate::tools;
use crate::wasi::sockets;

/// How a [`WasmBackend`] is set up.
#[derive(Debug, Clone)]
pub struct WasmOptions {
    /// Where precompiled code is kept: a folder that only this user can write.
    pub artifacts: PathBuf,
    /// Where images are compiled.
    pub compile: Compile,
    /// Whether to set up a pool of slots: worth its millisecond for a process that runs more than a few steps.
    pub pool: bool,
}

/// Runs steps as WebAssembly components, in this process.
#[derive(Clone)]
pub struct WasmBackend(Arc<Inner>);

struct Inner {
    artifacts: Artifacts,
    compile: Compile,
    allocation: Allocation,
    rooms: Mutex<Vec<Arc<Room>>>,
    loaded: Mutex<HashMap<(Digest, Flavour), Arc<Loaded>>>,
}

/// An engine, and what it offers to guests.
pub(crate) struct Room {
    flavour: Flavour,
    allocation: Allocation,
    pub(crate) engine: Engine,
    /// For steps with no network grant, and for steps with one.
    linkers: [OnceLock<Linker<Guest>>; SIDES],
}

/// A component in native code, ready to be instantiated.
pub(crate) struct Loaded {
    pub(crate) room: Arc<Room>,
    component: Component,
    imports: Vec<String>,
    world: World,
    /// Linked without and with sockets and native programs.
    entries: [OnceLock<Arc<Entry>>; SIDES],
}

/// How a component is entered; its imports are linked already.
pub(crate) enum Entry {
    /// Through `wasi:cli/run`.
    Program(ProgramPre<Guest>),
    /// Through `stepwell:task/task`.
    Plugin(PluginPre<Guest>),
}

impl WasmBackend {
    /// A backend that keeps its compiled code in `options.artifacts`.
    ///
    /// # Errors
    ///
    /// The folder is not private to this user.
    pub fn new(options: WasmOptions) -> Result<Self, SandboxError> {
        let WasmOptions {
            artifacts,
            compile,
            pool,
        } = options;
        Ok(Self(Arc::new(Inner {
            artifacts: Artifacts::open(&artifacts)?,
            compile,
            allocation: if pool {
                Allocation::Pooled
            } else {
                Allocation::OnDemand
            },
            rooms: Mutex::default(),
            loaded: Mutex::default(),
        })))
    }

    /// The native code of `image`, compiled now if it never was.
    pub(crate) fn load(&self, image: &Image, limits: &Limits) -> Result<Arc<Loaded>, SandboxError> {
        let flavour = Flavour::for_limits(limits);
        let key = (image.digest, flavour);
        let lock = || self.0.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(loaded) = lock().get(&key) {
            return Ok(Arc::clone(loaded));
        }
        // Two threads may compile the same image at once; the second one's work is dropped.
        let loaded = Arc::new(self.load_new(image, flavour)?);
        Ok(Arc::clone(lock().entry(key).or_insert(loaded)))
    }

    fn load_new(&self, image: &Image, flavour: Flavour) -> Result<Loaded, SandboxError> {
        let artifacts = &self.0.artifacts;
        if let Some(code) = artifacts.load(image, flavour) {
            match self.map(&code, flavour) {
                Ok(loaded) => return Ok(loaded),
                Err(error) => {
                    tracing::warn!(image = %image.reference, ?error, "compiled code does not fit this engine");
                    artifacts.forget(image, flavour);
                }
            }
        }
        let code = self.0.compile.run(image, flavour)?;
        artifacts.keep(image, flavour, &code);
        self.map(&artifact::fresh(&code)?, flavour)
    }

    /// Maps native code: into the pool's engine where it fits there.
    fn map(&self, code: &Sealed, flavour: Flavour) -> Result<Loaded, SandboxError> {
        let pooled = self.0.allocation == Allocation::Pooled;
        let (room, component) = match pooled.then(|| self.map_in(code, flavour, Allocation::Pooled))
        {
            Some(Ok(mapped)) => mapped,
            _ => self.map_in(code, flavour, Allocation::OnDemand)?,
        };
        let component_type = component.component_type();
        let imports = component_type
            .imports(&room.engine)
            .map(|(name, _)| name.to_owned())
            .collect();
        let world = World::of_exports(component_type.exports(&room.engine).map(|(name, _)| name));
        Ok(Loaded {
            room,
            component,
            imports,
            world,
            entries: Default::default(),
        })
    }

    fn map_in(
        &self,
        code: &Sealed,
        flavour: Flavour,
        allocation: Allocation,
    ) -> Result<(Arc<Room>, Component), SandboxError> {
        let room = self.room(flavour, allocation)?;
        match code.map(&room.engine) {
            Ok(component) => Ok((room, component)),
            Err(error) => {
                Err(
                    SandboxError::new(BACKEND, "map compiled code", SandboxErrorKind::Host)
                        .because(error),
                )
            }
        }
    }

    fn room(&self, flavour: Flavour, allocation: Allocation) -> Result<Arc<Room>, SandboxError> {
        let mut rooms = self.0.rooms.lock().unwrap_or_else(PoisonError::into_inner);
        let known = rooms
            .iter()
            .find(|room| room.flavour == flavour && room.allocation == allocation);
        if let Some(room) = known {
            return Ok(Arc::clone(room));
        }
        let engine = engine::engine(flavour, Purpose::Run(allocation))?;
        let room = Arc::new(Room {
            flavour,
            allocation,
            engine,
            linkers: Default::default(),
        });
        rooms.push(Arc::clone(&room));
        Ok(room)
    }
}

/// How many ways there are to link a component: each of two things is offered or not.
const SIDES: usize = 4;

/// On such a side sockets are offered.
const SOCKETS: usize = 1;

/// On such a side native programs are.
const TOOLS: usize = 2;

/// Which of the ways it is for a step with these grants.
fn side(grants: &Grants) -> usize {
    let sockets = usize::from(grants.has_sockets()) * SOCKETS;
    sockets + usize::from(grants.tools.is_some()) * TOOLS
}

impl Room {
    fn linker(&self, side: usize) -> Result<&Linker<Guest>, SandboxError> {
        let slot = &self.linkers[side];
        if let Some(linker) = slot.get() {
            return Ok(linker);
        }
        let mut linker = Linker::new(&self.engine);
        let linked = Offer::add_to_linker::<Guest, HasSelf<Guest>>(&mut linker, |guest| guest);
        let linked = linked.and_then(|()| {
            if side & SOCKETS != 0 {
                sockets::add_to_linker(&mut linker)?;
                http::add_to_linker(&mut linker)?;
            }
            match side & TOOLS {
                0 => Ok(()),
                _ => tools::add_to_linker(&mut linker),
            }
        });
        linked.map_err(|error| {
            SandboxError::new(
                BACKEND,
                "offer the host's functions",
                SandboxErrorKind::Host,
            )
            .because(error)
        })?;
        Ok(slot.get_or_init(|| linker))
    }
}

impl Loaded {
    /// Whether it imports any of `wasi:sockets`.
    pub(crate) fn imports_sockets(&self) -> bool {
        self.imports
            .iter()
            .any(|name| name.starts_with("wasi:sockets/"))
    }

    /// The linked component, for a step with these grants.
    ///
    /// # Errors
    ///
    /// The component asks for a function that is not as the host offers it, or exports neither world.
    pub(crate) fn entry(&self, image: &Image, grants: &Grants) -> Result<Arc<Entry>, SandboxError> {
        let slot = &self.entries[side(grants)];
        if let Some(entry) = slot.get() {
            return Ok(Arc::clone(entry));
        }
        let bad = |cause: wasmtime::Error| {
            SandboxError::new(
                BACKEND,
                format!("link `{}`", image.reference),
                SandboxErrorKind::BadGuest,
            )
            .because(format!("{cause:#}"))
        };
        let pre: InstancePre<Guest> = self
            .room
            .linker(side(grants))?
            .instantiate_pre(&self.component)
            .map_err(bad)?;
        let entry = match self.world {
            World::Command => ProgramPre::new(pre).map(Entry::Program),
            World::Task => PluginPre::new(pre).map(Entry::Plugin),
            World::Neither => {
                let cause = "it exports neither `wasi:cli/run@0.2` (the world `wasi:cli/command`) nor \
                             `stepwell:task/task@0.1` (the world `stepwell:task/plugin`)";
                return Err(bad(wasmtime::Error::msg(cause)));
            }
        };
        let entry = Arc::new(entry.map_err(bad)?);
        Ok(Arc::clone(slot.get_or_init(|| entry)))
    }
}

impl Backend for WasmBackend {
    fn name(&self) -> &'static str {
        BACKEND
    }

    fn capabilities(&self) -> &'static [Capability] {
        &[Capability::TypedTasks, Capability::Deterministic]
    }

    fn fingerprint(&self) -> Fingerprint {
        let mut hasher = Hasher::new("stepwell wasm backend v1");
        hasher.field(engine::settings(Flavour::Plain).as_bytes());
        Fingerprint(hasher.finish())
    }

    fn admit(&self, image: &Image, grants: &Grants, limits: &Limits) -> Result<(), SandboxError> {
        let loaded = self.load(image, limits)?;
        let refusals = admit::refusals(loaded.imports.iter().map(String::as_str), grants);
        if !refusals.is_empty() {
            let doing = format!("admit `{}`", image.reference);
            return Err(SandboxError::new(
                BACKEND,
                doing,
                SandboxErrorKind::Refused(refusals),
            ));
        }
        loaded.entry(image, grants).map(drop)
    }

    fn open_task(&self, task: &TaskSpec) -> Result<Box<dyn TaskScope>, SandboxError> {
        Ok(Box::new(Scope::new(self.clone(), task)))
    }
}
