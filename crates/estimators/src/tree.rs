//! Full trees of tokens: nodes breadth first, leaves in the order in which they are met, as the policy class `token-tree`
//! numbers them.

use crate::error::SettingError;

/// Most leaves of a tree.
pub const MOST_LEAVES: usize = 4096;

/// A tree in which every node has the same tokens.
#[derive(Clone, Debug, PartialEq)]
pub struct Tree {
    vocabulary: usize,
    nodes: usize,
    /// Of each leaf the edges from the root: `vocabulary * node + token`.
    paths: Vec<Vec<usize>>,
}

impl Tree {
    /// All strings of up to `depth` tokens; token 0 ends a response if `end_token`, and otherwise all have `depth` tokens.
    ///
    /// # Errors
    /// [`SettingError::Tree`] for fewer than two tokens (three with an end token) or one level, and for more than
    /// [`MOST_LEAVES`] leaves.
    pub fn full(vocabulary: usize, depth: usize, end_token: bool) -> Result<Self, SettingError> {
        let least = 2 + usize::from(end_token);
        if vocabulary < least {
            return Err(SettingError::tree("vocabulary", vocabulary, format!("is {least} or more")));
        }
        if depth == 0 {
            return Err(SettingError::tree("depth", depth, "is 1 or more".into()));
        }
        let rule = || format!("the tree has at most {} leaves", MOST_LEAVES);
        let (mut paths, mut nodes) = (Vec::new(), 0);
        let mut level = vec![Vec::new()];
        for d in 0..depth {
            let mut next = Vec::new();
            for path in &level {
                for token in 0..vocabulary {
                    let longer = [&path[..], &[nodes * vocabulary + token]].concat();
                    let ends = d + 1 == depth || (end_token && token == 0);
                    (if ends { &mut paths } else { &mut next }).push(longer);
                }
                nodes += 1;
            }
            // every node that is left leads to a leaf at least
            if paths.len() + next.len() > MOST_LEAVES {
                return Err(SettingError::tree("depth", depth, rule()));
            }
            level = next;
        }
        Ok(Self { vocabulary, nodes, paths })
    }

    /// Tokens at a node.
    #[must_use]
    pub fn vocabulary(&self) -> usize {
        self.vocabulary
    }

    /// Nodes at which a token is chosen.
    #[must_use]
    pub fn nodes(&self) -> usize {
        self.nodes
    }

    /// Parameters of a table: one a token of a node, those of a node beside each other.
    #[must_use]
    pub fn edges(&self) -> usize {
        self.nodes * self.vocabulary
    }

    /// Responses.
    #[must_use]
    pub fn leaves(&self) -> usize {
        self.paths.len()
    }

    /// The edges of a leaf from the root.
    #[must_use]
    pub fn path(&self, leaf: usize) -> &[usize] {
        &self.paths[leaf]
    }

    /// Log-probabilities of the leaves.
    pub(crate) fn leaf_log_probs(&self, edges: &[f64]) -> Vec<f64> {
        self.paths.iter().map(|path| path.iter().map(|&e| edges[e]).sum()).collect()
    }

    /// From coefficients of the scores of edges to the gradient by the logits: `g_v = c_v - p_v sum_u c_u` at each node.
    pub(crate) fn pull(&self, log_probs: &[f64], coefficients: &[f64], gradient: &mut [f64]) {
        let v = self.vocabulary;
        let rows =
            coefficients.chunks_exact(v).zip(log_probs.chunks_exact(v)).zip(gradient.chunks_exact_mut(v));
        for ((c, l), g) in rows {
            let total: f64 = c.iter().sum();
            for ((g, c), l) in g.iter_mut().zip(c).zip(l) {
                *g = if total == 0.0 { *c } else { c - l.exp() * total };
            }
        }
    }
}
