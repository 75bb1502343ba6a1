//! A description of each setting, with an example to show if it has no value. `config print` and
//! `init` both use it.

use super::section::{Section, setting};

/// All sections and settings. The keys of `[settings]` and `[flows]` are chosen by operators and
/// flow authors, so the entries for these two are examples.
pub(super) const SECTIONS: [Section; 18] = [
    Section {
        name: "server",
        sentence: "Where the engine listens, and who can reach it.",
        settings: &[
            setting(
                "listen",
                "The address to listen on. Other machines are served only with all three tokens.",
                "\"127.0.0.1:8000\"",
            ),
            setting(
                "public-url",
                "How Exotel reaches this engine, such as the https:// address of the proxy in front of it, without `path`. Without it, URLs \
                 are made of the `Host` of each request.",
                "\"https://bot.example.com\"",
            ),
            setting(
                "hosts",
                "Further host names by which clients of the API reach this engine, such as its name in a network of containers. Without an \
                 `api-token` the API answers to these, to the host of `public-url`, to `localhost` and to IP addresses only, so that no web page \
                 can use it through a name of its own.",
                "[\"engine\"]",
            ),
            setting(
                "path",
                "A path prefix of all routes, such as \"/bot\"; empty for none.",
                "\"\"",
            ),
            setting(
                "stream-token",
                "The token that the media stream's URL must carry. Set three tokens or none: each protects an answer that contains another one. 16 to 256 \
                 characters of printable ASCII.",
                "\"a random text\"",
            ),
            setting(
                "applet-token",
                "The token that requests of Exotel's applets must carry, as `token=` in their query.",
                "\"another random text\"",
            ),
            setting(
                "api-token",
                "The bearer token that requests to /api and /websocket-url must carry.",
                "\"a third random text\"",
            ),
            setting(
                "previous-stream-token",
                "While a token is being changed, the previous one: it is still accepted, and URLs carry the new one. Remove it when Exotel's applets have \
                 the new one.",
                "\"the previous random text\"",
            ),
            setting(
                "previous-applet-token",
                "The same for `applet-token`.",
                "\"the other previous random text\"",
            ),
            setting(
                "previous-api-token",
                "The same for `api-token`.",
                "\"the third previous random text\"",
            ),
            setting(
                "insecure",
                "Whether to serve with fewer than three tokens where others can reach the engine. Only for tests.",
                "false",
            ),
            setting(
                "max-calls",
                "Maximum number of live calls; lowered if the machine cannot run that many, which is logged at the start.",
                "1000",
            ),
            setting(
                "drain-s",
                "How long live calls may continue after a stop signal, in seconds; with 0 they are ended at once. Without it, as long as a \
                 call may last. A second signal ends them at once.",
                "1860",
            ),
            setting(
                "connections",
                "Maximum number of connections without a call; above it the one that has been idle longest is closed for a new one. Fewer \
                 where the limit of open files is low, which is logged at the start.",
                "512",
            ),
            setting(
                "connections-per-address",
                "The same for each client address. A proxy in front counts as one address.",
                "256",
            ),
            setting(
                "head-s",
                "Timeout for the head of a connection's first request, in seconds.",
                "10",
            ),
            setting(
                "idle-s",
                "How long a connection may be idle between requests, in seconds: longer than a proxy in front keeps one, so that it never uses \
                 one that is being closed.",
                "75",
            ),
            setting(
                "body-s",
                "Timeout for the body of a request, in seconds.",
                "10",
            ),
            setting(
                "deploy-flows",
                "Whether flows can be deployed over the API (`ghanti flow deploy`): whoever has the API token then decides what is said to customers. \
                 Without it, they are taken where there is an `api-token`; with false, they come into the engine's folder by copying alone.",
                "false",
            ),
        ],
    },
    Section {
        name: "tokens",
        sentence: "Further tokens of the API and the console, by a name of your choice, which the audit log shows: docs/security.md.",
        settings: &[setting(
            "crm",
            "What its holder may do (\"viewer\": reads, with numbers and words masked; \"operator\": reads all, places calls, runs campaigns; \
             \"admin\": also changes flows and erases); the token, or a file with it; while it is being changed the one before; until when it is accepted.",
            "{ role = \"operator\", token-file = \"/run/secrets/crm\", previous-token-file = \"/run/secrets/crm-before\", expires = \"2027-03-31\" }",
        )],
    },
    Section {
        name: "calls",
        sentence: "Settings of all calls.",
        settings: &[
            setting(
                "flow",
                "The flow for calls that no flow's manifest claims.",
                "\"emi-reminder\"",
            ),
            setting(
                "agents",
                "Whom to dial for a transfer, in this order. Overrides the numbers of every flow's manifest.",
                "[\"+91…\"]",
            ),
            setting(
                "time-zone",
                "The zone of the calls' local time, by its name in the IANA database; it stands above `offset-minutes`.",
                "\"Asia/Kolkata\"",
            ),
            setting(
                "offset-minutes",
                "Minutes to add to UTC for the calls' local time: 330 in India.",
                "330",
            ),
            setting(
                "longest-minutes",
                "Maximum duration of a call, in minutes, at most 60. A manifest that asks for more is rejected.",
                "30",
            ),
            setting(
                "sample-rate-hz",
                "The sample rate to ask Exotel for: 8000, 16000 or 24000.",
                "8000",
            ),
            setting(
                "after",
                "What /passthru/after answers: \"status\" (302 for a transfer, else 200) or \"select\" (for a SwitchCase applet).",
                "\"status\"",
            ),
            setting(
                "ring-s",
                "How long an agent's phone rings, in seconds, at most 60.",
                "30",
            ),
            setting(
                "voicemail",
                "What happens to a call that was dialled and that an answering machine takes: \"hang-up\" (its outcome is `voicemail`) or \"ignore\".",
                "\"hang-up\"",
            ),
        ],
    },
    Section {
        name: "customers",
        sentence: "How customers' records are read by the API, the import and calls.",
        settings: &[setting(
            "date-order",
            "How 05/12/2026 is read: \"day-first\" (5 December, as India writes it) or \"month-first\" (12 May). Without it such a date is \
             refused, as spreadsheets write it either way.",
            "\"day-first\"",
        )],
    },
    Section {
        name: "transfer",
        sentence: "Whom to dial for a transfer, by the target's name, and how. `default` is the target of a transfer that names none; its numbers \
                   stand above `agents` of [calls].",
        settings: &[setting(
            "legal",
            "Numbers in the order of dialling; hours in the calls' local time; how long a phone rings (at most 60 s) and a conversation lasts (at \
             most 4500 s); recording (\"dual\", \"single\", \"none\"); music (\"default-tone\", \"operator-tone\"); what the agent hears first; the \
             target instead while this one is closed.",
            "{ numbers = [\"+91…\"], hours = [\"mon-fri 09:30-18:30\", \"sat 10:00-14:00\"], ring-s = 30, longest-s = 1800, record = \"dual\", \
             music = \"default-tone\", whisper = \"A caller about a loan.\", fallback = \"default\" }",
        )],
    },
    Section {
        name: "webhooks",
        sentence: "Receivers of webhooks about calls, by names of your choice: docs/webhooks.md.",
        settings: &[setting(
            "crm",
            "Where to; the key that signs (`whsec_` and 24 to 64 bytes in base64), and while it is being changed the previous one; kinds of events and \
             flows, without them all; whether the customer's number and the flow's notes are sent; how long an attempt may take, how often a message \
             is tried, and how soon after the first failure.",
            "{ url = \"https://crm.example.com/ghanti\", secret = \"whsec_…\", previous-secret = \"whsec_…\", events = [\"call.ended\", \
             \"transfer.outcome\", \"customer.do-not-call\"], flows = [\"emi-reminder\"], include-number = false, include-notes = false, timeout-s = \
             10, attempts = 12, first-retry-s = 5 }",
        )],
    },
    Section {
        name: "actions",
        sentence: "What flows may do beyond their calls, by names that manifests grant: docs/actions.md has every kind and key.",
        settings: &[setting(
            "due-amount",
            "Its kind (an HTTP request, a model's turn, an SMS to the customer, a look-up in Redis), and address; whether it reads or acts; \
             schemas of input and answer; limits of time, size, number per conversation and concurrency; what is not journaled; secrets, from files or the \
             environment; private addresses that are meant.",
            "{ kind = \"http\", does = \"read\", url = \"https://crm.example.com/loans/{loan}\", headers = { authorization = \"Bearer {secret:token}\" }, \
             secrets = { token = \"${file:/run/secrets/crm}\" }, input = { type = \"object\", required = [\"loan\"] }, timeout-ms = 3000 }",
        )],
    },
    EXOTEL,
    Section {
        name: "settings",
        sentence: "Settings of all flows whose manifests name them; they override the manifests' values.",
        settings: &[
            setting("lender", "In whose name the bot calls.", "\"Your company\""),
            setting(
                "caller",
                "Who is calling, as said to someone who may not be the customer: a name that does not reveal what the call is about.",
                "\"Your company, in short\"",
            ),
            setting(
                "bot-name",
                "The name by which the bot introduces itself.",
                "\"The bot's name\"",
            ),
            setting(
                "clinic",
                "Where the appointments are of which the flow `appointment` speaks.",
                "\"Your clinic\"",
            ),
            setting(
                "company",
                "In whose name the flow `survey` asks.",
                "\"Your company\"",
            ),
        ],
    },
    Section {
        name: "flows",
        sentence: "Settings of one flow, by its name; they override [settings], `agents` of [calls] and the flow's manifest.",
        settings: &[setting(
            "emi-reminder",
            "Settings, and whom to dial by transfer target.",
            "{ settings = { lender = \"Your company\" }, transfer = { default = [\"+91…\"] } }",
        )],
    },
    Section {
        name: "stores",
        sentence: "Where sessions, customers and call records are stored.",
        settings: &[
            setting(
                "redis-url",
                "Redis for sessions and customers, `rediss:` for TLS; without it they are kept in this process.",
                "\"rediss://:password@host:6379/0\"",
            ),
            setting(
                "database-url",
                "PostgreSQL or SQLite for call records; without it a SQLite file in the data folder. Special characters of a password are \
                 percent-encoded: `@` is `%40`.",
                "\"postgres://user:password@host:5432/ghanti\"",
            ),
            setting(
                "ca-file",
                "A PEM file of certificates to trust for Redis and PostgreSQL besides the system's. With it, PostgreSQL's certificate and name are \
                 checked (`sslmode=verify-full`) unless the URL says otherwise.",
                "\"/etc/ghanti/stores-ca.pem\"",
            ),
            setting(
                "ttl-hours",
                "How long sessions and customers are stored, in hours.",
                "24",
            ),
            setting(
                "look-up-ms",
                "How long the look-ups at a call's start may take together, in milliseconds, while the caller hears nothing; the call goes on without the rest.",
                "300",
            ),
        ],
    },
    Section {
        name: "recording",
        sentence: "The engine's own recordings of calls, in the data folder: caller left, bot right. Customers may have to be informed; that is the flow's to say.",
        settings: &[
            setting("enabled", "Whether calls are recorded.", "false"),
            setting(
                "longest-minutes",
                "Maximum length of a recording, in minutes. A minute takes 1.8 MiB.",
                "60",
            ),
            setting(
                "disk-mib",
                "Disk space for all recordings, in MiB; above it calls are not recorded. `recordings-days` of `[retention]` deletes old ones.",
                "20480",
            ),
            setting(
                "keep-free-mib",
                "How much disk space recordings leave free, in MiB: databases and spools need it.",
                "1024",
            ),
            setting(
                "engine",
                "This engine's name, by which its recordings are found by others; the machine's name without it.",
                "\"engine-1\"",
            ),
            setting(
                "engines",
                "The addresses of the other engines of the same database, by their names: a recording in the data folder of one is fetched from there, with `api-token`.",
                "{ \"engine-2\" = \"http://10.0.0.2:8080\" }",
            ),
        ],
    },
    Section {
        name: "retention",
        sentence: "After how many days data is deleted; without a number it is kept. See docs/retention.md.",
        settings: &[
            setting(
                "journals-days",
                "Journals of calls: the flow's host calls and their answers. Calls without a journal cannot be replayed.",
                "30",
            ),
            setting(
                "transcripts-days",
                "All personal data of calls: number, words, keys, notes, journal. The events remain, with their hashes.",
                "90",
            ),
            setting(
                "recordings-days",
                "The engine's own recordings of calls, since their stream began. They are deleted with `transcripts-days` and `calls-days` at the latest.",
                "90",
            ),
            setting(
                "customers-days",
                "Customers of lists that no campaign needs, since they were last imported; customers and attempts of campaigns, since these ended.",
                "90",
            ),
            setting(
                "calls-days",
                "Whole calls, with their events and hashes.",
                "2920",
            ),
            setting(
                "audit-days",
                "The audit log: who changed what through the API, and looked at what is masked.",
                "2920",
            ),
        ],
    },
    Section {
        name: "speech",
        sentence: "Speech synthesis and recognition.",
        settings: &[
            setting(
                "synthesizer",
                "The synthesizer: \"espeak\", with the natural voice of `english-voice` for English.",
                "\"espeak\"",
            ),
            setting(
                "recognizer",
                "The recogniser: \"vosk\", or \"none\", so that callers answer with keys.",
                "\"vosk\"",
            ),
            setting(
                "synthesizers",
                "Synthesizers in order: names of providers, and \"espeak\". If one fails, the next one takes over. Empty for `synthesizer` alone.",
                "[\"sarvam\", \"espeak\"]",
            ),
            setting(
                "recognizers",
                "Recognisers in order: names of providers, and \"vosk\". Empty for `recognizer` alone.",
                "[\"sarvam\", \"vosk\"]",
            ),
            setting(
                "providers",
                "Speech over the network, by name: docs/speech.md has the kinds and what each needs. `key` is `${file:PATH}` or `${env:NAME}`.",
                "{ sarvam = { key = \"${env:SARVAM_KEY}\", voices = { hi-IN = \"shubh\" } } }",
            ),
            setting(
                "english-voice",
                "The folder of the natural English voice, such as \".tools/hibari\"; \"\": espeak-ng speaks English, too.",
                "\".tools/hibari\"",
            ),
            setting(
                "words-per-minute",
                "How fast the bot speaks, 80 to 400.",
                "155",
            ),
            setting(
                "vosk-library",
                "Vosk's shared library.",
                "\".tools/vosk/libvosk.so\"",
            ),
            setting(
                "vosk-models",
                "Vosk's model folders by language.",
                "{ en-IN = \".tools/vosk/vosk-model-small-en-us-0.15\" }",
            ),
            setting(
                "recognizer-threads",
                "Number of recognition threads, 1 to 64.",
                "2",
            ),
            setting("cache-mib", "Memory for cached prompt audio, in MiB.", "64"),
            setting(
                "cache-disk-mib",
                "Disk space for cached prompt audio, in MiB.",
                "512",
            ),
            setting(
                "speculation",
                "Whether what may be said next is spoken while a question waits: \"auto\" (while a slow synthesizer over the network speaks), \"on\" or \"off\".",
                "\"auto\"",
            ),
            setting(
                "speculation-characters",
                "The most characters of one call that are spoken ahead, 0 to 100000.",
                "4000",
            ),
        ],
    },
    Section {
        name: "limits",
        sentence: "Upper bounds of the limits in flows' manifests; a manifest that asks for more is rejected.",
        settings: &[
            setting("memory-mib", "Memory of one call's flow, in MiB.", "64"),
            setting(
                "compute-ms",
                "Computing time of a flow between two host calls, in ms.",
                "1000",
            ),
            setting(
                "host-calls-per-second",
                "Host calls of one flow within a second.",
                "1000",
            ),
            setting(
                "text-bytes",
                "Total bytes of text in one prompt or question.",
                "16384",
            ),
            setting("log-lines", "Log lines of one call.", "1000"),
            setting(
                "journal-kib",
                "Size of one call's journal, in KiB.",
                "16384",
            ),
        ],
    },
    Section {
        name: "grants",
        sentence: "Upper bounds of the grants in flows' manifests; a manifest that grants more is rejected.",
        settings: &[
            setting(
                "lookup",
                "Keys that a flow may look up, as patterns in which `*` matches any characters; an empty list for none.",
                "[\"loan:*\"]",
            ),
            setting(
                "transfer",
                "Numbers that a manifest may give as transfer targets; an empty list for none.",
                "[\"+91…\"]",
            ),
            setting(
                "voices",
                "Voices that a flow may speak with; an empty list for only the languages' default voices.",
                "[\"en-in\"]",
            ),
        ],
    },
    Section {
        name: "log",
        sentence: "What is logged, and where.",
        settings: &[
            setting(
                "level",
                "The minimum level (off, error, warn, info, debug, trace), for everything and for single targets: \"info,ghanti_session=debug\".",
                "\"info\"",
            ),
            setting(
                "format",
                "The form of the lines: \"text\", or \"json\", one object per line.",
                "\"text\"",
            ),
            setting(
                "files",
                "Whether to write log files as well; containers log only to the console.",
                "true",
            ),
            setting(
                "folder",
                "The folder of application.log and websocket.log.",
                "\"logs\"",
            ),
        ],
    },
    Section {
        name: "traces",
        sentence: "Traces of calls, for OpenTelemetry: docs/watching.md.",
        settings: &[
            setting(
                "url",
                "The collector's address for OTLP over HTTP, in JSON. Unset, nothing is sent.",
                "\"http://127.0.0.1:4318/v1/traces\"",
            ),
            setting(
                "headers",
                "Further headers of each request; a value may be `${file:PATH}` or `${env:NAME}`.",
                "{ api-key = \"${env:OTLP_KEY}\" }",
            ),
            setting(
                "service",
                "The engine's name in the traces, `service.name`.",
                "\"ghanti\"",
            ),
            setting(
                "percent",
                "Of how many calls in a hundred the trace is sent.",
                "100",
            ),
            setting(
                "after-s",
                "How long after a call's end its trace is made, in seconds: what Exotel reports until then is in it.",
                "30",
            ),
            setting(
                "ca-file",
                "A PEM file of certificates to trust besides the system's.",
                "\"/etc/ssl/collector.pem\"",
            ),
        ],
    },
];

/// `[exotel]`.
const EXOTEL: Section = Section {
    name: "exotel",
    sentence: "The account at Exotel from which customers are dialled. Without it the engine answers calls and does not dial.",
    settings: &[
        setting(
            "account-sid",
            "The account's SID, from API settings of Exotel's dashboard.",
            "\"your-account\"",
        ),
        setting("api-key", "The API key, from the same page.", "\"API-KEY\""),
        setting(
            "api-token",
            "The API token, from the same page.",
            "\"API-TOKEN\"",
        ),
        setting(
            "region",
            "The account's region: \"mumbai\" (api.in.exotel.com) or \"singapore\" (api.exotel.com).",
            "\"mumbai\"",
        ),
        setting(
            "api-url",
            "Another address of the API, which overrides `region`: https://, or http:// of this machine for a simulated Exotel.",
            "\"http://127.0.0.1:9000\"",
        ),
        setting(
            "ca-file",
            "A PEM file of certificates to trust besides the system's, such as those of a proxy.",
            "\"proxy.pem\"",
        ),
        setting("caller-id", "The ExoPhone to call from.", "\"08047112233\""),
        setting(
            "flow-id",
            "The Exotel flow that answered calls are connected to: the number in its address on the dashboard.",
            "\"123456\"",
        ),
        setting(
            "ring-s",
            "How long a customer's phone rings, in seconds, at most 120.",
            "30",
        ),
        setting("record", "Whether Exotel records the calls.", "false"),
        setting(
            "requests-per-minute",
            "Requests to Exotel in a minute, over all engines that share a Redis; Exotel allows an account 200.",
            "200",
        ),
    ],
};
