//! The identities of the field, T1 to T30: each with its statement and the tests that hold it; and those tests that stand in no
//! other crate.

use std::sync::Arc;

use equipoise::registry::solver;
use equipoise_core::{Policy, Rng, Shape, Task, local, sample, seed, simplex};
use equipoise_env::generators::generator;
use equipoise_env::{Game, GameOracle, PreferenceMatrix};
use equipoise_eval::metrics::{Truth, measure};
use equipoise_reference::{game_equilibrium, game_frequencies};
use ndarray::Array1;
use serde_json::json;

/// Identity and its statement. `mu` is the reference, `tau` the regularisation, `K = P - 1/2`, `q = P pi`, `gap` the duality gap,
/// `gap_tau` the regularised one, `BR_tau(pi)_i` proportional to `mu_i exp(q_i / tau)`, `pi*` the regularised equilibrium,
/// `eta` the canonical step, `w` a rotation frequency at the equilibrium.
const STATEMENTS: [(&str, &str); 30] = [
    ("T1", "gap_tau(pi) = 2 tau KL(pi || BR_tau(pi)), the gain of a best response of both players"),
    ("T2", "V_tau(pi*, pi) - 1/2 = tau KL(pi || pi*) for every pi"),
    ("T3", "gap(pi*) = 2 tau (max_i log(pi*_i / mu_i) - KL(pi* || mu))"),
    (
        "T4",
        "2 tau KL(pi || pi*) <= gap_tau(pi) <= 2 tau KL(pi || pi*) + |pi - pi*|_1^2 / (4 tau), and gap <= gap_tau + 2 tau (log(1 / mu_min) - KL(pi || mu))",
    ),
    ("T5", "gap = NashConv = twice the exploitability, and 0 at the maximal lottery"),
    ("T6", "SPPO with the exact log-partition, DNO, SPO and multiplicative weights make the same step"),
    ("T7", "the minimiser of INPO's population loss is the mirror-descent step"),
    ("T8", "INPO's step is mirror descent and MMD with the step mapped"),
    ("T9", "a gradient step of online IPO 1 is mirror descent with eta tau = 4 lr / n (uniform pairs)"),
    (
        "T10",
        "online IPO 2 has the gradient of online IPO 1 on its own pairs, -(4 / tau) times that of self-play",
    ),
    (
        "T11",
        "the mixture sequence of Nash-MD is mirror descent with eta' = eta (1 - eta tau), tau' = tau / (1 - eta tau)",
    ),
    ("T12", "so Nash-MD with a constant step does not go to pi*, and the debiased variant does"),
    ("T13", "ONPO with two sequences, OMWU with one, and optimistic FTRL are the same method"),
    ("T14", "EGPO at tau = 0 is mirror-prox, and its half point is a mirror-descent step"),
    ("T15", "Nash-MP is EGPO with eta = eta_M / (1 + eta_M tau), eta_M = 2"),
    (
        "T16",
        "MPO with its magnet renewed at every step is multiplicative weights with step eta / (1 + eta alpha)",
    ),
    ("T17", "MNPO with equal starts is multiplicative weights, and with one past policy INPO"),
    (
        "T18",
        "KL from an equilibrium never rises over COMAL's outer steps, locally by the factor 1 / sqrt(1 + w^2 / tau^2)",
    ),
    (
        "T19",
        "multiplicative weights move away from an interior equilibrium p: KL(p || pi_t+1) - KL(p || pi_t) = log sum_i pi_i exp(eta (q_i - 1/2)) >= 0",
    ),
    (
        "T20",
        "Pr(pi_t+1 beats pi_t) - 1/2 = (KL(pi_t+1 || pi_t) + KL(pi_t || pi_t+1)) / eta for multiplicative weights",
    ),
    (
        "T21",
        "on an additive game (gains that depend on no opponent) every method on logits has a closed form",
    ),
    ("T22", "on two actions, or with constant gains, the logits follow an affine recursion"),
    ("T23", "self-play on a role-symmetrised game is two-player play with half the step, product form kept"),
    (
        "T24",
        "near pi* a method's error falls by its multiplier: |1 - eta tau + i eta w| for mirror descent, and so on",
    ),
    (
        "T25",
        "mirror descent is stable below eta = 2 tau / (tau^2 + w^2) and not above; OMWU is marginal at eta w = 1 / sqrt 3",
    ),
    ("T26", "iterating the smooth best response fails exactly where w > tau"),
    (
        "T27",
        "relabelling permutes every answer, clones share their mass, and a shift of the logits changes nothing",
    ),
    ("T28", "the last iterate of A2L is the average iterate of OMWU"),
    ("T29", "a game of rank two is multiplied by its factors"),
    ("T30", "in double precision gap_tau falls monotonically to 1e-20, and a tau of 1e-6 overflows nowhere"),
];

/// Identity, file below `crates`, test.
const HELD_BY: [(&str, &str, &str); 45] = [
    ("T1", "equipoise/tests/identities.rs", "the_regularised_gap_by_two_formulas"),
    ("T1", "eval/src/metrics.rs", "the_regularised_gap_is_the_gain_of_a_best_response_found_by_search"),
    ("T2", "reference/tests/regularised.rs", "identities_of_the_regularised_game"),
    ("T3", "reference/tests/regularised.rs", "identities_of_the_regularised_game"),
    ("T4", "equipoise/tests/identities.rs", "the_regularised_gap_lies_between_its_bounds"),
    ("T4", "reference/tests/regularised.rs", "identities_of_the_regularised_game"),
    ("T5", "eval/src/metrics.rs", "golden_values_of_the_perturbed_game"),
    ("T5", "reference/tests/lottery.rs", "the_gap_is_rounding_on_random_games"),
    ("T6", "solver-self-play/tests/self_play.rs", "spo_dno_and_exact_sppo_are_multiplicative_weights"),
    ("T7", "solver-regression/tests/inpo.rs", "the_step_minimises_the_population_loss"),
    ("T8", "solver-regression/tests/inpo.rs", "the_step_is_mirror_descent_and_mmd"),
    (
        "T9",
        "solver-mirror-descent/tests/mirror_descent.rs",
        "mmd_and_online_ipo_1_are_omd_with_their_step_mapped",
    ),
    ("T10", "solver-mirror-descent/tests/mirror_descent.rs", "online_ipo_steps_down_its_published_losses"),
    (
        "T11",
        "equipoise/tests/nash_md_bias.rs",
        "the_mixture_of_nash_md_is_mirror_descent_with_mapped_parameters",
    ),
    ("T12", "equipoise/tests/nash_md_bias.rs", "nash_md_is_biased_by_its_mixture_and_can_be_freed_of_it"),
    ("T13", "solver-mirror-descent/tests/mirror_descent.rs", "onpo_is_omwu_is_optimistic_ftrl"),
    ("T14", "solver-extragradient/tests/extragradient.rs", "without_regularisation_egpo_is_mirror_prox"),
    (
        "T14",
        "solver-extragradient/tests/extragradient.rs",
        "the_half_point_is_a_mirror_descent_step_and_costs_two_queries",
    ),
    ("T15", "solver-extragradient/tests/extragradient.rs", "nash_mp_is_egpo_with_the_mapped_step"),
    ("T16", "equipoise/tests/catalogue.rs", "presets_are_what_they_are_said_to_be"),
    ("T17", "equipoise/tests/catalogue.rs", "presets_are_what_they_are_said_to_be"),
    ("T17", "equipoise/tests/catalogue.rs", "players_of_mnpo_collapse_onto_each_other"),
    ("T18", "equipoise/tests/catalogue.rs", "outer_steps_of_comal_contract_as_the_proximal_point"),
    (
        "T19",
        "solver-self-play/tests/self_play.rs",
        "the_distance_to_an_interior_equilibrium_grows_by_its_exact_increment",
    ),
    (
        "T20",
        "solver-self-play/tests/self_play.rs",
        "every_step_beats_its_predecessor_by_the_jeffreys_divergence",
    ),
    ("T21", "solver-self-play/tests/self_play.rs", "constant_gains_have_closed_forms"),
    ("T21", "solver-mirror-descent/tests/mirror_descent.rs", "constant_gains_have_closed_forms"),
    (
        "T22",
        "solver-extragradient/tests/extragradient.rs",
        "games_with_constant_gains_follow_the_affine_recursion",
    ),
    (
        "T23",
        "solver-self-play/tests/self_play.rs",
        "a_role_symmetrised_game_is_two_player_play_with_half_the_step",
    ),
    ("T24", "equipoise/tests/identities.rs", "local_slopes_are_met_within_two_percent"),
    ("T24", "solver-extragradient/tests/extragradient.rs", "local_slopes_match_the_multipliers"),
    ("T24", "solver-mirror-descent/tests/mirror_descent.rs", "local_slopes_match_the_multipliers"),
    ("T24", "equipoise/tests/catalogue.rs", "local_slopes_of_the_regularised_methods_are_met"),
    ("T25", "equipoise/tests/stability.rs", "every_prediction_on_a_hundred_games_is_right"),
    (
        "T25",
        "solver-mirror-descent/tests/mirror_descent.rs",
        "mirror_descent_is_stable_below_its_limit_and_cycles_above",
    ),
    (
        "T25",
        "solver-mirror-descent/tests/mirror_descent.rs",
        "optimism_is_marginal_at_eta_w_equal_to_one_over_root_three",
    ),
    (
        "T26",
        "reference/tests/regularised.rs",
        "naive_best_response_iteration_fails_when_rotation_exceeds_the_temperature",
    ),
    ("T27", "conformance/src/solvers.rs", "relabelling_the_actions_permutes_the_trajectory"),
    ("T27", "reference/tests/properties.rs", "composition_consistency"),
    ("T27", "equipoise/tests/identities.rs", "a_shift_of_the_logits_changes_nothing"),
    ("T28", "equipoise/tests/catalogue.rs", "the_last_iterate_of_a2l_is_the_average_of_omwu"),
    ("T29", "equipoise/tests/identities.rs", "a_game_of_rank_two_is_multiplied_by_its_factors"),
    (
        "T30",
        "solver-extragradient/tests/extragradient.rs",
        "the_regularised_gap_falls_monotonically_to_1e_minus_20",
    ),
    ("T30", "reference/tests/regularised.rs", "two_independent_methods_agree_in_log_probability"),
    ("T30", "conformance/src/solvers.rs", "a_tiny_tau_overflows_nowhere"),
];

#[test]
fn every_identity_is_held_by_a_test_that_exists() {
    for (identity, file, test) in HELD_BY {
        let path = format!("{}/../{file}", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{path}: {e}"));
        let held = text.contains(&format!("fn {test}("));
        assert!(held, "{identity}: no {test} in {file}");
    }
    for (k, (identity, statement)) in STATEMENTS.iter().enumerate() {
        assert_eq!(*identity, format!("T{}", k + 1));
        assert!(HELD_BY.iter().any(|(t, ..)| t == identity), "{identity} is held by no test: {statement}");
    }
}

fn random_game(n: usize, rng: &mut Rng) -> Arc<Game> {
    let margins: Vec<f64> = (0..n * n).map(|_| sample::uniform(rng) - 0.5).collect();
    let matrix = PreferenceMatrix::from_margins(n, |i, j| margins[n * i + j]).expect("margins within 1/2");
    Arc::new(Game::single(matrix))
}

fn random_policy(n: usize, spread: f64, rng: &mut Rng) -> Policy {
    let logits = (0..n).map(|_| spread * sample::normal(rng)).collect();
    Policy::from_logits(&Shape::single(n).expect("not empty"), logits).expect("finite logits")
}

fn margins(game: &Game, pi: &Policy) -> Array1<f64> {
    let mut q = Array1::zeros(pi.shape().len());
    game.margins(pi, &mut q);
    q
}

fn kl(p: &Policy, r: &Policy) -> f64 {
    simplex::kl(p.probs_slice(), p.log_probs_slice(), r.probs_slice(), r.log_probs_slice())
}

/// Random games with reference, policy and temperature.
fn instances(count: usize, name: &str) -> impl Iterator<Item = (Arc<Game>, Policy, Policy, f64)> {
    let mut rng = seed::stream(11, "identities", &[name]);
    (0..count).map(move |_| {
        let n = 2 + sample::index(&mut rng, 9);
        let game = random_game(n, &mut rng);
        let (mu, pi) = (random_policy(n, 1.0, &mut rng), random_policy(n, 1.0, &mut rng));
        (game, mu, pi, 10f64.powf(-2.0 * sample::uniform(&mut rng)))
    })
}

#[test]
fn the_regularised_gap_by_two_formulas() {
    // 2 tau KL(pi || BR(pi)) against 2 (tau log sum mu exp(q / tau) + tau KL(pi || mu) - 1/2), which cancels
    for (game, mu, pi, tau) in instances(300, "gap") {
        let q = margins(&game, &pi);
        let top = q.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let sum: f64 = mu.probs().iter().zip(&q).map(|(m, v)| m * ((v - top) / tau).exp()).sum();
        let direct = 2.0 * (top + tau * sum.ln() + tau * kl(&pi, &mu));
        let truth = Truth { game: &game, reference: &mu, tau, equilibrium: None };
        let gap = measure("duality_gap_tau", &truth, &pi);
        assert!((gap - direct).abs() <= 1e-12 * gap.max(1e-2), "{gap} {direct}");
    }
}

#[test]
fn the_regularised_gap_lies_between_its_bounds() {
    // 2 tau KL(pi || pi*) <= gap_tau <= 2 tau KL + |pi - pi*|_1^2 / (4 tau) <= (2 tau + 1 / (2 tau)) KL
    for (game, mu, pi, tau) in instances(300, "bounds") {
        let goal = game_equilibrium(&game, &mu, tau).expect("solved");
        let truth = Truth { game: &game, reference: &mu, tau, equilibrium: None };
        let (gap, far) = (measure("duality_gap_tau", &truth, &pi), kl(&pi, &goal));
        let l1: f64 = pi.probs().iter().zip(goal.probs()).map(|(a, b)| (a - b).abs()).sum();
        let upper = 2.0 * tau * far + l1 * l1 / (4.0 * tau);
        let rounding = 1e-12 / tau;
        assert!(2.0 * tau * far <= gap + rounding && gap <= upper + rounding, "{far} {gap} {upper}");
        assert!(upper <= (2.0 * tau + 0.5 / tau) * far + rounding);
    }
}

#[test]
fn a_shift_of_the_logits_changes_nothing() {
    let mut rng = seed::stream(12, "identities", &[]);
    for name in ["mwu", "omd", "nash-md", "egpo", "omwu", "ogda", "halpern-eg", "prm-plus"] {
        let game = random_game(6, &mut rng);
        let logits: Vec<f64> = (0..6).map(|_| sample::normal(&mut rng)).collect();
        let walk = |shift: f64| {
            let shifted = logits.iter().map(|l| l + shift).collect();
            let start = Policy::from_logits(game.shape(), shifted).expect("finite logits");
            let task = Task::new(start).tau(0.1).horizon(50).operator_norm(1.0);
            let mut built = solver(name).expect("registered").build(&json!({}), &task).expect("defaults");
            let (mut oracle, mut rng) = (GameOracle::exact(game.clone()), seed::stream(0, "shift", &[]));
            for _ in 0..50 {
                built.solver.step(&mut oracle, &mut rng).expect("finite");
            }
            built.solver.policy().probs().clone()
        };
        let far = (&walk(0.0) - &walk(7.25)).iter().fold(0.0, |m: f64, d| m.max(d.abs()));
        assert!(far < 1e-12, "{name}: {far:e}");
    }
}

#[test]
fn a_game_of_rank_two_is_multiplied_by_its_factors() {
    // disc: K_ij = c sin(phi_i - phi_j), so K pi = c (sin phi (cos phi . pi) - cos phi (sin phi . pi)): n products, not n^2
    let mut rng = seed::stream(13, "identities", &[]);
    for n in [3, 20, 200] {
        let phi: Vec<f64> = (0..n).map(|_| std::f64::consts::TAU * sample::uniform(&mut rng)).collect();
        let block = json!({"angles": phi, "strength": 0.4});
        let game = generator("disc").expect("registered").build(&block, &mut rng).expect("valid");
        let pi = random_policy(n, 1.0, &mut rng);
        let dot = |f: fn(f64) -> f64| phi.iter().zip(pi.probs()).map(|(a, p)| f(*a) * p).sum::<f64>();
        let (cos, sin) = (dot(f64::cos), dot(f64::sin));
        for (k, q) in margins(&game, &pi).iter().enumerate() {
            let factored = 0.4 * (phi[k].sin() * cos - phi[k].cos() * sin);
            assert!((q - factored).abs() < 1e-14, "n {n}: {q} {factored}");
        }
    }
}

#[test]
fn local_slopes_are_met_within_two_percent() {
    // T24: OMD, EGPO and regularised OMWU on both games at tau 0.1, OMWU and extragradient on both at tau 0
    let games = [("perturbed-rps", json!({})), ("regular-tournament", json!({"actions": 5, "margin": 0.3}))];
    let mut seen = 0;
    for (game_name, block) in games {
        let mut rng = seed::stream(14, "identities", &[game_name]);
        let game =
            Arc::new(generator(game_name).expect("registered").build(&block, &mut rng).expect("valid"));
        let n = game.shape().len();
        let reference = random_policy(n, 0.5, &mut rng);
        type Theory = fn(f64, f64, f64) -> f64;
        let methods: [(&str, f64, f64, Theory); 5] = [
            ("omd", 0.5, 0.1, local::mirror_descent),
            ("egpo", 0.5, 0.1, local::extragradient),
            ("regularized-omwu", 0.5, 0.1, local::optimistic),
            ("omwu", 1.0, 0.0, local::optimistic),
            ("mirror-prox", 1.0, 0.0, local::extragradient),
        ];
        for (name, eta, tau, theory) in methods {
            let goal = game_equilibrium(&game, &reference, tau).expect("solved");
            let slowest =
                game_frequencies(&game, &goal).iter().map(|&w| theory(eta, tau, w)).fold(0.0, f64::max);
            let nudge = random_policy(n, 1.0, &mut rng);
            let start = goal.log_probs() + &(nudge.log_probs() * 1e-2);
            let start = Policy::from_logits(game.shape(), start).expect("finite logits");
            let task = Task::new(reference.clone()).start(start).tau(tau);
            let block = json!({"step_size": eta});
            let mut built = solver(name).expect("registered").build(&block, &task).expect("valid");
            let (mut oracle, mut rng) = (GameOracle::exact(game.clone()), seed::stream(0, "slopes", &[]));
            // down to where the solved equilibrium is no longer exact
            let floor = if tau > 0.0 { 1e-24 } else { 1e-18 };
            let mut distances = vec![kl(&goal, built.solver.policy())];
            while distances.len() < 40_000 && distances[distances.len() - 1] > floor {
                built.solver.step(&mut oracle, &mut rng).expect("finite");
                distances.push(kl(&goal, built.solver.policy()));
            }
            let (from, to) = (distances.len() / 2, distances.len() - 1);
            // KL falls by the square of the multiplier
            let slope = (distances[to] / distances[from]).ln() / (2.0 * (to - from) as f64);
            assert!(
                (slope / slowest.ln() - 1.0).abs() < 0.02,
                "{name} on {game_name}: {slope} {} over {to} steps",
                slowest.ln()
            );
            seen += 1;
        }
    }
    assert_eq!(seen, 10);
}

#[test]
fn falling_steps_are_those_of_the_theorems() {
    // Nash-MD: eta_t = 2 / (tau (t + 2)); INPO: eta_I,t = tau (t + 2) / 2, both from t = 0: each step is the constant method's
    let mut rng = seed::stream(15, "identities", &[]);
    let (game, tau) = (random_game(5, &mut rng), 0.3);
    let (reference, start) = (random_policy(5, 1.0, &mut rng), random_policy(5, 1.0, &mut rng));
    let task = |start: &Policy, tau: f64| Task::new(reference.clone()).start(start.clone()).tau(tau);
    for (name, key) in [("nash-md", "step_size"), ("inpo", "inpo_eta")] {
        let entry = solver(name).expect("registered");
        let build = |block, task: &Task| entry.build(&block, task).unwrap_or_else(|e| panic!("{name}: {e}"));
        let falling = build(json!({"falling": true}), &task(&start, tau));
        assert_eq!(falling.parameters["step_size"], 1.0 / tau, "{name}");
        let (mut falling, mut at) = (falling.solver, start.clone());
        let (mut oracle, mut rng) = (GameOracle::exact(game.clone()), seed::stream(0, "falling", &[]));
        for t in 0..60 {
            let eta = 2.0 / (tau * (f64::from(t) + 2.0));
            let value = if key == "inpo_eta" { 1.0 / eta } else { eta };
            let mut constant = build(json!({key: value}), &task(&at, tau)).solver;
            constant.step(&mut oracle, &mut rng).expect("finite");
            falling.step(&mut oracle, &mut rng).expect("finite");
            at.copy_from(constant.policy());
            let far = (at.probs() - falling.policy().probs()).iter().fold(0.0, |m: f64, d| m.max(d.abs()));
            assert!(far < 1e-13, "{name}, step {t}: {far:e}");
        }
        assert_eq!(falling.local_modulus(0.1), None);
        let refused = entry.build(&json!({"falling": true}), &task(&start, 0.0)).err().expect("needs tau");
        assert!(refused.to_string().contains("needs tau above 0"), "{refused}");
    }
}
