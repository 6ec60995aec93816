//! The answer first: which method converges to what it aims at, and for how much, all games in one table.

use equipoise_records::{Aim, Iterate};
use serde::Serialize;

use crate::model::cost::CostUnit;
use crate::model::group::{Game, Method, RunFacts as _, Setting};
use crate::model::number::{median_count, plain, short};
use crate::model::outcome::OutcomeClass;
use crate::model::spread::Spread;

/// One row a method, one column a game and tau.
#[derive(Debug, Serialize)]
pub(crate) struct Answer {
    pub(crate) heading: String,
    /// Game, and tau in words.
    pub(crate) columns: Vec<(String, String)>,
    pub(crate) rows: Vec<AnswerRow>,
    pub(crate) note: String,
}

/// One method.
#[derive(Debug, Serialize)]
pub(crate) struct AnswerRow {
    pub(crate) key: usize,
    pub(crate) label: String,
    pub(crate) cells: Vec<String>,
}

/// Columns up to which the table can be read.
const WIDEST: usize = 12;

/// The table over `games`; none if nothing was run, no target was recorded, or there are too many games.
pub(crate) fn answer(games: &[Game<'_>]) -> Option<Answer> {
    let settings: Vec<(&Game<'_>, &Setting<'_>)> =
        games.iter().flat_map(|g| g.settings.iter().map(move |s| (g, s))).collect();
    if settings.len() > WIDEST {
        return None;
    }
    // the hardest target: arriving there is not mistaken for passing by
    let target = settings.iter().flat_map(|(_, s)| s.targets()).reduce(f64::min)?;
    let mut rows: Vec<AnswerRow> = Vec::new();
    for method in settings.iter().flat_map(|(_, s)| &s.methods) {
        if rows.iter().all(|row| row.key != method.key) {
            rows.push(AnswerRow { key: method.key, label: plain(method.label), cells: Vec::new() });
        }
    }
    rows.sort_by_key(|row| row.key);
    for (game, setting) in &settings {
        let original = game.settings.iter().any(|s| s.tau == 0.0);
        for row in &mut rows {
            let method = setting.methods.iter().find(|m| m.key == row.key);
            row.cells.push(method.map_or(String::new(), |m| cell(m, setting.tau > 0.0 && original, target)));
        }
    }
    let column = |(game, setting): &(&Game<'_>, &Setting<'_>)| {
        (plain(&game.record.name), format!("tau = {}", short(setting.tau)))
    };
    let blank = if settings.iter().any(|(_, s)| s.tau > 0.0) {
        " Blank: it plays the original game, whatever tau."
    } else {
        ""
    };
    Some(Answer {
        heading: format!(
            "Which methods converge: cost until the gap of the last iterate is {}",
            short(target)
        ),
        columns: settings.iter().map(column).collect(),
        rows,
        note: format!(
            "At tau = 0 the gap of the original game, else of the regularised one. A number: queries (or duels) until it \
             was there to stay. Else how it ended: falling: on its way when stopped; undecided: too slow to judge; cycles, \
             average falls: the last policy cycles, the average of all still comes closer; or the gap at which it stays.\
             {blank}"
        ),
    })
}

/// What became of one method: its cost, or how it ended.
fn cell(method: &Method<'_>, elsewhere: bool, target: f64) -> String {
    let record = &method.first().record;
    if elsewhere && record.aim == Aim::Original {
        return String::new();
    }
    let last = method.final_spread(Iterate::Last, method.first().own_metric()).map(|s| s.median);
    if last.is_some_and(|gap| gap <= target) {
        return CostUnit::ALL
            .into_iter()
            .find_map(|unit| paid(method, target, unit))
            .unwrap_or_else(|| "there".into());
    }
    let gap = last.map_or_else(|| "not measured".into(), short);
    let Some(class) = OutcomeClass::of_method(method) else {
        return "repetitions differ".into();
    };
    match class {
        OutcomeClass::Converged
        | OutcomeClass::Finished
        | OutcomeClass::OneShotConverged
        | OutcomeClass::StartsThere => format!("ends {gap}"),
        OutcomeClass::TargetReached => format!("its target, {gap}"),
        OutcomeClass::Approaching => "falling".into(),
        OutcomeClass::CyclingAverageFalls => "cycles, average falls".into(),
        OutcomeClass::Undecided => "undecided".into(),
        OutcomeClass::Stalled => format!("stalls {gap}"),
        OutcomeClass::Noisy => format!("noisy {gap}"),
        OutcomeClass::Cycling => "cycles".into(),
        OutcomeClass::OneShotAway => format!("gap {gap}"),
        OutcomeClass::Diverged => "diverges".into(),
        OutcomeClass::Unmeasured => gap,
    }
}

/// The median cost of reaching `target`, if every repetition did and was charged in this unit.
fn paid(method: &Method<'_>, target: f64, unit: CostUnit) -> Option<String> {
    if !unit.charges(method) {
        return None;
    }
    let costs =
        method.runs.iter().map(|run| run.reached(Iterate::Last, target).and_then(|r| unit.of_reached(r)));
    let costs: Vec<f64> = costs.map(|cost| cost.map(|c| c as f64)).collect::<Option<_>>()?;
    let unit = if unit == CostUnit::Duels { " duels" } else { "" };
    Spread::of(costs).map(|s| format!("{}{unit}", median_count(s.median)))
}
