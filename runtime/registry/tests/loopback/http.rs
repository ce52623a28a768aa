//! What is taken from a server, and what is not.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use stepwell_registry::{Answer, Ask, Http, HttpError, HttpOptions};

use crate::server::{Reply, Server, tls_file};

fn http() -> Http {
    let certificates = vec![tls_file("ca.pem")];
    Http::new(&HttpOptions { certificates }).unwrap()
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(20)
}

fn get(url: &str, most: u64) -> Result<Answer, HttpError> {
    http().ask(&Ask::new(url, most, soon()))
}

#[test]
fn an_answer_is_handed_on_whatever_it_says() {
    let server = Server::plain(|request| match request.path.as_str() {
        "/a" => Reply::ok("hello"),
        _ => Reply::status(404),
    });
    let answer = get(&server.url("/a"), 5).unwrap();
    assert_eq!(
        (answer.status, answer.body.as_slice()),
        (200, b"hello".as_slice())
    );
    assert_eq!(get(&server.url("/b"), 5).unwrap().status, 404);
}

#[test]
fn attack_an_answer_that_is_too_long_is_not_held() {
    let server = Server::plain(|request| match request.path.as_str() {
        "/endless" => Reply::Endless,
        _ => Reply::ok(vec![b'x'; 1000]),
    });
    for (path, most) in [("/endless", 1000), ("/", 999)] {
        let error = get(&server.url(path), most).unwrap_err();
        assert!(
            matches!(error, HttpError::TooLarge { .. }),
            "{path}: {error}"
        );
    }
    assert_eq!(get(&server.url("/"), 1000).unwrap().body.len(), 1000);
}

#[test]
fn attack_a_server_that_never_answers_is_given_up() {
    let server = Server::plain(|_| Reply::Silence);
    let url = server.url("/");
    let ask = Ask::new(&url, 10, Instant::now() + Duration::from_millis(300));
    let error = http().ask(&ask).unwrap_err();
    assert!(matches!(error, HttpError::TooSlow { .. }), "{error}");
}

#[test]
fn attack_redirects_come_to_an_end() {
    let server = Server::plain(|request| match request.path.as_str() {
        "/loop" => Reply::redirect("/loop"),
        "/1" => Reply::redirect("/2"),
        "/2" => Reply::redirect("/3"),
        _ => Reply::ok("there"),
    });
    let error = get(&server.url("/loop"), 10).unwrap_err();
    assert!(matches!(error, HttpError::Redirect { .. }), "{error}");
    assert_eq!(server.asked().len(), 6);
    assert_eq!(get(&server.url("/1"), 10).unwrap().body, b"there");
}

#[test]
fn attack_a_redirect_leads_to_no_file_and_out_of_no_encryption() {
    let plain = Arc::new(Server::plain(|_| Reply::ok("plain")));
    let target = plain.url("/");
    let server = Server::tls(move |request| match request.path.as_str() {
        "/down" => Reply::redirect(target.clone()),
        "/file" => Reply::redirect("file:///etc/passwd"),
        "/login" => Reply::redirect("https://me:secret@127.0.0.1/"),
        "/same" => Reply::redirect("/"),
        _ => Reply::ok("tls"),
    });
    for path in ["/down", "/file", "/login"] {
        let error = get(&server.url(path), 10).unwrap_err();
        assert!(
            matches!(error, HttpError::Redirect { .. }),
            "{path}: {error}"
        );
    }
    assert!(plain.asked().is_empty());
    assert_eq!(get(&server.url("/same"), 10).unwrap().body, b"tls");
}

#[test]
fn attack_a_login_goes_to_no_other_place() {
    let other = Arc::new(Server::plain(|_| Reply::ok("other")));
    let target = other.url("/");
    let server = Server::plain(move |request| match request.path.as_str() {
        "/away" => Reply::redirect(target.clone()),
        "/here" => Reply::redirect("/there"),
        _ => Reply::ok("here"),
    });
    for path in ["/away", "/here"] {
        let url = server.url(path);
        let ask = Ask {
            authorization: Some("Basic c2VjcmV0"),
            ..Ask::new(&url, 10, soon())
        };
        http().ask(&ask).unwrap();
    }
    assert_eq!(other.asked()[0].header("authorization"), None);
    let logins = server.asked();
    assert_eq!(logins.len(), 3);
    assert!(
        logins
            .iter()
            .all(|asked| asked.header("authorization") == Some("Basic c2VjcmV0"))
    );
}

#[test]
fn attack_a_server_with_a_certificate_of_nobody_is_not_spoken_to() {
    let server = Server::tls(|_| Reply::ok("tls"));
    let stranger = Http::new(&HttpOptions::default()).unwrap();
    let error = stranger
        .ask(&Ask::new(&server.url("/"), 10, soon()))
        .unwrap_err();
    assert!(matches!(error, HttpError::Unreachable { .. }), "{error}");
    assert!(server.asked().is_empty());
    assert_eq!(get(&server.url("/"), 10).unwrap().body, b"tls");
}

#[test]
fn attack_only_urls_for_http_without_a_login_are_asked() {
    for url in [
        "file:///etc/passwd",
        "ftp://x/",
        "x",
        "",
        "http://",
        "data:,x",
    ] {
        assert!(matches!(get(url, 10), Err(HttpError::Url { .. })), "{url}");
    }
    let error = get("https://me:hunter2@127.0.0.1/", 10).unwrap_err();
    assert!(matches!(error, HttpError::Login { .. }), "{error}");
    assert!(!error.to_string().contains("hunter2"));
}

#[test]
fn nobody_there_is_said_with_the_place() {
    let url = Server::plain(|_| Reply::status(200)).url("/secret?token=1");
    // The server is gone by now. It may still take the one connection that it was woken with.
    let error = (0..20)
        .find_map(|_| get(&url, 10).err())
        .unwrap()
        .to_string();
    assert!(
        error.starts_with("failed to reach `http://127.0.0.1:"),
        "{error}"
    );
    assert!(!error.contains("token"), "{error}");
}
