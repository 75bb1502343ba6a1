//! Messages of the media stream, of both sides.
#![no_main]

use ghanti_exotel::{Inbound, Outbound, OutboundWriter, inbound, parse_outbound};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    let mut audio = Vec::new();
    match inbound::parse(&text) {
        Ok(Inbound::Media(media)) => {
            let _ = media.decode_into(&mut audio);
            // base64 never grows
            assert!(audio.len() <= text.len());
        }
        Ok(Inbound::Start(start)) => {
            let mut out = String::new();
            let mut writer = OutboundWriter::new(&start);
            let _ = writer.media(&[0; 9_600], 0, &mut out);
            // whatever the start said, what is written is a message that the other side reads
            out.clear();
            writer.mark("name", &mut out).expect("a mark is written");
            assert!(parse_outbound(&out).is_ok(), "{out}");
        }
        _ => {}
    }
    if let Ok(Outbound::Media(media)) = parse_outbound(&text) {
        let _ = media.decode_into(&mut audio);
    }
});
