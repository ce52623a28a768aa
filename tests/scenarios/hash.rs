//! Hashing a tree: `sha256sum` as it is published, beside a typed plugin whose result the next step reads as a file.

use serde_json::json;
use sha2::{Digest, Sha256};

use crate::stage::Stage;
use crate::tree::{copied, files};

/// A digest as programs print it.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    format!("{:x}", Sha256::digest(bytes))
}

#[test]
fn a_tree_is_hashed_by_a_command_and_by_a_plugin() {
    let stage = Stage::new();
    let wit = copied(&stage, "wit");
    let before = files(&wit);
    let names = json!(before.keys().collect::<Vec<_>>()).to_string();
    let told = stage
        .run(
            "hash.yaml",
            &["-w", "site=wit", "-p", &format!("files={names}")],
        )
        .succeeded();

    let lines: Vec<String> = before
        .iter()
        .map(|(path, bytes)| format!("{}  {path}", sha256(bytes)))
        .collect();
    assert_eq!(told.stdout("each"), lines);

    let manifest: String = before
        .iter()
        .map(|(path, bytes)| format!("{}  {path}\n", blake3::hash(bytes).to_hex()))
        .collect();
    let digest = blake3::hash(manifest.as_bytes()).to_hex().to_string();
    assert_eq!(told.result("digest"), digest.as_str());
    assert_eq!(told.result("files"), before.len().to_string().as_str());
    assert_eq!(told.stdout("read-back"), [digest.as_str()]);

    let mut after = files(&wit);
    assert_eq!(after.remove("MANIFEST.b3"), Some(manifest.into_bytes()));
    assert_eq!(after, before, "hashing changed a file");
}
