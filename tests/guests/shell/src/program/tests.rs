//! What the program is under which name.

use crate::testing::Place;

#[test]
fn the_name_decides() {
    let place = Place::new();
    place.write("script", "#!/usr/bin/env bash\necho \"$0|$1\"\n");
    for (args, out) in [
        (&["sh", "script", "a"][..], "script|a\n"),
        (&["/bin/sh", "-c", "echo $0 $1", "x", "y"], "x y\n"),
        (&["bash", "-ec", "false; echo no"], ""),
        (&["echo", "a", "b"], "a b\n"),
        (&["/usr/bin/printf", "%s", "a"], "a"),
        (&["sh.wasm", "script", "a"], "script|a\n"),
        (&["sh.wasm", "echo", "a"], "a\n"),
        (&["sh.wasm", "-c", "echo c"], "c\n"),
        (&["bash", "echo", "a"], "a\n"),
        (&["sh", "-s"], "from input\n"),
        (&["test", "a", "=", "a"], ""),
    ] {
        let told = place.call(args, "echo from input");
        assert_eq!(told.out, out, "{args:?} {told:?}");
    }
}

#[test]
fn what_cannot_be_run_is_said() {
    let place = Place::new();
    for (args, err, status) in [
        (
            &["sh", "none"][..],
            "sh: none: No such file or directory\n",
            127,
        ),
        (&["sh.wasm", "docker", "ps"], "sh: docker: not found\n", 127),
        (
            &["sh", "-c", "if"],
            "sh: line 1: syntax error: the script ends too early\n",
            2,
        ),
        (&["sh", "-c"], "sh: -c: a command is missing\n", 2),
    ] {
        let told = place.call(args, "");
        assert_eq!((told.err.as_str(), told.status), (err, status), "{args:?}");
    }
}
