//! The self-play family against golden numbers, closed forms, exact identities and its theorems.

use std::sync::Arc;

use equipoise_core::logistic::logistic;
use equipoise_core::{Cost, Duel, Oracle, Policy, Rng, Shape, Solver, Task, sample, seed, simplex};
use equipoise_env::{Game, GameOracle};
use equipoise_solver_self_play::SOLVERS;
use equipoise_testing as testing;
use equipoise_testing::{
    assert_close, cycle, game, gap, gap_tau, golden_task, kl, last_iterate, margins, perturbed_rps, policy,
    random_game_or_tournament, random_policy, run, task,
};
use ndarray::Array1;
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

fn radius(pi: &Policy) -> f64 {
    pi.log_probs().iter().fold(0.0, |d: f64, l| d.max(-l))
}

/// Half a unit in the last of twelve printed decimals.
const PRINTED: f64 = 5e-13;

// ---- golden numbers -------------------------------------------------------------------------------------------------

#[test]
fn golden_numbers_after_ten_steps() {
    let (task, game) = (golden_task(0.1), perturbed_rps());
    let mut sum = Array1::<f64>::zeros(3);
    let walked =
        run(build("mwu", json!({"step_size": 0.5}), &task), &game, 10, |s| sum += s.played().probs());
    let pi = walked.policy();
    assert_close(pi.probs_slice(), &[0.573470153602, 0.317951300953, 0.108578545445], PRINTED);
    assert_close(&(sum / 10.0).to_vec(), &[0.543250163838, 0.300352915102, 0.156396921059], PRINTED);
    assert!((gap(&game, pi) - 0.0825781724).abs() < 5e-11);
    let pi = last("nash-md", json!({"step_size": 0.5}), &task, &game, 10);
    assert_close(pi.probs_slice(), &[0.488125247178, 0.288778182321, 0.223096570501], PRINTED);
    assert!((gap_tau(&game, &pi, &task) - 0.0000877897).abs() < 5e-11);
}

// ---- one step, many names -------------------------------------------------------------------------------------------

/// T6: SPPO with the exact log-partition, DNO, SPO and multiplicative weights make the same step.
#[test]
fn spo_dno_and_exact_sppo_are_multiplicative_weights() {
    let mut rng = seed::stream(1, "test", &[]);
    for n in 2..9 {
        let (game, task) =
            (random_game_or_tournament(n, &mut rng), original(random_policy(n, 2.0, &mut rng)));
        let mwu = last("mwu", json!({"step_size": 0.5}), &task, &game, 60);
        for (name, parameters) in [
            ("spo", json!({"step_size": 0.5})),
            ("dno", json!({"dno_eta": 2.0})),
            ("sppo", json!({"step_size": 0.5, "log_partition": "exact"})),
        ] {
            assert_eq!(last(name, parameters, &task, &game, 60), mwu, "{name}");
        }
        // without regularisation Nash-MD too; it normalises its mixture, which rounds once more a step
        let nash_md = last("nash-md", json!({"step_size": 0.5}), &task, &game, 60);
        assert_close(nash_md.log_probs_slice(), mwu.log_probs_slice(), 1e-12);
    }
}

#[test]
fn the_dno_regression_is_stationary_at_its_step() {
    // g_k = eta_D sum_j (W_kj + W_jk) [sigma(eta_D (u_k - u_j)) - logistic(q_k - q_j)], u = log pi/pi_t, for any W
    let (mut rng, eta_d, n) = (seed::stream(2, "test", &[]), 0.7, 6);
    for _ in 0..20 {
        let (game, task) =
            (random_game_or_tournament(n, &mut rng), original(random_policy(n, 2.0, &mut rng)));
        let q = margins(&game, &task.start);
        let weights = Vec::from_iter((0..n * n).map(|_| sample::uniform(&mut rng)));
        let gradient = |pi: &Policy, k: usize| {
            let u = pi.log_probs() - task.start.log_probs();
            let term = |j: usize| {
                let pair = weights[n * k + j] + weights[n * j + k];
                pair * (logistic(eta_d * (u[k] - u[j])) - logistic(q[k] - q[j]))
            };
            eta_d * (0..n).map(term).sum::<f64>()
        };
        let next = last("dno", json!({"dno_eta": eta_d}), &task, &game, 1);
        assert!((0..n).all(|k| gradient(&next, k).abs() < 1e-14));
        assert!((0..n).any(|k| gradient(&task.start, k).abs() > 1e-3), "the test can fail");
    }
}

#[test]
fn sppo_minimises_its_published_loss_and_undershoots() {
    let mut rng = seed::stream(3, "test", &[]);
    for eta in [0.1, 3.0, 1000.0] {
        for n in 2..7 {
            let (game, start) = (random_game_or_tournament(n, &mut rng), random_policy(n, 2.0, &mut rng));
            let task = original(start.clone());
            let q = margins(&game, &start);
            // the logit gradient of E_{pi_t} e^2 at pi, e = log pi/pi_t - eta (q - 1/2)
            let gradient = |pi: &Policy| {
                let e = pi.log_probs() - start.log_probs() - &q * eta;
                let total = start.probs().dot(&e);
                2.0 * (start.probs() * &e) - 2.0 * total * pi.probs()
            };
            let constant = last("sppo", json!({"step_size": eta}), &task, &game, 1);
            let exact = last("sppo", json!({"step_size": eta, "log_partition": "exact"}), &task, &game, 1);
            // rounding of e, of the size of eta
            assert!(
                gradient(&constant).iter().all(|g| g.abs() < 1e-14 * (1.0 + eta)),
                "{}",
                gradient(&constant)
            );
            // at the exact step e is the same for all actions, eta/2 - log Z in the paper's terms
            let log_z = simplex::log_sum_exp((0..n).map(|i| start.log_probs()[i] + eta * q[i]));
            let expect = -2.0 * log_z * (start.probs() - exact.probs());
            assert_close(&gradient(&exact).to_vec(), &expect.to_vec(), 1e-12 * (1.0 + eta));
            assert!(kl(&start, &constant) < kl(&start, &exact), "the published loss steps shorter");
        }
    }
    // the value printed for the golden game at eta = 3
    let task = golden_task(0.1);
    let exact = last("mwu", json!({"step_size": 3.0}), &task, &perturbed_rps(), 1);
    let e = exact.log_probs() - task.start.log_probs() - margins(&perturbed_rps(), &task.start) * 3.0;
    let largest = (0..3).map(|k| 2.0 * e[k] * (task.start.probs()[k] - exact.probs()[k])).fold(0.0, f64::max);
    assert!(largest > 1e-3, "{largest}");
}

/// Answers with fixed numbers, whatever is asked.
struct Fixed(Shape, Vec<f64>);

impl Oracle for Fixed {
    fn shape(&self) -> &Shape {
        &self.0
    }
    fn win_rates(&mut self, _opponent: &Policy, out: &mut Array1<f64>) {
        out.iter_mut().zip(&self.1).for_each(|(o, v)| *o = *v);
    }
    fn duels(&mut self, _pairs: &[Duel], _out: &mut [f64]) {}
    fn cost(&self) -> Cost {
        Cost::default()
    }
}

#[test]
fn sampled_win_rates_far_from_their_mean_do_not_break_sppo() {
    let task = original(policy(&[0.5, 0.3, 0.2]));
    for offset in [-5.0, 0.0, 5.0] {
        let rates = vec![0.9 + offset, 0.2 + offset, 0.4 + offset];
        let mut oracle = Fixed(task.shape().clone(), rates);
        let mut solver = build("sppo", json!({"step_size": 500.0}), &task);
        let rng = &mut seed::stream(0, "test", &[]);
        solver.step(&mut oracle, rng).unwrap();
        let base = solver.policy().clone();
        let mut oracle = Fixed(task.shape().clone(), vec![0.9, 0.2, 0.4]);
        let mut centred = build("sppo", json!({"step_size": 500.0}), &task);
        centred.step(&mut oracle, rng).unwrap();
        // a shift of all win rates changes nothing; it costs the digits of 500 * 5
        assert_close(base.probs_slice(), centred.policy().probs_slice(), 1e-11);
    }
}

// ---- exact identities of multiplicative weights ---------------------------------------------------------------------

/// T19: multiplicative weights move away from an interior equilibrium p: KL(p || pi_t+1) - KL(p || pi_t) = log
/// sum_i pi_i exp(eta (q_i - 1/2)) >= 0.
#[test]
fn the_distance_to_an_interior_equilibrium_grows_by_its_exact_increment() {
    let (x, y, z) = (0.1, 0.2, 0.4);
    let (game, star) = (cycle(x, y, z), policy(&[y / 0.7, z / 0.7, x / 0.7]));
    assert!(gap(&game, &star) < 1e-16);
    let eta = 0.5;
    let (mut before, mut pi) = (0.0, policy(&[0.3, 0.4, 0.3]));
    let (start, mut worst) = (kl(&star, &pi), 0f64);
    run(build("mwu", json!({"step_size": eta}), &original(pi.clone())), &game, 3000, |s| {
        let increment: f64 = {
            let q = margins(&game, &pi);
            (0..3).map(|i| pi.probs()[i] * (eta * q[i]).exp_m1()).sum::<f64>().ln_1p()
        };
        let (from, to) = (kl(&star, &pi), kl(&star, s.policy()));
        assert!(increment >= 0.0);
        worst = worst.max((to - from - increment).abs() / (1.0 + to));
        (before, pi) = (to, s.policy().clone());
    });
    assert!(worst < 4e-15, "{worst:e}");
    assert!(before > 5.0 * start && gap(&game, &pi) > 0.1, "spirals outward: {start} {before}");
}

/// T20: Pr(pi_t+1 beats pi_t) - 1/2 = (KL(pi_t+1 || pi_t) + KL(pi_t || pi_t+1)) / eta for multiplicative weights.
#[test]
fn every_step_beats_its_predecessor_by_the_jeffreys_divergence() {
    let mut rng = seed::stream(4, "test", &[]);
    for eta in [0.01, 1.0, 30.0] {
        let (game, start) = (random_game_or_tournament(6, &mut rng), random_policy(6, 2.0, &mut rng));
        let next = last("mwu", json!({"step_size": eta}), &original(start.clone()), &game, 1);
        let beats = next.probs().dot(&margins(&game, &start));
        let jeffreys = (kl(&next, &start) + kl(&start, &next)) / eta;
        assert!((beats - jeffreys).abs() < 1e-14 / eta.min(1.0), "{beats} {jeffreys}");
    }
}

/// T21: on an additive game (gains that depend on no opponent) every method on logits has a closed form.
#[test]
fn constant_gains_have_closed_forms() {
    // additive, one winner, two actions: differences of q do not depend on the opponent
    let (m, scores) = (0.17, [0.2, -0.05, 0.1, 0.0]);
    let cases = [
        (game(4, |i, j| scores[i] - scores[j]), scores.to_vec()),
        (game(4, |i, _| if i == 0 { m } else { 0.0 }), vec![m, 0.0, 0.0, 0.0]),
        (game(2, |_, _| m), vec![m, 0.0]),
    ];
    let (mut rng, eta, tau, steps) = (seed::stream(5, "test", &[]), 0.4, 0.2, 25);
    for (game, s) in cases {
        let (n, s) = (s.len(), Array1::from(s));
        let task = task(random_policy(n, 1.0, &mut rng), random_policy(n, 1.0, &mut rng), tau);
        let expect = |theta: Array1<f64>| Policy::from_logits(task.shape(), theta).unwrap();
        // multiplicative weights: theta_T = theta_0 + eta T s
        let weights = expect(task.start.log_probs() + &s * (eta * f64::from(steps)));
        for (name, block) in [
            ("mwu", json!({"step_size": eta})),
            ("spo", json!({"step_size": eta})),
            ("dno", json!({"dno_eta": 1.0 / eta})),
            ("sppo", json!({"step_size": eta, "log_partition": "exact"})),
        ] {
            let got = last(name, block, &task, &game, steps as usize);
            assert_close(got.log_probs_slice(), weights.log_probs_slice(), 1e-13);
        }
        // Nash-MD, whatever its mixture: theta_T = a^T theta_0 + (1 - a^T)(log mu + s / tau)
        let power = (1.0 - eta * tau).powi(steps);
        let limit = task.reference.log_probs() + &s / tau;
        let affine = expect(task.start.log_probs() * power + limit * (1.0 - power));
        for mixture in [Value::Null, json!(0.0), json!(0.3), json!(1.0)] {
            let got =
                last("nash-md", json!({"step_size": eta, "mixture": mixture}), &task, &game, steps as usize);
            assert_close(got.log_probs_slice(), affine.log_probs_slice(), 1e-13);
        }
    }
}

/// T23: self-play on a role-symmetrised game is two-player play with half the step, product form kept.
#[test]
fn a_role_symmetrised_game_is_two_player_play_with_half_the_step() {
    // A in [0, 1]: the row player x minimises x'Ay; action (i, j), margin ((A_kj - A_il)) / 2
    let a = [[0.9, 0.1, 0.4], [0.2, 0.8, 0.5]];
    let (rows, columns, eta) = (2, 3, 0.3);
    let n = rows * columns;
    let symmetric = game(n, |s, t| {
        let (i, j, k, l) = (s / columns, s % columns, t / columns, t % columns);
        (a[k][j] - a[i][l]) / 2.0
    });
    let (mut x, mut y) = (policy(&[0.7, 0.3]), policy(&[0.2, 0.5, 0.3]));
    let product = |x: &Policy, y: &Policy| {
        let logits = (0..n).map(|s| x.log_probs()[s / columns] + y.log_probs()[s % columns]).collect();
        Policy::from_logits(&Shape::single(n).unwrap(), logits).unwrap()
    };
    let start = original(product(&x, &y));
    let pi = last("mwu", json!({"step_size": eta}), &start, &symmetric, 500);
    for _ in 0..500 {
        let loss: Vec<f64> = (0..rows).map(|i| (0..columns).map(|j| a[i][j] * y.probs()[j]).sum()).collect();
        let gain: Vec<f64> = (0..columns).map(|j| (0..rows).map(|i| x.probs()[i] * a[i][j]).sum()).collect();
        x.set_logits(|t| t.iter_mut().zip(&loss).for_each(|(t, l)| *t -= 0.5 * eta * l)).unwrap();
        y.set_logits(|t| t.iter_mut().zip(&gain).for_each(|(t, g)| *t += 0.5 * eta * g)).unwrap();
    }
    // 500 steps of accumulated rounding, which the outward spiral magnifies
    assert_close(pi.log_probs_slice(), product(&x, &y).log_probs_slice(), 1e-11);
    let best = |row: bool| {
        let value = |i: usize| (0..columns).map(|j| a[i][j] * y.probs()[j]).sum::<f64>();
        let reply = |j: usize| (0..rows).map(|i| x.probs()[i] * a[i][j]).sum::<f64>();
        if row {
            (0..rows).map(value).fold(f64::MAX, f64::min)
        } else {
            (0..columns).map(reply).fold(0.0, f64::max)
        }
    };
    assert!((gap(&symmetric, &pi) - (best(false) - best(true))).abs() < 1e-12);
}

// ---- theorems -------------------------------------------------------------------------------------------------------

/// The largest ratio of the average iterate's gap to `bound(D, t)` over random games, starts and all t.
fn worst_ratio(name: &str, parameters: &Value, seed: u64, bound: impl Fn(f64, f64) -> f64) -> f64 {
    let (mut rng, mut worst) = (seed::stream(seed, "test", &[]), 0f64);
    for round in 0..60 {
        let n = 2 + sample::index(&mut rng, 7);
        // a sixth of the games have one winner and a uniform start, where these bounds are nearly met
        let (game, start) = if round % 6 == 0 {
            (
                game(n, |i, _| if i == 0 { 0.5 } else { 0.0 }),
                Policy::uniform(&Shape::single(n).expect("not empty")),
            )
        } else {
            (random_game_or_tournament(n, &mut rng), random_policy(n, 2.0, &mut rng))
        };
        let (radius, mut sum, mut t) = (radius(&start), Array1::<f64>::zeros(n), 0.0);
        run(build(name, parameters.clone(), &original(start.clone())), &game, 1000, |s| {
            (sum, t) = (&sum + s.played().probs(), t + 1.0);
            let average = Policy::from_probs(start.shape(), &sum / t).expect("a mean of policies");
            worst = worst.max(gap(&game, &average) / bound(radius, t));
        });
    }
    worst
}

#[test]
fn averages_meet_the_hedge_and_the_freund_schapire_bound() {
    for eta in [0.05, 0.3, 1.0] {
        let block = json!({"step_size": eta});
        let ratio = worst_ratio("mwu", &block, 6, |d, t| 2.0 * (d / (eta * t) + eta / 8.0));
        assert!(ratio <= 1.0 && ratio > 0.5, "Hedge at {eta}: {ratio}");
        let block = json!({"step_size": eta, "log_partition": "exact"});
        let ratio =
            worst_ratio("sppo", &block, 7, |d, t| 1.0 - (1.0 - (-eta).exp()) / eta + 2.0 * d / (eta * t));
        assert!(ratio <= 1.0 && ratio > 0.4, "SPPO at {eta}: {ratio}");
    }
}

// ---- gradients ------------------------------------------------------------------------------------------------------

#[test]
fn the_policy_gradient_is_that_of_the_regularised_objective() {
    let (mut rng, n, tau, rate) = (seed::stream(8, "test", &[]), 5, 0.3, 0.1);
    for mixture in [0.0, 0.125, 1.0] {
        let game = random_game_or_tournament(n, &mut rng);
        let task = task(random_policy(n, 1.0, &mut rng), random_policy(n, 1.0, &mut rng), tau);
        let mut solver = build("nash-md-pg", json!({"learning_rate": rate, "mixture": mixture}), &task);
        solver.step(&mut GameOracle::exact(game.clone()), &mut rng).unwrap();
        // the opponent is the mixture, held fixed
        let mixed = task.start.log_probs() * (1.0 - mixture) + task.reference.log_probs() * mixture;
        let rho = Policy::from_logits(task.shape(), mixed).unwrap();
        assert_close(solver.played().log_probs_slice(), rho.log_probs_slice(), 1e-15);
        let q = margins(&game, &rho);
        let objective = |theta: Array1<f64>| {
            let pi = Policy::from_logits(task.shape(), theta).unwrap();
            pi.probs().dot(&q) - tau * kl(&pi, &task.reference)
        };
        let h = 1e-5;
        let gradient = Array1::from_shape_fn(n, |k| {
            let nudged = |d: f64| {
                let mut theta = task.start.log_probs().clone();
                theta[k] += d;
                objective(theta)
            };
            (nudged(h) - nudged(-h)) / (2.0 * h)
        });
        let expect = Policy::from_logits(task.shape(), task.start.log_probs() + gradient * rate).unwrap();
        // central differences: h^2 and eps / h, times the rate
        assert_close(solver.policy().log_probs_slice(), expect.log_probs_slice(), 1e-10);
    }
}

// ---- fictitious play ------------------------------------------------------------------------------------------------

#[test]
fn fictitious_play_by_hand_and_its_rate_on_rock_paper_scissors() {
    let (rps, point) = (cycle(0.5, 0.5, 0.5), policy(&[1.0, 0.0, 0.0]));
    // 0 beats 1 beats 2 beats 0. Against 0 the reply is 2; against (1, 0, 1)/2 the margins are (-1, 0, 1)/4: 2 again;
    // against (1, 0, 2)/3 they are (-2, 1, 1)/6: a tie, the lower index 1
    let (mut plays, mut averages) = (Vec::new(), Vec::new());
    run(build("fictitious-play", Value::Null, &original(point.clone())), &rps, 3, |s| {
        plays.push(s.played().probs().iter().position(|&p| p == 1.0).unwrap());
        averages.push(s.policy().probs().to_vec());
    });
    assert_eq!(plays, [0, 2, 2]); // where feedback was taken; the reply 1 comes next
    assert_eq!(averages, [vec![0.5, 0.0, 0.5], vec![1.0 / 3.0, 0.0, 2.0 / 3.0], vec![0.25, 0.25, 0.5]]);
    // gap sqrt T tends to 0.471, printed with three digits; it oscillates, so take the top over the last tenth
    let (mut t, mut top) = (0.0f64, 0.0f64);
    run(build("fictitious-play", Value::Null, &original(point)), &rps, 200_000, |s| {
        t += 1.0;
        if t > 180_000.0 {
            top = top.max(gap(&rps, s.policy()) * t.sqrt());
        }
    });
    assert!((top - 0.471).abs() < 0.005, "{top}");
}

// ---- parameters, costs, contexts ------------------------------------------------------------------------------------

#[test]
fn rules_resolve_and_bad_values_are_named() {
    let resolved = |name: &str, block: Value, task: &Task| {
        let entry = SOLVERS.iter().find(|e| e.name == name).unwrap();
        entry.build(&block, task).map(|b| b.parameters).map_err(|e| e.to_string())
    };
    let number = |value: Value| value["step_size"].as_f64().unwrap();
    let mut task = task(policy(&[0.25; 4]), policy(&[0.25; 4]), 0.1);
    let theorem = json!({"step_size": "theorem"});
    for name in ["mwu", "sppo", "spo", "dno", "nash-md"] {
        let error = resolved(name, theorem.clone(), &task).unwrap_err();
        assert!(error.contains("set limits.steps"), "{name}: {error}");
    }
    task.horizon = Some(10_000);
    let d = 4f64.ln();
    for name in ["mwu", "spo", "dno"] {
        approx::assert_relative_eq!(
            number(resolved(name, theorem.clone(), &task).unwrap()),
            (8.0 * d / 1e4).sqrt()
        );
    }
    approx::assert_relative_eq!(number(resolved("sppo", theorem.clone(), &task).unwrap()), d / 100.0);
    let eta = number(resolved("nash-md", theorem.clone(), &task).unwrap());
    approx::assert_relative_eq!(eta, (d * 0.01 * 1e4 / 2.0).ln() / (0.1 * 1e4), max_relative = 1e-12);
    // the resolved block is a valid block that resolves to itself
    for entry in SOLVERS {
        let parameters = entry.build(&Value::Null, &task).unwrap().parameters;
        assert_eq!(entry.build(&parameters, &task).unwrap().parameters, parameters, "{}", entry.name);
    }
    task.spectral_radius = Some(0.2);
    let error = resolved("mwu", json!({"step_size": "stability"}), &task).unwrap_err();
    assert!(error.contains("unstable at every step size"), "{error}");
    // Nash-MD's limit is where (1 - eta tau)^2 (1 + eta^2 w^2) = 1 for the largest w that any fixed point can have, half of |K|;
    // there is none below eta tau = 1 if w < 2 tau or so. The spectrum at the equilibrium of tau says nothing there.
    task.operator_norm = Some(0.4);
    let capped = number(resolved("nash-md", json!({"step_size": "stability"}), &task).unwrap());
    assert_eq!(capped, 5.0);
    task.operator_norm = Some(2.0);
    let eta = 2.0 * number(resolved("nash-md", json!({"step_size": "stability"}), &task).unwrap());
    approx::assert_relative_eq!((1.0 - 0.1 * eta) * 1f64.hypot(eta), 1.0, max_relative = 1e-9);
    // without a mixture it ends at that equilibrium, whose spectrum decides
    task.spectral_radius = Some(1.0);
    let block = json!({"step_size": "stability", "mixture": 0.0});
    let eta = 2.0 * number(resolved("nash-md", block, &task).unwrap());
    approx::assert_relative_eq!((1.0 - 0.1 * eta).hypot(eta), 1.0, max_relative = 1e-9);
    for (name, block, expect) in [
        ("mwu", json!({"step_size": 0.0}), "`step_size` = 0: must be a finite number above 0"),
        ("dno", json!({"dno_eta": -1.0}), "`dno_eta` = -1: must be a finite number above 0"),
        (
            "dno",
            json!({"dno_eta": 1.0, "step_size": 1.0}),
            "`dno_eta` = 1: give this or `step_size`, not both",
        ),
        ("nash-md", json!({"step_size": 11.0}), "times tau = 0.1 must be at most 1"),
        ("nash-md", json!({"mixture": 1.5}), "`mixture` = 1.5: must be in [0, 1]"),
        ("nash-md-pg", json!({"learning_rate": 0.0}), "`learning_rate` = 0: must be a finite number above 0"),
        ("nash-md-pg", json!({"mixture": -0.1}), "`mixture` = -0.1: must be in [0, 1]"),
        ("sppo", json!({"log_partition": "zero"}), "log_partition"),
        ("fictitious-play", json!({"step_size": 1.0}), "unknown key `step_size`; known: none"),
    ] {
        let error = resolved(name, block, &task).unwrap_err();
        assert!(error.contains(expect), "{name}: {error}");
    }
    // the mixture defaults to what the paper takes, and is recorded
    assert_eq!(resolved("nash-md", json!({"step_size": 0.5}), &task).unwrap()["mixture"], json!(0.05));
    assert_eq!(resolved("nash-md-pg", json!({"learning_rate": 0.5}), &task).unwrap()["mixture"], json!(0.05));
    assert_eq!(resolved("nash-md-pg", json!({"learning_rate": 50.0}), &task).unwrap()["mixture"], json!(1.0));
}

#[test]
fn methods_of_the_original_game_ignore_tau() {
    let (with, without) = (golden_task(0.1), original(golden_task(0.1).start));
    for name in ["mwu", "sppo", "spo", "dno", "fictitious-play"] {
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
    let built = SOLVERS.iter().map(|entry| (entry, entry.build(&Value::Null, &joint_task).unwrap().solver));
    // methods that draw duels draw those of all contexts from one stream
    for (entry, mut joint) in built.filter(|(_, solver)| solver.step_cost().duels == 0) {
        let (mut oracle, mut rng) = (GameOracle::exact(both.clone()), seed::stream(0, "test", &[]));
        assert_eq!((joint.policy(), joint.played()), (&joint_task.start, &joint_task.start));
        for _ in 0..20 {
            joint.step(&mut oracle, &mut rng).unwrap();
        }
        for (x, part) in parts.iter().enumerate() {
            let alone = task(references[x].clone(), starts[x].clone(), 0.1);
            let alone = last(entry.name, Value::Null, &alone, part, 20);
            let joint = joint.policy().probs_at(x).to_vec();
            assert_close(&joint, alone.probs_slice(), 1e-15);
        }
    }
}
