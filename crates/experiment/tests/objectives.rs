//! Every objective in every policy class on every game: from YAML it runs, or is refused by name with the reason.

#![allow(clippy::print_stdout, reason = "the counts are what the test reports")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;

use equipoise::RunOptions;
use equipoise::core::seed;
use equipoise::eval::{Limits, Schedule, StopReason};
use equipoise::objectives::OBJECTIVES;
use equipoise::policies::POLICIES;
use equipoise::registry::{games, solver};
use equipoise_experiment::exact::ExactAnswers;
use equipoise_experiment::{Plan, file, resolve};

/// Entries of the largest game that is run: fits of all classes on it take milliseconds.
const MOST: usize = 8;

fn plan(text: &str) -> Result<Plan, String> {
    let parsed = file::parse("c.yaml", Path::new("."), text.as_bytes(), &[]);
    parsed.and_then(|f| Plan::new(resolve(&f)?)).map_err(|e| e.to_string())
}

#[test]
fn any_objective_in_any_class_on_any_game_runs_from_yaml_or_is_refused_by_name() {
    let names: Vec<&str> =
        OBJECTIVES.iter().flat_map(|o| std::iter::once(o.name).chain(o.aliases.iter().copied())).collect();
    let (mut ran, mut refused, mut unfitted, mut resolved) = (0, 0, 0, 0);
    for game in games() {
        for class in POLICIES {
            for name in &names {
                let text = format!(
                    "games: [{}]\ntau: 0.1\npolicy: {}\nsolvers: [{name}]\nmetrics: [duality_gap_tau, evaluations]\n",
                    game.name, class.name
                );
                let what = format!("{name}, {}, {}", class.name, game.name);
                let plan = match plan(&text) {
                    Ok(plan) => plan,
                    Err(said) => {
                        // an objective that is no method at all, or a method of its name that moves tables
                        let known = said.contains(&format!("`{name}`")) && said.contains("c.yaml:4:");
                        let reason =
                            said.contains("is no method on a game: it") || said.contains("moves a table");
                        assert!(known && reason && said.contains("help:"), "{what}: {said}");
                        assert_eq!(said.contains("moves a table"), solver(name).is_some(), "{what}: {said}");
                        refused += 1;
                        continue;
                    }
                };
                assert!(solver(name).is_some(), "{what}");
                let made = match plan.make(0) {
                    Ok(made) if made.game.shape().len() <= MOST => made,
                    Ok(_) => {
                        resolved += 1;
                        continue;
                    }
                    Err(error) => panic!("{what}: {error}"),
                };
                let problem = made.problem(0.1);
                let (limits, schedule) = (Limits::steps(1), Schedule::Every(1));
                let options = RunOptions::new(&limits, &schedule, &plan.spec.metrics);
                let options = RunOptions { rng: seed::stream(1, "test", &[]), ..options };
                let method = &plan.spec.methods[0];
                let mut oracle = problem.exact_oracle();
                let result = problem
                    .run(method.entry, &method.parameters, &mut oracle, &options, &mut |_| true)
                    .unwrap();
                match &result.outcome.stop {
                    StopReason::Diverged { .. } => {
                        let said = result.outcome.stop.to_string();
                        assert!(said.contains("finite minimiser"), "{what}: {said}");
                        unfitted += 1;
                    }
                    _ => {
                        let finite = result.outcome.trace.iter().all(|point| point.value.is_finite());
                        assert!(finite && !result.outcome.trace.is_empty(), "{what}");
                        ran += 1;
                    }
                }
            }
        }
    }
    println!(
        "{ran} ran, {unfitted} without a finite minimiser, {resolved} resolved, {refused} refused by name"
    );
    assert!(ran > 500 && refused > 500 && resolved > 500 && unfitted > 0);
}

/// The training run takes every objective in every class, or says which of its inputs labelled pairs do not give.
#[test]
fn any_objective_trains_in_any_class_or_is_refused_by_name() {
    let (mut ran, mut refused) = (0, 0);
    for game in ["cyclic", "token-strings: { depth: 2 }", "two-actions"] {
        for class in POLICIES {
            for entry in OBJECTIVES {
                let text = format!(
                    "games: [{{ {game} }}]\npolicy: {}\nlimits: {{ steps: 2 }}\nsolvers: [offline: {{ objective: {} }}]\n\
                     metrics: [chosen_log_ratio, rejected_log_ratio]\n",
                    class.name, entry.name
                )
                .replace("{ cyclic }", "cyclic")
                .replace("{ two-actions }", "two-actions");
                let what = format!("{}, {}, {game}", entry.name, class.name);
                let plan = plan(&text).unwrap_or_else(|e| panic!("{what}: {e}"));
                let made = plan.make(0).unwrap();
                if let Err(error) = plan.check_methods(&made, &ExactAnswers::default()) {
                    let said = error.to_string();
                    let reason = said.contains("which labelled pairs do not give")
                        || (said.contains("need `policy: token-tree`") && class.name != "token-tree");
                    assert!(reason && said.contains(entry.name) && error.line == 4, "{what}: {said}");
                    refused += 1;
                    continue;
                }
                let problem = made.problem(0.0);
                let (limits, schedule) = (Limits::steps(2), Schedule::Every(1));
                let options = RunOptions::new(&limits, &schedule, &plan.spec.metrics);
                let options = RunOptions { rng: seed::stream(1, "test", &[]), ..options };
                let method = &plan.spec.methods[0];
                let mut oracle = problem.exact_oracle();
                let result = problem
                    .run(method.entry, &method.parameters, &mut oracle, &options, &mut |_| true)
                    .unwrap();
                let stop = &result.outcome.stop;
                assert!(!matches!(stop, StopReason::Diverged { .. }), "{what}: {stop}");
                let last = result.outcome.trace.iter().filter(|point| point.step == 2);
                assert!(last.clone().count() > 0 && last.clone().all(|p| p.value.is_finite()), "{what}");
                ran += 1;
            }
        }
    }
    println!("{ran} trained, {refused} refused by name");
    assert!(ran > 250 && refused > 100, "{ran} {refused}");
}
