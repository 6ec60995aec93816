//! Responses as the leaves of a tree of tokens, with a distribution over the next token at each node.
//!
//! ```text
//! log pi(leaf) = sum over its path of log_softmax_v( log mu(v | node) + theta[row(node), v] )      at the policy's nodes
//!                                     log mu(v | node)                                             at nature's
//! pull: C_v = sum of G over the leaves below v;  dL/dtheta[row, v] += C_v - p_v sum_v C_v
//! ```
//!
//! Nature's law is the reference's: both meet the same world. Leaves are numbered in the order in which a breadth-first walk meets
//! them; a context with fewer actions than the tree has leaves has the first of them, so every number of actions is a tree.
//!
//! The best response over all policies that leave nature's nodes alone, for a gain r over leaves and `tau >= 0`, by backward
//! induction: `V(leaf) = r`; at nature's nodes the mean; at the policy's `tau log sum_v mu(v | node) exp(V(v) / tau)`, or the
//! largest at `tau = 0`.

use equipoise_core::registry::ensure;
use equipoise_core::simplex::{NonFinite, log_sum_exp};
use equipoise_core::{BuildError, Policy, PolicyClass, Shape, Tokens};

/// Most leaves of all contexts.
const MOST_LEAVES: usize = 1_000_000;

/// From the tokens on a node's path to its row of parameters.
pub(crate) type RowOf<'a> = dyn Fn(&[usize]) -> usize + 'a;

/// The shape of a full tree.
pub(crate) struct Plan<'a> {
    /// Tokens at the nodes of a level, from 0.
    pub(crate) width: &'a dyn Fn(usize) -> usize,
    /// Whether nature moves at a level.
    pub(crate) chance: &'a dyn Fn(usize) -> bool,
    /// Whether token 0 ends a response.
    pub(crate) ends: bool,
    /// Levels that may be the last.
    pub(crate) may_end: &'a dyn Fn(usize) -> bool,
    /// The row of parameters of a node, by the tokens on its path; none: each node has its own.
    pub(crate) row: Option<&'a RowOf<'a>>,
}

/// Where a token leads.
#[derive(Clone, Copy, Debug)]
enum To {
    /// To a response.
    Leaf(usize),
    /// To a node of the same context.
    Node(usize),
}

#[derive(Debug)]
struct Entry {
    to: To,
    /// The parameter of this token; none at nature's nodes.
    parameter: Option<usize>,
    /// `log mu(v | node)`.
    base: f64,
}

/// The trees of all contexts: nodes breadth first, parents before children.
#[derive(Debug)]
pub(crate) struct Trees {
    shape: Shape,
    contexts: Vec<Vec<Vec<Entry>>>,
    initial: Vec<f64>,
    has_chance: bool,
    /// Whether all parameters are those of tied rows.
    carries_over: bool,
}

impl Trees {
    /// The trees that give each context of the reference its number of leaves. `shared` parameters are those of tied rows.
    pub(crate) fn new(plan: &Plan<'_>, shared: usize, reference: &Policy) -> Result<Self, BuildError> {
        let shape = reference.shape().clone();
        ensure(
            shape.len() <= MOST_LEAVES,
            "vocabulary",
            shape.len(),
            "trees have at most 1e6 leaves in all",
        )?;
        let mut parameters = shared;
        let contexts: Vec<_> = (0..shape.contexts())
            .map(|x| {
                let mut nodes = nodes(plan, shape.actions(x), &mut parameters);
                condition(&mut nodes, reference.log_probs_at(x).as_slice().expect("rows are contiguous"));
                nodes
            })
            .collect();
        let has_chance = contexts.iter().flatten().flatten().any(|e: &Entry| e.parameter.is_none());
        Ok(Self {
            shape,
            contexts,
            initial: vec![0.0; parameters],
            has_chance,
            carries_over: plan.row.is_some(),
        })
    }

    /// Log-probabilities of a node's tokens.
    fn node(entries: &[Entry], theta: &[f64], out: &mut Vec<f64>) {
        out.clear();
        out.extend(entries.iter().map(|e| e.base + e.parameter.map_or(0.0, |k| theta[k])));
        let norm = log_sum_exp(out.iter().copied());
        out.iter_mut().for_each(|l| *l -= norm);
    }
}

/// Leaves of a full tree with so many levels.
fn leaves(plan: &Plan<'_>, depth: usize) -> usize {
    (0..depth).rev().fold(1, |below, level| {
        let width = (plan.width)(level);
        match plan.ends && level + 1 < depth {
            true => below.saturating_mul(width - 1).saturating_add(1),
            false => below.saturating_mul(width),
        }
    })
}

/// The first `n` leaves of the smallest full tree that has as many; conditionals not yet set.
fn nodes(plan: &Plan<'_>, n: usize, parameters: &mut usize) -> Vec<Vec<Entry>> {
    if n == 1 {
        return Vec::new();
    }
    let depth = (1..=n).find(|&d| (plan.may_end)(d - 1) && leaves(plan, d) >= n);
    let depth = depth.expect("every level has two tokens, one of which goes on");
    // paths of the nodes of a level, and the leaves that are still to be met below them
    let mut paths: Vec<Vec<usize>> = vec![Vec::new()];
    let (mut nodes, mut met) = (Vec::<Vec<Entry>>::new(), 0);
    for level in 0..depth {
        let (width, first, last) = ((plan.width)(level), nodes.len(), level + 1 == depth);
        let mut next = Vec::new();
        // leaves below a token that goes on, all on later levels
        let below = if last { 0 } else { leaves_from(plan, level + 1, depth) };
        let ended = if plan.ends && !last { paths.len() } else { 0 };
        let mut later = met + ended;
        for path in &paths {
            let own = (!(plan.chance)(level)).then(|| match plan.row {
                Some(row) => row(path),
                None => std::mem::replace(parameters, *parameters + width),
            });
            let mut entries = Vec::new();
            for token in 0..width {
                let to = if last || (plan.ends && token == 0) {
                    met += 1;
                    (met <= n).then(|| To::Leaf(met - 1))
                } else {
                    // a subtree is kept if the first leaf below it may be
                    let kept = plan.ends || later < n;
                    later += below;
                    kept.then(|| {
                        next.push([&path[..], &[token]].concat());
                        To::Node(first + paths.len() + next.len() - 1)
                    })
                };
                let parameter = own.map(|row| row + token);
                entries.extend(to.map(|to| Entry { to, parameter, base: 0.0 }));
            }
            nodes.push(entries);
        }
        paths = next;
    }
    prune(nodes)
}

/// Leaves below a node of `level`.
fn leaves_from(plan: &Plan<'_>, level: usize, depth: usize) -> usize {
    let shifted = Plan {
        width: &|l| (plan.width)(l + level),
        chance: plan.chance,
        ends: plan.ends,
        may_end: plan.may_end,
        row: None,
    };
    leaves(&shifted, depth - level)
}

/// Without nodes that have no leaf below them.
fn prune(mut nodes: Vec<Vec<Entry>>) -> Vec<Vec<Entry>> {
    let mut alive = vec![true; nodes.len()];
    for k in (0..nodes.len()).rev() {
        nodes[k].retain(|e| !matches!(e.to, To::Node(child) if !alive[child]));
        alive[k] = !nodes[k].is_empty();
    }
    let mut place = vec![0; nodes.len()];
    let mut kept = 0;
    for (place, alive) in place.iter_mut().zip(&alive) {
        *place = kept;
        kept += usize::from(*alive);
    }
    nodes.retain(|entries| !entries.is_empty());
    for entry in nodes.iter_mut().flatten() {
        if let To::Node(child) = &mut entry.to {
            *child = place[*child];
        }
    }
    nodes
}

/// Sets the reference's conditionals.
fn condition(nodes: &mut [Vec<Entry>], log_mu: &[f64]) {
    let mut mass = vec![0.0; nodes.len()];
    for k in (0..nodes.len()).rev() {
        for entry in &mut nodes[k] {
            entry.base = match entry.to {
                To::Leaf(y) => log_mu[y],
                To::Node(child) => mass[child],
            };
        }
        mass[k] = log_sum_exp(nodes[k].iter().map(|e| e.base));
        nodes[k].iter_mut().for_each(|e| e.base -= mass[k]);
    }
}

impl PolicyClass for Trees {
    fn shape(&self) -> &Shape {
        &self.shape
    }

    fn initial(&self) -> &[f64] {
        &self.initial
    }

    fn is_linear(&self) -> bool {
        false
    }

    fn carries_over(&self) -> bool {
        self.carries_over
    }

    fn evaluate(&self, theta: &[f64], policy: &mut Policy) -> Result<(), NonFinite> {
        policy.set_logits(|l| {
            let mut tokens = Vec::new();
            for (nodes, row) in self.contexts.iter().zip(self.shape.ranges()) {
                let l = &mut l[row];
                l.fill(0.0);
                let mut reach = vec![0.0; nodes.len()];
                for (k, entries) in nodes.iter().enumerate() {
                    Self::node(entries, theta, &mut tokens);
                    for (entry, t) in entries.iter().zip(&tokens) {
                        match entry.to {
                            To::Leaf(y) => l[y] = reach[k] + t,
                            To::Node(child) => reach[child] = reach[k] + t,
                        }
                    }
                }
            }
        })
    }

    fn push(&self, theta: &[f64], _policy: &Policy, v: &[f64], out: &mut [f64]) {
        let mut tokens = Vec::new();
        for (nodes, row) in self.contexts.iter().zip(self.shape.ranges()) {
            let out = &mut out[row];
            out.fill(0.0);
            let mut moved = vec![0.0; nodes.len()];
            for (k, entries) in nodes.iter().enumerate() {
                Self::node(entries, theta, &mut tokens);
                let change = |e: &Entry| e.parameter.map_or(0.0, |k| v[k]);
                let mean: f64 = entries.iter().zip(&tokens).map(|(e, t)| t.exp() * change(e)).sum();
                for entry in entries {
                    let d = moved[k] + change(entry) - mean;
                    match entry.to {
                        To::Leaf(y) => out[y] = d,
                        To::Node(child) => moved[child] = d,
                    }
                }
            }
        }
    }

    fn pull(&self, theta: &[f64], _policy: &Policy, cotangent: &[f64], out: &mut [f64]) {
        let mut tokens = Vec::new();
        for (nodes, row) in self.contexts.iter().zip(self.shape.ranges()) {
            let g = &cotangent[row];
            let mut below = vec![0.0; nodes.len()];
            for (k, entries) in nodes.iter().enumerate().rev() {
                let of = |e: &Entry| match e.to {
                    To::Leaf(y) => g[y],
                    To::Node(child) => below[child],
                };
                let total: f64 = entries.iter().map(of).sum();
                Self::node(entries, theta, &mut tokens);
                for (entry, t) in entries.iter().zip(&tokens) {
                    if let Some(parameter) = entry.parameter {
                        out[parameter] += of(entry) - t.exp() * total;
                    }
                }
                below[k] = total;
            }
        }
    }

    fn tokens(&self, context: usize) -> Option<Tokens> {
        // nature's tokens are none of the policy's
        if self.has_chance {
            return None;
        }
        let nodes = &self.contexts[context];
        let mut paths = vec![Vec::new(); nodes.len()];
        let mut responses = vec![Vec::new(); self.shape.actions(context)];
        for (node, entries) in nodes.iter().enumerate() {
            for (token, entry) in entries.iter().enumerate() {
                let mut path: Vec<(usize, usize)> = paths[node].clone();
                path.push((node, token));
                match entry.to {
                    To::Leaf(y) => responses[y] = path,
                    To::Node(child) => paths[child] = path,
                }
            }
        }
        Some(Tokens { widths: nodes.iter().map(Vec::len).collect(), responses })
    }

    fn best_value(&self, gain: &[f64], tau: f64) -> Option<Vec<f64>> {
        if !self.has_chance {
            return None;
        }
        let of_context = |(nodes, row): (&Vec<Vec<Entry>>, std::ops::Range<usize>)| {
            let r = &gain[row];
            let mut value = vec![0.0; nodes.len()];
            for (k, entries) in nodes.iter().enumerate().rev() {
                let of = |e: &Entry| match e.to {
                    To::Leaf(y) => r[y],
                    To::Node(child) => value[child],
                };
                let nature = entries.iter().any(|e| e.parameter.is_none());
                value[k] = match (nature, tau > 0.0) {
                    (true, _) => entries.iter().map(|e| e.base.exp() * of(e)).sum(),
                    (false, true) => tau * log_sum_exp(entries.iter().map(|e| e.base + of(e) / tau)),
                    (false, false) => entries.iter().map(of).fold(f64::NEG_INFINITY, f64::max),
                };
            }
            value.first().copied().unwrap_or(r[0])
        };
        Some(self.contexts.iter().zip(self.shape.ranges()).map(of_context).collect())
    }
}
