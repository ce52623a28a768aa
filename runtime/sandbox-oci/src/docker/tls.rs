//! TLS to a daemon: the daemon's certificate is always verified, and ours is always shown.

use std::io;
use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};

use super::endpoint::TlsFiles;

/// Reads the files of a connection.
///
/// # Errors
///
/// One of them is missing, or is not what it should be.
pub(super) fn config(files: &TlsFiles) -> io::Result<ClientConfig> {
    let mut authorities = RootCertStore::empty();
    for certificate in certificates(&files.authorities)? {
        let added = authorities.add(certificate);
        added.map_err(|error| unusable(&files.authorities, error))?;
    }
    let key =
        PrivateKeyDer::from_pem_file(&files.key).map_err(|error| unusable(&files.key, error))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_root_certificates(authorities)
        .with_client_auth_cert(certificates(&files.certificate)?, key)
        .map_err(|error| unusable(&files.certificate, error))
}

fn certificates(path: &Path) -> io::Result<Vec<CertificateDer<'static>>> {
    let certificates: Vec<_> = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect)
        .map_err(|error| unusable(path, error))?;
    match certificates.is_empty() {
        true => Err(unusable(path, "there is no certificate in it")),
        false => Ok(certificates),
    }
}

fn unusable(path: &Path, error: impl std::fmt::Display) -> io::Error {
    let text = format!("`{}` cannot be used: {error}", path.display());
    io::Error::new(io::ErrorKind::InvalidInput, text)
}
