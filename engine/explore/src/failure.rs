//! Why a flow failed, in the words of its author: the panic or the exception as the flow logged it, with its place in
//! the sources, in place of the trap and of the runtime's own frames.

use ghanti_host::RunEnd;

/// How many frames of a failure's stack are told.
const FRAMES: usize = 5;
/// How many lines of a panic or of an exception with its stack are told.
const LINES: usize = 6;
/// How many functions of a traceback are told.
const PLACES: usize = 3;
/// How a panic in Rust begins, as the library for flows logs it.
const PANICKED: &str = "panicked at ";
/// Endings of the files that flows are written in.
const SOURCES: [&str; 3] = [".rs", ".ts", ".py"];

/// Why a flow did not end by itself.
#[derive(Debug, Clone, Copy)]
pub struct Failure<'f> {
    /// How the run ended; `None` if it did not end within its time.
    pub end: Option<&'f RunEnd>,
    /// What an interpreter wrote as it gave up.
    pub traceback: &'f [String],
    /// The component's functions, innermost first.
    pub frames: &'f [String],
    /// The last error that the flow logged.
    pub logged: Option<&'f str>,
    /// The question that was asked last.
    pub asked: Option<&'f str>,
}

impl Failure<'_> {
    /// The failure in a sentence; `None` if the flow ended by itself.
    pub fn sentence(&self) -> Option<String> {
        let cause = self.cause();
        let (sentence, is_told) = match self.end {
            Some(RunEnd::Returned | RunEnd::CallEnded | RunEnd::Diverged(_)) => return None,
            None => ("the flow did not come to an end".to_owned(), false),
            Some(RunEnd::Failed(error)) => (format!("`run` returned an error: {error}"), false),
            Some(RunEnd::Trapped { reason, .. }) => match &cause {
                Some(cause) => (format!("the flow failed: {cause}"), true),
                None => (format!("the flow trapped: {reason}"), false),
            },
            Some(RunEnd::LimitExceeded { what }) => (what.to_string(), false),
        };
        let place = self.asked.map_or_else(String::new, |asked| {
            format!(", after the question `{asked}`")
        });
        if is_told {
            return Some(format!("{sentence}{place}"));
        }
        let stack = match self.stack() {
            stack if stack.is_empty() || cause.is_some() => String::new(),
            stack => format!("; in {}", stack.join(" < ")),
        };
        let logged = match cause.or_else(|| self.logged.map(in_one_line)) {
            Some(logged) => format!("; it logged: {logged}"),
            None => String::new(),
        };
        Some(format!("{sentence}{place}{stack}{logged}"))
    }

    /// The file of the sources, its line and, if known, its column, where the flow panicked or threw.
    pub fn place(&self) -> Option<(String, usize, Option<usize>)> {
        let cause = self.cause()?;
        // Python's stack has the innermost frame last
        let mut places = cause
            .split([' ', '(', ')', ';', ','])
            .filter_map(source_place);
        let first = places.next()?;
        if first.0.ends_with(".py") {
            Some(places.next_back().unwrap_or(first))
        } else {
            Some(first)
        }
    }

    /// The panic or exception, if the flow logged it as it failed. Others of its errors are no reason of the trap.
    fn cause(&self) -> Option<String> {
        let logged = self
            .logged
            .filter(|logged| logged.starts_with(PANICKED) || !self.traceback.is_empty());
        logged.map(in_one_line).or_else(|| self.exception())
    }

    /// The exception of Python with which a traceback ends: of an endless recursion it is so long that the log, which has
    /// the last lines, is full of it.
    fn exception(&self) -> Option<String> {
        let is_exception = |line: &&String| {
            let kind = line.split_once(':').map_or(line.as_str(), |(kind, _)| kind);
            let is_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.');
            let ends = ["Error", "Exception", "Exit", "Interrupt"];
            ends.iter().any(|end| kind.ends_with(end)) && kind.bytes().all(is_name)
        };
        // behind it the runtime may tell of its own
        let exception = self.traceback.iter().rfind(is_exception)?;
        // File "/0/flow.py", line 8, in run
        let place = |line: &String| {
            let (file, rest) = line
                .trim()
                .strip_prefix("File \"/0/")?
                .split_once("\", line ")?;
            let (line, function) = rest.split_once(", in ")?;
            Some(format!("{file}:{line} in {function}"))
        };
        let mut places: Vec<_> = self
            .traceback
            .iter()
            .rev()
            .filter_map(place)
            .take(PLACES)
            .collect();
        places.push(exception.clone());
        places.reverse();
        Some(places.join("; "))
    }

    /// The functions that tell an author something: neither those without a name nor an interpreter's own.
    fn stack(&self) -> Vec<&str> {
        let is_interpreter = self
            .frames
            .iter()
            .any(|frame| frame.starts_with("_Py") || frame.starts_with("Py"));
        let frames = self.frames.iter().filter(|frame| {
            !is_interpreter
                && frame
                    .strip_prefix("function ")
                    .is_none_or(|number| number.bytes().any(|byte| !byte.is_ascii_digit()))
        });
        let all = self.traceback.iter().chain(frames);
        all.take(FRAMES).map(|frame| frame.trim()).collect()
    }
}

/// A panic, or an exception with its stack, in one line.
fn in_one_line(logged: &str) -> String {
    let lines = logged.lines().map(str::trim);
    let lines: Vec<_> = lines.filter(|line| !line.is_empty()).collect();
    let (first, rest) = lines
        .split_first()
        .map_or(("", &[][..]), |(first, rest)| (*first, rest));
    // Python's stack has the innermost frame last
    let rest = rest
        .len()
        .checked_sub(LINES)
        .filter(|_| rest.iter().any(|line| line.contains(".py:")))
        .and_then(|cut| rest.get(cut..))
        .unwrap_or(rest);
    let first = first.trim_end_matches(if first.starts_with(PANICKED) { "" } else { ":" });
    let mut told = first.to_owned();
    for (at, line) in rest.iter().take(LINES).enumerate() {
        told.push_str(if at == 0 && told.ends_with(':') {
            " "
        } else {
            "; "
        });
        told.push_str(line);
    }
    told
}

/// A place such as `src/lib.rs:14:5`.
fn source_place(word: &str) -> Option<(String, usize, Option<usize>)> {
    let mut parts = word.trim_end_matches(':').split(':');
    let file = parts.next()?;
    let line = parts.next()?.parse().ok()?;
    let column = parts.next().and_then(|column| column.parse().ok());
    SOURCES
        .iter()
        .any(|ending| file.ends_with(ending))
        .then(|| (file.to_owned(), line, column))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trapped() -> RunEnd {
        RunEnd::Trapped {
            reason: "wasm trap: unreachable".to_owned(),
            stack: Vec::new(),
        }
    }

    fn told(
        logged: &str,
        traceback: &[&str],
        frames: &[&str],
    ) -> (String, Option<(String, usize, Option<usize>)>) {
        let owned = |lines: &[&str]| {
            lines
                .iter()
                .map(|line| (*line).to_owned())
                .collect::<Vec<_>>()
        };
        let (end, traceback, frames) = (trapped(), owned(traceback), owned(frames));
        let failure = Failure {
            end: Some(&end),
            traceback: &traceback,
            frames: &frames,
            logged: Some(logged).filter(|logged| !logged.is_empty()),
            asked: None,
        };
        (failure.sentence().unwrap(), failure.place())
    }

    #[test]
    fn a_panic_or_an_exception_is_told_in_place_of_the_trap() {
        for (logged, traceback, sentence, place) in [
            (
                "panicked at src/lib.rs:14:5:\nassertion failed\n  left: 1\n right: 2",
                &[][..],
                "the flow failed: panicked at src/lib.rs:14:5: assertion failed; left: 1; right: 2",
                ("src/lib.rs", 14, Some(5)),
            ),
            (
                "TypeError: cannot read property 'foo' of undefined\n    at f (src/a.ts:3)\n    at run (src/flow.ts:7)",
                &["thread panicked at crates/runtime/src/call.rs:283:18:"],
                "the flow failed: TypeError: cannot read property 'foo' of undefined; at f (src/a.ts:3); at run (src/flow.ts:7)",
                ("src/a.ts", 3, None),
            ),
            (
                "ValueError: no\n  flow.py:8 in run\n  words.py:3 in spell",
                &["Traceback (most recent call last):"],
                "the flow failed: ValueError: no; flow.py:8 in run; words.py:3 in spell",
                ("words.py", 3, None),
            ),
        ] {
            let (file, line, column) = place;
            assert_eq!(
                told(logged, traceback, &["function 1", "function 2"]),
                (sentence.to_owned(), Some((file.to_owned(), line, column)))
            );
        }
    }

    #[test]
    fn an_error_that_was_logged_before_a_trap_is_no_reason_of_it() {
        assert_eq!(
            told("no record", &[], &["acts::fail", "function 12"]),
            (
                "the flow trapped: wasm trap: unreachable; in acts::fail; it logged: no record"
                    .to_owned(),
                None
            )
        );
    }

    #[test]
    fn an_exception_that_is_not_in_the_log_is_in_the_traceback() {
        let traceback = [
            "  File \"/0/entry.py\", line 14, in run",
            "  File \"/0/flow.py\", line 9, in <lambda>",
            "  File \"/0/flow.py\", line 8, in <lambda>",
            "  [Previous line repeated 9 more times]",
            "RecursionError: maximum recursion depth exceeded",
            "note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace",
        ];
        let (sentence, place) = told("", &traceback, &["exit"]);
        assert_eq!(
            sentence,
            "the flow failed: RecursionError: maximum recursion depth exceeded; entry.py:14 in run; flow.py:9 in <lambda>; flow.py:8 in <lambda>"
        );
        assert_eq!(place, Some(("flow.py".to_owned(), 8, None)));
    }

    #[test]
    fn frames_of_a_runtime_are_left_out() {
        for frames in [
            &["function 645", "function 12"][..],
            &["_PyEval_EvalFrameDefault", "method_vectorcall"],
        ] {
            assert_eq!(
                told("", &[], frames).0,
                "the flow trapped: wasm trap: unreachable"
            );
        }
    }
}
