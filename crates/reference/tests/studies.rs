//! Experiments with claims: small versions run always, long ones by
//! `cargo test --release -p equipoise-reference --test studies -- --ignored --nocapture`; what they printed stands beside them.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(clippy::print_stdout, reason = "long studies print their figures")]

mod common;

use common::random_game;
use equipoise_core::sample::{index, uniform};
use equipoise_core::seed::stream;
use equipoise_core::{Policy, Shape};
use equipoise_env::PreferenceMatrix;
use equipoise_reference::concepts::{
    Ballot, ConceptOptions, Electorate, best_of_samples, concept, deviation_ratings, first_choices,
    preference_chain, proportional_lottery, proportionality,
};
use equipoise_reference::distortion::{
    LinearRule, Population, borda_bound, kl_to, mismatched_reference, nash_bound, worst_case,
};
use equipoise_reference::regularised_equilibrium;
use equipoise_reference::statistics::{
    Design, Learning, Sampler, hard_start, hard_start_cost, learn, learning_constant, plug_in_gap,
    regularised_gap,
};
use ndarray::{Array2, arr1, arr2};

fn cycle() -> PreferenceMatrix {
    let p = [[0.5, 0.6, 0.1], [0.4, 0.5, 0.7], [0.9, 0.3, 0.5]];
    PreferenceMatrix::from_margins(3, |i, j| p[i][j] - 0.5).unwrap()
}

fn uniform_policy(n: usize) -> Policy {
    Policy::uniform(&Shape::single(n).unwrap())
}

fn slope(points: &[(f64, f64)]) -> f64 {
    let n = points.len() as f64;
    let (mx, my) = (points.iter().map(|p| p.0).sum::<f64>() / n, points.iter().map(|p| p.1).sum::<f64>() / n);
    let sxy: f64 = points.iter().map(|p| (p.0 - mx) * (p.1 - my)).sum();
    sxy / points.iter().map(|p| (p.0 - mx).powi(2)).sum::<f64>()
}

/// MCHF's law leaves the regularised equilibrium by the square of what is cyclic in the game.
#[test]
fn chain_and_equilibrium_part_with_slope_two() {
    let mut rng = stream(1, "slope", &[]);
    for _ in 0..10 {
        let n = 5;
        let f: Vec<f64> = (0..n).map(|_| uniform(&mut rng) - 0.5).collect();
        let noise: Vec<f64> = (0..n * n).map(|_| uniform(&mut rng) - 0.5).collect();
        let mut points = Vec::new();
        for eps in [0.02, 0.01, 0.005, 0.0025] {
            // margins at temperature 1: potential differences and a cyclic part
            let margin = |i: usize, j: usize| 0.25 * (f[i] - f[j]) + eps * noise[i * n + j];
            let game = PreferenceMatrix::from_margins(n, margin).unwrap();
            let tau = 0.25;
            let u = Array2::from_shape_fn((n, n), |(x, y)| game.margin(y, x) / tau);
            let log_mu = vec![-(n as f64).ln(); n];
            let law = preference_chain(&u, &log_mu).unwrap().law;
            let qre = regularised_equilibrium(&game, &uniform_policy(n), tau)
                .unwrap()
                .policy
                .probs_slice()
                .to_vec();
            let apart: f64 = law.iter().zip(&qre).map(|(a, b)| (a - b).abs()).sum();
            points.push((eps.ln(), apart.ln()));
        }
        let found = slope(&points);
        assert!((found - 2.0).abs() < 0.1, "{found}");
    }
}

#[test]
fn worst_cases_meet_the_bounds() {
    for beta in [1.0, 2.0, 4.0, 8.0, 16.0] {
        let found = worst_case(2, 301, beta, &LinearRule::Nash).unwrap().distortion;
        assert!(found <= nash_bound(beta) + 1e-9 && found >= 0.99 * nash_bound(beta), "{beta} {found}");
        assert!(borda_bound(beta).unwrap().0 > nash_bound(beta));
    }
    assert!(borda_bound(0.5).unwrap().0 > nash_bound(0.5));
}

/// The family on which RLHF within a KL budget loses exp(beta) / (10 beta): the equilibrium of the same budget loses next to nothing.
#[test]
fn equilibria_do_not_share_the_exponential() {
    for beta in [6.0f64, 8.0] {
        let log_small = -30.0 * 10f64.ln();
        let d = 10.0 / (10.0 + beta.exp());
        let utilities = arr2(&[[0.0, 1.0, 0.0], [1.0 / beta, 0.0, 1.0]]);
        let population = Population::new(utilities, vec![d, 1.0 - d], beta).unwrap();
        let matrix = population.matrix();
        let half = (-log_small.exp()).ln_1p() - 2f64.ln();
        let reference =
            Policy::from_logits(&Shape::single(3).unwrap(), arr1(&[half, half, log_small])).unwrap();
        let log_mu = reference.log_probs_slice().to_vec();
        // the temperature at which the budget of 1 is spent
        let at = |tau: f64| {
            regularised_equilibrium(&matrix, &reference, tau).unwrap().policy.probs_slice().to_vec()
        };
        let (mut cold, mut hot) = (1e-4f64, 10.0f64);
        for _ in 0..60 {
            let middle = (cold * hot).sqrt();
            if kl_to(&at(middle), &log_mu) > 1.0 { cold = middle } else { hot = middle }
        }
        let ratio = population.distortion_within(&at(hot), &log_mu, 1.0).unwrap();
        let rlhf = mismatched_reference(beta, log_small).unwrap().rlhf;
        assert!(ratio < 1.01 && rlhf > 5.0, "{beta}: {ratio} {rlhf}");
    }
}

/// More samples bring every group its share of first choices; one group's share is the least a proportional lottery brings.
#[test]
fn samples_and_shares() {
    let mut rng = stream(2, "samples", &[]);
    for _ in 0..15 {
        let n = 3 + index(&mut rng, 2);
        let ballots: Vec<Ballot> = (0..3 + index(&mut rng, 3))
            .map(|_| {
                let mut order: Vec<usize> = (0..n).collect();
                (1..n).rev().for_each(|k| order.swap(k, index(&mut rng, k + 1)));
                Ballot::strict(&order, 1.0 + index(&mut rng, 4) as f64)
            })
            .collect();
        let electorate = Electorate::of_ballots(n, ballots.clone()).unwrap();
        let tops = first_choices(&electorate).unwrap();
        let level = |k: usize| proportionality(&best_of_samples(n, &ballots, k).unwrap(), &tops);
        assert!(level(400) > 0.97 && level(400) >= level(8) - 1e-9, "{} {}", level(8), level(400));
        let proportional = proportional_lottery(electorate.matrix(), 0.0).unwrap();
        assert!(proportionality(&proportional, &tops) >= 2.0 / n as f64 - 1e-12);
    }
}

/// Copies of one item: the lottery and deviation ratings keep, the rules that count keep not.
#[test]
fn attacks_by_copies() {
    let options = ConceptOptions::default();
    let mut moved = [0; 3];
    let mut rng = stream(3, "copies", &[]);
    for round in 0..30 {
        let n = 4;
        let base = random_game(round % 8, n, &mut rng);
        let electorate = Electorate::of_win_rates(base, None);
        let play =
            |e: &Electorate, name: &str| concept(name).unwrap().choose(e, &options).unwrap().policy(e.n());
        for copies in 1..=3 {
            let mut copied = electorate.clone();
            (0..copies).for_each(|_| copied = copied.with_clone(0));
            let before = deviation_ratings(electorate.matrix()).unwrap();
            let after = deviation_ratings(copied.matrix()).unwrap();
            assert!(before.iter().zip(&after).all(|(a, b)| (a - b).abs() < 1e-11), "{before:?} {after:?}");
            for (k, name) in ["borda", "copeland", "kemeny"].iter().enumerate() {
                let (Some(a), Some(b)) = (play(&electorate, name), play(&copied, name)) else { continue };
                moved[k] += usize::from((1..n).any(|i| (a[i] > 0.0) != (b[i] > 0.0)));
            }
        }
    }
    assert!(moved.iter().all(|m| *m > 0), "{moved:?}");
}

/// Smaller than the long one: 1,000 duels and 150 seeds.
#[test]
fn gaps_of_designs_are_predicted() {
    designs(1000, 150, 0.25, 0.5);
}

/// 400 seeds, 100,000 duels, tau 0.1: printed is `T gap` over its constant, 1 by the law (uniform .988, greedy 1.042, optimal 1.006).
#[test]
#[ignore = "100 million duels"]
fn gaps_of_designs_are_predicted_long() {
    designs(100_000, 400, 0.1, 0.1);
}

fn designs(duels: usize, seeds: u64, within: f64, tau: f64) {
    let (game, reference) = (cycle(), uniform_policy(3));
    let policy = regularised_equilibrium(&game, &reference, tau).unwrap().policy.probs_slice().to_vec();
    let problem = Learning { matrix: &game, reference: &reference, tau, duels };
    for (name, design) in [
        ("uniform", Design::uniform(3).unwrap()),
        ("greedy", Design::of_draws(&policy, reference.probs_slice())),
        ("optimal", Design::optimal(&game, &policy).unwrap()),
    ] {
        let constant = learning_constant(&game, &policy, tau, &design).unwrap();
        let gaps: Vec<f64> = (0..seeds)
            .map(|seed| plug_in_gap(&problem, &design, &mut stream(seed, "design", &[name])).unwrap())
            .collect();
        let mean = gaps.iter().sum::<f64>() / seeds as f64 * duels as f64 / constant;
        println!("{name}: constant {constant:.4}, measured over predicted {mean:.4}");
        assert!((mean - 1.0).abs() < within, "{name} {mean}");
    }
}

/// The hard family, 50 seeds, 20,000 duels, tau .1, .06, .05, .04: log regret of greedy exploration grows like c / tau (2.96, 12.73, 43.39,
/// 164.45: slope .304 for c = .3), self-play's is larger throughout (4.46, 41.91, 217.95, 316.00: where the first duel is lost it does
/// not come back), uniform pairs stay flat.
#[test]
#[ignore = "twelve million duels"]
fn the_hard_family_long() {
    let mean = |sampler: Sampler, tau: f64| {
        let (game, reference) = hard_start(tau, 0.3, 0.45).unwrap();
        let problem = Learning { matrix: &game, reference: &reference, tau, duels: 20_000 };
        let regret =
            |seed| learn(&problem, sampler, &mut stream(seed, "hard", &[])).unwrap().last().unwrap().regret;
        (0..50).map(regret).sum::<f64>() / 50.0
    };
    let mut greedy = [0.0; 4];
    for sampler in [Sampler::Greedy, Sampler::SelfPlay, Sampler::Optimistic, Sampler::Uniform] {
        let taus = [0.1, 0.06, 0.05, 0.04];
        let regrets = taus.map(|tau| mean(sampler, tau));
        let waits = taus.map(|tau| hard_start_cost(tau, 0.3, 0.45, 2e4).unwrap());
        let points: Vec<(f64, f64)> =
            taus[1..].iter().zip(&regrets[1..]).map(|(t, r)| (1.0 / t, r.ln())).collect();
        println!(
            "{}: regret {regrets:.2?}, waiting {waits:.2?}, slope {:.3}",
            sampler.name(),
            slope(&points)
        );
        match sampler {
            Sampler::Greedy => {
                greedy = regrets;
                assert!((slope(&points) - 0.3).abs() < 0.03);
            }
            Sampler::SelfPlay => assert!(regrets.iter().zip(&greedy).all(|(s, g)| s > g)),
            _ => assert!(slope(&points) < 0.05),
        }
    }
}

/// An adversary who turns over a share eps of the duels costs the regularised gap eps^2.
#[test]
fn regularised_games_forgive_corruption() {
    let (game, reference, tau) = (cycle(), uniform_policy(3), 0.1);
    let worst = |eps: f64| {
        let mut most: f64 = 0.0;
        // all of it on one pair, either way: a third of the duels, so three times as much of its rate
        for k in 0..6 {
            let on = |pair: usize| {
                if k / 2 != pair {
                    0.0
                } else if k % 2 == 0 {
                    eps
                } else {
                    -eps
                }
            };
            let shift = [[0.0, on(0), on(1)], [0.0, 0.0, on(2)], [0.0; 3]];
            let moved =
                PreferenceMatrix::from_margins(3, |i, j| game.margin(i, j) + 3.0 * shift[i][j]).unwrap();
            let policy =
                regularised_equilibrium(&moved, &reference, tau).unwrap().policy.probs_slice().to_vec();
            most = most.max(regularised_gap(&game, &policy, reference.log_probs_slice(), tau).unwrap());
        }
        most
    };
    for (eps, ratio) in [(0.01, 11.5), (0.005, 11.0), (0.0025, 10.8)] {
        assert!((worst(eps) / (eps * eps) - ratio).abs() < 0.06, "{eps}: {}", worst(eps) / (eps * eps));
    }
}
