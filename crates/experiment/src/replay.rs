//! A finding of the audit as an experiment that anybody can run again.

use equipoise::audit::{Finding, Instance, rounding_floor};
use equipoise::claims::{Claim, Quantity};
use equipoise::core::Policy;
use equipoise::eval::audit::{BoundVerdict, Form};
use serde_json::json;

/// A finding as files: an experiment that replays it, and what that must show.
#[derive(Clone, Debug)]
pub struct Replay {
    /// `experiment.yaml`.
    pub experiment: String,
    /// `expected.yaml`.
    pub expected: String,
}

/// The experiment that replays a finding at the step that decided it. `None` where nothing was decided, where duels were
/// drawn (an experiment draws others), and for the quantities that are no metric of an experiment.
#[must_use]
pub fn replay(claim: &Claim, finding: &Finding, instance: &Instance) -> Option<Replay> {
    let witness = finding.judged.witness?;
    let Quantity::Metric(metric) = claim.quantity else { return None };
    if claim.noisy {
        return None;
    }
    let step = witness.step;
    let n = instance.game.shape().actions(0);
    let row = |i: usize| (0..n).map(|j| instance.game.prob(0, i, j)).collect::<Vec<_>>();
    let values: Vec<Vec<f64>> = (0..n).map(row).collect();
    let logits = |policy: &Policy| json!({ "logits": policy.log_probs().to_vec() });
    let start =
        claim.start_perturbation.map_or(String::new(), |_| format!("start: {}\n", logits(&finding.start)));
    let experiment = format!(
        "format: 1\nname: {}\ndescription: {}\ngames:\n  - matrix: {{ name: instance, values: {} }}\nreference: \
         {}\n{start}tau: {}\nsolvers:\n  - {}: {}\nseed: 0\nlimits: {{ steps: {step} }}\nrecord: {{ at: [{}, {step}] \
         }}\nmetrics: [{metric}]\n",
        claim.id,
        json!(format!("{} ({}) on {}", claim.statement, claim.citation, instance.name)),
        json!(values),
        logits(&instance.start),
        instance.tau,
        claim.solver,
        finding.parameters,
        step.saturating_sub(1),
    );
    let bounds = match finding.judged.verdict {
        // a thousandth of the excess for another order of summation; monotone quantities are shown by the two records
        BoundVerdict::Fail { measured, allowed, .. }
            if matches!(claim.form, Form::NeverFalls | Form::Leaves) =>
        {
            format!("at_most: {:e}", measured + 1e-3 * (allowed - measured))
        }
        BoundVerdict::Fail { measured, allowed, .. } => {
            format!("at_least: {:e}", measured - 1e-3 * (measured - allowed))
        }
        _ => {
            let (m, floor) = (witness.measured, rounding_floor(claim.quantity, instance.tau));
            format!("at_least: {:e}, at_most: {:e}", 0.99 * m - floor, 1.01 * m + floor)
        }
    };
    let allowed = witness.allowed.map_or(String::new(), |a| format!(", where the claim allows {a:e}"));
    let expected = format!(
        "# {}: {:e} measured at step {step}{allowed}\n- {{ solver: {}, metric: {metric}, iterate: {}, {bounds} }}\n",
        finding.judged.verdict.name(),
        witness.measured,
        claim.solver,
        claim.iterate,
    );
    Some(Replay { experiment, expected })
}
