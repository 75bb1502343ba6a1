//! What authors get wrong, each reported with its step, its place, a reason and what to do, by the
//! built program: a table of mistakes in manifest, prompts, tests and components.

use std::fs;
use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;

use crate::support::{API_TOKEN, Engine, Setup, program, root};

const FLOW: &str = "emi-reminder";
const MANIFEST: &str = "flow.toml";
const ENGLISH: &str = "prompts/en-IN.ftl";
const TEST: &str = "tests/declines.toml";
const COMPONENT: &str = "flow.wasm";

/// What is done to a file.
enum Mistake {
    /// The first text is replaced by the second.
    Instead(&'static str, &'static str),
    /// This is put at the end.
    Added(&'static str),
    /// The file has this instead.
    Holds(&'static [u8]),
    /// The file is cut to this many bytes.
    Cut(usize),
    /// The file is that of the tests' own components.
    Is(&'static str),
    /// It is called otherwise.
    Named(&'static str),
    Gone,
}

use Mistake::{Added, Cut, Gone, Holds, Instead, Is, Named};

/// A mistake, and what is reported of it: step, whether there is a line, words of reason and hint.
type Row = (
    &'static str,
    &'static str,
    Mistake,
    &'static str,
    bool,
    &'static str,
    &'static str,
);

const TABLE: &[Row] = &[
    // flow.toml as TOML
    (
        "text without quotes",
        MANIFEST,
        Instead("[flow]", "[flow]\ntitle = Nandini Finance"),
        "manifest",
        true,
        "`Nandini Finance` is a text without quotes",
        "write `title = \"Nandini Finance\"`",
    ),
    (
        "list without quotes",
        MANIFEST,
        Instead(
            "languages = [\"en-IN\", \"hi-IN\"",
            "languages = [en-IN, hi-IN",
        ),
        "manifest",
        true,
        "`en-IN` is a text without quotes",
        "write `\"en-IN\"`",
    ),
    (
        "duration without quotes",
        MANIFEST,
        Added("\n[questions.more]\nwait = 5s\n"),
        "manifest",
        true,
        "`5s` is a text without quotes",
        "write `wait = \"5s\"`",
    ),
    (
        "yes for true",
        MANIFEST,
        Added("\n[prompts.goodbye]\ninterruptible = yes\n"),
        "manifest",
        true,
        "`yes` is no value",
        "write `true`",
    ),
    (
        "quotes of a word processor",
        MANIFEST,
        Instead("[flow]", "[flow]\ntitle = “EMI”"),
        "manifest",
        true,
        "word processor",
        "use \" or '",
    ),
    (
        "colon for equals",
        MANIFEST,
        Instead("[flow]", "[flow]\ntitle: \"EMI\""),
        "manifest",
        true,
        "has a colon",
        "write `title = …`",
    ),
    (
        "list not closed",
        MANIFEST,
        Instead("\"te-IN\"]", "\"te-IN\""),
        "manifest",
        true,
        "a list is not closed",
        "write `[",
    ),
    (
        "section twice",
        MANIFEST,
        Added("\n[flow]\n"),
        "manifest",
        true,
        "`flow` is there twice",
        "put both parts together",
    ),
    (
        "a day that is not",
        MANIFEST,
        Instead("[flow]", "[flow]\ntitle = 2026-11-31"),
        "manifest",
        true,
        "`2026-11-31`: there is no 31 November 2026",
        "write one of its 30 days",
    ),
    (
        "a time that is not",
        MANIFEST,
        Instead("[flow]", "[flow]\ntitle = 2026-11-30T25:00:00"),
        "manifest",
        true,
        "`2026-11-30T25:00:00` is no date or time that there is",
        "check its day",
    ),
    // flow.toml: what is in it
    (
        "misspelt key",
        MANIFEST,
        Instead("[flow]", "[flow]\ntitel = \"EMI\""),
        "manifest",
        true,
        "unknown key `titel`",
        "did you mean `title`",
    ),
    (
        "misspelt section",
        MANIFEST,
        Added("\n[prompt]\ntexts = false\n"),
        "manifest",
        true,
        "unknown key `prompt`",
        "did you mean `prompts`",
    ),
    (
        "number for text",
        MANIFEST,
        Instead("[flow]", "[flow]\ntitle = 7"),
        "manifest",
        true,
        "`title` takes a text in quotes",
        "give `title` a text in quotes",
    ),
    (
        "limit out of range",
        MANIFEST,
        Instead("compute-ms = 50", "compute-ms = 60000"),
        "manifest",
        true,
        "`compute-ms` takes a whole number from 10 to 1000",
        "give `compute-ms` a whole number",
    ),
    (
        "size without unit",
        MANIFEST,
        Instead("memory = \"32MiB\"", "memory = \"64\""),
        "manifest",
        true,
        "`memory` is `64`",
        "give a size such as `32MiB`",
    ),
    (
        "no language",
        MANIFEST,
        Instead("[\"en-IN\", \"hi-IN\"", "[\"en-IN\", \"hindi\""),
        "manifest",
        true,
        "`hindi` is not a language tag",
        "such as `hi-IN`",
    ),
    (
        "language without prompts",
        MANIFEST,
        Instead("\"te-IN\"]", "\"te-IN\", \"as-IN\"]"),
        "prompts",
        false,
        "`prompts/as-IN.ftl` is missing",
        "add the file",
    ),
    (
        "name with capitals",
        MANIFEST,
        Instead(
            "establishes = [\"identity\"]",
            "establishes = [\"Identity\"]",
        ),
        "manifest",
        true,
        "`establishes` has `Identity`",
        "lower-case letters",
    ),
    (
        "requirement that nothing meets",
        MANIFEST,
        Instead(
            "who-we-are = { requires = [\"identity\"] }",
            "who-we-are = { requires = [\"identty\"] }",
        ),
        "manifest",
        true,
        "`identty`",
        "did you mean `identity`",
    ),
    (
        "rule for no template",
        MANIFEST,
        Instead("emi-details = {", "emi-detail = {"),
        "manifest",
        true,
        "is no template of the flow's prompt files",
        "did you mean `emi-details`",
    ),
    (
        "no phone number",
        MANIFEST,
        Added("\n[grants]\ntransfer = { default = [\"agent\"] }\n"),
        "manifest",
        true,
        "not a phone number",
        "give 5 to 15 digits",
    ),
    (
        "unknown type of a field",
        MANIFEST,
        Instead("type = \"money\"", "type = \"amount\""),
        "manifest",
        true,
        "`type` is `amount`",
        "`money`",
    ),
    (
        "question without a prompt",
        MANIFEST,
        Added("\n[questions.goodbye]\nwait = \"5s\"\n"),
        "manifest",
        true,
        "has no `prompt`",
        "write that, or name another one",
    ),
    (
        "template that does not exist",
        MANIFEST,
        Added("\n[questions.more]\nprompt = \"mroe\"\nexpects = \"text\"\n"),
        "manifest",
        true,
        "`mroe`",
        "write it",
    ),
    (
        "weight above 100",
        MANIFEST,
        Added("\n[update]\nweight = 101\n"),
        "manifest",
        true,
        "`weight` takes a whole number from 0 to 100",
        "give `weight`",
    ),
    (
        "choice for a value",
        MANIFEST,
        Instead("then = \"transfer\"", "then = \"hangup\""),
        "manifest",
        true,
        "`then` is `hangup`",
        "give `transfer` or `goodbye`",
    ),
    (
        "no manifest",
        MANIFEST,
        Gone,
        "deploy",
        false,
        "no manifest `flow.toml`",
        "an empty file takes the defaults",
    ),
    (
        "kind of question that is none",
        MANIFEST,
        Added(
            "\n[questions.when]\nprompt = \"greeting\"\nexpects = \"dat\"\nconfirm = \"greeting\"\nearliest = \"today\"\n",
        ),
        "manifest",
        true,
        "`expects` is `dat`: give",
        "did you mean `date`?",
    ),
    (
        "one phrase for two choices",
        MANIFEST,
        Added(
            "\n[questions.when]\nprompt = \"greeting\"\nchoices = { soon = { key = \"1\", phrases = { en-IN = [\"Fine.\"] } }, late = { key = \"2\", phrases = { en-IN = [\"fine\"] } } }\n",
        ),
        "manifest",
        true,
        "the choices `late` and `soon` of the question `when` have the same phrase `fine`",
        "take it out of one of them",
    ),
    // prompts
    (
        "message without words",
        ENGLISH,
        Instead("greeting =", "empty =\ngreeting ="),
        "prompts",
        true,
        "message `empty` has no words",
        "`empty = …`",
    ),
    (
        "empty text",
        ENGLISH,
        Instead("greeting =", "empty = { \"\" }\ngreeting ="),
        "prompts",
        true,
        "of message `empty` nothing is spoken",
        "write some",
    ),
    (
        "emoji",
        ENGLISH,
        Instead("greeting =", "smile = 🙂 …\ngreeting ="),
        "prompts",
        true,
        "of message `smile` nothing is spoken",
        "write some",
    ),
    (
        "empty file of a language",
        "prompts/hi-IN.ftl",
        Holds(b"# later\n"),
        "prompts",
        false,
        "`prompts/hi-IN.ftl`: the file has no message, and the other languages have",
        "take `hi-IN` out",
    ),
    (
        "recording of another form",
        "audio/hello.wav",
        Holds(b"ID3\x04 an mp3"),
        "prompts",
        false,
        "`audio/hello.wav` cannot be played: it is no WAV file",
        "WAV, PCM of 16 bits, mono",
    ),
    (
        "markup",
        ENGLISH,
        Instead("greeting =", "greeting = <speak>Hello</speak>"),
        "prompts",
        true,
        "`<speak>` is markup",
        "take it out",
    ),
    (
        "pause by markup",
        ENGLISH,
        Instead("greeting =", "greeting = Wait <break time=\"1s\"/>"),
        "prompts",
        true,
        "`<break time=\"1s\"/>` is markup",
        "full stops make pauses",
    ),
    (
        "variable of no type",
        ENGLISH,
        Instead("greeting =", "greeting = { $nobody }"),
        "prompts",
        true,
        "uses `$nobody`, whose type no comment declares",
        "add the line `# $nobody (text)",
    ),
    (
        "type that does not exist",
        ENGLISH,
        Instead(
            "greeting =",
            "# $nobody (rupees) what is due\ngreeting = { $nobody }",
        ),
        "prompts",
        true,
        "rupees",
        "money",
    ),
    (
        "function",
        ENGLISH,
        Instead("greeting =", "greeting = { NUMBER(5) }"),
        "prompts",
        true,
        "NUMBER",
        "type",
    ),
    (
        "message in one language alone",
        ENGLISH,
        Added("\nmore = Is there anything else?\n"),
        "prompts",
        false,
        "there is no message `more`, which `prompts/en-IN.ftl` has",
        "add a line `more = …`",
    ),
    (
        "brace not closed",
        ENGLISH,
        Instead("greeting =", "greeting = { $name"),
        "prompts",
        true,
        "prompts/en-IN.ftl",
        "projectfluent.org",
    ),
    (
        "message twice",
        ENGLISH,
        Added("\ngreeting = Hello again\n"),
        "prompts",
        true,
        "greeting",
        "give one of them another name",
    ),
    (
        "file of no language",
        ENGLISH,
        Named("prompts/english.ftl"),
        "prompts",
        false,
        "`prompts/english.ftl` is named after no language",
        "rename the file",
    ),
    (
        "not UTF-8",
        ENGLISH,
        Holds(b"greeting = Hello \xff\n"),
        "read",
        false,
        "`prompts/en-IN.ftl` is not UTF-8",
        "save it as UTF-8",
    ),
    // tests
    (
        "misspelt expectation",
        TEST,
        Instead("[expect]", "[expect]\nout-come = \"declined\""),
        "tests",
        true,
        "unknown key `out-come`",
        "test",
    ),
    (
        "template that is never said",
        TEST,
        Instead("[expect]", "[expect]\nnever-said = [\"emi-detials\"]"),
        "tests",
        true,
        "emi-detials",
        "test",
    ),
    (
        "two answers at once",
        TEST,
        Instead(
            "[expect]",
            "[[caller]]\nasked = \"transfer\"\nsays = \"yes\"\npresses = \"1\"\n[expect]",
        ),
        "tests",
        true,
        "one of `says`",
        "test",
    ),
    (
        "time without offset",
        TEST,
        Added("\n[call]\nat = 2026-11-20T11:00:00\n"),
        "tests",
        true,
        "`at` takes a time with its offset",
        "test",
    ),
    (
        "another outcome",
        TEST,
        Instead("outcome = \"declined\"", "outcome = \"promised\""),
        "tests",
        true,
        "expected the outcome `promised`; got `declined`",
        "fix the flow; or the test",
    ),
    // components
    (
        "text for a component",
        COMPONENT,
        Holds(b"fn main() {\n    println!(\"hello\");\n}\n"),
        "contract",
        false,
        "a text that begins with `fn main() {`",
        "build the flow",
    ),
    (
        "nothing for a component",
        COMPONENT,
        Holds(b""),
        "contract",
        false,
        "the file is empty",
        "build the flow",
    ),
    (
        "pointer for a component",
        COMPONENT,
        Holds(b"version https://git-lfs.github.com/spec/v1\n"),
        "contract",
        false,
        "Git LFS",
        "git lfs pull",
    ),
    (
        "component cut off",
        COMPONENT,
        Cut(20_000),
        "contract",
        false,
        "cut off at byte 20000",
        "copy it whole",
    ),
    (
        "core module",
        COMPONENT,
        Holds(b"\0asm\x01\0\0\0"),
        "contract",
        false,
        "core module, not a component",
        "make a component of it",
    ),
    (
        "component of another contract",
        COMPONENT,
        Is("wrong-types.wasm"),
        "link",
        false,
        "its export `describe` has another type",
        "build the flow against the `wit/`",
    ),
    (
        "no component",
        COMPONENT,
        Gone,
        "deploy",
        false,
        "no component `flow.wasm`",
        "build the flow first",
    ),
];

/// An author's folder with one mistake.
fn with(mistake: &Mistake, file: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let original = root().join("flows").join(FLOW);
    fs::create_dir_all(folder.path().join("audio")).unwrap();
    for part in ["", "prompts", "tests"] {
        fs::create_dir_all(folder.path().join(part)).unwrap();
        for entry in fs::read_dir(original.join(part)).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                let name = path.file_name().unwrap();
                fs::copy(&path, folder.path().join(part).join(name)).unwrap();
            }
        }
    }
    let path = folder.path().join(file);
    let text = || fs::read_to_string(&path).unwrap();
    match mistake {
        Instead(from, to) => {
            assert!(text().contains(from), "{file} has no `{from}`");
            fs::write(&path, text().replacen(from, to, 1)).unwrap();
        }
        // a section that is there already is added to
        Added(lines) => {
            let header = lines.trim_start().lines().next().unwrap();
            let (text, heading) = (text(), format!("\n{header}\n"));
            let is_twice = *lines == "\n[flow]\n";
            let added = match text.split_once(&heading) {
                Some((before, after)) if header.starts_with('[') && !is_twice => {
                    let rest = lines.trim_start().split_once('\n').unwrap().1;
                    format!("{before}{heading}{rest}{after}")
                }
                _ => text + lines,
            };
            fs::write(&path, added).unwrap();
        }
        Holds(bytes) => fs::write(&path, bytes).unwrap(),
        Cut(bytes) => {
            let whole = fs::read(&path).unwrap();
            fs::write(&path, &whole[..*bytes]).unwrap();
        }
        Is(fixture) => {
            let fixture = root().join("plugins/target/fixtures").join(fixture);
            fs::copy(fixture, &path).unwrap();
        }
        Named(other) => fs::rename(&path, folder.path().join(other)).unwrap(),
        Gone => fs::remove_file(&path).unwrap(),
    }
    folder
}

fn deployed(engine: &Engine, folder: &Path) -> Value {
    let output = program()
        .args(["flow", "deploy", "--json", "--name", FLOW])
        .arg(folder)
        .args(["--url", &engine.url(""), "--config"])
        .arg(engine.house().join("ghanti.toml"))
        .output()
        .unwrap();
    let reported = String::from_utf8(output.stdout).unwrap();
    serde_json::from_str(&reported).unwrap_or_else(|_| panic!("{reported}"))
}

#[test]
fn every_mistake_is_reported_with_step_place_reason_and_hint() {
    assert!(TABLE.len() >= 40);
    let flows = tempfile::tempdir().unwrap();
    let engine = Setup::new(format!(
        "[speech]\nrecognizer = 'none'\n[server]\ninsecure = true\napi-token = '{API_TOKEN}'\n"
    ))
    .flows(flows.path())
    .start();
    let mut wrong = Vec::new();
    for (name, file, mistake, step, has_line, reason, hint) in TABLE {
        let folder = with(mistake, file);
        let reported = deployed(&engine, folder.path());
        if *step == "deploy" {
            // what is not there cannot be sent
            let error = reported["error"].as_str().unwrap_or_default();
            if !error.contains(reason) || !error.contains(hint) {
                wrong.push(format!("{name}: {reported:#}"));
            }
            continue;
        }
        let says = |key: &str, words: &str| {
            reported[key]
                .as_str()
                .is_some_and(|text| text.contains(words))
        };
        let is_good = reported["step"] == *step
            && reported["line"].is_u64() == *has_line
            && says("reason", reason)
            && says("hint", hint)
            && !says("reason", "0x")
            && !says("reason", "tuple");
        if !is_good {
            wrong.push(format!("{name}: {reported:#}"));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {}:\n{}",
        wrong.len(),
        TABLE.len(),
        wrong.join("\n")
    );
}
