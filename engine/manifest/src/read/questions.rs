//! Parses `[questions]`.

use std::collections::BTreeMap;

use ghanti_model::question::LEXICONS;
use ghanti_model::{Choice, Language, Phrases};
use toml::de::DeValue;

use crate::question::{
    BETWEEN_KEYS_MS, Digits, Expects, KEYS, Question, SideAnswer, ValueGrammar, WAITS_MS,
};
use crate::reader::{Item, Reader};

/// The most choices, side answers or templates in a list of a question.
const ITEMS_MAX: usize = 64;

const KNOWN: [&str; 22] = [
    "prompt",
    "choices",
    "expects",
    "length",
    "min-length",
    "max-length",
    "end-key",
    "between-keys",
    "side-answers",
    "wait",
    "no-input",
    "no-match",
    "min-confidence",
    "requires",
    "confirm",
    "earliest",
    "latest",
    "min",
    "max",
    "currency",
    "understand",
    "acknowledge",
];

/// What `expects` takes.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Text,
    Digits,
    Boolean,
    Value(&'static str),
}

const KINDS: [(&str, Kind); 8] = [
    ("text", Kind::Text),
    ("digits", Kind::Digits),
    ("boolean", Kind::Boolean),
    ("date", Kind::Value("date")),
    ("time", Kind::Value("time")),
    ("number", Kind::Value("number")),
    ("currency", Kind::Value("currency")),
    ("phone", Kind::Value("phone")),
];

/// The parameters of the engine's grammars, whose values only they can read.
const PARAMETERS: [&str; 5] = ["earliest", "latest", "min", "max", "currency"];

/// The keys of a question that belong together.
#[derive(Default)]
struct Given {
    kind: Option<Kind>,
    /// Whether `expects` names no kind that there is.
    is_unknown: bool,
    choices: Option<Vec<Choice>>,
    exactly: Option<u8>,
    min: Option<u8>,
    max: Option<u8>,
    end_key: Option<char>,
    between_ms: Option<u32>,
    confirm: Option<String>,
    /// Of the engine's grammars.
    parameters: BTreeMap<String, String>,
    /// A key that only digits have.
    of_digits: Option<&'static str>,
    /// A key that only keyed answers have.
    of_keys: Option<&'static str>,
}

impl Reader<'_> {
    pub(super) fn questions(&mut self, item: &Item<'_>) -> BTreeMap<String, Question> {
        let mut questions = BTreeMap::new();
        self.entries("questions", item, |reader, name, item| {
            let question = reader.question(name, item);
            questions.insert(name.to_owned(), question);
        });
        questions
    }

    fn question(&mut self, question: &str, item: &Item<'_>) -> Question {
        let mut read = Question::default();
        let mut given = Given::default();
        let known: Vec<&str> = KNOWN.into_iter().chain(["milestone"]).collect();
        self.section(question, item, &known, |reader, name, item| {
            match name {
                "prompt" => read.prompt = reader.string(name, item),
                "choices" => given.choices = Some(reader.choices(name, item)),
                "expects" => {
                    given.kind = reader.one_of(name, item, &KINDS);
                    given.is_unknown = given.kind.is_none();
                }
                "length" => given.exactly = reader.keys(name, item),
                "min-length" => given.min = reader.keys(name, item),
                "max-length" => given.max = reader.keys(name, item),
                "end-key" => given.end_key = reader.key(name, item),
                "between-keys" => given.between_ms = reader.wait(name, item),
                "confirm" => given.confirm = reader.string(name, item),
                name if PARAMETERS.contains(&name) => {
                    let value = reader.parameter(name, item);
                    given
                        .parameters
                        .extend(value.map(|value| (name.to_owned(), value)));
                }
                "side-answers" => read.side_answers = reader.side_answers(name, item),
                "wait" => read.wait_ms = reader.wait(name, item).unwrap_or(read.wait_ms),
                "no-input" => read.no_input = reader.list_of_templates(name, item),
                "no-match" => read.no_match = reader.list_of_templates(name, item),
                "acknowledge" => read.acknowledge = reader.string(name, item),
                "requires" => read.requires = reader.requires(name, item),
                "milestone" => read.milestone = reader.milestone(name, item),
                "understand" => read.understand = reader.string(name, item),
                "min-confidence" => read.min_confidence_percent = reader.percent(name, item),
                _ => return false,
            }
            given.of_digits = given.of_digits.or(match name {
                "length" => Some("length"),
                "min-length" => Some("min-length"),
                "max-length" => Some("max-length"),
                _ => None,
            });
            given.of_keys = given.of_keys.or(match name {
                "end-key" => Some("end-key"),
                "between-keys" => Some("between-keys"),
                "confirm" => Some("confirm"),
                _ => None,
            });
            true
        });
        // what depends on a kind that is not known would be told wrongly
        if given.is_unknown {
            return read;
        }
        read.expects = self.expected(question, item, given);
        self.add_side_choices(question, item, &mut read);
        if read.understand.is_some() && !matches!(read.expects, Expects::Choices(_)) {
            self.complain(
                item.span(),
                format!("`{question}` has `understand`, which only a question with choices can have: take it out"),
            );
        }
        let has_yes = matches!(&read.expects, Expects::Choices(choices) if choices.iter().any(Choice::is_yes));
        if read.acknowledge.is_some() && !has_yes {
            self.complain(
                item.span(),
                format!("`{question}` has `acknowledge`, which is said when a yes is understood, and has no choice with the grammar `yes` or `confirm`: add one, or take `acknowledge` out"),
            );
        }
        self.check_choices(question, item, &read);
        read
    }

    /// Brings the keys together that say which answers count.
    fn expected(&mut self, question: &str, item: &Item<'_>, given: Given) -> Expects {
        let mut wrong = |what: &str| self.complain(item.span(), format!("`{question}` {what}"));
        if given.kind.is_some() && given.choices.is_some() {
            wrong("has `choices` and `expects`: keep the one that it takes");
        }
        if let Some(key) = given.of_digits.filter(|_| given.kind != Some(Kind::Digits)) {
            wrong(&format!(
                "has `{key}`, which only a question with `expects = \"digits\"` has: add that, or take `{key}` out"
            ));
        }
        let is_keyed = matches!(given.kind, Some(Kind::Digits | Kind::Value(_)));
        if let Some(key) = given.of_keys.filter(|_| !is_keyed) {
            wrong(&format!(
                "has `{key}`, which only a question that expects digits, a date, a time, a number, a currency or a phone number has: take it out"
            ));
        }
        let takes_parameters = matches!(given.kind, Some(Kind::Value(_)));
        if let Some(key) = given.parameters.keys().next().filter(|_| !takes_parameters) {
            wrong(&format!(
                "has `{key}`, which only a question that expects a date, a time, a number or a currency can have: take it out"
            ));
        }
        match given.kind {
            None => Expects::Choices(given.choices.unwrap_or_default()),
            Some(Kind::Text) => Expects::Text,
            Some(Kind::Boolean) => {
                Expects::Choices(vec![keyed_choice("yes", '1'), keyed_choice("no", '2')])
            }
            Some(Kind::Value(name)) => Expects::Value(ValueGrammar {
                name: name.to_owned(),
                parameters: given.parameters,
                end_key: given.end_key.unwrap_or('#'),
                between_ms: given.between_ms.unwrap_or(BETWEEN_KEYS_MS),
                confirm: given.confirm,
            }),
            Some(Kind::Digits) => {
                if given.exactly.is_some() && (given.min.is_some() || given.max.is_some()) {
                    wrong("has `length` besides `min-length` or `max-length`: keep one of them");
                }
                let min = given.exactly.or(given.min).unwrap_or(*KEYS.start());
                let max = given.exactly.or(given.max).unwrap_or(*KEYS.end());
                if min > max {
                    wrong("has a `min-length` above its `max-length`");
                }
                // spoken digits are misheard too easily to be taken without being read back
                if let Some(confirm) = given.confirm {
                    return Expects::Value(ValueGrammar {
                        name: "digits".to_owned(),
                        parameters: BTreeMap::from([
                            ("min-length".to_owned(), min.to_string()),
                            ("max-length".to_owned(), max.to_string()),
                        ]),
                        end_key: given.end_key.unwrap_or('#'),
                        between_ms: given.between_ms.unwrap_or(BETWEEN_KEYS_MS),
                        confirm: Some(confirm),
                    });
                }
                Expects::Digits(Digits {
                    min,
                    max,
                    end_key: given.end_key,
                    between_ms: given.between_ms.unwrap_or(BETWEEN_KEYS_MS),
                })
            }
        }
    }

    /// What the caller may ask back is a choice too.
    fn add_side_choices(&mut self, question: &str, item: &Item<'_>, read: &mut Question) {
        let Question {
            expects,
            side_answers,
            ..
        } = read;
        let Expects::Choices(choices) = expects else {
            if !side_answers.is_empty() {
                self.complain(
                    item.span(),
                    format!("`{question}` has `side-answers`, which only a question with choices can have"),
                );
            }
            return;
        };
        for side in side_answers {
            if choices.iter().any(|choice| choice.id == side.choice) {
                continue;
            }
            if !LEXICONS.contains(&side.choice.as_str()) {
                self.complain(
                    item.span(),
                    format!(
                        "`side-answers` of `{question}` has `{}`, which is neither one of its choices nor a grammar of the engine ({}): add it to `choices` with its phrases",
                        side.choice,
                        LEXICONS.join(", ")
                    ),
                );
                continue;
            }
            choices.push(Choice {
                id: side.choice.clone(),
                lexicon: Some(side.choice.clone()),
                phrases: Vec::new(),
                key: None,
            });
        }
    }

    fn check_choices(&mut self, question: &str, item: &Item<'_>, read: &Question) {
        let Expects::Choices(choices) = &read.expects else {
            return;
        };
        for (at, choice) in choices.iter().enumerate() {
            let later = choices.iter().skip(at + 1);
            let same_key = later
                .clone()
                .find(|later| later.key.is_some() && later.key == choice.key);
            if let Some(later) = same_key {
                self.complain(
                    item.span(),
                    format!(
                        "the choices `{}` and `{}` of `{question}` have the same key: give each its own",
                        choice.id, later.id
                    ),
                );
            }
            if choice.lexicon.is_none() && choice.key.is_none() && choice.phrases.is_empty() {
                self.complain(
                    item.span(),
                    format!(
                        "the choice `{}` of `{question}` can never be chosen: give it a `key`, `phrases`, or a `grammar` of the engine ({})",
                        choice.id,
                        LEXICONS.join(", ")
                    ),
                );
            }
        }
    }

    fn choices(&mut self, name: &str, item: &Item<'_>) -> Vec<Choice> {
        let mut choices = Vec::new();
        if matches!(item.get_ref(), DeValue::Table(_)) {
            self.entries(name, item, |reader, id, item| {
                let choice = reader.choice(id, item);
                choices.push(choice);
            });
        } else {
            let ids = self.each(name, item, |text| Ok(text.to_owned()));
            choices.extend(ids.into_iter().map(|id| Choice {
                lexicon: lexicon_of(&id),
                id,
                phrases: Vec::new(),
                key: None,
            }));
        }
        self.at_most_items(name, item, choices.len());
        choices
    }

    fn choice(&mut self, id: &str, item: &Item<'_>) -> Choice {
        let mut choice = Choice {
            id: id.to_owned(),
            lexicon: lexicon_of(id),
            phrases: Vec::new(),
            key: None,
        };
        self.section(
            id,
            item,
            &["key", "grammar", "phrases"],
            |reader, name, item| {
                match name {
                    "key" => choice.key = reader.key(name, item),
                    "grammar" => {
                        let names = LEXICONS.map(|name| (name, name));
                        choice.lexicon = reader.one_of(name, item, &names).map(str::to_owned);
                    }
                    "phrases" => choice.phrases = reader.phrases(name, item),
                    _ => return false,
                }
                true
            },
        );
        choice
    }

    /// Phrases by language: `{ en-IN = ["pay now"], hi-IN = ["अभी"] }`.
    fn phrases(&mut self, name: &str, item: &Item<'_>) -> Vec<Phrases> {
        let mut phrases = Vec::new();
        self.entries(name, item, |reader, tag, item| match Language::parse(tag) {
            Ok(language) => {
                let words = reader.each(tag, item, |text| {
                    if text.trim().is_empty() {
                        Err("give one or more words".to_owned())
                    } else {
                        Ok(text.to_owned())
                    }
                });
                reader.at_most_items(tag, item, words.len());
                phrases.push(Phrases { language, words });
            }
            Err(error) => reader.complain(item.span(), format!("`{name}` has `{tag}`: {error}")),
        });
        phrases
    }

    fn side_answers(&mut self, name: &str, item: &Item<'_>) -> Vec<SideAnswer> {
        let mut sides = Vec::new();
        self.entries(name, item, |reader, choice, item| {
            let mut side = SideAnswer {
                choice: choice.to_owned(),
                say: None,
                then: None,
            };
            reader.section(choice, item, &["say", "then"], |reader, name, item| {
                match name {
                    "say" => side.say = reader.string(name, item),
                    "then" => side.then = reader.string(name, item),
                    _ => return false,
                }
                true
            });
            sides.push(side);
        });
        self.at_most_items(name, item, sides.len());
        sides
    }

    fn list_of_templates(&mut self, name: &str, item: &Item<'_>) -> Vec<String> {
        let templates = self.each(name, item, |text| Ok(text.to_owned()));
        self.at_most_items(name, item, templates.len());
        templates
    }

    fn at_most_items(&mut self, name: &str, item: &Item<'_>, count: usize) {
        if count > ITEMS_MAX {
            self.expect(name, item, &format!("at most {ITEMS_MAX} items"));
        }
    }

    /// A text or a whole number, as text.
    fn parameter(&mut self, name: &str, item: &Item<'_>) -> Option<String> {
        match item.get_ref() {
            DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
                .ok()
                .map(|number| number.to_string()),
            DeValue::String(_) => self.string(name, item),
            _ => {
                self.expect(name, item, "a text in quotes or a whole number");
                None
            }
        }
    }

    fn keys(&mut self, name: &str, item: &Item<'_>) -> Option<u8> {
        let range = u64::from(*KEYS.start())..=u64::from(*KEYS.end());
        let count = self.integer(name, item, range)?;
        u8::try_from(count).ok()
    }

    fn key(&mut self, name: &str, item: &Item<'_>) -> Option<char> {
        let text = self.string(name, item)?;
        let mut characters = text.chars();
        match (characters.next(), characters.next()) {
            (Some(key @ ('0'..='9' | '*' | '#')), None) => Some(key),
            _ => {
                self.expect(name, item, "one of `0` to `9`, `*` and `#` in quotes");
                None
            }
        }
    }

    /// A time in seconds or milliseconds: `"5s"`, `"1.5s"`, `"800ms"`.
    fn wait(&mut self, name: &str, item: &Item<'_>) -> Option<u32> {
        let text = self.string(name, item)?;
        let scaled = match text.strip_suffix("ms") {
            Some(number) => number.trim().parse().ok(),
            None => text
                .strip_suffix('s')
                .and_then(|number| number.trim().parse::<f64>().ok())
                .map(|seconds| seconds * 1_000.0),
        };
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "what does not fit becomes the nearest, which is out of the range"
        )]
        let wait = scaled
            .map(|ms: f64| ms.round() as u32)
            .filter(|ms| WAITS_MS.contains(ms));
        if wait.is_none() {
            let (least, most) = (WAITS_MS.start(), WAITS_MS.end() / 1_000);
            self.expect(
                name,
                item,
                &format!("a time from \"{least}ms\" to \"{most}s\", such as \"5s\""),
            );
        }
        wait
    }
}

fn keyed_choice(lexicon: &str, key: char) -> Choice {
    Choice {
        id: lexicon.to_owned(),
        lexicon: lexicon_of(lexicon),
        phrases: Vec::new(),
        key: Some(key),
    }
}

/// A choice with the name of a grammar of the engine starts from it.
fn lexicon_of(id: &str) -> Option<String> {
    LEXICONS.contains(&id).then(|| id.to_owned())
}

#[cfg(test)]
mod tests;
