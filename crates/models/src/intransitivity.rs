//! Is one rating an item enough, and is it cyclic beyond noise? Two questions, each against a null of its own.
//!
//! **One rating.** The null is the fitted Bradley-Terry model, or Davidson's where there are ties; from it data of the same
//! design (the same pairs, met as often) are drawn, and every measure is recomputed on each:
//!
//! ```text
//! p = (1 + #{T* >= T}) / (1 + replicates)
//! ```
//!
//! Of rankings whole ones are drawn, of contexts or annotators the signs of their residuals (`crates/models/src/clusters.rs`):
//! their comparisons are not independent ([`inspect_observed`]). Residuals of single votes are not those of the null, which
//! the deviance minds, and quadratic measures do not: it neither decides then, nor has a p-value. The p-value is
//! conservative where T is a count, uniform under the null up to the error of the fit where it is continuous: of 8 items
//! met 40 times a pair their distribution function is off by up to 0.04, in its middle; at the level 0.05 nothing was seen
//! beyond 2.3 standard errors of 4,000 data sets (`examples/calibration.txt`). `P` is read
//! off the counts with ties as half wins; pairs that never met are left out (for the lottery they stand at 1/2).
//! One rating is rejected by the smallest p-value of [`DECIDING`], which is itself compared with the smallest of every null data
//! set (Westfall, Young 1993): one test at [`LEVEL`], and the measure that rejects is named.
//!
//! **Cycles.** Misfit is no cycle: a transitive game of near-even pairs is further from any rating than noise, and then has
//! cycles by chance. The null here is the nearest transitive game, see [`transitive`](crate::transitive); a cycle counts if
//! all its links are beyond noise, its length and the search counted in.
//!
//! **Power.** That nothing was found says something only if it could have been seen: "enough" is said if a cycle of win rates
//! [`SEEN`] through half of the items would be found four times in five, else "not enough data to tell".
//!
//! Cyclic energy: HodgeRank, weighted by counts (Jiang, Lim, Yao, Ye, arXiv:0811.1067), as
//! [`cyclic_energy`](equipoise_reference::choice::cyclic_energy). Its value is inflated by noise and by the bend of the
//! logistic; the corrected one takes away what the null has of it, from energy and total alike. Its p-value tests the
//! energy itself and not its share: fitted strengths are a little too far apart, so that null data have too large a total,
//! and shares that are too small (measured by `examples/calibration.rs`).
//!
//! Cost: replicates x (one fit, O(n^3), one lottery where `n <= `[`LOTTERIES`]). Replicates run in parallel, each on
//! a stream of its own, and draw the items in [canonical](crate::canonical) order: neither threads nor the order of rows reach the
//! result.

mod finding;
mod many;
mod measures;
mod rankings;
mod statistic;

use equipoise_core::seed::stream;
use equipoise_data::{Comparisons, Observations, Ties, Unit};
use equipoise_reference::choice::{condorcet_winner, smith_set};
use equipoise_reference::{Equilibrium, RationalMargins};
use rayon::prelude::*;

use self::measures::{Design, Loss, Measured, centred, rotations, skew, statistics};
use self::rankings::WholeRankings;
use self::statistic::{DEVIANCE, EDGE, ENERGY, ROTATION, SIGNIFICANT};
use crate::canonical::Canonical;
use crate::clusters::Clusters;
use crate::cycles::{CycleFacts, observed_cycle_facts};
use crate::distributions::sign_test;
use crate::entries::{BRADLEY_TERRY, DAVIDSON};
use crate::error::MAX_ITEMS;
use crate::hodge::Hodge;
use crate::intervals::quantile;
use crate::lottery::{counted_margins, lottery};
use crate::pair_fit::{PairOptions, PointFit, fit, fit_observed};
use crate::pair_model::PairModel;
use crate::power::{Power, cycle_votes, power};
use crate::registry::Watch;
use crate::resample::simulate;
use crate::transitive::{CycleTest, tested};
use crate::triads::{Ranking, Triads};

pub use self::finding::{Cycle, Detectable, Favourite, InspectVerdict, LotteryWords, OneRating, PValue};
pub use self::measures::InspectError;
pub use self::statistic::{Measure, STATISTICS, Statistic};

/// Largest number of items for which lotteries and singular values of replicates are computed.
pub const LOTTERIES: usize = 60;
/// Level of the verdict.
pub const LEVEL: f64 = 0.05;
/// Data sets that are drawn where nothing else is asked for.
pub const REPLICATES: usize = 999;
/// The measures that decide whether one rating an item is enough; the others describe. The last decides only where
/// comparisons are independent, or whole rankings.
pub const DECIDING: [Measure; 5] = [
    Measure::CyclicTriads,
    Measure::WeightedTriads,
    Measure::CyclicEnergy,
    Measure::FavouriteLoss,
    Measure::Deviance,
];
/// Win rate of every link of a cycle that must be detectable, to two digits, for "enough" to be said.
pub const SEEN: f64 = 0.75;
/// Share of the variance of win rates, beyond noise, that ratings may leave unexplained and still be called enough: with
/// many votes the smallest misfit is beyond noise.
pub const TOLERATED: f64 = 0.02;

/// What the tests say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Some cycle is stronger than a transitive game explains.
    CyclicBeyondNoise,
    /// No cycle beyond noise, but one rating an item is rejected, and its favourite loses to somebody beyond noise.
    FavouriteBeaten,
    /// No cycle beyond noise, and the favourite is safe, but one rating an item is rejected, and leaves more than
    /// [`TOLERATED`] unexplained.
    Misfit,
    /// Nothing that matters speaks against one rating an item, though a cycle would have been seen.
    Adequate,
    /// Nothing speaks against one rating an item, but a cycle would not have been seen either.
    TooFew,
    /// No data could be drawn: no p-values.
    Unknown,
}

/// Everything that is said about one set of comparisons.
#[derive(Clone, Debug)]
pub struct Inspection {
    /// The item that beats every other (all pairs met), if there is one.
    pub condorcet_winner: Option<usize>,
    /// The smallest set whose members all beat everybody outside.
    pub smith_set: Vec<usize>,
    /// Cycles of majorities.
    pub cycles: CycleFacts,
    /// The strongest of them against transitive games.
    pub cycle_test: CycleTest,
    /// The Bradley-Terry fit, ties half.
    pub bradley_terry: PointFit,
    /// The model that null data are drawn from: Bradley-Terry or Davidson; of rankings Plackett-Luce; of many items given their wins.
    pub null: &'static str,
    /// Why no data under one rating an item were drawn, where others were.
    pub not_drawn: Option<&'static str>,
    /// The strongest items of the Bradley-Terry fit: several if they are equal.
    pub favourites: Vec<usize>,
    /// The best reply to the favourite (to the one that loses least), if somebody beats it or ties.
    pub worst_opponent: Option<usize>,
    /// The maximal lottery.
    pub nash: Option<Equilibrium>,
    /// Why there is none, if there is none.
    pub no_lottery: Option<&'static str>,
    /// Where there are several, the least and the largest probability of each item over all of them (up to [`LOTTERIES`]
    /// items).
    pub nash_ranges: Option<Vec<(f64, f64)>>,
    /// The measures, in the order of [`STATISTICS`].
    pub statistics: [Statistic; STATISTICS.len()],
    /// Of one rating an item, by the smallest p-value of [`Inspection::deciding`]; `None` if no data could be drawn.
    pub one_rating_p_value: Option<f64>,
    /// The measures that decided.
    pub deciding: &'static [Measure],
    /// The measure with that smallest p-value.
    pub speaks_most: Measure,
    /// Cyclic energy with the energy of noise taken out, in [0, 1]; `None` if no data could be drawn, or hardly a pair of many items met
    /// twice.
    pub corrected_energy: Option<f64>,
    /// Pairs of singular values of K that stand out of the noise, times two.
    pub skew_rank: Option<usize>,
    /// What could be detected.
    pub power: Power,
    /// By how much less is known of leads than from as many independent comparisons; 1 where they are.
    pub design_effect: f64,
    /// Data sets drawn.
    pub replicates: usize,
    /// The finding.
    pub verdict: Verdict,
}

impl Inspection {
    /// One of the measures.
    #[must_use]
    pub fn statistic(&self, measure: Measure) -> &Statistic {
        &self.statistics[measure as usize]
    }
}

/// [`inspect_observed`] of comparisons that are independent of each other.
///
/// # Errors
/// [`InspectError`].
pub fn inspect(
    data: &Comparisons,
    replicates: usize,
    seed: u64,
    done: &(dyn Fn() + Sync),
) -> Result<Inspection, InspectError> {
    inspect_observed(&data.clone().into(), replicates, seed, done)
}

/// Runs the tests with `replicates` null data sets for each question on streams of `seed`; `done` is called after each of
/// the first. Counts that are not whole have none; nor do win rates without counts, and one observation.
///
/// Above [`MAX_ITEMS`] items the questions are answered from the pairs that met, with another null
/// (`crates/models/src/intransitivity/many.rs`).
///
/// Of rankings null data are whole rankings of the same items, drawn from the Plackett-Luce model of the fitted strengths,
/// whose pairs are those of Bradley-Terry; of contexts or annotators see the head of this module.
///
/// # Errors
/// [`InspectError`].
pub fn inspect_observed(
    data: &Observations,
    replicates: usize,
    seed: u64,
    done: &(dyn Fn() + Sync),
) -> Result<Inspection, InspectError> {
    inspect_watched(data, replicates, seed, done, &|_| ())
}

/// [`inspect_observed`]; of more than [`MAX_ITEMS`] items it is `watch` that hears, of the share that is done.
///
/// # Errors
/// As [`inspect_observed`].
pub fn inspect_watched(
    data: &Observations,
    replicates: usize,
    seed: u64,
    done: &(dyn Fn() + Sync),
    watch: Watch<'_>,
) -> Result<Inspection, InspectError> {
    if data.comparisons.n() > MAX_ITEMS {
        return many::inspect_many(data, replicates, seed, watch);
    }
    let replicates = if data.no_noise().is_none() { replicates } else { 0 };
    let order = Canonical::of(data).order;
    let (given, observations) = (data, &data.reordered(&order));
    let data = &given.comparisons.among(&order);
    let bradley_terry = fit(data, &BRADLEY_TERRY, PairOptions::default())?;
    let tied = data.total_ties > 0.0 && data.ties == Ties::Half;
    let decided = data.pairs.iter().any(|p| p.outcomes().0 + p.outcomes().1 > 0.0);
    let rankings = observations.rankings();
    let whole_rankings = match &rankings {
        Some(rankings) => WholeRankings::new(rankings, data)?,
        None => None,
    };
    let clusters = Clusters::of(observations);
    // of rankings, cycles alone are tested by their residuals
    let residuals = clusters.as_ref().filter(|_| whole_rankings.is_none());
    let null: &'static PairModel =
        if tied && decided && whole_rankings.is_none() { &DAVIDSON } else { &BRADLEY_TERRY };
    let truth =
        if *null == DAVIDSON { fit(data, null, PairOptions::default())? } else { bradley_terry.clone() };
    let design = Design {
        hodge: Hodge::new(data),
        triads: Triads::new(data.n(), &data.pairs, Ranking::Number),
        lotteries: data.n() <= LOTTERIES,
        start: bradley_terry.log_strength.clone(),
        errors: residuals.map(|c| (0..data.pairs.len()).map(|pair| c.error(data, pair)).collect()),
    };
    let seen = design.measure(data)?;
    let probs: Vec<[f64; 4]> = data.pairs.iter().map(|p| truth.probs(p.i, p.j)).collect();
    let draw = |k: usize| {
        let mut rng = stream(seed, "null data", &[&k.to_string()]);
        match (&whole_rankings, residuals) {
            (Some(rankings), _) => rankings.draw(data, &truth.log_strength, &mut rng),
            (None, Some(clusters)) => clusters.draw(data, &probs, &mut rng),
            (None, None) => simulate(data, &probs, &mut rng),
        }
    };
    let drawn = (0..replicates)
        .into_par_iter()
        .map(|k| {
            let measured = design.measure(&draw(k));
            done();
            measured
        })
        .collect::<Result<Vec<Measured>, InspectError>>()?;
    let cycles =
        observed_cycle_facts(&given.comparisons, residuals.and_then(|_| Clusters::of(given)).as_ref());
    let matrix = given.comparisons.matrix(0.0);
    let tests = |k| residuals.is_none() || ![DEVIANCE, SIGNIFICANT].contains(&k);
    let fractions = counted_margins(&given.comparisons).or_else(|| RationalMargins::from_doubles(&matrix));
    let (nash, nash_ranges) = lottery(fractions.as_ref(), &matrix, design.lotteries)?;
    let unique = nash.unique == Some(true);
    let rounding: [f64; STATISTICS.len()] = std::array::from_fn(|k| rounding(k, &seen, data.total));
    let mut values = seen.values;
    values[SIGNIFICANT] = cycles.significant as f64;
    if !unique {
        values[EDGE] = f64::NAN;
    }
    let statistics = statistics(values, &seen, &drawn, &rounding, tests);
    let p = |measure: Measure| statistics[measure as usize].p_value;
    let corrected_energy = (!drawn.is_empty()).then(|| {
        let mean = |of: fn(&Measured) -> f64| drawn.iter().map(of).sum::<f64>() / drawn.len() as f64;
        let exact = design.hodge.energies(&design.hodge.margins_of(|i, j| truth.prob(i, j) - 0.5));
        let noise = mean(|m| m.total_energy) - exact.1;
        let (cyclic, total) = (seen.cyclic_energy - mean(|m| m.cyclic_energy), seen.total_energy - noise);
        if total > 0.0 { (cyclic / total).clamp(0.0, 1.0) } else { 0.0 }
    });
    let skew_rank = (design.lotteries && !drawn.is_empty()).then(|| {
        // noise alone: the largest singular value of K* minus its expectation
        let largest = |k: usize| rotations(&centred(&draw(k), &truth)).first().copied().unwrap_or(0.0);
        let mut noise: Vec<f64> = (0..drawn.len().min(200)).map(largest).collect();
        let level = quantile(&mut noise, 0.95);
        2 * rotations(&skew(&matrix)).iter().filter(|&&s| s > level).count()
    });
    let cycle_test = tested(data, clusters.as_ref(), |_| replicates, seed);
    let deciding = if residuals.is_none() { &DECIDING[..] } else { &DECIDING[..DECIDING.len() - 1] };
    let one_rating_p_value =
        (!drawn.is_empty()).then(|| smallest_p_value(deciding, &seen, &drawn, &rounding));
    let speaks_most =
        deciding.iter().copied().min_by(|&a, &b| p(a).partial_cmp(&p(b)).expect("p-values are numbers"));
    let design_effect = clusters.as_ref().map_or(1.0, |c| c.design_effect(data));
    let deviance = &statistics[DEVIANCE];
    let deviance = residuals.is_none().then_some((deviance.null_mean, deviance.p_value));
    let fitted = (bradley_terry.deviance, bradley_terry.degrees_of_freedom);
    let votes = cycle_votes(&given.comparisons);
    let power = power(&given.comparisons, fitted, &cycles, (&cycle_test, votes), deviance, design_effect);
    let rejected = one_rating_p_value.is_some_and(|p| p < LEVEL);
    let verdict = match cycle_test.p_value {
        None => Verdict::Unknown,
        Some(p) if p < LEVEL => Verdict::CyclicBeyondNoise,
        // beaten is who loses more than an even pair would; to lose as much as no rating explains is a misfit
        Some(_)
            if rejected
                && p(Measure::FavouriteLoss) < Some(LEVEL)
                && seen.loss.is_some_and(|loss| loses(&loss, clusters.as_ref()) < LEVEL) =>
        {
            Verdict::FavouriteBeaten
        }
        Some(_) if rejected && corrected_energy > Some(TOLERATED) => Verdict::Misfit,
        // one rating each fits any counts of two items, once it is known who wins
        Some(_) if data.n() == 2 && !decided_pair(data, clusters.as_ref()) => Verdict::TooFew,
        Some(_) if data.n() == 2 => Verdict::Adequate,
        Some(_) if rejected || power.cycle_win_rate.is_some_and(|rate| rate < SEEN + 0.005) => {
            Verdict::Adequate
        }
        Some(_) => Verdict::TooFew,
    };
    Ok(Inspection {
        condorcet_winner: condorcet_winner(&matrix),
        smith_set: smith_set(&matrix),
        favourites: ascending(seen.favourites.iter().map(|&i| order[i])),
        worst_opponent: seen.worst.map(|i| order[i]),
        nash_ranges,
        nash: Some(nash),
        no_lottery: None,
        cycles,
        cycle_test: cycle_test.renumbered(&order),
        bradley_terry: fit_observed(given, &BRADLEY_TERRY, PairOptions::default())?.into(),
        null: match (&whole_rankings, residuals) {
            (Some(_), _) => "plackett-luce, whole rankings",
            (None, Some(_)) => residuals_of(null.name, given.unit),
            (None, None) => null.name,
        },
        not_drawn: None,
        statistics,
        one_rating_p_value,
        deciding,
        speaks_most: speaks_most.expect("some measures decide"),
        corrected_energy,
        skew_rank,
        power,
        design_effect,
        replicates: drawn.len(),
        verdict,
    })
}

/// The null whose residuals have random signs, in words.
fn residuals_of(null: &str, unit: Unit) -> &'static str {
    match (null == DAVIDSON.name, unit) {
        (false, Unit::Annotator) => "bradley-terry, residuals of whole annotators",
        (false, _) => "bradley-terry, residuals of whole contexts",
        (true, Unit::Annotator) => "davidson, residuals of whole annotators",
        (true, _) => "davidson, residuals of whole contexts",
    }
}

/// One-sided, of an even pair losing as much.
fn loses(loss: &Loss, clusters: Option<&Clusters>) -> f64 {
    match clusters {
        // the lead of the loser is none
        Some(_) if loss.losses <= loss.wins => 1.0,
        Some(clusters) => clusters.p_value(loss.pair),
        None => sign_test(loss.losses, loss.wins),
    }
}

/// Whether the first pair has a winner, by the two-sided sign test at [`LEVEL`].
fn decided_pair(data: &Comparisons, clusters: Option<&Clusters>) -> bool {
    let decided = |p: &equipoise_data::PairCount| {
        let (wins, losses, _) = p.outcomes();
        let one_sided =
            clusters.map_or_else(|| sign_test(wins.max(losses), wins.min(losses)), |c| c.p_value(0));
        2.0 * one_sided < LEVEL
    };
    data.pairs.first().is_some_and(decided)
}

fn ascending(items: impl Iterator<Item = usize>) -> Vec<usize> {
    let mut items: Vec<usize> = items.collect();
    items.sort_unstable();
    items
}

/// What rounding may make of a measure: values closer than that are the same.
fn rounding(k: usize, seen: &Measured, votes: f64) -> f64 {
    // a deviance is a difference of log-likelihoods, an energy one of sums of squares
    match k {
        DEVIANCE => 1e-11 * (1.0 + votes),
        ROTATION => 1e-7,
        ENERGY => 1e-12 * (seen.total_energy + 1e-3 * votes),
        _ => 1e-12 * (1.0 + seen.values[k].abs()),
    }
}

/// The share of data sets, the one seen among them, whose smallest p-value over the deciding measures is at most that of the one seen;
/// p-values of each by its rank among all of them.
fn smallest_p_value(
    deciding: &[Measure],
    seen: &Measured,
    drawn: &[Measured],
    rounding: &[f64; STATISTICS.len()],
) -> f64 {
    let all: Vec<&Measured> = std::iter::once(seen).chain(drawn).collect();
    let mut least = vec![all.len(); all.len()];
    for &measure in deciding {
        let k = measure as usize;
        let mut sorted: Vec<f64> = all.iter().map(|m| m.tested(k)).collect();
        sorted.sort_by(f64::total_cmp);
        for (least, m) in least.iter_mut().zip(&all) {
            let below = sorted.partition_point(|&v| v < m.tested(k) - rounding[k]);
            *least = (*least).min(all.len() - below);
        }
    }
    least.iter().filter(|&&l| l <= least[0]).count() as f64 / all.len() as f64
}
