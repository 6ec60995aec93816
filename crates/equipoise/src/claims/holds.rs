//! Which theorems of the list hold of a run: of its game, its temperature, its step and its feedback.

use equipoise_core::{Aim, Guarantee, SolverEntry};
use equipoise_eval::audit::{Facts, Form};
use equipoise_records::Iterate;
use serde_json::Value;

use super::{CLAIMS, Claim, Quantity, Standing};
use crate::local_theory::INTERIOR;
use crate::problem::Problem;

/// For which iterates a theorem of the list says where a run goes: one about its method whose hypotheses all hold of this game,
/// this temperature and these resolved `parameters`, over `steps` steps, with the feedback of which it speaks (`noisy`: drawn).
/// Theorems are stated for one context and a start at the reference; of other runs, and of unsolved problems, none is known to hold.
#[must_use]
pub fn proved(
    entry: &SolverEntry,
    parameters: &Value,
    problem: &Problem,
    steps: u64,
    noisy: bool,
) -> Guarantee {
    let run = Run { entry, parameters, problem, steps, noisy };
    let holds = |iterate| CLAIMS.iter().any(|claim| claim.iterate == iterate && run.is_covered_by(claim));
    let (of_last, of_average) = match entry.guarantee {
        Guarantee::None => (false, false),
        Guarantee::Last => (true, false),
        Guarantee::Average => (false, true),
        Guarantee::Both => (true, true),
    };
    match (of_last && holds(Iterate::Last), of_average && holds(Iterate::Average)) {
        (true, true) => Guarantee::Both,
        (true, false) => Guarantee::Last,
        (false, true) => Guarantee::Average,
        (false, false) => Guarantee::None,
    }
}

struct Run<'a> {
    entry: &'a SolverEntry,
    parameters: &'a Value,
    problem: &'a Problem,
    steps: u64,
    noisy: bool,
}

impl Run<'_> {
    fn is_covered_by(&self, claim: &Claim) -> bool {
        let is_where_it_goes = matches!(claim.quantity, Quantity::Metric(_))
            && !matches!(claim.form, Form::NeverRises(_) | Form::NeverFalls)
            && claim.start_perturbation.is_none();
        let is_about_it = claim.solver == self.entry.name
            && claim.standing == Standing::Theorem
            && claim.noisy == self.noisy
            && claim.game == self.entry.aim;
        if !is_where_it_goes || !is_about_it {
            return false;
        }
        let Some(mut facts) = self.facts(claim.game) else { return false };
        facts.eta = (claim.step)(&facts, self.parameters);
        let strength = ["comal_tau", "magnet_tau", "alpha"].iter().find_map(|k| self.parameters[*k].as_f64());
        facts.magnet = strength.unwrap_or(f64::NAN);
        self.speaks_as(claim, &facts) && claim.hypotheses.iter().all(|h| (h.holds)(&facts))
    }

    /// Whether the parameters of which the statement speaks are as it has them.
    fn speaks_as(&self, claim: &Claim, facts: &Facts) -> bool {
        let task = self.problem.task.clone().horizon(self.steps);
        let Ok(stated) = self.entry.build(&(claim.parameters)(facts), &task) else { return false };
        claim.fixed.iter().all(|key| stated.parameters[*key] == self.parameters[*key])
    }

    fn facts(&self, aim: Aim) -> Option<Facts> {
        let Self { problem, steps, .. } = *self;
        let task = &problem.task;
        if problem.game.contexts() != 1 || task.start.probs() != task.reference.probs() {
            return None;
        }
        let (goal, around) = (problem.goal(aim)?, problem.surroundings(aim)?);
        Some(Facts {
            actions: problem.game.shape().len(),
            tau: if aim == Aim::Original { 0.0 } else { task.tau },
            eta: f64::NAN,
            radius: task.start.log_probs().iter().fold(0.0, |d: f64, l| d.max(-l)),
            steps,
            omega: around.fastest(),
            operator_norm: task.operator_norm.unwrap_or(f64::NAN),
            magnet: f64::NAN,
            full_support: goal.probs().iter().all(|&p| p > INTERIOR),
            unique: around.is_unique(),
            initial: f64::NAN,
        })
    }
}
