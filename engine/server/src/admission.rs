//! Admission control: how many calls are live, and which calls have a slot reserved between their
//! applet's request and their stream.
//!
//! A slot is taken before a call is answered: an applet's request reserves one for its CallSid, the
//! stream that starts with this CallSid takes it, and the end of the call returns it. A reservation
//! whose stream never comes expires, so no slot leaks and nobody can hold all of them. Pure: time
//! is an argument. There are never more reservations, nor more sockets, than slots, so they need no
//! other bound.
//!
//! Anybody who may ask at all can invent CallSids, and open sockets on which nothing starts. So a
//! claim on a slot for which nothing speaks but the request itself is a weak one: weak claims
//! together get at most three quarters of the slots, and where no slot is left for a call, the
//! oldest weak claim that has had its [`CHANCE`] is given up for it. A reservation for an order
//! that is known is a strong one, as long as it is the only one of that order.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ghanti_model::{CallId, CallSid};
use tokio_util::sync::CancellationToken;

/// How long a slot stays reserved after an applet's request. A stream that takes longer means that
/// the Exotel flow is wrong.
pub const STREAM: Duration = Duration::from_secs(10);

/// The maximum lifetime of a reservation, however often further requests and opening sockets renew
/// it.
const LONGEST: Duration = Duration::from_secs(30);

/// For how long a weak claim is kept whatever comes: Exotel opens the stream within a second of the
/// Passthru, and sends `start` at once. After this, it is given up if a call needs its slot. With
/// 1,000 slots it takes 250 invented CallSids a second to keep an unannounced call out.
const CHANCE: Duration = Duration::from_secs(3);

/// The part of the slots that weak claims do not get: one of so many.
const STRONG_PART: usize = 4;

/// No slot is free.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Full;

/// The slots of one engine. Clones share them.
#[derive(Debug, Clone)]
pub struct Admission {
    slots: usize,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    /// Slots taken by streams.
    taken: usize,
    reserved: HashMap<CallSid, Reservation>,
    /// Open sockets that have not received `start`, by age.
    sockets: BTreeMap<u64, Socket>,
    /// How many sockets there have been.
    opened: u64,
}

#[derive(Debug)]
struct Reservation {
    since: Instant,
    asked: Instant,
    until: Instant,
    /// The order that speaks for it.
    order: Option<CallId>,
}

impl Reservation {
    fn renew(&mut self, now: Instant) {
        self.asked = now;
        self.until = (now + STREAM).min(self.since + LONGEST).max(self.until);
    }
}

#[derive(Debug)]
struct Socket {
    since: Instant,
    hold: Hold,
    given_up: CancellationToken,
}

/// What a socket without `start` holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hold {
    /// Nothing: its path names a call with a reservation.
    Reserved,
    /// A slot, by a weak claim.
    Slot,
    /// Nothing: it may turn out to belong to one of the calls with a reservation.
    Nothing,
}

/// The oldest weak claim.
enum Weakest {
    Reservation(CallSid),
    Socket(u64),
}

impl State {
    /// The number of slots that are taken, reserved, or held by sockets.
    fn in_use(&self) -> usize {
        self.taken + self.reserved.len() + self.holding(Hold::Slot)
    }

    fn holding(&self, hold: Hold) -> usize {
        let holding = |socket: &&Socket| socket.hold == hold;
        self.sockets.values().filter(holding).count()
    }

    /// The number of weak claims.
    fn weak(&self) -> usize {
        let weak = |reservation: &&Reservation| reservation.order.is_none();
        self.reserved.values().filter(weak).count() + self.holding(Hold::Slot)
    }

    /// The oldest weak claim that has had its chance.
    fn weakest(&self, now: Instant) -> Option<Weakest> {
        let reservations = self
            .reserved
            .iter()
            .filter(|(_, reservation)| reservation.order.is_none())
            .map(|(sid, reservation)| (reservation.asked, Weakest::Reservation(sid.clone())));
        let sockets = self
            .sockets
            .iter()
            .filter(|(_, socket)| socket.hold == Hold::Slot)
            .map(|(&id, socket)| (socket.since, Weakest::Socket(id)));
        let (since, weakest) = reservations
            .chain(sockets)
            .min_by_key(|(since, _)| *since)?;
        (since + CHANCE <= now).then_some(weakest)
    }

    /// Gives up the oldest weak claim, if it has had its chance.
    fn make_room(&mut self, now: Instant) -> bool {
        match self.weakest(now) {
            None => return false,
            Some(Weakest::Reservation(sid)) => drop(self.reserved.remove(&sid)),
            Some(Weakest::Socket(id)) => self.give_up(id),
        }
        true
    }

    fn give_up(&mut self, id: u64) {
        if let Some(socket) = self.sockets.remove(&id) {
            socket.given_up.cancel();
        }
    }

    /// Whether another call's reservation has this order's word.
    fn speaks_for_another(&self, order: CallId) -> bool {
        let mut reservations = self.reserved.values();
        reservations.any(|reservation| reservation.order == Some(order))
    }
}

impl Admission {
    /// Creates an admission with this many slots.
    pub fn new(slots: u32) -> Self {
        Self {
            slots: usize::try_from(slots).unwrap_or(usize::MAX),
            state: Arc::default(),
        }
    }

    /// The total number of slots.
    pub fn slots(&self) -> usize {
        self.slots
    }

    /// The number of slots taken by streams or sockets that may become one, and the number
    /// reserved.
    pub fn in_use(&self, now: Instant) -> (usize, usize) {
        let state = self.state(now);
        (
            state.taken + state.holding(Hold::Slot),
            state.reserved.len(),
        )
    }

    /// Whether there is a slot for any call.
    pub fn has_slot(&self, now: Instant) -> bool {
        let state = self.state(now);
        self.is_open_to_weak(&state) || state.weakest(now).is_some()
    }

    /// Whether a slot is reserved for this call.
    pub fn is_reserved(&self, sid: &CallSid, now: Instant) -> bool {
        self.state(now).reserved.contains_key(sid)
    }

    /// Reserves a slot for a call until its stream starts, or renews the call's reservation. A
    /// known `order` makes it a strong one. Returns [`Full`] if there is no slot.
    pub fn reserve(&self, sid: &CallSid, order: Option<CallId>, now: Instant) -> Result<(), Full> {
        let mut state = self.state(now);
        let order = order.filter(|order| !state.speaks_for_another(*order));
        if let Some(reservation) = state.reserved.get_mut(sid) {
            reservation.renew(now);
            reservation.order = reservation.order.or(order);
            return Ok(());
        }
        let has_room = match order {
            Some(_) => self.has_free(&state),
            None => self.is_open_to_weak(&state),
        };
        if !has_room && !state.make_room(now) {
            return Err(Full);
        }
        state.reserved.insert(
            sid.clone(),
            Reservation {
                since: now,
                asked: now,
                until: now + STREAM,
                order,
            },
        );
        Ok(())
    }

    /// An order turned out to be that of a call with a reservation, which is a strong one from now
    /// on.
    pub fn vouch(&self, sid: &CallSid, order: CallId, now: Instant) {
        let mut state = self.state(now);
        if !state.speaks_for_another(order)
            && let Some(reservation) = state.reserved.get_mut(sid)
        {
            reservation.order.get_or_insert(order);
        }
    }

    /// Admits an opening socket. `session` is the CallSid in its path, if there is one. Only
    /// `start` says which call a socket belongs to, so while reservations are open, as many sockets
    /// without a slot are admitted as there are reservations.
    pub fn open(&self, session: Option<CallSid>, now: Instant) -> Result<Opening, Full> {
        let mut state = self.state(now);
        let reservation = session
            .as_ref()
            .and_then(|session| state.reserved.get_mut(session));
        let hold = if reservation
            .map(|reservation| reservation.renew(now))
            .is_some()
        {
            Hold::Reserved
        } else if self.is_open_to_weak(&state) {
            Hold::Slot
        } else if state.holding(Hold::Nothing) < state.reserved.len() {
            Hold::Nothing
        } else if state.make_room(now) {
            Hold::Slot
        } else {
            return Err(Full);
        };
        while state.taken + state.sockets.len() >= self.slots {
            // a reservation is worth more than whatever has not started
            let is_spare = |socket: &Socket| {
                socket.since + CHANCE <= now
                    || (hold == Hold::Reserved && socket.hold != Hold::Reserved)
            };
            let spare = state.sockets.iter().find(|(_, socket)| is_spare(socket));
            match spare.map(|(&id, _)| id) {
                Some(id) => state.give_up(id),
                None => return Err(Full),
            }
        }
        let (id, given_up) = (state.opened, CancellationToken::new());
        state.opened += 1;
        state.sockets.insert(
            id,
            Socket {
                since: now,
                hold,
                given_up: given_up.clone(),
            },
        );
        drop(state);
        Ok(Opening {
            socket: OpenSocket {
                id,
                state: Arc::clone(&self.state),
            },
            admission: self.clone(),
            session,
            given_up,
        })
    }

    fn has_free(&self, state: &State) -> bool {
        state.in_use() < self.slots
    }

    /// Whether there is a slot for a weak claim.
    fn is_open_to_weak(&self, state: &State) -> bool {
        self.has_free(state) && state.weak() < self.slots - self.slots / STRONG_PART
    }

    /// Locks the state after removing expired reservations.
    fn state(&self, now: Instant) -> MutexGuard<'_, State> {
        let mut state = locked(&self.state);
        state
            .reserved
            .retain(|_, reservation| now < reservation.until);
        state
    }
}

fn locked(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A socket that has not yet received `start`. Dropping it returns what it took and keeps the
/// reservation, since Exotel tries to connect twice.
#[derive(Debug)]
pub struct Opening {
    socket: OpenSocket,
    admission: Admission,
    session: Option<CallSid>,
    given_up: CancellationToken,
}

impl Opening {
    /// Cancelled when the socket has not started in time and its slot went to another call: it is
    /// to be closed.
    pub fn given_up(&self) -> CancellationToken {
        self.given_up.clone()
    }

    /// Called on `start`, with the CallSid if there is one. The call takes its reservation, its
    /// socket's slot, or a free slot. Returns [`Full`] if there is none.
    pub fn start(self, sid: Option<&CallSid>, now: Instant) -> Result<Permit, Full> {
        let mut state = self.admission.state(now);
        // one that was given up is being closed
        let socket = state.sockets.remove(&self.socket.id).ok_or(Full)?;
        // a reservation may be under either name; `any` stops at the first, so only one is released
        let was_reserved = sid
            .into_iter()
            .chain(&self.session)
            .any(|name| state.reserved.remove(name).is_some());
        let is_taken = was_reserved
            || socket.hold == Hold::Slot
            // what has started is no weak claim any more
            || self.admission.has_free(&state)
            || state.make_room(now);
        if is_taken {
            state.taken += 1;
        }
        // dropping `self` locks the state again
        drop(state);
        is_taken
            .then(|| Permit(Arc::clone(&self.admission.state)))
            .ok_or(Full)
    }
}

/// An entry of [`State::sockets`], removed on drop.
#[derive(Debug)]
struct OpenSocket {
    id: u64,
    state: Arc<Mutex<State>>,
}

impl Drop for OpenSocket {
    fn drop(&mut self) {
        locked(&self.state).sockets.remove(&self.id);
    }
}

/// A call's slot, returned on drop.
#[derive(Debug)]
pub struct Permit(Arc<Mutex<State>>);

impl Drop for Permit {
    fn drop(&mut self) {
        let mut state = locked(&self.0);
        state.taken = state.taken.saturating_sub(1);
    }
}

#[cfg(test)]
mod tests;
