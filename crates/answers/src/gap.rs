//! How far a policy is from equilibrium.

use std::fmt;

use equipoise::core::Policy;
use equipoise::env::Game;
use equipoise::eval::metrics::{Truth, measure};
use serde::Serialize;

use crate::error::AnswerError;
use crate::solve::{check_tau, reference_of};

/// In which game a policy is measured.
#[derive(Clone, Debug, Default)]
pub struct GapOptions {
    /// Temperature of the KL regularisation towards the reference, at least 0; 0: the original game.
    pub tau: f64,
    /// The reference, positive, of the game's shape; `None`: uniform.
    pub reference: Option<Policy>,
}

/// How far a policy is from equilibrium; over several contexts the mean by their weights.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct GapAnswer {
    /// `2 max_i (K pi)_i` in the original game, in win rate, in `[0, 1]`; NashConv.
    pub duality_gap: f64,
    /// Half of it: what the best response wins beyond 1/2.
    pub exploitability: f64,
    /// The gap in the regularised game, `2 tau KL(pi || BR_tau(pi))`; the original one if `tau` is 0.
    pub duality_gap_tau: f64,
    /// The win rate against the best response, in `[0, 1/2]`.
    pub worst_case_win_rate: f64,
}

/// Measures `policy` in `game`.
///
/// ```
/// use equipoise_answers::equipoise::{core::Policy, env::Game, ndarray::array};
/// use equipoise_answers::{GapOptions, gap};
///
/// let game = Game::from_array(&array![[0.5, 0.9], [0.1, 0.5]])?;
/// let found = gap(&game, &Policy::uniform(game.shape()), &GapOptions::default())?;
/// assert!((found.duality_gap - 0.4).abs() < 1e-15 && (found.worst_case_win_rate - 0.3).abs() < 1e-15);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`AnswerError::Option`] for a temperature or a reference that cannot be, [`AnswerError::Input`] for a policy of another
/// shape.
pub fn gap(game: &Game, policy: &Policy, options: &GapOptions) -> Result<GapAnswer, AnswerError> {
    check_tau(options.tau)?;
    let reference = reference_of(game, options.reference.as_ref())?;
    if policy.shape() != game.shape() {
        let rule = format!(
            "the policy has {} actions in all where the game has {}, or divides them otherwise",
            policy.shape().len(),
            game.shape().len()
        );
        return Err(AnswerError::input(rule));
    }
    let truth = Truth { game, reference: &reference, tau: options.tau, equilibrium: None };
    let at = |name| measure(name, &truth, policy);
    Ok(GapAnswer {
        duality_gap: at("duality_gap"),
        exploitability: at("exploitability"),
        duality_gap_tau: at("duality_gap_tau"),
        worst_case_win_rate: at("worst_case_win_rate"),
    })
}

impl fmt::Display for GapAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows = [
            ("duality_gap", self.duality_gap),
            ("exploitability", self.exploitability),
            ("duality_gap_tau", self.duality_gap_tau),
            ("worst_case_win_rate", self.worst_case_win_rate),
        ];
        let lines = rows.map(|(name, value)| format!("{name:<20} {value:.6e}"));
        f.write_str(&lines.join("\n"))
    }
}
