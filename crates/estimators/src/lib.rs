//! Gradient estimators of preference learning, and their audit by enumeration.
//!
//! A trainer's gradient is a sum of scores of the sampled tokens, `sum_it c_it grad log pi(token t of response i)`, and what
//! tells one estimator from another are the coefficients `c`. On a small tree of tokens every group of responses and every
//! outcome of their duels can be listed, so that the expectation of the estimator is a number and not a sample mean:
//!
//! ```text
//! relative bias   |E g - target| / |target|
//! cosine          <E g, target> / (|E g| |target|)
//! covariance      E |g|^2 - |E g|^2, the trace, a group
//! fixed point     the regularised gap of the policy at which the expected ascent direction vanishes
//! ```
//!
//! The last stands beside the others because a large bias of a gradient may be a small one of the policy it leads to.
//!
//! ```
//! use equipoise_estimators::{Design, Sampling, Setting, Target, audit};
//!
//! // a method of one's own: the log-ratio of each token weighs its score
//! let setting = Setting::fixture();
//! let own = audit(&setting, Target::SequenceKl, &Design::responses(1), &|group, gradient| {
//!     for token in group.tokens(0) {
//!         gradient.add(token.edge, token.log_ratio());
//!     }
//! })?;
//! assert!(!own.unbiased && (own.relative_bias.unwrap() - 0.222).abs() < 5e-4);
//! # Ok::<(), equipoise_estimators::AuditError>(())
//! ```
//!
//! Nothing is drawn: what enumeration cannot do within [`MOST_OPERATIONS`] is refused.

mod audit;
mod design;
mod error;
mod estimator;
mod fixed_point;
mod kl;
mod off_policy;
mod opponents;
mod posterior;
mod rewards;
mod setting;
mod tree;

pub use audit::{Audit, AuditError, MOST_OPERATIONS, NO_TARGET, audit, audit_entry};
pub use design::{Design, Labels, Opponent, Sampling, Target, Token};
pub use error::SettingError;
pub use estimator::{Coefficients, EstimatorEntry, Group, Rule};
pub use fixed_point::{FixedPoint, exact_fixed_point, fixed_point};
pub use posterior::{Posterior, PosteriorAudit, PosteriorEstimator};
pub use rewards::grpo_scale;
pub use setting::{Setting, Values};
pub use tree::{MOST_LEAVES, Tree};

/// Every estimator, in the order of the table.
pub const ESTIMATORS: &[&[EstimatorEntry]] =
    &[kl::ENTRIES, rewards::ENTRIES, opponents::ENTRIES, off_policy::ENTRIES];

/// The rows of [`ESTIMATORS`] behind each other.
pub fn estimators() -> impl Iterator<Item = &'static EstimatorEntry> {
    ESTIMATORS.iter().flat_map(|family| family.iter())
}
