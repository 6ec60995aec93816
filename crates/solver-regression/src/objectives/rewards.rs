//! Losses of rewards: regression of reward differences, reward models, and preference models of embeddings.

use equipoise_core::BuildError;
use equipoise_core::logistic::logistic;
use equipoise_core::registry::ensure;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::array::same_length;
use super::factors::softplus;
use super::pairs::positive;
use super::{Array, Evaluation, Input, Inputs, Minimiser, Objective, ObjectiveEntry, ObjectiveError};

/// Options of `rebel`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Rebel {
    /// Step size: factor of the reward difference, above 0.
    eta: f64,
}

impl Default for Rebel {
    fn default() -> Self {
        Self { eta: 1.0 }
    }
}

const REBEL_INPUTS: [&str; 6] =
    ["new_log_prob_y", "new_log_prob_y2", "old_log_prob_y", "old_log_prob_y2", "reward_y", "reward_y2"];

impl Objective for Rebel {
    fn inputs() -> Vec<Input> {
        let [new, new2, old, old2, reward, reward2] = REBEL_INPUTS;
        vec![
            Input::variable(new, "[rows] log pi of a response"),
            Input::variable(new2, "[rows] log pi of another response"),
            Input::data(old, "[rows] log-probability of the first under the policy that drew it"),
            Input::data(old2, "[rows] of the second"),
            Input::data(reward, "[rows] reward of the first"),
            Input::data(reward2, "[rows] reward of the second"),
        ]
    }

    fn check(&self) -> Result<(), BuildError> {
        positive("eta", self.eta)
    }

    fn evaluate(&self, inputs: &Inputs) -> Result<Evaluation, ObjectiveError> {
        let rows = inputs.column(REBEL_INPUTS[0])?.len();
        let mut columns = Vec::new();
        for name in REBEL_INPUTS {
            columns.push(inputs.column_of(name, rows)?);
        }
        let difference = |a: usize, k: usize| columns[a][k] - columns[a + 1][k];
        let residuals: Vec<f64> =
            (0..rows).map(|k| difference(0, k) - difference(2, k) - self.eta * difference(4, k)).collect();
        let times = |factor: f64| Array::column(&residuals.iter().map(|r| factor * r).collect::<Vec<_>>());
        Ok(Evaluation::new(residuals.iter().map(|r| r * r).collect())
            .gradient(REBEL_INPUTS[0], times(2.0))
            .gradient(REBEL_INPUTS[1], times(-2.0)))
    }
}

/// What the strength of a preference does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
enum Strength {
    /// Nothing.
    #[default]
    #[serde(rename = "regular_bt")]
    Regular,
    /// Subtracted from the difference of rewards.
    #[serde(rename = "margin_bt")]
    Margin,
    /// Weight of the row.
    #[serde(rename = "scaled_bt")]
    Scaled,
}

/// Options of `helpsteer2`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct HelpSteer2 {
    /// `regular_bt`, `margin_bt` or `scaled_bt`.
    loss: Strength,
}

impl Objective for HelpSteer2 {
    fn inputs() -> Vec<Input> {
        vec![
            Input::data(
                "label",
                "[rows] -3 to 3: below 0 the first response was preferred, else the second, as published",
            ),
            Input::variable("reward_first", "[rows] reward of the first response"),
            Input::variable("reward_second", "[rows] reward of the second response"),
        ]
    }

    fn check(&self) -> Result<(), BuildError> {
        Ok(())
    }

    fn evaluate(&self, inputs: &Inputs) -> Result<Evaluation, ObjectiveError> {
        let labels = inputs.column("label")?;
        let first = inputs.column_of("reward_first", labels.len())?;
        let second = inputs.column_of("reward_second", labels.len())?;
        let (mut loss, mut up, mut down) = (Vec::new(), Vec::new(), Vec::new());
        for (label, (first, second)) in labels.iter().zip(first.iter().zip(&second)) {
            let (sign, strength) = (if *label < 0.0 { 1.0 } else { -1.0 }, label.abs());
            let (shift, weight) = match self.loss {
                Strength::Regular => (0.0, 1.0),
                Strength::Margin => (strength, 1.0),
                Strength::Scaled => (0.0, strength),
            };
            let z = sign * (first - second) - shift;
            loss.push(weight * softplus(-z));
            up.push(-sign * weight * logistic(-z));
            down.push(sign * weight * logistic(-z));
        }
        Ok(Evaluation::new(loss)
            .gradient("reward_first", Array::column(&up))
            .gradient("reward_second", Array::column(&down)))
    }
}

/// What a score is measured by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum ScoreLoss {
    /// `-ls(z)`.
    #[default]
    Logistic,
    /// `(z - target)^2 / 2`.
    Squared,
}

/// Options of `gpm`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Gpm {
    /// Temperature that scores are divided by, above 0.
    tau: f64,
    /// `logistic` or `squared`.
    loss: ScoreLoss,
    /// What `squared` aims at; the published code has 10 without margins and 0 with them.
    target: f64,
}

impl Default for Gpm {
    fn default() -> Self {
        Self { tau: 0.1, loss: ScoreLoss::Logistic, target: 10.0 }
    }
}

impl Objective for Gpm {
    fn inputs() -> Vec<Input> {
        let gate = "[rows][d / 2] factor of every plane by the prompt; 1 if left out";
        vec![
            Input::variable("chosen", "[rows][d] embedding of the preferred response, d even"),
            Input::variable("rejected", "[rows][d] embedding of the other"),
            Input::data("margin", "[rows] subtracted from the score; 0 if left out").optional(),
            Input::data("gate", gate).optional(),
        ]
    }

    fn check(&self) -> Result<(), BuildError> {
        positive("tau", self.tau)?;
        ensure(self.target.is_finite(), "target", self.target, "must be finite")
    }

    fn evaluate(&self, inputs: &Inputs) -> Result<Evaluation, ObjectiveError> {
        let chosen = inputs.rows("chosen")?;
        let rejected = inputs.rows_like("rejected", &chosen)?;
        let margins = match inputs.has("margin") {
            true => inputs.column_of("margin", chosen.len())?,
            false => vec![0.0; chosen.len()],
        };
        let gates = if inputs.has("gate") { Some(inputs.rows("gate")?) } else { None };
        let (mut loss, mut scores, mut by_tau) = (Vec::new(), Vec::new(), Vec::new());
        let (mut up, mut down) = (Vec::new(), Vec::new());
        for (row, (a, b)) in chosen.iter().zip(&rejected).enumerate() {
            if !a.len().is_multiple_of(2) {
                let problem = format!("has {} numbers; an embedding has an even number", a.len());
                return Err(ObjectiveError::Input { name: format!("chosen[{row}]"), problem });
            }
            let gate = match &gates {
                None => vec![1.0; a.len() / 2],
                Some(gates) => gates.get(row).cloned().unwrap_or_default(),
            };
            same_length(&format!("gate[{row}]"), gate.len(), a.len() / 2)?;
            let planes = gate.iter().zip(a.chunks_exact(2).zip(b.chunks_exact(2)));
            let score: f64 = planes.map(|(g, (a, b))| g * (a[0] * b[1] - a[1] * b[0])).sum();
            let z = (score - margins[row]) / self.tau;
            let (value, slope) = match self.loss {
                ScoreLoss::Logistic => (softplus(-z), -logistic(-z)),
                ScoreLoss::Squared => (0.5 * (z - self.target).powi(2), z - self.target),
            };
            // the other side of every plane, turned a quarter
            let turned = |other: &[f64], sign: f64| -> Vec<f64> {
                let factor = sign * slope / self.tau;
                let planes = gate.iter().zip(other.chunks_exact(2));
                planes.flat_map(|(g, o)| [factor * g * o[1], -factor * g * o[0]]).collect()
            };
            loss.push(value);
            scores.push(score);
            by_tau.push(-slope * z / self.tau);
            up.push(turned(b, 1.0));
            down.push(turned(a, -1.0));
        }
        Ok(Evaluation::new(loss)
            .gradient("chosen", Array::rows(&up))
            .gradient("rejected", Array::rows(&down))
            .part("score", Array::column(&scores))
            .part("tau_gradient", Array::column(&by_tau)))
    }
}

pub(super) const GPM: ObjectiveEntry = ObjectiveEntry::of::<Gpm>(
    "gpm",
    "-ls(z) or (z - target)^2 / 2, z = (s - margin) / tau, s = sum_l gate_l (v_c[2l] v_r[2l+1] - v_c[2l+1] v_r[2l])",
    "Zhang et al. 2024, arXiv:2410.02197",
    Minimiser::UnlessSeparable,
);

pub(super) const REBEL: ObjectiveEntry = ObjectiveEntry::of::<Rebel>(
    "rebel",
    "((new - old) - (new2 - old2) - eta (reward - reward2))^2",
    "Gao et al. 2024, arXiv:2404.16767; the paper's loss is this over eta^2",
    Minimiser::Finite,
);

pub(super) const HELPSTEER2: ObjectiveEntry = ObjectiveEntry::of::<HelpSteer2>(
    "helpsteer2",
    "-ls(D), -ls(D - m) or -m ls(D), D = reward of the preferred less the other's, m = |label|",
    "Wang et al. 2024, arXiv:2410.01257",
    Minimiser::UnlessSeparable,
);
