//! Annotators unlike the rest, spans of time unlike others, and votes that hold an order up: planted, and where there are none.

#![allow(clippy::unwrap_used, reason = "a test should stop where it fails")]

use equipoise_core::sample::{index, normal, uniform};
use equipoise_core::seed::stream;
use equipoise_data::{Battle, Battles, Checks, Comparisons, Outcome, Ties};
use equipoise_models::votes::{LEVEL, annotators, influence, spans};
use equipoise_models::{BRADLEY_TERRY, PairOptions, fit};

/// Who an annotator is.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Honest,
    Random,
    Reversed,
}

/// Votes of many annotators on eight items of given strengths, one every ten seconds.
fn voted(kinds: &[Kind], votes: usize, ties: f64, seed: u64) -> Battles {
    let mut rng = stream(seed, "votes", &[]);
    let n = 8;
    let strength: Vec<f64> = (0..n).map(|_| normal(&mut rng)).collect();
    let rows = (0..votes)
        .map(|k| {
            let (i, mut j) = (index(&mut rng, n), index(&mut rng, n - 1));
            j += usize::from(j >= i);
            let annotator = index(&mut rng, kinds.len());
            let slope = match kinds[annotator] {
                Kind::Honest => 1.0,
                Kind::Random => 0.0,
                Kind::Reversed => -1.0,
            };
            let p = 1.0 / (1.0 + (slope * (strength[j] - strength[i])).exp());
            let outcome = match uniform(&mut rng) {
                u if u < ties => Outcome::Tie,
                u if u < ties + (1.0 - ties) * p => Outcome::First,
                _ => Outcome::Second,
            };
            Battle {
                first: i as u32,
                second: j as u32,
                outcome,
                weight: 1.0,
                context: 0,
                annotator: annotator as u32,
                time: Some(10.0 * k as f64),
                magnitude: 1.0,
            }
        })
        .collect();
    Battles {
        labels: (0..n).map(|i| format!("item {i}")).collect(),
        contexts: vec![String::new()],
        annotators: (0..kinds.len()).map(|a| format!("annotator {a}")).collect(),
        rows,
        rankings: Vec::new(),
        checks: Checks::default(),
        ties: Ties::Half,
    }
}

#[test]
fn annotators_at_random_and_in_reverse_stand_out_and_no_others() {
    let mut kinds = vec![Kind::Honest; 40];
    (kinds[3], kinds[17]) = (Kind::Random, Kind::Reversed);
    let data = voted(&kinds, 6000, 0.1, 1);
    let found = annotators(&data, &fit(&data.counts(), &BRADLEY_TERRY, PairOptions::default()).unwrap());
    assert_eq!(found.len(), 40);
    let mut out: Vec<usize> =
        found.iter().filter(|a| a.p_value.unwrap() <= LEVEL).map(|a| a.annotator).collect();
    out.sort_unstable();
    assert_eq!(out, [3, 17], "{found:?}");
    let slope = |a: usize| {
        let of = found.iter().find(|f| f.annotator == a).unwrap();
        (of.slope.unwrap(), of.error.unwrap())
    };
    // one step of Newton's method from 1, four errors wide
    assert!(slope(3).0.abs() < 4.0 * slope(3).1 && slope(17).0 < -0.3, "{:?} {:?}", slope(3), slope(17));
    assert!(found.iter().all(|a| a.most_in_a_minute.is_some_and(|m| m <= 6)));
}

#[test]
fn honest_annotators_stand_out_no_more_often_than_the_level() {
    // also with few votes each, and where one gave most of them
    for (annotators_of, votes, ties) in [(12, 500, 0.0), (12, 500, 0.3), (2, 300, 0.0)] {
        let mut out = 0;
        for seed in 0..200 {
            let data = voted(&vec![Kind::Honest; annotators_of], votes, ties, 1000 + seed);
            let found =
                annotators(&data, &fit(&data.counts(), &BRADLEY_TERRY, PairOptions::default()).unwrap());
            out += usize::from(found.iter().any(|a| a.p_value.is_some_and(|p| p <= LEVEL)));
        }
        // 10 of 200 expected at most: 99.9 percent point of the binomial law
        assert!(out <= 21, "{annotators_of} {votes} {ties}: {out}");
    }
}

#[test]
fn one_annotator_is_not_tested_against_itself() {
    let data = voted(&[Kind::Honest], 400, 0.0, 5);
    let found = annotators(&data, &fit(&data.counts(), &BRADLEY_TERRY, PairOptions::default()).unwrap());
    assert_eq!((found.len(), found[0].p_value, found[0].votes), (1, None, 400.0));
}

#[test]
fn a_burst_of_wins_is_found_where_it_is() {
    let mut data = voted(&[Kind::Honest; 5], 2000, 0.1, 9);
    let clean = spans(&data, 199, 0).unwrap();
    assert_eq!(clean.len(), 8);
    assert!(clean[0].p_value > LEVEL, "{:?}", clean[0]);
    // between the votes 900 and 1100 item 2 wins whatever it meets
    for b in &mut data.rows[900..1100] {
        match (b.first, b.second) {
            (2, _) => b.outcome = Outcome::First,
            (_, 2) => b.outcome = Outcome::Second,
            _ => {}
        }
    }
    let found = spans(&data, 199, 0).unwrap();
    let worst = &found[0];
    assert_eq!((worst.item, worst.p_value), (2, 1.0 / 200.0));
    assert!(worst.score > worst.expected + 8.0 && worst.votes >= 30);
    // the burst is within the span, but for a tenth of it; where chance goes on in its way the span ends late
    assert!(worst.from < 9200.0 && worst.to > 10_800.0 && worst.to - worst.from < 7000.0, "{worst:?}");
    // without times, with one time, with rankings: why not
    let mut timeless = data.clone();
    timeless.rows[4].time = None;
    assert_eq!(spans(&timeless, 19, 0).unwrap_err(), "some votes have no time");
    timeless.rows.iter_mut().for_each(|b| b.time = Some(7.0));
    assert_eq!(spans(&timeless, 19, 0).unwrap_err(), "all votes have one time");
    timeless.rankings.push(0..3);
    assert!(spans(&timeless, 19, 0).unwrap_err().contains("ranking"));
}

#[test]
fn dealt_times_have_uniform_p_values() {
    let mut low = 0;
    for seed in 0..100 {
        let data = voted(&[Kind::Honest; 3], 300, 0.2, 300 + seed);
        low += usize::from(spans(&data, 99, seed).unwrap()[0].p_value <= 0.1);
    }
    // 10 expected; four standard deviations
    assert!(low <= 22, "{low}");
}

#[test]
fn the_fewest_votes_that_turn_an_order_are_those_of_a_search() {
    let data = voted(&[Kind::Honest; 3], 160, 0.1, 21).counts();
    let found = fit(&data, &BRADLEY_TERRY, PairOptions::default()).unwrap();
    let order = found.order();
    for pair in order.windows(2).take(4) {
        let (above, below) = (pair[0], pair[1]);
        let moved = influence(&data, &found, (above, below), 0.2).unwrap();
        assert!((moved.gap - (found.log_strength[above] - found.log_strength[below])).abs() < 1e-12);
        let Some(dropped) = moved.dropped else {
            assert!(moved.undone.is_some() || moved.gap_after.is_none_or(|gap| gap >= 0.0));
            continue;
        };
        assert!(moved.gap_after.is_none_or(|gap| gap < 0.0) && dropped <= moved.budget);
        assert_eq!(moved.votes.iter().map(|v| v.3).sum::<f64>(), dropped);
        // without the votes named the order is turned, by a fit of its own; no single vote does what several are said to
        let turned = |votes: &[(usize, usize, bool, f64)]| {
            let mut rest = data.clone();
            for &(winner, loser, tie, count) in votes {
                let p = rest
                    .pairs
                    .iter_mut()
                    .find(|p| (p.i.min(p.j), p.i.max(p.j)) == (winner.min(loser), winner.max(loser)))
                    .unwrap();
                for _ in 0..count as usize {
                    let from =
                        [&mut p.forward, &mut p.backward].into_iter().enumerate().find_map(|(k, c)| {
                            let first_wins = (p.i == winner) == (k == 0);
                            let cell = match (tie, first_wins) {
                                (true, _) => &mut c.tie,
                                (false, true) => &mut c.first,
                                (false, false) => &mut c.second,
                            };
                            (*cell >= 1.0).then_some(cell)
                        });
                    *from.unwrap() -= 1.0;
                }
            }
            let pairs = rest.pairs.iter().copied().filter(|p| p.met() > 0.0).collect();
            let refit = fit(&rest.with_pairs(pairs), &BRADLEY_TERRY, PairOptions::default()).unwrap();
            refit.log_strength[above] < refit.log_strength[below]
        };
        assert!(turned(&moved.votes), "{moved:?}");
        if dropped > 1.0 {
            for p in &data.pairs {
                let (wins, losses, ties) = p.outcomes();
                for (w, l, tie, count) in
                    [(p.i, p.j, false, wins), (p.j, p.i, false, losses), (p.i, p.j, true, ties)]
                {
                    assert!(count < 1.0 || !turned(&[(w, l, tie, 1.0)]), "one of {w} over {l} would do");
                }
            }
        }
    }
}

#[test]
fn influence_ends_at_huge_weights_and_says_where_nothing_was_tried() {
    let scaled = |factor: f64| {
        let data = voted(&[Kind::Honest; 3], 160, 0.1, 21).counts();
        let mut pairs = data.pairs.clone();
        for cell in pairs.iter_mut().flat_map(|p| [&mut p.forward, &mut p.backward]) {
            for count in [&mut cell.first, &mut cell.second, &mut cell.tie, &mut cell.both_bad] {
                *count *= factor;
            }
        }
        let data = data.with_pairs(pairs);
        let found = fit(&data, &BRADLEY_TERRY, PairOptions::default()).unwrap();
        let order = found.order();
        (data, found, order)
    };
    for factor in [1e16, 1e20, 1e100] {
        let (data, found, order) = scaled(factor);
        let mut turned = 0;
        for pair in order.windows(2) {
            // what is left may be separated but for rounding: refused, and what matters is that it ends
            let Ok(moved) = influence(&data, &found, (pair[0], pair[1]), 0.2) else { continue };
            assert!(moved.dropped.is_none_or(|d| d > 0.0 && d <= moved.budget), "{moved:?}");
            turned += usize::from(moved.dropped.is_some());
        }
        assert!(turned > 0, "a fifth of the votes turns some order");
    }
    let (data, found, order) = scaled(1.0);
    let none = influence(&data, &found, (order[0], order[1]), 1e-9).unwrap();
    assert!(none.untried.is_some() && none.dropped.is_none() && none.votes.is_empty(), "{none:?}");
    assert!(none.budget == 0.0 && none.budget.is_sign_positive());
    let mut level = found.clone();
    level.log_strength[order[1]] = level.log_strength[order[0]];
    let level = influence(&data, &level, (order[0], order[1]), 0.5).unwrap();
    assert!(level.untried.unwrap().contains("level") && level.dropped.is_none());
}

/// All small data of three items: what is left after the drop, told by a search over all chains of wins and by strengths that run away.
#[test]
fn what_is_left_after_a_drop_is_an_order_only_where_votes_say_one() {
    let (mut turned, mut undone, mut unbounded, mut bounded) = (0, 0, 0, 0);
    for code in 0..3u32.pow(6) {
        let digit = |k: u32| f64::from(code / 3u32.pow(k) % 3);
        let mut wins = ndarray::Array2::zeros((3, 3));
        for (k, (i, j)) in [(0, 1), (1, 0), (0, 2), (2, 0), (1, 2), (2, 1)].into_iter().enumerate() {
            wins[[i, j]] = digit(k as u32);
        }
        let data = Comparisons::from_tables(&wins, &ndarray::Array2::zeros((3, 3)));
        let Ok(found) = fit(&data, &BRADLEY_TERRY, PairOptions::default()) else { continue };
        if found.islands.len() > 1 {
            continue;
        }
        let order = found.order();
        for pair in order.windows(2) {
            let (above, below) = (pair[0], pair[1]);
            let moved = influence(&data, &found, (above, below), 0.5).unwrap();
            if moved.untried.is_some() {
                assert!(moved.votes.is_empty() && moved.dropped.is_none() && moved.undone.is_none());
                continue;
            }
            let mut left = wins.clone();
            for &(winner, loser, tie, count) in &moved.votes {
                assert!(!tie);
                left[[winner, loser]] -= count;
            }
            assert!(left.iter().all(|w| *w >= 0.0));
            // chains of wins, by closure
            let mut chain: Vec<Vec<bool>> =
                (0..3).map(|i| (0..3).map(|j| i == j || left[[i, j]] > 0.0).collect()).collect();
            for k in 0..3 {
                for i in 0..3 {
                    for j in 0..3 {
                        chain[i][j] |= chain[i][k] && chain[k][j];
                    }
                }
            }
            let (down, up) = (chain[above][below], chain[below][above]);
            assert_eq!(moved.gap_after.is_some(), down && up, "{wins} {moved:?}");
            assert_eq!(moved.no_gap.is_none(), down && up);
            assert_eq!(moved.undone.is_some(), !down && !up, "{wins} {moved:?}");
            match (down, up) {
                (true, true) => {
                    // by climbing for so long that what runs away has gone
                    let mut r = [0.0f64; 3];
                    for _ in 0..4000 {
                        let mut slope = [0.0; 3];
                        for i in 0..3 {
                            for j in 0..3 {
                                let lost = left[[i, j]] / (1.0 + (r[i] - r[j]).exp());
                                slope[i] += lost;
                                slope[j] -= lost;
                            }
                        }
                        (0..3).for_each(|i| r[i] += 0.5 * slope[i]);
                    }
                    let gap = moved.gap_after.unwrap();
                    assert!((r[above] - r[below] - gap).abs() < 1e-2, "{left} {r:?} {moved:?}");
                    assert_eq!(moved.dropped.is_some(), gap < -1e-9);
                    bounded += 1;
                }
                (true, false) => {
                    assert!(moved.dropped.is_none());
                    unbounded += 1;
                }
                (false, true) => {
                    assert!(moved.dropped.is_some(), "{moved:?}");
                    turned += 1;
                }
                (false, false) => undone += 1,
            }
        }
    }
    assert!(
        turned > 20 && undone > 20 && unbounded > 5 && bounded > 20,
        "{turned} {undone} {unbounded} {bounded}"
    );
}
