//! Maximal lotteries against closed forms, a second solver, and their own certificates.

#![allow(clippy::unwrap_used)] // a test may

mod common;

use common::*;
use equipoise_core::logistic::logistic;
use equipoise_core::sample::{index, uniform};
use equipoise_env::PreferenceMatrix;
use equipoise_reference::{
    Equilibrium, Method, Selected, Selection, equilibrium_ranges, maximal_lottery, select_lottery,
};
use ndarray::{Array2, arr2};

/// A policy of O(1) entries solved from a well-conditioned block.
const ROUNDING: f64 = 1e-14;

fn solve(matrix: &PreferenceMatrix) -> Equilibrium {
    maximal_lottery(matrix).unwrap()
}

#[track_caller]
fn assert_unique(matrix: &PreferenceMatrix, expected: &[f64]) {
    let found = solve(matrix);
    assert_close(found.policy.as_slice().unwrap(), expected, ROUNDING);
    assert_eq!(found.unique, Some(true), "{found:?}");
    assert!(found.duality_gap.abs() <= ROUNDING, "{found:?}");
    assert_eq!(found.support, found.best_responses, "strictly complementary");
}

#[test]
fn closed_forms_of_the_test_games() {
    assert_unique(&margins([[0.0]]), &[1.0]);
    assert_unique(&margins([[0.0, 0.2], [-0.2, 0.0]]), &[1.0, 0.0]);
    assert_unique(&margins([[0.0, -0.5], [0.5, 0.0]]), &[0.0, 1.0]);
    assert_unique(&three_cycle(0.5, 0.5, 0.5), &[1.0 / 3.0; 3]);
    let (x, y, z) = (0.3, 0.2, 0.1);
    assert_unique(&three_cycle(x, y, z), &[y, z, x].map(|v| v / (x + y + z)));
    assert_unique(&perturbed(), &[3.0 / 7.0, 3.0 / 7.0, 1.0 / 7.0]);
    assert_unique(&comal(), &[4.0 / 11.0, 3.0 / 11.0, 4.0 / 11.0]);
    // the population of Nash-MD (arXiv:2312.00886): 2 beats 1, 1 beats 3, 3 beats 2
    for e in [-0.3, 0.0, 0.1] {
        let (a, b) = ((1.0 / 3.0 - e) / 2.0, (1.0 / 3.0 + e / 2.0) / 2.0);
        let k = margins([[0.0, -a, b], [a, 0.0, -b], [-b, b, 0.0]]);
        assert_unique(&k, &[1.0 / 3.0 + e / 2.0, 1.0 / 3.0 + e / 2.0, 1.0 / 3.0 - e]);
    }
    // dice {2,4,9}, {1,6,8}, {3,5,7}
    let (w, l) = (5.0 / 9.0, 4.0 / 9.0);
    assert_unique(&probabilities([[0.5, w, l], [l, 0.5, w], [w, l, 0.5]]), &[1.0 / 3.0; 3]);
    for n in [5, 9, 101] {
        assert_unique(&regular_tournament(n, 0.3), &vec![1.0 / n as f64; n]);
    }
    // Bradley-Terry: the strongest action; additive: the best score; one winner
    let r = [0.3, 1.2, -0.4, 1.1];
    let e1 = [0.0, 1.0, 0.0, 0.0];
    assert_unique(&PreferenceMatrix::from_margins(4, |i, j| logistic(r[i] - r[j]) - 0.5).unwrap(), &e1);
    assert_unique(&PreferenceMatrix::from_margins(4, |i, j| (r[i] - r[j]) / 4.0).unwrap(), &e1);
    assert_unique(
        &PreferenceMatrix::from_margins(4, |i, _| if i == 0 { 0.1 } else { 0.0 }).unwrap(),
        &[1.0, 0.0, 0.0, 0.0],
    );
    // a Condorcet winner that is not the Borda winner
    assert_unique(&margins([[0.0, 0.05, 0.05], [-0.05, 0.0, 0.45], [-0.05, -0.45, 0.0]]), &[1.0, 0.0, 0.0]);
}

/// Bradley-Terry plus rank two: `S = r_i - r_j + c sin(phi_i - phi_j)`; figures known to four digits.
#[test]
fn bradley_terry_plus_a_rotation() {
    let score = |i: usize| 1.0 - 0.5 * i as f64;
    let angle = |i: usize| std::f64::consts::TAU * i as f64 / 5.0;
    for (c, policy, favourite_gap) in [
        (0.0, [1.0, 0.0, 0.0, 0.0, 0.0], 0.0),
        (0.25, [1.0, 0.0, 0.0, 0.0, 0.0], 0.0),
        (0.5, [1.0, 0.0, 0.0, 0.0, 0.0], 0.0),
        (1.0, [0.3429, 0.3142, 0.3429, 0.0, 0.0], 0.2218),
        (2.0, [0.3869, 0.0, 0.5571, 0.0560, 0.0], 0.6050),
        (4.0, [0.2120, 0.1064, 0.3633, 0.1064, 0.2120], 0.9291),
    ] {
        let margin = |i, j| logistic(score(i) - score(j) + c * (angle(i) - angle(j)).sin()) - 0.5;
        let matrix = PreferenceMatrix::from_margins(5, margin).unwrap();
        let found = solve(&matrix);
        assert_close(found.policy.as_slice().unwrap(), &policy, 5e-5);
        assert!(found.duality_gap <= ROUNDING && found.unique == Some(true), "{found:?}");
        assert!((gap(&matrix, &[1.0, 0.0, 0.0, 0.0, 0.0]) - favourite_gap).abs() <= 5e-5);
    }
}

fn vertex(matrix: &PreferenceMatrix) -> Equilibrium {
    select_lottery(matrix, Selection::Vertex).unwrap()
}

#[test]
fn ties_and_clones_are_not_unique() {
    for n in [2, 3, 7, 150] {
        let game = PreferenceMatrix::from_margins(n, |_, _| 0.0).unwrap();
        let ties = vertex(&game);
        assert_eq!((ties.duality_gap, ties.unique), (0.0, Some(false)));
        assert_eq!((ties.support, ties.best_responses), (vec![0], (0..n).collect()));
        let spread = solve(&game);
        assert_eq!((spread.dimension, spread.selected), (Some(n - 1), Selected::MaximumEntropy));
        assert_close(spread.policy.as_slice().unwrap(), &vec![1.0 / n as f64; n], ROUNDING);
        assert_eq!(equilibrium_ranges(&game).unwrap().unwrap(), vec![(0.0, 1.0); n]);
    }
    // the 3-cycle with its first action doubled: the class keeps its mass, and shares it evenly
    let (x, y, z) = (0.3, 0.2, 0.1);
    let game = margins([[0.0, 0.0, x, -z], [0.0, 0.0, x, -z], [-x, -x, 0.0, y], [z, z, -y, 0.0]]);
    let clones = solve(&game);
    let [a, b, c] = [y, z, x].map(|v| v / (x + y + z));
    assert_close(clones.policy.as_slice().unwrap(), &[a / 2.0, a / 2.0, b, c], ROUNDING);
    assert_eq!((clones.unique, clones.dimension), (Some(false), Some(1)));
    assert_eq!(clones.best_responses, vec![0, 1, 2, 3]);
    let ranges = equilibrium_ranges(&game).unwrap().unwrap();
    for (found, expected) in ranges.iter().zip([(0.0, a), (0.0, a), (b, b), (c, c)]) {
        assert!((found.0 - expected.0).abs() < 1e-10 && (found.1 - expected.1).abs() < 1e-10, "{ranges:?}");
    }
    // a pair of weak Condorcet winners
    let pair = solve(&margins([[0.0, 0.0, 0.2], [0.0, 0.0, 0.1], [-0.2, -0.1, 0.0]]));
    assert_eq!(pair.unique, Some(false));
    assert_close(pair.policy.as_slice().unwrap(), &[0.5, 0.5, 0.0], ROUNDING);
    // disc game: the origin lies in many triangles
    let disc = PreferenceMatrix::from_margins(6, |i, j| {
        0.4 * (std::f64::consts::TAU * (i as f64 - j as f64) / 6.0).sin()
    });
    let disc = solve(&disc.unwrap());
    assert_eq!((disc.unique, disc.dimension), (Some(false), Some(3)));
    assert_close(disc.policy.as_slice().unwrap(), &[1.0 / 6.0; 6], ROUNDING);
}

/// Cycles above cycles, cycles of cycles, and tournaments with ties: their degenerate supports come in even numbers, or as
/// whole faces, where enumerating supports finds nothing or too much.
#[test]
fn dominated_cycles_and_degenerate_tournaments() {
    let cycle = three_cycle(0.5, 0.5, 0.5);
    // sure wins of the first cycle over the second
    let above = |i: usize, j: usize| {
        if i / 3 == j / 3 { cycle.margin(i % 3, j % 3) } else { 0.5f64.copysign(j as f64 - i as f64) }
    };
    let third = 1.0 / 3.0;
    assert_unique(&PreferenceMatrix::from_margins(6, above).unwrap(), &[third, third, third, 0.0, 0.0, 0.0]);
    // a cycle of three such cycles
    let nested = |i: usize, j: usize| {
        if i / 3 == j / 3 { cycle.margin(i % 3, j % 3) } else { cycle.margin(i / 3, j / 3) }
    };
    assert_unique(&PreferenceMatrix::from_margins(9, nested).unwrap(), &[1.0 / 9.0; 9]);
    // a beats b beats c, and a ties c
    let chain = solve(&margins([[0.0, 0.5, 0.0], [-0.5, 0.0, 0.5], [0.0, -0.5, 0.0]]));
    assert_close(chain.policy.as_slice().unwrap(), &[0.5, 0.0, 0.5], 1e-12);
    assert_eq!((chain.unique, chain.dimension), (Some(false), Some(1)));
    // each of four beats the next, and opposites tie: only even supports
    let square =
        margins([[0.0, 0.5, 0.0, -0.5], [-0.5, 0.0, 0.5, 0.0], [0.0, -0.5, 0.0, 0.5], [0.5, 0.0, -0.5, 0.0]]);
    let spread = solve(&square);
    assert_close(spread.policy.as_slice().unwrap(), &[0.25; 4], ROUNDING);
    assert_eq!((spread.unique, spread.dimension), (Some(false), Some(1)));
    let corner = vertex(&square);
    assert_eq!((corner.support.len(), corner.selected), (2, Selected::Vertex));
    // the same between pairs of clones: three more dimensions
    let doubled = PreferenceMatrix::from_margins(8, |i, j| square.margin(i / 2, j / 2)).unwrap();
    let spread = solve(&doubled);
    assert_close(spread.policy.as_slice().unwrap(), &[0.125; 8], ROUNDING);
    assert_eq!((spread.unique, spread.dimension), (Some(false), Some(5)));
    assert!(vertex(&doubled).duality_gap <= ROUNDING);
}

/// Pair a, b ties; c loses to a by 0.1 and beats b by 0.3: equilibria play a with 3/4 and more. The one of maximum
/// entropy lies where c is about to win, on a wall and not in the inside.
#[test]
fn maximum_entropy_may_lie_on_a_wall() {
    let game = margins([[0.0, 0.0, 0.1], [0.0, 0.0, -0.3], [-0.1, 0.3, 0.0]]);
    let found = solve(&game);
    assert_close(found.policy.as_slice().unwrap(), &[0.75, 0.25, 0.0], 1e-12);
    assert_eq!((found.unique, found.dimension, found.best_responses), (Some(false), Some(1), vec![0, 1, 2]));
    let ranges = equilibrium_ranges(&game).unwrap().unwrap();
    for (found, expected) in ranges.iter().zip([(0.75, 1.0), (0.0, 0.25), (0.0, 0.0)]) {
        assert!((found.0 - expected.0).abs() < 1e-10 && (found.1 - expected.1).abs() < 1e-10, "{ranges:?}");
    }
}

#[test]
fn efron_has_a_segment_of_equilibria() {
    let found = vertex(&efron());
    assert_eq!(found.unique, Some(false));
    assert!(found.duality_gap.abs() <= ROUNDING);
    let ends = [[0.0, 0.5, 0.0, 0.5], [3.0 / 7.0, 1.0 / 7.0, 3.0 / 7.0, 0.0]];
    let at = found.policy.to_vec();
    let distance = |e: &[f64; 4]| e.iter().zip(&at).map(|(a, b)| (a - b).abs()).sum::<f64>();
    assert!(ends.iter().any(|e| distance(e) <= ROUNDING), "a vertex: {at:?}");
    assert!(ends.iter().all(|e| gap(&efron(), e).abs() <= ROUNDING));
    // known to eight digits
    let spread = solve(&efron());
    assert_close(spread.policy.as_slice().unwrap(), &[0.24501151, 0.29582374, 0.24501151, 0.21415324], 1e-8);
    assert_eq!((spread.dimension, spread.selected), (Some(1), Selected::MaximumEntropy));
    // on a segment the projection is where the derivative along it vanishes
    let mu = random_policy(4, 1.0, &mut rng("efron"));
    let limit = select_lottery(&efron(), Selection::RegularisedLimit(&mu)).unwrap();
    let slope: f64 =
        (0..4).map(|i| (ends[1][i] - ends[0][i]) * ((limit.policy[i] / mu.probs()[i]).ln() + 1.0)).sum();
    assert!(slope.abs() < 1e-12 && limit.selected == Selected::RegularisedLimit, "{slope}");
}

/// Two-player games embedded: product equilibria.
#[test]
fn embedded_two_player_games() {
    for d in [0.5, 0.01, 1e-4] {
        let a = arr2(&[[0.5 + d, 0.5], [0.0, 1.0]]);
        let (x, y) =
            ([1.0 / (1.0 + d), d / (1.0 + d)], [1.0 / (2.0 + 2.0 * d), (1.0 + 2.0 * d) / (2.0 + 2.0 * d)]);
        assert_marginals(&a, &x, &y);
    }
    let a = arr2(&[[3.0, 0.0, -3.0], [0.0, 3.0, -4.0], [0.0, 0.0, 1.0f64]]);
    let a = a.mapv(|v| 1.0 - (v + 4.0) / 7.0);
    assert_marginals(&a, &[1.0 / 12.0, 1.0 / 12.0, 10.0 / 12.0], &[4.0 / 12.0, 5.0 / 12.0, 3.0 / 12.0]);
}

fn assert_marginals(a: &Array2<f64>, x: &[f64], y: &[f64]) {
    let (matrix, (p, q)) = (embedded(a), a.dim());
    let product: Vec<f64> = x.iter().flat_map(|x| y.iter().map(move |y| x * y)).collect();
    assert!(gap(&matrix, &product).abs() <= ROUNDING);
    let found = solve(&matrix);
    assert!(found.duality_gap.abs() <= ROUNDING);
    let joint = found.policy.into_shape_with_order((p, q)).unwrap();
    // conditioning: the gap fixes the marginals up to 1 / d
    assert_close(joint.sum_axis(ndarray::Axis(1)).as_slice().unwrap(), x, 1e-11);
    assert_close(joint.sum_axis(ndarray::Axis(0)).as_slice().unwrap(), y, 1e-11);
}

/// Margins of 1e-9 decide, alone and beside margins of 1/2.
#[test]
fn tiny_margins_count() {
    let (x, y, z) = (3e-9, 2e-9, 1e-9);
    assert_unique(&three_cycle(x, y, z), &[y, z, x].map(|v| v / (x + y + z)));
    let k = three_cycle(x, y, z);
    let below = |i: usize, j: usize| {
        if j < 3 {
            k.margin(i, j)
        } else if i < 3 {
            0.4
        } else {
            0.1
        }
    };
    let found = solve(&PreferenceMatrix::from_margins(6, below).unwrap());
    assert_close(&found.policy.to_vec()[..3], &[y, z, x].map(|v| v / (x + y + z)), 1e-7); // 2e-16 / 1e-9
    assert_eq!(found.unique, Some(true));
    // rock-paper-scissors between three pairs, the second of each better by 1e-9
    let rps = |i: usize, j: usize| match (j / 2 + 3 - i / 2) % 3 {
        0 => -1e-9,
        1 => 0.5,
        _ => -0.5,
    };
    assert_unique(
        &PreferenceMatrix::from_margins(6, rps).unwrap(),
        &[0.0, 1.0 / 3.0, 0.0, 1.0 / 3.0, 0.0, 1.0 / 3.0],
    );
    assert_unique(&three_cycle(1e-9, 0.5, 0.5), &[0.5, 0.5, 1e-9].map(|v| v / (1.0 + 1e-9)));
}

/// T5: gap = NashConv = twice the exploitability, and 0 at the maximal lottery.
#[test]
fn the_gap_is_rounding_on_random_games() {
    let mut rng = rng("lottery gaps");
    for round in 0..600 {
        let (kind, n) = (round % KINDS, 1 + index(&mut rng, 60));
        let matrix = random_game(kind, n, &mut rng);
        let found = solve(&matrix);
        let p = found.policy.to_vec();
        assert!((p.iter().sum::<f64>() - 1.0).abs() <= ROUNDING && p.iter().all(|&v| v >= 0.0));
        let relative = found.duality_gap.max(gap(&matrix, &p)) / largest(&matrix).max(1e-300);
        assert!(relative <= 1e-14, "kind {kind}, n {n}: {relative}");
        assert!(found.support.iter().all(|i| found.best_responses.contains(i)));
    }
}

#[test]
fn hundreds_of_actions() {
    let mut rng = rng("lottery size");
    for (kind, n) in (0..KINDS).map(|kind| (kind, 200)).chain([0, 1, 2, 3, 11].map(|kind| (kind, 300))) {
        let matrix = random_game(kind, n, &mut rng);
        let found = solve(&matrix);
        assert!(found.duality_gap <= 1e-13 * largest(&matrix), "kind {kind}, n {n}: {}", found.duality_gap);
    }
}

/// Tournaments of zeros and ones have a unique equilibrium, of odd support (Fisher and Ryan 1992; Laffond, Laslier
/// and Le Breton 1993); almost every game with continuous margins too.
#[test]
fn tournaments_are_unique_with_odd_support() {
    let mut rng = rng("tournaments");
    for round in 0..200 {
        let n = 1 + index(&mut rng, 40);
        let found = solve(&random_game(round % 2, n, &mut rng));
        assert_eq!((found.support.len() % 2, found.unique), (1, Some(true)), "n {n}: {found:?}");
    }
}

/// The criterion against the extremes of every probability over all equilibria, by another solver.
#[test]
fn uniqueness_agrees_with_a_search_for_another_equilibrium() {
    let mut rng = rng("uniqueness");
    let (mut unique, mut several) = (0, 0);
    for round in 0..240 {
        let kind = [0, 1, 2, 3, 8, 6][round % 6];
        let n = 2 + index(&mut rng, 9);
        let matrix = random_game(kind, n, &mut rng);
        let found = solve(&matrix);
        let spread = (0..n)
            .flat_map(|i| [1.0, -1.0].map(|sign| (i, sign)))
            .map(|(i, sign)| (general_package(&matrix, i, sign)[i] - found.policy[i]).abs())
            .fold(0.0, f64::max);
        match found.unique {
            Some(true) => {
                assert!(spread < 1e-6, "kind {kind}: {spread} {found:?}");
                unique += 1;
            }
            Some(false) => {
                assert!(spread > 1e-3, "kind {kind}: {spread} {found:?}");
                several += 1;
            }
            None => panic!("undecided: {found:?}"),
        }
    }
    assert!(unique > 50 && several > 50, "{unique} {several}");
}

/// Extreme value of one probability over all equilibria, by a general linear-programming package.
fn general_package(matrix: &PreferenceMatrix, action: usize, sign: f64) -> Vec<f64> {
    use microlp::{ComparisonOp, OptimizationDirection, Problem};
    let (n, scale) = (matrix.n(), largest(matrix).max(1e-300));
    let mut problem = Problem::new(OptimizationDirection::Maximize);
    let p: Vec<_> =
        (0..n).map(|i| problem.add_var(if i == action { sign } else { 0.0 }, (0.0, f64::INFINITY))).collect();
    for i in 0..n {
        let row: Vec<_> = (0..n).map(|j| (p[j], matrix.margin(i, j) / scale)).collect();
        problem.add_constraint(row, ComparisonOp::Le, 1e-10); // slack for rounding: the exact set has no interior
    }
    problem.add_constraint(p.iter().map(|&v| (v, 1.0)).collect::<Vec<_>>(), ComparisonOp::Eq, 1.0);
    let solution = problem.solve().unwrap().into_solution().unwrap();
    p.iter().map(|&v| solution.var_value(v)).collect()
}

#[test]
fn interior_equilibria_by_construction() {
    // K = D K0 D with K0 u = 0 has the equilibrium u / d
    let mut rng = rng("interior");
    for n in [3, 7, 15, 31] {
        let d: Vec<f64> = (0..n).map(|_| 0.2 + 0.8 * uniform(&mut rng)).collect();
        let k0 = regular_tournament(n, 0.5);
        let matrix = PreferenceMatrix::from_margins(n, |i, j| d[i] * d[j] * k0.margin(i, j)).unwrap();
        let sum: f64 = d.iter().map(|d| 1.0 / d).sum();
        let found = solve(&matrix);
        assert_close(
            found.policy.as_slice().unwrap(),
            &d.iter().map(|d| 1.0 / (d * sum)).collect::<Vec<_>>(),
            1e-13,
        );
        assert_eq!(found.unique, Some(true));
    }
}

#[test]
fn relabelling_and_determinism() {
    let mut rng = rng("relabelling");
    for n in [5, 20] {
        let matrix = random_game(0, n, &mut rng);
        let reversed = PreferenceMatrix::from_margins(n, |i, j| matrix.margin(n - 1 - i, n - 1 - j)).unwrap();
        let (a, b) = (solve(&matrix), solve(&reversed));
        let back: Vec<f64> = b.policy.iter().rev().copied().collect();
        assert_close(a.policy.as_slice().unwrap(), &back, 1e-12);
        assert_eq!(a, solve(&matrix));
    }
}

/// Games above the size where pivoting is used, with equilibria known by construction.
#[test]
fn the_central_path_finds_what_is_known() {
    let mut rng = rng("central path");
    // a composition: the 3-cycle with each action replaced by 60 clones
    let (x, y, z) = (0.3, 0.2, 0.1);
    let k = three_cycle(x, y, z);
    let clones = PreferenceMatrix::from_margins(180, |i, j| k.margin(i / 60, j / 60)).unwrap();
    let found = solve(&clones);
    let expected: Vec<f64> = (0..180).map(|i| [y, z, x][i / 60] / (60.0 * (x + y + z))).collect();
    assert_close(found.policy.as_slice().unwrap(), &expected, ROUNDING);
    assert_eq!((found.unique, found.dimension), (Some(false), Some(177)));
    let corner = vertex(&clones);
    assert_eq!((corner.support.len(), corner.selected), (3, Selected::Vertex));
    assert!(corner.duality_gap <= ROUNDING);
    // components below a winning one lose
    for inner in [101, 151] {
        let cycle = random_game(7, inner, &mut rng);
        let alone = solve(&cycle);
        let below = PreferenceMatrix::from_margins(220, |i, j| match (i < inner, j < inner) {
            (true, true) => cycle.margin(i, j),
            (true, false) => 0.01,
            _ => 0.4 * ((i + j) as f64).sin(),
        });
        let found = solve(&below.unwrap());
        assert_close(&found.policy.to_vec()[..inner], alone.policy.as_slice().unwrap(), 1e-12);
        assert_eq!((found.unique, found.method), (Some(true), Method::InteriorPoint));
    }
    // interior by construction, as below, at a size for the path
    let d: Vec<f64> = (0..201).map(|_| 0.2 + 0.8 * uniform(&mut rng)).collect();
    let k0 = regular_tournament(201, 0.5);
    let matrix = PreferenceMatrix::from_margins(201, |i, j| d[i] * d[j] * k0.margin(i, j)).unwrap();
    let sum: f64 = d.iter().map(|d| 1.0 / d).sum();
    let expected: Vec<f64> = d.iter().map(|d| 1.0 / (d * sum)).collect();
    assert_close(solve(&matrix).policy.as_slice().unwrap(), &expected, 1e-13);
}

/// Of several equilibria the returned one has the largest entropy: no step towards a vertex increases it, and the
/// regularised equilibrium for small tau is near it.
#[test]
fn maximum_entropy_is_the_limit_of_the_regularised_path() {
    let mut rng = rng("maximum entropy");
    let (mut several, mut decided) = (0, 0);
    for round in 0..120 {
        let (kind, n) = ([2, 3, 8, 6][round % 4], 3 + index(&mut rng, 12));
        let matrix = random_game(kind, n, &mut rng);
        let found = solve(&matrix);
        if found.unique != Some(false) {
            continue;
        }
        several += 1;
        decided += usize::from(found.selected == Selected::MaximumEntropy);
        let corner = vertex(&matrix);
        assert!(corner.duality_gap <= ROUNDING, "{corner:?}");
        let slope: f64 = (0..n)
            .filter(|&i| corner.policy[i] != found.policy[i])
            .map(|i| (corner.policy[i] - found.policy[i]) * found.policy[i].ln())
            .sum();
        assert!(slope >= -1e-9, "kind {kind}, n {n}: {slope} {found:?} {corner:?}");
        let tau = 1e-5;
        let regularised =
            equipoise_reference::regularised_equilibrium(&matrix, &uniform_policy(n), tau).unwrap();
        let distance: f64 =
            regularised.policy.probs().iter().zip(&found.policy).map(|(a, b)| (a - b).abs()).sum();
        assert!(distance < 2e-2, "kind {kind}, n {n}: {distance} {found:?} {:?}", regularised.policy.probs());
    }
    assert!(several > 40 && decided == several, "{several} {decided}");
}
