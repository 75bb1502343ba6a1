//! Each way of reserving, taking and returning a slot, with explicit times.

use super::*;

fn sid(text: &str) -> CallSid {
    CallSid::parse(text).unwrap()
}

/// Two slots, with times in seconds.
struct Bench {
    admission: Admission,
    zero: Instant,
}

impl Bench {
    fn new() -> Self {
        Self {
            admission: Admission::new(2),
            zero: Instant::now(),
        }
    }

    fn at(&self, s: u64) -> Instant {
        self.zero + Duration::from_secs(s)
    }

    fn promise(&self, call: &str, s: u64) -> bool {
        self.admission.promise(&sid(call), self.at(s)).is_ok()
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
fn a_promise_that_no_stream_comes_for_lapses() {
    let bench = Bench::new();
    assert!(bench.promise("a", 0) && bench.promise("b", 3) && !bench.promise("c", 9));
    assert_eq!(bench.in_use(9), (0, 2));
    assert!(bench.promise("c", 10), "`a` has lapsed");
    assert_eq!(
        (bench.in_use(12), bench.in_use(13), bench.in_use(20)),
        ((0, 2), (0, 1), (0, 0))
    );
}

#[test]
fn a_call_that_asks_twice_has_one_place_and_keeps_it_for_longer() {
    let bench = Bench::new();
    assert!(bench.promise("a", 0) && bench.promise("a", 8));
    assert_eq!(
        (bench.in_use(8), bench.in_use(17), bench.in_use(18)),
        ((0, 1), (0, 1), (0, 0))
    );
}

#[test]
fn nobody_keeps_a_promise_open_for_ever() {
    let bench = Bench::new();
    assert!((0..30).step_by(5).all(|s| bench.promise("a", s)));
    assert_eq!((bench.in_use(29), bench.in_use(30)), ((0, 1), (0, 0)));
    // sockets do not extend it beyond the maximum either
    assert!(bench.promise("b", 40));
    let sockets: Vec<_> = (45..70)
        .step_by(5)
        .map(|s| bench.open("b", s).is_some())
        .collect();
    assert_eq!((sockets, bench.in_use(70)), (vec![true; 5], (0, 0)));
}

#[test]
fn a_stream_takes_what_its_call_was_promised_and_its_end_gives_it_back() {
    let bench = Bench::new();
    assert!(bench.promise("a", 0) && bench.promise("b", 0));
    let a = bench.stream("a", 1).unwrap();
    assert_eq!(bench.in_use(1), (1, 1));
    assert!(!bench.promise("c", 1));
    drop(a);
    assert_eq!(bench.in_use(1), (0, 1));
    assert!(bench.promise("c", 1));
}

#[test]
fn a_stream_that_nobody_announced_takes_a_free_place_and_none_above_the_cap() {
    let bench = Bench::new();
    let both = (bench.stream("a", 0).unwrap(), bench.stream("b", 0).unwrap());
    assert!(
        bench.open("c", 0).is_none()
            && !bench.promise("c", 0)
            && !bench.admission.has_place(bench.at(0))
    );
    drop(both);
    assert_eq!(bench.in_use(0), (0, 0));
}

#[test]
fn a_second_stream_of_a_call_gives_its_place_back_when_it_is_closed() {
    let bench = Bench::new();
    assert!(bench.promise("a", 0));
    let first = bench.stream("a", 1).unwrap();
    let second = bench.stream("a", 2).unwrap();
    assert_eq!(bench.in_use(2), (2, 0));
    drop(second);
    assert_eq!(bench.in_use(2), (1, 0));
    drop(first);
    assert_eq!(bench.in_use(2), (0, 0));
}

#[test]
fn a_socket_that_never_starts_gives_its_place_back_and_leaves_the_promise_for_exotels_second_try() {
    let bench = Bench::new();
    assert!(bench.promise("a", 0));
    drop(bench.open("a", 5).unwrap());
    assert_eq!(bench.in_use(5), (0, 1));
    // the second attempt comes while other calls ask for slots
    assert!(bench.promise("b", 6) && !bench.promise("c", 6));
    assert!(bench.stream("a", 7).is_some());
    drop(bench.open("d", 20).unwrap());
    assert_eq!(bench.in_use(20), (0, 0));
}

#[test]
fn a_socket_that_does_not_say_whose_it_is_takes_the_place_of_the_call_that_starts_on_it() {
    let bench = Bench::new();
    assert!(bench.promise("a", 0) && bench.promise("b", 0));
    let (first, second) = (
        bench.open("{CallSid}", 1).unwrap(),
        bench.open("{CallSid}", 1).unwrap(),
    );
    assert!(
        bench.open("{CallSid}", 1).is_none(),
        "no more sockets than calls that are awaited"
    );
    let a = first.start(Some(&sid("a")), bench.at(2)).unwrap();
    assert_eq!(bench.in_use(2), (1, 1));
    assert_eq!(
        second.start(Some(&sid("x")), bench.at(2)).unwrap_err(),
        Full,
        "`x` was promised nothing"
    );
    assert!(bench.open("{CallSid}", 2).is_some(), "`b` is still awaited");
    drop(a);
    assert_eq!(bench.in_use(2), (0, 1));
}

#[test]
fn a_start_without_an_id_has_the_promise_of_its_path_and_one_with_two_names_frees_one_place() {
    let bench = Bench::new();
    assert!(bench.promise("a", 0));
    let nameless = bench
        .open("a", 1)
        .unwrap()
        .start(None, bench.at(1))
        .unwrap();
    assert_eq!(bench.in_use(1), (1, 0));
    drop(nameless);
    // the socket took a free slot before `start` named a call with a reservation
    assert!(bench.promise("b", 2));
    let b = bench
        .open("call", 2)
        .unwrap()
        .start(Some(&sid("b")), bench.at(2))
        .unwrap();
    assert_eq!(bench.in_use(2), (1, 0));
    drop(b);
}

#[test]
fn a_start_after_its_promise_has_lapsed_takes_a_free_place_if_there_is_one() {
    let bench = Bench::new();
    assert!(bench.promise("a", 0) && bench.promise("b", 0));
    let (a, b) = (bench.open("a", 9).unwrap(), bench.open("b", 9).unwrap());
    let taken = bench.stream("c", 25).unwrap();
    assert!(
        a.start(Some(&sid("a")), bench.at(25))
            .map(std::mem::forget)
            .is_ok()
    );
    assert_eq!(b.start(Some(&sid("b")), bench.at(25)).unwrap_err(), Full);
    drop(taken);
}
