use equipoise_core::logistic::logistic;
use equipoise_core::sample::{index, normal, uniform};
use equipoise_core::seed::stream;
use equipoise_data::Unit;
use equipoise_reference::choice::{condorcet_winner, smith_set};
use ndarray::Array2;

use super::*;
use crate::intransitivity::inspect_observed;

fn many(data: &Comparisons, replicates: usize) -> Inspection {
    inspect_many(&data.clone().into(), replicates, 5, &|_| ()).unwrap()
}

/// Each of n items meets `others` drawn at random, `times` a pair; the first wins with `rate`, and a share of `ties` is tied.
fn drawn(
    n: usize,
    (others, times): (usize, usize),
    ties: f64,
    seed: u64,
    rate: impl Fn(usize, usize) -> f64,
) -> Comparisons {
    let mut rng = stream(seed, "many items", &[]);
    let (mut first, mut tied) = (std::collections::BTreeMap::new(), std::collections::BTreeMap::new());
    for i in 0..n {
        for _ in 0..others {
            // near items meet more often, so that triads close
            let j = (i + 1 + index(&mut rng, 40.min(n - 1))) % n;
            for _ in 0..times {
                if uniform(&mut rng) < ties {
                    *tied.entry((i.min(j), i.max(j))).or_insert(0.0) += 1.0;
                } else {
                    let (w, l) = if uniform(&mut rng) < rate(i, j) { (i, j) } else { (j, i) };
                    *first.entry((w, l)).or_insert(0.0) += 1.0;
                }
            }
        }
    }
    pairs(n, first, tied)
}

fn pairs(
    n: usize,
    won: std::collections::BTreeMap<(usize, usize), f64>,
    tied: std::collections::BTreeMap<(usize, usize), f64>,
) -> Comparisons {
    let one = Comparisons::from_tables(&Array2::zeros((0, 0)), &Array2::zeros((0, 0)));
    let labels = (0..n).map(|i| i.to_string()).collect();
    let mut all: Vec<(usize, usize)> =
        won.keys().map(|&(i, j)| (i.min(j), i.max(j))).chain(tied.keys().copied()).collect();
    all.sort_unstable();
    all.dedup();
    let of = |map: &std::collections::BTreeMap<_, f64>, key| map.get(&key).copied().unwrap_or(0.0);
    let counted = all.into_iter().map(|(i, j)| PairCount {
        i,
        j,
        forward: equipoise_data::Count {
            first: of(&won, (i, j)),
            second: of(&won, (j, i)),
            tie: of(&tied, (i, j)),
            both_bad: 0.0,
        },
        backward: equipoise_data::Count::default(),
    });
    Comparisons { labels, ..one }.with_pairs(counted.collect())
}

/// What both ways say of the same data is the same.
#[test]
fn the_sparse_way_says_what_the_dense_way_says() {
    for (k, (n, design, ties)) in
        [(3, (2, 3), 0.2), (12, (4, 2), 0.0), (40, (6, 5), 0.1), (200, (5, 1), 0.0), (200, (8, 3), 0.15)]
            .into_iter()
            .enumerate()
    {
        let strength: Vec<f64> = {
            let mut rng = stream(k as u64, "strengths", &[]);
            (0..n).map(|_| normal(&mut rng)).collect()
        };
        let data = drawn(n, design, ties, k as u64, |i, j| logistic(strength[i] - strength[j]));
        let (sparse, dense) = (many(&data, 0), inspect_observed(&data.clone().into(), 0, 5, &|| ()).unwrap());
        let matrix = data.matrix(0.0);
        assert_eq!(sparse.condorcet_winner, condorcet_winner(&matrix));
        assert_eq!(sparse.smith_set, smith_set(&matrix));
        assert_eq!((sparse.verdict, dense.verdict), (Verdict::Unknown, Verdict::Unknown));
        assert_eq!(sparse.favourites, dense.favourites);
        assert_eq!(sparse.worst_opponent.is_some(), dense.worst_opponent.is_some());
        let (a, b) = (&sparse.cycles, &dense.cycles);
        assert_eq!(
            (a.cyclic, a.total, a.significant, a.significant_total),
            (b.cyclic, b.total, b.significant, b.significant_total)
        );
        assert_eq!((a.strongest_cycle, a.items_on_cycles), (b.strongest_cycle, b.items_on_cycles));
        assert_eq!((a.largest_curl, a.weighted_share), (b.largest_curl, b.weighted_share));
        assert_eq!(a.strongest_triad.is_some(), b.strongest_triad.is_some());
        for (s, d) in sparse.statistics.iter().zip(&dense.statistics) {
            // the fits stop at 1e-9, the energy at 1e-8 squared; singular values and lotteries are those of few items
            let close = (s.value - d.value).abs() <= 1e-7 * (1.0 + d.value.abs());
            assert!(
                close || ["second_rotation", "nash_edge"].contains(&s.name),
                "{}: {} {}",
                s.name,
                s.value,
                d.value
            );
        }
        let (a, b) = (&sparse.bradley_terry, &dense.bradley_terry);
        assert!((&a.log_strength - &b.log_strength).iter().all(|d| d.abs() < 1e-7));
        assert_eq!(
            (a.degrees_of_freedom, a.exists, a.converged),
            (b.degrees_of_freedom, b.exists, b.converged)
        );
        assert_eq!(
            (&sparse.cycle_test.cycle, sparse.cycle_test.distance),
            (&dense.cycle_test.cycle, dense.cycle_test.distance)
        );
        assert_eq!(
            (sparse.power.cycle_votes, sparse.power.cycle_win_rate),
            (dense.power.cycle_votes, dense.power.cycle_win_rate)
        );
        assert_eq!(
            (sparse.power.detectable_win_rate, sparse.nash.is_none()),
            (dense.power.detectable_win_rate, data.unmet() > 0)
        );
    }
}

/// Ratings, on twelve comparisons an item of pairs that met once: a null that is drawn from fitted strengths would be rejected.
#[test]
fn one_rating_is_not_rejected_where_it_is_the_truth() {
    let mut low = 0;
    for seed in 0..20 {
        let mut rng = stream(seed, "strengths", &[]);
        let strength: Vec<f64> = (0..300).map(|_| 1.5 * normal(&mut rng)).collect();
        let data = drawn(300, (6, 1), 0.1, seed, |i, j| logistic(strength[i] - strength[j]));
        let found = many(&data, 199);
        low += usize::from(found.one_rating_p_value.unwrap() < 0.05);
    }
    // Pr(Bin(20, 0.05) > 5) < 1e-4
    assert!(low <= 5, "{low}");
}

#[test]
fn planted_truths_of_five_thousand_items_are_found() {
    const N: usize = 5000;
    let mut rng = stream(9, "planted", &[]);
    let strength: Vec<f64> = (0..N).map(|_| normal(&mut rng)).collect();
    let place: Vec<usize> = (0..N).map(|_| index(&mut rng, 3)).collect();
    let by_rating = |i: usize, j: usize| logistic(strength[i] - strength[j]);
    // rock, paper, scissors
    let by_place = |i: usize, j: usize| [0.5, 0.85, 0.15][(3 + place[j] - place[i]) % 3];
    // one comparison a pair, seldom two: of no cycle can be said that it is one
    for (rate, expected) in
        [(&by_place as &dyn Fn(usize, usize) -> f64, Verdict::Misfit), (&by_rating, Verdict::TooFew)]
    {
        let found = many(&drawn(N, (6, 1), 0.0, 2, rate), 199);
        assert!(found.cycle_test.p_value.unwrap() > LEVEL && found.power.cycle_win_rate.is_none());
        assert_eq!(found.verdict, expected, "{:?}", found.statistics);
    }
    // many a pair
    let cyclic = many(&drawn(N, (3, 60), 0.05, 3, by_place), 39);
    assert_eq!(cyclic.verdict, Verdict::CyclicBeyondNoise);
    // of three pairs an item, ratings explain a third of anything
    assert!(cyclic.corrected_energy.unwrap() > 0.5, "{:?}", cyclic.corrected_energy);
    let transitive = many(&drawn(N, (3, 60), 0.05, 4, by_rating), 39);
    assert_eq!(transitive.verdict, Verdict::Adequate, "{:?}", transitive.statistics);
    assert!(transitive.corrected_energy.unwrap() < TOLERATED);
    // an order that no rating has: misfit, and no cycle
    let steps = |i: usize, j: usize| if strength[i] > strength[j] { 0.8 } else { 0.2 };
    let misfit = many(&drawn(N, (6, 10), 0.0, 5, steps), 199);
    assert!(
        misfit.one_rating_p_value.unwrap() < LEVEL && misfit.cycle_test.p_value.unwrap() > LEVEL,
        "{:?}",
        misfit.statistics
    );
    assert_eq!(misfit.verdict, Verdict::Misfit, "{:?}", misfit.corrected_energy);
    // equal bits
    let again = many(&drawn(N, (6, 10), 0.0, 5, steps), 199);
    assert_eq!(format!("{again:?}"), format!("{misfit:?}"));
}

#[test]
fn tables_that_say_little_have_an_answer() {
    let none = pairs(3500, [].into(), [].into());
    let nothing = inspect_observed(&none.into(), 19, 1, &|| ());
    assert!(matches!(nothing, Err(InspectError::Fit(crate::FitError::Nothing))));
    let single = many(&pairs(3500, [((7, 3), 1.0)].into(), [].into()), 39);
    assert_eq!((single.favourites.as_slice(), single.verdict), (&[7][..], Verdict::TooFew));
    let tied = many(&pairs(3500, [].into(), (0..3499).map(|i| ((i, i + 1), 2.0)).collect()), 39);
    assert_eq!((tied.verdict, tied.favourites.len()), (Verdict::TooFew, 3500));
    assert_eq!((tied.one_rating_p_value, tied.cycle_test.p_value), (Some(1.0), Some(1.0)));
    // comparisons of a context do not turn one by one
    let groups: Vec<Comparisons> = (0..60).map(|k| drawn(30, (2, 2), 0.0, k, |_, _| 0.5)).collect();
    let observed = Observations::of_groups(&groups, Unit::Context);
    let found = inspect_many(&observed, 39, 1, &|_| ()).unwrap();
    assert!(
        found.not_drawn.is_some() && found.one_rating_p_value.is_none() && found.cycle_test.p_value.is_some()
    );
    assert!(matches!(found.verdict, Verdict::TooFew | Verdict::CyclicBeyondNoise));
}
