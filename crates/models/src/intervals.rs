//! Intervals that hold together: for all strengths, and for all ranks, at once.
//!
//! With strengths normal around the truth (covariance C), `max_i |z_i|` of standardised errors is drawn, and its quantile
//! taken as the critical value; for ranks, `max_ij |z_i - z_j|` over pairs: an item is surely better than another if the
//! interval of their difference lies above 0, and its rank runs from 1 + (surely better ones) to n - (surely worse ones)
//! (Mogstad, Romano, Shaikh, Wilhelm 2024). Simultaneous, so that "the first five" holds as a statement.

use equipoise_core::{Rng, sample::normal};
use faer::{Mat, Side};
use ndarray::Array2;
use rayon::prelude::*;

use crate::pair_fit::PairFit;

/// Draws for critical values; fewer of many items, whose pairs are many.
const DRAWS: usize = 4000;
/// Degrees of freedom from which Student's law is as good as the normal one: its 97.5 percent point is within 0.3 percent.
const MANY: f64 = 400.0;
/// Pairs looked at over all draws.
const MOST_PAIRS: usize = 4_000_000_000;

/// Critical values of simultaneous intervals.
#[derive(Clone, Copy, Debug)]
pub struct Critical {
    /// Of all strengths.
    pub strengths: f64,
    /// Of all differences within an island.
    pub differences: f64,
}

/// Simultaneous intervals of the strengths and ranks of a fit.
#[derive(Clone, Debug)]
pub struct Intervals {
    /// The critical values.
    pub critical: Critical,
    /// Lower ends, `[n]`; `None` where nothing bounds the strength from below ([`PairFit::open`]).
    pub low: Vec<Option<f64>>,
    /// Upper ends, `[n]`, likewise.
    pub high: Vec<Option<f64>>,
    /// Best and worst rank of every item, from 1, over all islands.
    pub ranks: Vec<(usize, usize)>,
}

impl Intervals {
    /// The intervals at `level` (as in 0.95); `order`: the items in an order that does not depend on their numbers or names,
    /// in which noise is drawn. `None` where no noise is known, or the fit has no covariance.
    #[must_use]
    pub fn new(fit: &PairFit, level: f64, order: &[usize], rng: &mut Rng) -> Option<Self> {
        if fit.no_noise.is_some() || fit.spread.iter().any(|v| !v.is_finite()) {
            return None;
        }
        let n = order.len();
        let mut place = vec![0; n];
        order.iter().enumerate().for_each(|(k, &i)| place[i] = k);
        let moved = Array2::from_shape_fn((n, n), |(a, b)| fit.spread[[order[a], order[b]]]);
        let islands: Vec<Vec<usize>> =
            fit.islands.iter().map(|island| island.iter().map(|&i| place[i]).collect()).collect();
        let mut island = vec![0; n];
        fit.islands.iter().enumerate().for_each(|(k, all)| all.iter().for_each(|&i| island[i] = k));
        let draws = DRAWS.min(MOST_PAIRS / (n * n).max(1)).max(200);
        let critical = critical_values(&moved, &islands, fit.noise_degrees, (level, draws), rng);
        let end = |i: usize, sign: f64| {
            fit.log_strength[i] + sign * critical.strengths * fit.spread[[i, i]].max(0.0).sqrt()
        };
        Some(Self {
            low: (0..n).map(|i| (!fit.open[i].0).then(|| end(i, -1.0))).collect(),
            high: (0..n).map(|i| (!fit.open[i].1).then(|| end(i, 1.0))).collect(),
            ranks: rank_intervals(
                &fit.log_strength.to_vec(),
                &fit.spread,
                |i, j| island[i] == island[j] && fit.bounded(i, j),
                critical.differences,
            ),
            critical,
        })
    }
}

/// Critical values at `level` (as in 0.95) for errors of the given covariance, `[n x n]`, from so many draws: normal, or of
/// Student's law of so many `degrees` of freedom. Differences are those within an island.
///
/// # Panics
/// If `draws` is 0.
#[must_use]
pub fn critical_values(
    covariance: &Array2<f64>,
    islands: &[Vec<usize>],
    degrees: Option<f64>,
    (level, draws): (f64, usize),
    rng: &mut Rng,
) -> Critical {
    let n = covariance.nrows();
    let root = root(covariance, islands);
    let noise = Mat::from_fn(root.ncols(), draws, |_, _| normal(rng));
    let drawn = &root * &noise;
    let scales: Vec<f64> = match degrees {
        Some(degrees) if degrees < MANY => (0..draws)
            .map(|_| {
                let squares: f64 = (0..degrees as usize).map(|_| normal(rng).powi(2)).sum();
                (degrees.floor() / squares).sqrt()
            })
            .collect(),
        _ => vec![1.0; draws],
    };
    let error = |i: usize, j: usize| {
        (covariance[[i, i]] + covariance[[j, j]] - 2.0 * covariance[[i, j]]).max(0.0).sqrt()
    };
    let mut island = vec![0; n];
    islands.iter().enumerate().for_each(|(k, all)| all.iter().for_each(|&i| island[i] = k));
    // of two islands nothing is compared
    let inverse = Array2::from_shape_fn((n, n), |(i, j)| {
        if i < j && island[i] == island[j] { reciprocal(error(i, j)) } else { 0.0 }
    });
    let alone: Vec<f64> = (0..n).map(|i| reciprocal(covariance[[i, i]].max(0.0).sqrt())).collect();
    let largest = |draw: usize| {
        let z: Vec<f64> = (0..n).map(|i| drawn[(i, draw)] * scales[draw]).collect();
        let one = (0..n).map(|i| z[i].abs() * alone[i]).fold(0.0, f64::max);
        let rows = inverse.rows().into_iter().enumerate();
        let two = rows.map(|(i, row)| {
            let row = row.to_slice().expect("rows are contiguous");
            largest_difference(z[i], &z[i + 1..], &row[i + 1..])
        });
        (one, two.fold(0.0, f64::max))
    };
    let (mut one, mut two): (Vec<f64>, Vec<f64>) = (0..draws).into_par_iter().map(largest).unzip();
    Critical { strengths: quantile(&mut one, level), differences: quantile(&mut two, level) }
}

/// `max_j |z - others_j| inverse_j`, of numbers that are no NaN; 0 of none. In lanes, which do not wait for each other.
fn largest_difference(z: f64, others: &[f64], inverse: &[f64]) -> f64 {
    const LANES: usize = 8;
    let mut most = [0.0f64; LANES];
    let (pairs, rest) = (others.chunks_exact(LANES), others.chunks_exact(LANES).remainder());
    let size = |other: f64, inverse: f64| (z - other).abs() * inverse;
    for (others, inverse) in pairs.zip(inverse.chunks_exact(LANES)) {
        for lane in 0..LANES {
            let size = size(others[lane], inverse[lane]);
            most[lane] = if size > most[lane] { size } else { most[lane] };
        }
    }
    let behind = &inverse[inverse.len() - rest.len()..];
    let rest = rest.iter().zip(behind).map(|(o, i)| size(*o, *i));
    rest.chain(most).fold(0.0, f64::max)
}

/// A root R of the covariance, `R R' = C`. Of errors around the mean of each island, that is Cholesky's factor with the means
/// added and taken out again, which moves with C continuously, where eigenvectors of equal values would not.
fn root(covariance: &Array2<f64>, islands: &[Vec<usize>]) -> Mat<f64> {
    let n = covariance.nrows();
    let scale = (covariance.diag().sum() / n as f64).max(f64::MIN_POSITIVE);
    let centred = islands.iter().all(|island| {
        island.iter().all(|&i| island.iter().map(|&j| covariance[[i, j]]).sum::<f64>().abs() < 1e-6 * scale)
    });
    if centred {
        let mut lifted = Mat::from_fn(n, n, |i, j| covariance[[i, j]]);
        for island in islands {
            for &i in island {
                island.iter().for_each(|&j| lifted[(i, j)] += scale);
            }
        }
        if let Ok(llt) = lifted.llt(Side::Lower) {
            let mut root = Mat::from_fn(n, n, |i, j| if j <= i { llt.L()[(i, j)] } else { 0.0 });
            for island in islands {
                for j in 0..n {
                    let mean = island.iter().map(|&i| root[(i, j)]).sum::<f64>() / island.len() as f64;
                    island.iter().for_each(|&i| root[(i, j)] -= mean);
                }
            }
            return root;
        }
    }
    let matrix = Mat::from_fn(n, n, |i, j| covariance[[i, j]]);
    let eigen = matrix.self_adjoint_eigen(Side::Lower).expect("a finite symmetric matrix has eigenvalues");
    Mat::from_fn(n, n, |i, k| eigen.U()[(i, k)] * eigen.S()[k].max(0.0).sqrt())
}

fn reciprocal(x: f64) -> f64 {
    if x > 0.0 { x.recip() } else { 0.0 }
}

/// The value that a share of `level` does not exceed.
///
/// # Panics
/// If there are no values.
pub(crate) fn quantile(values: &mut [f64], level: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    values[((level * values.len() as f64).ceil() as usize).clamp(1, values.len()) - 1]
}

/// Simultaneous rank intervals, from 1: best and worst rank of every item. An item i is surely above j only where the data bound
/// `r_i - r_j` from below: `bounded(i, j)`. Of items of two islands nothing is sure, so that the intervals span them.
#[must_use]
pub fn rank_intervals(
    strengths: &[f64],
    covariance: &Array2<f64>,
    bounded: impl Fn(usize, usize) -> bool,
    critical: f64,
) -> Vec<(usize, usize)> {
    let n = strengths.len();
    let surely_above = |i: usize, j: usize| {
        let variance = covariance[[i, i]] + covariance[[j, j]] - 2.0 * covariance[[i, j]];
        // differences of rounding alone are none
        bounded(i, j) && strengths[i] - strengths[j] > (critical * variance.max(0.0).sqrt()).max(1e-9)
    };
    let range = |i: usize| {
        let better = (0..n).filter(|&j| j != i && surely_above(j, i)).count();
        let worse = (0..n).filter(|&j| j != i && surely_above(i, j)).count();
        (1 + better, n - worse)
    };
    (0..n).map(range).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::distributions::normal_quantile;
    use equipoise_core::seed::stream;

    #[test]
    fn independent_errors_have_the_sidak_value() {
        let mut rng = stream(1, "critical", &[]);
        let got =
            critical_values(&Array2::eye(8), &[(0..8).collect()], None, (0.95, 40_000), &mut rng).strengths;
        let sidak = normal_quantile(0.5 + 0.5 * 0.95f64.powf(1.0 / 8.0));
        // 40,000 draws leave 0.01 of a quantile
        assert!((got - sidak).abs() < 0.04, "{got} {sidak}");
        // two items: one difference, the plain two-sided value; and sum-zero covariances are singular
        let cov = ndarray::arr2(&[[0.25, -0.25], [-0.25, 0.25]]);
        let two = critical_values(&cov, &[vec![0, 1]], None, (0.95, 40_000), &mut rng);
        assert!((two.differences - 1.96).abs() < 0.04 && (two.strengths - two.differences).abs() < 1e-9);
        // Student's law of 5 degrees: 2.571
        let student = critical_values(&cov, &[vec![0, 1]], Some(5.0), (0.95, 40_000), &mut rng);
        assert!((student.differences - 2.571).abs() < 0.07);
    }

    #[test]
    fn ranks_are_as_wide_as_the_errors() {
        let (cov, all) = (Array2::eye(3) * 0.01, |_: usize, _: usize| true);
        assert_eq!(rank_intervals(&[2.0, 1.9, 0.0], &cov, all, 2.0), [(1, 2), (1, 2), (3, 3)]);
        assert_eq!(rank_intervals(&[2.0, 1.0, 0.0], &cov, all, 2.0), [(1, 1), (2, 2), (3, 3)]);
        // islands that never met share all ranks that neither rules out
        let two = |i: usize, j: usize| (i == 1) == (j == 1);
        assert_eq!(rank_intervals(&[2.0, 1.0, 0.0], &cov, two, 2.0), [(1, 2), (1, 3), (2, 3)]);
    }
}
