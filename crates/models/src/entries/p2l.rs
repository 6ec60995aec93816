//! Prompt-to-Leaderboard: a board at every prompt, from features of the prompt, by one of its heads.
//!
//! ```text
//! r_i(z) = sum_f z_f b_{f i},   x(z) = sum_f z_f c_f      z_0 = 1;   probabilities by the head, see [`p2l`](crate::p2l)
//! ```
//!
//! Frick et al., arXiv:2502.14855, linear in given features in place of a language model. Without features it is one board for all
//! prompts. With the head `bt-tie` it is contextual Bradley-Terry. The mixture of its prompts is in general no
//! Bradley-Terry model, and may be cyclic although every prompt is transitive: `probability` is that mixture, `aggregate` the board
//! nearest to it. With costs and a budget it also says which model to ask at each prompt (`router`).

use std::collections::BTreeMap;

use equipoise_core::registry::{BuildError, ensure};
use ndarray::{Array1, Array2};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::error::FitError;
use crate::fitted::{Column, Convergence, Existence, Fitted, Iteration, ModelResult};
use crate::input::Contexts;
use crate::p2l::{self, Head, Route, fit_p2l_watched, nearest_board, route};
use crate::registry::{ModelEntry, PreferenceModel, Watch};

pub(super) const ENTRY: ModelEntry = ModelEntry::of::<P2l>(
    "p2l",
    "strengths r_i(z) = b_i0 + sum_f z_f b_if at features z of the prompt, with a head: bt, bt-tie, rk, rk-reparam, grk, ba",
    "Frick et al., arXiv:2502.14855 (Prompt-to-Leaderboard)",
)
.ties("by head: left out (bt), half a win to each side (bt-tie), an outcome of its own (the others)")
.fitted("L-BFGS, then Newton; Hessian")
.optional_features();

/// Options of `p2l`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct P2lOptions {
    /// What strengths and tie parameter become: `bt` (ties left out), `bt-tie` (ties half), `rk` (Rao-Kupper), `rk-reparam`, `grk`
    /// (grounded Rao-Kupper: ties, and both bad) or `ba`.
    pub head: Head,
    /// Adds the logistic prior on all coefficients whether a maximum exists without it or not.
    pub prior: bool,
    /// What asking each item costs, by label: with a budget, an item is chosen at each prompt by the router.
    pub costs: BTreeMap<String, f64>,
    /// The mean cost that the router may reach at a prompt.
    pub budget: Option<f64>,
    /// How often each item is the router's opponent, by label; none: all equally often.
    pub opponents: BTreeMap<String, f64>,
}

struct P2l;

impl PreferenceModel for P2l {
    type Options = P2lOptions;
    type Data = Contexts;

    fn check(options: &P2lOptions) -> Result<(), BuildError> {
        let P2lOptions { costs, budget, opponents, .. } = options;
        for (key, list) in [("costs", costs), ("opponents", opponents)] {
            let bad = list.iter().find(|(_, x)| !(x.is_finite() && **x >= 0.0));
            if let Some((label, x)) = bad {
                return Err(BuildError::range(
                    key,
                    x,
                    format!("of `{label}` must be a finite number of at least 0"),
                ));
            }
        }
        let (routed, budget) = (!costs.is_empty(), *budget);
        let text = budget.map_or("none".to_owned(), |b| b.to_string());
        ensure(routed == budget.is_some(), "budget", text, "goes with costs: give both, or neither")?;
        ensure(
            opponents.is_empty() || routed,
            "opponents",
            "given",
            "are the router's: give costs and a budget",
        )?;
        ensure(budget.is_none_or(f64::is_finite), "budget", f64::NAN, "must be a finite number")
    }

    fn fit(data: &Contexts, options: P2lOptions, watch: Watch<'_>) -> Result<Fitted, FitError> {
        let (features, grouped) = (&data.features, &data.grouped);
        let values = features.values.view();
        let found = fit_p2l_watched(options.head, &grouped.groups, values, options.prior, watch)?;
        let at = |z: ndarray::ArrayView1<'_, f64>| (found.strengths(&z.to_vec()), found.eta(&z.to_vec()));
        let leaderboards: Vec<(Array1<f64>, f64)> = features.values.rows().into_iter().map(at).collect();
        let n = grouped.labels.len();
        let mut boarded = Leaderboards {
            names: grouped.names.clone(),
            features: features.names.clone(),
            mean: Array2::zeros((n, n)),
            aggregate: None,
            routes: Vec::new(),
            opponents: Vec::new(),
            leaderboards,
            found,
        };
        boarded.mean =
            Array2::from_shape_fn((n, n), |(i, j)| if i == j { 0.0 } else { boarded.mean_of(i, j) });
        boarded.aggregate = nearest_board(&boarded.mean);
        if let Some(budget) = options.budget {
            boarded.route(&grouped.labels, &options, budget)?;
        }
        let found = &boarded.found;
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
            ..Fitted::new(grouped.labels.clone(), boarded)
        })
    }
}

/// Most numbers of leaderboards that are listed in an answer.
const MOST_LISTED: usize = 1_000_000;

/// A fit with the leaderboards at the prompts of its data.
#[derive(Debug)]
struct Leaderboards {
    found: p2l::P2l,
    names: Vec<String>,
    features: Vec<String>,
    /// Strengths and tie parameter at each prompt.
    leaderboards: Vec<(Array1<f64>, f64)>,
    /// Mean win rates over the prompts, 0 on the diagonal.
    mean: Array2<f64>,
    /// The Bradley-Terry board nearest to them.
    aggregate: Option<Array1<f64>>,
    /// The router's choice at each prompt, if it was asked for.
    routes: Vec<Route>,
    /// How often each item is its opponent.
    opponents: Vec<f64>,
}

impl Leaderboards {
    fn mean_of(&self, i: usize, j: usize) -> f64 {
        (0..self.leaderboards.len()).map(|x| self.prob_in(x, i, j)).sum::<f64>()
            / self.leaderboards.len() as f64
    }

    /// Chooses an item at every prompt against the opponents, whose leaderboards are those of the prompt.
    fn route(&mut self, labels: &[String], options: &P2lOptions, budget: f64) -> Result<(), FitError> {
        let place = |key: &str, label: &String| {
            let unknown = || BuildError::range(key, label, "is not an item of the data");
            labels.iter().position(|l| l == label).ok_or_else(unknown)
        };
        let mut opponents = vec![f64::from(u8::from(options.opponents.is_empty())); labels.len()];
        for (label, share) in &options.opponents {
            opponents[place("opponents", label)?] = *share;
        }
        let total: f64 = opponents.iter().sum();
        ensure(total > 0.0, "opponents", total, "must not all be 0")?;
        opponents.iter_mut().for_each(|q| *q /= total);
        let mut costs = vec![f64::NAN; labels.len()];
        for (label, cost) in &options.costs {
            costs[place("costs", label)?] = *cost;
        }
        if let Some(i) = costs.iter().position(|c| c.is_nan()) {
            return Err(BuildError::range("costs", &labels[i], "has none; give one for every item").into());
        }
        let n = labels.len();
        for x in 0..self.leaderboards.len() {
            let rate = |i: usize| -> f64 {
                (0..n).map(|j| opponents[j] * if i == j { 0.5 } else { self.prob_in(x, i, j) }).sum()
            };
            let values: Vec<f64> = (0..n).map(rate).collect();
            let found = route(&values, &costs, budget)
                .map_err(|e| BuildError::range("budget", budget, e.to_string()))?;
            self.routes.push(found);
        }
        self.opponents = opponents;
        Ok(())
    }

    fn router(&self) -> Value {
        let mean =
            |of: &dyn Fn(&Route) -> f64| self.routes.iter().map(of).sum::<f64>() / self.routes.len() as f64;
        let by_context: Vec<Value> = self
            .names
            .iter()
            .zip(&self.routes)
            .map(|(name, r)| json!({ "context": name, "policy": r.policy.to_vec(), "win_rate": r.value, "cost": r.cost }))
            .collect();
        json!({
            "win_rate": mean(&|r| r.value),
            "cost": mean(&|r| r.cost),
            "opponents": self.opponents,
            "by_context": by_context,
        })
    }
}

/// What every fit linear in features of the contexts tells of its coefficients; those of features left out are null.
pub(super) fn coefficients(found: &p2l::P2l, features: &[String], contexts: usize) -> Map<String, Value> {
    let kept = |f: usize| f == 0 || found.why_left_out(f - 1).is_none();
    let rows = |table: &Array2<f64>| -> Vec<Option<Vec<f64>>> {
        table.rows().into_iter().enumerate().map(|(f, r)| kept(f).then(|| r.to_vec())).collect()
    };
    let left_out = found.left_out.iter();
    let left_out = left_out.map(|l| json!({ "feature": features[l.feature], "reason": l.reason(features) }));
    Map::from_iter(
        [
            ("features", json!(features)),
            ("coefficients", json!(rows(&found.coefficients))),
            ("coefficient_errors", json!(rows(&found.standard_error))),
            ("left_out", left_out.collect()),
            ("marginal_log_likelihood", json!(found.marginal_log_likelihood)),
            ("p_value", json!(found.p_value())),
            ("contexts", json!(contexts)),
        ]
        .map(|(key, value)| (key.to_owned(), value)),
    )
}

/// Base strengths and coefficients side by side, without features left out.
pub(super) fn columns(found: &p2l::P2l, features: &[String]) -> Vec<Column> {
    let names = std::iter::once("base").chain(features.iter().map(String::as_str)).enumerate();
    let kept = names.filter(|(f, _)| *f == 0 || found.why_left_out(f - 1).is_none());
    let column = |(f, name): (usize, &str)| Column {
        name: name.to_owned(),
        values: found.coefficients.row(f).to_owned(),
        errors: Some(found.standard_error.row(f).to_owned()),
    };
    kept.map(column).collect()
}

/// What the features are worth, and which of them were left out.
pub(super) fn notes(found: &p2l::P2l, features: &[String], contexts: usize) -> Vec<String> {
    let own = found.log_likelihood;
    if features.is_empty() {
        return vec![format!("log-likelihood {own:.4}; no features: one board for all contexts")];
    }
    let one = found.marginal_log_likelihood;
    let mut notes = vec![format!("log-likelihood {own:.4}; one board for all {contexts} contexts: {one:.4}")];
    notes.extend(found.p_value().map(|p| {
        let degrees = found.degrees_of_freedom;
        format!("the features matter with p = {p:.3e} ({degrees} degrees of freedom)")
    }));
    notes.extend(found.left_out.iter().map(|l| l.reason(features)));
    notes
}

impl ModelResult for Leaderboards {
    fn prob(&self, i: usize, j: usize) -> f64 {
        if i == j { 0.5 } else { self.mean[[i, j]] }
    }

    fn says(&self, _: usize, _: usize, linked: bool) -> bool {
        linked || !self.found.head.shift_invariant()
    }

    fn contexts(&self) -> usize {
        self.leaderboards.len()
    }

    fn prob_in(&self, context: usize, i: usize, j: usize) -> f64 {
        let (r, eta) = &self.leaderboards[context];
        // either side listed first gives the same, and sums to 1
        let one_way = |i: usize, j: usize| {
            let p = self.found.head.probs(r[i], r[j], *eta);
            p[0] + 0.5 * (p[2] + p[3])
        };
        if i <= j { one_way(i, j) } else { 1.0 - one_way(j, i) }
    }

    fn own(&self) -> Map<String, Value> {
        let found = &self.found;
        let tie = found.head.has_ties();
        let listed = self.leaderboards.len() * self.found.coefficients.ncols() <= MOST_LISTED;
        let board = |(name, (r, eta)): (&String, &(Array1<f64>, f64))| json!({ "context": name, "log_strength": r.to_vec(), "eta": tie.then_some(*eta) });
        let leaderboards = || self.names.iter().zip(&self.leaderboards).map(board).collect::<Vec<_>>();
        let mut own = coefficients(found, &self.features, self.leaderboards.len());
        own.extend(
            [
                ("head", json!(found.head)),
                ("tie_coefficients", json!(tie.then(|| found.tie.iter().map(|c| c.0).collect::<Vec<_>>()))),
                (
                    "tie_coefficient_errors",
                    json!(tie.then(|| found.tie.iter().map(|c| c.1).collect::<Vec<_>>())),
                ),
                ("leaderboards", json!(listed.then(leaderboards))),
                ("aggregate", json!(self.aggregate.as_ref().map(|r| r.to_vec()))),
            ]
            .map(|(key, value)| (key.to_owned(), value)),
        );
        if !listed {
            let reason = format!("more than {MOST_LISTED} numbers; compute them from the coefficients");
            own.insert("no_leaderboards".to_owned(), json!(reason));
        }
        if !self.routes.is_empty() {
            own.insert("router".to_owned(), self.router());
        }
        own
    }

    fn columns(&self) -> Vec<Column> {
        columns(&self.found, &self.features)
    }

    fn notes(&self) -> Vec<String> {
        let mut notes = notes(&self.found, &self.features, self.leaderboards.len());
        if let Some(win_rate) = self.router()["win_rate"].as_f64().filter(|_| !self.routes.is_empty()) {
            notes.push(format!("the router wins {win_rate:.4} at a mean cost of {}", self.router()["cost"]));
        }
        notes
    }
}
