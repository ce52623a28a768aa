//! A task that is open, a step that runs in it, and how it ended.

use std::error::Error;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use stepwell_contract::{
    Backend, Cancel, CancelReason, Ending, Sandbox, SandboxError, StepIo, TaskScope, TaskSpec,
};

use super::{Ear, Step};

/// A task that is open.
pub struct Task {
    /// Its scope.
    pub scope: Box<dyn TaskScope>,
    backend: Arc<dyn Backend>,
    patience: Duration,
}

impl Task {
    pub(super) fn open(backend: &Arc<dyn Backend>, spec: &TaskSpec, patience: Duration) -> Self {
        let scope = backend.open_task(spec);
        Self {
            scope: scope.unwrap_or_else(|error| panic!("not opened: {}", causes(&error))),
            backend: Arc::clone(backend),
            patience,
        }
    }

    /// Admits and prepares a step.
    ///
    /// # Errors
    ///
    /// What the backend says against it.
    pub fn try_prepare(&self, step: Step) -> Result<Box<dyn Sandbox>, SandboxError> {
        let spec = step.spec;
        self.backend
            .admit(&spec.image, &spec.grants, &spec.limits)?;
        self.scope.prepare(spec)
    }

    /// Prepares a step that nothing can be said against.
    pub fn prepare(&self, step: Step) -> Box<dyn Sandbox> {
        let prepared = self.try_prepare(step);
        prepared.unwrap_or_else(|error| panic!("not prepared: {}", causes(&error)))
    }

    /// Starts a step.
    pub fn start(&self, step: Step) -> Running {
        self.set_off(self.prepare(step))
    }

    /// Starts a step whose every output `hook` is told of; it may hold the step back.
    pub fn start_told(&self, step: Step, hook: impl Fn(&[u8]) + Send + Sync + 'static) -> Running {
        self.set_off_told(self.prepare(step), Cancel::new(), hook)
    }

    /// Starts a sandbox whose every output `hook` is told of.
    pub fn set_off_told(
        &self,
        sandbox: Box<dyn Sandbox>,
        cancel: Cancel,
        hook: impl Fn(&[u8]) + Send + Sync + 'static,
    ) -> Running {
        let ear = Ear::new(Some(Box::new(hook)));
        Running::new(sandbox, ear, cancel, self.patience)
    }

    /// Starts a sandbox: a step's, or a shell's.
    pub fn set_off(&self, sandbox: Box<dyn Sandbox>) -> Running {
        self.set_off_with(sandbox, Cancel::new())
    }

    /// Starts a sandbox that somebody may have stopped already.
    pub fn set_off_with(&self, sandbox: Box<dyn Sandbox>, cancel: Cancel) -> Running {
        Running::new(sandbox, Ear::default(), cancel, self.patience)
    }

    /// Runs a step to its end.
    pub fn run(&self, step: Step) -> End {
        self.start(step).end()
    }

    /// Closes the task, which has to leave nothing.
    pub fn close(self) {
        if let Err(error) = self.scope.close() {
            panic!("not closed: {}", causes(&error));
        }
    }
}

/// A step that runs, on a thread of its own.
pub struct Running {
    /// What it says.
    pub ear: Arc<Ear>,
    /// How it is stopped.
    pub cancel: Cancel,
    ended: Receiver<Result<Ending, SandboxError>>,
    patience: Duration,
}

impl Running {
    fn new(sandbox: Box<dyn Sandbox>, ear: Ear, cancel: Cancel, patience: Duration) -> Self {
        let ear = Arc::new(ear);
        let (send, ended) = channel();
        let io = StepIo {
            sink: Arc::<Ear>::clone(&ear),
            cancel: cancel.clone(),
        };
        let heard = Arc::clone(&ear);
        thread::spawn(move || {
            let ending = sandbox.run(io);
            heard.end();
            // Nobody waits any more for a step that took too long.
            let _ = send.send(ending);
        });
        Self {
            ear,
            cancel,
            ended,
            patience,
        }
    }

    /// Waits for a line on its standard output.
    pub fn wait_for(&self, line: &str) {
        self.ear.wait_for(line, self.patience);
    }

    /// Has it stopped.
    pub fn kill(&self) {
        self.cancel.cancel(CancelReason::Asked);
    }

    /// Waits for its end.
    ///
    /// # Panics
    ///
    /// When it does not come, or the backend could not do its job.
    pub fn end(self) -> End {
        match self.ended.recv_timeout(self.patience) {
            Ok(Ok(ending)) => End::new(ending, &self.ear),
            Ok(Err(error)) => panic!("not run: {}", causes(&error)),
            Err(RecvTimeoutError::Disconnected) => panic!("the thread of the step panicked"),
            Err(RecvTimeoutError::Timeout) => {
                self.kill();
                panic!(
                    "still running, having said {:?}",
                    End::new(Ending::Cancelled, &self.ear)
                );
            }
        }
    }
}

/// How a step ended, and what it said.
#[derive(Debug)]
pub struct End {
    /// How it ended.
    pub ending: Ending,
    /// The beginning of its standard output.
    pub stdout: String,
    /// The beginning of its standard error.
    pub stderr: String,
    /// How much it said in all.
    pub bytes: u64,
    /// How often it was said that the program runs.
    pub started: u32,
}

impl End {
    fn new(ending: Ending, ear: &Ear) -> Self {
        let heard = ear.take();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self {
            ending,
            stdout: text(&heard.stdout),
            stderr: text(&heard.stderr),
            bytes: heard.bytes,
            started: heard.started,
        }
    }

    /// The lines of its standard output, if it ended with code 0.
    #[track_caller]
    pub fn lines(&self) -> Vec<&str> {
        assert!(self.ending.is_success(), "{self:#?}");
        self.stdout.lines().map(str::trim_end).collect()
    }

    /// Demands exactly these lines and success.
    #[track_caller]
    pub fn says(&self, lines: &[&str]) {
        assert_eq!(self.lines(), lines, "{self:#?}");
    }
}

/// An error with all its causes.
pub fn causes(error: &SandboxError) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(&format!(": {error}"));
        cause = error.source();
    }
    text
}
