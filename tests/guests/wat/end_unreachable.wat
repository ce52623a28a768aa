;; Executes `unreachable`, in a function that has a name.
(module
  (memory (export "memory") 1)
  (func $give_up unreachable)
  (func (export "_start") (call $give_up)))
