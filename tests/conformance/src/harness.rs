//! What a backend's developer writes to have it tested: how a program that does this and that looks there.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use stepwell_contract::{Backend, Feature, Grants, Image};

use crate::Action;

/// A program: its code, and how it is called.
#[derive(Debug, Clone)]
pub struct Program {
    /// The code.
    pub image: Image,
    /// The arguments, the program's own name first.
    pub argv: Vec<String>,
    /// What it has to be granted to do what it is to do.
    pub grants: Grants,
}

/// A backend, and how to talk to it.
pub trait Harness: Sync {
    /// The backend; the same one each time.
    fn backend(&self) -> Arc<dyn Backend>;

    /// Which optional powers it has. Of every other one the suite demands the refusal.
    fn features(&self) -> &'static [Feature];

    /// A program that does `actions`, one after the other, and ends with code 0 if none of them ends it before.
    fn program(&self, actions: &[Action]) -> Program;

    /// What has to be typed into the shell of a step to have these actions done. Asked only where there is
    /// [`Feature::Shell`].
    fn typed(&self, actions: &[Action]) -> String {
        let _ = actions;
        String::new()
    }

    /// The folders in which the backend may keep something while it runs steps, and nothing afterwards; not those of a
    /// cache.
    fn folders(&self) -> Vec<PathBuf> {
        Vec::new()
    }

    /// Names of all that is left of the backend outside of files and of this process: containers, control groups, network
    /// namespaces. Of this harness' own, for others may run beside it.
    fn remains(&self) -> Vec<String> {
        Vec::new()
    }

    /// How long a case waits for what never takes long. Only a case that fails waits to the end of it.
    fn patience(&self) -> Duration {
        Duration::from_secs(120)
    }

    /// How much the case about output without end prints.
    fn flood(&self) -> u64 {
        if cfg!(debug_assertions) {
            256 << 20
        } else {
            10 << 30
        }
    }
}
