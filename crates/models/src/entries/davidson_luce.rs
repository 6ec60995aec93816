//! Davidson-Luce: rankings with ties, as repeated choices of one item or of several tied ones.
//!
//! ```text
//! Pr(C of R) = d_|C| prod_{i in C} s_i^(1/|C|)  /  sum_k d_k sum_{|B| = k, B in R} prod_{i in B} s_i^(1/k)       s = e^r, d_1 = 1
//! ```
//!
//! Firth, Kosmidis, Turner 2019, arXiv:1907.01540: C is what is ranked next of R, what is left; k goes over the sizes of ties that were seen. Without
//! ties the maximum is at the edge of the parameters, d_2 = 0: the fit is Plackett-Luce's, with one parameter more. Of two items it is Davidson's model (d_2 = nu). The log-likelihood is concave in (r, log d): a sum of linear
//! functions less log-sums-of-exponentials of them. The inner sums are elementary symmetric polynomials. A maximum exists only if "ranked
//! above or tied with" is strongly connected; where it is not, or none is found (strengths and ties may grow together), the logistic prior on
//! r and log d is added, and said. Cost: O(sum |R|^2 k) an L-BFGS step.

use equipoise_core::graph::strong_components;
use equipoise_core::lbfgs::{Minimum, minimise};
use equipoise_core::logistic::{log_sigmoid, logistic};
use equipoise_data::Rankings;
use ndarray::Array1;
use serde_json::{Map, Value, json};

use crate::descent::{Fall, tolerance};
use crate::error::{FitError, MAX_ITEMS};
use crate::fitted::{Convergence, Existence, Fitted, Iteration, ModelResult};
use crate::graph::held_together;
use crate::registry::{ModelEntry, PreferenceModel, PriorOption, Watch};

pub(super) const ENTRY: ModelEntry = ModelEntry::of::<DavidsonLuce>(
    "davidson-luce",
    "a ranking is a repeated choice of one or of k tied items, each in proportion to d_k times the geometric mean of their strengths",
    "Firth, Kosmidis, Turner 2019, arXiv:1907.01540",
)
.has_ties("outcomes of their own, a parameter for each size of tie")
.fitted("L-BFGS; no errors");

/// L-BFGS steps at most.
const MOST_STEPS: u32 = 5_000;
/// Largest entry of the gradient at the end, for an average parameter's one choice.
const TOLERANCE: f64 = 1e-11;

struct DavidsonLuce;

/// A choice: what was chosen of what was left, how often.
struct Choice {
    chosen: Vec<usize>,
    left: Vec<usize>,
    weight: f64,
}

impl PreferenceModel for DavidsonLuce {
    type Options = PriorOption;
    type Data = Rankings;

    fn fit(
        data: &Rankings,
        PriorOption { prior }: PriorOption,
        watch: Watch<'_>,
    ) -> Result<Fitted, FitError> {
        let n = data.labels.len();
        if n > MAX_ITEMS {
            return Err(FitError::TooMany { items: n });
        }
        let choices = choices(data);
        if choices.is_empty() {
            return Err(FitError::Nothing);
        }
        if choices.iter().all(|c| c.chosen.len() > 1) {
            return Err(FitError::OnlyTies);
        }
        let sizes = sizes(&choices);
        let blocks = blocks(n, &choices);
        let islands = islands(n, &choices);
        let held = held_together(n, &islands, &blocks).iter().all(|held| *held);
        let free = (!prior && held)
            .then(|| maximise(n, &choices, &sizes, false, watch))
            .filter(|(_, found)| found.converged);
        let exists = held && (prior || free.is_some());
        let used = prior || free.is_none();
        let (point, found) = free.unwrap_or_else(|| maximise(n, &choices, &sizes, true, watch));
        let mut strengths = Array1::from(point[..n].to_vec());
        for island in &islands {
            let mean = island.iter().map(|&i| strengths[i]).sum::<f64>() / island.len() as f64;
            island.iter().for_each(|&i| strengths[i] -= mean);
        }
        let log_likelihood = -objective(n, &choices, &sizes, false, &point, &mut vec![0.0; point.len()]);
        let mut ties: Vec<(usize, f64)> =
            sizes.iter().copied().zip(point[n..].iter().map(|x| x.exp())).collect();
        // where no tie was seen the likelihood grows as d_2 falls to 0
        if ties.is_empty() {
            ties.push((2, 0.0));
        }
        let free_parameters = n - islands.len() + ties.len();
        let result = Luce { strengths, ties };
        Ok(Fitted {
            log_strength: Some(result.strengths.clone()),
            log_likelihood: Some(log_likelihood),
            free_parameters: Some(free_parameters),
            existence: match (exists, held) {
                (true, _) => Existence::Finite,
                (false, true) => Existence::TiesUnbounded,
                (false, false) => Existence::Separated { blocks },
            },
            prior: used,
            convergence: Convergence {
                by: Iteration::Passes("L-BFGS"),
                converged: found.converged,
                iterations: found.steps,
            },
            ..Fitted::new(data.labels.clone(), result)
        })
    }
}

fn choices(data: &Rankings) -> Vec<Choice> {
    let mut all = Vec::new();
    for ranking in data.rankings.iter().filter(|r| r.weight > 0.0) {
        let groups: Vec<Vec<usize>> =
            ranking.groups.iter().map(|g| g.iter().map(|&i| i as usize).collect()).collect();
        for (k, chosen) in groups.iter().enumerate() {
            let left: Vec<usize> = groups[k..].iter().flatten().copied().collect();
            if left.len() > 1 {
                all.push(Choice { chosen: chosen.clone(), left, weight: ranking.weight });
            }
        }
    }
    all
}

/// Sizes of ties that were seen, ascending.
fn sizes(choices: &[Choice]) -> Vec<usize> {
    let mut sizes: Vec<usize> = choices.iter().map(|c| c.chosen.len()).filter(|&k| k > 1).collect();
    sizes.sort_unstable();
    sizes.dedup();
    sizes
}

/// Strongly connected blocks of "ranked above or tied with".
fn blocks(n: usize, choices: &[Choice]) -> Vec<Vec<usize>> {
    let mut below = vec![Vec::new(); n];
    for c in choices {
        for &i in &c.chosen {
            for &j in c.left.iter().filter(|&&j| j != i) {
                below[j].push(i);
                if c.chosen.contains(&j) {
                    below[i].push(j);
                }
            }
        }
    }
    strong_components(&below)
}

/// Items that were in one ranking, directly or through others.
fn islands(n: usize, choices: &[Choice]) -> Vec<Vec<usize>> {
    let mut met = vec![Vec::new(); n];
    for c in choices {
        for pair in c.left.windows(2) {
            met[pair[0]].push(pair[1]);
            met[pair[1]].push(pair[0]);
        }
    }
    strong_components(&met)
}

fn maximise(
    n: usize,
    choices: &[Choice],
    sizes: &[usize],
    prior: bool,
    watch: Watch<'_>,
) -> (Vec<f64>, Minimum) {
    let mut point = vec![0.0; n + sizes.len()];
    let total: f64 = choices.iter().map(|c| c.weight).sum();
    let tolerance = tolerance(TOLERANCE, total, point.len(), prior);
    let told = Fall::to(tolerance, watch).of(|x, g| objective(n, choices, sizes, prior, x, g));
    let found = minimise(&mut point, tolerance, MOST_STEPS, told);
    (point, found)
}

/// `e_0 .. e_k`, the elementary symmetric polynomials.
fn symmetric(values: impl Iterator<Item = f64>, k: usize) -> Vec<f64> {
    let mut e = vec![0.0; k + 1];
    e[0] = 1.0;
    for v in values {
        for m in (1..=k).rev() {
            e[m] += v * e[m - 1];
        }
    }
    e
}

/// Minus the log-likelihood (and the prior's) of `(r, log d)`, and its gradient.
fn objective(n: usize, choices: &[Choice], sizes: &[usize], prior: bool, x: &[f64], g: &mut [f64]) -> f64 {
    g.fill(0.0);
    let mut value = 0.0;
    for Choice { chosen, left, weight } in choices {
        let top = left.iter().map(|&i| x[i]).fold(f64::NEG_INFINITY, f64::max);
        // k, its place among the parameters of ties, log of its share of the sum (less top)
        let kinds = std::iter::once((1, None)).chain(sizes.iter().enumerate().map(|(m, &k)| (k, Some(m))));
        let shares: Vec<(usize, Option<usize>, f64)> = kinds
            .filter(|&(k, _)| k <= left.len())
            .map(|(k, m)| {
                let values = left.iter().map(|&i| ((x[i] - top) / k as f64).exp());
                (k, m, m.map_or(0.0, |m| x[n + m]) + symmetric(values, k)[k].ln())
            })
            .collect();
        let most = shares.iter().map(|s| s.2).fold(f64::NEG_INFINITY, f64::max);
        let log_sum = most + shares.iter().map(|s| (s.2 - most).exp()).sum::<f64>().ln();
        let size = chosen.len();
        let place = sizes.iter().position(|&k| k == size);
        let mean = chosen.iter().map(|&i| x[i] - top).sum::<f64>() / size as f64;
        value -= weight * (mean + place.map_or(0.0, |m| x[n + m]) - log_sum);
        chosen.iter().for_each(|&i| g[i] -= weight / size as f64);
        if let Some(m) = place {
            g[n + m] -= weight;
        }
        for &(k, m, log) in &shares {
            let probability = (log - log_sum).exp();
            if let Some(m) = m {
                g[n + m] += weight * probability;
            }
            let all: Vec<f64> = left.iter().map(|&i| ((x[i] - top) / k as f64).exp()).collect();
            let whole = symmetric(all.iter().copied(), k)[k];
            for (p, &i) in left.iter().enumerate() {
                let others = all.iter().enumerate().filter(|(q, _)| *q != p).map(|(_, v)| *v);
                let with = all[p] * symmetric(others, k - 1)[k - 1] / whole;
                g[i] += weight * probability * with / k as f64;
            }
        }
    }
    if prior {
        for (x, g) in x.iter().zip(g) {
            value -= log_sigmoid(*x) + log_sigmoid(-x);
            *g -= 1.0 - 2.0 * logistic(*x);
        }
    }
    value
}

/// Strengths and the parameters of ties, by their sizes.
#[derive(Debug)]
struct Luce {
    strengths: Array1<f64>,
    ties: Vec<(usize, f64)>,
}

impl ModelResult for Luce {
    /// Of the two alone, a tie as half a win.
    fn prob(&self, i: usize, j: usize) -> f64 {
        let nu = self.ties.iter().find(|t| t.0 == 2).map_or(0.0, |t| t.1);
        let half = 0.5 * (self.strengths[i] - self.strengths[j]);
        // (e^h + nu / 2) / (e^h + e^-h + nu), by its smaller side
        let small = |h: f64| (h.exp() + 0.5 * nu) / (h.exp() + (-h).exp() + nu);
        if half <= 0.0 { small(half) } else { 1.0 - small(-half) }
    }

    fn own(&self) -> Map<String, Value> {
        let list: Vec<Value> = self.ties.iter().map(|(k, d)| json!({ "size": k, "d": d })).collect();
        Map::from_iter([("tie_parameters".to_owned(), json!(list))])
    }

    fn notes(&self) -> Vec<String> {
        let list: Vec<String> = self.ties.iter().map(|(k, d)| format!("d_{k} = {d:.4}")).collect();
        let mut notes = vec![list.join(", ")];
        if self.ties == [(2, 0.0)] {
            notes.push("no ties were seen: d_2 is at the edge of its range, and the strengths are those of Plackett-Luce".to_owned());
        }
        notes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DAVIDSON, PairOptions, fit, model};
    use equipoise_data::{Selection, parse_comparisons, parse_rankings};

    fn rankings(text: &str) -> Rankings {
        parse_rankings("r.csv".as_ref(), text.as_bytes(), &Selection::default()).unwrap()
    }

    const TIED: &str = "ranking,weight\na > b = c > d,3\nb > a > d,2\nd = c > a > b,1\nc > d,2\nb > c,1\nd > a,1\na = b = c,1\n";

    #[test]
    fn the_gradient_is_that_of_finite_differences() {
        let choices = choices(&rankings(TIED));
        let sizes = sizes(&choices);
        assert_eq!(sizes, [2, 3]);
        let x: Vec<f64> = (0..6).map(|k| ((k * k + 1) as f64).sin()).collect();
        for prior in [false, true] {
            let (mut g, mut unused) = (vec![0.0; 6], vec![0.0; 6]);
            objective(4, &choices, &sizes, prior, &x, &mut g);
            for k in 0..6 {
                let mut moved = |s: f64| {
                    let mut x = x.clone();
                    x[k] += s;
                    objective(4, &choices, &sizes, prior, &x, &mut unused)
                };
                assert!(((moved(1e-5) - moved(-1e-5)) / 2e-5 - g[k]).abs() < 1e-8, "{k}");
            }
        }
    }

    #[test]
    fn choices_sum_to_one_over_all_sets() {
        // of three items all sets of one, two, three
        let (x, sets) = (
            [0.4, -0.3, 0.1, 0.2, -0.5],
            [vec![0], vec![1], vec![2], vec![0, 1], vec![0, 2], vec![1, 2], vec![0, 1, 2]],
        );
        let total: f64 = sets
            .iter()
            .map(|chosen| {
                let one = [Choice { chosen: chosen.clone(), left: vec![0, 1, 2], weight: 1.0 }];
                (-objective(3, &one, &[2, 3], false, &x, &mut [0.0; 5])).exp()
            })
            .sum();
        assert!((total - 1.0).abs() < 1e-14, "{total}");
    }

    #[test]
    fn of_two_items_it_is_davidson_and_without_ties_plackett_luce() {
        for text in [
            "ranking,weight\na > b,4\nb > a,2\na = b,3\nb > c,3\nc > b,2\nc = b,1\na > c,2\nc > a,1\n",
            "ranking,weight\nx > y,5\ny > x,1\nx = y,2\n",
            "ranking,weight\np > q,2\nq > r,2\nr > p,2\nq > p,1\np = r,1\n",
        ] {
            let data = rankings(text);
            let fitted = ENTRY.fit(&data.clone().into(), &Value::Null).unwrap();
            let counts = parse_comparisons("r.csv".as_ref(), text.as_bytes(), &Selection::default()).unwrap();
            let other = fit(&counts, &DAVIDSON, PairOptions::default()).unwrap();
            assert!(fitted.existence.holds() && !fitted.prior && fitted.convergence.converged);
            let place = |l: &String| counts.labels.iter().position(|m| m == l).unwrap();
            for (label, r) in fitted.labels.iter().zip(fitted.log_strength.as_ref().unwrap()) {
                assert!((other.log_strength[place(label)] - r).abs() < 1e-8, "{label}");
            }
            let d = fitted.own()["tie_parameters"][0]["d"].as_f64().unwrap();
            assert!((d - other.parameters[0].value).abs() < 1e-8, "{d}");
            assert!((fitted.log_likelihood.unwrap() - other.log_likelihood).abs() < 1e-9);
            let (i, j) = (place(&fitted.labels[0]), place(&fitted.labels[1]));
            assert!((fitted.prob(0, 1) - other.prob(i, j)).abs() < 1e-8);
        }
        let strict = rankings("ranking,weight\na > b > c,3\nb > c > a,2\nc > a > b,2\nb > a > c,1\n");
        let fitted = ENTRY.fit(&strict.clone().into(), &Value::Null).unwrap();
        let plain = model("plackett-luce").unwrap().fit(&strict.into(), &Value::Null).unwrap();
        let both = fitted.log_strength.clone().unwrap() - plain.log_strength.clone().unwrap();
        assert!(both.iter().all(|d| d.abs() < 1e-8));
        // the parameter of ties is there, at the edge of its range: a model that has it is not the smaller one
        assert_eq!(fitted.own()["tie_parameters"], json!([{ "size": 2, "d": 0.0 }]));
        assert_eq!(fitted.free_parameters, Some(3));
    }

    #[test]
    fn islands_have_a_maximum_each() {
        let one = |text: &str| {
            ENTRY.fit(&rankings(&format!("ranking,weight\n{text}")).into(), &Value::Null).unwrap()
        };
        let both = one("a > b,3\nb > a,1\nc > d,2\nd > c,2\n");
        assert!(both.existence.holds() && !both.prior && both.free_parameters == Some(3));
        assert!((both.prob(0, 1) - 0.75).abs() < 1e-9 && (both.prob(2, 3) - 0.5).abs() < 1e-9);
        assert!(both.probability()[[0, 2]].is_none());
        let r = both.log_strength.as_ref().unwrap();
        assert!((r[0] + r[1]).abs() < 1e-12 && (r[2] + r[3]).abs() < 1e-12);
        // one of them without a maximum
        let open = one("a > b,3\nb > a,1\nc > d,2\n");
        assert!(open.prior && matches!(open.existence, Existence::Separated { .. }));
    }

    #[test]
    fn what_has_no_maximum_is_said() {
        let only =
            ENTRY.fit(&rankings("ranking,weight\na = b,1\nb = c,2\n").into(), &Value::Null).unwrap_err();
        assert_eq!(only, FitError::OnlyTies);
        let first =
            ENTRY.fit(&rankings("ranking,weight\na > b = c,1\nc > b,2\nb > c,1\n").into(), &Value::Null);
        let first = first.unwrap();
        assert!(
            !first.existence.holds()
                && first.prior
                && first.log_strength.unwrap().iter().all(|r| r.is_finite())
        );
    }
}
