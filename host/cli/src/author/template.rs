//! The files of a new project. They lie in `host/cli/templates`, as they are written but for the plugin's name.

use super::{Language, sdk};

/// A file of a template: its path in the project, and its text.
type File = (&'static str, &'static str);

macro_rules! files {
    ($folder:literal: $($path:literal)*) => {
        &[$((
            $path,
            include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/templates/", $folder, "/", $path)),
        )),*]
    };
}

/// What a folder is called in `host/cli/templates` that git would ignore there, or cargo take for a package.
const EVERY: &[File] = files!("every":
    "fixtures/finds-a-marker/workspaces/source/notes.txt"
    "fixtures/finds-nothing/workspaces/source/notes.txt"
    "fixtures/finds-nothing/case.toml"
);

const RUST: &[File] = files!("rust":
    "Cargo.toml"
    "README.md"
    "fixtures/finds-a-marker/expected/outcome.json"
    "fixtures/finds-nothing/expected/outcome.json"
    "gitignore"
    "pipeline.yaml"
    "src/lib.rs"
    "stepwell.toml"
);

const C: &[File] = files!("c":
    "README.md"
    "fixtures/finds-a-marker/expected/outcome.json"
    "fixtures/finds-nothing/expected/outcome.json"
    "gitignore"
    "main.c"
    "pipeline.yaml"
    "stepwell.toml"
    "task.yaml"
);

const GO: &[File] = files!("go":
    "README.md"
    "fixtures/finds-a-marker/expected/outcome.json"
    "fixtures/finds-nothing/expected/outcome.json"
    "gitignore"
    "go.mod"
    "main.go"
    "pipeline.yaml"
    "stepwell.toml"
    "task.yaml"
);

const PYTHON: &[File] = files!("python":
    "README.md"
    "app.py"
    "fixtures/finds-a-marker/expected/outcome.json"
    "fixtures/finds-nothing/expected/outcome.json"
    "gitignore"
    "pipeline.yaml"
    "plugin.wit"
    "requirements.txt"
    "stepwell.toml"
);

const JS: &[File] = files!("js":
    "README.md"
    "app.js"
    "fixtures/finds-a-marker/expected/outcome.json"
    "fixtures/finds-nothing/expected/outcome.json"
    "gitignore"
    "package.json"
    "pipeline.yaml"
    "plugin.wit"
    "stepwell.js"
    "stepwell.toml"
);

/// The files of a project of this name.
pub(super) fn files(language: Language, name: &str) -> Vec<(String, String)> {
    let own = match language {
        Language::Rust => RUST,
        Language::C => C,
        Language::Go => GO,
        Language::Python => PYTHON,
        Language::Js => JS,
    };
    let named = |text: &str| text.replace("{{name}}", name);
    let written = EVERY.iter().chain(own).map(|(path, text)| {
        let path = match *path {
            // One with a dot would be git's own here.
            "gitignore" => ".gitignore",
            path => path,
        };
        (path.to_owned(), named(text))
    });
    let vendored: &[File] = match language {
        Language::Rust => sdk::RUST,
        Language::C | Language::Go | Language::Python | Language::Js => &[],
    };
    let vendored = vendored
        .iter()
        .map(|(path, text)| (format!("vendor/stepwell/{path}"), (*text).to_owned()));
    written.chain(vendored).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use clap::ValueEnum as _;

    use super::*;

    /// The files below `folder`, by their paths.
    fn below(folder: &Path) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        let mut folders = vec![folder.to_owned()];
        while let Some(next) = folders.pop() {
            for entry in std::fs::read_dir(next).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    let path = path.strip_prefix(folder).unwrap();
                    found.insert(path.to_str().unwrap().to_owned());
                }
            }
        }
        found
    }

    #[test]
    fn every_file_of_a_template_is_written() {
        let templates = Path::new(env!("CARGO_MANIFEST_DIR")).join("templates");
        for language in Language::value_variants() {
            let mut expected = below(&templates.join(language.as_str()));
            expected.extend(below(&templates.join("every")));
            let files = files(*language, "lint-it");
            let written: BTreeSet<String> = files
                .iter()
                .filter(|(path, _)| !path.starts_with("vendor/"))
                .map(|(path, _)| path.trim_start_matches('.').to_owned())
                .collect();
            assert_eq!(written, expected, "{language:?}");
            for (path, text) in files {
                let is_ours = !path.starts_with("vendor/");
                assert!(!is_ours || !text.contains("{{"), "{path}");
            }
        }
    }

    #[test]
    fn no_code_is_called_what_the_plugin_is() {
        // `fn` cannot name a function, nor `fmt` a module of Go: the standard library has it.
        let text = |language, name, path: &str| {
            let mut files = files(language, name).into_iter();
            files.find(|(file, _)| file == path).unwrap().1
        };
        let code = text(Language::Rust, "fn", "src/lib.rs");
        assert!(code.contains("task(name = \"fn\", "), "{code}");
        assert!(!code.contains("fn fn"), "{code}");
        let module = text(Language::Go, "fmt", "go.mod");
        assert!(module.starts_with("module example.com/fmt\n"), "{module}");
    }

    #[test]
    fn the_examples_bring_along_what_a_new_project_does() {
        let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/plugins");
        for (language, example, path) in [
            (Language::Js, "markdown-lint", "plugin.wit"),
            (Language::Js, "markdown-lint", "stepwell.js"),
            (Language::Python, "json-schema", "plugin.wit"),
        ] {
            let theirs = std::fs::read_to_string(examples.join(example).join(path)).unwrap();
            let files = files(language, example);
            let (_, ours) = files.iter().find(|(name, _)| name == path).unwrap();
            assert_eq!(theirs, *ours, "{example}/{path}");
        }
    }
}
