//! The settings of the engine, and what of them decides which code it runs.
//!
//! There are two flavours of code: plain, and metered (it counts fuel, which costs time). Each flavour is compiled
//! apart and has its own engine.

use stepwell_contract::{Digest, Hasher, Limit, SandboxError, SandboxErrorKind};
use wasmtime::WasmBacktraceDetails;
use wasmtime::{
    Config, Enabled, Engine, InstanceAllocationStrategy, OptLevel, PoolingAllocationConfig,
};

use crate::BACKEND;
use crate::wrap;

/// How many steps of one process can be alive at once with the pooling allocator.
const POOL_STEPS: u32 = 64;

/// Core instances, tables and memories that one pooled component may have. A wrapped module has four instances, three
/// tables and one memory; components of several languages linked together have a few of each. What needs more is run
/// without the pool.
const POOL_INSTANCES: u32 = 32;
const POOL_TABLES: u32 = 16;
const POOL_MEMORIES: u32 = 4;

/// What a slot keeps of its memory and tables between two steps: it is zeroed by hand, which is cheaper than giving
/// it back to the kernel and faulting it in again.
const POOL_KEPT_BYTES: usize = 256 << 10;

/// The same where the kernel says which pages were touched (`PAGEMAP_SCAN`, Linux 6.7): only those are zeroed, so that the
/// stack and the data of a program, a mebibyte into its memory, may be among them.
const POOL_KEPT_BYTES_OF_TOUCHED: usize = 4 << 20;

/// Whether code counts the instructions it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Flavour {
    /// It does not; the default.
    Plain,
    /// It does, because the step has a fuel limit.
    Metered,
}

impl Flavour {
    /// The flavour that a step with these limits needs.
    pub(crate) fn for_limits(limits: &stepwell_contract::Limits) -> Self {
        if limits.get(Limit::Fuel) == u64::MAX {
            Self::Plain
        } else {
            Self::Metered
        }
    }

    /// The word for it in a worker's arguments and in fingerprints.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Metered => "metered",
        }
    }
}

/// Where an engine's instances live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Allocation {
    /// Mapped when needed: nothing to set up, for a process that runs one step.
    OnDemand,
    /// In slots that are set up once (about 1 ms) and reused: for a process that runs many.
    Pooled,
}

/// What an engine is for. Running needs no compiler, and making one costs start-up time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Compile components.
    Compile,
    /// Run what was compiled before.
    Run(Allocation),
}

/// An engine for `purpose`.
///
/// # Errors
///
/// The machine lacks something that the settings need: memory to reserve, or processor features.
pub(crate) fn engine(flavour: Flavour, purpose: Purpose) -> Result<Engine, SandboxError> {
    let mut config = Config::new();
    // What changes what a guest computes: see `settings`, which must tell of every line here.
    config
        .consume_fuel(flavour == Flavour::Metered)
        .epoch_interruption(true)
        .cranelift_nan_canonicalization(true)
        .relaxed_simd_deterministic(true)
        .max_wasm_stack(stack_bytes())
        .concurrency_support(false)
        .cranelift_opt_level(OptLevel::Speed)
        .wasm_backtrace_details(WasmBacktraceDetails::Enable);
    match purpose {
        Purpose::Compile => {}
        Purpose::Run(allocation) => {
            config.enable_compiler(false);
            if allocation == Allocation::Pooled {
                config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool()));
            }
        }
    }
    Engine::new(&config).map_err(|error| {
        SandboxError::new(BACKEND, "start the engine", SandboxErrorKind::Host).because(error)
    })
}

fn pool() -> PoolingAllocationConfig {
    let kept = match PoolingAllocationConfig::is_pagemap_scan_available() {
        true => POOL_KEPT_BYTES_OF_TOUCHED,
        false => POOL_KEPT_BYTES,
    };
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(POOL_STEPS)
        .total_core_instances(POOL_STEPS * 8)
        .total_memories(POOL_STEPS * 2)
        .total_tables(POOL_STEPS * 8)
        // A guest runs on its step's thread; each stack would be reserved and guarded before the first step.
        .total_stacks(0)
        .max_core_instances_per_component(POOL_INSTANCES)
        .max_memories_per_component(POOL_MEMORIES)
        .max_tables_per_component(POOL_TABLES)
        .table_elements(usize::try_from(Limit::Tables.default_value()).unwrap_or(usize::MAX))
        .max_unused_warm_slots(POOL_STEPS)
        .linear_memory_keep_resident(kept)
        .table_keep_resident(kept)
        .pagemap_scan(Enabled::Auto);
    pool
}

fn stack_bytes() -> usize {
    usize::try_from(Limit::Stack.default_value()).unwrap_or(usize::MAX)
}

/// Everything that decides what compiled code does: the engine's version and our settings. Part of every static key, and
/// so of every seed: the processor is left out, because a step does the same on all of them.
pub(crate) fn settings(flavour: Flavour) -> Digest {
    let mut hasher = Hasher::new("stepwell wasm engine settings v1");
    hasher
        .field(env!("CARGO_PKG_VERSION"))
        .field(wasmtime_environ::VERSION)
        .field(flavour.as_str())
        .field("epochs, canonical NaN, deterministic relaxed SIMD, no threads, WASI 0.2, speed, backtraces")
        .number(stack_bytes() as u64)
        .number(wrap::REVISION);
    hasher.finish()
}

/// Everything that decides which machine can run compiled code: [`settings`], and the processor. Names precompiled
/// artifacts.
pub(crate) fn native_code(flavour: Flavour) -> Digest {
    let mut hasher = Hasher::new("stepwell wasm native code v1");
    hasher
        .field(settings(flavour).as_bytes())
        .field(std::env::consts::ARCH)
        .field(std::env::consts::OS)
        .list(processor_features().into_iter());
    hasher.finish()
}

/// The optional instructions that the compiler uses where the processor has them.
#[cfg(target_arch = "x86_64")]
fn processor_features() -> Vec<&'static str> {
    use std::arch::is_x86_feature_detected as has;
    let features = [
        ("sse3", has!("sse3")),
        ("ssse3", has!("ssse3")),
        ("sse4.1", has!("sse4.1")),
        ("sse4.2", has!("sse4.2")),
        ("popcnt", has!("popcnt")),
        ("lzcnt", has!("lzcnt")),
        ("bmi1", has!("bmi1")),
        ("bmi2", has!("bmi2")),
        ("avx", has!("avx")),
        ("avx2", has!("avx2")),
        ("fma", has!("fma")),
        ("avx512f", has!("avx512f")),
        ("avx512dq", has!("avx512dq")),
        ("avx512vl", has!("avx512vl")),
        ("avx512bitalg", has!("avx512bitalg")),
        ("avx512vbmi", has!("avx512vbmi")),
    ];
    features
        .into_iter()
        .filter(|(_, present)| *present)
        .map(|(name, _)| name)
        .collect()
}

/// The optional instructions that the compiler uses where the processor has them.
#[cfg(target_arch = "aarch64")]
fn processor_features() -> Vec<&'static str> {
    use std::arch::is_aarch64_feature_detected as has;
    let features = [
        ("lse", has!("lse")),
        ("paca", has!("paca")),
        ("fp16", has!("fp16")),
    ];
    features
        .into_iter()
        .filter(|(_, present)| *present)
        .map(|(name, _)| name)
        .collect()
}

/// The optional instructions that the compiler uses where the processor has them: on other processors the engine
/// checks an artifact's needs when it loads it, and a refusal reads as a miss.
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn processor_features() -> Vec<&'static str> {
    Vec::new()
}
