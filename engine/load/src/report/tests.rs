//! Tests of the report.

use std::time::Duration;

use super::*;
use crate::measures::Measures;

fn run(name: &str, add: impl Fn(&mut Set)) -> Run {
    let measures = Measures::default();
    measures.of_call(0, |set| {
        set.record(Figure::Own, 900);
        add(set);
    });
    let stage = Stage {
        calls: 5,
        lasts: Duration::from_secs(10),
        soak: true,
    };
    let measured = Windowed {
        seconds: 10.0,
        live: 4.0,
        bot: Some(ProcessFigures {
            cores: 0.02,
            kernel_cores: 0.01,
            children_cores: 0.02,
        }),
        not_measured: None,
        own: None,
        machine_cores: None,
        pss_kib_mean: Some(20_480),
        pss_kib_max: Some(30_720),
        pss_kib_idle: Some(10_240),
        descriptors_max: Some(40),
        threads_max: None,
    };
    let samples: Vec<Sample> = (0..4)
        .map(|nth| Sample {
            at_s: f64::from(nth),
            live: 5,
            pss_kib: Some(20_480 + nth as u64),
            ..Sample::default()
        })
        .collect();
    let slopes = Slopes::of(&samples);
    Run::new(
        name,
        stage,
        &measures.look(),
        Some(measured),
        samples,
        Some(slopes),
    )
}

fn report(runs: Vec<Run>) -> Report {
    Report {
        version: "0.1.0".to_owned(),
        began: "2026-01-01T00:00:00Z".to_owned(),
        command: "ghanti load".to_owned(),
        machine: Machine::default(),
        calls_per_s: 10.0,
        frame_ms: 20,
        rate_hz: 8_000,
        callers: Vec::new(),
        stopped: false,
        runs,
    }
}

#[test]
fn a_generator_that_falls_behind_makes_its_figures_void() {
    let slow = run("engine", |set| {
        (0..10).for_each(|_| set.record(Figure::Own, 35_000));
    });
    let void = slow.void.clone().unwrap();
    assert!(void.contains("35.0 ms"), "{void}");
    let reports = report(vec![slow, run("floor", |_| {})]);
    assert_eq!(reports.conclusion(false), Conclusion::Void);
    assert!(
        reports
            .markdown(&[])
            .contains("**engine: void, the generator fell behind")
    );
    assert_eq!(
        report(vec![run("floor", |_| {})]).conclusion(false),
        Conclusion::Good
    );
}

#[test]
fn lost_and_wrong_calls_are_bad_and_refused_ones_where_they_are_not_expected() {
    let of = |add: fn(&mut Set), expects| report(vec![run("engine", add)]).conclusion(expects);
    assert_eq!(of(|set| set.counts.wrong = 1, true), Conclusion::Bad);
    assert_eq!(of(|set| set.counts.mute = 1, true), Conclusion::Bad);
    assert_eq!(of(|set| set.counts.dropped = 1, true), Conclusion::Bad);
    assert_eq!(of(|set| set.counts.refused = 1, false), Conclusion::Bad);
    assert_eq!(of(|set| set.counts.refused = 1, true), Conclusion::Good);
}

#[test]
fn the_table_has_a_column_for_each_run_and_rows_that_have_figures() {
    let engine = run("engine", |set| {
        set.record(Figure::FirstAudio, 412_000);
        set.counts.offered = 7;
        set.problem("refused: full".to_owned());
    });
    assert_eq!(engine.bot_ms_per_call_s, Some(10.0));
    let text = report(vec![run("floor", |_| {}), engine]).markdown(&["late.svg".to_owned()]);
    for line in [
        "| | floor | engine |",
        "| calls offered | 0 | 7 |",
        "| answer to first audio | – | 412 / 412 / 412 |",
        "| bot: CPU ms per second of a call | 10.0 | 10.0 |",
        "| bot: PSS before, mean, largest, MiB | 10.0 / 20.0 / 30.0 | 10.0 / 20.0 / 30.0 |",
        "- engine: 1 × refused: full",
        "- memory (PSS), KiB an hour: +3600.00",
        "- descriptors, an hour: not measured",
        "![late.svg](late.svg)",
    ] {
        assert!(
            text.lines().any(|reports| reports == line),
            "`{line}` in\n{text}"
        );
    }
    assert!(!text.contains("onset to `clear` |"), "{text}");
}

#[test]
fn all_files_are_written() {
    let folder = std::env::temp_dir().join(format!("ghanti-load-{}", std::process::id()));
    let engine = run("engine", |set| {
        (0..1_000).for_each(|nth| set.record(Figure::FirstAudio, 300_000 + nth * 100));
    });
    let file = report(vec![engine]).write(&folder).unwrap();
    let text = std::fs::read_to_string(file).unwrap();
    let json: serde_json::Value =
        serde_json::from_slice(&std::fs::read(folder.join("report.json")).unwrap()).unwrap();
    let p99_ms = json["runs"][0]["figures"]["first_audio"]["p99_ms"]
        .as_f64()
        .unwrap();
    assert!((p99_ms - 399.0).abs() < 1.0, "{p99_ms}");
    let svg = std::fs::read_to_string(folder.join("first-audio.svg")).unwrap();
    assert!(svg.contains("<polyline") && svg.contains("99 %"), "{svg}");
    assert!(text.contains("memory.svg") && !text.contains("response.svg"));
    std::fs::remove_dir_all(folder).unwrap();
}
