//! What is proved, as data: one row a theorem, with its constants as expressions of the instance.
//!
//! Notation: eta the step, tau the regularisation, `D = max_i -log pi_1(i)`, T the number of steps, w the rotation frequency
//! at the equilibrium. Bounds in terms of margins have norm 1/2 from l1 to l-inf, half of what papers write for win rates.

use equipoise_core::Aim;
use equipoise_eval::audit::{Facts, Form, Hypothesis};
use serde_json::{Value, json};

/// A proved statement about a registered method.
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
    /// `last` or `average`.
    pub iterate: &'static str,
    /// Name of the metric.
    pub metric: &'static str,
    /// The method's parameters, given tau and the number of steps done before (constant unless `falling`).
    pub parameters: fn(f64, u64) -> Value,
    /// Whether the step falls with time: the (memoryless) method is then built anew at every step.
    pub falling: bool,
    /// Steps run.
    pub steps: u64,
    /// What is claimed.
    pub form: Form,
    /// When.
    pub hypotheses: &'static [Hypothesis],
}

const FULL_SUPPORT: Hypothesis =
    Hypothesis { says: "the equilibrium plays every action", holds: |f| f.full_support };
const SHORT_STEP: Hypothesis =
    Hypothesis { says: "eta <= 1 / sqrt 2", holds: |f| f.eta <= std::f64::consts::FRAC_1_SQRT_2 + 1e-15 };
const TAU: Hypothesis = Hypothesis { says: "tau > 0", holds: |f| f.tau > 0.0 };

fn optimistic_average(f: &Facts, t: f64) -> f64 {
    2.0 * f.radius / (f.eta * t) + f.eta / (2.0 * t)
}

fn hedge_average(f: &Facts, t: f64) -> f64 {
    2.0 * (f.radius / (f.eta * t) + f.eta / 8.0)
}

const fn original(id: &'static str, solver: &'static str, form: Form) -> Claim {
    Claim {
        id,
        solver,
        statement: "",
        source: "",
        game: Aim::Original,
        iterate: "last",
        metric: "duality_gap",
        parameters: |_, _| Value::Null,
        falling: false,
        steps: 2000,
        form,
        hypotheses: &[],
    }
}

const fn regularised(id: &'static str, solver: &'static str, form: Form) -> Claim {
    Claim {
        game: Aim::Regularised,
        metric: "kl_from_equilibrium",
        hypotheses: &[TAU],
        ..original(id, solver, form)
    }
}

/// Every claim that `equipoise audit` holds against measurements.
pub const CLAIMS: &[Claim] = &[
    Claim {
        statement: "gap(average) <= 2 (D / (eta T) + eta / 8)",
        source: "Hedge, Freund and Schapire 1999; SPO arXiv:2401.04056",
        iterate: "average",
        parameters: |_, _| json!({"step_size": 0.2}),
        ..original("mwu-average", "mwu", Form::Bound(hedge_average))
    },
    Claim {
        statement: "KL(p || pi_t) never falls, for every interior equilibrium p: the last iterate spirals outward",
        source: "exact identity, KL-increment = log sum pi exp(eta (q - 1/2)) >= 0",
        metric: "kl_from_equilibrium",
        parameters: |_, _| json!({"step_size": 0.5}),
        hypotheses: &[FULL_SUPPORT],
        ..original("mwu-outward", "mwu", Form::NeverFalls)
    },
    Claim {
        statement: "gap(average) <= 1 - (1 - exp(-eta)) / eta + 2 D / (eta T), exact log-partition",
        source: "SPPO arXiv:2405.00675, appendix (Freund-Schapire lemma)",
        iterate: "average",
        parameters: |_, _| json!({"step_size": 0.2, "log_partition": "exact"}),
        ..original(
            "sppo-average",
            "sppo",
            Form::Bound(|f, t| 1.0 + (-f.eta).exp_m1() / f.eta + 2.0 * f.radius / (f.eta * t)),
        )
    },
    Claim {
        statement: "gap(average) <= 4 sqrt(D) / T, eta = min(1/2, sqrt D), as printed",
        source: "ONPO arXiv:2502.16852, theorem 2",
        iterate: "average",
        ..original("onpo-average-printed", "onpo", Form::Bound(|f, t| 4.0 * f.radius.sqrt() / t))
    },
    Claim {
        statement: "gap(average) <= 2 D / (eta T) + eta / (2 T), eta <= 1 / sqrt 2",
        source: "optimistic mirror descent (arXiv:1507.00406) with margins",
        iterate: "average",
        hypotheses: &[SHORT_STEP],
        ..original("omwu-average", "omwu", Form::Bound(optimistic_average))
    },
    Claim {
        statement: "the same bound for the two-sequence form",
        source: "optimistic mirror descent (arXiv:1507.00406) with margins",
        iterate: "average",
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
        parameters: |_, _| json!({"step_size": 0.125}),
        steps: 100_000,
        hypotheses: &[FULL_SUPPORT],
        ..original("omwu-last", "omwu", Form::Linear)
    },
    Claim {
        statement: "gap(average) <= 2 D / (eta T), eta = 2",
        source: "mirror-prox, Nemirovski 2004",
        iterate: "average",
        ..original("mirror-prox-average", "mirror-prox", Form::Bound(|f, t| 2.0 * f.radius / (f.eta * t)))
    },
    Claim {
        statement: "gap(last) is of order 1 / sqrt T on every game, eta = 1 / (2 |K|_2)",
        source: "Cai, Oikonomou, Zheng arXiv:2204.09228",
        ..original("ogda-last", "ogda", Form::Order(0.5))
    },
    Claim {
        statement: "gap(last) is of order 1 / T on every game",
        source: "Cai, Zheng arXiv:2301.13120",
        ..original("aog-last", "aog", Form::Order(1.0))
    },
    Claim {
        statement: "gap(average) <= 2 sqrt(n / T) (regrets of length at most sqrt n)",
        source: "RM+ arXiv:1407.5042",
        iterate: "average",
        parameters: |_, _| json!({"answer": "last"}),
        ..original("rm-plus-average", "rm-plus", Form::Bound(|f, t| 2.0 * (f.actions as f64 / t).sqrt()))
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
        metric: "kl_from_equilibrium",
        parameters: |_, _| json!({"comal_tau": 0.1, "inner": "egpo", "inner_steps": 800}),
        steps: 8000,
        ..original("comal-outer", "comal", Form::NeverRises(800))
    },
    Claim {
        statement: "KL(pi* || pi_t+1) <= (1 - eta tau) KL(pi* || pi_t), eta = tau / (tau^2 + 1/4)",
        source: "MMD arXiv:2206.05825 with margins; INPO's constant step",
        parameters: |_, _| json!({"step_size": "theorem"}),
        ..regularised("omd-contraction", "omd", Form::Contraction(|f| (1.0 - f.eta * f.tau, 0.0)))
    },
    Claim {
        statement: "KL(pi* || pi_T) <= 32 / (tau^2 (T + 1)), eta_I = tau (t + 2) / 2, as printed with C = 1",
        source: "INPO arXiv:2407.00617, theorem 4",
        parameters: |tau, t| json!({"inpo_eta": tau * (t as f64 + 2.0) / 2.0}),
        falling: true,
        ..regularised("inpo-published", "inpo", Form::Bound(|f, t| 32.0 / (f.tau * f.tau * (t + 1.0))))
    },
    Claim {
        statement: "KL(pi* || pi_T) <= 8 / (tau^2 (T + 1)), eta = 2 / (tau (t + 2)), as printed",
        source: "Nash-MD arXiv:2312.00886, theorem 1",
        parameters: |tau, t| json!({"step_size": 2.0 / (tau * (t as f64 + 2.0))}),
        falling: true,
        ..regularised("nash-md-published", "nash-md", Form::Bound(|f, t| 8.0 / (f.tau * f.tau * (t + 1.0))))
    },
    Claim {
        statement: "KL(pi* || pi_t+1) <= (1 - eta tau) KL(pi* || pi_t) + 2 eta^2",
        source: "Nash-MD arXiv:2312.00886, lemma of theorem 1",
        parameters: |_, _| json!({"step_size": 0.2}),
        ..regularised(
            "nash-md-step",
            "nash-md",
            Form::Contraction(|f| (1.0 - f.eta * f.tau, 2.0 * f.eta * f.eta)),
        )
    },
    Claim {
        statement: "with a constant step the last iterate goes to the regularised equilibrium",
        source: "a common reading of arXiv:2312.00886; the theorem's own floor is 2 eta / tau",
        parameters: |_, _| json!({"step_size": 0.2}),
        steps: 8000,
        ..regularised("nash-md-limit", "nash-md", Form::Vanishes)
    },
    Claim {
        statement: "with a constant step the last iterate goes to the regularised equilibrium",
        source: "Nash-MD at temperature tau / (1 + eta tau), read at the mixture",
        parameters: |_, _| json!({"step_size": "theorem"}),
        steps: 8000,
        ..regularised("nash-md-debiased-limit", "nash-md-debiased", Form::Vanishes)
    },
    Claim {
        statement: "KL(pi* || pi_t+1) <= (1 - eta tau) KL(pi* || pi_t), eta = min(1 / (2 tau + 1), 1/2)",
        source: "EGPO arXiv:2503.08942; Cen, Wei, Chi arXiv:2105.15186, with margins",
        steps: 300,
        ..regularised("egpo-contraction", "egpo", Form::Contraction(|f| (1.0 - f.eta * f.tau, 0.0)))
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
        statement: "KL(pi* || pi_T) <= exp(-T log(1 + 2 tau)) KL(pi* || pi_0), the same for every number of actions",
        source: "Nash-MP arXiv:2505.19731",
        steps: 300,
        ..regularised(
            "nash-mp-dimension-free",
            "nash-mp",
            Form::Bound(|f, t| f.initial * (-t * (2.0 * f.tau).ln_1p()).exp()),
        )
    },
];

/// The claim of that name.
#[must_use]
pub fn claim(id: &str) -> Option<&'static Claim> {
    CLAIMS.iter().find(|c| c.id == id)
}
