//! Nash-MD and mirror descent are one method (exactly), and what follows: the bias of Nash-MD with a constant step.

use std::sync::Arc;

use equipoise::registry::solver;
use equipoise_core::{Policy, Solver, Task, sample, seed};
use equipoise_env::Game;
use equipoise_reference::game_equilibrium;
use equipoise_testing::{kl, perturbed_rps, random_game, random_policy};
use ndarray::Array1;
use serde_json::{Value, json};

fn task(reference: &Policy, start: &Policy, tau: f64) -> Task {
    Task::new(reference.clone()).start(start.clone()).tau(tau)
}

fn run(name: &str, block: Value, task: &Task, game: &Arc<Game>, steps: usize) -> Box<dyn Solver> {
    let method = solver(name).expect("registered").build(&block, task).expect("valid parameters");
    equipoise_testing::run(method.solver, game, steps, |_| ())
}

fn close(got: &Policy, expect: &Policy, tolerance: f64) {
    let far = got.log_probs().iter().zip(expect.log_probs()).any(|(a, b)| (a - b).abs() > tolerance);
    assert!(!far, "{}\n{}", got.log_probs(), expect.log_probs());
}

#[test]
fn the_mixture_of_nash_md_is_mirror_descent_with_mapped_parameters() {
    let mut rng = seed::stream(1, "test", &[]);
    for n in 2..8 {
        let (game, tau, eta) = (random_game(n, &mut rng), 0.05 + 0.5 * sample::uniform(&mut rng), 0.6);
        let (mu, start) = (random_policy(n, 1.0, &mut rng), random_policy(n, 2.0, &mut rng));
        let a = 1.0 - eta * tau;
        // rho_1 starts the mapped run; after t steps its last iterate is rho_{t+1}
        let mixed = start.log_probs() * a + mu.log_probs() * (1.0 - a);
        let rho = Policy::from_logits(mu.shape(), mixed).unwrap();
        let omd = run("omd", json!({"step_size": eta * a}), &task(&mu, &rho, tau / a), &game, 40);
        let nash_md = run("nash-md", json!({"step_size": eta}), &task(&mu, &start, tau), &game, 41);
        close(nash_md.played(), omd.policy(), 1e-12);
    }
}

#[test]
fn nash_md_is_biased_by_its_mixture_and_can_be_freed_of_it() {
    let (game, tau, eta) = (perturbed_rps(), 0.1, 0.5);
    let mu = Policy::uniform(game.shape());
    let start = Policy::from_probs(mu.shape(), Array1::from(vec![0.5, 0.3, 0.2])).unwrap();
    let star = game_equilibrium(&game, &mu, tau).unwrap();
    let limit = |tau: f64| run("nash-md", json!({"step_size": eta}), &task(&mu, &start, tau), &game, 4000);
    // rho goes to the equilibrium of tau / (1 - eta tau), pi to the best response to that one
    let nash_md = limit(tau);
    let shifted = game_equilibrium(&game, &mu, tau / (1.0 - eta * tau)).unwrap();
    close(nash_md.played(), &shifted, 1e-12);
    let mut q = Array1::zeros(3);
    game.margins(&shifted, &mut q);
    let response = Policy::from_logits(mu.shape(), mu.log_probs() + q / tau).unwrap();
    close(nash_md.policy(), &response, 1e-12);
    // the distance printed with two digits, which no number of steps removes
    let bias = kl(&star, nash_md.policy());
    assert!((bias - 1.5e-4).abs() < 0.05e-4, "{bias:e}");
    assert!(nash_md.notes()[0].contains("beside the regularised equilibrium"));
    // run at tau / (1 + eta tau) and read the mixture: no bias
    let debiased = limit(tau / (1.0 + eta * tau));
    close(debiased.played(), &star, 1e-12);
    // mirror descent needs no such care
    let omd = run("omd", json!({"step_size": eta}), &task(&mu, &start, tau), &game, 4000);
    close(omd.policy(), &star, 1e-12);
}

#[test]
fn nash_md_meets_its_bounds() {
    let (mut rng, mut worst, mut worst_rate) = (seed::stream(2, "test", &[]), 0f64, 0f64);
    for _ in 0..40 {
        let n = 2 + sample::index(&mut rng, 6);
        let (game, tau) = (random_game(n, &mut rng), 0.05 + sample::uniform(&mut rng));
        let mu = random_policy(n, 1.0, &mut rng);
        let star = game_equilibrium(&game, &mu, tau).unwrap();
        // a step at a time: KL' <= (1 - eta tau) KL + 2 eta^2
        let eta = sample::uniform(&mut rng) / tau;
        let mut pi = random_policy(n, 3.0, &mut rng);
        for _ in 0..50 {
            let next = run("nash-md", json!({"step_size": eta}), &task(&mu, &pi, tau), &game, 1);
            worst =
                worst.max(kl(&star, next.policy()) / ((1.0 - eta * tau) * kl(&star, &pi) + 2.0 * eta * eta));
            pi = next.policy().clone();
        }
        // falling steps 2 / (tau (t + 2)) from mu: KL <= 8 / (tau^2 (T + 1))
        let mut pi = mu.clone();
        for t in 0..200 {
            let eta = 2.0 / (tau * (f64::from(t) + 2.0));
            let next = run("nash-md", json!({"step_size": eta}), &task(&mu, &pi, tau), &game, 1);
            pi = next.policy().clone();
            worst_rate = worst_rate.max(kl(&star, &pi) * tau * tau * f64::from(t + 2) / 8.0);
        }
    }
    assert!(worst <= 1.0, "{worst}");
    // the rate has a slack of a hundred and more: it says little about practice
    assert!(worst_rate <= 0.01 && worst_rate > 0.0, "{worst_rate:e}");
}

#[test]
fn self_play_policy_gradient_is_online_ipo_2_and_unregularised_omd_is_mwu() {
    let mut rng = seed::stream(3, "test", &[]);
    let (game, tau, lr) = (random_game(5, &mut rng), 0.3, 0.2);
    let (mu, start) = (random_policy(5, 1.0, &mut rng), random_policy(5, 1.0, &mut rng));
    let gradient = json!({"learning_rate": 4.0 * lr / tau, "mixture": 0.0});
    let gradient = run("nash-md-pg", gradient, &task(&mu, &start, tau), &game, 200);
    let ipo = run("online-ipo-2", json!({"learning_rate": lr}), &task(&mu, &start, tau), &game, 200);
    close(gradient.policy(), ipo.policy(), 1e-12);
    for name in ["omd", "mmd"] {
        let omd = run(name, json!({"step_size": 0.5}), &task(&mu, &start, 0.0), &game, 100);
        let mwu = run("mwu", json!({"step_size": 0.5}), &task(&mu, &start, 0.0), &game, 100);
        assert_eq!(omd.policy(), mwu.policy(), "{name}");
    }
}
