//! Writes the BLAKE3 hash of every file of a folder into `MANIFEST.b3`, which `b3sum --check` reads.
//!
//! - **In**: the workspace `site`.
//! - **Out**: the file, and the results `files` and `digest`.
//! - **Must not know**: what is in the files.
//! - **Held up by**: the SDK, which makes a typed plugin of it; it needs no arguments, for it says itself what it needs.
//! - **Read next**: `hash`.

mod hash;

use std::io;

use stepwell::Workspace;

use hash::{MANIFEST, write_manifest};

/// What is hashed.
#[derive(stepwell::Params)]
struct Input {
    /// The folder whose files are hashed; the manifest is written into it.
    site: Workspace,
}

/// What was written.
#[derive(Debug, stepwell::Results)]
struct Written {
    /// How many files were hashed.
    files: usize,
    /// The BLAKE3 hash of the manifest: it stands for all files.
    digest: String,
}

/// Writes the BLAKE3 hash of every file into `MANIFEST.b3`.
///
/// `b3sum --check MANIFEST.b3` compares them again.
#[stepwell::task]
fn manifest(input: Input) -> io::Result<Written> {
    let written = write_manifest(&input.site)?;
    println!("{} files in {MANIFEST}", written.files);
    Ok(written)
}

#[cfg(test)]
mod tests {
    use stepwell::Task as _;
    use stepwell::testing::Call;

    use super::*;

    #[test]
    fn what_it_emits_is_what_it_describes() {
        let site = tempfile::tempdir().unwrap();
        std::fs::write(site.path().join("index.html"), "hello").unwrap();
        let told = Call::new().workspace("site", site.path()).run::<manifest>();
        assert_eq!(told.ending, Ok(()));
        let emitted: Vec<String> = told.results.into_keys().collect();
        let described = manifest::describe().results.into_iter();
        let mut described: Vec<String> = described.map(|result| result.name).collect();
        described.sort();
        assert_eq!(emitted, described);
    }

    #[test]
    fn a_folder_that_is_not_there_is_told() {
        let told = Call::new().workspace("site", "/nowhere").run::<manifest>();
        assert!(told.ending.is_err());
    }
}
