//! What is written for other programs: traces, tables, drawings, and what a sweep says.

#![allow(
    clippy::unwrap_used,
    reason = "also the fixture and the helpers of a test should stop it where it fails"
)]
#![allow(dead_code, reason = "the fixture is shared")]

mod fixture;

use std::path::Path;

use equipoise_records::read;
use equipoise_report::{Exports, Figures, Look, write_reports_as};
use fixture::{NASTY, experiment, folder, write};
use serde_json::json;

fn all() -> Exports {
    Exports { csv: true, latex: true, figures: Some(Figures::Svg) }
}

#[test]
fn one_tidy_table_holds_every_recorded_value() {
    let dir = folder("exports-csv");
    write(&experiment(), &dir);
    let exports = Exports { csv: true, ..Exports::default() };
    let (_, written) = write_reports_as(&dir, Look::default(), exports).unwrap();
    assert_eq!(written, [dir.join("traces.csv")]);
    assert!(!dir.join("tables.tex").exists() && !dir.join("figures").exists());
    let results = read(&dir).unwrap();
    let values: usize = results.runs.iter().map(|run| run.trace.as_ref().unwrap().len()).sum();
    let mut table = csv::Reader::from_path(dir.join("traces.csv")).unwrap();
    let header: Vec<String> = table.headers().unwrap().iter().map(str::to_owned).collect();
    let at =
        |name: &str| header.iter().position(|h| h == name).unwrap_or_else(|| panic!("{name}: {header:?}"));
    let rows: Vec<csv::StringRecord> = table.records().map(Result::unwrap).collect();
    assert_eq!(rows.len(), values);
    // what a row says of its run is what the run says
    for row in &rows {
        let run = results.runs.iter().find(|run| run.record.id == row[at("run")]).unwrap();
        assert_eq!((&row[at("method")], &row[at("solver")]), (&*run.record.label, &*run.record.solver));
        assert_eq!(row[at("repetition")], run.record.repetition.to_string());
        let step = run.record.parameters.get("step_size").map_or(String::new(), ToString::to_string);
        assert_eq!(row[at("parameter_step_size")], step);
        let (number, place) = (&row[at("value")], &row[at("step")]);
        let same = |p: &&equipoise_records::schema::TracePoint| {
            p.step.to_string() == *place
                && p.metric == row[at("metric")]
                && p.iterate.name() == &row[at("iterate")]
        };
        let point = run.trace.as_ref().unwrap().iter().find(same).unwrap();
        match number.parse::<f64>() {
            Ok(value) => assert_eq!(value.to_bits(), point.value.to_bits()),
            // NaN and infinities are no numbers of a table
            Err(_) => assert!(number.is_empty() && !point.value.is_finite(), "{number}"),
        }
    }
}

#[test]
fn tables_for_a_paper_are_balanced_and_escaped() {
    let dir = folder("exports-latex");
    write(&experiment(), &dir);
    write_reports_as(&dir, Look::default(), all()).unwrap();
    let text = std::fs::read_to_string(dir.join("tables.tex")).unwrap();
    assert!(text.matches("\\begin{tabular}").count() >= 4);
    assert_eq!(text.matches("\\begin{tabular}").count(), text.matches("\\end{tabular}").count());
    assert_eq!(text.matches("\\toprule").count(), text.matches("\\midrule").count());
    assert!(text.contains("step\\_size") && !text.replace("\\_", "").contains('_'), "{text}");
    // every row has as many cells as its table has columns
    let mut columns = 0;
    for line in text.lines() {
        if let Some(kinds) = line.strip_prefix("\\begin{tabular}{") {
            columns = kinds.trim_end_matches('}').len();
        } else if line.ends_with("\\\\") {
            assert_eq!(line.replace("\\&", "").matches('&').count() + 1, columns, "{line}");
        }
    }
}

#[test]
fn every_drawing_is_a_file_that_stands_alone() {
    let dir = folder("exports-figures");
    write(&experiment(), &dir);
    let (rendered, written) = write_reports_as(&dir, Look::default(), all()).unwrap();
    let figures: Vec<_> = written.iter().filter(|p| p.extension().is_some_and(|e| e == "svg")).collect();
    assert_eq!(figures.len(), rendered.html.matches("<figure>").count());
    let mut legends = 0;
    for path in figures {
        let svg = std::fs::read_to_string(path).unwrap();
        assert!(svg.starts_with("<?xml") && svg.contains("<svg xmlns=\"http://www.w3.org/2000/svg\""));
        assert_eq!(svg.matches("<svg").count(), svg.matches("</svg>").count(), "{}", path.display());
        assert!(!svg.contains("<script") && !svg.contains(NASTY), "{}", path.display());
        let name = path.file_name().unwrap().to_str().unwrap();
        assert!(name.chars().all(|c| c.is_ascii_alphanumeric() || "-.".contains(c)), "{name}");
        legends += usize::from(svg.contains(">1 egpo") || svg.contains(" egpo"));
    }
    assert!(legends > 3, "curves have their legend");
}

#[test]
fn bands_are_quantiles_of_choice() {
    let dir = folder("exports-bands");
    write(&experiment(), &dir);
    let page = |bands| write_reports_as(&dir, Look { bands }, Exports::default()).unwrap().0.html;
    let (range, quartiles) = (page(None), page(Some(0.25)));
    assert!(range.contains("band: smallest to largest") && !range.contains("quantile"));
    assert!(quartiles.contains("band: 0.25 to 0.75 quantile") && !quartiles.contains("band: smallest"));
}

/// Values of one parameter are one method, with its best value first.
#[test]
fn a_sweep_is_one_method_with_its_sensitivity() {
    let mut experiment = experiment();
    let step = |k: usize| 0.05 * 4f64.powi(k as i32);
    let mut runs = Vec::new();
    let (record, trace, path) =
        experiment.runs.iter().find(|(r, ..)| r.solver == "egpo" && r.tau == 0.0).unwrap().clone();
    for k in 0..4 {
        let mut record = record.clone();
        record.id = format!("{:016x}", 77 + k);
        record.label = format!("egpo step_size={}", step(k));
        record.parameters = json!({ "step_size": step(k) });
        let gap = record.final_metrics.get_mut(&equipoise_records::Iterate::Last).unwrap();
        gap.insert("duality_gap".into(), Some([1e-2, 1e-4, 1e-6, 1e-3][k]));
        runs.push((record, trace.clone(), path.clone()));
    }
    let game = record.game.clone();
    experiment.runs = runs;
    let dir = folder("exports-sweep");
    write(&experiment, &dir);
    let (rendered, written) = write_reports_as(&dir, Look::default(), all()).unwrap();
    let words = rendered.terminal.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        words.contains("Best step_size of egpo: lowest gap 1e-6 at 0.8; 4 values from 0.05 to 3.2."),
        "{game}: {words}"
    );
    assert!(rendered.html.contains("Sensitivity: final duality gap against the parameter of a sweep"));
    // one row a sweep, that of its best value; the others below it
    let (table, _) =
        words.split_once("3 other values of sweeps are in the report").expect("says what is left out");
    let (_, table) = table.rsplit_once("a step -").expect("its header");
    assert!(table.contains("egpo 1e-6") && table.contains("step_size=0.8"), "{table}");
    assert!(!table.contains("step_size=0.2"), "{table}");
    assert!(rendered.html.contains("best of 4 values of step_size, 0.05 to 3.2"));
    let (table, others) = rendered.html.split_once("The other 3 values of sweeps").unwrap();
    assert!(table.contains("egpo step_size=0.8<small>") && !table.contains("egpo step_size=0.2<small>"));
    assert!(others.contains("egpo step_size=0.2<small>"));
    let markdown = std::fs::read_to_string(Path::new(&dir).join("report.md")).unwrap();
    let (table, others) = markdown.split_once("The other 3 values of sweeps:").unwrap();
    assert!(
        table.contains("| egpo step\\_size=0.8 |") && others.contains("\n| 4 | egpo step\\_size=3.2 |"),
        "{markdown}"
    );
    assert!(written.iter().any(|p| p.to_string_lossy().contains("sensitivity")));
    let svg = |p: &&std::path::PathBuf| p.to_string_lossy().contains("sensitivity");
    let figure = std::fs::read_to_string(written.iter().find(svg).unwrap()).unwrap();
    assert!(figure.contains("step_size") && figure.matches("<circle").count() >= 4, "{figure}");
    assert!(Path::new(&dir).join("figures").is_dir());
}

/// Methods that met the same noise are compared in pairs: the interval of the ratio is drawn, and it is that of the sentence.
#[test]
fn intervals_of_pairs_are_drawn() {
    let mut experiment = experiment();
    let (record, trace, path) =
        experiment.runs.iter().find(|(r, ..)| r.solver == "egpo" && r.tau == 0.0).unwrap().clone();
    let mut runs = Vec::new();
    for (m, factor) in [(0u32, 1.0), (1, 3.0)] {
        for k in 0..8u32 {
            let mut record = record.clone();
            record.id = format!("{:016x}", 900 + 8 * m + k);
            record.label = format!("egpo step_size={}", 0.1 * f64::from(m + 1));
            record.parameters = json!({ "step_size": 0.1 * f64::from(m + 1) });
            (record.repetition, record.duels) = (k, 1000);
            if let Some(judgement) = record.judgement.as_mut() {
                judgement.floor = None;
            }
            // in pairs the factor is told to a tenth, though the noise of a repetition is a hundredfold
            let noise =
                10f64.powf(-f64::from(k) / 4.0) * (1.0 + if m == 1 { 0.01 * f64::from(k) } else { 0.0 });
            let gap = record.final_metrics.get_mut(&equipoise_records::Iterate::Last).unwrap();
            gap.insert("duality_gap".into(), Some(factor * noise));
            runs.push((record, trace.clone(), path.clone()));
        }
    }
    experiment.runs = runs;
    let dir = folder("exports-pairs");
    write(&experiment, &dir);
    let (rendered, written) = write_reports_as(&dir, Look::default(), all()).unwrap();
    let words = rendered.terminal.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("Noise is shared"), "{words}");
    assert!(rendered.html.contains("Level at the end, in pairs"));
    let svg = |p: &&std::path::PathBuf| p.to_string_lossy().contains("in-pairs");
    let figure = std::fs::read_to_string(written.iter().find(svg).unwrap()).unwrap();
    // eight pairs: from the smallest to the largest ratio, 3 to 3.21
    assert!(figure.contains("3.11 times as high, 95 % interval 3 to 3.21"), "{figure}");
    assert!(figure.matches("<circle").count() >= 8);
}
