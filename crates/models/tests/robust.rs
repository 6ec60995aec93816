//! Robust low rank: recovery, what it takes for corruption, and degenerate data.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use equipoise_core::{Rng, sample, seed::stream};
use equipoise_data::Comparisons;
use equipoise_env::PreferenceMatrix;
use equipoise_models::robust::separate;
use equipoise_models::{Existence, Fitted, RobustFit, model, skew_embedding};
use equipoise_reference::maximal_lottery;
use ndarray::Array2;
use serde_json::{Value, json};

fn logistic(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

fn ratings(n: usize, rng: &mut Rng) -> Array2<f64> {
    let r: Vec<f64> = (0..n).map(|_| sample::uniform(rng)).collect();
    Array2::from_shape_fn((n, n), |(i, j)| r[i] - r[j])
}

/// Every entry known exactly.
fn exact(n: usize) -> Array2<f64> {
    Array2::from_elem((n, n), f64::INFINITY)
}

/// Adds +-U(2, 6) to a share of the pairs: the corrupted matrix, and which pairs.
fn corrupted(truth: &Array2<f64>, share: f64, rng: &mut Rng) -> (Array2<f64>, Vec<(usize, usize)>) {
    let (mut m, mut pairs) = (truth.clone(), Vec::new());
    for j in 0..truth.nrows() {
        for i in 0..j {
            if sample::uniform(rng) < share {
                let size = 2.0 + 4.0 * sample::uniform(rng);
                let by = if sample::uniform(rng) < 0.5 { size } else { -size };
                m[[i, j]] += by;
                m[[j, i]] -= by;
                pairs.push((i, j));
            }
        }
    }
    (m, pairs)
}

/// Relative Frobenius distance of two matrices of log odds as probabilities.
fn distance(a: &Array2<f64>, b: &Array2<f64>) -> f64 {
    let (mut off, mut all) = (0.0, 0.0);
    for (x, y) in a.iter().zip(b) {
        off += (logistic(*x) - logistic(*y)).powi(2);
        all += logistic(*y).powi(2);
    }
    (off / all).sqrt()
}

#[test]
fn corrupted_pairs_are_found_and_the_ratings_recovered_to_rounding() {
    // the published shape: exact recovery of Bradley-Terry under corruption of a share of all pairs, where counts alone are off by 0.1 to 0.5
    for (n, share, least_before) in
        [(60, 0.0, 0.0), (60, 0.1, 0.2), (100, 0.02, 0.08), (100, 0.2, 0.3), (100, 0.3, 0.35)]
    {
        let mut rng = stream(1, "recovery", &[&share.to_string()]);
        let truth = ratings(n, &mut rng);
        let (m, pairs) = corrupted(&truth, share, &mut rng);
        let found = separate(&m, &exact(n), 1.0, 2);
        let (before, after) = (distance(&m, &truth), distance(&found.low_rank, &truth));
        assert!(before >= least_before && after < 1e-12, "{n} {share}: {before} {after} {}", found.steps);
        assert!(found.converged);
        let mut apart = found.apart.clone();
        apart.sort_unstable();
        let mut pairs = pairs;
        pairs.sort_unstable();
        assert_eq!(apart, pairs, "{share}");
    }
}

#[test]
fn gaps_are_filled_and_corruption_beside_them_found() {
    for (label, missing, share) in [("a", 0.3, 0.0), ("b", 0.5, 0.0), ("c", 0.2, 0.05)] {
        let mut rng = stream(2, "gaps", &[label]);
        let truth = ratings(40, &mut rng);
        let (m, _) = corrupted(&truth, share, &mut rng);
        let mut met = exact(40);
        for j in 0..40 {
            for i in 0..j {
                if sample::uniform(&mut rng) < missing {
                    (met[[i, j]], met[[j, i]]) = (0.0, 0.0);
                }
            }
        }
        let found = separate(&m, &met, 1.0, 2);
        assert!(distance(&found.low_rank, &truth) < 1e-9, "{label}: {}", distance(&found.low_rank, &truth));
    }
}

#[test]
fn clean_matrices_of_that_rank_stay_and_renumbering_renumbers() {
    let mut rng = stream(3, "clean", &[]);
    for rank in [2, 4, 6] {
        let v = Array2::from_shape_fn((12, 12), |_| sample::normal(&mut rng));
        let clean = skew_embedding(&(&v - &v.t()), rank / 2);
        let clean = Array2::from_shape_fn((12, 12), |(i, j)| clean.score(i, j));
        let found = separate(&clean, &exact(12), 1.0, rank);
        assert!(
            (&found.low_rank - &clean).iter().all(|d| d.abs() < 1e-11) && found.apart.is_empty(),
            "{rank}"
        );
        let turned = |m: &Array2<f64>| Array2::from_shape_fn((12, 12), |(i, j)| m[[11 - i, 11 - j]]);
        let (m, _) = corrupted(&clean, 0.1, &mut rng);
        let (one, two) = (separate(&m, &exact(12), 1.0, rank), separate(&turned(&m), &exact(12), 1.0, rank));
        assert!((turned(&one.low_rank) - &two.low_rank).iter().all(|d| d.abs() < 1e-8), "{rank}");
    }
}

/// `times` comparisons a pair, in proportion to the win rates.
fn counts(log_odds: &Array2<f64>, times: f64) -> Comparisons {
    let mut wins = log_odds.mapv(|s| (times * logistic(s)).round());
    wins.diag_mut().fill(0.0);
    Comparisons::from_tables(&wins, &Array2::zeros(wins.raw_dim()))
}

fn fit(data: &Comparisons, options: &Value) -> Fitted {
    model("robust").unwrap().fit(&data.clone().into(), options).unwrap()
}

/// Gap of the maximal lottery of a fit in the true game.
fn true_gap(truth: &Array2<f64>, fitted: &Fitted) -> f64 {
    let n = truth.nrows();
    let matrix = PreferenceMatrix::from_margins(n, |i, j| fitted.prob(i, j) - 0.5).unwrap();
    let policy = maximal_lottery(&matrix).unwrap().policy;
    let against = |i: usize| (0..n).map(|j| logistic(truth[[i, j]]) * policy[j]).sum::<f64>();
    2.0 * (0..n).map(against).fold(0.0, f64::max) - 1.0
}

#[test]
fn rank_two_takes_a_cycle_that_rides_on_ratings_for_corruption_and_says_so() {
    // thirty items by rating, and a cycle among the best three: what should be played is a third of each
    let n = 30;
    let mut truth = Array2::from_shape_fn((n, n), |(i, j)| 0.1 * (j as f64 - i as f64));
    for (i, j) in [(0, 1), (1, 2), (2, 0)] {
        (truth[[i, j]], truth[[j, i]]) = (1.5, -1.5);
    }
    let data = counts(&truth, 1_000.0);
    let two = fit(&data, &Value::Null);
    let result = two.result::<RobustFit>().unwrap();
    assert_eq!(result.cycles, [[0, 1, 2]]);
    assert!(result.apart.contains(&(0, 2)));
    assert!(
        two.notes().iter().any(|n| n.starts_with("WARNING: cycles of majorities") && n.contains("rank 4"))
    );
    let gap = true_gap(&truth, &two);
    assert!(gap > 0.5, "{gap}");
    // pure Nash of the ratings loses to the one that beats it: 2 sigma(1.5) - 1
    assert!((gap - (2.0 * logistic(1.5) - 1.0)).abs() < 1e-9, "{gap}");
    let four = fit(&data, &json!({"rank": 4}));
    assert!(four.result::<RobustFit>().unwrap().cycles.is_empty());
    let gap = true_gap(&truth, &four);
    assert!(gap < 0.05, "{gap}");
    // a cycle of three alone is of rank 2, and stays
    let mut alone = Array2::<f64>::zeros((3, 3));
    for (i, j) in [(0, 1), (1, 2), (2, 0)] {
        (alone[[i, j]], alone[[j, i]]) = (1.0, -1.0);
    }
    let kept = fit(&counts(&alone, 1_000.0), &Value::Null);
    assert!(kept.prob(0, 1) > 0.7 && kept.prob(1, 2) > 0.7 && kept.prob(2, 0) > 0.7);
}

#[test]
fn without_corruption_it_is_near_bradley_terry_and_with_it_nearer_to_the_truth() {
    for (label, n) in [("a", 10), ("b", 16), ("c", 24)] {
        let mut rng = stream(5, "counts", &[label]);
        let truth = ratings(n, &mut rng) * 3.0;
        let binomial = |p: f64, rng: &mut Rng| (0..400).filter(|_| sample::uniform(rng) < p).count() as f64;
        let mut draw = |m: &Array2<f64>| {
            let mut wins = Array2::<f64>::zeros((n, n));
            for j in 0..n {
                for i in 0..j {
                    wins[[i, j]] = binomial(logistic(m[[i, j]]), &mut rng);
                    wins[[j, i]] = 400.0 - wins[[i, j]];
                }
            }
            Comparisons::from_tables(&wins, &Array2::zeros((n, n)))
        };
        let clean = draw(&truth);
        let bt = |data: &Comparisons| {
            model("bradley-terry").unwrap().fit(&data.clone().into(), &Value::Null).unwrap()
        };
        let off = |f: &Fitted| {
            truth.indexed_iter().map(|((i, j), s)| (f.prob(i, j) - logistic(*s)).abs()).fold(0.0, f64::max)
        };
        assert!(off(&fit(&clean, &Value::Null)) < 0.08 && off(&bt(&clean)) < 0.08, "{label}");
        let mut other = stream(6, "counts", &[label]);
        let (m, pairs) = corrupted(&truth, 0.08, &mut other);
        let dirty = draw(&m);
        let (robust, plain) = (fit(&dirty, &Value::Null), bt(&dirty));
        assert!(
            !pairs.is_empty() && off(&robust) < 0.1 && off(&robust) < off(&plain),
            "{label}: {} {}",
            off(&robust),
            off(&plain)
        );
    }
}

#[test]
fn degenerate_data_have_typed_answers() {
    // all ties
    let ties = Array2::from_shape_fn((4, 4), |(i, j)| f64::from(u8::from(i != j)) * 3.0);
    let even = fit(&Comparisons::from_tables(&Array2::zeros((4, 4)), &ties), &Value::Null);
    assert!((0..4).all(|i| (0..4).all(|j| even.prob(i, j) == 0.5)) && even.convergence.converged);
    // one side won all
    let mut wins = Array2::<f64>::zeros((3, 3));
    (wins[[0, 1]], wins[[0, 2]], wins[[1, 2]]) = (4.0, 4.0, 4.0);
    let won = fit(&Comparisons::from_tables(&wins, &Array2::zeros((3, 3))), &Value::Null);
    assert!(
        won.existence == Existence::NotFound && won.prior && won.prob(0, 2) < 1.0 && won.prob(0, 1) > 0.5
    );
    // islands: nothing across, and each as by itself
    let mut wins = Array2::<f64>::zeros((6, 6));
    for (i, j) in [(0, 1), (1, 2), (0, 2), (3, 4), (4, 5), (3, 5)] {
        (wins[[i, j]], wins[[j, i]]) = (20.0, 10.0);
    }
    let apart = fit(&Comparisons::from_tables(&wins, &Array2::zeros((6, 6))), &Value::Null);
    let p = apart.probability();
    assert!(p[[0, 3]].is_none() && p[[5, 2]].is_none() && p[[0, 1]].is_some());
    assert!((p[[0, 1]].unwrap() - p[[3, 4]].unwrap()).abs() < 1e-12);
    for (options, key) in [(json!({"rank": 3}), "rank"), (json!({"deviations": 0.0}), "deviations")] {
        assert!(model("robust").unwrap().check(&options).unwrap_err().to_string().contains(key));
    }
    assert_eq!(model("curatron").err().unwrap().nearest, Some("robust"));
}

#[test]
fn few_pairs_left_and_many_set_aside_still_converge() {
    use equipoise_core::{sample, seed::stream};
    use equipoise_data::Comparisons;
    use ndarray::Array2;
    let mut slow = 0;
    for (c, labels) in [(1.0, 30), (4.0, 10_000)] {
        for draw in 0..20u32 {
            let mut rng = stream(3, "robust draws", &[&draw.to_string()]);
            let odds = |i: usize, j: usize| {
                let turn = |k: usize| std::f64::consts::TAU * k as f64 / 5.0;
                0.5 * (j as f64 - i as f64) + c * (turn(i) - turn(j)).sin()
            };
            let mut wins = Array2::<f64>::zeros((5, 5));
            for _ in 0..labels {
                let i = sample::index(&mut rng, 5);
                let j = (i + 1 + sample::index(&mut rng, 4)) % 5;
                let first = sample::uniform(&mut rng) < 1.0 / (1.0 + (-odds(i, j)).exp());
                wins[if first { [i, j] } else { [j, i] }] += 1.0;
            }
            let data = Comparisons::from_tables(&wins, &Array2::zeros((5, 5)));
            let fitted = equipoise_models::model("robust")
                .unwrap()
                .fit(&data.into(), &serde_json::Value::Null)
                .unwrap();
            assert!(fitted.convergence.converged, "{c} {labels} {draw}: {}", fitted.convergence);
            assert!(fitted.log_likelihood.unwrap().is_finite());
            slow += usize::from(fitted.convergence.iterations > 1_000);
        }
    }
    assert!(slow > 3, "{slow}: the draws are meant to be slow ones");
}

#[test]
fn squares_without_a_minimum_hold_the_other_pairs_even_and_say_so() {
    // seven pairs of five items met; as 1-4, 1-0 and 0-2 grow, the seven are fitted ever better
    let mut wins = Array2::<f64>::zeros((5, 5));
    for (i, j, won, lost) in [
        (1, 3, 2.0, 3.0),
        (0, 4, 5.0, 2.0),
        (4, 3, 1.0, 2.0),
        (4, 2, 4.0, 1.0),
        (0, 3, 3.0, 2.0),
        (2, 1, 1.0, 1.0),
        (3, 2, 2.0, 2.0),
    ] {
        (wins[[i, j]], wins[[j, i]]) = (won, lost);
    }
    let data = Comparisons::from_tables(&wins, &Array2::zeros((5, 5)));
    let found = fit(&data, &Value::Null);
    let result = found.result::<RobustFit>().unwrap();
    assert!(found.convergence.converged && result.held, "{}", found.convergence);
    assert!(result.scores.iter().all(|s| s.abs() < 3.0), "{}", result.scores);
    assert!(found.notes().iter().any(|note| note.contains("count as even")), "{:?}", found.notes());
    assert_eq!(found.own()["held_even"], json!(true));
    // with all pairs met there is a minimum
    let all = Comparisons::from_tables(&wins.mapv(|w| w + 1.0), &Array2::zeros((5, 5)));
    let found = fit(&all, &Value::Null);
    assert!(found.convergence.converged && !found.result::<RobustFit>().unwrap().held);
}
