//! What every registered method must do, whatever it computes. Nothing here names a method: a new registry row is
//! tested by being there.

use std::sync::Arc;

use equipoise::registry::solvers;
use equipoise_core::{
    Aim, BuildError, Cost, FixedPoint, Oracle as _, Policy, Rng, Solver, SolverEntry, StepError, Task,
    sample, seed,
};
use equipoise_env::{Feedback, Game, GameOracle, PreferenceMatrix, Sampled};
use equipoise_reference::game_equilibrium;
use serde_json::{Value, json};

// ---- games and tasks ------------------------------------------------------------------------------------------------

fn matrix(n: usize, margin: impl Fn(usize, usize) -> f64) -> PreferenceMatrix {
    PreferenceMatrix::from_margins(n, margin).expect("valid margins")
}

fn triangle() -> PreferenceMatrix {
    matrix(3, |i, j| [[0.0, 0.3, -0.1], [0.0, 0.0, 0.2]][i][j])
}

fn random(n: usize, rng: &mut Rng) -> PreferenceMatrix {
    let margins: Vec<f64> = (0..n * n).map(|_| sample::uniform(rng) - 0.5).collect();
    matrix(n, |i, j| margins[n * i + j])
}

fn tournament(n: usize, rng: &mut Rng) -> PreferenceMatrix {
    let coins: Vec<f64> = (0..n * n).map(|_| 0.5f64.copysign(sample::uniform(rng) - 0.5)).collect();
    matrix(n, |i, j| coins[n * i + j])
}

/// One action; ties only; an unequal cycle; a 0/1 tournament; seven random actions; contexts of 3, 7 and 1 actions.
fn games() -> Vec<(&'static str, Arc<Game>)> {
    let mut rng = seed::stream(1, "conformance", &[]);
    let contexts = [triangle(), random(7, &mut rng), matrix(1, |_, _| 0.0)];
    vec![
        ("one action", Game::single(matrix(1, |_, _| 0.0))),
        ("ties", Game::single(matrix(2, |_, _| 0.0))),
        ("triangle", Game::single(triangle())),
        ("tournament", Game::single(tournament(5, &mut rng))),
        ("random", Game::single(random(7, &mut rng))),
        ("contexts", Game::new(contexts).expect("three contexts")),
    ]
    .into_iter()
    .map(|(name, game)| (name, Arc::new(game)))
    .collect()
}

fn random_policy(game: &Game, spread: f64, rng: &mut Rng) -> Policy {
    let logits = (0..game.shape().len()).map(|_| spread * (2.0 * sample::uniform(rng) - 1.0)).collect();
    Policy::from_logits(game.shape(), logits).expect("finite logits")
}

/// A random reference and another random start.
fn task(game: &Game, tau: f64) -> Task {
    let mut rng = seed::stream(2, "conformance", &[]);
    let (reference, start) = (random_policy(game, 1.0, &mut rng), random_policy(game, 1.0, &mut rng));
    Task::new(reference).start(start).tau(tau).horizon(1000)
}

/// The method with its defaults; `None` where it refuses this `tau`, naming `tau`.
fn defaults(entry: &SolverEntry, task: &Task) -> Option<Box<dyn Solver>> {
    match entry.build(&Value::Null, task) {
        Ok(built) => Some(built.solver),
        Err(error) if error.key() == "tau" => None,
        Err(error) => panic!("{}: {error}", entry.name),
    }
}

/// Up to `steps` steps; `see` gets the solver after each.
fn run(
    solver: &mut dyn Solver,
    game: &Arc<Game>,
    feedback: Feedback,
    steps: usize,
    mut see: impl FnMut(&dyn Solver, &GameOracle),
) -> Rng {
    let mut oracle = GameOracle::new(game.clone(), feedback, seed::stream(3, "oracle", &[]));
    let mut rng = seed::stream(3, "solver", &[]);
    for _ in 0..steps {
        let progress = match solver.step(&mut oracle, &mut rng) {
            Ok(progress) => progress,
            // the fit inside a step may have no solution: a typed end of the run
            Err(StepError::Inner(_)) => break,
            Err(error) => panic!("{error}"),
        };
        see(solver, &oracle);
        if progress == equipoise_core::Progress::Finished {
            break;
        }
    }
    rng
}

fn sampled() -> Feedback {
    Feedback::Sampled(Sampled { duels_per_query: 40, ..Sampled::default() })
}

fn bits(policy: &Policy) -> Vec<u64> {
    policy.log_probs().iter().chain(policy.probs()).map(|v| v.to_bits()).collect()
}

const TAUS: [f64; 2] = [0.0, 0.2];

/// Every method on every game and tau it takes.
fn everywhere(mut test: impl FnMut(&'static SolverEntry, &str, &Arc<Game>, &Task)) {
    for (name, game) in games() {
        for tau in TAUS {
            let task = task(&game, tau);
            for entry in solvers().filter(|e| defaults(e, &task).is_some()) {
                test(entry, &format!("{} on {name}, tau {tau}", entry.name), &game, &task);
            }
        }
    }
}

// ---- parameters -----------------------------------------------------------------------------------------------------

#[test]
fn resolved_defaults_are_a_configuration_with_the_same_trajectory() {
    everywhere(|entry, case, game, task| {
        let built = entry.build(&Value::Null, task).expect("defaults");
        let text = serde_json::to_string(&built.parameters).expect("JSON");
        let again: Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(built.parameters, again, "{case}");
        let (mut first, mut second) = (built.solver, entry.build(&again, task).expect("resolved").solver);
        assert_eq!(entry.build(&again, task).expect("resolved").parameters, again, "{case}");
        assert_eq!(entry.build(&(entry.defaults)(), task).expect("defaults").parameters, again, "{case}");
        run(first.as_mut(), game, Feedback::Exact, 5, |_, _| ());
        run(second.as_mut(), game, Feedback::Exact, 5, |_, _| ());
        assert_eq!(bits(first.policy()), bits(second.policy()), "{case}");
    });
}

#[test]
fn unknown_keys_and_bad_values_are_refused_by_name() {
    let (_, game) = games().swap_remove(4);
    let task = task(&game, 0.2);
    for entry in solvers() {
        let refused = |block: Value| match entry.build(&block, &task) {
            Ok(_) => panic!("{}: {block} was accepted", entry.name),
            Err(error) => error,
        };
        let error = refused(json!({ "no_such_key": 1 }));
        assert!(matches!(error, BuildError::UnknownKey { .. }) && error.key() == "no_such_key", "{error}");
        let error = refused(json!([1]));
        assert!(matches!(error, BuildError::Type { .. }), "{}: {error}", entry.name);
        let defaults = (entry.defaults)();
        let schema = (entry.schema)();
        for (key, value) in defaults.as_object().expect("a block") {
            let documented = schema.as_value()["properties"][key]["description"].is_string();
            assert!(documented, "{}: `{key}` is not documented", entry.name);
            let mut wrong = vec![json!({ "a": 1 }), json!("no-such-word")];
            if !value.is_string() || key.ends_with("step_size") {
                wrong.push(json!(-1.0));
            }
            if key == "step_size" {
                wrong.extend([json!(0.0), json!(1e308)]);
            }
            for bad in wrong {
                // a step of 1e308 is out of range only where eta tau <= 1 binds
                if bad == json!(1e308) && entry.aim != Aim::Regularised {
                    continue;
                }
                let error = refused(json!({ key: bad }));
                let names = error.key().split(['.', '[']).next() == Some(key.as_str());
                assert!(names, "{}: {key} = {bad} is refused as {error}", entry.name);
                assert!(error.to_string().contains(key.as_str()), "{error}");
            }
        }
    }
}

#[test]
fn rows_are_complete_and_cite_their_source() {
    for entry in solvers() {
        let cited = entry.citation.contains("arXiv:") || entry.citation.contains("doi:");
        assert!(cited, "{}: `{}` has no arXiv id and no DOI", entry.name, entry.citation);
        assert!(!entry.verified.is_empty() && !entry.summary.is_empty() && !entry.cost.is_empty());
    }
}

// ---- trajectories ---------------------------------------------------------------------------------------------------

#[test]
fn policies_stay_on_the_simplex() {
    everywhere(|entry, case, game, task| {
        for feedback in [Feedback::Exact, sampled()] {
            let mut solver = defaults(entry, task).expect("takes this tau");
            run(solver.as_mut(), game, feedback, 60, |solver, _| {
                for policy in [solver.policy(), solver.played()] {
                    for x in 0..game.contexts() {
                        let (probs, logs) = (policy.probs_at(x), policy.log_probs_at(x));
                        let rounding = 4.0 * probs.len() as f64 * f64::EPSILON;
                        assert!((probs.sum() - 1.0).abs() <= rounding, "{case}: sum {}", probs.sum());
                        for (&p, &l) in probs.iter().zip(logs) {
                            let zero = p == 0.0 && l == f64::NEG_INFINITY && entry.reaches_boundary;
                            assert!(l.is_finite() || zero, "{case}: probability {p}, logarithm {l}");
                            // the logarithm is off by its own rounding
                            let far = (p - l.exp()).abs() > 4.0 * f64::EPSILON * (1.0 + l.abs()) * p;
                            assert!(zero || !far, "{case}: {p} {l}");
                        }
                    }
                }
            });
        }
    });
}

#[test]
fn equal_seeds_give_equal_bits() {
    everywhere(|entry, case, game, task| {
        for feedback in [Feedback::Exact, sampled()] {
            let trajectory = || {
                let mut solver = defaults(entry, task).expect("takes this tau");
                let mut seen = Vec::new();
                run(solver.as_mut(), game, feedback.clone(), 25, |solver, _| {
                    seen.push(bits(solver.policy()))
                });
                seen
            };
            assert_eq!(trajectory(), trajectory(), "{case}");
        }
    });
}

#[test]
fn the_declared_cost_is_the_ledger_of_every_step() {
    everywhere(|entry, case, game, task| {
        for (feedback, per_query) in [(Feedback::Exact, 0), (sampled(), 40 * game.contexts() as u64)] {
            let mut solver = defaults(entry, task).expect("takes this tau");
            let mut before = Cost::default();
            let mut declared = solver.step_cost();
            run(solver.as_mut(), game, feedback, 40, |solver, oracle| {
                let now = oracle.cost();
                let step = Cost { queries: now.queries - before.queries, duels: now.duels - before.duels };
                let expect = Cost { duels: declared.duels + per_query * declared.queries, ..declared };
                assert_eq!(step, expect, "{case}");
                (before, declared) = (now, solver.step_cost());
            });
        }
    });
}

#[test]
fn relabelling_the_actions_permutes_the_trajectory() {
    let mut rng = seed::stream(4, "conformance", &[]);
    for original in [triangle(), random(7, &mut rng)] {
        let n = original.n();
        let mut order: Vec<usize> = (0..n).collect();
        for i in 0..n {
            order.swap(i, i + sample::index(&mut rng, n - i));
        }
        let permuted = matrix(n, |i, j| original.margin(order[i], order[j]));
        let (game, permuted) = (Arc::new(Game::single(original)), Arc::new(Game::single(permuted)));
        let moved = |policy: &Policy| {
            let logits = order.iter().map(|&i| policy.log_probs()[i]).collect();
            Policy::from_logits(game.shape(), logits).expect("a policy")
        };
        for tau in TAUS {
            let task = task(&game, tau);
            let relabelled =
                Task { reference: moved(&task.reference), start: moved(&task.start), ..task.clone() };
            for entry in solvers() {
                let Some(mut first) = defaults(entry, &task) else { continue };
                let mut second = defaults(entry, &relabelled).expect("as the first");
                let (mut left, mut right) = (Vec::new(), Vec::new());
                let drawn =
                    run(first.as_mut(), &game, Feedback::Exact, 40, |s, _| left.push(s.policy().clone()));
                run(second.as_mut(), &permuted, Feedback::Exact, 40, |s, _| right.push(s.policy().clone()));
                // a method that draws actions follows its stream, which knows actions by their number
                if drawn.get_word_pos() > 0 {
                    continue;
                }
                for (step, (a, b)) in left.iter().zip(&right).enumerate() {
                    // forty steps multiply the rounding of another order of summation
                    let far = moved(a).probs().iter().zip(b.probs()).any(|(a, b)| (a - b).abs() > 1e-11);
                    assert!(
                        !far,
                        "{}, tau {tau}, step {step}: {} {}",
                        entry.name,
                        moved(a).probs(),
                        b.probs()
                    );
                }
            }
        }
    }
}

#[test]
fn started_at_its_fixed_point_a_method_stays_there() {
    let game = Arc::new(
        Game::new([triangle(), matrix(5, |i, j| if j - i <= 2 { 0.2 } else { -0.2 })]).expect("two"),
    );
    for tau in TAUS {
        let task = task(&game, tau);
        let original = game_equilibrium(&game, &task.reference, 0.0).expect("solved");
        let regularised = game_equilibrium(&game, &task.reference, tau).expect("solved");
        for entry in solvers() {
            let start = match entry.fixed_point {
                FixedPoint::Original => original.clone(),
                FixedPoint::Regularised => regularised.clone(),
                FixedPoint::Elsewhere => continue,
            };
            let at_rest = Task { start: start.clone(), ..task.clone() };
            let Some(mut solver) = defaults(entry, &at_rest) else { continue };
            run(solver.as_mut(), &game, Feedback::Exact, 50, |solver, _| {
                for policy in [solver.policy(), solver.played()] {
                    let far = policy.probs().iter().zip(start.probs()).any(|(a, b)| (a - b).abs() > 1e-12);
                    assert!(!far, "{}, tau {tau}: left {} for {}", entry.name, start.probs(), policy.probs());
                }
            });
        }
    }
}

#[test]
fn a_tiny_tau_overflows_nowhere() {
    for (name, game) in games() {
        let task = task(&game, 1e-6);
        for entry in solvers() {
            let mut solver = defaults(entry, &task).expect("every method takes a tau above 0");
            run(solver.as_mut(), &game, Feedback::Exact, 1000, |_, _| ());
            let bad = solver.policy().probs().iter().any(|p| !(0.0..=1.0).contains(p));
            assert!(!bad, "{} on {name}: {}", entry.name, solver.policy().probs());
        }
    }
}
