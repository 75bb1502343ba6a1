//! The connections that do not carry a call: how many may be open, in all and per client address,
//! and which one is closed when there are more.
//!
//! A connection either waits (for a request's head, for the rest of a body, or idle between
//! requests) or is being answered. At a limit, the one that has waited longest is closed for the
//! new one, so that idle connections keep nobody out. The new one is refused only if all others are
//! being answered. A connection that has become a call's stream is no longer counted here: calls
//! have slots of their own. Holds no sockets and reads no clock.

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;

/// All connections are being answered, so none can be closed for a new one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Crowded;

/// The connections of one engine. Clones share them.
#[derive(Debug, Clone)]
pub struct Connections {
    most_of_address: usize,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    most: usize,
    /// Logical clock, which orders connections by when they began to wait.
    clock: u64,
    open: BTreeMap<u64, Open>,
    counts: Counts,
}

/// Counts of closed connections since the start of the engine.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// Closed while waiting, to admit a new one.
    pub replaced: u64,
    /// Refused on arrival, because all others were being answered.
    pub refused: u64,
}

#[derive(Debug)]
struct Open {
    address: IpAddr,
    /// When it began to wait, on the logical clock; `None` while it is being answered.
    waiting_since: Option<u64>,
    close: CancellationToken,
    gone: CancellationToken,
}

fn size(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

impl Connections {
    /// Creates a registry with a limit for all connections and one for those of each address.
    pub fn new(most: u32, most_of_address: u32) -> Self {
        let connections = Self {
            most_of_address: size(most_of_address),
            state: Arc::default(),
        };
        connections.set_most(most);
        connections
    }

    /// Changes the maximum number of connections. Open connections stay open.
    pub fn set_most(&self, most: u32) {
        self.state().most = size(most);
    }

    /// The maximum number of connections.
    pub fn most(&self) -> usize {
        self.state().most
    }

    /// The number of open connections.
    pub fn open(&self) -> usize {
        self.state().open.len()
    }

    /// How many connections were closed or refused so far.
    pub fn counts(&self) -> Counts {
        self.state().counts
    }

    /// Admits a connection. If another one is closed for it, also returns a token that is cancelled
    /// once that one is gone. Returns [`Crowded`] if no other can be closed.
    pub fn admit(
        &self,
        address: IpAddr,
    ) -> Result<(Connection, Option<CancellationToken>), Crowded> {
        let address = network(address);
        let mut state = self.state();
        let of_address = state
            .open
            .values()
            .filter(|open| open.address == address)
            .count();
        let replaced = if of_address >= self.most_of_address {
            Some(state.longest_waiting(|open| open.address == address))
        } else if state.open.len() >= state.most {
            let crowd = state.most_waiting();
            Some(state.longest_waiting(|open| Some(open.address) == crowd))
        } else {
            None
        };
        let replaced = match replaced {
            Some(None) => {
                state.counts.refused += 1;
                return Err(Crowded);
            }
            Some(Some(id)) => state.close(id),
            None => None,
        };
        let (close, gone) = (CancellationToken::new(), CancellationToken::new());
        state.clock += 1;
        let id = state.clock;
        state.open.insert(
            id,
            Open {
                address,
                waiting_since: Some(id),
                close: close.clone(),
                gone: gone.clone(),
            },
        );
        Ok((
            Connection {
                id,
                close,
                gone,
                state: Arc::clone(&self.state),
            },
            replaced,
        ))
    }

    /// Closes the connection that has waited longest, for use when the process has run out of file
    /// descriptors.
    pub fn make_room(&self) {
        let mut state = self.state();
        if let Some(id) = state.longest_waiting(|_| true) {
            state.close(id);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        locked(&self.state)
    }
}

fn locked(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl State {
    fn longest_waiting(&self, is_one: impl Fn(&Open) -> bool) -> Option<u64> {
        let waiting = self
            .open
            .iter()
            .filter(|(_, open)| is_one(open))
            .filter_map(|(id, open)| Some((open.waiting_since?, *id)));
        waiting.min().map(|(_, id)| id)
    }

    /// The address with the most waiting connections.
    fn most_waiting(&self) -> Option<IpAddr> {
        let mut waiting = HashMap::<IpAddr, usize>::new();
        for open in self
            .open
            .values()
            .filter(|open| open.waiting_since.is_some())
        {
            *waiting.entry(open.address).or_default() += 1;
        }
        waiting
            .into_iter()
            .max_by_key(|(address, count)| (*count, *address))
            .map(|(address, _)| address)
    }

    fn close(&mut self, id: u64) -> Option<CancellationToken> {
        let closed = self.open.remove(&id)?;
        closed.close.cancel();
        self.counts.replaced += 1;
        Some(closed.gone)
    }
}

/// Providers assign a whole /64 network to one IPv6 customer, so it counts as one address.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64)))
        }
        address => address,
    }
}

/// An admitted connection. Dropping it makes room for another one.
#[derive(Debug)]
pub struct Connection {
    id: u64,
    close: CancellationToken,
    gone: CancellationToken,
    state: Arc<Mutex<State>>,
}

impl Connection {
    /// Marks the connection as being answered: its request has arrived completely.
    pub fn mark_answering(&self) {
        self.set(|_| None);
    }

    /// Marks the connection as waiting for its next request: its response has been sent on.
    pub fn mark_waiting(&self) {
        self.set(Some);
    }

    /// Resolves when the connection has to close for another one.
    pub async fn replaced(&self) {
        self.close.cancelled().await;
    }

    fn set(&self, since: impl FnOnce(u64) -> Option<u64>) {
        let mut state = locked(&self.state);
        state.clock += 1;
        let now = state.clock;
        if let Some(open) = state.open.get_mut(&self.id) {
            open.waiting_since = since(now);
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        locked(&self.state).open.remove(&self.id);
        self.gone.cancel();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    fn open(connections: &Connections, last: u8) -> Connection {
        connections.admit(address(last)).unwrap().0
    }

    fn is_open(connection: &Connection) -> bool {
        !connection.close.is_cancelled()
    }

    #[test]
    fn the_longest_waiting_connection_is_closed_for_a_new_one() {
        let connections = Connections::new(3, 3);
        let all = [
            open(&connections, 1),
            open(&connections, 1),
            open(&connections, 1),
        ];
        all[0].mark_answering();
        all[1].mark_answering();
        all[1].mark_waiting();
        let (new, replaced) = connections.admit(address(1)).unwrap();
        assert_eq!(all.each_ref().map(is_open), [true, true, false]);
        let [_, _, third] = all;
        let replaced = replaced.unwrap();
        assert!(!replaced.is_cancelled());
        drop(third);
        assert!(replaced.is_cancelled() && is_open(&new));
        assert_eq!(
            (connections.open(), connections.counts()),
            (
                3,
                Counts {
                    replaced: 1,
                    refused: 0
                }
            )
        );
    }

    #[test]
    fn an_address_with_many_idle_connections_keeps_no_other_out() {
        let connections = Connections::new(10, 8);
        let honest = open(&connections, 2);
        let mut crowd: Vec<_> = (0..1_000).map(|_| open(&connections, 1)).collect();
        assert_eq!(
            (
                connections.open(),
                crowd.iter().filter(|one| is_open(one)).count(),
                is_open(&honest)
            ),
            (9, 8, true)
        );
        let others: Vec<_> = (3..8).map(|last| open(&connections, last)).collect();
        assert!(
            is_open(&honest) && others.iter().all(is_open),
            "the address with the most waiting connections loses them first"
        );
        assert_eq!(connections.open(), 10);
        crowd.clear();
        assert_eq!(connections.open(), 6);
    }

    #[test]
    fn a_connection_being_answered_is_not_closed() {
        let connections = Connections::new(2, 2);
        let all = [open(&connections, 1), open(&connections, 2)];
        all.iter().for_each(Connection::mark_answering);
        assert_eq!(connections.admit(address(3)).unwrap_err(), Crowded);
        connections.make_room();
        assert!(all.iter().all(is_open));
        all[1].mark_waiting();
        assert!(connections.admit(address(3)).is_ok() && is_open(&all[0]) && !is_open(&all[1]));
        assert_eq!(connections.counts().refused, 1);
    }

    #[test]
    fn an_ipv6_network_counts_as_one_address() {
        let connections = Connections::new(10, 1);
        let first = connections.admit("2001:db8::1".parse().unwrap()).unwrap().0;
        let second = connections
            .admit("2001:db8::ffff:2".parse().unwrap())
            .unwrap()
            .0;
        assert!(!is_open(&first) && is_open(&second));
        let third = connections
            .admit("2001:db8:0:1::1".parse().unwrap())
            .unwrap()
            .0;
        let mapped = ["::ffff:192.0.2.1", "192.0.2.1"]
            .map(|text| connections.admit(text.parse().unwrap()).unwrap().0);
        assert_eq!(
            [&second, &third, &mapped[0], &mapped[1]].map(is_open),
            [true, true, false, true]
        );
    }
}
