//! Plackett-Luce: rankings as repeated choices of the best of what is left.
//!
//! ```text
//! log Pr(i_1 > i_2 > ... > i_k) = sum_m  r_{i_m} - log sum_{l >= m} e^{r_{i_l}}
//! ```
//!
//! Luce 1959, Plackett 1975; with rankings of two it is Bradley-Terry. `top` counts the first choices alone: with 1 it is the choice of one
//! among several, whose likelihood on a network is ChoiceRank's (Maystre, Grossglauser 2017). `alpha` adds a [`Penalty`]. How it is fitted:
//! by Newton's method ([`rankings`](crate::rankings)), or by one step of Luce spectral ranking (Maystre, Grossglauser 2015), whose limit
//! that is:
//!
//! ```text
//! from every l left at m to i_m at rate  1 / |left at m|, alpha between all        x its stationary distribution
//! ```

use equipoise_core::registry::{BuildError, ensure};
use equipoise_data::Rankings;
use ndarray::{Array1, Array2};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Map;

use crate::error::FitError;
use crate::fitted::Fitted;
use crate::input::ModelData;
use crate::penalty::Penalty;
use crate::rankings::{Asked, Order, fitted, orders};
use crate::registry::{ModelEntry, PreferenceModel, Watch};
use crate::scores::{Link, Scores, stationary};

pub(super) const ENTRY: ModelEntry = ModelEntry::of::<PlackettLuce>(
    "plackett-luce",
    "a ranking is a repeated choice, with Pr(i) = s_i / sum s, of the best of what is left",
    "Luce 1959; Plackett 1975; Hunter 2004; alpha, top, spectral as in choix 0.4",
)
.ties("refused; below `top` places of no account")
.fitted("Newton; Hessian, sandwich over rankings; or one spectral step, no errors");

/// How the strengths of rankings are found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum RankingAlgorithm {
    /// Newton's method, with errors.
    #[default]
    Newton,
    /// One step of Luce spectral ranking, consistent by itself, without errors.
    Spectral,
}

/// Options of Plackett-Luce.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct PlackettLuceOptions {
    /// Weight of the penalty, at least 0; of the spectral step, the rate added between all items of an island.
    pub alpha: f64,
    /// What strengths are drawn to by `alpha`, and how; of Newton's method.
    pub penalty: Penalty,
    /// How the strengths are found.
    pub algorithm: RankingAlgorithm,
    /// How many places of every ranking count, from the first; of those below nothing is known but that they are, and they may be
    /// tied. Whole rankings where it is left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub top: Option<usize>,
}

struct PlackettLuce;

impl PreferenceModel for PlackettLuce {
    type Options = PlackettLuceOptions;
    type Data = Rankings;

    fn check(options: &PlackettLuceOptions) -> Result<(), BuildError> {
        let PlackettLuceOptions { alpha, penalty, algorithm, top } = *options;
        ensure(alpha >= 0.0 && alpha.is_finite(), "alpha", alpha, "must be a finite number of at least 0")?;
        ensure(top != Some(0), "top", 0, "must be at least 1")?;
        let rule = "the spectral step has a rate alpha and no penalty; use algorithm newton";
        let plain = penalty == Penalty::default() || algorithm == RankingAlgorithm::Newton;
        ensure(plain, "penalty", "gamma", rule)
    }

    fn fit(data: &Rankings, options: PlackettLuceOptions, watch: Watch<'_>) -> Result<Fitted, FitError> {
        let PlackettLuceOptions { alpha, penalty, algorithm, top } = options;
        let places = top.unwrap_or(usize::MAX);
        let tied = data.rankings.iter().position(|r| r.groups.iter().take(places).any(|g| g.len() > 1));
        if let Some(k) = tied {
            return Err(FitError::TiedRanking { ranking: k + 1 });
        }
        let mut orders = orders(data)?;
        for (order, _) in orders.iter_mut().filter(|(order, _)| order.len() > places) {
            let below = order.drain(places..).flatten().collect();
            order.push(below);
        }
        match algorithm {
            RankingAlgorithm::Spectral => spectral(data, &orders, alpha, watch),
            RankingAlgorithm::Newton => {
                let penalty = (alpha > 0.0).then_some((penalty, alpha));
                fitted(data, &orders, Asked { likelihood, tied: false, penalty }, watch)
            }
        }
    }
}

/// The stationary distribution of moving to what was chosen, within every island of items that were ranked together.
fn spectral(
    data: &Rankings,
    orders: &[(Order, f64)],
    alpha: f64,
    watch: Watch<'_>,
) -> Result<Fitted, FitError> {
    let n = data.labels.len();
    let mut rates = Array2::<f64>::zeros((n, n));
    for (order, weight) in orders {
        let items: Vec<usize> = order.iter().flatten().copied().collect();
        for m in 0..order.len() - 1 {
            let left = &items[m + 1..];
            let rate = weight / (left.len() + 1) as f64;
            left.iter().for_each(|&l| rates[[l, items[m]]] += rate);
        }
    }
    let lowest = ModelData::from(data.clone()).islands();
    let mut values = Array1::zeros(n);
    for first in (0..n).filter(|&i| lowest[i] == i) {
        let island: Vec<usize> = (0..n).filter(|&i| lowest[i] == first).collect();
        let m = island.len();
        let part = Array2::from_shape_fn((m, m), |(a, b)| alpha + rates[[island[a], island[b]]]);
        let found = stationary(&part, watch)?;
        island.iter().zip(&found).for_each(|(&i, x)| values[i] = *x);
    }
    let linked = values.clone();
    let link = Link::Luce;
    Ok(Scores { name: "stationary", values, linked, link, own: Map::new() }.fitted(&data.labels))
}

/// Of one ranking without ties, but for the last group: items that are below all others, in an order that is not known.
fn likelihood(order: &Order, r: &Array1<f64>, weight: f64, g: &mut Array1<f64>, h: &mut Array2<f64>) -> f64 {
    let stages = order.len() - 1;
    let order: Vec<usize> = order.iter().flatten().copied().collect();
    let top = order.iter().map(|&i| r[i]).fold(f64::NEG_INFINITY, f64::max);
    let e: Vec<f64> = order.iter().map(|&i| (r[i] - top).exp()).collect();
    // sums over what is left at each stage
    let mut left = e.clone();
    (0..e.len() - 1).rev().for_each(|m| left[m] += left[m + 1]);
    // cumulative 1 / S_m and 1 / S_m^2 over the stages an item takes part in
    let (mut value, mut once, mut twice) = (0.0, 0.0, 0.0);
    for m in 0..order.len() {
        if m < stages {
            value += r[order[m]] - top - left[m].ln();
            g[order[m]] += weight;
            once += left[m].recip();
            twice += left[m].powi(2).recip();
        }
        g[order[m]] -= weight * e[m] * once;
        h[[order[m], order[m]]] += weight * e[m] * (once - e[m] * twice);
        // later items share exactly the stages of m
        for l in m + 1..order.len() {
            let cross = weight * e[m] * e[l] * twice;
            h[[order[m], order[l]]] -= cross;
            h[[order[l], order[m]]] -= cross;
        }
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rankings::check_derivatives;
    use equipoise_data::{Selection, parse_rankings};

    #[test]
    fn derivatives_are_those_of_finite_differences() {
        let text =
            "ranking,weight\na > b > c > d,3\nb > a > d,2\nd > c > a > b,1\nc > d,2\nb > c,1\nd > a,1\n";
        let path = std::path::Path::new("r.csv");
        let data = parse_rankings(path, text.as_bytes(), &Selection::default()).unwrap();
        check_derivatives(&data, likelihood);
        // the first choice alone: what is below it may be tied
        let text = "ranking,weight\na > b = c = d,3\nb > a = d,2\nd > c = a = b,1\nc > d,2\n";
        let data = parse_rankings(path, text.as_bytes(), &Selection::default()).unwrap();
        check_derivatives(&data, likelihood);
    }
}
