//! Which theorems of the list hold of a run: of its game, its temperature, its step and its feedback.

use std::collections::BTreeMap;
use std::ops::Range;

use equipoise_core::{Aim, Guarantee, SolverEntry};
use equipoise_eval::audit::{Facts, Form};
use equipoise_records::Iterate;
use serde_json::Value;

use super::{CLAIMS, Claim, Quantity, Standing};
use crate::local_theory::INTERIOR;
use crate::problem::Problem;

/// For which iterates a theorem of the list says where a run goes: in each context one about its method whose hypotheses all hold
/// of that context's game, this temperature and these resolved `parameters`, over `steps` steps, with the feedback of which it
/// speaks (`noisy`: drawn). Theorems are stated for one context, and a method works in each by itself; they are stated for a start
/// at the reference. Of other runs, of unsolved problems, and of more than 4096 contexts, none is known to hold.
#[must_use]
pub fn proved(
    entry: &SolverEntry,
    parameters: &Value,
    problem: &Problem,
    steps: u64,
    noisy: bool,
) -> Guarantee {
    let run = Run { entry, parameters, problem, steps, noisy };
    let holds = |iterate| run.is_covered(iterate);
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

/// More contexts than this are not looked at, one by one, for every run.
const MOST_CONTEXTS: usize = 4096;

impl Run<'_> {
    /// Whether in every context a theorem about this iterate holds.
    fn is_covered(&self, iterate: Iterate) -> bool {
        let claims: Vec<&Claim> =
            CLAIMS.iter().filter(|claim| claim.iterate == iterate && self.is_about_it(claim)).collect();
        let facts = claims.first().map(|claim| self.facts(claim.game)).unwrap_or_default();
        let mut spoken: Vec<BTreeMap<String, bool>> = vec![BTreeMap::new(); claims.len()];
        let mut is_covered = |facts: &Facts| {
            claims.iter().zip(&mut spoken).any(|(claim, spoken)| self.is_covered_by(claim, spoken, facts))
        };
        !facts.is_empty() && facts.iter().all(&mut is_covered)
    }

    /// Whether it says where this method goes, on games of its aim and with such feedback.
    fn is_about_it(&self, claim: &Claim) -> bool {
        matches!(claim.quantity, Quantity::Metric(_))
            && !matches!(claim.form, Form::NeverRises(_) | Form::NeverFalls)
            && claim.start_perturbation.is_none()
            && claim.solver == self.entry.name
            && claim.standing == Standing::Theorem
            && claim.noisy == self.noisy
            && claim.game == self.entry.aim
    }

    /// Whether its hypotheses hold of one context. `spoken` keeps [`Run::speaks_as`] of each set of parameters.
    fn is_covered_by(&self, claim: &Claim, spoken: &mut BTreeMap<String, bool>, facts: &Facts) -> bool {
        let mut facts = *facts;
        facts.eta = (claim.step)(&facts, self.parameters);
        let strength = ["comal_tau", "magnet_tau", "alpha"].iter().find_map(|k| self.parameters[*k].as_f64());
        facts.magnet = strength.unwrap_or(f64::NAN);
        let stated = (claim.parameters)(&facts);
        *spoken.entry(stated.to_string()).or_insert_with(|| self.speaks_as(claim, &stated))
            && claim.hypotheses.iter().all(|h| (h.holds)(&facts))
    }

    /// Whether the parameters of which the statement speaks are as it has them.
    fn speaks_as(&self, claim: &Claim, stated: &Value) -> bool {
        let task = self.problem.task.clone().horizon(self.steps);
        let Ok(stated) = self.entry.build(stated, &task) else { return false };
        claim.fixed.iter().all(|key| stated.parameters[*key] == self.parameters[*key])
    }

    /// What the hypotheses ask of each context; empty where that is not known. The operator norm is the largest of all contexts:
    /// they ask for steps that are small beside it.
    fn facts(&self, aim: Aim) -> Vec<Facts> {
        let Self { problem, steps, .. } = *self;
        let (task, game) = (&problem.task, &problem.game);
        if game.contexts() > MOST_CONTEXTS || task.start.probs() != task.reference.probs() {
            return Vec::new();
        }
        let (Some(goal), Some(around)) = (problem.goal(aim), problem.surroundings(aim)) else {
            return Vec::new();
        };
        let one = |(range, (omega, unique)): (Range<usize>, (f64, bool))| Facts {
            actions: range.len(),
            tau: if aim == Aim::Original { 0.0 } else { task.tau },
            eta: f64::NAN,
            radius: task.start.log_probs_slice()[range.clone()].iter().fold(0.0, |d: f64, l| d.max(-l)),
            steps,
            omega,
            operator_norm: task.operator_norm.unwrap_or(f64::NAN),
            magnet: f64::NAN,
            full_support: goal.probs_slice()[range].iter().all(|&p| p > INTERIOR),
            unique,
            initial: f64::NAN,
        };
        game.shape().ranges().zip(around.each()).map(one).collect()
    }
}
