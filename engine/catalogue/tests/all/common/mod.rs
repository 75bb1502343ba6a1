//! A temporary flows folder for one test, made from the fixture component.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use ghanti_catalogue::{Catalogue, CatalogueSettings};
use ghanti_host::{EngineSettings, FlowEngine, FlowVersion, Rejection};
use ghanti_manifest::Allowance;
use ghanti_model::{CallFacts, CallId, Direction, FlowName, Language, PhoneNumber};

/// The flow that performs the act named by its setting `act`.
pub const ACTS: &[u8] = include_bytes!("../../../../host/tests/fixtures/acts-0.1.0.wasm");

/// Its prompts, with this greeting.
pub fn prompts(greeting: &str) -> String {
    let others = include_str!("../../../../host/tests/fixtures/acts.ftl");
    format!("greeting = {greeting}\n{others}")
}

/// The rules of its small conversation.
pub const RULES: &str = concat!(
    r#"
[grants]
transfer = { default = ["+919876500000"] }
lookup = ["loan:*"]

[prompts]
texts = false
emi = { requires = ["identity"] }
disclosure = { interruptible = false, requires = ["identity"] }

"#,
    include_str!("../../../../host/tests/fixtures/acts.questions.toml"),
    "requires = [\"heard:disclosure\"]\n",
);

pub struct House {
    pub folder: tempfile::TempDir,
    pub engine: FlowEngine,
    /// What the operator allows; everything by default.
    pub allowance: Allowance,
}

impl House {
    pub fn new() -> Self {
        Self::on(None)
    }

    /// On a machine of so much memory.
    pub fn on(machine_memory_bytes: Option<u64>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("flows")).unwrap();
        let engine = FlowEngine::new(&EngineSettings {
            max_calls: 20,
            machine_memory_bytes,
            ..EngineSettings::default()
        })
        .unwrap();
        Self {
            folder,
            engine,
            allowance: Allowance::everything(),
        }
    }

    pub fn flows(&self) -> PathBuf {
        self.folder.path().join("flows")
    }

    pub fn add(&self, name: &str, component: &[u8], manifest: &str) {
        let folder = self.flows().join(name);
        fs::create_dir_all(folder.join("prompts")).unwrap();
        fs::write(folder.join("flow.wasm"), component).unwrap();
        fs::write(folder.join("flow.toml"), manifest).unwrap();
        fs::write(folder.join("prompts/en-IN.ftl"), prompts("Hello { $name }")).unwrap();
    }

    pub async fn open(&self) -> (Catalogue, Vec<Rejection>) {
        self.open_with(None).await
    }

    pub async fn open_with(&self, default_flow: Option<&str>) -> (Catalogue, Vec<Rejection>) {
        let settings = CatalogueSettings {
            components: self.components(),
            default_flow: default_flow.map(|name| FlowName::parse(name).unwrap()),
            default_transfer: vec![PhoneNumber::parse("08040009999").unwrap()],
            allowance: self.allowance.clone(),
            kept: Some(self.folder.path().join("data/flows")),
            ..CatalogueSettings::default()
        };
        Catalogue::open(self.engine.clone(), &self.flows(), settings)
            .await
            .unwrap()
    }

    pub fn components(&self) -> PathBuf {
        self.folder.path().join("data/components")
    }
}

/// The fixture flow with one act, under the rules above and additional ones.
pub async fn acting(act: &str, more: &str) -> (House, Arc<FlowVersion>) {
    acting_in(House::new(), act, more).await
}

/// The same with given flows.
pub async fn acting_in(house: House, act: &str, more: &str) -> (House, Arc<FlowVersion>) {
    house.add(
        "acts",
        ACTS,
        &format!("[settings]\nact = \"{act}\"\n{RULES}{more}"),
    );
    let (catalogue, rejections) = house.open().await;
    assert_eq!(rejections, []);
    let version = Arc::clone(&catalogue.choose(&facts(), None).unwrap());
    (house, version)
}

/// Facts that are the same in every run.
pub fn facts() -> CallFacts {
    CallFacts {
        call_id: CallId::parse("019b8d2a-0000-7000-8000-00000000002a").unwrap(),
        call_sid: None,
        direction: Direction::Outbound,
        customer_number: PhoneNumber::parse("9876543210").ok(),
        line_number: PhoneNumber::parse("08040001234").ok(),
        language: Language::english(),
        parameters: vec![("campaign".to_owned(), "emi".to_owned())],
    }
}
