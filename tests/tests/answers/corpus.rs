//! The sentences: what is said, in which language, and what it may be taken for.

use serde::Deserialize;

/// The sentences of one question.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Corpus {
    say: Vec<Group>,
}

/// Sentences of one kind.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Group {
    kind: String,
    language: Spoken,
    /// Choices that are right; "not understood" always is, where none of them is required.
    means: Vec<String>,
    /// Whether the choice has to be understood.
    #[serde(default = "required")]
    required: bool,
    /// How many voices speak each sentence; not all do where the test would take too long.
    #[serde(default = "voices")]
    voices: usize,
    words: Vec<Words>,
}

fn required() -> bool {
    true
}

fn voices() -> usize {
    1
}

/// Whose voices speak it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Spoken {
    En,
    /// Hindi in Roman letters, by English voices.
    Hinglish,
    Hi,
}

#[derive(Debug, Deserialize)]
#[serde(untagged, rename_all = "kebab-case")]
enum Words {
    Plain(String),
    #[serde(rename_all = "kebab-case")]
    Spelt {
        text: String,
        sound: Option<String>,
        cut_ms: Option<u32>,
    },
}

/// One sentence.
#[derive(Debug, Clone)]
pub struct Sentence {
    pub kind: String,
    pub language: Spoken,
    pub means: Vec<String>,
    pub required: bool,
    pub voices: usize,
    /// As a person writes it.
    pub text: String,
    /// As the voice is given it; `[700 ms]` is a pause.
    pub sound: String,
    /// Where it breaks off.
    pub cut_ms: Option<u32>,
}

impl Sentence {
    /// An English sentence that means no choice.
    pub fn plain(kind: &str, words: &str) -> Self {
        let (text, sound) = (words.to_owned(), words.to_owned());
        Self {
            kind: kind.to_owned(),
            language: Spoken::En,
            means: Vec::new(),
            required: false,
            voices: 2,
            text,
            sound,
            cut_ms: None,
        }
    }

    /// Whether one of these choices is a right answer.
    pub fn means_any(&self, choices: &[&str]) -> bool {
        self.means
            .iter()
            .any(|choice| choices.contains(&choice.as_str()))
    }

    /// What is said, part by part, with the pause before each in milliseconds.
    pub fn parts(&self) -> Vec<(u32, &str)> {
        let mut parts = Vec::new();
        for (index, part) in self.sound.split('[').enumerate() {
            match part.split_once("ms]") {
                Some((pause, words)) if index > 0 => {
                    parts.push((pause.trim().parse().unwrap(), words.trim()))
                }
                _ => parts.push((0, part.trim())),
            }
        }
        parts
    }
}

/// The sentences of a corpus file.
pub fn sentences(file: &str) -> Vec<Sentence> {
    let corpus: Corpus = toml::from_str(file).unwrap();
    let sentences = corpus.say.into_iter().flat_map(|group| {
        let Group {
            kind,
            language,
            means,
            required,
            voices,
            words,
        } = group;
        words.into_iter().map(move |words| {
            let (text, sound, cut_ms) = match words {
                Words::Plain(text) => (text, None, None),
                Words::Spelt {
                    text,
                    sound,
                    cut_ms,
                } => (text, sound, cut_ms),
            };
            let sound = sound.unwrap_or_else(|| text.clone());
            Sentence {
                kind: kind.clone(),
                language,
                means: means.clone(),
                required,
                voices,
                text,
                sound,
                cut_ms,
            }
        })
    });
    sentences.collect()
}
