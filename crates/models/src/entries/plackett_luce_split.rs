//! Plackett-Luce, split: Bradley-Terry on all pairs of each ranking, as if they were independent comparisons.
//!
//! Consistent, but less efficient than the likelihood of whole rankings (arXiv:2301.11270), and with Hessian errors that are
//! too small; its sandwich is taken over whole rankings, so that it is not. Ties count half to each side. How it is fitted:
//! [`rankings`](crate::rankings).

use equipoise_core::logistic::{log_sigmoid, logistic};
use equipoise_data::Rankings;
use ndarray::{Array1, Array2};

use crate::error::FitError;
use crate::fitted::Fitted;
use crate::rankings::{Asked, Order, fitted, orders};
use crate::registry::{ModelEntry, NoOptions, PreferenceModel, Watch};

pub(super) const ENTRY: ModelEntry = ModelEntry::of::<PlackettLuceSplit>(
    "plackett-luce-split",
    "Bradley-Terry on all pairs of each ranking",
    "arXiv:2301.11270",
)
.fitted("Newton; Hessian (too small), sandwich over rankings");

struct PlackettLuceSplit;

impl PreferenceModel for PlackettLuceSplit {
    type Options = NoOptions;
    type Data = Rankings;

    fn fit(data: &Rankings, _: NoOptions, watch: Watch<'_>) -> Result<Fitted, FitError> {
        fitted(data, &orders(data)?, Asked { likelihood, tied: true, penalty: None }, watch)
    }
}

/// Of all pairs of one ranking.
fn likelihood(order: &Order, r: &Array1<f64>, weight: f64, g: &mut Array1<f64>, h: &mut Array2<f64>) -> f64 {
    let mut value = 0.0;
    // wins of a over b: 1, or 1/2 if tied
    let mut pair = |a: usize, b: usize, wins: f64| {
        let d = r[a] - r[b];
        let p = logistic(d);
        value += wins * log_sigmoid(d) + (1.0 - wins) * log_sigmoid(-d);
        let (slope, curvature) = (weight * (wins - p), weight * p * (1.0 - p));
        g[a] += slope;
        g[b] -= slope;
        h[[a, a]] += curvature;
        h[[b, b]] += curvature;
        h[[a, b]] -= curvature;
        h[[b, a]] -= curvature;
    };
    for (k, group) in order.iter().enumerate() {
        for (m, &a) in group.iter().enumerate() {
            group[m + 1..].iter().for_each(|&b| pair(a, b, 0.5));
            order[k + 1..].iter().flatten().for_each(|&b| pair(a, b, 1.0));
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
            "ranking,weight\na > b = c > d,3\nb > a > d,2\nd = c > a > b,1\nc > d,2\nb > c,1\nd > a,1\n";
        let path = std::path::Path::new("r.csv");
        let data = parse_rankings(path, text.as_bytes(), &Selection::default()).unwrap();
        check_derivatives(&data, likelihood);
    }
}
