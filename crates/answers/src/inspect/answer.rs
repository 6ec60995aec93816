//! The answer for one game: facts of the pairs, measures of intransitivity with p-values, the finding.

use std::fmt;

use equipoise::data::{Comparisons, PairCount};
use equipoise::models::distributions::normal_cdf;
use equipoise::models::intransitivity::{Inspection, Measure};
use equipoise::models::{BRADLEY_TERRY, PairOptions, fit};
use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};

use super::verdict::InspectVerdict;
use crate::table::{table, width};

/// Pairs that met fewer times than this are called sparse.
const SPARSE: f64 = 10.0;
/// How many items are named one by one.
const NAMED: usize = 12;

/// What the comparisons of one game show.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct InspectAnswer {
    /// The context or annotator, where every one is inspected by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Number of items.
    pub n: usize,
    /// The items, `[n]`.
    pub labels: Vec<String>,
    /// Weight of all comparisons.
    pub comparisons: f64,
    /// Weight of all ties seen, counted or not.
    pub ties: f64,
    /// Pairs that met.
    #[serde(skip)]
    pub pairs: usize,
    /// Pairs that never met; their win rate is taken as 1/2.
    pub unmet_pairs: Vec<(String, String)>,
    /// Who wins more than half against everybody.
    pub condorcet_winner: Option<String>,
    /// Items that nobody they met beats: a winner, or several that tie.
    pub unbeaten: Vec<String>,
    /// The smallest set whose members beat everybody outside of it.
    pub smith_set: Vec<String>,
    /// Triads in which each beats the next.
    pub cyclic_triads: CyclicTriads,
    /// The part of the win rates that no rating explains.
    pub cyclic_energy: CyclicEnergy,
    /// The cycle whose weakest pair is strongest.
    pub strongest_cycle: StrongestCycle,
    /// The fit of one rating an item.
    pub bradley_terry: BradleyTerryFacts,
    /// The maximal lottery.
    pub nash: NashFacts,
    /// Rank of the margins above noise, even; Bradley-Terry has about 2.
    pub skew_rank: Option<usize>,
    /// Every measure, in the order of tables; serialises as an object by name.
    #[serde(serialize_with = "by_name")]
    pub statistics: Vec<StatisticFacts>,
    /// What more comparisons would show.
    pub power: PowerFacts,
    /// The model under which data sets are drawn.
    pub null: &'static str,
    /// Data sets drawn.
    pub replicates: usize,
    /// What was odd about the input, a sentence each.
    pub checks: Vec<String>,
    /// Pairs that met, but fewer than ten times.
    pub sparse_pairs: usize,
    /// The bonus of the item listed first, where some pair is listed in both orders.
    pub position_bias: Option<PositionBias>,
    /// The finding: keys `verdict` and `explanation`.
    #[serde(flatten)]
    pub verdict: InspectVerdict,
}

/// Triads in which each beats the next.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct CyclicTriads {
    /// How many.
    pub cyclic: u64,
    /// Of so many of which every pair met.
    pub total: u64,
    /// How many where all three pairs are significant at 0.05.
    pub significant: u64,
    /// Of so many with three such pairs.
    pub significant_total: u64,
    /// Share of cyclic triads, weighted by how decided they are, in `[0, 1]`.
    pub weighted: f64,
    /// Of that share.
    pub p_value: Option<f64>,
}

/// The part of the win rates that no rating explains.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct CyclicEnergy {
    /// Share of the variance, in `[0, 1]`.
    pub value: f64,
    /// The share of data sets under one rating an item that have as much.
    pub p_value: Option<f64>,
    /// The share less what noise gives.
    pub corrected: Option<f64>,
}

/// The cycle whose weakest pair is strongest.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct StrongestCycle {
    /// Each beats the next, the last the first.
    pub items: Vec<String>,
    /// By at least so many standard errors.
    pub standard_errors: f64,
    /// The share of data sets under one rating an item with as strong a cycle.
    pub p_value: Option<f64>,
}

/// The fit of one rating an item.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct BradleyTerryFacts {
    /// The item of the largest strength.
    pub favourite: String,
    /// Twice the log-likelihood that is missing to the saturated model, at least 0.
    pub deviance: f64,
    /// Pairs less parameters.
    pub degrees_of_freedom: f64,
    /// By the chi-squared law.
    pub deviance_p_value: Option<f64>,
    /// By data sets drawn from the fit.
    pub deviance_bootstrap_p_value: Option<f64>,
    /// Whether the likelihood has a finite maximum; else the logistic prior was added.
    pub exists: bool,
    /// Whether Newton's method converged.
    pub converged: bool,
    /// Log strengths in nats, `[n]`, of mean 0.
    pub log_strength: Vec<f64>,
    /// Who wins most against the favourite.
    pub worst_opponent: Option<String>,
    /// What that opponent wins beyond 1/2, at least 0.
    pub exploitability: f64,
    /// The share of data sets under one rating an item in which the favourite loses as much.
    pub exploitability_p_value: Option<f64>,
}

/// The maximal lottery.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct NashFacts {
    /// Probabilities, `[n]`.
    pub policy: Vec<f64>,
    /// Items that are played.
    pub support: Vec<String>,
    /// Whether it is the only one; `None`: rounding hides it.
    pub unique: Option<bool>,
    /// 0 but for rounding.
    pub duality_gap: f64,
    /// Its win rate against the favourite, beyond 1/2.
    pub edge_over_favourite: f64,
}

/// One measure of intransitivity.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct StatisticFacts {
    /// Its name.
    #[serde(skip)]
    pub name: &'static str,
    /// What was seen; NaN (`null` in JSON) where it is not defined.
    pub value: f64,
    /// The share of data sets under one rating an item that have as much.
    pub p_value: Option<f64>,
    /// Their mean.
    pub null_mean: Option<f64>,
    /// Their 95th percentile.
    pub null_95: Option<f64>,
    /// What it is.
    pub definition: &'static str,
}

/// What more comparisons would show.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct PowerFacts {
    /// The triad that would be significant first.
    pub triad: Option<PowerTriad>,
    /// The win rate at which a triad would be found with the votes of the median pair, above 1/2.
    pub detectable_win_rate: Option<f64>,
    /// How many times the votes would be needed to find the misfit that was seen.
    pub misfit_factor: Option<f64>,
}

/// A triad, and when it would be significant in all three pairs.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct PowerTriad {
    /// The three items.
    pub items: Vec<String>,
    /// Comparisons of each pair that are needed, 4 times in 5.
    pub votes_per_pair: f64,
}

/// The bonus of the item listed first.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct PositionBias {
    /// In nats of log strength.
    pub home: f64,
    /// Its standard error.
    pub standard_error: f64,
    /// Two-sided.
    pub p_value: f64,
}

fn by_name<S: Serializer>(statistics: &[StatisticFacts], serializer: S) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(statistics.len()))?;
    for statistic in statistics {
        map.serialize_entry(statistic.name, statistic)?;
    }
    map.end()
}

impl InspectAnswer {
    pub(super) fn new(group: Option<String>, data: &Comparisons, found: &Inspection) -> Self {
        let name = |i: usize| data.labels[i].clone();
        let names = |list: &[usize]| list.iter().map(|&i| name(i)).collect::<Vec<_>>();
        let (bt, cycles) = (&found.bradley_terry, &found.cycles);
        let energy = found.statistic(Measure::CyclicEnergy);
        let loss = found.statistic(Measure::FavouriteLoss);
        Self {
            group,
            n: data.n(),
            labels: data.labels.clone(),
            comparisons: data.total,
            ties: data.total_ties,
            pairs: data.pairs.len(),
            unmet_pairs: data.unmet_pairs().into_iter().map(|(i, j)| (name(i), name(j))).collect(),
            condorcet_winner: found.condorcet_winner.map(name),
            unbeaten: names(&unbeaten(data)),
            smith_set: names(&found.smith_set),
            cyclic_triads: CyclicTriads {
                cyclic: cycles.cyclic,
                total: cycles.total,
                significant: cycles.significant,
                significant_total: cycles.significant_total,
                weighted: cycles.weighted_share,
                p_value: found.statistic(Measure::WeightedTriads).p_value,
            },
            cyclic_energy: CyclicEnergy {
                value: energy.value,
                p_value: energy.p_value,
                corrected: found.corrected_energy,
            },
            strongest_cycle: StrongestCycle {
                items: names(&cycles.cycle),
                standard_errors: cycles.strongest_cycle,
                p_value: found.statistic(Measure::StrongestCycle).p_value,
            },
            bradley_terry: BradleyTerryFacts {
                favourite: name(found.favourite),
                deviance: bt.deviance,
                degrees_of_freedom: bt.degrees_of_freedom,
                deviance_p_value: bt.deviance_p_value(),
                deviance_bootstrap_p_value: found.statistic(Measure::Deviance).p_value,
                exists: bt.exists,
                converged: bt.converged,
                log_strength: bt.log_strength.to_vec(),
                worst_opponent: found.worst_opponent.map(name),
                exploitability: loss.value,
                exploitability_p_value: loss.p_value,
            },
            nash: NashFacts {
                policy: found.nash.policy.to_vec(),
                support: names(&found.nash.support),
                unique: found.nash.unique,
                duality_gap: found.nash.duality_gap,
                edge_over_favourite: found.statistic(Measure::NashEdge).value,
            },
            skew_rank: found.skew_rank,
            statistics: found
                .statistics
                .iter()
                .map(|s| StatisticFacts {
                    name: s.name,
                    value: s.value,
                    p_value: s.p_value,
                    null_mean: s.null_mean,
                    null_95: s.null_95,
                    definition: s.definition,
                })
                .collect(),
            power: PowerFacts {
                triad: found
                    .power
                    .triad
                    .map(|(t, votes)| PowerTriad { items: names(&t), votes_per_pair: votes }),
                detectable_win_rate: found.power.detectable_win_rate,
                misfit_factor: found.power.misfit_factor,
            },
            null: found.null.name,
            replicates: found.replicates,
            checks: data.checks.remarks(),
            sparse_pairs: data.pairs.iter().filter(|p| p.met() < SPARSE).count(),
            position_bias: position_bias(data),
            verdict: InspectVerdict::of(&data.labels, found),
        }
    }
}

/// Items that nobody they met beats: a winner, or several that tie.
fn unbeaten(data: &Comparisons) -> Vec<usize> {
    let mut never = vec![true; data.n()];
    for pair in &data.pairs {
        let margin = pair.margin(0.0);
        never[pair.i] &= margin >= 0.0;
        never[pair.j] &= margin <= 0.0;
    }
    (0..data.n()).filter(|&i| never[i]).collect()
}

/// The bonus of the item listed first; `None` where no pair is listed in both orders (a file may list its items by name).
fn position_bias(data: &Comparisons) -> Option<PositionBias> {
    let both = |p: &PairCount| p.forward.total() > 0.0 && p.backward.total() > 0.0;
    if !data.pairs.iter().any(both) {
        return None;
    }
    let found = fit(data, &BRADLEY_TERRY, PairOptions { home: true, prior: false }).ok()?;
    let home = found.parameters.iter().find(|p| p.name == "home")?;
    let standard_error = home.standard_error?;
    let p_value = 2.0 * normal_cdf(-(home.value / standard_error).abs());
    Some(PositionBias { home: home.value, standard_error, p_value })
}

fn listed(items: &[String]) -> String {
    if items.len() > NAMED { format!("{} items", items.len()) } else { items.join(", ") }
}

impl fmt::Display for InspectAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n  {}\n\n", self.verdict.word(), self.verdict)?;
        writeln!(f, "Condorcet winner   {}", self.condorcet_winner.as_deref().unwrap_or("none"))?;
        writeln!(f, "Smith set          {}", listed(&self.smith_set))?;
        let uniqueness = if self.nash.unique == Some(true) { "" } else { " (one of several, or undecided)" };
        writeln!(f, "maximal lottery    {}{uniqueness}", listed(&self.nash.support))?;
        let bt = &self.bradley_terry;
        writeln!(
            f,
            "Bradley-Terry      favourite {}, deviance {:.1} on {} degrees ({}){}",
            bt.favourite,
            bt.deviance,
            bt.degrees_of_freedom,
            bt.deviance_p_value.map_or("no chi-squared p".to_owned(), |p| format!("chi-squared p = {p:.2e}")),
            if bt.exists { "" } else { "; no finite maximum, the logistic prior was added" }
        )?;
        let triads = &self.cyclic_triads;
        writeln!(
            f,
            "cyclic triads      {} of {}, all three pairs significant in {} of {}",
            triads.cyclic, triads.total, triads.significant, triads.significant_total
        )?;
        let rows = self.statistics.iter().map(|s| {
            let number = |x: Option<f64>| x.map_or("-".to_owned(), |x| format!("{x:.4}"));
            vec![
                s.name.replace('_', " "),
                number(Some(s.value).filter(|v| v.is_finite())),
                number(s.null_mean),
                number(s.null_95),
                number(s.p_value),
                s.definition.to_owned(),
            ]
        });
        let header = ["measure", "seen", "null mean", "null 95%", "p", "what"];
        f.write_str(&table(width(f), &header, rows))?;
        self.remarks(f)
    }
}

impl InspectAnswer {
    /// The lines below the table.
    fn remarks(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(energy) = self.cyclic_energy.corrected {
            write!(f, "\ncyclic energy less noise: {energy:.3}")?;
        }
        if let Some(rank) = self.skew_rank {
            write!(f, "\nskew rank above noise: {rank} (Bradley-Terry has about 2)")?;
        }
        if self.replicates > 0 {
            write!(f, "\nnull: {}, {} data sets drawn", self.null, self.replicates)?;
        }
        if let Some(PositionBias { home, standard_error, p_value }) = self.position_bias {
            write!(
                f,
                "\nposition: the item listed first has {home:+.3} +- {standard_error:.3} nats more (p = {p_value:.3})"
            )?;
        }
        if self.sparse_pairs > 0 {
            let pairs = self.pairs;
            write!(f, "\nsparse: {} of {pairs} pairs met fewer than {SPARSE} times", self.sparse_pairs)?;
        }
        if let Some(PowerTriad { items, votes_per_pair }) = &self.power.triad {
            write!(
                f,
                "\npower: the clearest triad ({}) would be significant in all three pairs after {votes_per_pair} votes a \
                 pair, 4 times in 5",
                listed(items)
            )?;
        }
        if let Some(rate) = self.power.detectable_win_rate {
            write!(f, "\n       with the votes of the median pair a triad of win rates {rate:.2} would be")?;
        }
        if let Some(factor) = self.power.misfit_factor.filter(|f| *f > 1.0) {
            write!(
                f,
                "\n       misfit as seen, less noise, would be found with {factor:.1} times the votes"
            )?;
        }
        Ok(())
    }
}
