//! Whole calls against a small bot, which sees what a real Exotel would send. They run in real
//! time, since sockets cannot use paused time.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use support::{audible_ms, play, play_prepared, sides};

const CUSTOMER: &str =
    "[customer]\nphone = \"+919876500001\"\n[customer.fields]\nname = \"Asha Rao\"\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_runs_from_passthru_to_the_agent() {
    let scenario = format!("expect-agent = true\n{CUSTOMER}[[caller]]\nsay = \"yes, speaking\"\n");
    let prepare = |seen: &mut support::Seen| seen.agent = Some("+918045111222".to_owned());
    let (report, seen, _folder) = play_prepared(&scenario, prepare, |mut bot| async move {
        let start = bot.started().await;
        assert_eq!(start["sequence_number"], "1");
        assert_eq!(start["start"]["media_format"]["sample_rate"], "8000");
        assert_eq!(start["start"]["from"], "09876500001");
        bot.tone(300).await;
        bot.mark("question").await;
        bot.line("greeting", "Am I speaking with Asha Rao?", 10);
        bot.until("mark").await;
        // 700 ms of silence, then about a second of speech
        bot.hear(2_500).await;
        bot.tone(200).await;
        bot.mark("goodbye").await;
        bot.until("mark").await;
        bot.close().await;
    })
    .await;
    assert_eq!(report.complaints, Vec::<String>::new());
    assert_eq!(
        report.agent.as_ref().map(|number| number.expose()),
        Some("+918045111222")
    );
    assert_eq!(report.outcome.as_deref(), Some("done"));
    // no upper bound: how soon the bot is heard depends on the machine
    assert!(report.first_audio_ms.is_some());
    assert!(
        matches!(report.response_ms[..], [ms] if ms >= 400),
        "{:?}",
        report.response_ms
    );
    assert_eq!(report.transcript[0].name, "greeting");

    let (caller, bot) = sides(&report.files.recording);
    assert_eq!(caller.len(), bot.len());
    assert!(
        (460..=560).contains(&audible_ms(&bot, 8_000)),
        "{} ms of the bot",
        audible_ms(&bot, 8_000)
    );
    assert!(
        (500..1_600).contains(&audible_ms(&caller, 8_000)),
        "{} ms of the caller",
        audible_ms(&caller, 8_000)
    );
    for (file, holds) in [
        (&report.files.wire, "\"payload\":1600"),
        (&report.files.transcript, "Am I speaking"),
        (&report.files.report, "done"),
    ] {
        assert!(
            std::fs::read_to_string(file).unwrap().contains(holds),
            "{}",
            file.display()
        );
    }

    let seen = seen.lock().unwrap();
    let paths: Vec<&str> = seen
        .requests
        .iter()
        .map(|(path, ..)| path.as_str())
        .collect();
    assert_eq!(paths, ["passthru", "after", "connect", "after"]);
    assert_eq!(
        seen.requests[0].1["CustomField"],
        seen.record.call_id.to_string()
    );
    assert_eq!(seen.requests[1].1["Stream[DisconnectedBy]"], "bot");
    assert_eq!(seen.requests[2].2["exotel-version"], "1.0");
    assert!(
        seen.status_form.contains("Status=completed"),
        "{}",
        seen.status_form
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn marks_come_back_in_order_when_their_audio_was_played() {
    let (report, ..) = play(CUSTOMER, |mut bot| async move {
        bot.started().await;
        bot.tone(400).await;
        bot.mark("a").await;
        bot.tone(400).await;
        bot.mark("b").await;
        let (first, first_ms) = bot.until("mark").await;
        let (second, second_ms) = bot.until("mark").await;
        assert_eq!(
            (&first["mark"]["name"], &second["mark"]["name"]),
            (&"a".into(), &"b".into())
        );
        assert!(
            first_ms >= 400 && second_ms >= 400,
            "{first_ms} and {second_ms} ms"
        );
        bot.close().await;
    })
    .await;
    assert!(report.ok, "{:?}", report.complaints);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clear_drops_audio_and_its_marks() {
    let (report, _seen, _folder) = play(CUSTOMER, |mut bot| async move {
        bot.started().await;
        bot.tone(3_000).await;
        bot.mark("dropped").await;
        bot.hear(300).await;
        bot.clear().await;
        bot.tone(100).await;
        bot.mark("after").await;
        assert_eq!(bot.until("mark").await.0["mark"]["name"], "after");
        bot.close().await;
    })
    .await;
    assert!(report.ok, "{:?}", report.complaints);
    let heard_ms = audible_ms(&sides(&report.files.recording).1, 8_000);
    assert!((100..3_000).contains(&heard_ms), "{heard_ms} ms");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_arrive_one_after_another_and_hanging_up_says_stop_and_cuts() {
    let scenario = format!(
        "{CUSTOMER}[[caller]]\nduring = 100\nkeys = \"1#\"\n[[caller]]\nafter-template = \"thanks\"\nhang-up = true\n"
    );
    let (report, seen, _folder) = play(&scenario, |mut bot| async move {
        bot.started().await;
        bot.tone(500).await;
        let (first, _) = bot.until("dtmf").await;
        assert_eq!(first["dtmf"]["digit"], "1");
        let (second, after_ms) = bot.until("dtmf").await;
        assert_eq!(second["dtmf"]["digit"], "#");
        assert!(after_ms >= 300, "{after_ms} ms");
        bot.line(
            "thanks",
            "Thank you.",
            bot.began.elapsed().as_millis() as u64,
        );
        bot.tone(200).await;
        let (stop, _) = bot.until("stop").await;
        assert_eq!(stop["stop"]["reason"], "canceled or call ended");
        assert_eq!(bot.next().await, None);
    })
    .await;
    assert!(report.ok, "{:?}", report.complaints);
    let seen = seen.lock().unwrap();
    assert_eq!(seen.requests[1].1["Stream[DisconnectedBy]"], "user");
    assert_eq!(seen.requests[1].1["Stream[Status]"], "cancelled");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_violation_of_exotels_rules_is_reported() {
    let (report, ..) = play(CUSTOMER, |mut bot| async move {
        bot.sid = "early".to_owned();
        bot.tone(100).await;
        bot.started().await;
        bot.media(vec![0; 1000]).await;
        let sid = std::mem::replace(&mut bot.sid, "another".to_owned());
        bot.tone(100).await;
        bot.sid = sid;
        bot.tone(2_000).await;
        bot.close().await;
    })
    .await;
    assert!(!report.ok);
    let reported: Vec<String> = report.wire_faults.iter().map(ToString::to_string).collect();
    for (fault, words) in reported.iter().zip([
        "before `start`",
        "1000",
        "without the `stream_sid`",
        "unheard",
    ]) {
        assert!(fault.contains(words), "{reported:?}");
    }
    assert_eq!(reported.len(), 4, "{reported:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_handshake_is_tried_once_more() {
    let prepare = |seen: &mut support::Seen| seen.refuse_handshakes = 1;
    let (report, ..) = play_prepared(CUSTOMER, prepare, |mut bot| async move {
        bot.started().await;
        bot.close().await;
    })
    .await;
    assert!(report.ok, "{:?}", report.complaints);

    let prepare = |seen: &mut support::Seen| {
        seen.refuse_handshakes = 2;
        seen.record.state = ghanti_model::CallState::Ended;
    };
    let (report, seen, _folder) = play_prepared(CUSTOMER, prepare, |_| async {}).await;
    assert!(
        report
            .complaints
            .iter()
            .any(|complaint| complaint.contains("could not be opened")),
        "{:?}",
        report.complaints
    );
    assert_eq!(
        seen.lock().unwrap().requests[1].1["Stream[Status]"],
        "failed"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_streams_url_chooses_rate_and_parameters() {
    let scenario = format!("direction = \"inbound\"\nsample-rate-hz = 16000\n{CUSTOMER}");
    let prepare = |seen: &mut support::Seen| seen.stream_query = "job=7".to_owned();
    let (report, seen, _folder) = play_prepared(&scenario, prepare, |mut bot| async move {
        let start = bot.started().await;
        assert_eq!(start["start"]["media_format"]["sample_rate"], "16000");
        assert_eq!(start["start"]["custom_parameters"]["job"], "7");
        let (media, _) = bot.until("media").await;
        assert_eq!(
            media["media"]["payload"].as_str().unwrap().len(),
            640usize.div_ceil(3) * 4
        );
        bot.close().await;
    })
    .await;
    assert!(report.ok, "{:?}", report.complaints);
    let seen = seen.lock().unwrap();
    assert!(!seen.requests[0].1.contains_key("CustomField"));
    assert_eq!(seen.requests[0].1["Direction"], "incoming");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_does_not_end_is_hung_up_and_fails() {
    let scenario = format!("max-seconds = 1\n{CUSTOMER}");
    let (base_url, _seen) = support::serve(|mut bot| async move {
        bot.started().await;
        bot.until("stop").await;
    })
    .await;
    let folder = tempfile::tempdir().unwrap();
    let scenario = ghanti_sim::Scenario::parse(
        &format!("title = \"t\"\nexpect = \"done\"\n{scenario}"),
        "t",
    )
    .unwrap();
    let report = ghanti_sim::run(&scenario, &base_url, folder.path(), &ghanti_sim::Silent)
        .await
        .unwrap();
    assert_eq!(
        report.complaints,
        ["the call had not ended after 1 s: the caller hung up"]
    );
}
