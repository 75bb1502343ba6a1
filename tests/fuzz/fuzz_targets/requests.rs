//! What Exotel's applets ask, its callbacks say, and its API answers.
#![no_main]

use ghanti_exotel::applet::{ConnectReply, PassthruRequest};
use ghanti_exotel::rest::{ActiveStreams, parse_reply};
use ghanti_exotel::status::StatusCallback;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u8, &[u8])| {
    let (kind, bytes) = input;
    let text = String::from_utf8_lossy(bytes);
    match kind % 6 {
        0 => {
            let request = PassthruRequest::parse(&text);
            let _ = request.custom_parameters();
            // numbers are masked in what is logged
            let _ = format!("{request:?}");
        }
        1 => drop(StatusCallback::from_body(
            Some("application/x-www-form-urlencoded"),
            bytes,
        )),
        2 => drop(StatusCallback::from_body(Some("application/json"), bytes)),
        3 => drop(StatusCallback::from_body(
            Some("multipart/form-data; boundary=b"),
            bytes,
        )),
        4 => {
            let _ = ConnectReply::parse(&text);
            let _ = ActiveStreams::parse(&text);
        }
        _ => drop(parse_reply(&text)),
    }
});
