//! Valid set-ups, and the errors of invalid ones.

use super::*;
use crate::agent::AgentAnswer;

const ACCOUNT: &str =
    "[account]\nsid = \"acme1\"\nkey = \"k\"\ntoken = \"t\"\nnumbers = [\"08045000000\"]\n";

fn setup(text: &str) -> Result<Setup, String> {
    Setup::parse(&format!("{text}\n{ACCOUNT}"), "test", Path::new("."))
        .map_err(|error| error.to_string())
}

fn number(text: &str) -> PhoneNumber {
    PhoneNumber::parse(text).unwrap()
}

#[test]
fn an_account_is_enough() {
    let setup = setup("").unwrap();
    assert_eq!(
        (setup.account.requests_per_minute, setup.account.streams),
        (200, 100)
    );
    assert!(setup.account.kyc);
    assert_eq!(setup.scaled(Duration::from_secs(3)).as_secs(), 3);
    assert!(!format!("{setup:?}").contains("\"t\""));
}

#[test]
fn a_flow_has_applets_and_branches() {
    let text = r#"
        [[flows.1001.applets]]
        applet = "passthru"
        url = "http://127.0.0.1:8000/passthru?token=a"
        on-302 = "agents"
        [[flows.1001.applets]]
        applet = "voicebot"
        url = "http://127.0.0.1:8000/voicebot-url"
        [[flows.1001.applets]]
        applet = "switch-case"
        cases = { transfer = "agents", hang-up = "hang-up" }
        [[flows.1001.applets]]
        applet = "connect"
        name = "agents"
        url = "http://127.0.0.1:8000/connect"
        agents = ["busy", "answers"]
    "#;
    let setup = setup(text).unwrap();
    let flow = &setup.flows["1001"];
    let Applet::Passthru(passthru) = &flow.applets[0] else {
        panic!("{flow:?}");
    };
    assert_eq!(flow.position(0, &passthru.on_200), Some(1));
    assert_eq!(flow.position(0, &passthru.on_302), Some(3));
    assert_eq!(flow.position(3, &Go::Next), None);
    let Applet::Connect(connect) = &flow.applets[3] else {
        panic!("{flow:?}");
    };
    assert_eq!(connect.agents, [AgentAnswer::Busy, AgentAnswer::Answers]);
}

#[test]
fn errors_say_what_to_write_instead() {
    let passthru = "[[flows.1.applets]]\napplet = \"passthru\"\nurl = \"http://a/\"\n";
    for (text, words) in [
        ("speeed = 2", "speeed"),
        ("speed = 0", "above 0"),
        ("[[callers]]\nnumbers = [\"98x*\"]", "+9198*"),
        ("[[callers]]\nframe-ms = 30", "multiple of 20"),
        ("[[callers]]\nscenario = \"none.toml\"", "none.toml"),
        (
            "[[callers]]\ndoes = \"busy\"\nsteps = [{ keys = \"1\" }]",
            "answers",
        ),
        (
            "[[callers]]\nsteps = [{ after-template = \"x\", keys = \"1\" }]",
            "[engine]",
        ),
        ("[faults]\nlost-reply = 60\nslow-reply = 60", "100"),
        (&format!("{passthru}on-302 = \"agents\""), "`agents`"),
        (&format!("{passthru}on-303 = \"next\""), "on-303"),
        (&passthru.replace("http://a/", "a/"), "is not a URL"),
    ] {
        let errors = setup(text).unwrap_err();
        assert!(errors.contains(words), "{text}: {errors}");
    }
}

#[test]
fn several_errors_are_reported_at_once() {
    let errors = setup("speed = -1\n[[callers]]\nnth-call = 0").unwrap_err();
    assert!(
        errors.contains("speed") && errors.contains("nth-call"),
        "{errors}"
    );
}

#[test]
fn a_number_is_matched_in_any_spelling_and_by_beginning_and_end() {
    let fits = |pattern: &str, called: &str| {
        let caller = Caller {
            numbers: vec![Pattern::try_from(pattern.to_owned()).unwrap()],
            ..Caller::default()
        };
        caller.fits(&number(called), 1)
    };
    assert!(fits("098765 00001", "+919876500001"));
    assert!(fits("+9198*", "09876500001"));
    assert!(fits("*01", "09876500001"));
    assert!(!fits("*02", "09876500001"));
    assert!(!fits("+9170*", "09876500001"));
}

#[test]
fn a_line_can_be_busy_once_and_then_answer() {
    let text =
        "[[callers]]\nnth-call = 1\ndoes = \"busy\"\n[[callers]]\nsteps = [{ keys = \"1\" }]";
    let setup = setup(text).unwrap();
    let nth = |nth| {
        let found = setup
            .callers
            .iter()
            .find(|caller| caller.fits(&number("9876500001"), nth));
        found.unwrap().does
    };
    assert_eq!((nth(1), nth(2)), (Behaviour::Busy, Behaviour::Answers));
}
