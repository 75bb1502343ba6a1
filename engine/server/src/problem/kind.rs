//! All kinds of problems of the API: each with its name, its status and its title.
//! `docs/problems.md` has an entry for each; names are stable.

use axum::http::StatusCode;

macro_rules! kinds {
    ($($kind:ident = $name:literal, $status:ident, $title:literal;)*) => {
        /// Why a request to the API was not served.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Kind {
            $(#[doc = $title] $kind,)*
        }

        impl Kind {
            /// All kinds, in the order of the documentation.
            pub const ALL: &[Self] = &[$(Self::$kind),*];

            /// The stable name, in kebab-case.
            pub fn name(self) -> &'static str {
                match self { $(Self::$kind => $name,)* }
            }

            /// Its URI reference: `type` of RFC 9457.
            pub fn reference(self) -> &'static str {
                match self { $(Self::$kind => concat!("/problems/", $name),)* }
            }

            /// The HTTP status.
            pub fn status(self) -> StatusCode {
                match self { $(Self::$kind => StatusCode::$status,)* }
            }

            /// What it means: `title` of RFC 9457.
            pub fn title(self) -> &'static str {
                match self { $(Self::$kind => $title,)* }
            }
        }
    };
}

kinds! {
    // any request
    Unauthorized = "unauthorized", UNAUTHORIZED, "The token is missing or wrong";
    Forbidden = "forbidden", FORBIDDEN, "The token's role does not allow this";
    AnotherSite = "another-site", FORBIDDEN, "A web page of another site makes the request";
    AnotherHost = "another-host", MISDIRECTED_REQUEST, "The request names another host";
    BodyIsForm = "body-is-form", UNSUPPORTED_MEDIA_TYPE, "The body is a form";
    UnknownPath = "unknown-path", NOT_FOUND, "Nothing is at this path";
    WrongMethod = "wrong-method", METHOD_NOT_ALLOWED, "The path does not take this method";
    UnreadablePath = "unreadable-path", BAD_REQUEST, "The path cannot be read";
    UnusableParameter = "unusable-parameter", BAD_REQUEST, "A parameter of the query cannot be used";
    BodyTooLarge = "body-too-large", PAYLOAD_TOO_LARGE, "The body is too large";
    BodyNotRead = "body-not-read", BAD_REQUEST, "The body did not arrive whole";
    BodyNotJson = "body-not-json", BAD_REQUEST, "The body is not JSON";
    BodyNotExpected = "body-not-expected", BAD_REQUEST, "The body is JSON of another shape";
    UnusableFields = "unusable-fields", BAD_REQUEST, "Fields are missing or cannot be read";
    TooManyFields = "too-many-fields", BAD_REQUEST, "The record has too many fields";
    UnusableName = "unusable-name", BAD_REQUEST, "The name cannot be used";
    UnusablePhone = "unusable-phone", BAD_REQUEST, "This is not a phone number";
    StoreUnavailable = "store-unavailable", SERVICE_UNAVAILABLE, "A store does not answer";
    Starting = "starting", SERVICE_UNAVAILABLE, "The engine is starting";
    Stopping = "stopping", SERVICE_UNAVAILABLE, "The engine is stopping";
    Internal = "internal", INTERNAL_SERVER_ERROR, "The engine failed";

    // calls
    UnusableCallId = "unusable-call-id", BAD_REQUEST, "This is not the id of a call";
    UnknownCall = "unknown-call", NOT_FOUND, "There is no such call";
    NoRecording = "no-recording", NOT_FOUND, "There is no such recording";
    UnusableRange = "unusable-range", RANGE_NOT_SATISFIABLE, "The recording does not have these bytes";
    UnusableKey = "unusable-idempotency-key", BAD_REQUEST, "The idempotency key cannot be used";
    KeyInUse = "idempotency-key-in-use", CONFLICT, "Another request has this idempotency key";
    KeyWithoutCall = "idempotency-key-without-call", CONFLICT, "The earlier request with this idempotency key has no call yet";
    NoAccount = "no-account", CONFLICT, "The engine has no account at Exotel";
    TooManyDials = "too-many-dials", SERVICE_UNAVAILABLE, "Too many calls are being dialled";
    NotWithdrawable = "not-withdrawable", CONFLICT, "The call cannot be withdrawn";
    NotLiveHere = "not-live-here", CONFLICT, "The call is not live at this engine";
    NotReplayable = "not-replayable", CONFLICT, "The call cannot be replayed";
    TooManyReplays = "too-many-replays", SERVICE_UNAVAILABLE, "Too many calls are being replayed";
    TooManyFollowers = "too-many-followers", SERVICE_UNAVAILABLE, "Too many clients follow events";
    TooManyLooks = "too-many-looks", SERVICE_UNAVAILABLE, "The doctor is busy";

    // do not call
    AskedNotToBeCalled = "asked-not-to-be-called", CONFLICT, "The customer asked not to be called";
    NotAskedNotToBeCalled = "no-do-not-call-request", NOT_FOUND, "The number has no request not to be called";

    // erasure
    BeingCalled = "being-called", CONFLICT, "The customer is being called";
    OwnNumber = "own-number", CONFLICT, "The number is not a customer's";

    // lists of customers
    UnknownList = "unknown-list", NOT_FOUND, "There is no such list";
    ListInUse = "list-in-use", CONFLICT, "A campaign uses the list";
    ListOfAnotherFlow = "list-of-another-flow", CONFLICT, "The list has customers of another flow";
    TooManyCustomers = "too-many-customers", BAD_REQUEST, "The request has too many customers";

    // campaigns
    UnknownCampaign = "unknown-campaign", NOT_FOUND, "There is no such campaign";
    UnknownAction = "unknown-action", NOT_FOUND, "A campaign has no such action";
    UnusablePlan = "unusable-plan", BAD_REQUEST, "The rules of the campaign contradict each other or are out of range";
    CampaignExists = "campaign-exists", CONFLICT, "There is such a campaign already";
    WrongState = "wrong-campaign-state", CONFLICT, "The campaign's state does not allow this";
    ChangedMeanwhile = "campaign-changed-meanwhile", CONFLICT, "The campaign's state has changed meanwhile";
    NoPublicUrl = "no-public-url", CONFLICT, "The engine does not know its own URL";
    UnusableCallerIds = "unusable-caller-ids", CONFLICT, "The numbers to call from do not fit the rules";

    // flows
    UnknownFlow = "unknown-flow", NOT_FOUND, "There is no such flow";
    NoOtherVersion = "no-other-version", CONFLICT, "The flow has no version to change to";
    UnknownVersion = "unknown-version", NOT_FOUND, "There is no such version";
    FlowChanged = "flow-changed-meanwhile", CONFLICT, "The flow has changed meanwhile";
    FlowsUnreadable = "flows-unreadable", SERVICE_UNAVAILABLE, "The folder of flows cannot be read";

    DeployingIsOff = "deploying-is-off", FORBIDDEN, "The engine does not accept flows over the API";
    AnotherDeployment = "another-deployment", CONFLICT, "Another deployment is in progress";
    UnusableArchive = "unusable-archive", BAD_REQUEST, "The body is no archive of a flow";
    FlowRejected = "flow-rejected", UNPROCESSABLE_ENTITY, "The version cannot take calls";
    FlowNotReplaceable = "flow-not-replaceable", CONFLICT, "What is in the flow's place may not be replaced";
    FlowsReadOnly = "flows-read-only", CONFLICT, "The folder of flows cannot be written";
    NoVerdictYet = "no-verdict-yet", SERVICE_UNAVAILABLE, "The version is still being loaded";

    // webhooks
    UnknownMessage = "unknown-webhook-message", NOT_FOUND, "There is no such webhook message";

    // the console
    FormOutOfDate = "form-out-of-date", FORBIDDEN, "This form is out of date";
    ConsoleBusy = "console-busy", SERVICE_UNAVAILABLE, "The console is busy";
    UnknownPrompt = "unknown-prompt", NOT_FOUND, "The flow has no such prompt";
    UnusablePrompt = "unusable-prompt", UNPROCESSABLE_ENTITY, "This text cannot be a prompt";
    NotSpoken = "not-spoken", SERVICE_UNAVAILABLE, "The text cannot be spoken now";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_kebab_case_and_each_is_there_once() {
        let mut names: Vec<_> = Kind::ALL.iter().map(|kind| kind.name()).collect();
        let is_kebab = |name: &&str| {
            let usable = |byte: u8| byte.is_ascii_lowercase() || byte == b'-';
            name.bytes().all(usable)
        };
        assert!(names.iter().all(is_kebab));
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Kind::ALL.len());
    }

    #[test]
    fn every_kind_has_an_entry_in_the_documentation_and_no_other_has() {
        let page = include_str!("../../../../docs/problems.md");
        let entries: Vec<_> = page
            .lines()
            .filter(|line| line.starts_with("| `"))
            .map(|line| line.splitn(5, '|').map(str::trim).collect::<Vec<_>>())
            .map(|cells| {
                (
                    cells[1].to_owned(),
                    cells[2].to_owned(),
                    cells[3].to_owned(),
                )
            })
            .collect();
        let kinds: Vec<_> = Kind::ALL
            .iter()
            .map(|kind| {
                (
                    format!("`{}`", kind.name()),
                    kind.status().as_u16().to_string(),
                    kind.title().to_owned(),
                )
            })
            .collect();
        assert_eq!(entries, kinds, "docs/problems.md has them in this order");
    }
}
