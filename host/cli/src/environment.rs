//! What the environment says. Nothing else in Stepwell reads it.

use std::ffi::OsString;
use std::path::PathBuf;

use anyhow::Context as _;
use stepwell_sandbox_wasm::Compile;

use crate::exit::{Coded, ExitCode};

/// What a virtual clock shows where `SOURCE_DATE_EPOCH` is not set: 1980-01-01, the earliest day that a ZIP archive can
/// hold, so that archivers work.
const DEFAULT_EPOCH: u64 = 315_532_800;

/// What the environment says, as it said it; looked at closer when it is needed.
#[derive(Debug, Clone, Default)]
pub(crate) struct Environment {
    store: Option<OsString>,
    cache: Option<OsString>,
    state: Option<OsString>,
    xdg_state: Option<OsString>,
    home: Option<OsString>,
    no_color: Option<OsString>,
    epoch: Option<OsString>,
    log: Option<OsString>,
}

impl Environment {
    /// Reads every variable that Stepwell obeys.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place that reads the environment"
    )]
    pub(crate) fn read() -> Self {
        // An empty variable is one that is not set, for all of these.
        let read = |name| std::env::var_os(name).filter(|value| !value.is_empty());
        Self {
            store: read("STEPWELL_CACHE"),
            cache: read("XDG_CACHE_HOME"),
            state: read("STEPWELL_STATE"),
            xdg_state: read("XDG_STATE_HOME"),
            home: read("HOME"),
            no_color: read("NO_COLOR"),
            epoch: read("SOURCE_DATE_EPOCH"),
            log: read("RUST_LOG"),
        }
    }

    /// Where Stepwell keeps what it may lose: `STEPWELL_CACHE`, else `stepwell` in the user's cache folder.
    ///
    /// # Errors
    ///
    /// There is no home folder.
    pub(crate) fn store_root(&self) -> anyhow::Result<PathBuf> {
        if let Some(store) = &self.store {
            return Ok(store.into());
        }
        // The specification of XDG says that a relative path is to be ignored.
        let cache = self
            .cache
            .as_ref()
            .map(PathBuf::from)
            .filter(|cache| cache.is_absolute());
        let cache = cache.or_else(|| Some(PathBuf::from(self.home.as_ref()?).join(".cache")));
        let cache = cache.ok_or_else(|| {
            let message = "failed to find a cache folder: none of STEPWELL_CACHE, XDG_CACHE_HOME and HOME is set";
            Coded::new(ExitCode::Environment, message)
        })?;
        Ok(cache.join("stepwell"))
    }

    /// Where Stepwell keeps what it may not lose: `STEPWELL_STATE`, else `stepwell` in the user's state folder.
    ///
    /// # Errors
    ///
    /// There is no home folder.
    pub(crate) fn state_root(&self) -> anyhow::Result<PathBuf> {
        if let Some(state) = &self.state {
            return Ok(state.into());
        }
        let state = self.xdg_state.as_ref().map(PathBuf::from);
        let state = state.filter(|state| state.is_absolute());
        let home = || Some(PathBuf::from(self.home.as_ref()?).join(".local/state"));
        let state = state.or_else(home).ok_or_else(|| {
            let message = "failed to find a state folder: none of STEPWELL_STATE, XDG_STATE_HOME and HOME is set";
            Coded::new(ExitCode::Environment, message)
        })?;
        Ok(state.join("stepwell"))
    }

    /// What a virtual clock shows, in seconds since 1970.
    ///
    /// # Errors
    ///
    /// `SOURCE_DATE_EPOCH` is not a number of seconds.
    pub(crate) fn epoch_seconds(&self) -> anyhow::Result<u64> {
        let Some(text) = &self.epoch else {
            return Ok(DEFAULT_EPOCH);
        };
        let text = text.to_string_lossy();
        text.parse().with_context(|| {
            let message =
                format!("SOURCE_DATE_EPOCH is `{text}`, which is not a number of seconds");
            Coded::new(ExitCode::Environment, message)
        })
    }

    /// Whether colour is unwanted.
    pub(crate) fn no_color(&self) -> bool {
        self.no_color.is_some()
    }

    /// What to log, for developers of Stepwell.
    pub(crate) fn log(&self) -> Option<String> {
        Some(self.log.as_ref()?.to_string_lossy().into_owned())
    }
}

/// Where images are compiled: in this program, started once more.
pub(crate) fn compiler() -> anyhow::Result<Compile> {
    Ok(Compile::Child {
        program: this_program()?,
        args: vec!["compile-worker".into()],
    })
}

/// This very program, which is started again to compile components.
///
/// # Errors
///
/// The system does not tell.
fn this_program() -> anyhow::Result<PathBuf> {
    std::env::current_exe().context("failed to find the program that runs")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn root(store: &str, cache: &str, home: &str) -> Option<PathBuf> {
        let some = |text: &str| (!text.is_empty()).then(|| text.into());
        Environment {
            store: some(store),
            cache: some(cache),
            home: some(home),
            ..Environment::default()
        }
        .store_root()
        .ok()
    }

    #[test]
    fn the_store_is_where_the_most_specific_variable_says() {
        assert_eq!(root("s", "/c", "/h"), Some("s".into()));
        assert_eq!(root("", "/c", "/h"), Some("/c/stepwell".into()));
        assert_eq!(
            root("", "relative", "/h"),
            Some("/h/.cache/stepwell".into())
        );
        assert_eq!(root("", "", "/h"), Some("/h/.cache/stepwell".into()));
        assert_eq!(root("", "", ""), None);
    }

    #[test]
    fn the_epoch_is_a_number_of_seconds() {
        let epoch = |text: &str| {
            let epoch = Some(text.into());
            Environment {
                epoch,
                ..Environment::default()
            }
            .epoch_seconds()
        };
        assert_eq!(
            Environment::default().epoch_seconds().unwrap(),
            DEFAULT_EPOCH
        );
        assert_eq!(epoch("1700000000").unwrap(), 1_700_000_000);
        assert!(epoch("yesterday").is_err() && epoch("-1").is_err());
    }
}
