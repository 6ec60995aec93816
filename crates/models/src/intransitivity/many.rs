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

use self::given_wins::{GivenWins, LANES};
use super::measures::{InspectError, Loss, Measured, favourites, statistics};
use super::statistic::{CURL, DEVIANCE, ENERGY, LOSS, SIGNIFICANT, STATISTICS, Statistic};
use super::{
    DECIDING, Inspection, LEVEL, Measure, SEEN, TOLERATED, Verdict, ascending, loses, rounding,
    smallest_p_value,
};
use crate::canonical::Canonical;
use crate::clusters::Clusters;
use crate::cycles::{CycleFacts, cycle_facts_of_many};
use crate::entries::BRADLEY_TERRY;
use crate::pair_fit::{PointFit, strengths_of_many};
use crate::power::{cycle_votes, power};
use crate::registry::Watch;
use crate::transitive::tested;
use crate::triads::{Ranking, Side, Triads};

/// Look-ups of triads that are made at most.
const LOOK_UPS: u64 = 20_000_000_000;
/// Triads that are kept in a list, 96 MiB, and so found once for all data sets: of many items with a few comparisons there are few,
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
    let clusters = clusters.as_ref();
    let replicates = match given.no_noise() {
        None => replicates.min(((EFFORT / data.total) as usize).max(LEAST)),
        Some(_) => 0,
    };
    // a p-value is at least that of the weakest link: where that is large, the rest matters little
    let draws = |weakest: Option<f64>| match weakest {
        Some(p) if p < LEVEL => replicates,
        _ => replicates.min(WEAK),
    };
    // much of either test takes one thread
    let (mut cycle_test, mut votes) = (None, None);
    let rated = rayon::in_place_scope(|scope| {
        scope.spawn(|_| cycle_test = Some(tested(data, clusters, draws, seed)));
        scope.spawn(|_| votes = cycle_votes(data));
        one_rating(data, given, (triads, clusters), replicates, seed, watch)
    });
    let OneRating {
        fit,
        mut cycles,
        seen,
        turned,
        is_weak,
        statistics,
        p_value,
        speaks_most,
        corrected_energy,
    } = rated?;
    let cycle_test = cycle_test.expect("the scope ends when the test is done");
    watch(0.9);
    let design_effect = clusters.map_or(1.0, |c| c.design_effect(data));
    let deviance = (fit.deviance, fit.degrees_of_freedom);
    let mut power = power(data, deviance, &cycles, (&cycle_test, votes), None, design_effect);
    let of_given = |triad: [usize; 3]| triad.map(|i| order[i]);
    power.triad = power.triad.map(|(triad, votes)| (of_given(triad), votes));
    cycles.strongest_triad = cycles.strongest_triad.map(of_given);
    let p = |measure: Measure| statistics[measure as usize].p_value;
    let rejected = p_value.is_some_and(|p| p < LEVEL);
    let visible = power.cycle_win_rate.is_some_and(|rate| rate < SEEN + 0.005);
    let verdict = match cycle_test.p_value {
        None => Verdict::Unknown,
        Some(p) if p < LEVEL => Verdict::CyclicBeyondNoise,
        _ if rejected
            && p(Measure::FavouriteLoss) < Some(LEVEL)
            && seen.loss.as_ref().is_some_and(|loss| loses(loss, clusters) < LEVEL) =>
        {
            Verdict::FavouriteBeaten
        }
        _ if rejected && corrected_energy.is_none_or(|share| share > TOLERATED) => Verdict::Misfit,
        _ if p_value.is_some() && (rejected || (visible && !is_weak)) => Verdict::Adequate,
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
        one_rating_p_value: p_value,
        deciding: &DECIDING,
        speaks_most,
        corrected_energy,
        skew_rank: None,
        power,
        design_effect,
        replicates,
        verdict,
    })
}

/// What the first question comes to.
struct OneRating {
    fit: PointFit,
    cycles: CycleFacts,
    seen: Measured,
    /// Whether data were drawn, and whether so few wins turn that the test is weak.
    turned: bool,
    is_weak: bool,
    statistics: [Statistic; STATISTICS.len()],
    p_value: Option<f64>,
    speaks_most: Measure,
    corrected_energy: Option<f64>,
}

/// Asks whether one rating is enough; `watch` hears of 0.1 to 0.7.
fn one_rating(
    data: &Comparisons,
    given: &Observations,
    (mut triads, clusters): (Triads, Option<&Clusters>),
    replicates: usize,
    seed: u64,
    watch: Watch<'_>,
) -> Result<OneRating, InspectError> {
    let decisive: f64 = data.pairs.iter().map(|p| p.outcomes().0 + p.outcomes().1).sum();
    let turned = given.clusters().is_none() && decisive <= MOST && replicates > 0;
    let (fitted, (cycles, wins)) = rayon::join(
        || strengths_of_many(data, given, &BRADLEY_TERRY),
        || {
            triads.list(LISTED);
            let cycles = cycle_facts_of_many(data, &triads, clusters);
            (cycles, turned.then(|| GivenWins::new(data, replicates, seed)))
        },
    );
    let (fit, explained) = fitted?;
    watch(0.1);
    let design = Design::new(data, &triads, &fit, explained);
    let mut seen = design.measure(&design.won);
    seen.favourites = design.favourites.clone();
    seen.values[CURL] = cycles.largest_curl;
    seen.values[SIGNIFICANT] = cycles.significant as f64;
    (seen.values[Measure::StrongestCycle as usize], seen.values[Measure::ItemsOnCycles as usize]) =
        (cycles.strongest_cycle, cycles.items_on_cycles);
    watch(0.2);
    let (mut drawn, mut is_weak) = (Vec::with_capacity(replicates), false);
    if let Some(mut wins) = wins {
        wins.number(|pair| design.turning.number(pair));
        is_weak = wins.is_weak;
        let batch = LANES * rayon::current_num_threads();
        for from in (0..replicates).step_by(batch) {
            let sets: Vec<usize> = (from..replicates.min(from + batch)).collect();
            let each = sets.par_chunks(LANES).flat_map_iter(|sets| {
                let turned = wins.draw(sets[0]..sets[0] + sets.len());
                turned.into_iter().map(|turned| design.measure(&design.turned(&turned)))
            });
            drawn.extend(each.collect::<Vec<Measured>>());
            watch(0.2 + 0.5 * drawn.len() as f64 / replicates as f64);
        }
    }
    let rounding: [f64; STATISTICS.len()] = std::array::from_fn(|k| rounding(k, &seen, data.total));
    let tests = |k: usize| DECIDING.iter().any(|&m| m as usize == k);
    let statistics = statistics(seen.values, &seen, &drawn, &rounding, tests);
    let p = |measure: Measure| statistics[measure as usize].p_value;
    let p_value = (!drawn.is_empty()).then(|| smallest_p_value(&DECIDING, &seen, &drawn, &rounding));
    let speaks_most =
        DECIDING.into_iter().min_by(|&a, &b| p(a).partial_cmp(&p(b)).expect("p-values are numbers"));
    let speaks_most = speaks_most.expect("some measures decide");
    let corrected_energy = if drawn.is_empty() { None } else { design.unexplained(&fit) };
    Ok(OneRating { fit, cycles, seen, turned, is_weak, statistics, p_value, speaks_most, corrected_energy })
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

/// Some of the pairs, numbered in their order.
struct Numbered {
    /// A bit for each pair.
    chosen: Vec<u64>,
    /// Those before each word of bits.
    before: Vec<u32>,
    pairs: Vec<u32>,
}

impl Numbered {
    fn new(pairs: usize, is_chosen: impl Fn(usize) -> bool) -> Self {
        let mut all = Self { chosen: vec![0; pairs.div_ceil(64)], before: Vec::new(), pairs: Vec::new() };
        for pair in (0..pairs).filter(|&pair| is_chosen(pair)) {
            all.chosen[pair / 64] |= 1 << (pair % 64);
            all.pairs.push(pair as u32);
        }
        let mut sum = 0;
        for word in &all.chosen {
            all.before.push(sum);
            sum += word.count_ones();
        }
        all
    }

    #[inline]
    fn number(&self, pair: usize) -> Option<u32> {
        let (word, bit) = (self.chosen[pair / 64], 1u64 << (pair % 64));
        (word & bit != 0).then(|| self.before[pair / 64] + (word & (bit - 1)).count_ones())
    }
}

/// What is the same in all data sets, and what is looked up in each: of the pairs whose outcome a measure depends on. Of many items
/// most pairs met once, in no triad, and say the same whoever won.
struct Design<'a> {
    data: &'a Comparisons,
    triads: &'a Triads,
    /// All triads, by the numbers of their pairs, if they are at most [`LISTED`].
    listed: Option<Vec<[Side; 3]>>,
    favourites: Vec<usize>,
    /// Of each favourite: the numbers of the pairs it is in.
    replies: Vec<Vec<u32>>,
    /// The pairs on whose outcome a measure depends; all if triads are not listed.
    turning: Numbered,
    /// Of each of them: wins of the first item as seen, decisive comparisons, ties, all comparisons.
    won: Vec<f64>,
    decisive: Vec<f64>,
    ties: Vec<f64>,
    met: Vec<f64>,
    /// Energy of the others, and twice their log-likelihood of free win rates.
    other_energy: f64,
    other_likelihood: f64,
    /// Of all triads: the sum of the least of the three counts.
    weight: f64,
    /// Energy that a rating explains.
    explained: f64,
    /// Twice the largest log-likelihood.
    likelihood: f64,
}

impl<'a> Design<'a> {
    fn new(data: &'a Comparisons, triads: &'a Triads, fit: &PointFit, explained: f64) -> Self {
        let favourites = favourites(&fit.log_strength);
        let mut among = vec![usize::MAX; data.n()];
        favourites.iter().enumerate().for_each(|(k, &f)| among[f] = k);
        let mut replies = vec![Vec::new(); favourites.len()];
        // of one comparison energy and likelihood are the same whoever won
        let is_once = |p: &PairCount| {
            let (wins, losses, ties) = p.outcomes();
            [wins, losses, ties].iter().all(|x| x.fract() == 0.0) && wins + losses + ties <= 1.0
        };
        let mut turns: Vec<bool> = data.pairs.iter().map(|p| !is_once(p)).collect();
        for (at, p) in data.pairs.iter().enumerate() {
            for k in [among[p.i], among[p.j]].into_iter().filter(|k| *k != usize::MAX) {
                replies[k].push(at as u32);
                turns[at] = true;
            }
        }
        let mut weight = 0.0;
        triads.each(|_, sides| {
            weight += sides.iter().map(|side| data.pairs[side.pair()].met()).fold(f64::INFINITY, f64::min);
        });
        match triads.listed() {
            Some(list) => list.iter().flat_map(|l| &l.1).for_each(|side| turns[side.pair()] = true),
            None => turns.fill(true),
        }
        let turning = Numbered::new(turns.len(), |pair| turns[pair]);
        let number =
            |pair: usize| turning.number(pair).expect("pairs of triads and favourites are among them");
        let listed = triads.listed().map(|list| {
            list.iter().map(|l| l.1.map(|side| side.numbered(number(side.pair())))).collect::<Vec<_>>()
        });
        replies.iter_mut().flatten().for_each(|pair| *pair = number(*pair as usize));
        let (mut once, mut tied) = (0u64, 0u64);
        for (p, _) in data.pairs.iter().zip(&turns).filter(|(_, turns)| !**turns) {
            let (wins, losses, ties) = p.outcomes();
            (once, tied) = (once + (wins + losses) as u64, tied + ties as u64);
        }
        let of = |value: fn(&PairCount) -> f64| {
            turning.pairs.iter().map(|&pair| value(&data.pairs[pair as usize])).collect::<Vec<f64>>()
        };
        let mut design = Self {
            data,
            triads,
            listed,
            favourites,
            replies,
            won: of(|p| p.outcomes().0),
            decisive: of(|p| p.outcomes().0 + p.outcomes().1),
            ties: of(|p| p.outcomes().2),
            met: of(PairCount::met),
            turning,
            other_energy: 0.25 * once as f64,
            other_likelihood: -2.0 * std::f64::consts::LN_2 * tied as f64,
            weight,
            explained,
            likelihood: 0.0,
        };
        design.likelihood = design.saturated(&design.won) - fit.deviance;
        design
    }

    /// Calls `visit` with the sides of every triad, by the numbers of their pairs.
    #[inline]
    fn each_triad(&self, mut visit: impl FnMut([Side; 3])) {
        match &self.listed {
            Some(list) => list.iter().copied().for_each(visit),
            // all pairs have numbers: their own
            None => self.triads.each(|_, sides| visit(sides)),
        }
    }

    /// Wins of the first items where these wins turned, as of [`GivenWins::draw`].
    fn turned(&self, turned: &[u32]) -> Vec<f64> {
        let mut won = self.won.clone();
        turned.iter().for_each(|side| won[*side as usize / 2] += if side % 2 == 0 { -1.0 } else { 1.0 });
        won
    }

    /// Share of wins of the first item of a pair, ties as half.
    fn score(&self, at: usize, wins: f64) -> f64 {
        wins + 0.5 * self.ties[at]
    }

    /// Twice the log-likelihood of free win rates.
    fn saturated(&self, won: &[f64]) -> f64 {
        // ln 1 is 0
        let term = |x: f64, all: f64| if x > 0.0 && x < all { x * (x / all).ln() } else { 0.0 };
        let of = |(at, w): (usize, &f64)| {
            let (met, first) = (self.met[at], self.score(at, *w));
            term(first, met) + term(met - first, met)
        };
        2.0 * won.iter().enumerate().map(of).sum::<f64>() + self.other_likelihood
    }

    /// By wins of the first items; the favourites are left out.
    fn measure(&self, won: &[f64]) -> Measured {
        let lead = |at: usize| 2.0 * won[at] - self.decisive[at];
        let margin = |at: usize| self.score(at, won[at]) / self.met[at] - 0.5;
        let (mut cyclic, mut weight) = (0u64, 0.0);
        self.each_triad(|sides| {
            let [ij, jk, ik] = sides;
            let (a, b, c) = (ij.of(lead(ij.pair())), jk.of(lead(jk.pair())), -ik.of(lead(ik.pair())));
            if (a > 0.0 && b > 0.0 && c > 0.0) || (a < 0.0 && b < 0.0 && c < 0.0) {
                cyclic += 1;
                weight += sides.iter().map(|side| self.met[side.pair()]).fold(f64::INFINITY, f64::min);
            }
        });
        let energies = (0..won.len()).map(|at| self.met[at] * margin(at).powi(2));
        let total_energy = energies.sum::<f64>() + self.other_energy;
        let cyclic_energy = (total_energy - self.explained).max(0.0);
        let mut values = [f64::NAN; STATISTICS.len()];
        values[Measure::CyclicTriads as usize] = cyclic as f64;
        values[Measure::WeightedTriads as usize] = if self.weight > 0.0 { weight / self.weight } else { 0.0 };
        values[ENERGY] = if total_energy > 0.0 { cyclic_energy / total_energy } else { 0.0 };
        values[DEVIANCE] = self.saturated(won) - self.likelihood;
        let pair = |at: usize| self.turning.pairs[at] as usize;
        // equal favourites are one: what the one of them loses that loses least
        let reply = |(&f, all): (&usize, &Vec<u32>)| {
            let against = |&at: &u32| {
                let at = at as usize;
                let first = self.data.pairs[pair(at)].i == f;
                (at, if first { -margin(at) } else { margin(at) })
            };
            let best = all.iter().map(against).filter(|(_, loss)| *loss >= 0.0);
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
        let loss = worst.map(|(at, _)| {
            let (first, second) = (won[at], self.decisive[at] - won[at]);
            let is_first = self.data.pairs[pair(at)].i == favourite;
            let (wins, losses) = if is_first { (first, second) } else { (second, first) };
            Loss { pair: pair(at), wins, losses }
        });
        let worst = worst.map(|(at, _)| {
            let p = &self.data.pairs[pair(at)];
            if p.i == favourite { p.j } else { p.i }
        });
        Measured { values, cyclic_energy, total_energy, favourites: Vec::new(), worst, loss }
    }

    /// Share of the squared margins that the fitted strengths leave unexplained beyond noise, on pairs that met at least twice. `None` if
    /// too few did.
    fn unexplained(&self, fit: &PointFit) -> Option<f64> {
        let (mut pairs, mut left, mut all) = (0, 0.0, 0.0);
        for (at, &pair) in self.turning.pairs.iter().enumerate().filter(|(at, _)| self.met[*at] >= 2.0) {
            let p = &self.data.pairs[pair as usize];
            let (met, m) = (self.met[at], p.margin(0.0));
            let b = logistic(fit.log_strength[p.i] - fit.log_strength[p.j]) - 0.5;
            let square = ((met * m).powi(2) - 0.25 * self.decisive[at]) / (met * (met - 1.0));
            pairs += 1;
            left += met * (square - 2.0 * m * b + b * b);
            all += met * square;
        }
        (pairs >= REPEATED && all > 0.0).then(|| (left / all).clamp(0.0, 1.0))
    }
}

#[cfg(test)]
mod tests;
