//! Images in layouts and archives: those that are right, and those that a stranger made.

use std::{fs, path::Path};

use serde_json::{Value, json};
use stepwell_contract::{Cancel, Platform};
use stepwell_registry::{
    Form, ImageStore, LayerBounds, Local, PullError, Pulled, PulledCode, Sha256,
};

fn amd64() -> Platform {
    Platform {
        os: "linux".to_owned(),
        architecture: "amd64".to_owned(),
        variant: None,
    }
}

struct World {
    temp: tempfile::TempDir,
    store: ImageStore,
}

impl World {
    fn new() -> Self {
        let temp = tempfile::tempdir().unwrap();
        let store = ImageStore::open(temp.path().join("images")).unwrap();
        fs::create_dir_all(temp.path().join("layout/blobs/sha256")).unwrap();
        Self { temp, store }
    }

    fn layout(&self) -> std::path::PathBuf {
        self.temp.path().join("layout")
    }

    fn blob(&self, bytes: &[u8]) -> Value {
        let digest = Sha256::of(bytes);
        fs::write(
            self.layout().join("blobs/sha256").join(digest.to_hex()),
            bytes,
        )
        .unwrap();
        json!({ "mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": digest, "size": bytes.len() })
    }

    /// Lays out one image for each tag, of one layer that is the tag.
    fn lay_out(&self, tags: &[&str]) {
        let entries: Vec<Value> = tags
            .iter()
            .map(|tag| {
                let layer = self.blob(tag.as_bytes());
                let config = self.blob(&config(&[tag.as_bytes()]));
                let manifest = json!({ "schemaVersion": 2, "config": config, "layers": [layer] });
                let mut entry = self.blob(manifest.to_string().as_bytes());
                entry["annotations"] = json!({ "org.opencontainers.image.ref.name": tag });
                entry
            })
            .collect();
        let write = |name: &str, value: Value| {
            fs::write(self.layout().join(name), value.to_string()).unwrap();
        };
        write("oci-layout", json!({ "imageLayoutVersion": "1.0.0" }));
        write(
            "index.json",
            json!({ "schemaVersion": 2, "manifests": entries }),
        );
    }

    fn import(&self, form: Form, path: &Path, image: Option<&str>) -> Result<Pulled, PullError> {
        let local = Local {
            form,
            path: path.to_owned(),
            image: image.map(str::to_owned),
        };
        self.store
            .import(&local, (&amd64(), false), &(), &Cancel::new())
    }

    /// The content of the only layer.
    fn layer(&self, pulled: &Pulled) -> String {
        let PulledCode::Container(image) = &pulled.code else {
            panic!("it is a component");
        };
        let [layer] = image.layers.as_slice() else {
            panic!("{image:?}");
        };
        let mut reader = self.store.layer(layer, &LayerBounds::default()).unwrap();
        let mut text = String::new();
        std::io::Read::read_to_string(&mut reader, &mut text).unwrap();
        reader.finish().unwrap();
        text
    }

    /// The folder as an archive.
    fn archive(&self, folder: &Path) -> std::path::PathBuf {
        let path = self.temp.path().join("archive.tar");
        let mut archive = tar::Builder::new(fs::File::create(&path).unwrap());
        archive.append_dir_all(".", folder).unwrap();
        archive.finish().unwrap();
        path
    }
}

fn config(layers: &[&[u8]]) -> Vec<u8> {
    let diff_ids: Vec<Sha256> = layers.iter().map(|layer| Sha256::of(layer)).collect();
    let config =
        json!({ "os": "linux", "architecture": "amd64", "rootfs": { "diff_ids": diff_ids } });
    config.to_string().into_bytes()
}

#[test]
fn an_image_of_a_layout_is_found_by_its_tag() {
    let world = World::new();
    world.lay_out(&["1", "2"]);
    let layout = world.layout();
    let archive = world.archive(&layout);
    for (form, path) in [(Form::Layout, &layout), (Form::OciArchive, &archive)] {
        let pulled = world.import(form, path, Some("2")).unwrap();
        assert_eq!(world.layer(&pulled), "2");
        for image in [None, Some("3")] {
            let error = world.import(form, path, image).unwrap_err();
            assert!(error.to_string().ends_with("it has 1, 2"), "{error}");
        }
    }
    world.lay_out(&["1"]);
    let pulled = world.import(Form::Layout, &layout, None).unwrap();
    assert_eq!(world.layer(&pulled), "1");
    let held = world.store.list().unwrap();
    assert!(
        held.iter()
            .any(|held| held.reference == format!("oci:{}:2", layout.display()))
    );
}

#[test]
fn an_image_of_docker_is_found_by_its_name() {
    let world = World::new();
    let folder = world.temp.path().join("saved");
    fs::create_dir_all(folder.join("abc")).unwrap();
    fs::write(folder.join("abc/layer.tar"), "a layer").unwrap();
    fs::write(folder.join("config.json"), config(&[b"a layer"])).unwrap();
    let entry = |layers: Value, tags: Value| json!({ "Config": "config.json", "RepoTags": tags, "Layers": layers });
    let save = |entries: Value| {
        fs::write(folder.join("manifest.json"), entries.to_string()).unwrap();
        world.archive(&folder)
    };
    let one = entry(json!(["abc/layer.tar"]), json!(["alpine:3"]));
    let archive = save(json!([one]));
    let pulled = world.import(Form::DockerArchive, &archive, None).unwrap();
    assert_eq!(world.layer(&pulled), "a layer");
    let again = world.import(
        Form::DockerArchive,
        &archive,
        Some("docker.io/library/alpine:3"),
    );
    assert_eq!(again.unwrap().manifest, pulled.manifest);
    let archive = save(json!([one, entry(json!([]), Value::Null)]));
    let error = world
        .import(Form::DockerArchive, &archive, None)
        .unwrap_err();
    assert!(matches!(error, PullError::NoImage { .. }), "{error}");
    world
        .import(Form::DockerArchive, &archive, Some("alpine:3"))
        .unwrap();
    // A layer that is not there, and one that is somewhere else.
    for name in ["none", "../../../../etc/passwd", "/etc/passwd"] {
        let archive = save(json!([entry(json!([name]), Value::Null)]));
        let error = world
            .import(Form::DockerArchive, &archive, None)
            .unwrap_err();
        assert!(matches!(error, PullError::NoPart { .. }), "{error}");
    }
}

#[test]
fn attack_a_layer_that_is_not_what_its_configuration_says_is_never_used() {
    let world = World::new();
    let folder = world.temp.path().join("saved");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("config.json"), config(&[b"a layer"])).unwrap();
    let entry = json!([{ "Config": "config.json", "Layers": ["layer.tar"] }]);
    fs::write(folder.join("manifest.json"), entry.to_string()).unwrap();
    let import = |layer: &str| {
        fs::write(folder.join("layer.tar"), layer).unwrap();
        let archive = world.archive(&folder);
        world.import(Form::DockerArchive, &archive, None).unwrap()
    };
    let PulledCode::Container(image) = import("another").code else {
        panic!("it is a component");
    };
    let mut reader = world.store.layer(&image.layers[0], &LayerBounds::default());
    let read = reader.as_mut().map(|reader| {
        std::io::copy(reader, &mut std::io::sink()).unwrap();
    });
    assert!(read.is_err() || reader.unwrap().finish().is_err());
    // The one that is meant is there from now on, and an archive that has another one does not change it.
    assert_eq!(world.layer(&import("a layer")), "a layer");
    assert_eq!(world.layer(&import("another")), "a layer");
}

#[test]
fn attack_a_blob_of_a_layout_that_is_another_one_is_not_kept() {
    let world = World::new();
    world.lay_out(&["layer"]);
    let blob = world
        .layout()
        .join("blobs/sha256")
        .join(Sha256::of(b"layer").to_hex());
    for bytes in ["LAYER", "a longer layer", "l"] {
        fs::write(&blob, bytes).unwrap();
        world
            .import(Form::Layout, &world.layout(), None)
            .unwrap_err();
    }
    fs::remove_file(&blob).unwrap();
    let error = world
        .import(Form::Layout, &world.layout(), None)
        .unwrap_err();
    assert!(matches!(error, PullError::NoPart { .. }), "{error}");
    fs::write(&blob, "layer").unwrap();
    world.import(Form::Layout, &world.layout(), None).unwrap();
}

#[test]
fn attack_a_blob_that_is_a_link_to_elsewhere_is_not_read() {
    let world = World::new();
    world.lay_out(&["layer"]);
    let outside = world.temp.path().join("outside");
    fs::write(&outside, "layer").unwrap();
    let blob = world
        .layout()
        .join("blobs/sha256")
        .join(Sha256::of(b"layer").to_hex());
    fs::remove_file(&blob).unwrap();
    std::os::unix::fs::symlink(&outside, &blob).unwrap();
    let error = world
        .import(Form::Layout, &world.layout(), None)
        .unwrap_err();
    assert!(matches!(error, PullError::Read { .. }), "{error}");
    // A link that stays inside is as good as the file.
    fs::remove_file(&blob).unwrap();
    fs::write(world.layout().join("inside"), "layer").unwrap();
    std::os::unix::fs::symlink("../../inside", &blob).unwrap();
    world.import(Form::Layout, &world.layout(), None).unwrap();
}

#[test]
fn what_is_no_layout_and_no_archive_is_said() {
    let world = World::new();
    let error = world
        .import(Form::Layout, &world.layout(), None)
        .unwrap_err();
    assert!(
        error.to_string().ends_with("is not an OCI layout"),
        "{error}"
    );
    let error = world
        .import(Form::Layout, Path::new("/no/such/folder"), None)
        .unwrap_err();
    assert_eq!(error.to_string(), "failed to read `/no/such/folder`");
    let file = world.temp.path().join("file");
    fs::write(&file, vec![7; 4096]).unwrap();
    for form in [Form::OciArchive, Form::DockerArchive] {
        let error = world.import(form, &file, None).unwrap_err();
        assert!(error.is_reference(), "{error}");
        let error = world.import(form, &world.layout(), None).unwrap_err();
        assert!(matches!(error, PullError::Read { .. }), "{error}");
    }
}
