//! The settings that code is generated under and run under. The build script includes this file too: a module that was
//! compiled under other settings is refused when it is loaded.

use wasmtime::{Config, Inlining};

/// Settings of every engine that compiles or runs a guest.
///
/// Guests are core modules of the plainest kind, so whatever they do not need is off. With SIMD off, the generated code needs
/// no more of a processor than its architecture promises.
pub(crate) fn engine_config() -> Config {
    let mut config = Config::new();
    config
        .epoch_interruption(true)
        .max_wasm_stack(MAX_STACK_BYTES)
        // The module is built for size: small functions, each with a check of the epoch.
        .compiler_inlining(Inlining::Yes)
        .wasm_simd(false)
        .wasm_relaxed_simd(false)
        .wasm_memory64(false)
        .wasm_multi_memory(false)
        .wasm_tail_call(false)
        .wasm_extended_const(false)
        .wasm_custom_page_sizes(false)
        .wasm_wide_arithmetic(false);
    config
}

/// Native stack that a call into a guest may use, bytes.
const MAX_STACK_BYTES: usize = 512 * 1024;
