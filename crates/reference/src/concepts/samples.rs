//! The best of `k + 1` samples (2026, arXiv:2601.08777): a game of `k + 1` players, of whom the one whose sample a voter likes
//! best takes all.
//!
//! ```text
//! payoff_y(pi) = sum_r w_r [ (1 - pi(B))^(k+1) - (1 - pi(B + G))^(k+1) ] / ((k + 1) pi(G)),    G the group of y, B all above it
//! ```
//!
//! A symmetric equilibrium is a policy that the population's choice among `k + 1` of its draws does not change; what is played
//! there earns `1 / (k + 1)`, and nothing earns more. `k = 1` is the maximal lottery, `k -> inf` random dictatorship. Found by
//! `theta += 3/10 log((k + 1) payoff)`, which for `k = 1` would go round in a circle.

use std::collections::BTreeMap;

use super::choice::{Choice, ConceptOptions};
use super::electorate::{Ballot, Electorate};
use super::lotteries::{log_sum_exp, maximal};
use crate::error::ReferenceError;

type Chosen = Result<Choice, ReferenceError>;

const STEP: f64 = 0.3;
const MOST_STEPS: usize = 200_000;
/// Below this ratio of neighbours, by falling probability, an item is tried without.
const FALL: f64 = 0.1;
/// Most places of ballots that are looked at, over all steps.
const MOST_LOOKS: usize = 60_000_000;
/// Steps between looks at whether items of vanishing probability are played at all.
const CUT_EVERY: usize = 500;
/// Largest `(k + 1) payoff - 1` of an equilibrium.
const LEVEL: f64 = 1e-11;

/// Ballots as groups, best first, with their shares; equal ones put together, and who is not listed in a group of their own.
struct Groups(Vec<(Vec<Vec<usize>>, f64)>);

impl Groups {
    fn of(n: usize, ballots: &[Ballot]) -> Self {
        let total: f64 = ballots.iter().map(|b| b.weight).sum();
        let mut all: BTreeMap<Vec<Vec<usize>>, f64> = BTreeMap::new();
        for ballot in ballots {
            let places = ballot.places(n);
            let mut groups = vec![Vec::new(); ballot.groups.len() + 1];
            places.iter().enumerate().for_each(|(i, &place)| groups[place].push(i));
            groups.retain(|group| !group.is_empty());
            *all.entry(groups).or_default() += ballot.weight / total;
        }
        Self(all.into_iter().collect())
    }

    /// What one step has to look at.
    fn size(&self) -> usize {
        self.0.iter().map(|(groups, _)| groups.iter().map(|group| 1 + group.len()).sum::<usize>()).sum()
    }

    fn payoffs(&self, policy: &[f64], samples: usize) -> Vec<f64> {
        let power = samples as f64 + 1.0;
        let mut payoffs = vec![0.0; policy.len()];
        for (groups, weight) in &self.0 {
            // from the last group up: the mass of a group and all below it
            let mut at_least = 0.0;
            for group in groups.iter().rev() {
                let mass: f64 = group.iter().map(|&i| policy[i]).sum();
                at_least += mass;
                // ((g + r)^m - r^m) / g, without the difference
                let gain = match mass / at_least {
                    _ if at_least <= 0.0 => 0.0,
                    share if share > 0.0 => {
                        at_least.powf(power - 1.0) * -(power * (-share).ln_1p()).exp_m1() / share
                    }
                    _ => power * at_least.powf(power - 1.0),
                };
                group.iter().for_each(|&i| payoffs[i] += weight * gain);
            }
        }
        payoffs
    }
}

/// `(k + 1) payoff_y`, `[n]`: 1 on what an equilibrium plays, at most 1 elsewhere.
#[must_use]
pub fn sample_payoffs(n: usize, ballots: &[Ballot], policy: &[f64], samples: usize) -> Vec<f64> {
    debug_assert_eq!(policy.len(), n, "a probability an item");
    Groups::of(n, ballots).payoffs(policy, samples)
}

/// The equilibrium among `samples + 1` players with `samples >= 2`; `None` if it was not reached.
#[must_use]
pub fn best_of_samples(n: usize, ballots: &[Ballot], samples: usize) -> Option<Vec<f64>> {
    let groups = Groups::of(n, ballots);
    let mut theta = vec![-(n as f64).ln(); n];
    for step in 0..MOST_STEPS.min(MOST_LOOKS / groups.size().max(1)) {
        let policy: Vec<f64> = theta.iter().map(|t| t.exp()).collect();
        let payoffs = groups.payoffs(&policy, samples);
        let most = payoffs.iter().copied().fold(0.0, f64::max);
        let moved: f64 = policy.iter().zip(&payoffs).map(|(p, f)| p * (f - 1.0).abs()).sum();
        if most - 1.0 <= LEVEL && moved <= LEVEL {
            return Some(policy);
        }
        if step % CUT_EVERY == 0
            && let Some(cut) = cut(&groups, &policy, samples)
        {
            return Some(cut);
        }
        theta.iter_mut().zip(&payoffs).for_each(|(t, f)| *t += STEP * f.ln());
        let sum = log_sum_exp(theta.iter().copied());
        theta.iter_mut().for_each(|t| *t -= sum);
    }
    None
}

/// The equilibrium on the items before a fall of probability, `None` if none of those is one. What an item at the edge of the equilibrium
/// is played with falls like `1 / step` only, so that without it nothing would be reached.
fn cut(groups: &Groups, policy: &[f64], samples: usize) -> Option<Vec<f64>> {
    let mut order: Vec<usize> = (0..policy.len()).collect();
    order.sort_by(|&a, &b| policy[b].total_cmp(&policy[a]));
    (1..policy.len()).filter(|&kept| policy[order[kept]] < FALL * policy[order[kept - 1]]).find_map(|kept| {
        let mass: f64 = order[..kept].iter().map(|&i| policy[i]).sum();
        let mut trial = vec![0.0; policy.len()];
        order[..kept].iter().for_each(|&i| trial[i] = policy[i] / mass);
        // what is played is brought level on its own, and then nothing else may earn more
        for _ in 0..CUT_EVERY {
            let payoffs = groups.payoffs(&trial, samples);
            let moved: f64 = trial.iter().zip(&payoffs).map(|(p, f)| p * (f - 1.0).abs()).sum();
            if moved <= LEVEL {
                return payoffs.iter().all(|f| f - 1.0 <= LEVEL).then_some(trial);
            }
            trial.iter_mut().zip(&payoffs).for_each(|(p, f)| *p *= f.powf(STEP));
            let sum: f64 = trial.iter().sum();
            trial.iter_mut().for_each(|p| *p /= sum);
        }
        None
    })
}

pub(super) fn choose(electorate: &Electorate, options: &ConceptOptions) -> Chosen {
    let samples = options.samples.unwrap_or(2);
    match samples {
        0 => return Ok(Choice::open("it needs at least one sample")),
        1 => return maximal(electorate, options),
        _ => {}
    }
    let ballots = electorate.ballots().unwrap_or_default();
    Ok(match best_of_samples(electorate.n(), ballots, samples) {
        Some(policy) => Choice::Lottery { policy, unique: None },
        None => Choice::open(
            "its equilibrium was not reached to 1e-11 in the steps that are made; more samples make it easier: --samples K",
        ),
    })
}
