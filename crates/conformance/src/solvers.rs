//! What every solver must do. Nothing here names a method.

use std::sync::Arc;

use equipoise_core::{
    Aim, Cost, FixedPoint, Oracle as _, Policy, Progress, Rng, Solver, SolverEntry, StepError, Task, seed,
};
use equipoise_env::{Feedback, Game, GameOracle};
use equipoise_reference::game_equilibrium;
use serde_json::{Value, json};

use crate::failure::{Check, Failure, checks, require, run_checks};
use crate::fixtures::{
    TAUS, bits, games, interior_game, random, relabelled, reordered, sampled, task, triangle,
};
use crate::schema;

/// All checks of solvers.
pub const SOLVER_CHECKS: &[Check<SolverEntry>] = checks![
    rows_are_complete_and_cite_their_source,
    unknown_keys_and_bad_values_are_refused_by_name,
    resolved_defaults_are_a_configuration_with_the_same_trajectory,
    policies_stay_on_the_simplex,
    equal_seeds_give_equal_bits,
    the_declared_cost_is_the_ledger_of_every_step,
    relabelling_the_actions_permutes_the_trajectory,
    started_at_its_fixed_point_a_method_stays_there,
    a_tiny_tau_overflows_nowhere,
    contexts_said_to_be_apart_move_as_if_alone,
];

/// Holds a solver against [`SOLVER_CHECKS`]: small games, exact and sampled oracles, with and without regularisation.
///
/// # Errors
/// The first [`Failure`], with its remedy.
pub fn check_solver(entry: &SolverEntry) -> Result<(), Failure> {
    run_checks(SOLVER_CHECKS, entry)
}

// ---- running --------------------------------------------------------------------------------------------------------

/// The method with its defaults; `None` where it refuses this `tau`, naming `tau`.
fn defaults(entry: &SolverEntry, task: &Task) -> Result<Option<Box<dyn Solver>>, Failure> {
    match entry.build(&Value::Null, task) {
        Ok(built) => Ok(Some(built.solver)),
        Err(error) if error.key() == "tau" => Ok(None),
        Err(error) => Err(Failure::new(
            entry.name,
            format!("the defaults are refused: {error}"),
            "defaults must be in range on every game; what cannot be done at some regularisation is refused under the \
             key `tau`",
        )),
    }
}

/// Up to `steps` steps; `see` gets the solver after each. The solver's stream, where it was left.
fn run(
    case: &str,
    solver: &mut dyn Solver,
    game: &Arc<Game>,
    feedback: Feedback,
    steps: usize,
    mut see: impl FnMut(&dyn Solver, &GameOracle) -> Result<(), Failure>,
) -> Result<Rng, Failure> {
    let mut oracle = GameOracle::new(game.clone(), feedback, seed::stream(3, "oracle", &[]));
    let mut rng = seed::stream(3, "solver", &[]);
    for step in 1..=steps {
        let progress = match solver.step(&mut oracle, &mut rng) {
            Ok(progress) => progress,
            // the fit inside a step may have no solution: a typed end of the run
            Err(StepError::Inner(_)) => break,
            Err(error) => {
                return Err(Failure::new(
                    case,
                    format!("step {step}: {error}"),
                    "work with log-probabilities and log-sum-exp; defaults may overflow nowhere",
                ));
            }
        };
        see(solver, &oracle)?;
        if progress == Progress::Finished {
            break;
        }
    }
    Ok(rng)
}

/// Every game and regularisation that the method takes.
fn everywhere(
    entry: &SolverEntry,
    mut check: impl FnMut(&str, &Arc<Game>, &Task) -> Result<(), Failure>,
) -> Result<(), Failure> {
    for (name, game) in games() {
        for tau in TAUS {
            let task = task(&game, tau);
            if defaults(entry, &task)?.is_some() {
                check(&format!("{} on {name}, tau {tau}", entry.name), &game, &task)?;
            }
        }
    }
    Ok(())
}

fn built(entry: &SolverEntry, task: &Task) -> Result<Box<dyn Solver>, Failure> {
    Ok(defaults(entry, task)?.expect("asked only where the method takes this tau"))
}

// ---- parameters -----------------------------------------------------------------------------------------------------

fn rows_are_complete_and_cite_their_source(entry: &SolverEntry) -> Result<(), Failure> {
    require!(
        entry.citation.contains("arXiv:") || entry.citation.contains("doi:"),
        entry.name,
        "write the arXiv id and the equation (`arXiv:2503.08942, eq. 7`), or a DOI, as the third argument of \
         `SolverEntry::of`",
        "`{}` has no arXiv id and no DOI",
        entry.citation
    );
    for (what, text, remedy) in [
        ("summary", entry.summary, "the second argument of `SolverEntry::of` is one line for lists"),
        ("cost", entry.cost, "add `.costs(\"1 query\")` to the row"),
        (
            "verified",
            entry.verified,
            "add `.verified(..)` to the row: against what the implementation was tested",
        ),
    ] {
        require!(!text.is_empty(), entry.name, remedy, "the row has no {what}");
    }
    Ok(())
}

/// Where `eta tau <= 1` binds, a step of 1e308 is refused by name; an implicit step, which every eta above 0 has, is finite.
fn a_step_beyond_all_is_refused_or_taken(
    entry: &SolverEntry,
    game: &Arc<Game>,
    task: &Task,
) -> Result<(), Failure> {
    const REMEDY: &str = "check the range in `SolverConfig::build` with `equipoise::core::registry::ensure`";
    let mut solver = match entry.build(&json!({ "step_size": 1e308 }), task) {
        Ok(built) => built.solver,
        Err(error) => {
            require!(schema::names(&error, "step_size"), entry.name, REMEDY, "step_size = 1e308: {error}");
            return Ok(());
        }
    };
    run(entry.name, solver.as_mut(), game, Feedback::Exact, 2, |solver, _| {
        let sum = solver.policy().probs_slice().iter().sum::<f64>();
        let contexts = game.contexts() as f64;
        require!((sum - contexts).abs() < 1e-9, entry.name, REMEDY, "a step of 1e308 gives {sum}");
        Ok(())
    })?;
    Ok(())
}

fn unknown_keys_and_bad_values_are_refused_by_name(entry: &SolverEntry) -> Result<(), Failure> {
    let (_, game) = games().swap_remove(4);
    let task = task(&game, 0.2);
    let build = |block: &Value| entry.build(block, &task).map(drop);
    let defaults = (entry.defaults)();
    schema::parameter_block(entry.name, &defaults, &(entry.schema)(), &build)?;
    for (key, value) in defaults.as_object().expect("checked above") {
        let mut wrong = vec![json!({ "a": 1 }), json!("no-such-word")];
        if !value.is_string() || key.ends_with("step_size") {
            wrong.push(json!(-1.0));
        }
        if key == "step_size" {
            wrong.push(json!(0.0));
            if entry.aim == Aim::Regularised {
                a_step_beyond_all_is_refused_or_taken(entry, &game, &task)?;
            }
        }
        for bad in wrong {
            let Err(error) = build(&json!({ key: bad })) else {
                return Err(Failure::new(
                    entry.name,
                    format!("{key} = {bad} was accepted"),
                    "check the range in `SolverConfig::build` with `equipoise::core::registry::ensure`",
                ));
            };
            require!(
                schema::names(&error, key),
                entry.name,
                "name the field in the error: `BuildError::range(\"field\", value, rule)`",
                "{key} = {bad} is refused as `{error}`"
            );
        }
    }
    Ok(())
}

fn resolved_defaults_are_a_configuration_with_the_same_trajectory(
    entry: &SolverEntry,
) -> Result<(), Failure> {
    const REMEDY: &str = "`Built::new(&config, ..)` must be given the configuration with every rule replaced by its number, \
                          and building from that must change nothing";
    everywhere(entry, |case, game, task| {
        let again = |block: &Value| {
            entry
                .build(block, task)
                .map_err(|e| Failure::new(case, format!("{block} is refused: {e}"), REMEDY))
        };
        let first = again(&Value::Null)?;
        let text = serde_json::to_string(&first.parameters).expect("a JSON value is text");
        let read: Value = serde_json::from_str(&text).expect("it was JSON");
        require!(first.parameters == read, case, REMEDY, "{} is read back as {read}", first.parameters);
        let second = again(&read)?;
        for (block, parameters) in
            [(&read, &second.parameters), (&(entry.defaults)(), &again(&(entry.defaults)())?.parameters)]
        {
            require!(
                *parameters == read,
                case,
                REMEDY,
                "{block} resolves to {parameters}, the defaults to {read}"
            );
        }
        let (mut first, mut second) = (first.solver, second.solver);
        run(case, first.as_mut(), game, Feedback::Exact, 5, |_, _| Ok(()))?;
        run(case, second.as_mut(), game, Feedback::Exact, 5, |_, _| Ok(()))?;
        require!(
            bits(first.policy()) == bits(second.policy()),
            case,
            REMEDY,
            "five steps from {read} end at {}, from the defaults at {}",
            second.policy().probs(),
            first.policy().probs()
        );
        Ok(())
    })
}

// ---- trajectories ---------------------------------------------------------------------------------------------------

fn policies_stay_on_the_simplex(entry: &SolverEntry) -> Result<(), Failure> {
    const REMEDY: &str = "update with `Policy::set_logits` or `Policy::set_probs`, which keep both forms and normalise; a \
                          method that may give an action probability 0 says `.reaches_boundary()` in its row";
    everywhere(entry, |case, game, task| {
        for feedback in [Feedback::Exact, sampled()] {
            let mut solver = built(entry, task)?;
            run(case, solver.as_mut(), game, feedback, 60, |solver, _| {
                for policy in [solver.policy(), solver.played()] {
                    for x in 0..game.contexts() {
                        let (probs, logs) = (policy.probs_at(x), policy.log_probs_at(x));
                        let rounding = 4.0 * probs.len() as f64 * f64::EPSILON;
                        let sum = probs.sum();
                        require!((sum - 1.0).abs() <= rounding, case, REMEDY, "context {x} sums to {sum}");
                        for (&p, &l) in probs.iter().zip(logs) {
                            let zero = p == 0.0 && l == f64::NEG_INFINITY && entry.reaches_boundary;
                            // the logarithm is off by its own rounding
                            let off = (p - l.exp()).abs() > 4.0 * f64::EPSILON * (1.0 + l.abs()) * p;
                            require!(
                                zero || (l.is_finite() && !off),
                                case,
                                REMEDY,
                                "probability {p} with logarithm {l}"
                            );
                        }
                    }
                }
                Ok(())
            })?;
        }
        Ok(())
    })
}

fn equal_seeds_give_equal_bits(entry: &SolverEntry) -> Result<(), Failure> {
    everywhere(entry, |case, game, task| {
        for feedback in [Feedback::Exact, sampled()] {
            let trajectory = || {
                let mut solver = built(entry, task)?;
                let mut seen = Vec::new();
                run(case, solver.as_mut(), game, feedback.clone(), 25, |solver, _| {
                    seen.push(bits(solver.policy()));
                    Ok(())
                })?;
                Ok(seen)
            };
            let (first, second) = (trajectory()?, trajectory()?);
            let step = first.iter().zip(&second).position(|(a, b)| a != b);
            require!(
                first == second,
                case,
                "draw from the stream that `step` is given and from nothing else; keep no hash map's order",
                "two runs with equal seeds differ from step {} on",
                step.unwrap_or(first.len().min(second.len())) + 1
            );
        }
        Ok(())
    })
}

fn the_declared_cost_is_the_ledger_of_every_step(entry: &SolverEntry) -> Result<(), Failure> {
    everywhere(entry, |case, game, task| {
        for (feedback, per_query) in [(Feedback::Exact, 0), (sampled(), 40 * game.contexts() as u64)] {
            let mut solver = built(entry, task)?;
            let mut before = Cost::default();
            let mut declared = solver.step_cost();
            run(case, solver.as_mut(), game, feedback, 40, |solver, oracle| {
                let now = oracle.cost();
                let step = Cost { queries: now.queries - before.queries, duels: now.duels - before.duels };
                let expect = Cost { duels: declared.duels + per_query * declared.queries, ..declared };
                require!(
                    step == expect,
                    case,
                    "`step_cost` must say what the next `step` asks of the oracle: win-rate queries, and duels asked one by \
                     one",
                    "the ledger moved by {step:?}, `step_cost` declares {expect:?}"
                );
                (before, declared) = (now, solver.step_cost());
                Ok(())
            })?;
        }
        Ok(())
    })
}

fn contexts_said_to_be_apart_move_as_if_alone(entry: &SolverEntry) -> Result<(), Failure> {
    if !entry.contexts_apart {
        return Ok(());
    }
    let remedy = "leave `.contexts_apart()` out of the row: what a step does in a context depends on the others, or on draws";
    everywhere(entry, |case, game, task| {
        let whole = entry.build(&Value::Null, task);
        let whole = whole.map_err(|error| Failure::new(case, error.to_string(), remedy))?;
        let trajectory = |mut solver: Box<dyn Solver>, game: &Arc<Game>| {
            let mut seen = Vec::new();
            let left = run(case, solver.as_mut(), game, Feedback::Exact, 40, |solver, _| {
                seen.push((solver.policy().clone(), solver.played().clone()));
                Ok(())
            })?;
            Ok((seen, left))
        };
        let parameters = whole.parameters;
        let (together, left) = trajectory(whole.solver, game)?;
        require!(left == seed::stream(3, "solver", &[]), case, remedy, "it drew from its stream");
        for x in 0..game.contexts() {
            let alone = entry.build(&parameters, &task.part(x..x + 1));
            let alone = alone.map_err(|error| Failure::new(case, error.to_string(), remedy))?;
            let part = Arc::new(game.part(x..x + 1).expect("a context with a weight"));
            let (seen, _) = trajectory(alone.solver, &part)?;
            let equal = |(own, all): (&(Policy, Policy), &(Policy, Policy))| {
                bits(&own.0) == bits(&all.0.part(x..x + 1)) && bits(&own.1) == bits(&all.1.part(x..x + 1))
            };
            let step = seen.iter().zip(&together).position(|pair| !equal(pair));
            let step = step.or((seen.len() != together.len()).then_some(seen.len().min(together.len())));
            require!(
                step.is_none(),
                case,
                remedy,
                "context {x} moves otherwise alone from step {} on",
                step.unwrap_or(0) + 1
            );
        }
        Ok(())
    })
}

fn relabelling_the_actions_permutes_the_trajectory(entry: &SolverEntry) -> Result<(), Failure> {
    let mut rng = seed::stream(4, "conformance", &[]);
    for original in [triangle(), random(7, &mut rng)] {
        let (permuted, order) = relabelled(&original, &mut rng);
        let game = Arc::new(Game::single(original));
        let moved = |policy: &Policy| reordered(policy, &order);
        for tau in TAUS {
            let case = format!("{}, {} actions, tau {tau}", entry.name, order.len());
            let task = task(&game, tau);
            let other = Task { reference: moved(&task.reference), start: moved(&task.start), ..task.clone() };
            let Some(mut first) = defaults(entry, &task)? else { continue };
            let mut second = built(entry, &other)?;
            let walk = |solver: &mut dyn Solver, game: &Arc<Game>| {
                let mut seen: Vec<Policy> = Vec::new();
                let rng = run(&case, solver, game, Feedback::Exact, 40, |s, _| {
                    seen.push(s.policy().clone());
                    Ok(())
                })?;
                Ok((seen, rng.get_word_pos() > 0))
            };
            let ((left, drawn), (right, _)) =
                (walk(first.as_mut(), &game)?, walk(second.as_mut(), &permuted)?);
            // a method that draws actions follows its stream, which knows actions by their number
            if drawn {
                continue;
            }
            for (step, (a, b)) in left.iter().zip(&right).enumerate() {
                // forty steps multiply the rounding of another order of summation
                let a = moved(a);
                let far = a.probs().iter().zip(b.probs()).any(|(a, b)| (a - b).abs() > 1e-11);
                require!(
                    !far,
                    &case,
                    "no action may be treated by its number; ties must be broken evenly",
                    "step {}: {} with the labels in order, {} with the labels permuted",
                    step + 1,
                    a.probs(),
                    b.probs()
                );
            }
        }
    }
    Ok(())
}

fn started_at_its_fixed_point_a_method_stays_there(entry: &SolverEntry) -> Result<(), Failure> {
    let game = interior_game();
    for tau in TAUS {
        let task = task(&game, tau);
        let solve = |tau| {
            game_equilibrium(&game, &task.reference, tau)
                .expect("two small contexts have an exact equilibrium")
        };
        let start = match entry.fixed_point {
            FixedPoint::Original => solve(0.0),
            FixedPoint::Regularised => solve(tau),
            FixedPoint::Elsewhere => return Ok(()),
        };
        let case = format!("{}, tau {tau}", entry.name);
        let at_rest = Task { start: start.clone(), ..task.clone() };
        let Some(mut solver) = defaults(entry, &at_rest)? else { continue };
        run(&case, solver.as_mut(), &game, Feedback::Exact, 50, |solver, _| {
            for policy in [solver.policy(), solver.played()] {
                let far = policy.probs().iter().zip(start.probs()).any(|(a, b)| (a - b).abs() > 1e-12);
                require!(
                    !far,
                    &case,
                    "`.aims(..)` says that the equilibrium it aims at is its fixed point; if the update is wrong, mend it, and \
                     if the method is biased by construction, say so in its row with `.biased_fixed_point()`",
                    "started at the {} equilibrium {} it moves to {}",
                    if entry.fixed_point == FixedPoint::Original { "original game's" } else { "regularised" },
                    start.probs(),
                    policy.probs()
                );
            }
            Ok(())
        })?;
    }
    Ok(())
}

fn a_tiny_tau_overflows_nowhere(entry: &SolverEntry) -> Result<(), Failure> {
    for (name, game) in games() {
        let task = task(&game, 1e-6);
        let case = format!("{} on {name}, tau 1e-6", entry.name);
        let Some(mut solver) = defaults(entry, &task)? else {
            return Err(Failure::new(case, "refused", "every method must take a regularisation above 0"));
        };
        run(&case, solver.as_mut(), &game, Feedback::Exact, 1000, |_, _| Ok(()))?;
        let probs = solver.policy().probs();
        require!(
            probs.iter().all(|p| (0.0..=1.0).contains(p)),
            case,
            "divide by tau only inside a log-softmax",
            "after 1000 steps {probs}"
        );
    }
    Ok(())
}
