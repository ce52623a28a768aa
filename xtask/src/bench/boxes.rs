//! What the rows of containers run: one small root, as an image for Stepwell and Docker and as a bundle for `runc`.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use super::{
    daemon::Docker,
    rows::GREETING,
    tools::{self, Peer},
};
use crate::{
    command::{self, say},
    packages,
};

/// What is needed, each with its Debian package.
const PROGRAMS: [(&str, &str); 3] = [
    ("busybox", "busybox-static"),
    ("runc", "runc"),
    ("dockerd", "docker.io"),
];

/// The name of the image in Docker.
pub(super) const IMAGE: &str = "stepwell-bench:1";

/// What the rows of containers run.
pub(super) struct Containers {
    /// The image, as `image:` names it; or why there is none.
    pub(super) image: std::result::Result<String, String>,
    /// A bundle of the same root for `runc`.
    pub(super) bundle: Peer,
    /// A daemon that has the image.
    pub(super) docker: std::result::Result<Docker, String>,
}

impl Containers {
    /// Installs what is missing where that is possible, and makes all of it.
    ///
    /// # Errors
    ///
    /// When a file cannot be written.
    pub(super) fn prepare() -> Result<Self> {
        let missing = PROGRAMS.iter().filter(|(name, _)| !command::exists(name));
        let missing: Vec<&str> = missing.map(|(_, package)| *package).collect();
        if !missing.is_empty()
            && let Err(error) = packages::install(&missing)
        {
            say(&format!("rows of containers lack something: {error:#}"));
        }
        let folder = tools::folder().join("containers");
        let root = folder.join("bundle/rootfs");
        let archive = folder.join("image.tar");
        let made = make_root(&root).and_then(|()| make_archive(&root, &archive));
        let made = made.map_err(|error| format!("{error:#}"));
        Ok(Self {
            bundle: made
                .clone()
                .and_then(|()| make_bundle(&folder).map_err(|error| format!("{error:#}"))),
            docker: made
                .clone()
                .and_then(|()| Docker::start(&archive).map_err(|error| format!("{error:#}"))),
            image: made.map(|()| format!("docker-archive:{}", archive.display())),
        })
    }
}

/// The command that every side runs.
pub(super) fn greet() -> [&'static str; 2] {
    ["/bin/echo", GREETING]
}

/// A root with busybox in it.
fn make_root(root: &Path) -> Result<()> {
    let bin = root.join("bin");
    if bin.join("echo").exists() {
        return Ok(());
    }
    fs::create_dir_all(&bin).with_context(|| format!("failed to create `{}`", bin.display()))?;
    for folder in ["dev", "etc", "proc", "sys", "tmp"] {
        fs::create_dir_all(root.join(folder))?;
    }
    fs::copy("/bin/busybox", bin.join("busybox")).context("failed to copy `/bin/busybox`")?;
    for applet in ["sh", "ls", "echo"] {
        symlink("busybox", bin.join(applet)).context("failed to link an applet")?;
    }
    Ok(())
}

/// The root as an image, in the form that `docker save` writes.
fn make_archive(root: &Path, archive: &Path) -> Result<()> {
    if archive.exists() {
        return Ok(());
    }
    let folder = archive.parent().context("an archive lies in a folder")?;
    let tar = |file: &Path, from: &Path, names: &[&str]| {
        command::run(
            Command::new("tar")
                .args(["--owner=0", "--group=0", "--mtime=@0", "--sort=name", "-cf"])
                .arg(file)
                .arg("-C")
                .arg(from)
                .args(names),
        )
    };
    let layer = folder.join("layer.tar");
    tar(&layer, root, &["."])?;
    let said = command::capture(Command::new("sha256sum").arg(&layer))?;
    let digest = said.split(' ').next().unwrap_or_default();
    let config = json!({
        "os": "linux", "architecture": architecture(),
        "config": { "Env": ["PATH=/bin"] },
        "rootfs": { "type": "layers", "diff_ids": [format!("sha256:{digest}")] },
        "history": [],
    });
    let manifest =
        json!([{ "Config": "config.json", "RepoTags": [IMAGE], "Layers": ["layer.tar"] }]);
    fs::write(folder.join("config.json"), config.to_string())?;
    fs::write(folder.join("manifest.json"), manifest.to_string())?;
    let whole = archive.with_extension("part");
    tar(
        &whole,
        folder,
        &["manifest.json", "config.json", "layer.tar"],
    )?;
    fs::rename(whole, archive).context("failed to name the image")
}

/// A bundle for `runc`: its own template, with the command in it.
fn make_bundle(folder: &Path) -> Result<PathBuf> {
    let bundle = folder.join("bundle");
    let config = bundle.join("config.json");
    if config.exists() {
        fs::remove_file(&config)?;
    }
    command::run(
        Command::new("runc")
            .arg("spec")
            .arg("--bundle")
            .arg(&bundle),
    )?;
    let text = fs::read_to_string(&config)?;
    let mut spec: Value = serde_json::from_str(&text).context("failed to read runc's template")?;
    if !spec["process"].is_object() {
        bail!("runc's template has no process");
    }
    spec["process"]["terminal"] = json!(false);
    spec["process"]["args"] = json!(greet());
    fs::write(&config, spec.to_string())?;
    Ok(bundle)
}

/// This machine's, as images name it.
fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}
