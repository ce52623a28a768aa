//! Patterns that stand for the paths that match them.

use std::fs;
use std::path::Path;

use super::pattern::Pattern;
use crate::state::Shell;

impl Shell {
    /// The paths that match a pattern, sorted; none where none does.
    pub(crate) fn paths(&self, pattern: &str) -> Vec<String> {
        let (mut found, rest) = match pattern.strip_prefix('/') {
            Some(rest) => (vec!["/".to_owned()], rest),
            None => (vec![String::new()], pattern),
        };
        let parts: Vec<&str> = rest.split('/').collect();
        for (at, part) in parts.iter().enumerate() {
            let is_last = at + 1 == parts.len();
            let matcher = Pattern::new(part);
            let mut next = Vec::new();
            for base in found {
                if matcher.is_plain() {
                    let name = part.replace('\\', "");
                    let path = format!("{base}{name}");
                    if !is_last || name.is_empty() || exists(&self.path(&path)) {
                        next.push(if is_last { path } else { format!("{path}/") });
                    }
                    continue;
                }
                let mut names = self.names(&base);
                names.retain(|name| {
                    (part.starts_with('.') || !name.starts_with('.')) && matcher.matches(name)
                });
                for name in names {
                    let path = format!("{base}{name}");
                    if is_last {
                        next.push(path);
                    } else if self.path(&path).is_dir() {
                        next.push(format!("{path}/"));
                    }
                }
            }
            found = next;
        }
        found
    }

    /// The names in a folder, sorted; none where it cannot be read.
    fn names(&self, folder: &str) -> Vec<String> {
        let Ok(entries) = fs::read_dir(self.path(folder)) else {
            return Vec::new();
        };
        let mut names: Vec<String> = entries
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .collect();
        names.sort();
        names
    }
}

fn exists(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}
