//! What a component is, without running it.

use serde_json::Value;

use crate::stage::Stage;

#[test]
fn a_module_is_shown_for_a_person() {
    let stage = Stage::with(&["hello.wat"]);
    insta::assert_snapshot!(stage.stepwell(&["inspect", "hello.wat"]).text(), @r"
    hello.wat
      kind      core module (wrapped into a component before it runs)
      world     wasi:cli/command: an ordinary program
      size      656 bytes
      digest    blake3:[DIGEST]
      grants    none needed
      language  not said

    Imports (1)
      wasi_snapshot_preview1::fd_write

    Exports (2)
      memory
      _start
    --- exit 0
    ");
}

#[test]
fn a_component_is_shown_with_the_grants_it_needs() {
    let stage = Stage::with(&["sockets.wat"]);
    insta::assert_snapshot!(stage.stepwell(&["inspect", "sockets.wat"]).text(), @r"
    sockets.wat
      kind      component
      world     none that can be a step
      size      171 bytes
      digest    blake3:[DIGEST]
      grants    --grant network=any
      language  not said

    Imports (2)
      wasi:sockets/instance-network@0.2.0  [needs --grant network=any]
      wasi:sockets/tcp@0.2.0  [needs --grant network=any]

    Exports (0)
    --- exit 0
    ");
}

#[test]
fn json_has_the_same() {
    let stage = Stage::with(&["sockets.wat"]);
    let ended = stage.stepwell(&["inspect", "sockets.wat", "-o", "json"]);
    let seen: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(seen["world"], "neither");
    assert_eq!(seen["grants"][0], "network=any");
    assert_eq!(seen["imports"].as_array().unwrap().len(), 2);
}

#[test]
fn what_is_no_component_is_refused() {
    let stage = Stage::new();
    stage.file("bad.wasm", "(module");
    stage.file("text.wasm", "hello");
    assert_eq!(stage.stepwell(&["inspect", "bad.wasm"]).code, Some(4));
    insta::assert_snapshot!(stage.stepwell(&["inspect", "text.wasm"]).text(), @r"
    --- stderr
    stepwell: failed to read `text.wasm`
      caused by: it is WebAssembly neither in binary (`\0asm`) nor in text (`(module` or `(component`)
    --- exit 4
    ");
}
