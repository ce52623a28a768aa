//! Where a file is: the repository, the revision and the path, as a document says them, checked before any program hears
//! of them.
//!
//! It does not know whether they exist. What starts with `-` or has characters of its own meaning is refused here, and
//! given to `git` behind `--` all the same.

use crate::{error::ParamError, params::Params};

/// The longest of each that is looked at.
const LONGEST: usize = 2048;

/// Where a param `repo` without a `serverURL` is looked for.
const SERVERS: [(&str, &str); 3] = [
    ("github", "https://github.com"),
    ("gitlab", "https://gitlab.com"),
    ("bitbucketcloud", "https://bitbucket.org"),
];

/// A repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    url: String,
    is_local: bool,
}

impl Place {
    pub(super) fn read(params: Params<'_>) -> Result<Self, ParamError> {
        match (params.find("url")?, params.find("repo")?) {
            (Some(_), Some(_)) => Err(ParamError::Both("url", "repo")),
            (Some(url), None) => Self::check("url", url),
            (None, Some(repo)) => Self::check("repo", &clone_url(params, repo)?),
            (None, None) => Err(ParamError::Missing("url")),
        }
    }

    /// What `git` is given.
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// What is recorded: a URL also where it is a path, and `ssh` also where it is written in the short form.
    pub(super) fn uri(&self) -> String {
        if self.url.contains("://") {
            return self.url.clone();
        }
        match self.url.split_once(':') {
            Some((host, path)) if !self.is_local => {
                format!("ssh://{host}/{}", path.trim_start_matches('/'))
            }
            _ => format!("file://{}", self.url),
        }
    }

    pub(super) fn is_local(&self) -> bool {
        self.is_local
    }

    fn check(name: &'static str, url: &str) -> Result<Self, ParamError> {
        let bad = |why| ParamError::bad(name, &without_login(url), why);
        if url.len() > LONGEST || url.chars().any(char::is_control) {
            return Err(bad("it is too long, or has control characters"));
        }
        if let Some(path) = url
            .strip_prefix("file://")
            .or(url.starts_with('/').then_some(url))
        {
            if !path.starts_with('/') {
                return Err(bad("a `file://` URL has an absolute path and no host"));
            }
            return Ok(Self {
                url: url.to_owned(),
                is_local: true,
            });
        }
        if url.contains(|c: char| {
            c.is_whitespace() || !c.is_ascii_graphic() || "\\\"'`<>|^{}$;".contains(c)
        }) {
            return Err(bad("it has characters that no URL has"));
        }
        let host = match url.split_once("://") {
            Some(("https", rest)) => {
                let host = rest.split('/').next().unwrap_or_default();
                if host.contains('@') {
                    return Err(bad(
                        "a user name or password does not belong into a document; leave it out",
                    ));
                }
                host
            }
            Some(("ssh", rest)) => {
                let host = rest.split('/').next().unwrap_or_default();
                if host
                    .rsplit_once('@')
                    .is_some_and(|(user, _)| user.contains(':'))
                {
                    return Err(bad(
                        "a password does not belong into a document; leave it out",
                    ));
                }
                host
            }
            Some(("http" | "git", _)) => {
                return Err(bad(
                    "anybody on the way could change what comes; use `https://`",
                ));
            }
            Some(_) => return Err(bad(SCHEMES)),
            // `user@host:path`, the short form of `ssh`.
            None => match url.split_once(':') {
                Some((host, path)) if host.contains('@') && !path.starts_with(':') => host,
                _ => return Err(bad(SCHEMES)),
            },
        };
        let name_of = host.rsplit('@').next().unwrap_or_default();
        if name_of.is_empty() || name_of.starts_with('-') || host.starts_with('-') {
            return Err(bad("it names no host"));
        }
        Ok(Self {
            url: url.to_owned(),
            is_local: false,
        })
    }
}

const SCHEMES: &str =
    "it starts with `https://`, `ssh://`, `file://` or `/`, or is `user@host:path`";

/// What Tekton would ask a server's own interface for can be cloned from it just as well.
fn clone_url(params: Params<'_>, repo: &str) -> Result<String, ParamError> {
    let org = params.get("org")?;
    let scm = params.find("scmType")?.unwrap_or("github");
    let server = match params.find("serverURL")? {
        Some("https://api.github.com" | "https://api.github.com/") => "https://github.com",
        Some(server) => server.trim_end_matches('/'),
        None => SERVERS
            .iter()
            .find_map(|&(name, server)| (name == scm).then_some(server))
            .ok_or_else(|| {
                let why = "without a `serverURL` it is not known where that is; add one, or use the param `url`";
                ParamError::bad("scmType", scm, why)
            })?,
    };
    let is_name = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    let is_part =
        |part: &str| part.chars().all(is_name) && !part.starts_with(['.', '-']) && !part.is_empty();
    for (name, value) in [("org", org), ("repo", repo)] {
        // GitLab has groups in groups.
        if !value.split('/').all(is_part) {
            return Err(ParamError::bad(
                name,
                value,
                "it has characters that no repository has",
            ));
        }
    }
    Ok(format!(
        "{server}/{org}/{}.git",
        repo.trim_end_matches(".git")
    ))
}

fn without_login(url: &str) -> String {
    match (url.find("://"), url.find('@')) {
        (Some(scheme), Some(at)) if scheme < at => format!("{}://…{}", &url[..scheme], &url[at..]),
        _ => url.to_owned(),
    }
}

/// A branch, a tag or a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Revision(String);

impl Revision {
    /// Tekton's own default is the branch `main`.
    pub(super) fn read(params: Params<'_>) -> Result<Self, ParamError> {
        let text = params.find("revision")?.unwrap_or("main");
        let is_good = |c: char| c.is_ascii_alphanumeric() || "._/-+@=#,".contains(c);
        let is_bad_name = text.starts_with(['-', '+', '.', '/', '@', '#'])
            || text.ends_with(['/', '.'])
            || text.contains("..")
            || text.contains("//")
            || text.contains("/.")
            || text.split('/').any(|part| part.ends_with(".lock"));
        if text.len() > 255 || !text.chars().all(is_good) || is_bad_name {
            let why = "it is the name of a branch or a tag, or the digits of a commit";
            return Err(ParamError::bad("revision", text, why));
        }
        Ok(Self(text.to_owned()))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is the whole name of a commit, which can only ever mean one thing.
    pub(super) fn is_commit(&self) -> bool {
        matches!(self.0.len(), 40 | 64) && self.is_digits()
    }

    /// Whether it may be the first digits of a commit.
    pub(super) fn is_short_commit(&self) -> bool {
        (4..=64).contains(&self.0.len()) && self.is_digits()
    }

    fn is_digits(&self) -> bool {
        self.0
            .bytes()
            .all(|c| c.is_ascii_hexdigit() && !c.is_ascii_uppercase())
    }
}

/// The param `pathInRepo`, in the plainest form. Tekton takes one that starts with `/` to start at the repository's root.
pub(super) fn path(params: Params<'_>) -> Result<String, ParamError> {
    const NAME: &str = "pathInRepo";
    let text = params.get(NAME)?;
    let bad = |why| Err(ParamError::bad(NAME, text, why));
    if text.len() > LONGEST || text.chars().any(|c| c.is_control() || c == '\\') {
        return bad("it is too long, or has control characters or a backslash");
    }
    let parts: Vec<&str> = text
        .split('/')
        .filter(|part| !part.is_empty() && *part != ".")
        .collect();
    if parts.contains(&"..") {
        return bad("it leads out of the repository with `..`");
    }
    match parts.first() {
        None => bad("it names no file"),
        Some(first) if first.starts_with('-') => bad("it starts with `-`"),
        Some(_) => Ok(parts.join("/")),
    }
}

#[cfg(test)]
mod tests;
