//! The runs of a plan: methods with their grids, each built once to see that it can be, and an id for each run.

use std::collections::BTreeMap;

use equipoise::Problem;
use equipoise::core::Task;
use equipoise::core::{BuildError, SolverEntry};
use equipoise::env::Feedback;
use equipoise::registry;
use serde_json::{Map, Value, json};

use super::{Plan, Resolver, RunPlan, limits_json};
use crate::error::ConfigError;
use crate::grid::{self, Point};
use crate::identity;

/// Most runs of one experiment.
const MAX_RUNS: usize = 1_000_000;

impl Resolver<'_> {
    /// Methods with their parameters filled in, and where they were typed.
    pub(super) fn solvers(&self) -> Result<Vec<(&'static SolverEntry, Value, Point)>, ConfigError> {
        let mut solvers = Vec::new();
        for choice in &self.file.solvers {
            let kind = &choice.kind;
            let known = registry::solvers().map(|e| e.name);
            let Some(entry) = registry::solver(&kind.value) else {
                return Err(self.file.sources.unknown("solver", kind, known.collect::<Vec<_>>()));
            };
            let defaults = (entry.defaults)();
            let points =
                grid::expand(&self.file.sources, choice, &format!("solver `{}`", kind.value), &defaults)?;
            solvers.extend(points.into_iter().map(|p| (entry, p.filled(&defaults), p)));
        }
        Ok(solvers)
    }

    /// Builds every method on every game and tau once, so that what would be refused later is refused now.
    pub(super) fn check_solvers(
        &self,
        plan: &Plan,
        solvers: &[(&'static SolverEntry, Value, Point)],
    ) -> Result<(), ConfigError> {
        for game in &plan.games {
            for &tau in &plan.taus {
                let task = Task::new(game.reference.clone()).start(game.start.clone()).tau(tau);
                let mut problem = Problem::new(game.game.clone(), task);
                let asks = |p: &Value| p.as_object().is_some_and(|o| o.values().any(|v| v == "stability"));
                if solvers.iter().any(|(_, p, _)| asks(p)) {
                    problem = problem.solve().map_err(|e| {
                        self.error(self.file.place, format!("game `{}`, tau {tau}: {e}", game.name))
                    })?;
                }
                problem.task.horizon = Some(plan.limits.steps);
                for (entry, parameters, point) in solvers {
                    if let Err(error) = entry.build(parameters, &problem.task) {
                        let what = format!("solver `{}` on game `{}` with tau {tau}", entry.name, game.name);
                        return Err(self.build_error(point, &what, &error));
                    }
                }
            }
        }
        Ok(())
    }

    pub(super) fn build_error(&self, point: &Point, what: &str, error: &BuildError) -> ConfigError {
        let place = match error {
            BuildError::UnknownKey { key, .. } => point.key_place(key),
            _ => point.value_place(error.key()),
        };
        self.error(place, format!("{what}: {error}"))
    }

    pub(super) fn runs(
        &self,
        plan: &Plan,
        solvers: &[(&'static SolverEntry, Value, Point)],
        oracles: &[Feedback],
        repetitions: u32,
    ) -> Result<Vec<RunPlan>, ConfigError> {
        let labels = labels(solvers);
        let count = plan.games.len() * plan.taus.len() * solvers.len() * oracles.len() * repetitions as usize;
        if count > MAX_RUNS {
            let message = format!("the experiment has {count} runs; at most {MAX_RUNS} are planned");
            return Err(self.error(self.file.place, message));
        }
        let mut runs = Vec::with_capacity(count);
        let mut seen = BTreeMap::new();
        for (g, game) in plan.games.iter().enumerate() {
            let content = identity::content(&game.game);
            let policies = [&game.reference, &game.start].map(|p| {
                let bits: Vec<String> = p.log_probs().iter().map(|l| format!("{:x}", l.to_bits())).collect();
                identity::id(&json!(bits))
            });
            for &tau in &plan.taus {
                for ((entry, parameters, point), label) in solvers.iter().zip(&labels) {
                    for oracle in oracles {
                        let label = if oracles.len() == 1 {
                            label.clone()
                        } else {
                            format!("{label} [{}]", word(oracle))
                        };
                        for repetition in 0..repetitions {
                            let id = identity::id(&json!({
                                "semantics": identity::SEMANTICS, "seed": plan.seed, "game": game.name,
                                "content": content, "policies": policies, "tau": tau, "solver": entry.name,
                                "parameters": parameters, "oracle": oracle, "limits": limits_json(&plan.limits),
                                "record": plan.record, "repetition": repetition,
                                "metrics": plan.metrics.iter().map(|m| m.name).collect::<Vec<_>>(),
                                "save_policies": plan.save_policies,
                            }));
                            if seen.insert(id.clone(), ()).is_some() {
                                let message = format!(
                                    "the solver `{}` with these parameters is listed twice",
                                    entry.name
                                );
                                return Err(self.error(point.entry, message));
                            }
                            runs.push(RunPlan {
                                id,
                                game: g,
                                tau,
                                solver: entry.name,
                                parameters: parameters.clone(),
                                label: label.clone(),
                                oracle: oracle.clone(),
                                repetition,
                            });
                        }
                    }
                }
            }
        }
        Ok(runs)
    }
}

/// Legends: the method, with the parameters in which it differs from others of its name.
fn labels(solvers: &[(&'static SolverEntry, Value, Point)]) -> Vec<String> {
    solvers
        .iter()
        .map(|(entry, parameters, _)| {
            let same: Vec<&Map<String, Value>> = solvers
                .iter()
                .filter(|(e, ..)| e.name == entry.name)
                .filter_map(|(_, p, _)| p.as_object())
                .collect();
            let at = solvers
                .iter()
                .filter(|(e, ..)| e.name == entry.name)
                .position(|(_, p, _)| p == parameters)
                .unwrap_or(0);
            match grid::distinguish(&same).get(at) {
                Some(suffix) if !suffix.is_empty() => format!("{} ({})", entry.name, suffix.join(", ")),
                _ => entry.name.to_owned(),
            }
        })
        .collect()
}

fn word(oracle: &Feedback) -> String {
    match oracle {
        Feedback::Exact => "exact".into(),
        Feedback::Sampled(s) => format!("{} duels", s.duels_per_query),
    }
}
