//! The measures of one set of comparisons, for many sets of one design.

use equipoise_data::Comparisons;
use equipoise_env::PreferenceMatrix;
use equipoise_reference::{ReferenceError, maximal_lottery};
use faer::Mat;
use ndarray::Array1;

use super::statistic::{CURL, DEVIANCE, EDGE, ENERGY, LOSS, ROTATION, STATISTICS, Statistic};
use crate::cycles::{cycle_facts_of_many, facts_of_triads};
use crate::entries::BRADLEY_TERRY;
use crate::error::FitError;
use crate::hodge::Hodge;
use crate::intervals::quantile;
use crate::pair_fit::{PairFit, strengths_and_deviance};
use crate::triads::Triads;

/// Why nothing was found.
#[derive(Debug, thiserror::Error)]
pub enum InspectError {
    /// No fit.
    #[error(transparent)]
    Fit(#[from] FitError),
    /// Rankings with ties that were dropped.
    #[error(
        "has rankings with tied items and drops ties: which pairs of a ranking are left is then chance, and no data like these can \
         be drawn; leave out --ties drop"
    )]
    DroppedTies,
    /// More rankings than are drawn one by one.
    #[error(
        "has {rankings:.2e} rankings; at most {most:.0e} are drawn one by one for every data set: scale the weights down"
    )]
    TooManyRankings {
        /// Weight of all rankings.
        rankings: f64,
        /// Most that are drawn.
        most: f64,
    },
    /// More triads than are looked through.
    #[error(
        "has so many triads of items that met that finding them takes {look_ups:.1e} look-ups; at most {most:.0e} are made: select fewer \
         items (at most 3000 are inspected by matrices)"
    )]
    TooManyTriads {
        /// Look-ups.
        look_ups: u64,
        /// Most that are made.
        most: u64,
    },
    /// No lottery.
    #[error(transparent)]
    Reference(#[from] ReferenceError),
}

/// The 95 percent point of the normal law.
const SURE: f64 = 1.644_853_626_951_472_2;
/// Strengths closer than this are equal: they are fitted to a smaller tolerance.
const EQUAL: f64 = 1e-8;

/// What stays the same over data sets of one design.
pub(super) struct Design {
    pub(super) hodge: Hodge,
    pub(super) triads: Triads,
    pub(super) lotteries: bool,
    pub(super) start: Array1<f64>,
    /// Standard errors of the leads of even pairs, where they are not the roots of wins and losses.
    pub(super) errors: Option<Vec<f64>>,
}

/// What a favourite loses.
pub(super) struct Loss {
    pub(super) pair: usize,
    pub(super) wins: f64,
    pub(super) losses: f64,
}

/// The measures of one data set.
pub(super) struct Measured {
    pub(super) values: [f64; STATISTICS.len()],
    pub(super) cyclic_energy: f64,
    pub(super) total_energy: f64,
    /// Items of the largest strength: several if they are equal.
    pub(super) favourites: Vec<usize>,
    /// Of the favourite that loses least, the best reply, if somebody beats it or ties.
    pub(super) worst: Option<usize>,
    /// Of that favourite against it.
    pub(super) loss: Option<Loss>,
}

impl Measured {
    /// What is compared with the null: of the energy the absolute part, see the head of the parent module.
    pub(super) fn tested(&self, k: usize) -> f64 {
        if k == ENERGY { self.cyclic_energy } else { self.values[k] }
    }
}

impl Design {
    pub(super) fn measure(&self, data: &Comparisons) -> Result<Measured, InspectError> {
        let (r, deviance) = strengths_and_deviance(data, &BRADLEY_TERRY, &self.start)?;
        let favourites = favourites(&r);
        // equal favourites are one: what the one of them loses that loses least
        let replies = favourites.iter().map(|&f| (f, best_reply(data, f)));
        let (favourite, worst) = replies
            .min_by(|(_, a), (_, b)| a.map_or(0.0, |a| a.1).total_cmp(&b.map_or(0.0, |b| b.1)))
            .expect("somebody has the largest strength");
        let between = |j: usize| {
            let key = (favourite.min(j), favourite.max(j));
            let pair = data.pairs.iter().position(|p| (p.i, p.j) == key)?;
            let (first, second, _) = data.pairs[pair].outcomes();
            let (wins, losses) = if favourite < j { (first, second) } else { (second, first) };
            Some(Loss { pair, wins, losses })
        };
        let loss = worst.and_then(|(j, _)| between(j));
        let facts = match &self.errors {
            None => cycle_facts_of_many(data, &self.triads, None),
            Some(errors) => facts_of_triads(data, &self.triads, |pair, _| errors[pair], |_, z, _| z > SURE),
        };
        let margins: Vec<f64> = data.pairs.iter().map(|p| p.margin(0.0)).collect();
        let (cyclic_energy, total_energy) = self.hodge.energies(&margins);
        let (rotation, edge) = if self.lotteries {
            let matrix = data.matrix(0.0);
            let nash = maximal_lottery(&matrix)?;
            let edge: f64 = (0..data.n()).map(|i| nash.policy[i] * matrix.margin(i, favourite)).sum();
            // against a favourite that it plays the lottery has no edge, up to rounding
            let edge = if edge.abs() < 1e-12 { 0.0 } else { edge };
            (rotations(&skew(&matrix)).get(1).copied().unwrap_or(0.0), edge)
        } else {
            (f64::NAN, f64::NAN)
        };
        let mut values = [0.0; STATISTICS.len()];
        values[..5].copy_from_slice(&[
            facts.strongest_cycle,
            facts.cyclic as f64,
            facts.weighted_share,
            facts.significant as f64,
            facts.items_on_cycles,
        ]);
        values[ENERGY] = if total_energy > 0.0 { cyclic_energy / total_energy } else { 0.0 };
        values[CURL] = facts.largest_curl;
        values[ROTATION] = rotation;
        values[LOSS] = worst.map_or(0.0, |(_, margin)| margin);
        values[EDGE] = edge;
        values[DEVIANCE] = deviance;
        Ok(Measured { values, cyclic_energy, total_energy, favourites, worst: worst.map(|(j, _)| j), loss })
    }
}

/// Items of the largest strength.
pub(super) fn favourites(r: &Array1<f64>) -> Vec<usize> {
    let top = r.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    (0..r.len()).filter(|&i| r[i] >= top - EQUAL).collect()
}

/// The measures of the data against those of data sets drawn; `tests`: which of them have a p-value.
pub(super) fn statistics(
    values: [f64; STATISTICS.len()],
    seen: &Measured,
    drawn: &[Measured],
    rounding: &[f64; STATISTICS.len()],
    tests: impl Fn(usize) -> bool,
) -> [Statistic; STATISTICS.len()] {
    let statistic = |k: usize| {
        let ((name, definition), value) = (STATISTICS[k], values[k]);
        let mut values: Vec<f64> = drawn.iter().map(|m| m.values[k]).collect();
        let known = !values.is_empty() && value.is_finite() && tests(k);
        let least = seen.tested(k);
        let more = drawn.iter().filter(|m| m.tested(k) > least + rounding[k]).count();
        let as_large = drawn.iter().filter(|m| m.tested(k) >= least - rounding[k]).count();
        Statistic {
            name,
            definition,
            value: if value.abs() <= rounding[k] { 0.0 } else { value },
            p_value: known.then(|| (1 + as_large) as f64 / (1 + values.len()) as f64),
            null_mean: known.then(|| values.iter().sum::<f64>() / values.len() as f64),
            null_95: known.then(|| quantile(&mut values, 0.95)),
            counts: (more, as_large - more, drawn.len()),
        }
    };
    std::array::from_fn(statistic)
}

/// Who wins most against an item, and by what margin; `None` if it beats everybody it met.
fn best_reply(data: &Comparisons, item: usize) -> Option<(usize, f64)> {
    let against = |i: usize, margin: f64| (margin >= 0.0).then_some((i, margin));
    let replies = data.pairs.iter().filter_map(|p| match item {
        f if f == p.i => against(p.j, -p.margin(0.0)),
        f if f == p.j => against(p.i, p.margin(0.0)),
        _ => None,
    });
    replies.fold(None, |best: Option<(usize, f64)>, new| match best {
        Some(best) if best.1 >= new.1 => Some(best),
        _ => Some(new),
    })
}

/// K as a matrix.
pub(super) fn skew(matrix: &PreferenceMatrix) -> Mat<f64> {
    Mat::from_fn(matrix.n(), matrix.n(), |i, j| matrix.margin(i, j))
}

/// K of the data minus K of the model, over pairs that met.
pub(super) fn centred(data: &Comparisons, truth: &PairFit) -> Mat<f64> {
    let mut k = Mat::zeros(data.n(), data.n());
    for pair in &data.pairs {
        let off = pair.margin(0.0) - (truth.prob(pair.i, pair.j) - 0.5);
        k[(pair.i, pair.j)] = off;
        k[(pair.j, pair.i)] = -off;
    }
    k
}

/// Singular values of a skew matrix, one of each pair, descending: square roots of the eigenvalues of `K'K`. Good to
/// 1e-8 of the largest, which is far below noise.
pub(super) fn rotations(k: &Mat<f64>) -> Vec<f64> {
    let values = jacobi(k.transpose() * k);
    values.chunks_exact(2).map(|pair| pair[0].max(0.0).sqrt()).collect()
}

/// Eigenvalues of a symmetric matrix, descending, by cyclic Jacobi rotations, which converge on every matrix; iterative
/// decompositions gave up on skew matrices of few votes, whose singular values all come in equal pairs.
fn jacobi(mut a: Mat<f64>) -> Vec<f64> {
    let n = a.nrows();
    let norm: f64 = (0..n).map(|i| (0..n).map(|j| a[(i, j)] * a[(i, j)]).sum::<f64>()).sum();
    for _ in 0..60 {
        let off: f64 = (0..n).map(|i| (i + 1..n).map(|j| a[(i, j)] * a[(i, j)]).sum::<f64>()).sum();
        if off <= 1e-28 * norm {
            break;
        }
        for p in 0..n {
            for q in p + 1..n {
                if a[(p, q)] == 0.0 {
                    continue;
                }
                let theta = (a[(q, q)] - a[(p, p)]) / (2.0 * a[(p, q)]);
                let t = theta.signum() / (theta.abs() + theta.hypot(1.0));
                let c = 1.0 / t.hypot(1.0);
                let s = t * c;
                for k in 0..n {
                    let (x, y) = (a[(k, p)], a[(k, q)]);
                    (a[(k, p)], a[(k, q)]) = (c * x - s * y, s * x + c * y);
                }
                for k in 0..n {
                    let (x, y) = (a[(p, k)], a[(q, k)]);
                    (a[(p, k)], a[(q, k)]) = (c * x - s * y, s * x + c * y);
                }
            }
        }
    }
    let mut values: Vec<f64> = (0..n).map(|i| a[(i, i)]).collect();
    values.sort_by(|x, y| y.total_cmp(x));
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rotations_of_known_matrices() {
        // a balanced cycle of n: singular values 2 sin(2 pi m / n) times the margin
        for n in [3usize, 6, 9] {
            let k = Mat::from_fn(n, n, |i, j| match (n + j - i) % n {
                1 => 0.3,
                d if d == n - 1 => -0.3,
                _ => 0.0,
            });
            let mut expected: Vec<f64> =
                (0..n).map(|m| (0.6 * (std::f64::consts::TAU * m as f64 / n as f64).sin()).abs()).collect();
            expected.sort_by(|x, y| y.total_cmp(x));
            for (got, want) in rotations(&k).iter().zip(expected.chunks_exact(2)) {
                assert!((got - want[0]).abs() < 1e-8, "{n}: {got} {want:?}");
            }
        }
        // a rating has rank two: one rotation
        let r = [0.3, -0.1, 0.2, -0.4, 0.05];
        let found = rotations(&Mat::from_fn(5, 5, |i, j| r[i] - r[j]));
        assert!(found[0] > 0.1 && found[1] < 1e-7, "{found:?}");
    }
}
