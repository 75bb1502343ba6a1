//! An exported call: its files, and the checks that need nothing but them.
//!
//! | file | what it has |
//! |---|---|
//! | `events.jsonl` | the events as they are stored, one per line, with salts, positions and hashes |
//! | `record.json` | the record folded from them |
//! | `transcript.txt` | the record as a person reads it |
//! | `flow.json` | the flow and version of the conversation |
//! | `recording-1.wav`, … | the engine's own recordings, by their numbers in the record, where the engine has them |
//! | `manifest.json` | the SHA-256 of each other file, and the head of the chain |

use std::collections::BTreeMap;

use ghanti_model::chain::{self, ChainHead, ChainedEvent, Intact, sha256};
use ghanti_model::{CallId, CallRecord};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::text::text;

/// The name of the manifest's format.
const FORMAT: &str = "ghanti-export-1";
/// Maximum length of a manifest's version in messages, in characters.
const VERSION_CHARACTERS: usize = 32;
/// The manifest's name.
pub(super) const MANIFEST: &str = "manifest.json";
const EVENTS: &str = "events.jsonl";
const RECORD: &str = "record.json";
const TRANSCRIPT: &str = "transcript.txt";
const FLOW: &str = "flow.json";
/// The files of an exported call besides its recordings.
const NAMES: [&str; 5] = [MANIFEST, EVENTS, RECORD, TRANSCRIPT, FLOW];
/// Maximum number of recordings of a call: more than a record has.
pub(super) const RECORDINGS: usize = 8;

/// All names that an exported call may have.
pub(super) fn names() -> impl Iterator<Item = String> {
    let recordings = (1..=RECORDINGS).map(recording_name);
    NAMES.into_iter().map(str::to_owned).chain(recordings)
}

/// The name of a recording, by its number in the record, from 1.
pub(super) fn recording_name(number: usize) -> String {
    format!("recording-{number}.wav")
}

/// The files of a call, by name.
pub(super) type Files = BTreeMap<String, Vec<u8>>;

/// `manifest.json`.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Manifest {
    format: String,
    /// The version of the program that wrote it.
    engine: String,
    /// The call.
    pub(super) call_id: CallId,
    /// The head of its chain.
    pub(super) chain: ChainHead,
    /// The SHA-256 of each other file.
    files: BTreeMap<String, String>,
}

/// Why an export is not intact, or cannot be checked.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    /// Something was changed.
    #[error("{0}")]
    Broken(String),
    /// It cannot be checked.
    #[error("cannot be checked: {0}")]
    Unchecked(String),
}

/// An export that was not changed.
#[derive(Debug)]
pub(super) struct Checked {
    pub(super) call: CallId,
    pub(super) head: ChainHead,
    pub(super) intact: Intact,
}

/// The files of a call, including these recordings.
pub(super) fn files(
    call: CallId,
    head: ChainHead,
    events: &[ChainedEvent],
    recordings: Files,
) -> anyhow::Result<Files> {
    let record = record(call, events);
    let mut lines = Vec::new();
    for event in events {
        serde_json::to_writer(&mut lines, event)?;
        lines.push(b'\n');
    }
    let mut files = Files::from([
        (EVENTS.to_owned(), lines),
        (RECORD.to_owned(), pretty(&record)?),
        (TRANSCRIPT.to_owned(), text(&record).into_bytes()),
        (FLOW.to_owned(), pretty(&flow(&record))?),
    ]);
    files.extend(recordings);
    let hashes = files
        .iter()
        .map(|(name, bytes)| (name.clone(), sha256(bytes)));
    let manifest = Manifest {
        format: FORMAT.to_owned(),
        engine: env!("CARGO_PKG_VERSION").to_owned(),
        call_id: call,
        chain: head,
        files: hashes.collect(),
    };
    files.insert(MANIFEST.to_owned(), pretty(&manifest)?);
    Ok(files)
}

fn pretty(value: &impl Serialize) -> anyhow::Result<Vec<u8>> {
    let mut bytes = serde_json::to_vec_pretty(value)?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// The record folded from a call's events.
pub(super) fn record(call: CallId, events: &[ChainedEvent]) -> CallRecord {
    let events: Vec<_> = events
        .iter()
        .filter_map(|event| event.event(call))
        .collect();
    CallRecord::fold(call, &events)
}

fn flow(record: &CallRecord) -> Value {
    json!({ "flow": record.flow, "version": record.version, "moves": record.moves })
}

/// Checks the files of a call: each against the manifest, the events against their chain, and the
/// record and its text against the events.
pub(super) fn check(files: &Files) -> Result<Checked, Fault> {
    let broken = |what: String| Fault::Broken(what);
    let manifest = files
        .get(MANIFEST)
        .ok_or_else(|| Fault::Unchecked(format!("there is no `{MANIFEST}`")))?;
    let manifest: Manifest = serde_json::from_slice(manifest)
        .map_err(|_| Fault::Unchecked(format!("`{MANIFEST}` is not the manifest of an export")))?;
    if manifest.format != FORMAT {
        let hint = "check it with the version of ghanti that wrote it";
        return Err(Fault::Unchecked(format!(
            "its format is not `{FORMAT}`: {hint}"
        )));
    }
    for name in NAMES.into_iter().filter(|name| *name != MANIFEST) {
        let (Some(bytes), Some(hash)) = (files.get(name), manifest.files.get(name)) else {
            return Err(broken(format!("`{name}` is missing")));
        };
        // for the events, the chain shows which one was changed
        if name != EVENTS && &sha256(bytes) != hash {
            return Err(broken(format!("`{name}` was changed")));
        }
    }
    let lines = files.get(EVENTS).map(Vec::as_slice).unwrap_or_default();
    let mut events: Vec<ChainedEvent> = Vec::new();
    for (number, line) in lines.split_inclusive(|&byte| byte == b'\n').enumerate() {
        let event = serde_json::from_slice(line)
            .map_err(|_| broken(format!("line {} of `{EVENTS}` was changed", number + 1)))?;
        events.push(event);
    }
    let (call, head) = (manifest.call_id, manifest.chain);
    let intact = chain::verify(call, &events, &head).map_err(|fault| broken(fault.to_string()))?;
    if manifest.files.get(EVENTS) != Some(&sha256(lines)) {
        return Err(broken(format!(
            "`{EVENTS}` was changed outside of its events"
        )));
    }
    let record = record(call, &events);
    let made = [
        (RECORD, pretty(&record)),
        (TRANSCRIPT, Ok(text(&record).into_bytes())),
        (FLOW, pretty(&flow(&record))),
    ];
    for (name, made) in made {
        if made.ok().as_ref() == files.get(name) {
            continue;
        }
        return Err(if manifest.engine == env!("CARGO_PKG_VERSION") {
            broken(format!("`{name}` does not match the events"))
        } else {
            // another version may fold the same events differently; that another one wrote the file is
            // only claimed by the manifest
            let version: String = manifest.engine.chars().take(VERSION_CHARACTERS).collect();
            Fault::Unchecked(format!(
                "the events are intact, but `{name}` does not match them in this version, and was written by version {version:?} according to the manifest: \
                 check it with that version"
            ))
        });
    }
    check_recordings(files, &manifest.files, &record)?;
    Ok(Checked { call, head, intact })
}

/// Checks each recording against its digest in the call's chain. Recordings that the export never
/// contained are not checked.
fn check_recordings(
    files: &Files,
    listed: &BTreeMap<String, String>,
    record: &CallRecord,
) -> Result<(), Fault> {
    for number in 1..=RECORDINGS {
        let name = recording_name(number);
        let recording = record.recordings.get(number - 1);
        let digest = recording.and_then(|recording| recording.sha256.as_ref());
        match (files.get(&name), digest) {
            (None, _) if listed.contains_key(&name) => {
                return Err(Fault::Broken(format!("`{name}` is missing")));
            }
            (None, _) => {}
            (Some(bytes), Some(digest)) if &sha256(bytes) == digest => {}
            (Some(_), Some(_)) => {
                return Err(Fault::Broken(format!(
                    "`{name}` is not the original recording: its SHA-256 differs from the one in the events"
                )));
            }
            (Some(_), None) => {
                return Err(Fault::Broken(format!(
                    "`{name}` does not belong to any recording in the events"
                )));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        clippy::panic,
        reason = "a test fails by panicking"
    )]

    use ghanti_model::EventKind;

    use super::*;

    fn exported() -> Files {
        let call = CallId::generate();
        let payload = serde_json::to_string(&EventKind::StreamClosed).unwrap();
        let mut event = ChainedEvent {
            position: 1,
            id: ghanti_model::EventId::generate().to_string(),
            node: ghanti_model::NodeId::NONE.to_string(),
            unix_ms: 5,
            kind: EventKind::StreamClosed.name().to_owned(),
            payload_hash: chain::payload_hash("", &payload),
            payload: Some(payload),
            salt: None,
            hash: String::new(),
        };
        let head = ChainHead::default().with(call, &event.link());
        event.hash.clone_from(&head.hash);
        files(call, head, &[event], Files::new()).unwrap()
    }

    #[test]
    fn a_recording_that_is_not_in_the_events_is_an_error() {
        let mut files = exported();
        let name = recording_name(1);
        files.insert(name.clone(), b"RIFF".to_vec());
        edit(&mut files, |manifest| {
            manifest["files"][&name] = sha256(b"RIFF").into();
        });
        let Err(Fault::Broken(reported)) = check(&files) else {
            panic!("a planted recording is broken");
        };
        assert!(reported.contains(&name), "{reported}");
    }

    /// Edits the transcript, and its hash in the manifest, as a forger would.
    fn forge(files: &mut Files) {
        let forged = b"they have agreed to everything\n".to_vec();
        edit(files, |manifest| {
            manifest["files"][TRANSCRIPT] = sha256(&forged).into();
        });
        files.insert(TRANSCRIPT.to_owned(), forged);
    }

    fn edit(files: &mut Files, change: impl FnOnce(&mut Value)) {
        let mut manifest = serde_json::from_slice(&files[MANIFEST]).unwrap();
        change(&mut manifest);
        files.insert(MANIFEST.to_owned(), pretty(&manifest).unwrap());
    }

    #[test]
    fn an_edited_file_is_never_intact_whatever_version_the_manifest_names() {
        let mut files = exported();
        assert!(check(&files).is_ok());
        forge(&mut files);
        let Err(Fault::Broken(reported)) = check(&files) else {
            panic!("a forged transcript is broken");
        };
        assert!(reported.contains(TRANSCRIPT), "{reported}");
        edit(&mut files, |manifest| manifest["engine"] = "0.0.1".into());
        let Err(Fault::Unchecked(reported)) = check(&files) else {
            panic!("a forged transcript of another version is not intact");
        };
        assert!(
            reported.contains(TRANSCRIPT) && reported.contains("0.0.1"),
            "{reported}"
        );
    }

    #[test]
    fn an_export_of_another_version_with_the_same_content_is_intact() {
        let mut files = exported();
        edit(&mut files, |manifest| manifest["engine"] = "0.0.1".into());
        assert!(check(&files).is_ok());
    }
}
