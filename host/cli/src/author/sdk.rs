//! The contract and the SDK for Rust, which a new project brings along: what it is built against is what made it. A project in
//! Python or JavaScript is handed the contract whenever it is built.

/// A file: its path in the project's `vendor/stepwell`, and its text.
type File = (&'static str, &'static str);

macro_rules! files {
    ($($path:literal)*) => {
        &[
            (
                "Cargo.toml",
                include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/templates/sdk/Cargo.toml")),
            ),
            $((
                $path,
                include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../", $path)),
            )),*
        ]
    };
}

/// The SDK for Rust, with the contract that it is made from.
pub(super) const RUST: &[File] = files!(
    "guest-sdk/macros/Cargo.toml"
    "guest-sdk/macros/src/docs.rs"
    "guest-sdk/macros/src/lib.rs"
    "guest-sdk/macros/src/name.rs"
    "guest-sdk/macros/src/object.rs"
    "guest-sdk/macros/src/params.rs"
    "guest-sdk/macros/src/results.rs"
    "guest-sdk/macros/src/structs.rs"
    "guest-sdk/macros/src/task.rs"
    "guest-sdk/sdk/Cargo.toml"
    "guest-sdk/sdk/src/bindings.rs"
    "guest-sdk/sdk/src/describe.rs"
    "guest-sdk/sdk/src/error.rs"
    "guest-sdk/sdk/src/export.rs"
    "guest-sdk/sdk/src/failure.rs"
    "guest-sdk/sdk/src/host.rs"
    "guest-sdk/sdk/src/input.rs"
    "guest-sdk/sdk/src/invocation.rs"
    "guest-sdk/sdk/src/lib.rs"
    "guest-sdk/sdk/src/output.rs"
    "guest-sdk/sdk/src/testing.rs"
    "guest-sdk/sdk/src/tools.rs"
    "guest-sdk/sdk/src/value.rs"
    "wit/deps/cli.wit"
    "wit/deps/clocks.wit"
    "wit/deps/filesystem.wit"
    "wit/deps/http.wit"
    "wit/deps/io.wit"
    "wit/deps/random.wit"
    "wit/deps/sockets.wit"
    "wit/task.wit"
);

/// The contract alone: the paths are those in `wit`.
pub(super) fn contract() -> impl Iterator<Item = File> {
    let files = RUST.iter();
    files.filter_map(|(path, text)| Some((path.strip_prefix("wit/")?, *text)))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    #[test]
    fn every_file_of_the_sdk_is_brought_along() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let mut expected = BTreeSet::new();
        for folder in [
            "guest-sdk/macros/src",
            "guest-sdk/sdk/src",
            "wit",
            "wit/deps",
        ] {
            for entry in std::fs::read_dir(root.join(folder)).unwrap() {
                let name = entry.unwrap().file_name();
                let name = name.to_str().unwrap();
                if name.ends_with(".rs") || name.ends_with(".wit") {
                    expected.insert(format!("{folder}/{name}"));
                }
            }
        }
        let brought = RUST.iter().map(|(path, _)| (*path).to_owned());
        let brought: BTreeSet<String> = brought.filter(|path| !path.ends_with(".toml")).collect();
        assert_eq!(brought, expected);
    }

    #[test]
    fn versions_are_those_of_this_workspace() {
        let table = |text: &str| text.parse::<toml::Table>().unwrap();
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../Cargo.toml");
        let ours = table(&std::fs::read_to_string(root).unwrap());
        let (_, text) = RUST.iter().find(|(path, _)| *path == "Cargo.toml").unwrap();
        let theirs = table(text);
        let (ours, theirs) = (&ours["workspace"], &theirs["workspace"]);
        for part in ["package", "lints"] {
            assert_eq!(theirs[part], ours[part], "{part}");
        }
        for (name, version) in theirs["dependencies"].as_table().unwrap() {
            assert_eq!(*version, ours["dependencies"][name], "{name}");
        }
    }
}
