//! The questions of [`inspect_observed`](super::inspect_observed) for many items, most of whose pairs never met: in time and memory of
//! the comparisons, without a dense matrix.
//!
//! **One rating.** Of a few comparisons an item, fitted strengths are too far apart, and data drawn from them are not those of the
//! null, however many items there are. So the null holds what one rating leaves free, the wins of every item and the ties, and draws
//! the rest ([`GivenWins`]): an exact test whatever the ratings. Strengths, favourites, and the part of the margins that a rating
//! explains depend on wins and ties alone, so that nothing is fitted again. Of hundreds of thousands of comparisons only some are
//! drawn anew, which leaves the test exact and makes it weak: that it does not reject then shows nothing. The measures are those of the dense way; where every pair
//! met once, energy and deviance are the same in all data sets, and triads alone decide. What is left unexplained beyond noise is
//! measured on pairs that met at least twice, with `b` the fitted margin:
//!
//! ```text
//! sum_e n_e (u_e - 2 b_e m_e + b_e^2) / sum_e n_e u_e,     u_e = (n_e^2 m_e^2 - d_e / 4) / (n_e (n_e - 1))
//! ```
//!
//! (`n_e` comparisons, `d_e` of them decisive, margin `m_e`; `u_e` has the mean of the squared true margin).
//!
//! **Cycles.** The strongest cycle is tested as of few items ([`transitive`](crate::transitive)). Where pairs met a few times no cycle is
//! beyond noise by itself, and that is what is said: counts of triads do not help out, as the scores of the items nearly determine them.
//!
//! What is left open: lotteries unless all pairs met, singular values, null data of measures that decide nothing; of rankings, contexts
//! and annotators one rating an item, as their comparisons do not turn one by one.

mod given_wins;

use equipoise_core::logistic::logistic;
use equipoise_data::{Comparisons, Observations, PairCount};
use equipoise_reference::choice::smith_set_of;
use equipoise_reference::{Equilibrium, Selection, context_lottery};
use rayon::prelude::*;

use self::given_wins::GivenWins;
use super::measures::{InspectError, Loss, Measured, favourites, statistics};
use super::statistic::{CURL, DEVIANCE, ENERGY, LOSS, SIGNIFICANT, STATISTICS};
use super::{
    DECIDING, Inspection, LEVEL, Measure, SEEN, TOLERATED, Verdict, ascending, loses, rounding,
    smallest_p_value,
};
use crate::canonical::Canonical;
use crate::clusters::Clusters;
use crate::cycles::cycle_facts_of_many;
use crate::entries::BRADLEY_TERRY;
use crate::pair_fit::{PointFit, strengths_of_many};
use crate::power::power;
use crate::registry::Watch;
use crate::transitive::tested;
use crate::triads::{Ranking, Side, Triads};

/// Look-ups of triads that are made at most.
const LOOK_UPS: u64 = 20_000_000_000;
/// Triads that are kept in a list, 48 MiB, and so found once for all data sets: of many items with a few comparisons there are few,
/// and finding them takes as long as turning the wins.
const LISTED: usize = 1 << 22;
/// Decisive comparisons that are turned at most.
const MOST: f64 = 1e8;
/// Comparisons in all data sets of a null.
const EFFORT: f64 = 4e7;
/// Data sets that are drawn nevertheless: each of five measures may have its largest value in another one, so that fewer than a
/// hundred could not reject at [`LEVEL`].
const LEAST: usize = 199;
/// Data sets that are drawn for a cycle whose weakest link is within noise.
const WEAK: usize = 39;
/// Pairs that met twice from which what is left unexplained is measured.
const REPEATED: usize = 30;
/// Data sets drawn between two reports.
const BATCH: usize = 16;

/// See the head of this module; `watch` hears of the share that is done.
pub(super) fn inspect_many(
    given: &Observations,
    replicates: usize,
    seed: u64,
    watch: Watch<'_>,
) -> Result<Inspection, InspectError> {
    let order = Canonical::of(given).order;
    let data = &given.comparisons.among(&order);
    let (n, alone) = (data.n(), given.clusters().is_none());
    let triads = Triads::new(n, &data.pairs, Ranking::Degree);
    if triads.cost() > LOOK_UPS {
        return Err(InspectError::TooManyTriads { look_ups: triads.cost(), most: LOOK_UPS });
    }
    let clusters = if alone { None } else { Clusters::of(&given.reordered(&order)) };
    let (fit, explained) = strengths_of_many(data, given, &BRADLEY_TERRY)?;
    watch(0.1);
    let replicates = match given.no_noise() {
        None => replicates.min(((EFFORT / data.total) as usize).max(LEAST)),
        Some(_) => 0,
    };
    let mut cycles = cycle_facts_of_many(data, &triads, clusters.as_ref());
    let design = Design::new(data, &triads, &fit, explained);
    let mut seen = design.measure(&design.wins);
    seen.values[CURL] = cycles.largest_curl;
    seen.values[SIGNIFICANT] = cycles.significant as f64;
    (seen.values[Measure::StrongestCycle as usize], seen.values[Measure::ItemsOnCycles as usize]) =
        (cycles.strongest_cycle, cycles.items_on_cycles);
    watch(0.2);
    let decisive: f64 = design.decisive.iter().sum();
    let turned = alone && decisive <= MOST && replicates > 0;
    let (mut drawn, mut is_weak) = (Vec::with_capacity(replicates), false);
    if turned {
        let wins = GivenWins::new(data, replicates, seed);
        is_weak = wins.is_weak;
        for from in (0..replicates).step_by(BATCH) {
            let batch = (from..replicates.min(from + BATCH)).into_par_iter();
            drawn.extend(batch.map(|k| design.measure(&wins.draw(k))).collect::<Vec<Measured>>());
            watch(0.2 + 0.5 * drawn.len() as f64 / replicates as f64);
        }
    }
    let rounding: [f64; STATISTICS.len()] = std::array::from_fn(|k| rounding(k, &seen, data.total));
    let tests = |k: usize| DECIDING.iter().any(|&m| m as usize == k);
    let statistics = statistics(seen.values, &seen, &drawn, &rounding, tests);
    let p = |measure: Measure| statistics[measure as usize].p_value;
    let one_rating_p_value =
        (!drawn.is_empty()).then(|| smallest_p_value(&DECIDING, &seen, &drawn, &rounding));
    let speaks_most =
        DECIDING.into_iter().min_by(|&a, &b| p(a).partial_cmp(&p(b)).expect("p-values are numbers"));
    let corrected_energy = if drawn.is_empty() { None } else { design.unexplained(&fit) };
    // a p-value is at least that of the weakest link: where that is large, the rest matters little
    let draws = |weakest: Option<f64>| match weakest {
        Some(p) if p < LEVEL => replicates,
        _ => replicates.min(WEAK),
    };
    let cycle_test = tested(data, clusters.as_ref(), draws, seed);
    watch(0.9);
    let design_effect = clusters.as_ref().map_or(1.0, |c| c.design_effect(data));
    let mut power =
        power(data, (fit.deviance, fit.degrees_of_freedom), &cycles, &cycle_test, None, design_effect);
    let of_given = |triad: [usize; 3]| triad.map(|i| order[i]);
    power.triad = power.triad.map(|(triad, votes)| (of_given(triad), votes));
    cycles.strongest_triad = cycles.strongest_triad.map(of_given);
    let rejected = one_rating_p_value.is_some_and(|p| p < LEVEL);
    let visible = power.cycle_win_rate.is_some_and(|rate| rate < SEEN + 0.005);
    let verdict = match cycle_test.p_value {
        None => Verdict::Unknown,
        Some(p) if p < LEVEL => Verdict::CyclicBeyondNoise,
        _ if rejected
            && p(Measure::FavouriteLoss) < Some(LEVEL)
            && seen.loss.as_ref().is_some_and(|loss| loses(loss, clusters.as_ref()) < LEVEL) =>
        {
            Verdict::FavouriteBeaten
        }
        _ if rejected && corrected_energy.is_none_or(|share| share > TOLERATED) => Verdict::Misfit,
        _ if one_rating_p_value.is_some() && (rejected || (visible && !is_weak)) => Verdict::Adequate,
        _ => Verdict::TooFew,
    };
    let (nash, no_lottery) = lottery(&given.comparisons)?;
    let scores = copeland(&given.comparisons);
    let mut log_strength = fit.log_strength.clone();
    order.iter().zip(&fit.log_strength).for_each(|(&i, r)| log_strength[i] = *r);
    watch(1.0);
    Ok(Inspection {
        condorcet_winner: scores.iter().position(|s| *s == (n - 1) as f64),
        smith_set: smith_set_of(&scores),
        favourites: ascending(seen.favourites.iter().map(|&i| order[i])),
        worst_opponent: seen.worst.map(|i| order[i]),
        nash,
        no_lottery,
        nash_ranges: None,
        cycles,
        cycle_test: cycle_test.renumbered(&order),
        bradley_terry: PointFit { log_strength, ..fit },
        null: match (turned, is_weak) {
            (false, _) => "none",
            (true, false) => "bradley-terry, given the wins and ties of each item",
            (true, true) => {
                "bradley-terry, given the wins and ties of each item; few wins turned, a weak test"
            }
        },
        not_drawn: (replicates > 0 && !turned).then_some(if alone {
            "more than 10^8 decisive comparisons are not turned one by one"
        } else {
            "of more than 3000 items, comparisons that are not independent are not turned one by one"
        }),
        statistics,
        one_rating_p_value,
        deciding: &DECIDING,
        speaks_most: speaks_most.expect("some measures decide"),
        corrected_energy,
        skew_rank: None,
        power,
        design_effect,
        replicates,
        verdict,
    })
}

/// Number of items beaten, and half the number of those tied with, or never met.
fn copeland(data: &Comparisons) -> Vec<f64> {
    let mut scores = vec![0.5 * (data.n() - 1) as f64; data.n()];
    for p in &data.pairs {
        let margin = p.margin(0.0);
        if margin != 0.0 {
            let (winner, loser) = if margin > 0.0 { (p.i, p.j) } else { (p.j, p.i) };
            scores[winner] += 0.5;
            scores[loser] -= 0.5;
        }
    }
    scores
}

/// A maximal lottery where all pairs met, else why there is none.
fn lottery(data: &Comparisons) -> Result<(Option<Equilibrium>, Option<&'static str>), InspectError> {
    if data.unmet() > 0 {
        return Ok((None, Some("some pairs never met")));
    }
    let found = context_lottery(&data.game_of_pairs(0.0), 0, Selection::Vertex, &|_| ())?;
    Ok((Some(found), None))
}

/// What is the same in all data sets, and what is looked up in each.
struct Design<'a> {
    data: &'a Comparisons,
    triads: &'a Triads,
    /// All triads, if they are at most [`LISTED`].
    listed: Option<Vec<[Side; 3]>>,
    favourites: Vec<usize>,
    /// Of each favourite: the pairs it is in.
    replies: Vec<Vec<usize>>,
    /// Of each pair: wins of the first item as seen, decisive comparisons, ties, all comparisons.
    wins: Vec<u32>,
    decisive: Vec<f64>,
    ties: Vec<f64>,
    met: Vec<f64>,
    /// Of all triads: the sum of the least of the three counts.
    weight: f64,
    /// Energy that a rating explains.
    explained: f64,
    /// Twice the largest log-likelihood.
    likelihood: f64,
}

impl<'a> Design<'a> {
    fn new(data: &'a Comparisons, triads: &'a Triads, fit: &PointFit, explained: f64) -> Self {
        let of = |value: fn(&PairCount) -> f64| data.pairs.iter().map(value).collect::<Vec<f64>>();
        let favourites = favourites(&fit.log_strength);
        let mut among = vec![usize::MAX; data.n()];
        favourites.iter().enumerate().for_each(|(k, &f)| among[f] = k);
        let mut replies = vec![Vec::new(); favourites.len()];
        for (at, p) in data.pairs.iter().enumerate() {
            for k in [among[p.i], among[p.j]].into_iter().filter(|k| *k != usize::MAX) {
                replies[k].push(at);
            }
        }
        let met = of(PairCount::met);
        let (mut weight, mut listed) = (0.0, Some(Vec::new()));
        triads.each(|_, sides| {
            weight += least(&met, sides);
            match &mut listed {
                Some(list) if list.len() < LISTED => list.push(sides),
                _ => listed = None,
            }
        });
        let mut design = Self {
            data,
            triads,
            listed,
            favourites,
            replies,
            wins: data.pairs.iter().map(|p| p.outcomes().0 as u32).collect(),
            decisive: of(|p| p.outcomes().0 + p.outcomes().1),
            ties: of(|p| p.outcomes().2),
            met,
            weight,
            explained,
            likelihood: 0.0,
        };
        design.likelihood = design.saturated(&design.wins) - fit.deviance;
        design
    }

    #[inline]
    fn each_triad(&self, mut visit: impl FnMut([Side; 3])) {
        match &self.listed {
            Some(list) => list.iter().copied().for_each(visit),
            None => self.triads.each(|_, sides| visit(sides)),
        }
    }

    /// Share of wins of the first item of a pair, ties as half.
    fn score(&self, pair: usize, wins: f64) -> f64 {
        wins + 0.5 * self.ties[pair]
    }

    /// Twice the log-likelihood of free win rates.
    fn saturated(&self, wins: &[u32]) -> f64 {
        // ln 1 is 0, and most pairs of many items met once
        let term = |x: f64, all: f64| if x > 0.0 && x < all { x * (x / all).ln() } else { 0.0 };
        let of = |(pair, w): (usize, &u32)| {
            let (met, first) = (self.met[pair], self.score(pair, f64::from(*w)));
            term(first, met) + term(met - first, met)
        };
        2.0 * wins.iter().enumerate().map(of).sum::<f64>()
    }

    fn measure(&self, wins: &[u32]) -> Measured {
        // that of the data in fractions too
        let seen = std::ptr::eq(wins, self.wins.as_slice());
        let won = |pair: usize| if seen { self.data.pairs[pair].outcomes().0 } else { f64::from(wins[pair]) };
        let lead: Vec<f64> = (0..wins.len()).map(|pair| 2.0 * won(pair) - self.decisive[pair]).collect();
        let margin = |pair: usize| self.score(pair, won(pair)) / self.met[pair] - 0.5;
        let (mut cyclic, mut weight) = (0u64, 0.0);
        self.each_triad(|sides| {
            let [ij, jk, ik] = sides;
            let (a, b, c) = (ij.of(lead[ij.pair()]), jk.of(lead[jk.pair()]), -ik.of(lead[ik.pair()]));
            if (a > 0.0 && b > 0.0 && c > 0.0) || (a < 0.0 && b < 0.0 && c < 0.0) {
                cyclic += 1;
                weight += least(&self.met, sides);
            }
        });
        let total_energy: f64 = (0..wins.len()).map(|pair| self.met[pair] * margin(pair).powi(2)).sum();
        let cyclic_energy = (total_energy - self.explained).max(0.0);
        let mut values = [f64::NAN; STATISTICS.len()];
        values[Measure::CyclicTriads as usize] = cyclic as f64;
        values[Measure::WeightedTriads as usize] = if self.weight > 0.0 { weight / self.weight } else { 0.0 };
        values[ENERGY] = if total_energy > 0.0 { cyclic_energy / total_energy } else { 0.0 };
        values[DEVIANCE] = self.saturated(wins) - self.likelihood;
        // equal favourites are one: what the one of them loses that loses least
        let reply = |(&f, pairs): (&usize, &Vec<usize>)| {
            let against = |&pair: &usize| {
                let first = self.data.pairs[pair].i == f;
                (pair, if first { -margin(pair) } else { margin(pair) })
            };
            let best = pairs.iter().map(against).filter(|(_, loss)| *loss >= 0.0);
            let best = best.fold(None, |best: Option<(usize, f64)>, new| match best {
                Some(best) if best.1 >= new.1 => Some(best),
                _ => Some(new),
            });
            (f, best)
        };
        let (favourite, worst) = self
            .favourites
            .iter()
            .zip(&self.replies)
            .map(reply)
            .min_by(|(_, a), (_, b)| a.map_or(0.0, |a| a.1).total_cmp(&b.map_or(0.0, |b| b.1)))
            .expect("somebody has the largest strength");
        values[LOSS] = worst.map_or(0.0, |(_, margin)| margin);
        let loss = worst.map(|(pair, _)| {
            let (first, second) = (won(pair), self.decisive[pair] - won(pair));
            let is_first = self.data.pairs[pair].i == favourite;
            let (wins, losses) = if is_first { (first, second) } else { (second, first) };
            Loss { pair, wins, losses }
        });
        let worst = worst.map(|(pair, _)| {
            let p = &self.data.pairs[pair];
            if p.i == favourite { p.j } else { p.i }
        });
        let favourites = if seen { self.favourites.clone() } else { Vec::new() };
        Measured { values, cyclic_energy, total_energy, favourites, worst, loss }
    }

    /// Share of the squared margins that the fitted strengths leave unexplained beyond noise, on pairs that met at least twice. `None` if
    /// too few did.
    fn unexplained(&self, fit: &PointFit) -> Option<f64> {
        let (mut pairs, mut left, mut all) = (0, 0.0, 0.0);
        for (pair, p) in self.data.pairs.iter().enumerate().filter(|(_, p)| p.met() >= 2.0) {
            let (met, m) = (self.met[pair], p.margin(0.0));
            let b = logistic(fit.log_strength[p.i] - fit.log_strength[p.j]) - 0.5;
            let square = ((met * m).powi(2) - 0.25 * self.decisive[pair]) / (met * (met - 1.0));
            pairs += 1;
            left += met * (square - 2.0 * m * b + b * b);
            all += met * square;
        }
        (pairs >= REPEATED && all > 0.0).then(|| (left / all).clamp(0.0, 1.0))
    }
}

fn least(met: &[f64], sides: [Side; 3]) -> f64 {
    sides.iter().map(|side| met[side.pair()]).fold(f64::INFINITY, f64::min)
}

#[cfg(test)]
mod tests;
