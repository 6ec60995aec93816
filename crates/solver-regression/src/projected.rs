//! Any mirror step as a regression in a class of policies.
//!
//! ```text
//! theta_{t+1} = argmin_theta  loss( log pi_theta, a_t + eta g_t ),     a_t = sum_s lambda_s log pi_s
//! ```
//!
//! Anchors and feedback of the targets (g = win rates against the policy named; m = eta tau, pi_h: the half step):
//!
//! | target | anchor | feedback |
//! |---|---|---|
//! | mwu | pi | pi |
//! | omd | (1 - m) pi + m mu | pi |
//! | nash-md | (1 - m) pi + m mu | pi^(1 - m) mu^m |
//! | mirror-prox, egpo | as mwu, omd, twice from pi | pi, then pi_h |
//! | omwu | base, twice: the second look ahead from the new base | pi, used twice |
//! | regularized-omwu | (1 - m) base + m mu, as omwu | pi, used twice |
//! | comal | (1 - m) pi + m sigma, sigma <- pi every `period` steps, m = eta comal_tau | pi |
//!
//! `loss` has the losses; over all policies each has the mirror step as its minimiser, and then this is the target's own
//! solver. In a smaller class the limit depends on the loss, because each weighs the responses with another measure:
//! `target: omd` with `pairs` is INPO and online IPO 2, with `uniform-pairs` online IPO 1; `target: mwu` with `pointwise` is
//! SPPO, with `cross-entropy` DNO; `target: nash-md` with `policy-gradient` is Nash-MD-PG.
//!
//! With `inner_steps: exact` and a class whose scores are linear the fit starts at the anchor and moves no further than it must (least
//! norm); otherwise it starts at the last parameters. Gradients of sampled losses are those of their own rows, which are
//! asked for once a regression and reused by every inner step, except those of `policy-gradient`, which are drawn at each. Look-ahead steps
//! use a copy of the optimiser's state and give it back, as the published code of EGPO does.
//! Sampled `pointwise` takes the gain's part of log Z to be eta / 2, as SPPO does; sampled `cross-entropy` compares one duel with another,
//! which biases its label.
//!
//! Cost: a query an answer, or `duels_per_step` rows of one duel (`uniform-pairs`, `cross-entropy`: two) a context and answer.
//! Effort: log-probabilities of anchors once a regression, of the live policy at every inner evaluation.
//! Source: the papers of the targets; equivalence of the losses over all policies arXiv:2407.00617, arXiv:2503.08942.
//! Range: `eta tau <= 1`. Deviations: none but those said.

mod feedback;
mod loss;

use std::sync::Arc;

use equipoise_core::class_entry::Contexts;
use equipoise_core::kernel::geometric_mixture;
use equipoise_core::optimiser::{Budget, Optimiser};
use equipoise_core::registry::ensure;
use equipoise_core::{
    Aim, BuildError, Built, Cost, Effort, Guarantee, Oracle, Policy, PolicyClass, Progress, Rng, Sampler,
    Solver, SolverConfig, SolverEntry, StepError, Task,
};
use equipoise_policies::{optimiser, policy};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use feedback::Measure;
use feedback::{Asked, Feedback, Reinforce};
use loss::{Fixed, InClass, Scratch};

use crate::inpo::Regression;

/// The mirror step that is projected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Target {
    /// Multiplicative weights.
    Mwu,
    /// Mirror descent on the regularised game.
    #[default]
    Omd,
    /// Mirror descent against a mixture with the reference.
    NashMd,
    /// Extragradient on the original game.
    MirrorProx,
    /// Extragradient on the regularised game.
    Egpo,
    /// Optimistic multiplicative weights, two sequences.
    Omwu,
    /// Optimistic mirror descent on the regularised game.
    RegularizedOmwu,
    /// Mirror descent towards a reference that follows the policy.
    Comal,
}

/// How far the regression is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum InnerSteps {
    /// So many steps, at least 1.
    Steps(u32),
    /// To its minimum.
    Word(Exact),
}

/// The word `exact`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Exact {
    /// To the minimum.
    Exact,
}

/// Parameters of `projected`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The mirror step: `mwu`, `omd`, `nash-md`, `mirror-prox`, `egpo`, `omwu`, `regularized-omwu` or `comal`.
    pub target: Target,
    /// eta, the factor of the win rates, above 0 with eta tau <= 1.
    pub step_size: f64,
    /// The loss: `pairs`, `uniform-pairs`, `pointwise`, `cross-entropy` or `policy-gradient`.
    pub loss: Measure,
    /// `population` (one win-rate query an answer) or `sampled` (duels).
    pub regression: Regression,
    /// Sampled only: rows of each regression and context, at least 1; a row is one duel, or two (`uniform-pairs`, `cross-entropy`).
    pub duels_per_step: u32,
    /// The optimiser: a name of `equipoise list optimisers`, or `{name: {option: value}}`.
    pub optimiser: Value,
    /// Its steps for each regression, at least 1, or `exact` (newton, l-bfgs).
    pub inner_steps: InnerSteps,
    /// `comal` only: tau of its inner games, above 0.
    pub comal_tau: f64,
    /// `comal` only: steps after which its reference moves, at least 1.
    pub period: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            target: Target::Omd,
            step_size: 0.1,
            loss: Measure::Pairs,
            regression: Regression::Population,
            duels_per_step: 64,
            optimiser: Value::String("newton".into()),
            inner_steps: InnerSteps::Word(Exact::Exact),
            comal_tau: 0.1,
            period: 12,
        }
    }
}

impl Config {
    /// The tau of the anchor.
    fn tau(&self, task: &Task) -> f64 {
        match self.target {
            Target::Mwu | Target::MirrorProx | Target::Omwu => 0.0,
            Target::Comal => self.comal_tau,
            Target::Omd | Target::NashMd | Target::Egpo | Target::RegularizedOmwu => task.tau,
        }
    }

    fn budget(&self) -> Budget {
        match self.inner_steps {
            InnerSteps::Steps(steps) => Budget::Steps(steps),
            InnerSteps::Word(Exact::Exact) => Budget::Exact,
        }
    }

    fn optimiser(&self, parameters: usize) -> Result<(Value, Box<dyn Optimiser>), BuildError> {
        let typed = |problem: &str| BuildError::Type { key: "optimiser".into(), problem: problem.into() };
        let (name, options) = match &self.optimiser {
            Value::String(name) => (name.as_str(), &Value::Null),
            Value::Object(block) if block.len() == 1 => {
                let (name, options) = block.iter().next().expect("one key");
                (name.as_str(), options)
            }
            _ => return Err(typed("expected a name, or one name with a block of options")),
        };
        let entry = optimiser(name).map_err(|e| match e {
            BuildError::UnknownKey { nearest, known, .. } => {
                let hint = nearest.map_or(String::new(), |n| format!(", did you mean `{n}`?"));
                typed(&format!("there is no optimiser `{name}`{hint}; known: {}", known.join(", ")))
            }
            other => other.within("optimiser"),
        })?;
        let within = |e: BuildError| e.within(&format!("optimiser.{name}"));
        let built = entry.build(options, parameters).map_err(within)?;
        if self.budget() == Budget::Exact {
            let rule = format!(
                "`{name}` does not solve a regression exactly: give a number, or `newton` or `l-bfgs`"
            );
            ensure(entry.exact, "inner_steps", "exact", &rule)?;
        }
        let live = self.loss == Measure::PolicyGradient && self.regression == Regression::Sampled;
        if live {
            let rule = "a sampled policy gradient is drawn at each step and has no loss to search: take another optimiser";
            ensure(!entry.exact, "optimiser", name, rule)?;
        }
        let mut filled = (entry.defaults)();
        if let (Some(filled), Some(options)) = (filled.as_object_mut(), options.as_object()) {
            filled.extend(options.clone());
        }
        Ok((serde_json::json!({ name: filled }), built))
    }
}

impl SolverConfig for Config {
    fn build(self, task: &Task) -> Result<Built, BuildError> {
        let (eta, tau) = (self.step_size, self.tau(task));
        ensure(eta > 0.0 && eta.is_finite(), "step_size", eta, "must be a finite number above 0")?;
        ensure(
            self.comal_tau > 0.0 && self.comal_tau.is_finite(),
            "comal_tau",
            self.comal_tau,
            "must be above 0",
        )?;
        let rule = format!("eta tau must be at most 1, tau = {tau}");
        ensure(eta * tau <= 1.0 + 4.0 * f64::EPSILON, "step_size", eta, &rule)?;
        ensure(self.duels_per_step >= 1, "duels_per_step", self.duels_per_step, "must be at least 1")?;
        ensure(self.period >= 1, "period", self.period, "must be at least 1")?;
        let steps = self.budget();
        ensure(steps != Budget::Steps(0), "inner_steps", 0, "must be at least 1, or `exact`")?;
        let table = task.class.is_none();
        let class = match &task.class {
            Some(class) => Arc::clone(class),
            None => {
                let contexts = Contexts { reference: task.reference.clone(), name: "train".into() };
                policy("table")?.bind(&Value::Null, &contexts)?
            }
        };
        let mut theta = class.initial().to_vec();
        if table {
            let logs = task.start.log_probs_slice().iter().zip(task.reference.log_probs_slice());
            theta.iter_mut().zip(logs).for_each(|(t, (l, m))| *t = l - m);
        }
        let (named, optimiser) = self.optimiser(theta.len())?;
        let config = Self { optimiser: named, ..self };
        let rows = (config.regression == Regression::Sampled).then_some(config.duels_per_step);
        let reference = Point {
            theta: class.initial().to_vec(),
            policy: task.reference.clone().shared(),
            is_written: false,
        };
        let start = task.start.clone().shared();
        let point = Point { theta, policy: start.clone(), is_written: false };
        let solver = Projected {
            target: config.target,
            tau,
            feedback: Feedback { measure: config.loss, rows, eta },
            budget: steps,
            period: config.period,
            steps: 0,
            magnet: if config.target == Target::Comal { point.clone() } else { reference },
            base: point.clone(),
            played: start,
            scratch: Scratch::of(task.start.clone()),
            free: Vec::new(),
            anchor: Vec::new(),
            point,
            optimiser,
            effort: Effort::default(),
            table,
            class,
        };
        Ok(Built::new(&config, solver))
    }
}

/// Parameters with their policy.
#[derive(Clone)]
struct Point {
    theta: Vec<f64>,
    /// Shared, so that copies of a point hold one.
    policy: Policy,
    /// Whether the class wrote the policy; that of the start is given, and may differ from it in rounding.
    is_written: bool,
}

/// The method.
struct Projected {
    class: Arc<dyn PolicyClass>,
    target: Target,
    tau: f64,
    feedback: Feedback,
    budget: Budget,
    period: u32,
    /// Steps done.
    steps: u64,
    /// The last iterate.
    point: Point,
    /// The sequence without look-ahead, of optimistic targets.
    base: Point,
    /// The anchor beside the policy: mu, or what follows the policy.
    magnet: Point,
    played: Policy,
    scratch: Scratch,
    /// Policies of points that are gone, to be written again.
    free: Vec<Policy>,
    /// Flat over the shape, to be written again.
    anchor: Vec<f64>,
    optimiser: Box<dyn Optimiser>,
    effort: Effort,
    table: bool,
}

impl Projected {
    /// The regression of one answer from `(1 - m) from + m magnet`; a copy of the optimiser's state is used where the step is
    /// a look-ahead.
    fn regress(
        &mut self,
        from: &Point,
        answer: &Asked,
        opponent: &Policy,
        looks_ahead: bool,
        (oracle, rng): (&mut dyn Oracle, &mut Rng),
    ) -> Result<Point, StepError> {
        let pull = self.feedback.eta * self.tau;
        let (l, m) = (from.policy.log_probs_slice(), self.magnet.policy.log_probs_slice());
        let mut anchor = std::mem::take(&mut self.anchor);
        anchor.clear();
        match pull == 0.0 {
            true => anchor.extend_from_slice(l),
            false => anchor.extend(l.iter().zip(m).map(|(l, m)| (1.0 - pull) * l + pull * m)),
        }
        let mut theta = from.theta.clone();
        if self.budget == Budget::Exact && self.class.is_linear() && pull != 0.0 {
            theta.iter_mut().zip(&self.magnet.theta).for_each(|(t, m)| *t = (1.0 - pull) * *t + pull * m);
        }
        let mut ahead = looks_ahead.then(|| self.optimiser.copy());
        let optimiser = ahead.as_mut().unwrap_or(&mut self.optimiser);
        let frozen = 1 + u64::from(pull != 0.0);
        let start = (&from.theta[..], from.is_written.then_some(&from.policy));
        match answer {
            None => {
                let rows = self.feedback.rows.expect("the population is asked at once");
                let opponent = Sampler::new(opponent);
                let slopes =
                    Reinforce { oracle, rng, opponent, anchor: &anchor, eta: self.feedback.eta, rows };
                let mut problem = InClass::new(&*self.class, slopes, start, &mut self.scratch);
                optimiser.minimise(&mut problem, &mut theta, self.budget)?;
                // the frozen log-probabilities of every response drawn
                let evaluations = frozen * problem.effort.pulls;
                self.effort += problem.effort;
                self.effort += Effort { evaluations, ..Effort::default() };
                self.anchor = anchor;
            }
            Some(answer) => {
                let (loss, responses) = self.feedback.loss(self.class.shape(), answer, anchor);
                let slopes = Fixed { loss: &loss, responses };
                let mut problem = InClass::new(&*self.class, slopes, start, &mut self.scratch);
                optimiser.minimise(&mut problem, &mut theta, self.budget)?;
                self.effort += problem.effort;
                self.effort += Effort { evaluations: frozen * responses, ..Effort::default() };
                self.anchor = loss.into_flat();
            }
        }
        let mut next = self.free.pop().unwrap_or_else(|| from.policy.clone());
        self.class.evaluate(&theta, &mut next)?;
        Ok(Point { theta, policy: next.shared(), is_written: true })
    }

    fn ask(&mut self, at: &Policy, oracle: &mut dyn Oracle, rng: &mut Rng) -> Asked {
        self.feedback.ask(at, oracle, rng, &mut self.effort)
    }
}

impl Solver for Projected {
    fn step(&mut self, oracle: &mut dyn Oracle, rng: &mut Rng) -> Result<Progress, StepError> {
        let now = self.point.clone();
        let (next, played) = match self.target {
            Target::Mwu | Target::Omd | Target::Comal => {
                let answer = self.ask(&now.policy, oracle, rng);
                (self.regress(&now, &answer, &now.policy, false, (oracle, rng))?, now.policy)
            }
            Target::NashMd => {
                let mut mixed = self.free.pop().unwrap_or_else(|| now.policy.clone());
                geometric_mixture(
                    &mut mixed,
                    &now.policy,
                    &self.magnet.policy,
                    self.feedback.eta * self.tau,
                )?;
                let mixed = mixed.shared();
                let answer = self.ask(&mixed, oracle, rng);
                (self.regress(&now, &answer, &mixed, false, (oracle, rng))?, mixed)
            }
            Target::MirrorProx | Target::Egpo => {
                let answer = self.ask(&now.policy, oracle, rng);
                let half = self.regress(&now, &answer, &now.policy, true, (oracle, rng))?;
                let answer = self.ask(&half.policy, oracle, rng);
                (self.regress(&now, &answer, &half.policy, false, (oracle, rng))?, half.policy)
            }
            Target::Omwu | Target::RegularizedOmwu => {
                let answer = self.ask(&now.policy, oracle, rng);
                // the regularised method only predicts at its first step
                if self.steps > 0 || self.target == Target::Omwu {
                    let base = self.base.clone();
                    let moved = self.regress(&base, &answer, &now.policy, false, (oracle, rng))?;
                    drop(base);
                    self.free.push(std::mem::replace(&mut self.base, moved).policy);
                }
                let base = self.base.clone();
                (self.regress(&base, &answer, &now.policy, true, (oracle, rng))?, now.policy)
            }
        };
        let gone =
            [std::mem::replace(&mut self.point, next).policy, std::mem::replace(&mut self.played, played)];
        self.free.extend(gone.into_iter().filter(|p| p.stamp() != self.played.stamp()));
        self.free.truncate(2);
        self.steps += 1;
        if self.target == Target::Comal && self.steps.is_multiple_of(u64::from(self.period)) {
            self.magnet = self.point.clone();
        }
        Ok(Progress::Continue)
    }

    fn policy(&self) -> &Policy {
        &self.point.policy
    }

    fn played(&self) -> &Policy {
        &self.played
    }

    fn step_cost(&self) -> Cost {
        let answers = match self.target {
            Target::MirrorProx | Target::Egpo => 2,
            _ => 1,
        };
        let live = self.feedback.measure == Measure::PolicyGradient;
        // regressions that draw at each of their steps
        let draws = match (live, self.target, self.budget) {
            (true, Target::Omwu, Budget::Steps(n)) => 2 * u64::from(n),
            (true, Target::RegularizedOmwu, Budget::Steps(n)) => {
                (1 + u64::from(self.steps > 0)) * u64::from(n)
            }
            (true, _, Budget::Steps(n)) => answers * u64::from(n),
            _ => answers,
        };
        let duels = draws * self.feedback.duels(self.class.shape());
        Cost { queries: if self.feedback.rows.is_none() { answers } else { 0 }, duels }
    }

    fn effort(&self) -> Effort {
        self.effort
    }

    fn parameters(&self) -> Option<&[f64]> {
        (!self.table).then_some(&self.point.theta)
    }

    fn period(&self) -> u64 {
        if self.target == Target::Comal { u64::from(self.period) } else { 1 }
    }

    fn notes(&self) -> Vec<String> {
        let measure = match self.feedback.measure {
            Measure::Pairs => "pairs drawn where the feedback is taken",
            Measure::UniformPairs => "uniform pairs",
            Measure::Pointwise => "responses drawn where the feedback is taken",
            Measure::CrossEntropy => "pairs drawn where the feedback is taken, by cross-entropy",
            Measure::PolicyGradient => "responses of the policy itself",
        };
        let note =
            format!("the mirror step is fitted over {measure}; in a class that measure decides the limit");
        (!self.table).then_some(note).into_iter().collect()
    }
}

/// Registry row.
pub const ENTRY: SolverEntry = SolverEntry::of::<Config>(
    "projected",
    "any mirror step as a regression in a policy class, by an optimiser with a budget",
    "the targets' papers; Zhang et al. 2024, arXiv:2407.00617; Zhou, Fazel, Du 2025, arXiv:2503.08942",
)
.aims(Aim::Regularised, Guarantee::None)
.parametrised()
.costs("1 query (look-ahead targets 2), or the duels asked for")
.verified(
    "equal to the target's own solver over all policies, natural policy gradient, one step of online IPO 2",
);
