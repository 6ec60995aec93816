//! Contextual Bradley-Terry: strengths that move with features of the prompt.
//!
//! ```text
//! r_i(z) = sum_f z_f b_{f i},     Pr(i beats j | z) = sigma(r_i(z) - r_j(z))        z_0 = 1: the base strengths
//! ```
//!
//! It is Prompt-to-Leaderboard (arXiv:2502.14855) with the head `bt-tie`, and fitted as that: ties count half to each side. With no feature
//! but the constant it is Bradley-Terry; a mixture of its contexts is in general not, and may be cyclic although every context is
//! transitive. Whether a maximum exists is not decided by Ford's condition alone; where Newton's method finds none, or more than one, the
//! logistic prior on all coefficients of the centred and scaled features is added, and said. Features that are constant or combinations of
//! others are left out, and named.

use equipoise_core::logistic::logistic;
use ndarray::Array1;
use serde_json::{Map, Value};

use super::p2l::{coefficients, columns, notes};
use crate::error::FitError;
use crate::fitted::{Column, Convergence, Existence, Fitted, Iteration, ModelResult};
use crate::input::Contexts;
use crate::p2l::{Head, P2l, fit_p2l_watched};
use crate::registry::{ModelEntry, PreferenceModel, PriorOption, Watch};

pub(super) const ENTRY: ModelEntry = ModelEntry::of::<ContextualBradleyTerry>(
    "contextual-bradley-terry",
    "Bradley-Terry with r_i(z) = b_i0 + sum_f z_f b_if in features z of the context",
    "arXiv:2502.14855",
)
.fitted("L-BFGS, then Newton; Hessian");

struct ContextualBradleyTerry;

impl PreferenceModel for ContextualBradleyTerry {
    type Options = PriorOption;
    type Data = Contexts;

    fn fit(
        data: &Contexts,
        PriorOption { prior }: PriorOption,
        watch: Watch<'_>,
    ) -> Result<Fitted, FitError> {
        let features = &data.features;
        let values = features.values.view();
        let found = fit_p2l_watched(Head::BtTie, &data.grouped.groups, values, prior, watch)?;
        let contexts = features.values.rows().into_iter().map(|z| found.strengths(&z.to_vec())).collect();
        let result = InContexts { found, features: features.names.clone(), contexts };
        let found = &result.found;
        Ok(Fitted {
            log_strength: Some(found.coefficients.row(0).to_owned()),
            standard_error: Some(found.standard_error.row(0).to_owned()),
            log_likelihood: Some(found.log_likelihood),
            degrees_of_freedom: Some(found.degrees_of_freedom),
            free_parameters: Some(found.free_parameters()),
            existence: if found.exists { Existence::Finite } else { Existence::NotFound },
            prior: found.prior,
            convergence: Convergence {
                by: Iteration::Newton,
                converged: found.converged,
                iterations: found.iterations,
            },
            ..Fitted::new(data.grouped.labels.clone(), result)
        })
    }
}

/// A fit with the strengths in the contexts of its data.
#[derive(Debug)]
struct InContexts {
    found: P2l,
    features: Vec<String>,
    /// Log strengths in each context.
    contexts: Vec<Array1<f64>>,
}

impl ModelResult for InContexts {
    fn prob(&self, i: usize, j: usize) -> f64 {
        let all = (0..self.contexts.len()).map(|x| self.prob_in(x, i, j)).sum::<f64>();
        all / self.contexts.len() as f64
    }

    fn contexts(&self) -> usize {
        self.contexts.len()
    }

    fn prob_in(&self, context: usize, i: usize, j: usize) -> f64 {
        let r = &self.contexts[context];
        logistic(r[i] - r[j])
    }

    fn own(&self) -> Map<String, Value> {
        coefficients(&self.found, &self.features, self.contexts.len())
    }

    fn columns(&self) -> Vec<Column> {
        columns(&self.found, &self.features)
    }

    fn notes(&self) -> Vec<String> {
        notes(&self.found, &self.features, self.contexts.len())
    }
}

#[cfg(test)]
mod tests {
    use crate::BRADLEY_TERRY;
    use crate::error::FitError;
    use crate::p2l::{Head, P2l, fit_p2l};
    use crate::pair_fit::{PairOptions, fit};
    use crate::resample::multinomial;
    use equipoise_core::{sample, seed::stream};
    use equipoise_data::Comparisons;
    use ndarray::{Array2, ArrayView2};

    fn fit_contextual(groups: &[Comparisons], z: ArrayView2<'_, f64>, prior: bool) -> Result<P2l, FitError> {
        fit_p2l(Head::BtTie, groups, z, prior)
    }

    /// Counts of 40 contexts of four items from a known contextual model.
    fn drawn(coefficients: &Array2<f64>, met: u64, seed: u64) -> (Vec<Comparisons>, Array2<f64>) {
        let mut rng = stream(seed, "contexts", &[]);
        let (n, k) = (coefficients.ncols(), coefficients.nrows() - 1);
        let z = Array2::from_shape_fn((40, k), |_| 2.0 * sample::uniform(&mut rng) - 1.0);
        let groups = z.rows().into_iter().map(|z| {
            let r = |i: usize| {
                coefficients[[0, i]] + (0..k).map(|f| z[f] * coefficients[[f + 1, i]]).sum::<f64>()
            };
            let mut wins = Array2::zeros((n, n));
            for i in 0..n {
                for j in i + 1..n {
                    let d = multinomial(met, BRADLEY_TERRY.probs(r(i), r(j), 0.0, 0.0), &mut rng);
                    (wins[[i, j]], wins[[j, i]]) = (d[0] as f64, d[1] as f64);
                }
            }
            Comparisons::from_tables(&wins, &Array2::zeros((n, n)))
        });
        (groups.collect(), z)
    }

    #[test]
    fn without_features_it_is_bradley_terry() {
        let truth = ndarray::arr2(&[[0.6, 0.1, -0.2, -0.5]]);
        let (groups, _) = drawn(&truth, 5, 1);
        let none = fit_contextual(&groups, Array2::zeros((40, 0)).view(), false).unwrap();
        let pooled = Comparisons::sum(groups.iter().map(|g| (g, 1.0)));
        let bt = fit(&pooled, &BRADLEY_TERRY, PairOptions::default()).unwrap();
        for i in 0..4 {
            assert!((none.coefficients[[0, i]] - bt.log_strength[i]).abs() < 1e-11);
            assert!((none.standard_error[[0, i]] - bt.standard_error()[i]).abs() < 1e-11);
        }
        assert!((none.log_likelihood - none.marginal_log_likelihood).abs() < 1e-9);
        // a constant feature says the same as the base
        let constant = fit_contextual(&groups, Array2::ones((40, 1)).view(), false).unwrap();
        assert!(constant.exists && !constant.prior && constant.degrees_of_freedom == 0.0);
        assert_eq!(constant.left_out.len(), 1);
        assert_eq!(constant.strengths(&[1.0]), none.strengths(&[]));
    }

    #[test]
    fn known_coefficients_come_back_and_two_contexts_are_two_leaderboards() {
        let truth = ndarray::arr2(&[[0.6, 0.1, -0.2, -0.5], [-0.8, 0.5, 0.6, -0.3]]);
        let (groups, z) = drawn(&truth, 60, 2);
        let found = fit_contextual(&groups, z.view(), false).unwrap();
        assert!(found.exists && found.converged && found.p_value().unwrap() < 1e-10);
        for (f, i) in (0..2).flat_map(|f| (0..4).map(move |i| (f, i))) {
            let off = (found.coefficients[[f, i]] - truth[[f, i]]) / found.standard_error[[f, i]];
            assert!(off.abs() < 4.0, "{f} {i}: {off} standard errors");
        }
        // an indicator splits the data: the leaderboards are those of the parts
        let mark = Array2::from_shape_fn((40, 1), |(k, _)| f64::from(u8::from(k < 15)));
        let split = fit_contextual(&groups, mark.view(), false).unwrap();
        for (range, z) in [(0..15, [1.0]), (15..40, [0.0])] {
            let part = Comparisons::sum(groups[range].iter().map(|g| (g, 1.0)));
            let bt = fit(&part, &BRADLEY_TERRY, PairOptions::default()).unwrap();
            let r = split.strengths(&z);
            assert!((&r - &bt.log_strength).iter().all(|d| d.abs() < 1e-10));
        }
        let wrong = fit_contextual(&groups, mark.slice(ndarray::s![..3, ..]), false).unwrap_err();
        assert_eq!(wrong, FitError::Features { rows: 3, items: 40 });
    }

    #[test]
    fn a_feature_that_tells_winners_apart_is_held_back_by_the_prior() {
        let table =
            |wins: [[f64; 2]; 2]| Comparisons::from_tables(&ndarray::arr2(&wins), &Array2::zeros((2, 2)));
        let groups = [table([[0.0, 5.0], [0.0, 0.0]]), table([[0.0, 0.0], [5.0, 0.0]])];
        let found = fit_contextual(&groups, ndarray::arr2(&[[1.0], [-1.0]]).view(), false).unwrap();
        assert!(!found.exists && found.prior && found.converged);
        assert!(found.strengths(&[1.0])[0] > 0.5 && found.strengths(&[-1.0])[0] < -0.5);
    }
}
