//! Which backend runs which kind of image. The image says its kind; backends are never tried in turn.

use std::collections::BTreeSet;
use std::fmt;
use std::net::TcpStream;
use std::sync::{Arc, PoisonError, RwLock};

use stepwell_contract::power::ProxyHandler;
use stepwell_contract::{
    Backend, Ending, Grants, Image, ImageKind, Limits, Loopback, Sandbox, SandboxError,
    SandboxErrorKind, StepIo, StepSpec, TaskScope, TaskSpec, ToolCall,
};

use crate::tools;

/// The backends of a run.
#[derive(Clone)]
pub struct Backends {
    /// For components.
    pub component: Arc<dyn Backend>,
    /// For container images; `None` where no container can be run.
    pub container: Option<Arc<dyn Backend>>,
}

impl fmt::Debug for Backends {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |backend: &Arc<dyn Backend>| backend.name();
        f.debug_struct("Backends")
            .field("component", &name(&self.component))
            .field("container", &self.container.as_ref().map(name))
            .finish()
    }
}

impl Backends {
    /// Backends of a run that has components alone.
    pub fn components(backend: Arc<dyn Backend>) -> Self {
        Self {
            component: backend,
            container: None,
        }
    }

    /// The one for images of `kind`.
    ///
    /// # Errors
    ///
    /// That there is none.
    pub fn of(&self, kind: ImageKind) -> Result<&dyn Backend, SandboxError> {
        match kind {
            ImageKind::Component => Ok(&*self.component),
            ImageKind::Container => self.container.as_deref().ok_or_else(|| {
                SandboxError::new("container", "start", SandboxErrorKind::NotFound)
                    .because("nothing here runs containers")
            }),
        }
    }

    /// Asks the one whose kind `image` is whether it would run it.
    ///
    /// # Errors
    ///
    /// Why it would not.
    pub(crate) fn admit(
        &self,
        image: &Image,
        grants: &Grants,
        limits: &Limits,
    ) -> Result<(), SandboxError> {
        self.of(image.kind())?.admit(image, grants, limits)
    }

    /// Opens the scope of `task` on every backend that `images` want. Native programs may be run in the images of `tools`.
    ///
    /// # Errors
    ///
    /// What one of them could not do; what was opened before is closed.
    pub(crate) fn open(
        &self,
        mut task: TaskSpec,
        images: &[Image],
        tools: &[(Arc<str>, Image)],
    ) -> Result<Scopes, SandboxError> {
        let programs = tools.iter().map(|(_, image)| image);
        let kinds: BTreeSet<_> = images.iter().chain(programs).map(Image::kind).collect();
        let mut scopes = Scopes(Vec::with_capacity(kinds.len()));
        // Containers have a loopback network, and components reach it through theirs.
        for kind in kinds.into_iter().rev() {
            let opened = self.of(kind)?.open_task(&task)?;
            let scope = Arc::new(Shared::new(opened, tools.to_vec()));
            if kind == ImageKind::Container {
                let loopback: Arc<Shared> = Arc::clone(&scope);
                task.loopback = Some(loopback);
            }
            scopes.0.push((kind, scope));
        }
        Ok(scopes)
    }
}

/// The scopes of one task: one on each backend that its steps need.
pub(crate) struct Scopes(Vec<(ImageKind, Arc<Shared>)>);

/// A scope, and who may reach its ports as long as it is open.
struct Shared {
    backend: &'static str,
    scope: RwLock<Option<Box<dyn TaskScope>>>,
    /// In which images native programs may be run, by the names that grants have for them.
    tools: Vec<(Arc<str>, Image)>,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Shared").field(&self.backend).finish()
    }
}

impl Shared {
    fn new(scope: Box<dyn TaskScope>, tools: Vec<(Arc<str>, Image)>) -> Self {
        Self {
            tools,
            backend: scope.backend(),
            scope: RwLock::new(Some(scope)),
        }
    }

    /// Does something with the scope, while it is open.
    fn with<T>(
        &self,
        doing: &str,
        act: impl FnOnce(&dyn TaskScope) -> Result<T, SandboxError>,
    ) -> Result<T, SandboxError> {
        // It is there or it is not.
        let scope = self.scope.read().unwrap_or_else(PoisonError::into_inner);
        match &*scope {
            Some(scope) => act(&**scope),
            None => Err(
                SandboxError::new(self.backend, doing, SandboxErrorKind::NotFound)
                    .because("its task has ended"),
            ),
        }
    }

    fn take(&self) -> Option<Box<dyn TaskScope>> {
        let scope = self.scope.write();
        scope.unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Loopback for Shared {
    fn connect(&self, port: u16) -> Result<TcpStream, SandboxError> {
        self.with("connect to a port", |scope| scope.connect(port))
    }

    fn run_tool(&self, call: ToolCall, io: StepIo) -> Result<Ending, SandboxError> {
        self.with("run a native program", |scope| {
            tools::run(scope, &self.tools, call, io)
        })
    }
}

impl Scopes {
    /// Builds the sandbox of a step, on the backend that its image wants.
    ///
    /// # Errors
    ///
    /// What the backend could not do.
    pub(crate) fn prepare(&self, step: StepSpec) -> Result<Box<dyn Sandbox>, SandboxError> {
        let kind = step.image.kind();
        match self.0.iter().find(|(known, _)| *known == kind) {
            Some((_, scope)) => scope.with("prepare a step", |scope| scope.prepare(step)),
            None => {
                let doing = format!(
                    "prepare step `{}`, for whose image no scope is open",
                    step.name
                );
                Err(SandboxError::new("task", doing, SandboxErrorKind::Host))
            }
        }
    }

    /// Those of a task that opened none.
    #[cfg(test)]
    pub(crate) fn none() -> Self {
        Self(Vec::new())
    }

    /// The loopback network that containers of the task share, where it has any.
    pub(crate) fn loopback(&self) -> Option<Arc<dyn Loopback>> {
        let found = self
            .0
            .iter()
            .find(|(kind, _)| *kind == ImageKind::Container);
        found.map(|(_, scope)| {
            let loopback: Arc<Shared> = Arc::clone(scope);
            loopback as Arc<dyn Loopback>
        })
    }

    /// Attaches a proxy to each scope: for which kind of image, and its address or why there is none.
    pub(crate) fn attach_proxy(
        &self,
        name: &str,
        handler: &Arc<dyn ProxyHandler>,
    ) -> impl Iterator<Item = (ImageKind, Result<String, SandboxError>)> {
        self.0.iter().map(move |(kind, scope)| {
            let attached = scope.with("attach a proxy", |scope| {
                scope.attach_proxy(name, Arc::clone(handler))
            });
            (*kind, attached)
        })
    }

    /// The scopes, to be closed.
    pub(crate) fn into_all(self) -> impl Iterator<Item = Box<dyn TaskScope>> {
        // Who reaches another's network goes before it.
        self.0
            .into_iter()
            .rev()
            .filter_map(|(_, scope)| scope.take())
    }
}
