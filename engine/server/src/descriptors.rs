//! How many files, sockets and pipes this process may have open, and how they are shared out: a
//! part is kept for what calls need besides their sockets, so that no crowd of connections takes a
//! live call's voice away.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// More than this is never asked for: some programs, inheriting it, close every descriptor that
/// could be open.
const MOST: u64 = 1 << 20;

/// Kept in addition to what is open at the start: four processes that speak, each with three pipes
/// of two ends while it starts (24); connections of the stores' pools that are made when they are
/// needed (8); flows that are read (4); prompts and spooled records that are written (4).
const RESERVE: u64 = 40;

/// Requests of as many calls come at once even to a small engine.
const LEAST_CONNECTIONS: u32 = 4;

/// What the limit allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// Calls, each with the socket of its stream.
    pub calls: u32,
    /// Connections that hold no call.
    pub connections: u32,
}

/// Raises the soft limit to the hard one, as far as is useful.
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

/// The limit as it stands.
pub fn limit() -> u64 {
    getrlimit(Resource::Nofile).current.unwrap_or(MOST)
}

/// How many are open now.
pub fn open() -> u64 {
    let counted = std::fs::read_dir("/proc/self/fd")
        .map(|entries| entries.count())
        .ok();
    counted
        .and_then(|count| u64::try_from(count).ok())
        .unwrap_or(RESERVE)
}

/// Shares out what is left of `limit` when `open` are open. At least one call and four connections:
/// less would be no engine.
pub fn share(limit: u64, open: u64, calls: u32, connections: u32) -> Budget {
    let left = u32::try_from(limit.saturating_sub(open + RESERVE)).unwrap_or(u32::MAX);
    if calls.saturating_add(connections) <= left {
        return Budget { calls, connections };
    }
    // a call comes with three requests, one after another, mostly on one connection
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
    fn places_are_lowered_to_what_the_limit_of_open_files_allows() {
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
                calls: 636,
                connections: 318
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
                calls: 20,
                connections: 10
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
