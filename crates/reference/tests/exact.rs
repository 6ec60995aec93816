//! Rational solutions against closed forms, and the floating-point answer against them.

#![allow(clippy::unwrap_used)] // a test may

mod common;

use common::*;
use equipoise_core::sample::{index, uniform};
use equipoise_env::PreferenceMatrix;
use equipoise_reference::{RationalMargins, exact_lottery, maximal_lottery};
use ndarray::Array2;

fn fractions(matrix: &PreferenceMatrix) -> (Vec<String>, bool) {
    let exact = exact_lottery(&RationalMargins::from_decimals(matrix)).unwrap().unwrap();
    ((0..matrix.n()).map(|i| exact.fraction(i)).collect(), exact.unique)
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
    let exact = exact_lottery(&game).unwrap().unwrap();
    let found: Vec<String> = (0..4).map(|i| exact.fraction(i)).collect();
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
    let (mut proved, mut unproved) = (0, 0);
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
        let Some(exact) = exact_lottery(&game).unwrap() else {
            unproved += 1;
            continue;
        };
        let found = maximal_lottery(&matrix).unwrap();
        assert_eq!(found.unique, Some(exact.unique), "kind {kind}, n {n}");
        if exact.unique {
            proved += 1;
            assert_close(found.policy.as_slice().unwrap(), &exact.to_f64(), 1e-12);
            if n <= 25 {
                assert_close(found.policy.as_slice().unwrap(), &rational::equilibrium(&game), 1e-12);
            }
        }
        assert!((exact.to_f64().iter().sum::<f64>() - 1.0).abs() < 1e-14);
    }
    assert!(proved > 250 && unproved == 0, "{proved} proved, {unproved} not");
}
