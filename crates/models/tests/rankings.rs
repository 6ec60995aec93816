//! Fits of rankings against Bradley-Terry, against their fixed point, and against the spread of estimates.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;

use equipoise_data::{Rankings, Selection, parse_comparisons, parse_rankings};
use equipoise_models::rankings::RankingFit;
use equipoise_models::{BRADLEY_TERRY, FitError, PairOptions, fit, model};
use serde_json::Value;

fn fit_rankings(name: &str, data: &Rankings) -> Result<RankingFit, FitError> {
    let fitted = model(name).unwrap().fit(&data.clone().into(), &Value::Null)?;
    Ok(fitted.result::<RankingFit>().unwrap().clone())
}

fn plackett_luce(data: &Rankings) -> Result<RankingFit, FitError> {
    fit_rankings("plackett-luce", data)
}

fn plackett_luce_split(data: &Rankings) -> Result<RankingFit, FitError> {
    fit_rankings("plackett-luce-split", data)
}

fn rankings(text: &str) -> Rankings {
    parse_rankings(Path::new("r.csv"), text.as_bytes(), &Selection::default()).unwrap()
}

const RACES: &str =
    "ranking,weight\na > b > c > d,3\nb > a > d,2\nd > c > a > b,1\nc > d,2\nb > c,1\nd > a,1\n";

#[test]
fn rankings_of_two_are_bradley_terry() {
    let text = "ranking,weight\na > b,5\nb > a,2\nb > c,4\nc > b,1\nc > a,3\na > c,2\n";
    let pl = plackett_luce(&rankings(text)).unwrap();
    let pairs = parse_comparisons(Path::new("r.csv"), text.as_bytes(), &Selection::default()).unwrap();
    let bt = fit(&pairs, &BRADLEY_TERRY, PairOptions::default()).unwrap();
    assert!(pl.existence.holds() && pl.converged);
    assert!((&pl.log_strength - &bt.log_strength).iter().all(|d| d.abs() < 1e-12));
    assert!((&pl.covariance - &bt.covariance).iter().all(|d| d.abs() < 1e-12));
    assert!((pl.log_likelihood - bt.log_likelihood).abs() < 1e-11);
    assert!((&pl.sandwich - &bt.sandwich).iter().all(|d| d.abs() < 1e-12));
    // K = 2: splitting changes nothing
    let split = plackett_luce_split(&rankings(text)).unwrap();
    assert!((&pl.log_strength - &split.log_strength).iter().all(|d| d.abs() < 1e-12));
    assert!((&pl.sandwich - &split.sandwich).iter().all(|d| d.abs() < 1e-12));
}

#[test]
fn the_maximum_satisfies_hunters_fixed_point() {
    let data = rankings(RACES);
    let pl = plackett_luce(&data).unwrap();
    assert!(pl.existence.holds() && pl.converged);
    // MM (Hunter 2004): wins_i / s_i = sum over the stages with i of 1 / sum of what is left
    let s = pl.log_strength.mapv(f64::exp);
    for i in 0..4 {
        let (mut wins, mut stages) = (0.0, 0.0);
        for r in &data.rankings {
            let order: Vec<usize> = r.groups.iter().flatten().map(|&i| i as usize).collect();
            let at = order.iter().position(|&j| j == i);
            for m in 0..order.len() - 1 {
                wins += if order[m] == i { r.weight } else { 0.0 };
                let sum: f64 = order[m..].iter().map(|&j| s[j]).sum();
                stages += if at.is_some_and(|a| a >= m) { r.weight / sum } else { 0.0 };
            }
        }
        assert!((wins / s[i] - stages).abs() < 1e-11, "{i}");
    }
    assert_eq!(
        plackett_luce(&rankings("ranking\na > b\nb = a > c\n")).unwrap_err(),
        FitError::TiedRanking { ranking: 2 }
    );
    let alone = plackett_luce(&rankings("ranking\na > b > c\n")).unwrap();
    assert!(!alone.existence.holds() && alone.prior && alone.converged);
}

#[test]
fn the_split_fit_is_bradley_terry_on_all_pairs_and_its_sandwich_is_the_spread() {
    let pairs = parse_comparisons(Path::new("r.csv"), RACES.as_bytes(), &Selection::default()).unwrap();
    let bt = fit(&pairs, &BRADLEY_TERRY, PairOptions::default()).unwrap();
    let split = plackett_luce_split(&rankings(RACES)).unwrap();
    assert!((&split.log_strength - &bt.log_strength).iter().all(|d| d.abs() < 1e-11));
    assert!((&split.covariance - &bt.covariance).iter().all(|d| d.abs() < 1e-11));
    // 300 sets of 150 rankings of five: the errors are the spread of the estimates; the Hessian's are too small
    let truth = [0.8f64, 0.4, 0.0, -0.4, -0.8];
    let mut rng = equipoise_core::seed::stream(9, "rankings", &[]);
    const SETS: usize = 300;
    let (mut spread, mut hessian, mut robust, mut whole) = (0.0, 0.0, 0.0, 0.0);
    for _ in 0..SETS {
        let mut text = String::from("ranking\n");
        for _ in 0..150 {
            // largest of strength plus Gumbel noise first: Plackett-Luce
            let mut scored: Vec<(f64, usize)> = (0..5)
                .map(|i| (truth[i] - (-equipoise_core::sample::uniform(&mut rng).ln()).ln(), i))
                .collect();
            scored.sort_by(|a, b| b.0.total_cmp(&a.0));
            let names: Vec<String> = scored.iter().map(|(_, i)| i.to_string()).collect();
            text += &(names.join(" > ") + "\n");
        }
        let data = rankings(&text);
        let (split, full) = (plackett_luce_split(&data).unwrap(), plackett_luce(&data).unwrap());
        let at = |label: &str| data.labels.iter().position(|l| l == label).unwrap();
        let k = at("0");
        spread += (split.log_strength[k] - truth[0]).powi(2) / SETS as f64;
        hessian += split.covariance[[k, k]] / SETS as f64;
        robust += split.sandwich[[k, k]] / SETS as f64;
        whole += full.covariance[[k, k]] / SETS as f64;
    }
    // the variance of 300 draws errs by 8 percent
    assert!((robust / spread - 1.0).abs() < 0.25, "{robust} {spread}");
    assert!(hessian < 0.75 * robust, "{hessian} {robust}");
    assert!(whole < robust, "the full likelihood is the more efficient: {whole} {robust}");
}
