//! Who can be reached from whom by wins: whether a finite maximum of the likelihood exists.

use equipoise_core::graph::Arcs;
use equipoise_data::{Comparisons, Count};

/// Ford's condition (1957): the strongly connected blocks of "won against, or tied with", the winning blocks first. One
/// block: a finite maximum of the likelihood exists. More: a later block never won against an earlier one (or they never
/// met), and nothing bounds the distance of their ratings.
#[must_use]
pub fn win_blocks(data: &Comparisons) -> Vec<Vec<usize>> {
    let lost_to = data.pairs.iter().flat_map(|pair| {
        let (wins, losses, ties) = pair.outcomes();
        let to_first = (wins + ties > 0.0).then_some((pair.j, pair.i));
        to_first.into_iter().chain((losses + ties > 0.0).then_some((pair.i, pair.j)))
    });
    Arcs::new(data.n(), lost_to).strong_components()
}

/// For each of `n` items, whether all of its island is one block, so that its strengths have a finite maximum; islands are
/// items that met, directly or through others ([`Comparisons::components`]).
#[must_use]
pub fn held_together(n: usize, islands: &[Vec<usize>], blocks: &[Vec<usize>]) -> Vec<bool> {
    let mut block = vec![0; n];
    blocks.iter().enumerate().for_each(|(k, b)| b.iter().for_each(|&i| block[i] = k));
    let mut held = vec![true; n];
    for island in islands {
        let one = island.iter().all(|&i| block[i] == block[island[0]]);
        island.iter().for_each(|&i| held[i] = one);
    }
    held
}

/// For each item, whether nothing bounds its strength from below, and from above.
///
/// The likelihood falls nowhere along `d` iff `d` is constant on every block and `d_k >= d_m` wherever block k won against
/// block m. Such a `d` lowers k below m without end iff no chain of wins leads from k to m. Strengths are measured from the
/// largest block of the island, if there is one larger than all others: open below without a chain of wins to it, open above
/// without one from it. Else they are measured from the mean of the island: open below without chains to all its blocks,
/// open above without chains from all. An item that met nobody has no bounds. O(islands x blocks + pairs).
#[must_use]
pub fn open_ends(data: &Comparisons, blocks: &[Vec<usize>]) -> Vec<(bool, bool)> {
    let n = data.n();
    let mut block = vec![0; n];
    blocks.iter().enumerate().for_each(|(k, b)| b.iter().for_each(|&i| block[i] = k));
    let mut beat = vec![Vec::new(); blocks.len()];
    let mut lost_to = beat.clone();
    for pair in &data.pairs {
        let (a, b) = (block[pair.i], block[pair.j]);
        if a != b {
            // between blocks all wins go one way
            let (winner, loser) = if pair.outcomes().0 > 0.0 { (a, b) } else { (b, a) };
            beat[winner].push(loser);
            lost_to[loser].push(winner);
        }
    }
    let mut open = vec![(true, true); n];
    for island in data.components() {
        let mut here: Vec<usize> = island.iter().map(|&i| block[i]).collect();
        here.sort_unstable();
        here.dedup();
        let most = here.iter().map(|&k| blocks[k].len()).max().unwrap_or(0);
        let mut largest = here.iter().filter(|&&k| blocks[k].len() == most);
        let origin = largest.next().filter(|_| largest.next().is_none() && most > 1);
        let (wins_to, loses_to) = match origin {
            Some(&k) => (reached(k, &lost_to), reached(k, &beat)),
            None => {
                // along wins every block is reached from one that lost to none: from all it is, if there is one such
                let only = |edges: &[Vec<usize>]| -> Vec<bool> {
                    let ends = here.iter().filter(|&&k| edges[k].is_empty()).count();
                    edges.iter().map(|to| to.is_empty() && ends == 1 && here.len() > 1).collect()
                };
                (only(&lost_to), only(&beat))
            }
        };
        for &i in &island {
            open[i] = (!wins_to[block[i]], !loses_to[block[i]]);
        }
    }
    open
}

/// Which nodes edges lead to from `start`, itself among them.
fn reached(start: usize, edges: &[Vec<usize>]) -> Vec<bool> {
    let (mut seen, mut next) = (vec![false; edges.len()], vec![start]);
    while let Some(node) = next.pop() {
        if !std::mem::replace(&mut seen[node], true) {
            next.extend(&edges[node]);
        }
    }
    seen
}

/// Why intervals are open, given which ends nothing bounds ([`open_ends`]): what can be said after the name of each item.
#[must_use]
pub fn open_reasons(data: &Comparisons, open: &[(bool, bool)]) -> Vec<Option<&'static str>> {
    let (mut won, mut lost) = (vec![false; data.n()], vec![false; data.n()]);
    for pair in &data.pairs {
        let (wins, losses, _) = pair.outcomes();
        won[pair.i] |= wins > 0.0;
        lost[pair.j] |= wins > 0.0;
        won[pair.j] |= losses > 0.0;
        lost[pair.i] |= losses > 0.0;
    }
    let reason = |i: usize| match open[i] {
        (false, false) => None,
        (true, false) if !won[i] => Some("never won: nothing bounds the strength from below"),
        (false, true) if !lost[i] => Some("never lost: nothing bounds the strength from above"),
        (true, false) => Some(
            "has no chain of wins up to what it is measured from: nothing bounds the strength from below",
        ),
        (false, true) => Some(
            "has no chain of losses down to what it is measured from: nothing bounds the strength from above",
        ),
        (true, true) if won[i] || lost[i] => {
            Some("has no chains of wins and losses to what it is measured from: nothing bounds the strength")
        }
        (true, true) => Some("met nobody: nothing bounds the strength"),
    };
    (0..data.n()).map(reason).collect()
}

/// Who is above whom by a chain of wins (or ties): row i holds at j whether some chain leads from a win of i down to j; every
/// item reaches itself. `r_i - r_j` is bounded from below by the data iff i reaches j, from above iff j reaches i: else the
/// likelihood never falls as all that i reaches sinks. `blocks` as of [`win_blocks`]; O(blocks pairs + items^2).
#[must_use]
pub fn win_reach(data: &Comparisons, blocks: &[Vec<usize>]) -> Vec<Vec<bool>> {
    let n = data.n();
    let mut block = vec![0; n];
    blocks.iter().enumerate().for_each(|(k, b)| b.iter().for_each(|&i| block[i] = k));
    let mut beat = vec![Vec::new(); blocks.len()];
    for pair in &data.pairs {
        let (a, b) = (block[pair.i], block[pair.j]);
        if a != b {
            // between blocks all wins go one way
            let (winner, loser) = if pair.outcomes().0 > 0.0 { (a, b) } else { (b, a) };
            beat[winner].push(loser);
        }
    }
    beat.iter_mut().for_each(|below| {
        below.sort_unstable();
        below.dedup();
    });
    let rows: Vec<Vec<bool>> = (0..blocks.len())
        .map(|k| {
            let below = reached(k, &beat);
            block.iter().map(|&l| below[l]).collect()
        })
        .collect();
    block.iter().map(|&k| rows[k].clone()).collect()
}

/// Whether a bonus of the item listed first can grow without bound, or fall, together with strengths: some `d` has
/// `d_first - d_second >= -1` wherever the first won, and `<= -1` wherever the second did (or all that with the signs
/// turned). Ties count as half a win of each. A pair won both ways in both orders of listing rules it out.
#[must_use]
pub fn home_runs_away(data: &Comparisons) -> bool {
    let both = |c: &Count| c.first + 0.5 * c.ties() > 0.0 && c.second + 0.5 * c.ties() > 0.0;
    if data.pairs.iter().any(|p| both(&p.forward) && both(&p.backward)) {
        return false;
    }
    [1, -1].into_iter().any(|sign| {
        let mut edges = Vec::new();
        for pair in &data.pairs {
            for (count, a, b) in [(pair.forward, pair.i, pair.j), (pair.backward, pair.j, pair.i)] {
                if count.first + count.ties() > 0.0 {
                    edges.push((a, b, sign));
                }
                if count.second + count.ties() > 0.0 {
                    edges.push((b, a, -sign));
                }
            }
        }
        differences_exist(data.n(), &edges)
    })
}

/// Whether some `d` has `d_b <= d_a + w` for every edge (a, b, w): Bellman and Ford's algorithm, which ends early: edges that
/// moved their ends last close a cycle only where a cycle of negative weight is (Tarjan 1981; Cherkassky, Goldberg 1999).
fn differences_exist(n: usize, edges: &[(usize, usize, i64)]) -> bool {
    let (mut d, mut moved_by) = (vec![0i64; n], vec![usize::MAX; n]);
    for _ in 0..=n {
        let mut moved = false;
        for &(a, b, w) in edges {
            if d[a] + w < d[b] {
                (d[b], moved_by[b]) = (d[a] + w, a);
                moved = true;
            }
        }
        if !moved {
            return true;
        }
        if has_loop(&moved_by) {
            return false;
        }
    }
    false
}

/// Whether following `next` from some node comes back to it; `usize::MAX`: nothing follows.
fn has_loop(next: &[usize]) -> bool {
    let mut seen_from = vec![usize::MAX; next.len()];
    for start in 0..next.len() {
        let mut at = start;
        while at != usize::MAX && seen_from[at] == usize::MAX {
            seen_from[at] = start;
            at = next[at];
        }
        if at != usize::MAX && seen_from[at] == start {
            return true;
        }
    }
    false
}

/// Whether strengths and the tie parameter of Davidson's or Rao and Kupper's model can grow together without bound: some
/// `d` has `d_i - d_j >= 1` wherever i won against j and `|d_i - d_j| <= 1` wherever they tied. Then the likelihood climbs
/// for ever along `r = t d`, `log nu = t / 2` (or `log theta = t`), although ties and wins connect everybody; a pair won both
/// ways rules it out. Bellman and Ford's algorithm on these differences; O(items x pairs) at worst.
#[must_use]
pub fn tie_parameter_runs_away(data: &Comparisons) -> bool {
    let mut edges: Vec<(usize, usize, i64)> = Vec::new();
    for pair in &data.pairs {
        let (wins, losses, ties) = pair.outcomes();
        if wins > 0.0 && losses > 0.0 {
            return false;
        }
        // an edge (a, b, w) asks for d_b <= d_a + w
        for (won, a, b) in [(wins, pair.i, pair.j), (losses, pair.j, pair.i)] {
            if won > 0.0 {
                edges.push((a, b, -1));
            }
            if ties > 0.0 {
                edges.push((a, b, 1));
            }
        }
    }
    differences_exist(data.n(), &edges)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use equipoise_data::{PairCount, Selection, parse_comparisons};

    use super::*;

    fn table(wins: [[f64; 3]; 3], ties: [[f64; 3]; 3]) -> Comparisons {
        Comparisons::from_tables(&ndarray::arr2(&wins), &ndarray::arr2(&ties))
    }

    /// Against the closure of "won against, or tied with" by Warshall's algorithm, on tables of few wins.
    #[test]
    fn a_chain_of_wins_is_found() {
        let mut rng = equipoise_core::seed::stream(3, "chains", &[]);
        let mut chance = || equipoise_core::sample::uniform(&mut rng);
        for _ in 0..200 {
            let n = 6;
            let mut wins = ndarray::Array2::zeros((n, n));
            for i in 0..n {
                for j in (0..n).filter(|&j| j != i) {
                    wins[[i, j]] = f64::from(u8::from(chance() < 0.2));
                }
            }
            let data = Comparisons::from_tables(&wins, &ndarray::Array2::zeros((n, n)));
            let mut chain: Vec<Vec<bool>> =
                (0..n).map(|i| (0..n).map(|j| i == j || wins[[i, j]] > 0.0).collect()).collect();
            for k in 0..n {
                for i in 0..n {
                    for j in 0..n {
                        chain[i][j] |= chain[i][k] && chain[k][j];
                    }
                }
            }
            assert_eq!(win_reach(&data, &win_blocks(&data)), chain, "{wins}");
        }
    }

    /// Edges of random graphs, against the shortest paths of all pairs (Floyd and Warshall).
    #[test]
    fn differences_exist_where_no_cycle_is_negative() {
        let mut rng = equipoise_core::seed::stream(2, "differences", &[]);
        let mut index = |n: usize| equipoise_core::sample::index(&mut rng, n);
        let mut found = [0; 2];
        for _ in 0..400 {
            let n = 2 + index(7);
            let edges: Vec<(usize, usize, i64)> =
                (0..index(3 * n)).map(|_| (index(n), index(n), index(4) as i64 - 1)).collect();
            let mut shortest = vec![vec![1_000_000; n]; n];
            edges.iter().for_each(|&(a, b, w)| shortest[a][b] = w.min(shortest[a][b]));
            for k in 0..n {
                for i in 0..n {
                    for j in 0..n {
                        shortest[i][j] = shortest[i][j].min(shortest[i][k] + shortest[k][j]);
                    }
                }
            }
            let exist = (0..n).all(|i| shortest[i][i] >= 0);
            assert_eq!(differences_exist(n, &edges), exist, "{n} {edges:?}");
            found[usize::from(exist)] += 1;
        }
        assert!(found[0] > 50 && found[1] > 50, "{found:?}");
    }

    #[test]
    fn a_bonus_runs_away_where_the_first_always_won() {
        let pair = |i, j, forward: (f64, f64), backward: (f64, f64)| PairCount {
            i,
            j,
            forward: Count { first: forward.0, second: forward.1, ..Count::default() },
            backward: Count { first: backward.0, second: backward.1, ..Count::default() },
        };
        let of = |pairs: &[PairCount]| {
            let none = ndarray::Array2::zeros((3, 3));
            home_runs_away(&Comparisons { pairs: pairs.to_vec(), ..Comparisons::from_tables(&none, &none) })
        };
        // whoever was listed first won; or second
        assert!(of(&[pair(0, 1, (5.0, 0.0), (5.0, 0.0))]) && of(&[pair(0, 1, (0.0, 5.0), (0.0, 5.0))]));
        assert!(!of(&[pair(0, 1, (5.0, 1.0), (5.0, 1.0))]));
        // 0 won at either place: strength alone says that, without any bonus
        assert!(of(&[pair(0, 1, (5.0, 0.0), (0.0, 5.0))]));
        // 0 always won at first, and both won when it was second: 0 sinks as the bonus grows; a second pair that was won both ways
        // in both orders holds it
        let open = pair(0, 1, (5.0, 0.0), (3.0, 2.0));
        assert!(of(&[open]) && !of(&[open, pair(1, 2, (2.0, 1.0), (1.0, 2.0))]));
    }

    #[test]
    fn ties_and_wins_of_one_side_alone_have_no_maximum() {
        let none = [[0.0; 3]; 3];
        let tied = [[0.0, 1.0, 1.0], [1.0, 0.0, 1.0], [1.0, 1.0, 0.0]];
        // 0 > 1 > 2, each pair also tied: 0 and 2 would have to be both one and two apart
        let chain = [[0.0, 2.0, 0.0], [0.0, 0.0, 2.0], [0.0, 0.0, 0.0]];
        assert!(!tie_parameter_runs_away(&table(chain, tied)));
        let without = [[0.0, 1.0, 0.0], [1.0, 0.0, 1.0], [0.0, 1.0, 0.0]];
        assert!(tie_parameter_runs_away(&table(chain, without)));
        // a circle of wins, or a pair won both ways
        let circle = [[0.0, 2.0, 0.0], [0.0, 0.0, 2.0], [2.0, 0.0, 0.0]];
        assert!(!tie_parameter_runs_away(&table(circle, none)));
        let both = [[0.0, 2.0, 0.0], [1.0, 0.0, 2.0], [0.0, 0.0, 0.0]];
        assert!(!tie_parameter_runs_away(&table(both, without)));
    }

    #[test]
    fn an_end_is_closed_by_a_chain_of_wins_alone() {
        let of = |text: &str| {
            let text = format!("item_a,item_b,outcome,weight\n{text}");
            let data = parse_comparisons(Path::new("d.csv"), text.as_bytes(), &Selection::default()).unwrap();
            let open = open_ends(&data, &win_blocks(&data));
            let reasons = open_reasons(&data, &open);
            (open, reasons)
        };
        // b never won against x or y: b = -1000, c = -2000 fits as well
        let (open, reasons) = of("x,y,a,50\nx,y,b,50\ny,b,a,50\nx,b,a,50\nb,c,a,50\n");
        assert_eq!(open, [(false, false), (false, false), (true, false), (true, false)]);
        assert!(reasons[2].unwrap().starts_with("has no chain of wins"), "{reasons:?}");
        assert!(reasons[3].unwrap().starts_with("never won"));
        // a win against somebody who is not tied to the origin from above bounds nothing
        let (open, _) = of("x,y,a,1\nx,y,b,1\nz,x,a,1\nz,w,a,1\n");
        assert_eq!(open, [(false, false), (false, false), (false, true), (true, true)]);
        // without a largest block the mean is the origin: only who beats all, or loses to all, has a bound
        let (open, reasons) = of("A,B,a,1\nB,C,a,1\n");
        assert_eq!(open, [(false, true), (true, true), (true, false)]);
        assert!(reasons[1].unwrap().starts_with("has no chains"), "{reasons:?}");
        let (open, reasons) = of("A,B,a,1\nA,C,a,1\n");
        assert_eq!(open, [(false, true), (true, true), (true, true)]);
        assert_eq!(reasons[0], Some("never lost: nothing bounds the strength from above"));
        // two and two: ties hold blocks together, none is the largest
        let (open, _) = of("A,B,tie,1\nC,D,tie,1\nA,C,a,1\n");
        assert_eq!(open, [(false, true), (false, true), (true, false), (true, false)]);
    }
}
