//! Results for other programs: one tidy table of all traces, tables for a paper, drawings as files.

use std::path::{Path, PathBuf};

use equipoise_records::latex::tabular;
use equipoise_records::{Results, write_file};
use serde_json::Value;

use crate::error::ReportError;
use crate::model::number::plain;
use crate::pdf;
use crate::plot::{Gallery, standalone};
use crate::render::View;

/// All traces, a value a line.
const TRACES: &str = "traces.csv";
/// Tables for a paper.
const TABLES: &str = "tables.tex";
/// The folder of drawings.
const FIGURES: &str = "figures";
/// Columns before those of the parameters, and behind them.
const BEFORE: [&str; 9] =
    ["experiment", "game", "tau", "method", "solver", "repetition", "seed", "oracle", "run"];
const BEHIND: [&str; 7] = ["step", "queries", "duels", "seconds", "iterate", "metric", "value"];

/// What is written beside the pages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Exports {
    /// `traces.csv`: every recorded value of every run, with its method, parameters and seed.
    pub csv: bool,
    /// `tables.tex`: the tables of the pages in LaTeX (package `booktabs`).
    pub latex: bool,
    /// `figures/`: every drawing of the page with its legend, a file each.
    pub figures: Option<Figures>,
}

/// Format of drawings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Figures {
    /// Scalable Vector Graphics; text in the reader's sans-serif font.
    Svg,
    /// Portable Document Format, with the letters used of a sans-serif font of this machine.
    Pdf,
}

/// Writes them into `dir`; answers what was written.
pub(crate) fn write(
    dir: &Path,
    results: &Results,
    view: &View,
    exports: Exports,
) -> Result<Vec<PathBuf>, ReportError> {
    let mut written = Vec::new();
    let mut put = |path: PathBuf, content: &[u8]| -> Result<(), ReportError> {
        write_file(&path, content)?;
        written.push(path);
        Ok(())
    };
    if exports.csv {
        put(dir.join(TRACES), traces(results)?.as_bytes())?;
    }
    if exports.latex {
        put(dir.join(TABLES), tables(view).as_bytes())?;
    }
    if let Some(format) = exports.figures {
        let fonts = (format == Figures::Pdf).then(pdf::Fonts::of_this_machine).transpose()?;
        let folder = dir.join(FIGURES);
        std::fs::create_dir_all(&folder).map_err(equipoise_records::RecordsError::from)?;
        for (name, svg) in figures(view) {
            match &fonts {
                None => put(folder.join(format!("{name}.svg")), svg.as_bytes())?,
                Some(fonts) => put(folder.join(format!("{name}.pdf")), &fonts.pdf(&name, &svg)?)?,
            }
        }
    }
    Ok(written)
}

/// One line a recorded value. A parameter has a column, blank for methods without it, and so is a value that is not finite.
fn traces(results: &Results) -> Result<String, ReportError> {
    let mut keys: Vec<&str> = results
        .runs
        .iter()
        .filter_map(|run| run.record.parameters.as_object())
        .flat_map(|parameters| parameters.keys().map(String::as_str))
        .collect();
    keys.sort_unstable();
    keys.dedup();
    let mut out = csv::Writer::from_writer(Vec::new());
    let named = keys.iter().map(|key| format!("parameter_{key}"));
    let header: Vec<String> = BEFORE
        .iter()
        .map(ToString::to_string)
        .chain(named)
        .chain(BEHIND.iter().map(ToString::to_string))
        .collect();
    out.write_record(header)?;
    let word = |value: Option<&Value>| match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(word)) => word.clone(),
        Some(other) => other.to_string(),
    };
    for run in &results.runs {
        let r = &run.record;
        let mut told = vec![
            r.experiment.clone(),
            r.game.clone(),
            r.tau.to_string(),
            r.label.clone(),
            r.solver.clone(),
            r.repetition.to_string(),
            word(r.spec.get("seed")),
            word(r.spec.get("oracle")),
            r.id.clone(),
        ];
        told.extend(keys.iter().map(|key| word(r.parameters.get(key))));
        for p in run.trace.iter().flatten() {
            let value = if p.value.is_finite() { format!("{:?}", p.value) } else { String::new() };
            let here = [
                p.step.to_string(),
                p.queries.to_string(),
                p.duels.to_string(),
                format!("{:?}", p.seconds),
                p.iterate.name().to_owned(),
                p.metric.to_string(),
                value,
            ];
            out.write_record(told.iter().chain(&here))?;
        }
    }
    let bytes = out.into_inner().map_err(|e| csv::Error::from(e.into_error()))?;
    Ok(String::from_utf8(bytes).expect("texts are UTF-8"))
}

/// The answer table, and a table for each game and tau.
fn tables(view: &View) -> String {
    let mut out = format!("% {}: tables of the report, for the package booktabs\n", one_line(&view.title));
    if let Some(answer) = &view.answer {
        let mut rows =
            vec![std::iter::once(String::new()).chain(answer.columns.iter().map(|c| c.0.clone())).collect()];
        rows.push(
            std::iter::once("method".to_owned()).chain(answer.columns.iter().map(|c| c.1.clone())).collect(),
        );
        let head = rows.len();
        rows.extend(answer.rows.iter().map(|r| [vec![r.label.clone()], r.cells.clone()].concat()));
        out.push_str(&titled(&answer.heading, &rows, head, |column| column > 0));
    }
    for game in &view.games {
        for setting in &game.settings {
            for table in [Some(&setting.table), setting.metrics_table.as_ref()].into_iter().flatten() {
                let title = |c: &crate::render::Column| match c.group.as_str() {
                    "" => c.title.clone(),
                    group => format!("{group}, {}", c.title),
                };
                let mut rows: Vec<Vec<String>> = vec![
                    std::iter::once("method".to_owned()).chain(table.columns.iter().map(title)).collect(),
                ];
                rows.extend(table.rows.iter().map(|row| {
                    let cell = |c: &crate::render::Cell| match c.detail.as_str() {
                        "" => c.text.clone(),
                        detail => format!("{} ({detail})", c.text),
                    };
                    std::iter::once(row.label.clone()).chain(row.cells.iter().map(cell)).collect()
                }));
                let heading = format!("{}: {}", game.name, setting.heading);
                let numeric = |k: usize| k > 0 && table.columns[k - 1].numeric;
                out.push_str(&titled(&heading, &rows, 1, numeric));
            }
        }
    }
    out
}

/// A table with so many rows of head.
fn titled(heading: &str, rows: &[Vec<String>], head: usize, numeric: impl Fn(usize) -> bool) -> String {
    let rows: Vec<Vec<String>> =
        rows.iter().map(|row| row.iter().map(|cell| one_line(cell)).collect()).collect();
    format!("\n% {}\n{}", one_line(heading), tabular(&rows, head, numeric))
}

/// A comment of one line.
fn one_line(text: &str) -> String {
    plain(text).replace(['\n', '\r'], " ")
}

/// Every drawing with its name, which is free of an extension.
fn figures(view: &View) -> Vec<(String, String)> {
    let mut files: Vec<(String, String)> = Vec::new();
    let mut add = |prefix: &str, gallery: &Gallery, legend: &dyn Fn(usize) -> Vec<(String, String)>| {
        for (r, row) in gallery.rows.iter().enumerate() {
            for (k, svg) in row.iter().enumerate() {
                let many = gallery.rows.len() > 1 || row.len() > 1;
                let at = if many { format!("-{}{}", r + 1, letter(k)) } else { String::new() };
                let stem = format!("{prefix}-{}{at}", slug(&gallery.title));
                let free = |name: &String| files.iter().all(|(taken, _)| taken != name);
                let name = std::iter::once(stem.clone())
                    .chain((2..).map(|k| format!("{stem}-{k}")))
                    .find(free)
                    .expect("a number is free");
                let legend = legend(r);
                let legend: Vec<(&str, String)> =
                    legend.iter().map(|(s, t)| (s.as_str(), t.clone())).collect();
                files.push((name, standalone(svg, &legend)));
            }
        }
    };
    for game in &view.games {
        let prefix = format!("{}-{}", game.number, slug(&game.name));
        for setting in &game.settings {
            let prefix = format!("{prefix}-tau-{}", slug(&setting.tau));
            let galleries = setting
                .sensitivity
                .iter()
                .chain(&setting.pairs)
                .chain(&setting.galleries)
                .chain(&setting.metrics_galleries);
            for gallery in galleries {
                let legend = |row: usize| -> Vec<(String, String)> {
                    let shown = gallery.shown.get(row).map_or(&[][..], Vec::as_slice);
                    let rows = setting.table.rows.iter().zip(&setting.swatches);
                    rows.filter(|(r, _)| shown.contains(&r.key))
                        .map(|(r, swatch)| (swatch.clone(), format!("{} {}", r.key, r.label)))
                        .collect()
                };
                add(&prefix, gallery, &legend);
            }
        }
        if let Some(gallery) = &game.matrix {
            add(&prefix, gallery, &|_| Vec::new());
        }
    }
    for learning in &view.learning {
        let Some(gallery) = &learning.gallery else { continue };
        let legend = |row: usize| -> Vec<(String, String)> {
            let shown = gallery.shown.get(row).map_or(&[][..], Vec::as_slice);
            let rows = learning.grids[0].rows.iter().zip(&learning.swatches);
            rows.filter(|(r, _)| shown.contains(&r.key))
                .map(|(r, swatch)| (swatch.clone(), format!("{} {}", r.key, r.label)))
                .collect()
        };
        add("all", gallery, &legend);
    }
    for profile in view.cross_games.iter().flat_map(|section| &section.profiles) {
        let Some(gallery) = &profile.gallery else { continue };
        let legend = |row: usize| -> Vec<(String, String)> {
            let shown = gallery.shown.get(row).map_or(&[][..], Vec::as_slice);
            let rows = profile.solved.rows.iter().zip(&profile.swatches);
            rows.filter(|(r, _)| shown.contains(&r.key))
                .map(|(r, swatch)| (swatch.clone(), format!("{} {}", r.key, r.label)))
                .collect()
        };
        add(&format!("all-{}", slug(&profile.heading)), gallery, &legend);
    }
    files
}

fn letter(k: usize) -> char {
    char::from(b'a' + u8::try_from(k % 26).expect("below 26"))
}

/// Letters, digits and dashes.
fn slug(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            c if c.is_ascii_alphanumeric() || c == '.' => out.push(c.to_ascii_lowercase()),
            _ if out.ends_with('-') || out.is_empty() => {}
            _ => out.push('-'),
        }
        if out.len() >= 60 {
            break;
        }
    }
    out.trim_matches(['-', '.']).to_owned()
}
