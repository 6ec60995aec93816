//! Losses that score the two responses one by one, and pairs whose loss is no plain composition.

use equipoise_core::BuildError;
use equipoise_core::logistic::logistic;
use equipoise_core::registry::ensure;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::array::same_length;
use super::factors::{Response, Score, softplus};
use super::pairs::{Pair, PairGradient, PairLoss, positive};
use super::{Array, Evaluation, Input, Inputs, Minimiser, Objective, ObjectiveEntry, ObjectiveError};

/// `sigmoid(x)` and its slope.
fn sigmoid_slope(x: f64) -> (f64, f64) {
    (logistic(x), logistic(x) * logistic(-x))
}

/// Options of `todo`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Todo {
    /// Weight of the KL to the reference, above 0.
    beta: f64,
    /// Half the width of the band of ties, above 0, in units of the scaled difference.
    alpha: f64,
}

impl Default for Todo {
    fn default() -> Self {
        Self { beta: 0.01, alpha: 0.5 }
    }
}

impl PairLoss for Todo {
    fn columns() -> Vec<Input> {
        vec![Input::data("tie", "[rows] 1 where the annotator saw a tie, else 0")]
    }

    fn check(&self) -> Result<(), BuildError> {
        positive("beta", self.beta)?;
        positive("alpha", self.alpha)
    }

    /// Rao-Kupper with `theta = exp(alpha)`: `Pr(tie) = (e^(2 alpha) - 1) / ((1 + e^(alpha + u)) (1 + e^(alpha - u)))`.
    fn row(&self, pair: &Pair<'_>) -> PairGradient {
        let [chosen, rejected] = pair.ratios();
        let u = self.beta * (chosen - rejected);
        let a = self.alpha;
        let (loss, slope) = if pair.data[0] > 0.5 {
            let loss = softplus(a + u) + softplus(a - u) - (2.0 * a).exp_m1().ln();
            (loss, logistic(a + u) - logistic(a - u))
        } else {
            (softplus(a - u), -logistic(a - u))
        };
        PairGradient::of_ratios(loss, [self.beta * slope, -self.beta * slope])
    }
}

/// Options of `dpop`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Dpop {
    /// Weight of the KL to the reference, above 0.
    beta: f64,
    /// Weight of the penalty on a chosen response below the reference, at least 0.
    lam: f64,
}

impl Default for Dpop {
    fn default() -> Self {
        Self { beta: 0.1, lam: 5.0 }
    }
}

impl PairLoss for Dpop {
    fn check(&self) -> Result<(), BuildError> {
        positive("beta", self.beta)?;
        ensure(self.lam >= 0.0 && self.lam.is_finite(), "lam", self.lam, "must be finite and at least 0")
    }

    fn row(&self, pair: &Pair<'_>) -> PairGradient {
        let [chosen, rejected] = pair.ratios();
        let z = self.beta * (chosen - rejected - self.lam * (-chosen).max(0.0));
        let slope = -logistic(-z) * self.beta;
        let by_chosen = if chosen < 0.0 { 1.0 + self.lam } else { 1.0 };
        PairGradient::of_ratios(softplus(-z), [slope * by_chosen, -slope])
    }
}

/// What `asft` and `orpo` share.
struct Odds {
    beta: f64,
    lambda: f64,
    ce_coef: f64,
}

impl Odds {
    fn ranges(&self) -> Result<(), BuildError> {
        positive("beta", self.beta)?;
        for (key, value) in [("lambda", self.lambda), ("ce_coef", self.ce_coef)] {
            ensure(value >= 0.0 && value.is_finite(), key, value, "must be finite and at least 0")?;
        }
        Ok(())
    }

    /// Adds the likelihood term to a loss in the two log-odds with its slopes there.
    fn gradient(&self, pair: &Pair<'_>, loss: impl Fn([f64; 2]) -> (f64, [f64; 2])) -> PairGradient {
        let odds = [0, 1].map(|k| {
            Score::Odds.of(&Response { policy: pair.policy[k], reference: 0.0, length: pair.length[k] })
        });
        let (value, slopes) = loss(odds.map(|o| self.beta * o.value));
        let mut policy = [0, 1].map(|k| self.lambda * self.beta * slopes[k] * odds[k].policy);
        policy[0] -= self.ce_coef / pair.length[0];
        let loss = self.lambda * value - self.ce_coef * pair.policy[0] / pair.length[0];
        PairGradient { loss, policy, reference: [0.0; 2] }
    }
}

/// Declares a loss in the two log-odds.
macro_rules! odds {
    ($(#[$doc:meta])* $name:ident, |$x:ident| $loss:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
        #[serde(default, deny_unknown_fields)]
        pub(crate) struct $name {
            /// Factor of the log-odds, above 0.
            beta: f64,
            /// Weight of the preference term, at least 0.
            lambda: f64,
            /// Weight of the mean token log-likelihood of the chosen response, at least 0.
            ce_coef: f64,
        }

        impl Default for $name {
            fn default() -> Self {
                Self { beta: 1.0, lambda: 0.1, ce_coef: 1.0 }
            }
        }

        impl $name {
            fn shared(&self) -> Odds {
                let Self { beta, lambda, ce_coef } = *self;
                Odds { beta, lambda, ce_coef }
            }
        }

        impl PairLoss for $name {
            fn uses_reference(&self) -> bool {
                false
            }

            fn uses_length(&self) -> bool {
                true
            }

            fn check(&self) -> Result<(), BuildError> {
                self.shared().ranges()
            }

            fn row(&self, pair: &Pair<'_>) -> PairGradient {
                self.shared().gradient(pair, |$x| $loss)
            }
        }
    };
}

odds! {
    /// Each response by itself against odds of one.
    Asft, |x| (softplus(-x[0]) + softplus(x[1]), [-logistic(-x[0]), logistic(x[1])])
}

odds! {
    /// The odds of one against the other's.
    Orpo, |x| {
        let z = x[0] - x[1];
        (softplus(-z), [-logistic(-z), logistic(-z)])
    }
}

/// Declares a loss in the scaled log-ratios `a` of the chosen and `b` of the rejected response.
macro_rules! ratios {
    ($(#[$doc:meta])* $name:ident, |$a:ident, $b:ident| $loss:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
        #[serde(default, deny_unknown_fields)]
        pub(crate) struct $name {
            /// Weight of the KL to the reference, above 0.
            beta: f64,
        }

        impl Default for $name {
            fn default() -> Self {
                Self { beta: 0.1 }
            }
        }

        impl PairLoss for $name {
            fn check(&self) -> Result<(), BuildError> {
                positive("beta", self.beta)
            }

            fn row(&self, pair: &Pair<'_>) -> PairGradient {
                let [$a, $b] = pair.ratios().map(|h| self.beta * h);
                let (loss, slopes): (f64, [f64; 2]) = $loss;
                PairGradient::of_ratios(loss, slopes.map(|s| self.beta * s))
            }
        }
    };
}

ratios! {
    /// Each response against noise.
    Nca, |a, b| (
        softplus(-a) + 0.5 * softplus(a) + 0.5 * softplus(b),
        [-logistic(-a) + 0.5 * logistic(a), 0.5 * logistic(b)],
    )
}

ratios! {
    /// Each response classified by itself.
    Bco, |a, b| (softplus(-a) + softplus(b), [-logistic(-a), logistic(b)])
}

ratios! {
    /// The chosen up, the rejected down.
    ApoZero, |a, b| {
        let ((_, up), (down, slope)) = (sigmoid_slope(a), sigmoid_slope(b));
        (logistic(-a) + down, [-up, slope])
    }
}

ratios! {
    /// Both down, the rejected more.
    ApoDown, |a, b| {
        let ((level, slope), (_, apart)) = (sigmoid_slope(a), sigmoid_slope(a - b));
        (level + logistic(b - a), [slope - apart, apart])
    }
}

/// Options of `kto`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Kto {
    /// Weight of the KL to the reference, above 0.
    beta: f64,
    /// Weight of desirable responses, at least 0.
    desirable_weight: f64,
    /// Weight of undesirable responses, at least 0.
    undesirable_weight: f64,
}

impl Default for Kto {
    fn default() -> Self {
        Self { beta: 0.1, desirable_weight: 1.0, undesirable_weight: 1.0 }
    }
}

impl Objective for Kto {
    fn inputs() -> Vec<Input> {
        vec![
            Input::variable("policy_chosen", "[rows] log pi of a desirable response"),
            Input::variable("policy_rejected", "[rows] log pi of an undesirable response"),
            Input::data("reference_chosen", "[rows] log mu of the desirable response"),
            Input::data("reference_rejected", "[rows] log mu of the undesirable response"),
            Input::data("policy_unrelated", "[any] log pi of responses to other prompts"),
            Input::data("reference_unrelated", "[any] log mu of responses to other prompts"),
        ]
    }

    fn check(&self) -> Result<(), BuildError> {
        positive("beta", self.beta)?;
        for (key, value) in
            [("desirable_weight", self.desirable_weight), ("undesirable_weight", self.undesirable_weight)]
        {
            ensure(value >= 0.0 && value.is_finite(), key, value, "must be finite and at least 0")?;
        }
        Ok(())
    }

    fn evaluate(&self, inputs: &Inputs) -> Result<Evaluation, ObjectiveError> {
        let chosen = inputs.column("policy_chosen")?;
        let rejected = inputs.column_of("policy_rejected", chosen.len())?;
        let reference_chosen = inputs.column_of("reference_chosen", chosen.len())?;
        let reference_rejected = inputs.column_of("reference_rejected", chosen.len())?;
        let unrelated = inputs.column("policy_unrelated")?;
        let reference_unrelated = inputs.column_of("reference_unrelated", unrelated.len())?;
        same_length("policy_unrelated", usize::from(unrelated.is_empty()), 0)?;
        // the estimate of KL(pi || mu) from mismatched pairs, clamped at 0; no gradient passes through it
        let sum: f64 = unrelated.iter().zip(&reference_unrelated).map(|(p, r)| p - r).sum();
        let kl = (sum / unrelated.len() as f64).max(0.0);
        let side = |policy: &[f64], reference: &[f64], weight: f64, sign: f64| {
            let rows = policy.iter().zip(reference);
            let rows = rows.map(|(p, r)| sigmoid_slope(sign * self.beta * (p - r - kl)));
            rows.map(|(s, slope)| (weight * (1.0 - s), -weight * sign * self.beta * slope)).unzip()
        };
        let (up, up_slope): (Vec<f64>, Vec<f64>) =
            side(&chosen, &reference_chosen, self.desirable_weight, 1.0);
        let (down, down_slope): (Vec<f64>, Vec<f64>) =
            side(&rejected, &reference_rejected, self.undesirable_weight, -1.0);
        let loss = up.iter().zip(&down).map(|(u, d)| u + d).collect();
        Ok(Evaluation::new(loss)
            .gradient("policy_chosen", Array::column(&up_slope))
            .gradient("policy_rejected", Array::column(&down_slope))
            .part("kl", Array::Number(kl))
            .part("loss_desirable", Array::column(&up))
            .part("loss_undesirable", Array::column(&down)))
    }
}

/// Where SPPO's two targets come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum SppoTarget {
    /// Estimated win rates of both against the previous policy; mean of the two squares.
    #[default]
    Soft,
    /// One probability that the chosen beats the rejected response; mean of the two squares.
    Single,
    /// Win rates 1 and 0; sum of the two squares, as one trainer has it.
    #[serde(alias = "hard (TRL)")]
    Hard,
}

/// Options of `sppo`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Sppo {
    /// The inverse step size `1 / eta`, above 0.
    beta: f64,
    /// `soft`, `single` or `hard`.
    variant: SppoTarget,
}

impl Default for Sppo {
    fn default() -> Self {
        Self { beta: 1e-3, variant: SppoTarget::Soft }
    }
}

impl PairLoss for Sppo {
    fn columns() -> Vec<Input> {
        let optional = |name, what| Input::data(name, what).optional();
        vec![
            optional("win_rate_chosen", "[rows] of `soft`: win rate of the preferred response"),
            optional("win_rate_rejected", "[rows] of `soft`: win rate of the other response"),
            optional("p_chosen_beats_rejected", "[rows] of `single`: probability between the two"),
        ]
    }

    fn needs(&self, column: &str) -> bool {
        match self.variant {
            SppoTarget::Soft => column != "p_chosen_beats_rejected",
            SppoTarget::Single => column == "p_chosen_beats_rejected",
            SppoTarget::Hard => false,
        }
    }

    fn check(&self) -> Result<(), BuildError> {
        positive("beta", self.beta)
    }

    fn row(&self, pair: &Pair<'_>) -> PairGradient {
        let (targets, factor) = match self.variant {
            SppoTarget::Soft => ([pair.data[0], pair.data[1]], 0.5),
            SppoTarget::Single => ([pair.data[2], 1.0 - pair.data[2]], 0.5),
            SppoTarget::Hard => ([1.0, 0.0], 1.0),
        };
        let ratios = pair.ratios();
        let residuals = [0, 1].map(|k| ratios[k] - (targets[k] - 0.5) / self.beta);
        let loss = factor * residuals.iter().map(|r| r * r).sum::<f64>();
        PairGradient::of_ratios(loss, residuals.map(|r| 2.0 * factor * r))
    }
}

ratios! {
    /// `sppo` with hard labels, which needs no win rates: the targets of the log-ratios are +-1 / (2 beta).
    SppoHard, |a, b| (
        (a - 0.5).powi(2) + (b + 0.5).powi(2),
        [2.0 * (a - 0.5), 2.0 * (b + 0.5)],
    )
}

/// Options of `inpo`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Inpo {
    /// `tau / eta`: weight of the reference beside the previous iterates, in [0, 1].
    ratio: f64,
    /// INPO's eta, which divides the win rate, above 0.
    eta: f64,
    /// Number of previous iterates, for a check; `null`: as many as are given.
    history: Option<usize>,
    /// Weights of the previous iterates, divided by their sum; `null`: all alike.
    weights: Option<Vec<f64>>,
}

impl Default for Inpo {
    fn default() -> Self {
        Self { ratio: 1.0 / 3.0, eta: 0.0075, history: None, weights: None }
    }
}

impl Inpo {
    /// `sum_j lambda_j (log pi_j(w) - log pi_j(l))` of every row.
    fn history(&self, inputs: &Inputs, rows: usize) -> Result<Vec<f64>, ObjectiveError> {
        if !inputs.has("history_chosen") {
            return inputs.column_of("weighted_history_logratio", rows);
        }
        let chosen = inputs.rows("history_chosen")?;
        let rejected = inputs.rows_like("history_rejected", &chosen)?;
        if let Some(expected) = self.history {
            same_length("history_chosen", chosen.len(), expected)?;
        }
        let weights = self.weights.clone().unwrap_or_else(|| vec![1.0; chosen.len()]);
        same_length("history_chosen", chosen.len(), weights.len())?;
        let total: f64 = weights.iter().sum();
        let mut sums = vec![0.0; rows];
        for ((weight, chosen), rejected) in weights.iter().zip(&chosen).zip(&rejected) {
            same_length("history_chosen[0]", chosen.len(), rows)?;
            for (sum, (c, r)) in sums.iter_mut().zip(chosen.iter().zip(rejected)) {
                *sum += weight / total * (c - r);
            }
        }
        Ok(sums)
    }
}

impl Objective for Inpo {
    fn inputs() -> Vec<Input> {
        let given = "instead of the histories: their weighted log-ratio";
        vec![
            Input::variable("policy_chosen", "[rows] log pi of the winner"),
            Input::variable("policy_rejected", "[rows] log pi of the loser"),
            Input::variable("reference_chosen", "[rows] log mu of the winner"),
            Input::variable("reference_rejected", "[rows] log mu of the loser"),
            Input::data("history_chosen", "[iterates][rows] log pi_j of the winner").optional(),
            Input::data("history_rejected", "[iterates][rows] log pi_j of the loser").optional(),
            Input::data("weighted_history_logratio", given).optional(),
        ]
    }

    fn check(&self) -> Result<(), BuildError> {
        ensure((0.0..=1.0).contains(&self.ratio), "ratio", self.ratio, "must lie in [0, 1]")?;
        positive("eta", self.eta)?;
        let Some(weights) = &self.weights else { return Ok(()) };
        let holds = weights.iter().all(|w| *w >= 0.0 && w.is_finite()) && weights.iter().sum::<f64>() > 0.0;
        let shown = format!("{weights:?}");
        ensure(holds, "weights", shown, "must be finite, at least 0, and not all 0")
    }

    fn evaluate(&self, inputs: &Inputs) -> Result<Evaluation, ObjectiveError> {
        let chosen = inputs.column("policy_chosen")?;
        let rows = chosen.len();
        let rejected = inputs.column_of("policy_rejected", rows)?;
        let reference_chosen = inputs.column_of("reference_chosen", rows)?;
        let reference_rejected = inputs.column_of("reference_rejected", rows)?;
        let history = self.history(inputs, rows)?;
        let residuals: Vec<f64> = (0..rows)
            .map(|k| {
                (chosen[k] - rejected[k])
                    - self.ratio * (reference_chosen[k] - reference_rejected[k])
                    - (1.0 - self.ratio) * history[k]
                    - 0.5 / self.eta
            })
            .collect();
        let times =
            |factor: f64| Array::column(&residuals.iter().map(|r| 2.0 * factor * r).collect::<Vec<_>>());
        Ok(Evaluation::new(residuals.iter().map(|r| r * r).collect())
            .gradient("policy_chosen", times(1.0))
            .gradient("policy_rejected", times(-1.0))
            .gradient("reference_chosen", times(-self.ratio))
            .gradient("reference_rejected", times(self.ratio)))
    }
}

pub(super) const TODO: ObjectiveEntry = ObjectiveEntry::of::<Todo>(
    "todo",
    "-ls(u - alpha), or for a tie -log((e^(2 alpha) - 1) / ((1 + e^(alpha + u)) (1 + e^(alpha - u)))), u = beta ((pc - rc) - (pr - rr))",
    "Guo et al. 2024, arXiv:2411.02442",
    Minimiser::UnlessSeparable,
);

pub(super) const DPOP: ObjectiveEntry = ObjectiveEntry::of::<Dpop>(
    "dpop",
    "-ls(beta ((pc - rc) - (pr - rr) - lam max(0, rc - pc)))",
    "Pal et al. 2024, arXiv:2402.13228",
    Minimiser::UnlessSeparable,
);

pub(super) const ASFT: ObjectiveEntry = ObjectiveEntry::of::<Asft>(
    "asft",
    "-ce_coef xc - lambda (ls(beta oc) + ls(-beta or)), x = p / length, o = x - log(1 - exp x)",
    "Wang et al. 2024, arXiv:2409.10571",
    Minimiser::Finite,
);

pub(super) const ORPO: ObjectiveEntry = ObjectiveEntry::of::<Orpo>(
    "orpo",
    "-ce_coef xc - lambda ls(beta (oc - or)), x = p / length, o = x - log(1 - exp x)",
    "Hong et al. 2024, arXiv:2403.07691",
    Minimiser::UnlessSeparable,
);

pub(super) const NCA: ObjectiveEntry = ObjectiveEntry::of::<Nca>(
    "nca-pair",
    "-ls(a) - ls(-a) / 2 - ls(-b) / 2, a = beta (pc - rc), b = beta (pr - rr)",
    "Chen et al. 2024, arXiv:2402.05369",
    Minimiser::Finite,
)
.also(&["nca"]);

pub(super) const BCO: ObjectiveEntry = ObjectiveEntry::of::<Bco>(
    "bco",
    "-ls(beta (pc - rc)) - ls(-beta (pr - rr))",
    "Jung et al. 2024, arXiv:2404.04656, without the running mean",
    Minimiser::UnlessSeparable,
);

pub(super) const APO_ZERO: ObjectiveEntry = ObjectiveEntry::of::<ApoZero>(
    "apo-zero",
    "1 - sigmoid(beta (pc - rc)) + sigmoid(beta (pr - rr))",
    "D'Oosterlinck et al. 2024, arXiv:2408.06266",
    Minimiser::None,
);

pub(super) const APO_DOWN: ObjectiveEntry = ObjectiveEntry::of::<ApoDown>(
    "apo-down",
    "sigmoid(beta (pc - rc)) + 1 - sigmoid(beta ((pc - rc) - (pr - rr)))",
    "D'Oosterlinck et al. 2024, arXiv:2408.06266",
    Minimiser::None,
);

pub(super) const KTO: ObjectiveEntry = ObjectiveEntry::of::<Kto>(
    "kto",
    "w_d (1 - sigmoid(beta (pc - rc - kl))) + w_u (1 - sigmoid(beta (kl - (pr - rr)))), kl = max(0, mean log-ratio of unrelated responses), constant",
    "Ethayarajh et al. 2024, arXiv:2402.01306",
    Minimiser::None,
);

pub(super) const SPPO: ObjectiveEntry = ObjectiveEntry::of::<Sppo>(
    "sppo",
    "((pc - rc - (P_c - 1/2) / beta)^2 + (pr - rr - (P_r - 1/2) / beta)^2) / 2",
    "Wu et al. 2024, arXiv:2405.00675",
    Minimiser::Finite,
)
.also(&["sppo-loss"]);

pub(super) const INPO: ObjectiveEntry = ObjectiveEntry::of::<Inpo>(
    "inpo",
    "((pc - pr) - ratio (rc - rr) - (1 - ratio) sum_j lambda_j (hc_j - hr_j) - 1 / (2 eta))^2",
    "Zhang et al. 2024, arXiv:2407.00617; several iterates: arXiv:2509.23102",
    Minimiser::Finite,
)
.also(&["inpo-loss", "mnpo-loss"]);
