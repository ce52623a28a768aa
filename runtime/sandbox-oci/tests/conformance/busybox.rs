//! The one layer of the suite's image: busybox, and a link for each command that a program uses.

use std::error::Error;
use std::io::{Cursor, Read};

use sha2::{Digest as _, Sha256};
use stepwell_contract::{ContainerImage, Image, Layer, Platform};
use stepwell_sandbox_oci::Layers;

pub(crate) const BUSYBOX: &str = "/bin/busybox";

/// What a program runs as: each command is a link to busybox.
const COMMANDS: [&str; 14] = [
    "sh", "cat", "head", "ln", "ls", "mkdir", "nc", "printf", "rm", "sleep", "stty", "usleep",
    "wget", "yes",
];

/// The one layer.
pub(crate) struct Busybox(pub(crate) Vec<u8>);

impl Layers for Busybox {
    fn open(&self, _layer: &Layer) -> Result<Box<dyn Read + Send>, Box<dyn Error + Send + Sync>> {
        Ok(Box::new(Cursor::new(self.0.clone())))
    }
}

impl Busybox {
    pub(crate) fn new() -> Self {
        let mut archive = tar::Builder::new(Vec::new());
        let program = std::fs::read(BUSYBOX).unwrap();
        let header = |kind: tar::EntryType, size: usize| {
            let mut header = tar::Header::new_gnu();
            header.set_entry_type(kind);
            header.set_mode(0o755);
            header.set_uid(0);
            header.set_gid(0);
            header.set_mtime(1_000);
            header.set_size(size as u64);
            header
        };
        let mut file = header(tar::EntryType::Regular, program.len());
        archive
            .append_data(&mut file, "bin/busybox", &program[..])
            .unwrap();
        for command in COMMANDS {
            let mut link = header(tar::EntryType::Symlink, 0);
            archive
                .append_link(&mut link, format!("bin/{command}"), "busybox")
                .unwrap();
        }
        Self(archive.into_inner().unwrap())
    }

    /// The image that is made of it.
    pub(crate) fn image(&self) -> Image {
        let digits: String = Sha256::digest(&self.0)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let container = ContainerImage {
            manifest: format!("sha256:{digits}"),
            platform: Platform::host(),
            entrypoint: Vec::new(),
            cmd: Vec::new(),
            env: Vec::new(),
            working_dir: None,
            user: None,
            stop_signal: None,
            layers: vec![Layer {
                digest: format!("sha256:{digits}"),
                diff_id: format!("sha256:{digits}"),
                media_type: "application/vnd.oci.image.layer.v1.tar".to_owned(),
                size: self.0.len() as u64,
            }],
        };
        Image::container("busybox", container)
    }
}
