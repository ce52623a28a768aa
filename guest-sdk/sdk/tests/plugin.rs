//! A plugin of one function and two derives: what it says about itself, and what it does with what it is given.
#![expect(
    clippy::unwrap_used,
    reason = "what goes wrong in a test's own set-up fails it"
)]

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::Context as _;
use stepwell::testing::Call;
use stepwell::{
    Attempt, Capability, Classify as _, Failure, ParamDecl, ParamType, ParamValue,
    ReadOnlyWorkspace, ResultDecl, Task as _, Workspace, WorkspaceDecl,
};

/// What to release, and where.
#[derive(stepwell::Params)]
#[params(rename_all = "kebab-case")]
struct Input {
    /// The version to release.
    version: String,
    /// How many pages
    /// may be missing.
    #[param(default = 2)]
    max_missing: usize,
    /// Whom to tell.
    #[param(default = ["ops", "docs"])]
    audience: Vec<String>,
    /// Whether to try only.
    #[param(default)]
    dry_run: bool,
    /// Where it goes.
    target: Target,
    /// A word to add.
    #[param(name = "suffix")]
    word: Option<String>,
    /// Labels.
    #[param(default)]
    labels: BTreeMap<String, u16>,
    /// The pages.
    source: ReadOnlyWorkspace,
    /// Where the release is written.
    out: Workspace,
    /// Keeps what is slow to make.
    cache: Option<Workspace>,
    /// Which try it is.
    attempt: Attempt,
}

/// Where a release goes.
#[derive(Debug, stepwell::Object)]
struct Target {
    /// The machine.
    host: String,
    /// Its port.
    port: u16,
}

/// What was released.
#[derive(stepwell::Results)]
struct Released {
    /// The name of the release.
    tag: String,
    /// The pages in it.
    pages: Vec<PathBuf>,
    /// Where the slow parts were found.
    #[result(name = "cache-hit")]
    hit: Option<String>,
    /// Where it is.
    place: BTreeMap<String, String>,
}

/// Releases the pages.
///
/// Every page of the source is written into `out`.
#[stepwell::task(wants(network("pages.example:443") = "to upload", real_clock = "to date the release"))]
fn release_pages(input: Input) -> anyhow::Result<Released> {
    if input.attempt == Attempt(0) && input.version == "later" {
        Err("the server is not up").transient()?;
    }
    let pages = std::fs::read_dir(&input.source)
        .context("failed to list the pages")
        .malformed_input()?;
    let mut pages: Vec<PathBuf> = pages
        .map(|page| Ok(page?.file_name().into()))
        .collect::<anyhow::Result<_>>()?;
    pages.sort();
    if !input.dry_run {
        for page in &pages {
            std::fs::copy(input.source.join(page), input.out.join(page))
                .with_context(|| format!("failed to copy `{}`", page.display()))?;
        }
    }
    anyhow::ensure!(
        pages.len() + input.max_missing >= 3,
        "{} pages are too few",
        pages.len()
    );
    Ok(Released {
        tag: format!("{}{}", input.version, input.word.unwrap_or_default()),
        pages,
        hit: input.cache.map(|cache| cache.display().to_string()),
        place: BTreeMap::from([
            ("host".to_owned(), input.target.host),
            ("port".to_owned(), input.target.port.to_string()),
            ("audience".to_owned(), input.audience.join("+")),
            ("labels".to_owned(), input.labels.len().to_string()),
        ]),
    })
}

fn target() -> ParamValue {
    BTreeMap::from([
        ("host".to_owned(), "pages.example".to_owned()),
        ("port".to_owned(), "443".to_owned()),
    ])
    .into()
}

struct Folders {
    _root: tempfile::TempDir,
    source: PathBuf,
    out: PathBuf,
}

fn folders() -> Folders {
    let root = tempfile::tempdir().unwrap();
    let [source, out] = ["source", "out"].map(|name| root.path().join(name));
    std::fs::create_dir(&source).unwrap();
    std::fs::create_dir(&out).unwrap();
    std::fs::write(source.join("b.html"), "b").unwrap();
    std::fs::write(source.join("a.html"), "a").unwrap();
    Folders {
        _root: root,
        source,
        out,
    }
}

fn call(folders: &Folders) -> Call {
    Call::new()
        .param("version", "1.2")
        .param("target", target())
        .workspace("source", &folders.source)
        .workspace("out", &folders.out)
}

#[test]
fn fields_and_doc_comments_are_the_description() {
    let told = release_pages::describe();
    assert_eq!(told.name, "release-pages");
    assert_eq!(told.version, env!("CARGO_PKG_VERSION"));
    assert_eq!(
        told.documentation,
        "Releases the pages.\n\nEvery page of the source is written into `out`."
    );
    let target = ParamDecl {
        properties: vec!["host".to_owned(), "port".to_owned()],
        ..ParamDecl::new("target", ParamType::Object, "Where it goes.")
    };
    let audience = vec!["ops".to_owned(), "docs".to_owned()];
    assert_eq!(
        told.params,
        [
            ParamDecl::new("version", ParamType::String, "The version to release."),
            ParamDecl::with_default("max-missing", "2", "How many pages may be missing."),
            ParamDecl::with_default("audience", audience, "Whom to tell."),
            ParamDecl::with_default("dry-run", "false", "Whether to try only."),
            target,
            ParamDecl::with_default("suffix", "", "A word to add."),
            ParamDecl::with_default("labels", BTreeMap::new(), "Labels."),
        ]
    );
    let cache = WorkspaceDecl {
        optional: true,
        ..WorkspaceDecl::writable("cache", "Keeps what is slow to make.")
    };
    assert_eq!(
        told.workspaces,
        [
            WorkspaceDecl::read_only("source", "The pages."),
            WorkspaceDecl::writable("out", "Where the release is written."),
            cache,
        ]
    );
    assert_eq!(
        told.results,
        [
            ResultDecl::new("tag", ParamType::String, "The name of the release."),
            ResultDecl::new("pages", ParamType::Array, "The pages in it."),
            ResultDecl::new(
                "cache-hit",
                ParamType::String,
                "Where the slow parts were found."
            ),
            ResultDecl::new("place", ParamType::Object, "Where it is."),
        ]
    );
    let wanted = told.capabilities.iter().map(|want| &want.capability);
    assert_eq!(
        wanted.collect::<Vec<_>>(),
        [
            &Capability::Network("pages.example:443".to_owned()),
            &Capability::RealClock
        ]
    );
}

#[test]
fn a_call_has_the_defaults_and_leaves_results() {
    let folders = folders();
    let told = call(&folders).run::<release_pages>();
    assert_eq!(told.ending, Ok(()));
    assert_eq!(told.results["tag"], "1.2".into());
    let pages = vec!["a.html".to_owned(), "b.html".to_owned()];
    assert_eq!(told.results["pages"], pages.into());
    assert!(!told.results.contains_key("cache-hit"));
    let ParamValue::Object(place) = &told.results["place"] else {
        panic!("{:?}", told.results)
    };
    assert!(place.contains(&("audience".to_owned(), "ops+docs".to_owned())));
    assert_eq!(
        std::fs::read_to_string(folders.out.join("a.html")).unwrap(),
        "a"
    );
}

#[test]
fn everything_that_is_wrong_with_a_call_is_said_at_once() {
    let told = Call::new()
        .param("max-missing", "many")
        .param(
            "target",
            BTreeMap::from([("host".to_owned(), "pages.example".to_owned())]),
        )
        .run::<release_pages>();
    let expected = [
        "there is no param `version`",
        "param `max-missing` is `many`, which is no usize (invalid digit found in string)",
        "param `target` has no key `port`",
        "there is no workspace `source`",
        "there is no workspace `out`",
    ];
    assert_eq!(
        told.ending,
        Err(Failure::malformed_input(expected.join("\n")))
    );
    assert_eq!(told.results, BTreeMap::new());
}

#[test]
fn failures_have_the_class_that_the_code_gave_them() {
    let folders = folders();
    let told = call(&folders)
        .param("version", "later")
        .run::<release_pages>();
    assert_eq!(told.ending, Err(Failure::transient("the server is not up")));
    let told = call(&folders)
        .param("version", "later")
        .attempt(1)
        .run::<release_pages>();
    assert_eq!(told.ending, Ok(()));
    let told = call(&folders)
        .param("max-missing", "0")
        .run::<release_pages>();
    assert_eq!(told.ending, Err(Failure::failed("2 pages are too few")));
    let told = call(&folders)
        .workspace("source", folders.source.join("gone"))
        .run::<release_pages>();
    let failure = told.ending.unwrap_err();
    assert_eq!(failure.class, stepwell::FailureClass::MalformedInput);
    assert!(
        failure.message.starts_with("failed to list the pages: "),
        "{failure:?}"
    );
}

/// What is left of a check.
#[derive(stepwell::Results)]
struct Verdict {
    /// How many were wrong.
    wrong: usize,
}

/// Checks, and says what it found in any case.
#[stepwell::task(name = "check", results = Verdict)]
fn check_all() -> Result<(), &'static str> {
    use stepwell::Results as _;
    Verdict { wrong: 3 }.emit().map_err(|_| "not taken")?;
    Err("3 were wrong")
}

#[test]
fn results_of_a_failure_are_declared_and_kept() {
    let described = check_all::describe();
    assert_eq!(described.name, "check");
    assert_eq!(
        described.results,
        [ResultDecl::new(
            "wrong",
            ParamType::String,
            "How many were wrong."
        )]
    );
    let told = Call::new().run::<check_all>();
    assert_eq!(told.ending, Err(Failure::failed("3 were wrong")));
    assert_eq!(told.results["wrong"], "3".into());
}

/// Where to move, if anywhere.
#[derive(stepwell::Params)]
struct Move {
    /// Where to.
    to: Option<Target>,
}

/// Where it moved.
#[derive(stepwell::Results)]
struct Moved {
    /// The place that it is in now.
    now: Option<Target>,
}

/// Moves the release.
#[stepwell::task]
fn move_release(input: Move) -> Result<Moved, &'static str> {
    Ok(Moved { now: input.to })
}

#[test]
fn an_optional_object_has_its_keys_where_it_is_a_result() {
    let told = move_release::describe();
    let now = ResultDecl {
        properties: vec!["host".to_owned(), "port".to_owned()],
        ..ResultDecl::new("now", ParamType::Object, "The place that it is in now.")
    };
    assert_eq!(told.results, [now]);
    // A param that is left out is an object without them.
    let to = ParamDecl::with_default("to", BTreeMap::new(), "Where to.");
    assert_eq!(told.params, [to]);
    let told = Call::new().run::<move_release>();
    assert_eq!((told.ending, told.results), (Ok(()), BTreeMap::new()));
    let told = Call::new().param("to", target()).run::<move_release>();
    assert_eq!(told.results["now"], target());
}

/// Tells what matches.
#[stepwell::task]
fn r#match() -> Result<(), &'static str> {
    Ok(())
}

#[test]
fn a_raw_name_is_a_name_without_its_mark() {
    assert_eq!(r#match::describe().name, "match");
    assert_eq!(Call::new().run::<r#match>().ending, Ok(()));
}
