//! An image in a daemon: exactly the layers that were resolved, and nothing that the daemon would pull.
//!
//! What a step runs was decided before: the daemon is given the layers out of our own store, as the archive that `docker
//! image load` takes, and names them by the digest of a configuration that says nothing but which layers they are. Everything
//! else of an image (its entrypoint, environment, user, volumes, health checks) is the step's business, or nobody's. An image
//! that is there already is used only if the daemon says that it is made of these layers. It stays for the next run.

use std::io::{self, Read, Write as _};
use std::sync::Arc;

use futures_util::StreamExt as _;
use sha2::{Digest as _, Sha256};
use stepwell_contract::{ContainerImage, SandboxError, SandboxErrorKind};

use super::BACKEND;
use super::daemon::{Daemon, failed};
use super::error::ApiError;
use super::upload::{Upload, upload};
use crate::layers::Layers;

/// What our images are called in a daemon, in front of the digest of their configuration.
const REPOSITORY: &str = "localhost/stepwell";

/// What a layer may be, unpacked: stops one of zeros that fills the daemon's disk.
const LAYER_BYTES: u64 = 32 << 30;

/// Sees to it that the daemon has `image`; gives what it calls it.
///
/// # Errors
///
/// A layer cannot be read, or the daemon does not take it.
pub(super) fn bring(
    daemon: &Arc<Daemon>,
    layers: &Arc<dyn Layers>,
    image: &ContainerImage,
) -> Result<String, SandboxError> {
    let doing = || format!("bring image `{}` to the daemon", image.manifest);
    let config = configuration(image);
    let digest = hex(&config);
    let name = format!("{REPOSITORY}:{digest}");
    if let Some(found) = find(daemon, &name, image).map_err(|error| failed(doing(), error))? {
        return Ok(found);
    }
    let mut sizes = Vec::with_capacity(image.layers.len());
    for layer in &image.layers {
        // An archive says how long a file is in front of it, and a layer that is packed does not know.
        let size = layers.open(layer).and_then(|archive| {
            let size = io::copy(&mut archive.take(LAYER_BYTES + 1), &mut io::sink())?;
            match size > LAYER_BYTES {
                true => Err("the layer is larger than a layer may be".into()),
                false => Ok(size),
            }
        });
        sizes.push(size.map_err(|error| {
            SandboxError::new(BACKEND, doing(), SandboxErrorKind::BadGuest).because(error)
        })?);
    }
    load(daemon, layers, image, &config, &name, &sizes).map_err(|error| failed(doing(), error))?;
    let found = find(daemon, &name, image).map_err(|error| failed(doing(), error))?;
    found.ok_or_else(|| {
        let cause = "the daemon took it, and has another one now";
        SandboxError::new(BACKEND, doing(), SandboxErrorKind::Host).because(cause)
    })
}

/// The identity of the image called `name`, if it is made of the layers of `image`.
fn find(daemon: &Daemon, name: &str, image: &ContainerImage) -> Result<Option<String>, ApiError> {
    let asked = name.to_owned();
    let found = match daemon.ask(|docker| async move { docker.inspect_image(&asked).await }) {
        Err(error) if error.is_missing() => return Ok(None),
        found => found?,
    };
    let layers = found
        .root_fs
        .and_then(|root| root.layers)
        .unwrap_or_default();
    let ours = image.layers.iter().map(|layer| &layer.diff_id);
    Ok(found.id.filter(|_| ours.eq(layers.iter())))
}

/// A configuration of nothing but the layers ("Image Configuration", `config.md`).
fn configuration(image: &ContainerImage) -> Vec<u8> {
    let diff_ids: Vec<_> = image.layers.iter().map(|layer| &layer.diff_id).collect();
    let mut config = serde_json::json!({
        "architecture": image.platform.architecture,
        "os": image.platform.os,
        "config": {},
        "rootfs": { "type": "layers", "diff_ids": diff_ids },
    });
    if let Some(variant) = &image.platform.variant {
        config["variant"] = variant.as_str().into();
    }
    config.to_string().into_bytes()
}

fn hex(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Sends the image as an archive of Docker's.
fn load(
    daemon: &Arc<Daemon>,
    layers: &Arc<dyn Layers>,
    image: &ContainerImage,
    config: &[u8],
    name: &str,
    sizes: &[u64],
) -> Result<(), ApiError> {
    let (archive, body) = upload();
    let docker = daemon.patient();
    let endpoint = daemon.endpoint().to_string();
    let loaded = daemon.spawn(async move {
        let options = bollard::query_parameters::ImportImageOptionsBuilder::new().quiet(true);
        let mut said = Box::pin(docker.import_image_stream(options.build(), body, None));
        while let Some(word) = said.next().await {
            word.map_err(|error| ApiError::of(error, &endpoint))?;
        }
        Ok(())
    });
    archive.send(&loaded, |to| write(to, layers, image, config, name, sizes))
}

fn write(
    to: &mut Upload,
    layers: &Arc<dyn Layers>,
    image: &ContainerImage,
    config: &[u8],
    name: &str,
    sizes: &[u64],
) -> io::Result<()> {
    let mut archive = tar::Builder::new(to);
    let names: Vec<String> = (0..sizes.len())
        .map(|number| format!("{number}.tar"))
        .collect();
    let manifest = serde_json::json!([{
        "Config": "config.json",
        "RepoTags": [name],
        "Layers": names,
    }]);
    let manifest = manifest.to_string();
    let entry = |size| {
        let mut header = tar::Header::new_gnu();
        header.set_mode(0o644);
        header.set_size(size);
        header
    };
    for (path, bytes) in [
        ("config.json", config),
        ("manifest.json", manifest.as_bytes()),
    ] {
        archive.append_data(&mut entry(bytes.len() as u64), path, bytes)?;
    }
    for ((layer, path), size) in image.layers.iter().zip(&names).zip(sizes) {
        let mut content = layers.open(layer).map_err(io::Error::other)?;
        let limited = (&mut content).take(*size);
        archive.append_data(&mut entry(*size), path, limited)?;
        // To its end, where its digest is checked.
        if io::copy(&mut content, &mut io::sink())? != 0 {
            return Err(io::Error::other("the layer has changed while it was read"));
        }
    }
    archive.into_inner()?.flush()
}

#[cfg(test)]
mod tests {
    use super::*;
    use stepwell_contract::{Layer, Platform};

    #[test]
    fn an_image_is_named_by_its_layers_and_by_nothing_else() {
        let image = |diff_ids: &[&str], user: Option<&str>| ContainerImage {
            manifest: "sha256:aa".to_owned(),
            platform: Platform::host(),
            entrypoint: Vec::new(),
            cmd: Vec::new(),
            env: Vec::new(),
            working_dir: None,
            user: user.map(str::to_owned),
            stop_signal: None,
            layers: diff_ids
                .iter()
                .map(|diff_id| Layer {
                    digest: "sha256:packed".to_owned(),
                    diff_id: (*diff_id).to_owned(),
                    media_type: String::new(),
                    size: 0,
                })
                .collect(),
        };
        let name = |image| hex(&configuration(&image));
        let plain = name(image(&["sha256:a", "sha256:b"], None));
        assert_eq!(plain, name(image(&["sha256:a", "sha256:b"], Some("app"))));
        assert_ne!(plain, name(image(&["sha256:b", "sha256:a"], None)));
        assert_eq!(plain.len(), 64);
    }
}
