//! Each way of reserving, taking and returning a slot, with explicit times.

use super::*;

fn sid(text: &str) -> CallSid {
    CallSid::parse(text).unwrap()
}

/// Two slots, with times in seconds.
struct Slots {
    admission: Admission,
    zero: Instant,
}

impl Slots {
    fn new() -> Self {
        Self {
            admission: Admission::new(2),
            zero: Instant::now(),
        }
    }

    fn at(&self, s: u64) -> Instant {
        self.zero + Duration::from_secs(s)
    }

    fn reserve(&self, call: &str, s: u64) -> bool {
        self.admission.reserve(&sid(call), self.at(s)).is_ok()
    }

    fn open(&self, session: &str, s: u64) -> Option<Opening> {
        self.admission
            .open(CallSid::parse(session).ok(), self.at(s))
            .ok()
    }

    /// A stream that opens and starts at once.
    fn stream(&self, session: &str, s: u64) -> Option<Permit> {
        self.open(session, s)?
            .start(Some(&sid(session)), self.at(s))
            .ok()
    }

    fn in_use(&self, s: u64) -> (usize, usize) {
        self.admission.in_use(self.at(s))
    }
}

#[test]
fn a_reservation_whose_stream_never_comes_expires() {
    let slots = Slots::new();
    assert!(slots.reserve("a", 0) && slots.reserve("b", 3) && !slots.reserve("c", 9));
    assert_eq!(slots.in_use(9), (0, 2));
    assert!(slots.reserve("c", 10), "`a` has expired");
    assert_eq!(
        (slots.in_use(12), slots.in_use(13), slots.in_use(20)),
        ((0, 2), (0, 1), (0, 0))
    );
}

#[test]
fn a_second_request_of_a_call_renews_its_one_reservation() {
    let slots = Slots::new();
    assert!(slots.reserve("a", 0) && slots.reserve("a", 8));
    assert_eq!(
        (slots.in_use(8), slots.in_use(17), slots.in_use(18)),
        ((0, 1), (0, 1), (0, 0))
    );
}

#[test]
fn a_reservation_has_a_maximum_lifetime() {
    let slots = Slots::new();
    assert!((0..30).step_by(5).all(|s| slots.reserve("a", s)));
    assert_eq!((slots.in_use(29), slots.in_use(30)), ((0, 1), (0, 0)));
    // sockets do not extend it beyond the maximum either
    assert!(slots.reserve("b", 40));
    let sockets: Vec<_> = (45..70)
        .step_by(5)
        .map(|s| slots.open("b", s).is_some())
        .collect();
    assert_eq!((sockets, slots.in_use(70)), (vec![true; 5], (0, 0)));
}

#[test]
fn a_stream_takes_its_calls_reservation_and_its_end_returns_the_slot() {
    let slots = Slots::new();
    assert!(slots.reserve("a", 0) && slots.reserve("b", 0));
    let a = slots.stream("a", 1).unwrap();
    assert_eq!(slots.in_use(1), (1, 1));
    assert!(!slots.reserve("c", 1));
    drop(a);
    assert_eq!(slots.in_use(1), (0, 1));
    assert!(slots.reserve("c", 1));
}

#[test]
fn a_stream_without_a_reservation_takes_a_free_slot_up_to_the_limit() {
    let slots = Slots::new();
    let both = (slots.stream("a", 0).unwrap(), slots.stream("b", 0).unwrap());
    assert!(
        slots.open("c", 0).is_none()
            && !slots.reserve("c", 0)
            && !slots.admission.has_slot(slots.at(0))
    );
    drop(both);
    assert_eq!(slots.in_use(0), (0, 0));
}

#[test]
fn a_second_stream_of_a_call_returns_its_slot_when_it_closes() {
    let slots = Slots::new();
    assert!(slots.reserve("a", 0));
    let first = slots.stream("a", 1).unwrap();
    let second = slots.stream("a", 2).unwrap();
    assert_eq!(slots.in_use(2), (2, 0));
    drop(second);
    assert_eq!(slots.in_use(2), (1, 0));
    drop(first);
    assert_eq!(slots.in_use(2), (0, 0));
}

#[test]
fn a_socket_that_never_starts_returns_its_slot_and_keeps_the_reservation_for_the_second_attempt() {
    let slots = Slots::new();
    assert!(slots.reserve("a", 0));
    drop(slots.open("a", 5).unwrap());
    assert_eq!(slots.in_use(5), (0, 1));
    // the second attempt comes while other calls ask for slots
    assert!(slots.reserve("b", 6) && !slots.reserve("c", 6));
    assert!(slots.stream("a", 7).is_some());
    drop(slots.open("d", 20).unwrap());
    assert_eq!(slots.in_use(20), (0, 0));
}

#[test]
fn a_socket_without_a_callsid_takes_the_slot_of_the_call_that_starts_on_it() {
    let slots = Slots::new();
    assert!(slots.reserve("a", 0) && slots.reserve("b", 0));
    let (first, second) = (
        slots.open("{CallSid}", 1).unwrap(),
        slots.open("{CallSid}", 1).unwrap(),
    );
    assert!(
        slots.open("{CallSid}", 1).is_none(),
        "no more unidentified sockets than reservations"
    );
    let a = first.start(Some(&sid("a")), slots.at(2)).unwrap();
    assert_eq!(slots.in_use(2), (1, 1));
    assert_eq!(
        second.start(Some(&sid("x")), slots.at(2)).unwrap_err(),
        Full,
        "`x` has no reservation"
    );
    assert!(
        slots.open("{CallSid}", 2).is_some(),
        "`b` still has its reservation"
    );
    drop(a);
    assert_eq!(slots.in_use(2), (0, 1));
}

#[test]
fn a_start_without_an_id_takes_the_reservation_of_its_path_and_one_with_two_ids_releases_one() {
    let slots = Slots::new();
    assert!(slots.reserve("a", 0));
    let nameless = slots
        .open("a", 1)
        .unwrap()
        .start(None, slots.at(1))
        .unwrap();
    assert_eq!(slots.in_use(1), (1, 0));
    drop(nameless);
    // the socket took a free slot before `start` named a call with a reservation
    assert!(slots.reserve("b", 2));
    let b = slots
        .open("call", 2)
        .unwrap()
        .start(Some(&sid("b")), slots.at(2))
        .unwrap();
    assert_eq!(slots.in_use(2), (1, 0));
    drop(b);
}

#[test]
fn a_start_after_its_reservation_expired_takes_a_free_slot_if_there_is_one() {
    let slots = Slots::new();
    assert!(slots.reserve("a", 0) && slots.reserve("b", 0));
    let (a, b) = (slots.open("a", 9).unwrap(), slots.open("b", 9).unwrap());
    let taken = slots.stream("c", 25).unwrap();
    assert!(
        a.start(Some(&sid("a")), slots.at(25))
            .map(std::mem::forget)
            .is_ok()
    );
    assert_eq!(b.start(Some(&sid("b")), slots.at(25)).unwrap_err(), Full);
    drop(taken);
}
