//! Populations: preferences that come from many judges, each of whom is consistent.

use equipoise_core::Rng;
use equipoise_core::logistic::logistic_margin;
use equipoise_core::registry::{BuildError, ensure};
use equipoise_core::sample::index;
use rand_distr::{Distribution, StandardNormal};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Generator, GeneratorEntry, MOST_PAIRS, check_numbers, check_size, check_weights, many, matrix, valued,
};
use crate::game::{Context, Game, Judgement, Voters};
use crate::matrix::PreferenceMatrix;
use crate::storage::Ballots;

pub(super) const MIXTURE: GeneratorEntry = GeneratorEntry::of::<Mixture>(
    "mixture",
    "several Bradley-Terry judges: P_ij = sum_k w_k sigma(r^k_i - r^k_j)",
    "one judge is a Bradley-Terry game; two or more are intransitive in general, though each judge is transitive",
);

/// A mixture of Bradley-Terry judges.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Mixture {
    /// The judges' scores: `explicit: [[..], ..]`, one list a judge, or `random-normal: { actions, judges, scale,
    /// contexts }`.
    pub scores: JudgeScores,
    /// One weight a judge, not negative; divided by their sum. If not given, all equal.
    pub weights: Option<Vec<f64>>,
}

/// Where the scores of the judges come from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum JudgeScores {
    /// One list a judge, one score an action.
    Explicit(Vec<Vec<f64>>),
    /// Independent normal scores.
    RandomNormal(NormalScores),
}

/// Scores `scale z` with `z` standard normal, drawn context by context, judge by judge.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct NormalScores {
    /// Number of actions, at least 1.
    pub actions: usize,
    /// Number of judges, at least 1.
    pub judges: usize,
    /// Standard deviation of a score, finite and not negative.
    pub scale: f64,
    /// Number of independent contexts of the one game, at least 1; the weights are the same in all.
    pub contexts: usize,
}

impl Default for NormalScores {
    fn default() -> Self {
        Self { actions: 10, judges: 3, scale: 2.0, contexts: 1 }
    }
}

impl Default for Mixture {
    /// Condorcet's three judges, with unequal weights: a cycle.
    fn default() -> Self {
        let scores = vec![vec![2.0, 0.0, -2.0], vec![-2.0, 2.0, 0.0], vec![0.0, -2.0, 2.0]];
        Self { scores: JudgeScores::Explicit(scores), weights: Some(vec![0.4, 0.3, 0.3]) }
    }
}

/// The weighted mean of the judges' margins. Sums run over the judges in one order, so rounding cannot push a margin
/// beyond one half.
fn mixed(scores: &[Vec<f64>], weights: &[f64]) -> PreferenceMatrix {
    let total: f64 = weights.iter().sum();
    matrix(scores[0].len(), |i, j| {
        let sum: f64 =
            scores.iter().zip(weights).map(|(r, w)| w * (2.0 * logistic_margin(r[i] - r[j]))).sum();
        0.5 * (sum / total)
    })
}

/// The weighted mean of the judges' scores of each action.
pub(super) fn worth(scores: &[Vec<f64>], weights: &[f64]) -> Vec<f64> {
    let total: f64 = weights.iter().sum();
    let of = |i: usize| scores.iter().zip(weights).map(|(r, w)| w * r[i]).sum::<f64>() / total;
    (0..scores[0].len()).map(of).collect()
}

impl Generator for Mixture {
    fn generate(self, rng: &mut Rng) -> Result<Game, BuildError> {
        match self.scores {
            JudgeScores::Explicit(scores) => {
                ensure(!scores.is_empty(), "scores.explicit", "[]", "needs at least one judge")?;
                let n = scores[0].len();
                for (k, r) in scores.iter().enumerate() {
                    let key = format!("scores.explicit[{k}]");
                    check_numbers(&key, r)?;
                    let rule = format!("has {} scores where the first judge has {n}", r.len());
                    ensure(r.len() == n, &key, format!("{r:?}"), &rule)?;
                }
                check_size(n, 1)?;
                let weights = check_weights(self.weights, scores.len())?;
                let game = valued(Game::single(mixed(&scores, &weights)), worth(&scores, &weights));
                Ok(game.judged_by(Voters::new(Judgement::Logistic, &weights, scores)))
            }
            JudgeScores::RandomNormal(NormalScores { actions, judges, scale, contexts }) => {
                check_size(actions, contexts)
                    .and_then(|()| check_size(actions.max(judges), 1))
                    .and_then(|()| ensure(judges >= 1, "judges", judges, "must be at least 1"))
                    .and_then(|()| {
                        ensure((0.0..=1e100).contains(&scale), "scale", scale, "must be in [0, 1e100]")
                    })
                    .map_err(|e| e.within("scores.random-normal"))?;
                let weights = check_weights(self.weights, judges)?;
                let mut utilities = Vec::with_capacity(contexts * actions);
                let mut strengths = vec![Vec::new(); judges];
                let game = many(contexts, |_| {
                    let normal = |rng: &mut Rng| -> f64 { StandardNormal.sample(rng) };
                    let scores: Vec<Vec<f64>> =
                        (0..judges).map(|_| (0..actions).map(|_| scale * normal(rng)).collect()).collect();
                    utilities.extend(worth(&scores, &weights));
                    strengths.iter_mut().zip(&scores).for_each(|(all, r)| all.extend(r));
                    mixed(&scores, &weights)
                });
                let voters = Voters::new(Judgement::Logistic, &weights, strengths);
                Ok(valued(game, utilities).judged_by(voters))
            }
        }
    }
}

pub(super) const RANKINGS: GeneratorEntry = GeneratorEntry::of::<Rankings>(
    "rankings",
    "a population of rankings: P_ij = share of the ballots that rank i above j, ties and gaps counting half",
    "the equilibria are the maximal lotteries of the election; under impartial culture (all rankings equally likely) a \
     three-way election of three voters has no Condorcet winner with probability 1/18",
);

/// Preferences from ballots.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Rankings {
    /// The ballots: `explicit: ["a > b = c", ..]`, or `impartial-culture: { actions, voters, contexts }`.
    pub ballots: Orders,
    /// One weight a ballot, not negative; divided by their sum. If not given, all equal.
    pub weights: Option<Vec<f64>>,
    /// What is kept: the `margins` of all pairs, or the `ballots`, from which a product then takes O(n voters) steps.
    pub storage: Kept,
}

/// What a population of rankings is kept as.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Kept {
    /// A margin for every pair.
    #[default]
    Margins,
    /// The rankings.
    Ballots,
}

/// Where the ballots come from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Orders {
    /// Best first, `>` between better and worse, `=` between equals. Two actions of which a ballot leaves one out count
    /// half a vote each on it. Actions are numbered in order of first appearance.
    Explicit(Vec<String>),
    /// Random.
    ImpartialCulture(ImpartialCulture),
}

/// Every voter ranks all actions, all rankings being equally likely.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ImpartialCulture {
    /// Number of actions, at least 1.
    pub actions: usize,
    /// Number of voters, at least 1.
    pub voters: usize,
    /// Number of independent contexts of the one game, at least 1; the weights are the same in all.
    pub contexts: usize,
}

impl Default for ImpartialCulture {
    fn default() -> Self {
        Self { actions: 5, voters: 11, contexts: 1 }
    }
}

impl Default for Rankings {
    /// Condorcet's paradox, with unequal camps.
    fn default() -> Self {
        let ballots = ["a > b > c", "b > c > a", "c > a > b"].map(str::to_owned).to_vec();
        Self {
            ballots: Orders::Explicit(ballots),
            weights: Some(vec![4.0, 3.0, 2.0]),
            storage: Kept::Margins,
        }
    }
}

/// A ballot: the rank of every action, 0 the best, equals sharing one; `None` if left out.
type Ballot = Vec<Option<usize>>;

/// Strengths in the order of a ballot; no number where it leaves an action out.
fn strengths(ballot: &Ballot) -> Vec<f64> {
    ballot.iter().map(|rank| rank.map_or(f64::NAN, |rank| -(rank as f64))).collect()
}

/// Margins from ballots. Sums run over the ballots in one order, so rounding cannot push a margin beyond one half.
fn elected(n: usize, ballots: &[Ballot], weights: &[f64]) -> PreferenceMatrix {
    let total: f64 = weights.iter().sum();
    matrix(n, |i, j| {
        let support = |above: usize, below: usize| -> f64 {
            let agrees = |b: &Ballot| b[above].zip(b[below]).is_some_and(|(x, y)| x < y);
            ballots.iter().zip(weights).filter(|(b, _)| agrees(b)).map(|(_, w)| w).sum()
        };
        0.5 * ((support(i, j) - support(j, i)) / total)
    })
}

impl Kept {
    fn context(self, n: usize, ballots: Vec<Ballot>, weights: &[f64]) -> Context {
        match self {
            Self::Margins => elected(n, &ballots, weights).into(),
            Self::Ballots => {
                let kept = Ballots::new(n, ballots, weights.to_vec());
                kept.expect("a generator checks its ballots and weights").into()
            }
        }
    }

    /// Margins of all pairs must fit, or the entries of all ballots.
    fn check_size(self, actions: usize, voters: usize, contexts: usize) -> Result<(), BuildError> {
        if self == Self::Margins {
            return check_size(actions, contexts);
        }
        ensure(actions >= 1, "actions", actions, "must be at least 1")?;
        ensure(contexts >= 1, "contexts", contexts, "must be at least 1")?;
        let all = actions.checked_mul(voters).and_then(|n| n.checked_mul(contexts));
        let rule = format!("too large: contexts * actions * voters must be at most {MOST_PAIRS}");
        ensure(all.is_some_and(|n| n <= MOST_PAIRS), "actions", actions, &rule)
    }
}

/// The rank of every action on one ballot; `None` if it is not ranked.
type Ranks = Vec<Option<usize>>;

/// Labels in order of first appearance, and the rank of every action on every ballot.
fn read(ballots: &[String]) -> Result<(Vec<String>, Vec<Ranks>), BuildError> {
    let mut labels: Vec<String> = Vec::new();
    let mut ranks: Vec<Ballot> = Vec::new();
    for (v, ballot) in ballots.iter().enumerate() {
        let mut own = vec![None; labels.len()];
        for (rank, group) in ballot.split('>').enumerate() {
            for label in group.split('=').map(str::trim) {
                let refuse = |rule: &str| {
                    Err(BuildError::range(&format!("ballots.explicit[{v}]"), format!("`{ballot}`"), rule))
                };
                if label.is_empty() {
                    return refuse("nothing stands between two signs; write `a > b = c`");
                }
                let action = labels.iter().position(|l| l == label).unwrap_or_else(|| {
                    labels.push(label.to_owned());
                    own.push(None);
                    labels.len() - 1
                });
                if own[action].replace(rank).is_some() {
                    return refuse(&format!("ranks `{label}` twice"));
                }
            }
        }
        ranks.push(own);
    }
    ranks.iter_mut().for_each(|own| own.resize(labels.len(), None));
    Ok((labels, ranks))
}

impl Generator for Rankings {
    fn generate(self, rng: &mut Rng) -> Result<Game, BuildError> {
        match self.ballots {
            Orders::Explicit(ballots) => {
                ensure(!ballots.is_empty(), "ballots.explicit", "[]", "needs at least one ballot")?;
                let (labels, ranks) = read(&ballots)?;
                self.storage.check_size(labels.len(), ballots.len(), 1)?;
                let weights = check_weights(self.weights, ballots.len())?;
                let voters = Voters::new(Judgement::Sharp, &weights, ranks.iter().map(strengths).collect());
                let game =
                    Game::single(self.storage.context(labels.len(), ranks, &weights)).judged_by(voters);
                Ok(game.with_labels(vec![labels]).expect("labels were collected without repetition"))
            }
            Orders::ImpartialCulture(ImpartialCulture { actions, voters, contexts }) => {
                self.storage
                    .check_size(actions, voters, contexts)
                    .and_then(|()| self.storage.check_size(voters.max(1), 1, 1))
                    .and_then(|()| ensure(voters >= 1, "voters", voters, "must be at least 1"))
                    .map_err(|e| e.within("ballots.impartial-culture"))?;
                let weights = check_weights(self.weights, voters)?;
                let mut all = vec![Vec::new(); voters];
                let game = many(contexts, |_| {
                    let ballots: Vec<Ballot> = (0..voters).map(|_| shuffled(actions, rng)).collect();
                    all.iter_mut().zip(&ballots).for_each(|(all, ballot)| all.extend(strengths(ballot)));
                    self.storage.context(actions, ballots, &weights)
                });
                Ok(game.judged_by(Voters::new(Judgement::Sharp, &weights, all)))
            }
        }
    }
}

/// A uniformly random ranking of `n` actions (Fisher-Yates).
fn shuffled(n: usize, rng: &mut Rng) -> Ballot {
    let mut ranks: Vec<_> = (0..n).map(Some).collect();
    for i in (1..n).rev() {
        ranks.swap(i, index(rng, i + 1));
    }
    ranks
}

#[cfg(test)]
mod tests {
    use super::super::tests::{assert_equilibrium, game, refusal};
    use equipoise_core::logistic::logistic;
    use serde_json::{Value, json};

    #[test]
    fn transitive_judges_make_a_cycle() {
        let game = game("mixture", Value::Null);
        let expect = 0.4 * logistic(2.0) + 0.3 * logistic(-4.0) + 0.3 * logistic(2.0);
        assert!((game.prob(0, 0, 1) - expect).abs() < 1e-15);
        let (x, y, z) = (game.prob(0, 0, 1) - 0.5, game.prob(0, 1, 2) - 0.5, game.prob(0, 2, 0) - 0.5);
        assert!(x > 0.0 && y > 0.0 && z > 0.0, "{x} {y} {z}");
        assert_equilibrium(&game, &[y, z, x]);
    }

    #[test]
    fn actions_are_worth_what_the_judges_score_them_on_average() {
        let condorcet = game("mixture", Value::Null);
        // weights .4, .3, .3 of (2, 0, -2), (-2, 2, 0), (0, -2, 2)
        for (found, expected) in condorcet.utilities().unwrap().iter().zip([0.2, 0.0, -0.2]) {
            assert!((found - expected).abs() < 1e-15, "{found} {expected}");
        }
        let normal = json!({ "actions": 4, "judges": 1, "scale": 1.0, "contexts": 3 });
        let drawn = json!({ "scores": { "random-normal": normal }, "weights": null });
        let found = game("mixture", drawn);
        let utilities = found.utilities().unwrap();
        assert_eq!(utilities.len(), 12);
        // one judge: who is worth more wins more often; the last two contexts keep their own
        let part = found.part(1..3).unwrap();
        assert_eq!(part.utilities().unwrap(), &utilities[4..]);
        for x in 0..3 {
            for (i, j) in [(0, 1), (1, 2), (3, 0)] {
                let apart = utilities[4 * x + i] - utilities[4 * x + j];
                assert_eq!(found.margin(x, i, j) > 0.0, apart > 0.0);
            }
        }
        assert!(game("cyclic", Value::Null).utilities().is_none());
    }

    #[test]
    fn one_judge_is_a_bradley_terry_game() {
        let r = [0.3, -1.0, 2.0];
        let one = game("mixture", json!({"scores": {"explicit": [r]}, "weights": null}));
        assert_eq!(one.matrix(0), game("bradley-terry", json!({ "scores": r })).matrix(0));
        let sure = json!({"scores": {"explicit": [[900.0, 0.0], [900.0, 0.0], [900.0, 0.0]]}, "weights": [0.1, 0.2, 0.3]});
        assert_eq!(game("mixture", sure).prob(0, 0, 1), 1.0);
        assert_eq!(
            game("mixture", json!({"scores": {"explicit": [[1.0]]}, "weights": [2]})).shape().len(),
            1
        );
    }

    #[test]
    fn random_judges_differ_by_context() {
        let block = json!({"scores": {"random-normal": {"actions": 4, "judges": 2, "contexts": 3}}, "weights": [1, 3]});
        let game = game("mixture", block);
        assert_eq!((game.contexts(), game.shape().len()), (3, 12));
        assert_ne!(game.matrix(0), game.matrix(1));
    }

    #[test]
    fn condorcets_paradox() {
        let game = game("rankings", Value::Null);
        // a > b: 4 + 2 of 9; b > c: 4 + 3; c > a: 3 + 2
        for (i, j, votes) in [(0, 1, 6.0), (1, 2, 7.0), (2, 0, 5.0)] {
            assert!((game.prob(0, i, j) - votes / 9.0).abs() < 1e-15);
        }
        assert_eq!(game.labels(0), ["a", "b", "c"]);
        assert_equilibrium(&game, &[2.5, 0.5, 1.5]);
    }

    #[test]
    fn ties_and_gaps_count_half() {
        let block = json!({"ballots": {"explicit": ["a > b = c", "d>a", "c"]}, "weights": null});
        let game = game("rankings", block);
        assert_eq!(game.labels(0), ["a", "b", "c", "d"]);
        assert_eq!(game.prob(0, 1, 2), 0.5);
        assert!((game.prob(0, 0, 1) - 2.0 / 3.0).abs() < 1e-15);
        assert!((game.prob(0, 3, 0) - 2.0 / 3.0).abs() < 1e-15);
        assert_eq!(game.prob(0, 3, 2), 0.5);
    }

    #[test]
    fn ballots_and_margins_are_one_game() {
        let block = |storage: &str| {
            json!({"ballots": {"explicit": ["a > b = c", "d>a", "c", "b > d > a > c"]}, "weights": [1, 2, 3, 4],
                "storage": storage})
        };
        let (dense, kept) = (game("rankings", block("margins")), game("rankings", block("ballots")));
        assert_eq!((dense.matrix(0), dense.labels(0)), (kept.matrix(0), kept.labels(0)));
        assert_eq!(kept.storage_names(), ["ballots"]);
        let block = |storage: &str| {
            let culture = json!({"actions": 6, "voters": 5, "contexts": 3});
            json!({"ballots": {"impartial-culture": culture}, "weights": null, "storage": storage})
        };
        let (dense, kept) = (game("rankings", block("margins")), game("rankings", block("ballots")));
        assert!((0..3).all(|x| dense.matrix(x) == kept.matrix(x)));
    }

    #[test]
    fn three_voters_cycle_once_in_eighteen() {
        let block = json!({"ballots": {"impartial-culture": {"actions": 3, "voters": 3, "contexts": 20_000}}, "weights": null});
        let game = game("rankings", block);
        let beats = |x: usize, i: usize, j: usize| game.prob(x, i, j) > 0.5;
        let cycles =
            (0..20_000).filter(|&x| beats(x, 0, 1) == beats(x, 1, 2) && beats(x, 1, 2) == beats(x, 2, 0));
        let share = cycles.count() as f64 / 20_000.0;
        // 12 of 216 profiles; five standard errors of .00162
        assert!((share - 1.0 / 18.0).abs() < 0.0081, "{share}");
    }

    #[test]
    fn ranges_are_checked_by_name() {
        let message = |name, block| refusal(name, block).to_string();
        assert!(
            message("mixture", json!({"weights": [1]})).starts_with("`weights` = [1.0]: needs one weight")
        );
        assert!(message("mixture", json!({"weights": [1, -1, 1]})).starts_with("`weights[1]` = -1"));
        assert!(message("mixture", json!({"weights": [0, 0, 0]})).contains("sum above 0"));
        let ragged = json!({"scores": {"explicit": [[1, 2], [1]]}});
        assert!(message("mixture", ragged).starts_with("`scores.explicit[1]`"));
        let none = json!({"scores": {"random-normal": {"judges": 0}}});
        assert!(message("mixture", none).starts_with("`scores.random-normal.judges` = 0"));
        let twice = json!({"ballots": {"explicit": ["a > a"]}, "weights": null});
        assert!(message("rankings", twice).contains("ranks `a` twice"));
        let blank = json!({"ballots": {"explicit": ["a > > b"]}, "weights": null});
        assert!(message("rankings", blank).contains("nothing stands between two signs"));
        let voters = json!({"ballots": {"impartial-culture": {"voters": 0}}, "weights": null});
        assert_eq!(refusal("rankings", voters).key(), "ballots.impartial-culture.voters");
    }
}
