//! Files that are made from keys of ConfigMaps and Secrets, and from the pod's own fields.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::document::files::{DownwardApi, KeyedFiles, Projected, ProjectedSource};
use crate::fields::{At, Text};
use crate::problem::{Problems, RunProblem, SyntaxProblem};
use crate::resolve::library::Library;
use crate::resolve::pod::Pod;
use crate::run::{File, FileSet};
use crate::source::Span;
use crate::substitute::Scope;

/// Stops a document that names one large key many times from filling a disk.
const MAX_BYTES: usize = 16 << 20;
/// Stops a document from making a million empty files.
const MAX_FILES: usize = 4096;
/// What a file may be done with where nothing else is said.
const DEFAULT_MODE: u32 = 0o644;

/// Makes the files of one folder.
pub(crate) struct Files<'a> {
    pub(crate) library: &'a Library,
    pub(crate) scope: &'a Scope<'a>,
    pub(crate) pod: &'a Pod<'a>,
    pub(crate) problems: &'a Problems,
}

/// The files so far, by path. A later source of a projected volume replaces what an earlier one put there.
#[derive(Default)]
struct Made {
    files: BTreeMap<String, File>,
    bytes: usize,
    refused: bool,
}

impl Files<'_> {
    /// Keys of a ConfigMap.
    pub(crate) fn config_map(&self, files: &KeyedFiles) -> Arc<FileSet> {
        let mut made = Made::default();
        self.add_keyed(files, false, mode(&files.default_mode, None), &mut made);
        made.finish()
    }

    /// Keys of a Secret.
    pub(crate) fn secret(&self, files: &KeyedFiles) -> Arc<FileSet> {
        let mut made = Made::default();
        self.add_keyed(files, true, mode(&files.default_mode, None), &mut made);
        made.finish()
    }

    /// Files of several sources.
    pub(crate) fn projected(&self, projected: &Projected) -> Arc<FileSet> {
        let mut made = Made::default();
        let mode = mode(&projected.default_mode, None);
        for source in &projected.sources {
            match source {
                ProjectedSource::ConfigMap(files) => self.add_keyed(files, false, mode, &mut made),
                ProjectedSource::Secret(files) => self.add_keyed(files, true, mode, &mut made),
                ProjectedSource::DownwardApi(fields) => self.add_fields(fields, mode, &mut made),
                ProjectedSource::Cluster { field, span } => {
                    self.problems.push(RunProblem::NotHere {
                        what: field,
                        span: *span,
                    });
                }
            }
        }
        made.finish()
    }

    /// The pod's own fields.
    pub(crate) fn downward_api(&self, fields: &DownwardApi) -> Arc<FileSet> {
        let mut made = Made::default();
        self.add_fields(fields, mode(&fields.default_mode, None), &mut made);
        made.finish()
    }

    fn add_keyed(&self, files: &KeyedFiles, secret: bool, mode_of_all: u32, made: &mut Made) {
        let Some(name_text) = &files.name else {
            return;
        };
        let name = self.scope.text(name_text, self.problems);
        let kind = if secret { "Secret" } else { "ConfigMap" };
        let Some(keys) = self.keys(secret, &name) else {
            if !files.optional {
                self.problems.push(RunProblem::DocumentNotFound {
                    kind,
                    help: self.library.suggest_source(secret, &name),
                    name,
                    span: name_text.span,
                });
            }
            return;
        };
        if files.items.is_empty() {
            for (key, bytes) in keys {
                self.add(key, bytes, mode_of_all, files.span, made);
            }
            return;
        }
        for item in &files.items {
            let key = self.scope.text(&item.key, self.problems);
            let path = self.scope.text(&item.path, self.problems);
            match keys.get(&key) {
                Some(bytes) => {
                    let mode = mode(&item.mode, Some(mode_of_all));
                    self.add(path, Arc::clone(bytes), mode, item.path.span, made);
                }
                None if files.optional => {}
                None => self.problems.push(RunProblem::KeyNotFound {
                    kind,
                    name: name.clone(),
                    key,
                    span: item.key.span,
                }),
            }
        }
    }

    fn keys(&self, secret: bool, name: &str) -> Option<BTreeMap<String, Arc<[u8]>>> {
        if secret {
            return Some(self.library.secret(name)?.values.clone());
        }
        let map = self.library.config_map(name)?;
        let keys = map.texts.keys().chain(map.bytes.keys());
        Some(
            keys.filter_map(|key| Some((key.clone(), map.file(key)?)))
                .collect(),
        )
    }

    fn add_fields(&self, fields: &DownwardApi, mode_of_all: u32, made: &mut Made) {
        for (path, field, own_mode) in &fields.items {
            let value = match field {
                Some(field) => self.pod.field(field, self.problems),
                None => {
                    self.problems.push(RunProblem::NotHere {
                        what: "resourceFieldRef",
                        span: path.span,
                    });
                    None
                }
            };
            if let Some(value) = value {
                let bytes = value.into_bytes().into();
                let mode = mode(own_mode, Some(mode_of_all));
                let at = Text::clone(path);
                self.add(at.value, bytes, mode, path.span, made);
            }
        }
    }

    fn add(&self, path: String, bytes: Arc<[u8]>, mode: u32, span: Span, made: &mut Made) {
        let Some(path) = inside(&path) else {
            self.problems.push(RunProblem::BadFilePath { path, span });
            return;
        };
        made.bytes = made.bytes.saturating_add(bytes.len());
        let too_large = made.bytes > MAX_BYTES || made.files.len() >= MAX_FILES;
        if too_large {
            if !made.refused {
                self.problems.push(match made.bytes > MAX_BYTES {
                    true => SyntaxProblem::TooLarge {
                        limit: MAX_BYTES,
                        unit: "bytes in one volume",
                        span,
                    },
                    false => SyntaxProblem::TooLarge {
                        limit: MAX_FILES,
                        unit: "files in one volume",
                        span,
                    },
                });
            }
            made.refused = true;
            return;
        }
        let file = File {
            path: path.clone(),
            bytes,
            mode,
        };
        made.files.insert(path, file);
    }
}

impl Made {
    fn finish(self) -> Arc<FileSet> {
        Arc::new(FileSet {
            files: self.files.into_values().collect(),
        })
    }
}

/// The permission bits that are said, else those of all files.
fn mode(own: &Option<At<u32>>, of_all: Option<u32>) -> u32 {
    let said = own.as_ref().map(|mode| mode.value & 0o777);
    said.or(of_all).unwrap_or(DEFAULT_MODE)
}

/// A relative path without `.`, `..` and empty parts; `None` where it would leave the folder or name no file.
pub(crate) fn inside(path: &str) -> Option<String> {
    let parts: Vec<&str> = path
        .split('/')
        .filter(|part| !matches!(*part, "" | "."))
        .collect();
    let usable = !path.starts_with('/')
        && !parts.contains(&"..")
        && !path.contains(['\0', '\\'])
        && !parts.is_empty();
    usable.then(|| parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attack_a_path_stays_in_its_folder() {
        for path in [
            "",
            "/",
            ".",
            "..",
            "../a",
            "a/../b",
            "/etc/passwd",
            "a\0",
            "a\\..\\b",
        ] {
            assert_eq!(inside(path), None, "{path:?}");
        }
        assert_eq!(inside("a/./b//c").as_deref(), Some("a/b/c"));
        assert_eq!(inside("..data").as_deref(), Some("..data"));
    }
}
