//! Skew embeddings and matrices of low rank: GPM, CURATRON.

use equipoise_core::{Rng, sample, seed::stream};
use equipoise_data::Comparisons;
use equipoise_models::robust::separate;
use equipoise_models::{BRADLEY_TERRY, ModelData, PairOptions, fit, model};
use ndarray::Array2;
use serde_json::{Value, json};

use crate::{accuracy, drawn, kendall, logistic, true_gap};

/// `cycles` cycles of three, their members apart from each other by ratings: within a cycle 0.8, 0.8, 0.8.
fn cycles(cycles: usize) -> Array2<f64> {
    let n = 3 * cycles;
    Array2::from_shape_fn((n, n), |(i, j)| match (i / 3 == j / 3, (j % 3 + 3 - i % 3) % 3) {
        (_, _) if i == j => 0.5,
        (true, 1) => 0.8,
        (true, _) => 0.2,
        (false, _) => logistic(0.9 * (j as f64 / 3.0).floor() - 0.9 * (i as f64 / 3.0).floor()),
    })
}

#[test]
fn gpm_is_right_on_cycles_where_one_rating_is_right_on_two_thirds_at_most() {
    let mut rng = stream(1, "gpm", &[]);
    // table 1 of the paper has cycles alone, where Bradley-Terry is at 50 to 63 percent and the embedding at 100
    let three = cycles(1);
    let gpm = |data: &Comparisons, rank: usize| {
        model("gpm").unwrap().fit(&ModelData::from(data.clone()), &json!({ "rank": rank })).unwrap()
    };
    let mut of_ratings = Vec::new();
    for _ in 0..40 {
        let data = drawn(&three, 25, &mut rng);
        let bt = fit(&data, &BRADLEY_TERRY, PairOptions { prior: true, ..Default::default() }).unwrap();
        // a strict order has two of the three pairs right, or one: never all
        let right = accuracy(&three, |i, j| bt.prob(i, j));
        assert!(right < 0.67, "{right}");
        of_ratings.push(right);
        assert_eq!(accuracy(&three, |i, j| gpm(&data, 2).prob(i, j)), 1.0);
    }
    println!("one cycle: bradley-terry {:.3}, gpm 2 1.000", of_ratings.iter().sum::<f64>() / 40.0);
    // cycles among ratings: a plane goes to the ratings, so that two dimensions are not enough
    let truth = cycles(3);
    println!("three cycles among ratings, accuracy and true gap:");
    let mut gaps = Vec::new();
    for each in [10, 100, 1000] {
        let data = drawn(&truth, each, &mut rng);
        let of = |name: &str, options: &Value| {
            let found = model(name).unwrap().fit(&ModelData::from(data.clone()), options).unwrap();
            (accuracy(&truth, |i, j| found.prob(i, j)), true_gap(&truth, &found))
        };
        let row = [
            of("bradley-terry", &json!({ "prior": true })),
            of("gpm", &json!({ "rank": 2 })),
            of("gpm", &json!({ "rank": 4 })),
            of("gpm", &json!({ "rank": 8 })),
            of("counts", &Value::Null),
        ];
        println!("{each:5} a pair: {row:.3?} (bradley-terry, gpm 2, 4, 8, counts)");
        gaps.push(row);
    }
    let last = gaps.last().unwrap();
    assert!(last[0].1 > 0.15 && last[1].1 > 0.15, "a rating and a plane lose the cycle: {last:?}");
    assert!(last[3].0 == 1.0 && last[4].0 == 1.0, "{last:?}");
    assert!(last[3].1 < 0.05 && last[4].1 < 0.05, "{last:?}");
}

/// Ratings on [0, 1] and +-U(2, 6) added to a share of all pairs: log odds, in truth and corrupted.
fn corrupted(n: usize, share: f64, rng: &mut Rng) -> (Array2<f64>, Array2<f64>, Vec<f64>) {
    let r: Vec<f64> = (0..n).map(|_| sample::uniform(rng)).collect();
    let truth = Array2::from_shape_fn((n, n), |(i, j)| r[i] - r[j]);
    let mut m = truth.clone();
    for j in 0..n {
        for i in 0..j {
            if sample::uniform(rng) < share {
                let size = 2.0 + 4.0 * sample::uniform(rng);
                let by = if sample::uniform(rng) < 0.5 { size } else { -size };
                m[[i, j]] += by;
                m[[j, i]] -= by;
            }
        }
    }
    (truth, m, r)
}

fn distance(a: &Array2<f64>, b: &Array2<f64>) -> f64 {
    let squares = |m: Array2<f64>| m.iter().map(|x| x * x).sum::<f64>();
    (squares(a.mapv(logistic) - b.mapv(logistic)) / squares(b.mapv(logistic))).sqrt()
}

#[test]
fn curatron_recovers_ratings_exactly_under_corruption_of_a_share_of_all_pairs() {
    let n = 100;
    println!("share: distance before and after, tau of bradley-terry and of the recovered");
    for share in [0.02, 0.1, 0.2, 0.3] {
        let mut rng = stream(2, "curatron", &[&share.to_string()]);
        let (truth, m, r) = corrupted(n, share, &mut rng);
        let found = separate(&m, &Array2::from_elem((n, n), f64::INFINITY), 1.0, 2);
        let mut wins = m.mapv(logistic);
        wins.diag_mut().fill(0.0);
        let bt = fit(
            &Comparisons::from_tables(&wins, &Array2::zeros((n, n))),
            &BRADLEY_TERRY,
            PairOptions::default(),
        )
        .unwrap();
        let rows = |m: &Array2<f64>| m.rows().into_iter().map(|x| x.sum()).collect::<Vec<f64>>();
        let (plain, own) = (kendall(&bt.log_strength.to_vec(), &r), kendall(&rows(&found.low_rank), &r));
        let (before, after) = (distance(&m, &truth), distance(&found.low_rank, &truth));
        println!("{share}: {before:.4} {after:.1e}, {plain:.3} {own:.3}");
        assert!(before > 0.1 && after < 1e-12 && own == 1.0 && plain < 0.985, "{share}");
    }
}

#[test]
fn curatron_on_drawn_comparisons_lies_between_counts_and_bradley_terry() {
    let (n, each) = (40, 200);
    let mut rng = stream(3, "curatron", &[]);
    let (truth, m, _) = corrupted(n, 0.1, &mut rng);
    let data = ModelData::from(drawn(&m.mapv(logistic), each, &mut rng));
    let off = |name: &str, options: &Value| {
        let found = model(name).unwrap().fit(&data, options).unwrap();
        let p = Array2::from_shape_fn((n, n), |(i, j)| found.prob(i, j));
        let squares = |m: Array2<f64>| m.iter().map(|x| x * x).sum::<f64>();
        (squares(p - truth.mapv(logistic)) / squares(truth.mapv(logistic))).sqrt()
    };
    let [robust, bt, counts] = [
        off("robust", &json!({ "rank": 2 })),
        off("bradley-terry", &Value::Null),
        off("counts", &Value::Null),
    ];
    println!("10 percent, {each} a pair: robust {robust:.4}, bradley-terry {bt:.4}, counts {counts:.4}");
    // a finding: corruption of both signs averages out over opponents, so that the plain fit of ratings is nearer
    assert!(robust < 0.6 * counts && bt < robust, "{robust} {bt} {counts}");
}

#[test]
fn curatron_of_rank_two_removes_a_true_cycle_above_ratings() {
    // thirty ratings, and a cycle of three among the best: the Nash policy is a third on each
    let n = 30;
    let mut truth = Array2::from_shape_fn((n, n), |(i, j)| 0.1 * (j as f64 - i as f64));
    for (i, j) in [(0, 1), (1, 2), (2, 0)] {
        truth[[i, j]] = 1.5;
        truth[[j, i]] = -1.5;
    }
    let exact = Array2::from_elem((n, n), f64::INFINITY);
    let p = truth.mapv(logistic);
    let gap = |rank: usize| {
        let low = separate(&truth, &exact, 1.0, rank).low_rank.mapv(logistic);
        let matrix = equipoise_env::PreferenceMatrix::from_margins(n, |i, j| low[[i, j]] - 0.5).unwrap();
        let policy = equipoise_reference::maximal_lottery(&matrix).unwrap().policy;
        2.0 * p.dot(&policy).iter().fold(0.0f64, |m, x| m.max(*x)) - 1.0
    };
    let (two, four) = (gap(2), gap(4));
    println!("true gap of the Nash policy of the recovered game: rank 2 {two:.4}, rank 4 {four:.4}");
    // the best of the ratings alone loses to its predecessor in the cycle: 2 sig(1.5) - 1
    assert!((two - 0.6351).abs() < 1e-3 && four < 1e-6, "{two} {four}");
}
