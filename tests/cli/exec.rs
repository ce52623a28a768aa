//! One component, no YAML.

use crate::stage::Stage;

#[test]
fn the_outputs_and_the_exit_code_are_the_components_own() {
    let stage = Stage::with(&["hello.wat", "exit.wat"]);
    let ended = stage.stepwell(&["exec", "hello.wat"]);
    assert_eq!(
        (ended.stdout.as_str(), ended.stderr.as_str()),
        ("hello\n", "to stderr\n")
    );
    assert_eq!(ended.code, Some(0));
    assert_eq!(stage.stepwell(&["exec", "exit.wat"]).code, Some(3));
    assert_eq!(stage.left_behind(), [""; 0]);
}

#[test]
fn arguments_after_the_dashes_are_the_components() {
    let stage = Stage::with(&["args.wat"]);
    let ended = stage.stepwell(&["exec", "args.wat", "--", "-w", "two words", "", "--"]);
    assert_eq!(ended.stdout, "args.wat\n-w\ntwo words\n\n--\n", "{ended:?}");
}

#[test]
fn a_trap_is_explained() {
    let stage = Stage::with(&["trap.wat"]);
    insta::assert_snapshot!(stage.stepwell(&["exec", "trap.wat"]).text(), @r"
    --- stderr
    stepwell: trapped: wasm `unreachable` instruction executed
    stepwell:   at inner
    stepwell:   at <wasm function 1>
    stepwell:   at wasi:cli/run@0.2.12#run
    --- exit 134
    ");
}

#[test]
fn a_time_out_ends_it() {
    let stage = Stage::with(&["spin.wat"]);
    insta::assert_snapshot!(stage.stepwell(&["exec", "spin.wat", "--timeout", "200ms"]).text(), @r"
    ready
    --- stderr
    stepwell: timed out after 200ms
    --- exit 6
    ");
}

#[test]
fn a_capability_that_is_not_granted_is_refused() {
    let stage = Stage::with(&["sockets.wat"]);
    insta::assert_snapshot!(stage.stepwell(&["exec", "sockets.wat"]).text(), @r"
    --- stderr
    stepwell: failed to admit `sockets.wat` in the wasm sandbox
      caused by: it asks for more than it is granted
        `wasi:sockets/instance-network@0.2.0`: the network; grant it with `--grant network=any`
        `wasi:sockets/tcp@0.2.0`: the network; grant it with `--grant network=any`
    --- exit 4
    ");
}

#[test]
fn attack_native_code_in_place_of_a_component() {
    let stage = Stage::new();
    stage.file("native.wasm", "\x7fELF and so on");
    let ended = stage.stepwell(&["exec", "native.wasm"]);
    assert_eq!(ended.code, Some(4), "{ended:?}");
    assert!(ended.stderr.contains("native code"), "{ended:?}");
}

#[test]
fn what_is_not_there_is_said() {
    insta::assert_snapshot!(Stage::new().stepwell(&["exec", "gone.wasm"]).text(), @r"
    --- stderr
    stepwell: failed to read `gone.wasm`
      caused by: No such file or directory (os error 2)
    --- exit 2
    ");
}

#[test]
fn attack_the_compiler_is_fed_garbage() {
    let stage = Stage::new();
    for (flavour, input) in [
        ("plain", &b"garbage"[..]),
        ("plain", b"\0asm\x01\0\0\0\xff\xff"),
        ("no such", b""),
    ] {
        let ended = stage.end(&mut stage.command(&["compile-worker", flavour]), input);
        assert_eq!(
            (ended.code, ended.stdout.as_str()),
            (Some(1), ""),
            "{ended:?}"
        );
        assert!(
            !ended.stderr.is_empty() && !ended.stderr.contains("panicked"),
            "{ended:?}"
        );
    }
}

#[test]
fn output_is_bounded_where_somebody_asks() {
    let stage = Stage::with(&["flood.wat"]);
    assert_eq!(stage.stepwell(&["exec", "flood.wat"]).stdout.len(), 71_000);
    let ended = stage.stepwell(&["exec", "flood.wat", "--limit", "output=100"]);
    assert_eq!((ended.stdout.len(), ended.code), (100, Some(0)));
    assert_eq!(
        ended.stderr,
        "stepwell: output limit of 100 reached; what follows is dropped\n"
    );
}
