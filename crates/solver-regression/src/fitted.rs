//! Losses on pairs, minimised over the table of policies on labels of the game itself.
//!
//! ```text
//! pi_t = argmin_pi  sum_x sum_{i != j} M_ij loss(i chosen, j rejected),     M_ij = mean label of i against j so far
//! ```
//!
//! Every step buys one more label of every pair of different actions of every context (uniform pairs) and fits all labels
//! so far. An oracle that answers with probabilities has said all after one label of each pair: the step is the optimum of
//! the population loss, and the method is finished. With drawn labels the curve against duels is that of a growing data set. The
//! losses are rows of [`crate::objectives`]; DPO and its relatives differ in nothing else here.
//!
//! Log-probabilities are `l = theta - log sum exp theta`. With `G = dL/dl` the gradient by theta is `G - p sum(G)`; it is
//! exact, its Jacobian is taken by central differences of it, and Newton's method with a line search runs from the last
//! policy, first from the reference. Where no finite minimiser exists (an action that always wins, an unbounded loss) more
//! labels of probabilities would change nothing: the step says so and the run ends. More draws may: the
//! first label of a pair is always won by one side. So the last fit of that context is kept, at first the reference, and the notes
//! count the steps.
//! Cost: `n (n - 1) / 2` duels a context and step; O(n^3) arithmetic a Newton step. Validity: a loss that is not convex is
//! minimised locally, from the reference. In a policy class the parameters take the place of
//! the table (`in_class`), all contexts together. Responses are as long as the class's strings of tokens, and one token where it has
//! none.

mod by_log_probs;
mod in_class;

use equipoise_core::graph::strong_components;
use equipoise_core::newton::{self, Damped, solve_dense};
use equipoise_core::registry::{SolverConfig, SolverEntry};
use equipoise_core::{
    Aim, BuildError, Built, Cost, Duel, Effort, Guarantee, Oracle, Policy, Progress, Rng, Solver, StepError,
    Task,
};
use ndarray::{Array1, Array2};

use by_log_probs::by_log_probs;
use in_class::InClass;

use crate::objectives::pairs::{self, PairLoss};
use crate::objectives::pointwise;
use crate::objectives::presets;

/// Newton steps of one fit at most: a fit that exists takes about ten.
const MOST_STEPS: usize = 200;
/// A Newton step below this, in nats, is the last: the next would be below rounding.
const LAST_STEP: f64 = 1e-8;
/// Steps below this, in nats, are taken whole: differences of the loss are rounding there.
const WHOLE_STEP: f64 = 1e-5;
/// Step of the central differences, in nats.
const DIFFERENCE: f64 = 1e-5;
/// Most actions of a context: the Jacobian is dense.
const MOST_ACTIONS: usize = 512;

fn build<L: PairLoss + Send + Clone + 'static>(loss: L, task: &Task) -> Result<Built, BuildError> {
    PairLoss::check(&loss)?;
    let shape = task.shape();
    let labels = (0..shape.contexts()).map(|x| Array2::zeros([shape.actions(x); 2])).collect();
    Ok(Built::new(
        &loss.clone(),
        Fitted {
            loss,
            policy: task.start.clone(),
            played: task.start.clone(),
            fitted: task.reference.clone(),
            reference: task.reference.clone(),
            class: task.class.clone().map(InClass::new),
            labels,
            asked: 0,
            unfitted: Unfitted::default(),
        },
    ))
}

struct Fitted<L> {
    loss: L,
    policy: Policy,
    played: Policy,
    /// Where the next fit starts: the last one, at first the reference.
    fitted: Policy,
    reference: Policy,
    /// The parameters, where policies stay in a class.
    class: Option<InClass>,
    /// Mean label of row against column in each context, `[actions x actions]`.
    labels: Vec<Array2<f64>>,
    /// Labels of each pair.
    asked: u64,
    unfitted: Unfitted,
}

/// Steps whose drawn labels have no finite minimiser, in one context at least.
#[derive(Default)]
struct Unfitted {
    /// Whether the last step is one.
    now: bool,
    /// How many there are.
    steps: u64,
    /// The last of them, from 1.
    last: u64,
}

impl<L: PairLoss + Send> Solver for Fitted<L> {
    fn step(&mut self, oracle: &mut dyn Oracle, _rng: &mut Rng) -> Result<Progress, StepError> {
        let shape = self.policy.shape().clone();
        let crowded = (0..shape.contexts()).find(|&x| shape.actions(x) > MOST_ACTIONS);
        if let Some(x) = crowded {
            let n = shape.actions(x);
            return Err(StepError::Inner(format!(
                "context {x}: {n} actions; at most {MOST_ACTIONS} are fitted"
            )));
        }
        self.asked += 1;
        let mut answers = Answers { moved: self.asked == 1, drawn: false, probabilities: false };
        for (context, labels) in self.labels.iter_mut().enumerate() {
            answers.add(oracle, context, self.asked, labels);
        }
        let drawn = answers.drawn && !answers.probabilities;
        if answers.moved {
            self.unfitted.now = false;
            if let Some(class) = &mut self.class {
                let mut found = self.fitted.clone();
                match class.fit(&self.loss, &self.labels, &self.reference, &mut found) {
                    Ok(()) => self.fitted = found,
                    Err(_) if drawn => self.unfitted.now = true,
                    Err(problem) => return Err(StepError::Inner(problem)),
                }
            } else {
                let mut log_probs = self.fitted.log_probs().clone();
                for (x, labels) in self.labels.iter().enumerate() {
                    let range = shape.range(x);
                    let reference = self.reference.log_probs_at(x).to_vec();
                    let start = log_probs.slice(ndarray::s![range.clone()]).to_owned();
                    match minimise(&self.loss, labels, &reference, start) {
                        Ok(found) => log_probs.slice_mut(ndarray::s![range]).assign(&found),
                        Err(_) if drawn => self.unfitted.now = true,
                        Err(problem) => return Err(StepError::Inner(format!("context {x}: {problem}"))),
                    }
                }
                self.fitted = Policy::from_logits(&shape, log_probs)
                    .map_err(|error| StepError::Inner(error.to_string()))?;
            }
        }
        if self.unfitted.now {
            self.unfitted.steps += 1;
            self.unfitted.last = self.asked;
        }
        self.policy.copy_from(&self.fitted);
        self.played.copy_from(&self.fitted);
        Ok(if drawn { Progress::Continue } else { Progress::Finished })
    }

    fn policy(&self) -> &Policy {
        &self.policy
    }

    fn played(&self) -> &Policy {
        &self.played
    }

    fn step_cost(&self) -> Cost {
        let shape = self.policy.shape();
        let pairs = |n: u64| n * (n - 1) / 2;
        Cost { queries: 0, duels: (0..shape.contexts()).map(|x| pairs(shape.actions(x) as u64)).sum() }
    }

    fn effort(&self) -> Effort {
        self.class.as_ref().map_or_else(Effort::default, |class| class.effort)
    }

    fn parameters(&self) -> Option<&[f64]> {
        self.class.as_ref().map(|class| &class.theta[..])
    }

    fn notes(&self) -> Vec<String> {
        let Unfitted { steps, last, .. } = self.unfitted;
        let which = match steps {
            0 => return Vec::new(),
            _ if steps == last => format!("the first {steps} labels a pair"),
            _ => format!("{steps} of the first {last} steps"),
        };
        vec![format!("no finite minimiser for {which}: the last fit, at first the reference, was kept")]
    }
}

/// What the labels of one step were.
struct Answers {
    /// Whether any mean moved.
    moved: bool,
    /// Whether there was a 0 or a 1: a draw, or a pair without doubt.
    drawn: bool,
    /// Whether there was another number: then no label is a draw.
    probabilities: bool,
}

impl Answers {
    /// Asks for every pair of a context once and moves the means of `asked` labels.
    fn add(&mut self, oracle: &mut dyn Oracle, context: usize, asked: u64, means: &mut Array2<f64>) {
        let n = means.nrows();
        let duels: Vec<Duel> =
            (0..n).flat_map(|left| (left + 1..n).map(move |right| Duel { context, left, right })).collect();
        let mut labels = vec![0.0; duels.len()];
        oracle.duels(&duels, &mut labels);
        let sure = |z: &f64| *z == 0.0 || *z == 1.0;
        self.drawn |= labels.iter().any(sure);
        self.probabilities |= !labels.iter().all(sure);
        for (Duel { left, right, .. }, z) in duels.into_iter().zip(labels) {
            // equal labels leave the mean as it is, to the bit
            let by = (z - means[[left, right]]) / asked as f64;
            self.moved |= by != 0.0;
            means[[left, right]] += by;
            means[[right, left]] = 1.0 - means[[left, right]];
        }
    }
}

/// The loss of one context in theta.
struct Table<'a, L> {
    loss: &'a L,
    labels: &'a Array2<f64>,
    reference: &'a [f64],
    /// Tokens of each action.
    lengths: &'a [f64],
}

impl<L: PairLoss> Table<'_, L> {
    /// The loss, averaged over ordered pairs, and its gradient by theta.
    fn at(&self, theta: &Array1<f64>) -> (f64, Array1<f64>) {
        let top = theta.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let norm = top + theta.iter().map(|t| (t - top).exp()).sum::<f64>().ln();
        let log_probs = theta - norm;
        let logs = log_probs.as_slice().expect("contiguous");
        let (value, slopes) = by_log_probs(self.loss, self.labels, self.reference, self.lengths, logs);
        let mut gradient = Array1::from(slopes);
        let total = gradient.sum();
        gradient.scaled_add(-total, &log_probs.mapv(f64::exp));
        (value, gradient)
    }
}

impl<L: PairLoss> Table<'_, L> {
    /// Actions that are never beaten from outside their set and whose likelihood can rise without cost; `None` if every such
    /// rise costs something, as at a finite minimum it must. The loss is flat to rounding long before it is flat.
    fn flat_direction(&self, theta: &Array1<f64>) -> Option<Vec<usize>> {
        let n = theta.len();
        let beaten_by = |i: usize| (0..n).filter(|&j| j != i && self.labels[[j, i]] > 0.0).collect();
        let blocks = strong_components(&(0..n).map(beaten_by).collect::<Vec<_>>());
        let (least, _) = self.at(theta);
        let mut winners = Vec::new();
        for block in &blocks[..blocks.len() - 1] {
            winners.extend(block);
            let mut risen = theta.clone();
            winners.iter().for_each(|&i: &usize| risen[i] += 1.0);
            if self.at(&risen).0 - least <= 8.0 * f64::EPSILON * least.abs() {
                winners.sort_unstable();
                return Some(winners);
            }
        }
        None
    }
}

impl<L: PairLoss> newton::Problem for Table<'_, L> {
    fn direction(&mut self, theta: &Array1<f64>) -> Option<Array1<f64>> {
        let n = theta.len();
        let (_, gradient) = self.at(theta);
        let mut jacobian = Array2::<f64>::zeros((n, n));
        for k in 0..n {
            let moved = |by: f64| {
                let mut there = theta.clone();
                there[k] += by;
                self.at(&there).1
            };
            let slope = (moved(DIFFERENCE) - moved(-DIFFERENCE)) / (2.0 * DIFFERENCE);
            jacobian.column_mut(k).assign(&slope);
        }
        let jacobian = 0.5 * (&jacobian + &jacobian.t());
        // theta plus a constant is the same policy: that direction is closed by its own curvature
        let scale = jacobian.diag().iter().fold(0.0, |m: f64, d| m.max(d.abs())).max(f64::MIN_POSITIVE);
        // where the loss bends down, more and more of the gradient itself
        (0..60).find_map(|k| {
            let damping = if k == 0 { 0.0 } else { scale * 1e-12 * 4f64.powi(k) };
            let mut system = &jacobian + scale / n as f64;
            system.diag_mut().iter_mut().for_each(|d| *d += damping);
            let direction = solve_dense(system, -&gradient)?;
            (direction.dot(&gradient) <= 0.0).then_some(direction)
        })
    }

    fn damp(&mut self, theta: &Array1<f64>, direction: &Array1<f64>) -> Option<Damped> {
        let longest = direction.iter().fold(0.0, |m: f64, d| m.max(d.abs()));
        if longest < WHOLE_STEP {
            return Some(Damped { length: 1.0, last: longest < LAST_STEP });
        }
        let (value, gradient) = self.at(theta);
        let slope = gradient.dot(direction);
        let falls = |length: f64| {
            let there = self.at(&(theta + &(direction * length))).0;
            there <= value + 1e-4 * length * slope
        };
        let length = std::iter::successors(Some(1.0), |l| Some(0.5 * l)).take(50).find(|l| falls(*l))?;
        Some(Damped { length, last: false })
    }
}

/// Minimises the loss of one context from `start`; log-probabilities.
fn minimise<L: PairLoss>(
    loss: &L,
    labels: &Array2<f64>,
    reference: &[f64],
    start: Array1<f64>,
) -> Result<Array1<f64>, String> {
    let n = start.len();
    if n < 2 {
        return Ok(start);
    }
    let mut theta = start;
    let lengths = vec![1.0; n];
    let mut table = Table { loss, labels, reference, lengths: &lengths };
    newton::solve(&mut table, &mut theta, MOST_STEPS).map_err(|error| {
        format!(
            "the loss has no finite minimiser on these labels, or none was found ({error}): actions that win or lose every \
             comparison with the others, or a loss without a lower bound"
        )
    })?;
    match table.flat_direction(&theta) {
        None => Ok(theta),
        Some(winners) => Err(format!(
            "the loss has no finite minimiser on these labels: it falls for ever as actions {winners:?} (from 0), which win \
             every comparison with the others, become likelier"
        )),
    }
}

/// Declares the rows of losses with a finite minimiser where every action wins sometimes: name, loss, summary, source.
macro_rules! rows {
    ($($row:ident $name:literal, $loss:ty, $summary:literal, $source:literal;)*) => {
        $(impl SolverConfig for $loss {
            fn build(self, task: &Task) -> Result<Built, BuildError> {
                build(self, task)
            }
        })*

        $(#[doc = concat!("Registry row: ", $summary, ".")]
        pub const $row: SolverEntry = SolverEntry::of::<$loss>($name, $summary, $source)
            .aims(Aim::Other, Guarantee::None)
            .parametrised()
            .costs("n (n - 1) / 2 duels, once if answered with probabilities")
            .verified("gaps of the optima on five games, computed independently");)*
    };
}

rows! {
    DPO "dpo", presets::Dpo, "logistic loss on log-ratios; its optimum is that of bradley-terry",
        "Rafailov et al. 2023, arXiv:2305.18290";
    CDPO "cdpo", presets::Cdpo, "dpo with labels smoothed for a rate of flips",
        "Mitchell 2023, a note on DPO with noisy preferences; arXiv:2403.00409";
    RDPO "rdpo", presets::Rdpo, "dpo debiased for a rate of flips",
        "Chowdhury et al. 2024, arXiv:2403.00409";
    IPO_LOSS "ipo-loss", presets::Ipo, "squared loss on log-ratios, uniform pairs",
        "Azar et al. 2023, arXiv:2310.12036, equation 17";
    SIMPO "simpo", presets::Simpo, "logistic loss on mean token log-probabilities with a margin, no reference",
        "Meng et al. 2024, arXiv:2405.14734";
    F_DPO "f-dpo", presets::Fdpo, "dpo with another divergence to the reference",
        "Wang et al. 2023, arXiv:2309.16240";
    CHI_PO "chi-po", presets::ChiPo, "dpo with KL and chi-squared together",
        "Huang et al. 2024, arXiv:2407.13399";
    EXO "exo", presets::Exo, "KL of the policy's probability of the pair to the label's",
        "Ji et al. 2024, arXiv:2402.00856";
    CPO "cpo", presets::Cpo, "logistic loss on log-probabilities plus a likelihood, no reference",
        "Xu et al. 2024, arXiv:2401.08417";
    RPO "rpo", presets::Rpo, "dpo plus a likelihood of the chosen response",
        "Pang et al. 2024, arXiv:2404.19733";
    PREFERENCE "preference", pairs::Preference, "any score, label and link on pairs",
        "the factorised objective of dpo and its relatives, after arXiv:2305.18290";
    ASFT "asft", pointwise::Asft, "odds of each response against one, no reference",
        "Wang et al. 2024, arXiv:2409.10571";
    ORPO "orpo", pointwise::Orpo, "odds of one response against the other's, no reference",
        "Hong et al. 2024, arXiv:2403.07691";
    NCA "nca", pointwise::Nca, "each response against noise", "Chen et al. 2024, arXiv:2402.05369";
    BCO "bco", pointwise::Bco, "each response classified by itself", "Jung et al. 2024, arXiv:2404.04656";
    SPPO_HARD "sppo-hard", pointwise::SppoHard, "two squared losses with win rates 1 and 0: one sppo step from the reference",
        "Wu et al. 2024, arXiv:2405.00675";
}
