//! Campaigns and customers in the console, as an operator goes about them.

use serde_json::{Value, json};

use crate::campaigns::{
    ASKS_NOT_TO_BE_CALLED, AT_ANY_TIME, customer, engine, import, number, start_engine, state_when,
    succeeds,
};
use crate::console::{Browser, live};
use crate::dialling::presses_keys;
use crate::nodes::reminder;
use crate::outbound::Exotel;
use crate::support::{Engine, PATIENCE, Setup};

const PHONE: &str = "+919876593991";
const VIEWER: &str = "viewer-0123456789";
const OPERATOR: &str = "operator-0123456789";
const NAME: &str = "Priya";

/// Makes a campaign with these rules, which calls nobody yet.
async fn made(engine: &Engine, name: &str, list: &str, rules: &str) {
    let plan = engine.house().join(format!("{name}.toml"));
    std::fs::write(&plan, rules).unwrap();
    let plan = plan.to_str().unwrap();
    succeeds(engine, &["new", name, "--list", list, "--plan", plan]).await;
}

async fn progress(engine: &Engine, name: &str) -> Value {
    let url = engine.url(&format!("/api/campaigns/{name}/progress"));
    engine
        .http()
        .get(url)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_campaign_is_started_in_the_console_and_its_funnel_is_counted() {
    let (engine, address) = engine();
    let callers = format!(
        "[[callers]]\nnumbers = ['*1']\ndoes = 'busy'\nnth-call = 1\n[[callers]]\nnumbers = ['*2']\ndoes = 'no-answer'\n{}",
        presses_keys()
    );
    let exotel = Exotel::start_at(&engine, &address, &callers);
    let customers = [
        customer(2, &number(11, 1)),
        customer(3, &number(12, 2)),
        customer(4, &number(13, 2)),
        customer(5, &number(14, 8)),
    ];
    import(&engine, "december", &customers).await;
    let rules = format!(
        "goal = ['transferred', 'promised']\n{AT_ANY_TIME}[retry]\nattempts = 2\nbusy = '1s'\nno-answer = '1s'\n"
    );
    made(&engine, "c", "december", &rules).await;
    let before = progress(&engine, "c").await;
    assert_eq!(
        (
            &before["listed"],
            &before["dialled"],
            &before["attempts_left"]
        ),
        (&json!(4), &json!(0), &json!(8)),
        "{before:#}"
    );

    let mut browser = Browser::new(&engine, "");
    let list = browser.get("campaigns").await;
    assert!(
        list.status == 200 && list.has("href=\"/console/campaigns/c\"") && list.has("draft"),
        "{}",
        list.html
    );
    let page = browser.get("campaigns/c").await;
    for words in [
        "action=\"/console/campaigns/c/start\"",
        "action=\"/console/campaigns/c/cancel\"",
        "transferred, promised",
    ] {
        assert!(page.has(words), "{words}: {}", page.html);
    }
    assert!(!page.has("campaigns/c/pause"), "{}", page.html);
    let csrf = page.csrf();
    for (form, action, status) in [
        (("csrf", "guessed"), "start", 403),
        (("csrf", csrf.as_str()), "pause", 409),
        (("csrf", &csrf), "fly", 404),
        (("csrf", &csrf), "start", 303),
        (("csrf", &csrf), "start", 409),
    ] {
        let answer = browser
            .post(&format!("campaigns/c/{action}"), &[form])
            .await;
        assert_eq!(answer.status, status, "{action}: {}", answer.html);
    }
    let is_finished = |campaign: &Value| campaign["state"] == "finished";
    state_when(&engine, "c", PATIENCE, is_finished).await;

    let counted = progress(&engine, "c").await;
    let funnel = ["listed", "dialled", "answered", "identified", "goal"]
        .map(|step| counted[step].as_u64().unwrap());
    assert_eq!(funnel, [4, 4, 2, 2, 2], "{counted:#}");
    assert_eq!(counted["attempts_left"], 0, "{counted:#}");
    let hours = counted["hours"].as_array().unwrap().iter();
    let outcomes = hours.flat_map(|hour| hour["outcomes"].as_array().unwrap());
    let mut calls = std::collections::BTreeMap::new();
    for outcome in outcomes {
        *calls
            .entry(outcome["outcome"].as_str().unwrap())
            .or_insert(0) += outcome["calls"].as_u64().unwrap();
    }
    let expected = [("busy", 1), ("not-answered", 4), ("transferred", 2)];
    assert_eq!(calls, expected.into(), "{counted:#}");
    let page = browser.get("campaigns/c").await;
    for words in [
        "4 (100 %)",
        "2 (50 %)",
        "finished",
        "not-answered: ",
        "?campaign=c\"",
    ] {
        assert!(page.has(words), "{words}: {}", page.html);
    }
    assert!(!page.has("action=\"/console/campaigns"), "{}", page.html);
    let calls = browser.get("calls?campaign=c").await;
    assert!(
        calls.has("transferred") && !calls.has("987650"),
        "{}",
        calls.html
    );
    assert_eq!(browser.get("campaigns/none").await.status, 404);
    let audit = browser.get("audit").await;
    assert!(audit.has("/console/campaigns/c/start"), "{}", audit.html);
    exotel.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customers_page_has_their_calls_and_campaigns_and_they_may_be_called_again() {
    let (engine, address) =
        start_engine(|config| config.replace("recognizer = 'none'", "recognizer = 'vosk'"));
    let scenario = engine.house().join("asks.toml");
    std::fs::write(&scenario, ASKS_NOT_TO_BE_CALLED).unwrap();
    let callers = format!("[[callers]]\nscenario = '{}'\n", scenario.display());
    let exotel = Exotel::start_at(&engine, &address, &callers);
    let phone = number(15, 8);
    import(&engine, "december", &[customer(2, &phone)]).await;
    made(&engine, "c", "december", AT_ANY_TIME).await;
    succeeds(&engine, &["start", "c"]).await;
    let is_finished = |campaign: &Value| campaign["state"] == "finished";
    state_when(&engine, "c", PATIENCE, is_finished).await;

    let mut browser = Browser::new(&engine, "");
    let csrf = browser.get("customers").await.csrf();
    let asked = |phone: &str| {
        vec![
            ("csrf".to_owned(), csrf.clone()),
            ("phone".to_owned(), phone.to_owned()),
        ]
    };
    let mut post = async |form: Vec<(String, String)>| {
        let form: Vec<_> = form
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        browser.post("customers", &form).await
    };
    assert_eq!(
        post(vec![("phone".to_owned(), phone.clone())]).await.status,
        403
    );
    let wrong = post(asked("nobody")).await;
    assert!(
        wrong.status == 400 && wrong.has("role=\"alert\""),
        "{}",
        wrong.html
    );
    let unknown = post(asked("9876512345")).await;
    assert!(
        unknown.status == 200 && unknown.has("There are no calls yet."),
        "{}",
        unknown.html
    );
    // the number is in no address
    let found = post(asked(&phone[3..])).await;
    assert_eq!(found.status, 303, "{}", found.html);
    let path = found
        .location()
        .strip_prefix("/console/")
        .unwrap()
        .to_owned();
    assert!(
        path.starts_with("calls/") && path.ends_with("/customer"),
        "{path}"
    );
    let page = browser.get(&path).await;
    for words in [
        "Asked not to be called again:",
        "href=\"/console/campaigns/c\"",
        "do-not-call",
        &format!("action=\"/console/{path}/lift\""),
    ] {
        assert!(page.has(words), "{words}: {}", page.html);
    }
    assert!(
        !page.has(&phone)
            && browser
                .get(&format!("{path}?numbers=true"))
                .await
                .has(&phone)
    );
    let lift = format!("{path}/lift");
    assert_eq!(
        browser.post(&lift, &[("csrf", "guessed")]).await.status,
        403
    );
    assert_eq!(browser.post(&lift, &[("csrf", &csrf)]).await.status, 303);
    let url = engine.url(&format!("/api/do-not-call/{phone}"));
    assert_eq!(engine.http().get(url).send().await.unwrap().status(), 404);
    let page = browser.get(&format!("{path}?done=lift")).await;
    assert!(
        page.has("The customer may be called again.") && !page.has("Asked not to"),
        "{}",
        page.html
    );
    assert_eq!(browser.post(&lift, &[("csrf", &csrf)]).await.status, 404);
    exotel.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_sees_campaigns_and_masked_customers_and_changes_nothing() {
    let (flows, data) = (reminder(), tempfile::tempdir().unwrap());
    let mut open = Setup::new("[speech]\nrecognizer = 'none'\n")
        .flows(flows.path())
        .data(data.path())
        .start();
    let (call, stream) = live(&open, "c-operating-1", PHONE).await;
    stream.hang_up("c-operating-1").await;
    open.ended(&call).await;
    import(&open, "june", &[customer(2, PHONE)]).await;
    made(&open, "june", "june", AT_ANY_TIME).await;
    open.ask_to_stop();
    assert!(open.stopped(PATIENCE).success());
    let config = format!(
        "[speech]\nrecognizer = 'none'\n[server]\npath = '/bot'\nstream-token = 'stream-0123456789'\napplet-token = 'applet-0123456789'\n\
         api-token = 'api-0123456789-x'\n[tokens.night-shift]\nrole = 'operator'\ntoken = '{OPERATOR}'\n\
         [tokens.auditor]\nrole = 'viewer'\ntoken = '{VIEWER}'\n"
    );
    let engine = Setup::new(config)
        .flows(flows.path())
        .data(data.path())
        .start();
    let mut viewer = Browser::new(&engine, "/bot");
    viewer.log_in(VIEWER, "").await;
    let of_call = format!("calls/{call}/customer");
    for (below, status) in [
        ("campaigns", 200),
        ("campaigns/june", 200),
        (of_call.as_str(), 200),
        (&format!("{of_call}?numbers=true"), 200),
        ("customers", 403),
    ] {
        let page = viewer.get(below).await;
        assert_eq!(page.status, status, "{below}: {}", page.html);
        crate::console::check(&page, below);
        for word in [
            PHONE,
            "9876593991",
            NAME,
            "href=\"/console",
            "campaigns/june/start",
            "/customer/lift",
            "href=\"/bot/console/customers",
        ] {
            assert!(!page.has(word), "{below}: {word}: {}", page.html);
        }
    }
    assert!(viewer.get(&of_call).await.has("xxxxxx3991"));
    let csrf = viewer.get("calls").await.csrf();
    for below in [
        "campaigns/june/start",
        "customers",
        &format!("{of_call}/lift"),
    ] {
        let form = [("csrf", csrf.as_str()), ("phone", PHONE)];
        assert_eq!(viewer.post(below, &form).await.status, 403, "{below}");
    }
    let mut operator = Browser::new(&engine, "/bot");
    operator.log_in(OPERATOR, "").await;
    let page = operator.get("campaigns/june").await;
    crate::console::check(&page, "a campaign");
    assert!(
        page.has("action=\"/bot/console/campaigns/june/start\""),
        "{}",
        page.html
    );
    // there is no account to dial with, which the page says
    let csrf = page.csrf();
    let refused = operator
        .post("campaigns/june/start", &[("csrf", &csrf)])
        .await;
    assert!(
        refused.status == 409 && refused.has("role=\"alert\""),
        "{}",
        refused.html
    );
    let cancelled = operator
        .post("campaigns/june/cancel", &[("csrf", &csrf)])
        .await;
    assert_eq!(
        cancelled.location(),
        "/bot/console/campaigns/june?done=cancel"
    );
    let page = operator.get("campaigns/june?done=cancel").await;
    assert!(
        page.has("The campaign was changed.") && page.has("cancelled"),
        "{}",
        page.html
    );
    let page = operator.get(&of_call).await;
    crate::console::check(&page, "a customer");
    assert!(
        operator
            .get(&format!("{of_call}?numbers=true"))
            .await
            .has(PHONE)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_console_is_in_the_language_that_was_chosen_or_that_the_browser_asks_for() {
    let config = "[speech]\nrecognizer = 'none'\n[server]\npath = '/bot'\n";
    let engine = Setup::new(config).start();
    let page = async |cookies: &str| {
        let request = engine.http().get(engine.url("/bot/console/calls"));
        let request = request.header("accept-language", "hi-IN,en;q=0.5");
        let answer = request.header("cookie", cookies).send().await.unwrap();
        let set = answer.headers().get("set-cookie");
        let set = set.map(|set| set.to_str().unwrap().split(';').next().unwrap().to_owned());
        (set, answer.text().await.unwrap())
    };
    let (session, hindi) = page("").await;
    assert!(
        hindi.contains("<html lang=\"hi\">") && hindi.contains("<h1>कॉल</h1>"),
        "{hindi}"
    );
    let (session, (_, after)) = (
        session.unwrap(),
        hindi.split_once("name=\"csrf\" value=\"").unwrap(),
    );
    let csrf = after.split('"').next().unwrap();
    let choose = async |csrf: &str, language: &str, next: &str| {
        let body = format!("csrf={csrf}&language={language}&next={next}");
        let request = engine.http().post(engine.url("/bot/console/language"));
        let request = request.header("cookie", &session).body(body);
        let answer = request.send().await.unwrap();
        let header = |name: &str| {
            let value = answer.headers().get(name);
            value.map_or(String::new(), |value| value.to_str().unwrap().to_owned())
        };
        (
            answer.status().as_u16(),
            header("location"),
            header("set-cookie"),
        )
    };
    let (status, to, set) = choose(csrf, "en", "/bot/console/calls?flow=a").await;
    assert_eq!((status, to.as_str()), (303, "/bot/console/calls?flow=a"));
    for part in [
        "ghanti-console-language=en;",
        "; Path=/bot/console;",
        "; SameSite=Strict",
        "; HttpOnly",
    ] {
        assert!(set.contains(part), "{set}");
    }
    let (_, english) = page(&format!("{session}; ghanti-console-language=en")).await;
    assert!(
        english.contains("<html lang=\"en\">") && english.contains("<h1>Calls</h1>"),
        "{english}"
    );
    let (_, hindi) = page(&format!("{session}; ghanti-console-language=tlh")).await;
    assert!(hindi.contains("<html lang=\"hi\">"), "{hindi}");
    assert_eq!(choose("guessed", "en", "").await.0, 403);
    let (_, to, set) = choose(csrf, "tlh", "https://elsewhere.example/").await;
    assert_eq!((to.as_str(), set.as_str()), ("/bot/console/", ""));
}
