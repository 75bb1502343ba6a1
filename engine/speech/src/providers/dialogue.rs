//! An utterance over a WebSocket: audio goes out while messages come in.

use futures_util::{SinkExt, StreamExt};
use tokio_tungstenite::tungstenite::{Error, Message};

use super::connections::{Socket, broken_socket};
use super::recognizer::{Heard, Words};
use crate::fault::Fault;

/// What a provider's message says.
pub(super) enum Said {
    /// Nothing that matters.
    Nothing,
    /// The words so far.
    SoFar(String),
    /// The words of the utterance.
    Done(Words),
}

/// How a provider says it.
pub(super) trait Protocol: Send {
    /// What is sent first.
    fn begin(&self) -> Vec<Message> {
        Vec::new()
    }

    /// A piece of the utterance at 16 kHz.
    fn audio(&mut self, samples: &[i16]) -> Message;

    /// The utterance is over.
    fn end(&self) -> Vec<Message>;

    /// Reads a message. `is_over` once the end of the utterance was sent.
    fn read(&mut self, text: &str, is_over: bool) -> Result<Said, Fault>;
}

/// Has the dialogue of one utterance.
pub(super) async fn converse(
    mut socket: Socket,
    mut protocol: impl Protocol,
    heard: &mut Heard,
) -> Result<Words, Fault> {
    send(&mut socket, protocol.begin()).await?;
    let mut is_over = false;
    loop {
        tokio::select! {
            piece = heard.next(), if !is_over => match piece {
                Some(piece) => send(&mut socket, vec![protocol.audio(&piece)]).await?,
                None => {
                    is_over = true;
                    send(&mut socket, protocol.end()).await?;
                }
            },
            message = socket.next() => match message {
                Some(Ok(Message::Text(text))) => match protocol.read(text.as_str(), is_over)? {
                    Said::Nothing => {}
                    Said::SoFar(text) => heard.so_far(&text),
                    Said::Done(words) => {
                        // the words are there, so that it does not matter whether it closes well
                        let _ = socket.close(None).await;
                        return Ok(words);
                    }
                },
                Some(Ok(Message::Close(_))) | None => {
                    return Err(Fault::Broken("the WebSocket was closed before the words came".to_owned()));
                }
                Some(Ok(Message::Binary(_))) => return Err(Fault::Nonsense("bytes in the place of text".to_owned())),
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(broken(error)),
            },
        }
    }
}

/// What the end of a connection is that was there.
fn broken(error: Error) -> Fault {
    match broken_socket(error) {
        Fault::Unreachable(reason) => Fault::Broken(reason),
        fault => fault,
    }
}

async fn send(socket: &mut Socket, messages: Vec<Message>) -> Result<(), Fault> {
    for message in messages {
        socket.send(message).await.map_err(broken)?;
    }
    Ok(())
}
