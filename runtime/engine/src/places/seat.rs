//! A step's place that remembers whether somebody opened a shell in it.

use std::io::{Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use stepwell_contract::power::{Display, DisplayStream, EachFile, Shell, ShellSpec};
use stepwell_contract::{Place, SandboxError};

/// Whether a shell was opened in any place of a task.
pub(crate) type Entered = Arc<AtomicBool>;

/// A place, and whom it tells of shells.
pub(super) struct Seat {
    pub(super) place: Arc<dyn Place>,
    pub(super) entered: Entered,
}

impl Place for Seat {
    fn backend(&self) -> &'static str {
        self.place.backend()
    }

    fn shell(&self, spec: ShellSpec) -> Result<Shell, SandboxError> {
        // Before: what is typed must not come earlier than this.
        self.entered.store(true, Ordering::SeqCst);
        self.place.shell(spec)
    }

    fn displays(&self) -> Result<Vec<Display>, SandboxError> {
        self.place.displays()
    }

    fn open_display(&self, name: &str) -> Result<DisplayStream, SandboxError> {
        // Whoever sees what a step draws can type into it.
        self.entered.store(true, Ordering::SeqCst);
        self.place.open_display(name)
    }

    fn extract_file(&self, path: &str) -> Result<Box<dyn Read + Send>, SandboxError> {
        self.place.extract_file(path)
    }

    fn extract_folder(&self, path: &str, each: &mut EachFile<'_>) -> Result<(), SandboxError> {
        self.place.extract_folder(path, each)
    }

    fn archive(&self, to: &mut dyn Write) -> Result<(), SandboxError> {
        self.place.archive(to)
    }
}
