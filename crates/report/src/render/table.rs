//! The table of one setting: one row a method, the same cells for every renderer.

use super::group::RunFacts as _;
use equipoise_records::{Aim, Guarantee, Iterate};
use serde::Serialize;

use super::group::{GAP, GAP_TAU, Method, Setting, Spread};
use super::number::{factor, median_count, plain, short};
use super::verdict::Ending;
use equipoise_records::schema::RunRecord;

/// Rows, and what is needed to read them.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Table {
    pub(crate) columns: Vec<Column>,
    /// Headings over neighbouring columns: text and number of columns.
    pub(crate) groups: Vec<(String, usize)>,
    pub(crate) rows: Vec<Row>,
    /// Reading notes.
    pub(crate) notes: Vec<String>,
}

/// One column.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Column {
    pub(crate) group: String,
    pub(crate) title: String,
    pub(crate) numeric: bool,
    /// Its heading in a terminal, if it is worth its width there.
    pub(crate) brief: Option<String>,
}

/// One method.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Row {
    pub(crate) key: usize,
    pub(crate) label: String,
    /// Aim and guarantee, in words.
    pub(crate) about: String,
    /// Whether the method ended at the equilibrium it aims at; `false` also for those that aim at none.
    pub(crate) there: bool,
    pub(crate) diverged: bool,
    pub(crate) cells: Vec<Cell>,
}

/// One entry.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Cell {
    pub(crate) text: String,
    /// Range over repetitions, a window, or what else belongs in small print.
    pub(crate) detail: String,
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self { text, detail: String::new() }
    }
}

const NEVER: &str = "-";

/// The table of `setting`.
pub(crate) fn table(setting: &Setting<'_>) -> Table {
    let targets = setting.targets();
    let pays_queries = setting.runs().any(|r| r.record.queries > 0);
    let pays_duels = setting.runs().any(|r| r.record.duels > 0);
    let repeats = setting.methods.iter().map(|m| m.runs.len()).max().unwrap_or(0);
    let brief_target = hardest_reached(setting, &targets);

    let mut columns = Vec::new();
    let mut cells: Vec<Vec<Cell>> = setting.methods.iter().map(|_| Vec::new()).collect();
    let mut add = |column: Column, cell: &dyn Fn(&Method<'_>) -> Cell| {
        columns.push(column);
        for (row, method) in cells.iter_mut().zip(&setting.methods) {
            row.push(cell(method));
        }
    };
    let column = |group: &str, title: &str, numeric: bool, brief: Option<&str>| Column {
        group: group.into(),
        title: title.into(),
        numeric,
        brief: brief.map(str::to_owned),
    };

    let gaps: &[(&str, &str)] = if setting.tau > 0.0 {
        &[(GAP_TAU, "regularised gap"), (GAP, "gap in the original game")]
    } else {
        &[(GAP, "duality gap")]
    };
    for (metric, group) in gaps {
        for iterate in [Iterate::Last, Iterate::Average] {
            let brief = (*metric == setting.metric() || iterate == Iterate::Last)
                .then(|| format!("{}\n{iterate}", if *metric == GAP_TAU { "gap_tau" } else { "gap" }));
            add(column(group, iterate.name(), true, brief.as_deref()), &|m| {
                spread_cell(m.final_spread(iterate, metric), &short)
            });
        }
    }
    for (duels, group, paid) in
        [(false, "queries to reach", pays_queries), (true, "duels to reach", pays_duels)]
    {
        for &target in targets.iter().filter(|_| paid) {
            let coin = if duels { "duels" } else { "queries" };
            let brief = (brief_target == Some(target)).then(|| format!("{coin}\nto {}", short(target)));
            add(column(group, &short(target), true, brief.as_deref()), &|m| cost_cell(m, target, duels));
        }
    }
    add(column("", "steps", true, None), &|m| {
        spread_cell(Spread::of(m.runs.iter().map(|r| r.record.steps as f64)), &median_count)
    });
    add(column("", "behaviour", false, Some("behaviour")), &|m| word_cell(m, |r| r.behaviour.name()));
    add(column("", "stopped by", false, None), &|m| word_cell(m, |r| r.stop_reason.name()));
    add(column("factor per step", "fitted", true, Some("factor\na step")), &fitted_cell);
    add(column("factor per step", "predicted", true, None), &|m| {
        let predicted = m.runs.iter().filter_map(|r| r.record.rate.as_ref()?.predicted);
        Spread::of(predicted).map_or_else(|| NEVER.to_owned().into(), |s| factor(s.median).into())
    });

    let rows = setting.methods.iter().zip(cells).map(|(m, cells)| row(m, cells)).collect();
    let mut groups: Vec<(String, usize)> = Vec::new();
    for column in &columns {
        match groups.last_mut() {
            Some((group, n)) if *group == column.group && !group.is_empty() => *n += 1,
            _ => groups.push((column.group.clone(), 1)),
        }
    }
    Table { columns, groups, rows, notes: notes(setting, repeats, pays_queries, pays_duels) }
}

fn row(method: &Method<'_>, cells: Vec<Cell>) -> Row {
    let record = &method.first().record;
    let aim = match record.aim {
        Aim::Regularised if record.tau > 0.0 => "to the regularised equilibrium",
        Aim::Original | Aim::Regularised => "to Nash",
        Aim::Other => "to no equilibrium",
    };
    let proved = match record.guarantee {
        Guarantee::Last => "; proved: last",
        Guarantee::Average => "; proved: average",
        Guarantee::Both => "; proved: both",
        Guarantee::None => "",
    };
    let ending = Ending::of_method(method).0;
    Row {
        key: method.key,
        label: plain(method.label),
        about: format!("{aim}{proved}"),
        there: matches!(ending, Ending::Reaches | Ending::OneShotReaches),
        diverged: ending == Ending::Diverges,
        cells,
    }
}

/// The smallest target that any last iterate reached, else the largest there is.
fn hardest_reached(setting: &Setting<'_>, targets: &[f64]) -> Option<f64> {
    let reached =
        |t: f64| setting.runs().any(|r| r.reached(Iterate::Last, t).is_some_and(|r| r.step.is_some()));
    targets.iter().rev().copied().find(|&t| reached(t)).or(targets.first().copied())
}

fn spread_cell(spread: Option<Spread>, show: &dyn Fn(f64) -> String) -> Cell {
    let Some(s) = spread else { return NEVER.to_owned().into() };
    let (low, high) = (show(s.min), show(s.max));
    let detail = if low == high { String::new() } else { format!("{low} to {high}") };
    Cell { text: show(s.median), detail }
}

/// Cost of reaching `target`: of the last iterate, else of the average, which is then said.
fn cost_cell(method: &Method<'_>, target: f64, duels: bool) -> Cell {
    if !method.runs.iter().any(|run| if duels { run.record.duels > 0 } else { run.record.queries > 0 }) {
        return Cell::default();
    }
    for iterate in [Iterate::Last, Iterate::Average] {
        let paid: Vec<f64> = method
            .runs
            .iter()
            .filter_map(|run| run.reached(iterate, target))
            .filter_map(|r| if duels { r.duels } else { r.queries })
            .map(|c| c as f64)
            .collect();
        let (n, all) = (paid.len(), method.runs.len());
        if n > 0 {
            let mut cell = spread_cell(Spread::of(paid), &median_count);
            if n < all {
                cell.detail = format!("{n} of {all} runs");
            }
            if iterate == Iterate::Average {
                cell.text.push_str(" avg");
            }
            return cell;
        }
    }
    NEVER.to_owned().into()
}

/// The most common word over repetitions, with its count where they differ.
fn word_cell(method: &Method<'_>, word: fn(&RunRecord) -> &'static str) -> Cell {
    let words: Vec<String> = method.runs.iter().map(|r| word(&r.record).replace('-', " ")).collect();
    let times = |w: &String| words.iter().filter(|v| *v == w).count();
    let mut best = &words[0];
    for w in &words {
        if times(w) > times(best) {
            best = w;
        }
    }
    let detail = if times(best) == words.len() {
        String::new()
    } else {
        format!("{} of {}", times(best), words.len())
    };
    Cell { text: best.clone(), detail }
}

fn fitted_cell(method: &Method<'_>) -> Cell {
    let rates = || method.runs.iter().filter_map(|r| r.record.rate.as_ref());
    let Some(spread) = Spread::of(rates().filter_map(|r| r.fitted)) else { return NEVER.to_owned().into() };
    let window = rates().find_map(|r| r.window).filter(|_| method.runs.len() == 1);
    let detail = window.map_or(String::new(), |(a, b)| {
        format!("steps {} to {}", median_count(a as f64), median_count(b as f64))
    });
    Cell { text: factor(spread.median), detail }
}

fn notes(setting: &Setting<'_>, repeats: usize, pays_queries: bool, pays_duels: bool) -> Vec<String> {
    let mut notes = Vec::new();
    if repeats > 1 {
        notes.push(format!("Medians over {repeats} repetitions; small print: smallest to largest."));
    }
    if setting.tau > 0.0 {
        notes.push(
            "Costs are counted to the regularised gap; for methods that aim at the original game, to its gap.".into(),
        );
    }
    notes.push(match (pays_queries, pays_duels) {
        (true, false) => "No method paid duels.".into(),
        (false, true) => "No method paid win-rate queries.".into(),
        _ => String::new(),
    });
    if setting.runs().any(|r| !r.record.reached.is_empty()) {
        notes.push(
            "Costs are those of the first time at or below the target: of the last iterate, or (avg) of \
             the average if only that got there; -: never; empty: the method does not pay in this coin."
                .into(),
        );
    }
    notes.retain(|n| !n.is_empty());
    notes
}
