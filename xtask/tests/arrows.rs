//! No room of the house imports another that it must not: the table of ARCHITECTURE.md, checked over `cargo metadata`.

use std::path::Path;

use cargo_metadata::{MetadataCommand, Package};

/// Which rooms a room may use. Development dependencies are arrows too.
fn may_use(from: &str, to: &str) -> bool {
    match from {
        "runtime/engine" => ["runtime/contract", "runtime/spec", "runtime/store"].contains(&to),
        "runtime/spec" | "runtime/store" | "runtime/report" | "runtime/registry" => {
            to == "runtime/contract"
        }
        "runtime/fetch" => ["runtime/contract", "runtime/registry"].contains(&to),
        // A sandbox's tests run the guests, and do what is demanded of every backend.
        from if from.starts_with("runtime/sandbox-") => [
            "runtime/contract",
            "tests/conformance",
            "tests/guest-artifacts",
        ]
        .contains(&to),
        // The suite knows a backend only as the contract and the engine do; whoever has one brings it along.
        "tests/conformance" => [
            "runtime/contract",
            "runtime/engine",
            "runtime/spec",
            "runtime/store",
        ]
        .contains(&to),
        from if from.starts_with("host/") => true,
        // Guests link the SDK and each other, and never what runs them.
        from if from.starts_with("guest-sdk/") => to.starts_with("guest-sdk/"),
        from if from.starts_with("tests/guests") || from.starts_with("examples") => {
            to.starts_with("guest-sdk/")
                || to.starts_with("tests/guests")
                || to.starts_with("examples")
        }
        // The contract, xtask, and every room that this table does not name yet.
        _ => false,
    }
}

#[test]
fn no_arrow_is_missing_from_the_table() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let room = |path: &Path| {
        path.strip_prefix(root)
            .unwrap()
            .to_str()
            .unwrap()
            .to_owned()
    };
    let mut wrong = Vec::new();
    for workspace in [".", "tests/bench", "tests/guests", "examples"] {
        let metadata = MetadataCommand::new()
            .manifest_path(root.join(workspace).join("Cargo.toml"))
            .no_deps()
            .exec()
            .unwrap();
        for package in &metadata.packages {
            let Package { manifest_path, .. } = package;
            let from = room(manifest_path.parent().unwrap().as_std_path());
            for path in package
                .dependencies
                .iter()
                .filter_map(|dependency| dependency.path.as_ref())
            {
                let to = room(path.as_std_path());
                if !may_use(&from, &to) {
                    wrong.push(format!("{from} -> {to}"));
                }
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "arrows that the table does not have: {wrong:?}"
    );
}
