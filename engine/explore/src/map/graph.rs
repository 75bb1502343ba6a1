//! From paths to a graph: one node for each question, with a row for each thing that follows its
//! answers.

use ghanti_host::{Event, FlowVersion};

use crate::paths::{Exploration, Path};
use crate::transcript::{acted, words};

/// The conversation as a graph.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Graph {
    /// What happens before the first question.
    pub beginnings: Vec<Row>,
    /// The questions, in the order in which they are first reached.
    pub questions: Vec<Question>,
}

/// A question.
#[derive(Debug, PartialEq, Eq)]
pub struct Question {
    /// Its name.
    pub name: String,
    /// What it says, in the flow's default language.
    pub words: String,
    /// What follows.
    pub rows: Vec<Row>,
}

/// What follows some answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The answers.
    pub answers: Vec<String>,
    /// What is said and done then.
    pub between: Vec<String>,
    /// Where it leads.
    pub target: Target,
    /// Whether one of the answers leads elsewhere, too, depending on what came before.
    pub depends: bool,
    /// Whether it is an end that is reached by disturbances alone.
    pub is_side: bool,
}

/// Where an answer leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// To a question.
    Question(String),
    /// To an end of the call.
    End {
        /// The disposition; `none` without one.
        outcome: String,
        /// The target of a transfer.
        transfer: Option<String>,
        /// Whether it is an improper end.
        is_failure: bool,
    },
}

/// A stretch of a path between two questions.
struct Stretch {
    /// The question that it comes from, and the answer.
    from: Option<(String, String)>,
    between: Vec<String>,
    target: Target,
    is_side: bool,
}

impl Graph {
    pub(super) fn of(version: &FlowVersion, exploration: &Exploration, paths: &[&Path]) -> Self {
        let mut graph = Self::default();
        for path in paths {
            for stretch in stretches(path) {
                graph.add(stretch);
            }
        }
        for path in &exploration.side_ends {
            // how it gets there is drawn already, or one of the roundabout ways that are not
            let last = stretches(path).pop();
            graph.add(Stretch {
                is_side: true,
                ..match last {
                    Some(last) => last,
                    None => continue,
                }
            });
        }
        for question in &mut graph.questions {
            let all = paths.iter().copied().chain(&exploration.side_ends);
            question.words = opening(version, exploration, all, &question.name);
            mark(&mut question.rows);
        }
        mark(&mut graph.beginnings);
        graph
    }

    fn add(&mut self, stretch: Stretch) {
        let Stretch {
            from,
            between,
            target,
            is_side,
        } = stretch;
        if let Target::Question(name) = &target {
            self.question(name);
        }
        let (rows, answer) = match from {
            None => (&mut self.beginnings, None),
            Some((question, answer)) => (&mut self.question(&question).rows, Some(answer)),
        };
        let same = rows
            .iter_mut()
            .find(|row| row.target == target && row.between == between && row.is_side == is_side);
        match same {
            Some(row) => row
                .answers
                .extend(answer.filter(|answer| !row.answers.contains(answer))),
            None => rows.push(Row {
                answers: answer.into_iter().collect(),
                between,
                target,
                depends: false,
                is_side,
            }),
        }
    }

    fn question(&mut self, name: &str) -> &mut Question {
        let at = self
            .questions
            .iter()
            .position(|question| question.name == name);
        let at = at.unwrap_or_else(|| {
            self.questions.push(Question {
                name: name.to_owned(),
                words: String::new(),
                rows: Vec::new(),
            });
            self.questions.len() - 1
        });
        #[expect(clippy::indexing_slicing, reason = "it was found or put there")]
        &mut self.questions[at]
    }
}

/// Marks rows whose answers lead elsewhere, too.
fn mark(rows: &mut [Row]) {
    let all: Vec<Vec<String>> = rows.iter().map(|row| row.answers.clone()).collect();
    for (at, row) in rows.iter_mut().enumerate() {
        let mut others = all
            .iter()
            .enumerate()
            .filter(|(other, _)| *other != at)
            .map(|(_, answers)| answers);
        row.depends = others.any(|answers| {
            (answers.is_empty() && row.answers.is_empty())
                || answers.iter().any(|answer| row.answers.contains(answer))
        });
    }
}

fn stretches(path: &Path) -> Vec<Stretch> {
    let mut stretches = Vec::new();
    let (mut from, mut between) = (None, Vec::new());
    let mut is_asking = false;
    let mut asked = String::new();
    for event in &path.events {
        match event {
            Event::Said { prompt, .. } if !is_asking => {
                let template = prompt.template();
                let said = if template.is_empty() {
                    "(a text or an audio file)"
                } else {
                    template
                };
                between.push(said.to_owned());
            }
            Event::Asked(asking) => {
                // its own prompt was the last
                between.pop();
                is_asking = true;
                asked.clone_from(&asking.name);
                stretches.push(Stretch {
                    from: from.take(),
                    between: std::mem::take(&mut between),
                    target: Target::Question(asking.name.clone()),
                    is_side: false,
                });
            }
            Event::HungUp if is_asking => {
                from = Some((asked.clone(), "hangs up".to_owned()));
            }
            Event::HungUp => between.push("caller hangs up".to_owned()),
            Event::Answered { question, act, .. } => {
                is_asking = false;
                from = Some((question.clone(), acted(act)));
            }
            Event::Invoked { name, answer, .. } => {
                let came = if answer.is_ok() { "answers" } else { "fails" };
                between.push(format!("action {name} {came}"));
            }
            Event::Established(name) => between.push(format!("✓ {name}")),
            _ => {}
        }
    }
    stretches.push(Stretch {
        from,
        between,
        target: Target::End {
            outcome: path.outcome().unwrap_or("none").to_owned(),
            transfer: path.transfer().map(str::to_owned),
            is_failure: path.failure.is_some(),
        },
        is_side: false,
    });
    stretches
}

/// What a question says, on the first path that asks it.
fn opening<'p>(
    version: &FlowVersion,
    exploration: &Exploration,
    paths: impl Iterator<Item = &'p Path>,
    question: &str,
) -> String {
    let Some(language) = version.languages.first() else {
        return String::new();
    };
    for path in paths {
        let mut last = None;
        for event in &path.events {
            match event {
                Event::Said { prompt, .. } => last = Some(prompt),
                Event::Asked(asking) if asking.name == question => {
                    let situation = exploration.situations.get(path.situation);
                    let spoken = last.zip(situation).and_then(|(prompt, situation)| {
                        words(version, prompt, language, situation.known.today()).ok()
                    });
                    return spoken.unwrap_or_default();
                }
                _ => {}
            }
        }
    }
    String::new()
}
