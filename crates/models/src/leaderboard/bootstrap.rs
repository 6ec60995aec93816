//! How sure strengths and lotteries of a leaderboard are: bootstrap samples of whole observations.

use equipoise_core::{Rng, sample::uniform, seed::stream};
use equipoise_data::{Observations, PairCount};
use equipoise_reference::concepts::Electorate;
use ndarray::Array1;
use rayon::prelude::*;

use super::{Leaderboard, filled, nash_of};
use crate::entries::BRADLEY_TERRY;
use crate::intervals::quantile;
use crate::intransitivity::InspectError;
use crate::pair_fit::strengths;
use crate::resample::Bootstrap;

/// A pair of one outcome alone, met at most so many times, is drawn from its posterior in bootstrap samples: drawn from
/// itself it would always be the same.
const FEW: f64 = 50.0;

impl Leaderboard {
    /// Takes intervals and support frequencies from bootstrap samples. Interchangeable items share theirs.
    pub(super) fn take_samples(&mut self, samples: &[Sample]) {
        self.replicates = samples.len();
        if samples.is_empty() {
            return;
        }
        let (place, colour) = (&self.canonical.place, &self.canonical.colour);
        for row in &mut self.rows {
            let alike: Vec<usize> =
                (0..place.len()).filter(|&j| colour[j] == colour[row.item]).map(|j| place[j]).collect();
            let of = |value: &dyn Fn(&Sample, usize) -> f64| -> Vec<f64> {
                samples.iter().flat_map(|s| alike.iter().map(|&at| value(s, at))).collect()
            };
            let ends = |mut values: Vec<f64>| (quantile(&mut values, 0.025), quantile(&mut values, 0.975));
            row.bootstrap = row.open.is_none().then(|| ends(of(&|s, at| s.strength[at])));
            if row.nash.is_some() {
                let weights = of(&|s, at| s.lottery.as_ref().map_or(0.0, |p| p[at]));
                let played = weights.iter().filter(|p| **p > 0.0).count();
                row.nash_support = Some(played as f64 / weights.len() as f64);
                row.nash_interval = Some(ends(weights));
            }
        }
    }

    /// Bootstrap samples of whole observations, each drawn on a stream of its own, with the items in canonical order. Where a
    /// sample has no finite maximum, the logistic prior is added to its fit.
    pub(super) fn bootstrap(
        &self,
        observations: &Observations,
        replicates: usize,
        seed: u64,
        done: &(dyn Fn() + Sync),
    ) -> Result<Vec<Sample>, InspectError> {
        let given = self.canonical.observations(observations);
        let start: Array1<f64> = self.canonical.order.iter().map(|&i| self.fit.log_strength()[i]).collect();
        let one_sided = |p: &&PairCount| {
            let (wins, losses, ties) = p.outcomes();
            p.met() <= FEW && [wins, losses, ties].iter().filter(|c| **c > 0.0).count() == 1
        };
        let few: Vec<PairCount> = given.comparisons.pairs.iter().filter(one_sided).copied().collect();
        let bootstrap = Bootstrap::new(&given);
        let one = |k: usize| -> Result<Sample, InspectError> {
            let mut rng = stream(seed, "bootstrap", &[&k.to_string()]);
            let sample = bootstrap.draw(&mut rng);
            let strength = strengths(&sample, &BRADLEY_TERRY, &start)?;
            let lottery = match self.no_lottery {
                Some(_) => None,
                None => {
                    let drawn: Vec<_> =
                        few.iter().map(|p| (p.i, p.j, posterior_margin(p, &mut rng))).collect();
                    let electorate = Electorate::of_win_rates(filled(&sample, &strength, &drawn)?, None);
                    Some(nash_of(&electorate)?.0)
                }
            };
            done();
            let mean = strength.mean().expect("there are items");
            Ok(Sample { strength: strength - mean, lottery })
        };
        (0..replicates).into_par_iter().map(one).collect()
    }
}

/// `P - 1/2` of a pair of one outcome alone, drawn from the posterior under Jeffreys' prior of wins and losses:
/// `Dirichlet(wins + 1/2, losses + 1/2, ties)`.
fn posterior_margin(pair: &PairCount, rng: &mut Rng) -> f64 {
    // Gamma(k + 1/2): k exponentials and half a squared normal
    let gamma = |count: f64, half: bool, rng: &mut Rng| {
        let whole: f64 = (0..count.round() as u64).map(|_| -(1.0 - uniform(rng)).ln()).sum();
        whole + if half { 0.5 * equipoise_core::sample::normal(rng).powi(2) } else { 0.0 }
    };
    let (wins, losses, ties) = pair.outcomes();
    let (w, l, t) = (gamma(wins, true, rng), gamma(losses, true, rng), gamma(ties, false, rng));
    0.5 * (w - l) / (w + l + t)
}

/// One bootstrap sample, with the items in canonical order.
#[derive(Clone, Debug)]
pub(super) struct Sample {
    /// Bradley-Terry log strengths, mean 0, `[n]`.
    strength: Array1<f64>,
    /// The maximal lottery, `[n]`.
    lottery: Option<Vec<f64>>,
}
