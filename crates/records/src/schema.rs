//! What is written under `results/`: the versioned schema, shared by the writer, the reader and every renderer.
//!
//! Numbers that are not finite become `null` in JSON and `inf` or `NaN` in CSV.

use std::collections::BTreeMap;

use compact_str::CompactString;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::metric::MetricInfo;
use crate::vocabulary::{Aim, Behaviour, Guarantee, Iterate, StopKind};

/// Version of these records. Results are comparable only within one version.
pub const FORMAT: u32 = 1;

/// Metric values by metric name.
pub type Metrics = BTreeMap<String, Option<f64>>;

/// `runs/<id>/run.json`: one finished run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunRecord {
    /// [`FORMAT`].
    pub format: u32,
    /// Version of the program that wrote it.
    pub version: String,
    /// Hash of the resolved specification: equal ids mean equal runs.
    pub id: String,
    /// Name of the experiment.
    pub experiment: String,
    /// Name of the game, a key of [`GamesFile::games`].
    pub game: String,
    /// Registry name of the solver.
    pub solver: String,
    /// Legend: the solver name, with the parameters that tell it from its neighbours in this experiment.
    pub label: String,
    /// The solver's resolved parameters: rules replaced by numbers.
    pub parameters: Value,
    /// Which equilibrium the method aims at.
    pub aim: Aim,
    /// The iterate for which the method has a guarantee, under conditions.
    pub guarantee: Guarantee,
    /// The iterate for which a theorem holds of this run: of its game, its temperature, its step and its feedback. Absent in records
    /// of 0.1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proved: Option<Guarantee>,
    /// Regularisation of the game this run was measured on.
    pub tau: f64,
    /// Repetition, from 0.
    pub repetition: u32,
    /// The whole resolved specification of this run: itself a valid experiment with one run.
    pub spec: Value,
    /// Why it ended.
    pub stop_reason: StopKind,
    /// The stop reason in words, with step and cause where it diverged.
    pub stop_detail: String,
    /// What the last iterate did.
    pub behaviour: Behaviour,
    /// On what the behaviour was told; absent in records of 0.1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub judgement: Option<Judgement>,
    /// Steps done.
    pub steps: u64,
    /// Win-rate queries charged.
    pub queries: u64,
    /// Duels charged.
    pub duels: u64,
    /// Seconds spent in the solver's steps, measuring excluded.
    pub seconds: f64,
    /// Final metrics by iterate, then by metric.
    pub final_metrics: BTreeMap<Iterate, Metrics>,
    /// First time that the last (or average) iterate was at or below each target.
    pub reached: Vec<Reached>,
    /// Fitted and predicted contraction, where there is one.
    pub rate: Option<Rate>,
    /// Facts that the solver wants told.
    pub notes: Vec<String>,
    /// The last iterate: one list of probabilities for one context, else a list of lists; `null` if larger than a
    /// million entries.
    pub final_policy: Value,
}

/// On what a behaviour was told.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Judgement {
    /// The evidence, in words; over several contexts, that of the context which fares worst.
    pub reason: String,
    /// Steps that would decide an undecided run, where local theory gives them.
    pub decided_after: Option<u64>,
    /// The level at which a noisy run stays.
    pub floor: Option<NoiseFloor>,
    /// Over several contexts: how many of them behave in which way, each judged by itself. Empty for one context.
    pub contexts: BTreeMap<Behaviour, u64>,
}

/// The level at which a noisy run stays: the mean of the gap over the last half of its steps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NoiseFloor {
    /// The gap that is meant.
    pub metric: String,
    /// Its mean over the steps, and over the contexts by weight.
    pub mean: f64,
    /// Lower end of the 95% interval of the mean (batch means).
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// First and last step of the stretch.
    pub steps: (u64, u64),
}

/// First crossing of a target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reached {
    /// `duality_gap` or `duality_gap_tau`.
    pub metric: String,
    /// The last iterate (watched at every step) or the average (watched at recorded steps).
    pub iterate: Iterate,
    /// The target.
    pub target: f64,
    /// First step at or below it, whatever came after ("first touched"); `None` if never.
    pub step: Option<u64>,
    /// Queries charged by then.
    pub queries: Option<u64>,
    /// Duels charged by then.
    pub duels: Option<u64>,
    /// From when on it stayed at or below the target to the end of the run; absent in records of 0.1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept: Option<KeptFrom>,
}

/// From when on a target was met at every step (of the average: at every recorded step) to the end of the run.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct KeptFrom {
    /// The step; `None` if the run ended above the target.
    pub step: Option<u64>,
    /// Queries charged by then.
    pub queries: Option<u64>,
    /// Duels charged by then.
    pub duels: Option<u64>,
}

/// Linear rate of the last iterate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rate {
    /// The metric fitted.
    pub metric: String,
    /// Fitted factor per step; below 1 contracts. `None` where no window of the trace is straight enough.
    pub fitted: Option<f64>,
    /// Steps between which it was fitted.
    pub window: Option<(u64, u64)>,
    /// Factor per step that local theory predicts for the same metric in the same window (without one: after the run), where known.
    pub predicted: Option<f64>,
    /// Factor by which a step shrinks a small distance to the method's fixed point, where known; at least 1: it is left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub modulus: Option<f64>,
}

/// `summary.json`: one row a run, the keys of [`RunRecord`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// [`FORMAT`].
    pub format: u32,
    /// Name of the experiment.
    pub name: String,
    /// All runs, ordered as in the plan.
    pub runs: Vec<RunRecord>,
}

/// One line of `trace.csv`: `step,queries,duels,seconds,iterate,metric,value`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TracePoint {
    /// Steps done, 0 for the start.
    pub step: u64,
    /// Queries charged.
    pub queries: u64,
    /// Duels charged.
    pub duels: u64,
    /// Seconds in the solver.
    pub seconds: f64,
    /// The policy measured.
    pub iterate: Iterate,
    /// Metric name; short ones need no memory of their own.
    pub metric: CompactString,
    /// Its value, as measured.
    pub value: f64,
}

/// One line of `policies.csv`: `step,iterate,context,action,prob,log_prob`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PolicyPoint {
    /// Steps done.
    pub step: u64,
    /// The last iterate or the average.
    pub iterate: Iterate,
    /// Context, from 0.
    pub context: usize,
    /// Action, from 0.
    pub action: usize,
    /// Probability.
    pub prob: f64,
    /// Its logarithm, exact where the probability underflows.
    pub log_prob: f64,
}

/// One line of `path.csv` (`step,p0,p1,p2`): the last iterate's way over the simplex, for games of three actions,
/// thinned by distance, not by time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PathPoint {
    /// Steps done.
    pub step: u64,
    /// Probability of action 0.
    pub p0: f64,
    /// Probability of action 1.
    pub p1: f64,
    /// Probability of action 2.
    pub p2: f64,
}

/// `metrics.json`: how the metrics of the experiment are shown.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MetricsFile {
    /// [`FORMAT`].
    pub format: u32,
    /// The metrics, in the order of the configuration.
    pub metrics: Vec<MetricInfo>,
}

/// `games.json`: what is known about each game before any method runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GamesFile {
    /// [`FORMAT`].
    pub format: u32,
    /// Name of the experiment.
    pub experiment: String,
    /// One line on the experiment, from its configuration.
    pub description: Option<String>,
    /// All games, ordered as in the plan.
    pub games: Vec<GameRecord>,
}

/// Facts about one game. Details that need one matrix are given for games of one context; others carry counts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GameRecord {
    /// Name, as runs refer to it.
    pub name: String,
    /// Where it comes from, in words ("450 comparisons from data/p09.csv").
    pub source: String,
    /// Number of contexts.
    pub contexts: usize,
    /// Actions of the first context.
    pub n: usize,
    /// Labels of the first context.
    pub labels: Vec<String>,
    /// `P` of the only context, row beats column, where `n <= 60`.
    pub matrix: Option<Vec<Vec<f64>>>,
    /// Pairs that never met and count as one half, by label.
    pub unmet_pairs: Vec<(String, String)>,
    /// The reference policy of the first context.
    pub reference: Vec<f64>,
    /// Facts about the only context.
    pub facts: Option<GameFacts>,
    /// Shares of contexts, for games of several.
    pub context_facts: Option<ContextFacts>,
    /// Equilibria of the first context, one for each tau of the plan.
    pub equilibria: Vec<EquilibriumRecord>,
    /// What the comparisons behind it leave open, for a game that was estimated from some.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub estimate: Option<Estimate>,
}

/// What comparisons leave open about the game that was estimated from them. Intervals are of 95 percent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// Weight of all comparisons counted.
    pub comparisons: f64,
    /// Weight of all ties.
    pub ties: f64,
    /// Pairs that met.
    pub pairs_met: usize,
    /// All pairs.
    pub pairs: usize,
    /// Fewest and most comparisons of a pair that met.
    pub votes: (f64, f64),
    /// The verdict of `equipoise inspect`; `None` if there is none.
    pub verdict: Option<String>,
    /// Its explanation, or why there is no verdict.
    pub explanation: String,
    /// Whether a cycle is beyond noise; `None` where it cannot be told.
    pub cyclic_beyond_noise: Option<bool>,
    /// Data sets drawn for the verdict.
    pub replicates: usize,
    /// Draws of the win rates from their posterior, for the intervals; 0 if there are none.
    pub draws: usize,
    /// Duality gap of always playing Bradley-Terry's pick.
    pub bt_gap: Option<(f64, f64)>,
    /// Share of draws in which somebody beats that pick.
    pub bt_loses: Option<f64>,
    /// Probability of each action in the maximal lottery.
    pub nash: Option<Vec<(f64, f64)>>,
    /// Share of draws whose lottery plays each action.
    pub nash_played: Option<Vec<f64>>,
}

/// Cyclicity, Nash and Bradley-Terry answers of one matrix.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GameFacts {
    /// The action that beats every other, if there is one.
    pub condorcet_winner: Option<String>,
    /// Smallest set whose members all beat everybody outside.
    pub smith_set: Vec<String>,
    /// Cyclic triads among all triads of decided pairs.
    pub cyclic_triads: u64,
    /// All triads of decided pairs.
    pub total_triads: u64,
    /// Share of the squared margins that no rating explains (unweighted Hodge decomposition), in [0, 1].
    pub cyclic_energy: f64,
    /// Maximal lottery of the original game.
    pub nash: Vec<f64>,
    /// Its duality gap.
    pub nash_gap: f64,
    /// Labels with positive probability.
    pub nash_support: Vec<String>,
    /// Whether it was proved to be the only one; `None` if not decided.
    pub nash_unique: Option<bool>,
    /// What decided that; `None` if nothing did, and in older records.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nash_unique_by: Option<Arithmetic>,
    /// Bradley-Terry log strengths (uniform pair design), mean 0; `None` if the fit does not exist.
    pub bt_scores: Option<Vec<f64>>,
    /// The action that Bradley-Terry puts first.
    pub bt_favourite: String,
    /// The action that beats the favourite most often, and how often (above 1/2 only if somebody beats it).
    pub bt_worst_opponent: String,
    /// Its win rate against the favourite.
    pub bt_worst_win_rate: f64,
    /// Duality gap of always playing the favourite.
    pub bt_gap: f64,
}

/// In which numbers something was decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Arithmetic {
    /// Fractions: a proof.
    Rational,
    /// Doubles: equal is what differs by rounding.
    FloatingPoint,
}

/// Counts over contexts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ContextFacts {
    /// Contexts with a Condorcet winner.
    pub with_condorcet_winner: usize,
    /// Contexts with at least one cyclic triad.
    pub with_cyclic_triad: usize,
    /// Smallest and largest number of actions.
    pub actions: (usize, usize),
}

/// Equilibrium of the game regularised with `tau` (the maximal lottery for 0).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EquilibriumRecord {
    /// Regularisation.
    pub tau: f64,
    /// Probabilities of the first context.
    pub policy: Vec<f64>,
    /// Its duality gap in the original game.
    pub duality_gap: f64,
    /// Its regularised gap, for `tau > 0`.
    pub duality_gap_tau: Option<f64>,
    /// Rotation frequencies `w` of the local dynamics there, largest first; at most 16.
    pub frequencies: Vec<f64>,
}
