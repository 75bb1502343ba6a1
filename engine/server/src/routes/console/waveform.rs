//! The waveform of a recording: the loudest sample of each of its pieces, read from its file.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use axum::extract::{RawQuery, State};
use axum::http::header::{CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use ghanti_console::{PEAKS, waveform as drawn};
use ghanti_store::RecordingName;
use hound::WavReader;

use super::session::Viewer;
use crate::answer::{has_tag, private_cache};
use crate::app::App;
use crate::problem::{Kind, Problem};
use crate::routes::recording::{Named, named, path};
use crate::routes::recording_elsewhere::not_here;
use crate::segments::{BadPath, Segments};

/// Maximum number of waveforms drawn at once: each reads a whole recording.
pub const WAVEFORMS: usize = 2;

/// The waveform of a recording.
pub(super) async fn waveform(
    viewer: Viewer,
    State(app): State<App>,
    headers: HeaderMap,
    id: Result<Segments<String>, BadPath>,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let Segments(id) = id?;
    let Named {
        recording, digest, ..
    } = named(&app, &id, query.as_deref()).await?;
    let tag = format!("\"{digest}\"");
    let cache = private_cache(&tag);
    let picture = [
        (CONTENT_TYPE, HeaderValue::from_static("image/svg+xml")),
        (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    ];
    if has_tag(&headers, &tag) {
        return Ok((StatusCode::NOT_MODIFIED, cache, picture).into_response());
    }
    let file = path(&app, RecordingName::parse(&recording.file)).await;
    let file = file.ok_or_else(|| not_here(&app, &recording))?;
    let Ok(permit) = app.drawn.clone().try_acquire_owned() else {
        let what = format!("{WAVEFORMS} recordings are being drawn already");
        return Err(Problem::new(
            Kind::ConsoleBusy,
            what,
            "ask again in a second",
        ));
    };
    let peaks = tokio::task::spawn_blocking(move || {
        let peaks = peaks(&file);
        drop(permit);
        peaks
    });
    let unreadable = |error: String| {
        let hint = "check the file in the folder `recordings` of the data folder";
        Problem::new(Kind::Internal, error, hint)
    };
    let [caller, bot] = peaks
        .await
        .map_err(|error| unreadable(error.to_string()))?
        .map_err(|error| unreadable(error.to_string()))?;
    let drawn = drawn(viewer.words, &caller, &bot).into_string();
    Ok((cache, picture, drawn).into_response())
}

/// The loudest sample of each piece of both sides. Reads the whole file, and blocks.
fn peaks(file: &Path) -> Result<[Vec<u16>; 2], hound::Error> {
    let mut wav = WavReader::new(BufReader::new(File::open(file)?))?;
    let frames = usize::try_from(wav.duration()).unwrap_or(usize::MAX).max(1);
    let mut peaks = [vec![0; PEAKS], vec![0; PEAKS]];
    let samples = wav.samples::<i16>().enumerate();
    for (at, sample) in samples {
        let piece = (at / 2).saturating_mul(PEAKS) / frames;
        let side = peaks.get_mut(at % 2).and_then(|side| side.get_mut(piece));
        if let Some(peak) = side {
            *peak = sample?.unsigned_abs().max(*peak);
        }
    }
    Ok(peaks)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_side_has_its_loudest_samples_in_their_place() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("call.wav");
        let spec = hound::WavSpec {
            channels: 2,
            sample_rate: 8_000,
            bits_per_sample: 16,
            sample_format: hound::SampleFormat::Int,
        };
        let mut wav = hound::WavWriter::create(&file, spec).unwrap();
        for frame in 0..8_000 {
            wav.write_sample(if frame == 10 { i16::MIN } else { 3 })
                .unwrap();
            wav.write_sample(if frame == 7_999 { 500_i16 } else { 0 })
                .unwrap();
        }
        wav.finalize().unwrap();
        let [caller, bot] = peaks(&file).unwrap();
        assert_eq!((caller[0], caller[1], caller[PEAKS - 1]), (32_768, 3, 3));
        assert_eq!((bot[0], bot[PEAKS - 1]), (0, 500));
        assert!(peaks(folder.path()).is_err());
    }
}
