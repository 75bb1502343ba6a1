//! Recordings on a real disk.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::os::unix::fs::PermissionsExt;

use ghanti_model::CallId;

use super::*;

const ROOM: Room = Room {
    disk_bytes: 1 << 30,
    keep_free_bytes: 0,
};

fn name() -> RecordingName {
    RecordingName {
        call: CallId::generate(),
        began_ms: 1_795_000_000_000,
    }
}

/// Left and right of a file.
fn sides(path: &Path) -> (Vec<i16>, Vec<i16>) {
    let mut wav = hound::WavReader::open(path).unwrap();
    assert_eq!((wav.spec().channels, wav.spec().sample_rate), (2, RATE_HZ));
    let samples: Vec<i16> = wav.samples().map(Result::unwrap).collect();
    let side = |from| samples.iter().skip(from).step_by(2).copied().collect();
    (side(0), side(1))
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn only_what_is_written_as_a_name_is_read_as_one() {
    let name = name();
    assert_eq!(RecordingName::parse(&name.to_string()), Some(name));
    for other in [
        "../../etc/passwd".to_owned(),
        format!("../{name}"),
        format!("{name}.part"),
        format!("{}-+5.wav", name.call),
        format!("{}-05.wav", name.call),
        "x-5.wav".to_owned(),
    ] {
        assert_eq!(RecordingName::parse(&other), None, "{other}");
    }
}

#[tokio::test]
async fn a_recording_is_readable_by_its_owner_alone_and_has_the_digest_that_is_recorded() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("recordings");
    let (recordings, left) = Recordings::open(&path, Some(ROOM)).unwrap();
    assert_eq!(left, []);
    let name = name();
    let mut track = recordings.begin(name).unwrap();
    track.write(vec![1, -1, 2, -2]);
    track.write(vec![3, -3]);
    let recorded = track.end().await;
    assert_eq!(recorded.state, RecordingState::Complete, "{recorded:?}");
    assert_eq!((recorded.bytes, recorded.lost_ms), (44 + 12, 0));
    recordings.keep(name).await.unwrap();
    let file = recordings.path(name).unwrap();
    assert_eq!(file, path.join(name.to_string()));
    assert_eq!((mode(&file), mode(&path)), (0o600, 0o700));
    assert_eq!(sides(&file), (vec![1, 2, 3], vec![-1, -2, -3]));
    let digest = ghanti_model::chain::sha256(&fs::read(&file).unwrap());
    assert_eq!(recorded.sha256, Some(digest));
    assert_eq!(recordings.list().await.unwrap(), [name]);
    assert!(recordings.remove(name).await.unwrap());
    assert!(!recordings.remove(name).await.unwrap());
    assert_eq!(recordings.path(name), None);
    assert_eq!(recordings.folder.used.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn a_disk_that_stands_still_costs_seconds_of_the_recording_and_no_time() {
    let folder = tempfile::tempdir().unwrap();
    let (recordings, _) = Recordings::open(folder.path(), Some(ROOM)).unwrap();
    let name = name();
    let mut track = recordings.begin(name).unwrap();
    {
        // the thread waits for the file that is held here, as it does for a disk
        let wav = Arc::clone(&track.wav);
        let _stands_still = wav.lock().unwrap();
        for nth in 0..WAITING + 2 {
            let sample = i16::try_from(nth).unwrap() + 1;
            track.write(vec![sample; 2 * RATE_HZ as usize]);
        }
    }
    // the disk goes on
    while track.places.available_permits() < WAITING {
        tokio::task::yield_now().await;
    }
    track.write(vec![99, 99]);
    let recorded = track.end().await;
    assert_eq!(
        (recorded.state, recorded.lost_ms),
        (RecordingState::Complete, 2_000),
        "{recorded:?}"
    );
    let (left, _) = sides(&recordings.path(name).unwrap());
    let at = |second: usize| left[second * RATE_HZ as usize];
    assert_eq!((at(WAITING - 1), at(WAITING)), (8, 0));
    assert_eq!((at(WAITING + 1), at(WAITING + 2)), (0, 99));
}

#[tokio::test]
async fn a_full_disk_ends_the_recording_and_what_was_written_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let room = Room {
        disk_bytes: 40_000,
        ..ROOM
    };
    let (recordings, _) = Recordings::open(folder.path(), Some(room)).unwrap();
    let (first, second) = (name(), name());
    let mut track = recordings.begin(first).unwrap();
    for _ in 0..3 {
        track.write(vec![5; 2 * RATE_HZ as usize]);
    }
    let recorded = track.end().await;
    assert_eq!(
        (recorded.state, recorded.length_ms),
        (RecordingState::Cut, 2_000)
    );
    let reason = recorded.reason.unwrap();
    assert!(reason.contains("disk-mib"), "{reason}");
    assert_eq!(sides(&recordings.path(first).unwrap()).0.len(), 16_000);
    let refused = recordings.begin(second).unwrap().end().await;
    assert_eq!(refused.state, RecordingState::Missing);
    assert_eq!(recordings.path(second), None);
    // room again
    assert!(recordings.remove(first).await.unwrap());
    let mut track = recordings.begin(second).unwrap();
    track.write(vec![5; 2]);
    assert_eq!(track.end().await.state, RecordingState::Complete);
    // what the disk itself has left
    let room = Room {
        keep_free_bytes: u64::MAX,
        ..ROOM
    };
    let (recordings, _) = Recordings::open(folder.path(), Some(room)).unwrap();
    let refused = recordings.begin(name()).unwrap().end().await;
    assert!(refused.reason.unwrap().contains("keep-free-mib"));
}

#[tokio::test]
async fn what_a_dead_engine_left_is_found_and_readable_or_gone() {
    let folder = tempfile::tempdir().unwrap();
    let (recordings, _) = Recordings::open(folder.path(), Some(ROOM)).unwrap();
    let (whole, torn, empty) = (name(), name(), name());
    for name in [whole, torn] {
        let mut track = recordings.begin(name).unwrap();
        track.write(vec![7; 200]);
        track.end().await;
    }
    // a crash between two writes, in the middle of one, and before the first
    let part = |name| recordings.folder.part(name);
    let mut bytes = fs::read(part(torn)).unwrap();
    bytes.extend([1; 7]);
    bytes[40..44].copy_from_slice(&[0; 4]);
    fs::write(part(torn), &bytes).unwrap();
    fs::write(part(empty), &bytes[..30]).unwrap();

    let (recordings, mut left) = Recordings::open(folder.path(), None).unwrap();
    assert!(recordings.begin(name()).is_none(), "calls are not recorded");
    let mut expected = [whole, torn, empty];
    expected.sort_by_key(|name| name.call);
    left.sort_by_key(|name| name.call);
    assert_eq!(left, expected);
    assert_eq!(recordings.mend(whole).await.state, RecordingState::Mended);
    let mended = recordings.mend(torn).await;
    assert_eq!(
        (mended.state, mended.bytes),
        (RecordingState::Mended, 44 + 404)
    );
    assert_eq!(sides(&recordings.path(torn).unwrap()).0.len(), 101);
    assert_eq!(recordings.mend(empty).await.state, RecordingState::Missing);
    assert_eq!(recordings.path(empty), None);
}
