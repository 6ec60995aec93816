//! Strengths that change in time, against the generic optimiser.

use equipoise_core::logistic::log_sigmoid;
use equipoise_core::seed::stream;
use serde_json::json;

use crate::sets::*;

/// Four items on four days: a normal step from a day to the next, half a win and half a loss against an item of strength 0 a virtual game.
pub(crate) fn whole_history(sets: &mut Sets) {
    for (set, drift, half) in [(0, 0.3, 1.5), (1, 0.5, 1.0), (2, 1.0, 0.5)] {
        let mut rows = judgements(set > 0, &mut stream(set, "second way histories", &[]));
        rows.iter_mut().enumerate().for_each(|(k, row)| row.day = 1 + [0, 2, 3, 6][k % 4]);
        let options = json!({ "wiener_variance": drift, "virtual_games": 2.0 * half });
        let found = sets.fit(&one_by_one(&rows), &options);
        let own = found.own();
        let mut ratings: Vec<(String, usize, f64)> = Vec::new();
        for rating in own["ratings"].as_array().unwrap() {
            let day = (rating["time"].as_f64().unwrap() / 86_400.0).round() as usize;
            let label = rating["label"].as_str().unwrap().to_owned();
            ratings.push((label, day, rating["log_strength"].as_f64().unwrap()));
        }
        ratings.sort_by(|a, b| (&a.0, a.1).cmp(&(&b.0, b.1)));
        let of = |i: usize, day: usize| {
            ratings.iter().position(|(label, at, _)| *label == format!("i{i}") && *at == day).unwrap()
        };
        let games: Vec<(usize, usize, f64)> =
            rows.iter().map(|row| (of(row.i, row.day), of(row.j, row.day), row.score)).collect();
        let value = |x: &[f64]| -> f64 {
            let mut value: f64 =
                games.iter().map(|&(a, b, score)| halves(score, x[a] - x[b], log_sigmoid)).sum();
            for k in 0..x.len() {
                match k.checked_sub(1).filter(|&before| ratings[before].0 == ratings[k].0) {
                    None => value += half * (log_sigmoid(x[k]) + log_sigmoid(-x[k])),
                    Some(before) => {
                        let days = (ratings[k].1 - ratings[before].1) as f64;
                        value -= 0.5 * (x[k] - x[before]).powi(2) / (drift * days);
                    }
                }
            }
            value
        };
        let best = generic_maximum(value, vec![0.0; ratings.len()]);
        let fitted: Vec<f64> = ratings.iter().map(|r| r.2).collect();
        sets.same("log strengths", &fitted, &best, 1e-6);
    }
}
