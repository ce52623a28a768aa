//! Debian's registry (`docker-registry`) on this machine, for as long as a test needs it, and pushing bundles to it. The tests
//! of `stepwell-registry` use it too.
//!
//! Where it is not installed, [`Registry::start`] says so and the test is skipped; where `STEPWELL_REQUIRE_CONTAINERS` is set,
//! it fails instead.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::Path,
    process::{Child, Command, Stdio},
    sync::Arc,
};

use flate2::{Compression, write::GzEncoder};
use serde_json::{Value, json};
use stepwell_registry::Sha256;

/// `me:secret`, as `htpasswd -B` writes it, and as it is shown.
const PASSWORD: &str = "me:$2y$04$Eg1CBby03czdIRAt.OK70uOaAkJp0RkvdkmI0VJNsCTEtNquHerx.";
pub(crate) const LOGIN: &str = "bWU6c2VjcmV0";

/// A registry that lives as long as this does.
pub(crate) struct Registry {
    child: Child,
    host: String,
    is_locked: bool,
    folder: Arc<tempfile::TempDir>,
}

impl Registry {
    /// Starts one; `None` where it is not installed. A locked one lets in nobody but `me`.
    pub(crate) fn start(is_locked: bool) -> Option<Self> {
        Self::serve(Arc::new(tempfile::tempdir().unwrap()), is_locked, None)
    }

    /// Another one that has the same, and proves itself with the certificate and the key in these files.
    pub(crate) fn with_tls(&self, certificate: &Path, key: &Path) -> Option<Self> {
        let tls = json!({ "certificate": certificate, "key": key });
        Self::serve(Arc::clone(&self.folder), self.is_locked, Some(tls))
    }

    #[expect(clippy::print_stdout, reason = "a test that is skipped says so")]
    fn serve(folder: Arc<tempfile::TempDir>, is_locked: bool, tls: Option<Value>) -> Option<Self> {
        let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        fs::write(at("htpasswd"), PASSWORD).unwrap();
        let mut config = json!({
            "version": 0.1,
            "log": { "level": "info", "formatter": "json" },
            "storage": { "filesystem": { "rootdirectory": at("blobs") } },
            "http": { "addr": "127.0.0.1:0" },
        });
        if let Some(tls) = tls {
            config["http"]["tls"] = tls;
        }
        if is_locked {
            config["auth"] = json!({ "htpasswd": { "realm": "stepwell", "path": at("htpasswd") } });
        }
        // JSON is YAML too.
        fs::write(at("config.yml"), config.to_string()).unwrap();
        let started = Command::new("docker-registry")
            .args(["serve", &at("config.yml")])
            .env("OTEL_TRACES_EXPORTER", "none")
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn();
        let mut child = match started {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let required =
                    std::env::vars_os().any(|(name, _)| name == "STEPWELL_REQUIRE_CONTAINERS");
                assert!(
                    !required,
                    "tests of registries need Debian's `docker-registry`"
                );
                println!(
                    "skipped: there is no `docker-registry`; install it with `apt-get install docker-registry`"
                );
                return None;
            }
            started => started.unwrap(),
        };
        let mut log = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        let host = loop {
            line.clear();
            assert!(
                log.read_line(&mut line).unwrap() > 0,
                "the registry did not start"
            );
            if let Some((_, address)) = line.split_once("listening on ") {
                break address
                    .chars()
                    .take_while(|c| c.is_ascii_digit() || ".:".contains(*c))
                    .collect();
            }
        };
        // It must not wait for somebody to read on.
        std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
        Some(Self {
            child,
            host,
            is_locked,
            folder,
        })
    }

    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    /// Pushes a bundle of these layers and says by which digest it goes.
    pub(crate) fn push(&self, repository: &str, tag: &str, layers: &[Layer]) -> Sha256 {
        let described: Vec<Value> = layers
            .iter()
            .map(|layer| {
                let mut described = self.push_blob(repository, &layer.packed);
                described["mediaType"] = json!("application/vnd.oci.image.layer.v1.tar+gzip");
                described["annotations"] = layer.annotations.clone();
                described
            })
            .collect();
        let mut config = self.push_blob(repository, b"{}");
        config["mediaType"] = json!("application/vnd.oci.image.config.v1+json");
        let media_type = "application/vnd.oci.image.manifest.v1+json";
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": media_type,
            "config": config,
            "layers": described,
        });
        self.push_manifest(repository, tag, &manifest)
    }

    /// Pushes a manifest or an index, which says itself what it is, and says by which digest it goes.
    pub(crate) fn push_manifest(&self, repository: &str, tag: &str, manifest: &Value) -> Sha256 {
        let media_type = manifest["mediaType"].as_str().unwrap();
        let text = manifest.to_string();
        let path = format!("/v2/{repository}/manifests/{tag}");
        self.send("PUT", &path, media_type, text.as_bytes());
        Sha256::of(text.as_bytes())
    }

    /// Pushes a blob, and says what a manifest has to say of it, but for its media type.
    pub(crate) fn push_blob(&self, repository: &str, bytes: &[u8]) -> Value {
        let digest = Sha256::of(bytes);
        let head = self.send(
            "POST",
            &format!("/v2/{repository}/blobs/uploads/"),
            "text/plain",
            b"",
        );
        let location = head
            .lines()
            .find_map(|line| line.strip_prefix("Location: "))
            .unwrap();
        let path = &location[location.find("/v2/").unwrap()..];
        let separator = if path.contains('?') { '&' } else { '?' };
        let path = format!("{path}{separator}digest={digest}");
        self.send("PUT", &path, "application/octet-stream", bytes);
        json!({ "digest": digest.to_string(), "size": bytes.len() })
    }

    fn send(&self, method: &str, path: &str, media_type: &str, body: &[u8]) -> String {
        let mut stream = TcpStream::connect(&self.host).unwrap();
        let login = if self.is_locked {
            format!("Authorization: Basic {LOGIN}\r\n")
        } else {
            String::new()
        };
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: {}\r\n{login}Connection: close\r\nContent-Type: {media_type}\r\nContent-Length: {}\r\n\r\n",
            self.host,
            body.len()
        )
        .unwrap();
        stream.write_all(body).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(
            answer.starts_with("HTTP/1.1 20"),
            "{method} {path}: {answer}"
        );
        answer
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One object of a bundle.
#[derive(Clone)]
pub(crate) struct Layer {
    pub(crate) packed: Vec<u8>,
    pub(crate) annotations: Value,
}

impl Layer {
    /// An object packed as `tkn bundle push` packs it.
    pub(crate) fn new(kind: &str, name: &str, text: &str) -> Self {
        let mut archive = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::default()));
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_mode(0o600);
        archive
            .append_data(&mut header, name, text.as_bytes())
            .unwrap();
        Self {
            packed: archive.into_inner().unwrap().finish().unwrap(),
            annotations: json!({
                "dev.tekton.image.apiVersion": "v1",
                "dev.tekton.image.kind": kind,
                "dev.tekton.image.name": name,
            }),
        }
    }
}
