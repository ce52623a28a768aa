//! The files of a folder, and what they are called in a site.

use std::fs;
use std::io;
use std::path::Path;

/// Every file below `folder`, sorted; files and folders whose names start with a dot are left out.
///
/// # Errors
///
/// When a folder cannot be listed, or a name is no text.
pub fn files(folder: &Path) -> io::Result<Vec<String>> {
    let mut found = Vec::new();
    collect(folder, "", &mut found)?;
    found.sort();
    Ok(found)
}

fn collect(folder: &Path, prefix: &str, found: &mut Vec<String>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().into_string().map_err(|name| {
            io::Error::new(
                io::ErrorKind::InvalidData,
                format!("a file name is no text: {name:?}"),
            )
        })?;
        if name.starts_with('.') {
            continue;
        }
        let path = format!("{prefix}{name}");
        if entry.file_type()?.is_dir() {
            collect(&entry.path(), &format!("{path}/"), found)?;
        } else {
            found.push(path);
        }
    }
    Ok(())
}

/// Whether a file becomes a page of the site. The table of contents does not: it becomes the sidebar of each page.
pub fn is_page(path: &str) -> bool {
    path.ends_with(".md") && path != "SUMMARY.md"
}

/// What a file is called in the site: `guide/start.md` becomes `guide/start.html`, a `README.md` becomes the `index.html`
/// of its folder, and anything else keeps its name.
pub fn site_name(path: &str) -> String {
    let Some(stem) = path.strip_suffix(".md") else {
        return path.to_owned();
    };
    match stem.strip_suffix("README") {
        Some(folder) if folder.is_empty() || folder.ends_with('/') => format!("{folder}index.html"),
        _ => format!("{stem}.html"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_readme_is_the_index_of_its_folder() {
        for (path, name) in [
            ("README.md", "index.html"),
            ("guide/README.md", "guide/index.html"),
            ("guide/start.md", "guide/start.html"),
            ("OLDREADME.md", "OLDREADME.html"),
            ("logo.svg", "logo.svg"),
        ] {
            assert_eq!(site_name(path), name);
        }
    }

    #[test]
    fn files_come_sorted_with_their_folders() {
        let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixture");
        assert_eq!(
            files(&fixture).unwrap(),
            [
                "README.md",
                "SUMMARY.md",
                "guide/README.md",
                "guide/reference.md",
                "guide/start.md",
                "well.svg",
            ]
        );
    }
}
