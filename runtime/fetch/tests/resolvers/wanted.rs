//! Asking for a document in one line.

use std::{error::Error, path::Path};

use stepwell_contract::ParamValue;
use stepwell_fetch::{FetchError, FetchErrorKind, FetchOptions, Fetched, Fetcher, Wanted};

/// Asks a resolver for a Task.
pub(crate) fn fetch(
    fetcher: &Fetcher,
    resolver: &str,
    params: &[(&str, &str)],
) -> Result<Fetched, FetchError> {
    let params: Vec<(String, ParamValue)> = params
        .iter()
        .map(|&(name, value)| (name.to_owned(), value.into()))
        .collect();
    fetcher.fetch(&Wanted {
        kind: "Task",
        resolver,
        params: &params,
    })
}

/// A cache in this folder, and the variables that programs need.
pub(crate) fn options(folder: &Path) -> FetchOptions {
    let mut options = FetchOptions::new(folder.join("cache"));
    options.environment = vec![("PATH".into(), "/usr/local/bin:/usr/bin:/bin".into())];
    options
}

/// Checks that it is the document's fault, and that the chain of causes says this.
#[track_caller]
pub(crate) fn blames_document(result: Result<Fetched, FetchError>, says: &str) {
    blames(result, FetchErrorKind::Document, says);
}

/// Checks that it is the environment's fault, and that the chain of causes says this.
#[track_caller]
pub(crate) fn blames_environment(result: Result<Fetched, FetchError>, says: &str) {
    blames(result, FetchErrorKind::Environment, says);
}

#[track_caller]
fn blames(result: Result<Fetched, FetchError>, kind: FetchErrorKind, says: &str) {
    let error = result.unwrap_err();
    let text = chain(&error);
    assert!(text.contains(says), "{text}");
    assert_eq!(error.kind(), kind, "{text}");
}

/// All of an error, as a person is told it.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text = format!("{text}: {cause}");
        next = cause.source();
    }
    text
}
