//! Folders of flows, valid and invalid: what is loaded, what is rejected and with which message.

use std::fs;

use ghanti_catalogue::{Catalogue, CatalogueSettings, Speakable};
use ghanti_host::{RunEnd, ScriptedCaller, Step};
use ghanti_manifest::Limits;
use ghanti_model::{Decision, FlowName, PhoneNumber, Reply};

use crate::common::{ACTS, House, RULES, facts};

fn name(text: &str) -> FlowName {
    FlowName::parse(text).unwrap()
}

/// The component as if built against another version of the contract.
fn of_version(version: &str) -> Vec<u8> {
    let mut bytes = ACTS.to_vec();
    let (from, to) = (b"@0.1.0", format!("@{version}"));
    assert_eq!(from.len(), to.len());
    for at in 0..bytes.len() - from.len() {
        if bytes[at..].starts_with(from) {
            bytes[at..at + from.len()].copy_from_slice(to.as_bytes());
        }
    }
    bytes
}

#[tokio::test]
async fn a_bad_flow_prevents_no_other() {
    let house = House::new();
    let good = format!("[settings]\nact = \"converse\"\n{RULES}");
    house.add("good", ACTS, &good);
    house.add("broken", &ACTS[..ACTS.len() / 2], &good);
    house.add("future", &of_version("0.2.0"), &good);
    house.add("core", b"\0asm\x01\0\0\0", &good);
    house.add(
        "typo",
        ACTS,
        "[prompts]\nemmi = { requires = [\"identity\"] }\n",
    );
    house.add(
        "unread",
        ACTS,
        "[flow]\nname = \"x\"\n[limits]\nmemory = 5\n",
    );
    house.add("silent", ACTS, &good);
    fs::remove_file(house.flows().join("silent/prompts/en-IN.ftl")).unwrap();
    fs::create_dir(house.flows().join("empty")).unwrap();

    let (catalogue, rejections) = house.open().await;
    assert_eq!(
        catalogue
            .versions()
            .keys()
            .map(FlowName::as_str)
            .collect::<Vec<_>>(),
        ["good"]
    );
    let reported = |flow: &str| {
        rejections
            .iter()
            .find(|rejection| rejection.flow == flow)
            .unwrap_or_else(|| panic!("{flow}: {rejections:#?}"))
    };
    for (flow, step, words) in [
        ("broken", Step::Contract, "no WebAssembly component"),
        (
            "future",
            Step::Contract,
            "it needs ghanti:dialog 0.2.0, this engine has 0.1.0",
        ),
        ("core", Step::Contract, "core module"),
        ("typo", Step::Manifest, "`[prompts] emmi` is no template"),
        ("unread", Step::Manifest, "line 2: unknown key `name`"),
        ("unread", Step::Manifest, "line 4: `memory` takes"),
        ("silent", Step::Prompts, "`prompts/en-IN.ftl` is missing"),
        ("empty", Step::Read, "flow.wasm"),
    ] {
        assert_eq!(reported(flow).step, step, "{flow}");
        assert!(reported(flow).reason.contains(words), "{}", reported(flow));
    }
    assert!(
        reported("future")
            .to_string()
            .starts_with("cannot load flow `future` (contract): it needs"),
        "{}",
        reported("future")
    );
    assert_eq!(rejections.len(), 7);
}

#[tokio::test]
async fn a_bare_component_is_a_flow_with_defaults() {
    let house = House::new();
    fs::write(
        house.flows().join("bare.wasm"),
        include_bytes!("../../../host/tests/fixtures/bare-0.1.0.wasm"),
    )
    .unwrap();
    let (catalogue, rejections) = house.open().await;
    assert_eq!(rejections, []);
    let version = catalogue.choose(&facts(), Some(&name("bare"))).unwrap();
    let caller = ScriptedCaller::new([]);
    let scripted = caller.scripted();
    assert_eq!(
        version
            .run(Box::new(caller), version.journal(facts().call_id))
            .await,
        RunEnd::Returned
    );
    let scripted = scripted.lock().unwrap();
    assert_eq!(
        (scripted.said.len(), scripted.outcome.as_deref()),
        (1, Some("transferred"))
    );
    // to the number that the operator configured
    let Some(Decision::Transfer { numbers, .. }) = &scripted.decision else {
        panic!("no transfer")
    };
    assert_eq!(numbers[0].expose(), "+918040009999");
}

#[tokio::test]
async fn templates_without_prompt_files_and_a_describe_that_does_more_are_rejected() {
    let house = House::new();
    house.add(
        "acts",
        ACTS,
        &format!("[settings]\nact = \"converse\"\n{RULES}"),
    );
    fs::remove_dir_all(house.flows().join("acts/prompts")).unwrap();
    fs::write(
        house.flows().join("prying.wasm"),
        include_bytes!("../../../host/tests/fixtures/prying-0.1.0.wasm"),
    )
    .unwrap();
    let (_, rejections) = house.open().await;
    assert_eq!(
        rejections
            .iter()
            .map(|rejection| rejection.step)
            .collect::<Vec<_>>(),
        [Step::Prompts, Step::Describe]
    );
    assert!(
        rejections[0].reason.contains("prompts/en-IN.ftl"),
        "{}",
        rejections[0]
    );
    assert!(
        rejections[1].reason.contains("`describe` called `Now`"),
        "{}",
        rejections[1]
    );
}

#[tokio::test]
async fn a_compiled_component_is_kept_and_used_at_the_next_start() {
    let house = House::new();
    house.add(
        "acts",
        ACTS,
        &format!("[settings]\nact = \"converse\"\n{RULES}"),
    );
    house.open().await;
    let kept = || {
        fs::read_dir(house.components())
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect::<Vec<_>>()
    };
    let [file] = kept().try_into().unwrap();
    let written = fs::metadata(&file).unwrap().modified().unwrap();

    let (catalogue, _) = house.open().await;
    assert_eq!(
        (kept(), fs::metadata(&file).unwrap().modified().unwrap()),
        (vec![file], written)
    );
    let version = catalogue.choose(&facts(), None).unwrap();
    let caller = ScriptedCaller::new([]).answer("identity", Reply::Choice("no".to_owned()));
    assert_eq!(
        version
            .run(Box::new(caller), version.journal(facts().call_id))
            .await,
        RunEnd::Returned
    );
}

#[tokio::test]
async fn a_bad_reload_changes_nothing_and_a_good_one_leaves_running_calls_alone() {
    let house = House::new();
    let manifest = |act: &str| format!("[settings]\nact = \"{act}\"\n{RULES}");
    house.add("acts", ACTS, &manifest("converse"));
    let (catalogue, _) = house.open().await;
    let pinned = catalogue.choose(&facts(), None).unwrap();

    house.add("acts", &ACTS[..1_000], &manifest("converse"));
    assert_eq!(catalogue.reload().await.unwrap().len(), 1);
    assert_eq!(catalogue.choose(&facts(), None).unwrap().id, pinned.id);

    house.add("acts", ACTS, &manifest("emi-first"));
    assert_eq!(catalogue.reload().await.unwrap(), []);
    assert_ne!(catalogue.choose(&facts(), None).unwrap().id, pinned.id);
    let caller = ScriptedCaller::new([]).answer("identity", Reply::Choice("no".to_owned()));
    assert_eq!(
        pinned
            .run(Box::new(caller), pinned.journal(facts().call_id))
            .await,
        RunEnd::Returned
    );

    fs::remove_dir_all(house.flows().join("acts")).unwrap();
    assert_eq!(catalogue.reload().await.unwrap(), []);
    assert!(catalogue.choose(&facts(), Some(&name("acts"))).is_err());
}

#[tokio::test]
async fn a_manifest_beyond_what_the_operator_allows_is_rejected_and_the_active_version_stays() {
    let mut house = House::new();
    house.allowance.limits = Limits {
        memory_bytes: 16 << 20,
        log_lines: 100,
        ..Limits::MAX
    };
    house.allowance.transfer = Some(vec![PhoneNumber::parse("9876500000").unwrap()]);
    let manifest =
        |limits: &str| format!("[settings]\nact = \"converse\"\n{RULES}\n[limits]\n{limits}\n");
    house.add("acts", ACTS, &manifest("compute-ms = 60"));
    let (catalogue, rejections) = house.open().await;
    assert_eq!(rejections, []);
    let active = catalogue.choose(&facts(), None).unwrap();
    // what the manifest sets is kept, what it leaves out is lowered
    let Limits {
        memory_bytes,
        compute_ms,
        log_lines,
        call_minutes,
        ..
    } = active.manifest().limits;
    assert_eq!(
        (memory_bytes, compute_ms, log_lines, call_minutes),
        (16 << 20, 60, 100, 15)
    );

    house.add("acts", ACTS, &manifest("memory = \"17MiB\""));
    let [rejection] = catalogue.reload().await.unwrap().try_into().unwrap();
    assert_eq!(
        (rejection.step, rejection.step.to_string().as_str()),
        (Step::Allowance, "allowance")
    );
    assert_eq!(rejection.line, Some(manifest("").lines().count()));
    assert!(
        rejection.reason.contains("17408 KiB") && rejection.reason.contains("16384 KiB"),
        "{rejection}"
    );
    assert!(
        rejection.hint.contains("`memory-mib` of `[limits]`"),
        "{rejection}"
    );
    assert_eq!(catalogue.choose(&facts(), None).unwrap().id, active.id);

    house.add(
        "acts",
        ACTS,
        &manifest("").replace("9876500000", "9876500001"),
    );
    let [rejection] = catalogue.reload().await.unwrap().try_into().unwrap();
    assert!(
        rejection.reason.contains("`transfer`")
            && rejection.hint.contains("`transfer` of `[grants]`"),
        "{rejection}"
    );
    assert_eq!(catalogue.choose(&facts(), None).unwrap().id, active.id);
    let counts = &catalogue.counts()["acts"];
    assert_eq!(
        (counts.published, counts.rejected.get(&Step::Allowance)),
        (1, Some(&2))
    );
}

#[tokio::test]
async fn a_flow_in_a_language_that_no_voice_speaks_is_rejected() {
    let house = House::new();
    let languages = "[flow]\nlanguages = [\"en-IN\", \"as-IN\"]\n";
    let manifest = format!("{languages}[settings]\nact = \"converse\"\n{RULES}");
    house.add("acts", ACTS, &manifest);
    let prompts = house.flows().join("acts/prompts");
    fs::copy(prompts.join("en-IN.ftl"), prompts.join("as-IN.ftl")).unwrap();
    let open = async |speakable| {
        let settings = CatalogueSettings {
            components: house.components(),
            default_transfer: vec![PhoneNumber::parse("08040009999").unwrap()],
            allowance: house.allowance.clone(),
            speakable,
            ..CatalogueSettings::default()
        };
        Catalogue::open(house.engine.clone(), &house.flows(), settings)
            .await
            .unwrap()
    };
    let (catalogue, rejections) = open(Speakable::by(|language| language.primary() == "en")).await;
    assert!(catalogue.versions().is_empty());
    let [rejection] = &rejections[..] else {
        panic!("{rejections:?}")
    };
    assert_eq!(
        (rejection.step, rejection.reason.as_str()),
        (Step::Prompts, "no voice here speaks `as-IN`")
    );
    assert!(rejection.hint.contains("`[speech]`"), "{rejection}");

    let (catalogue, rejections) = open(Speakable::by(|_| true)).await;
    assert_eq!((catalogue.versions().len(), rejections.len()), (1, 0));
}

#[tokio::test]
async fn a_missing_folder_is_reported_with_the_hint() {
    let house = House::new();
    let settings = CatalogueSettings {
        components: house.components(),
        ..CatalogueSettings::default()
    };
    let error = Catalogue::open(
        house.engine.clone(),
        &house.flows().join("nowhere"),
        settings,
    )
    .await
    .unwrap_err();
    assert!(
        error.to_string().contains("nowhere") && error.to_string().contains("make the folder"),
        "{error}"
    );
}
