//! What an estimator is audited on: a tree, three policies on it, a game of its leaves.

use equipoise_core::simplex::{self, log_sum_exp};
use equipoise_env::PreferenceMatrix;

use crate::design::{Opponent, Sampling, Target, Token};
use crate::error::SettingError;
use crate::tree::Tree;

/// A tree with a policy, a reference and an older policy, the game of its leaves, and the regularisation.
#[derive(Clone, Debug)]
pub struct Setting {
    tree: Tree,
    theta: Vec<f64>,
    reference: Vec<f64>,
    lag: Vec<f64>,
    game: PreferenceMatrix,
    tau: f64,
}

/// Numbers of a setting that are known without an estimator.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Values {
    /// `KL(pi || mu)` of whole responses.
    pub kl: f64,
    /// `KL(mu || pi)`.
    pub forward_kl: f64,
    /// Entropy of the responses.
    pub entropy: f64,
    /// Expected tokens of a response.
    pub length: f64,
    /// The duality gap of the original game.
    pub gap: f64,
    /// The regularised gap.
    pub gap_tau: f64,
}

impl Setting {
    /// A setting. Logits `theta`, `reference` and `old` are those of the tree's edges, the actions of `game` its leaves.
    ///
    /// # Errors
    /// [`SettingError::Length`] and [`SettingError::Range`], by name.
    pub fn new(
        tree: Tree,
        theta: Vec<f64>,
        reference: Vec<f64>,
        old: &[f64],
        game: PreferenceMatrix,
        tau: f64,
    ) -> Result<Self, SettingError> {
        let edges = tree.edges();
        for (key, values) in [("theta", &theta[..]), ("reference", &reference), ("old", old)] {
            if values.len() != edges {
                let rule = "there is one a token of each node";
                return Err(SettingError::Length { key, found: values.len(), expected: edges, rule });
            }
            if let Some(&value) = values.iter().find(|v| !v.is_finite()) {
                return Err(SettingError::Range { key, value, rule: "logits are finite" });
            }
        }
        if game.n() != tree.leaves() {
            let rule = "there is an action a leaf of the tree";
            return Err(SettingError::Length { key: "game", found: game.n(), expected: tree.leaves(), rule });
        }
        if !(tau > 0.0 && tau.is_finite()) {
            return Err(SettingError::Range { key: "tau", value: tau, rule: "is above 0 and finite" });
        }
        let lag = old.iter().zip(&theta).map(|(o, t)| o - t).collect();
        Ok(Self { tree, theta, reference, lag, game, tau })
    }

    /// The setting of the table, without random numbers: three tokens of which the first ends a response, three levels, and with
    /// `k` over edges, `i`, `j` over leaves,
    ///
    /// ```text
    /// theta_k = sin(1 + k)    reference_k = cos(1 + 2k)    old_k = theta_k + 0.4 cos(3 + 5k)    tau = 0.3
    /// P_ij = 1/2 + 0.45 sin((i - j)(i + j + 0.7))
    /// ```
    ///
    /// # Panics
    /// Never: the tree and the matrix are valid.
    #[must_use]
    pub fn fixture() -> Self {
        let tree = Tree::full(3, 3, true).expect("a small tree");
        let k = || (0..tree.edges()).map(|k| k as f64);
        let theta: Vec<f64> = k().map(|k| (1.0 + k).sin()).collect();
        let reference = k().map(|k| (1.0 + 2.0 * k).cos()).collect();
        let old: Vec<f64> = k().zip(&theta).map(|(k, t)| t + 0.4 * (3.0 + 5.0 * k).cos()).collect();
        let margin = |i: usize, j: usize| {
            let (i, j) = (i as f64, j as f64);
            0.45 * ((i - j) * (i + j + 0.7)).sin()
        };
        let game = PreferenceMatrix::from_margins(tree.leaves(), margin).expect("margins within 0.45");
        Self::new(tree, theta, reference, &old, game, 0.3).expect("lengths of the tree")
    }

    /// The tree.
    #[must_use]
    pub fn tree(&self) -> &Tree {
        &self.tree
    }

    /// The regularisation.
    #[must_use]
    pub fn tau(&self) -> f64 {
        self.tau
    }

    /// The same setting with other logits of the policy; the older policy keeps its distance in logits.
    #[must_use]
    pub(crate) fn at(&self, theta: &[f64]) -> State<'_> {
        let old: Vec<f64> = theta.iter().zip(&self.lag).map(|(t, l)| t + l).collect();
        let live = Law::of(&self.tree, theta);
        let reference = Law::of(&self.tree, &self.reference);
        let old = Law::of(&self.tree, &old);
        let token = |edge: usize| Token {
            edge,
            live: live.edges[edge],
            reference: reference.edges[edge],
            old: old.edges[edge],
        };
        let tokens = (0..self.tree.leaves())
            .map(|y| self.tree.path(y).iter().map(|&edge| token(edge)).collect())
            .collect();
        State { setting: self, live, reference, old, tokens }
    }

    /// The state at the setting's own policy.
    pub(crate) fn here(&self) -> State<'_> {
        self.at(&self.theta)
    }

    /// The state at the reference.
    pub(crate) fn at_reference(&self) -> State<'_> {
        self.at(&self.reference)
    }

    /// Logits of the reference.
    pub(crate) fn reference(&self) -> &[f64] {
        &self.reference
    }

    /// The game of the leaves.
    pub(crate) fn game(&self) -> &PreferenceMatrix {
        &self.game
    }

    /// What is known without an estimator.
    #[must_use]
    pub fn values(&self) -> Values {
        let state = self.here();
        let (pi, mu) = (&state.live, &state.reference);
        let q = state.win_rates(&pi.probs);
        let sum =
            |of: &dyn Fn(usize) -> f64| -> f64 { (0..pi.probs.len()).map(|y| pi.probs[y] * of(y)).sum() };
        Values {
            kl: simplex::kl(&pi.probs, &pi.leaves, &mu.probs, &mu.leaves),
            forward_kl: simplex::kl(&mu.probs, &mu.leaves, &pi.probs, &pi.leaves),
            entropy: -sum(&|y| pi.leaves[y]),
            length: sum(&|y| self.tree.path(y).len() as f64),
            gap: 2.0 * q.iter().copied().fold(f64::NEG_INFINITY, f64::max) - 1.0,
            gap_tau: state.gap_tau(),
        }
    }

    /// The regularised gap of the reference.
    #[must_use]
    pub fn reference_gap(&self) -> f64 {
        self.at_reference().gap_tau()
    }

    /// Total variation between the mixtures `(1 - share) pi + share mu`, in logits, of whole responses and of tokens.
    #[must_use]
    pub fn mixture_distance(&self, share: f64) -> f64 {
        let state = self.here();
        let [a, b] = [Opponent::SequenceMixture { share }, Opponent::TokenMixture { share }]
            .map(|opponent| state.opponent(opponent));
        0.5 * a.iter().zip(&b).map(|(a, b)| (a - b).abs()).sum::<f64>()
    }
}

/// A policy on a tree.
#[derive(Clone, Debug)]
pub(crate) struct Law {
    /// Log-probabilities of tokens at their nodes.
    pub(crate) edges: Vec<f64>,
    /// Log-probabilities of responses.
    pub(crate) leaves: Vec<f64>,
    /// Probabilities of responses.
    pub(crate) probs: Vec<f64>,
}

impl Law {
    pub(crate) fn of(tree: &Tree, logits: &[f64]) -> Self {
        let mut edges = logits.to_vec();
        for row in edges.chunks_exact_mut(tree.vocabulary()) {
            let norm = log_sum_exp(row.iter().copied());
            row.iter_mut().for_each(|l| *l -= norm);
        }
        let leaves = tree.leaf_log_probs(&edges);
        let probs = leaves.iter().map(|l| l.exp()).collect();
        Self { edges, leaves, probs }
    }

    /// `KL(self || other)` of the tokens at a node, the sum `sum_v p_v log(p_v / r_v)`.
    pub(crate) fn node_kl(&self, other: &Self, tree: &Tree, node: usize) -> f64 {
        let at = node * tree.vocabulary()..(node + 1) * tree.vocabulary();
        let (l, r) = (&self.edges[at.clone()], &other.edges[at]);
        l.iter().zip(r).map(|(l, r)| l.exp() * (l - r)).sum()
    }
}

/// A setting at some logits of the policy.
pub(crate) struct State<'a> {
    pub(crate) setting: &'a Setting,
    pub(crate) live: Law,
    pub(crate) reference: Law,
    pub(crate) old: Law,
    /// Of each leaf its tokens.
    pub(crate) tokens: Vec<Vec<Token>>,
}

impl State<'_> {
    /// Win rates of the leaves against an opponent.
    pub(crate) fn win_rates(&self, opponent: &[f64]) -> Vec<f64> {
        let mut q = vec![0.0; opponent.len()];
        self.setting.game.product(opponent, &mut q);
        q.iter_mut().for_each(|q| *q += 0.5);
        q
    }

    /// Probabilities of the responses of an opponent.
    pub(crate) fn opponent(&self, opponent: Opponent) -> Vec<f64> {
        let mixed = |share: f64, a: &[f64], b: &[f64]| -> Vec<f64> {
            a.iter().zip(b).map(|(a, b)| (1.0 - share) * a + share * b).collect()
        };
        match opponent {
            Opponent::Policy => self.live.probs.clone(),
            Opponent::SequenceMixture { share } => {
                let logits = mixed(share, &self.live.leaves, &self.reference.leaves);
                let norm = log_sum_exp(logits.iter().copied());
                logits.iter().map(|l| (l - norm).exp()).collect()
            }
            Opponent::TokenMixture { share } => {
                let logits = mixed(share, &self.live.edges, &self.reference.edges);
                Law::of(&self.setting.tree, &logits).probs
            }
        }
    }

    /// Probabilities of the responses that are drawn.
    pub(crate) fn sampled(&self, sampling: Sampling) -> Vec<f64> {
        match sampling {
            Sampling::Policy => self.live.probs.clone(),
            Sampling::Old => self.old.probs.clone(),
            Sampling::Tempered { temperature, top } => {
                let mut logits: Vec<f64> = self.live.edges.iter().map(|l| l / temperature).collect();
                for row in logits.chunks_exact_mut(self.setting.tree.vocabulary()) {
                    let mut order: Vec<usize> = (0..row.len()).collect();
                    order.sort_by(|&a, &b| row[b].total_cmp(&row[a]).then(a.cmp(&b)));
                    for &v in order.iter().skip(top.unwrap_or(row.len())) {
                        row[v] = f64::NEG_INFINITY;
                    }
                }
                Law::of(&self.setting.tree, &logits).probs
            }
        }
    }

    /// Coefficients on edges whose gradient is the target's.
    fn target_coefficients(&self, target: Target) -> Vec<f64> {
        let gain: Vec<f64> = match target {
            // the mean of a score is 0, so that only the ratio is left
            Target::SequenceKl => {
                self.live.leaves.iter().zip(&self.reference.leaves).map(|(l, r)| l - r).collect()
            }
            Target::WinRate { against } => self.win_rates(&self.opponent(against)),
        };
        let mut coefficients = vec![0.0; self.setting.tree.edges()];
        for ((tokens, p), g) in self.tokens.iter().zip(&self.live.probs).zip(&gain) {
            for token in tokens {
                coefficients[token.edge] += p * g;
            }
        }
        coefficients
    }

    /// The gradient that an estimator is to have.
    pub(crate) fn target(&self, target: Target) -> Vec<f64> {
        self.pull(&self.target_coefficients(target))
    }

    /// From coefficients on edges to the gradient by the logits.
    pub(crate) fn pull(&self, coefficients: &[f64]) -> Vec<f64> {
        let mut gradient = vec![0.0; coefficients.len()];
        self.setting.tree.pull(&self.live.edges, coefficients, &mut gradient);
        gradient
    }

    /// The regularised gap over all policies.
    pub(crate) fn gap_tau(&self) -> f64 {
        let (tau, q) = (self.setting.tau, self.win_rates(&self.live.probs));
        let (p, l) = (&self.live.probs, &self.live.leaves);
        2.0 * tau * simplex::kl_to_best_response(p, l, &q, &self.reference.leaves, tau)
    }

    /// Probability of each edge: that its node is reached and its token drawn.
    pub(crate) fn edge_probs(&self) -> Vec<f64> {
        let mut mass = vec![0.0; self.setting.tree.edges()];
        for (tokens, p) in self.tokens.iter().zip(&self.live.probs) {
            for token in tokens {
                mass[token.edge] += p;
            }
        }
        mass
    }
}
