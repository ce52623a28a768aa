;; A core module that asks for a function of a browser.
(module
  (import "env" "alert" (func $alert (param i32)))
  (memory (export "memory") 1)
  (func (export "_start") (call $alert (i32.const 0))))
