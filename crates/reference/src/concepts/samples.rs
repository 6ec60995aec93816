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
//!
//! For `k >= 2` payoffs are monotone: of a move `d` with sum 0 let `D(u)` be the sum of `d` below place `u` of a ballot, linear within
//! an item's share. An item earns the mean of `phi(u) = (k + 1) u^k` over its share, and
//!
//! ```text
//! d' (d payoff / d pi) d = - (1/2) sum_r w_r int phi''(u) D_r(u)^2 du <= 0        (derived here; k = 1: phi'' = 0)
//! ```
//!
//! so that between two equilibria `D = 0` on every ballot: they give each group of each ballot the same. Where the groups tell all
//! items apart, as those of one strict ballot do, the equilibrium is the only one.

use std::collections::BTreeMap;

use equipoise_core::simplex::log_sum_exp;

use super::choice::{Choice, ConceptOptions};
use super::electorate::{Ballot, Electorate};
use super::lotteries::maximal;
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

    /// Whether the equilibrium is the only one: whether no move keeps the share of every group. `None`: one would, were an item that is
    /// not played played less, so that it is not told.
    fn only(&self, policy: &[f64]) -> Option<bool> {
        let all = vec![true; policy.len()];
        let played: Vec<bool> = policy.iter().map(|p| *p > 0.0).collect();
        match (self.told_apart(&all), self.told_apart(&played)) {
            (true, _) => Some(true),
            (false, false) => Some(false),
            (false, true) => None,
        }
    }

    /// Whether the shares of all groups determine those of the items asked for, the others kept: whether the groups' indicators have
    /// full rank, by elimination in numbers that stay far from rounding (rows are scaled, entries begin as 0 and 1).
    fn told_apart(&self, asked: &[bool]) -> bool {
        let items: Vec<usize> = (0..asked.len()).filter(|&i| asked[i]).collect();
        let mut basis: Vec<Vec<f64>> = Vec::new();
        for group in self.0.iter().flat_map(|(groups, _)| groups) {
            let mut row: Vec<f64> = items.iter().map(|i| f64::from(u8::from(group.contains(i)))).collect();
            for pivot in &basis {
                let lead = pivot.iter().position(|v| *v != 0.0).expect("a pivot is not 0");
                let factor = row[lead] / pivot[lead];
                row.iter_mut().zip(pivot).for_each(|(r, p)| *r -= factor * p);
                row[lead] = 0.0;
            }
            row.iter_mut().filter(|v| v.abs() < 1e-9).for_each(|v| *v = 0.0);
            if row.iter().any(|v| *v != 0.0) {
                basis.push(row);
                if basis.len() == items.len() {
                    return true;
                }
            }
        }
        false
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
    let samples = options.samples();
    match samples {
        0 => return Ok(Choice::open("it needs at least one sample")),
        1 => return maximal(electorate, options),
        _ => {}
    }
    let ballots = electorate.ballots().unwrap_or_default();
    Ok(match best_of_samples(electorate.n(), ballots, samples) {
        Some(policy) => {
            let unique = Groups::of(electorate.n(), ballots).only(&policy);
            Choice::Lottery { policy, unique }
        }
        None => Choice::open(
            "its equilibrium was not reached to 1e-11 in the steps that are made; more samples make it easier: --samples K",
        ),
    })
}
