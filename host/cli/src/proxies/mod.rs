//! The proxies of `stepwell.toml`: servers that steps reach by a name, with credentials that stay here.
//!
//! Reads the values of headers from this machine, and makes a handler of each. It does not know which task asks, nor how a
//! backend brings a request here.

mod forward;

use std::fs::File;
use std::io::Read as _;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, anyhow};
use stepwell_engine::Proxies;

use crate::config::{Config, HeaderSource, ProxySettings};
use crate::environment::for_children;
use crate::exit::{Coded, ExitCode};

use forward::{Forward, Rules};

/// How long a credential may be: stops a file that was named by mistake.
const LONGEST_VALUE: u64 = 16 << 10;

/// The proxies of `config`. One whose values are not there is left out, unless its name is among `wanted`.
///
/// # Errors
///
/// One of `wanted` is not in `config`; a variable or a file that it needs is not there, or cannot be a header.
pub(crate) fn proxies(config: &Config, wanted: &[Arc<str>]) -> anyhow::Result<Proxies> {
    if let Some(name) = wanted
        .iter()
        .find(|name| !config.proxies.contains_key(&***name))
    {
        let message = format!(
            "a task asks for the proxy `{name}`; write where it leads under `[proxies.{name}]` in stepwell.toml"
        );
        return Err(Coded::new(ExitCode::DocumentInvalid, message).into());
    }
    let mut proxies = Proxies::default();
    for (name, settings) in &config.proxies {
        match proxy(settings, &config.certificates, &mut proxies.secrets) {
            Ok(handler) => {
                let handler = Arc::new(handler);
                proxies.handlers.insert(name.as_str().into(), handler);
            }
            Err(error) if wanted.iter().any(|one| **one == **name) => {
                let message = format!("the proxy `{name}` cannot be used");
                return Err(error.context(Coded::new(ExitCode::Environment, message)));
            }
            Err(error) => tracing::debug!(%name, ?error, "a proxy cannot be used"),
        }
    }
    Ok(proxies)
}

fn proxy(
    settings: &ProxySettings,
    certificates: &[PathBuf],
    secrets: &mut Vec<Arc<str>>,
) -> anyhow::Result<Forward> {
    let mut headers = Vec::with_capacity(settings.headers.len());
    for header in &settings.headers {
        let value = value(&header.source)?;
        headers.push((header.name.clone(), format!("{}{value}", header.prefix)));
        secrets.push(value.into());
    }
    Forward::new(Rules {
        url: settings.url.clone(),
        headers,
        methods: settings.methods.clone(),
        paths: settings.paths.clone(),
        certificates: certificates.to_vec(),
    })
}

/// A value of this machine's, without the end of its line.
fn value(source: &HeaderSource) -> anyhow::Result<String> {
    let text = match source {
        HeaderSource::Variable(name) => {
            let value = for_children(&[name]).pop();
            let (_, value) = value.ok_or_else(|| anyhow!("the variable `{name}` is not set"))?;
            let value = value.into_string();
            value.map_err(|_| anyhow!("the variable `{name}` is no text"))?
        }
        HeaderSource::File(path) => {
            let reading = || format!("failed to read `{}`", path.display());
            let mut text = String::new();
            let file = File::open(path).with_context(reading)?;
            let read = file.take(LONGEST_VALUE + 1).read_to_string(&mut text);
            read.with_context(reading)?;
            text
        }
    };
    let text = text.trim_end_matches(['\r', '\n']);
    match text.len() as u64 {
        0 => Err(anyhow!("the value of a header is empty")),
        length if length > LONGEST_VALUE => Err(anyhow!("the value of a header is too long")),
        _ => Ok(text.to_owned()),
    }
}
