//! How the pull of an image is going, as one line on a terminal.
//!
//! It does not know what is pulled. Where nobody looks, nothing is drawn.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use stepwell_registry::{Observer, Sha256};
use stepwell_report::clean::clean;

/// One line: what is pulled, how much of it is here.
pub(crate) struct Bar {
    bar: ProgressBar,
    /// How much of each part is here.
    parts: Mutex<BTreeMap<Sha256, u64>>,
}

impl Bar {
    /// A line for the image `name`, drawn only once something has to come.
    pub(crate) fn new(name: &str, shows: bool) -> Self {
        let target = match shows {
            true => ProgressDrawTarget::stderr(),
            false => ProgressDrawTarget::hidden(),
        };
        let bar = ProgressBar::with_draw_target(None, target);
        let template = "pulling {msg}  {bytes} of {total_bytes}  {bytes_per_sec}";
        // A template that cannot be read leaves indicatif's own.
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.set_message(clean(name).into_owned());
        Self {
            bar,
            parts: Mutex::default(),
        }
    }
}

impl Observer for Bar {
    fn begins(&self, parts: &[(Sha256, u64)]) {
        self.bar
            .set_length(parts.iter().map(|(_, size)| size).sum());
    }

    fn advanced(&self, part: Sha256, bytes: u64) {
        // Whoever panicked has left a number that the next one replaces.
        let mut parts = self.parts.lock().unwrap_or_else(PoisonError::into_inner);
        parts.insert(part, bytes);
        self.bar.set_position(parts.values().sum());
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
