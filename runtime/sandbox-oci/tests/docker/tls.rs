//! A daemon over TCP with TLS: both show certificates, and each refuses one that it does not know.

use stepwell_contract::Access::ReadWrite;
use stepwell_contract::SandboxError;
use stepwell_sandbox_oci::docker::{DockerBackend, Endpoint, TlsFiles};

use crate::authority::Authority;
use crate::daemon::{DOCKER, OPENSSL, missing_of};
use crate::world::{World, chain, said};

/// A daemon that talks to those whom an authority signed.
fn secure() -> Option<(World, Authority, tempfile::TempDir)> {
    if missing_of(&[DOCKER, OPENSSL].concat()).is_some() {
        return None;
    }
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new(folder.path().join("authority"));
    let files = authority.server();
    let option = |name: &str, path: &std::path::Path| format!("--{name}={}", path.display());
    let world = World::new(&[
        "--host=tcp://127.0.0.1:0",
        "--tlsverify",
        &option("tlscacert", &files.authorities),
        &option("tlscert", &files.certificate),
        &option("tlskey", &files.key),
    ])?;
    Some((world, authority, folder))
}

fn connect(world: &World, host: &str, files: TlsFiles) -> Result<DockerBackend, SandboxError> {
    DockerBackend::connect(world.options(Endpoint::Tcp {
        host: host.to_owned(),
        port: world.daemon.port.unwrap(),
        tls: Some(files),
    }))
}

#[test]
fn a_step_runs_over_tls() {
    let Some((world, authority, _folder)) = secure() else {
        return;
    };
    let backend = connect(&world, "127.0.0.1", authority.client()).unwrap();
    std::fs::write(world.folder("ws").join("given"), "given").unwrap();
    let task = world.task(&backend, &["ws"]);
    let step = world.step("cat /ws/given; echo made > /ws/made", &[("ws", ReadWrite)]);
    assert_eq!(said(&*task, step), "given");
    assert_eq!(world.read("ws/made").as_deref(), Some("made\n"));
    task.close().unwrap();
}

#[test]
fn attack_each_side_refuses_whom_it_does_not_know() {
    let Some((world, authority, folder)) = secure() else {
        return;
    };
    let known = authority.client();
    connect(&world, "127.0.0.1", known.clone()).unwrap();
    let stranger = Authority::new(folder.path().join("stranger")).client();
    let refused = |host: &str, files: TlsFiles| chain(&connect(&world, host, files).err().unwrap());
    // The daemon's authority is not ours.
    let server = refused(
        "127.0.0.1",
        TlsFiles {
            authorities: stranger.authorities.clone(),
            ..known.clone()
        },
    );
    assert!(server.contains("cannot be trusted"), "{server}");
    assert!(server.contains("UnknownIssuer"), "{server}");
    // Its certificate is another machine's.
    let elsewhere = refused("localhost", known.clone());
    assert!(elsewhere.contains("not valid for name"), "{elsewhere}");
    // Our authority is not the daemon's.
    let client = refused(
        "127.0.0.1",
        TlsFiles {
            authorities: known.authorities.clone(),
            ..stranger
        },
    );
    assert!(client.contains("refused our certificate"), "{client}");
    // A certificate that is no client's.
    let server = authority.server();
    let no_client = refused("127.0.0.1", server);
    assert!(no_client.contains("refused our certificate"), "{no_client}");
}

#[test]
fn certificates_that_cannot_be_used_are_named() {
    let Some((world, authority, _folder)) = secure() else {
        return;
    };
    let known = authority.client();
    let refused = |files: TlsFiles| chain(&connect(&world, "127.0.0.1", files).err().unwrap());
    let missing = refused(TlsFiles {
        certificate: "/nowhere/cert.pem".into(),
        ..known.clone()
    });
    assert!(
        missing.contains("`/nowhere/cert.pem` cannot be used"),
        "{missing}"
    );
    // A file of another kind.
    for files in [
        TlsFiles {
            authorities: known.key.clone(),
            ..known.clone()
        },
        TlsFiles {
            certificate: known.key.clone(),
            ..known.clone()
        },
        TlsFiles {
            key: known.certificate.clone(),
            ..known.clone()
        },
    ] {
        let other = refused(files);
        assert!(other.contains("cannot be used"), "{other}");
    }
}

#[test]
fn attack_nobody_talks_to_a_daemon_of_tls_without_it() {
    let Some((world, _authority, _folder)) = secure() else {
        return;
    };
    let plain = Endpoint::Tcp {
        host: "127.0.0.1".to_owned(),
        port: world.daemon.port.unwrap(),
        tls: None,
    };
    let refused = chain(&DockerBackend::connect(world.options(plain)).err().unwrap());
    assert!(refused.contains("HTTPS"), "{refused}");
}
