//! What is said of the methods, as data: one row a theorem or conjecture, with its constants as expressions of the instance.
//!
//! Notation: eta the step, tau the regularisation, `D = max_i -log pi_1(i)`, T the number of steps (or queries, or duels:
//! the claim's unit), w the rotation frequency at the equilibrium. Bounds in terms of margins have norm 1/2 from l1 to
//! l-inf, half of what papers write for win rates.

mod holds;
mod statements;

use equipoise_core::Aim;
use equipoise_eval::audit::{Facts, Form, Hypothesis};
use equipoise_records::Iterate;
use serde::Serialize;
use serde_json::Value;

pub use holds::proved;
pub use statements::CLAIMS;

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

/// How well the source of a claim is known here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Source {
    /// The paper's text was read, with its proof or the theorem's conditions.
    #[serde(rename = "read in full")]
    ReadInFull,
    /// Only its abstract, a review or its code.
    #[serde(rename = "abstract")]
    Abstract,
    /// Derived for this project.
    #[serde(rename = "derived")]
    Derived,
}

impl Source {
    /// As printed.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::ReadInFull => "read in full",
            Self::Abstract => "abstract",
            Self::Derived => "derived",
        }
    }
}

/// What a claim is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// Proved under its hypotheses, all of which are checked on the instance.
    Theorem,
    /// Observed, or proved of another variant, or under conditions that are not known here or not met.
    Conjecture,
}

impl Standing {
    /// As printed.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Theorem => "theorem",
            Self::Conjecture => "conjecture",
        }
    }
}

/// The worst verdict that the suite is known to end with. What is worse is new.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Expected {
    /// It holds on every instance of which it speaks.
    #[serde(rename = "PASS")]
    Pass,
    /// Some runs of the suite are too short to decide.
    #[serde(rename = "INCONCLUSIVE")]
    Inconclusive,
    /// It is broken.
    #[serde(rename = "FAIL")]
    Fail,
}

impl Expected {
    /// As printed.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Pass => "PASS",
            Self::Inconclusive => "INCONCLUSIVE",
            Self::Fail => "FAIL",
        }
    }
}

/// A statement about a registered method.
#[derive(Debug)]
pub struct Claim {
    /// Its name.
    pub id: &'static str,
    /// The method, by registry name.
    pub solver: &'static str,
    /// The statement with its equation.
    pub statement: &'static str,
    /// Whose statement it is.
    pub citation: &'static str,
    /// How well that is known here.
    pub source: Source,
    /// Whether it is proved.
    pub standing: Standing,
    /// The worst verdict that is known of it.
    pub expected: Expected,
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
    /// Those parameters, by name, of which the statement speaks: nobody can set them to something else and still audit it.
    pub fixed: &'static [&'static str],
    /// The canonical step (eta, the factor of the win rates) of the resolved parameters; NaN without one.
    pub step: fn(&Facts, &Value) -> f64,
    /// Steps run.
    pub steps: u64,
    /// What is claimed.
    pub form: Form,
    /// When.
    pub hypotheses: &'static [Hypothesis],
}

/// The parameter `step_size`, which most methods resolve to their canonical step; NaN without one.
#[must_use]
pub fn step_size(_: &Facts, parameters: &Value) -> f64 {
    parameters["step_size"].as_f64().unwrap_or(f64::NAN)
}

/// The claim of that name.
#[must_use]
pub fn claim(id: &str) -> Option<&'static Claim> {
    CLAIMS.iter().find(|c| c.id == id)
}
