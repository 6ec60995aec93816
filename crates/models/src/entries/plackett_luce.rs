//! Plackett-Luce: rankings as repeated choices of the best of what is left.
//!
//! ```text
//! log Pr(i_1 > i_2 > ... > i_k) = sum_m  r_{i_m} - log sum_{l >= m} e^{r_{i_l}}
//! ```
//!
//! Luce 1959, Plackett 1975; with rankings of two it is Bradley-Terry. How it is fitted: [`rankings`](crate::rankings).

use equipoise_data::Rankings;
use ndarray::{Array1, Array2};

use crate::error::FitError;
use crate::fitted::Fitted;
use crate::rankings::{Order, fitted};
use crate::registry::{ModelEntry, NoOptions, PreferenceModel};

pub(super) const ENTRY: ModelEntry = ModelEntry::of::<PlackettLuce>(
    "plackett-luce",
    "a ranking is a repeated choice, with Pr(i) = s_i / sum s, of the best of what is left",
    "Luce 1959; Plackett 1975; Hunter 2004",
)
.ties("refused")
.fitted("Newton; Hessian, sandwich over rankings");

struct PlackettLuce;

impl PreferenceModel for PlackettLuce {
    type Options = NoOptions;
    type Data = Rankings;

    fn fit(data: &Rankings, _: NoOptions) -> Result<Fitted, FitError> {
        let tied = data.rankings.iter().position(|r| r.groups.iter().any(|g| g.len() > 1));
        match tied {
            Some(k) => Err(FitError::TiedRanking { ranking: k + 1 }),
            None => fitted(data, likelihood),
        }
    }
}

/// Of one ranking without ties.
fn likelihood(order: &Order, r: &Array1<f64>, weight: f64, g: &mut Array1<f64>, h: &mut Array2<f64>) -> f64 {
    let order: Vec<usize> = order.iter().map(|g| g[0]).collect();
    let top = order.iter().map(|&i| r[i]).fold(f64::NEG_INFINITY, f64::max);
    let e: Vec<f64> = order.iter().map(|&i| (r[i] - top).exp()).collect();
    // sums over what is left at each stage
    let mut left = e.clone();
    (0..e.len() - 1).rev().for_each(|m| left[m] += left[m + 1]);
    // cumulative 1 / S_m and 1 / S_m^2 over the stages an item takes part in
    let (mut value, mut once, mut twice) = (0.0, 0.0, 0.0);
    for m in 0..order.len() {
        if m + 1 < order.len() {
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
    }
}
