//! `stepwell verify`: runs every step twice and says whether the second run did the same.
//!
//! The run is that of `stepwell run`, over copies of the workspaces; between it and the sandbox stands a backend that runs each
//! step again: under another root path, at another time of day, over folders that were made in another order and have other
//! inodes, as another user where this one is root, and on one processor.
//!
//! Knows nothing of what a step does. Why two runs differ it can only say where the step was granted a source of difference.

mod backend;
mod compare;
mod elsewhere;
mod heard;
mod twin;
mod verdict;

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError};

use anyhow::Context as _;
use cap_std::ambient_authority;
use cap_std::fs::Dir;
use serde_json::json;
use stepwell_engine::Backends;
use tempfile::TempDir;

use crate::args::{Output, RunArgs, VerifyArgs, VerifyOutput};
use crate::environment::Environment;
use crate::exit::{Coded, ExitCode};
use crate::run;
use crate::text::print;
use crate::trouble::Trouble;
use backend::{Book, Mode, Verifying};
use verdict::{Verdict, Verified};

/// What makes a run one that is verified.
pub(crate) struct Verifier {
    book: Book,
    /// Where claims and other state of the run are: nothing of the user's is changed.
    pub(crate) state: PathBuf,
}

impl Verifier {
    /// The same backends, but each step of a component runs twice.
    pub(crate) fn wrap(&self, backends: Backends) -> Backends {
        let wrap = |inner, mode| -> Arc<dyn stepwell_contract::Backend> {
            Arc::new(Verifying {
                inner,
                mode,
                book: Arc::clone(&self.book),
            })
        };
        Backends {
            component: wrap(backends.component, Mode::Again),
            container: backends
                .container
                .map(|container| wrap(container, Mode::Never)),
        }
    }
}

/// Runs what the files describe, each step twice.
///
/// # Errors
///
/// What keeps it from running, and what Stepwell could not do.
pub(crate) fn verify(args: &VerifyArgs, env: &Environment) -> Result<ExitCode, Trouble> {
    let temp = tempfile::tempdir().context("failed to create a temporary folder")?;
    let mut choice = args.choice.clone();
    let mut copies = Vec::new();
    for (name, path) in &mut choice.workspaces {
        let copy = copied(name, path)?;
        *path = copy.path().to_owned();
        copies.push(copy);
    }
    let run_args = RunArgs {
        documents: args.documents.clone(),
        choice,
        output: Output::Pretty,
        // Two tasks at once may change one folder, and nothing would be said of either.
        max_parallel: Some(NonZeroUsize::MIN),
        locked: args.locked,
        host_paths: Vec::new(),
        privileged: false,
        junit: None,
        trace: None,
        keep: false,
        no_cache: true,
        fresh: Vec::new(),
        no_record: true,
        quiet: true,
        color: args.color,
    };
    let verifier = Verifier {
        book: Book::default(),
        state: temp.path().to_owned(),
    };
    let code = run::run_verified(&run_args, env, &verifier)?;
    let book = verifier.book.lock().unwrap_or_else(PoisonError::into_inner);
    print(&match args.output {
        VerifyOutput::Pretty => pretty(&book),
        VerifyOutput::Json => json(&book)?,
    })?;
    Ok(match code {
        ExitCode::Success if count(&book).differing > 0 => ExitCode::RunFailed,
        code => code,
    })
}

/// A copy of a workspace.
fn copied(name: &str, path: &Path) -> anyhow::Result<TempDir> {
    let doing = || {
        let path = path.display();
        Coded::usage(format!("failed to copy `{path}`, the workspace `{name}`"))
    };
    let copy = tempfile::tempdir().with_context(doing)?;
    let from = Dir::open_ambient_dir(path, ambient_authority()).with_context(doing)?;
    let to = Dir::open_ambient_dir(copy.path(), ambient_authority()).with_context(doing)?;
    twin::copy(&from, &to, false).with_context(doing)?;
    Ok(copy)
}

struct Count {
    reproduced: usize,
    differing: usize,
    unverified: usize,
}

fn count(book: &[Verified]) -> Count {
    let of = |is: fn(&Verdict) -> bool| book.iter().filter(|one| is(&one.verdict)).count();
    Count {
        reproduced: of(|verdict| matches!(verdict, Verdict::Reproduced { .. })),
        differing: of(|verdict| matches!(verdict, Verdict::Differs { .. })),
        unverified: of(|verdict| matches!(verdict, Verdict::Unverified { .. })),
    }
}

fn pretty(book: &[Verified]) -> String {
    let lines = book.iter().map(|one| one.line() + "\n");
    let Count {
        reproduced,
        differing,
        unverified,
    } = count(book);
    lines.collect::<String>()
        + &format!("{reproduced} reproduced, {differing} differing, {unverified} unverified\n")
}

fn json(book: &[Verified]) -> anyhow::Result<String> {
    let mut text = String::new();
    for one in book {
        text += &serde_json::to_string(one).context("failed to write JSON")?;
        text.push('\n');
    }
    let Count {
        reproduced,
        differing,
        unverified,
    } = count(book);
    let all = json!({"reproduced": reproduced, "differing": differing, "unverified": unverified});
    Ok(format!("{text}{all}\n"))
}
