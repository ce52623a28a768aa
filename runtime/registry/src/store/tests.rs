//! The store of images as processes leave it that die, lie or work at the same time.

use std::{fs, sync::atomic::AtomicU64};
use std::{os::unix::fs::PermissionsExt, sync::atomic::Ordering};

use stepwell_contract::{Cancel, CancelReason};

use super::*;
use crate::download::Sink;
use crate::store::references::{HeldKind, Record};

fn store() -> (tempfile::TempDir, ImageStore) {
    let temp = tempfile::tempdir().unwrap();
    let store = ImageStore::open(temp.path().join("images")).unwrap();
    (temp, store)
}

/// Keeps a manifest without layers under a reference.
fn pulled(store: &ImageStore, reference: &str, config: &[u8]) -> Sha256 {
    let config_digest = store.keep(config).unwrap();
    let part = serde_json::json!({ "mediaType": "x", "digest": config_digest, "size": 1 });
    let manifest = serde_json::json!({ "config": part, "layers": [] }).to_string();
    let manifest = store.keep(manifest.as_bytes()).unwrap();
    let record = Record::new(
        (reference, "linux/amd64"),
        (manifest, manifest),
        HeldKind::Container,
        config.len() as u64,
    );
    store.write_down(&record).unwrap();
    config_digest
}

#[test]
fn what_is_kept_is_there_for_another_process() {
    let (temp, store) = store();
    let digest = store.keep(b"blob").unwrap();
    let other = ImageStore::open(temp.path().join("images")).unwrap();
    assert!(other.has(digest, 4) && !other.has(digest, 5));
    assert_eq!(
        other.read(digest, 4).unwrap().as_deref(),
        Some(b"blob".as_slice())
    );
    assert!(other.checked(digest).unwrap().is_some());
    assert_eq!(other.read(Sha256::of(b"none"), 9).unwrap(), None);
}

#[test]
fn attack_a_blob_that_was_torn_or_altered_is_no_blob() {
    let (_temp, store) = store();
    for altered in [b"bl".as_slice(), b"BLOB", b"blob and more"] {
        let digest = store.keep(b"blob").unwrap();
        fs::write(store.blob_path(digest), altered).unwrap();
        assert_eq!(store.read(digest, 100).unwrap(), None);
        assert!(!store.blob_path(digest).exists());
        store.keep(b"blob").unwrap();
        fs::write(store.blob_path(digest), altered).unwrap();
        assert!(store.checked(digest).unwrap().is_none());
        assert!(!store.blob_path(digest).exists());
    }
}

#[test]
fn attack_a_layer_that_names_a_path_is_no_layer() {
    let (temp, store) = store();
    fs::write(temp.path().join("secret"), "x").unwrap();
    let digest = store.keep(b"blob").unwrap().to_string();
    let layer = |digest: &str| Layer {
        digest: digest.to_owned(),
        diff_id: Sha256::of(b"blob").to_string(),
        media_type: "application/vnd.oci.image.layer.v1.tar".to_owned(),
        size: 4,
    };
    let bounds = LayerBounds::default();
    let opened = store.layer(&layer("sha256:../../../secret"), &bounds);
    assert!(matches!(opened, Err(StoreError::Missing(_))));
    store
        .layer(&layer(&digest), &bounds)
        .unwrap()
        .finish()
        .unwrap();
}

#[test]
fn attack_a_store_that_others_can_write_to_is_not_used() {
    let (temp, store) = store();
    drop(store);
    let root = temp.path().join("images");
    fs::set_permissions(&root, fs::Permissions::from_mode(0o777)).unwrap();
    assert!(matches!(
        ImageStore::open(&root),
        Err(StoreError::Exposed { .. })
    ));
    fs::set_permissions(&root, fs::Permissions::from_mode(0o755)).unwrap();
    ImageStore::open(&root).unwrap();
}

#[test]
fn a_blob_goes_on_where_a_process_died() {
    let (_temp, store) = store();
    let (bytes, cancel) = (b"a blob of some length".as_slice(), Cancel::new());
    let (digest, size) = (Sha256::of(bytes), bytes.len() as u64);
    let seen = AtomicU64::new(0);
    let progress = |taken| seen.store(taken, Ordering::SeqCst);
    let goes_on = || true;
    let take_up = || {
        store
            .partial((digest, size), &progress, &goes_on, &cancel)
            .unwrap()
    };
    let mut partial = take_up().unwrap();
    partial.begin(0).unwrap();
    partial.take(&bytes[..5]).unwrap();
    drop(partial);
    let mut partial = take_up().unwrap();
    assert_eq!((partial.taken(), seen.load(Ordering::SeqCst)), (5, 5));
    partial.begin(5).unwrap();
    partial.take(&bytes[5..]).unwrap();
    assert_eq!(partial.finish().unwrap(), Came::Whole);
    assert!(take_up().is_none());
    assert_eq!(store.read(digest, size).unwrap().as_deref(), Some(bytes));
}

#[test]
fn attack_a_blob_of_other_bytes_or_of_more_is_not_kept() {
    let (_temp, store) = store();
    let (digest, cancel) = (Sha256::of(b"blob"), Cancel::new());
    let (progress, goes_on) = (|_| {}, || true);
    let take_up = || {
        store
            .partial((digest, 4), &progress, &goes_on, &cancel)
            .unwrap()
    };
    let mut partial = take_up().unwrap();
    partial.begin(0).unwrap();
    partial.take(b"BLOB").unwrap();
    assert!(partial.take(b"x").is_err());
    assert_eq!(partial.finish().unwrap(), Came::Other(Sha256::of(b"BLOB")));
    let mut partial = take_up().unwrap();
    assert_eq!(partial.taken(), 0);
    partial.begin(0).unwrap();
    partial.take(b"blob").unwrap();
    assert_eq!(partial.finish().unwrap(), Came::Whole);
}

#[test]
fn whoever_waits_for_a_blob_can_be_stopped_or_finds_it_whole() {
    let (_temp, store) = store();
    let (digest, cancel) = (Sha256::of(b"blob"), Cancel::new());
    let (progress, goes_on) = (|_| {}, || true);
    let take_up = |cancel| store.partial((digest, 4), &progress, &goes_on, cancel);
    let mut held = take_up(&cancel).unwrap().unwrap();
    let stopped = Cancel::new();
    stopped.cancel(CancelReason::Asked);
    assert!(take_up(&stopped).is_err());
    std::thread::scope(|scope| {
        let waits = scope.spawn(|| take_up(&cancel).unwrap().is_none());
        held.begin(0).unwrap();
        held.take(b"blob").unwrap();
        held.finish().unwrap();
        assert!(waits.join().unwrap());
    });
}

#[test]
fn what_no_image_needs_is_removed_and_the_rest_stays() {
    let (_temp, store) = store();
    let (kept, gone) = (pulled(&store, "a:1", b"one"), pulled(&store, "b:1", b"two"));
    let stray = store.keep(b"stray").unwrap();
    let references = |store: &ImageStore| {
        let held = store.list().unwrap().into_iter();
        held.map(|held| held.reference).collect::<Vec<_>>()
    };
    assert_eq!(references(&store), ["a:1", "b:1"]);
    let removed = store.remove(&["b:1".to_owned(), "c:1".to_owned()]).unwrap();
    assert_eq!((removed.images, removed.in_use), (1, false));
    assert!(removed.bytes > 8);
    assert_eq!(references(&store), ["a:1"]);
    assert!(store.has(kept, 3) && !store.has(gone, 3) && !store.has(stray, 5));
}

#[test]
fn what_another_process_uses_stays_until_it_is_done() {
    let (temp, store) = store();
    let gone = pulled(&store, "a:1", b"one");
    let other = ImageStore::open(temp.path().join("images")).unwrap();
    let removed = store.remove(&["a:1".to_owned()]).unwrap();
    assert_eq!(
        (removed.images, removed.bytes, removed.in_use),
        (1, 0, true)
    );
    assert!(other.has(gone, 3));
    drop(other);
    assert!(!store.remove(&[]).unwrap().in_use);
    assert!(!store.has(gone, 3));
}

#[test]
fn a_lookup_of_another_time_or_torn_is_none() {
    let (_temp, store) = store();
    pulled(&store, "a:1", b"one");
    assert!(store.recorded("a:1", "linux/amd64").is_some());
    assert!(store.recorded("a:1", "linux/arm64").is_none());
    let folder = store.root.join("references");
    let path = fs::read_dir(&folder)
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    let text = fs::read_to_string(&path).unwrap();
    for other in [
        &text.replace("\"format\":1", "\"format\":2"),
        &text[..20],
        "",
    ] {
        fs::write(&path, other).unwrap();
        assert!(store.recorded("a:1", "linux/amd64").is_none());
        assert!(store.list().unwrap().is_empty());
    }
}
