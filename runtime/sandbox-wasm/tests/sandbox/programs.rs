//! What an ordinary program does: reads what it is given, prints to both outputs.

use stepwell_guest_artifacts as guests;

use crate::world::World;

#[test]
pub(crate) fn cli_hello() {
    let world = World::new();
    assert_eq!(world.tell(guests::cli_hello(), &[]), "hello world");
    assert_eq!(world.tell(guests::cli_hello(), &["you"]), "hello you");
}

#[test]
pub(crate) fn cli_cat() {
    // A step has nothing on its standard input.
    assert_eq!(World::new().tell(guests::cli_cat(), &[]), "");
}

#[test]
pub(crate) fn cli_lines() {
    let end = World::new().step(guests::cli_lines(), &["4"]).run();
    assert_eq!(end.told(), "line 1\nline 3");
    assert_eq!(end.stderr, "line 2\nline 4\n");
}

#[test]
pub(crate) fn cli_script() {
    let world = World::new();
    world.file("ro/script", "#!/bin/anything\nsay it\n");
    assert_eq!(
        world.tell(guests::cli_script(), &["/ro/script", "one", "two"]),
        "#!/bin/anything\nsay it\narg one\narg two"
    );
}

#[test]
pub(crate) fn cli_stderr() {
    let end = World::new().step(guests::cli_stderr(), &["alas"]).run();
    assert_eq!((end.told().as_str(), end.stderr.as_str()), ("", "alas\n"));
}
