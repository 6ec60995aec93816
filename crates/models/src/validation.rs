//! How well a fitted model predicts: calibration by pairs, loss on comparisons held out.

use equipoise_core::{Rng, seed::stream};
use equipoise_data::{Comparisons, Count, Observations};

use crate::error::FitError;
use crate::pair_fit::{PairFit, PairOptions, Predictor};
use crate::pair_model::PairModel;
use crate::resample::binomial;

/// Bins of calibration.
const BINS: usize = 10;

/// One bin of predicted win rates.
#[derive(Clone, Copy, Debug)]
pub struct Bin {
    /// Comparisons in it.
    pub comparisons: f64,
    /// Mean win rate predicted.
    pub predicted: f64,
    /// Win rate seen.
    pub observed: f64,
}

/// Win rates predicted and seen, in ten bins from 1/2 to 1: of each pair the side predicted to win is counted.
#[must_use]
pub fn calibration(data: &Comparisons, fit: &PairFit) -> Vec<Bin> {
    let mut sums = [(0.0, 0.0, 0.0); BINS];
    for pair in &data.pairs {
        let (predicted, seen, met) = (fit.prob(pair.i, pair.j), 0.5 + pair.margin(0.0), pair.met());
        let (predicted, seen) =
            if predicted < 0.5 { (1.0 - predicted, 1.0 - seen) } else { (predicted, seen) };
        let bin = (((predicted - 0.5) * 2.0 * BINS as f64) as usize).min(BINS - 1);
        sums[bin].0 += met;
        sums[bin].1 += met * predicted;
        sums[bin].2 += met * seen;
    }
    let bins = sums.iter().filter(|s| s.0 > 0.0);
    bins.map(|&(met, p, o)| Bin { comparisons: met, predicted: p / met, observed: o / met }).collect()
}

/// Mean distance of predicted from seen win rates over bins, weighted by comparisons.
#[must_use]
pub fn calibration_error(bins: &[Bin]) -> f64 {
    let total: f64 = bins.iter().map(|b| b.comparisons).sum();
    bins.iter().map(|b| b.comparisons * (b.predicted - b.observed).abs()).sum::<f64>() / total
}

/// Mean negative log-likelihood of a comparison held out, in nats, over `folds` random folds of whole observations; `None` if
/// they cannot be counted, and so not be divided.
///
/// # Errors
/// [`FitError`].
pub fn held_out_loss(
    observations: &Observations,
    model: &'static PairModel,
    options: PairOptions,
    folds: u32,
    seed: u64,
) -> Result<Option<f64>, FitError> {
    let Some(folds) = self::folds(observations, folds, seed) else { return Ok(None) };
    let (mut loss, mut count) = (0.0, 0.0);
    for Fold { held, others } in &folds {
        let trained = Predictor::new(others, model, options)?;
        for pair in &held.pairs {
            for (i, j, c) in [(pair.i, pair.j, &pair.forward), (pair.j, pair.i, &pair.backward)] {
                let logs = trained.probs(i, j).map(|p| p.max(f64::MIN_POSITIVE).ln());
                loss -= model.weights(c).iter().zip(logs).map(|(w, l)| w * l).sum::<f64>();
                count += c.total();
            }
        }
    }
    Ok((count > 0.0).then(|| loss / count))
}

/// Comparisons held out, and all others.
pub(crate) struct Fold {
    pub(crate) held: Comparisons,
    pub(crate) others: Comparisons,
}

/// Random folds of whole observations; `None` if they cannot be counted, and so not be divided.
pub(crate) fn folds(observations: &Observations, folds: u32, seed: u64) -> Option<Vec<Fold>> {
    if observations.no_noise().is_some() {
        return None;
    }
    let data = &observations.comparisons;
    let mut rng = stream(seed, "folds", &[]);
    let mut rest = data.clone();
    let all: Vec<f64> = observations.clusters().into_iter().flatten().map(|o| o.times).collect();
    let mut left = all.clone();
    let fold = |k: u32| {
        let share = f64::from(folds - k).recip();
        if all.is_empty() {
            let held = deal(&mut rest, share, &mut rng);
            let others = minus(data, &held);
            return Fold { held, others };
        }
        let mut dealt = |left: &mut f64| {
            let held = binomial(*left as u64, share, &mut rng) as f64;
            *left -= held;
            held
        };
        let held: Vec<f64> = left.iter_mut().map(&mut dealt).collect();
        let others: Vec<f64> = all.iter().zip(&held).map(|(all, held)| all - held).collect();
        Fold { held: observations.weighted(&held), others: observations.weighted(&others) }
    };
    Some((0..folds).map(fold).collect())
}

/// Takes a random share of the comparisons out of `rest`.
fn deal(rest: &mut Comparisons, share: f64, rng: &mut Rng) -> Comparisons {
    let mut taken = rest.clone();
    for (from, to) in rest.pairs.iter_mut().zip(&mut taken.pairs) {
        for (from, to) in [(&mut from.forward, &mut to.forward), (&mut from.backward, &mut to.backward)] {
            for (from, to) in cells(from).into_iter().zip(cells(to)) {
                *to = binomial(*from as u64, share, rng) as f64;
                *from -= *to;
            }
        }
    }
    taken
}

fn cells(count: &mut Count) -> [&mut f64; 4] {
    [&mut count.first, &mut count.second, &mut count.tie, &mut count.both_bad]
}

/// The comparisons of `all` without those of `some`, pair by pair.
fn minus(all: &Comparisons, some: &Comparisons) -> Comparisons {
    let mut left = all.clone();
    for (from, less) in left.pairs.iter_mut().zip(&some.pairs) {
        let mut less = *less;
        for (from, less) in [(&mut from.forward, &mut less.forward), (&mut from.backward, &mut less.backward)]
        {
            cells(from).into_iter().zip(cells(less)).for_each(|(from, less)| *from -= *less);
        }
    }
    left.pairs.retain(|p| p.met() > 0.0);
    left
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entries::BRADLEY_TERRY;
    use crate::pair_fit::fit;
    use ndarray::{Array2, arr2};

    #[test]
    fn folds_cover_every_comparison_once_and_even_chances_cost_a_bit() {
        let data = Comparisons::from_tables(&arr2(&[[0.0, 31.0], [9.0, 0.0]]), &Array2::zeros((2, 2)));
        let mut rest = data.clone();
        let mut rng = stream(1, "test", &[]);
        let parts: Vec<Comparisons> =
            (0..4).map(|k| deal(&mut rest, 1.0 / f64::from(4 - k), &mut rng)).collect();
        assert_eq!(parts.iter().map(|p| p.pairs[0].outcomes().0).sum::<f64>(), 31.0);
        assert_eq!(rest.pairs[0].met(), 0.0);
        let even = Comparisons::from_tables(&arr2(&[[0.0, 4e6], [4e6, 0.0]]), &Array2::zeros((2, 2)));
        let loss =
            held_out_loss(&even.into(), &BRADLEY_TERRY, PairOptions::default(), 5, 1).unwrap().unwrap();
        // the training sets err by 1e-3 at most, and the loss is flat there
        assert!((loss - 2f64.ln()).abs() < 1e-5, "{loss}");
        let fitted = fit(&data, &BRADLEY_TERRY, PairOptions::default()).unwrap();
        let bins = calibration(&data, &fitted);
        assert!(
            bins.len() == 1
                && calibration_error(&bins) < 1e-12
                && (bins[0].observed - 31.0 / 40.0).abs() < 1e-12
        );
    }
}
