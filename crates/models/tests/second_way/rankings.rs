//! Models of rankings, against the generic optimiser of a likelihood that is written here once more.

use std::path::Path;

use equipoise_core::logistic::log_sigmoid;
use equipoise_core::{Rng, sample, seed::stream};
use equipoise_data::{Selection, parse_rankings};
use equipoise_models::ModelData;
use serde_json::{Value, json};

use crate::sets::*;

type Ranking = Vec<Vec<usize>>;

/// Rankings of three or four items as groups of tied ones, at most two in each.
fn rankings(ties: bool, rng: &mut Rng) -> Vec<Ranking> {
    let mut all = Vec::new();
    for first in 0..ITEMS {
        for _ in 0..12 {
            let mut items: Vec<usize> = (0..ITEMS).collect();
            (0..ITEMS).for_each(|k| items.swap(k, k + sample::index(rng, ITEMS - k)));
            items.truncate(3 + sample::index(rng, 2));
            if sample::uniform(rng) < 0.3 {
                items.retain(|&i| i != first);
                items.insert(0, first);
            }
            let mut groups: Ranking = items.iter().map(|&i| vec![i]).collect();
            if ties && sample::uniform(rng) < 0.4 {
                let at = sample::index(rng, groups.len() - 1);
                let other = groups.remove(at + 1);
                groups[at].extend(other);
            }
            all.push(groups);
        }
    }
    all
}

fn ranked(all: &[Ranking]) -> ModelData {
    let mut text = String::from("ranking\n");
    for groups in all {
        let group = |g: &Vec<usize>| g.iter().map(|i| format!("i{i}")).collect::<Vec<_>>().join(" = ");
        text += &format!("{}\n", groups.iter().map(group).collect::<Vec<_>>().join(" > "));
    }
    parse_rankings(Path::new("r.csv"), text.as_bytes(), &Selection::default()).unwrap().into()
}

/// A likelihood that is a sum over rankings without ties, the first strength held at 0.
fn maximised(sets: &mut Sets, log_prob: impl Fn(&[usize], &[f64]) -> f64) {
    for set in 0..3 {
        let all = rankings(false, &mut stream(set, "second way rankings", &[]));
        let found = sets.fit(&ranked(&all), &Value::Null);
        assert!(found.existence.holds() && !found.prior);
        let value = |x: &[f64]| -> f64 {
            let r = [&[0.0], x].concat();
            all.iter().map(|groups| log_prob(&groups.concat(), &r)).sum()
        };
        let free = generic_maximum(value, vec![0.0; ITEMS - 1]);
        sets.same("strengths", &strengths(&found), &centred([&[0.0], &free[..]].concat()), 1e-6);
    }
}

fn choice(order: &[usize], k: usize, r: &[f64]) -> f64 {
    r[order[k]] - order[k..].iter().map(|&i| r[i].exp()).sum::<f64>().ln()
}

pub(crate) fn plackett_luce(sets: &mut Sets) {
    maximised(sets, |order, r| (0..order.len()).map(|k| choice(order, k, r)).sum());
    // the first of all that were ranked, with a gamma prior
    for set in 0..3 {
        let all = rankings(false, &mut stream(set, "second way rankings", &[]));
        let value = |r: &[f64]| -> f64 {
            let first = |groups: &Ranking| choice(&groups.concat(), 0, r);
            all.iter().map(first).sum::<f64>() + 0.7 * r.iter().map(|x| x - x.exp()).sum::<f64>()
        };
        let found = sets.fit(&ranked(&all), &json!({ "top": 1, "alpha": 0.7, "penalty": "gamma" }));
        sets.same("top", &strengths(&found), &centred(generic_maximum(value, vec![0.0; ITEMS])), 1e-6);
    }
}

pub(crate) fn split(sets: &mut Sets) {
    maximised(sets, |order, r| {
        let later = |k: usize| order[k + 1..].iter().map(|&j| log_sigmoid(r[order[k]] - r[j])).sum::<f64>();
        (0..order.len()).map(later).sum()
    });
}

/// Choices of one or of two tied ones, of what is left; all subsets by enumeration; d_2 = e^x.
pub(crate) fn davidson_luce(sets: &mut Sets) {
    for set in 0..3 {
        let all = rankings(true, &mut stream(set, "second way tied rankings", &[]));
        let value = |x: &[f64]| -> f64 {
            let r = [&[0.0], &x[..ITEMS - 1]].concat();
            let d = x[ITEMS - 1].exp();
            let mut value = 0.0;
            for groups in &all {
                for k in 0..groups.len() {
                    let left = groups[k..].concat();
                    let mut total: f64 = left.iter().map(|&i| r[i].exp()).sum();
                    for (p, &i) in left.iter().enumerate() {
                        total += left[p + 1..].iter().map(|&j| d * (0.5 * (r[i] + r[j])).exp()).sum::<f64>();
                    }
                    let chosen = match groups[k][..] {
                        [i] => r[i],
                        [i, j] => d.ln() + 0.5 * (r[i] + r[j]),
                        _ => unreachable!("groups of one or two"),
                    };
                    value += chosen - total.ln();
                }
            }
            value
        };
        let found = sets.fit(&ranked(&all), &Value::Null);
        let best = generic_maximum(value, vec![0.0; ITEMS]);
        sets.same("strengths", &strengths(&found), &centred([&[0.0], &best[..ITEMS - 1]].concat()), 1e-6);
        let own = found.own();
        let all = own["tie_parameters"].as_array().unwrap();
        let d = all.iter().find(|t| t["size"] == 2).unwrap()["d"].as_f64().unwrap();
        sets.same("d", &[d], &[best[ITEMS - 1].exp()], 1e-6);
    }
}
