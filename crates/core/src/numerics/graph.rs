//! Strongly connected components: who can be reached from whom, and back.
//!
//! Tarjan 1972, SIAM J. Comput. 1(2), without recursion. Ford's condition for a finite Bradley-Terry maximum, cycles of
//! majorities and the top sets of social choice all rest on it.

/// The strongly connected components of a directed graph; `edges[i]` lists the nodes that `i` points to.
///
/// Components that point to no other come first (reverse topological order); members ascend. O(nodes + edges).
///
/// # Panics
/// If an edge points beyond the nodes.
#[must_use]
pub fn strong_components(edges: &[Vec<usize>]) -> Vec<Vec<usize>> {
    const NEW: usize = usize::MAX;
    let n = edges.len();
    let (mut index, mut low, mut on_stack) = (vec![NEW; n], vec![0; n], vec![false; n]);
    let (mut stack, mut components, mut next) = (Vec::new(), Vec::new(), 0);
    for start in 0..n {
        if index[start] != NEW {
            continue;
        }
        let mut calls = vec![(start, 0)];
        while let Some(&mut (i, ref mut k)) = calls.last_mut() {
            if *k == 0 {
                (index[i], low[i], on_stack[i]) = (next, next, true);
                next += 1;
                stack.push(i);
            }
            if let Some(&j) = edges[i].get(*k) {
                *k += 1;
                if index[j] == NEW {
                    calls.push((j, 0));
                } else if on_stack[j] {
                    low[i] = low[i].min(index[j]);
                }
                continue;
            }
            calls.pop();
            if let Some(&(parent, _)) = calls.last() {
                low[parent] = low[parent].min(low[i]);
            }
            if low[i] == index[i] {
                let at = stack.iter().rposition(|&j| j == i).expect("an open node is on the stack");
                let mut component = stack.split_off(at);
                component.iter().for_each(|&j| on_stack[j] = false);
                component.sort_unstable();
                components.push(component);
            }
        }
    }
    components
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
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
