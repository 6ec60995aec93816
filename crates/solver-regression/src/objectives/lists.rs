//! Losses on lists of responses to one prompt.

use equipoise_core::BuildError;
use equipoise_core::logistic::logistic;
use equipoise_core::registry::ensure;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::array::same_length;
use super::factors::softplus;
use super::pairs::positive;
use super::{Array, Evaluation, Input, Inputs, Minimiser, Objective, ObjectiveEntry, ObjectiveError};

/// `log sum exp` of the entries, without overflow; `-inf` for none.
fn log_sum_exp(x: &[f64]) -> f64 {
    let top = x.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if top.is_finite() { top + x.iter().map(|v| (v - top).exp()).sum::<f64>().ln() } else { top }
}

/// `log softmax`.
pub(super) fn log_softmax(x: &[f64]) -> Vec<f64> {
    let norm = log_sum_exp(x);
    x.iter().map(|v| v - norm).collect()
}

fn exp(x: &[f64]) -> Vec<f64> {
    x.iter().map(|v| v.exp()).collect()
}

/// `q_k (f_k - sum_j q_j f_j)`: how a mean of `f` under a softmax changes with its logits, `f` held fixed.
fn centred(q: &[f64], f: &[f64]) -> Vec<f64> {
    let mean: f64 = q.iter().zip(f).map(|(q, f)| q * f).sum();
    q.iter().zip(f).map(|(q, f)| q * (f - mean)).collect()
}

/// Options of `pro`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Pro {
    /// Weight of the likelihood of one response, at least 0; multiplied by the square of the number of stages.
    sft_weight: f64,
    /// Which response that is, from 0.
    sft_index: usize,
    /// Added inside each logarithm, at least 0; the published code has 1e-10.
    eps: f64,
}

impl Default for Pro {
    fn default() -> Self {
        Self { sft_weight: 0.05, sft_index: 0, eps: 1e-10 }
    }
}

impl Objective for Pro {
    fn inputs() -> Vec<Input> {
        vec![
            Input::variable(
                "token_log_probs",
                "[responses][tokens] log pi of each token, best response first",
            ),
            Input::data("rewards", "[responses] their rewards, not rising"),
        ]
    }

    fn check(&self) -> Result<(), BuildError> {
        for (key, value) in [("sft_weight", self.sft_weight), ("eps", self.eps)] {
            ensure(value >= 0.0 && value.is_finite(), key, value, "must be finite and at least 0")?;
        }
        Ok(())
    }

    /// With the scores `s` (mean log-probabilities) and gaps `T_ki = r_k - r_i`, `T_kk = max_i T_ki`, stage k costs
    /// `log(eps + exp(s_k T_kk) + sum_{i > k} exp(s_i T_ki)) - s_k T_kk`.
    fn evaluate(&self, inputs: &Inputs) -> Result<Evaluation, ObjectiveError> {
        let tokens = inputs.rows("token_log_probs")?;
        let n = tokens.len();
        let rewards = inputs.column_of("rewards", n)?;
        if n < 2 || tokens.iter().any(Vec::is_empty) {
            let problem = "must hold at least two responses of at least one token".to_owned();
            return Err(ObjectiveError::input("token_log_probs", problem));
        }
        if let Some(k) = rewards.windows(2).position(|w| w[0] < w[1]) {
            let problem =
                format!("rises from {} to {}; order the responses best first", rewards[k], rewards[k + 1]);
            return Err(ObjectiveError::input(&format!("rewards[{}]", k + 1), problem));
        }
        if self.sft_index >= n {
            let rule = format!("must be below the number of responses, {n}");
            return Err(BuildError::range("sft_index", self.sft_index, rule).into());
        }
        let sums: Vec<f64> = tokens.iter().map(|t| t.iter().sum()).collect();
        let scores: Vec<f64> = sums.iter().zip(&tokens).map(|(s, t)| s / t.len() as f64).collect();
        let (mut stages, mut slopes) = (Vec::new(), vec![0.0; n]);
        for k in 0..n - 1 {
            let mut gaps: Vec<f64> = (k..n).map(|i| rewards[k] - rewards[i]).collect();
            gaps[0] = gaps[n - 1 - k];
            let mut terms: Vec<f64> = gaps.iter().zip(&scores[k..]).map(|(t, s)| t * s).collect();
            let own = terms[0];
            terms.push(self.eps.ln());
            let norm = log_sum_exp(&terms);
            stages.push(norm - own);
            for (slope, (gap, term)) in slopes[k..].iter_mut().zip(gaps.iter().zip(&terms)) {
                *slope += gap * (term - norm).exp();
            }
            slopes[k] -= gaps[0];
        }
        let weight = self.sft_weight * ((n - 1) * (n - 1)) as f64;
        let likelihood = -weight * sums[self.sft_index];
        let gradient = tokens.iter().enumerate().map(|(i, t)| {
            let sft = if i == self.sft_index { weight } else { 0.0 };
            vec![slopes[i] / t.len() as f64 - sft; t.len()]
        });
        Ok(Evaluation::new(vec![stages.iter().sum::<f64>() + likelihood])
            .gradient("token_log_probs", Array::rows(&gradient.collect::<Vec<_>>()))
            .part("mean_log_prob", Array::column(&scores))
            .part("stage_loss", Array::column(&stages))
            .part("sft_term", Array::Number(likelihood)))
    }
}

/// Options of `brain`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Brain {
    /// With `log_prior` and `reward`: temperature of the posterior, above 0.
    tau: f64,
}

impl Default for Brain {
    fn default() -> Self {
        Self { tau: 1.0 }
    }
}

impl Objective for Brain {
    fn inputs() -> Vec<Input> {
        let instead = "[draws] instead: log mu, and then `reward`; the posterior is prior exp(reward / tau)";
        vec![
            Input::variable("log_policy", "[draws] log pi of responses drawn from the proposal"),
            Input::data("log_proposal", "[draws] their log-probability under the proposal"),
            Input::data("log_posterior_unnormalised", "[draws] log of the target, up to a constant")
                .optional(),
            Input::data("log_prior", instead).optional(),
            Input::data("reward", "[draws] their rewards").optional(),
        ]
    }

    fn check(&self) -> Result<(), BuildError> {
        positive("tau", self.tau)
    }

    /// `KL(a || b)` of the self-normalised weights of target and policy over the proposal.
    fn evaluate(&self, inputs: &Inputs) -> Result<Evaluation, ObjectiveError> {
        let policy = inputs.column("log_policy")?;
        let proposal = inputs.column_of("log_proposal", policy.len())?;
        let posterior = if inputs.has("log_prior") {
            let prior = inputs.column_of("log_prior", policy.len())?;
            let reward = inputs.column_of("reward", policy.len())?;
            prior.iter().zip(&reward).map(|(p, r)| p + r / self.tau).collect()
        } else {
            inputs.column_of("log_posterior_unnormalised", policy.len())?
        };
        let over = |x: &[f64]| log_softmax(&x.iter().zip(&proposal).map(|(x, q)| x - q).collect::<Vec<_>>());
        let (log_a, log_b) = (over(&posterior), over(&policy));
        let (a, b) = (exp(&log_a), exp(&log_b));
        let kl = a.iter().zip(log_a.iter().zip(&log_b)).map(|(a, (la, lb))| a * (la - lb)).sum();
        let gradient: Vec<f64> = b.iter().zip(&a).map(|(b, a)| b - a).collect();
        Ok(Evaluation::new(vec![kl])
            .gradient("log_policy", Array::column(&gradient))
            .part("a", Array::column(&a))
            .part("b", Array::column(&b)))
    }
}

/// Which loss on groups.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum GroupLoss {
    /// KL of the policy to the softmax of rewards.
    #[default]
    ExoRw,
    /// KL of the policy to the unnormalised log-targets 0 (the best of the group) and -10 (the others), as published.
    ExoPref,
    /// Cross entropy of the softmax of rewards to the policy.
    DpoRw,
}

/// Options of `exo-list`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct ExoList {
    /// `exo-rw`, `exo-pref` or `dpo-rw`.
    loss: GroupLoss,
    /// Temperature of the rewards, above 0.
    beta: f64,
    /// Factor of the log-ratios, above 0.
    beta_model: f64,
}

impl Default for ExoList {
    fn default() -> Self {
        Self { loss: GroupLoss::ExoRw, beta: 0.1, beta_model: 0.1 }
    }
}

impl Objective for ExoList {
    fn inputs() -> Vec<Input> {
        vec![
            Input::variable("policy", "[responses] log pi; those of one group consecutive"),
            Input::variable("reference", "[responses] log mu"),
            Input::data("reward", "[responses] their rewards"),
            Input::data("group_size", "one number: responses a group"),
        ]
    }

    fn check(&self) -> Result<(), BuildError> {
        positive("beta", self.beta)?;
        positive("beta_model", self.beta_model)
    }

    fn evaluate(&self, inputs: &Inputs) -> Result<Evaluation, ObjectiveError> {
        let policy = inputs.column("policy")?;
        let reference = inputs.column_of("reference", policy.len())?;
        let reward = inputs.column_of("reward", policy.len())?;
        let size = inputs.number("group_size")?;
        if !(size >= 1.0 && size.fract() == 0.0 && policy.len() % size as usize == 0) {
            let problem =
                format!("is {size}, must be a whole number that divides {} responses", policy.len());
            return Err(ObjectiveError::input("group_size", problem));
        }
        let (mut loss, mut gradient) = (Vec::new(), Vec::new());
        let groups = policy.chunks(size as usize).zip(reference.chunks(size as usize));
        for ((policy, reference), reward) in groups.zip(reward.chunks(size as usize)) {
            let scaled: Vec<f64> =
                policy.iter().zip(reference).map(|(p, r)| self.beta_model * (p - r)).collect();
            let log_q = log_softmax(&scaled);
            let q = exp(&log_q);
            let target = match self.loss {
                GroupLoss::ExoRw | GroupLoss::DpoRw => {
                    log_softmax(&reward.iter().map(|r| r / self.beta).collect::<Vec<_>>())
                }
                GroupLoss::ExoPref => {
                    let best = reward.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                    reward.iter().map(|r| if *r == best { 0.0 } else { -10.0 }).collect()
                }
            };
            let (value, slopes): (f64, Vec<f64>) = match self.loss {
                GroupLoss::DpoRw => {
                    let t = exp(&target);
                    let value = -t.iter().zip(&log_q).map(|(t, l)| t * l).sum::<f64>();
                    (value, q.iter().zip(&t).map(|(q, t)| q - t).collect())
                }
                GroupLoss::ExoRw | GroupLoss::ExoPref => {
                    let off: Vec<f64> = log_q.iter().zip(&target).map(|(l, t)| l - t).collect();
                    (q.iter().zip(&off).map(|(q, f)| q * f).sum(), centred(&q, &off))
                }
            };
            loss.push(value);
            gradient.extend(slopes.iter().map(|s| self.beta_model * s));
        }
        let negative: Vec<f64> = gradient.iter().map(|g| -g).collect();
        Ok(Evaluation::new(loss)
            .gradient("policy", Array::column(&gradient))
            .gradient("reference", Array::column(&negative)))
    }
}

/// Which contrastive loss.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
enum Contrast {
    /// Cross entropy of the softmax of scores to that of the log-ratios.
    #[default]
    #[serde(rename = "InfoNCA")]
    InfoNca,
    /// Each response against noise.
    #[serde(rename = "NCA")]
    Nca,
}

/// Options of `nca-list`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct NcaList {
    /// `InfoNCA` or `NCA`.
    loss: Contrast,
    /// Factor of the log-ratios, above 0.
    beta: f64,
    /// Temperature of the scores, above 0.
    temperature: f64,
    /// Added to the score of the first response, which the published code keeps strictly best so.
    first_bonus: f64,
}

impl Default for NcaList {
    fn default() -> Self {
        Self { loss: Contrast::InfoNca, beta: 0.1, temperature: 1.0, first_bonus: 0.01 }
    }
}

impl Objective for NcaList {
    fn inputs() -> Vec<Input> {
        vec![
            Input::variable("policy", "[prompts][responses] log pi"),
            Input::variable("reference", "[prompts][responses] log mu"),
            Input::data("score", "[prompts][responses] their scores"),
        ]
    }

    fn check(&self) -> Result<(), BuildError> {
        positive("beta", self.beta)?;
        positive("temperature", self.temperature)?;
        ensure(self.first_bonus.is_finite(), "first_bonus", self.first_bonus, "must be finite")
    }

    fn evaluate(&self, inputs: &Inputs) -> Result<Evaluation, ObjectiveError> {
        let policy = inputs.rows("policy")?;
        let reference = inputs.rows_like("reference", &policy)?;
        let score = inputs.rows_like("score", &policy)?;
        let (mut loss, mut gradient, mut labels) = (Vec::new(), Vec::new(), Vec::new());
        for (k, ((policy, reference), mut score)) in policy.iter().zip(&reference).zip(score).enumerate() {
            same_length(&format!("policy[{k}]"), usize::from(policy.is_empty()), 0)?;
            score[0] += self.first_bonus;
            let soft = exp(&log_softmax(&score.iter().map(|s| s / self.temperature).collect::<Vec<_>>()));
            let m: Vec<f64> = policy.iter().zip(reference).map(|(p, r)| self.beta * (p - r)).collect();
            let (value, slopes): (f64, Vec<f64>) = match self.loss {
                Contrast::InfoNca => {
                    let log_q = log_softmax(&m);
                    let value = -soft.iter().zip(&log_q).map(|(s, l)| s * l).sum::<f64>();
                    (value, log_q.iter().zip(&soft).map(|(l, s)| l.exp() - s).collect())
                }
                Contrast::Nca => {
                    let noise = 1.0 / m.len() as f64;
                    let terms = m.iter().zip(&soft);
                    let value = terms.clone().map(|(m, s)| noise * softplus(*m) + s * softplus(-m)).sum();
                    (value, terms.map(|(m, s)| noise * logistic(*m) - s * logistic(-m)).collect())
                }
            };
            loss.push(value);
            gradient.push(slopes.iter().map(|s| self.beta * s).collect::<Vec<_>>());
            labels.push(soft);
        }
        let negative: Vec<Vec<f64>> = gradient.iter().map(|g| g.iter().map(|x| -x).collect()).collect();
        Ok(Evaluation::new(loss)
            .gradient("policy", Array::rows(&gradient))
            .gradient("reference", Array::rows(&negative))
            .part("soft_label", Array::rows(&labels)))
    }
}

pub(super) const PRO: ObjectiveEntry = ObjectiveEntry::of::<Pro>(
    "pro",
    "sum_k log(eps + exp(s_k T_kk) + sum_{i>k} exp(s_i T_ki)) - s_k T_kk, less sft_weight (n - 1)^2 times a log-likelihood",
    "Song et al. 2023, arXiv:2306.17492",
    Minimiser::UnlessSeparable,
);

pub(super) const BRAIN: ObjectiveEntry = ObjectiveEntry::of::<Brain>(
    "brain",
    "KL(a || b), a = softmax(log posterior - log proposal), b = softmax(log pi - log proposal)",
    "Pandey et al. 2024, arXiv:2402.02479",
    Minimiser::Finite,
);

pub(super) const EXO_LIST: ObjectiveEntry = ObjectiveEntry::of::<ExoList>(
    "exo-list",
    "sum q (log q - log t) over a group, q = softmax(beta_model (policy - reference)), t = softmax(reward / beta)",
    "Ji et al. 2024, arXiv:2402.00856",
    Minimiser::Finite,
);

pub(super) const NCA_LIST: ObjectiveEntry = ObjectiveEntry::of::<NcaList>(
    "nca-list",
    "-sum t log softmax(m), or sum -ls(-m) / K - sum t ls(m), m = beta (policy - reference), t = softmax(score / temperature)",
    "Chen et al. 2024, arXiv:2402.05369",
    Minimiser::Finite,
)
.also(&["info-nca"]);
