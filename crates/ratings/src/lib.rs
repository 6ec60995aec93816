//! Preference models fitted to comparisons, and the question whether one rating an item is enough.
//!
//! | what | where | citation |
//! |---|---|---|
//! | Bradley-Terry, Thurstone, Davidson, Rao-Kupper, grounded Rao-Kupper; home bonus, features, prior | [`fit()`], [`fit_linear`] | [`model`] |
//! | Zermelo's and Newman's iterations | [`first_order`] | arXiv:2207.00076 |

pub mod first_order;
mod fit;
pub mod graph;
mod jet;
pub mod model;
pub mod special;

pub use fit::{Fit, FitError, MAX_ITEMS, Options, Parameter, fit, fit_linear};
pub use model::Model;
