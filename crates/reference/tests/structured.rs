//! Large games of structure, held against what is known of them and against small games solved otherwise.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use equipoise_core::sample::uniform;
use equipoise_core::seed::stream;
use equipoise_core::{Policy, Shape};
use equipoise_env::storage::{Ballots, LowRank, Pairs};
use equipoise_env::{Game, PreferenceMatrix};
use equipoise_reference::{
    Equilibrium, Method, Selected, Selection, context_lottery, context_ranges, equilibrium_ranges,
    maximal_lottery, select_lottery,
};
use ndarray::{Array1, Array2};

fn numbers(name: &str, count: usize) -> Vec<f64> {
    let mut rng = stream(13, name, &[]);
    (0..count).map(|_| uniform(&mut rng)).collect()
}

fn solved(game: &Game, selection: Selection<'_>) -> Equilibrium {
    context_lottery(game, 0, selection, &|_| ()).unwrap()
}

/// `2 max K p`, by the definition.
fn gap(game: &Game, p: &Array1<f64>) -> f64 {
    let n = p.len();
    let won = |i: usize| -> f64 { (0..n).filter(|&j| p[j] > 0.0).map(|j| game.margin(0, i, j) * p[j]).sum() };
    2.0 * (0..n).map(won).fold(f64::NEG_INFINITY, f64::max)
}

/// The lottery between the actions that this one plays or ties with and some others, by pivoting or the central path.
fn among_some(game: &Game, found: &Equilibrium) {
    let n = found.policy.len();
    let mut some: Vec<usize> = (0..n).step_by(n / 150).chain(found.best_responses.iter().copied()).collect();
    some.sort_unstable();
    some.dedup();
    assert!(some.len() < 500, "{}", some.len());
    let small = PreferenceMatrix::from_margins(some.len(), |a, b| game.margin(0, some[a], some[b])).unwrap();
    let expected = maximal_lottery(&small).unwrap();
    assert_eq!((expected.unique, expected.dimension), (found.unique, found.dimension));
    for (a, &i) in some.iter().enumerate() {
        assert!(
            (expected.policy[a] - found.policy[i]).abs() < 1e-9,
            "{i}: {} {}",
            expected.policy[a],
            found.policy[i]
        );
    }
}

fn low_rank(n: usize, rank: usize, shift: f64, name: &str) -> LowRank {
    let draws = numbers(name, n * rank);
    let u = Array2::from_shape_fn((n, rank), |(i, a)| {
        (draws[i * rank + a] - 0.5 + shift) * (0.5 / rank as f64).sqrt() / (0.5 + shift)
    });
    LowRank::new(u.view()).unwrap()
}

/// All `q` with `U'q = 0` are equilibria, and the one of maximum entropy is `q_i ~ exp(<u_i, l>)`: the logarithms lie in the
/// span of 1 and the columns, which entries alone tell: `K v = 0` for `v = log q` less its part along 1 and them.
#[test]
fn vectors_around_the_origin_are_all_played() {
    for (n, rank) in [(600, 2), (700, 6), (2000, 6), (900, 20)] {
        let storage = low_rank(n, rank, 0.0, "around");
        let columns = Array2::from_shape_fn((n, rank + 1), |(i, a)| match a {
            0 => 1.0,
            // margins with chosen actions span what the vectors do
            a => equipoise_env::storage::Storage::margin(&storage, i, 7 * a),
        });
        let stored = Game::single(storage);
        let dense = Game::single(stored.matrix(0));
        let found = solved(&stored, Selection::MaximumEntropy);
        assert_eq!((found.method, found.selected), (Method::LowRank, Selected::MaximumEntropy));
        assert_eq!((found.unique, found.dimension), (Some(false), Some(n - 1 - rank)));
        assert!(gap(&stored, &found.policy) < 1e-13 && found.duality_gap < 1e-13, "{}", found.duality_gap);
        assert!((found.policy.sum() - 1.0).abs() < 1e-13 && found.policy.iter().all(|p| *p > 0.0));
        let mut rest = found.policy.mapv(f64::ln);
        let mut basis: Vec<Array1<f64>> = Vec::new();
        for column in columns.columns() {
            let mut next = column.to_owned();
            for _ in 0..2 {
                for b in &basis {
                    let along = b.dot(&next);
                    next.scaled_add(-along, b);
                }
            }
            let length = next.dot(&next).sqrt();
            basis.push(next / length);
        }
        for _ in 0..2 {
            for b in &basis {
                let along = b.dot(&rest);
                rest.scaled_add(-along, b);
            }
        }
        assert!(
            rest.iter().all(|v| v.abs() < 1e-8),
            "{:?}",
            rest.iter().fold(0.0, |m: f64, v| m.max(v.abs()))
        );
        // the same margins as a matrix
        let written = solved(&dense, Selection::MaximumEntropy);
        assert!(found.policy.iter().zip(&written.policy).all(|(a, b)| (a - b).abs() < 1e-12));
        // towards a reference that is an equilibrium the limit is that reference
        let shape = Shape::single(n).unwrap();
        let mu = Policy::from_probs(&shape, found.policy.clone()).unwrap();
        let limit = solved(&stored, Selection::RegularisedLimit(&mu));
        assert_eq!(limit.selected, Selected::RegularisedLimit);
        assert!(limit.policy.iter().zip(&found.policy).all(|(a, b)| (a - b).abs() < 1e-12));
        let vertex = solved(&stored, Selection::Vertex);
        assert!(vertex.support.len() <= rank + 1 && gap(&stored, &vertex.policy) < 1e-12);
        assert_eq!((vertex.selected, vertex.unique), (Selected::Vertex, Some(false)));
    }
}

/// Vectors on one side of the origin: few actions are played.
#[test]
fn vectors_on_one_side_play_few() {
    for (n, rank, shift) in [(1500, 6, 0.6), (3000, 10, 0.55), (1000, 4, 1.0)] {
        let game = Game::single(low_rank(n, rank, shift, "one side"));
        let found = solved(&game, Selection::MaximumEntropy);
        assert!(found.support.len() <= rank + 1, "{:?}", found.support);
        assert!(found.duality_gap < 1e-13 && gap(&game, &found.policy) < 1e-13);
        among_some(&game, &found);
    }
}

#[test]
fn ballots_and_pairs_play_few() {
    let (n, voters) = (800, 15);
    let draws = numbers("ballots", n * voters);
    // a common order with noise: who is good is good for most
    let ballots: Vec<Vec<Option<usize>>> = (0..voters)
        .map(|v| {
            let score = |i: usize| i as f64 / n as f64 + 0.4 * draws[v * n + i];
            let mut order: Vec<usize> = (0..n).collect();
            order.sort_by(|&a, &b| score(b).total_cmp(&score(a)));
            let mut ranks = vec![None; n];
            order.iter().enumerate().for_each(|(rank, &i)| ranks[i] = Some(rank));
            ranks
        })
        .collect();
    let game = Game::single(Ballots::new(n, ballots, vec![1.0; voters]).unwrap());
    let found = solved(&game, Selection::MaximumEntropy);
    assert_eq!(found.method, Method::DoubleOracle);
    assert!(found.duality_gap < 1e-13 && gap(&game, &found.policy) < 1e-13);
    among_some(&game, &found);
    // every action met the seven of a cycle, few others
    let margin =
        |i: usize, j: usize| if i < 7 && j < 7 { if (j + 7 - i) % 7 <= 3 { 0.2 } else { -0.2 } } else { 0.1 };
    let mut pairs: Vec<(usize, usize, f64)> =
        (0..7).flat_map(|i| (i + 1..900).map(move |j| (i, j, margin(i, j)))).collect();
    pairs.extend((10..800).map(|i| (i, i + 50, 0.4)));
    let game = Game::single(Pairs::new(900, &pairs).unwrap());
    let found = solved(&game, Selection::MaximumEntropy);
    assert_eq!((found.method, found.unique, found.dimension), (Method::DoubleOracle, Some(true), Some(0)));
    assert!((0..900).all(|i| (found.policy[i] - if i < 7 { 1.0 / 7.0 } else { 0.0 }).abs() < 1e-14));
    among_some(&game, &found);
}

/// Clones share what the one they are clones of has, in whatever way: that of most entropy shares it evenly.
#[test]
fn clones_share_evenly() {
    for (base, copies) in [(7usize, 100usize), (9, 90), (5, 30), (3, 400)] {
        let draws = numbers("clones", base * base);
        let small = PreferenceMatrix::from_margins(base, |i, j| draws[i * base + j] - 0.5).unwrap();
        let one = maximal_lottery(&small).unwrap();
        // and others that lose to all of them
        let n = base * copies + 400;
        let margin = |i: usize, j: usize| {
            let (a, b) = (i.min(j), i.max(j));
            let value = match (a / copies < base, b / copies < base) {
                (true, true) => small.margin(a / copies, b / copies),
                (true, false) => 0.25,
                _ => 0.3 * (a as f64 * 1.3 + b as f64).sin(),
            };
            if i <= j { value } else { -value }
        };
        let matrix = PreferenceMatrix::from_margins(n, margin).unwrap();
        let found = select_lottery(&matrix, Selection::MaximumEntropy).unwrap();
        assert_eq!((found.unique, found.selected), (Some(copies == 1), Selected::MaximumEntropy));
        assert_eq!(found.dimension, Some(one.support.len() * (copies - 1)));
        for i in 0..n {
            let expected = if i / copies < base { one.policy[i / copies] / copies as f64 } else { 0.0 };
            assert!((found.policy[i] - expected).abs() < 1e-12, "{i}: {} {expected}", found.policy[i]);
        }
    }
}

/// Of a game without structure half of the actions are played: the way of large dense games.
#[test]
fn games_without_structure_go_the_dense_way() {
    let n = 520;
    let draws = numbers("plain", n * n);
    let matrix = PreferenceMatrix::from_margins(n, |i, j| draws[i * n + j] - 0.5).unwrap();
    let found = maximal_lottery(&matrix).unwrap();
    assert_eq!((found.method, found.unique), (Method::InteriorPoint, Some(true)));
}

/// Corners of a regular polygon, an odd number of them: the most that one is played with is where its opposite side holds it, at the
/// distance `cos(pi / n)` from the centre; and each can do without.
#[test]
fn ends_of_a_large_set_are_those_of_the_polygon() {
    let n = 601;
    let turn = |i: usize| std::f64::consts::TAU * i as f64 / n as f64;
    let u = Array2::from_shape_fn((n, 2), |(i, a)| 0.6 * if a == 0 { turn(i).cos() } else { turn(i).sin() });
    let game = Game::single(LowRank::new(u.view()).unwrap());
    let opposite = (0.5 * turn(1)).cos();
    for ranges in [context_ranges(&game, 0), equilibrium_ranges(&game.matrix(0))] {
        for (least, largest) in ranges.unwrap().unwrap() {
            assert!(
                least == 0.0 && (largest - opposite / (1.0 + opposite)).abs() < 1e-10,
                "{least} {largest}"
            );
        }
    }
}

/// Two hundred copies each of three actions in a cycle, played with 1/2, 3/10 and 1/5, and two hundred actions that lose to all: a copy is
/// played with what its action is, or not at all; the others never. Of actions that lose to two of the cycle by more than they win
/// against the third likewise.
#[test]
fn ends_of_copies_are_those_of_their_action() {
    let weights = [0.5, 0.3, 0.2];
    // margins of a cycle with these weights: each is that of the third's
    let cycle = [[0.0, 0.2, -0.3], [-0.2, 0.0, 0.5], [0.3, -0.5, 0.0]];
    let margin = |a: usize, b: usize| match (a, b) {
        (3, 3) => 0.0,
        (3, b) => [-0.2, 0.1, -0.3][b],
        (a, 3) => -[-0.2, 0.1, -0.3][a],
        (a, b) => cycle[a][b],
    };
    let copies = PreferenceMatrix::from_margins(800, |i, j| margin(i / 200, j / 200)).unwrap();
    for (i, (least, largest)) in equilibrium_ranges(&copies).unwrap().unwrap().into_iter().enumerate() {
        let most = weights.get(i / 200).copied().unwrap_or(0.0);
        assert!(least == 0.0 && (largest - most).abs() < 1e-10, "{i}: {least} {largest}");
    }
}
