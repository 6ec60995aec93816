//! Rewards linear in features, and rankings of several: principled RLHF (Zhu et al., 2301.11270).

use equipoise_core::{Rng, sample, seed::stream};
use equipoise_data::{Comparisons, Rankings, Selection, parse_rankings};
use equipoise_models::pessimism::{Pessimistic, confidence_radius, likelihood_in_ball, pessimistic_policy};
use equipoise_models::{BRADLEY_TERRY, PairOptions, fit, model};
use ndarray::{Array1, Array2, Axis, arr1, arr2};
use serde_json::Value;

use crate::logistic;

/// The instance of theorem 3.9: features of four answers, and the true reward.
fn instance() -> (Array2<f64>, Array1<f64>) {
    (arr2(&[[1.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 0.0], [0.0, 1.0, 0.0]]), arr1(&[-1.0, 0.1, 0.9]))
}

const BOUND: f64 = 2.0;

/// `n - 1` comparisons of the first two answers and one of the second and third: the estimate in the ball and in the plane of sum 0,
/// and the design.
fn estimate(n: usize, rng: &mut Rng) -> (Array1<f64>, Array2<f64>) {
    let (phi, truth) = instance();
    let (one, two) = (&phi.row(0) - &phi.row(1), &phi.row(1) - &phi.row(2));
    let of = |x: &Array1<f64>, times: usize, rng: &mut Rng| {
        (0..times).filter(|_| sample::uniform(rng) < logistic(x.dot(&truth))).count() as f64
    };
    let (a, b) = (of(&one, n - 1, rng), of(&two, 1, rng));
    // a reward whose weights sum to 0 is the same on features less their mean coordinate
    let centred = |x: &Array1<f64>| x - x.mean().unwrap();
    let (first, second) = (centred(&one), centred(&two));
    let rows = ndarray::stack(Axis(0), &[first.view(), (-&first).view(), second.view(), (-&second).view()]);
    let weights = [a, (n - 1) as f64 - a, b, 1.0 - b];
    let theta = likelihood_in_ball(rows.unwrap().view(), &weights, BOUND).unwrap();
    let mut design = Array2::<f64>::zeros((3, 3));
    for (x, w) in [(&one, (n - 1) as f64), (&two, 1.0)] {
        for i in 0..3 {
            design.row_mut(i).scaled_add(w / n as f64 * x[i], x);
        }
    }
    (theta, design)
}

#[test]
fn principled_the_greedy_policy_of_the_estimate_fails_where_pessimism_does_not() {
    let (phi, truth) = instance();
    let rewards = phi.dot(&truth);
    assert!(rewards.iter().zip([-0.9, -1.0, 0.0, 0.1]).all(|(a, b)| (a - b).abs() < 1e-15));
    const RUNS: usize = 300;
    let mut table = Vec::new();
    for n in [50usize, 500, 5000] {
        let mut rng = stream(6, "principled", &[&n.to_string()]);
        let (mut greedy, mut theory, mut unit) = (0.0, 0.0, 0.0);
        for _ in 0..RUNS {
            let (theta, design) = estimate(n, &mut rng);
            let lambda = 1.0 / n as f64;
            let design = design + Array2::<f64>::eye(3) * lambda;
            let fitted = phi.dot(&theta);
            let best = (0..4).fold(0, |b, k| if fitted[k] > fitted[b] { k } else { b });
            greedy += (0.1 - rewards[best]) / RUNS as f64;
            let origin = Array1::zeros(3);
            let regret = |radius: f64| {
                let found = pessimistic_policy(phi.view(), &theta, &origin, design.view(), radius).unwrap();
                assert!(found.at_most - found.value < 1e-7, "{n}: {} {}", found.value, found.at_most);
                (0.1 - rewards.dot(&found.policy)) / RUNS as f64
            };
            theory += regret(confidence_radius(3, n as f64, 0.1, BOUND * 2f64.sqrt(), (lambda, BOUND)));
            unit += regret(((3.0 + 10f64.ln()) / n as f64).sqrt());
        }
        println!(
            "n = {n}: regret greedy {greedy:.3}, pessimistic {theory:.3}, of a radius without gamma {unit:.3}"
        );
        table.push((greedy, theory, unit));
    }
    for (greedy, theory, _) in &table {
        assert!(*greedy > 0.2, "more comparisons of the one pair do not help: {table:?}");
        assert!((theory - 0.1).abs() < 1e-4, "the third answer, whose reward is known: {table:?}");
    }
    assert!(table.windows(2).all(|w| w[1].2 < w[0].2) && table[2].2 < 0.02, "{table:?}");
}

#[test]
fn principled_the_programme_is_the_least_favourable_reward_and_may_be_mixed() {
    let mut rng = stream(7, "principled", &[]);
    let mut mixed = 0;
    for _ in 0..40 {
        let phi = Array2::from_shape_fn((5, 3), |_| sample::normal(&mut rng));
        let root = Array2::from_shape_fn((3, 3), |_| sample::normal(&mut rng));
        let design = root.dot(&root.t()) + Array2::<f64>::eye(3) * 0.1;
        let theta = Array1::from_shape_fn(3, |_| sample::normal(&mut rng));
        let origin = Array1::from_shape_fn(3, |_| 0.3 * sample::normal(&mut rng));
        let radius = 2.0 * sample::uniform(&mut rng);
        let found = pessimistic_policy(phi.view(), &theta, &origin, design.view(), radius).unwrap();
        let Pessimistic { policy, value, at_most, worst } = &found;
        assert!((policy.sum() - 1.0).abs() < 1e-14 && policy.iter().all(|p| *p >= 0.0));
        assert!(at_most - value > -1e-12 && at_most - value < 1e-7, "{value} {at_most}");
        // the reward that proves it is in the ellipsoid
        let shift = worst - &theta;
        assert!(shift.dot(&design.dot(&shift)).sqrt() <= radius * (1.0 + 1e-9));
        // no pure policy is better, and projected gradient over the ellipsoid finds the same least reward
        let u = phi.t().dot(policy) - &origin;
        let mut at = theta.clone();
        for step in 0..4000 {
            at.scaled_add(-1.0 / (1.0 + f64::from(step)).sqrt(), &u);
            let off = &at - &theta;
            let length = off.dot(&design.dot(&off)).sqrt();
            if length > radius {
                at = &theta + &(off * (radius / length));
            }
        }
        assert!(at.dot(&u) >= value - 1e-9, "{} {value}", at.dot(&u));
        for y in 0..5 {
            let mut pure = Array1::zeros(5);
            pure[y] = 1.0;
            let of = single(&phi, &theta, &origin, &design, radius, &pure);
            assert!(of <= value + 1e-8, "{of} {value}");
        }
        mixed += usize::from(policy.iter().filter(|p| **p > 1e-4).count() > 1);
    }
    assert!(mixed > 5, "an argmax over answers is another programme: {mixed}");
}

/// The objective at a policy, by a linear system solved by conjugate gradients.
fn single(
    phi: &Array2<f64>,
    theta: &Array1<f64>,
    origin: &Array1<f64>,
    design: &Array2<f64>,
    radius: f64,
    policy: &Array1<f64>,
) -> f64 {
    let u = phi.t().dot(policy) - origin;
    let (mut x, mut r) = (Array1::zeros(3), u.clone());
    let mut p = r.clone();
    for _ in 0..12 {
        let rr = r.dot(&r);
        if rr < 1e-28 {
            break;
        }
        let ap = design.dot(&p);
        let a = rr / p.dot(&ap);
        x.scaled_add(a, &p);
        r.scaled_add(-a, &ap);
        p = &r + &(&p * (r.dot(&r) / rr));
    }
    theta.dot(&u) - radius * u.dot(&x).max(0.0).sqrt()
}

#[test]
fn principled_the_likelihood_in_a_ball_is_stationary_and_exists_on_separable_data() {
    let mut rng = stream(8, "principled", &[]);
    for bound in [0.3, 1.0, 50.0] {
        let x = Array2::from_shape_fn((30, 3), |_| sample::normal(&mut rng));
        let weights: Vec<f64> = (0..30).map(|k| 1.0 + f64::from(k % 3)).collect();
        let theta = likelihood_in_ball(x.view(), &weights, bound).unwrap();
        let length = theta.dot(&theta).sqrt();
        assert!(length <= bound * (1.0 + 1e-9));
        let mut slope = Array1::<f64>::zeros(3);
        for (row, w) in x.rows().into_iter().zip(&weights) {
            slope.scaled_add(w * logistic(-row.dot(&theta)), &row);
        }
        // stationary: the slope is a multiple of theta, not below 0
        let multiplier = slope.dot(&theta) / theta.dot(&theta);
        assert!((&slope - &(&theta * multiplier)).iter().all(|d| d.abs() < 1e-6), "{bound} {slope} {theta}");
        assert!(multiplier > -1e-9);
    }
    // separable: the maximum is on the sphere
    let theta = likelihood_in_ball(arr2(&[[1.0, 0.0], [0.0, 2.0]]).view(), &[1.0, 1.0], 3.0).unwrap();
    assert!((theta.dot(&theta).sqrt() - 3.0).abs() < 1e-8);
    assert!(likelihood_in_ball(arr2(&[[1.0]]).view(), &[0.0], 3.0).is_err());
}

/// `sets` rankings of `k` items drawn from Plackett-Luce.
fn rankings(strengths: &[f64], sets: usize, rng: &mut Rng) -> Rankings {
    let mut text = String::from("ranking\n");
    for _ in 0..sets {
        let mut scored: Vec<(f64, usize)> =
            strengths.iter().enumerate().map(|(i, r)| (r - (-sample::uniform(rng).ln()).ln(), i)).collect();
        scored.sort_by(|a, b| b.0.total_cmp(&a.0));
        let names: Vec<String> = scored.iter().map(|(_, i)| i.to_string()).collect();
        text += &(names.join(" > ") + "\n");
    }
    parse_rankings("r.csv".as_ref(), text.as_bytes(), &Selection::default()).unwrap()
}

#[test]
fn principled_the_likelihood_of_whole_rankings_errs_less_than_pairs_of_them() {
    println!("mean squared error of strengths, 100 rankings of k, whole and split");
    for k in [2usize, 4, 9] {
        let mut rng = stream(9, "split", &[&k.to_string()]);
        let truth: Vec<f64> = (0..k).map(|i| 2.0 * (0.5 - i as f64 / (k - 1) as f64)).collect();
        let mut error = [0.0; 2];
        for _ in 0..100 {
            let data = rankings(&truth, 100, &mut rng);
            for (which, name) in ["plackett-luce", "plackett-luce-split"].into_iter().enumerate() {
                let found = model(name).unwrap().fit(&data.clone().into(), &Value::Null).unwrap();
                for (label, x) in found.labels.iter().zip(found.log_strength.as_ref().unwrap()) {
                    error[which] += (x - truth[label.parse::<usize>().unwrap()]).powi(2) / (100 * k) as f64;
                }
            }
        }
        println!("k = {k}: {:.5} {:.5}", error[0], error[1]);
        if k == 2 {
            assert!((error[0] / error[1] - 1.0).abs() < 1e-9, "one likelihood for two: {error:?}");
        } else {
            assert!(error[0] < 0.97 * error[1], "{k}: {error:?}");
        }
    }
}

/// The KL-optimal policy of strengths at beta, uniform reference.
fn aligned(strength: &Array1<f64>, beta: f64) -> Array1<f64> {
    let best = strength.fold(f64::NEG_INFINITY, |m, r| m.max(*r));
    let powers = strength.mapv(|r| ((r - best) / beta).exp());
    let total = powers.sum();
    powers / total
}

#[test]
fn rdpo_regret_by_rate_of_flips_is_a_fraction_of_that_of_dpo_and_falls_with_labels() {
    const RUNS: u32 = 20;
    let (n, beta) = (8, 0.5);
    // DPO, smoothed for the rate, debiased for it; the table's optimum is that of Bradley-Terry on such counts
    let regrets = |rate: f64, labels: usize| -> [f64; 3] {
        let mut sums = [0.0; 3];
        for run in 0..RUNS {
            let mut rng = stream(10, "rdpo", &[&run.to_string(), &rate.to_string(), &labels.to_string()]);
            let truth = Array1::from_shape_fn(n, |_| sample::normal(&mut rng));
            let mut wins = Array2::<f64>::zeros((n, n));
            for _ in 0..labels {
                let i = sample::index(&mut rng, n);
                let j = (i + 1 + sample::index(&mut rng, n - 1)) % n;
                let first = sample::uniform(&mut rng) < logistic(truth[i] - truth[j]);
                let kept = first == (sample::uniform(&mut rng) >= rate);
                wins[if kept { [i, j] } else { [j, i] }] += 1.0;
            }
            let best = aligned(&truth, beta);
            // a debiased share outside of [0, 1] has no finite minimiser: it is clipped
            let share = |own: f64, other: f64| {
                Array2::from_shape_fn((n, n), |(i, j)| (own * wins[[i, j]] + other * wins[[j, i]]).max(0.0))
            };
            let tables = [
                share(1.0, 0.0),
                share(1.0 - rate, rate),
                share((1.0 - rate) / (1.0 - 2.0 * rate), -rate / (1.0 - 2.0 * rate)),
            ];
            for (sum, table) in sums.iter_mut().zip(tables) {
                let data = Comparisons::from_tables(&table, &Array2::zeros((n, n)));
                let found = fit(&data, &BRADLEY_TERRY, PairOptions::default()).unwrap().log_strength;
                let policy = aligned(&found, beta);
                // what the KL-regularised value is short of is beta KL(policy, optimum)
                let kl: f64 = policy.iter().zip(&best).map(|(p, q)| p * (p / q).ln()).sum();
                *sum += beta * kl / f64::from(RUNS);
            }
        }
        sums
    };
    println!("KL-regularised regret of DPO, smoothed and debiased, 4,000 labels, at rates .1, .2, .3, .4");
    let mut last = [0.0; 3];
    for rate in [0.1, 0.2, 0.3, 0.4] {
        let [plain, smoothed, debiased] = regrets(rate, 4_000);
        println!("{rate}: {plain:.4} {smoothed:.4} {debiased:.4}");
        assert!(debiased < 0.5 * plain && plain < smoothed, "{rate}: {plain} {smoothed} {debiased}");
        assert!(plain > last[0] && smoothed > last[1] && debiased > last[2], "{rate}");
        last = [plain, smoothed, debiased];
    }
    let sweep = [4_000, 16_000, 64_000].map(|labels| regrets(0.3, labels));
    println!("at a rate of .3 by labels: {sweep:.4?}");
    assert!(sweep.windows(2).all(|w| w[1][2] < 0.5 * w[0][2]), "{sweep:?}");
    assert!(sweep.iter().all(|[plain, ..]| (plain / sweep[0][0] - 1.0).abs() < 0.2), "{sweep:?}");
}
