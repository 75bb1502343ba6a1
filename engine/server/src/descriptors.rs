//! The limit on open files, sockets and pipes of this process, and how it is divided. A part is
//! reserved for what calls need besides their sockets, so that a flood of connections cannot stop a
//! live call's speech.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// The highest limit ever requested: some child programs close every descriptor up to the limit
/// that they inherit.
const MOST: u64 = 1 << 20;

/// Descriptors reserved in addition to those open at the start: four synthesizer processes, each
/// with three pipes of two ends while it starts (24); pool connections of the stores that are
/// opened on demand (10); flows being read (4); prompts and spooled records being written (4).
const RESERVE: u64 = 42;

/// Minimum number of connections: even a small engine gets the requests of this many calls at once.
const LEAST_CONNECTIONS: u32 = 4;

/// What the limit on open files allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// Calls, each with its stream's socket.
    pub calls: u32,
    /// Connections that carry no call.
    pub connections: u32,
}

/// Raises the soft limit to the hard limit, up to `MOST`. A failure is only logged.
pub fn raise() {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let wanted = maximum.unwrap_or(MOST).min(MOST);
    if current.is_some_and(|current| current < wanted)
        && let Err(error) = setrlimit(
            Resource::Nofile,
            Rlimit {
                current: Some(wanted),
                maximum,
            },
        )
    {
        tracing::warn!(%error, wanted, "cannot raise the limit of open files");
    }
}

/// The current soft limit.
pub fn limit() -> u64 {
    getrlimit(Resource::Nofile).current.unwrap_or(MOST)
}

/// The number of descriptors open now; `RESERVE` where `/proc` cannot be read.
pub fn open() -> u64 {
    let counted = std::fs::read_dir("/proc/self/fd")
        .map(|entries| entries.count())
        .ok();
    counted
        .and_then(|count| u64::try_from(count).ok())
        .unwrap_or(RESERVE)
}

/// Divides what is left of `limit` when `open` descriptors are in use. Returns at least one call
/// and at most the wanted numbers. `connections` is lowered to no less than `LEAST_CONNECTIONS`.
pub fn share(limit: u64, open: u64, calls: u32, connections: u32) -> Budget {
    let left = u32::try_from(limit.saturating_sub(open + RESERVE)).unwrap_or(u32::MAX);
    if calls.saturating_add(connections) <= left {
        return Budget { calls, connections };
    }
    // a call makes three HTTP requests, one after another and mostly on one connection
    let connections = connections.min((left / 3).max(LEAST_CONNECTIONS));
    Budget {
        calls: calls.min(left.saturating_sub(connections).max(1)),
        connections,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_and_connections_are_lowered_to_the_limit_of_open_files() {
        assert_eq!(
            share(65_536, 30, 1_000, 512),
            Budget {
                calls: 1_000,
                connections: 512
            }
        );
        assert_eq!(
            share(1_024, 30, 1_000, 512),
            Budget {
                calls: 635,
                connections: 317
            }
        );
        assert_eq!(
            share(1_024, 30, 100, 512),
            Budget {
                calls: 100,
                connections: 512
            }
        );
        assert_eq!(
            share(100, 30, 1_000, 512),
            Budget {
                calls: 19,
                connections: 9
            }
        );
        assert_eq!(
            share(64, 30, 1_000, 512),
            Budget {
                calls: 1,
                connections: 4
            }
        );
        for limit in 80..5_000 {
            let Budget { calls, connections } = share(limit, 30, 1_000, 512);
            assert!(
                u64::from(calls + connections) + 30 + RESERVE <= limit,
                "{limit}"
            );
        }
    }

    #[test]
    fn the_soft_limit_is_raised_to_the_hard_one() {
        raise();
        let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
        assert!(
            current == maximum || current >= Some(MOST),
            "{current:?} {maximum:?}"
        );
        assert!(open() >= 3 && limit() > open());
    }
}
