//! The network: off unless granted, and then no more of it than was granted.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::thread::JoinHandle;
use std::time::Duration;

use stepwell_contract::{CancelReason, Ending};
use stepwell_guest_artifacts as guests;

use crate::world::World;

const DENIED: &str = "err access-denied";

/// Answers one connection with what it is sent.
fn echo() -> (SocketAddr, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = std::thread::spawn(move || {
        let (mut connection, _) = listener.accept().unwrap();
        let mut text = Vec::new();
        connection.read_to_end(&mut text).unwrap();
        connection.write_all(&text).unwrap();
    });
    (address, server)
}

#[test]
fn attack_sockets_without_a_grant() {
    let world = World::new();
    for guest in [
        guests::net_connect(),
        guests::net_idle(),
        guests::net_listen(),
        guests::net_lookup(),
        guests::net_send(),
    ] {
        let refusal = world.step(guest, &[]).refusal();
        assert!(refusal.contains("wasi:sockets/"), "{refusal}");
        assert!(refusal.contains(": the network: network=any"), "{refusal}");
    }
}

pub(crate) mod net_connect {
    use super::*;

    #[test]
    fn a_listed_address_is_reached() {
        let world = World::new();
        for grant in ["any", "listed"] {
            let (address, server) = echo();
            let grant = grant.replace("listed", &address.to_string());
            let step = world
                .step(guests::net_connect(), &[&address.to_string(), "hello"])
                .grant(&format!("network={grant}"));
            assert_eq!(step.run().told(), "ok hello", "{grant}");
            server.join().unwrap();
        }
    }

    #[test]
    fn a_listed_name_is_reached_by_its_address() {
        let world = World::new();
        let (address, server) = echo();
        let step = world
            .step(guests::net_connect(), &[&address.to_string(), "hello"])
            .grant(&format!("network=localhost:{}", address.port()));
        assert_eq!(step.run().told(), "ok hello");
        server.join().unwrap();
    }

    #[test]
    fn attack_an_address_that_is_not_listed() {
        let world = World::new();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let other = TcpListener::bind("127.0.0.1:0").unwrap();
        let other = other.local_addr().unwrap();
        for grant in [
            other.to_string(),
            format!("127.0.0.2:{}", address.port()),
            format!("[::1]:{}", address.port()),
            format!("no-such-host.invalid:{}", address.port()),
            "none".to_owned(),
        ] {
            let step = world
                .step(guests::net_connect(), &[&address.to_string(), "hello"])
                .grant(&format!("network={grant}"));
            let end = step.run();
            assert_eq!(end.told(), DENIED, "{grant}");
            // Where there is no network at all, there is no socket to connect.
            let line = format!("grant it with `--grant network={address}`");
            let told = end.stderr.contains(&line) || grant == "none";
            assert!(told, "{grant}: {}", end.stderr);
        }
        let nobody = listener.accept().unwrap_err();
        assert_eq!(nobody.kind(), std::io::ErrorKind::WouldBlock);
    }

    /// A connection that is never answered is a host call that blocks.
    #[test]
    fn attack_wait_for_an_answer_that_never_comes() {
        let world = World::new();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let end = world
            .step(guests::net_connect(), &[&address, "hello"])
            .grant(&format!("network={address}"))
            .stop_after(Duration::from_millis(200), CancelReason::Asked)
            .run();
        assert_eq!(end.ending, Ending::Cancelled);
    }
}

pub(crate) mod net_idle {
    use super::*;

    #[test]
    fn attack_a_socket_where_none_may_be_used() {
        let world = World::new();
        let step = world
            .step(guests::net_idle(), &["use it"])
            .grant("network=none");
        assert_eq!(step.run().told(), "socket false\nok");
    }

    #[test]
    fn what_imports_sockets_and_leaves_them_alone_may_run() {
        let world = World::new();
        let step = world.step(guests::net_idle(), &[]).grant("network=none");
        assert_eq!(step.run().told(), "ok");
    }
}

pub(crate) mod net_listen {
    use super::*;

    #[test]
    fn attack_listen_where_only_connections_are_listed() {
        let world = World::new();
        for grant in [
            "network=127.0.0.1:80",
            "network=none",
            "network=127.0.0.1:0",
        ] {
            let step = world.step(guests::net_listen(), &["0"]).grant(grant);
            assert_eq!(step.run().told(), DENIED, "{grant}");
        }
    }

    #[test]
    fn everything_includes_listening() {
        let world = World::new();
        let step = world
            .step(guests::net_listen(), &["0"])
            .grant("network=any");
        assert_eq!(step.run().told(), "ok");
    }
}

pub(crate) mod net_lookup {
    use super::*;

    #[test]
    fn attack_ask_for_a_name_that_is_not_listed() {
        let world = World::new();
        for (name, grant) in [
            ("secret.example.org", "network=localhost:80"),
            ("localhost", "network=example.org:80"),
            ("localhost.example.org", "network=localhost:80"),
            ("localhost", "network=127.0.0.1:80"),
            ("localhost", "network=none"),
        ] {
            let step = world.step(guests::net_lookup(), &[name]).grant(grant);
            assert_eq!(step.run().told(), DENIED, "{name} {grant}");
        }
    }

    #[test]
    fn a_listed_name_has_addresses() {
        let world = World::new();
        for (name, grant) in [
            ("localhost", "network=localhost:80"),
            ("LOCALHOST", "network=localhost:80"),
            ("localhost", "network=any"),
        ] {
            let step = world.step(guests::net_lookup(), &[name]).grant(grant);
            let told = step.run().told();
            let addresses = told.strip_prefix("ok ").map(str::parse::<u32>);
            assert!(matches!(addresses, Some(Ok(1..))), "{name} {grant}: {told}");
        }
    }
}

/// GHSA-hmmr-87qq-258j.
pub(crate) mod net_send {
    use super::*;

    #[test]
    fn attack_udp_where_only_tcp_is_listed() {
        let world = World::new();
        let receiver = UdpSocket::bind("127.0.0.1:0").unwrap();
        receiver.set_nonblocking(true).unwrap();
        let port = receiver.local_addr().unwrap().port().to_string();
        for grant in [
            format!("network=127.0.0.1:{port}"),
            "network=none".to_owned(),
        ] {
            let step = world.step(guests::net_send(), &[&port]).grant(&grant);
            assert_eq!(step.run().told(), DENIED, "{grant}");
        }
        assert!(receiver.recv(&mut [0; 64]).is_err());
    }

    #[test]
    fn everything_includes_udp() {
        let world = World::new();
        let receiver = UdpSocket::bind("127.0.0.1:0").unwrap();
        receiver
            .set_read_timeout(Some(Duration::from_secs(20)))
            .unwrap();
        let port = receiver.local_addr().unwrap().port().to_string();
        let step = world
            .step(guests::net_send(), &[&port])
            .grant("network=any");
        assert_eq!(step.run().told(), "ok");
        let mut datagram = [0; 64];
        let length = receiver.recv(&mut datagram).unwrap();
        assert_eq!(&datagram[..length], b"a datagram");
    }
}
