//! What a project says about how it is run: `stepwell.toml`, and the flags that say the same.
//!
//! Knows what can be set and where it was; what a setting does is for whoever is handed it.

mod file;
mod pattern;
mod signatures;
mod substitution;

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use stepwell_registry::Mirror;

use crate::args::DocumentArgs;
use crate::author::Language;
use crate::containers::Wanted;
use crate::inputs::{Texts, bounded_text, upward};
use crate::lock::{self, Lock};
use crate::trouble::Trouble;

pub(crate) use pattern::Pattern;
pub(crate) use signatures::{KeySource, SignatureRule};
pub(crate) use substitution::{Substitute, Substitution, as_path};

/// What the file is called.
const NAME: &str = "stepwell.toml";

/// No project says as much about itself; a file of something else that was named by mistake does.
const MOST: u64 = 1 << 20;

/// Everything that a project can set.
#[derive(Debug, Default)]
pub(crate) struct Config {
    /// Which images stand for others; the first that matches.
    pub(crate) substitutions: Vec<Substitution>,
    /// How many tasks may run at once.
    pub(crate) max_parallel: Option<NonZeroUsize>,
    /// How many runs are kept.
    pub(crate) keep: Option<usize>,
    /// How long runs are kept.
    pub(crate) age: Option<Duration>,
    /// Registries that may be talked to without TLS.
    pub(crate) insecure: Vec<String>,
    /// What is asked before a registry, by the registry's name.
    pub(crate) mirrors: BTreeMap<String, Vec<Mirror>>,
    /// Files of certificates that servers may prove themselves with, beside those of the system.
    pub(crate) certificates: Vec<PathBuf>,
    /// What runs containers.
    pub(crate) container: Option<Wanted>,
    /// What is kept of steps.
    pub(crate) cache: CacheSettings,
    /// Servers that steps reach by a name.
    pub(crate) proxies: BTreeMap<String, ProxySettings>,
    /// Which images have to be signed, and by whom; the first that is meant for one.
    pub(crate) signatures: Vec<SignatureRule>,
    /// What the names of images mean: kept beside the file, else where such a file is; where neither is, nowhere.
    pub(crate) lock: Lock,
    /// Which plugin the project is of.
    pub(crate) plugin: Option<PluginSettings>,
}

/// Which plugin a project is of.
#[derive(Debug, Clone)]
pub(crate) struct PluginSettings {
    /// What it is called.
    pub(crate) name: String,
    /// What it is written in.
    pub(crate) language: Language,
}

/// What is kept of steps.
#[derive(Debug, Clone, Default)]
pub(crate) struct CacheSettings {
    /// How many bytes of it, where something is said.
    pub(crate) max_size: Option<u64>,
    /// Caches of others that are looked into too.
    pub(crate) shared: Vec<PathBuf>,
    /// Whether steps that fail are kept too.
    pub(crate) failures: bool,
}

/// A server that steps reach by a name.
#[derive(Debug, Clone, Default)]
pub(crate) struct ProxySettings {
    /// Where it is.
    pub(crate) url: String,
    /// What is added to every request.
    pub(crate) headers: Vec<Header>,
    /// Which methods are taken; empty for all.
    pub(crate) methods: Vec<String>,
    /// What a path has to begin with; empty for all.
    pub(crate) paths: Vec<String>,
}

/// A header whose value is on this machine.
#[derive(Debug, Clone)]
pub(crate) struct Header {
    /// Its name.
    pub(crate) name: String,
    /// What stands before the value.
    pub(crate) prefix: String,
    /// Where the value is.
    pub(crate) source: HeaderSource,
}

/// Where a value is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum HeaderSource {
    /// In a variable of the environment.
    Variable(String),
    /// In a file.
    File(PathBuf),
}

/// Reads what is said about how `documents` are run: the file, and over it the flags.
///
/// # Errors
///
/// As [`load`].
pub(crate) fn load_for(documents: &DocumentArgs, texts: &Texts) -> Result<Config, Trouble> {
    let mut config = load(documents.config.as_deref(), texts, &documents.images)?;
    config.container = documents.container.or(config.container);
    Ok(config)
}

/// Reads the file that is named, else the one beside the documents or above them, as far as the root of a repository.
/// What the flags say about images comes before what it says.
///
/// # Errors
///
/// The file cannot be read, or says something that it cannot.
pub(crate) fn load(
    named: Option<&Path>,
    texts: &Texts,
    images: &[(String, Substitute)],
) -> Result<Config, Trouble> {
    let path = match named {
        Some(path) => Some(path.to_owned()),
        None => find(texts, NAME)?,
    };
    let mut config = match &path {
        Some(path) => {
            let text = bounded_text(path, MOST)?;
            file::read(&path.display().to_string(), &text)
                .map_err(Trouble::Config)?
                .below(path.parent().unwrap_or(Path::new("")))
        }
        None => Config::default(),
    };
    config.lock = Lock::read(match &path {
        Some(path) => Some(path.with_file_name(lock::NAME)),
        None => find(texts, lock::NAME)?,
    })?;
    let flags = images.iter().map(|(pattern, substitute)| Substitution {
        pattern: Pattern::new(pattern),
        substitute: substitute.clone(),
        place: "--image".to_owned(),
    });
    config.substitutions.splice(0..0, flags);
    Ok(config)
}

/// The project of a plugin that `folder` is in: its own folder, and what is said of it.
///
/// # Errors
///
/// The file cannot be read, or says something that it cannot.
pub(crate) fn plugin(folder: &Path) -> Result<Option<(PathBuf, PluginSettings)>, Trouble> {
    let Some(path) = upward(folder, NAME, Path::is_file) else {
        return Ok(None);
    };
    let text = bounded_text(&path, MOST)?;
    let config = file::read(&path.display().to_string(), &text).map_err(Trouble::Config)?;
    let root = path.parent().unwrap_or(folder).to_owned();
    Ok(config.plugin.map(|plugin| (root, plugin)))
}

fn find(texts: &Texts, name: &str) -> anyhow::Result<Option<PathBuf>> {
    let here = std::env::current_dir().context("failed to find the current folder")?;
    let folder = texts.folders.values().next();
    let from = folder.map_or_else(|| here.clone(), |folder| here.join(folder));
    // `..` in a path would be taken for a folder of that name.
    let from = from.canonicalize().unwrap_or(from);
    let found = upward(&from, name, Path::is_file);
    let short = |path: PathBuf| match path.strip_prefix(&here) {
        Ok(below) => below.to_owned(),
        Err(_) => path,
    };
    Ok(found.map(short))
}

impl Config {
    /// Lets the paths in it start at `folder`.
    fn below(mut self, folder: &Path) -> Self {
        for substitution in &mut self.substitutions {
            substitution.substitute = substitution.substitute.clone().below(folder);
        }
        for shared in &mut self.cache.shared {
            *shared = folder.join(&shared);
        }
        for certificates in &mut self.certificates {
            *certificates = folder.join(&certificates);
        }
        for key in self.signatures.iter_mut().flat_map(|rule| &mut rule.keys) {
            key.below(folder);
        }
        for proxy in self.proxies.values_mut() {
            for header in &mut proxy.headers {
                if let HeaderSource::File(path) = &mut header.source {
                    *path = folder.join(&path);
                }
            }
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_beside_the_documents_or_above_them_is_read_and_flags_come_first() {
        let temp = tempfile::tempdir().unwrap();
        let folder = temp.path().join("project/.tekton");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::create_dir(temp.path().join("project/.git")).unwrap();
        let text = "\
[[images]]
match = \"bash\"
replace = \"./sh.wasm\"
[run]
max-parallel = 3
[fetch]
certificates = [\"ca.pem\", \"/etc/ca.pem\"]
";
        std::fs::write(temp.path().join("project/stepwell.toml"), text).unwrap();
        let mut texts = Texts::default();
        let id = texts.sources.add("a.yaml", "");
        texts.folders.insert(id, folder);
        let flag = [("alpine".to_owned(), Substitute::File("a.wasm".into()))];
        let Ok(config) = load(None, &texts, &flag) else {
            panic!("it can be read");
        };
        let substitutes = config.substitutions.iter();
        let substitutes: Vec<_> = substitutes.map(|one| one.substitute.to_string()).collect();
        let root = temp.path().canonicalize().unwrap().join("project");
        let shell = root.join("./sh.wasm").display().to_string();
        assert_eq!(substitutes, ["a.wasm", &shell]);
        assert_eq!(config.max_parallel.map(NonZeroUsize::get), Some(3));
        let certificates = [root.join("ca.pem"), PathBuf::from("/etc/ca.pem")];
        assert_eq!(config.certificates, certificates);
        let mut elsewhere = Texts::default();
        let id = elsewhere.sources.add("a.yaml", "");
        elsewhere.folders.insert(id, temp.path().to_owned());
        let Ok(config) = load(None, &elsewhere, &[]) else {
            panic!("there is nothing to read");
        };
        assert!(config.substitutions.is_empty());
    }
}
