//! Routing by cost: which model to ask at a prompt, so that the mean cost keeps a budget.
//!
//! ```text
//! maximise  p . w   subject to   c . p <= C,  sum p = 1,  p >= 0
//! ```
//!
//! w: win rates against a distribution of opponents ("optimal-lp") or strengths ("simple-lp"), as in arXiv:2502.14855. A vertex has
//! at most two models. Under Bradley-Terry the best model does not depend on the opponents; under a matrix of win rates it does,
//! and routing is a game.

use equipoise_core::logistic::logistic;
use microlp::{ComparisonOp, OptimizationDirection, Problem};
use ndarray::Array1;

/// A distribution over models that keeps a budget.
#[derive(Clone, Debug, PartialEq)]
pub struct Route {
    /// How often each is asked, `[n]`.
    pub policy: Array1<f64>,
    /// `p . w`.
    pub value: f64,
    /// `p . c`, at most the budget.
    pub cost: f64,
}

/// Why nothing can be routed.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RouteError {
    /// Values and costs are not one a model, or not finite.
    #[error("{values} values and {costs} costs: one finite number of each a model is needed")]
    Shape {
        /// Values given.
        values: usize,
        /// Costs given.
        costs: usize,
    },
    /// The cheapest model costs more.
    #[error("the budget is {budget}; the cheapest model costs {cheapest}: raise it to that at least")]
    Budget {
        /// The budget.
        budget: f64,
        /// The lowest cost.
        cheapest: f64,
    },
    /// The solver of linear programs gave up.
    #[error("the linear program was not solved: {0}")]
    Solver(String),
}

/// The policy of the largest value `p . values` whose cost `p . costs` keeps the budget.
///
/// # Errors
/// [`RouteError`]; a budget below the lowest cost.
pub fn route(values: &[f64], costs: &[f64], budget: f64) -> Result<Route, RouteError> {
    let finite = values.iter().chain(costs).all(|x| x.is_finite()) && budget.is_finite();
    if values.len() != costs.len() || values.is_empty() || !finite {
        return Err(RouteError::Shape { values: values.len(), costs: costs.len() });
    }
    let cheapest = costs.iter().copied().fold(f64::INFINITY, f64::min);
    if budget < cheapest {
        return Err(RouteError::Budget { budget, cheapest });
    }
    let mut problem = Problem::new(OptimizationDirection::Maximize);
    let p: Vec<_> = values.iter().map(|&v| problem.add_var(v, (0.0, 1.0))).collect();
    problem.add_constraint(p.iter().map(|&v| (v, 1.0)).collect::<Vec<_>>(), ComparisonOp::Eq, 1.0);
    let cost: Vec<_> = p.iter().copied().zip(costs.iter().copied()).collect();
    problem.add_constraint(cost, ComparisonOp::Le, budget);
    let failed = |e: &dyn std::fmt::Display| RouteError::Solver(e.to_string());
    let outcome = problem.solve().map_err(|e| failed(&e))?;
    let solution = outcome.into_solution().map_err(|_| failed(&"it was interrupted"))?;
    // what rounding leaves outside of the simplex is put back
    let raw: Array1<f64> = p.iter().map(|&v| solution[v].max(0.0)).collect();
    let policy = &raw / raw.sum();
    let dot = |of: &[f64]| policy.iter().zip(of).map(|(p, x)| p * x).sum();
    Ok(Route { value: dot(values), cost: dot(costs), policy })
}

/// Win rates `[n]` of models with Bradley-Terry strengths against opponents with theirs, drawn with the given probabilities.
///
/// # Panics
/// If there are not as many probabilities as opponents.
#[must_use]
pub fn win_rates_against(strengths: &[f64], opponents: &[f64], probabilities: &[f64]) -> Array1<f64> {
    assert_eq!(opponents.len(), probabilities.len(), "one probability an opponent");
    let mean = |a: &f64| opponents.iter().zip(probabilities).map(|(b, q)| q * logistic(a - b)).sum::<f64>();
    strengths.iter().map(mean).collect()
}
