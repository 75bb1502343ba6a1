//! All findings: each with its name, its severity (`weight`), a sentence and the fix. `docs/doctor.md` has an
//! entry for each; names are stable.
//!
//! A fix may name URLs in braces, which [`Urls::fill`](super::Urls::fill) replaces by this engine's
//! own.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Weight {
    /// Calls fail, or go on without being understood.
    Error,
    /// Calls work, but something is lost or at risk.
    Warning,
}

macro_rules! codes {
    ($($code:ident = $name:literal, $weight:ident, $sentence:literal, $fix:literal;)*) => {
        /// What is wrong.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Code {
            $(#[doc = $sentence] #[serde(rename = $name)] $code,)*
        }

        impl Code {
            /// All codes, in the order in which findings are shown.
            pub const ALL: &[Self] = &[$(Self::$code),*];

            /// The stable name, in kebab-case.
            pub fn name(self) -> &'static str {
                match self { $(Self::$code => $name,)* }
            }

            /// How much it matters.
            pub fn weight(self) -> Weight {
                match self { $(Self::$code => Weight::$weight,)* }
            }

            /// What is wrong, in a sentence.
            pub fn sentence(self) -> &'static str {
                match self { $(Self::$code => $sentence,)* }
            }

            /// What to do, with URLs in braces.
            pub fn fix(self) -> &'static str {
                match self { $(Self::$code => $fix,)* }
            }
        }
    };
}

codes! {
    // the address
    NoPublicUrl = "no-public-url", Error,
        "Exotel's applets would be given an address that Exotel cannot use.",
        "Set `public-url` of `[server]` in ghanti.toml to the https:// address in front of this engine, restart it, and paste the URLs of GET /setup into the applets anew.";
    PublicUrlUnresolved = "public-url-unresolved", Error,
        "The host of `public-url` has no address.",
        "Correct `public-url` of `[server]`, or the host's DNS entry; a tunnel gets a new host with each start unless it is reserved.";
    PublicUrlUnreachable = "public-url-unreachable", Error,
        "Nothing answers at `public-url`.",
        "Start the proxy or tunnel, open its port in the firewall, and point it at `listen` of `[server]`.";
    PublicUrlCertificate = "public-url-certificate", Error,
        "The certificate at `public-url` is not valid: Exotel refuses such a connection.",
        "Give the proxy a certificate of a public authority for this host, with the whole chain (Let's Encrypt, or the tunnel's own); a self-signed one is not accepted.";
    PublicUrlElsewhere = "public-url-elsewhere", Error,
        "Something other than this engine answers at `public-url`.",
        "Point the proxy or tunnel at `listen` of `[server]`, with `path` of `[server]` unchanged; or correct `public-url`.";
    OldHost = "old-host", Error,
        "Exotel asks for another host than that of `public-url`: an applet has the URL of an earlier tunnel or proxy.",
        "Paste the URLs again: Passthru {passthru}, Voicebot {voicebot-url}, Passthru after the bot {passthru-after}, Connect {connect}, status callback {status}. Or correct `public-url` of `[server]`.";
    HttpInsteadOfHttps = "http-instead-of-https", Warning,
        "An applet's URL begins with `http://`: its token and the customer's number travel unencrypted.",
        "Paste the URL with https:// into the applet: Passthru {passthru}, Voicebot {voicebot-url}, Passthru after the bot {passthru-after}, Connect {connect}.";
    WsInsteadOfWss = "ws-instead-of-wss", Error,
        "The Voicebot applet's URL begins with `ws://`: Exotel takes `wss://` in production, and the audio travels unencrypted.",
        "Put {voicebot-url} into the Voicebot applet, or {stream-url} where it takes no dynamic URL.";
    ProxyWithoutUpgrade = "proxy-without-upgrade", Error,
        "The stream's request came without a WebSocket upgrade: the proxy in front does not pass it on.",
        "nginx: `proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection \"upgrade\";` in the location of /ws/. Other proxies: switch WebSockets on.";
    CertificateRefused = "certificate-refused", Error,
        "Exotel refused the certificate in front of this engine.",
        "Give the proxy a certificate of a public authority with the whole chain; a self-signed one is not accepted. `ghanti doctor --probe` checks it.";
    StreamUnreachable = "stream-unreachable", Error,
        "Exotel reported that it could not reach the stream's URL.",
        "Put {voicebot-url} into the Voicebot applet, and check with `ghanti doctor --probe` that `public-url` answers from outside.";

    // the applets
    NoVoicebotApplet = "no-voicebot-applet", Error,
        "The Passthru's request was followed by neither a stream nor the Voicebot applet's request: the caller hears nothing.",
        "Put a Voicebot applet on the 200 branch of the Passthru, with the URL {voicebot-url}.";
    StreamNeverOpened = "stream-never-opened", Error,
        "The Voicebot applet was given the stream's URL and never connected to it.",
        "Check with `ghanti doctor --probe` whether wss:// of `public-url` answers with a valid certificate and an upgrade; the account has to be enabled for streaming. Without a dynamic URL the applet takes {stream-url}.";
    StreamApplet = "stream-applet", Error,
        "Audio arrived but no mark returned: the flow has the one-way Stream applet before or instead of the Voicebot applet, so the caller hears nothing.",
        "Replace the Stream applet by a Voicebot applet with the URL {voicebot-url}. Where the API makes the stream, send `StreamType=bidirectional`.";
    SecondStream = "second-stream", Warning,
        "A second stream began with the CallSid of a call that had one, and was closed.",
        "Lead the Exotel flow to one Voicebot applet a call: remove Stream applets, and branches that lead back to it.";
    WrongPath = "wrong-path", Error,
        "Exotel requested a path that does not exist.",
        "Paste the URL of the applet again: Passthru {passthru}, Voicebot {voicebot-url}, Passthru after the bot {passthru-after}, Connect {connect}, status callback {status}.";
    WrongMethod = "wrong-method", Error,
        "Exotel's request has a method that the URL does not accept.",
        "Applets use GET, the status callback POST: set {status} as the status callback, and no other URL.";
    AppletToken = "applet-token", Error,
        "An applet's URL has no token, or a wrong one.",
        "Paste the URL with its token again: Passthru {passthru}, Voicebot {voicebot-url}, Passthru after the bot {passthru-after}, Connect {connect}, status callback {status}.";
    StreamToken = "stream-token", Error,
        "The stream's URL has no token, or a wrong one.",
        "Put {voicebot-url} into the Voicebot applet, or {stream-url} where it takes no dynamic URL.";
    LiteralPlaceholder = "literal-placeholder", Warning,
        "A URL in an applet has a placeholder such as `{session_id}` or `{CallSid}` that Exotel does not fill in.",
        "Remove it: Exotel adds the CallSid by itself. Passthru {passthru}, Voicebot {voicebot-url}, or {stream-url} where it takes no dynamic URL.";
    PassthruAsync = "passthru-async", Error,
        "A Passthru is asynchronous: the flow went on before it was answered, so the answer decides nothing.",
        "Untick \"Make Passthru Async\" in the Passthru applets, before the bot and after it.";
    PassthruAfterMissing = "passthru-after-missing", Error,
        "No Passthru after the bot asks for the decision: no transfer can take place.",
        "Put a Passthru with {passthru-after} after the Voicebot applet; with `after = \"status\"` of `[calls]` its 302 branch leads to Connect and its 200 branch to Hangup.";
    TransferNeverAsked = "transfer-never-asked", Error,
        "A transfer was decided and the Passthru after the bot received it, but Connect never asked for the agents.",
        "Lead the 302 branch of the Passthru after the bot (with `after = \"select\"`: the SwitchCase's case `transfer`) to Connect, and give it the URL {connect}. The Passthru must not be asynchronous.";
    ConnectWithoutTransfer = "connect-without-transfer", Warning,
        "Connect asked for agents although no transfer was decided, and got an empty list.",
        "Lead the 200 branch (or the case `hang-up`) of the Passthru after the bot to Hangup.";
    AgentsNeverAnswer = "agents-never-answer", Error,
        "No agent answered any of the transfers.",
        "Check that the numbers in `agents` of `[calls]` are right and that somebody is there; `ring-s` of `[calls]` is how long they ring.";
    NoStatusCallback = "no-status-callback", Warning,
        "No status callback arrives for outbound calls: the reason of busy and unanswered calls is unknown.",
        "Send `StatusCallback` {status} with each request to dial; the engine does so when it dials.";
    UnreadableCallback = "unreadable-callback", Warning,
        "The body of a status callback could not be read.",
        "Let Exotel send it as a form, multipart or JSON, to {status} and with its CallSid.";
    DuplicateWebhooks = "duplicate-webhooks", Warning,
        "The same request came more than once for a call.",
        "Each applet and the status callback send one request per call: check whether two applets have the same URL, whether a branch leads back, or whether a proxy repeats requests.";
    NotAStream = "not-a-stream", Error,
        "Something opened the stream's socket and sent no usable `start`, or broke the protocol.",
        "Find out who else knows the stream's URL, and what is between Exotel and this engine; {voicebot-url} is for the Voicebot applet alone.";
    StreamsThrottled = "streams-throttled", Error,
        "Exotel throttled streams: the account has more at once than it may.",
        "Ask Exotel for more concurrent streams, or dial more slowly.";

    // audio and speech
    WrongSampleRate = "wrong-sample-rate", Error,
        "The caller's audio arrives at another sample rate than the stream announced.",
        "Set the same sample rate in the Voicebot applet and in `sample-rate-hz` of `[calls]`, or use the dynamic URL {voicebot-url}, which names it.";
    MuLawAudio = "mu-law-audio", Error,
        "The caller's audio is μ-law, and the stream announced PCM.",
        "Use the Voicebot applet, which sends 16-bit linear PCM; a stream of the Legs API needs `content_type` of `audio/x-l16;rate=8000`.";
    NoCallerAudio = "no-caller-audio", Error,
        "No audio of the caller arrived, or it stopped.",
        "Check the network and proxies between Exotel and this engine: they must not buffer a WebSocket's messages.";
    LanguageNotHeard = "language-not-heard", Warning,
        "A flow speaks a language for which there is no recogniser: callers can answer with keys only.",
        "Name a model for the language in `vosk-models` of `[speech]`.";
    VoiceMissing = "voice-missing", Warning,
        "The natural English voice is not installed, and espeak-ng speaks English: digits and amounts are harder to understand.",
        "Install it as docs/speech.md says, and restart the engine; or set `english-voice = \"\"` of `[speech]`.";
    SpeechFails = "speech-fails", Error,
        "Speech synthesis does not work.",
        "Install espeak-ng (`apt-get install espeak-ng`), and see the log for its error.";

    // orders and numbers
    CustomFieldMissing = "custom-field-missing", Warning,
        "Outbound calls have no `CustomField`: the customer is found by their number alone.",
        "Give the id that POST /api/calls answered as `CustomField` when you ask Exotel to dial.";
    CustomFieldForeign = "custom-field-foreign", Error,
        "`CustomField` names no order of this engine, so the flow got no customer.",
        "Give the id that POST /api/calls of this engine answered as `CustomField`; orders are kept for `ttl-hours` of `[stores]`.";
    OrdersAmbiguous = "orders-ambiguous", Error,
        "A call could belong to several orders, so the flow got no customer.",
        "Give each call one order's id as `CustomField`.";
    NumbersUnlike = "numbers-unlike", Error,
        "The called number is not the order's, or is withheld, so the flow got no customer.",
        "Dial the order's own number as `From`, with the order's id as `CustomField`.";
    OrderNeverCalled = "order-never-called", Warning,
        "An order was stored and did not result in a call.",
        "Dial it with its id as `CustomField`; with an account in `[exotel]` the engine dials by itself unless the order says `\"dial\": false`.";
    DialRefused = "dial-refused", Error,
        "Exotel refused to dial.",
        "The evidence has Exotel's error message and the fix; `ghanti dial` shows it at once.";
    DialUnknown = "dial-unknown", Warning,
        "Whether Exotel dialled a call is not known.",
        "Look for the call in Exotel's call log before you dial it again; check that the API is reachable.";
    TimeLimit = "time-limit", Error,
        "Calls are cut off after the same time: `TimeLimit` of the request to dial is probably shorter than the conversation.",
        "Leave `TimeLimit` out, or set it above the longest conversation with an agent (14400 at most).";
    OtherAccount = "other-account", Error,
        "Calls of another Exotel account arrive.",
        "Find out whose flow has this engine's URL; if it is yours, correct `account-sid` of `[exotel]`. If not, change the tokens of `[server]` and paste the URLs again.";
    AccountRefused = "account-refused", Error,
        "Exotel's API does not accept the account of `[exotel]`.",
        "Copy `account-sid`, `api-key` and `api-token` again from API settings of Exotel's dashboard, and check that `region` is the account's.";
    CallerIdForeign = "caller-id-foreign", Error,
        "`caller-id` of `[exotel]` is none of the account's ExoPhones.",
        "Set `caller-id` to one of the account's ExoPhones.";

    // flows
    NoFlow = "no-flow", Error,
        "Calls arrived that no flow takes.",
        "Correct the flow's name in the order, claim the calls by `[match]` of a flow's manifest, or name a flow in `flow` of `[calls]`. GET /api/flows shows what is loaded.";
    FlowMissing = "flow-missing", Error,
        "A flow that is to take calls is not loaded, or calls that no flow claims are not taken.",
        "See GET /api/flows for why it was rejected; correct the name in `flow` of `[calls]`, or in `[flows]`.";
    SampleValues = "sample-values", Error,
        "A flow runs on sample values: it speaks for somebody who does not exist, or would dial sample agents.",
        "Set what is named in `[settings]` (or in `settings` of `[flows.NAME]`) and `agents` of `[calls]` in ghanti.toml; `ghanti init` asks for most of it.";

    // the engine
    NoTokens = "no-tokens", Error,
        "Others can reach this engine, and it has no tokens: anybody can read the data of its calls.",
        "Set `stream-token`, `applet-token` and `api-token` of `[server]` (`ghanti init` makes random ones), remove `insecure`, and paste the URLs again.";
    StoreAway = "store-away", Error,
        "A store does not answer.",
        "Start Redis or the database again, and see /readyz and the log. Calls go on meanwhile, without what is stored there.";
    StoreWithoutTls = "store-without-tls", Warning,
        "Customers' data is sent to a store on another machine without TLS.",
        "Write `rediss:` in `redis-url`, or `sslmode=require` (better `verify-full`) in `database-url` of `[stores]`, with `ca-file` where the system does not trust the certificate; or lead the connection through a tunnel.";
    EngineFull = "engine-full", Warning,
        "Calls were refused because the engine was full or stopping.",
        "Raise `max-calls` of `[server]`, or lead the 302 branch of the first Passthru to another engine.";
    FewDescriptors = "few-descriptors", Warning,
        "Fewer calls are taken than `max-calls` says, as the machine does not allow them.",
        "`ulimit -n 65536`, or `LimitNOFILE=65536` of the systemd unit; for memory see docs/limits.md.";
    Draining = "draining", Warning,
        "The engine is stopping and takes no new calls.",
        "Wait for it to end, or start it again.";
    ClockOff = "clock-off", Warning,
        "This machine's clock differs from Exotel's: dates that are spoken, windows of time and the order of events are wrong.",
        "Switch time synchronisation on (`timedatectl set-ntp true`).";
    DiskLow = "disk-low", Warning,
        "The disk of the data folder is nearly full: records and logs are about to be lost.",
        "Free space, or move the folder with --data.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_kebab_case_and_each_is_there_once() {
        let mut names: Vec<_> = Code::ALL.iter().map(|code| code.name()).collect();
        assert!(names.iter().all(|name| {
            name.bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte == b'-')
        }));
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Code::ALL.len());
    }

    #[test]
    fn every_code_has_an_entry_in_the_documentation_and_no_other_has() {
        let page = include_str!("../../../../docs/doctor.md");
        let entries: Vec<_> = page
            .lines()
            .filter_map(|line| line.strip_prefix("### "))
            .collect();
        let codes: Vec<_> = Code::ALL.iter().map(|code| code.name()).collect();
        assert_eq!(entries, codes, "docs/doctor.md has them in this order");
    }

    #[test]
    fn sentences_and_fixes_are_whole_sentences() {
        for code in Code::ALL {
            for text in [code.sentence(), code.fix()] {
                assert!(
                    text.ends_with('.') && !text.contains("  "),
                    "{code:?}: {text}"
                );
            }
        }
    }
}
