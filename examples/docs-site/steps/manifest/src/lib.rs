//! Writes the BLAKE3 hash of every file of a folder into `MANIFEST.b3`, which `b3sum --check` reads.
//!
//! - **In**: the workspace `site`.
//! - **Out**: the file, and the results `files` and `digest`.
//! - **Must not know**: what is in the files.
//! - **Held up by**: the SDK, which makes a typed plugin of it; it needs no arguments, for it says itself what it needs.
//! - **Read next**: `hash`.

mod hash;

use stepwell::{Description, Failure, Invocation, ParamType, ResultDecl, Task, WorkspaceDecl};

use hash::{MANIFEST, write_manifest};

/// The plugin.
struct Manifest;

impl Task for Manifest {
    fn describe() -> Description {
        Description {
            workspaces: vec![WorkspaceDecl::writable(
                "site",
                "The folder whose files are hashed; the manifest is written into it.",
            )],
            results: vec![
                ResultDecl::new("files", ParamType::String, "How many files were hashed."),
                ResultDecl::new(
                    "digest",
                    ParamType::String,
                    "The BLAKE3 hash of the manifest: it stands for all files.",
                ),
            ],
            ..Description::new(
                "manifest",
                env!("CARGO_PKG_VERSION"),
                "Writes the BLAKE3 hash of every file into `MANIFEST.b3`.\n\n`b3sum --check MANIFEST.b3` compares them again.",
            )
        }
    }

    fn run(invocation: Invocation) -> Result<(), Failure> {
        let site = invocation.workspace("site")?;
        let manifest = write_manifest(site)
            .map_err(|error| Failure::failed(format!("failed to write the manifest: {error}")))?;
        println!("{} files in {MANIFEST}", manifest.files);
        stepwell::emit("files", manifest.files.to_string())?;
        stepwell::emit("digest", manifest.digest)?;
        Ok(())
    }
}

stepwell::export!(Manifest);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_it_emits_is_what_it_describes() {
        let site = tempfile::tempdir().unwrap();
        std::fs::write(site.path().join("index.html"), "hello").unwrap();
        Manifest::run(Invocation {
            workspaces: [("site".to_owned(), site.path().to_owned())].into(),
            ..Invocation::default()
        })
        .unwrap();
        let emitted: Vec<String> = stepwell::emitted().into_keys().collect();
        let mut described: Vec<String> = Manifest::describe()
            .results
            .into_iter()
            .map(|result| result.name)
            .collect();
        described.sort();
        assert_eq!(emitted, described);
    }
}
