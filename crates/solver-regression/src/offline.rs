//! A training run: gradient descent of any objective on labelled pairs that were bought once.
//!
//! ```text
//! theta_{t+1} = theta_t - eta grad L(theta_t)            L = sum_k w_k loss(chosen_k, rejected_k) / sum_k w_k
//! normalised: eta grad L / |grad L|
//! ```
//!
//! The first step buys the labels: of every pair of different responses (a label that is a probability weighs both orders of its pair by
//! it and its complement), or of `pairs` pairs a context, no response in two of them, so that none is chosen here and rejected
//! there. What the optimum of a loss is says [`crate::fitted`]; this says what happens on the way, which for shared parameters, early
//! stopping and surrogates is what is shipped.
//!
//! Losses of responses take their log-probabilities, and their numbers of tokens where the class has tokens (else 1); losses of tokens
//! take the logits of the tokens at every prefix, and losses of turns a token a turn, which only a class of strings of tokens has. Gradients are those of the
//! objective's row, stopped where it stops them. Without a class the parameters are those of a table.
//!
//! Cost: the pairs, at the first step. Effort: log-probabilities of all responses, frozen once, live and back at every step.
//! Source: the training loop of arXiv:2305.18290. Range: `learning_rate` above 0. Deviations: full batches.

use std::sync::Arc;

use equipoise_core::class_entry::Contexts;
use equipoise_core::registry::ensure;
use equipoise_core::{
    Aim, BuildError, Built, Cost, Duel, Effort, Guarantee, LabelledPair, Oracle, Policy, PolicyClass,
    Progress, Rng, Solver, SolverConfig, SolverEntry, StepError, Task, Tokens, sample,
};
use equipoise_policies::policy;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::objectives::{Array, Inputs, ObjectiveEntry, ObjectiveError, objective};

/// Most labelled pairs of all contexts.
const MOST_PAIRS: usize = 1_000_000;

/// Parameters of `offline`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The objective: a name of `equipoise list objectives`, or `{name: {option: value}}`.
    pub objective: Value,
    /// Labelled pairs of each context, no response in two of them; unset: every pair of different responses.
    pub pairs: Option<usize>,
    /// Factor of the gradient, or with `normalised` the length of a step, above 0.
    pub learning_rate: f64,
    /// Whether the gradient is divided by its length.
    pub normalised: bool,
    /// The run ends when the mean margin of the log-ratios of the labelled pairs, in nats, is so large; unset: never.
    pub margin: Option<f64>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            objective: Value::String("dpo".into()),
            pairs: None,
            learning_rate: 0.1,
            normalised: false,
            margin: None,
        }
    }
}

impl Config {
    /// The objective's row, its options with their defaults.
    fn objective(&self) -> Result<(&'static ObjectiveEntry, Value), BuildError> {
        let typed = |problem: String| BuildError::Type { key: "objective".into(), problem };
        let (name, typed_options) = match &self.objective {
            Value::String(name) => (name.as_str(), &Value::Null),
            Value::Object(block) if block.len() == 1 => {
                let (name, options) = block.iter().next().expect("one key");
                (name.as_str(), options)
            }
            _ => return Err(typed("expected a name, or one name with a block of options".into())),
        };
        let entry = objective(name).map_err(|error| typed(error.to_string()))?;
        let mut options = (entry.defaults)();
        if let (Some(options), Some(typed)) = (options.as_object_mut(), typed_options.as_object()) {
            options.extend(typed.clone());
        }
        Ok((entry, options))
    }
}

/// What a side of a pair gives to an objective.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Given {
    LogProbs,
    Reference,
    Length,
    Logits,
    ReferenceLogits,
    Labels,
    /// Log-probabilities of the turns of one pair, a token each.
    Turns,
    ReferenceTurns,
}

impl Given {
    /// Whether only strings of tokens have it.
    fn is_of_tokens(self) -> bool {
        !matches!(self, Self::LogProbs | Self::Reference | Self::Length)
    }
}

/// Inputs of objectives by what they are of the two sides, the chosen one first.
const GIVEN: [([&str; 2], Given); 9] = [
    (["policy_chosen", "policy_rejected"], Given::LogProbs),
    (["reference_chosen", "reference_rejected"], Given::Reference),
    (["length_chosen", "length_rejected"], Given::Length),
    (["policy_logits_chosen", "policy_logits_rejected"], Given::Logits),
    (["logits_chosen", "logits_rejected"], Given::Logits),
    (["reference_logits_chosen", "reference_logits_rejected"], Given::ReferenceLogits),
    (["labels_chosen", "labels_rejected"], Given::Labels),
    (["policy_chosen_turns", "policy_rejected_turns"], Given::Turns),
    (["reference_chosen_turns", "reference_rejected_turns"], Given::ReferenceTurns),
];

/// The input of that name: side and what it is.
fn given(name: &str) -> Option<(usize, Given)> {
    GIVEN.iter().find_map(|(names, what)| Some((names.iter().position(|n| *n == name)?, *what)))
}

impl SolverConfig for Config {
    fn build(self, task: &Task) -> Result<Built, BuildError> {
        let (entry, options) = self.objective()?;
        let rate = self.learning_rate;
        ensure(rate > 0.0 && rate.is_finite(), "learning_rate", rate, "must be a finite number above 0")?;
        if let Some(margin) = self.margin {
            ensure(margin > 0.0 && margin.is_finite(), "margin", margin, "must be a finite number above 0")?;
        }
        let shape = task.shape().clone();
        let widest = shape.ranges().map(|row| row.len()).min().unwrap_or(0);
        let rule = format!("must lie in [1, {}]: no response is in two pairs", widest / 2);
        if let Some(pairs) = self.pairs {
            ensure(pairs >= 1 && 2 * pairs <= widest, "pairs", pairs, &rule)?;
        }
        let count: usize = shape.ranges().map(|row| self.pairs.unwrap_or(row.len() * (row.len() - 1))).sum();
        let rule = format!("at most {MOST_PAIRS} rows in all: give a number of pairs a context");
        ensure(count <= MOST_PAIRS, "pairs", format!("{count} rows"), &rule)?;
        let class = match &task.class {
            Some(class) => Arc::clone(class),
            None => {
                let contexts = Contexts { reference: task.reference.clone(), name: "train".into() };
                policy("table")?.bind(&Value::Null, &contexts)?
            }
        };
        let tokens: Vec<Tokens> = (0..shape.contexts()).map_while(|x| class.tokens(x)).collect();
        let tokens = (tokens.len() == shape.contexts()).then_some(tokens);
        for input in (entry.inputs)() {
            let name = || self.objective.clone();
            let key = "objective";
            match given(input.name) {
                Some((_, what)) if what.is_of_tokens() && tokens.is_none() => {
                    let rule = format!(
                        "takes `{}`, the tokens of a response: they need `policy: token-tree`",
                        input.name
                    );
                    return Err(BuildError::range(key, name(), rule));
                }
                None if !input.optional => {
                    let rule = format!("takes `{}`, which labelled pairs do not give", input.name);
                    return Err(BuildError::range(key, name(), rule));
                }
                _ => {}
            }
        }
        let mut theta = class.initial().to_vec();
        if task.class.is_none() {
            let logs = task.start.log_probs_slice().iter().zip(task.reference.log_probs_slice());
            theta.iter_mut().zip(logs).for_each(|(t, (l, m))| *t = l - m);
        }
        let config = Self { objective: json!({ entry.name: options }), ..self };
        let frozen = tokens.as_ref().map(|tokens| conditionals(tokens, &task.reference));
        let mut offline = Offline {
            config: config.clone(),
            entry,
            options,
            in_class: task.class.is_some(),
            class,
            theta,
            policy: task.start.clone(),
            played: task.start.clone(),
            reference: task.reference.clone(),
            tokens,
            frozen,
            rows: Vec::new(),
            effort: Effort::default(),
        };
        // options out of range are refused before a label is bought
        if let Some(x) = shape.ranges().position(|row| row.len() > 1) {
            offline.rows.push(LabelledPair { context: x, chosen: 0, rejected: 1, weight: 1.0 });
            match offline.slopes() {
                Err(ObjectiveError::Option(error)) => {
                    return Err(error.within(&format!("objective.{}", entry.name)));
                }
                // an input that only these options need
                Err(ObjectiveError::Missing { name, .. }) => {
                    let rule = format!("takes `{name}`, which labelled pairs do not give");
                    return Err(BuildError::range("objective", &offline.config.objective, rule));
                }
                Err(_) | Ok(_) => offline.rows.clear(),
            }
        }
        Ok(Built::new(&config, offline))
    }
}

/// Log-probabilities of the tokens at every prefix of every context.
fn conditionals(tokens: &[Tokens], policy: &Policy) -> Vec<Vec<Vec<f64>>> {
    let l = policy.log_probs_slice();
    tokens.iter().zip(policy.shape().ranges()).map(|(tokens, row)| tokens.conditionals(&l[row])).collect()
}

struct Offline {
    config: Config,
    entry: &'static ObjectiveEntry,
    options: Value,
    in_class: bool,
    class: Arc<dyn PolicyClass>,
    theta: Vec<f64>,
    policy: Policy,
    played: Policy,
    reference: Policy,
    tokens: Option<Vec<Tokens>>,
    /// The reference's tokens.
    frozen: Option<Vec<Vec<Vec<f64>>>>,
    /// The data set; empty before the first step.
    rows: Vec<LabelledPair>,
    effort: Effort,
}

impl Offline {
    /// Pairs of a context that are asked for.
    fn asked(&self, context: usize, rng: &mut Rng) -> Vec<Duel> {
        let n = self.policy.shape().actions(context);
        let duel = |left, right| Duel { context, left, right };
        match self.config.pairs {
            None => (0..n).flat_map(|left| (left + 1..n).map(move |right| duel(left, right))).collect(),
            Some(pairs) => {
                let mut order: Vec<usize> = (0..n).collect();
                (0..2 * pairs).for_each(|k| order.swap(k, k + sample::index(rng, n - k)));
                order[..2 * pairs].chunks_exact(2).map(|pair| duel(pair[0], pair[1])).collect()
            }
        }
    }

    /// Buys the labels.
    fn buy(&mut self, oracle: &mut dyn Oracle, rng: &mut Rng) {
        for context in 0..self.policy.shape().contexts() {
            let duels = self.asked(context, rng);
            let mut labels = vec![0.0; duels.len()];
            oracle.duels(&duels, &mut labels);
            for (Duel { left, right, .. }, z) in duels.into_iter().zip(labels) {
                let row = |chosen, rejected, weight| LabelledPair { context, chosen, rejected, weight };
                let both = [row(left, right, z), row(right, left, 1.0 - z)];
                self.rows.extend(both.into_iter().filter(|row| row.weight > 0.0));
            }
        }
        self.effort.evaluations += self.policy.shape().len() as u64;
    }

    /// The gradient of the loss by the log-probabilities, flat over the shape.
    fn slopes(&self) -> Result<Vec<f64>, ObjectiveError> {
        let total: f64 = self.rows.iter().map(|row| row.weight).sum();
        let mut g = vec![0.0; self.policy.shape().len()];
        let live = self.tokens.as_ref().map(|tokens| conditionals(tokens, &self.policy));
        // an objective of turns is of one pair at a time
        let of_turns =
            (self.entry.inputs)().iter().any(|i| given(i.name).is_some_and(|(_, what)| what == Given::Turns));
        for rows in self.rows.chunks(if of_turns { 1 } else { self.rows.len() }) {
            self.add_slopes(rows, total, &live, &mut g)?;
        }
        Ok(g)
    }

    /// Adds what some rows of all, whose weights sum to `total`, say of the gradient; `live` are the tokens of the policy.
    fn add_slopes(
        &self,
        rows: &[LabelledPair],
        total: f64,
        live: &Option<Vec<Vec<Vec<f64>>>>,
        g: &mut [f64],
    ) -> Result<(), ObjectiveError> {
        let shape = self.policy.shape();
        let (l, mu) = (self.policy.log_probs_slice(), self.reference.log_probs_slice());
        let actions = |side: usize| rows.iter().map(move |r| (r.context, [r.chosen, r.rejected][side]));
        let flat = |(x, y): (usize, usize)| shape.range(x).start + y;
        let path =
            |(x, y): (usize, usize)| &self.tokens.as_ref().expect("checked").as_slice()[x].responses[y];
        let column = |side: usize, of: &dyn Fn((usize, usize)) -> f64| {
            Array::column(&actions(side).map(of).collect::<Vec<_>>())
        };
        // the token at t is scored by the logits at t - 1, so that there is one more row than tokens
        let logits = |side: usize, of: &Option<Vec<Vec<Vec<f64>>>>| {
            let of = of.as_ref().expect("checked");
            let cube = |at: (usize, usize)| {
                let mut rows: Vec<Vec<f64>> =
                    path(at).iter().map(|(prefix, _)| of[at.0][*prefix].clone()).collect();
                rows.push(rows.last().map_or_else(Vec::new, |row| vec![0.0; row.len()]));
                rows
            };
            Array::cubes(&actions(side).map(cube).collect::<Vec<_>>())
        };
        let turns = |side: usize, of: &Option<Vec<Vec<Vec<f64>>>>| {
            let of = of.as_ref().expect("checked");
            let turn = |at: (usize, usize)| {
                path(at).iter().map(|(prefix, token)| vec![of[at.0][*prefix][*token]]).collect::<Vec<_>>()
            };
            Array::rows(&actions(side).flat_map(turn).collect::<Vec<_>>())
        };
        let labels = |side: usize| {
            let row = |at| {
                let tokens = path(at).iter().map(|(_, token)| *token as f64);
                std::iter::once(-100.0).chain(tokens).collect::<Vec<_>>()
            };
            Array::rows(&actions(side).map(row).collect::<Vec<_>>())
        };
        let mut inputs = Inputs::new();
        for input in (self.entry.inputs)() {
            let Some((side, what)) = given(input.name) else { continue };
            let array = match what {
                Given::LogProbs => column(side, &|at| l[flat(at)]),
                Given::Reference => column(side, &|at| mu[flat(at)]),
                Given::Length => column(side, &|at| match &self.tokens {
                    Some(_) => path(at).len() as f64,
                    None => 1.0,
                }),
                Given::Logits => logits(side, live),
                Given::ReferenceLogits => logits(side, &self.frozen),
                Given::Labels => labels(side),
                Given::Turns => turns(side, live),
                Given::ReferenceTurns => turns(side, &self.frozen),
            };
            inputs = inputs.with(input.name, array);
        }
        let found = self.entry.evaluate(&self.options, &inputs)?.evaluation;
        let mut by_tokens: Option<Vec<Vec<Vec<f64>>>> = live
            .as_ref()
            .map(|live| live.iter().map(|x| x.iter().map(|row| vec![0.0; row.len()]).collect()).collect());
        for (name, array) in &found.gradient {
            let numbers = array.numbers();
            match given(name) {
                Some((side, Given::LogProbs)) => {
                    for ((at, slope), row) in actions(side).zip(&numbers).zip(rows) {
                        g[flat(at)] += row.weight / total * slope;
                    }
                }
                Some((side, Given::Logits)) => {
                    let by_tokens = by_tokens.as_mut().expect("checked");
                    let mut rest = &numbers[..];
                    for (at, row) in actions(side).zip(rows) {
                        for (prefix, _) in path(at) {
                            let to = &mut by_tokens[at.0][*prefix];
                            let (own, others) = rest.split_at(to.len());
                            to.iter_mut().zip(own).for_each(|(t, s)| *t += row.weight / total * s);
                            rest = others;
                        }
                        // the logits behind the last token score nothing
                        let unused = path(at).last().map_or(0, |(prefix, _)| by_tokens[at.0][*prefix].len());
                        rest = &rest[unused..];
                    }
                }
                Some((side, Given::Turns)) => {
                    let (by_tokens, live) =
                        (by_tokens.as_mut().expect("checked"), live.as_ref().expect("checked"));
                    for (at, row) in actions(side).zip(rows) {
                        for ((prefix, token), slope) in path(at).iter().zip(&numbers) {
                            let factor = row.weight / total * slope;
                            let to = &mut by_tokens[at.0][*prefix];
                            to.iter_mut().zip(&live[at.0][*prefix]).for_each(|(t, l)| *t -= factor * l.exp());
                            to[*token] += factor;
                        }
                    }
                }
                // references are constants
                _ => {}
            }
        }
        if let (Some(by_tokens), Some(live), Some(tokens)) = (by_tokens, live, &self.tokens) {
            for ((row, tokens), (live, by)) in shape.ranges().zip(tokens).zip(live.iter().zip(by_tokens)) {
                tokens.pull(live, &by, &mut g[row]);
            }
        }
        Ok(())
    }

    /// The mean margin of the log-ratios of the labelled pairs.
    fn margin(&self) -> f64 {
        let (l, mu) = (self.policy.log_probs_slice(), self.reference.log_probs_slice());
        let ratio = |x: usize, y: usize| {
            let at = self.policy.shape().range(x).start + y;
            l[at] - mu[at]
        };
        let each = self.rows.iter();
        let sum: f64 =
            each.map(|r| r.weight * (ratio(r.context, r.chosen) - ratio(r.context, r.rejected))).sum();
        sum / self.rows.iter().map(|row| row.weight).sum::<f64>()
    }
}

impl Solver for Offline {
    fn step(&mut self, oracle: &mut dyn Oracle, rng: &mut Rng) -> Result<Progress, StepError> {
        if self.rows.is_empty() {
            self.buy(oracle, rng);
            if self.rows.is_empty() {
                return Ok(Progress::Finished); // no context has two responses
            }
        }
        let slopes = self.slopes().map_err(|error| StepError::Inner(error.to_string()))?;
        let mut gradient = vec![0.0; self.theta.len()];
        self.class.pull(&self.theta, &self.policy, &slopes, &mut gradient);
        let length = gradient.iter().map(|g| g * g).sum::<f64>().sqrt();
        let factor = match self.config.normalised {
            true if length == 0.0 => return Ok(Progress::Finished), // at rest: no direction to go
            true => self.config.learning_rate / length,
            false => self.config.learning_rate,
        };
        self.theta.iter_mut().zip(&gradient).for_each(|(t, g)| *t -= factor * g);
        self.played.copy_from(&self.policy);
        self.class.evaluate(&self.theta, &mut self.policy)?;
        let responses = self.policy.shape().len() as u64;
        self.effort += Effort { draws: 0, evaluations: responses, pulls: responses };
        let reached = self.config.margin.is_some_and(|margin| self.margin() >= margin);
        Ok(if reached { Progress::Finished } else { Progress::Continue })
    }

    fn policy(&self) -> &Policy {
        &self.policy
    }

    fn played(&self) -> &Policy {
        &self.played
    }

    fn step_cost(&self) -> Cost {
        let of = |row: std::ops::Range<usize>| {
            let n = row.len();
            self.config.pairs.unwrap_or(n * (n - 1) / 2) as u64
        };
        let duels = if self.rows.is_empty() { self.policy.shape().ranges().map(of).sum() } else { 0 };
        Cost { queries: 0, duels }
    }

    fn effort(&self) -> Effort {
        if self.in_class { self.effort } else { Effort::default() }
    }

    fn parameters(&self) -> Option<&[f64]> {
        self.in_class.then_some(&self.theta[..])
    }

    fn labelled_pairs(&self) -> &[LabelledPair] {
        &self.rows
    }
}

/// Registry row.
pub const ENTRY: SolverEntry = SolverEntry::of::<Config>(
    "offline",
    "gradient descent of any objective on labelled pairs bought once, step by step",
    "the training loop of Rafailov et al. 2023, arXiv:2305.18290",
)
.aims(Aim::Other, Guarantee::None)
.parametrised()
.offline()
.costs("the labelled pairs, at the first step")
.verified(
    "a step in closed form, losses of tokens against losses of responses, its limits against the minimisers",
);
