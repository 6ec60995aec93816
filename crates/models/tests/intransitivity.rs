//! The intransitivity tests on published counts, and its calibration in small.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};

use equipoise_core::logistic::{log_sigmoid, logistic};
use equipoise_core::{lbfgs, sample::uniform, seed::stream};
use equipoise_data::{
    Comparisons, Observations, Selection, Unit, parse_comparisons, parse_observations, read_comparisons,
};
use equipoise_models::distributions::chi_squared_tail;
use equipoise_models::intransitivity::{Inspection, LEVEL, Measure, Verdict, inspect, inspect_observed};
use equipoise_models::leaderboard::{BoardColumn, BoardOptions, COLUMNS, Row, Unmet, leaderboard};
use equipoise_models::lottery::counted_margins;
use equipoise_models::resample::binomial;
use equipoise_models::transitive::{cycle_test, cycle_test_observed};
use equipoise_reference::concepts::{Choice, ConceptOptions, Electorate, concept, deviation_ratings};
use equipoise_reference::labelers::flips_to_condorcet;
use ndarray::Array2;

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../configs/data").join(name)
}

fn look(name: &str, replicates: usize) -> (Comparisons, Inspection) {
    let data = read_comparisons(&path(name), &Selection::default()).unwrap();
    let found = inspect(&data, replicates, 7, &|| ()).unwrap();
    (data, found)
}

/// Facts measured elsewhere with other code, to the digits given.
struct Facts {
    file: &'static str,
    favourite: &'static str,
    deviance_p: (f64, f64),
    loss: f64,
    energy: f64,
    cyclic: (u64, u64),
    significant: (u64, u64),
    support: usize,
    verdict: Verdict,
}

#[test]
fn measured_facts_and_verdicts() {
    let facts = [
        Facts {
            file: "p09_set2.csv",
            favourite: "a",
            deviance_p: (5.15e-23, 5.25e-23),
            loss: 0.211,
            energy: 0.91,
            cyclic: (4, 10),
            significant: (1, 4),
            support: 5,
            verdict: Verdict::CyclicBeyondNoise,
        },
        Facts {
            file: "house_finch.csv",
            favourite: "RB",
            deviance_p: (8.15e-98, 8.25e-98),
            loss: 0.389,
            energy: 0.45,
            cyclic: (8, 84),
            significant: (8, 77),
            support: 3,
            verdict: Verdict::CyclicBeyondNoise,
        },
        Facts {
            file: "arena_hard_top8.csv",
            favourite: "chatgpt-4o-latest",
            deviance_p: (0.305, 0.315),
            loss: 0.022,
            energy: 0.34,
            cyclic: (7, 56),
            significant: (0, 4),
            support: 3,
            verdict: Verdict::Adequate,
        },
        Facts {
            file: "mtbench_human.csv",
            favourite: "gpt-4",
            deviance_p: (0.105, 0.115),
            loss: 0.0,
            energy: 0.03,
            cyclic: (0, 20),
            significant: (0, 16),
            support: 1,
            verdict: Verdict::Adequate,
        },
    ];
    for f in facts {
        let (data, found) = look(f.file, 199);
        let p = chi_squared_tail(found.bradley_terry.deviance, found.bradley_terry.degrees_of_freedom);
        assert!(f.deviance_p.0 <= p && p <= f.deviance_p.1, "{}: {p}", f.file);
        assert_eq!(data.labels[found.favourites[0]], f.favourite);
        assert!((found.statistic(Measure::FavouriteLoss).value - f.loss).abs() <= 0.0005, "{}", f.file);
        assert!((found.statistic(Measure::CyclicEnergy).value - f.energy).abs() <= 0.005, "{}", f.file);
        let cycles = &found.cycles;
        assert_eq!((cycles.cyclic, cycles.total), f.cyclic, "{}", f.file);
        assert_eq!((cycles.significant, cycles.significant_total), f.significant, "{}", f.file);
        assert_eq!(found.nash.as_ref().unwrap().support.len(), f.support, "{}", f.file);
        assert_eq!(found.verdict, f.verdict, "{} {:?}", f.file, found.statistics);
    }
}

#[test]
fn equal_seeds_give_equal_bits() {
    let values =
        |k: usize| look("p09_set2.csv", k).1.statistics.iter().map(|s| s.null_mean).collect::<Vec<_>>();
    assert_eq!(values(40), values(40));
}

/// Bradley-Terry data: strengths from -spread to spread, `met` comparisons a pair; `cycle` moves the first three pairs.
fn drawn(n: usize, met: u64, spread: f64, cycle: f64, name: &str) -> Comparisons {
    let mut rng = stream(3, "calibration", &[name]);
    let r: Vec<f64> = (0..n).map(|_| spread * (2.0 * uniform(&mut rng) - 1.0)).collect();
    let mut wins = Array2::zeros((n, n));
    for i in 0..n {
        for j in i + 1..n {
            let p = match (i, j) {
                (0, 1) | (1, 2) if cycle > 0.0 => 0.5 + cycle,
                (0, 2) if cycle > 0.0 => 0.5 - cycle,
                _ => logistic(r[i] - r[j]),
            };
            let won = binomial(met, p, &mut rng);
            wins[[i, j]] = won as f64;
            wins[[j, i]] = (met - won) as f64;
        }
    }
    Comparisons::from_tables(&wins, &Array2::zeros((n, n)))
}

/// Small version of `examples/calibration.rs`: p-values of continuous measures are uniform under the null, and those of
/// the deciding one are not too small.
#[test]
fn p_values_are_uniform_under_the_null() {
    const SETS: usize = 120;
    let names = [Measure::CyclicEnergy, Measure::Deviance, Measure::LargestCurl];
    let mut values = vec![Vec::new(); names.len()];
    let mut rejected = 0;
    for k in 0..SETS {
        let data = drawn(6, 40, 1.0, 0.0, &k.to_string());
        let found = inspect(&data, 59, k as u64, &|| ()).unwrap();
        for (list, name) in values.iter_mut().zip(names) {
            list.push(found.statistic(name).p_value.unwrap());
        }
        rejected += usize::from(found.verdict == Verdict::CyclicBeyondNoise);
    }
    for (list, name) in values.iter_mut().zip(names) {
        list.sort_by(f64::total_cmp);
        let far = list.iter().enumerate().map(|(k, p)| {
            let (low, high) = (k as f64 / SETS as f64, (k + 1) as f64 / SETS as f64);
            // p-values lie on a grid of 1/60: half a cell belongs to the grid
            ((p - high).abs().min((p - low).abs()) - 1.0 / 120.0).max(0.0)
        });
        let distance = far.fold(0.0, f64::max);
        // Kolmogorov-Smirnov at one in a thousand
        assert!(distance < 1.95 / (SETS as f64).sqrt(), "{name:?}: {distance}");
    }
    // level 0.05 over 120 sets: 6 expected, 14 is the 99.9 percent point
    assert!(rejected <= 14, "{rejected}");
}

/// Small version of `examples/cycle_test.rs`: a transitive game that no rating fits is not called cyclic more often than the
/// level, although near-even pairs close cycles in most of its data sets.
#[test]
fn near_even_pairs_make_no_cycle() {
    const SETS: usize = 200;
    let (mut cyclic, mut rejected, mut with_a_cycle) = (0, 0, 0);
    for k in 0..SETS {
        let mut rng = stream(9, "near even", &[&k.to_string()]);
        let mut wins = Array2::zeros((5, 5));
        for i in 0..5 {
            for j in i + 1..5 {
                let won = binomial(900, if j == i + 1 { 0.6 } else { 0.502 }, &mut rng);
                (wins[[i, j]], wins[[j, i]]) = (won as f64, (900 - won) as f64);
            }
        }
        let data = Comparisons::from_tables(&wins, &Array2::zeros((5, 5)));
        let found = cycle_test(&data, 99, k as u64);
        with_a_cycle += usize::from(!found.cycle.is_empty());
        cyclic += usize::from(found.p_value.unwrap() < LEVEL);
        if k < 20 {
            rejected += usize::from(
                inspect(&data, 99, k as u64, &|| ()).unwrap().one_rating_p_value.unwrap() < LEVEL,
            );
        }
    }
    // level 0.05: 10 expected, 20 is the 99.9 percent point; one rating is rejected, and rightly
    assert!(cyclic <= 20 && with_a_cycle > SETS / 2 && rejected >= 18, "{cyclic} {with_a_cycle} {rejected}");
}

#[test]
fn nothing_is_found_where_nothing_can_be_seen() {
    let verdict = |wins: Array2<f64>, ties: Array2<f64>| {
        let data = Comparisons::from_tables(&wins, &ties);
        let found = inspect(&data, 199, 1, &|| ()).unwrap();
        assert!(found.statistics.iter().all(|s| s.p_value.is_none_or(|p| p > 0.0)));
        found
    };
    let none = |n: usize| Array2::zeros((n, n));
    let one = |n: usize, wins: &[(usize, usize, f64)]| {
        let mut table = none(n);
        wins.iter().for_each(|&(i, j, w)| table[[i, j]] = w);
        table
    };
    // one row, one tie, two islands, a knock-out, three votes around
    let few = [
        (one(2, &[(0, 1, 1.0)]), none(2)),
        (none(2), one(2, &[(0, 1, 1.0)])),
        (one(4, &[(0, 1, 6.0), (1, 0, 4.0), (2, 3, 9.0), (3, 2, 1.0)]), none(4)),
        (one(4, &[(0, 1, 1.0), (2, 3, 1.0), (0, 2, 1.0)]), none(4)),
        (one(3, &[(0, 1, 1.0), (1, 2, 1.0), (2, 0, 1.0)]), none(3)),
    ];
    for (wins, ties) in few {
        let found = verdict(wins.clone(), ties);
        assert_eq!(found.verdict, Verdict::TooFew, "{wins} {found:?}");
    }
    // two items whose winner is known: one rating each says it all, at p = 1 and not at that of rounding
    let two = verdict(one(2, &[(0, 1, 60.0), (1, 0, 30.0)]), none(2));
    assert_eq!(
        (two.verdict, two.one_rating_p_value, two.cycle_test.p_value),
        (Verdict::Adequate, Some(1.0), Some(1.0))
    );
    for measure in [Measure::Deviance, Measure::CyclicEnergy] {
        assert_eq!((two.statistic(measure).value, two.statistic(measure).p_value), (0.0, Some(1.0)));
    }
    // a balanced circle: three favourites, not the first
    let circle = verdict(
        one(3, &[(0, 1, 60.0), (1, 0, 30.0), (1, 2, 60.0), (2, 1, 30.0), (2, 0, 60.0), (0, 2, 30.0)]),
        none(3),
    );
    assert_eq!((circle.favourites, circle.verdict), (vec![0, 1, 2], Verdict::CyclicBeyondNoise));
}

#[test]
fn a_favourite_that_loses_by_a_vote_is_not_beaten_beyond_noise() {
    let game = |won: f64| {
        let mut wins = Array2::zeros((3, 3));
        for (i, j, w) in [(0, 1, 540.0), (1, 2, 540.0), (0, 2, won)] {
            (wins[[i, j]], wins[[j, i]]) = (w, 900.0 - w);
        }
        inspect(&Comparisons::from_tables(&wins, &Array2::zeros((3, 3))), 199, 1, &|| ()).unwrap()
    };
    // one rating cannot explain it, but 449 : 451 is even; neither cyclic nor beaten
    let even = game(449.0);
    assert!(even.one_rating_p_value.unwrap() < LEVEL);
    assert_eq!((even.verdict, even.cycle_test.p_value.unwrap() > 0.3), (Verdict::Misfit, true));
    assert_eq!(game(360.0).verdict, Verdict::CyclicBeyondNoise);
}

#[test]
fn several_lotteries_have_ranges_and_no_edge() {
    // 0 and 1 tie, both beat 2
    let mut wins = Array2::from_elem((3, 3), 20.0);
    (wins[[0, 2]], wins[[2, 0]], wins[[1, 2]], wins[[2, 1]]) = (30.0, 10.0, 30.0, 10.0);
    let found = inspect(&Comparisons::from_tables(&wins, &Array2::zeros((3, 3))), 99, 1, &|| ()).unwrap();
    let ranges = found.nash_ranges.as_ref().unwrap();
    assert!(ranges[0].0 < 1e-12 && (ranges[0].1 - 1.0).abs() < 1e-12 && ranges[2].1 < 1e-12, "{ranges:?}");
    let edge = found.statistic(Measure::NashEdge);
    assert!(edge.value.is_nan() && edge.p_value.is_none());
}

#[test]
fn neither_rows_nor_names_decide() {
    let data = read_comparisons(&path("house_finch.csv"), &Selection::default()).unwrap();
    let moved: Vec<usize> = (0..data.n()).map(|i| (4 * i + 3) % data.n()).collect();
    let mut other = data.among(&moved);
    other.labels = (0..data.n()).map(|i| format!("item {}", (i * 7) % data.n())).collect();
    let (a, b) = (inspect(&data, 99, 2, &|| ()).unwrap(), inspect(&other, 99, 2, &|| ()).unwrap());
    assert_eq!((a.one_rating_p_value, a.verdict), (b.one_rating_p_value, b.verdict));
    assert_eq!(a.cycle_test.p_value, b.cycle_test.p_value);
    for (x, y) in a.statistics.iter().zip(&b.statistics) {
        assert_eq!(x.p_value, y.p_value, "{}", x.name);
    }
    assert_eq!(a.favourites, [moved[b.favourites[0]]]);
}

#[test]
fn power_rises_with_the_cycle() {
    let found = |cycle: f64| -> usize {
        let verdict = |k: usize| {
            let data = drawn(6, 80, 1.0, cycle, &format!("power {cycle} {k}"));
            inspect(&data, 99, k as u64, &|| ()).unwrap().verdict == Verdict::CyclicBeyondNoise
        };
        (0..40).filter(|&k| verdict(k)).count()
    };
    let curve = [found(0.05), found(0.15), found(0.25)];
    assert!(curve[0] < curve[1] && curve[1] < curve[2] && curve[2] >= 38, "{curve:?}");
}

fn options(replicates: usize, seed: u64) -> BoardOptions {
    BoardOptions { replicates, seed, unmet: Unmet::default() }
}

/// Where all pairs met, the columns that are concepts are what the concepts say of the same counts.
#[test]
fn columns_of_a_leaderboard_are_the_concepts() {
    let data = read_comparisons(&path("p09_set2.csv"), &Selection::default()).unwrap();
    let (n, found) = (data.n(), leaderboard(&data.clone().into(), options(0, 5), &|| ()).unwrap());
    let electorate = Electorate::of_win_rates(data.matrix(0.0), counted_margins(&data));
    let of = |value: &dyn Fn(&Row) -> f64| {
        let mut values = vec![0.0; n];
        found.rows.iter().for_each(|row| values[row.item] = value(row));
        values
    };
    let mut shown = Vec::new();
    for entry in COLUMNS.iter().filter_map(BoardColumn::concept) {
        let choice = entry.choose(&electorate, &ConceptOptions::default()).unwrap();
        let (column, expected): (Vec<f64>, Vec<f64>) = match (entry.name, &choice) {
            ("borda", Choice::Winners { scores, .. }) => (of(&|row| row.borda), scores.clone().unwrap()),
            ("copeland", Choice::Winners { scores, .. }) => {
                let half = |score: &f64| 0.5 * (score + n as f64 - 1.0);
                (of(&|row| row.copeland), scores.iter().flatten().map(half).collect())
            }
            ("minimax", Choice::Winners { scores, .. }) => {
                let rate = |row: &Row| 1.0 - row.worst_opponent.unwrap().rate;
                (of(&rate), scores.iter().flatten().map(|margin| 0.5 + margin).collect())
            }
            ("maximal-lottery", Choice::Lottery { policy, .. }) => {
                (of(&|row| row.nash.unwrap()), policy.clone())
            }
            other => panic!("{other:?}"),
        };
        assert_eq!(column.len(), expected.len());
        for (a, b) in column.iter().zip(&expected) {
            assert!((a - b).abs() < 1e-12, "{}: {column:?} and {expected:?}", entry.name);
        }
        shown.push(entry.name);
    }
    assert_eq!(shown, ["borda", "copeland", "maximal-lottery", "minimax"]);
}

/// Strengths by weighted maximum likelihood (2025, arXiv:2501.09254): `sum_ij w_i w_j p_ij log sigma(r_i - r_j) - (ridge / 2) sum_i w_i r_i^2`.
fn weighted_strengths(margins: &Array2<f64>, weights: &[f64]) -> Vec<f64> {
    const RIDGE: f64 = 0.1;
    let n = weights.len();
    let mut r = vec![0.0; n];
    let found = lbfgs::minimise(&mut r, 1e-13, 10_000, |r, g| {
        let mut value = 0.0;
        for i in 0..n {
            g[i] = RIDGE * weights[i] * r[i];
            value += 0.5 * RIDGE * weights[i] * r[i] * r[i];
        }
        for i in 0..n {
            for j in 0..n {
                let share = weights[i] * weights[j] * (0.5 + margins[[i, j]]);
                let d = r[i] - r[j];
                value -= share * log_sigmoid(d);
                g[i] -= share * logistic(-d);
                g[j] += share * logistic(-d);
            }
        }
        value
    });
    assert!(found.gradient < 1e-11, "{}", found.gradient);
    r
}

/// On published leaderboards: level copies of an item change the winners of the rules that count or add up, within three copies, and
/// leave the maximal lottery's shares (where it is the only one) and deviation ratings as they are. A program in Python found the winners.
#[test]
fn copies_on_published_leaderboards() {
    let options = ConceptOptions::default();
    let board = |file: &str| {
        let data = read_comparisons(&path(file), &Selection::default()).unwrap();
        let electorate = Electorate::of_win_rates(data.matrix(0.0), counted_margins(&data));
        (data.labels, electorate)
    };
    for (file, rule, before, item, copies, after) in [
        (
            "arena_hard_top8.csv",
            "copeland",
            &["chatgpt-4o-latest"][..],
            "grok-2-2024-08-13",
            3,
            &["gemini-1.5-pro-exp-0801", "gemini-1.5-pro-exp-0827"][..],
        ),
        ("chess_trio.csv", "borda", &["Topalov"], "Karpov", 1, &["Anand"]),
        ("chess_trio.csv", "kemeny", &["Topalov"], "Topalov", 2, &["Karpov"]),
        ("house_finch.csv", "borda", &["RB"], "R.M", 2, &["WB"]),
        ("p09_set2.csv", "borda", &["a"], "d", 1, &["c"]),
        ("p09_set2.csv", "copeland", &["b"], "a", 2, &["d"]),
        ("p09_set2.csv", "kemeny", &["a"], "e", 2, &["b"]),
    ] {
        let (labels, electorate) = board(file);
        let at = labels.iter().position(|l| l == item).unwrap();
        let mut copied = electorate.clone();
        (0..copies).for_each(|_| copied = copied.with_clone(at));
        let winners = |electorate: &Electorate| {
            let policy = concept(rule).unwrap().choose(electorate, &options).unwrap();
            let policy = policy.policy(electorate.n()).unwrap();
            let name = |i: usize| labels.get(i).map_or(item, |l| l).to_owned();
            let mut won: Vec<String> = (0..policy.len()).filter(|&i| policy[i] > 0.0).map(name).collect();
            won.sort();
            won.dedup();
            won
        };
        assert_eq!(winners(&electorate), before, "{file} {rule}");
        assert_eq!(winners(&copied), after, "{file} {rule}, {copies} copies of {item}");
    }
    for file in
        ["arena_hard_top8.csv", "chess_trio.csv", "house_finch.csv", "mtbench_human.csv", "p09_set2.csv"]
    {
        let (_, electorate) = board(file);
        let (n, mut copied) = (electorate.n(), electorate.clone());
        let rated = deviation_ratings(electorate.matrix()).unwrap();
        let lottery = |e: &Electorate| concept("maximal-lottery").unwrap().choose(e, &options).unwrap();
        let Choice::Lottery { policy, unique } = lottery(&electorate) else { panic!("a lottery") };
        let worst = concept("minimax").unwrap();
        let pure = |e: &Electorate| worst.choose(e, &options).unwrap().policy(e.n()).unwrap();
        let before = pure(&electorate);
        for copies in 1..=3 {
            copied = copied.with_clone(0);
            let again = deviation_ratings(copied.matrix()).unwrap();
            assert!(rated.iter().zip(&again).all(|(a, b)| (a - b).abs() <= 1e-9), "{file} {copies}");
            let shares = lottery(&copied).policy(n + copies).unwrap();
            if unique == Some(true) {
                let kept = (1..n).all(|i| (shares[i] - policy[i]).abs() <= 1e-9);
                let pooled = shares[0] + shares[n..].iter().sum::<f64>();
                assert!(kept && (pooled - policy[0]).abs() <= 1e-9, "{file} {copies}: {policy:?} {shares:?}");
            }
            // an item and its copies share one weight: the strengths of weighted maximum likelihood stay, those of equal weights move
            let margins =
                |e: &Electorate| Array2::from_shape_fn((e.n(), e.n()), |(i, j)| e.matrix().margin(i, j));
            let equal = weighted_strengths(&margins(&electorate), &vec![1.0; n]);
            let mut weights = vec![1.0; n + copies];
            weights[0] = 1.0 / (copies + 1) as f64;
            weights[n..].fill(1.0 / (copies + 1) as f64);
            let shared = weighted_strengths(&margins(&copied), &weights);
            let unweighted = weighted_strengths(&margins(&copied), &vec![1.0; n + copies]);
            let moved = |found: &[f64]| (0..n).map(|i| (found[i] - equal[i]).abs()).fold(0.0, f64::max);
            assert!(moved(&shared) <= 1e-9, "{file} {copies}: {}", moved(&shared));
            assert!(moved(&unweighted) > 1e-4, "{file} {copies}: {}", moved(&unweighted));
            // a level copy is no defeat
            let after = pure(&copied);
            assert!((1..n).all(|i| (after[i] > 0.0) == (before[i] > 0.0)), "{file} {copies}");
        }
    }
    // of 45 choices a pair, turned over so that an item beats every other
    let (_, electorate) = board("p09_set2.csv");
    let flips: Vec<u32> = (0..5).map(|k| flips_to_condorcet(electorate.matrix(), 45, k)).collect();
    assert_eq!(flips, [14, 18, 22, 29, 25]);
}

/// a beat b and c, b tied with c, d met b alone and won: over opponents met d is as good as a, and has beaten fewer.
#[test]
fn unmet_opponents_count_nowhere() {
    let text = "item_a,item_b,outcome,weight\na,b,a,3\na,b,b,1\na,c,a,2\nb,c,tie,2\nd,b,d,1\n";
    let data = parse_comparisons(Path::new("d.csv"), text.as_bytes(), &Selection::default()).unwrap();
    let found = leaderboard(&data.clone().into(), options(0, 1), &|| ()).unwrap();
    let row = |name: &str| found.rows.iter().find(|r| data.labels[r.item] == name).unwrap();
    let shown = |name: &str| {
        let Row { borda, copeland, opponents, worst_opponent, .. } = *row(name);
        let worst = worst_opponent.unwrap();
        (borda, copeland, opponents, data.labels[worst.item].clone(), worst.rate, worst.met)
    };
    assert_eq!(shown("a"), (0.875, 2.0, 2, "b".to_owned(), 0.25, 4.0));
    assert_eq!(shown("b"), (0.25, 0.5, 3, "d".to_owned(), 1.0, 1.0));
    assert_eq!(shown("c"), (0.25, 0.5, 2, "a".to_owned(), 1.0, 2.0));
    assert_eq!(shown("d"), (1.0, 1.0, 1, "b".to_owned(), 0.0, 1.0));
}

#[test]
fn leaderboards_agree_with_their_parts() {
    let data = read_comparisons(&path("p09_set2.csv"), &Selection::default()).unwrap();
    let found = leaderboard(&data.clone().into(), options(60, 5), &|| ()).unwrap();
    assert!(found.rows.windows(2).all(|w| w[0].strength >= w[1].strength));
    let nash: f64 = found.rows.iter().map(|s| s.nash.unwrap()).sum();
    assert!((nash - 1.0).abs() < 1e-14);
    for s in &found.rows {
        let (low, high) = s.bootstrap.unwrap();
        let (best, worst) = s.rank.unwrap();
        assert!(low < s.strength && s.strength < high && best <= worst);
        assert_eq!(s.comparisons, 180.0);
    }
    // contexts of one comparison each, drawn whole, are the bootstrap over comparisons: errors of the same size
    let parts: Vec<Comparisons> = data
        .pairs
        .iter()
        .flat_map(|p| {
            let unit = |won: bool| {
                let mut wins = Array2::zeros((5, 5));
                wins[if won { [p.i, p.j] } else { [p.j, p.i] }] = 1.0;
                Comparisons {
                    labels: data.labels.clone(),
                    ..Comparisons::from_tables(&wins, &Array2::zeros((5, 5)))
                }
            };
            let (w, l, _) = p.outcomes();
            std::iter::repeat_n(unit(true), w as usize).chain(std::iter::repeat_n(unit(false), l as usize))
        })
        .collect();
    let whole =
        leaderboard(&Observations::of_groups(&parts, Unit::Context), options(300, 6), &|| ()).unwrap();
    for s in &whole.rows {
        let (low, high) = s.bootstrap.unwrap();
        let spread = (high - low) / (2.0 * 1.96);
        // the ends of 300 draws err by 12 percent of the error each
        assert!((spread / s.standard_error.unwrap() - 1.0).abs() < 0.25, "{spread} {s:?}");
    }
    let fit = found.fit.few().unwrap();
    assert!(chi_squared_tail(fit.deviance, fit.degrees_of_freedom) < 1e-20);
}

fn contexts(text: &str) -> Observations {
    let text = format!("item_a,item_b,outcome,weight,context\n{text}");
    parse_observations(Path::new("d.csv"), text.as_bytes(), &Selection::default(), Unit::Context).unwrap()
}

/// Ten equal votes of a context are one: the p-values are those of as many votes as contexts.
#[test]
fn a_context_counts_once_in_every_p_value() {
    // wins of the one listed first, of so many contexts of a pair
    let of = |pairs: &[(&str, usize, usize)], weight: usize| {
        let text: String = pairs
            .iter()
            .flat_map(|&(pair, won, all)| {
                (0..all).map(move |k| {
                    let outcome = if k < won { "a" } else { "b" };
                    format!("{},{},{outcome},{weight},{pair}{k}\n", &pair[..1], &pair[1..])
                })
            })
            .collect();
        contexts(&text)
    };
    let rows = |data: &Observations| inspect(&data.comparisons, 499, 3, &|| ()).unwrap();
    let observed = |data: &Observations| inspect_observed(data, 499, 3, &|| ()).unwrap();
    // a cycle whose links have a sign test of .0758 each
    let cycle = [("xy", 16, 24), ("yz", 16, 24), ("zx", 16, 24)];
    let (one, ten) = (of(&cycle, 1), of(&cycle, 10));
    let (plain, found) = (rows(&one), observed(&ten));
    assert_eq!(rows(&ten).verdict, Verdict::CyclicBeyondNoise);
    assert_ne!(found.verdict, Verdict::CyclicBeyondNoise);
    let p = |i: &Inspection| i.cycle_test.p_value.unwrap();
    assert!(
        (found.cycle_test.weakest_p_value.unwrap() - plain.cycle_test.weakest_p_value.unwrap()).abs() < 1e-12
    );
    // five standard errors of two times 499 draws
    assert!(p(&plain) > 0.05 && (p(&found) - p(&plain)).abs() < 0.08, "{} {}", p(&found), p(&plain));
    assert!((found.design_effect - 10.0).abs() < 1e-12 && plain.design_effect == 1.0);
    assert_eq!((found.cycles.significant, rows(&ten).cycles.significant), (0, 1));
    assert!((found.cycle_test.weakest.unwrap().standard_errors() - 8.0 / 24f64.sqrt()).abs() < 1e-12);
    // votes that say as much as a tenth of them
    let seen = |i: &Inspection| i.power.cycle_win_rate.unwrap();
    assert!(seen(&found) > seen(&rows(&ten)) + 0.1);
    // one rating: x and y alike against z, and far from even with each other
    let misfit = [("xy", 22, 30), ("yz", 17, 30), ("xz", 15, 30)];
    let (one, ten) = (of(&misfit, 1), of(&misfit, 10));
    let p = |i: &Inspection| i.one_rating_p_value.unwrap();
    let (plain, found) = (p(&rows(&one)), p(&observed(&ten)));
    assert!(plain > 0.05 && p(&rows(&ten)) < 0.005 && (found - plain).abs() < 0.1, "{plain} {found}");
    let found = observed(&ten);
    assert_eq!(
        (found.statistic(Measure::Deviance).p_value, found.bradley_terry.deviance_p_value),
        (None, None)
    );
    assert_eq!(found.null, "bradley-terry, residuals of whole contexts");
    // contexts of one vote are rows
    let (plain, found) = (cycle_test(&one.comparisons, 999, 5), cycle_test_observed(&one, 999, 5));
    assert_eq!((plain.cycle, plain.weakest_p_value), (found.cycle, found.weakest_p_value));
    // one context: nothing is known
    let single = contexts("x,y,a,9,p\ny,z,a,9,p\nz,x,a,9,p\n");
    assert_eq!(observed(&single).verdict, Verdict::Unknown);
}

/// Small version of `examples/observed_tests.rs`: contexts that shift the odds are no misfit and no cycle.
#[test]
fn contexts_with_effects_are_not_called_a_cycle_or_a_misfit() {
    const SETS: usize = 100;
    let (mut misfits, mut cycles, mut misfits_of_rows) = (0, 0, 0);
    for k in 0..SETS {
        let mut rng = stream(11, "contexts with effects", &[&k.to_string()]);
        let mut text = String::new();
        for c in 0..40 {
            for (a, b) in [("x", "y"), ("y", "z"), ("x", "z"), ("w", "x"), ("w", "y"), ("w", "z")] {
                // of six votes nearly all go one way
                let won = if uniform(&mut rng) < 0.5 { 5 } else { 1 };
                text += &format!("{a},{b},a,{won},{c}\n{a},{b},b,{},{c}\n", 6 - won);
            }
        }
        let data = contexts(&text);
        let found = inspect_observed(&data, 99, k as u64, &|| ()).unwrap();
        misfits += usize::from(found.one_rating_p_value.unwrap() < LEVEL);
        cycles += usize::from(found.cycle_test.p_value.unwrap() < LEVEL);
        let rows = inspect(&data.comparisons, 99, k as u64, &|| ()).unwrap();
        misfits_of_rows += usize::from(rows.one_rating_p_value.unwrap() < LEVEL);
    }
    // level 0.05 over 100 sets: 5 expected, 12 is the 99.9 percent point
    assert!(misfits <= 12 && cycles <= 12 && misfits_of_rows > 30, "{misfits} {cycles} {misfits_of_rows}");
}
