//! Sidecars: none is reached without a grant, and with one no other port, no other sidecar and not the machine itself.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use stepwell_contract::{CancelReason, Ending, Loopback, SandboxError, SandboxErrorKind};
use stepwell_guest_artifacts as guests;

use crate::world::World;

const DENIED: &str = "err access-denied";

/// The network of a task: who listens on which port, and which ports were asked for.
#[derive(Debug, Default)]
struct Ports {
    real: BTreeMap<u16, u16>,
    asked: Mutex<Vec<u16>>,
}

impl Loopback for Ports {
    fn connect(&self, port: u16) -> Result<TcpStream, SandboxError> {
        self.asked.lock().unwrap().push(port);
        let missing = || SandboxError::new("test", "connect", SandboxErrorKind::NotFound);
        let real = self.real.get(&port).ok_or_else(missing)?;
        TcpStream::connect((Ipv4Addr::LOCALHOST, *real)).map_err(|_| missing())
    }
}

/// A sidecar that listens on `port` of the task's network, and answers one connection with what it is sent after `db: `.
fn sidecar(port: u16) -> Arc<Ports> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let real = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        let (mut connection, _) = listener.accept().unwrap();
        let mut text = b"db: ".to_vec();
        connection.read_to_end(&mut text).unwrap();
        connection.write_all(&text).unwrap();
    });
    Arc::new(Ports {
        real: BTreeMap::from([(port, real)]),
        asked: Mutex::default(),
    })
}

#[test]
fn a_granted_port_is_the_sidecars() {
    let ports = sidecar(5432);
    let step = World::new()
        .step(guests::net_connect(), &["127.0.0.1:5432", "hello"])
        .grant("sidecar=db:5432")
        .beside(ports);
    assert_eq!(step.run().told(), "ok db: hello");
}

#[test]
fn attack_a_sidecar_without_a_grant() {
    let world = World::new();
    let ports = sidecar(5432);
    let step = || {
        let step = world.step(guests::net_connect(), &["127.0.0.1:5432", "hello"]);
        step.beside(Arc::<Ports>::clone(&ports))
    };
    assert!(step().refusal().contains("wasi:sockets/"));
    // With sockets that lead elsewhere it runs, and reaches nothing either.
    for grant in ["network=none", "network=example.org:443"] {
        assert_eq!(step().grant(grant).run().told(), DENIED);
    }
    assert!(ports.asked.lock().unwrap().is_empty());
}

#[test]
fn attack_a_port_and_an_address_that_are_not_granted() {
    let world = World::new();
    let ports = sidecar(5432);
    for address in ["127.0.0.1:5433", "127.0.0.1:80", "10.0.0.1:5432"] {
        let step = world
            .step(guests::net_connect(), &[address, "hello"])
            .grant("sidecar=db:5432")
            .beside(Arc::<Ports>::clone(&ports));
        assert_eq!(step.run().told(), DENIED, "{address}");
    }
    assert!(ports.asked.lock().unwrap().is_empty());
}

#[test]
fn attack_the_machines_own_port_of_that_number() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();
    let nobody = Arc::new(Ports::default());
    for beside in [true, false] {
        let mut step = World::new()
            .step(
                guests::net_connect(),
                &[&format!("127.0.0.1:{port}"), "hello"],
            )
            .grant(&format!("sidecar=db:{port}"));
        if beside {
            step = step.beside(Arc::<Ports>::clone(&nobody));
        }
        let told = match beside {
            true => "err connection-refused",
            false => "err remote-unreachable",
        };
        assert_eq!(step.run().told(), told);
    }
    assert_eq!(*nobody.asked.lock().unwrap(), [port]);
    let none = listener.accept().unwrap_err();
    assert_eq!(none.kind(), std::io::ErrorKind::WouldBlock);
}

#[test]
fn a_sidecar_is_found_by_its_name_and_no_other_is() {
    let world = World::new();
    let look_up = |name: &str| {
        let step = world
            .step(guests::net_lookup(), &[name])
            .grant("sidecar=db:5432");
        step.run().told()
    };
    assert_eq!(look_up("db"), "ok 1");
    assert_eq!(look_up("localhost"), "ok 1");
    for name in ["web", "example.org", "db.example.org"] {
        assert_eq!(look_up(name), DENIED, "{name}");
    }
}

/// A sidecar that never answers is a host call that blocks.
#[test]
fn attack_wait_for_a_sidecar_that_never_answers() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let real = listener.local_addr().unwrap().port();
    let ports = Arc::new(Ports {
        real: BTreeMap::from([(5432, real)]),
        asked: Mutex::default(),
    });
    let end = World::new()
        .step(guests::net_connect(), &["127.0.0.1:5432", "hello"])
        .grant("sidecar=db:5432")
        .beside(ports)
        .stop_after(Duration::from_millis(200), CancelReason::Asked)
        .run();
    assert_eq!(end.ending, Ending::Cancelled);
}
