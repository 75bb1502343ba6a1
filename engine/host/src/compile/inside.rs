//! The child process that compiles one component, from standard input to standard output, within
//! limits that it sets on itself before reading the component.
//!
//! Whatever this engine does with a component's bytes or types is done here first, on threads with
//! smaller stacks than the engine's own: what would overflow or exhaust the engine ends the child
//! instead.

use std::io::{self, Read, Write};
use std::process::ExitCode;
use std::sync::Arc;

use rayon::ThreadPoolBuilder;
use rustix::process::{
    Pid, Resource, Rlimit, Signal, getppid, getrlimit, set_parent_process_death_signal, setrlimit,
};
use serde::{Deserialize, Serialize};
use wasmtime::Engine;
use wasmtime::component::Component;

use super::bounds::{Bounds, Order};
use crate::contract;
use crate::engine::config_without_pool;
use crate::rejection::{Fault, Step};
use crate::remembered::RememberedFunctions;
use crate::run::Program;

/// Exit code of a child that rejected the component and wrote the reason to standard output.
pub(super) const REJECTED: i32 = 3;

/// The most bytes of a reason or hint that are returned: names in a component can be of any length.
const WORDS_BYTES: usize = 2_000;

/// A [`Fault`] as serialized by the child.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Rejected {
    step: Found,
    reason: String,
    hint: String,
}

/// The steps that a child performs.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Found {
    Contract,
    Compile,
    Link,
}

impl From<Rejected> for Fault {
    fn from(Rejected { step, reason, hint }: Rejected) -> Self {
        let step = match step {
            Found::Contract => Step::Contract,
            Found::Compile => Step::Compile,
            Found::Link => Step::Link,
        };
        Fault::new(step, reason, &hint)
    }
}

impl From<Fault> for Rejected {
    fn from(fault: Fault) -> Self {
        let step = match fault.step {
            Step::Contract => Found::Contract,
            Step::Link => Found::Link,
            _ => Found::Compile,
        };
        Self {
            step,
            reason: short(fault.reason),
            hint: short(fault.hint),
        }
    }
}

fn short(mut words: String) -> String {
    if words.len() > WORDS_BYTES {
        words.truncate(words.floor_char_boundary(WORDS_BYTES));
        words.push('…');
    }
    words
}

/// Compiles the component on standard input according to `order`, and writes the compiled code to
/// standard output. Only for the program that [`CompileIn::Child`](crate::engine::CompileIn) names: it sets
/// limits on the calling process.
pub fn compile_component(order: &str) -> ExitCode {
    let done = serde_json::from_str::<Order>(order)
        .map_err(io::Error::other)
        .and_then(|order| compile(&order));
    done.unwrap_or_else(|error| {
        // nobody may be left to read it
        let _ = writeln!(io::stderr(), "cannot compile the component: {error}");
        ExitCode::FAILURE
    })
}

fn compile(order: &Order) -> io::Result<ExitCode> {
    end_with(order.parent)?;
    limit(&order.bounds)?;
    let mut component = Vec::new();
    io::stdin().lock().read_to_end(&mut component)?;
    let stack_bytes = usize::try_from(order.bounds.stack_bytes).unwrap_or(usize::MAX);
    let threads = ThreadPoolBuilder::new()
        .num_threads(order.bounds.threads)
        .stack_size(stack_bytes)
        .build()
        .map_err(io::Error::other)?;
    let remembered = order
        .remembered
        .as_ref()
        .map(|files| RememberedFunctions::open(&files.known))
        .transpose()?
        .map(Arc::new);
    let compiled = threads.install(|| code(&component, remembered.clone()));
    let mut out = io::stdout().lock();
    let is_compiled = compiled.is_ok();
    match compiled {
        Ok(code) => {
            out.write_all(&code)?;
            if let (Some(remembered), Some(files)) = (remembered, &order.remembered) {
                remembered.write_fresh(&files.fresh)?;
            }
        }
        Err(fault) => out.write_all(&serde_json::to_vec(&Rejected::from(fault))?)?,
    }
    out.flush()?;
    Ok(if is_compiled {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(u8::try_from(REJECTED).unwrap_or(u8::MAX))
    })
}

fn code(component: &[u8], remembered: Option<Arc<RememberedFunctions>>) -> Result<Vec<u8>, Fault> {
    contract::check(component)?;
    let broken = |error: wasmtime::Error| {
        Fault::new(
            Step::Compile,
            format!("{error:#}"),
            "build the component again",
        )
    };
    let mut config = config_without_pool();
    if let Some(remembered) = remembered {
        config
            .enable_incremental_compilation(remembered)
            .map_err(broken)?;
    }
    let engine = Engine::new(&config).map_err(broken)?;
    let component = Component::from_binary(&engine, component).map_err(broken)?;
    Program::linked(&engine, &component)?;
    component.serialize().map_err(broken)
}

/// Has the system kill this process when the thread that started it ends, and so when the engine
/// does. Fails if the engine is already gone.
fn end_with(parent: u32) -> io::Result<()> {
    set_parent_process_death_signal(Some(Signal::KILL))?;
    let parent = i32::try_from(parent).ok().and_then(Pid::from_raw);
    if getppid() == parent {
        Ok(())
    } else {
        Err(io::Error::other("the engine that asked for it is gone"))
    }
}

fn limit(bounds: &Bounds) -> io::Result<()> {
    // if the machine runs out of memory, this process should be killed first
    let _ = std::fs::write("/proc/self/oom_score_adj", "1000");
    // the child's limit cannot exceed the engine's own hard limit
    let most = |resource, limit: u64| {
        let limit = getrlimit(resource)
            .maximum
            .map_or(limit, |hard| limit.min(hard));
        setrlimit(
            resource,
            Rlimit {
                current: Some(limit),
                maximum: Some(limit),
            },
        )
    };
    most(Resource::Core, 0)?;
    most(Resource::Nofile, 64)?;
    most(Resource::Fsize, bounds.code_bytes)?;
    most(Resource::Data, bounds.memory_bytes)?;
    most(Resource::As, bounds.address_bytes)?;
    // exceeding the lower, soft limit sends SIGXCPU, by which the cause is recognised
    most(Resource::Cpu, bounds.cpu_s.saturating_add(2))?;
    let hard = getrlimit(Resource::Cpu).maximum;
    setrlimit(
        Resource::Cpu,
        Rlimit {
            current: Some(bounds.cpu_s.min(hard.unwrap_or(u64::MAX))),
            maximum: hard,
        },
    )?;
    Ok(())
}
