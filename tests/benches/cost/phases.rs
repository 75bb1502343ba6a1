//! How late the bot's frames are in each part of a run, while something else is done beside the calls.

use ghanti_load::report::Run;
use ghanti_load::timeline::Sample;

use crate::table::{Table, figure};

/// A part of the run.
pub struct Phase {
    pub name: &'static str,
    /// From when to when, in seconds since the calls began.
    pub from_s: f64,
    pub to_s: f64,
    /// How often something was done in it.
    pub count: usize,
}

/// Prints the table; `counted` is what the phases count.
pub fn print(heading: &str, counted: &str, phases: &[Phase], run: &Run) {
    let columns = [
        "live calls",
        "late p99, median",
        "worst",
        "engine's cores",
        counted,
        "s",
    ];
    let mut table = Table::new(heading, &columns);
    for phase in phases {
        let within: Vec<&Sample> = run
            .samples
            .iter()
            .filter(|sample| (phase.from_s..phase.to_s).contains(&sample.at_s))
            .collect();
        let mut late: Vec<f64> = within
            .iter()
            .filter_map(|sample| sample.pace_p99_ms)
            .collect();
        late.sort_by(f64::total_cmp);
        let ms = |value: Option<&f64>| {
            value.map_or_else(|| "none".to_owned(), |ms| format!("{} ms", figure(*ms)))
        };
        let mean = |value: fn(&Sample) -> f64| {
            within.iter().map(|sample| value(sample)).sum::<f64>() / within.len().max(1) as f64
        };
        table.row(
            phase.name,
            [
                figure(mean(|sample| sample.live as f64)),
                ms(late.get(late.len() / 2)),
                ms(late.last()),
                figure(mean(|sample| sample.bot_cores.unwrap_or_default())),
                phase.count.to_string(),
                figure(phase.to_s - phase.from_s),
            ],
        );
    }
    table.note(
        "late: behind the pace of the prompt's own earliest frame, in each two seconds; 300 ms are sent ahead, and only what arrives later leaves a gap",
    );
    table.note(format!(
        "gaps heard in all phases: {}; callers, who share the processors, add to the lateness",
        run.counts.gaps
    ));
    table.print();
}
