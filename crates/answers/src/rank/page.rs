//! The record of a leaderboard's page.

use equipoise::data::{Comparisons, Grouped, PairCount, Selection};
use equipoise::models::intransitivity::inspect_observed;
use equipoise::models::leaderboard::Leaderboard as Ratings;
use equipoise::models::{BRADLEY_TERRY, PairOptions, fit};
use equipoise::reference::choice::condorcet_winner;
use equipoise_records::leaderboard::{Context, FORMAT, Item, Leaderboard};

use super::{RankData, RankOptions};
use crate::error::AnswerError;
use crate::inspect::InspectVerdict;
use crate::progress::{Progress, Stage};
use crate::source::tie_rule;
use crate::standings::StandingsAnswer;

/// Data sets drawn under one rating an item, for the verdict.
const NULL_SETS: usize = 499;

/// What a page says of itself.
#[derive(Clone, Debug, Default)]
pub struct PageOptions {
    /// What it is called.
    pub title: String,
    /// Which rows were selected.
    pub selection: Selection,
}

/// Everything that the pages show.
/// Most items of a page: it holds the win rates of all pairs.
const MOST_ITEMS: usize = 1000;

pub(super) fn record(
    given: &RankData,
    (found, points): (&Ratings, Option<&StandingsAnswer>),
    options: &RankOptions,
    page: &PageOptions,
    progress: &dyn Progress,
) -> Result<Leaderboard, AnswerError> {
    let data = &given.observations.comparisons;
    let n = data.n();
    if n > MOST_ITEMS {
        let rule = format!(
            "draws at most {MOST_ITEMS} items, and there are {n}: leave the page out, the table and --json have them all"
        );
        return Err(AnswerError::option("html", "", rule));
    }
    let order: Vec<usize> = found.rows.iter().map(|s| s.item).collect();
    let mut place = vec![0; n];
    order.iter().enumerate().for_each(|(k, &i)| place[i] = k);
    let (mut win_rates, mut met) = (vec![vec![None; n]; n], vec![vec![0.0; n]; n]);
    for p in &data.pairs {
        let (a, b, margin) = (place[p.i], place[p.j], p.margin(0.0));
        (win_rates[a][b], win_rates[b][a]) = (Some(0.5 + margin), Some(0.5 - margin));
        (met[a][b], met[b][a]) = (p.met(), p.met());
    }
    let expected = order.iter().map(|&i| order.iter().map(|&j| found.fit.prob(i, j)).collect()).collect();
    let stage = Stage::begin(progress, "data sets under one rating an item", Some(NULL_SETS));
    let done = || progress.advance(1);
    let inspection = inspect_observed(&given.observations, NULL_SETS, options.seed, &done)?;
    drop(stage);
    let finding = InspectVerdict::of(&given.observations, &inspection);
    let top_set: Vec<usize> = inspection.smith_set.iter().map(|&i| place[i]).collect();
    let enough = format!("{}: {finding}.", capital(finding.word()));
    let mut verdict =
        vec![("Is one rating enough?".to_owned(), enough), ("On top".to_owned(), top(found, data))];
    if !found.fit.exists() {
        let text = "The likelihood has no finite maximum (somebody won all, or lost all, or groups never met); strengths are \
                    the posterior mode under a logistic prior.";
        verdict.push(("Existence".to_owned(), text.to_owned()));
    }
    let items = found
        .rows
        .iter()
        .map(|s| Item {
            label: data.labels[s.item].clone(),
            comparisons: s.comparisons,
            strength: s.strength,
            interval: s.interval,
            bootstrap: s.bootstrap,
            rank: s.rank,
            elo: s.matches.map(|m| (m.elo, m.spread)),
            trueskill: s.matches.map(|m| m.trueskill),
            borda: s.borda,
            copeland: s.copeland,
            nash: s.nash,
            nash_support: s.nash_support,
            worst_opponent: s.worst_opponent.map(|w| (place[w.item], 1.0 - w.rate)),
            worst_met: s.worst_opponent.map(|w| w.met),
            points: points.and_then(|points| points.of(&data.labels[s.item])),
        })
        .collect();
    let mut remarks = data.checks.remarks();
    if let Some(clauses) = points.map(StandingsAnswer::adjustments).filter(|all| !all.is_empty()) {
        remarks.push(format!("Points are {}; nothing else on this page is", clauses.join(", and ")));
    }
    let unmet = data.unmet();
    if unmet > 0 {
        remarks.push(format!("{unmet} of {} pairs never met; they are shown as unknown", n * (n - 1) / 2));
    }
    let contexts = match &given.contexts {
        Some(c) => (0..c.names.len()).map(|k| context(c, k, data, &place)).collect(),
        None => Vec::new(),
    };
    Ok(Leaderboard {
        format: FORMAT,
        title: page.title.clone(),
        source: format!(
            "{} items, {} comparisons, {} ties ({}){}",
            n,
            data.total,
            data.total_ties,
            tie_rule(data.ties),
            selected(&page.selection)
        ),
        remarks,
        verdict,
        items,
        comparisons: data.total,
        win_rates,
        met,
        expected,
        top_set,
        cycle: inspection.cycles.cycle.iter().map(|&i| place[i]).collect(),
        cycle_strength: inspection.cycles.strongest_cycle,
        tops: found
            .tops()
            .iter()
            .flat_map(|(by, tops)| tops.concat().into_iter().map(|k| ((*by).to_owned(), k)))
            .collect(),
        contexts,
        replicates: found.replicates,
        resampled: given.observations.words().to_owned(),
        points: points.map(StandingsAnswer::words),
        order: found.timed.map(|timed| if timed { "time" } else { "shuffles" }.to_owned()),
        seed: options.seed,
        version: env!("CARGO_PKG_VERSION").to_owned(),
    })
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters
        .next()
        .map_or_else(String::new, |first| first.to_uppercase().collect::<String>() + letters.as_str())
}

/// The filters in force.
fn selected(f: &Selection) -> String {
    let one = |what: &str, value: &Option<String>| value.as_ref().map(|v| format!("{what} {v}"));
    let items = f.items.as_ref().map(|list| format!("{} items", list.len()));
    let all = [one("context", &f.context), one("annotator", &f.annotator), items, one("since", &f.since)];
    let all: Vec<String> = all.into_iter().flatten().collect();
    if all.is_empty() { String::new() } else { format!("; selected: {}", all.join(", ")) }
}

/// What can be said of the top.
fn top(found: &Ratings, data: &Comparisons) -> String {
    let first = &found.rows[0];
    let label = |i: usize| data.labels[i].as_str();
    if found.islands() > 1 {
        let islands = found.islands();
        return format!(
            "the items fall into {islands} groups that never met each other; no rating compares them."
        );
    }
    let level: Vec<&str> = found.rows.iter().take_while(|s| s.place == 1).map(|s| label(s.item)).collect();
    if level.len() > 1 {
        return format!("{} have the same strength; none of them is the favourite.", level.join(", "));
    }
    let could = found.rows.iter().filter(|s| s.rank.is_some_and(|r| r.0 == 1)).count();
    let sure = match could {
        0 => "first; how sure that is is not known".to_owned(),
        1 => "surely first".to_owned(),
        k => format!("first, but {} items could be (their rank intervals reach 1)", k),
    };
    let loses = first.worst_opponent.filter(|w| w.rate > 0.5).map_or_else(
        || "nobody it met wins more often than it".to_owned(),
        |w| {
            let (by, wins, met) = (label(w.item), 100.0 * w.rate, w.met);
            format!("it loses head to head to {by}, which wins {wins:.1}% of {met}")
        },
    );
    format!("{} is {sure}; {loses}.", label(first.item))
}

fn context(all: &Grouped, k: usize, data: &Comparisons, place: &[usize]) -> Context {
    let (group, alone) = (&all.groups[k], all.alone(k));
    let at = |label: &str| data.labels.iter().position(|l| l == label).map(|i| place[i]);
    let here = |i: usize| at(&alone.labels[i]);
    let fitted = fit(&alone, &BRADLEY_TERRY, PairOptions::default()).ok();
    let best = fitted.as_ref().map(|f| (f.order()[0], f.exists));
    let beats = |p: &PairCount, i: usize| match i {
        i if i == p.i => Some((p.j, -p.margin(0.0))),
        i if i == p.j => Some((p.i, p.margin(0.0))),
        _ => None,
    };
    let worst = best.and_then(|(i, _)| {
        let losses = alone.pairs.iter().filter_map(|p| beats(p, i)).filter(|(_, margin)| *margin > 0.0);
        losses.max_by(|a, b| a.1.total_cmp(&b.1))
    });
    let mut shares = vec![(0.0, 0.0); data.n()];
    for p in &group.pairs {
        let (wins, losses) = p.scores();
        for (i, won) in [(p.i, wins), (p.j, losses)] {
            if let Some(i) = at(&group.labels[i]) {
                shares[i].0 += won;
                shares[i].1 += p.met();
            }
        }
    }
    let complete = alone.unmet() == 0 && alone.n() > 1;
    Context {
        name: all.names[k].clone(),
        comparisons: group.total,
        favourite: best.and_then(|(i, exists)| Some((here(i)?, exists))),
        complete,
        condorcet_winner: complete.then(|| condorcet_winner(&alone.matrix(0.0))).flatten().and_then(here),
        beaten_by: worst.and_then(|(j, margin)| Some((here(j)?, 0.5 - margin))),
        win_rates: shares.into_iter().map(|(won, met)| (met > 0.0).then(|| won / met)).collect(),
    }
}
