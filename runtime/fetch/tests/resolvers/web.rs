//! The resolver `http`.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use stepwell_fetch::Fetcher;

use crate::{
    server::{Reply, Server, tls_file},
    wanted::{blames_document, blames_environment, fetch, options},
};

const TASK: &str = "kind: Task\n";

/// Of [`TASK`].
const SHA256: &str = "sha256:cccbd06e37bd4995c6bef8beb3b13778f46ac1a60faa1d8e1afa03adf0abaa82";

fn server() -> Server {
    Server::tls(|request| match request.path.as_str() {
        "/task.yaml" => Reply::ok(TASK),
        "/moved" => Reply::redirect("/task.yaml"),
        "/binary" => Reply::ok([0xff, 0xfe]),
        "/broken" => Reply::status(500),
        "/endless" => Reply::Endless,
        "/silent" => Reply::Silence,
        _ => Reply::status(404),
    })
}

fn fetcher(folder: &tempfile::TempDir) -> Fetcher {
    let mut options = options(folder.path());
    options.certificates = vec![tls_file("ca.pem")];
    options.limits.document = 1000;
    options.limits.time = Duration::from_secs(30);
    Fetcher::new(options)
}

#[test]
fn a_document_behind_a_url_is_fetched_with_its_digest() {
    let temp = tempfile::tempdir().unwrap();
    let server = server();
    for path in ["/task.yaml", "/moved"] {
        let url = server.url(path);
        let fetched = fetch(&fetcher(&temp), "http", &[("url", &url)]).unwrap();
        assert_eq!((fetched.text.as_str(), &fetched.name), (TASK, &url));
        assert_eq!(
            fetched.provenance,
            serde_json::json!({ "uri": url, "digest": { "sha256": &SHA256[7..] } })
        );
    }
}

#[test]
fn attack_another_document_than_the_digest_names_is_refused() {
    let temp = tempfile::tempdir().unwrap();
    let server = server();
    let url = server.url("/task.yaml");
    let with = |digest: &str| {
        fetch(
            &fetcher(&temp),
            "http",
            &[("url", &url), ("digest", digest)],
        )
    };
    for good in [
        SHA256,
        &SHA256.to_uppercase().replace("SHA", "sha"),
        "sha512:6311a74d3652fa6e8e425c9b2487757265fa40c5c3002e91291c0e07eab5a0d8774001867221b64925edb40311ea2b850826acf61496fa02279d1161b361e204",
    ] {
        assert_eq!(with(good).unwrap().text, TASK);
    }
    blames_document(
        with(&format!("sha256:{}", "0".repeat(64))),
        &format!("has the digest `{SHA256}`"),
    );
    blames_document(with("sha256:00"), "a digest is `sha256:`");
    blames_document(with("md5:00"), "a digest is `sha256:`");
}

#[test]
fn whose_fault_it_is_depends_on_what_happened() {
    let temp = tempfile::tempdir().unwrap();
    let server = server();
    let get = |path| fetch(&fetcher(&temp), "http", &[("url", &server.url(path))]);
    blames_document(get("/nothing"), "the server answered with 404");
    blames_document(get("/binary"), "no UTF-8 text");
    blames_document(get("/endless"), "has more than 1000 bytes");
    blames_environment(get("/broken"), "the server answered with 500");
    let silent = Fetcher::new({
        let mut options = options(temp.path());
        options.certificates = vec![tls_file("ca.pem")];
        options.limits.time = Duration::from_millis(300);
        options
    });
    let url = server.url("/silent");
    blames_environment(
        fetch(&silent, "http", &[("url", &url)]),
        "did not answer in time",
    );
    blames_document(
        fetch(&fetcher(&temp), "http", &[("url", "ftp://x/y")]),
        "is not a URL",
    );
    blames_document(
        fetch(&fetcher(&temp), "http", &[]),
        "the param `url` is missing",
    );
    let mut options = options(temp.path());
    options.certificates = vec!["/no/where.pem".into()];
    blames_environment(
        fetch(&Fetcher::new(options), "http", &[("url", &url)]),
        "/no/where.pem",
    );
}

#[test]
fn secrets_of_a_cluster_are_refused() {
    let temp = tempfile::tempdir().unwrap();
    let server = server();
    let params = [
        ("url", &*server.url("/task.yaml")),
        ("http-username", "me"),
        ("http-password-secret", "s"),
    ];
    blames_document(
        fetch(&fetcher(&temp), "http", &params),
        "names a Secret of a cluster",
    );
    assert!(server.asked().is_empty());
}

#[test]
fn the_param_cache_decides_whether_the_cache_is_asked() {
    let temp = tempfile::tempdir().unwrap();
    let server = server();
    let url = server.url("/task.yaml");
    let start = SystemTime::now();
    let get = |age: u64, cache: &str, offline: bool| {
        let mut options = options(temp.path());
        options.certificates = vec![tls_file("ca.pem")];
        options.now = Arc::new(move || start + Duration::from_secs(age));
        options.offline = offline;
        fetch(
            &Fetcher::new(options),
            "http",
            &[("url", &url), ("cache", cache)],
        )
    };
    let mut seen = 0;
    let mut was_asked = || {
        let before = std::mem::replace(&mut seen, server.asked().len());
        seen - before
    };
    for (age, cache, asked) in [
        (0, "never", 1),
        (0, "auto", 1),
        (299, "auto", 0),
        (0, "never", 1),
        (1 << 20, "always", 0),
        (301, "auto", 1),
        // From the future: the clock was turned back.
        (0, "auto", 1),
    ] {
        get(age, cache, false).unwrap();
        assert_eq!(was_asked(), asked, "{cache} after {age} seconds");
    }
    assert_eq!(get(1 << 20, "auto", true).unwrap().text, TASK);
    blames_document(get(0, "never", true), "the param `cache` is `never`");
    blames_document(
        get(0, "sometimes", false),
        "it is `always`, `never` or `auto`",
    );
    assert_eq!(was_asked(), 0);
}

#[test]
fn the_cache_says_what_it_holds() {
    let temp = tempfile::tempdir().unwrap();
    let server = server();
    let url = server.url("/task.yaml");
    let fetcher = fetcher(&temp);
    assert!(fetcher.list().unwrap().is_empty());
    fetch(&fetcher, "http", &[("url", &url), ("digest", SHA256)]).unwrap();
    let [held] = <[_; 1]>::try_from(fetcher.list().unwrap()).unwrap();
    assert_eq!(
        (held.resolver.as_str(), held.pinned, held.bytes),
        ("http", true, 11)
    );
    assert_eq!(
        held.asked,
        [
            ("url".to_owned(), url.clone()),
            ("digest".to_owned(), SHA256.to_owned())
        ]
    );
    assert_eq!(held.name, url);
}

#[test]
fn resolvers_that_need_a_cluster_are_refused_with_what_to_write_instead() {
    let temp = tempfile::tempdir().unwrap();
    let fetcher = fetcher(&temp);
    blames_document(
        fetch(&fetcher, "hub", &[("name", "git-clone")]),
        "use `resolver: git`",
    );
    blames_document(
        fetch(&fetcher, "cluster", &[]),
        "put the file that was applied to the cluster beside",
    );
    blames_document(fetch(&fetcher, "mine", &[]), "there is no resolver `mine`");
}
