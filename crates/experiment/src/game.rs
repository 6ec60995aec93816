//! A game that has been made, with its policies.

use std::sync::Arc;

use equipoise::Problem;
use equipoise::core::{Policy, PolicyClass, Task};
use equipoise::data::Comparisons;
use equipoise::env::Game;
use equipoise::eval::TestPrompts;
use serde::{Deserialize, Serialize};

/// A game, made.
#[derive(Clone, Debug)]
pub struct GamePlan {
    /// Unique name.
    pub name: String,
    /// Where it comes from, in words.
    pub source: String,
    /// The game.
    pub game: Arc<Game>,
    /// Pairs that never met, by label.
    pub unmet_pairs: Vec<(String, String)>,
    /// The comparisons that its win rates are estimated from, if it comes from some.
    pub counts: Option<Arc<Comparisons>>,
    /// The reference policy.
    pub reference: Policy,
    /// The start.
    pub start: Policy,
    /// The policy class around the reference that methods stay in; none: every policy.
    pub class: Option<Arc<dyn PolicyClass>>,
    /// The contexts kept for testing, which [`GamePlan::game`] does not have.
    pub test: Option<Arc<TestPrompts>>,
    /// What identifies all this in run ids.
    pub identity: GameIdentity,
}

/// Hashes of a game and its policies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GameIdentity {
    /// Of the game: [`crate::identity::content`].
    pub content: String,
    /// Of the reference and the start.
    pub policies: [String; 2],
    /// Of the contexts kept for testing, with the reference there; empty where there are none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub test: String,
}

impl GamePlan {
    /// The game with its task for `tau`, without an exact answer.
    #[must_use]
    pub fn problem(&self, tau: f64) -> Problem {
        let task = Task::new(self.reference.clone()).start(self.start.clone()).tau(tau);
        let mut problem = Problem::new(self.game.clone(), Task { class: self.class.clone(), ..task });
        problem.test.clone_from(&self.test);
        problem
    }
}
