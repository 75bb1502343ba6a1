//! How many calls a machine has room for. Pure: the machine's resources are an argument, read only
//! by [`Machine::this`].
//!
//! Every call's slot in the pool takes address space, which is reserved at startup and mostly never
//! touched, and memory mappings while it is in use.

use std::fmt;

/// Memory mappings of one suspended call of a small guest: 60,097 were counted at 10,000 calls.
const MAPPINGS_PER_CALL: u32 = 6;

/// Mappings reserved for the rest of the process: libraries, thread stacks, speech models,
/// allocator arenas.
const MAPPINGS_RESERVED: u32 = 15_000;

/// Linux's default of `vm.max_map_count`, used if it cannot be read.
const MAPPINGS_DEFAULT: u32 = 65_530;

/// Address space of a process on x86_64 and aarch64 as configured by Linux: 47 bits.
const ADDRESSES_BYTES: u64 = 1 << 47;

/// Address space reserved for the rest of the process: 64 MiB for each thread's allocator arena,
/// thread stacks, speech models, compiled flows.
const ADDRESSES_RESERVED_BYTES: u64 = 4 << 30;

/// The resources of a machine that are available to this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Machine {
    /// `vm.max_map_count`.
    pub(crate) mappings: u32,
    /// Virtual memory in bytes: the soft limit of RLIMIT_AS, or what the processor can address.
    pub(crate) addresses_bytes: u64,
}

/// What limits the number of calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LimitedBy {
    Settings,
    Mappings,
    Addresses,
}

impl fmt::Display for LimitedBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            LimitedBy::Settings => "the configured number of calls",
            LimitedBy::Mappings => "vm.max_map_count: raise it by sysctl",
            LimitedBy::Addresses => {
                "the process' address space: raise `ulimit -v`, or LimitAS= of its systemd unit"
            }
        })
    }
}

impl Machine {
    /// The resources of this machine.
    pub(crate) fn this() -> Self {
        let mappings = std::fs::read_to_string("/proc/sys/vm/max_map_count")
            .ok()
            .and_then(|text| text.trim().parse().ok());
        let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
        let addresses_bytes = address_space_limit(&limits)
            .unwrap_or(ADDRESSES_BYTES)
            .min(ADDRESSES_BYTES);
        Self {
            mappings: mappings.unwrap_or(MAPPINGS_DEFAULT),
            addresses_bytes,
        }
    }

    /// How many calls fit if each takes `call_bytes` of address space, and what limits them. At
    /// least one; `spare` more slots are allocated in addition.
    pub(crate) fn calls(&self, wanted: u32, spare: u32, call_bytes: u64) -> (u32, LimitedBy) {
        let mapped = self.mappings.saturating_sub(MAPPINGS_RESERVED) / MAPPINGS_PER_CALL;
        let places = self
            .addresses_bytes
            .saturating_sub(ADDRESSES_RESERVED_BYTES)
            / call_bytes.max(1);
        let addressed = u32::try_from(places)
            .unwrap_or(u32::MAX)
            .saturating_sub(spare);
        let (calls, by) = match (mapped, addressed) {
            _ if wanted <= mapped.min(addressed) => (wanted, LimitedBy::Settings),
            _ if mapped <= addressed => (mapped, LimitedBy::Mappings),
            _ => (addressed, LimitedBy::Addresses),
        };
        (calls.max(1), by)
    }
}

/// The soft limit in the text of `/proc/self/limits`, in bytes, or `None` if there is no limit.
fn address_space_limit(limits: &str) -> Option<u64> {
    let line = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max address space"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPACIOUS: Machine = Machine {
        mappings: 65_530,
        addresses_bytes: ADDRESSES_BYTES,
    };
    const CALL_BYTES: u64 = 260 << 20;

    #[test]
    fn the_number_of_calls_is_capped_by_the_mappings_of_the_machine() {
        assert_eq!(
            SPACIOUS.calls(1_000, 16, CALL_BYTES),
            (1_000, LimitedBy::Settings)
        );
        assert_eq!(
            SPACIOUS.calls(10_000, 16, CALL_BYTES),
            (8_421, LimitedBy::Mappings)
        );
        assert_eq!(
            Machine {
                mappings: 1_000_000,
                ..SPACIOUS
            }
            .calls(10_000, 16, CALL_BYTES),
            (10_000, LimitedBy::Settings)
        );
        assert_eq!(
            Machine {
                mappings: 0,
                ..SPACIOUS
            }
            .calls(10, 16, CALL_BYTES),
            (1, LimitedBy::Mappings)
        );
    }

    #[test]
    fn the_number_of_calls_is_capped_by_the_address_space() {
        let of = |addresses_bytes| Machine {
            addresses_bytes,
            ..SPACIOUS
        };
        // 30 GiB are left for 118 slots, 16 of them spare
        assert_eq!(
            of(34 << 30).calls(1_000, 16, CALL_BYTES),
            (102, LimitedBy::Addresses)
        );
        assert_eq!(
            of(34 << 30).calls(102, 16, CALL_BYTES),
            (102, LimitedBy::Settings)
        );
        assert_eq!(
            of(1 << 30).calls(1_000, 16, CALL_BYTES),
            (1, LimitedBy::Addresses)
        );
        // 47 bits of address space hold half a million calls, more than can be mapped
        let endless = Machine {
            mappings: u32::MAX,
            ..SPACIOUS
        };
        assert_eq!(
            endless.calls(u32::MAX, 16, CALL_BYTES),
            (516_190, LimitedBy::Addresses)
        );
    }

    #[test]
    fn the_kernels_table_of_limits_is_read() {
        let table = "Limit                     Soft Limit           Hard Limit           Units     \n\
                     Max cpu time              unlimited            unlimited            seconds   \n\
                     Max address space         34359738368          unlimited            bytes     \n";
        assert_eq!(address_space_limit(table), Some(34_359_738_368));
        assert_eq!(
            address_space_limit(&table.replace("34359738368", "unlimited")),
            None
        );
        assert_eq!(address_space_limit(""), None);
        assert!(Machine::this().addresses_bytes > 0);
    }
}
