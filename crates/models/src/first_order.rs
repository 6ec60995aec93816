//! Zermelo's and Newman's iterations for Bradley-Terry strengths: cheap passes over the pairs, any number of items.
//!
//! ```text
//! s_i <- sum_j w_ij (alpha s_i + s_j) / (s_i + s_j)  /  sum_j (alpha w_ij + w_ji) / (s_i + s_j)       s = e^r
//! ```
//!
//! alpha = 1: Zermelo 1929, the MM iteration of Hunter 2004. alpha = 0: Newman, arXiv:2207.00076, converging several to a
//! hundred times faster. w counts ties half. Items are updated in place, one after the other: the synchronous form of
//! Newman's iteration swings for ever on an even cycle, and diverges on many cyclic data; in place each update climbs.
//! Cost: O(pairs) a pass. A maximum must exist ([`win_blocks`](crate::graph::win_blocks)); else strengths run away and
//! `converged` is false. With the logistic prior ([`newman_prior`]) one always exists:
//!
//! ```text
//! s_i <- [1 / (s_i + 1) + sum_j w_ij s_j / (s_i + s_j)]  /  [1 / (s_i + 1) + sum_j w_ji / (s_i + s_j)]
//! ```

use equipoise_data::Comparisons;
use ndarray::Array1;

use crate::descent::Fall;
use crate::registry::Watch;

/// Strengths after the passes.
#[derive(Clone, Debug)]
pub struct Passes {
    /// Log strengths, mean 0, `[n]`.
    pub log_strength: Array1<f64>,
    /// Passes done.
    pub passes: u32,
    /// Whether the last pass moved no log strength by more than the tolerance.
    pub converged: bool,
}

/// Newman's iteration (alpha = 0), in place.
#[must_use]
pub fn newman(data: &Comparisons, tolerance: f64, most: u32) -> Passes {
    passes(data, Rule::Newman, (tolerance, most), &|_| ())
}

/// Newman's iteration for the mode under the logistic prior of [`fit`](crate::fit()): one win and one loss of every
/// item against an item of strength 0.
#[must_use]
pub fn newman_prior(data: &Comparisons, tolerance: f64, most: u32) -> Passes {
    passes(data, Rule::NewmanPrior, (tolerance, most), &|_| ())
}

/// Zermelo's iteration (alpha = 1), in place.
#[must_use]
pub fn zermelo(data: &Comparisons, tolerance: f64, most: u32) -> Passes {
    passes(data, Rule::Zermelo, (tolerance, most), &|_| ())
}

/// Wins of every item, by opponent: `(opponent, wins, losses)`, ties half.
struct Record {
    starts: Vec<usize>,
    rows: Vec<(usize, f64, f64)>,
}

impl Record {
    fn new(data: &Comparisons) -> Self {
        let mut starts = vec![0; data.n() + 1];
        for pair in &data.pairs {
            starts[pair.i + 1] += 1;
            starts[pair.j + 1] += 1;
        }
        (0..data.n()).for_each(|i| starts[i + 1] += starts[i]);
        let mut next = starts.clone();
        let mut rows = vec![(0, 0.0, 0.0); starts[data.n()]];
        for pair in &data.pairs {
            let (wins, losses) = pair.scores();
            for (a, b, won, lost) in [(pair.i, pair.j, wins, losses), (pair.j, pair.i, losses, wins)] {
                rows[next[a]] = (b, won, lost);
                next[a] += 1;
            }
        }
        Self { starts, rows }
    }

    /// The new strength of item i.
    fn update(&self, i: usize, s: &[f64], alpha: f64, prior: bool) -> f64 {
        let (mut up, mut down) = if prior { (1.0 / (s[i] + 1.0), 1.0 / (s[i] + 1.0)) } else { (0.0, 0.0) };
        for &(j, won, lost) in &self.rows[self.starts[i]..self.starts[i + 1]] {
            let inverse = 1.0 / (s[i] + s[j]);
            up += won * (alpha * s[i] + s[j]) * inverse;
            down += (alpha * won + lost) * inverse;
        }
        up / down
    }
}

/// An iteration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rule {
    /// [`zermelo`].
    Zermelo,
    /// [`newman`].
    Newman,
    /// [`newman_prior`].
    NewmanPrior,
}

/// Passes until the last moved no log strength by more than the tolerance, `most` at most; `watch` hears of the share that is done.
pub(crate) fn passes(
    data: &Comparisons,
    rule: Rule,
    (tolerance, most): (f64, u32),
    watch: Watch<'_>,
) -> Passes {
    let alpha = if rule == Rule::Zermelo { 1.0 } else { 0.0 };
    let prior = rule == Rule::NewmanPrior;
    let mut fall = Fall::to(tolerance, watch);
    let record = Record::new(data);
    let n = data.n();
    let islands = if prior { data.components() } else { Vec::new() };
    let mut s = vec![1.0; n];
    let mut before = vec![0.0; n];
    let (mut passes, mut converged) = (0, false);
    while !converged && passes < most {
        passes += 1;
        for i in 0..n {
            if record.starts[i] < record.starts[i + 1] {
                s[i] = record.update(i, &s, alpha, prior);
            }
        }
        let mean = if prior {
            // a common factor of an island is felt by the prior alone: passes would move it by a little each
            islands.iter().for_each(|island| to_origin(&mut s, island));
            s.iter().map(|x| x.ln()).sum()
        } else {
            centre(&mut s)
        };
        if !f64::is_finite(mean) {
            break;
        }
        let moved = s.iter().zip(&before).fold(0.0f64, |m, (s, b)| m.max((s.ln() - b).abs()));
        s.iter().zip(&mut before).for_each(|(s, b)| *b = s.ln());
        converged = moved <= tolerance;
        fall.at(moved);
    }
    let mean = before.iter().sum::<f64>() / n as f64;
    Passes { log_strength: before.iter().map(|r| r - mean).collect(), passes, converged }
}

/// Scales the strengths of an island to where the logistic prior is largest: `sum_i (1 - 2 sigma(r_i + c)) = 0`, by Newton's
/// method from c = 0, whose steps are within one of the solution's side, as the slope is monotone and bounded.
fn to_origin(s: &mut [f64], island: &[usize]) {
    let mut factor: f64 = 1.0;
    for _ in 0..30 {
        let (mut slope, mut curvature) = (0.0, 0.0);
        for &i in island {
            let p = factor * s[i] / (1.0 + factor * s[i]);
            slope += 1.0 - 2.0 * p;
            curvature += 2.0 * p * (1.0 - p);
        }
        let step = (slope / curvature).clamp(-1.0, 1.0);
        if !step.is_finite() {
            break;
        }
        factor *= step.exp();
        if step.abs() < 1e-15 {
            break;
        }
    }
    island.iter().for_each(|&i| s[i] *= factor);
}

/// Scales strengths to a geometric mean of 1; the logarithm of what they had.
fn centre(s: &mut [f64]) -> f64 {
    let mean = s.iter().map(|x| x.ln()).sum::<f64>() / s.len() as f64;
    let scale = (-mean).exp();
    s.iter_mut().for_each(|x| *x *= scale);
    mean
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{BRADLEY_TERRY, PairOptions, fit};
    use ndarray::Array2;

    fn cycle(k: usize, ahead: f64, back: f64) -> Comparisons {
        let mut wins = Array2::zeros((k, k));
        for i in 0..k {
            wins[[i, (i + 1) % k]] = ahead;
            wins[[(i + 1) % k, i]] = back;
        }
        Comparisons::from_tables(&wins, &Array2::zeros((k, k)))
    }

    /// One synchronous pass: all updates from the old strengths.
    fn synchronous(data: &Comparisons, s: &mut Vec<f64>, alpha: f64) {
        let record = Record::new(data);
        *s = (0..s.len()).map(|i| record.update(i, s, alpha, false)).collect();
        centre(s);
    }

    /// How much the synchronous iteration shrinks a small deviation from all-equal, in its slowest mode.
    fn synchronous_factor(data: &Comparisons, alpha: f64) -> f64 {
        let n = data.n();
        let mut s: Vec<f64> =
            (0..n).map(|i| (1e-5 * ((i * i) as f64 + 0.3 * i as f64).sin()).exp()).collect();
        let size = |s: &[f64]| s.iter().map(|x| x.ln() * x.ln()).sum::<f64>().sqrt();
        centre(&mut s);
        // two passes at a time: signs may alternate
        let mut factor = 0.0;
        for _ in 0..300 {
            let before = size(&s);
            synchronous(data, &mut s, alpha);
            synchronous(data, &mut s, alpha);
            factor = (size(&s) / before).sqrt();
            let rescale = 1e-5 / size(&s);
            s.iter_mut().for_each(|x| *x = (x.ln() * rescale).exp());
        }
        factor
    }

    #[test]
    fn spectral_factors_of_cycles_and_round_robins() {
        for k in [3usize, 4, 5, 6, 7, 8] {
            let data = cycle(k, 3.0, 3.0);
            let modes = (1..k).map(|m| (std::f64::consts::TAU * m as f64 / k as f64).cos());
            let newman = modes.clone().map(f64::abs).fold(0.0, f64::max);
            let zermelo = modes.map(|c| 0.5 * (1.0 + c)).fold(0.0, f64::max);
            // deviations of 1e-5: the quadratic terms leave 1e-5 relative
            assert!((synchronous_factor(&data, 0.0) - newman).abs() < 1e-4, "{k}");
            assert!((synchronous_factor(&data, 1.0) - zermelo).abs() < 1e-4, "{k}");
            assert!(k % 2 == 1 || newman > 1.0 - 1e-12, "an even cycle has the mode (-1)^i");
        }
        for n in [4usize, 6, 9] {
            let wins = Array2::from_shape_fn((n, n), |(i, j)| if i == j { 0.0 } else { 2.0 });
            let data = Comparisons::from_tables(&wins, &Array2::zeros((n, n)));
            assert!((synchronous_factor(&data, 0.0) - 1.0 / (n as f64 - 1.0)).abs() < 1e-4);
            let slow = (n as f64 - 2.0) / (2.0 * (n as f64 - 1.0));
            assert!((synchronous_factor(&data, 1.0) - slow).abs() < 1e-4);
        }
    }

    #[test]
    fn on_an_even_cycle_the_synchronous_form_swings_for_ever_and_the_other_converges() {
        let data = cycle(6, 7.0, 2.0);
        let mut s: Vec<f64> = (0..6).map(|i| if i % 2 == 0 { 2.0 } else { 0.5 }).collect();
        for _ in 0..5000 {
            synchronous(&data, &mut s, 0.0);
        }
        let spread = s.iter().map(|x| x.ln().abs()).fold(0.0, f64::max);
        assert!(spread > 0.1, "it must not have converged: {s:?}");
        let found = newman(&data, 1e-13, 1000);
        assert!(found.converged && found.log_strength.iter().all(|r| r.abs() < 1e-12), "{found:?}");
    }

    #[test]
    fn all_methods_reach_the_same_maximum() {
        let mut wins = Array2::from_shape_fn((7, 7), |(i, j)| ((3 * i + 5 * j + i * j) % 7) as f64);
        wins.diag_mut().fill(0.0);
        let ties = Array2::from_shape_fn((7, 7), |(i, j)| ((i + j) % 3) as f64 * f64::from(u8::from(i != j)));
        let data = Comparisons::from_tables(&wins, &ties);
        let newton = fit(&data, &BRADLEY_TERRY, PairOptions::default()).unwrap();
        let found = [newman(&data, 1e-14, 10_000), zermelo(&data, 1e-14, 10_000)];
        for passes in &found {
            assert!(passes.converged);
            let off = (&passes.log_strength - &newton.log_strength).mapv(f64::abs);
            // a pass that moves 1e-14 at a factor of 0.9 is within 1e-13
            assert!(off.iter().all(|&d| d < 1e-12), "{off}");
        }
        assert!(found[0].passes < found[1].passes);
        let prior =
            fit(&data, &BRADLEY_TERRY, PairOptions { prior: true, ..PairOptions::default() }).unwrap();
        let passes = newman_prior(&data, 1e-14, 10_000);
        assert!(passes.converged);
        let off = (&passes.log_strength - &prior.log_strength).mapv(f64::abs);
        assert!(off.iter().all(|&d| d < 1e-12), "{off}");
        // two items: one update
        let pair =
            Comparisons::from_tables(&ndarray::arr2(&[[0.0, 8.0], [2.0, 0.0]]), &Array2::zeros((2, 2)));
        let one = newman(&pair, 0.0, 1);
        assert!((one.log_strength[0] - one.log_strength[1] - 4.0f64.ln()).abs() < 1e-15);
    }
}
