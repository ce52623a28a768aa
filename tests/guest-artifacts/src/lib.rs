//! Where the built guests are, and a list of them that tests cannot forget.
//!
//! - **In**: the sources in `tests/guests`, and what `cargo xtask guests` put into `target/guests`.
//! - **Out**: for each guest a function that gives the path of its Wasm file, and for each suite a macro.
//! - **Must not know**: what a guest is used for, or what runs it.
//! - **Held up by**: `build.rs`, which writes all of it.
//! - **Read next**: `tests/guests/README.md`.
//!
//! A test file has one item for each guest of its suite, and says so: then a guest without a test does not compile.
//! `runtime/sandbox-wasm/tests/sandbox/coverage.rs` does it for every suite; this one has no test of `image_library`:
//!
//! ```compile_fail
//! macro_rules! has_a_test {
//!     ($guest:ident) => {
//!         use self::$guest as _;
//!     };
//! }
//! stepwell_guest_artifacts::foreach_image!(has_a_test);
//!
//! mod image_command { /* the tests of this guest */ }
//! fn image_neither() { /* the only test of this one */ }
//! ```

use std::path::{Path, PathBuf};

include!(concat!(env!("OUT_DIR"), "/guests.rs"));

/// The Wasm file of something else that `cargo xtask guests` builds: a step of an example, a foreign program.
///
/// # Panics
///
/// When it was not built.
pub fn by_name(name: &str) -> PathBuf {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/guests");
    let path = Path::new(folder).join(format!("{name}.wasm"));
    built(&path).to_owned()
}

fn built(path: &Path) -> &Path {
    assert!(
        path.is_file(),
        "there is no `{}`: run `cargo xtask guests` first",
        path.display()
    );
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_there_without_being_built() {
        let bytes = std::fs::read(image_command()).unwrap();
        assert!(bytes.starts_with(b"\0asm"));
    }

    #[test]
    #[should_panic(expected = "run `cargo xtask guests` first")]
    fn a_guest_that_is_not_built_says_what_to_do() {
        by_name("no-such-guest");
    }
}
