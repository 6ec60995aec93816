//! Several ratings side by side, and how sure they are.
//!
//! [`COLUMNS`] lists the ratings: what each is, the number that it orders items by, and how it is written in a table. Those that are solution
//! concepts are computed by their entries in `equipoise_reference::concepts`, over the opponents that an item met where some never did.

mod bootstrap;
mod columns;

use equipoise_core::seed::stream;
use equipoise_data::{Battles, Comparisons, Observations};
use equipoise_env::PreferenceMatrix;
use equipoise_reference::ReferenceError;
use equipoise_reference::concepts::{Choice, ConceptOptions, Electorate, Meetings, concept, lottery_ranges};
use ndarray::Array1;

use self::columns::{BORDA, COPELAND, NASH, WORST};
pub use self::columns::{BoardColumn, COLUMNS, Origin};

use crate::canonical::Canonical;
use crate::entries::{BRADLEY_TERRY, Elo, TrueSkill};
use crate::error::{FitError, MAX_ITEMS};
use crate::fitted::Fitted;
use crate::graph::open_reasons;
use crate::intervals::Intervals;
use crate::intransitivity::InspectError;
use crate::lottery::counted_margins;
use crate::pair_fit::{PairFit, PairOptions, SparseFit, fit_many, fit_observed};
use crate::registry::Watch;
use crate::sequential::Matches;

/// Largest number of items for which a lottery of the board is solved.
const MOST_LOTTERY: usize = 1000;
/// Largest number of items for which bootstrap samples are drawn.
const MOST_BOOTSTRAP: usize = 300;
/// Numbers that differ by less, relative to their size, are equal.
const EQUAL: f64 = 1e-9;

/// Whether two numbers are equal but for rounding.
fn equal(a: f64, b: f64) -> bool {
    (a - b).abs() <= EQUAL * (1.0 + a.abs().max(b.abs()))
}

/// What pairs that never met are to the maximal lottery.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unmet {
    /// The fitted Bradley-Terry model's win rates.
    #[default]
    Fitted,
    /// Left open: no lottery unless all pairs met.
    Open,
}

/// How items are rated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BoardOptions {
    /// Bootstrap samples of observations.
    pub replicates: usize,
    /// Seed of their streams.
    pub seed: u64,
    /// What pairs that never met are to the lottery.
    pub unmet: Unmet,
}

/// One item, under every rating.
#[derive(Clone, Debug)]
pub struct Row {
    /// Its number.
    pub item: usize,
    /// Its island, from 0: items that met, directly or through others, the largest first.
    pub island: usize,
    /// Its place in its island, from 1; items of equal strength share one.
    pub place: usize,
    /// Comparisons it took part in.
    pub comparisons: f64,
    /// Bradley-Terry log strength, ties half; around the mean of its island.
    pub strength: f64,
    /// Its standard error (sandwich); `None` where no noise is known.
    pub standard_error: Option<f64>,
    /// Simultaneous 95 percent interval of the strength; `None` at an end that nothing bounds.
    pub interval: (Option<f64>, Option<f64>),
    /// Why an end of it is open.
    pub open: Option<&'static str>,
    /// Simultaneous 95 percent interval of the rank over all islands; `None` where no noise is known.
    pub rank: Option<(usize, usize)>,
    /// Percentile interval of the strength over bootstrap samples, if there are any; not of a strength that something does
    /// not bound, whose samples are all alike.
    pub bootstrap: Option<(f64, f64)>,
    /// Mean win rate over the opponents it met.
    pub borda: f64,
    /// Of these the number it beats, ties half.
    pub copeland: f64,
    /// Opponents it met.
    pub opponents: usize,
    /// Probability in the maximal lottery, if there is one.
    pub nash: Option<f64>,
    /// Least and largest probability over all maximal lotteries, if there are several.
    pub nash_range: Option<(f64, f64)>,
    /// Percentile interval of that probability over bootstrap samples.
    pub nash_interval: Option<(f64, f64)>,
    /// Share of bootstrap samples whose lottery plays it.
    pub nash_support: Option<f64>,
    /// Who wins most often against it among those it met.
    pub worst_opponent: Option<Worst>,
    /// Ratings that follow matches one by one, if there were rows to follow.
    pub matches: Option<MatchRating>,
}

/// The opponent that wins most often against an item.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Worst {
    /// The opponent; of several the one met most often, then the first by name.
    pub item: usize,
    /// How often it wins, ties half.
    pub rate: f64,
    /// How often they met.
    pub met: f64,
}

/// Ratings of an item that follow matches one by one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MatchRating {
    /// Elo points: the mean over orders that the times allow.
    pub elo: f64,
    /// Standard deviation of the Elo points over shuffled orders.
    pub spread: f64,
    /// TrueSkill's `mu - 3 sigma`, the mean over orders that the times allow.
    pub trueskill: f64,
    /// Standard deviation of it over shuffled orders.
    pub trueskill_spread: f64,
}

/// The Bradley-Terry fit of a board.
#[derive(Clone, Debug)]
pub enum BoardFit {
    /// Of at most [`MAX_ITEMS`] items.
    Few(Box<PairFit>),
    /// Of more: its result is a [`SparseFit`].
    Many(Box<Fitted>),
}

/// Ends of intervals, and ranks.
struct Ends {
    low: Vec<Option<f64>>,
    high: Vec<Option<f64>>,
    ranks: Vec<(usize, usize)>,
}

impl BoardFit {
    fn new(observations: &Observations, watch: Watch<'_>) -> Result<Self, FitError> {
        Ok(if observations.comparisons.n() > MAX_ITEMS {
            Self::Many(Box::new(fit_many(observations, &BRADLEY_TERRY, false, watch)?))
        } else {
            Self::Few(Box::new(fit_observed(observations, &BRADLEY_TERRY, PairOptions::default())?))
        })
    }

    fn sparse(fitted: &Fitted) -> &SparseFit {
        fitted.result().expect("what is fitted to many items is sparse")
    }

    /// The fit of few items.
    #[must_use]
    pub fn few(&self) -> Option<&PairFit> {
        match self {
            Self::Few(fit) => Some(fit),
            Self::Many(_) => None,
        }
    }

    /// Log strengths, `[n]`, around the mean of each island.
    #[must_use]
    pub fn log_strength(&self) -> &Array1<f64> {
        match self {
            Self::Few(fit) => &fit.log_strength,
            Self::Many(fit) => &Self::sparse(fit).log_strength,
        }
    }

    /// `Pr(i beats j)`, ties as half wins.
    #[must_use]
    pub fn prob(&self, i: usize, j: usize) -> f64 {
        match self {
            Self::Few(fit) => fit.prob(i, j),
            Self::Many(fit) => fit.prob(i, j),
        }
    }

    /// Items that met, directly or through others.
    #[must_use]
    pub fn islands(&self) -> &[Vec<usize>] {
        match self {
            Self::Few(fit) => &fit.islands,
            Self::Many(fit) => &Self::sparse(fit).islands,
        }
    }

    /// Whether a finite maximum of the likelihood exists.
    #[must_use]
    pub fn exists(&self) -> bool {
        match self {
            Self::Few(fit) => fit.exists,
            Self::Many(fit) => fit.existence.holds(),
        }
    }

    /// Whether Newton's method met its tolerance.
    #[must_use]
    pub fn converged(&self) -> bool {
        match self {
            Self::Few(fit) => fit.converged,
            Self::Many(fit) => fit.convergence.converged,
        }
    }

    fn no_noise(&self) -> Option<&'static str> {
        match self {
            Self::Few(fit) => fit.no_noise,
            Self::Many(fit) => Self::sparse(fit).no_noise,
        }
    }

    fn sandwich_error(&self) -> Array1<f64> {
        match self {
            Self::Few(fit) => fit.sandwich_error(),
            Self::Many(fit) => Self::sparse(fit).sandwich_error.clone(),
        }
    }

    fn open_reasons(&self, data: &Comparisons) -> Vec<Option<&'static str>> {
        match self {
            Self::Few(fit) => open_reasons(data, &fit.open),
            Self::Many(fit) => Self::sparse(fit).open.clone(),
        }
    }

    /// Simultaneous intervals, where noise is known; noise is drawn in that order of the items.
    fn ends(&self, order: &[usize], seed: u64) -> Option<Ends> {
        match self {
            Self::Few(fit) => {
                let mut rng = stream(seed, "critical values", &[]);
                let Intervals { low, high, ranks, .. } = Intervals::new(fit, 0.95, order, &mut rng)?;
                Some(Ends { low, high, ranks })
            }
            Self::Many(fit) => {
                let SparseFit { low, high, ranks, no_noise, .. } = Self::sparse(fit);
                let ends = Ends { low: low.clone(), high: high.clone(), ranks: ranks.clone() };
                no_noise.is_none().then_some(ends)
            }
        }
    }
}

/// All items, by Bradley-Terry strength: several ratings side by side.
#[derive(Clone, Debug)]
pub struct Leaderboard {
    /// The rows: islands of items one after another, the largest first; in each the strongest first, equal ones by name.
    pub rows: Vec<Row>,
    /// The Bradley-Terry fit.
    pub fit: BoardFit,
    /// Why there are no intervals and ranks, if there are none.
    pub no_intervals: Option<&'static str>,
    /// Why there is no maximal lottery, if there is none.
    pub no_lottery: Option<&'static str>,
    /// Whether the maximal lottery is the only one; `None` if that was not told, or there is none.
    pub nash_unique: Option<bool>,
    /// Bootstrap samples drawn.
    pub replicates: usize,
    /// Ratings match by match, if there are any: whether the matches have times that put them in order.
    pub timed: Option<bool>,
    /// Shuffled orders that the ratings match by match are means over, or are compared with; 0 without them.
    pub shuffles: usize,
    /// Why there are no ratings match by match, where rows were given and there are none.
    pub no_matches: Option<&'static str>,
    canonical: Canonical,
}

/// Rates the items, with bootstrap samples of whole observations; `done` is called after each.
///
/// # Errors
/// [`InspectError`].
pub fn leaderboard(
    observations: &Observations,
    options: BoardOptions,
    done: &(dyn Fn() + Sync),
) -> Result<Leaderboard, InspectError> {
    leaderboard_watched(observations, options, done, &|_| ())
}

/// [`leaderboard`]; `watch` hears of the share of the fit that is done, of more than [`MAX_ITEMS`] items.
///
/// # Errors
/// As [`leaderboard`].
pub fn leaderboard_watched(
    observations: &Observations,
    options: BoardOptions,
    done: &(dyn Fn() + Sync),
    watch: Watch<'_>,
) -> Result<Leaderboard, InspectError> {
    let BoardOptions { replicates, seed, unmet } = options;
    let data = &observations.comparisons;
    let n = data.n();
    let fit = BoardFit::new(observations, watch)?;
    let canonical = Canonical::of(observations);
    let ends = fit.ends(&canonical.order, seed);
    let no_intervals = ends.is_none().then(|| fit.no_noise().unwrap_or("the fit has no covariance"));
    let no_lottery = match (fit.islands().len(), data.unmet()) {
        _ if n > MOST_LOTTERY => Some("there are too many items"),
        (2.., _) => Some("nothing compares items of groups that never met"),
        (_, 1..) if unmet == Unmet::Open => Some("some pairs never met"),
        _ => None,
    };
    let mut nash: Vec<Option<f64>> = vec![None; n];
    let (mut ranges, mut nash_unique) = (None, None);
    if no_lottery.is_none() {
        let matrix = filled(data, fit.log_strength(), &[])?;
        // win rates of a fit are rounded, and prove nothing
        let fractions = if data.unmet() == 0 { counted_margins(data) } else { None };
        let electorate = Electorate::of_win_rates(matrix, fractions);
        let policy;
        (policy, nash_unique) = nash_of(&electorate)?;
        nash = policy.into_iter().map(Some).collect();
        ranges = if nash_unique == Some(true) { None } else { lottery_ranges(&electorate)? };
    }
    let errors = fit.sandwich_error();
    let islands = named_islands(fit.islands(), &data.labels);
    let standings = Standings::of(data);
    let reasons = fit.open_reasons(data);
    let mut rows = Vec::with_capacity(n);
    for (k, mut island) in islands.into_iter().enumerate() {
        let strength = |i: usize| fit.log_strength()[i];
        // equal but for rounding is equal: those stand in the order of their names
        island.sort_by(|&a, &b| match equal(strength(a), strength(b)) {
            true => std::cmp::Ordering::Equal,
            false => strength(b).total_cmp(&strength(a)),
        });
        let mut place = 0;
        for (at, &i) in island.iter().enumerate() {
            if at == 0 || !equal(strength(i), strength(island[at - 1])) {
                place = at + 1;
            }
            rows.push(Row {
                item: i,
                island: k,
                place,
                comparisons: standings.comparisons[i],
                strength: strength(i),
                standard_error: no_intervals.is_none().then(|| errors[i]),
                interval: ends.as_ref().map_or((None, None), |all| (all.low[i], all.high[i])),
                open: ends.as_ref().and_then(|_| reasons[i]),
                rank: ends.as_ref().map(|all| all.ranks[i]),
                bootstrap: None,
                borda: standings.borda[i],
                copeland: standings.copeland[i],
                opponents: standings.opponents[i],
                nash: nash[i],
                nash_range: ranges.as_ref().map(|all| all[i]),
                nash_interval: None,
                nash_support: None,
                worst_opponent: standings.worst[i],
                matches: None,
            });
        }
    }
    let mut found = Leaderboard {
        rows,
        no_intervals,
        no_lottery,
        nash_unique,
        replicates: 0,
        timed: None,
        shuffles: 0,
        no_matches: None,
        canonical,
        fit,
    };
    if no_intervals.is_none() && n <= MOST_BOOTSTRAP {
        let drawn = found.bootstrap(observations, replicates, seed, done)?;
        found.take_samples(&drawn);
    }
    Ok(found)
}

/// Islands, the largest first, then by name; the items of each by name.
fn named_islands(islands: &[Vec<usize>], labels: &[String]) -> Vec<Vec<usize>> {
    let mut named: Vec<Vec<usize>> = islands.to_vec();
    named.iter_mut().for_each(|island| island.sort_by_key(|&i| &labels[i]));
    named.sort_by_key(|island| (std::cmp::Reverse(island.len()), &labels[island[0]]));
    named
}

/// What is read off the counts: the scores of [`concept`]s over opponents met, as an unknown win rate is not one half.
struct Standings {
    comparisons: Vec<f64>,
    opponents: Vec<usize>,
    borda: Vec<f64>,
    copeland: Vec<f64>,
    worst: Vec<Option<Worst>>,
}

impl Standings {
    fn of(data: &Comparisons) -> Self {
        let n = data.n();
        let pairs = data.pairs.iter().map(|p| (p.i, p.j, p.margin(0.0))).collect();
        let meetings = Meetings::new(n, pairs).expect("counted pairs are of different items, with margins");
        let scores = |name: &str| -> Vec<f64> {
            let rule = concept(name).and_then(|entry| entry.over_met);
            rule.expect("a rule with a score over opponents met").scores(&meetings)
        };
        let least = scores(WORST);
        let mut comparisons = vec![0.0; n];
        let mut worst: Vec<Option<Worst>> = vec![None; n];
        let met = data.pairs.iter().flat_map(|p| [p.met(); 2]);
        for ((i, j, margin), met) in meetings.sides().zip(met) {
            comparisons[i] += met;
            // of several that hold it as low the one met most often, then the first by name
            let later = |old: &Worst| (met, &data.labels[old.item]) > (old.met, &data.labels[j]);
            if equal(0.5 - margin, 1.0 - least[i]) && worst[i].as_ref().is_none_or(later) {
                worst[i] = Some(Worst { item: j, rate: 0.5 - margin, met });
            }
        }
        Self {
            comparisons,
            opponents: meetings.opponents(),
            borda: scores(BORDA),
            copeland: scores(COPELAND),
            worst,
        }
    }
}

/// The maximal lottery of win rates, and whether it is the only one; `fractions` as [`Electorate::of_win_rates`] has them.
///
/// # Errors
/// As [`maximal_lottery`](equipoise_reference::maximal_lottery).
fn nash_of(electorate: &Electorate) -> Result<(Vec<f64>, Option<bool>), ReferenceError> {
    let entry = concept(NASH).expect("a concept");
    match entry.choose(electorate, &ConceptOptions::default())? {
        Choice::Lottery { policy, unique } => Ok((policy, unique)),
        other => unreachable!("{NASH} is a lottery of every game: {other:?}"),
    }
}

/// The win rates of all pairs: `drawn` where given, in the order of the pairs, else as counted; of pairs that never met by
/// the strengths.
fn filled(
    data: &Comparisons,
    strength: &Array1<f64>,
    drawn: &[(usize, usize, f64)],
) -> Result<PreferenceMatrix, FitError> {
    let n = data.n();
    let mut margins = ndarray::Array2::from_elem((n, n), f64::NAN);
    data.pairs.iter().for_each(|p| margins[[p.i, p.j]] = p.margin(0.0));
    drawn.iter().for_each(|&(i, j, margin)| margins[[i, j]] = margin);
    let margin = |i: usize, j: usize| match margins[[i, j]] {
        m if m.is_nan() => equipoise_core::logistic::logistic(strength[i] - strength[j]) - 0.5,
        m => m,
    };
    Ok(PreferenceMatrix::from_margins(n, margin)?)
}

impl Leaderboard {
    /// Rates the items match by match, in the order of their times. Where they have none the order means nothing: ratings
    /// are then means over shuffled orders, whatever that of the file. There are none of rows that are parts of matches
    /// ([`Leaderboard::no_matches`]).
    ///
    /// # Errors
    /// [`FitError::TooManyMatches`].
    pub fn follow_matches(&mut self, battles: &Battles, seed: u64) -> Result<(), FitError> {
        let n = battles.labels.len();
        let matches = match Matches::of(battles) {
            Err(FitError::PartsOfMatches { .. }) => {
                self.no_matches = Some("weights in fractions are no matches to follow one by one");
                return Ok(());
            }
            matches => matches?.reordered(&self.canonical.place),
        };
        let rng = |name: &str| stream(seed, name, &[]);
        let skill = TrueSkill::default();
        let (elo, trueskill) = rayon::join(
            || matches.rate(&mut rng("shuffles"), |order| Elo::default().rate(n, order)),
            || {
                matches.rate(&mut rng("trueskill shuffles"), |order| {
                    skill.rate(n, order).iter().map(|s| s.mu - 3.0 * s.sigma).collect()
                })
            },
        );
        let canonical = &self.canonical;
        let shared = |values: &[f64]| match matches.in_order() {
            // an order in time tells apart what else is interchangeable
            true => canonical.place.iter().map(|&place| values[place]).collect(),
            false => canonical.shared(values),
        };
        let (points, spread) = (shared(&elo.mean), shared(&elo.spread));
        let (skills, skill_spread) = (shared(&trueskill.mean), shared(&trueskill.spread));
        for row in &mut self.rows {
            row.matches = Some(MatchRating {
                elo: points[row.item],
                spread: spread[row.item],
                trueskill: skills[row.item],
                trueskill_spread: skill_spread[row.item],
            });
        }
        (self.timed, self.shuffles) = (Some(matches.timed), matches.shuffles());
        Ok(())
    }

    /// Number of islands: groups of items that never met each other, which no rating compares.
    #[must_use]
    pub fn islands(&self) -> usize {
        self.fit.islands().len()
    }

    /// Who each rating puts on top: its name, and for every island the places among the rows of those that share the top.
    /// Those that follow matches come last.
    #[must_use]
    pub fn tops(&self) -> Vec<(&'static str, Vec<Vec<usize>>)> {
        let (by_match, counted): (Vec<&BoardColumn>, Vec<&BoardColumn>) =
            COLUMNS.iter().partition(|c| c.by_match);
        let best = |column: &&BoardColumn| {
            let scores = self.rows.iter().map(column.score?).collect::<Option<Vec<f64>>>()?;
            let mut tops = Vec::new();
            let mut start = 0;
            for island in self.rows.chunk_by(|a, b| a.island == b.island) {
                let places = start..start + island.len();
                start = places.end;
                let most = places.clone().map(|k| scores[k]).fold(f64::NEG_INFINITY, f64::max);
                tops.push(places.filter(|&k| equal(scores[k], most)).collect());
            }
            Some((column.name, tops))
        };
        counted.iter().chain(&by_match).filter_map(best).collect()
    }
}
