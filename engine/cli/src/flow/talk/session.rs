//! An author's conversation with a flow: it is run, run again with the actions so far, and compared
//! with the previous run.

use std::collections::VecDeque;
use std::sync::{Arc, PoisonError};

use ghanti_host::{FlowVersion, Rejection, RunEnd, Scripted, ScriptedCaller};
use ghanti_manifest::Limits;
use ghanti_model::{
    CallError, CallFacts, CallId, Decision, Direction, Language, PhoneNumber, unix_ms,
};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use super::caller::{ActionAnswer, Caller, Event, Expected};
use super::input::{HELP, Turn, Typed};
use super::known::{Known, error_named};
use super::lines::{Kind, Line, called, differences, ended, expected, in_india, shown, words};
use super::talked::Talked;
use super::terminal::Terminal;

/// Maximum number of queued events: more than a journal has entries.
const EVENTS: usize = 16_384;
/// Maximum number of differences that are shown.
const DIFFERENCES: usize = 40;

/// An action of the caller, or the answer of a flow's action, at a point of the conversation.
enum Given {
    Turn { asked: String, turn: Turn },
    Action { name: String, answer: ActionAnswer },
}

/// Why a conversation is run again.
enum Again {
    /// It begins.
    Anew,
    /// The caller goes back.
    Back,
    /// The flow or its data has changed; with the previous lines.
    Changed(Vec<Line>),
}

/// The result of waiting for input.
enum Awaited {
    Turn(Turn),
    Action(ActionAnswer),
    Again(Again),
    Quit,
}

/// What input is needed for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Purpose {
    Turn,
    Action,
    Nothing,
}

/// The state of an author's session: the flow, its data, and the actions so far.
pub struct Session {
    talked: Talked,
    /// The version of this conversation.
    version: Arc<FlowVersion>,
    known: Known,
    /// The call's language, where it is not the flow's first.
    pub language: Option<Language>,
    /// Whether the customer calls.
    pub inbound: bool,
    /// When the call begins, in milliseconds since 1970.
    pub begins_ms: u64,
    /// The next utterances of the caller's recorded voice.
    pub voice: VecDeque<String>,
    /// The actions so far.
    given: Vec<Given>,
    shows_log: bool,
    /// Whether the flow failed in the last conversation.
    pub has_failed: bool,
    /// The terminal for input and output.
    pub terminal: Terminal,
}

/// One run of the conversation.
struct Run {
    event: mpsc::Receiver<Event>,
    end: JoinHandle<RunEnd>,
    scripted: Arc<std::sync::Mutex<Scripted>>,
    began_ms: u64,
    /// All lines so far.
    lines: Vec<Line>,
    /// How many of the actions have been used.
    used: usize,
    /// Whether lines are hidden, because they repeat lines of the previous run.
    is_quiet: bool,
}

impl Drop for Run {
    fn drop(&mut self) {
        self.end.abort();
    }
}

impl Session {
    /// A session without actions.
    pub fn new(
        talked: Talked,
        version: Arc<FlowVersion>,
        known: Known,
        terminal: Terminal,
    ) -> Self {
        Self {
            talked,
            version,
            known,
            language: None,
            inbound: false,
            begins_ms: unix_ms(),
            voice: VecDeque::new(),
            given: Vec::new(),
            shows_log: false,
            has_failed: false,
            terminal,
        }
    }

    /// Runs conversations until the author quits.
    pub async fn run(&mut self) {
        let described = &self.version.description.described;
        let began = in_india(self.begins_ms);
        let opening = format!(
            "{} {} with {} in {}, on {}; /help lists what you can type",
            self.talked.name(),
            described.version,
            self.known.source,
            self.language(),
            began.date()
        );
        self.terminal.say(&opening);
        let (mut again, mut told) = (Some(Again::Anew), Vec::new());
        while let Some(next) = again {
            let schema = &self.version.manifest().customer;
            for new in self.known.new_problems(schema, began.date(), &mut told) {
                self.terminal.say(&new);
            }
            again = self.converse(next).await;
        }
    }

    /// The language in which the call begins.
    pub fn language(&self) -> Language {
        let first = || self.version.languages.first().cloned();
        self.language
            .clone()
            .or_else(first)
            .unwrap_or_else(Language::english)
    }

    fn begin(&self, again: &Again) -> Run {
        let call_id =
            CallId::parse("00000000-0000-7000-8000-000000000001").unwrap_or_else(CallId::generate);
        let language = self.language();
        let facts = CallFacts {
            call_id,
            call_sid: None,
            direction: if self.inbound {
                Direction::Inbound
            } else {
                Direction::Outbound
            },
            customer_number: PhoneNumber::parse("+919876543210").ok(),
            line_number: PhoneNumber::parse("+918040001234").ok(),
            language: language.clone(),
            parameters: Vec::new(),
        };
        let fields = self.known.customer.iter();
        let fields = fields.map(|(name, value)| (name.as_str(), value.as_str()));
        let mut scripted = ScriptedCaller::new(fields)
            .with_languages(&self.version.languages)
            .with_facts(facts)
            .with_beginning(self.begins_ms);
        for (key, value) in &self.known.lookup {
            scripted = scripted.with_value(key, value);
        }
        let handle = scripted.scripted();
        let (sender, event) = mpsc::channel(EVENTS);
        let journal = self.version.journal(call_id);
        let observed = sender.clone();
        journal.observe(move |_, entry| {
            // one that does not fit into the queue is not shown
            let _ = observed.try_send(Event::Called(Box::new(entry.clone())));
        });
        // minutes of a call pass within milliseconds
        let limits = Limits {
            host_calls_per_second: u32::MAX,
            ..self.version.manifest().limits.clone()
        };
        let mut caller = Caller::new(scripted, language, sender);
        let began_ms = ghanti_host::Conversation::now(&mut caller).unix_ms;
        let version = Arc::clone(&self.version);
        let end =
            tokio::spawn(
                async move { version.run_within(Box::new(caller), journal, &limits).await },
            );
        Run {
            event,
            end,
            scripted: handle,
            began_ms,
            lines: Vec::new(),
            used: 0,
            is_quiet: !matches!(again, Again::Anew),
        }
    }

    /// Runs the conversation from its beginning. Returns why it is run again, or nothing if the
    /// author leaves.
    async fn converse(&mut self, again: Again) -> Option<Again> {
        let mut run = self.begin(&again);
        let mut actions = self.known.actions.clone();
        loop {
            let event = tokio::select! {
                biased;
                Some(event) = run.event.recv() => event,
                end = &mut run.end => {
                    let end = end.ok()?;
                    // events before the end have been handled, except those that came with it
                    while let Ok(event) = run.event.try_recv() {
                        self.show_event(&mut run, event);
                    }
                    return self.ended(run, &again, &end).await;
                }
            };
            match event {
                Event::Asks {
                    at_ms,
                    expected: asked,
                    turn,
                } => {
                    self.add(&mut run, at_ms, Kind::Asks, &expected(&asked));
                    match self.turn(&mut run, &again, at_ms, &asked, turn).await {
                        Ok(()) => {}
                        Err(next) => return next,
                    }
                }
                Event::Invokes {
                    at_ms,
                    name,
                    input,
                    answer,
                } => {
                    let invoked = format!("invokes {name} with {}", shown(&input));
                    self.add(&mut run, at_ms, Kind::Event, &invoked);
                    let of_tests = actions
                        .get_mut(&name)
                        .and_then(std::collections::VecDeque::pop_front);
                    let answered = match of_tests {
                        Some(answer) => Ok(answer),
                        None => self.action(&mut run, &again, &name).await,
                    };
                    match answered {
                        Ok(given) => {
                            let reported = match &given {
                                Ok(value) => format!("{name} answers {}", shown(value)),
                                Err(error) => format!("{name} fails: {error}"),
                            };
                            self.add(&mut run, at_ms, Kind::Event, &reported);
                            let _ = answer.send(given);
                        }
                        Err(next) => return next,
                    }
                }
                other => self.show_event(&mut run, other),
            }
        }
    }

    /// Shows an event that needs no input.
    fn show_event(&mut self, run: &mut Run, event: Event) {
        match event {
            Event::Said {
                at_ms,
                prompt,
                language,
            } => {
                let words = words(&self.version, &prompt, &language, in_india(at_ms));
                let words = if language == self.language() {
                    words
                } else {
                    format!("[{language}] {words}")
                };
                self.add(run, at_ms, Kind::Bot, &words);
            }
            Event::NotUnderstood { at_ms } => self.add(
                run,
                at_ms,
                Kind::Event,
                "that is not an answer to this question",
            ),
            Event::NotInterrupted { at_ms } => self.add(
                run,
                at_ms,
                Kind::Event,
                "the prompt may not be interrupted: it was played to its end",
            ),
            Event::Called(entry) => {
                if let Some((kind, text)) = called(&entry) {
                    let at_ms = run.began_ms + entry.at_ms + entry.took_ms;
                    self.add(run, at_ms, kind, &text);
                }
            }
            Event::Asks { .. } | Event::Invokes { .. } => {}
        }
    }

    fn add(&mut self, run: &mut Run, at_ms: u64, kind: Kind, text: &str) {
        let line = Line::new(at_ms.saturating_sub(run.began_ms), kind, text);
        if !run.is_quiet && (kind != Kind::Log || self.shows_log) {
            self.terminal.show(&line);
        }
        run.lines.push(line);
    }

    /// The caller's action at a question: the earlier one, or else what is typed now.
    async fn turn(
        &mut self,
        run: &mut Run,
        again: &Again,
        at_ms: u64,
        asked: &Expected,
        sender: oneshot::Sender<Turn>,
    ) -> Result<(), Option<Again>> {
        let before = match self.given.get(run.used) {
            Some(Given::Turn { asked: then, turn }) if then == asked.name() => Some(turn.clone()),
            Some(_) => {
                self.drop_rest(run, asked.name());
                None
            }
            None => None,
        };
        let turn = match before {
            Some(turn) => turn,
            None => {
                self.catch_up(run, again);
                // a recording has no keys
                let said = match asked {
                    Expected::To(_) => self.voice.pop_front(),
                    Expected::ToKeys(_) => None,
                };
                let awaited = match said {
                    Some(words) => {
                        self.terminal.say(&format!("heard: {words}"));
                        Awaited::Turn(Turn::Says(words))
                    }
                    None => self.awaited(run, Purpose::Turn).await,
                };
                let turn = match awaited {
                    Awaited::Turn(turn) => turn,
                    Awaited::Again(next) => return Err(Some(next)),
                    Awaited::Quit | Awaited::Action(_) => return Err(None),
                };
                self.given.push(Given::Turn {
                    asked: asked.name().to_owned(),
                    turn: turn.clone(),
                });
                turn
            }
        };
        run.used += 1;
        self.add(run, at_ms, Kind::Caller, &turn.to_string());
        let _ = sender.send(turn);
        Ok(())
    }

    /// The typed answer of an action for which no test has an answer.
    async fn action(
        &mut self,
        run: &mut Run,
        again: &Again,
        name: &str,
    ) -> Result<ActionAnswer, Option<Again>> {
        match self.given.get(run.used) {
            Some(Given::Action { name: then, answer }) if then == name => {
                run.used += 1;
                return Ok(answer.clone());
            }
            Some(_) => self.drop_rest(run, name),
            None => {}
        }
        self.catch_up(run, again);
        self.terminal.say(&format!(
            "no test of the flow has an answer of {name}: type its answer as JSON, or /fail unavailable, invalid, limit or refused"
        ));
        let answer = match self.awaited(run, Purpose::Action).await {
            Awaited::Action(answer) => answer,
            Awaited::Again(next) => return Err(Some(next)),
            Awaited::Quit | Awaited::Turn(_) => return Err(None),
        };
        self.given.push(Given::Action {
            name: name.to_owned(),
            answer: answer.clone(),
        });
        run.used += 1;
        Ok(answer)
    }

    /// Drops the actions at questions that are not asked any more.
    fn drop_rest(&mut self, run: &Run, now: &str) {
        self.given.truncate(run.used);
        self.terminal.say(&format!(
            "the conversation now reaches {now} here: the earlier answers from here on are dropped"
        ));
    }

    /// A run has reached a new point: shows what led there.
    fn catch_up(&mut self, run: &mut Run, again: &Again) {
        if !std::mem::take(&mut run.is_quiet) {
            return;
        }
        if let Again::Changed(before) = again {
            let reported = differences(before, &run.lines);
            if reported.is_empty() {
                self.terminal
                    .say("nothing that was said so far has changed");
            }
            for line in reported.iter().take(DIFFERENCES) {
                self.terminal.say(line);
            }
        }
        let since = run.lines.iter().rposition(|line| line.kind == Kind::Caller);
        let lines: Vec<_> = run
            .lines
            .iter()
            .skip(since.map_or(0, |at| at + 1))
            .filter(|line| line.kind != Kind::Log || self.shows_log)
            .cloned()
            .collect();
        lines.iter().for_each(|line| self.terminal.show(line));
    }

    /// Shows the end of a conversation, and waits for the author's next command.
    async fn ended(&mut self, mut run: Run, again: &Again, end: &RunEnd) -> Option<Again> {
        let (outcome, transfer) = {
            let scripted = run.scripted.lock().unwrap_or_else(PoisonError::into_inner);
            let transfer = match &scripted.decision {
                Some(Decision::Transfer { target, .. }) => Some(target.clone()),
                Some(Decision::HangUp) | None => None,
            };
            (scripted.outcome.clone(), transfer)
        };
        let (text, has_failed) = ended(end, &run.lines, outcome.as_deref(), transfer.as_deref());
        self.has_failed = has_failed;
        let last_ms = run.lines.last().map_or(0, |line| line.at_ms);
        let at_ms = run.began_ms + last_ms;
        self.given.truncate(run.used);
        self.add(&mut run, at_ms, Kind::End, &text);
        self.catch_up(&mut run, again);
        match self.awaited(&run, Purpose::Nothing).await {
            Awaited::Again(next) => Some(next),
            Awaited::Turn(_) | Awaited::Action(_) | Awaited::Quit => None,
        }
    }

    /// Waits for a line of input, or for an edit of the flow.
    async fn awaited(&mut self, run: &Run, what: Purpose) -> Awaited {
        loop {
            let line = tokio::select! {
                line = self.terminal.typed() => line,
                edited = self.talked.edited() => {
                    if self.is_switched(edited) {
                        return Awaited::Again(Again::Changed(run.lines.clone()));
                    }
                    continue;
                }
            };
            let Some(line) = line else {
                return match what {
                    Purpose::Turn => Awaited::Turn(Turn::HangsUp),
                    Purpose::Action => Awaited::Action(Err(no_answer())),
                    Purpose::Nothing => Awaited::Quit,
                };
            };
            if what == Purpose::Action
                && let Some(answer) = self.action_typed(&line)
            {
                return Awaited::Action(answer);
            }
            match Typed::read(&line) {
                Ok(Typed::Turn(turn)) if what == Purpose::Turn => return Awaited::Turn(turn),
                Ok(Typed::Turn(_)) if what == Purpose::Nothing => {
                    self.terminal
                        .say("the call has ended: /back, /again or /quit");
                }
                Ok(Typed::Turn(_)) => self
                    .terminal
                    .say("that is not JSON: write a text in quotes, such as \"booked\""),
                Ok(Typed::Quit) => {
                    self.terminal.has_quit = true;
                    return Awaited::Quit;
                }
                Ok(Typed::Back) if self.step_back() => return Awaited::Again(Again::Back),
                Ok(Typed::Back) => self.terminal.say("this is the first question"),
                Ok(Typed::Again) => {
                    self.given.clear();
                    return Awaited::Again(Again::Anew);
                }
                Ok(Typed::Language(Some(language))) => {
                    if self.version.languages.contains(&language) {
                        self.language = Some(language);
                        return Awaited::Again(Again::Changed(run.lines.clone()));
                    }
                    self.print_languages();
                }
                Ok(Typed::Language(None)) => self.print_languages(),
                Ok(Typed::Log) => self.log(run),
                Ok(Typed::Help) => self.terminal.say(HELP),
                Ok(Typed::Nothing) => {}
                Err(sentence) => self.terminal.say(&sentence),
            }
        }
    }

    /// Goes back to the question before, if there is one.
    fn step_back(&mut self) -> bool {
        while let Some(given) = self.given.pop() {
            if matches!(given, Given::Turn { .. }) {
                return true;
            }
        }
        false
    }

    fn action_typed(&mut self, line: &str) -> Option<ActionAnswer> {
        let line = line.trim();
        match line.strip_prefix("/fail") {
            Some(name) => error_named(name.trim()).map(Err),
            None => serde_json::from_str(line).ok().map(Ok),
        }
    }

    fn print_languages(&mut self) {
        let all: Vec<_> = self
            .version
            .languages
            .iter()
            .map(Language::as_str)
            .collect();
        let reported = format!(
            "the call began in {}; the flow has {}",
            self.language(),
            all.join(", ")
        );
        self.terminal.say(&reported);
    }

    fn log(&mut self, run: &Run) {
        self.shows_log = !self.shows_log;
        if !self.shows_log {
            self.terminal.say("log lines are no longer shown");
            return;
        }
        let logged: Vec<_> = run
            .lines
            .iter()
            .filter(|line| line.kind == Kind::Log)
            .cloned()
            .collect();
        if logged.is_empty() {
            self.terminal.say("the flow has logged nothing so far");
        }
        logged.iter().for_each(|line| self.terminal.show(line));
    }

    /// Switches to the edited flow. If it cannot be loaded, shows why and keeps the previous one.
    fn is_switched(&mut self, edited: Result<(), Box<Rejection>>) -> bool {
        match edited {
            Ok(()) => {
                if let Some(version) = self.talked.version() {
                    self.version = Arc::clone(version);
                }
                self.terminal.say("the flow was edited:");
                true
            }
            Err(rejection) => {
                let Rejection {
                    step, reason, hint, ..
                } = *rejection;
                let reported = format!(
                    "the edited flow is rejected (step {step}), and the previous one stays\n  {}\n  hint: {hint}",
                    reason.replace('\n', "\n  ")
                );
                self.terminal.say(&reported);
                false
            }
        }
    }
}

fn no_answer() -> CallError {
    CallError::Unavailable("no answer was typed".to_owned())
}
