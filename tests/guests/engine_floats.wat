;; Not-a-numbers with a payload: which bits come out is the processor's choice unless the engine makes them canonical.
(module
  (memory (export "memory") 1)
  (func (export "nan")
    (f64.store (i32.const 0) (f64.add (f64.reinterpret_i64 (i64.load (i32.const 64))) (f64.const 1)))
    (f32.store (i32.const 8) (f32.div (f32.load (i32.const 72)) (f32.load (i32.const 72)))))
  (data (i32.const 64) "\34\12\00\00\00\00\f8\ff"))
