//! The connections that hold no call: how many there may be, in all and of one address, and which
//! of them goes where there are more.
//!
//! A connection waits (for a request's head, for the rest of a body, or idle between requests) or
//! is being answered. At a cap the one that has waited for longest is closed for the new one, so
//! that connections nobody uses keep nobody out. Only where all are being answered is the new one
//! closed. A connection that has become a call's stream counts no more: calls have places of their
//! own. Pure: nothing here is a socket.

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;

/// All are being answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Crowded;

/// The connections of one engine. Clones are the same connections.
#[derive(Debug, Clone)]
pub struct Connections {
    most_of_address: usize,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    most: usize,
    /// Counts what happens, as the order in which connections began to wait.
    clock: u64,
    open: BTreeMap<u64, Open>,
    counts: Counts,
}

/// What became of connections, since the start.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// Closed while they waited, for a new one.
    pub replaced: u64,
    /// Closed as soon as they came, since all others were being answered.
    pub refused: u64,
}

#[derive(Debug)]
struct Open {
    address: IpAddr,
    /// Since when it has waited; none while it is answered.
    waits: Option<u64>,
    close: CancellationToken,
    gone: CancellationToken,
}

fn size(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

impl Connections {
    /// At most `most` in all, and `most_of_address` from one address.
    pub fn new(most: u32, most_of_address: u32) -> Self {
        let connections = Self {
            most_of_address: size(most_of_address),
            state: Arc::default(),
        };
        connections.set_most(most);
        connections
    }

    /// Sets how many there may be from now on. Connections that are open stay open.
    pub fn set_most(&self, most: u32) {
        self.state().most = size(most);
    }

    /// How many there may be.
    pub fn most(&self) -> usize {
        self.state().most
    }

    /// How many there are.
    pub fn open(&self) -> usize {
        self.state().open.len()
    }

    /// What became of others.
    pub fn counts(&self) -> Counts {
        self.state().counts
    }

    /// Takes a connection in. With it comes what resolves when the one that was closed for it is
    /// gone.
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
                waits: Some(id),
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

    /// Closes the one that has waited for longest, where the system has no descriptor left.
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
            .filter_map(|(id, open)| Some((open.waits?, *id)));
        waiting.min().map(|(_, id)| id)
    }

    /// The address of which most connections wait.
    fn most_waiting(&self) -> Option<IpAddr> {
        let mut waiting = HashMap::<IpAddr, usize>::new();
        for open in self.open.values().filter(|open| open.waits.is_some()) {
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

/// A provider gives a customer a whole network of 64 bits, so that is one address.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64)))
        }
        address => address,
    }
}

/// One connection; dropping it makes room.
#[derive(Debug)]
pub struct Connection {
    id: u64,
    close: CancellationToken,
    gone: CancellationToken,
    state: Arc<Mutex<State>>,
}

impl Connection {
    /// It is being answered: its request has come whole.
    pub fn is_answered(&self) {
        self.set(|_| None);
    }

    /// Its answer is on its way: it waits for the next request.
    pub fn waits(&self) {
        self.set(Some);
    }

    /// Resolves when it is to be closed for another one.
    pub async fn replaced(&self) {
        self.close.cancelled().await;
    }

    fn set(&self, waits: impl FnOnce(u64) -> Option<u64>) {
        let mut state = locked(&self.state);
        state.clock += 1;
        let now = state.clock;
        if let Some(open) = state.open.get_mut(&self.id) {
            open.waits = waits(now);
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
    fn the_one_that_has_waited_for_longest_goes_for_a_new_one() {
        let connections = Connections::new(3, 3);
        let all = [
            open(&connections, 1),
            open(&connections, 1),
            open(&connections, 1),
        ];
        all[0].is_answered();
        all[1].is_answered();
        all[1].waits();
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
            "those of the crowd go first"
        );
        assert_eq!(connections.open(), 10);
        crowd.clear();
        assert_eq!(connections.open(), 6);
    }

    #[test]
    fn whoever_is_being_answered_is_not_cut_off() {
        let connections = Connections::new(2, 2);
        let all = [open(&connections, 1), open(&connections, 2)];
        all.iter().for_each(Connection::is_answered);
        assert_eq!(connections.admit(address(3)).unwrap_err(), Crowded);
        connections.make_room();
        assert!(all.iter().all(is_open));
        all[1].waits();
        assert!(connections.admit(address(3)).is_ok() && is_open(&all[0]) && !is_open(&all[1]));
        assert_eq!(connections.counts().refused, 1);
    }

    #[test]
    fn a_network_of_a_customer_is_one_address() {
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
