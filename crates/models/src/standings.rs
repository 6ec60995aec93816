//! A board to be published: ratings on a scale of one's own, with the errors that belong to it, tiers, predictions, and what
//! it takes to separate neighbours.
//!
//! With strengths `r` in nats and their covariance C,
//!
//! ```text
//! rating_i = base + (points / ln 10) (r_i - r_0),     r_0: the mean of some items, or the strength of the anchor
//! Var(rating_i) = (points / ln 10)^2 (C_ii + C_aa - 2 C_ia)      for an anchor a: 0 for itself
//! ```
//!
//! `points` = 400 and `base` = 1000 are those of public arenas: 400 points are odds of 10. The error of a difference does not
//! depend on the anchor; the error of a rating does.

use equipoise_core::Rng;
use equipoise_core::logistic::logistic;
use ndarray::Array2;

use crate::distributions::student_quantile;
use crate::intervals::critical_values;

/// How strengths are shown.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scale {
    /// Points that odds of 10 are worth, above 0.
    pub points: f64,
    /// Rating of the anchor, or of the mean.
    pub base: f64,
}

impl Default for Scale {
    fn default() -> Self {
        Self { points: 400.0, base: 1000.0 }
    }
}

impl Scale {
    /// Points of one nat.
    #[must_use]
    pub fn per_nat(&self) -> f64 {
        self.points / std::f64::consts::LN_10
    }

    /// Ratings, `[n]`, of strengths, where the mean of `zero` (an anchor, or some items) stands at `base`.
    #[must_use]
    pub fn ratings(&self, strengths: &[f64], zero: &[usize]) -> Vec<f64> {
        around(strengths, zero).into_iter().map(|r| self.base + self.per_nat() * r).collect()
    }

    /// Covariance of the ratings, `[n x n]`, from that of strengths.
    #[must_use]
    pub fn covariance(&self, covariance: &Array2<f64>, zero: &[usize]) -> Array2<f64> {
        let square = self.per_nat().powi(2);
        covariance_around(covariance, zero).mapv_into(|v| square * v)
    }
}

/// Strengths less the mean of those of `zero`.
fn around(strengths: &[f64], zero: &[usize]) -> Vec<f64> {
    let mean = zero.iter().map(|&i| strengths[i]).sum::<f64>() / zero.len() as f64;
    strengths.iter().map(|r| r - mean).collect()
}

/// The covariance of strengths less the mean of those of `zero`.
fn covariance_around(c: &Array2<f64>, zero: &[usize]) -> Array2<f64> {
    let size = zero.len() as f64;
    let rows: Vec<f64> =
        c.rows().into_iter().map(|r| zero.iter().map(|&k| r[k]).sum::<f64>() / size).collect();
    let all = zero.iter().map(|&k| rows[k]).sum::<f64>() / size;
    Array2::from_shape_fn(c.dim(), |(i, j)| match zero {
        // an anchor is what it is: no rounding of its own
        [a] if i == *a || j == *a => 0.0,
        _ => c[[i, j]] - rows[i] - rows[j] + all,
    })
}

/// What distances are measured from, where no anchor is given: the items of the largest block that the data hold together, if
/// one is larger than all others (all items, if everything is held together), else all. `bounded(i, j)`: whether the data bound
/// `r_i - r_j` from below ([`PairFit::bounded`](crate::PairFit::bounded)).
#[must_use]
pub fn origin(n: usize, bounded: impl Fn(usize, usize) -> bool) -> Vec<usize> {
    let mut blocks: Vec<Vec<usize>> = Vec::new();
    for i in 0..n {
        match blocks.iter_mut().find(|b| bounded(i, b[0]) && bounded(b[0], i)) {
            Some(block) => block.push(i),
            None => blocks.push(vec![i]),
        }
    }
    let most = blocks.iter().map(Vec::len).max().unwrap_or(0);
    let mut largest = blocks.into_iter().filter(|b| b.len() == most);
    match (largest.next(), largest.next()) {
        (Some(block), None) if most > 1 => block,
        _ => (0..n).collect(),
    }
}

/// Whether the data bound from below, and from above, the strength of `i` less the mean of those of `zero`: each of them would
/// else take the difference to infinity.
#[must_use]
pub fn ends(i: usize, zero: &[usize], bounded: impl Fn(usize, usize) -> bool) -> (bool, bool) {
    (zero.iter().all(|&k| bounded(i, k)), zero.iter().all(|&k| bounded(k, i)))
}

/// The standard error of `r_i - r_j`.
#[must_use]
pub fn difference_error(covariance: &Array2<f64>, i: usize, j: usize) -> f64 {
    (covariance[[i, i]] + covariance[[j, j]] - 2.0 * covariance[[i, j]]).max(0.0).sqrt()
}

/// Tiers, from 1, of the items: a tier begins with an item that is below the first of the tier before by more than noise
/// (`critical` standard errors of the difference), so that nobody of a tier is surely below its first. `order`: the items, best
/// first; `bounded` as of [`origin`]. Simultaneous with the critical value of all differences.
#[must_use]
pub fn tiers(
    strengths: &[f64],
    covariance: &Array2<f64>,
    order: &[usize],
    bounded: impl Fn(usize, usize) -> bool,
    critical: f64,
) -> Vec<usize> {
    let mut tier = vec![0; strengths.len()];
    let (mut first, mut number) = (None, 0);
    for &i in order {
        let below = |f: usize| {
            bounded(f, i) && strengths[f] - strengths[i] > critical * difference_error(covariance, f, i)
        };
        if first.is_none_or(below) {
            first = Some(i);
            number += 1;
        }
        tier[i] = number;
    }
    tier
}

/// `Pr(i beats j)` of Bradley-Terry strengths, with the ends of its interval at `level` (one by one; delta method on the logit;
/// errors of Student's law of so many `degrees` of freedom, or normal: [`PairFit::noise_degrees`](crate::PairFit)).
#[must_use]
pub fn prediction(
    strengths: &[f64],
    covariance: &Array2<f64>,
    i: usize,
    j: usize,
    (level, degrees): (f64, Option<f64>),
) -> (f64, f64, f64) {
    let (lead, error) = (strengths[i] - strengths[j], difference_error(covariance, i, j));
    let z = student_quantile(0.5 + 0.5 * level, degrees);
    (logistic(lead), logistic(lead - z * error), logistic(lead + z * error))
}

/// Factor on all comparisons, of the same design, after which a two-sided test at `level` separates `i` from `j` with
/// probability 0.8, if their difference is as seen; at least 0. `None` if they are equal. Degrees as in [`prediction`].
#[must_use]
pub fn factor_to_separate(
    strengths: &[f64],
    covariance: &Array2<f64>,
    i: usize,
    j: usize,
    (level, degrees): (f64, Option<f64>),
) -> Option<f64> {
    let lead = (strengths[i] - strengths[j]).abs();
    let needed = student_quantile(0.5 + 0.5 * level, degrees) + student_quantile(0.8, degrees);
    (lead > 1e-9).then(|| (needed * difference_error(covariance, i, j) / lead).powi(2))
}

/// How one item's strength changed between two leaderboards, both around the mean of the same items.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Change {
    /// Its place in the lists that were compared.
    pub item: usize,
    /// New less old, in nats.
    pub change: f64,
    /// Standard error of that.
    pub error: f64,
    /// Whether it is beyond `critical` errors: simultaneously over all items. Whether the data bound it is another question.
    pub moved: bool,
}

/// What two leaderboards have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overlap {
    /// No comparison is in both: variances add. Where some are, that is too wide, never too narrow.
    Apart,
    /// The new one holds all comparisons of the old: `Var(new - old) = Var(old) - Var(new)`, since the new estimate is the
    /// efficient one (Hausman 1978, doi:10.2307/1913827). Takes covariances by the Hessian, of observations that are one
    /// comparison each: of clusters the estimate is not efficient.
    Nested,
}

/// Who moved beyond noise: strengths of the same items, `[n]`, with their covariances, around the mean of those of `zero`;
/// simultaneous over the items at `level`, with errors of Student's law of so many `degrees` of freedom, or normal.
///
/// # Panics
/// If there are no items.
#[must_use]
pub fn changes(
    old: (&[f64], &Array2<f64>),
    new: (&[f64], &Array2<f64>),
    (overlap, zero): (Overlap, &[usize]),
    (level, degrees): (f64, Option<f64>),
    rng: &mut Rng,
) -> Vec<Change> {
    const DRAWS: usize = 4000;
    let n = old.0.len();
    let (a, b) = (covariance_around(old.1, zero), covariance_around(new.1, zero));
    let covariance = match overlap {
        Overlap::Apart => &a + &b,
        Overlap::Nested => &a - &b,
    };
    let all = [(0..n).collect()];
    let critical = critical_values(&covariance, &all, degrees, (level, DRAWS), rng).strengths;
    let (before, after) = (around(old.0, zero), around(new.0, zero));
    (0..n)
        .map(|item| {
            let change = after[item] - before[item];
            let error = covariance[[item, item]].max(0.0).sqrt();
            Change { item, change, error, moved: change.abs() > critical * error + 1e-9 }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use equipoise_core::seed::stream;
    use equipoise_data::Comparisons;
    use ndarray::array;

    use super::*;
    use crate::resample::binomial;
    use crate::{BRADLEY_TERRY, PairOptions, fit};

    #[test]
    fn an_anchor_has_no_error_and_two_items_that_of_their_difference() {
        // 30 : 10 of two items: r = +-ln 3 / 2, Var(r_1 - r_2) = 1/30 + 1/10
        let data = Comparisons::from_tables(&array![[0.0, 30.0], [10.0, 0.0]], &Array2::zeros((2, 2)));
        let found = fit(&data, &BRADLEY_TERRY, PairOptions::default()).unwrap();
        let r = found.log_strength.to_vec();
        let scale = Scale::default();
        let (ratings, covariance) = (scale.ratings(&r, &[1]), scale.covariance(&found.covariance, &[1]));
        assert!(
            (ratings[0] - (1000.0 + 400.0 * 3f64.log10())).abs() < 1e-6 && ratings[1] == 1000.0,
            "{ratings:?}"
        );
        let error = 400.0 / std::f64::consts::LN_10 * (1.0 / 30.0 + 0.1f64).sqrt();
        assert!(
            (covariance[[0, 0]].sqrt() - error).abs() < 1e-6 && covariance[[1, 1]] == 0.0,
            "{covariance}"
        );
        // around the mean each has half of it; the prediction is the win rate, its logit interval symmetric
        let mean = scale.covariance(&found.covariance, &[0, 1]);
        assert!((mean[[0, 0]].sqrt() - 0.5 * error).abs() < 1e-6);
        let (p, low, high) = prediction(&r, &found.covariance, 0, 1, (0.95, None));
        let logit = |p: f64| (p / (1.0 - p)).ln();
        assert!((p - 0.75).abs() < 1e-9 && (logit(high) + logit(low) - 2.0 * logit(p)).abs() < 1e-6);
        // (1.96 + 0.8416) errors of .3651 in a lead of ln 3
        let factor = factor_to_separate(&r, &found.covariance, 0, 1, (0.95, None)).unwrap();
        assert!(
            (factor - (2.801_585 * (1.0 / 30.0 + 0.1f64).sqrt() / 3f64.ln()).powi(2)).abs() < 1e-5,
            "{factor}"
        );
        // of six observations: t = 2.5706 and 0.9195 of five degrees for 1.96 and 0.8416
        let (p, low, _) = prediction(&r, &found.covariance, 0, 1, (0.95, Some(5.0)));
        let nats = (1.0 / 30.0 + 0.1f64).sqrt();
        assert!(((logit(p) - logit(low)) / nats - 2.570_582).abs() < 1e-5);
        let few = factor_to_separate(&r, &found.covariance, 0, 1, (0.95, Some(5.0))).unwrap();
        assert!((few / factor - ((2.570_582 + 0.919_544f64) / 2.801_585).powi(2)).abs() < 1e-5, "{few}");
    }

    #[test]
    fn a_tier_begins_where_its_first_is_surely_better() {
        let covariance = Array2::from_diag(&array![0.005, 0.005, 0.005, 0.005]);
        // two errors of .1 each
        let tier = |r: [f64; 4]| tiers(&r, &covariance, &[0, 1, 2, 3], |_, _| true, 2.0);
        assert_eq!(tier([1.0, 0.9, 0.75, 0.6]), [1, 1, 2, 2]);
        assert_eq!(tier([1.0, 1.0, 1.0, 1.0]), [1, 1, 1, 1]);
        assert_eq!(tier([3.0, 2.0, 1.0, 0.0]), [1, 2, 3, 4]);
    }

    /// The share of leaderboards without a change on which somebody "moved", at the level .95, and on how many of those with one
    /// that item alone did.
    #[test]
    fn nobody_moves_by_noise_and_who_moves_is_found() {
        const SETS: usize = 150;
        let truth = [0.5, 0.2, 0.0, -0.2, -0.5];
        let draw = |r: &[f64; 5], met: u64, name: &str| {
            let mut rng = stream(5, "change", &[name]);
            let mut wins = Array2::zeros((5, 5));
            for i in 0..5 {
                for j in i + 1..5 {
                    let won = binomial(met, logistic(r[i] - r[j]), &mut rng);
                    (wins[[i, j]], wins[[j, i]]) = (won as f64, (met - won) as f64);
                }
            }
            wins
        };
        let fitted = |wins: &Array2<f64>| {
            let data = Comparisons::from_tables(wins, &Array2::zeros((5, 5)));
            fit(&data, &BRADLEY_TERRY, PairOptions::default()).unwrap()
        };
        let mut shifted = truth;
        shifted[2] += 0.6;
        let (mut false_alarms, mut found) = ([0; 2], 0);
        for k in 0..SETS {
            let (first, second) =
                (draw(&truth, 150, &format!("a {k}")), draw(&truth, 150, &format!("b {k}")));
            let third = draw(&shifted, 150, &format!("c {k}"));
            let (old, apart, moved) = (fitted(&first), fitted(&second), fitted(&third));
            let nested = fitted(&(&first + &second));
            let mut rng = stream(6, "change", &[&k.to_string()]);
            let mut moves = |new: &crate::PairFit, overlap: Overlap| {
                let of = |f: &crate::PairFit| f.log_strength.to_vec();
                let list = changes(
                    (&of(&old), &old.covariance),
                    (&of(new), &new.covariance),
                    (overlap, &[0, 1, 2, 3, 4]),
                    (0.95, None),
                    &mut rng,
                );
                list.iter().map(|c| c.moved).collect::<Vec<_>>()
            };
            false_alarms[0] += usize::from(moves(&apart, Overlap::Apart).contains(&true));
            false_alarms[1] += usize::from(moves(&nested, Overlap::Nested).contains(&true));
            found += usize::from(moves(&moved, Overlap::Apart)[2]);
        }
        // 7.5 expected of 150; 17 is the 99.9 percent point
        assert!(false_alarms.iter().all(|&k| k <= 17), "{false_alarms:?}");
        assert!(found >= SETS - 5, "{found}");
    }
}
