//! Wasmtime's C API as a static library for Myelin.
//!
//! Nothing is decided here: every exported symbol is the C API's own, or a shim of a few lines over a Wasmtime setting
//! that the C API does not offer. Their declarations are in `src/wasm/wasmtime.hpp`.
//!
//! The shims reach the Rust values inside two C API types by pointer cast. Both are `#[repr(C)]` structs of one field,
//! so the field stands at offset 0 and the struct has its size and alignment; the assertions below hold that against
//! the version in `Cargo.lock`.

pub use wasmtime_c_api::*;

use std::hash::{DefaultHasher, Hash, Hasher};
use std::num::NonZeroUsize;
use wasmtime_c_api::wasmtime::{Config, Engine, WasmBacktraceDetails, WasmFeatures};

const _: () = {
    assert!(size_of::<wasm_config_t>() == size_of::<Config>());
    assert!(align_of::<wasm_config_t>() == align_of::<Config>());
    assert!(size_of::<wasm_engine_t>() == size_of::<Engine>());
    assert!(align_of::<wasm_engine_t>() == align_of::<Engine>());
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
