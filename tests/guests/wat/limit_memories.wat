;; Two modules in one component, each of which grows a memory of its own by 40 MiB: a limit of 64 MiB allows either, and
;; not both together. Traps when it is told that there is no more.
(component
  (core module $grower
    (memory 1)
    (func (export "grow")
      (if (i32.eq (memory.grow (i32.const 640)) (i32.const -1))
        (then unreachable))))
  (core instance $one (instantiate $grower))
  (core instance $two (instantiate $grower))
  (core module $both
    (import "one" "grow" (func $one))
    (import "two" "grow" (func $two))
    (func (export "run") (result i32)
      (call $one)
      (call $two)
      (i32.const 0)))
  (core instance $main (instantiate $both
    (with "one" (instance $one))
    (with "two" (instance $two))))
  (func $run (result (result)) (canon lift (core func $main "run")))
  (instance $exported (export "run" (func $run)))
  (export "wasi:cli/run@0.2.0" (instance $exported)))
