//! One daemon, asked from threads that wait.
//!
//! `bollard` is asynchronous and the contract is not. So there is one thread with a runtime of its own, on which all that is
//! said to the daemon happens; whoever calls waits on a channel, which may be done anywhere, in a destructor on somebody
//! else's runtime too. One thread is enough: it hands bytes on and never computes. It is not the place for what blocks;
//! sinks are called on the step's own threads.

use std::cell::RefCell;
use std::future::Future;
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use bollard::{API_DEFAULT_VERSION, BollardRequest, Docker};
use stepwell_contract::{SandboxError, SandboxErrorKind};
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

use super::BACKEND;
use super::dial::{Dial, OPENED};
use super::endpoint::Endpoint;
use super::error::ApiError;

/// How long a daemon may take to begin an answer. Creating and starting a container on a busy machine is what takes longest.
const ANSWER: Duration = Duration::from_secs(120);

/// For an answer that comes when a step ends.
const STEP: Duration = Duration::from_secs(10 * 365 * 86_400);

/// A daemon.
pub(super) struct Daemon {
    docker: Docker,
    dial: Arc<Dial>,
    handle: Handle,
    /// Containers that it keeps as long as there are others in their networks.
    pub(super) kept: Mutex<Vec<String>>,
    thread: Mutex<Option<(oneshot::Sender<()>, JoinHandle<()>)>>,
}

impl Daemon {
    /// A daemon that may be at `endpoint`; nothing is said to it yet.
    ///
    /// # Errors
    ///
    /// Its certificates cannot be used, or there is no thread to be had.
    pub(super) fn new(endpoint: Endpoint) -> std::io::Result<Arc<Self>> {
        let dial = Arc::new(Dial::new(endpoint)?);
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::Builder::new()
            .name("docker".to_owned())
            .spawn(move || {
                // Whether it was asked to, or nobody can ask any more.
                let _ = runtime.block_on(stopped);
            })?;
        let sender = Arc::clone(&dial);
        let transport = move |request: BollardRequest| {
            let dial = Arc::clone(&sender);
            async move {
                let sent = dial.send(request).await;
                sent.map_err(|error| bollard::errors::Error::from(std::io::Error::other(error)))
            }
        };
        let docker = Docker::connect_with_custom_transport(
            transport,
            Some("http://docker"),
            ANSWER.as_secs(),
            API_DEFAULT_VERSION,
        )
        .map_err(std::io::Error::other)?;
        Ok(Arc::new(Self {
            docker,
            dial,
            handle,
            kept: Mutex::default(),
            thread: Mutex::new(Some((stop, thread))),
        }))
    }

    /// Where it is.
    pub(super) fn endpoint(&self) -> &Endpoint {
        &self.dial.endpoint
    }

    pub(super) fn dial(&self) -> Arc<Dial> {
        Arc::clone(&self.dial)
    }

    /// Runs `future` on the daemon's thread; what it opened is closed when it has ended.
    pub(super) fn spawn<T: Send + 'static>(
        &self,
        future: impl Future<Output = T> + Send + 'static,
    ) -> std::sync::mpsc::Receiver<T> {
        let (answer, answered) = sync_channel(1);
        self.handle.spawn(async move {
            let done = Self::closing(future).await;
            // Whoever asked may have stopped waiting.
            let _ = answer.send(done);
        });
        answered
    }

    /// Has what `future` opens closed when it has ended.
    pub(super) fn closing<T>(future: impl Future<Output = T>) -> impl Future<Output = T> {
        OPENED.scope(RefCell::default(), async move {
            let done = future.await;
            let opened = OPENED.with(RefCell::take);
            for line in opened {
                line.abort();
                let _ = line.await;
            }
            done
        })
    }

    /// Has `future` run on the daemon's thread until whoever asked for it ends it.
    pub(super) fn start(
        &self,
        future: impl Future<Output = ()> + Send + 'static,
    ) -> tokio::task::JoinHandle<()> {
        self.handle.spawn(future)
    }

    /// Runs `future` on the daemon's thread, and waits for it here.
    pub(super) fn wait<T: Send + 'static>(
        &self,
        future: impl Future<Output = Result<T, ApiError>> + Send + 'static,
    ) -> Result<T, ApiError> {
        let answered = self.spawn(future).recv();
        answered.map_err(|error| ApiError::Gone {
            endpoint: self.endpoint().to_string(),
            source: error.into(),
        })?
    }

    /// Asks the daemon through `bollard`, and waits.
    pub(super) fn ask<T, F>(
        &self,
        ask: impl FnOnce(Docker) -> F + Send + 'static,
    ) -> Result<T, ApiError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, bollard::errors::Error>> + Send + 'static,
    {
        let endpoint = self.endpoint().to_string();
        let answer = ask(self.docker.clone());
        self.wait(async move { answer.await.map_err(|error| ApiError::of(error, &endpoint)) })
    }

    /// The client, for an answer that comes when a step ends.
    pub(super) fn patient(&self) -> Docker {
        self.docker.clone().with_timeout(STEP)
    }

    /// The client.
    pub(super) fn docker(&self) -> Docker {
        self.docker.clone()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let thread = self
            .thread
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some((stop, thread)) = thread.take() {
            let _ = stop.send(());
            let _ = thread.join();
        }
    }
}

/// What a backend says when its daemon did not do its part.
pub(super) fn failed(doing: impl Into<String>, error: ApiError) -> SandboxError {
    SandboxError::new(BACKEND, doing, SandboxErrorKind::Host).because(error)
}
