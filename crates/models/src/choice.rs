//! Which model? All that fit the data side by side: how well each predicts comparisons that it has not seen, and what it says of cycles.
//!
//! ```text
//! l_m = (1 / N) sum over held-out comparisons  s log P_m + (1 - s) log(1 - P_m)       s: 1 won, 0 lost, 1/2 tied
//! ```
//!
//! P_m is [`Fitted::answer_in`] of a fit to the other folds, in the context of the comparison; 1/2 where the model says nothing. All models see the same folds, so that
//! differences are paired: their errors are those of the mean over units (a comparison, or a whole ranking), which are in one fold each.
//! Intervals hold for all differences to the best at once (Bonferroni). The spread of differences is never taken to be less than what one
//! comparison that came out the other way would add: where all came out as every model said, it is 0, which shows nothing. Differences below
//! 1e-7 nats a comparison are rounding and the tolerances of fits. The verdict is the smallest model that is not beaten beyond
//! noise: of those whose interval reaches the best one, that with the fewest free parameters.

use std::ops::Range;

use equipoise_core::seed::stream;
use equipoise_data::{Battle, Battles, Features, Grouped, Grouping};
use equipoise_env::PreferenceMatrix;
use equipoise_reference::maximal_lottery;
use ndarray::{Array1, Array2};
use rayon::prelude::*;

use crate::distributions::normal_quantile;
use crate::error::FitError;
use crate::fitted::Fitted;
use crate::input::{Contexts, Counts, ModelData, ModelInput};
use crate::registry::ModelEntry;
use crate::resample::binomial;
use crate::validation::{Bin, calibration_error};

/// Confidence of the intervals, for all at once.
pub const CONFIDENCE: f64 = 0.95;
/// Items up to which cycles are counted and lotteries solved.
const MOST_SOLVED: usize = 300;
/// Bins of calibration.
const BINS: usize = 10;
/// Nats a comparison that fits which agree may differ by: their tolerances, and rounding.
const RESOLUTION: f64 = 1e-7;
/// Contexts that are told apart by themselves, where they have no features: each has strengths of its own.
const MOST_CONTEXTS: usize = 50;
/// Comparisons below which nothing is told.
const FEWEST: f64 = 20.0;

/// What is said of one model.
#[derive(Clone, Debug)]
pub struct Contender {
    /// Its name.
    pub name: &'static str,
    /// Free parameters of its fit to all data; `None` where it does not count them, so that it is never the smallest.
    pub size: Option<usize>,
    /// Mean log-likelihood of a held-out comparison, in nats.
    pub held_out: Option<f64>,
    /// That less the best one's, and the ends of its interval.
    pub difference: Option<(f64, f64, f64)>,
    /// Whether the interval lies below 0 by more than rounding: others predict better beyond noise.
    pub beaten: Option<bool>,
    /// Mean distance of seen from predicted win rates of held-out comparisons, over ten bins.
    pub calibration_error: Option<f64>,
    /// Triples in a cycle of majorities, fitted to all data; of a model of contexts, of the mean of its contexts, as are the winner and Nash.
    pub cyclic_triads: Option<u64>,
    /// The item that beats all others in the fit.
    pub condorcet_winner: Option<usize>,
    /// What Nash of the fit plays, `[n]`.
    pub nash: Option<Array1<f64>>,
    /// Why something is missing, if something is.
    pub reason: Option<String>,
}

/// All models side by side.
#[derive(Clone, Debug)]
pub struct Choice {
    /// The models, those that predict best first, then those that could not be compared.
    pub contenders: Vec<Contender>,
    /// The smallest model that is not beaten beyond noise: an index into the contenders.
    pub smallest: Option<usize>,
    /// Why there is none, if there is none.
    pub undecided: Option<&'static str>,
    /// Weight of the comparisons that were held out, each once.
    pub comparisons: f64,
}

/// Compares the models on `folds` random folds of whole units; `models` with the options that they are given. Models of contexts see
/// `features`, in the order of [`Battles::contexts`]; without them each of up to 50 contexts has strengths of its own.
///
/// # Errors
/// [`FitError::Nothing`] without comparisons; [`FitError::PartsOfMatches`] for weights in fractions, which cannot be divided.
pub fn choose(
    data: &Battles,
    models: &[(ModelEntry, serde_json::Value)],
    features: Option<&Features>,
    folds: u32,
    seed: u64,
) -> Result<Choice, FitError> {
    if let Some(row) = data.rows.iter().find(|b| b.weight.fract() != 0.0) {
        return Err(FitError::PartsOfMatches { weight: row.weight });
    }
    let units = units(data);
    let comparisons: f64 = units.iter().map(|u| u.weight * u.counted).sum();
    if comparisons == 0.0 {
        return Err(FitError::Nothing);
    }
    let dealt = deal(&units, folds, seed);
    let mut judged: Vec<(Contender, Option<Vec<Score>>)> = models
        .par_iter()
        .map(|(entry, options)| judge(data, &units, &dealt, &Fitting { entry, options, features }))
        .collect();
    let order = |c: &Contender| c.held_out.unwrap_or(f64::NEG_INFINITY);
    judged.sort_by(|a, b| order(&b.0).total_cmp(&order(&a.0)));
    let compared = judged.iter().filter(|c| c.1.is_some()).count();
    if let Some(best) = judged.first().and_then(|c| c.1.clone()) {
        let z = normal_quantile(1.0 - 0.5 * (1.0 - CONFIDENCE) / compared.saturating_sub(1).max(1) as f64);
        for (contender, sums) in &mut judged {
            let Some(sums) = sums else { continue };
            let (mean, error) = paired(&units, &dealt, sums, &best);
            contender.difference = Some((mean, mean - z * error, mean + z * error));
            contender.beaten = Some(mean + z * error < -RESOLUTION);
        }
    }
    let contenders: Vec<Contender> = judged.into_iter().map(|c| c.0).collect();
    let kept = contenders.iter().enumerate().filter(|(_, c)| c.beaten == Some(false) && c.size.is_some());
    // of equal size the first of those given
    let given = |name: &str| models.iter().position(|(entry, _)| entry.name == name);
    let smallest = kept.min_by_key(|(_, c)| (c.size, given(c.name))).map(|(k, _)| k);
    // the comparisons of one ranking are not independent
    let independent: f64 = units.iter().filter(|u| u.counted > 0.0).map(|u| u.weight).sum();
    let undecided = match smallest {
        _ if independent < FEWEST && data.rankings.is_empty() => {
            Some("not enough data to tell: fewer than 20 comparisons")
        }
        _ if independent < FEWEST => Some(
            "not enough data to tell: fewer than 20 rankings and comparisons, as those of one ranking are not independent",
        ),
        None if compared == 0 => Some("no model could be compared"),
        None => Some("all models that count their parameters are beaten"),
        Some(_) => None,
    };
    let smallest = smallest.filter(|_| undecided.is_none());
    Ok(Choice { contenders, smallest, undecided, comparisons })
}

/// Rows that stay in one fold: one comparison, or those of a ranking.
struct Unit {
    rows: Range<usize>,
    weight: f64,
    /// Comparisons that count, of weight 1.
    counted: f64,
}

fn counts(data: &Battles, b: &Battle) -> bool {
    b.first != b.second && data.ties.count(b.outcome)
}

fn units(data: &Battles) -> Vec<Unit> {
    let (mut units, mut at, mut rankings) = (Vec::new(), 0, data.rankings.iter().peekable());
    while at < data.rows.len() {
        let end = rankings.next_if(|r| r.start == at).map_or(at + 1, |r| r.end);
        let counted = data.rows[at..end].iter().filter(|b| counts(data, b)).count() as f64;
        units.push(Unit { rows: at..end, weight: data.rows[at].weight, counted });
        at = end;
    }
    units
}

/// How often each unit is in each fold, `[folds][units]`.
fn deal(units: &[Unit], folds: u32, seed: u64) -> Vec<Vec<f64>> {
    let mut rng = stream(seed, "folds of models", &[]);
    let mut left: Vec<f64> = units.iter().map(|u| u.weight).collect();
    let mut dealt = Vec::new();
    for k in 0..folds {
        let share = f64::from(folds - k).recip();
        let mut one = |left: &mut f64| {
            let held = binomial(*left as u64, share, &mut rng) as f64;
            *left -= held;
            held
        };
        dealt.push(left.iter_mut().map(&mut one).collect());
    }
    dealt
}

/// The data with each unit as often as it is told.
fn weighted(data: &Battles, units: &[Unit], times: impl Fn(usize) -> f64) -> Battles {
    let mut rows = Vec::with_capacity(data.rows.len());
    let mut rankings = Vec::new();
    for (k, unit) in units.iter().enumerate() {
        let weight = times(k);
        if weight > 0.0 {
            let start = rows.len();
            rows.extend(data.rows[unit.rows.clone()].iter().map(|b| Battle { weight, ..*b }));
            if unit.rows.len() > 1 {
                rankings.push(start..rows.len());
            }
        }
    }
    Battles { rows, rankings, ..data.clone() }
}

/// A model with all that its fit depends on beside the comparisons.
struct Fitting<'a> {
    entry: &'a ModelEntry,
    options: &'a serde_json::Value,
    features: Option<&'a Features>,
}

fn fit(Fitting { entry, options, features }: &Fitting<'_>, data: Battles) -> Result<Fitted, String> {
    let data = match entry.input {
        ModelInput::Counts => ModelData::Counts(Counts::from(data.counts())),
        ModelInput::Battles => ModelData::Battles(data),
        // whatever the data are, here they are single comparisons without their contexts
        ModelInput::Rankings => {
            return Err(
                "predicts whole rankings; what is compared here are predictions of single comparisons"
                    .to_owned(),
            );
        }
        ModelInput::Contexts if data.contexts.len() < 2 => {
            return Err("all comparisons are of one context, where it is Bradley-Terry".to_owned());
        }
        ModelInput::Contexts if features.is_none() && data.contexts.len() > MOST_CONTEXTS => {
            let found = data.contexts.len();
            return Err(format!(
                "{found} contexts without features: more than {MOST_CONTEXTS} need a file of them"
            ));
        }
        ModelInput::Contexts => {
            let features = features.map_or_else(|| Contexts::indicators(&data.contexts), Features::clone);
            ModelData::Contexts(Contexts { grouped: Grouped::of_battles(&data, Grouping::Context), features })
        }
    };
    let fitted = entry.fit(&data, options).map_err(|e| e.to_string())?;
    if !fitted.convergence.converged {
        return Err("the fit did not converge".to_owned());
    }
    Ok(fitted)
}

/// What a model says of one unit.
#[derive(Clone, Copy)]
struct Score {
    /// Log-likelihood of its comparisons.
    log_likelihood: f64,
    /// What that would lose if they had come out the other way; a tie, as a win of either.
    turned: f64,
}

/// A model by itself: its row, and the scores of all units in all folds, one after the other.
fn judge(
    data: &Battles,
    units: &[Unit],
    dealt: &[Vec<f64>],
    fitting: &Fitting<'_>,
) -> (Contender, Option<Vec<Score>>) {
    let mut contender = Contender {
        name: fitting.entry.name,
        size: None,
        held_out: None,
        difference: None,
        beaten: None,
        calibration_error: None,
        cyclic_triads: None,
        condorcet_winner: None,
        nash: None,
        reason: None,
    };
    let whole = match fit(fitting, data.clone()) {
        Ok(fitted) => fitted,
        Err(reason) => return (Contender { reason: Some(reason), ..contender }, None),
    };
    contender.size = whole.free_parameters;
    describe(&whole, &mut contender);
    match held_out(data, units, dealt, fitting) {
        Ok((sums, bins)) => {
            let weights = dealt.iter().flatten();
            let total: f64 = weights.clone().zip(units.iter().cycle()).map(|(w, u)| w * u.counted).sum();
            contender.held_out =
                Some(weights.zip(&sums).map(|(w, x)| w * x.log_likelihood).sum::<f64>() / total);
            contender.calibration_error = Some(calibration_error(&bins));
            (contender, Some(sums))
        }
        Err(reason) => (Contender { reason: Some(reason), ..contender }, None),
    }
}

type HeldOut = (Vec<Score>, Vec<Bin>);

fn held_out(
    data: &Battles,
    units: &[Unit],
    dealt: &[Vec<f64>],
    fitting: &Fitting<'_>,
) -> Result<HeldOut, String> {
    let mut sums = Vec::with_capacity(dealt.len() * units.len());
    let mut bins = [(0.0, 0.0, 0.0); BINS];
    for held in dealt {
        let rest = weighted(data, units, |k| units[k].weight - held[k]);
        let trained = fit(fitting, rest).map_err(|e| format!("without a fold: {e}"))?;
        // one table for all comparisons, but of a model of contexts
        let table = (trained.contexts() == 1).then(|| trained.answer_probability());
        for (unit, &weight) in units.iter().zip(held) {
            let mut sum = Score { log_likelihood: 0.0, turned: 0.0 };
            for b in data.rows[unit.rows.clone()].iter().filter(|b| weight > 0.0 && counts(data, b)) {
                let at = |i: u32, j: u32| {
                    let (context, i, j) = (b.context as usize, i as usize, j as usize);
                    let said = table.as_ref().map_or_else(|| trained.answer_in(context, i, j), |t| t[[i, j]]);
                    said.unwrap_or(0.5)
                };
                let (p, q) = (at(b.first, b.second), at(b.second, b.first));
                let won = b.outcome.score();
                if p == 0.0 || q == 0.0 {
                    return Err(
                        "gave a probability of 0 or 1, which no number of comparisons shows".to_owned()
                    );
                }
                let term = |share: f64, p: f64| if share > 0.0 { share * p.ln() } else { 0.0 };
                sum.log_likelihood += term(won, p) + term(1.0 - won, q);
                let odds = p.ln() - q.ln();
                sum.turned += if won < 0.5 { -(1.0 - won) * odds } else { won * odds };
                let (predicted, seen) = if p < 0.5 { (q, 1.0 - won) } else { (p, won) };
                let bin = &mut bins[(((predicted - 0.5) * 2.0 * BINS as f64) as usize).min(BINS - 1)];
                *bin = (bin.0 + weight, bin.1 + weight * predicted, bin.2 + weight * seen);
            }
            sums.push(sum);
        }
    }
    let filled = bins.iter().filter(|b| b.0 > 0.0);
    let bin =
        |&(met, p, o): &(f64, f64, f64)| Bin { comparisons: met, predicted: p / met, observed: o / met };
    Ok((sums, filled.map(bin).collect()))
}

/// Mean difference of a comparison's log-likelihoods, and its standard error over units, not below that of one that came out the other way.
fn paired(units: &[Unit], dealt: &[Vec<f64>], one: &[Score], best: &[Score]) -> (f64, f64) {
    let rows = || {
        let weights = dealt.iter().flatten().zip(units.iter().cycle());
        let both = one.iter().zip(best);
        let differences = both.map(|(a, b)| (a.log_likelihood - b.log_likelihood, a.turned - b.turned));
        weights.zip(differences).map(|((w, unit), (d, t))| (*w, unit.counted, d, t))
    };
    let total: f64 = rows().map(|(w, m, ..)| w * m).sum();
    let count: f64 = rows().filter(|r| r.1 > 0.0).map(|(w, ..)| w).sum();
    let mean = rows().map(|(w, _, d, _)| w * d).sum::<f64>() / total;
    let spread: f64 = rows().map(|(w, m, d, _)| w * (d - mean * m).powi(2)).sum();
    let one_turned = rows().map(|(w, .., t)| w * t * t).sum::<f64>() / count;
    let error = match count > 1.0 {
        true => (spread * count / (count - 1.0)).max(one_turned).sqrt() / total,
        false => f64::INFINITY,
    };
    (mean, error)
}

/// What the fit to all data says of cycles, and what its Nash plays.
fn describe(fitted: &Fitted, contender: &mut Contender) {
    let n = fitted.n();
    // of a model of contexts their mean: what is played in none of them in particular
    let matrix = match PreferenceMatrix::from_margins(n, |i, j| fitted.prob(i, j) - 0.5) {
        Ok(matrix) => matrix,
        Err(e) => {
            contender.reason = Some(format!("neither cycles nor Nash: {e}"));
            return;
        }
    };
    if n > MOST_SOLVED {
        contender.reason = Some(format!("more than {MOST_SOLVED} items: neither cycles nor Nash"));
        return;
    }
    if let Some(((i, j), _)) = fitted.probability().indexed_iter().find(|(_, p)| p.is_none()) {
        let (i, j) = (&fitted.labels[i], &fitted.labels[j]);
        contender.reason =
            Some(format!("says nothing of some pairs, as {i} and {j}: neither cycles nor Nash"));
        return;
    }
    let beats = Array2::from_shape_fn((n, n), |(i, j)| matrix.margin(i, j) > 0.0);
    let mut cyclic = 0;
    for i in 0..n {
        for j in i + 1..n {
            for k in j + 1..n {
                let (ij, jk, ki) = (beats[[i, j]], beats[[j, k]], beats[[k, i]]);
                let (ji, kj, ik) = (beats[[j, i]], beats[[k, j]], beats[[i, k]]);
                cyclic += u64::from((ij && jk && ki) || (ji && kj && ik));
            }
        }
    }
    contender.cyclic_triads = Some(cyclic);
    contender.condorcet_winner = (0..n).find(|&i| (0..n).all(|j| j == i || beats[[i, j]]));
    match maximal_lottery(&matrix) {
        Ok(found) => contender.nash = Some(found.policy),
        Err(e) => contender.reason = Some(format!("no Nash: {e}")),
    }
}
