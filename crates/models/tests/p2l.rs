//! Heads, aggregation and routing against numbers of the published code, closed forms, and other fits.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod golden;

use equipoise_core::{sample, seed::stream};
use equipoise_data::{Comparisons, Outcome};
use equipoise_models::p2l::{
    Event, Head, RouteError, aggregate, aggregate_loss, fit_p2l, route, win_rates_against,
};
use equipoise_models::{
    BRADLEY_TERRY, GROUNDED_RAO_KUPPER, PairModel, PairOptions, RAO_KUPPER, fit, fit_linear,
};
use golden::{cases, close, numbers, table};
use ndarray::{Array2, arr2};

#[test]
fn heads_have_the_published_losses_and_gradients() {
    for case in cases("models/p2l_heads.json") {
        let (inputs, outputs) = (&case["inputs"], &case["outputs"]);
        let coefs = table(&inputs["coefs"]);
        for (key, head, eta) in [
            ("bt", Head::Bt, "eta_rk"),
            ("bt-tie", Head::BtTie, "eta_rk"),
            ("rk", Head::Rk, "eta_rk"),
            ("rk-reparam", Head::RkReparam, "eta"),
            ("grk", Head::Grk, "eta"),
            ("ba", Head::Ba, "eta"),
            ("tie-grk", Head::Grk, "eta"),
            ("tie-bb-grk", Head::Grk, "eta"),
        ] {
            let etas = numbers(&inputs[eta]);
            for (row, coefs) in coefs.iter().enumerate() {
                let pair = table(&inputs["winner_loser"])[row].clone();
                let (winner, loser) = (pair[0] as usize, pair[1] as usize);
                let outcome = match numbers(&inputs["tie"])[row] {
                    0.0 => Outcome::First,
                    1.0 => Outcome::Tie,
                    _ => Outcome::BothBad,
                };
                // the level of "bad" of `ba` is a third input
                let ground = if head == Head::Ba { numbers(&inputs["gamma_ba"])[row] } else { 0.0 };
                let (a, b, eta) = (coefs[winner] - ground, coefs[loser] - ground, etas[row]);
                let found = match key {
                    "tie-grk" => Head::event_loss(Event::Tie, a, b, outcome, eta),
                    "tie-bb-grk" => Head::event_loss(Event::BothBad, a, b, outcome, eta),
                    _ => head.loss(a, b, outcome, eta),
                };
                let published = &outputs[key];
                let at = format!("{key} {row}");
                close(found.value, numbers(&published["loss"])[row], 1e-12, &at);
                let gradient = &table(&published["gradient_coefs"])[row];
                for (i, &g) in gradient.iter().enumerate() {
                    let own = if i == winner {
                        found.first
                    } else if i == loser {
                        found.second
                    } else {
                        0.0
                    };
                    close(own, g, 1e-12, &at);
                }
                if head.has_ties() {
                    close(found.eta, numbers(&published["gradient_eta"])[row], 1e-12, &at);
                }
                // the other way round is the same comparison
                if outcome == Outcome::First && !key.starts_with("tie") {
                    let turned = head.loss(b, a, Outcome::Second, eta);
                    assert_eq!(
                        (turned.value, turned.first, turned.second),
                        (found.value, found.second, found.first)
                    );
                }
            }
        }
        for (key, head, eta) in [
            ("rk_probability", Head::Rk, "eta_rk"),
            ("rk-reparam_probability", Head::RkReparam, "eta"),
            ("grk_probability", Head::Grk, "eta"),
        ] {
            for (row, coefs) in coefs.iter().enumerate() {
                let pair = table(&inputs["winner_loser"])[row].clone();
                let mut eta = numbers(&inputs[eta])[row];
                if head == Head::Rk {
                    eta = Head::released_eta(eta);
                    close(eta, numbers(&outputs[key]["eta_effective"])[row], 1e-13, key);
                }
                let probs = head.probs(coefs[pair[0] as usize], coefs[pair[1] as usize], eta);
                close(probs.iter().sum(), 1.0, 1e-14, key);
                for (k, name) in ["win", "lose", "tie", "both_bad"].into_iter().enumerate() {
                    if let Some(list) = outputs[key].get(name) {
                        // the published remainder is a difference of numbers near 1
                        close(probs[k], numbers(list)[row], 1e-14, key);
                    }
                }
            }
        }
    }
}

#[test]
fn gradients_are_those_of_finite_differences() {
    for head in [Head::Bt, Head::BtTie, Head::Rk, Head::RkReparam, Head::Grk, Head::Ba] {
        for outcome in [Outcome::First, Outcome::Second, Outcome::Tie, Outcome::BothBad] {
            for (a, b, eta) in [(0.3, -0.4, 0.2), (1.5, 1.4, -1.0), (-1.0, 1.2, 0.7)] {
                let eta = if head == Head::Rk { 22.5 + 5.0 * eta } else { eta };
                let at = |da: f64, db: f64, de: f64| head.loss(a + da, b + db, outcome, eta + de).value;
                let (found, h) = (head.loss(a, b, outcome, eta), 1e-5);
                for (own, difference) in [
                    (found.first, at(h, 0.0, 0.0) - at(-h, 0.0, 0.0)),
                    (found.second, at(0.0, h, 0.0) - at(0.0, -h, 0.0)),
                    (found.eta, at(0.0, 0.0, h) - at(0.0, 0.0, -h)),
                ] {
                    close(own, difference / (2.0 * h), 1e-8, &format!("{head:?} {outcome:?}"));
                }
            }
        }
    }
}

#[test]
fn ties_are_possible_iff_t_is_at_least_one_and_the_ground_fades() {
    // at T = 1.000001 a millionth; far above the ground it is Rao-Kupper with theta = T
    let probs = Head::Grk.probs(0.0, 0.0, -800.0);
    assert!(probs[2] > 0.0 && probs[2] < 1e-6, "{probs:?}");
    let far = Head::Grk.probs(41.0, 40.0, 0.3);
    let theta = 0.3f64.exp() + 1.000_001;
    let plain = RAO_KUPPER.probs(1.0, 0.0, 0.0, theta.ln());
    assert!(far.iter().zip(plain).all(|(a, b)| (a - b).abs() < 1e-14), "{far:?} {plain:?}");
    // a tiny tie keeps its digits
    let rare = Head::Rk.probs(0.0, 0.0, 1e-12)[2];
    close(rare / (1e-12f64 / 2.0).tanh() - 1.0, 0.0, 1e-14, "tanh(eta / 2)");
}

#[test]
fn the_aggregate_has_the_published_loss_gradient_and_minimiser() {
    for case in cases("models/p2l_aggregate.json") {
        let (inputs, outputs) = (&case["inputs"], &case["outputs"]);
        let rows = table(&inputs["prompt_coefs"]);
        let prompts = Array2::from_shape_vec((rows.len(), rows[0].len()), rows.concat()).unwrap();
        let (etas, board) = (numbers(&inputs["prompt_eta"]), numbers(&inputs["aggregate_coefs"]));
        let eta = numbers(&inputs["aggregate_eta"])[0];
        let found = aggregate_loss(Head::Bt, prompts.view(), &etas, (&board, eta));
        close(found.loss, outputs["bt_loss"].as_f64().unwrap(), 1e-12, "bt loss");
        for (own, g) in found.gradient.iter().zip(numbers(&outputs["bt_gradient"])) {
            close(*own, g, 1e-12, "bt gradient");
        }
        let found = aggregate_loss(Head::Grk, prompts.view(), &etas, (&board, eta));
        close(found.loss, outputs["grk_loss"].as_f64().unwrap(), 1e-12, "grk loss");
        for (own, g) in found.gradient.iter().zip(numbers(&outputs["grk_gradient_coefs"])) {
            close(*own, g, 1e-12, "grk gradient");
        }
        close(found.gradient_eta, numbers(&outputs["grk_gradient_eta"])[0], 1e-12, "grk eta");
        let least = aggregate(prompts.view()).unwrap();
        for (own, x) in least.iter().zip(numbers(&outputs["bt_minimiser_mean_zero"])) {
            close(*own, x, 1e-11, "minimiser");
        }
        // the order of the mean win rates over all opponents, and a stationary point (of the loss without 1e-9 inside)
        let at = aggregate_loss(Head::Bt, prompts.view(), &etas, (least.as_slice().unwrap(), 0.0));
        assert!(at.gradient.iter().all(|g| g.abs() < 1e-8), "{}", at.gradient);
    }
}

#[test]
fn the_router_solves_the_published_programs_and_so_do_their_vertices() {
    for case in cases("models/p2l_router.json") {
        let (inputs, outputs) = (&case["inputs"], &case["outputs"]);
        let read = |key: &str| numbers(&inputs[key]);
        let (coefs, cost) = (read("coefs"), read("cost"));
        let rates = win_rates_against(&coefs, &read("opponent_coefs"), &read("opponent_distribution"));
        for (own, x) in rates.iter().zip(numbers(&outputs["win_rate"])) {
            close(*own, x, 1e-15, "win rate");
        }
        for solution in outputs["solutions"].as_array().unwrap() {
            let budget = solution["budget"].as_f64().unwrap();
            for (key, values) in [("optimal_lp", rates.to_vec()), ("simple_lp", coefs.clone())] {
                let found = route(&values, &cost, budget).unwrap();
                close(found.value, solution[key]["value"].as_f64().unwrap(), 1e-12, key);
                assert!(found.cost <= budget + 1e-12 && (found.policy.sum() - 1.0).abs() < 1e-14);
                assert!(found.policy.iter().filter(|p| **p > 1e-12).count() <= 2);
                for (own, x) in found.policy.iter().zip(numbers(&solution[key]["p"])) {
                    close(*own, x, 1e-9, key);
                }
                close(found.value, by_vertices(&values, &cost, budget), 1e-12, "vertices");
            }
        }
        let cheapest = cost.iter().copied().fold(f64::INFINITY, f64::min);
        let refused = route(&coefs, &cost, cheapest - 0.1).unwrap_err();
        assert!(matches!(refused, RouteError::Budget { .. }), "{refused}");
    }
    assert!(matches!(route(&[1.0], &[f64::NAN], 1.0).unwrap_err(), RouteError::Shape { .. }));
}

/// The best of one or two models whose cost keeps the budget.
fn by_vertices(values: &[f64], costs: &[f64], budget: f64) -> f64 {
    let mut best = f64::NEG_INFINITY;
    for i in 0..values.len() {
        if costs[i] <= budget {
            best = best.max(values[i]);
        }
        for j in 0..values.len() {
            if costs[i] < budget && costs[j] > budget {
                let p = (budget - costs[i]) / (costs[j] - costs[i]);
                best = best.max(p * values[j] + (1.0 - p) * values[i]);
            }
        }
    }
    best
}

/// Counts of `contexts` contexts from strengths linear in features, with ties and both bad by the head `grk`.
fn drawn(seed: u64, contexts: usize, n: usize, met: usize) -> (Vec<Comparisons>, Array2<f64>) {
    let mut rng = stream(seed, "p2l", &[]);
    let truth = Array2::from_shape_fn((3, n), |_| sample::normal(&mut rng));
    let z = Array2::from_shape_fn((contexts, 2), |_| 2.0 * sample::uniform(&mut rng) - 1.0);
    let groups = z.rows().into_iter().map(|z| {
        let r = |i: usize| truth[[0, i]] + z[0] * truth[[1, i]] + z[1] * truth[[2, i]];
        let mut text = String::from("item_a,item_b,outcome\n");
        for i in 0..n {
            for j in i + 1..n {
                for _ in 0..met {
                    let p = Head::Grk.probs(r(i), r(j), 0.4 * z[0] - 0.2);
                    let u = sample::uniform(&mut rng);
                    let outcome = (0..3).find(|&k| u < p[..=k].iter().sum()).unwrap_or(3);
                    text += &format!("m{i},m{j},{}\n", ["a", "b", "tie", "both_bad"][outcome]);
                }
            }
        }
        equipoise_data::parse_comparisons("d.csv".as_ref(), text.as_bytes(), &Default::default()).unwrap()
    });
    (groups.collect(), z)
}

#[test]
fn without_features_every_head_is_the_model_of_pairs_it_is_made_of() {
    for (seed, n) in [(1, 3), (2, 4), (3, 6)] {
        let (groups, _) = drawn(seed, 12, n, 3);
        let pooled = Comparisons::sum(groups.iter().map(|g| (g, 1.0)));
        let none = Array2::zeros((12, 0));
        let pairs: [(Head, &'static PairModel, f64); 3] = [
            (Head::BtTie, &BRADLEY_TERRY, 1e-10),
            (Head::Rk, &RAO_KUPPER, 1e-8),
            // T = e^x + 1.000001 here, e^x + 1 there
            (Head::Grk, &GROUNDED_RAO_KUPPER, 1e-8),
        ];
        for (head, model, tolerance) in pairs {
            let own = fit_p2l(head, &groups, none.view(), false).unwrap();
            let other = fit(&pooled, model, PairOptions::default()).unwrap();
            assert!(own.exists && own.converged && !own.prior && !other.prior, "{head:?}");
            for i in 0..n {
                // the other is centred, its origin kept apart
                let mean = own.coefficients.row(0).mean().unwrap();
                close(
                    own.coefficients[[0, i]] - mean,
                    other.log_strength[i],
                    tolerance,
                    &format!("{head:?}"),
                );
                if head.shift_invariant() {
                    close(
                        own.standard_error[[0, i]],
                        other.standard_error()[i],
                        tolerance,
                        &format!("{head:?}"),
                    );
                }
            }
            close(own.log_likelihood, other.log_likelihood, 1e-9, &format!("{head:?}"));
            assert!((own.p_value().unwrap() - 1.0).abs() < 1e-12);
        }
        // rao-kupper and the head rk name one tie parameter in two ways
        let own = fit_p2l(Head::Rk, &groups, none.view(), false).unwrap();
        let theta = fit(&pooled, &RAO_KUPPER, PairOptions::default()).unwrap().parameters[0].value;
        close(own.eta(&[]), theta.ln(), 1e-8, "theta = e^eta");
    }
}

#[test]
fn features_of_items_times_contexts_in_one_linear_fit_are_the_second_way() {
    // every item of every context by itself, with the products of indicators and features as its features: another fit, the same model
    for (seed, n) in [(4, 3), (5, 4), (6, 5)] {
        let (groups, z) = drawn(seed, 40, n, 4);
        let own = fit_p2l(Head::BtTie, &groups, z.view(), false).unwrap();
        let (contexts, rows) = (groups.len(), z.ncols() + 1);
        let mut wins = Array2::<f64>::zeros((contexts * n, contexts * n));
        for (k, group) in groups.iter().enumerate() {
            for pair in &group.pairs {
                let (won, lost) = pair.scores();
                (wins[[k * n + pair.i, k * n + pair.j]], wins[[k * n + pair.j, k * n + pair.i]]) =
                    (won, lost);
            }
        }
        let none = Array2::zeros(wins.raw_dim());
        // item 0 is the origin
        let product = |(item, column): (usize, usize)| {
            let ((k, i), (f, j)) = ((item / n, item % n), (column / (n - 1), column % (n - 1) + 1));
            if i == j { if f == 0 { 1.0 } else { z[[k, f - 1]] } } else { 0.0 }
        };
        let features = Array2::from_shape_fn((contexts * n, rows * (n - 1)), product);
        let data = Comparisons::from_tables(&wins, &none).into();
        let other = fit_linear(&data, &BRADLEY_TERRY, features.view(), PairOptions::default()).unwrap();
        for (f, i) in (0..rows).flat_map(|f| (1..n).map(move |i| (f, i))) {
            let difference = own.coefficients[[f, i]] - own.coefficients[[f, 0]];
            close(difference, other.coefficients[f * (n - 1) + i - 1].0, 1e-8, &format!("{seed} {f} {i}"));
        }
        close(own.log_likelihood, other.log_likelihood, 1e-8, "log-likelihood");
        let pooled = Comparisons::sum(groups.iter().map(|g| (g, 1.0)));
        let one = fit(&pooled, &BRADLEY_TERRY, PairOptions::default()).unwrap();
        close(own.marginal_log_likelihood, one.log_likelihood, 1e-9, "one board");
        for head in [Head::Rk, Head::RkReparam, Head::Grk, Head::Ba] {
            let found = fit_p2l(head, &groups, z.view(), false).unwrap();
            assert!(found.exists && found.converged, "{head:?}");
            assert!(found.log_likelihood > found.marginal_log_likelihood + 1.0, "{head:?}");
        }
    }
}

#[test]
fn units_of_features_do_not_matter_and_those_that_say_nothing_are_named() {
    let (groups, z) = drawn(5, 40, 4, 4);
    let k = z.ncols();
    // other units and origins; then a constant and a combination beside them
    let (unit, origin) = (|f: usize| [1e6, 1e-5][f % 2], |f: usize| [3e7, 2.0][f % 2]);
    let moved = Array2::from_shape_fn((z.nrows(), k + 2), |(x, f)| match f {
        0 => 4.0,
        f if f <= k => origin(f - 1) + unit(f - 1) * z[[x, f - 1]],
        _ => 1.0 - 2.0 * z[[x, 0]],
    });
    for (head, prior) in [(Head::BtTie, false), (Head::Grk, false), (Head::BtTie, true), (Head::Rk, true)] {
        let plain = fit_p2l(head, &groups, z.view(), prior).unwrap();
        let found = fit_p2l(head, &groups, moved.view(), prior).unwrap();
        assert_eq!(
            (found.exists, found.prior, found.converged),
            (plain.exists, plain.prior, true),
            "{head:?}"
        );
        assert_eq!(found.degrees_of_freedom, plain.degrees_of_freedom);
        assert_eq!(found.free_parameters(), plain.free_parameters());
        close(found.log_likelihood, plain.log_likelihood, 1e-8, "log-likelihood");
        let left: Vec<usize> = found.left_out.iter().map(|l| l.feature).collect();
        assert_eq!(left, [0, k + 1], "{head:?}");
        assert_eq!(found.why_left_out(k + 1).unwrap().combination_of, [1], "{head:?}");
        for x in 0..z.nrows() {
            let (a, b) = (plain.strengths(&z.row(x).to_vec()), found.strengths(&moved.row(x).to_vec()));
            (0..4).for_each(|i| close(a[i], b[i], 1e-5, "strengths"));
            close(plain.eta(&z.row(x).to_vec()), found.eta(&moved.row(x).to_vec()), 1e-5, "eta");
        }
        for f in 0..k {
            for i in 0..4 {
                let (a, b) = (plain.coefficients[[f + 1, i]], found.coefficients[[f + 2, i]]);
                close(a, b * unit(f), 1e-6, "coefficients");
                let (a, b) = (plain.standard_error[[f + 1, i]], found.standard_error[[f + 2, i]]);
                close(a, b * unit(f), 1e-6, "errors");
            }
        }
    }
}

#[test]
fn what_does_not_determine_the_strengths_is_held_back_by_the_prior() {
    let table = |wins: [[f64; 2]; 2]| Comparisons::from_tables(&arr2(&wins), &Array2::zeros((2, 2)));
    let split = [table([[0.0, 5.0], [0.0, 0.0]]), table([[0.0, 0.0], [5.0, 0.0]])];
    let sign = arr2(&[[1.0], [-1.0]]);
    let found = fit_p2l(Head::BtTie, &split, sign.view(), false).unwrap();
    assert!(!found.exists && found.prior && found.converged && found.p_value().is_none());
    // no tie was seen: the tie parameter has no maximum
    let decided = [table([[0.0, 5.0], [3.0, 0.0]])];
    for head in [Head::Rk, Head::RkReparam, Head::Grk, Head::Ba] {
        let found = fit_p2l(head, &decided, Array2::zeros((1, 0)).view(), false).unwrap();
        assert!(!found.exists && found.prior && found.converged, "{head:?}");
        assert!(found.log_likelihood.is_finite() && found.coefficients.iter().all(|x| x.is_finite()));
    }
    // all ties: bt has nothing, bt-tie has a draw
    let ties = [Comparisons::from_tables(&Array2::zeros((2, 2)), &arr2(&[[0.0, 4.0], [4.0, 0.0]]))];
    let none = Array2::zeros((1, 0));
    let refused = fit_p2l(Head::Bt, &ties, none.view(), false).unwrap_err();
    assert_eq!(refused, equipoise_models::FitError::OnlyTies);
    let drawn = fit_p2l(Head::BtTie, &ties, none.view(), false).unwrap();
    assert!(drawn.exists && drawn.coefficients.iter().all(|x| x.abs() < 1e-12));
}
