;; `_initialize` never returns.
(module
  (memory (export "memory") 1)
  (func (export "_initialize") (loop br 0))
  (func (export "go")))
