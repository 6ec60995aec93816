//! The committed data against the facts published or measured about them elsewhere, none of which needs a solver.

use std::path::{Path, PathBuf};

use equipoise_data::{Comparisons, Selection, Ties, read_comparisons};

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../configs/data").join(name)
}

/// Wins of i over j, of j over i.
fn record(data: &Comparisons, i: usize, j: usize) -> (f64, f64) {
    let pair = data.pairs.iter().find(|p| (p.i, p.j) == (i.min(j), i.max(j))).expect("they met");
    let (wins, losses, _) = pair.outcomes();
    if i < j { (wins, losses) } else { (losses, wins) }
}

fn read(name: &str) -> Comparisons {
    read_comparisons(&path(name), &Selection::default()).expect("a committed file is valid")
}

struct Facts {
    file: &'static str,
    items: usize,
    comparisons: f64,
    ties: f64,
    condorcet_winner: Option<&'static str>,
    /// Triples in which each beats the next, of how many.
    cyclic: (usize, usize),
}

const FACTS: [Facts; 5] = [
    Facts {
        file: "p09_set2.csv",
        items: 5,
        comparisons: 450.0,
        ties: 1.0,
        condorcet_winner: None,
        cyclic: (4, 10),
    },
    Facts {
        file: "arena_hard_top8.csv",
        items: 8,
        comparisons: 4770.0,
        ties: 0.0,
        condorcet_winner: None,
        cyclic: (7, 56),
    },
    Facts {
        file: "house_finch.csv",
        items: 9,
        comparisons: 989.0,
        ties: 0.0,
        condorcet_winner: None,
        cyclic: (8, 84),
    },
    Facts {
        file: "chess_trio.csv",
        items: 3,
        comparisons: 88.0,
        ties: 0.0,
        condorcet_winner: None,
        cyclic: (1, 1),
    },
    Facts {
        file: "mtbench_human.csv",
        items: 6,
        comparisons: 3355.0,
        ties: 780.0,
        condorcet_winner: Some("gpt-4"),
        cyclic: (0, 20),
    },
];

#[test]
fn counts_winners_and_cycles() {
    for facts in FACTS {
        let data = read(facts.file);
        let n = facts.items;
        assert_eq!(data.labels.len(), n, "{}", facts.file);
        assert_eq!((data.total, data.total_ties), (facts.comparisons, facts.ties), "{}", facts.file);
        assert!(data.unmet_pairs().is_empty() && data.checks.ignored_columns.is_empty(), "{}", facts.file);
        let p = data.matrix(0.0);
        let beats = |i: usize, j: usize| p.prob(i, j) > 0.5;
        let winner = (0..n).find(|&i| (0..n).all(|j| i == j || beats(i, j)));
        assert_eq!(winner.map(|i| data.labels[i].as_str()), facts.condorcet_winner, "{}", facts.file);
        let (mut cyclic, mut triples) = (0, 0);
        for i in 0..n {
            for j in i + 1..n {
                for k in j + 1..n {
                    triples += 1;
                    let round = |a, b, c| beats(a, b) && beats(b, c) && beats(c, a);
                    cyclic += usize::from(round(i, j, k) || round(k, j, i));
                }
            }
        }
        assert_eq!((cyclic, triples), facts.cyclic, "{}", facts.file);
    }
}

#[test]
fn single_pairs() {
    let pairs = [
        ("p09_set2.csv", "a", "b", 40.0, 5.0),
        ("p09_set2.csv", "b", "c", 35.0, 10.0),
        ("p09_set2.csv", "c", "d", 41.0, 3.0),
        ("p09_set2.csv", "d", "e", 35.0, 10.0),
        ("p09_set2.csv", "e", "a", 32.0, 13.0),
        ("arena_hard_top8.csv", "chatgpt-4o-latest", "gemini-1.5-pro-exp-0827", 113.0, 95.0),
        ("arena_hard_top8.csv", "gemini-1.5-pro-exp-0827", "grok-2-2024-08-13", 23.0, 19.0),
        ("arena_hard_top8.csv", "grok-2-2024-08-13", "chatgpt-4o-latest", 70.0, 64.0),
        ("house_finch.csv", "R.M", "RB", 16.0, 2.0),
        ("chess_trio.csv", "Topalov", "Anand", 22.0, 13.0),
        ("chess_trio.csv", "Anand", "Karpov", 23.0, 12.0),
        ("chess_trio.csv", "Karpov", "Topalov", 10.0, 8.0),
    ];
    for (file, winner, loser, won, lost) in pairs {
        let data = read(file);
        let number = |label: &str| data.labels.iter().position(|l| l == label).unwrap();
        let (i, j) = (number(winner), number(loser));
        assert_eq!(record(&data, i, j), (won, lost), "{file}: {winner} {loser}");
    }
    // every pair of person p09 was shown 45 times; the one tie is c with d
    let p09 = read("p09_set2.csv");
    assert!(p09.pairs.iter().all(|p| p.met() == 45.0) && p09.pairs.len() == 10);
    let tied: Vec<_> = p09.pairs.iter().filter(|p| p.outcomes().2 > 0.0).map(|p| (p.i, p.j)).collect();
    assert_eq!((tied, p09.labels[2].as_str(), p09.labels[3].as_str()), (vec![(2, 3)], "c", "d"));
    assert_eq!(p09.matrix(0.0).prob(2, 3), 41.5 / 45.0);
}

#[test]
fn dropping_ties_drops_nothing_else() {
    let selection = Selection { ties: Ties::Drop, ..Selection::default() };
    let (kept, dropped) =
        (read("mtbench_human.csv"), read_comparisons(&path("mtbench_human.csv"), &selection).unwrap());
    assert_eq!((dropped.total, dropped.total_ties), (2575.0, 780.0));
    for (k, d) in kept.pairs.iter().zip(&dropped.pairs) {
        let ((w, l, _), (wins, losses, ties)) = (k.outcomes(), d.outcomes());
        assert_eq!((w, l, 0.0), (wins, losses, ties));
    }
}
