//! Targets that not even the equilibrium meets, said before anything runs.

use std::fmt;

use equipoise::Problem;
use equipoise::core::Aim;
use equipoise::eval::Target;
use equipoise::eval::metrics::{Truth, measure};

use crate::build::Plan;
use crate::game::GamePlan;

/// A metric below this at an equilibrium is what rounding leaves of 0.
const ROUNDING: f64 = 1e-13;

/// A target that the equilibrium of a game does not meet: methods that go there do not either.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct BeyondEquilibrium {
    /// The game.
    pub game: String,
    /// The regularisation.
    pub tau: f64,
    /// Which equilibrium: of the original or of the regularised game.
    pub aim: Aim,
    /// The metric.
    pub metric: &'static str,
    /// The target.
    pub target: f64,
    /// The metric at the equilibrium.
    pub there: f64,
    /// Methods that aim at that equilibrium.
    pub methods: Vec<&'static str>,
}

impl fmt::Display for BeyondEquilibrium {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { game, tau, aim, metric, target, there, methods } = self;
        write!(
            f,
            "game `{game}`, tau {tau}: the target {metric}: {target:e} cannot be met at the equilibrium of the {aim} game, which \
             itself has {there:e}; runs of {} that go there end by their other limits",
            methods.join(", ")
        )
    }
}

/// The targets of the plan that the equilibria of a solved problem do not meet.
pub(crate) fn beyond_equilibrium(plan: &Plan, made: &GamePlan, problem: &Problem) -> Vec<BeyondEquilibrium> {
    let (task, game) = (&problem.task, &problem.game);
    let mut found = Vec::new();
    for aim in [Aim::Original, Aim::Regularised] {
        let mut methods: Vec<&'static str> = Vec::new();
        for method in plan.spec.methods.iter().filter(|m| m.entry.aim == aim) {
            if !methods.contains(&method.entry.name) {
                methods.push(method.entry.name);
            }
        }
        let Some(there) = problem.goal(aim).filter(|_| !methods.is_empty()) else { continue };
        let truth = Truth {
            game,
            reference: &task.reference,
            tau: task.tau,
            equilibrium: problem.equilibrium.as_ref(),
        };
        for &Target { metric, value: target } in &plan.spec.limits.target {
            let value = measure(metric.name, &truth, there);
            // what cannot be measured is not told either
            if value.abs() > ROUNDING && !metric.meets(value, target) {
                found.push(BeyondEquilibrium {
                    game: made.name.clone(),
                    tau: task.tau,
                    aim,
                    metric: metric.name,
                    target,
                    there: value,
                    methods: methods.clone(),
                });
            }
        }
    }
    found
}
