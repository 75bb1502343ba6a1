//! The hostile flows of `corpus.toml`: each into the folder of flows, those that load then into a
//! call.

use std::fs;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::caller::{Heard, hold};
use crate::components::{built, padded, patched, zeros};
use crate::house::House;

/// So many hostile calls at once.
const AT_ONCE: usize = 6;
/// What the fixture `hostile` has in its bytes, to be overwritten.
const DESCRIBE: &str = "hostile-describe:well   ";

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Corpus {
    pub load: Vec<Unloadable>,
    pub call: Vec<Failing>,
}

/// A component that is not to be loaded.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Unloadable {
    pub name: String,
    #[serde(default = "hostile")]
    component: String,
    patch: Option<(String, String)>,
    describe: Option<String>,
    pad_mib: Option<u64>,
    zeros_mib: Option<u64>,
    pub step: String,
    pub reason: String,
    pub hint: String,
}

/// A flow that is loaded, and its call.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Failing {
    act: String,
    name: Option<String>,
    #[serde(default)]
    manifest: String,
    #[serde(default = "english")]
    pub language: String,
    hang_up_s: Option<u64>,
    #[serde(default = "flow_failed")]
    pub outcome: String,
    #[serde(default)]
    pub detail: String,
    #[serde(default = "hang_up")]
    pub decision: String,
    /// What the last words begin with; the engine's fallback prompt where nothing is said.
    pub words: Option<String>,
}

fn hostile() -> String {
    "hostile".to_owned()
}

fn english() -> String {
    "en-IN".to_owned()
}

fn flow_failed() -> String {
    "flow-failed".to_owned()
}

fn hang_up() -> String {
    "hang-up".to_owned()
}

impl Failing {
    pub fn name(&self) -> String {
        format!("bad-{}", self.name.as_ref().unwrap_or(&self.act))
    }

    /// The words that the caller has to hear last.
    pub fn last_words(&self) -> &str {
        match (&self.words, self.language.as_str(), self.decision.as_str()) {
            (Some(words), ..) => words,
            (None, "hi-IN", _) => {
                "माफ़ कीजिए, हमारी ओर से एक तकनीकी समस्या हुई है। हम आपको बाद में फ़ोन करेंगे।"
            }
            (None, _, "transfer") => "I am sorry, something went wrong on our side. Please wait",
            (None, ..) => "I am sorry, something went wrong on our side. We will call you again.",
        }
    }
}

/// What became of all of them.
#[derive(Debug)]
pub struct Ran {
    /// Each with what `/api/flows` says of it.
    pub unloaded: Vec<(Unloadable, Value)>,
    /// Each with the customer's number, the engine's id of the call, and what the caller heard.
    pub failed: Vec<(Failing, String, String, Heard)>,
}

impl Unloadable {
    fn bring(&self, house: &House) {
        let (file, beside) = (
            house.flow(&format!("{}.wasm", self.name)),
            house.folder.path().join(&self.name),
        );
        let mut component = built(&self.component);
        if let Some((from, to)) = &self.patch {
            component = patched(component, from, to);
        }
        if let Some(what) = &self.describe {
            component = patched(component, DESCRIBE, &format!("hostile-describe:{what:7}"));
        }
        match (self.pad_mib, self.zeros_mib) {
            (Some(mib), _) => padded(&component, mib, &beside),
            (None, Some(mib)) => zeros(mib, &beside),
            (None, None) => fs::write(&beside, component).unwrap(),
        }
        fs::rename(beside, file).unwrap();
    }
}

/// Brings all flows, waits for the verdicts, and holds the calls.
pub async fn run(house: &House) -> Ran {
    let Corpus { load, call } = toml::from_str(include_str!("corpus.toml")).unwrap();
    load.iter().for_each(|case| case.bring(house));
    for case in &call {
        let beside = house.folder.path().join(case.name());
        fs::create_dir_all(beside.join("prompts")).unwrap();
        fs::write(beside.join("flow.wasm"), built("hostile")).unwrap();
        for language in ["en-IN", "hi-IN"] {
            let prompts = beside.join(format!("prompts/{language}.ftl"));
            fs::write(prompts, "test = Press one.\n").unwrap();
        }
        fs::write(
            beside.join("flow.toml"),
            format!(
                "[flow]\nlanguages = ['en-IN', 'hi-IN']\n[settings]\nact = '{}'\n{}\n[questions.test]\n",
                case.act, case.manifest
            ),
        )
        .unwrap();
        fs::rename(beside, house.flow(&case.name())).unwrap();
    }
    let mut unloaded = Vec::new();
    for case in load {
        let judged =
            |state: &Value| state["rejected"][0].is_object() || state["versions"][0].is_object();
        let state = house.until(&case.name, "judged", judged).await;
        unloaded.push((case, state));
    }
    for case in &call {
        house.another(&case.name(), None).await;
    }

    let mut failed = Vec::new();
    for (some, cases) in call.chunks(AT_ONCE).enumerate() {
        let calls = cases.iter().enumerate().map(async |(at, case)| {
            let number = format!("+9188000{:05}", some * AT_ONCE + at);
            let fields = json!({ "name": "Asha Rao", "language": case.language });
            let customer = json!({ "phone": number, "flow": case.name(), "fields": fields });
            let id = house.engine.order(&customer).await;
            let heard = hold(
                &house.engine,
                &case.name(),
                &number,
                case.hang_up_s.map(Duration::from_secs),
            )
            .await;
            (case.clone(), number, id, heard)
        });
        failed.extend(futures_util::future::join_all(calls).await);
    }
    Ran { unloaded, failed }
}
