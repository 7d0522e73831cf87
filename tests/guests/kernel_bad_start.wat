;; `_initialize` traps the first time and every time.
(module
  (memory (export "memory") 1)
  (func (export "_initialize") unreachable)
  (func (export "go")))
