//! The positions of the boxes of a graph, and the paths of the arrows between them.
//!
//! Layers from top to bottom, by the shortest way from the beginning. Arrows run at right angles,
//! each in a lane of its own: out of its row to the right, down beside the boxes, and into its
//! question from above; back to an earlier question around the left side.

use std::collections::{BTreeMap, VecDeque};

use super::graph::{Graph, Row, Target};

/// The width of a box, in pixels.
pub(super) const BOX_WIDTH: f64 = 640.0;
/// Where the second column of a row begins, within a box.
pub(super) const BETWEEN_X: f64 = 200.0;
/// Where the third begins.
pub(super) const TARGET_X: f64 = 450.0;
/// The height of a line of text.
pub(super) const LINE: f64 = 16.0;
/// The space around text.
pub(super) const PAD: f64 = 8.0;
/// The distance of two lanes.
const LANE: f64 = 9.0;
/// The space between boxes besides lanes.
const GAP: f64 = 26.0;
/// How many letters fit into the columns of a row, and into the box.
const LETTERS: [usize; 4] = [26, 34, 26, 92];
/// The most lines of a question's words.
const WORDS_LINES: usize = 4;

/// The drawing, in pixels.
#[derive(Debug, Default)]
pub(super) struct Layout {
    pub(super) width: f64,
    pub(super) height: f64,
    pub(super) boxes: Vec<Placed>,
    pub(super) arrows: Vec<Vec<(f64, f64)>>,
}

/// A box: the beginning or a question.
#[derive(Debug)]
pub(super) struct Placed {
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) height: f64,
    pub(super) title: String,
    pub(super) words: Vec<String>,
    pub(super) rows: Vec<PlacedRow>,
}

/// A row, relative to the whole drawing.
#[derive(Debug)]
pub(super) struct PlacedRow {
    pub(super) y: f64,
    pub(super) height: f64,
    pub(super) answers: Vec<String>,
    pub(super) between: Vec<String>,
    pub(super) target: Vec<String>,
    pub(super) end: Option<End>,
    /// Whether it is reached by disturbances alone.
    pub(super) is_side: bool,
}

/// How a row ends that leads to no question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Outcome,
    Transfer,
    Failure,
}

/// Breaks a text into lines of at most so many letters.
pub(super) fn wrapped(text: &str, letters: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= letters => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

fn lines(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX)) * LINE
}

fn lane(number: usize) -> f64 {
    f64::from(u32::try_from(number).unwrap_or(u32::MAX)) * LANE
}

fn sized(row: &Row) -> PlacedRow {
    let [answers_letters, between_letters, target_letters, _] = LETTERS;
    let mut answers = wrapped(&row.answers.join(", "), answers_letters);
    if row.depends {
        answers.push("(in some calls)".to_owned());
    }
    let between = wrapped(&row.between.join(" · "), between_letters);
    let (target, end) = match &row.target {
        Target::Question(name) => (wrapped(&format!("→ {name}"), target_letters), None),
        Target::End {
            outcome,
            transfer,
            is_failure,
        } => {
            let mut target = wrapped(outcome, target_letters);
            if let Some(transfer) = transfer {
                target.push(format!("☎ {transfer}"));
            }
            let end = match (is_failure, transfer) {
                (true, _) => End::Failure,
                (false, Some(_)) => End::Transfer,
                (false, None) => End::Outcome,
            };
            (target, Some(end))
        }
    };
    let count = answers.len().max(between.len()).max(target.len()).max(1);
    PlacedRow {
        y: 0.0,
        height: lines(count) + PAD,
        answers,
        between,
        target,
        end,
        is_side: row.is_side,
    }
}

/// The layer of each question: its distance from the beginning.
fn layers(graph: &Graph) -> Vec<Vec<usize>> {
    let index: BTreeMap<&str, usize> = graph
        .questions
        .iter()
        .enumerate()
        .map(|(at, question)| (question.name.as_str(), at))
        .collect();
    let targets = |rows: &[Row]| -> Vec<usize> {
        let named = rows.iter().filter_map(|row| match &row.target {
            Target::Question(name) => index.get(name.as_str()).copied(),
            Target::End { .. } => None,
        });
        named.collect()
    };
    let mut layer: BTreeMap<usize, usize> = BTreeMap::new();
    let mut open: VecDeque<(usize, usize)> = targets(&graph.beginnings)
        .into_iter()
        .map(|question| (question, 0))
        .collect();
    while let Some((question, depth)) = open.pop_front() {
        if layer.contains_key(&question) {
            continue;
        }
        layer.insert(question, depth);
        let rows = graph.questions.get(question).map(|found| &found.rows);
        let next = rows.map(|rows| targets(rows)).unwrap_or_default();
        open.extend(next.into_iter().map(|next| (next, depth + 1)));
    }
    let depth = layer.values().max().map_or(0, |most| most + 1);
    let mut layers = vec![Vec::new(); depth];
    for (question, depth) in layer {
        if let Some(layer) = layers.get_mut(depth) {
            layer.push(question);
        }
    }
    layers
}

/// An arrow before it is drawn: from a row of a box to a question.
struct Arrow {
    from: usize,
    row: usize,
    to: usize,
    way: Way,
}

/// How an arrow runs.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    /// Into the next layer, through the gap between.
    Next,
    /// Into a later layer, around everything on the right.
    Far,
    /// Back to the same layer or an earlier one, around everything on the left.
    Back,
    /// Back between two boxes on the left edge.
    Side,
}

/// Layers with the depth of each box, and the gap above each layer.
struct Layers {
    depth: BTreeMap<usize, usize>,
    /// Where each gap begins; the last is below all layers.
    gaps: Vec<f64>,
    /// How many lanes of each gap are taken.
    taken: Vec<usize>,
}

impl Layers {
    fn depth(&self, at: usize) -> usize {
        self.depth.get(&at).copied().unwrap_or(0)
    }

    /// The next free lane of a gap.
    fn lane(&mut self, gap: usize) -> f64 {
        let number = self.taken.get_mut(gap).map_or(0, |taken| {
            *taken += 1;
            *taken
        });
        self.gaps.get(gap).copied().unwrap_or(0.0) + lane(number)
    }
}

/// Places everything. Box 0 is the beginning, box `n + 1` the question `n`.
pub(super) fn place(graph: &Graph) -> Layout {
    let mut boxes = vec![boxed("the call begins", "", &graph.beginnings)];
    boxes.extend(
        graph
            .questions
            .iter()
            .map(|question| boxed(&question.name, &question.words, &question.rows)),
    );
    let mut order: Vec<Vec<usize>> = layers(graph)
        .into_iter()
        .map(|layer| layer.into_iter().map(|at| at + 1).collect())
        .collect();
    order.insert(0, vec![0]);
    let depth: BTreeMap<usize, usize> = order
        .iter()
        .enumerate()
        .flat_map(|(depth, layer)| layer.iter().map(move |at| (*at, depth)))
        .collect();
    let mut layers = Layers {
        depth,
        gaps: Vec::new(),
        taken: vec![0; order.len() + 1],
    };
    let arrows = arrows(graph, &layers, &order);
    let around = |way: &[Way]| {
        arrows
            .iter()
            .filter(|arrow| way.contains(&arrow.way))
            .count()
    };
    let margin = GAP + lane(around(&[Way::Back, Way::Side]));
    let mut right = margin;
    for layer in &order {
        let mut x = margin;
        for at in layer {
            if let Some(placed) = boxes.get_mut(*at) {
                placed.x = x;
            }
            let leaving = arrows.iter().filter(|arrow| arrow.from == *at);
            x += BOX_WIDTH + GAP + lane(leaving.count());
        }
        right = f64::max(right, x);
    }
    let mut y = GAP;
    for (depth, layer) in order.iter().enumerate() {
        layers.gaps.push(y);
        y += GAP + lane(used(&arrows, &layers, depth));
        let mut tallest = 0.0;
        for at in layer {
            if let Some(placed) = boxes.get_mut(*at) {
                placed.put(y);
                tallest = f64::max(tallest, placed.height);
            }
        }
        y += tallest;
    }
    layers.gaps.push(y);
    let below = lane(used(&arrows, &layers, order.len()));
    let mut layout = Layout {
        width: right + lane(around(&[Way::Far])) + GAP,
        height: y + below + GAP,
        boxes,
        arrows: Vec::new(),
    };
    route(&mut layout, &arrows, &mut layers, right, margin);
    layout
}

/// How many arrows run through the gap above a layer.
fn used(arrows: &[Arrow], layers: &Layers, gap: usize) -> usize {
    let uses = arrows.iter().map(|arrow| {
        let arrives = arrow.way != Way::Side && layers.depth(arrow.to) == gap;
        let is_around = matches!(arrow.way, Way::Far | Way::Back);
        let leaves = is_around && layers.depth(arrow.from) + 1 == gap;
        usize::from(arrives) + usize::from(leaves)
    });
    uses.sum()
}

fn arrows(graph: &Graph, layers: &Layers, order: &[Vec<usize>]) -> Vec<Arrow> {
    let is_first = |at: usize| order.iter().any(|layer| layer.first() == Some(&at));
    let rows = std::iter::once(&graph.beginnings)
        .chain(graph.questions.iter().map(|question| &question.rows));
    let mut arrows = Vec::new();
    for (from, rows) in rows.enumerate() {
        for (row, placed) in rows.iter().enumerate() {
            let Target::Question(name) = &placed.target else {
                continue;
            };
            let to = graph
                .questions
                .iter()
                .position(|question| question.name == *name);
            let Some(to) = to.map(|to| to + 1) else {
                continue;
            };
            let way = match (layers.depth(from), layers.depth(to)) {
                (left, arrived) if arrived == left + 1 => Way::Next,
                (left, arrived) if arrived > left => Way::Far,
                _ if is_first(from) && is_first(to) => Way::Side,
                _ => Way::Back,
            };
            arrows.push(Arrow { from, row, to, way });
        }
    }
    arrows
}

fn route(layout: &mut Layout, arrows: &[Arrow], layers: &mut Layers, right: f64, margin: f64) {
    let (mut on_left, mut on_right) = (0, 0);
    let mut leaving: BTreeMap<usize, usize> = BTreeMap::new();
    let mut entering: BTreeMap<usize, usize> = BTreeMap::new();
    for arrow in arrows {
        let (Some(from), Some(to)) = (layout.boxes.get(arrow.from), layout.boxes.get(arrow.to))
        else {
            continue;
        };
        let Some(row) = from.rows.get(arrow.row) else {
            continue;
        };
        let y = row.y + row.height / 2.0;
        if matches!(arrow.way, Way::Back | Way::Side) {
            on_left += 1;
        }
        let left = margin - GAP / 2.0 - lane(on_left);
        if arrow.way == Way::Side {
            let into = to.y + f64::min(PAD + lane(on_left), to.height - PAD);
            layout
                .arrows
                .push(vec![(from.x, y), (left, y), (left, into), (to.x, into)]);
            continue;
        }
        let number = leaving.entry(arrow.from).or_insert(0);
        *number += 1;
        let out = from.x + BOX_WIDTH + lane(*number);
        let number = entering.entry(arrow.to).or_insert(0);
        let into = to.x + BOX_WIDTH / 2.0 + lane(*number);
        *number += 1;
        let (below, above) = (layers.depth(arrow.from) + 1, layers.depth(arrow.to));
        let mut way = vec![(from.x + BOX_WIDTH, y), (out, y)];
        if arrow.way != Way::Next {
            let aside = if arrow.way == Way::Far {
                on_right += 1;
                right + lane(on_right)
            } else {
                left
            };
            let down = layers.lane(below);
            way.extend([(out, down), (aside, down)]);
            let arrive = layers.lane(above);
            way.extend([(aside, arrive), (into, arrive)]);
        } else {
            let arrive = layers.lane(above);
            way.extend([(out, arrive), (into, arrive)]);
        }
        way.push((into, to.y));
        layout.arrows.push(way);
    }
}

fn boxed(title: &str, words: &str, rows: &[Row]) -> Placed {
    let [.., letters] = LETTERS;
    let mut words = wrapped(words, letters);
    if words.len() > WORDS_LINES {
        words.truncate(WORDS_LINES);
        if let Some(last) = words.last_mut() {
            last.push_str(" …");
        }
    }
    let rows: Vec<_> = rows.iter().map(sized).collect();
    let head = LINE + 2.0 * PAD + lines(words.len());
    let height = head + rows.iter().map(|row| row.height).sum::<f64>() + PAD / 2.0;
    Placed {
        x: 0.0,
        y: 0.0,
        height,
        title: title.to_owned(),
        words,
        rows,
    }
}

impl Placed {
    fn put(&mut self, y: f64) {
        self.y = y;
        let mut at = y + LINE + 2.0 * PAD + lines(self.words.len());
        for row in &mut self.rows {
            row.y = at;
            at += row.height;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::graph::Question;
    use super::*;

    fn row(answer: &str, target: Target) -> Row {
        Row {
            answers: vec![answer.to_owned()],
            between: Vec::new(),
            target,
            depends: false,
            is_side: false,
        }
    }

    fn to(name: &str) -> Target {
        Target::Question(name.to_owned())
    }

    fn end() -> Target {
        Target::End {
            outcome: "done".to_owned(),
            transfer: None,
            is_failure: false,
        }
    }

    fn question(name: &str, rows: Vec<Row>) -> Question {
        Question {
            name: name.to_owned(),
            words: "What is it about?".to_owned(),
            rows,
        }
    }

    /// A beginning that branches, a question that is skipped, one that repeats, and one that goes
    /// back.
    fn graph() -> Graph {
        Graph {
            beginnings: vec![row("", to("a"))],
            questions: vec![
                question(
                    "a",
                    vec![row("x", to("b")), row("y", to("c")), row("z", to("d"))],
                ),
                question("b", vec![row("x", to("d")), row("again", to("b"))]),
                question("c", vec![row("x", to("d")), row("back", to("a"))]),
                question("d", vec![row("x", to("e")), row("y", end())]),
                question("e", vec![row("x", end()), row("back", to("a"))]),
            ],
        }
    }

    #[test]
    fn boxes_do_not_overlap_and_no_arrow_crosses_a_box() {
        let layout = place(&graph());
        assert_eq!(layout.boxes.len(), 6);
        for (at, one) in layout.boxes.iter().enumerate() {
            assert!(one.x >= 0.0 && one.x + BOX_WIDTH <= layout.width);
            assert!(one.y >= 0.0 && one.y + one.height <= layout.height);
            for other in layout.boxes.iter().skip(at + 1) {
                let apart = one.x + BOX_WIDTH <= other.x
                    || other.x + BOX_WIDTH <= one.x
                    || one.y + one.height <= other.y
                    || other.y + other.height <= one.y;
                assert!(apart, "{} and {}", one.title, other.title);
            }
        }
        assert_eq!(layout.arrows.len(), 10);
        for way in &layout.arrows {
            for pair in way.windows(2) {
                let [(x1, y1), (x2, y2)] = pair else { panic!() };
                assert!(x1 == x2 || y1 == y2, "{way:?} runs at right angles");
                let (left, right) = (x1.min(*x2), x1.max(*x2));
                let (top, bottom) = (y1.min(*y2), y1.max(*y2));
                for placed in &layout.boxes {
                    let crosses = right > placed.x
                        && left < placed.x + BOX_WIDTH
                        && bottom > placed.y
                        && top < placed.y + placed.height;
                    assert!(!crosses, "{way:?} crosses {}", placed.title);
                }
            }
        }
    }

    #[test]
    fn no_two_arrows_share_a_vertical_lane() {
        let layout = place(&graph());
        let mut lanes: Vec<(f64, f64, f64)> = Vec::new();
        for way in &layout.arrows {
            for pair in way.windows(2) {
                let [(x1, y1), (x2, y2)] = pair else { panic!() };
                if x1 == x2 {
                    lanes.push((*x1, y1.min(*y2), y1.max(*y2)));
                }
            }
        }
        for (at, (x, top, bottom)) in lanes.iter().enumerate() {
            for (other_x, other_top, other_bottom) in lanes.iter().skip(at + 1) {
                let shared = x == other_x && bottom > other_top && other_bottom > top;
                assert!(!shared, "{x}: {lanes:?}");
            }
        }
    }

    #[test]
    fn texts_are_broken_between_words() {
        assert_eq!(wrapped("one two three", 7), ["one two", "three"]);
        assert_eq!(wrapped("", 7), Vec::<String>::new());
        assert_eq!(wrapped("unbreakable", 3), ["unbreakable"]);
    }
}
