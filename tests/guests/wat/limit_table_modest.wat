;; Grows a table by ten thousand elements, and ends well; exits with 3 when it is told that there is no more.
(module
  (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
  (memory (export "memory") 1)
  (table $table 1 funcref)
  (func (export "_start")
    (if (i32.eq (table.grow $table (ref.null func) (i32.const 10000)) (i32.const -1))
      (then (call $proc_exit (i32.const 3))))))
