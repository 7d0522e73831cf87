//! Wasmtime's C API as a static library for Myelin.
//!
//! Nothing is decided here: every exported symbol is the C API's own, or a shim of a few lines over a Wasmtime setting
//! that the C API does not offer. Their declarations are in `src/wasm/wasmtime.hpp`.
//!
//! The shims reach the Rust values inside four C API types by pointer cast. All are `#[repr(C)]` structs of one field,
//! so the field stands at offset 0 and the struct has its size and alignment; the assertions below hold that against
//! the version in `Cargo.lock`.

pub use wasmtime_c_api::*;

use std::ffi::c_void;
use std::future::Future;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::num::NonZeroUsize;
use std::pin::Pin;
use std::task::{Context, Poll};
use wasmtime_c_api::wasmtime::{
    AsContextMut, Caller, Config, Enabled, Engine, Error, Linker, Memory, PoolingAllocationConfig, Result,
    WasmBacktraceDetails, WasmFeatures,
};

const _: () = {
    assert!(size_of::<wasm_config_t>() == size_of::<Config>());
    assert!(align_of::<wasm_config_t>() == align_of::<Config>());
    assert!(size_of::<wasm_engine_t>() == size_of::<Engine>());
    assert!(align_of::<wasm_engine_t>() == align_of::<Engine>());
    assert!(size_of::<wasmtime_linker_t>() == size_of::<Linker<WasmtimeStoreData>>());
    assert!(align_of::<wasmtime_linker_t>() == align_of::<Linker<WasmtimeStoreData>>());
    assert!(size_of::<wasmtime_pooling_allocation_config_t>() == size_of::<PoolingAllocationConfig>());
    assert!(align_of::<wasmtime_pooling_allocation_config_t>() == align_of::<PoolingAllocationConfig>());
};

fn inner(config: &mut wasm_config_t) -> &mut Config {
    // SAFETY: `wasm_config_t` is `#[repr(C)]` with a `Config` as its only field.
    unsafe { &mut *(config as *mut wasm_config_t).cast::<Config>() }
}

/// As `wasm_engine_new_with_config`, which aborts the program when the engine cannot be made (a pool that the machine
/// cannot hold, settings that contradict): gives null and the error instead. Takes `config`.
#[unsafe(no_mangle)]
pub extern "C" fn myelin_engine_new(
    mut config: Box<wasm_config_t>,
    error: &mut *mut wasmtime_error_t,
) -> Option<Box<wasm_engine_t>> {
    match Engine::new(inner(&mut config)) {
        Ok(engine) => {
            let engine = Box::into_raw(Box::new(engine)).cast::<wasm_engine_t>();
            // SAFETY: `wasm_engine_t` is `#[repr(C)]` with an `Engine` as its only field.
            Some(unsafe { Box::from_raw(engine) })
        }
        Err(why) => {
            *error = Box::into_raw(Box::new(wasmtime_error_t::from(why)));
            None
        }
    }
}

/// A number that differs between engines whose compiled code must not be exchanged (version, target, processor
/// features, tunables). Stable between runs of one build.
#[unsafe(no_mangle)]
pub extern "C" fn myelin_engine_compatibility(engine: &wasm_engine_t) -> u64 {
    // SAFETY: as in `myelin_engine_new`.
    let engine = unsafe { &*(engine as *const wasm_engine_t).cast::<Engine>() };
    let mut hasher = DefaultHasher::new();
    engine.precompile_compatibility_hash().hash(&mut hasher);
    hasher.finish()
}

/// Frames that a trap's backtrace captures; 0 captures none.
#[unsafe(no_mangle)]
pub extern "C" fn myelin_config_backtrace_frames(config: &mut wasm_config_t, frames: usize) {
    inner(config)
        .wasm_backtrace_max_frames(NonZeroUsize::new(frames))
        .wasm_backtrace_details(WasmBacktraceDetails::Disable);
}

/// Whether code carries the map from its addresses to module offsets, which only backtraces read.
#[unsafe(no_mangle)]
pub extern "C" fn myelin_config_address_map(config: &mut wasm_config_t, enable: bool) {
    inner(config).generate_address_map(enable);
}

/// Whether stacks are given back to the system (or zeroed) between uses.
#[unsafe(no_mangle)]
pub extern "C" fn myelin_config_async_stack_zeroing(config: &mut wasm_config_t, enable: bool) {
    inner(config).async_stack_zeroing(enable);
}

/// Asks the system which pages of a slot were written, where it can tell (Linux 6.7), so that only those are made clean
/// again for the next guest.
#[unsafe(no_mangle)]
pub extern "C" fn myelin_pool_pagemap_scan(pool: &mut wasmtime_pooling_allocation_config_t) {
    // SAFETY: `#[repr(C)]` with a `PoolingAllocationConfig` as its only field.
    let pool = unsafe { &mut *(pool as *mut wasmtime_pooling_allocation_config_t).cast::<PoolingAllocationConfig>() };
    pool.pagemap_scan(Enabled::Auto);
}

/// Whether there is a guard region before each linear memory too.
#[unsafe(no_mangle)]
pub extern "C" fn myelin_config_guard_before_memory(config: &mut wasm_config_t, enable: bool) {
    inner(config).guard_before_linear_memory(enable);
}

/// Typed function references, garbage-collected types and exceptions, as one.
#[unsafe(no_mangle)]
pub extern "C" fn myelin_config_typed_references(config: &mut wasm_config_t, enable: bool) {
    let features =
        WasmFeatures::FUNCTION_REFERENCES | WasmFeatures::GC | WasmFeatures::EXCEPTIONS | WasmFeatures::LEGACY_EXCEPTIONS;
    inner(config).wasm_features(features, enable);
}

/// A host function that may wait: asked when the guest calls it (`first`), and again at each resume for as long as it
/// answers 1. `data` is the store's. Answers: 0 done, `result` is written; 1 ask again; else the call ends.
pub type WaitingCall =
    extern "C" fn(env: *mut c_void, data: *mut c_void, args: *const u64, result: *mut u64, first: bool) -> u8;

#[derive(Clone, Copy)]
struct Host {
    call: WaitingCall,
    env: *mut c_void,
}
// SAFETY: `env` is only handed back to `call`, which the host declares callable on any thread.
unsafe impl Send for Host {}
unsafe impl Sync for Host {}

/// The results that a host function may have, from the 64 bits in which it gives them.
trait FromRaw {
    fn from_raw(raw: u64) -> Self;
}
impl FromRaw for () {
    fn from_raw(_: u64) {}
}
impl FromRaw for i32 {
    fn from_raw(raw: u64) -> i32 {
        raw as i32
    }
}
impl FromRaw for i64 {
    fn from_raw(raw: u64) -> i64 {
        raw as i64
    }
}

/// A call of such a function under way.
struct Waiting<const N: usize, R> {
    host: Host,
    data: Data,
    args: [u64; N],
    first: bool,
    result: std::marker::PhantomData<R>,
}
struct Data(*mut c_void);
// SAFETY: the store's data goes with the store.
unsafe impl Send for Data {}

impl<const N: usize, R: FromRaw + Unpin> Future for Waiting<N, R> {
    type Output = Result<R>;
    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<R>> {
        let first = std::mem::replace(&mut self.first, false);
        let mut result = 0;
        match (self.host.call)(self.host.env, self.data.0, self.args.as_ptr(), &mut result, first) {
            0 => Poll::Ready(Ok(R::from_raw(result))),
            1 => Poll::Pending,
            _ => Poll::Ready(Err(Error::msg("ended by the host"))),
        }
    }
}

fn raw_i32(value: i32) -> u64 {
    value as u32 as u64
}
fn raw_i64(value: i64) -> u64 {
    value as u64
}

macro_rules! define_waiting {
    ($linker:ident, $module:ident, $name:ident, $host:ident, $shape:ident;
     $($text:literal: ($($arg:ident $raw:ident $type:ty),*) -> $result:ty;)*) => {
        match $shape {
            $($text => $linker
                .func_wrap_async($module, $name, move |mut caller: Caller<'_, WasmtimeStoreData>, ($($arg,)*): ($($type,)*)| {
                    Box::new(Waiting {
                        host: $host,
                        data: Data(wasmtime_context_get_data((&mut caller).into())),
                        args: [$($raw($arg)),*],
                        first: true,
                        result: std::marker::PhantomData::<$result>,
                    })
                })
                .is_ok(),)*
            _ => false,
        }
    };
}

unsafe fn text<'a>(at: *const u8, size: usize) -> &'a str {
    // SAFETY: the caller's promise; names and shapes are ASCII.
    unsafe { std::str::from_utf8(std::slice::from_raw_parts(at, size)).unwrap_or("") }
}

/// Defines a host function that may wait, without boxing each of its values as `wasmtime_linker_define_async_func`
/// does. `shape`: a letter for each parameter, then `>` and that of the result, `i` for i32 and `I` for i64. False if
/// there is no such shape here, or the name is taken.
///
/// # Safety
/// The texts are valid ASCII; `env` outlives the linker and what is made with it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn myelin_linker_define_waiting(
    linker: &mut wasmtime_linker_t,
    module: *const u8,
    module_size: usize,
    name: *const u8,
    name_size: usize,
    shape: *const u8,
    shape_size: usize,
    call: WaitingCall,
    env: *mut c_void,
) -> bool {
    // SAFETY: `wasmtime_linker_t` is `#[repr(C)]` with a `Linker` as its only field; texts as promised.
    let (linker, module, name, shape) = unsafe {
        (
            &mut *(linker as *mut wasmtime_linker_t).cast::<Linker<WasmtimeStoreData>>(),
            text(module, module_size),
            text(name, name_size),
            text(shape, shape_size),
        )
    };
    let host = Host { call, env };
    define_waiting!(linker, module, name, host, shape;
        "iiI>i": (a raw_i32 i32, b raw_i32 i32, c raw_i64 i64) -> i32;
        "IIii>i": (a raw_i64 i64, b raw_i64 i64, c raw_i32 i32, d raw_i32 i32) -> i32;
        "Iii>i": (a raw_i64 i64, b raw_i32 i32, c raw_i32 i32) -> i32;
        "iiii>i": (a raw_i32 i32, b raw_i32 i32, c raw_i32 i32, d raw_i32 i32) -> i32;
        "ii>i": (a raw_i32 i32, b raw_i32 i32) -> i32;
        "i>i": (a raw_i32 i32) -> i32;
        "i>": (a raw_i32 i32) -> ();
        ">i": () -> i32;
        ">I": () -> i64;
    )
}

/// Runs a call for at most about `fuel` units: the yield interval set, one poll, and what is left of the store's fuel.
/// Whether the call has ended.
#[unsafe(no_mangle)]
pub extern "C" fn myelin_call_resume(
    future: &mut wasmtime_call_future_t<'_>,
    mut store: WasmtimeStoreContextMut<'_>,
    fuel: u64,
    left: &mut u64,
) -> bool {
    store.fuel_async_yield_interval(Some(fuel)).expect("fuel is counted, and the interval is not 0");
    let over = wasmtime_call_future_poll(future);
    *left = store.get_fuel().expect("fuel is counted");
    over
}

/// Where a memory lies and how large it is.
#[unsafe(no_mangle)]
pub extern "C" fn myelin_memory_span(mut store: WasmtimeStoreContextMut<'_>, memory: &Memory, size: &mut usize) -> *mut u8 {
    let bytes = memory.data_mut(store.as_context_mut());
    *size = bytes.len();
    bytes.as_mut_ptr()
}
