//! Several ratings side by side, and how sure they are.
//!
//! [`COLUMNS`] lists the ratings: what each is, the number that it orders items by, and how it is written in a table.

use equipoise_core::{Rng, seed::stream};
use equipoise_data::{Battles, Comparisons};
use equipoise_reference::maximal_lottery;
use ndarray::Array1;
use rayon::prelude::*;

use crate::entries::{BRADLEY_TERRY, Elo, TrueSkill};
use crate::intervals::{Critical, critical_values, quantile, rank_intervals};
use crate::intransitivity::InspectError;
use crate::pair_fit::{PairFit, PairOptions, fit, strengths};
use crate::resample::{binomial, is_whole, resample};

/// Draws for critical values.
const DRAWS: usize = 4000;
/// Orders in which Elo sees the matches.
pub const SHUFFLES: u32 = 20;

/// One item, under every rating.
#[derive(Clone, Debug)]
pub struct Row {
    /// Its number.
    pub item: usize,
    /// Comparisons it took part in.
    pub comparisons: f64,
    /// Bradley-Terry log strength, ties half.
    pub strength: f64,
    /// Its standard error (sandwich).
    pub standard_error: f64,
    /// Simultaneous 95 percent interval of the strength.
    pub interval: (f64, f64),
    /// Simultaneous 95 percent interval of the rank.
    pub rank: (usize, usize),
    /// Percentile interval of the strength over bootstrap samples, if there are any.
    pub bootstrap: Option<(f64, f64)>,
    /// Mean win rate over the opponents it met.
    pub borda: f64,
    /// Of these the number it beats, ties half.
    pub copeland: f64,
    /// Opponents it met.
    pub opponents: usize,
    /// Probability in the maximal lottery.
    pub nash: f64,
    /// Share of bootstrap samples whose lottery plays it.
    pub nash_support: Option<f64>,
    /// Who wins most often against it among those it met, and how often.
    pub worst_opponent: Option<(usize, f64)>,
    /// Ratings that follow matches one by one, if there were rows to follow.
    pub matches: Option<MatchRating>,
}

/// Ratings of an item that follow matches one by one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MatchRating {
    /// Elo points: after the matches in the order of their times; where they have none, the mean over shuffled orders.
    pub elo: f64,
    /// Standard deviation of the Elo points over shuffled orders.
    pub spread: f64,
    /// TrueSkill's `mu - 3 sigma`, in the order of their times, else of the file.
    pub trueskill: f64,
}

/// A rating of the items: a column of a table.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct BoardColumn {
    /// Its name; of a rating, the key among the items on top.
    pub name: &'static str,
    /// The head of the column.
    pub heading: &'static str,
    /// What the number is, in a line.
    pub definition: &'static str,
    /// Where it comes from.
    pub source: &'static str,
    /// Whether it follows matches one by one.
    pub by_match: bool,
    /// Of a rating: what items are ordered by, the largest first; `None` where it is not known.
    pub score: Option<fn(&Row) -> Option<f64>>,
    /// Its cell, given the labels of all items.
    pub cell: fn(&Row, &[String]) -> String,
}

/// The columns of a leaderboard, from left to right.
pub const COLUMNS: &[BoardColumn] = &[
    BoardColumn {
        name: "bradley-terry",
        heading: "Bradley-Terry",
        definition: "log strength with a simultaneous 95% interval (sandwich), ties half",
        source: "Zermelo 1929; Bradley, Terry 1952",
        by_match: false,
        score: Some(|row| Some(row.strength)),
        cell: |row, _| format!("{:+.3} +- {:.3}", row.strength, row.interval.1 - row.strength),
    },
    BoardColumn {
        name: "rank",
        heading: "rank",
        definition: "ranks that are possible with simultaneous confidence of 95%",
        source: "Mogstad, Romano, Shaikh, Wilhelm 2024",
        by_match: false,
        score: None,
        cell: |row, _| match row.rank {
            (best, worst) if best == worst => best.to_string(),
            (best, worst) => format!("{best}-{worst}"),
        },
    },
    BoardColumn {
        name: "elo",
        heading: "Elo",
        definition: "points with K = 4, +- the standard deviation over shuffled orders; without times their mean",
        source: "Elo 1978",
        by_match: true,
        score: Some(|row| row.matches.map(|m| m.elo)),
        cell: |row, _| row.matches.map_or("-".to_owned(), |m| format!("{:.0} +- {:.0}", m.elo, m.spread)),
    },
    BoardColumn {
        name: "trueskill",
        heading: "TrueSkill",
        definition: "mu - 3 sigma",
        source: "Herbrich, Minka, Graepel 2007",
        by_match: true,
        score: Some(|row| row.matches.map(|m| m.trueskill)),
        cell: |row, _| row.matches.map_or("-".to_owned(), |m| format!("{:.2}", m.trueskill)),
    },
    BoardColumn {
        name: "borda",
        heading: "Borda",
        definition: "mean win rate over the opponents an item met",
        source: "Borda 1781",
        by_match: false,
        score: Some(|row| Some(row.borda)),
        cell: |row, _| format!("{:.3}", row.borda),
    },
    BoardColumn {
        name: "copeland",
        heading: "Copeland",
        definition: "opponents it beats, ties half",
        source: "Copeland 1951",
        by_match: false,
        score: Some(|row| Some(row.copeland)),
        cell: |row, _| row.copeland.to_string(),
    },
    BoardColumn {
        name: "nash",
        heading: "Nash (support)",
        definition: "probability in the maximal lottery, and the share of bootstrap samples whose lottery plays it",
        source: "Kreweras 1965; Fishburn 1984",
        by_match: false,
        score: Some(|row| Some(row.nash)),
        cell: |row, _| {
            let support = row.nash_support.map_or(String::new(), |share| format!(" ({:.0}%)", 100.0 * share));
            format!("{:.3}{support}", row.nash)
        },
    },
    BoardColumn {
        name: "worst-win-rate",
        heading: "worst win rate",
        definition: "the least win rate against an opponent it met, and who that is",
        source: "minimax: Simpson 1969; Kramer 1977",
        by_match: false,
        score: None,
        cell: |row, labels| {
            row.worst_opponent
                .map_or(String::new(), |(j, rate)| format!("{:.2} vs {}", 1.0 - rate, labels[j]))
        },
    },
];

/// All items, by Bradley-Terry strength: several ratings side by side.
#[derive(Clone, Debug)]
pub struct Leaderboard {
    /// The rows, strongest first.
    pub rows: Vec<Row>,
    /// The Bradley-Terry fit.
    pub fit: PairFit,
    /// Critical values of the intervals.
    pub critical: Critical,
    /// Bootstrap samples drawn.
    pub replicates: usize,
    /// What the order of the matches is, `time` or `the file`; `None` without ratings that follow it.
    pub order: Option<&'static str>,
}

/// Rates the items, with `replicates` bootstrap samples of comparisons on streams of `seed`.
///
/// # Errors
/// [`InspectError`].
pub fn leaderboard(
    data: &Comparisons,
    replicates: usize,
    seed: u64,
    done: &(dyn Fn() + Sync),
) -> Result<Leaderboard, InspectError> {
    let n = data.n();
    let bt = fit(data, &BRADLEY_TERRY, PairOptions::default())?;
    let matrix = data.matrix(0.0);
    let nash = maximal_lottery(&matrix)?;
    let critical = critical_values(&bt.sandwich, 0.95, DRAWS, &mut stream(seed, "critical values", &[]));
    let replicates = if is_whole(data) { replicates } else { 0 };
    let drawn = bootstrap(replicates, seed, done, &bt.log_strength, |rng| resample(data, rng))?;
    let ranks = rank_intervals(&bt.log_strength.to_vec(), &bt.sandwich, critical.differences);
    let errors = bt.sandwich_error();
    // over opponents met: an unknown win rate is not one half
    let (mut borda, mut copeland, mut opponents) = (vec![0.0; n], vec![0.0; n], vec![0usize; n]);
    let mut comparisons = vec![0.0; n];
    let mut worst: Vec<Option<(usize, f64)>> = vec![None; n];
    for pair in &data.pairs {
        let margin = pair.margin(0.0);
        for (i, j, loss) in [(pair.i, pair.j, -margin), (pair.j, pair.i, margin)] {
            comparisons[i] += pair.met();
            opponents[i] += 1;
            borda[i] += 0.5 - loss;
            copeland[i] += if loss < 0.0 { 1.0 } else { 0.5 * f64::from(u8::from(loss == 0.0)) };
            if worst[i].is_none_or(|(_, w)| 0.5 + loss > w) {
                worst[i] = Some((j, 0.5 + loss));
            }
        }
    }
    let mut found =
        Leaderboard { rows: Vec::with_capacity(n), critical, replicates: 0, order: None, fit: bt };
    let bt = &found.fit;
    let rows = bt.order().into_iter().map(|i| {
        let (strength, standard_error) = (bt.log_strength[i], errors[i]);
        let half = critical.strengths * standard_error;
        Row {
            item: i,
            comparisons: comparisons[i],
            strength,
            standard_error,
            interval: (strength - half, strength + half),
            rank: ranks[i],
            bootstrap: None,
            borda: borda[i] / opponents[i].max(1) as f64,
            copeland: copeland[i],
            opponents: opponents[i],
            nash: nash.policy[i],
            nash_support: None,
            worst_opponent: worst[i],
            matches: None,
        }
    });
    found.rows = rows.collect();
    found.take_samples(&drawn);
    Ok(found)
}

impl Leaderboard {
    /// Rates the items match by match. Without times the order of the file means nothing: Elo's points are then the mean over
    /// shuffled orders, so that the standard deviation beside them is theirs.
    pub fn follow_matches(&mut self, battles: &Battles, seed: u64) {
        let (rows, timed) = battles.in_time();
        let (n, elo) = (battles.labels.len(), Elo::default());
        let mut rng = stream(seed, "shuffles", &[]);
        let (mean, spread) = elo.rate_shuffled(n, &rows, SHUFFLES, &mut rng);
        let points = if timed { elo.rate(n, &rows) } else { mean };
        let skills = TrueSkill::default().rate(n, &rows);
        for row in &mut self.rows {
            let (i, skill) = (row.item, skills[row.item]);
            let trueskill = skill.mu - 3.0 * skill.sigma;
            row.matches = Some(MatchRating { elo: points[i], spread: spread[i], trueskill });
        }
        self.order = Some(if timed { "time" } else { "the file" });
    }

    /// Who each rating puts on top: its name, and the place among the rows. Those that follow matches come last.
    #[must_use]
    pub fn tops(&self) -> Vec<(&'static str, usize)> {
        let (by_match, counted): (Vec<&BoardColumn>, Vec<&BoardColumn>) =
            COLUMNS.iter().partition(|c| c.by_match);
        let best = |column: &&BoardColumn| {
            let scores = self.rows.iter().map(column.score?).collect::<Option<Vec<f64>>>()?;
            let first = (0..scores.len()).fold(0, |b, k| if scores[k] > scores[b] { k } else { b });
            Some((column.name, first))
        };
        counted.iter().chain(&by_match).filter_map(best).collect()
    }

    /// Takes intervals and support frequencies from bootstrap samples.
    pub fn take_samples(&mut self, samples: &[Sample]) {
        self.replicates = samples.len();
        for s in &mut self.rows {
            let mut values: Vec<f64> = samples.iter().map(|d| d.strength[s.item]).collect();
            let played = samples.iter().filter(|d| d.support.contains(&s.item)).count();
            let known = !samples.is_empty();
            s.bootstrap = known.then(|| (quantile(&mut values, 0.025), quantile(&mut values, 0.975)));
            s.nash_support = known.then(|| played as f64 / samples.len() as f64);
        }
    }
}

/// One bootstrap sample.
#[derive(Clone, Debug)]
pub struct Sample {
    /// Bradley-Terry log strengths, mean 0, `[n]`.
    pub strength: Array1<f64>,
    /// Items that the maximal lottery plays.
    pub support: Vec<usize>,
}

/// Bootstrap samples, each drawn by `draw` on a stream of its own. Where a sample has no finite maximum, the logistic
/// prior is added to its fit.
fn bootstrap(
    replicates: usize,
    seed: u64,
    done: &(dyn Fn() + Sync),
    start: &Array1<f64>,
    draw: impl Fn(&mut Rng) -> Comparisons + Sync,
) -> Result<Vec<Sample>, InspectError> {
    let one = |k: usize| -> Result<Sample, InspectError> {
        let sample = draw(&mut stream(seed, "bootstrap", &[&k.to_string()]));
        let (strength, _) = strengths(&sample, &BRADLEY_TERRY, start)?;
        let support = maximal_lottery(&sample.matrix(0.0))?.support;
        done();
        let mean = strength.mean().expect("there are items");
        Ok(Sample { strength: strength - mean, support })
    };
    (0..replicates).into_par_iter().map(one).collect()
}

/// Bootstrap over contexts: whole contexts are drawn with replacement, as many as there are. Wider than the bootstrap over
/// comparisons where answers within a context hang together.
///
/// # Errors
/// [`InspectError`].
pub fn bootstrap_contexts(
    contexts: &[Comparisons],
    replicates: usize,
    seed: u64,
    done: &(dyn Fn() + Sync),
) -> Result<Vec<Sample>, InspectError> {
    let start = Array1::zeros(contexts.first().map_or(0, Comparisons::n));
    bootstrap(replicates, seed, done, &start, |rng| {
        let mut left = contexts.len() as u64;
        let times: Vec<f64> = (0..contexts.len())
            .map(|k| {
                let drawn = binomial(left, 1.0 / (contexts.len() - k) as f64, rng);
                left -= drawn;
                drawn as f64
            })
            .collect();
        Comparisons::sum(contexts.iter().zip(times))
    })
}
