//! What a URL must be to be asked, and what of it may be told.

use reqwest::{Url, header::HeaderValue};

use super::HttpError;

/// A URL with this query, every part written so that it stays one part.
pub(crate) fn with_query(url: &str, query: &[(&str, &str)]) -> Result<String, HttpError> {
    let mut url = read_url(url)?;
    url.query_pairs_mut().extend_pairs(query);
    Ok(url.into())
}

/// Whether two URLs are of one scheme, host and port.
pub(crate) fn is_same_place(one: &str, other: &str) -> bool {
    match (read_url(one), read_url(other)) {
        (Ok(one), Ok(other)) => one.origin() == other.origin(),
        _ => false,
    }
}

/// The scheme and the host of a URL, where it has them.
pub(crate) fn scheme_and_host(url: &str) -> Result<(String, String), HttpError> {
    let url = read_url(url)?;
    let host = url.host_str().unwrap_or_default();
    let host = match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    };
    Ok((url.scheme().to_owned(), host))
}

/// A form, as it is written in a body.
pub(super) fn encoded(form: &[(&str, &str)]) -> String {
    // It is written exactly as a query is.
    let mut url = Url::parse("http://form/").ok();
    if let Some(url) = &mut url {
        url.query_pairs_mut().extend_pairs(form);
    }
    url.and_then(|url| url.query().map(str::to_owned))
        .unwrap_or_default()
}

pub(crate) fn read_url(text: &str) -> Result<Url, HttpError> {
    let bad = || HttpError::Url {
        url: crate::words::quoted(text),
    };
    let url = Url::parse(text).map_err(|_| bad())?;
    let is_web = matches!(url.scheme(), "http" | "https");
    let Some(host) = url.host_str().filter(|host| is_web && !host.is_empty()) else {
        return Err(bad());
    };
    if !url.username().is_empty() || url.password().is_some() {
        return Err(HttpError::Login {
            host: host.to_owned(),
        });
    }
    Ok(url)
}

/// Where an answer points to, if it may.
pub(super) fn next(from: &Url, target: &HeaderValue) -> Result<Url, HttpError> {
    let refused = |why| HttpError::Redirect {
        place: place(from),
        why,
    };
    let to = target
        .to_str()
        .ok()
        .and_then(|target| from.join(target).ok())
        .and_then(|url| read_url(url.as_str()).ok())
        .ok_or_else(|| refused("to something that is no URL for HTTP"))?;
    if from.scheme() == "https" && to.scheme() != "https" {
        return Err(refused(
            "from `https` to `http`, where anybody could change the answer",
        ));
    }
    Ok(to)
}

/// Scheme, host and port: no path and no query, which may hold what is nobody's business.
pub(crate) fn place(url: &Url) -> String {
    url.origin().ascii_serialization()
}
