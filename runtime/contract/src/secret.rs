//! What stands for the value of a Secret in a text: the rule that whoever masks follows.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

/// What stands where a secret was.
pub const MASK: &str = "***";

/// A line of a secret that is shorter is part of too much else: a closing bracket, a word.
const SHORTEST_LINE: usize = 4;

/// Every text that gives one of `secrets` away: its value with and without the line ends behind it, each of its lines, and
/// all of it in base64.
pub fn spellings(secrets: &[impl AsRef<str>]) -> BTreeSet<String> {
    let mut spellings = BTreeSet::new();
    for secret in secrets {
        add(secret.as_ref(), &mut spellings);
    }
    spellings
}

/// Adds all that stands for `secret`.
fn add(secret: &str, spellings: &mut BTreeSet<String>) {
    let trimmed = secret.trim_end_matches(['\n', '\r']);
    if trimmed.is_empty() {
        return;
    }
    for whole in [secret, trimmed] {
        spellings.insert(whole.to_owned());
        if whole.len() >= SHORTEST_LINE {
            spellings.insert(STANDARD_NO_PAD.encode(whole));
            spellings.insert(URL_SAFE_NO_PAD.encode(whole));
        }
    }
    let lines = secret.split('\n').map(|line| line.trim_end_matches('\r'));
    for line in lines.filter(|line| line.len() >= SHORTEST_LINE) {
        spellings.insert(line.to_owned());
    }
}
