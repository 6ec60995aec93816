//! Ratings against the packages that publish them: choix, evalica, trueskill, OpenSpiel.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod golden;

use equipoise_data::{Comparisons, Outcome, Selection, parse_battles, parse_comparisons, parse_rankings};
use equipoise_models::sequential::Pair;
use equipoise_models::{Elo, Fitted, ModelData, Skill, SoftCondorcet, TrueSkill, model};
use golden::{cases, close, numbers, table};
use ndarray::{Array1, Array2};
use serde_json::{Value, json};

fn comparisons(text: &str) -> Comparisons {
    parse_comparisons("d.csv".as_ref(), text.as_bytes(), &Selection::default()).unwrap()
}

fn fitted(name: &str, data: impl Into<ModelData>, options: &Value) -> Fitted {
    model(name).unwrap().fit(&data.into(), options).unwrap()
}

/// Numbers of items named i0, i1, .. in the order of their names.
fn in_order(fitted: &Fitted, values: &[f64]) -> Vec<f64> {
    let place = |i: usize| fitted.labels.iter().position(|l| *l == format!("i{i}")).unwrap();
    (0..fitted.n()).map(|i| values[place(i)]).collect()
}

fn strengths(fitted: &Fitted) -> Vec<f64> {
    in_order(fitted, &fitted.log_strength.as_ref().unwrap().to_vec())
}

fn own(fitted: &Fitted, key: &str) -> Vec<f64> {
    in_order(fitted, &numbers(&fitted.own()[key]))
}

fn all_close(found: &[f64], published: &Value, tolerance: f64, at: &str) {
    let published = numbers(published);
    assert_eq!(found.len(), published.len(), "{at}");
    found.iter().zip(published).for_each(|(a, b)| close(*a, b, tolerance, at));
}

/// `ln x`, of mean 0.
fn logs(values: &[f64]) -> Vec<f64> {
    let logs: Vec<f64> = values.iter().map(|x| x.ln()).collect();
    let mean = logs.iter().sum::<f64>() / logs.len() as f64;
    logs.iter().map(|x| x - mean).collect()
}

#[test]
fn pairs_and_rankings_as_in_choix() {
    for case in cases("ratings/choix.json") {
        let (inputs, outputs) = (&case["inputs"], &case["outputs"]);
        let mut text = String::from("item_a,item_b,outcome\n");
        for pair in table(&inputs["pairs_winner_loser"]) {
            text += &format!("i{},i{},a\n", pair[0], pair[1]);
        }
        let data = comparisons(&text);
        let plain = fitted("bradley-terry", data.clone(), &Value::Null);
        all_close(&strengths(&plain), &outputs["ilsr_pairwise alpha=0"], 1e-12, "ilsr");
        all_close(&strengths(&plain), &outputs["mm_pairwise alpha=0"], 1e-12, "mm");
        all_close(&strengths(&plain), &outputs["opt_pairwise alpha=0"], 1e-7, "opt");
        close(
            plain.log_likelihood.unwrap(),
            outputs["log_likelihood_at_mle"].as_f64().unwrap(),
            1e-12,
            "likelihood",
        );
        for algorithm in ["newman", "zermelo"] {
            let passes = fitted("bradley-terry", data.clone(), &json!({ "algorithm": algorithm }));
            all_close(&strengths(&passes), &outputs["ilsr_pairwise alpha=0"], 1e-9, algorithm);
        }
        let ridge = fitted("ridge-bradley-terry", data.clone(), &json!({ "alpha": 0.1 }));
        all_close(
            &strengths(&ridge),
            &outputs["opt_pairwise alpha=.1 (penalty alpha*|theta|^2)"],
            1e-7,
            "ridge",
        );
        let spectral = fitted("luce-spectral-ranking", data.clone(), &json!({ "alpha": 0.1 }));
        all_close(&strengths(&spectral), &outputs["lsr_pairwise alpha=.1 (one step)"], 1e-12, "lsr");
        let chain = fitted("rank-centrality", data, &Value::Null);
        all_close(&strengths(&chain), &outputs["rank_centrality alpha=0"], 1e-12, "rank centrality");

        let mut text = String::from("ranking\n");
        for ranking in table(&inputs["rankings"]) {
            let names: Vec<String> = ranking.iter().map(|i| format!("i{i}")).collect();
            text += &format!("{}\n", names.join(" > "));
        }
        let rankings = parse_rankings("r.csv".as_ref(), text.as_bytes(), &Selection::default()).unwrap();
        let found = fitted("plackett-luce", rankings, &Value::Null);
        all_close(&strengths(&found), &outputs["ilsr_rankings (Plackett-Luce)"], 1e-11, "rankings");
    }
}

/// Lists of `(items in the order of a ranking)` as a file: `below` joins what is below the first place.
fn orders_text(rankings: &Value, below: &str) -> String {
    let mut text = String::from("ranking\n");
    for ranking in table(rankings) {
        let names: Vec<String> = ranking.iter().map(|i| format!("i{i}")).collect();
        text += &format!("{} > {}\n", names[0], names[1..].join(below));
    }
    text
}

#[test]
fn every_function_of_choix_has_its_way() {
    for (case, more) in cases("ratings/choix.json").iter().zip(cases("ratings/choix_more.json")) {
        let n = more["hyper"]["items"].as_f64().unwrap();
        let outputs = more["outputs"].as_object().unwrap();
        let mut text = String::from("item_a,item_b,outcome\n");
        for pair in table(&case["inputs"]["pairs_winner_loser"]) {
            text += &format!("i{},i{},a\n", pair[0], pair[1]);
        }
        let pairs = comparisons(&text);
        let rankings =
            |text: &str| parse_rankings("r.csv".as_ref(), text.as_bytes(), &Selection::default()).unwrap();
        let whole = rankings(&orders_text(&case["inputs"]["rankings"], " > "));
        // what is below the first choice is in no order
        let first = rankings(&orders_text(&case["inputs"]["rankings"], " = "));
        let mut network = String::from("ranking,weight\n");
        let transitions = table(&more["network"]["transitions"]);
        for one in &transitions {
            let (from, to) = (one[0], one[1]);
            let others = transitions.iter().filter(|t| t[0] == from && t[1] != to);
            let others: Vec<String> = others.map(|t| format!("i{}", t[1])).collect();
            network += &format!("i{to} > {},{}\n", others.join(" = "), one[2]);
        }
        let network = rankings(&network);
        let mut seen = 0;
        for (what, published) in outputs.iter().filter(|(what, _)| !what.starts_with("ep_")) {
            let (function, alpha) = what.split_once(" alpha=").unwrap();
            let alpha: f64 = alpha.parse().unwrap();
            let gamma = |alpha: f64| json!({ "alpha": alpha, "penalty": "gamma" });
            let top = |mut options: Value| {
                options["top"] = json!(1);
                options
            };
            let squares = json!({ "alpha": alpha });
            let spectral = json!({ "alpha": alpha, "algorithm": "spectral" });
            let (found, tolerance) = match function {
                "rank_centrality" => (fitted("rank-centrality", pairs.clone(), &squares), 1e-12),
                "lsr_pairwise" => (fitted("luce-spectral-ranking", pairs.clone(), &squares), 1e-12),
                "ilsr_pairwise" => (fitted("ridge-bradley-terry", pairs.clone(), &gamma(n * alpha)), 1e-11),
                "mm_pairwise" => (fitted("ridge-bradley-terry", pairs.clone(), &gamma(alpha)), 1e-11),
                "opt_pairwise" => (fitted("ridge-bradley-terry", pairs.clone(), &squares), 1e-6),
                "lsr_rankings" => (fitted("plackett-luce", whole.clone(), &spectral), 1e-12),
                "ilsr_rankings" => (fitted("plackett-luce", whole.clone(), &gamma(n * alpha)), 1e-11),
                "mm_rankings" => (fitted("plackett-luce", whole.clone(), &gamma(alpha)), 1e-11),
                "opt_rankings" => (fitted("plackett-luce", whole.clone(), &squares), 1e-6),
                "lsr_top1" => (fitted("plackett-luce", first.clone(), &top(spectral)), 1e-12),
                "ilsr_top1" => (fitted("plackett-luce", first.clone(), &top(gamma(n * alpha))), 1e-11),
                "mm_top1" => (fitted("plackett-luce", first.clone(), &top(gamma(alpha))), 1e-11),
                "opt_top1" => (fitted("plackett-luce", first.clone(), &top(squares)), 1e-6),
                "choicerank" => (fitted("plackett-luce", network.clone(), &top(gamma(alpha))), 1e-11),
                other => panic!("{other} has no way in `equipoise fit`"),
            };
            assert!(found.convergence.converged, "{what}");
            all_close(&strengths(&found), published, tolerance, what);
            seen += 1;
        }
        assert!(seen >= 20, "{seen}");
    }
}

#[test]
fn the_first_places_alone() {
    let read = |text: &str| parse_rankings("r.csv".as_ref(), text.as_bytes(), &Selection::default()).unwrap();
    let text =
        "ranking\ni0 > i1 > i2 > i3\ni1 > i2 > i0 > i3\ni2 > i0 > i3 > i1\ni3 > i0 > i1 > i2\ni0 > i2 > i1\n";
    let whole = read(text);
    let of = |data: &equipoise_data::Rankings, options: Value| {
        strengths(&fitted("plackett-luce", data.clone(), &options))
    };
    // of four items three places are the ranking; one is what the ties say
    assert_eq!(of(&whole, json!({ "top": 3 })), of(&whole, Value::Null));
    assert_eq!(of(&whole, json!({ "top": 9 })), of(&whole, Value::Null));
    let tied = read(&text.replace("i1 > i2 > i3", "i3 = i1 = i2"));
    let one = of(&tied, json!({ "top": 1 }));
    all_close(&one, &json!(of(&whole, json!({ "top": 1 }))), 1e-13, "top 1");
    assert!((one[0] - of(&whole, Value::Null)[0]).abs() > 1e-2);
    // ties in a place that counts, and options that go with nothing
    for (options, message) in [
        (json!({ "top": 2 }), "ranking 1 has tied items"),
        (Value::Null, "ranking 1 has tied items"),
        (json!({ "top": 0 }), "must be at least 1"),
        (json!({ "algorithm": "spectral", "penalty": "gamma" }), "no penalty"),
        (json!({ "alpha": -1.0 }), "at least 0"),
    ] {
        let refused = model("plackett-luce").unwrap().fit(&tied.clone().into(), &options).unwrap_err();
        assert!(refused.to_string().contains(message), "{refused}");
    }
    // one item that won all: with a penalty there is a maximum, and it says which prior that is
    let separated = read("ranking\na > b > c\na > c > b\n");
    let found = fitted("plackett-luce", separated, &json!({ "alpha": 0.5, "penalty": "gamma" }));
    assert!(found.prior && !found.existence.holds() && found.prior_words().contains("gamma"));
}

/// Matches of evalica as rows; with winners and losers exchanged if `turned`.
fn rows(matches: &Value, turned: bool) -> String {
    let mut text = String::from("item_a,item_b,outcome,timestamp\n");
    for (k, one) in matches.as_array().unwrap().iter().enumerate() {
        let outcome = match (one[2].as_str().unwrap(), turned) {
            ("X", false) | ("Y", true) => "a",
            ("Y", false) | ("X", true) => "b",
            _ => "tie",
        };
        text += &format!("i{},i{},{outcome},{k}\n", one[0], one[1]);
    }
    text
}

#[test]
fn matches_as_in_evalica() {
    for case in cases("ratings/evalica.json") {
        let (inputs, outputs) = (&case["inputs"], &case["outputs"]);
        let text = rows(&inputs["matches"], false);
        let data = comparisons(&text);
        let of = |name: &str| fitted(name, data.clone(), &Value::Null);
        all_close(&own(&of("counting"), "score"), &outputs["counting (win 1, tie 1/2)"], 1e-15, "counting");
        let average = own(&of("average-win-rate"), "average_win_rate");
        all_close(&average, &outputs["average_win_rate"], 1e-14, "average win rate");
        let published = logs(&numbers(&outputs["bradley_terry"]));
        all_close(&strengths(&of("bradley-terry")), &json!(published), 1e-12, "bradley-terry");
        // their Newman is the maximum of Davidson's likelihood
        let davidson = of("davidson");
        let published = &outputs["davidson_mle_own"];
        let strength = logs(&numbers(&published["strength_geometric_mean_1"]));
        all_close(&strengths(&davidson), &json!(strength), 1e-11, "davidson");
        // Davidson's own nu is twice what evalica calls v
        let v = davidson.parameters[0].value / 2.0;
        close(v, published["nu"].as_f64().unwrap(), 1e-11, "nu");
        if outputs["newman_converged"].as_bool().unwrap() {
            let strength = logs(&numbers(&outputs["newman"]));
            all_close(&strengths(&davidson), &json!(strength), 1e-6, "newman");
            close(v, outputs["newman_v"].as_f64().unwrap(), 1e-6, "v");
        }
        all_close(&own(&of("pagerank"), "pagerank"), &outputs["pagerank_damping_.85"], 1e-12, "pagerank");
        // theirs is of the transposed matrix: of losses
        let turned = comparisons(&rows(&inputs["matches"], true));
        let eigen = fitted("eigen", turned, &Value::Null);
        assert!(eigen.convergence.converged);
        all_close(&own(&eigen, "eigenvector"), &outputs["eigen"], 1e-12, "eigen");
        let elo = Elo { k: 30.0, start: 1000.0, ..Elo::default() };
        let pairs: Vec<[Pair; 1]> = inputs["matches"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| {
                let outcome = match one[2].as_str().unwrap() {
                    "X" => Outcome::First,
                    "Y" => Outcome::Second,
                    _ => Outcome::Tie,
                };
                let index = |k: usize| one[k].as_u64().unwrap() as u32;
                [Pair { first: index(0), second: index(1), outcome }]
            })
            .collect();
        let matches: Vec<&[Pair]> = pairs.iter().map(|p| &p[..]).collect();
        let n = case["hyper"]["items"].as_u64().unwrap() as usize;
        all_close(&elo.rate(n, matches.iter().copied()), &outputs["elo_k30"], 1e-12, "elo");
        // the registry row, by time
        let battles = parse_battles("d.csv".as_ref(), text.as_bytes(), &Selection::default()).unwrap();
        let row = fitted("elo", battles, &json!({ "k": 30.0, "start": 1000.0 }));
        all_close(&own(&row, "rating"), &outputs["elo_k30"], 1e-12, "elo row");
    }
}

#[test]
fn beliefs_as_in_trueskill() {
    for case in cases("ratings/trueskill.json") {
        let (hyper, inputs, outputs) = (&case["hyper"], &case["inputs"], &case["outputs"]);
        let read = |key: &str| hyper[key].as_f64().unwrap();
        let rule = TrueSkill {
            mu: read("mu"),
            sigma: read("sigma"),
            beta: read("beta"),
            tau: read("tau"),
            draw: read("draw_probability"),
        };
        let n = inputs["players"].as_u64().unwrap() as usize;
        let mut skills = vec![Skill { mu: rule.mu, sigma: rule.sigma }; n];
        let after = table(&outputs["after_each_match_mu_sigma_of_first_then_second"]);
        for (one, after) in inputs["matches"].as_array().unwrap().iter().zip(after) {
            let (i, j) = (one[0].as_u64().unwrap() as usize, one[1].as_u64().unwrap() as usize);
            (skills[i], skills[j]) = rule.update(skills[i], skills[j], one[2].as_bool().unwrap());
            let found = [skills[i].mu, skills[i].sigma, skills[j].mu, skills[j].sigma];
            all_close(&found, &json!(after), 1e-10, "trueskill");
        }
    }
}

#[test]
fn soft_condorcet_as_in_open_spiel() {
    for case in cases("ratings/soft_condorcet.json") {
        let (hyper, outputs) = (&case["hyper"], &case["outputs"]);
        let wins = table(&case["inputs"]["wins"]);
        let n = wins.len();
        let wins = Array2::from_shape_vec((n, n), wins.concat()).unwrap();
        let data = Comparisons::from_tables(&wins, &Array2::zeros((n, n)));
        let read = |key: &str| hyper[key].as_f64().unwrap();
        for (steps, published) in outputs["rating_after"].as_object().unwrap() {
            let options = SoftCondorcet {
                temperature: read("temperature"),
                low: read("lower"),
                high: read("upper"),
                learning_rate: read("learning_rate"),
                steps: steps.parse().unwrap(),
            };
            let found = options.rate(&data);
            all_close(&found.to_vec(), published, 1e-9, &format!("{} {steps}", case["profile"]));
            let (loss, gradient) = options.loss(&data, &found);
            close(loss, outputs["loss_after"][steps].as_f64().unwrap(), 1e-10, "loss");
            for i in 0..n {
                let moved = |s: f64| {
                    let mut r: Array1<f64> = found.clone();
                    r[i] += s;
                    options.loss(&data, &r).0
                };
                close(gradient[i], (moved(1e-4) - moved(-1e-4)) / 2e-4, 1e-8, "gradient");
            }
        }
    }
}

/// Three data sets: counts of a few items with all pairs met both ways.
fn data_sets() -> Vec<Comparisons> {
    let mut sets = Vec::new();
    for (seed, n) in [(1u64, 3usize), (2, 5), (3, 8)] {
        let count = |i: usize, j: usize| 1.0 + ((seed as usize + 7 * i + 3 * j) % 5) as f64;
        let wins = Array2::from_shape_fn((n, n), |(i, j)| if i == j { 0.0 } else { count(i, j) });
        sets.push(Comparisons::from_tables(&wins, &Array2::zeros((n, n))));
    }
    sets
}

#[test]
fn a_second_way_to_every_score() {
    for data in data_sets() {
        let n = data.n();
        let wins = Array2::from_shape_fn((n, n), |(i, j)| if i == j { 0.0 } else { win_count(&data, i, j) });
        // eigenvectors and stationary distributions satisfy their equations
        let x = Array1::from(numbers(&fitted("eigen", data.clone(), &Value::Null).own()["eigenvector"]));
        let image = wins.dot(&x);
        let lambda = image.dot(&x);
        assert!(image.iter().zip(&x).all(|(a, b)| (a - lambda * b).abs() < 1e-11), "{image} {x}");
        let x = Array1::from(numbers(&fitted("pagerank", data.clone(), &Value::Null).own()["pagerank"]));
        for i in 0..n {
            let flow: f64 = (0..n).map(|j| x[j] * wins[[i, j]] / wins.column(j).sum()).sum();
            close(0.85 * flow + 0.15 / n as f64, x[i], 1e-14, "pagerank");
        }
        let balance = |name: &str, rate: &dyn Fn(usize, usize) -> f64| {
            let x = numbers(&fitted(name, data.clone(), &Value::Null).own()["stationary"]);
            for i in 0..n {
                let inflow: f64 = (0..n).filter(|&j| j != i).map(|j| x[j] * rate(j, i)).sum();
                let outflow: f64 = (0..n).filter(|&j| j != i).map(|j| x[i] * rate(i, j)).sum();
                close(inflow, outflow, 1e-14, name);
            }
        };
        balance("rank-centrality", &|i, j| wins[[j, i]] / (wins[[i, j]] + wins[[j, i]]));
        balance("luce-spectral-ranking", &|i, j| wins[[j, i]]);
        // the ridge's maximum: slope of the likelihood is 2 alpha r
        let found = fitted("ridge-bradley-terry", data.clone(), &json!({ "alpha": 0.3 }));
        let r = found.log_strength.as_ref().unwrap();
        for i in 0..n {
            let slope: f64 = (0..n)
                .filter(|&j| j != i)
                .map(|j| wins[[i, j]] - (wins[[i, j]] + wins[[j, i]]) * found.prob(i, j))
                .sum();
            close(slope, 0.6 * r[i], 1e-10, "ridge");
        }
    }
}

fn win_count(data: &Comparisons, i: usize, j: usize) -> f64 {
    let pair = data.pairs.iter().find(|p| (p.i, p.j) == (i.min(j), i.max(j))).unwrap();
    let (won, lost, ties) = pair.outcomes();
    0.5 * ties + if i < j { won } else { lost }
}

#[test]
fn win_rates_of_bradley_terry_give_its_strengths_back() {
    // rank centrality is exact there, counts in proportion to the probabilities
    let r = [0.9, 0.2, -0.4, -0.7f64];
    let wins =
        Array2::from_shape_fn((4, 4), |(i, j)| if i == j { 0.0 } else { 8.0 / (1.0 + (r[j] - r[i]).exp()) });
    let data = Comparisons::from_tables(&wins, &Array2::zeros((4, 4)));
    for name in ["rank-centrality", "luce-spectral-ranking", "bradley-terry"] {
        let found = fitted(name, data.clone(), &Value::Null);
        found.log_strength.as_ref().unwrap().iter().zip(r).for_each(|(a, b)| close(*a, b, 1e-12, name));
    }
}

#[test]
fn what_the_data_leave_open_is_said() {
    // x and y lost to nobody and never met: nothing compares them
    let data = comparisons("item_a,item_b,outcome\nx,z,a\ny,z,a\n");
    for name in ["rank-centrality", "luce-spectral-ranking", "eigen"] {
        let refused = model(name).unwrap().fit(&data.clone().into(), &Value::Null).unwrap_err().to_string();
        assert!(refused.contains("not determined"), "{name}: {refused}");
    }
    let smooth = fitted("luce-spectral-ranking", data.clone(), &json!({ "alpha": 0.5 }));
    assert!((smooth.prob(0, 1) + smooth.prob(1, 0) - 1.0).abs() < 1e-15);
    // an item that won all takes all; of the losers it says nothing
    let data = comparisons("item_a,item_b,outcome\nx,z,a\nx,y,a\ny,z,a\nz,y,a\n");
    let found = fitted("rank-centrality", data, &Value::Null).probability();
    assert_eq!((found[[0, 1]], found[[1, 2]]), (Some(1.0), None));
}
