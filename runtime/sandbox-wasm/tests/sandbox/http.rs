//! HTTP: to whom it was granted, and nobody else, whatever a guest or a server says.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread::JoinHandle;
use std::time::Duration;

use stepwell_contract::{CancelReason, Ending};
use stepwell_guest_artifacts as guests;

use crate::world::World;

/// Answers one request with `answer`, as it stands. Gives the request's head, and its body as far as its length says.
fn server(answer: &'static [u8]) -> (SocketAddr, JoinHandle<(String, Vec<u8>)>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let serving = std::thread::spawn(move || {
        let (mut connection, _) = listener.accept().unwrap();
        let mut reader = BufReader::new(connection.try_clone().unwrap());
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") && reader.read_until(b'\n', &mut head).unwrap_or(0) > 0 {
        }
        let head = String::from_utf8_lossy(&head).into_owned();
        let length = head.lines().find_map(|line| {
            let (name, value) = line.split_once(": ")?;
            name.eq_ignore_ascii_case("content-length")
                .then(|| value.parse().ok())?
        });
        let mut body = vec![0; length.unwrap_or(0)];
        // One that is cut off is heard as far as it goes.
        let _ = reader.read_exact(&mut body);
        let _ = connection.write_all(answer);
        (head, body)
    });
    (address, serving)
}

const HELLO: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello";

/// A listener to whom nobody must come.
fn nobody() -> (SocketAddr, impl FnOnce()) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    let check = move || {
        let came = listener.accept().unwrap_err();
        assert_eq!(came.kind(), std::io::ErrorKind::WouldBlock);
    };
    (address, check)
}

#[test]
fn attack_http_without_a_grant() {
    let world = World::new();
    for guest in [
        guests::net_http_get(),
        guests::net_http_post(),
        guests::net_http_wait(),
        guests::net_http_flood(),
    ] {
        let refusal = world.step(guest, &[]).refusal();
        assert!(refusal.contains("wasi:http/types"), "{refusal}");
        assert!(refusal.contains(": the network: network=any"), "{refusal}");
    }
}

pub(crate) mod net_http_get {
    use super::*;

    #[test]
    fn a_granted_host_answers() {
        let world = World::new();
        for grant in ["any", "127.0.0.1", "LocalHost."] {
            let (address, serving) = server(HELLO);
            let authority = match grant {
                "LocalHost." => format!("localhost:{}", address.port()),
                _ => address.to_string(),
            };
            let setting = match grant {
                "any" => "network=any".to_owned(),
                host => format!("network={host}:{}", address.port()),
            };
            let step = world.step(
                guests::net_http_get(),
                &["http", &authority, "/a?b", "accept: x/y"],
            );
            assert_eq!(step.grant(&setting).run().told(), "ok 200 hello", "{grant}");
            let (head, _) = serving.join().unwrap();
            assert!(head.starts_with("GET /a?b HTTP/1.1\r\n"), "{head}");
            assert!(head.contains(&format!("host: {authority}\r\n")), "{head}");
            assert!(head.contains("accept: x/y\r\n"), "{head}");
        }
    }

    #[test]
    fn attack_a_host_that_is_not_granted_is_not_even_connected_to_and_the_line_that_grants_it_is_told()
     {
        let world = World::new();
        let (address, check) = nobody();
        let authority = address.to_string();
        for grant in [
            format!("network=localhost:{}", address.port()),
            format!("network=127.0.0.2:{}", address.port()),
            "network=127.0.0.1:1".to_owned(),
            "network=none".to_owned(),
        ] {
            let step = world.step(guests::net_http_get(), &["http", &authority, "/", ""]);
            let ended = step.grant(&grant).run();
            let line = format!("grant it with `--grant network={authority}`");
            assert_eq!(ended.stderr.matches(&line).count(), 1, "{}", ended.stderr);
            assert_eq!(ended.told(), "err HttpRequestDenied", "{grant}");
        }
        check();
    }

    /// GHSA-5qpp-g3j2-8frx.
    #[test]
    fn attack_another_host_by_the_form_of_the_request() {
        let world = World::new();
        let (granted, granted_check) = nobody();
        let (other, other_check) = nobody();
        for (scheme, authority, path, header) in [
            ("http", granted.to_string(), format!("http://{other}/"), ""),
            ("http", granted.to_string(), other.to_string(), ""),
            ("http", granted.to_string(), "*".to_owned(), ""),
            ("http", format!("{granted}@{other}"), "/".to_owned(), ""),
            ("http", format!("user@{granted}"), "/".to_owned(), ""),
            ("http", format!("{granted}/@{other}"), "/".to_owned(), ""),
            ("http", format!("{granted}#{other}"), "/".to_owned(), ""),
            (
                "http",
                format!("[::ffff:127.0.0.1]:{}", granted.port()),
                "/".to_owned(),
                "",
            ),
            (
                "http",
                format!("127.1:{}", granted.port()),
                "/".to_owned(),
                "",
            ),
            (
                "http",
                format!("2130706433:{}", granted.port()),
                "/".to_owned(),
                "",
            ),
            ("file", granted.to_string(), "/".to_owned(), ""),
            (
                "http",
                granted.to_string(),
                "/".to_owned(),
                "host: evil.example",
            ),
            (
                "http",
                granted.to_string(),
                "/".to_owned(),
                "Proxy-Authorization: x",
            ),
            (
                "http",
                granted.to_string(),
                "/".to_owned(),
                "transfer-encoding: chunked",
            ),
            (
                "http",
                granted.to_string(),
                "/".to_owned(),
                "x: a\r\nhost: evil.example",
            ),
        ] {
            let args = [scheme, &authority, &path, header];
            let step = world.step(guests::net_http_get(), &args);
            let told = step.grant(&format!("network={granted}")).run().told();
            assert!(told.starts_with("err "), "{args:?}: {told}");
        }
        granted_check();
        other_check();
    }

    #[test]
    fn attack_a_redirect_is_an_answer_and_is_not_followed() {
        let world = World::new();
        let (address, serving) = server(
            b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n",
        );
        let step = world.step(
            guests::net_http_get(),
            &["http", &address.to_string(), "/", ""],
        );
        let step = step.grant(&format!("network={address}"));
        assert_eq!(step.run().told(), "ok 302");
        serving.join().unwrap();
    }

    #[test]
    fn attack_a_server_that_lies_about_its_body() {
        let world = World::new();
        for (answer, told) in [
            (
                &b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhello"[..],
                "err HttpResponseIncomplete",
            ),
            (
                b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello",
                "err HttpProtocolError",
            ),
            (b"what\r\n\r\n", "err HttpProtocolError"),
            (b"", "err HttpResponseIncomplete"),
        ] {
            let (address, serving) = server(answer);
            let step = world.step(
                guests::net_http_get(),
                &["http", &address.to_string(), "/", ""],
            );
            let step = step.grant(&format!("network={address}"));
            assert_eq!(
                step.run().told(),
                told,
                "{}",
                String::from_utf8_lossy(answer)
            );
            serving.join().unwrap();
        }
    }

    #[test]
    fn attack_no_tls_where_tls_was_asked_for() {
        let world = World::new();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let serving = std::thread::spawn(move || {
            let (mut connection, _) = listener.accept().unwrap();
            connection.write_all(HELLO).unwrap();
        });
        let step = world.step(guests::net_http_get(), &["https", &address, "/", ""]);
        let told = step.grant(&format!("network={address}")).run().told();
        assert!(told.starts_with("err "), "{told}");
        serving.join().unwrap();
    }
}

/// GHSA-r8xh-cgf7-392j, GHSA-h4wp-g4x3-7398.
pub(crate) mod net_http_post {
    use super::*;

    #[test]
    fn a_body_arrives_whole() {
        let world = World::new();
        let (address, serving) = server(HELLO);
        let address = address.to_string();
        let step = world.step(guests::net_http_post(), &[&address, "100000", "100000"]);
        let step = step.grant(&format!("network={address}"));
        assert_eq!(step.run().told(), "ok 200 hello");
        assert_eq!(serving.join().unwrap().1, [b'x'; 100_000]);
    }

    #[test]
    fn attack_a_length_that_is_not_the_bodys() {
        let world = World::new();
        for (lengths, bytes) in [("5", "6"), ("6", "5"), ("0", "1")] {
            let (address, serving) = server(HELLO);
            let address = address.to_string();
            let step = world.step(guests::net_http_post(), &[&address, lengths, bytes]);
            let told = step.grant(&format!("network={address}")).run().told();
            assert!(told.starts_with("err "), "{lengths} {bytes}: {told}");
            // The step may have ended before it had a connection.
            drop(TcpStream::connect(&address));
            serving.join().unwrap();
        }
    }

    #[test]
    fn attack_a_length_that_can_be_understood_in_two_ways_is_never_sent() {
        let world = World::new();
        let (address, check) = nobody();
        let address = address.to_string();
        for lengths in ["5 5", "5 6", "+5", "0x5", "5,5", "99999999999999999999"] {
            let step = world.step(guests::net_http_post(), &[&address, lengths, "5"]);
            let told = step.grant(&format!("network={address}")).run().told();
            assert_eq!(told, "err refused body", "{lengths}");
        }
        check();
    }
}

/// GHSA-w4qr-p94g-mjhv.
pub(crate) mod net_http_wait {
    use super::*;

    #[test]
    fn attack_to_wait_for_no_time_at_all() {
        let world = World::new();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let step = world.step(guests::net_http_wait(), &[&address, "0"]);
        let told = step.grant(&format!("network={address}")).run().told();
        assert!(told.starts_with("err "), "{told}");
    }

    #[test]
    fn attack_to_wait_for_centuries() {
        let world = World::new();
        let (address, serving) = server(HELLO);
        let address = address.to_string();
        let forever = u64::MAX.to_string();
        let step = world.step(guests::net_http_wait(), &[&address, &forever]);
        let step = step.grant(&format!("network={address}"));
        assert_eq!(step.run().told(), "ok 200 hello");
        serving.join().unwrap();
    }

    #[test]
    fn attack_a_server_that_never_answers_is_waited_for_until_the_step_is_stopped() {
        let world = World::new();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let end = world
            .step(guests::net_http_wait(), &[&address, "600000000000"])
            .grant(&format!("network={address}"))
            .stop_after(Duration::from_millis(200), CancelReason::Asked)
            .run();
        assert_eq!(end.ending, Ending::Cancelled);
    }
}

/// GHSA-243v-98vx-264h.
pub(crate) mod net_http_flood {
    use super::*;

    #[test]
    fn attack_a_flood_of_headers() {
        let world = World::new();
        let step = world.step(guests::net_http_flood(), &["40000"]);
        let told = step.grant("network=none").run().told();
        assert_eq!(told, "err HeaderError::Forbidden");
    }

    #[test]
    fn as_many_headers_as_anybody_sends_are_fine() {
        let world = World::new();
        let step = world.step(guests::net_http_flood(), &["1000"]);
        assert_eq!(step.grant("network=none").run().told(), "ok 1000");
    }
}
