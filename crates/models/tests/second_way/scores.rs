//! Scores, stationary distributions and ratings match by match, each by its definition.

use equipoise_core::logistic::logistic;
use equipoise_core::seed::stream;
use equipoise_models::Fitted;
use serde_json::Value;

use crate::sets::*;

type Table = [[f64; ITEMS]; ITEMS];

/// Three data sets; the model's numbers under `key`, and what `of` makes of the wins.
fn of_wins(sets: &mut Sets, key: &str, scaled: bool, tolerance: f64, of: impl Fn(&Table) -> Vec<f64>) {
    for set in 0..3 {
        let rows = judgements(set > 0, &mut stream(set, "second way scores", &[]));
        let found = sets.fit(&counted(&rows), &Value::Null);
        let of_one = |x: Vec<f64>| -> Vec<f64> {
            let sum: f64 = if scaled { x.iter().sum() } else { 1.0 };
            x.iter().map(|x| x / sum).collect()
        };
        sets.same(key, &of_one(own(&found, key)), &of_one(of(&wins(&rows))), tolerance);
    }
}

pub(crate) fn counting(sets: &mut Sets) {
    of_wins(sets, "score", false, 1e-14, |wins| wins.iter().map(|row| row.iter().sum()).collect());
}

pub(crate) fn average_win_rate(sets: &mut Sets) {
    of_wins(sets, "average_win_rate", false, 1e-14, |w| {
        let rate =
            |i: usize| (0..ITEMS).filter(|&j| j != i).map(|j| w[i][j] / (w[i][j] + w[j][i])).sum::<f64>();
        (0..ITEMS).map(|i| rate(i) / (ITEMS - 1) as f64).collect()
    });
}

/// The vector that a matrix of no negative entries turns everything to: a column of its power 2^50, by squaring.
fn limit(mut m: Table) -> Vec<f64> {
    for _ in 0..50 {
        let mut squared = [[0.0; ITEMS]; ITEMS];
        for (i, row) in squared.iter_mut().enumerate() {
            for (j, entry) in row.iter_mut().enumerate() {
                *entry = (0..ITEMS).map(|k| m[i][k] * m[k][j]).sum();
            }
        }
        let largest = squared.iter().flatten().fold(0.0f64, |a, b| a.max(*b));
        m = squared.map(|row| row.map(|x| x / largest));
    }
    m.iter().map(|row| row[0]).collect()
}

/// With half of the identity, which leaves the vector and keeps the powers from going round.
pub(crate) fn eigen(sets: &mut Sets) {
    of_wins(sets, "eigenvector", true, 1e-11, |wins| {
        let mut m = *wins;
        (0..ITEMS).for_each(|i| m[i][i] += 0.5);
        limit(m)
    });
}

/// Where one ends who moves from j to i at the rate `[i][j]`, for ever.
fn stationary(rate: impl Fn(usize, usize) -> f64) -> Vec<f64> {
    let mut m = [[0.0; ITEMS]; ITEMS];
    let out = |j: usize| (0..ITEMS).filter(|&i| i != j).map(|i| rate(i, j)).sum::<f64>();
    let fastest = (0..ITEMS).map(out).fold(0.0, f64::max);
    for (i, row) in m.iter_mut().enumerate() {
        for (j, entry) in row.iter_mut().enumerate() {
            *entry = if i == j { 1.0 - out(j) / (2.0 * fastest) } else { rate(i, j) / (2.0 * fastest) };
        }
    }
    limit(m)
}

pub(crate) fn rank_centrality(sets: &mut Sets) {
    of_wins(sets, "stationary", true, 1e-11, |w| stationary(|i, j| w[i][j] / (w[i][j] + w[j][i])));
}

pub(crate) fn luce_spectral_ranking(sets: &mut Sets) {
    of_wins(sets, "stationary", true, 1e-11, |w| stationary(|i, j| 0.5 * w[i][j]));
}

pub(crate) fn pagerank(sets: &mut Sets) {
    of_wins(sets, "pagerank", true, 1e-11, |w| {
        let lost = |j: usize| (0..ITEMS).map(|k| w[k][j]).sum::<f64>();
        let mut m = [[0.0; ITEMS]; ITEMS];
        for (i, row) in m.iter_mut().enumerate() {
            for (j, entry) in row.iter_mut().enumerate() {
                *entry = 0.85 * w[i][j] / lost(j) + 0.15 / ITEMS as f64;
            }
        }
        limit(m)
    });
}

/// 3,000 steps of length 20 from the middle of 0 and 100, down the slope of the mean smooth disagreement, at T = 5.
pub(crate) fn soft_condorcet(sets: &mut Sets) {
    of_wins(sets, "rating", false, 1e-9, |w| {
        let met = pairs(ITEMS).map(|(i, j)| w[i][j] + w[j][i]).fold(0.0, f64::max);
        let mut r = vec![50.0; ITEMS];
        for _ in 0..3000 {
            // d/dr_i of  w_ij sigma((r_j - r_i) / T) + w_ji sigma((r_i - r_j) / T),  with sigma' = sigma - sigma^2
            let slope = |i: usize| {
                let pair = |j: usize| {
                    let p = logistic((r[i] - r[j]) / 5.0);
                    (w[j][i] - w[i][j]) * (p - p * p) / 5.0 / met
                };
                (0..ITEMS).filter(|&j| j != i).map(pair).sum::<f64>()
            };
            let slopes: Vec<f64> = (0..ITEMS).map(slope).collect();
            r.iter_mut().zip(slopes).for_each(|(r, slope)| *r = (*r - 20.0 * slope).clamp(0.0, 100.0));
        }
        r
    });
}

/// Three data sets of matches on days of their own, listed in another order than they were played in; `rate` of the matches in their order.
fn of_matches(sets: &mut Sets, rate: impl Fn(&mut Sets, &Fitted, &[Row])) {
    for set in 0..3 {
        let rows = judgements(set > 0, &mut stream(set, "second way matches", &[]));
        let mut listed = rows.clone();
        listed.reverse();
        listed.rotate_left(17);
        let found = sets.fit(&one_by_one(&listed), &Value::Null);
        rate(sets, &found, &rows);
    }
}

/// `400 log10` of the odds, four points a match at most, 1,000 to begin with.
pub(crate) fn elo(sets: &mut Sets) {
    of_matches(sets, |sets, found, rows| {
        let mut ratings = vec![1000.0; ITEMS];
        for row in rows {
            let expected = 1.0 / (1.0 + 10f64.powf((ratings[row.j] - ratings[row.i]) / 400.0));
            let moved = 4.0 * (row.score - expected);
            ratings[row.i] += moved;
            ratings[row.j] -= moved;
        }
        sets.same("rating", &own(found, "rating"), &ratings, 1e-12);
    });
}

/// Beliefs by integration: the difference of two performances is normal; what is seen of it cuts a part out, whose mean and variance go back to
/// the skills as far as each has a share in the difference.
pub(crate) fn trueskill(sets: &mut Sets) {
    let (beta, drift) = (25.0 / 6.0, 25.0 / 300.0);
    // Simpson's rule on [a, b]: the integrals of 1, d, d^2 under the density of N(m, v)
    let moments = |a: f64, b: f64, m: f64, v: f64| {
        const PARTS: i32 = 2000;
        let width = (b - a) / f64::from(PARTS);
        let mut sums = [0.0; 3];
        for k in 0..=PARTS {
            let d = a + f64::from(k) * width;
            let weight = if k == 0 || k == PARTS { 1.0 } else { 2.0 + 2.0 * f64::from(k % 2) };
            let density = (-0.5 * (d - m) * (d - m) / v).exp() / (std::f64::consts::TAU * v).sqrt();
            (0..3).for_each(|p| sums[p] += weight * width / 3.0 * density * d.powi(p as i32));
        }
        sums
    };
    // performances of equals differ by less than the margin with probability 0.1
    let (mut low, mut high) = (0.0, beta);
    for _ in 0..60 {
        let middle = 0.5 * (low + high);
        match moments(-middle, middle, 0.0, 2.0 * beta * beta)[0] < 0.1 {
            true => low = middle,
            false => high = middle,
        }
    }
    let margin = low;
    of_matches(sets, |sets, found, rows| {
        let mut skills = [(25.0f64, (25.0f64 / 3.0).powi(2)); ITEMS];
        for row in rows {
            let drifted = |i: usize| (skills[i].0, skills[i].1 + drift * drift);
            let ((m1, v1), (m2, v2)) = (drifted(row.i), drifted(row.j));
            let (m, v) = (m1 - m2, 2.0 * beta * beta + v1 + v2);
            let reach = 12.0 * v.sqrt() + m.abs() + margin;
            let (a, b) = match row.score {
                0.5 => (-margin, margin),
                1.0 => (margin, reach),
                _ => (-reach, -margin),
            };
            let [total, first, second] = moments(a, b, m, v);
            let (mean, variance) = (first / total, second / total - (first / total).powi(2));
            let after = |mu: f64, own: f64, sign: f64| {
                let share = own / v;
                (mu + sign * share * (mean - m), own + share * share * (variance - v))
            };
            (skills[row.i], skills[row.j]) = (after(m1, v1, 1.0), after(m2, v2, -1.0));
        }
        sets.same("mu", &own(found, "rating"), &skills.map(|s| s.0), 1e-7);
        let errors = found.standard_error.as_ref().unwrap();
        let sigma: Vec<f64> = (0..ITEMS).map(|i| errors[place(found, i)]).collect();
        sets.same("sigma", &sigma, &skills.map(|s| s.1.sqrt()), 1e-7);
    });
}
