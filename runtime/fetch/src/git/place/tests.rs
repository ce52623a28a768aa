//! What a document may name, and what it may not.

use stepwell_contract::ParamValue;

use super::*;
use crate::fetcher::Wanted;

fn with<T>(
    params: &[(&str, &str)],
    read: impl Fn(Params<'_>) -> Result<T, ParamError>,
) -> Result<T, String> {
    let params: Vec<(String, ParamValue)> = params
        .iter()
        .map(|&(name, value)| (name.to_owned(), value.into()))
        .collect();
    let wanted = Wanted {
        kind: "Task",
        resolver: "git",
        params: &params,
    };
    read(Params::of(&wanted)).map_err(|error| error.to_string())
}

fn place(url: &str) -> Result<Place, String> {
    with(&[("url", url)], Place::read)
}

#[test]
fn repositories_are_named_in_the_ways_that_git_knows() {
    for (url, uri, is_local) in [
        (
            "https://github.com/a/b.git",
            "https://github.com/a/b.git",
            false,
        ),
        (
            "https://example.org:8443/~a/b",
            "https://example.org:8443/~a/b",
            false,
        ),
        (
            "ssh://git@example.org:22/a",
            "ssh://git@example.org:22/a",
            false,
        ),
        (
            "git@github.com:a/b.git",
            "ssh://git@github.com/a/b.git",
            false,
        ),
        ("git@host:/a/b", "ssh://git@host/a/b", false),
        ("/srv/my repos/a:b", "file:///srv/my repos/a:b", true),
        ("/srv/my repos/a", "file:///srv/my repos/a", true),
        ("file:///srv/a", "file:///srv/a", true),
    ] {
        let place = place(url).unwrap();
        assert_eq!(
            (place.url(), place.uri().as_str(), place.is_local()),
            (url, uri, is_local)
        );
    }
}

#[test]
fn attack_no_url_reaches_another_transport_or_an_option() {
    for (url, why) in [
        ("ext::sh -c touch% /tmp/x", "characters"),
        ("ext::sh", "starts with"),
        ("fd::17", "starts with"),
        ("a@ext::sh", "starts with"),
        ("--upload-pack=touch", "starts with"),
        ("-oProxyCommand=x@host:path", "no host"),
        ("ssh://-oProxyCommand=touch/x", "no host"),
        ("ssh://a@-oProxyCommand=touch/x", "no host"),
        ("https:///x", "no host"),
        ("http://example.org/a", "https://"),
        ("git://example.org/a", "https://"),
        ("ftp://example.org/a", "starts with"),
        ("file://host/a", "absolute path"),
        ("../a", "starts with"),
        ("https://example.org/a\nb", "control"),
        ("https://example.org/$(x)", "characters"),
    ] {
        let error = place(url).unwrap_err();
        assert!(error.contains(why), "{url}: {error}");
    }
}

#[test]
fn attack_a_login_in_a_url_is_refused_and_not_repeated() {
    for url in [
        "https://user:hunter2@example.org/a",
        "https://hunter2@example.org/a",
        "ssh://git:hunter2@example.org/a",
    ] {
        let error = place(url).unwrap_err();
        assert!(error.contains("does not belong"), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
    }
}

#[test]
fn a_repository_of_a_server_is_cloned_from_it() {
    let api = |params: &[(&str, &str)]| with(params, Place::read).map(|place| place.url);
    let both = [("org", "tektoncd"), ("repo", "catalog")];
    assert_eq!(
        api(&both).unwrap(),
        "https://github.com/tektoncd/catalog.git"
    );
    let add = |name, value| [both[0], both[1], (name, value)];
    assert_eq!(
        api(&add("scmType", "gitlab")).unwrap(),
        "https://gitlab.com/tektoncd/catalog.git"
    );
    assert_eq!(
        api(&add("serverURL", "https://git.example.org/")).unwrap(),
        "https://git.example.org/tektoncd/catalog.git"
    );
    assert!(
        api(&add("scmType", "gitea"))
            .unwrap_err()
            .contains("serverURL")
    );
    assert!(
        api(&add("serverURL", "http://git.example.org"))
            .unwrap_err()
            .contains("https://")
    );
    assert!(
        api(&add("url", "https://x"))
            .unwrap_err()
            .contains("exclude")
    );
    assert!(
        api(&[("repo", "catalog")])
            .unwrap_err()
            .contains("`org` is missing")
    );
    assert!(
        api(&[("org", "../.."), ("repo", "x")])
            .unwrap_err()
            .contains("no repository")
    );
    assert!(api(&[]).unwrap_err().contains("`url` is missing"));
}

#[test]
fn revisions_are_names_or_commits() {
    let read = |revision: &str| with(&[("revision", revision)], Revision::read);
    for name in [
        "main",
        "v1.2.3",
        "feature/a-b_c",
        "refs/heads/main",
        "release+1",
        "deadbeef",
    ] {
        let revision = read(name).unwrap();
        assert!(!revision.is_commit(), "{name}");
        assert_eq!(revision.as_str(), name);
    }
    assert!(read(&"0a".repeat(20)).unwrap().is_commit());
    assert!(read(&"0a".repeat(32)).unwrap().is_commit());
    assert!(!read(&"0A".repeat(20)).unwrap().is_commit());
    assert!(read("deadbeef").unwrap().is_short_commit());
    assert_eq!(with(&[], Revision::read).unwrap().as_str(), "main");
}

#[test]
fn attack_no_revision_is_an_option_or_an_expression() {
    let long = "a".repeat(256);
    for revision in [
        "--upload-pack=touch",
        "-x",
        "+main",
        "main:refs/heads/x",
        "^main",
        "main~1",
        "main^{commit}",
        "@{u}",
        "@",
        "a..b",
        "a b",
        "a\nb",
        "*",
        "a//b",
        "a/.b",
        "a.lock",
        "a/b.lock/c",
        "a/",
        ".a",
        "ä",
        &long,
    ] {
        let error = with(&[("revision", revision)], Revision::read).unwrap_err();
        assert!(error.contains("name of a branch"), "{revision}: {error}");
    }
}

#[test]
fn paths_are_taken_from_the_root_of_the_repository() {
    let read = |text| with(&[("pathInRepo", text)], path);
    for (text, plain) in [
        ("task.yaml", "task.yaml"),
        ("/task/a/0.1/a.yaml", "task/a/0.1/a.yaml"),
        ("./a//./b c.yaml", "a/b c.yaml"),
        ("a/-b.yaml", "a/-b.yaml"),
        ("a..b", "a..b"),
        ("ä.yaml", "ä.yaml"),
    ] {
        assert_eq!(read(text).unwrap(), plain);
    }
    assert!(
        with(&[], path)
            .unwrap_err()
            .contains("`pathInRepo` is missing")
    );
}

#[test]
fn attack_no_path_leads_out_or_is_an_option() {
    for (text, why) in [
        ("../a", "leads out"),
        ("a/../../b", "leads out"),
        ("/..", "leads out"),
        ("-a", "starts with `-`"),
        ("/--help", "starts with `-`"),
        ("a\nb", "control"),
        ("a\0b", "control"),
        ("a\\b", "backslash"),
        ("/", "no file"),
        (".", "no file"),
    ] {
        let error = with(&[("pathInRepo", text)], path).unwrap_err();
        assert!(error.contains(why), "{text:?}: {error}");
    }
}
