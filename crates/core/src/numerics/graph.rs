//! Strongly connected components: who can be reached from whom, and back.
//!
//! Tarjan 1972, SIAM J. Comput. 1(2), without recursion. Ford's condition for a finite Bradley-Terry maximum, cycles of
//! majorities and the top sets of social choice all rest on it.

use super::cpu::prefetch;

/// A directed graph of up to 2^32 - 2 nodes: whom each points to, in one list.
#[derive(Clone, Debug)]
pub struct Arcs {
    /// Those of node i are `starts[i] .. starts[i + 1]`.
    starts: Vec<usize>,
    heads: Vec<u32>,
}

impl Arcs {
    /// Of `n` nodes and arcs as (from, to), which are gone through twice; those of a node keep their order.
    ///
    /// # Panics
    /// If an arc points beyond the nodes, or there are too many of these.
    #[must_use]
    pub fn new(n: usize, arcs: impl Iterator<Item = (usize, usize)> + Clone) -> Self {
        assert!(n < CLOSED as usize, "nodes are numbered by 32 bits");
        let mut starts = vec![0; n + 1];
        for (from, to) in arcs.clone() {
            assert!(to < n, "arcs point to nodes");
            starts[from + 1] += 1;
        }
        (0..n).for_each(|i| starts[i + 1] += starts[i]);
        // each node's end moves from its start, and then is the next one's start
        let mut heads = vec![0; starts[n]];
        for (from, to) in arcs {
            heads[starts[from]] = to as u32;
            starts[from] += 1;
        }
        (0..n).rev().for_each(|i| starts[i + 1] = starts[i]);
        starts[0] = 0;
        Self { starts, heads }
    }

    /// Number of nodes.
    #[must_use]
    pub fn nodes(&self) -> usize {
        self.starts.len() - 1
    }

    /// Whom a node points to.
    ///
    /// # Panics
    /// If there is no such node.
    #[inline]
    #[must_use]
    pub fn of(&self, node: usize) -> &[u32] {
        &self.heads[self.starts[node]..self.starts[node + 1]]
    }

    /// As [`strong_components`].
    #[must_use]
    pub fn strong_components(&self) -> Vec<Vec<usize>> {
        let n = self.nodes();
        // when a node was entered; what is closed is later than all
        let mut entered = vec![NEW; n];
        let (mut stack, mut components, mut next): (Vec<u32>, Vec<Vec<usize>>, u32) =
            (Vec::new(), Vec::new(), 0);
        // node, the earliest node on the stack that it reaches, its arcs that are left
        let mut calls: Vec<(u32, u32, &[u32])> = Vec::new();
        for start in 0..n {
            if entered[start] != NEW {
                continue;
            }
            let mut new = Some(start as u32);
            loop {
                if let Some(i) = new.take() {
                    let heads = self.of(i as usize);
                    // the look-ups of a node miss the caches side by side, not one by one
                    heads.iter().for_each(|&j| prefetch(&entered, j as usize));
                    entered[i as usize] = next;
                    calls.push((i, next, heads));
                    stack.push(i);
                    next += 1;
                }
                let Some((i, low, heads)) = calls.last_mut() else { break };
                if let Some((&j, rest)) = heads.split_first() {
                    *heads = rest;
                    match entered[j as usize] {
                        NEW => new = Some(j),
                        time => *low = (*low).min(time),
                    }
                    continue;
                }
                let (i, low) = (*i, *low);
                calls.pop();
                if let Some((_, of_parent, _)) = calls.last_mut() {
                    *of_parent = (*of_parent).min(low);
                }
                if low == entered[i as usize] {
                    let at = stack.iter().rposition(|&j| j == i).expect("an open node is on the stack");
                    let mut component: Vec<usize> = stack.drain(at..).map(|j| j as usize).collect();
                    component.iter().for_each(|&j| entered[j] = CLOSED);
                    component.sort_unstable();
                    components.push(component);
                }
            }
        }
        components
    }
}

/// A node that was not entered.
const NEW: u32 = u32::MAX;
/// A node whose component is known.
const CLOSED: u32 = NEW - 1;

/// The order that sorts arcs by their tails, below `n`, and then by their heads; equal ones keep theirs.
///
/// By counting, in three passes over memory: a sort of millions of records by comparisons takes twenty.
///
/// # Panics
/// If a tail is not below `n`, or there are 2^32 arcs or more.
#[must_use]
pub fn arc_order(n: usize, arcs: impl ExactSizeIterator<Item = (u32, u32)> + Clone) -> Vec<u32> {
    let count = u32::try_from(arcs.len()).expect("arcs are numbered by 32 bits");
    let mut ends = vec![0u32; n + 1];
    arcs.clone().for_each(|(tail, _)| ends[tail as usize + 1] += 1);
    (0..n).for_each(|i| ends[i + 1] += ends[i]);
    let mut sorted = vec![(0, 0); count as usize];
    // each tail's start moves to its end
    for (at, (tail, head)) in (0..count).zip(arcs) {
        let end = &mut ends[tail as usize];
        sorted[*end as usize] = (head, at);
        *end += 1;
    }
    let mut start = 0;
    for &end in &ends[..n] {
        sorted[start..end as usize].sort_unstable();
        start = end as usize;
    }
    sorted.into_iter().map(|(_, at)| at).collect()
}

/// The strongly connected components of a directed graph; `edges[i]` lists the nodes that `i` points to.
///
/// Components that point to no other come first (reverse topological order); members ascend. O(nodes + edges).
///
/// # Panics
/// If an edge points beyond the nodes.
#[must_use]
pub fn strong_components(edges: &[Vec<usize>]) -> Vec<Vec<usize>> {
    let arcs = edges.iter().enumerate().flat_map(|(i, to)| to.iter().map(move |&j| (i, j)));
    Arcs::new(edges.len(), arcs).strong_components()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn arcs_are_sorted_by_both_ends(arcs in proptest::collection::vec((0u32..7, 0u32..5), 0..60)) {
            let mut sorted: Vec<u32> = (0..arcs.len() as u32).collect();
            sorted.sort_by_key(|&at| arcs[at as usize]);
            prop_assert_eq!(arc_order(7, arcs.iter().copied()), sorted);
        }

        #[test]
        fn components_are_the_classes_of_mutual_reach(n in 1usize..9, bits in proptest::collection::vec(any::<bool>(), 81)) {
            let edges: Vec<Vec<usize>> =
                (0..n).map(|i| (0..n).filter(|&j| i != j && bits[9 * i + j]).collect()).collect();
            // reach by Warshall's algorithm
            let mut reach = vec![vec![false; n]; n];
            for i in 0..n {
                reach[i][i] = true;
                edges[i].iter().for_each(|&j| reach[i][j] = true);
            }
            for k in 0..n {
                for i in 0..n {
                    for j in 0..n {
                        reach[i][j] |= reach[i][k] && reach[k][j];
                    }
                }
            }
            let components = strong_components(&edges);
            let mut component_of = vec![0; n];
            components.iter().enumerate().for_each(|(c, members)| members.iter().for_each(|&i| component_of[i] = c));
            prop_assert_eq!(components.iter().map(Vec::len).sum::<usize>(), n);
            for i in 0..n {
                for j in 0..n {
                    prop_assert_eq!(component_of[i] == component_of[j], reach[i][j] && reach[j][i]);
                    prop_assert!(!reach[i][j] || component_of[j] <= component_of[i]);
                }
            }
        }
    }
}
