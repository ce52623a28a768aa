//! Asks one question: by a command in the sidecar, over HTTP, or by a connection. Nothing that is answered is kept.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;

use stepwell_contract::power::ShellSpec;
use stepwell_contract::{
    Cancel, EmitError, LogStream, ParamValue, Place, SandboxError, SandboxErrorKind, StepIo,
    StepSink,
};
use stepwell_spec::Check;

use super::Ports;

/// How much of an answer is looked at for its first line: stops a server that sends one without end.
const LONGEST_STATUS: u64 = 4 << 10;

/// An answer.
#[derive(Debug)]
pub(super) enum Answer {
    Yes,
    No,
    /// It cannot be asked at all here.
    Never(SandboxError),
}

impl From<bool> for Answer {
    fn from(yes: bool) -> Self {
        match yes {
            true => Self::Yes,
            false => Self::No,
        }
    }
}

/// Asks `check` until `cancel` is asked for.
pub(super) fn ask(check: &Check, place: &dyn Place, ports: &Ports, cancel: &Cancel) -> Answer {
    match check {
        Check::Exec(command) => exec(command, place, cancel),
        Check::Tcp(port) => match connect(*port, ports) {
            Ok(_) => Answer::Yes,
            Err(error) => refused(error),
        },
        Check::Http {
            port,
            path,
            headers,
        } => match connect(*port, ports) {
            Ok(connection) => get(connection, *port, path, headers, cancel)
                .is_ok_and(|status| (200..400).contains(&status))
                .into(),
            Err(error) => refused(error),
        },
    }
}

fn refused(error: SandboxError) -> Answer {
    match error.kind {
        SandboxErrorKind::Unsupported(_) => Answer::Never(error),
        _ => Answer::No,
    }
}

fn exec(command: &[String], place: &dyn Place, cancel: &Cancel) -> Answer {
    let spec = ShellSpec {
        command: command.to_vec(),
        terminal: None,
    };
    let shell = match place.shell(spec) {
        Ok(shell) => shell,
        Err(error) => return refused(error),
    };
    shell.terminal.end_input();
    let io = StepIo {
        sink: Arc::new(Unheard),
        cancel: cancel.clone(),
    };
    let ended = shell.sandbox.run(io);
    ended.is_ok_and(|ending| ending.is_success()).into()
}

fn connect(port: u16, ports: &Ports) -> Result<TcpStream, SandboxError> {
    match ports {
        Some(ports) => ports.connect(port),
        None => Err(stepwell_contract::Feature::Connection.refused_by("wasm")),
    }
}

/// The status that a GET request is answered with.
fn get(
    mut connection: TcpStream,
    port: u16,
    path: &str,
    headers: &[(String, String)],
    cancel: &Cancel,
) -> io::Result<u16> {
    let other = connection.try_clone()?;
    let _late = cancel.on_cancel(move || {
        // Whoever reads or writes meanwhile hears of it.
        let _ = other.shutdown(Shutdown::Both);
    });
    let mut request = format!("GET {path} HTTP/1.1\r\n");
    let said = |name: &str| {
        headers
            .iter()
            .any(|(own, _)| own.eq_ignore_ascii_case(name))
    };
    for (name, value) in [
        ("Host", format!("localhost:{port}")),
        ("User-Agent", "stepwell-probe".to_owned()),
        ("Accept", "*/*".to_owned()),
        ("Connection", "close".to_owned()),
    ] {
        if !said(name) {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
    }
    for (name, value) in headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    request.push_str("\r\n");
    connection.write_all(request.as_bytes())?;
    status(&mut connection)
}

/// The number in the first line of an answer: `HTTP/1.1 200 OK`.
fn status(answer: impl Read) -> io::Result<u16> {
    let mut line = Vec::new();
    for byte in io::BufReader::new(answer.take(LONGEST_STATUS)).bytes() {
        match byte? {
            b'\n' => break,
            byte => line.push(byte),
        }
    }
    let line = String::from_utf8_lossy(&line);
    let mut words = line.split_ascii_whitespace();
    let version = words.next().filter(|word| word.starts_with("HTTP/1."));
    let status = version.and(words.next()).and_then(|word| word.parse().ok());
    status.ok_or_else(|| io::ErrorKind::InvalidData.into())
}

/// What a probe's command says is of no interest.
struct Unheard;

impl StepSink for Unheard {
    fn log(&self, _: LogStream, _: &[u8]) {}

    fn emit(&self, name: &str, _: ParamValue) -> Result<(), EmitError> {
        Err(EmitError::Undeclared(name.to_owned()))
    }

    fn progress(&self, _: u64, _: Option<u64>, _: &str) {}
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, TcpListener};
    use std::thread;

    use stepwell_contract::{CancelReason, Loopback, NoPowers};

    use super::*;

    /// The machine's own ports.
    #[derive(Debug)]
    struct Here;

    impl Loopback for Here {
        fn connect(&self, port: u16) -> Result<TcpStream, SandboxError> {
            TcpStream::connect((Ipv4Addr::LOCALHOST, port)).map_err(|error| {
                SandboxError::new("here", "connect", SandboxErrorKind::NotFound).because(error)
            })
        }
    }

    /// Asks a server that reads a request and then does what `serve` does: the answer, and the request.
    fn asked(
        serve: impl FnOnce(&mut TcpStream) + Send + 'static,
        cancel: &Cancel,
    ) -> (Answer, String) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = thread::spawn(move || {
            let (mut connection, _) = listener.accept().unwrap();
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                connection.read_exact(&mut byte).unwrap();
                request.push(byte[0]);
            }
            serve(&mut connection);
            String::from_utf8(request).unwrap()
        });
        let check = Check::Http {
            port,
            path: "/health?deep=1".to_owned(),
            headers: vec![("host".to_owned(), "db".to_owned())],
        };
        let ports: Ports = Some(Arc::new(Here));
        let answer = ask(&check, &NoPowers("here"), &ports, cancel);
        (answer, server.join().unwrap())
    }

    #[test]
    fn a_status_below_400_is_a_yes() {
        for (status, yes) in [
            (200, true),
            (302, true),
            (399, true),
            (400, false),
            (503, false),
        ] {
            let say = move |to: &mut TcpStream| {
                write!(
                    to,
                    "HTTP/1.1 {status} As it is\r\nContent-Length: 0\r\n\r\n"
                )
                .unwrap();
            };
            let (answer, request) = asked(say, &Cancel::new());
            assert_eq!(matches!(answer, Answer::Yes), yes, "{status}");
            assert_eq!(
                request,
                "GET /health?deep=1 HTTP/1.1\r\nUser-Agent: stepwell-probe\r\nAccept: */*\r\n\
                 Connection: close\r\nhost: db\r\n\r\n"
            );
        }
    }

    #[test]
    fn attack_a_first_line_without_end_is_a_no() {
        let say = |to: &mut TcpStream| while to.write_all(&[b'x'; 1024]).is_ok() {};
        assert!(matches!(asked(say, &Cancel::new()).0, Answer::No));
    }

    #[test]
    fn attack_a_server_that_never_answers_is_not_waited_for_longer_than_it_may_take() {
        let cancel = Cancel::new();
        let late = cancel.clone();
        let say = move |to: &mut TcpStream| {
            late.cancel(CancelReason::Asked);
            // Reads until whoever asked hangs up.
            let _ = to.read(&mut [0]);
        };
        assert!(matches!(asked(say, &cancel).0, Answer::No));
    }

    #[test]
    fn a_port_is_asked_by_connecting() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let ports: Ports = Some(Arc::new(Here));
        let ask = |ports| ask(&Check::Tcp(port), &NoPowers("here"), ports, &Cancel::new());
        assert!(matches!(ask(&ports), Answer::Yes));
        drop(listener);
        assert!(matches!(ask(&ports), Answer::No));
        assert!(matches!(ask(&None), Answer::Never(_)));
    }

    #[test]
    fn a_place_without_commands_says_that_it_has_none() {
        let check = Check::Exec(vec!["true".to_owned()]);
        let answer = ask(&check, &NoPowers("here"), &None, &Cancel::new());
        assert!(matches!(answer, Answer::Never(_)));
    }
}
