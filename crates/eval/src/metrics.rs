//! Metrics: pure functions of the true game, a policy, and its margins.
//!
//! Over several contexts a metric is the context-weighted mean; [`Metric::per_context`] gives the single values.
//! One name, one definition; all win-rate metrics are in units of probability, all divergences in nats.

use equipoise_core::flat::Flat as _;
use equipoise_core::{Effort, LabelledPair, Policy, PolicyClass, blocks, simplex, vector};
use equipoise_env::{FittedView, Game};
use equipoise_records::{DUALITY_GAP, DUALITY_GAP_TAU, Direction, MetricInfo, Scale};
use ndarray::{Array1, Array2};

use crate::nearest;

/// What a metric may know besides the policy: the game, the task, and the exact answer where it was computed.
#[derive(Clone, Copy)]
pub struct Truth<'a> {
    /// The game.
    pub game: &'a Game,
    /// The reference policy mu.
    pub reference: &'a Policy,
    /// Regularisation of the task.
    pub tau: f64,
    /// The equilibrium of the task's game (a maximal lottery for `tau = 0`).
    pub equilibrium: Option<&'a Policy>,
}

/// One context as a metric sees it; all slices are `[actions]`.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Row<'a> {
    /// The game.
    pub game: &'a Game,
    /// The context, from 0.
    pub context: usize,
    /// The policy.
    pub probs: &'a [f64],
    /// Its logarithms.
    pub log_probs: &'a [f64],
    /// `K pi`, in [-1/2, 1/2].
    pub margins: &'a [f64],
    /// The reference.
    pub mu: &'a [f64],
    /// Its logarithms.
    pub log_mu: &'a [f64],
    /// Probabilities and log-probabilities of the equilibrium, where it was solved.
    pub equilibrium: Option<(&'a [f64], &'a [f64])>,
    /// Regularisation of the task.
    pub tau: f64,
}

/// A named measurement.
pub struct Metric {
    /// YAML key and CSV value.
    pub name: &'static str,
    /// Definition, with its range.
    pub definition: &'static str,
    /// Unit of its values: `win rate`, `nats`, `actions`.
    pub unit: &'static str,
    /// The axis it is drawn on.
    pub scale: Scale,
    /// Which values are better.
    pub direction: Direction,
    /// The largest value that any policy can have, where larger is better.
    pub largest: Option<f64>,
    /// Whether 0 is the optimum that methods aim at.
    pub vanishes: bool,
    /// Whether it needs [`Truth::equilibrium`]; NaN without.
    pub needs_equilibrium: bool,
    /// Which of the two gaps it is: the loop has both at hand after every step.
    pub(crate) gap: Option<Gap>,
    /// What of a method's effort it counts, of which a policy alone tells nothing.
    pub(crate) effort: Option<fn(&Effort) -> u64>,
    /// What of a fitted model that answers in place of the game it measures; NaN where none does.
    pub(crate) of_fit: Option<fn(&FittedView<'_>, &Policy) -> f64>,
    /// Whether deviations must leave nature's moves of a policy class as they are.
    pub(crate) within_nature: bool,
    /// Whether it is of the contexts kept for testing, and so of parameters and not of a policy.
    pub(crate) of_test: bool,
    /// Whether it is of the utilities of a population; NaN in a game that has none.
    pub(crate) of_utilities: bool,
    /// Whether it is of a temperature above 0; NaN at 0.
    pub(crate) of_tau: bool,
    /// Whether it is a sum over the steps of a run, which only the loop has; NaN of a policy alone.
    pub(crate) is_sum: bool,
    /// Which side of the labelled pairs of a method it is of; NaN where there are none.
    pub(crate) of_pairs: Option<Side>,
    /// Whether it counts tokens, which a policy class tells; NaN where responses are no strings of tokens.
    pub(crate) of_tokens: bool,
    row: fn(&Row<'_>) -> f64,
}

/// A side of a labelled pair.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Side {
    Chosen,
    Rejected,
}

/// Position in what [`gaps`] returns.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Gap {
    Original,
    Regularised,
}

fn gap(r: &Row<'_>) -> f64 {
    2.0 * vector::max(r.margins)
}

fn gap_tau(r: &Row<'_>) -> f64 {
    if r.tau == 0.0 {
        return gap(r);
    }
    2.0 * r.tau * simplex::kl_to_best_response(r.probs, r.log_probs, r.margins, r.log_mu, r.tau)
}

/// The gap on contexts that no method sees.
pub const TEST_GAP: &str = "duality_gap_test";
/// The gap in the game of a fitted model.
pub const LEARNED_GAP: &str = "learned_gap";
/// Questions that a fitted model answered.
pub const MODEL_QUERIES: &str = "model_queries";

/// The sum of half the gap of what was deployed.
pub const REGRET: &str = "regret";
/// What a policy is worth to a population.
pub const WELFARE: &str = "welfare";
/// What it is worth on contexts that no method sees.
pub const TEST_WELFARE: &str = "welfare_test";
/// The gap below which no single action goes.
pub const PURE_FLOOR: &str = "pure_floor";
/// The regularised gap over the bound of the plug-in law.
pub const PLUG_IN_RATIO: &str = "plug_in_ratio";
/// A span of win rates below this is that of an equilibrium, rounded.
const LEVEL_SPAN: f64 = 1e-13;

/// With `h = tau log(pi / mu) - K pi`, which is `E pi` up to a constant where `pi` is the regularised equilibrium of `K + E`:
/// `gap_tau = 2 tau log E_pi exp((E_pi h - h) / tau) <= osc(h)^2 / (4 tau)` by Hoeffding's lemma.
fn plug_in_ratio(r: &Row<'_>) -> f64 {
    if r.tau == 0.0 {
        return f64::NAN;
    }
    let played = || (0..r.probs.len()).filter(|&i| r.probs[i] > 0.0);
    let h = |i: usize| r.tau * (r.log_probs[i] - r.log_mu[i]) - r.margins[i];
    let most = |sign: f64| played().map(|i| sign * h(i)).fold(f64::NEG_INFINITY, f64::max);
    let span = most(1.0) + most(-1.0);
    if span <= LEVEL_SPAN {
        return 0.0;
    }
    let (mass, mean) =
        played().fold((0.0, 0.0), |(mass, sum), i| (mass + r.probs[i], sum + r.probs[i] * h(i)));
    let mean = mean / mass;
    // E exp(x) - 1 = E (exp(x) - 1 - x), as E x = 0: no difference of large numbers
    let excess = |x: f64| {
        if x.abs() < 1e-3 {
            x * x * (0.5 + x * (1.0 / 6.0 + x * (1.0 / 24.0 + x / 120.0)))
        } else {
            x.exp_m1() - x
        }
    };
    let rest: f64 = played().map(|i| r.probs[i] * excess((mean - h(i)) / r.tau)).sum::<f64>() / mass;
    2.0 * r.tau * rest.ln_1p() / (span * span / (4.0 * r.tau))
}

fn welfare(r: &Row<'_>) -> f64 {
    let utilities = r.game.utilities().map(|all| &all[r.game.shape().range(r.context)]);
    utilities.map_or(f64::NAN, |u| r.probs.iter().zip(u).map(|(p, u)| p * u).sum())
}

/// Most actions of which all pairs are looked at for it.
const MOST_PAIRED: usize = 2000;

fn pure_floor(game: &Game, context: usize) -> f64 {
    let n = game.shape().actions(context);
    if n > MOST_PAIRED {
        return f64::NAN;
    }
    let worst = |i: usize| (0..n).filter(|&j| j != i).map(|j| game.margin(context, j, i)).fold(0.0, f64::max);
    2.0 * (0..n).map(worst).fold(f64::INFINITY, f64::min)
}

/// An action counts as played from this probability on.
pub const SUPPORT_THRESHOLD: f64 = 1e-6;

impl std::fmt::Debug for Metric {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Metric").field("name", &self.name).finish_non_exhaustive()
    }
}

const WIN_RATE: &str = "win rate";
const NATS: &str = "nats";

/// All metrics. A new one is a row here.
pub const METRICS: &[Metric] = &[
    Metric::vanishing(
        DUALITY_GAP,
        "original game: 2 max_i (P pi)_i - 1 = NashConv = twice the exploitability, in [0, 1]",
        WIN_RATE,
        gap,
    )
    .which_is(Gap::Original),
    Metric::vanishing(
        "exploitability",
        "original game: max_i (P pi)_i - 1/2, half the duality gap, in [0, 1/2]",
        WIN_RATE,
        |r| vector::max(r.margins),
    ),
    Metric::vanishing(
        DUALITY_GAP_TAU,
        "regularised game: 2 tau KL(pi || BR_tau(pi)), exact; for tau = 0 the duality gap",
        WIN_RATE,
        gap_tau,
    )
    .which_is(Gap::Regularised),
    Metric::vanishing(
        "kl_to_equilibrium",
        "KL(pi || pi*) in nats to the equilibrium of the task's game: the only one for tau > 0; at tau = 0 the maximal lottery \
         that `solve` prints, where there are several one of them (distance_to_equilibria is to the nearest)",
        NATS,
        |r| r.equilibrium.map_or(f64::NAN, |(e, le)| simplex::kl(r.probs, r.log_probs, e, le)),
    )
    .of_the_equilibrium(),
    Metric::vanishing(
        "kl_from_equilibrium",
        "KL(pi* || pi) in nats to the same equilibrium: the direction in which most theorems are stated",
        NATS,
        |r| r.equilibrium.map_or(f64::NAN, |(e, le)| simplex::kl(e, le, r.probs, r.log_probs)),
    )
    .of_the_equilibrium(),
    Metric::vanishing(
        "span_to_equilibrium",
        "max_i - min_i of log pi_i - log pi*_i, in nats; inf where pi* has no full support",
        NATS,
        |r| {
            let Some((_, log_e)) = r.equilibrium else { return f64::NAN };
            let (low, high) = r
                .log_probs
                .iter()
                .zip(log_e)
                .filter(|(l, e)| !(**l == f64::NEG_INFINITY && **e == f64::NEG_INFINITY))
                .map(|(l, e)| l - e)
                .fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), d| (a.min(d), b.max(d)));
            high - low
        },
    )
    .of_the_equilibrium(),
    Metric::vanishing(
        "distance_to_equilibria",
        "Euclidean distance from pi to the nearest equilibrium of the task's game, in [0, sqrt 2]; NaN above 100 actions at tau = 0",
        "probability",
        |r| {
            let Some((equilibrium, _)) = r.equilibrium else { return f64::NAN };
            let apart = |e: &[f64]| r.probs.iter().zip(e).map(|(p, e)| (p - e) * (p - e)).sum::<f64>().sqrt();
            if r.tau > 0.0 {
                return apart(equilibrium);
            }
            let n = r.probs.len();
            if n > nearest::MOST_ACTIONS {
                return f64::NAN;
            }
            let matrix = r.game.matrix(r.context);
            let margins = Array2::from_shape_fn((n, n), |(i, j)| matrix.margin(i, j));
            nearest::nearest_equilibrium(&margins, r.probs).map_or(f64::NAN, |e| apart(&e))
        },
    )
    .of_the_equilibrium(),
    Metric::descriptive("kl_to_reference", "KL(pi || mu) in nats", NATS, |r| {
        simplex::kl(r.probs, r.log_probs, r.mu, r.log_mu)
    }),
    Metric::descriptive("entropy", "- sum_i pi_i log pi_i, in nats", NATS, |r| {
        r.probs.iter().zip(r.log_probs).filter(|(p, _)| **p > 0.0).map(|(p, l)| -p * l).sum()
    }),
    Metric::descriptive("support", "number of actions with probability at least 1e-6", "actions", |r| {
        r.probs.iter().filter(|p| **p >= SUPPORT_THRESHOLD).count() as f64
    }),
    Metric::descriptive("win_rate_vs_reference", "Pr(pi beats mu), in [0, 1]", WIN_RATE, |r| {
        0.5 - r.mu.iter().zip(r.margins).map(|(m, k)| m * k).sum::<f64>()
    })
    .higher_is_better(1.0),
    Metric::descriptive(
        "worst_case_win_rate",
        "Pr(pi beats its best response) = 1/2 - exploitability, in [0, 1/2]",
        WIN_RATE,
        |r| 0.5 - vector::max(r.margins),
    )
    .higher_is_better(0.5),
    Metric::vanishing(
        "duality_gap_tree",
        "regularised game when deviations leave nature's moves of the policy class as they are (multi-turn); without such moves \
         duality_gap_tau",
        WIN_RATE,
        gap_tau,
    )
    .within_nature(),
    Metric::vanishing(
        TEST_GAP,
        "regularised game on the contexts that no method sees (test_contexts): duality_gap_tau there, of the policy that the last \
         iterate's parameters are on them; NaN without such contexts or parameters",
        WIN_RATE,
        gap_tau,
    )
    .of_test(),
    Metric::of_a_fit(
        LEARNED_GAP,
        "game of the fitted model of a learned oracle: its duality gap, beside that of the true game; NaN without such an oracle",
        WIN_RATE,
        |fitted, policy| {
            let mut margins = Array1::zeros(fitted.game.shape().len());
            fitted.game.margins(policy, &mut margins);
            let margins = margins.flat();
            fitted.game.weighted_mean(|x| 2.0 * vector::max(&margins[fitted.game.shape().range(x)]))
        },
    ),
    Metric::of_a_fit(
        MODEL_QUERIES,
        "questions that the fitted model of a learned oracle answered so far; no comparison is made for them; NaN without such an \
         oracle",
        "questions",
        |fitted, _| fitted.model_queries as f64,
    ),
    Metric::descriptive(
        REGRET,
        "regularised game: sum over the steps so far of half the duality_gap_tau of the policy that was deployed in each, the last \
         iterate before it; never of realised actions; of the last iterate alone",
        WIN_RATE,
        |_| f64::NAN,
    )
    .summed(),
    Metric::descriptive(
        WELFARE,
        "mean utility of the policy to the population that prefers, in the units of its scores: of the judges that a generator made the game \
         from (mixture, ideal-points, attribute-voters, aggregated-rewards, bradley-terry, ..), or the `utilities` of a matrix; NaN in games without utilities, \
         for which an experiment refuses it",
        "utility",
        welfare,
    )
    .of_utilities(),
    Metric::descriptive(
        TEST_WELFARE,
        "welfare on the contexts that no method sees (test_contexts), of the policy that the last iterate's parameters are on them: a \
         validation reward; NaN without such contexts, parameters or utilities",
        "utility",
        welfare,
    )
    .higher_is_better(f64::INFINITY)
    .of_utilities()
    .of_test(),
    Metric::descriptive(
        PURE_FLOOR,
        "original game, whatever the policy: the duality gap of the best single action, 2 min_i max_j (P_ji - 1/2), in [0, 1]; NaN above 2000 \
         actions",
        WIN_RATE,
        |r| pure_floor(r.game, r.context),
    ),
    Metric::descriptive(
        PLUG_IN_RATIO,
        "regularised game: duality_gap_tau over its bound osc(E pi)^2 / (4 tau), E the error of the win rates whose regularised equilibrium pi \
         is (E pi = tau log(pi / mu) - K pi up to a constant), in [0, 1]; 0 at the equilibrium; NaN for tau = 0",
        "ratio",
        plug_in_ratio,
    )
    .of_tau(),
    Metric::of_labelled_pairs(
        "chosen_log_ratio",
        "mean of log pi - log mu over the chosen responses of the labelled pairs that a method learns from, in nats; below 0 they have \
         lost probability; NaN without such pairs",
        Side::Chosen,
    ),
    Metric::of_labelled_pairs(
        "rejected_log_ratio",
        "mean of log pi - log mu over the rejected responses of the same pairs, in nats; NaN without such pairs",
        Side::Rejected,
    ),
    Metric::counting_tokens(
        "length",
        "expected number of tokens of a response, its end token counted; NaN where the policy class has no tokens",
    ),
    Metric::counting("draws", "responses that the method drew from a policy so far; 0 without a policy class", |e| e.draws),
    Metric::counting(
        "evaluations",
        "log-probabilities of responses that the method evaluated so far, frozen and live; 0 without a policy class",
        |e| e.evaluations,
    ),
    Metric::counting(
        "pulls",
        "log-probabilities of responses through which the method took a gradient back so far; 0 without a policy class",
        |e| e.pulls,
    ),
];

impl Metric {
    /// A metric whose optimum is 0, to which it falls over orders of magnitude: shown on a logarithmic scale.
    #[must_use]
    pub const fn vanishing(
        name: &'static str,
        definition: &'static str,
        unit: &'static str,
        row: fn(&Row<'_>) -> f64,
    ) -> Self {
        Self {
            name,
            definition,
            unit,
            scale: Scale::Log,
            direction: Direction::Lower,
            largest: None,
            vanishes: true,
            needs_equilibrium: false,
            gap: None,
            effort: None,
            of_fit: None,
            within_nature: false,
            of_test: false,
            of_utilities: false,
            of_tau: false,
            is_sum: false,
            of_pairs: None,
            of_tokens: false,
            row,
        }
    }

    /// A metric that says what a policy is like, without an optimum: shown on a linear scale.
    #[must_use]
    pub const fn descriptive(
        name: &'static str,
        definition: &'static str,
        unit: &'static str,
        row: fn(&Row<'_>) -> f64,
    ) -> Self {
        let scale = Scale::Linear;
        let metric = Self::vanishing(name, definition, unit, row);
        Self { scale, direction: Direction::Neither, vanishes: false, ..metric }
    }

    /// A count of what learning cost a method with parameters.
    const fn counting(name: &'static str, definition: &'static str, of: fn(&Effort) -> u64) -> Self {
        let metric = Self::descriptive(name, definition, "responses", |_| 0.0);
        Self { effort: Some(of), ..metric }
    }

    /// A mean over a side of the labelled pairs of a method.
    const fn of_labelled_pairs(name: &'static str, definition: &'static str, side: Side) -> Self {
        let metric = Self::descriptive(name, definition, NATS, |_| f64::NAN);
        Self { of_pairs: Some(side), ..metric }
    }

    /// The mean number of tokens of a response.
    const fn counting_tokens(name: &'static str, definition: &'static str) -> Self {
        let metric = Self::descriptive(name, definition, "tokens", |_| f64::NAN);
        Self { of_tokens: true, ..metric }
    }

    /// What is measured of the fitted model of a learned oracle, or on its game.
    const fn of_a_fit(
        name: &'static str,
        definition: &'static str,
        unit: &'static str,
        of: fn(&FittedView<'_>, &Policy) -> f64,
    ) -> Self {
        let metric = Self::descriptive(name, definition, unit, |_| f64::NAN);
        Self { of_fit: Some(of), ..metric }
    }

    /// Whether it measures a fitted model, so that only a run with a learned oracle has values of it.
    #[must_use]
    pub fn needs_fit(&self) -> bool {
        self.of_fit.is_some()
    }

    /// Whether it is of the labelled pairs of a method, so that only a run of one that has some has values of it.
    #[must_use]
    pub fn needs_pairs(&self) -> bool {
        self.of_pairs.is_some()
    }

    /// Whether it counts tokens, so that only a run in a class of strings of tokens has values of it.
    #[must_use]
    pub fn needs_tokens(&self) -> bool {
        self.of_tokens
    }

    const fn of_test(self) -> Self {
        Self { of_test: true, ..self }
    }

    const fn of_utilities(self) -> Self {
        Self { of_utilities: true, ..self }
    }

    /// Whether it is of the utilities of a population, so that only games made from one have values of it.
    #[must_use]
    pub fn needs_utilities(&self) -> bool {
        self.of_utilities
    }

    const fn of_tau(self) -> Self {
        Self { of_tau: true, ..self }
    }

    /// Whether it is of a temperature above 0, so that a game without regularisation has no value of it.
    #[must_use]
    pub fn needs_tau(&self) -> bool {
        self.of_tau
    }

    const fn summed(self) -> Self {
        Self { is_sum: true, ..self }
    }

    /// Whether it is a sum over the steps of a run, so that a policy alone has no value of it.
    #[must_use]
    pub fn is_sum(&self) -> bool {
        self.is_sum
    }

    /// Whether it is of contexts that are kept for testing, so that only a run with some has values of it.
    #[must_use]
    pub fn needs_test(&self) -> bool {
        self.of_test
    }

    const fn within_nature(self) -> Self {
        Self { within_nature: true, ..self }
    }

    /// Says that it needs the equilibrium: its row function must answer NaN where [`Row::equilibrium`] is `None`.
    #[must_use]
    pub const fn of_the_equilibrium(self) -> Self {
        Self { needs_equilibrium: true, ..self }
    }

    /// Says that larger values are better, up to `largest`.
    #[must_use]
    pub const fn higher_is_better(self, largest: f64) -> Self {
        Self { direction: Direction::Higher, largest: Some(largest), ..self }
    }

    /// Whether `value` is better than `other`: larger where larger values are better, else smaller; nothing is better than a number by
    /// being none.
    #[must_use]
    pub fn betters(&self, value: f64, other: f64) -> bool {
        match self.direction {
            _ if other.is_nan() => !value.is_nan(),
            Direction::Higher => value > other,
            Direction::Lower | Direction::Neither => value < other,
        }
    }

    /// Whether `value` meets `target`: at or above it where larger values are better, else at or below it.
    #[must_use]
    pub fn meets(&self, value: f64, target: f64) -> bool {
        match self.direction {
            Direction::Higher => value >= target,
            Direction::Lower | Direction::Neither => value <= target,
        }
    }

    const fn which_is(self, gap: Gap) -> Self {
        Self { gap: Some(gap), ..self }
    }

    /// The metric of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        METRICS.iter().find(|m| m.name == name)
    }

    /// What a page needs to know to show its values.
    #[must_use]
    pub fn info(&self) -> MetricInfo {
        MetricInfo {
            name: self.name.to_owned(),
            definition: self.definition.to_owned(),
            unit: self.unit.to_owned(),
            scale: self.scale,
            direction: self.direction,
            vanishes: self.vanishes,
        }
    }

    /// The context-weighted mean at `policy`, whose true margins `K pi` (flat over the shape) are given.
    #[must_use]
    pub fn mean(&self, truth: &Truth<'_>, policy: &Policy, margins: &Array1<f64>) -> f64 {
        if truth.game.contexts() == 1 {
            return self.at(truth, policy, margins, 0);
        }
        truth.game.weighted_mean(|x| self.at(truth, policy, margins, x))
    }

    /// As [`Metric::mean`], of an iterate of a method that made this effort in this class.
    #[must_use]
    pub fn of_iterate(
        &self,
        truth: &Truth<'_>,
        policy: &Policy,
        margins: &Array1<f64>,
        effort: &Effort,
        class: Option<&dyn PolicyClass>,
    ) -> f64 {
        if let Some(count) = self.effort {
            return count(effort) as f64;
        }
        let best = match class.filter(|_| self.within_nature) {
            Some(class) => class.best_value(margins.flat(), truth.tau),
            None => None,
        };
        let Some(best) = best else { return self.mean(truth, policy, margins) };
        let (p, l) = (policy.probs_slice(), policy.log_probs_slice());
        let (r, m) = (truth.reference.probs_slice(), truth.reference.log_probs_slice());
        truth.game.weighted_mean(|x| {
            let at = truth.game.shape().range(x);
            let kl = || simplex::kl(&p[at.clone()], &l[at.clone()], &r[at.clone()], &m[at.clone()]);
            2.0 * (best[x] + if truth.tau > 0.0 { truth.tau * kl() } else { 0.0 })
        })
    }

    /// Whether its value is the mean of what its contexts have each, of a policy alone.
    pub(crate) fn is_mean_of_contexts(&self) -> bool {
        self.effort.is_none()
            && self.of_fit.is_none()
            && self.of_pairs.is_none()
            && !(self.of_test || self.is_sum || self.of_tokens)
    }

    /// The values of all contexts, in order: for quantiles and the worst context.
    #[must_use]
    pub fn per_context(&self, truth: &Truth<'_>, policy: &Policy, margins: &Array1<f64>) -> Vec<f64> {
        (0..truth.game.contexts()).map(|x| self.at(truth, policy, margins, x)).collect()
    }

    pub(crate) fn at(&self, truth: &Truth<'_>, policy: &Policy, margins: &Array1<f64>, x: usize) -> f64 {
        let range = truth.game.shape().range(x);
        let margins = margins.flat();
        (self.row)(&Row {
            game: truth.game,
            context: x,
            probs: &policy.probs_slice()[range.clone()],
            log_probs: &policy.log_probs_slice()[range.clone()],
            margins: &margins[range.clone()],
            mu: &truth.reference.probs_slice()[range.clone()],
            log_mu: &truth.reference.log_probs_slice()[range.clone()],
            equilibrium: truth
                .equilibrium
                .map(|e| (&e.probs_slice()[range.clone()], &e.log_probs_slice()[range.clone()])),
            tau: truth.tau,
        })
    }
}

/// The mean of `log pi - log mu` over a side of labelled pairs; NaN without pairs.
pub(crate) fn log_ratio_of(pairs: &[LabelledPair], side: Side, policy: &Policy, reference: &Policy) -> f64 {
    let (l, m) = (policy.log_probs_slice(), reference.log_probs_slice());
    let shape = policy.shape();
    let (sum, weight) = pairs.iter().fold((0.0, 0.0), |(sum, weight), pair| {
        let action = match side {
            Side::Chosen => pair.chosen,
            Side::Rejected => pair.rejected,
        };
        let at = shape.range(pair.context).start + action;
        (sum + pair.weight * (l[at] - m[at]), weight + pair.weight)
    });
    if weight > 0.0 { sum / weight } else { f64::NAN }
}

/// The mean over contexts of the expected number of tokens; NaN where responses are no strings of tokens.
pub(crate) fn expected_tokens(game: &Game, policy: &Policy, class: &dyn PolicyClass) -> f64 {
    let probs = policy.probs_slice();
    game.weighted_mean(|x| {
        let row = &probs[game.shape().range(x)];
        class.tokens(x).map_or(f64::NAN, |tokens| {
            tokens.responses.iter().zip(row).map(|(path, p)| p * path.len() as f64).sum()
        })
    })
}

/// `duality_gap` and `duality_gap_tau` at once, with the bits of the metrics of those names: what the loop asks for after
/// every step. Without regularisation both are the duality gap.
#[must_use]
pub fn gaps(truth: &Truth<'_>, policy: &Policy, margins: &Array1<f64>) -> [f64; 2] {
    let (probs, log_probs, log_mu) =
        (policy.probs_slice(), policy.log_probs_slice(), truth.reference.log_probs_slice());
    let margins = margins.flat();
    if truth.game.contexts() == 1 {
        let (gap, tau) = (2.0 * vector::max(margins), truth.tau);
        if tau == 0.0 {
            return [gap; 2];
        }
        let kl = simplex::kl_to_best_response(probs, log_probs, margins, log_mu, tau);
        return [gap, 2.0 * tau * kl];
    }
    let [gap, gap_tau] = blocks::par_blocks(
        truth.game.shape().offsets(),
        (),
        |block, ()| {
            let (at, tau) = (block.entries(), truth.tau);
            let weights = &truth.game.weights()[block.first..block.first + block.contexts()];
            let margins = &margins[at.clone()];
            let gap = vector::dispatch(
                #[inline(always)]
                || {
                    weights
                        .iter()
                        .zip(block.rows())
                        .map(|(w, row)| w * (2.0 * vector::max(&margins[row])))
                        .sum()
                },
            );
            let mut gap_tau = 0.0;
            if tau > 0.0 {
                let mut weights = weights.iter();
                let policy = (&probs[at.clone()], &log_probs[at.clone()]);
                simplex::kl_to_best_response_rows(block.offsets, policy, margins, &log_mu[at], tau, |kl| {
                    gap_tau += weights.next().expect("a weight a row") * (2.0 * tau * kl);
                });
            }
            [gap, gap_tau]
        },
        |a, b| [a[0] + b[0], a[1] + b[1]],
    );
    [gap, if truth.tau > 0.0 { gap_tau } else { gap }]
}

/// `metric` at `policy` in `truth`, with its own product: for single questions outside the loop.
///
/// # Panics
/// If no metric has that name.
#[must_use]
pub fn measure(metric: &str, truth: &Truth<'_>, policy: &Policy) -> f64 {
    let mut margins = Array1::zeros(truth.game.shape().len());
    truth.game.margins(policy, &mut margins);
    Metric::named(metric).expect("a metric of the registry").mean(truth, policy, &margins)
}

#[cfg(test)]
mod tests {
    use super::*;
    use equipoise_core::Shape;
    use equipoise_env::PreferenceMatrix;
    use ndarray::arr1;

    fn perturbed_rps() -> Game {
        // nash-algorithms G4: 6 K = [[0, -1, 3], [1, 0, -3], [-3, 3, 0]]
        let k = [[0.0, -1.0, 3.0], [1.0, 0.0, -3.0], [-3.0, 3.0, 0.0]];
        Game::single(PreferenceMatrix::from_margins(3, |i, j| k[i][j] / 6.0).unwrap())
    }

    fn at(p: [f64; 3]) -> Policy {
        Policy::from_probs(&Shape::single(3).unwrap(), arr1(&p)).unwrap()
    }

    /// Of the equilibrium of another game the ratio is at most 1; of two actions with an error small against tau it is 4 pi_1 pi_2.
    #[test]
    fn the_plug_in_law_bounds_the_gap() {
        let game = perturbed_rps();
        let mu = at([0.2, 0.5, 0.3]);
        let mut rng = equipoise_core::seed::stream(3, "plug-in ratio", &[]);
        let mut most: f64 = 0.0;
        for tau in [0.03, 0.3, 3.0] {
            let truth = Truth { game: &game, reference: &mu, tau, equilibrium: None };
            for _ in 0..300 {
                let mut logit = || 4.0 * equipoise_core::sample::normal(&mut rng);
                let logits = arr1(&[logit(), logit(), logit()]);
                let pi = Policy::from_logits(&Shape::single(3).unwrap(), logits).unwrap();
                let (ratio, gap) =
                    (measure(PLUG_IN_RATIO, &truth, &pi), measure(DUALITY_GAP_TAU, &truth, &pi));
                assert!((0.0..=1.0).contains(&ratio), "{ratio}");
                // the same from the gap and the span
                let mut margins = Array1::zeros(3);
                game.margins(&pi, &mut margins);
                let h: Vec<f64> =
                    (0..3).map(|i| tau * (pi.log_probs()[i] - mu.log_probs()[i]) - margins[i]).collect();
                let span = h.iter().copied().fold(f64::NEG_INFINITY, f64::max)
                    - h.iter().copied().fold(f64::INFINITY, f64::min);
                assert!((ratio - gap * 4.0 * tau / (span * span)).abs() < 1e-9, "{ratio}");
                most = most.max(ratio);
            }
        }
        assert!(most > 0.5, "{most}");
        let two = Game::single(PreferenceMatrix::from_margins(2, |_, _| 0.2).unwrap());
        let shape = Shape::single(2).unwrap();
        let mu = Policy::uniform(&shape);
        let truth = Truth { game: &two, reference: &mu, tau: 0.5, equilibrium: None };
        // the equilibrium has log-odds .2 / .5, and so has that of an error of 1e-7 nearly
        let pi = Policy::from_logits(&shape, arr1(&[0.4 + 2e-7, 0.0])).unwrap();
        let p = equipoise_core::logistic::logistic(0.4);
        assert!((measure(PLUG_IN_RATIO, &truth, &pi) - 4.0 * p * (1.0 - p)).abs() < 1e-6);
        let exact = Policy::from_logits(&shape, arr1(&[0.4, 0.0])).unwrap();
        assert_eq!(measure(PLUG_IN_RATIO, &truth, &exact), 0.0);
        let original = Truth { tau: 0.0, ..truth };
        assert!(measure(PLUG_IN_RATIO, &original, &pi).is_nan());
    }

    #[test]
    fn floors_and_worth() {
        use equipoise_env::generators::{Generator as _, Mixture};
        // 6 K = [[0, -1, 3], [1, 0, -3], [-3, 3, 0]]: worst defeats 1/6, 1/2, 1/2
        let (game, pi) = (perturbed_rps(), at([0.5, 0.3, 0.2]));
        let truth = Truth { game: &game, reference: &pi, tau: 0.0, equilibrium: None };
        assert!((measure(PURE_FLOOR, &truth, &pi) - 1.0 / 3.0).abs() < 1e-15);
        assert!(measure(WELFARE, &truth, &pi).is_nan() && measure(REGRET, &truth, &pi).is_nan());
        let mut rng = equipoise_core::seed::stream(1, "game", &[]);
        let game = Mixture::default().generate(&mut rng).unwrap();
        let truth = Truth { game: &game, reference: &pi, tau: 0.0, equilibrium: None };
        // .5 x .2 + .3 x 0 - .2 x .2
        assert!((measure(WELFARE, &truth, &pi) - 0.06).abs() < 1e-15);
        // no single action goes below the floor, and one reaches it
        let gaps = [0, 1, 2].map(|i| {
            let mut p = [1e-300; 3];
            p[i] = 1.0;
            measure(DUALITY_GAP, &truth, &at(p))
        });
        let floor = measure(PURE_FLOOR, &truth, &pi);
        assert!(
            (gaps.iter().copied().fold(f64::INFINITY, f64::min) - floor).abs() < 1e-12,
            "{gaps:?} {floor}"
        );
    }

    #[test]
    fn golden_values_of_the_perturbed_game() {
        let (game, pi, mu) = (perturbed_rps(), at([0.5, 0.3, 0.2]), at([0.2, 0.3, 0.5]));
        let qre = at([0.492000563581, 0.282978935824, 0.225020500594]);
        let truth = Truth { game: &game, reference: &mu, tau: 0.1, equilibrium: Some(&qre) };
        approx::assert_relative_eq!(measure("duality_gap", &truth, &pi), 0.1, max_relative = 1e-14);
        approx::assert_relative_eq!(measure("exploitability", &truth, &pi), 0.05, max_relative = 1e-14);
        approx::assert_abs_diff_eq!(measure("duality_gap_tau", &truth, &pi), 0.002087564513, epsilon = 5e-13);
        approx::assert_abs_diff_eq!(
            measure("kl_from_equilibrium", &truth, &pi),
            0.002060194860,
            epsilon = 5e-12
        );
        approx::assert_abs_diff_eq!(measure("duality_gap", &truth, &qre), 0.1306941887, epsilon = 5e-11);
        assert_eq!(measure("worst_case_win_rate", &truth, &pi), 0.5 - measure("exploitability", &truth, &pi));
    }

    #[test]
    fn the_regularised_gap_is_the_gain_of_a_best_response_found_by_search() {
        // brute force: max over a grid of the simplex of V(p, pi) - V(pi, p), with V as in 1.3 of the notes
        let (game, pi, mu) = (perturbed_rps(), at([0.5, 0.3, 0.2]), at([0.2, 0.3, 0.5]));
        let tau = 0.1;
        let truth = Truth { game: &game, reference: &mu, tau, equilibrium: None };
        let kl = |p: &Policy| {
            simplex::kl(p.probs_slice(), p.log_probs_slice(), mu.probs_slice(), mu.log_probs_slice())
        };
        let mut best = f64::NEG_INFINITY;
        let steps = 400;
        for i in 0..=steps {
            for j in 0..=steps - i {
                let p = at([i, j, steps - i - j].map(|k| f64::from(k) / f64::from(steps)));
                let margin: f64 = (0..3)
                    .map(|a| {
                        p.probs()[a] * (0..3).map(|b| (game.prob(0, a, b) - 0.5) * pi.probs()[b]).sum::<f64>()
                    })
                    .sum();
                best = best.max(2.0 * (margin - tau * kl(&p) + tau * kl(&pi)));
            }
        }
        let gap = measure("duality_gap_tau", &truth, &pi);
        assert!(best <= gap + 1e-15 && gap - best < 1e-5, "{best} {gap}");
    }

    #[test]
    fn both_gaps_at_once_have_the_bits_of_the_metrics() {
        for contexts in [1, 40, 9000] {
            let margin = |x: usize| move |i: usize, j: usize| ((5 * x + 3 * i + j) as f64).sin() / 2.0;
            let sizes = (0..contexts).map(|x| if x % 50 == 0 { 70 } else { 1 + x % 7 });
            let matrices =
                sizes.enumerate().map(|(x, n)| PreferenceMatrix::from_margins(n, margin(x)).unwrap());
            let weights = (0..contexts).map(|x| 1.0 + (x % 3) as f64).collect();
            let game = Game::new(matrices).unwrap().with_weights(weights).unwrap();
            let logits = |f: f64| (0..game.shape().len()).map(|i| (i as f64 * f).sin()).collect();
            let (pi, mu) = (
                Policy::from_logits(game.shape(), logits(0.9)).unwrap(),
                Policy::from_logits(game.shape(), logits(0.4)).unwrap(),
            );
            for tau in [0.0, 0.3] {
                let truth = Truth { game: &game, reference: &mu, tau, equilibrium: None };
                let mut margins = Array1::zeros(game.shape().len());
                game.margins(&pi, &mut margins);
                let single = ["duality_gap", "duality_gap_tau"].map(|m| measure(m, &truth, &pi));
                assert_eq!(gaps(&truth, &pi, &margins).map(f64::to_bits), single.map(f64::to_bits));
                assert!(single[1] > 0.0);
            }
        }
    }

    #[test]
    fn contexts_are_averaged_by_weight() {
        let two_actions = |m: f64| PreferenceMatrix::from_margins(2, move |_, _| m).unwrap();
        let game =
            Game::new([two_actions(0.1), two_actions(0.3)]).unwrap().with_weights(vec![3.0, 1.0]).unwrap();
        let pi = Policy::uniform(game.shape());
        let truth = Truth { game: &game, reference: &pi, tau: 0.0, equilibrium: None };
        approx::assert_relative_eq!(
            measure("duality_gap", &truth, &pi),
            0.75 * 0.1 + 0.25 * 0.3,
            max_relative = 1e-14
        );
        assert!(measure("kl_to_equilibrium", &truth, &pi).is_nan());
    }
}
