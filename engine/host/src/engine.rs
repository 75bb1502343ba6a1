//! The process's only WebAssembly engine, its sizes, and the ticker that interrupts busy flows.
//!
//! All flows share one [`FlowEngine`]; nothing else configures wasmtime. A flow does not have a
//! thread of its own: it is a fiber inside the call's task, suspended while it waits in a host
//! function, and made to yield every [`TICK_MS`] while it computes.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ghanti_manifest::Limits;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;
use wasmtime::{Config, Engine, EngineWeak, InstanceAllocationStrategy, PoolingAllocationConfig};

use crate::capacity::Machine;
use crate::contract;
use crate::limit::TABLE_ELEMENTS_MAX;
use crate::loader_pool::LoaderPool;
use crate::memory_budget::{self, MemoryBudget};
use crate::remembered::RememberedFile;

/// How often a computing flow yields to other calls, and the granularity of `[limits] compute-ms`.
/// An audio frame is 100 ms, so a flow that computes for a whole tick does not delay any frame.
pub const TICK_MS: u64 = 10;

/// The most linear memory any flow may be granted, and the address space reserved for each memory:
/// 64 MiB holds a Python guest (the largest measured, 40 MiB) and lets 10,000 calls fit into 47
/// bits of address space, which wasmtime's default of 4 GiB does not.
pub const MEMORY_BYTES_MAX: u64 = Limits::MAX.memory_bytes;

/// Unmapped bytes after each memory: one WebAssembly page. With a reservation below 4 GiB, bounds
/// are checked in code anyway, so a larger guard saves nothing.
const GUARD_BYTES: u64 = 64 << 10;

/// A guest's own stack. Python's recursion, the deepest measured, fits; endless recursion traps
/// here.
const WASM_STACK_BYTES: usize = 512 << 10;

/// A fiber's stack: the guest's part plus 1.5 MiB for the host functions called from it. Only
/// touched pages use memory.
const FIBER_STACK_BYTES: usize = 2 << 20;

/// How many calls may have a second instance at once, while they migrate to another version. The pool
/// has slots for them.
pub const MIGRATIONS: u32 = 4;

/// Instances for what is no call: `describe`, flow tests, replays and forks.
const SPARE_INSTANCES: u32 = 12;

/// How long such an instance waits for a free slot: three conversations of a flow test that all reach
/// their time limit.
const SPARE_WAIT: Duration = Duration::from_secs(30);

/// The process in which components are parsed and compiled.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum CompileIn {
    /// The engine's own process. A hostile component can crash it, so this is only for trusted
    /// components, as in tests and benchmarks.
    #[default]
    ThisProcess,
    /// A child process for each component, with limits on stack, memory and time: this program,
    /// started as `PROGRAM compile-component ORDER`, which must pass the order to
    /// [`compile_component`](crate::compile_component).
    Child(PathBuf),
}

impl CompileIn {
    /// A child process of the running program, which must handle `compile-component`.
    ///
    /// # Errors
    ///
    /// If the running program's path cannot be determined.
    pub fn child_of_this_program() -> Result<Self, EngineError> {
        // refers to the running program even if its file has been replaced by a newer build, whose
        // compiled code would not be compatible
        let running = Path::new("/proc/self/exe");
        let program = if running.exists() {
            Ok(running.to_owned())
        } else {
            std::env::current_exe()
        };
        program.map(Self::Child).map_err(EngineError::Program)
    }
}

/// Sizes of the pool that every call's instance is allocated from.
#[derive(Debug, Clone)]
pub struct EngineSettings {
    /// How many calls may run at once. Lowered if the machine has too few memory mappings or too
    /// little address space; see [`FlowEngine::max_calls`].
    pub max_calls: u32,
    /// How many instances may run at once for what is no call: `describe`, flow tests, replays and
    /// forks. Further ones wait, so that calls always have the slots of `max_calls`.
    pub spare_instances: u32,
    /// Memories of one component: 1 for Rust, C and Python, 3 for JavaScript by QuickJS.
    pub memories_per_call: u32,
    /// Core instances of one component: 3 for Rust, 13 for JavaScript by QuickJS, 14 and those of
    /// its C extensions for Python.
    pub core_instances_per_call: u32,
    /// Tables of one component: 2 for Rust and Python, 3 for JavaScript.
    pub tables_per_call: u32,
    /// Whether the engine's log shows what flows log in full. It may contain personal data, so
    /// enable this only where an author is developing a flow.
    pub show_flow_logs: bool,
    /// Size of the cache of compiled functions, in bytes on disk, so that a component that is
    /// edited repeatedly compiles faster; 0 disables it. Only child processes use it.
    pub remembered_bytes: u64,
    /// Where components are parsed and compiled.
    pub compile_in: CompileIn,
    /// The machine's memory, in bytes, of which flows get a share; by default what the control group or
    /// the machine has.
    pub machine_memory_bytes: Option<u64>,
}

impl Default for EngineSettings {
    fn default() -> Self {
        Self {
            max_calls: 1_000,
            spare_instances: SPARE_INSTANCES,
            memories_per_call: 4,
            core_instances_per_call: 32,
            tables_per_call: 8,
            show_flow_logs: false,
            remembered_bytes: 0,
            compile_in: CompileIn::default(),
            machine_memory_bytes: None,
        }
    }
}

/// The engine could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// wasmtime rejected the pool configuration or the machine.
    #[error(
        "cannot set up WebAssembly for `{calls}` calls: {reason}: lower the number of calls, or raise the process' address space limit"
    )]
    Pool {
        /// The number of calls the pool was configured for.
        calls: u32,
        /// wasmtime's error message.
        reason: String,
    },
    /// A thread could not be started.
    #[error(
        "cannot start the threads that load flows and interrupt busy ones: {0}: raise the process' thread limit"
    )]
    Threads(#[from] std::io::Error),
    /// The path of this program's executable could not be determined.
    #[error(
        "cannot tell which program this is, to compile flows in a process of its own: {0}: mount /proc"
    )]
    Program(std::io::Error),
    /// The cache file for compiled functions could not be created.
    #[error(
        "cannot make a temporary file for compiled functions: {0}: make room, or name another folder by TMPDIR"
    )]
    Remembered(std::io::Error),
}

/// The process's only engine. Cheap to clone.
#[derive(Clone)]
pub struct FlowEngine {
    engine: Engine,
    loader_pool: LoaderPool,
    max_calls: u32,
    spare: Arc<Semaphore>,
    show_flow_logs: bool,
    compile_in: CompileIn,
    remembered: Option<Arc<RememberedFile>>,
    memory: Arc<MemoryBudget>,
}

impl std::fmt::Debug for FlowEngine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FlowEngine")
            .field("max_calls", &self.max_calls)
            .finish_non_exhaustive()
    }
}

impl FlowEngine {
    /// Creates the engine and starts its ticker thread, which stops when the last clone of the
    /// engine is dropped.
    pub fn new(settings: &EngineSettings) -> Result<Self, EngineError> {
        let (calls, limited_by) =
            Machine::this().calls(settings.max_calls, beside(settings), call_bytes(settings));
        if calls < settings.max_calls {
            tracing::warn!(wanted = settings.max_calls, calls, %limited_by, "fewer calls than configured fit into this machine");
        }
        let refuse = |error: wasmtime::Error| EngineError::Pool {
            calls,
            reason: format!("{error:#}"),
        };
        let engine = Engine::new(&config(settings, calls)).map_err(refuse)?;
        let remembered =
            (settings.remembered_bytes > 0).then(|| RememberedFile::new(settings.remembered_bytes));
        let remembered = remembered
            .transpose()
            .map_err(EngineError::Remembered)?
            .map(Arc::new);
        start_ticker(engine.weak())?;
        let loader_pool = LoaderPool::new()?;
        let memory = MemoryBudget::of(
            settings
                .machine_memory_bytes
                .unwrap_or_else(memory_budget::of_this_machine),
        );
        tracing::info!(calls, %limited_by, memory_bytes_max = MEMORY_BYTES_MAX, memory_of_all = memory.max_bytes(), "webassembly pool is ready");
        let (show_flow_logs, compile_in) = (settings.show_flow_logs, settings.compile_in.clone());
        Ok(Self {
            engine,
            loader_pool,
            max_calls: calls,
            spare: Arc::new(Semaphore::new(spare(settings) as usize)),
            show_flow_logs,
            compile_in,
            remembered,
            memory,
        })
    }

    /// How many calls may run at once on this machine. Whoever answers calls must first take one of
    /// this many permits.
    pub fn max_calls(&self) -> u32 {
        self.max_calls
    }

    /// Waits for one of the slots for what is no call. `None` if none becomes free in time.
    pub(crate) async fn spare(&self) -> Option<SemaphorePermit<'_>> {
        let permit = timeout(SPARE_WAIT, self.spare.acquire()).await;
        permit.ok()?.ok()
    }

    pub(crate) fn wasmtime(&self) -> &Engine {
        &self.engine
    }

    /// Threads for slow work that no call waits for.
    pub fn loader_pool(&self) -> &LoaderPool {
        &self.loader_pool
    }

    /// What the flows of all calls share.
    pub(crate) fn memory_budget(&self) -> Arc<MemoryBudget> {
        Arc::clone(&self.memory)
    }

    pub(crate) fn shows_flow_logs(&self) -> bool {
        self.show_flow_logs
    }

    /// Where components are compiled.
    pub(crate) fn compile_in(&self) -> &CompileIn {
        &self.compile_in
    }

    /// The cache of compiled functions, if it is enabled.
    pub(crate) fn remembered(&self) -> Option<&Arc<RememberedFile>> {
        self.remembered.as_ref()
    }

    /// Hash that identifies compiled code: it differs for another wasmtime version, configuration
    /// or processor, or if the contract it was checked against has changed.
    pub(crate) fn compatibility(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.engine
            .precompile_compatibility_hash()
            .hash(&mut hasher);
        contract::identity().hash(&mut hasher);
        hasher.finish()
    }
}

/// Slots for what is no call; at least one, for `describe`.
fn spare(settings: &EngineSettings) -> u32 {
    settings.spare_instances.max(1)
}

/// Slots beyond the number of calls.
fn beside(settings: &EngineSettings) -> u32 {
    spare(settings).saturating_add(MIGRATIONS)
}

fn config(settings: &EngineSettings, calls: u32) -> Config {
    let slots = calls.saturating_add(beside(settings));
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(slots)
        .total_stacks(slots)
        .total_core_instances(slots.saturating_mul(settings.core_instances_per_call))
        .total_memories(slots.saturating_mul(settings.memories_per_call))
        .total_tables(slots.saturating_mul(settings.tables_per_call))
        .max_core_instances_per_component(settings.core_instances_per_call)
        .max_memories_per_component(settings.memories_per_call)
        .max_tables_per_component(settings.tables_per_call)
        .table_elements(TABLE_ELEMENTS_MAX)
        .max_memory_size(usize::try_from(MEMORY_BYTES_MAX).unwrap_or(usize::MAX));

    let mut config = config_without_pool();
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    config
}

/// Everything that compiled code depends on. It does not depend on the pool, which [`config`] adds.
pub(crate) fn config_without_pool() -> Config {
    let mut config = Config::new();
    config
        .wasm_component_model(true)
        .epoch_interruption(true)
        .max_wasm_stack(WASM_STACK_BYTES)
        .async_stack_size(FIBER_STACK_BYTES)
        .memory_reservation(MEMORY_BYTES_MAX)
        .memory_guard_size(GUARD_BYTES)
        // a guard in front would only protect against bugs in the compiler itself, and costs one
        // mapping per memory
        .guard_before_linear_memory(false)
        // an instance starts as a copy-on-write view of its initial memory: this takes
        // microseconds, and only written pages are copied
        .memory_init_cow(true);
    config
}

/// Address space that one slot of the pool takes: memories with their guards, tables of pointers, a
/// stack with its guard.
fn call_bytes(settings: &EngineSettings) -> u64 {
    let memories = (MEMORY_BYTES_MAX + GUARD_BYTES) * u64::from(settings.memories_per_call);
    let tables =
        (TABLE_ELEMENTS_MAX * size_of::<usize>()) as u64 * u64::from(settings.tables_per_call);
    memories + tables + FIBER_STACK_BYTES as u64 + GUARD_BYTES
}

/// Increments the epoch every [`TICK_MS`]. A thread rather than a task: it must tick even while
/// flows keep the async threads busy.
fn start_ticker(engine: EngineWeak) -> std::io::Result<()> {
    std::thread::Builder::new()
        .name("flow-ticker".to_owned())
        .stack_size(64 << 10)
        .spawn(move || {
            loop {
                std::thread::sleep(Duration::from_millis(TICK_MS));
                match engine.upgrade() {
                    Some(engine) => engine.increment_epoch(),
                    None => return,
                }
            }
        })?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_pool_fits_this_machine() {
        let engine = FlowEngine::new(&EngineSettings::default()).unwrap();
        assert!(engine.max_calls() > 0);
    }
}
