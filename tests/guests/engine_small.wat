;; The smallest guest with a state: for tests that make thousands.
(module
  (memory (export "memory") 1)
  (func (export "count") (i32.store (i32.const 0) (i32.add (i32.load (i32.const 0)) (i32.const 1))))
  (func (export "spin") (loop $again (br $again))))
