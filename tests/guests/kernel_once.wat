;; `_initialize` counts in memory that is new each time: a second call would trap.
(module
  (memory (export "memory") 1)
  (func (export "_initialize")
    (if (i32.load (i32.const 0)) (then unreachable))
    (i32.store (i32.const 0) (i32.const 1)))
  (func (export "go") (if (i32.eqz (i32.load (i32.const 0))) (then unreachable))))
