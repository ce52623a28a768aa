//! Compiled code on disk is native code: what somebody else could have written is not run.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use stepwell_contract::SandboxError;
use stepwell_guest_artifacts as guests;
use stepwell_sandbox_wasm::{Compile, WasmBackend, WasmOptions};

use crate::world::{World, explain};

fn backend(artifacts: &Path) -> Result<WasmBackend, SandboxError> {
    WasmBackend::new(WasmOptions {
        artifacts: artifacts.to_owned(),
        compile: Compile::InProcess,
        pool: false,
    })
}

fn private(world: &World) -> PathBuf {
    let folder = world.folder("artifacts");
    fs::set_permissions(&folder, Permissions::from_mode(0o700)).unwrap();
    folder
}

/// Compiles a guest and gives the one file that this leaves.
fn compiled(world: &World) -> (PathBuf, PathBuf) {
    let folder = private(world);
    let end = world
        .step(guests::image_command(), &[])
        .run_in(&backend(&folder).unwrap());
    end.told();
    let files: Vec<PathBuf> = world.tree("artifacts").into_keys().collect();
    assert_eq!(files.len(), 1, "{files:?}");
    (folder, files[0].clone())
}

#[test]
fn what_was_compiled_is_used_again() {
    let world = World::new();
    let (folder, file) = compiled(&world);
    let before = fs::metadata(&file).unwrap();
    let step = world.step(guests::image_command(), &[]);
    step.run_in(&backend(&folder).unwrap()).told();
    let after = fs::metadata(&file).unwrap();
    assert_eq!(before.modified().unwrap(), after.modified().unwrap());
}

#[test]
fn attack_native_code_that_was_changed() {
    for (what, change) in [
        (
            "bytes",
            (|bytes| bytes.iter_mut().skip(64).for_each(|byte| *byte ^= 1)) as fn(&mut Vec<u8>),
        ),
        ("digest", |bytes| bytes[20] ^= 1),
        ("half", |bytes| bytes.truncate(bytes.len() / 2)),
        ("nothing", Vec::clear),
        ("more", |bytes| bytes.extend([0; 4096])),
    ] {
        let world = World::new();
        let (folder, file) = compiled(&world);
        let good = fs::read(&file).unwrap();
        let mut bad = good.clone();
        change(&mut bad);
        fs::write(&file, &bad).unwrap();
        let step = world.step(guests::image_command(), &[]);
        step.run_in(&backend(&folder).unwrap()).told();
        assert_eq!(fs::read(&file).unwrap(), good, "{what}: it is made again");
    }
}

#[test]
fn attack_native_code_that_others_may_write() {
    let world = World::new();
    let (folder, file) = compiled(&world);
    fs::set_permissions(&file, Permissions::from_mode(0o666)).unwrap();
    let step = world.step(guests::image_command(), &[]);
    step.run_in(&backend(&folder).unwrap()).told();
    let mode = fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o022, 0, "it is made again: {mode:o}");
}

#[test]
fn attack_native_code_behind_a_symlink() {
    let world = World::new();
    let (folder, file) = compiled(&world);
    let elsewhere = world.path("outside/code");
    fs::rename(&file, &elsewhere).unwrap();
    symlink(&elsewhere, &file).unwrap();
    let step = world.step(guests::image_command(), &[]);
    step.run_in(&backend(&folder).unwrap()).told();
    assert!(!file.is_symlink(), "it is made again");
}

#[test]
fn attack_folder_that_others_may_write() {
    let world = World::new();
    let folder = private(&world);
    for mode in [0o777, 0o770, 0o702, 0o720] {
        fs::set_permissions(&folder, Permissions::from_mode(mode)).unwrap();
        let Err(error) = backend(&folder) else {
            panic!("{mode:o} was accepted");
        };
        assert!(explain(&error).contains("failed to "), "{mode:o}");
    }
    fs::set_permissions(&folder, Permissions::from_mode(0o700)).unwrap();
    assert!(backend(&folder).is_ok());
}
