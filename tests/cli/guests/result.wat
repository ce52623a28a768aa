;; Writes `42` to the result `answer`.
(module
  (import "wasi_snapshot_preview1" "fd_prestat_get"
    (func $fd_prestat_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_prestat_dir_name"
    (func $fd_prestat_dir_name (param i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_open"
    (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write"
    (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
  (memory (export "memory") 1)
  (data (i32.const 64) "answer")
  (data (i32.const 96) "42")
  (func (export "_start")
    (local $fd i32)
    (local.set $fd (i32.const 3))
    (block $found
      (loop $next
        ;; No more folders: exit code 9.
        (if (call $fd_prestat_get (local.get $fd) (i32.const 0))
          (then (call $proc_exit (i32.const 9))))
        (drop (call $fd_prestat_dir_name (local.get $fd) (i32.const 128) (i32.load (i32.const 4))))
        ;; `/tekton/results` has 15 letters, the eighth after the first slash is `r`.
        (br_if $found
          (i32.and
            (i32.eq (i32.load (i32.const 4)) (i32.const 15))
            (i32.eq (i32.load8_u (i32.const 136)) (i32.const 114))))
        (local.set $fd (i32.add (local.get $fd) (i32.const 1)))
        (br $next)))
    ;; Created and truncated, with the right to write.
    (if (call $path_open (local.get $fd) (i32.const 0) (i32.const 64) (i32.const 6)
          (i32.const 9) (i64.const 64) (i64.const 0) (i32.const 0) (i32.const 32))
      (then (call $proc_exit (i32.const 8))))
    (i32.store (i32.const 0) (i32.const 96))
    (i32.store (i32.const 4) (i32.const 2))
    (drop (call $fd_write (i32.load (i32.const 32)) (i32.const 0) (i32.const 1) (i32.const 8)))))
