//! The mirror-descent family against golden numbers, closed forms, exact identities, its theorems and its local theory.

use std::sync::Arc;

use equipoise_core::{Policy, Rng, Shape, Solver, Task, local, sample, seed};
use equipoise_env::{Game, GameOracle};
use equipoise_solver_mirror_descent::SOLVERS;
use equipoise_testing as testing;
use equipoise_testing::{
    assert_close, game, gap, gap_tau, golden_task, kl, last_iterate, margins, one_winner, perturbed_rps,
    policy, random_game_or_tournament, random_policy, regular_tournament, run, task,
};
use ndarray::{Array1, Array2};
use serde_json::{Value, json};

// ---- games and runs -------------------------------------------------------------------------------------------------

fn build(name: &str, parameters: Value, task: &Task) -> Box<dyn Solver> {
    testing::build(SOLVERS, name, &parameters, task)
}

fn last(name: &str, parameters: Value, task: &Task, game: &Arc<Game>, steps: usize) -> Policy {
    last_iterate(build(name, parameters, task), game, steps)
}

fn original(start: Policy) -> Task {
    task(start.clone(), start, 0.0)
}

/// The regularised equilibrium by long mirror descent with the proved step, accepted only if it solves
/// `log pi = log mu + K pi / tau + const`.
fn equilibrium(game: &Arc<Game>, task: &Task) -> Policy {
    let steps = (40.0 * (1.0 + 0.25 / (task.tau * task.tau))) as usize;
    let pi = last("omd", json!({"step_size": "theorem"}), task, game, steps);
    let residual = pi.log_probs() - task.reference.log_probs() - margins(game, &pi) / task.tau;
    let spread = |f: fn(f64, f64) -> f64| residual.iter().copied().reduce(f).expect("not empty");
    // a step rounds logits of some ten nats, and the fixed point divides that by eta tau
    let eta_tau = task.tau * task.tau / (task.tau * task.tau + 0.25);
    assert!(spread(f64::max) - spread(f64::min) < 1e-14 / eta_tau, "{residual:?}");
    pi
}

fn radius(pi: &Policy) -> f64 {
    pi.log_probs().iter().fold(0.0, |d: f64, l| d.max(-l))
}

/// Half a unit in the last of twelve printed decimals.
const PRINTED: f64 = 5e-13;

// ---- golden numbers -------------------------------------------------------------------------------------------------

#[test]
fn golden_numbers_after_ten_steps() {
    let (task, game) = (golden_task(0.1), perturbed_rps());
    let ten = |name: &str, block: Value| last(name, block, &task, &game, 10);
    let omd = ten("omd", json!({"step_size": 0.5}));
    assert_close(omd.probs_slice(), &[0.477229096208, 0.301360899157, 0.221410004635], PRINTED);
    assert!((gap_tau(&game, &omd, &task) - 0.0009141811).abs() < 5e-11);
    let mmd = ten("mmd", json!({"mmd_eta": 0.5}));
    assert_close(mmd.probs_slice(), &[0.477718963948, 0.301844200816, 0.220436835236], PRINTED);
    for name in ["omwu", "onpo"] {
        let mut sum = Array1::<f64>::zeros(3);
        let solver = build(name, json!({"step_size": 0.5}), &task);
        let walked = run(solver, &game, 10, |s| sum += s.played().probs());
        let pi = walked.policy();
        assert_close(pi.probs_slice(), &[0.562770741492, 0.333266160582, 0.103963097925], PRINTED);
        assert!((gap(&game, pi) - 0.0836271492).abs() < 5e-11);
        assert_close(&(sum / 10.0).to_vec(), &[0.545250673137, 0.306372125647, 0.148377201216], PRINTED);
    }
    let ipo = ten("online-ipo-2", json!({"learning_rate": 0.01}));
    assert_close(ipo.probs_slice(), &[0.490392480505, 0.304821582089, 0.204785937406], PRINTED);
    let ogda = ten("ogda", json!({"step_size": 0.5}));
    assert_close(ogda.probs_slice(), &[0.360061347277, 0.490005600235, 0.149933052487], PRINTED);
    let star = equilibrium(&game, &task);
    assert_close(star.probs_slice(), &[0.492000563581, 0.282978935824, 0.225020500594], PRINTED);
    assert!((kl(&star, &task.start) - 0.002060194860).abs() < 5e-13);
}

// ---- one step, many names -------------------------------------------------------------------------------------------

/// T9: a gradient step of online IPO 1 is mirror descent with eta tau = 4 lr / n (uniform pairs).
#[test]
fn mmd_and_online_ipo_1_are_omd_with_their_step_mapped() {
    let mut rng = seed::stream(1, "test", &[]);
    for n in 2..9 {
        let (tau, eta_m, lr) = (0.02 + sample::uniform(&mut rng), 0.8, 0.05);
        let game = random_game_or_tournament(n, &mut rng);
        let task = task(random_policy(n, 2.0, &mut rng), random_policy(n, 2.0, &mut rng), tau);
        // MMD in the paper's symbols: divide last
        let mut expect = task.start.clone();
        for _ in 0..50 {
            let q = margins(&game, &expect);
            let mu = task.reference.log_probs() * (eta_m * tau);
            let theta = (expect.log_probs() + mu + q * eta_m) / (1.0 + eta_m * tau);
            expect = Policy::from_logits(task.shape(), theta).unwrap();
        }
        let mmd = last("mmd", json!({"mmd_eta": eta_m}), &task, &game, 50);
        assert_close(mmd.log_probs_slice(), expect.log_probs_slice(), 1e-12);
        let omd = last("omd", json!({"step_size": eta_m / (1.0 + eta_m * tau)}), &task, &game, 50);
        assert_eq!(mmd, omd);
        assert_eq!(last("mmd", json!({"step_size": 0.3}), &task, &game, 50), {
            last("omd", json!({"step_size": 0.3}), &task, &game, 50)
        });
        let ipo = last("online-ipo-1", json!({"learning_rate": lr}), &task, &game, 50);
        let omd = last("omd", json!({"step_size": 4.0 * lr / (n as f64 * tau)}), &task, &game, 50);
        // x divides the win rates by tau before they are added
        assert_close(ipo.log_probs_slice(), omd.log_probs_slice(), 1e-12 / tau.min(1.0));
    }
}

/// T13: ONPO with two sequences, OMWU with one, and optimistic FTRL are the same method.
#[test]
fn onpo_is_omwu_is_optimistic_ftrl() {
    let mut rng = seed::stream(2, "test", &[]);
    for n in 2..9 {
        let (game, task) =
            (random_game_or_tournament(n, &mut rng), original(random_policy(n, 2.0, &mut rng)));
        let eta = 0.4;
        // theta_{t+1} = theta_1 + eta (sum_{s <= t} q_s + q_t)
        let (mut sum, mut pi) = (Array1::<f64>::zeros(n), task.start.clone());
        for _ in 0..200 {
            let q = margins(&game, &pi);
            sum += &q;
            pi = Policy::from_logits(task.shape(), task.start.log_probs() + (&sum + &q) * eta).unwrap();
        }
        for name in ["omwu", "onpo"] {
            let got = last(name, json!({"step_size": eta}), &task, &game, 200);
            assert_close(got.log_probs_slice(), pi.log_probs_slice(), 1e-11);
        }
    }
}

/// T10: online IPO 2 has the gradient of online IPO 1 on its own pairs, -(4 / tau) times that of self-play.
#[test]
fn online_ipo_steps_down_its_published_losses() {
    let (mut rng, n, tau, rate) = (seed::stream(3, "test", &[]), 5, 0.3, 0.02);
    for _ in 0..5 {
        let game = random_game_or_tournament(n, &mut rng);
        let task = task(random_policy(n, 1.0, &mut rng), random_policy(n, 1.0, &mut rng), tau);
        let (q, at) = (margins(&game, &task.start), &task.start);
        let log_ratio = |theta: &Array1<f64>| {
            Policy::from_logits(task.shape(), theta.clone()).unwrap().log_probs() - task.reference.log_probs()
        };
        let uniform = |_: usize| 1.0 / n as f64;
        let from_policy = |k: usize| at.probs()[k];
        // sum over the pairs as they are sampled, pairs' law and opponent fixed
        let v1 = |theta: &Array1<f64>, law: &dyn Fn(usize) -> f64| {
            let h = log_ratio(theta);
            let pair = |i: usize, j: usize| law(i) * law(j) * (h[i] - h[j] - (q[i] - q[j]) / tau).powi(2);
            (0..n * n).map(|ij| pair(ij / n, ij % n)).sum::<f64>()
        };
        let v2 = |theta: &Array1<f64>| {
            let h = log_ratio(theta);
            let pair = |i: usize, j: usize| {
                from_policy(i) * from_policy(j) * (h[i] - h[j] - (game.prob(0, i, j) - 0.5) / tau).powi(2)
            };
            (0..n * n).map(|ij| pair(ij / n, ij % n)).sum::<f64>()
        };
        let self_play = |theta: &Array1<f64>| {
            let pi = Policy::from_logits(task.shape(), theta.clone()).unwrap();
            pi.probs().dot(&q) - tau * kl(&pi, &task.reference)
        };
        let gradient = |f: &dyn Fn(&Array1<f64>) -> f64| {
            let h = 1e-5;
            Array1::from_shape_fn(n, |k| {
                let nudged = |d: f64| {
                    let mut theta = at.log_probs().clone();
                    theta[k] += d;
                    f(&theta)
                };
                (nudged(h) - nudged(-h)) / (2.0 * h)
            })
        };
        let step = |name: &str| {
            let next = last(name, json!({"learning_rate": rate}), &task, &game, 1);
            let moved = (next.log_probs() - at.log_probs()) / -rate;
            &moved - moved.mean().unwrap()
        };
        let centred = |g: Array1<f64>| (&g - g.mean().unwrap()).to_vec();
        // central differences of a loss of size 10
        assert_close(&step("online-ipo-1").to_vec(), &centred(gradient(&|t| v1(t, &uniform))), 1e-7);
        assert_close(&step("online-ipo-2").to_vec(), &centred(gradient(&v2)), 1e-7);
        assert_close(&step("online-ipo-2").to_vec(), &centred(gradient(&|t| v1(t, &from_policy))), 1e-7);
        assert_close(&step("online-ipo-2").to_vec(), &centred(gradient(&self_play) * (-4.0 / tau)), 1e-7);
    }
}

// ---- closed forms ---------------------------------------------------------------------------------------------------

/// T21: on an additive game (gains that depend on no opponent) every method on logits has a closed form.
#[test]
fn constant_gains_have_closed_forms() {
    // additive, one winner, two actions: differences of q do not depend on the opponent
    let (m, scores) = (0.17, [0.2, -0.05, 0.1, 0.0]);
    let cases = [
        (game(4, |i, j| scores[i] - scores[j]), scores.to_vec()),
        (one_winner(4, m), vec![m, 0.0, 0.0, 0.0]),
        (game(2, |_, _| m), vec![m, 0.0]),
    ];
    let (mut rng, eta, tau, steps) = (seed::stream(4, "test", &[]), 0.4, 0.2, 25);
    for (game, s) in cases {
        let (n, s) = (s.len(), Array1::from(s));
        let task = task(random_policy(n, 1.0, &mut rng), random_policy(n, 1.0, &mut rng), tau);
        let expect = |theta: Array1<f64>| Policy::from_logits(task.shape(), theta).unwrap();
        // mirror descent: theta_T = a^T theta_0 + (1 - a^T)(log mu + s / tau), a = 1 - eta tau
        let power = (1.0 - eta * tau).powi(steps);
        let limit = task.reference.log_probs() + &s / tau;
        let affine = expect(task.start.log_probs() * power + limit * (1.0 - power));
        // optimism adds one gain in advance: theta_T = theta_0 + eta (T + 1) s
        let ahead = expect(task.start.log_probs() + &s * (eta * f64::from(steps + 1)));
        for (name, block, expect) in [
            ("omd", json!({"step_size": eta}), &affine),
            ("mmd", json!({"mmd_eta": eta / (1.0 - eta * tau)}), &affine),
            ("online-ipo-1", json!({"learning_rate": eta * tau * n as f64 / 4.0}), &affine),
            ("omwu", json!({"step_size": eta}), &ahead),
            ("onpo", json!({"step_size": eta}), &ahead),
        ] {
            let got = last(name, block, &task, &game, steps as usize);
            assert_close(got.log_probs_slice(), expect.log_probs_slice(), 1e-13);
        }
    }
}

#[test]
fn ogda_reaches_a_pure_equilibrium_exactly() {
    let game = one_winner(5, 0.3);
    let pi = last("ogda", json!({"step_size": 1.0}), &original(Policy::uniform(game.shape())), &game, 20);
    assert_eq!(pi.probs().to_vec(), [1.0, 0.0, 0.0, 0.0, 0.0]);
}

// ---- theorems -------------------------------------------------------------------------------------------------------

/// The largest ratio of the average iterate's gap to `bound(D, t)` over random games, starts and all t.
fn worst_ratio(name: &str, eta: f64, bound: impl Fn(f64, f64) -> f64) -> f64 {
    let (mut rng, mut worst) = (seed::stream(5, "test", &[]), 0f64);
    for round in 0..60 {
        let n = 2 + sample::index(&mut rng, 9);
        let (game, start) = if round % 6 == 0 {
            (one_winner(n, 0.5), Policy::uniform(&Shape::single(n).expect("not empty")))
        } else {
            (random_game_or_tournament(n, &mut rng), random_policy(n, 2.0, &mut rng))
        };
        let (radius, mut sum, mut t) = (radius(&start), Array1::<f64>::zeros(n), 0.0);
        run(build(name, json!({"step_size": eta}), &original(start.clone())), &game, 500, |s| {
            (sum, t) = (&sum + s.played().probs(), t + 1.0);
            let average = Policy::from_probs(start.shape(), &sum / t).expect("a mean of policies");
            worst = worst.max(gap(&game, &average) / bound(radius, t));
        });
    }
    worst
}

#[test]
fn optimistic_averages_meet_the_derived_bound() {
    for (name, eta) in [("onpo", 0.5), ("omwu", std::f64::consts::FRAC_1_SQRT_2), ("omwu", 0.1)] {
        let ratio = worst_ratio(name, eta, |d, t| 2.0 * d / (eta * t) + eta / (2.0 * t));
        assert!(ratio <= 1.0 && ratio > 0.5, "{name} at {eta}: {ratio}");
    }
}

#[test]
fn the_printed_constant_of_onpo_fails_on_the_one_winner_game() {
    // T gap0(average) at eta = 1/2 from the uniform start, printed with three digits, against 4 sqrt D and 4 D + 1/4
    for (n, printed) in [(10, 8.79), (100, 17.93), (1000, 27.13)] {
        let (game, d) = (one_winner(n, 0.5), (n as f64).ln());
        let task = original(Policy::uniform(game.shape()));
        let (mut sum, steps) = (Array1::<f64>::zeros(n), 400);
        let solver = build("onpo", json!({"step_size": "theorem"}), &task);
        run(solver, &game, steps, |s| sum += s.played().probs());
        let total = gap(&game, &Policy::from_probs(task.shape(), sum / steps as f64).unwrap()) * steps as f64;
        assert!((total - printed).abs() < 0.005, "{n}: {total}");
        assert!(total > 4.0 * d.sqrt(), "breaks the printed bound");
        assert!(total < 4.0 * d + 0.25, "meets the derived one");
    }
}

#[test]
fn mirror_descent_contracts_by_one_minus_eta_tau_up_to_its_proved_step() {
    let (mut rng, mut worst) = (seed::stream(6, "test", &[]), 0f64);
    for round in 0..100 {
        let n = 2 + sample::index(&mut rng, 7);
        let tau = 10f64.powf(-1.3 + 1.3 * sample::uniform(&mut rng));
        let game = random_game_or_tournament(n, &mut rng);
        let task = task(random_policy(n, 2.0, &mut rng), random_policy(n, 5.0, &mut rng), tau);
        let star = equilibrium(&game, &task);
        let share = if round % 2 == 0 { 1.0 } else { sample::uniform(&mut rng) };
        let eta = share * tau / (tau * tau + 0.25);
        let mut before = kl(&star, &task.start);
        run(build("omd", json!({"step_size": eta}), &task), &game, 300, |s| {
            let now = kl(&star, s.policy());
            // below 1e-16 the rounding of the equilibrium would be measured
            if before > 1e-16 {
                worst = worst.max(now / before / (1.0 - eta * tau));
            }
            before = now;
        });
    }
    assert!(worst <= 1.0 + 1e-9 && worst > 0.9, "worst ratio of measured to proved contraction: {worst}");
}

#[test]
fn the_norm_behind_ogdas_proved_step_is_the_largest_there_is() {
    // |K|_2 by power iteration on K'K; the transitive tournament attains cot(pi / 2n) / 2
    let norm = |game: &Game, n: usize| {
        let k = game.matrix(0).margins_array();
        let mut v = Array1::from_shape_fn(n, |i| 1.0 + (i as f64).sin());
        for _ in 0..5000 {
            v = -k.dot(&k.dot(&v));
            v = &v / v.dot(&v).sqrt();
        }
        k.dot(&v).dot(&k.dot(&v)).sqrt()
    };
    let mut rng = seed::stream(7, "test", &[]);
    for n in [2, 3, 5, 8, 20] {
        let largest = 0.5 / (std::f64::consts::FRAC_PI_2 / n as f64).tan();
        approx::assert_relative_eq!(norm(&game(n, |_, _| 0.5), n), largest, max_relative = 1e-9);
        for _ in 0..20 {
            assert!(norm(&random_game_or_tournament(n, &mut rng), n) <= largest * (1.0 + 1e-9));
        }
        let task = original(Policy::uniform(&Shape::single(n).unwrap()));
        let entry = SOLVERS.iter().find(|e| e.name == "ogda").unwrap();
        let eta = entry.build(&Value::Null, &task).unwrap().parameters["step_size"].as_f64().unwrap();
        approx::assert_relative_eq!(eta, 0.5 / largest, max_relative = 1e-12);
    }
}

#[test]
fn ogda_converges_linearly_where_equilibria_form_a_segment() {
    // Efron's dice, 36 P = [[18, 24, 16, 12], ...]: a segment of equilibria, on which no logit method is linear
    let efron = [[0.0, 6.0, -2.0, -6.0], [0.0, 0.0, 6.0, 0.0], [0.0, 0.0, 0.0, 6.0]];
    let game = game(4, |i, j| efron[i][j] / 36.0);
    let mut gaps = Vec::new();
    let start = original(policy(&[0.1, 0.2, 0.3, 0.4]));
    run(build("ogda", json!({"step_size": 1.5}), &start), &game, 2000, |s| gaps.push(gap(&game, s.policy())));
    let first = |level: f64| gaps.iter().position(|&g| g < level).unwrap();
    assert!(first(1e-12) < 2000);
    // linear: equal steps for equal decades
    let (early, late) = (first(1e-7) - first(1e-4), first(1e-10) - first(1e-7));
    assert!(late.abs_diff(early) <= early / 3 + 10, "{early} {late}");
    // the step that is safe for every game converges too
    let mut gaps = Vec::new();
    run(build("ogda", Value::Null, &start), &game, 20_000, |s| gaps.push(gap(&game, s.policy())));
    assert!(gaps[19_999] < 1e-12, "{}", gaps[19_999]);
}

// ---- local theory ---------------------------------------------------------------------------------------------------

/// Spectrum `w_k` of the regular tournament: `(m/n) cot(pi k / 2n)` for odd k, `(m/n) tan(pi k / 2n)` for even k.
fn tournament_spectrum(n: usize, m: f64) -> Vec<f64> {
    let angle = |k: usize| std::f64::consts::PI * k as f64 / (2 * n) as f64;
    (1..n).map(|k| m / n as f64 * if k % 2 == 1 { 1.0 / angle(k).tan() } else { angle(k).tan() }).collect()
}

/// `w` of a three-action game at `p`: `tr (K C)^2 = -2 w^2`.
fn frequency(game: &Game, p: &Policy) -> f64 {
    let (k, p) = (game.matrix(0).margins_array(), p.probs());
    let c = Array2::from_shape_fn((3, 3), |(i, j)| if i == j { p[i] * (1.0 - p[i]) } else { -p[i] * p[j] });
    let kc = k.dot(&c);
    (-0.5 * kc.dot(&kc).diag().sum()).sqrt()
}

/// `star` with its logits nudged by about `size`.
fn beside(star: &Policy, size: f64) -> Policy {
    let logits = star.log_probs().indexed_iter().map(|(i, l)| l + size * ((i * i) as f64).sin()).collect();
    Policy::from_logits(star.shape(), logits).expect("finite logits")
}

/// Mean factor per step of the distance to `star`, from a small perturbation and after a burn-in.
fn measured_modulus(name: &str, eta: f64, tau: f64, game: &Arc<Game>, star: &Policy, mu: &Policy) -> f64 {
    let solver = build(name, json!({"step_size": eta}), &task(mu.clone(), beside(star, 1e-4), tau));
    let mut distances = Vec::new();
    run(solver, game, 20_000, |s| distances.push(kl(star, s.policy())));
    let to = distances.iter().position(|&d| d < 1e-24).unwrap_or(distances.len()) - 1;
    let from = to / 3;
    (distances[to] / distances[from]).powf(0.5 / (to - from) as f64)
}

/// T24: near pi* a method's error falls by its multiplier: |1 - eta tau + i eta w| for mirror descent, and so on.
#[test]
fn local_slopes_match_the_multipliers() {
    // within 2 % of the distance from 1, which is what a wrong w or eta would change
    let check = |what: &str, measured: f64, predicted: f64| {
        assert!((measured - predicted).abs() < 0.02 * (1.0 - predicted), "{what}: {measured} {predicted}");
    };
    let (golden, p4) = (golden_task(0.1), perturbed_rps());
    let star = equilibrium(&p4, &golden);
    let w = frequency(&p4, &star);
    for eta in [0.2, 0.5] {
        let measured = measured_modulus("omd", eta, 0.1, &p4, &star, &golden.reference);
        check("omd", measured, local::mirror_descent(eta, 0.1, w));
    }
    let star = policy(&[3.0 / 7.0, 3.0 / 7.0, 1.0 / 7.0]);
    approx::assert_relative_eq!(frequency(&p4, &star), 1.0 / 28f64.sqrt(), max_relative = 1e-12);
    for (name, eta) in [("omwu", 0.5), ("omwu", 2.0), ("onpo", 1.0)] {
        let measured = measured_modulus(name, eta, 0.0, &p4, &star, &golden.reference);
        check(name, measured, local::optimistic(eta, 0.0, 1.0 / 28f64.sqrt()));
    }
    let (n, m) = (9, 0.3);
    let (nine, uniform) = (regular_tournament(n, m), Policy::uniform(&Shape::single(n).unwrap()));
    let slowest = |f: &dyn Fn(f64) -> f64| tournament_spectrum(n, m).into_iter().map(f).fold(0.0, f64::max);
    let measured = measured_modulus("omd", 1.0, 0.05, &nine, &uniform, &uniform);
    check("omd, nine", measured, slowest(&|w| local::mirror_descent(1.0, 0.05, w)));
    let measured = measured_modulus("omwu", 2.0, 0.0, &nine, &uniform, &uniform);
    check("omwu, nine", measured, slowest(&|w| local::optimistic(2.0, 0.0, w)));
    // the solver predicts for itself
    let solver = build("online-ipo-1", json!({"learning_rate": 0.05}), &task(uniform.clone(), uniform, 0.1));
    let eta = 4.0 * 0.05 / (9.0 * 0.1);
    assert_eq!(solver.local_modulus(0.3), Some(local::mirror_descent(eta, 0.1, 0.3)));
}

/// T25: mirror descent is stable below eta = 2 tau / (tau^2 + w^2) and not above; OMWU is marginal at eta w = 1 /
/// sqrt 3.
#[test]
fn mirror_descent_is_stable_below_its_limit_and_cycles_above() {
    let tau = 0.05;
    let uniform = |n| Policy::uniform(&Shape::single(n).unwrap());
    let p4_task = task(uniform(3), uniform(3), tau);
    let p4_star = equilibrium(&perturbed_rps(), &p4_task);
    let w4 = frequency(&perturbed_rps(), &p4_star);
    let w9 = tournament_spectrum(9, 0.5).into_iter().fold(0.0, f64::max);
    for (game, star, w, printed) in
        [(perturbed_rps(), p4_star, w4, 3.4e-2), (regular_tournament(9, 0.5), uniform(9), w9, 4.8e-2)]
    {
        let limit = 2.0 * tau / (tau * tau + w * w);
        let at_rest = |share: f64| {
            let task = task(Policy::uniform(star.shape()), beside(&star, 1e-3), tau);
            kl(&star, &last("omd", json!({"step_size": share * limit}), &task, &game, 20_000))
        };
        assert!(at_rest(0.95) < 1e-26, "{:e}", at_rest(0.95));
        let cycle = at_rest(1.05);
        assert!(cycle > 0.3 * printed && cycle < 3.0 * printed, "{cycle:e}, printed {printed:e}");
        // and the stability rule takes half of it
        let mut known = task(Policy::uniform(star.shape()), star.clone(), tau);
        known.spectral_radius = Some(w);
        let entry = SOLVERS.iter().find(|e| e.name == "omd").unwrap();
        let eta =
            entry.build(&json!({"step_size": "stability"}), &known).unwrap().parameters["step_size"].clone();
        approx::assert_relative_eq!(eta.as_f64().unwrap(), 0.5 * limit, max_relative = 1e-9);
    }
}

/// T25: mirror descent is stable below eta = 2 tau / (tau^2 + w^2) and not above; OMWU is marginal at eta w = 1 /
/// sqrt 3.
#[test]
fn optimism_is_marginal_at_eta_w_equal_to_one_over_root_three() {
    // rock-paper-scissors, w = m / sqrt 3: at m = 1/2 the limit is eta = 2
    let rps = game(3, |i, j| if j == i + 1 { 0.5 } else { -0.5 });
    let star = Policy::uniform(rps.shape());
    let factor = |eta: f64| {
        let solver = build("omwu", json!({"step_size": eta}), &original(beside(&star, 1e-3)));
        let mut distances = Vec::new();
        run(solver, &rps, 120, |s| distances.push(kl(&star, s.policy())));
        distances[119] / distances[19] // 100 steps, squared distance
    };
    assert!(factor(1.9) < 1e-4, "{}", factor(1.9));
    assert!(factor(2.1) > 1e3, "{}", factor(2.1));
    assert!((factor(2.0) - 1.0).abs() < 0.01, "{}", factor(2.0));
}

// ---- parameters, costs, contexts ------------------------------------------------------------------------------------

#[test]
fn rules_resolve_and_bad_values_are_named() {
    let resolved = |name: &str, block: Value, task: &Task| {
        let entry = SOLVERS.iter().find(|e| e.name == name).unwrap();
        entry.build(&block, task).map(|b| b.parameters).map_err(|e| e.to_string())
    };
    let number = |name: &str, rule: &str, task: &Task| {
        resolved(name, json!({"step_size": rule}), task).map(|b| b["step_size"].as_f64().unwrap())
    };
    let mut task = golden_task(0.1);
    for entry in SOLVERS {
        let parameters = entry.build(&Value::Null, &task).unwrap().parameters;
        assert_eq!(entry.build(&parameters, &task).unwrap().parameters, parameters, "{}", entry.name);
    }
    // MMD's proof: eta_M = 4 tau
    for name in ["omd", "mmd"] {
        approx::assert_relative_eq!(
            number(name, "theorem", &task).unwrap(),
            0.4 / 1.04,
            max_relative = 1e-15
        );
    }
    assert_eq!(resolved("mmd", json!({"mmd_eta": 0.5}), &task).unwrap()["step_size"], json!(0.5 / 1.05));
    assert_eq!(number("omwu", "theorem", &task), Ok(std::f64::consts::FRAC_1_SQRT_2));
    assert_eq!(number("onpo", "theorem", &task), Ok(0.5));
    task.spectral_radius = Some(0.25);
    assert!(number("onpo", "stability", &task).unwrap_err().contains("original game"));
    assert!(number("ogda", "stability", &task).unwrap_err().contains("no local theory"));
    task.tau = 0.0;
    approx::assert_relative_eq!(
        number("omwu", "stability", &task).unwrap(),
        2.0 / 3f64.sqrt(),
        max_relative = 1e-9
    );
    for name in ["omd", "mmd"] {
        assert!(number(name, "theorem", &task).unwrap_err().contains("tau is 0"), "{name}");
        assert!(
            number(name, "stability", &task).unwrap_err().contains("unstable at every step size"),
            "{name}"
        );
    }
    for name in ["online-ipo-1", "online-ipo-2"] {
        let error = resolved(name, Value::Null, &task).unwrap_err();
        assert_eq!(error, format!("`tau` = 0: {name} regresses on win rates over tau: it must be above 0"));
    }
    task.tau = 0.1;
    for (name, block, expect) in [
        ("omd", json!({"step_size": 10.1}), "times tau = 0.1 must be at most 1"),
        ("mmd", json!({"mmd_eta": 0.0}), "`mmd_eta` = 0: must be a finite number above 0"),
        (
            "mmd",
            json!({"mmd_eta": 1.0, "step_size": 1.0}),
            "`mmd_eta` = 1: give this or `step_size`, not both",
        ),
        (
            "online-ipo-1",
            json!({"learning_rate": 0.8}),
            "`learning_rate` = 0.8: must be at most n / 4 = 0.75",
        ),
        (
            "online-ipo-2",
            json!({"learning_rate": -1.0}),
            "`learning_rate` = -1: must be a finite number above 0",
        ),
        ("omwu", json!({"eta": 1.0}), "unknown key `eta`"),
        ("ogda", json!({"step_size": "fast"}), "step_size"),
    ] {
        let error = resolved(name, block, &task).unwrap_err();
        assert!(error.contains(expect), "{name}: {error}");
    }
}

#[test]
fn methods_of_the_original_game_ignore_tau() {
    let (with, without) = (golden_task(0.1), original(golden_task(0.1).start));
    for name in ["omwu", "onpo", "ogda"] {
        assert_eq!(
            last(name, Value::Null, &with, &perturbed_rps(), 20),
            last(name, Value::Null, &without, &perturbed_rps(), 20),
            "{name}"
        );
    }
}

#[test]
fn two_contexts_evolve_as_two_games() {
    let mut rng = seed::stream(9, "test", &[]);
    let parts = [random_game_or_tournament(3, &mut rng), random_game_or_tournament(5, &mut rng)];
    let both = Arc::new(Game::new(parts.iter().map(|g| g.matrix(0))).unwrap());
    let draw = |rng: &mut Rng| [random_policy(3, 1.0, rng), random_policy(5, 1.0, rng)];
    let (references, starts) = (draw(&mut rng), draw(&mut rng));
    let join = |parts: &[Policy]| {
        let logits = parts.iter().flat_map(|p| p.log_probs().to_vec()).collect();
        Policy::from_logits(both.shape(), logits).unwrap()
    };
    let joint_task = task(join(&references), join(&starts), 0.1);
    for entry in SOLVERS {
        let (mut oracle, mut rng) = (GameOracle::exact(both.clone()), seed::stream(0, "test", &[]));
        let built = entry.build(&Value::Null, &joint_task).unwrap();
        let mut joint = built.solver;
        assert_eq!((joint.policy(), joint.played()), (&joint_task.start, &joint_task.start));
        for _ in 0..20 {
            joint.step(&mut oracle, &mut rng).unwrap();
        }
        for (x, part) in parts.iter().enumerate() {
            let alone = task(references[x].clone(), starts[x].clone(), 0.1);
            // rules have been replaced by what the joint game resolved
            let alone = last(entry.name, built.parameters.clone(), &alone, part, 20);
            assert_close(&joint.policy().probs_at(x).to_vec(), alone.probs_slice(), 1e-15);
        }
    }
    // contexts of different sizes take steps of different sizes: no single multiplier
    let ragged = build("online-ipo-1", Value::Null, &joint_task);
    assert_eq!(ragged.local_modulus(0.1), None);
}
