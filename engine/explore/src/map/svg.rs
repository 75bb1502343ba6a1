//! The drawing as SVG.

use std::fmt::Write as _;

use super::escaped;
use super::graph::Graph;
use super::layout::{BETWEEN_X, BOX_WIDTH, End, LINE, Layout, PAD, Placed, PlacedRow, TARGET_X};

const STYLE: &str = "text{font:12px system-ui,'Noto Sans','DejaVu Sans',sans-serif;fill:#1d2433}\
.title{font-weight:bold;font-size:14px;fill:#fff}.words{fill:#46506a;font-style:italic}.said{fill:#46506a}\
.box{fill:#fff;stroke:#8a94ad}.head{fill:#33507f}.start{fill:#4d5566}.row{stroke:#dfe3ec}\
.arrow{fill:none;stroke:#33507f;stroke-width:1.4}.point{fill:#33507f}.end{fill:#e8ecf4;stroke:#8a94ad}\
.transfer{fill:#d9f0df;stroke:#3c8a53}.failure{fill:#fbdcdc;stroke:#b23b3b}.side{stroke-dasharray:4 3}";

/// Where the colours are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// In the image.
    Within,
    /// In the style sheet of its page.
    OfPage,
}

/// Draws a graph that is laid out.
pub(super) fn draw(graph: &Graph, layout: &Layout, style: Style) -> String {
    let mut svg = String::new();
    let (width, height) = (layout.width.ceil(), layout.height.ceil());
    let questions = graph.questions.len();
    let (namespace, style, ground) = match style {
        Style::Within => (
            " xmlns=\"http://www.w3.org/2000/svg\"",
            format!("<style>{STYLE}</style>"),
            "<rect width=\"100%\" height=\"100%\" fill=\"#f6f7fa\"/>",
        ),
        Style::OfPage => ("", String::new(), ""),
    };
    let _ = write!(
        svg,
        "<svg{namespace} width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" role=\"img\" aria-label=\"The conversation: {questions} questions, their answers and ends\">\
         {style}\
         <defs><marker id=\"head\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"8\" markerHeight=\"8\" orient=\"auto\"><path class=\"point\" d=\"M0 0L8 4L0 8z\"/></marker></defs>{ground}"
    );
    for way in &layout.arrows {
        let points: Vec<_> = way.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        let _ = write!(
            svg,
            "<polyline class=\"arrow\" points=\"{}\" marker-end=\"url(#head)\"/>",
            points.join(" ")
        );
    }
    for (at, placed) in layout.boxes.iter().enumerate() {
        draw_box(&mut svg, placed, at == 0);
    }
    svg.push_str("</svg>\n");
    svg
}

fn draw_box(svg: &mut String, placed: &Placed, is_start: bool) {
    let Placed { x, y, height, .. } = placed;
    let head = LINE + PAD;
    let class = if is_start { "start" } else { "head" };
    let _ = write!(
        svg,
        "<rect class=\"box\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{BOX_WIDTH}\" height=\"{height:.1}\" rx=\"6\"/>\
         <rect class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{BOX_WIDTH}\" height=\"{head:.1}\" rx=\"6\"/>"
    );
    text(svg, "title", x + PAD, y + LINE, &placed.title);
    let mut line = y + head + LINE;
    for words in &placed.words {
        text(svg, "words", x + PAD, line, words);
        line += LINE;
    }
    for row in &placed.rows {
        draw_row(svg, *x, row);
    }
}

fn draw_row(svg: &mut String, x: f64, row: &PlacedRow) {
    let y = row.y;
    let _ = write!(
        svg,
        "<line class=\"row\" x1=\"{x:.1}\" y1=\"{y:.1}\" x2=\"{:.1}\" y2=\"{y:.1}\"/>",
        x + BOX_WIDTH
    );
    if let Some(end) = row.end {
        let class = match end {
            End::Outcome => "end",
            End::Transfer => "transfer",
            End::Failure => "failure",
        };
        let side = if row.is_side { " side" } else { "" };
        let _ = write!(
            svg,
            "<rect class=\"{class}{side}\" x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\" rx=\"8\"/>",
            x + TARGET_X,
            y + 2.0,
            BOX_WIDTH - TARGET_X - PAD,
            row.height - 4.0
        );
    }
    let columns = [
        ("answer", PAD, &row.answers),
        ("said", BETWEEN_X, &row.between),
        ("target", TARGET_X + PAD, &row.target),
    ];
    for (class, column, lines) in columns {
        let mut at = y + LINE - 1.0;
        for line in lines {
            text(svg, class, x + column, at, line);
            at += LINE;
        }
    }
}

fn text(svg: &mut String, class: &str, x: f64, y: f64, words: &str) {
    let _ = write!(
        svg,
        "<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\">{}</text>",
        escaped(words)
    );
}
