//! How `git` is started: with nothing of the user's settings that could run a program, and nothing that a document or a
//! server could turn into one.
//!
//! It does not know what `git` is asked to do. The environment is the one that was handed in, without anything that is
//! git's own; the settings of system and user are not read; hooks, helpers, filters, prompts, submodules, replaced objects
//! and lazy fetching are off; only `https`, `ssh` and local files are spoken; everything has a deadline.

use std::{ffi::OsString, fs, io::Write, path::Path, time::Instant};

use stepwell_registry::program::{Program, ProgramError, Said};
use tempfile::NamedTempFile;

use super::error::GitError;
use crate::fetcher::FetchOptions;

/// Settings of every command. They outrank those of any repository.
const SETTINGS: [&str; 14] = [
    // Nothing of a repository runs.
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.askPass=",
    "core.alternateRefsCommand=",
    // An empty helper forgets those before it.
    "credential.helper=",
    // One process, which ends when it is done.
    "gc.auto=0",
    "maintenance.auto=false",
    // A server says only what it is asked for, and hands out any commit by its name.
    "protocol.version=2",
    "transfer.bundleURI=false",
    // What comes stays one pack, so that its size can be watched.
    "fetch.unpackLimit=1",
    "fetch.recurseSubmodules=false",
    "submodule.recurse=false",
    "fetch.writeCommitGraph=false",
    // No redirect leads to where a login would be sent in the clear: `http` is not among the protocols.
    "http.followRedirects=initial",
];

/// Variables of every command, over whatever was handed in.
const VARIABLES: [(&str, &str); 13] = [
    ("LC_ALL", "C"),
    ("GIT_CONFIG_NOSYSTEM", "1"),
    ("GIT_CONFIG_GLOBAL", "/dev/null"),
    ("GIT_ATTR_NOSYSTEM", "1"),
    ("GIT_TERMINAL_PROMPT", "0"),
    ("GIT_ALLOW_PROTOCOL", "file:https:ssh"),
    ("GIT_NO_LAZY_FETCH", "1"),
    ("GIT_NO_REPLACE_OBJECTS", "1"),
    ("GIT_OPTIONAL_LOCKS", "0"),
    ("GIT_LITERAL_PATHSPECS", "1"),
    ("GIT_ADVICE", "0"),
    // The user's own `ssh`, with the user's own keys and known hosts, and never a question.
    (
        "GIT_SSH_COMMAND",
        "ssh -a -x -o BatchMode=yes -o ClearAllForwardings=yes -o PermitLocalCommand=no",
    ),
    ("GIT_SSH_VARIANT", "ssh"),
];

/// The most bytes that a command may print which does not print a document.
pub(super) const ANSWER_BYTES: u64 = 64 << 10;

/// Starts `git`.
#[derive(Debug)]
pub(super) struct Fence {
    environment: Vec<(OsString, OsString)>,
    settings: Vec<OsString>,
    deadline: Instant,
    /// Lives as long as `git` may read it.
    _certificates: Option<NamedTempFile>,
}

impl Fence {
    pub(super) fn new(options: &FetchOptions, deadline: Instant) -> Result<Self, GitError> {
        let is_git = |name: &OsString| name.as_encoded_bytes().starts_with(b"GIT_");
        let given = options
            .environment
            .iter()
            .filter(|(name, _)| !is_git(name))
            .cloned();
        let ours = VARIABLES.map(|(name, value)| (name.into(), value.into()));
        let mut settings: Vec<OsString> = SETTINGS.map(Into::into).into();
        let certificates = join_certificates(options)?;
        if let Some(file) = &certificates {
            let mut setting = OsString::from("http.sslCAInfo=");
            setting.push(file.path());
            settings.push(setting);
        }
        Ok(Self {
            environment: given.chain(ours).collect(),
            settings,
            deadline,
            _certificates: certificates,
        })
    }

    pub(super) fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Runs one command in a repository.
    pub(super) fn git(
        &self,
        repository: &Path,
        arguments: &[&str],
        output: u64,
        watch: &dyn Fn() -> bool,
    ) -> Result<Said, ProgramError> {
        let mut all: Vec<OsString> = Vec::new();
        for setting in &self.settings {
            all.extend(["-c".into(), setting.clone()]);
        }
        all.extend(["--git-dir".into(), repository.into()]);
        all.extend(arguments.iter().map(Into::into));
        Program {
            name: "git",
            arguments: &all,
            environment: &self.environment,
            input: b"",
            deadline: self.deadline,
            output,
            watch,
        }
        .run()
    }
}

/// One file of all certificates: `git` knows only one, and trusts it instead of the system's.
fn join_certificates(options: &FetchOptions) -> Result<Option<NamedTempFile>, GitError> {
    if options.certificates.is_empty() {
        return Ok(None);
    }
    let failed = |doing, path: &Path| {
        let path = path.to_owned();
        move |source| GitError::Io {
            doing,
            path,
            source,
        }
    };
    let mut file = NamedTempFile::new().map_err(failed("create", Path::new("certificates")))?;
    for path in &options.certificates {
        let bytes = fs::read(path).map_err(failed("read", path))?;
        let at = file.path().to_owned();
        file.write_all(&bytes).map_err(failed("write", &at))?;
        file.write_all(b"\n").map_err(failed("write", &at))?;
    }
    Ok(Some(file))
}
