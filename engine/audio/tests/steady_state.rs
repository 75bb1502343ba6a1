//! The media path of a call allocates nothing per frame once its buffers have grown, as counted by
//! this test's allocator.
#![allow(
    unsafe_code,
    reason = "an allocator cannot be written otherwise; this one only counts and passes on"
)]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::Arc;

use ghanti_audio::{Decoder, Encoding, Framer, Listener, PlayoutClock, PromptCursor, TurnSettings};

thread_local! {
    /// Of this thread only: the test harness allocates on its own threads.
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: every call is forwarded unchanged to the system allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.with(|count| count.set(count.get() + 1));
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        ALLOCATIONS.with(|count| count.set(count.get() + 1));
        unsafe { System.realloc(pointer, layout, new_size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn allocations_of(work: impl FnOnce()) -> usize {
    let before = ALLOCATIONS.get();
    work();
    ALLOCATIONS.get() - before
}

#[test]
fn the_counter_counts() {
    assert_eq!(allocations_of(|| drop(std::hint::black_box(vec![1_u8]))), 1);
}

#[test]
fn hearing_allocates_nothing_per_frame() {
    for (encoding, rate_hz) in [
        (Encoding::Pcm16, 8_000),
        (Encoding::Pcm16, 16_000),
        (Encoding::Pcm16, 24_000),
        (Encoding::MuLaw, 8_000),
    ] {
        let mut decoder = Decoder::new(encoding);
        let mut listener = Listener::new(rate_hz, TurnSettings::default()).unwrap();
        let mut pcm = Vec::new();
        // an odd length, so that samples are split across messages; bursts of a tone, so that the
        // detectors have work to do
        let tone: Vec<i16> = (0..4_800)
            .map(|n| (8_000.0 * (f64::from(n) * 0.11).sin()) as i16)
            .collect();
        let mut wire = Vec::new();
        encoding.encode(&tone, &mut wire);
        let message = &wire[..rate_hz as usize / 50 * encoding.bytes_per_sample() + 1];
        let (mut heard, mut events) = (0, 0);
        let mut hear = |n: usize| {
            let at_ms = n as u64 * 20;
            pcm.clear();
            decoder.decode(message, &mut pcm);
            // every other second something is played, in frames of 100 ms
            if n % 100 < 50 && n.is_multiple_of(5) {
                listener.played(at_ms, &tone[..rate_hz as usize / 10]);
            }
            listener.listen(at_ms, &pcm, |_| events += 1);
            heard += listener.heard().len();
        };
        (0..10).for_each(&mut hear);
        let count = allocations_of(|| (10..3_000).for_each(&mut hear));
        assert_eq!(count, 0, "{encoding:?} at {rate_hz} Hz, in {heard} samples");
        assert!(heard > 3_600 * 256, "only {heard} samples were judged");
    }
}

#[test]
fn speaking_allocates_nothing_per_frame() {
    let framer = Framer::new(8_000, 100, Encoding::Pcm16);
    let pieces: Vec<Arc<[i16]>> = (0..100).map(|_| Arc::from([9; 1_111])).collect();
    let mut prompt = PromptCursor::whole(pieces.iter().cloned());
    let mut clock = PlayoutClock::new(8_000);
    let mut out = Vec::new();
    framer.next(&mut prompt, &mut out).unwrap();
    let mut frames = 0;
    let count = allocations_of(|| {
        while let Some(info) = framer.next(&mut prompt, &mut out) {
            clock.sent(frames * 100, info.samples);
            frames += 1;
        }
    });
    assert_eq!(count, 0, "in {frames} frames");
    assert!(frames > 130);
}
