//! Regularised equilibria against closed forms, known figures, and the identities of the regularised game.

#![allow(clippy::unwrap_used)] // a test may

mod common;

use common::*;
use equipoise_core::sample::{index, uniform};
use equipoise_core::{Policy, simplex};
use equipoise_env::{Game, PreferenceMatrix};
use equipoise_reference::{
    ReferenceError, RegularisedEquilibrium, Selection, game_equilibrium, maximal_lottery,
    regularised_equilibrium, regularised_path, rotation_frequencies, select_lottery,
};
use faer::fx128;

fn solve(matrix: &PreferenceMatrix, mu: &Policy, tau: f64) -> RegularisedEquilibrium {
    regularised_equilibrium(matrix, mu, tau).unwrap_or_else(|e| panic!("n {}: {e}", matrix.n()))
}

fn kl(p: &Policy, r: &Policy) -> f64 {
    simplex::kl(p.probs_slice(), p.log_probs_slice(), r.probs_slice(), r.log_probs_slice())
}

fn product(matrix: &PreferenceMatrix, p: &Policy) -> Vec<f64> {
    let mut out = vec![0.0; matrix.n()];
    matrix.product(p.probs_slice(), &mut out);
    out
}

fn gap_tau(matrix: &PreferenceMatrix, mu: &Policy, p: &Policy, tau: f64) -> f64 {
    let (l, m) = (p.log_probs_slice(), mu.log_probs_slice());
    2.0 * tau * simplex::kl_to_best_response(p.probs_slice(), l, &product(matrix, p), m, tau)
}

fn best_response(matrix: &PreferenceMatrix, mu: &Policy, p: &Policy, tau: f64) -> Policy {
    let logits = product(matrix, p).iter().zip(mu.log_probs()).map(|(q, m)| m + q / tau).collect();
    Policy::from_logits(p.shape(), logits).unwrap()
}

#[test]
fn known_figures_of_perturbed_rock_paper_scissors() {
    let (matrix, mu, start) = (perturbed(), single(&[0.2, 0.3, 0.5]), single(&[0.5, 0.3, 0.2]));
    let found = solve(&matrix, &mu, 0.1).policy;
    assert_close(found.probs_slice(), &[0.492000563581, 0.282978935824, 0.225020500594], 5e-13);
    assert!((gap(&matrix, found.probs_slice()) - 0.1306941887).abs() <= 5e-11);
    assert!((kl(&found, &start) - 0.002060194860).abs() <= 5e-13);
    assert!((gap_tau(&matrix, &mu, &start, 0.1) - 0.002087564513).abs() <= 5e-13);
    let br = best_response(&matrix, &mu, &start, 0.1);
    assert_close(br.probs_slice(), &[0.429562291517, 0.330816951233, 0.239620757250], 5e-13);
}

#[test]
fn closed_forms() {
    for tau in [10.0, 0.3, 1e-3, 1e-6] {
        // two actions: log-odds = log(mu_1 / mu_2) + m / tau
        let mu = single(&[0.3, 0.7]);
        let found = solve(&margins([[0.0, -0.2], [0.2, 0.0]]), &mu, tau).policy;
        let odds = found.log_probs()[0] - found.log_probs()[1];
        approx::assert_relative_eq!(odds, (3.0f64 / 7.0).ln() - 0.2 / tau, max_relative = 1e-15);
        // additive: softmax(log mu + s / tau)
        let s = [0.1, -0.2, 0.25, 0.0];
        let mu = single(&[0.1, 0.2, 0.3, 0.4]);
        let matrix = PreferenceMatrix::from_margins(4, |i, j| s[i] - s[j]).unwrap();
        let found = solve(&matrix, &mu, tau).policy;
        let logits = mu.log_probs().iter().zip(s).map(|(m, s)| m + s / tau).collect();
        let expected = Policy::from_logits(found.shape(), logits).unwrap();
        for (a, b) in found.log_probs().iter().zip(expected.log_probs()) {
            assert!((a - b).abs() <= 1e-15 * (4.0 + 1.0 / tau), "{a} {b}");
        }
        // rock-paper-scissors and regular tournaments: uniform
        for n in [3, 11] {
            let found = solve(&regular_tournament(n, 0.4), &uniform_policy(n), tau);
            assert_close(found.policy.probs_slice(), &vec![1.0 / n as f64; n], 1e-15);
        }
        assert_eq!(solve(&margins([[0.0]]), &single(&[1.0]), tau).policy.probs_slice(), [1.0]);
        // all ties: the reference
        let ties = PreferenceMatrix::from_margins(4, |_, _| 0.0).unwrap();
        assert_close(solve(&ties, &mu, tau).policy.probs_slice(), mu.probs_slice(), 1e-16);
    }
}

/// On Efron's dice the path ends at the entropy-maximal point of the segment of equilibria.
#[test]
fn efron_tends_to_the_projection_of_the_reference() {
    let found = solve(&efron(), &uniform_policy(4), 1e-6).policy;
    assert_close(found.probs_slice(), &[0.24501151, 0.29582374, 0.24501151, 0.21415324], 5e-7);
    // the path is linear in tau near its end: a Richardson step removes the bias
    let (coarse, fine) =
        (solve(&efron(), &uniform_policy(4), 2e-6).policy, solve(&efron(), &uniform_policy(4), 1e-6).policy);
    let end: Vec<f64> = fine.probs().iter().zip(coarse.probs()).map(|(f, c)| 2.0 * f - c).collect();
    assert_close(&end, &[0.24501151, 0.29582374, 0.24501151, 0.21415324], 1e-8);
    // minimising sum p log p on the segment by bisection of its derivative
    let point = |t: f64| [3.0 / 7.0 * t, 0.5 - 5.0 / 14.0 * t, 3.0 / 7.0 * t, 0.5 - 0.5 * t];
    let slope = |t: f64| {
        let p = point(t);
        3.0 / 7.0 * (p[0].ln() + p[2].ln()) - 5.0 / 14.0 * p[1].ln() - 0.5 * p[3].ln()
    };
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..60 {
        let middle = 0.5 * (low + high);
        if slope(middle) < 0.0 { low = middle } else { high = middle }
    }
    assert_close(&end, &point(low), 1e-9);
}

/// What floating point can show: margins to 1e-16, logits to 1e-16 / tau.
fn floor(tau: f64) -> f64 {
    1e-30 + 1e-32 / tau
}

#[test]
fn the_gap_is_rounding_on_random_games() {
    let mut rng = rng("regularised gaps");
    for round in 0..240 {
        let (kind, n) = (round % KINDS, 1 + index(&mut rng, 40));
        let matrix = random_game(kind, n, &mut rng);
        let mu = random_policy(n, 2.0, &mut rng);
        for tau in [1.0, 0.1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6] {
            let found = solve(&matrix, &mu, tau);
            let recomputed = gap_tau(&matrix, &mu, &found.policy, tau);
            let worst = found.duality_gap_tau.max(recomputed);
            assert!(worst <= floor(tau), "kind {kind}, n {n}, tau {tau}: {worst}");
            assert!(found.kl_to_equilibrium <= 1e-28, "kind {kind}, n {n}, tau {tau}: {found:?}");
        }
    }
}

#[test]
fn hundreds_of_actions() {
    let mut rng = rng("regularised size");
    for (kind, n) in [(7, 101), (0, 300), (1, 300)] {
        let matrix = random_game(kind, n, &mut rng);
        let mu = random_policy(n, 2.0, &mut rng);
        for tau in [1e-2, 1e-5, 1e-6] {
            let found = solve(&matrix, &mu, tau);
            assert!(found.duality_gap_tau <= floor(tau), "kind {kind}, n {n}, tau {tau}: {found:?}");
            assert!(found.kl_to_equilibrium <= 1e-28, "kind {kind}, n {n}, tau {tau}: {found:?}");
        }
    }
}

/// The identities that tie the regularised game to the original one, on random games, references and policies:
/// fixed point, distance to equilibrium, bias of the equilibrium, sandwich of the gaps, projection of the reference.
/// T2: V_tau(pi*, pi) - 1/2 = tau KL(pi || pi*) for every pi.
/// T3: gap(pi*) = 2 tau (max_i log(pi*_i / mu_i) - KL(pi* || mu)).
/// T4: 2 tau KL(pi || pi*) <= gap_tau(pi) <= 2 tau KL(pi || pi*) + |pi - pi*|_1^2 / (4 tau), and gap <= gap_tau + 2
/// tau (log(1 / mu_min) - KL(pi || mu)).
#[test]
fn identities_of_the_regularised_game() {
    let mut rng = rng("identities");
    for round in 0..240 {
        let (kind, n) = (round % KINDS, 2 + index(&mut rng, 15));
        let tau = 10f64.powf(-3.0 * uniform(&mut rng));
        let matrix = random_game(kind, n, &mut rng);
        let (mu, pi) = (random_policy(n, 1.0, &mut rng), random_policy(n, 3.0, &mut rng));
        let found = solve(&matrix, &mu, tau).policy;
        let lottery = maximal_lottery(&matrix).unwrap();
        // rounding of sums of terms of size 1, of logits of size 1 / tau times tau
        let rounding = 1e-14;

        let br = best_response(&matrix, &mu, &found, tau);
        for (a, b) in found.log_probs().iter().zip(br.log_probs()) {
            assert!((a - b).abs() <= rounding / tau, "fixed point: {a} {b}");
        }
        // V(pi*, pi) - 1/2 = tau KL(pi || pi*)
        let margin: f64 = found.probs().iter().zip(product(&matrix, &pi)).map(|(p, q)| p * q).sum();
        let value = margin - tau * kl(&found, &mu) + tau * kl(&pi, &mu);
        assert!((value - tau * kl(&pi, &found)).abs() <= rounding, "distance: {value}");
        // gap0(pi*) = 2 tau (max log(pi* / mu) - KL(pi* || mu))
        let ratio = found.log_probs().iter().zip(mu.log_probs()).map(|(p, m)| p - m).fold(f64::MIN, f64::max);
        let gap0 = gap(&matrix, found.probs_slice());
        assert!((gap0 - 2.0 * tau * (ratio - kl(&found, &mu))).abs() <= rounding, "bias: {gap0}");
        // gap0 <= gap_tau + 2 tau (log 1 / mu_min - KL(pi || mu)); gap_tau <= gap0 + 2 tau KL(pi || mu)
        let (raw, regularised) = (gap(&matrix, pi.probs_slice()), gap_tau(&matrix, &mu, &pi, tau));
        let least = mu.log_probs().iter().copied().fold(0.0, f64::min);
        assert!(raw <= regularised + 2.0 * tau * (-least - kl(&pi, &mu)) + rounding);
        assert!(regularised <= raw + 2.0 * tau * kl(&pi, &mu) + rounding);
        // KL(p || pi*) <= KL(p || mu) - KL(pi* || mu) for every equilibrium p of the original game
        let p = Policy::from_probs(mu.shape(), lottery.policy).unwrap();
        assert!(kl(&p, &found) <= kl(&p, &mu) - kl(&found, &mu) + rounding / tau, "projection");
    }
}

/// Iterating the best response converges locally if and only if `w_max < tau`.
/// T26: iterating the smooth best response fails exactly where w > tau.
#[test]
fn naive_best_response_iteration_fails_when_rotation_exceeds_the_temperature() {
    let mut rng = rng("best response");
    let (mut stable, mut unstable) = (0, 0);
    for matrix in [
        perturbed(),
        comal(),
        three_cycle(0.3, 0.2, 0.4),
        random_game(0, 7, &mut rng),
        random_game(7, 9, &mut rng),
    ] {
        let n = matrix.n();
        let mu = random_policy(n, 0.5, &mut rng);
        for tau in [0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5] {
            let found = solve(&matrix, &mu, tau).policy;
            let ratio = rotation_frequencies(&matrix, found.probs_slice())[0] / tau;
            if (ratio - 1.0).abs() < 0.1 {
                continue;
            }
            let nudge = found.log_probs().iter().map(|l| l + 1e-4 * (uniform(&mut rng) - 0.5)).collect();
            let mut pi = Policy::from_logits(mu.shape(), nudge).unwrap();
            let before = kl(&found, &pi);
            for _ in 0..200 {
                pi = best_response(&matrix, &mu, &pi, tau);
            }
            if ratio < 1.0 {
                assert!(kl(&found, &pi) < 1e-6 * before, "ratio {ratio}");
                stable += 1;
            } else {
                assert!(kl(&found, &pi) > 100.0 * before, "ratio {ratio}");
                unstable += 1;
            }
        }
    }
    assert!(stable >= 8 && unstable >= 8, "{stable} {unstable}");
}

#[test]
fn bad_input_is_refused() {
    let (matrix, mu) = (perturbed(), uniform_policy(3));
    for tau in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert!(matches!(regularised_equilibrium(&matrix, &mu, tau), Err(ReferenceError::Tau { .. })));
    }
    assert_eq!(
        regularised_equilibrium(&matrix, &uniform_policy(4), 0.1),
        Err(ReferenceError::Shape { expected: 3, got: 4 })
    );
    assert_eq!(
        regularised_equilibrium(&matrix, &single(&[0.5, 0.0, 0.5]), 0.1),
        Err(ReferenceError::Support { action: 1 })
    );
}

#[test]
fn a_game_is_solved_context_by_context() {
    let mut rng = rng("contexts");
    let matrices: Vec<PreferenceMatrix> = [1, 2, 3, 3, 5, 2, 8, 8, 1]
        .iter()
        .enumerate()
        .map(|(x, &n)| if x == 3 { perturbed() } else { random_game(x, n, &mut rng) })
        .flat_map(|m| [m.clone(), m]) // every context twice
        .collect();
    let game = Game::new(matrices.clone()).unwrap();
    let mu = Policy::from_logits(game.shape(), (0..game.shape().len()).map(|_| uniform(&mut rng)).collect())
        .unwrap();
    for tau in [0.0, 0.05] {
        let all = game_equilibrium(&game, &mu, tau).unwrap();
        for (x, matrix) in matrices.iter().enumerate() {
            let alone = if tau == 0.0 {
                maximal_lottery(matrix).unwrap().policy
            } else {
                solve(matrix, &single(mu.probs_at(x).as_slice().unwrap()), tau).policy.probs().clone()
            };
            assert_close(all.probs_at(x).as_slice().unwrap(), alone.as_slice().unwrap(), 1e-14);
        }
        assert_eq!(tau == 0.0, all.log_probs().iter().any(|&l| l == f64::NEG_INFINITY));
    }
    let pure = Policy::from_probs(
        game.shape(),
        game.shape().ranges().flat_map(|r| (0..r.len()).map(|a| f64::from(u8::from(a == 0)))).collect(),
    )
    .unwrap();
    let refused = game_equilibrium(&game, &pure, 0.1).unwrap_err();
    assert_eq!(
        refused,
        ReferenceError::Context { context: 2, source: Box::new(ReferenceError::Support { action: 1 }) }
    );
    assert!(game_equilibrium(&game, &pure, 0.0).is_ok(), "without regularisation the reference is not used");
    assert!(matches!(game_equilibrium(&game, &uniform_policy(3), 0.1), Err(ReferenceError::Shape { .. })));
}

/// The same equilibrium by two other methods, in another arithmetic, from another formulation:
/// Newton on probabilities, `tau log(p / mu) - K p + c = 0` with `tau diag(1 / p) - K`, which is never singular, by
/// Gaussian elimination in double-double; and the extragradient method EGPO (arXiv:2503.08942) to its fixed point.
/// T30: in double precision gap_tau falls monotonically to 1e-20, and a tau of 1e-6 overflows nowhere.
#[test]
fn two_independent_methods_agree_in_log_probability() {
    let mut rng = rng("two methods");
    for (kind, n) in [(0, 3), (1, 5), (4, 6), (3, 7), (7, 5), (8, 6), (12, 8)] {
        let matrix = random_game(kind, n, &mut rng);
        let mu = random_policy(n, 2.0, &mut rng);
        let mut from = mu.log_probs().iter().map(|&l| fx128::from(l)).collect::<Vec<_>>();
        for tau in [1.0, 0.1, 1e-2, 1e-3, 1e-4] {
            let found = solve(&matrix, &mu, tau).policy;
            from = by_elimination(&matrix, &mu, tau, from);
            let close = |other: &[fx128], name: &str| {
                for (a, b) in found.log_probs().iter().zip(other) {
                    assert!(
                        (fx128::from(*a) - *b).0.abs() <= 1e-12,
                        "{name}: kind {kind}, tau {tau}: {a} {b:?}"
                    );
                }
            };
            close(&from, "elimination");
            let kl: f64 = (0..n)
                .map(|i| {
                    let d = (fx128::from(found.log_probs()[i]) - from[i]).0;
                    0.5 * found.probs()[i] * d * d
                })
                .sum();
            assert!(kl <= 1e-28, "kind {kind}, tau {tau}: {kl}");
            // linear in 1 / tau steps: the smallest temperatures only where a step is cheap
            if n as f64
                <= if tau < 1e-3 {
                    3.0
                } else if tau < 1e-2 {
                    5.0
                } else {
                    8.0
                }
            {
                close(&by_extragradient(&matrix, &mu, tau), "extragradient");
            }
        }
    }
}

fn doubled_product(matrix: &PreferenceMatrix, p: &[fx128]) -> Vec<fx128> {
    let n = p.len();
    let term = |i: usize, j: usize| fx128::from(matrix.margin(i, j)) * p[j];
    (0..n).map(|i| (0..n).map(|j| term(i, j)).fold(fx128::from(0.0), |a, b| a + b)).collect()
}

fn doubled_normalise(theta: &mut [fx128]) {
    let largest = theta.iter().map(|t| t.0).fold(f64::NEG_INFINITY, f64::max);
    theta.iter_mut().for_each(|t| *t -= fx128::from(largest));
    let sum = theta.iter().map(|t| t.exp()).fold(fx128::from(0.0), |a, b| a + b).ln();
    theta.iter_mut().for_each(|t| *t -= sum);
}

fn by_extragradient(matrix: &PreferenceMatrix, mu: &Policy, tau: f64) -> Vec<fx128> {
    let eta = 0.9 / (1.0 + tau);
    let pull = fx128::from(eta) * fx128::from(tau);
    let keep = fx128::from(1.0) - pull;
    let mut theta: Vec<fx128> = mu.log_probs().iter().map(|&l| fx128::from(l)).collect();
    let step = |theta: &[fx128], at: &[fx128]| {
        let gain = doubled_product(matrix, &at.iter().map(|t| t.exp()).collect::<Vec<_>>());
        let mut next: Vec<fx128> = (0..theta.len())
            .map(|i| keep * theta[i] + pull * fx128::from(mu.log_probs()[i]) + fx128::from(eta) * gain[i])
            .collect();
        doubled_normalise(&mut next);
        next
    };
    // (1 - eta tau)^T reduces 1e4 nats to 1e-14
    for _ in 0..(42.0 / (eta * tau)) as usize + 10 {
        let half = step(&theta, &theta);
        theta = step(&theta, &half);
    }
    theta
}

fn by_elimination(matrix: &PreferenceMatrix, mu: &Policy, tau: f64, start: Vec<fx128>) -> Vec<fx128> {
    let n = start.len();
    let (zero, one, mut theta) = (fx128::from(0.0), fx128::from(1.0), start);
    for _ in 0..20_000 {
        let p: Vec<fx128> = theta.iter().map(|t| t.exp()).collect();
        let gain = doubled_product(matrix, &p);
        // unknowns u = dp / p and c: (tau I - K diag p) u + c = K p - tau (theta - log mu), p'u = 1 - 1'p
        let mut a = vec![vec![zero; n + 2]; n + 1];
        for i in 0..n {
            for j in 0..n {
                a[i][j] = -fx128::from(matrix.margin(i, j)) * p[j];
            }
            a[i][i] += fx128::from(tau);
            a[i][n] = one;
            a[i][n + 1] = gain[i] - fx128::from(tau) * (theta[i] - fx128::from(mu.log_probs()[i]));
            a[n][i] = p[i];
        }
        a[n][n + 1] = one - p.iter().fold(zero, |a, b| a + *b);
        for k in 0..=n {
            let pivot = (k..=n).max_by(|&x, &y| a[x][k].0.abs().total_cmp(&a[y][k].0.abs())).unwrap();
            a.swap(k, pivot);
            for i in k + 1..=n {
                let factor = a[i][k] / a[k][k];
                for j in k..n + 2 {
                    let reduced = factor * a[k][j];
                    a[i][j] -= reduced;
                }
            }
        }
        let mut u = vec![zero; n + 1];
        for k in (0..=n).rev() {
            let sum = (k + 1..=n).map(|j| a[k][j] * u[j]).fold(a[k][n + 1], |s, t| s - t);
            u[k] = sum / a[k][k];
        }
        let largest = u[..n].iter().fold(0.0, |m: f64, v| m.max(v.0.abs()));
        let length = fx128::from((1.0 / largest).min(1.0)); // no logit moves by more than one at once
        (0..n).for_each(|i| theta[i] += length * u[i]);
        if largest < 1e-25 {
            break;
        }
    }
    doubled_normalise(&mut theta);
    theta
}

/// Above two thousand noticeable actions Newton's systems are solved by products alone (and by LU where that is slow):
/// the answer is that of the extragradient method (arXiv:2503.08942), run to its fixed point.
#[test]
fn thousands_of_actions_agree_with_the_extragradient_method() {
    let mut rng = rng("thousands");
    let n = 2100;
    let matrix = random_game(0, n, &mut rng);
    let mu = random_policy(n, 2.0, &mut rng);
    for tau in [1.0, 0.2] {
        let found = solve(&matrix, &mu, tau);
        assert!(found.duality_gap_tau <= floor(tau), "tau {tau}: {}", found.duality_gap_tau);
        let (eta, mut theta) = (0.9 / (1.0 + tau), mu.clone());
        let step = |anchor: &Policy, at: &Policy| {
            let gain = product(&matrix, at);
            let logits = (0..n).map(|i| {
                (1.0 - eta * tau) * anchor.log_probs()[i] + eta * (tau * mu.log_probs()[i] + gain[i])
            });
            Policy::from_logits(anchor.shape(), logits.collect()).unwrap()
        };
        for _ in 0..(32.0 / (eta * tau)) as usize {
            let half = step(&theta, &theta);
            theta = step(&theta, &half);
        }
        assert_close(found.policy.log_probs_slice(), theta.log_probs_slice(), 1e-12);
    }
}

/// The path has its two known ends, and each of its points is that of a solution from nothing.
#[test]
fn the_path_leads_from_the_reference_to_the_limit() {
    let mut rng = rng("path");
    for (kind, n) in [(0, 12), (3, 9), (8, 12), (4, 20), (2, 10)] {
        let matrix = random_game(kind, n, &mut rng);
        let mu = random_policy(n, 2.0, &mut rng);
        let taus: Vec<f64> = (0..=36).map(|l| 10f64.powf(3.0 - 0.25 * f64::from(l))).collect();
        let path = regularised_path(&matrix, &mu, &taus).unwrap();
        for (tau, point) in taus.iter().zip(&path).step_by(6) {
            let alone = solve(&matrix, &mu, *tau).policy;
            for (a, b) in point.policy.log_probs().iter().zip(alone.log_probs()) {
                assert!((a - b).abs() <= 1e-13 * (1.0 + a.abs()), "kind {kind}, tau {tau}: {a} {b}");
            }
        }
        assert_close(path[0].policy.probs_slice(), mu.probs_slice(), 1e-3);
        let limit = select_lottery(&matrix, Selection::RegularisedLimit(&mu)).unwrap();
        assert_close(path[36].policy.probs_slice(), limit.policy.as_slice().unwrap(), 2e-3);
        let refused = regularised_path(&matrix, &mu, &[0.1, 0.0]);
        assert_eq!(refused, Err(ReferenceError::Tau { tau: 0.0 }));
    }
}

#[test]
fn a_temperature_below_what_floating_point_holds_is_an_error_of_its_own() {
    let games = [margins([[0.0, -0.2], [0.2, 0.0]]), perturbed()];
    for matrix in &games {
        let mu = Policy::uniform(&equipoise_core::Shape::single(matrix.n()).unwrap());
        for tau in [1e-320, 5e-324, 1e-308, 1e-300, 1e-200] {
            match regularised_equilibrium(matrix, &mu, tau) {
                Ok(found) => assert!(
                    found.duality_gap_tau.is_finite()
                        && found.policy.log_probs().iter().all(|l| l.is_finite())
                ),
                Err(error) => {
                    assert!(matches!(error, ReferenceError::Range { .. } | ReferenceError::Newton { .. }));
                    let text = error.to_string();
                    assert!(text.len() < 250 && !text.contains("inf") && !text.contains("NaN"), "{text}");
                    assert!(text.contains("larger tau"), "{text}");
                }
            }
        }
    }
    let mu = single(&[0.5, 0.5]);
    assert_eq!(
        regularised_equilibrium(&games[0], &mu, 1e-320).unwrap_err(),
        ReferenceError::Range { tau: 1e-320 }
    );
}
