//! A task of the mock: its volumes, its proxies, its folder, and the steps that are prepared in it.

use std::collections::HashMap;
use std::fs;
use std::net::TcpStream;
use std::os::fd::IntoRawFd;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

use stepwell_contract::power::ProxyHandler;
use stepwell_contract::{
    Access, Cancel, CancelReason, Ending, Feature, NoPowers, Place, Sandbox, SandboxError,
    SandboxErrorKind, StepIo, StepSink, StepSpec, TaskScope, TaskSpec, Volume, check,
};
use tempfile::TempDir;

use super::obey::Obedient;
use super::place::MockPlace;
use super::ports::Ports;
use super::sight::{Seen, Sight};
use super::{Flaw, NAME, Shared};
use crate::Action;

/// A proxy that is attached.
#[derive(Clone)]
pub(super) struct Attached {
    pub(super) name: String,
    pub(super) handler: Arc<dyn ProxyHandler>,
}

/// The proxies of a task.
pub(super) struct Proxies {
    shared: Arc<Shared>,
    attached: Mutex<Vec<Attached>>,
}

impl Proxies {
    /// The proxy that steps of this task know by the host's name `name`.
    pub(super) fn find(&self, name: &str) -> Option<Attached> {
        let attached = match self.shared.has(Flaw::ProxyIsPublic) {
            true => self.shared.remembered.lock().unwrap().proxies.clone(),
            false => self.attached.lock().unwrap().clone(),
        };
        if self.shared.has(Flaw::ProxyLast) {
            return attached.last().cloned();
        }
        let name = name.strip_suffix(".mock")?;
        attached.into_iter().find(|proxy| proxy.name == name)
    }

    fn attach(&self, name: &str, handler: Arc<dyn ProxyHandler>) -> Result<(), SandboxError> {
        let mut attached = self.attached.lock().unwrap();
        let taken = attached.iter().map(|proxy| proxy.name.as_str());
        if !self.shared.has(Flaw::ProxyTakesAnyName) {
            check::check_proxy(NAME, name, taken)?;
        }
        let proxy = Attached {
            name: name.to_owned(),
            handler,
        };
        if self.shared.has(Flaw::ProxyIsPublic) {
            let mut remembered = self.shared.remembered.lock().unwrap();
            remembered.proxies.push(proxy.clone());
        }
        attached.push(proxy);
        Ok(())
    }
}

/// A task that is open.
pub(super) struct Scope {
    shared: Arc<Shared>,
    volumes: HashMap<Arc<str>, Volume>,
    proxies: Arc<Proxies>,
    ports: Arc<Ports>,
    /// Asked for when the scope ends: what outlives a step goes then.
    ends: Cancel,
    /// For the flaw that mixes outputs.
    first: Arc<Mutex<Option<Arc<dyn StepSink>>>>,
    _folder: TempDir,
}

/// A refusal, or an error that hides that it is one.
pub(super) fn refuse(shared: &Shared, feature: Feature) -> SandboxError {
    if shared.has(Flaw::VagueRefusals) {
        return SandboxError::new(NAME, "do that", SandboxErrorKind::Host);
    }
    feature.refused_by(NAME)
}

impl Scope {
    pub(super) fn open(shared: Arc<Shared>, task: &TaskSpec) -> Result<Self, SandboxError> {
        let host =
            |error| SandboxError::new(NAME, "open a task", SandboxErrorKind::Host).because(error);
        let folder = tempfile::tempdir_in(shared.folder.path()).map_err(host)?;
        let mut volumes = task.volumes.clone();
        if shared.has(Flaw::SharesVolumes) {
            let mut remembered = shared.remembered.lock().unwrap();
            remembered.volumes.extend(volumes);
            volumes = remembered.volumes.clone();
        }
        if shared.has(Flaw::LitteredVolume) {
            for volume in &volumes {
                volume.dir.write("litter", "").map_err(host)?;
            }
        }
        if shared.has(Flaw::InventsResults) {
            for volume in &volumes {
                volume.dir.write("version", "0").map_err(host)?;
            }
        }
        if shared.has(Flaw::LeavesAFile) {
            fs::write(shared.folder.path().join(fresh(&shared, "left")), "").map_err(host)?;
        }
        if shared.has(Flaw::LeavesADescriptor) {
            let left = fs::File::open("/dev/null").map_err(host)?;
            let _ = left.into_raw_fd();
        }
        if shared.has(Flaw::LeavesAName) {
            fresh(&shared, "left");
        }
        if shared.has(Flaw::LeavesAProcess) {
            let mut command = Command::new("sleep");
            let child = command.arg("600").stdin(Stdio::null()).spawn();
            let mut remembered = shared.remembered.lock().unwrap();
            remembered.children.push(child.map_err(host)?);
        }
        let by_name = volumes
            .into_iter()
            .map(|volume| (Arc::clone(&volume.name), volume));
        Ok(Self {
            volumes: by_name.collect(),
            proxies: Arc::new(Proxies {
                shared: Arc::clone(&shared),
                attached: Mutex::default(),
            }),
            ports: Arc::new(Ports::new(Arc::clone(&shared))),
            ends: Cancel::new(),
            first: Arc::default(),
            _folder: folder,
            shared,
        })
    }

    fn sight(&self, step: &StepSpec) -> Result<Sight, SandboxError> {
        let mut mounts = Vec::new();
        for mount in &step.mounts {
            let Some(volume) = self.volumes.get(&mount.volume) else {
                if self.shared.has(Flaw::SkipsMissingVolumes) {
                    continue;
                }
                let cause = format!("`{}` shows no volume of the task", mount.path);
                let doing = format!("prepare step `{}`", step.name);
                return Err(SandboxError::new(NAME, doing, SandboxErrorKind::Host).because(cause));
            };
            mounts.push(seen(&mount.path, mount.access, volume));
        }
        if self.shared.has(Flaw::MountsAll) {
            for volume in self.volumes.values() {
                let path = format!("/{}", volume.name);
                mounts.push(seen(&path, Access::ReadWrite, volume));
            }
        }
        Ok(Sight {
            shared: Arc::clone(&self.shared),
            mounts,
            working_dir: step.working_dir.to_string(),
        })
    }
}

fn seen(path: &str, access: Access, volume: &Volume) -> Seen {
    Seen {
        path: path.to_owned(),
        access,
        dir: Arc::clone(&volume.dir),
        host: volume.path.clone(),
    }
}

/// A name that was not there before, and is remembered.
fn fresh(shared: &Shared, stem: &str) -> String {
    let mut remembered = shared.remembered.lock().unwrap();
    let name = format!("{stem}-{}", remembered.names.len());
    remembered.names.push(name.clone());
    name
}

impl Drop for Scope {
    fn drop(&mut self) {
        self.ends.cancel(CancelReason::Asked);
        // Nobody reaches a proxy any more, whoever still holds a place of this task.
        self.proxies.attached.lock().unwrap().clear();
    }
}

impl TaskScope for Scope {
    fn backend(&self) -> &'static str {
        NAME
    }

    fn prepare(&self, step: StepSpec) -> Result<Box<dyn Sandbox>, SandboxError> {
        if !self.shared.has(Flaw::ChecksNothing) {
            step.check(NAME)?;
        }
        let sight = self.sight(&step)?;
        let mut actions = Action::parse(&step.argv[1..]).unwrap_or_default();
        if step.argv.iter().any(|arg| arg.contains('\0')) {
            actions.clear();
        }
        if self.shared.has(Flaw::TrimsArguments) {
            for action in &mut actions {
                if let Action::Print(line) = action {
                    *line = line.trim().to_owned();
                }
            }
        }
        let place = MockPlace::new(
            Arc::clone(&self.shared),
            sight.clone(),
            Arc::clone(&self.proxies),
            self.ends.clone(),
            self.volumes.values().cloned().collect(),
        );
        let prepared = Prepared {
            shared: Arc::clone(&self.shared),
            sight,
            env: step.env,
            actions,
            proxies: Arc::clone(&self.proxies),
            ports: Arc::clone(&self.ports),
            place: Arc::new(place),
            first: Arc::clone(&self.first),
            has_run: false,
        };
        if self.shared.has(Flaw::RunsEarly) {
            prepared.run_unheard();
        }
        Ok(Box::new(prepared))
    }

    fn attach_proxy(
        &self,
        name: &str,
        handler: Arc<dyn ProxyHandler>,
    ) -> Result<String, SandboxError> {
        if !self.shared.features.contains(&Feature::Proxy) {
            return Err(refuse(&self.shared, Feature::Proxy));
        }
        self.proxies.attach(name, handler)?;
        Ok(format!("http://{name}.mock"))
    }

    fn connect(&self, port: u16) -> Result<TcpStream, SandboxError> {
        if !self.shared.features.contains(&Feature::Connection) {
            return Err(refuse(&self.shared, Feature::Connection));
        }
        self.ports.connect(port)
    }

    fn close(self: Box<Self>) -> Result<(), SandboxError> {
        if self.shared.has(Flaw::FailsToClose) {
            return Err(SandboxError::new(NAME, "close", SandboxErrorKind::Host));
        }
        Ok(())
    }
}

/// A step that is ready.
struct Prepared {
    shared: Arc<Shared>,
    sight: Sight,
    env: Vec<(String, String)>,
    actions: Vec<Action>,
    proxies: Arc<Proxies>,
    ports: Arc<Ports>,
    place: Arc<MockPlace>,
    first: Arc<Mutex<Option<Arc<dyn StepSink>>>>,
    has_run: bool,
}

impl Prepared {
    fn obey(&self, io: StepIo) -> Ending {
        let mut program = Obedient::new(
            Arc::clone(&self.shared),
            self.sight.clone(),
            Arc::clone(&self.proxies),
            io,
        );
        program.env.clone_from(&self.env);
        program.ports = Some(Arc::clone(&self.ports));
        program.obey(&self.actions)
    }

    /// Runs where nobody asked for it.
    fn run_unheard(&self) {
        let sink = Arc::new(crate::stage::Ear::default());
        let cancel = self.shared.release.clone();
        self.obey(StepIo { sink, cancel });
    }
}

impl Drop for Prepared {
    fn drop(&mut self) {
        if !self.has_run && self.shared.has(Flaw::RunsTheDropped) {
            self.run_unheard();
        }
    }
}

impl Sandbox for Prepared {
    fn place(&self) -> Arc<dyn Place> {
        match (self.shared.features, self.shared.flaw) {
            ([], None) => Arc::new(NoPowers(NAME)),
            _ => Arc::<MockPlace>::clone(&self.place),
        }
    }

    fn run(mut self: Box<Self>, mut io: StepIo) -> Result<Ending, SandboxError> {
        self.has_run = true;
        let shared = Arc::clone(&self.shared);
        let _turn = shared
            .has(Flaw::OneAtATime)
            .then(|| shared.turn.lock().unwrap());
        if shared.has(Flaw::StopsEverybody) {
            let everybody = Arc::downgrade(&shared);
            let told = io.cancel.on_cancel(move || {
                if let Some(shared) = everybody.upgrade() {
                    shared.everybody.cancel(CancelReason::Asked);
                }
            });
            // The flaw is that it is never forgotten.
            std::mem::forget(told);
        }
        if shared.has(Flaw::MixesOutputs) {
            let mut first = self.first.lock().unwrap();
            io.sink = Arc::clone(first.get_or_insert(io.sink));
        }
        if shared.has(Flaw::Chatty) {
            let sink = &io.sink;
            sink.log(stepwell_contract::LogStream::Stderr, b"mock: starting\n");
        }
        if shared.has(Flaw::RunsTheStopped) && io.cancel.reason().is_some() {
            self.run_unheard();
        }
        let cancel = io.cancel.clone();
        self.place.begin();
        if cancel.reason().is_none() && !shared.has(Flaw::NeverStarts) {
            io.sink.started();
        }
        let ending = self.obey(io);
        if shared.has(Flaw::UndoesTheStopped) && cancel.reason().is_some() {
            for seen in &self.sight.mounts {
                for name in self.sight.names(&seen.path).unwrap_or_default() {
                    // A folder stays, which is enough of an undoing.
                    let _ = seen.dir.remove_file(name);
                }
            }
        }
        if shared.has(Flaw::CopiesVolumes) {
            self.sight.copy_back();
        }
        self.place.end(&ending);
        Ok(ending)
    }
}
