//! INPO against its explicit loss, the mirror step, and the statistics of its sampled form.

use std::sync::Arc;

use equipoise_core::{Cost, Duel, Oracle, Policy, Rng, Shape, Solver, Task, local, seed};
use equipoise_env::{Game, GameOracle, PreferenceMatrix};
use equipoise_solver_regression::inpo::ENTRY;
use equipoise_testing::{
    bernoulli_oracle, last_iterate, perturbed_rps, policy, random_game, random_policy, task,
};
use ndarray::Array1;
use serde_json::{Value, json};

fn random_task(n: usize, tau: f64, rng: &mut Rng) -> Task {
    task(random_policy(n, 1.5, rng), random_policy(n, 1.5, rng), tau)
}

fn build(parameters: Value, task: &Task) -> Box<dyn Solver> {
    ENTRY.build(&parameters, task).expect("valid parameters").solver
}

/// The policy after one exact step of the solver.
fn one_step(parameters: Value, task: &Task, game: &Arc<Game>) -> Policy {
    last_iterate(build(parameters, task), game, 1)
}

/// `a - mean a`.
fn centred(a: &[f64]) -> Vec<f64> {
    let mean = a.iter().sum::<f64>() / a.len() as f64;
    a.iter().map(|x| x - mean).collect()
}

fn distance(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).fold(0.0, |m, (x, y)| m.max((x - y).abs()))
}

/// `u = log pi - (tau / eta_I) log mu - (1 - tau / eta_I) log pi_t`.
fn log_change(pi: &Policy, task: &Task, eta_i: f64) -> Vec<f64> {
    let pull = task.tau / eta_i;
    (pi.log_probs() - &(task.reference.log_probs() * pull) - &(task.start.log_probs() * (1.0 - pull)))
        .to_vec()
}

/// The paper's population loss at `softmax(theta)`, term by term: pairs from pi_t, winner first with its probability.
fn population_loss(theta: &[f64], task: &Task, game: &Game, eta_i: f64) -> f64 {
    let n = theta.len();
    let pi = Policy::from_logits(task.shape(), theta.to_vec().into()).expect("finite logits");
    let u = log_change(&pi, task, eta_i);
    let (p, target) = (task.start.probs(), 1.0 / (2.0 * eta_i));
    let mut loss = 0.0;
    for i in 0..n {
        for j in 0..n {
            let (win, h) = (game.prob(0, i, j), u[i] - u[j]);
            loss += p[i] * p[j] * (win * (h - target).powi(2) + (1.0 - win) * (-h - target).powi(2));
        }
    }
    loss
}

/// Central differences of `f` at `x`.
fn gradient(f: impl Fn(&[f64]) -> f64, x: &[f64]) -> Vec<f64> {
    let step = 1e-5;
    (0..x.len())
        .map(|k| {
            let mut y = x.to_vec();
            y[k] = x[k] + step;
            let up = f(&y);
            y[k] = x[k] - step;
            (up - f(&y)) / (2.0 * step)
        })
        .collect()
}

/// Gaussian elimination with partial pivoting.
fn solve(mut a: Vec<Vec<f64>>, mut b: Vec<f64>) -> Vec<f64> {
    let n = b.len();
    for k in 0..n {
        let pivot = (k..n).max_by(|&i, &j| a[i][k].abs().total_cmp(&a[j][k].abs())).expect("not empty");
        a.swap(k, pivot);
        b.swap(k, pivot);
        for i in k + 1..n {
            let factor = a[i][k] / a[k][k];
            for j in k..n {
                a[i][j] -= factor * a[k][j];
            }
            b[i] -= factor * b[k];
        }
    }
    for k in (0..n).rev() {
        b[k] = (b[k] - (k + 1..n).map(|j| a[k][j] * b[j]).sum::<f64>()) / a[k][k];
    }
    b
}

/// Minimiser over u of `sum_ij w_ij (u_i - u_j - m_ij)^2` with mean 0, by its normal equations.
fn weighted_least_squares(
    n: usize,
    w: impl Fn(usize, usize) -> f64,
    m: impl Fn(usize, usize) -> f64,
) -> Vec<f64> {
    let (mut a, mut b) = (vec![vec![1.0; n]; n], vec![0.0; n]); // the ones fix the mean
    for i in 0..n {
        for j in 0..n {
            let weight = w(i, j);
            a[i][i] += weight;
            a[j][j] += weight;
            a[i][j] -= weight;
            a[j][i] -= weight;
            b[i] += weight * m(i, j);
            b[j] -= weight * m(i, j);
        }
    }
    centred(&solve(a, b))
}

// ---- population -----------------------------------------------------------------------------------------------------

/// T7: the minimiser of INPO's population loss is the mirror-descent step.
#[test]
fn the_step_minimises_the_population_loss() {
    let mut rng = seed::stream(1, "test", &[]);
    for n in 2..9 {
        let (game, task, eta_i) = (random_game(n, &mut rng), random_task(n, 0.3, &mut rng), 1.7);
        let got = one_step(json!({"inpo_eta": eta_i}), &task, &game);
        let p = task.start.probs();
        let expect = weighted_least_squares(n, |i, j| p[i] * p[j], |i, j| (game.prob(0, i, j) - 0.5) / eta_i);
        assert!(distance(&centred(&log_change(&got, &task, eta_i)), &expect) < 1e-10);
        // and it is stationary for the loss as printed, by finite differences (truncation 1e-10, rounding 1e-11)
        let slope = gradient(|t| population_loss(t, &task, &game, eta_i), got.log_probs_slice());
        assert!(distance(&slope, &vec![0.0; n]) < 1e-8, "{slope:?}");
    }
}

#[test]
fn the_logit_gradient_of_the_loss_is_as_derived() {
    let mut rng = seed::stream(2, "test", &[]);
    for n in 2..7 {
        let (game, task, eta_i) = (random_game(n, &mut rng), random_task(n, 0.2, &mut rng), 0.9);
        let pi = random_policy(n, 1.5, &mut rng);
        let (u, p, mut q) = (log_change(&pi, &task, eta_i), task.start.probs(), Array1::zeros(n));
        game.margins(&task.start, &mut q);
        let mean: f64 = (0..n).map(|k| p[k] * u[k]).sum();
        let derived: Vec<f64> = (0..n).map(|k| 4.0 * p[k] * (u[k] - mean - q[k] / eta_i)).collect();
        let measured = gradient(|t| population_loss(t, &task, &game, eta_i), pi.log_probs_slice());
        assert!(distance(&derived, &measured) < 1e-8, "{derived:?} {measured:?}");
    }
}

/// T8: INPO's step is mirror descent and MMD with the step mapped.
#[test]
fn the_step_is_mirror_descent_and_mmd() {
    let mut rng = seed::stream(3, "test", &[]);
    for n in 2..9 {
        let (tau, eta_m) = (0.4, 0.8);
        let (game, task) = (random_game(n, &mut rng), random_task(n, tau, &mut rng));
        let eta = eta_m / (1.0 + eta_m * tau);
        let mut q = Array1::zeros(n);
        game.margins(&task.start, &mut q);
        let (theta, mu) = (task.start.log_probs(), task.reference.log_probs());
        let omd = theta * (1.0 - eta * tau) + mu * (eta * tau) + &q * eta;
        let mmd = (theta + &(mu * (eta_m * tau)) + &q * eta_m) / (1.0 + eta_m * tau);
        let got = centred(one_step(json!({"inpo_eta": 1.0 / eta}), &task, &game).log_probs_slice());
        assert!(distance(&got, &centred(omd.as_slice().unwrap())) < 1e-13);
        assert!(distance(&got, &centred(mmd.as_slice().unwrap())) < 1e-13);
        assert_eq!(
            one_step(json!({"inpo_eta": 4.0}), &task, &game),
            one_step(json!({"step_size": 0.25}), &task, &game)
        );
    }
}

#[test]
fn golden_numbers_after_ten_steps() {
    let task = task(policy(&[0.2, 0.3, 0.5]), policy(&[0.5, 0.3, 0.2]), 0.1);
    let mut solver = build(json!({"inpo_eta": 2.0}), &task);
    let (mut oracle, mut rng) = (GameOracle::exact(perturbed_rps()), seed::stream(0, "test", &[]));
    for _ in 0..10 {
        solver.step(&mut oracle, &mut rng).unwrap();
    }
    let expect = [0.477229096208, 0.301360899157, 0.221410004635]; // printed to twelve decimals
    assert!(distance(solver.policy().probs_slice(), &expect) < 5e-13);
    assert_eq!(solver.local_modulus(0.2), Some(local::mirror_descent(0.5, 0.1, 0.2)));
    assert_eq!(oracle.cost(), Cost { queries: 10, duels: 0 });
}

// ---- sampled --------------------------------------------------------------------------------------------------------

/// Passes questions on and keeps them with their answers.
struct Recorder {
    inner: GameOracle,
    seen: Vec<(Duel, f64)>,
}

impl Oracle for Recorder {
    fn shape(&self) -> &Shape {
        self.inner.shape()
    }
    fn win_rates(&mut self, opponent: &Policy, out: &mut Array1<f64>) {
        self.inner.win_rates(opponent, out);
    }
    fn duels(&mut self, pairs: &[Duel], out: &mut [f64]) {
        self.inner.duels(pairs, out);
        self.seen.extend(pairs.iter().copied().zip(out.iter().copied()));
    }
    fn cost(&self) -> Cost {
        self.inner.cost()
    }
}

/// The paper's empirical loss at `softmax(theta)`: winner first.
fn empirical_loss(theta: &[f64], seen: &[(Duel, f64)], task: &Task, eta_i: f64) -> f64 {
    let pi = Policy::from_logits(task.shape(), theta.to_vec().into()).expect("finite logits");
    let u = log_change(&pi, task, eta_i);
    let term = |&(duel, label): &(Duel, f64)| {
        let (w, l) = if label == 1.0 { (duel.left, duel.right) } else { (duel.right, duel.left) };
        (u[w] - u[l] - 1.0 / (2.0 * eta_i)).powi(2)
    };
    seen.iter().map(term).sum::<f64>() / seen.len() as f64
}

#[test]
fn the_sampled_step_minimises_the_empirical_loss() {
    let mut rng = seed::stream(4, "test", &[]);
    for (n, duels) in [(3, 1), (4, 3), (5, 8), (5, 200), (20, 25), (20, 400)] {
        let (game, task, eta_i) = (random_game(n, &mut rng), random_task(n, 0.3, &mut rng), 1.7);
        let mut solver =
            build(json!({"inpo_eta": eta_i, "regression": "sampled", "duels_per_step": duels}), &task);
        let inner = bernoulli_oracle(&game, seed::stream(4, "oracle", &[]));
        let mut oracle = Recorder { inner, seen: Vec::new() };
        solver.step(&mut oracle, &mut rng).unwrap();
        let slope =
            gradient(|t| empirical_loss(t, &oracle.seen, &task, eta_i), solver.policy().log_probs_slice());
        assert!(distance(&slope, &vec![0.0; n]) < 1e-8, "{n} {duels}: {slope:?}");
        // actions that no duel met keep the anchor: their log-changes are equal
        let met =
            |k: usize| oracle.seen.iter().any(|(d, _)| d.left != d.right && (d.left == k || d.right == k));
        let u = log_change(solver.policy(), &task, eta_i);
        let unmet: Vec<f64> = (0..n).filter(|&k| !met(k)).map(|k| u[k]).collect();
        assert!(unmet.iter().all(|x| (x - unmet[0]).abs() < 1e-12), "{unmet:?}");
    }
}

#[test]
fn the_sampled_gradient_is_unbiased_and_its_minimiser_consistent() {
    let (game, eta_i, n) = (perturbed_rps(), 2.0, 3);
    let task = task(policy(&[0.2, 0.3, 0.5]), policy(&[0.5, 0.3, 0.2]), 0.1);
    let exact = centred(&log_change(&one_step(json!({"inpo_eta": eta_i}), &task, &game), &task, eta_i));
    let point = [0.4, -0.3, 0.1];
    let population = gradient(|t| population_loss(t, &task, &game, eta_i), &point);
    for (duels, rounds) in [(16, 8000), (1024, 1000)] {
        let parameters = json!({"inpo_eta": eta_i, "regression": "sampled", "duels_per_step": duels});
        let mut samples = vec![Vec::new(); 2 * n];
        for round in 0..rounds {
            let name = round.to_string();
            let inner = bernoulli_oracle(&game, seed::stream(5, "oracle", &[&name]));
            let mut oracle = Recorder { inner, seen: Vec::new() };
            let mut solver = build(parameters.clone(), &task);
            solver.step(&mut oracle, &mut seed::stream(5, "solver", &[&name])).unwrap();
            let slope = gradient(|t| empirical_loss(t, &oracle.seen, &task, eta_i), &point);
            let step = centred(&log_change(solver.policy(), &task, eta_i));
            slope.iter().chain(&step).zip(&mut samples).for_each(|(&x, s)| s.push(x));
        }
        for (k, s) in samples.iter().enumerate() {
            let mean = s.iter().sum::<f64>() / s.len() as f64;
            let variance = s.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / s.len() as f64;
            let error = 5.0 * (variance / s.len() as f64).sqrt();
            // the minimiser of a random graph's loss weighs a cyclic game by that graph: a bias of order eta / duels
            let (expect, bias) =
                if k < n { (population[k], 0.0) } else { (exact[k - n], 1.0 / (eta_i * f64::from(duels))) };
            assert!(
                (mean - expect).abs() < error + bias,
                "{duels} duels, entry {k}: {mean} {expect} {error}"
            );
        }
    }
}

#[test]
fn many_duels_approach_the_regularised_equilibrium() {
    // printed equilibrium of the golden task; 4000 duels a step leave noise of about eta / sqrt(4000 * 2 eta tau) in logits
    let task = task(policy(&[0.2, 0.3, 0.5]), policy(&[0.5, 0.3, 0.2]), 0.1);
    let parameters = json!({"inpo_eta": 5.0, "regression": "sampled", "duels_per_step": 4000});
    let mut solver = build(parameters, &task);
    let (mut oracle, mut rng) =
        (bernoulli_oracle(&perturbed_rps(), seed::stream(6, "oracle", &[])), seed::stream(6, "solver", &[]));
    for _ in 0..400 {
        solver.step(&mut oracle, &mut rng).unwrap();
    }
    let star = [0.492000563581, 0.282978935824, 0.225020500594];
    assert!(distance(solver.policy().probs_slice(), &star) < 0.05, "{}", solver.policy().probs());
    assert_eq!(oracle.cost(), Cost { queries: 0, duels: 400 * 4000 });
}

// ---- best-worst selection -------------------------------------------------------------------------------------------

/// Distribution of (best, worst) of `2^rounds` drawn answers, by recursion over two independent halves of the bracket.
fn best_worst_law(p: &[f64], win: &dyn Fn(usize, usize) -> f64, rounds: u32) -> Vec<Vec<f64>> {
    let n = p.len();
    if rounds == 1 {
        // a first-round match: (winner, loser)
        return (0..n).map(|w| (0..n).map(|l| 2.0 * p[w] * p[l] * win(w, l)).collect()).collect();
    }
    let half = best_worst_law(p, win, rounds - 1);
    let mut law = vec![vec![0.0; n]; n];
    for (b1, w1, b2, w2) in quadruples(n) {
        let both = half[b1][w1] * half[b2][w2];
        for (best, p_best) in [(b1, win(b1, b2)), (b2, win(b2, b1))] {
            for (worst, p_worst) in [(w1, win(w2, w1)), (w2, win(w1, w2))] {
                law[best][worst] += both * p_best * p_worst;
            }
        }
    }
    law
}

fn quadruples(n: usize) -> impl Iterator<Item = (usize, usize, usize, usize)> {
    (0..n.pow(4)).map(move |k| (k % n, k / n % n, k / n.pow(2) % n, k / n.pow(3)))
}

#[test]
fn best_of_eight_against_worst_of_eight_steps_too_far() {
    let (game, start) = (perturbed_rps(), policy(&[0.5, 0.3, 0.2]));
    let win = |i: usize, j: usize| game.prob(0, i, j);
    let law = best_worst_law(start.probs_slice(), &win, 3);
    approx::assert_abs_diff_eq!(law.iter().flatten().sum::<f64>(), 1.0, epsilon = 1e-14);
    // regressed are the pairs whose best wins the final, always with the label 1
    let selected = weighted_least_squares(3, |i, j| law[i][j] * win(i, j), |_, _| 0.5);
    let mut margins = Array1::zeros(3);
    game.margins(&start, &mut margins);
    let fair = centred(margins.as_slice().unwrap());
    assert!(distance(&fair, &[0.07222, 0.00556, -0.07778]) < 1e-5);
    assert!(distance(&selected, &[0.16777, 0.01623, -0.18400]) < 1e-5);
    // nearly the same direction, 2.35 times too long
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f64>();
    let (length, fair_length) = (dot(&selected, &selected).sqrt(), dot(&fair, &fair).sqrt());
    approx::assert_abs_diff_eq!(length / fair_length, 2.348, epsilon = 5e-4);
    assert!(dot(&selected, &fair) / (length * fair_length) > 0.998);

    // the solver's own tournament, 2e5 of them in one step, eta = 1, tau = 0
    let task = task(start.clone(), start, 0.0);
    let parameters = json!({"inpo_eta": 1.0, "regression": "sampled", "selection": "best-worst",
        "duels_per_step": 11 * 200_000});
    for exact in [true, false] {
        let rng = seed::stream(7, "oracle", &[]);
        let mut oracle = if exact { GameOracle::exact(game.clone()) } else { bernoulli_oracle(&game, rng) };
        let mut solver = build(parameters.clone(), &task);
        solver.step(&mut oracle, &mut seed::stream(7, "solver", &[])).unwrap();
        let step = centred((solver.policy().log_probs() - task.start.log_probs()).as_slice().unwrap());
        // standard error of a fitted difference is about 0.5 / sqrt(pairs kept of that kind) < 0.003
        assert!(distance(&step, &selected) < 0.01, "{step:?} {selected:?}");
        assert_eq!(oracle.cost(), Cost { queries: 0, duels: 11 * 200_000 });
        assert!(solver.notes()[0].contains("best-worst"));
    }
}

// ---- ledger and parameters ------------------------------------------------------------------------------------------

#[test]
fn declared_cost_is_measured_cost() {
    let mut rng = seed::stream(8, "test", &[]);
    let one = PreferenceMatrix::from_margins(1, |_, _| 0.0).unwrap();
    let game =
        Arc::new(Game::new([random_game(4, &mut rng).matrix(0), one, perturbed_rps().matrix(0)]).unwrap());
    let uniform = Policy::uniform(game.shape());
    let task = task(uniform.clone(), uniform, 0.1);
    for (parameters, expect) in [
        (json!({}), Cost { queries: 1, duels: 0 }),
        (json!({"regression": "sampled", "duels_per_step": 7}), Cost { queries: 0, duels: 14 }),
        (
            json!({"regression": "sampled", "selection": "best-worst", "duels_per_step": 20, "candidates": 6}),
            Cost { queries: 0, duels: 2 * 2 * 8 },
        ),
        (
            json!({"regression": "sampled", "selection": "best-worst", "duels_per_step": 2, "candidates": 2}),
            Cost { queries: 0, duels: 4 },
        ),
    ] {
        let (mut solver, mut oracle) =
            (build(parameters, &task), bernoulli_oracle(&game, seed::stream(8, "oracle", &[])));
        assert_eq!(solver.step_cost(), expect);
        let before = oracle.cost().duels;
        for _ in 0..3 {
            solver.step(&mut oracle, &mut rng).unwrap();
        }
        if expect.duels > 0 {
            assert_eq!(oracle.cost().duels - before, 3 * expect.duels);
        }
        assert_eq!(oracle.cost().queries, 3 * expect.queries);
        assert_eq!(solver.policy().probs_at(1)[0], 1.0);
    }
}

#[test]
fn parameters_have_one_spelling_of_truth() {
    let mut task = task(policy(&[0.5, 0.5]), policy(&[0.25, 0.75]), 0.5);
    let resolve = |block: Value, task: &Task| {
        ENTRY.build(&block, task).map(|b| b.parameters).map_err(|e| e.to_string())
    };
    let parameters = resolve(json!({"inpo_eta": 4.0}), &task).unwrap();
    assert_eq!((&parameters["step_size"], &parameters["inpo_eta"]), (&json!(0.25), &Value::Null));
    assert_eq!(resolve(parameters.clone(), &task).unwrap(), parameters);
    let refused = |block, words: &str| {
        let error = resolve(block, &task).unwrap_err();
        assert!(error.contains(words), "{error}");
    };
    refused(json!({"inpo_eta": 4.0, "step_size": 0.25}), "not both");
    refused(json!({"inpo_eta": 0.0}), "above 0");
    refused(json!({"inpo_eta": 0.1}), "tau = 0.5");
    refused(json!({"duels_per_step": 0}), "at least 1");
    refused(json!({"candidates": 3}), "even number");
    refused(json!({"selection": "best-worst"}), "regression: sampled");
    refused(json!({"selection": "best-worst", "regression": "sampled", "duels_per_step": 10}), "11 duels");
    refused(json!({"selektion": "all-pairs"}), "did you mean `selection`");
    assert_eq!(resolve(json!({"step_size": "theorem"}), &task).unwrap()["step_size"], json!(1.0));
    task.tau = 0.0;
    assert!(resolve(json!({"step_size": "theorem"}), &task).unwrap_err().contains("number of steps"));
    task.horizon = Some(100);
    let eta = resolve(json!({"step_size": "theorem"}), &task).unwrap()["step_size"].as_f64().unwrap();
    approx::assert_relative_eq!(eta, (4f64.ln() / 100.0).sqrt(), max_relative = 1e-14);
}
