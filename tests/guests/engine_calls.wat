;; What the engine's tests call: one export per behaviour. Address 0 holds what an export found out.
(module
  (type $void (func))
  (type $number (func (param i32) (result i32)))
  (import "test" "add" (func $add (param i32 i64) (result i64)))
  (import "test" "note" (func $note (param i32)))
  (import "test" "wait" (func $wait (param i32) (result i32)))
  (import "test" "leave" (func $leave (param i32)))
  (import "test" "leave_later" (func $leave_later (param i32)))
  (import "test" "fault" (func $fault))
  (import "test" "fault_later" (func $fault_later (result i64)))
  (import "test" "fill" (func $fill (param i32 i32) (result i32)))
  (memory (export "memory") 1)
  (table 4 funcref)
  (elem (i32.const 1) $nothing $identity)
  (global $depth (mut i32) (i32.const 0))
  (data (i32.const 64) "ready")

  (func $nothing (export "nothing"))
  (func $identity (type $number) (local.get 0))
  (func (export "with_result") (result i32) (i32.const 7))
  (func (export "with_parameter") (param i32))

  (func (export "count") ;; adds one to the number at address 0
    (i32.store (i32.const 0) (i32.add (i32.load (i32.const 0)) (i32.const 1))))
  (func (export "spin") (loop $again (br $again)))
  (func (export "work") (local $i i32) ;; 100,000 rounds, then how many there were at address 0
    (loop $again
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $again (i32.lt_u (local.get $i) (i32.const 100000))))
    (i32.store (i32.const 0) (local.get $i)))
  (func (export "bulk") ;; fills 60,000 bytes, 100 times
    (local $i i32)
    (loop $again
      (memory.fill (i32.const 1024) (local.get $i) (i32.const 60000))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $again (i32.lt_u (local.get $i) (i32.const 100)))))

  (func (export "unreachable") (unreachable))
  (func (export "load_outside") (drop (i32.load (i32.const 65533))))
  (func (export "load_next_page") (drop (i32.load8_u (i32.add (i32.load (i32.const 128)) (i32.const 65536)))))
  (func (export "store_after_growing") ;; inside the second page, then in the third
    (drop (memory.grow (i32.const 1)))
    (i32.store (i32.const 131068) (i32.const 7))
    (i32.store (i32.add (i32.load (i32.const 128)) (i32.const 131069)) (i32.const 7)))
  (func (export "load_far_outside") (drop (i32.load offset=4294967290 (i32.const -1))))
  (func (export "store_outside") (i64.store (i32.const -4) (i64.const 1)))
  (func (export "divide_by_zero") (drop (i32.div_u (i32.const 1) (i32.load (i32.const 128)))))
  (func (export "divide_overflow")
    (drop (i32.div_s (i32.const -2147483648) (i32.sub (i32.load (i32.const 128)) (i32.const 1)))))
  (func (export "convert") (drop (i32.trunc_f64_s (f64.div (f64.const 0) (f64.const 0)))))
  (func (export "call_outside_table") (call_indirect (type $void) (i32.const 9)))
  (func (export "call_empty_element") (call_indirect (type $void) (i32.const 0)))
  (func (export "call_other_type") (call_indirect (type $void) (i32.const 2)))
  (func $deeper (export "recurse") ;; the depth it came to stays at address 0
    (i32.store (i32.const 0) (i32.add (i32.load (i32.const 0)) (i32.const 1)))
    (call $deeper)
    (i32.store (i32.const 0) (i32.add (i32.load (i32.const 0)) (i32.const 1))))

  (func (export "grow") ;; page by page until it is refused; pages at 0, the last answer at 4
    (local $answer i32)
    (loop $again
      (local.set $answer (memory.grow (i32.const 1)))
      (br_if $again (i32.ne (local.get $answer) (i32.const -1))))
    (i32.store (i32.const 0) (memory.size))
    (i32.store (i32.const 4) (local.get $answer))
    (i32.store8 (i32.sub (i32.mul (memory.size) (i32.const 65536)) (i32.const 1)) (i32.const 42)))
  (func (export "grow_much") (i32.store (i32.const 0) (memory.grow (i32.const 60000))))

  (func (export "add") (i64.store (i32.const 0) (call $add (i32.const -1) (i64.const 0x100000000))))
  (func (export "note_twice") (call $note (i32.const 1)) (call $note (i32.const 2)))
  (func (export "wait_once") (i32.store (i32.const 0) (call $wait (i32.const 5))))
  (func (export "wait_long") (local $i i32)
    (loop $again
      (i32.store (i32.const 0) (i32.add (i32.load (i32.const 0)) (call $wait (local.get $i))))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $again (i32.lt_u (local.get $i) (i32.const 10)))))
  (func (export "leave") (call $leave (i32.const 3)) (unreachable))
  (func (export "leave_later") (call $leave_later (i32.const 4)) (unreachable))
  (func (export "fault") (call $fault) (unreachable))
  (func (export "fault_later") (drop (call $fault_later)) (unreachable))
  (func (export "fill_inside") (i32.store (i32.const 0) (call $fill (i32.const 65532) (i32.const 4))))
  (func (export "fill_outside") (i32.store (i32.const 0) (call $fill (i32.const 65533) (i32.const 4))))
  (func (export "fill_everything") (i32.store (i32.const 0) (call $fill (i32.const 1) (i32.const -1)))))
