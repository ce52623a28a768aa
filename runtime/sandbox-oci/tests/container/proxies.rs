//! Proxies: what a handler is told, what it is never told, and who is heard.

use std::io::{Cursor, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Mutex};

use stepwell_contract::power::{ProxyHandler, ProxyRequest, ProxyResponse};
use stepwell_contract::{Feature, Network, SandboxErrorKind, TaskScope};

use crate::world::{World, world};

/// Says back what it was told, and remembers it.
#[derive(Default)]
struct Echo(Mutex<Vec<String>>);

impl ProxyHandler for Echo {
    fn handle(&self, request: ProxyRequest<'_>) -> ProxyResponse {
        let mut body = String::new();
        let has_body = request.body.is_some();
        let length = request.body.as_ref().and_then(|body| body.length);
        let read = match request.body {
            None => Ok(0),
            Some(sent) => sent.bytes.read_to_string(&mut body),
        };
        let mut told = format!("{} {}", request.method, request.target);
        for (name, value) in &request.headers {
            if name != "host" {
                told += &format!("|{name}: {value}");
            }
        }
        told += &match read {
            Ok(_) if has_body && length.is_none() => format!("|pieces: {body}"),
            Ok(_) => format!("|{body}"),
            Err(_) => "|broken off".to_owned(),
        };
        self.0.lock().unwrap().push(told.clone());
        ProxyResponse {
            status: 200,
            headers: vec![
                ("X-Told".to_owned(), "yes".to_owned()),
                ("Content-Length".to_owned(), "1".to_owned()),
            ],
            body: Box::new(Cursor::new(told)),
        }
    }
}

impl Echo {
    fn told(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

struct Attached {
    scope: Box<dyn TaskScope>,
    port: u16,
}

fn attach(world: &World, handler: Arc<dyn ProxyHandler>) -> Attached {
    let scope = world.shell("true").open(&world.backend()).unwrap();
    let address = scope.attach_proxy("hub", handler).unwrap();
    let port = address.strip_prefix("http://hub:").unwrap();
    Attached {
        port: port.parse().unwrap(),
        scope,
    }
}

impl Attached {
    fn connect(&self) -> TcpStream {
        self.scope.connect(self.port).unwrap()
    }

    /// Sends bytes and no more, and gives all that is answered.
    fn say(&self, bytes: &str) -> String {
        let mut connection = self.connect();
        // It may have been closed in the middle.
        let _ = connection.write_all(bytes.as_bytes());
        let _ = connection.shutdown(Shutdown::Write);
        let mut answer = Vec::new();
        let _ = connection.read_to_end(&mut answer);
        String::from_utf8_lossy(&answer).into_owned()
    }
}

fn status(answer: &str) -> &str {
    answer.split(' ').nth(1).unwrap_or("none")
}

#[test]
fn a_step_reaches_it_by_its_name() {
    let world = world!();
    let echo = Arc::new(Echo::default());
    let step = world.shell("true");
    let scope = step.open(&world.backend()).unwrap();
    let address = scope.attach_proxy("hub", Arc::clone(&echo) as _).unwrap();
    let get = format!("wget -q -O - --post-data 'a body' '{address}/v1/x?y=1'");
    let step = world.shell(&get);
    let said = step.run_in(&*scope).unwrap().said();
    assert!(
        said.starts_with("POST /v1/x?y=1|") && said.ends_with("|a body"),
        "{said}"
    );
    scope.close().unwrap();
}

#[test]
fn what_frames_a_message_is_not_handed_on_and_bodies_are_whole() {
    let world = world!();
    let echo = Arc::new(Echo::default());
    let proxy = attach(&world, Arc::clone(&echo) as _);
    let mut connection = proxy.connect();
    let body = "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n";
    let head = "POST /a HTTP/1.1\r\nHost: hub\r\nX-A: 1\r\nTE: trailers\r\nTransfer-Encoding: chunked\r\n\r\n";
    connection
        .write_all(format!("{head}{body}").as_bytes())
        .unwrap();
    // A second one over the same connection.
    let next = "GET /b HTTP/1.1\r\nHost: HUB\r\nConnection: close\r\n\r\n";
    connection.write_all(next.as_bytes()).unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    assert_eq!(
        echo.told(),
        ["POST /a|x-a: 1|pieces: hello world", "GET /b|"]
    );
    assert!(
        answer.contains("x-told: yes") && answer.contains("hello world"),
        "{answer}"
    );
    assert!(!answer.contains("content-length: 1\r\n"), "{answer}");
    proxy.scope.close().unwrap();
}

#[test]
fn attack_one_request_is_not_two() {
    let world = world!();
    let echo = Arc::new(Echo::default());
    let proxy = attach(&world, Arc::clone(&echo) as _);
    let hidden = "GET /hidden HTTP/1.1\r\nHost: hub\r\n\r\n";
    let ask = |framing: &str| {
        let head = format!("POST /seen HTTP/1.1\r\nHost: hub\r\n{framing}\r\n\r\n");
        let answer = proxy.say(&format!("{head}0\r\n\r\n{hidden}"));
        (answer, echo.told())
    };
    // Two that contradict each other: the one that everybody has to believe counts, and what follows is not looked at.
    for framing in [
        "Content-Length: 4\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 4",
    ] {
        let (answer, told) = ask(framing);
        assert_eq!(told, ["POST /seen|pieces: "], "{framing:?}: {answer}");
    }
    for framing in [
        "Content-Length: 4\r\nContent-Length: 5",
        "Content-Length: +4",
        "Content-Length: 4, 5",
        "Transfer-Encoding: chunked, identity",
        "Transfer-Encoding : chunked",
        "Transfer-Encoding: xchunked",
    ] {
        let (answer, told) = ask(framing);
        assert!(
            status(&answer) == "400" && told.is_empty(),
            "{framing:?}: {told:?} {answer}"
        );
    }
    let (_, told) = ask("Transfer-Encoding: chunked");
    assert_eq!(told, ["POST /seen|pieces: ", "GET /hidden|"]);
    assert_eq!(status(&proxy.say(hidden)), "200");
    proxy.scope.close().unwrap();
}

#[test]
fn attack_no_other_host_is_asked_for() {
    let world = world!();
    let echo = Arc::new(Echo::default());
    let proxy = attach(&world, Arc::clone(&echo) as _);
    for (line, host, refused) in [
        ("GET http://other/ HTTP/1.1", "hub", "400"),
        ("GET http://hub/ HTTP/1.1", "hub", "400"),
        ("CONNECT other:443 HTTP/1.1", "hub", "400"),
        ("OPTIONS * HTTP/1.1", "hub", "400"),
        ("GET / HTTP/1.1", "other", "421"),
        ("GET / HTTP/1.1", "hub.other", "421"),
        ("GET / HTTP/1.1", "hub\r\nHost: other", "421"),
    ] {
        let answer = proxy.say(&format!("{line}\r\nHost: {host}\r\n\r\n"));
        assert_eq!(status(&answer), refused, "{line} {host}: {answer}");
    }
    assert_eq!(status(&proxy.say("GET / HTTP/1.1\r\n\r\n")), "421");
    assert!(echo.told().is_empty());
    let host = format!("hub:{}", proxy.port);
    let answer = proxy.say(&format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n"));
    assert_eq!(status(&answer), "200");
    proxy.scope.close().unwrap();
}

#[test]
fn attack_a_head_without_end_is_refused() {
    let world = world!();
    let echo = Arc::new(Echo::default());
    let proxy = attach(&world, Arc::clone(&echo) as _);
    let flood = |count: usize| {
        let headers: String = (0..count)
            .map(|number| format!("X-{number}: 1\r\n"))
            .collect();
        proxy.say(&format!("GET / HTTP/1.1\r\nHost: hub\r\n{headers}\r\n"))
    };
    assert_eq!(status(&flood(10_000)), "431");
    let long = "x".repeat(1 << 20);
    let answer = proxy.say(&format!("GET /{long} HTTP/1.1\r\nHost: hub\r\n\r\n"));
    assert!(["414", "431"].contains(&status(&answer)), "{answer}");
    assert!(echo.told().is_empty());
    assert_eq!(status(&flood(50)), "200");
    proxy.scope.close().unwrap();
}

#[test]
fn attack_a_body_that_breaks_off_is_not_taken_for_a_whole_one() {
    let world = world!();
    let echo = Arc::new(Echo::default());
    let proxy = attach(&world, Arc::clone(&echo) as _);
    proxy.say("POST / HTTP/1.1\r\nHost: hub\r\nContent-Length: 10\r\n\r\nhalf");
    proxy.scope.close().unwrap();
    // The scope's end has waited for the handler.
    assert_eq!(
        echo.told(),
        ["POST /|content-length"].map(|_| "POST /|broken off")
    );
}

/// Answers without end.
struct Endless;

impl ProxyHandler for Endless {
    fn handle(&self, _: ProxyRequest<'_>) -> ProxyResponse {
        ProxyResponse {
            status: 200,
            headers: Vec::new(),
            body: Box::new(std::io::repeat(b'x')),
        }
    }
}

#[test]
fn attack_more_connections_than_there_are_threads_wait_for_their_turn() {
    let world = world!();
    let proxy = attach(&world, Arc::new(Endless));
    let get = b"GET / HTTP/1.1\r\nHost: hub\r\n\r\n";
    let mut held: Vec<_> = (0..64)
        .map(|_| {
            let mut connection = proxy.connect();
            connection.write_all(get).unwrap();
            let mut first = [0; 1];
            connection.read_exact(&mut first).unwrap();
            connection
        })
        .collect();
    let mut late = proxy.connect();
    late.write_all(get).unwrap();
    late.set_nonblocking(true).unwrap();
    let error = late.read(&mut [0; 1]).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock);
    late.set_nonblocking(false).unwrap();
    held.pop();
    late.read_exact(&mut [0; 1]).unwrap();
    // Answers that have no end do not keep the task.
    proxy.scope.close().unwrap();
    assert!(late.read_to_end(&mut Vec::new()).is_err() || late.take_error().unwrap().is_none());
}

/// Answers what is no HTTP.
struct Wrong(u16, &'static str);

impl ProxyHandler for Wrong {
    fn handle(&self, _: ProxyRequest<'_>) -> ProxyResponse {
        assert!(self.0 != 0, "a handler that panics");
        ProxyResponse {
            status: self.0,
            headers: vec![("X-A".to_owned(), self.1.to_owned())],
            body: Box::new(std::io::empty()),
        }
    }
}

#[test]
fn a_handler_without_an_answer_is_a_bad_gateway() {
    let world = world!();
    for (code, value, expected) in [
        (200, "fine", "200"),
        (99, "", "502"),
        (100, "", "502"),
        (200, "a\r\nX-B: 1", "502"),
        (0, "", "502"),
    ] {
        let proxy = attach(&world, Arc::new(Wrong(code, value)));
        let answer = proxy.say("GET / HTTP/1.1\r\nHost: hub\r\n\r\n");
        assert_eq!(status(&answer), expected, "{code} {value:?}");
        assert!(!answer.contains("x-b"), "{answer}");
        proxy.scope.close().unwrap();
    }
}

#[test]
fn attack_a_step_in_the_machines_network_has_no_proxy_that_others_would_reach() {
    let world = world!();
    let granted = || {
        world
            .shell("true")
            .with(|step| step.grants.network = Network::Any)
    };
    let backend = world.backend();
    let step = granted();
    let scope = step.open(&backend).unwrap();
    scope.attach_proxy("hub", Arc::new(Endless)).unwrap();
    let error = step.run_in(&*scope).unwrap_err();
    assert!(
        matches!(error.kind, SandboxErrorKind::Unsupported(Feature::Proxy)),
        "{error:?}"
    );
    world.shell("true").run_in(&*scope).unwrap().said();
    scope.close().unwrap();
    granted().run().said();
}
