//! Rows that break one rule each: the suites must say which, and name the way out.

use std::sync::Arc;

use equipoise_conformance::{Failure, OracleCase, check_game, check_metric, check_oracle, check_solver};
use equipoise_core::{
    Aim, BuildError, Built, Cost, Guarantee, Oracle, Policy, Progress, Rng, Solver, SolverConfig,
    SolverEntry, StepError, Task, sample,
};
use equipoise_env::generators::{Generator, GeneratorEntry};
use equipoise_env::{Game, Judge, PreferenceMatrix};
use equipoise_eval::Metric;
use ndarray::Array1;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The failure found and its remedy must hold these words.
fn fails(result: Result<(), Failure>, found: &str, remedy: &str) {
    let failure = result.expect_err("the row breaks a rule");
    assert!(failure.found.contains(found) && failure.remedy.contains(remedy), "{failure}");
    assert!(failure.to_string().contains("remedy: "), "{failure}");
}

// ---- solvers --------------------------------------------------------------------------------------------------------

/// Multiplicative weights with one fault.
struct Faulty<const FAULT: u8> {
    policy: Policy,
    q: Array1<f64>,
    tau: f64,
}

const SOUND: u8 = 0;
const COST: u8 = 1;
const NUMBERS: u8 = 2;

/// A configuration without fields and the row of a fault.
macro_rules! faulty {
    ($config:ident, $row:ident, $fault:expr) => {
        #[derive(Default, Serialize, Deserialize, JsonSchema)]
        #[serde(default, deny_unknown_fields)]
        struct $config {}

        impl SolverConfig for $config {
            fn build(self, task: &Task) -> Result<Built, BuildError> {
                let (policy, q) = (task.start.clone(), Array1::zeros(task.shape().len()));
                Ok(Built::new(&self, Faulty::<{ $fault }> { policy, q, tau: task.tau }))
            }
        }

        fn $row() -> SolverEntry {
            SolverEntry::of::<$config>("faulty", "a test", "doi:10.0000/test")
                .costs("1 query")
                .verified("here")
        }
    };
}

faulty!(Sound, sound, SOUND);
faulty!(WrongCost, wrong_cost, COST);
faulty!(ByNumber, by_number, NUMBERS);

impl<const FAULT: u8> Solver for Faulty<FAULT> {
    fn step(&mut self, oracle: &mut dyn Oracle, _: &mut Rng) -> Result<Progress, StepError> {
        oracle.win_rates(&self.policy, &mut self.q);
        let tau = self.tau;
        self.policy.set_logits(|logits| {
            for (i, (l, q)) in logits.iter_mut().zip(&self.q).enumerate() {
                *l = (1.0 - 0.1 * tau) * *l + 0.1 * q;
                if FAULT == NUMBERS && i == 0 {
                    *l += 0.01;
                }
            }
        })?;
        Ok(Progress::Continue)
    }
    fn policy(&self) -> &Policy {
        &self.policy
    }
    fn played(&self) -> &Policy {
        &self.policy
    }
    fn step_cost(&self) -> Cost {
        Cost { queries: if FAULT == COST { 2 } else { 1 }, duels: 0 }
    }
}

#[test]
fn a_solver_without_a_claim_about_its_fixed_point_passes() {
    check_solver(&sound()).unwrap_or_else(|failure| panic!("{failure}"));
}

#[test]
fn faulty_solvers_are_found() {
    let mut uncited = sound();
    uncited.citation = "a talk";
    fails(check_solver(&uncited), "no arXiv id", "arXiv id");
    fails(check_solver(&wrong_cost()), "declares", "step_cost");
    fails(check_solver(&by_number()), "permuted", "by its number");
    // shrinks towards the uniform policy, not towards the reference
    let biased = sound().aims(Aim::Regularised, Guarantee::None);
    fails(check_solver(&biased), "moves to", ".biased_fixed_point()");
    let admitted = sound().aims(Aim::Regularised, Guarantee::None).biased_fixed_point();
    check_solver(&admitted).unwrap_or_else(|failure| panic!("{failure}"));
}

// ---- games ----------------------------------------------------------------------------------------------------------

#[derive(Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Undocumented {
    strength: f64,
}

impl Generator for Undocumented {
    fn generate(self, rng: &mut Rng) -> Result<Game, BuildError> {
        let margin = 0.1 * sample::uniform(rng);
        Ok(Game::single(PreferenceMatrix::from_margins(2, |_, _| margin).expect("below 1/2")))
    }
}

#[test]
fn faulty_games_are_found() {
    let row = |known| GeneratorEntry::of::<Undocumented>("faulty", "a test", known);
    fails(check_game(&row("")), "no known", "closed form");
    fails(check_game(&row("nothing")), "`strength` is not documented", "doc comment");
}

// ---- oracles --------------------------------------------------------------------------------------------------------

#[test]
fn faulty_oracles_are_found() {
    let case = |bias: f64, unbiased| OracleCase {
        name: "judge".into(),
        build: Box::new(move |game: &Arc<Game>, _| {
            let truth = game.clone();
            let judge = move |x, i, j| (truth.prob(x, i, j) + bias).clamp(0.0, 1.0);
            Box::new(Judge::new(game.clone(), judge))
        }),
        unbiased,
    };
    check_oracle(&case(0.0, true)).unwrap_or_else(|failure| panic!("{failure}"));
    fails(check_oracle(&case(0.05, true)), "is off by", "unbiased");
    check_oracle(&case(0.05, false)).unwrap_or_else(|failure| panic!("{failure}"));
    let beyond = OracleCase {
        name: "beyond".into(),
        build: Box::new(|game, _| Box::new(Judge::new(game.clone(), |_, _, _| 1.5))),
        unbiased: false,
    };
    fails(check_oracle(&beyond), "1.5", "[0, 1]");
}

// ---- metrics --------------------------------------------------------------------------------------------------------

#[test]
fn faulty_metrics_are_found() {
    let entropy = Metric::vanishing("faulty", "an entropy, said to vanish", "nats", |r| {
        r.probs.iter().zip(r.log_probs).map(|(p, l)| if *p > 0.0 { -p * l } else { 0.0 }).sum()
    });
    fails(check_metric(&entropy), "at the equilibrium", "vanishes: false");
    let first = Metric::descriptive("faulty", "of the first action, in [0, 1]", "win rate", |r| r.probs[0]);
    fails(check_metric(&first), "permuted", "by its number");
    let largest = Metric::descriptive("faulty", "the largest, in [0, 1/2]", "win rate", |r| {
        r.probs.iter().copied().fold(0.0, f64::max)
    });
    fails(check_metric(&largest), "outside [0, 0.5]", "range");
    let hidden = Metric::descriptive("faulty", "of the equilibrium, if known", "win rate", |r| {
        r.equilibrium.map_or(0.0, |(e, _)| e.iter().copied().fold(0.0, f64::max))
    });
    fails(check_metric(&hidden), "without", "needs_equilibrium");
}
