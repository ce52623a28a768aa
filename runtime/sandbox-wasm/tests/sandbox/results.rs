//! What lands in the folder of results. Reading it back, with everything that can be wrong with it, is the engine's.

use std::fs;

use stepwell_contract::Limit;
use stepwell_guest_artifacts as guests;

use crate::world::World;

#[test]
pub(crate) fn result_write() {
    let world = World::new();
    assert_eq!(
        world.tell(guests::result_write(), &["sum", "42"]),
        "ok written"
    );
    assert_eq!(world.read("results/sum"), "42");
}

#[test]
pub(crate) fn result_binary() {
    let world = World::new();
    world.tell(guests::result_binary(), &["sum"]);
    let bytes = fs::read(world.path("results/sum")).unwrap();
    assert_eq!(bytes, b"caf\xe9\0\xff\xfe");
}

#[test]
pub(crate) fn result_directory() {
    let world = World::new();
    world.tell(guests::result_directory(), &["sum"]);
    assert!(world.path("results/sum").is_dir());
}

pub(crate) mod result_symlink {
    use super::*;

    #[test]
    fn attack_link_to_a_file_of_the_host() {
        let world = World::new();
        let told = world.tell(guests::result_symlink(), &["sum", "/etc/passwd"]);
        assert_eq!(told, "err perm");
        assert!(world.tree("results").is_empty());
    }

    #[test]
    fn a_link_stays_a_link() {
        let world = World::new();
        let told = world.tell(guests::result_symlink(), &["sum", "other"]);
        assert_eq!(told, "ok linked");
        assert!(world.path("results/sum").is_symlink());
    }
}

pub(crate) mod result_huge {
    use super::*;

    #[test]
    fn attack_result_larger_than_the_disk_may_hold() {
        let world = World::new();
        let end = world
            .step(guests::result_huge(), &["sum", "2000000"])
            .limit("file-bytes=1Mi")
            .run();
        assert_eq!(end.limit(), (Limit::FileBytes, 1 << 20));
    }

    #[test]
    fn a_result_of_some_size_is_written() {
        let world = World::new();
        world.tell(guests::result_huge(), &["sum", "5000"]);
        assert_eq!(world.read("results/sum").len(), 5000);
    }
}

pub(crate) mod result_sparse {
    use super::*;

    #[test]
    fn attack_result_of_a_terabyte_that_is_not_there() {
        let world = World::new();
        let args = ["sum", "1099511627776"];
        let end = world.step(guests::result_sparse(), &args).run();
        assert_eq!(end.limit().0, Limit::FileBytes);
    }

    #[test]
    fn zeros_may_be_a_result() {
        let world = World::new();
        world.tell(guests::result_sparse(), &["sum", "10"]);
        assert_eq!(world.read("results/sum"), "\0".repeat(10));
    }
}
