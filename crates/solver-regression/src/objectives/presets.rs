//! The published losses of single pairs that are [`Preference`] with some of its factors fixed, and the few that are not.

use equipoise_core::BuildError;
use equipoise_core::logistic::logistic;
use equipoise_core::registry::ensure;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::factors::{Label, Link, Score};
use super::pairs::{Pair, PairGradient, PairLoss, Preference, positive, rate};
use super::{Input, Minimiser, ObjectiveEntry};

/// Declares a preset: its options, and the composition they stand for.
macro_rules! preset {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty = $default:expr,)* }
     check |$s:ident| $check:expr; composition |$c:ident| $composition:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
        #[serde(default, deny_unknown_fields)]
        pub(crate) struct $name { $($(#[$field_doc])* $field: $type,)* }

        impl Default for $name {
            fn default() -> Self {
                Self { $($field: $default,)* }
            }
        }

        impl $name {
            fn composition(&self) -> Preference {
                let $c = self;
                $composition
            }
        }

        impl PairLoss for $name {
            fn uses_reference(&self) -> bool {
                self.composition().score.uses_reference()
            }

            fn uses_length(&self) -> bool {
                self.composition().score.uses_length()
            }

            fn check(&self) -> Result<(), BuildError> {
                let $s = self;
                $check
            }

            fn row(&self, pair: &Pair<'_>) -> PairGradient {
                self.composition().pair(pair)
            }
        }
    };
}

preset! {
    /// Options of `dpo`.
    Dpo {
        /// Weight of the KL to the reference, above 0.
        beta: f64 = 0.1,
    }
    check |o| positive("beta", o.beta);
    composition |o| Preference { beta: o.beta, ..Preference::default() }
}

preset! {
    /// Options of `cdpo`.
    Cdpo {
        /// Weight of the KL to the reference, above 0.
        beta: f64 = 0.1,
        /// Rate of flipped labels that the loss is smoothed by, in [0, 1).
        epsilon: f64 = 0.1,
    }
    check |o| positive("beta", o.beta).and(rate("epsilon", o.epsilon, 1.0, "must lie in [0, 1)"));
    composition |o| Preference { beta: o.beta, label: Label::Smooth(o.epsilon), ..Preference::default() }
}

preset! {
    /// Options of `rdpo`.
    Rdpo {
        /// Weight of the KL to the reference, above 0.
        beta: f64 = 0.1,
        /// Rate of flipped labels, in [0, 1/2).
        epsilon: f64 = 0.1,
    }
    check |o| positive("beta", o.beta)
        .and(rate("epsilon", o.epsilon, 0.5, "must lie in [0, 1/2): from one half on labels say nothing"));
    composition |o| Preference { beta: o.beta, label: Label::Debiased(o.epsilon), ..Preference::default() }
}

/// Over what a log-ratio is taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Normalisation {
    /// The whole response: equation 17 of the paper.
    #[default]
    Sum,
    /// Per token: divided by its number of tokens.
    PerToken,
}

preset! {
    /// Options of `ipo`.
    Ipo {
        /// Weight of the KL to the reference, above 0; the target is `1 / (2 tau)`.
        tau: f64 = 0.1,
        /// `sum` (the paper) or `per_token` (several trainers): no rescaling where lengths differ.
        variant: Normalisation = Normalisation::Sum,
    }
    check |o| positive("tau", o.tau);
    composition |o| Preference {
        score: if o.variant == Normalisation::Sum { Score::Ratio } else { Score::MeanRatio },
        link: Link::Squared(0.5 / o.tau),
        beta: 1.0,
        ..Preference::default()
    }
}

/// Which hinge.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum HingeKind {
    /// On log-ratios to the reference (RSO).
    #[default]
    #[serde(alias = "hinge on log-ratios")]
    LogRatios,
    /// On log-probabilities, without a reference (the calibration term of SLiC-HF).
    #[serde(alias = "SLiC-HF no reference", alias = "slic")]
    NoReference,
    /// On log-ratios, less `lam` times the margin outside the hinge, as published: the margin has no gradient.
    #[serde(alias = "SLiC-HF with margins")]
    Margins,
}

/// Options of `hinge`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct HingeSlic {
    /// Factor of the difference, above 0.
    beta: f64,
    /// Margin below which a pair costs something.
    delta: f64,
    /// Which hinge: `log-ratios`, `no-reference` or `margins`.
    variant: HingeKind,
    /// Of `margins`: weight of the column `margin`, at least 0.
    lam: f64,
}

impl Default for HingeSlic {
    fn default() -> Self {
        Self { beta: 0.1, delta: 1.0, variant: HingeKind::LogRatios, lam: 0.0 }
    }
}

impl PairLoss for HingeSlic {
    fn uses_reference(&self) -> bool {
        self.variant != HingeKind::NoReference
    }

    fn columns() -> Vec<Input> {
        vec![Input::data("margin", "[rows] of `margins`: subtracted outside the hinge").optional()]
    }

    fn needs(&self, _column: &str) -> bool {
        self.variant == HingeKind::Margins
    }

    fn check(&self) -> Result<(), BuildError> {
        positive("beta", self.beta)?;
        ensure(self.delta.is_finite(), "delta", self.delta, "must be finite")?;
        ensure(self.lam >= 0.0 && self.lam.is_finite(), "lam", self.lam, "must be finite and at least 0")
    }

    fn row(&self, pair: &Pair<'_>) -> PairGradient {
        let score = if self.uses_reference() { Score::Ratio } else { Score::Sum };
        let link = Link::Hinge(self.delta);
        let mut found = Preference { score, link, beta: self.beta, ..Preference::default() }.pair(pair);
        if self.variant == HingeKind::Margins {
            found.loss -= self.lam * pair.data[0];
        }
        found
    }
}

/// Which link SimPO takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum SimpoLink {
    /// `-log sigmoid`.
    #[default]
    Sigmoid,
    /// `max(0, 1 - z)`.
    Hinge,
}

preset! {
    /// Options of `simpo`.
    Simpo {
        /// Factor of the difference of mean token log-probabilities, above 0.
        beta: f64 = 2.0,
        /// The margin divided by `beta`, at least 0.
        gamma_beta_ratio: f64 = 0.25,
        /// Rate of flipped labels that the loss is smoothed by, in [0, 1); not with `hinge`.
        label_smoothing: f64 = 0.0,
        /// `sigmoid` or `hinge`.
        loss_type: SimpoLink = SimpoLink::Sigmoid,
    }
    check |o| simpo_check(o);
    composition |o| Preference {
        score: Score::Mean,
        label: if o.loss_type == SimpoLink::Hinge { Label::Hard } else { Label::Smooth(o.label_smoothing) },
        link: if o.loss_type == SimpoLink::Hinge { Link::Hinge(1.0) } else { Link::Logistic },
        beta: o.beta,
        shift: o.beta * o.gamma_beta_ratio,
        nll: 0.0,
    }
}

fn simpo_check(o: &Simpo) -> Result<(), BuildError> {
    positive("beta", o.beta)?;
    let ratio = o.gamma_beta_ratio;
    ensure(ratio >= 0.0 && ratio.is_finite(), "gamma_beta_ratio", ratio, "must be finite and at least 0")?;
    rate("label_smoothing", o.label_smoothing, 1.0, "must lie in [0, 1)")?;
    let smooth_hinge = o.loss_type == SimpoLink::Hinge && o.label_smoothing > 0.0;
    ensure(!smooth_hinge, "label_smoothing", o.label_smoothing, "the hinge has no smoothing; use 0")
}

/// Which divergence to the reference.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Divergence {
    /// KL(pi || mu): DPO.
    #[default]
    ReverseKl,
    /// KL(mu || pi).
    ForwardKl,
    /// Jensen-Shannon.
    JensenShannon,
    /// Alpha divergence; `alpha` as in the paper (one trainer's option of that name is `1 - alpha`).
    Alpha,
}

preset! {
    /// Options of `fdpo`.
    Fdpo {
        /// Weight of the divergence, above 0.
        beta: f64 = 0.1,
        /// `reverse_kl`, `forward_kl`, `jensen_shannon` or `alpha`.
        divergence: Divergence = Divergence::ReverseKl,
        /// Of `alpha`: its order, in (0, 1).
        alpha: f64 = 0.5,
    }
    check |o| positive("beta", o.beta)
        .and(ensure(o.alpha > 0.0 && o.alpha < 1.0, "alpha", o.alpha, "must lie in (0, 1)"));
    composition |o| Preference {
        score: match o.divergence {
            Divergence::ReverseKl => Score::Ratio,
            Divergence::ForwardKl => Score::ForwardKl,
            Divergence::JensenShannon => Score::JensenShannon,
            Divergence::Alpha => Score::Alpha(o.alpha),
        },
        beta: o.beta,
        ..Preference::default()
    }
}

preset! {
    /// Options of `chi-po`.
    ChiPo {
        /// Weight of the divergence, above 0.
        beta: f64 = 0.1,
    }
    check |o| positive("beta", o.beta);
    composition |o| Preference { score: Score::Chi, beta: o.beta, ..Preference::default() }
}

preset! {
    /// Options of `exo`.
    Exo {
        /// Weight of the KL to the reference, above 0.
        beta: f64 = 0.1,
        /// Rate of flipped labels, in (0, 1): its logarithm is taken.
        epsilon: f64 = 1e-3,
    }
    check |o| positive("beta", o.beta)
        .and(ensure(o.epsilon > 0.0 && o.epsilon < 1.0, "epsilon", o.epsilon, "must lie in (0, 1)"));
    composition |o| Preference { link: Link::Exo(o.epsilon), beta: o.beta, ..Preference::default() }
}

preset! {
    /// Options of `discopop`.
    Discopop {
        /// Weight of the KL to the reference, above 0.
        beta: f64 = 0.05,
        /// Temperature of the mixing weight, above 0.
        tau: f64 = 0.05,
    }
    check |o| positive("beta", o.beta).and(positive("tau", o.tau));
    composition |o| Preference { link: Link::Discopop(o.tau), beta: o.beta, ..Preference::default() }
}

preset! {
    /// Options of `cpo`.
    Cpo {
        /// Factor of the difference of log-probabilities, above 0.
        beta: f64 = 0.1,
        /// Weight of the log-likelihood of the chosen response, at least 0.
        nll: f64 = 1.0,
    }
    check |o| PairLoss::check(&o.composition());
    composition |o| Preference { score: Score::Sum, beta: o.beta, nll: o.nll, ..Preference::default() }
}

preset! {
    /// Options of `rpo`.
    Rpo {
        /// Weight of the KL to the reference, above 0.
        beta: f64 = 0.1,
        /// Weight of the log-likelihood of the chosen response, at least 0.
        nll: f64 = 1.0,
    }
    check |o| PairLoss::check(&o.composition());
    composition |o| Preference { beta: o.beta, nll: o.nll, ..Preference::default() }
}

/// Options of `mmpo`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Mmpo {
    /// Weight of the KL to the reference, above 0.
    beta: f64,
    /// Factor of the difference of scores in the target probability, above 0.
    bt_beta: f64,
}

impl Default for Mmpo {
    fn default() -> Self {
        Self { beta: 0.01, bt_beta: 2.2 }
    }
}

impl PairLoss for Mmpo {
    fn columns() -> Vec<Input> {
        vec![
            Input::data("score_chosen", "[rows] quality of the preferred response"),
            Input::data("score_rejected", "[rows] quality of the other response"),
        ]
    }

    fn check(&self) -> Result<(), BuildError> {
        positive("beta", self.beta)?;
        positive("bt_beta", self.bt_beta)
    }

    fn row(&self, pair: &Pair<'_>) -> PairGradient {
        let target = logistic(self.bt_beta * (pair.data[0] - pair.data[1]));
        Preference { label: Label::Soft(target), beta: self.beta, ..Preference::default() }.pair(pair)
    }
}

pub(super) const DPO: ObjectiveEntry = ObjectiveEntry::of::<Dpo>(
    "dpo",
    "-ls(beta ((pc - rc) - (pr - rr)))",
    "Rafailov et al. 2023, arXiv:2305.18290, equation 7",
    Minimiser::UnlessSeparable,
);

pub(super) const CDPO: ObjectiveEntry = ObjectiveEntry::of::<Cdpo>(
    "cdpo",
    "-(1 - e) ls(z) - e ls(-z), z as in dpo",
    "Mitchell 2023, note on conservative DPO",
    Minimiser::Finite,
)
.also(&["conservative-dpo"]);

pub(super) const RDPO: ObjectiveEntry = ObjectiveEntry::of::<Rdpo>(
    "rdpo",
    "(-(1 - e) ls(z) + e ls(-z)) / (1 - 2 e), z as in dpo",
    "Chowdhury et al. 2024, arXiv:2403.00409",
    Minimiser::None,
)
.also(&["robust-dpo"]);

pub(super) const IPO: ObjectiveEntry = ObjectiveEntry::of::<Ipo>(
    "ipo",
    "((pc - rc) - (pr - rr) - 1 / (2 tau))^2",
    "Azar et al. 2023, arXiv:2310.12036, equation 17",
    Minimiser::Finite,
)
.also(&["ipo-loss"]);

pub(super) const HINGE: ObjectiveEntry = ObjectiveEntry::of::<HingeSlic>(
    "hinge",
    "max(0, delta - beta ((pc - rc) - (pr - rr)))",
    "Zhao et al. 2023, arXiv:2305.10425; Liu et al. 2023, arXiv:2309.06657",
    Minimiser::NotUnique,
)
.also(&["hinge-slic", "slic", "rso"]);

pub(super) const SIMPO: ObjectiveEntry = ObjectiveEntry::of::<Simpo>(
    "simpo",
    "-ls(beta (pc / length_c - pr / length_r) - beta gamma_beta_ratio)",
    "Meng et al. 2024, arXiv:2405.14734, equation 6",
    Minimiser::UnlessSeparable,
);

pub(super) const FDPO: ObjectiveEntry = ObjectiveEntry::of::<Fdpo>(
    "fdpo",
    "-ls(beta (g(pc - rc) - g(pr - rr))), g = f'(exp h) up to a constant",
    "Wang et al. 2023, arXiv:2309.16240",
    Minimiser::UnlessSeparable,
)
.also(&["f-dpo"]);

pub(super) const CHI_PO: ObjectiveEntry = ObjectiveEntry::of::<ChiPo>(
    "chi-po",
    "-ls(beta (g(pc - rc) - g(pr - rr))), g(h) = exp(h) + h",
    "Huang et al. 2024, arXiv:2407.13399",
    Minimiser::UnlessSeparable,
)
.verified("finite differences");

pub(super) const MMPO: ObjectiveEntry = ObjectiveEntry::of::<Mmpo>(
    "mmpo",
    "-p ls(z) - (1 - p) ls(-z), p = sigmoid(bt_beta (score_c - score_r)), z as in dpo",
    "Kim et al. 2024, arXiv:2410.03145",
    Minimiser::Finite,
);

pub(super) const EXO: ObjectiveEntry = ObjectiveEntry::of::<Exo>(
    "exo-pair",
    "q log(q / (1 - e)) + (1 - q) log((1 - q) / e), q = sigmoid(z), z as in dpo",
    "Ji et al. 2024, arXiv:2402.00856",
    Minimiser::Finite,
)
.also(&["exo"]);

pub(super) const DISCOPOP: ObjectiveEntry = ObjectiveEntry::of::<Discopop>(
    "discopop",
    "-(1 - m) ls(z) + m exp(-z), m = sigmoid(z / tau), z as in dpo",
    "Lu et al. 2024, arXiv:2406.08414, equation 5",
    Minimiser::UnlessSeparable,
);

pub(super) const CPO: ObjectiveEntry = ObjectiveEntry::of::<Cpo>(
    "cpo",
    "-ls(beta (pc - pr)) - nll pc",
    "Xu et al. 2024, arXiv:2401.08417",
    Minimiser::UnlessSeparable,
);

pub(super) const RPO: ObjectiveEntry = ObjectiveEntry::of::<Rpo>(
    "rpo",
    "-ls(z) - nll pc, z as in dpo",
    "Pang et al. 2024, arXiv:2404.19733",
    Minimiser::UnlessSeparable,
)
.also(&["dpo-nll"])
.verified("the sum of dpo and its term, finite differences");
