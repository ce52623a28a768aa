//! A container image: what its manifest and its configuration say, and which layers make its root.
//!
//! It holds no layer and does not know where they are kept. All of it was written by whoever made the image, so it is
//! hostile: a name, a path or a user in here is a text and nothing more. The sections named are those of the image
//! specification of OCI, version 1.1.

use std::fmt;

/// A container image for one platform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainerImage {
    /// The digest of its manifest, as `sha256:` and 64 hexadecimal digits ("Image Manifest", `manifest.md`). For an image
    /// of several platforms it is the manifest of the one that was chosen, not the index. An archive of Docker's has no
    /// manifest of this form: there it is the digest of the one that Stepwell makes of it.
    pub manifest: String,
    /// What it was built for (`config.md`, properties `os`, `architecture` and `variant`).
    pub platform: Platform,
    /// What is run in front of the arguments (`config.md`, `config.Entrypoint`); empty where there is none.
    pub entrypoint: Vec<String>,
    /// The arguments where nobody gives others; without an entrypoint, their first is the program (`config.md`,
    /// `config.Cmd`).
    pub cmd: Vec<String>,
    /// Variables, in their order (`config.md`, `config.Env`).
    pub env: Vec<(String, String)>,
    /// Where a process starts (`config.md`, `config.WorkingDir`).
    pub working_dir: Option<String>,
    /// Who runs: `user`, `uid`, `user:group`, `uid:gid`, `uid:group` or `user:gid` (`config.md`, `config.User`).
    pub user: Option<String>,
    /// What asks a process to end: `SIGTERM`, `SIGRTMIN+3` (`config.md`, `config.StopSignal`).
    pub stop_signal: Option<String>,
    /// The layers, the lowest first (`manifest.md`, `layers`).
    pub layers: Vec<Layer>,
}

/// One layer: a packed archive of changes to the root.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Layer {
    /// The digest of the bytes as they are kept, packed or not (`descriptor.md`, `digest`).
    pub digest: String,
    /// The digest of the archive once it is unpacked (`config.md`, `rootfs.diff_ids`). Two layers with the same one have the
    /// same content, however they are packed.
    pub diff_id: String,
    /// How it is packed (`layer.md`, "`+gzip` Media Types", "`+zstd` Media Types"); Docker's words for the same are taken too.
    pub media_type: String,
    /// How many bytes are kept (`descriptor.md`, `size`).
    pub size: u64,
}

/// What a container image was built for. The words are those of Go: `linux`, `amd64`, `arm64`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Platform {
    /// The operating system (`image-index.md`, `platform.os`).
    pub os: String,
    /// The processor (`image-index.md`, `platform.architecture`).
    pub architecture: String,
    /// Which of its versions (`image-index.md`, `platform.variant`): `v7`, `v8`.
    pub variant: Option<String>,
}

impl Platform {
    /// What runs in a container on this machine: Linux, on the processor that this program was built for.
    pub fn host() -> Self {
        let (architecture, variant) = match std::env::consts::ARCH {
            "x86_64" => ("amd64", None),
            "x86" => ("386", None),
            "aarch64" => ("arm64", Some("v8")),
            "arm" => ("arm", Some("v7")),
            "powerpc64" if cfg!(target_endian = "little") => ("ppc64le", None),
            "powerpc64" => ("ppc64", None),
            "loongarch64" => ("loong64", None),
            // The others are called the same by Rust and by Go.
            other => (other, None),
        };
        Self {
            os: "linux".to_owned(),
            architecture: architecture.to_owned(),
            variant: variant.map(str::to_owned),
        }
    }
}

/// `linux/arm64/v8`.
impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        match &self.variant {
            Some(variant) => write!(f, "/{variant}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Digest, Image, ImageKind};

    #[test]
    fn a_container_is_known_by_its_manifest_alone() {
        let container = |manifest: &str, cmd: &str| ContainerImage {
            manifest: manifest.to_owned(),
            platform: Platform::host(),
            entrypoint: Vec::new(),
            cmd: vec![cmd.to_owned()],
            env: Vec::new(),
            working_dir: None,
            user: None,
            stop_signal: None,
            layers: Vec::new(),
        };
        let image = Image::container("alpine", container("sha256:aa", "sh"));
        assert_eq!(image.kind(), ImageKind::Container);
        assert_eq!(image.digest, Digest::of(b"sha256:aa"));
        assert!(image.as_component().is_none());
        let other = Image::container("alpine", container("sha256:bb", "sh"));
        assert_ne!(image.digest, other.digest);
    }

    #[test]
    fn a_platform_is_written_as_in_an_index() {
        let arm = Platform {
            os: "linux".to_owned(),
            architecture: "arm64".to_owned(),
            variant: Some("v8".to_owned()),
        };
        assert_eq!(arm.to_string(), "linux/arm64/v8");
        assert_eq!(Platform::host().os, "linux");
    }
}
