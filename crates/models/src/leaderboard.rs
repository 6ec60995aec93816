//! Several ratings side by side, and how sure they are.

use equipoise_core::{Rng, seed::stream};
use equipoise_data::Comparisons;
use equipoise_reference::maximal_lottery;
use ndarray::Array1;
use rayon::prelude::*;

use crate::fit::{Fit, Options, fit, strengths};
use crate::intervals::{Critical, critical_values, quantile, rank_intervals};
use crate::intransitivity::InspectError;
use crate::model::Model;
use crate::resample::{binomial, is_whole, resample};

/// Draws for critical values.
const DRAWS: usize = 4000;

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
}

/// All items, by Bradley-Terry strength: several ratings side by side.
#[derive(Clone, Debug)]
pub struct Leaderboard {
    /// The rows, strongest first.
    pub rows: Vec<Row>,
    /// The Bradley-Terry fit.
    pub fit: Fit,
    /// Critical values of the intervals.
    pub critical: Critical,
    /// Bootstrap samples drawn.
    pub replicates: usize,
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
    let bt = fit(data, Model::BradleyTerry, Options::default())?;
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
    let mut found = Leaderboard { rows: Vec::with_capacity(n), critical, replicates: 0, fit: bt };
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
        }
    });
    found.rows = rows.collect();
    found.take_samples(&drawn);
    Ok(found)
}

impl Leaderboard {
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
        let (strength, _) = strengths(&sample, start)?;
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
