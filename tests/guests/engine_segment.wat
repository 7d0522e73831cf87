;; A data segment that does not fit the memory: valid, compiles, and cannot be instantiated.
(module
  (memory (export "memory") 1)
  (func (export "nothing"))
  (data (i32.const 65533) "four"))
