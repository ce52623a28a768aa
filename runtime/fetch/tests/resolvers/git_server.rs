//! The resolver `git` over `https`: git's own program for web servers, behind a server of this test.

use std::{
    io::Write,
    path::PathBuf,
    process::{Command, Stdio},
    sync::Arc,
    time::{Duration, SystemTime},
};

use stepwell_fetch::Fetcher;

use crate::{
    repository::{Repository, TASK},
    server::{Reply, Request, Server, tls_file},
    wanted::{blames_document, blames_environment, fetch, options},
};

/// Hands a request to `git http-backend`, in the way of CGI.
fn backend(root: PathBuf) -> impl Fn(&Request) -> Reply + Send + Sync {
    move |request| {
        let (path, query) = request.path.split_once('?').unwrap_or((&request.path, ""));
        let mut child = Command::new("git")
            .arg("http-backend")
            .env("GIT_PROJECT_ROOT", &root)
            .env("GIT_HTTP_EXPORT_ALL", "1")
            .env("REQUEST_METHOD", &request.method)
            .env("PATH_INFO", path)
            .env("QUERY_STRING", query)
            .env(
                "CONTENT_TYPE",
                request.header("content-type").unwrap_or_default(),
            )
            .env("CONTENT_LENGTH", request.body.len().to_string())
            .env(
                "HTTP_CONTENT_ENCODING",
                request.header("content-encoding").unwrap_or_default(),
            )
            .env(
                "GIT_PROTOCOL",
                request.header("git-protocol").unwrap_or_default(),
            )
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        child
            .stdin
            .take()
            .unwrap()
            .write_all(&request.body)
            .unwrap();
        let said = child.wait_with_output().unwrap().stdout;
        let end = said
            .windows(4)
            .position(|four| four == b"\r\n\r\n")
            .unwrap();
        let mut reply = Reply::ok(&said[end + 4..]);
        for line in String::from_utf8_lossy(&said[..end]).lines() {
            let (name, value) = line.split_once(": ").unwrap();
            reply = match (name, reply) {
                ("Status", Reply::Whole(_, headers, body)) => {
                    Reply::Whole(value[..3].parse().unwrap(), headers, body)
                }
                (_, reply) => reply.with(name, value),
            };
        }
        reply
    }
}

fn task(
    fetcher: &Fetcher,
    url: &str,
    revision: &str,
) -> Result<stepwell_fetch::Fetched, stepwell_fetch::FetchError> {
    fetch(
        fetcher,
        "git",
        &[
            ("url", url),
            ("revision", revision),
            ("pathInRepo", "task.yaml"),
        ],
    )
}

#[test]
fn a_file_comes_over_https_and_stays_in_the_cache() {
    let temp = tempfile::tempdir().unwrap();
    let repository = Repository::new();
    let commit = repository.head();
    let server = Server::tls(backend(repository.path().to_owned()));
    let url = server.url("/.git");
    let with = |now: SystemTime, offline| {
        let mut options = options(temp.path());
        options.certificates = vec![tls_file("ca.pem")];
        options.now = Arc::new(move || now);
        options.offline = offline;
        Fetcher::new(options)
    };
    let start = SystemTime::now();
    let fetched = task(&with(start, false), &url, "main").unwrap();
    assert_eq!(fetched.text, TASK);
    assert_eq!(fetched.provenance["uri"], format!("git+{url}"));
    assert_eq!(fetched.provenance["digest"]["sha1"], commit.as_str());
    let asked = server.asked().len();

    // A branch is taken from the cache for five minutes, and then looked at again.
    repository.write("task.yaml", b"second");
    repository.commit();
    let later = |seconds| start + Duration::from_secs(seconds);
    assert_eq!(
        task(&with(later(290), false), &url, "main").unwrap().text,
        TASK
    );
    assert_eq!(server.asked().len(), asked);
    assert_eq!(
        task(&with(later(310), false), &url, "main").unwrap().text,
        "second"
    );

    // A commit is taken from it for ever; so is everything where nobody may be asked.
    assert_eq!(task(&with(start, false), &url, &commit).unwrap().text, TASK);
    let asked = server.asked().len();
    assert_eq!(
        task(&with(later(1 << 30), false), &url, &commit)
            .unwrap()
            .text,
        TASK
    );
    assert_eq!(
        task(&with(later(1 << 30), true), &url, "main")
            .unwrap()
            .text,
        "second"
    );
    assert_eq!(server.asked().len(), asked);
    blames_environment(
        task(&with(start, true), &url, "other"),
        "the cache does not hold it, but of the same place: revision `",
    );
    blames_document(
        task(&with(start, false), &url, "other"),
        "no branch, tag or commit `other`",
    );
}

#[test]
fn attack_a_server_without_a_trusted_certificate_is_not_spoken_to() {
    let temp = tempfile::tempdir().unwrap();
    let repository = Repository::new();
    let server = Server::tls(backend(repository.path().to_owned()));
    let fetcher = Fetcher::new(options(temp.path()));
    blames_environment(task(&fetcher, &server.url("/.git"), "main"), "certificate");
    assert!(server.asked().is_empty());
}

#[test]
fn attack_a_redirect_out_of_encryption_is_not_followed() {
    let temp = tempfile::tempdir().unwrap();
    let repository = Repository::new();
    let plain = Arc::new(Server::plain(backend(repository.path().to_owned())));
    let target = plain.url("");
    let server = Server::tls(move |request| Reply::redirect(format!("{target}{}", request.path)));
    let mut options = options(temp.path());
    options.certificates = vec![tls_file("ca.pem")];
    blames_environment(
        task(&Fetcher::new(options), &server.url("/.git"), "main"),
        "git says",
    );
    assert!(plain.asked().is_empty());
}

#[test]
fn a_login_is_not_asked_for() {
    let temp = tempfile::tempdir().unwrap();
    let server = Server::tls(|_| Reply::status(401).with("WWW-Authenticate", "Basic realm=\"x\""));
    let mut options = options(temp.path());
    options.certificates = vec![tls_file("ca.pem")];
    blames_environment(
        task(&Fetcher::new(options), &server.url("/a"), "main"),
        "wants a login",
    );
}

#[test]
fn attack_a_server_that_never_answers_is_given_up() {
    let temp = tempfile::tempdir().unwrap();
    let server = Server::tls(|_| Reply::Silence);
    let mut options = options(temp.path());
    options.certificates = vec![tls_file("ca.pem")];
    options.limits.time = Duration::from_millis(700);
    blames_environment(
        task(&Fetcher::new(options), &server.url("/a"), "main"),
        "took too long",
    );
}
