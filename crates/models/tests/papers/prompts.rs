//! Leaderboards per prompt and confidence from comparisons: P2L, relative confidence.

use equipoise_core::{Rng, sample, seed::stream};
use equipoise_data::{Comparisons, Selection, parse_battles, parse_comparisons};
use equipoise_models::p2l::{Head, P2l, fit_p2l, route};
use equipoise_models::repeated::selective_auc;
use equipoise_models::{BRADLEY_TERRY, ModelData, PairOptions, fit, model};
use ndarray::{Array1, Array2};
use serde_json::json;

use crate::logistic;

/// Six models whose strengths are linear in three features of the prompt.
struct Truth(Array2<f64>);

impl Truth {
    fn strengths(&self, z: &[f64]) -> Array1<f64> {
        let mut r = self.0.row(0).to_owned();
        z.iter().enumerate().for_each(|(k, z)| r.scaled_add(*z, &self.0.row(k + 1)));
        r
    }
}

fn prompt(rng: &mut Rng) -> [f64; 3] {
    [0, 1, 2].map(|_| sample::normal(rng))
}

/// Mean over prompts of the negative log-likelihood of a comparison of two models drawn uniformly, in nats, by its expectation.
fn held_out(truth: &Truth, prompts: &[[f64; 3]], strengths: impl Fn(&[f64]) -> Array1<f64>) -> f64 {
    let mut sum = 0.0;
    for z in prompts {
        let (t, r) = (truth.strengths(z), strengths(z));
        for j in 0..6 {
            for i in 0..j {
                let (p, q) = (logistic(t[i] - t[j]), logistic(r[i] - r[j]));
                sum -= (p * q.ln() + (1.0 - p) * (1.0 - q).ln()) / 15.0;
            }
        }
    }
    sum / prompts.len() as f64
}

#[test]
fn p2l_comes_nearer_with_comparisons_where_one_board_does_not_and_its_router_wins() {
    let mut rng = stream(4, "p2l", &[]);
    let truth = Truth(Array2::from_shape_fn((4, 6), |_| 1.3 * sample::normal(&mut rng)));
    let tests: Vec<_> = (0..1000).map(|_| prompt(&mut rng)).collect();
    let oracle = held_out(&truth, &tests, |z| truth.strengths(z));
    // win rate of a choice per prompt against a model drawn uniformly
    let wins = |choose: &dyn Fn(&[f64]) -> usize| {
        let of = |z: &[f64; 3]| {
            let (t, k) = (truth.strengths(z), choose(z));
            (0..6).map(|j| logistic(t[k] - t[j])).sum::<f64>() / 6.0
        };
        tests.iter().map(of).sum::<f64>() / tests.len() as f64
    };
    let best = |r: &Array1<f64>| (0..6).fold(0, |b, k| if r[k] > r[b] { k } else { b });
    let top = wins(&|z| best(&truth.strengths(z)));
    let single = (0..6).map(|k| wins(&|_| k)).fold(0.0, f64::max);
    println!("oracle: {oracle:.4} nats, router {top:.4}; best single model {single:.4}");
    let mut rows = Vec::new();
    for m in [300usize, 1000, 3000, 10_000] {
        // a comparison a prompt, as in the arena
        let (mut groups, mut z) = (Vec::new(), Array2::zeros((m, 3)));
        for row in 0..m {
            let at = prompt(&mut rng);
            at.iter().enumerate().for_each(|(k, x)| z[[row, k]] = *x);
            let i = sample::index(&mut rng, 6);
            let j = (i + 1 + sample::index(&mut rng, 5)) % 6;
            let r = truth.strengths(&at);
            let mut wins = Array2::<f64>::zeros((6, 6));
            if sample::uniform(&mut rng) < logistic(r[i] - r[j]) {
                wins[[i, j]] = 1.0
            } else {
                wins[[j, i]] = 1.0
            }
            groups.push(Comparisons::from_tables(&wins, &Array2::zeros((6, 6))));
        }
        let found: P2l = fit_p2l(Head::Bt, &groups, z.view(), false).unwrap();
        let pooled = Comparisons::sum(groups.iter().map(|g| (g, 1.0)));
        let one = fit(&pooled, &BRADLEY_TERRY, PairOptions::default()).unwrap();
        let excess = held_out(&truth, &tests, |z| found.strengths(z)) - oracle;
        let of_one = held_out(&truth, &tests, |_| one.log_strength.clone()) - oracle;
        let routed = wins(&|z| best(&found.strengths(z)));
        println!("{m:6} comparisons: excess {excess:.4} (one board {of_one:.4}), router {routed:.4}");
        rows.push((excess, of_one, routed));
    }
    // a power law: about 1 over the comparisons (the published figure is a line in log-log)
    let slope = (rows[3].0 / rows[1].0).ln() / 10f64.ln();
    println!("slope from 1,000 to 10,000: {slope:.2}");
    assert!(rows.windows(2).all(|w| w[1].0 < w[0].0) && (-1.4..-0.6).contains(&slope), "{slope}");
    assert!(rows.iter().all(|r| r.1 > 0.1), "one board stays where it is: {rows:?}");
    assert!(rows[1..].iter().all(|r| r.2 > single + 0.05 && r.2 <= top + 1e-12) && top - rows[3].2 < 0.003);
    // with a price: half of the budget of the dearest, and at most two models a prompt
    let costs = [0.2, 0.4, 0.6, 0.8, 1.0, 1.2];
    let values = truth.strengths(&tests[0]).to_vec();
    let (half, all) = (route(&values, &costs, 0.6).unwrap(), route(&values, &costs, 1.2).unwrap());
    assert!(half.policy.iter().filter(|p| **p > 1e-12).count() <= 2 && half.value <= all.value + 1e-12);
}

/// Confidence of questions whose chance of a right answer is `logistic(latent)`.
fn questions(m: usize, rng: &mut Rng) -> (Vec<f64>, Vec<bool>) {
    let latent: Vec<f64> = (0..m).map(|_| 1.5 * sample::normal(rng)).collect();
    let correct = latent.iter().map(|x| sample::uniform(rng) < logistic(*x)).collect();
    (latent, correct)
}

#[test]
fn relative_confidence_orders_answers_better_than_coarse_scores_and_nearly_as_the_latent() {
    let (mut rng, sets, m) = (stream(5, "confidence", &[]), 20, 200);
    let mut mean = [[0.0f64; 5]; 3];
    for _ in 0..sets {
        let (latent, correct) = questions(m, &mut rng);
        let auc = |confidence: &[f64]| selective_auc(confidence, &correct).unwrap() / f64::from(sets);
        // asked for a number: noise, overconfidence, a grid of 0.1, nothing below 0.7
        let direct: Vec<f64> = latent
            .iter()
            .map(|x| ((logistic(x + 2.0 + 1.0 * sample::normal(&mut rng)) * 10.0).round() / 10.0).max(0.7))
            .collect();
        let accuracy = correct.iter().filter(|c| **c).count() as f64 / m as f64;
        for (row, matches) in [5usize, 10, 15].into_iter().enumerate() {
            // each question meets others, and a noisy judge says of which it is surer
            let mut text = String::from("item_a,item_b,outcome\n");
            for i in 0..m {
                for _ in 0..matches {
                    let j = (i + 1 + sample::index(&mut rng, m - 1)) % m;
                    let noise = sample::normal(&mut rng);
                    let first = latent[i] - latent[j] + noise > 0.0;
                    text += &format!("q{i},q{j},{}\n", if first { "a" } else { "b" });
                }
            }
            let (path, bytes) = ("d.csv".as_ref(), text.as_bytes());
            let battles = ModelData::from(parse_battles(path, bytes, &Selection::default()).unwrap());
            let pairs = ModelData::from(parse_comparisons(path, bytes, &Selection::default()).unwrap());
            let of = |name: &str, data: &ModelData, options: serde_json::Value| {
                let found = model(name).unwrap().fit(data, &options).unwrap();
                let strength = found.log_strength.clone().unwrap();
                let mut values = vec![0.0; m];
                for (label, x) in found.labels.iter().zip(&strength) {
                    values[label[1..].parse::<usize>().unwrap()] = *x;
                }
                values
            };
            let (elo, bt) =
                (of("elo", &battles, json!({})), of("bradley-terry", &pairs, json!({ "prior": true })));
            for (k, x) in [accuracy / f64::from(sets), auc(&direct), auc(&elo), auc(&bt), auc(&latent)]
                .into_iter()
                .enumerate()
            {
                mean[row][k] += x;
            }
        }
    }
    println!("matches 5, 10, 15: accuracy, direct, elo, bradley-terry, latent: {mean:.4?}");
    for row in &mean {
        let [accuracy, direct, elo, bt, latent] = *row;
        assert!(accuracy < direct && direct < elo && elo < latent && bt < latent, "{row:?}");
        assert!((elo - bt).abs() < 0.02, "{row:?}");
    }
    // more matches, more of what is to be gained (published: 2.2, 3.2, 4.9 percent)
    assert!(mean.windows(2).all(|w| w[0][3] - w[0][1] < w[1][3] - w[1][1]), "{mean:?}");
}
