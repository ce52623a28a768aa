//! Certificates for one test, made by Debian's `openssl`: an authority, and whom it signs.

use std::path::{Path, PathBuf};
use std::process::Command;

use stepwell_sandbox_oci::docker::TlsFiles;

/// Somebody who signs certificates.
pub(crate) struct Authority(PathBuf);

impl Authority {
    /// One whose files lie in `folder`, which is made.
    pub(crate) fn new(folder: PathBuf) -> Self {
        std::fs::create_dir_all(&folder).unwrap();
        let authority = Self(folder);
        // Two of one name would be told apart by their signatures only.
        let name = authority.0.file_name().unwrap().display();
        authority.openssl(&format!(
            "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN={name} \
             -keyout ca-key.pem -out ca.pem"
        ));
        authority
    }

    /// Signs a certificate for a server on loopback.
    pub(crate) fn server(&self) -> TlsFiles {
        self.sign(
            "server",
            "subjectAltName=IP:127.0.0.1\nextendedKeyUsage=serverAuth\n",
        )
    }

    /// Signs a certificate for whoever connects to one.
    pub(crate) fn client(&self) -> TlsFiles {
        self.sign("client", "extendedKeyUsage=clientAuth\n")
    }

    fn sign(&self, name: &str, extensions: &str) -> TlsFiles {
        std::fs::write(self.0.join(name), extensions).unwrap();
        self.openssl(&format!(
            "req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN={name} \
             -keyout {name}-key.pem -out {name}.csr"
        ));
        self.openssl(&format!(
            "x509 -req -in {name}.csr -CA ca.pem -CAkey ca-key.pem -CAcreateserial -days 2 -extfile {name} \
             -out {name}.pem"
        ));
        TlsFiles {
            authorities: self.0.join("ca.pem"),
            certificate: self.0.join(format!("{name}.pem")),
            key: self.0.join(format!("{name}-key.pem")),
        }
    }

    fn openssl(&self, arguments: &str) {
        let ran = Command::new(Path::new("/usr/bin/openssl"))
            .args(arguments.split_ascii_whitespace())
            .current_dir(&self.0)
            .output()
            .unwrap();
        assert!(ran.status.success(), "openssl {arguments}: {ran:?}");
    }
}
