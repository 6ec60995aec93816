//! Step sizes: a number, or the name of a rule.

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

use crate::local::stability_limit;
use crate::registry::BuildError;
use crate::solver::Task;

/// The `stability` rule takes this share of the local limit. One half is where OMD's local rate is best.
pub const STABILITY_SAFETY: f64 = 0.5;

/// A step size: a positive number, `theorem` (the rule for which the method's guarantee is proved) or `stability`
/// (half the largest step at which the method is locally stable at the equilibrium of this game).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum StepSize {
    /// A number above 0.
    Value(f64),
    /// A rule, replaced by its number before the run.
    Rule(StepRule),
}

/// The rules that stand for a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum StepRule {
    /// The step for which the paper proves its guarantee.
    Theorem,
    /// A safe share of the local stability limit.
    Stability,
}

impl From<f64> for StepSize {
    fn from(value: f64) -> Self {
        Self::Value(value)
    }
}

impl<'de> Deserialize<'de> for StepSize {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl serde::de::Visitor<'_> for Visitor {
            type Value = StepSize;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a number above 0, `theorem` or `stability`")
            }
            fn visit_f64<E>(self, v: f64) -> Result<StepSize, E> {
                Ok(StepSize::Value(v))
            }
            fn visit_i64<E>(self, v: i64) -> Result<StepSize, E> {
                Ok(StepSize::Value(v as f64))
            }
            fn visit_u64<E>(self, v: u64) -> Result<StepSize, E> {
                Ok(StepSize::Value(v as f64))
            }
            fn visit_str<E: serde::de::Error>(self, v: &str) -> Result<StepSize, E> {
                match v {
                    "theorem" => Ok(StepSize::Rule(StepRule::Theorem)),
                    "stability" => Ok(StepSize::Rule(StepRule::Stability)),
                    _ => Err(E::invalid_value(serde::de::Unexpected::Str(v), &self)),
                }
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

/// The canonical step of an implicit one: a proximal step of size `eta` with the KL term inside is the mirror step with
/// `eta / (1 + eta tau)`. Every finite `eta > 0` has one, with `eta tau <= 1` whatever the rounding.
#[must_use]
pub fn implicit_step(eta: f64, tau: f64) -> f64 {
    let pull = eta * tau;
    let step = if pull.is_finite() { eta / (1.0 + pull) } else { f64::INFINITY };
    if tau > 0.0 { step.min(1.0 / tau) } else { step }
}

/// Which numbers a method admits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepRange {
    /// Every finite number above 0.
    Positive,
    /// Those with `eta tau <= 1` too: beyond, the anchors of a regularised step have a negative weight.
    UpToInverseTau,
}

/// What a method knows of its own step size: which numbers it admits, and what the rules stand for.
#[derive(Clone, Copy)]
pub struct StepTheory<'a> {
    /// The numbers admitted.
    pub range: StepRange,
    /// The step of `theorem`, or why there is none here.
    pub theorem: &'a dyn Fn() -> Result<f64, String>,
    /// `modulus(eta, omega)`, the local multiplier (see [`crate::local`]) that `stability` needs; `None` where no local
    /// theory is known.
    pub modulus: Option<&'a dyn Fn(f64, f64) -> f64>,
}

impl StepSize {
    /// The number itself: a rule replaced by what it stands for, its range checked.
    ///
    /// # Errors
    /// [`BuildError::Range`] naming `step_size`, the value and the rule it breaks.
    pub fn resolve(self, task: &Task, theory: &StepTheory<'_>) -> Result<f64, BuildError> {
        const KEY: &str = "step_size";
        let eta = match self {
            Self::Value(v) => v,
            Self::Rule(StepRule::Theorem) => {
                (theory.theorem)().map_err(|rule| BuildError::range(KEY, "theorem", rule))?
            }
            Self::Rule(StepRule::Stability) => {
                stability(task, theory.modulus).map_err(|rule| BuildError::range(KEY, "stability", rule))?
            }
        };
        if !(eta > 0.0 && eta.is_finite()) {
            return Err(BuildError::range(KEY, eta, "must be a finite number above 0"));
        }
        if theory.range == StepRange::UpToInverseTau && eta * task.tau > 1.0 {
            let rule = format!(
                "times tau = {} must be at most 1 (at 1 a step jumps to the best response)",
                task.tau
            );
            return Err(BuildError::range(KEY, eta, rule));
        }
        Ok(eta)
    }
}

fn stability(task: &Task, modulus: Option<&dyn Fn(f64, f64) -> f64>) -> Result<f64, String> {
    let modulus = modulus.ok_or("no local theory is known for this method; give a number")?;
    let omega = task.spectral_radius.ok_or(
        "needs the spectrum at the equilibrium, which was not computed for this game; give a number",
    )?;
    if omega == 0.0 && task.tau == 0.0 {
        return Err(
            "the equilibrium of this game is pure, so every step is locally stable; give a number".into()
        );
    }
    // eta tau <= 1 keeps the anchor weights of a regularised method in [0, 1]
    let cap = if task.tau > 0.0 { 1.0 / task.tau } else { 1e3 / omega };
    let limit = stability_limit(|eta| modulus(eta, omega).max(modulus(eta, 0.0)), cap)
        .ok_or("this method is locally unstable at every step size (it spirals outward); give a number")?;
    Ok(STABILITY_SAFETY * limit)
}
