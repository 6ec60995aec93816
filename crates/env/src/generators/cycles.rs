//! Cycles: games in which everybody is beaten by somebody.
//!
//! Three actions with margins `x` (0 over 1), `y` (1 over 2), `z` (2 over 0), all positive: the kernel of a skew
//! 3 x 3 matrix gives the one equilibrium `(y, z, x) / (x + y + z)`, with frequency
//! `w = sqrt(x y z / (x + y + z))`.

use equipoise_core::Rng;
use equipoise_core::registry::{BuildError, ensure};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Generator, GeneratorEntry, check_margin, check_positive_margin, check_size, labelled, single};
use crate::game::Game;

pub(super) const CYCLIC: GeneratorEntry = GeneratorEntry::of::<Cyclic>(
    "cyclic",
    "action i beats i + 1 (mod n) by margins[i]; all other pairs tie",
    "n = 3, margins (x, y, z) > 0: equilibrium (y, z, x)/(x+y+z), unique; w = sqrt(xyz/(x+y+z)). n odd, margins > 0: \
     full support, pi[i+1] = pi[i-1] margins[i-1]/margins[i]. n even: full support only if the margins at even places \
     have the same product as those at odd places",
);

/// Action `i` beats `i + 1` (mod n) by `margins[i]`; all other pairs tie.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Cyclic {
    /// Margins P - 1/2 along the cycle, at least three, each in [-0.5, 0.5].
    pub margins: Vec<f64>,
}

impl Default for Cyclic {
    fn default() -> Self {
        Self { margins: vec![0.1, 0.2, 0.4] }
    }
}

impl Generator for Cyclic {
    fn generate(self, _: &mut Rng) -> Result<Game, BuildError> {
        let Self { margins } = self;
        let n = margins.len();
        ensure(n >= 3, "margins", format!("{margins:?}"), "a cycle needs at least three margins")?;
        check_size(n, 1)?;
        for (i, &m) in margins.iter().enumerate() {
            check_margin(&format!("margins[{i}]"), m)?;
        }
        Ok(single(n, |i, j| match (i, j) {
            (i, j) if j == i + 1 => margins[i],
            (0, j) if j == n - 1 => -margins[j],
            _ => 0.0,
        }))
    }
}

pub(super) const ROCK_PAPER_SCISSORS: GeneratorEntry = GeneratorEntry::of::<RockPaperScissors>(
    "rock-paper-scissors",
    "three actions, each beats the next by the same margin",
    "equilibrium uniform, also of the regularised game with uniform reference at every tau; w = margin/sqrt 3. \
     DANGER: the uniform policy solves it at step 0",
);

/// Rock beats scissors beats paper beats rock, by one margin.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RockPaperScissors {
    /// Margin P - 1/2 of each win, in (0, 0.5].
    pub margin: f64,
}

impl Default for RockPaperScissors {
    fn default() -> Self {
        Self { margin: 0.5 }
    }
}

impl Generator for RockPaperScissors {
    fn generate(self, rng: &mut Rng) -> Result<Game, BuildError> {
        check_positive_margin("margin", self.margin)?;
        let game = Cyclic { margins: vec![self.margin; 3] }.generate(rng)?;
        Ok(labelled(game, &["rock", "scissors", "paper"]))
    }
}

pub(super) const PERTURBED_RPS: GeneratorEntry = GeneratorEntry::of::<PerturbedRps>(
    "perturbed-rps",
    "the unequal rock-paper-scissors of OpenSpiel and magnetic mirror descent, payoffs (1, 3, 3) over 6",
    "equilibrium (3, 3, 1)/7, unique; w = 1/sqrt 28",
);

/// `6 K = [[0, -1, 3], [1, 0, -3], [-3, 3, 0]]` (Sokota et al. 2023, arXiv:2206.05825; OpenSpiel's biased game).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PerturbedRps {}

impl Generator for PerturbedRps {
    fn generate(self, _: &mut Rng) -> Result<Game, BuildError> {
        let six_k = [[0.0, -1.0, 3.0], [1.0, 0.0, -3.0], [-3.0, 3.0, 0.0]];
        Ok(labelled(single(3, |i, j| six_k[i][j] / 6.0), &["rock", "paper", "scissors"]))
    }
}

pub(super) const COMAL: GeneratorEntry = GeneratorEntry::of::<Comal>(
    "comal",
    "the synthetic game of COMAL: P[b>a] = P[c>b] = 0.9, P[a>c] = 0.8",
    "equilibrium (4, 3, 4)/11, unique; w = 0.20889",
);

/// The synthetic game of COMAL (Liu et al. 2024, arXiv:2410.23223).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Comal {}

impl Generator for Comal {
    fn generate(self, rng: &mut Rng) -> Result<Game, BuildError> {
        Ok(labelled(Cyclic { margins: vec![-0.4, -0.4, -0.3] }.generate(rng)?, &["a", "b", "c"]))
    }
}

pub(super) const NASH_MD_POPULATION: GeneratorEntry = GeneratorEntry::of::<NashMdPopulation>(
    "nash-md-population",
    "three kinds of people in nearly equal shares, from Nash-MD: y2 > y1 by (1/3-e)/2, y1 > y3 and y3 > y2 by (1/3+e/2)/2",
    "equilibrium (1/3+e/2, 1/3+e/2, 1/3-e), continuous in e; Borda scores (3e/4, -3e/4, 0): the Bradley-Terry \
     favourite jumps from y2 to y1 where e passes 0",
);

/// A cyclic population (Munos et al. 2024, arXiv:2312.00886) near the point where all three are equal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct NashMdPopulation {
    /// The perturbation e, in [-1/3, 1/3].
    pub epsilon: f64,
}

impl Default for NashMdPopulation {
    fn default() -> Self {
        Self { epsilon: 0.1 }
    }
}

impl Generator for NashMdPopulation {
    fn generate(self, rng: &mut Rng) -> Result<Game, BuildError> {
        let e = self.epsilon;
        ensure(e.abs() <= 1.0 / 3.0, "epsilon", e, "must be in [-1/3, 1/3]")?;
        let (low, high) = ((1.0 / 3.0 - e) / 2.0, (1.0 / 3.0 + e / 2.0) / 2.0);
        Ok(labelled(Cyclic { margins: vec![-low, -high, -high] }.generate(rng)?, &["y1", "y2", "y3"]))
    }
}

pub(super) const REGULAR_TOURNAMENT: GeneratorEntry = GeneratorEntry::of::<RegularTournament>(
    "regular-tournament",
    "n odd: action i beats the next (n - 1)/2 (mod n) by one margin; n = 5 is rock-paper-scissors-lizard-Spock",
    "equilibrium uniform, unique; w_k = (margin/n) cot(pi k/(2n)) for odd k, (margin/n) tan(pi k/(2n)) for even k, \
     k = 1..(n-1)/2: from about 2 margin/pi down to about pi margin/n^2, so entropic last iterates need some n^4 \
     steps. DANGER: the uniform policy solves it at step 0",
);

/// Each action beats half of the others.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RegularTournament {
    /// Number of actions n, odd.
    pub actions: usize,
    /// Margin P - 1/2 of each win, in (0, 0.5].
    pub margin: f64,
}

impl Default for RegularTournament {
    fn default() -> Self {
        Self { actions: 5, margin: 0.5 }
    }
}

impl Generator for RegularTournament {
    fn generate(self, _: &mut Rng) -> Result<Game, BuildError> {
        let Self { actions: n, margin } = self;
        check_size(n, 1)?;
        check_odd(n)?;
        check_positive_margin("margin", margin)?;
        Ok(single(n, |i, j| margin * regular_sign(n, i, j)))
    }
}

/// +1 if `i` beats `j > i` in the regular tournament of `n` (odd) actions, else -1.
pub(super) fn regular_sign(n: usize, i: usize, j: usize) -> f64 {
    if j - i <= (n - 1) / 2 { 1.0 } else { -1.0 }
}

pub(super) fn check_odd(n: usize) -> Result<(), BuildError> {
    ensure(n % 2 == 1, "actions", n, "must be odd: a tournament of evenly many actions is not regular")
}

#[cfg(test)]
mod tests {
    use super::super::tests::{assert_equilibrium, borda, game, refusal};
    use ndarray::{Array2, arr2};
    use serde_json::{Value, json};

    #[test]
    fn three_cycles_have_their_closed_form() {
        for [x, y, z] in [[0.1, 0.2, 0.4], [0.5, 0.01, 0.3], [0.25, 0.25, 0.25]] {
            assert_equilibrium(&game("cyclic", json!({"margins": [x, y, z]})), &[y, z, x]);
        }
        assert_equilibrium(&game("perturbed-rps", Value::Null), &[3.0, 3.0, 1.0]);
        assert_equilibrium(&game("comal", Value::Null), &[4.0, 3.0, 4.0]);
        assert_equilibrium(&game("rock-paper-scissors", json!({"margin": 0.3})), &[1.0; 3]);
    }

    #[test]
    fn odd_cycles_follow_the_recursion() {
        let m = [0.1, 0.3, 0.2, 0.45, 0.25];
        let game = game("cyclic", json!({ "margins": m }));
        assert_eq!(game.prob(0, 4, 0), 0.75);
        assert_eq!((game.prob(0, 0, 2), game.prob(0, 1, 3), game.prob(0, 1, 4)), (0.5, 0.5, 0.5));
        let mut pi = [0.0; 5];
        pi[0] = 1.0;
        // pi[i + 1] = pi[i - 1] m[i - 1] / m[i], around the circle in steps of two
        for step in 0..4 {
            let before = (2 * step) % 5;
            let i = (before + 1) % 5;
            pi[(i + 1) % 5] = pi[before] * m[before] / m[i];
        }
        assert_equilibrium(&game, &pi);
    }

    #[test]
    fn even_cycles_have_full_support_where_the_products_agree() {
        // 0.1 * 0.4 = 0.2 * 0.2
        let game = game("cyclic", json!({"margins": [0.1, 0.2, 0.4, 0.2]}));
        // two chains, each an equilibrium, and all their mixtures
        assert_equilibrium(&game, &[1.0, 0.0, 0.5, 0.0]);
        assert_equilibrium(&game, &[0.0, 2.0, 0.0, 1.0]);
        assert_equilibrium(&game, &[1.0, 2.0, 0.5, 1.0]);
    }

    #[test]
    fn the_published_matrices() {
        let p = arr2(&[[0.5, 0.1, 0.8], [0.9, 0.5, 0.1], [0.2, 0.9, 0.5]]);
        let close = |a: Array2<f64>, b: &Array2<f64>| (a - b).iter().all(|d| d.abs() < 1e-16);
        assert!(close(game("comal", Value::Null).to_array(0), &p));
        let k = arr2(&[[0.0, -1.0, 3.0], [1.0, 0.0, -3.0], [-3.0, 3.0, 0.0]]) / 6.0 + 0.5;
        assert!(close(game("perturbed-rps", Value::Null).to_array(0), &k));
    }

    #[test]
    fn the_favourite_of_the_population_jumps_and_the_equilibrium_does_not() {
        for e in [-1.0 / 3.0, -0.2, -1e-3, 0.0, 1e-3, 0.2, 1.0 / 3.0] {
            let game = game("nash-md-population", json!({ "epsilon": e }));
            assert_equilibrium(&game, &[1.0 / 3.0 + e / 2.0, 1.0 / 3.0 + e / 2.0, 1.0 / 3.0 - e]);
            for (score, expect) in borda(&game).into_iter().zip([0.75 * e, -0.75 * e, 0.0]) {
                assert!((score - expect).abs() < 1e-16);
            }
        }
    }

    #[test]
    fn regular_tournaments_are_balanced() {
        for n in [1, 3, 5, 7, 101] {
            let game = game("regular-tournament", json!({"actions": n, "margin": 0.3}));
            assert_equilibrium(&game, &vec![1.0; n]);
            for i in 0..n {
                assert_eq!((0..n).filter(|&j| game.prob(0, i, j) == 0.8).count(), (n - 1) / 2);
                if n > 1 {
                    assert_eq!(game.prob(0, i, (i + 1) % n), 0.8);
                }
            }
        }
    }

    #[test]
    fn ranges_are_checked_by_name() {
        let message = |name, block| refusal(name, block).to_string();
        assert_eq!(
            message("cyclic", json!({"margins": [0.1, 0.2]})),
            "`margins` = [0.1, 0.2]: a cycle needs at least three margins"
        );
        assert_eq!(
            message("cyclic", json!({"margins": [0.1, 0.2, 0.6]})),
            "`margins[2]` = 0.6: a margin (P - 1/2) must be in [-0.5, 0.5]"
        );
        assert!(message("rock-paper-scissors", json!({"margin": 0.0})).starts_with("`margin` = 0"));
        assert!(message("regular-tournament", json!({"actions": 4})).contains("must be odd"));
        assert!(message("nash-md-population", json!({"epsilon": 0.34})).contains("[-1/3, 1/3]"));
        assert!(message("cyclic", json!({"margins": "x"})).starts_with("`margins`"));
    }
}
