//! Rational solutions against closed forms, and the floating-point answer against them.

#![allow(clippy::unwrap_used)] // a test may

mod common;

use common::*;
use equipoise_core::sample::{index, uniform};
use equipoise_env::PreferenceMatrix;
use equipoise_reference::{
    RationalMargins, Selected, Selection, exact_equilibria, maximal_lottery, select_exact,
};
use ndarray::Array2;

fn fractions(matrix: &PreferenceMatrix) -> (Vec<String>, bool) {
    let exact = exact_equilibria(&RationalMargins::from_decimals(matrix), false).unwrap();
    ((0..matrix.n()).map(|i| exact.vertex.fraction(i)).collect(), exact.unique)
}

#[test]
fn closed_forms() {
    assert_eq!(fractions(&comal()), (["4/11", "3/11", "4/11"].map(str::to_owned).to_vec(), true));
    assert_eq!(fractions(&three_cycle(0.3, 0.2, 0.1)).0, ["1/3", "1/6", "1/2"]);
    assert_eq!(fractions(&margins([[0.0]])).0, ["1/1"]);
    let ties = fractions(&PreferenceMatrix::from_margins(3, |_, _| 0.0).unwrap());
    assert_eq!(ties, (["1/1", "0/1", "0/1"].map(str::to_owned).to_vec(), false));
    // near-ties of 1e-9 beside margins of 1/2
    assert_eq!(fractions(&three_cycle(1e-9, 0.5, 0.5)).0[2], "1/1000000001");
}

#[test]
fn counts_are_fractions() {
    // Efron's dice as counts of 36 throws: a vertex of the segment
    let wins = Array2::from_shape_fn(
        (4, 4),
        |(i, j)| if i == j { 0.0 } else { (36.0 * efron().prob(i, j)).round() },
    );
    let game = RationalMargins::from_counts(wins.view(), Array2::zeros((4, 4)).view()).unwrap();
    assert_eq!(game.margin(0, 1), (1, 6));
    let exact = exact_equilibria(&game, false).unwrap();
    let found: Vec<String> = (0..4).map(|i| exact.vertex.fraction(i)).collect();
    assert!(
        !exact.unique && (found == ["0/1", "1/2", "0/1", "1/2"] || found == ["3/7", "1/7", "3/7", "0/1"])
    );
    // weights with decimals, and one that is no short decimal
    let read = |v: f64| {
        let wins = ndarray::arr2(&[[0.0, v], [1.0, 0.0]]);
        RationalMargins::from_counts(wins.view(), Array2::zeros((2, 2)).view()).map(|game| game.margin(0, 1))
    };
    assert_eq!((read(0.5), read(0.4367476)), (Some((-1, 6)), Some((-1_408_131, 7_183_738))));
    assert_eq!((read(1.0 / 3.0), read(-1.0), read(f64::NAN), read(1e300)), (None, None, None, None));
}

/// Where uniqueness is proved, the floating-point answer equals the rational one to 1e-12 and better.
#[test]
fn floating_point_agrees_where_uniqueness_is_proved() {
    let mut rng = rng("exact");
    let mut proved = 0;
    for round in 0..300 {
        let (kind, n) = (round % 4, 1 + index(&mut rng, if round % 20 == 0 { 60 } else { 25 }));
        let places = [1e2, 1e3, 1e6, 1.0][kind];
        let draws: Vec<f64> = (0..n * n).map(|_| uniform(&mut rng)).collect();
        let p = Array2::from_shape_fn((n, n), |(i, j)| match i.cmp(&j) {
            std::cmp::Ordering::Less => (draws[i * n + j] * places).round() / places,
            std::cmp::Ordering::Equal => 0.5,
            std::cmp::Ordering::Greater => 1.0 - (draws[j * n + i] * places).round() / places,
        });
        let matrix = PreferenceMatrix::new(p.view()).unwrap();
        let game = RationalMargins::from_decimals(&matrix);
        let exact = exact_equilibria(&game, false).unwrap();
        let found = maximal_lottery(&matrix).unwrap();
        assert_eq!(found.unique, Some(exact.unique), "kind {kind}, n {n}");
        if exact.unique {
            proved += 1;
            assert_close(found.policy.as_slice().unwrap(), &exact.vertex.to_f64(), 1e-12);
            if n <= 25 {
                assert_close(found.policy.as_slice().unwrap(), &rational::equilibrium(&game), 1e-12);
            }
        }
        assert!((exact.vertex.to_f64().iter().sum::<f64>() - 1.0).abs() < 1e-14);
    }
    assert!(proved > 250, "{proved} proved");
}

/// Ranges, dimension and uniqueness against all vertices of the set of equilibria, found by solving every system of tight
/// inequalities; the selected equilibrium lies in the set, and is optimal in it.
#[test]
fn ranges_are_those_of_all_vertices() {
    let mut rng = rng("vertices");
    let mut several = 0;
    for round in 0..240 {
        let game = vertices::tied_game(round, &mut rng);
        let n = game.n();
        let exact = exact_equilibria(&game, true).unwrap();
        let all = vertices::all(&game);
        assert_eq!((exact.unique, exact.dimension), (all.vertices.len() == 1, all.dimension), "{game:?}");
        several += usize::from(!exact.unique);
        for (i, range) in exact.ranges.as_ref().unwrap().iter().enumerate() {
            let (least, largest) = all.range(i);
            assert_eq!(
                (&range.least.fraction, &range.largest.fraction),
                (&least, &largest),
                "{i} of {game:?}"
            );
        }
        // every vertex is an equilibrium of support within that of the inside
        let inside = exact.inside.to_f64();
        for (i, p) in inside.iter().enumerate() {
            assert_eq!(*p > 0.0, all.range(i).1 != "0/1");
        }
        let mu = random_policy(n, 1.0, &mut rng);
        for selection in [Selection::MaximumEntropy, Selection::RegularisedLimit(&mu), Selection::Vertex] {
            let (found, _) = select_exact(&game, selection, false).unwrap().unwrap();
            assert!(found.selected != Selected::Undecided && found.duality_gap.abs() <= 1e-14, "{game:?}");
            assert_eq!((found.unique, found.dimension), (Some(exact.unique), Some(exact.dimension)));
            let p = found.policy.as_slice().unwrap();
            // no vertex is nearer to the reference: the slope of KL towards each is at least 0
            let log_mu = match selection {
                Selection::RegularisedLimit(mu) => mu.log_probs().to_vec(),
                Selection::MaximumEntropy => vec![0.0; n],
                Selection::Vertex => continue,
            };
            for vertex in &all.vertices {
                let vertex = vertices::to_f64(vertex);
                let slope: f64 = (0..n)
                    .filter(|&i| p[i] > 0.0)
                    .map(|i| (vertex[i] - p[i]) * (p[i].ln() - log_mu[i]))
                    .sum();
                assert!(slope >= -1e-9, "{slope}: {p:?} towards {vertex:?} in {game:?}");
            }
        }
    }
    assert!(several > 120, "{several} with several");
}

/// The cases of the report: three clones that beat a fourth action, and margins of 1e-9 that tie exactly.
#[test]
fn clones_and_small_margins_are_exact() {
    let ranges = |matrix: &PreferenceMatrix| -> Vec<(String, String)> {
        let exact = exact_equilibria(&RationalMargins::from_decimals(matrix), true).unwrap();
        exact.ranges.unwrap().into_iter().map(|r| (r.least.fraction, r.largest.fraction)).collect()
    };
    let clones = probabilities([
        [0.5, 0.5, 0.5, 0.9],
        [0.5, 0.5, 0.5, 0.9],
        [0.5, 0.5, 0.5, 0.9],
        [0.1, 0.1, 0.1, 0.5],
    ]);
    let full = ("0/1".to_owned(), "1/1".to_owned());
    let none = ("0/1".to_owned(), "0/1".to_owned());
    assert_eq!(ranges(&clones), [full.clone(), full.clone(), full, none]);
    let small = probabilities([
        [0.5, 0.499999999, 0.500000001, 0.499999997, 0.499999998],
        [0.500000001, 0.5, 0.499999998, 0.499999998, 0.499999999],
        [0.499999999, 0.500000002, 0.5, 0.500000003, 0.500000001],
        [0.500000003, 0.500000002, 0.499999997, 0.5, 0.500000003],
        [0.500000002, 0.500000001, 0.499999999, 0.499999997, 0.5],
    ]);
    let game = RationalMargins::from_decimals(&small);
    let exact = exact_equilibria(&game, true).unwrap();
    assert_eq!((exact.unique, exact.dimension), (false, 1));
    let all = vertices::all(&game);
    assert_eq!((all.vertices.len(), all.dimension), (2, 1));
    for (i, range) in exact.ranges.unwrap().iter().enumerate() {
        assert_eq!((range.least.fraction.clone(), range.largest.fraction.clone()), all.range(i));
    }
}

/// Above what can be enumerated: games of up to 40 actions made of clones of a small game, whose ranges follow from it.
#[test]
fn clones_share_the_range_of_their_class() {
    let mut rng = rng("clone classes");
    for round in 0..12 {
        let small = vertices::tied_game(round, &mut rng);
        let all = vertices::all(&small);
        let n = 20 + index(&mut rng, 21);
        let class: Vec<usize> =
            (0..n).map(|i| if i < small.n() { i } else { index(&mut rng, small.n()) }).collect();
        let game = RationalMargins::from_decimals(
            &PreferenceMatrix::from_margins(n, |i, j| small.to_matrix().margin(class[i], class[j])).unwrap(),
        );
        let exact = exact_equilibria(&game, true).unwrap();
        for (i, range) in exact.ranges.as_ref().unwrap().iter().enumerate() {
            let (least, largest) = all.range(class[i]);
            let alone = class.iter().filter(|c| **c == class[i]).count() == 1;
            assert_eq!(range.largest.fraction, largest);
            assert_eq!(range.least.fraction, if alone { least } else { "0/1".to_owned() });
        }
        // a class of c actions that is played adds c - 1 dimensions
        let played = (0..n).filter(|&i| all.range(class[i]).1 != "0/1").count();
        let classes = (0..small.n()).filter(|&c| all.range(c).1 != "0/1").count();
        assert_eq!(exact.dimension, all.dimension + played - classes);
    }
}
