//! Why a game could not be put together.

use crate::matrix::MatrixError;

/// Why a game could not be put together.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum GameError {
    /// No context.
    #[error("a game needs at least one context")]
    Empty,
    /// An array that is neither `[n x n]` nor `[contexts x n x n]`.
    #[error("an array of shape {shape:?} is no game: it must be [n, n] or [contexts, n, n]")]
    Array {
        /// Its lengths.
        shape: Vec<usize>,
    },
    /// The matrix of a context is no preference matrix.
    #[error("context {context}: {error}")]
    Matrix {
        /// Context, from 0.
        context: usize,
        /// Why.
        error: MatrixError,
    },
    /// As many weights as contexts are needed.
    #[error("{got} context weights given for {contexts} contexts")]
    WeightCount {
        /// Contexts of the game.
        contexts: usize,
        /// Weights given.
        got: usize,
    },
    /// A weight is negative or not finite.
    #[error("context weight {value} of context {context} must be finite and not negative")]
    Weight {
        /// Context, from 0.
        context: usize,
        /// The weight.
        value: f64,
    },
    /// The weights cannot be divided by their sum: all are zero, or they overflow.
    #[error("the {contexts} context weights sum to {sum}; one must be above 0, and their sum finite")]
    WeightSum {
        /// Contexts of the game.
        contexts: usize,
        /// The sum.
        sum: f64,
    },
    /// As many utilities as actions of all contexts are needed.
    #[error("{got} utilities given for {actions} actions of all contexts")]
    UtilityCount {
        /// Actions of all contexts.
        actions: usize,
        /// Utilities given.
        got: usize,
    },
    /// A utility is not finite.
    #[error("utility {value} of action {action}, counted over all contexts, must be finite")]
    Utility {
        /// Its place over all contexts, from 0.
        action: usize,
        /// The utility.
        value: f64,
    },
    /// As many labels as actions are needed.
    #[error("{got} labels given for {actions} actions of context {context}")]
    LabelCount {
        /// Context, from 0.
        context: usize,
        /// Its number of actions.
        actions: usize,
        /// Labels given.
        got: usize,
    },
    /// Two actions of one context share a label, or a label is empty.
    #[error("label `{label}` of context {context} is empty or stands for two actions; labels must differ")]
    Label {
        /// Context, from 0.
        context: usize,
        /// The label.
        label: String,
    },
}
