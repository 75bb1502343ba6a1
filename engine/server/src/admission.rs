//! Admission control: how many calls are live, and which calls have a slot reserved between their
//! applet's request and their stream.
//!
//! A slot is taken before a call is answered: an applet's request reserves one for its CallSid, the
//! stream that starts with this CallSid takes it, and the end of the call returns it. A reservation
//! whose stream never comes expires, so no slot leaks and nobody can hold all of them. Pure: time
//! is an argument. There are never more reservations than slots, so they need no other bound.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ghanti_model::CallSid;

/// How long a slot stays reserved after an applet's request. A stream that takes longer means that
/// the Exotel flow is wrong.
pub const STREAM: Duration = Duration::from_secs(10);

/// The maximum lifetime of a reservation, however often further requests and opening sockets renew
/// it.
const LONGEST: Duration = Duration::from_secs(30);

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
    /// Open sockets without a slot; each may turn out to belong to a call with a reservation.
    unknown: usize,
}

#[derive(Debug)]
struct Reservation {
    since: Instant,
    until: Instant,
}

impl Reservation {
    fn renew(&mut self, now: Instant) {
        self.until = (now + STREAM).min(self.since + LONGEST).max(self.until);
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

    /// The number of slots taken by streams, and the number reserved.
    pub fn in_use(&self, now: Instant) -> (usize, usize) {
        let state = self.state(now);
        (state.taken, state.reserved.len())
    }

    /// Whether a slot is free for any call.
    pub fn has_slot(&self, now: Instant) -> bool {
        self.has_free(&self.state(now))
    }

    /// Whether a slot is reserved for this call.
    pub fn is_reserved(&self, sid: &CallSid, now: Instant) -> bool {
        self.state(now).reserved.contains_key(sid)
    }

    /// Reserves a slot for a call until its stream starts, or renews the call's reservation.
    /// Returns [`Full`] if no slot is free.
    pub fn reserve(&self, sid: &CallSid, now: Instant) -> Result<(), Full> {
        let mut state = self.state(now);
        if let Some(reservation) = state.reserved.get_mut(sid) {
            reservation.renew(now);
            return Ok(());
        }
        if !self.has_free(&state) {
            return Err(Full);
        }
        state.reserved.insert(
            sid.clone(),
            Reservation {
                since: now,
                until: now + STREAM,
            },
        );
        Ok(())
    }

    /// Admits an opening socket. `session` is the CallSid in its path, if there is one. Only
    /// `start` says which call a socket belongs to, so while reservations are open, as many sockets
    /// without a slot are admitted as there are reservations.
    pub fn open(&self, session: Option<CallSid>, now: Instant) -> Result<Opening, Full> {
        let mut state = self.state(now);
        let reservation = session
            .as_ref()
            .and_then(|session| state.reserved.get_mut(session));
        let is_reserved = reservation.map(|it| it.renew(now)).is_some();
        let slot = if is_reserved {
            Slot::Reserved
        } else if self.has_free(&state) {
            state.taken += 1;
            Slot::Taken(Permit(Arc::clone(&self.state)))
        } else if state.unknown < state.reserved.len() {
            state.unknown += 1;
            Slot::Unknown(Unknown(Arc::clone(&self.state)))
        } else {
            return Err(Full);
        };
        Ok(Opening {
            admission: self.clone(),
            session,
            slot,
        })
    }

    fn has_free(&self, state: &State) -> bool {
        state.taken + state.reserved.len() < self.slots
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
    admission: Admission,
    session: Option<CallSid>,
    slot: Slot,
}

#[derive(Debug)]
enum Slot {
    Reserved,
    Taken(Permit),
    Unknown(#[expect(dead_code, reason = "counts as long as it is there")] Unknown),
}

impl Opening {
    /// Called on `start`, with the CallSid if there is one. The call takes its reservation, its
    /// socket's slot, or a free slot. Returns [`Full`] if there is none.
    pub fn start(self, sid: Option<&CallSid>, now: Instant) -> Result<Permit, Full> {
        let Self {
            admission,
            session,
            slot,
        } = self;
        let mut state = admission.state(now);
        // a reservation may be under either name; `any` stops at the first, so only one is released
        let was_reserved = sid
            .into_iter()
            .chain(&session)
            .any(|name| state.reserved.remove(name).is_some());
        match slot {
            Slot::Taken(permit) => Ok(permit),
            slot if was_reserved || admission.has_free(&state) => {
                state.taken += 1;
                // dropping `slot` locks the state again
                drop(state);
                drop(slot);
                Ok(Permit(Arc::clone(&admission.state)))
            }
            slot => {
                drop(state);
                drop(slot);
                Err(Full)
            }
        }
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

#[derive(Debug)]
struct Unknown(Arc<Mutex<State>>);

impl Drop for Unknown {
    fn drop(&mut self) {
        let mut state = locked(&self.0);
        state.unknown = state.unknown.saturating_sub(1);
    }
}

#[cfg(test)]
mod tests;
