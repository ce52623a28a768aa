//! Whole stories through the built `stepwell`: a Task, real trees, and programs that nobody changed for it.
//!
//! - **In**: the documents beside this file, in `documents` and in `tests/documents`, the guests that `cargo xtask guests` built, this project's own files.
//! - **Out**: what the events of a run say and what is in its workspaces. What should be there is worked out anew by each
//!   test, by other means than the step's.
//! - **Must not know**: how a run is printed, which `tests/cli` compares.
//! - **Held up by**: [`stage`], which runs a Task, and [`tree`], which reads and copies folders.
//! - **Read next**: `hash`, the shortest story with everything in it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod again;
mod author;
#[path = "../boxes.rs"]
mod boxes;
mod component;
mod containers;
#[path = "../../runtime/sandbox-oci/tests/docker/daemon.rs"]
mod daemon;
#[allow(dead_code, reason = "the tests of `stepwell-fetch` use more of it")]
#[path = "../../runtime/fetch/tests/resolvers/registry.rs"]
mod debian;
mod documents;
mod endings;
mod hash;
mod json;
mod kept_containers;
mod languages;
mod picture;
mod plugin;
mod plugins;
mod results;
mod script;
mod search;
mod several;
mod shelf;
mod shell;
mod site;
mod stage;
mod tekton;
mod tools;
mod tree;
mod tutorial;
mod verify;
