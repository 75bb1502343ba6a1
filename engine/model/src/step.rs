//! The steps of a call: those that the engine detects, and the milestones that a flow's manifest
//! names.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A step that a call has reached. In JSON it is its name: `passthru-received`, or a milestone's.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Step {
    /// A record was stored for an upcoming call.
    Triggered,
    /// The request from Exotel's Passthru applet arrived.
    PassthruReceived,
    /// The media stream started (`start`).
    StreamConnected,
    /// The customer's record was found.
    CustomerLoaded,
    /// The first prompt started to play.
    Greeting,
    /// The engine listened for an answer for the first time.
    Listening,
    /// The conversation reached what the flow's manifest names so.
    Milestone(Milestone),
    /// The call has its outcome.
    Completed,
}

/// The steps that the engine detects, with their names.
const DETECTED: [(&str, Step); 7] = [
    ("triggered", Step::Triggered),
    ("passthru-received", Step::PassthruReceived),
    ("stream-connected", Step::StreamConnected),
    ("customer-loaded", Step::CustomerLoaded),
    ("greeting", Step::Greeting),
    ("listening", Step::Listening),
    ("completed", Step::Completed),
];

/// The name of a milestone: 1 to 64 lower-case letters, digits and hyphens, and no step of the
/// engine's.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct Milestone(String);

/// A text that cannot name a milestone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotAMilestone {
    /// It has characters that a name must not have, or too many.
    #[error("a name has 1 to 64 lower-case letters, digits and hyphens")]
    Spelling,
    /// The engine reaches this step itself.
    #[error("the engine detects this step itself")]
    Detected,
}

impl utoipa::PartialSchema for Step {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        String::schema()
    }
}

impl ToSchema for Step {}

impl Milestone {
    /// Accepts a name that is no step of the engine's.
    pub fn parse(text: &str) -> Result<Self, NotAMilestone> {
        let usable = |byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
        if !(1..=64).contains(&text.len()) || !text.bytes().all(usable) {
            return Err(NotAMilestone::Spelling);
        }
        match DETECTED.iter().any(|(name, _)| *name == text) {
            true => Err(NotAMilestone::Detected),
            false => Ok(Self(text.to_owned())),
        }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Step {
    /// The name, as in JSON.
    pub fn name(&self) -> &str {
        if let Step::Milestone(Milestone(name)) = self {
            return name;
        }
        let named = DETECTED.iter().find(|(_, step)| step == self);
        named.map_or("", |(name, _)| name)
    }
}

/// The name in camel case, as the log has had it from the beginning: `PassthruReceived`.
impl fmt::Debug for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for word in self.name().split('-') {
            let (first, rest) = word.split_at_checked(1).unwrap_or_default();
            write!(f, "{}{rest}", first.to_ascii_uppercase())?;
        }
        Ok(())
    }
}

impl TryFrom<String> for Step {
    type Error = NotAMilestone;

    fn try_from(text: String) -> Result<Self, NotAMilestone> {
        let detected = DETECTED.iter().find(|(name, _)| *name == text);
        detected.map_or_else(
            || Milestone::parse(&text).map(Step::Milestone),
            |(_, step)| Ok(step.clone()),
        )
    }
}

impl From<Step> for String {
    fn from(step: Step) -> Self {
        step.name().to_owned()
    }
}

/// A step with the time it was reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StepEntry {
    /// The step.
    pub step: Step,
    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub unix_ms: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_written_by_its_name_and_logged_in_camel_case() {
        let delivered = Milestone::parse("emi-delivered").unwrap();
        for (step, json, logged) in [
            (
                Step::PassthruReceived,
                "\"passthru-received\"",
                "PassthruReceived",
            ),
            (
                Step::Milestone(delivered),
                "\"emi-delivered\"",
                "EmiDelivered",
            ),
        ] {
            assert_eq!(serde_json::to_string(&step).unwrap(), json);
            assert_eq!(serde_json::from_str::<Step>(json).unwrap(), step);
            assert_eq!(format!("{step:?}"), logged);
        }
    }

    #[test]
    fn a_milestone_cannot_pass_for_a_step_of_the_engine() {
        assert_eq!(Milestone::parse("completed"), Err(NotAMilestone::Detected));
        for text in ["", "Emi", "emi delivered", "emi_delivered", &"x".repeat(65)] {
            assert_eq!(
                Milestone::parse(text),
                Err(NotAMilestone::Spelling),
                "{text}"
            );
        }
    }
}
