//! Container images for tests: Debian's static busybox as the root, written as OCI layouts.
//!
//! Both suites that call `stepwell` from the outside take this file in. It does not know what they run in these images.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use sha2::Digest as _;
use stepwell_contract::Platform;

/// The programs that a root is made of.
const BUSYBOX: &str = "/bin/busybox";
const BASH: &str = "/bin/bash-static";

/// Users that are there by name.
const PASSWD: &str = "root:x:0:0:root:/root:/bin/sh\napp:x:1001:1001:app:/home/app:/bin/sh\n\
                      nobody:x:65534:65534:nobody:/:/bin/sh\n";
const GROUP: &str = "root:x:0:\napp:x:1001:\nstaff:x:2000:app\nnogroup:x:65534:\n";

/// Whether containers can be run here; where not, what is missing is said. Where `STEPWELL_REQUIRE_CONTAINERS` is set, it
/// fails instead.
pub(crate) fn are_possible() -> bool {
    let missing = if !rustix::process::geteuid().is_root() {
        "root"
    } else if fs::metadata(BUSYBOX).is_err() {
        "Debian's `busybox-static`"
    } else if fs::metadata(BASH).is_err() {
        "Debian's `bash-static`"
    } else {
        return true;
    };
    skipped("containers", missing);
    false
}

/// Says what these tests need and have not. Where nothing may be skipped, they fail.
#[expect(
    clippy::disallowed_methods,
    reason = "how CI says that nothing may be skipped"
)]
#[expect(clippy::print_stderr, reason = "what is skipped is told")]
pub(crate) fn skipped(tests: &str, missing: &str) {
    let required = std::env::var_os("STEPWELL_REQUIRE_CONTAINERS").is_some();
    assert!(!required, "{tests} need {missing}");
    eprintln!("skipped: {tests} need {missing}");
}

/// A root with all that busybox does, bash beside it, and a few users.
pub(crate) fn root() -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    for (folder, mode) in [
        ("bin", 0o755),
        ("etc", 0o755),
        ("root", 0o700),
        ("srv", 0o755),
        ("tmp", 0o1777),
        ("usr", 0o755),
    ] {
        let mut header = header(mode);
        header.set_entry_type(tar::EntryType::Directory);
        archive.append_data(&mut header, folder, &b""[..]).unwrap();
    }
    let mut file = |path: &str, mode: u32, bytes: &[u8]| {
        let mut header = header(mode);
        header.set_size(bytes.len() as u64);
        archive.append_data(&mut header, path, bytes).unwrap();
    };
    file("bin/busybox", 0o755, &fs::read(BUSYBOX).unwrap());
    file("bin/bash", 0o755, &fs::read(BASH).unwrap());
    file("etc/passwd", 0o644, PASSWD.as_bytes());
    file("etc/group", 0o644, GROUP.as_bytes());
    let mut link = |path: &str, to: &str| {
        let mut header = header(0o777);
        header.set_entry_type(tar::EntryType::Symlink);
        archive.append_link(&mut header, path, to).unwrap();
    };
    link("usr/bin", "../bin");
    link("sbin", "bin");
    for applet in applets() {
        link(&format!("bin/{applet}"), "busybox");
    }
    archive.into_inner().unwrap()
}

/// What this busybox can do.
fn applets() -> Vec<String> {
    let listed = std::process::Command::new(BUSYBOX).arg("--list").output();
    let listed = String::from_utf8(listed.unwrap().stdout).unwrap();
    let names = listed.lines().filter(|name| *name != "busybox");
    names.map(str::to_owned).collect()
}

/// A root of what these packages of Debian's have put onto this machine; nothing where one of them is not installed.
#[allow(dead_code, reason = "one of the two suites needs it")]
pub(crate) fn packages(names: &[&str]) -> Option<Vec<u8>> {
    let mut archive = tar::Builder::new(Vec::new());
    archive.follow_symlinks(false);
    // Debian's own: what packages put below `/lib` is below `/usr/lib`.
    for name in ["bin", "lib", "lib64"] {
        let mut header = header(0o777);
        header.set_entry_type(tar::EntryType::Symlink);
        archive
            .append_link(&mut header, name, format!("usr/{name}"))
            .unwrap();
    }
    let listed = std::process::Command::new("dpkg")
        .arg("-L")
        .args(names)
        .output()
        .ok()?;
    if !listed.status.success() {
        return None;
    }
    let mut known = ["/bin", "/lib", "/lib64"]
        .map(std::path::PathBuf::from)
        .into_iter()
        .collect::<std::collections::BTreeSet<_>>();
    for path in String::from_utf8(listed.stdout)
        .ok()?
        .lines()
        .map(Path::new)
    {
        let Some((folder, name)) = path.parent().zip(path.file_name()) else {
            continue;
        };
        let Ok(real) = folder.canonicalize().map(|folder| folder.join(name)) else {
            continue;
        };
        let is_documentation = real.starts_with("/usr/share");
        let metadata = fs::symlink_metadata(&real).ok()?;
        if !is_documentation && !metadata.is_dir() && known.insert(real.clone()) {
            archive
                .append_path_with_name(&real, real.strip_prefix("/").ok()?)
                .ok()?;
        }
    }
    archive.into_inner().ok()
}

/// Of something that is root's.
fn header(mode: u32) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_mode(mode);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_size(0);
    header
}

/// The name of some bytes.
pub(crate) fn digest(bytes: &[u8]) -> String {
    let digest = sha2::Sha256::digest(bytes);
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex}")
}

/// What an image is made of: blobs, and the last of them is its manifest.
pub(crate) fn image(config_type: &str, config: &[u8], layers: &[(&str, &[u8])]) -> Vec<Vec<u8>> {
    let part = |media_type: &str, bytes: &[u8]| json!({ "mediaType": media_type, "digest": digest(bytes), "size": bytes.len() });
    let described: Vec<Value> = layers
        .iter()
        .map(|(name, bytes)| part(name, bytes))
        .collect();
    let manifest =
        json!({ "schemaVersion": 2, "config": part(config_type, config), "layers": described });
    let mut blobs = vec![config.to_vec()];
    blobs.extend(layers.iter().map(|(_, bytes)| bytes.to_vec()));
    blobs.push(manifest.to_string().into_bytes());
    blobs
}

/// A container image of this machine's kind, with one layer. `config` is what it says of its processes: `Env`, `Cmd`, ….
pub(crate) fn container(layer: &[u8], config: &Value) -> Vec<Vec<u8>> {
    let config = json!({
        "os": "linux", "architecture": Platform::host().architecture,
        "config": config,
        "rootfs": { "type": "layers", "diff_ids": [digest(layer)] },
    });
    let archive = "application/vnd.oci.image.layer.v1.tar";
    image(
        "application/vnd.oci.image.config.v1+json",
        config.to_string().as_bytes(),
        &[(archive, layer)],
    )
}

/// Lays images out in a folder, each with its tag.
pub(crate) fn lay_out(folder: &Path, images: &[(&str, Vec<Vec<u8>>)]) {
    fs::create_dir_all(folder.join("blobs/sha256")).unwrap();
    let mut entries = Vec::new();
    for (tag, blobs) in images {
        for blob in blobs {
            let hex = digest(blob).replace("sha256:", "blobs/sha256/");
            fs::write(folder.join(hex), blob).unwrap();
        }
        let manifest = blobs.last().unwrap();
        entries.push(json!({
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "digest": digest(manifest), "size": manifest.len(),
            "annotations": { "org.opencontainers.image.ref.name": tag },
        }));
    }
    let index = json!({ "schemaVersion": 2, "manifests": entries }).to_string();
    fs::write(folder.join("index.json"), index).unwrap();
    fs::write(
        folder.join("oci-layout"),
        r#"{"imageLayoutVersion":"1.0.0"}"#,
    )
    .unwrap();
}
