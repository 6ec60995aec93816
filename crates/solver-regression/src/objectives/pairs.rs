//! Losses of single pairs, and the one that is composed of a score, a label and a link.

use equipoise_core::BuildError;
use equipoise_core::registry::ensure;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::factors::{Label, Link, Response, Score};
use super::{Array, Evaluation, Input, Inputs, Minimiser, Objective, ObjectiveEntry, ObjectiveError};

/// A row of two responses; index 0 is the chosen one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pair<'a> {
    /// Log-probabilities of the policy.
    pub(crate) policy: [f64; 2],
    /// Log-probabilities of the reference; 0 where they were not given.
    pub(crate) reference: [f64; 2],
    /// Tokens; 1 where they were not given.
    pub(crate) length: [f64; 2],
    /// Further columns, in the order of [`PairLoss::columns`].
    pub(crate) data: &'a [f64],
}

impl Pair<'_> {
    /// `log pi - log mu` of both.
    pub(super) fn ratios(&self) -> [f64; 2] {
        [0, 1].map(|k| self.policy[k] - self.reference[k])
    }
}

/// The loss of a pair with its derivatives by the log-probabilities.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PairGradient {
    pub(crate) loss: f64,
    pub(crate) policy: [f64; 2],
    pub(crate) reference: [f64; 2],
}

impl PairGradient {
    /// A loss in the two log-ratios only.
    pub(super) fn of_ratios(loss: f64, slopes: [f64; 2]) -> Self {
        Self { loss, policy: slopes, reference: slopes.map(|s| -s) }
    }
}

/// A loss of single pairs.
pub(crate) trait PairLoss: Serialize + DeserializeOwned + Default + JsonSchema {
    /// Whether the reference's log-probabilities enter.
    fn uses_reference(&self) -> bool {
        true
    }

    /// Whether the numbers of tokens enter.
    fn uses_length(&self) -> bool {
        false
    }

    /// Further columns that may enter.
    fn columns() -> Vec<Input> {
        Vec::new()
    }

    /// Whether the column of that name enters with these options; one that does not may be left out, and is NaN then.
    fn needs(&self, column: &str) -> bool {
        let _ = column;
        true
    }

    /// Checks every range.
    fn check(&self) -> Result<(), BuildError>;

    /// One row.
    fn row(&self, pair: &Pair<'_>) -> PairGradient;
}

pub(super) const SIDES: [[&str; 3]; 2] = [
    ["policy_chosen", "reference_chosen", "length_chosen"],
    ["policy_rejected", "reference_rejected", "length_rejected"],
];

impl<T: PairLoss> Objective for T {
    fn inputs() -> Vec<Input> {
        let mut inputs = vec![
            Input::variable("policy_chosen", "[rows] log pi of the preferred response"),
            Input::variable("policy_rejected", "[rows] log pi of the other response"),
            Input::variable("reference_chosen", "[rows] log mu of the preferred response").optional(),
            Input::variable("reference_rejected", "[rows] log mu of the other response").optional(),
            Input::data("length_chosen", "[rows] tokens of the preferred response").optional(),
            Input::data("length_rejected", "[rows] tokens of the other response").optional(),
        ];
        inputs.extend(Self::columns());
        inputs
    }

    fn check(&self) -> Result<(), BuildError> {
        PairLoss::check(self)
    }

    fn evaluate(&self, inputs: &Inputs) -> Result<Evaluation, ObjectiveError> {
        let rows = inputs.column("policy_chosen")?.len();
        let column = |name: &str, needed: bool, default: f64| match needed || inputs.has(name) {
            true => inputs.column_of(name, rows),
            false => Ok(vec![default; rows]),
        };
        let mut sides = Vec::new();
        for [policy, reference, length] in SIDES {
            let lengths = column(length, self.uses_length(), 1.0)?;
            if let Some(k) = lengths.iter().position(|l| *l < 1.0) {
                let problem = format!("is {}, must be at least 1 token", lengths[k]);
                return Err(ObjectiveError::input(&format!("{length}[{k}]"), problem));
            }
            let log_probs = column(policy, true, 0.0)?;
            let references = column(reference, self.uses_reference(), 0.0)?;
            sides.push([log_probs, references, lengths]);
        }
        let mut data = Vec::new();
        for input in Self::columns() {
            data.push(column(input.name, self.needs(input.name), f64::NAN)?);
        }
        let (mut loss, mut gradient) = (Vec::with_capacity(rows), [(); 4].map(|()| Vec::with_capacity(rows)));
        for k in 0..rows {
            let of = |what: usize| [sides[0][what][k], sides[1][what][k]];
            let more: Vec<f64> = data.iter().map(|column| column[k]).collect();
            let pair = Pair { policy: of(0), reference: of(1), length: of(2), data: &more };
            let found = self.row(&pair);
            loss.push(found.loss);
            let all = found.policy.into_iter().chain(found.reference);
            gradient.iter_mut().zip(all).for_each(|(column, slope)| column.push(slope));
        }
        let names = [SIDES[0][0], SIDES[1][0], SIDES[0][1], SIDES[1][1]];
        let given = names.iter().zip(&gradient).filter(|(name, _)| inputs.has(name));
        Ok(given.fold(Evaluation::new(loss), |e, (name, column)| e.gradient(name, Array::column(column))))
    }
}

/// The composition itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Preference {
    /// What a response is worth.
    pub score: Score,
    /// How sure the label is.
    pub label: Label,
    /// The scalar loss.
    pub link: Link,
    /// Factor of the difference of scores, above 0.
    pub beta: f64,
    /// Subtracted from the scaled difference, in its units; at least 0.
    pub shift: f64,
    /// Weight of `-log pi` of the chosen response, at least 0.
    pub nll: f64,
}

impl Default for Preference {
    fn default() -> Self {
        Self {
            score: Score::Ratio,
            label: Label::Hard,
            link: Link::Logistic,
            beta: 0.1,
            shift: 0.0,
            nll: 0.0,
        }
    }
}

impl Preference {
    pub(super) fn pair(&self, pair: &Pair<'_>) -> PairGradient {
        let scored = [0, 1].map(|k| {
            let [policy, reference, length] = [pair.policy[k], pair.reference[k], pair.length[k]];
            self.score.of(&Response { policy, reference, length })
        });
        let z = self.beta * (scored[0].value - scored[1].value) - self.shift;
        let (a, c) = self.label.weights();
        let ((up, up_slope), (down, down_slope)) = (self.link.of(z), self.link.of(-z));
        // a zero weight switches a side off, also where that side is infinite
        let side = |weight: f64, value: f64| if weight == 0.0 { 0.0 } else { weight * value };
        let slope = self.beta * (side(a, up_slope) - side(c, down_slope));
        let sign = [1.0, -1.0];
        let mut policy = [0, 1].map(|k| sign[k] * slope * scored[k].policy);
        policy[0] -= self.nll;
        PairGradient {
            loss: side(a, up) + side(c, down) - side(self.nll, pair.policy[0]),
            policy,
            reference: [0, 1].map(|k| sign[k] * slope * scored[k].reference),
        }
    }
}

pub(super) fn positive(key: &str, value: f64) -> Result<(), BuildError> {
    ensure(value > 0.0 && value.is_finite(), key, value, "must be a finite number above 0")
}

pub(super) fn rate(key: &str, value: f64, below: f64, rule: &str) -> Result<(), BuildError> {
    ensure((0.0..below).contains(&value), key, value, rule)
}

impl PairLoss for Preference {
    fn uses_reference(&self) -> bool {
        self.score.uses_reference()
    }

    fn uses_length(&self) -> bool {
        self.score.uses_length()
    }

    fn check(&self) -> Result<(), BuildError> {
        positive("beta", self.beta)?;
        let shift = self.shift;
        ensure(shift >= 0.0 && shift.is_finite(), "shift", shift, "must be finite and at least 0")?;
        ensure(self.nll >= 0.0 && self.nll.is_finite(), "nll", self.nll, "must be finite and at least 0")?;
        if let Score::Alpha(a) = self.score {
            positive("score", a)?;
        }
        match self.label {
            Label::Hard => {}
            Label::Smooth(e) => rate("label", e, 1.0, "a rate of flips must lie in [0, 1)")?,
            Label::Debiased(e) => rate("label", e, 0.5, "a rate of flips must lie in [0, 1/2)")?,
            Label::Soft(p) => ensure((0.0..=1.0).contains(&p), "label", p, "must lie in [0, 1]")?,
        }
        match self.link {
            Link::Exo(e) => ensure(e > 0.0 && e < 1.0, "link", e, "must lie in (0, 1): log e is taken"),
            Link::Discopop(t) => positive("link", t),
            Link::Squared(c) | Link::Hinge(c) => ensure(c.is_finite(), "link", c, "must be finite"),
            Link::Logistic | Link::SquaredHinge | Link::Exponential | Link::Probit => Ok(()),
        }
    }

    fn row(&self, pair: &Pair<'_>) -> PairGradient {
        self.pair(pair)
    }
}

pub(super) const PREFERENCE: ObjectiveEntry = ObjectiveEntry::of::<Preference>(
    "preference",
    "a f(z) + c f(-z) - nll pc, z = beta (s_c - s_r) - shift: any score, label and link",
    "the factorised objective",
    Minimiser::UnlessSeparable,
)
.verified("its presets");
