//! Games from points in a space: ideal points of annotators, and rotations in planes.

use equipoise_core::Rng;
use equipoise_core::logistic::logistic_margin;
use equipoise_core::registry::{BuildError, ensure};
use rand_distr::{Distribution, StandardNormal};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Generator, GeneratorEntry, check_count, check_size, check_weights, many, matrix, valued};
use crate::game::{Game, Judgement, Voters};

pub(super) const IDEAL_POINTS: GeneratorEntry = GeneratorEntry::of::<IdealPoints>(
    "ideal-points",
    "annotators with ideal points a_u: P_ij = sum_u w_u sigma(c (|x_j - a_u|^2 - |x_i - a_u|^2)), c the sharpness",
    "one annotator is a Bradley-Terry game with scores -c |x - a|^2; in one dimension, with sharp annotators of odd number and equal \
     weight, the action nearest to the median ideal point is a Condorcet winner; from two dimensions on there may be none",
);

/// Annotators who prefer what is nearer to their ideal point, as in PAL (arXiv:2406.08469).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct IdealPoints {
    /// Points of the actions, `[actions][dimension]`; if not given, standard normal ones.
    pub items: Option<Vec<Vec<f64>>>,
    /// Ideal points of the annotators, `[annotators][dimension]`; if not given, standard normal ones.
    pub ideals: Option<Vec<Vec<f64>>>,
    /// One weight an annotator, not negative; divided by their sum. If not given, all equal.
    pub weights: Option<Vec<f64>>,
    /// Number of actions, where their points are drawn; at least 1.
    pub actions: usize,
    /// Number of annotators, where their points are drawn; at least 1.
    pub annotators: usize,
    /// Dimension of points that are drawn, at least 1.
    pub dimension: usize,
    /// By what a difference of squared distances is multiplied, in nats; in [0, 1e6].
    pub sharpness: f64,
    /// Number of contexts; points that are not given are drawn for each anew.
    pub contexts: usize,
}

impl Default for IdealPoints {
    fn default() -> Self {
        Self {
            items: None,
            ideals: None,
            weights: None,
            actions: 8,
            annotators: 5,
            dimension: 2,
            sharpness: 2.0,
            contexts: 1,
        }
    }
}

/// Points of one dimension, every coordinate finite and at most 1e100; that dimension.
fn check_points(key: &str, points: &[Vec<f64>], dimension: usize) -> Result<(), BuildError> {
    ensure(!points.is_empty(), key, "[]", "needs at least one point")?;
    for (k, point) in points.iter().enumerate() {
        let key = format!("{key}[{k}]");
        let rule = format!("must have {dimension} coordinates, at least 1, as every other point");
        ensure(point.len() == dimension && dimension > 0, &key, format!("{point:?}"), &rule)?;
        let fits = point.iter().all(|c| c.abs() <= 1e100);
        ensure(fits, &key, format!("{point:?}"), "must have coordinates within 1e100")?;
    }
    Ok(())
}

fn normal_points(count: usize, dimension: usize, rng: &mut Rng) -> Vec<Vec<f64>> {
    (0..count).map(|_| (0..dimension).map(|_| StandardNormal.sample(rng)).collect()).collect()
}

impl Generator for IdealPoints {
    fn generate(self, rng: &mut Rng) -> Result<Game, BuildError> {
        let Self { items, ideals, weights, actions, annotators, dimension, sharpness, contexts } = self;
        let given = items.as_ref().or(ideals.as_ref()).and_then(|p| p.first()).map(Vec::len);
        let dimension = given.unwrap_or(dimension);
        ensure((1..=10_000).contains(&dimension), "dimension", dimension, "must be in [1, 10000]")?;
        ensure((0.0..=1e6).contains(&sharpness), "sharpness", sharpness, "must be in [0, 1e6]")?;
        items.iter().try_for_each(|points| check_points("items", points, dimension))?;
        ideals.iter().try_for_each(|points| check_points("ideals", points, dimension))?;
        let n = items.as_ref().map_or(actions, Vec::len);
        let voters = ideals.as_ref().map_or(annotators, Vec::len);
        check_size(n, contexts)?;
        ensure((1..=1_000_000).contains(&voters), "annotators", voters, "must be in [1, 1000000]")?;
        check_count("annotators", voters, dimension)?;
        check_count("actions", n, dimension)?;
        let weights = check_weights(weights, voters)?;
        let total: f64 = weights.iter().sum();
        let mut strengths = vec![Vec::new(); voters];
        let mut utilities = Vec::with_capacity(contexts * n);
        let game = many(contexts, |_| {
            let x = items.clone().unwrap_or_else(|| normal_points(n, dimension, rng));
            let a = ideals.clone().unwrap_or_else(|| normal_points(voters, dimension, rng));
            // -c |x - a|^2 of every annotator: the scores of a Bradley-Terry judge
            let score = |x: &[f64], a: &[f64]| -> f64 {
                -sharpness * x.iter().zip(a).map(|(x, a)| (x - a) * (x - a)).sum::<f64>()
            };
            let mean =
                |x: &Vec<f64>| a.iter().zip(&weights).map(|(a, w)| w * score(x, a)).sum::<f64>() / total;
            utilities.extend(x.iter().map(mean));
            for (all, a) in strengths.iter_mut().zip(&a) {
                let of = |x: &Vec<f64>| -> f64 { x.iter().zip(a).map(|(x, a)| x * (2.0 * a - x)).sum() };
                all.extend(x.iter().map(|x| sharpness * of(x)));
            }
            matrix(n, |i, j| {
                let sum: f64 = a
                    .iter()
                    .zip(&weights)
                    .map(|(a, w)| {
                        // |x_j - a|^2 - |x_i - a|^2 = (x_i - x_j) . (2 a - x_i - x_j): exact where the points are equal
                        let terms = x[i].iter().zip(&x[j]).zip(a);
                        let nearer: f64 = terms.map(|((p, q), a)| (p - q) * (2.0 * a - p - q)).sum();
                        w * (2.0 * logistic_margin(sharpness * nearer))
                    })
                    .sum();
                0.5 * (sum / total)
            })
        });
        let voters = Voters::new(Judgement::Logistic, &weights, strengths);
        Ok(valued(game, utilities).judged_by(voters))
    }
}

pub(super) const ROTATION: GeneratorEntry = GeneratorEntry::of::<Rotation>(
    "rotation",
    "random points in planes: P_ij = sigma(sum_k c_k (x_ik y_jk - y_ik x_jk)), c the strengths",
    "log-odds of rank 2 a plane: what a general preference model of that rank has exactly; one plane with all y = 1 is a \
     Bradley-Terry game",
);

/// Rotations: a skew embedding (GPM, arXiv:2410.02197) with standard normal points.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Rotation {
    /// Number of actions, at least 1.
    pub actions: usize,
    /// One strength a plane, within 1e100.
    pub strengths: Vec<f64>,
    /// Number of contexts, each with points of its own.
    pub contexts: usize,
}

impl Default for Rotation {
    fn default() -> Self {
        Self { actions: 8, strengths: vec![2.0, 1.0], contexts: 1 }
    }
}

impl Generator for Rotation {
    fn generate(self, rng: &mut Rng) -> Result<Game, BuildError> {
        let Self { actions: n, strengths, contexts } = self;
        check_size(n, contexts)?;
        super::check_magnitudes("strengths", &strengths)?;
        check_count("actions", n, 2 * strengths.len())?;
        Ok(many(contexts, |_| {
            let points = normal_points(n, 2 * strengths.len(), rng);
            matrix(n, |i, j| {
                let (p, q) = (&points[i], &points[j]);
                let plane = |(k, c): (usize, &f64)| c * (p[2 * k] * q[2 * k + 1] - p[2 * k + 1] * q[2 * k]);
                logistic_margin(strengths.iter().enumerate().map(plane).sum())
            })
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{game, refusal};
    use equipoise_core::logistic::logistic;
    use serde_json::json;

    /// One judge's log-odds are differences of what actions are worth, whatever the family; copies are worth what the original is, and other
    /// payoffs change nothing.
    #[test]
    fn log_odds_of_one_judge_are_differences_of_utilities() {
        for (name, block) in [
            ("ideal-points", json!({"annotators": 1, "actions": 5, "contexts": 2})),
            ("attribute-voters", json!({"voters": 1, "actions": 5, "contexts": 2})),
            ("bradley-terry", json!({})),
            (
                "mixture",
                json!({"scores": {"random-normal": {"actions": 5, "judges": 1, "contexts": 2}}, "weights": null}),
            ),
            ("contextual-features", json!({"actions": 4, "contexts": 3})),
            ("drifting", json!({"actions": 4, "times": 3})),
        ] {
            let game = game(name, block);
            let worth = game.utilities().unwrap_or_else(|| panic!("{name}"));
            let mut compared = 0;
            for x in 0..game.contexts() {
                let own = &worth[game.shape().range(x)];
                for i in 0..own.len() {
                    for j in 0..own.len() {
                        let (won, lost) = (game.prob(x, i, j), game.prob(x, j, i));
                        // beyond that rounding of a win rate is seen in its log-odds
                        if won > 1e-6 && lost > 1e-6 && i != j {
                            let odds = won.ln() - lost.ln();
                            assert!((odds - (own[i] - own[j])).abs() < 1e-8, "{name}: {odds}");
                            compared += 1;
                        }
                    }
                }
            }
            assert!(compared > 0, "{name}");
        }
        // two annotators: the mean
        let items = json!([[0.0], [1.0], [3.0]]);
        let two = json!({"items": items, "ideals": [[0.0], [2.0]], "weights": [1.0, 3.0], "sharpness": 0.5});
        // -(.5)(.25 (x - 0)^2 + .75 (x - 2)^2)
        assert_eq!(game("ideal-points", two.clone()).utilities().unwrap(), [-1.5, -0.5, -1.5]);
        let copied = game("clones", json!({"game": {"ideal-points": two}, "item": 1}));
        assert_eq!(copied.utilities().unwrap(), [-1.5, -0.5, -0.5, -1.5]);
        let scored = game("transformed", json!({"game": "bradley-terry", "psi": "majority"}));
        assert_eq!(scored.utilities(), game("bradley-terry", json!({})).utilities());
        assert_eq!(game("transformed", json!({})).utilities(), None);
    }

    #[test]
    fn one_annotator_is_bradley_terry_and_weights_mix() {
        let items = [[0.0, 1.0], [2.0, -1.0], [0.5, 0.5]];
        let ideals = [[0.3, 0.2], [-1.0, 0.4]];
        let one =
            |a: [f64; 2]| game("ideal-points", json!({"items": items, "ideals": [a], "sharpness": 0.7}));
        let score = |x: [f64; 2], a: [f64; 2]| -0.7 * ((x[0] - a[0]).powi(2) + (x[1] - a[1]).powi(2));
        let both = json!({"items": items, "ideals": ideals, "sharpness": 0.7, "weights": [1, 3]});
        let both = game("ideal-points", both);
        for i in 0..3 {
            for j in 0..3 {
                for a in ideals {
                    let p = logistic(score(items[i], a) - score(items[j], a));
                    assert!((one(a).prob(0, i, j) - p).abs() < 1e-14);
                }
                let mixed = 0.25 * one(ideals[0]).prob(0, i, j) + 0.75 * one(ideals[1]).prob(0, i, j);
                assert!((both.prob(0, i, j) - mixed).abs() < 1e-15);
            }
        }
    }

    #[test]
    fn the_median_voter_decides_in_one_dimension_and_none_in_two() {
        // sharp annotators: the action nearest to the median ideal point, 0.5, wins against all
        let block = json!({"items": [[-2.0], [0.4], [3.0], [1.2]], "ideals": [[-5.0], [-1.0], [0.5], [2.0], [9.0]],
            "sharpness": 1e6});
        let line = game("ideal-points", block);
        assert!([0, 2, 3].iter().all(|&j| line.prob(0, 1, j) > 0.5));
        // three annotators around three actions: a cycle
        let corner = |k: f64| {
            let angle = k * std::f64::consts::TAU / 3.0;
            [angle.cos(), angle.sin()]
        };
        let items = [corner(0.0), corner(1.0), corner(2.0)];
        let block =
            json!({"items": items, "ideals": [corner(0.2), corner(1.2), corner(2.2)], "sharpness": 1e6});
        let plane = game("ideal-points", block);
        let beats = |i, j| plane.prob(0, i, j) > 0.5;
        assert_eq!([beats(0, 1), beats(1, 2), beats(2, 0)], [beats(0, 1); 3]);
    }

    #[test]
    fn rotations_have_the_log_odds_of_their_planes() {
        let rotation = game("rotation", json!({"actions": 6, "strengths": [1.5]}));
        let d = |i, j| rotation.prob(0, i, j).ln() - rotation.prob(0, j, i).ln();
        // rank 2: every Pfaffian of four actions vanishes
        for [a, b, c, e] in [[0, 1, 2, 3], [0, 2, 4, 5], [1, 3, 4, 5]] {
            let pfaffian = d(a, b) * d(c, e) - d(a, c) * d(b, e) + d(a, e) * d(b, c);
            assert!(pfaffian.abs() < 1e-12, "{pfaffian}");
        }
        assert_eq!(refusal("rotation", json!({"strengths": []})).key(), "strengths");
        assert_eq!(refusal("ideal-points", json!({"items": [[0.0], [1.0, 2.0]]})).key(), "items[1]");
        for (block, key) in [
            (json!({"strengths": [1.0e308, 1.0e308, -1.0e308]}), "strengths[0]"),
            (json!({"strengths": [1.0, -1.1e100]}), "strengths[1]"),
        ] {
            assert_eq!(refusal("rotation", block).key(), key);
        }
        // the largest strengths cancel without a panic
        game("rotation", json!({"strengths": [1.0e100, 1.0e100, -1.0e100]}));
        for block in [
            json!({"annotators": 1_000_000, "dimension": 10_000}),
            json!({"annotators": 10_001, "dimension": 10_000}),
        ] {
            assert_eq!(refusal("ideal-points", block).key(), "annotators");
        }
        assert_eq!(refusal("ideal-points", json!({"actions": 20_000, "dimension": 10_000})).key(), "actions");
        assert_eq!(refusal("ideal-points", json!({"sharpness": -1})).key(), "sharpness");
        assert_eq!(refusal("ideal-points", json!({"weights": [1, 2]})).key(), "weights");
    }
}
