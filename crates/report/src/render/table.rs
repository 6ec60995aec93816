//! The table of one setting: one row a method, the same cells for every renderer.

use equipoise_records::schema::RunRecord;
use equipoise_records::{Aim, DUALITY_GAP_TAU, Direction, Guarantee, Iterate, MetricInfo, Run};
use serde::Serialize;

use super::verdict::NAMES;
use crate::model::cost::CostUnit;
use crate::model::group::{Method, RunFacts as _, Setting};
use crate::model::metric;
use crate::model::number::{capitalised, count, factor, list, median_count, plain, short};
use crate::model::outcome::{OutcomeClass, at_equilibrium};
use crate::model::spread::Spread;
use crate::model::sweep::Sweep;
use crate::model::time_to_target::TimeToTarget;

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
    /// A value of a sweep that is not its best one: told below the table, which has a sweep as one method.
    pub(crate) swept: bool,
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

/// A table that grows column by column.
struct Builder<'a> {
    methods: &'a [Method<'a>],
    columns: Vec<Column>,
    cells: Vec<Vec<Cell>>,
}

impl<'a> Builder<'a> {
    fn new(methods: &'a [Method<'a>]) -> Self {
        Self { methods, columns: Vec::new(), cells: methods.iter().map(|_| Vec::new()).collect() }
    }

    /// Adds a column of numbers.
    fn numbers(
        &mut self,
        group: &str,
        title: &str,
        brief: Option<String>,
        cell: impl Fn(&Method<'_>) -> Cell,
    ) {
        self.add(Column { group: group.into(), title: title.into(), numeric: true, brief }, cell);
    }

    /// Adds a column of words without a group.
    fn words(&mut self, title: &str, brief: Option<String>, word: fn(&RunRecord) -> &'static str) {
        let column = Column { group: String::new(), title: title.into(), numeric: false, brief };
        self.add(column, |m| word_cell(m, word));
    }

    fn add(&mut self, column: Column, cell: impl Fn(&Method<'_>) -> Cell) {
        self.columns.push(column);
        for (row, method) in self.cells.iter_mut().zip(self.methods) {
            row.push(cell(method));
        }
    }

    fn finish(self, notes: Vec<String>) -> Table {
        let mut groups: Vec<(String, usize)> = Vec::new();
        for column in &self.columns {
            match groups.last_mut() {
                Some((group, n)) if *group == column.group && !group.is_empty() => *n += 1,
                _ => groups.push((column.group.clone(), 1)),
            }
        }
        let rows = self.methods.iter().zip(self.cells).map(|(m, cells)| row(m, cells)).collect();
        Table { columns: self.columns, groups, rows, notes }
    }
}

/// The iterates that have a column: averages only where some method iterates.
fn iterates(setting: &Setting<'_>) -> &'static [Iterate] {
    if setting.iterates() { &[Iterate::Last, Iterate::Average] } else { &[Iterate::Last] }
}

/// The table of `setting`: the gaps, what they cost, how the runs went.
pub(crate) fn table(setting: &Setting<'_>) -> Table {
    let targets = setting.targets();
    let (charged, once): (Vec<CostUnit>, Vec<CostUnit>) = CostUnit::ALL
        .into_iter()
        .filter(|unit| setting.methods.iter().any(|m| unit.charges(m)))
        .partition(|unit| has_columns(setting, *unit));
    let brief_target = hardest_reached(setting, &targets);

    let mut table = Builder::new(&setting.methods);
    for info in setting.metrics.iter().filter(|m| metric::is_gap(m)) {
        let own = info.name == setting.metric();
        let group = if own || setting.tau == 0.0 { metric::title(info) } else { "gap in the original game" };
        for &iterate in iterates(setting) {
            let name = if info.name == DUALITY_GAP_TAU { "gap_tau" } else { "gap" };
            let brief = (own || iterate == Iterate::Last).then(|| format!("{name}\n{iterate}"));
            table.numbers(group, iterate.name(), brief, |m| metric_cell(m, iterate, &info.name));
        }
    }
    for &unit in &charged {
        for &target in &targets {
            let name = unit.short_name();
            let brief = (brief_target == Some(target)).then(|| format!("{name}\nto {}", short(target)));
            let cell = |m: &Method<'_>| cost_cell(m, target, unit);
            table.numbers(&format!("{name} to reach"), &short(target), brief, cell);
        }
    }
    table.numbers("", "steps", None, |m| {
        spread_cell(Spread::of(m.runs.iter().map(|r| r.record.steps as f64)), &median_count)
    });
    table.words("behaviour", Some("behaviour".into()), |r| r.behaviour.name());
    table.words("stopped by", None, |r| r.stop_reason.name());
    table.numbers("factor per step", "fitted", Some("factor\na step".into()), fitted_cell);
    table.numbers("factor per step", "predicted", None, |m| {
        let predicted = m.runs.iter().filter_map(|r| r.record.rate.as_ref()?.predicted);
        Spread::of(predicted).map_or_else(|| NEVER.to_owned().into(), |s| factor(s.median).into())
    });
    table.finish(notes(setting, &charged, &once))
}

/// Whether costs in `unit` are worth columns: not where only methods that answer at once are charged in it and none of
/// them is at a target.
fn has_columns(setting: &Setting<'_>, unit: CostUnit) -> bool {
    let reached = |m: &Method<'_>| m.runs.iter().flat_map(|r| &r.record.reached).any(|r| r.step.is_some());
    setting.methods.iter().any(|m| unit.charges(m) && (!m.one_shot() || reached(m)))
}

/// The final values of the metrics that are no gaps; `None` if there are none.
pub(crate) fn metrics_table(setting: &Setting<'_>) -> Option<Table> {
    let metrics: Vec<&MetricInfo> = setting.metrics.iter().copied().filter(|m| !metric::is_gap(m)).collect();
    if metrics.is_empty() {
        return None;
    }
    let mut table = Builder::new(&setting.methods);
    for info in &metrics {
        for &iterate in iterates(setting) {
            table.numbers(&metric::axis_name(info), iterate.name(), None, |m| {
                metric_cell(m, iterate, &info.name)
            });
        }
    }
    let directions = [Direction::Lower, Direction::Higher].into_iter().filter_map(|direction| {
        let names: Vec<String> =
            metrics.iter().filter(|m| m.direction == direction).map(|m| m.name.clone()).collect();
        (!names.is_empty())
            .then(|| format!("{} is better: {}.", capitalised(direction.name()), names.join(", ")))
    });
    let notes = repetitions_note(setting).into_iter().chain(directions).collect();
    Some(table.finish(notes))
}

fn metric_cell(method: &Method<'_>, iterate: Iterate, metric: &str) -> Cell {
    if iterate == Iterate::Average && method.one_shot() {
        return Cell::default();
    }
    spread_cell(method.final_spread(iterate, metric), &short)
}

fn row(method: &Method<'_>, cells: Vec<Cell>) -> Row {
    let record = &method.first().record;
    let aim = match record.aim {
        Aim::Regularised if record.tau > 0.0 => "to the regularised equilibrium",
        Aim::Original | Aim::Regularised => "to Nash",
        Aim::Other => "to no equilibrium",
    };
    // of every setting that is one row: its game, temperature and step
    let proved = match record.proved {
        Some(Guarantee::Last) => "; proved here: last",
        Some(Guarantee::Average) => "; proved here: average",
        Some(Guarantee::Both) => "; proved here: both",
        Some(Guarantee::None) | None => "",
    };
    Row {
        key: method.key,
        label: plain(method.label),
        about: format!("{aim}{proved}"),
        there: at_equilibrium(method),
        diverged: OutcomeClass::of_method(method) == Some(OutcomeClass::Diverged),
        swept: false,
        cells,
    }
}

impl Table {
    /// Leaves of each sweep the row of its best value, marked with what it is the best of.
    pub(crate) fn fold(&mut self, sweeps: &[Sweep<'_>], metric: &str) {
        let told: Vec<(&Sweep<'_>, usize)> =
            sweeps.iter().filter_map(|s| Some((s, s.best(metric)?.2.key))).collect();
        for row in &mut self.rows {
            for (sweep, _) in told.iter().filter(|(_, best)| *best == row.key) {
                row.about = format!("{}; best of {}", row.about, sweep.extent());
            }
            let of = |sweep: &Sweep<'_>| sweep.points.iter().any(|p| p.1.key == row.key);
            row.swept = told.iter().any(|(s, _)| of(s)) && told.iter().all(|(_, best)| *best != row.key);
        }
    }

    /// How many rows are not in the table itself.
    pub(crate) fn folded(&self) -> usize {
        self.rows.iter().filter(|row| row.swept).count()
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
fn cost_cell(method: &Method<'_>, target: f64, unit: CostUnit) -> Cell {
    if !unit.charges(method) {
        return Cell::default();
    }
    for iterate in [Iterate::Last, Iterate::Average] {
        // what a one-shot method plays is no average of anything
        if iterate == Iterate::Average && method.one_shot() {
            continue;
        }
        let cost = |run: &Run| {
            let reached = run.iterates().contains(&iterate).then(|| run.reached(iterate, target)).flatten();
            (reached.and_then(|r| unit.of_reached(r)).map(|c| c as f64), unit.of_run(&run.record) as f64)
        };
        let costs: Vec<_> = method.runs.iter().map(|run| cost(run)).collect();
        let Some(times) = TimeToTarget::of(&costs).filter(|times| times.reached > 0) else { continue };
        let mut cell = if times.reached < times.runs {
            censored_cell(&times)
        } else {
            spread_cell(Spread::of(costs.iter().filter_map(|(cost, _)| *cost)), &median_count)
        };
        if iterate == Iterate::Average {
            cell.text.push_str(" avg");
        }
        return cell;
    }
    // a dip of a rotating or noisy iterate is no arrival
    let touched = method.runs.iter().filter_map(|run| unit.of_touch(run.reached(Iterate::Last, target)?));
    let detail = touched.min().map_or(String::new(), |cost| format!("first touched at {}", count(cost)));
    Cell { text: NEVER.to_owned(), detail }
}

/// The median over all repetitions of which some did not reach the target, or what it exceeds; the interval where there are enough, and
/// the expected cost with restarts.
fn censored_cell(times: &TimeToTarget) -> Cell {
    let TimeToTarget { runs, reached, median, at_least, interval, expected } = *times;
    let text =
        if median.is_finite() { median_count(median) } else { format!("> {}", median_count(at_least)) };
    let mut detail = format!("{reached} of {runs} runs");
    if let Some((low, high)) = interval.filter(|(low, _)| low.is_finite()) {
        let high = if high.is_finite() { format!("to {}", median_count(high)) } else { "or more".to_owned() };
        detail.push_str(&format!("; 95%: {} {high}", median_count(low)));
    }
    if let Some(expected) = expected {
        detail.push_str(&format!("; expected {}", median_count(expected)));
    }
    Cell { text, detail }
}

/// The word of all repetitions; where they differ, each with its count, none in the name of the others.
fn word_cell(method: &Method<'_>, word: fn(&RunRecord) -> &'static str) -> Cell {
    let mut counts: Vec<(String, usize)> = Vec::new();
    for run in &method.runs {
        let word = word(&run.record).replace('-', " ");
        match counts.iter_mut().find(|(w, _)| *w == word) {
            Some((_, n)) => *n += 1,
            None => counts.push((word, 1)),
        }
    }
    if let [(word, _)] = &counts[..] {
        return word.clone().into();
    }
    counts.sort_by_key(|(_, n)| std::cmp::Reverse(*n));
    let parts: Vec<String> = counts.iter().map(|(word, n)| format!("{word} {n}")).collect();
    Cell { text: parts.join(", "), detail: format!("of {} repetitions", method.runs.len()) }
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

fn repetitions_note(setting: &Setting<'_>) -> Option<String> {
    let repetitions = setting.methods.iter().map(|m| m.runs.len()).max().unwrap_or(0);
    (repetitions > 1)
        .then(|| format!("Medians over {repetitions} repetitions; small print: smallest to largest."))
}

/// Where some repetitions of a method reached a target and others did not.
fn censored_note(setting: &Setting<'_>) -> Option<String> {
    let reached = |run: &Run| -> Vec<bool> { run.record.reached.iter().map(|r| r.step.is_some()).collect() };
    let differ = |m: &Method<'_>| m.runs.iter().any(|run| reached(run) != reached(m.first()));
    setting.methods.iter().any(differ).then(|| {
        "Costs of a target that some repetitions did not reach: the median counts those as beyond the others (`>`: at most half \
         reached it, and the median is larger than this); its 95% interval is that of the sign test; expected: with restarts, all that \
         was spent over the repetitions that reached it."
            .to_owned()
    })
}

fn notes(setting: &Setting<'_>, charged: &[CostUnit], once: &[CostUnit]) -> Vec<String> {
    let mut notes: Vec<String> =
        repetitions_note(setting).into_iter().chain(censored_note(setting)).collect();
    if setting.tau > 0.0 {
        notes.push(
            "Costs are counted to the regularised gap; for methods that aim at the original game, to its gap.".into(),
        );
    }
    for &unit in CostUnit::ALL.iter().filter(|unit| !charged.contains(unit)) {
        notes.push(if once.contains(&unit) {
            let costs = setting
                .methods
                .iter()
                .filter(|m| unit.charges(m))
                .map(|m| format!("{} ({})", plain(m.label), count(unit.of_run(&m.first().record))));
            format!("Charged in {}, once: {}.", unit.name(), list(&costs.collect::<Vec<_>>(), NAMES))
        } else {
            format!("No method is charged in {}.", unit.name())
        });
    }
    if setting.runs().any(|r| !r.record.reached.is_empty()) {
        notes.push(
            "Costs are those of coming to the target to stay, at or below it to the end: of the last iterate, or (avg) of \
             the average if only that did; -: not to stay, with the first touch if there was one; empty: the method is not \
             charged in this unit."
                .into(),
        );
    }
    if setting.iterates() && setting.methods.iter().any(Method::one_shot) {
        notes.push("A method that answers once has no average.".into());
    }
    notes
}
