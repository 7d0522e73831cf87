//! Wasmtime's C API as a static library for Myelin.
//!
//! Nothing is decided here: every exported symbol is the C API's own, or a shim of a few lines over a Wasmtime
//! setting that the C API does not offer.

pub use wasmtime_c_api::*;
