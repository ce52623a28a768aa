//! The configuration of a container image, and the image that it and the manifest make together.
//!
//! It does not know what a name, a path or a user in there means to whoever runs it.

use serde::Deserialize;
use stepwell_contract::{ContainerImage, Layer, Platform};

use super::{ImageManifest, ImageProblem};
use crate::sha256::Sha256;
use crate::words::quoted;

/// `image-spec`, `config.md`. Docker writes `null` where there is nothing, and other tools nothing.
#[derive(Deserialize)]
struct File {
    architecture: Option<String>,
    os: Option<String>,
    variant: Option<String>,
    config: Option<Config>,
    rootfs: Option<RootFs>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase")]
struct Config {
    user: Option<String>,
    env: Option<Vec<String>>,
    entrypoint: Option<Vec<String>>,
    cmd: Option<Vec<String>>,
    working_dir: Option<String>,
    stop_signal: Option<String>,
}

#[derive(Deserialize)]
struct RootFs {
    diff_ids: Option<Vec<Sha256>>,
}

/// The digests of the layers, unpacked, as a configuration names them; nothing where it is no configuration.
pub(crate) fn diff_ids(config: &[u8]) -> Option<Vec<Sha256>> {
    let file: File = serde_json::from_slice(config).ok()?;
    file.rootfs?.diff_ids
}

/// The image of a manifest and a configuration.
pub(crate) fn container(
    digest: Sha256,
    manifest: &ImageManifest,
    config: &[u8],
    wanted: &Platform,
) -> Result<ContainerImage, ImageProblem> {
    let file: File = serde_json::from_slice(config).map_err(|source| ImageProblem::Malformed {
        part: "configuration",
        source,
    })?;
    let diff_ids = file.rootfs.and_then(|rootfs| rootfs.diff_ids);
    let diff_ids = diff_ids.unwrap_or_default();
    if diff_ids.len() != manifest.layers.len() {
        return Err(ImageProblem::Uneven {
            diff_ids: diff_ids.len(),
            layers: manifest.layers.len(),
        });
    }
    let platform = Platform {
        os: said(file.os).unwrap_or_else(|| wanted.os.clone()),
        architecture: said(file.architecture).unwrap_or_else(|| wanted.architecture.clone()),
        variant: said(file.variant),
    };
    if (&platform.os, &platform.architecture) != (&wanted.os, &wanted.architecture) {
        return Err(ImageProblem::Platform {
            wanted: wanted.to_string(),
            known: quoted(&platform.to_string()),
        });
    }
    let config = file.config.unwrap_or_default();
    let layers = manifest.layers.iter().zip(diff_ids);
    Ok(ContainerImage {
        manifest: digest.to_string(),
        platform,
        entrypoint: config.entrypoint.unwrap_or_default(),
        cmd: config.cmd.unwrap_or_default(),
        env: config
            .env
            .iter()
            .flatten()
            .map(|one| variable(one))
            .collect(),
        working_dir: said(config.working_dir),
        user: said(config.user),
        stop_signal: said(config.stop_signal),
        layers: layers
            .map(|(layer, diff_id)| Layer {
                digest: layer.digest.to_string(),
                diff_id: diff_id.to_string(),
                media_type: layer.media_type.clone(),
                size: layer.size,
            })
            .collect(),
    })
}

/// `NAME=value`. What has no `=` is a name without a value.
fn variable(text: &str) -> (String, String) {
    let (name, value) = text.split_once('=').unwrap_or((text, ""));
    (name.to_owned(), value.to_owned())
}

fn said(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::super::{Document, read};
    use super::*;

    fn make(config: &str, layers: usize) -> Result<ContainerImage, ImageProblem> {
        let (digest, media_type) = (Sha256::of(b""), "application/vnd.oci.image.layer.v1.tar");
        let part = serde_json::json!({ "mediaType": media_type, "digest": digest, "size": 7 });
        let text = serde_json::json!({ "config": part, "layers": vec![part.clone(); layers] });
        let Document::Manifest(manifest) = read(text.to_string().as_bytes())? else {
            panic!("it has layers");
        };
        let wanted = Platform {
            os: "linux".to_owned(),
            architecture: "amd64".to_owned(),
            variant: None,
        };
        container(digest, &manifest, config.as_bytes(), &wanted)
    }

    #[test]
    fn what_the_configuration_says_is_in_the_image() {
        let diff_id = Sha256::of(b"tar");
        let image = make(
            &format!(
                r#"{{"os":"linux","architecture":"amd64","config":{{
                    "User":"1000:0","Env":["A=b=c","D","E="],"Entrypoint":["/e"],"Cmd":["x","y"],
                    "WorkingDir":"/w","StopSignal":"SIGINT","Labels":{{"a":"b"}},"Volumes":null}},
                    "rootfs":{{"type":"layers","diff_ids":["{diff_id}"]}},"history":[]}}"#
            ),
            1,
        )
        .unwrap();
        assert_eq!(image.manifest, Sha256::of(b"").to_string());
        assert_eq!(
            (image.entrypoint.as_slice(), image.cmd.as_slice()),
            (
                ["/e".to_owned()].as_slice(),
                ["x".to_owned(), "y".to_owned()].as_slice()
            )
        );
        let variables = [("A", "b=c"), ("D", ""), ("E", "")];
        assert_eq!(
            image.env,
            variables.map(|(name, value)| (name.to_owned(), value.to_owned()))
        );
        assert_eq!(image.user.as_deref(), Some("1000:0"));
        assert_eq!(image.working_dir.as_deref(), Some("/w"));
        assert_eq!(image.stop_signal.as_deref(), Some("SIGINT"));
        let [layer] = image.layers.as_slice() else {
            panic!("{image:?}");
        };
        assert_eq!(
            (layer.diff_id.as_str(), layer.size),
            (diff_id.to_string().as_str(), 7)
        );
    }

    #[test]
    fn what_docker_leaves_out_or_empty_is_nothing() {
        for config in [
            "{}",
            r#"{"config":null,"rootfs":null,"os":"","architecture":""}"#,
            r#"{"config":{"Env":null,"Cmd":null,"Entrypoint":null,"User":"","WorkingDir":""}}"#,
        ] {
            let image = make(config, 0).unwrap();
            assert!(image.env.is_empty() && image.cmd.is_empty() && image.entrypoint.is_empty());
            assert_eq!((image.user, image.working_dir), (None, None));
            assert_eq!(image.platform.to_string(), "linux/amd64");
        }
    }

    #[test]
    fn an_image_for_another_machine_is_refused() {
        let problem = make(r#"{"os":"linux","architecture":"arm64","variant":"v8"}"#, 0);
        assert_eq!(
            problem.unwrap_err().to_string(),
            "it is for linux/arm64/v8, and not for linux/amd64"
        );
    }

    #[test]
    fn attack_layers_that_the_configuration_does_not_know_are_refused() {
        let problem = make(r#"{"rootfs":{"diff_ids":[]}}"#, 1);
        assert!(matches!(
            problem,
            Err(ImageProblem::Uneven {
                diff_ids: 0,
                layers: 1
            })
        ));
        let problem = make(r#"{"rootfs":{"diff_ids":["sha256:../../etc"]}}"#, 1);
        assert!(matches!(problem, Err(ImageProblem::Malformed { .. })));
    }
}
