;; Calls the host at every depth of an endless recursion: the host functions must get along with what is left of the stack.
(module
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_read" (func $fd_read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll_oneoff (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "random_get" (func $random_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "clock_time_get" (func $clock_time_get (param i32 i64 i32) (result i32)))
  (import "wasi_snapshot_preview1" "environ_get" (func $environ_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "sched_yield" (func $sched_yield (result i32)))
  (memory (export "memory") 1)
  ;; One piece of one byte at 64; a subscription to a clock that is due at 128.
  (data (i32.const 64) "\00\02\00\00\01\00\00\00")
  (data (i32.const 128) "\01\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\01\00\00\00")
  (global $errors (mut i32) (i32.const 0))
  (func $add (param $errno i32)
    (global.set $errors (i32.or (global.get $errors) (local.get $errno))))
  (func $all
    (call $add (call $fd_write (i32.const 1) (i32.const 64) (i32.const 1) (i32.const 32)))
    (call $add (call $fd_read (i32.const 0) (i32.const 64) (i32.const 1) (i32.const 32)))
    (call $add (call $poll_oneoff (i32.const 128) (i32.const 1024) (i32.const 1) (i32.const 32)))
    (call $add (call $random_get (i32.const 2048) (i32.const 16)))
    (call $add (call $clock_time_get (i32.const 1) (i64.const 0) (i32.const 40)))
    (call $add (call $environ_get (i32.const 4096) (i32.const 8192))))
  (func $deep (param $depth i32) (result i32)
    (call $all)
    ;; A yield now and then: the whole stack waits, and is resumed.
    (if (i32.eqz (i32.and (local.get $depth) (i32.const 255)))
      (then (call $add (call $sched_yield))))
    (if (global.get $errors) (then (return (i32.const 0))))
    (i32.add (call $deep (i32.add (local.get $depth) (i32.const 1))) (i32.const 1)))
  ;; Ends only by running out of stack, unless a call failed.
  (func (export "recurse")
    (drop (call $deep (i32.const 1)))))
