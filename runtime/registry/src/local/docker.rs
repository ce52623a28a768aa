//! An archive as `docker save` writes it: `manifest.json`, which names a configuration and layers by their files.
//!
//! It has no manifest by which registries would know the image, so one is made of what is there, always the same one for the
//! same image.

use std::io::Read as _;

use serde::Deserialize;
use serde_json::json;

use super::Place;
use crate::{
    image::{self, CONFIG_BYTES, IMAGE_BYTES, ImageProblem, LAYERS},
    layer::Packing,
    pull::PullError,
    reference::Reference,
    sha256::Sha256,
    store::ImageStore,
};

/// What `manifest.json` is read up to: a line for each layer of each image.
const MANIFEST_BYTES: u64 = 4 << 20;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Entry {
    config: String,
    repo_tags: Option<Vec<String>>,
    layers: Option<Vec<String>>,
}

/// Takes the image that is meant into the store, and says by which manifest.
pub(super) fn import(store: &ImageStore, place: &Place<'_>) -> Result<Sha256, PullError> {
    let bad = |problem| PullError::Image {
        image: place.path.to_owned(),
        problem,
    };
    let manifest = place.small("manifest.json", MANIFEST_BYTES)?;
    let manifest = manifest.ok_or_else(|| PullError::NotThat {
        path: place.path.to_owned(),
        what: "an archive as `docker save` writes it",
    })?;
    let entries: Vec<Entry> = serde_json::from_slice(&manifest).map_err(|source| {
        bad(ImageProblem::Malformed {
            part: "manifest",
            source,
        })
    })?;
    let entry = choose(place, &entries)?;
    let layers = entry.layers.as_deref().unwrap_or_default();
    if layers.len() > LAYERS {
        return Err(bad(ImageProblem::Layers(layers.len())));
    }
    let config = place.small(&entry.config, CONFIG_BYTES)?;
    let config = config.ok_or_else(|| place.no_part(&entry.config))?;
    let mut left = IMAGE_BYTES;
    let mut described = Vec::new();
    // What is not a configuration is found to be none when the image is made of it.
    let known = image::diff_ids(&config).unwrap_or_default();
    for (number, name) in layers.iter().enumerate() {
        let (digest, size, packing) = layer(store, place, name, known.get(number), left)?;
        left = left.checked_sub(size).ok_or_else(|| {
            bad(ImageProblem::TooLarge {
                part: "layers together",
                size: IMAGE_BYTES + 1,
                most: IMAGE_BYTES,
            })
        })?;
        let media_type = match packing {
            Packing::None => "application/vnd.oci.image.layer.v1.tar",
            Packing::Gzip => "application/vnd.oci.image.layer.v1.tar+gzip",
            Packing::Zstd => "application/vnd.oci.image.layer.v1.tar+zstd",
        };
        described.push(json!({ "mediaType": media_type, "digest": digest, "size": size }));
    }
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {
            "mediaType": "application/vnd.oci.image.config.v1+json",
            "digest": store.keep(&config)?,
            "size": config.len(),
        },
        "layers": described,
    });
    Ok(store.keep(manifest.to_string().as_bytes())?)
}

fn choose<'a>(place: &Place<'_>, entries: &'a [Entry]) -> Result<&'a Entry, PullError> {
    let known = || {
        let tags = entries.iter().filter_map(|entry| entry.repo_tags.as_ref());
        tags.flatten().cloned().collect()
    };
    // `alpine:3` and `docker.io/library/alpine:3` are the same.
    let full = |name: &str| name.parse::<Reference>().ok();
    let has = |entry: &&Entry, wanted: &Reference| {
        let mut tags = entry.repo_tags.iter().flatten();
        tags.any(|tag| full(tag).as_ref() == Some(wanted))
    };
    let meant = match (place.wanted, entries) {
        (None, [entry]) => Some(entry),
        (None, _) => None,
        (Some(wanted), entries) => {
            full(wanted).and_then(|wanted| entries.iter().find(|entry| has(entry, &wanted)))
        }
    };
    meant.ok_or_else(|| place.no_image(known()))
}

/// Takes a layer into the store. One that is not packed has the digest that the configuration gives it, if it is the one that is
/// meant: where the store has that, it is not read.
fn layer(
    store: &ImageStore,
    place: &Place<'_>,
    name: &str,
    unpacked: Option<&Sha256>,
    left: u64,
) -> Result<(Sha256, u64, Packing), PullError> {
    let unreadable = |source| PullError::Read {
        path: place.path.to_owned(),
        source,
    };
    let file = place.files.open(name).map_err(unreadable)?;
    let mut file = file.ok_or_else(|| place.no_part(name))?;
    let mut start = Vec::new();
    (&mut file)
        .take(8)
        .read_to_end(&mut start)
        .map_err(unreadable)?;
    let packing = Packing::seen(&start);
    if let (Packing::None, Some(&digest)) = (packing, unpacked)
        && file.size <= left
        && store.has(digest, file.size)
    {
        return Ok((digest, file.size, packing));
    }
    let mut whole = start.as_slice().chain(file);
    let (digest, size) = store.keep_all(&mut whole, left.saturating_add(1))?;
    Ok((digest, size, packing))
}
