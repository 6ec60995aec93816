//! The list.

use equipoise_core::Aim;
use equipoise_eval::audit::{Facts, Form, Hypothesis};
use equipoise_records::{DUALITY_GAP, DUALITY_GAP_TAU, Iterate};
use serde_json::{Value, json};

use super::{Claim, Expected, Quantity, Source, Standing, Unit, step_size};

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
const HALF_STEP: Hypothesis = Hypothesis { says: "eta = 1/2", holds: |f| equal(f.eta, 0.5) };
const ONPO_STEP: Hypothesis =
    Hypothesis { says: "eta = min(1/2, sqrt D)", holds: |f| equal(f.eta, f.radius.sqrt().min(0.5)) };
const PROX_STEP: Hypothesis = Hypothesis { says: "eta <= 2", holds: |f| at_most(f.eta, 2.0) };
const NORM_STEP: Hypothesis =
    Hypothesis { says: "eta |K|_2 <= 1", holds: |f| at_most(f.eta * f.operator_norm, 1.0) };
const HALF_NORM_STEP: Hypothesis =
    Hypothesis { says: "eta |K|_2 <= 1/2", holds: |f| at_most(f.eta * f.operator_norm, 0.5) };
const EIGHTH_NORM_STEP: Hypothesis =
    Hypothesis { says: "eta |K|_2 <= 1/8", holds: |f| at_most(f.eta * f.operator_norm, 0.125) };
const IMPLICIT_STEP: Hypothesis =
    Hypothesis { says: "eta_M <= 4 tau", holds: |f| at_most(f.eta, 4.0 * f.tau) };
const OPTIMISTIC_STEP: Hypothesis = Hypothesis {
    says: "eta <= min(1 / (2 tau + 1), 1/2)",
    holds: |f| at_most(f.eta, (1.0 / (2.0 * f.tau + 1.0)).min(0.5)),
};
const OBSERVED_STEP: Hypothesis =
    Hypothesis { says: "eta <= min(3, 1 / (2 tau))", holds: |f| at_most(f.eta, (0.5 / f.tau).min(3.0)) };
const NASH_MP_STEP: Hypothesis = Hypothesis {
    says: "eta_M = 2, which is eta = 2 / (1 + 2 tau)",
    holds: |f| equal(f.eta, 2.0 / (1.0 + 2.0 * f.tau)),
};
const INNER_STEP: Hypothesis = Hypothesis {
    says: "eta <= tau / (tau^2 + 1/2)",
    holds: |f| at_most(f.eta, f.tau / (f.tau * f.tau + 0.5)),
};
const INNER_SOLVED: Hypothesis = Hypothesis {
    says: "800 inner steps solve the inner game to rounding: eta <= min(1 / (2 tau + 1), 1/2) and (1 - eta tau)^800 <= 1e-13",
    holds: |f| {
        at_most(f.eta, (1.0 / (2.0 * f.magnet + 1.0)).min(0.5)) && (1.0 - f.eta * f.magnet).powi(800) <= 1e-13
    },
};

fn at_most(value: f64, limit: f64) -> bool {
    value <= limit * (1.0 + 1e-12)
}

fn equal(value: f64, other: f64) -> bool {
    at_most(value, other) && at_most(other, value)
}

/// The largest step that is proved for a Euclidean method, `share / |K|_2`; any step where all actions tie.
fn norm_step(f: &Facts, share: f64) -> f64 {
    if f.operator_norm > 0.0 { share / f.operator_norm } else { 1.0 }
}

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
        citation: "local theory, multiplier (1 - eta tau) + i eta w",
        source: Source::Derived,
        start_perturbation: Some(1e-3),
        fixed: &["step_size"],
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
        citation: "",
        source: Source::Abstract,
        standing: Standing::Theorem,
        expected: Expected::Pass,
        game: Aim::Original,
        iterate: Iterate::Last,
        quantity: Quantity::Metric(DUALITY_GAP),
        unit: Unit::Step,
        noisy: false,
        start_perturbation: None,
        parameters: |_| Value::Null,
        fixed: &[],
        step: step_size,
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
const fn hedge(id: &'static str, solver: &'static str, citation: &'static str) -> Claim {
    Claim {
        statement: "gap(average) <= 2 (D / (eta T) + eta / 8)",
        citation,
        source: Source::Derived,
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
        citation: "exact identity, KL-increment = log sum pi exp(eta (q - 1/2)) >= 0",
        quantity: Quantity::Metric("kl_from_equilibrium"),
        parameters: |_| json!({"step_size": 0.5}),
        hypotheses: &[FULL_SUPPORT],
        source: Source::Derived,
        ..original("mwu-outward", "mwu", Form::NeverFalls)
    },
    Claim {
        statement: "Pr(pi_t+1 beats pi_t) >= 1/2 + KL(pi_t+1 || pi_t) / eta: every step improves on its predecessor",
        citation: "DNO arXiv:2404.03715, monotone improvement",
        quantity: Quantity::Improvement,
        parameters: |_| json!({"step_size": 0.5}),
        source: Source::ReadInFull,
        ..original("dno-improvement", "dno", Form::Bound(|_, _| 1.0))
    },
    Claim {
        statement: "gap(average) <= 1 - (1 - exp(-eta)) / eta + 2 D / (eta T), exact log-partition",
        citation: "SPPO arXiv:2405.00675, appendix (Freund-Schapire lemma)",
        iterate: Iterate::Average,
        parameters: |_| json!({"step_size": 0.2, "log_partition": "exact"}),
        source: Source::Derived,
        fixed: &["log_partition"],
        ..original(
            "sppo-average",
            "sppo",
            Form::Bound(|f, t| 1.0 + (-f.eta).exp_m1() / f.eta + 2.0 * f.radius / (f.eta * t)),
        )
    },
    Claim {
        statement: "gap(average) is of order T^(-1 / (2 n - 2)), n actions",
        citation: "fictitious play, Robinson 1951 with Shapiro 1958",
        parameters: |_| json!({}),
        ..original(
            "fictitious-play-average",
            "fictitious-play",
            Form::Order(|f| 1.0 / (2.0 * f.actions as f64 - 2.0)),
        )
    },
    Claim {
        statement: "gap(average) <= 4 sqrt(D) / T, eta = min(1/2, sqrt D), as printed",
        citation: "ONPO arXiv:2502.16852, theorem 2",
        iterate: Iterate::Average,
        source: Source::ReadInFull,
        expected: Expected::Fail,
        hypotheses: &[ONPO_STEP],
        ..original("onpo-average-printed", "onpo", Form::Bound(|f, t| 4.0 * f.radius.sqrt() / t))
    },
    Claim {
        statement: "KL(pi* || pi_t) <= O(C^-t) with C > 1: the last iterate converges linearly, unique equilibrium, eta <= 1/8",
        citation: "ONPO arXiv:2502.16852, theorem 3; Wei et al. arXiv:2006.09517",
        parameters: |_| json!({"step_size": 0.125}),
        steps: 100_000,
        hypotheses: &[UNIQUE, EIGHTH],
        source: Source::ReadInFull,
        quantity: Quantity::Metric("kl_from_equilibrium"),
        expected: Expected::Inconclusive, // on the 5-tournament it falls by 3e-5 a step
        ..original("onpo-last", "onpo", Form::Linear)
    },
    Claim {
        statement: "gap(average) <= 2 D / (eta T) + eta / (2 T), eta <= 1 / sqrt 2",
        citation: "optimistic mirror descent (Syrgkanis et al. 2015, arXiv:1507.00407) with margins",
        iterate: Iterate::Average,
        hypotheses: &[SHORT_STEP],
        source: Source::Derived,
        ..original("omwu-average", "omwu", Form::Bound(optimistic_average))
    },
    Claim {
        statement: "gap(average) <= (4 D + 1) / T at beta = 2, which is eta = 1/2",
        citation: "Nash mirror descent 2026 (OMWU at inference), stated for D = log n",
        iterate: Iterate::Average,
        parameters: |_| json!({"step_size": 0.5}),
        source: Source::Derived,
        hypotheses: &[HALF_STEP],
        ..original("nmd-average", "omwu", Form::Bound(|f, t| (4.0 * f.radius + 1.0) / t))
    },
    Claim {
        statement: "the same bound for the two-sequence form",
        citation: "optimistic mirror descent (Syrgkanis et al. 2015, arXiv:1507.00407) with margins",
        iterate: Iterate::Average,
        hypotheses: &[SHORT_STEP],
        source: Source::Derived,
        ..original("onpo-average", "onpo", Form::Bound(optimistic_average))
    },
    Claim {
        statement: "gap(last) <= 2 D / (eta T) + eta / (2 T) after T - 1 steps: the average became the last iterate",
        citation: "A2L arXiv:2506.03464 with the bound of omwu",
        hypotheses: &[SHORT_STEP],
        source: Source::Derived,
        ..original("a2l-last", "a2l", Form::Bound(|f, t| optimistic_average(f, t + 1.0)))
    },
    Claim {
        statement: "the last iterate converges linearly where the equilibrium plays every action",
        citation: "OMWU for preferences; Chen et al. 2025, arXiv:2512.24818; Wei et al. arXiv:2006.09517",
        parameters: |_| json!({"step_size": 0.125}),
        steps: 100_000,
        hypotheses: &[FULL_SUPPORT, EIGHTH],
        expected: Expected::Inconclusive, // on the 5-tournament it falls by 3e-5 a step
        ..original("omwu-last", "omwu", Form::Linear)
    },
    Claim {
        statement: "gap(average) <= 2 D / (eta T), eta <= 2",
        citation: "mirror-prox, Nemirovski 2004",
        iterate: Iterate::Average,
        source: Source::Derived,
        hypotheses: &[PROX_STEP],
        ..original("mirror-prox-average", "mirror-prox", Form::Bound(|f, t| 2.0 * f.radius / (f.eta * t)))
    },
    Claim {
        statement: "gap(last) is of order 1 / sqrt T on every game, eta = 1 / (2 |K|_2)",
        citation: "Cai, Oikonomou, Zheng 2022, arXiv:2204.09228",
        hypotheses: &[HALF_NORM_STEP],
        ..original("ogda-last", "ogda", Form::Order(|_| 0.5))
    },
    Claim {
        statement: "the last iterate converges linearly on every matrix game, eta <= 1 / (8 |K|_2)",
        citation: "Wei et al. arXiv:2006.09517, theorem 8",
        steps: 20_000,
        parameters: |f| json!({"step_size": norm_step(f, 0.125)}),
        hypotheses: &[EIGHTH_NORM_STEP],
        ..original("ogda-last-linear", "ogda", Form::Linear)
    },
    Claim {
        statement: "gap(last) is of order 1 / T on every game, at the steps of ogda (the step of the theorem was not read)",
        citation: "Cai, Zheng arXiv:2301.13120",
        standing: Standing::Conjecture,
        hypotheses: &[HALF_NORM_STEP],
        ..original("aog-last", "aog", Form::Order(|_| 1.0))
    },
    Claim {
        statement: "gap(average) <= 2 sqrt(n / T) (regrets of length at most sqrt n)",
        citation: "RM+ arXiv:1407.5042",
        iterate: Iterate::Average,
        parameters: |_| json!({"answer": "last"}),
        source: Source::Derived,
        fixed: &["answer"],
        ..original("rm-plus-average", "rm-plus", Form::Bound(|f, t| 2.0 * (f.actions as f64 / t).sqrt()))
    },
    Claim {
        statement: "gap(average) is of order 1 / sqrt T",
        citation: "PRM+ arXiv:2007.14358",
        iterate: Iterate::Average,
        parameters: |_| json!({"answer": "last"}),
        fixed: &["answer"],
        ..original("prm-plus-average", "prm-plus", Form::Order(|_| 0.5))
    },
    Claim {
        statement: "gap(average) is of order 1 / T, at steps far above the proved ones",
        citation: "smooth PRM+ arXiv:2305.14709",
        iterate: Iterate::Average,
        steps: 20_000,
        standing: Standing::Conjecture,
        ..original("smooth-prm-plus-average", "smooth-prm-plus", Form::Order(|_| 1.0))
    },
    Claim {
        statement: "linear last iterate on every matrix game, restarted, at steps far above the proved ones",
        citation: "restarted smooth PRM+ arXiv:2311.00676",
        parameters: |_| json!({"restart": true}),
        steps: 20_000,
        standing: Standing::Conjecture,
        fixed: &["restart"],
        ..original("smooth-prm-plus-restarted", "smooth-prm-plus", Form::Linear)
    },
    Claim {
        statement: "linear last iterate on every matrix game; restarted by the gap, not by the normalised gap of the theorem",
        citation: "restarts, arXiv:2105.12715",
        steps: 4000,
        standing: Standing::Conjecture,
        hypotheses: &[NORM_STEP],
        ..original("eg-restart-last", "eg-restart", Form::Linear)
    },
    Claim {
        statement: "linear last iterate on every matrix game; restarted by the residual, a rule of our own",
        citation: "restarted Halpern, arXiv:2105.12715",
        steps: 4000,
        standing: Standing::Conjecture,
        hypotheses: &[NORM_STEP],
        ..original("halpern-eg-last", "halpern-eg", Form::Linear)
    },
    Claim {
        statement: "KL(p || mu_k) never rises over the outer steps (inner games solved by 800 extragradient steps)",
        citation: "COMAL arXiv:2410.23223, theorem 1",
        quantity: Quantity::Metric("kl_from_equilibrium"),
        parameters: |_| json!({"comal_tau": 0.1, "inner": "egpo", "inner_steps": 800}),
        steps: 8000,
        fixed: &["inner", "inner_steps", "inner_tolerance"],
        hypotheses: &[INNER_SOLVED],
        ..original("comal-outer", "comal", Form::NeverRises(800))
    },
    Claim {
        statement: "the last iterate goes to an equilibrium of the original game, inner games solved to a share of their first gap",
        citation: "COMAL arXiv:2410.23223, theorems 1 and 3",
        parameters: |_| json!({"comal_tau": 0.1, "inner": "egpo"}),
        steps: 40_000,
        standing: Standing::Conjecture,
        expected: Expected::Inconclusive,
        ..original("comal-last", "comal", Form::Vanishes)
    },
    Claim {
        statement: "the last iterate goes to an equilibrium of the original game, inner games left after a fixed number of steps",
        citation: "MPO arXiv:2410.16714",
        steps: 40_000,
        standing: Standing::Conjecture,
        expected: Expected::Inconclusive,
        ..original("mpo-last", "mpo", Form::Vanishes)
    },
    Claim {
        statement: "gap(last) is of order 1 / T up to logarithms, anchored magnet; the theorem (4.1) is about Euclidean steps, eta < mu / (L + mu)^2 and periods that grow with T, none of which holds here",
        citation: "GABP arXiv:2410.02388",
        steps: 40_000,
        standing: Standing::Conjecture,
        expected: Expected::Inconclusive,
        ..original("moving-magnet-last", "moving-magnet", Form::Order(|_| 1.0))
    },
    Claim {
        statement: "gap(last) <= 4 sqrt(n / t) after t duels (twice the derived constant at c = 1/2, for the logarithms)",
        citation: "derivation in the head of one-duel, after arXiv:2605.09363",
        unit: Unit::Duel,
        noisy: true,
        steps: 20_000,
        source: Source::Derived,
        standing: Standing::Conjecture,
        ..original("one-duel-envelope", "one-duel", Form::Bound(|f, t| 4.0 * (f.actions as f64 / t).sqrt()))
    },
    Claim {
        statement: "KL(pi* || pi_t+1) <= (1 - eta tau) KL(pi* || pi_t), eta = tau / (tau^2 + 1/4)",
        citation: "MMD arXiv:2206.05825 with margins; INPO's constant step",
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
        statement: "KL(pi* || pi_t+1) <= KL(pi* || pi_t) / (1 + eta_M tau) = (1 - eta tau) KL(pi* || pi_t), eta_M <= 4 tau",
        citation: "MMD arXiv:2206.05825 with margins",
        parameters: |f| json!({"mmd_eta": 4.0 * f.tau}),
        hypotheses: &[TAU, MIRROR_STEP],
        ..regularised("mmd-contraction", "mmd", Form::Contraction(eta_tau))
    },
    Claim {
        statement: "KL(pi* || pi_t+1) <= KL(pi* || pi_t) / (1 + eta_M tau) for reverse KL, eta_M <= 4 tau",
        citation: "RSPO arXiv:2503.00030: generalised mirror descent",
        parameters: |f| json!({"step_size": 4.0 * f.tau}),
        source: Source::Derived,
        fixed: &["divergence"],
        hypotheses: &[TAU, IMPLICIT_STEP],
        ..regularised("rspo-contraction", "rspo", Form::Contraction(|f| (1.0 / (1.0 + f.eta * f.tau), 0.0)))
    },
    Claim {
        statement: "KL(pi* || pi_t+1) <= (1 - 4 lr / n) KL(pi* || pi_t), 4 lr / n <= tau^2 / (tau^2 + 1/4)",
        citation: "online IPO arXiv:2403.08635, which is mirror descent with eta tau = 4 lr / n (uniform pairs)",
        parameters: |f| {
            let tau = f.tau;
            json!({"learning_rate": 0.25 * f.actions as f64 * tau * tau / (tau * tau + 0.25)})
        },
        source: Source::Derived,
        step: |f, parameters| match parameters["learning_rate"].as_f64() {
            Some(rate) => 4.0 * rate / (f.actions as f64 * f.tau),
            None => f64::NAN,
        },
        hypotheses: &[TAU, MIRROR_STEP],
        ..regularised("online-ipo-contraction", "online-ipo-1", Form::Contraction(eta_tau))
    },
    Claim {
        statement: "the last iterate converges linearly, eta <= min(1 / (2 tau + 1), 1/2)",
        citation: "Cen, Wei, Chi arXiv:2105.15186, single-call form",
        parameters: |f| json!({"step_size": (1.0 / (4.0 * f.tau + 2.0)).min(0.25)}),
        steps: 8000,
        hypotheses: &[TAU, OPTIMISTIC_STEP],
        ..regularised("regularized-omwu-last", "regularized-omwu", Form::Linear)
    },
    Claim {
        statement: "KL(pi* || pi_T) <= 32 / (tau^2 (T + 1)), eta_I = tau (t + 2) / 2, as printed with C = 1",
        citation: "INPO arXiv:2407.00617, theorem 4",
        parameters: |_| json!({"falling": true}),
        source: Source::ReadInFull,
        fixed: &["falling"],
        ..regularised("inpo-published", "inpo", Form::Bound(|f, t| 32.0 / (f.tau * f.tau * (t + 1.0))))
    },
    Claim {
        statement: "KL(pi* || pi_t+1) <= (1 - tau / eta_I) KL(pi* || pi_t) + 8 / eta_I^2, with C = 1",
        citation: "INPO arXiv:2407.00617, theorem 4, one step",
        parameters: |_| json!({"step_size": 0.2}),
        source: Source::ReadInFull,
        ..regularised("inpo-step", "inpo", Form::Contraction(|f| (1.0 - f.eta * f.tau, 8.0 * f.eta * f.eta)))
    },
    Claim {
        statement: "gap_tau(average) <= 2 (D eta_I / T + 5 / eta_I), eta_I = sqrt(T / D), with B tau <= 1",
        citation: "INPO arXiv:2407.00617, theorem 3 with its appendix' constants",
        iterate: Iterate::Average,
        quantity: Quantity::Metric(DUALITY_GAP_TAU),
        parameters: |f| json!({"step_size": (f.radius / f.steps as f64).sqrt().min(1.0 / f.tau)}),
        source: Source::ReadInFull,
        ..regularised(
            "inpo-average",
            "inpo",
            Form::Bound(|f, t| 2.0 * (f.radius / (f.eta * t) + 5.0 * f.eta)),
        )
    },
    Claim {
        statement: "KL(pi* || pi_T) <= 8 / (tau^2 (T + 1)), eta = 2 / (tau (t + 2)), as printed",
        citation: "Nash-MD arXiv:2312.00886, theorem 1",
        parameters: |_| json!({"falling": true}),
        fixed: &["falling"],
        ..regularised("nash-md-published", "nash-md", Form::Bound(|f, t| 8.0 / (f.tau * f.tau * (t + 1.0))))
    },
    Claim {
        statement: "KL(pi* || pi_t+1) <= (1 - eta tau) KL(pi* || pi_t) + 2 eta^2",
        citation: "Nash-MD arXiv:2312.00886, lemma of theorem 1",
        parameters: |_| json!({"step_size": 0.2}),
        fixed: &["mixture", "falling"],
        ..regularised(
            "nash-md-step",
            "nash-md",
            Form::Contraction(|f| (1.0 - f.eta * f.tau, 2.0 * f.eta * f.eta)),
        )
    },
    Claim {
        statement: "with a constant step the last iterate goes to the regularised equilibrium",
        citation: "a common reading of arXiv:2312.00886; the theorem's own floor is 2 eta / tau",
        parameters: |_| json!({"step_size": 0.2}),
        steps: 8000,
        standing: Standing::Conjecture,
        expected: Expected::Fail,
        fixed: &["mixture", "falling"],
        ..regularised("nash-md-limit", "nash-md", Form::Vanishes)
    },
    Claim {
        statement: "with a constant step the last iterate goes to the regularised equilibrium",
        citation: "Nash-MD at temperature tau / (1 + eta tau), read at the mixture",
        parameters: |_| json!({"step_size": "theorem"}),
        steps: 8000,
        source: Source::Derived,
        hypotheses: &[TAU, IMPLICIT_STEP],
        ..regularised("nash-md-debiased-limit", "nash-md-debiased", Form::Vanishes)
    },
    Claim {
        statement: "KL(mu_k+1 || pi_t) <= (1 - eta tau / 2)^t KL(mu_k+1 || mu_k) inside an inner game, \
                    eta = tau / (tau^2 + 1/2)",
        citation: "COMAL arXiv:2410.23223, theorem 2",
        parameters: |f| json!({"comal_tau": f.tau, "step_size": f.tau / (f.tau * f.tau + 0.5), "inner_steps": 1_000_000_000}),
        fixed: &["comal_tau", "inner_steps", "inner_tolerance", "inner"],
        hypotheses: &[TAU, INNER_STEP],
        ..regularised(
            "comal-inner",
            "comal",
            Form::Bound(|f, t| f.initial * (t * (-0.5 * f.eta * f.tau).ln_1p()).exp()),
        )
    },
    Claim {
        statement: "KL(pi* || pi_t+1) <= (1 - eta tau) KL(pi* || pi_t), eta = min(1 / (2 tau + 1), 1/2)",
        citation: "EGPO arXiv:2503.08942; Cen, Wei, Chi arXiv:2105.15186, with margins",
        steps: 300,
        hypotheses: &[TAU, EXTRAGRADIENT_STEP],
        ..regularised("egpo-contraction", "egpo", Form::Contraction(eta_tau))
    },
    Claim {
        statement: "KL(pi* || pi_t+1) <= (1 - eta tau) KL(pi* || pi_t), eta = min(3, 1 / (2 tau)): up to six times the \
                    proved step, and not proved (at eta tau = 1 the factor would be 0, which is false)",
        citation: "observed on random games (no theorem)",
        parameters: |f| json!({"step_size": (0.5 / f.tau).min(3.0)}),
        steps: 300,
        hypotheses: &[TAU, OBSERVED_STEP, TURNS_SLOWLY],
        source: Source::Derived,
        standing: Standing::Conjecture,
        ..regularised("egpo-observed", "egpo", Form::Contraction(eta_tau))
    },
    Claim {
        statement: "gap(pi_t) <= gap_tau(pi_t) + 2 tau (log(1 / mu_min) - KL(pi_t || mu)): what regularisation costs, at \
                    every iterate and so at the equilibrium",
        citation: "bias of the regularised equilibrium, exact inequality",
        quantity: Quantity::Bias,
        steps: 1000,
        source: Source::Derived,
        ..regularised("egpo-bias", "egpo", Form::Bound(|_, _| 1.0))
    },
    Claim {
        statement: "KL(pi* || pi_t+1) <= KL(pi* || pi_t) / (1 + 2 tau)",
        citation: "Nash-MP arXiv:2505.19731",
        steps: 300,
        hypotheses: &[TAU, NASH_MP_STEP],
        ..regularised(
            "nash-mp-contraction",
            "nash-mp",
            Form::Contraction(|f| (1.0 / (1.0 + 2.0 * f.tau), 0.0)),
        )
    },
    Claim {
        statement: "KL(pi* || pi_N) <= (1 + 2 tau)^(-N / 2) KL(pi* || pi_0) after N queries, the same for every number of \
                    actions",
        citation: "Nash-MP arXiv:2505.19731",
        unit: Unit::Query,
        steps: 300,
        hypotheses: &[TAU, NASH_MP_STEP],
        ..regularised(
            "nash-mp-dimension-free",
            "nash-mp",
            Form::Bound(|f, queries| f.initial * (-0.5 * queries * (2.0 * f.tau).ln_1p()).exp()),
        )
    },
];
