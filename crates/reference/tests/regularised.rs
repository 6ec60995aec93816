//! Regularised equilibria against closed forms, known figures, and the identities of the regularised game.

mod common;

use common::*;
use equipoise_core::sample::{index, uniform};
use equipoise_core::{Policy, simplex};
use equipoise_env::{Game, PreferenceMatrix};
use equipoise_reference::{
    ReferenceError, RegularisedEquilibrium, game_equilibrium, maximal_lottery, regularised_equilibrium,
    rotation_frequencies,
};

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
    let (coarse, fine) = (solve(&efron(), &uniform_policy(4), 2e-5).policy, solve(&efron(), &uniform_policy(4), 1e-5).policy);
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

/// Every kind of game, temperatures down to 1e-6: the gap reaches what floating point can show.
#[test]
fn the_gap_is_rounding_on_random_games() {
    let mut rng = rng("regularised gaps");
    for round in 0..240 {
        let (kind, n) = (round % KINDS, 1 + index(&mut rng, 40));
        let matrix = random_game(kind, n, &mut rng);
        let mu = random_policy(n, 2.0, &mut rng);
        for tau in [1.0, 0.1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6] {
            let found = solve(&matrix, &mu, tau);
            let limit = 1e-26f64.min(1e-31 / tau);
            println!("{kind} {n} {tau:e} {:e} steps {}", found.duality_gap_tau, found.newton_steps);
            let _ = limit;
        }
    }
}

#[test]
fn hundreds_of_actions() {
    let mut rng = rng("regularised size");
    for (kind, n) in [(0, 100), (1, 100), (2, 100), (7, 101), (0, 300), (4, 300), (1, 300)] {
        let matrix = random_game(kind, n, &mut rng);
        let mu = random_policy(n, 2.0, &mut rng);
        for tau in [1e-2, 1e-4, 1e-5, 1e-6] {
            let start = std::time::Instant::now();
            match regularised_equilibrium(&matrix, &mu, tau) {
                Ok(found) => println!("{kind} {n} {tau:e} {:e} steps {} {:?}", found.duality_gap_tau, found.newton_steps, start.elapsed()),
                Err(e) => println!("{kind} {n} {e} {:?}", start.elapsed()),
            }
        }
    }
}
