//! The same Task twice: in another folder, created in another order, at another moment.

use crate::stage::{Stage, Told};
use crate::tree::{Files, checkout_files, files, write};

/// One run over these files, and the site that it left behind.
fn once(tree: impl IntoIterator<Item = (String, Vec<u8>)>) -> (Told, Files) {
    let stage = Stage::new();
    let site = stage.folder("site");
    write(&stage.folder("tree"), tree);
    let told = stage
        .run("again.yaml", &["-w", "tree=tree", "-w", "site=site"])
        .succeeded();
    (told, files(&site))
}

#[test]
fn a_run_says_and_leaves_the_same_each_time() {
    let docs = checkout_files("docs");
    let (first, site) = once(docs.clone());
    let (second, again) = once(docs.into_iter().rev());
    assert_eq!(first.lasting(), second.lasting());
    assert_eq!(site, again);
    assert!(site.len() > 10, "{:?}", site.keys());
    assert!(
        first.events[0]["run"] != second.events[0]["run"],
        "these are two runs"
    );
}

#[test]
fn another_tree_is_told_apart() {
    let docs = checkout_files("docs");
    let mut other = docs.clone();
    other.insert("one-more.md".to_owned(), b"# One more\n".to_vec());
    let (first, site) = once(docs);
    let (second, changed) = once(other);
    assert_ne!(first.result("digest"), second.result("digest"));
    assert_ne!(first.stdout("listing"), second.stdout("listing"));
    assert!(!site.contains_key("one-more.html"));
    assert!(changed.contains_key("one-more.html"));
}
