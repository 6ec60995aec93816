//! Of more games than a page can show one by one: what they are and how the methods end, in numbers, and which get a section.

use std::collections::BTreeMap;

use equipoise_records::{CONVERGED, Iterate};

use super::verdict::{Shape, Statement, lead, shape, statement, tied_on_top};
use crate::model::group::{Game, RunFacts as _};
use crate::model::number::{count, percent, plain, plural, short};
use crate::model::outcome::OutcomeClass;
use crate::model::spread::Spread;

/// Up to so many games each have a section; a page of more could not be opened.
pub(super) const MOST: usize = 100;
/// Of more games, so many have one.
const SHOWN: usize = 24;
/// Methods whose endings are counted in sentences; the tables over all games have the others.
const METHODS: usize = 12;

/// The games that get a section, in their order: all, or of more than [`MOST`] those where the methods have most left to go
/// when they stop.
pub(super) fn shown(games: &[Game<'_>]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..games.len()).collect();
    if games.len() > MOST {
        order.sort_by(|&a, &b| left(&games[b]).total_cmp(&left(&games[a])).then(a.cmp(&b)));
        order.truncate(SHOWN);
        order.sort_unstable();
    }
    order
}

/// The largest gap that is left to a run, each by its own metric; infinite where one diverged.
fn left(game: &Game<'_>) -> f64 {
    let runs = game.settings.iter().flat_map(|s| &s.methods).flat_map(|m| &m.runs);
    runs.filter_map(|run| match run.diverged() {
        true => Some(f64::INFINITY),
        false => run.final_value(Iterate::Last, run.own_metric()),
    })
    .fold(0.0, f64::max)
}

/// What the games are and how the methods end on them; nothing where every game has a section.
pub(super) fn population(games: &[Game<'_>]) -> Vec<Statement> {
    if games.len() <= MOST {
        return Vec::new();
    }
    let mut out = Vec::new();
    let facts: Vec<_> = games.iter().filter_map(|g| g.record.facts.as_ref().map(|f| (g.record, f))).collect();
    let of = |n: usize| {
        format!(
            "{} of {} games ({})",
            count(n as u64),
            count(facts.len() as u64),
            percent(n as f64 / facts.len() as f64)
        )
    };
    if !facts.is_empty() {
        let shapes: Vec<Shape> = facts.iter().map(|(_, f)| shape(f)).collect();
        let words = [
            (Shape::Transitive, "have an action that beats all others and no cycle"),
            (Shape::CyclicBelow, "have one, and cycles below it"),
            (Shape::Tied, "have neither, because of ties"),
            (Shape::Cyclic, "are cyclic, and no action beats all others"),
        ];
        let counted: Vec<String> = words
            .iter()
            .map(|(which, words)| (shapes.iter().filter(|s| *s == which).count(), words))
            .filter(|(n, _)| *n > 0)
            .map(|(n, words)| format!("{} {words}", of(n)))
            .collect();
        out.push(statement("The games", format!("{}.", counted.join("; "))));

        let (tied, single): (Vec<_>, Vec<_>) =
            facts.iter().partition(|(game, f)| tied_on_top(game, f).len() > 1);
        let beaten: Vec<_> = single.iter().filter(|(_, f)| f.bt_gap > CONVERGED).collect();
        let mut text = format!("is Nash in {}", of(single.len() - beaten.len()));
        let gaps = Spread::of(beaten.iter().map(|(_, f)| f.bt_gap));
        let worst = beaten.iter().max_by(|(_, a), (_, b)| a.bt_gap.total_cmp(&b.bt_gap));
        if let (Some(gaps), Some((worst, _))) = (gaps, worst) {
            text += &format!(
                "; in {} it loses to some action, with a duality gap of {} in the median, from {} to {} ({})",
                count(beaten.len() as u64),
                short(gaps.median),
                short(gaps.min),
                short(gaps.max),
                plain(&worst.name),
            );
        }
        if !tied.is_empty() {
            text += &format!("; in {} the highest ratings are tied", count(tied.len() as u64));
        }
        out.push(statement("Bradley-Terry's pick", text + "."));
    }
    out.extend(endings(games));
    let shown = shown(games);
    out.push(statement(
        "With a section each",
        format!(
            "the {} games where the methods have most left to go when they stop, of {}. The facts of all games are in \
             games.json, the results of all runs in summary.json and under runs/; `report --csv` writes every curve.",
            shown.len(),
            count(games.len() as u64),
        ),
    ));
    out
}

/// How each method ends, over all games, repetitions and tau.
fn endings(games: &[Game<'_>]) -> Vec<Statement> {
    let mut ends: BTreeMap<usize, (&str, BTreeMap<OutcomeClass, usize>)> = BTreeMap::new();
    for method in games.iter().flat_map(|g| &g.settings).flat_map(|s| &s.methods) {
        let (_, classes) = ends.entry(method.key).or_insert((method.label, BTreeMap::new()));
        for run in &method.runs {
            *classes.entry(OutcomeClass::of(run)).or_default() += 1;
        }
    }
    let mut out: Vec<Statement> = Vec::new();
    for (label, classes) in ends.values().take(METHODS) {
        let all: usize = classes.values().sum();
        let parts: Vec<String> = classes
            .iter()
            .map(|(&class, &n)| {
                format!(
                    "{}: {} ({})",
                    lead(class, "its equilibrium"),
                    plural(n, "run"),
                    percent(n as f64 / all as f64)
                )
            })
            .collect();
        out.push(statement(plain(label), format!("{}.", parts.join("; "))));
    }
    if ends.len() > METHODS {
        out.push(statement(
            "Other methods",
            format!("{} more, in the tables over all games.", count((ends.len() - METHODS) as u64)),
        ));
    }
    out
}
