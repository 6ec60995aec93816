//! Losses that see tokens, or the turns of a dialogue.

use equipoise_core::BuildError;
use equipoise_core::logistic::logistic;
use equipoise_core::registry::ensure;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::array::same_length;
use super::factors::softplus;
use super::lists::log_softmax;
use super::pairs::positive;
use super::{Array, Evaluation, Input, Inputs, Minimiser, Objective, ObjectiveEntry, ObjectiveError};

/// Label of a position that does not count: prompt or padding.
const NOT_COUNTED: f64 = -100.0;

/// Positions of one response that count: that of the logits (one before the token) and the token.
fn counted(name: &str, labels: &[f64], logits: &[Vec<f64>]) -> Result<Vec<(usize, usize)>, ObjectiveError> {
    same_length(name, labels.len(), logits.len())?;
    let mut positions = Vec::new();
    for (t, label) in labels.iter().enumerate().skip(1).filter(|(_, l)| **l != NOT_COUNTED) {
        if !(*label >= 0.0 && label.fract() == 0.0 && (*label as usize) < logits[t - 1].len()) {
            let problem =
                format!("is {label} at position {t}, must be -100 or a token below {}", logits[t - 1].len());
            return Err(ObjectiveError::input(name, problem));
        }
        positions.push((t - 1, *label as usize));
    }
    Ok(positions)
}

/// Adds `factor (onehot(token) - softmax(logits))`: how `factor log pi(token)` changes with the logits.
fn add_score(gradient: &mut [f64], log_probs: &[f64], token: usize, factor: f64) {
    gradient.iter_mut().zip(log_probs).for_each(|(g, l)| *g -= factor * l.exp());
    gradient[token] += factor;
}

/// Options of `simpo-token-level`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct SimpoTokens {
    /// Factor of the difference of mean token log-probabilities, above 0.
    beta: f64,
    /// The margin divided by `beta`, at least 0.
    gamma_beta_ratio: f64,
}

impl Default for SimpoTokens {
    fn default() -> Self {
        Self { beta: 2.0, gamma_beta_ratio: 0.25 }
    }
}

const SIMPO_SIDES: [[&str; 2]; 2] =
    [["logits_chosen", "labels_chosen"], ["logits_rejected", "labels_rejected"]];

impl Objective for SimpoTokens {
    fn inputs() -> Vec<Input> {
        let [[logits, labels], [other_logits, other_labels]] = SIMPO_SIDES;
        let of = "[rows][positions] tokens, -100 where not counted; the token at t is scored by the logits at t - 1";
        vec![
            Input::variable(logits, "[rows][positions][vocabulary] logits of the preferred response"),
            Input::data(labels, of),
            Input::variable(other_logits, "[rows][positions][vocabulary] logits of the other response"),
            Input::data(other_labels, of),
        ]
    }

    fn check(&self) -> Result<(), BuildError> {
        positive("beta", self.beta)?;
        let ratio = self.gamma_beta_ratio;
        ensure(ratio >= 0.0 && ratio.is_finite(), "gamma_beta_ratio", ratio, "must be finite and at least 0")
    }

    fn evaluate(&self, inputs: &Inputs) -> Result<Evaluation, ObjectiveError> {
        let mut sides = Vec::new();
        for [logits, labels] in SIMPO_SIDES {
            let (logits_of, labels_of) = (inputs.cubes(logits)?, inputs.rows(labels)?);
            same_length(labels, labels_of.len(), logits_of.len())?;
            let mut rows = Vec::new();
            for (row, row_labels) in logits_of.iter().zip(&labels_of) {
                let positions = counted(labels, row_labels, row)?;
                same_length(labels, usize::from(positions.is_empty()), 0)?;
                let log_probs: Vec<Vec<f64>> = row.iter().map(|l| log_softmax(l)).collect();
                let mean = positions.iter().map(|&(t, token)| log_probs[t][token]).sum::<f64>()
                    / positions.len() as f64;
                rows.push((mean, positions, log_probs));
            }
            sides.push(rows);
        }
        same_length(SIMPO_SIDES[1][0], sides[1].len(), sides[0].len())?;
        let z: Vec<f64> = sides[0]
            .iter()
            .zip(&sides[1])
            .map(|(c, r)| self.beta * (c.0 - r.0 - self.gamma_beta_ratio))
            .collect();
        let mut evaluation = Evaluation::new(z.iter().map(|z| softplus(-z)).collect());
        for ((rows, [name, _]), sign) in sides.iter().zip(SIMPO_SIDES).zip([-1.0, 1.0]) {
            let mut gradient = Vec::new();
            for ((_, positions, log_probs), z) in rows.iter().zip(&z) {
                let factor = sign * self.beta * logistic(-z) / positions.len() as f64;
                let mut row: Vec<Vec<f64>> = log_probs.iter().map(|l| vec![0.0; l.len()]).collect();
                for &(t, token) in positions {
                    add_score(&mut row[t], &log_probs[t], token, factor);
                }
                gradient.push(row);
            }
            let means: Vec<f64> = rows.iter().map(|r| r.0).collect();
            let part = name.replace("logits", "average_logp");
            evaluation =
                evaluation.gradient(name, Array::cubes(&gradient)).part(&part, Array::column(&means));
        }
        Ok(evaluation)
    }
}

/// Options of `tdpo`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Tdpo {
    /// Weight of the KL to the reference, above 0.
    beta: f64,
    /// Of TDPO2: weight of the difference of sequential KLs, at least 0.
    alpha: f64,
    /// Whether TDPO2 is meant.
    tdpo2: bool,
}

impl Default for Tdpo {
    fn default() -> Self {
        Self { beta: 0.1, alpha: 0.5, tdpo2: true }
    }
}

/// One response under policy and reference.
struct TokenSide {
    positions: Vec<(usize, usize)>,
    policy: Vec<Vec<f64>>,
    reference: Vec<Vec<f64>>,
    /// `sum_t log pi(y_t) - log mu(y_t)`.
    margin: f64,
    /// `sum_t KL(mu_t || pi_t)`.
    kl: f64,
}

impl TokenSide {
    fn new(
        name: &str,
        labels: &[f64],
        policy: &[Vec<f64>],
        reference: &[Vec<f64>],
    ) -> Result<Self, ObjectiveError> {
        let positions = counted(name, labels, policy)?;
        let (policy, reference): (Vec<_>, Vec<_>) = (
            policy.iter().map(|l| log_softmax(l)).collect(),
            reference.iter().map(|l| log_softmax(l)).collect(),
        );
        let margin = positions.iter().map(|&(t, y): &(usize, usize)| policy[t][y] - reference[t][y]).sum();
        let divergence = |t: usize| -> f64 {
            let terms = reference[t].iter().zip(&policy[t]);
            terms.map(|(r, p): (&f64, &f64)| r.exp() * (r - p)).sum()
        };
        let kl = positions.iter().map(|&(t, _)| divergence(t)).sum();
        Ok(Self { positions, policy, reference, margin, kl })
    }

    /// Adds the derivative of `by_margin * margin + by_kl * kl` by the logits.
    fn add_gradient(&self, row: &mut [Vec<f64>], by_margin: f64, by_kl: f64) {
        for &(t, token) in &self.positions {
            add_score(&mut row[t], &self.policy[t], token, by_margin);
            let distributions = self.policy[t].iter().zip(&self.reference[t]);
            row[t].iter_mut().zip(distributions).for_each(|(g, (p, r))| *g += by_kl * (p.exp() - r.exp()));
        }
    }
}

impl Objective for Tdpo {
    fn inputs() -> Vec<Input> {
        let labels = "[rows][positions] tokens, -100 where not counted; the token at t is scored by the logits at t - 1";
        let shared =
            "[rows][positions][vocabulary]; left out: those of the preferred response (a shared prefix)";
        vec![
            Input::variable(
                "policy_logits_chosen",
                "[rows][positions][vocabulary] of the preferred response",
            ),
            Input::variable("policy_logits_rejected", shared).optional(),
            Input::data("reference_logits_chosen", "[rows][positions][vocabulary] of the preferred response"),
            Input::data("reference_logits_rejected", shared).optional(),
            Input::data("labels_chosen", labels),
            Input::data("labels_rejected", labels),
        ]
    }

    fn check(&self) -> Result<(), BuildError> {
        positive("beta", self.beta)?;
        ensure(
            self.alpha >= 0.0 && self.alpha.is_finite(),
            "alpha",
            self.alpha,
            "must be finite and at least 0",
        )
    }

    /// `u = m_w - m_l - (K_l - K_w)`, or for TDPO2 `m_w - m_l - alpha (K_l - stop(K_w))`.
    fn evaluate(&self, inputs: &Inputs) -> Result<Evaluation, ObjectiveError> {
        let policy = inputs.cubes("policy_logits_chosen")?;
        let reference = inputs.cubes("reference_logits_chosen")?;
        let shared = !inputs.has("policy_logits_rejected");
        let (other, other_reference) = if shared {
            (policy.clone(), reference.clone())
        } else {
            (inputs.cubes("policy_logits_rejected")?, inputs.cubes("reference_logits_rejected")?)
        };
        let labels = [inputs.rows("labels_chosen")?, inputs.rows("labels_rejected")?];
        let rows = policy.len();
        let lengths = [
            ("reference_logits_chosen", reference.len()),
            ("policy_logits_rejected", other.len()),
            ("reference_logits_rejected", other_reference.len()),
            ("labels_chosen", labels[0].len()),
            ("labels_rejected", labels[1].len()),
        ];
        lengths.into_iter().try_for_each(|(name, found)| same_length(name, found, rows))?;
        for (name, a, b) in [
            ("reference_logits_chosen", &policy, &reference),
            ("reference_logits_rejected", &other, &other_reference),
        ] {
            for (a, b) in a.iter().zip(b) {
                same_length(name, b.len(), a.len())?;
                a.iter().zip(b).try_for_each(|(a, b)| same_length(name, b.len(), a.len()))?;
            }
        }
        let zeros = |like: &[Vec<f64>]| like.iter().map(|l| vec![0.0; l.len()]).collect::<Vec<_>>();
        let (mut loss, mut up, mut down) = (Vec::new(), Vec::new(), Vec::new());
        let mut parts = [vec![], vec![], vec![], vec![]];
        for k in 0..rows {
            let chosen = TokenSide::new("labels_chosen", &labels[0][k], &policy[k], &reference[k])?;
            let rejected = TokenSide::new("labels_rejected", &labels[1][k], &other[k], &other_reference[k])?;
            let weight = if self.tdpo2 { self.alpha } else { 1.0 };
            let u = self.beta * (chosen.margin - rejected.margin - weight * (rejected.kl - chosen.kl));
            loss.push(softplus(-u));
            let slope = -self.beta * logistic(-u);
            let (mut of_chosen, mut of_rejected) = (zeros(&policy[k]), zeros(&other[k]));
            // TDPO2 lets no gradient through the chosen response's KL
            chosen.add_gradient(&mut of_chosen, slope, if self.tdpo2 { 0.0 } else { slope });
            let to = if shared { &mut of_chosen } else { &mut of_rejected };
            rejected.add_gradient(to, -slope, -weight * slope);
            up.push(of_chosen);
            down.push(of_rejected);
            let values = [chosen.margin, rejected.margin, chosen.kl, rejected.kl];
            parts.iter_mut().zip(values).for_each(|(part, value)| part.push(value));
        }
        let mut evaluation = Evaluation::new(loss).gradient("policy_logits_chosen", Array::cubes(&up));
        if !shared {
            evaluation = evaluation.gradient("policy_logits_rejected", Array::cubes(&down));
        }
        let names = ["margin_chosen", "margin_rejected", "kl_chosen", "kl_rejected"];
        Ok(names.iter().zip(&parts).fold(evaluation, |e, (name, part)| e.part(name, Array::column(part))))
    }
}

/// Options of `dmpo`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Dmpo {
    /// Discount of later turns, in (0, 1].
    gamma: f64,
    /// Weight of the KL to the reference, above 0.
    beta: f64,
}

impl Default for Dmpo {
    fn default() -> Self {
        Self { gamma: 0.7, beta: 0.1 }
    }
}

impl Dmpo {
    /// `phi(t, T) = g^t (1 - g^(T - t)) / (1 - g^T)`, for g = 1 its limit `(T - t) / T`. The paper's equation 16 lacks the
    /// factor `g^t`, which its derivation and code have.
    fn weights(&self, turns: usize) -> Vec<f64> {
        let rest = |k: usize| -(k as f64 * self.gamma.ln()).exp_m1();
        (0..turns)
            .map(|t| match self.gamma == 1.0 {
                true => (turns - t) as f64 / turns as f64,
                false => self.gamma.powi(t as i32) * rest(turns - t) / rest(turns),
            })
            .collect()
    }
}

const DMPO_SIDES: [[&str; 2]; 2] = [
    ["policy_chosen_turns", "reference_chosen_turns"],
    ["policy_rejected_turns", "reference_rejected_turns"],
];

impl Objective for Dmpo {
    fn inputs() -> Vec<Input> {
        let [[policy, reference], [other, other_reference]] = DMPO_SIDES;
        vec![
            Input::variable(policy, "[turns][tokens] log pi of the preferred trajectory"),
            Input::data(reference, "[turns][tokens] log mu of it"),
            Input::variable(other, "[turns][tokens] log pi of the other trajectory"),
            Input::data(other_reference, "[turns][tokens] log mu of it"),
        ]
    }

    fn check(&self) -> Result<(), BuildError> {
        ensure(self.gamma > 0.0 && self.gamma <= 1.0, "gamma", self.gamma, "must lie in (0, 1]")?;
        positive("beta", self.beta)
    }

    fn evaluate(&self, inputs: &Inputs) -> Result<Evaluation, ObjectiveError> {
        let mut sides = Vec::new();
        for [policy, reference] in DMPO_SIDES {
            let turns = inputs.rows(policy)?;
            let reference = inputs.rows_like(reference, &turns)?;
            let weights = self.weights(turns.len());
            let ratio = |a: &[f64], b: &[f64]| a.iter().sum::<f64>() - b.iter().sum::<f64>();
            let rows = weights.iter().zip(turns.iter().zip(&reference));
            let total: f64 = rows.map(|(w, (p, r))| w * ratio(p, r)).sum();
            sides.push((turns, weights, total));
        }
        let z = self.beta * (sides[0].2 - sides[1].2);
        let mut evaluation = Evaluation::new(vec![softplus(-z)]);
        for (((turns, weights, _), [name, _]), sign) in sides.iter().zip(DMPO_SIDES).zip([-1.0, 1.0]) {
            let slope = sign * self.beta * logistic(-z);
            let gradient: Vec<Vec<f64>> =
                turns.iter().zip(weights).map(|(turn, w)| vec![slope * w; turn.len()]).collect();
            let part = if sign < 0.0 { "phi_chosen" } else { "phi_rejected" };
            evaluation = evaluation.gradient(name, Array::rows(&gradient)).part(part, Array::column(weights));
        }
        Ok(evaluation)
    }
}

/// Options of `nash-md`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct NashMd {
    /// Weight of the KL to the reference, at least 0.
    beta: f64,
    /// Weight of the reference in the mixture, in [0, 1].
    mixture_coef: f64,
}

impl Default for NashMd {
    fn default() -> Self {
        Self { beta: 0.1, mixture_coef: 0.5 }
    }
}

impl Objective for NashMd {
    fn inputs() -> Vec<Input> {
        vec![
            Input::variable("token_log_probs", "[rows][tokens] log pi of each token, 0 where padded"),
            Input::data("reference_token_log_probs", "[rows][tokens] log mu of each token"),
            Input::data(
                "p_model_beats_mixture",
                "[rows] probability that the sample beats one of the mixture",
            ),
            Input::data("mixture_model_logits", "[any][vocabulary] for the mixture: logits of the policy")
                .optional(),
            Input::data("mixture_reference_logits", "[any][vocabulary] of the reference").optional(),
        ]
    }

    fn check(&self) -> Result<(), BuildError> {
        ensure(
            self.beta >= 0.0 && self.beta.is_finite(),
            "beta",
            self.beta,
            "must be finite and at least 0",
        )?;
        ensure(
            (0.0..=1.0).contains(&self.mixture_coef),
            "mixture_coef",
            self.mixture_coef,
            "must lie in [0, 1]",
        )
    }

    fn evaluate(&self, inputs: &Inputs) -> Result<Evaluation, ObjectiveError> {
        let tokens = inputs.rows("token_log_probs")?;
        let reference = inputs.rows_like("reference_token_log_probs", &tokens)?;
        let wins = inputs.column_of("p_model_beats_mixture", tokens.len())?;
        let advantages: Vec<f64> = wins.iter().map(|p| p - 0.5).collect();
        let penalties = log_ratios(&tokens, &reference);
        let mut evaluation = surrogate("token_log_probs", &tokens, &penalties, self.beta, &advantages);
        if inputs.has("mixture_model_logits") {
            let model = inputs.rows("mixture_model_logits")?;
            let reference = inputs.rows_like("mixture_reference_logits", &model)?;
            let c = self.mixture_coef;
            let mix = |(m, r): (&Vec<f64>, &Vec<f64>)| {
                log_softmax(&m.iter().zip(r).map(|(m, r)| c * r + (1.0 - c) * m).collect::<Vec<_>>())
            };
            let mixture: Vec<Vec<f64>> = model.iter().zip(&reference).map(mix).collect();
            evaluation = evaluation.part("mixture_log_probs", Array::rows(&mixture));
        }
        Ok(evaluation)
    }
}

/// `log pi - log mu` of every token.
fn log_ratios(tokens: &[Vec<f64>], reference: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let row = |(l, r): (&Vec<f64>, &Vec<f64>)| l.iter().zip(r).map(|(l, r)| l - r).collect();
    tokens.iter().zip(reference).map(row).collect()
}

/// The score-function surrogate `sum_t (beta kl_t - v) l_t` of every row, whose KL estimates and advantages `v` are
/// constants.
fn surrogate(
    name: &str,
    tokens: &[Vec<f64>],
    penalties: &[Vec<f64>],
    beta: f64,
    advantages: &[f64],
) -> Evaluation {
    let weights: Vec<Vec<f64>> = penalties
        .iter()
        .zip(advantages)
        .map(|(row, v)| row.iter().map(|kl| beta * kl - v).collect())
        .collect();
    let loss = weights.iter().zip(tokens).map(|(w, l)| w.iter().zip(l).map(|(w, l)| w * l).sum()).collect();
    Evaluation::new(loss).gradient(name, Array::rows(&weights))
}

/// Estimators of a token's KL from its log-ratio.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum KlEstimator {
    /// `h`.
    #[default]
    K1,
    /// `h^2 / 2`.
    K2,
    /// `exp(-h) - 1 + h`.
    K3,
}

/// Options of `slhf`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Slhf {
    /// The leader's weight of the KL to the reference, at least 0.
    beta: f64,
    /// The follower's.
    follower_beta: f64,
    /// Subtracted from the scores; `null` with `rloo_baseline`.
    score_baseline: Option<f64>,
    /// Whether the mean score of the other rows is subtracted instead.
    rloo_baseline: bool,
    /// `k1`, `k2` or `k3`.
    kl_estimator: KlEstimator,
    /// Weight of the follower's loss, at least 0.
    follower_weight: f64,
}

impl Default for Slhf {
    fn default() -> Self {
        Self {
            beta: 0.01,
            follower_beta: 0.01,
            score_baseline: Some(0.5),
            rloo_baseline: false,
            kl_estimator: KlEstimator::K1,
            follower_weight: 2.0,
        }
    }
}

impl Slhf {
    fn advantages(&self, scores: &[f64]) -> Vec<f64> {
        let total: f64 = scores.iter().sum();
        let baseline = |s: &f64| match self.rloo_baseline {
            true => (total - s) / (scores.len() - 1) as f64,
            false => self.score_baseline.unwrap_or(0.0),
        };
        scores.iter().map(|s| s - baseline(s)).collect()
    }

    fn role(
        &self,
        name: &str,
        inputs: &Inputs,
        beta: f64,
        scores: &[f64],
    ) -> Result<Evaluation, ObjectiveError> {
        let tokens = inputs.rows(name)?;
        same_length(name, tokens.len(), scores.len())?;
        let reference = inputs.rows_like(&format!("reference_{name}"), &tokens)?;
        let estimate = |h: f64| match self.kl_estimator {
            KlEstimator::K1 => h,
            KlEstimator::K2 => 0.5 * h * h,
            KlEstimator::K3 => (-h).exp_m1() + h,
        };
        let mut penalties = log_ratios(&tokens, &reference);
        penalties.iter_mut().flatten().for_each(|h| *h = estimate(*h));
        Ok(surrogate(name, &tokens, &penalties, beta, &self.advantages(scores)))
    }
}

impl Objective for Slhf {
    fn inputs() -> Vec<Input> {
        vec![
            Input::data("p_leader_beats_follower", "[rows] probability that the leader's response wins"),
            Input::variable("token_log_probs_leader", "[rows][tokens] log pi of the leader's tokens"),
            Input::data("reference_token_log_probs_leader", "[rows][tokens] log mu of them"),
            Input::variable("token_log_probs_follower", "[rows][tokens] log pi of the follower's tokens"),
            Input::data("reference_token_log_probs_follower", "[rows][tokens] log mu of them"),
        ]
    }

    fn check(&self) -> Result<(), BuildError> {
        let all = [
            ("beta", self.beta),
            ("follower_beta", self.follower_beta),
            ("follower_weight", self.follower_weight),
        ];
        for (key, value) in all {
            ensure(value >= 0.0 && value.is_finite(), key, value, "must be finite and at least 0")?;
        }
        Ok(())
    }

    fn evaluate(&self, inputs: &Inputs) -> Result<Evaluation, ObjectiveError> {
        let wins = inputs.column("p_leader_beats_follower")?;
        if self.rloo_baseline && wins.len() < 2 {
            let problem = "a leave-one-out baseline needs at least two rows".to_owned();
            return Err(ObjectiveError::input("p_leader_beats_follower", problem));
        }
        let losses: Vec<f64> = wins.iter().map(|p| 1.0 - p).collect();
        let leader = self.role("token_log_probs_leader", inputs, self.beta, &wins)?;
        let follower = self.role("token_log_probs_follower", inputs, self.follower_beta, &losses)?;
        let weight = self.follower_weight;
        let total = leader.loss.iter().zip(&follower.loss).map(|(l, f)| l + weight * f).collect();
        let mut all = Evaluation::new(total)
            .part("loss_leader", Array::column(&leader.loss))
            .part("loss_follower", Array::column(&follower.loss));
        all.gradient.extend(leader.gradient);
        all.gradient.extend(follower.gradient.into_iter().map(|(name, g)| (name, g.times(weight))));
        Ok(all)
    }
}

pub(super) const SIMPO_TOKEN_LEVEL: ObjectiveEntry = ObjectiveEntry::of::<SimpoTokens>(
    "simpo-token-level",
    "simpo from logits and labels: mean over counted tokens",
    "Meng et al. 2024, arXiv:2405.14734",
    Minimiser::UnlessSeparable,
);

pub(super) const TDPO: ObjectiveEntry = ObjectiveEntry::of::<Tdpo>(
    "tdpo",
    "-ls(beta (m_w - m_l - alpha (K_l - stop(K_w)))), m = sum of token log-ratios, K = sum of KL(mu_t || pi_t)",
    "Zeng et al. 2024, arXiv:2404.11999",
    Minimiser::UnlessSeparable,
)
.verified("published code to 1e-12; TDPO1 by finite differences");

pub(super) const DMPO: ObjectiveEntry = ObjectiveEntry::of::<Dmpo>(
    "dmpo",
    "-ls(beta (sum_t phi(t, T_w) h_w - sum_t phi(t, T_l) h_l)), h = log-ratio of a turn",
    "Shi et al. 2024, arXiv:2406.14868",
    Minimiser::UnlessSeparable,
);

pub(super) const NASH_MD: ObjectiveEntry = ObjectiveEntry::of::<NashMd>(
    "nash-md",
    "sum_t (beta stop(l_t - r_t) - (P - 1/2)) l_t",
    "Munos et al. 2023, arXiv:2312.00886, as a trainer has it: the KL of a token is not that of the sequence",
    Minimiser::Surrogate,
)
.verified("published code to 1e-12; its gradient is that of no loss");

pub(super) const SLHF: ObjectiveEntry = ObjectiveEntry::of::<Slhf>(
    "slhf",
    "leader plus follower_weight times follower, each sum_t (beta stop(kl_t) - v) l_t",
    "Pasztor et al. 2025, Stackelberg learning from human feedback",
    Minimiser::Surrogate,
)
.verified("published code to 1e-12; its gradient is that of no loss");
