//! The part of WASI 0.2 available to flows in JavaScript and Python, sealed and deterministic.
//!
//! Their toolchains import WASI whether a script uses it or not. Here the clock is the journal's,
//! randomness comes from the call's seed, output goes to the call's log, and waits return at once.
//! Arguments, environment and standard input are empty, and all functions for files and sockets are
//! refused. Nothing reaches the machine, and nothing needs a journal entry: the same journal gives
//! the same run.

mod clock;
mod closed;
mod given;
mod output;

use clock::FlowClock;
use output::Printed;
use wasmtime::component::types::ComponentItem;
use wasmtime::component::{
    Component, Linker, LinkerInstance, Resource, ResourceTable, ResourceType,
};

use crate::context::StoreData;
use crate::limit::Ended;
use crate::random::SplitMix64;
pub(crate) use output::Stream;

/// What QuickJS (componentize-qjs 0.4.5) and CPython (componentize-py 0.25.1) import for an empty
/// script, and the two other random interfaces. Python's C library always imports sockets: they are
/// linked, but refused.
const INTERFACES: [&str; 27] = [
    "wasi:cli/environment",
    "wasi:cli/exit",
    "wasi:cli/stderr",
    "wasi:cli/stdin",
    "wasi:cli/stdout",
    "wasi:cli/terminal-input",
    "wasi:cli/terminal-output",
    "wasi:cli/terminal-stderr",
    "wasi:cli/terminal-stdin",
    "wasi:cli/terminal-stdout",
    "wasi:clocks/monotonic-clock",
    "wasi:clocks/wall-clock",
    "wasi:filesystem/preopens",
    "wasi:filesystem/types",
    "wasi:io/error",
    "wasi:io/poll",
    "wasi:io/streams",
    "wasi:random/insecure",
    "wasi:random/insecure-seed",
    "wasi:random/random",
    "wasi:sockets/instance-network",
    "wasi:sockets/ip-name-lookup",
    "wasi:sockets/network",
    "wasi:sockets/tcp",
    "wasi:sockets/tcp-create-socket",
    "wasi:sockets/udp",
    "wasi:sockets/udp-create-socket",
];

/// The minor version, within which interfaces only gain functions; an unknown function is refused.
const VERSIONS: &str = "0.2.";

/// The most handles a flow may hold at once. It needs three streams and a few timers; each costs
/// the host some bytes.
const HANDLES_MAX: usize = 256;

/// Separates the randomness of scripts from that of `runtime.random`, so that neither shifts the
/// other.
const RANDOM_STREAM: u64 = 0x5741_5349_2072_6e64;

/// Something a flow may wait for.
pub(crate) struct Pollable {
    /// When it is ready, on the flow's clock; 0 means always.
    due_ns: u64,
}

/// Standard input, always at its end.
struct InputStream;
/// Standard output or error.
struct OutputStream(Stream);
/// Never created: no stream reports error details.
struct IoError;
/// A network without any access.
struct Network;
/// Files, sockets, terminals: never created.
struct Closed;

/// The WASI state of a running flow.
pub(crate) struct Wasi {
    clock: FlowClock,
    random: SplitMix64,
    handles: ResourceTable,
    pub(crate) printed: Printed,
}

impl Wasi {
    pub(crate) fn new(seed: u64) -> Self {
        let mut handles = ResourceTable::new();
        handles.set_max_capacity(HANDLES_MAX);
        Self {
            clock: FlowClock::default(),
            random: SplitMix64(seed ^ RANDOM_STREAM),
            handles,
            printed: Printed::default(),
        }
    }

    fn hand_out<R: Send + 'static>(&mut self, resource: R) -> wasmtime::Result<Resource<R>> {
        Ok(self
            .handles
            .push(resource)
            .map_err(|_| Ended::Handles(HANDLES_MAX))?)
    }
}

/// Whether an import belongs to the sealed WASI.
pub(crate) fn seals(import: &str) -> bool {
    interface(import).is_some()
}

/// Everything that [`seals`] depends on.
pub(crate) fn identity() -> impl std::hash::Hash {
    (INTERFACES, VERSIONS)
}

fn interface(import: &str) -> Option<&str> {
    let (interface, version) = import.split_once('@')?;
    (INTERFACES.contains(&interface) && version.starts_with(VERSIONS)).then_some(interface)
}

/// Links what the component imports of WASI, item by item: a function that is not implemented here
/// is refused, whatever its type.
pub(crate) fn link(linker: &mut Linker<StoreData>, component: &Component) -> wasmtime::Result<()> {
    let engine = linker.engine().clone();
    for (import, item) in component.component_type().imports(&engine) {
        let (Some(interface), ComponentItem::ComponentInstance(wanted)) =
            (interface(import), item.ty)
        else {
            continue;
        };
        let mut instance = linker.instance(import)?;
        for (name, item) in wanted.exports(&engine) {
            match item.ty {
                ComponentItem::Resource(_) => resource(&mut instance, name)?,
                ComponentItem::ComponentFunc(_)
                    if !given::give(&mut instance, interface, name)? =>
                {
                    closed::close(&mut instance, interface, name)?;
                }
                _ => {}
            }
        }
    }
    Ok(())
}

fn resource(instance: &mut LinkerInstance<'_, StoreData>, name: &str) -> wasmtime::Result<()> {
    match name {
        "pollable" => droppable::<Pollable>(instance, name),
        "input-stream" => droppable::<InputStream>(instance, name),
        "output-stream" => droppable::<OutputStream>(instance, name),
        "error" => droppable::<IoError>(instance, name),
        "network" => droppable::<Network>(instance, name),
        _ => droppable::<Closed>(instance, name),
    }
}

fn droppable<R: Send + 'static>(
    instance: &mut LinkerInstance<'_, StoreData>,
    name: &str,
) -> wasmtime::Result<()> {
    instance.resource(name, ResourceType::host::<R>(), |mut store, handle| {
        store
            .data_mut()
            .wasi
            .handles
            .delete(Resource::<R>::new_own(handle))?;
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_listed_interfaces_of_wasi_0_2_are_sealed() {
        assert!(seals("wasi:clocks/wall-clock@0.2.12") && seals("wasi:sockets/tcp@0.2.0"));
        assert!(
            !seals("wasi:http/outgoing-handler@0.2.0")
                && !seals("wasi:clocks/wall-clock@0.3.0")
                && !seals("wasi:clocks/wall-clock")
        );
    }

    #[test]
    fn handles_run_out() {
        let mut wasi = Wasi::new(7);
        assert!((0..HANDLES_MAX).all(|_| wasi.hand_out(Network).is_ok()));
        assert!(wasi.hand_out(Network).is_err());
    }
}
