//! Logging in: what to show to a registry that asks for it, and the server that hands out tokens.
//!
//! It does not know where logins are kept, nor for how long what it got is good.

use std::time::Instant;

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::Deserialize;

use crate::{
    auth::Login,
    challenge::Challenge,
    client::{Registry, denied, http_error, refused},
    error::{Power, RegistryError},
    http::{self, Ask, HttpError},
    reference::Reference,
};

/// What the answer of a server for tokens may have. Stops an endless one.
const TOKEN_BYTES: u64 = 256 << 10;

impl Registry {
    /// What to show to a registry that wants to see something; nothing where there is nothing to show.
    pub(crate) fn log_in(
        &self,
        reference: &Reference,
        power: Power,
        challenges: &[String],
        deadline: Instant,
    ) -> Result<Option<String>, RegistryError> {
        let Some(challenge) = Challenge::find(challenges) else {
            return Ok(None);
        };
        let login = self
            .options
            .keychain
            .find(reference.registry())
            .map_err(|source| RegistryError::Keychain {
                registry: reference.registry().to_owned(),
                source,
            })?;
        match (challenge, login) {
            (_, Some(Login::Registry(token))) => Ok(Some(format!("Bearer {token}"))),
            (Challenge::Basic, Some(Login::Password { user, secret })) => {
                Ok(Some(basic(&user, &secret)))
            }
            (Challenge::Basic, _) => Ok(None),
            (Challenge::Bearer { realm, service }, login) => self
                .token(
                    reference,
                    power,
                    (&realm, service.as_deref()),
                    login,
                    deadline,
                )
                .map(Some),
        }
    }

    /// Asks the server for tokens. For what everybody may read, it hands one out to everybody.
    fn token(
        &self,
        reference: &Reference,
        power: Power,
        (realm, service): (&str, Option<&str>),
        login: Option<Login>,
        deadline: Instant,
    ) -> Result<String, RegistryError> {
        let bad = |source: HttpError| http_error(reference, source);
        let (scheme, host) = http::scheme_and_host(realm).map_err(bad)?;
        if scheme != "https" && !self.is_insecure(&host) {
            return Err(RegistryError::Realm {
                registry: reference.registry().to_owned(),
                realm: format!("{scheme}://{host}"),
            });
        }
        // What to ask for is ours to say: no more than is needed.
        let scope = match power {
            Power::Read => format!("repository:{}:pull", reference.repository()),
            Power::Write => format!("repository:{}:pull,push", reference.repository()),
            Power::List => "registry:catalog:*".to_owned(),
        };
        let mut asked = vec![("scope", scope.as_str())];
        asked.extend(service.map(|service| ("service", service)));
        let (url, form, authorization) = match &login {
            Some(Login::Identity(token)) => {
                asked.extend([
                    ("grant_type", "refresh_token"),
                    ("refresh_token", token.as_str()),
                    ("client_id", "stepwell"),
                ]);
                (realm.to_owned(), Some(asked), None)
            }
            Some(Login::Password { user, secret }) => {
                let url = http::with_query(realm, &asked).map_err(bad)?;
                (url, None, Some(basic(user, secret)))
            }
            Some(Login::Registry(_)) | None => {
                (http::with_query(realm, &asked).map_err(bad)?, None, None)
            }
        };
        let answer = self
            .http
            .ask(&Ask {
                authorization: authorization.as_deref(),
                form: form.as_deref(),
                ..Ask::new(&url, TOKEN_BYTES, deadline)
            })
            .map_err(bad)?;
        match answer.status {
            200 => {}
            400 | 401 | 403 => {
                let with = if login.is_some() {
                    "with the login there is"
                } else {
                    "without a login"
                };
                return Err(denied(reference, power, with));
            }
            status => return Err(refused(reference, status, &answer.body)),
        }
        let token: Token = serde_json::from_slice(&answer.body).unwrap_or_default();
        let token = token
            .token
            .or(token.access_token)
            .filter(|token| !token.is_empty());
        match token {
            Some(token) => Ok(format!("Bearer {token}")),
            None => Err(RegistryError::Answer {
                registry: reference.registry().to_owned(),
                status: answer.status,
                said: ", but without the token that was asked for".to_owned(),
            }),
        }
    }
}

/// What a server for tokens hands out, under either of two names.
#[derive(Deserialize, Default)]
struct Token {
    token: Option<String>,
    access_token: Option<String>,
}

fn basic(user: &str, secret: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{secret}")))
}
