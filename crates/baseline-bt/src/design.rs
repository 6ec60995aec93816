//! Which pairs are compared, and the wins that come of it.

use equipoise_core::{Duel, Oracle, Policy, Rng};
use equipoise_core::{Sampler, sample};
use ndarray::Array2;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Distribution of the pairs that a fit sees. The fit of a game that is not Bradley-Terry depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Pairs {
    /// Uniform over pairs of different actions.
    Uniform,
    /// Both actions drawn from the reference.
    Reference,
    /// Both actions drawn from the start policy, as RLHF collects its reward data.
    OnPolicy,
}

/// Asks for every pair of every context `times` times, and returns the share of wins of row over column, a table for
/// each context.
pub(crate) fn ask_all(oracle: &mut dyn Oracle, times: u32) -> Vec<Array2<f64>> {
    let shape = oracle.shape().clone();
    (0..shape.contexts())
        .map(|context| {
            let n = shape.actions(context);
            let asked: Vec<Duel> = (0..n)
                .flat_map(|left| (left + 1..n).map(move |right| Duel { context, left, right }))
                .flat_map(|duel| std::iter::repeat_n(duel, times as usize))
                .collect();
            let mut labels = vec![0.0; asked.len()];
            oracle.duels(&asked, &mut labels);
            let mut shares = Array2::zeros((n, n));
            for (duel, z) in asked.iter().zip(labels) {
                shares[[duel.left, duel.right]] += z / f64::from(times);
                shares[[duel.right, duel.left]] += (1.0 - z) / f64::from(times);
            }
            shares
        })
        .collect()
}

/// Draws `count` pairs in every context, asks for one duel each, and adds the outcomes to `wins`.
pub(crate) fn draw(
    oracle: &mut dyn Oracle,
    rng: &mut Rng,
    weights: &Policy,
    pairs: Pairs,
    count: u32,
    wins: &mut [Array2<f64>],
) {
    let shape = oracle.shape().clone();
    let sampler = Sampler::new(weights);
    for (context, wins) in wins.iter_mut().enumerate() {
        let n = shape.actions(context);
        if n < 2 {
            continue; // there is no pair to compare
        }
        let asked: Vec<Duel> = (0..count)
            .map(|_| {
                let (left, right) = match pairs {
                    Pairs::Uniform => {
                        let left = sample::index(rng, n);
                        (left, (left + 1 + sample::index(rng, n - 1)) % n)
                    }
                    _ => (sampler.draw(shape.range(context), rng), sampler.draw(shape.range(context), rng)),
                };
                Duel { context, left, right }
            })
            .collect();
        let mut labels = vec![0.0; asked.len()];
        oracle.duels(&asked, &mut labels);
        for (duel, z) in asked.iter().zip(labels) {
            wins[[duel.left, duel.right]] += z;
            wins[[duel.right, duel.left]] += 1.0 - z;
        }
    }
}
