//! Preference models fitted to comparisons, and the question whether one rating an item is enough.
//!
//! | what | where |
//! |---|---|
//! | Bradley-Terry, Thurstone, Davidson, Rao-Kupper, grounded Rao-Kupper: their equations | [`model`] |
//! | their fits, with a bonus for the item listed first, item features, a prior, and errors | [`fit()`], [`fit_linear`] |
//! | Zermelo's and Newman's iterations, for any number of items | [`first_order`] |
//! | rankings of several items, in full or split into pairs | [`plackett_luce()`], [`plackett_luce_split`] |
//! | judgements with magnitudes: scaled and margin Bradley-Terry | [`fit_magnitudes`] |
//! | strengths that move with features of the prompt | [`fit_contextual`] |
//! | ratings match by match: Elo, TrueSkill | [`sequential`] |
//! | all of them, as a list | [`MODELS`] |
//! | simultaneous intervals of strengths and ranks | [`intervals`] |
//! | several ratings side by side, with bootstraps | [`leaderboard`] |
//! | calibration and held-out loss | [`validation`] |
//! | measures of intransitivity against a null of one rating an item | [`intransitivity`] |
//!
//! Everything takes counts ([`equipoise_data::Comparisons`]); existence and convergence are always part of the answer.

mod catalogue;
mod contextual;
mod cycles;
pub mod distributions;
pub mod first_order;
mod fit;
pub mod graph;
mod hodge;
pub mod intervals;
pub mod intransitivity;
mod jet;
pub mod leaderboard;
mod magnitude;
pub mod model;
mod newton;
mod plackett_luce;
mod power;
pub mod resample;
pub mod sequential;
pub mod validation;

pub use catalogue::{MODELS, ModelRow};
pub use contextual::{Contextual, fit_contextual};
pub use cycles::{CycleFacts, PAIR_LEVEL, cycle_facts};
pub use fit::{Fit, FitError, MAX_ITEMS, Options, Parameter, fit, fit_linear};
pub use magnitude::{Magnitude, MagnitudeFit, fit_magnitudes};
pub use model::Model;
pub use plackett_luce::{PlackettLuce, plackett_luce, plackett_luce_split};
pub use power::Power;
