//! Proxies that the steps of a task reach by their names: attached when the task opens, and told to its steps.
//!
//! It does not know HTTP: what is asked of a proxy goes from the backend to its handler.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use stepwell_contract::power::ProxyHandler;
use stepwell_contract::{Feature, ImageKind, SandboxError, SandboxErrorKind, StepSpec};

use crate::backends::Scopes;

/// What the variable begins with that tells a step the address of a proxy.
const VARIABLE: &str = "STEPWELL_PROXY_";

/// The proxies that there are.
#[derive(Clone, Default)]
pub struct Proxies {
    /// Who answers, by the name of the proxy.
    pub handlers: BTreeMap<Arc<str>, Arc<dyn ProxyHandler>>,
    /// What they know and nobody may see: hidden in all that is told, as the values of Secrets are.
    pub secrets: Vec<Arc<str>>,
}

impl fmt::Debug for Proxies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.handlers.keys()).finish()
    }
}

/// The addresses of a task's proxies.
#[derive(Debug, Default)]
pub(crate) struct Attached(Vec<(ImageKind, String, String)>);

impl Attached {
    /// Attaches the proxies with these `names` to the scopes of a task. A backend without proxies is passed over where
    /// another one has them.
    ///
    /// # Errors
    ///
    /// There is no such proxy, in words; what the backend could not do.
    pub(crate) fn to(
        scopes: &Scopes,
        names: &[Arc<str>],
        proxies: &Proxies,
    ) -> Result<Result<Self, String>, SandboxError> {
        let mut attached = Self::default();
        for name in names {
            let Some(handler) = proxies.handlers.get(name) else {
                return Ok(Err(format!(
                    "it asks for the proxy `{name}`, and `stepwell.toml` has no `[proxies.{name}]`"
                )));
            };
            let mut refused = None;
            let before = attached.0.len();
            for (kind, address) in scopes.attach_proxy(name, handler) {
                match address {
                    Ok(address) => attached.0.push((kind, variable(name), address)),
                    Err(error) if is_missing(&error) => refused = Some(error),
                    Err(error) => return Err(error),
                }
            }
            if let Some(error) = refused.filter(|_| attached.0.len() == before) {
                return Err(error);
            }
        }
        Ok(Ok(attached))
    }

    /// Tells `step` the addresses. What the document sets itself stays.
    pub(crate) fn tell(&self, step: &mut StepSpec) {
        let kind = step.image.kind();
        for (_, name, address) in self.0.iter().filter(|(of, ..)| *of == kind) {
            if step.env.iter().all(|(known, _)| known != name) {
                step.env.push((name.clone(), address.clone()));
            }
        }
    }
}

fn is_missing(error: &SandboxError) -> bool {
    matches!(error.kind, SandboxErrorKind::Unsupported(Feature::Proxy))
}

fn variable(name: &str) -> String {
    let upper = name.to_ascii_uppercase().replace('-', "_");
    format!("{VARIABLE}{upper}")
}
