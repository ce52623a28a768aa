//! Repositories, made by the same program that people make them with.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// The Task that they hold.
pub(crate) const TASK: &str = "kind: Task\n";

/// A repository with a commit.
pub(crate) struct Repository {
    folder: tempfile::TempDir,
}

impl Repository {
    /// With `task.yaml` and `a/b.yaml` on the branch `main`.
    pub(crate) fn new() -> Self {
        let repository = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        repository.git(&["init", "--quiet", "--initial-branch=main", "."]);
        repository.write("task.yaml", TASK.as_bytes());
        repository.write("a/b.yaml", b"kind: Pipeline\n");
        repository.commit();
        repository
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// As a document says it.
    pub(crate) fn url(&self) -> String {
        self.path().to_str().unwrap().to_owned()
    }

    pub(crate) fn write(&self, path: &str, bytes: &[u8]) -> PathBuf {
        let path = self.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        path
    }

    /// Commits everything, and says by which name.
    pub(crate) fn commit(&self) -> String {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--allow-empty", "--message=x"]);
        self.head()
    }

    pub(crate) fn head(&self) -> String {
        self.git(&["rev-parse", "HEAD"]).trim().to_owned()
    }

    pub(crate) fn git(&self, arguments: &[&str]) -> String {
        let output = Command::new("git")
            .args([
                "-c",
                "user.name=t",
                "-c",
                "user.email=t@t",
                "-c",
                "commit.gpgSign=false",
            ])
            .args(arguments)
            .current_dir(self.path())
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .output()
            .unwrap();
        let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "git {arguments:?}: {complaint}");
        String::from_utf8(output.stdout).unwrap()
    }
}
