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
        self.admission.reserve(&sid(call), None, self.at(s)).is_ok()
    }

    /// The same for a call of an order of its own.
    fn order(&self, call: &str, s: u64) -> bool {
        let order = Some(CallId::generate());
        self.admission
            .reserve(&sid(call), order, self.at(s))
            .is_ok()
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
    assert!(slots.order("a", 0) && slots.order("b", 3) && !slots.order("c", 9));
    assert_eq!(slots.in_use(9), (0, 2));
    assert!(slots.order("c", 10), "`a` has expired");
    assert_eq!(
        (slots.in_use(12), slots.in_use(13), slots.in_use(20)),
        ((0, 2), (0, 1), (0, 0))
    );
}

#[test]
fn a_call_that_asks_twice_has_one_slot_and_keeps_it_for_longer() {
    let slots = Slots::new();
    assert!(slots.reserve("a", 0) && slots.reserve("a", 8));
    assert_eq!(
        (slots.in_use(8), slots.in_use(17), slots.in_use(18)),
        ((0, 1), (0, 1), (0, 0))
    );
}

#[test]
fn nobody_keeps_a_reservation_open_for_ever() {
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
fn a_stream_takes_what_its_call_was_reserved_and_its_end_gives_it_back() {
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
fn a_stream_that_nobody_announced_takes_a_free_slot_and_none_above_the_cap() {
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
fn a_second_stream_of_a_call_gives_its_slot_back_when_it_is_closed() {
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
fn a_socket_that_never_starts_gives_its_slot_back_and_leaves_the_reservation_for_exotels_second_try()
 {
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
fn a_socket_that_does_not_say_whose_it_is_takes_the_slot_of_the_call_that_starts_on_it() {
    let slots = Slots::new();
    assert!(slots.reserve("a", 0) && slots.reserve("b", 0));
    let (first, second) = (
        slots.open("{CallSid}", 1).unwrap(),
        slots.open("{CallSid}", 1).unwrap(),
    );
    assert!(
        slots.open("{CallSid}", 1).is_none(),
        "no more sockets than calls that are awaited"
    );
    let a = first.start(Some(&sid("a")), slots.at(2)).unwrap();
    assert_eq!(slots.in_use(2), (1, 1));
    assert_eq!(
        second.start(Some(&sid("x")), slots.at(2)).unwrap_err(),
        Full,
        "`x` was reserved nothing"
    );
    assert!(slots.open("{CallSid}", 2).is_some(), "`b` is still awaited");
    drop(a);
    assert_eq!(slots.in_use(2), (0, 1));
}

#[test]
fn a_start_without_an_id_has_the_reservation_of_its_path_and_one_with_two_names_frees_one_slot() {
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
    let start = |socket: Opening, call: &str, at| socket.start(Some(&sid(call)), at);
    let slots = Slots::new();
    assert!(slots.reserve("a", 0));
    let a = slots.open("a", 9).unwrap();
    let _c = slots.stream("c", 25).unwrap();
    assert!(start(a, "a", slots.at(25)).is_ok());

    let slots = Slots::new();
    assert!(slots.reserve("a", 0));
    let a = slots.open("a", 9).unwrap();
    let _c = slots.stream("c", 25).unwrap();
    assert!(slots.reserve("d", 25));
    assert_eq!(start(a, "a", slots.at(25)).unwrap_err(), Full);
}

/// Eight slots, six of them for weak claims.
fn eight() -> Slots {
    Slots {
        admission: Admission::new(8),
        zero: Instant::now(),
    }
}

#[test]
fn invented_call_sids_leave_a_part_of_the_slots_to_calls_with_an_order() {
    let slots = eight();
    let invented = |s| {
        (0..20)
            .filter(|n| slots.reserve(&format!("i{s}-{n}"), s))
            .count()
    };
    assert_eq!((invented(0), slots.in_use(0)), (6, (0, 6)));
    let (at, order) = (slots.at(1), CallId::generate());
    let reservation = |call, order| slots.admission.reserve(&sid(call), Some(order), at);
    assert_eq!(reservation("a", order), Ok(()));
    // one order speaks for one call
    assert_eq!(reservation("b", order), Err(Full));
    assert_eq!(reservation("b", CallId::generate()), Ok(()));
    assert_eq!(reservation("c", CallId::generate()), Err(Full));
    assert!(slots.stream("a", 1).is_some());
}

#[test]
fn an_invented_call_sid_gives_way_once_it_has_had_its_chance_and_an_order_does_not() {
    let slots = eight();
    for n in 0..6 {
        assert!(slots.reserve(&format!("i{n}"), 0));
    }
    assert!(!slots.reserve("honest", 2) && slots.reserve("honest", 3));
    assert_eq!(slots.in_use(3), (0, 6));
    assert!(slots.stream("honest", 4).is_some());
    // asking again gives another chance
    let kept = (0..6)
        .map(|n| format!("i{n}"))
        .find(|call| slots.admission.is_reserved(&sid(call), slots.at(4)))
        .unwrap();
    assert!(slots.reserve(&kept, 5));
    for n in 0..4 {
        assert!(slots.reserve(&format!("late{n}"), 5));
    }
    assert!(slots.admission.is_reserved(&sid(&kept), slots.at(5)));

    let slots = eight();
    for n in 0..8 {
        let call = sid(&format!("o{n}"));
        let order = CallId::generate();
        // of the first ones it turns out later
        if n < 4 {
            assert!(slots.reserve(call.as_str(), 0));
            slots.admission.vouch(&call, order, slots.at(0));
        } else {
            let reserved = slots.admission.reserve(&call, Some(order), slots.at(0));
            assert!(reserved.is_ok());
        }
    }
    assert!(!slots.reserve("i", 9) && !slots.admission.has_slot(slots.at(9)));
}

#[test]
fn sockets_on_which_nothing_starts_give_way_and_are_closed() {
    let slots = eight();
    let idle: Vec<_> = (0..6)
        .map(|n| slots.open(&format!("i{n}"), 0).unwrap())
        .collect();
    assert!(slots.open("i6", 0).is_none() && !slots.reserve("early", 2));
    assert!(slots.reserve("honest", 3) && slots.stream("other", 3).is_some());
    let given_up: Vec<bool> = idle
        .iter()
        .map(|socket| socket.given_up().is_cancelled())
        .collect();
    assert_eq!(given_up, [true, false, false, false, false, false]);
    let mut idle = idle.into_iter();
    let start = |socket: Opening| socket.start(None, slots.at(4)).is_ok();
    assert!(!start(idle.next().unwrap()) && start(idle.next().unwrap()));
    assert!(slots.stream("honest", 4).is_some());
    drop(idle);
    assert_eq!(slots.in_use(4), (0, 0));
}

#[test]
fn there_are_never_more_sockets_than_slots_however_often_one_reservation_is_named() {
    let slots = Slots::new();
    assert!(slots.reserve("a", 0));
    let named: Vec<_> = (0..5).filter_map(|_| slots.open("a", 0)).collect();
    assert_eq!(named.len(), 2);
    let exotels = slots.open("a", 3).unwrap();
    assert!(named[0].given_up().is_cancelled());
    assert!(exotels.start(Some(&sid("a")), slots.at(3)).is_ok());
}
