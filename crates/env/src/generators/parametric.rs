//! Curves of games: one parameter turns a transitive game into a cyclic one.

use std::f64::consts::TAU;

use equipoise_core::Rng;
use equipoise_core::logistic::logistic_margin;
use equipoise_core::registry::{BuildError, ensure};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Generator, GeneratorEntry, check_magnitudes, check_numbers, check_positive_margin, check_size, single,
};
use crate::game::Game;

pub(super) const BRADLEY_TERRY_CYCLE: GeneratorEntry = GeneratorEntry::of::<BradleyTerryCycle>(
    "bradley-terry-cycle",
    "Bradley-Terry plus a rotation: P_ij = sigma(r_i - r_j + c sin(phi_i - phi_j)), c the strength",
    "default scores and phases: the Bradley-Terry favourite has gap 0, 0, 0, .2218, .6050, .9291 at c = 0, .25, .5, 1, \
     2, 4; equilibrium at c = 1 (.3429, .3142, .3429, 0, 0), c = 2 (.3869, 0, .5571, .0560, 0), c = 4 (.212, .1064, \
     .3633, .1064, .212)",
);

/// Log-odds with a gradient part and a rank-2 cyclic part.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct BradleyTerryCycle {
    /// One score r an action; finite.
    pub scores: Vec<f64>,
    /// One phase phi an action, in radians; if not given, 2 pi i / n.
    pub phases: Option<Vec<f64>>,
    /// Strength c of the cyclic part; finite, 0 is a Bradley-Terry game.
    pub strength: f64,
}

impl Default for BradleyTerryCycle {
    fn default() -> Self {
        Self { scores: vec![1.0, 0.5, 0.0, -0.5, -1.0], phases: None, strength: 1.0 }
    }
}

impl Generator for BradleyTerryCycle {
    fn generate(self, _: &mut Rng) -> Result<Game, BuildError> {
        let Self { scores: r, phases, strength: c } = self;
        let n = r.len();
        check_numbers("scores", &r)?;
        check_size(n, 1)?;
        let phi = phases.unwrap_or_else(|| (0..n).map(|i| TAU * i as f64 / n as f64).collect());
        check_magnitudes("phases", &phi)?;
        let rule = format!("needs one phase for each of the {n} scores");
        ensure(phi.len() == n, "phases", format!("{phi:?}"), &rule)?;
        ensure(c.is_finite(), "strength", c, "must be finite")?;
        Ok(single(n, |i, j| logistic_margin((r[i] - r[j]) + c * (phi[i] - phi[j]).sin())))
    }
}

pub(super) const DISC: GeneratorEntry = GeneratorEntry::of::<Disc>(
    "disc",
    "points on a circle: K_ij = c sin(phi_i - phi_j), c the strength; rank 2, purely cyclic",
    "equilibria: every pi with sum_j pi_j exp(i phi_j) = 0, if the circle's centre lies in the hull of the points; \
     three points around the centre: pi_j proportional to the sine of the angle between the other two, unique; \
     points within half a circle: the one furthest ahead",
);

/// The disc game (Balduzzi et al. 2019, arXiv:1901.08106), on the circle.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Disc {
    /// The angle phi of each action, in radians; within 1e100. Equal steps make the uniform policy an equilibrium.
    pub angles: Vec<f64>,
    /// Strength c, the largest possible margin, in (0, 0.5].
    pub strength: f64,
}

impl Default for Disc {
    fn default() -> Self {
        Self { angles: vec![0.0, 1.8, 4.0], strength: 0.5 }
    }
}

impl Generator for Disc {
    fn generate(self, _: &mut Rng) -> Result<Game, BuildError> {
        let Self { angles: phi, strength: c } = self;
        check_magnitudes("angles", &phi)?;
        check_size(phi.len(), 1)?;
        check_positive_margin("strength", c)?;
        Ok(single(phi.len(), |i, j| c * (phi[i] - phi[j]).sin()))
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{assert_equilibrium, borda, game, gap, refusal};
    use serde_json::json;

    #[test]
    fn the_loss_of_the_bradley_terry_favourite_grows_with_the_cycle() {
        let published = [(0.0, 0.0), (0.25, 0.0), (0.5, 0.0), (1.0, 0.2218), (2.0, 0.6050), (4.0, 0.9291)];
        for (c, loss) in published {
            let game = game("bradley-terry-cycle", json!({ "strength": c }));
            let scores = borda(&game);
            let favourite = (0..5).max_by(|&i, &j| scores[i].total_cmp(&scores[j])).unwrap();
            let mut pure = [0.0; 5];
            pure[favourite] = 1.0;
            assert!((gap(&game, &pure) - loss).abs() < 5e-5, "c = {c}: {}", gap(&game, &pure));
        }
    }

    #[test]
    fn angles_whose_difference_overflows_are_refused() {
        assert_eq!(refusal("disc", json!({"angles": [1.0e308, -1.0e308, 0.0]})).key(), "angles[0]");
        let phases = json!({"scores": [0.0, 1.0], "phases": [0.0, -1.0e308]});
        assert_eq!(refusal("bradley-terry-cycle", phases).key(), "phases[1]");
    }

    #[test]
    fn the_recorded_equilibria_hold_to_their_digits() {
        let recorded = [
            (1.0, [0.3429, 0.3142, 0.3429, 0.0, 0.0]),
            (2.0, [0.3869, 0.0, 0.5571, 0.0560, 0.0]),
            (4.0, [0.2120, 0.1064, 0.3633, 0.1064, 0.2120]),
        ];
        for (c, pi) in recorded {
            let game = game("bradley-terry-cycle", json!({ "strength": c }));
            // five probabilities rounded at 5e-5, each times a margin of at most 1/2, twice
            assert!(gap(&game, &pi) < 2.5e-4, "c = {c}: {}", gap(&game, &pi));
        }
    }

    #[test]
    fn three_points_around_the_centre() {
        let phi = [0.0f64, 1.8, 4.0];
        let pi = [(phi[2] - phi[1]).sin(), (phi[0] - phi[2]).sin(), (phi[1] - phi[0]).sin()];
        assert!(pi.iter().all(|&p| p > 0.0));
        let game = game("disc", json!({"angles": phi, "strength": 0.3}));
        assert_equilibrium(&game, &pi);
        let sum: (f64, f64) =
            pi.iter().zip(phi).fold((0.0, 0.0), |(x, y), (p, a)| (x + p * a.cos(), y + p * a.sin()));
        assert!(sum.0.abs() < 1e-15 && sum.1.abs() < 1e-15);
    }

    #[test]
    fn half_a_circle_is_led_by_its_furthest_point() {
        assert_equilibrium(&game("disc", json!({"angles": [0.3, 2.9, 1.0]})), &[0.0, 1.0, 0.0]);
    }

    #[test]
    fn ranges_are_checked_by_name() {
        let key = |name, block| refusal(name, block).key().to_owned();
        assert_eq!(key("bradley-terry-cycle", json!({"phases": [0.0]})), "phases");
        assert_eq!(key("bradley-terry-cycle", json!({"scores": []})), "scores");
        assert_eq!(key("disc", json!({"strength": 0.7})), "strength");
        assert_eq!(key("disc", json!({"angles": []})), "angles");
        assert_eq!(game("disc", json!({"angles": [1.0]})).shape().len(), 1);
    }
}
