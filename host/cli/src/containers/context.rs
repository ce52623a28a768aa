//! Which daemon is named: by `DOCKER_HOST`, else by the context that Docker's own command uses.
//!
//! Reads what `docker context` writes. Connects to nothing.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use stepwell_sandbox_oci::docker::{Endpoint, TlsFiles};

use crate::environment::{DockerHost, Environment};
use crate::exit::{Coded, ExitCode};
use crate::inputs::bounded_text;

/// Docker's settings and contexts are smaller.
const MOST: u64 = 1 << 20;

/// The context that means the usual socket.
const DEFAULT: &str = "default";

/// What of Docker's settings is of interest here.
#[derive(Debug, Default, Deserialize)]
struct Settings {
    #[serde(rename = "currentContext")]
    current: Option<String>,
}

/// What of a context is of interest here.
#[derive(Debug, Deserialize)]
struct Meta {
    #[serde(rename = "Endpoints")]
    endpoints: Endpoints,
}

#[derive(Debug, Deserialize)]
struct Endpoints {
    docker: Named,
}

#[derive(Debug, Deserialize)]
struct Named {
    #[serde(rename = "Host")]
    host: String,
}

/// The daemon that is named, if one is.
///
/// # Errors
///
/// What names it cannot be read, or is not what names a daemon.
pub(super) fn named(env: &Environment) -> anyhow::Result<Option<Endpoint>> {
    let DockerHost {
        host,
        context,
        verified,
        certificates,
    } = env.docker_host();
    let config = env.docker_config();
    let folder = config.as_deref().and_then(Path::parent);
    if let Some(host) = host {
        let certificates = certificates.or_else(|| folder.map(Path::to_owned));
        let tls = certificates
            .filter(|_| verified)
            .map(|folder| TlsFiles::in_folder(&folder));
        return endpoint(&host, tls).map(Some);
    }
    let Some(folder) = folder else {
        return Ok(None);
    };
    let current = match context {
        Some(context) => Some(context),
        None => settings(&folder.join("config.json"))?.current,
    };
    match current.filter(|name| !name.is_empty() && name != DEFAULT) {
        Some(name) => of_context(folder, &name).map(Some),
        None => Ok(None),
    }
}

fn settings(path: &Path) -> anyhow::Result<Settings> {
    match path.exists() {
        true => read(path),
        false => Ok(Settings::default()),
    }
}

fn of_context(folder: &Path, name: &str) -> anyhow::Result<Endpoint> {
    let digest: String = Sha256::digest(name.as_bytes())
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let contexts = folder.join("contexts");
    let meta: Meta = read(&contexts.join("meta").join(&digest).join("meta.json"))
        .with_context(|| format!("failed to use Docker's context `{}`", name.escape_debug()))?;
    let tls: PathBuf = contexts.join("tls").join(&digest).join("docker");
    let tls = tls.is_dir().then(|| TlsFiles::in_folder(&tls));
    endpoint(&meta.endpoints.docker.host, tls)
}

fn endpoint(text: &str, tls: Option<TlsFiles>) -> anyhow::Result<Endpoint> {
    Endpoint::parse(text, tls)
        .with_context(|| Coded::new(ExitCode::Environment, "the daemon of Docker cannot be used"))
}

fn read<T: for<'de> Deserialize<'de>>(path: &Path) -> anyhow::Result<T> {
    let text = bounded_text(path, MOST)?;
    serde_json::from_str(&text).with_context(|| {
        let message = format!("`{}` is not what Docker writes there", path.display());
        Coded::new(ExitCode::Environment, message)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn daemon(variables: &[(&str, &str)]) -> anyhow::Result<Option<String>> {
        let env = Environment::of(variables);
        Ok(named(&env)?.map(|endpoint| endpoint.to_string()))
    }

    #[test]
    fn the_environment_comes_before_the_context() {
        let temp = tempfile::tempdir().unwrap();
        let config = temp.path().to_str().unwrap();
        let write = |path: &str, text: &str| {
            let path = temp.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        assert_eq!(daemon(&[("DOCKER_CONFIG", config)]).unwrap(), None);
        write("config.json", r#"{"auths": {}, "currentContext": "far"}"#);
        assert!(daemon(&[("DOCKER_CONFIG", config)]).is_err());
        let digest: String = Sha256::digest(b"far")
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        write(
            &format!("contexts/meta/{digest}/meta.json"),
            r#"{"Name": "far", "Endpoints": {"docker": {"Host": "ssh://me@far", "SkipTLSVerify": false}}}"#,
        );
        let far = Some("ssh://me@far".to_owned());
        assert_eq!(daemon(&[("DOCKER_CONFIG", config)]).unwrap(), far);
        let by_default = [("DOCKER_CONFIG", config), ("DOCKER_CONTEXT", "default")];
        assert_eq!(daemon(&by_default).unwrap(), None);
        let both = [("DOCKER_CONFIG", config), ("DOCKER_HOST", "unix:///s")];
        assert_eq!(daemon(&both).unwrap().as_deref(), Some("unix:///s"));
        assert!(daemon(&[("DOCKER_HOST", "nowhere")]).is_err());
    }

    #[test]
    fn a_verified_daemon_has_another_port() {
        let plain = [("DOCKER_HOST", "tcp://far")];
        assert_eq!(daemon(&plain).unwrap().as_deref(), Some("tcp://far:2375"));
        let verified = [
            ("DOCKER_HOST", "tcp://far"),
            ("DOCKER_TLS_VERIFY", "1"),
            ("DOCKER_CERT_PATH", "/c"),
        ];
        assert_eq!(
            daemon(&verified).unwrap().as_deref(),
            Some("tcp://far:2376")
        );
    }
}
