//! Calls of the console's telephone, in which Exotel takes no part: how they are told from others, and
//! what comes after the bot.

use ghanti_exotel::applet::PassthruRequest;
use ghanti_model::event::{AgentReported, LegReport};
use ghanti_model::{AgentLegState, CallId, CallRecord, Decision, EventKind};
use ghanti_session::{network, transfer};

use crate::app::App;

/// Prefix of their CallSids.
pub const SID: &str = "browser-";

/// Whether a call is one of these. Nothing about Exotel can be learnt from it.
pub fn is_one(record: &CallRecord) -> bool {
    let sid = record.call_sid.as_ref();
    sid.is_some_and(|sid| sid.as_str().starts_with(SID))
}

/// Records of a transfer what Exotel's applets after the bot would, with an agent who answers. Nobody
/// is dialled.
pub async fn connect(app: &App, call: CallId) {
    let registry = &app.services.registry;
    let Ok(Some(record)) = registry.get(call).await else {
        return;
    };
    let Some(Decision::Transfer { numbers, .. }) = &record.decision else {
        return;
    };
    let mut then = vec![
        network::passthru_after(&PassthruRequest::default(), None),
        transfer::connect_answered(numbers),
    ];
    if let Some(agent) = numbers.first() {
        then.push(EventKind::AgentReported(AgentReported {
            event: Some("Answered".to_owned()),
            leg: LegReport {
                state: Some(AgentLegState::Answered),
                agent: Some(agent.masked()),
                talked_s: None,
            },
        }));
    }
    for event in then {
        registry.append(call, event).await;
    }
}
