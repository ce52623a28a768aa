//! What no backend may be handed: names that clash, and names that no process could have.
//!
//! Documents are checked long before, with the place of the mistake. This is the same for whoever makes a [`StepSpec`]
//! without one, in one place for all backends.

use crate::{SandboxError, SandboxErrorKind, StepSpec};

/// The longest name of a proxy: it is one label of a host's name.
const LONGEST_PROXY: usize = 63;

impl StepSpec {
    /// Looks for names that clash or cannot be. A backend asks first thing in
    /// [`prepare`](crate::TaskScope::prepare).
    ///
    /// # Errors
    ///
    /// [`SandboxErrorKind::Conflict`] for a variable or a mount that is there twice, [`SandboxErrorKind::Malformed`] for a
    /// variable, an argument or a mount that cannot be.
    pub fn check(&self, backend: &'static str) -> Result<(), SandboxError> {
        let fault = |kind, cause: String| {
            SandboxError::new(backend, format!("prepare step `{}`", self.name), kind).because(cause)
        };
        for (name, value) in &self.env {
            if name.is_empty() || name.contains(['=', '\0']) {
                let cause = format!("`{}` cannot be the name of a variable", name.escape_debug());
                return Err(fault(SandboxErrorKind::Malformed, cause));
            }
            if value.contains('\0') {
                let cause = format!("the variable `{name}` has a zero byte in it");
                return Err(fault(SandboxErrorKind::Malformed, cause));
            }
        }
        if self.argv.iter().any(|arg| arg.contains('\0')) {
            let cause = "an argument has a zero byte in it".to_owned();
            return Err(fault(SandboxErrorKind::Malformed, cause));
        }
        if let Some(mount) = self.mounts.iter().find(|mount| !is_normal(&mount.path)) {
            let cause = format!(
                "`{}` is no absolute, normalised path",
                mount.path.escape_debug()
            );
            return Err(fault(SandboxErrorKind::Malformed, cause));
        }
        if let Some(name) = twice(self.env.iter().map(|(name, _)| &**name)) {
            let cause = format!("the variable `{name}` is set twice");
            return Err(fault(SandboxErrorKind::Conflict, cause));
        }
        if let Some(path) = twice(self.mounts.iter().map(|mount| &*mount.path)) {
            let cause = format!("two volumes are mounted at `{path}`");
            return Err(fault(SandboxErrorKind::Conflict, cause));
        }
        Ok(())
    }
}

/// Looks whether `name` can be a proxy's, beside those that are `taken`.
///
/// # Errors
///
/// [`SandboxErrorKind::Malformed`] for what is no label of a host's name, [`SandboxErrorKind::Conflict`] for a name that is
/// taken.
pub fn check_proxy<'a>(
    backend: &'static str,
    name: &str,
    mut taken: impl Iterator<Item = &'a str>,
) -> Result<(), SandboxError> {
    let fault = |kind, cause: &str| {
        let doing = format!("attach the proxy `{}`", name.escape_debug());
        Err(SandboxError::new(backend, doing, kind).because(cause))
    };
    let is_label = |name: &str| {
        name.bytes()
            .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'))
            && !name.is_empty()
            && name.len() <= LONGEST_PROXY
            && !name.starts_with('-')
            && !name.ends_with('-')
    };
    if !is_label(name) {
        let cause = "its name has to be of a-z, 0-9 and `-`, at most 63 of them, no `-` at an end";
        return fault(SandboxErrorKind::Malformed, cause);
    }
    if taken.any(|other| other == name) {
        return fault(SandboxErrorKind::Conflict, "there is one of this name");
    }
    Ok(())
}

/// Whether a path begins at the root and has nothing to resolve in its text.
fn is_normal(path: &str) -> bool {
    let names = path.strip_prefix('/');
    names.is_some_and(|names| {
        !names.contains('\0')
            && names
                .split('/')
                .all(|name| !matches!(name, "" | "." | ".."))
    })
}

/// A name that is there more than once.
fn twice<'a>(names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let mut names: Vec<&str> = names.collect();
    names.sort_unstable();
    let pair = names.windows(2).find(|pair| pair[0] == pair[1])?;
    Some(pair[0])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn normal_paths_have_nothing_to_resolve() {
        for path in ["/ws", "/workspace/a b", "/a/..b", "/.tekton"] {
            assert!(is_normal(path), "{path}");
        }
        for path in ["", "/", "ws", "/ws/", "//ws", "/ws/../x", "/./ws", "/a\0b"] {
            assert!(!is_normal(path), "{path:?}");
        }
    }

    #[test]
    fn a_proxy_has_the_name_of_a_host() {
        let longest = "a".repeat(LONGEST_PROXY);
        for name in ["a", "git-hub", "0", &longest] {
            assert!(check_proxy("plain", name, ["other"].into_iter()).is_ok());
        }
        let longer = format!("{longest}a");
        for name in ["", "-a", "a-", "A", "a.b", "a/b", "ä", "a\r\n", &longer] {
            let error = check_proxy("plain", name, std::iter::empty()).unwrap_err();
            assert!(
                matches!(error.kind, SandboxErrorKind::Malformed),
                "{name:?}"
            );
        }
        let error = check_proxy("plain", "a", ["b", "a"].into_iter()).unwrap_err();
        assert!(matches!(error.kind, SandboxErrorKind::Conflict));
    }

    #[test]
    fn what_is_there_twice_is_found_wherever_it_is() {
        assert_eq!(twice(["b", "a", "b"].into_iter()), Some("b"));
        assert_eq!(twice(["b", "a", "ba"].into_iter()), None);
    }
}
