//! Pair designs: which pairs of actions are compared, as a registry.
//!
//! A design draws ordered pairs of different actions, the one listed first before the other, for every context. The theorem
//! that the Bradley-Terry fit of a general game has the order of the Borda scores needs a product design: both actions from one
//! law (`uniform`, `reference`, `on-policy`).

mod all;
mod on_policy;
mod reference;
mod uniform;

use equipoise_core::registry::{BuildError, nearest};
use equipoise_core::{Duel, Policy, Rng, sample};

/// What a design may draw from, in one context.
#[derive(Clone, Copy, Debug)]
pub struct Candidates<'a> {
    /// Number of actions, at least 2.
    pub actions: usize,
    /// The reference policy, `[actions]`.
    pub reference: &'a [f64],
    /// The policy being played when the pairs are bought, `[actions]`.
    pub played: &'a [f64],
}

/// A registry row.
#[derive(Clone, Copy)]
pub struct DesignEntry {
    /// YAML value.
    pub name: &'static str,
    /// One line: which pairs.
    pub summary: &'static str,
    /// Reference, or where it is used.
    pub source: &'static str,
    /// Whether later purchases depend on the policy being played.
    pub on_policy: bool,
    draw: fn(&Candidates<'_>, usize, &mut Rng, &mut Vec<(usize, usize)>),
}

/// Every design.
pub const DESIGNS: &[DesignEntry] = &[uniform::ENTRY, all::ENTRY, reference::ENTRY, on_policy::ENTRY];

/// The design called `name`.
///
/// # Errors
/// [`BuildError::UnknownKey`], with the nearest name.
pub fn design(name: &str) -> Result<&'static DesignEntry, BuildError> {
    let names = || DESIGNS.iter().map(|entry| entry.name);
    DESIGNS.iter().find(|entry| entry.name == name).ok_or_else(|| BuildError::UnknownKey {
        key: name.to_owned(),
        nearest: nearest(name, names()).map(str::to_owned),
        known: names().map(str::to_owned).collect(),
    })
}

impl DesignEntry {
    /// `per_context` ordered pairs of different actions for every context, context by context. A context of one action has
    /// none, and so has one in which the law of the design leaves no pair of different actions.
    #[must_use]
    pub fn pairs(&self, reference: &Policy, played: &Policy, per_context: usize, rng: &mut Rng) -> Vec<Duel> {
        let (mut all, mut drawn) = (Vec::new(), Vec::new());
        for (context, range) in reference.shape().ranges().enumerate().filter(|(_, r)| r.len() > 1) {
            let candidates = Candidates {
                actions: range.len(),
                reference: &reference.probs_slice()[range.clone()],
                played: &played.probs_slice()[range],
            };
            drawn.clear();
            (self.draw)(&candidates, per_context, rng, &mut drawn);
            all.extend(drawn.iter().map(|&(left, right)| Duel { context, left, right }));
        }
        all
    }
}

/// Pairs of two different actions drawn from one law: the product law, given that they differ. None if one action has all
/// the probability.
fn product(law: &[f64], count: usize, rng: &mut Rng, out: &mut Vec<(usize, usize)>) {
    let total: f64 = law.iter().sum();
    // (i, j) has p_i p_j: first i with p_i (total - p_i), the rest summed without i where it is nearly all
    let others: Vec<f64> = (0..law.len())
        .map(|i| law.iter().enumerate().filter(|(j, _)| *j != i).map(|(_, p)| p).sum::<f64>())
        .collect();
    let first: Vec<f64> = law.iter().zip(&others).map(|(p, rest)| p * (rest / total)).collect();
    if !first.iter().any(|p| *p > 0.0) {
        return;
    }
    for _ in 0..count {
        let i = pick(&first, usize::MAX, sample::uniform(rng));
        let j = pick(law, i, sample::uniform(rng));
        out.push((i, j));
    }
}

/// The index at the place `u` in `[0, 1)` of the running sums of the weights but that of `without`.
fn pick(weights: &[f64], without: usize, u: f64) -> usize {
    let kept = || weights.iter().enumerate().filter(|(k, w)| *k != without && **w > 0.0);
    let place = u * kept().map(|(_, w)| w).sum::<f64>();
    let mut sum = 0.0;
    let found = kept().find(|(_, w)| {
        sum += *w;
        place < sum
    });
    // rounding may leave the sum a little below the place
    found.or(kept().next_back()).map_or(0, |(k, _)| k)
}

#[cfg(test)]
mod tests {
    use super::*;
    use equipoise_core::{Shape, seed::stream};
    use ndarray::Array1;

    fn policies() -> (Policy, Policy) {
        let shape = Shape::ragged([3, 1, 4]).unwrap();
        let of = |p: [f64; 8]| Policy::from_probs(&shape, Array1::from(p.to_vec())).unwrap();
        (of([0.5, 0.3, 0.2, 1.0, 0.1, 0.2, 0.3, 0.4]), of([0.9, 0.05, 0.05, 1.0, 0.0, 0.0, 1.0, 0.0]))
    }

    #[test]
    fn every_design_draws_different_actions_and_repeats_itself() {
        let (reference, played) = policies();
        for entry in DESIGNS {
            let draw = |name| entry.pairs(&reference, &played, 50, &mut stream(3, name, &[]));
            let pairs = draw("pairs");
            assert_eq!(pairs, draw("pairs"), "{}", entry.name);
            assert_ne!(pairs, draw("other"), "{}", entry.name);
            assert!(pairs.iter().all(|d| d.left != d.right && d.context != 1), "{}", entry.name);
            assert_eq!(pairs.iter().filter(|d| d.context == 0).count(), 50, "{}", entry.name);
            // all of the played policy of the last context is on one action
            let last = pairs.iter().filter(|d| d.context == 2).count();
            assert_eq!(last, if entry.on_policy { 0 } else { 50 }, "{}", entry.name);
            assert!(!entry.summary.is_empty() && !entry.source.is_empty());
        }
        let error = design("refrence").err().unwrap().to_string();
        assert!(error.contains("did you mean `reference`?"), "{error}");
    }

    #[test]
    fn frequencies_are_those_of_the_law_of_the_design() {
        let (reference, played) = policies();
        let count = 200_000;
        for (name, law) in [
            ("uniform", [1.0 / 3.0; 3]),
            ("all", [1.0 / 3.0; 3]),
            ("reference", [0.5, 0.3, 0.2]),
            ("on-policy", [0.9, 0.05, 0.05]),
        ] {
            let pairs = design(name).unwrap().pairs(&reference, &played, count, &mut stream(4, name, &[]));
            let differ: f64 = 1.0 - law.iter().map(|p| p * p).sum::<f64>();
            for i in 0..3 {
                for j in (0..3).filter(|&j| j != i) {
                    let seen = pairs.iter().filter(|d| (d.context, d.left, d.right) == (0, i, j)).count();
                    let p = law[i] * law[j] / differ;
                    // five standard errors
                    let off = (seen as f64 / count as f64 - p).abs();
                    assert!(off < 5.0 * (p * (1.0 - p) / count as f64).sqrt(), "{name} {i} {j}: {seen}");
                }
            }
        }
        // `all` has every unordered pair equally often, but for a remainder of one
        let pairs = design("all").unwrap().pairs(&reference, &played, 20, &mut stream(4, "all", &[]));
        let mut counts = [0; 16];
        let of_last = pairs.iter().filter(|d| d.context == 2);
        of_last.for_each(|d| counts[4 * d.left.min(d.right) + d.left.max(d.right)] += 1);
        assert_eq!(counts.iter().filter(|c| **c > 0).count(), 6);
        assert!(counts.iter().all(|c| [0, 3, 4].contains(c)), "{counts:?}");
    }
}
