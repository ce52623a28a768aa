//! The key that an artifact is signed with: read, and unlocked where that is needed.

use std::io::IsTerminal as _;
use std::path::Path;

use anyhow::Context as _;
use stepwell_registry::SigningKey;

use crate::environment::Environment;
use crate::exit::{Coded, ExitCode};
use crate::inputs::bounded_text;

/// A secret key is two lines.
const KEY_BYTES: u64 = 4 << 10;

/// The secret key in a file. One that is locked is unlocked by the password in the environment, else by one that is asked for.
///
/// # Errors
///
/// It is no key, or nobody unlocks it.
pub(super) fn key(path: &Path, env: &Environment) -> anyhow::Result<SigningKey> {
    let text = bounded_text(path, KEY_BYTES)?;
    let bad = |help: &str| {
        let message = format!("failed to use the key `{}`{help}", path.display());
        Coded::new(ExitCode::Usage, message)
    };
    let password = match SigningKey::is_locked(&text) {
        false => None,
        true => match env.sign_password() {
            Some(password) => Some(password),
            None if std::io::stdin().is_terminal() => {
                let prompt = format!("Password of {}: ", path.display());
                let terminal = console::Term::stderr();
                let asked = terminal
                    .write_str(&prompt)
                    .and_then(|()| terminal.read_secure_line());
                Some(asked.context("failed to ask for a password")?)
            }
            None => {
                let help = ", which is locked: set `STEPWELL_SIGN_PASSWORD`, or make one without a password with `minisign -G -W`";
                return Err(bad(help).into());
            }
        },
    };
    SigningKey::read(&text, password).with_context(|| bad(""))
}
