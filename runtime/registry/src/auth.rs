//! Who logs in where: Docker's `config.json`, and the programs that it sends us to.
//!
//! It does not know how a login is shown to a server. A login is only ever looked up for a registry that asked for one, so
//! that nothing is run for what everybody may read.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fmt, io,
    path::PathBuf,
    time::{Duration, Instant},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::Deserialize;

use crate::{
    files,
    program::{Program, ProgramError},
};

/// What a settings file is read up to.
const CONFIG_BYTES: u64 = 1 << 20;

/// What a helper may say: tokens of clouds have some kilobytes.
const HELPER_BYTES: u64 = 256 << 10;

/// How long a helper may take. Some ask a keyring, which may ask the user.
const HELPER_TIME: Duration = Duration::from_secs(30);

/// Under which name Docker keeps the login for Docker Hub.
const DOCKER_HUB: &str = "https://index.docker.io/v1/";

/// What proves who we are.
#[derive(Clone, PartialEq, Eq)]
pub enum Login {
    /// Name and password.
    Password {
        /// The name.
        user: String,
        /// The password, or a token that is used like one.
        secret: String,
    },
    /// A token for the server that hands out tokens.
    Identity(String),
    /// A token for the registry itself.
    Registry(String),
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Password { .. } => "Password(…)",
            Self::Identity(_) => "Identity(…)",
            Self::Registry(_) => "Registry(…)",
        })
    }
}

/// Where logins are kept.
#[derive(Debug, Clone, Default)]
pub struct Keychain {
    /// Docker's `config.json`; a file that is not there holds no login.
    pub config: Option<PathBuf>,
    /// All variables that helpers are started with.
    pub environment: Vec<(OsString, OsString)>,
}

/// The login for a registry cannot be looked up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeychainError {
    /// The file.
    #[error("failed to read `{}`", path.display())]
    Read {
        /// Its path.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// What is in the file.
    #[error("`{}` is not what Docker writes", path.display())]
    Malformed {
        /// Its path.
        path: PathBuf,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// A login in the file.
    #[error("`auth` of `{registry}` in `{}` is not the base64 of `user:password`", path.display())]
    Auth {
        /// Of which registry.
        registry: String,
        /// The file's path.
        path: PathBuf,
    },
    /// The name of a helper.
    #[error("`{}` names a credential helper `{helper}`, which no program can be called", path.display())]
    HelperName {
        /// What it is called.
        helper: String,
        /// The file's path.
        path: PathBuf,
    },
    /// A helper did not do its work.
    #[error("failed to ask `{helper}` for the login of `{registry}`")]
    Helper {
        /// The program.
        helper: String,
        /// For which registry.
        registry: String,
        /// Why.
        #[source]
        source: ProgramError,
    },
    /// A helper refused.
    #[error("`{helper}` has no login for `{registry}`: {complaint}")]
    Refused {
        /// The program.
        helper: String,
        /// For which registry.
        registry: String,
        /// What it said.
        complaint: String,
    },
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Config {
    auths: BTreeMap<String, Auth>,
    cred_helpers: BTreeMap<String, String>,
    creds_store: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Auth {
    auth: String,
    username: String,
    password: String,
    identitytoken: String,
    registrytoken: String,
}

#[derive(Deserialize)]
struct Helped {
    #[serde(rename = "Username")]
    user: String,
    #[serde(rename = "Secret")]
    secret: String,
}

impl Keychain {
    /// The login for a registry, by the name that one writes: `docker.io`, `ghcr.io`, `localhost:5000`.
    ///
    /// # Errors
    ///
    /// When the settings cannot be read, or a helper that they name does not work.
    pub fn find(&self, registry: &str) -> Result<Option<Login>, KeychainError> {
        let Some(path) = &self.config else {
            return Ok(None);
        };
        let bytes = match files::read(path, CONFIG_BYTES) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            bytes => bytes.map_err(|source| KeychainError::Read {
                path: path.clone(),
                source,
            })?,
        };
        let config: Config =
            serde_json::from_slice(&bytes).map_err(|source| KeychainError::Malformed {
                path: path.clone(),
                source,
            })?;
        let helper = config
            .cred_helpers
            .iter()
            .find(|(key, _)| is_for(key, registry))
            .map(|(_, helper)| helper)
            .or(Some(&config.creds_store))
            .filter(|helper| !helper.is_empty());
        if let Some(helper) = helper
            && let Some(login) = self.ask_helper(path, helper, registry)?
        {
            return Ok(Some(login));
        }
        match config.auths.iter().find(|(key, _)| is_for(key, registry)) {
            Some((_, auth)) => read_auth(auth).map_err(|()| KeychainError::Auth {
                registry: registry.to_owned(),
                path: path.clone(),
            }),
            None => Ok(None),
        }
    }

    fn ask_helper(
        &self,
        path: &std::path::Path,
        helper: &str,
        registry: &str,
    ) -> Result<Option<Login>, KeychainError> {
        let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if !helper.chars().all(is_name) {
            return Err(KeychainError::HelperName {
                helper: crate::words::quoted(helper),
                path: path.to_owned(),
            });
        }
        let helper = format!("docker-credential-{helper}");
        let server = match registry {
            "docker.io" => DOCKER_HUB,
            other => other,
        };
        let said = Program {
            name: &helper,
            arguments: &["get".into()],
            environment: &self.environment,
            input: server.as_bytes(),
            deadline: Instant::now() + HELPER_TIME,
            output: HELPER_BYTES,
            watch: &|| true,
        }
        .run()
        .map_err(|source| KeychainError::Helper {
            helper: helper.clone(),
            registry: registry.to_owned(),
            source,
        })?;
        let text = String::from_utf8_lossy(&said.output);
        if !said.status.success() {
            // The words by which every helper says that it knows of no login.
            if text.contains("credentials not found") {
                return Ok(None);
            }
            let complaint = match said.complaint {
                complaint if complaint.is_empty() => crate::words::quoted(&text),
                complaint => complaint,
            };
            return Err(KeychainError::Refused {
                helper,
                registry: registry.to_owned(),
                complaint,
            });
        }
        let helped: Helped = serde_json::from_str(&text).map_err(|_| KeychainError::Refused {
            helper,
            registry: registry.to_owned(),
            complaint: "its answer is malformed".to_owned(),
        })?;
        Ok(Some(match helped.user.as_str() {
            "<token>" => Login::Identity(helped.secret),
            _ => Login::Password {
                user: helped.user,
                secret: helped.secret,
            },
        }))
    }
}

fn read_auth(auth: &Auth) -> Result<Option<Login>, ()> {
    let filled = |text: &String| (!text.is_empty()).then(|| text.clone());
    if let Some(token) = filled(&auth.registrytoken) {
        return Ok(Some(Login::Registry(token)));
    }
    if let Some(token) = filled(&auth.identitytoken) {
        return Ok(Some(Login::Identity(token)));
    }
    if let (Some(user), Some(secret)) = (filled(&auth.username), filled(&auth.password)) {
        return Ok(Some(Login::Password { user, secret }));
    }
    let Some(encoded) = filled(&auth.auth) else {
        return Ok(None);
    };
    let bytes = STANDARD.decode(encoded).map_err(drop)?;
    let text = String::from_utf8(bytes).map_err(drop)?;
    let (user, secret) = text.split_once(':').ok_or(())?;
    Ok(Some(Login::Password {
        user: user.to_owned(),
        // Some versions of Docker fill it up.
        secret: secret.trim_end_matches('\0').to_owned(),
    }))
}

/// Whether a key of the settings means this registry. It may be a host or, from older times, a URL.
fn is_for(key: &str, registry: &str) -> bool {
    let host = key
        .trim_start_matches("https://")
        .trim_start_matches("http://")
        .split('/')
        .next()
        .unwrap_or_default();
    host == registry
        || (registry == "docker.io" && matches!(host, "index.docker.io" | "registry-1.docker.io"))
}

#[cfg(test)]
mod tests;
