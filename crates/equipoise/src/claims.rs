//! What is proved, as data: one row a theorem, with its constants as expressions of the instance.
//!
//! Notation: eta the step, tau the regularisation, `D = max_i -log pi_1(i)`, T the number of steps (or queries, or duels:
//! the claim's unit), w the rotation frequency at the equilibrium. Bounds in terms of margins have norm 1/2 from l1 to
//! l-inf, half of what papers write for win rates.

use equipoise_core::Aim;
use equipoise_eval::audit::{Facts, Form, Hypothesis};
use equipoise_records::{DUALITY_GAP, DUALITY_GAP_TAU, Iterate};
use serde_json::{Value, json};

/// What is measured at every step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quantity {
    /// A metric of the registry.
    Metric(&'static str),
    /// `KL(pi_t+1 || pi_t) / (eta (Pr(pi_t+1 beats pi_t) - 1/2))`, 0 where the step gains less than 1e-9: at most 1 says
    /// that a step beats its predecessor by its divergence.
    Improvement,
    /// `gap(pi) / (gap_tau(pi) + 2 tau (log(1 / mu_min) - KL(pi || mu)))`: at most 1 says what the original gap can be.
    Bias,
}

impl Quantity {
    /// As printed.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Metric(name) => name,
            Self::Improvement => "divergence of a step over its gain",
            Self::Bias => "gap over its bound by the regularised gap",
        }
    }
}

/// What a claim counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Steps of the method.
    Step,
    /// Win-rate queries.
    Query,
    /// Duels.
    Duel,
}

impl Unit {
    /// As printed.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Step => "step",
            Self::Query => "query",
            Self::Duel => "duel",
        }
    }
}

/// A proved statement about a registered method.
#[derive(Debug)]
pub struct Claim {
    /// Its name.
    pub id: &'static str,
    /// The method, by registry name.
    pub solver: &'static str,
    /// The statement with its equation.
    pub statement: &'static str,
    /// Whose statement it is.
    pub source: &'static str,
    /// The game it speaks of.
    pub game: Aim,
    /// Which iterate it speaks of.
    pub iterate: Iterate,
    /// What it measures.
    pub quantity: Quantity,
    /// What it counts.
    pub unit: Unit,
    /// Whether duels are drawn, or answered with their probability.
    pub noisy: bool,
    /// For local statements: the start is so many nats (in each logit, normal) off the equilibrium, and not the reference.
    pub start_perturbation: Option<f64>,
    /// The method's parameters on an instance; of the facts, the step and the initial value are not known yet.
    pub parameters: fn(&Facts) -> Value,
    /// Steps run.
    pub steps: u64,
    /// What is claimed.
    pub form: Form,
    /// When.
    pub hypotheses: &'static [Hypothesis],
}

const FULL_SUPPORT: Hypothesis =
    Hypothesis { says: "the equilibrium plays every action", holds: |f| f.full_support };
const UNIQUE: Hypothesis = Hypothesis { says: "the equilibrium is the only one", holds: |f| f.unique };
const SHORT_STEP: Hypothesis =
    Hypothesis { says: "eta <= 1 / sqrt 2", holds: |f| f.eta <= std::f64::consts::FRAC_1_SQRT_2 + 1e-15 };
const EIGHTH: Hypothesis = Hypothesis { says: "eta <= 1 / 8", holds: |f| f.eta <= 0.125 };
const TAU: Hypothesis = Hypothesis { says: "tau > 0", holds: |f| f.tau > 0.0 };
const MIRROR_STEP: Hypothesis = Hypothesis {
    says: "eta <= tau / (tau^2 + 1/4)",
    holds: |f| f.eta <= f.tau / (f.tau * f.tau + 0.25) * (1.0 + 1e-12),
};
const EXTRAGRADIENT_STEP: Hypothesis = Hypothesis {
    says: "eta <= min(1 / (2 tau + 1), 1/2)",
    holds: |f| f.eta <= (1.0 / (2.0 * f.tau + 1.0)).min(0.5) * (1.0 + 1e-12),
};
const TURNS_SLOWLY: Hypothesis = Hypothesis { says: "eta w < 1", holds: |f| f.eta * f.omega < 1.0 };

fn optimistic_average(f: &Facts, t: f64) -> f64 {
    2.0 * f.radius / (f.eta * t) + f.eta / (2.0 * t)
}

fn hedge_average(f: &Facts, t: f64) -> f64 {
    2.0 * (f.radius / (f.eta * t) + f.eta / 8.0)
}

fn eta_tau(f: &Facts) -> (f64, f64) {
    (1.0 - f.eta * f.tau, 0.0)
}

/// The largest step at which mirror descent is locally stable.
fn mirror_limit(f: &Facts) -> f64 {
    2.0 * f.tau / (f.tau * f.tau + f.omega * f.omega)
}

const STEP_BELOW_INVERSE_TAU: Hypothesis = Hypothesis {
    says: "1.05 times the limit keeps eta tau at most 1",
    holds: |f| 1.05 * mirror_limit(f) * f.tau <= 1.0,
};

/// A claim about mirror descent at a share of its limit, from a thousandth of a nat off the equilibrium.
const fn beside_the_limit(id: &'static str, form: Form) -> Claim {
    Claim {
        source: "local theory, multiplier (1 - eta tau) + i eta w",
        start_perturbation: Some(1e-3),
        steps: 50_000,
        hypotheses: &[TAU, STEP_BELOW_INVERSE_TAU],
        ..regularised(id, "omd", form)
    }
}

const fn original(id: &'static str, solver: &'static str, form: Form) -> Claim {
    Claim {
        id,
        solver,
        statement: "",
        source: "",
        game: Aim::Original,
        iterate: Iterate::Last,
        quantity: Quantity::Metric(DUALITY_GAP),
        unit: Unit::Step,
        noisy: false,
        start_perturbation: None,
        parameters: |_| Value::Null,
        steps: 2000,
        form,
        hypotheses: &[],
    }
}

const fn regularised(id: &'static str, solver: &'static str, form: Form) -> Claim {
    Claim {
        game: Aim::Regularised,
        quantity: Quantity::Metric("kl_from_equilibrium"),
        hypotheses: &[TAU],
        ..original(id, solver, form)
    }
}

/// The Hedge bound for another name of multiplicative weights.
const fn hedge(id: &'static str, solver: &'static str, source: &'static str) -> Claim {
    Claim {
        statement: "gap(average) <= 2 (D / (eta T) + eta / 8)",
        source,
        iterate: Iterate::Average,
        parameters: |_| json!({"step_size": 0.2}),
        ..original(id, solver, Form::Bound(hedge_average))
    }
}

/// Every claim that `equipoise audit` tests against measurements.
pub const CLAIMS: &[Claim] = &[
    hedge("mwu-average", "mwu", "Hedge, Freund and Schapire 1999"),
    hedge("spo-average", "spo", "SPO arXiv:2401.04056 with the Hedge bound"),
    hedge("dno-average", "dno", "DNO arXiv:2404.03715 inherits SPO's"),
    hedge(
        "mnpo-average",
        "mnpo",
        "MNPO arXiv:2509.23102: O(1 / sqrt T); with equal starts it is multiplicative weights",
    ),
    Claim {
        statement: "KL(p || pi_t) never falls, for every interior equilibrium p: the last iterate spirals outward",
        source: "exact identity, KL-increment = log sum pi exp(eta (q - 1/2)) >= 0",
        quantity: Quantity::Metric("kl_from_equilibrium"),
        parameters: |_| json!({"step_size": 0.5}),
        hypotheses: &[FULL_SUPPORT],
        ..original("mwu-outward", "mwu", Form::NeverFalls)
    },
    Claim {
        statement: "Pr(pi_t+1 beats pi_t) >= 1/2 + KL(pi_t+1 || pi_t) / eta: every step improves on its predecessor",
        source: "DNO arXiv:2404.03715, monotone improvement",
        quantity: Quantity::Improvement,
        parameters: |_| json!({"step_size": 0.5}),
        ..original("dno-improvement", "dno", Form::Bound(|_, _| 1.0))
    },
    Claim {
        statement: "gap(average) <= 1 - (1 - exp(-eta)) / eta + 2 D / (eta T), exact log-partition",
        source: "SPPO arXiv:2405.00675, appendix (Freund-Schapire lemma)",
        iterate: Iterate::Average,
        parameters: |_| json!({"step_size": 0.2, "log_partition": "exact"}),
        ..original(
            "sppo-average",
            "sppo",
            Form::Bound(|f, t| 1.0 + (-f.eta).exp_m1() / f.eta + 2.0 * f.radius / (f.eta * t)),
        )
    },
    Claim {
        statement: "gap(average) is of order T^(-1 / (2 n - 2)), n actions",
        source: "fictitious play, Robinson 1951 with Shapiro 1958",
        parameters: |_| json!({}),
        ..original(
            "fictitious-play-average",
            "fictitious-play",
            Form::Order(|f| 1.0 / (2.0 * f.actions as f64 - 2.0)),
        )
    },
    Claim {
        statement: "gap(average) <= 4 sqrt(D) / T, eta = min(1/2, sqrt D), as printed",
        source: "ONPO arXiv:2502.16852, theorem 2",
        iterate: Iterate::Average,
        ..original("onpo-average-printed", "onpo", Form::Bound(|f, t| 4.0 * f.radius.sqrt() / t))
    },
    Claim {
        statement: "the last iterate converges linearly, unique equilibrium, eta <= 1/8",
        source: "ONPO arXiv:2502.16852, theorem 3; Wei et al. arXiv:2006.09517",
        parameters: |_| json!({"step_size": 0.125}),
        steps: 100_000,
        hypotheses: &[UNIQUE, EIGHTH],
        ..original("onpo-last", "onpo", Form::Linear)
    },
    Claim {
        statement: "gap(average) <= 2 D / (eta T) + eta / (2 T), eta <= 1 / sqrt 2",
        source: "optimistic mirror descent (arXiv:1507.00406) with margins",
        iterate: Iterate::Average,
        hypotheses: &[SHORT_STEP],
        ..original("omwu-average", "omwu", Form::Bound(optimistic_average))
    },
    Claim {
        statement: "gap(average) <= (4 D + 1) / T at beta = 2, which is eta = 1/2",
        source: "Nash mirror descent 2026 (OMWU at inference), stated for D = log n",
        iterate: Iterate::Average,
        parameters: |_| json!({"step_size": 0.5}),
        ..original("nmd-average", "omwu", Form::Bound(|f, t| (4.0 * f.radius + 1.0) / t))
    },
    Claim {
        statement: "the same bound for the two-sequence form",
        source: "optimistic mirror descent (arXiv:1507.00406) with margins",
        iterate: Iterate::Average,
        hypotheses: &[SHORT_STEP],
        ..original("onpo-average", "onpo", Form::Bound(optimistic_average))
    },
    Claim {
        statement: "gap(last) <= 2 D / (eta T) + eta / (2 T) after T - 1 steps: the average became the last iterate",
        source: "A2L arXiv:2506.03464 with the bound of omwu",
        hypotheses: &[SHORT_STEP],
        ..original("a2l-last", "a2l", Form::Bound(|f, t| optimistic_average(f, t + 1.0)))
    },
    Claim {
        statement: "the last iterate converges linearly where the equilibrium plays every action",
        source: "OMWU for preferences arXiv:2512.24818; Wei et al. arXiv:2006.09517",
        parameters: |_| json!({"step_size": 0.125}),
        steps: 100_000,
        hypotheses: &[FULL_SUPPORT],
        ..original("omwu-last", "omwu", Form::Linear)
    },
    Claim {
        statement: "gap(average) <= 2 D / (eta T), eta = 2",
        source: "mirror-prox, Nemirovski 2004",
        iterate: Iterate::Average,
        ..original("mirror-prox-average", "mirror-prox", Form::Bound(|f, t| 2.0 * f.radius / (f.eta * t)))
    },
    Claim {
        statement: "gap(last) is of order 1 / sqrt T on every game, eta = 1 / (2 |K|_2)",
        source: "Cai, Oikonomou, Zheng arXiv:2204.09228",
        ..original("ogda-last", "ogda", Form::Order(|_| 0.5))
    },
    Claim {
        statement: "the last iterate converges linearly on every matrix game",
        source: "Wei et al. arXiv:2006.09517, theorem 8",
        steps: 20_000,
        ..original("ogda-last-linear", "ogda", Form::Linear)
    },
    Claim {
        statement: "gap(last) is of order 1 / T on every game",
        source: "Cai, Zheng arXiv:2301.13120",
        ..original("aog-last", "aog", Form::Order(|_| 1.0))
    },
    Claim {
        statement: "gap(average) <= 2 sqrt(n / T) (regrets of length at most sqrt n)",
        source: "RM+ arXiv:1407.5042",
        iterate: Iterate::Average,
        parameters: |_| json!({"answer": "last"}),
        ..original("rm-plus-average", "rm-plus", Form::Bound(|f, t| 2.0 * (f.actions as f64 / t).sqrt()))
    },
    Claim {
        statement: "gap(average) is of order 1 / sqrt T",
        source: "PRM+ arXiv:2007.14358",
        iterate: Iterate::Average,
        parameters: |_| json!({"answer": "last"}),
        ..original("prm-plus-average", "prm-plus", Form::Order(|_| 0.5))
    },
    Claim {
        statement: "gap(average) is of order 1 / T",
        source: "smooth PRM+ arXiv:2305.14709",
        iterate: Iterate::Average,
        steps: 20_000,
        ..original("smooth-prm-plus-average", "smooth-prm-plus", Form::Order(|_| 1.0))
    },
    Claim {
        statement: "linear last iterate on every matrix game, restarted",
        source: "restarted smooth PRM+ arXiv:2311.00676",
        parameters: |_| json!({"restart": true}),
        steps: 20_000,
        ..original("smooth-prm-plus-restarted", "smooth-prm-plus", Form::Linear)
    },
    Claim {
        statement: "linear last iterate on every matrix game",
        source: "restarts, arXiv:2105.12715",
        steps: 4000,
        ..original("eg-restart-last", "eg-restart", Form::Linear)
    },
    Claim {
        statement: "linear last iterate on every matrix game",
        source: "restarted Halpern, arXiv:2105.12715",
        steps: 4000,
        ..original("halpern-eg-last", "halpern-eg", Form::Linear)
    },
    Claim {
        statement: "KL(p || mu_k) never rises over the outer steps (inner games solved by 800 extragradient steps)",
        source: "COMAL arXiv:2410.23223, theorem 1",
        quantity: Quantity::Metric("kl_from_equilibrium"),
        parameters: |_| json!({"comal_tau": 0.1, "inner": "egpo", "inner_steps": 800}),
        steps: 8000,
        ..original("comal-outer", "comal", Form::NeverRises(800))
    },
    Claim {
        statement: "the last iterate goes to an equilibrium of the original game",
        source: "COMAL arXiv:2410.23223, theorems 1 and 3",
        parameters: |_| json!({"comal_tau": 0.1, "inner": "egpo"}),
        steps: 40_000,
        ..original("comal-last", "comal", Form::Vanishes)
    },
    Claim {
        statement: "the last iterate goes to an equilibrium of the original game",
        source: "MPO arXiv:2410.16714",
        steps: 40_000,
        ..original("mpo-last", "mpo", Form::Vanishes)
    },
    Claim {
        statement: "gap(last) is of order 1 / T up to logarithms, anchored magnet",
        source: "GABP arXiv:2410.02388",
        steps: 40_000,
        ..original("moving-magnet-last", "moving-magnet", Form::Order(|_| 1.0))
    },
    Claim {
        statement: "gap(last) <= 4 sqrt(n / t) after t duels (twice the derived constant at c = 1/2, for the logarithms)",
        source: "derivation in the head of one-duel, after arXiv:2605.09363",
        unit: Unit::Duel,
        noisy: true,
        steps: 20_000,
        ..original("one-duel-envelope", "one-duel", Form::Bound(|f, t| 4.0 * (f.actions as f64 / t).sqrt()))
    },
    Claim {
        statement: "KL(pi* || pi_t+1) <= (1 - eta tau) KL(pi* || pi_t), eta = tau / (tau^2 + 1/4)",
        source: "MMD arXiv:2206.05825 with margins; INPO's constant step",
        parameters: |_| json!({"step_size": "theorem"}),
        hypotheses: &[TAU, MIRROR_STEP],
        ..regularised("omd-contraction", "omd", Form::Contraction(eta_tau))
    },
    Claim {
        statement: "at 0.95 of the limit 2 tau / (tau^2 + w^2) mirror descent goes to the equilibrium",
        parameters: |f| json!({"step_size": (0.95 * mirror_limit(f)).min(1.0 / f.tau)}),
        ..beside_the_limit("omd-below-limit", Form::Linear)
    },
    Claim {
        statement: "at 1.05 of the limit 2 tau / (tau^2 + w^2) mirror descent moves away from the equilibrium",
        parameters: |f| json!({"step_size": (1.05 * mirror_limit(f)).min(1.0 / f.tau)}),
        ..beside_the_limit("omd-above-limit", Form::Leaves)
    },
    Claim {
        statement: "KL(pi* || pi_t+1) <= KL(pi* || pi_t) / (1 + eta_M tau), eta_M = 4 tau",
        source: "MMD arXiv:2206.05825 with margins",
        parameters: |f| json!({"mmd_eta": 4.0 * f.tau}),
        ..regularised(
            "mmd-contraction",
            "mmd",
            Form::Contraction(|f| (1.0 / (1.0 + 4.0 * f.tau * f.tau), 0.0)),
        )
    },
    Claim {
        statement: "KL(pi* || pi_t+1) <= KL(pi* || pi_t) / (1 + eta_M tau) for reverse KL, eta_M = 4 tau",
        source: "RSPO arXiv:2503.00030: generalised mirror descent",
        parameters: |f| json!({"step_size": 4.0 * f.tau}),
        ..regularised(
            "rspo-contraction",
            "rspo",
            Form::Contraction(|f| (1.0 / (1.0 + 4.0 * f.tau * f.tau), 0.0)),
        )
    },
    Claim {
        statement: "KL(pi* || pi_t+1) <= (1 - 4 lr / n) KL(pi* || pi_t), 4 lr / n = tau^2 / (tau^2 + 1/4)",
        source: "online IPO arXiv:2403.08635, which is mirror descent with eta tau = 4 lr / n (uniform pairs)",
        parameters: |f| {
            let tau = f.tau;
            json!({"learning_rate": 0.25 * f.actions as f64 * tau * tau / (tau * tau + 0.25)})
        },
        ..regularised(
            "online-ipo-contraction",
            "online-ipo-1",
            Form::Contraction(|f| (1.0 - f.tau * f.tau / (f.tau * f.tau + 0.25), 0.0)),
        )
    },
    Claim {
        statement: "the last iterate converges linearly",
        source: "Cen, Wei, Chi arXiv:2105.15186, single-call form",
        parameters: |f| json!({"step_size": (1.0 / (4.0 * f.tau + 2.0)).min(0.25)}),
        steps: 8000,
        ..regularised("regularized-omwu-last", "regularized-omwu", Form::Linear)
    },
    Claim {
        statement: "KL(pi* || pi_T) <= 32 / (tau^2 (T + 1)), eta_I = tau (t + 2) / 2, as printed with C = 1",
        source: "INPO arXiv:2407.00617, theorem 4",
        parameters: |_| json!({"falling": true}),
        ..regularised("inpo-published", "inpo", Form::Bound(|f, t| 32.0 / (f.tau * f.tau * (t + 1.0))))
    },
    Claim {
        statement: "KL(pi* || pi_t+1) <= (1 - tau / eta_I) KL(pi* || pi_t) + 8 / eta_I^2, with C = 1",
        source: "INPO arXiv:2407.00617, theorem 4, one step",
        parameters: |_| json!({"step_size": 0.2}),
        ..regularised("inpo-step", "inpo", Form::Contraction(|f| (1.0 - f.eta * f.tau, 8.0 * f.eta * f.eta)))
    },
    Claim {
        statement: "gap_tau(average) <= 2 (D eta_I / T + 5 / eta_I), eta_I = sqrt(T / D), with B tau <= 1",
        source: "INPO arXiv:2407.00617, theorem 3 with its appendix' constants",
        iterate: Iterate::Average,
        quantity: Quantity::Metric(DUALITY_GAP_TAU),
        parameters: |f| json!({"step_size": (f.radius / f.steps as f64).sqrt().min(1.0 / f.tau)}),
        ..regularised(
            "inpo-average",
            "inpo",
            Form::Bound(|f, t| 2.0 * (f.radius / (f.eta * t) + 5.0 * f.eta)),
        )
    },
    Claim {
        statement: "KL(pi* || pi_T) <= 8 / (tau^2 (T + 1)), eta = 2 / (tau (t + 2)), as printed",
        source: "Nash-MD arXiv:2312.00886, theorem 1",
        parameters: |_| json!({"falling": true}),
        ..regularised("nash-md-published", "nash-md", Form::Bound(|f, t| 8.0 / (f.tau * f.tau * (t + 1.0))))
    },
    Claim {
        statement: "KL(pi* || pi_t+1) <= (1 - eta tau) KL(pi* || pi_t) + 2 eta^2",
        source: "Nash-MD arXiv:2312.00886, lemma of theorem 1",
        parameters: |_| json!({"step_size": 0.2}),
        ..regularised(
            "nash-md-step",
            "nash-md",
            Form::Contraction(|f| (1.0 - f.eta * f.tau, 2.0 * f.eta * f.eta)),
        )
    },
    Claim {
        statement: "with a constant step the last iterate goes to the regularised equilibrium",
        source: "a common reading of arXiv:2312.00886; the theorem's own floor is 2 eta / tau",
        parameters: |_| json!({"step_size": 0.2}),
        steps: 8000,
        ..regularised("nash-md-limit", "nash-md", Form::Vanishes)
    },
    Claim {
        statement: "with a constant step the last iterate goes to the regularised equilibrium",
        source: "Nash-MD at temperature tau / (1 + eta tau), read at the mixture",
        parameters: |_| json!({"step_size": "theorem"}),
        steps: 8000,
        ..regularised("nash-md-debiased-limit", "nash-md-debiased", Form::Vanishes)
    },
    Claim {
        statement: "KL(mu_k+1 || pi_t) <= (1 - eta tau / 2)^t KL(mu_k+1 || mu_k) inside an inner game, \
                    eta = tau / (tau^2 + 1/2)",
        source: "COMAL arXiv:2410.23223, theorem 2",
        parameters: |f| json!({"comal_tau": f.tau, "step_size": f.tau / (f.tau * f.tau + 0.5), "inner_steps": 1_000_000_000}),
        ..regularised(
            "comal-inner",
            "comal",
            Form::Bound(|f, t| f.initial * (t * (-0.5 * f.eta * f.tau).ln_1p()).exp()),
        )
    },
    Claim {
        statement: "KL(pi* || pi_t+1) <= (1 - eta tau) KL(pi* || pi_t), eta = min(1 / (2 tau + 1), 1/2)",
        source: "EGPO arXiv:2503.08942; Cen, Wei, Chi arXiv:2105.15186, with margins",
        steps: 300,
        hypotheses: &[TAU, EXTRAGRADIENT_STEP],
        ..regularised("egpo-contraction", "egpo", Form::Contraction(eta_tau))
    },
    Claim {
        statement: "KL(pi* || pi_t+1) <= (1 - eta tau) KL(pi* || pi_t), eta = min(3, 1 / (2 tau)): up to six times the \
                    proved step, and not proved (at eta tau = 1 the factor would be 0, which is false)",
        source: "observed on random games (no theorem)",
        parameters: |f| json!({"step_size": (0.5 / f.tau).min(3.0)}),
        steps: 300,
        hypotheses: &[TAU, TURNS_SLOWLY],
        ..regularised("egpo-observed", "egpo", Form::Contraction(eta_tau))
    },
    Claim {
        statement: "gap(pi_t) <= gap_tau(pi_t) + 2 tau (log(1 / mu_min) - KL(pi_t || mu)): what regularisation costs, at \
                    every iterate and so at the equilibrium",
        source: "bias of the regularised equilibrium, exact inequality",
        quantity: Quantity::Bias,
        steps: 1000,
        ..regularised("egpo-bias", "egpo", Form::Bound(|_, _| 1.0))
    },
    Claim {
        statement: "KL(pi* || pi_t+1) <= KL(pi* || pi_t) / (1 + 2 tau)",
        source: "Nash-MP arXiv:2505.19731",
        steps: 300,
        ..regularised(
            "nash-mp-contraction",
            "nash-mp",
            Form::Contraction(|f| (1.0 / (1.0 + 2.0 * f.tau), 0.0)),
        )
    },
    Claim {
        statement: "KL(pi* || pi_N) <= (1 + 2 tau)^(-N / 2) KL(pi* || pi_0) after N queries, the same for every number of \
                    actions",
        source: "Nash-MP arXiv:2505.19731",
        unit: Unit::Query,
        steps: 300,
        ..regularised(
            "nash-mp-dimension-free",
            "nash-mp",
            Form::Bound(|f, queries| f.initial * (-0.5 * queries * (2.0 * f.tau).ln_1p()).exp()),
        )
    },
];

/// The claim of that name.
#[must_use]
pub fn claim(id: &str) -> Option<&'static Claim> {
    CLAIMS.iter().find(|c| c.id == id)
}
