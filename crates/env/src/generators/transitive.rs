//! Games with a best action: every method ought to agree here, and where one does not, it is the method.

use equipoise_core::Rng;
use equipoise_core::logistic::logistic_margin;
use equipoise_core::registry::{BuildError, ensure};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Generator, GeneratorEntry, check_margin, check_numbers, check_positive_margin, check_size, single,
};
use crate::game::Game;

pub(super) const TWO_ACTIONS: GeneratorEntry = GeneratorEntry::of::<TwoActions>(
    "two-actions",
    "two actions, the first beats the second by one margin",
    "q_0 - q_1 = margin against every policy, so all logit dynamics are affine; regularised equilibrium has log-odds \
     log(mu_0/mu_1) + margin/tau; gap = 2 margin pi_1 for margin > 0",
);

/// Two actions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TwoActions {
    /// Margin P - 1/2 by which action 0 beats action 1, in [-0.5, 0.5].
    pub margin: f64,
}

impl Default for TwoActions {
    fn default() -> Self {
        Self { margin: 0.25 }
    }
}

impl Generator for TwoActions {
    fn generate(self, _: &mut Rng) -> Result<Game, BuildError> {
        check_margin("margin", self.margin)?;
        Ok(single(2, |_, _| self.margin))
    }
}

pub(super) const ADDITIVE: GeneratorEntry = GeneratorEntry::of::<Additive>(
    "additive",
    "margins are differences of scores: K_ij = s_i - s_j (the gradient part of the Hodge decomposition)",
    "differences of q do not depend on the policy: MWU_t = softmax(theta_0 + eta t s); regularised equilibrium \
     softmax(log mu + s/tau); gap = 2 (max s - pi . s)",
);

/// `K_ij = s_i - s_j`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Additive {
    /// One score an action; the largest may exceed the smallest by at most 0.5.
    pub scores: Vec<f64>,
}

impl Default for Additive {
    fn default() -> Self {
        Self { scores: vec![0.2, 0.1, 0.0, -0.1, -0.2] }
    }
}

impl Generator for Additive {
    fn generate(self, _: &mut Rng) -> Result<Game, BuildError> {
        let Self { scores: s } = self;
        check_numbers("scores", &s)?;
        check_size(s.len(), 1)?;
        let (low, high) =
            s.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), &v| (l.min(v), h.max(v)));
        let rule = "the largest score may exceed the smallest by at most 0.5: their difference is a margin";
        ensure(high - low <= 0.5, "scores", format!("{s:?}"), rule)?;
        let game = single(s.len(), |i, j| s[i] - s[j]);
        Ok(game.valued_at(s))
    }
}

pub(super) const BRADLEY_TERRY: GeneratorEntry = GeneratorEntry::of::<BradleyTerry>(
    "bradley-terry",
    "P_ij = sigma(r_i - r_j): the model holds exactly",
    "equilibrium: the action of the largest score, alone if it is alone; a Bradley-Terry fit recovers r up to a constant",
);

/// `P_ij = 1 / (1 + exp(r_j - r_i))`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct BradleyTerry {
    /// One score (log-strength) an action; finite.
    pub scores: Vec<f64>,
}

impl Default for BradleyTerry {
    fn default() -> Self {
        Self { scores: vec![1.0, 0.3, -0.2, -1.0] }
    }
}

impl Generator for BradleyTerry {
    fn generate(self, _: &mut Rng) -> Result<Game, BuildError> {
        check_numbers("scores", &self.scores)?;
        check_size(self.scores.len(), 1)?;
        let game = single(self.scores.len(), |i, j| logistic_margin(self.scores[i] - self.scores[j]));
        Ok(game.valued_at(self.scores))
    }
}

pub(super) const ONE_WINNER: GeneratorEntry = GeneratorEntry::of::<OneWinner>(
    "one-winner",
    "action 0 beats all others by one margin; the others tie",
    "equilibrium: action 0; q_0 - q_j = margin against every policy, so logits have closed forms; \
     gap = 2 margin (1 - pi_0)",
);

/// Action 0 beats everybody.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct OneWinner {
    /// Number of actions, at least 1.
    pub actions: usize,
    /// Margin P - 1/2 by which action 0 beats each other, in (0, 0.5].
    pub margin: f64,
}

impl Default for OneWinner {
    fn default() -> Self {
        Self { actions: 5, margin: 0.25 }
    }
}

impl Generator for OneWinner {
    fn generate(self, _: &mut Rng) -> Result<Game, BuildError> {
        check_size(self.actions, 1)?;
        check_positive_margin("margin", self.margin)?;
        Ok(single(self.actions, |i, _| if i == 0 { self.margin } else { 0.0 }))
    }
}

pub(super) const CONDORCET_NOT_BORDA: GeneratorEntry = GeneratorEntry::of::<CondorcetNotBorda>(
    "condorcet-not-borda",
    "three actions: action 0 beats both others, yet action 1 has the higher mean win rate; no cycle anywhere",
    "equilibrium: action 0; uniform Bradley-Terry, IPO and all their limits pick action 1, gap 2 first_over_second \
     (by default 0.1, fit (.1491, .5915, -.7406))",
);

/// A Condorcet winner that is not the Borda winner: intransitivity is not needed to beat Bradley-Terry.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct CondorcetNotBorda {
    /// Margin of action 0 over action 1, in (0, 0.5].
    pub first_over_second: f64,
    /// Margin of action 0 over action 2, in (0, 0.5].
    pub first_over_third: f64,
    /// Margin of action 1 over action 2, in (0, 0.5]; above 2 first_over_second + first_over_third.
    pub second_over_third: f64,
}

impl Default for CondorcetNotBorda {
    fn default() -> Self {
        Self { first_over_second: 0.05, first_over_third: 0.05, second_over_third: 0.45 }
    }
}

impl Generator for CondorcetNotBorda {
    fn generate(self, _: &mut Rng) -> Result<Game, BuildError> {
        let Self { first_over_second, first_over_third, second_over_third } = self;
        check_positive_margin("first_over_second", first_over_second)?;
        check_positive_margin("first_over_third", first_over_third)?;
        check_positive_margin("second_over_third", second_over_third)?;
        let rule =
            "must be above 2 first_over_second + first_over_third, or action 0 is the Borda winner too";
        let holds = second_over_third > 2.0 * first_over_second + first_over_third;
        ensure(holds, "second_over_third", second_over_third, rule)?;
        Ok(single(3, |i, j| match (i, j) {
            (0, 1) => first_over_second,
            (0, 2) => first_over_third,
            _ => second_over_third,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{assert_equilibrium, borda, game, gap, refusal};
    use super::*;
    use equipoise_core::logistic::logistic;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn policy(weights: &[f64]) -> Vec<f64> {
        let sum: f64 = weights.iter().sum();
        weights.iter().map(|w| w / sum).collect()
    }

    proptest! {
        #[test]
        fn gaps_in_closed_form(weights in prop::collection::vec(0.01..1.0f64, 5), m in 0.01..0.5f64) {
            let pi = policy(&weights);
            let s = [0.2, 0.1, 0.0, -0.1, -0.2];
            let mean: f64 = pi.iter().zip(s).map(|(p, s)| p * s).sum();
            let additive = gap(&game("additive", Value::Null), &pi);
            prop_assert!((additive - 2.0 * (0.2 - mean)).abs() < 1e-15);
            let one = game("one-winner", json!({"actions": 5, "margin": m}));
            prop_assert!((gap(&one, &pi) - 2.0 * m * (1.0 - pi[0])).abs() < 1e-15);
            let two = policy(&weights[..2]);
            let gap_of_two = gap(&game("two-actions", json!({"margin": m})), &two);
            prop_assert!((gap_of_two - 2.0 * m * two[1]).abs() < 1e-15);
        }

        #[test]
        fn differences_of_win_rates_do_not_depend_on_the_policy(weights in prop::collection::vec(0.01..1.0f64, 5)) {
            let (game, pi) = (game("additive", Value::Null), policy(&weights));
            let q = |i: usize| (0..5).map(|j| game.prob(0, i, j) * pi[j]).sum::<f64>();
            prop_assert!((q(0) - q(3) - 0.3).abs() < 1e-15);
        }
    }

    #[test]
    fn bradley_terry_games_are_logistic_and_won_by_the_largest_score() {
        let r: [f64; 4] = [0.4, 2.0, -1.0, 1.9];
        let game = game("bradley-terry", json!({ "scores": r }));
        for i in 0..4 {
            for j in 0..4 {
                let (p, log_odds) = (game.prob(0, i, j), r[i] - r[j]);
                assert!((p - logistic(log_odds)).abs() < 1e-15);
            }
        }
        assert_equilibrium(&game, &[0.0, 1.0, 0.0, 0.0]);
    }

    #[test]
    fn the_uniform_fit_prefers_the_wrong_action() {
        let game = game("condorcet-not-borda", Value::Null);
        assert_equilibrium(&game, &[1.0, 0.0, 0.0]);
        assert!((gap(&game, &[0.0, 1.0, 0.0]) - 0.1).abs() < 1e-15);
        assert!(borda(&game)[1] > borda(&game)[0]);
        // the published fit solves its likelihood equations: sum_j P_ij = sum_j sigma(r_i - r_j), to its four digits
        let r = [0.1491f64, 0.5915, -0.7406];
        for (i, score) in borda(&game).into_iter().enumerate() {
            let fitted: f64 = r.iter().map(|rj| logistic_margin(r[i] - rj)).sum();
            assert!((fitted - score).abs() < 1e-4, "{fitted} {score}");
        }
    }

    #[test]
    fn one_action_is_a_game() {
        for name in ["additive", "bradley-terry"] {
            assert_eq!(game(name, json!({"scores": [3.0]})).shape().len(), 1);
        }
        assert_eq!(game("one-winner", json!({"actions": 1})).shape().len(), 1);
    }

    #[test]
    fn ranges_are_checked_by_name() {
        let key = |name, block| refusal(name, block).key().to_owned();
        assert_eq!(key("two-actions", json!({"margin": -0.6})), "margin");
        assert_eq!(key("additive", json!({"scores": [0.0, 0.6]})), "scores");
        assert_eq!(key("additive", json!({"scores": []})), "scores");
        assert_eq!(key("one-winner", json!({"actions": 0})), "actions");
        assert_eq!(key("condorcet-not-borda", json!({"second_over_third": 0.15})), "second_over_third");
        assert_eq!(key("condorcet-not-borda", json!({"first_over_third": -0.1})), "first_over_third");
    }
}
