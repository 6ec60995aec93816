//! Preference models fitted to comparisons, and the question whether one rating an item is enough.
//!
//! | what | where |
//! |---|---|
//! | the models, each a row: name, definition, options, what it is fitted to, its fit | [`MODELS`], [`model()`] |
//! | what a fit says: probabilities, strengths, errors, existence, a game | [`Fitted`] |
//! | what a row must keep | [`conformance::check_model`] |
//! | models of one comparison: their equations, and their fit with errors | [`pair_model`], [`fit()`], [`fit_linear`] |
//! | Zermelo's and Newman's iterations, for any number of items | [`first_order`] |
//! | heads of Prompt-to-Leaderboard, aggregation over prompts, routing by cost | [`p2l`] |
//! | judgements with magnitudes; rankings; ratings match by match: what several models share | [`magnitude`], [`rankings`], [`sequential`] |
//! | simultaneous intervals of strengths and ranks | [`intervals`] |
//! | items in an order that names and rows have no say in, for random draws | [`canonical`] |
//! | does the place in which an item is listed decide? | [`position`] |
//! | several ratings side by side, with bootstraps | [`leaderboard`] |
//! | a board on a scale with an anchor, tiers, predictions, changes between leaderboards | [`standings`] |
//! | agreement of annotators | [`krippendorff`] |
//! | strengths that change in time | [`whole_history`] |
//! | the same against routes of known grade: the posterior of what a grade is worth | [`graded`] |
//! | log odds of low rank and a sparse remainder | [`robust`] |
//! | users and items as points: the parts of the published learners | [`ideal_points`] |
//! | which entries of a matrix of low rank do some of them determine? | [`completion`] |
//! | calibration and held-out loss | [`validation`] |
//! | which factors of items win | [`factors`] |
//! | a linear reward in a ball, and the policy that is best for the least favourable one | [`pessimism`] |
//! | majorities of votes, best of n, selective accuracy, pairs kept by thresholds | [`repeated`] |
//! | all models side by side on comparisons held out, and the smallest that is not beaten | [`choice`] |
//! | is one rating an item enough, is it cyclic: measures and verdict | [`intransitivity`] |
//! | labels bought from a game, fitted, and answering in its place | [`learned`] |
//! | does one board fit every context or annotator? | [`agreement`] |
//! | a cycle of majorities against the nearest transitive game | [`transitive`] |
//! | what counts leave open: gap of a pick and lottery over draws of the win rates | [`posterior`](mod@posterior) |
//!
//! Existence and convergence are always part of the answer.

pub mod agreement;
pub mod canonical;
pub mod choice;
mod clusters;
pub mod completion;
pub mod conformance;
mod cycles;
mod descent;
pub mod distributions;
mod entries;
mod error;
pub mod factors;
pub mod first_order;
mod fitted;
pub mod graded;
pub mod graph;
mod hodge;
pub mod ideal_points;
mod input;
pub mod intervals;
pub mod intransitivity;
pub mod jet;
pub mod krippendorff;
pub mod leaderboard;
pub mod learned;
pub mod lottery;
pub mod magnitude;
mod newton;
pub mod p2l;
mod pair_fit;
pub mod pair_model;
mod penalty;
pub mod pessimism;
pub mod position;
pub mod posterior;
mod power;
pub mod rankings;
mod registry;
pub mod repeated;
pub mod resample;
pub mod robust;
mod scores;
pub mod sequential;
mod skew_embedding;
pub mod standings;
mod tilted;
pub mod transitive;
mod triads;
mod unfolding;
pub mod validation;
pub mod votes;
pub mod whole_history;

pub use cycles::{CycleFacts, PAIR_LEVEL, cycle_facts};
pub use entries::{
    Algorithm, BRADLEY_TERRY, BradleyTerryOptions, DAVIDSON, Elo, GROUNDED_RAO_KUPPER, IdealPoints, MODELS,
    NormalPosterior, RAO_KUPPER, RobustFit, Skill, SoftCondorcet, THURSTONE, TrueSkill, model,
};
pub use error::{FitError, MAX_ITEMS};
pub use fitted::{Column, Convergence, Existence, Fitted, Iteration, ModelResult, Parameter};
pub use input::{Contexts, Counts, FitData, ModelData, ModelInput, ReadError};
pub use pair_fit::covariates::{Coefficient, fit_covariates};
pub use pair_fit::{
    PairFit, PairOptions, PointFit, Reweight, SparseFit, fit, fit_counts, fit_linear, fit_observed,
};
pub use pair_model::PairModel;
pub use penalty::Penalty;
pub use power::Power;
pub use registry::{ModelEntry, NoOptions, PreferenceModel, PriorOption, UnknownModel, Watch, find};
pub use skew_embedding::{SkewEmbedding, prompt_gate, skew_embedding};
