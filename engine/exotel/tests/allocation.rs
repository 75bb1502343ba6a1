//! The media path of a call allocates nothing in the steady state, in either direction: with
//! thousands of calls at fifty messages per second each, allocation would otherwise dominate.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]
#![allow(
    unsafe_code,
    reason = "counting allocations takes a global allocator, and that trait is unsafe to implement"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use bytes::BytesMut;
use ghanti_exotel::{
    FarEnd, Inbound, MediaFormat, Outbound, OutboundWriter, far_end, inbound, parse_outbound,
};
use ghanti_model::{AccountSid, CallSid, StreamSid};

thread_local! {
    /// Allocations on this thread; tests run on several.
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: every call is forwarded unchanged to the system allocator; counting uses a thread-local
// cell that does not allocate.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.with(|count| count.set(count.get() + 1));
        // SAFETY: the caller upholds the contract of `GlobalAlloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the pointer came from `System` above.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.with(|count| count.set(count.get() + 1));
        // SAFETY: the pointer came from `System` above.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Allocations in a thousand rounds, after ten rounds that warm the buffers.
fn allocations_of(mut round: impl FnMut()) -> usize {
    (0..10).for_each(|_| round());
    let before = ALLOCATIONS.with(Cell::get);
    (0..1000).for_each(|_| round());
    ALLOCATIONS.with(Cell::get) - before
}

fn far_end() -> FarEnd {
    FarEnd::new(far_end::Stream {
        stream_sid: StreamSid::parse("95be037f0ff02b427c3a4a59ae72198c").unwrap(),
        call_sid: CallSid::parse("75b90b4b77ce9e6fe9a60a26f03d198c").unwrap(),
        account_sid: AccountSid::parse("ezora2").unwrap(),
        from: "+14120000000".into(),
        to: "08045000000".into(),
        custom_parameters: vec![],
        media_format: MediaFormat::default(),
    })
}

fn writer() -> OutboundWriter {
    let mut text = String::new();
    far_end().start(&mut text).unwrap();
    let Inbound::Start(start) = inbound::parse(&text).unwrap() else {
        panic!("no start")
    };
    OutboundWriter::new(&start)
}

#[test]
fn the_counter_counts() {
    assert!(allocations_of(|| drop(std::hint::black_box(vec![1]))) >= 1000);
}

#[test]
fn reading_and_decoding_a_media_message_allocates_nothing() {
    let mut text = String::new();
    far_end().media(&[7; 320], 20, &mut text).unwrap();
    // numbers instead of strings, unknown keys, another order; only an unknown key holding objects
    // would make serde_json allocate a scratch buffer
    let odd = r#"{"media":{"payload":"AAAA","track":"inbound","chunk":2,"timestamp":10},"x":null,"y":"z","sequence_number":3,"event":"media"}"#;
    let mut audio = Vec::new();
    for text in [text.as_str(), odd] {
        let allocations = allocations_of(|| {
            let Ok(Inbound::Media(media)) = inbound::parse(text) else {
                panic!("no media")
            };
            media.decode_into(&mut audio).unwrap();
        });
        assert_eq!(allocations, 0, "{text}");
    }
}

#[test]
fn writing_a_media_message_into_a_kept_buffer_allocates_nothing() {
    let (mut writer, mut far_end) = (writer(), far_end());
    let (mut out, mut bytes) = (String::new(), BytesMut::new());
    let allocations = allocations_of(|| {
        out.clear();
        bytes.clear();
        writer.media(&[0; 1600], 100, &mut out).unwrap();
        writer.media(&[0; 3200], 200, &mut bytes).unwrap();
        far_end.media(&[0; 320], 20, &mut bytes).unwrap();
    });
    assert_eq!(allocations, 0);
}

#[test]
fn a_simulator_reads_a_bots_audio_without_allocating() {
    let mut text = String::new();
    writer().media(&[0; 1600], 0, &mut text).unwrap();
    let mut audio = Vec::new();
    let allocations = allocations_of(|| {
        let Ok(Outbound::Media(media)) = parse_outbound(&text) else {
            panic!("no media")
        };
        media.decode_into(&mut audio).unwrap();
    });
    assert_eq!((allocations, audio.len()), (0, 1600));
}
