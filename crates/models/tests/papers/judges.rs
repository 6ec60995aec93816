//! Judges and their evaluation: GenRM's votes, the evaluation protocol of conversational systems, long-span answers, the bias probe.

use equipoise_core::{Rng, sample, seed::stream};
use equipoise_data::{Comparisons, Outcome, Selection, parse_comparisons};
use equipoise_models::sequential::Pair;
use equipoise_models::{BRADLEY_TERRY, Elo, PairOptions, TrueSkill, fit, fit_linear, model};
use equipoise_reference::maximal_lottery;
use ndarray::{Array1, Array2, arr2};
use serde_json::json;

use crate::{kendall, logistic, true_gap};

#[test]
fn genrm_majorities_keep_the_winner_of_every_pair_and_change_the_game() {
    // a cycle of margins .1, .25, .4
    let truth = arr2(&[[0.5, 0.6, 0.1], [0.4, 0.5, 0.75], [0.9, 0.25, 0.5]]);
    let data = Comparisons::from_tables(&(&truth * 1000.0), &Array2::zeros((3, 3)));
    let mut gaps = Vec::new();
    for (votes, nash) in [
        (1, Some([1.0 / 3.0, 8.0 / 15.0, 2.0 / 15.0])),
        (3, Some([0.357, 0.490, 0.154])),
        (9, None),
        (33, None),
        (99, Some([0.338, 0.338, 0.323])),
        (999, Some([1.0 / 3.0; 3])),
    ] {
        let options = json!({ "votes": votes, "smoothing": 0.0 });
        let fitted = model("counts").unwrap().fit(&data.clone().into(), &options).unwrap();
        for i in 0..3 {
            for j in 0..3 {
                let (p, q) = (truth[[i, j]], fitted.prob(i, j));
                assert!((p - 0.5) * (q - 0.5) >= 0.0 && (q - 0.5).abs() >= (p - 0.5).abs() - 1e-12);
            }
        }
        let game = equipoise_env::PreferenceMatrix::from_margins(3, |i, j| fitted.prob(i, j) - 0.5).unwrap();
        let policy = maximal_lottery(&game).unwrap().policy;
        let gap = true_gap(&truth, &fitted);
        println!("{votes:4} votes: P12 {:.4}, Nash {policy:.3}, gap in truth {gap:.4}", fitted.prob(0, 1));
        if let Some(nash) = nash {
            assert!(policy.iter().zip(nash).all(|(a, b)| (a - b).abs() < 6e-4), "{votes}: {policy}");
        }
        gaps.push(gap);
    }
    assert!(gaps[0] < 1e-9 && gaps[1..].iter().all(|gap| *gap > 0.04) && gaps[3] > 0.1, "{gaps:?}");
    // in the end every pair is decided: the even policy, which loses a tenth
    assert!((gaps[5] - 0.1).abs() < 1e-3, "{gaps:?}");
}

/// `each` comparisons of every pair, one in five a tie.
fn matches(p: &Array2<f64>, each: usize, rng: &mut Rng) -> Vec<Pair> {
    let n = p.nrows();
    let mut all = Vec::new();
    for j in 0..n {
        for i in 0..j {
            for _ in 0..each {
                let outcome = match (sample::uniform(rng) < 0.2, sample::uniform(rng) < p[[i, j]]) {
                    (true, _) => Outcome::Tie,
                    (_, true) => Outcome::First,
                    (_, false) => Outcome::Second,
                };
                all.push(Pair { first: i as u32, second: j as u32, outcome });
            }
        }
    }
    all
}

fn shuffled(mut all: Vec<Pair>, rng: &mut Rng) -> Vec<Pair> {
    for k in (1..all.len()).rev() {
        all.swap(k, sample::index(rng, k + 1));
    }
    all
}

fn counted(n: usize, all: &[Pair]) -> Comparisons {
    let (mut wins, mut ties) = (Array2::<f64>::zeros((n, n)), Array2::<f64>::zeros((n, n)));
    for pair in all {
        let (i, j) = (pair.first as usize, pair.second as usize);
        match pair.outcome {
            Outcome::First => wins[[i, j]] += 1.0,
            Outcome::Second => wins[[j, i]] += 1.0,
            _ => ties[[i, j]] += 1.0,
        }
    }
    Comparisons::from_tables(&wins, &(&ties + &ties.t()))
}

/// Ratings of TrueSkill (`mu - 3 sigma`) and Elo, match by match.
fn one_by_one(n: usize, all: &[Pair]) -> [Vec<f64>; 2] {
    let skills = TrueSkill::default().rate(n, all.chunks(1));
    [
        skills.iter().map(|s| s.mu - 3.0 * s.sigma).collect(),
        Elo { k: 32.0, start: 1000.0, ..Elo::default() }.rate(n, all.chunks(1)),
    ]
}

#[test]
fn protocol_ratings_agree_where_one_number_is_the_truth_and_depend_on_the_order_where_not() {
    let (mut rng, runs, n) = (stream(8, "protocol", &[]), 20, 10);
    let mut tau = [0.0f64; 3];
    for _ in 0..runs {
        let r: Vec<f64> = (0..n).map(|k| 0.5 * k as f64).collect();
        let p = Array2::from_shape_fn((n, n), |(i, j)| logistic(r[i] - r[j]));
        let all = shuffled(matches(&p, 20, &mut rng), &mut rng);
        let bt = fit(&counted(n, &all), &BRADLEY_TERRY, PairOptions::default()).unwrap();
        let bt = bt.log_strength.to_vec();
        let [trueskill, elo] = one_by_one(n, &all);
        for (sum, x) in tau.iter_mut().zip([kendall(&bt, &r), kendall(&bt, &trueskill), kendall(&bt, &elo)]) {
            *sum += x / f64::from(runs);
        }
    }
    println!(
        "one rating: Kendall's tau of bradley-terry with the truth, of it with trueskill, with elo: {tau:.3?}"
    );
    assert!(tau[0] > 0.95 && tau[1] > 0.9 && tau[2] > 0.8, "{tau:?}");
    // each of ten beats the next four: all win equally often, and the order of the matches decides who is first
    let p = Array2::from_shape_fn((n, n), |(i, j)| match (n + j - i) % n {
        0 | 5 => 0.5,
        1..=4 => 0.7,
        _ => 0.3,
    });
    let all = matches(&p, 20, &mut rng);
    let bt = |all: &[Pair]| {
        fit(&counted(n, all), &BRADLEY_TERRY, PairOptions::default()).unwrap().log_strength.to_vec()
    };
    let (first, [skill, elo]) = (bt(&all), one_by_one(n, &all));
    let mut same = [0.0f64; 2];
    for _ in 0..50 {
        let all = shuffled(all.clone(), &mut rng);
        assert_eq!(bt(&all), first);
        let again = one_by_one(n, &all);
        for (sum, (one, other)) in same.iter_mut().zip(again.iter().zip([&skill, &elo])) {
            *sum += kendall(one, other) / 50.0;
        }
    }
    println!(
        "a cycle: Kendall's tau between orders of the same matches, trueskill, elo: {same:.3?}; bradley-terry 1"
    );
    assert!(same.iter().all(|tau| *tau < 0.9), "{same:?}");
}

#[test]
fn long_span_pairs_in_both_orders_rank_better_than_grades_near_a_ceiling() {
    let (mut rng, runs, n, questions) = (stream(9, "long-span", &[]), 15, 8, 200);
    let (bias, mut tau, mut found_bias) = (0.8, [0.0f64; 3], 0.0);
    for _ in 0..runs {
        // systems near the best grade, 5
        let quality: Vec<f64> = (0..n).map(|k| 4.6 + 0.08 * k as f64).collect();
        let mut grades = vec![0.0; n];
        let mut text = String::from("item_a,item_b,outcome\n");
        let mut one_order = Array2::<f64>::zeros((n, n));
        for _ in 0..questions {
            let answer: Vec<f64> = quality.iter().map(|q| q + 0.7 * sample::normal(&mut rng)).collect();
            answer.iter().zip(&mut grades).for_each(|(a, g)| *g += a.round().clamp(1.0, 5.0));
            // every pair of every question, in both orders
            for (i, j) in (0..n).flat_map(|j| (0..j).map(move |i| (i, j))) {
                for (order, (a, b)) in [(i, j), (j, i)].into_iter().enumerate() {
                    let first = sample::uniform(&mut rng) < logistic(3.0 * (answer[a] - answer[b]) + bias);
                    text += &format!("s{a},s{b},{}\n", if first { "a" } else { "b" });
                    if order == 0 {
                        one_order[if first { [a, b] } else { [b, a] }] += 1.0;
                    }
                }
            }
        }
        let data = parse_comparisons("d.csv".as_ref(), text.as_bytes(), &Selection::default()).unwrap();
        let with_home =
            fit(&data, &BRADLEY_TERRY, PairOptions { home: true, ..PairOptions::default() }).unwrap();
        let home = with_home.parameters.iter().find(|p| p.name == "home").unwrap();
        found_bias += home.value / f64::from(runs);
        let ordered = |labels: &[String], strength: &Array1<f64>| {
            let mut values = vec![0.0; n];
            labels.iter().zip(strength).for_each(|(l, r)| values[l[1..].parse::<usize>().unwrap()] = *r);
            values
        };
        let both =
            ordered(&data.labels, &fit(&data, &BRADLEY_TERRY, PairOptions::default()).unwrap().log_strength);
        let one = Comparisons::from_tables(&one_order, &Array2::zeros((n, n)));
        let one = fit(&one, &BRADLEY_TERRY, PairOptions::default()).unwrap().log_strength.to_vec();
        for (sum, values) in tau.iter_mut().zip([&grades, &one, &both]) {
            *sum += kendall(values, &quality) / f64::from(runs);
        }
    }
    println!(
        "Kendall's tau of grades, of pairs in one order, in both: {tau:.3?}; bonus of the first, {bias} within an answer: {found_bias:.3}"
    );
    // noise of answers flattens the bonus as it flattens strengths
    assert!(found_bias > 0.2 && found_bias < bias, "{found_bias}");
    assert!(tau[2] > tau[0] && tau[0] > tau[1] + 0.1, "{tau:?}");
}

/// Vectors of words: a latent value times `signal` along one direction, and noise, which is four times as large in the first three
/// coordinates if it is `uneven`.
fn embedded(latent: &[f64], signal: f64, uneven: bool, rng: &mut Rng) -> Array2<f64> {
    let d = 12;
    let axis: Vec<f64> = (0..d).map(|_| sample::normal(rng)).collect();
    let length = axis.iter().map(|x| x * x).sum::<f64>().sqrt();
    Array2::from_shape_fn((latent.len(), d), |(k, l)| {
        let noise = if uneven && l < 3 { 4.0 } else { 1.0 };
        signal * latent[k] * axis[l] / length + noise * sample::normal(rng)
    })
}

#[test]
fn bias_probe_errs_less_than_association_of_words_where_other_directions_are_strong() {
    let (mut rng, runs, train, test) = (stream(10, "probe", &[]), 20, 60, 40);
    let mut errors = Vec::new();
    for (signal, uneven) in [(0.5, false), (1.5, false), (3.0, false), (0.5, true), (1.5, true), (3.0, true)]
    {
        let (mut probe_error, mut weat_error) = (0.0, 0.0);
        for _ in 0..runs {
            let latent: Vec<f64> = (0..train + test).map(|_| sample::normal(&mut rng)).collect();
            let x = embedded(&latent, signal, uneven, &mut rng);
            let mut wins = Array2::<f64>::zeros((train, train));
            for i in 0..train {
                for _ in 0..10 {
                    let j = (i + 1 + sample::index(&mut rng, train - 1)) % train;
                    let first = sample::uniform(&mut rng) < logistic(2.0 * (latent[i] - latent[j]));
                    wins[if first { [i, j] } else { [j, i] }] += 1.0;
                }
            }
            let data = Comparisons::from_tables(&wins, &Array2::zeros((train, train))).into();
            let seen = x.slice(ndarray::s![..train, ..]);
            let options = PairOptions { prior: true, ..PairOptions::default() };
            let found = fit_linear(&data, &BRADLEY_TERRY, seen, options).unwrap();
            let weights = Array1::from_iter(found.coefficients.iter().map(|c| c.0));
            // WEAT: cosines with the words of the ten highest values, less those with the ten lowest
            let mut order: Vec<usize> = (0..train).collect();
            order.sort_by(|a, b| latent[*b].total_cmp(&latent[*a]));
            let cosine = |a: usize, b: usize| {
                let (a, b) = (x.row(a), x.row(b));
                a.dot(&b) / (a.dot(&a) * b.dot(&b)).sqrt()
            };
            let association = |k: usize| {
                let mean = |words: &[usize]| words.iter().map(|w| cosine(k, *w)).sum::<f64>() / 10.0;
                mean(&order[..10]) - mean(&order[train - 10..])
            };
            let (mut probe, mut weat, mut all) = (0.0, 0.0, 0.0);
            for i in train..train + test {
                for j in train..i {
                    let truth = latent[i] - latent[j];
                    let wrong = |score: f64| f64::from(u8::from(score * truth <= 0.0));
                    probe += wrong(x.row(i).dot(&weights) - x.row(j).dot(&weights));
                    weat += wrong(association(i) - association(j));
                    all += 1.0;
                }
            }
            probe_error += probe / all / f64::from(runs);
            weat_error += weat / all / f64::from(runs);
        }
        println!(
            "signal {signal}, uneven {uneven}: pairs of new words the wrong way round, probe {probe_error:.3}, WEAT {weat_error:.3}"
        );
        errors.push((probe_error, weat_error));
    }
    // a mean difference is the best direction where noise has none
    assert!(errors[..3].iter().all(|(probe, weat)| (probe - weat).abs() < 0.04), "{errors:?}");
    assert!(errors[4..].iter().all(|(probe, weat)| *probe < weat - 0.05), "{errors:?}");
    // layers differ by their signal
    assert!(
        errors[..3].windows(2).all(|w| w[1].0 < w[0].0) && errors[3..].windows(2).all(|w| w[1].0 < w[0].0)
    );
}
