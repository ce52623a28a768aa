;; Grows two tables by 150,000 elements each: either is within the limit `tables`, both together are not.
;; Exits with 3 when it is told that there is no more.
(module
  (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
  (memory (export "memory") 1)
  (table $one 1 funcref)
  (table $two 1 funcref)
  (func (export "_start")
    (if (i32.eq (table.grow $one (ref.null func) (i32.const 150000)) (i32.const -1))
      (then (call $proc_exit (i32.const 3))))
    (if (i32.eq (table.grow $two (ref.null func) (i32.const 150000)) (i32.const -1))
      (then (call $proc_exit (i32.const 3))))))
