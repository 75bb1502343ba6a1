//! What an author types during a conversation.

use ghanti_model::Language;

/// The help about the commands.
pub const HELP: &str = "\
words                what the caller says, as a recogniser would write it
/key 1               the caller presses keys, such as 1 or 4711#
/silence             the caller says nothing
/unclear             the caller says something that nobody understands
/interrupt WORDS     the caller says this while the bot is still speaking
/hangup              the caller hangs up
/back                to the question before, to answer otherwise
/again               from the beginning
/language [hi-IN]    the call's language; another one begins the call in it
/log                 show what the flow logs, or hide it
/quit                leave";

/// An action of the caller at a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Turn {
    /// They say this.
    Says(String),
    /// They press these keys.
    Presses(String),
    /// They say nothing.
    Silent,
    /// They say something that cannot be understood.
    Unclear,
    /// They say this while the question is being asked.
    Interrupts(String),
    /// They hang up.
    HangsUp,
}

impl std::fmt::Display for Turn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Says(words) => write!(f, "\"{words}\""),
            Self::Presses(keys) => write!(f, "presses {keys}"),
            Self::Silent => f.write_str("says nothing"),
            Self::Unclear => f.write_str("says something that is not understood"),
            Self::Interrupts(words) => write!(f, "interrupts: \"{words}\""),
            Self::HangsUp => f.write_str("hangs up"),
        }
    }
}

/// A line that was typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Typed {
    Turn(Turn),
    Back,
    Again,
    /// Another language, or none to show the present one.
    Language(Option<Language>),
    Log,
    Help,
    Quit,
    Nothing,
}

impl Typed {
    /// Reads a line.
    ///
    /// # Errors
    /// An unknown command, or a command without its argument.
    pub fn read(line: &str) -> Result<Self, String> {
        let line = line.trim();
        let Some(command) = line.strip_prefix('/') else {
            return Ok(if line.is_empty() {
                Self::Nothing
            } else {
                Self::Turn(Turn::Says(line.to_owned()))
            });
        };
        let (command, rest) = command
            .split_once(char::is_whitespace)
            .map_or((command, ""), |(command, rest)| (command, rest.trim()));
        let typed = match (command, rest) {
            ("key" | "keys", "") => return Err("give the keys: `/key 1`".to_owned()),
            ("key" | "keys", keys) => {
                let is_key = |key: char| key.is_ascii_digit() || key == '*' || key == '#';
                let keys: String = keys.chars().filter(|key| !key.is_whitespace()).collect();
                if !keys.chars().all(is_key) {
                    return Err("keys are 0 to 9, * and #".to_owned());
                }
                Self::Turn(Turn::Presses(keys))
            }
            ("interrupt", "") => {
                return Err("give what they say: `/interrupt yes`".to_owned());
            }
            ("interrupt", words) => Self::Turn(Turn::Interrupts(words.to_owned())),
            ("language", "") => Self::Language(None),
            ("language", tag) => Self::Language(Some(
                Language::parse(tag).map_err(|error| error.to_string())?,
            )),
            ("silence", "") => Self::Turn(Turn::Silent),
            ("unclear", "") => Self::Turn(Turn::Unclear),
            ("hangup" | "hang-up", "") => Self::Turn(Turn::HangsUp),
            ("back", "") => Self::Back,
            ("again", "") => Self::Again,
            ("log", "") => Self::Log,
            ("help", _) => Self::Help,
            ("quit" | "exit", "") => Self::Quit,
            _ => {
                return Err(format!(
                    "`/{command}` does not exist or has wrong arguments: see `/help`"
                ));
            }
        };
        Ok(typed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_speech_unless_they_begin_with_a_slash() {
        let turn = |turn| Ok(Typed::Turn(turn));
        for (line, typed) in [
            ("yes, speaking ", turn(Turn::Says("yes, speaking".into()))),
            ("  ", Ok(Typed::Nothing)),
            ("/key 1", turn(Turn::Presses("1".into()))),
            ("/keys 47 11#", turn(Turn::Presses("4711#".into()))),
            ("/silence", turn(Turn::Silent)),
            (
                "/interrupt an agent",
                turn(Turn::Interrupts("an agent".into())),
            ),
            ("/hangup", turn(Turn::HangsUp)),
            ("/back", Ok(Typed::Back)),
            ("/language", Ok(Typed::Language(None))),
            (
                "/language hi",
                Ok(Typed::Language(Some(Language::parse("hi-IN").unwrap()))),
            ),
            ("/log", Ok(Typed::Log)),
        ] {
            assert_eq!(Typed::read(line), typed, "{line}");
        }
        for (line, words) in [
            ("/key", "give the keys"),
            ("/key a", "0 to 9"),
            ("/interrupt", "what they say"),
            ("/language x", "not a language tag"),
            ("/bakc", "/help"),
            ("/back 2", "/help"),
        ] {
            let reported = Typed::read(line).unwrap_err();
            assert!(reported.contains(words), "{line}: {reported}");
        }
    }
}
