;; Declares a memory of 2 GiB, so that it is over the limit before its first instruction.
(module
  (memory (export "memory") 32768)
  (func (export "_start")))
