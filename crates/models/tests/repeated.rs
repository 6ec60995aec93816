//! Laws of answers drawn repeatedly: majorities of votes, best of n, selective accuracy, pairs kept by thresholds.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod golden;

use equipoise_core::{sample, seed::stream};
use equipoise_data::{Selection, parse_comparisons};
use equipoise_models::model;
use equipoise_models::repeated::{best_of, majority, selective_auc, wrong_pairs};
use golden::{cases, close, table};
use serde_json::json;

#[test]
fn majorities_are_the_published_sums() {
    for case in cases("models/judge_majority.json") {
        let p = table(&case["inputs"]["P"]);
        for (votes, matrix) in case["outputs"]["majority_by_votes"].as_object().unwrap() {
            let n: u32 = votes.parse().unwrap();
            for (row, expected) in p.iter().zip(table(matrix)) {
                for (p, expected) in row.iter().zip(expected) {
                    let found = majority(*p, n);
                    close(found, expected, 1e-13, votes);
                    // tiny ones keep their digits
                    assert!(expected > 1e-3 || (found / expected - 1.0).abs() < 1e-11, "{found} {expected}");
                }
            }
        }
    }
    // by recursion over votes, in another way: the law of the number of votes
    for (p, n) in [(0.3, 7u32), (0.62, 8), (0.5, 4), (0.999, 11)] {
        let mut law = vec![1.0];
        for _ in 0..n {
            let mut next = vec![0.0; law.len() + 1];
            for (k, x) in law.iter().enumerate() {
                next[k] += (1.0 - p) * x;
                next[k + 1] += p * x;
            }
            law = next;
        }
        let half = f64::from(n) / 2.0;
        let share = |k: usize| match (k as f64).partial_cmp(&half).unwrap() {
            std::cmp::Ordering::Greater => 1.0,
            std::cmp::Ordering::Equal => 0.5,
            std::cmp::Ordering::Less => 0.0,
        };
        close(majority(p, n), law.iter().enumerate().map(|(k, x)| share(k) * x).sum(), 1e-13, "law");
        close(majority(p, n) + majority(1.0 - p, n), 1.0, 1e-15, "both sides");
    }
    assert_eq!((majority(0.0, 3), majority(1.0, 3), majority(0.5, 2)), (0.0, 1.0, 0.5));
    // the same as an option of counts: 6 of 10 won, three votes
    let data = parse_comparisons(
        "d.csv".as_ref(),
        b"item_a,item_b,outcome,weight\nx,y,a,6\nx,y,b,4\n",
        &Selection::default(),
    );
    let fitted = model("counts").unwrap().fit(&data.unwrap().into(), &json!({ "votes": 3 })).unwrap();
    close(fitted.prob(0, 1), 0.648, 1e-14, "three votes");
}

#[test]
fn the_best_of_n_has_its_law() {
    let (policy, scores) = ([0.2, 0.3, 0.1, 0.4], [1.0, 2.0, 2.0, 0.0]);
    for n in [1u32, 2, 5, 32] {
        let law = best_of(&policy, &scores, n);
        close(law.iter().sum(), 1.0, 1e-14, "law");
        // F(y)^n - F(y-)^n, equal scores in proportion
        close(law[3], 0.4f64.powi(n as i32), 1e-15, "worst");
        close(law[0], 0.6f64.powi(n as i32) - 0.4f64.powi(n as i32), 1e-15, "middle");
        close(law[1] / law[2], 3.0, 1e-14, "equal scores");
        // by drawing all sequences of n, for few
        if n <= 5 {
            let mut exact = [0.0; 4];
            for code in 0..4usize.pow(n) {
                let draws: Vec<usize> = (0..n).map(|k| code / 4usize.pow(k) % 4).collect();
                let weight: f64 = draws.iter().map(|&d| policy[d]).product();
                let best = draws.iter().map(|&d| scores[d]).fold(f64::NEG_INFINITY, f64::max);
                let among: Vec<usize> = draws.into_iter().filter(|&d| scores[d] == best).collect();
                among.iter().for_each(|&d| exact[d] += weight / among.len() as f64);
            }
            law.iter().zip(exact).for_each(|(a, b)| close(*a, b, 1e-13, "sequences"));
        }
        // KL of the law is at most log n - (n - 1) / n
        let kl: f64 = law.iter().zip(policy).filter(|(p, _)| **p > 0.0).map(|(p, q)| p * (p / q).ln()).sum();
        assert!(kl <= f64::from(n).ln() - f64::from(n - 1) / f64::from(n) + 1e-12);
    }
}

#[test]
fn selective_accuracy_has_its_bounds() {
    let correct = [true, true, false, true, false];
    // the right answers first: mean of min(1, right / k)
    let best = selective_auc(&[0.9, 0.8, 0.1, 0.7, 0.2], &correct).unwrap();
    let expected: f64 = (1..=5).map(|k| (3.0 / f64::from(k)).min(1.0)).sum::<f64>() / 5.0;
    close(best, expected, 1e-15, "best order");
    // monotone transforms do not matter, one confidence for all is the accuracy
    let squared = selective_auc(&[0.81, 0.64, 0.01, 0.49, 0.04], &correct).unwrap();
    assert_eq!(best, squared);
    close(selective_auc(&[0.5; 5], &correct).unwrap(), 0.6, 1e-15, "one confidence");
    // ties: the mean over their orders
    let confidence = [0.9, 0.5, 0.5, 0.5, 0.1];
    let mut orders = Vec::new();
    for order in [[1, 2, 3], [1, 3, 2], [2, 1, 3], [2, 3, 1], [3, 1, 2], [3, 2, 1]] {
        let mut broken = confidence;
        order.iter().enumerate().for_each(|(k, &i)| broken[i] -= 0.01 * k as f64);
        orders.push(selective_auc(&broken, &correct).unwrap());
    }
    close(selective_auc(&confidence, &correct).unwrap(), orders.iter().sum::<f64>() / 6.0, 1e-15, "ties");
    assert_eq!(selective_auc(&[], &[]), None);
}

#[test]
fn pairs_kept_by_thresholds_are_seldom_the_wrong_way_round() {
    // equal programs: half of the kept pairs are wrong; unequal ones: fewer with the distance
    close(wrong_pairs(0.6, 0.6, 16, 0.8, 0.4).unwrap(), 0.5, 1e-12, "equal");
    let (near, far) =
        (wrong_pairs(0.6, 0.5, 16, 0.8, 0.4).unwrap(), wrong_pairs(0.8, 0.3, 16, 0.8, 0.4).unwrap());
    assert!(far < near && near < 0.5, "{near} {far}");
    // a rate of 0 is never kept
    assert_eq!(wrong_pairs(1.0, 0.0, 16, 0.8, 0.4), None);
    let mut rng = stream(5, "tests", &[]);
    let rate = |p: f64, rng: &mut equipoise_core::Rng| (0..16).filter(|_| sample::uniform(rng) < p).count();
    let (mut kept, mut wrong) = (0.0, 0.0);
    for _ in 0..200_000 {
        let (a, b) = (rate(0.6, &mut rng), rate(0.5, &mut rng));
        let (up, down) = (a.max(b), a.min(b));
        // 0.8 of 16 is 12.8, 0.4 of 16 is 6.4
        if up >= 13 && up - down >= 7 && down > 0 {
            kept += 1.0;
            wrong += f64::from(u8::from(b > a));
        }
    }
    let spread = (near * (1.0 - near) / kept).sqrt();
    assert!((wrong / kept - near).abs() < 4.0 * spread, "{} {near} {kept}", wrong / kept);
}
