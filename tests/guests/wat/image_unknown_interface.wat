;; A command that imports an interface which no host of ours has.
(component
  (import "acme:rockets/launch@1.0.0" (instance $rockets
    (export "launch" (func (result u32)))))
  (core func $launch (canon lower (func $rockets "launch")))
  (core module $main
    (import "rockets" "launch" (func $launch (result i32)))
    (func (export "run") (result i32) (call $launch)))
  (core instance $imports (export "launch" (func $launch)))
  (core instance $main (instantiate $main (with "rockets" (instance $imports))))
  (func $run (result (result)) (canon lift (core func $main "run")))
  (instance $exported (export "run" (func $run)))
  (export "wasi:cli/run@0.2.0" (instance $exported)))
