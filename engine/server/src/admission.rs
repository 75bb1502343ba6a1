//! How many calls are held, and for whom a place is kept between the applet that was told to go on
//! and the stream that comes.
//!
//! A place is taken before a call is answered: an applet's request promises one to its CallSid, the
//! stream that starts with this CallSid takes it, and the call's end gives it back. A promise
//! nobody comes for lapses by itself, so that no place is lost and nobody can keep them all. Pure:
//! time is an argument. Promises never outnumber the places, so they need no other bound.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ghanti_model::CallSid;

/// A stream comes within this time after its applet's request, or the Exotel flow is wrong.
pub const STREAM: Duration = Duration::from_secs(10);

/// A promise that is renewed, by further requests and by sockets that open, lapses all the same
/// after this time.
const LONGEST: Duration = Duration::from_secs(30);

/// There is no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Full;

/// The places of one engine. Clones are the same places.
#[derive(Debug, Clone)]
pub struct Admission {
    places: usize,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    /// Places of streams.
    taken: usize,
    promised: HashMap<CallSid, Promise>,
    /// Open sockets without a place, each of which may turn out to be a promised call's.
    unknown: usize,
}

#[derive(Debug)]
struct Promise {
    since: Instant,
    until: Instant,
}

impl Promise {
    fn renew(&mut self, now: Instant) {
        self.until = (now + STREAM).min(self.since + LONGEST).max(self.until);
    }
}

impl Admission {
    /// So many places.
    pub fn new(places: u32) -> Self {
        Self {
            places: usize::try_from(places).unwrap_or(usize::MAX),
            state: Arc::default(),
        }
    }

    /// How many places there are.
    pub fn places(&self) -> usize {
        self.places
    }

    /// How many of them streams have taken, and how many are promised.
    pub fn in_use(&self, now: Instant) -> (usize, usize) {
        let state = self.state(now);
        (state.taken, state.promised.len())
    }

    /// Whether there is a place for anyone.
    pub fn has_place(&self, now: Instant) -> bool {
        self.has_free(&self.state(now))
    }

    /// Whether a call has been promised one.
    pub fn is_promised(&self, sid: &CallSid, now: Instant) -> bool {
        self.state(now).promised.contains_key(sid)
    }

    /// Keeps a place for a call until its stream starts; one that has it already keeps it for
    /// longer.
    pub fn promise(&self, sid: &CallSid, now: Instant) -> Result<(), Full> {
        let mut state = self.state(now);
        if let Some(promise) = state.promised.get_mut(sid) {
            promise.renew(now);
            return Ok(());
        }
        if !self.has_free(&state) {
            return Err(Full);
        }
        state.promised.insert(
            sid.clone(),
            Promise {
                since: now,
                until: now + STREAM,
            },
        );
        Ok(())
    }

    /// A socket opens. `session` is what its path says. As only `start` tells which call it is, a
    /// socket is let in as well while a promise to some call is open; so many of them, and no more.
    pub fn open(&self, session: Option<CallSid>, now: Instant) -> Result<Opening, Full> {
        let mut state = self.state(now);
        let promise = session
            .as_ref()
            .and_then(|session| state.promised.get_mut(session));
        let is_promised = promise.map(|promise| promise.renew(now)).is_some();
        let place = if is_promised {
            Place::Promised
        } else if self.has_free(&state) {
            state.taken += 1;
            Place::Taken(Permit(Arc::clone(&self.state)))
        } else if state.unknown < state.promised.len() {
            state.unknown += 1;
            Place::Unknown(Unknown(Arc::clone(&self.state)))
        } else {
            return Err(Full);
        };
        Ok(Opening {
            admission: self.clone(),
            session,
            place,
        })
    }

    fn has_free(&self, state: &State) -> bool {
        state.taken + state.promised.len() < self.places
    }

    /// What holds now: lapsed promises are gone.
    fn state(&self, now: Instant) -> MutexGuard<'_, State> {
        let mut state = locked(&self.state);
        state.promised.retain(|_, promise| now < promise.until);
        state
    }
}

fn locked(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A socket on which `start` has not come. Dropping it gives back what it took, and leaves promises
/// as they are: Exotel tries twice.
#[derive(Debug)]
pub struct Opening {
    admission: Admission,
    session: Option<CallSid>,
    place: Place,
}

#[derive(Debug)]
enum Place {
    Promised,
    Taken(Permit),
    Unknown(#[expect(dead_code, reason = "counts as long as it is there")] Unknown),
}

impl Opening {
    /// `start` has come, with the call's id if it has one: the call takes what it was promised, or
    /// what its socket took, or a free place.
    pub fn start(self, sid: Option<&CallSid>, now: Instant) -> Result<Permit, Full> {
        let Self {
            admission,
            session,
            place,
        } = self;
        let mut state = admission.state(now);
        let was_promised = sid
            .into_iter()
            .chain(&session)
            .any(|name| state.promised.remove(name).is_some());
        match place {
            Place::Taken(permit) => Ok(permit),
            place if was_promised || admission.has_free(&state) => {
                state.taken += 1;
                drop(state);
                drop(place);
                Ok(Permit(Arc::clone(&admission.state)))
            }
            place => {
                drop(state);
                drop(place);
                Err(Full)
            }
        }
    }
}

/// A call's place, given back when it is dropped.
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
