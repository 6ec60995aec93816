//! What runs are said to do, held against what they do: 200 constructed runs, and cases that were told wrongly once.
//!
//! Each line of `behaviour/runs.jsonl` is one run: method, game, feedback, steps; what is right (`converges`, `stalls`, `cycles`,
//! `noise`); and how that is known: from theory, from a theorem of the audit, from a fixed point that another solver finds, or from a
//! run that is 100 times longer. Each is run for `T` and `10 T` steps, and
//! by the ignored test for `100 T` steps too. A word may be right or `undecided`; no word may be wrong.

#![allow(clippy::print_stdout, reason = "the counts are what the test reports")]

use std::collections::BTreeMap;
use std::sync::Arc;

use equipoise::claims::proved;
use equipoise::prelude::*;
use equipoise::registry;
use equipoise_core::{sample, seed};
use rayon::prelude::*;

/// A line of the suite.
struct Case {
    text: String,
    line: Value,
}

impl Case {
    fn all() -> Vec<Self> {
        let read = |text: &str| Self { text: text.to_owned(), line: serde_json::from_str(text).expect(text) };
        include_str!("behaviour/runs.jsonl").lines().map(read).collect()
    }

    fn entry(&self) -> &'static SolverEntry {
        solver(self.line["solver"].as_str().expect("a solver")).expect("registered")
    }

    /// The game, solved, from the start of the line.
    fn problem(&self) -> Problem {
        let line = &self.line;
        let (name, block) = line["game"].as_object().expect("a game").iter().next().expect("one key");
        let number = self.number();
        let mut rng = seed::stream(number, "game", &[]);
        let game = match name.as_str() {
            "circulant" => circulant(block),
            _ => generator(name).expect("a generator").build(block, &mut rng).expect("valid"),
        };
        let uniform = Policy::uniform(game.shape());
        let start = match line["start"].as_array() {
            Some(logits) if !logits.is_empty() => {
                let logits = logits.iter().map(|l| l.as_f64().expect("a number")).collect();
                Policy::from_logits(game.shape(), logits).expect("finite")
            }
            Some(_) => uniform.clone(),
            None => {
                let mut rng = seed::stream(number, "start", &[]);
                let logits = (0..game.shape().len()).map(|_| sample::normal(&mut rng)).collect();
                Policy::from_logits(game.shape(), logits).expect("finite")
            }
        };
        let tau = line["tau"].as_f64().expect("tau");
        Problem::new(game, Task::new(uniform).tau(tau).start(start)).solve().expect("solved")
    }

    fn number(&self) -> u64 {
        self.line["seed"].as_u64().unwrap_or(1)
    }

    fn steps(&self) -> u64 {
        self.line["steps"].as_u64().expect("steps")
    }

    /// The word after `times` the steps of the line.
    fn told(&self, times: u64) -> (Behaviour, f64) {
        let problem = self.problem();
        let limits = Limits::steps(times * self.steps());
        let metrics = [DUALITY_GAP, DUALITY_GAP_TAU].map(|m| Metric::named(m).expect("registered"));
        let schedule = Schedule::At(Vec::new());
        let options = RunOptions::new(&limits, &schedule, &metrics);
        let mut oracle = match self.line["duels"].as_u64() {
            None => problem.exact_oracle(),
            Some(duels) => {
                let feedback =
                    Feedback::Sampled(Sampled { duels_per_query: duels as u32, ..Sampled::default() });
                GameOracle::new(problem.game.clone(), feedback, seed::stream(self.number(), "oracle", &[]))
            }
        };
        let result = problem
            .run(self.entry(), &self.line["with"], &mut oracle, &options, &mut |_| true)
            .expect("built");
        let gap = result.outcome.end(Iterate::Last, result.judged_by).expect("measured");
        (result.outcome.behaviour, gap)
    }

    /// Whether a theorem of the list says that the last iterate goes to the equilibrium, all its hypotheses met; from the reference, at
    /// which the theorems start.
    fn is_proved(&self) -> bool {
        let mut problem = self.problem();
        problem.task.start = problem.task.reference.clone();
        let task = problem.task.clone().horizon(self.steps());
        let built = self.entry().build(&self.line["with"], &task).expect("built");
        let noisy = self.line["duels"].is_u64();
        let proved = proved(self.entry(), &built.parameters, &problem, self.steps(), noisy);
        matches!(proved, Guarantee::Last | Guarantee::Both)
    }

    /// The gap at the fixed point of a method against a mixture `rho propto pi^(1 - m) mu^m`: there `log (pi / mu) = P rho / tau`, so
    /// that rho is the equilibrium of `tau / (1 - m)`, which another solver finds.
    fn gap_at_fixed_point(&self) -> f64 {
        let problem = self.problem();
        let (game, mu, tau) = (&problem.game, &problem.task.reference, problem.task.tau);
        let task = problem.task.clone().horizon(self.steps());
        let built = self.entry().build(&self.line["with"], &task).expect("built");
        let mixture = built.parameters["mixture"].as_f64().expect("a mixture");
        let rho = equipoise::reference::game_equilibrium(game, mu, tau / (1.0 - mixture)).expect("solved");
        let mut win_rates = ndarray::Array1::zeros(game.shape().len());
        game.margins(&rho, &mut win_rates);
        let logits = mu.log_probs() + &(win_rates / tau);
        let pi = Policy::from_logits(game.shape(), logits).expect("finite");
        let truth = Truth { game, reference: mu, tau, equilibrium: problem.equilibrium.as_ref() };
        measure(DUALITY_GAP_TAU, &truth, &pi)
    }

    fn right(&self) -> &[Behaviour] {
        match self.line["right"].as_str().expect("a word") {
            "converges" => &[Behaviour::Converged, Behaviour::Converging],
            "stalls" => &[Behaviour::Stalled],
            "cycles" => &[Behaviour::Cycling],
            "noise" => &[Behaviour::Noisy],
            other => panic!("{other}"),
        }
    }
}

/// Of `m` margins: each of `2 m + 1` actions beats the k-th after it by the k-th of them.
fn circulant(block: &Value) -> Game {
    let margins: Vec<f64> = serde_json::from_value(block["margins"].clone()).expect("numbers");
    let n = 2 * margins.len() + 1;
    let margin = |i: usize, j: usize| {
        let ahead = (j + n - i) % n;
        if ahead <= margins.len() { margins[ahead - 1] } else { -margins[n - ahead - 1] }
    };
    Game::single(PreferenceMatrix::from_margins(n, margin).expect("valid"))
}

/// Words by count, and the wrong ones.
fn tally(horizons: &[u64]) -> (BTreeMap<String, usize>, Vec<String>, f64) {
    let cases = Case::all();
    assert_eq!(cases.len(), 200);
    let told: Vec<(&Case, u64, Behaviour, f64)> = cases
        .par_iter()
        .flat_map_iter(|case| {
            horizons.iter().map(move |&times| {
                let (word, gap) = case.told(times);
                (case, times, word, gap)
            })
        })
        .collect();
    let mut counts = BTreeMap::new();
    let mut wrong = Vec::new();
    let mut undecided = 0;
    for (case, times, word, gap) in &told {
        let right = case.line["right"].as_str().expect("a word");
        *counts.entry(format!("{right:>9} at {times:>3} T: {word}")).or_insert(0) += 1;
        if *word == Behaviour::Undecided {
            undecided += 1;
        } else if !case.right().contains(word) {
            wrong.push(format!("{word} (gap {gap:.2e}) at {times} T: {}", case.text));
        }
    }
    (counts, wrong, f64::from(undecided) / told.len() as f64)
}

fn hold(horizons: &[u64]) {
    let (counts, wrong, undecided) = tally(horizons);
    for (what, n) in &counts {
        println!("{n:>4} {what}");
    }
    println!("undecided {:.1}%, wrong {}", 100.0 * undecided, wrong.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(undecided <= 0.15, "{undecided}");
}

#[test]
fn no_word_of_two_hundred_runs_is_wrong() {
    hold(&[1, 10]);
}

/// `cargo test --release --test behaviour -- --ignored --nocapture`; figures in `docs/verdicts.md`.
#[test]
#[ignore = "100 T steps of 200 runs: half a minute in release"]
fn no_word_of_two_hundred_runs_is_wrong_a_hundred_times_later() {
    hold(&[1, 10, 100]);
}

/// Expectations that rest on more than a longer run: on a theorem whose hypotheses hold, or on a fixed point found by another solver.
#[test]
fn expectations_have_the_sources_that_they_name() {
    let cases = Case::all();
    let named = |what: &'static str| {
        cases.iter().filter(move |case| case.line["known"].as_str().expect("a source").starts_with(what))
    };
    named("theorem").collect::<Vec<_>>().par_iter().for_each(|case| {
        assert!(case.is_proved() && case.line["right"] == "converges", "{}", case.text);
    });
    named("fixed point").collect::<Vec<_>>().par_iter().for_each(|case| {
        let gap = case.gap_at_fixed_point();
        assert_eq!(gap > 1e-10, case.line["right"] == "stalls", "gap {gap:e}: {}", case.text);
        if gap > 1e-10 {
            let (_, seen) = case.told(10);
            assert!((seen / gap - 1.0).abs() < 1e-2, "gap {gap:e}, seen {seen:e}: {}", case.text);
        }
    });
    let of = |what: &'static str| named(what).count();
    println!(
        "theory {}, theorem {}, fixed point {}, a longer run alone {}",
        of("theory"),
        of("theorem"),
        of("fixed point"),
        of("100 times")
    );
}

/// The cases that were told wrongly once, with the word at each of three horizons.
#[test]
fn what_was_told_wrongly_is_told_rightly_at_every_horizon() {
    use Behaviour::{Converged, Converging, Cycling, Noisy, Stalled, Undecided};
    let case = |solver: &str, with: Value, game: &Value, tau: f64, steps: u64, words: [Behaviour; 3]| {
        let line =
            json!({"solver": solver, "with": with, "game": game, "tau": tau, "steps": steps, "start": []});
        (Case { text: line.to_string(), line }, words)
    };
    let from = |(mut case, words): (Case, [Behaviour; 3]), key: &str, value: Value| {
        case.line[key] = value;
        (Case { text: case.line.to_string(), line: case.line }, words)
    };
    let rotation = json!({"perturbed-rps": {}});
    let delta = json!({"a-delta": {"delta": 0.01}});
    let circulant = json!({"circulant": {"margins": [0.4, 0.2472]}});
    let eta = |step: f64| json!({"step_size": step});
    let mut cases = vec![
        case("omwu", eta(0.2), &delta, 0.0, 3000, [Undecided, Undecided, Converging]),
        case("omwu", eta(0.02), &rotation, 0.0, 3000, [Converging; 3]),
        case("omwu", eta(0.1), &rotation, 0.0, 3000, [Converging, Converging, Converged]),
        case("mirror-prox", eta(0.05), &rotation, 0.0, 3000, [Converging; 3]),
        case("ogda", eta(0.01), &rotation, 0.0, 3000, [Undecided, Converging, Converging]),
        case("omd", eta(1e-3), &rotation, 0.1, 2000, [Converging, Converging, Converged]),
        case("egpo", eta(1e-3), &rotation, 0.1, 2000, [Converging, Converging, Converged]),
        case("nash-md", eta(0.05), &rotation, 0.3, 3000, [Stalled; 3]),
        case("mwu", eta(0.1), &rotation, 0.0, 1000, [Cycling; 3]),
    ];
    // a fast mode comes to rest long before the slow one
    for (solver, step, words) in [
        ("mirror-prox", 2.0, [Undecided, Converging, Converging]),
        ("omwu", 1.0, [Converging, Undecided, Converging]),
    ] {
        let slow = case(solver, eta(step), &circulant, 0.0, 200, words);
        cases.push(from(slow, "start", json!([2.0, 0.0, 0.5, -1.0, 0.3])));
    }
    // level because it is slow: no floor before it has gone its way
    for (solver, step, later) in [
        ("egpo", 1e-4, Undecided),
        ("omd", 1e-5, Undecided),
        ("nash-md", 1e-4, Undecided),
        ("mmd", 1e-3, Noisy),
    ] {
        let words = [Undecided, Undecided, later];
        let slow = case(solver, eta(step), &json!({"rock-paper-scissors": {}}), 0.1, 2000, words);
        cases.push(from(from(slow, "start", json!([1, 0, -1])), "duels", json!(32)));
    }
    let wrong: Vec<String> = cases
        .par_iter()
        .flat_map_iter(|(case, words)| {
            [1, 10, 100].into_iter().zip(words).filter_map(move |(times, right)| {
                let (word, gap) = case.told(times);
                (word != *right).then(|| format!("{word} (gap {gap:.1e}) at {times} T: {}", case.text))
            })
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A method of the original game goes the same way whatever tau is, and the same is said of it.
#[test]
fn methods_of_the_original_game_are_judged_by_its_equilibrium_at_every_tau() {
    let games = [json!({"actions": 5}), json!({"actions": 3, "contexts": 4})];
    let rows = registry::solvers().filter(|entry| entry.aim == Aim::Original);
    let rows: Vec<_> = rows
        .map(|entry| (entry, Value::Null))
        .chain([
            (solver("omwu").expect("registered"), json!({"step_size": 0.05})),
            (solver("mirror-prox").expect("registered"), json!({"step_size": 0.3})),
        ])
        .collect();
    let seeds: Vec<(u64, &Value)> =
        (0..6).flat_map(|seed| games.iter().map(move |block| (seed, block))).collect();
    seeds.par_iter().for_each(|(number, block)| {
        let mut rng = seed::stream(*number, "game", &[]);
        let game = generator("random-uniform").expect("a generator").build(block, &mut rng).expect("valid");
        let game = Arc::new(game);
        let (limits, schedule) = (Limits::steps(1000), Schedule::At(Vec::new()));
        let options = RunOptions::new(&limits, &schedule, &[]);
        let problems = [0.0, 0.3].map(|tau| {
            let task = Task::new(Policy::uniform(game.shape())).tau(tau);
            Problem::new(Arc::clone(&game), task).solve().expect("solved")
        });
        for (entry, with) in &rows {
            let [original, regularised] = problems.each_ref().map(|problem| {
                let mut oracle = problem.exact_oracle();
                problem.run(entry, with, &mut oracle, &options, &mut |_| true).expect("built").outcome
            });
            let said = format!("{} {with} on {block}, seed {number}", entry.name);
            assert_eq!(original.policy, regularised.policy, "{said}");
            assert_eq!(
                (original.behaviour, original.judgement),
                (regularised.behaviour, regularised.judgement),
                "{said}"
            );
        }
    });
}

/// In a game of tiny margins every gap is tiny: that alone is no equilibrium.
#[test]
fn a_gap_is_none_only_against_the_largest_of_its_game() {
    let margin = |i: usize, j: usize| 1e-11 * [[0.0, 3.0, 1.0], [0.0, 0.0, 2.0]][i][j];
    let game = Arc::new(Game::single(PreferenceMatrix::from_margins(3, margin).expect("valid")));
    let problem =
        Problem::new(Arc::clone(&game), Task::new(Policy::uniform(game.shape()))).solve().expect("solved");
    let (limits, schedule) = (Limits::steps(500), Schedule::At(Vec::new()));
    let metrics = [Metric::named(DUALITY_GAP).expect("registered")];
    let options = RunOptions::new(&limits, &schedule, &metrics);
    let told = |step: f64| {
        let (mut oracle, with) = (problem.exact_oracle(), json!({"step_size": step}));
        let entry = solver("mirror-prox").expect("registered");
        let outcome = problem.run(entry, &with, &mut oracle, &options, &mut |_| true).expect("built").outcome;
        (outcome.behaviour, outcome.end(Iterate::Last, DUALITY_GAP).expect("measured"))
    };
    let (word, gap) = told(0.1);
    assert!(word == Behaviour::Undecided && (1e-12..1e-10).contains(&gap), "{word}, gap {gap:e}");
    let (word, gap) = told(5e10);
    assert!(word == Behaviour::Converged && gap < 1e-17, "{word}, gap {gap:e}");
}
