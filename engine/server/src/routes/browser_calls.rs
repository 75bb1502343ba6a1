//! What comes after the bot in a call of the console's telephone, in which Exotel takes no part.

use ghanti_exotel::applet::PassthruRequest;
use ghanti_model::event::{AgentReported, LegReport};
use ghanti_model::{AgentLegState, CallId, Decision, EventKind};
use ghanti_session::{network, transfer};

use crate::app::App;

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
        network::passthru_after(&PassthruRequest::default(), None, None),
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
