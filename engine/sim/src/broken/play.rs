//! How each fault is played, and what is looked at afterwards.

use std::time::Duration;

use ghanti_model::{CallId, CallState, PhoneNumber};
use reqwest::Url;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, timeout_at};

use super::peer::{FRAME_MS, Manner, Peer, WentOn, connect};
use super::{Bot, ClosedBy, Ending, FIRST_AUDIO, Fault, Played, Recorded};
use crate::facts::Facts;
use crate::scenario::Direction;
use crate::stream_url;

/// The caller's number. No order names it, so that an engine has no customer for its caller.
const CALLER: &str = "+919876500000";
/// How long a call goes on as it should before its fault.
const BEFORE: Duration = Duration::from_secs(1);
/// How long a fault lasts that the bot may live with, before the caller hangs up.
const LASTS: Duration = Duration::from_secs(5);
/// The bytes of a message that is longer than any of Exotel's, whose audio has at most 100,000.
const LONG_BYTES: usize = 1 << 20;
/// Frames before `start`.
const EARLY: usize = 10;
/// The header of a masked text frame of 64 KiB, and the little of it that comes.
const HALF_FRAME: &[u8] = &[0x81, 0xff, 0, 0, 0, 0, 0, 1, 0, 0, 1, 2, 3, 4, b'{', b'"'];
/// A frame with a reserved opcode and without a mask (RFC 6455, sections 5.1 and 5.2).
const BAD_FRAME: &[u8] = &[0x8f, 0x04, b'n', b'o', b'n', b'e'];

/// Messages that are none of Exotel's.
fn garbage() -> Vec<String> {
    let deep = format!(
        r#"{{"event":"x","deep":{}{}}}"#,
        "[".repeat(500),
        "]".repeat(500)
    );
    [
        "nonsense",
        "",
        "{}",
        "[1,2]",
        "null",
        r#"{"event":7}"#,
        r#"{"event":"media"}"#,
        r#"{"event":"media","media":{"payload":"***"}}"#,
        r#"{"event":"media","media":{"payload":""}}"#,
        r#"{"event":"dtmf","dtmf":{"digit":"77"}}"#,
        r#"{"event":"mark"}"#,
        r#"{"event":"surprise"}"#,
        &deep,
    ]
    .map(str::to_owned)
    .to_vec()
}

/// A call that has been announced.
struct Announced {
    facts: Facts,
    url: Url,
}

impl Announced {
    /// Announces a call as Exotel does, where the bot is an engine.
    async fn new(bot: &Bot) -> Result<Self, String> {
        let phone = PhoneNumber::parse(CALLER).map_err(|error| error.to_string())?;
        let facts = Facts::new(CallId::generate(), phone, Direction::Inbound)
            .map_err(|error| error.to_string())?;
        let url = match bot {
            Bot::Socket(url) => url.clone(),
            Bot::Engine(applets) => {
                let passed = applets.passthru(&facts).await;
                passed.map_err(|fault| fault.to_string())?;
                let url = applets.voicebot_url(&facts).await;
                url.map_err(|fault| fault.to_string())?
            }
        };
        Ok(Self { facts, url })
    }

    async fn open(&self, reads: bool) -> Result<Peer, String> {
        let (parameters, _) = stream_url::parameters(&self.url);
        let format = stream_url::format(&self.url);
        Peer::open(&self.url, self.facts.stream(parameters, format), reads).await
    }

    /// A stream that has begun as it should.
    async fn begun(&self, reads: bool) -> Result<Peer, String> {
        let mut peer = self.open(reads).await?;
        peer.connected().await;
        peer.start(1).await;
        Ok(peer)
    }
}

/// Holds a normal call.
pub async fn normal(bot: &Bot) -> Result<u64, String> {
    let call = Announced::new(bot).await?;
    let mut peer = call.begun(true).await?;
    let began = Instant::now();
    let went_on = peer.go_on(Manner::RIGHT, began + FIRST_AUDIO, true).await;
    let first_ms = millis(began.elapsed());
    peer.hang_up().await;
    match went_on {
        WentOn::Heard => {}
        WentOn::Closed => return Err("the bot closed the stream before it was heard".to_owned()),
        WentOn::Over => {
            return Err(format!(
                "the bot was not heard within {} s",
                FIRST_AUDIO.as_secs()
            ));
        }
    }
    match recorded(bot, &call.facts, Instant::now()).await {
        Some(record) if record.closed_after_ms.is_none() => {
            Err("the record of the call was not closed".to_owned())
        }
        _ => Ok(first_ms),
    }
}

/// Plays a fault, then a normal call.
pub async fn play(bot: &Bot, fault: Fault, patience: Duration) -> Played {
    let (ending, record) = match Announced::new(bot).await {
        Err(refused) => (Err(refused), None),
        Ok(call) => {
            let ending = on_stream(&call, fault, patience).await;
            let record = recorded(bot, &call.facts, Instant::now()).await;
            (ending, record)
        }
    };
    Played {
        fault,
        ending,
        record,
        afterwards: normal(bot).await,
    }
}

/// A stream that has gone on for a while as it should.
async fn in_call(call: &Announced) -> Result<Peer, String> {
    let mut peer = call.begun(true).await?;
    let until = Instant::now() + BEFORE;
    match peer.go_on(Manner::RIGHT, until, false).await {
        WentOn::Closed => Err("the bot closed the stream before the fault".to_owned()),
        WentOn::Over | WentOn::Heard => Ok(peer),
    }
}

async fn on_stream(call: &Announced, fault: Fault, patience: Duration) -> Result<Ending, String> {
    let right = Manner::RIGHT;
    Ok(match fault {
        Fault::Vanish => {
            let peer = in_call(call).await?;
            let heard_ms = peer.heard_ms();
            peer.vanish().await;
            ending(ClosedBy::Peer, 0, heard_ms)
        }
        Fault::Freeze => waited(in_call(call).await?, SILENT, patience).await,
        Fault::ReadNothing => {
            let deaf = Manner {
                reads: false,
                ..right
            };
            waited(call.begun(false).await?, deaf, patience).await
        }
        Fault::TooFast => lived_with(in_call(call).await?, every_ms(1, 50, 1)).await,
        Fault::TooSlow => lived_with(in_call(call).await?, every_ms(5 * FRAME_MS, 1, 1)).await,
        Fault::Twice => {
            let mut peer = in_call(call).await?;
            peer.start(2).await;
            lived_with(peer, every_ms(FRAME_MS, 1, 2)).await
        }
        Fault::Garbage => {
            let mut peer = in_call(call).await?;
            for text in garbage() {
                peer.say(text).await;
            }
            peer.binary(vec![0; 320]).await;
            lived_with(peer, right).await
        }
        Fault::LongMessage => {
            let mut peer = in_call(call).await?;
            peer.say("x".repeat(LONG_BYTES)).await;
            lived_with(peer, right).await
        }
        Fault::EarlyMedia => {
            let mut peer = call.open(true).await?;
            peer.connected().await;
            for _ in 0..EARLY {
                peer.frame().await;
            }
            peer.start(1).await;
            lived_with(peer, right).await
        }
        Fault::SecondStart => {
            let mut peer = in_call(call).await?;
            peer.start(1).await;
            lived_with(peer, right).await
        }
        Fault::SecondStream => second_stream(call, in_call(call).await?).await,
        Fault::NoStart => {
            let mut peer = call.open(true).await?;
            peer.connected().await;
            waited(peer, SILENT, patience).await
        }
        Fault::NoAudio => {
            let mute = Manner {
                every: None,
                ..right
            };
            waited(call.begun(true).await?, mute, patience).await
        }
        Fault::NoMarks => {
            let forgetful = Manner {
                marks: false,
                ..right
            };
            lived_with(in_call(call).await?, forgetful).await
        }
        Fault::HalfFrame => {
            let mut peer = in_call(call).await?;
            peer.raw(HALF_FRAME).await;
            waited(peer, SILENT, patience).await
        }
        Fault::BadFrame => {
            let mut peer = in_call(call).await?;
            peer.raw(BAD_FRAME).await;
            waited(peer, SILENT, patience).await
        }
        Fault::HalfRequest => half_request(call, patience).await?,
    })
}

/// Nothing is sent, and all is read.
const SILENT: Manner = Manner {
    every: None,
    frames: 0,
    copies: 1,
    reads: true,
    marks: false,
};

fn every_ms(ms: u64, frames: usize, copies: usize) -> Manner {
    Manner {
        every: Some(Duration::from_millis(ms)),
        frames,
        copies,
        ..Manner::RIGHT
    }
}

fn ending(closed_by: ClosedBy, after_ms: u64, heard_ms: u64) -> Ending {
    Ending {
        closed_by,
        after_ms,
        heard_ms,
        remark: None,
    }
}

/// Goes on until the bot ends the stream, at most for a time.
async fn waited(mut peer: Peer, manner: Manner, patience: Duration) -> Ending {
    let began = Instant::now();
    let went_on = peer.go_on(manner, began + patience, false).await;
    let (after_ms, heard_ms) = (millis(began.elapsed()), peer.heard_ms());
    peer.vanish().await;
    let closed_by = match went_on {
        WentOn::Closed => ClosedBy::Bot,
        WentOn::Over | WentOn::Heard => ClosedBy::Nobody,
    };
    ending(closed_by, after_ms, heard_ms)
}

/// Goes on for some seconds, then hangs up, unless the bot has ended the stream.
async fn lived_with(mut peer: Peer, manner: Manner) -> Ending {
    let began = Instant::now();
    let went_on = peer.go_on(manner, began + LASTS, false).await;
    let (after_ms, heard_ms) = (millis(began.elapsed()), peer.heard_ms());
    if went_on == WentOn::Closed {
        return ending(ClosedBy::Bot, after_ms, heard_ms);
    }
    peer.hang_up().await;
    ending(ClosedBy::Peer, after_ms, heard_ms)
}

/// Opens a second stream of the call beside the first.
async fn second_stream(call: &Announced, first: Peer) -> Ending {
    let second = async {
        let mut second = match call.begun(true).await {
            Ok(second) => second,
            Err(refused) => return format!("the second was refused: {refused}"),
        };
        let went_on = second.go_on(Manner::RIGHT, Instant::now() + LASTS, false);
        let remark = match went_on.await {
            WentOn::Closed => "the second was closed",
            WentOn::Over | WentOn::Heard => "the second stayed open",
        };
        second.vanish().await;
        remark.to_owned()
    };
    let (ending, remark) = tokio::join!(lived_with(first, Manner::RIGHT), second);
    Ending {
        remark: Some(remark),
        ..ending
    }
}

/// Sends the beginning of the stream's request, and no more.
async fn half_request(call: &Announced, patience: Duration) -> Result<Ending, String> {
    let mut stream = connect(&call.url, true).await?;
    let head = format!("GET {} HTTP/1.1\r\nHost: ", call.url.path());
    let written = stream.write_all(head.as_bytes()).await;
    written.map_err(|error| error.to_string())?;
    let (began, mut answer) = (Instant::now(), Vec::new());
    let ended = timeout_at(began + patience, stream.read_to_end(&mut answer)).await;
    let closed_by = match ended {
        Ok(_) => ClosedBy::Bot,
        Err(_) => ClosedBy::Nobody,
    };
    Ok(ending(closed_by, millis(began.elapsed()), 0))
}

/// The engine's record of a call whose connection ended at a time.
async fn recorded(bot: &Bot, facts: &Facts, ended: Instant) -> Option<Recorded> {
    let Bot::Engine(applets) = bot else {
        return None;
    };
    let record = applets.final_record(facts.call_sid.as_str(), |_| true);
    let record = record.await?;
    let is_closed = record.state == CallState::Ended;
    Some(Recorded {
        outcome: record.outcome,
        problems: record.problems.into_iter().map(|it| it.name).collect(),
        closed_after_ms: is_closed.then(|| millis(ended.elapsed())),
    })
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
