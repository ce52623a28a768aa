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
    home: Option<OsString>,
    no_color: Option<OsString>,
    epoch: Option<OsString>,
    log: Option<OsString>,
    state: Option<OsString>,
    state_home: Option<OsString>,
    docker_config: Option<OsString>,
    sign_password: Option<OsString>,
    docker_host: Option<OsString>,
    docker_context: Option<OsString>,
    docker_tls_verify: Option<OsString>,
    docker_cert_path: Option<OsString>,
    runtime: Option<OsString>,
}

/// What the environment says about a daemon of Docker's.
#[derive(Debug, Clone, Default)]
pub(crate) struct DockerHost {
    /// Where it is.
    pub(crate) host: Option<String>,
    /// Which of Docker's contexts is used instead of the one in its settings.
    pub(crate) context: Option<String>,
    /// Whether it is spoken to over TLS.
    pub(crate) verified: bool,
    /// Where the certificates are for that.
    pub(crate) certificates: Option<PathBuf>,
}

impl Environment {
    /// Reads every variable that Stepwell obeys.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place that reads the environment"
    )]
    pub(crate) fn read() -> Self {
        // An empty variable is one that is not set, for all of these.
        Self::with(|name| std::env::var_os(name).filter(|value| !value.is_empty()))
    }

    /// An environment of these variables alone.
    #[cfg(test)]
    pub(crate) fn of(variables: &[(&str, &str)]) -> Self {
        let set = |name: &str| variables.iter().find(|(one, _)| *one == name);
        Self::with(|name| set(name).map(|(_, value)| value.into()))
    }

    fn with(read: impl Fn(&str) -> Option<OsString>) -> Self {
        Self {
            store: read("STEPWELL_CACHE"),
            cache: read("XDG_CACHE_HOME"),
            home: read("HOME"),
            no_color: read("NO_COLOR"),
            epoch: read("SOURCE_DATE_EPOCH"),
            log: read("RUST_LOG"),
            state: read("STEPWELL_STATE"),
            state_home: read("XDG_STATE_HOME"),
            docker_config: read("DOCKER_CONFIG"),
            sign_password: read("STEPWELL_SIGN_PASSWORD"),
            docker_host: read("DOCKER_HOST"),
            docker_context: read("DOCKER_CONTEXT"),
            docker_tls_verify: read("DOCKER_TLS_VERIFY"),
            docker_cert_path: read("DOCKER_CERT_PATH"),
            runtime: read("XDG_RUNTIME_DIR"),
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

    /// Where Stepwell keeps what must outlive a cache, records of runs and claims: `STEPWELL_STATE`, else `stepwell` in
    /// the user's folder for state.
    ///
    /// # Errors
    ///
    /// There is no home folder.
    pub(crate) fn state_root(&self) -> anyhow::Result<PathBuf> {
        if let Some(state) = &self.state {
            return Ok(state.into());
        }
        let home = self.state_home.as_ref().map(PathBuf::from);
        let home = home.filter(|home| home.is_absolute());
        let home = home.or_else(|| Some(PathBuf::from(self.home.as_ref()?).join(".local/state")));
        let home = home.ok_or_else(|| {
            let message = "failed to find a folder for state: none of STEPWELL_STATE, XDG_STATE_HOME and HOME is set";
            Coded::new(ExitCode::Environment, message)
        })?;
        Ok(home.join("stepwell"))
    }

    /// What unlocks the key that artifacts are signed with.
    pub(crate) fn sign_password(&self) -> Option<String> {
        let password = self.sign_password.as_ref()?;
        Some(password.to_string_lossy().into_owned())
    }

    /// Docker's own settings, which say who logs in where.
    pub(crate) fn docker_config(&self) -> Option<PathBuf> {
        let folder = self.docker_config.as_ref().map(PathBuf::from);
        let folder = folder.or_else(|| Some(PathBuf::from(self.home.as_ref()?).join(".docker")));
        Some(folder?.join("config.json"))
    }

    /// Which daemon of Docker's is meant.
    pub(crate) fn docker_host(&self) -> DockerHost {
        let text = |value: &Option<OsString>| Some(value.as_ref()?.to_string_lossy().into_owned());
        DockerHost {
            host: text(&self.docker_host),
            context: text(&self.docker_context),
            verified: self.docker_tls_verify.is_some(),
            certificates: self.docker_cert_path.as_ref().map(PathBuf::from),
        }
    }

    /// Where daemons of Docker and Podman usually listen, the most usual first: this user's own, and the machine's.
    pub(crate) fn sockets(&self) -> Vec<PathBuf> {
        let mut sockets = vec![PathBuf::from("/var/run/docker.sock")];
        let below = |folder: &Option<OsString>, path: &str| {
            let folder = folder.as_ref().map(PathBuf::from);
            let folder = folder.filter(|folder| folder.is_absolute());
            folder.map(|folder| folder.join(path))
        };
        sockets.extend(below(&self.home, ".docker/run/docker.sock"));
        sockets.extend(below(&self.runtime, "docker.sock"));
        sockets.extend(below(&self.runtime, "podman/podman.sock"));
        sockets.push(PathBuf::from("/run/podman/podman.sock"));
        sockets
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

/// The variables of these names, for programs that are started.
#[expect(
    clippy::disallowed_methods,
    reason = "this is the one place that reads the environment"
)]
pub(crate) fn for_children(names: &[&str]) -> Vec<(OsString, OsString)> {
    let read = |name: &&str| Some((OsString::from(name), std::env::var_os(name)?));
    names.iter().filter_map(read).collect()
}

/// Where images are compiled: in this program, started once more.
pub(crate) fn compiler() -> anyhow::Result<Compile> {
    Ok(Compile::Child {
        program: this_program()?,
        args: vec!["compile-worker".into()],
    })
}

/// This very program, which is started again to compile components, and to become containers.
///
/// # Errors
///
/// The system does not tell.
pub(crate) fn this_program() -> anyhow::Result<PathBuf> {
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
    fn state_is_kept_apart_from_the_cache() {
        let some = |text: &str| (!text.is_empty()).then(|| text.into());
        let state = |state: &str, state_home: &str, home: &str| {
            let env = Environment {
                state: some(state),
                state_home: some(state_home),
                home: some(home),
                ..Environment::default()
            };
            env.state_root().ok()
        };
        assert_eq!(state("s", "/x", "/h"), Some("s".into()));
        assert_eq!(state("", "/x", "/h"), Some("/x/stepwell".into()));
        assert_eq!(
            state("", "x", "/h"),
            Some("/h/.local/state/stepwell".into())
        );
        assert_eq!(state("", "", ""), None);
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
