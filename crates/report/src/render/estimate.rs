//! What comparisons leave open: the verdict on their noise and intervals, for one game and over all of them.

use std::collections::BTreeMap;

use equipoise_records::CONVERGED;
use equipoise_records::schema::{Estimate, GameRecord};

use super::verdict::{NAMES, Statement, statement};

use crate::model::number::{action, count, list, percent, plain, plural, short};
use crate::model::spread::Spread;

/// Games named for the largest gaps.
const WORST: usize = 5;
/// Level of the tests behind a verdict.
const LEVEL: f64 = 0.05;

/// `[0.1, 0.4]`.
fn interval((low, high): (f64, f64)) -> String {
    format!("[{}, {}]", short(low), short(high))
}

/// What is known of the noise of a game, before anything is said that takes its win rates for exact.
pub(crate) fn on_game(game: &GameRecord) -> Vec<Statement> {
    let Some(estimate) = &game.estimate else { return Vec::new() };
    let verdict = match &estimate.verdict {
        Some(word) => format!("Verdict: {}: {}", plain(word), plain(&estimate.explanation)),
        None => format!("No verdict: {}", plain(&estimate.explanation)),
    };
    let (fewest, most) = estimate.votes;
    let votes = if fewest == most { short(most) } else { format!("{} to {}", short(fewest), short(most)) };
    let mut out = vec![statement(
        "P is an estimate",
        format!(
            "from {} comparisons ({} ties) of {} of {} pairs, {votes} of each that met. {verdict}. What follows takes this P as \
             if it were exact.",
            short(estimate.comparisons),
            short(estimate.ties),
            estimate.pairs_met,
            estimate.pairs,
        ),
    )];
    let (Some(facts), Some(gap), Some(loses)) = (&game.facts, estimate.bt_gap, estimate.bt_loses) else {
        return out;
    };
    let mut text = format!(
        "always playing {} has duality gap {}, interval {}, and some action beats it in {} of the draws",
        action(&facts.bt_favourite),
        short(facts.bt_gap),
        interval(gap),
        percent(loses),
    );
    if let (Some(nash), Some(played)) = (&estimate.nash, &estimate.nash_played) {
        let mut order: Vec<usize> = (0..nash.len().min(facts.nash.len())).collect();
        order.sort_by(|&a, &b| facts.nash[b].total_cmp(&facts.nash[a]).then(played[b].total_cmp(&played[a])));
        let items: Vec<String> = order
            .into_iter()
            .filter(|&i| played[i] > 0.0 || facts.nash[i] > 0.0)
            .map(|i| {
                format!(
                    "{} {} {} (played in {})",
                    action(&game.labels[i]),
                    short(facts.nash[i]),
                    interval(nash[i]),
                    percent(played[i])
                )
            })
            .collect();
        text.push_str(&format!("; the maximal lottery plays {}", list(&items, NAMES)));
    }
    text.push_str(&format!(
        ". Win rates of each pair drawn by itself from their posterior, {} times; no rating is assumed.",
        estimate.draws
    ));
    out.push(statement("Intervals of 95%", text));
    out
}

/// The game in a few words, for lists; `None` where it is no estimate.
pub(crate) fn headline(game: &GameRecord) -> Option<String> {
    let estimate = game.estimate.as_ref()?;
    let verdict = estimate.verdict.as_deref().map_or_else(|| "no verdict on its noise".to_owned(), plain);
    let pick = match (&game.facts, estimate.bt_gap) {
        (Some(facts), Some(gap)) => format!(
            "; Bradley-Terry's pick has gap {} {}",
            short(if facts.bt_gap > CONVERGED { facts.bt_gap } else { 0.0 }),
            interval(gap)
        ),
        _ => String::new(),
    };
    Some(format!("{verdict}{pick}"))
}

/// Up to so many games that are estimates say each for itself what is known: of so few there is no distribution.
const FEW: usize = 6;

/// All games that are estimates together; empty for a few.
pub(crate) fn over_games(games: &[&GameRecord]) -> Vec<Statement> {
    let estimated: Vec<(&GameRecord, &Estimate)> =
        games.iter().filter_map(|game| Some((*game, game.estimate.as_ref()?))).collect();
    let n = estimated.len();
    if n <= FEW {
        return Vec::new();
    }
    let Some(comparisons) = Spread::of(estimated.iter().map(|(_, e)| e.comparisons)) else {
        return Vec::new();
    };
    let mut words: BTreeMap<&str, usize> = BTreeMap::new();
    for (_, estimate) in &estimated {
        *words.entry(estimate.verdict.as_deref().unwrap_or("no verdict")).or_default() += 1;
    }
    let mut words: Vec<(&str, usize)> = words.into_iter().collect();
    words.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
    let words: Vec<String> = words.into_iter().map(|(word, k)| format!("{} in {k}", plain(word))).collect();
    let judged: Vec<bool> = estimated.iter().filter_map(|(_, e)| e.cyclic_beyond_noise).collect();
    let cyclic = judged.iter().filter(|cyclic| **cyclic).count();
    let mut out = vec![statement(
        format!("P is an estimate in {}", plural(n, "game")),
        format!(
            "{} comparisons each (median {}). Cyclic beyond noise: {cyclic} of {} that can be judged, where tests at level {LEVEL} \
             are expected to err in up to {}. Verdicts: {}.",
            if comparisons.min == comparisons.max {
                short(comparisons.max)
            } else {
                format!("{} to {}", short(comparisons.min), short(comparisons.max))
            },
            short(comparisons.median),
            judged.len(),
            short(LEVEL * judged.len() as f64),
            words.join("; "),
        ),
    )];
    let picks: Vec<(&GameRecord, f64, (f64, f64), f64)> = estimated
        .iter()
        .filter_map(|(game, e)| Some((*game, game.facts.as_ref()?.bt_gap, e.bt_gap?, e.bt_loses?)))
        .collect();
    if picks.is_empty() {
        return out;
    }
    let losing = picks.iter().filter(|(_, gap, ..)| *gap > CONVERGED).count();
    let chances: Vec<f64> = picks.iter().map(|(.., loses)| *loses).collect();
    let (low, high) = successes(&chances);
    let expected = chances.iter().sum::<f64>();
    let share = |k: f64| percent(k / picks.len() as f64);
    out.push(statement(
        "Games whose Bradley-Terry pick loses to somebody",
        format!(
            "{} of {} as estimated ({}); over draws of the win rates {}, 95% interval {} to {}.",
            count(losing as u64),
            picks.len(),
            share(losing as f64),
            share(expected),
            share(low as f64),
            share(high as f64),
        ),
    ));
    let mut gaps: Vec<f64> = picks.iter().map(|(_, gap, ..)| *gap).collect();
    gaps.sort_by(f64::total_cmp);
    // between order statistics by linear interpolation
    let at = |p: f64| {
        let place = (gaps.len() - 1) as f64 * p;
        let (low, high) = (gaps[place.floor() as usize], gaps[place.ceil() as usize]);
        short(low + place.fract() * (high - low))
    };
    let surely = picks.iter().filter(|(_, _, (low, _), _)| *low > 0.0).count();
    out.push(statement(
        "Duality gap of that pick",
        format!(
            "as estimated: median {}, quartiles {} and {}, largest {}; the interval excludes 0 in {} of {}.",
            at(0.5),
            at(0.25),
            at(0.75),
            at(1.0),
            surely,
            plural(picks.len(), "game"),
        ),
    ));
    let mut worst: Vec<_> = picks.iter().filter(|(_, gap, ..)| *gap > CONVERGED).collect();
    worst.sort_by(|a, b| b.2.0.total_cmp(&a.2.0).then(b.1.total_cmp(&a.1)));
    let named: Vec<String> = worst
        .iter()
        .take(WORST)
        .map(|(game, gap, range, _)| format!("{} {} {}", plain(&game.name), short(*gap), interval(*range)))
        .collect();
    if !named.is_empty() {
        out.push(statement("Where it loses most, by the lower end", format!("{}.", named.join("; "))));
    }
    out
}

/// Central interval of 95 percent of a number of successes with these chances, independent of each other: the
/// Poisson-binomial distribution, by convolution.
fn successes(chances: &[f64]) -> (usize, usize) {
    let mut mass = vec![1.0];
    for &p in chances {
        mass.push(0.0);
        for k in (0..mass.len()).rev() {
            let before = if k > 0 { mass[k - 1] } else { 0.0 };
            mass[k] = mass[k] * (1.0 - p) + before * p;
        }
    }
    let quantile = |level: f64| {
        let mut below = 0.0;
        let reached = mass.iter().position(|m| {
            below += m;
            below >= level
        });
        reached.unwrap_or(chances.len())
    };
    (quantile(0.025), quantile(0.975))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn successes_are_those_of_a_binomial_for_equal_chances() {
        // Binomial(20, 1/2): Pr(X <= 5) = 0.0207, Pr(X <= 6) = 0.0577, and symmetric
        assert_eq!(successes(&[0.5; 20]), (6, 14));
        assert_eq!(successes(&[0.0, 1.0, 1.0]), (2, 2));
        assert_eq!(successes(&[]), (0, 0));
    }
}
