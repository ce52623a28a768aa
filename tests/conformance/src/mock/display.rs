//! Displays of the mock: two that say hello in RFB, and then nothing.

use std::io::{self, Read};
use std::sync::Arc;

use stepwell_contract::Cancel;
use stepwell_contract::power::{Display, DisplayStream};

use super::{Flaw, SHORT, Shared};

const NAMES: [&str; 2] = ["screen", "second"];

pub(super) fn list(shared: &Shared) -> Vec<Display> {
    NAMES
        .map(|name| Display {
            name: match shared.has(Flaw::DisplaysAlike) {
                true => NAMES[0].to_owned(),
                false => name.to_owned(),
            },
            description: format!("the {name} of the mock"),
            size: Some((640, 480)),
        })
        .into()
}

/// Connects to the display `name` of a step that ends when `ended` is asked for.
pub(super) fn open(shared: &Arc<Shared>, name: &str, ended: Cancel) -> Option<DisplayStream> {
    if !NAMES.contains(&name) && !shared.has(Flaw::OpensAnyDisplay) {
        return None;
    }
    let greeting: &[u8] = match shared.has(Flaw::DisplaysGreetWrong) {
        true => b"HTTP/1.1 200",
        false => b"RFB 003.008\n",
    };
    let input = Greeting {
        left: greeting,
        ended,
        shared: Arc::clone(shared),
    };
    Some(DisplayStream {
        input: Box::new(input),
        output: Box::new(io::sink()),
    })
}

/// Says one thing, then waits for the end.
struct Greeting {
    left: &'static [u8],
    ended: Cancel,
    shared: Arc<Shared>,
}

impl Read for Greeting {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        if !self.left.is_empty() {
            return self.left.read(bytes);
        }
        if self.shared.has(Flaw::DisplayStays) {
            self.shared.release.sleep(SHORT);
            return Err(io::ErrorKind::TimedOut.into());
        }
        self.ended.sleep(std::time::Duration::MAX);
        Ok(0)
    }
}
