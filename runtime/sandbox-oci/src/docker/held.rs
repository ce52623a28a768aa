//! A container that was created, held as long as somebody runs it or looks at it, and removed by whoever lets it go last.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bollard::models::{ContainerConfig, ContainerCreateBody, ContainerState};
use bollard::query_parameters::CommitContainerOptionsBuilder;

use super::daemon::Daemon;
use super::error::ApiError;
use super::leftovers::{remove_container, remove_image};

/// A step's container, from before it is created until it is removed.
pub(super) struct Held {
    pub(super) daemon: Arc<Daemon>,
    id: Mutex<Option<String>>,
    /// What the container left, as an image for shells.
    image: Mutex<Option<String>>,
}

impl Held {
    pub(super) fn new(daemon: &Arc<Daemon>) -> Arc<Self> {
        Arc::new(Self {
            daemon: Arc::clone(daemon),
            id: Mutex::default(),
            image: Mutex::default(),
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

    /// What the container, which has ended, left in its root, as an image that is removed with it.
    pub(super) fn commit(&self, labels: HashMap<String, String>) -> Result<String, ApiError> {
        let mut image = self.image.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(image) = &*image {
            return Ok(image.clone());
        }
        let gone = || ApiError::refused(404, "the container has been removed");
        let id = self.id().ok_or_else(gone)?;
        let options = CommitContainerOptionsBuilder::new()
            .container(&id)
            .pause(false)
            .build();
        let config = ContainerConfig {
            labels: Some(labels),
            ..ContainerConfig::default()
        };
        let made = self
            .daemon
            .ask(|docker| async move { docker.commit_container(options, config).await })?;
        *image = Some(made.id.clone());
        Ok(made.id)
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

    /// Removes the image that was made of it, where there is one. No container of it may run any more.
    ///
    /// # Errors
    ///
    /// It is still there.
    pub(super) fn remove_image(&self) -> Result<(), ApiError> {
        let mut image = self.image.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(id) = &*image {
            remove_image(&self.daemon, id.clone())?;
        }
        *image = None;
        Ok(())
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
        if let Err(error) = self.remove_image() {
            tracing::warn!(?error, "an image is left behind");
        }
    }
}
