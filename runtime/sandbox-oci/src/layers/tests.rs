//! Layers are unpacked once, whole, and by one at a time.

use std::error::Error;
use std::io::{Cursor, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use stepwell_contract::{Layer, SandboxErrorKind};

use super::{LayerFolder, Layers, folder_name};

/// Gives one archive, or one that breaks off, and counts.
struct Source {
    archive: Vec<u8>,
    opened: AtomicU32,
}

impl Layers for Source {
    fn open(&self, _layer: &Layer) -> Result<Box<dyn Read + Send>, Box<dyn Error + Send + Sync>> {
        self.opened.fetch_add(1, Ordering::SeqCst);
        Ok(Box::new(Cursor::new(self.archive.clone())))
    }
}

fn archive() -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(4);
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    builder
        .append_data(&mut header, "a/file", &b"text"[..])
        .unwrap();
    builder.into_inner().unwrap()
}

fn source(archive: Vec<u8>) -> Arc<Source> {
    Arc::new(Source {
        archive,
        opened: AtomicU32::new(0),
    })
}

fn layer() -> Layer {
    Layer {
        digest: "sha256:aa".to_owned(),
        diff_id: format!("sha256:{}", "ab".repeat(32)),
        media_type: "application/vnd.oci.image.layer.v1.tar".to_owned(),
        size: 1,
    }
}

fn open(path: &Path, source: &Arc<Source>) -> LayerFolder {
    LayerFolder::open(path, Arc::clone(source) as Arc<dyn Layers>).unwrap()
}

#[test]
fn a_layer_is_unpacked_once_however_many_want_it() {
    let temp = tempfile::tempdir().unwrap();
    let source = source(archive());
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let path = open(temp.path(), &source).path(&layer()).unwrap();
                assert_eq!(std::fs::read(path.join("a/file")).unwrap(), b"text");
            });
        }
    });
    assert_eq!(source.opened.load(Ordering::SeqCst), 1);
}

#[test]
fn what_a_dead_one_left_is_removed() {
    let temp = tempfile::tempdir().unwrap();
    let left = temp
        .path()
        .join(folder_name(&layer().diff_id).unwrap() + ".part");
    std::fs::create_dir_all(left.join("a/old")).unwrap();
    let path = open(temp.path(), &source(archive()))
        .path(&layer())
        .unwrap();
    assert!(path.join("a/file").exists() && !path.join("a/old").exists() && !left.exists());
}

#[test]
fn attack_half_a_layer_is_no_layer() {
    let temp = tempfile::tempdir().unwrap();
    let half = archive()[..700].to_vec();
    let error = open(temp.path(), &source(half)).path(&layer()).unwrap_err();
    assert!(
        matches!(error.kind, SandboxErrorKind::BadGuest),
        "{error:?}"
    );
    let path = open(temp.path(), &source(archive()))
        .path(&layer())
        .unwrap();
    assert!(path.join("a/file").exists());
}

#[test]
fn attack_a_digest_is_not_a_path() {
    for diff_id in [
        "",
        "sha256",
        "sha256:",
        "sha256:../../../../etc/aaaaaaaaaaaaaaaaaaa",
        ":ab",
    ] {
        assert_eq!(folder_name(diff_id), None, "{diff_id}");
    }
    let long = format!("sha256:{}", "a".repeat(1000));
    assert_eq!(folder_name(&long), None);
    let good = format!("sha256:{}", "0f".repeat(32));
    assert_eq!(folder_name(&good), Some(good.replace(':', "-")));
}

#[test]
fn layers_are_nobody_elses() {
    use std::os::unix::fs::PermissionsExt as _;
    let temp = tempfile::tempdir().unwrap();
    let folder = temp.path().join("layers");
    std::fs::create_dir(&folder).unwrap();
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o755)).unwrap();
    open(&folder, &source(archive()));
    assert_eq!(
        std::fs::metadata(&folder).unwrap().permissions().mode() & 0o777,
        0o700
    );
}
