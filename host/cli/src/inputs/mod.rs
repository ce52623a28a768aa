//! Which documents a command is about: the files and folders that are named, or the folder `.tekton`.
//!
//! Reads texts and knows where each came from; what is in them is for `stepwell-spec` to understand.

mod discover;
mod read;
mod walk;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use stepwell_spec::{Outline, SourceId, Sources, outline};

use crate::environment::Environment;
use crate::exit::Coded;
use crate::plugin;
use crate::trouble::say;

pub(crate) use discover::upward;
pub(crate) use read::bounded_text;

/// How many of the documents that were passed over are named.
const MOST_NAMED: usize = 8;

/// The texts, and the folder that paths in each of them start from.
#[derive(Debug, Default)]
pub(crate) struct Texts {
    /// What was read.
    pub(crate) sources: Sources,
    /// The folder of each.
    pub(crate) folders: BTreeMap<SourceId, PathBuf>,
    /// The files and folders that were read, as they were named or found.
    pub(crate) read: Vec<PathBuf>,
}

impl Texts {
    /// Adds a text that came from elsewhere; paths in it lead nowhere.
    pub(crate) fn add_remote(&mut self, name: &str, text: &str) -> SourceId {
        self.sources.add(name, text)
    }

    fn add(&mut self, path: &Path, text: String, found: bool) {
        let name = path.display().to_string();
        let id = match found {
            true => self.sources.add_found(name, text),
            false => self.sources.add(name, text),
        };
        let folder = path.parent().unwrap_or(Path::new("")).to_owned();
        self.folders.insert(id, folder);
    }

    /// Adds a text that no file has; paths in it start from here.
    fn add_pathless(&mut self, name: &str, text: String) {
        let id = self.sources.add(name, text);
        self.folders.insert(id, PathBuf::new());
    }
}

/// Reads what is named: files, folders with everything below them, `-` for standard input. Where nothing is, the folder
/// `.tekton` here or above. A plugin is read as the Task that it describes. What a person should know of it is said on
/// standard error.
///
/// # Errors
///
/// A file that is not there, is no text, or is too large; a folder with too much in it; a plugin that does not say what it
/// is; nothing to read at all.
pub(crate) fn read(files: &[PathBuf], env: &Environment) -> anyhow::Result<Texts> {
    read_with(files, env, |_| None)
}

/// Reads what is to be run: as [`read`], but the reference of a plugin in a registry stands for a run of it.
///
/// # Errors
///
/// As [`read`].
pub(crate) fn read_to_run(files: &[PathBuf], env: &Environment) -> anyhow::Result<Texts> {
    read_with(files, env, plugin::run_by_reference)
}

fn read_with(
    files: &[PathBuf],
    env: &Environment,
    by_reference: impl Fn(&Path) -> Option<String>,
) -> anyhow::Result<Texts> {
    let mut texts = Texts {
        read: files.to_vec(),
        ..Texts::default()
    };
    if files.is_empty() {
        let here = std::env::current_dir().context("failed to find the current folder")?;
        let folder = discover::tekton_folder(&here)?;
        say(
            &mut io::stderr(),
            &format!("documents from {}", folder.display()),
        );
        add_folder(&folder, &mut texts)?;
        texts.read.push(folder);
    }
    for path in files {
        if path == Path::new("-") {
            texts.add_pathless("<stdin>", read::stdin()?);
        } else if path.is_dir() {
            add_folder(path, &mut texts)?;
        } else if plugin::is_named(path) {
            let description = plugin::describe(path, env)?;
            let task = plugin::task(&description, &plugin::image(path))?;
            texts.add(path, task, false);
        } else if let Some(run) = by_reference(path) {
            texts.add_pathless(&path.display().to_string(), run);
        } else {
            texts.add(path, read::file(path)?, false);
        }
    }
    let foreign = foreign(&texts.sources);
    if !foreign.is_empty() {
        say(&mut io::stderr(), &passed_over(&foreign));
    }
    Ok(texts)
}

fn add_folder(folder: &Path, texts: &mut Texts) -> anyhow::Result<()> {
    let before = texts.sources.ids().count();
    let walked = walk::documents(folder)?;
    for path in &walked {
        let text = read::file(path)?;
        if could_be_tektons(&text) {
            texts.add(path, text, true);
        }
    }
    if texts.sources.ids().count() > before {
        return Ok(());
    }
    let folder = folder.display();
    let message = match walked.len() {
        0 => {
            format!("there is nothing to read in `{folder}`: no file ends in .yaml, .yml or .json")
        }
        count => format!("none of the {count} files in `{folder}` holds a Tekton document"),
    };
    Err(Coded::usage(message).into())
}

/// Whether a text that was found in a folder is worth reading. Much of what lies in folders is YAML or JSON of other
/// tools, and some of it (templates) is not even that.
fn could_be_tektons(text: &str) -> bool {
    const SIGNS: [&str; 5] = [
        "tekton.dev/",
        "ConfigMap",
        "Secret",
        "PersistentVolumeClaim",
        "ServiceAccount",
    ];
    SIGNS.iter().any(|sign| text.contains(sign))
}

/// The documents that are not Tekton's, of texts that were found.
fn foreign(sources: &Sources) -> Vec<String> {
    // What was named is meant: it is not read for this.
    if !sources.ids().any(|source| sources.is_found(source)) {
        return Vec::new();
    }
    let is_foreign = |one: &Outline| !one.known && sources.is_found(one.span.source);
    let outlines = outline(sources).into_iter().filter(is_foreign);
    outlines
        .map(|one| {
            let name = sources.name(one.span.source);
            match one.kind.is_empty() {
                true => name.to_owned(),
                false => format!("{name} ({})", one.kind),
            }
        })
        .collect()
}

fn passed_over(foreign: &[String]) -> String {
    let mut named = foreign[..foreign.len().min(MOST_NAMED)].join(", ");
    if foreign.len() > MOST_NAMED {
        named += &format!(" and {} more", foreign.len() - MOST_NAMED);
    }
    format!("passed over what is not Tekton's: {named}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit::{ExitCode, code_of};

    #[test]
    fn every_text_knows_its_folder() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("a.yaml");
        std::fs::write(&path, "kind: Task").unwrap();
        let texts = read(std::slice::from_ref(&path), &Environment::read()).unwrap();
        let id = texts.sources.ids().next().unwrap();
        assert_eq!(texts.sources.text(id), "kind: Task");
        assert_eq!(texts.folders[&id], temp.path());
        assert!(!texts.sources.is_found(id), "it was named");
    }

    #[test]
    fn a_folder_is_read_as_far_as_it_is_tektons() {
        let temp = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| std::fs::write(temp.path().join(name), text).unwrap();
        file("package.json", "{\"name\": \"x\"}");
        file("chart.yaml", "{{ template }}");
        let read = || read(&[temp.path().to_owned()], &Environment::read());
        let error = read().unwrap_err();
        assert_eq!(code_of(&error), ExitCode::Usage);
        assert!(error.to_string().contains("none of the 2 files"), "{error}");
        file("task.yaml", "apiVersion: tekton.dev/v1\nkind: Task");
        let texts = read().unwrap();
        let names: Vec<_> = texts
            .sources
            .ids()
            .map(|id| texts.sources.is_found(id))
            .collect();
        assert_eq!(names, [true]);
    }

    #[test]
    fn many_that_were_passed_over_are_one_line() {
        let foreign: Vec<String> = (0..10).map(|n| format!("{n}.yaml (X)")).collect();
        let text = passed_over(&foreign);
        assert!(text.ends_with("7.yaml (X) and 2 more"), "{text}");
    }
}
