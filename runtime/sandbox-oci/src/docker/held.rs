//! A container that was created, held as long as somebody runs it or looks at it, and removed by whoever lets it go last.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bollard::models::{ContainerCreateBody, ContainerState};

use super::daemon::Daemon;
use super::error::ApiError;
use super::leftovers::remove_container;

/// A step's container, from before it is created until it is removed.
pub(super) struct Held {
    pub(super) daemon: Arc<Daemon>,
    id: Mutex<Option<String>>,
}

impl Held {
    pub(super) fn new(daemon: &Arc<Daemon>) -> Arc<Self> {
        Arc::new(Self {
            daemon: Arc::clone(daemon),
            id: Mutex::default(),
        })
    }

    fn named(&self) -> MutexGuard<'_, Option<String>> {
        // It is there or it is not.
        self.id.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Creates the container.
    pub(super) fn create(&self, body: ContainerCreateBody) -> Result<String, ApiError> {
        let made = self.daemon.ask(|docker| async move {
            let options = None::<bollard::query_parameters::CreateContainerOptions>;
            docker.create_container(options, body).await
        })?;
        *self.named() = Some(made.id.clone());
        Ok(made.id)
    }

    /// The container, where there is one.
    pub(super) fn id(&self) -> Option<String> {
        self.named().clone()
    }

    /// Removes the container.
    ///
    /// # Errors
    ///
    /// It is still there.
    pub(super) fn remove(&self) -> Result<(), ApiError> {
        let id = self.named().take();
        id.map_or(Ok(()), |id| remove_container(&self.daemon, id))
    }
}

/// How a container is, or how it ended.
pub(super) fn inspect(daemon: &Daemon, id: &str) -> Result<ContainerState, ApiError> {
    let id = id.to_owned();
    let options = None::<bollard::query_parameters::InspectContainerOptions>;
    let found = daemon.ask(|docker| async move { docker.inspect_container(&id, options).await })?;
    found
        .state
        .ok_or_else(|| ApiError::Malformed("it says nothing of the container's state".into()))
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Err(error) = self.remove() {
            tracing::warn!(?error, "a container is left behind");
        }
    }
}
