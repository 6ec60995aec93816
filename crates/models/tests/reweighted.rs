//! Estimates in which every pair of items counts alike, held to a fit and a bootstrap of their own.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::path::Path;

use equipoise_core::logistic::logistic;
use equipoise_core::sample::{index, normal, uniform};
use equipoise_core::seed::stream;
use equipoise_data::{Observations, Selection, Unit, parse_observations};
use equipoise_models::{BRADLEY_TERRY, PairFit, PairOptions, Reweight, fit_observed};

const ITEMS: usize = 5;
const CONTEXTS: usize = 160;

/// A vote: first, second, score of the first, context.
type Vote = (usize, usize, f64, usize);

/// Pairs are sampled unevenly, contexts move strengths, and the last two items win against each other's prey: one rating is not enough,
/// so that weights matter.
fn drawn(seed: u64) -> Vec<Vote> {
    let mut rng = stream(seed, "reweighted", &[]);
    let mut votes = Vec::new();
    for context in 0..CONTEXTS {
        let effect: Vec<f64> = (0..ITEMS).map(|_| 0.7 * normal(&mut rng)).collect();
        for _ in 0..10 {
            let i = index(&mut rng, ITEMS);
            // neighbours meet four times as often
            let j = match uniform(&mut rng) {
                u if u < 0.6 => (i + 1) % ITEMS,
                _ => index(&mut rng, ITEMS),
            };
            if i == j {
                continue;
            }
            let misfit = if (i + 2) % ITEMS == j || (j + 2) % ITEMS == i { 0.8 } else { 0.0 };
            let d =
                0.4 * (i as f64 - j as f64) + misfit * if i < j { 1.0 } else { -1.0 } + effect[i] - effect[j];
            let score = match uniform(&mut rng) {
                u if u < 0.15 => 0.5,
                u if u < 0.15 + 0.85 * logistic(d) => 1.0,
                _ => 0.0,
            };
            votes.push((i, j, score, context));
        }
    }
    votes
}

fn observed(votes: &[Vote], unit: Unit) -> Observations {
    let mut text = "item_a,item_b,outcome,context\n".to_owned();
    for (i, j, score, context) in votes {
        let outcome = if *score == 1.0 {
            "a"
        } else if *score == 0.0 {
            "b"
        } else {
            "tie"
        };
        text.push_str(&format!("m{i},m{j},{outcome},{context}\n"));
    }
    parse_observations(Path::new("d.csv"), text.as_bytes(), &Selection::default(), unit).unwrap()
}

/// Strengths of mean 0 by ascent on the mean scores of pairs, each counting once.
fn ascent(votes: impl Iterator<Item = Vote>) -> Vec<f64> {
    let mut pairs: BTreeMap<(usize, usize), (f64, f64)> = BTreeMap::new();
    for (i, j, score, _) in votes {
        let (pair, score) = if i < j { ((i, j), score) } else { ((j, i), 1.0 - score) };
        let sum = pairs.entry(pair).or_default();
        *sum = (sum.0 + score, sum.1 + 1.0);
    }
    let mut r = vec![0.0; ITEMS];
    for _ in 0..400 {
        let mut slope = vec![0.0; ITEMS];
        for (&(i, j), &(score, met)) in &pairs {
            let off = score / met - logistic(r[i] - r[j]);
            slope[i] += off;
            slope[j] -= off;
        }
        // curvature is at most n / 4 along any direction of sum 0
        r.iter_mut().zip(&slope).for_each(|(r, s)| *r += 4.0 / ITEMS as f64 * s);
    }
    r
}

fn fitted(votes: &[Vote], unit: Unit) -> (PairFit, Vec<usize>) {
    let data = observed(votes, unit);
    let options = PairOptions { reweight: Reweight::Pairs, ..PairOptions::default() };
    let found = fit_observed(&data, &BRADLEY_TERRY, options).unwrap();
    let place =
        (0..ITEMS).map(|i| data.comparisons.labels.iter().position(|l| *l == format!("m{i}")).unwrap());
    (found, place.collect())
}

#[test]
fn pairs_that_count_alike_are_those_of_another_fit_and_its_bootstrap() {
    const SAMPLES: usize = 600;
    let votes = drawn(3);
    let strengths = ascent(votes.iter().copied());
    for unit in [Unit::Row, Unit::Context] {
        let (found, place) = fitted(&votes, unit);
        for i in 0..ITEMS {
            assert!((found.log_strength[place[i]] - strengths[i]).abs() < 1e-9, "{i}");
        }
        let mut groups: Vec<Vec<Vote>> = match unit {
            Unit::Row => votes.iter().map(|v| vec![*v]).collect(),
            _ => vec![Vec::new(); CONTEXTS],
        };
        if unit == Unit::Context {
            votes.iter().for_each(|v| groups[v.3].push(*v));
        }
        let mut rng = stream(5, "bootstrap of the test", &[]);
        let mut sums = vec![(0.0, 0.0); ITEMS];
        for _ in 0..SAMPLES {
            let sample: Vec<usize> = (0..groups.len()).map(|_| index(&mut rng, groups.len())).collect();
            let r = ascent(sample.into_iter().flat_map(|k| groups[k].iter().copied()));
            r.iter().zip(&mut sums).for_each(|(r, s)| *s = (s.0 + r, s.1 + r * r));
        }
        for i in 0..ITEMS {
            let mean = sums[i].0 / SAMPLES as f64;
            let error = (sums[i].1 / SAMPLES as f64 - mean * mean).sqrt();
            let ours = found.spread[[place[i], place[i]]].sqrt();
            // 600 samples know an error to 3 percent: three times that, and what is of second order
            assert!((ours / error - 1.0).abs() < 0.11, "{unit:?} {i}: {ours} {error}");
        }
    }
}

/// Where all pairs met as often, nothing changes; and the weights sum to the comparisons, so that a prior weighs the same.
#[test]
fn equal_numbers_change_nothing_and_counts_of_a_pair_do_not_move_strengths() {
    let votes: Vec<Vote> = drawn(4);
    let every = |times: &dyn Fn(usize, usize) -> usize| -> Vec<Vote> {
        let of = |i: usize, j: usize| {
            let won = (7 * i + 3 * j) % 5 + 2;
            (0..10 * times(i, j)).map(move |k| (i, j, if k % 10 < won { 1.0 } else { 0.0 }, k))
        };
        (0..ITEMS).flat_map(|i| (i + 1..ITEMS).flat_map(move |j| of(i, j))).collect()
    };
    let (even, uneven) = (every(&|_, _| 3), every(&|i, j| 1 + (i + 2 * j) % 5));
    let plain = fit_observed(&observed(&even, Unit::Row), &BRADLEY_TERRY, PairOptions::default()).unwrap();
    let (one, _) = fitted(&even, Unit::Row);
    let (other, _) = fitted(&uneven, Unit::Row);
    assert!((&plain.log_strength - &one.log_strength).iter().all(|d| d.abs() < 1e-10));
    assert!((&plain.covariance - &one.covariance).iter().all(|d| d.abs() < 1e-12));
    assert!((&other.log_strength - &one.log_strength).iter().all(|d| d.abs() < 1e-9));
    // nats a comparison
    let (a, b) = (other.log_likelihood / uneven.len() as f64, one.log_likelihood / even.len() as f64);
    assert!((a - b).abs() < 1e-12, "{a} {b}");
    assert!(other.no_chi_squared.is_some() && one.deviance_p_value().is_none());
    // the errors of the uneven one are not those of its Hessian
    let (found, _) = fitted(&votes, Unit::Row);
    let unweighted =
        fit_observed(&observed(&votes, Unit::Row), &BRADLEY_TERRY, PairOptions::default()).unwrap();
    assert!(found.spread.diag().sum() > unweighted.spread.diag().sum());
}

/// A pair that one side won throughout has no scatter of its own, and is not certain for that.
#[test]
fn sweeps_are_not_certain_where_pairs_count_alike() {
    let text = "item_a,item_b,outcome,weight\nx,y,a,3\ny,z,a,20\ny,z,b,15\nx,z,b,2\n";
    let data =
        parse_observations(Path::new("d.csv"), text.as_bytes(), &Selection::default(), Unit::Row).unwrap();
    let options = PairOptions { reweight: Reweight::Pairs, ..PairOptions::default() };
    let found = fit_observed(&data, &BRADLEY_TERRY, options).unwrap();
    for i in 0..3 {
        assert!(found.exists && found.spread[[i, i]] >= found.covariance[[i, i]] - 1e-12);
        assert!(found.spread[[i, i]] > 1.2 * found.sandwich[[i, i]], "{} {}", found.spread, found.sandwich);
    }
}
