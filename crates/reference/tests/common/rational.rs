//! An exact solution that shares nothing with the solver: the simplex method in whole numbers, with Bland's rule, from nothing.

use equipoise_reference::RationalMargins;
use num_bigint::BigInt;
use num_integer::Integer as _;
use num_traits::{One as _, Signed as _, ToPrimitive as _, Zero as _};

/// The equilibrium at which it ends, each probability rounded once.
///
/// With `A = L K + L > 0` for a common denominator `L`: maximise `1'y` subject to `A y <= 1`, `y >= 0`; the policy is
/// `y / 1'y`. The tableau is kept in whole numbers over one denominator, the last pivot (Edmonds 1967; Bareiss 1968).
pub fn equilibrium(game: &RationalMargins) -> Vec<f64> {
    let n = game.n();
    let pairs = || (0..n).flat_map(|i| (0..n).map(move |j| (i, j)));
    let common = pairs().fold(BigInt::one(), |l, (i, j)| l.lcm(&BigInt::from(game.margin(i, j).1)));
    let entry = |i: usize, j: usize| {
        let (a, b) = game.margin(i, j);
        &common + BigInt::from(a) * (&common / BigInt::from(b))
    };
    // rows of A and their right-hand side 1; last row: the reduced costs -1 and the objective 0
    let mut t: Vec<Vec<BigInt>> =
        (0..n).map(|i| (0..n).map(|j| entry(i, j)).chain([BigInt::one()]).collect()).collect();
    t.push((0..n).map(|_| -BigInt::one()).chain([BigInt::zero()]).collect());
    let mut denominator = BigInt::one();
    let (mut basic, mut nonbasic): (Vec<usize>, Vec<usize>) = ((n..2 * n).collect(), (0..n).collect());
    while let Some(c) = (0..n).filter(|&c| t[n][c].is_negative()).min_by_key(|&c| nonbasic[c]) {
        let r = (0..n)
            .filter(|&r| t[r][c].is_positive())
            .min_by(|&a, &b| (&t[a][n] * &t[b][c]).cmp(&(&t[b][n] * &t[a][c])).then(basic[a].cmp(&basic[b])))
            .expect("a policy is bounded");
        let pivot = t[r][c].clone();
        let row = t[r].clone();
        for i in (0..=n).filter(|&i| i != r) {
            let factor = t[i][c].clone();
            for j in (0..=n).filter(|&j| j != c) {
                t[i][j] = (&t[i][j] * &pivot - &factor * &row[j]) / &denominator; // exact: a minor
            }
            t[i][c] = -factor;
        }
        t[r][c] = std::mem::replace(&mut denominator, pivot);
        std::mem::swap(&mut basic[r], &mut nonbasic[c]);
    }
    let total = &t[n][n];
    let mut policy = vec![0.0; n];
    for (r, &variable) in basic.iter().enumerate().filter(|(_, v)| **v < n) {
        let quotient: BigInt = (&t[r][n] << 120) / total;
        policy[variable] = quotient.to_f64().unwrap() * 2f64.powi(-120);
    }
    policy
}
