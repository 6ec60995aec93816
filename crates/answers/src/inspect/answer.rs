//! The answer for one game: facts of the pairs, measures of intransitivity with p-values, the finding.

use std::fmt;

use equipoise::data::{Comparisons, Grouped, Observations};
use equipoise::models::MAX_ITEMS;
use equipoise::models::intransitivity::{InspectVerdict, Inspection, LEVEL, Measure, PValue};
use equipoise::models::position::position;
use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};

use crate::p_value::cell;
use crate::position::{PositionFacts, with_bias};
use crate::table::{table, width};

/// Pairs that met fewer times than this are called sparse.
const SPARSE: f64 = 10.0;
/// Share of the pairs from which on sparse ones dominate measures of single pairs.
const MANY: f64 = 0.1;
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
    /// Independent observations.
    pub observations: f64,
    /// What one is: `comparisons`, `rankings`, `contexts` or `annotators`.
    pub observed: &'static str,
    /// So many comparisons of a pair say as much of its majority as an independent one.
    pub design_effect: f64,
    /// Pairs that met.
    #[serde(skip)]
    pub pairs: usize,
    /// Pairs that never met, and stand at 1/2 in the lottery; `None` (`null` in JSON) of more than 3,000 items, as they are too many.
    pub unmet_pairs: Option<Vec<(String, String)>>,
    /// How many never met, where they are not listed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unmet: Option<usize>,
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
    /// Whether one rating an item is rejected.
    pub one_rating: OneRatingFacts,
    /// The cycle whose weakest pair is strongest.
    pub strongest_cycle: StrongestCycle,
    /// The fit of one rating an item.
    pub bradley_terry: BradleyTerryFacts,
    /// The maximal lottery; `None` (`null` in JSON) for the reason in `no_lottery`.
    pub nash: Option<NashFacts>,
    /// Why there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub no_lottery: Option<&'static str>,
    /// Rank of the margins above noise, even; Bradley-Terry has about 2.
    pub skew_rank: Option<usize>,
    /// Every measure, in the order of tables; serialises as an object by name.
    #[serde(serialize_with = "by_name")]
    pub statistics: Vec<StatisticFacts>,
    /// What more comparisons would show.
    pub power: PowerFacts,
    /// The model under which data sets are drawn.
    pub null: &'static str,
    /// Why data under one rating an item were not drawn, where others were.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_drawn: Option<&'static str>,
    /// Data sets drawn; of more than 3,000 items as many as the number of comparisons leaves time for, at least 199.
    pub replicates: usize,
    /// What was odd about the input, a sentence each.
    pub checks: Vec<String>,
    /// Pairs that met, but fewer than ten times.
    pub sparse_pairs: usize,
    /// How the items listed first fared; `None` where all rows are ties, or nobody is listed first. In JSON the bonus with its error
    /// and p-value also under the key `position_bias` of 0.1.
    #[serde(flatten, serialize_with = "with_bias")]
    pub position: Option<PositionFacts>,
    /// Contexts and annotators that compare a pair more than once, where there are some and rows are taken as independent.
    pub repeated: Vec<Repeated>,
    /// Whether one board fits every context, and every annotator, where a file splits by them.
    pub agreement: Vec<GroupAgreement>,
    /// Krippendorff's alpha over what several annotators judged: the same two items in the same context.
    pub annotator_agreement: Option<AnnotatorAgreement>,
    /// The measures that decide whether one rating an item is enough.
    #[serde(skip)]
    pub deciding: Vec<&'static str>,
    /// The finding: keys `verdict` and `explanation`.
    #[serde(flatten)]
    pub verdict: InspectVerdict,
}

/// How far annotators agree on the same two items in the same context.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct AnnotatorAgreement {
    /// What several annotators judged.
    pub units: usize,
    /// Their judgements of it.
    pub judgements: f64,
    /// Krippendorff's alpha of win, tie, loss: 1 where all agree, 0 as by chance.
    pub alpha: f64,
    /// Lower end of its 95 percent percentile interval over bootstrap samples of units.
    pub low: Option<f64>,
    /// Upper end.
    pub high: Option<f64>,
    /// The same of scores (win 1, tie 1/2, loss 0), where a tie is half a disagreement.
    pub alpha_of_scores: Option<f64>,
}

/// Groups whose comparisons may depend on each other.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Repeated {
    /// `context` or `annotator`.
    pub by: &'static str,
    /// Groups with a name that compare some pair more than once.
    pub groups: usize,
}

impl Repeated {
    /// `None` if no group does.
    pub(super) fn of(by: &'static str, data: &Grouped) -> Option<Self> {
        let repeats = |(name, group): &(&String, &Comparisons)| {
            !name.is_empty() && group.pairs.iter().any(|p| p.met() > 1.0)
        };
        let groups = data.names.iter().zip(&data.groups).filter(repeats).count();
        (groups > 0).then_some(Self { by, groups })
    }
}

/// Whether one board fits every group.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct GroupAgreement {
    /// `context` or `annotator`.
    pub by: &'static str,
    /// Groups with comparisons.
    pub groups: usize,
    /// Comparisons of pairs that several groups compared; the others say nothing.
    pub shared: f64,
    /// Of win rates as different between the groups, if outcomes are dealt to the comparisons of a pair at random; `None` if
    /// that cannot be tested.
    pub p_value: Option<f64>,
    /// Why it is not tested.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub untested: Option<&'static str>,
}

impl GroupAgreement {
    /// Whether the groups disagree beyond noise.
    fn disagree(&self) -> bool {
        self.p_value.is_some_and(|p| p < LEVEL)
    }
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
    /// Of their number.
    pub cyclic_p_value: Option<f64>,
}

/// Whether one rating an item is rejected, by several measures together.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct OneRatingFacts {
    /// The share of data sets under one rating an item that speak as much against it.
    pub p_value: Option<f64>,
    /// The measure that speaks most.
    pub measure: &'static str,
    /// Of groups inspected each by itself: the p-value adjusted for their number (Benjamini and Hochberg 1995).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub adjusted_p_value: Option<f64>,
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
    /// By at least so many standard errors; 0 without a cycle.
    pub standard_errors: f64,
    /// The share of data sets under the nearest transitive game with as strong a cycle.
    pub p_value: Option<f64>,
    /// Of groups inspected each by itself: the p-value adjusted for their number (Benjamini and Hochberg 1995).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub adjusted_p_value: Option<f64>,
    /// The weakest of its pairs.
    pub weakest: Option<LinkFacts>,
    /// Majorities that the nearest transitive game has at 1/2, as winner and loser.
    pub against: Vec<(String, String)>,
    /// Twice the log-likelihood between that game and the majorities as seen.
    pub distance: f64,
}

/// A majority.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct LinkFacts {
    /// Who wins more.
    pub winner: String,
    /// Against whom.
    pub loser: String,
    /// Wins.
    pub wins: f64,
    /// Losses.
    pub losses: f64,
    /// One-sided, by the exact sign test (of the signs of observations, where these are several comparisons); `None` without
    /// counts.
    pub p_value: Option<f64>,
}

/// The fit of one rating an item.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct BradleyTerryFacts {
    /// The item of the largest strength; the first of several.
    pub favourite: String,
    /// Items of the largest strength: several if they are equal.
    pub favourites: Vec<String>,
    /// Twice the log-likelihood that is missing to the saturated model, at least 0.
    pub deviance: f64,
    /// Pairs less parameters.
    pub degrees_of_freedom: f64,
    /// By the chi-squared law; `None` where it does not hold (ties that count half, few votes a pair).
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
    /// Whether it is the only one; `None`: undecided, as rounding hides it.
    pub unique: Option<bool>,
    /// How it was found, as [`LotteryAnswer::method`](crate::LotteryAnswer::method): `rational`, where a proof decided, or a
    /// method in floating point.
    pub method: &'static str,
    /// Where there are several (of up to sixty items): the least and the largest probability of each item, `[n]`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ranges: Option<Vec<(f64, f64)>>,
    /// 0 but for rounding.
    pub duality_gap: f64,
    /// Its win rate against the favourite, beyond 1/2; NaN (`null` in JSON) if there are several lotteries, which differ
    /// in it.
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
    /// Why it should not be relied on here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remark: Option<&'static str>,
}

/// What more comparisons would show.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct PowerFacts {
    /// The triad that would be significant first.
    pub triad: Option<PowerTriad>,
    /// The win rate at which a triad would be found with the votes of the median pair, above 1/2.
    pub detectable_win_rate: Option<f64>,
    /// Half of the items lie on a cycle of pairs that met so often, whoever won; `None`: they lie on none.
    pub cycle_votes: Option<f64>,
    /// The win rate from which on a cycle of three with so many votes a pair is found 4 times in 5, above 1/2.
    pub cycle_win_rate: Option<f64>,
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

fn by_name<S: Serializer>(statistics: &[StatisticFacts], serializer: S) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(statistics.len()))?;
    for statistic in statistics {
        map.serialize_entry(statistic.name, statistic)?;
    }
    map.end()
}

impl InspectAnswer {
    pub(super) fn new(group: Option<String>, observations: &Observations, found: &Inspection) -> Self {
        let data = &observations.comparisons;
        let name = |i: usize| data.labels[i].clone();
        let names = |list: &[usize]| list.iter().map(|&i| name(i)).collect::<Vec<_>>();
        let (bt, cycles) = (&found.bradley_terry, &found.cycles);
        let energy = found.statistic(Measure::CyclicEnergy);
        let loss = found.statistic(Measure::FavouriteLoss);
        let sparse_pairs = data.pairs.iter().filter(|p| p.met() < SPARSE).count();
        let (test, counted, few) = (&found.cycle_test, found.replicates > 0, data.n() <= MAX_ITEMS);
        Self {
            group,
            n: data.n(),
            labels: data.labels.clone(),
            comparisons: data.total,
            ties: data.total_ties,
            observations: observations.count(),
            observed: observations.words(),
            design_effect: found.design_effect,
            pairs: data.pairs.len(),
            unmet_pairs: few
                .then(|| data.unmet_pairs().into_iter().map(|(i, j)| (name(i), name(j))).collect()),
            unmet: (!few).then(|| data.unmet()),
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
                cyclic_p_value: found.statistic(Measure::CyclicTriads).p_value,
            },
            cyclic_energy: CyclicEnergy {
                value: energy.value,
                p_value: energy.p_value,
                corrected: found.corrected_energy,
            },
            one_rating: OneRatingFacts {
                p_value: found.one_rating_p_value,
                measure: found.statistic(found.speaks_most).name,
                adjusted_p_value: None,
            },
            strongest_cycle: StrongestCycle {
                items: names(&test.cycle),
                standard_errors: test.weakest.map_or(0.0, |w| w.standard_errors()),
                p_value: test.p_value,
                adjusted_p_value: None,
                weakest: test.weakest.map(|w| LinkFacts {
                    winner: name(w.winner),
                    loser: name(w.loser),
                    wins: w.wins,
                    losses: w.losses,
                    p_value: test.weakest_p_value.filter(|_| counted),
                }),
                against: test.against.iter().map(|&(i, j)| (name(i), name(j))).collect(),
                distance: test.distance,
            },
            bradley_terry: BradleyTerryFacts {
                favourite: name(found.favourites[0]),
                favourites: names(&found.favourites),
                deviance: bt.deviance,
                degrees_of_freedom: bt.degrees_of_freedom,
                deviance_p_value: bt.deviance_p_value,
                deviance_bootstrap_p_value: found.statistic(Measure::Deviance).p_value,
                exists: bt.exists,
                converged: bt.converged,
                log_strength: bt.log_strength.to_vec(),
                worst_opponent: found.worst_opponent.map(name),
                exploitability: loss.value,
                exploitability_p_value: loss.p_value,
            },
            nash: found.nash.as_ref().map(|nash| NashFacts {
                policy: nash.policy.to_vec(),
                support: names(&nash.support),
                unique: nash.unique,
                method: nash.method.name(),
                ranges: found.nash_ranges.clone(),
                duality_gap: nash.duality_gap,
                edge_over_favourite: found.statistic(Measure::NashEdge).value,
            }),
            no_lottery: found.no_lottery,
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
                    remark: remark(s.name, sparse_pairs, data.pairs.len(), found),
                })
                .collect(),
            power: PowerFacts {
                triad: found
                    .power
                    .triad
                    .map(|(t, votes)| PowerTriad { items: names(&t), votes_per_pair: votes }),
                detectable_win_rate: found.power.detectable_win_rate,
                cycle_votes: found.power.cycle_votes,
                cycle_win_rate: found.power.cycle_win_rate,
                misfit_factor: found.power.misfit_factor,
            },
            null: found.null,
            not_drawn: found.not_drawn,
            replicates: found.replicates,
            checks: data.checks.remarks(),
            sparse_pairs,
            position: position(observations).map(Into::into),
            repeated: Vec::new(),
            agreement: Vec::new(),
            annotator_agreement: None,
            deciding: found.deciding.iter().map(|&m| found.statistic(m).name).collect(),
            verdict: InspectVerdict::of(observations, found),
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

/// Why a measure says little about these data.
fn remark(name: &str, sparse: usize, pairs: usize, found: &Inspection) -> Option<&'static str> {
    if name == "nash_edge" && found.no_lottery.is_some() {
        return found.no_lottery;
    }
    if name == "nash_edge" && found.nash.as_ref().is_none_or(|nash| nash.unique != Some(true)) {
        return Some("several maximal lotteries, or undecided: not defined");
    }
    // the largest of many, and cycles of any strength, are those of pairs that met once
    let single = ["largest_curl", "items_on_cycles", "nash_edge"].contains(&name);
    (single && sparse as f64 >= MANY * pairs as f64)
        .then_some("no power: pairs that met fewer than 10 times dominate it")
}

fn listed(items: &[String]) -> String {
    if items.len() > NAMED { format!("{} items", items.len()) } else { items.join(", ") }
}

impl fmt::Display for InspectAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n  {}", self.verdict.word(), self.verdict)?;
        for Repeated { by, groups } in &self.repeated {
            writeln!(
                f,
                "  rows are taken as independent of each other, but {groups} {by}s compare a pair more than once: where those \
                 comparisons are alike, p-values are too small (--by-{by} takes all of one {by} as one observation)"
            )?;
        }
        // no draw is below the sign test of the weakest link
        let (cycle, exact) =
            (&self.strongest_cycle, self.strongest_cycle.weakest.as_ref().and_then(|w| w.p_value));
        let drawn = cycle.p_value.filter(|p| exact.is_some_and(|exact| *p > exact));
        let close = [("one rating an item", self.one_rating.p_value), ("the cycle", drawn)];
        for (what, p) in close {
            // two standard errors of a share of so many data sets
            let off = 2.0 * (LEVEL * (1.0 - LEVEL) / self.replicates.max(1) as f64).sqrt();
            if p.is_some_and(|p| (p - LEVEL).abs() < off) {
                writeln!(
                    f,
                    "  {what}: {} is drawn, and {} data sets do not tell it from the level {LEVEL}: --replicates {} would",
                    PValue(p),
                    self.replicates,
                    100 * self.replicates
                )?;
            }
        }
        if !["comparisons", "rankings"].contains(&self.observed) {
            writeln!(
                f,
                "  observations: {} {}; leads have {:.2} times the variance of independent comparisons",
                self.observations, self.observed, self.design_effect
            )?;
        }
        writeln!(f)?;
        writeln!(f, "Condorcet winner   {}", self.condorcet_winner.as_deref().unwrap_or("none"))?;
        writeln!(f, "Smith set          {}", listed(&self.smith_set))?;
        match (&self.nash, self.no_lottery) {
            (Some(nash), _) => writeln!(f, "maximal lottery    {}", nash.words(&self.labels))?,
            (None, reason) => writeln!(f, "maximal lottery    none: {}", reason.unwrap_or("not found"))?,
        }
        let bt = &self.bradley_terry;
        let favourites = listed(&bt.favourites);
        let p = match bt.deviance_bootstrap_p_value {
            Some(p) => PValue(Some(p)).to_string(),
            None if self.not_drawn.is_some() => format!("no p-value: {}", self.not_drawn.unwrap_or_default()),
            None if self.replicates > 0 => format!("no p-value where {} are one observation", self.observed),
            None => "no p-value without counts".to_owned(),
        };
        writeln!(
            f,
            "Bradley-Terry      favourite {favourites}, deviance {:.1} on {} degrees ({p}){}",
            bt.deviance,
            bt.degrees_of_freedom,
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
                cell(s.p_value),
                s.remark.map_or_else(|| s.definition.to_owned(), |r| format!("{}; {r}", s.definition)),
            ]
        });
        let header = ["measure", "seen", "null mean", "null 95%", "p", "what"];
        f.write_str(&table(width(f), &header, rows))?;
        self.remarks(f)
    }
}

impl InspectAnswer {
    /// Pairs that never met.
    pub(super) fn unmet_count(&self) -> usize {
        self.unmet.or(self.unmet_pairs.as_ref().map(Vec::len)).unwrap_or_default()
    }

    /// Adds what was found of groups; the finding says it if they disagree.
    pub(super) fn add_agreement(&mut self, found: GroupAgreement) {
        if found.disagree() {
            self.verdict.add_disagreement(found.by, found.p_value);
        }
        self.agreement.push(found);
    }

    /// The lines below the table.
    fn remarks(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(energy) = self.cyclic_energy.corrected {
            write!(f, "\ncyclic energy less noise: {energy:.3}")?;
        }
        if let Some(rank) = self.skew_rank {
            write!(f, "\nskew rank above noise: {rank} (Bradley-Terry has about 2)")?;
        }
        if self.replicates > 0 {
            let deciding: Vec<String> = self.deciding.iter().map(|m| m.replace('_', " ")).collect();
            let (rating, drawn) = (self.one_rating, self.replicates);
            write!(
                f,
                "\none rating an item: {} by {} together, level {LEVEL} ({drawn} data sets of {})\ncycle: {} ({drawn} data \
                 sets of the nearest transitive game)",
                PValue(rating.p_value),
                deciding.join(", "),
                self.null,
                PValue(self.strongest_cycle.p_value)
            )?;
        }
        for GroupAgreement { by, groups, shared, p_value, untested } in &self.agreement {
            if let Some(reason) = untested {
                write!(
                    f,
                    "\n{by}s: whether one board fits them all is not tested: {reason} ({groups} groups)"
                )?;
                continue;
            }
            let said = match p_value {
                Some(p) if *p < LEVEL => "one board does not fit them all",
                Some(_) => "nothing speaks against one board for all",
                None => "whether one board fits them all is not tested",
            };
            write!(
                f,
                "\n{by}s: {said} ({}; {groups} groups, {shared} comparisons of shared pairs)",
                PValue(*p_value)
            )?;
        }
        if let Some(found) = &self.annotator_agreement {
            let AnnotatorAgreement { units, judgements, alpha, low, high, .. } = found;
            write!(f, "\nannotators: Krippendorff's alpha {alpha:.3}")?;
            if let (Some(low), Some(high)) = (low, high) {
                write!(f, " ({low:.3} to {high:.3})")?;
            }
            write!(f, " over {judgements} judgements of {units} pairs that several judged")?;
        }
        if let Some(said) = self.position.map(|p| p.to_string()).filter(|said| !said.is_empty()) {
            write!(f, "\n{said}")?;
        }
        if self.sparse_pairs > 0 {
            let pairs = self.pairs;
            write!(f, "\nsparse: {} of {pairs} pairs met fewer than {SPARSE} times", self.sparse_pairs)?;
        }
        let mut power = Vec::new();
        if let Some(PowerTriad { items, votes_per_pair }) = &self.power.triad {
            power.push(format!(
                "the clearest triad ({}) would be significant in all three pairs after {votes_per_pair} votes a pair, 4 times \
                 in 5",
                listed(items)
            ));
        }
        if let Some(rate) = self.power.detectable_win_rate {
            power.push(format!(
                "with the votes of the median pair a triad of win rates {rate:.2} would be significant in all three pairs"
            ));
        }
        if let (Some(votes), Some(rate)) = (self.power.cycle_votes, self.power.cycle_win_rate) {
            power.push(format!(
                "a cycle of win rates {rate:.2} through half of the items ({votes} votes a pair) would be beyond noise, 4 \
                 times in 5"
            ));
        }
        if let Some(factor) = self.power.misfit_factor.filter(|f| *f > 1.0) {
            power
                .push(format!("misfit as seen, less noise, would be found with {factor:.1} times the votes"));
        }
        for (k, line) in power.iter().enumerate() {
            write!(f, "\n{} {line}", if k == 0 { "power:" } else { "      " })?;
        }
        Ok(())
    }
}

impl NashFacts {
    /// Who is played; where there are several lotteries, how much at least and at most.
    fn words(&self, labels: &[String]) -> String {
        let Some(ranges) = &self.ranges else {
            let uniqueness = match self.unique {
                Some(true) => "",
                Some(false) => " (one of several)",
                None => " (undecided whether it is the only one: rounding hides it)",
            };
            return format!("{}{uniqueness}", listed(&self.support));
        };
        let played = labels.iter().zip(ranges).filter(|(_, (_, high))| *high > 0.0);
        let range = |(label, (low, high)): (&String, &(f64, f64))| format!("{label} {low:.3} to {high:.3}");
        let played: Vec<String> = played.map(range).collect();
        format!("several: {}", listed(&played))
    }
}
