//! A proxy against a server on the loopback that says what it was asked.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::thread::JoinHandle;

use super::*;

/// A server that answers once, and gives what it was asked.
fn server(answer: &'static str) -> (String, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/v1/", listener.local_addr().unwrap());
    let serving = std::thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        let mut lines = BufReader::new(stream);
        let mut asked = String::new();
        while !asked.ends_with("\r\n\r\n") {
            assert!(lines.read_line(&mut asked).unwrap() > 0, "{asked}");
        }
        if asked.contains("content-length: 5") {
            let mut body = [0; 5];
            lines.read_exact(&mut body).unwrap();
            asked += std::str::from_utf8(&body).unwrap();
        }
        if asked.contains("transfer-encoding: chunked") {
            while !asked.ends_with("\r\n0\r\n\r\n") {
                assert!(lines.read_line(&mut asked).unwrap() > 0, "{asked}");
            }
        }
        lines.get_mut().write_all(answer.as_bytes()).unwrap();
        asked
    });
    (url, serving)
}

fn proxy(url: &str, methods: &[&str], paths: &[&str]) -> Forward {
    let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    let made = Forward::new(Rules {
        url: url.to_owned(),
        headers: vec![("Authorization".to_owned(), "Bearer token".to_owned())],
        methods: texts(methods),
        paths: texts(paths),
        certificates: Vec::new(),
    });
    made.unwrap()
}

fn ask(
    proxy: &Forward,
    method: &str,
    target: &str,
    headers: &[(&str, &str)],
    body: Option<(&str, Option<u64>)>,
) -> (u16, String, String) {
    let (text, length) = body.unwrap_or_default();
    let mut bytes = text.as_bytes();
    let mut response = proxy.handle(ProxyRequest {
        method: method.to_owned(),
        target: target.to_owned(),
        headers: headers
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
        body: body.is_some().then_some(ProxyBody {
            length,
            bytes: &mut bytes,
        }),
    });
    let mut text = String::new();
    response.body.read_to_string(&mut text).unwrap();
    (response.status, format!("{:?}", response.headers), text)
}

#[test]
fn a_request_goes_to_the_server_with_our_headers_and_not_the_steps() {
    let (url, serving) = server(
        "HTTP/1.1 201 Created\r\nX-Left: 3\r\nSet-Cookie: a=b\r\nConnection: close\r\nContent-Length: 4\r\n\r\nmade",
    );
    let proxy = proxy(&url, &["POST"], &["/repos/"]);
    let headers = [
        ("Host", "step"),
        ("authorization", "Basic c3RlcA=="),
        ("Cookie", "c=d"),
        ("Connection", "X-Hop"),
        ("X-Hop", "1"),
        ("X-Kept", "2"),
    ];
    let sent = Some(("hello", Some(5)));
    let (status, answered, body) = ask(&proxy, "POST", "/repos/a?b=c", &headers, sent);
    assert_eq!((status, &*body), (201, "made"));
    assert!(answered.contains("x-left"), "{answered}");
    assert!(
        !answered.contains("cookie") && !answered.contains("length"),
        "{answered}"
    );
    let asked = serving.join().unwrap();
    assert!(
        asked.starts_with("POST /v1/repos/a?b=c HTTP/1.1\r\n"),
        "{asked}"
    );
    assert!(asked.contains("authorization: Bearer token\r\n"), "{asked}");
    assert!(
        asked.contains("x-kept: 2\r\n") && asked.ends_with("\r\n\r\nhello"),
        "{asked}"
    );
    for gone in ["c3RlcA", "c=d", "x-hop", "host: step"] {
        assert!(!asked.contains(gone), "{gone} in {asked}");
    }
}

#[test]
fn a_body_whose_length_nobody_knows_goes_in_pieces() {
    let (url, serving) = server("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    let sent = Some(("hello", None));
    let (status, ..) = ask(&proxy(&url, &[], &[]), "PUT", "/x", &[], sent);
    assert_eq!(status, 200);
    let asked = serving.join().unwrap();
    assert!(asked.ends_with("5\r\nhello\r\n0\r\n\r\n"), "{asked}");
}

#[test]
fn a_redirect_is_handed_back_and_not_followed() {
    let (url, serving) =
        server("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n");
    let (status, answered, _) = ask(&proxy(&url, &[], &[]), "GET", "/x", &[], None);
    assert_eq!(status, 302);
    assert!(answered.contains("http://127.0.0.1:1/"), "{answered}");
    assert!(serving.join().unwrap().starts_with("GET /v1/x "));
}

#[test]
fn attack_no_method_and_no_path_that_is_not_allowed_is_asked() {
    // Nobody listens there: what is asked is a 502.
    let proxy = proxy("http://127.0.0.1:1/v1", &["GET"], &["/repos/"]);
    for (method, target) in [
        ("DELETE", "/repos/a"),
        ("GET", "/admin"),
        ("GET", "/repos/../admin"),
        ("GET", "/repos/%2e%2e/admin"),
        ("GET", "/repos/../../repos/a"),
        ("GET", "//elsewhere/repos/"),
        ("GET", "@elsewhere/repos/"),
        ("GET", "http://elsewhere/repos/"),
        ("GET", ".elsewhere/repos/"),
        ("GET", ""),
    ] {
        let (status, _, why) = ask(&proxy, method, target, &[], None);
        assert_eq!(status, 403, "{method} {target}: {why}");
    }
    let (status, _, why) = ask(&proxy, "GET", "/repos/a", &[], None);
    assert_eq!(status, 502, "{why}");
    assert!(!why.contains("token"), "{why}");
}
