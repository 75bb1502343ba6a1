//! A flow's page in the console: its prompts are seen, heard and changed there, and its map is drawn.
//! A change takes the way of any other version.

use std::fs;
use std::path::Path;
use std::time::Instant;

use serde_json::Value;
use tempfile::TempDir;

use crate::console::{Browser, Page, check};
use crate::nodes::reminder;
use crate::support::{Engine, PATIENCE, Setup, root};

const ADMIN: &str = "api-0123456789-x";
const OPERATOR: &str = "operator-0123456789";
const VIEWER: &str = "viewer-0123456789";
const FLOW: &str = "flows/emi-reminder";
const OKAY: &str = "flows/emi-reminder/prompts/okay";
const ENGLISH: &str = "flows/emi-reminder/prompts/okay/en-IN";

/// An engine with a token of each role.
fn start(flows: &TempDir, server: &str) -> Engine {
    let config = format!(
        "[speech]\nrecognizer = 'none'\n[server]\nstream-token = 'stream-0123456789'\napplet-token = 'applet-0123456789'\n\
         api-token = '{ADMIN}'\n{server}[tokens.night-shift]\nrole = 'operator'\ntoken = '{OPERATOR}'\n\
         [tokens.auditor]\nrole = 'viewer'\ntoken = '{VIEWER}'\n"
    );
    Setup::new(config).flows(flows.path()).start()
}

async fn logged_in<'e>(engine: &'e Engine, token: &str) -> Browser<'e> {
    let mut browser = Browser::new(engine, "");
    assert_eq!(browser.log_in(token, "").await.status, 303);
    browser
}

async fn asked(engine: &Engine, path: &str) -> Value {
    let request = engine.http().get(engine.url(path)).bearer_auth(ADMIN);
    request.send().await.unwrap().json().await.unwrap()
}

/// The id of the flow's active version.
async fn active(engine: &Engine) -> String {
    let flows = asked(engine, "/api/flows").await;
    let versions = flows["items"][0]["versions"].as_array().unwrap();
    let active = versions.iter().find(|version| version["state"] == "active");
    active.unwrap()["id"].as_str().unwrap().to_owned()
}

/// Waits until the audit log has what `api-token` did at a place of the console.
async fn is_audited(engine: &Engine, below: &str) {
    let given_up = Instant::now() + PATIENCE;
    loop {
        let log = asked(engine, "/api/audit?limit=50").await;
        let own = |entry: &Value| {
            entry["path"] == format!("/console/{below}")
                && entry["status"] == 303
                && entry["token"] == "api-token"
        };
        if log["items"].as_array().unwrap().iter().any(own) {
            return;
        }
        assert!(Instant::now() < given_up, "{log:#}");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

/// The version that a form was made of.
fn version(page: &Page) -> String {
    let (_, after) = page.html.split_once("name=\"version\" value=\"").unwrap();
    after.split('"').next().unwrap().to_owned()
}

/// The files below a flow's folder, with their contents.
fn contents(flows: &Path) -> Vec<(String, Vec<u8>)> {
    let folder = flows.join("emi-reminder");
    let mut found = Vec::new();
    for part in ["", "prompts", "tests"] {
        for entry in fs::read_dir(folder.join(part)).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                let name = path.strip_prefix(&folder).unwrap().display().to_string();
                found.push((name, fs::read(path).unwrap()));
            }
        }
    }
    found.sort();
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_a_prompt_makes_a_version_and_leaves_every_other_byte() {
    let flows = reminder();
    let engine = start(&flows, "");
    let mut admin = logged_in(&engine, ADMIN).await;
    let list = admin.get("flows").await;
    assert!(
        list.has("href=\"/console/flows/emi-reminder\""),
        "{}",
        list.html
    );
    let page = admin.get(FLOW).await;
    check(&page, FLOW);
    for text in [
        "heard to its end",
        "Requires identity",
        "$due-date</code> date",
        "Shall an agent help?",
    ] {
        assert!(page.has(text), "{text}: {}", page.html);
    }
    for language in [
        "en-IN", "hi-IN", "bn-IN", "gu-IN", "kn-IN", "ml-IN", "mr-IN", "or-IN", "pa-IN", "ta-IN",
        "te-IN",
    ] {
        let button = format!("value=\"{language}/greeting\"");
        assert!(page.has(&button), "{button}: {}", page.html);
    }
    let before = (active(&engine).await, contents(flows.path()));
    let form = admin.get(OKAY).await;
    check(&form, OKAY);
    assert!(form.has(">\nOkay.</textarea>"), "{}", form.html);
    let (csrf, base) = (form.csrf(), version(&form));
    assert_eq!(base, before.0);
    let text = "All right.\r\nThank you.";
    let sent = |csrf: &str, base: &str, text: &str| {
        [("csrf", csrf), ("version", base), ("text", text)]
            .map(|(name, value)| (name, value.to_owned()))
    };
    let publish =
        async |browser: &mut Browser<'_>, below: &str, csrf: &str, base: &str, text: &str| {
            let form = sent(csrf, base, text);
            let form: Vec<_> = form
                .iter()
                .map(|(name, value)| (*name, value.as_str()))
                .collect();
            browser.post(below, &form).await
        };
    assert_eq!(
        publish(&mut admin, ENGLISH, "no", &base, text).await.status,
        403
    );

    // what cannot be published changes nothing, and stays in the form
    let long = "x".repeat((16 << 10) + 1);
    for (typed, status, reported) in [
        ("Okay { $name", 422, "· prompts · line 2"),
        ("Okay { $nobody }", 422, "`$nobody`"),
        ("<speak>Okay</speak>", 422, "is markup"),
        ("Okay\0", 422, "control character U+0000"),
        ("Okay\u{1b}[0m", 422, "control character U+001B"),
        // the flow gives this prompt no name, which its tests show
        ("Okay, { $name }.", 422, "· tests"),
        ("", 422, "the text is empty"),
        ("Okay.", 422, "the text is as it was"),
        ("Okay.\n.note = other", 422, "more than its own message"),
        (&long, 422, "more than 16384"),
    ] {
        let refused = publish(&mut admin, ENGLISH, &csrf, &base, typed).await;
        assert_eq!(refused.status, status, "{typed:?}: {}", refused.html);
        check(&refused, typed);
        let shown = refused.html.replace("&quot;", "\"");
        assert!(shown.contains(reported), "{typed:?}: {shown}");
        assert!(
            shown.contains("Not published") && shown.contains("Fix:"),
            "{shown}"
        );
        let start: String = typed
            .chars()
            .take_while(|letter| !"<\0\u{1b}\n".contains(*letter))
            .collect();
        assert!(
            shown.contains(&format!("aria-invalid=\"true\">\n{start}")),
            "{typed:?}: {shown}"
        );
    }
    // nothing of a form or a path is a path of a file
    for below in [
        "flows/emi-reminder/prompts/okay/xx-XX",
        "flows/emi-reminder/prompts/okay/..%2F..%2Fother",
        "flows/emi-reminder/prompts/okay/en-in",
        "flows/emi-reminder/prompts/nothing/en-IN",
        "flows/emi-reminder/prompts/..%2Fokay/en-IN",
        "flows/nothing/prompts/okay/en-IN",
    ] {
        let refused = publish(&mut admin, below, &csrf, &base, "Fine.").await;
        assert_eq!(refused.status, 404, "{below}: {}", refused.html);
    }
    for below in [
        "flows/..%2Femi-reminder/prompts/okay/en-IN",
        "flows/emi-reminder/prompts/okay/en-IN%00",
    ] {
        let refused = publish(&mut admin, below, &csrf, &base, "Fine.").await;
        assert_eq!(refused.status, 400, "{below}: {}", refused.html);
    }
    assert_eq!((active(&engine).await, contents(flows.path())), before);

    let done = publish(&mut admin, ENGLISH, &csrf, &base, text).await;
    assert_eq!(done.status, 303, "{}", done.html);
    let after = active(&engine).await;
    assert_ne!(after, before.0);
    assert_eq!(
        done.location(),
        format!("/console/{OKAY}?version={after}&published=en-IN")
    );
    let reported = admin
        .get(done.location().strip_prefix("/console/").unwrap())
        .await;
    check(&reported, "published");
    assert!(
        reported.has("Published en-IN") && reported.has(&after),
        "{}",
        reported.html
    );
    assert!(
        reported.has("All right. Thank you."),
        "as it is spoken: {}",
        reported.html
    );
    let expected: Vec<_> = before
        .1
        .iter()
        .map(|(name, bytes)| {
            let mut bytes = bytes.clone();
            if name == "prompts/en-IN.ftl" {
                let text = String::from_utf8(bytes).unwrap();
                bytes = text
                    .replacen("okay = Okay.", "okay = All right.\n    Thank you.", 1)
                    .into_bytes();
            }
            (name.clone(), bytes)
        })
        .collect();
    assert!(
        contents(flows.path()) == expected,
        "one message has changed"
    );

    // the row of the version says who published it, and the one before who did not
    let shown = admin.get(FLOW).await;
    check(&shown, FLOW);
    assert!(
        shown.has("api-token · changed the prompt okay, en-IN")
            && shown.has("copied into the folder"),
        "{}",
        shown.html
    );
    let flows_now = asked(&engine, "/api/flows").await;
    let published = &flows_now["items"][0]["versions"][0]["published"];
    assert_eq!(published["how"], "prompt", "{flows_now:#}");
    assert_eq!(published["by"], "api-token");
    assert_eq!(
        (&published["prompt"], &published["language"]),
        (&"okay".into(), &"en-IN".into())
    );

    // who has the page of the version before overwrites nothing
    let late = publish(
        &mut admin,
        "flows/emi-reminder/prompts/okay/hi-IN",
        &csrf,
        &base,
        "ठीक।",
    )
    .await;
    assert_eq!(late.status, 409, "{}", late.html);
    assert!(
        late.has("was changed after this form was made") && late.has("ठीक।</textarea>"),
        "{}",
        late.html
    );
    // nor who is faster than the engine sees a changed file
    let manifest = flows.path().join("emi-reminder/flow.toml");
    let changed = format!("{}\n# changed\n", fs::read_to_string(&manifest).unwrap());
    fs::write(&manifest, &changed).unwrap();
    let late = publish(&mut admin, ENGLISH, &csrf, &after, "Fine.").await;
    assert_eq!(late.status, 409, "{}", late.html);
    assert_eq!(fs::read_to_string(&manifest).unwrap(), changed);
    engine.is_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_share_of_a_candidate_is_set_on_its_flows_page_by_admins() {
    let flows = reminder();
    let engine = start(&flows, "");
    let mut admin = logged_in(&engine, ADMIN).await;
    let page = admin.get(FLOW).await;
    assert!(!page.has("The candidate's share"), "{}", page.html);
    let manifest = flows.path().join("emi-reminder/flow.toml");
    let text = fs::read_to_string(&manifest).unwrap();
    fs::write(&manifest, format!("{text}\n[update]\nweight = 10\n")).unwrap();
    let given_up = Instant::now() + PATIENCE;
    let page = loop {
        let page = admin.get(FLOW).await;
        if page.has("The candidate's share") {
            break page;
        }
        assert!(Instant::now() < given_up, "{}", page.html);
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    };
    check(&page, FLOW);
    assert!(
        page.has("<strong>10 %</strong> of the new calls · as its manifest says"),
        "{}",
        page.html
    );
    let (csrf, candidate) = {
        let (_, form) = page.html.split_once("/weight\"").unwrap();
        let (_, value) = form.split_once("name=\"version\" value=\"").unwrap();
        let id = value.split('"').next().unwrap().to_owned();
        (page.csrf(), id)
    };
    assert_ne!(candidate, active(&engine).await);
    let below = format!("{FLOW}/weight");
    for (csrf, version, weight, status) in [
        ("no", candidate.as_str(), "50", 403),
        (&csrf, &candidate, "some", 400),
        (&csrf, &candidate, "101", 400),
        (&csrf, &candidate, "-1", 400),
        (&csrf, "", "50", 404),
        (&csrf, "ab12", "50", 409),
        (&csrf, &candidate, "0", 303),
    ] {
        let form = [("csrf", csrf), ("version", version), ("weight", weight)];
        let done = admin.post(&below, &form).await;
        assert_eq!(done.status, status, "{version} {weight}: {}", done.html);
    }
    let page = admin.get(&format!("{FLOW}?done=weight")).await;
    check(&page, "a share that was set");
    for words in [
        "The share was set.",
        "<strong>0 %</strong> of the new calls · set by api-token, ",
        "its manifest says 10 %",
    ] {
        assert!(page.has(words), "{words}: {}", page.html);
    }
    let list = admin.get("flows").await;
    assert!(
        list.has("0 % <span class=\"aside\">set by api-token"),
        "{}",
        list.html
    );
    for token in [VIEWER, OPERATOR] {
        let mut other = logged_in(&engine, token).await;
        let page = other.get(FLOW).await;
        assert!(
            page.has("set by api-token") && !page.has("/weight\""),
            "{}",
            page.html
        );
        let csrf = page.csrf();
        let form = [
            ("csrf", csrf.as_str()),
            ("version", &candidate),
            ("weight", "90"),
        ];
        assert_eq!(other.post(&below, &form).await.status, 403);
    }
    is_audited(&engine, &below).await;
    engine.is_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_change_a_prompt_is_who_may_deploy_and_the_audit_log_says_who_did() {
    let flows = reminder();
    let engine = start(&flows, "");
    let mut viewer = logged_in(&engine, VIEWER).await;
    let page = viewer.get(FLOW).await;
    assert!(
        page.status == 200 && page.has("Am I speaking with { $name }?"),
        "{}",
        page.html
    );
    for hidden in ["data-hear", "<textarea", "/prompts/", "/map"] {
        assert!(!page.has(hidden), "{hidden}: {}", page.html);
    }
    let csrf = page.csrf();
    for below in [OKAY, "flows/emi-reminder/map"] {
        assert_eq!(viewer.get(below).await.status, 403, "{below}");
    }
    let hear = [("csrf", csrf.as_str()), ("prompt", "en-IN/okay")];
    assert_eq!(
        viewer.post("flows/emi-reminder/hear", &hear).await.status,
        403
    );

    let mut operator = logged_in(&engine, OPERATOR).await;
    let page = operator.get(OKAY).await;
    assert!(
        page.has("data-hear") && !page.has("<textarea"),
        "{}",
        page.html
    );
    let (csrf, base) = (page.csrf(), version(&page));
    let form = [
        ("csrf", csrf.as_str()),
        ("version", base.as_str()),
        ("text", "Fine."),
    ];
    assert_eq!(operator.post(ENGLISH, &form).await.status, 403);
    assert_eq!(active(&engine).await, base);

    let mut admin = logged_in(&engine, ADMIN).await;
    let csrf = admin.get(OKAY).await.csrf();
    let form = [
        ("csrf", csrf.as_str()),
        ("version", base.as_str()),
        ("text", "Fine."),
    ];
    assert_eq!(admin.post(ENGLISH, &form).await.status, 303);
    is_audited(&engine, ENGLISH).await;

    let flows = reminder();
    let off = start(&flows, "deploy-flows = false\n");
    let mut admin = logged_in(&off, ADMIN).await;
    let page = admin.get(OKAY).await;
    assert!(
        page.has("does not accept flows") && !page.has("<textarea"),
        "{}",
        page.html
    );
    let (csrf, base) = (page.csrf(), version(&page));
    let form = [
        ("csrf", csrf.as_str()),
        ("version", base.as_str()),
        ("text", "Fine."),
    ];
    let refused = admin.post(ENGLISH, &form).await;
    assert_eq!(refused.status, 403, "{}", refused.html);
    assert!(
        refused.has("Fine.</textarea>"),
        "what was typed is not lost: {}",
        refused.html
    );
    assert_eq!(active(&off).await, base);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prompt_is_heard_as_callers_hear_it_before_it_is_published() {
    let flows = reminder();
    let engine = start(&flows, "");
    let mut operator = logged_in(&engine, OPERATOR).await;
    let csrf = operator.get(FLOW).await.csrf();
    let hear = async |operator: &Browser<'_>, prompt: &str, text: Option<&str>| {
        let mut form = vec![("csrf", csrf.as_str()), ("prompt", prompt)];
        form.extend(text.map(|text| ("text", text)));
        operator.fetched("flows/emi-reminder/hear", &form).await
    };
    let mut lasts = Vec::new();
    for (prompt, text) in [
        ("en-IN/okay", None),
        // with a name, an amount and a date
        ("en-IN/emi-details", None),
        ("hi-IN/emi-details", None),
        (
            "en-IN/okay",
            Some("Your instalment of { $amount } is due on { $due-date }."),
        ),
        ("en-IN/okay", Some("Okay.")),
    ] {
        let (status, media_type, wav) = hear(&operator, prompt, text).await;
        assert_eq!(
            (status, media_type.as_str()),
            (200, "audio/wav"),
            "{prompt}: {}",
            String::from_utf8_lossy(&wav)
        );
        let mut wav = hound::WavReader::new(wav.as_slice()).unwrap();
        assert_eq!(
            (wav.spec().channels, wav.spec().sample_rate),
            (1, 8_000),
            "{prompt}"
        );
        let loudest = wav
            .samples::<i16>()
            .map(|sample| sample.unwrap().unsigned_abs())
            .max();
        assert!(loudest > Some(1_000), "{prompt}: {loudest:?}");
        lasts.push(wav.duration());
    }
    assert!(
        lasts[1] > 4 * lasts[0] && lasts[2] > 4 * lasts[0] && lasts[3] > 2 * lasts[0],
        "{lasts:?}"
    );
    for (prompt, text, status, reported) in [
        (
            "en-IN/okay",
            Some("Okay { $name"),
            422,
            "prompts/en-IN.ftl` line 2",
        ),
        (
            "en-IN/okay",
            Some("Okay { $nobody }"),
            422,
            "`nobody` is missing",
        ),
        ("en-IN/okay", Some("Okay\0"), 422, "U+0000"),
        (
            "en-IN/nothing",
            None,
            404,
            "`nothing` is not among the flow's prompts",
        ),
        (
            "xx-XX/okay",
            None,
            404,
            "`xx-XX` is not among the flow's prompts",
        ),
        (
            "../../etc/passwd",
            None,
            404,
            "is not among the flow's prompts",
        ),
        ("", None, 404, "is not among the flow's prompts"),
    ] {
        let (code, media_type, problem) = hear(&operator, prompt, text).await;
        let problem = String::from_utf8(problem).unwrap();
        assert_eq!(
            (code, media_type.as_str()),
            (status, "application/problem+json"),
            "{prompt}: {problem}"
        );
        assert!(problem.contains(reported), "{prompt}: {problem}");
    }
    let forged = [("csrf", "guessed"), ("prompt", "en-IN/okay")];
    assert_eq!(
        operator
            .post("flows/emi-reminder/hear", &forged)
            .await
            .status,
        403
    );
    assert!(
        !engine.logs().contains("Your instalment of"),
        "what is spoken is no line of the log"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_map_of_a_version_is_drawn_with_its_properties_and_every_path() {
    let flows = reminder();
    let engine = start(&flows, "");
    let mut operator = logged_in(&engine, OPERATOR).await;
    let map = format!("{FLOW}/map");
    let given_up = Instant::now() + PATIENCE;
    let page = loop {
        let page = operator.get(&map).await;
        assert_eq!(page.status, 200, "{}", page.html);
        check(&page, &map);
        if page.has("class=\"wide drawing\"") {
            break page;
        }
        assert!(
            page.has("is being drawn") && Instant::now() < given_up,
            "{}",
            page.html
        );
    };
    for text in [
        "<svg width=",
        "class=\"arrow\"",
        "every path ends, with an outcome",
        "no call takes longer than 300 s",
        "tests/agrees.toml",
        "transferred, transfer to default",
        "Am I speaking with Ravi Kumar?",
    ] {
        assert!(page.has(text), "{text}: {}", page.html);
    }
    assert!(
        !page.has("does not hold") && page.has("chip good"),
        "{}",
        page.html
    );
    // it is known now, in each language
    let began = Instant::now();
    let hindi = operator.get(&format!("{map}?language=hi-IN")).await;
    assert!(hindi.has("रवि") || hindi.has("नमस्ते"), "{}", hindi.html);
    assert!(began.elapsed() < PATIENCE / 2);
    for (below, status) in [
        ("flows/nothing/map", 404),
        ("flows/..%2Fx/map", 400),
        ("flows/emi-reminder?version=no", 404),
    ] {
        assert_eq!(operator.get(below).await.status, status, "{below}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_component_alone_has_nothing_to_edit_and_says_so() {
    let flows = tempfile::tempdir().unwrap();
    let component = root().join("engine/host/tests/fixtures/acts-0.1.0.wasm");
    fs::copy(component, flows.path().join("acts.wasm")).unwrap();
    let engine = start(&flows, "");
    let mut admin = logged_in(&engine, ADMIN).await;
    let page = admin.get("flows/acts").await;
    check(&page, "a component alone");
    assert_eq!(page.status, 200, "{}", page.html);
    assert!(
        page.has("there is nothing to edit here") && !page.has("data-hear"),
        "{}",
        page.html
    );
    assert_eq!(admin.get("flows/acts/prompts/greeting").await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_candidate_shows_its_share_and_a_version_that_is_not_in_the_folder_cannot_be_changed() {
    let flows = reminder();
    let manifest = flows.path().join("emi-reminder/flow.toml");
    let text = fs::read_to_string(&manifest).unwrap();
    fs::write(&manifest, format!("{text}\n[update]\nweight = 10\n")).unwrap();
    let engine = start(&flows, "");
    let mut admin = logged_in(&engine, ADMIN).await;
    let form = admin.get(OKAY).await;
    let (csrf, base) = (form.csrf(), version(&form));
    let sent = [
        ("csrf", csrf.as_str()),
        ("version", base.as_str()),
        ("text", "Fine."),
    ];
    let done = admin.post(ENGLISH, &sent).await;
    assert_eq!(done.status, 303, "{}", done.html);
    let candidate = admin
        .get(done.location().strip_prefix("/console/").unwrap())
        .await;
    assert!(
        candidate.has("candidate") && candidate.has("10 % of the new calls"),
        "{}",
        candidate.html
    );
    assert!(
        candidate.has("Fine.</textarea>"),
        "the candidate's files are in the folder: {}",
        candidate.html
    );
    assert_eq!(active(&engine).await, base);
    // the active version is what most callers hear
    let page = admin.get(OKAY).await;
    assert!(
        page.has("Okay.") && page.has("other files than this version") && !page.has("<textarea"),
        "{}",
        page.html
    );
    let page = admin.get(FLOW).await;
    assert!(
        page.has("<h2 id=\"versions\">Versions</h2>") && page.has("chip candidate"),
        "{}",
        page.html
    );
}
