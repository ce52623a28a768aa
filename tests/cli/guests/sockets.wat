;; Imports sockets, and would do nothing with them.
(component
  (import "wasi:sockets/instance-network@0.2.0" (instance))
  (import "wasi:sockets/tcp@0.2.0" (instance)))
