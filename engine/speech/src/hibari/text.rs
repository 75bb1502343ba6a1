//! A text as sentences, and a sentence as words, figures and pauses.

/// Words whose full stop does not end a sentence, and how they are read.
const ABBREVIATIONS: [(&str, &str); 16] = [
    ("mr", "mister"),
    ("mrs", "missus"),
    ("ms", "miz"),
    ("dr", "doctor"),
    ("prof", "professor"),
    ("smt", "shreemati"),
    ("shri", "shri"),
    ("st", "saint"),
    ("rs", "rupees"),
    ("no", "number"),
    ("ltd", "limited"),
    ("pvt", "private"),
    ("dept", "department"),
    ("approx", "approximately"),
    ("vs", "versus"),
    ("etc", "et cetera"),
];

/// The longest sentence in bytes, some 25 s of speech: a longer one is cut at a pause or between words, so that
/// it does not hold up those of other calls.
const SENTENCE_BYTES_MAX: usize = 400;

/// A part of a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    /// Letters and apostrophes.
    Word {
        /// As written.
        text: String,
        /// Whether it continues the one before: "twenty-one".
        joined: bool,
    },
    /// Digits with `,`, `.` or `:` between them, and the ending of an ordinal number.
    Figures {
        /// As written.
        text: String,
        /// Whether an amount of rupees.
        rupees: bool,
    },
    /// `,` `;` `:` `.` `!` `?` `—` or `…`.
    Pause(char),
}

/// Sentences, each with its end. A line's end is one, too.
pub(super) fn sentences(text: &str) -> Vec<&str> {
    let mut sentences = Vec::new();
    for line in text.lines() {
        let mut begin = 0;
        let ends = line
            .char_indices()
            .filter(|(_, letter)| matches!(letter, '.' | '!' | '?' | '…'));
        for (at, end) in ends {
            let after = at + end.len_utf8();
            let (before, rest) = line.split_at(after);
            let closing = rest.trim_start_matches(['"', '\'', ')', '”', '’']);
            if !closing.starts_with(char::is_whitespace) {
                continue;
            }
            let next = closing.trim_start().chars().next();
            let continues = next.is_some_and(char::is_lowercase);
            let sentence = before.get(begin..).unwrap_or_default();
            if continues || (end == '.' && is_abbreviated(sentence)) {
                continue;
            }
            let end_at = line.len() - closing.len();
            sentences.push(line.get(begin..end_at).unwrap_or_default());
            begin = end_at;
        }
        sentences.push(line.get(begin..).unwrap_or_default());
    }
    sentences
        .into_iter()
        .flat_map(short)
        .filter(|sentence| sentence.contains(char::is_alphanumeric))
        .collect()
}

/// A sentence in parts of at most [`SENTENCE_BYTES_MAX`].
fn short(sentence: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut rest = sentence;
    while rest.len() > SENTENCE_BYTES_MAX {
        let (fits, _) = rest.split_at(rest.floor_char_boundary(SENTENCE_BYTES_MAX));
        let pause = fits.rfind([',', ';', ':']).map(|at| at + 1);
        let at = pause
            .or_else(|| fits.rfind(char::is_whitespace))
            .filter(|&at| at > 0)
            .unwrap_or(fits.len());
        let (part, after) = rest.split_at(at);
        parts.push(part);
        rest = after;
    }
    parts.push(rest);
    parts
}

/// Whether the last word before the full stop is an abbreviation or an initial.
fn is_abbreviated(sentence: &str) -> bool {
    let words = sentence.trim_end_matches('.');
    let last = words
        .rsplit(|letter: char| !letter.is_alphabetic())
        .next()
        .unwrap_or_default();
    let is_initial = last.chars().count() == 1 && last.chars().all(char::is_uppercase);
    is_initial
        || full_form(last).is_some_and(|_| !["no", "etc"].contains(&last.to_lowercase().as_str()))
}

/// What an abbreviation stands for.
fn full_form(word: &str) -> Option<&'static str> {
    let lower = word.to_lowercase();
    let known = ABBREVIATIONS.iter().find(|(short, _)| *short == lower)?;
    Some(known.1)
}

/// The parts of a sentence. Characters that cannot be spoken are left out.
pub(super) fn tokens(sentence: &str) -> Vec<Token> {
    let mut tokens = Tokens::default();
    let mut rest = sentence;
    while let Some(first) = rest.chars().next() {
        let length = if first.is_ascii_digit() {
            tokens.figures(rest)
        } else if is_letter(first) {
            tokens.word(rest)
        } else {
            tokens.sign(first, rest)
        };
        rest = rest.get(length..).unwrap_or_default();
    }
    tokens.made
}

fn is_letter(letter: char) -> bool {
    letter.is_alphabetic()
}

#[derive(Default)]
struct Tokens {
    made: Vec<Token>,
    /// A sign of rupees was read.
    rupees: bool,
    /// A hyphen after a word was read.
    hyphen: bool,
    /// White space was read since the last token.
    space: bool,
}

impl Tokens {
    fn push(&mut self, token: Token) {
        self.made.push(token);
        (self.rupees, self.hyphen, self.space) = (false, false, false);
    }

    fn push_word(&mut self, text: &str, joined: bool) {
        self.push(Token::Word {
            text: text.to_owned(),
            joined,
        });
    }

    fn word(&mut self, rest: &str) -> usize {
        let is_inner = |letter: char| is_letter(letter) || letter == '\'' || letter == '’';
        let end = rest.find(|letter| !is_inner(letter)).unwrap_or(rest.len());
        let word = rest
            .get(..end)
            .unwrap_or_default()
            .trim_end_matches('’')
            .replace('’', "'");
        let after = rest.get(end..).unwrap_or_default();
        let dotted = after.starts_with('.');
        let before_digit = after
            .trim_start_matches(['.', ' '])
            .starts_with(|next: char| next.is_ascii_digit());
        let lower = word.to_lowercase();
        match full_form(&word) {
            Some(_) if lower == "rs" && before_digit => {
                self.rupees = true;
                return end + usize::from(dotted);
            }
            // "no" is a word and "st" an ending, unless they stand as abbreviations do
            Some(full) if dotted && (lower != "no" || before_digit) => {
                for part in full.split(' ') {
                    self.push_word(part, false);
                }
                let ends_it = after.trim_start_matches('.').trim().is_empty();
                return if ends_it { end } else { end + 1 };
            }
            Some(full)
                if ["mr", "mrs", "ms", "dr", "smt", "ltd", "pvt"].contains(&lower.as_str()) =>
            {
                self.push_word(full, false);
                return end;
            }
            _ => {}
        }
        let joined =
            self.hyphen && !self.space && matches!(self.made.last(), Some(Token::Word { .. }));
        self.push_word(&word, joined);
        // an initial's full stop
        let initial =
            dotted && word.chars().count() == 1 && !after.trim_start_matches('.').trim().is_empty();
        end + usize::from(initial)
    }

    fn figures(&mut self, rest: &str) -> usize {
        let bytes = rest.as_bytes();
        let digit_at = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
        let mut end = 0;
        while digit_at(end)
            || (matches!(bytes.get(end), Some(b',' | b'.' | b':')) && digit_at(end + 1))
        {
            end += 1;
        }
        let ordinal = ["st", "nd", "rd", "th"].into_iter().find(|ending| {
            let after = rest.get(end..).and_then(|after| after.strip_prefix(ending));
            after.is_some_and(|after| !after.starts_with(is_letter))
        });
        end += ordinal.map_or(0, str::len);
        let text = rest.get(..end).unwrap_or_default().to_owned();
        let rupees = self.rupees;
        self.push(Token::Figures { text, rupees });
        end
    }

    fn sign(&mut self, first: char, rest: &str) -> usize {
        let next_is_digit = rest
            .chars()
            .nth(1)
            .is_some_and(|next| next.is_ascii_digit());
        match first {
            _ if first.is_whitespace() => self.space = true,
            '₹' => self.rupees = true,
            '-' | '‐' | '‑' if !self.space => self.hyphen = true,
            '-' | '–' | '—' => self.pause('—'),
            ',' | ';' | ':' | '.' | '!' | '?' | '…' => self.pause(first),
            '(' | ')' | '[' | ']' | '|' => self.pause(','),
            '&' => self.push_word("and", false),
            '%' => self.push_word("percent", false),
            '@' => self.push_word("at", false),
            '#' if next_is_digit => self.push_word("number", false),
            '+' if next_is_digit => self.push_word("plus", false),
            _ => self.space = true,
        }
        first.len_utf8()
    }

    /// A pause; of several in a row the last one that ends something counts.
    fn pause(&mut self, sign: char) {
        match self.made.last_mut() {
            None => {}
            Some(Token::Pause(before)) => {
                if matches!(sign, '.' | '!' | '?') {
                    *before = sign;
                }
            }
            Some(_) => self.push(Token::Pause(sign)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_where_sentences_end_and_nowhere_else() {
        assert_eq!(
            sentences(
                "Am I speaking with Mr. R. K. Sharma? Your EMI of Rs. 12.50 is due. Pay now!\nThank you"
            ),
            [
                "Am I speaking with Mr. R. K. Sharma?",
                " Your EMI of Rs. 12.50 is due.",
                " Pay now!",
                "Thank you"
            ]
        );
        assert_eq!(sentences("You said no. Is that right?").len(), 2);
        assert_eq!(sentences("Visit example.com today, e.g. now.").len(), 1);
        assert!(sentences(" … ?! \n\n").is_empty());
    }

    #[test]
    fn a_sentence_without_end_is_cut_at_pauses_else_between_words_else_anywhere() {
        for (part, ends) in [("one, two ", ','), ("two ", 'o'), ("é", 'é')] {
            let text = part.repeat(600);
            let cut = sentences(&text);
            assert!(cut.len() > 2 && cut.iter().all(|cut| cut.len() <= SENTENCE_BYTES_MAX));
            assert_eq!(cut.concat().trim(), text.trim());
            assert!(cut[0].ends_with(ends), "{}", cut[0]);
        }
    }

    fn shown(sentence: &str) -> String {
        let parts = tokens(sentence).into_iter().map(|token| match token {
            Token::Word {
                text,
                joined: false,
            } => text,
            Token::Word { text, joined: true } => format!("-{text}"),
            Token::Figures {
                text,
                rupees: false,
            } => format!("<{text}>"),
            Token::Figures { text, rupees: true } => format!("<{text} rupees>"),
            Token::Pause(sign) => sign.to_string(),
        });
        parts.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_sentence_is_words_figures_and_pauses() {
        for (sentence, expected) in [
            ("Twenty-one, isn’t it?", "Twenty -one , isn't it ?"),
            (
                "Mr. Sharma (loan no. 42).",
                "mister Sharma , loan number <42> .",
            ),
            ("Dr Rao, B.Tech., etc.", "doctor Rao , B Tech . et cetera ."),
            (
                "Rs. 1,25,000 or ₹500 & 5% - on the 2nd",
                "<1,25,000 rupees> or <500 rupees> and <5> percent — on the <2nd>",
            ),
            ("24x7 at 10:30pm", "<24> x <7> at <10:30> pm"),
            ("no. I said no.", "no . I said no ."),
            ("\u{1f600} ?? hello …!", "hello !"),
            ("", ""),
        ] {
            assert_eq!(shown(sentence), expected, "{sentence}");
        }
    }
}
