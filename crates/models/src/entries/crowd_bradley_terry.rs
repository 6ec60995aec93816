//! Crowd-BT: strengths of items and reliabilities of annotators together.
//!
//! ```text
//! Pr(i | annotator k) = eta_k sigma(r_i - r_j) + (1 - eta_k) sigma(r_j - r_i)        eta_k in (0, 1); a tie counts half to each side
//! ```
//!
//! Chen, Bennett, Collins-Thompson, Horvitz 2013. eta = 1: follows the strengths; 1/2: answers at random; below: answers the other way
//! round. All strengths negated and all eta mirrored say the same: a prior of one comparison of every annotator, right nine times of ten,
//! chooses the side; the logistic prior on strengths makes the scale finite. Both are always on. The objective is not concave; the start is
//! reliability 0.9 and the win rates. The probability is that of an annotator who follows the strengths; where comparisons held out
//! are predicted, that of one of mean reliability. Cost: O(pairs of all annotators) an L-BFGS step.

use std::collections::BTreeMap;

use equipoise_core::lbfgs::{Minimum, minimise};
use equipoise_core::logistic::{log_sigmoid, logistic};
use equipoise_data::Battles;
use ndarray::Array1;
use serde_json::{Map, Value, json};

use crate::descent::{Fall, minimum, tolerance};
use crate::error::{FitError, MAX_ITEMS};
use crate::fitted::{Convergence, Existence, Fitted, Iteration, ModelResult};
use crate::graph::{held_together, win_blocks};
use crate::registry::{ModelEntry, NoOptions, PreferenceModel, Watch};

pub(super) const ENTRY: ModelEntry = ModelEntry::of::<CrowdBradleyTerry>(
    "crowd-bradley-terry",
    "Pr(i | annotator k) = eta_k sigma(r_i - r_j) + (1 - eta_k) sigma(r_j - r_i)",
    "Chen, Bennett, Collins-Thompson, Horvitz 2013",
)
.fitted("L-BFGS with priors on strengths and reliabilities; no errors");

/// Log odds of the reliability that the prior is centred at: 9 to 1.
const CENTRE: f64 = 2.197_224_577_336_219_6;
/// L-BFGS steps at most.
const MOST_STEPS: u32 = 5_000;
/// Largest entry of the gradient at the end, for an average parameter's one comparison.
const TOLERANCE: f64 = 1e-11;

/// Difference of log posteriors, in nats, that is rounding.
const EQUAL: f64 = 1e-6;
/// Difference of log posteriors below which the mirror image is spoken of: a factor of 20.
const NEAR: f64 = 3.0;

struct CrowdBradleyTerry;

impl PreferenceModel for CrowdBradleyTerry {
    type Options = NoOptions;
    type Data = Battles;

    fn fit(data: &Battles, _: NoOptions, watch: Watch<'_>) -> Result<Fitted, FitError> {
        let (n, annotators) = (data.labels.len(), data.annotators.len());
        if n + annotators > MAX_ITEMS {
            return Err(FitError::TooMany { items: n + annotators });
        }
        let cells = cells(data);
        if cells.is_empty() {
            return Err(FitError::Nothing);
        }
        let total: f64 = cells.iter().map(|c| c.won + c.lost).sum();
        let mut point = start(n, annotators, &cells);
        let tolerance = tolerance(TOLERANCE, total, n + annotators, true);
        let evaluate = |x: &[f64], g: &mut [f64]| objective(&cells, n, x, g);
        let told = Fall::to(tolerance, watch).of(evaluate);
        let mut found = minimum(&mut point, tolerance, MOST_STEPS, told);
        // all strengths turned round, and all annotators wrong where they were right: told apart by the prior alone
        let mut mirror: Vec<f64> = point.iter().map(|x| -x).collect();
        let other = minimise(&mut mirror, tolerance, MOST_STEPS, evaluate);
        let same = mirror.iter().zip(&point).all(|(a, b)| (a - b).abs() < 1e-4);
        let mut less_likely = (!same).then_some(other.value - found.value);
        if less_likely.is_some_and(|nats| nats < -EQUAL) {
            (point, less_likely) = (mirror, less_likely.map(|nats| -nats));
            found = Minimum { steps: found.steps + other.steps, ..other };
        }
        let twice = less_likely.is_some_and(|nats| nats <= EQUAL);
        let counts = data.counts();
        let (blocks, islands) = (win_blocks(&counts), counts.components());
        let exists = held_together(n, &islands, &blocks).iter().all(|held| *held);
        let strengths = Array1::from(point[..n].to_vec());
        let mut answered = vec![0.0; annotators];
        cells.iter().for_each(|c| answered[c.annotator] += c.won + c.lost);
        let reliability = point[n..].iter().map(|x| logistic(*x)).collect();
        let log_likelihood = log_likelihood(&cells, n, &point);
        let mean = strengths.mean().expect("there are items");
        let result = Crowd {
            strengths: &strengths - mean,
            annotators: data.annotators.clone(),
            reliability,
            error: (0..annotators).map(|k| reliability_error(&cells, n, &point, k)).collect(),
            answered,
            mirror: less_likely.filter(|nats| *nats < NEAR),
        };
        Ok(Fitted {
            log_strength: Some(result.strengths.clone()),
            log_likelihood: Some(log_likelihood),
            free_parameters: Some(n.saturating_sub(1) + annotators),
            existence: match (exists, twice) {
                (true, false) => Existence::Finite,
                (true, true) => Existence::NotFound,
                (false, _) => Existence::Separated { blocks },
            },
            prior: true,
            convergence: Convergence {
                by: Iteration::Passes("L-BFGS"),
                converged: found.converged,
                iterations: found.steps,
            },
            ..Fitted::new(data.labels.clone(), result)
        })
    }
}

/// What an annotator said of a pair.
struct Cell {
    annotator: usize,
    i: usize,
    j: usize,
    won: f64,
    lost: f64,
}

fn cells(data: &Battles) -> Vec<Cell> {
    let mut counts: BTreeMap<(u32, u32, u32), (f64, f64)> = BTreeMap::new();
    for b in data.rows.iter().filter(|b| b.weight > 0.0 && b.first != b.second) {
        let Some(won) = data.ties.score(b.outcome) else { continue };
        let (i, j, won) =
            if b.first < b.second { (b.first, b.second, won) } else { (b.second, b.first, 1.0 - won) };
        let cell = counts.entry((b.annotator, i, j)).or_default();
        cell.0 += b.weight * won;
        cell.1 += b.weight * (1.0 - won);
    }
    let cell = |((annotator, i, j), (won, lost)): ((u32, u32, u32), (f64, f64))| Cell {
        annotator: annotator as usize,
        i: i as usize,
        j: j as usize,
        won,
        lost,
    };
    counts.into_iter().map(cell).collect()
}

/// Strengths of the smoothed shares of wins, reliabilities at the centre of their prior.
fn start(n: usize, annotators: usize, cells: &[Cell]) -> Vec<f64> {
    let (mut won, mut lost) = (vec![1.0; n], vec![1.0; n]);
    for c in cells {
        won[c.i] += c.won;
        lost[c.i] += c.lost;
        won[c.j] += c.lost;
        lost[c.j] += c.won;
    }
    let strengths = won.iter().zip(&lost).map(|(w, l): (&f64, &f64)| (w / l).ln());
    strengths.chain(std::iter::repeat_n(CENTRE, annotators)).collect()
}

/// `log Pr(i | k)` and `log Pr(j | k)` at difference `d` and log odds `x` of the reliability, with their derivatives in both.
///
/// ```text
/// Pr(i | k) = sigma(x) sigma(d) + sigma(-x) sigma(-d)       d/dd = sigma'(d) tanh(x / 2),  d/dx = sigma'(x) tanh(d / 2)
/// ```
fn pair(d: f64, x: f64) -> [(f64, f64, f64); 2] {
    let side = |sign: f64| {
        let one = log_sigmoid(x) + log_sigmoid(sign * d);
        let two = log_sigmoid(-x) + log_sigmoid(-sign * d);
        let top = one.max(two);
        let log = top + ((one - top).exp() + (two - top).exp()).ln();
        let slope =
            |at: f64, other: f64| (log_sigmoid(at) + log_sigmoid(-at) - log).exp() * (0.5 * other).tanh();
        (log, sign * slope(d, x), slope(x, sign * d))
    };
    [side(1.0), side(-1.0)]
}

fn log_likelihood(cells: &[Cell], n: usize, point: &[f64]) -> f64 {
    let term = |c: &Cell| {
        let [up, down] = pair(point[c.i] - point[c.j], point[n + c.annotator]);
        c.won * up.0 + c.lost * down.0
    };
    cells.iter().map(term).sum()
}

/// Standard error of the log odds of a reliability, given the strengths, by the curvature of the log posterior; infinite where that is
/// not positive. With `s = d/dx log Pr`, the second derivative of `log Pr` is `s (1 - 2 sigma(x)) - s^2`.
fn reliability_error(cells: &[Cell], n: usize, point: &[f64], annotator: usize) -> f64 {
    let x = point[n + annotator];
    let second = |slope: f64| slope * (1.0 - 2.0 * logistic(x)) - slope * slope;
    let mut curvature = logistic(x) * logistic(-x);
    for c in cells.iter().filter(|c| c.annotator == annotator) {
        let [up, down] = pair(point[c.i] - point[c.j], x);
        curvature -= c.won * second(up.2) + c.lost * second(down.2);
    }
    if curvature > 0.0 { curvature.powf(-0.5) } else { f64::INFINITY }
}

/// Minus the log-posterior, and its gradient.
fn objective(cells: &[Cell], n: usize, point: &[f64], g: &mut [f64]) -> f64 {
    g.fill(0.0);
    let mut value = 0.0;
    for c in cells {
        let [up, down] = pair(point[c.i] - point[c.j], point[n + c.annotator]);
        value -= c.won * up.0 + c.lost * down.0;
        let slope = c.won * up.1 + c.lost * down.1;
        g[c.i] -= slope;
        g[c.j] += slope;
        g[n + c.annotator] -= c.won * up.2 + c.lost * down.2;
    }
    for (k, (x, g)) in point.iter().zip(g).enumerate() {
        // of a reliability 0.9 log sigma(x) + 0.1 log sigma(-x), largest at its centre
        let (right, wrong) = if k < n { (1.0, 1.0) } else { (logistic(CENTRE), logistic(-CENTRE)) };
        value -= right * log_sigmoid(*x) + wrong * log_sigmoid(-x);
        *g -= right * logistic(-x) - wrong * logistic(*x);
    }
    value
}

/// Strengths and reliabilities.
#[derive(Debug)]
struct Crowd {
    strengths: Array1<f64>,
    annotators: Vec<String>,
    reliability: Vec<f64>,
    /// Standard errors of their log odds, given the strengths.
    error: Vec<f64>,
    /// Comparisons of each.
    answered: Vec<f64>,
    /// By how many nats the mirror image is less likely, where that is little.
    mirror: Option<f64>,
}

impl ModelResult for Crowd {
    fn prob(&self, i: usize, j: usize) -> f64 {
        logistic(self.strengths[i] - self.strengths[j])
    }

    /// Of an annotator of the mean reliability, each as often as it answered.
    fn answer_prob(&self, i: usize, j: usize) -> f64 {
        let right: f64 = self.answered.iter().zip(&self.reliability).map(|(count, eta)| count * eta).sum();
        let eta = right / self.answered.iter().sum::<f64>();
        eta * self.prob(i, j) + (1.0 - eta) * self.prob(j, i)
    }

    fn prior(&self) -> &'static str {
        "the logistic prior on strengths, and one comparison of every annotator, right nine times of ten"
    }

    fn own(&self) -> Map<String, Value> {
        let list: Vec<Value> = (0..self.annotators.len())
            .map(|k| {
                // the prior alone says nothing of the annotator
                let answered = self.answered[k] > 0.0;
                json!({
                    "annotator": self.annotators[k],
                    "reliability": answered.then_some(self.reliability[k]),
                    "log_odds_error": Some(self.error[k]).filter(|e| answered && e.is_finite()),
                    "comparisons": self.answered[k],
                })
            })
            .collect();
        let mut own = Map::from_iter([("annotators".to_owned(), json!(list))]);
        if let Some(nats) = self.mirror {
            own.insert("mirror_image_less_likely_nats".to_owned(), json!(nats.max(0.0)));
        }
        own
    }

    fn notes(&self) -> Vec<String> {
        let known = self.reliability.iter().zip(&self.answered).filter(|(_, count)| **count > 0.0);
        let below = known.clone().filter(|(eta, _)| **eta < 0.5).count();
        let mut notes = vec![format!(
            "{} annotators; {below} of them with a reliability below 1/2; priors on strengths and reliabilities are always on",
            known.count()
        )];
        notes.extend(self.mirror.map(|nats| match nats <= EQUAL {
            true => "all strengths turned round, with annotators wrong where they are right here, is as likely: the data do not say which"
                .to_owned(),
            false => format!(
                "all strengths turned round, with annotators wrong where they are right here, is only {:.1} times less likely",
                nats.exp()
            ),
        }));
        notes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use equipoise_core::{sample, seed::stream};
    use equipoise_data::{Selection, parse_battles};

    fn drawn(seed: u64, etas: &[f64], each: usize) -> Battles {
        let r = [1.2, 0.4, 0.0, -0.5, -1.1];
        let mut rng = stream(seed, "crowd", &[]);
        let mut text = String::from("item_a,item_b,outcome,annotator\n");
        for (k, eta) in etas.iter().enumerate() {
            for _ in 0..each {
                let i = sample::index(&mut rng, 5);
                let j = (i + 1 + sample::index(&mut rng, 4)) % 5;
                let p = logistic(r[i] - r[j]);
                let p = eta * p + (1.0 - eta) * (1.0 - p);
                let outcome = if sample::uniform(&mut rng) < p { "a" } else { "b" };
                text += &format!("i{i},i{j},{outcome},k{k}\n");
            }
        }
        parse_battles("d.csv".as_ref(), text.as_bytes(), &Selection::default()).unwrap()
    }

    #[test]
    fn the_gradient_is_that_of_finite_differences() {
        let data = drawn(1, &[0.9, 0.5, 0.2], 40);
        let cells = cells(&data);
        for scale in [0.5, 3.0] {
            let x: Vec<f64> = (0..8).map(|k| scale * ((k * k + 1) as f64).sin()).collect();
            let (mut g, mut unused) = (vec![0.0; 8], vec![0.0; 8]);
            objective(&cells, 5, &x, &mut g);
            for k in 0..8 {
                let mut moved = |s: f64| {
                    let mut x = x.clone();
                    x[k] += s;
                    objective(&cells, 5, &x, &mut unused)
                };
                let difference = (moved(1e-5) - moved(-1e-5)) / 2e-5;
                assert!((difference - g[k]).abs() < 1e-7, "{k}: {difference} {}", g[k]);
            }
        }
    }

    #[test]
    fn answers_are_predicted_as_often_as_they_come_out() {
        let data = drawn(4, &[0.95, 0.7, 0.7], 2000);
        let fitted = ENTRY.fit(&data.clone().into(), &Value::Null).unwrap();
        let (sure, answers) = (fitted.probability(), fitted.answer_probability());
        let counts = data.counts();
        for p in counts.pairs.iter().filter(|p| p.met() > 400.0) {
            let (won, met) = (p.outcomes().0, p.met());
            let predicted = answers[[p.i, p.j]].unwrap();
            assert!(
                (won / met - predicted).abs() < 4.0 * (0.25 / met).sqrt(),
                "{} of {met}: {predicted}",
                won
            );
            // further from 1/2 without the errors
            let sure = sure[[p.i, p.j]].unwrap();
            assert!((sure - 0.5).abs() > (predicted - 0.5).abs() && (sure - 0.5) * (predicted - 0.5) > 0.0);
        }
    }

    #[test]
    fn liars_are_found_and_their_answers_turned() {
        for seed in [1, 2, 3] {
            let etas = [0.95, 0.9, 0.95, 0.5, 0.1];
            let data = drawn(seed, &etas, 400);
            let fitted = ENTRY.fit(&data.clone().into(), &Value::Null).unwrap();
            assert!(fitted.convergence.converged);
            let own = fitted.own();
            let found = |k: usize| own["annotators"][k]["reliability"].as_f64().unwrap();
            (0..3).for_each(|k| assert!(found(k) > 0.75, "{k} {}", found(k)));
            assert!((found(3) - 0.5).abs() < 0.2 && found(4) < 0.3, "{} {}", found(3), found(4));
            // a stationary point of the posterior, found again from elsewhere
            let cells = cells(&data);
            let mut far: Vec<f64> = start(5, 5, &cells).iter().map(|x| 0.5 * x + 0.2).collect();
            let again = minimise(&mut far, 1e-9, 20_000, |x, g| objective(&cells, 5, x, g));
            assert!(again.converged);
            let mean = far[..5].iter().sum::<f64>() / 5.0;
            let place = |l: &String| data.labels.iter().position(|m| m == l).unwrap();
            for (label, r) in fitted.labels.iter().zip(fitted.log_strength.as_ref().unwrap()) {
                assert!((far[place(label)] - mean - r).abs() < 1e-6, "{label}");
            }
        }
    }

    #[test]
    fn annotators_who_are_always_right_leave_bradley_terry() {
        // the likelihood at eta = 1 is Bradley-Terry's
        let [up, down] = pair(0.7, 800.0);
        assert!((up.0 - log_sigmoid(0.7)).abs() < 1e-15 && (down.0 - log_sigmoid(-0.7)).abs() < 1e-15);
        // and of one who answers at random a bit
        assert!((pair(3.0, 0.0)[0].0 + 2f64.ln()).abs() < 1e-15);
    }
}
