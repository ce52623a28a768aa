//! The shell that stands for the images of documents that are written for containers.

use std::path::PathBuf;
use std::sync::OnceLock;

/// Where it is.
pub(crate) fn component() -> PathBuf {
    let shell = stepwell_guest_artifacts::by_name("sh").canonicalize();
    shell.unwrap()
}

/// The argument that puts `sh.wasm` in the place of every image.
pub(crate) fn in_place_of_images() -> &'static str {
    static ARGUMENT: OnceLock<String> = OnceLock::new();
    ARGUMENT.get_or_init(|| format!("--image=*={}", component().display()))
}
