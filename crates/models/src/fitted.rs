//! A fitted preference model: what every one of them says, and what only one does.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use equipoise_env::{Game, PreferenceMatrix};
use ndarray::{Array1, Array2};
use serde_json::{Map, Value};

use crate::distributions::chi_squared_tail;
use crate::error::FitError;

/// A number that was fitted beside the strengths.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameter {
    /// Its usual letter or name.
    pub name: &'static str,
    /// Its value.
    pub value: f64,
    /// Its standard error (Hessian); `None` at the end of its range.
    pub standard_error: Option<f64>,
}

/// Whether the likelihood (or what else is maximised) has a finite maximum, and why not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Existence {
    /// It has one, or the model does not maximise anything.
    #[default]
    Finite,
    /// Ford's condition fails: a later block never won against an earlier one, or they never met.
    Separated {
        /// The strongly connected blocks of "won against, or tied with", the winning ones first.
        blocks: Vec<Vec<usize>>,
    },
    /// Some combination of the features is at least as large for the winner of every comparison, and larger in some.
    SeparatedByFeatures,
    /// No pair was won both ways (or none was ever both bad), so that strengths and the tie parameter grow together.
    TiesUnbounded,
    /// Newton's method found none, or there is more than one.
    NotFound,
}

impl Existence {
    /// Whether there is a finite maximum.
    #[must_use]
    pub fn holds(&self) -> bool {
        *self == Self::Finite
    }
}

/// What is iterated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Iteration {
    /// Newton's method.
    Newton,
    /// Passes over the data by the iteration of that name.
    Passes(&'static str),
    /// Passes to a fixed point, by the iteration of that name: nothing is maximised.
    FixedPoint(&'static str),
    /// Nothing: the data are gone through once.
    Once,
}

/// Whether the iteration met its tolerance, and after how many steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Convergence {
    /// What was iterated.
    pub by: Iteration,
    /// Whether it met its tolerance; else the numbers are not the model's.
    pub converged: bool,
    /// Steps done.
    pub iterations: u32,
}

impl fmt::Display for Convergence {
    /// A line for the reader; empty if nothing was iterated.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (prefix, steps) = match self.by {
            Iteration::Newton => (String::new(), "Newton steps"),
            Iteration::Passes(name) | Iteration::FixedPoint(name) => (format!("{name}: "), "passes"),
            Iteration::Once => return Ok(()),
        };
        let k = self.iterations;
        match self.converged {
            true => write!(f, "{prefix}converged in {k} {steps}"),
            false => write!(f, "NOT CONVERGED after {k} {steps}: do not use these numbers"),
        }
    }
}

/// Numbers of the items for a table.
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    /// What they are.
    pub name: String,
    /// The numbers, `[n]`.
    pub values: Array1<f64>,
    /// Their errors, `[n]`.
    pub errors: Option<Array1<f64>>,
}

/// What a model gives beside the fields of [`Fitted`]: its probabilities, and what only it has.
pub trait ModelResult: Any + fmt::Debug + Send + Sync {
    /// `Pr(i beats j)`, ties as half wins; of a model of contexts the mean over the contexts of the data.
    fn prob(&self, i: usize, j: usize) -> f64;

    /// `Pr(a comparison of the data says that i beats j)`: another one than [`ModelResult::prob`] where the model tells the preference from
    /// the errors of those who answered.
    fn answer_prob(&self, i: usize, j: usize) -> f64 {
        self.prob(i, j)
    }

    /// Whether the fit says anything of two different items; `linked`: whether they met, directly or through others, so that
    /// strengths can be compared. A model that reads something else of the items, or has one scale from the start, says more;
    /// one that knows nothing of pairs that never met says less.
    fn says(&self, _i: usize, _j: usize, linked: bool) -> bool {
        linked
    }

    /// The prior that [`Fitted::prior`] speaks of, in words.
    fn prior(&self) -> &'static str {
        "the logistic prior on all coefficients"
    }

    /// Number of contexts whose probabilities differ.
    fn contexts(&self) -> usize {
        1
    }

    /// `Pr(i beats j)` in a context.
    fn prob_in(&self, _context: usize, i: usize, j: usize) -> f64 {
        self.prob(i, j)
    }

    /// Results that only this model has, under their usual names.
    fn own(&self) -> Map<String, Value> {
        Map::new()
    }

    /// Columns of a table of the items in place of the log strengths.
    fn columns(&self) -> Vec<Column> {
        Vec::new()
    }

    /// What a reader should know beside the table, a line each.
    fn notes(&self) -> Vec<String> {
        Vec::new()
    }
}

/// A fitted model.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Fitted {
    /// The name of the model in the registry.
    pub model: &'static str,
    /// Items, in the order of their numbers.
    pub labels: Vec<String>,
    /// Log strengths, `[n]`, mean 0 (but for item features); `None` if the model gives an item no one number.
    pub log_strength: Option<Array1<f64>>,
    /// Their standard errors, `[n]`: by the Hessian where there is a likelihood, else by the sandwich or the model's own.
    pub standard_error: Option<Array1<f64>>,
    /// Their standard errors by the sandwich, `[n]`, where the others are by the Hessian.
    pub sandwich_error: Option<Array1<f64>>,
    /// What was fitted beside the strengths: `home`, `nu`, `theta`, `T`, `ground`.
    pub parameters: Vec<Parameter>,
    /// Log-likelihood at the fit, in nats, without the prior.
    pub log_likelihood: Option<f64>,
    /// Twice the log-likelihood that free probabilities would add.
    pub deviance: Option<f64>,
    /// Free outcome probabilities minus parameters.
    pub degrees_of_freedom: Option<f64>,
    /// Parameters that the data say something about, where they are counted.
    pub free_parameters: Option<usize>,
    /// Why the chi-squared law does not hold for the deviance, if it does not.
    pub no_chi_squared: Option<&'static str>,
    /// Whether a finite maximum exists.
    pub existence: Existence,
    /// Whether a prior was used (the logistic one, or the model's own), because it was asked for or because there is no maximum without it.
    pub prior: bool,
    /// Whether the numbers are those of the model.
    pub convergence: Convergence,
    /// For each item, the lowest of those that it met, directly or through others; itself if it met none.
    pub(crate) islands: Vec<usize>,
    pub(crate) result: Arc<dyn ModelResult>,
}

impl Fitted {
    /// The answer of a model that has no strengths, no likelihood and nothing to iterate; set the fields that it has.
    #[must_use]
    pub fn new(labels: Vec<String>, result: impl ModelResult) -> Self {
        Self {
            model: "",
            islands: vec![0; labels.len()],
            labels,
            log_strength: None,
            standard_error: None,
            sandwich_error: None,
            parameters: Vec::new(),
            log_likelihood: None,
            deviance: None,
            degrees_of_freedom: None,
            free_parameters: None,
            no_chi_squared: None,
            existence: Existence::Finite,
            prior: false,
            convergence: Convergence { by: Iteration::Once, converged: true, iterations: 1 },
            result: Arc::new(result),
        }
    }

    /// Number of items.
    #[must_use]
    pub fn n(&self) -> usize {
        self.labels.len()
    }

    /// `Pr(i beats j)`, ties as half wins; of a model of contexts the mean over the contexts of the data.
    ///
    /// # Panics
    /// If an item is not one of the labels.
    #[must_use]
    pub fn prob(&self, i: usize, j: usize) -> f64 {
        self.result.prob(i, j)
    }

    /// [`Fitted::prob`] of all pairs, `[n x n]`, 1/2 on the diagonal; `None` where the model says nothing: of items that never
    /// met, directly or through others ([`ModelResult::says`]), and where the fit is no number.
    #[must_use]
    pub fn probability(&self) -> Array2<Option<f64>> {
        self.table(|i, j| self.result.prob(i, j))
    }

    /// What comparisons of the same annotators are predicted to say ([`ModelResult::answer_prob`]), as [`Fitted::probability`]; the two are
    /// one for models that know no errors of annotators.
    #[must_use]
    pub fn answer_probability(&self) -> Array2<Option<f64>> {
        self.table(|i, j| self.result.answer_prob(i, j))
    }

    /// Number of contexts whose probabilities differ: 1 but of models of contexts.
    #[must_use]
    pub fn contexts(&self) -> usize {
        self.result.contexts()
    }

    /// What a comparison of two different items in a context is predicted to say: [`Fitted::probability_in`] of a model of contexts, else
    /// [`Fitted::answer_probability`]; `None` where it says nothing.
    ///
    /// # Panics
    /// If an item is not one of the labels, or the context of a model of contexts is none of its.
    #[must_use]
    pub fn answer_in(&self, context: usize, i: usize, j: usize) -> Option<f64> {
        let p = match self.contexts() {
            1 => self.result.answer_prob(i, j),
            _ => self.result.prob_in(context, i, j),
        };
        let linked = self.islands[i] == self.islands[j];
        Some(p).filter(|p| p.is_finite() && self.result.says(i.min(j), i.max(j), linked))
    }

    /// [`Fitted::probability`] in one context, `[n x n]`; the contexts are those of [`Fitted::game`].
    ///
    /// # Panics
    /// If there is no such context.
    #[must_use]
    pub fn probability_in(&self, context: usize) -> Array2<Option<f64>> {
        assert!(context < self.result.contexts(), "one of the contexts of the data");
        self.table(|i, j| self.result.prob_in(context, i, j))
    }

    fn table(&self, prob: impl Fn(usize, usize) -> f64) -> Array2<Option<f64>> {
        let mut table = Array2::from_elem((self.n(), self.n()), Some(0.5));
        for i in 0..self.n() {
            for j in i + 1..self.n() {
                let linked = self.islands[i] == self.islands[j];
                let p = Some(prob(i, j)).filter(|p| p.is_finite() && self.result.says(i, j, linked));
                table[[i, j]] = p;
                table[[j, i]] = p.map(|_| prob(j, i));
            }
        }
        table
    }

    /// The prior that was used if [`Fitted::prior`] says that one was, in words.
    #[must_use]
    pub fn prior_words(&self) -> &'static str {
        self.result.prior()
    }

    /// The game of the fitted probabilities, with its labels. A model of contexts gives one context for each of the data's.
    ///
    /// # Errors
    /// [`FitError::Matrix`] if the fit has not converged and a probability is not a number; [`FitError::Game`] if there
    /// are no items.
    pub fn game(&self) -> Result<Game, FitError> {
        let matrices = (0..self.result.contexts())
            .map(|x| PreferenceMatrix::from_margins(self.n(), |i, j| self.result.prob_in(x, i, j) - 0.5));
        let matrices = matrices.collect::<Result<Vec<_>, _>>()?;
        Ok(Game::new(matrices)?.with_labels(vec![self.labels.clone()])?)
    }

    /// `Pr(X >= deviance)` of the chi-squared law, 1 without a degree of freedom. `None` without a deviance, and where the law
    /// does not hold ([`Fitted::no_chi_squared`]).
    #[must_use]
    pub fn deviance_p_value(&self) -> Option<f64> {
        if self.no_chi_squared.is_some() {
            return None;
        }
        let (deviance, degrees) = (self.deviance?, self.degrees_of_freedom?);
        Some(if degrees < 0.5 { 1.0 } else { chi_squared_tail(deviance, degrees) })
    }

    /// The model's own result, if it is of that type.
    #[must_use]
    pub fn result<R: ModelResult>(&self) -> Option<&R> {
        let result: &dyn Any = self.result.as_ref();
        result.downcast_ref()
    }

    /// Results that only this model has, under their usual names: numbers, lists, or words.
    #[must_use]
    pub fn own(&self) -> Map<String, Value> {
        self.result.own()
    }

    /// Columns of a table of the items: the log strengths, or what the model shows in their place.
    #[must_use]
    pub fn columns(&self) -> Vec<Column> {
        let own = self.result.columns();
        match &self.log_strength {
            Some(values) if own.is_empty() => {
                let errors = self.sandwich_error.as_ref().or(self.standard_error.as_ref()).cloned();
                vec![Column { name: "log strength".to_owned(), values: values.clone(), errors }]
            }
            _ => own,
        }
    }

    /// What a reader should know beside the table, a line each.
    #[must_use]
    pub fn notes(&self) -> Vec<String> {
        self.result.notes()
    }
}
