//! What runs are said to do, held against what they do: 200 constructed runs, and the cases that were told wrongly by 0.1.
//!
//! Each line of `behaviour/runs.jsonl` is one run: method, game, feedback, steps; what is right (`converges`, `stalls`, `cycles`,
//! `noise`); and how that is known, from theory or from a run that is 100 times longer. Each is run for `T` and `10 T` steps, and
//! by the ignored test for `100 T` steps too. A word may be right or `undecided`; no word may be wrong.

#![allow(clippy::print_stdout, reason = "the counts are what the test reports")]

use std::collections::BTreeMap;
use std::sync::Arc;

use equipoise::prelude::*;
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

    /// The word after `times` the steps of the line.
    fn told(&self, times: u64) -> (Behaviour, f64) {
        let line = &self.line;
        let (name, block) = line["game"].as_object().expect("a game").iter().next().expect("one key");
        let number = line["seed"].as_u64().unwrap_or(1);
        let mut rng = seed::stream(number, "game", &[]);
        let game = Arc::new(generator(name).expect("a generator").build(block, &mut rng).expect("valid"));
        let uniform = Policy::uniform(game.shape());
        let start = match line["start"].as_array() {
            Some(_) => uniform.clone(),
            None => {
                let mut rng = seed::stream(number, "start", &[]);
                let logits = (0..game.shape().len()).map(|_| sample::normal(&mut rng)).collect();
                Policy::from_logits(game.shape(), logits).expect("finite")
            }
        };
        let tau = line["tau"].as_f64().expect("tau");
        let problem = Problem::new(Arc::clone(&game), Task::new(uniform).tau(tau).start(start));
        let problem = problem.solve().expect("solved");
        let limits = Limits::steps(times * line["steps"].as_u64().expect("steps"));
        let metrics = [DUALITY_GAP, DUALITY_GAP_TAU].map(|m| Metric::named(m).expect("registered"));
        let schedule = Schedule::At(Vec::new());
        let options = RunOptions::new(&limits, &schedule, &metrics);
        let mut oracle = match line["duels"].as_u64() {
            None => problem.exact_oracle(),
            Some(duels) => {
                let feedback =
                    Feedback::Sampled(Sampled { duels_per_query: duels as u32, ..Sampled::default() });
                GameOracle::new(Arc::clone(&game), feedback, seed::stream(number, "oracle", &[]))
            }
        };
        let entry = solver(line["solver"].as_str().expect("a solver")).expect("registered");
        let result = problem.run(entry, &line["with"], &mut oracle, &options, &mut |_| true).expect("built");
        let gap = result.outcome.end(Iterate::Last, result.judged_by).expect("measured");
        (result.outcome.behaviour, gap)
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

/// The cases that 0.1 told wrongly, each at three horizons: a word never contradicts that of a longer run.
#[test]
fn what_was_told_wrongly_is_told_rightly_at_every_horizon() {
    let slow = |solver: &str, with: Value, game: Value, tau: f64, steps: u64, right: &str| {
        let line = json!({"solver": solver, "with": with, "game": game, "tau": tau, "steps": steps, "right": right,
            "start": []});
        Case { text: line.to_string(), line }
    };
    let rotation = json!({"perturbed-rps": {}});
    let delta = json!({"a-delta": {"delta": 0.01}});
    let cases = [
        slow("omwu", json!({"step_size": 0.2}), delta.clone(), 0.0, 3000, "converges"),
        slow("omwu", json!({"step_size": 0.02}), rotation.clone(), 0.0, 3000, "converges"),
        slow("omwu", json!({"step_size": 0.1}), rotation.clone(), 0.0, 3000, "converges"),
        slow("mirror-prox", json!({"step_size": 0.05}), rotation.clone(), 0.0, 3000, "converges"),
        slow("ogda", json!({"step_size": 0.01}), rotation.clone(), 0.0, 3000, "converges"),
        slow("omd", json!({"step_size": 1e-3}), rotation.clone(), 0.1, 2000, "converges"),
        slow("egpo", json!({"step_size": 1e-3}), rotation.clone(), 0.1, 2000, "converges"),
        slow("nash-md", json!({"step_size": 0.05}), rotation.clone(), 0.3, 3000, "stalls"),
        slow("mwu", json!({"step_size": 0.1}), rotation, 0.0, 1000, "cycles"),
    ];
    let wrong: Vec<String> = cases
        .par_iter()
        .flat_map_iter(|case| {
            [1, 10, 100].into_iter().filter_map(move |times| {
                let (word, gap) = case.told(times);
                let fine = word == Behaviour::Undecided || case.right().contains(&word);
                println!("{word:<12} gap {gap:.1e} at {times:>3} T: {}", case.text);
                (!fine).then(|| format!("{word} at {times} T: {}", case.text))
            })
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
