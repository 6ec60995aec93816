//! Facts known about real comparisons: Smith sets, cyclic triads, Nash supports and cyclic energy, from the counts.

#![allow(clippy::unwrap_used)] // a test may

mod common;

use common::{assert_close, rational};
use equipoise_env::PreferenceMatrix;
use equipoise_reference::choice::{CyclicTriads, condorcet_winner, cyclic_energy, cyclic_triads, smith_set};
use equipoise_reference::{RationalMargins, exact_equilibria, maximal_lottery};
use ndarray::{Array2, arr2};

/// Wins of row over column: person 9, gamble set 2, gambles a to e; c and d also tied once.
/// Regenwetter and Davis-Stober 2012, Psychological Review 119(2), 408-416, doi:10.1037/a0027372.
#[rustfmt::skip]
const GAMBLES: [[f64; 5]; 5] = [
    [0.0, 40.0, 31.0, 19.0, 13.0],
    [5.0, 0.0, 35.0, 32.0, 26.0],
    [14.0, 10.0, 0.0, 41.0, 30.0],
    [26.0, 13.0, 3.0, 0.0, 35.0],
    [32.0, 19.0, 15.0, 10.0, 0.0],
];

/// Aggressive encounters won among nine house finches: B, BB, R.F, R.M, RB, W, WB, WR, WW.
/// Thompson 1960, Condor 62, 378-402, table 5.
#[rustfmt::skip]
const FINCHES: [[f64; 9]; 9] = [
    [0.0, 0.0, 1.0, 0.0, 0.0, 6.0, 0.0, 0.0, 0.0],
    [60.0, 0.0, 2.0, 1.0, 0.0, 1.0, 1.0, 33.0, 2.0],
    [18.0, 21.0, 0.0, 28.0, 0.0, 23.0, 0.0, 28.0, 23.0],
    [62.0, 26.0, 1.0, 0.0, 16.0, 24.0, 1.0, 1.0, 62.0],
    [6.0, 6.0, 14.0, 2.0, 0.0, 1.0, 7.0, 12.0, 9.0],
    [16.0, 15.0, 0.0, 0.0, 0.0, 0.0, 29.0, 20.0, 21.0],
    [34.0, 23.0, 19.0, 20.0, 0.0, 0.0, 0.0, 39.0, 34.0],
    [39.0, 1.0, 0.0, 42.0, 0.0, 2.0, 1.0, 0.0, 47.0],
    [60.0, 26.0, 1.0, 0.0, 0.0, 2.0, 0.0, 0.0, 0.0],
];

/// Chatbot Arena, category "hard prompts", state of 2024-09-04: chatgpt-4o-latest, gemini-1.5-pro-exp-0827,
/// grok-2-2024-08-13, claude-3-5-sonnet-20240620, gpt-4o-2024-05-13, gemini-1.5-pro-exp-0801,
/// gemini-1.5-flash-exp-0827, llama-3.1-405b-instruct. Chiang et al. 2024, arXiv:2403.04132.
#[rustfmt::skip]
const ARENA: [[f64; 8]; 8] = [
    [0.0, 113.0, 64.0, 136.0, 116.0, 92.0, 103.0, 131.0],
    [95.0, 0.0, 23.0, 94.0, 81.0, 71.0, 28.0, 85.0],
    [70.0, 19.0, 0.0, 56.0, 54.0, 36.0, 62.0, 43.0],
    [90.0, 83.0, 62.0, 0.0, 495.0, 89.0, 72.0, 113.0],
    [70.0, 89.0, 54.0, 496.0, 0.0, 88.0, 51.0, 105.0],
    [81.0, 56.0, 37.0, 101.0, 86.0, 0.0, 33.0, 54.0],
    [57.0, 29.0, 62.0, 49.0, 54.0, 20.0, 0.0, 55.0],
    [81.0, 81.0, 38.0, 85.0, 94.0, 50.0, 38.0, 0.0],
];

/// The twelve most played deck archetypes of the Pokemon TCG format MEG (Standard 2025) to 2025-11-10; Limitless
/// Tournament Platform (play.limitlesstcg.com).
#[rustfmt::skip]
const CARDS: [[f64; 12]; 12] = [
    [0.0, 291.0, 303.0, 325.0, 340.0, 214.0, 202.0, 174.0, 162.0, 111.0, 176.0, 112.0],
    [376.0, 0.0, 231.0, 223.0, 283.0, 163.0, 213.0, 154.0, 155.0, 131.0, 140.0, 92.0],
    [370.0, 363.0, 0.0, 311.0, 311.0, 206.0, 158.0, 236.0, 112.0, 104.0, 174.0, 108.0],
    [242.0, 339.0, 217.0, 0.0, 242.0, 191.0, 255.0, 213.0, 126.0, 113.0, 94.0, 102.0],
    [290.0, 257.0, 275.0, 247.0, 0.0, 243.0, 222.0, 201.0, 137.0, 105.0, 66.0, 112.0],
    [312.0, 316.0, 279.0, 224.0, 164.0, 0.0, 174.0, 158.0, 132.0, 101.0, 75.0, 89.0],
    [295.0, 271.0, 233.0, 243.0, 190.0, 127.0, 0.0, 136.0, 75.0, 85.0, 72.0, 50.0],
    [216.0, 190.0, 146.0, 136.0, 156.0, 137.0, 102.0, 0.0, 95.0, 80.0, 104.0, 40.0],
    [158.0, 100.0, 128.0, 114.0, 121.0, 77.0, 103.0, 66.0, 0.0, 46.0, 37.0, 65.0],
    [136.0, 96.0, 108.0, 102.0, 95.0, 95.0, 73.0, 75.0, 63.0, 0.0, 45.0, 35.0],
    [67.0, 68.0, 52.0, 88.0, 153.0, 109.0, 86.0, 53.0, 68.0, 49.0, 0.0, 36.0],
    [132.0, 109.0, 88.0, 83.0, 54.0, 67.0, 70.0, 90.0, 25.0, 47.0, 54.0, 0.0],
];

/// Drawn games of the same pairs.
#[rustfmt::skip]
const CARD_TIES: [[f64; 12]; 12] = [
    [0.0, 10.0, 11.0, 15.0, 1.0, 7.0, 16.0, 6.0, 4.0, 0.0, 1.0, 6.0],
    [10.0, 0.0, 13.0, 18.0, 7.0, 16.0, 15.0, 15.0, 10.0, 8.0, 3.0, 10.0],
    [11.0, 13.0, 0.0, 20.0, 7.0, 9.0, 11.0, 8.0, 7.0, 5.0, 2.0, 9.0],
    [15.0, 18.0, 20.0, 0.0, 4.0, 6.0, 22.0, 6.0, 3.0, 7.0, 6.0, 6.0],
    [1.0, 7.0, 7.0, 4.0, 0.0, 4.0, 8.0, 3.0, 1.0, 0.0, 0.0, 1.0],
    [7.0, 16.0, 9.0, 6.0, 4.0, 0.0, 10.0, 19.0, 3.0, 2.0, 3.0, 7.0],
    [16.0, 15.0, 11.0, 22.0, 8.0, 10.0, 0.0, 10.0, 4.0, 4.0, 3.0, 3.0],
    [6.0, 15.0, 8.0, 6.0, 3.0, 19.0, 10.0, 0.0, 4.0, 3.0, 5.0, 5.0],
    [4.0, 10.0, 7.0, 3.0, 1.0, 3.0, 4.0, 4.0, 0.0, 1.0, 3.0, 3.0],
    [0.0, 8.0, 5.0, 7.0, 0.0, 2.0, 4.0, 3.0, 1.0, 0.0, 2.0, 1.0],
    [1.0, 3.0, 2.0, 6.0, 0.0, 3.0, 3.0, 5.0, 3.0, 2.0, 0.0, 1.0],
    [6.0, 10.0, 9.0, 6.0, 1.0, 7.0, 3.0, 5.0, 3.0, 1.0, 1.0, 0.0],
];

/// Win rates of ten soccer agents; Rowland et al. 2019, arXiv:1909.09849.
#[rustfmt::skip]
const SOCCER: [[f64; 10]; 10] = [
    [0.0, 0.4367476, 0.6905596, 0.4947496, 0.3813061, 0.5866811, 0.5643643, 0.4877253, 0.2544108, 0.4266350],
    [0.5632524, 0.0, 0.6165377, 0.5190368, 0.5132084, 0.5294269, 0.6031942, 0.4251502, 0.5585936, 0.3684600],
    [0.3094404, 0.3834623, 0.0, 0.3762549, 0.3782788, 0.3144149, 0.3940367, 0.2261176, 0.4171005, 0.1819202],
    [0.5052504, 0.4809632, 0.6237451, 0.0, 0.4960451, 0.5131155, 0.5810391, 0.3882810, 0.5516879, 0.3419033],
    [0.6186939, 0.4867916, 0.6217212, 0.5039549, 0.0, 0.6013260, 0.6620943, 0.5096754, 0.5412645, 0.4434360],
    [0.4133189, 0.4705731, 0.6855850, 0.4868845, 0.3986740, 0.0, 0.5282976, 0.3148352, 0.2363578, 0.3951893],
    [0.4356357, 0.3968058, 0.6059633, 0.4189609, 0.3379057, 0.4717024, 0.0, 0.3236531, 0.1910987, 0.3638533],
    [0.5122747, 0.5748498, 0.7738824, 0.6117190, 0.4903246, 0.6851648, 0.6763469, 0.0, 0.3202539, 0.4136785],
    [0.7455892, 0.4414064, 0.5828995, 0.4483121, 0.4587355, 0.7636422, 0.8089013, 0.6797461, 0.0, 0.7074556],
    [0.5733650, 0.6315400, 0.8180798, 0.6580967, 0.5565640, 0.6048107, 0.6361466, 0.5863215, 0.2925444, 0.0],
];

/// `P_ij = (wins + ties / 2) / comparisons`, the numbers of comparisons, and the margins as fractions.
fn from_counts<const N: usize>(
    wins: [[f64; N]; N],
    ties: [[f64; N]; N],
) -> (PreferenceMatrix, Array2<f64>, RationalMargins) {
    let counts = Array2::from_shape_fn((N, N), |(i, j)| wins[i][j] + wins[j][i] + ties[i][j]);
    let margin = |i: usize, j: usize| 0.5 * (wins[i][j] - wins[j][i]) / counts[[i, j]];
    let fractions = RationalMargins::from_counts(arr2(&wins).view(), arr2(&ties).view()).unwrap();
    (PreferenceMatrix::from_margins(N, margin).unwrap(), counts, fractions)
}

struct Facts {
    smith: usize,
    cyclic: u64,
    support: usize,
    /// Weighted by the number of comparisons, to two digits.
    energy: f64,
}

#[track_caller]
fn check((matrix, counts, fractions): (PreferenceMatrix, Array2<f64>, RationalMargins), facts: Facts) {
    let n = matrix.n() as u64;
    assert_eq!(condorcet_winner(&matrix), None);
    assert_eq!(smith_set(&matrix).len(), facts.smith);
    let total = n * (n - 1) * (n - 2) / 6;
    assert_eq!(cyclic_triads(&matrix, None), CyclicTriads { cyclic: facts.cyclic, total });
    let found = maximal_lottery(&matrix).unwrap();
    assert_eq!((found.support.len(), found.unique), (facts.support, Some(true)));
    assert!(found.duality_gap <= 1e-15, "{found:?}");
    // proved in rational arithmetic to be the only one, and equal to what an exact simplex method ends at
    let exact = exact_equilibria(&fractions, false).unwrap();
    assert!(exact.unique);
    let policy = found.policy.as_slice().unwrap();
    assert_close(policy, &exact.vertex.to_f64(), 1e-12);
    assert_close(policy, &rational::equilibrium(&fractions), 1e-12);
    let energy = cyclic_energy(&matrix, Some(counts.view()));
    assert!((energy - facts.energy).abs() <= 0.005, "{energy}");
}

#[test]
fn person_nine_on_gambles() {
    let mut ties = [[0.0; 5]; 5];
    (ties[2][3], ties[3][2]) = (1.0, 1.0);
    let game = from_counts(GAMBLES, ties);
    assert!(game.1.iter().all(|&c| c == 45.0 || c == 0.0));
    let plain = cyclic_energy(&game.0, None);
    assert!(
        (plain - cyclic_energy(&game.0, Some(game.1.view()))).abs() <= 1e-14,
        "all pairs met equally often"
    );
    check(game, Facts { smith: 5, cyclic: 4, support: 5, energy: 0.91 });
}

#[test]
fn fights_of_house_finches() {
    check(from_counts(FINCHES, [[0.0; 9]; 9]), Facts { smith: 8, cyclic: 8, support: 3, energy: 0.45 });
}

#[test]
fn chatbot_arena_hard_prompts() {
    check(from_counts(ARENA, [[0.0; 8]; 8]), Facts { smith: 7, cyclic: 7, support: 3, energy: 0.34 });
}

#[test]
fn card_games() {
    check(from_counts(CARDS, CARD_TIES), Facts { smith: 12, cyclic: 54, support: 5, energy: 0.80 });
}

#[test]
fn soccer_agents() {
    let matrix = PreferenceMatrix::from_margins(10, |i, j| 0.5 * (SOCCER[i][j] - SOCCER[j][i])).unwrap();
    let fractions = RationalMargins::from_decimals(&matrix);
    check(
        (matrix, Array2::ones((10, 10)), fractions),
        Facts { smith: 6, cyclic: 6, support: 3, energy: 0.29 },
    );
}
