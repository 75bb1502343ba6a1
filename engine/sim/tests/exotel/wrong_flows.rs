//! Flows that were set up wrongly, and what Exotel makes of them.

use serde_json::Value;

use crate::bot::{Bot, Closes};
use crate::sim::Sim;
use crate::words;

/// Runs one call through a flow, given as its applets with `BOT` in place of the bot's URL.
async fn call(bot: &Bot, applets: &[&str]) -> Value {
    let applets: String = applets
        .iter()
        .map(|applet| {
            let applet = applet.replace("BOT", &bot.url("applet"));
            format!("[[flows.1001.applets]]\n{applet}\n")
        })
        .collect();
    let callers = "[[callers]]\nframe-ms = 100\nhangs-up-after-s = 1\n";
    let sim = Sim::start("", &format!("{callers}{applets}")).await;
    sim.call("+919876500001", &[]).await;
    sim.over(0).await
}

const BEFORE: &str = "applet = \"passthru\"\nurl = \"BOT/before\"";
const BOT: &str = "applet = \"voicebot\"\nurl = \"BOT/voicebot-url\"";
const CONNECT: &str = "applet = \"connect\"\nname = \"agents\"\nurl = \"BOT/connect\"";

#[tokio::test]
async fn without_a_voicebot_applet_there_is_no_stream() {
    let bot = Bot::start(Closes::AfterGreeting, &[]).await;
    let call = call(&bot, &[BEFORE]).await;
    assert_eq!(words(&call["applets"], "applet"), ["passthru"]);
    assert_eq!(call["ended"], "the flow ended");
}

#[tokio::test]
async fn a_stream_applet_returns_no_marks_and_plays_nothing() {
    let bot = Bot::start(Closes::AfterGreeting, &[]).await;
    let call = call(&bot, &["applet = \"stream\"\nurl = \"BOT/voicebot-url\""]).await;
    let stream = &call["applets"][0]["stream"];
    // the bot waits for its mark until the caller hangs up
    assert_eq!(stream["ended-by"], "user");
    assert_eq!(stream["first-audio-ms"], Value::Null);
}

#[tokio::test]
async fn a_wrong_path_or_token_gives_no_stream() {
    let bot = Bot::start(Closes::AfterGreeting, &[]).await;
    let wrong = "applet = \"voicebot\"\nurl = \"BOT/nowhere\"";
    let after = "applet = \"passthru\"\nurl = \"BOT/after\"";
    let call = call(&bot, &[wrong, after]).await;
    assert_eq!(call["applets"][0]["status"], 403);
    assert_eq!(bot.asked()[1].query["Stream[Status]"], "failed");
    assert_eq!(bot.asked()[1].query["Stream[DisconnectedBy]"], "NA");
}

#[tokio::test]
async fn a_socket_that_cannot_be_opened_is_reported_to_the_passthru_after() {
    let bot = Bot::start(Closes::AfterGreeting, &[]).await;
    let wrong = format!(
        "applet = \"voicebot\"\nurl = \"ws://{}/nowhere\"",
        bot.address
    );
    let after = "applet = \"passthru\"\nurl = \"BOT/after\"";
    let call = call(&bot, &[&wrong, after]).await;
    assert!(call["applets"][0]["problem"].is_string(), "{call:#}");
    assert!(bot.asked()[0].query["Stream[Error]"].starts_with("3009"));
}

#[tokio::test]
async fn an_asynchronous_passthru_branches_nowhere() {
    let bot = Bot::start(Closes::AfterGreeting, &["+918045111222"]).await;
    let asynchronous =
        "applet = \"passthru\"\nurl = \"BOT/after\"\nasync = true\non-302 = \"agents\"";
    let call = call(&bot, &[BOT, asynchronous, "applet = \"hangup\"", CONNECT]).await;
    let applets = ["voicebot", "passthru", "hangup"];
    assert_eq!(words(&call["applets"], "applet"), applets);
}

#[tokio::test]
async fn a_302_without_a_branch_ends_the_call() {
    let bot = Bot::start(Closes::AfterGreeting, &["+918045111222"]).await;
    let after = "applet = \"passthru\"\nurl = \"BOT/after\"";
    let call = call(&bot, &[BOT, after, CONNECT]).await;
    assert_eq!(words(&call["applets"], "applet"), ["voicebot", "passthru"]);
    assert_eq!(call["applets"][1]["branch"], "hang-up");
}

#[tokio::test]
async fn a_switch_case_needs_plain_text_from_the_passthru_before_it() {
    let switch = "applet = \"switch-case\"\ncases = { transfer = \"agents\" }";
    for (path, is_taken) in [("select", true), ("select-json", false), ("before", false)] {
        let bot = Bot::start(Closes::AfterGreeting, &["+918045111222"]).await;
        let select = format!("applet = \"passthru\"\nurl = \"BOT/{path}\"");
        let call = call(&bot, &[&select, switch, CONNECT]).await;
        let has_connected = words(&call["applets"], "applet").contains(&"connect".to_owned());
        assert_eq!(has_connected, is_taken, "{path}: {call:#}");
    }
}

#[tokio::test]
async fn a_wrong_connect_url_ends_the_call_unless_there_is_a_fallback() {
    let bot = Bot::start(Closes::AfterGreeting, &["+918045111222"]).await;
    let wrong = "applet = \"connect\"\nurl = \"BOT/voicebot-url\"";
    let then = "applet = \"passthru\"\nurl = \"BOT/after\"";
    let dropped = call(&bot, &[wrong, then]).await;
    assert_eq!(words(&dropped["applets"], "branch"), ["hang-up"]);
    let fallback = format!("{wrong}\nfallback-url = \"BOT/connect\"\nrings-s = 0\ntalks-s = 1");
    let saved = call(&bot, &[&fallback, then]).await;
    assert_eq!(words(&saved["applets"], "applet"), ["connect", "passthru"]);
}

#[tokio::test]
async fn an_app_id_that_does_not_exist_fails_after_the_call_was_accepted() {
    let sim = Sim::start("", "").await;
    sim.call("+919876500001", &[]).await;
    let call = sim.over(0).await;
    assert_eq!(call["status"], "failed");
    assert_eq!(call["ended"], "there is no flow `1001`");
}
