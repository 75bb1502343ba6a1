//! The next piece of a prompt that is being synthesised.

use ghanti_model::PromptId;
use ghanti_speech::Samples;
use ghanti_speech::cache::PromptAudio;

/// The prompt and its audio, with its next piece; `None` after the last, or why there is none.
pub(super) type NextPiece = std::pin::Pin<
    Box<dyn Future<Output = (PromptId, PromptAudio, Option<Result<Samples, String>>)> + Send>,
>;

/// Waits for the next piece.
pub(super) fn next_piece(prompt: PromptId, mut audio: PromptAudio) -> NextPiece {
    Box::pin(async move {
        let piece = audio
            .next()
            .await
            .map(|piece| piece.map_err(|error| error.to_string()));
        (prompt, audio, piece)
    })
}
