//! An image in a daemon is the one that was resolved, and it is brought there once.

use stepwell_contract::{Backend as _, Grants, Image, Limits, SandboxErrorKind};
use stepwell_sandbox_oci::docker::save;

use crate::world::{World, said};

#[test]
fn an_image_is_brought_once_and_stays() {
    let Some(world) = World::new(&[]) else { return };
    let images = || world.daemon.get("/images/json");
    let backend = world.backend();
    let admit = || backend.admit(&world.image, &Grants::default(), &Limits::default());
    admit().unwrap();
    let brought = images();
    assert_eq!(brought.as_array().unwrap().len(), 1, "{brought}");
    let task = world.task(&backend, &[]);
    assert_eq!(said(&*task, world.step("echo it runs", &[])), "it runs\n");
    task.close().unwrap();
    admit().unwrap();
    assert_eq!(images()[0]["Id"], brought[0]["Id"]);
    // What is saved is what was brought.
    let name = brought[0]["RepoTags"][0].as_str().unwrap();
    let mut archive = Vec::new();
    save(&world.daemon.endpoint(), name, &mut archive).unwrap();
    let mut names = Vec::new();
    for entry in tar::Archive::new(&archive[..]).entries().unwrap() {
        names.push(entry.unwrap().path().unwrap().display().to_string());
    }
    assert!(names.contains(&"manifest.json".to_owned()), "{names:?}");
}

#[test]
fn attack_a_layer_that_is_another_one_is_refused() {
    let Some(world) = World::new(&[]) else { return };
    let backend = world.backend();
    let mut container = world.image.as_container().unwrap().as_ref().clone();
    container.layers[0].diff_id = format!("sha256:{}", "ab".repeat(32));
    let image = Image::container("lies", container);
    let refused = backend.admit(&image, &Grants::default(), &Limits::default());
    assert!(matches!(refused.unwrap_err().kind, SandboxErrorKind::Host));
    assert_eq!(
        world.daemon.get("/images/json").as_array().unwrap().len(),
        0
    );
}

#[test]
fn attack_no_name_of_an_image_is_another_request() {
    let Some(world) = World::new(&[]) else { return };
    for name in ["", "../containers/json", "a?b", "a b", "a#b", "%2e%2e"] {
        let error = save(&world.daemon.endpoint(), name, &mut Vec::new()).unwrap_err();
        assert!(
            matches!(error.kind, SandboxErrorKind::Malformed),
            "{name}: {error:?}"
        );
    }
    let error = save(&world.daemon.endpoint(), "nobody/has:this", &mut Vec::new()).unwrap_err();
    assert!(
        matches!(error.kind, SandboxErrorKind::NotFound),
        "{error:?}"
    );
}
