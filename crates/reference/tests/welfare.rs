//! Distortion, side constraints and the statistics of learning: closed forms, published numbers and laws.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::random_game;
use equipoise_core::sample::{index, uniform};
use equipoise_core::seed::stream;
use equipoise_core::{Policy, Shape};
use equipoise_env::PreferenceMatrix;
use equipoise_reference::concepts::{ConceptOptions, Electorate, concept, gap_of};
use equipoise_reference::constrained::{ConstraintError, PrimalDual, constrained_lottery, primal_dual};
use equipoise_reference::distortion::{
    LinearRule, Population, PopulationError, best_within, borda_bound, borda_trap, kl_to,
    mismatched_reference, nash_bound, two_types, worsening_path, worst_case,
};
use equipoise_reference::labelers::{
    flips_to_condorcet, flips_to_lottery, median_box, pessimistic_direction,
};
use equipoise_reference::statistics::{
    Design, Learning, Sampler, hard_start, hard_start_cost, learn, learning_constant, plug_in_bound,
    regularised_gap,
};
use equipoise_reference::{maximal_lottery, regularised_equilibrium};
use ndarray::{Array2, arr2};

fn three(p12: f64, p13: f64, p23: f64) -> PreferenceMatrix {
    let p = [[0.5, p12, p13], [1.0 - p12, 0.5, p23], [1.0 - p13, 1.0 - p23, 0.5]];
    PreferenceMatrix::from_margins(3, |i, j| p[i][j] - 0.5).unwrap()
}

fn cycle() -> PreferenceMatrix {
    three(0.6, 0.1, 0.7)
}

fn uniform_policy(n: usize) -> Policy {
    Policy::uniform(&Shape::single(n).unwrap())
}

#[track_caller]
fn close(a: &[f64], b: &[f64], within: f64) {
    assert!(a.len() == b.len() && a.iter().zip(b).all(|(x, y)| (x - y).abs() <= within), "{a:?} and {b:?}");
}

#[test]
fn bounds_of_distortion() {
    for (beta, nash, borda, at) in [
        (0.5, 1.020747, 1.028831, 0.574179),
        (1.0, 1.081977, 1.115039, 0.565083),
        (2.0, 1.313035, 1.453963, 0.533784),
        (4.0, 2.074629, 2.682588, 0.453524),
        (8.0, 4.002685, 6.153596, 0.329336),
        (16.0, 8.000002, 13.783277, 0.212505),
        (32.0, 16.0, 29.428496, 0.128965),
    ] {
        let (found, g) = borda_bound(beta).unwrap();
        close(&[nash_bound(beta), found, g], &[nash, borda, at], 6e-7);
    }
}

#[test]
fn families_of_worst_cases() {
    // two types: a tie that the second item may win
    for (small, ratio) in [(0.1, 3.80204), (0.01, 4.000551), (1e-4, 4.002684)] {
        let population = two_types(8.0, small).unwrap();
        assert!(population.matrix().margin(0, 1).abs() < 1e-15);
        assert!((population.distortion(&[0.0, 1.0]).unwrap() - ratio).abs() < 6e-6);
    }
    // Borda under shares that the third item profits from; the maximal lottery plays the first or the second
    let g = borda_bound(8.0).unwrap().1;
    for (small, ratio) in [(0.05, 5.8312), (0.01, 6.0915), (0.001, 6.1474)] {
        let (population, shares) = borda_trap(8.0, small, g).unwrap();
        let matrix = population.matrix();
        let score = |i: usize| (0..3).map(|j| shares[j] * matrix.margin(i, j)).sum::<f64>();
        assert!(score(2) > score(0) && score(2) > score(1), "{small}");
        assert!(
            (population.distortion(&[0.0, 0.0, 1.0]).unwrap() - ratio).abs() < 6e-4,
            "{}",
            population.distortion(&[0.0, 0.0, 1.0]).unwrap()
        );
        let nash = maximal_lottery(&matrix).unwrap();
        let nash = nash.policy.to_vec();
        assert!(nash[2] < 1e-9 && population.distortion(&nash).unwrap() <= nash_bound(8.0), "{nash:?}");
    }
    // a reference that all but leaves the best item out
    for (log_small, ratio) in [(-30.0, 2.525), (-1e2, 17.343), (-1e3, 34.195), (-1e4, 36.933), (-1e6, 37.259)]
    {
        let found = mismatched_reference(8.0, log_small).unwrap();
        assert!((found.rlhf - ratio).abs() < 2e-3 * ratio, "{log_small}: {found:?}");
    }
    for (beta, limit) in [(6.0f64, 6.72), (8.0, 37.26), (10.0, 220.26), (12.0, 1356.3)] {
        assert!((beta.exp() / (10.0 * beta) / limit - 1.0).abs() < 1e-3);
        let found = mismatched_reference(beta, -1e6).unwrap();
        assert!((found.rlhf / limit - 1.0).abs() < 0.01, "{beta}: {found:?}");
    }
    // a path along which each answer wins and is worse
    for (beta, answers, ratio) in [
        (2.0, 10, 1.247),
        (2.0, 100, 2.853),
        (2.0, 300, 4.787),
        (8.0, 10, 2.548),
        (8.0, 100, 10.513),
        (8.0, 300, 18.622),
    ] {
        let path = worsening_path(beta, answers).unwrap();
        let population = Population::new(path.t().to_owned(), vec![1.0; 3], beta).unwrap();
        let matrix = population.matrix();
        assert!((1..answers).all(|k| matrix.margin(k, k - 1) > 0.0));
        let mut last = vec![0.0; answers];
        last[answers - 1] = 1.0;
        assert!(
            (population.distortion(&last).unwrap() - ratio).abs() < 6e-4,
            "{}",
            population.distortion(&last).unwrap()
        );
    }
}

#[test]
fn worst_cases_by_linear_programmes() {
    for (levels, ratio) in [(11, 2.047403), (101, 2.074353)] {
        let found = worst_case(2, levels, 4.0, &LinearRule::Nash).unwrap();
        assert!((found.distortion - ratio).abs() < 6e-7 && found.distortion <= nash_bound(4.0));
        assert_eq!(found.population.items(), 2);
        // the population found has that ratio, and the chosen item ties
        let again = found.population.distortion(&[1.0, 0.0]).unwrap();
        assert!((again - ratio).abs() < 6e-7 && found.population.matrix().margin(0, 1) > -1e-12, "{found:?}");
    }
    let third = 1.0 / 3.0;
    for (beta, ratio) in [(4.0, 2.0677), (8.0, 4.0513)] {
        let found = worst_case(3, 21, beta, &LinearRule::Borda(vec![third; 3])).unwrap();
        assert!((found.distortion - ratio).abs() < 6e-5, "{found:?}");
    }
    let (skewed, bound) =
        (worst_case(3, 21, 8.0, &LinearRule::Borda(vec![0.015, 0.015, 0.97])).unwrap(), nash_bound(8.0));
    assert!((skewed.distortion - 5.9377).abs() < 6e-5 && skewed.distortion > bound, "{skewed:?}");
    assert!(worst_case(9, 21, 1.0, &LinearRule::Nash).is_none());
    assert!(worst_case(1, 21, 1.0, &LinearRule::Nash).is_none());
}

/// Random populations: lotteries keep to the bound with and without a KL budget, and a small gap certifies welfare.
#[test]
fn lotteries_keep_to_the_bound() {
    let mut rng = stream(1, "distortion", &[]);
    let mut worst: f64 = 0.0;
    for _ in 0..150 {
        let (users, n) = (1 + index(&mut rng, 4), 2 + index(&mut rng, 4));
        let beta = 0.5 * 2f64.powf(5.0 * uniform(&mut rng));
        let utilities =
            Array2::from_shape_fn(
                (users, n),
                |_| if uniform(&mut rng) < 0.4 { 0.0 } else { uniform(&mut rng) },
            );
        if utilities.iter().all(|u| *u == 0.0) {
            continue;
        }
        let weights = (0..users).map(|_| 0.05 + uniform(&mut rng)).collect();
        let population = Population::new(utilities, weights, beta).unwrap();
        let (matrix, welfare, bound) = (population.matrix(), population.welfare(), nash_bound(beta));
        let c = 0.25 / bound;
        for i in 0..n {
            for j in 0..n {
                let k = matrix.margin(i, j);
                assert!(beta * (c * welfare[i] - welfare[j] / 4.0) <= k + 1e-12);
                assert!(k <= beta * (welfare[i] / 4.0 - c * welfare[j]) + 1e-12);
            }
        }
        let nash = maximal_lottery(&matrix).unwrap().policy.to_vec();
        assert!(population.distortion(&nash).unwrap() <= bound + 1e-9);
        let reference = uniform_policy(n);
        let log_mu = reference.log_probs_slice();
        for tau in [1.0, 0.1, 0.01] {
            let found =
                regularised_equilibrium(&matrix, &reference, tau).unwrap().policy.probs_slice().to_vec();
            let ratio = population.distortion_within(&found, log_mu, kl_to(&found, log_mu)).unwrap();
            assert!(ratio <= bound + 1e-9 && ratio >= 1.0 - 1e-9, "{ratio} {bound}");
            worst = worst.max(ratio / bound);
        }
        let any: Vec<f64> = (0..n).map(|_| -uniform(&mut rng).max(1e-300).ln()).collect();
        let sum: f64 = any.iter().sum();
        let any: Vec<f64> = any.iter().map(|a| a / sum).collect();
        let earned: f64 = any.iter().zip(&welfare).map(|(p, w)| p * w).sum();
        let most = welfare.iter().copied().fold(0.0, f64::max);
        let gap = gap_of(&Electorate::of_win_rates(matrix, None), &any);
        assert!(earned >= 4.0 * c * most - 2.0 * gap / beta - 1e-12);
    }
    assert!(worst > 0.5 && worst <= 1.0, "{worst}");
    // random dictatorship has no constant: favourites of their own, and a common second nearly as good
    let n = 40;
    let utilities =
        Array2::from_shape_fn((n, n + 1), |(h, i)| if i == n { 0.99 } else { f64::from(u8::from(h == i)) });
    let population = Population::new(utilities, vec![1.0; n], 4.0).unwrap();
    let ratio = population.distortion(&population.favourites()).unwrap();
    assert!((ratio - 0.99 * n as f64).abs() < 1e-9, "{ratio}");
}

#[test]
fn a_budget_is_spent() {
    let log_mu = [0.2f64.ln(), 0.3f64.ln(), 0.5f64.ln()];
    let best = best_within(&[1.0, 0.5, 0.2], &log_mu, 0.1).unwrap();
    assert!((kl_to(&best, &log_mu) - 0.1).abs() < 1e-9, "{best:?}");
    close(&best_within(&[1.0, 0.5, 0.2], &log_mu, 5.0).unwrap(), &[1.0, 0.0, 0.0], 0.0);
    close(&best_within(&[1.0, 0.5, 0.2], &log_mu, 0.0).unwrap(), &[0.2, 0.3, 0.5], 1e-9);
}

#[test]
fn populations_that_cannot_be() {
    let of = |u: [[f64; 2]; 1], w: f64, beta: f64| Population::new(arr2(&u), vec![w], beta).unwrap_err();
    assert!(matches!(of([[0.5, f64::NAN]], 1.0, 1.0), PopulationError::Utility { user: 0, item: 1, .. }));
    assert!(matches!(of([[0.5, 1.5]], 1.0, 1.0), PopulationError::Utility { .. }));
    assert!(matches!(of([[0.5, 0.5]], 0.0, 1.0), PopulationError::Weight { .. }));
    assert!(matches!(of([[0.5, 0.5]], 1.0, f64::INFINITY), PopulationError::Beta { .. }));
    let shape = Population::new(arr2(&[[0.5, 0.5]]), vec![1.0, 1.0], 1.0).unwrap_err();
    assert!(shape.to_string().contains("a weight a user"), "{shape}");
}

/// Section J3.
#[test]
fn side_constraints() {
    let game = cycle();
    for (costs, cap, policy, price, gap) in [
        ([0.0, 1.0, 0.0], 0.4, [0.0, 0.4, 0.6], 0.2, 0.24),
        ([0.0, 1.0, 0.0], 0.5, [0.0, 0.5, 0.5], f64::NAN, 0.2),
        ([0.0, 0.5, 0.9], 0.3, [2.0 / 3.0, 0.0, 1.0 / 3.0], 0.4 / 0.9, 0.5333333333333333),
    ] {
        let found = constrained_lottery(&game, &arr2(&[costs]), &[cap]).unwrap();
        close(&found.policy, &policy, 1e-12);
        assert!(found.constrained_gap.abs() < 1e-14 && (found.gap - gap).abs() < 1e-12, "{found:?}");
        assert!(price.is_nan() || (found.prices[0] - price).abs() < 1e-12, "{found:?}");
    }
    // a cap that is not felt changes nothing
    let free = constrained_lottery(&game, &arr2(&[[0.0, 1.0, 0.0]]), &[0.9]).unwrap();
    close(&free.policy, &[2.0 / 7.0, 4.0 / 7.0, 1.0 / 7.0], 1e-14);
    assert!(free.prices[0].abs() < 1e-14 && free.gap < 1e-14);
    assert_eq!(
        constrained_lottery(&game, &arr2(&[[1.0, 1.0, 1.0]]), &[0.5]),
        Err(ConstraintError::Infeasible)
    );
    let shape = constrained_lottery(&game, &arr2(&[[1.0, 1.0]]), &[0.5]).unwrap_err();
    assert!(shape.to_string().contains("a cost an item"), "{shape}");
    // learned: optimism on both ends there, the plain steps do not
    let run = |tau: f64, optimistic: bool, steps: usize| {
        let options = PrimalDual { step: 0.5, price_step: 0.5, tau, optimistic };
        primal_dual(&game, &arr2(&[[0.0, 1.0, 0.0]]), &[0.4], options, steps).unwrap()
    };
    let (policy, prices) = run(0.0, true, 2000);
    close(&policy, &[0.0, 0.4, 0.6], 1e-12);
    assert!((prices[0] - 0.2).abs() < 1e-12);
    let (policy, _) = run(0.0, false, 20_000);
    assert!((policy[1] - 0.4).abs() > 1e-3, "{policy:?}");
    let (policy, prices) = run(0.1, true, 20_000);
    close(&policy, &[0.138885, 0.4, 0.461115], 6e-7);
    assert!((prices[0] - 0.116999).abs() < 6e-7);
}

/// Section J1: in a game of several players with the mean margin as payoff, equilibria are maximal lotteries.
#[test]
fn many_equal_players_play_the_lottery() {
    let lottery = maximal_lottery(&cycle()).unwrap().policy.to_vec();
    // three players: two at the lottery leave the third nothing to gain, and a third elsewhere gives them a gain
    let mut gains = vec![0.0; 3];
    cycle().product(&lottery, &mut gains);
    assert!(gains.iter().all(|g| g.abs() < 1e-15));
    let elsewhere: Vec<f64> = [0.4, 0.4, 0.2].iter().zip(&lottery).map(|(a, b)| 0.5 * (a + b)).collect();
    cycle().product(&elsewhere, &mut gains);
    assert!(gains.iter().any(|g| *g > 1e-3));
}

/// Section J1: players with preferences of their own, player h paid `mean_{j != h} pi_h' K^h pi_j`. The symmetrised Jacobian of the payoffs has
/// the blocks `(K^h - K^j) / 4` and zeros on its diagonal: where two players differ it takes both signs on tangents of the simplices, so the
/// game is not monotone, and no theorem on monotone games speaks of it. Nothing here offers such a game, or claims that a method converges in it.
#[test]
fn players_with_preferences_of_their_own_are_not_a_monotone_game() {
    let mut rng = stream(6, "heterogeneous", &[]);
    for round in 0..200 {
        let n = 3 + round % 4;
        let players: Vec<PreferenceMatrix> = (0..3).map(|_| random_game(0, n, &mut rng)).collect();
        let form = |directions: [&[f64]; 3]| {
            let mut sum = 0.0;
            for (h, own) in players.iter().enumerate() {
                for (j, _) in players.iter().enumerate().filter(|(j, _)| *j != h) {
                    let mut product = vec![0.0; n];
                    own.product(directions[j], &mut product);
                    sum += 0.5 * directions[h].iter().zip(product).map(|(d, p)| d * p).sum::<f64>();
                }
            }
            sum
        };
        let mut tangent = || {
            let raw: Vec<f64> = (0..n).map(|_| uniform(&mut rng) - 0.5).collect();
            let mean = raw.iter().sum::<f64>() / n as f64;
            raw.iter().map(|v| v - mean).collect::<Vec<_>>()
        };
        let (a, b, still) = (tangent(), tangent(), vec![0.0; n]);
        let turned: Vec<f64> = b.iter().map(|v| -v).collect();
        let (one, other) = (form([&a, &b, &still]), form([&a, &turned, &still]));
        assert!(one * other < 0.0 && (one + other).abs() < 1e-15, "{one} {other}");
    }
    // equal players: the form vanishes, as in a zero-sum game
    let (game, a, b) = (cycle(), [0.3, -0.5, 0.2], [-0.1, 0.4, -0.3]);
    let (mut left, mut right) = (vec![0.0; 3], vec![0.0; 3]);
    game.product(&b, &mut left);
    game.product(&a, &mut right);
    let crossed: f64 = (0..3).map(|i| a[i] * left[i] + b[i] * right[i]).sum();
    assert!(crossed.abs() < 1e-16);
}

#[test]
fn the_plug_in_law() {
    let mut rng = stream(2, "law", &[]);
    let mut tightest: f64 = 0.0;
    for round in 0..400 {
        let n = 2 + index(&mut rng, 5);
        let truth = random_game(round, n, &mut rng);
        let size = 10f64.powf(-4.0 * uniform(&mut rng));
        let noise: Vec<f64> = (0..n * n).map(|_| size * (uniform(&mut rng) - 0.5)).collect();
        let estimate = PreferenceMatrix::from_margins(n, |i, j| {
            (truth.margin(i, j) + noise[i * n + j]).clamp(-0.5, 0.5)
        })
        .unwrap();
        let tau = [1.0, 0.3, 0.1][round % 3];
        let reference = uniform_policy(n);
        let policy =
            regularised_equilibrium(&estimate, &reference, tau).unwrap().policy.probs_slice().to_vec();
        let gap = regularised_gap(&truth, &policy, reference.log_probs_slice(), tau).unwrap();
        let bound = plug_in_bound(&truth, &estimate, &policy, tau).unwrap();
        assert!(gap <= bound * (1.0 + 1e-6) + 1e-15, "{gap} {bound}");
        tightest = tightest.max(gap / bound.max(1e-18));
    }
    assert!(tightest > 0.5, "{tightest}");
    // at the equilibrium itself the gap is 0
    let found = regularised_equilibrium(&cycle(), &uniform_policy(3), 0.1).unwrap();
    assert!(
        regularised_gap(&cycle(), found.policy.probs_slice(), uniform_policy(3).log_probs_slice(), 0.1)
            .unwrap()
            < 1e-25
    );
}

#[test]
fn constants_of_learning() {
    let reference = uniform_policy(3);
    // a skewed equilibrium: seven times fewer duels
    let scores = [0.24, 0.2, 0.0, -0.1, -0.15, -0.2, -0.2, -0.24];
    let game = PreferenceMatrix::from_margins(8, |i, j| scores[i] - scores[j]).unwrap();
    let policy =
        regularised_equilibrium(&game, &uniform_policy(8), 0.1).unwrap().policy.probs_slice().to_vec();
    let constant = |design: &Design| learning_constant(&game, &policy, 0.1, design).unwrap();
    let (uniform_pairs, best) =
        (constant(&Design::uniform(8).unwrap()), constant(&Design::optimal(&game, &policy).unwrap()));
    assert!(
        (uniform_pairs - 14.22172).abs() < 1e-4 && (best - 2.03218).abs() < 1e-4,
        "{uniform_pairs} {best}"
    );
    for (tau, uniform_pairs, best) in [(0.5, 0.2472, 0.2324), (0.1, 1.3457, 1.1519)] {
        let policy =
            regularised_equilibrium(&cycle(), &reference, tau).unwrap().policy.probs_slice().to_vec();
        let constant = |design: &Design| learning_constant(&cycle(), &policy, tau, design).unwrap();
        assert!((constant(&Design::uniform(3).unwrap()) - uniform_pairs).abs() < 6e-5);
        let optimal = Design::optimal(&cycle(), &policy).unwrap();
        assert!((constant(&optimal) - best).abs() < 6e-5, "{}", constant(&optimal));
        // nothing near the optimal design is better
        let mut rng = stream(3, "design", &[]);
        for _ in 0..100 {
            let noise: Vec<f64> = (0..9).map(|_| 0.5 + uniform(&mut rng)).collect();
            let other = Design::new(3, |i, j| optimal.share(i, j) * noise[3 * i + j]).unwrap();
            assert!(constant(&other) >= constant(&optimal) - 1e-12);
        }
    }
}

/// The mean of `T gap` approaches the constant; seeds are few, so the band is three of its standard errors.
#[test]
fn learning_follows_the_law() {
    let (reference, tau) = (uniform_policy(3), 0.5);
    let game = cycle();
    let problem = Learning { matrix: &game, reference: &reference, tau, duels: 3000 };
    let ends: Vec<f64> = (0..60)
        .map(|seed| {
            let curve = learn(&problem, Sampler::Uniform, &mut stream(seed, "learn", &[])).unwrap();
            assert!(curve.windows(2).all(|w| w[0].duels < w[1].duels && w[0].regret <= w[1].regret));
            let last = curve.last().unwrap();
            last.duels as f64 * last.gap
        })
        .collect();
    let mean = ends.iter().sum::<f64>() / 60.0;
    let error = (ends.iter().map(|e| (e - mean).powi(2)).sum::<f64>() / 59.0 / 60.0).sqrt();
    assert!((mean - 0.2472).abs() < 3.0 * error && error < 0.06, "{mean} {error}");
    // equal seeds, equal curves; every sampler runs
    for sampler in Sampler::ALL {
        let problem = Learning { duels: 300, ..problem.clone() };
        let run = || learn(&problem, sampler, &mut stream(1, sampler.name(), &[])).unwrap();
        assert_eq!(run(), run());
    }
}

/// Section K3: exploration from the reference waits exp(c / tau); uniform pairs do not.
#[test]
fn the_hard_start() {
    let run = |sampler: Sampler, tau: f64, seeds: u64| {
        let (game, reference) = hard_start(tau, 0.3, 0.45).unwrap();
        let problem = Learning { matrix: &game, reference: &reference, tau, duels: 4000 };
        let regret =
            |seed| learn(&problem, sampler, &mut stream(seed, "hard", &[])).unwrap().last().unwrap().regret;
        (0..seeds).map(regret).sum::<f64>() / seeds as f64
    };
    for (tau, published) in [(0.1, 1.6), (0.06, 11.2), (0.05, 30.3), (0.04, 135.7)] {
        assert!((hard_start_cost(tau, 0.3, 0.45, 2e4).unwrap() - published).abs() < 0.06 * published);
    }
    let (warm, cold) = (run(Sampler::Greedy, 0.1, 12), run(Sampler::Greedy, 0.05, 12));
    assert!(cold > 4.0 * warm, "{warm} {cold}");
    let flat = run(Sampler::Uniform, 0.05, 4);
    assert!(flat < 3.0 && flat < cold / 4.0, "{flat} {cold}");
    assert!(hard_start(0.1, 0.5, 0.4).is_none());
}

/// Section H: labellers who lie, and what tampering costs.
#[test]
fn strategic_labellers() {
    // social welfare of two labellers, answers (1/2, 1/2) and (3/4, 0): one lie moves the choice and gains 1/4
    let (a, b) = ([0.5, 0.5], [0.75, 0.0]);
    let dot = |x: &[f64; 2], y: &[f64; 2]| x[0] * y[0] + x[1] * y[1];
    let welfare =
        |first: &[f64; 2], second: &[f64; 2], answer: &[f64; 2]| dot(first, answer) + dot(second, answer);
    let (first, second, lie) = ([1.0, 0.0], [0.0, 1.0], [1.0, -1.0]);
    assert!(welfare(&first, &second, &a) > welfare(&first, &second, &b));
    assert!(welfare(&lie, &second, &a) < welfare(&lie, &second, &b));
    assert_eq!(dot(&first, &b) - dot(&first, &a), 0.25);
    // the best worst labeller: the same lie works
    let second = [0.5, 0.5];
    let least = |first: &[f64; 2], answer: &[f64; 2]| dot(first, answer).min(dot(&second, answer));
    assert!(least(&first, &a) > least(&first, &b) && least(&lie, &a) < least(&lie, &b));
    // the median of boxes on a box of answers: no lie of one labeller gains; on a finite set some do
    let mut rng = stream(5, "labellers", &[]);
    let (mut on_box, mut on_set): (f64, f64) = (0.0, 0.0);
    for _ in 0..60 {
        let normal = |rng: &mut equipoise_core::Rng| equipoise_core::sample::normal(rng);
        let theta: Vec<Vec<f64>> = (0..5).map(|_| vec![normal(&mut rng), normal(&mut rng)]).collect();
        let answers: Vec<[f64; 2]> = (0..4).map(|_| [normal(&mut rng), normal(&mut rng)]).collect();
        let of = |theta: &[Vec<f64>]| {
            median_box(&theta.iter().map(|t| (t.clone(), t.clone())).collect::<Vec<_>>()).unwrap()
        };
        let best = |lo: &[f64]| {
            let value = |x: &&[f64; 2]| x[0] * lo[0] + x[1] * lo[1];
            *answers.iter().max_by(|a, b| value(a).total_cmp(&value(b))).unwrap()
        };
        let earns = |z: &[f64]| theta[0][0] * z[0] + theta[0][1] * z[1];
        let (lo, hi) = of(&theta);
        let honest = (earns(&pessimistic_direction(&lo, &hi)), earns(&best(&lo)));
        for _ in 0..40 {
            let mut lied = theta.clone();
            lied[0] = vec![5.0 * normal(&mut rng), 5.0 * normal(&mut rng)];
            let (lo, hi) = of(&lied);
            on_box = on_box.max(earns(&pessimistic_direction(&lo, &hi)) - honest.0);
            on_set = on_set.max(earns(&best(&lo)) - honest.1);
        }
    }
    assert!(on_box <= 1e-12 && on_set > 0.1, "{on_box} {on_set}");
    // what a leaderboard of 100 votes a pair costs
    let second = three(0.6, 0.55, 0.95);
    let flips = |game: &PreferenceMatrix| [0, 1, 2].map(|k| flips_to_condorcet(game, 100, k));
    assert_eq!((flips(&cycle()), flips(&second)), ([41, 11, 21], [0, 11, 52]));
    for (policy, price) in [
        ([1.0, 0.0, 0.0], 40.0),
        ([0.0, 1.0, 0.0], 10.0),
        ([0.0, 0.0, 1.0], 20.0),
        ([1.0 / 3.0, 1.0 / 3.0, 1.0 / 3.0], 30.0),
        ([0.5, 0.5, 0.0], 30.0),
        ([2.0 / 7.0, 4.0 / 7.0, 1.0 / 7.0], 0.0),
    ] {
        let found = flips_to_lottery(&cycle(), 100, &policy).unwrap();
        assert!((found - price).abs() < 1e-9, "{policy:?} {found}");
    }
}

/// Section K2: regret of realised actions grows for ever, at the equilibrium itself.
#[test]
fn regret_of_actions_is_not_regret_of_policies() {
    let game = cycle();
    let lottery = maximal_lottery(&game).unwrap().policy.to_vec();
    let worst = |i: usize| (0..3).map(|j| game.margin(j, i)).fold(0.0, f64::max);
    let realised: f64 = (0..3).map(|i| lottery[i] * worst(i)).sum();
    assert!((realised - 0.2).abs() < 1e-15);
    assert!(gap_of(&Electorate::of_win_rates(game, None), &lottery) < 1e-15);
}

/// The pure floor: no concept that plays one item has a smaller gap than `1 - 2 max_i min_j P_ij`, minimax has it, and the maximal lottery has
/// none. Of the Stackelberg leader and of proportional alignment it is the limit that plays one item.
#[test]
fn the_pure_floor() {
    floor_holds(200);
}

/// `cargo test --release -p equipoise-reference --test welfare -- pure_floor --include-ignored`.
#[test]
#[ignore = "10,000 games"]
fn the_pure_floor_long() {
    floor_holds(10_000);
}

fn floor_holds(games: usize) {
    let mut rng = stream(4, "floor", &[]);
    // leaders and proportional lotteries as good as pure
    let cold = ConceptOptions { tau: Some(1e-3), beta: Some(1e4), ..ConceptOptions::default() };
    let mut pure = [0; 2];
    for round in 0..games {
        let n = 3 + index(&mut rng, 3);
        let electorate = Electorate::of_win_rates(random_game(round, n, &mut rng), None);
        let worst = equipoise_reference::concepts::worst_win_rates(electorate.matrix());
        let floor = (1.0 - 2.0 * worst.iter().copied().fold(0.0, f64::max)).max(0.0);
        let played = |name: &str, options: &ConceptOptions| {
            concept(name).unwrap().choose(&electorate, options).unwrap().policy(n).unwrap()
        };
        let nash = gap_of(&electorate, &played("maximal-lottery", &ConceptOptions::default()));
        assert!(nash.abs() < 1e-12, "{nash}");
        for (k, name) in ["slhf-leader", "proportional"].into_iter().enumerate() {
            let found = concept(name).unwrap().choose(&electorate, &cold).unwrap();
            // colder than arithmetic allows, or level items
            let Some(policy) = found.policy(n).filter(|p| p.iter().any(|p| *p > 1.0 - 1e-12)) else {
                continue;
            };
            let gap = gap_of(&electorate, &policy);
            assert!((gap - floor).abs() < 1e-2, "{name} {gap} {floor}");
            pure[k] += 1;
        }
        for name in ["minimax", "borda", "copeland", "kemeny"] {
            let choice = concept(name).unwrap().choose(&electorate, &ConceptOptions::default()).unwrap();
            let policy = choice.policy(n).unwrap();
            if policy.contains(&1.0) {
                let gap = gap_of(&electorate, &policy);
                assert!(gap >= floor - 1e-12, "{name} {gap} {floor}");
                assert!(name != "minimax" || (gap - floor).abs() < 1e-12);
            }
        }
    }
    assert!(pure.iter().all(|k| *k > games / 4), "{pure:?}");
}
