//! Documents of our own in `tests/documents/containers`, run on every way to run containers.
//!
//! Beside each document is what came of it, the same on all of them: see [`crate::documents`].

use crate::boxes;
use crate::documents;
use crate::shelf::{self, Backend};
use crate::stage::Stage;

#[test]
fn documents_end_on_containers_as_tekton_would_end_them() {
    if !boxes::are_possible() {
        return;
    }
    let stage = Stage::new();
    let settings = shelf::lay_out(&stage);
    let found = documents::in_folder("tests/documents/containers");
    assert!(found.len() >= 20, "{found:?}");
    for backend in Backend::all() {
        let stage = || backend.stage();
        documents::compare(&found, &stage, &backend.flags(&settings));
        println!(
            "our documents on {}: {} end as in a cluster",
            backend.name,
            found.len()
        );
    }
}
