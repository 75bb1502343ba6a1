//! Holds conversations, and branches where they wait.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Instant;

use ghanti_host::{Event, FlowVersion, RunEnd, Turn, Wait};
use ghanti_model::{CallError, Content, Extent, Language, Prompt};

use super::steps::{goes_on_from, shape};
use super::{Bounds, Examples, Exploration, Level, Path, Severity, Situation, options};
use crate::properties::{Broken, Course, broken};
use crate::run::{FinishedConversation, converse};
use crate::transcript::words;

/// How long one letter takes to speak, in milliseconds: some 13 letters a second, as measured of
/// espeak-ng at its usual rate in English and Hindi.
const LETTER_MS: u64 = 75;
/// The most waits without an answer between them at which the caller hangs up.
const WAITS_MAX: usize = 16;
/// How long an audio file is taken to last, in milliseconds.
const AUDIO_MS: u64 = 5_000;

/// A conversation that is still to be run.
pub(super) struct Node {
    pub(super) situation: usize,
    turns: Vec<Turn>,
    disturbances: usize,
    /// The wait for what is queued at which the caller hangs up.
    hangs_up_at: Option<usize>,
    /// Whether it repeats one answer and does not branch.
    is_straight: bool,
    /// What happened until the last answer, in the conversation that it continues.
    before: Arc<Vec<Event>>,
}

pub(super) struct Explorer<'v> {
    pub(super) version: &'v Arc<FlowVersion>,
    pub(super) bounds: Bounds,
    examples: Examples,
    pub(super) found: Exploration,
    /// What is still to be run, by disturbances; the last is next.
    queues: Vec<Vec<Node>>,
    pub(super) said: BTreeSet<String>,
    /// The shapes of the undisturbed paths of each situation.
    shapes: BTreeMap<usize, BTreeSet<u64>>,
    /// Questions that were asked more often than they branch.
    pub(super) straight: BTreeSet<String>,
    /// How long templates and texts take.
    spoken_ms: BTreeMap<String, u64>,
    unspeakable: BTreeSet<String>,
}

impl<'v> Explorer<'v> {
    pub(super) fn new(
        version: &'v Arc<FlowVersion>,
        bounds: Bounds,
        situations: Vec<Situation>,
        examples: Examples,
    ) -> Self {
        Self {
            version,
            bounds,
            examples,
            found: Exploration {
                situations,
                ..Exploration::default()
            },
            queues: Vec::new(),
            said: BTreeSet::new(),
            shapes: BTreeMap::new(),
            straight: BTreeSet::new(),
            spoken_ms: BTreeMap::new(),
            unspeakable: BTreeSet::new(),
        }
    }

    /// Explores, within the bounds.
    pub(super) async fn all(&mut self, began: Instant) {
        self.queues = (0..=self.bounds.disturbances).map(|_| Vec::new()).collect();
        let first = (0..self.found.situations.len())
            .rev()
            .map(|situation| Node {
                situation,
                turns: Vec::new(),
                disturbances: 0,
                hangs_up_at: None,
                is_straight: false,
                before: Arc::default(),
            });
        if let Some(queue) = self.queues.first_mut() {
            queue.extend(first);
        }
        for disturbances in 0..=self.bounds.disturbances {
            self.found.levels.push(Level {
                disturbances,
                paths: 0,
                left: 0,
            });
            while let Some(batch) = self.next(disturbances, began) {
                let conversation = batch.into_iter().map(|node| {
                    let situation = self.found.situations.get(node.situation);
                    let known = situation.map(|situation| situation.known.clone());
                    let (version, repeats) = (Arc::clone(self.version), self.bounds.repeats);
                    tokio::spawn(async move {
                        let known = known.unwrap_or_default();
                        let mut caller = known.caller().with_turns(node.turns.clone());
                        if let Some(wait) = node.hangs_up_at {
                            caller = caller.hang_up_at_wait(wait);
                        }
                        let conversation = converse(&version, caller, &known.settings).await;
                        // a path is run twice, and each of its beginnings again by those that
                        // continue it
                        let is_path = conversation.scripted.open.is_none()
                            && node.disturbances == 0
                            && node.hangs_up_at.is_none();
                        let again = if repeats && is_path {
                            let caller = known.caller().with_turns(node.turns.clone());
                            Some(converse(&version, caller, &known.settings).await)
                        } else {
                            None
                        };
                        (node, conversation, again)
                    })
                });
                let conversation: Vec<_> = conversation.collect();
                for conversation in conversation {
                    if let Ok((node, conversation, again)) = conversation.await {
                        self.look_at(node, conversation, again);
                    }
                }
            }
            let left = self.queues.get(disturbances).map_or(0, Vec::len);
            if let Some(level) = self.found.levels.last_mut() {
                level.left = left;
            }
            if left > 0 {
                let reason = if self.found.runs >= self.bounds.runs {
                    format!("{} conversations", self.bounds.runs)
                } else {
                    format!("{} s", self.bounds.within.as_secs())
                };
                self.found.limits.push(format!(
                    "after {reason} the exploration was cut short: of the paths with {disturbances} disturbances at least {left} are not explored, and none with more"
                ));
                break;
            }
            if disturbances == 0 {
                self.skip_alike();
            }
        }
    }

    /// The next conversations to hold at once, within the bounds.
    fn next(&mut self, disturbances: usize, began: Instant) -> Option<Vec<Node>> {
        let room = self.bounds.runs.saturating_sub(self.found.runs);
        if room == 0 || began.elapsed() > self.bounds.within {
            return None;
        }
        let queue = self.queues.get_mut(disturbances)?;
        let count = queue.len().min(self.bounds.at_once.max(1)).min(room);
        let mut batch = queue.split_off(queue.len() - count);
        batch.reverse();
        (!batch.is_empty()).then_some(batch)
    }

    /// Drops the disturbed paths of situations whose conversations are those of an earlier one.
    fn skip_alike(&mut self) {
        let mut seen = BTreeSet::new();
        let mut alike = BTreeSet::new();
        for (at, situation) in self.found.situations.iter().enumerate() {
            let shapes = self.shapes.get(&at).cloned().unwrap_or_default();
            if !seen.insert(shapes) || !situation.is_disturbed {
                alike.insert(at);
            }
        }
        for queue in self.queues.iter_mut().skip(1) {
            queue.retain(|node| !alike.contains(&node.situation));
        }
    }

    fn look_at(
        &mut self,
        node: Node,
        conversation: FinishedConversation,
        again: Option<FinishedConversation>,
    ) {
        self.found.runs += 1 + usize::from(again.is_some());
        self.cover(&conversation);
        self.check_words(&node, &conversation);
        let events = conversation.scripted.events.clone();
        if node.hangs_up_at.is_some() {
            self.hung_up(&node, conversation);
            return;
        }
        if !goes_on_from(&node.before, &events) {
            self.find(
                &node,
                &events,
                Severity::Error,
                "the flow does not do the same when it is answered the same: it is not deterministic, so that its calls cannot be replayed",
            );
            return;
        }
        if conversation.failure().is_none() {
            self.hang_up_within(&node, &events);
        }
        let Some(wait) = conversation.scripted.open.clone() else {
            if let Some(again) = &again {
                self.found.repeated += 1;
                if again.journal != conversation.journal {
                    self.find(
                        &node,
                        &events,
                        Severity::Error,
                        "the same conversation, run again, is different: the flow is not deterministic, so that its calls cannot be replayed",
                    );
                }
            }
            self.ended(&node, conversation);
            return;
        };
        self.hung_up(&node, conversation);
        if node.turns.len() >= self.bounds.turns {
            let message = format!(
                "the conversation does not end after {} answers: it goes on without end",
                node.turns.len()
            );
            let path = self.path(&node, events, None, Some(message.clone()));
            self.keep(&node, path, &message);
            return;
        }
        self.branch(node, wait, events);
    }

    /// A conversation in which the caller hung up.
    fn hung_up(&mut self, node: &Node, conversation: FinishedConversation) {
        self.found.hang_ups += 1;
        let failure = conversation.failure();
        if let Some(failure) = &failure {
            let message = format!("after the caller hung up: {failure}");
            self.find(
                node,
                &conversation.scripted.events,
                Severity::Error,
                &message,
            );
        }
        let path = self.path(
            node,
            conversation.scripted.events,
            conversation.end,
            failure,
        );
        // without a word of the flow's the engine says that the caller hung up
        if path.ending() != (None, None, false) {
            self.keep_side(path);
        }
    }

    /// Keeps a path with a disturbance if it is the first with its end.
    fn keep_side(&mut self, path: Path) {
        let ends = &mut self.found.side_ends;
        if ends.iter().all(|other| other.ending() != path.ending()) {
            ends.push(path);
        }
    }

    /// Drops those of the ends that paths without a disturbance have, too.
    pub(super) fn leave_out_main_ends(&mut self) {
        let Exploration {
            paths, side_ends, ..
        } = &mut self.found;
        side_ends.retain(|side| paths.iter().all(|path| path.ending() != side.ending()));
    }

    /// Lets the caller hang up wherever the flow waited since the last answer for what is queued to
    /// be heard.
    fn hang_up_within(&mut self, node: &Node, events: &[Event]) {
        if node.disturbances > 0 {
            return;
        }
        let waits = |events: &[Event]| {
            let waited = events.iter().filter(|event| **event == Event::Waited);
            waited.count()
        };
        let (before, all) = (waits(&node.before), waits(events));
        let all = all.min(before + WAITS_MAX);
        let Some(queue) = self.queues.first_mut() else {
            return;
        };
        queue.extend((before + 1..=all).map(|wait| Node {
            situation: node.situation,
            turns: node.turns.clone(),
            disturbances: 0,
            hangs_up_at: Some(wait),
            is_straight: false,
            before: Arc::default(),
        }));
    }

    fn branch(&mut self, node: Node, wait: Wait, mut events: Vec<Event>) {
        while matches!(events.last(), Some(Event::HungUp | Event::Played { .. })) {
            events.pop();
        }
        let before = Arc::new(events);
        if let Wait::Question(asking) = &wait {
            let asked = before
                .iter()
                .filter(|event| matches!(event, Event::Asked(other) if other.name == asking.name));
            if node.is_straight || asked.count() > self.bounds.asked {
                self.straight.insert(asking.name.clone());
                let last = before.iter().rev().find_map(|event| match event {
                    Event::Answered { question, act, .. } if *question == asking.name => {
                        Some(Turn::Caller(act.clone()))
                    }
                    _ => None,
                });
                if let Some(turn) = last {
                    self.push(&node, turn, 0, true, &before);
                    return;
                }
            }
        }
        let situation = self.found.situations.get(node.situation);
        let known = situation.map(|situation| situation.known.clone());
        let known = known.unwrap_or_default();
        let now = before.iter().rev().find_map(|event| match event {
            Event::Language(language) => Some(language.clone()),
            _ => None,
        });
        let now = now.or(known.language.clone());
        let now = now.unwrap_or_else(Language::english);
        let mut languages = vec![now];
        for language in &self.version.languages {
            if !languages.contains(language) {
                languages.push(language.clone());
            }
        }
        let place = options::Place {
            examples: &self.examples,
            today: known.today(),
            languages: &languages,
            follows: self.version.manifest().language_changed.is_some(),
        };
        let (choices, missing) = options::options(&wait, &place);
        if let Some(missing) = missing
            && !self.found.limits.contains(&missing)
        {
            self.found.limits.push(missing);
        }
        for choice in choices.into_iter().rev() {
            let more = usize::from(choice.is_disturbance);
            self.push(&node, choice.turn, more, node.is_straight, &before);
        }
    }

    fn push(
        &mut self,
        node: &Node,
        turn: Turn,
        more: usize,
        is_straight: bool,
        before: &Arc<Vec<Event>>,
    ) {
        let disturbances = node.disturbances + more;
        let Some(queue) = self.queues.get_mut(disturbances) else {
            return;
        };
        let mut turns = node.turns.clone();
        turns.push(turn);
        queue.push(Node {
            situation: node.situation,
            turns,
            disturbances,
            hangs_up_at: None,
            is_straight,
            before: Arc::clone(before),
        });
    }

    /// A conversation that ended, and not because the caller hung up.
    fn ended(&mut self, node: &Node, conversation: FinishedConversation) {
        let failure = conversation.failure();
        let severity = match &conversation.end {
            // what follows is `[on-failure]`, which the author may mean
            Some(RunEnd::Failed(CallError::Unavailable(_))) => Severity::Warning,
            _ => Severity::Error,
        };
        if let Some(failure) = &failure {
            self.find(node, &conversation.scripted.events, severity, failure);
        }
        for sentence in &conversation.scripted.unfit {
            self.find(
                node,
                &conversation.scripted.events,
                Severity::Warning,
                sentence,
            );
        }
        let path = self.path(
            node,
            conversation.scripted.events,
            conversation.end,
            failure,
        );
        let mut hasher = DefaultHasher::new();
        shape(&path.events).hash(&mut hasher);
        if node.disturbances == 0 {
            let shapes = self.shapes.entry(node.situation).or_default();
            shapes.insert(hasher.finish());
        }
        self.keep(node, path, "");
    }

    fn path(
        &mut self,
        node: &Node,
        events: Vec<Event>,
        end: Option<RunEnd>,
        failure: Option<String>,
    ) -> Path {
        let ms = self.length_ms(&events);
        self.found.longest_ms = self.found.longest_ms.max(ms);
        Path {
            situation: node.situation,
            events,
            end,
            failure,
            ms,
        }
    }

    /// Checks the properties on a path, and keeps it if it is one without disturbances.
    fn keep(&mut self, node: &Node, path: Path, unending: &str) {
        if !unending.is_empty() {
            self.find(node, &path.events, Severity::Error, unending);
        }
        let course = Course {
            events: &path.events,
            end: path.end.as_ref(),
            ms: path.ms,
        };
        for Broken {
            line,
            property,
            reason,
        } in broken(self.version.manifest(), &course)
        {
            // a property without a line of its own is on that of its section
            let line = line.or(Some(self.version.manifest().properties.line));
            let message = format!("the property “{property}” does not hold: {reason}");
            self.add(node, &path.events, Severity::Error, line, &message);
        }
        if let Some(level) = self.found.levels.get_mut(node.disturbances) {
            level.paths += 1;
        }
        if node.disturbances == 0 {
            self.found.paths.push(path);
        } else {
            self.keep_side(path);
        }
    }

    /// What a conversation reached.
    fn cover(&mut self, conversation: &FinishedConversation) {
        let said = conversation
            .scripted
            .said
            .iter()
            .map(|prompt| prompt.template());
        self.said.extend(said.map(str::to_owned));
        let observed = crate::flow_tests::observe([conversation]);
        self.found.observed.asked.extend(observed.asked);
        self.found.observed.established.extend(observed.established);
    }

    /// Finds prompts that cannot be said in one of the flow's languages.
    fn check_words(&mut self, node: &Node, conversation: &FinishedConversation) {
        let today = self
            .found
            .situations
            .get(node.situation)
            .map(|situation| situation.known.today());
        let Some(today) = today else { return };
        for event in &conversation.scripted.events {
            let Event::Said { prompt, .. } = event else {
                continue;
            };
            let key = spoken_key(prompt);
            if self.spoken_ms.contains_key(&key) {
                continue;
            }
            let mut longest = 0;
            for language in self.version.languages.clone() {
                match words(self.version, prompt, &language, today) {
                    Ok(words) => longest = longest.max(words.chars().count()),
                    Err(reason) => {
                        let name = prompt.template();
                        let message = format!("`{name}` cannot be said in {language}: {reason}");
                        if self.unspeakable.insert(message.clone()) {
                            self.find(
                                node,
                                &conversation.scripted.events,
                                Severity::Error,
                                &message,
                            );
                        }
                    }
                }
            }
            let ms = match prompt.content {
                Content::Audio(_) => AUDIO_MS,
                _ => u64::try_from(longest)
                    .unwrap_or(u64::MAX)
                    .saturating_mul(LETTER_MS),
            };
            self.spoken_ms.insert(key, ms);
        }
    }

    /// How long a call takes: what is spoken, in the language in which it is longest, and what is
    /// waited for.
    fn length_ms(&self, events: &[Event]) -> u64 {
        let mut said = Vec::new();
        let mut waited_ms = 0;
        for event in events {
            match event {
                Event::Said { prompt, .. } => {
                    let key = spoken_key(prompt);
                    said.push(self.spoken_ms.get(&key).copied().unwrap_or(0));
                }
                Event::Played { said: at, heard } => {
                    if let Some(ms) = said.get_mut(*at) {
                        match heard {
                            Extent::Whole | Extent::Assumed => {}
                            Extent::Partial => *ms /= 2,
                            Extent::Unheard => *ms = 0,
                        }
                    }
                }
                Event::Answered { waited_ms: ms, .. } => waited_ms += ms,
                Event::Paused(ms) => waited_ms += u64::from(*ms),
                _ => {}
            }
        }
        said.into_iter().sum::<u64>() + waited_ms
    }
}

/// By what a prompt's length is remembered.
fn spoken_key(prompt: &Prompt) -> String {
    match &prompt.content {
        Content::Template(template) => {
            let values = template.arguments.iter();
            let values = values.map(|given| format!("\0{}", given.value));
            format!("{}{}", template.name, values.collect::<String>())
        }
        Content::Text(text) => format!("\0{}", text.expose()),
        Content::Audio(name) => format!("\0\0{name}"),
    }
}
