//! Local spectra: how fast logit dynamics turn around a policy.
//!
//! Near a fixed point `p` every logit method is linear with the matrix `K C(p)`, `C(p) = diag p - p p'`, on logits
//! modulo constants, whose eigenvalues are `+- i w_k` (`equipoise_core::local` maps them to rates). With `u = sqrt p`,
//! `D = diag p`, `Q = I - u u'` and `C = D^1/2 Q D^1/2`, the matrix is similar, off its kernel, to the skew
//!
//! ```text
//! S = Q D^1/2 K D^1/2 Q,      S_ij = u_i u_j (K_ij - (K p)_i + (K p)_j)
//! ```
//!
//! whose singular values are the moduli `w_k`, each pair twice. Closed forms in the tests: the 3-cycle with margins
//! x, y, z has `w = sqrt(x y z / (x + y + z))`; a regular n-tournament of margin m has `(m / n) cot(pi k / 2n)` for
//! odd k and `(m / n) tan(pi k / 2n)` for even k.
//!
//! Cost: `O(n^3)` a context, `O(1)` up to three actions.

use equipoise_core::Policy;
use equipoise_env::{Game, PreferenceMatrix};
use faer::Mat;

use crate::dense;
use crate::margins::largest_margin;

/// Up to so many actions Jacobi's rotations are the faster way.
const JACOBI: usize = 24;
/// Far more sweeps than quadratic convergence needs: rounding cannot make them endless.
const MOST_SWEEPS: usize = 60;

/// How many frequencies [`game_frequencies`] keeps: more than any report prints, less than a million contexts hold.
pub const FREQUENCIES_KEPT: usize = 1024;

/// The moduli `w_k` of the eigenvalues `+- i w_k` of `K C(p)` on logits modulo constants, largest first.
///
/// `probs` is `[n]` on the simplex; zeros are allowed. The `n - 1` eigenvalues are listed with each conjugate pair
/// once and each zero once, so the length is between `(n - 1) / 2`, rounded up, and `n - 1`. A modulus that rounding
/// explains, below `2e-15 (n w_max + max|K|)`, is a zero.
///
/// # Panics
/// If `probs` has not `n` entries.
#[must_use]
pub fn rotation_frequencies(matrix: &PreferenceMatrix, probs: &[f64]) -> Vec<f64> {
    let n = matrix.n();
    assert_eq!(probs.len(), n, "one probability an action");
    let root: Vec<f64> = probs.iter().map(|p| p.sqrt()).collect();
    let mut margins = vec![0.0; n];
    matrix.product(probs, &mut margins);
    // skew by construction: each pair is rounded once
    let upper = |i: usize, j: usize| root[i] * root[j] * (matrix.margin(i, j) - margins[i] + margins[j]);
    let noise = 8.0 * f64::EPSILON * largest_margin(matrix);
    match n {
        1 => return Vec::new(),
        2 => return vec![0.0],
        3 => {
            let w = upper(0, 1).hypot(upper(0, 2)).hypot(upper(1, 2));
            return if w > noise { vec![w] } else { vec![0.0; 2] };
        }
        _ => {}
    }
    let entry = |i: usize, j: usize| match i.cmp(&j) {
        std::cmp::Ordering::Less => upper(i, j),
        std::cmp::Ordering::Equal => 0.0,
        std::cmp::Ordering::Greater => -upper(j, i),
    };
    // the library's iteration is the faster one on large matrices, but may give up: Jacobi's does not
    let large = (n > JACOBI).then(|| dense::singular_values(&Mat::from_fn(n, n, entry))).flatten();
    let values = large.unwrap_or_else(|| jacobi_singular_values(n, entry));
    let zero = noise + 8.0 * n as f64 * f64::EPSILON * values[0];
    // the last of the n values belongs to u, the direction of constants
    let mut frequencies: Vec<f64> = values[..n - 1]
        .chunks_exact(2)
        .take_while(|pair| pair[1] > zero)
        .map(|pair| 0.5 * (pair[0] + pair[1]))
        .collect();
    frequencies.resize(n - 1 - frequencies.len(), 0.0);
    frequencies
}

/// Singular values, largest first, by one-sided Jacobi rotations (Hestenes 1958): columns are turned in pairs until all
/// are orthogonal; their lengths remain. Sweeps end when no pair is further from orthogonal than rounding, after about
/// `log2 n + 5` of them.
fn jacobi_singular_values(n: usize, entry: impl Fn(usize, usize) -> f64) -> Vec<f64> {
    let mut columns: Vec<f64> = (0..n * n).map(|k| entry(k % n, k / n)).collect();
    for _ in 0..MOST_SWEEPS {
        let mut turned = false;
        for p in 0..n - 1 {
            for q in p + 1..n {
                let (head, tail) = columns.split_at_mut(q * n);
                let (x, y) = (&mut head[p * n..(p + 1) * n], &mut tail[..n]);
                let (mut xx, mut yy, mut xy) = (0.0, 0.0, 0.0);
                for (a, b) in x.iter().zip(y.iter()) {
                    xx += a * a;
                    yy += b * b;
                    xy += a * b;
                }
                if xy * xy <= f64::EPSILON * f64::EPSILON * xx * yy {
                    continue;
                }
                turned = true;
                // the smaller root of t^2 + 2 zeta t = 1: the turn by at most 45 degrees
                let zeta = (yy - xx) / (2.0 * xy);
                let t = zeta.signum() / (zeta.abs() + zeta.hypot(1.0));
                let c = 1.0 / t.hypot(1.0);
                for (a, b) in x.iter_mut().zip(y.iter_mut()) {
                    (*a, *b) = (c * (*a - t * *b), c * (t * *a + *b));
                }
            }
        }
        if !turned {
            break;
        }
    }
    let mut values: Vec<f64> =
        columns.chunks_exact(n).map(|column| column.iter().map(|a| a * a).sum::<f64>().sqrt()).collect();
    values.sort_unstable_by(|a, b| b.total_cmp(a));
    values
}

/// The frequencies of all contexts together, largest first, at most [`FREQUENCIES_KEPT`] of them: of more, the largest and,
/// last, the smallest, because the modulus of every method is largest at one of the two ends.
///
/// Contexts do not interact, so the context weights do not matter.
///
/// # Panics
/// If the policy has another shape than the game.
#[must_use]
pub fn game_frequencies(game: &Game, policy: &Policy) -> Vec<f64> {
    assert_eq!(game.shape(), policy.shape(), "the policy must be one of this game");
    let mut all = Vec::new();
    let keep_largest = |all: &mut Vec<f64>| {
        all.sort_unstable_by(|a: &f64, b| b.total_cmp(a));
        if let (true, Some(&smallest)) = (all.len() > FREQUENCIES_KEPT, all.last()) {
            all.truncate(FREQUENCIES_KEPT - 1);
            all.push(smallest);
        }
    };
    for (x, range) in game.shape().ranges().enumerate() {
        all.extend(rotation_frequencies(&game.matrix(x), &policy.probs_slice()[range]));
        if all.len() > 8 * FREQUENCIES_KEPT {
            keep_largest(&mut all);
        }
    }
    keep_largest(&mut all);
    all
}

/// The largest frequency over all contexts: the spectral radius of `K C(policy)`; 0 if nothing turns.
///
/// # Panics
/// If the policy has another shape than the game.
#[must_use]
pub fn spectral_radius(game: &Game, policy: &Policy) -> f64 {
    game_frequencies(game, policy).first().copied().unwrap_or(0.0)
}

/// The largest singular value of `K` over all contexts, to rounding: the Lipschitz constant of `pi -> K pi` in the Euclidean
/// norm, which the proved steps of projected methods need. `O(n^3)` a context; 0 if all actions tie.
#[must_use]
pub fn operator_norm(game: &Game) -> f64 {
    (0..game.contexts()).fold(0.0, |norm: f64, x| {
        let matrix = game.matrix(x);
        let n = matrix.n();
        let of_context = match n {
            1 => 0.0,
            // rank 2: the norm is that of the dual vector
            2 | 3 => matrix.pair_margins().fold(0.0, f64::hypot),
            _ => {
                let margins = Mat::from_fn(n, n, |i, j| matrix.margin(i, j));
                dense::singular_values(&margins).expect("the SVD of a finite matrix converges")[0]
            }
        };
        norm.max(of_context)
    })
}
