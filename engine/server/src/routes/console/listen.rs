//! The sound of a live call, as it is: WAV of unknown length, the caller left, what is played to them
//! right.
//!
//! It is what the call's task hands over while somebody listens, whether or not the call is recorded. A
//! listener who is slow is dropped there; the call waits for none.

use std::convert::Infallible;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use futures_util::stream::unfold;
use ghanti_audio::wav::header;
use ghanti_model::CallState;
use ghanti_session::NotHeard;
use ghanti_store::recordings::RATE_HZ;

use super::session::Viewer;
use crate::app::App;
use crate::problem::{Kind, Problem};
use crate::routes::calls::{find, not_live};
use crate::segments::{BadPath, Segments};

/// Maximum number of people who listen in on calls of this engine.
pub const LISTENERS: usize = 16;
/// Sides of a call.
const SIDES: u16 = 2;
/// The length in the head, as it is not known: the longest of whole samples of both sides. Players read to
/// the end.
const UNKNOWN: u32 = u32::MAX - 3;

/// Listens in on a live call. Each use is recorded in the audit log.
pub(super) async fn listen(
    viewer: Viewer,
    State(app): State<App>,
    uri: Uri,
    id: Result<Segments<String>, BadPath>,
) -> Response {
    let answer = match heard(&app, id).await {
        Ok(response) => response,
        Err(problem) => problem.into_response(),
    };
    viewer.did(&app, "listen", uri.path(), answer.status());
    answer
}

async fn heard(app: &App, id: Result<Segments<String>, BadPath>) -> Result<Response, Problem> {
    let Segments(id) = id?;
    let record = find(app, &id).await?;
    let Some(live) = app.services.registry.live().by_id(record.call_id) else {
        return Err(unheard(record.state));
    };
    let Ok(place) = Arc::clone(&app.listeners).try_acquire_owned() else {
        return Err(busy(format!(
            "{LISTENERS} people are listening to calls already"
        )));
    };
    let pieces = live.monitor().listen().map_err(|not| match not {
        NotHeard::Over => unheard(CallState::Ended),
        NotHeard::Crowded => busy(not.to_string()),
    })?;
    tracing::info!(call = %record.call_id, "somebody listens in on this call");
    // only the call's own task may keep it
    drop(live);
    let begun = (
        Some(Bytes::from(header(SIDES, RATE_HZ, UNKNOWN))),
        pieces,
        place,
    );
    let sound = unfold(begun, |(header, mut pieces, place)| async {
        let piece = match header {
            Some(header) => header,
            None => pieces.recv().await?,
        };
        Some((Ok::<_, Infallible>(piece), (None, pieces, place)))
    });
    let headers = [
        (CONTENT_TYPE, "audio/wav"),
        (CACHE_CONTROL, "no-store"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    Ok((StatusCode::OK, headers, Body::from_stream(sound)).into_response())
}

fn busy(detail: String) -> Problem {
    Problem::new(
        Kind::ConsoleBusy,
        detail,
        "wait until one of them has stopped",
    )
}

fn unheard(state: CallState) -> Problem {
    not_live(
        state,
        "play its recording, if there is one",
        "wait until it is live",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_head_is_that_of_a_file_with_two_sides() {
        let mut bytes = header(SIDES, RATE_HZ, UNKNOWN);
        bytes.extend([1, 0, 2, 0]);
        let wav = hound::WavReader::new(bytes.as_slice()).unwrap();
        let spec = wav.spec();
        assert_eq!(
            (spec.channels, spec.sample_rate, spec.bits_per_sample),
            (2, RATE_HZ, 16)
        );
    }
}
