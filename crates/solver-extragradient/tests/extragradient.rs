//! The extragradient family against golden numbers, closed forms, its theorems and its local theory.

use std::sync::Arc;

use equipoise_core::kernel::logit_step;
use equipoise_core::{Cost, Oracle, Policy, Shape, Solver, Task, local, sample, seed};
use equipoise_env::{Game, GameOracle};
use equipoise_solver_extragradient::{SOLVERS, egpo, mirror_prox, nash_mp};
use equipoise_testing as testing;
use equipoise_testing::{
    assert_close, game, gap_tau, golden_task, kl, last_iterate, margins, perturbed_rps, policy,
    random_game_or_tournament, random_policy, regular_tournament, run, task,
};
use ndarray::Array1;
use serde_json::{Value, json};

// ---- games ----------------------------------------------------------------------------------------------------------

fn build(name: &str, parameters: Value, task: &Task) -> Box<dyn Solver> {
    testing::build(SOLVERS, name, &parameters, task)
}

/// The regularised equilibrium by long extragradient, accepted only if it solves `log pi = log mu + K pi / tau + c`.
fn equilibrium(game: &Arc<Game>, task: &Task) -> Policy {
    let steps = (80.0 / (0.5 * task.tau)) as usize;
    let pi = last_iterate(build("egpo", json!({"step_size": 0.5}), task), game, steps);
    let q = margins(game, &pi);
    let residual: Vec<f64> =
        (0..q.len()).map(|i| pi.log_probs()[i] - task.reference.log_probs()[i] - q[i] / task.tau).collect();
    let spread = |f: fn(f64, f64) -> f64| residual.iter().copied().reduce(f).expect("not empty");
    // a step rounds logits of some ten nats, and the fixed point divides that by eta tau
    assert!(spread(f64::max) - spread(f64::min) < 1e-13 + 2e-14 / task.tau, "{residual:?}");
    pi
}

// ---- golden numbers and identities ----------------------------------------------------------------------------------

#[test]
fn golden_numbers_after_ten_steps() {
    // half a unit in the last of twelve printed decimals
    let task = golden_task(0.1);
    let got = run(build("egpo", json!({"step_size": 0.5}), &task), &perturbed_rps(), 10, |_| ());
    assert_close(got.policy().probs_slice(), &[0.479366830136, 0.299424679507, 0.221208490357], 5e-13);
    assert!((gap_tau(&perturbed_rps(), got.policy(), &task) - 0.0007223117).abs() < 5e-11);
    let got = run(build("mirror-prox", json!({"step_size": 0.5}), &task), &perturbed_rps(), 10, |_| ());
    assert_close(got.policy().probs_slice(), &[0.561379327364, 0.327937687699, 0.110682984938], 5e-13);
    let star = equilibrium(&perturbed_rps(), &task);
    assert_close(star.probs_slice(), &[0.492000563581, 0.282978935824, 0.225020500594], 5e-13);
}

/// T14: EGPO at tau = 0 is mirror-prox, and its half point is a mirror-descent step.
#[test]
fn without_regularisation_egpo_is_mirror_prox() {
    let mut rng = seed::stream(1, "test", &[]);
    for n in 2..8 {
        let game = random_game_or_tournament(n, &mut rng);
        let task = task(random_policy(n, 2.0, &mut rng), random_policy(n, 2.0, &mut rng), 0.0);
        let a = run(build("egpo", json!({"step_size": 0.7}), &task), &game, 50, |_| ());
        let b = run(build("mirror-prox", json!({"step_size": 0.7}), &task), &game, 50, |_| ());
        assert_eq!(a.policy(), b.policy());
        assert_eq!(a.played(), b.played());
    }
}

/// T14: EGPO at tau = 0 is mirror-prox, and its half point is a mirror-descent step.
#[test]
fn the_half_point_is_a_mirror_descent_step_and_costs_two_queries() {
    let (task, game) = (golden_task(0.1), perturbed_rps());
    let mut oracle = GameOracle::exact(game.clone());
    let mut solver = build("egpo", json!({"step_size": 0.5}), &task);
    assert_eq!((solver.policy(), solver.played()), (&task.start, &task.start));
    let mut q = Array1::zeros(3);
    oracle.win_rates(&task.start, &mut q);
    solver.step(&mut oracle, &mut seed::stream(0, "test", &[])).unwrap();
    assert_eq!(oracle.cost(), Cost { queries: 3, duels: 0 });
    assert_eq!(solver.step_cost(), Cost { queries: 2, duels: 0 });
    let mut expect = task.start.clone();
    logit_step(&mut expect, &[(0.95, &task.start), (0.05, &task.reference)], 0.5, &q).unwrap();
    assert_close(solver.played().log_probs_slice(), expect.log_probs_slice(), 1e-14);
}

/// T15: Nash-MP is EGPO with eta = eta_M / (1 + eta_M tau), eta_M = 2.
#[test]
fn nash_mp_is_egpo_with_the_mapped_step() {
    let (mut rng, eta_m) = (seed::stream(2, "test", &[]), 2.0);
    for _ in 0..20 {
        let (n, tau) = (5, 0.01 + sample::uniform(&mut rng));
        let game = random_game_or_tournament(n, &mut rng);
        let task = task(random_policy(n, 2.0, &mut rng), random_policy(n, 2.0, &mut rng), tau);
        // the paper's map in its own symbols, probabilities multiplied out
        let (mut oracle, mut q, mut pi) =
            (GameOracle::exact(game.clone()), Array1::zeros(n), task.start.clone());
        let proximal = |pi: &Policy, q: &Array1<f64>| {
            let power = 1.0 / (1.0 + eta_m * tau);
            let weight = (0..n).map(|i| {
                (pi.probs()[i] * task.reference.probs()[i].powf(eta_m * tau) * (eta_m * q[i]).exp())
                    .powf(power)
            });
            let weight: Array1<f64> = weight.collect();
            let sum = weight.sum();
            Policy::from_probs(pi.shape(), weight / sum).unwrap()
        };
        for _ in 0..30 {
            oracle.win_rates(&pi, &mut q);
            let half = proximal(&pi, &q);
            oracle.win_rates(&half, &mut q);
            pi = proximal(&pi, &q);
        }
        let default = run(build("nash-mp", Value::Null, &task), &game, 30, |_| ());
        let mapped =
            run(build("egpo", json!({"step_size": eta_m / (1.0 + eta_m * tau)}), &task), &game, 30, |_| ());
        assert_eq!(default.policy(), mapped.policy());
        let explicit = run(build("nash-mp", json!({"nash_mp_eta": eta_m}), &task), &game, 30, |_| ());
        assert_eq!(default.policy(), explicit.policy());
        assert_close(default.policy().probs_slice(), pi.probs_slice(), 1e-12);
    }
}

// ---- closed forms ---------------------------------------------------------------------------------------------------

/// T22: on two actions, or with constant gains, the logits follow an affine recursion.
#[test]
fn games_with_constant_gains_follow_the_affine_recursion() {
    // additive, one winner, two actions: q differences do not depend on the opponent, so
    // theta_T = a^T theta_0 + (1 - a^T) (log mu + s / tau), a = 1 - eta tau
    let (m, scores) = (0.17, [0.2, -0.05, 0.1, 0.0]);
    let cases = [
        (game(4, |i, j| scores[i] - scores[j]), scores.to_vec()),
        (game(4, |i, _| if i == 0 { m } else { 0.0 }), vec![m, 0.0, 0.0, 0.0]),
        (game(2, |_, _| m), vec![m, 0.0]),
    ];
    let mut rng = seed::stream(3, "test", &[]);
    for (game, s) in cases {
        let n = s.len();
        let task = task(random_policy(n, 1.0, &mut rng), random_policy(n, 1.0, &mut rng), 0.2);
        let logits = |power: f64, limit: &dyn Fn(usize) -> f64| -> Policy {
            let theta = (0..n).map(|i| power * task.start.log_probs()[i] + limit(i)).collect();
            Policy::from_logits(task.shape(), theta).unwrap()
        };
        let power = (1.0f64 - 0.4 * 0.2).powi(25);
        let expect = logits(power, &|i| (1.0 - power) * (task.reference.log_probs()[i] + s[i] / 0.2));
        let got = run(build("egpo", json!({"step_size": 0.4}), &task), &game, 25, |_| ());
        assert_close(got.policy().log_probs_slice(), expect.log_probs_slice(), 1e-13);
        let expect = logits(1.0, &|i| 0.4 * 25.0 * s[i]);
        let got = run(build("mirror-prox", json!({"step_size": 0.4}), &task), &game, 25, |_| ());
        assert_close(got.policy().log_probs_slice(), expect.log_probs_slice(), 1e-13);
    }
}

// ---- theorems -------------------------------------------------------------------------------------------------------

#[test]
fn kl_contracts_by_one_minus_eta_tau_on_random_games() {
    let mut rng = seed::stream(4, "test", &[]);
    let mut worst: f64 = 0.0;
    for _ in 0..300 {
        let n = 2 + sample::index(&mut rng, 7);
        let tau = 10f64.powf(-2.0 + 2.0 * sample::uniform(&mut rng));
        let eta = (1.0 / (2.0 * tau + 1.0)).min(0.5) * (0.02 + 0.98 * sample::uniform(&mut rng));
        let game = random_game_or_tournament(n, &mut rng);
        let task = task(random_policy(n, 2.0, &mut rng), random_policy(n, 10.0, &mut rng), tau);
        let star = equilibrium(&game, &task);
        let mut last = kl(&star, &task.start);
        run(build("egpo", json!({"step_size": eta}), &task), &game, 400, |s| {
            let now = kl(&star, s.policy());
            // below 1e-16 the rounding of pi* (relative error 1e-13 / sqrt KL) would be measured
            if last > 1e-16 {
                worst = worst.max(now / last / (1.0 - eta * tau));
            }
            last = now;
        });
    }
    assert!(worst <= 1.0 + 1e-9, "worst ratio of measured to proved contraction: {worst}");
    assert!(worst > 0.9, "the bound should be nearly met somewhere, else this test is blind: {worst}");
}

#[test]
fn nash_mp_falls_by_its_published_rate() {
    let mut rng = seed::stream(5, "test", &[]);
    for _ in 0..50 {
        let (n, tau) = (2 + sample::index(&mut rng, 7), 0.03 + 0.5 * sample::uniform(&mut rng));
        let game = random_game_or_tournament(n, &mut rng);
        let task = task(random_policy(n, 2.0, &mut rng), random_policy(n, 5.0, &mut rng), tau);
        let star = equilibrium(&game, &task);
        let (start, mut t) = (kl(&star, &task.start), 1);
        run(build("nash-mp", Value::Null, &task), &game, 200, |s| {
            let bound = start * (1.0 + 2.0 * tau).powi(-t);
            assert!(kl(&star, s.policy()) <= bound * (1.0 + 1e-9) + 1e-20, "step {t}, tau {tau}");
            t += 1;
        });
    }
}

#[test]
fn mirror_prox_average_meets_its_bound() {
    let (mut rng, mut worst) = (seed::stream(6, "test", &[]), 0f64);
    for _ in 0..200 {
        let n = 2 + sample::index(&mut rng, 7);
        let game = random_game_or_tournament(n, &mut rng);
        let task = task(Policy::uniform(&Shape::single(n).unwrap()), random_policy(n, 3.0, &mut rng), 0.0);
        let radius = task.start.log_probs().iter().fold(0f64, |d, l| d.max(-l));
        let mut solver = build("mirror-prox", Value::Null, &task); // eta = 2
        let (mut oracle, mut sum) = (GameOracle::exact(game.clone()), Array1::<f64>::zeros(n));
        for t in 1..=200 {
            solver.step(&mut oracle, &mut rng).unwrap();
            sum += solver.played().probs();
            let average = Policy::from_probs(task.shape(), &sum / f64::from(t)).unwrap();
            let gap = 2.0 * margins(&game, &average).iter().fold(0f64, |m, &q| m.max(q));
            worst = worst.max(gap / (2.0 * radius / (2.0 * f64::from(t))));
        }
    }
    assert!(worst <= 1.0 && worst > 0.3, "worst ratio of measured to proved gap: {worst}");
}

// ---- local theory ---------------------------------------------------------------------------------------------------

/// Mean factor per step of the distance to `star` over `steps` steps after a burn-in, from a small perturbation.
fn measured_modulus(
    name: &str,
    eta: f64,
    tau: f64,
    game: &Arc<Game>,
    star: &Policy,
    reference: &Policy,
) -> f64 {
    let n = star.shape().len();
    let start = (0..n).map(|i| star.log_probs()[i] + 1e-4 * ((i * i) as f64).sin()).collect();
    let start = Policy::from_logits(star.shape(), start).expect("finite logits");
    let mut distances = vec![kl(star, &start)];
    let solver = build(name, json!({"step_size": eta}), &task(reference.clone(), start, tau));
    run(solver, game, 20_000, |s| distances.push(kl(star, s.policy())));
    let from = distances.len() / 3;
    let to = distances.iter().position(|&d| d < 1e-25).unwrap_or(distances.len()) - 1;
    let from = from.min(to / 3);
    (distances[to] / distances[from]).powf(0.5 / (to - from) as f64)
}

/// T24: near pi* a method's error falls by its multiplier: |1 - eta tau + i eta w| for mirror descent, and so on.
#[test]
fn local_slopes_match_the_multipliers() {
    let uniform = |n| Policy::uniform(&Shape::single(n).unwrap());
    // perturbed RPS, original game: equilibrium (3, 3, 1) / 7, w = 1 / sqrt 28
    let (star, w) = (policy(&[3.0 / 7.0, 3.0 / 7.0, 1.0 / 7.0]), 1.0 / 28f64.sqrt());
    for eta in [0.5, 1.0, 2.0] {
        let measured = measured_modulus("mirror-prox", eta, 0.0, &perturbed_rps(), &star, &uniform(3));
        let predicted = local::extragradient(eta, 0.0, w);
        // T24: 2 % of the distance from 1, which is what a wrong w or eta would change
        assert!((measured - predicted).abs() < 0.02 * (1.0 - predicted), "{eta}: {measured} {predicted}");
    }
    // regular 9-tournament: w_k = (m / n) cot(pi k / 2n) for odd k, (m / n) tan(pi k / 2n) for even k
    let (n, m) = (9, 0.3);
    let angle = |k: usize| std::f64::consts::PI * k as f64 / (2 * n) as f64;
    let spectrum =
        (1..n).map(|k| m / n as f64 * if k % 2 == 1 { 1.0 / angle(k).tan() } else { angle(k).tan() });
    let tournament = regular_tournament(n, m);
    for (name, eta, tau) in [("egpo", 0.5, 0.05), ("egpo", 1.0, 0.1), ("mirror-prox", 2.0, 0.0)] {
        let predicted = spectrum.clone().map(|w| local::extragradient(eta, tau, w)).fold(0.0, f64::max);
        let measured = measured_modulus(name, eta, tau, &tournament, &uniform(n), &uniform(n));
        assert!(
            (measured - predicted).abs() < 0.02 * (1.0 - predicted),
            "{name} {eta} {tau}: {measured} {predicted}"
        );
    }
}

/// T30: in double precision gap_tau falls monotonically to 1e-20, and a tau of 1e-6 overflows nowhere.
#[test]
fn the_regularised_gap_falls_monotonically_to_1e_minus_20() {
    for (game, n) in [(perturbed_rps(), 3), (regular_tournament(9, 0.3), 9)] {
        let mut rng = seed::stream(7, "test", &[]);
        let task = task(Policy::uniform(&Shape::single(n).unwrap()), random_policy(n, 1.0, &mut rng), 0.1);
        let (mut last, mut steps) = (gap_tau(&game, &task.start, &task), 0);
        run(build("egpo", Value::Null, &task), &game, 2000, |s| {
            let gap = gap_tau(&game, s.policy(), &task);
            if last > 1e-20 {
                assert!(gap < last, "step {steps}: {gap:e} after {last:e}");
                (last, steps) = (gap, steps + 1);
            }
        });
        assert!(last <= 1e-20, "{last:e}");
    }
}

// ---- parameters -----------------------------------------------------------------------------------------------------

#[test]
fn rules_resolve_and_bad_values_are_named() {
    let resolved = |entry: &equipoise_core::SolverEntry, block: Value, task: &Task| {
        entry.build(&block, task).map(|b| b.parameters).map_err(|e| e.to_string())
    };
    let mut task = golden_task(2.0);
    assert_eq!(resolved(&egpo::ENTRY, Value::Null, &task).unwrap()["step_size"], json!(0.2));
    assert_eq!(resolved(&mirror_prox::ENTRY, Value::Null, &task).unwrap()["step_size"], json!(2.0));
    let parameters = resolved(&nash_mp::ENTRY, Value::Null, &task).unwrap();
    assert_eq!(parameters, json!({"step_size": 0.4, "nash_mp_eta": null}));
    assert_eq!(resolved(&nash_mp::ENTRY, parameters.clone(), &task).unwrap(), parameters);
    let error = resolved(&nash_mp::ENTRY, json!({"step_size": 0.1, "nash_mp_eta": 1.0}), &task).unwrap_err();
    assert_eq!(error, "`nash_mp_eta` = 1: give this or `step_size`, not both");
    assert!(resolved(&nash_mp::ENTRY, json!({"nash_mp_eta": -1.0}), &task).unwrap_err().contains("above 0"));
    assert!(resolved(&egpo::ENTRY, json!({"step_size": 0.6}), &task).unwrap_err().contains("tau = 2"));
    // stability: half the local limit, which at tau = 0 is eta w = 1
    (task.tau, task.spectral_radius) = (0.0, Some(0.25));
    let value =
        resolved(&egpo::ENTRY, json!({"step_size": "stability"}), &task).unwrap()["step_size"].as_f64();
    approx::assert_relative_eq!(value.unwrap(), 2.0, max_relative = 1e-9);
}

#[test]
fn contexts_do_not_touch_each_other() {
    let mut rng = seed::stream(8, "test", &[]);
    let parts = [random_game_or_tournament(3, &mut rng), random_game_or_tournament(5, &mut rng)];
    let both = Arc::new(Game::new(parts.iter().map(|g| g.matrix(0))).unwrap());
    let starts: Vec<Policy> = [3, 5].iter().map(|&n| random_policy(n, 1.0, &mut rng)).collect();
    let joined: Array1<f64> = starts.iter().flat_map(|p| p.log_probs().to_vec()).collect();
    let start = Policy::from_logits(both.shape(), joined).unwrap();
    let joint =
        run(build("egpo", Value::Null, &task(Policy::uniform(both.shape()), start, 0.1)), &both, 20, |_| ());
    for (x, part) in parts.iter().enumerate() {
        let alone = task(Policy::uniform(part.shape()), starts[x].clone(), 0.1);
        let alone = run(build("egpo", Value::Null, &alone), part, 20, |_| ());
        assert_close(&joint.policy().log_probs_at(x).to_vec(), alone.policy().log_probs_slice(), 1e-14);
    }
}
