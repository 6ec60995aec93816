//! Who can be reached from whom by wins: whether a finite maximum of the likelihood exists.

use equipoise_core::graph::strong_components;
use equipoise_data::Comparisons;

/// Ford's condition (1957): the strongly connected blocks of "won against, or tied with", the winning blocks first. One
/// block: a finite maximum of the likelihood exists. More: a later block never won against an earlier one (or they never
/// met), and nothing bounds the distance of their ratings.
#[must_use]
pub fn win_blocks(data: &Comparisons) -> Vec<Vec<usize>> {
    let mut lost_to = vec![Vec::new(); data.n()];
    for pair in &data.pairs {
        let (wins, losses, ties) = pair.outcomes();
        if wins + ties > 0.0 {
            lost_to[pair.j].push(pair.i);
        }
        if losses + ties > 0.0 {
            lost_to[pair.i].push(pair.j);
        }
    }
    strong_components(&lost_to)
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

/// For each item, whether nothing bounds its strength from below, and from above: its block never won against (or never
/// lost to) any other. The largest block of an island, if there is one larger than all others, is what the distances are
/// measured from, and has bounds. An item that met nobody has none.
#[must_use]
pub fn open_ends(data: &Comparisons, blocks: &[Vec<usize>]) -> Vec<(bool, bool)> {
    let n = data.n();
    let mut block = vec![0; n];
    blocks.iter().enumerate().for_each(|(k, b)| b.iter().for_each(|&i| block[i] = k));
    let (mut won, mut lost) = (vec![false; blocks.len()], vec![false; blocks.len()]);
    for pair in &data.pairs {
        let (a, b) = (block[pair.i], block[pair.j]);
        if a != b {
            // between blocks all wins go one way
            let (winner, loser) = if pair.outcomes().0 > 0.0 { (a, b) } else { (b, a) };
            (won[winner], lost[loser]) = (true, true);
        }
    }
    let mut open = vec![(true, true); n];
    for island in data.components() {
        let mut here: Vec<usize> = island.iter().map(|&i| block[i]).collect();
        here.sort_unstable();
        here.dedup();
        let most = here.iter().map(|&k| blocks[k].len()).max().unwrap_or(0);
        let mut largest = here.iter().filter(|&&k| blocks[k].len() == most);
        let origin = largest.next().filter(|_| largest.next().is_none()).filter(|_| most > 1);
        for &i in &island {
            let k = block[i];
            if Some(&k) == origin || (won[k] && lost[k]) {
                open[i] = (false, false);
            } else if here.len() > 1 {
                open[i] = (!won[k], !lost[k]);
            }
        }
    }
    open
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
    let mut d = vec![0i64; data.n()];
    for _ in 0..=data.n() {
        let mut moved = false;
        for &(a, b, w) in &edges {
            if d[a] + w < d[b] {
                d[b] = d[a] + w;
                moved = true;
            }
        }
        if !moved {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(wins: [[f64; 3]; 3], ties: [[f64; 3]; 3]) -> Comparisons {
        Comparisons::from_tables(&ndarray::arr2(&wins), &ndarray::arr2(&ties))
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
}
