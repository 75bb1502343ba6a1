//! The report's plots, as SVG: delays by percentile, and both processes over time; one line for each
//! run.

use plotters::prelude::*;

use super::{Report, Run};
use crate::measures::{QUANTILES, Spread};
use crate::timeline::Sample;

const SIZE: (u32, u32) = (900, 420);
const FONT: &str = "sans-serif";
const LABEL: u32 = 14;

/// Percentiles are drawn by their nines: 90 % at 1, 99 % at 2. The largest value is drawn here.
const NINES_MAX: f64 = 4.3;

/// A plot cannot be drawn.
#[derive(Debug, thiserror::Error)]
#[error("cannot draw `{name}`: {reason}")]
pub struct PlotError {
    name: &'static str,
    reason: String,
}

/// A line: its name and its points.
type Line<'a> = (&'a str, Vec<(f64, f64)>);

/// What a line of percentiles shows of a run.
type OfRun = fn(&Run) -> &Spread;
/// What a line over time shows of a sample.
type OfSample = fn(&Sample) -> Option<f64>;

/// What a plot shows.
struct Plot<'a> {
    name: &'static str,
    title: &'static str,
    x: &'static str,
    y: &'static str,
    by_percentile: bool,
    lines: Vec<Line<'a>>,
}

/// All plots that have something to show, with the names of their files.
pub(super) fn all(report: &Report) -> Result<Vec<(&'static str, String)>, PlotError> {
    let curves: [(_, _, OfRun); 5] = [
        ("first-audio.svg", "answer to first audio", |run| {
            &run.figures.first_audio
        }),
        ("response.svg", "end of speech to first audio", |run| {
            &run.figures.response
        }),
        ("late.svg", "frame late for its playout", |run| {
            &run.figures.late
        }),
        ("pace.svg", "frame late by its pace", |run| {
            &run.figures.pace
        }),
        ("own-late.svg", "the generator's own frames late", |run| {
            &run.figures.own
        }),
    ];
    let times: [(_, _, _, OfSample); 4] = [
        ("calls.svg", "calls at once", "calls", |sample| {
            Some(sample.live as f64)
        }),
        ("cpu.svg", "the bot's processors", "cores", |sample| {
            sample.bot_cores
        }),
        ("memory.svg", "the bot's memory (PSS)", "MiB", |sample| {
            sample.pss_kib.map(|kib| kib as f64 / 1_024.0)
        }),
        (
            "descriptors.svg",
            "the bot's descriptors",
            "descriptors",
            |sample| sample.descriptors.map(|count| count as f64),
        ),
    ];
    let mut plots = Vec::new();
    for (name, title, of) in curves {
        let line = |run| (of(run), run);
        let lines = report.runs.iter().map(line);
        let lines = lines.filter(|(spread, _)| spread.count > 0);
        plots.push(Plot {
            name,
            title,
            x: "percentile",
            y: "ms",
            by_percentile: true,
            lines: lines
                .map(|(spread, run)| (run.name.as_str(), curve(spread)))
                .collect(),
        });
    }
    for (name, title, y, of) in times {
        let points = |run: &Run| {
            let samples = run.samples.iter();
            samples
                .filter_map(|sample| Some((sample.at_s, of(sample)?)))
                .collect::<Vec<_>>()
        };
        let lines = report
            .runs
            .iter()
            .map(|run| (run.name.as_str(), points(run)));
        plots.push(Plot {
            name,
            title,
            x: "seconds",
            y,
            by_percentile: false,
            lines: lines.filter(|(_, points)| points.len() > 1).collect(),
        });
    }
    plots
        .into_iter()
        .filter(|plot| !plot.lines.is_empty())
        .map(|plot| {
            let svg = draw(&plot).map_err(|reason| PlotError {
                name: plot.name,
                reason,
            })?;
            Ok((plot.name, svg))
        })
        .collect()
}

fn curve(spread: &Spread) -> Vec<(f64, f64)> {
    let nines = QUANTILES
        .iter()
        .map(|quantile| (-(1.0 - quantile).log10()).min(NINES_MAX));
    nines.zip(spread.curve_ms.iter().copied()).collect()
}

/// A percentile, as text.
fn percentile(nines: &f64) -> String {
    let percent = 100.0 * (1.0 - 10_f64.powf(-nines));
    let digits = (nines.round() as usize).saturating_sub(2);
    format!("{percent:.digits$} %")
}

fn draw(plot: &Plot<'_>) -> Result<String, String> {
    let mut svg = String::new();
    drawn(plot, &mut svg).map_err(|error| error.to_string())?;
    Ok(svg)
}

fn drawn(plot: &Plot<'_>, svg: &mut String) -> Result<(), Box<dyn std::error::Error>> {
    let points = || plot.lines.iter().flat_map(|(_, points)| points.iter());
    let largest = |values: &mut dyn Iterator<Item = f64>| values.fold(0.0, f64::max);
    let top = largest(&mut points().map(|point| point.1)).max(0.001) * 1.1;
    let right = largest(&mut points().map(|point| point.0)).max(0.001);
    let area = SVGBackend::with_string(svg, SIZE).into_drawing_area();
    area.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&area)
        .caption(plot.title, (FONT, 20))
        .margin(12)
        .x_label_area_size(40)
        .y_label_area_size(64)
        .build_cartesian_2d(0.0..right, 0.0..top)?;
    let plain = |value: &f64| super::markdown::figure(*value);
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .x_desc(plot.x)
        .y_desc(plot.y)
        .x_labels(if plot.by_percentile { 5 } else { 9 })
        .label_style((FONT, LABEL))
        .axis_desc_style((FONT, LABEL))
        .x_label_formatter(if plot.by_percentile {
            &percentile
        } else {
            &plain
        })
        .y_label_formatter(&plain)
        .draw()?;
    for (nth, (name, points)) in plot.lines.iter().enumerate() {
        let color = Palette99::pick(nth).to_rgba();
        chart
            .draw_series(LineSeries::new(
                points.iter().copied(),
                color.stroke_width(2),
            ))?
            .label(*name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 20, y)], color.stroke_width(2)));
    }
    chart
        .configure_series_labels()
        .label_font((FONT, LABEL))
        .position(SeriesLabelPosition::UpperLeft)
        .background_style(WHITE.mix(0.8))
        .border_style(BLACK.mix(0.3))
        .draw()?;
    area.present()?;
    Ok(())
}
